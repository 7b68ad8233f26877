package meeting

import (
	"slices"
	"strings"
	"time"

	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/zone"
	"kalends/storage"
)

// edit is a change of a meeting that was checked as far as it can be without the meeting.
type edit struct {
	*MeetingChange
	owner  *storage.Principal // of the calendar
	guests []guest            // whom Invited names
	now    time.Time
	// zone is that of meetings which have had none.
	zone string
	loc  *time.Location
}

// times reports whether the change concerns when the meeting takes place.
func (e *edit) times() bool {
	return e.Start != "" || e.End != "" || e.TimeZone != "" || e.AllDay != nil || e.Recurrence.Sent
}

// others names the fields that only the organizer may change.
func (e *edit) others() []string {
	var list []string
	for _, f := range []struct {
		name string
		sent bool
	}{
		{"name", e.Name.Sent}, {"description", e.Description.Sent}, {"location", e.Location.Sent}, {"start", e.Start != ""},
		{"end", e.End != ""}, {"timeZone", e.TimeZone != ""}, {"allDay", e.AllDay != nil}, {"recurrence", e.Recurrence.Sent},
		{"invited", e.Invited.Sent}, {"link", e.Link.Sent}, {"status", e.Status != ""},
	} {
		if f.sent {
			list = append(list, f.name)
		}
	}
	return list
}

// setPrivacy writes what others see of a component.
func setPrivacy(c *ical.Component, privacy string) {
	word := classes[privacy]
	switch {
	case word == "PUBLIC" && c.Prop("CLASS") == nil, equalWord(c.Value("CLASS"), word):
	default:
		c.Set(ical.NewProperty("CLASS", word))
	}
}

// fields are the parts of a meeting that are not its times: what they are made of, whether a change sends them, and how they are
// set. What other programs keep beside a text to say the same goes with it, else it would contradict.
var fields = []struct {
	names []string // properties; VALARM stands for all alarms
	sent  func(e *edit) bool
	set   func(e *edit, o *Object, c *ical.Component)
}{
	{[]string{"SUMMARY"}, func(e *edit) bool { return e.Name.Sent }, func(e *edit, _ *Object, c *ical.Component) {
		setText(c, "SUMMARY", e.Name.Value)
	}},
	{[]string{"DESCRIPTION"}, func(e *edit) bool { return e.Description.Sent }, func(e *edit, _ *Object, c *ical.Component) {
		if c.Text("DESCRIPTION") != e.Description.Value {
			c.Remove("X-ALT-DESC")
			c.Remove("STYLED-DESCRIPTION")
		}
		setText(c, "DESCRIPTION", e.Description.Value)
	}},
	{[]string{"LOCATION"}, func(e *edit) bool { return e.Location.Sent }, func(e *edit, _ *Object, c *ical.Component) {
		if c.Text("LOCATION") != e.Location.Value {
			c.Remove("X-APPLE-STRUCTURED-LOCATION")
			c.Remove("GEO")
		}
		setText(c, "LOCATION", e.Location.Value)
	}},
	{[]string{"CONFERENCE", "URL"}, func(e *edit) bool { return e.Link.Sent }, func(e *edit, _ *Object, c *ical.Component) {
		setLink(c, e.Link.Value)
	}},
	{[]string{"STATUS"}, func(e *edit) bool { return e.Status != "" }, func(e *edit, _ *Object, c *ical.Component) {
		if word := statuses[e.Status]; !equalWord(c.Value("STATUS"), word) {
			c.Set(ical.NewProperty("STATUS", word))
		}
	}},
	{[]string{"TRANSP"}, func(e *edit) bool { return e.Busy != nil }, func(e *edit, _ *Object, c *ical.Component) {
		if *e.Busy == !equalWord(c.Value("TRANSP"), "TRANSPARENT") {
			return
		}
		c.Remove("X-MICROSOFT-CDO-BUSYSTATUS")
		word := "OPAQUE"
		if !*e.Busy {
			word = "TRANSPARENT"
		}
		c.Set(ical.NewProperty("TRANSP", word))
	}},
	{[]string{"CLASS"}, func(e *edit) bool { return e.Privacy != "" }, func(e *edit, _ *Object, c *ical.Component) {
		setPrivacy(c, e.Privacy)
	}},
	{[]string{"VALARM"}, func(e *edit) bool { return e.Reminders.Sent }, func(e *edit, _ *Object, c *ical.Component) {
		setReminders(c, e.Reminders.Value)
	}},
	{nil, func(e *edit) bool { return e.Invited.Sent }, func(e *edit, o *Object, c *ical.Component) {
		setInvited(c, e.owner, o.mine, e.guests)
	}},
}

