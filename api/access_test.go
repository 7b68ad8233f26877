package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"kalends/api"
	"kalends/auth"
	"kalends/internal/httpserver"
	"kalends/storage"
)

func (h *house) token(who string, scope auth.Scope, expires time.Time) string {
	h.Helper()
	token, _, err := h.tokens.Add(h.Context(), h.Principal(who), scope, "test", expires)
	if err != nil {
		h.Fatal(err)
	}
	return token
}

// TestS7ScopesOfTokens: a token is for what it was made for, until it expires or is revoked.
func TestS7ScopesOfTokens(t *testing.T) {
	each(t, func(h *house) {
		m := h.as("alice", "POST", "/meetings", weekly()).ok(201)
		busy, read, write := h.token("alice", auth.FreeBusyScope, time.Time{}), h.token("alice", auth.ReadScope, now.Add(time.Hour)), h.token("alice", auth.WriteScope, time.Time{})
		const window = "from=2026-02-01T00:00:00Z&to=2026-03-01T00:00:00Z"
		find := object{"minutes": 30, "from": "2026-02-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"}
		day := object{"name": "x", "start": "2026-02-02", "allDay": true}
		for _, tt := range []struct {
			method, path string
			body         any
			need         auth.Scope
			ok           int
		}{
			{"GET", "/me", nil, auth.FreeBusyScope, 200}, {"GET", "/freebusy?" + window, nil, auth.FreeBusyScope, 200}, {"POST", "/meetings/find-time", find, auth.FreeBusyScope, 200},
			{"GET", "/events?" + window, nil, auth.ReadScope, 200}, {"GET", "/meetings/" + text(m, "id"), nil, auth.ReadScope, 200}, {"GET", "/calendars", nil, auth.ReadScope, 200},
			{"GET", "/calendars/calendar", nil, auth.ReadScope, 200}, {"GET", "/changes", nil, auth.ReadScope, 200},
			{"POST", "/meetings", day, auth.WriteScope, 201}, {"PATCH", "/meetings/" + text(m, "id"), object{"name": "y"}, auth.WriteScope, 200},
			{"POST", "/meetings/" + text(m, "id") + "/answer", object{"answer": "accepted"}, auth.WriteScope, 403}, // who organizes is not invited
			{"POST", "/calendars", object{"name": "z"}, auth.WriteScope, 201}, {"PATCH", "/calendars/calendar", object{"name": "z"}, auth.WriteScope, 200},
			{"DELETE", "/calendars/tasks", nil, auth.WriteScope, 204}, {"DELETE", "/meetings/" + text(m, "id"), nil, auth.WriteScope, 204},
		} {
			for i, token := range []string{busy, read, write} {
				a := h.as(token, tt.method, tt.path, tt.body)
				if auth.Scope(i+1) < tt.need {
					a.fails(403, "scope", "")
					contains(t, a.Header().Get("WWW-Authenticate"), "insufficient_scope")
				} else if a.Code != tt.ok {
					t.Errorf("%s %s with %s = %d %s", tt.method, tt.path, auth.Scope(i+1), a.Code, a.Body)
				}
			}
			if a := h.as("", tt.method, tt.path, tt.body); a.Code != 401 || len(a.Header()["Www-Authenticate"]) != 2 {
				t.Errorf("%s %s as nobody = %d %s", tt.method, tt.path, a.Code, a.Header())
			}
		}
		if s := text(h.as(read, "GET", "/me", nil).ok(200), "scope"); s != "read" {
			t.Errorf("scope = %s", s)
		}
		h.as("kal_AAAAAAAAAAAAAAAAAAAAAA", "GET", "/me", nil).fails(401, "unauthorized", "")
		h.as("kal_"+strings.Repeat("A", 5000), "GET", "/me", nil).fails(401, "unauthorized", "")
		h.clock = now.Add(time.Hour)
		h.as(read, "GET", "/me", nil).fails(401, "unauthorized", "")
		h.as(write, "GET", "/me", nil).ok(200)
		list, err := h.store.Tokens(t.Context(), h.Principal("alice").ID)
		if err != nil || len(list) != 3 {
			t.Fatalf("tokens = %v, %v", list, err)
		}
		for _, row := range list {
			if row.Scopes == "write" {
				if row.Used != h.clock {
					t.Errorf("last use = %v, want %v", row.Used, h.clock)
				}
				if err := h.store.RemoveToken(t.Context(), row.Owner, row.ID); err != nil {
					t.Fatal(err)
				}
			}
			if strings.Contains(write, row.Hash) || strings.Contains(row.Hash, write[4:]) {
				t.Error("the token is stored")
			}
		}
		h.as(write, "GET", "/me", nil).fails(401, "unauthorized", "")
	})
}

