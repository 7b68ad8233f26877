package mailer

import (
	"errors"
	"strings"
	"testing"

	"kalends/ical"
)

const kept = "1-21-aaaaaaaaaaaaaaaaaaaaaaaaaa"

// withFiles is the invitation of the tests with an attachment that is kept here, on all dates, and two that are not.
func withFiles() string {
	return strings.ReplaceAll(weekly, "SUMMARY:Planning\n", "SUMMARY:Planning\nATTACH;MANAGED-ID="+kept+
		";FMTTYPE=text/plain;FILENAME=\"Plän <b>.txt\";SIZE=1234:https://cal.example.com/dav/attachments/"+kept+
		"\nATTACH:https://example.net/elsewhere\nATTACH;MANAGED-ID=77:https://example.net/managed/elsewhere\n")
}

func TestMailsLinkAttachments(t *testing.T) {
	c := testComposer()
	inv := invite("REQUEST", withFiles())
	token, err := c.Tokens.SignFile(inv.Owner, inv.Object, inv.To)
	if err != nil {
		t.Fatal(err)
	}
	link := "https://cal.example.com/dav/attachments/" + kept + "?link=" + token
	inv.File = func(id string) string {
		if id != kept {
			t.Errorf("asked for %s", id)
		}
		return link
	}
	m, _, err := c.Invitation(inv)
	if err != nil {
		t.Fatal(err)
	}
	if want := "Attachment: Plän <b>.txt (1 kB)\n"; !strings.Contains(m.Text, want) || strings.Count(m.Text, link) != 1 {
		t.Errorf("text: %s", m.Text)
	}
	if !strings.Contains(m.HTML, `<a href="`+link+`">`) || strings.Contains(m.HTML, "<b>.txt") {
		t.Errorf("HTML: %s", m.HTML)
	}
	cal, err := ical.Parse(m.Calendar)
	if err != nil {
		t.Fatal(err)
	}
	for comp := range cal.Main() {
		var values []string
		for p := range comp.All("ATTACH") {
			if p.Param("MANAGED-ID") == kept {
				t.Errorf("the calendar part has our MANAGED-ID: %s", p.Line())
			}
			values = append(values, p.Value())
		}
		if want := link + " https://example.net/elsewhere https://example.net/managed/elsewhere"; strings.Join(values, " ") != want {
			t.Errorf("ATTACH: %v", values)
		}
	}

	// Without links that work for everybody it is not said that there is something.
	inv = invite("REQUEST", withFiles())
	if m, _, err = c.Invitation(inv); err != nil || strings.Contains(m.Text, "Attachment") || strings.Contains(string(m.Calendar), kept) {
		t.Errorf("without links: %v\n%s", err, m.Text)
	}
}

func TestFileTokens(t *testing.T) {
	tokens := testComposer().Tokens
	token, err := tokens.SignFile(5, 7, "mailto:bob@example.org")
	if err != nil {
		t.Fatal(err)
	}
	r, err := tokens.OpenFile(strings.ToUpper(token))
	if err != nil || r.Owner != 5 || r.Object != 7 || !tokens.IsFor(r, "mailto:Bob@example.org") || tokens.IsFor(r, "mailto:eve@example.org") {
		t.Errorf("OpenFile = %+v, %v", r, err)
	}
	// It opens nothing else, and nothing else opens it.
	if _, err := tokens.OpenLink(token); !errors.Is(err, ErrToken) {
		t.Errorf("as an answer page: %v", err)
	}
	if _, err := tokens.Open("reply+" + token + "@reply.example.com"); !errors.Is(err, ErrToken) {
		t.Errorf("as a reply address: %v", err)
	}
	answer, _ := tokens.SignLink(5, 7, "mailto:bob@example.org")
	reply, _ := tokens.Sign(5, 7, "mailto:bob@example.org")
	for _, s := range []string{answer, strings.TrimPrefix(reply, "reply+"), "", token[1:], token + "a", strings.Repeat("a", 1000)} {
		if _, err := tokens.OpenFile(s); !errors.Is(err, ErrToken) {
			t.Errorf("OpenFile(%.40s) = %v", s, err)
		}
	}
}
