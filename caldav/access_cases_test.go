package caldav_test

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// Cases that were holes in other servers, or that the matrix cannot say.

func eachMatrix(t *testing.T, fn func(t *testing.T, m *matrix)) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) { fn(t, newMatrix(t, s)) })
}

func (m *matrix) expect(t *testing.T, what string, got reply, status int, has, hasNot []string) {
	t.Helper()
	if got.status != status {
		t.Errorf("%s = %d, want %d: %s", what, got.status, status, got.body)
	}
	for _, s := range has {
		if !strings.Contains(got.body, s) {
			t.Errorf("%s lacks %s: %s", what, s, got.body)
		}
	}
	for _, s := range hasNot {
		if strings.Contains(got.body, s) {
			t.Errorf("%s tells of %s: %s", what, s, got.body)
		}
	}
}

// secrets are the marks of what a role may not read.
func secrets(role string) (list []string) {
	for _, s := range spots {
		if !model(role, s).Has(auth.Read) {
			list = append(list, s.secret(), s.name())
		}
	}
	return list
}

// Nextcloud CVE-2026-45281: another's calendars were reached by the URL of a principal.
func TestS6ExpandPropertyOfPrincipals(t *testing.T) {
	eachMatrix(t, func(t *testing.T, m *matrix) {
		body := `<D:expand-property` + declared + `><D:property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav"><D:property name="displayname"/><D:property name="sync-token"/></D:property>` +
			`<D:property name="schedule-inbox-URL" namespace="urn:ietf:params:xml:ns:caldav"><D:property name="displayname"/><D:property name="schedule-default-calendar-URL" namespace="urn:ietf:params:xml:ns:caldav"><D:property name="displayname"/></D:property></D:property></D:expand-property>`
		for _, role := range []string{"sam", "rita", "bob"} {
			for _, owner := range []string{"alice", "bob"} {
				if role != owner {
					got := m.send(role, "REPORT", "/dav/principals/users/"+owner+"/", nil, body)
					m.expect(t, role+" expands "+owner, got, 207, nil, secrets(role))
				}
			}
		}
	})
}

// Hrefs in bodies lead nowhere that the request's URL would not lead, however they are written.
func TestS6HrefsInBodies(t *testing.T) {
	eachMatrix(t, func(t *testing.T, m *matrix) {
		ways := []string{
			"/dav/calendars/alice/private/secret.ics", m.url + "/dav/calendars/alice/private/secret.ics",
			"/dav/calendars/wanda/copies/../../alice/private/secret.ics", "/dav/calendars/wanda/copies/%2e%2e/%2e%2e/alice/private/secret.ics",
			"../../alice/private/secret.ics", "/dav/calendars/alice%2Fprivate/secret.ics", "//dav/calendars/alice/private/secret.ics",
			"/dav/calendars/ALICE/private/secret.ics", "http://elsewhere.example.com/dav/calendars/alice/private/secret.ics",
		}
		var hrefs strings.Builder
		for _, w := range ways {
			hrefs.WriteString("<D:href>" + w + "</D:href>")
		}
		multiget := `<C:calendar-multiget` + declared + `><D:prop><D:getetag/><C:calendar-data/></D:prop>` + hrefs.String() + `</C:calendar-multiget>`
		for _, path := range []string{"/dav/calendars/wanda/", "/dav/calendars/wanda/copies/", "/dav/calendars/alice/", "/dav/calendars/alice/work/", "/dav/calendars/alice/work/secret.ics"} {
			got := m.send("wanda", "REPORT", path, nil, multiget)
			m.expect(t, "multiget at "+path, got, 207, nil, append(secrets("wanda"), "getetag", "200 OK"))
			if n := strings.Count(got.body, "404"); n != len(ways) {
				t.Errorf("multiget at %s says 404 of %d, want %d: %s", path, n, len(ways), got.body)
			}
		}
		// A property of one's own that names others' resources, expanded.
		patch := `<D:propertyupdate` + declared + `><D:set><D:prop><x:links xmlns:x="urn:x">` + hrefs.String() + `<D:href>/dav/calendars/alice/private/</D:href></x:links></D:prop></D:set></D:propertyupdate>`
		m.expect(t, "PROPPATCH", m.send("wanda", "PROPPATCH", "/dav/calendars/wanda/copies/", nil, patch), 207, []string{"200 OK"}, nil)
		expand := `<D:expand-property` + declared + `><D:property name="links" namespace="urn:x"><D:property name="displayname"/><D:property name="getetag"/><D:property name="owner"/></D:property></D:expand-property>`
		m.expect(t, "expand-property", m.send("wanda", "REPORT", "/dav/calendars/wanda/copies/", nil, expand), 207, nil, append(secrets("wanda"), "getetag>"))
	})
}

