package jcal

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kalends/ical"
)

// event wraps content lines, given with bare line feeds, into an object.
func event(lines ...string) string {
	return "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

func parse(t *testing.T, text string) *ical.Component {
	t.Helper()
	c, err := ical.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestProperties: each line of iCalendar, what it is in jCal, and that it comes back ("" for back: the same line).
func TestProperties(t *testing.T) {
	for _, tt := range []struct{ line, json, back string }{
		{`SUMMARY:Meeting\, with Fred\nand Ginger`, `["summary",{},"text","Meeting, with Fred\nand Ginger"]`, ""},
		{`COMMENT:hello, world`, `["comment",{},"text","hello, world"]`, `COMMENT:hello\, world`},
		{`CATEGORIES:Meetings,Wo\,rk`, `["categories",{},"text","Meetings","Wo,rk"]`, ""},
		{`GEO:37.386013;-122.082932`, `["geo",{},"float",[37.386013,-122.082932]]`, ""},
		{`GEO:+07.50;-00.5`, `["geo",{},"float",[7.50,-0.5]]`, `GEO:7.50;-0.5`},
		{`REQUEST-STATUS:2.0;Success`, `["request-status",{},"text",["2.0","Success"]]`, ""},
		{`REQUEST-STATUS:3.7;Invalid\; user;ATTENDEE:mailto:x@example.org`, `["request-status",{},"text",["3.7","Invalid; user","ATTENDEE:mailto:x@example.org"]]`, ""},
		{`REQUEST-STATUS:2.0`, `["request-status",{},"text","2.0"]`, ""},
		{`ATTENDEE;PARTSTAT=ACCEPTED;CN="Doe, \"J\"^' x";RSVP=TRUE:mailto:j@example.org`, `["attendee",{"partstat":"ACCEPTED","cn":"Doe, \\J\\\" x","rsvp":"TRUE"},"cal-address","mailto:j@example.org"]`, `ATTENDEE;PARTSTAT=ACCEPTED;CN="Doe, \J\^' x";RSVP=TRUE:mailto:j@example.org`},
		{`ATTENDEE;DELEGATED-TO="mailto:a@example.org","mailto:b@example.org":mailto:j@example.org`, `["attendee",{"delegated-to":["mailto:a@example.org","mailto:b@example.org"]},"cal-address","mailto:j@example.org"]`, ""},
		{`ATTACH;ENCODING=BASE64;VALUE=BINARY:SGVsbG8gV29ybGQh`, `["attach",{"encoding":"BASE64"},"binary","SGVsbG8gV29ybGQh"]`, ""},
		{`ATTACH:https://example.org/a,b;c`, `["attach",{},"uri","https://example.org/a,b;c"]`, ""},
		{`X-NON-SMOKING;VALUE=BOOLEAN:TRUE`, `["x-non-smoking",{},"boolean",true]`, ""},
		{`DTSTART;VALUE=DATE:20110517`, `["dtstart",{},"date","2011-05-17"]`, ""},
		{`DTSTART:20121017T120000`, `["dtstart",{},"date-time","2012-10-17T12:00:00"]`, ""},
		{`DTSTAMP:20121017T120000Z`, `["dtstamp",{},"date-time","2012-10-17T12:00:00Z"]`, ""},
		{`DTEND;TZID=Europe/Berlin:20111017T130000`, `["dtend",{"tzid":"Europe/Berlin"},"date-time","2011-10-17T13:00:00"]`, ""},
		{`DTSTART:20110517`, `["dtstart",{},"date","2011-05-17"]`, `DTSTART;VALUE=DATE:20110517`},
		{`DTEND:20161231t235960z`, `["dtend",{},"date-time","2016-12-31T23:59:60Z"]`, `DTEND:20161231T235960Z`},
		{`DURATION:P1D`, `["duration",{},"duration","P1D"]`, ""},
		{`X-GRADE;VALUE=FLOAT:1.3`, `["x-grade",{},"float",1.3]`, ""},
		{`X-GRADES;VALUE=INTEGER:1,2,-3`, `["x-grades",{},"integer",1,2,-3]`, ""},
		{`PERCENT-COMPLETE:42`, `["percent-complete",{},"integer",42]`, ""},
		{`FREEBUSY;FBTYPE=FREE:19970308T160000Z/P1D,19970309T160000Z/19970309T170000Z`, `["freebusy",{"fbtype":"FREE"},"period",["1997-03-08T16:00:00Z","P1D"],["1997-03-09T16:00:00Z","1997-03-09T17:00:00Z"]]`, ""},
		{`RDATE;VALUE=PERIOD;TZID=Europe/Berlin:20260101T090000/PT1H`, `["rdate",{"tzid":"Europe/Berlin"},"period",["2026-01-01T09:00:00","PT1H"]]`, `RDATE;TZID=Europe/Berlin;VALUE=PERIOD:20260101T090000/PT1H`},
		{`EXDATE;VALUE=DATE:20260101,20260102`, `["exdate",{},"date","2026-01-01","2026-01-02"]`, ""},
		{`RRULE:FREQ=YEARLY;COUNT=5;BYDAY=-1SU,2MO;BYMONTH=10`, `["rrule",{},"recur",{"freq":"YEARLY","count":5,"byday":["-1SU","2MO"],"bymonth":10}]`, ""},
		{`RRULE:FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=1,15,-1;UNTIL=20131001`, `["rrule",{},"recur",{"freq":"MONTHLY","interval":2,"bymonthday":[1,15,-1],"until":"2013-10-01"}]`, ""},
		{`RRULE:freq=daily;until=20131001t120000z;`, `["rrule",{},"recur",{"freq":"daily","until":"2013-10-01T12:00:00Z"}]`, `RRULE:FREQ=daily;UNTIL=20131001T120000Z`},
		{`RRULE:RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=5L;BYMONTHDAY=8;SKIP=FORWARD`, `["rrule",{},"recur",{"rscale":"HEBREW","freq":"YEARLY","bymonth":"5L","bymonthday":8,"skip":"FORWARD"}]`, ""},
		{`X-TIME-LOCAL;VALUE=TIME:123000`, `["x-time-local",{},"time","12:30:00"]`, ""},
		{`X-TIME-UTC;VALUE=TIME:123000Z`, `["x-time-utc",{},"time","12:30:00Z"]`, ""},
		{`TZURL:http://example.org/tz/Europe-Berlin.ics`, `["tzurl",{},"uri","http://example.org/tz/Europe-Berlin.ics"]`, ""},
		{`TZOFFSETFROM:-0500`, `["tzoffsetfrom",{},"utc-offset","-05:00"]`, ""},
		{`TZOFFSETTO:+123045`, `["tzoffsetto",{},"utc-offset","+12:30:45"]`, ""},
		{`TRIGGER;RELATED=END:-PT5M`, `["trigger",{"related":"END"},"duration","-PT5M"]`, ""},
		{`TRIGGER;VALUE=DATE-TIME:20260101T090000Z`, `["trigger",{},"date-time","2026-01-01T09:00:00Z"]`, ""},
		{`TRIGGER:20260101T090000Z`, `["trigger",{},"date-time","2026-01-01T09:00:00Z"]`, `TRIGGER;VALUE=DATE-TIME:20260101T090000Z`},
		{`IMAGE;VALUE=URI;DISPLAY=BADGE:https://example.org/i.png`, `["image",{"display":"BADGE"},"uri","https://example.org/i.png"]`, `IMAGE;DISPLAY=BADGE;VALUE=URI:https://example.org/i.png`},
		{`REFRESH-INTERVAL;VALUE=DURATION:P1W`, `["refresh-interval",{},"duration","P1W"]`, ""},
		{`DTSTART;X-SLACK=30.3;VALUE=DATE:20110512`, `["dtstart",{"x-slack":"30.3"},"date","2011-05-12"]`, ""},
		{`LINK;VALUE=XML-REFERENCE;LINKREL=x:https://example.org/#x(a,b)`, `["link",{"linkrel":"x"},"xml-reference","https://example.org/#x(a,b)"]`, `LINK;LINKREL=x;VALUE=XML-REFERENCE:https://example.org/#x(a,b)`},

		// RFC 7265 section 5: what is not known, and here also what is not what it says, is carried as it stands.
		{`X-COMPLAINT-DEADLINE:20110512T120000Z`, `["x-complaint-deadline",{},"unknown","20110512T120000Z"]`, ""},
		{`X-COFFEE-DATA:Stenophylla;Guinea\,Africa`, `["x-coffee-data",{},"unknown","Stenophylla;Guinea\\,Africa"]`, ""},
		{`DTSTAMP:yesterday`, `["dtstamp",{},"unknown","yesterday"]`, ""},
		{`PRIORITY:high`, `["priority",{},"unknown","high"]`, ""},
		{`RRULE:FREQ=DAILY;FREQ=DAILY`, `["rrule",{},"unknown","FREQ=DAILY;FREQ=DAILY"]`, ""},
		{`RRULE:FREQ=DAILY;COUNT=x`, `["rrule",{},"unknown","FREQ=DAILY;COUNT=x"]`, ""},
		{`EXDATE:20260101,20260102T090000`, `["exdate",{},"unknown","20260101,20260102T090000"]`, ""},
		{`GEO:north;south`, `["geo",{},"unknown","north;south"]`, ""},
		{`SUMMARY:` + "\u00e4\u65e5\U0001f600", "[\"summary\",{},\"text\",\"\u00e4\u65e5\U0001f600\"]", ""},
		{`SUMMARY:`, `["summary",{},"text",""]`, ""},
	} {
		b, err := Marshal(parse(t, event(tt.line)))
		if err != nil {
			t.Errorf("Marshal(%s): %v", tt.line, err)
			continue
		}
		if want := `["vcalendar",[],[["vevent",[` + tt.json + `],[]]]]`; string(b) != want {
			t.Errorf("Marshal(%s)\n got %s\nwant %s", tt.line, b, want)
			continue
		}
		if !json.Valid(b) {
			t.Errorf("Marshal(%s) is not JSON: %s", tt.line, b)
		}
		c, err := Unmarshal(b)
		if err != nil {
			t.Errorf("Unmarshal(%s): %v", b, err)
			continue
		}
		want := tt.back
		if want == "" {
			want = tt.line
		}
		if got := c.Children()[0].Props()[0].Line(); got != want && !sameParams(got, want) {
			t.Errorf("Unmarshal(%s) = %s, want %s", b, got, want)
		}
	}
}

// sameParams: VALUE moves to the end, which means nothing.
func sameParams(got, want string) bool {
	a, _ := ical.Parse([]byte(event(got)))
	b, _ := ical.Parse([]byte(event(want)))
	if a == nil || b == nil {
		return false
	}
	p, q := a.Children()[0].Props()[0], b.Children()[0].Props()[0]
	if p.Value() != q.Value() || len(p.Params()) != len(q.Params()) {
		return false
	}
	for _, x := range q.Params() {
		if strings.Join(p.ParamValues(x.Name), "\x00") != strings.Join(x.Values, "\x00") {
			return false
		}
	}
	return true
}

// TestUnmarshalLenient: forms that the RFC allows beside the one we write, and what programs send.
func TestUnmarshalLenient(t *testing.T) {
	for _, tt := range []struct{ json, line string }{
		{`["rrule",{},"recur",{"bymonth":[4],"freq":"YEARLY","byday":["1SU"]}]`, `RRULE:BYMONTH=4;FREQ=YEARLY;BYDAY=1SU`},
		{`["rrule",{},"recur",{"freq":"DAILY","count":1e1}]`, `RRULE:FREQ=DAILY;COUNT=10`},
		{`["attendee",{"cn":["J"]},"cal-address","mailto:j@example.org"]`, `ATTENDEE;CN=J:mailto:j@example.org`},
		{`["dtstart",{},"date-time","20260101T000000Z"]`, `DTSTART:20260101T000000Z`},
		{`["freebusy",{},"period","2026-01-01T00:00:00Z/PT1H"]`, `FREEBUSY:20260101T000000Z/PT1H`},
		{`["priority",{},"integer",5.0]`, `PRIORITY:5`},
		{`["Summary",{"Language":"en"},"TEXT","x"]`, `SUMMARY;LANGUAGE=en:x`},
		{`["summary",{},"text","a\u0000b\r\nc\u007f"]`, `SUMMARY:ab\nc`},
		{`["url",{},"uri","https://example.org/\r\nATTENDEE:mailto:x@example.org"]`, `URL:https://example.org/  ATTENDEE:mailto:x@example.org`},
		{`["x-a",{"x-p":"a\u0001\nb\"c"},"unknown","v"]`, `X-A;X-P=a^nb^'c:v`},
		{`["comment",{},"text","\ud800"]`, "COMMENT:\ufffd"},
	} {
		c, err := Unmarshal([]byte(`["vevent",[` + tt.json + `],[]]`))
		if err != nil {
			t.Errorf("Unmarshal(%s): %v", tt.json, err)
			continue
		}
		if got := c.Props()[0].Line(); got != tt.line {
			t.Errorf("Unmarshal(%s) = %q, want %q", tt.json, got, tt.line)
		}
	}
}

// TestUnmarshalRefuses: each text is an error that is ErrSyntax.
func TestUnmarshalRefuses(t *testing.T) {
	prop := func(s string) string { return `["vevent",[` + s + `],[]]` }
	for _, s := range []string{
		``, `{}`, `[]`, `["vevent"]`, `["vevent",[],[]`, `["vevent",[],[]] x`, `["vevent",[],[]][]`, `["vevent",[],[],[]]`, `["vevent",{},[]]`,
		`[1,[],[]]`, `["begin",[],[]]`, `["v event",[],[]]`, `["",[],[]]`, "[\"v\xff\",[],[]]", `null`, `["vevent",[[]],[]]`,
		`["` + strings.Repeat("x", 300) + `",[],[]]`,
		strings.Repeat(`["a",[],[`, 9) + strings.Repeat(`]]`, 9),
		strings.Repeat(`[`, 100_000),
		prop(`["summary",{},"text"]`),
		prop(`["summary",{},"text",1]`),
		prop(`["summary",{},"text",null]`),
		prop(`["summary",{},"text","a","b"]`),
		prop(`["summary",{},"text",{"a":1}]`),
		prop(`["summary",{},"text",["a",["b"]]]`),
		prop(`["summary",{},"text",[]]`),
		prop(`["summary",[],"text","a"]`),
		prop(`["summary",{"value":"TEXT"},"text","a"]`),
		prop(`["summary",{"x":1},"text","a"]`),
		prop(`["summary",{"x":[]},"text","a"]`),
		prop(`["summary",{"x":[["a"]]},"text","a"]`),
		prop(`["summary",{"x":"1","X":"2"},"text","a"]`),
		prop(`["summary",{"x\r\n":"1"},"text","a"]`),
		prop(`["summary",{},"te xt","a"]`),
		prop(`["summary\r\nBEGIN:VALARM",{},"text","a"]`),
		prop(`["end",{},"text","VEVENT"]`),
		prop(`["dtstart",{},"date","2026-1-1"]`),
		prop(`["dtstart",{},"date-time","2026-01-01"]`),
		prop(`["dtstart",{},"date-time","2026-01-01T09:00:00+01:00"]`),
		prop(`["duration",{},"duration","1h"]`),
		prop(`["priority",{},"integer","5"]`),
		prop(`["priority",{},"integer",5.5]`),
		prop(`["priority",{},"integer",1e300]`),
		prop(`["geo",{},"float",["1","2"]]`),
		prop(`["x-a",{},"boolean","TRUE"]`),
		prop(`["tzoffsetto",{},"utc-offset","0500"]`),
		prop(`["tzoffsetto",{},"utc-offset",""]`),
		prop(`["x-a",{},"time","9:00"]`),
		prop(`["freebusy",{},"period",["2026-01-01T00:00:00Z"]]`),
		prop(`["freebusy",{},"period",["2026-01-01T00:00:00Z","PT1H","PT1H"]]`),
		prop(`["freebusy",{},"period",["PT1H","PT1H"]]`),
		prop(`["freebusy",{},"period","x"]`),
		prop(`["url",{},"uri",["a","b"]]`),
		prop(`["x-a",{},"unknown","a","b"]`),
		prop(`["rrule",{},"recur","FREQ=DAILY"]`),
		prop(`["rrule",{},"recur",{}]`),
		prop(`["rrule",{},"recur",{"freq":"DAILY;COUNT=1"}]`),
		prop(`["rrule",{},"recur",{"freq":["DAILY",["x"]]}]`),
		prop(`["rrule",{},"recur",{"byday":[]}]`),
		prop(`["rrule",{},"recur",{"count":1.5}]`),
		prop(`["rrule",{},"recur",{"count":true}]`),
		prop(`["rrule",{},"recur",{"until":"tomorrow"}]`),
		prop(`["rrule",{},"recur",{"fr=eq":"DAILY"}]`),
	} {
		if c, err := Unmarshal([]byte(s)); !errors.Is(err, ErrSyntax) {
			t.Errorf("Unmarshal(%.100s) = %v, %v; want ErrSyntax", s, c, err)
		}
	}
}

// TestUnmarshalLimits: each limit is refused where it is passed.
func TestUnmarshalLimits(t *testing.T) {
	many := func(n int, format string) string { return strings.TrimSuffix(strings.Repeat(format+",", n), ",") }
	params := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`,"x` + strings.Repeat("y", i) + `":"1"`)
		}
		return `["a",[["x",{` + b.String()[1:] + `},"text",""]],[]]`
	}
	for _, tt := range []struct {
		name, in string
		ok       bool
	}{
		{"components", `["a",[],[` + many(maxComponents-1, `["b",[],[]]`) + `]]`, true},
		{"too many components", `["a",[],[` + many(maxComponents, `["b",[],[]]`) + `]]`, false},
		{"too many properties", `["a",[` + many(maxProperties+1, `["x",{},"text",""]`) + `],[]]`, false},
		{"values", `["a",[["x",{},"text",` + many(maxValues, `"v"`) + `]],[]]`, true},
		{"too many values", `["a",[["x",{},"text",` + many(maxValues+1, `"v"`) + `]],[]]`, false},
		{"too many fields", `["a",[["x",{},"text",[` + many(21, `"v"`) + `]]],[]]`, false},
		{"parameters", params(190), true},
		{"too many parameters", params(maxParams + 1), false},
		{"too many values of a parameter", `["a",[["x",{"p":[` + many(maxParams+1, `"v"`) + `]},"text",""]],[]]`, false},
		{"too many values in a rule", `["a",[["x",{},"recur",{"byday":[` + many(maxValues+1, `"MO"`) + `]}]],[]]`, false},
	} {
		if _, err := Unmarshal([]byte(tt.in)); (err == nil) != tt.ok {
			t.Errorf("%s: error %v, want ok = %v", tt.name, err, tt.ok)
		}
	}
}

