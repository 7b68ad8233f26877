package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/internal/config"
	"kalends/mailer"
	"kalends/storage"
)

// answers is a server with a meeting of Alice, to which Carol, from outside, and Bob are invited.
type answers struct {
	*testing.T
	app    *app
	cal    *calendar.Service
	alice  *storage.Principal
	tokens *mailer.Tokens
	url    string
	object int64
}

func newAnswers(t *testing.T) *answers {
	t.Helper()
	return newAnswersOn(t, func(s storage.Store) storage.Store { return s }, func(h http.Handler) http.Handler { return h })
}

// newAnswersOn is newAnswers with something in front of the store and of the handler.
func newAnswersOn(t *testing.T, before func(storage.Store) storage.Store, around func(http.Handler) http.Handler) *answers {
	t.Helper()
	cfg := config.Default()
	cfg.Data = t.TempDir()
	cfg.Database = "sqlite:" + filepath.Join(cfg.Data, "kalends.db")
	cfg.BaseURL = "https://cal.example.com"
	log := slog.New(slog.DiscardHandler)
	store, err := openStore(t.Context(), cfg, true)
	if err != nil {
		t.Fatal(err)
	}
	a, err := buildOn(t.Context(), cfg, log, time.Now, before(store))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	s := &answers{T: t, app: a, cal: a.service(cfg, log)}
	if s.alice, err = a.directory.Add(t.Context(), auth.NewUser{Name: "alice", DisplayName: "Alice", Email: "alice@example.com", Kind: "user"}); err != nil {
		t.Fatal(err)
	}
	if s.tokens, err = a.tokens(t.Context()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(around(a.handler))
	t.Cleanup(server.Close)
	s.url = server.URL
	s.put(time.Now().Add(24*time.Hour), "carol@example.org", "dave@example.org")
	return s
}

func (s *answers) put(start time.Time, attendees ...string) {
	s.Helper()
	more := "SUMMARY:Planning <script>alert(1)</script>\r\nLOCATION:Room 5\r\nDESCRIPTION:Bring\\n<b>numbers</b>\r\nURL:javascript:alert(1)\r\nORGANIZER:mailto:alice@example.com\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\r\n"
	for _, a := range attendees {
		more += "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:" + a + "\r\n"
	}
	text := strings.Replace(simpleEvent("m", more), "20380105T090000Z", start.UTC().Format("20060102T150405Z"), 1)
	res, err := s.cal.Put(s.Context(), calendar.PutRequest{Who: s.alice, Target: calendar.Target{Owner: s.alice, Slug: "calendar", Name: "m.ics"}, Body: []byte(text)})
	if err != nil {
		s.Fatal(err)
	}
	s.object = res.Object.ID
}

func (s *answers) link(attendee string) string {
	s.Helper()
	token, err := s.tokens.SignLink(s.alice.ID, s.object, "mailto:"+attendee)
	if err != nil {
		s.Fatal(err)
	}
	return s.url + "/answer/" + token
}

func (s *answers) text() string {
	s.Helper()
	o, err := s.app.store.ObjectByID(context.Background(), s.alice.ID, s.object)
	if err != nil {
		s.Fatal(err)
	}
	return strings.ReplaceAll(string(o.ICS), "\r\n ", "")
}

func (s *answers) partStat(attendee string) string {
	s.Helper()
	cal, err := ical.Parse([]byte(s.text()))
	if err != nil {
		s.Fatal(err)
	}
	for p := range cal.Master().All("ATTENDEE") {
		if ical.Mailbox(p.Value()) == attendee {
			return p.Param("PARTSTAT")
		}
	}
	return ""
}

func (s *answers) do(method, link string, form url.Values, header ...string) (*http.Response, string) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, link, strings.NewReader(form.Encode()))
	if err != nil {
		s.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp, string(body)
}

func (s *answers) form(link, answer string) url.Values {
	return url.Values{"token": {link[strings.LastIndexByte(link, '/')+1:]}, "answer": {answer}, "comment": {"I bring\r\ncake\x00."}}
}

// altered is a token with another letter near its end. The last letter has bits that say nothing.
func altered(token string) string {
	i := len(token) - 4
	c := "a"
	if token[i] == 'a' {
		c = "b"
	}
	return token[:i] + c + token[i+1:]
}

