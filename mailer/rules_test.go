package mailer

import (
	"path/filepath"
	"strings"
	"testing"

	"kalends/ical"
)

// TestGoldenMailsKeepTheRules looks in every kind of mail for what FIELD.md section 2 asks of all of them.
func TestGoldenMailsKeepTheRules(t *testing.T) {
	seen := map[string]bool{}
	for name, compose := range mails(t) {
		t.Run(name, func(t *testing.T) {
			l, err := compose(testComposer())
			if err != nil {
				t.Fatal(err)
			}
			checkWire(t, l.Message)
			h, parts := open(t, l.Message)
			for field, want := range map[string]string{"Auto-Submitted": "auto-generated", "Mime-Version": "1.0", "X-Auto-Response-Suppress": "OOF, AutoReply"} {
				if got := h.Get(field); got != want {
					t.Errorf("%s: %q, want %q", field, got, want)
				}
			}
			if _, err := h.Date(); err != nil {
				t.Errorf("Date: %v", err)
			}
			if id := strings.Trim(h.Get("Message-Id"), "<>"); !isMessageID(id) || !strings.HasSuffix(id, "@example.com") {
				t.Errorf("Message-ID: %q", id)
			}
			// Everything but a first invitation, and what belongs to nothing that was mailed, is in a thread.
			first := name == "request" || name == "request-foreign-de" || strings.HasPrefix(name, "reminder") || name == "reply-accepted" || name == "cancel-instance-de" ||
				strings.HasPrefix(name, "notice-") && name != "notice-words"
			if refs := h.Get("References"); (refs == "") != first {
				t.Errorf("References: %q", refs)
			}
			if strings.HasSuffix(name, "-de") != (h.Get("Content-Language") == "de") {
				t.Errorf("Content-Language: %s", h.Get("Content-Language"))
			}
			var text, html string
			calendars := 0
			for _, p := range parts {
				switch p.contentType {
				case "text/plain":
					text = string(p.body)
				case "text/html":
					html = string(p.body)
				case "text/calendar", "application/ics":
					calendars++
					checkCalendarPart(t, p, seen)
				case "application/octet-stream":
					if name != "notice-words" {
						t.Errorf("something is attached to %s", name)
					}
				default:
					t.Errorf("a part of the type %s", p.contentType)
				}
			}
			if want := 2; strings.HasPrefix(name, "notice-") || strings.HasPrefix(name, "reminder") {
				if calendars != 0 {
					t.Errorf("%d calendar parts in a mail to one's own people", calendars)
				}
			} else if calendars != want {
				t.Errorf("%d calendar parts, want %d", calendars, want)
			}
			if text == "" || html == "" {
				t.Fatal("no text, or no HTML")
			}
			// Readable without images, in the dark, and 300 pixels wide.
			for _, want := range []string{`name="viewport"`, `name="color-scheme" content="light dark"`, "prefers-color-scheme:dark", "max-width", "lang=\"" + h.Get("Content-Language") + "\""} {
				if !strings.Contains(strings.ReplaceAll(html, ": ", ":"), want) {
					t.Errorf("HTML lacks %s", want)
				}
			}
			for _, bad := range []string{"<img", "url(", "<script", "http://", "src="} {
				if strings.Contains(html, bad) {
					t.Errorf("HTML has %s", bad)
				}
			}
			if name == "request-update" {
				for _, want := range []string{"Title", "When", "Where", "Planning of 2027", "Room 7", "Room 5, first floor", "10:00–11:00"} {
					if !strings.Contains(text, want) || !strings.Contains(html, want) {
						t.Errorf("the update does not tell of %s", want)
					}
				}
				if strings.Count(text, "(was: ") < 3 || strings.Count(html, `class="was"`) < 3 {
					t.Error("the update does not tell what was")
				}
			}
		})
	}
	for _, method := range []string{"REQUEST", "CANCEL", "REPLY", "COUNTER", "DECLINECOUNTER", "REFRESH"} {
		if !seen[method] {
			t.Errorf("no golden mail of the METHOD %s", method)
		}
	}
	files, _ := filepath.Glob(filepath.Join("..", "testdata", "mail", "sent", "*.eml"))
	if len(files) != len(mails(t)) {
		t.Errorf("%d golden files, %d mails", len(files), len(mails(t)))
	}
}

// checkCalendarPart: METHOD as in the header, every zone defined, no alarms, nothing private, one UID.
func checkCalendarPart(t *testing.T, p mimePart, seen map[string]bool) {
	t.Helper()
	cal, err := ical.Parse(p.body)
	if err != nil {
		t.Fatal(err)
	}
	method := cal.Value("METHOD")
	seen[method] = true
	if p.contentType == "text/calendar" && (p.params["method"] != method || !strings.EqualFold(p.params["charset"], "utf-8") || p.params["component"] != "VEVENT") {
		t.Errorf("METHOD %s in %s %v", method, p.contentType, p.params)
	}
	zones, uids := map[string]bool{}, map[string]bool{}
	for z := range cal.Components("VTIMEZONE") {
		zones[z.Text("TZID")] = true
	}
	for c := range cal.Main() {
		uids[c.Value("UID")] = true
		if c.Component("VALARM") != nil {
			t.Error("an alarm is mailed")
		}
		if c.Prop("DTSTAMP") == nil || c.Prop("SEQUENCE") == nil && method != "REFRESH" {
			t.Errorf("no DTSTAMP or SEQUENCE:\n%s", c)
		}
		for _, q := range c.Props() {
			if id := q.Param("TZID"); id != "" && !zones[id] {
				t.Errorf("%s in a zone that is not defined", q.Line())
			}
			if strings.HasPrefix(q.Name(), "X-") && !keptExtensions[q.Name()] || q.HasParam("SCHEDULE-AGENT") || q.HasParam("SCHEDULE-STATUS") {
				t.Errorf("private: %s", q.Line())
			}
		}
	}
	if len(uids) != 1 {
		t.Errorf("UIDs: %v", uids)
	}
}
