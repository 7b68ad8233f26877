package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kalends/api"
	"kalends/auth"
	"kalends/caldav"
	"kalends/internal/housetest"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// now is the time in all tests: a Thursday.
var now = housetest.Start

var people = []auth.NewUser{
	{Name: "alice", DisplayName: "Alice Arm", Email: "alice@example.com"},
	{Name: "bob", DisplayName: "Bob Bee", Email: "bob@example.com"},
	{Name: "carol", DisplayName: "Carol Cee", Email: "carol@example.com"},
	{Name: "oak", DisplayName: "Oak room", Email: "oak@example.com", Kind: "room"},
	{Name: "elm", DisplayName: "Elm room", Email: "elm@example.com", Kind: "room"},
	{Name: "root", DisplayName: "Administrator", Email: "root@example.com", Kind: "admin"},
	{Name: "mute"},
}

// house is a server with people in it, and CalDAV beside the API.
type house struct {
	*housetest.House
	store  storage.Store
	api    *api.Handler
	dav    *caldav.Handler
	clock  time.Time
	tokens *auth.Tokens
}

func newHouse(t *testing.T, s storage.Store) *house {
	t.Helper()
	h := &house{store: s, clock: now}
	h.House = housetest.New(t, s, func() time.Time { return h.clock }, people...)
	h.Change("alice", func(p *storage.Principal) { p.TimeZone = "Europe/Berlin" })
	h.Change("bob", func(p *storage.Principal) { p.TimeZone = "America/New_York" })
	var made atomic.Int64 // requests come at once
	h.api = &api.Handler{
		Calendar: h.Service, Auth: housetest.Names{Reader: s}, Store: s, Log: h.Log, Now: h.Now, Poll: 5 * time.Millisecond,
		NewUID: func() string { return fmt.Sprintf("uid-%d", made.Add(1)) },
	}
	h.dav = &caldav.Handler{Calendar: h.Service, Auth: housetest.Names{Reader: s}, Store: s, Log: h.Log, Now: h.Now}
	h.tokens = &auth.Tokens{Store: s, Now: h.Now}
	return h
}

// each runs a test with a new house on each database.
func each(t *testing.T, fn func(h *house)) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) { fn(newHouse(t, s)) })
}

// object is JSON.
type object = map[string]any

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	h *house
}

// as sends a request as somebody: a name, a token, or "" for nobody. The body is JSON, or a string as it is.
func (h *house) as(who, method, path string, body any, headers ...string) answer {
	h.Helper()
	return h.asIn(h.Context(), who, method, path, body, headers...)
}

func (h *house) asIn(ctx context.Context, who, method, path string, body any, headers ...string) answer {
	h.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			h.Fatal(err)
		}
		in = bytes.NewReader(text)
	}
	r := httptest.NewRequestWithContext(ctx, method, api.Prefix+path, in)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	switch {
	case strings.HasPrefix(who, "kal_"):
		r.Header.Set("Authorization", "Bearer "+who)
	case who != "":
		r.SetBasicAuth(who, who)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, r)
	h.conforms(method, path, w)
	return answer{w, h}
}

// ok checks the status and returns the body.
func (a answer) ok(status int) object {
	a.h.Helper()
	if a.Code != status {
		a.h.Fatalf("status = %d, want %d: %s", a.Code, status, a.Body)
	}
	if a.Body.Len() == 0 {
		return nil
	}
	var o object
	if err := json.Unmarshal(a.Body.Bytes(), &o); err != nil {
		a.h.Fatalf("%v: %s", err, a.Body)
	}
	return o
}

// fails checks that the answer is a problem of that kind, which names the field ("" for none).
func (a answer) fails(status int, kind, field string) {
	a.h.Helper()
	var p api.Problem
	if err := json.Unmarshal(a.Body.Bytes(), &p); err != nil || a.Header().Get("Content-Type") != "application/problem+json" {
		a.h.Errorf("%d is no problem document: %s %s", a.Code, a.Header(), a.Body)
		return
	}
	got := ""
	if len(p.Errors) > 0 {
		got = p.Errors[0].Field
	}
	if a.Code != status || p.Status != status || p.Type != api.Prefix+"/docs#"+kind || got != field {
		a.h.Errorf("answer = %d %s %q, want %d %s %q: %s", a.Code, p.Type, got, status, kind, field, a.Body)
	}
}

func sha256Of(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func text(o object, name string) string { s, _ := o[name].(string); return s }

func list(o object, name string) []object {
	var out []object
	items, _ := o[name].([]any)
	for _, i := range items {
		m, _ := i.(object)
		out = append(out, m)
	}
	return out
}

// caldav sends a CalDAV request and returns the body.
func (h *house) caldav(who, method, path, body string) (int, string) {
	h.Helper()
	r := httptest.NewRequestWithContext(h.Context(), method, path, strings.NewReader(body))
	r.SetBasicAuth(who, who)
	if method == "PUT" {
		r.Header.Set("Content-Type", "text/calendar")
	}
	w := httptest.NewRecorder()
	h.dav.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// ics returns what a calendar program sees of a meeting in somebody's calendar.
func (h *house) ics(who, uid string) string {
	h.Helper()
	list, err := h.store.ObjectsByUID(h.Context(), []int64{h.Principal(who).ID}, uid)
	if err != nil {
		h.Fatal(err)
	}
	if len(list) != 1 {
		return ""
	}
	status, body := h.caldav(who, "GET", "/dav/calendars/"+who+"/calendar/"+list[0].Name, "")
	if status != http.StatusOK {
		h.Fatalf("GET by CalDAV = %d", status)
	}
	return strings.ReplaceAll(body, "\r\n ", "")
}

// id returns the API's id of the meeting with that UID in somebody's calendar.
func (h *house) id(who, uid string) string {
	h.Helper()
	o := h.as(who, "GET", "/events?from=2025-01-01T00:00:00Z&to=2029-01-01T00:00:00Z&limit=1000", nil).ok(200)
	for _, e := range list(o, "events") {
		if text(e, "uid") == uid {
			return text(e, "id")
		}
	}
	h.Fatalf("%s has no meeting %s", who, uid)
	return ""
}

// weekly is a meeting of alice with bob every Monday and Thursday.
func weekly() object {
	return object{
		"name": "Planning", "start": "2026-02-02T09:00:00+01:00", "end": "2026-02-02T10:00:00+01:00",
		"recurrence": object{"every": "week", "on": []string{"monday", "thursday"}, "count": 10},
		"invited":    []object{{"address": "bob@example.com"}},
	}
}

func contains(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in\n%s", p, text)
		}
	}
}

func lacks(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if strings.Contains(text, p) {
			t.Errorf("%q is in\n%s", p, text)
		}
	}
}

func newSQLite(t *testing.T) *house { return newHouse(t, storagetest.SQLite(t)) }
