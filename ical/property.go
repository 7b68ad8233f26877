package ical

import (
	"slices"
	"strings"
)

// Property is a property of a component: one content line (RFC 5545 section 3.1).
type Property struct {
	name   string
	params []Param
	value  string
	raw    string // the line as read, with folds and line end; empty once changed
}

// Param is a property parameter with its values decoded: without the quotes, and with the escapes
// of RFC 6868 undone.
type Param struct {
	Name   string // upper case
	Values []string
}

// NewProperty returns a property with a raw value: TEXT must be escaped already (see [NewText]).
// CR and LF in it become spaces, so that nothing can end the line.
func NewProperty(name, value string, params ...Param) *Property {
	return &Property{name: name, params: params, value: oneLine(value)}
}

// NewText returns a property whose value is the text, escaped (RFC 5545 section 3.3.11).
func NewText(name, text string, params ...Param) *Property {
	return &Property{name: name, params: params, value: Escape(text)}
}

// Name returns the property's name in upper case.
func (p *Property) Name() string { return p.name }

// Value returns the value as it stands on the wire, unfolded.
func (p *Property) Value() string { return p.value }

// SetValue sets the raw value. CR and LF in it become spaces.
func (p *Property) SetValue(v string) {
	if v = oneLine(v); v != p.value {
		p.value, p.raw = v, ""
	}
}

// Text returns the value decoded as TEXT (RFC 5545 section 3.3.11). An unescaped comma is kept as it is,
// because clients write such.
func (p *Property) Text() string { return Unescape(p.value) }

// Texts returns the value decoded as a comma-separated list of TEXT.
func (p *Property) Texts() []string {
	var list []string
	for part := range splitList(p.value) {
		list = append(list, Unescape(part))
	}
	return list
}

// Params returns the parameters in order. They belong to the property.
func (p *Property) Params() []Param { return p.params }

// Param returns the first value of the parameter of that (upper case) name, or "".
func (p *Property) Param(name string) string {
	if v := p.ParamValues(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// ParamValues returns the values of the parameter of that (upper case) name.
func (p *Property) ParamValues(name string) []string {
	for i := range p.params {
		if p.params[i].Name == name {
			return p.params[i].Values
		}
	}
	return nil
}

// HasParam reports whether there is a parameter of that (upper case) name.
func (p *Property) HasParam(name string) bool {
	return slices.ContainsFunc(p.params, func(q Param) bool { return q.Name == name })
}

// SetParam gives the parameter these values, in its place or at the end.
func (p *Property) SetParam(name string, values ...string) {
	i := slices.IndexFunc(p.params, func(q Param) bool { return q.Name == name })
	if i >= 0 && slices.Equal(p.params[i].Values, values) {
		return
	}
	p.raw = ""
	if i < 0 {
		p.params = append(slices.Clip(p.params), Param{name, values})
		return
	}
	p.params = slices.Clone(p.params)
	p.params[i].Values = values
}

// RemoveParam removes the parameter and reports whether it was there.
func (p *Property) RemoveParam(name string) bool {
	if !p.HasParam(name) {
		return false
	}
	p.params = slices.DeleteFunc(slices.Clone(p.params), func(q Param) bool { return q.Name == name })
	p.raw = ""
	return true
}

// Clone returns a copy that can be changed without changing p.
func (p *Property) Clone() *Property {
	q := *p
	q.params = slices.Clone(p.params)
	return &q
}

// Line returns the content line unfolded, without its line end.
func (p *Property) Line() string { return string(p.line(nil)) }

func (p *Property) line(dst []byte) []byte {
	dst = append(dst, p.name...)
	for _, q := range p.params {
		dst = append(append(append(dst, ';'), q.Name...), '=')
		for i, v := range q.Values {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendParamValue(dst, v)
		}
	}
	return append(append(dst, ':'), p.value...)
}

func (p *Property) append(dst []byte) []byte {
	if p.raw != "" {
		return append(dst, p.raw...)
	}
	start := len(dst)
	dst = p.line(dst)
	if len(dst)-start <= maxLine {
		return append(dst, "\r\n"...)
	}
	line := slices.Clone(dst[start:])
	return fold(dst[:start], line)
}

// maxLine is the length of a line in octets from which on it should be folded (RFC 5545 section 3.1).
const maxLine = 75

// fold appends line in parts of at most 75 octets, none of which ends inside a UTF-8 sequence.
func fold(dst, line []byte) []byte {
	limit := maxLine
	for len(line) > limit {
		n := limit
		for n > limit-4 && line[n]&0xc0 == 0x80 {
			n--
		}
		dst = append(append(dst, line[:n]...), "\r\n "...)
		line = line[n:]
		limit = maxLine - 1
	}
	return append(append(dst, line...), "\r\n"...)
}

// appendParamValue quotes and escapes a parameter value (RFC 5545 section 3.2, RFC 6868 section 3).
func appendParamValue(dst []byte, v string) []byte {
	quote := strings.ContainsAny(v, ",;:")
	if quote {
		dst = append(dst, '"')
	}
	for i := range len(v) {
		switch b := v[i]; {
		case b == '"':
			dst = append(dst, "^'"...)
		case b == '^':
			dst = append(dst, "^^"...)
		case b == '\n':
			dst = append(dst, "^n"...)
		case b == '\t' || b >= ' ' && b != 0x7f:
			dst = append(dst, b)
		}
	}
	if quote {
		dst = append(dst, '"')
	}
	return dst
}

// unescapeParam undoes RFC 6868 section 3. An unknown escape stays as it is.
func unescapeParam(v string) string {
	if strings.IndexByte(v, '^') < 0 {
		return v
	}
	b := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] == '^' && i+1 < len(v) {
			switch v[i+1] {
			case 'n':
				b = append(b, '\n')
				i++
				continue
			case '^':
				b = append(b, '^')
				i++
				continue
			case '\'':
				b = append(b, '"')
				i++
				continue
			}
		}
		b = append(b, v[i])
	}
	return string(b)
}

// Escape encodes text as a TEXT value (RFC 5545 section 3.3.11). Control characters other than tab and
// line feed are dropped; CR LF counts as one line feed.
func Escape(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && r != '\t' || r == 0x7f || r == '\\' || r == ';' || r == ','
	}) {
		return text
	}
	b := make([]byte, 0, len(text)+8)
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\\' || c == ';' || c == ',':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\t' || c >= ' ' && c != 0x7f:
			b = append(b, c)
		}
	}
	return string(b)
}

// Unescape decodes a TEXT value. A backslash before any other character stands for that character.
func Unescape(value string) string {
	if strings.IndexByte(value, '\\') < 0 {
		return value
	}
	b := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c == '\\' && i+1 < len(value) {
			i++
			if c = value[i]; c == 'n' || c == 'N' {
				c = '\n'
			}
		}
		b = append(b, c)
	}
	return string(b)
}

// oneLine makes sure a value cannot end its line or hold what no content line may.
func oneLine(v string) string {
	if !strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return v
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return ' '
		}
		return r
	}, v)
}

// splitList yields the parts of a value between commas that are not escaped.
func splitList(v string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start := 0
		for i := 0; i < len(v); i++ {
			switch v[i] {
			case '\\':
				i++
			case ',':
				if !yield(v[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(v[start:])
	}
}
