package dav

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// write runs f on a Writer and returns what it wrote.
func write(t testing.TB, f func(w *Writer)) string {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	f(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const declared = ` xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/" xmlns:A="http://apple.com/ns/ical/"`

func TestWriter(t *testing.T) {
	got := write(t, func(w *Writer) {
		w.Root(D("prop"))
		w.Empty(D("empty"))
		w.Start(Name{"http://example.com/?a&b", "q"}, Attr{Name{"", "b"}, "\"<\n"}, Attr{Name{"http://example.org/", "c"}, "é"})
		w.Attr(Name{NSXML, "lang"}, "en")
		w.Elem(Name{"", "none"}, "a\r\n&<>\t\"")
		w.Attr(Name{"", "late"}, "is not written")
		w.End(Name{"http://example.com/?a&b", "q"})
		w.Int(C("max-instances"), -5)
		w.Start(A("calendar-color"))
		w.Text("")
		w.Text("#ff0000")
		w.End(A("calendar-color"))
		w.Start(CS("x"))
		w.RawString("<D:y/>")
		w.Raw([]byte("<D:z/>"))
		w.End(CS("x"))
		w.Href("/a%20b/")
		w.End(D("prop"))
	})
	want := `<?xml version="1.0" encoding="utf-8"?>` + "\n<D:prop" + declared + `><D:empty/>` +
		`<x:q xmlns:x="http://example.com/?a&amp;b" b="&quot;&lt;&#10;" xmlns:a1="http://example.org/" a1:c="&#xe9;" xml:lang="en">` +
		"<none>a&#13;\n&amp;&lt;&gt;\t\"</none></x:q><C:max-instances>-5</C:max-instances><A:calendar-color>#ff0000</A:calendar-color>" +
		`<CS:x><D:y/><D:z/></CS:x><D:href>/a%20b/</D:href></D:prop>`
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	read(t, got)
}

func TestWriterEscapes(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"plain text, long enough for eight", "plain text, long enough for eight"},
		{"]]>", "]]&gt;"},
		{"é", "&#xe9;"},
		{"\U0001f600\U0010ffff", "&#x1f600;&#x10ffff;"},
		{"\u0085\u2028", "&#x85;&#x2028;"},
		{"a\x00b\x0bc\x1f", "a&#xfffd;b&#xfffd;c&#xfffd;"},
		{"\xff\xc3", "&#xfffd;&#xfffd;"},
		{"\xed\xa0\x80", "&#xfffd;&#xfffd;&#xfffd;"},
		{"\ufffe\uffff\ufffd", "&#xfffd;&#xfffd;&#xfffd;"},
		{"\x7f\t\n", "\x7f\t\n"},
	} {
		got := write(t, func(w *Writer) { w.Text(tt.in) })
		if asBytes := write(t, func(w *Writer) { w.TextBytes([]byte(tt.in)) }); got != tt.want || asBytes != tt.want {
			t.Errorf("Text(%q) = %q, TextBytes = %q, want %q", tt.in, got, asBytes, tt.want)
		}
	}
	// Every byte at every place of an eight-byte word.
	for c := range 256 {
		for at := range 8 {
			s := strings.Repeat("x", at) + string(rune(c)) + strings.Repeat("y", 12)
			if e := read(t, wrap(t, s)); e.Text != allowed(s) {
				t.Fatalf("%q came back as %q", s, e.Text)
			}
		}
	}
}

// wrap writes s into a document.
func wrap(t testing.TB, s string) string {
	return write(t, func(w *Writer) {
		w.Root(D("a"))
		w.Attr(Name{"", "b"}, s)
		w.Text(s)
		w.End(D("a"))
	})
}

// allowed is s with U+FFFD for what XML cannot hold.
func allowed(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return utf8.RuneError
		}
		return r
	}, s)
}

