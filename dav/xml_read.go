package dav

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// Limits bound what ReadXML takes. A zero field means its default.
type Limits struct {
	Bytes      int64 // of the body; 1 MiB
	Depth      int   // of nested elements; 32
	Nodes      int   // elements; 10,000
	Attrs      int   // attributes of one element, without xml:lang and declarations; 32
	NameLength int   // bytes of a name, a prefix, a namespace; 256
	Namespaces int   // different namespaces in one body, and twice as many declarations in scope; 64
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Bytes:      cmp.Or(l.Bytes, 1<<20),
		Depth:      cmp.Or(l.Depth, 32),
		Nodes:      cmp.Or(l.Nodes, 10_000),
		Attrs:      cmp.Or(l.Attrs, 32),
		NameLength: cmp.Or(l.NameLength, 256),
		Namespaces: cmp.Or(l.Namespaces, 64),
	}
}

// ErrEmpty says that a body holds nothing. PROPFIND reads it as allprop (RFC 4918 section 9.1).
var ErrEmpty = errors.New("the XML body is empty")

// ErrTooLarge says that a body passes one of the Limits; the error around it names which.
var ErrTooLarge = errors.New("the XML body is too large")

// SyntaxError says what is wrong with an XML body, in words for the person who wrote the client.
type SyntaxError struct {
	Line int // from 1; 0 when the fault has no place
	Msg  string
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return "XML: " + e.Msg
	}
	return fmt.Sprintf("XML, line %d: %s", e.Line, e.Msg)
}

// ReadXML reads a whole XML document and returns its root. It takes UTF-8 only, no DTD and no processing
// instructions (RFC 4918 section 20.6: no entity is ever expanded or fetched), and wants every prefix declared
// (RFC 4918 section 8.2: a server answers 400 to XML that is not well-formed). The error is ErrEmpty,
// wraps ErrTooLarge, is a *SyntaxError, or wraps that of r.
func ReadXML(r io.Reader, limits Limits) (*Element, error) {
	p := readers.Get().(*reader)
	defer p.release()
	p.lim = limits.withDefaults()
	n, err := p.body.ReadFrom(io.LimitReader(r, p.lim.Bytes+1))
	if err != nil {
		return nil, fmt.Errorf("read XML body: %w", err)
	}
	if n > p.lim.Bytes {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, p.lim.Bytes)
	}
	return p.document()
}

// Unmarshal reads back what Element.Marshal wrote. Marshal may make a value longer than it was when it was read, so
// only the length is not limited here.
func Unmarshal(b []byte) (*Element, error) {
	return ReadXML(bytes.NewReader(b), Limits{Bytes: int64(len(b)) + 1})
}

// binding is a namespace declaration in scope.
type binding struct{ prefix, space string }

// open is an element whose end tag is still to come.
type open struct {
	el    *Element
	raw   xml.Name // as written, to compare with the end tag
	text  []byte
	binds int // len(reader.binds) outside the element
}

type reader struct {
	lim    Limits
	body   bytes.Buffer
	dec    *xml.Decoder
	stack  []open
	binds  []binding
	spaces []string
	nodes  int
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// release gives p back to the pool without the tree, and without memory that one large body made it take.
func (p *reader) release() {
	if p.body.Cap() > 64<<10 || cap(p.stack) > 64 || cap(p.binds) > 256 {
		return
	}
	p.body.Reset()
	p.dec = nil
	p.stack = p.stack[:cap(p.stack)]
	for i := range p.stack {
		s := &p.stack[i]
		if cap(s.text) > 4<<10 {
			s.text = nil
		}
		s.el, s.raw = nil, xml.Name{}
	}
	p.stack = p.stack[:0]
	clear(p.binds)
	clear(p.spaces)
	p.binds, p.spaces, p.nodes = p.binds[:0], p.spaces[:0], 0
	readers.Put(p)
}

func (p *reader) errorf(format string, args ...any) error {
	line := 0
	if p.dec != nil {
		line, _ = p.dec.InputPos()
	}
	return &SyntaxError{line, fmt.Sprintf(format, args...)}
}

func (p *reader) tooLarge(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrTooLarge, fmt.Sprintf(format, args...))
}

