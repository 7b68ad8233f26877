package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
	"kalends/storage/storagetest"
	"kalends/webhook"
)

var start = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// house is a server with two people, one that is told, and a clock.
type house struct {
	*testing.T
	store      storage.Store
	calendar   *calendar.Service
	desk       *webhook.Desk
	dispatcher *webhook.Dispatcher
	alice, bob *storage.Principal
	clock      atomic.Int64
	in         *receiver
	notices    []string
	log        strings.Builder
}

func (h *house) now() time.Time       { return time.UnixMicro(h.clock.Load()).UTC() }
func (h *house) add(by time.Duration) { h.clock.Add(by.Microseconds()) }

func each(t *testing.T, fn func(h *house)) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) { fn(newHouse(t, s)) })
}

func newHouse(t *testing.T, s storage.Store) *house {
	t.Helper()
	h := &house{T: t, store: s, in: newReceiver(t)}
	h.clock.Store(start.UnixMicro())
	log := slog.New(slog.NewTextHandler(&h.log, nil))
	h.calendar = &calendar.Service{Store: s, Now: h.now, Log: log}
	d := &auth.Directory{Store: s}
	for i, p := range []**storage.Principal{&h.alice, &h.bob} {
		var err error
		if *p, err = d.Add(t.Context(), auth.NewUser{Name: []string{"alice", "bob"}[i], Email: []string{"alice", "bob"}[i] + "@example.com", Kind: "user"}); err != nil {
			t.Fatal(err)
		}
	}
	secret, err := s.Secret(t.Context(), "webhook")
	if err != nil {
		t.Fatal(err)
	}
	vault, err := webhook.NewVault(secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.desk = &webhook.Desk{Store: s, Vault: vault, Now: h.now}
	h.dispatcher = h.server()
	return h
}

// server is one of several on the database.
func (h *house) server() *webhook.Dispatcher {
	return &webhook.Dispatcher{
		Store: h.store, Vault: h.desk.Vault, Client: h.in, Now: h.now, Log: slog.New(slog.NewTextHandler(&h.log, nil)),
		Notice: func(_ context.Context, _ storage.Tx, w *storage.Webhook, job int64, _ time.Time) (*storage.Job, error) {
			h.notices = append(h.notices, w.Reason+" "+w.URL)
			return &storage.Job{Kind: "letter", Recipient: "alice@example.com"}, nil
		},
		MayRead: func(c context.Context, owner int64, of storage.WebhookWatch) (bool, error) {
			return h.calendar.MayHear(c, owner, of)
		},
	}
}

// hook makes a webhook of alice, and returns it with its secret.
func (h *house) hook(url string) (*storage.Webhook, string) {
	h.Helper()
	w, secret, err := h.desk.Add(h.Context(), h.alice, webhook.Edit{URL: &url})
	if err != nil {
		h.Fatal(err)
	}
	return w, secret
}

// put writes an event into somebody's calendar.
func (h *house) put(who *storage.Principal, uid string) {
	h.Helper()
	text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260110T090000Z\r\nSEQUENCE:" +
		strconv.FormatInt(h.clock.Load()%1000000, 10) + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	_, err := h.calendar.Put(h.Context(), calendar.PutRequest{Who: who, Target: calendar.Target{Owner: who, Slug: "calendar", Name: uid + ".ics"}, Body: []byte(text)})
	if err != nil {
		h.Fatal(err)
	}
}

// round has the dispatcher look once.
func (h *house) round() {
	h.Helper()
	if _, err := h.dispatcher.Round(h.Context()); err != nil {
		h.Fatal(err)
	}
}

// deliveries are those of a webhook, as "sequence state status-or-error attempts", oldest first.
func (h *house) deliveries(w *storage.Webhook) (out []string) {
	h.Helper()
	list, err := h.desk.Deliveries(h.Context(), w.Owner, w.ID, 0, 0)
	if err != nil {
		h.Fatal(err)
	}
	for _, d := range list {
		line := fmt.Sprintf("%d %s", d.Sequence, d.State)
		if d.Error != "" {
			line += " " + d.Error
		}
		out = append([]string{fmt.Sprintf("%s (%d)", line, d.Attempt)}, out...)
	}
	return out
}

func (h *house) expectDeliveries(w *storage.Webhook, want ...string) {
	h.Helper()
	if got := h.deliveries(w); strings.Join(got, ", ") != strings.Join(want, ", ") {
		h.Errorf("deliveries %q, want %q", got, want)
	}
}

func (h *house) get(w *storage.Webhook) *storage.Webhook {
	h.Helper()
	got, err := h.desk.Get(h.Context(), w.Owner, w.ID)
	if err != nil {
		h.Fatal(err)
	}
	return got
}

// receiver is a web server that is told, whatever name it is called by.
type receiver struct {
	srv  *httptest.Server
	mu   sync.Mutex
	got  []received
	next func(w http.ResponseWriter, r *http.Request) // how it answers; nil: 204
}

type received struct {
	host   string
	header http.Header
	body   []byte
	m      webhook.Message
}

func newReceiver(t *testing.T) *receiver {
	in := &receiver{}
	in.srv = httptest.NewServer(in)
	t.Cleanup(in.srv.Close)
	return in
}

func (in *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	one := received{host: r.Host, header: r.Header, body: body}
	_ = json.Unmarshal(body, &one.m)
	in.mu.Lock()
	in.got = append(in.got, one)
	answer := in.next
	in.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, r)
}

// RoundTrip sends every request to the server.
func (in *receiver) RoundTrip(r *http.Request) (*http.Response, error) {
	q := r.Clone(r.Context())
	q.URL.Scheme, q.Host, q.URL.Host = "http", r.URL.Host, strings.TrimPrefix(in.srv.URL, "http://")
	return in.srv.Client().Transport.RoundTrip(q)
}

// answer has it answer with a status and headers from now on.
func (in *receiver) answer(status int, headers ...string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.next = func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
	}
}

// taken returns what came since it was asked last.
func (in *receiver) taken() []received {
	in.mu.Lock()
	defer in.mu.Unlock()
	list := in.got
	in.got = nil
	return list
}

// verify is what a receiver does, written from the specification of Standard Webhooks alone: it reports whether one of the signatures is
// by the secret, over id, timestamp and body.
func verify(secret string, r received) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	signed := fmt.Sprintf("%s.%s.%s", r.header.Get("webhook-id"), r.header.Get("webhook-timestamp"), r.body)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	for s := range strings.FieldsSeq(r.header.Get("webhook-signature")) {
		version, sum, _ := strings.Cut(s, ",")
		got, err := base64.StdEncoding.DecodeString(sum)
		if version == "v1" && err == nil && hmac.Equal(got, mac.Sum(nil)) {
			return true
		}
	}
	return false
}