// apply changes in a component what is not its times. Where like is not nil, only what was as in it: an instance that
// was given a name of its own keeps it.
func (e *edit) apply(o *Object, c, like *ical.Component) {
	for _, f := range fields {
		if f.sent(e) && (like == nil || alike(c, like, f.names)) {
			f.set(e, o, c)
		}
	}
}

// alike reports whether two components have the same properties of these names.
func alike(a, b *ical.Component, names []string) bool {
	text := func(c *ical.Component) string {
		var t strings.Builder
		for _, name := range names {
			for p := range c.All(name) {
				t.WriteString(p.Line() + "\n")
			}
			for k := range c.Components(name) {
				t.WriteString(k.String())
			}
		}
		return t.String()
	}
	return text(a) == text(b)
}

// span works out when a component takes place after the change.
func (e *edit) span(o *Object, c *ical.Component) (was, is span, err error) {
	was.start, was.end, _ = Times(c)
	is = was
	if e.Start == "" && e.End == "" && e.TimeZone == "" && e.AllDay == nil {
		return was, is, nil
	}
	allDay := was.start.IsDate()
	if e.AllDay != nil && *e.AllDay != allDay {
		if e.Start == "" {
			return was, is, invalid("start", "must be sent with allDay")
		}
		allDay = *e.AllDay
	}
	name, loc := e.zone, e.loc
	switch was.start.Form {
	case ical.UTCForm:
		name, loc = "UTC", time.UTC
	case ical.FloatingForm:
		name, loc = "", o.here
	case ical.ZonedForm:
		name, loc = was.start.TZID, o.location(was.start)
	}
	if e.TimeZone != "" {
		if name, loc, err = ReadZone("timeZone", e.TimeZone); err != nil {
			return was, is, err
		}
	}
	start, end := When{was.start.IsDate(), o.instant(was.start)}, When{was.start.IsDate(), o.instant(was.end)}
	if start.Date {
		start.Time, end.Time = was.start.Wall, was.end.Wall
	}
	length := end.Time.Sub(start.Time)
	if e.Start != "" {
		if start, err = ReadWhen("start", e.Start); err != nil {
			return was, is, err
		}
		if start.Date != allDay {
			return was, is, form("start", allDay)
		}
		end = When{allDay, start.Time.Add(length)}
		switch {
		case e.AllDay == nil || *e.AllDay == was.start.IsDate():
		case allDay:
			end.Time = start.Time.AddDate(0, 0, 1)
		case e.End == "":
			return was, is, invalid("end", "must be sent where a meeting of whole days becomes one with a time")
		}
	}
	if e.End != "" {
		if end, err = ReadWhen("end", e.End); err != nil {
			return was, is, err
		}
		if end.Date != allDay {
			return was, is, form("end", allDay)
		}
	}
	if !end.Time.After(start.Time) && (e.End != "" || length > 0) {
		return was, is, invalid("end", "must be after start")
	}
	is.start = start.stamp(name, loc)
	if e.TimeZone == "" && e.End == "" && was.end.Form == ical.ZonedForm && !allDay && was.end.TZID != was.start.TZID {
		name, loc = was.end.TZID, o.location(was.end) // a flight lands in another zone
	}
	is.end = end.stamp(name, loc)
	return was, is, nil
}

func form(field string, allDay bool) error {
	if allDay {
		return invalid(field, "must be a date such as 2026-03-02, because the meeting takes whole days")
	}
	return invalid(field, "must be an instant such as 2026-03-02T09:00:00+01:00; for whole days send allDay")
}

// same reports whether two spans are written alike.
func (s span) same(t span) bool {
	return s.start == t.start && s.end == t.end
}

