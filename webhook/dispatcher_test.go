package webhook_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kalends/calendar"
	"kalends/storage"
	"kalends/storage/storagetest"
	"kalends/webhook"
)

const address = "https://hooks.example.com/in"

// exampleSignature was made by openssl and by Python's hmac.
const exampleSignature = "Rlvw30qJVUCYLNKUj7oT9vY5KQ4y4ZS4sc+fXQbNOMQ="

// TestSignature is the example of docs/api.md, checked with openssl and Python's hmac.
func TestSignature(t *testing.T) {
	const secret, id, at, body = "whsec_a2FsZW5kcy1leGFtcGxlLXNlY3JldC0wMTIzNDU2Nzg5", "msg_example", "1767601200", `{"type":"webhook.test"}`
	r := received{header: http.Header{}, body: []byte(body)}
	r.header.Set("webhook-id", id)
	r.header.Set("webhook-timestamp", at)
	r.header.Set("webhook-signature", "v1,"+exampleSignature)
	if !verify(secret, r) {
		t.Error("the example of the documentation is wrong")
	}
	seconds, _ := strconv.ParseInt(at, 10, 64)
	key, err := webhook.ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	if got := webhook.Sign(key, id, time.Unix(seconds, 0), []byte(body)); got != "v1,"+exampleSignature {
		t.Errorf("sign = %s", got)
	}
	for _, bad := range []string{"", "whsec_", "whsec_AAAA", "a2FsZW5kcy1leGFtcGxlLXNlY3JldC0wMTIzNDU2Nzg5", "whsec_!" + secret[6:], "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65))} {
		if _, err := webhook.ParseSecret(bad); err == nil {
			t.Errorf("ParseSecret(%q)", bad)
		}
	}
}

// TestDelivery: what has changed arrives once, signed, and in order.
func TestDelivery(t *testing.T) {
	each(t, func(h *house) {
		w, secret := h.hook(address)
		h.put(h.alice, "a")
		h.put(h.alice, "b")
		h.round()
		h.round()
		got := h.in.taken()
		if len(got) != 2 || got[0].m.Changes[0].UID != "a" || got[1].m.Sequence != 2 {
			h.Fatalf("%d messages came: %+v", len(got), got)
		}
		for _, r := range got {
			if !verify(secret, r) || r.host != "hooks.example.com" || r.header.Get("Content-Type") != "application/json" || r.header.Get("webhook-id") != r.m.ID ||
				r.header.Get("webhook-timestamp") != strconv.FormatInt(start.Unix(), 10) || r.header.Get("Authorization")+r.header.Get("Cookie") != "" {
				h.Errorf("came %v", r.header)
			}
			r.body[len(r.body)-2]++
			if verify(secret, r) {
				h.Error("a changed body has a good signature")
			}
		}
		h.expectDeliveries(w, "1 done (1)", "2 done (1)")
		if now := h.get(w); !now.LastOK.Equal(h.now()) || now.Failures != 0 {
			h.Errorf("after success: %+v", now)
		}
		if !strings.HasPrefix(secret, "whsec_") || strings.Contains(h.log.String(), secret[8:]) || strings.Contains(string(h.get(w).Secret), secret[8:]) {
			h.Error("the secret is told")
		}
	})
}

// TestFailures: every answer that is no success is tried again, later each time, with the same id and body and a new time and signature.
func TestFailures(t *testing.T) {
	each(t, func(h *house) {
		for _, status := range []int{100 * 3, 301, 307, 400, 401, 404, 429, 500, 503, 599} {
			w, secret := h.hook(address)
			h.in.answer(status, "Location", "http://127.0.0.1:1/", "Refresh", "0")
			h.put(h.alice, fmt.Sprint("f", status))
			h.round()
			h.round()
			first := h.in.taken()
			if len(first) != 1 {
				h.Fatalf("%d: %d messages came", status, len(first))
			}
			h.expectDeliveries(w, fmt.Sprintf("1 ready %d (1)", status))
			now := h.get(w)
			if wait := now.Hold.Sub(h.now()); now.Failures != 1 || wait < 7500*time.Millisecond || wait > 12500*time.Millisecond {
				h.Errorf("%d: held for %v, %+v", status, wait, now)
			}
			h.in.answer(204)
			h.add(12500 * time.Millisecond)
			h.round()
			second := h.in.taken()
			if len(second) != 1 || second[0].m.ID != first[0].m.ID || string(second[0].body) != string(first[0].body) || !verify(secret, second[0]) ||
				second[0].header.Get("webhook-signature") == first[0].header.Get("webhook-signature") {
				h.Errorf("%d: once more came %+v", status, second)
			}
			h.expectDeliveries(w, "1 done (2)")
			if now := h.get(w); now.Failures != 0 || !now.Hold.IsZero() || !now.FailingSince.IsZero() {
				h.Errorf("%d: after success %+v", status, now)
			}
			if err := h.desk.Remove(h.Context(), w.Owner, w.ID); err != nil {
				h.Fatal(err)
			}
		}
	})
}

