package feed_test

import (
	"math/bits"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kalends/calendar"
	"kalends/feed"
)

// TestS12FeedKeys: a key has 160 random bits, is nowhere kept, ends when it is revoked, and is told to no other server.
func TestS12FeedKeys(t *testing.T) {
	each(t, func(s *site) {
		s.put("a", "DTSTART:20260601T090000Z", "SUMMARY:A")
		const n = 90
		keys := map[string]string{} // by id
		var ones [160]int
		for range n {
			token, f, err := s.Calendar.Publish(t.Context(), s.alice, s.target(""), false, "")
			check(t, err)
			if len(token) != 32 || keys[calendar.FeedID(f)] != "" {
				t.Fatalf("key %q, id %s", token, calendar.FeedID(f))
			}
			keys[calendar.FeedID(f)] = token
			if strings.Contains(f.Hash, token) || strings.Contains(token, calendar.FeedID(f)) {
				t.Error("what is kept tells the key")
			}
			for i, c := range token {
				v := strings.IndexRune("abcdefghijklmnopqrstuvwxyz234567", c)
				if v < 0 {
					t.Fatalf("key %q", token)
				}
				for b := range 5 {
					ones[i*5+b] += bits.OnesCount(uint(v) & (1 << b))
				}
			}
		}
		for i, c := range ones { // 90 throws of a coin: less than 13 times, or more than 77, comes once in 10^12
			if c < 13 || c > n-13 {
				t.Errorf("bit %d is set in %d of %d keys", i, c, n)
			}
		}
		list, err := s.Calendar.Feeds(t.Context(), s.alice, s.target(""))
		check(t, err)
		for _, f := range list {
			token := keys[calendar.FeedID(f)]
			paths := []string{feed.Path(token), "/feed/" + token}
			for _, p := range paths {
				res := s.get("GET", p)
				if h := res.Header; res.StatusCode != http.StatusOK || h.Get("Referrer-Policy") != "no-referrer" || !strings.HasPrefix(h.Get("Cache-Control"), "private") || h.Get("X-Robots-Tag") != "noindex, nofollow" {
					t.Errorf("GET %s: %d %v", p, res.StatusCode, h)
				}
			}
			etag := s.get("GET", paths[0]).Header.Get("ETag")
			check(t, s.Calendar.Unpublish(t.Context(), s.alice, s.target(""), calendar.FeedID(f)))
			for _, p := range paths {
				for _, method := range []string{"GET", "HEAD"} {
					if res := s.get(method, p, "If-None-Match", etag); res.StatusCode != http.StatusNotFound {
						t.Errorf("%s %s, revoked: %d", method, p, res.StatusCode)
					}
				}
			}
			if len(keys) > 3 {
				delete(keys, calendar.FeedID(f))
			}
			if len(keys) == 3 {
				break
			}
		}
		if res := s.get("GET", feed.Path(list[len(list)-1].Hash)); res.StatusCode != http.StatusNotFound {
			t.Errorf("the hash opens what the key does: %d", res.StatusCode)
		}
	})
}

// TestS12FileNames: whatever a calendar is called, a browser is told one plain name, to be saved and not to be shown.
func TestS12FileNames(t *testing.T) {
	each(t, func(s *site) {
		for _, slug := range []string{
			`x"; filename="evil.html`, "x\r\nSet-Cookie: a=b", "x;filename*=utf-8''evil.html", "../../etc/passwd", "évil\u202etxt.exe", "a\\b", strings.Repeat("long", 60), "%0d%0a", ".html", "x\x00y", "con", "'\"`",
		} {
			at := calendar.Target{Owner: s.alice, Slug: slug}
			if err := s.Calendar.MakeCalendar(t.Context(), s.alice, at, calendar.Edit{}); err != nil {
				continue // it is no name of a calendar
			}
			token, _, err := s.Calendar.Publish(t.Context(), s.alice, at, false, "")
			check(t, err)
			res := s.get("GET", feed.Path(token))
			kind, params, err := mime.ParseMediaType(res.Header.Get("Content-Disposition"))
			name := params["filename"]
			if err != nil || kind != "attachment" || len(params) != 1 || !strings.HasSuffix(name, ".ics") || len(name) > 64 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "." && strings.Count(name, ".") != 1 ||
				len(res.Header.Values("Content-Disposition")) != 1 || res.Header.Get("Set-Cookie") != "" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("a calendar at %s: %q", url.PathEscape(slug), res.Header.Get("Content-Disposition"))
			}
		}
	})
}
