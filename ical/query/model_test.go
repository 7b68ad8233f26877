package query

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/ical"
)

// modelEvent is a recurring event whose instances are counted out one by one. Its times of day lie where no clock
// changes, so that Go's own arithmetic is right.
type modelEvent struct {
	ics       string
	instances []modelInstance
	alarm     time.Duration // before the start
	repeat    int           // more rings, ten minutes apart
	mend      time.Duration // length of the master
	overrides []modelOverride
}

type modelInstance struct {
	id, start, end time.Time
	summary        string
}

type modelOverride struct {
	id, start, end time.Time
	summary        string
}

func newModelEvent(r *rand.Rand, t testing.TB, zoneName string) *modelEvent {
	e := &modelEvent{alarm: time.Duration(r.IntN(3000)) * time.Minute, repeat: r.IntN(3)}
	loc := time.UTC
	if zoneName != "" {
		loc = location(t, zoneName)
	}
	allDay := r.IntN(4) == 0
	hour := 8 + r.IntN(10)
	days := r.IntN(3) + 1
	e.mend = time.Duration(r.IntN(5)) * 30 * time.Minute
	var start func(d time.Time) time.Time
	var end func(s time.Time) time.Time
	var stamp func(name string, t time.Time) string
	switch {
	case allDay: // dates in the zone of the query
		start = func(d time.Time) time.Time { return time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, loc) }
		end = func(s time.Time) time.Time { return s.AddDate(0, 0, days) }
		stamp = func(name string, t time.Time) string { return name + ";VALUE=DATE:" + t.In(loc).Format("20060102") }
	default:
		start = func(d time.Time) time.Time { return time.Date(d.Year(), d.Month(), d.Day(), hour, 0, 0, 0, loc) }
		end = func(s time.Time) time.Time { return s.Add(e.mend) }
		stamp = func(name string, t time.Time) string { return name + ":" + t.UTC().Format("20060102T150405Z") }
		if zoneName != "" {
			stamp = func(name string, t time.Time) string {
				return name + ";TZID=" + zoneName + ":" + t.In(loc).Format("20060102T150405")
			}
		}
	}
	first := time.Date(2026, time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC)
	step, freq := 1, "DAILY"
	if r.IntN(2) == 0 {
		step, freq = 7, "WEEKLY"
	}
	interval := 1 + r.IntN(3)
	count := 1 + r.IntN(40)

	var b strings.Builder
	component := func(extra, summary string, s, e2 time.Time) {
		fmt.Fprintf(&b, "BEGIN:VEVENT\nUID:1@example.com\n%s\nSUMMARY:%s\n", stamp("DTSTART", s), summary)
		if allDay || e2.After(s) {
			fmt.Fprintf(&b, "%s\n", stamp("DTEND", e2))
		}
		fmt.Fprintf(&b, "%sBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT%dM\n", extra, e.alarm/time.Minute)
		if e.repeat > 0 {
			fmt.Fprintf(&b, "REPEAT:%d\nDURATION:PT10M\n", e.repeat)
		}
		b.WriteString("END:VALARM\nEND:VEVENT\n")
	}
	var exdates string
	for i := range count {
		s := start(first.AddDate(0, 0, i*step*interval))
		in := modelInstance{s, s, end(s), "plain"}
		switch k := r.IntN(12); {
		case k == 0:
			exdates += stamp("EXDATE", s) + "\n"
			continue
		case k == 1:
			in.start = start(first.AddDate(0, 0, r.IntN(count*step*interval+20)-10))
			in.end = end(in.start)
			in.summary = []string{"moved", "else"}[r.IntN(2)]
			e.overrides = append(e.overrides, modelOverride(in))
		}
		e.instances = append(e.instances, in)
	}
	s := start(first)
	component(fmt.Sprintf("RRULE:FREQ=%s;INTERVAL=%d;COUNT=%d\n%s", freq, interval, count, exdates), "plain", s, end(s))
	for _, o := range e.overrides {
		component(stamp("RECURRENCE-ID", o.id)+"\n", o.summary, o.start, o.end)
	}
	e.ics = b.String()
	return e
}

func overlap(r TimeRange, start, end time.Time) bool {
	if start.Equal(end) {
		return !r.Start.After(start) && r.End.After(start)
	}
	return r.Start.Before(end) && r.End.After(start)
}

