package dav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func read(t *testing.T, s string) *Element {
	t.Helper()
	e, err := ReadXML(strings.NewReader(s), Limits{})
	if err != nil {
		t.Fatalf("ReadXML(%q): %v", s, err)
	}
	return e
}

func TestReadXML(t *testing.T) {
	e := read(t, "\ufeff"+`<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment -->
<propfind xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xml:lang="en">
  <prop>
    <displayname/><C:calendar-data><C:comp name="VCALENDAR"/></C:calendar-data>
    <x xmlns="" y="&lt;&#x1f600;&#13;"><![CDATA[<&]]> tail<!-- c --> end</x>
    <n:a xmlns:n="http://example.com/ns" n:b="1" b="2"/>
  </prop>
</propfind>
<!-- after -->`)
	prop := e.Child(D("prop"))
	switch {
	case !e.Is(D("propfind")) || !prop.Has(D("displayname")) || prop.First().Name != D("displayname"):
		t.Errorf("names are wrong: %v, %v", e.Name, prop)
	case prop.Lang != "en":
		t.Errorf("xml:lang of %v = %q, want it inherited", prop.Name, prop.Lang)
	}
	if v, ok := prop.Child(C("calendar-data")).Child(C("comp")).Attr("name"); v != "VCALENDAR" || !ok {
		t.Errorf("comp name = %q, %v", v, ok)
	}
	x := prop.Child(Name{"", "x"})
	if x.Text != "<& tail end" {
		t.Errorf("text = %q", x.Text)
	}
	if v, _ := x.Attr("y"); v != "<\U0001f600\r" {
		t.Errorf("attribute y = %q", v)
	}
	want := []Attr{{Name{"http://example.com/ns", "b"}, "1"}, {Name{"", "b"}, "2"}}
	if d := cmp.Diff(want, prop.Child(Name{"http://example.com/ns", "a"}).Attrs); d != "" {
		t.Errorf("attributes of n:a (-want +got):\n%s", d)
	}
	n := 0
	for range prop.All(D("displayname")) {
		n++
	}
	if n != 1 {
		t.Errorf("All(displayname) gave %d elements, want 1", n)
	}
}

func TestNilElement(t *testing.T) {
	var e *Element
	if e.Child(D("a")).Child(D("b")) != nil || e.First() != nil || e.Value() != "" || e.Has(D("a")) || e.Is(D("a")) {
		t.Error("a nil element has something")
	}
	if _, ok := e.Attr("a"); ok {
		t.Error("a nil element has an attribute")
	}
	for range e.All(D("a")) {
		t.Error("a nil element has a child")
	}
}

