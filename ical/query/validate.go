package query

import (
	"slices"
	"strings"
	"time"
)

// Limits of one request. Real ones have a handful of each.
const (
	maxFilters = 200
	maxSelects = 1_000
	maxDepth   = 8
	maxName    = 200
	maxText    = 10_000 // octets of one text-match
)

const (
	validFilter        = "valid-filter"
	supportedFilter    = "supported-filter"
	supportedCollation = "supported-collation"
)

// Collations are what text-match supports (RFC 4791 section 7.5.1: the property supported-collation-set).
func Collations() []string { return []string{asciiCasemap, octet, unicodeCasemap} }

// mains are the components that calendar objects consist of (RFC 4791 section 4.1) and whose time a series knows.
var mains = []string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY"}

func isMain(name string) bool { return slices.Contains(mains, name) }

// available is the component of RFC 7953: it has a time, but no series knows it.
const available = "VAVAILABILITY"

// scopes says where the components of RFC 5545 may stand. Components it does not know may stand anywhere.
var scopes = map[string][]string{
	"VCALENDAR": {""},
	"VEVENT":    {"VCALENDAR"},
	"VTODO":     {"VCALENDAR"},
	"VJOURNAL":  {"VCALENDAR"},
	"VFREEBUSY": {"VCALENDAR"},
	"VTIMEZONE": {"VCALENDAR"},
	available:   {"VCALENDAR"},
	"VALARM":    {"VEVENT", "VTODO"},
	"STANDARD":  {"VTIMEZONE"},
	"DAYLIGHT":  {"VTIMEZONE"},
}

// timeProps are the properties a time-range may be asked of. RFC 4791 section 9.9 has the first seven.
var timeProps = []string{"COMPLETED", "CREATED", "DTEND", "DTSTAMP", "DTSTART", "DUE", "LAST-MODIFIED",
	"RECURRENCE-ID", "RDATE", "EXDATE", "ACKNOWLEDGED"}

// Validate checks what RFC 4791 sections 7.8 and 9.7 demand of a filter. The error is a *[FilterError]. Match,
// Window and Wants are for valid filters.
func (f *Filter) Validate() error {
	v := validator{}
	return v.comp(&f.Comp, "", 1)
}

type validator struct{ filters int }

// one counts a filter and checks its name.
func (v *validator) one(kind, name string) error {
	if v.filters++; v.filters > maxFilters {
		return refuse(supportedFilter, "the filter has more than %d parts", maxFilters)
	}
	if name == "" || len(name) > maxName {
		return refuse(validFilter, "a %s-filter needs a name of at most %d octets", kind, maxName)
	}
	return nil
}

