package meeting

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kalends/ical"
)

// monday is the start of the meetings of these tests.
var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func berlin(t testing.TB) *time.Location {
	t.Helper()
	_, loc, err := ReadZone("", "Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// fieldOf is the field that an error names; "" for no error of a field.
func fieldOf(err error) string {
	e, ok := errors.AsType[*Error](err)
	if !ok || len(e.Fields) == 0 {
		return ""
	}
	return e.Fields[0].Field
}

func TestRecurrenceInWords(t *testing.T) {
	loc := berlin(t)
	zoned := ical.DateTime{Wall: monday, Form: ical.ZonedForm, TZID: "Europe/Berlin"}
	day := ical.DateTime{Wall: monday.Truncate(24 * time.Hour), Form: ical.DateForm}
	floating := ical.DateTime{Wall: monday, Form: ical.FloatingForm}
	for _, tt := range []struct {
		name, in string
		start    ical.DateTime
		want     string // the rule, or ! and the field that is wrong
	}{
		{"every day", `{"every":"day"}`, zoned, "FREQ=DAILY"},
		{"every other week, on two days", `{"every":"week","interval":2,"on":["Monday"," wednesday "]}`, zoned, "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE"},
		{"a day twice", `{"every":"week","on":["monday","monday"]}`, zoned, "FREQ=WEEKLY;BYDAY=MO"},
		{"the first Monday", `{"every":"month","on":["first monday"],"count":3}`, zoned, "FREQ=MONTHLY;BYDAY=1MO;COUNT=3"},
		{"the last day but one", `{"every":"month","day":-2}`, zoned, "FREQ=MONTHLY;BYMONTHDAY=-2"},
		{"until a day, in the meeting's zone", `{"every":"day","until":"2026-03-31"}`, zoned, "FREQ=DAILY;UNTIL=20260331T215959Z"},
		{"until a day, of whole days", `{"every":"day","until":"2026-03-31"}`, day, "FREQ=DAILY;UNTIL=20260331"},
		{"until an instant", `{"every":"day","until":"2026-03-31T12:00:00+02:00"}`, zoned, "FREQ=DAILY;UNTIL=20260331T100000Z"},
		{"until an instant, of whole days", `{"every":"day","until":"2026-03-31T12:00:00+02:00"}`, day, "FREQ=DAILY;UNTIL=20260331"},
		{"a rule", `"RRULE:FREQ=YEARLY"`, zoned, "FREQ=YEARLY"},
		{"a rule in small letters", `"freq=daily;count=2"`, zoned, "FREQ=daily;COUNT=2"},
		{"a rule until a clock time", `"FREQ=DAILY;UNTIL=20260331T120000"`, zoned, "FREQ=DAILY;UNTIL=20260331T100000Z"},
		{"a rule until a clock time, floating", `"FREQ=DAILY;UNTIL=20260331T120000"`, floating, "FREQ=DAILY;UNTIL=20260331T120000"},
		{"a rule as a field", `{"rule":"FREQ=DAILY"}`, zoned, "FREQ=DAILY"},
		{"nothing", `{}`, zoned, "!recurrence.every"},
		{"an odd word", `{"every":"fortnight"}`, zoned, "!recurrence.every"},
		{"a field that there is not", `{"every":"day","evry":1}`, zoned, "!recurrence"},
		{"a list", `[]`, zoned, "!recurrence"},
		{"a number", `7`, zoned, "!recurrence"},
		{"a word for a number", `{"every":"day","count":"two"}`, zoned, "!recurrence"},
		{"less than once", `{"every":"day","count":-1}`, zoned, "!recurrence.count"},
		{"backwards", `{"every":"day","interval":-1}`, zoned, "!recurrence.interval"},
		{"both ends", `{"every":"day","count":2,"until":"2026-03-31"}`, zoned, "!recurrence.until"},
		{"until some time", `{"every":"day","until":"soon"}`, zoned, "!recurrence.until"},
		{"not on the day of start", `{"every":"week","on":["tuesday"]}`, zoned, "!recurrence.on"},
		{"an ordinal every week", `{"every":"week","on":["first monday"]}`, zoned, "!recurrence.on[0]"},
		{"the sixth Monday", `{"every":"month","on":["sixth monday"]}`, zoned, "!recurrence.on[0]"},
		{"no day", `{"every":"week","on":["monday","noday"]}`, zoned, "!recurrence.on[1]"},
		{"a day of the month every week", `{"every":"week","day":3}`, zoned, "!recurrence.day"},
		{"the 32nd", `{"every":"month","day":32}`, zoned, "!recurrence.day"},
		{"a rule that is none", `"FREQ=SOMETIMES"`, zoned, "!recurrence"},
		{"a long rule", `"FREQ=DAILY;X-A=` + strings.Repeat("x", 1000) + `"`, zoned, "!recurrence"},
		{"very many days", `{"every":"week","on":[` + strings.Repeat(`"monday",`, 31) + `"monday"]}`, zoned, "!recurrence.on"},
	} {
		var r Recurrence
		if err := json.Unmarshal([]byte(tt.in), &r); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got, err := r.rule(tt.start, loc)
		if err != nil {
			got = "!" + fieldOf(err)
		}
		if got != tt.want {
			t.Errorf("%s: %s = %s (%v), want %s", tt.name, tt.in, got, err, tt.want)
		}
	}
}

// TestWordsAndBack: what was said in words is told in the same words.
func TestWordsAndBack(t *testing.T) {
	loc := berlin(t)
	rapid.Check(t, func(t *rapid.T) {
		start := monday.AddDate(0, 0, rapid.IntRange(0, 400).Draw(t, "start"))
		r := Recurrence{Every: rapid.SampledFrom([]string{"day", "week", "month", "year"}).Draw(t, "every")}
		if n := rapid.IntRange(1, 12).Draw(t, "interval"); n > 1 {
			r.Interval = n
		}
		switch today := Weekdays[Weekday(start)]; rapid.IntRange(0, 3).Draw(t, "days") {
		case 0:
			if r.Every == "month" {
				r.Day = rapid.SampledFrom([]int{1, 15, 28, 31, -1, -31}).Draw(t, "day")
			}
		case 1:
			if r.Every == "day" || r.Every == "week" {
				r.On = []string{today}
				for _, d := range rapid.SliceOfDistinct(rapid.SampledFrom(Weekdays), rapid.ID).Draw(t, "on") {
					if d != today {
						r.On = append(r.On, d)
					}
				}
			}
		case 2:
			if r.Every == "month" {
				r.On = []string{rapid.SampledFrom([]string{"first", "second", "third", "fourth", "fifth", "last"}).Draw(t, "ordinal") + " " + today}
			}
		}
		switch rapid.IntRange(0, 2).Draw(t, "end") {
		case 0:
			r.Count = rapid.IntRange(1, 500).Draw(t, "count")
		case 1:
			r.Until = start.AddDate(0, 0, rapid.IntRange(0, 800).Draw(t, "until")).In(loc).Format(time.RFC3339)
		}
		at := ical.DateTime{Wall: start, Form: ical.ZonedForm, TZID: "Europe/Berlin"}
		rule, err := r.rule(at, loc)
		if err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		told := recurrenceOf(rule, at, loc)
		if told.Interval == 1 {
			told.Interval = 0
		}
		if r.Rule = rule; fmt.Sprintf("%+v", *told) != fmt.Sprintf("%+v", r) {
			t.Fatalf("%s is told as %+v, and was said as %+v", rule, *told, r)
		}
		again, err := (&Recurrence{Rule: rule}).rule(at, loc)
		if err != nil || again != rule {
			t.Fatalf("%s becomes %s, %v", rule, again, err)
		}
	})
	// Of what there are no words for the rule is told alone.
	for _, rule := range []string{
		"FREQ=HOURLY", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1", "FREQ=YEARLY;BYDAY=MO", "FREQ=MONTHLY;BYDAY=6MO", "FREQ=MONTHLY;BYMONTHDAY=1,2", "FREQ=MONTHLY;BYMONTHDAY=1;BYDAY=MO", "FREQ=YEARLY;BYMONTH=2", "nonsense",
		"FREQ=YEARLY;RSCALE=HEBREW", "FREQ=WEEKLY;BYHOUR=9",
	} {
		if got := recurrenceOf(rule, ical.DateTime{Wall: monday, Form: ical.UTCForm}, time.UTC); got.Every != "" || got.Rule != rule {
			t.Errorf("%s is told as %+v", rule, got)
		}
	}
}

func TestWhatIsTypedIn(t *testing.T) {
	for in, want := range map[string]string{
		"2026-03-02": "date 2026-03-02T00:00:00Z", "2026-03-02T09:00:00+01:00": "2026-03-02T08:00:00Z", "2026-03-02T09:00:00.9Z": "2026-03-02T09:00:00Z",
		"": "!", "2026-02-30": "!", "2026-03-02T09:00:00": "!", "1899-12-31": "!", "2200-01-01": "!", "2199-12-31T23:59:59-01:00": "!", "tomorrow": "!",
	} {
		w, err := ReadWhen("start", in)
		got := w.Time.UTC().Format(time.RFC3339)
		switch {
		case err != nil && fieldOf(err) == "start":
			got = "!"
		case w.Date:
			got = "date " + got
		}
		if got != want {
			t.Errorf("ReadWhen(%q) = %s (%v), want %s", in, got, err, want)
		}
	}
	for in, want := range map[string]string{"Europe/Berlin": "Europe/Berlin", "europe/berlin": "Europe/Berlin", "utc": "UTC", "GMT": "UTC", "Etc/UTC": "UTC", "Mars/Olympus": "!", "": "!", "../etc/passwd": "!"} {
		got, loc, err := ReadZone("zone", in)
		if err != nil {
			got = "!"
		}
		if got != want || (err == nil) != (loc != nil) {
			t.Errorf("ReadZone(%q) = %s, %v, %v, want %s", in, got, loc, err, want)
		}
	}
	for in, want := range map[string]bool{
		"https://example.com/a?b#c": true, "http://example.com": true, "https://u@example.com/": false, "https://u:p@example.com/": false, "javascript:alert(1)": false, "//example.com": false,
		"https://": false, "https://example.com/\r\nX: y": false, "https://example.com/<b>": false, `https://example.com/"`: false, "data:text/html,x": false, "": false, "https://exa mple.com": false,
	} {
		if got := IsLink(in); got != want {
			t.Errorf("IsLink(%q) = %v", in, got)
		}
	}
	for in, ok := range map[string]bool{"": true, "Planning äöü 🗓": true, "two\nlines": false, "carriage\rreturn": false, "nul\x00": false, "bell\a": false, "bad\xff": false} {
		if err := OneLine("name", in); (err == nil) != ok || err != nil && fieldOf(err) != "name" {
			t.Errorf("OneLine(%q) = %v", in, err)
		}
	}
	for _, name := range []string{"monday", "sunday"} {
		if got := Weekdays[Weekday(map[string]time.Time{"monday": monday, "sunday": monday.AddDate(0, 0, 6)}[name])]; got != name {
			t.Errorf("Weekday of a %s is %s", name, got)
		}
	}
	if n := len(slices.Compact(slices.Sorted(slices.Values(Weekdays)))); n != 7 {
		t.Errorf("%d weekdays", n)
	}
}

func TestChange(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`{}`, "{false false } null"}, {`{"name":null}`, "{true true } null"}, {`{"name":""}`, `{true false } ""`}, {`{"name":"x"}`, `{true false x} "x"`},
	} {
		var ch MeetingChange
		if err := json.Unmarshal([]byte(tt.in), &ch); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(ch.Name)
		if got := fmt.Sprint(ch.Name, " ", string(text)); err != nil || got != tt.want {
			t.Errorf("%s = %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
	if err := json.Unmarshal([]byte(`{"name":7}`), &MeetingChange{}); err == nil {
		t.Error("a number was taken for a name")
	}
}
