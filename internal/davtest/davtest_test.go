package davtest

import "testing"

func TestIndent(t *testing.T) {
	got := indent(`<?xml version="1.0" encoding="utf-8"?>` + "\n" + `<D:a` + prefixes + `><D:b>text &amp;&#13;` + "\n" + `more</D:b><D:c/><D:d><D:e></D:e></D:d></D:a>` + "\n")
	want := `<D:a>
  <D:b>text &amp;
more</D:b>
  <D:c/>
  <D:d>
    <D:e></D:e>
  </D:d>
</D:a>
`
	if got != want {
		t.Errorf("indent = %q, want %q", got, want)
	}
}

func TestDeclare(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"prefixes are added to the root", "<D:x/>", "<D:x" + prefixes + "/>"},
		{"and stand before its attributes", `<D:x a="1">`, "<D:x" + prefixes + ` a="1">`},
		{"a body that declares them stays", `<D:x xmlns:D="DAV:"/>`, `<D:x xmlns:D="DAV:"/>`},
		{"and so does one that is no XML", "<x", "<x"},
	} {
		if got := declare(tt.body); got != tt.want {
			t.Errorf("%s: declare(%q) = %q, want %q", tt.name, tt.body, got, tt.want)
		}
	}
}

func TestSplitMessage(t *testing.T) {
	header, body := splitMessage("A: 1\nB: 2\n\nBEGIN:X\nEND:X\n")
	if len(header) != 2 || body != "BEGIN:X\nEND:X\n" {
		t.Errorf("splitMessage = %q, %q", header, body)
	}
	if header, body = splitMessage("\n<x/>\n"); len(header) != 0 || body != "<x/>\n" {
		t.Errorf("splitMessage without header = %q, %q", header, body)
	}
}