// TestAdministrators act for themselves only: an administrator's password is none for rooms.
func TestAdministrators(t *testing.T) {
	h := newSQLite(t)
	h.as("alice", "POST", "/meetings", with(weekly(), "invited", []object{{"address": "oak@example.com"}})).ok(201)
	oak := h.Principal("oak")
	list, err := h.store.ObjectsByUID(t.Context(), []int64{oak.ID}, "uid-1")
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	// The ids are not secret: root's own differ in the owner only, and they lead nowhere.
	h.as("root", "GET", "/events?from=2026-02-01T00:00:00Z&to=2026-03-01T00:00:00Z&calendar=calendar", nil).ok(200)
	for _, who := range []string{"root", "bob"} {
		a := h.as(who, "GET", "/changes?calendar="+api.CalendarID(oak.ID, list[0].Calendar), nil)
		a.fails(404, "not-found", "calendar")
	}
}

// TestIdempotency: the same request is carried out once.
func TestIdempotency(t *testing.T) {
	each(t, func(h *house) {
		first := h.as("alice", "POST", "/meetings", weekly(), "Idempotency-Key", "k1")
		m := first.ok(201)
		again := h.as("alice", "POST", "/meetings", weekly(), "Idempotency-Key", "k1")
		if again.Code != 201 || again.Body.String() != first.Body.String() || again.Header().Get("ETag") != first.Header().Get("ETag") ||
			again.Header().Get("Location") != first.Header().Get("Location") {
			t.Errorf("again = %d %v %s", again.Code, again.Header(), again.Body)
		}
		if n := len(h.starts("alice")); n != 10 {
			t.Errorf("%d instances, want those of one meeting", n)
		}
		h.as("alice", "POST", "/meetings", with(weekly(), "name", "other"), "Idempotency-Key", "k1").fails(422, "key-reused", "Idempotency-Key")
		h.as("alice", "DELETE", "/meetings/"+text(m, "id"), nil, "Idempotency-Key", "k1").fails(422, "key-reused", "Idempotency-Key")
		h.as("bob", "POST", "/meetings", object{"name": "x", "start": "2026-02-02", "allDay": true}, "Idempotency-Key", "k1").ok(201) // everybody has their own
		h.as("alice", "POST", "/meetings", weekly(), "Idempotency-Key", "k\u00e9").fails(422, "invalid", "Idempotency-Key")
		// What failed can be mended.
		h.as("alice", "POST", "/meetings", with(weekly(), "end", "x"), "Idempotency-Key", "k2").fails(422, "invalid", "end")
		h.as("alice", "POST", "/meetings", weekly(), "Idempotency-Key", "k2").ok(201)
		// A split, a deletion.
		path := "/meetings/" + text(m, "id")
		split := h.as("alice", "PATCH", path+from("2026-02-16T09:00:00+01:00"), object{"name": "Rest"}, "Idempotency-Key", "k3")
		split.ok(200)
		if b := h.as("alice", "PATCH", path+from("2026-02-16T09:00:00+01:00"), object{"name": "Rest"}, "Idempotency-Key", "k3"); b.Body.String() != split.Body.String() {
			t.Errorf("the split again = %d %s", b.Code, b.Body)
		}
		h.as("alice", "DELETE", path, nil, "Idempotency-Key", "k4").ok(204)
		h.as("alice", "DELETE", path, nil, "Idempotency-Key", "k4").ok(204)
		// A day later the key is free.
		h.clock = now.Add(25 * time.Hour)
		if next := h.as("alice", "POST", "/meetings", weekly(), "Idempotency-Key", "k1").ok(201); text(next, "id") == text(m, "id") {
			t.Error("a day later the old answer came")
		}
	})
}