// prolog checks the encoding by its first bytes and skips the byte order mark and leading blanks.
func (p *reader) prolog() ([]byte, error) {
	b := p.body.Bytes()
	if bytes.HasPrefix(b, []byte("\xfe\xff")) || bytes.HasPrefix(b, []byte("\xff\xfe")) ||
		bytes.IndexByte(b[:min(4, len(b))], 0) >= 0 {
		return nil, p.errorf("the body is in UTF-16 or UTF-32: send UTF-8")
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	b = bytes.TrimLeft(b, " \t\r\n")
	if len(b) == 0 {
		return nil, ErrEmpty
	}
	return b, nil
}

func (p *reader) document() (*Element, error) {
	b, err := p.prolog()
	if err != nil {
		return nil, err
	}
	p.dec = xml.NewDecoder(bytes.NewReader(b))
	p.dec.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		switch strings.ToLower(charset) {
		case "us-ascii", "ascii", "utf8": // all of it is UTF-8, and checked as such
			return in, nil
		}
		return nil, p.errorf("the encoding %.40q is not supported: send UTF-8", charset)
	}
	var root *Element
	for first := true; ; first = false {
		tok, err := p.dec.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, p.translate(err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if root != nil && len(p.stack) == 0 {
				return nil, p.errorf("there is a second root element, %s: only one is allowed", rawName(t.Name))
			}
			if err := p.start(t); err != nil {
				return nil, err
			}
			if root == nil {
				root = p.stack[0].el
			}
		case xml.EndElement:
			if err := p.end(t.Name); err != nil {
				return nil, err
			}
		case xml.CharData:
			if len(p.stack) == 0 {
				if len(bytes.Trim(t, " \t\r\n")) > 0 {
					return nil, p.errorf("there is text outside the root element")
				}
				continue
			}
			top := &p.stack[len(p.stack)-1]
			top.text = append(top.text, t...)
		case xml.ProcInst:
			if t.Target != "xml" || !first {
				return nil, p.errorf("the processing instruction %.40q is not accepted", t.Target)
			}
		case xml.Directive:
			return nil, p.errorf("a DOCTYPE or other declaration is not accepted")
		}
	}
	switch {
	case len(p.stack) > 0:
		return nil, p.errorf("the element %s is not closed", rawName(p.stack[len(p.stack)-1].raw))
	case root == nil:
		return nil, p.errorf("there is no root element")
	}
	return root, nil
}

// translate turns an error of encoding/xml into ours.
func (p *reader) translate(err error) error {
	if own, ok := errors.AsType[*SyntaxError](err); ok {
		return own
	}
	if se, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return &SyntaxError{se.Line, se.Msg}
	}
	return p.errorf("%s", strings.TrimPrefix(err.Error(), "xml: "))
}

func rawName(n xml.Name) string {
	if n.Space != "" {
		return fmt.Sprintf("%.80q", n.Space+":"+n.Local)
	}
	return fmt.Sprintf("%.80q", n.Local)
}

// end closes the innermost element, which must be the one named.
func (p *reader) end(raw xml.Name) error {
	if len(p.stack) == 0 {
		return p.errorf("the end tag %s closes nothing", rawName(raw))
	}
	top := &p.stack[len(p.stack)-1]
	if top.raw != raw {
		return p.errorf("the element %s is closed by %s", rawName(top.raw), rawName(raw))
	}
	top.el.Text = string(top.text)
	p.binds = p.binds[:top.binds]
	p.stack = p.stack[:len(p.stack)-1]
	return nil
}

// start opens an element: its declarations first, then its name and attributes, which they may concern.
func (p *reader) start(t xml.StartElement) error {
	if p.nodes++; p.nodes > p.lim.Nodes {
		return p.tooLarge("more than %d elements", p.lim.Nodes)
	}
	if len(p.stack) >= p.lim.Depth {
		return p.tooLarge("elements nested more than %d deep", p.lim.Depth)
	}
	before := len(p.binds)
	attrs := 0
	for _, a := range t.Attr {
		switch {
		case a.Name.Space == "xmlns", a.Name.Space == "" && a.Name.Local == "xmlns":
			if err := p.declare(a, before); err != nil {
				return err
			}
		case a.Name.Space == "xml" && a.Name.Local == "lang":
		default:
			attrs++
		}
	}
	if attrs > p.lim.Attrs {
		return p.tooLarge("the element %s has more than %d attributes", rawName(t.Name), p.lim.Attrs)
	}
	name, err := p.resolve(t.Name, true)
	if err != nil {
		return err
	}
	el := &Element{Name: name}
	if n := len(p.stack); n > 0 {
		parent := &p.stack[n-1]
		el.Lang, el.at = parent.el.Lang, len(parent.text)
		parent.el.Children = append(parent.el.Children, el)
	}
	if err := p.attributes(el, t.Attr); err != nil {
		return err
	}
	if n := len(p.stack); n < cap(p.stack) { // take the slot with its text buffer
		p.stack = p.stack[:n+1]
	} else {
		p.stack = append(p.stack, open{})
	}
	top := &p.stack[len(p.stack)-1]
	top.el, top.raw, top.text, top.binds = el, t.Name, top.text[:0], before
	return nil
}