func TestReadXMLRefuses(t *testing.T) {
	for _, tt := range []struct{ name, in, msg string }{
		{"an undeclared prefix (litmus propfind_invalid2)", `<D:propfind xmlns:D="DAV:"><bar:prop/></D:propfind>`, `the prefix "bar" of "bar:prop" is not declared`},
		{"an undeclared prefix of the root", `<D:propfind/>`, `"D"`},
		{"an undeclared prefix of an attribute", `<a q:b="1"/>`, `"q"`},
		{"a prefix used after its element", `<a><b xmlns:q="u"/><q:c/></a>`, `"q"`},
		{"an empty prefix binding", `<D:propfind xmlns:D=""/>`, "bound to an empty namespace"},
		{"a missing end tag (litmus propfind_invalid)", `<D:propfind xmlns:D="DAV:"><D:prop>`, "is not closed"},
		{"crossed tags", `<a><b></a></b>`, `"b" is closed by "a"`},
		{"an end tag with another prefix", `<D:a xmlns:D="u" xmlns:E="u"></E:a>`, "is closed by"},
		{"an end tag too many", `<a/></a>`, "closes nothing"},
		{"a second root", `<a/><b/>`, "second root"},
		{"text after the root", `<a/>x`, "outside the root"},
		{"text before the root", `x<a/>`, "outside the root"},
		{"only a comment", `<!-- x -->`, "no root"},
		{"a DTD", `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, "DOCTYPE"},
		{"an external entity", `<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>`, "DOCTYPE"},
		{"an entity that is not declared", `<a>&nbsp;</a>`, "nbsp"},
		{"a processing instruction", `<?php x?><a/>`, "processing instruction"},
		{"a style sheet", `<?xml version="1.0"?><?xml-stylesheet href="x"?><a/>`, "processing instruction"},
		{"a declaration in the middle", `<a><?xml version="1.0"?></a>`, "processing instruction"},
		{"another encoding", `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`, "send UTF-8"},
		{"XML 1.1", `<?xml version="1.1"?><a/>`, "version"},
		{"UTF-16 with its mark", "\xff\xfe<\x00a\x00/\x00>\x00", "send UTF-8"},
		{"UTF-16 without it", "<\x00a\x00/\x00>\x00", "send UTF-8"},
		{"broken UTF-8", "<a>\xff</a>", "UTF-8"},
		{"an overlong character", "<a>\xc0\xaf</a>", "UTF-8"},
		{"a control character", "<a>\x01</a>", "illegal character"},
		{"a reference to a control character", "<a>&#8;</a>", "illegal character"},
		{"a reference to U+FFFE", "<a>&#xfffe;</a>", "illegal character"},
		{"NUL", "<a b='1'>\x00</a>", "illegal character"},
		{"an attribute twice", `<a b="1" b="2"/>`, "twice"},
		{"an attribute twice by two prefixes", `<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>`, "twice"},
		{"a declaration twice", `<a xmlns:p="u" xmlns:p="v"/>`, "twice"},
		{"a default declaration twice", `<a xmlns="u" xmlns="v"/>`, "twice"},
		{"xmlns as a prefix of an element", `<xmlns:a/>`, "xmlns"},
		{"xmlns declared", `<a xmlns:xmlns="http://www.w3.org/2000/xmlns/"/>`, "declared anew"},
		{"xml bound to something else", `<a xmlns:xml="u"/>`, "declared anew"},
		{"XML's namespace bound to something else", `<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`, "declared anew"},
		{"two colons", `<a:b:c xmlns:a="u"/>`, "name"},
		{"a colon in front", `<:a/>`, "not a name"},
		{"a digit after the prefix", `<a:1 xmlns:a="u"/>`, "not a name"},
		{"an attribute without quotes", `<a b=c/>`, "quote"},
		{"not XML", `BEGIN:VCALENDAR`, "outside the root"},
		{"JSON", `{"a":1}`, "outside the root"},
	} {
		_, err := ReadXML(strings.NewReader(tt.in), Limits{})
		if _, ok := errors.AsType[*SyntaxError](err); !ok || !strings.Contains(err.Error(), tt.msg) {
			t.Errorf("%s: ReadXML(%q) = %v, want a SyntaxError with %q", tt.name, tt.in, err, tt.msg)
		}
	}
}

func TestReadXMLSaysWhere(t *testing.T) {
	_, err := ReadXML(strings.NewReader("<a>\n<b>\n<q:c/></b></a>"), Limits{})
	if got := fmt.Sprint(err); got != `XML, line 3: the prefix "q" of "q:c" is not declared` {
		t.Errorf("error = %s", got)
	}
}

func TestReadXMLEmpty(t *testing.T) {
	for _, in := range []string{"", " \r\n", "\ufeff", "\ufeff\n"} {
		if _, err := ReadXML(strings.NewReader(in), Limits{}); err != ErrEmpty {
			t.Errorf("ReadXML(%q) = %v, want ErrEmpty", in, err)
		}
	}
}

func TestReadXMLLimits(t *testing.T) {
	attrs := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for _, tt := range []struct {
		name, in string
		want     error
	}{
		{"bytes", "<a>" + strings.Repeat("x", 1<<20-7) + "</a>", nil},
		{"bytes", "<a>" + strings.Repeat("x", 1<<20-6) + "</a>", ErrTooLarge},
		{"depth", strings.Repeat("<a>", 32) + strings.Repeat("</a>", 32), nil},
		{"depth", strings.Repeat("<a>", 33) + strings.Repeat("</a>", 33), ErrTooLarge},
		{"depth bomb", strings.Repeat("<a>", 300_000), ErrTooLarge},
		{"nodes", "<a>" + strings.Repeat("<b/>", 9_999) + "</a>", nil},
		{"nodes", "<a>" + strings.Repeat("<b/>", 10_000) + "</a>", ErrTooLarge},
		{"attributes", "<a" + attrs(32, ` a%d=""`) + ` xml:lang="en" xmlns:q="u"/>`, nil},
		{"attributes", "<a" + attrs(33, ` a%d=""`) + "/>", ErrTooLarge},
		{"attribute bomb", "<a" + attrs(90_000, ` a%d=""`) + "/>", ErrTooLarge},
		{"names", "<" + strings.Repeat("a", 256) + "/>", nil},
		{"names", "<" + strings.Repeat("a", 257) + "/>", ErrTooLarge},
		{"namespace name", `<a xmlns="` + strings.Repeat("u", 257) + `"/>`, ErrTooLarge},
		{"prefix", `<a xmlns:` + strings.Repeat("p", 257) + `="u"/>`, ErrTooLarge},
		{"namespaces", "<a>" + attrs(64, `<b xmlns="%d"/>`) + "</a>", nil},
		{"namespaces", "<a>" + attrs(65, `<b xmlns="%d"/>`) + "</a>", ErrTooLarge},
		{"declarations", "<a" + attrs(129, ` xmlns:p%d="u"`) + "/>", ErrTooLarge},
	} {
		e, err := ReadXML(strings.NewReader(tt.in), Limits{})
		if !errors.Is(err, tt.want) || err == nil && e == nil {
			t.Errorf("%s: ReadXML(%.60q…) = %v, want %v", tt.name, tt.in, err, tt.want)
		}
	}
}

func TestReadXMLPassesOnErrors(t *testing.T) {
	broken := errors.New("connection reset")
	if _, err := ReadXML(io.MultiReader(strings.NewReader("<a"), iotest.ErrReader(broken)), Limits{}); !errors.Is(err, broken) {
		t.Errorf("ReadXML = %v, want it to wrap %v", err, broken)
	}
}

// TestReadXMLReuse: what was read stays as it is when the pooled reader goes on to read something else.
func TestReadXMLReuse(t *testing.T) {
	a := read(t, `<a xmlns="http://example.com/1"><b>text one</b></a>`)
	for range 10 {
		read(t, `<c xmlns="http://example.org/2"><d>another text</d></c>`)
		if _, err := ReadXML(strings.NewReader("<x><y>broken"), Limits{}); err == nil {
			t.Fatal("a broken body was read")
		}
	}
	b := read(t, `<a xmlns="http://example.com/1"><b>text one</b></a>`)
	if d := cmp.Diff(a, b, cmp.AllowUnexported(Element{})); d != "" {
		t.Errorf("the tree changed (-first +later):\n%s", d)
	}
}

// wellFormed lets encoding/xml, which is more forgiving but another's, judge what we write.
func wellFormed(t *testing.T, b []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		_, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("%v in %s", err, b)
		}
	}
}

func FuzzReadXML(f *testing.F) {
	for _, s := range []string{
		`<a/>`,
		`<D:prop xmlns:D="DAV:" xmlns:q="http://example.com/" xml:lang="fr"> a <q:b q:c="1" d="&quot;&#10;&#9;'"/> b<D:e xml:lang=""/>&#13;é</D:prop>`,
		`<a xmlns="u"><b xmlns=""/><c xmlns="v" xmlns:u="u" u:d=""/></a>`,
		`<?xml version="1.0" encoding="utf-8"?><!-- --><a><![CDATA[]]]]>&gt;</a>`,
		`<a xmlns:p="urn:ietf:params:xml:ns:caldav"><p:x xml:space="preserve"/></a>`,
		`<D:propfind xmlns:D="DAV:"><bar:prop/></D:propfind>`,
	} {
		f.Add([]byte(s))
	}
	equal := cmp.Options{cmp.AllowUnexported(Element{}), cmpopts.EquateEmpty()}
	f.Fuzz(func(t *testing.T, in []byte) {
		e, err := ReadXML(bytes.NewReader(in), Limits{})
		if err != nil {
			return
		}
		check := func(e *Element) {
			b := e.Marshal()
			wellFormed(t, b)
			again, err := Unmarshal(b)
			if err != nil {
				t.Fatalf("Unmarshal(%s): %v", b, err)
			}
			if d := cmp.Diff(e, again, equal); d != "" && e.at == 0 {
				t.Fatalf("read, written and read again differs (-first +second):\n%s", d)
			}
			if b2 := again.Marshal(); !bytes.Equal(b, b2) {
				t.Fatalf("written twice differs:\n%s\n%s", b, b2)
			}
		}
		check(e)
		if c := e.First(); c != nil { // a property is a part of its body
			check(c)
		}
	})
}

func BenchmarkReadXML(b *testing.B) {
	var multiget strings.Builder
	multiget.WriteString(`<?xml version="1.0"?><C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/><C:calendar-data/></D:prop>`)
	for i := range 50 {
		fmt.Fprintf(&multiget, "<D:href>/dav/calendars/alice/calendar/%d-4b1a5f6e.ics</D:href>\n", i)
	}
	multiget.WriteString(`</C:calendar-multiget>`)
	propfind := `<?xml version="1.0" encoding="UTF-8"?><D:propfind xmlns:D="DAV:" xmlns:CS="http://calendarserver.org/ns/"><D:prop><D:resourcetype/><D:displayname/><CS:getctag/><D:sync-token/></D:prop></D:propfind>`
	for name, s := range map[string]string{"multiget50": multiget.String(), "propfind": propfind} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				if _, err := ReadXML(strings.NewReader(s), Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
