package ical

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of what [Parse] takes, so that a small input cannot become a large tree.
const (
	maxDepth      = 8       // VCALENDAR, VEVENT, VALARM and then some
	maxComponents = 50_000  // in one text
	maxProperties = 500_000 // in one text
	maxParams     = 200     // in one property
)

// SyntaxError says what in the text is no iCalendar.
type SyntaxError struct {
	Line int // counted from 1
	Msg  string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Msg) }

// Parse reads exactly one VCALENDAR. It tolerates a byte order mark, bare LF line ends, blank
// lines and names in any case, because clients send them, and keeps them; lines folded inside a character
// it reads, and prints whole. It refuses control
// characters, invalid UTF-8, lines without a value and components that do not end, with a
// *[SyntaxError]. The result does not share memory with data.
func Parse(data []byte) (*Component, error) {
	list, err := parse(data, 1)
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// ParseAll reads a stream of one or more VCALENDARs (RFC 5545 section 3.4).
func ParseAll(data []byte) ([]*Component, error) { return parse(data, 0) }

func parse(data []byte, most int) ([]*Component, error) {
	p := parser{src: string(data)}
	p.cut = !utf8.ValidString(p.src)
	if strings.HasPrefix(p.src, "\ufeff") {
		p.pos = len("\ufeff")
	}
	var list []*Component
	for {
		ok, err := p.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			if len(list) == 0 {
				return nil, p.errorf("no VCALENDAR: the text is empty")
			}
			list[len(list)-1].end += p.raw
			return list, nil
		}
		if !strings.EqualFold(p.text, "BEGIN:VCALENDAR") {
			return nil, p.errorf("expected BEGIN:VCALENDAR, not %s", excerpt(p.text))
		}
		if most > 0 && len(list) == most {
			return nil, p.errorf("a second VCALENDAR where one is expected")
		}
		cal := &Component{name: "VCALENDAR", begin: p.raw}
		if err := p.component(cal, 1); err != nil {
			return nil, err
		}
		list = append(list, cal)
	}
}

type parser struct {
	src  string
	cut  bool // not UTF-8 as it stands: lines are folded inside characters, or it is none
	pos  int  // of the next line
	line int  // number of the current content line
	read int  // lines read

	raw  string // the current content line as it stands, with the blank lines before it
	text string // the same unfolded, without line end

	components, properties int
}

func (p *parser) errorf(format string, args ...any) error {
	return &SyntaxError{max(p.line, 1), fmt.Sprintf(format, args...)}
}

// whole deals with a text that is not UTF-8 as it stands. A line that is once it is unfolded was folded inside a character,
// which RFC 5545 section 3.1 warns of; it is printed anew, since nobody else could read it.
func (p *parser) whole() error {
	for i, r := range p.text {
		if r == utf8.RuneError && !strings.HasPrefix(p.text[i:], "\ufffd") {
			return p.errorf("the text is not UTF-8 (byte 0x%02x)", p.text[i])
		}
	}
	if !utf8.ValidString(p.raw) {
		p.raw = ""
	}
	return nil
}

// next reads the next content line that is not blank. At the end raw holds what was left.
func (p *parser) next() (ok bool, err error) {
	start := p.pos
	if p.line == 0 {
		start = 0 // a byte order mark belongs to the first line
	}
	for p.pos < len(p.src) {
		p.line = p.read + 1
		line := p.physical()
		if strings.TrimLeft(line, " \t") == "" {
			continue
		}
		if p.folded() {
			var b strings.Builder
			b.WriteString(line)
			for p.folded() {
				b.WriteString(p.physical()[1:])
			}
			line = b.String()
		}
		p.raw, p.text = p.src[start:p.pos], line
		if p.cut {
			if err := p.whole(); err != nil {
				return true, err
			}
		}
		return true, p.checkControls()
	}
	p.raw, p.text = p.src[start:], ""
	return false, nil
}

// folded reports whether the next line continues the current one (RFC 5545 section 3.1).
func (p *parser) folded() bool {
	return p.pos < len(p.src) && (p.src[p.pos] == ' ' || p.src[p.pos] == '\t')
}

// physical takes the next line, without its line end.
func (p *parser) physical() string {
	p.read++
	rest := p.src[p.pos:]
	i := strings.IndexByte(rest, '\n')
	if i < 0 {
		p.pos = len(p.src)
		return strings.TrimSuffix(rest, "\r")
	}
	p.pos += i + 1
	return strings.TrimSuffix(rest[:i], "\r")
}

