package caldav_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"kalends/caldav"
	"kalends/storage/storagetest"
)

// declared are the prefixes of request bodies.
const declared = ` xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/" xmlns:A="http://apple.com/ns/ical/"`

// event is a plain object.
func event(uid string, hour int) string {
	return strings.ReplaceAll(fmt.Sprintf(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//Calendar//EN
BEGIN:VEVENT
UID:%[1]s
DTSTAMP:20260101T000000Z
DTSTART:20260120T%02[2]d0000Z
DURATION:PT1H
SUMMARY:Event %[1]s
DESCRIPTION:%[3]s
END:VEVENT
END:VCALENDAR
`, uid, hour, strings.Repeat("Some words about it. ", 20)), "\n", "\r\n")
}

// discard takes an answer and forgets it.
type discard struct {
	header http.Header
	status int
	bytes  int
}

func (w *discard) Header() http.Header         { return w.header }
func (w *discard) WriteHeader(status int)      { w.status = status }
func (w *discard) Write(p []byte) (int, error) { w.bytes += len(p); return len(p), nil }

// call sends one request as alice.
func call(h *caldav.Handler, method, path, depth, body string) *discard {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.SetBasicAuth("alice", "alice")
	if depth != "" {
		r.Header.Set("Depth", depth)
	}
	w := &discard{header: http.Header{}, status: 200}
	h.ServeHTTP(w, r)
	return w
}

const benchEvents = 500

// benchHandler has a calendar of some size.
func benchHandler(b *testing.B) *caldav.Handler {
	h := newHandler(b, storagetest.SQLite(b))
	for i := range benchEvents {
		name := fmt.Sprintf("e%03d", i)
		if w := call(h, "PUT", "/dav/calendars/alice/calendar/"+name+".ics", "", event(name, i%24)); w.status != 201 {
			b.Fatalf("PUT = %d", w.status)
		}
	}
	// Another one, with 30 events a week.
	if w := call(h, "MKCALENDAR", weeksPath, "", ""); w.status != 201 {
		b.Fatalf("MKCALENDAR = %d", w.status)
	}
	for i := range benchEvents {
		start := time.Date(2026, 1, 5, 8+i%5, 0, 0, 0, time.UTC).AddDate(0, 0, i*7/30)
		text := strings.Replace(event(fmt.Sprintf("w%03d", i), 0), "20260120T000000Z", start.Format("20060102T150405Z"), 1)
		if w := call(h, "PUT", fmt.Sprintf("%sw%03d.ics", weeksPath, i), "", text); w.status != 201 {
			b.Fatalf("PUT = %d", w.status)
		}
	}
	return h
}

const weeksPath = "/dav/calendars/alice/weeks/"

const calendarPath = "/dav/calendars/alice/calendar/"

var benchRequests = []struct {
	name, method, path, depth, body string
}{
	{"get", "GET", calendarPath + "e007.ics", "", ""},
	{"poll", "PROPFIND", calendarPath, "0", `<D:propfind` + declared + `><D:prop><CS:getctag/><D:sync-token/></D:prop></D:propfind>`},
	{"etags", "PROPFIND", calendarPath, "1", `<D:propfind` + declared + `><D:prop><D:getcontenttype/><D:getetag/></D:prop></D:propfind>`},
	{"home", "PROPFIND", "/dav/calendars/alice/", "1", `<D:propfind` + declared + `><D:prop><D:add-member/><CS:allowed-sharing-modes/><C:default-alarm-vevent-date/><D:displayname/>` +
		`<A:calendar-color/><A:calendar-order/><C:calendar-description/><D:current-user-privilege-set/><CS:getctag/><D:owner/><D:quota-used-bytes/><D:resource-id/><D:resourcetype/>` +
		`<C:schedule-calendar-transp/><C:schedule-default-calendar-URL/><C:supported-calendar-component-set/><D:supported-report-set/><D:sync-token/></D:prop></D:propfind>`},
	{"query", "REPORT", calendarPath, "1", `<C:calendar-query` + declared + `><D:prop><D:getetag/><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">` +
		`<C:time-range start="20260120T070000Z" end="20260120T080000Z"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`},
	{"week", "REPORT", weeksPath, "1", `<C:calendar-query` + declared + `><D:prop><D:getetag/><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">` +
		`<C:time-range start="20260302T000000Z" end="20260309T000000Z"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`},
	{"multiget", "REPORT", calendarPath, "", `<C:calendar-multiget` + declared + `><D:prop><D:getetag/><C:calendar-data/></D:prop>` + hrefs(50) + `</C:calendar-multiget>`},
	{"sync", "REPORT", calendarPath, "0", `<D:sync-collection` + declared + `><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>`},
}

func hrefs(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "<D:href>%se%03d.ics</D:href>", calendarPath, i)
	}
	return b.String()
}

// cpuTime is what the process has used, which says more than the clock on a machine that is shared.
func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func BenchmarkRequests(b *testing.B) {
	h := benchHandler(b)
	for _, q := range benchRequests {
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			before := cpuTime(b)
			defer func() { b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op") }()
			for b.Loop() {
				if w := call(h, q.method, q.path, q.depth, q.body); w.status/100 != 2 || q.name != "poll" && w.bytes < 400 {
					b.Fatalf("%s %s = %d with %d octets", q.method, q.path, w.status, w.bytes)
				}
			}
		})
	}
}
