package calendar

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// Bounds of what a room or resource looks at before it answers.
const (
	maxBooked   = 2000 // instances of one meeting; one with more is declined
	maxDeclined = 100  // instances declined one by one; where more are busy, the series is declined
)

// answersByItself reports whether a principal is a room or resource that answers its invitations.
func answersByItself(p *storage.Principal) bool {
	return p != nil && (p.Kind == storage.Room || p.Kind == storage.Resource) && p.Booking.Answer != storage.AnswerManual
}

// bookRoom answers for a room or resource: copy is what an invitation makes of its copy, and what is returned is to be
// stored instead. The home is locked, so what is free stays free until the answer is committed, and nothing is booked twice.
// The reply, where there is one, waits in u.replies.
func (u *unit) bookRoom(ctx context.Context, room *storage.Principal, home []*storage.Calendar, copy *ical.Component) (*ical.Component, error) {
	o := itip.Options{Now: u.now, Same: u.people.same, Local: true}
	me := ownAddress(copy, nil, u.people.is(room))
	if me == "" {
		return copy, nil
	}
	answer := u.opaque(copy)
	p, err := u.s.checkComponent(answer)
	if err != nil {
		return copy, nil // it is no use to anybody, and no reason to refuse the organizer's change
	}
	decline, busy, err := u.isTaken(ctx, room, home, p)
	if err != nil {
		return nil, err
	}
	yes := "ACCEPTED"
	if room.Booking.Answer == storage.AnswerTentative {
		yes = "TENTATIVE"
	}
	if decline != "" {
		yes, busy = "DECLINED", nil
	}
	plan, err := itip.Attend(copy, u.answered(answer, me, yes, decline, busy), me, o)
	if err != nil && busy != nil {
		// An instance that cannot be named by itself: all or nothing.
		plan, err = itip.Attend(copy, u.answered(answer, me, "DECLINED", "", nil), me, o)
	}
	if err != nil {
		return nil, fmt.Errorf("answer of %s: %w", room.Name, err)
	}
	if plan.Reply != nil {
		u.replies = append(u.replies, reply{room, *plan.Reply})
	}
	return plan.Stored, nil
}

// reply is the answer of a room that is on its way.
type reply struct {
	from    *storage.Principal
	message itip.Message
}

// opaque copies an invitation as the calendar of a room has it: it takes the room, whatever it does to people, and it does so
// even if the last time was declined.
func (u *unit) opaque(copy *ical.Component) *ical.Component {
	c := copy.Clone()
	for k := range c.Main() {
		k.Remove("TRANSP")
		k.Remove("COMMENT")
	}
	return c
}

// taken names an instance that is not free.
type taken struct {
	id        ical.DateTime
	component int
}

// isTaken finds the instances at which the room is not free; decline says why all of it is declined.
func (u *unit) isTaken(ctx context.Context, room *storage.Principal, home []*storage.Calendar, p *parsed) (decline string, busy []taken, err error) {
	if ok, err := u.mayBook(ctx, room, itip.Organizer(p.cal)); err != nil || !ok {
		return "Only some people may book this.", nil, err
	}
	loc := principalZone(room)
	if loc == nil {
		loc = time.UTC
	}
	days := room.Booking.Days
	if days <= 0 {
		days = storage.DefaultBookingDays
	}
	end := u.now.AddDate(0, 0, int(min(days, 36500)))
	bounds := p.series.Bounds()
	last := time.UnixMicro(min(bounds.Last, storage.MaxTime))
	if bounds.Floating {
		last = zone.Instant(last.UTC(), loc)
	}
	if bounds.Infinite || last.After(end) {
		return fmt.Sprintf("This can be booked until %s, repetitions included.", end.Format(time.DateOnly)), nil, nil
	}
	type slot struct {
		taken
		start, end time.Time
	}
	var slots []slot
	for inst, err := range p.series.Between(u.now, end, loc) {
		if err != nil || len(slots) == maxBooked {
			return "This repeats too often.", nil, nil
		}
		if inst.Busy != 0 && inst.Start.Before(inst.End) {
			slots = append(slots, slot{taken{inst.RecurrenceID, inst.Component}, inst.Start, inst.End})
		}
	}
	if len(slots) == 0 {
		return "", nil, nil
	}
	q := BusyQuery{Owner: room, Start: slots[0].start, End: slots[0].end, Without: p.uid, Floating: loc}
	for _, s := range slots {
		if s.start.Before(q.Start) {
			q.Start = s.start
		}
		if s.end.After(q.End) {
			q.End = s.end
		}
	}
	for _, c := range home {
		if c.Kind == storage.CalendarKind && !c.Transparent {
			q.Calendars = append(q.Calendars, c)
		}
	}
	list, err := u.s.Busy(ctx, u.tx, q)
	if err != nil {
		return "", nil, fmt.Errorf("busy times of %s: %w", room.Name, err)
	}
	slices.SortFunc(list, func(a, b scheduling.Period) int { return a.Start.Compare(b.Start) })
	// Periods of one kind do not overlap, but kinds do: the latest end so far finds every overlap.
	slices.SortFunc(slots, func(a, b slot) int { return a.start.Compare(b.start) })
	var until time.Time
	i := 0
	for _, s := range slots {
		for i < len(list) && list[i].Start.Before(s.end) {
			if list[i].End.After(until) {
				until = list[i].End
			}
			i++
		}
		// Overlapping instances of one meeting are one meeting; they do not stand in each other's way.
		if until.After(s.start) && overlaps(list[:i], s.start, s.end) {
			busy = append(busy, s.taken)
		}
	}
	if len(busy) == len(slots) {
		return "busy", nil, nil
	}
	if len(busy) > maxDeclined {
		return "Most of the times are taken.", nil, nil
	}
	return "", busy, nil
}