func TestEveryStringSurvives(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("<>&\r\n\t\"' é\x00\U0001f600]x")))).Draw(rt, "s")
		s = strings.Repeat(s, rapid.SampledFrom([]int{1, 1, 1, 400}).Draw(rt, "times"))
		doc := wrap(t, s)
		for i := range len(doc) {
			if doc[i] >= 0x80 {
				rt.Fatalf("a byte beyond ASCII in %q", doc)
			}
		}
		e, err := ReadXML(strings.NewReader(doc), Limits{Bytes: 1 << 24})
		if err != nil {
			rt.Fatal(err)
		}
		if v, _ := e.Attr("b"); e.Text != allowed(s) || v != allowed(s) {
			rt.Fatalf("%q came back as %q and, from an attribute, %q", s, e.Text, v)
		}
	})
}

// TestLongText crosses the buffer's and the chunks' edges with characters of all widths.
func TestLongText(t *testing.T) {
	for shift := range 8 {
		s := strings.Repeat("z", shift) + strings.Repeat("aé€\U0001f600\r\n", 20_000)
		if e, err := ReadXML(strings.NewReader(wrap(t, s)), Limits{Bytes: 1 << 24}); err != nil || e.Text != s {
			t.Fatalf("a long text did not survive (%v)", err)
		}
		broken := s + strings.Repeat("\x80", 3*chunk)
		if e, err := ReadXML(strings.NewReader(wrap(t, broken)), Limits{Bytes: 1 << 24}); err != nil || e.Text != s+strings.Repeat("\ufffd", 3*chunk) {
			t.Fatalf("a long broken text did not survive (%v)", err)
		}
	}
}

func TestMarshal(t *testing.T) {
	body := read(t, `<propertyupdate xmlns="DAV:" xmlns:q="http://example.com/ns" xml:lang="de"><set><prop><q:note q:kind="a&#10;b" plain="1">One <b xmlns="">two</b> three<q:c/>é<displayname/></q:note></prop></set></propertyupdate>`)
	note := body.First().First().First()
	want := `<n0:note xmlns:n0="http://example.com/ns" xmlns:D="DAV:" xml:lang="de" n0:kind="a&#10;b" plain="1">One <b>two</b> three<n0:c/>&#xe9;<D:displayname/></n0:note>`
	if d := cmp.Diff(want, string(note.Marshal())); d != "" {
		t.Errorf("Marshal (-want +got):\n%s", d)
	}
	got := write(t, func(w *Writer) { w.Element(note) })
	if d := cmp.Diff(strings.Replace(want, ` xmlns:D="DAV:"`, "", 1), got); d != "" {
		t.Errorf("Element (-want +got):\n%s", d)
	}
	made := NewElement(D("a"), "text", NewElement(C("b"), ""), &Element{Name: D("c"), Text: "t", Lang: "en"})
	if got := string(made.Marshal()); got != `<D:a xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">text<C:b/><D:c xml:lang="en">t</D:c></D:a>` {
		t.Errorf("Marshal of a made tree = %s", got)
	}
	cut := NewElement(D("a"), "long text", NewElement(D("b"), ""))
	cut.Text = "x" // shorter than where the child stood
	if got := string(cut.Marshal()); got != `<D:a xmlns:D="DAV:">x<D:b/></D:a>` {
		t.Errorf("Marshal of a changed tree = %s", got)
	}
}

type failing struct{ n int }

func (f *failing) Write(p []byte) (int, error) {
	f.n++
	return 0, errors.New("broken pipe")
}

func TestWriterKeepsTheFirstError(t *testing.T) {
	f := &failing{}
	w := NewWriter(f)
	w.Root(D("a"))
	if w.Written() || w.Err() != nil {
		t.Error("something was sent before the buffer was full")
	}
	for range 20 {
		w.Text(strings.Repeat("x", flushAt))
	}
	if w.Err() == nil || w.Close() == nil || f.n != 1 {
		t.Errorf("err = %v after %d writes, want an error after one", w.Err(), f.n)
	}
}

func TestWriterAfterClose(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	w.Text("a")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Text(strings.Repeat("b", 3*flushAt))
	if err := w.Close(); err != nil || b.String() != "a" {
		t.Errorf("after Close: %v, %.20q", err, b.String())
	}
}
