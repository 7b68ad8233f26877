// Package query answers what CalDAV reports ask of a calendar object: whether a filter matches it
// (RFC 4791 section 9.7), and which part of it is wanted, expanded or not (section 9.6).
//
// It is pure: it knows neither XML nor storage, never changes an object it is given, and what it returns shares
// the parts of the object that are as they were. Filters and objects are both hostile: Validate bounds the one,
// budgets bound the work on the other.
package query

import (
	"fmt"
	"time"
)

// Filter is a CALDAV:filter (RFC 4791 section 9.7). It may be used by several goroutines at once.
type Filter struct {
	Comp CompFilter // for VCALENDAR
}

// CompFilter is a CALDAV:comp-filter (RFC 4791 section 9.7.1). It matches when one component of the name in the scope
// satisfies all that it asks: one instance in the range, every property and every inner component.
type CompFilter struct {
	Name         string
	IsNotDefined bool // nothing else may be set then
	Range        *TimeRange
	Props        []PropFilter
	Comps        []CompFilter
	AnyOf        bool // one of Props and Comps suffices; the range must hold in any case
}

// PropFilter is a CALDAV:prop-filter (RFC 4791 section 9.7.2). It matches when one property of the name satisfies all
// that it asks.
type PropFilter struct {
	Name         string
	IsNotDefined bool
	Range        *TimeRange
	Text         *TextMatch
	Params       []ParamFilter
	AnyOf        bool // one of Text and Params suffices; the range must hold in any case
}

// ParamFilter is a CALDAV:param-filter (RFC 4791 section 9.7.3).
type ParamFilter struct {
	Name         string
	IsNotDefined bool
	Text         *TextMatch
}

// TextMatch is a CALDAV:text-match (RFC 4791 section 9.7.5). MatchType is "", contains, equals, starts-with or ends-with
// (RFC 6352 section 10.5.4); "" is contains. An empty Collation is i;ascii-casemap.
type TextMatch struct {
	Text, Collation string
	Negate          bool
	MatchType       string
}

// TimeRange is a CALDAV:time-range (RFC 4791 section 9.9): from Start, which belongs to it, to End, which does not. A
// zero time leaves the range open on that side.
type TimeRange struct{ Start, End time.Time }

// Contains reports whether Start <= t < End.
func (r TimeRange) Contains(t time.Time) bool {
	return (r.Start.IsZero() || !t.Before(r.Start)) && (r.End.IsZero() || t.Before(r.End))
}

// overlaps is the rule for VEVENT: a span of no length belongs where its start does.
func (r TimeRange) overlaps(start, end time.Time) bool {
	if !end.After(start) {
		return r.Contains(start)
	}
	return (r.Start.IsZero() || r.Start.Before(end)) && (r.End.IsZero() || r.End.After(start))
}

// within returns what two ranges have in common; ok is false when that is nothing.
func (r TimeRange) within(q TimeRange) (TimeRange, bool) {
	if r.Start.IsZero() || !q.Start.IsZero() && q.Start.After(r.Start) {
		r.Start = q.Start
	}
	if r.End.IsZero() || !q.End.IsZero() && q.End.Before(r.End) {
		r.End = q.End
	}
	return r, r.Start.IsZero() || r.End.IsZero() || r.Start.Before(r.End)
}

// hull returns the least range that holds both.
func (r TimeRange) hull(q TimeRange) TimeRange {
	if r.Start.IsZero() || q.Start.IsZero() {
		r.Start = time.Time{}
	} else if q.Start.Before(r.Start) {
		r.Start = q.Start
	}
	if r.End.IsZero() || q.End.IsZero() {
		r.End = time.Time{}
	} else if q.End.After(r.End) {
		r.End = q.End
	}
	return r
}

// Data is a CALDAV:calendar-data (RFC 4791 section 9.6). A nil Data asks for everything.
type Data struct {
	Comp            *CompSelect // for VCALENDAR; nil is everything
	Expand          *TimeRange  // section 9.6.5
	LimitRecurrence *TimeRange  // section 9.6.6
	LimitFreeBusy   *TimeRange  // section 9.6.7
}

// CompSelect is a CALDAV:comp (RFC 4791 section 9.6.1). One that names nothing at all stands for the whole component, as
// VTIMEZONE does in the example of section 7.8.1.
type CompSelect struct {
	Name               string
	AllProps, AllComps bool
	Props              []PropSelect
	Comps              []*CompSelect
}

// PropSelect is a CALDAV:prop (RFC 4791 section 9.6.4).
type PropSelect struct {
	Name    string
	NoValue bool // name and parameters only
}

// FilterError says why a filter or a calendar-data is refused. Precondition is the local name of the violated
// precondition in the CalDAV namespace (RFC 4791 section 7.8): valid-filter, supported-filter or supported-collation;
// "" for a calendar-data, for which there is none.
type FilterError struct{ Precondition, Msg string }

func (e *FilterError) Error() string { return e.Msg }

func refuse(precondition, format string, args ...any) error {
	return &FilterError{precondition, fmt.Sprintf(format, args...)}
}
