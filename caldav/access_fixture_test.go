package caldav_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
)

// The roles of the matrix. Each has a part in Alice's home, but for Sam, who is a stranger there, Nobody, who has no
// account, and Gone, who had one.
var roles = []string{"alice", "rita", "wanda", "mona", "fred", "hugo", "greta", "dora", "dirk", "root", "sam", "bob", "nobody", "gone"}

// held is what the parts are, as one would tell them: rights on collections of Alice's, * for the home.
var held = map[string]map[string]auth.Set{
	"rita":  {"work": auth.Read},
	"wanda": {"work": auth.Read | auth.Write},
	"mona":  {"work": auth.All},
	"fred":  {"private": auth.ReadFreeBusy},
	"hugo":  {"*": auth.Read},
	"all":   {"work": auth.Read}, // a group; Greta is in a group that is in it
	"gone":  {"work": auth.Read | auth.Write, "*": auth.Read},
}

// spot is a collection of the matrix.
type spot struct {
	owner, slug string
	kind        storage.CollectionKind // "" where there is none
}

var spots = []spot{
	{"alice", "calendar", storage.CalendarKind},
	{"alice", "work", storage.CalendarKind},
	{"alice", "private", storage.CalendarKind}, // does not count as busy
	{"alice", "public", storage.CalendarKind},  // everybody may read it
	{"alice", "inbox", storage.InboxKind},
	{"alice", "outbox", storage.OutboxKind},
	{"alice", "notification", storage.NotificationKind},
	{"alice", "missing", ""},
	{"oak", "calendar", storage.CalendarKind}, // a room's
	{"bob", "calendar", storage.CalendarKind}, // in a home of which nothing is shared
}

const seeOwn = auth.ReadCurrentUserPrivilegeSet

// model says what a role may do at a spot, in as plain words as there are.
func model(role string, s spot) auth.Set {
	all := auth.Supported(s.kind).Privilege
	switch {
	case s.kind == "" || role == "gone":
		return 0
	case role == "nobody":
		if s.slug == "public" {
			return auth.Read | seeOwn
		}
		return 0
	case role == s.owner, role == "root" && s.owner == "oak":
		return all
	}
	var may auth.Set
	switch {
	case s.kind == storage.InboxKind:
		may = auth.ScheduleDeliver
	case s.kind == storage.CalendarKind && s.slug != "private":
		may = auth.ReadFreeBusy
	}
	if s.owner == "alice" {
		part := role
		if role == "greta" {
			part = "all"
		}
		may |= held[part][s.slug] & all
		if s.kind == storage.CalendarKind {
			may |= held[part]["*"]
		}
		if s.slug == "public" {
			may |= auth.Read
		}
		if (role == "dora" || role == "dirk") && s.kind != storage.NotificationKind {
			may |= auth.Read
		}
		if role == "dora" && s.kind != storage.NotificationKind {
			may |= auth.Write | auth.ReadACL
			if s.kind == storage.OutboxKind {
				may |= auth.ScheduleSend
			}
		}
	}
	if may != 0 {
		may |= seeOwn
	}
	return may
}

// modelHome says what a role may do in the home itself. Everybody may read a calendar in Alice's, and so see that much of it.
func modelHome(role, owner string) auth.Set {
	switch {
	case role == "gone" || role == "nobody":
		return 0
	case role == owner, role == "root" && owner == "oak":
		return auth.Supported("").Privilege
	case owner != "alice":
		return 0
	case role == "dora":
		return auth.Read | auth.Write | auth.ReadACL | seeOwn
	}
	return auth.Read | seeOwn
}

func (s spot) path() string { return "/dav/calendars/" + s.owner + "/" + s.slug + "/" }

// Marks that only those may ever see who may read.
func (s spot) secret() string { return "SECRET-" + s.owner + "-" + s.slug }
func (s spot) name() string   { return "NAME-" + s.owner + "-" + s.slug }

// matrix is a live server with all of it.
type matrix struct {
	t      *testing.T
	store  storage.Store
	cal    *calendar.Service
	url    string
	client *http.Client
	people map[string]*storage.Principal
	sent   map[int]int // answers by status
}