// TestSamples: the objects of testdata/ics survive, and a second turn changes nothing.
func TestSamples(t *testing.T) {
	files, err := filepath.Glob("../../testdata/ics/*.ics")
	if err != nil || len(files) < 10 {
		t.Fatalf("samples: %d files, %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ical.Parse(text)
		if err != nil {
			continue // a sample of what is broken
		}
		roundTrip(t, name, c)
	}
}

// roundTrip: jCal of what is read from jCal, and of its text, is the same jCal.
func roundTrip(t *testing.T, name string, c *ical.Component) {
	t.Helper()
	first, err := Marshal(c)
	if err != nil {
		t.Fatalf("%s: Marshal: %v", name, err)
	}
	if !json.Valid(first) {
		t.Fatalf("%s: not JSON: %s", name, first)
	}
	back, err := Unmarshal(first)
	if err != nil {
		t.Fatalf("%s: Unmarshal: %v\n%s", name, err, first)
	}
	second, err := Marshal(back)
	if err != nil || !bytes.Equal(first, second) {
		t.Fatalf("%s: second turn differs (%v)\n%s\n%s", name, err, first, second)
	}
	if len(back.Props()) != len(c.Props()) || len(back.Children()) != len(c.Children()) {
		t.Fatalf("%s: %d properties and %d components, were %d and %d", name, len(back.Props()), len(back.Children()), len(c.Props()), len(c.Children()))
	}
	text, err := ical.Parse(back.Bytes())
	if err != nil {
		t.Fatalf("%s: the text cannot be read: %v\n%s", name, err, back)
	}
	third, err := Marshal(text)
	if err != nil || !bytes.Equal(first, third) {
		t.Fatalf("%s: through the text it differs (%v)\n%s\n%s", name, err, first, third)
	}
}

// FuzzMarshal: whatever package ical reads goes through jCal.
func FuzzMarshal(f *testing.F) {
	files, _ := filepath.Glob("../../testdata/ics/*.ics")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(event(`X;A="a^n;",b;A=c;VALUE=DATE:1`, "DTSTART:20260101T0000000", "RRULE:A==;B=,", "GEO:1;;2", "CATEGORIES:a\\,b,,c\\")))
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := ical.Parse(text); err == nil {
			roundTrip(t, "fuzz", c)
		}
	})
}

