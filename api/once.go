package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"kalends/storage"
)

const (
	// keepRequests is how long the answer to a request with an Idempotency-Key is kept.
	keepRequests = 24 * time.Hour
	// requestLease is longer than any request may take.
	requestLease = 2 * time.Minute
)

// once carries out a request that may come twice. run gets the UID that the meeting it makes is to have: of a request that was cut
// off it is the same again. What failed is not kept, so that a request can be mended.
func once[O any](ctx context.Context, h *Handler, q *caller, key, name string, request any, run func(uid string) (*O, error)) (*O, error) {
	if key == "" {
		return run(h.newUID())
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, wrong("header", "Idempotency-Key", "must be printable ASCII")
	}
	text, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("request of %s: %w", name, err)
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), text...))
	now := h.Now().UTC()
	r := &storage.Request{
		Owner: q.who.ID, Key: key, Request: hex.EncodeToString(sum[:]), Ref: h.newUID(), Created: now, Lease: now.Add(requestLease),
	}
	there, err := h.Store.BeginRequest(ctx, r, now, now.Add(-keepRequests))
	if err != nil {
		return nil, err
	}
	if there != nil {
		return replay[O](there, r, now)
	}
	done := false
	// The outcome is noted even when the client has gone.
	end := func() {
		if err := h.Store.EndRequest(context.WithoutCancel(ctx), r); err != nil {
			h.Log.WarnContext(ctx, "answer of a request is not kept", "err", err)
		}
	}
	defer func() {
		if !done { // it failed, or panicked
			r.Status = 0
			end()
		}
	}()
	out, err := run(r.Ref)
	if err != nil {
		return nil, err
	}
	if r.Answer, err = json.Marshal(out); err != nil {
		return nil, fmt.Errorf("answer of %s: %w", name, err)
	}
	r.Status, done = http.StatusOK, true
	end()
	return out, nil
}

// replay answers a request that came before.
func replay[O any](there, r *storage.Request, now time.Time) (*O, error) {
	switch {
	case there.Request != r.Request:
		return nil, &refusal{
			problem: keyReused, detail: "this Idempotency-Key was sent with another request; every request needs its own",
			fields: []FieldError{{"header", "Idempotency-Key", "was sent with another request"}},
		}
	case there.Status == 0:
		return nil, &refusal{problem: underWay, detail: "the same request is being carried out; try again soon", retry: min(max(there.Lease.Sub(now), time.Second), 5*time.Second)}
	}
	out := new(O)
	if err := json.Unmarshal(there.Answer, out); err != nil {
		return nil, fmt.Errorf("kept answer: %w", err)
	}
	return out, nil
}
