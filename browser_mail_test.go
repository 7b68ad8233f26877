package main

import (
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
	"testing"

	"kalends/meeting"
)

// textOf is the first plain text of a mail.
func textOf(t *testing.T, message string) string {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	var find func(kind, encoding string, body io.Reader) string
	find = func(kind, encoding string, body io.Reader) string {
		media, params, err := mime.ParseMediaType(kind)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(media, "multipart/") {
			for parts := multipart.NewReader(body, params["boundary"]); ; {
				p, err := parts.NextRawPart()
				if err != nil {
					return ""
				}
				if text := find(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p); text != "" {
					return text
				}
			}
		}
		switch strings.ToLower(encoding) {
		case "quoted-printable":
			body = quotedprintable.NewReader(body)
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, body)
		}
		text, err := io.ReadAll(body)
		if err != nil || media != "text/plain" {
			return ""
		}
		return string(text)
	}
	return find(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)
}

// answersByMail follows the link in a mail to somebody outside, and answers without an account and without scripts.
func (s *webSite) answersByMail(t *testing.T) {
	s.make("lea", meeting.NewMeeting{
		Name: "Planning <script>alert(1)</script>", Start: at(36, "09:00"), End: at(36, "10:00"), Location: "Room 5", Description: "Bring\n<b>numbers</b>",
		Invited: invite("vera@example.org", "walt@example.org"),
	})
	text := textOf(t, s.mail(t, "vera@example.org", 1)[0])
	link := regexp.MustCompile(`https://` + siteHost + `(/answer/[a-z0-9_-]+)`).FindStringSubmatch(strings.ToLower(text))
	if link == nil {
		t.Fatalf("no link in the mail:\n%s", text)
	}
	path := regexp.MustCompile(`https://` + siteHost + `(/answer/\S+)`).FindStringSubmatch(text)[1]
	answer := func() string {
		t.Helper()
		for _, g := range s.meetings("lea", "Planning <script>alert(1)</script>")[0].Invited {
			if g.Address == "vera@example.org" {
				return g.Answer
			}
		}
		return ""
	}
	b := s.tab(t, "")
	b.open(path)
	b.everywhere("answer", "", "-dark", "-phone")
	b.scripts(false)
	b.open(path)
	b.there("button.ACCEPTED")
	if got := answer(); got != "needs-action" {
		t.Errorf("looking at the page answered %s", got)
	}
	b.fill("textarea", "With pleasure.")
	b.going(func() { b.click("button.ACCEPTED") })
	b.until(`document.querySelector("button.ACCEPTED")?.getAttribute("aria-pressed")=="true"`)
	b.picture("answer-given")
	if got := answer(); got != "accepted" {
		t.Errorf("the answer is stored as %s", got)
	}
	// The Enter key in a field proposes, and answers nothing.
	propose := func() {
		b.click("summary")
		b.until(`document.querySelector("details").open`)
	}
	propose()
	b.click(`input[name="start"]`)
	b.going(func() { b.key("Enter") })
	b.has("This cannot be proposed")
	b.open(path)
	propose()
	b.going(func() { b.click("button.PROPOSE") }) // as it is filled in, which is when the meeting takes place
	b.has("This cannot be proposed")
	b.scripts(true)
	b.hold("a proposal that cannot be made")
	b.scripts(false)
	b.open(path)
	propose()
	b.eval(`document.querySelector("input[name=day]").value = "` + date(60) + `"`) // a date's field is each browser's own
	b.going(func() { b.click("button.PROPOSE") })
	b.has("has not decided yet")
	b.scripts(true)
	b.everywhere("answer-proposed", "-phone")
	b.scripts(false)
	lea := s.tab(t, "lea")
	lea.open("/requests")
	lea.there("h2|Planning <script>alert(1)</script>")
	b.going(func() { b.click("button.DECLINED") })
	if got := answer(); got != "declined" {
		t.Errorf("the answer is stored as %s", got)
	}
	b.scripts(true)
	b.open("/answer/" + strings.Repeat("a", 60))
	b.everywhere("answer-unknown", "")
}