// attributes fills el.Attrs and el.Lang. Two attributes of one expanded name are an error
// (Namespaces in XML 1.0 section 6.3).
func (p *reader) attributes(el *Element, attrs []xml.Attr) error {
	for _, a := range attrs {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		name, err := p.resolve(a.Name, false)
		if err != nil {
			return err
		}
		for i := range el.Attrs {
			if el.Attrs[i].Name == name {
				return p.errorf("the attribute %s is given twice", rawName(a.Name))
			}
		}
		if name == (Name{NSXML, "lang"}) {
			el.Lang = a.Value
		}
		el.Attrs = append(el.Attrs, Attr{name, a.Value})
	}
	return nil
}

// declare takes xmlns="…" or xmlns:prefix="…" into scope. Those of the same element start at index own.
func (p *reader) declare(a xml.Attr, own int) error {
	prefix := a.Name.Local
	if a.Name.Space == "" {
		prefix = ""
	}
	switch {
	case prefix != "" && a.Value == "":
		return p.errorf("the prefix %.80q is bound to an empty namespace", prefix)
	case prefix == "xmlns" || a.Value == nsXMLNS || (prefix == "xml") != (a.Value == NSXML):
		return p.errorf("the prefixes xml and xmlns and their namespaces cannot be declared anew")
	}
	if prefix != "" {
		if err := p.checkName(prefix); err != nil {
			return err
		}
	}
	if len(a.Value) > p.lim.NameLength {
		return p.tooLarge("a namespace is longer than %d bytes", p.lim.NameLength)
	}
	for _, b := range p.binds[own:] {
		if b.prefix == prefix {
			return p.errorf("the attribute %s is given twice", rawName(a.Name))
		}
	}
	if len(p.binds) >= 2*p.lim.Namespaces {
		return p.tooLarge("more than %d namespace declarations at once", 2*p.lim.Namespaces)
	}
	space, err := p.intern(a.Value)
	if err != nil {
		return err
	}
	p.binds = append(p.binds, binding{prefix, space})
	return nil
}

// intern counts the different namespaces and keeps one string of each.
func (p *reader) intern(space string) (string, error) {
	switch space {
	case "", NSDAV, NSCalDAV, NSCS, NSApple:
		return space, nil
	}
	for _, s := range p.spaces {
		if s == space {
			return s, nil
		}
	}
	if len(p.spaces) >= p.lim.Namespaces {
		return "", p.tooLarge("more than %d namespaces", p.lim.Namespaces)
	}
	p.spaces = append(p.spaces, space)
	return space, nil
}

// resolve expands a written name. An attribute without prefix is in no namespace, whatever the default is.
func (p *reader) resolve(raw xml.Name, element bool) (Name, error) {
	if err := p.checkName(raw.Local); err != nil {
		return Name{}, err
	}
	switch {
	case raw.Space == "" && !element:
		return Name{"", raw.Local}, nil
	case raw.Space == "xml":
		return Name{NSXML, raw.Local}, nil
	case raw.Space == "xmlns":
		return Name{}, p.errorf("an element cannot have the prefix xmlns")
	}
	for i := len(p.binds) - 1; i >= 0; i-- {
		if p.binds[i].prefix == raw.Space {
			return Name{p.binds[i].space, raw.Local}, nil
		}
	}
	if raw.Space == "" {
		return Name{"", raw.Local}, nil
	}
	return Name{}, p.errorf("the prefix %.80q of %s is not declared", raw.Space, rawName(raw))
}

// checkName checks what encoding/xml does not: length, and the part of a name after or before its colon
// (Namespaces in XML 1.0 section 4, NCName).
func (p *reader) checkName(part string) error {
	if len(part) > p.lim.NameLength {
		return p.tooLarge("a name is longer than %d bytes", p.lim.NameLength)
	}
	if part == "" || strings.ContainsRune(part, ':') || strings.IndexByte("0123456789-.", part[0]) >= 0 {
		return p.errorf("%.80q is not a name in XML with namespaces", part)
	}
	return nil
}
