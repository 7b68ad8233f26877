package jcal

import (
	"strings"
	"unicode/utf8"

	"kalends/ical"
)

// Marshal writes a component, mostly a VCALENDAR, as jCal (RFC 7265 section 3). It fails only for what package ical
// would not have read: components nested too deeply, or names that are none.
func Marshal(c *ical.Component) ([]byte, error) {
	return appendComponent(make([]byte, 0, 4096), c, 1)
}

func appendComponent(b []byte, c *ical.Component, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errorf("components nested more than %d deep", maxDepth)
	}
	if !isName(c.Name()) {
		return nil, errorf("bad component name %.40q", c.Name())
	}
	b = append(b, '[')
	b = appendString(b, strings.ToLower(c.Name()))
	b = append(b, ',', '[')
	for i, p := range c.Props() {
		if i > 0 {
			b = append(b, ',')
		}
		if !isName(p.Name()) {
			return nil, errorf("bad property name %.40q", p.Name())
		}
		b = appendProperty(b, p)
	}
	b = append(b, ']', ',', '[')
	first := true
	for k := range c.Components("") {
		if !first {
			b = append(b, ',')
		}
		first = false
		var err error
		if b, err = appendComponent(b, k, depth+1); err != nil {
			return nil, err
		}
	}
	return append(b, ']', ']'), nil
}

// appendProperty writes a property (RFC 7265 section 3.4).
func appendProperty(b []byte, p *ical.Property) []byte {
	b = append(b, '[')
	b = appendString(b, strings.ToLower(p.Name()))
	b = append(b, ',')
	b = appendParams(b, p.Params())
	b = append(b, ',')
	k := known[p.Name()]
	if v := strings.ToLower(p.Param("VALUE")); v != unknown && isName(strings.ToUpper(v)) {
		k.name = v
	}
	if k.name == "" {
		return appendUnknown(b, p)
	}
	start := len(b)
	if k.name = actual(k, p.Value()); k.name != "" {
		b = appendString(b, k.name)
		var ok bool
		if b, ok = appendValues(b, p, k); ok {
			return append(b, ']')
		}
	}
	return appendUnknown(b[:start], p)
}

// actual corrects what programs confuse: dates and times of the other form than VALUE says. "" when there are
// both in one value.
func actual(k kind, value string) string {
	switch k.name {
	case "date", "date-time":
	case "duration":
		if dateForm(strings.ToUpper(strings.TrimSpace(value))) == "" {
			return k.name // a TRIGGER without VALUE=DATE-TIME else
		}
	default:
		return k.name
	}
	form := ""
	for part := range strings.SplitSeq(value, ",") {
		f := dateForm(strings.ToUpper(strings.TrimSpace(part)))
		if f == "" || form != "" && f != form {
			return ""
		}
		form = f
	}
	return form
}

func appendUnknown(b []byte, p *ical.Property) []byte {
	b = append(b, `"`+unknown+`",`...)
	return append(appendString(b, p.Value()), ']')
}

// appendValues writes the values, each behind a comma, and says false when one of them is not of its type.
func appendValues(b []byte, p *ical.Property, k kind) ([]byte, bool) {
	switch {
	case k.shape == structured:
		return appendStructured(b, p.Value(), k.name)
	case k.name == "text" && k.shape == single:
		b = append(b, ',')
		return appendString(b, p.Text()), true
	case k.name == "text":
		for _, t := range p.Texts() {
			b = append(b, ',')
			b = appendString(b, t)
		}
		return b, true
	}
	if _, isKnown := known[p.Name()]; isKnown && k.shape == single {
		return appendValue(append(b, ','), p.Value(), k.name)
	}
	if !listed[k.name] {
		return appendValue(append(b, ','), p.Value(), k.name)
	}
	ok := true
	for part := range strings.SplitSeq(p.Value(), ",") {
		if b, ok = appendValue(append(b, ','), part, k.name); !ok {
			return b, false
		}
	}
	return b, true
}

// listed are the types in whose values a comma can only part one from the next. A URI may have commas, and a rule has.
var listed = map[string]bool{
	"date": true, "date-time": true, "time": true, "duration": true, "period": true,
	"integer": true, "float": true, "boolean": true, "utc-offset": true,
}

// appendStructured writes the fields of a value as an array (RFC 7265 section 3.4.1).
func appendStructured(b []byte, value, typ string) ([]byte, bool) {
	fields := splitAt(value, ';')
	if len(fields) == 1 {
		return appendValue(append(b, ','), value, typ)
	}
	b = append(b, ',', '[')
	ok := true
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		if b, ok = appendValue(b, f, typ); !ok {
			return b, false
		}
	}
	return append(b, ']'), true
}

// appendValue writes one value (RFC 7265 section 3.6), and says false when it is not of that type.
func appendValue(b []byte, v, typ string) ([]byte, bool) {
	switch typ {
	case "text":
		return appendString(b, ical.Unescape(v)), true
	case "uri", "cal-address", "binary":
		return appendString(b, strings.TrimSpace(v)), true
	case "date", "date-time":
		v = strings.ToUpper(strings.TrimSpace(v))
		if dateForm(v) != typ {
			return b, false
		}
		return appendString(b, extendDate(v)), true
	case "recur":
		return appendRecur(b, strings.TrimSpace(v))
	case "period":
		start, end, ok := period(strings.ToUpper(strings.TrimSpace(v)))
		if !ok {
			return b, false
		}
		b = appendString(append(b, '['), start)
		b = appendString(append(b, ','), end)
		return append(b, ']'), true
	case "duration":
		v = strings.TrimSpace(v)
		return appendString(b, v), isDuration(v)
	case "boolean":
		v = strings.ToLower(strings.TrimSpace(v))
		return append(b, v...), v == "true" || v == "false"
	case "integer":
		v, ok := integer(strings.TrimSpace(v))
		return append(b, v...), ok
	case "float":
		v, ok := float(strings.TrimSpace(v))
		return append(b, v...), ok
	case "time":
		v, ok := extendTime(strings.ToUpper(strings.TrimSpace(v)))
		return appendString(b, v), ok
	case "utc-offset":
		v, ok := extendOffset(strings.TrimSpace(v))
		return appendString(b, v), ok
	}
	return appendString(b, v), true // a type that is not known: as it stands
}

// appendParams writes the parameters but VALUE (RFC 7265 section 3.5). Of several with one name the values are put together.
func appendParams(b []byte, params []ical.Param) []byte {
	b = append(b, '{')
	first := true
	for i, p := range params {
		if p.Name == "VALUE" || !isName(p.Name) || earlier(params[:i], p.Name) {
			continue
		}
		values := p.Values
		for _, more := range params[i+1:] {
			if more.Name == p.Name {
				values = append(values[:len(values):len(values)], more.Values...)
			}
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendString(b, strings.ToLower(p.Name))
		b = append(b, ':')
		switch len(values) {
		case 0:
			b = append(b, `""`...)
		case 1:
			b = appendString(b, values[0])
		default:
			for j, v := range values {
				b = append(b, "[,"[min(j, 1)])
				b = appendString(b, v)
			}
			b = append(b, ']')
		}
	}
	return append(b, '}')
}

func earlier(params []ical.Param, name string) bool {
	for _, p := range params {
		if p.Name == name {
			return true
		}
	}
	return false
}

// appendString writes a string of JSON (RFC 8259 section 7).
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			default:
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b = append(append(b, s[start:i]...), "\ufffd"...)
			start = i + 1
		}
		i += n
	}
	return append(append(b, s[start:]...), '"')
}