// Another name in the same home takes the right to make calendars there, and to remove them.
func TestS6CalendarsAreRenamedByWhoMayMakeThem(t *testing.T) {
	eachMatrix(t, func(t *testing.T, m *matrix) {
		const from, to = "/dav/calendars/alice/work/", "/dav/calendars/alice/renamed/"
		for _, role := range roles {
			want := 403
			switch role {
			case "alice", "dora":
				want = 201
			case "nobody", "gone":
				want = 401
			}
			got := m.send(role, "MOVE", from, map[string]string{"Destination": to}, "")
			m.expect(t, role+" renames a calendar", got, want, nil, nil)
			if got.status == 201 {
				m.expect(t, "back", m.send("alice", "MOVE", to, map[string]string{"Destination": from}, ""), 201, nil, nil)
			}
		}
	})
}

// A token tells of one calendar only.
func TestS6SyncTokenOfAnotherCalendar(t *testing.T) {
	eachMatrix(t, func(t *testing.T, m *matrix) {
		sync := func(role, path, token string) reply {
			return m.send(role, "REPORT", path, nil, `<D:sync-collection`+declared+`><D:sync-token>`+token+`</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>`)
		}
		first := sync("alice", "/dav/calendars/alice/private/", "")
		_, token, _ := strings.Cut(first.body, "<D:sync-token>")
		token, _, ok := strings.Cut(token, "<")
		if !ok {
			t.Fatalf("no token: %s", first.body)
		}
		m.expect(t, "the token where it is from", sync("alice", "/dav/calendars/alice/private/", token), 207, nil, []string{"secret.ics"})
		m.expect(t, "the token elsewhere", sync("wanda", "/dav/calendars/alice/work/", token), 403, []string{"valid-sync-token"}, nil)
		m.expect(t, "the token in another home", sync("wanda", "/dav/calendars/wanda/copies/", token), 403, []string{"valid-sync-token"}, nil)
		m.expect(t, "the token with its hidden calendar", sync("wanda", "/dav/calendars/alice/private/", token), 404, nil, []string{"sync-token"})
	})
}

// Nextcloud CVE-2026-45286: a search showed more than its limits allow.
func TestS6PrincipalSearchLimits(t *testing.T) {
	s := storagetest.SQLite(t)
	m := newMatrix(t, s)
	check(t, s.Update(t.Context(), func(tx storage.Tx) error {
		for i := range 150 {
			p := &storage.Principal{Name: fmt.Sprintf("many%03d", i), Kind: storage.Person, DisplayName: "Many"}
			if err := tx.PutPrincipal(t.Context(), p, nil); err != nil {
				return err
			}
		}
		return nil
	}))
	responses := func(r reply) int { return strings.Count(r.body, "<D:displayname>") }
	search := `<D:principal-property-search` + declared + `><D:property-search><D:prop><D:displayname/></D:prop><D:match>Many</D:match></D:property-search><D:prop><D:displayname/></D:prop></D:principal-property-search>`
	if got := m.send("sam", "REPORT", "/dav/principals/", nil, search); responses(got) != 100 || !strings.Contains(got.body, "507") {
		t.Errorf("a search for 150 shows %d, and says so: %v", responses(got), strings.Contains(got.body, "507"))
	}
	words := `<CS:calendarserver-principal-search` + declared + ` context="user"><CS:search-token>many</CS:search-token><CS:limit><CS:nresults>%d</CS:nresults></CS:limit><D:prop><D:displayname/></D:prop></CS:calendarserver-principal-search>`
	for _, n := range []int{1, 7, 1000} {
		if got := m.send("sam", "REPORT", "/dav/principals/", nil, fmt.Sprintf(words, n)); responses(got) != min(n, 100) {
			t.Errorf("a search for at most %d shows %d", n, responses(got))
		}
	}
}

