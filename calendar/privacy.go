package calendar

import (
	"strings"

	"kalends/ical"
	"kalends/storage"
)

// privacyOf is the strictest CLASS of an object's components. A value that is not known counts as PRIVATE
// (RFC 5545 section 3.8.1.3).
func privacyOf(cal *ical.Component) storage.Privacy {
	strictest := storage.Public
	for c := range cal.Main() {
		p := storage.Private
		switch strings.ToUpper(strings.TrimSpace(c.Value("CLASS"))) {
		case "", "PUBLIC":
			p = storage.Public
		case "CONFIDENTIAL":
			p = storage.Confidential
		}
		strictest = max(strictest, p)
	}
	return strictest
}

// insider reports whether who sees all that is in owner's calendars: the owner, and who looks after a room or resource,
// which does not log in itself.
func insider(who, owner *storage.Principal) bool {
	if who == nil || owner == nil {
		return false
	}
	if who.ID == owner.ID {
		return true
	}
	if owner.Kind != storage.Room && owner.Kind != storage.Resource {
		return false
	}
	_, write := who.ActsFor.For(owner.ID)
	return who.Admin || write
}

// Visible returns an object as who (nil for nobody in particular) may see it in owner's calendars: what is CLASS:PRIVATE is not there for
// others, nil, and of what is CONFIDENTIAL they see only when it is. It decides by the row; a text is only read where it is there and is
// to be cut. An object that has no text gets no size.
func Visible(who, owner *storage.Principal, o *storage.Object) *storage.Object {
	if o == nil || o.Privacy == storage.Public || insider(who, owner) {
		return o
	}
	if o.Privacy != storage.Confidential {
		return nil
	}
	cut := *o
	cut.ETag, cut.ScheduleTag, cut.Organizer = cutETag(o.ETag), "", ""
	cut.Size = 0
	if len(o.ICS) > 0 {
		cal, err := ical.Parse(o.ICS)
		if err != nil {
			return nil // nobody can say what is in it
		}
		cut.ICS = onlyTimes(cal).Bytes()
		cut.Size = int64(len(cut.ICS))
	}
	return &cut
}

// VisibleOf is Visible for many; what is not there for who is left out. The list is the result's.
func VisibleOf(who, owner *storage.Principal, list []*storage.Object) []*storage.Object {
	if insider(who, owner) {
		return list
	}
	seen := list[:0]
	for _, o := range list {
		if o = Visible(who, owner, o); o != nil {
			seen = append(seen, o)
		}
	}
	return seen
}

// cutETag is that of an object of which only the times are shown. It changes with the object's own.
func cutETag(etag string) string { return strings.TrimSuffix(etag, `"`) + `-c"` }

// visibleChanges leaves out of a list of changes what who may not see. What programs may have seen, because it was there
// when they had the token since, is said to be gone.
func visibleChanges(who, owner *storage.Principal, list []storage.Change, since int64) []storage.Change {
	if insider(who, owner) {
		return list
	}
	seen := list[:0]
	for _, c := range list {
		switch {
		case c.Privacy == storage.Public:
		case c.Privacy == storage.Confidential:
			c.ETag, c.ScheduleTag, c.Size = cutETag(c.ETag), "", 0
		case c.ID > since: // an id is the change number at which it was made
			continue
		default:
			c = storage.Change{Name: c.Name, Seq: c.Seq, Deleted: true}
		}
		seen = append(seen, c)
	}
	return seen
}

// untouchable refuses changes of what who does not see all of: they would lose the rest.
func untouchable(who, owner *storage.Principal, o *storage.Object) error {
	if o == nil || o.Privacy == storage.Public || insider(who, owner) {
		return nil
	}
	return Errorf(Forbidden, "what is there is private, and only its owner can change it")
}

// shown are the properties that say when something is, and what programs need to keep it apart from others.
var shown = map[string]bool{
	"UID": true, "DTSTAMP": true, "DTSTART": true, "DTEND": true, "DUE": true, "DURATION": true, "COMPLETED": true,
	"RRULE": true, "RDATE": true, "EXDATE": true, "EXRULE": true, "RECURRENCE-ID": true, "SEQUENCE": true, "STATUS": true,
	"TRANSP": true, "CLASS": true, "FREEBUSY": true, "BUSYTYPE": true, "PRIORITY": true,
}

// busySummary stands for what a confidential event is about.
const busySummary = "Busy"

// onlyTimes is an object without what it is about, who is in it, and its alarms.
func onlyTimes(cal *ical.Component) *ical.Component {
	out := ical.New(cal.Name())
	for _, name := range [...]string{"VERSION", "PRODID", "CALSCALE"} {
		if p := cal.Prop(name); p != nil {
			out.Add(p)
		}
	}
	for k := range cal.Components("VTIMEZONE") {
		out.AddChild(k)
	}
	for c := range cal.Main() {
		out.AddChild(timesOf(c))
	}
	return out
}

func timesOf(c *ical.Component) *ical.Component {
	out := ical.New(c.Name())
	for _, p := range c.Props() {
		if shown[p.Name()] && (p.Name() != "PRIORITY" || c.Name() == "VAVAILABILITY") {
			p = ical.NewProperty(p.Name(), p.Value(), timeParams(p)...)
			out.Add(p)
		}
	}
	switch c.Name() {
	case "VEVENT", "VTODO", "VJOURNAL":
		out.Add(ical.NewText("SUMMARY", busySummary))
	}
	for k := range c.Components("AVAILABLE") {
		out.AddChild(timesOf(k))
	}
	return out
}

// timeParams are the parameters that a time needs; others may say more than they should.
func timeParams(p *ical.Property) []ical.Param {
	var list []ical.Param
	for _, q := range p.Params() {
		switch q.Name {
		case "TZID", "VALUE", "RANGE", "FBTYPE":
			list = append(list, q)
		}
	}
	return list
}