// whole changes a meeting that does not repeat, or a whole series.
func (e *edit) whole(o *Object) error {
	master := o.Cal.Master()
	if master == nil {
		return &Error{Kind: calendar.BadRequest, Reason: NoInstance, Detail: "you are invited to some instances of this series only; say which one by ?instance="}
	}
	before := master.Clone()
	was, is, err := e.span(o, master)
	if err != nil {
		return err
	}
	e.apply(o, master, nil)
	moved := !was.same(is)
	if moved {
		setSpan(master, is)
		for _, d := range []ical.DateTime{is.start, is.end} {
			if err := addZone(o.Cal, d); err != nil {
				return err
			}
		}
	}
	if err := e.repeat(o, master, was, is); err != nil {
		return err
	}
	touch(master, e.now, moved || e.Recurrence.Sent)
	for _, c := range o.Main {
		if c == master {
			continue
		}
		e.apply(o, c, before)
		touch(c, e.now, moved)
	}
	return nil
}

// one changes one instance of a series.
func (e *edit) one(o *Object, x Occurrence) error {
	if e.Recurrence.Sent {
		return invalid("recurrence", "one instance does not repeat")
	}
	c, err := o.override(x)
	if err != nil {
		return err
	}
	was, is, err := e.span(o, c)
	if err != nil {
		return err
	}
	if was.start.IsDate() != is.start.IsDate() {
		return invalid("allDay", "cannot be changed in one instance of a series")
	}
	e.apply(o, c, nil)
	if !was.same(is) {
		setSpan(c, is)
		for _, d := range []ical.DateTime{is.start, is.end} {
			if err := addZone(o.Cal, d); err != nil {
				return err
			}
		}
	}
	touch(c, e.now, !was.same(is))
	o.set(o.Cal)
	return nil
}

// override returns the component of one instance, which it makes where there is none (RFC 5545 section 3.8.4.4).
func (o *Object) override(x Occurrence) (*ical.Component, error) {
	series, err := o.Series()
	if err != nil {
		return nil, err
	}
	c := series.Single(o.Cal, x.Instance, o.here)
	if c == nil {
		return nil, notThere("instance")
	}
	o.Main = slices.Collect(o.Cal.Main())
	return c, nil
}

// move shifts the times of a component on the wall clock.
func move(c *ical.Component, by time.Duration) {
	for _, name := range []string{"DTSTART", "DTEND"} {
		if p := c.Prop(name); p != nil {
			if d, err := p.DateTime(); err == nil {
				d.Wall = d.Wall.Add(by)
				p.SetDateTime(d)
			}
		}
	}
}

// find returns the instance that a parameter of the query names.
func (o *Object) Find(param, text string) (Occurrence, error) {
	series, err := o.Series()
	if err != nil {
		return Occurrence{}, err
	}
	if !series.Recurring() {
		return Occurrence{}, &Error{Kind: calendar.BadRequest, Reason: NoInstance, Detail: "this meeting does not repeat; leave out ?" + param + "=",
			Fields: []FieldError{{true, param, "the meeting does not repeat"}}}
	}
	w, err := ReadWhen(param, text)
	if err != nil {
		return Occurrence{}, invalidQuery(param, "must be the instance of a meeting: an instant, or a date where it takes whole days")
	}
	first := o.Cal.Master()
	if first == nil {
		first = o.Main[0]
	}
	id := ical.DateTime{Wall: w.Time.UTC(), Form: ical.UTCForm}
	switch start, _, _ := Times(first); {
	case w.Date:
		id = ical.DateTime{Wall: w.Time, Form: ical.DateForm}
	case start.Form == ical.FloatingForm:
		id = ical.DateTime{Wall: zone.Wall(w.Time, o.here), Form: ical.FloatingForm}
	}
	x, ok := series.Lookup(id, o.here)
	if !ok {
		return Occurrence{}, notThere("instance of this meeting")
	}
	return Occurrence{x, true}, nil
}

// organized reports whether the owner of the calendar may decide about the meeting: nobody else has invited them.
func (o *Object) Organized() bool {
	for _, c := range o.Main {
		if p := c.Prop("ORGANIZER"); p != nil && o.mine(ical.Address(p.Value())) {
			return true
		}
	}
	return !o.IsInvited()
}

// invited reports whether the owner of the calendar is among the attendees.
func (o *Object) IsInvited() bool {
	for _, c := range o.Main {
		for p := range c.All("ATTENDEE") {
			if o.mine(ical.Address(p.Value())) {
				return true
			}
		}
	}
	return false
}