// TestS11AnswerPages is the list S11 of FIELD.md section 4.
func TestS11AnswerPages(t *testing.T) {
	s := newAnswers(t)
	link := s.link("carol@example.org")

	for _, method := range []string{"GET", "HEAD", "GET"} {
		resp, body := s.do(method, link, nil)
		if resp.StatusCode != 200 || s.partStat("carol@example.org") != "NEEDS-ACTION" {
			t.Fatalf("%s: %d, PARTSTAT %s", method, resp.StatusCode, s.partStat("carol@example.org"))
		}
		if method == "HEAD" {
			continue
		}
		for _, want := range []string{"Alice invites you", "Planning &lt;script&gt;", "Room 5", "&lt;b&gt;numbers", "carol@example.org", `value="ACCEPTED"`, `value="TENTATIVE"`, `value="DECLINED"`} {
			if !strings.Contains(body, want) {
				t.Errorf("the page lacks %q:\n%s", want, body)
			}
		}
		for _, bad := range []string{"<script", "javascript:", "<b>"} {
			if strings.Contains(body, bad) {
				t.Errorf("the page has %q", bad)
			}
		}
		for name, want := range map[string]string{"Content-Security-Policy": "frame-ancestors 'none'", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
			if got := resp.Header.Get(name); !strings.Contains(got, want) {
				t.Errorf("%s: %s", name, got)
			}
		}
	}

	// The form.
	resp, body := s.do("POST", link, s.form(link, "ACCEPTED"))
	if resp.StatusCode != 303 || resp.Header.Get("Location") != strings.TrimPrefix(link, s.url) || s.partStat("carol@example.org") != "ACCEPTED" {
		t.Errorf("POST: %d %s, PARTSTAT %s", resp.StatusCode, body, s.partStat("carol@example.org"))
	}
	if _, body := s.do("GET", link, nil); !strings.Contains(body, "Your answer: Accepted") {
		t.Errorf("the page does not show the answer:\n%s", body)
	}
	if got := s.partStat("dave@example.org"); got != "NEEDS-ACTION" {
		t.Errorf("another attendee has answered: %s", got)
	}
	inbox, err := s.app.store.Calendar(t.Context(), s.alice.ID, "inbox")
	if err != nil {
		t.Fatal(err)
	}
	comment := false
	err = s.app.store.Objects(t.Context(), inbox.Ref(), storage.WithICS, func(o *storage.Object) error {
		comment = comment || strings.Contains(string(o.ICS), `COMMENT:I bring\ncake.`)
		return nil
	})
	if err != nil || !comment {
		t.Errorf("the comment is not in the inbox (%v)", err)
	}

	// What does not count: other sites' forms, forms without the token, odd values, other methods.
	for _, tt := range []struct {
		name, method string
		form         url.Values
		header       []string
		want         int
	}{
		{"a form of another site", "POST", s.form(link, "DECLINED"), []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a form of another origin", "POST", s.form(link, "DECLINED"), []string{"Origin", "https://evil.example.net"}, 403},
		{"no token in the form", "POST", url.Values{"answer": {"DECLINED"}}, nil, 403},
		{"another's token in the form", "POST", s.form(s.link("dave@example.org"), "DECLINED"), nil, 403},
		{"an odd answer", "POST", s.form(link, "DELEGATED"), nil, 400},
		{"no answer", "POST", s.form(link, ""), nil, 400},
		{"a huge form", "POST", url.Values{"token": {link[len(s.url)+8:]}, "answer": {"DECLINED"}, "comment": {strings.Repeat("x", 20_000)}}, nil, 400},
		{"an answer in the query", "POST", url.Values{}, nil, 403},
		{"PUT", "PUT", nil, nil, 405},
		{"DELETE", "DELETE", nil, nil, 405},
		{"PROPFIND", "PROPFIND", nil, nil, 405},
	} {
		target := link
		if tt.name == "an answer in the query" {
			target += "?" + s.form(link, "DECLINED").Encode()
		}
		if resp, _ := s.do(tt.method, target, tt.form, tt.header...); resp.StatusCode != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, resp.StatusCode, tt.want)
		}
	}
	if resp, _ := s.do("GET", link+"?answer=DECLINED", nil); resp.StatusCode != 200 {
		t.Errorf("GET with a query: %d", resp.StatusCode)
	}
	if got := s.partStat("carol@example.org"); got != "ACCEPTED" {
		t.Errorf("one of these counted: %s", got)
	}

	// Guessing, and tokens for other things.
	reply, _ := s.tokens.Sign(s.alice.ID, s.object, "mailto:carol@example.org")
	for _, bad := range []string{"", "x", strings.Repeat("a", 40), strings.TrimPrefix(reply, "reply+"), reply, altered(link[len(s.url)+8:]), "../dav/", strings.Repeat("a", 5000)} {
		if resp, body := s.do("GET", s.url+"/answer/"+bad, nil); resp.StatusCode != 404 || strings.Contains(body, "Planning") {
			t.Errorf("token %.50q: %d", bad, resp.StatusCode)
		}
	}

	// It survives rescheduling, in any case of letters.
	s.put(time.Now().Add(48*time.Hour), "carol@example.org", "dave@example.org")
	if resp, _ := s.do("POST", link, s.form(link, "TENTATIVE")); resp.StatusCode != 303 || s.partStat("carol@example.org") != "TENTATIVE" {
		t.Errorf("after rescheduling: %d %s", resp.StatusCode, s.partStat("carol@example.org"))
	}
	if resp, _ := s.do("GET", s.url+"/answer/"+strings.ToUpper(link[len(s.url)+8:]), nil); resp.StatusCode != 200 {
		t.Errorf("in capitals: %d", resp.StatusCode)
	}

	// It dies with removal, 90 days past the end, and with the meeting.
	s.put(time.Now().Add(48*time.Hour), "dave@example.org")
	for _, method := range []string{"GET", "POST"} {
		if resp, _ := s.do(method, link, s.form(link, "ACCEPTED")); resp.StatusCode != 410 {
			t.Errorf("%s after removal: %d", method, resp.StatusCode)
		}
	}
	dave := s.link("dave@example.org")
	s.put(time.Now().Add(-89*24*time.Hour), "dave@example.org")
	if resp, _ := s.do("GET", dave, nil); resp.StatusCode != 200 {
		t.Errorf("89 days after: %d", resp.StatusCode)
	}
	s.put(time.Now().Add(-91*24*time.Hour), "dave@example.org")
	if resp, _ := s.do("POST", dave, s.form(dave, "ACCEPTED")); resp.StatusCode != 410 || s.partStat("dave@example.org") != "NEEDS-ACTION" {
		t.Errorf("91 days after: %d", resp.StatusCode)
	}
	err = s.cal.Delete(t.Context(), calendar.DeleteRequest{Who: s.alice, Target: calendar.Target{Owner: s.alice, Slug: "calendar", Name: "m.ics"}})
	if err != nil {
		t.Fatal(err)
	}
	resp, body = s.do("GET", dave, nil, "Accept-Language", "fr, de;q=0.8")
	if resp.StatusCode != 410 || !strings.Contains(body, "gilt nicht mehr") {
		t.Errorf("after deletion: %d %s", resp.StatusCode, body)
	}
}

