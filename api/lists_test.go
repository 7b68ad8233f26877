package api_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/storage"
	"kalends/storage/sqlstore"
	"kalends/storage/storagetest"
)

// TestPages: pages hold each event once, in order, whatever their size.
func TestPages(t *testing.T) {
	each(t, func(h *house) {
		side := h.as("alice", "POST", "/calendars", object{"name": "Side"}).ok(201)
		for i := range 7 {
			start := now.AddDate(0, 0, i/2)
			h.as("alice", "POST", "/meetings", object{
				"name": fmt.Sprint("single ", i), "start": start.Format(time.RFC3339), "end": start.Add(time.Hour).Format(time.RFC3339),
				"calendar": []string{"calendar", text(side, "id")}[i%2],
			}).ok(201)
		}
		h.as("alice", "POST", "/meetings", object{"name": "daily", "start": "2026-01-10T10:00:00Z", "end": "2026-01-10T11:00:00Z", "timeZone": "UTC", "recurrence": "FREQ=DAILY"}).ok(201)
		h.as("alice", "POST", "/meetings", object{"name": "day", "start": "2026-01-16", "allDay": true}).ok(201)
		const window = "/events?from=2026-01-15T10:30:00Z&to=2026-01-25T00:00:00Z"
		read := func(limit int, more string) []string {
			t.Helper()
			var got []string
			cursor := ""
			for range 50 {
				o := h.as("alice", "GET", fmt.Sprint(window, "&limit=", limit, more, cursor), nil).ok(200)
				events := list(o, "events")
				if len(events) > limit {
					t.Fatalf("a page of %d has %d", limit, len(events))
				}
				for _, e := range events {
					got = append(got, text(e, "name")+" "+text(e, "start"))
				}
				if text(o, "next") == "" {
					return got
				}
				cursor = "&cursor=" + text(o, "next")
			}
			t.Fatal("pages do not end")
			return nil
		}
		all := read(1000, "")
		if len(all) != 7+10+1 { // the daily one of the first day has begun before
			t.Errorf("%d events: %s", len(all), strings.Join(all, "\n"))
		}
		for _, limit := range []int{1, 2, 3, 5, 17, 18} {
			if got := read(limit, ""); !slices.Equal(got, all) {
				t.Errorf("in pages of %d:\n%s\nwant\n%s", limit, strings.Join(got, "\n"), strings.Join(all, "\n"))
			}
		}
		if got := read(2, "&calendar="+text(side, "slug")); fmt.Sprint(got) != "[single 1 2026-01-15T11:00:00+01:00 single 3 2026-01-16T11:00:00+01:00 single 5 2026-01-17T11:00:00+01:00]" {
			t.Errorf("one calendar: %v", got)
		}
		if got := read(1000, "&calendar="+text(side, "id")+",calendar"); len(got) != len(all) {
			t.Errorf("both calendars: %d", len(got))
		}
	})
}

