package jcal

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"

	"kalends/ical"
)

// Unmarshal reads one component, mostly a VCALENDAR (RFC 7265 section 4). Dates and times are taken in the basic format
// too, because programs send it. Errors are [ErrSyntax].
func Unmarshal(data []byte) (*ical.Component, error) {
	if !utf8.Valid(data) {
		return nil, errorf("the text is not UTF-8")
	}
	d := &decoder{dec: json.NewDecoder(bytes.NewReader(data))}
	d.dec.UseNumber()
	c, err := d.component(1)
	if err != nil {
		return nil, err
	}
	if _, err := d.dec.Token(); err != io.EOF {
		return nil, errorf("there is more behind the component")
	}
	return c, nil
}

// decoder reads tokens one by one, so that nothing is built that is not wanted.
type decoder struct {
	dec                    *json.Decoder
	components, properties int
}

type tokenKind uint8

const (
	isDelim tokenKind = iota
	isString
	isNumber
	isBool
	isNull
)

type token struct {
	kind  tokenKind
	delim json.Delim
	text  string // of strings, numbers and booleans
}

func (d *decoder) token() (token, error) {
	t, err := d.dec.Token()
	if err == io.EOF {
		return token{}, errorf("it ends too early")
	}
	if err != nil {
		return token{}, errorf("%v", err)
	}
	switch t := t.(type) {
	case json.Delim:
		return token{kind: isDelim, delim: t}, nil
	case string:
		return token{kind: isString, text: t}, nil
	case json.Number:
		return token{kind: isNumber, text: t.String()}, nil
	case bool:
		if t {
			return token{kind: isBool, text: "TRUE"}, nil
		}
		return token{kind: isBool, text: "FALSE"}, nil
	}
	return token{kind: isNull}, nil
}

func (d *decoder) more() bool { return d.dec.More() }

func (d *decoder) delim(want json.Delim) error {
	t, err := d.token()
	if err != nil {
		return err
	}
	if t.kind != isDelim || t.delim != want {
		return errorf("expected %s at octet %d", want, d.dec.InputOffset())
	}
	return nil
}

func (d *decoder) text() (string, error) {
	t, err := d.token()
	if err != nil {
		return "", err
	}
	if t.kind != isString {
		return "", errorf("expected a string at octet %d", d.dec.InputOffset())
	}
	return t.text, nil
}

// name reads the name of a component or property.
func (d *decoder) name() (string, error) {
	s, err := d.text()
	if err != nil {
		return "", err
	}
	if s = strings.ToUpper(s); !isName(s) {
		return "", errorf("bad name %.40q", s)
	}
	return s, nil
}

// component reads [name, properties, components] (RFC 7265 section 3.3).
func (d *decoder) component(depth int) (*ical.Component, error) {
	if depth > maxDepth {
		return nil, errorf("components nested more than %d deep", maxDepth)
	}
	if d.components++; d.components > maxComponents {
		return nil, errorf("more than %d components", maxComponents)
	}
	if err := d.delim('['); err != nil {
		return nil, err
	}
	name, err := d.name()
	if err != nil {
		return nil, err
	}
	c := ical.New(name)
	if err := d.delim('['); err != nil {
		return nil, err
	}
	for d.more() {
		p, err := d.property()
		if err != nil {
			return nil, err
		}
		c.Add(p)
	}
	if err := d.delim(']'); err != nil {
		return nil, err
	}
	if err := d.delim('['); err != nil {
		return nil, err
	}
	for d.more() {
		k, err := d.component(depth + 1)
		if err != nil {
			return nil, err
		}
		c.AddChild(k)
	}
	if err := d.delim(']'); err != nil {
		return nil, err
	}
	return c, d.delim(']')
}

// property reads [name, parameters, type, value …] (RFC 7265 section 3.4).
func (d *decoder) property() (*ical.Property, error) {
	if d.properties++; d.properties > maxProperties {
		return nil, errorf("more than %d properties", maxProperties)
	}
	if err := d.delim('['); err != nil {
		return nil, err
	}
	name, err := d.name()
	if err != nil {
		return nil, err
	}
	params, err := d.params()
	if err != nil {
		return nil, err
	}
	typ, err := d.name()
	if err != nil {
		return nil, err
	}
	typ = strings.ToLower(typ)
	k, isKnown := known[name]
	if typ != unknown && typ != k.name {
		params = append(params, ical.Param{Name: "VALUE", Values: []string{strings.ToUpper(typ)}})
	}
	var value []byte
	n := 0
	for ; d.more(); n++ {
		if n == maxValues {
			return nil, errorf("more than %d values of %s", maxValues, name)
		}
		if n > 0 {
			if isKnown && k.shape != multiple || typ == unknown {
				return nil, errorf("%s has one value only", name)
			}
			value = append(value, ',')
		}
		v, err := d.value(typ)
		if err != nil {
			return nil, err
		}
		value = append(value, v...)
	}
	if n == 0 {
		return nil, errorf("%s has no value", name)
	}
	return ical.NewProperty(name, string(value), params...), d.delim(']')
}

