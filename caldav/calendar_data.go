package caldav

import (
	"errors"
	"net/http"
	"time"

	"kalends/calendar"
	"kalends/dav"
	"kalends/ical/query"
	"kalends/ical/recur"
	"kalends/storage"
)

var calendarDataName = dav.C("calendar-data")

// calendarData is what a report is to show of texts (RFC 4791 section 9.6).
type calendarData struct {
	query    *query.Data
	format   format
	floating *time.Location // of floating times; nil for the calendar's
	match    *calendar.Match
	zones    map[int64]*time.Location
}

// parseCalendarData reads CALDAV:calendar-data.
func parseCalendarData(e *dav.Element) (*calendarData, error) {
	json, err := contentTypeAttr(e)
	if err != nil {
		return nil, err
	}
	if v, ok := e.Attr("version"); ok && v != "2.0" {
		return nil, violates(http.StatusForbidden, dav.C("supported-calendar-data"), "calendar data have version 2.0 only")
	}
	d := &query.Data{}
	for _, c := range e.Children {
		switch c.Name {
		case dav.C("comp"):
			d.Comp, err = parseComp(c)
		case dav.C("expand"):
			d.Expand, err = wholeRange(c)
		case dav.C("limit-recurrence-set"):
			d.LimitRecurrence, err = wholeRange(c)
		case dav.C("limit-freebusy-set"):
			d.LimitFreeBusy, err = wholeRange(c)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := filterError(d.Validate()); err != nil {
		return nil, err
	}
	return &calendarData{query: d, format: format{json: json}}, nil
}

// parseComp reads CALDAV:comp (RFC 4791 section 9.6.1). The depth is bounded by that of the XML.
func parseComp(e *dav.Element) (*query.CompSelect, error) {
	name, err := nameOf(e)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "a comp in calendar-data has no name")
	}
	s := &query.CompSelect{Name: name}
	for _, c := range e.Children {
		switch c.Name {
		case dav.C("allprop"):
			s.AllProps = true
		case dav.C("allcomp"):
			s.AllComps = true
		case dav.C("prop"):
			p, err := nameOf(c)
			if err != nil {
				return nil, refuse(http.StatusBadRequest, "a prop in calendar-data has no name")
			}
			v, _ := c.Attr("novalue")
			s.Props = append(s.Props, query.PropSelect{Name: p, NoValue: v == "yes"})
		case dav.C("comp"):
			k, err := parseComp(c)
			if err != nil {
				return nil, err
			}
			s.Comps = append(s.Comps, k)
		}
	}
	return s, nil
}

// needsText reports whether the texts of objects are to be shown.
func (x *render) needsText() bool { return x.data != nil }

// calendarData writes the text of an object, as it is stored unless less is asked for. What cannot be taken apart is
// served whole.
func (x *render) calendarData(r *resource) {
	d := x.data
	if d.query.Identity() && d.format.plain() {
		x.ms.Prop(calendarDataName).TextBytes(r.obj.ICS)
		return
	}
	f := d.format
	m := d.match
	if m == nil || m.Object != r.obj {
		m = x.q.h.Calendar.MatchOf(r.obj)
	}
	text, err := x.apply(m, r)
	if errors.Is(err, recur.ErrTooMany) {
		x.ms.Failed(calendarDataName, dav.Problem{
			Status: http.StatusForbidden, Conditions: []dav.Condition{{Name: dav.C("max-instances")}},
			Description: "the object has too many instances in this time",
		})
		return
	}
	if err != nil {
		x.q.h.Log.ErrorContext(x.q.ctx, "calendar data of object", "owner", r.obj.Owner, "object", r.obj.ID, "err", err)
		text, f = r.obj.ICS, format{}
	}
	x.ms.Prop(calendarDataName, f.attrs()...).TextBytes(text)
}

func (x *render) apply(m *calendar.Match, r *resource) ([]byte, error) {
	cal, err := m.Parsed()
	if err != nil {
		return nil, err
	}
	var series *recur.Series
	if x.data.query.Expand != nil || x.data.query.LimitRecurrence != nil {
		if series, err = m.Series(); err != nil {
			return nil, err
		}
	}
	out, err := x.data.query.Apply(cal, series, x.data.zone(r.cal))
	if err != nil {
		return nil, err
	}
	return x.data.format.print(out, x.q.h.Now())
}

// zone is where floating times are: what the request says, else where the calendar is.
func (d *calendarData) zone(c *storage.Calendar) *time.Location {
	if d.floating != nil {
		return d.floating
	}
	loc, ok := d.zones[c.ID]
	if !ok {
		if d.zones == nil {
			d.zones = map[int64]*time.Location{}
		}
		loc = calendar.CalendarZone(c, nil)
		d.zones[c.ID] = loc
	}
	return loc
}