// TestCutOff: a server that stops between writing a meeting and keeping its answer has still made one.
func TestCutOff(t *testing.T) {
	each(t, func(h *house) {
		forgetful := *h
		forgetful.api = &api.Handler{Calendar: h.api.Calendar, Auth: h.api.Auth, Store: noEnd{h.store}, Log: h.api.Log, Now: h.api.Now}
		m := forgetful.as("alice", "POST", "/meetings", weekly(), "Idempotency-Key", "k").ok(201)
		forgetful.as("alice", "PATCH", "/meetings/"+text(m, "id")+from("2026-02-16T09:00:00+01:00"), object{"name": "Rest"}, "Idempotency-Key", "s").ok(200)
		a := h.as("alice", "POST", "/meetings", weekly(), "Idempotency-Key", "k")
		a.fails(409, "under-way", "")
		if a.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		h.clock = now.Add(3 * time.Minute)
		again := h.as("alice", "POST", "/meetings", weekly(), "Idempotency-Key", "k").ok(201)
		if text(again, "id") != text(m, "id") {
			t.Errorf("another meeting was made: %v", again)
		}
		rest := h.as("alice", "PATCH", "/meetings/"+text(m, "id")+from("2026-02-16T09:00:00+01:00"), object{"name": "Rest"}, "Idempotency-Key", "s").ok(200)
		if text(rest, "name") != "Rest" || len(h.starts("alice")) != 10 {
			t.Errorf("the rest = %v, of %v", rest, h.starts("alice"))
		}
	})
}

// noEnd keeps no answers.
type noEnd struct{ storage.Store }

func (noEnd) EndRequest(context.Context, *storage.Request) error { return nil }

// TestAtOnce: of the same request sent many times at once, one is carried out.
func TestAtOnce(t *testing.T) {
	each(t, func(h *house) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if a := h.as("alice", "POST", "/meetings", weekly(), "Idempotency-Key", "k"); a.Code != 201 && a.Code != 409 {
					t.Errorf("answer = %d %s", a.Code, a.Body)
				}
			})
		}
		wg.Wait()
		if n := len(h.starts("alice")); n != 10 {
			t.Errorf("%d instances, want those of one meeting", n)
		}
	})
}

// TestChangedAtOnce: changes of one meeting at once are all there in the end, and of two with the same If-Match one is.
func TestChangedAtOnce(t *testing.T) {
	each(t, func(h *house) {
		m := h.as("alice", "POST", "/meetings", weekly()).ok(201)
		path := "/meetings/" + text(m, "id")
		var wg sync.WaitGroup
		for _, body := range []object{{"name": "A"}, {"location": "B"}, {"description": "C"}, {"link": "https://example.com/d"}} {
			wg.Go(func() { h.as("alice", "PATCH", path, body).ok(200) })
		}
		wg.Wait()
		m = h.as("alice", "GET", path, nil).ok(200)
		if text(m, "name")+text(m, "location")+text(m, "description")+text(m, "link") != "ABChttps://example.com/d" {
			t.Errorf("meeting = %v", m)
		}
		var mu sync.Mutex
		codes := map[int]int{}
		for _, name := range []string{"X", "Y"} {
			wg.Go(func() {
				a := h.as("alice", "PATCH", path, object{"name": name}, "If-Match", text(m, "etag"))
				mu.Lock()
				codes[a.Code]++
				mu.Unlock()
			})
		}
		wg.Wait()
		if codes[200] != 1 || codes[412] != 1 {
			t.Errorf("codes = %v, want one 200 and one 412", codes)
		}
		if a := h.as("alice", "GET", path, nil, "If-None-Match", `W/"x", `+text(h.as("alice", "GET", path, nil).ok(200), "etag")); a.Code != 304 || a.Body.Len() > 0 {
			t.Errorf("If-None-Match = %d %s", a.Code, a.Body)
		}
	})
}

// sse reads server-sent events.
type sse struct {
	t     testing.TB
	in    *bufio.Scanner
	close func()
}

