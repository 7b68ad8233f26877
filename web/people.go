package web

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/scheduling"
	"kalends/storage"
)

// Bounds of the form's people.
const (
	maxGuests  = 100
	maxRooms   = 100
	maxOffered = 300 // people of the directory in the list of proposals
	maxLooked2 = 30  // people and rooms whose busy times are shown
)

// guestForm is somebody in the form of an event.
type guestForm struct {
	Address, Name string
	Optional      bool
	Keep          bool
	Here          bool // they have an account here
	Busy          busyLine
}

// roomForm is a room or resource in the form.
type roomForm struct {
	Address, Name string
	Chosen        bool
	Busy          busyLine
}

// busyLine is when somebody is busy on the day of the event.
type busyLine struct {
	Known    bool
	Clash    bool   // at the time of the event
	Text     string // in words
	Segments []segment
}

// segment is a piece of the day, in quarters of an hour.
type segment struct {
	Column, Span int
	Kind         string
}

// offered is somebody in the list of proposals.
type offered struct{ Address, Name string }

// guestsOf looks up who is in the form.
func (v *visit) guestsOf(ctx context.Context, addresses, optional []string) ([]guestForm, error) {
	var list []guestForm
	var ask []string
	for _, a := range addresses {
		box := strings.TrimSpace(a)
		key := ical.Address(box)
		if box == "" || len(box) > 300 || slices.Contains(ask, key) || len(list) == maxGuests {
			continue
		}
		ask = append(ask, key)
		list = append(list, guestForm{Address: box, Name: box, Keep: true, Optional: slices.Contains(optional, box)})
	}
	if len(ask) == 0 {
		return nil, nil
	}
	known, err := v.Store.PrincipalsByAddress(ctx, ask)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if p := known[ask[i]]; p != nil {
			list[i].Here, list[i].Name = true, cmp.Or(p.DisplayName, p.Name)
		}
	}
	return list, nil
}

// directory returns whom the list of proposals holds, and the rooms.
func (v *visit) directory(ctx context.Context) (people []offered, rooms []*storage.Principal, err error) {
	all, err := v.Store.Principals(ctx, storage.PrincipalQuery{Kinds: []storage.Kind{storage.Person, storage.Group}, Limit: maxOffered})
	if err != nil {
		return nil, nil, err
	}
	for _, p := range all {
		if p.Email != "" && p.ID != v.who.ID {
			people = append(people, offered{p.Email, cmp.Or(p.DisplayName, p.Name)})
		}
	}
	rooms, err = v.Store.Principals(ctx, storage.PrincipalQuery{Kinds: []storage.Kind{storage.Room, storage.Resource}, Limit: maxRooms})
	return people, rooms, err
}

// busyOn tells when a principal is busy on the day of an event of [start, end); without is the UID of the event, which does not count.
func (v *visit) busyOn(ctx context.Context, p *storage.Principal, start, end time.Time, without string) (busyLine, error) {
	if p == nil || p.Kind == storage.Group {
		return busyLine{}, nil
	}
	day := dayOf(zone.Wall(start, v.loc))
	from, to := zone.Instant(day, v.loc), zone.Instant(day.AddDate(0, 0, 1), v.loc)
	if end.After(to) {
		to = end
	}
	list, err := v.Calendar.AttendeeBusy(ctx, v.who, p, from, to, without)
	if errors.Is(err, auth.ErrBadCredentials) || err != nil && calendar.KindOf(err) == calendar.Forbidden {
		return busyLine{}, nil
	}
	if err != nil {
		return busyLine{}, err
	}
	line := busyLine{Known: true}
	slices.SortStableFunc(list, func(a, b scheduling.Period) int { return a.Start.Compare(b.Start) })
	var words []string
	for _, b := range list {
		if b.Busy == recur.Free {
			continue
		}
		if b.Start.Before(end) && start.Before(b.End) {
			line.Clash = true
		}
		a, z := zone.Wall(b.Start, v.loc), zone.Wall(b.End, v.loc)
		first := min(max(int(a.Sub(day).Minutes())/15, 0), quarters-1)
		last := min(max((int(z.Sub(day).Minutes())+14)/15, first+1), quarters)
		kind := map[recur.Busy]string{recur.Tentative: "maybe", recur.Unavailable: "away"}[b.Busy]
		line.Segments = append(line.Segments, segment{first + 1, last - first, cmp.Or(kind, "busy")})
		if len(words) < 12 {
			words = append(words, v.lang.Clock(a)+"–"+v.lang.Clock(z))
		}
	}
	if line.Text = v.t("free all day"); len(words) > 0 {
		line.Text = v.lang.T("busy %s", strings.Join(words, ", "))
	}
	return line, nil
}
