package stream

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"kalends/ical"
	"kalends/internal/cputime"
)

// text makes lines of a readable list: "+" opens, "-" closes.
func text(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

const berlin = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n" +
	"RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n" +
	"RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"

func event(uid string, lines ...string) string {
	return text(append(append([]string{"BEGIN:VEVENT", "UID:" + uid, "DTSTAMP:20260101T000000Z"}, lines...), "END:VEVENT")...)
}

func calendar(parts ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n" + strings.Join(parts, "") + "END:VCALENDAR\r\n"
}

// show is what a stream was cut into, one line each.
func show(c *Calendar) string {
	var b strings.Builder
	for _, o := range c.Objects {
		fmt.Fprintf(&b, "%d %s %s %d\n", o.Line, o.Component, o.UID, len(o.blocks))
	}
	for _, p := range c.Problems {
		fmt.Fprintf(&b, "%d! %s: %s\n", p.Line, p.UID, p.Msg)
	}
	return b.String()
}

func TestSplit(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"objects by UID, with overrides from anywhere",
			calendar(event("a", "DTSTART:20260101T090000Z", "RRULE:FREQ=DAILY"), event("b", "DTSTART:20260101"), event("a", "RECURRENCE-ID:20260102T090000Z", "DTSTART:20260102T100000Z")),
			"4 VEVENT a 2\n10 VEVENT b 1\n"},
		{"kinds of components are apart", calendar(event("a"), text("BEGIN:VTODO", "UID:a", "END:VTODO")), "4 VEVENT a 1\n8 VTODO a 1\n"},
		{"several VCALENDARs", calendar(event("a")) + calendar(event("b")), "4 VEVENT a 1\n12 VEVENT b 1\n"},
		{"bare line feeds, lower case and blank lines", "begin:vcalendar\n\nbegin:vevent\nuid:a\n\nend:vevent\nend:vcalendar", "3 VEVENT a 1\n"},
		{"a folded UID", calendar(text("BEGIN:VEVENT", "UID:long", " er\\,", "END:VEVENT")), "4 VEVENT longer, 1\n"},
		{"twice the same", calendar(event("a", "SUMMARY:x"), event("a", "SUMMARY:x")), "4 VEVENT a 1\n"},
		{"twice, and not the same", calendar(event("a", "SEQUENCE:1"), event("a", "SEQUENCE:0")), "4 VEVENT a 1\n9! a: the VEVENT is there twice; the newer one is taken\n"},
		{"an event without an end spoils no other",
			calendar(event("a"), "BEGIN:VEVENT\r\nUID:b\r\nBEGIN:VALARM\r\n", event("c"), "BEGIN:VEVENT\r\nUID:d\r\n"),
			"4 VEVENT a 1\n11 VEVENT c 1\n8! b: the VEVENT has no END\n15! d: the VEVENT has no END\n"},
		{"the wrong END", calendar(text("BEGIN:VEVENT", "UID:a", "BEGIN:VALARM", "END:VEVENT"), event("b")),
			"8 VEVENT b 1\n4! a: line 7: END:VEVENT where END:VALARM is expected\n"},
		{"without the lines around it", event("a"), "1 VEVENT a 1\n"},
		{"unknown components", calendar(text("BEGIN:X-THING", "UID:x", "END:X-THING"), event("a")),
			"7 VEVENT a 1\n4! x: a X-THING is no part of a calendar that can be kept\n"},
		{"a web page", "<!doctype html>\n<p>Sign in</p>\n", "1! : there is no VCALENDAR\n"},
		{"nothing", "", "1! : there is no VCALENDAR\n"},
		{"an empty calendar", calendar(), ""},
		{"nesting", calendar("BEGIN:VEVENT\r\nUID:a\r\n" + strings.Repeat("BEGIN:X\r\n", 100) + strings.Repeat("END:X\r\n", 100) + "END:VEVENT\r\n"),
			"4! a: components are nested more than 16 deep\n"},
		{"a byte order mark", "\ufeff" + calendar(event("a")), "4 VEVENT a 1\n"},
		{"UTF-16", utf16le(calendar(event("ä"))), "4 VEVENT ä 1\n"},
	} {
		if got := show(Split([]byte(tt.in))); got != tt.want {
			t.Errorf("%s: Split gave\n%swant\n%s", tt.name, got, tt.want)
		}
	}
}