func (h *house) listen(server *httptest.Server, who, query string, headers ...string) *sse {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), 2*time.Minute)
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+api.Prefix+"/changes/stream"+query, nil)
	if err != nil {
		h.Fatal(err)
	}
	if strings.HasPrefix(who, "kal_") {
		r.Header.Set("Authorization", "Bearer "+who)
	} else {
		r.SetBasicAuth(who, who)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := server.Client().Do(r)
	if err != nil {
		h.Fatal(err)
	}
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		h.Fatalf("stream = %d %v", res.StatusCode, res.Header)
	}
	s := &sse{h.TB, bufio.NewScanner(res.Body), func() { cancel(); res.Body.Close() }}
	h.Cleanup(s.close)
	return s
}

// next returns the next event: its type, id and data; "" at the end.
func (s *sse) next() (event, id string, data object) {
	for s.in.Scan() {
		name, value, _ := strings.Cut(s.in.Text(), ": ")
		switch name {
		case "event":
			event = value
		case "id":
			id = value
		case "data":
			if value != "" {
				if err := json.Unmarshal([]byte(value), &data); err != nil {
					s.t.Fatal(err)
				}
			}
			return event, id, data
		}
	}
	return "", "", nil
}

// TestStream: what changes here, by another server, or by a calendar program, is told as it happens.
func TestStream(t *testing.T) {
	each(t, func(h *house) {
		server := httptest.NewServer(h.api)
		defer server.Close()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.api.Run(ctx) }()
		s := h.listen(server, "bob", "")
		if event, id, data := s.next(); event != "changes" || id == "" || len(list(data, "changes")) != 0 {
			t.Fatalf("first event = %s %s %v", event, id, data)
		}
		m := h.as("alice", "POST", "/meetings", weekly()).ok(201) // bob is invited
		event, id, data := s.next()
		if c := list(data, "changes"); event != "changes" || len(c) != 1 || text(c[0], "uid") != text(m, "uid") || text(c[0], "id") != h.id("bob", text(m, "uid")) {
			t.Fatalf("event = %s %v", event, data)
		}
		h.caldav("bob", "PUT", "/dav/calendars/bob/calendar/foreign.ics", foreign)
		if _, _, data = s.next(); text(list(data, "changes")[0], "uid") != "foreign" {
			t.Fatalf("event = %v", data)
		}
		s.close()
		// It comes back and hears what it has missed.
		h.caldav("bob", "DELETE", "/dav/calendars/bob/calendar/foreign.ics", "")
		s = h.listen(server, "bob", "", "Last-Event-ID", id)
		if _, _, data = s.next(); len(list(data, "changes")) != 1 || list(data, "changes")[0]["deleted"] != true {
			t.Fatalf("event after coming back = %v", data)
		}
		// A token that is none.
		h.as("bob", "GET", "/changes/stream?since=x", nil).fails(422, "invalid", "since")
		stale := h.listen(server, "bob", "?since=AgIAAAAA")
		if event, _, _ := stale.next(); event != "sync-again" {
			t.Errorf("event for another time of the database = %q", event)
		}
		// Not too many.
		for range 8 {
			h.listen(server, "carol", "").next()
		}
		h.as("carol", "GET", "/changes/stream", nil).fails(429, "too-many-streams", "")
		h.listen(server, "alice", "").next()
		// The server stops.
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for event := "x"; event != ""; {
			event, _, _ = s.next()
		}
	})
}

// TestStreamBudget: the bound on computing does not end a stream that waits; a client that goes does.
func TestStreamBudget(t *testing.T) {
	h := newSQLite(t)
	contexts := make(chan context.CancelCauseFunc, 1)
	done := make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancelCause(r.Context())
		contexts <- cancel
		h.api.ServeHTTP(w, r.WithContext(ctx))
		close(done)
	}))
	defer server.Close()
	go h.api.Run(t.Context())
	s := h.listen(server, "bob", "")
	s.next()
	cancel := <-contexts
	cancel(httpserver.ErrTooLong)
	h.as("bob", "POST", "/meetings", object{"name": "x", "start": "2026-02-02", "allDay": true}).ok(201)
	if event, _, data := s.next(); event != "changes" || len(list(data, "changes")) != 1 {
		t.Errorf("event = %q %v", event, data)
	}
	s.close()
	server.CloseClientConnections()
	h.as("bob", "POST", "/meetings", object{"name": "y", "start": "2026-02-02", "allDay": true}).ok(201) // writing finds out
	<-done
}