func newMatrix(t *testing.T, s storage.Store) *matrix {
	t.Helper()
	h := newHandler(t, s)
	m := &matrix{t: t, store: s, cal: h.Calendar, people: map[string]*storage.Principal{}, sent: map[int]int{}}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	m.url, m.client = server.URL, server.Client()
	d := &auth.Directory{Store: s, Now: h.Now}
	names := append([]string{"all", "team", "oak"}, roles...)
	for _, name := range names {
		if name == "nobody" {
			continue
		}
		p, err := s.PrincipalByName(t.Context(), name)
		if err != nil {
			kind := "user"
			if name == "all" {
				kind = "group"
			}
			p, err = d.Add(t.Context(), auth.NewUser{Name: name, Email: name + "@example.com", Kind: kind})
		}
		check(t, err)
		m.people[name] = p
	}
	id := func(name string) int64 { return m.people[name].ID }
	check(t, s.Update(t.Context(), func(tx storage.Tx) error {
		if err := tx.SetMembers(t.Context(), id("team"), []int64{id("greta")}); err != nil {
			return err
		}
		if err := tx.SetMembers(t.Context(), id("all"), []int64{id("team")}); err != nil {
			return err
		}
		return tx.SetDelegates(t.Context(), id("alice"), []storage.Delegate{{ID: id("dora"), Write: true}, {ID: id("dirk")}})
	}))
	for _, s := range spots {
		m.restore(s)
	}
	for _, r := range roles {
		if r != "nobody" {
			m.restoreCopies(r)
		}
	}
	// What Gone had goes with the account.
	check(t, s.Update(t.Context(), func(tx storage.Tx) error { return tx.DeletePrincipal(t.Context(), id("gone")) }))
	delete(m.people, "gone")
	return m
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func secretEvent(uid, summary string) []byte {
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//Test//EN\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\n" +
		"DTSTART:20260120T090000Z\r\nDTEND:20260120T100000Z\r\nSUMMARY:" + summary + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
}

// restore brings a spot back to what it was.
func (m *matrix) restore(s spot) {
	m.t.Helper()
	ctx := context.Background()
	owner := m.people[s.owner]
	t := calendar.Target{Owner: owner, Slug: s.slug}
	if s.kind == "" {
		return
	}
	_, err := m.store.Calendar(ctx, owner.ID, s.slug)
	if err != nil {
		check(m.t, m.cal.MakeCalendar(ctx, owner, t, calendar.Edit{}))
	}
	check(m.t, m.cal.Patch(ctx, owner, t, calendar.Edit{Live: func(c *storage.Calendar) error {
		c.DisplayName, c.Transparent = s.name(), s.slug == "private"
		return nil
	}}))
	if s.kind == storage.CalendarKind {
		m.restoreObjects(owner, s.slug, "secret.ics", secretEvent("uid-"+s.secret(), s.secret()))
	}
	if s.owner == "alice" {
		m.grant(owner, s.slug, s.slug)
		m.grant(owner, "", "*")
	}
}

func (m *matrix) grant(owner *storage.Principal, slug, key string) {
	m.t.Helper()
	var list []storage.Grant
	for who, where := range held {
		if m.people[who] != nil && where[key] != 0 {
			list = append(list, storage.Grant{Grantee: m.people[who].ID, Privileges: uint32(where[key])})
		}
	}
	if slug == "public" {
		list = append(list, storage.Grant{Grantee: storage.Everybody, Privileges: uint32(auth.Read)})
	}
	check(m.t, m.cal.SetGrants(context.Background(), owner, calendar.Target{Owner: owner, Slug: slug}, list))
}

// restoreObjects leaves one object in a calendar.
func (m *matrix) restoreObjects(owner *storage.Principal, slug, name string, text []byte) {
	m.t.Helper()
	ctx := context.Background()
	t := calendar.Target{Owner: owner, Slug: slug}
	var gone []string
	check(m.t, m.cal.Objects(ctx, owner, t, 0, func(o *storage.Object) error {
		if o.Name != name {
			gone = append(gone, o.Name)
		}
		return nil
	}))
	for _, n := range gone {
		check(m.t, m.cal.Delete(ctx, calendar.DeleteRequest{Who: owner, Target: calendar.Target{Owner: owner, Slug: slug, Name: n}}))
	}
	t.Name = name
	_, err := m.cal.Put(ctx, calendar.PutRequest{Who: owner, Target: t, Body: text})
	check(m.t, err)
}

// restoreCopies makes the calendar from which and to which a role copies what is its own.
func (m *matrix) restoreCopies(role string) {
	m.t.Helper()
	p := m.people[role]
	t := calendar.Target{Owner: p, Slug: "copies"}
	if _, err := m.store.Calendar(context.Background(), p.ID, "copies"); err != nil {
		check(m.t, m.cal.MakeCalendar(context.Background(), p, t, calendar.Edit{}))
	}
	m.restoreObjects(p, "copies", "own.ics", secretEvent("own-"+role, "own"))
}

// reply is what came back.
type reply struct {
	status int
	body   string
}

// send sends a request as a role.
func (m *matrix) send(role, method, path string, header map[string]string, body string) reply {
	m.t.Helper()
	req, err := http.NewRequest(method, m.url+path, strings.NewReader(body))
	check(m.t, err)
	if role != "nobody" {
		req.SetBasicAuth(role, role)
	}
	if strings.HasPrefix(body, "BEGIN") {
		req.Header.Set("Content-Type", "text/calendar")
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := m.client.Do(req)
	check(m.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	check(m.t, err)
	m.sent[res.StatusCode]++
	return reply{res.StatusCode, string(b)}
}

// header returns the header of an answer.
func (m *matrix) header(role, method, path string) http.Header {
	m.t.Helper()
	req, err := http.NewRequest(method, m.url+path, nil)
	check(m.t, err)
	req.SetBasicAuth(role, role)
	res, err := m.client.Do(req)
	check(m.t, err)
	res.Body.Close()
	return res.Header
}
