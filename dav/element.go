package dav

import (
	"iter"
	"strings"
)

// Element is one XML element with all below it. It keeps what RFC 4918 section 4.3 asks of a stored property: names,
// attributes, xml:lang in scope, and text and children in their order. Prefixes and comments are not kept.
type Element struct {
	Name
	Attrs    []Attr
	Children []*Element
	Text     string // the character data directly inside, concatenated, white space included
	Lang     string // the xml:lang in scope, own or inherited

	// at is the offset in the parent's Text at which this element stands, so that mixed content keeps its order
	// without a node for each piece of text.
	at int
}

// NewElement builds an element with text followed by children.
func NewElement(n Name, text string, children ...*Element) *Element {
	for _, c := range children {
		c.at = len(text)
	}
	return &Element{Name: n, Text: text, Children: children}
}

// Is reports whether e has that name. A nil element has none.
func (e *Element) Is(n Name) bool { return e != nil && e.Name == n }

// Child returns the first child of that name, or nil. It may be called on nil, so that look-ups chain.
func (e *Element) Child(n Name) *Element {
	if e != nil {
		for _, c := range e.Children {
			if c.Name == n {
				return c
			}
		}
	}
	return nil
}

// First returns the first child, or nil.
func (e *Element) First() *Element {
	if e == nil || len(e.Children) == 0 {
		return nil
	}
	return e.Children[0]
}

// All iterates over the children of that name, in order.
func (e *Element) All(n Name) iter.Seq[*Element] {
	return func(yield func(*Element) bool) {
		if e == nil {
			return
		}
		for _, c := range e.Children {
			if c.Name == n && !yield(c) {
				return
			}
		}
	}
}

// Has reports whether e has a child of that name.
func (e *Element) Has(n Name) bool { return e.Child(n) != nil }

// Value is the text without the white space around it, as hrefs, tokens and numbers are read. It is "" for nil.
func (e *Element) Value() string {
	if e == nil {
		return ""
	}
	return strings.TrimSpace(e.Text)
}

// Attr returns the value of the attribute of that local name in no namespace, and whether it is there.
func (e *Element) Attr(local string) (string, bool) {
	if e != nil {
		for _, a := range e.Attrs {
			if a.Name.Space == "" && a.Name.Local == local {
				return a.Value, true
			}
		}
	}
	return "", false
}
