package calendar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// complete makes a meeting what it is to be before its consequences are worked out: a delegate's new meeting gets the owner as its
// organizer, and invited groups get their members. It returns p itself when there is nothing to do.
func (u *unit) complete(ctx context.Context, who, owner *storage.Principal, p *parsed, oldCal *ical.Component) (*parsed, error) {
	if !isScheduled(p.cal) {
		return p, nil
	}
	cal, err := u.ownOrganizer(ctx, who, owner, p, oldCal)
	if err != nil {
		return nil, err
	}
	if u.people.own(owner)(itip.Organizer(cal)) {
		if cal, err = u.expandGroups(ctx, cal, oldCal); err != nil {
			return nil, err
		}
	}
	if cal == p.cal {
		return p, nil
	}
	q, err := u.s.checkComponent(cal)
	if err != nil {
		return nil, err
	}
	return q, u.include(ctx, owner, cal)
}

// Bounds of groups.
const (
	maxGroupDepth = 5
)

// expandGroups gives a component the members of the groups that are new in it, each as an ATTENDEE with MEMBER (RFC 5545 section
// 3.2.11), and takes those out again whose group the organizer has taken out. Who is a member later or no longer is told by
// [Service.ChangeGroup]; whom the organizer takes out stays out.
func (u *unit) expandGroups(ctx context.Context, cal, oldCal *ical.Component) (*ical.Component, error) {
	if !u.hasGroups(cal) && !u.hasGroups(oldCal) {
		return cal, nil
	}
	out := cal.Clone()
	changed := false
	for c := range out.Main() {
		before := u.groupsBefore(oldCal, c.Value("RECURRENCE-ID"))
		now := u.groupsIn(c)
		for id, line := range now {
			if before[id] != nil || !byServer(line) {
				continue
			}
			members, err := u.members(ctx, id, 0, map[int64]bool{})
			if err != nil {
				return nil, err
			}
			line.SetParam("CUTYPE", "GROUP")
			changed = true
			for _, m := range members {
				u.invite(c, line, m)
			}
		}
		for id, line := range before {
			if now[id] == nil && c.RemoveFunc(func(p *ical.Property) bool { return leaves(p, ical.Address(line.Value())) }) > 0 {
				changed = true
			}
		}
	}
	if !changed {
		return cal, nil
	}
	limit := u.s.Limit().Attendees
	for c := range out.Main() {
		n := 0
		for range c.All("ATTENDEE") {
			n++
		}
		if n > limit {
			return nil, Errorf(TooManyAttendees, "with the members of its groups the meeting has more than %d attendees", limit)
		}
	}
	return out, nil
}

// byServer reports whether the server schedules for an ATTENDEE (RFC 6638 section 7.1).
func byServer(p *ical.Property) bool {
	a := p.Param("SCHEDULE-AGENT")
	return a == "" || a == "SERVER" || a == "server"
}

func (u *unit) hasGroups(cal *ical.Component) bool {
	if cal == nil {
		return false
	}
	for c := range cal.Main() {
		if len(u.groupsIn(c)) > 0 {
			return true
		}
	}
	return false
}

// groupsIn returns the ATTENDEEs of a component that are groups here, by id.
func (u *unit) groupsIn(c *ical.Component) map[int64]*ical.Property {
	var list map[int64]*ical.Property
	for p := range c.All("ATTENDEE") {
		if g := u.people.of(p.Value()); g != nil && g.Kind == storage.Group {
			if list == nil {
				list = map[int64]*ical.Property{}
			}
			list[g.ID] = p
		}
	}
	return list
}

// groupsBefore returns the groups that an instance, "" for the series, had: of its component, else of the series.
func (u *unit) groupsBefore(old *ical.Component, id string) map[int64]*ical.Property {
	if old == nil {
		return nil
	}
	var series map[int64]*ical.Property
	for c := range old.Main() {
		switch c.Value("RECURRENCE-ID") {
		case id:
			return u.groupsIn(c)
		case "":
			series = u.groupsIn(c)
		}
	}
	return series
}

// members returns who is in a group, and in groups in it, each once.
func (u *unit) members(ctx context.Context, group int64, depth int, seen map[int64]bool) ([]storage.Member, error) {
	if seen[group] || depth > maxGroupDepth {
		return nil, nil
	}
	seen[group] = true
	list, err := u.tx.GroupMembers(ctx, group)
	if err != nil {
		return nil, err
	}
	var out []storage.Member
	for _, m := range list {
		switch {
		case m.Kind == storage.Group:
			more, err := u.members(ctx, m.ID, depth+1, seen)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		case !seen[m.ID] && m.Address != "":
			seen[m.ID] = true
			out = append(out, m)
		}
	}
	return out, nil
}

