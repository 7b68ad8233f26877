package calendar

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// TrashKept is how long what people delete can be brought back. The janitor goes by it.
const TrashKept = 30 * 24 * time.Hour

// MaxTrashPage bounds a page of [Service.Trash].
const MaxTrashPage = 200

// Its texts are read some at a time, and the page ends where they were very long.
const (
	trashBatch  = 20
	trashOctets = 16 << 20
)

// Deleted is an object in the trash, as people choose from it: without its text.
type Deleted struct {
	*storage.Trashed
	Summary   string // of its first component, shortened
	Start     time.Time
	AllDay    bool // Start is a date, at midnight UTC
	Recurring bool
	// Invites has the addresses of those who are invited again when it is brought back; none where nobody is told.
	Invites []string
}

// trash keeps an object that a person deletes.
func (u *unit) trash(ctx context.Context, cal *storage.Calendar, o *storage.Object, by *storage.Principal) error {
	t := &storage.Trashed{
		Owner: o.Owner, ID: o.ID, Calendar: o.Calendar, Slug: cal.Slug, CalendarName: cal.DisplayName, Name: o.Name, UID: o.UID,
		Component: o.Component, Deleted: u.now, ICS: o.ICS,
	}
	if by != nil {
		t.By = by.ID
	}
	if err := u.tx.AddTrash(ctx, t, u.s.Limit().Trash); err != nil {
		return fmt.Errorf("trash %d/%d: %w", o.Owner, o.ID, err)
	}
	return nil
}

// Trash returns what was deleted in the calendars of an owner, by themselves or by those who may write in them, the latest first. next
// leads to the page behind it, "" where there is none; after is such a next, or "". Only the owner sees it: there are private events in it.
func (s *Service) Trash(ctx context.Context, who, owner *storage.Principal, after string, limit int) (list []Deleted, next string, err error) {
	if err := ownTrash(who, owner); err != nil {
		return nil, "", err
	}
	if limit <= 0 || limit > MaxTrashPage {
		limit = MaxTrashPage
	}
	var mark storage.TrashMark
	if after != "" {
		at, id, _ := strings.Cut(after, "-")
		micros, err := strconv.ParseInt(at, 10, 64)
		if err == nil {
			mark.ID, err = strconv.ParseInt(id, 10, 64)
		}
		if err != nil || mark.ID == 0 {
			return nil, "", Errorf(BadRequest, "this is no place in the list")
		}
		mark.Deleted = time.UnixMicro(micros).UTC()
	}
	mine, err := s.ownAddresses(ctx, owner)
	if err != nil {
		return nil, "", err
	}
	for octets := 0; octets < trashOctets && len(list) < limit; {
		n := min(limit-len(list), trashBatch)
		found, err := s.Store.Trash(ctx, owner.ID, mark, n+1)
		if err != nil {
			return nil, "", err
		}
		for _, t := range found[:min(len(found), n)] {
			d := Deleted{Trashed: t}
			if cal, err := ical.Parse(t.ICS); err == nil {
				d.tell(cal)
				if s.reinvites(cal, mine) {
					d.Invites = invited(cal, mine)
				}
			}
			octets += len(t.ICS)
			t.ICS = nil
			list = append(list, d)
			mark = storage.TrashMark{Deleted: t.Deleted, ID: t.ID}
		}
		if len(found) <= n {
			return list, "", nil
		}
	}
	return list, fmt.Sprintf("%d-%d", mark.Deleted.UnixMicro(), mark.ID), nil
}

// tell reads what a list shows.
func (d *Deleted) tell(cal *ical.Component) {
	zones := zone.NewResolver(cal)
	for c := range cal.Main() {
		d.Summary = shorten(c.Text("SUMMARY"), maxAbout)
		d.Recurring = c.Prop("RRULE") != nil || c.Prop("RDATE") != nil
		p := c.Prop("DTSTART")
		if p == nil {
			p = c.Prop("DUE")
		}
		if p != nil {
			if at, err := p.DateTime(); err == nil {
				loc := time.UTC
				if at.TZID != "" {
					loc, _ = zones.Location(at.TZID)
				}
				d.Start, d.AllDay = zone.Instant(at.Wall, loc), at.IsDate()
			}
		}
		return
	}
}