func utf16le(s string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func TestSplitHeader(t *testing.T) {
	in := strings.Replace(calendar(event("a")), "PRODID", text("X-WR-CALNAME:Bücher\\, Filme", "X-WR-CALDESC:d", "COLOR:red", "X-WR-TIMEZONE:Europe/Berlin",
		"METHOD:PUBLISH", "REFRESH-INTERVAL;VALUE=DURATION:PT2H", "X-PUBLISHED-TTL:PT1H")+"PRODID", 1)
	c := Split([]byte(in))
	if c.Name != "Bücher, Filme" || c.Description != "d" || c.Color != "red" || c.TimeZone != "Europe/Berlin" || c.Refresh != 2*time.Hour || !c.Found || !c.Complete {
		t.Errorf("Split: %+v", c)
	}
	if c := Split([]byte(strings.TrimSuffix(in, "END:VCALENDAR\r\n"))); c.Complete || !c.Found {
		t.Error("a stream that is cut off is Complete")
	}
	for _, ttl := range []string{"-PT1H", "P999999999W", "x"} {
		if c := Split([]byte("BEGIN:VCALENDAR\nX-PUBLISHED-TTL:" + ttl + "\nEND:VCALENDAR")); c.Refresh < 0 || c.Refresh > 2*366*24*time.Hour {
			t.Errorf("X-PUBLISHED-TTL:%s gave %v", ttl, c.Refresh)
		}
	}
}

func TestText(t *testing.T) {
	zoned := event("z", "DTSTART;TZID=Europe/Berlin:20260101T090000", "RDATE;VALUE=DATE-TIME;TZID=\"W. Europe Standard Time\":20260102T090000")
	in := "BEGIN:VCALENDAR\nX-WR-CALNAME:n\nMETHOD:PUBLISH\n" + strings.ReplaceAll(berlin, "\r\n", "\n") + event("a", "SUMMARY:fol", " ded", "  text") + zoned +
		"BEGIN:VEVENT\nDTSTAMP:20260101T000000Z\nSUMMARY:without\nEND:VEVENT\nEND:VCALENDAR"
	c := Split([]byte(in))
	if len(c.Objects) != 3 || len(c.Problems) != 0 {
		t.Fatalf("Split gave\n%s", show(c))
	}
	head := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:" + ical.ProductID + "\r\n"
	if got, want := string(c.Objects[0].Text()), head+event("a", "SUMMARY:fol", " ded", "  text")+"END:VCALENDAR\r\n"; got != want {
		t.Errorf("Text of a:\n%s\nwant\n%s", got, want)
	}
	got := string(c.Objects[1].Text())
	if !strings.HasPrefix(got, head+berlin) || strings.Count(got, "BEGIN:VTIMEZONE") != 2 || !strings.Contains(got, "TZID:W. Europe Standard Time\r\n") ||
		!strings.HasSuffix(got, zoned+"END:VCALENDAR\r\n") {
		t.Errorf("Text of z:\n%s", got)
	}
	if _, err := ical.Parse([]byte(got)); err != nil {
		t.Error(err)
	}
	got = string(c.Objects[2].Text())
	if !strings.Contains(got, "BEGIN:VEVENT\r\nUID:"+c.Objects[2].UID+"\r\nDTSTAMP") || !strings.HasPrefix(c.Objects[2].UID, "kalends-") {
		t.Errorf("Text without UID:\n%s", got)
	}
	again := Split([]byte(strings.Replace(in, "DTSTAMP:20260101T000000Z\nSUMMARY:without", "DTSTAMP:20270101T000000Z\nSUMMARY:without", 1)))
	if again.Objects[2].UID != c.Objects[2].UID {
		t.Errorf("the UID made of the content changes with DTSTAMP")
	}
	if _, whole := c.Whole(); whole {
		t.Error("three objects are a Whole")
	}
	for _, tt := range []struct {
		in    string
		whole bool
	}{
		{calendar(event("a")), true},
		{calendar(berlin, zoned), false},                              // a zone is missing
		{calendar(berlin, event("a", "X-UNKNOWN;TZID=Mars:1")), true}, // and cannot be had
		{strings.Replace(calendar(event("a")), "PRODID", "METHOD:PUBLISH\r\nPRODID", 1), false},
		{calendar("BEGIN:VEVENT\r\nEND:VEVENT\r\n"), false},
		{strings.TrimSuffix(calendar(event("a")), "END:VCALENDAR\r\n"), false},
	} {
		if data, whole := Split([]byte(tt.in)).Whole(); whole != tt.whole || whole && string(data) != tt.in {
			t.Errorf("Whole of\n%s= %v", tt.in, whole)
		}
	}
}

// TestStreamLine: a parser's message names the line of the file.
func TestStreamLine(t *testing.T) {
	in := calendar(event("x"), berlin, event("a", "DTSTART;TZID=Europe/Berlin:20260101T090000", "SUMMARY:x", "NO COLON", "SUMMARY:y"))
	o := Split([]byte(in)).Objects[1]
	_, err := ical.Parse(o.Text())
	se, ok := err.(*ical.SyntaxError)
	if !ok {
		t.Fatalf("Parse: %v", err)
	}
	if got, want := strings.Split(in, "\r\n")[o.StreamLine(se.Line)-1], "NO COLON"; got != want {
		t.Errorf("line %d of the object is line %d of the stream: %q, want %q", se.Line, o.StreamLine(se.Line), got, want)
	}
	if got := o.StreamLine(9999); got != o.Line {
		t.Errorf("StreamLine of a line that is not there = %d", got)
	}
}

func TestJoin(t *testing.T) {
	custom := func(offset string) string {
		return text("BEGIN:VTIMEZONE", "TZID:Customized Time Zone", "BEGIN:STANDARD", "DTSTART:16010101T000000", "TZOFFSETFROM:"+offset, "TZOFFSETTO:"+offset, "END:STANDARD", "END:VTIMEZONE")
	}
	at := func(uid, tzid string) string { return event(uid, "DTSTART;TZID="+tzid+":20260101T090000") }
	var b bytes.Buffer
	j := NewJoiner(&b, ical.NewText("X-WR-CALNAME", "All, of it"))
	for _, in := range []string{
		calendar(berlin, at("a", "Europe/Berlin")),
		calendar(berlin, at("b", "Europe/Berlin")),
		calendar(at("c", "Europe/Berlin")), // without its VTIMEZONE
		calendar(custom("+0130"), at("d", "Customized Time Zone")),
		calendar(custom("+0230"), at("e", "Customized Time Zone")),
		calendar(custom("+0130"), at("f", "Customized Time Zone")),
		calendar(custom("+0230"), at("g", "Customized Time Zone")),
		calendar(at("h", "America/Lima")),
		calendar(at("i", "Mars")),
		strings.TrimSuffix(calendar(event("j")), "\r\n"),
	} {
		cal, err := ical.Parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Add(cal); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	cal, err := ical.Parse(b.Bytes())
	if err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	zones := map[string]string{}
	for tz := range cal.Components("VTIMEZONE") {
		id := tz.Text("TZID")
		if zones[id] != "" {
			t.Errorf("%s is there twice", id)
		}
		zones[id] = tz.Component("STANDARD").Value("TZOFFSETTO")
	}
	want := map[string]string{"a": "+0100", "b": "+0100", "c": "+0100", "d": "+0130", "e": "+0230", "f": "+0130", "g": "+0230", "h": "-0500", "i": "", "j": ""}
	for c := range cal.Main() {
		uid := c.Text("UID")
		id := ""
		if p := c.Prop("DTSTART"); p != nil {
			id = p.Param("TZID")
		}
		if got, ok := want[uid]; !ok || zones[id] != got {
			t.Errorf("%s is in a zone of offset %q, want %q", uid, zones[id], got)
		}
		delete(want, uid)
	}
	if len(want) > 0 || len(zones) != 4 || cal.Text("X-WR-CALNAME") != "All, of it" {
		t.Errorf("missing %v; zones %v", want, zones)
	}
	if got := show(Split(b.Bytes())); strings.Count(got, "\n") != 10 {
		t.Errorf("Split of what was joined gave\n%s", got)
	}
}

func FuzzSplit(f *testing.F) {
	for _, name := range samples(f) {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(calendar(berlin, event("a", "DTSTART;TZID=Europe/Berlin:20260101T090000"))))
	f.Add([]byte("BEGIN:VEVENT\nBEGIN:VCALENDAR\nEND:VEVENT\nBEGIN:VEVENT\n\n\nBEGIN:X\nEND:VEVENT"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := Split(data)
		var b bytes.Buffer
		j := NewJoiner(&b)
		for _, o := range c.Objects {
			if o.UID == "" || o.Component == "" || o.Line < 1 {
				t.Fatalf("object %+v", o)
			}
			out := o.Text()
			o.StreamLine(3)
			cal, err := ical.Parse(out)
			if err != nil {
				continue
			}
			if again := Split(out); len(again.Objects) != 1 || again.Objects[0].UID != o.UID {
				t.Fatalf("%q is cut into %s", out, show(again))
			}
			if err := j.Add(cal); err != nil {
				t.Fatal(err)
			}
		}
		j.Close()
		if _, err := ical.Parse(b.Bytes()); err != nil {
			t.Fatalf("what was joined cannot be read: %v\n%q", err, b.Bytes())
		}
	})
}

func samples(t testing.TB) []string {
	list, err := filepath.Glob("../../testdata/ics/*.ics")
	if err != nil || len(list) == 0 {
		t.Fatalf("testdata/ics: %v, %d files", err, len(list))
	}
	return list
}

// TestSamples: calendar objects in the manner of other programs survive being put together and cut apart.
func TestSamples(t *testing.T) {
	var b bytes.Buffer
	j := NewJoiner(&b)
	want := map[string]int{}
	for _, name := range samples(t) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range Split(data).Objects {
			cal, err := ical.Parse(o.Text())
			if err != nil || want[o.UID] > 0 {
				continue
			}
			for range cal.Main() {
				want[o.UID]++
			}
			if err := j.Add(cal); err != nil {
				t.Fatal(err)
			}
		}
	}
	j.Close()
	got := map[string]int{}
	for _, o := range Split(b.Bytes()).Objects {
		cal, err := ical.Parse(o.Text())
		if err != nil {
			t.Fatal(err)
		}
		for range cal.Main() {
			got[o.UID]++
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(want) < 20 {
		t.Errorf("%d objects with %v components, want %v", len(got), got, want)
	}
}

// TestSplitLarge: the cost grows with the size only.
func TestSplitLarge(t *testing.T) {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\n")
	for i := range 50_000 {
		b.WriteString(event(fmt.Sprint(i), "DTSTART:20260101", "SUMMARY:x"))
	}
	b.WriteString("END:VCALENDAR\r\n")
	took := cputime.Of(func() {
		if c := Split([]byte(b.String())); len(c.Objects) != 50_000 {
			t.Errorf("%d objects", len(c.Objects))
		}
		// One line, one UID, one zone after another: what could be quadratic.
		Split([]byte(strings.Repeat("x", 8<<20)))
		Split([]byte("BEGIN:VEVENT\n" + strings.Repeat(" \n", 4<<20)))
		Split([]byte("BEGIN:VEVENT\nA" + strings.Repeat("\n x", 2<<20)))
		Split([]byte("BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:VEVENT\nUID:a\nEND:VEVENT\n", 100_000)))
	})
	if took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}