// Cyrus CVE-2019-18928: a request without a name inherited the rights of the one before it on the connection.
func TestS6ConnectionHasNoRights(t *testing.T) {
	m := newMatrix(t, storagetest.SQLite(t))
	conn, err := net.Dial("tcp", strings.TrimPrefix(m.url, "http://"))
	check(t, err)
	defer conn.Close()
	head := "GET /dav/calendars/alice/private/secret.ics HTTP/1.1\r\nHost: x\r\n"
	login := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("alice:alice")) + "\r\n"
	_, err = conn.Write([]byte(head + login + "\r\n" + head + "\r\n" + head + "Authorization: Bearer x\r\nConnection: close\r\n\r\n"))
	check(t, err)
	var b strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			break
		}
	}
	if got := b.String(); strings.Count(got, "HTTP/1.1 200") != 1 || strings.Count(got, "HTTP/1.1 401") != 2 || strings.Count(got, "SUMMARY:SECRET") != 1 {
		t.Errorf("on one connection: %s", got)
	}
}

// Who may write in one calendar of a home does not learn what is in the others.
func TestS6ConflictTellsNothing(t *testing.T) {
	eachMatrix(t, func(t *testing.T, m *matrix) {
		meeting := strings.Replace(fmt.Sprintf(putting, "meeting"), "DTSTART", "ORGANIZER:mailto:alice@example.com\r\nATTENDEE:mailto:alice@example.com\r\nATTENDEE:mailto:x@example.net\r\nDTSTART", 1)
		m.expect(t, "Alice's meeting", m.send("alice", "PUT", "/dav/calendars/alice/private/hidden-name.ics", nil, meeting), 201, nil, nil)
		m.expect(t, "Wanda's", m.send("wanda", "PUT", "/dav/calendars/alice/work/m.ics", nil, meeting), 403,
			[]string{"unique-scheduling-object-resource"}, []string{"hidden-name", "alice/private"})
		m.expect(t, "Alice's own", m.send("alice", "PUT", "/dav/calendars/alice/work/m.ics", nil, meeting), 403,
			[]string{"unique-scheduling-object-resource", "/dav/calendars/alice/private/hidden-name.ics"}, nil)
	})
}

// What is shared is one thing: same bytes, same ETag, same changes, and it is its owner's.
func TestSharedIsTheSame(t *testing.T) {
	eachMatrix(t, func(t *testing.T, m *matrix) {
		path := "/dav/calendars/alice/work/secret.ics"
		m.expect(t, "Wanda's PUT", m.send("wanda", "PUT", path, nil, fmt.Sprintf(putting, "SECRET-alice-work")), 204, nil, nil)
		mine, theirs := m.send("alice", "GET", path, nil, ""), m.send("wanda", "GET", path, nil, "")
		if mine != theirs || mine.status != 200 {
			t.Errorf("the owner gets %v, the writer %v", mine, theirs)
		}
		props := `<D:propfind` + declared + `><D:prop><D:getetag/><D:owner/><D:resource-id/></D:prop></D:propfind>`
		if a, b := m.send("alice", "PROPFIND", path, depth("0"), props), m.send("wanda", "PROPFIND", path, depth("0"), props); a != b || !strings.Contains(a.body, "/dav/principals/users/alice/") {
			t.Errorf("the owner sees %v, the writer %v", a, b)
		}
		o, err := m.store.Calendar(t.Context(), m.people["alice"].ID, "work")
		check(t, err)
		if o.Objects != 1 {
			t.Errorf("the owner has %d objects", o.Objects)
		}
		shared, err := m.cal.SharedWith(t.Context(), m.people["greta"])
		check(t, err)
		if len(shared) != 1 || shared[0].Calendar.Slug != "work" || shared[0].Owner.Name != "alice" {
			t.Errorf("shared with Greta: %+v", shared)
		}
	})
}