// FuzzUnmarshal: what is taken from jCal is iCalendar, and comes back.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`["vcalendar",[["version",{},"text","2.0"]],[["vevent",[["rrule",{"a":["b","c"]},"recur",{"freq":"DAILY","byday":["MO",2]}]],[]]]]`))
	f.Add([]byte(`["vcalendar",[["geo",{},"float",[1.5,-2e3]],["x",{},"text",["a","b"],"c"],["freebusy",{},"period",["2026-01-01T00:00:00Z","P1D"]]],[]]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Unmarshal(text)
		if err != nil {
			if !errors.Is(err, ErrSyntax) {
				t.Fatalf("error is not ErrSyntax: %v", err)
			}
			return
		}
		if c.Name() != "VCALENDAR" {
			return
		}
		printed, err := ical.Parse(c.Bytes())
		if err != nil {
			t.Fatalf("the text cannot be read: %v\n%s", err, c)
		}
		roundTrip(t, "fuzz", printed)
	})
}

func BenchmarkMarshal(b *testing.B) {
	text, err := os.ReadFile("../../testdata/ics/google-meet.ics")
	if err != nil {
		files, _ := filepath.Glob("../../testdata/ics/*.ics")
		if text, err = os.ReadFile(files[0]); err != nil {
			b.Fatal(err)
		}
	}
	c, err := ical.Parse(text)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Marshal(c); err != nil {
			b.Fatal(err)
		}
	}
}
