package feed_test

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// lines are the days and events of a page, as its readers see them.
func lines(page string) string {
	page = page[strings.Index(page, "<nav>"):]
	page = regexp.MustCompile(`(?s)<nav>.*?</nav>|<footer>.*`).ReplaceAllString(page, "")
	page = strings.NewReplacer("</h2>", "\n", "</li>", "\n", "<br>", " / ").Replace(page)
	page = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, "")
	var list []string
	for line := range strings.Lines(page) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			list = append(list, line)
		}
	}
	return strings.Join(list, "\n")
}

// TestS12Page: people see what programs get, by day, and nothing that is run.
func TestS12Page(t *testing.T) {
	each(t, func(s *site) {
		s.put("walk", "DTSTART;TZID=Europe/Berlin:20260107T100000", "DURATION:PT2H", "RRULE:FREQ=WEEKLY;COUNT=9", "EXDATE;TZID=Europe/Berlin:20260114T100000",
			"SUMMARY:Walk <script>alert(1)</script>", "LOCATION:Hut & lake", "ATTENDEE:mailto:bob@example.com", "ORGANIZER:mailto:alice@example.com")
		s.put("trip", "DTSTART;VALUE=DATE:20260109", "DTEND;VALUE=DATE:20260111", "SUMMARY:Trip", "STATUS:TENTATIVE")
		s.put("night", "DTSTART:20260112T220000Z", "DTEND:20260113T020000Z", "SUMMARY:Night")
		s.put("secret", "DTSTART:20260107T120000Z", "SUMMARY:Secret", "CLASS:PRIVATE")
		s.put("vague", "DTSTART:20260107T150000Z", "DURATION:PT1H", "SUMMARY:Doctor", "LOCATION:Ward 7", "CLASS:CONFIDENTIAL")
		s.put("past", "DTSTART:20251231T120000Z", "SUMMARY:Last year")
		full, busy := s.publish(false), s.publish(true)
		res := s.get("GET", "/feed/"+full)
		text := body(t, res)
		want := strings.Join([]string{
			"Wednesday, 7 January 2026", "09:00 – 11:00 Walk &lt;script&gt;alert(1)&lt;/script&gt; / Hut &amp; lake", "15:00 – 16:00 Busy",
			"Friday, 9 January 2026", "all day Trip tentative", "Saturday, 10 January 2026", "all day Trip tentative",
			"Monday, 12 January 2026", "22:00 Night", "Tuesday, 13 January 2026", "– 02:00 Night",
			"Wednesday, 21 January 2026", "09:00 – 11:00 Walk &lt;script&gt;alert(1)&lt;/script&gt; / Hut &amp; lake",
			"Wednesday, 28 January 2026", "09:00 – 11:00 Walk &lt;script&gt;alert(1)&lt;/script&gt; / Hut &amp; lake",
			"Wednesday, 4 February 2026", "09:00 – 11:00 Walk &lt;script&gt;alert(1)&lt;/script&gt; / Hut &amp; lake",
		}, "\n")
		if got := lines(text); res.StatusCode != 200 || got != want {
			t.Errorf("%d\n%s\nwant\n%s", res.StatusCode, got, want)
		}
		for _, hidden := range []string{"Secret", "Doctor", "Ward", "bob@example.com", "alice@example.com", "<script", "Last year", "ZgotmplZ"} {
			if strings.Contains(text, hidden) {
				t.Errorf("the page has %q", hidden)
			}
		}
		if !strings.Contains(text, `href="webcal://example.com/feed/`+full+`.ics"`) || !strings.Contains(text, `href="/feed/`+full+`.ics"`) {
			t.Error("the page does not lead to its feed")
		}
		h := res.Header
		if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "script") || strings.Contains(csp, "unsafe") ||
			h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Robots-Tag") != "noindex, nofollow" || h.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("header: %v", h)
		}

		// Only busy times, in the reader's language; and the weeks after.
		text = body(t, s.get("GET", "/feed/"+busy+"?from=2026-01-12", "Accept-Language", "de-AT,en;q=0.5"))
		want = "Montag, 12. Januar 2026\n22:00 Belegt\nDienstag, 13. Januar 2026\n– 02:00 Belegt\nMittwoch, 21. Januar 2026\n09:00 – 11:00 Belegt"
		if got := lines(text); !strings.HasPrefix(got, want) || strings.Contains(text, "Walk") || strings.Contains(text, "Hut") || !strings.Contains(text, `lang="de"`) {
			t.Errorf("busy:\n%s\nwant\n%s", got, want)
		}
		if !strings.Contains(text, "?from=2025-12-08") || !strings.Contains(text, "?from=2026-02-16") {
			t.Error("no way to the weeks before and after")
		}
		if got := lines(body(t, s.get("GET", "/feed/"+full+"?from=2190-01-01"))); got != "Nothing in these five weeks." {
			t.Errorf("empty weeks: %q", got)
		}
		for _, odd := range []string{"x", "9999-99-99", "0001-01-01", "%00"} {
			if res := s.get("GET", "/feed/"+full+"?from="+odd); res.StatusCode != 200 {
				t.Errorf("from %q: %d", odd, res.StatusCode)
			}
		}
	})
}