// ownTrash refuses others.
func ownTrash(who, owner *storage.Principal) error {
	if who == nil || who.ID != owner.ID {
		return Errorf(Refused, "the trash is for the owner of the calendars alone")
	}
	return nil
}

// ownAddresses tells whether an address is one of the owner's.
func (s *Service) ownAddresses(ctx context.Context, owner *storage.Principal) (func(string) bool, error) {
	list, err := s.Store.Addresses(ctx, owner.ID)
	if err != nil {
		return nil, fmt.Errorf("addresses: %w", err)
	}
	return func(address string) bool { return slices.Contains(list, ical.Address(address)) }, nil
}

// reinvites reports whether bringing back an object means inviting people: they were told that it is off (RFC 6638 section 3.2.1.3),
// which nobody is of what is over.
func (s *Service) reinvites(cal *ical.Component, mine func(string) bool) bool {
	if organizer := itip.Organizer(cal); organizer == "" || !mine(organizer) || len(invited(cal, mine)) == 0 {
		return false
	}
	series, err := recur.Compile(cal, zone.NewResolver(cal))
	if err != nil {
		return true
	}
	b := series.Bounds()
	return b.Infinite || b.Last > s.Now().UnixMicro()
}

// invited lists the attendees that are not the owner, each once.
func invited(cal *ical.Component, mine func(string) bool) (list []string) {
	for c := range cal.Main() {
		for p := range c.All("ATTENDEE") {
			if a := ical.Address(p.Value()); !mine(a) && !slices.Contains(list, a) {
				list = append(list, a)
			}
		}
	}
	return list
}

// revive makes of a meeting that was cancelled one that counts again: above the SEQUENCE of its CANCEL (RFC 5546 section 2.1.4),
// and everybody else has yet to answer.
func revive(cal *ical.Component, mine func(string) bool, now time.Time) {
	seq := strconv.Itoa(itip.NextSequence(cal))
	stamp := ical.DateTime{Wall: now.UTC().Truncate(time.Second), Form: ical.UTCForm}.String()
	for c := range cal.Main() {
		c.Set(ical.NewProperty("SEQUENCE", seq))
		c.Set(ical.NewProperty("DTSTAMP", stamp))
		for p := range c.All("ATTENDEE") {
			if mine(ical.Address(p.Value())) {
				continue
			}
			p.RemoveParam("SCHEDULE-STATUS")
			p.SetParam("PARTSTAT", "NEEDS-ACTION")
			p.SetParam("RSVP", "TRUE")
		}
	}
}

