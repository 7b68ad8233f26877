package mailer

import (
	"bytes"
	"net/mail"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"kalends/ical"
)

// attacks are texts that must stay text in every field (FIELD.md S9).
var attacks = map[string]string{
	"header injection":  "Lunch\r\nBcc: victim@example.net\r\n\r\n<b>body</b>",
	"bare line feeds":   "Lunch\nBcc: victim@example.net\n\nbody",
	"script":            `<script>alert(1)</script><img src=x onerror=alert(1)>`,
	"svg":               `<svg/onload=alert(1)>`,
	"attribute break":   `"><a href="javascript:alert(1)">x</a>`,
	"bidi override":     "invoice\u202efdp.exe\u2066x\u2069",
	"nul and controls":  "a\x00b\x1bc\x7fd\u0085e",
	"encoded word":      "=?utf-8?q?=0D=0ABcc:_victim@example.net?=",
	"one long word":     strings.Repeat("x", 5000),
	"long, many octets": strings.Repeat("\U0001F600", 3000),
	"boundary":          "\r\nContent-Type: multipart/mixed;\r\n boundary=" + strings.Repeat("ab", 30),
	"template":          `{{.Subject}}{{template "x"}}%s%d%[3]s`,
	"dots":              "\r\n.\r\nMAIL FROM:<x@example.net>\r\n",
}

func TestS9EventTextStaysText(t *testing.T) {
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			cal, err := ical.Parse([]byte(crlf(weekly)))
			if err != nil {
				t.Fatal(err)
			}
			for c := range cal.Main() {
				c.Set(ical.NewText("SUMMARY", attack))
				c.Set(ical.NewText("LOCATION", attack))
				c.Set(ical.NewText("DESCRIPTION", attack))
				c.Add(ical.NewText("COMMENT", attack))
				c.Add(ical.NewProperty("URL", "javascript:alert(1)"))
				for p := range c.All("ATTENDEE") {
					p.SetParam("CN", attack)
				}
				c.Prop("ORGANIZER").SetParam("CN", attack)
			}
			for _, method := range []string{"REQUEST", "CANCEL", "REPLY"} {
				inv := invite(method, "")
				inv.Calendar, inv.FromName, inv.ToName, inv.Link = cal.String(), attack, attack, "javascript:alert(1)"
				inv.Before = crlf(weekly)
				l, err := composeJob(testComposer(), inv)
				if err != nil {
					t.Fatal(err)
				}
				checkWire(t, l.Message)
				h, parts := open(t, l.Message)
				known := map[string]bool{"Date": true, "From": true, "To": true, "Reply-To": true, "Subject": true, "Message-Id": true,
					"References": true, "Mime-Version": true, "Auto-Submitted": true, "X-Auto-Response-Suppress": true,
					"Content-Language": true, "Content-Type": true}
				for field := range h {
					if !known[field] {
						t.Errorf("%s: header field %s", method, field)
					}
				}
				if len(parts) != 4 {
					t.Fatalf("%s: %d parts", method, len(parts))
				}
				for _, field := range []string{"From", "To"} {
					if list, err := h.AddressList(field); err != nil || len(list) != 1 {
						t.Errorf("%s: %s = %q: %v", method, field, h.Get(field), err)
					}
				}
				html := strings.ToLower(string(parts[1].body))
				for _, bad := range []string{"<script", "<svg", "<img", "<b>", `href="javascript`, "onerror=alert(1)>", "\u202e"} {
					if strings.Contains(html, bad) {
						t.Errorf("%s: HTML holds %s", method, bad)
					}
				}
				if text := string(parts[0].body); strings.ContainsAny(text, "\x00\x1b\x7f\u202e\u2066") {
					t.Errorf("%s: text holds invisible characters", method)
				}
				if _, err := ical.Parse(parts[2].body); err != nil {
					t.Errorf("%s: calendar part: %v", method, err)
				}
			}
		})
	}
}

