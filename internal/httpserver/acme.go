package httpserver

import (
	"crypto/tls"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// ACME gets and renews certificates for public host names (RFC 8555).
type ACME struct{ manager *autocert.Manager }

// NewACME returns an ACME for names that keeps what it gets in dir. directory is
// the authority's URL, "" for Let's Encrypt.
func NewACME(dir string, names []string, email, directory string) *ACME {
	m := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(filepath.Clean(dir)),
		HostPolicy: autocert.HostWhitelist(names...),
		Email:      email,
	}
	if directory != "" {
		m.Client = &acme.Client{DirectoryURL: directory, UserAgent: "kalends"}
	}
	return &ACME{m}
}

// TLSConfig returns a configuration that gets a certificate at the first
// connection to each name, and answers tls-alpn-01 challenges (RFC 8737).
func (a *ACME) TLSConfig() *tls.Config {
	c := a.manager.TLSConfig()
	c.MinVersion = tls.VersionTLS12
	return c
}

// HTTPHandler answers http-01 challenges and leads everything else to https on
// port, at the same name if it is one of names, else at the first.
func (a *ACME) HTTPHandler(names []string, port string) http.Handler {
	return a.manager.HTTPHandler(redirect(names, port))
}

func redirect(names []string, port string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if host = strings.ToLower(host); !slices.Contains(names, host) {
			host = names[0]
		}
		if port != "443" {
			host = net.JoinHostPort(host, port)
		}
		status := http.StatusPermanentRedirect // keeps the method and body
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			status = http.StatusMovedPermanently
		}
		w.Header().Set("Location", "https://"+host+r.URL.RequestURI())
		w.WriteHeader(status)
	})
}