// TestLongPages: a page stays small however long events are and however often they repeat, and pages hold each once all the same.
func TestLongPages(t *testing.T) {
	each(t, func(h *house) {
		status, _ := h.caldav("alice", "PUT", "/dav/calendars/alice/calendar/long.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:long\r\nDTSTAMP:20260101T000000Z\r\n"+
			"DTSTART:20260116T100000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY;COUNT=12\r\nDESCRIPTION:"+strings.Repeat("x", 900_000)+"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
		if status != 201 {
			h.Fatal(status)
		}
		seen := map[string]bool{}
		cursor := ""
		for range 20 {
			a := h.as("alice", "GET", "/events?from=2026-01-15T00:00:00Z&to=2026-04-01T00:00:00Z&limit=1000"+cursor, nil)
			if a.Body.Len() > 9<<20 {
				h.Fatalf("a page of %d octets", a.Body.Len())
			}
			o := a.ok(200)
			for _, e := range list(o, "events") {
				if seen[text(e, "start")] {
					h.Errorf("%s is there twice", text(e, "start"))
				}
				seen[text(e, "start")] = true
			}
			if cursor = text(o, "next"); cursor == "" {
				break
			}
			cursor = "&cursor=" + cursor
		}
		if len(seen) != 12 || cursor != "" {
			h.Errorf("%d instances, then %q", len(seen), cursor)
		}
	})
}

// TestFreeBusy: when others are busy, and nothing else.
func TestFreeBusy(t *testing.T) {
	each(t, func(h *house) {
		h.as("bob", "POST", "/meetings", object{"name": "Secret", "start": "2026-02-02T09:00:00Z", "end": "2026-02-02T10:00:00Z"}).ok(201)
		h.as("bob", "POST", "/meetings", object{"name": "Perhaps", "start": "2026-02-02T12:00:00Z", "end": "2026-02-02T13:00:00Z", "status": "tentative"}).ok(201)
		h.as("bob", "POST", "/meetings", object{"name": "Free", "start": "2026-02-02T15:00:00Z", "end": "2026-02-02T16:00:00Z", "busy": false}).ok(201)
		a := h.as("alice", "GET", "/freebusy?who=bob@example.com,oak@example.com,who@elsewhere.example&from=2026-02-01T00:00:00Z&to=2026-02-03T00:00:00Z", nil)
		o := a.ok(200)
		lacks(t, a.Body.String(), "Secret", "Perhaps", "Free")
		p := list(o, "people")
		if len(p) != 3 || p[0]["known"] != true || p[1]["known"] != true || p[2]["known"] != false {
			t.Fatalf("people = %v", p)
		}
		var got []string
		for _, b := range list(p[0], "busy") {
			got = append(got, text(b, "type")+" "+text(b, "start"))
		}
		if fmt.Sprint(got) != "[busy 2026-02-02T10:00:00+01:00 tentative 2026-02-02T13:00:00+01:00]" {
			t.Errorf("busy = %v", got)
		}
		if p := list(h.as("bob", "GET", "/freebusy?from=2026-02-01T00:00:00Z&to=2026-02-03T00:00:00Z", nil).ok(200), "people"); len(p) != 1 || len(list(p[0], "busy")) != 2 {
			t.Errorf("bob himself = %v", p)
		}
		h.as("bob", "GET", "/freebusy?who=nobody&from=2026-02-01T00:00:00Z&to=2026-02-03T00:00:00Z", nil).fails(422, "invalid", "who[0]")
	})
}

// TestFindTime: within working hours, around what is there, across a change of clocks.
func TestFindTime(t *testing.T) {
	h := newSQLite(t)
	busy := func(who, start, end string) {
		t.Helper()
		h.as(who, "POST", "/meetings", object{"name": "b", "start": start, "end": end}).ok(201)
	}
	busy("alice", "2026-02-02T09:00:00+01:00", "2026-02-02T10:00:00+01:00")
	busy("bob", "2026-02-02T10:10:00+01:00", "2026-02-02T12:00:00+01:00")
	h.as("carol", "POST", "/meetings", object{"name": "b", "start": "2026-02-02T12:30:00+01:00", "end": "2026-02-02T15:00:00+01:00", "invited": []object{{"address": "oak@example.com"}, {"address": "elm@example.com"}}}).ok(201)
	h.as("carol", "POST", "/meetings", object{"name": "b", "start": "2026-02-02T15:00:00+01:00", "end": "2026-02-02T16:00:00+01:00", "invited": []object{{"address": "oak@example.com"}}}).ok(201)
	find := func(more object) []string {
		t.Helper()
		in := object{"people": []string{"bob@example.com"}, "minutes": 60, "from": "2026-01-31T00:00:00+01:00", "to": "2026-02-07T00:00:00+01:00", "count": 4}
		for k, v := range more {
			in[k] = v
		}
		var got []string
		for _, s := range list(h.as("alice", "POST", "/meetings/find-time", in).ok(200), "slots") {
			rooms := ""
			for _, r := range s["rooms"].([]any) {
				rooms += " " + r.(string)[:3]
			}
			got = append(got, text(s, "start")[5:16]+rooms)
		}
		return got
	}
	for _, tt := range []struct {
		name string
		more object
		want []string
	}{
		{"two people", nil, []string{"02-02T12:00", "02-02T13:00", "02-02T14:00", "02-02T15:00"}},
		{"short ones", object{"minutes": 10, "step": 5}, []string{"02-02T10:00", "02-02T12:00", "02-02T12:10", "02-02T12:20"}},
		{"with rooms", object{"rooms": []string{"oak@example.com", "elm@example.com"}}, []string{"02-02T15:00 elm", "02-02T16:00 oak elm", "02-03T09:00 oak elm", "02-03T10:00 oak elm"}},
		{"other hours", object{"hours": object{"days": []string{"sunday", "tuesday"}, "start": "20:30", "end": "22:00"}}, []string{"02-01T20:30", "02-03T20:30"}},
		{"another zone", object{"hours": object{"timeZone": "America/New_York"}}, []string{"02-02T09:00", "02-02T10:00", "02-02T11:00", "02-02T12:00"}},
		{"any time", object{"anyTime": true, "count": 2}, []string{"01-31T00:00", "01-31T01:00"}},
		{"too late", object{"to": "2026-02-02T12:30:00+01:00"}, nil},
		{"clocks change", object{"from": "2026-03-29T00:00:00+01:00", "to": "2026-03-29T05:00:00+02:00", "anyTime": true}, []string{"03-29T00:00", "03-29T01:00", "03-29T03:00", "03-29T04:00"}},
	} {
		if got := find(tt.more); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	o := h.as("alice", "POST", "/meetings/find-time", object{"people": []string{"x@elsewhere.example"}, "minutes": 30, "from": "2026-02-02T00:00:00Z", "to": "2026-02-03T00:00:00Z"}).ok(200)
	if fmt.Sprint(o["unknown"]) != "[x@elsewhere.example]" {
		t.Errorf("unknown = %v", o["unknown"])
	}
	for _, tt := range []struct {
		more  object
		field string
	}{
		{object{"minutes": 0}, "minutes"}, {object{"minutes": 600}, "minutes"}, {object{"from": "soon"}, "from"}, {object{"to": "2026-01-01T00:00:00Z"}, "to"},
		{object{"to": "2027-01-01T00:00:00Z"}, "to"}, {object{"rooms": []string{"who@elsewhere.example"}}, "rooms[0]"}, {object{"people": []string{"x"}}, "people[0]"},
		{object{"hours": object{"start": "25:00"}}, "hours.start"}, {object{"hours": object{"start": "12:00", "end": "11:00"}}, "hours.end"},
		{object{"hours": object{"days": []string{"someday"}}}, "hours.days[0]"}, {object{"hours": object{"timeZone": "x"}}, "hours.timeZone"}, {object{"step": 7}, "step"},
	} {
		in := object{"people": []string{}, "minutes": 60, "from": "2026-01-31T00:00:00Z", "to": "2026-02-07T00:00:00Z"}
		for k, v := range tt.more {
			in[k] = v
		}
		h.as("alice", "POST", "/meetings/find-time", in).fails(422, "invalid", tt.field)
	}
}

// TestCalendars: made, changed, removed.
func TestCalendars(t *testing.T) {
	each(t, func(h *house) {
		a := h.as("alice", "POST", "/calendars", object{"name": "Workshops", "color": "#3366cc", "timeZone": "Europe/Paris", "description": "All\nof them", "busy": false}, "Idempotency-Key", "c1")
		c := a.ok(201)
		if text(c, "color") != "#3366CC" || text(c, "timeZone") != "Europe/Paris" || c["busy"] != false || text(c, "access") != "write" || c["default"] != false {
			t.Errorf("calendar = %v", c)
		}
		if again := h.as("alice", "POST", "/calendars", object{"name": "Workshops", "color": "#3366cc", "timeZone": "Europe/Paris", "description": "All\nof them", "busy": false}, "Idempotency-Key", "c1").ok(201); text(again, "id") != text(c, "id") {
			t.Error("the same request made another calendar")
		}
		status, body := h.caldav("alice", "PUT", text(c, "path")+"foreign.ics", foreign)
		if status != 201 {
			t.Errorf("PUT into it = %d %s", status, body)
		}
		path := "/calendars/" + text(c, "id")
		d := h.as("alice", "PATCH", path, object{"name": "Talks", "color": nil}, "If-Match", text(c, "etag")).ok(200)
		if text(d, "name") != "Talks" || text(d, "color") != "" || text(d, "timeZone") != "Europe/Paris" {
			t.Errorf("changed = %v", d)
		}
		h.as("alice", "PATCH", path, object{"name": "x"}, "If-Match", text(c, "etag")).fails(412, "changed", "")
		h.as("alice", "PATCH", path, object{"color": "red"}).fails(422, "invalid", "color")
		h.as("alice", "PATCH", path, object{"timeZone": "Nowhere"}).fails(422, "bad-time-zone", "timeZone")
		h.as("alice", "DELETE", path, nil, "If-Match", text(c, "etag")).fails(412, "changed", "")
		h.as("bob", "GET", path, nil).fails(404, "not-found", "")
		h.as("bob", "DELETE", path, nil).fails(404, "not-found", "")
		h.as("alice", "DELETE", "/calendars/inbox", nil).fails(404, "not-found", "")
		h.as("alice", "DELETE", path, nil).ok(204)
		h.as("alice", "GET", path, nil).fails(404, "not-found", "")
		h.as("alice", "DELETE", "/calendars/calendar", nil).fails(409, "default-calendar", "")
		if n := len(list(h.as("alice", "GET", "/calendars", nil).ok(200), "calendars")); n != 2 {
			t.Errorf("%d calendars are left, want 2", n)
		}
	})
}

// share lets bob do something with alice's calendar.
func (h *house) share(privileges auth.Privilege) {
	h.Helper()
	ctx := h.Context()
	alice, bob := h.Principal("alice"), h.Principal("bob")
	c, err := h.store.Calendar(ctx, alice.ID, "calendar")
	if err != nil {
		h.Fatal(err)
	}
	err = h.store.Update(ctx, func(tx storage.Tx) error {
		if err := tx.Lock(ctx, 1, alice.ID); err != nil {
			return err
		}
		return tx.SetGrants(ctx, alice.ID, c.ID, []storage.Grant{{Grantee: bob.ID, Privileges: uint32(privileges)}})
	})
	if err != nil {
		h.Fatal(err)
	}
}

// TestShared: what one may see and do in somebody else's calendar.
func TestShared(t *testing.T) {
	each(t, func(h *house) {
		m := h.as("alice", "POST", "/meetings", object{"name": "Open", "start": "2026-02-02T09:00:00Z", "end": "2026-02-02T10:00:00Z"}).ok(201)
		for _, class := range []string{"PRIVATE", "CONFIDENTIAL"} {
			status, _ := h.caldav("alice", "PUT", "/dav/calendars/alice/calendar/"+class+".ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\nUID:"+class+"\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Secret\r\nCLASS:"+class+"\r\nDTSTART:20260203T120000Z\r\nDTEND:20260203T130000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
			if status != 201 {
				t.Fatal(status)
			}
		}
		cal := text(m, "calendar")
		window := "/events?from=2026-02-01T00:00:00Z&to=2026-03-01T00:00:00Z&calendar=" + cal
		h.as("bob", "GET", window, nil).fails(404, "not-found", "calendar")
		h.share(auth.Read)
		a := h.as("bob", "GET", window, nil)
		if n := len(list(a.ok(200), "events")); n != 2 {
			t.Errorf("bob sees %d events, want the open one and the time of another", n)
		}
		contains(t, a.Body.String(), "Open")
		lacks(t, a.Body.String(), "Secret", `"PRIVATE"`)
		c := list(h.as("bob", "GET", "/calendars", nil).ok(200), "calendars")
		last := c[len(c)-1]
		if text(last, "id") != cal || text(last, "access") != "read" || text(last["owner"].(object), "address") != "alice@example.com" {
			t.Errorf("bob's calendars = %v", c)
		}
		changes := h.as("bob", "GET", "/changes?calendar="+cal, nil).ok(200)
		if n := len(list(changes, "changes")); n != 2 {
			t.Errorf("bob hears of %d meetings, want 2", n)
		}
		path := "/meetings/" + text(m, "id")
		h.as("bob", "GET", path, nil).ok(200)
		h.as("bob", "PATCH", path, object{"name": "x"}).fails(403, "forbidden", "")
		h.as("bob", "DELETE", path, nil).fails(403, "forbidden", "")
		h.as("bob", "POST", "/meetings", object{"name": "x", "start": "2026-02-05", "allDay": true, "calendar": cal}).fails(403, "forbidden", "")
		h.as("bob", "PATCH", "/calendars/"+cal, object{"name": "x"}).fails(403, "forbidden", "")
		h.share(auth.Read | auth.Write)
		h.as("bob", "PATCH", path, object{"name": "Theirs"}).ok(200)
		contains(t, h.ics("alice", text(m, "uid")), "SUMMARY:Theirs")
		made := h.as("bob", "POST", "/meetings", object{"name": "For alice", "start": "2026-02-05", "allDay": true, "calendar": cal, "invited": []object{{"address": "carol@example.com"}}}).ok(201)
		if text(made["organizer"].(object), "address") != "alice@example.com" {
			t.Errorf("made = %v", made)
		}
		h.as("carol", "GET", path, nil).fails(404, "not-found", "")
	})
}

// TestChanges: page by page, from the beginning and from then on.
func TestChanges(t *testing.T) {
	each(t, func(h *house) {
		begin := text(h.as("alice", "GET", "/changes?since=now", nil).ok(200), "since")
		var ids []string
		for i := range 5 {
			m := h.as("alice", "POST", "/meetings", object{"name": fmt.Sprint(i), "start": "2026-02-05", "allDay": true}).ok(201)
			ids = append(ids, text(m, "id"))
		}
		h.as("alice", "DELETE", "/meetings/"+ids[1], nil).ok(204)
		side := h.as("alice", "POST", "/calendars", object{"name": "Side"}).ok(201)
		h.as("alice", "PATCH", "/meetings/"+ids[2], object{"calendar": text(side, "id")}).ok(200)
		h.as("alice", "PATCH", "/meetings/"+ids[0], object{"name": "changed"}).ok(200)
		read := func(since string, limit int) (got []string, next string) {
			t.Helper()
			for range 30 {
				o := h.as("alice", "GET", fmt.Sprint("/changes?limit=", limit, "&since=", since), nil).ok(200)
				for _, c := range list(o, "changes") {
					mark := ""
					if c["deleted"] == true {
						mark = "-"
					}
					if text(c, "calendar") == text(side, "id") {
						mark += "s"
					}
					got = append(got, mark+fmt.Sprint(slices.Index(ids, text(c, "id"))))
				}
				since = text(o, "since")
				if o["more"] != true {
					return got, since
				}
			}
			t.Fatal("pages do not end")
			return nil, ""
		}
		for _, limit := range []int{1, 2, 3, 100} {
			if got, _ := read(begin, limit); fmt.Sprint(got) != "[3 4 -1 -2 s2 0]" {
				t.Errorf("changes in pages of %d = %v", limit, got)
			}
			all, next := read("", limit)
			slices.Sort(all)
			if fmt.Sprint(all) != "[0 3 4 s2]" {
				t.Errorf("all in pages of %d = %v", limit, all)
			}
			if got, _ := read(next, limit); len(got) > 0 {
				t.Errorf("nothing changed, got %v", got)
			}
		}
		// What somebody else writes shows as well, and what a calendar program does.
		_, next := read("", 100)
		h.caldav("alice", "DELETE", "/dav/calendars/alice/calendar/uid-1.ics", "")
		if got, _ := read(next, 100); fmt.Sprint(got) != "[-0]" {
			t.Errorf("after a deletion by CalDAV: %v", got)
		}
		h.as("alice", "DELETE", "/calendars/"+text(side, "id"), nil).ok(204)
		if c := h.as("alice", "GET", "/changes?since="+next, nil).ok(200)["calendars"].([]any); len(c) != 2 {
			t.Errorf("calendars = %v", c)
		}
		h.as("alice", "GET", "/changes?since=x", nil).fails(422, "invalid", "since")
		h.as("bob", "GET", "/changes?since="+next, nil).ok(200) // it says nothing of alice's
		// A token of another time of the database.
		other := "AgAA" + next[4:]
		if a := h.as("alice", "GET", "/changes?since="+other, nil); a.Code != 410 && a.Code != 422 {
			t.Errorf("a token of another epoch = %d", a.Code)
		}
	})
}

// TestStatements: what a request asks of the database does not grow with what it shows.
func TestStatements(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		h := newHouse(t, s)
		token, _, err := h.tokens.Add(t.Context(), h.Principal("alice"), auth.WriteScope, "", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		since := text(h.as("alice", "GET", "/changes?since=now", nil).ok(200), "since")
		var m object
		for i := range 60 {
			m = h.as("alice", "POST", "/meetings", object{"name": fmt.Sprint(i), "start": "2026-02-05T09:00:00Z", "end": "2026-02-05T10:00:00Z", "recurrence": "FREQ=DAILY;COUNT=3"}).ok(201)
		}
		path := "/meetings/" + text(m, "id")
		patched := 0
		for _, tt := range []struct {
			name, method, path string
			body               any
			most               int
		}{
			{"me", "GET", "/me", nil, 4},
			{"a meeting", "GET", path, nil, 5},
			{"180 events of 60 objects", "GET", "/events?from=2026-02-01T00:00:00Z&to=2026-03-01T00:00:00Z&limit=1000", nil, 6},
			{"a page of events", "GET", "/events?from=2026-02-01T00:00:00Z&to=2026-03-01T00:00:00Z&limit=10", nil, 6},
			{"60 changes", "GET", "/changes?since=" + since, nil, 6},
			{"no changes", "GET", "/changes?since=now", nil, 5},
			{"calendars", "GET", "/calendars", nil, 6},
			{"a person's busy times", "GET", "/freebusy?who=bob@example.com&from=2026-02-01T00:00:00Z&to=2026-03-01T00:00:00Z", nil, 5},
			{"a new meeting with one invited", "POST", "/meetings", object{"name": "x", "start": "2026-02-05", "allDay": true, "invited": []object{{"address": "bob@example.com"}}}, 16},
			{"a change", "PATCH", path, object{"name": "changed"}, 13},
		} {
			ask := func(most int) int {
				if tt.method == "PATCH" {
					patched++
					tt.body = object{"name": fmt.Sprint("changed ", patched)}
				}
				ctx, trace := sqlstore.WithTrace(t.Context())
				a := h.asIn(ctx, token, tt.method, tt.path, tt.body)
				if a.Code/100 != 2 {
					t.Fatalf("%s = %d %s", tt.name, a.Code, a.Body)
				}
				n := 0
				for _, sql := range trace.Statements() {
					if !strings.HasPrefix(sql, "BEGIN") && sql != "COMMIT" && sql != "ROLLBACK" {
						n++
					}
				}
				if n > most {
					t.Errorf("%s takes %d statements, want at most %d:\n%s", tt.name, n, most, strings.Join(trace.Statements(), "\n"))
				}
				return n
			}
			ask(100) // what is read once
			t.Logf("%s: %d statements", tt.name, ask(tt.most))
		}
	})
}

// TestDense: a page of a dense series costs no more than the page.
func TestDense(t *testing.T) {
	h := newSQLite(t)
	h.as("alice", "POST", "/meetings", object{"name": "dense", "start": "2026-02-02T09:00:00Z", "end": "2026-02-02T09:30:00Z", "recurrence": "FREQ=HOURLY"}).ok(201)
	o := h.as("alice", "GET", "/events?from=2026-02-02T00:00:00Z&to=2030-02-02T00:00:00Z&limit=3", nil).ok(200)
	if len(list(o, "events")) != 3 || text(o, "next") == "" {
		t.Errorf("page = %v", o)
	}
	o = h.as("alice", "GET", "/events?from=2026-02-02T00:00:00Z&to=2030-02-02T00:00:00Z&limit=3&cursor="+url.QueryEscape(text(o, "next")), nil).ok(200)
	if got := text(list(o, "events")[0], "start"); got != "2026-02-02T13:00:00+01:00" {
		t.Errorf("the second page begins at %s", got)
	}
}
