package ical

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	goical "github.com/emersion/go-ical"

	"kalends/internal/cputime"
)

const sample = "\ufeffBEGIN:VCALENDAR\r\n" +
	"VERSION:2.0\r\n" +
	"prodid:-//Example//EN\n" +
	"\r\n" +
	"BEGIN:VEVENT\r\n" +
	"UID:1@example.com\r\n" +
	"DTSTART;tzid=\"Europe/Berlin\":20260105T090000\r\n" +
	"SUMMARY;LANGUAGE=en;X-Q=\"a,b\",c^n^'d^^:Plan\\, then\r\n  act\\n\\;now\r\n" +
	"BEGIN:VALARM\r\n" +
	"TRIGGER:-PT15M\r\n" +
	"END:VALARM\r\n" +
	"X-AFTER:the alarm\r\n" +
	"end:vevent\r\n" +
	"END:VCALENDAR"

func mustParse(t testing.TB, s string) *Component {
	t.Helper()
	c, err := Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPrintOfUntouchedInputIsIdentical(t *testing.T) {
	inputs := map[string]string{"sample": sample, "blank end": sample + "\r\n\r\n"}
	files, _ := filepath.Glob("../testdata/ics/*.ics")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		inputs[filepath.Base(f)] = string(b)
	}
	for name, in := range inputs {
		if got := mustParse(t, in).String(); got != in {
			t.Errorf("%s: printed\n%q\nwant\n%q", name, got, in)
		}
		if got := mustParse(t, in).Clone().String(); got != in {
			t.Errorf("%s: clone printed\n%q\nwant\n%q", name, got, in)
		}
	}
}

func TestChangeTouchesOnlyItsProperty(t *testing.T) {
	c := mustParse(t, sample)
	ev := c.Component("VEVENT")
	ev.Prop("UID").SetValue("2@example.com")
	ev.Add(NewText("LOCATION", "Here"))
	want := strings.Replace(sample, "1@example.com", "2@example.com", 1)
	want = strings.Replace(want, "BEGIN:VALARM", "LOCATION:Here\r\nBEGIN:VALARM", 1)
	if got := c.String(); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	ev.Remove("LOCATION")
	ev.Remove("X-AFTER")
	want = strings.Replace(strings.Replace(want, "LOCATION:Here\r\n", "", 1), "X-AFTER:the alarm\r\n", "", 1)
	if got := c.String(); got != want {
		t.Errorf("after Remove got\n%q\nwant\n%q", got, want)
	}
	ev.Set(NewProperty("UID", "3"))
	ev.AddChild(New("VALARM"))
	want = strings.Replace(want, "UID:2@example.com", "UID:3", 1)
	want = strings.Replace(want, "end:vevent", "BEGIN:VALARM\r\nEND:VALARM\r\nend:vevent", 1)
	if got := c.String(); got != want {
		t.Errorf("after AddChild got\n%q\nwant\n%q", got, want)
	}
}

