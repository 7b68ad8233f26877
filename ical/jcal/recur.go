package jcal

import (
	"strconv"
	"strings"
)

// appendRecur writes a rule as an object (RFC 7265 section 3.6.10), its parts in their order. It says false for what is no
// list of parts.
func appendRecur(b []byte, rule string) ([]byte, bool) {
	b = append(b, '{')
	seen := map[string]bool{}
	for part := range strings.SplitSeq(rule, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue // programs end a rule with a semicolon
		}
		key, value, ok := strings.Cut(part, "=")
		key = strings.ToUpper(strings.TrimSpace(key))
		if !ok || !isName(key) || seen[key] || len(seen) == maxParams {
			return b, false
		}
		if len(seen) > 0 {
			b = append(b, ',')
		}
		seen[key] = true
		b = appendString(b, strings.ToLower(key))
		b = append(b, ':')
		if b, ok = appendRecurPart(b, key, strings.TrimSpace(value)); !ok {
			return b, false
		}
	}
	return append(b, '}'), len(seen) > 0
}

func appendRecurPart(b []byte, key, value string) ([]byte, bool) {
	if key == "UNTIL" {
		value = strings.ToUpper(value)
		form := dateForm(value)
		if form == "" {
			return b, false
		}
		return appendString(b, extendDate(value)), true
	}
	list := strings.Split(value, ",")
	if len(list) > 1 {
		b = append(b, '[')
	}
	ok := true
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		v = strings.TrimSpace(v)
		if !numeric(key) || key == "BYMONTH" && strings.HasSuffix(strings.ToUpper(v), "L") { // a leap month, RFC 7529 section 4.2
			if !recurValue(v) {
				return b, false
			}
			b = appendString(b, v)
			continue
		}
		if v, ok = integer(v); !ok {
			return b, false
		}
		b = append(b, v...)
	}
	if len(list) > 1 {
		b = append(b, ']')
	}
	return b, true
}

// recurValue reports whether v can stand in a rule without being taken for something else.
func recurValue(v string) bool {
	return v != "" && !strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r == ';' || r == ',' || r == '=' || r == 0x7f })
}

// numeric are the parts whose values are numbers.
func numeric(key string) bool {
	switch key {
	case "COUNT", "INTERVAL", "BYSECOND", "BYMINUTE", "BYHOUR", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS":
		return true
	}
	return false
}

// recurValue is the reverse.
func (d *decoder) recurValue() (string, error) {
	if err := d.delim('{'); err != nil {
		return "", err
	}
	var rule []byte
	for parts := 0; d.more(); parts++ {
		key, err := d.text()
		if err != nil {
			return "", err
		}
		if key = strings.ToUpper(key); !isName(key) || parts == maxParams {
			return "", errorf("bad part %.40q of a rule", key)
		}
		if parts > 0 {
			rule = append(rule, ';')
		}
		rule = append(append(rule, key...), '=')
		if rule, err = d.recurPart(rule, key); err != nil {
			return "", err
		}
	}
	if len(rule) == 0 {
		return "", errorf("a rule has no part")
	}
	return string(rule), d.delim('}')
}

func (d *decoder) recurPart(rule []byte, key string) ([]byte, error) {
	tok, err := d.token()
	if err != nil {
		return nil, err
	}
	if tok.delim == '[' {
		n := 0
		for ; d.more(); n++ {
			if tok, err = d.token(); err != nil {
				return nil, err
			}
			if n == maxValues {
				return nil, errorf("too many values")
			}
			if n > 0 {
				rule = append(rule, ',')
			}
			if rule, err = appendRecurValue(rule, key, tok); err != nil {
				return nil, err
			}
		}
		if n == 0 {
			return nil, errorf("a part of a rule has no value")
		}
		return rule, d.delim(']')
	}
	return appendRecurValue(rule, key, tok)
}

func appendRecurValue(rule []byte, key string, t token) ([]byte, error) {
	v := t.text
	switch {
	case t.kind == isNumber:
		n, ok := number(v, true)
		if !ok {
			return nil, errorf("bad number %.40q in a rule", v)
		}
		return append(rule, n...), nil
	case t.kind != isString:
		return nil, errorf("bad value of %s in a rule", key)
	case key == "UNTIL":
		basic, form := basicDate(strings.ToUpper(v))
		if form == "" {
			return nil, errorf("bad until %s in a rule", strconv.Quote(v[:min(len(v), 40)]))
		}
		v = basic
	case !recurValue(v):
		return nil, errorf("bad value %.40q in a rule", v)
	}
	return append(rule, v...), nil
}