// invite adds a member of the group to a component, unless they are in it already.
func (u *unit) invite(c *ical.Component, group *ical.Property, m storage.Member) bool {
	mine := func(address string) bool {
		q := u.people.of(address)
		return q != nil && q.ID == m.ID || ical.Address(address) == m.Address
	}
	if o := c.Prop("ORGANIZER"); o != nil && mine(o.Value()) {
		return false
	}
	of := ical.Address(group.Value())
	for p := range c.All("ATTENDEE") {
		if mine(p.Value()) {
			if list := p.ParamValues("MEMBER"); len(list) > 0 && !slices.ContainsFunc(list, func(v string) bool { return ical.Address(v) == of }) {
				p.SetParam("MEMBER", append(slices.Clone(list), group.Value())...)
			}
			return false
		}
	}
	p := ical.NewProperty("ATTENDEE", m.Address)
	if m.DisplayName != "" {
		p.SetParam("CN", m.DisplayName)
	}
	switch m.Kind {
	case storage.Room:
		p.SetParam("CUTYPE", "ROOM")
	case storage.Resource:
		p.SetParam("CUTYPE", "RESOURCE")
	}
	if role := group.Param("ROLE"); role != "" {
		p.SetParam("ROLE", role)
	}
	p.SetParam("MEMBER", group.Value())
	p.SetParam("PARTSTAT", "NEEDS-ACTION")
	p.SetParam("RSVP", "TRUE")
	c.Add(p)
	return true
}

// leaves takes a group out of an attendee's MEMBER, and reports whether that was what they were invited for.
func leaves(p *ical.Property, group string) bool {
	if p.Name() != "ATTENDEE" {
		return false
	}
	list := p.ParamValues("MEMBER")
	rest := slices.DeleteFunc(slices.Clone(list), func(v string) bool { return ical.Address(v) == group })
	switch {
	case len(rest) == len(list):
		return false
	case len(rest) == 0:
		return true
	}
	p.SetParam("MEMBER", rest...)
	return false
}

// noteGroups keeps which groups a meeting invites, so that their new members find it.
func (u *unit) noteGroups(ctx context.Context, owner *storage.Principal, row *storage.Object, cal, oldCal *ical.Component) error {
	ids := func(cal *ical.Component) (list []int64) {
		if cal == nil || !u.people.is(owner)(itip.Organizer(cal)) {
			return nil
		}
		for c := range cal.Main() {
			for id := range u.groupsIn(c) {
				list = append(list, id)
			}
		}
		slices.Sort(list)
		return slices.Compact(list)
	}
	now := ids(cal)
	if slices.Equal(now, ids(oldCal)) {
		return nil
	}
	return u.tx.SetGroups(ctx, row.Owner, row.ID, now)
}

// groupChange is the payload of a GroupJob.
type groupChange struct {
	Joined []int64 `json:"joined,omitempty"`
	Left   []int64 `json:"left,omitempty"`
}

// ChangeGroup adds and removes direct members of a group. A job brings who joins into the group's future meetings, and takes who
// leaves out of them; so it does with the invitations into calendars that are shared with the group. Members of groups in the group follow when that group changes.
func (s *Service) ChangeGroup(ctx context.Context, group *storage.Principal, add, remove []int64) error {
	if group.Kind != storage.Group {
		return Errorf(BadRequest, "%s is no group", group.Name)
	}
	return s.update(ctx, group.ID, &people{}, func(u *unit) error {
		have, err := u.tx.Members(ctx, group.ID)
		if err != nil {
			return fmt.Errorf("members: %w", err)
		}
		var ch groupChange
		list := have
		for _, id := range add {
			if id != group.ID && !slices.Contains(list, id) {
				list = append(list, id)
				ch.Joined = append(ch.Joined, id)
			}
		}
		for _, id := range remove {
			if i := slices.Index(list, id); i >= 0 {
				list = slices.Delete(list, i, i+1)
				ch.Left = append(ch.Left, id)
			}
		}
		if len(ch.Joined)+len(ch.Left) == 0 {
			return nil
		}
		if err := u.tx.SetMembers(ctx, group.ID, list); err != nil {
			return fmt.Errorf("set members: %w", err)
		}
		j := &storage.Job{Owner: group.ID, Kind: scheduling.GroupJob}
		if j.Payload, err = json.Marshal(ch); err != nil {
			return err
		}
		return u.queue(ctx, j)
	})
}

