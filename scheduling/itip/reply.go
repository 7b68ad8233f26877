package itip

import (
	"maps"
	"slices"

	"kalends/ical"
)

// reply makes the REPLY of what was collected (RFC 5546 section 3.2.3), or nil where there is nothing to tell or
// the server is not to tell it (RFC 6638 section 7.1). from is the copy that says who is the organizer.
func (a *attend) reply(from *ical.Component) *Message {
	organizer := Organizer(from)
	if organizer == "" || len(a.replies) == 0 || a.o.same(organizer, a.me) {
		return nil
	}
	for c := range from.Main() {
		if p := c.Prop("ORGANIZER"); p != nil && !byServer(p) {
			return nil
		}
	}
	src := a.out
	if src == nil {
		src = a.old
	}
	me := ical.Address(a.me)
	var list []*ical.Component
	for _, k := range slices.SortedFunc(maps.Keys(a.replies), compareKeys) {
		c := a.replies[k]
		if mine := a.o.attendeeOf(c, a.me); mine != nil {
			if len(list) == 0 {
				me = ical.Address(mine.Value()) // the address they were invited by
			}
			list = append(list, a.o.answer(c, a.me))
		}
	}
	if len(list) == 0 {
		return nil
	}
	return &Message{Reply, me, organizer, src.message(Reply, list)}
}

// said are the properties of a component that a REPLY repeats. Exchange and Google want the time and the
// summary, and the recurrence shows which revision and which instances were answered.
var said = map[string]bool{
	"UID": true, "SEQUENCE": true, "RECURRENCE-ID": true, "ORGANIZER": true, "SUMMARY": true, "LOCATION": true,
	"DTSTART": true, "DTEND": true, "DURATION": true, "DUE": true, "RRULE": true, "RDATE": true, "EXDATE": true, "COMMENT": true,
}

// answer makes of a component what its attendee says about it.
func (o Options) answer(c *ical.Component, me string) *ical.Component {
	mine := o.attendeeOf(c, me)
	k := ical.New(c.Name())
	for _, p := range c.Props() {
		switch {
		case p.Name() == "ATTENDEE":
			if p != mine && (!o.same(p.Param("DELEGATED-FROM"), me) || PartStat(mine) != "DELEGATED") {
				continue
			}
		case !said[p.Name()] && (c.Name() != "VTODO" || !progress[p.Name()]):
			continue
		}
		k.Add(p.Clone())
	}
	stripParams(k)
	k.Add(ical.NewProperty("REQUEST-STATUS", "2.0;Success"))
	if k.Prop("SEQUENCE") == nil {
		k.Add(ical.NewProperty("SEQUENCE", "0"))
	}
	setStamp(k, o.Now)
	return k
}