// TestPageBounds: however long its texts, however often something repeats and however long it takes, a page stays small.
func TestPageBounds(t *testing.T) {
	each(t, func(s *site) {
		long := strings.Repeat("ä", 200_000)
		s.put("long", "DTSTART:20260105T090000Z", "DURATION:P40D", "RRULE:FREQ=HOURLY;COUNT=500", "SUMMARY:"+long, "LOCATION:"+long)
		full := s.publish(false)
		text := body(t, s.get("GET", "/feed/"+full))
		if n := strings.Count(text, "<li>"); n < 2000 || n > 2100 || len(text) > 4<<20 || !strings.Contains(text, "There is more than can be shown here.") {
			t.Errorf("%d lines in %d octets", n, len(text))
		}
		if !strings.Contains(text, "ä…") {
			t.Error("the title is not cut between two letters")
		}
		// More than is read for a page: it says so.
		for i := range 20 {
			s.put(fmt.Sprintf("more-%d", i), "DTSTART:20260105T090000Z", "DURATION:PT1H", "DESCRIPTION:"+strings.Repeat("x", 900_000))
		}
		res := s.get("GET", "/feed/"+full)
		if text := lines(body(t, res)); res.StatusCode != 200 || text != "There is more than can be shown here." {
			t.Errorf("too much: %d %.200s", res.StatusCode, text)
		}
	})
}

// TestPageWithoutHost: HTTP/1.0 needs no Host.
func TestPageWithoutHost(t *testing.T) {
	each(t, func(s *site) {
		full := s.publish(false)
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/feed/"+full, nil)
		r.Host = ""
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if text := w.Body.String(); w.Code != 200 || !strings.Contains(text, `<a class="main" href="/feed/`+full+`.ics"`) {
			t.Errorf("%d %s", w.Code, text)
		}
	})
}

// An address that is none, or no longer, is told in the language of who came by it.
func TestPageOfAFeedThatIsGone(t *testing.T) {
	each(t, func(s *site) {
		for language, want := range map[string]string{"de-CH": `<html lang="de">`, "fr": "There is no such calendar here."} {
			res := s.get("GET", "/feed/"+strings.Repeat("a", 32), "Accept-Language", language)
			if text := body(t, res); res.StatusCode != 404 || res.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(text, want) ||
				!strings.Contains(res.Header.Get("Content-Security-Policy"), "style-src 'sha256-") || strings.Contains(text, "<nav>") {
				t.Errorf("%s: %d %v\n%s", language, res.StatusCode, res.Header, text)
			}
		}
	})
}
