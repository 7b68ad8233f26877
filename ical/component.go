// Package ical reads, changes and prints iCalendar text (RFC 5545) without losing anything.
//
// What a program does not touch is printed byte for byte as it was read: order, folding, line ends,
// letter case and unknown properties included. So a server may rewrite one parameter of one property
// of an object and leave the rest as its author made it.
//
// The package does no I/O, holds no state, and bounds what it reads.
package ical

import (
	"bytes"
	"iter"
	"slices"
	"strings"
)

// Component is a calendar component: VCALENDAR itself, or one inside it such as VEVENT or VALARM
// (RFC 5545 section 3.6). The zero value is not useful; see [New] and [Parse].
//
// A Component is not safe for use by several goroutines while one of them changes it.
type Component struct {
	name     string
	props    []*Property
	children []child

	// begin and end are the lines as read, with their line ends; empty when made here.
	begin, end string
}

// child is a component and the number of the parent's properties that stand before it,
// so that a parent whose properties follow a child is printed as it was read.
type child struct {
	*Component
	at int
}

// New returns an empty component. The name is given in upper case.
func New(name string) *Component { return &Component{name: name} }

// NewCalendar returns a VCALENDAR with VERSION and PRODID (RFC 5545 section 3.4) and, unless it
// is empty, METHOD.
func NewCalendar(method string) *Component {
	c := New("VCALENDAR")
	c.Add(NewProperty("VERSION", "2.0"))
	c.Add(NewProperty("PRODID", ProductID))
	if method != "" {
		c.Add(NewProperty("METHOD", method))
	}
	return c
}

// ProductID is the PRODID of calendars made by this program (RFC 5545 section 3.7.3).
const ProductID = "-//Kalends//Kalends//EN"

// Name returns the component's name in upper case.
func (c *Component) Name() string { return c.name }

// Props returns the properties in order. The slice belongs to the component.
func (c *Component) Props() []*Property { return c.props }

// Prop returns the first property of that (upper case) name, or nil.
func (c *Component) Prop(name string) *Property {
	for _, p := range c.props {
		if p.name == name {
			return p
		}
	}
	return nil
}

// All yields the properties of that (upper case) name, in order.
func (c *Component) All(name string) iter.Seq[*Property] {
	return func(yield func(*Property) bool) {
		for _, p := range c.props {
			if p.name == name && !yield(p) {
				return
			}
		}
	}
}

// Value returns the raw value of the first property of that name, or "".
func (c *Component) Value(name string) string {
	if p := c.Prop(name); p != nil {
		return p.value
	}
	return ""
}

// Text returns the decoded TEXT value of the first property of that name, or "".
func (c *Component) Text(name string) string {
	if p := c.Prop(name); p != nil {
		return p.Text()
	}
	return ""
}

// Add puts p after the last property that precedes the first child.
func (c *Component) Add(p *Property) {
	at := len(c.props)
	if len(c.children) > 0 {
		at = c.children[0].at
	}
	c.insert(at, p)
}

func (c *Component) insert(at int, p *Property) {
	c.props = slices.Insert(c.props, at, p)
	for i := range c.children {
		c.children[i].at++ // at is never beyond the first child
	}
}

// Set puts p in the place of the first property of its name and removes the others of that name;
// where there is none it is added.
func (c *Component) Set(p *Property) {
	first := slices.IndexFunc(c.props, func(q *Property) bool { return q.name == p.name })
	if first < 0 {
		c.Add(p)
		return
	}
	c.props[first] = p
	for i := len(c.props) - 1; i > first; i-- {
		if c.props[i].name == p.name {
			c.removeAt(i)
		}
	}
}

// Remove removes the properties of that name and returns how many there were.
func (c *Component) Remove(name string) int {
	return c.RemoveFunc(func(p *Property) bool { return p.name == name })
}

// RemoveFunc removes the properties for which del is true and returns how many there were.
func (c *Component) RemoveFunc(del func(*Property) bool) int {
	n := 0
	for i := len(c.props) - 1; i >= 0; i-- {
		if del(c.props[i]) {
			c.removeAt(i)
			n++
		}
	}
	return n
}

func (c *Component) removeAt(i int) {
	c.props = slices.Delete(c.props, i, i+1)
	for j := range c.children {
		if c.children[j].at > i {
			c.children[j].at--
		}
	}
}