// params reads the object of parameters (RFC 7265 section 3.5).
func (d *decoder) params() ([]ical.Param, error) {
	if err := d.delim('{'); err != nil {
		return nil, err
	}
	var list []ical.Param
	for d.more() {
		name, err := d.name()
		if err != nil {
			return nil, err
		}
		if len(list) == maxParams || name == "VALUE" || earlier(list, name) {
			return nil, errorf("parameter %.40q must not be there, or not again", name)
		}
		values, err := d.paramValues()
		if err != nil {
			return nil, err
		}
		list = append(list, ical.Param{Name: name, Values: values})
	}
	return list, d.delim('}')
}

func (d *decoder) paramValues() ([]string, error) {
	t, err := d.token()
	switch {
	case err != nil:
		return nil, err
	case t.kind == isString:
		return []string{printable(t.text)}, nil
	case t.delim != '[':
		return nil, errorf("a parameter is a string or an array of strings (RFC 7265 section 3.5)")
	}
	var values []string
	for d.more() {
		v, err := d.text()
		if err != nil {
			return nil, err
		}
		if len(values) == maxParams {
			return nil, errorf("more than %d values of one parameter", maxParams)
		}
		values = append(values, printable(v))
	}
	if len(values) == 0 {
		return nil, errorf("a parameter has no value")
	}
	return values, d.delim(']')
}

// printable leaves out the control characters that a parameter cannot have (RFC 6868 section 3).
func printable(s string) string {
	control := func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' || r == 0x7f }
	if !strings.ContainsFunc(s, control) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if control(r) {
			return -1
		}
		return r
	}, s)
}

// value reads one value (RFC 7265 section 3.6) and gives it as it stands in iCalendar.
func (d *decoder) value(typ string) (string, error) {
	if typ == "recur" {
		return d.recurValue()
	}
	t, err := d.token()
	if err != nil {
		return "", err
	}
	if t.delim == '[' {
		return d.fields(typ)
	}
	return scalar(typ, t)
}

// fields reads a structured value, or a period.
func (d *decoder) fields(typ string) (string, error) {
	var b []byte
	n := 0
	for ; d.more(); n++ {
		t, err := d.token()
		if err != nil {
			return "", err
		}
		var v string
		switch {
		case typ == "period" && n == 1 && t.kind == isString && isDuration(t.text):
			v = t.text
		case typ == "period":
			v, err = scalar("date-time", t)
		default:
			v, err = scalar(typ, t)
		}
		if err != nil {
			return "", err
		}
		if n > 0 {
			if typ == "period" {
				b = append(b, '/')
			} else {
				b = append(b, ';')
			}
		}
		b = append(b, v...)
	}
	if n == 0 || n > 20 || typ == "period" && n != 2 || typ != "period" && typ != "text" && typ != "float" && typ != "integer" {
		return "", errorf("a value of type %s is no array of %d", typ, n)
	}
	return string(b), d.delim(']')
}

// scalar turns a value that is no array or object.
func scalar(typ string, t token) (string, error) {
	v, ok := t.text, t.kind == isString
	switch typ {
	case "text":
		v = ical.Escape(v)
	case "date", "date-time":
		var form string
		v, form = basicDate(strings.ToUpper(v))
		ok = ok && form == typ
	case "time":
		var good bool
		v, good = basicTime(strings.ToUpper(v))
		ok = ok && good
	case "utc-offset":
		var good bool
		v, good = basicOffset(v)
		ok = ok && good
	case "duration":
		ok = ok && isDuration(v)
	case "period":
		// Written as one string by some programs.
		first, second, _ := strings.Cut(strings.ToUpper(v), "/")
		start, form := basicDate(first)
		end, endForm := basicDate(second)
		v = start + "/" + end
		ok = ok && form != "" && (endForm != "" || isDuration(end))
	case "boolean":
		ok = t.kind == isBool
	case "integer", "float":
		var good bool
		v, good = number(v, typ == "integer")
		ok = t.kind == isNumber && good
	}
	if !ok {
		return "", errorf("%.40q is no value of type %s", t.text, typ)
	}
	return v, nil
}
