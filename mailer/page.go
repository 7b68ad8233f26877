package mailer

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"kalends/ical"
)

// Longest texts that a mail tells, in characters; the calendar part holds all.
const (
	maxTitle       = 150
	maxPlace       = 400
	maxDescription = 4000
	maxPeople      = 25
)

// page is what a mail says, before it becomes text and HTML.
type page struct {
	Lang, Subject, Headline string
	Notes                   []string
	CommentBy, Comment      string
	Rows                    []row
	DescriptionLabel        string
	Description             string
	Answer, AnswerLabel     string
	Footer                  string

	was string // of the catalogue
}

type row struct {
	Label, Value string
	Was          string   // the former value; "" where it did not change
	News         []string // what else is new about it
	Href         string
}

//go:embed page.html
var pageSource string

// html/template escapes by context, so that event text can be neither markup nor a script.
var pageTemplate = template.Must(template.New("mail").Parse(pageSource))

func (p *page) html() (string, error) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return "", fmt.Errorf("mail as HTML: %w", err)
	}
	return b.String(), nil
}

// text returns the page as plain text: labels in a column, long values indented below them.
func (p *page) text() string {
	var b strings.Builder
	b.WriteString(p.Headline + "\n\n")
	for _, n := range p.Notes {
		b.WriteString(n + "\n\n")
	}
	if p.Comment != "" {
		b.WriteString(p.CommentBy + "\n" + indent(p.Comment) + "\n\n")
	}
	width := 0
	for _, r := range p.Rows {
		width = max(width, len([]rune(r.Label)))
	}
	pad := strings.Repeat(" ", width+2)
	for _, r := range p.Rows {
		b.WriteString(r.Label + ":" + pad[:width+1-len([]rune(r.Label))] + r.Value + "\n")
		if r.Href != "" && !strings.HasPrefix(r.Href, strings.TrimSuffix(r.Value, "…")) {
			b.WriteString(pad + r.Href + "\n")
		}
		if r.Was != "" {
			b.WriteString(pad + "(" + fmt.Sprintf(p.was, r.Was) + ")\n")
		}
		for _, n := range r.News {
			b.WriteString(pad + n + "\n")
		}
	}
	if p.Description != "" {
		b.WriteString("\n" + p.DescriptionLabel + ":\n" + indent(p.Description) + "\n")
	}
	if p.Answer != "" {
		b.WriteString("\n" + p.AnswerLabel + ": " + p.Answer + "\n")
	}
	b.WriteString("\n-- \n" + p.Footer + "\n")
	return b.String()
}

// indent puts text of others two blanks in, so that it cannot pose as ours.
func indent(s string) string {
	return "  " + strings.ReplaceAll(s, "\n", "\n  ")
}

func invitationPage(l *catalogue, inv *Invitation, ev, before *event) (*page, error) {
	kind := inv.Method
	switch kind {
	case "REQUEST":
		if inv.Update || before != nil {
			kind = "UPDATE"
		}
	case "REPLY":
		kind = strings.ToUpper(ev.partStat(inv.From))
		if l.headline[kind] == "" || kind == "REQUEST" {
			kind = "NEEDS-ACTION"
		}
	}
	headline, ok := l.headline[kind]
	if !ok || kind == "REMINDER" {
		return nil, fmt.Errorf("no mail for METHOD %.40q", inv.Method)
	}
	name := personName(inv.from())
	if name == "" {
		name = l.someone
	}
	title := ev.title(l)
	p := newPage(l, ev, fmt.Sprintf(headline, name, title), fmt.Sprintf(l.subject[kind], title))
	if ev.instance() {
		p.Notes = append(p.Notes, l.instance)
	}
	if inv.Method == "REPLY" || inv.Method == "COUNTER" || inv.Method == "CANCEL" || inv.Method == "DECLINECOUNTER" {
		if c := paragraphs(ev.main.Text("COMMENT"), maxDescription); c != "" {
			p.Comment, p.CommentBy = c, fmt.Sprintf(l.comment, name)
		}
	}
	p.Rows = ev.rows(l, before)
	if inv.Method == "REQUEST" {
		for _, r := range ev.files {
			r.Label = l.file
			p.Rows = append(p.Rows, r)
		}
	}
	if inv.Method != "REPLY" && inv.Method != "REFRESH" {
		p.Description, p.DescriptionLabel = paragraphs(ev.main.Text("DESCRIPTION"), maxDescription), l.notes
	}
	if inv.Method == "REQUEST" {
		p.Answer, p.AnswerLabel = secureLink(inv.Link), l.answer
	}
	p.Footer = "Kalends"
	if own := ical.Mailbox(inv.From); own != "" {
		p.Footer = fmt.Sprintf(l.sentFor, own)
		if inv.Method == "REQUEST" {
			p.Footer = fmt.Sprintf(l.footer, own)
		}
	}
	return p, nil
}

