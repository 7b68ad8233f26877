package davtest

import "strings"

// prefixes are those that Kalends writes, and that requests in transcripts use.
const prefixes = ` xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/" xmlns:A="http://apple.com/ns/ical/"`

// declare adds the prefixes to the root of a body that declares none.
func declare(body string) string {
	if strings.HasPrefix(body, "<?") || strings.Contains(body, "xmlns:D=") || !strings.Contains(body, ">") {
		return body
	}
	end := strings.IndexAny(body, " />\n")
	if end < 2 {
		return body
	}
	return body[:end] + prefixes + body[end:]
}

// indent gives each element that holds others, and each that stands in such a one, a line of its own. What we
// send has no white space but that of texts.
func indent(xml string) string {
	if _, rest, ok := strings.Cut(xml, "?>\n"); ok && strings.HasPrefix(xml, "<?xml") {
		xml = rest
	}
	xml = strings.Replace(xml, prefixes, "", 1)
	var b strings.Builder
	depth, text := 0, false // text: the last thing written was a start tag or text, so an end tag follows on the line
	line := func() {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		b.WriteString(strings.Repeat("  ", depth))
	}
	for xml != "" {
		if xml[0] != '<' {
			end := strings.IndexByte(xml, '<')
			if end < 0 {
				end = len(xml)
			}
			if s := strings.ReplaceAll(xml[:end], "&#13;\n", "\n"); strings.TrimSpace(s) != "" {
				b.WriteString(s)
				text = true
			}
			xml = xml[end:]
			continue
		}
		end := strings.IndexByte(xml, '>') + 1
		if end == 0 {
			end = len(xml)
		}
		tag := xml[:end]
		xml = xml[end:]
		switch {
		case strings.HasPrefix(tag, "</"):
			depth--
			if !text {
				line()
			}
			b.WriteString(tag)
			text = false
		case strings.HasSuffix(tag, "/>"):
			line()
			b.WriteString(tag)
			text = false
		default:
			line()
			b.WriteString(tag)
			depth++
			text = true
			// A start tag before another tag holds elements.
			if strings.HasPrefix(xml, "<") && !strings.HasPrefix(xml, "</") {
				text = false
			}
		}
	}
	return b.String() + "\n"
}
