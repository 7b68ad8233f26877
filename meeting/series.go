package meeting

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
)

// repeat changes how a series repeats: as the change says, or so that its instances move with its start.
func (e *edit) repeat(o *Object, master *ical.Component, was, is span) error {
	switch {
	case e.Recurrence.Null:
		for _, name := range []string{"RRULE", "RDATE", "EXDATE", "EXRULE"} {
			master.Remove(name)
		}
		o.Cal.RemoveChildren(func(c *ical.Component) bool { return c.Prop("RECURRENCE-ID") != nil })
		o.set(o.Cal)
		return nil
	case e.Recurrence.Sent:
		text, err := e.Recurrence.Value.rule(is.start, o.location(is.start))
		if err != nil {
			return err
		}
		master.Set(ical.NewProperty("RRULE", text))
	case was.same(is):
		return nil
	case master.Prop("RRULE") != nil:
		if err := o.shiftRule(master, was, is); err != nil {
			return err
		}
	}
	if err := o.shiftInstances(master, was, is); err != nil {
		return err
	}
	return o.dropStrays(master)
}

// shiftRule makes a rule fit a start that was moved: the n-th instance moves as far on the wall clock as the first.
func (o *Object) shiftRule(master *ical.Component, was, is span) error {
	by := is.start.Wall.Sub(was.start.Wall)
	if by == 0 && was.start.Form == is.start.Form && was.start.TZID == is.start.TZID {
		return nil // only its length was changed
	}
	text := master.Value("RRULE")
	parsed, err := recur.ParseRule(text)
	if err != nil {
		return invalid("recurrence", "%v", err)
	}
	parts := ruleParts(text)
	days := int(dayOf(is.start.Wall).Sub(dayOf(was.start.Wall)).Hours() / 24)
	again := invalid("recurrence", "must be sent anew, because the series repeats on days or times that the new start is not on")
	for _, name := range []string{"BYHOUR", "BYMINUTE", "BYSECOND"} {
		if parts.get(name) != "" && by%(24*time.Hour) != 0 {
			return again
		}
	}
	if days != 0 {
		for _, name := range []string{"BYSETPOS", "BYYEARDAY", "BYWEEKNO", "BYMONTH"} {
			if parts.get(name) != "" {
				return again
			}
		}
		if day := parts.get("BYMONTHDAY"); day != "" {
			n, err := strconv.Atoi(day)
			if err != nil || parsed.RScale() != "GREGORIAN" || n != was.start.Wall.Day() || is.start.Wall.Day() > 28 {
				return again
			}
			parts.set("BYMONTHDAY", strconv.Itoa(is.start.Wall.Day()))
		}
		if list := parts.get("BYDAY"); list != "" {
			moved, ok := shiftDays(list, days)
			if !ok || parsed.Frequency() != recur.Weekly && parsed.Frequency() != recur.Daily {
				return again
			}
			parts.set("BYDAY", moved)
		}
	}
	if wall, utc, ok := parsed.Until(); ok {
		if utc {
			wall = zone.Wall(wall, o.location(was.start))
		}
		parts.set("UNTIL", untilOf(is.start, wall.Add(by), o.location(is.start)))
	}
	master.Set(ical.NewProperty("RRULE", parts.String()))
	return nil
}

func dayOf(t time.Time) time.Time { return t.Truncate(24 * time.Hour) }

// shiftDays moves the days of a BYDAY without numbers.
func shiftDays(list string, by int) (string, bool) {
	codes := strings.Split(strings.ToUpper(list), ",")
	for i, code := range codes {
		n := slices.Index(dayCodes, strings.TrimSpace(code))
		if n < 0 {
			return "", false
		}
		codes[i] = dayCodes[((n+by)%7+7)%7]
	}
	return strings.Join(codes, ","), true
}

