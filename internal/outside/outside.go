// Package outside fetches what other people's addresses point to, and nothing else: an address that somebody here typed in must not
// make the server speak to itself, to the network it stands in, or to the machine it runs on (server-side request forgery).
//
// What counts is the address that is dialled, after every redirect and every lookup: a name is looked up once, by the dialler, and
// the connection is refused there, so a name that means something else the next moment gains nothing.
package outside

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// ErrForbidden says that an address may not be fetched from.
var ErrForbidden = errors.New("this address may not be fetched from")

// special are the blocks that are not for the public internet: IANA's registries of special-purpose addresses (RFC 6890), and
// what clouds use for themselves.
var special = func() []netip.Prefix {
	var list []netip.Prefix
	for s := range strings.FieldsSeq(`
		0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24
		192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
		168.63.129.16/32
		2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20`) {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}()

// global is what of IPv6 is given out at all; everything else (loopback, link-local, unique local, mapped, NAT64 …) is outside of it.
var global = netip.MustParsePrefix("2000::/3")

// Public reports whether an address is one of the public internet. An IPv4 address in IPv6 clothes is judged by what it is.
func Public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	if a = a.Unmap(); a.Is6() && !global.Contains(a) {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// publicPort reports whether a port is one that web servers are on: not those of mail, files and databases of old, which might take
// a request for something else.
func publicPort(port uint16) bool { return port == 80 || port == 443 || port >= 1024 }

// PublicPort is an address that a Client dials where Options does not say otherwise.
func PublicPort(a netip.AddrPort) bool { return Public(a.Addr()) && publicPort(a.Port()) }

// In returns what allows the addresses of networks, on the ports that web servers are on.
func In(networks []netip.Prefix) func(netip.AddrPort) bool {
	return func(a netip.AddrPort) bool {
		addr := a.Addr().Unmap()
		return addr.Zone() == "" && publicPort(a.Port()) && slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(addr) })
	}
}

// Options of a Client.
type Options struct {
	// Allow decides about an address that is dialled; nil for those of the public internet. Only tests, and people who say so in
	// their settings, allow others.
	Allow func(netip.AddrPort) bool
	// TLS is for tests; nil for the usual.
	TLS *tls.Config
	// Resolver is for tests; nil for the system's.
	Resolver *net.Resolver
}

const (
	maxRedirects   = 5
	dialTimeout    = 10 * time.Second
	answerTimeout  = 30 * time.Second
	maxHeaderBytes = 64 << 10
)

// Client returns an HTTP client that follows redirects and obeys Options, wherever they lead. It uses no proxy: that would look up
// the names itself.
func Client(o Options) *http.Client {
	allow := o.Allow
	if allow == nil {
		allow = PublicPort
	}
	d := &net.Dialer{Timeout: dialTimeout, Resolver: o.Resolver, Control: func(network, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil || network != "tcp4" && network != "tcp6" || !allow(netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())) {
			return ErrForbidden
		}
		return nil
	}}
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if network != "tcp" {
				return nil, ErrForbidden
			}
			return d.DialContext(ctx, network, address)
		},
		TLSClientConfig: o.TLS, TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: answerTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes, ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}
	return &http.Client{Transport: t, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		r.Header.Del("Referer") // addresses of feeds are secrets
		if len(via) > maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		if err := checkURL(r.URL); err != nil {
			return err
		}
		if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
			return fmt.Errorf("%w: it leads from https to http", ErrForbidden)
		}
		return nil
	}}
}

// ParseURL reads an address that somebody typed in: http, https, or webcal, which is https.
func ParseURL(s string) (*url.URL, error) {
	s = strings.TrimSpace(s)
	if len(s) > 2000 {
		return nil, fmt.Errorf("%w: it is longer than 2,000 characters", ErrForbidden)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, fmt.Errorf("%w: there are blanks in it", ErrForbidden)
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("%w: it is no URL", ErrForbidden) // the error would repeat it
	}
	switch strings.ToLower(u.Scheme) {
	case "webcal", "webcals":
		u.Scheme = "https"
	}
	u.Fragment, u.RawFragment = "", ""
	return u, checkURL(u)
}

// checkURL refuses what cannot be fetched from outside, whatever its name is looked up to.
func checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%w: it is not one of https or http", ErrForbidden)
	case u.Opaque != "" || u.Hostname() == "":
		return fmt.Errorf("%w: it names no host", ErrForbidden)
	}
	return nil
}
