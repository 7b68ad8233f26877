package reminder

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

// Bounds of the alarms of one object; what is beyond them is not looked at.
const (
	maxAlarms  = 32                 // of one component
	maxKeys    = 64                 // different ones of one object
	maxRepeats = 32                 // REPEAT
	maxSpan    = 7 * 24 * time.Hour // from an alarm's first to its last repetition
)

// alarm is a VALARM (RFC 5545 section 3.6.6) that can become a mail.
type alarm struct {
	comp *ical.Component
	trigger
	acked time.Time // RFC 9074 section 6.1; zero for never
}

// trigger says when an alarm is due. Two alarms of an object with equal action and trigger are one alarm: Evolution
// multiplies them, and others draw them new UIDs.
type trigger struct {
	action   string
	absolute bool
	at       time.Time // where absolute
	end      bool      // RELATED=END
	offset   ical.Duration
	repeat   int
	every    ical.Duration
}

// key names an alarm among those of its object. It is made of what the alarm does and not of its UID: it is the
// same after every rewrite of the object that leaves the alarm as it is, and in each override that repeats it.
func (t trigger) key() string {
	s := fmt.Sprint(t.action, t.absolute, t.end, t.offset, t.repeat, t.every)
	if t.absolute {
		s += t.at.UTC().Format(time.RFC3339)
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// readAlarms returns the alarms of a VEVENT or VTODO that can become mails: EMAIL always, DISPLAY and AUDIO with display.
// Others, such as Apple's NONE, and alarms that a place sets off (RFC 9074 section 8), are left out, and so
// are those that make no sense.
func readAlarms(c *ical.Component, display bool, res *zone.Resolver, floating *time.Location) []*alarm {
	var list []*alarm
	seen := map[trigger]*alarm{}
	lastAck := utc(c.Prop("X-MOZ-LASTACK"))
	for v := range c.Components("VALARM") {
		if len(list) >= maxAlarms {
			break
		}
		t, ok := readTrigger(v, display, res, floating)
		if !ok {
			continue
		}
		// What Thunderbird notes at the event holds for all its alarms.
		acked := later(utc(v.Prop("ACKNOWLEDGED")), lastAck)
		if twin := seen[t]; twin != nil {
			twin.acked = later(twin.acked, acked)
			continue
		}
		a := &alarm{comp: v, trigger: t, acked: acked}
		seen[t] = a
		list = append(list, a)
	}
	return list
}

func readTrigger(v *ical.Component, display bool, res *zone.Resolver, floating *time.Location) (trigger, bool) {
	t := trigger{action: strings.ToUpper(strings.TrimSpace(v.Value("ACTION")))}
	switch t.action {
	case "EMAIL":
	case "DISPLAY", "AUDIO":
		if !display {
			return t, false
		}
	default:
		return t, false
	}
	if v.Prop("PROXIMITY") != nil || v.Prop("X-APPLE-PROXIMITY") != nil {
		return t, false
	}
	p := v.Prop("TRIGGER")
	if p == nil {
		return t, false
	}
	var err error
	if strings.ContainsAny(p.Value(), "Pp") {
		t.offset, err = ical.ParseDuration(p.Value())
		t.end = strings.EqualFold(p.Param("RELATED"), "END")
	} else {
		// RFC 5545 section 3.8.6.3 wants UTC; what is not is read as other times are.
		var d ical.DateTime
		if d, err = p.DateTime(); err == nil {
			t.absolute, t.at = true, instant(d, res, floating)
		}
	}
	if err != nil {
		return t, false
	}
	t.repeat, t.every = readRepeat(v)
	return t, true
}

// readRepeat returns how often an alarm is repeated, and after what (RFC 5545 section 3.8.6.2), within bounds.
func readRepeat(v *ical.Component) (int, ical.Duration) {
	n, err := strconv.Atoi(strings.TrimSpace(v.Value("REPEAT")))
	if err != nil || n <= 0 {
		return 0, ical.Duration{}
	}
	every, err := ical.ParseDuration(v.Value("DURATION"))
	if err != nil || every.Exact() <= 0 {
		return 0, ical.Duration{}
	}
	n = min(n, maxRepeats, int(maxSpan/every.Exact()))
	if n == 0 {
		return 0, ical.Duration{}
	}
	return n, every
}

// instant returns when a value is in res' zones. Dates and floating times, and those of unknown zones, are read in floating.
func instant(d ical.DateTime, res *zone.Resolver, floating *time.Location) time.Time {
	return zone.Instant(d.Wall, location(d, res, floating))
}

func location(d ical.DateTime, res *zone.Resolver, floating *time.Location) *time.Location {
	switch d.Form {
	case ical.UTCForm:
		return time.UTC
	case ical.ZonedForm:
		if loc, ok := res.Location(d.TZID); ok {
			return loc
		}
	}
	return floating
}

// times calls fn with the due times of the alarm for something from start to end, in order, until it returns false.
func (t *trigger) times(start, end time.Time, loc *time.Location, fn func(due time.Time) bool) {
	first := t.at
	if !t.absolute {
		base := start
		if t.end {
			base = end
		}
		first = zone.After(base, t.offset, loc)
	}
	for k := range t.repeat + 1 {
		d := t.every
		d.Days, d.Time = d.Days*k, d.Time*time.Duration(k)
		if !fn(zone.After(first, d, loc)) {
			return
		}
	}
}

// reach returns by how much the last due time may lie after what the alarm is related to, and the first one before it
// (negative), with room for days of other lengths than 24 hours.
func (t *trigger) reach() (last, first time.Duration) {
	slack := time.Duration(0)
	if t.offset.Days != 0 || t.every.Days != 0 {
		slack = 26 * time.Hour
	}
	o := t.offset.Exact()
	return o + time.Duration(t.repeat)*t.every.Exact() + slack, o - slack
}

func utc(p *ical.Property) time.Time {
	if p == nil {
		return time.Time{}
	}
	d, err := p.DateTime()
	if err != nil || d.Form != ical.UTCForm {
		return time.Time{}
	}
	return d.Wall
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
