package dav

import (
	"io"
	"slices"
)

// Condition is a precondition or postcondition that was not met (RFC 4918 section 16), with what it holds: text, then
// hrefs, then further elements.
type Condition struct {
	Name     Name
	Text     string
	Hrefs    []string
	Elements []*Element
}

func (c Condition) equal(d Condition) bool {
	return c.Name == d.Name && c.Text == d.Text && slices.Equal(c.Hrefs, d.Hrefs) && slices.Equal(c.Elements, d.Elements)
}

// Error writes <D:error> with the conditions in it.
func (w *Writer) Error(conditions ...Condition) {
	w.Start(D("error"))
	w.conditions(conditions)
	w.End(D("error"))
}

func (w *Writer) conditions(list []Condition) {
	for _, c := range list {
		w.Start(c.Name)
		w.Text(c.Text)
		for _, h := range c.Hrefs {
			w.Href(h)
		}
		for _, e := range c.Elements {
			w.Element(e)
		}
		w.End(c.Name)
	}
}

// WriteError writes a whole error body (RFC 4918 section 14.5). A sentence for people can go with it as a Condition
// named D:responsedescription with Text.
func WriteError(out io.Writer, conditions ...Condition) error {
	w := NewWriter(out)
	w.Root(D("error"))
	w.conditions(conditions)
	w.End(D("error"))
	w.raw("\n")
	return w.Close()
}
