package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/zone"
	"kalends/scheduling"
	"kalends/storage"
)

// place is a home as its visitor may use it.
type place struct {
	owner     *storage.Principal
	home      []*storage.Calendar
	access    *auth.Access
	addresses []string
}

// visit reads what is needed to work in somebody's home.
func (h *Handler) visit(ctx context.Context, q *caller, owner int64) (*place, error) {
	p := &place{owner: q.who}
	err := h.Store.View(ctx, func(r storage.Reader) error {
		var err error
		if owner != q.who.ID {
			if p.owner, err = r.PrincipalByID(ctx, owner); err != nil {
				return err
			}
		}
		if p.access, err = auth.Enter(ctx, r, q.who, p.owner); err != nil {
			return err
		}
		if p.home, err = r.Calendars(ctx, owner); err != nil {
			return err
		}
		p.addresses, err = r.Addresses(ctx, owner)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("home %d: %w", owner, err)
	}
	return p, nil
}

// mine reports whether an address is one of the home's owner.
func (p *place) mine(address string) bool { return slices.Contains(p.addresses, ical.Address(address)) }

// byID returns a calendar of the home that may be read.
func (p *place) byID(id int64) *storage.Calendar {
	for _, c := range p.home {
		if c.ID == id && c.Kind == storage.CalendarKind && p.access.To(c).Has(auth.Read) {
			return c
		}
	}
	return nil
}

func (p *place) target(c *storage.Calendar, name string) calendar.Target {
	return calendar.Target{Owner: p.owner, Slug: c.Slug, Name: name, Access: p.access}
}

// zoneOf is where the asker is: the zone of all-day and floating times, and of meetings without one.
func zoneOf(q *caller, c *storage.Calendar) (string, *time.Location) {
	for _, name := range []string{q.who.TimeZone, calendarZone(c)} {
		if loc, ok := zone.Load(name); ok {
			if name, loc, err := readZone("", name); err == nil {
				return name, loc
			}
			return name, loc
		}
	}
	return "UTC", time.UTC
}

func calendarZone(c *storage.Calendar) string {
	if c == nil {
		return ""
	}
	return c.TimeZoneID
}

// found is a meeting with its place.
type found struct {
	*place
	calendar *storage.Calendar
	row      *storage.Object
}

// meeting returns a meeting that the caller may read. What they may not read is not there.
func (h *Handler) meeting(ctx context.Context, q *caller, id string) (*found, error) {
	owner, number, ok := readID(meetingPrefix, id)
	if !ok {
		return nil, notThere("meeting")
	}
	p, err := h.visit(ctx, q, owner)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, notThere("meeting")
	}
	if err != nil {
		return nil, err
	}
	return h.again(ctx, q, &found{place: p, row: &storage.Object{Owner: owner, ID: number}})
}

// again reads a meeting anew.
func (h *Handler) again(ctx context.Context, q *caller, f *found) (*found, error) {
	row, err := h.Store.ObjectByID(ctx, f.row.Owner, f.row.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, notThere("meeting")
	}
	if err != nil {
		return nil, err
	}
	c := f.byID(row.Calendar)
	if c == nil || row.Component != "VEVENT" {
		return nil, notThere("meeting")
	}
	if f.owner.ID != q.who.ID { // somebody else's may look different to the caller
		if row, _, err = h.Calendar.Object(ctx, q.who, f.target(c, row.Name)); err != nil {
			return nil, err
		}
	}
	return &found{f.place, c, row}, nil
}

// read parses a meeting that was found.
func (f *found) read(q *caller) (*object, error) {
	_, here := zoneOf(q, f.calendar)
	return readObject(f.row, f.mine, here)
}

// tell is a meeting as it is told, whole or one instance.
func (f *found) tell(q *caller, instance string) (*Meeting, error) {
	o, err := f.read(q)
	if err != nil {
		return nil, err
	}
	var m *Meeting
	if instance == "" {
		m = o.meeting()
	} else {
		x, err := o.find("instance", instance)
		if err != nil {
			return nil, err
		}
		m = o.instance(x)
	}
	if m == nil {
		return nil, notThere("meeting")
	}
	return m, nil
}

// where returns the calendar that a meeting goes into: by id, by the slug of one's own, or the one for invitations.
func (h *Handler) where(ctx context.Context, q *caller, name string) (*place, *storage.Calendar, error) {
	owner, number, isID := readID(calendarPrefix, name)
	if !isID {
		owner = q.who.ID
	}
	p, err := h.visit(ctx, q, owner)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, nil, err
	}
	if err == nil {
		var c *storage.Calendar
		switch {
		case name == "":
			c = scheduling.DefaultCalendar(p.home, "VEVENT")
		case isID:
			c = p.byID(number)
		default:
			c = p.bySlug(name)
		}
		if c != nil {
			return p, c, nil
		}
	}
	e := invalid("calendar", "there is no such calendar")
	e.problem = kinds[calendar.NoParent]
	return nil, nil, e
}

func (p *place) bySlug(slug string) *storage.Calendar {
	for _, c := range p.home {
		if c.Slug == slug {
			return p.byID(c.ID)
		}
	}
	return nil
}

// guests looks up whom a meeting invites. stay are the addresses that are in it already, which need not be of mail.
func (h *Handler) guests(ctx context.Context, p *place, list []Invited, stay func(string) bool) ([]guest, error) {
	if most := h.Calendar.Limit().Attendees; len(list) > most {
		return nil, invalid("invited", "at most %d can be invited", most)
	}
	var guests []guest
	var ask []string
	seen := map[string]bool{}
	for i, in := range list {
		field := fmt.Sprintf("invited[%d].address", i)
		a := ical.Address(in.Address)
		if (ical.Mailbox(in.Address) == "" || strings.ContainsAny(in.Address, "?\r\n")) && !stay(a) {
			return nil, invalid(field, "must be a mail address such as bob@example.com")
		}
		if err := oneLine(fmt.Sprintf("invited[%d].name", i), in.Name); err != nil {
			return nil, err
		}
		if p.mine(a) || seen[a] {
			continue
		}
		seen[a] = true
		guests = append(guests, guest{Invited: in, address: a})
		ask = append(ask, a)
	}
	if len(guests) == 0 {
		return nil, nil
	}
	if p.owner.Email == "" {
		return nil, invalid("invited", "%s has no mail address, so nobody can be invited", p.owner.Name)
	}
	known, err := h.Store.PrincipalsByAddress(ctx, ask)
	if err != nil {
		return nil, err
	}
	for i := range guests {
		guests[i].who = known[guests[i].address]
	}
	return guests, nil
}
