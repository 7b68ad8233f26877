package itip

import (
	"slices"
	"strings"

	"kalends/ical"
)

// personal are the properties that belong to whose copy it is, beside those that [private] names.
var personal = map[string]bool{
	"TRANSP": true, "CATEGORIES": true, "COLOR": true, "CLASS": true, "CREATED": true,
	"ACKNOWLEDGED": true,
}

// progress are the properties of a VTODO that say how far its attendee has come.
var progress = map[string]bool{"PERCENT-COMPLETE": true, "COMPLETED": true, "STATUS": true}

func isPersonal(p *ical.Property) bool {
	return personal[p.Name()] || p.Name() != "REQUEST-STATUS" && private(p)
}

// personalText tells whether two components are alike in what is personal.
func personalText(c *ical.Component) string {
	var b strings.Builder
	for _, p := range c.Props() {
		if isPersonal(p) {
			b.WriteString(p.Line())
			b.WriteByte('\n')
		}
	}
	for k := range c.Components("VALARM") {
		b.WriteString(k.String())
	}
	return b.String()
}

// deliveryParams say on the ORGANIZER of an attendee's copy who sends the answers, and what became of them.
var deliveryParams = []string{"SCHEDULE-AGENT", "SCHEDULE-STATUS"}

// merge returns the component c of a message with what is the attendee's own in have, which may be nil.
func (r *receiver) merge(have, c *ical.Component) *ical.Component {
	n := incoming(c)
	if have == nil {
		// A new instance has the delivery of the others (RFC 6638 section 7.1: SCHEDULE-AGENT is the same on every ORGANIZER).
		for _, k := range r.copy.all() {
			other := r.copy.get(k)
			if org, had := n.Prop("ORGANIZER"), other.Prop("ORGANIZER"); org != nil && had != nil && r.o.attendeeOf(other, r.me) != nil {
				copyParams(org, had, deliveryParams)
				break
			}
		}
		return n
	}
	n.RemoveFunc(isPersonal)
	for _, p := range have.Props() {
		if isPersonal(p) {
			n.Add(p.Clone())
		}
	}
	for k := range have.Components("VALARM") {
		n.AddChild(k.Clone())
	}
	my, mine := r.o.attendeeOf(n, r.me), r.o.attendeeOf(have, r.me)
	if my == nil || mine == nil {
		return n // the delivery was that of somebody who had no part in it
	}
	if org, had := n.Prop("ORGANIZER"), have.Prop("ORGANIZER"); org != nil && had != nil {
		copyParams(org, had, deliveryParams)
	}
	if r.resets(have, c) {
		r.anew = true
		return n
	}
	if PartStat(mine) == "NEEDS-ACTION" || isCancelled(have) {
		return n
	}
	copyParams(my, mine, []string{"PARTSTAT", "RSVP", "DELEGATED-TO"})
	for _, q := range mine.Params() {
		if strings.HasPrefix(q.Name, "X-") && !my.HasParam(q.Name) {
			my.SetParam(q.Name, q.Values...)
		}
	}
	if n.Name() == "VTODO" && !isCancelled(c) {
		n.RemoveFunc(func(p *ical.Property) bool { return progress[p.Name()] })
		for _, p := range have.Props() {
			if progress[p.Name()] {
				n.Add(p.Clone())
			}
		}
	}
	return n
}

// resets reports whether c, the message's component for have, calls for a new answer. An EXDATE that is gone
// may have been the attendee's own. Where an organizer on this server brings an instance back, the answer was reset; of others an
// instance that is back is taken to be named.
func (r *receiver) resets(have, c *ical.Component) bool {
	my := PartStat(r.o.attendeeOf(c, r.me))
	return rescheduled(r.copy, have, r.msg, c, my == "NEEDS-ACTION" && r.o.Local)
}

// removeExdate takes k out of the EXDATEs of a master.
func (ob *object) removeExdate(master *ical.Component, k key) {
	for _, p := range slices.Collect(master.All("EXDATE")) {
		list, err := p.DateTimes()
		if err != nil {
			continue
		}
		var rest []string
		for _, d := range list {
			if ob.key(d) != k {
				rest = append(rest, d.String())
			}
		}
		switch {
		case len(rest) == len(list):
		case len(rest) == 0:
			master.RemoveFunc(func(q *ical.Property) bool { return q == p })
		default:
			p.SetValue(strings.Join(rest, ","))
		}
	}
}

func sortKeys(keys []key) { slices.SortFunc(keys, compareKeys) }