func (v *validator) comp(f *CompFilter, parent string, depth int) error {
	if err := v.one("comp", f.Name); err != nil {
		return err
	}
	name := strings.ToUpper(f.Name)
	switch where, known := scopes[name]; {
	case parent == "" && name != "VCALENDAR":
		return refuse(validFilter, "the outermost comp-filter must be for VCALENDAR, not %.40q", f.Name)
	case known && !slices.Contains(where, parent):
		return refuse(validFilter, "no %s can stand in %s", name, parent)
	case depth > maxDepth:
		return refuse(supportedFilter, "comp-filters are nested more than %d deep", maxDepth)
	case f.IsNotDefined && (f.Range != nil || len(f.Props)+len(f.Comps) > 0):
		return refuse(validFilter, "is-not-defined and other conditions exclude each other in the comp-filter for %.40q", f.Name)
	}
	if f.Range != nil {
		if _, known := scopes[name]; !known {
			return refuse(supportedFilter, "time-range is not supported for %.40q", f.Name)
		} else if !isMain(name) && name != "VALARM" && name != available {
			return refuse(validFilter, "a %s has no time-range", name)
		}
		if err := checkRange(f.Range, validFilter, false); err != nil {
			return err
		}
	}
	for i := range f.Props {
		if err := v.prop(&f.Props[i]); err != nil {
			return err
		}
	}
	for i := range f.Comps {
		if err := v.comp(&f.Comps[i], name, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (v *validator) prop(f *PropFilter) error {
	if err := v.one("prop", f.Name); err != nil {
		return err
	}
	if f.IsNotDefined && (f.Range != nil || f.Text != nil || len(f.Params) > 0) {
		return refuse(validFilter, "is-not-defined and other conditions exclude each other in the prop-filter for %.40q", f.Name)
	}
	if f.Range != nil {
		switch name := strings.ToUpper(f.Name); {
		case f.Text != nil:
			return refuse(validFilter, "time-range and text-match exclude each other in the prop-filter for %.40q", f.Name)
		case slices.Contains(timeProps, name):
		case strings.HasPrefix(name, "X-"):
			return refuse(supportedFilter, "time-range is not supported for %.40q", f.Name)
		default:
			return refuse(validFilter, "%.40q is no time", f.Name)
		}
		if err := checkRange(f.Range, validFilter, false); err != nil {
			return err
		}
	}
	if err := f.Text.validate(); err != nil {
		return err
	}
	for i := range f.Params {
		p := &f.Params[i]
		if err := v.one("param", p.Name); err != nil {
			return err
		}
		if p.IsNotDefined && p.Text != nil {
			return refuse(validFilter, "is-not-defined and text-match exclude each other in the param-filter for %.40q", p.Name)
		}
		if err := p.Text.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (t *TextMatch) validate() error {
	if t == nil {
		return nil
	}
	if collationOf(t.Collation) == "" {
		return refuse(supportedCollation, "collation %.40q is not supported, only %s", t.Collation, strings.Join(Collations(), ", "))
	}
	switch t.MatchType {
	case "", "contains", "equals", "starts-with", "ends-with":
	default:
		return refuse(validFilter, "match-type %.40q is none of contains, equals, starts-with, ends-with", t.MatchType)
	}
	if len(t.Text) > maxText {
		return refuse(supportedFilter, "a text-match has more than %d octets", maxText)
	}
	return nil
}

// checkRange checks RFC 4791 section 9.9: at least one end, both in order; both for the ranges of a calendar-data.
func checkRange(r *TimeRange, precondition string, both bool) error {
	switch open := r.Start.IsZero() || r.End.IsZero(); {
	case both && open:
		return refuse(precondition, "the range needs a start and an end")
	case r.Start.IsZero() && r.End.IsZero():
		return refuse(precondition, "a time-range needs a start or an end")
	case !open && !r.End.After(r.Start):
		return refuse(precondition, "a time-range must end after its start (%s, %s)", utc(r.Start), utc(r.End))
	}
	return nil
}

func utc(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// Validate checks what RFC 4791 section 9.6 demands. The error is a *[FilterError] without a precondition.
func (d *Data) Validate() error {
	if d == nil {
		return nil
	}
	if d.Expand != nil && d.LimitRecurrence != nil {
		return refuse("", "expand and limit-recurrence-set exclude each other")
	}
	for _, r := range [...]*TimeRange{d.Expand, d.LimitRecurrence, d.LimitFreeBusy} {
		if r != nil {
			if err := checkRange(r, "", true); err != nil {
				return err
			}
		}
	}
	if d.Comp == nil {
		return nil
	}
	if !strings.EqualFold(d.Comp.Name, "VCALENDAR") {
		return refuse("", "the outermost comp must be VCALENDAR, not %.40q", d.Comp.Name)
	}
	n := 0
	return d.Comp.validate(&n, 1)
}

func (s *CompSelect) validate(n *int, depth int) error {
	if *n += 1 + len(s.Props); *n > maxSelects || depth > maxDepth {
		return refuse("", "calendar-data names more than %d components and properties, or nests deeper than %d", maxSelects, maxDepth)
	}
	for _, k := range s.Comps {
		if k == nil {
			return refuse("", "a comp without content")
		}
		if err := k.validate(n, depth+1); err != nil {
			return err
		}
	}
	return nil
}
