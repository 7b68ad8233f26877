package query

import (
	"errors"
	"strings"
	"testing"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
	"kalends/internal/cputime"
)

func TestTextMatch(t *testing.T) {
	cal := object(t, `BEGIN:VEVENT
UID:1@example.com
DTSTART:20260105T090000Z
SUMMARY:Café\, STRASSE\; ﬁn
 al \nround
CATEGORIES:Work,Board\, monthly
CATEGORIES:Private
ATTENDEE;CN="Doe, Bob";PARTSTAT=ACCEPTED;MEMBER="mailto:a@example.com","mailto:b@example.com":mailto:bob@example.com
ATTENDEE;CN=Alice;RSVP=TRUE:mailto:alice@example.com
END:VEVENT`)
	const a, o, u = "i;ascii-casemap", "i;octet", "i;unicode-casemap"
	tests := []struct {
		prop string
		m    TextMatch
		want bool
	}{
		{"SUMMARY", TextMatch{Text: "caf"}, true},
		{"SUMMARY", TextMatch{Text: "caf", Collation: "default"}, true},
		{"SUMMARY", TextMatch{Text: "caf", Collation: o}, false},
		{"SUMMARY", TextMatch{Text: "Caf", Collation: o}, true},
		{"SUMMARY", TextMatch{Text: "CAFÉ", Collation: a}, false}, // É is no ASCII
		{"SUMMARY", TextMatch{Text: "CAFé", Collation: a}, true},
		{"SUMMARY", TextMatch{Text: "CAFÉ", Collation: u}, true},
		{"SUMMARY", TextMatch{Text: "CAFE\u0301", Collation: u}, true}, // decomposed
		{"SUMMARY", TextMatch{Text: "straße", Collation: u}, true},
		{"SUMMARY", TextMatch{Text: "straße", Collation: a}, false},
		{"SUMMARY", TextMatch{Text: "FINAL", Collation: u}, true}, // a ligature
		{"SUMMARY", TextMatch{Text: "Café, str"}, true},           // decoded
		{"SUMMARY", TextMatch{Text: "al \nround"}, true},
		{"SUMMARY", TextMatch{Text: `\,`}, false},
		{"SUMMARY", TextMatch{Text: ""}, true},
		{"SUMMARY", TextMatch{Text: "nowhere"}, false},
		{"SUMMARY", TextMatch{Text: "nowhere", Negate: true}, true},
		{"SUMMARY", TextMatch{Text: "caf", Negate: true}, false},
		{"SUMMARY", TextMatch{Text: "caf", MatchType: "starts-with"}, true},
		{"SUMMARY", TextMatch{Text: "caf", MatchType: "ends-with"}, false},
		{"SUMMARY", TextMatch{Text: "ROUND", MatchType: "ends-with"}, true},
		{"SUMMARY", TextMatch{Text: "caf", MatchType: "equals"}, false},
		{"UID", TextMatch{Text: "1@EXAMPLE.com", MatchType: "equals"}, true},
		{"UID", TextMatch{Text: "@", MatchType: "contains"}, true},
		{"CATEGORIES", TextMatch{Text: "private"}, true}, // the second of two
		{"CATEGORIES", TextMatch{Text: "work,board"}, true},
		{"CATEGORIES", TextMatch{Text: "work", MatchType: "equals"}, true},
		{"CATEGORIES", TextMatch{Text: "board, monthly", MatchType: "equals"}, true},
		{"CATEGORIES", TextMatch{Text: "monthly", MatchType: "equals"}, false},
		{"CATEGORIES", TextMatch{Text: "work", Negate: true}, true}, // the other has it not
		{"LOCATION", TextMatch{Text: "", Negate: true}, false},      // there is none
	}
	for _, tt := range tests {
		f := filter("VEVENT", CompFilter{Props: []PropFilter{{Name: tt.prop, Text: &tt.m}}})
		if got := match(t, f, cal, ""); got != tt.want {
			t.Errorf("%s %+v = %v, want %v", tt.prop, tt.m, got, tt.want)
		}
	}

	text := func(s string) *TextMatch { return &TextMatch{Text: s} }
	not := func(s string) *TextMatch { return &TextMatch{Text: s, Negate: true} }
	props := []struct {
		name string
		f    PropFilter
		want bool
	}{
		{"present", PropFilter{Name: "summary"}, true},
		{"absent", PropFilter{Name: "LOCATION"}, false},
		{"not defined", PropFilter{Name: "LOCATION", IsNotDefined: true}, true},
		{"defined", PropFilter{Name: "SUMMARY", IsNotDefined: true}, false},
		{"parameter", PropFilter{Name: "ATTENDEE", Params: []ParamFilter{{Name: "rsvp"}}}, true},
		{"no parameter", PropFilter{Name: "ATTENDEE", Params: []ParamFilter{{Name: "ROLE"}}}, false},
		{"parameter not defined", PropFilter{Name: "ATTENDEE", Params: []ParamFilter{{Name: "ROLE", IsNotDefined: true}}}, true},
		{"parameter defined on all", PropFilter{Name: "ATTENDEE", Params: []ParamFilter{{Name: "CN", IsNotDefined: true}}}, false},
		{"quoted parameter", PropFilter{Name: "ATTENDEE", Params: []ParamFilter{{Name: "CN", Text: text("doe, bob")}}}, true},
		{"second value of a parameter", PropFilter{Name: "ATTENDEE", Params: []ParamFilter{{Name: "MEMBER", Text: text("b@example")}}}, true},
		{"negated parameter", PropFilter{Name: "ATTENDEE", Params: []ParamFilter{{Name: "PARTSTAT", Text: not("accepted")}}}, false},
		{"value and parameter of one", PropFilter{Name: "ATTENDEE", Text: text("bob@"), Params: []ParamFilter{{Name: "PARTSTAT", Text: text("ACCEPTED")}}}, true},
		{"value and parameter of two", PropFilter{Name: "ATTENDEE", Text: text("alice@"), Params: []ParamFilter{{Name: "PARTSTAT", Text: text("ACCEPTED")}}}, false},
		{"either of two", PropFilter{Name: "ATTENDEE", AnyOf: true, Text: text("carol@"), Params: []ParamFilter{{Name: "PARTSTAT", Text: text("ACCEPTED")}}}, true},
		{"neither of two", PropFilter{Name: "ATTENDEE", AnyOf: true, Text: text("carol@"), Params: []ParamFilter{{Name: "PARTSTAT", Text: text("DECLINED")}}}, false},
	}
	for _, tt := range props {
		if got := match(t, filter("VEVENT", CompFilter{Props: []PropFilter{tt.f}}), cal, ""); got != tt.want {
			t.Errorf("%s = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestComponents(t *testing.T) {
	cal := object(t, `BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:1@example.com
DTSTART;TZID=Europe/Berlin:20260105T100000
SUMMARY:Plain
RRULE:FREQ=DAILY
END:VEVENT
BEGIN:VEVENT
UID:1@example.com
RECURRENCE-ID;TZID=Europe/Berlin:20260110T100000
DTSTART;TZID=Europe/Berlin:20260110T150000
DTEND;TZID=Europe/Berlin:20260110T160000
SUMMARY:Moved
LOCATION:Hall
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT15M
END:VALARM
END:VEVENT`)
	prop := func(name, text string) PropFilter { return PropFilter{Name: name, Text: &TextMatch{Text: text}} }
	tests := []struct {
		name string
		f    *Filter
		want bool
	}{
		{"one component has both", filter("VEVENT", CompFilter{Props: []PropFilter{prop("SUMMARY", "moved"), prop("LOCATION", "hall")}}), true},
		{"two components have one each", filter("VEVENT", CompFilter{Props: []PropFilter{prop("SUMMARY", "plain"), prop("LOCATION", "hall")}}), false},
		{"any of", filter("VEVENT", CompFilter{AnyOf: true, Props: []PropFilter{prop("SUMMARY", "x"), prop("LOCATION", "hall")}}), true},
		{"none of any", filter("VEVENT", CompFilter{AnyOf: true, Props: []PropFilter{prop("SUMMARY", "x"), prop("LOCATION", "y")}}), false},
		{"the master in its range", filter("VEVENT", CompFilter{Range: between("20260201", "20260202"), Props: []PropFilter{prop("SUMMARY", "plain")}}), true},
		{"the override out of its range", filter("VEVENT", CompFilter{Range: between("20260201", "20260202"), Props: []PropFilter{prop("SUMMARY", "moved")}}), false},
		{"the override in its range", filter("VEVENT", CompFilter{Range: between("20260110T140000", "20260110T141500"), Props: []PropFilter{prop("SUMMARY", "moved")}}), true},
		{"the master where it was overridden", filter("VEVENT", CompFilter{Range: between("20260110", "20260111"), Props: []PropFilter{prop("SUMMARY", "plain")}}), false},
		{"the override in an endless range", filter("VEVENT", CompFilter{Range: between("20260101", ""), Props: []PropFilter{prop("SUMMARY", "moved")}}), true},
		{"the override before an endless range", filter("VEVENT", CompFilter{Range: between("20260111", ""), Props: []PropFilter{prop("SUMMARY", "moved")}}), false},
		{"alarm there", filter("VEVENT", CompFilter{Comps: []CompFilter{{Name: "VALARM"}}}), true},
		{"alarm with action", filter("VEVENT", CompFilter{Comps: []CompFilter{{Name: "VALARM", Props: []PropFilter{prop("ACTION", "display")}}}}), true},
		{"alarm with another action", filter("VEVENT", CompFilter{Comps: []CompFilter{{Name: "VALARM", Props: []PropFilter{prop("ACTION", "email")}}}}), false},
		{"no alarm, of the master", filter("VEVENT", CompFilter{Comps: []CompFilter{{Name: "VALARM", IsNotDefined: true}}}), true},
		{"no alarm, of the override", filter("VEVENT", CompFilter{Props: []PropFilter{prop("SUMMARY", "moved")}, Comps: []CompFilter{{Name: "VALARM", IsNotDefined: true}}}), false},
		{"zone", filter("VTIMEZONE", CompFilter{Props: []PropFilter{prop("TZID", "berlin")}}), true},
		{"zone with daylight", filter("VTIMEZONE", CompFilter{Comps: []CompFilter{{Name: "DAYLIGHT"}}}), false},
		{"zone with standard", filter("VTIMEZONE", CompFilter{Comps: []CompFilter{{Name: "standard"}}}), true},
		{"to-do", filter("VTODO", CompFilter{}), false},
		{"no to-do", filter("VTODO", CompFilter{IsNotDefined: true}), true},
		{"no event", filter("VEVENT", CompFilter{IsNotDefined: true}), false},
		{"no calendar", &Filter{CompFilter{Name: "VCALENDAR", IsNotDefined: true}}, false},
		{"property of the calendar", &Filter{CompFilter{Name: "VCALENDAR", Props: []PropFilter{prop("PRODID", "example corp")}}}, true},
		{"no METHOD", &Filter{CompFilter{Name: "VCALENDAR", Props: []PropFilter{{Name: "METHOD", IsNotDefined: true}}}}, true},
		{"event and to-do", &Filter{CompFilter{Name: "VCALENDAR", Comps: []CompFilter{{Name: "VEVENT"}, {Name: "VTODO"}}}}, false},
		{"event or to-do", &Filter{CompFilter{Name: "VCALENDAR", AnyOf: true, Comps: []CompFilter{{Name: "VTODO"}, {Name: "VEVENT"}}}}, true},
		{"to-do or METHOD", &Filter{CompFilter{Name: "VCALENDAR", AnyOf: true, Props: []PropFilter{{Name: "METHOD"}}, Comps: []CompFilter{{Name: "VTODO"}}}}, false},
	}
	for _, tt := range tests {
		if got := match(t, tt.f, cal, ""); got != tt.want {
			t.Errorf("%s = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestPropertyRanges(t *testing.T) {
	event := object(t, `BEGIN:VEVENT
UID:1@example.com
CREATED:20260101T120000Z
DTSTART;TZID=Europe/Berlin:20260105T100000
DURATION:PT1H
EXDATE;TZID=Europe/Berlin:20260106T100000,20260107T100000
RRULE:FREQ=DAILY
END:VEVENT`)
	todo := object(t, "BEGIN:VTODO\nUID:1@example.com\nDTSTART;VALUE=DATE:20260105\nDURATION:P2D\nEND:VTODO")
	broken := object(t, "BEGIN:VEVENT\nUID:1@example.com\nDTSTART:20260105T100000Z\nCREATED:yesterday\nEND:VEVENT")
	tests := []struct {
		cal              *ical.Component
		prop, start, end string
		floating         string
		want             bool
	}{
		{event, "CREATED", "20260101T120000", "20260101T120001", "", true},
		{event, "CREATED", "20260101T120001", "", "", false},
		{event, "CREATED", "", "20260101T120000", "", false},
		{event, "DTSTART", "20260105T090000", "20260105T090001", "", true},
		{event, "DTSTART", "20260106", "20260107", "", false}, // instances do not count here
		{event, "DTEND", "20260105T100000", "20260105T100001", "", true},
		{event, "DTEND", "20260105T100001", "", "", false},
		{event, "EXDATE", "20260107T090000", "20260107T090001", "", true},
		{event, "DUE", "20250101", "", "", false},
		{event, "LAST-MODIFIED", "20250101", "", "", false},
		{todo, "DUE", "20260107", "20260108", "", true},
		{todo, "DUE", "20260106", "20260107", "", false},
		{todo, "DTSTART", "20260104T150000", "20260104T150001", "Asia/Tokyo", true},
		{todo, "DTEND", "20260106", "20270107", "", false},
		{broken, "CREATED", "20250101", "", "", false},
	}
	for _, tt := range tests {
		f := filter(tt.cal.Children()[0].Name(), CompFilter{Props: []PropFilter{{Name: tt.prop, Range: between(tt.start, tt.end)}}})
		if got := match(t, f, tt.cal, tt.floating); got != tt.want {
			t.Errorf("%s in [%s, %s) = %v, want %v", tt.prop, tt.start, tt.end, got, tt.want)
		}
	}
}

func TestAlarms(t *testing.T) {
	event := func(times, alarm string) *ical.Component {
		return object(t, "BEGIN:VEVENT\nUID:1@example.com\n"+times+"\nBEGIN:VALARM\nACTION:DISPLAY\n"+alarm+"\nEND:VALARM\nEND:VEVENT")
	}
	todo := func(times, alarm string) *ical.Component {
		return object(t, "BEGIN:VTODO\nUID:1@example.com\n"+times+"\nBEGIN:VALARM\nACTION:DISPLAY\n"+alarm+"\nEND:VALARM\nEND:VTODO")
	}
	const once = "DTSTART:20260105T090000Z\nDTEND:20260105T100000Z"
	const daily = once + "\nRRULE:FREQ=DAILY"
	const berlin = "DTSTART;TZID=Europe/Berlin:20260330T090000\nDTEND;TZID=Europe/Berlin:20260330T100000"
	tests := []struct {
		name           string
		cal            *ical.Component
		start, end     string // of the alarm
		evStart, evEnd string // of the event, when there is either
		floating       string
		want           bool
	}{
		{"before the start", event(once, "TRIGGER:-PT15M"), "20260105T084500", "20260105T084501", "", "", "", true},
		{"at the exclusive end", event(once, "TRIGGER:-PT15M"), "20260105T080000", "20260105T084500", "", "", "", false},
		{"too late", event(once, "TRIGGER:-PT15M"), "20260105T084501", "", "", "", "", false},
		{"related to the end", event(once, "TRIGGER;RELATED=END:PT5M"), "20260105T100500", "20260105T100501", "", "", "", true},
		{"a time of its own", event(daily, "TRIGGER;VALUE=DATE-TIME:20260401T120000Z"), "20260401", "20260402", "", "", "", true},
		{"a time of its own, elsewhere", event(daily, "TRIGGER;VALUE=DATE-TIME:20260401T120000Z"), "20260402", "", "", "", "", false},
		{"the second repetition", event(once, "TRIGGER:-PT15M\nREPEAT:2\nDURATION:PT5M"), "20260105T085500", "20260105T085501", "", "", "", true},
		{"between repetitions", event(once, "TRIGGER:-PT15M\nREPEAT:2\nDURATION:PT5M"), "20260105T085001", "20260105T085459", "", "", "", false},
		{"after the last repetition", event(once, "TRIGGER:-PT15M\nREPEAT:2\nDURATION:PT5M"), "20260105T085501", "", "", "", "", false},
		{"repetitions of a time", event(once, "TRIGGER;VALUE=DATE-TIME:20260101T000000Z\nREPEAT:9\nDURATION:P1D"), "20260109T120000", "20260110T120000", "", "", "", true},
		{"repetitions over days", event(daily+";COUNT=1", "TRIGGER:-PT15M\nREPEAT:9\nDURATION:P1D"), "20260110T084500", "20260110T084501", "", "", "", true},
		{"endless repetitions are cut", event(once, "TRIGGER:-PT15M\nREPEAT:99999999999\nDURATION:PT1S"), "20300105", "", "", "", "", false},
		{"a later instance", event(daily, "TRIGGER:-PT15M"), "20270301T084500", "20270301T084501", "", "", "", true},
		{"endless, open end", event(daily, "TRIGGER:-PT15M"), "20270301", "", "", "", "", true},
		{"endless, open start", event(daily, "TRIGGER:-PT15M"), "", "20260105T084501", "", "", "", true},
		{"before all", event(daily, "TRIGGER:-PT15M"), "", "20260105T084500", "", "", "", false},
		{"long before", event(daily, "TRIGGER:-P4W"), "20260202T090000", "20260202T090001", "", "", "", true},
		{"a nominal day over a change of clocks", event(berlin, "TRIGGER:-P1D"), "20260329T070000", "20260329T070001", "", "", "", true},
		{"exact hours over a change of clocks", event(berlin, "TRIGGER:-PT24H"), "20260329T070000", "20260329T070001", "", "", "", true},
		{"a nominal day into the day before", event(berlin, "TRIGGER:-P2D"), "20260328T080000", "20260328T080001", "", "", "", true},
		{"exact hours into the day before", event(berlin, "TRIGGER:-PT48H"), "20260328T070000", "20260328T070001", "", "", "", true},
		{"all-day, in the zone asked for", event("DTSTART;VALUE=DATE:20260105", "TRIGGER:-PT1H"), "20260105T040000", "20260105T040001", "", "", "America/New_York", true},
		{"instance in the range, alarm too", event(daily, "TRIGGER:-PT15M"), "20260301T080000", "20260301T090000", "20260301", "20260302", "", true},
		{"instance in the range, alarm of another", event(daily, "TRIGGER:-PT15M"), "20260301T080000", "20260301T090000", "20260302", "20260303", "", false},
		{"alarm far before the instance", event(daily, "TRIGGER:-P1D"), "20260301T080000", "20260301T100000", "20260302", "20260303", "", true},
		{"open range of the event, alarm long ago", event(daily, "TRIGGER:-PT15M"), "20250101", "20250102", "20260301", "", "", false},
		{"both open", event(daily, "TRIGGER:-PT15M"), "20280101", "", "20260301", "", "", true},
		{"task due", todo("DUE:20260105T090000Z", "TRIGGER:-PT10M"), "20260105T085000", "20260105T085001", "", "", "", true},
		{"task without a time", todo("CREATED:20260105T090000Z", "TRIGGER:-PT10M"), "20200101", "", "", "", "", false},
		{"task without a time, alarm with one", todo("SUMMARY:x", "TRIGGER;VALUE=DATE-TIME:20260105T090000Z"), "20260105", "20260106", "", "", "", true},
		{"broken trigger", event(once, "TRIGGER:soon"), "20200101", "", "", "", "", false},
		{"no trigger", event(once, "DESCRIPTION:x"), "20200101", "", "", "", "", false},
	}
	for _, tt := range tests {
		f := CompFilter{Comps: []CompFilter{{Name: "VALARM", Range: between(tt.start, tt.end)}}}
		if tt.evStart+tt.evEnd != "" {
			f.Range = between(tt.evStart, tt.evEnd)
		}
		if got := match(t, filter(tt.cal.Children()[0].Name(), f), tt.cal, tt.floating); got != tt.want {
			t.Errorf("%s: alarm in [%s, %s) = %v, want %v", tt.name, tt.start, tt.end, got, tt.want)
		}
	}

	two := event(once, "TRIGGER:-PT15M\nEND:VALARM\nBEGIN:VALARM\nACTION:EMAIL\nTRIGGER:-PT2H")
	display := CompFilter{Name: "VALARM", Range: between("20260105T084500", "20260105T090000")}
	mail := CompFilter{Name: "VALARM", Range: between("20260105T070000", "20260105T080000")}
	wrong := CompFilter{Name: "VALARM", Range: between("20260105T070000", "20260105T080000"), Props: []PropFilter{{Name: "ACTION", Text: &TextMatch{Text: "display"}}}}
	for _, tt := range []struct {
		name  string
		anyOf bool
		comps []CompFilter
		want  bool
	}{
		{"both alarms", false, []CompFilter{display, mail}, true},
		{"one of the alarms", false, []CompFilter{display, wrong}, false},
		{"any of the alarms", true, []CompFilter{wrong, display}, true},
		{"none of the alarms", true, []CompFilter{wrong, wrong}, false},
	} {
		if got := match(t, filter("VEVENT", CompFilter{AnyOf: tt.anyOf, Comps: tt.comps}), two, ""); got != tt.want {
			t.Errorf("%s = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestValidate(t *testing.T) {
	r := between("20260101", "20260201")
	deep := CompFilter{Name: "X-A"}
	for range 10 {
		deep = CompFilter{Name: "X-A", Comps: []CompFilter{deep}}
	}
	prop := func(p PropFilter) *Filter { return filter("VEVENT", CompFilter{Props: []PropFilter{p}}) }
	tests := []struct {
		name string
		f    *Filter
		want string
	}{
		{"calendar", &Filter{CompFilter{Name: "VCALENDAR"}}, ""},
		{"event", filter("VEVENT", CompFilter{Range: r}), ""},
		{"alarm", filter("VEVENT", CompFilter{Comps: []CompFilter{{Name: "VALARM", Range: r}}}), ""},
		{"no name", &Filter{}, validFilter},
		{"not a calendar", &Filter{CompFilter{Name: "VEVENT"}}, validFilter},
		{"calendar in calendar", filter("VCALENDAR", CompFilter{}), validFilter},
		{"event in a to-do", filter("VTODO", CompFilter{Comps: []CompFilter{{Name: "VEVENT"}}}), validFilter},
		{"alarm in the calendar", filter("VALARM", CompFilter{}), validFilter},
		{"alarm in a journal", filter("VJOURNAL", CompFilter{Comps: []CompFilter{{Name: "VALARM"}}}), validFilter},
		{"range of the calendar", &Filter{CompFilter{Name: "VCALENDAR", Range: r}}, validFilter},
		{"range of a zone", filter("VTIMEZONE", CompFilter{Range: r}), validFilter},
		{"range of something else", filter("X-MEAL", CompFilter{Range: r}), supportedFilter},
		{"empty range", filter("VEVENT", CompFilter{Range: &TimeRange{}}), validFilter},
		{"range of no length", filter("VEVENT", CompFilter{Range: between("20260101", "20260101")}), validFilter},
		{"range backwards", filter("VEVENT", CompFilter{Range: between("20260102", "20260101")}), validFilter},
		{"undefined with a range", filter("VEVENT", CompFilter{IsNotDefined: true, Range: r}), validFilter},
		{"undefined with a property", filter("VEVENT", CompFilter{IsNotDefined: true, Props: []PropFilter{{Name: "UID"}}}), validFilter},
		{"range of SUMMARY", prop(PropFilter{Name: "SUMMARY", Range: r}), validFilter},
		{"range of an extension", prop(PropFilter{Name: "X-WHEN", Range: r}), supportedFilter},
		{"range of DTSTART", prop(PropFilter{Name: "dtstart", Range: r}), ""},
		{"bad range of DTSTART", prop(PropFilter{Name: "DTSTART", Range: &TimeRange{}}), validFilter},
		{"range and text", prop(PropFilter{Name: "DTSTART", Range: r, Text: &TextMatch{}}), validFilter},
		{"undefined with text", prop(PropFilter{Name: "SUMMARY", IsNotDefined: true, Text: &TextMatch{}}), validFilter},
		{"property without a name", prop(PropFilter{}), validFilter},
		{"parameter without a name", prop(PropFilter{Name: "SUMMARY", Params: []ParamFilter{{}}}), validFilter},
		{"undefined parameter with text", prop(PropFilter{Name: "SUMMARY", Params: []ParamFilter{{Name: "X", IsNotDefined: true, Text: &TextMatch{}}}}), validFilter},
		{"unknown collation", prop(PropFilter{Name: "SUMMARY", Text: &TextMatch{Collation: "i;ascii-numeric"}}), supportedCollation},
		{"unknown collation of a parameter", prop(PropFilter{Name: "SUMMARY", Params: []ParamFilter{{Name: "X", Text: &TextMatch{Collation: "i;*"}}}}), supportedCollation},
		{"unknown match-type", prop(PropFilter{Name: "SUMMARY", Text: &TextMatch{MatchType: "sounds-like"}}), validFilter},
		{"long text", prop(PropFilter{Name: "SUMMARY", Text: &TextMatch{Text: strings.Repeat("a", 20_000)}}), supportedFilter},
		{"deep", filter("X-A", deep), supportedFilter},
		{"many", filter("VEVENT", CompFilter{Props: make([]PropFilter, 1)}), validFilter},
	}
	many := CompFilter{}
	for range 300 {
		many.Props = append(many.Props, PropFilter{Name: "SUMMARY"})
	}
	tests = append(tests, struct {
		name string
		f    *Filter
		want string
	}{"too many", filter("VEVENT", many), supportedFilter})
	for _, tt := range tests {
		err := tt.f.Validate()
		got := ""
		if fe, ok := errors.AsType[*FilterError](err); ok {
			got = fe.Precondition
			if fe.Error() == "" {
				t.Errorf("%s: no message", tt.name)
			}
		}
		if (err != nil) != (tt.want != "") || got != tt.want {
			t.Errorf("%s: Validate() = %v (%q), want %q", tt.name, err, got, tt.want)
		}
	}
}

// Endless rules and thousands of alarms must not hold a core.
func TestMatchIsBounded(t *testing.T) {
	never := object(t, "BEGIN:VEVENT\nUID:1@example.com\nDTSTART:20260105T090000Z\nRRULE:FREQ=MINUTELY\nEXRULE:FREQ=MINUTELY\nEND:VEVENT")
	var b strings.Builder
	b.WriteString("BEGIN:VEVENT\nUID:1@example.com\nDTSTART:20260105T090000Z\nRRULE:FREQ=MINUTELY\n")
	for range 5000 {
		b.WriteString("BEGIN:VALARM\nACTION:AUDIO\nTRIGGER:-P9D\nREPEAT:1\nDURATION:PT1S\nEND:VALARM\n")
	}
	b.WriteString("END:VEVENT")
	alarms := object(t, b.String())
	open := filter("VEVENT", CompFilter{Range: between("20260101", "")})
	ring := filter("VEVENT", CompFilter{Comps: []CompFilter{{Name: "VALARM", Range: between("20260105T090030", "20260105T090031")}}})
	for _, tt := range []struct {
		name string
		f    *Filter
		cal  *ical.Component
	}{{"nothing left of an endless rule", open, never}, {"thousands of alarms", ring, alarms}} {
		var err error
		took := cputime.Of(func() { _, err = tt.f.Match(tt.cal, nil, nil) })
		if err != nil && !errors.Is(err, recur.ErrTooMany) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if took > 5*time.Second {
			t.Errorf("%s took %v", tt.name, took)
		}
	}
}