// The filter and the expansion of random events in random windows must be what counting says.
func TestAgainstModel(t *testing.T) {
	n := 3000
	if testing.Short() {
		n = 300
	}
	r := rand.New(rand.NewPCG(4791, 99))
	for i := range n {
		zoneName := []string{"", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"}[r.IntN(4)]
		e := newModelEvent(r, t, zoneName)
		cal := object(t, e.ics)
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(600*48)) * 30 * time.Minute)
		w := TimeRange{from, from.Add(time.Duration(1+r.IntN(20*48)) * 30 * time.Minute)}
		fail := func(what string, got, want any) {
			t.Fatalf("case %d: %s in [%s, %s) = %v, want %v\n%s", i, what, w.Start, w.End, got, want, e.ics)
		}

		var want []string
		anyPlain, anyMoved, rings := false, false, false
		for _, in := range e.instances {
			for k := range e.repeat + 1 {
				at := in.start.Add(-e.alarm + time.Duration(k)*10*time.Minute)
				rings = rings || !w.Start.After(at) && w.End.After(at)
			}
			if !overlap(w, in.start, in.end) {
				continue
			}
			want = append(want, fmt.Sprint(in.start.Unix(), in.end.Unix(), in.id.Unix()))
			anyPlain = anyPlain || in.summary == "plain"
			anyMoved = anyMoved || in.summary == "moved"
		}
		summary := func(s string) []PropFilter { return []PropFilter{{Name: "SUMMARY", Text: &TextMatch{Text: s}}} }
		if got := match(t, filter("VEVENT", CompFilter{Range: &w}), cal, zoneName); got != (len(want) > 0) {
			fail("range", got, len(want) > 0)
		}
		if got := match(t, filter("VEVENT", CompFilter{Range: &w, Props: summary("plain")}), cal, zoneName); got != anyPlain {
			fail("range and master", got, anyPlain)
		}
		if got := match(t, filter("VEVENT", CompFilter{Range: &w, Props: summary("moved")}), cal, zoneName); got != anyMoved {
			fail("range and override", got, anyMoved)
		}
		if got := match(t, filter("VEVENT", CompFilter{Comps: []CompFilter{{Name: "VALARM", Range: &w}}}), cal, zoneName); got != rings {
			fail("alarm", got, rings)
		}

		var got []string
		for c := range apply(t, &Data{Expand: &w}, cal, zoneName).Components("VEVENT") {
			k := newClock(cal, location(t, zoneName))
			id, _, _ := k.property(c, "RECURRENCE-ID")
			start, end, _ := k.span(c)
			got = append(got, fmt.Sprint(start.Unix(), end.Unix(), id.Unix()))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			fail("expand", got, want)
		}

		var kept, keep []string
		for _, o := range e.overrides {
			orig := o.id.Add(e.mend)
			if strings.Contains(e.ics, "DTSTART;VALUE=DATE") {
				loc := location(t, zoneName)
				if loc == nil {
					loc = time.UTC
				}
				s := e.span(t, cal, zoneName)
				orig = o.id.In(loc).AddDate(0, 0, s)
			}
			if overlap(w, o.start, o.end) || overlap(w, o.id, orig) {
				keep = append(keep, fmt.Sprint(o.id.Unix()))
			}
		}
		for c := range apply(t, &Data{LimitRecurrence: &w}, cal, zoneName).Components("VEVENT") {
			k := newClock(cal, location(t, zoneName))
			if id, _, ok := k.property(c, "RECURRENCE-ID"); ok {
				kept = append(kept, fmt.Sprint(id.Unix()))
			}
		}
		slices.Sort(kept)
		slices.Sort(keep)
		if !slices.Equal(kept, keep) {
			fail("limit-recurrence-set", kept, keep)
		}
	}
}

// span is the length of an all-day master in days.
func (e *modelEvent) span(t testing.TB, cal *ical.Component, _ string) int {
	t.Helper()
	from, err := cal.Master().Prop("DTSTART").DateTime()
	if err != nil {
		t.Fatal(err)
	}
	to, err := cal.Master().Prop("DTEND").DateTime()
	if err != nil {
		t.Fatal(err)
	}
	return int(to.Wall.Sub(from.Wall) / (24 * time.Hour))
}
