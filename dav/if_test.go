package dav

import (
	"errors"
	"strings"
	"testing"
)

func TestIf(t *testing.T) {
	etag := func(resource string) string {
		switch resource {
		case "":
			return `"e1"`
		case "/c/":
			return `"c1"`
		case "/weak":
			return `W/"w"`
		}
		return ""
	}
	token := func(resource, token string) bool {
		return resource == "/c/" && token == "urn:sync:7" || token == "DAV:no-lock"
	}
	for _, tt := range []struct {
		in   string
		want bool
	}{
		{`(["e1"])`, true},
		{`(["e2"])`, false},
		{`(["e2"]) (["e1"])`, true},
		{`([ \"e1\" ])`, true},
		{`([W/"e1"])`, false},
		{`</weak> ([W/"w"])`, false},
		{`(<opaquelocktoken:1> ["e1"])`, false},
		{`(Not <opaquelocktoken:1> ["e1"])`, true},
		{`(<opaquelocktoken:1>) (Not <DAV:no-lock>)`, true}, // RFC 4918 section 10.4.8
		{`(<DAV:no-lock>)`, false},
		{`(not<DAV:no-lock>["e1"])`, true},
		{`(Not ["e1"])`, false},
		{`</c/> (["c1"])`, true},
		{`</c/>(["c2"])(["c3"]) <http://example.org/x> (Not ["c1"])`, true},
		{`</c/> (<urn:sync:7>)`, true}, // RFC 6578 section 5
		{`</c/> (<urn:sync:6>)`, false},
		{`(<urn:sync:7>)`, false},
		{`</none> ([""])`, false},
		{`  </c/>  (  Not  <x:y>  )  `, true},
	} {
		f, err := ParseIf(map[string][]string{"If": {tt.in}})
		if err != nil {
			t.Errorf("ParseIf(%s): %v", tt.in, err)
			continue
		}
		if got := f.Eval(etag, token); got != tt.want {
			t.Errorf("If: %s = %v, want %v", tt.in, got, tt.want)
		}
	}
	if f, err := ParseIf(nil); f != nil || err != nil || !f.Eval(nil, nil) {
		t.Error("a request without If must pass")
	}
	if f, _ := ParseIf(map[string][]string{"If": {"(<urn:a>)", `(["e1"])`}}); !f.Eval(etag, nil) {
		t.Error("the second line does not count")
	}
}

func TestIfRefused(t *testing.T) {
	for _, in := range []string{
		"", " ", "x", "()", "(Not)", "(", "(<a:b>", "(<a:b", "(<>)", `(["a)`, `(["a"`, `([a])`, `([])`, "(Maybe <a:b>)", "(No",
		"<a:b>", "<a:b> <c:d> (<e:f>)", "(<a:b>) <c:d> (<e:f>)", "<> (<a:b>)", "(<a:b>) x", "(x)", strings.Repeat("(<a:b>)", maxIf),
	} {
		f, err := ParseIf(map[string][]string{"If": {in}})
		if _, ok := errors.AsType[*HeaderError](err); !ok || f != nil {
			t.Errorf("ParseIf(%.40q) = %v, %v, want a HeaderError", in, f, err)
		}
	}
}

// String writes the header again, for the round trip.
func (f *If) String() string {
	var b strings.Builder
	last := ""
	for _, l := range f.Lists {
		if l.Resource != last {
			b.WriteString("<" + l.Resource + "> ")
			last = l.Resource
		}
		b.WriteByte('(')
		for _, c := range l.Conditions {
			if c.Not {
				b.WriteString("Not ")
			}
			if c.ETag != "" {
				b.WriteString("[" + c.ETag + "]")
			} else {
				b.WriteString("<" + c.Token + ">")
			}
		}
		b.WriteString(") ")
	}
	return b.String()
}

func FuzzIf(f *testing.F) {
	for _, s := range []string{`(["e1"])`, `</c/> (Not <urn:a> ["b"]) (<c:d>)`, `(Not <DAV:no-lock>)`, `([W/"a"])`, `(`, `([\"a\"])`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		h, err := ParseIf(map[string][]string{"If": {in}})
		if err != nil {
			return
		}
		h.Eval(func(string) string { return `"a"` }, nil)
		again, err := ParseIf(map[string][]string{"If": {h.String()}})
		if err != nil || again.String() != h.String() {
			t.Fatalf("%q → %q → %v, %v", in, h, again, err)
		}
	})
}