// TestS9NameFromRFC6868 holds the case of FIELD.md section 3: CN with ^n, a line end in a name.
func TestS9NameFromRFC6868(t *testing.T) {
	text := strings.ReplaceAll(weekly, "CN=Bob", "CN=\"Bob^nBcc: victim@example.net\"")
	cal, err := ical.Parse([]byte(crlf(text)))
	if err != nil {
		t.Fatal(err)
	}
	inv := invite("REQUEST", text)
	for p := range cal.Master().All("ATTENDEE") {
		inv.ToName = p.Param("CN") // the last: Bob's, with a line feed
	}
	if !strings.Contains(inv.ToName, "\n") {
		t.Fatalf("CN = %q", inv.ToName)
	}
	l, err := composeJob(testComposer(), inv)
	if err != nil {
		t.Fatal(err)
	}
	h, _ := open(t, l.Message)
	if h.Get("Bcc") != "" || h.Get("To") != "<bob@example.org>" {
		t.Errorf("To = %q, Bcc = %q", h.Get("To"), h.Get("Bcc"))
	}
}

func TestS9NameThatPosesAsAddress(t *testing.T) {
	id := testComposer().Identity
	for _, tt := range []struct{ name, address, want string }{
		{"ceo@bank.example", "mailto:mallory@example.com", "<mallory@example.com>"},
		{"ceo@bank.example", "mailto:mallory@example.net", `"mallory@example.net via Kalends" <calendar@example.com>`},
		{"Mallory", "mailto:mallory@example.net", `"Mallory via Kalends" <calendar@example.com>`},
		{"", "urn:uuid:1", `"Kalends" <calendar@example.com>`},
	} {
		from := id.from(Person{tt.address, tt.name})
		if from.String() != tt.want {
			t.Errorf("from(%s, %s) = %s, want %s", tt.address, tt.name, from.String(), tt.want)
		}
	}
}

func TestS9AddressesThatCannotBeWrittenTo(t *testing.T) {
	for _, a := range []string{
		"", "bob", "@example.org", "bob@", "bob@example.org\r\nBcc: x@example.net", "bob@example.org>", "<bob@example.org>",
		"bob example@example.org", `"bob"@example.org`, "bob@exa mple.org", "bob@-example.org", "bob@example..org",
		"bob@@example.org", ".bob@example.org", "bob@[127.0.0.1]", "b\u00f6b@example.org", "bob,carol@example.org",
		"bob\x00@example.org", strings.Repeat("b", 129) + "@example.org", "mailto:bob@example.org", "@relay.example:bob@example.org",
	} {
		if got, err := mailbox(a); err == nil {
			t.Errorf("mailbox(%q) = %q", a, got)
		}
		m := Mail{From: mail.Address{Address: "a@example.com"}, To: mail.Address{Address: a}, MessageID: "1@example.com", Date: created}
		if _, err := Compose(m); err == nil {
			t.Errorf("Compose to %q gives no error", a)
		}
	}
	for a, want := range map[string]string{
		"bob@example.org": "bob@example.org", "Bob.O'Hara+x@Example.ORG": "Bob.O'Hara+x@example.org", "bob@b\u00fccher.example": "bob@xn--bcher-kva.example",
	} {
		if got, err := mailbox(a); got != want || err != nil {
			t.Errorf("mailbox(%q) = %q, %v, want %q", a, got, err, want)
		}
	}
}

func TestS9OnlyKnownMethodsBecomeContentTypes(t *testing.T) {
	for _, method := range []string{"", "request", "REQUEST\r\nX: y", "REQUEST; x=y", "HACK"} {
		m := Mail{From: mail.Address{Address: "a@example.com"}, To: mail.Address{Address: "b@example.com"}, MessageID: "1@example.com",
			Date: created, Calendar: []byte("x"), Method: method}
		if _, err := Compose(m); err == nil {
			t.Errorf("Compose with method %q gives no error", method)
		}
	}
	m := Mail{From: mail.Address{Address: "a@example.com"}, To: mail.Address{Address: "b@example.com"}, MessageID: "1@example.com\r\nX: y", Date: created}
	if _, err := Compose(m); err == nil {
		t.Error("Compose with a line end in the Message-ID gives no error")
	}
}