func overlaps(list []scheduling.Period, start, end time.Time) bool {
	return slices.ContainsFunc(list, func(p scheduling.Period) bool { return p.Start.Before(end) && start.Before(p.End) })
}

// mayBook reports whether the organizer may book the room.
func (u *unit) mayBook(ctx context.Context, room *storage.Principal, organizer string) (bool, error) {
	if room.Booking.Group == 0 {
		return true, nil
	}
	who := u.people.of(organizer)
	if who == nil {
		return false, nil
	}
	groups, err := u.tx.GroupsOf(ctx, who.ID)
	if err != nil {
		return false, fmt.Errorf("groups of %d: %w", who.ID, err)
	}
	return slices.Contains(groups, room.Booking.Group), nil
}

// answered writes the room's answer into its copy: yes for all, DECLINED for the busy instances, which get overrides where they
// have none. comment tells people why; "busy" needs no words.
func (u *unit) answered(cal *ical.Component, me, yes, comment string, busy []taken) *ical.Component {
	cal = cal.Clone()
	master, main := -1, []*ical.Component{}
	for c := range cal.Main() {
		if c.Prop("RECURRENCE-ID") == nil {
			master = len(main)
		}
		main = append(main, c)
	}
	answer := func(c *ical.Component, partStat string) {
		for a := range c.All("ATTENDEE") {
			if u.people.same(a.Value(), me) {
				a.SetParam("PARTSTAT", partStat)
				a.RemoveParam("RSVP")
			}
		}
		if comment != "" && comment != "busy" {
			c.Set(ical.NewText("COMMENT", comment))
		}
	}
	for _, c := range main {
		if !strings.EqualFold(strings.TrimSpace(c.Value("STATUS")), "CANCELLED") {
			answer(c, yes)
		}
	}
	for _, b := range busy {
		if b.component != master {
			if b.component >= 0 && b.component < len(main) {
				answer(main[b.component], "DECLINED")
			}
			continue
		}
		over := override(main[master], b.id)
		answer(over, "DECLINED")
		cal.AddChild(over)
	}
	return cal
}

// override makes a component for an instance that has none (RFC 5545 section 3.8.4.4).
func override(master *ical.Component, id ical.DateTime) *ical.Component {
	c := master.Clone()
	for _, name := range []string{"RRULE", "RDATE", "EXDATE", "EXRULE"} {
		c.Remove(name)
	}
	if start := master.Prop("DTSTART"); start != nil {
		first, err := start.DateTime()
		if err == nil {
			for _, name := range []string{"DTSTART", "DTEND", "DUE"} {
				if p := c.Prop(name); p != nil {
					if d, err := p.DateTime(); err == nil {
						d.Wall = id.Wall.Add(d.Wall.Sub(first.Wall))
						p.SetDateTime(d)
					}
				}
			}
		}
	}
	c.Add(id.Property("RECURRENCE-ID"))
	return c
}

// sendReplies brings the answers that rooms gave in this transaction to their organizers.
func (u *unit) sendReplies(ctx context.Context) error {
	for len(u.replies) > 0 {
		r := u.replies[0]
		u.replies = u.replies[1:]
		to := u.people.of(r.message.To)
		row := u.copyOf(r.from.ID)
		if row == nil {
			continue
		}
		d := scheduling.Delivery{Message: r.message, Local: to, Status: scheduling.StatusDelivered}
		if to == nil {
			d.Status = scheduling.StatusSent
			if ical.Mailbox(d.To) == "" {
				continue
			}
		}
		if err := u.deliver(ctx, r.from, row, &scheduling.Outcome{Messages: []scheduling.Delivery{d}}); err != nil {
			return err
		}
	}
	return nil
}