// shiftInstances moves what is said of single instances with the series: exceptions, additions, and instances of their own.
func (o *Object) shiftInstances(master *ical.Component, was, is span) error {
	by := is.start.Wall.Sub(was.start.Wall)
	loc := o.location(was.start)
	shift := func(d ical.DateTime) ical.DateTime {
		n := is.start
		n.Wall = o.like(d, was.start, loc).Wall.Add(by)
		return n
	}
	for _, name := range []string{"EXDATE", "RDATE"} {
		var list []ical.DateTime
		for p := range master.All(name) {
			if equalWord(p.Param("VALUE"), "PERIOD") {
				return invalid("start", "this series has additions with lengths of their own, which only the program that made them can move")
			}
			dates, err := p.DateTimes()
			if err != nil {
				return invalid("start", "the series has an exception that cannot be read: %v", err)
			}
			for _, d := range dates {
				list = append(list, shift(d))
			}
		}
		if len(list) == 0 {
			continue
		}
		master.Remove(name)
		for _, d := range list {
			master.Add(d.Property(name))
		}
	}
	for _, c := range o.Main {
		p := c.Prop("RECURRENCE-ID")
		if p == nil {
			continue
		}
		id, err := p.DateTime()
		if err != nil {
			return invalid("start", "the series has an instance that cannot be read: %v", err)
		}
		moved := shift(id)
		start, end, _ := Times(c)
		if o.instant(start).Equal(o.instant(id)) && start.IsDate() == id.IsDate() { // not moved by itself
			length := end.Wall.Sub(start.Wall)
			if length == was.end.Wall.Sub(was.start.Wall) {
				length = is.end.Wall.Sub(is.start.Wall)
			}
			last := moved
			if last.Wall = moved.Wall.Add(length); start.IsDate() != moved.IsDate() {
				last.Wall = moved.Wall.Add(is.end.Wall.Sub(is.start.Wall))
			}
			setSpan(c, span{moved, last})
		}
		p.SetDateTime(moved)
	}
	return nil
}

// like returns a time of a series in the form of the series.
func (o *Object) like(d, start ical.DateTime, loc *time.Location) ical.DateTime {
	switch {
	case d.Form == start.Form && d.TZID == start.TZID:
		return d
	case start.IsDate():
		d.Wall = dayOf(d.Wall)
	case !d.IsDate():
		d.Wall = zone.Wall(o.instant(d), loc)
	}
	d.Form, d.TZID = start.Form, start.TZID
	return d
}

// dropStrays takes out of a series what is said of instances that it does not have any more.
func (o *Object) dropStrays(master *ical.Component) error {
	bare := ical.NewCalendar("")
	for z := range o.Cal.Components("VTIMEZONE") {
		bare.AddChild(z)
	}
	rule := master.Clone()
	rule.Remove("EXDATE")
	bare.AddChild(rule)
	series, err := recur.Compile(bare, o.zones)
	if err != nil {
		return invalid("recurrence", "%v", err)
	}
	has := func(d ical.DateTime) bool {
		_, ok := series.Lookup(d, o.here)
		return ok
	}
	var out []ical.DateTime
	for p := range master.All("EXDATE") {
		dates, err := p.DateTimes()
		if err != nil {
			continue
		}
		out = append(out, dates...)
	}
	if slices.ContainsFunc(out, func(d ical.DateTime) bool { return !has(d) }) {
		master.Remove("EXDATE")
		for _, d := range out {
			if has(d) {
				master.Add(d.Property("EXDATE"))
			}
		}
	}
	o.Cal.RemoveChildren(func(c *ical.Component) bool {
		p := c.Prop("RECURRENCE-ID")
		if p == nil {
			return false
		}
		d, err := p.DateTime()
		return err == nil && !has(d)
	})
	o.set(o.Cal)
	return nil
}

// exclude takes one instance out of a series. It reports false when nothing is left.
func (o *Object) exclude(x Occurrence, now time.Time) bool {
	if o.Main[x.Component].Prop("RECURRENCE-ID") != nil {
		if c, err := o.override(x); err == nil { // not what stands for later instances, too
			o.Cal.RemoveChildren(func(k *ical.Component) bool { return k == c })
		}
	}
	if master := o.Cal.Master(); master != nil {
		master.Add(x.RecurrenceID.Property("EXDATE"))
		touch(master, now, true)
	}
	o.set(o.Cal)
	if len(o.Main) == 0 {
		return false
	}
	series, err := o.Series()
	if err != nil {
		return true // it is for package calendar to say
	}
	for range series.BetweenMax(time.Time{}, time.Time{}, o.here, 1) {
		return true
	}
	return false
}

// first reports whether an instance is the first of its series.
func (o *Object) first(x Occurrence) bool {
	start, _, ok := Times(o.Cal.Master())
	return ok && !x.RecurrenceID.Wall.After(start.Wall)
}

