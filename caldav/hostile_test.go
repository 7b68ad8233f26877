package caldav_test

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"kalends/caldav"
	"kalends/storage/storagetest"
)

// seeds are requests that clients send; mutants of them must never bring the server down.
var seeds = []struct {
	method, path, body string
	header             map[string]string
}{
	{"PUT", calendarPath + "a.ics", event("a", 9), map[string]string{"If-Match": `"x", W/"y"`, "Content-Type": "text/calendar; charset=utf-8"}},
	{"PUT", calendarPath + "b.ics", strings.Replace(event("b", 9), "DURATION", "RRULE:FREQ=MONTHLY;BYDAY=-1SU,2MO;COUNT=30\r\nEXDATE:20260201T090000Z\r\nDURATION", 1), nil},
	{"PUT", calendarPath + "m.ics", strings.Replace(event("m", 9), "SUMMARY", "ORGANIZER:mailto:alice@example.com\r\nATTENDEE;PARTSTAT=NEEDS-ACTION;CN=\"B, b\":mailto:bob@example.com\r\nSUMMARY", 1), map[string]string{"If-Schedule-Tag-Match": `"h"`}},
	{"PROPFIND", calendarPath, `<D:propfind` + declared + `><D:prop><D:getetag/><D:resourcetype/><x xmlns="urn:x"/></D:prop></D:propfind>`, map[string]string{"Depth": "1", "Prefer": "return=minimal, depth-noroot"}},
	{"PROPPATCH", calendarPath, `<D:propertyupdate` + declared + `><D:set><D:prop><D:displayname xml:lang="en">Name &#228; &amp;</D:displayname><A:calendar-color>#112233</A:calendar-color></D:prop></D:set><D:remove><D:prop><x/></D:prop></D:remove></D:propertyupdate>`, nil},
	{"MKCALENDAR", "/dav/calendars/alice/new/", `<C:mkcalendar` + declared + `><D:set><D:prop><C:supported-calendar-component-set><C:comp name="VEVENT"/></C:supported-calendar-component-set></D:prop></D:set></C:mkcalendar>`, nil},
	{"REPORT", calendarPath, `<C:calendar-query` + declared + `><D:prop><D:getetag/><C:calendar-data><C:expand start="20260101T000000Z" end="20270101T000000Z"/></C:calendar-data></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="20260101T000000Z" end="20270101T000000Z"/><C:prop-filter name="SUMMARY"><C:text-match collation="i;octet" negate-condition="yes">x</C:text-match></C:prop-filter></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`, map[string]string{"Depth": "1"}},
	{"REPORT", calendarPath, `<C:calendar-multiget` + declared + `><D:prop><C:calendar-data/></D:prop><D:href>` + calendarPath + `a.ics</D:href><D:href>/dav/calendars/bob/calendar/x%20y.ics</D:href></C:calendar-multiget>`, nil},
	{"REPORT", calendarPath, `<D:sync-collection` + declared + `><D:sync-token>data:,1_1_5</D:sync-token><D:sync-level>1</D:sync-level><D:limit><D:nresults>5</D:nresults></D:limit><D:prop><D:getetag/></D:prop></D:sync-collection>`, nil},
	{"REPORT", calendarPath, `<C:free-busy-query` + declared + `><C:time-range start="20260101T000000Z" end="20260201T000000Z"/></C:free-busy-query>`, nil},
	{"REPORT", "/dav/principals/", `<D:principal-property-search` + declared + ` test="anyof"><D:property-search><D:prop><D:displayname/></D:prop><D:match match-type="contains">bob</D:match></D:property-search><D:prop><D:displayname/></D:prop></D:principal-property-search>`, nil},
	{"REPORT", "/dav/principals/users/alice/", `<D:expand-property` + declared + `><D:property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav"><D:property name="owner"/></D:property></D:expand-property>`, nil},
	{"ACL", calendarPath, `<D:acl` + declared + `><D:ace><D:principal><D:href>/dav/principals/users/bob/</D:href></D:principal><D:grant><D:privilege><D:read/></D:privilege><D:privilege><D:write-content/></D:privilege></D:grant></D:ace><D:ace><D:principal><D:property><D:owner/></D:property></D:principal><D:grant><D:privilege><D:all/></D:privilege></D:grant><D:protected/></D:ace></D:acl>`, nil},
	{"REPORT", calendarPath, `<D:principal-match` + declared + `><D:principal-property><D:owner/></D:principal-property><D:prop><D:acl/></D:prop></D:principal-match>`, nil},
	{"POST", "/dav/calendars/alice/outbox/", strings.NewReplacer("VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST", "VEVENT", "VFREEBUSY", "SUMMARY", "ORGANIZER:mailto:alice@example.com\r\nATTENDEE:mailto:bob@example.com\r\nSUMMARY").Replace(event("f", 9)), nil},
	{"COPY", calendarPath + "a.ics", "", map[string]string{"Destination": "http://example.com/dav/calendars/alice/other/a.ics", "Overwrite": "F", "If": `(["x"] <data:,1_1_1>)`}},
	{"MOVE", calendarPath + "b.ics", "", map[string]string{"Destination": "/dav/calendars/alice/calendar/c.ics"}},
	{"DELETE", calendarPath + "c.ics", "", map[string]string{"If-None-Match": "*", "Schedule-Reply": "F"}},
	{"GET", calendarPath + "a.ics", "", map[string]string{"If-None-Match": `"a", "b"`, "If-Modified-Since": "Thu, 15 Jan 2026 10:00:00 GMT"}},
}