func TestS9SecureLink(t *testing.T) {
	for link, want := range map[string]string{
		"https://meet.example.com/a?b=c&d=e":             "https://meet.example.com/a?b=c&d=e",
		"http://meet.example.com/":                       "",
		"javascript:alert(1)":                            "",
		"https:alert(1)":                                 "",
		"https://":                                       "",
		"https://bank.example@evil.example/":             "",
		"https://a.example/\r\nX: y":                     "",
		"https://a.example/\"><script>":                  "",
		" https://a.example/":                            "",
		"data:text/html,x":                               "",
		"HTTPS://a.example/x":                            "https://a.example/x",
		"https://a.example/" + strings.Repeat("x", 3000): "",
	} {
		if got := secureLink(link); got != want {
			t.Errorf("secureLink(%.60q) = %q, want %q", link, got, want)
		}
	}
}

// TestS12StoredScriptsInMail: what tries to become a script in a page is text in mails, too: of invitations and of reminders.
func TestS12StoredScriptsInMail(t *testing.T) {
	corpus, err := os.ReadFile("../testdata/script/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	for i, attack := range strings.Split(strings.TrimRight(string(corpus), "\n"), "\n") {
		cal, err := ical.Parse([]byte(crlf(weekly)))
		if err != nil {
			t.Fatal(err)
		}
		for c := range cal.Main() {
			for _, name := range []string{"SUMMARY", "LOCATION", "DESCRIPTION"} {
				c.Set(ical.NewText(name, attack))
			}
			c.Add(ical.NewText("COMMENT", attack))
			c.Set(ical.NewProperty("URL", attack))
			c.Add(ical.NewProperty("CONFERENCE", attack))
			for p := range c.All("ATTENDEE") {
				p.SetParam("CN", attack)
			}
		}
		for _, method := range []string{"REQUEST", "CANCEL", "REPLY", "COUNTER"} {
			inv := invite(method, "")
			inv.Calendar, inv.FromName, inv.ToName, inv.Before = cal.String(), attack, attack, crlf(weekly)
			l, err := composeJob(testComposer(), inv)
			if err != nil {
				t.Fatal(err)
			}
			_, parts := open(t, l.Message)
			shown := false
			for _, part := range parts {
				if !bytes.Contains(part.body, []byte("<html")) {
					continue
				}
				doc, err := html.Parse(bytes.NewReader(part.body))
				if err != nil {
					t.Fatal(err)
				}
				for n := range doc.Descendants() {
					shown = shown || n.Type == html.TextNode && strings.Contains(n.Data, "xss")
					if n.Type != html.ElementNode {
						continue
					}
					switch n.Data {
					case "dl", "dt", "dd", "html", "head", "meta", "title", "body", "table", "tbody", "tr", "td", "th", "p", "h1", "h2", "div", "span", "a", "br", "b", "strong", "em", "style", "bdi", "ul", "li", "hr", "s", "del", "ins":
					default:
						t.Errorf("%d %s: <%s> in a mail", i, method, n.Data)
					}
					for _, a := range n.Attr {
						if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "action" || a.Key == "background" || a.Key == "style" && strings.Contains(a.Val, "xss") ||
							a.Key == "href" && !strings.HasPrefix(a.Val, "https://") && !strings.HasPrefix(a.Val, "http://") && !strings.HasPrefix(a.Val, "mailto:") || a.Key == "http-equiv" && !strings.EqualFold(a.Val, "content-type") {
							t.Errorf("%d %s: <%s %s=%q> in a mail", i, method, n.Data, a.Key, a.Val)
						}
					}
				}
			}
			if !shown && strings.Contains(attack, "xss()") && !strings.ContainsAny(attack, "\t\u202e") {
				t.Errorf("%d %s: %q is in no HTML part", i, method, attack)
			}
		}
	}
}