// ranged reports whether the component of an instance stands for all later ones, too: RANGE=THISANDFUTURE (RFC 5545 section 3.2.13).
func (o *Object) ranged(x Occurrence) bool {
	p := o.Main[x.Component].Prop("RECURRENCE-ID")
	return p != nil && equalWord(p.Param("RANGE"), "THISANDFUTURE")
}

// cut ends a series before an instance.
func (o *Object) cut(x Occurrence, now time.Time) error {
	master := o.Cal.Master()
	start, _, _ := Times(master)
	loc := o.location(start)
	at := x.RecurrenceID.Wall
	if text := master.Value("RRULE"); text != "" {
		parts := ruleParts(text)
		parts.set("COUNT", "")
		last := at.Add(-time.Second)
		if start.IsDate() {
			last = at.AddDate(0, 0, -1)
		}
		parts.set("UNTIL", untilOf(start, last, loc))
		master.Set(ical.NewProperty("RRULE", parts.String()))
	}
	before := func(d ical.DateTime) bool { return o.like(d, start, loc).Wall.Before(at) }
	o.keepInstances(master, before)
	touch(master, now, true)
	return nil
}

// rest makes an object of a series from an instance on, under another UID.
func (o *Object) rest(x Occurrence, uid string, now time.Time) (*Object, error) {
	row := *o.Row
	row.UID, row.ID = uid, 0
	t := &Object{Row: &row, mine: o.mine, here: o.here}
	t.set(o.Cal.Clone())
	master := t.Cal.Master()
	start, _, _ := Times(master)
	loc := o.location(start)
	at := x.RecurrenceID.Wall
	if text := master.Value("RRULE"); text != "" {
		parsed, err := recur.ParseRule(text)
		if err != nil {
			return nil, invalid("recurrence", "%v", err)
		}
		if n := parsed.Count(); n > 0 {
			for wall := range parsed.Walls(start.Wall, time.Time{}) {
				if !wall.Before(at) {
					break
				}
				n--
			}
			parts := ruleParts(text)
			parts.set("COUNT", strconv.Itoa(max(n, 1)))
			master.Set(ical.NewProperty("RRULE", parts.String()))
		}
	}
	t.keepInstances(master, func(d ical.DateTime) bool { return !o.like(d, start, loc).Wall.Before(at) })
	move(master, at.Sub(start.Wall))
	for _, c := range t.Main {
		c.Set(ical.NewText("UID", uid))
		c.Set(ical.NewProperty("CREATED", now.UTC().Format(utcLayout)))
		c.Remove("SEQUENCE")
		for p := range c.All("ATTENDEE") { // what was sent, and what orders answers, belongs to the old series
			for _, name := range []string{"SCHEDULE-STATUS", "X-SEQUENCE", "X-DTSTAMP"} {
				p.RemoveParam(name)
			}
		}
	}
	return t, nil
}

// keepInstances keeps of what is said of single instances only what keep holds for.
func (o *Object) keepInstances(master *ical.Component, keep func(ical.DateTime) bool) {
	for _, name := range []string{"EXDATE", "RDATE"} {
		var stay []*ical.Property
		changed := false
		for p := range master.All(name) {
			dates, err := p.DateTimes()
			if err != nil || !slices.ContainsFunc(dates, func(d ical.DateTime) bool { return !keep(d) }) {
				stay = append(stay, p)
				continue
			}
			changed = true
			values := strings.Split(p.Value(), ",")
			var left []string
			for i, d := range dates {
				if keep(d) && i < len(values) {
					left = append(left, values[i])
				}
			}
			if len(left) > 0 {
				p = p.Clone()
				p.SetValue(strings.Join(left, ","))
				stay = append(stay, p)
			}
		}
		if changed {
			master.Remove(name)
			for _, p := range stay {
				master.Add(p)
			}
		}
	}
	o.Cal.RemoveChildren(func(c *ical.Component) bool {
		p := c.Prop("RECURRENCE-ID")
		if p == nil {
			return false
		}
		d, err := p.DateTime()
		return err == nil && !keep(d)
	})
	o.set(o.Cal)
}

// askAgain takes back the answers of a meeting that takes place at another time.
func (o *Object) askAgain() {
	for _, c := range o.Main {
		for p := range c.All("ATTENDEE") {
			if !o.mine(ical.Address(p.Value())) && !equalWord(p.Param("PARTSTAT"), "DELEGATED") {
				p.SetParam("PARTSTAT", "NEEDS-ACTION")
				p.SetParam("RSVP", "TRUE")
			}
		}
	}
}