// What is taken away is gone with the next request: by ACL, by leaving a group, by ending a delegation, with the account.
func TestS6TakenAwayAtOnce(t *testing.T) {
	eachMatrix(t, func(t *testing.T, m *matrix) {
		ctx := t.Context()
		path := "/dav/calendars/alice/work/secret.ics"
		for _, role := range []string{"rita", "greta", "dirk"} {
			m.expect(t, role, m.send(role, "GET", path, nil, ""), 200, []string{"SECRET"}, nil)
		}
		id := func(name string) int64 { return m.people[name].ID }
		check(t, m.cal.SetGrants(ctx, m.people["mona"], calendar.Target{Owner: m.people["alice"], Slug: "work"},
			[]storage.Grant{{Grantee: id("all"), Privileges: uint32(auth.Read)}, {Grantee: id("wanda"), Privileges: uint32(auth.Read)}}))
		m.expect(t, "rita after the ACL", m.send("rita", "GET", path, nil, ""), 403, []string{"need-privileges"}, nil)
		m.expect(t, "mona after her own ACL", m.send("mona", "ACL", "/dav/calendars/alice/work/", nil, `<D:acl`+declared+`/>`), 403, []string{"write-acl"}, nil)
		m.expect(t, "greta still", m.send("greta", "GET", path, nil, ""), 200, nil, nil)
		check(t, m.store.Update(ctx, func(tx storage.Tx) error {
			if err := tx.SetMembers(ctx, id("team"), nil); err != nil {
				return err
			}
			return tx.SetDelegates(ctx, id("alice"), nil)
		}))
		m.expect(t, "greta after she left", m.send("greta", "GET", path, nil, ""), 403, []string{"need-privileges"}, nil)
		m.expect(t, "dirk after the delegation", m.send("dirk", "GET", path, nil, ""), 403, []string{"need-privileges"}, nil)
		m.expect(t, "dirk in the private calendar", m.send("dirk", "GET", "/dav/calendars/alice/private/secret.ics", nil, ""), 404, nil, nil)

		// An account of the same name is another's.
		check(t, m.store.Update(ctx, func(tx storage.Tx) error { return tx.DeletePrincipal(ctx, id("wanda")) }))
		m.expect(t, "wanda without an account", m.send("wanda", "GET", path, nil, ""), 401, nil, nil)
		m.expect(t, "her home", m.send("sam", "PROPFIND", "/dav/calendars/wanda/", depth("0"), everyProp), 404, nil, nil)
		_, err := (&auth.Directory{Store: m.store}).Add(ctx, auth.NewUser{Name: "wanda", Email: "wanda@example.com", Kind: "user"})
		check(t, err)
		m.expect(t, "another wanda", m.send("wanda", "GET", path, nil, ""), 403, nil, nil)
		m.expect(t, "another wanda's calendar", m.send("wanda", "GET", "/dav/calendars/wanda/copies/own.ics", nil, ""), 404, nil, nil)
	})
}

// What its owner does not count as busy is in nobody's answer about busy times.
func TestS6BusyTimesOfHiddenCalendars(t *testing.T) {
	eachMatrix(t, func(t *testing.T, m *matrix) {
		hidden := strings.Replace(fmt.Sprintf(putting, "night"), "DTSTART:20260120T090000Z", "DTSTART:20260121T230000Z\r\nDTEND:20260121T234500Z", 1)
		m.expect(t, "PUT", m.send("alice", "PUT", "/dav/calendars/alice/private/night.ics", nil, hidden), 201, nil, nil)
		ask := strings.NewReplacer("VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST", "VEVENT", "VFREEBUSY", "DTSTART:20260120T090000Z",
			"ORGANIZER:mailto:sam@example.com\r\nATTENDEE:mailto:alice@example.com\r\nDTSTART:20260101T000000Z\r\nDTEND:20260201T000000Z").Replace(fmt.Sprintf(putting, "f"))
		got := m.send("sam", "POST", "/dav/calendars/sam/outbox/", nil, ask)
		m.expect(t, "busy times", got, 200, []string{"20260120T090000Z"}, []string{"20260121T23"})
		m.expect(t, "another's outbox", m.send("sam", "POST", "/dav/calendars/alice/outbox/", nil, ask), 403, []string{"need-privileges"}, nil)
		for _, role := range []string{"sam", "hugo"} {
			got = m.send(role, "REPORT", "/dav/calendars/alice/", depth("1"), busyJan)
			m.expect(t, role+" asks the home", got, 200, nil, []string{"20260121T23"})
		}
		m.expect(t, "Fred asks the calendar", m.send("fred", "REPORT", "/dav/calendars/alice/private/", nil, busyJan), 200, []string{"20260121T23"}, nil)
	})
}

// TestS7DeletedAccountIsOutAtOnce: who has logged in and is deleted is out at once, for all that credentials are cached.
func TestS7DeletedAccountIsOutAtOnce(t *testing.T) {
	s := storagetest.SQLite(t)
	d := &auth.Directory{Store: s}
	p, err := d.Add(t.Context(), auth.NewUser{Name: "kim", Email: "kim@example.com", Kind: "user", Password: "correct horse"})
	check(t, err)
	b := &auth.Basic{Store: s}
	login := func() error {
		_, err := b.Authenticate(t.Context(), "kim", "correct horse", netip.Addr{})
		return err
	}
	check(t, login())
	check(t, login())
	check(t, s.Update(t.Context(), func(tx storage.Tx) error { return tx.DeletePrincipal(t.Context(), p.ID) }))
	if err := login(); err == nil {
		t.Error("a deleted account logs in")
	}
}
