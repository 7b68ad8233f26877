package query

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
)

// at reads 20060102T150405, with or without Z, or a date; "" is an open end.
func at(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	layout := "20060102T150405"
	if len(s) == 8 {
		layout = "20060102"
	}
	t, err := time.Parse(layout, strings.TrimSuffix(s, "Z"))
	if err != nil {
		panic(err)
	}
	return t
}

func between(start, end string) *TimeRange { return &TimeRange{at(start), at(end)} }

// object wraps lines into a VCALENDAR.
func object(t testing.TB, body string) *ical.Component {
	t.Helper()
	body = strings.ReplaceAll(strings.TrimSpace(body), "\n", "\r\n")
	cal, err := ical.Parse([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example Corp.//CalDAV Client//EN\r\n" + body + "\r\nEND:VCALENDAR\r\n"))
	if err != nil {
		t.Fatalf("%v in\n%s", err, body)
	}
	return cal
}

func series(t testing.TB, cal *ical.Component) *recur.Series {
	t.Helper()
	s, err := recur.Compile(cal, nil)
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	return s
}

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	if name == "" {
		return nil
	}
	loc, ok := zone.Load(name)
	if !ok {
		t.Fatalf("no zone %s", name)
	}
	return loc
}

// events is a filter for VEVENT, or another component.
func filter(name string, f CompFilter) *Filter {
	f.Name = name
	return &Filter{CompFilter{Name: "VCALENDAR", Comps: []CompFilter{f}}}
}

// match validates and matches, and makes sure that the object stays as it was.
func match(t testing.TB, f *Filter, cal *ical.Component, floating string) bool {
	t.Helper()
	if err := f.Validate(); err != nil {
		t.Fatalf("invalid filter: %v", err)
	}
	before := cal.String()
	got, err := f.Match(cal, series(t, cal), location(t, floating))
	if err != nil {
		t.Fatalf("Match: %v", err)
	}
	alone, err := f.Match(cal, nil, location(t, floating))
	if err != nil || alone != got {
		t.Fatalf("Match without series = %v, %v; with = %v", alone, err, got)
	}
	if cal.String() != before {
		t.Fatal("Match changed the object")
	}
	if got {
		for c := range cal.Main() {
			if !f.Wants(c.Name()) {
				t.Fatalf("matches, but Wants(%s) = false", c.Name())
			}
		}
		if w, ok := f.Window(); ok {
			if cal.Component(w.Component) == nil {
				t.Fatalf("matches, but the window is for %s", w.Component)
			}
			wide := filter(w.Component, CompFilter{Range: &TimeRange{w.Start, w.End}})
			if w.Start.IsZero() && w.End.IsZero() {
				wide = filter(w.Component, CompFilter{})
			}
			if in, err := wide.Match(cal, nil, location(t, floating)); err != nil || !in {
				t.Fatalf("matches, but not in its window %v: %v", w, err)
			}
		}
	}
	return got
}

func TestTimeRangeTables(t *testing.T) {
	// The bounds of each component, and what RFC 4791 section 9.9 and RFC 7953 section 3.1 say of windows around them. Each window is start,
	// end and whether it matches.
	type window struct {
		start, end string
		want       bool
	}
	event := func(lines string) string {
		return "BEGIN:VEVENT\nUID:1@example.com\nDTSTAMP:20260101T000000Z\n" + lines + "\nEND:VEVENT"
	}
	todo := func(lines string) string {
		return "BEGIN:VTODO\nUID:1@example.com\nDTSTAMP:20260101T000000Z\n" + lines + "\nEND:VTODO"
	}
	journal := func(lines string) string {
		return "BEGIN:VJOURNAL\nUID:1@example.com\nDTSTAMP:20260101T000000Z\n" + lines + "\nEND:VJOURNAL"
	}
	busy := func(lines string) string {
		return "BEGIN:VFREEBUSY\nUID:1@example.com\nDTSTAMP:20260101T000000Z\n" + lines + "\nEND:VFREEBUSY"
	}
	available := func(lines string) string {
		return "BEGIN:VAVAILABILITY\nUID:1@example.com\nDTSTAMP:20260101T000000Z\n" + lines + "\nEND:VAVAILABILITY"
	}
	const (
		t08, t09, t10, t11, t12 = "20260105T080000", "20260105T090000", "20260105T100000", "20260105T110000", "20260105T120000"
		d4, d5, d6, d7          = "20260104", "20260105", "20260106", "20260107"
	)
	span := []window{ // 09:00 to 10:00
		{t08, t09, false}, {t10, t11, false}, {t08, t12, true}, {t09, t10, true},
		{"20260105T093000", "20260105T093001", true}, {t08, "20260105T090001", true}, {"20260105T095959", t11, true},
		{"", t09, false}, {"", "20260105T090001", true}, {t10, "", false}, {"20260105T095959", "", true},
	}
	point := []window{ // 09:00
		{t08, t09, false}, {t09, t10, true}, {"20260105T090001", t10, false}, {t08, "20260105T090001", true},
		{"", t09, false}, {"", t10, true}, {t09, "", true}, {"20260105T090001", "", false},
	}
	wholeDay := []window{ // 5 January
		{d4, d5, false}, {d5, d6, true}, {d6, d7, false}, {t08, t09, true}, {"20260105T235959", "", true}, {d6, "", false},
		{"", d5, false}, {"", "20260105T000001", true},
	}
	tests := []struct {
		name, body string
		windows    []window
	}{
		{"VEVENT with DTEND", event("DTSTART:20260105T090000Z\nDTEND:20260105T100000Z"), span},
		{"VEVENT with a positive DURATION", event("DTSTART:20260105T090000Z\nDURATION:PT1H"), span},
		{"VEVENT with DURATION zero", event("DTSTART:20260105T090000Z\nDURATION:PT0S"), point},
		{"VEVENT with a time alone", event("DTSTART:20260105T090000Z"), point},
		{"VEVENT with DTEND as DTSTART", event("DTSTART:20260105T090000Z\nDTEND:20260105T090000Z"), point},
		{"VEVENT with a date alone", event("DTSTART;VALUE=DATE:20260105"), wholeDay},
		{"VEVENT with a date and DTEND", event("DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260106"), wholeDay},
		{"VEVENT with a date and DURATION", event("DTSTART;VALUE=DATE:20260105\nDURATION:P1D"), wholeDay},
		{"VEVENT with zoned times", event("DTSTART;TZID=Europe/Berlin:20260105T100000\nDTEND;TZID=Europe/London:20260105T100000"), span},
		{"recurring VEVENT", event("DTSTART:20251229T090000Z\nDTEND:20251229T100000Z\nRRULE:FREQ=WEEKLY;COUNT=2\nEXDATE:20251229T090000Z"), span},

		{"VTODO with DTSTART and DURATION", todo("DTSTART:20260105T090000Z\nDURATION:PT1H"), []window{
			{t08, t09, false}, {t10, t11, true}, {"20260105T100001", t11, false}, {t08, t12, true}, {t09, t10, true},
			{"", t09, false}, {"", t10, true}, {t10, "", true}, {"20260105T100001", "", false}}},
		{"VTODO with DTSTART and DURATION zero", todo("DTSTART:20260105T090000Z\nDURATION:PT0S"), []window{
			{t08, t09, true}, {t09, t10, true}, {"20260105T090001", t10, false}, {t08, "20260105T085959", false}}},
		{"VTODO with DTSTART and DUE", todo("DTSTART:20260105T090000Z\nDUE:20260105T100000Z"), []window{
			{t08, t09, false}, {t10, t11, false}, {t08, t12, true}, {"20260105T095959", t11, true}, {"", t09, false}, {t10, "", false}}},
		{"VTODO with DUE as DTSTART", todo("DTSTART:20260105T090000Z\nDUE:20260105T090000Z"), []window{
			{t08, t09, true}, {t09, t10, true}, {"20260105T090001", t10, false}, {t08, "20260105T085959", false}}},
		{"VTODO with DTSTART", todo("DTSTART:20260105T090000Z"), point},
		{"VTODO with DTSTART ignores COMPLETED", todo("DTSTART:20260105T090000Z\nCOMPLETED:20260301T000000Z\nCREATED:20250101T000000Z"), point},
		{"VTODO with DUE", todo("DUE:20260105T090000Z"), []window{
			{t08, t09, true}, {t09, t10, false}, {t08, "20260105T085959", false}, {"20260105T085959", t10, true},
			{"", t09, true}, {"", t08, false}, {t08, "", true}, {t09, "", false}}},
		{"VTODO with COMPLETED and CREATED", todo("CREATED:20260105T090000Z\nCOMPLETED:20260105T110000Z"), []window{
			{t08, t09, true}, {t08, "20260105T085959", false}, {t11, t12, true}, {"20260105T110001", t12, false}, {t10, "20260105T100001", true}}},
		{"VTODO with COMPLETED before CREATED", todo("CREATED:20260105T110000Z\nCOMPLETED:20260105T090000Z"), []window{
			{t08, t09, true}, {t11, t12, true}, {"20260105T110001", t12, false}}},
		{"VTODO with COMPLETED", todo("COMPLETED:20260105T090000Z"), []window{
			{t08, t09, true}, {t09, t10, true}, {"20260105T090001", t10, false}, {t08, "20260105T085959", false}}},
		{"VTODO with CREATED", todo("CREATED:20260105T090000Z"), []window{
			{t08, t09, false}, {t08, "20260105T090001", true}, {"20360101", "20360102", true}, {"20360101", "", true}, {"", t09, false}}},
		{"VTODO with nothing", todo("SUMMARY:Some day"), []window{
			{t08, t09, true}, {"", t08, true}, {"20360101", "", true}}},

		{"VJOURNAL with a time", journal("DTSTART:20260105T090000Z"), point},
		{"VJOURNAL with a date", journal("DTSTART;VALUE=DATE:20260105"), wholeDay},
		{"VJOURNAL without DTSTART", journal("SUMMARY:Undated"), []window{{t08, t09, false}, {"", t09, false}, {t09, "", false}}},

		{"VFREEBUSY with DTSTART and DTEND", busy("DTSTART:20260105T090000Z\nDTEND:20260105T100000Z\nFREEBUSY:20260105T110000Z/20260105T120000Z"), []window{
			{t08, t09, false}, {t10, "20260105T103000", true}, {"20260105T100001", "20260105T103000", false}, {t11, t12, false}, {t08, t12, true}}},
		{"VFREEBUSY with periods alone", busy("FREEBUSY:20260105T090000Z/20260105T100000Z,20260106T090000Z/PT1H"), []window{
			{t08, t09, false}, {t09, t10, true}, {t10, t11, false}, {"20260106T093000", "20260106T094000", true}, {"20260106T100000", "", false}}},
		{"VFREEBUSY ignores DURATION", busy("DTSTART:20260105T090000Z\nDURATION:PT8H"), []window{{t09, t10, false}}},
		{"VFREEBUSY with nothing", busy("COMMENT:none"), []window{{t09, t10, false}}},

		{"VAVAILABILITY with DTSTART and DTEND", available("DTSTART:20260105T090000Z\nDTEND:20260105T100000Z"), span},
		{"VAVAILABILITY with DURATION", available("DTSTART:20260105T090000Z\nDURATION:PT1H"), span},
		{"VAVAILABILITY with DTSTART", available("DTSTART:20260105T090000Z"), []window{
			{t08, t09, false}, {t08, "20260105T090001", true}, {"20360101", "", true}, {"", t09, false}, {"", t10, true}}},
		{"VAVAILABILITY with DTEND", available("DTEND:20260105T090000Z"), []window{
			{t08, t09, true}, {t09, t10, false}, {"", "19800101", true}, {t09, "", false}, {t08, "", true}}},
		{"VAVAILABILITY with nothing", available("PRIORITY:1"), []window{{t08, t09, true}, {"", t08, true}, {"20360101", "", true}}},
	}
	for _, tt := range tests {
		cal := object(t, tt.body)
		name := cal.Children()[0].Name()
		for _, w := range tt.windows {
			if got := match(t, filter(name, CompFilter{Range: between(w.start, w.end)}), cal, ""); got != w.want {
				t.Errorf("%s: [%s, %s) = %v, want %v", tt.name, w.start, w.end, got, w.want)
			}
		}
	}
}

// What LIBRARIES.md found the CalDAV library of Go to get wrong.
func TestTimeRangesLibrariesGetWrong(t *testing.T) {
	daily := object(t, "BEGIN:VEVENT\nUID:1@example.com\nDTSTART:20260101T090000Z\nDTEND:20260101T100000Z\nRRULE:FREQ=DAILY\nEND:VEVENT")
	single := object(t, "BEGIN:VEVENT\nUID:2@example.com\nDTSTART:20260105T090000Z\nDTEND:20260105T100000Z\nEND:VEVENT")
	tests := []struct {
		name       string
		cal        *ical.Component
		start, end string
		want       bool
	}{
		{"recurring event, open-ended range", daily, "20260601", "", true},
		{"event exactly as long as the range", single, "20260105T090000", "20260105T100000", true},
		{"event that covers the range", single, "20260105T091500", "20260105T094500", true},
		{"recurring instance overlaps the start of the range", daily, "20260301T093000", "20260301T120000", true},
		{"instance starts at the exclusive end", daily, "20260301T080000", "20260301T090000", false},
		{"range with an end only, before the event", single, "", "20260105T090000", false},
		{"range with an end only, after the event", single, "", "20260105T090001", true},
	}
	for _, tt := range tests {
		if got := match(t, filter("VEVENT", CompFilter{Range: between(tt.start, tt.end)}), tt.cal, ""); got != tt.want {
			t.Errorf("%s: [%s, %s) = %v, want %v", tt.name, tt.start, tt.end, got, tt.want)
		}
	}
}

func TestFloatingTimesNeedTheZone(t *testing.T) {
	bodies := map[string]string{
		"all-day":  "BEGIN:VEVENT\nUID:1@example.com\nDTSTART;VALUE=DATE:20270101\nEND:VEVENT",
		"floating": "BEGIN:VEVENT\nUID:1@example.com\nDTSTART:20270101T010000\nDTEND:20270101T020000\nEND:VEVENT",
		"unknown":  "BEGIN:VEVENT\nUID:1@example.com\nDTSTART;TZID=Nowhere/Atlantis:20270101T010000\nDTEND;TZID=Nowhere/Atlantis:20270101T020000\nEND:VEVENT",
	}
	tests := []struct {
		event, zone, start, end string
		want                    bool
	}{
		{"all-day", "America/New_York", "20270101T000000", "20270101T050000", false},
		{"all-day", "America/New_York", "20270101T000000", "20270101T050001", true},
		{"all-day", "America/New_York", "20270102T045959", "20270102T060000", true},
		{"all-day", "America/New_York", "20270102T050000", "20270102T060000", false},
		{"all-day", "", "20270101T000000", "20270101T000001", true},
		{"floating", "America/New_York", "20270101T060000", "20270101T070000", true},
		{"floating", "America/New_York", "20270101T010000", "20270101T020000", false},
		{"floating", "Asia/Tokyo", "20261231T160000", "20261231T170000", true},
		{"unknown", "Asia/Tokyo", "20261231T160000", "20261231T170000", true},
	}
	for _, tt := range tests {
		f := filter("VEVENT", CompFilter{Range: between(tt.start, tt.end)})
		if got := match(t, f, object(t, bodies[tt.event]), tt.zone); got != tt.want {
			t.Errorf("%s in %s: [%s, %s) = %v, want %v", tt.event, tt.zone, tt.start, tt.end, got, tt.want)
		}
	}
}

func TestWindow(t *testing.T) {
	r := between("20260101", "20260201")
	vcal := func(f ...CompFilter) *Filter { return &Filter{CompFilter{Name: "VCALENDAR", Comps: f}} }
	tests := []struct {
		name string
		f    *Filter
		want string
	}{
		{"empty", vcal(), "none; VEVENT VTODO"},
		{"events", vcal(CompFilter{Name: "VEVENT"}), "VEVENT open exact; VEVENT"},
		{"lower case", vcal(CompFilter{Name: "vevent"}), "VEVENT open exact; VEVENT"},
		{"range", vcal(CompFilter{Name: "VEVENT", Range: r}), "VEVENT 0101-0201 exact; VEVENT"},
		{"range and text", vcal(CompFilter{Name: "VTODO", Range: r, Props: []PropFilter{{Name: "SUMMARY"}}}), "VTODO 0101-0201; VTODO"},
		{"range and one of two", vcal(CompFilter{Name: "VTODO", Range: r, AnyOf: true, Props: []PropFilter{{Name: "A"}, {Name: "B"}}}), "VTODO 0101-0201; VTODO"},
		{"alarm", vcal(CompFilter{Name: "VTODO", Comps: []CompFilter{{Name: "VALARM", Range: r}}}), "VTODO open; VTODO"},
		{"not events", vcal(CompFilter{Name: "VEVENT", IsNotDefined: true}), "none; VTODO"},
		{"todos, not events", vcal(CompFilter{Name: "VTODO"}, CompFilter{Name: "VEVENT", IsNotDefined: true}), "VTODO open; VTODO"},
		{"two", vcal(CompFilter{Name: "VEVENT"}, CompFilter{Name: "VTODO"}), "none;"},
		{"with a zone", vcal(CompFilter{Name: "VEVENT"}, CompFilter{Name: "VTIMEZONE"}), "VEVENT open; VEVENT"},
		{"VERSION", &Filter{CompFilter{Name: "VCALENDAR", Props: []PropFilter{{Name: "VERSION"}}, Comps: []CompFilter{{Name: "VEVENT", Range: r}}}}, "VEVENT 0101-0201; VEVENT"},
		{"either", &Filter{CompFilter{Name: "VCALENDAR", AnyOf: true, Comps: []CompFilter{{Name: "VEVENT"}, {Name: "VTODO"}}}}, "none; VEVENT VTODO"},
		{"either of one", &Filter{CompFilter{Name: "VCALENDAR", AnyOf: true, Comps: []CompFilter{{Name: "VTODO"}}}}, "VTODO open exact; VTODO"},
		{"either with VERSION", &Filter{CompFilter{Name: "VCALENDAR", AnyOf: true, Props: []PropFilter{{Name: "VERSION"}}, Comps: []CompFilter{{Name: "VTODO"}}}}, "none; VEVENT VTODO"},
		{"no calendar", &Filter{CompFilter{Name: "VCALENDAR", IsNotDefined: true}}, "none;"},
		{"other", vcal(CompFilter{Name: "X-MEAL"}), "none;"},
	}
	for _, tt := range tests {
		if err := tt.f.Validate(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		got := "none"
		if w, ok := tt.f.Window(); ok {
			got = w.Component + " open"
			if !w.Start.IsZero() {
				got = fmt.Sprintf("%s %s-%s", w.Component, w.Start.Format("0102"), w.End.Format("0102"))
			}
			if w.Exact {
				got += " exact"
			}
		}
		got += ";"
		for _, c := range []string{"VEVENT", "VTODO"} {
			if tt.f.Wants(c) {
				got += " " + c
			}
		}
		if got != tt.want {
			t.Errorf("%s: window; wants = %q, want %q", tt.name, got, tt.want)
		}
	}
}