// TestRetryAfter: who asks for time gets it, whatever it asks for within bounds.
func TestRetryAfter(t *testing.T) {
	each(t, func(h *house) {
		w, _ := h.hook(address)
		h.in.answer(429, "Retry-After", "3600")
		h.put(h.alice, "a")
		h.round()
		h.in.answer(503, "Retry-After", h.now().Add(2*time.Hour).Format(http.TimeFormat))
		h.add(59 * time.Minute)
		h.put(h.alice, "b")
		h.round()
		if n := len(h.in.taken()); n != 1 {
			h.Errorf("%d came before the hour was over", n)
		}
		h.add(time.Minute)
		h.round()
		if now := h.get(w); now.Hold.Sub(h.now()) != time.Hour {
			h.Errorf("held until %v at %v", now.Hold, h.now())
		}
	})
	for text, want := range map[string]time.Duration{
		"": 0, "x": 0, "-1": 0, "1.5": 0, "0": 0, "60": time.Minute, "999999999": 24 * time.Hour, "99999999999999999999": 0,
		"Mon, 05 Jan 2026 09:00:00 GMT": time.Hour, "Mon, 05 Jan 2026 07:00:00 GMT": 0, "Mon, 05 Jan 2099 07:00:00 GMT": 24 * time.Hour,
	} {
		if got := webhook.RetryAfter(text, start); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", text, got, want)
		}
	}
}

// TestGone: 410 ends a webhook at once, and its owner is told.
func TestGone(t *testing.T) {
	each(t, func(h *house) {
		w, _ := h.hook(address)
		h.in.answer(410)
		h.put(h.alice, "a")
		h.put(h.alice, "b")
		h.round()
		h.round()
		h.put(h.alice, "c")
		h.add(time.Hour)
		h.round()
		if n := len(h.in.taken()); n != 1 {
			h.Errorf("%d messages came", n)
		}
		if now := h.get(w); now.State != storage.WebhookOff || now.Reason != webhook.OffGone {
			h.Errorf("it is %+v", now)
		}
		h.expectDeliveries(w, "1 failed 410 (1)", "2 failed gone (0)")
		if !slices.Equal(h.notices, []string{"gone " + address}) {
			h.Errorf("notices %q", h.notices)
		}
		jobs, err := h.store.Jobs(h.Context(), nil, 10)
		if err != nil || len(jobs) != 1 || jobs[0].Kind != "letter" {
			h.Errorf("jobs %v, %v", jobs, err)
		}
		// Switched on by its owner, it is told again from then on.
		on := false
		if _, err := h.desk.Change(h.Context(), w.Owner, w.ID, webhook.Edit{Paused: &on}); err != nil {
			h.Fatal(err)
		}
		h.in.answer(200)
		h.put(h.alice, "d")
		h.round()
		if got := h.in.taken(); len(got) != 1 || got[0].m.Changes[0].UID != "d" || got[0].m.Sequence != 3 {
			h.Errorf("then came %+v", got)
		}
	})
}

