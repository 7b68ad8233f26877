package main

import (
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/internal/config"
	"kalends/storage"
)

// corpus is the texts of testdata/script that try to become scripts.
func corpus(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/script/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimRight(string(text), "\n"), "\n")
}

// planted is an event that has a text in everything that people write.
func planted(uid, text string, start time.Time, attendees ...string) []byte {
	cal, err := ical.Parse([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:" +
		start.UTC().Format("20060102T150405Z") + "\r\nDURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	if err != nil {
		panic(err)
	}
	c := cal.Master()
	c.Add(ical.NewText("UID", uid))
	for _, name := range []string{"SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "CONTACT", "CATEGORIES", "RESOURCES", "X-ALT-DESC", "COLOR"} {
		c.Add(ical.NewText(name, text))
	}
	line := strings.NewReplacer("\r", "", "\n", "").Replace(text)
	for _, name := range []string{"URL", "ATTACH", "CONFERENCE", "IMAGE", "SOURCE", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL"} {
		c.Add(ical.NewProperty(name, line))
	}
	c.Add(ical.NewProperty("CONFERENCE", "javascript:xss()//"+url.PathEscape(line)))
	for i, a := range attendees {
		p := ical.NewProperty("ATTENDEE", "mailto:"+a)
		if i == 0 {
			organizer := ical.NewProperty("ORGANIZER", "mailto:"+a)
			organizer.SetParam("CN", strings.ReplaceAll(text, `"`, "^'"))
			c.Add(organizer)
		}
		p.SetParam("CN", strings.ReplaceAll(text, `"`, "^'"))
		p.SetParam("PARTSTAT", "NEEDS-ACTION")
		c.Add(p)
	}
	alarm := ical.New("VALARM")
	alarm.Add(ical.NewProperty("ACTION", "EMAIL"))
	alarm.Add(ical.NewProperty("TRIGGER", "-PT10M"))
	alarm.Add(ical.NewText("SUMMARY", text))
	alarm.Add(ical.NewText("DESCRIPTION", text))
	c.AddChild(alarm)
	return cal.Bytes()
}

// inert looks at a page: nothing in it runs but the house's own files, and it leads nowhere that runs something.
func inert(t *testing.T, where string, head http.Header, page string) (text string, links []string) {
	t.Helper()
	policy := head.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("%s: the policy %q lacks %s", where, policy, part)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "data:") || strings.Contains(policy, "http") {
		t.Errorf("%s: the policy is %q", where, policy)
	}
	if r := head.Get("Referrer-Policy"); r != "same-origin" && r != "no-referrer" {
		t.Errorf("%s: Referrer-Policy %q", where, r)
	}
	if head.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: its type is guessed", where)
	}
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			all.WriteString(n.Data)
		}
		if n.Type != html.ElementNode {
			continue
		}
		own := false // of the house's files
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "srcdoc", a.Key == "style":
				t.Errorf("%s: <%s %s=%q>", where, n.Data, a.Key, a.Val)
			case a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "formaction" || a.Key == "data" || a.Key == "poster" || a.Key == "ping":
				u, err := url.Parse(a.Val)
				if err != nil {
					t.Errorf("%s: <%s %s=%q>", where, n.Data, a.Key, a.Val)
					continue
				}
				own = u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/static/")
				switch u.Scheme {
				case "", "http", "https", "mailto", "webcal", "tel":
				default:
					t.Errorf("%s: <%s %s=%q>", where, n.Data, a.Key, a.Val)
				}
				if (a.Key != "href" || n.Data == "link") && (u.Scheme != "" || u.Host != "") {
					t.Errorf("%s: <%s %s=%q> is of another server", where, n.Data, a.Key, a.Val)
				}
				if n.Data == "a" && a.Key == "href" && u.Host == "" && u.Scheme == "" {
					links = append(links, a.Val)
				}
			}
		}
		switch n.Data {
		case "script":
			if !own || n.FirstChild != nil {
				t.Errorf("%s: a script that is not the house's", where)
			}
		case "iframe", "object", "embed", "base", "math", "marquee", "foreignobject", "animate", "video", "audio", "applet", "frame":
			t.Errorf("%s: <%s>", where, n.Data)
		case "meta":
			for _, a := range n.Attr {
				if a.Key == "http-equiv" {
					t.Errorf("%s: <meta http-equiv=%s>", where, a.Val)
				}
			}
		case "style":
			if n.FirstChild != nil && (strings.Contains(n.FirstChild.Data, "@import") || strings.Contains(n.FirstChild.Data, "xss")) {
				t.Errorf("%s: a style of somebody else's", where)
			}
		}
	}
	return all.String(), links
}