// scraps are what mutants get in places where it hurts.
var scraps = []string{
	"\x00", "\xff\xfe", "%", "%2F", "..", "//", "&#0;", "]]>", "<", ">", "\"", "'", "\r\n", ";", ":", ",", "=", "é", "\u202e", "-1", "99999999999999999999",
	"BEGIN:VEVENT\r\n", "END:VCALENDAR\r\n", "RRULE:FREQ=SECONDLY\r\n", "DTSTART;TZID=:x\r\n", "TZID=Local", "99991231T235959Z", "00000000T000000Z",
	`<!DOCTYPE a>`, `<?x y?>`, `xmlns:D=""`, "&lol;", strings.Repeat("a", 5000), strings.Repeat("<a>", 40),
}

// mutate changes a text in a few places.
func mutate(r *rand.Rand, s string) string {
	b := []byte(s)
	for range 1 + r.IntN(4) {
		i := r.IntN(len(b) + 1)
		switch r.IntN(5) {
		case 0: // drop a piece
			j := min(len(b), i+r.IntN(30))
			b = append(b[:i:i], b[j:]...)
		case 1: // double a piece
			j := min(len(b), i+r.IntN(60))
			b = append(b[:j:j], append([]byte(string(b[i:j])), b[j:]...)...)
		case 2:
			if i < len(b) {
				b[i] = byte(r.IntN(256))
			}
		default:
			b = append(b[:i:i], append([]byte(scraps[r.IntN(len(scraps))]), b[i:]...)...)
		}
	}
	return string(b)
}

// send plays one request that net/http would let through; ok is false for one that it would not.
func send(h *caldav.Handler, method, path, body string, header map[string]string) (status int, answer string, ok bool) {
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return 0, "", false
	}
	r := httptest.NewRequest("GET", "/", strings.NewReader(body))
	r.Method, r.URL = method, u
	for k, v := range header {
		r.Header.Set(k, v)
	}
	r.SetBasicAuth("alice", "alice")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String(), true
}

// TestMutants: broken iCalendar, XML, paths and headers get an answer below 500, with a reason where it is a refusal, and the
// server goes on serving.
func TestMutants(t *testing.T) {
	h := newHandler(t, storagetest.SQLite(t))
	r := rand.New(rand.NewPCG(1, 2))
	sent := map[int]int{}
	for n := 0; n < 1500; {
		s := seeds[r.IntN(len(seeds))]
		path, body, header := s.path, s.body, map[string]string{}
		for k, v := range s.header {
			header[k] = v
		}
		switch r.IntN(4) {
		case 0:
			path = mutate(r, path)
		case 1:
			for k, v := range header {
				header[k] = mutate(r, v)
			}
			header["Depth"] = mutate(r, "1")
		default:
			if body != "" {
				body = mutate(r, body)
			}
		}
		status, answer, ok := send(h, s.method, path, body, header)
		if !ok {
			continue
		}
		n++
		sent[status]++
		switch {
		case status >= 500 && status != http.StatusBadGateway && status != http.StatusInsufficientStorage:
			t.Errorf("%s %q = %d\nheader %q\nbody %q\nanswer %s", s.method, path, status, header, body, answer)
		case status >= 400 && status != http.StatusPreconditionFailed && !strings.Contains(answer, "responsedescription"):
			t.Errorf("%s %q = %d without a reason: %s", s.method, path, status, answer)
		}
	}
	if sent[400] < 50 || sent[403] < 50 || sent[207] < 50 {
		t.Errorf("answers by status %v: the mutants are too much alike", sent)
	}
	if w := call(h, "PROPFIND", calendarPath, "1", ""); w.status != 207 {
		t.Errorf("afterwards PROPFIND = %d, want 207", w.status)
	}
	if w := call(h, "PUT", calendarPath+"after.ics", "", event("after", 9)); w.status != 201 {
		t.Errorf("afterwards PUT = %d, want 201", w.status)
	}
}

// TestXMLSize: the setting bounds XML bodies, downwards and upwards.
func TestXMLSize(t *testing.T) {
	s := storagetest.SQLite(t)
	h := newHandler(t, s)
	multiget := func(n int) (int, string) {
		body := `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/></D:prop>` +
			strings.Repeat("<D:href>/dav/calendars/alice/calendar/0123456789abcdef.ics</D:href>", n) + `</C:calendar-multiget>`
		r := httptest.NewRequest("REPORT", "/dav/calendars/alice/calendar/", strings.NewReader(body))
		r.SetBasicAuth("alice", "alice")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if code, _ := multiget(10_000); code != 207 {
		t.Errorf("660 kB within the default limit: %d", code)
	}
	if code, body := multiget(20_000); code != 413 || !strings.Contains(body, "1048576") {
		t.Errorf("1.3 MB above the default limit: %d %s", code, body)
	}
	h.XMLSize = 2 << 20
	if code, body := multiget(25_000); code != 207 {
		t.Errorf("1.6 MB within a limit of 2 MiB: %d %.300s", code, body)
	}
	h.XMLSize = 1 << 10
	if code, body := multiget(20); code != 413 || !strings.Contains(body, "1024") {
		t.Errorf("1.3 kB above a limit of 1 KiB: %d %s", code, body)
	}
}
