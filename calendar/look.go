package calendar

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"kalends/auth"
	"kalends/storage"
)

// Names of the properties that who acts for somebody has of their own of that person's calendars (see [Edit.Own]): what one of them is called
// and looks like among the calendars of many is theirs.
const (
	davSpace   = "DAV:"
	appleSpace = "http://apple.com/ns/ical/"
)

// actsFor reports whether somebody acts for a person, and so has a look of their own at that person's calendars. What rooms are called is for
// who keeps them to say, for all.
func actsFor(who, owner *storage.Principal) bool {
	if who == nil || owner.Kind != storage.Person || owner.ID == who.ID {
		return false
	}
	read, _ := who.ActsFor.For(owner.ID)
	return read
}

// HasOwnLook reports whether what a calendar is called and looks like is the asker's own although it is not among theirs by an invitation.
func HasOwnLook(who *storage.Principal, t Target) bool {
	return t.Share == nil && actsFor(who, t.Owner)
}

// OwnLook changes the name and the colour that somebody has for a calendar of whom they act for; nil for what stays, "" for the owner's.
func OwnLook(name, color *string) (list []storage.Property) {
	for _, x := range []struct {
		space, local string
		value        *string
	}{{davSpace, "displayname", name}, {appleSpace, "calendar-color", color}} {
		if x.value == nil {
			continue
		}
		p := storage.Property{Space: x.space, Local: x.local}
		if *x.value != "" {
			var b bytes.Buffer
			fmt.Fprintf(&b, `<x:%s xmlns:x="%s">`, x.local, x.space)
			xml.EscapeText(&b, []byte(*x.value)) // a Buffer takes everything
			fmt.Fprintf(&b, `</x:%s>`, x.local)
			p.XML = b.Bytes()
		}
		list = append(list, p)
	}
	return list
}

// seenAs returns a calendar as somebody has it who has these properties of their own there.
func seenAs(c *storage.Calendar, mine []storage.Property) *storage.Calendar {
	s := *c
	for _, p := range mine {
		if p.Owner != c.Owner || p.Calendar != c.ID {
			continue
		}
		text, attr := textOf(p.XML)
		switch {
		case text == "" || len(text) > 1000:
		case p.Space == davSpace && p.Local == "displayname":
			s.DisplayName = text
		case p.Space == appleSpace && p.Local == "calendar-color":
			s.Color, s.ColorName = text, attr
		case p.Space == appleSpace && p.Local == "calendar-order":
			s.Order = text
		}
	}
	return &s
}

// textOf returns the text of a property, and its symbolic-color; "" where it cannot be read.
func textOf(property []byte) (text, symbolic string) {
	var b strings.Builder
	d := xml.NewDecoder(bytes.NewReader(property))
	for {
		t, err := d.Token()
		if err != nil {
			if err != io.EOF {
				return "", ""
			}
			return strings.TrimSpace(b.String()), symbolic
		}
		switch t := t.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.StartElement:
			for _, a := range t.Attr {
				if a.Name.Local == "symbolic-color" {
					symbolic = a.Value
				}
			}
		}
	}
}

// maxActsFor bounds for how many people's calendars there is room among those of a delegate.
const maxActsFor = 50

// Acted lists the calendars of those for whom somebody acts that they may read, as they have them: under names, in colours and in the order
// that they gave them.
func (s *Service) Acted(ctx context.Context, who *storage.Principal) ([]SharedCalendar, error) {
	ids := slices.Concat(who.ActsFor.Principals(true), who.ActsFor.Principals(false))
	if len(ids) == 0 {
		return nil, nil
	}
	ids = ids[:min(len(ids), maxActsFor)]
	var list []SharedCalendar
	err := s.Store.View(ctx, func(r storage.Reader) error {
		list = nil
		owners, err := r.PrincipalsByID(ctx, ids)
		if err != nil {
			return err
		}
		homes, err := r.HomeCalendars(ctx, ids)
		if err != nil {
			return err
		}
		access, err := auth.EnterAll(ctx, r, who, who, owners)
		if err != nil {
			return err
		}
		mine, err := r.OwnProperties(ctx, who.ID, ids)
		if err != nil {
			return err
		}
		for _, o := range owners {
			a := access[o.ID]
			if a == nil || o.ID == who.ID {
				continue
			}
			for _, c := range homes[o.ID] {
				if c.Kind != storage.CalendarKind || !a.To(c).Has(auth.Read) {
					continue
				}
				if actsFor(who, o) {
					c = seenAs(c, mine)
				}
				list = append(list, SharedCalendar{Owner: o, Calendar: c, Access: a})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("calendars of whom %d acts for: %w", who.ID, err)
	}
	return list, nil
}

// Seen returns a calendar as the asker has it: of somebody for whom they act under the name and colour that they gave it. One that is among theirs
// by an invitation is as [Shown].
func (s *Service) Seen(ctx context.Context, who *storage.Principal, t Target, c *storage.Calendar) (*storage.Calendar, error) {
	if !HasOwnLook(who, t) {
		return c, nil
	}
	mine, err := s.Store.OwnProperties(ctx, who.ID, []int64{t.Owner.ID})
	if err != nil {
		return nil, err
	}
	return seenAs(c, mine), nil
}

// ByOrder compares calendars by the order that their reader gave them (Apple's calendar-order); those without one come last, in the order in
// which they are.
func ByOrder(a, b *storage.Calendar) int {
	x, errX := strconv.ParseInt(strings.TrimSpace(a.Order), 10, 64)
	y, errY := strconv.ParseInt(strings.TrimSpace(b.Order), 10, 64)
	switch {
	case errX != nil && errY != nil:
		return 0
	case errX != nil:
		return 1
	case errY != nil:
		return -1
	}
	return cmp.Compare(x, y)
}
