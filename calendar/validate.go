package calendar

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/scheduling"
)

// parsed is a calendar object that passed validation, with what an index needs of it.
type parsed struct {
	cal       *ical.Component
	uid       string
	component string
	zones     *zone.Resolver
	series    *recur.Series
	available []*scheduling.Availability // of a VAVAILABILITY

	// reprinted is the text where it cannot be stored as sent: it was folded inside characters.
	reprinted []byte
}

// components that a calendar object may consist of (RFC 4791 section 4.1; RFC 7953 section 7.2.1).
var storable = map[string]bool{"VEVENT": true, "VTODO": true, "VJOURNAL": true, "VFREEBUSY": true, "VAVAILABILITY": true}

// check validates text as a calendar object resource (RFC 4791 sections 4.1 and 5.3.2.1).
func (s *Service) check(body []byte) (*parsed, error) {
	if max := s.Limit().ObjectSize; int64(len(body)) > max {
		return nil, Errorf(TooLarge, "the object is larger than %d octets", max)
	}
	cal, err := ical.Parse(body)
	if err != nil {
		return nil, Errorf(InvalidData, "not valid iCalendar: %w", err)
	}
	p, err := s.checkComponent(cal)
	if err == nil && !utf8.Valid(body) {
		p.reprinted = cal.Bytes()
	}
	return p, err
}

// checkComponent is check for what is parsed already.
func (s *Service) checkComponent(cal *ical.Component) (*parsed, error) {
	if v := strings.TrimSpace(cal.Value("VERSION")); v != "2.0" {
		return nil, Errorf(InvalidData, "VERSION must be 2.0")
	}
	if cal.Prop("METHOD") != nil {
		return nil, Errorf(InvalidObject, "an object in a calendar has no METHOD; to invite or answer, PUT it without (RFC 4791 section 4.1)")
	}
	p := &parsed{cal: cal, zones: zone.NewResolver(cal)}
	masters := 0
	seen := map[string]bool{}
	for c := range cal.Main() {
		name := c.Name()
		if !storable[name] {
			return nil, Errorf(UnsupportedComponent, "a %s cannot be stored in a calendar", name)
		}
		switch uid := strings.TrimSpace(c.Text("UID")); {
		case uid == "":
			return nil, Errorf(InvalidObject, "a %s has no UID", name)
		case len(uid) > maxUID:
			return nil, Errorf(InvalidObject, "the UID is longer than %d octets", maxUID)
		case p.component == "":
			p.component, p.uid = name, uid
		case uid != p.uid:
			return nil, Errorf(InvalidObject, "an object holds one UID only, not %q and %q (RFC 4791 section 4.1)", p.uid, uid)
		case name != p.component:
			return nil, Errorf(InvalidObject, "an object holds one kind of component only, not %s and %s (RFC 4791 section 4.1)", p.component, name)
		}
		if err := s.checkOne(c); err != nil {
			return nil, err
		}
		id := ""
		if rid := c.Prop("RECURRENCE-ID"); rid != nil {
			id = rid.Param("TZID") + ":" + rid.Value()
		} else {
			masters++
		}
		if seen[id] && p.component != "VAVAILABILITY" {
			if id == "" {
				return nil, Errorf(InvalidObject, "two %ss without RECURRENCE-ID have the same UID", name)
			}
			return nil, Errorf(InvalidObject, "two %ss have the RECURRENCE-ID %s", name, c.Value("RECURRENCE-ID"))
		}
		seen[id] = true
	}
	if p.component == "" {
		return nil, Errorf(InvalidObject, "the calendar has no component beside time zones")
	}
	var err error
	if p.component == "VAVAILABILITY" {
		if p.available, err = scheduling.ParseAvailability(cal); err != nil {
			return nil, Errorf(InvalidData, "%w", err)
		}
	}
	if p.series, err = recur.Compile(cal, p.zones); err != nil {
		return nil, Errorf(InvalidData, "%w", err)
	}
	return p, nil
}

// maxUID bounds a UID, which becomes a name and a key.
const maxUID = 1000

// checkOne validates what RFC 5545 fixes of one component and what would break clients.
func (s *Service) checkOne(c *ical.Component) error {
	for _, name := range onlyOnce {
		n := 0
		for range c.All(name) {
			n++
		}
		if n > 1 {
			return Errorf(InvalidData, "a %s has %s %d times", c.Name(), name, n)
		}
	}
	if c.Name() == "VEVENT" && c.Prop("DTSTART") == nil {
		return Errorf(InvalidData, "a VEVENT has no DTSTART (RFC 5545 section 3.6.1)")
	}
	if c.Prop("DURATION") != nil && (c.Prop("DTEND") != nil || c.Prop("DUE") != nil) {
		return Errorf(InvalidData, "a %s has both DURATION and an end (RFC 5545 section 3.8.2)", c.Name())
	}
	start, err := dateTime(c, "DTSTART")
	if err != nil {
		return err
	}
	if _, err := dateTime(c, "DUE"); err != nil {
		return err // of another form than DTSTART it is taken: programs write such tasks, and it can be understood
	}
	end, err := dateTime(c, "DTEND")
	if err != nil {
		return err
	}
	if start != nil && end != nil && start.IsDate() != end.IsDate() {
		return Errorf(InvalidData, "DTSTART and DTEND must both be dates or both be times (RFC 5545 section 3.8.2.2)")
	}
	if start != nil && end != nil && (start.Form == ical.FloatingForm) != (end.Form == ical.FloatingForm) {
		return Errorf(InvalidData, "DTSTART and DTEND must both be floating or neither (RFC 5545 section 3.8.2.2)")
	}
	if _, err := dateTime(c, "RECURRENCE-ID"); err != nil {
		return err
	}
	if p := c.Prop("DURATION"); p != nil {
		if _, err := ical.ParseDuration(p.Value()); err != nil {
			return Errorf(InvalidData, "DURATION: %w", err)
		}
	}
	attendees := 0
	for range c.All("ATTENDEE") {
		attendees++
	}
	if max := s.Limit().Attendees; attendees > max {
		return Errorf(TooManyAttendees, "more than %d attendees", max)
	}
	for a := range c.Components("VALARM") {
		if t := a.Prop("TRIGGER"); t != nil && !strings.EqualFold(t.Param("VALUE"), "DATE-TIME") {
			if _, err := ical.ParseDuration(t.Value()); err != nil {
				if _, err2 := t.DateTime(); err2 != nil {
					return Errorf(InvalidData, "TRIGGER: %w", err)
				}
			}
		}
	}
	return nil
}

// onlyOnce lists properties that must not occur twice in a component (RFC 5545 section 3.6).
var onlyOnce = []string{"UID", "DTSTART", "DTEND", "DUE", "DURATION", "RECURRENCE-ID", "ORGANIZER", "SEQUENCE", "STATUS", "TRANSP", "CLASS", "COMPLETED"}

// dateTime reads a property that may be missing.
func dateTime(c *ical.Component, name string) (*ical.DateTime, error) {
	p := c.Prop(name)
	if p == nil {
		return nil, nil
	}
	d, err := p.DateTime()
	if err != nil {
		return nil, Errorf(InvalidData, "%w", err)
	}
	return &d, nil
}

// checkName says whether a decoded path segment can name an object or a collection.
func checkName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return Errorf(BadName, "%q cannot be a name", name)
	case len(name) > 255:
		return Errorf(BadName, "a name is at most 255 octets long")
	case strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r == unicode.ReplacementChar || unicode.IsControl(r) }):
		return Errorf(BadName, "a name has no slashes and control characters")
	}
	return nil
}