// The link stands in the invitation, both in its text and its HTML.
func TestInvitationsCarryTheLink(t *testing.T) {
	s := newAnswers(t)
	l := answerLink("https://cal.example.com/", s.tokens)(&mailer.Invitation{})
	if l != "" {
		t.Errorf("a link to nothing: %s", l)
	}
	sender := &mailer.Sender{Composer: &mailer.Composer{}, Told: s.app.store, Link: answerLink("https://cal.example.com", s.tokens)}
	sender.Composer.Own.Address = "calendar@example.com"
	folder := &mailer.Folder{Dir: t.TempDir()}
	sender.Transport = folder
	jobs, err := s.app.store.ClaimJobs(t.Context(), []string{"mail"}, time.Now(), time.Minute, 1)
	if err != nil || len(jobs) != 1 {
		t.Fatal(len(jobs), err)
	}
	if err := sender.Handle(t.Context(), jobs[0]); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(folder.Dir, "*.eml"))
	if len(files) != 1 {
		t.Fatal(files)
	}
	text := strings.ReplaceAll(readFile(t, files[0]), "=\r\n", "")
	links := regexp.MustCompile(`https://cal\.example\.com/answer/([a-z2-7]+)`).FindAllStringSubmatch(text, -1)
	if len(links) != 2 || links[0][1] != links[1][1] {
		t.Fatalf("links: %v", links)
	}
	if resp, _ := s.do("GET", s.url+"/answer/"+links[0][1], nil); resp.StatusCode != 200 {
		t.Errorf("the link leads to %d", resp.StatusCode)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