func TestTypedAccess(t *testing.T) {
	ev := mustParse(t, sample).Component("VEVENT")
	if got, want := ev.Text("SUMMARY"), "Plan, then act\n;now"; got != want {
		t.Errorf("Text(SUMMARY) = %q, want %q", got, want)
	}
	p := ev.Prop("SUMMARY")
	if got, want := strings.Join(p.ParamValues("X-Q"), "|"), "a,b|c\n\"d^"; got != want {
		t.Errorf("ParamValues(X-Q) = %q, want %q", got, want)
	}
	if got, want := p.Line(), "SUMMARY;LANGUAGE=en;X-Q=\"a,b\",c^n^'d^^:Plan\\, then act\\n\\;now"; got != want {
		t.Errorf("Line() = %q, want %q", got, want)
	}
	d, err := ev.Prop("DTSTART").DateTime()
	if err != nil || d.Form != ZonedForm || d.TZID != "Europe/Berlin" || !d.Wall.Equal(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("DateTime() = %v, %v", d, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"nothing":                 "",
		"blank":                   "\r\n \r\n",
		"no calendar":             "BEGIN:VEVENT\r\nEND:VEVENT\r\n",
		"no end":                  "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n",
		"wrong end":               "BEGIN:VCALENDAR\r\nEND:VEVENT\r\n",
		"two calendars":           "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
		"trailing text":           "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\nhello",
		"parameter without value": "BEGIN:VCALENDAR\r\nDTSTART;TZID=Europe/Paris\r\nEND:VCALENDAR\r\n",
		"no colon":                "BEGIN:VCALENDAR\r\nSUMMARY\r\nEND:VCALENDAR\r\n",
		"open quote":              "BEGIN:VCALENDAR\r\nA;B=\"c:d\r\nEND:VCALENDAR\r\n",
		"control":                 "BEGIN:VCALENDAR\r\nA:\x00\r\nEND:VCALENDAR\r\n",
		"carriage return":         "BEGIN:VCALENDAR\r\nA:b\rc\r\nEND:VCALENDAR\r\n",
		"not UTF-8":               "BEGIN:VCALENDAR\r\nA:\xff\r\nEND:VCALENDAR\r\n",
		"html":                    "<html></html>",
	} {
		_, err := Parse([]byte(in))
		if se := (*SyntaxError)(nil); !errors.As(err, &se) || se.Line < 1 || se.Msg == "" {
			t.Errorf("%s: Parse = %v, want a SyntaxError", name, err)
		}
	}
}

// The three inputs that stop go-ical: two panics, quadratic time, and a stack that ends the process.
func TestInputsThatKillGoICal(t *testing.T) {
	inputs := map[string]string{
		"quotes inside a parameter": "BEGIN:VCALENDAR\r\nATTENDEE;CN=\"a\"b:x\r\nEND:VCALENDAR\r\n",
		"a long parameter":          "BEGIN:VCALENDAR\r\nA;B=" + strings.Repeat("x", 400_000) + ":c\r\nEND:VCALENDAR\r\n",
		"deep nesting":              "BEGIN:VCALENDAR\r\n" + strings.Repeat("BEGIN:X\r\n", 1_000_000),
		"no value":                  "BEGIN:VCALENDAR\r\nDTSTART;TZID=x\r\nEND:VCALENDAR\r\n",
	}
	for name, in := range inputs {
		if d := cputime.Of(func() { _, _ = Parse([]byte(in)) }); d > time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
	c := mustParse(t, inputs["quotes inside a parameter"])
	if got := c.Prop("ATTENDEE").Param("CN"); got != "ab" {
		t.Errorf("CN = %q", got)
	}
}

func TestPrintedLinesCannotBeInjected(t *testing.T) {
	c := New("VEVENT")
	c.Add(NewProperty("X", "a\r\nATTENDEE:b", Param{"CN", []string{"x\r\ny\"z", "a:b"}}))
	c.Add(NewText("SUMMARY", "a\r\nb\x00\x7f"))
	want := "BEGIN:VEVENT\r\nX;CN=x^ny^'z,\"a:b\":a  ATTENDEE:b\r\nSUMMARY:a\\nb\r\nEND:VEVENT\r\n"
	if got := c.String(); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestFoldKeepsCharactersWhole(t *testing.T) {
	text := strings.Repeat("ä€𝄞x", 60)
	c := New("VCALENDAR")
	c.Add(NewText("SUMMARY", text))
	for line := range strings.SplitSeq(c.String(), "\r\n") {
		if len(line) > 75 {
			t.Errorf("line of %d octets", len(line))
		}
		if strings.ToValidUTF8(line, "?") != line {
			t.Errorf("a character is cut in %q", line)
		}
	}
	if got := mustParse(t, c.String()).Text("SUMMARY"); got != text {
		t.Errorf("text = %q", got)
	}
}

// RFC 5545 section 3.1: some programs fold without regard to characters.
func TestFoldInsideACharacter(t *testing.T) {
	in := strings.Replace(sample, "X-AFTER:the alarm", "X-AFTER:gr\xc3\r\n \xbcn", 1)
	c := mustParse(t, in)
	if got := c.Component("VEVENT").Value("X-AFTER"); got != "grün" {
		t.Errorf("value %q", got)
	}
	if got, want := c.String(), strings.Replace(sample, "the alarm", "grün", 1); got != want {
		t.Errorf("printed\n%q\nwant\n%q", got, want)
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]string{
		"P1W": "P1W", "-PT15M": "-PT15M", "PT2D": "P2D", "p1dt2h3m4s": "P1DT2H3M4S", "+PT0S": "PT0S", "P1W2D": "P9D", "-P0D": "-PT0S",
	} {
		d, err := ParseDuration(in)
		if err != nil || d.String() != want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %s", in, d, err, want)
		}
	}
	for _, in := range []string{"", "P", "PT", "1D", "P1", "P99999999999W", "P1H", "PT99999999999H", "P-1D", "P1X"} {
		if d, err := ParseDuration(in); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", in, d)
		}
	}
}

func TestParseDateTime(t *testing.T) {
	for in, want := range map[string]Form{"20260105": DateForm, "20260105T090000": ZonedForm, "20260105T090000Z": UTCForm, "20261231T235960Z": UTCForm} {
		d, err := ParseDateTime(in, "Europe/Berlin")
		if err != nil || d.Form != want {
			t.Errorf("ParseDateTime(%q) = %v, %v", in, d, err)
		}
	}
	for _, in := range []string{"", "2026", "20260230", "20261301", "20260105T240000", "20260105T09000", "20260105X090000", "2026-1-5", "+0260105", "20260105T0900000Z"} {
		if d, err := ParseDateTime(in, ""); err == nil {
			t.Errorf("ParseDateTime(%q) = %v, want an error", in, d)
		}
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"MAILTO:Alice@Example.COM":        "mailto:alice@example.com",
		"mailto:alice%40example.com":      "mailto:alice@example.com",
		"'mailto:alice@example.com'":      "mailto:alice@example.com",
		" alice@example.com ":             "mailto:alice@example.com",
		"mailto:bob@bücher.example":       "mailto:bob@xn--bcher-kva.example",
		"urn:UUID:AB":                     "urn:uuid:ab",
		"/dav/principals/users/alice/":    "/dav/principals/users/alice/",
		"mailto:\"alice@example.com\"":    "mailto:alice@example.com",
		"https://example.com/principals/": "https://example.com/principals/",
	} {
		if got := Address(in); got != want {
			t.Errorf("Address(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"mailto:A@b.example": "a@b.example", "urn:uuid:x": "", "mailto:a": "", "mailto:a b@c": "", "mailto:@b": ""} {
		if got := Mailbox(in); got != want {
			t.Errorf("Mailbox(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"mailto:bob+work+x@example.com": "mailto:bob@example.com", "mailto:bob@example.com": "", "mailto:+x@example.com": "",
		"mailto:bob@a+b.example": "", "urn:x+y@z": "",
	} {
		if got, ok := WithoutDetail(in); ok != (want != "") || ok && got != want || !ok && got != in {
			t.Errorf("WithoutDetail(%q) = %q, %v, want %q", in, got, ok, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	files, _ := filepath.Glob("../testdata/ics/*.ics")
	for _, name := range files {
		b, _ := os.ReadFile(name)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data)
		if err != nil {
			return
		}
		if got := c.Bytes(); !bytes.Equal(got, data) && utf8.Valid(data) {
			t.Fatalf("untouched print differs:\n%q\n%q", got, data)
		}
		touch(c)
		printed := c.Bytes()
		again, err := Parse(printed)
		if err != nil {
			t.Fatalf("printed text does not parse: %v\n%q", err, printed)
		}
		if !equal(c, again) {
			t.Fatalf("parse(print(x)) differs from x:\n%q\n%q", data, printed)
		}
		touch(again)
		if !bytes.Equal(again.Bytes(), printed) {
			t.Fatalf("print is no fixed point:\n%q\n%q", again.Bytes(), printed)
		}
	})
}

// touch makes every line be printed anew.
func touch(c *Component) {
	c.begin, c.end = "", ""
	for _, p := range c.props {
		p.raw = ""
	}
	for _, k := range c.children {
		touch(k.Component)
	}
}

func equal(a, b *Component) bool {
	if a.name != b.name || len(a.props) != len(b.props) || len(a.children) != len(b.children) {
		return false
	}
	for i := range a.props {
		if a.props[i].Line() != b.props[i].Line() {
			return false
		}
	}
	for i := range a.children {
		if a.children[i].at != b.children[i].at || !equal(a.children[i].Component, b.children[i].Component) {
			return false
		}
	}
	return true
}

func FuzzValues(f *testing.F) {
	f.Add("P1DT2H", "20260105T090000Z", "a\\,b;c\n")
	f.Fuzz(func(t *testing.T, dur, when, text string) {
		if d, err := ParseDuration(dur); err == nil {
			if e, err := ParseDuration(d.String()); err != nil || e.Exact() != d.Exact() {
				t.Fatalf("duration %q -> %v -> %v, %v", dur, d, e, err)
			}
		}
		if d, err := ParseDateTime(when, ""); err == nil {
			if e, err := ParseDateTime(d.String(), ""); err != nil || e != d {
				t.Fatalf("date-time %q -> %v -> %v, %v", when, d, e, err)
			}
		}
		if a := Address(text); Address(a) != a && !strings.ContainsAny(text, "%\"'<>?: ") {
			t.Fatalf("Address(%q) = %q, and again %q", text, a, Address(a))
		}
		if got := Unescape(Escape(text)); got != clean(text) {
			t.Fatalf("Unescape(Escape(%q)) = %q", text, got)
		}
	})
}

func clean(s string) string {
	b := []byte{}
	for i := range len(s) {
		if c := s[i]; c == '\n' || c == '\t' || c >= ' ' && c != 0x7f {
			b = append(b, c)
		}
	}
	return string(b)
}

// go-ical, on what it accepts, must see the same properties with the same values.
func TestAgreesWithGoICal(t *testing.T) {
	files, _ := filepath.Glob("../testdata/ics/*.ics")
	compared := 0
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := goical.NewDecoder(bytes.NewReader(b)).Decode()
		if err != nil {
			continue
		}
		compared++
		compare(t, filepath.Base(name), mustParse(t, string(b)), theirs.Component)
	}
	if len(files) > 0 && compared == 0 {
		t.Error("go-ical accepted no file")
	}
}

func compare(t *testing.T, name string, ours *Component, theirs *goical.Component) {
	t.Helper()
	if len(ours.children) != len(theirs.Children) {
		t.Errorf("%s: %s has %d children, go-ical says %d", name, ours.name, len(ours.children), len(theirs.Children))
		return
	}
	n := 0
	for prop, list := range theirs.Props {
		n += len(list)
		i := 0
		for p := range ours.All(prop) {
			if i < len(list) && p.Value() != list[i].Value {
				t.Errorf("%s: %s = %q, go-ical says %q", name, prop, p.Value(), list[i].Value)
			}
			i++
		}
	}
	if n != len(ours.props) {
		t.Errorf("%s: %s has %d properties, go-ical says %d", name, ours.name, len(ours.props), n)
	}
	for i, k := range ours.children {
		compare(t, name, k.Component, theirs.Children[i])
	}
}

func BenchmarkParse(b *testing.B) {
	data := []byte(sample)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
