// Package personal divides a calendar object that several people share into what all of them see and what is each one's own:
// their alarms, and whether the time counts as busy for them. RFC 4791 knows no such thing; calendar programs expect it of shared
// calendars, since an alarm that one of them sets would ring for all.
package personal

import (
	"slices"
	"strings"

	"kalends/ical"
)

// own reports whether a property is each one's own: what Thunderbird notes about alarms that were shown.
func own(p *ical.Property) bool {
	name := p.Name()
	return name == "X-MOZ-LASTACK" || name == "X-MOZ-GENERATION" || strings.HasPrefix(name, "X-MOZ-SNOOZE-TIME")
}

// volatile reports whether a property may differ in what is otherwise the same: programs write it at every save.
func volatile(p *ical.Property) bool {
	switch p.Name() {
	case "DTSTAMP", "LAST-MODIFIED", "CREATED", "SEQUENCE":
		return true
	}
	return own(p)
}

// key tells the components of one object apart.
func key(c *ical.Component) string {
	if p := c.Prop("RECURRENCE-ID"); p != nil {
		return p.Param("TZID") + ":" + strings.TrimSpace(p.Value())
	}
	return ""
}

func find(cal *ical.Component, id string) *ical.Component {
	if cal == nil {
		return nil
	}
	for c := range cal.Main() {
		if key(c) == id {
			return c
		}
	}
	return nil
}

// counterpart is the component of cal that says what c says there: of its key, else for a new override the master.
func counterpart(cal, c *ical.Component) *ical.Component {
	if k := find(cal, key(c)); k != nil {
		return k
	}
	return find(cal, "")
}

// Has reports whether an object has anything that is its owner's own and not for others to see.
func Has(cal *ical.Component) bool {
	for c := range cal.Main() {
		if c.Component("VALARM") != nil || slices.ContainsFunc(c.Props(), own) {
			return true
		}
	}
	return false
}

// Split divides what somebody wrote who shares an object: into the object as it is for all, and what is theirs, nil for nothing. old
// is the object as it is stored, nil for a new one; its owner's alarms and transparency stay in it. Nothing given is changed.
//
// A new object has the transparency that it is made with, for all.
func Split(body, old *ical.Component) (shared, mine *ical.Component) {
	shared = body.Clone()
	mine = ical.New("VCALENDAR")
	for c := range shared.Main() {
		part := ical.New(c.Name())
		if p := c.Prop("RECURRENCE-ID"); p != nil {
			part.Add(p.Clone())
		}
		something := false
		for _, p := range c.Props() {
			if own(p) {
				part.Add(p.Clone())
				something = true
			}
		}
		for a := range c.Components("VALARM") {
			part.AddChild(a.Clone())
			something = true
		}
		was := counterpart(old, c)
		if was != nil && transp(c) != transp(was) {
			part.Set(ical.NewProperty("TRANSP", transp(c)))
			something = true
			setTransp(c, was.Prop("TRANSP"))
		}
		c.RemoveFunc(own)
		c.RemoveChildren(alarm)
		if was != nil {
			give(c, was)
		}
		// What has nothing of its own says so, or the master's alarms would be taken for an instance that lost them.
		if something || key(c) != "" {
			mine.AddChild(part)
		}
	}
	if !says(mine) {
		return shared, nil
	}
	return shared, mine
}

// says reports whether anything is in what is somebody's own.
func says(mine *ical.Component) bool {
	for c := range mine.Components("") {
		if len(c.Children()) > 0 || slices.ContainsFunc(c.Props(), func(p *ical.Property) bool { return p.Name() != "RECURRENCE-ID" }) {
			return true
		}
	}
	return false
}

// Compose returns an object as somebody sees it who shares it: with what is theirs (nil for nothing) in the place of what is the owner's.
// Nothing given is changed.
func Compose(shared, mine *ical.Component) *ical.Component {
	out := shared.Clone()
	for c := range out.Main() {
		c.RemoveFunc(own)
		c.RemoveChildren(alarm)
		from := partFor(mine, c)
		if from == nil {
			continue
		}
		if p := from.Prop("TRANSP"); p != nil {
			setTransp(c, p)
		}
		give(c, from)
	}
	return out
}

// partFor is what somebody has of their own for a component of an object.
func partFor(mine, c *ical.Component) *ical.Component {
	if mine == nil {
		return nil
	}
	var master *ical.Component
	for k := range mine.Components("") {
		switch key(k) {
		case key(c):
			return k
		case "":
			master = k
		}
	}
	return master
}

// Same reports whether two texts of an object say the same to everybody: whatever is somebody's own in them, and what programs
// write at each save, is not compared.
func Same(a, b *ical.Component) bool {
	parts := func(cal *ical.Component) map[string]string {
		m := map[string]string{}
		for c := range cal.Main() {
			m[key(c)] = essence(c)
		}
		return m
	}
	x, y := parts(a), parts(b)
	if len(x) != len(y) {
		return false
	}
	for k, v := range x {
		if w, ok := y[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// essence is what a component says to everybody, in an order that does not depend on who wrote it.
func essence(c *ical.Component) string {
	var lines []string
	for _, p := range c.Props() {
		if !volatile(p) && p.Name() != "TRANSP" {
			lines = append(lines, canonical(p))
		}
	}
	for k := range c.Components("") {
		if !alarm(k) {
			lines = append(lines, strings.Join(strings.Fields(k.String()), " "))
		}
	}
	lines = append(lines, "TRANSP:"+transp(c))
	slices.Sort(lines)
	return c.Name() + "\n" + strings.Join(lines, "\n")
}

// canonical is a property without the order of its parameters, and without how it was folded.
func canonical(p *ical.Property) string {
	params := make([]string, 0, len(p.Params()))
	for _, q := range p.Params() {
		params = append(params, strings.ToUpper(q.Name)+"="+strings.Join(q.Values, ","))
	}
	slices.Sort(params)
	return p.Name() + ";" + strings.Join(params, ";") + ":" + p.Value()
}

func alarm(c *ical.Component) bool { return c.Name() == "VALARM" }

// give adds what is somebody's own in from to c.
func give(c, from *ical.Component) {
	for _, p := range from.Props() {
		if own(p) {
			c.Add(p.Clone())
		}
	}
	for a := range from.Components("VALARM") {
		c.AddChild(a.Clone())
	}
}

// transp is whether the time of a component is busy (RFC 5545 section 3.8.2.7); "" where it has none of this.
func transp(c *ical.Component) string {
	if c.Name() != "VEVENT" {
		return ""
	}
	if strings.EqualFold(strings.TrimSpace(c.Value("TRANSP")), "TRANSPARENT") {
		return "TRANSPARENT"
	}
	return "OPAQUE"
}

// setTransp makes a component's TRANSP that one, nil for none.
func setTransp(c *ical.Component, p *ical.Property) {
	if p == nil {
		c.Remove("TRANSP")
		return
	}
	c.Set(p.Clone())
}
