package dav

import (
	"errors"
	"io"
	"strconv"
	"sync"
)

// Writer streams XML. What it writes is ASCII: every other character is a reference, and there is no CDATA, because
// Thunderbird decodes each network chunk on its own and spoils a character that is cut in two. (Names cannot hold
// references; one beyond ASCII is written in UTF-8.)
//
// Methods return no error: the first one sticks and is returned by Close. Nothing reaches the io.Writer before the
// buffer is full, so a short answer can still be discarded for an error (see Reset and Written).
type Writer struct {
	w       io.Writer
	buf     []byte
	err     error
	written bool
	closed  bool
	tag     bool // a start tag waits for its attributes, its > or its />
	spaces  int  // attributes of that tag in namespaces without a fixed prefix
}

const (
	flushAt  = 32 << 10  // bytes in the buffer that send it on
	chunk    = 8 << 10   // text escaped between two looks at the buffer
	poolable = 128 << 10 // a larger buffer is not kept
)

var errClosed = errors.New("dav: write after Close")

var buffers = sync.Pool{New: func() any { return new([]byte(make([]byte, 0, flushAt+8*chunk))) }}

// NewWriter returns a Writer on w. Close gives its buffer back.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: w, buf: (*buffers.Get().(*[]byte))[:0]}
}

// Root writes the XML declaration and the start tag of the root, which declares the fixed prefixes.
func (w *Writer) Root(n Name) {
	w.raw(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
	w.Start(n)
	w.raw(` xmlns:D="` + NSDAV + `" xmlns:C="` + NSCalDAV + `" xmlns:CS="` + NSCS + `" xmlns:A="` + NSApple + `"`)
}

// Start writes a start tag; Attr may follow.
func (w *Writer) Start(n Name, attrs ...Attr) {
	w.content()
	w.buf = append(w.buf, '<')
	w.name(n)
	w.tag, w.spaces = true, 0
	if prefixOf(n.Space) == localPrefix {
		w.raw(` xmlns:` + localPrefix + `="`)
		w.buf = appendEscaped(w.buf, n.Space, true)
		w.buf = append(w.buf, '"')
	}
	for _, a := range attrs {
		w.Attr(a.Name, a.Value)
	}
}

// Attr adds an attribute to the tag just started, and does nothing elsewhere.
func (w *Writer) Attr(n Name, value string) {
	if !w.tag {
		return
	}
	w.buf = append(w.buf, ' ')
	if prefixOf(n.Space) == localPrefix {
		w.spaces++
		w.raw("xmlns:a")
		w.buf = strconv.AppendInt(w.buf, int64(w.spaces), 10)
		w.raw(`="`)
		w.buf = appendEscaped(w.buf, n.Space, true)
		w.raw(`" a`)
		w.buf = strconv.AppendInt(w.buf, int64(w.spaces), 10)
		w.buf = append(w.buf, ':')
		w.raw(n.Local)
	} else {
		w.name(n)
	}
	w.raw(`="`)
	w.buf = appendEscaped(w.buf, value, true)
	w.buf = append(w.buf, '"')
}

// End closes the element of that name; one without content becomes <n/>.
func (w *Writer) End(n Name) {
	if w.tag {
		w.tag = false
		w.raw("/>")
		return
	}
	w.raw("</")
	w.name(n)
	w.buf = append(w.buf, '>')
	w.room()
}

// Empty writes an element without content.
func (w *Writer) Empty(n Name, attrs ...Attr) {
	w.Start(n, attrs...)
	w.End(n)
}

// Elem writes an element that holds text.
func (w *Writer) Elem(n Name, text string) {
	w.Start(n)
	w.Text(text)
	w.End(n)
}

// Int writes an element that holds a number.
func (w *Writer) Int(n Name, v int64) {
	w.Start(n)
	w.content()
	w.buf = strconv.AppendInt(w.buf, v, 10)
	w.End(n)
}

// Href writes <D:href>. It takes the href as it is to be sent: see EscapePath.
func (w *Writer) Href(href string) { w.Elem(D("href"), href) }

// Text writes character data. What XML cannot hold (most control characters, broken UTF-8) becomes U+FFFD.
func (w *Writer) Text(s string) { writeText(w, s) }

// TextBytes is Text for bytes.
func (w *Writer) TextBytes(b []byte) { writeText(w, b) }

func writeText[T string | []byte](w *Writer, s T) {
	if len(s) == 0 {
		return
	}
	w.content()
	for len(s) > 0 {
		n := min(chunk, len(s))
		for back := 0; n < len(s) && back < 3 && s[n]&0xc0 == 0x80; back++ {
			n-- // do not cut a character
		}
		w.buf = appendEscaped(w.buf, s[:n], false)
		w.room()
		s = s[n:]
	}
}

// Raw writes XML that is well-formed by itself and in ASCII: what Element.Marshal made.
func (w *Writer) Raw(b []byte) {
	if len(b) == 0 {
		return
	}
	w.content()
	for len(b) > 0 {
		n := min(chunk, len(b))
		w.buf = append(w.buf, b[:n]...)
		w.room()
		b = b[n:]
	}
}

// RawString is Raw for a string.
func (w *Writer) RawString(s string) {
	if s != "" {
		w.content()
		w.raw(s)
		w.room()
	}
}

// Written reports whether anything has reached the io.Writer.
func (w *Writer) Written() bool { return w.written }

// Err returns the first error of the io.Writer, so that a long report can stop early.
func (w *Writer) Err() error { return w.err }

// Reset throws away what is still in the buffer.
func (w *Writer) Reset() { w.buf, w.tag = w.buf[:0], false }

// Flush sends what is in the buffer.
func (w *Writer) Flush() error {
	w.content()
	w.send()
	return w.err
}

// Close sends the rest and gives the buffer back. It closes no elements. Closing again does nothing.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	err := w.Flush()
	if cap(w.buf) <= poolable {
		b := w.buf[:0]
		buffers.Put(&b)
	}
	w.buf, w.w, w.closed = nil, nil, true
	if w.err == nil {
		w.err = errClosed // what is written after this goes nowhere
	}
	return err
}

// content ends a start tag that waits.
func (w *Writer) content() {
	if w.tag {
		w.tag = false
		w.buf = append(w.buf, '>')
	}
}

func (w *Writer) raw(s string) { w.buf = append(w.buf, s...) }

// room sends the buffer on when it is full.
func (w *Writer) room() {
	if len(w.buf) >= flushAt {
		w.send()
	}
}

func (w *Writer) send() {
	if len(w.buf) > 0 && w.err == nil {
		w.written = true
		_, w.err = w.w.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

// localPrefix is the prefix of an element in a namespace without a fixed one, which it declares itself.
const localPrefix = "x"

func prefixOf(space string) string {
	switch space {
	case NSDAV:
		return "D"
	case NSCalDAV:
		return "C"
	case NSCS:
		return "CS"
	case NSApple:
		return "A"
	case NSXML:
		return "xml"
	case "":
		return ""
	}
	return localPrefix
}

func (w *Writer) name(n Name) {
	if p := prefixOf(n.Space); p != "" {
		w.raw(p)
		w.buf = append(w.buf, ':')
	}
	w.raw(n.Local)
}
