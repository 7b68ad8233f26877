package calendar

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"kalends/ical"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// people are the calendar user addresses that a change meets, with the principals who have them here,
// and which of these the change reaches: their homes are locked.
type people struct {
	byAddress map[string]*storage.Principal
	asked     map[string]bool
	detailed  []string // what was asked for without its +detail, too
	reached   []int64  // ascending
	most      int      // how many a change reaches at once; 0 for DefaultLocal
	// acts is who organizes, in the calendar of a team, what is in somebody else's home; nil for the home's owner.
	acts *storage.Principal
}

// lookup finds out whose the addresses are. Somebody here is also met by their address with a +detail, unless it is
// another's.
func (p *people) lookup(ctx context.Context, r storage.Reader, addresses []string) error {
	if p.byAddress == nil {
		p.byAddress, p.asked = map[string]*storage.Principal{}, map[string]bool{}
	}
	var ask []string
	for _, a := range addresses {
		if a == "" || p.asked[a] {
			continue
		}
		p.asked[a] = true
		if name, ok := principalPath(a); ok {
			who, err := r.PrincipalByName(ctx, name)
			if err == nil {
				p.byAddress[a] = who
			}
			continue
		}
		ask = append(ask, a)
		if plain, ok := ical.WithoutDetail(a); ok {
			ask = append(ask, plain)
			p.detailed = append(p.detailed, a)
		}
	}
	if len(ask) == 0 {
		return nil
	}
	found, err := r.PrincipalsByAddress(ctx, ask)
	if err != nil {
		return fmt.Errorf("look up addresses: %w", err)
	}
	for a, who := range found {
		p.byAddress[a] = who
	}
	for _, a := range p.detailed {
		if plain, _ := ical.WithoutDetail(a); p.byAddress[a] == nil && p.byAddress[plain] != nil && p.byAddress[plain].Kind != storage.Group {
			p.byAddress[a] = p.byAddress[plain]
		}
	}
	p.detailed = nil
	return nil
}

// principalPath returns the login name in a calendar user address that is the path of a principal
// (RFC 6638 section 2.4.1 allows any URI).
func principalPath(address string) (string, bool) {
	_, rest, ok := strings.Cut(address, "/principals/")
	if !ok {
		return "", false
	}
	_, name, ok := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	return name, ok && name != "" && !strings.Contains(name, "/")
}

// reach notes that the change reaches the people with these addresses, and reports whether that is anybody it did not reach
// before. Of many, some are left to jobs; rooms and resources never, nor the one that an answer goes to.
func (p *people) reach(addresses []string) bool {
	grew := false
	for _, a := range addresses {
		if q := p.byAddress[a]; q != nil && q.Kind != storage.Group {
			if i, found := slices.BinarySearch(p.reached, q.ID); !found {
				if len(addresses) > 1 && len(p.reached) >= cmp.Or(p.most, DefaultLocal) && q.Kind == storage.Person {
					continue
				}
				p.reached = slices.Insert(p.reached, i, q.ID)
				grew = true
			}
		}
	}
	return grew
}

// homes returns the ids of the owner and of everybody the change reaches, ascending.
func (p *people) homes(owner int64) []int64 {
	i, found := slices.BinarySearch(p.reached, owner)
	if found {
		return p.reached
	}
	return slices.Insert(slices.Clone(p.reached), i, owner)
}

// of returns the principal with that address here, or nil.
func (p *people) of(address string) *storage.Principal { return p.byAddress[ical.Address(address)] }

// is returns a test for the addresses of one principal.
func (p *people) is(who *storage.Principal) func(string) bool {
	return func(address string) bool {
		q := p.of(address)
		return q != nil && q.ID == who.ID
	}
}

// same reports whether two addresses mean one person: they are equal, or of one principal.
func (p *people) same(a, b string) bool {
	if a, b = ical.Address(a), ical.Address(b); a == b {
		return true
	}
	x, y := p.byAddress[a], p.byAddress[b]
	return x != nil && y != nil && x.ID == y.ID
}

// addressesIn lists organizer and attendees of an object.
func addressesIn(cal *ical.Component) []string {
	var list []string
	for c := range cal.Main() {
		for _, name := range []string{"ORGANIZER", "ATTENDEE"} {
			for p := range c.All(name) {
				list = append(list, ical.Address(p.Value()))
			}
		}
	}
	return list
}

// partners are the addresses whose calendars a change by the owner reaches at once: for the organizer
// all attendees, for an attendee the organizer only.
func (p *people) partners(cal *ical.Component, owner *storage.Principal) []string {
	organizer := itip.Organizer(cal)
	if !p.own(owner)(organizer) {
		return []string{organizer}
	}
	return addressesIn(cal)
}
