package caldav_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// classed is a series with an override at another time, each with a CLASS of its own ("" for none) and everything in it that a person
// may have written.
func classed(uid, master, override string) string {
	part := func(class, more string) string {
		if class != "" {
			class = "CLASS:" + class + "\r\n"
		}
		return "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\n" + more + class +
			"SUMMARY:HIDDEN of " + uid + "\r\nLOCATION:HIDDEN\r\nDESCRIPTION:HIDDEN\r\nCOMMENT:HIDDEN\r\nCATEGORIES:HIDDEN\r\nURL:https://example.com/HIDDEN\r\n" +
			"ATTACH:https://example.com/HIDDEN\r\nCONFERENCE;VALUE=URI:https://example.com/HIDDEN\r\nX-NOTE:HIDDEN\r\n" +
			"BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nDESCRIPTION:HIDDEN\r\nEND:VALARM\r\nEND:VEVENT\r\n"
	}
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n" +
		part(master, "DTSTART:20260120T090000Z\r\nDTEND:20260120T100000Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\n") +
		part(override, "RECURRENCE-ID:20260121T090000Z\r\nDTSTART:20260121T140000Z\r\nDTEND:20260121T150000Z\r\n") + "END:VCALENDAR\r\n"
}

// TestS6ClassOnAllComponents: the strictest CLASS in an object is that of the whole of it, wherever it stands, and whichever way
// somebody comes to it. What is private is not there at all; of what is confidential all components show their times.
func TestS6ClassOnAllComponents(t *testing.T) {
	objects := []struct{ name, master, override string }{ // names say what is seen
		{"times-1", "CONFIDENTIAL", ""}, {"times-2", "", "CONFIDENTIAL"}, {"times-3", "confidential", "PUBLIC"},
		{"nothing-1", "PRIVATE", ""}, {"nothing-2", "", "PRIVATE"}, {"nothing-3", "PUBLIC", "X-UNKNOWN"}, {"nothing-4", "CONFIDENTIAL", "PRIVATE"},
	}
	ways := []struct {
		name, method, path string
		header             map[string]string
		body               string
	}{
		{"GET", "GET", "{o}", nil, ""},
		{"GET as jCal", "GET", "{o}", map[string]string{"Accept": "application/calendar+json"}, ""},
		{"GET of all", "GET", "{c}", nil, ""},
		{"PROPFIND", "PROPFIND", "{c}", depth("1"), ""},
		{"PROPFIND with data", "PROPFIND", "{c}", depth("1"), `<D:propfind` + declared + `><D:prop><D:getetag/><D:displayname/><C:calendar-data/></D:prop></D:propfind>`},
		{"calendar-query", "REPORT", "{c}", depth("1"), allEvents},
		{"calendar-query of the home", "REPORT", "/dav/calendars/alice/", depth("1"), allEvents},
		{"calendar-query by text", "REPORT", "{c}", depth("1"), `<C:calendar-query` + declared + `><D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"><C:text-match>HIDDEN</C:text-match></C:prop-filter></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`},
		{"calendar-query, expanded", "REPORT", "{c}", depth("1"), `<C:calendar-query` + declared + `><D:prop><C:calendar-data><C:expand start="20260101T000000Z" end="20260201T000000Z"/></C:calendar-data></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`},
		{"calendar-query of one property", "REPORT", "{c}", depth("1"), `<C:calendar-query` + declared + `><D:prop><C:calendar-data><C:comp name="VCALENDAR"><C:comp name="VEVENT"><C:prop name="DESCRIPTION"/><C:prop name="LOCATION"/></C:comp></C:comp></C:calendar-data></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`},
		{"calendar-multiget", "REPORT", "{c}", nil, `<C:calendar-multiget` + declared + `><D:prop><D:getetag/><C:calendar-data/></D:prop><D:href>{o}</D:href></C:calendar-multiget>`},
		{"sync-collection", "REPORT", "{c}", nil, `<D:sync-collection` + declared + `><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/><C:calendar-data/></D:prop></D:sync-collection>`},
		{"free-busy-query", "REPORT", "{c}", depth("1"), busyJan},
		{"free-busy of the outbox", "POST", "/dav/calendars/{r}/outbox/", nil, strings.NewReplacer("VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST", "VEVENT", "VFREEBUSY", "DTSTART:20260120T090000Z",
			"ORGANIZER:mailto:{r}@example.com\r\nATTENDEE:mailto:alice@example.com\r\nDTSTART:20260101T000000Z\r\nDTEND:20260201T000000Z").Replace(fmt.Sprintf(putting, "f"))},
	}
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		m := newMatrix(t, s)
		const home = "/dav/calendars/alice/work/"
		for _, o := range objects {
			m.expect(t, "PUT", m.send("alice", "PUT", home+o.name+".ics", nil, classed(o.name, o.master, o.override)), 201, nil, nil)
		}
		shared := calendar.Target{Owner: m.people["alice"], Slug: "work"}
		check(t, m.cal.Share(t.Context(), m.people["alice"], shared, []calendar.ShareRequest{{With: m.people["sam"], Access: calendar.ShareRead, Direct: true}}))
		list, err := m.cal.Invitations(t.Context(), m.people["sam"])
		check(t, err)
		own := "/dav/calendars/sam/" + list[0].Share.Slug() + "/"
		for _, role := range []string{"rita", "wanda", "mona", "dora", "dirk", "hugo", "greta", "sam", "fred"} {
			for _, place := range []string{home, own} {
				if place == own && role != "sam" {
					continue
				}
				for _, o := range objects {
					for _, w := range ways {
						fill := strings.NewReplacer("{c}", place, "{o}", place+o.name+".ics", "{r}", role).Replace
						got := m.send(role, w.method, fill(w.path), w.header, fill(w.body))
						if strings.Contains(got.body, "HIDDEN") || strings.Contains(got.body, "nothing-") && !strings.Contains(fill(w.body)+fill(w.path), "nothing-") {
							t.Fatalf("%s: %s of %s tells what is hidden: %d %s", role, w.name, o.name, got.status, got.body)
						}
						if w.name != "GET" || role == "fred" {
							continue
						}
						if o.name[0] == 'n' && got.status != 404 {
							t.Errorf("%s: GET of %s = %d, want 404", role, o.name, got.status)
						}
						if o.name[0] == 't' && (strings.Count(got.body, "SUMMARY:Busy") != 2 || !strings.Contains(got.body, "RECURRENCE-ID:20260121T090000Z\r\nDTSTART:20260121T140000Z")) {
							t.Errorf("%s: GET of %s = %d %s, want the times of both components", role, o.name, got.status, got.body)
						}
					}
				}
				// What counts is when: also of what is private.
				got := m.send(role, "REPORT", home, depth("1"), busyJan)
				m.expect(t, role+" asks when", got, 200, []string{"20260121T140000Z"}, nil)
			}
		}
		// Its copies are no way around: COPY and MOVE by who may read and write.
		for _, o := range objects {
			for _, method := range []string{"COPY", "MOVE"} {
				to := map[string]string{"Destination": "/dav/calendars/wanda/copies/" + method + o.name + ".ics"}
				m.send("wanda", method, home+o.name+".ics", to, "")
			}
			m.expect(t, "it is still whole", m.send("alice", "GET", home+o.name+".ics", nil, ""), 200, []string{"SUMMARY:HIDDEN"}, nil)
		}
		got := m.send("wanda", "GET", "/dav/calendars/wanda/copies/", nil, "")
		m.expect(t, "what Wanda copied", got, 200, []string{"SUMMARY:Busy"}, []string{"HIDDEN", "nothing-"})
		// What everybody may ask: the busy times at a URL.
		check(t, (&auth.Directory{Store: s}).SetPublicBusy(t.Context(), "alice", true))
		got = m.send("nobody", "GET", "/freebusy/alice?"+url.Values{"start": {"2026-01-01T00:00:00Z"}, "end": {"2026-02-01T00:00:00Z"}}.Encode(), nil, "")
		m.expect(t, "public busy times", got, 200, []string{"20260121T140000Z"}, []string{"HIDDEN", "nothing-", "times-"})
	})
}
