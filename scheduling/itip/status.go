package itip

import (
	"kalends/ical"
)

// SetStatus writes the SCHEDULE-STATUS of a delivery (RFC 6638 section 3.2.9) into the stored object: on all ATTENDEE lines of
// the person, or on ORGANIZER where the person is the organizer, who gets no messages as attendee. An empty code removes it. It changes the component given, and
// reports whether it did.
func SetStatus(stored *ical.Component, address, code string, same Same) bool {
	o := Options{Same: same}
	name := "ATTENDEE"
	if o.same(Organizer(stored), address) {
		name = "ORGANIZER"
	}
	changed := false
	for c := range stored.Main() {
		for p := range c.All(name) {
			if !o.same(p.Value(), address) {
				continue
			}
			if code == "" {
				changed = p.RemoveParam("SCHEDULE-STATUS") || changed
			} else if v := p.ParamValues("SCHEDULE-STATUS"); len(v) != 1 || v[0] != code {
				p.SetParam("SCHEDULE-STATUS", code)
				changed = true
			}
		}
	}
	return changed
}
