package dav

import "strconv"

// Marshal gives e as XML that stands alone: it declares its namespaces on the root and keeps the xml:lang in scope.
// It is ASCII, made to be stored and sent again with Writer.Raw, and reading it back gives the same tree.
func (e *Element) Marshal() []byte {
	w := Writer{buf: make([]byte, 0, 128+len(e.Text))}
	var t table
	t.collect(e, true)
	w.tree(e, &t, "", true)
	return w.buf
}

// Element writes a tree, where Root has declared the fixed prefixes.
func (w *Writer) Element(e *Element) {
	var t table
	t.collect(e, false)
	w.tree(e, &t, "", true)
	w.room()
}

// table holds the namespaces that a tree declares on its root, in the order of their first use.
type table struct {
	spaces []string
}

func (t *table) collect(e *Element, fixed bool) {
	t.add(e.Space, fixed)
	for i := range e.Attrs {
		t.add(e.Attrs[i].Name.Space, fixed)
	}
	for _, c := range e.Children {
		t.collect(c, fixed)
	}
}

func (t *table) add(space string, fixed bool) {
	if p := prefixOf(space); p == "" || p == "xml" || p != localPrefix && !fixed {
		return
	}
	for _, s := range t.spaces {
		if s == space {
			return
		}
	}
	t.spaces = append(t.spaces, space)
}

// prefix appends the prefix of a namespace and its colon.
func (t *table) prefix(dst []byte, space string) []byte {
	p := prefixOf(space)
	switch {
	case p == "":
		return dst
	case p != localPrefix:
		dst = append(dst, p...)
	default:
		dst = append(dst, 'n')
		for i, s := range t.spaces {
			if s == space {
				dst = strconv.AppendInt(dst, int64(i), 10)
				break
			}
		}
	}
	return append(dst, ':')
}

// tree writes e and all below it. Lang is what the reader has in scope; only the root writes one it inherited, since
// below it the attribute is where it was.
func (w *Writer) tree(e *Element, t *table, lang string, root bool) {
	w.content()
	w.buf = append(w.buf, '<')
	w.buf = t.prefix(w.buf, e.Space)
	w.raw(e.Local)
	if root {
		for _, s := range t.spaces {
			w.raw(" xmlns:")
			w.buf = t.prefix(w.buf, s)
			w.buf[len(w.buf)-1] = '='
			w.buf = append(w.buf, '"')
			w.buf = appendEscaped(w.buf, s, true)
			w.buf = append(w.buf, '"')
		}
	}
	own := false
	for i := range e.Attrs {
		own = own || e.Attrs[i].Name == Name{NSXML, "lang"}
	}
	if !own && e.Lang != "" && e.Lang != lang {
		w.attr(t, Name{NSXML, "lang"}, e.Lang)
	}
	for i := range e.Attrs {
		w.attr(t, e.Attrs[i].Name, e.Attrs[i].Value)
	}
	if e.Text == "" && len(e.Children) == 0 {
		w.raw("/>")
		return
	}
	w.buf = append(w.buf, '>')
	done := 0
	for _, c := range e.Children {
		if at := min(c.at, len(e.Text)); at > done {
			w.buf = appendEscaped(w.buf, e.Text[done:at], false)
			done = at
		}
		w.tree(c, t, e.Lang, false)
	}
	w.buf = appendEscaped(w.buf, e.Text[done:], false)
	w.raw("</")
	w.buf = t.prefix(w.buf, e.Space)
	w.raw(e.Local)
	w.buf = append(w.buf, '>')
}

func (w *Writer) attr(t *table, n Name, value string) {
	w.buf = append(w.buf, ' ')
	w.buf = t.prefix(w.buf, n.Space)
	w.raw(n.Local)
	w.raw(`="`)
	w.buf = appendEscaped(w.buf, value, true)
	w.buf = append(w.buf, '"')
}