// Restore brings back an object from the trash, into the calendar it was in; where that is gone, one of its name is made. A meeting
// that was cancelled by its deletion is one again: its attendees are invited anew, with a higher SEQUENCE (DESIGN.md). Who deleted
// their copy of somebody else's meeting answers again as before.
//
// Errors: NotFound where it is not in the trash (any more), UIDConflict where the event is there again, and those of [Service.Put].
func (s *Service) Restore(ctx context.Context, who, owner *storage.Principal, id int64) (*PutResult, error) {
	if err := ownTrash(who, owner); err != nil {
		return nil, err
	}
	t, err := s.Store.Trashed(ctx, owner.ID, id)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, Errorf(NotFound, "this is not in the trash")
	}
	if err != nil {
		return nil, err
	}
	body := t.ICS
	cal, err := ical.Parse(body)
	if err != nil {
		return nil, Errorf(InvalidData, "%w", err)
	}
	mine, err := s.ownAddresses(ctx, owner)
	if err != nil {
		return nil, err
	}
	if s.reinvites(cal, mine) {
		revive(cal, mine, s.Now())
		body = cal.Bytes()
	}
	p, err := s.check(body)
	if err != nil {
		return nil, err
	}
	people := &people{most: s.Limit().Local}
	if isScheduled(p.cal) {
		if _, err := people.meet(ctx, s.Store, owner, p.cal); err != nil {
			return nil, err
		}
	}
	var res *PutResult
	err = s.update(ctx, owner.ID, people, func(u *unit) error {
		if _, err := u.tx.Trashed(ctx, owner.ID, id); errors.Is(err, storage.ErrNotFound) {
			return Errorf(NotFound, "this is not in the trash")
		} else if err != nil {
			return err
		}
		target, err := u.restoredTo(ctx, owner, t)
		if err != nil {
			return err
		}
		res = &PutResult{}
		if err := u.put(ctx, PutRequest{Who: owner, Target: target, Body: body, lenient: true}, p, res); err != nil {
			return err
		}
		return u.tx.RemoveTrash(ctx, owner.ID, id)
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// restoredTo finds the place for an object that is brought back.
func (u *unit) restoredTo(ctx context.Context, owner *storage.Principal, t *storage.Trashed) (Target, error) {
	there, err := u.tx.ObjectsByUID(ctx, []int64{owner.ID}, t.UID)
	if err != nil {
		return Target{}, fmt.Errorf("objects by UID: %w", err)
	}
	home, err := u.tx.Calendars(ctx, owner.ID)
	if err != nil {
		return Target{}, fmt.Errorf("calendars: %w", err)
	}
	if len(there) > 0 {
		e := &Error{Kind: UIDConflict, Msg: "it is there again already"}
		for _, c := range home {
			if c.ID == there[0].Calendar {
				e.Path = Target{Owner: owner, Slug: c.Slug, Name: there[0].Name}.path()
			}
		}
		return Target{}, e
	}
	var cal *storage.Calendar
	for _, c := range home {
		fits := c.Kind == storage.CalendarKind && !c.Subscribed && takes(c, t.Component)
		if fits && (c.ID == t.Calendar || c.Slug == t.Slug && cal == nil) {
			cal = c
		}
	}
	if cal == nil && !slices.ContainsFunc(home, func(c *storage.Calendar) bool { return c.Slug == t.Slug }) && len(home) < maxCollections {
		if cal, err = u.remake(ctx, owner, t); err != nil {
			return Target{}, err
		}
	}
	if cal == nil {
		cal = scheduling.DefaultCalendar(home, t.Component)
	}
	if cal == nil {
		return Target{}, Errorf(NoParent, "there is no calendar that takes it; make one first")
	}
	target := Target{Owner: owner, Slug: cal.Slug, Name: t.Name}
	_, err = u.tx.Object(ctx, cal.Ref(), t.Name)
	switch {
	case err == nil: // another event has its name by now
		target.Name = fmt.Sprintf("restored-%d.ics", t.ID)
	case !errors.Is(err, storage.ErrNotFound):
		return Target{}, fmt.Errorf("object: %w", err)
	}
	return target, nil
}

// remake makes a calendar anew that was deleted with what was in it.
func (u *unit) remake(ctx context.Context, owner *storage.Principal, t *storage.Trashed) (*storage.Calendar, error) {
	seq, err := u.tx.Next(ctx, owner.ID)
	if err != nil {
		return nil, fmt.Errorf("next: %w", err)
	}
	c := &storage.Calendar{
		Owner: owner.ID, ID: seq, Kind: storage.CalendarKind, Slug: t.Slug, DisplayName: t.CalendarName,
		Components: slices.Clone(NewCalendarComponents), Seq: seq, LastSeq: seq, Created: u.now,
	}
	if !takes(c, t.Component) {
		c.Components = []string{t.Component}
	}
	if err := u.tx.PutCalendar(ctx, c); err != nil {
		return nil, fmt.Errorf("put calendar: %w", err)
	}
	return c, nil
}

// EmptyTrash removes all that an owner deleted for good, and tells how much it was.
func (s *Service) EmptyTrash(ctx context.Context, who, owner *storage.Principal) (n int64, err error) {
	if err := ownTrash(who, owner); err != nil {
		return 0, err
	}
	err = s.update(ctx, owner.ID, &people{}, func(u *unit) error {
		if n, err = u.tx.EmptyTrash(ctx, owner.ID); err != nil {
			return err
		}
		return u.tx.EmptyAttachments(ctx, owner.ID)
	})
	return n, err
}