// TestS12StoredScriptsAreText plants what could become a script wherever something is stored, and opens every page that a link leads to.
func TestS12StoredScriptsAreText(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	ctx, store := t.Context(), d.app.store
	service := d.app.service(config.Default(), slog.New(slog.DiscardHandler))
	texts := corpus(t)
	name := func(i int) string { // as names may be
		s := strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return -1
			}
			return r
		}, texts[i%len(texts)])
		return strings.ToValidUTF8(s[:min(len(s), 150)], "")
	}
	people := map[string]*storage.Principal{"alice": d.alice}
	for i, n := range []auth.NewUser{
		{Name: "bob", Password: "bob's horse", Email: "bob@example.com"}, {Name: "root", Password: "root's horse", Email: "root@example.com", Kind: "admin"},
		{Name: "oak", Email: "oak@example.com", Kind: "room"}, {Name: "team", Email: "team@example.com", Kind: "group"},
	} {
		n.DisplayName = name(i)
		p, err := d.app.directory.Add(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		people[n.Name] = p
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	alice, bob := people["alice"], people["bob"]
	must(service.ChangeGroup(ctx, people["team"], []int64{alice.ID, bob.ID}, nil))
	tokens, err := d.app.tokens(ctx)
	must(err)
	soon := time.Now().UTC().Truncate(time.Hour).Add(24 * time.Hour)
	more := []string{}
	for i, text := range texts {
		for _, who := range []*storage.Principal{alice, bob} {
			other := map[int64]string{alice.ID: "bob@example.com", bob.ID: "alice@example.com"}[who.ID]
			uid := fmt.Sprintf("%s-%d %s", who.Name, i, text)
			res, err := service.Put(ctx, calendar.PutRequest{Who: who, Target: calendar.Target{Owner: who, Slug: "calendar", Name: fmt.Sprintf("%d.ics", i)},
				Body: planted(uid, text, soon.Add(time.Duration(i)*2*time.Hour), who.Email, other, "dave@example.org")})
			must(err)
			link, err := tokens.SignLink(who.ID, res.Object.ID, "mailto:dave@example.org")
			must(err)
			more = append(more, "/answer/"+link)
		}
		slug := fmt.Sprintf("c%d", i)
		at := calendar.Target{Owner: bob, Slug: slug}
		must(service.MakeCalendar(ctx, bob, at, calendar.Edit{Live: func(c *storage.Calendar) error {
			c.DisplayName, c.Description, c.Color = text, text, text
			return nil
		}}))
		if i%2 == 0 {
			must(service.Share(ctx, bob, at, []calendar.ShareRequest{{With: alice, Access: calendar.ShareWrite, Summary: text, Direct: i%4 == 0}}))
		}
		trashed := calendar.Target{Owner: alice, Slug: "calendar", Name: fmt.Sprintf("gone%d.ics", i)}
		_, err := service.Put(ctx, calendar.PutRequest{Who: alice, Target: trashed, Body: planted(fmt.Sprint("gone", i), text, soon.Add(time.Hour))})
		must(err)
		must(service.Delete(ctx, calendar.DeleteRequest{Who: alice, Target: trashed}))
		cal, err := ical.Parse(planted(fmt.Sprint("held", i), text, soon, "erin@example.org", "alice@example.com"))
		must(err)
		cal.Set(ical.NewProperty("METHOD", "REQUEST"))
		_, err = service.TakeMail(ctx, calendar.MailMessage{Owner: alice.ID, To: "mailto:alice@example.com", Calendar: cal, Author: "mailto:erin@example.org", MessageID: fmt.Sprint(i),
			Note: storage.Inbound{Key: fmt.Sprint("key", i), Sender: "erin@example.org", Recipient: "alice@example.com", Subject: text}})
		must(err)
	}
	must(service.Patch(ctx, alice, calendar.Target{Owner: alice, Slug: "calendar"}, calendar.Edit{Live: func(c *storage.Calendar) error {
		c.DisplayName, c.Description, c.Color = strings.Join(texts[:20], " "), strings.Join(texts, " "), texts[0]
		return nil
	}}))
	for i := range texts {
		_, _, err := (&auth.Tokens{Store: store}).Add(ctx, alice, auth.ReadScope, name(i), time.Time{})
		must(err)
		_, _, err = (&auth.AppPasswords{Store: store}).Add(ctx, alice, name(i))
		must(err)
		token, _, err := service.Publish(ctx, alice, calendar.Target{Owner: alice, Slug: "calendar"}, false, name(i))
		must(err)
		if i == 0 {
			more = append(more, "/feed/"+token, "/feed/"+token+"?from="+url.QueryEscape(texts[1]))
		}
		if i < 10 {
			status, _, _ := send(t, "POST", d.url+"/signin", "name=alice&password="+url.QueryEscape("alice's horse"), "Content-Type", "application/x-www-form-urlencoded",
				"Sec-Fetch-Site", "same-origin", "User-Agent", name(i))
			if status != http.StatusSeeOther {
				t.Fatalf("sign in = %d", status)
			}
		}
	}
	seen := map[string]bool{} // texts that were shown
	pages := 0
	for _, who := range []string{"alice", "bob", "root"} {
		_, cookie := d.signIn(who, who+"'s horse")
		queue := append([]string{"/week", "/month", "/day", "/agenda", "/search?q=xss", "/connect", "/account", "/calendars", "/requests", "/trash", "/event/new", "/admin"}, more...)
		for _, text := range texts {
			q := url.QueryEscape(text)
			queue = append(queue, "/search?q="+q, "/event/new?name="+q+"&start="+q, "/week?zone="+q, "/week/"+url.PathEscape(text), "/signin?to="+q, "/event/"+url.PathEscape(text))
		}
		known := map[string]bool{}
		shapes := map[string]int{} // how many pages of one kind
		for len(queue) > 0 {
			at := queue[0]
			queue = queue[1:]
			at, _, _ = strings.Cut(at, "#")
			u, err := url.Parse(at)
			if err != nil || known[at] || !strings.HasPrefix(u.Path, "/") {
				continue
			}
			known[at] = true
			kind, _, _ := strings.Cut(u.Path[1:], "/")
			most := 40 // of each kind enough, and of those that show one text each all
			if kind == "event" || kind == "answer" {
				most = 2 * len(texts)
			}
			if shapes[kind] >= most {
				continue
			}
			shapes[kind]++
			status, head, page := send(t, "GET", d.url+at, "", "Cookie", cookie)
			mt, _, _ := mime.ParseMediaType(head.Get("Content-Type"))
			if status >= http.StatusInternalServerError {
				t.Errorf("%s: GET %s = %d", who, at, status)
			}
			if mt != "text/html" {
				continue
			}
			if status/100 == 3 {
				continue // a word for old browsers
			}
			pages++
			text, links := inert(t, who+": GET "+at, head, page)
			for _, s := range texts {
				if !seen[s] && strings.Contains(text, s) {
					seen[s] = true
				}
			}
			queue = append(queue, links...)
			if t.Failed() && pages > 300 {
				t.FailNow()
			}
		}
	}
	if pages < 400 {
		t.Errorf("only %d pages were looked at", pages)
	}
	for _, s := range texts {
		if !seen[s] && !strings.ContainsAny(s, "\t\u202e") {
			t.Errorf("no page shows %q: it was not planted, or is not kept as it was written", s)
		}
	}
	// What programs get is never taken for a page.
	for path, kind := range map[string]string{
		"/dav/calendars/alice/calendar/0.ics": "text/calendar", "/dav/calendars/alice/calendar/": "text/calendar", "/api/v1/events?from=2026-01-01T00:00:00Z&to=2030-01-01T00:00:00Z": "application/json",
		"/dav/calendars/alice/calendar/" + url.PathEscape(texts[0]): "application/xml", "/api/v1/calendars/" + url.PathEscape(texts[0]): "application/problem+json",
	} {
		_, head, _ := send(t, "GET", d.url+path, "", "Authorization", basic("alice", "alice's horse"))
		mt, _, _ := mime.ParseMediaType(head.Get("Content-Type"))
		if mt != kind || head.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: %s, X-Content-Type-Options %q", path, mt, head.Get("X-Content-Type-Options"))
		}
	}
}