func newPage(l *catalogue, ev *event, headline, subject string) *page {
	if start, _ := ev.span(ev.main); start != nil {
		subject += " (" + l.brief(*start) + ")"
	}
	return &page{Lang: l.Tag, Subject: subject, Headline: headline, was: l.was}
}

func (ev *event) title(l *catalogue) string {
	if t := line(ev.main.Text("SUMMARY"), maxTitle); t != "" {
		return t
	}
	return l.untitled
}

// rows tells the facts; before is what the reader knows, nil for nothing.
func (ev *event) rows(l *catalogue, before *event) []row {
	var rows []row
	add := func(label string, tell func(*event) string) {
		r := row{Label: label, Value: tell(ev)}
		if before != nil {
			if old := tell(before); old != r.Value {
				r.Was = old
			}
		}
		if r.Value == "" && r.Was != "" {
			r.Value = "–"
		}
		if r.Value != "" {
			rows = append(rows, r)
		}
	}
	if before != nil && before.title(l) != ev.title(l) {
		add(l.title, func(ev *event) string { return ev.title(l) })
	}
	add(l.when, func(ev *event) string { return ev.when(l, ev.main) })
	if ev.main.Prop("DTSTART") != nil && ev.main.Prop("DUE") != nil {
		add(l.due, func(ev *event) string {
			if _, end := ev.span(ev.main); end != nil {
				return l.brief(*end)
			}
			return ""
		})
	}
	if !ev.instance() {
		add(l.repeats, func(ev *event) string { return ev.ruleWords(l) })
		if ev.main.Prop("RRULE") != nil || ev.main.Prop("RDATE") != nil {
			add(l.exceptions, func(ev *event) string { return ev.exceptions(l) })
		}
	}
	add(l.where, func(ev *event) string { return line(ev.main.Text("LOCATION"), maxPlace) })
	if who := ev.people(l); len(who) > 0 {
		r := row{Label: l.who, Value: strings.Join(shorten(l, who), ", ")}
		if before != nil {
			old := before.people(l)
			if names := without(who, old); len(names) > 0 {
				r.News = append(r.News, fmt.Sprintf(l.added, strings.Join(shorten(l, names), ", ")))
			}
			if names := without(old, who); len(names) > 0 {
				r.News = append(r.News, fmt.Sprintf(l.removed, strings.Join(shorten(l, names), ", ")))
			}
		}
		rows = append(rows, r)
	}
	if link := ev.link(); link != "" {
		rows = append(rows, row{Label: l.link, Value: cut(link, 300), Href: link})
	}
	return slices.DeleteFunc(rows, func(r row) bool { return r.Value == "" })
}

// people returns the names of organizer and attendees, the organizer first.
func (ev *event) people(l *catalogue) []string {
	var names []string
	organizer := ""
	if p := ev.main.Prop("ORGANIZER"); p != nil {
		if n := personName(Person{p.Value(), p.Param("CN")}); n != "" {
			organizer = ical.Address(p.Value())
			names = append(names, fmt.Sprintf(l.organizer, n))
		}
	}
	seen := map[string]bool{organizer: true}
	for p := range ev.main.All("ATTENDEE") {
		a := ical.Address(p.Value())
		if n := personName(Person{p.Value(), p.Param("CN")}); n != "" && !seen[a] {
			seen[a] = true
			names = append(names, n)
		}
	}
	return names
}

func (ev *event) partStat(attendee string) string {
	a := ical.Address(attendee)
	first := ""
	for p := range ev.main.All("ATTENDEE") {
		if ical.Address(p.Value()) == a {
			return p.Param("PARTSTAT")
		}
		if first == "" {
			first = p.Param("PARTSTAT")
		}
	}
	return first // a REPLY has one ATTENDEE (RFC 5546 section 3.2.3), maybe under another of their addresses
}

// link returns where the meeting takes place online, or where more is told about it.
func (ev *event) link() string {
	for _, name := range []string{"CONFERENCE", "X-GOOGLE-CONFERENCE", "URL"} {
		for p := range ev.main.All(name) {
			if u := secureLink(p.Value()); u != "" {
				return u
			}
		}
	}
	return ""
}

// personName returns the name of a calendar user, or their mailbox.
func personName(p Person) string {
	if n := displayName(p); n != "" {
		return n
	}
	return ical.Mailbox(p.Address)
}

func shorten(l *catalogue, names []string) []string {
	if len(names) <= maxPeople {
		return names
	}
	return append(slices.Clone(names[:maxPeople]), fmt.Sprintf(l.more, len(names)-maxPeople))
}

// without returns what is in a and not in b.
func without(a, b []string) []string {
	in := make(map[string]bool, len(b))
	for _, s := range b {
		in[s] = true
	}
	var left []string
	for _, s := range a {
		if !in[s] {
			left = append(left, s)
		}
	}
	return left
}