func (p *parser) checkControls() error {
	for i := range len(p.text) {
		if c := p.text[i]; c < ' ' && c != '\t' || c == 0x7f {
			return p.errorf("control character 0x%02x", c)
		}
	}
	return nil
}

// component reads up to the END of c, whose BEGIN was read.
func (p *parser) component(c *Component, depth int) error {
	if depth > maxDepth {
		return p.errorf("components nested more than %d deep", maxDepth)
	}
	if p.components++; p.components > maxComponents {
		return p.errorf("more than %d components", maxComponents)
	}
	begun := p.line
	for {
		ok, err := p.next()
		if err != nil {
			return err
		}
		if !ok {
			return p.errorf("%s of line %d has no END", c.name, begun)
		}
		if name, ok := cutName(p.text, "BEGIN:"); ok {
			if !isName(name) {
				return p.errorf("bad component name %s", excerpt(name))
			}
			k := &Component{name: upper(name), begin: p.raw}
			if err := p.component(k, depth+1); err != nil {
				return err
			}
			c.AddChild(k)
			continue
		}
		if name, ok := cutName(p.text, "END:"); ok {
			if !strings.EqualFold(name, c.name) {
				return p.errorf("END:%s where END:%s is expected", excerpt(name), c.name)
			}
			c.end = p.raw
			return nil
		}
		if p.properties++; p.properties > maxProperties {
			return p.errorf("more than %d properties", maxProperties)
		}
		prop, err := p.property()
		if err != nil {
			return err
		}
		c.props = append(c.props, prop)
	}
}

// cutName returns what follows the prefix, which is taken in any case, without blanks at the end.
func cutName(line, prefix string) (string, bool) {
	if len(line) < len(prefix) || !strings.EqualFold(line[:len(prefix)], prefix) {
		return "", false
	}
	return strings.TrimRight(line[len(prefix):], " \t"), true
}

// property reads the current line as a property (RFC 5545 section 3.1).
func (p *parser) property() (*Property, error) {
	s := p.text
	i := strings.IndexAny(s, ":;")
	if i < 0 {
		return nil, p.errorf("no colon in %s", excerpt(s))
	}
	if !isName(s[:i]) {
		return nil, p.errorf("bad property name in %s", excerpt(s))
	}
	prop := &Property{name: upper(s[:i]), raw: p.raw}
	for s[i] == ';' {
		s = s[i+1:]
		var err error
		if i, err = p.param(prop, s); err != nil {
			return nil, err
		}
	}
	prop.value = s[i+1:]
	return prop, nil
}

// param reads one parameter and returns the index of the ; or : behind it.
func (p *parser) param(prop *Property, s string) (int, error) {
	if len(prop.params) == maxParams {
		return 0, p.errorf("more than %d parameters", maxParams)
	}
	i := strings.IndexAny(s, "=;:")
	if i < 0 || s[i] != '=' || !isName(s[:i]) {
		return 0, p.errorf("bad parameter in %s", excerpt(p.text))
	}
	q := Param{Name: upper(s[:i])}
	for {
		i++
		start, quoted := i, false
		for i < len(s) && (quoted || s[i] != ',' && s[i] != ';' && s[i] != ':') {
			if s[i] == '"' {
				quoted = !quoted
			}
			i++
		}
		if i == len(s) {
			return 0, p.errorf("no value after the parameters in %s", excerpt(p.text))
		}
		v := s[start:i]
		if strings.IndexByte(v, '"') >= 0 {
			v = strings.ReplaceAll(v, `"`, "")
		}
		q.Values = append(q.Values, unescapeParam(v))
		if s[i] != ',' {
			prop.params = append(prop.params, q)
			return i, nil
		}
		if len(q.Values) == maxParams {
			return 0, p.errorf("more than %d values of one parameter", maxParams)
		}
	}
}

// isName reports whether s is an iana-token or x-name (RFC 5545 section 3.1). Underscores and dots
// are taken too, because programs write them.
func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return s != ""
}

// excerpt quotes the beginning of s for a message.
func excerpt(s string) string {
	const most = 40
	if len(s) > most {
		i := most
		for i > most-4 && s[i]&0xc0 == 0x80 {
			i--
		}
		return fmt.Sprintf("%q…", s[:i])
	}
	return fmt.Sprintf("%q", s)
}
