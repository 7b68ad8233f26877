package dav

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// body runs f on a Multistatus and returns what stands between its root tags.
func body(t *testing.T, f func(ms *Multistatus)) string {
	t.Helper()
	var b bytes.Buffer
	ms := NewMultistatus(&b)
	f(ms)
	if err := ms.Close(); err != nil {
		t.Fatal(err)
	}
	read(t, b.String())
	s, ok := strings.CutPrefix(b.String(), `<?xml version="1.0" encoding="utf-8"?>`+"\n<D:multistatus"+declared)
	if !ok {
		t.Fatalf("no root in %s", b.String())
	}
	if s == "/>\n" {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(s, ">"), "</D:multistatus>\n")
}

const ok200 = `<D:status>HTTP/1.1 200 OK</D:status>`

func TestMultistatus(t *testing.T) {
	forbidden := Problem{Status: 403, Conditions: []Condition{{Name: D("cannot-modify-protected-property")}}, Description: "it is computed"}
	for _, tt := range []struct {
		name string
		do   func(ms *Multistatus)
		want string
	}{
		{"no responses", func(ms *Multistatus) {}, ""},
		{"found and missing properties", func(ms *Multistatus) {
			ms.Begin("/a/")
			ms.Missing(C("x"))
			ms.Prop(D("getetag")).Text(`"1"`)
			w := ms.Prop(D("resourcetype"))
			w.Empty(D("collection"))
			w.Empty(C("calendar"))
			ms.Missing(Name{"http://example.com/", "y"})
			ms.Prop(D("displayname"), Attr{Name{NSXML, "lang"}, "en"}).Text("A & B")
			ms.RawProp([]byte(`<n0:z xmlns:n0="u"/>`))
			ms.Prop(CS("getctag"))
			ms.End()
		}, `<D:response><D:href>/a/</D:href><D:propstat><D:prop><D:getetag>"1"</D:getetag><D:resourcetype><D:collection/><C:calendar/></D:resourcetype>` +
			`<D:displayname xml:lang="en">A &amp; B</D:displayname><n0:z xmlns:n0="u"/><CS:getctag/></D:prop>` + ok200 + `</D:propstat>` +
			`<D:propstat><D:prop><C:x/><x:y xmlns:x="http://example.com/"/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>`},
		{"only missing ones", func(ms *Multistatus) {
			ms.Begin("/a")
			ms.Missing(D("x"))
		}, `<D:response><D:href>/a</D:href><D:propstat><D:prop><D:x/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>`},
		{"only missing ones, minimal", func(ms *Multistatus) {
			ms.Minimal = true
			ms.Begin("/a")
			ms.Missing(D("x"))
		}, `<D:response><D:href>/a</D:href><D:propstat><D:prop></D:prop>` + ok200 + `</D:propstat></D:response>`},
		{"nothing asked", func(ms *Multistatus) { ms.Begin("/a") },
			`<D:response><D:href>/a</D:href><D:propstat><D:prop></D:prop>` + ok200 + `</D:propstat></D:response>`},
		{"PROPPATCH that fails", func(ms *Multistatus) {
			ms.Minimal = true
			ms.Begin("/a")
			ms.Failed(D("displayname"), Problem{Status: 424})
			ms.Failed(D("getetag"), forbidden)
			ms.Failed(A("calendar-color"), Problem{Status: 424})
			ms.Failed(D("sync-token"), forbidden)
		}, `<D:response><D:href>/a</D:href><D:propstat><D:prop><D:displayname/><A:calendar-color/></D:prop><D:status>HTTP/1.1 424 Failed Dependency</D:status></D:propstat>` +
			`<D:propstat><D:prop><D:getetag/><D:sync-token/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status>` +
			`<D:error><D:cannot-modify-protected-property/></D:error><D:responsedescription>it is computed</D:responsedescription></D:propstat></D:response>`},
		{"a sync answer", func(ms *Multistatus) {
			ms.BeginMember("/c/", "a b.ics")
			ms.Prop(D("getetag")).Text("e")
			ms.Status("/c/gone.ics", Problem{Status: 404})
			ms.Truncated("/c/")
			ms.SyncToken("urn:x:1")
		}, `<D:response><D:href>/c/a%20b.ics</D:href><D:propstat><D:prop><D:getetag>e</D:getetag></D:prop>` + ok200 + `</D:propstat></D:response>` +
			`<D:response><D:href>/c/gone.ics</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>` +
			`<D:response><D:href>/c/</D:href><D:status>HTTP/1.1 507 Insufficient Storage</D:status><D:error><D:number-of-matches-within-limits/></D:error></D:response>` +
			`<D:sync-token>urn:x:1</D:sync-token>`},
		{"a nested response", func(ms *Multistatus) {
			ms.Begin("/a")
			ms.Missing(D("x"))
			ms.Prop(D("owner"))
			ms.Nest("/p")
			ms.Prop(D("displayname")).Text("P")
			ms.Missing(D("y"))
			ms.End()
			ms.Prop(D("z"))
		}, `<D:response><D:href>/a</D:href><D:propstat><D:prop><D:owner><D:response><D:href>/p</D:href>` +
			`<D:propstat><D:prop><D:displayname>P</D:displayname></D:prop>` + ok200 + `</D:propstat>` +
			`<D:propstat><D:prop><D:y/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response></D:owner><D:z/></D:prop>` + ok200 + `</D:propstat>` +
			`<D:propstat><D:prop><D:x/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>`},
		{"an unknown status", func(ms *Multistatus) { ms.Status("/a", Problem{Status: 418}) },
			`<D:response><D:href>/a</D:href><D:status>HTTP/1.1 418 </D:status></D:response>`},
	} {
		if d := cmp.Diff(tt.want, body(t, tt.do)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestPropResponse(t *testing.T) {
	var b bytes.Buffer
	ms := NewPropResponse(&b, C("mkcalendar-response"))
	ms.Failed(D("displayname"), Problem{Status: 403})
	ms.Missing(D("x"))
	if err := ms.Close(); err != nil {
		t.Fatal(err)
	}
	want := `<?xml version="1.0" encoding="utf-8"?>` + "\n<C:mkcalendar-response" + declared + `><D:propstat><D:prop><D:displayname/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status></D:propstat>` +
		`<D:propstat><D:prop><D:x/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></C:mkcalendar-response>` + "\n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestDiscard(t *testing.T) {
	var b bytes.Buffer
	ms := NewMultistatus(&b)
	ms.Begin("/a")
	ms.Prop(D("x")).Text("y")
	if ms.Writer().Written() {
		t.Error("written before the buffer was full")
	}
	ms.Discard()
	if err := ms.Close(); err != nil || b.Len() > 0 {
		t.Errorf("Close after Discard: %v, wrote %q", err, b.String())
	}
}

// TestMisuse: wrong order makes a wrong body, never a panic.
func TestMisuse(t *testing.T) {
	ms := NewMultistatus(io.Discard)
	ms.End()
	ms.Prop(D("a"))
	ms.Nest("/b")
	ms.Nest("/c")
	ms.SyncToken("")
	ms.End()
	ms.Failed(D("a"), Problem{})
	_ = ms.Close()
	_ = ms.Close()
	ms.Begin("/d")
}

func TestWriteError(t *testing.T) {
	var b bytes.Buffer
	err := WriteError(&b,
		Condition{Name: C("no-uid-conflict"), Hrefs: []string{"/a%20b.ics"}},
		Condition{Name: D("need-privileges"), Elements: []*Element{NewElement(D("resource"), "", NewElement(D("href"), "/c/"))}},
		Condition{Name: D("responsedescription"), Text: "the UID <1> is taken"})
	want := `<?xml version="1.0" encoding="utf-8"?>` + "\n<D:error" + declared + `><C:no-uid-conflict><D:href>/a%20b.ics</D:href></C:no-uid-conflict>` +
		`<D:need-privileges><D:resource><D:href>/c/</D:href></D:resource></D:need-privileges>` +
		`<D:responsedescription>the UID &lt;1&gt; is taken</D:responsedescription></D:error>` + "\n"
	if d := cmp.Diff(want, b.String()); d != "" || err != nil {
		t.Errorf("WriteError: %v (-want +got):\n%s", err, d)
	}
	b.Reset()
	if err := WriteError(&b); err != nil {
		t.Error(err)
	}
	read(t, b.String())
}

var event = strings.Repeat("DESCRIPTION:a line of a calendar object as programs send it\r\nATTENDEE;CN=\"B\";PARTSTAT=ACCEPTED:mailto:bob@example.com\r\n", 13)

// BenchmarkMultistatus writes 500 events of 1.5 kB; DESIGN.md wants it below 1 ms.
func BenchmarkMultistatus(b *testing.B) {
	data := []byte(event)
	b.ReportAllocs()
	b.SetBytes(int64(500 * len(data)))
	for b.Loop() {
		ms := NewMultistatus(io.Discard)
		for range 500 {
			ms.BeginMember("/dav/calendars/alice/calendar/", "4b1a5f6e-0001@example.com.ics")
			ms.Prop(D("getetag")).Text(`"1234-1"`)
			ms.Prop(C("calendar-data")).TextBytes(data)
			ms.End()
		}
		if err := ms.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCyrillic is the slow path: every second byte begins a reference.
func BenchmarkCyrillic(b *testing.B) {
	s := strings.Repeat("встреча ", 1000)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		w := NewWriter(io.Discard)
		w.Text(s)
		_ = w.Close()
	}
}

// TestMultistatusAllocates a fixed number of times, however many resources there are.
func TestMultistatusAllocates(t *testing.T) {
	if n := testing.AllocsPerRun(20, func() {
		ms := NewMultistatus(io.Discard)
		for range 200 {
			ms.BeginMember("/c/", "a b.ics")
			ms.Prop(D("getetag")).Text(`"1"`)
			ms.Prop(C("calendar-data")).Text(event)
			ms.Missing(D("displayname"))
			ms.Missing(Name{"http://example.com/", "x"})
		}
		_ = ms.Close()
	}); n > 20 {
		t.Errorf("200 responses made %v allocations", n)
	}
}