// TestGivenUp: for three days, at most an hour apart, then the webhook is switched off; one message that is refused among others is given
// up alone.
func TestGivenUp(t *testing.T) {
	each(t, func(h *house) {
		w, _ := h.hook(address)
		h.in.answer(500)
		h.put(h.alice, "a")
		h.put(h.alice, "b")
		last, attempts := h.now(), 0
		for end := h.now().Add(80 * time.Hour); h.now().Before(end); h.add(5 * time.Minute) {
			h.round()
			if n := len(h.in.taken()); n > 0 {
				attempts += n
				if gap := h.now().Sub(last); gap > 80*time.Minute {
					h.Errorf("%v between two attempts", gap)
				}
				last = h.now()
			}
		}
		if after := last.Sub(start); attempts < 50 || attempts > 110 || after < 70*time.Hour || after > 74*time.Hour {
			h.Errorf("%d attempts, the last after %v", attempts, after)
		}
		if now := h.get(w); now.State != storage.WebhookOff || now.Reason != webhook.OffFailing || len(h.notices) != 1 {
			h.Errorf("it is %+v, notices %q", now, h.notices)
		}
	})
	each(t, func(h *house) {
		w, _ := h.hook(address)
		h.in.next = func(w http.ResponseWriter, r *http.Request) {
			h.in.mu.Lock()
			defer h.in.mu.Unlock()
			if h.in.got[len(h.in.got)-1].m.Sequence == 1 {
				w.WriteHeader(400)
			}
		}
		h.put(h.alice, "poison")
		for range 14 {
			h.round()
			h.add(6 * time.Hour)
			h.put(h.alice, "other")
		}
		list := h.deliveries(w)
		if !strings.HasPrefix(list[0], "1 failed 400") || list[10] != "11 done (1)" {
			h.Errorf("deliveries %q", list)
		}
		if now := h.get(w); now.State != storage.WebhookOn || len(h.notices) > 0 {
			h.Errorf("it is %+v", now)
		}
	})
}

// TestKilledBeforeTheAnswerIsWritten: the receiver has it, and the server dies before that is written down. Another sends it again, with the
// same id, when the lease is over; what the first would have written counts no more.
func TestKilledBeforeTheAnswerIsWritten(t *testing.T) {
	each(t, func(h *house) {
		w, secret := h.hook(address)
		h.put(h.alice, "a")
		h.dispatcher.Store = killed{h.store}
		h.round()
		h.dispatcher = h.server()
		h.round()
		if n := len(h.in.taken()); n != 1 {
			h.Fatalf("%d came before the lease was over", n)
		}
		h.expectDeliveries(w, "1 ready (0)")
		h.add(time.Minute)
		h.put(h.alice, "b")
		h.round()
		got := h.in.taken()
		if len(got) != 2 || got[0].m.Sequence != 1 || got[1].m.Sequence != 2 || !verify(secret, got[0]) {
			h.Errorf("then came %+v", got)
		}
		h.expectDeliveries(w, "1 done (1)", "2 done (1)")
	})
}

// killed is a store whose server dies when it would write something down.
type killed struct{ storage.Store }

var errKilled = errors.New("killed")

func (killed) FinishDelivery(context.Context, storage.DeliveryOutcome) error { return errKilled }
func (killed) ReleaseWebhook(context.Context, storage.ClaimedWebhook, time.Time) error {
	return errKilled
}

// TestServersShare: of several servers each message is sent by one.
func TestServersShare(t *testing.T) {
	each(t, func(h *house) {
		for i := range 10 {
			h.hook(fmt.Sprintf("https://h%d.example.com/", i))
		}
		for i := range 5 {
			h.put(h.alice, fmt.Sprint("e", i))
		}
		ctx, stop := context.WithCancel(h.Context())
		var servers sync.WaitGroup
		for range 3 {
			servers.Go(func() {
				if err := h.server().Run(ctx); err != nil {
					h.Error(err)
				}
			})
		}
		deadline := time.After(2 * time.Minute)
		for {
			depth, err := h.store.WebhookDepth(h.Context())
			if err != nil {
				h.Fatal(err)
			}
			if depth.Count == 0 {
				break
			}
			select {
			case <-deadline:
				h.Fatalf("%d still wait", depth.Count)
			case <-time.After(10 * time.Millisecond):
			}
		}
		stop()
		servers.Wait()
		seen, last := map[string]bool{}, map[string]int64{}
		for _, r := range h.in.taken() {
			if seen[r.m.ID] {
				h.Errorf("%s came twice", r.m.ID)
			}
			if seen[r.m.ID] = true; r.m.Sequence != last[r.host]+1 {
				h.Errorf("%s: %d after %d", r.host, r.m.Sequence, last[r.host])
			}
			last[r.host] = r.m.Sequence
		}
		if len(seen) != 50 {
			h.Errorf("%d messages came", len(seen))
		}
	})
}

