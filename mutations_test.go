package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rawRequest is a request as it goes over the wire, so that a mutation can break what net/http would not send.
type rawRequest struct {
	method, path string
	header       []string
	body         string
}

func (r rawRequest) bytes(host string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic YWxpY2U6cHctYWxpY2U=\r\nConnection: close\r\n", r.method, r.path, host)
	for _, h := range r.header {
		b.WriteString(h + "\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(r.body), r.body)
	return b.Bytes()
}

const davNS = ` xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"`

// seeds are good requests of every method and report.
func seeds() []rawRequest {
	ics, xml := "Content-Type: text/calendar; charset=utf-8", "Content-Type: application/xml; charset=utf-8"
	recurring := simpleEvent("m", "RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10\r\nEXDATE:20380107T090000Z\r\nORGANIZER:mailto:alice@example.com\r\n"+
		"ATTENDEE;CN=\"Bob\";PARTSTAT=NEEDS-ACTION:mailto:bob@example.com\r\nBEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\n")
	query := `<C:calendar-query` + davNS + `><D:prop><D:getetag/><C:calendar-data><C:expand start="20380101T000000Z" end="20380201T000000Z"/></C:calendar-data></D:prop>` +
		`<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="20380101T000000Z" end="20380201T000000Z"/>` +
		`<C:prop-filter name="SUMMARY"><C:text-match collation="i;ascii-casemap" negate-condition="no">x</C:text-match></C:prop-filter></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`
	home, cal := "/dav/calendars/alice/", "/dav/calendars/alice/calendar/"
	return []rawRequest{
		{"PUT", cal + "m.ics", []string{ics, "If-None-Match: *"}, recurring},
		{"PUT", cal + "seed.ics", []string{ics, `If-Match: "x", W/"y"`, `If-Schedule-Tag-Match: "1"`}, simpleEvent("seed", "SUMMARY:x\r\n")},
		{"GET", cal + "seed.ics", []string{"Accept: text/calendar"}, ""},
		{"PROPFIND", home, []string{xml, "Depth: 1", "Prefer: return=minimal"}, `<D:propfind` + davNS + `><D:prop><D:displayname/><D:resourcetype/><C:calendar-home-set/><D:sync-token/></D:prop></D:propfind>`},
		{"PROPPATCH", cal, []string{xml}, `<D:propertyupdate` + davNS + `><D:set><D:prop><D:displayname>x</D:displayname><x:y xmlns:x="urn:x">z</x:y></D:prop></D:set></D:propertyupdate>`},
		{"REPORT", cal, []string{xml, "Depth: 1"}, query},
		{"REPORT", cal, []string{xml, "Depth: 1"}, `<C:calendar-multiget` + davNS + `><D:prop><D:getetag/><C:calendar-data/></D:prop><D:href>` + cal + `seed.ics</D:href></C:calendar-multiget>`},
		{"REPORT", cal, []string{xml}, `<D:sync-collection` + davNS + `><D:sync-token/><D:sync-level>1</D:sync-level><D:limit><D:nresults>5</D:nresults></D:limit><D:prop><D:getetag/></D:prop></D:sync-collection>`},
		{"REPORT", cal, []string{xml, "Depth: 1"}, `<C:free-busy-query` + davNS + `><C:time-range start="20380101T000000Z" end="20380201T000000Z"/></C:free-busy-query>`},
		{"REPORT", "/dav/principals/users/alice/", []string{xml, "Depth: 0"}, `<D:expand-property` + davNS + `><D:property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav"><D:property name="displayname"/></D:property></D:expand-property>`},
		{"MKCALENDAR", home + "new/", []string{xml}, `<C:mkcalendar` + davNS + `><D:set><D:prop><D:displayname>n</D:displayname><C:supported-calendar-component-set><C:comp name="VEVENT"/></C:supported-calendar-component-set></D:prop></D:set></C:mkcalendar>`},
		{"COPY", cal + "seed.ics", []string{"Destination: " + cal + "copy.ics", "Overwrite: F", `If: (["x"])`}, ""},
		{"MOVE", cal + "m.ics", []string{"Destination: " + cal + "moved.ics", "Overwrite: T"}, ""},
		{"DELETE", cal + "moved.ics", []string{"Schedule-Reply: F"}, ""},
		{"POST", home + "outbox/", []string{ics}, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:REQUEST\r\nBEGIN:VFREEBUSY\r\nUID:f\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20380101T000000Z\r\nDTEND:20380201T000000Z\r\n" +
			"ORGANIZER:mailto:alice@example.com\r\nATTENDEE:mailto:bob@example.com\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"},
		{"OPTIONS", cal, nil, ""},
	}
}

// junk is what is put where it does not belong.
var junk = []string{
	"\x00", "\xff\xfe", "\r\n", "%00", "%2e%2e/", "../", "%2f", "]]>", "<!DOCTYPE x [<!ENTITY a \"b\">]>", "&a;", "<x:y/>", "BEGIN:VEVENT\r\n", "END:VCALENDAR\r\n",
	";TZID=x", "RRULE:FREQ=SECONDLY\r\n", "DTSTART:99999999T999999Z\r\n", strings.Repeat("a", 5000), strings.Repeat("<a>", 200), "\"", "'", "\u202e", "99999999999999999999", "-1", "*", "infinity",
}

// mutate breaks a request in one to three places.
func mutate(r *rand.Rand, q rawRequest) rawRequest {
	spoil := func(s string) string {
		if s == "" {
			return junk[r.IntN(len(junk))]
		}
		i := r.IntN(len(s))
		j := i + r.IntN(len(s)-i)
		switch r.IntN(6) {
		case 0:
			return s[:i] // cut off
		case 1:
			return s[:i] + s[j:] // a part is missing
		case 2:
			return s[:j] + s[i:] // a part is there twice
		case 3:
			return s[:i] + string(rune(r.IntN(0x180))) + s[i+1:]
		default:
			return s[:i] + junk[r.IntN(len(junk))] + s[i:]
		}
	}
	q.header = append([]string(nil), q.header...)
	for range 1 + r.IntN(3) {
		switch n := r.IntN(10); {
		case n < 5:
			q.body = spoil(q.body)
		case n < 7:
			path := strings.NewReplacer(" ", "%20", "\r", "%0D", "\n", "%0A", "\x00", "%00").Replace(spoil(q.path))
			if !strings.HasPrefix(path, "/") {
				path = "/" + path
			}
			q.path = path
		case n < 9 && len(q.header) > 0:
			i := r.IntN(len(q.header))
			name, value, _ := strings.Cut(q.header[i], ": ")
			q.header[i] = name + ": " + strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(spoil(value))
		default:
			q.method = []string{"GET", "PUT", "PROPFIND", "REPORT", "MKCALENDAR", "MKCOL", "PROPPATCH", "DELETE", "LOCK", "FOO", "ACL", "POST", "COPY", "MOVE"}[r.IntN(14)]
		}
	}
	return q
}

// A thousand broken requests get an answer that says what is wrong, never a 5xx, and the server goes on.
func TestBrokenRequestsAreAnswered(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("people.csv", []byte("name,password,display_name,email,kind\nalice,pw-alice,Alice,alice@example.com,user\nbob,pw-bob,Bob,bob@example.com,user\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ok(t, "user", "import", "people.csv")
	p := start(t, "--listen", "127.0.0.1:0", "--log-level", "error")
	go io.Copy(io.Discard, p.stderr())
	host := strings.TrimPrefix(p.url, "http://")
	good := seeds()
	send := func(raw []byte) (*http.Response, string) {
		t.Helper()
		conn, err := net.DialTimeout("tcp", host, 10*time.Second)
		if err != nil {
			t.Fatalf("the server does not answer any more: %v", err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(2 * time.Minute))
		go conn.Write(raw) // it may answer before it has read all
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("no answer to\n%.600q\n%v", raw, err)
			return nil, ""
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp, string(body)
	}
	for _, q := range good[:2] {
		q.header = q.header[:1]
		if resp, body := send(q.bytes(host)); resp == nil || resp.StatusCode/100 != 2 {
			t.Fatalf("%s %s: %v %s", q.method, q.path, resp, body)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for range 1000 {
		q := mutate(r, good[r.IntN(len(good))])
		raw := q.bytes(host)
		resp, body := send(raw)
		switch {
		case resp == nil:
		case resp.StatusCode >= 500:
			t.Errorf("%d %s to\n%.1500q", resp.StatusCode, body, raw)
		case resp.StatusCode >= 400:
			refused++
			// 304, 404 and 412 say it all; the others need a reason.
			if strings.TrimSpace(body) == "" && resp.StatusCode != 404 && resp.StatusCode != 412 {
				t.Errorf("%d without a reason to\n%.600q", resp.StatusCode, raw)
			}
			if strings.Contains(body, "goroutine") || strings.Contains(body, "SQL") || strings.Contains(body, "/work/") {
				t.Errorf("an answer tells too much: %.300s", body)
			}
		}
	}
	if refused < 500 {
		t.Errorf("only %d of 1000 requests were refused: the mutations are too tame", refused)
	}
	t.Logf("%d of 1000 refused", refused)
	if resp, body := send(rawRequest{"PROPFIND", "/dav/calendars/alice/", []string{"Depth: 1"}, ""}.bytes(host)); resp == nil || resp.StatusCode != 207 {
		t.Errorf("afterwards: %v %s", resp, body)
	}
	p.signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}
