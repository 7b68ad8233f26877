package caldav

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"kalends/calendar"
	"kalends/dav"
	"kalends/ical/query"
)

// utcLayout is a UTC time as attributes of CalDAV have it (RFC 4791 section 9.9).
const utcLayout = "20060102T150405Z"

// parseFilter reads CALDAV:filter (RFC 4791 section 9.7), which holds the comp-filter for VCALENDAR.
func parseFilter(e *dav.Element) (*query.Filter, error) {
	if e == nil {
		return nil, refuse(http.StatusBadRequest, "a calendar-query has a filter (RFC 4791 section 9.5)")
	}
	var outer *dav.Element
	for c := range e.All(dav.C("comp-filter")) {
		if outer != nil {
			return nil, invalidFilter("a filter holds one comp-filter, for VCALENDAR")
		}
		outer = c
	}
	if outer == nil {
		return nil, invalidFilter("a filter holds one comp-filter, for VCALENDAR")
	}
	comp, err := parseCompFilter(outer)
	if err != nil {
		return nil, err
	}
	f := &query.Filter{Comp: comp}
	return f, filterError(f.Validate())
}

func invalidFilter(format string, args ...any) error {
	return violates(http.StatusForbidden, dav.C("valid-filter"), format, args...)
}

// filterError tells what package query refuses.
func filterError(err error) error {
	e, ok := errors.AsType[*query.FilterError](err)
	switch {
	case !ok:
		return err
	case e.Precondition == "":
		return refuse(http.StatusBadRequest, "%s", e.Msg)
	}
	return violates(http.StatusForbidden, dav.C(e.Precondition), "%s", e.Msg)
}

// nameOf reads the name attribute of a filter or selection.
func nameOf(e *dav.Element) (string, error) {
	name, _ := e.Attr("name")
	name = strings.ToUpper(strings.TrimSpace(name))
	if name == "" {
		return "", invalidFilter("a %s has no name", e.Local)
	}
	return name, nil
}

// anyOf reads the attribute test, which the RFC has for address books and programs send for calendars too.
func anyOf(e *dav.Element) bool {
	v, _ := e.Attr("test")
	return v == "anyof"
}

func parseCompFilter(e *dav.Element) (f query.CompFilter, err error) {
	if f.Name, err = nameOf(e); err != nil {
		return f, err
	}
	f.AnyOf = anyOf(e)
	for _, c := range e.Children {
		switch c.Name {
		case dav.C("is-not-defined"):
			f.IsNotDefined = true
		case dav.C("time-range"):
			f.Range, err = oneRange(f.Range, c)
		case dav.C("prop-filter"):
			var p query.PropFilter
			p, err = parsePropFilter(c)
			f.Props = append(f.Props, p)
		case dav.C("comp-filter"):
			var k query.CompFilter
			k, err = parseCompFilter(c)
			f.Comps = append(f.Comps, k)
		default:
			err = unknownFilter(c)
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// unknownFilter refuses what a filter of ours cannot hold: to leave it out would answer another question
// (RFC 4791 section 7.8, supported-filter). What another namespace adds is ignored.
func unknownFilter(e *dav.Element) error {
	if e.Space != dav.NSCalDAV || e.Local == "is-defined" { // of drafts; it changes nothing
		return nil
	}
	c := dav.Condition{Name: dav.C("supported-filter"), Elements: []*dav.Element{dav.NewElement(e.Name, "")}}
	return &refusal{status: http.StatusForbidden, msg: "a filter cannot hold " + e.Local + " here", conditions: []dav.Condition{c}}
}

func parsePropFilter(e *dav.Element) (f query.PropFilter, err error) {
	if f.Name, err = nameOf(e); err != nil {
		return f, err
	}
	f.AnyOf = anyOf(e)
	for _, c := range e.Children {
		switch c.Name {
		case dav.C("is-not-defined"):
			f.IsNotDefined = true
		case dav.C("time-range"):
			f.Range, err = oneRange(f.Range, c)
		case dav.C("text-match"):
			f.Text, err = oneText(f.Text, c)
		case dav.C("param-filter"):
			var p query.ParamFilter
			p, err = parseParamFilter(c)
			f.Params = append(f.Params, p)
		default:
			err = unknownFilter(c)
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

func parseParamFilter(e *dav.Element) (f query.ParamFilter, err error) {
	if f.Name, err = nameOf(e); err != nil {
		return f, err
	}
	for _, c := range e.Children {
		switch c.Name {
		case dav.C("is-not-defined"):
			f.IsNotDefined = true
		case dav.C("text-match"):
			f.Text, err = oneText(f.Text, c)
		default:
			err = unknownFilter(c)
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

func oneText(old *query.TextMatch, e *dav.Element) (*query.TextMatch, error) {
	if old != nil {
		return nil, invalidFilter("a filter holds one text-match")
	}
	t := &query.TextMatch{Text: e.Text}
	t.Collation, _ = e.Attr("collation")
	t.MatchType, _ = e.Attr("match-type")
	switch v, _ := e.Attr("negate-condition"); v {
	case "", "no":
	case "yes":
		t.Negate = true
	default:
		return nil, invalidFilter("negate-condition is yes or no, not %.20q", v)
	}
	return t, nil
}

func oneRange(old *query.TimeRange, e *dav.Element) (*query.TimeRange, error) {
	if old != nil {
		return nil, invalidFilter("a filter holds one time-range")
	}
	r, err := parseRange(e)
	if err != nil {
		return nil, invalidFilter("%v", err)
	}
	return r, nil
}

// parseRange reads the attributes start and end, of which one may be missing (RFC 4791 section 9.9).
func parseRange(e *dav.Element) (*query.TimeRange, error) {
	r := &query.TimeRange{}
	for _, a := range []struct {
		name string
		to   *time.Time
	}{{"start", &r.Start}, {"end", &r.End}} {
		v, ok := e.Attr(a.name)
		if !ok {
			continue
		}
		t, err := time.Parse(utcLayout, v)
		if err != nil {
			return nil, calendar.Errorf(calendar.BadRequest, "the %s %.30q of a %s is not a UTC time such as 20060102T150405Z", a.name, v, e.Local)
		}
		*a.to = t
	}
	switch {
	case r.Start.IsZero() && r.End.IsZero():
		return nil, calendar.Errorf(calendar.BadRequest, "%s has a start or an end", e.Local)
	case !r.Start.IsZero() && !r.End.IsZero() && !r.Start.Before(r.End):
		return nil, calendar.Errorf(calendar.BadRequest, "%s must end after its start", e.Local)
	}
	return r, nil
}

// wholeRange is parseRange where both ends must be there (RFC 4791 sections 9.6.5 and 7.10).
func wholeRange(e *dav.Element) (*query.TimeRange, error) {
	r, err := parseRange(e)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%v", err)
	}
	if r.Start.IsZero() || r.End.IsZero() {
		return nil, refuse(http.StatusBadRequest, "%s has a start and an end", e.Local)
	}
	return r, nil
}