// TestOddAnswers: a body without end, a head without end, and none at all hold nobody up.
func TestOddAnswers(t *testing.T) {
	h := newHouse(t, storagetest.SQLite(t))
	w, _ := h.hook(address)
	h.in.next = func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}
	h.put(h.alice, "endless")
	h.round()
	h.expectDeliveries(w, "1 done (1)")
	h.in.next = func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			c.Close()
		}
	}
	h.put(h.alice, "cut")
	h.round()
	h.expectDeliveries(w, "1 done (1)", "2 ready connect (1)")
}

// TestPausedAndTests: what happens while a webhook is paused is kept for it; a test goes out at once, also then, and says nothing
// about how it goes otherwise.
func TestPausedAndTests(t *testing.T) {
	each(t, func(h *house) {
		w, secret := h.hook(address)
		yes, no := true, false
		if _, err := h.desk.Change(h.Context(), w.Owner, w.ID, webhook.Edit{Paused: &yes}); err != nil {
			h.Fatal(err)
		}
		h.put(h.alice, "a")
		h.round()
		if n := len(h.in.taken()); n > 0 {
			h.Errorf("%d came while it is paused", n)
		}
		h.in.answer(500)
		if _, err := h.desk.Test(h.Context(), w.Owner, w.ID); err != nil {
			h.Fatal(err)
		}
		if _, err := h.desk.Test(h.Context(), w.Owner, w.ID); err == nil {
			h.Error("two tests at once")
		}
		h.round()
		h.round()
		if got := h.in.taken(); len(got) != 1 || got[0].m.Type != webhook.TestMessage || !verify(secret, got[0]) {
			h.Errorf("as a test came %+v", got)
		}
		h.expectDeliveries(w, "1 ready (0)", "2 failed 500 (1)")
		if now := h.get(w); now.Failures != 0 {
			h.Errorf("a test counts: %+v", now)
		}
		h.in.answer(200)
		if _, err := h.desk.Change(h.Context(), w.Owner, w.ID, webhook.Edit{Paused: &no}); err != nil {
			h.Fatal(err)
		}
		h.round()
		h.expectDeliveries(w, "1 done (1)", "2 failed 500 (1)")
	})
}

// TestAccessEnds: who may no longer read a calendar is told nothing of it, not even what waited already.
func TestAccessEnds(t *testing.T) {
	each(t, func(h *house) {
		ctx := h.Context()
		target := calendar.Target{Owner: h.alice, Slug: "calendar"}
		if err := h.calendar.Share(ctx, h.alice, target, []calendar.ShareRequest{{With: h.bob, Access: calendar.ShareRead, Direct: true}}); err != nil {
			h.Fatal(err)
		}
		cal, err := h.store.Calendar(ctx, h.alice.ID, "calendar")
		if err != nil {
			h.Fatal(err)
		}
		url := address
		w, _, err := h.desk.Add(ctx, h.bob, webhook.Edit{URL: &url, Watches: []storage.WebhookWatch{{Owner: h.alice.ID, Calendar: cal.ID}}})
		if err != nil {
			h.Fatal(err)
		}
		h.put(h.alice, "a")
		h.round()
		h.put(h.alice, "b")
		if err := h.calendar.Unshare(ctx, h.alice, target, []*storage.Principal{h.bob}); err != nil {
			h.Fatal(err)
		}
		h.round()
		if got := h.in.taken(); len(got) != 1 || got[0].m.Changes[0].UID != "a" {
			h.Errorf("came %+v", got)
		}
		h.expectDeliveries(w, "1 done (1)", "2 failed access (1)")
		if now := h.get(w); now.State != storage.WebhookOn || now.Failures > 0 {
			h.Errorf("it is %+v", now)
		}
	})
}

func TestBackoff(t *testing.T) {
	last := time.Duration(0)
	for n := range int64(100) {
		got := webhook.Backoff(n + 1)
		if got < last || got < 10*time.Second || got > time.Hour {
			t.Errorf("backoff(%d) = %v", n+1, got)
		}
		last = got
	}
	if webhook.Backoff(1) != 10*time.Second || webhook.Backoff(3) != 40*time.Second || last != time.Hour {
		t.Errorf("backoff ends at %v", last)
	}
}
