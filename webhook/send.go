package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"kalends/internal/outside"
	"kalends/storage"
)

// Why an attempt did not succeed, as [storage.Delivery.Error] has it. Beside these it is a number: the status of the answer.
const (
	FailedTimeout   = "timeout"   // no answer in time
	FailedName      = "name"      // the host's name is not known
	FailedForbidden = "forbidden" // the name leads to a network that is not spoken to
	FailedTLS       = "tls"       // its certificate, or the rest of https
	FailedConnect   = "connect"   // no connection, or it broke off
	FailedSecret    = "secret"    // the secret cannot be opened
	FailedAccess    = "access"    // who made the webhook may no longer read the calendar
)

// Why the server switched a webhook off, as [storage.Webhook.Reason] has it.
const (
	OffGone    = "gone"    // it answered 410
	OffFailing = "failing" // nothing arrived for GiveUp
)

// Attempts at one delivery: after a failure the next comes after firstRetry, and then after twice as long each time up to maxRetry, a
// quarter more or less; the last before GiveUp is over.
const (
	GiveUp       = 72 * time.Hour
	firstRetry   = 10 * time.Second
	maxRetry     = time.Hour
	maxRetryWait = 24 * time.Hour // that Retry-After is believed for

	// Timeout is for one attempt, from the lookup of the name to the head of the answer.
	Timeout = 10 * time.Second
)

// Client sends messages to where they may go: with https to public addresses and the operator's networks, without https only to these. It
// follows no redirects, and keeps no connection. What is dialled is what is checked, so a name that means something else the next moment
// gains nothing.
func Client(networks []netip.Prefix) http.RoundTripper {
	via := func(scheme string) http.RoundTripper {
		return outside.Client(outside.Options{Allow: allowed(scheme, networks)}).Transport // which by itself follows nothing
	}
	return byScheme{"https": via("https"), "http": via("http")}
}

type byScheme map[string]http.RoundTripper

// RoundTrip implements [http.RoundTripper].
func (b byScheme) RoundTrip(r *http.Request) (*http.Response, error) {
	t := b[r.URL.Scheme]
	if t == nil {
		return nil, outside.ErrForbidden
	}
	return t.RoundTrip(r)
}

// result is how an attempt ended.
type result struct {
	status int    // of the answer; 0 for none
	failed string // one of the above; "" where there was an answer
	after  time.Duration
}

func (r result) ok() bool { return r.failed == "" && r.status >= 200 && r.status <= 299 }

// reason is what is written down of a failure.
func (r result) reason() string {
	if r.failed == "" && !r.ok() {
		return strconv.Itoa(r.status)
	}
	return r.failed
}

// attempt sends a message once.
func (d *Dispatcher) attempt(ctx context.Context, h *storage.Webhook, m *storage.Delivery) result {
	now := d.Now()
	signatures, err := d.Vault.signatures(h, m.Message, now, m.Body)
	if err != nil {
		d.Log.ErrorContext(ctx, "webhook", "owner", h.Owner, "webhook", h.ID, "err", err)
		return result{failed: FailedSecret}
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(m.Body))
	if err != nil {
		return result{failed: FailedName} // it was checked when it was stored
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Kalends-Webhook/1")
	r.Header.Set("Accept-Encoding", "identity")
	r.Header.Set("webhook-id", m.Message)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	r.Header.Set("webhook-signature", signatures)
	res, err := d.Client.RoundTrip(r)
	if err != nil {
		return result{failed: failure(err)}
	}
	// Nothing of the body is read: it decides nothing, so neither its length nor its pace matter.
	res.Body.Close()
	return result{status: res.StatusCode, after: retryAfter(res.Header.Get("Retry-After"), now)}
}

// failure sorts an error, without what it says of networks.
func failure(err error) string {
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	switch {
	case errors.Is(err, outside.ErrForbidden):
		return FailedForbidden
	case errors.As(err, &dns) && dns.IsNotFound:
		return FailedName
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return FailedTimeout
	case record, verify, alert, unknown, host:
		return FailedTLS
	case errors.As(err, &dns):
		return FailedName
	}
	return FailedConnect
}

// retryAfter reads the header of that name (RFC 9110 section 10.2.3); 0 for nothing that can be read.
func retryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseInt(text, 10, 32); err == nil && n >= 0 {
		return min(time.Duration(n)*time.Second, maxRetryWait)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), maxRetryWait)
	}
	return 0
}

// backoff is how long to wait after so many failures, before chance makes it a quarter more or less.
func backoff(failures int64) time.Duration {
	if n := failures - 1; n < 10 {
		return min(firstRetry<<max(n, 0), maxRetry)
	}
	return maxRetry
}