// Children returns the components directly inside c, in order. The slice is the caller's.
func (c *Component) Children() []*Component {
	list := make([]*Component, len(c.children))
	for i := range c.children {
		list[i] = c.children[i].Component
	}
	return list
}

// Components yields the components directly inside c that have that (upper case) name; with "" all.
func (c *Component) Components(name string) iter.Seq[*Component] {
	return func(yield func(*Component) bool) {
		for i := range c.children {
			if k := c.children[i].Component; (name == "" || k.name == name) && !yield(k) {
				return
			}
		}
	}
}

// Component returns the first component of that name directly inside c, or nil.
func (c *Component) Component(name string) *Component {
	for k := range c.Components(name) {
		return k
	}
	return nil
}

// AddChild puts k after everything else in c.
func (c *Component) AddChild(k *Component) {
	c.children = append(c.children, child{k, len(c.props)})
}

// RemoveChildren removes the components directly inside c for which del is true and returns how
// many there were.
func (c *Component) RemoveChildren(del func(*Component) bool) int {
	before := len(c.children)
	c.children = slices.DeleteFunc(c.children, func(k child) bool { return del(k.Component) })
	return before - len(c.children)
}

// Clone returns a deep copy.
func (c *Component) Clone() *Component {
	k := *c
	k.props = make([]*Property, len(c.props))
	for i, p := range c.props {
		k.props[i] = p.Clone()
	}
	k.children = make([]child, len(c.children))
	for i, x := range c.children {
		k.children[i] = child{x.Component.Clone(), x.at}
	}
	return &k
}

// Main yields the components of a VCALENDAR other than VTIMEZONE: the object's master and
// overrides (RFC 4791 section 4.1), in order.
func (c *Component) Main() iter.Seq[*Component] {
	return func(yield func(*Component) bool) {
		for i := range c.children {
			if k := c.children[i].Component; k.name != "VTIMEZONE" && !yield(k) {
				return
			}
		}
	}
}

// Master returns the first main component without RECURRENCE-ID, or nil: an object may hold
// overrides only (RFC 4791 section 4.1).
func (c *Component) Master() *Component {
	for k := range c.Main() {
		if k.Prop("RECURRENCE-ID") == nil {
			return k
		}
	}
	return nil
}

// Bytes prints the component. Untouched parts are as they were read; the rest is folded at 75
// octets with CRLF line ends (RFC 5545 section 3.1).
func (c *Component) Bytes() []byte { return c.Append(make([]byte, 0, c.size())) }

// CRLF prints the component as Bytes does, but ends every line with CR LF (RFC 5545 section 3.1): what was put together from lines that were
// read, and lines that were not, would end them in two ways.
func (c *Component) CRLF() []byte {
	text := c.Bytes()
	bare := bytes.Count(text, []byte("\n")) - bytes.Count(text, []byte("\r\n"))
	if bare == 0 {
		return text
	}
	out := make([]byte, 0, len(text)+bare)
	for i, b := range text {
		if b == '\n' && (i == 0 || text[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, b)
	}
	return out
}

// String is Bytes as a string.
func (c *Component) String() string { return string(c.Bytes()) }

func (c *Component) size() int {
	n := len(c.begin) + len(c.end) + 2*len(c.name) + 16
	for _, p := range c.props {
		n += len(p.raw) + len(p.value) + 32
	}
	for i := range c.children {
		n += c.children[i].size()
	}
	return n
}

// Append appends the printed component to dst.
func (c *Component) Append(dst []byte) []byte {
	if c.begin != "" {
		dst = append(dst, c.begin...)
	} else {
		dst = append(append(append(dst, "BEGIN:"...), c.name...), "\r\n"...)
	}
	n := 0
	for i, p := range c.props {
		for n < len(c.children) && c.children[n].at <= i {
			dst = c.children[n].Append(dst)
			n++
		}
		dst = p.append(dst)
	}
	for ; n < len(c.children); n++ {
		dst = c.children[n].Append(dst)
	}
	if c.end != "" {
		return append(dst, c.end...)
	}
	return append(append(append(dst, "END:"...), c.name...), "\r\n"...)
}

// upper is strings.ToUpper without work for what is upper case already, as names mostly are.
func upper(s string) string {
	for i := range len(s) {
		if s[i] >= 'a' && s[i] <= 'z' {
			return strings.ToUpper(s)
		}
	}
	return s
}