// changeMeetings carries out a GroupJob, for meetings and for calendars that are shared with the group: each meeting is a transaction of its own, and one that is right already is not touched.
func (s *Service) changeMeetings(ctx context.Context, j *storage.Job) error {
	var ch groupChange
	if err := json.Unmarshal(j.Payload, &ch); err != nil {
		return fmt.Errorf("payload of job %d/%d: %w", j.Owner, j.ID, err)
	}
	// The group may be in other groups, whose meetings it is in as well.
	groups, seen := []int64{j.Owner}, map[int64]bool{j.Owner: true}
	for i := 0; i < len(groups); i++ {
		outer, err := s.Store.GroupsOf(ctx, groups[i])
		if err != nil {
			return fmt.Errorf("groups: %w", err)
		}
		for _, g := range outer {
			if !seen[g] {
				seen[g] = true
				groups = append(groups, g)
			}
		}
	}
	for _, g := range groups {
		meetings, err := s.Store.GroupMeetings(ctx, g)
		if err != nil {
			return err
		}
		for _, m := range meetings {
			if err := s.changeMeeting(ctx, g, m, ch); err != nil {
				return err
			}
		}
		if err := s.alignShares(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) changeMeeting(ctx context.Context, group int64, m storage.GroupMeeting, ch groupChange) error {
	err := s.update(ctx, m.Owner, &people{}, func(u *unit) error {
		old, err := u.tx.ObjectByID(ctx, m.Owner, m.Object)
		if errors.Is(err, storage.ErrNotFound) {
			return u.tx.SetGroups(ctx, m.Owner, m.Object, nil)
		}
		if err != nil {
			return fmt.Errorf("object: %w", err)
		}
		owner, err := u.tx.PrincipalByID(ctx, m.Owner)
		if err != nil {
			return fmt.Errorf("principal: %w", err)
		}
		oldCal, err := u.oldMeeting(ctx, old, owner, false)
		if err != nil || oldCal == nil {
			return err
		}
		if old.Last != storage.MaxTime && old.Last < u.now.UnixMicro() {
			return nil
		}
		cal, err := u.withMembers(ctx, group, oldCal, ch)
		if err != nil || cal == nil {
			return err
		}
		if err := u.include(ctx, owner, cal); err != nil {
			return err
		}
		if err := u.findCopies(ctx, owner.ID, old.UID); err != nil {
			return err
		}
		p, err := u.s.checkComponent(cal)
		if err != nil {
			return err
		}
		home, err := u.home(ctx, owner.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(home, func(c *storage.Calendar) bool { return c.ID == old.Calendar })
		if i < 0 || home[i].OwnClient {
			return nil
		}
		_, _, err = u.save(ctx, change{owner: owner, calendar: home[i], name: old.Name, old: old, oldCal: oldCal, p: p, text: cal.CRLF()})
		return err
	})
	if KindOf(err) == NotFound {
		return nil // the organizer is gone
	}
	return err
}

// withMembers returns the meeting with those in it who joined, and without those who left; nil when that changes nothing. Who came
// back, or left and is in the group another way, is as they are now.
func (u *unit) withMembers(ctx context.Context, group int64, old *ical.Component, ch groupChange) (*ical.Component, error) {
	members, err := u.members(ctx, group, 0, map[int64]bool{})
	if err != nil {
		return nil, err
	}
	left, err := u.tx.PrincipalsByID(ctx, ch.Left)
	if err != nil {
		return nil, err
	}
	in := map[int64]bool{}
	for _, m := range members {
		in[m.ID] = true
	}
	joined := map[int64]bool{}
	for _, id := range ch.Joined {
		joined[id] = true
		// Of a group that joined, all members did.
		more, err := u.members(ctx, id, 0, map[int64]bool{})
		if err != nil {
			return nil, err
		}
		for _, m := range more {
			joined[m.ID] = true
		}
	}
	out := map[int64]bool{}
	for _, p := range left {
		out[p.ID] = true
		if p.Kind != storage.Group {
			continue
		}
		more, err := u.members(ctx, p.ID, 0, map[int64]bool{})
		if err != nil {
			return nil, err
		}
		for _, m := range more {
			out[m.ID] = true
		}
	}
	cal := old.Clone()
	changed := false
	for c := range cal.Main() {
		line := u.groupsIn(c)[group]
		if line == nil {
			continue
		}
		for _, m := range members {
			if joined[m.ID] && u.invite(c, line, m) {
				changed = true
			}
		}
		of := ical.Address(line.Value())
		n := c.RemoveFunc(func(p *ical.Property) bool {
			who := u.people.of(p.Value())
			return p.Name() == "ATTENDEE" && who != nil && out[who.ID] && !in[who.ID] && leaves(p, of)
		})
		changed = changed || n > 0
	}
	if !changed {
		return nil, nil
	}
	return cal, nil
}
