package mailer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-msgauth/authres"
	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-msgauth/dmarc"
	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Verifier finds out whether a mail is from whom it says (DMARC, RFC 7489 section 3.1: the author's domain, aligned).
type Verifier struct {
	// AuthServID is the authserv-id of our own mail server (RFC 8601 section 2.5), whose word is taken: that of the topmost
	// Authentication-Results field only, since a sender can write others below. "": signatures are verified here. SPF cannot be,
	// because we do not see who delivered to our mail server.
	AuthServID string
	// LookupTXT asks DNS; nil for the machine's resolver.
	LookupTXT func(ctx context.Context, name string) ([]string, error)
}

const (
	maxSignatures = 5
	lookupTimeout = 5 * time.Second
)

// ErrNotVerified says that nobody stands in for the author of a mail.
var ErrNotVerified = errors.New("the sender is not verified")

// Author returns the address of the author when the mail is verified to be theirs, else an error that wraps ErrNotVerified
// and says why. Any other error is temporary.
func (v *Verifier) Author(ctx context.Context, msg []byte, in *Incoming) (string, error) {
	from := in.From.Address
	if from == "" {
		return "", fmt.Errorf("%w: it has no author, or several", ErrNotVerified)
	}
	domain, err := asciiDomain(domainOf(from))
	if err != nil {
		return "", fmt.Errorf("%w: its author's domain is none", ErrNotVerified)
	}
	if v.AuthServID != "" {
		return from, v.byMailServer(in, domain)
	}
	return from, v.bySignature(ctx, msg, domain)
}

func (v *Verifier) byMailServer(in *Incoming, domain string) error {
	if len(in.AuthenticationResults) == 0 {
		return fmt.Errorf("%w: our mail server says nothing about it", ErrNotVerified)
	}
	id, results, err := authres.Parse(in.AuthenticationResults[0])
	if err != nil || !strings.EqualFold(id, v.AuthServID) {
		return fmt.Errorf("%w: the topmost Authentication-Results are not our mail server's", ErrNotVerified)
	}
	for _, r := range results {
		ok := false
		switch r := r.(type) {
		case *authres.DMARCResult:
			ok = r.Value == authres.ResultPass && equalDomain(r.From, domain)
			if r.Value == authres.ResultFail {
				return fmt.Errorf("%w: our mail server says that it fails DMARC", ErrNotVerified)
			}
		case *authres.DKIMResult:
			d := r.Domain
			if d == "" {
				d = domainOf(r.Identifier)
			}
			ok = r.Value == authres.ResultPass && aligned(d, domain, false)
		case *authres.SPFResult:
			ok = r.Value == authres.ResultPass && r.From != "" && aligned(domainOf(r.From), domain, false)
		}
		if ok {
			return nil
		}
	}
	return fmt.Errorf("%w: our mail server found neither DMARC, DKIM nor SPF of its author's domain", ErrNotVerified)
}

func (v *Verifier) bySignature(ctx context.Context, msg []byte, domain string) error {
	lookup := func(name string) ([]string, error) {
		ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
		defer cancel()
		if v.LookupTXT != nil {
			return v.LookupTXT(ctx, name)
		}
		return net.DefaultResolver.LookupTXT(ctx, name)
	}
	results, err := dkim.VerifyWithOptions(bytes.NewReader(msg), &dkim.VerifyOptions{LookupTXT: lookup, MaxVerifications: maxSignatures})
	if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
		return fmt.Errorf("%w: its signatures cannot be read", ErrNotVerified)
	}
	var later error
	var signed []string
	for _, r := range results {
		switch {
		case r.Err == nil && covers(r.HeaderKeys):
			signed = append(signed, r.Domain)
		case r.Err != nil && dkim.IsTempFail(r.Err) && aligned(r.Domain, domain, false):
			later = r.Err
		}
	}
	relaxed := slices.ContainsFunc(signed, func(d string) bool { return aligned(d, domain, false) })
	strict := slices.ContainsFunc(signed, func(d string) bool { return aligned(d, domain, true) })
	switch {
	case strict:
		return nil
	case relaxed:
		record, err := policy(domain, lookup)
		if err != nil {
			return fmt.Errorf("DMARC record of %s: %w", domain, err)
		}
		if record == nil || record.DKIMAlignment != dmarc.AlignmentStrict {
			return nil
		}
		return fmt.Errorf("%w: %s wants to be signed for by itself", ErrNotVerified, domain)
	case later != nil:
		return fmt.Errorf("verify signature: %w", later)
	case len(results) == 0:
		return fmt.Errorf("%w: it has no signature", ErrNotVerified)
	case len(signed) > 0:
		return fmt.Errorf("%w: it is signed by %s, not by %s", ErrNotVerified, line(strings.Join(signed, ", "), 200), domain)
	}
	return fmt.Errorf("%w: its signature does not verify: %s", ErrNotVerified, line(results[0].Err.Error(), 200))
}

// covers reports whether a signature covers what decides how a mail is read: who wrote it and, with the hash of the body, its parts.
func covers(keys []string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(strings.TrimSpace(k), "From") })
}

// policy returns the DMARC record of a domain or its organization's (RFC 7489 section 6.6.3), nil for none.
func policy(domain string, lookup func(string) ([]string, error)) (*dmarc.Record, error) {
	for i, d := range []string{domain, organization(domain)} {
		if i > 0 && d == domain {
			break
		}
		record, err := dmarc.LookupWithOptions(d, &dmarc.LookupOptions{LookupTXT: lookup})
		if err == nil {
			return record, nil
		}
		if dmarc.IsTempFail(err) {
			return nil, err
		}
	}
	return nil, nil
}

// aligned reports whether a domain that signed may speak for an author's (RFC 7489 section 3.1.1).
func aligned(signer, author string, strict bool) bool {
	s, err := asciiDomain(signer)
	if err != nil {
		return false
	}
	return s == author || !strict && organization(s) == organization(author)
}

func equalDomain(a, b string) bool {
	a, err := asciiDomain(domainOf(a))
	return err == nil && a == b
}

// organization returns the organizational domain (RFC 7489 section 3.2).
func organization(domain string) string {
	org, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return domain
	}
	return org
}

func asciiDomain(d string) (string, error) {
	d, err := idna.Lookup.ToASCII(strings.TrimSuffix(strings.TrimSpace(d), "."))
	if err == nil && (d == "" || !strings.Contains(d, ".")) {
		err = errors.New("no domain")
	}
	return strings.ToLower(d), err
}
