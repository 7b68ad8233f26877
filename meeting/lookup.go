package meeting

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

// Place is a home as its visitor may use it.
type Place struct {
	Owner     *storage.Principal
	Home      []*storage.Calendar // all collections
	Access    *auth.Access
	Addresses []string // of the owner
	// Share is set where the asker, Sharee, has the calendar among theirs by an invitation: then its name and colour are their own.
	Share  *storage.Share
	Sharee *storage.Principal
}

// Visit reads what is needed to work in somebody's home.
func (h *Editor) Visit(ctx context.Context, who *storage.Principal, owner int64) (*Place, error) {
	p := &Place{Owner: who}
	err := h.Store.View(ctx, func(r storage.Reader) error {
		var err error
		if owner != who.ID {
			if p.Owner, err = r.PrincipalByID(ctx, owner); err != nil {
				return err
			}
		}
		if p.Access, err = auth.Enter(ctx, r, who, p.Owner); err != nil {
			return err
		}
		if p.Home, err = r.Calendars(ctx, owner); err != nil {
			return err
		}
		if err = h.Calendar.CountOwn(ctx, r, who, p.Owner, p.Home...); err != nil {
			return err
		}
		p.Addresses, err = r.Addresses(ctx, owner)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("home %d: %w", owner, err)
	}
	return p, nil
}

// Mine reports whether an address is one of the home's owner.
func (p *Place) Mine(address string) bool { return slices.Contains(p.Addresses, ical.Address(address)) }

// ByID returns a calendar of the home that may be read.
func (p *Place) ByID(id int64) *storage.Calendar {
	for _, c := range p.Home {
		if c.ID == id && c.Kind == storage.CalendarKind && p.Access.To(c).Has(auth.Read) {
			return c
		}
	}
	return nil
}

// Target names an object in a calendar of the home, or with name "" the calendar.
func (p *Place) Target(c *storage.Calendar, name string) calendar.Target {
	return calendar.Target{Owner: p.Owner, Slug: c.Slug, Name: name, Access: p.Access, Share: p.Share, Sharee: p.Sharee}
}

// ZoneOf is where the asker is: the zone of all-day and floating times, and of meetings without one.
func ZoneOf(who *storage.Principal, c *storage.Calendar) (string, *time.Location) {
	for _, name := range []string{who.TimeZone, calendarZone(c)} {
		if loc, ok := zone.Load(name); ok {
			if name, loc, err := ReadZone("", name); err == nil {
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

// Found is a meeting with its place.
type Found struct {
	*Place
	Calendar *storage.Calendar
	Row      *storage.Object
}

// Find returns a meeting that the caller may read. What they may not read is not there.
func (h *Editor) Find(ctx context.Context, who *storage.Principal, id string) (*Found, error) {
	owner, number, ok := ParseID(id)
	if !ok {
		return nil, notThere("meeting")
	}
	p, err := h.Visit(ctx, who, owner)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, notThere("meeting")
	}
	if err != nil {
		return nil, err
	}
	return h.again(ctx, who, &Found{Place: p, Row: &storage.Object{Owner: owner, ID: number}})
}

// again reads a meeting anew.
func (h *Editor) again(ctx context.Context, who *storage.Principal, f *Found) (*Found, error) {
	row, err := h.Store.ObjectByID(ctx, f.Row.Owner, f.Row.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, notThere("meeting")
	}
	if err != nil {
		return nil, err
	}
	c := f.ByID(row.Calendar)
	if c == nil || row.Component != "VEVENT" {
		return nil, notThere("meeting")
	}
	if f.Owner.ID != who.ID { // somebody else's may look different to the caller
		if row, _, err = h.Calendar.Object(ctx, who, f.Target(c, row.Name)); err != nil {
			return nil, err
		}
	}
	return &Found{f.Place, c, row}, nil
}

// Read parses a meeting that was found.
func (f *Found) Read(who *storage.Principal) (*Object, error) {
	_, here := ZoneOf(who, f.Calendar)
	return ReadObject(f.Row, f.Mine, here)
}

// Tell is a meeting as it is told, whole or one instance.
func (f *Found) Tell(who *storage.Principal, instance string) (*Meeting, error) {
	o, err := f.Read(who)
	if err != nil {
		return nil, err
	}
	var m *Meeting
	if instance == "" {
		m = o.Meeting()
	} else {
		x, err := o.Find("instance", instance)
		if err != nil {
			return nil, err
		}
		m = o.Instance(x)
	}
	if m == nil {
		return nil, notThere("meeting")
	}
	return m, nil
}

// Where returns the calendar that a meeting goes into: by id, by the slug of one's own, or the one for invitations.
func (h *Editor) Where(ctx context.Context, who *storage.Principal, name string) (*Place, *storage.Calendar, error) {
	owner, number, isID := ParseCalendarID(name)
	if !isID {
		owner = who.ID
	}
	p, err := h.Visit(ctx, who, owner)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, nil, err
	}
	if err == nil {
		var c *storage.Calendar
		switch {
		case name == "":
			c = scheduling.DefaultCalendar(p.Home, "VEVENT")
		case isID:
			c = p.ByID(number)
		default:
			c = p.BySlug(name)
		}
		if c != nil {
			return p, c, nil
		}
	}
	e := invalid("calendar", "there is no such calendar")
	e.Kind = calendar.NoParent
	return nil, nil, e
}

// BySlug is the same by the last part of its path.
func (p *Place) BySlug(slug string) *storage.Calendar {
	for _, c := range p.Home {
		if c.Slug == slug {
			return p.ByID(c.ID)
		}
	}
	return nil
}

// guests looks up whom a meeting invites. stay are the addresses that are in it already, which need not be of mail.
func (h *Editor) guests(ctx context.Context, p *Place, list []Invited, stay func(string) bool) ([]guest, error) {
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
		if err := OneLine(fmt.Sprintf("invited[%d].name", i), in.Name); err != nil {
			return nil, err
		}
		if p.Mine(a) || seen[a] {
			continue
		}
		seen[a] = true
		guests = append(guests, guest{Invited: in, address: a})
		ask = append(ask, a)
	}
	if len(guests) == 0 {
		return nil, nil
	}
	if p.Owner.Email == "" {
		return nil, invalid("invited", "%s has no mail address, so nobody can be invited", p.Owner.Name)
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
