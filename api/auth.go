package api

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"kalends/auth"
	"kalends/storage"
)

// Scope is what a token allows. Each includes those before it.
type Scope = auth.Scope

const scopeKey = "scope"

// caller is who sends a request.
type caller struct {
	// who acts for themselves only: an administrator has no more to say here than others.
	who   *storage.Principal
	scope Scope
	// still asks again whether they may: streams live longer than a look at a password.
	still func(context.Context) error
}

type callerKey struct{}

func callerOf(ctx context.Context) *caller { return ctx.Value(callerKey{}).(*caller) }

// authenticate finds out who asks, before anything else is told, and whether their token is for that.
func (h *Handler) authenticate(hc huma.Context, next func(huma.Context)) {
	q, err := h.caller(hc)
	if err == nil {
		need, _ := hc.Operation().Metadata[scopeKey].(Scope)
		if q.scope < need {
			err = &refusal{problem: noScope, detail: "this token is for " + q.scope.String() + " only; this needs " + need.String()}
		}
	}
	if err != nil {
		_, w := humago.Unwrap(hc)
		h.fail(hc.Context(), w, err)
		return
	}
	next(huma.WithValue(hc, callerKey{}, q))
}

func (h *Handler) caller(hc huma.Context) (*caller, error) {
	ctx := hc.Context()
	r, _ := humago.Unwrap(hc)
	q := &caller{scope: auth.WriteScope}
	if name, password, ok := r.BasicAuth(); ok {
		who, err := h.Auth.Authenticate(ctx, name, password, remote(r.RemoteAddr))
		if err != nil {
			return nil, err
		}
		version := who.CredentialVersion
		q.set(who)
		q.still = func(ctx context.Context) error {
			p, err := h.Store.PrincipalByID(ctx, who.ID)
			if errors.Is(err, storage.ErrNotFound) || err == nil && p.CredentialVersion != version {
				return auth.ErrBadCredentials
			}
			return err
		}
		return q, nil
	}
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		return nil, auth.ErrBadCredentials
	}
	tokens := &auth.Tokens{Store: h.Store, Now: h.Now}
	token = strings.TrimSpace(token)
	who, scope, err := tokens.Authenticate(ctx, token)
	if err != nil {
		return nil, err
	}
	q.set(who)
	q.scope = scope
	q.still = func(ctx context.Context) error {
		_, _, err := tokens.Authenticate(ctx, token)
		return err
	}
	return q, nil
}

// set makes a copy of the principal who administers nothing.
func (q *caller) set(who *storage.Principal) {
	p := *who
	p.Admin = false
	q.who = &p
}

// remote is the client's address, the zero Addr where it is not known.
func remote(addr string) netip.Addr {
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		return ap.Addr()
	}
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return netip.Addr{}
	}
	return a
}

// stillEvery is how often a stream asks whether its caller may still read.
const stillEvery = time.Minute
