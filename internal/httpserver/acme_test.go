package httpserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority is a certificate authority that speaks as much of RFC 8555 as one
// order for one name takes. It really asks the server under test for its proof.
type authority struct {
	*testing.T
	url       string
	challenge string // http-01 or tls-alpn-01
	httpAddr  string // where the server under test listens, whatever the name
	tlsAddr   string

	key  *ecdsa.PrivateKey
	cert *x509.Certificate

	mu     sync.Mutex
	valid  bool
	issued []byte
	orders int
}

func newAuthority(t *testing.T, challenge string) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{T: t, challenge: challenge, key: key, cert: cert}
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	a.url = srv.URL
	return a
}

const testToken = "dGVzdC10b2tlbi1vZi1hLWNoYWxsZW5nZQ"

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Replay-Nonce", "nonce")
	reply := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
	status := func() string {
		if a.valid {
			return "valid"
		}
		return "pending"
	}
	challenge := func() any {
		return map[string]string{"type": a.challenge, "url": a.url + "/challenge", "token": testToken, "status": status()}
	}
	order := func() any {
		o := map[string]any{"status": "pending", "identifiers": []any{map[string]string{"type": "dns", "value": "cal.example.com"}},
			"authorizations": []string{a.url + "/authz"}, "finalize": a.url + "/finalize"}
		if a.valid {
			o["status"] = "ready"
		}
		if a.issued != nil {
			o["status"], o["certificate"] = "valid", a.url+"/cert"
		}
		return o
	}
	switch r.URL.Path {
	case "/dir":
		reply(200, map[string]string{"newNonce": a.url + "/nonce", "newAccount": a.url + "/account", "newOrder": a.url + "/order",
			"revokeCert": a.url + "/revoke", "keyChange": a.url + "/key"})
	case "/nonce":
	case "/account":
		w.Header().Set("Location", a.url+"/account/1")
		reply(201, map[string]any{"status": "valid"})
	case "/order":
		a.orders++
		w.Header().Set("Location", a.url+"/order/1")
		reply(201, order())
	case "/order/1":
		reply(200, order())
	case "/authz":
		reply(200, map[string]any{"status": status(), "identifier": map[string]string{"type": "dns", "value": "cal.example.com"}, "challenges": []any{challenge()}})
	case "/challenge":
		a.mu.Unlock()
		err := a.prove()
		a.mu.Lock()
		if err != nil {
			a.Errorf("the server proved nothing: %v", err)
		}
		a.valid = err == nil
		reply(200, challenge())
	case "/finalize":
		der, err := a.sign(r.Body)
		if err != nil {
			a.Errorf("sign: %v", err)
		}
		a.issued = der
		w.Header().Set("Location", a.url+"/order/1")
		reply(200, order())
	case "/cert":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: a.issued})
		pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
	default:
		http.NotFound(w, r)
	}
}

// prove asks the server under test, as an authority would over the Internet.
func (a *authority) prove() error {
	if a.challenge == "tls-alpn-01" {
		c, err := tls.Dial("tcp", a.tlsAddr, &tls.Config{ServerName: "cal.example.com", NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true})
		if err != nil {
			return err
		}
		defer c.Close()
		if s := c.ConnectionState(); s.NegotiatedProtocol != "acme-tls/1" || s.PeerCertificates[0].VerifyHostname("cal.example.com") != nil {
			return fmt.Errorf("protocol %q, certificate for %v", s.NegotiatedProtocol, s.PeerCertificates[0].DNSNames)
		}
		return nil
	}
	req, err := http.NewRequest("GET", "http://"+a.httpAddr+"/.well-known/acme-challenge/"+testToken, nil)
	if err != nil {
		return err
	}
	req.Host = "cal.example.com"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || !strings.HasPrefix(string(body), testToken+".") {
		return fmt.Errorf("%d %q, %v", resp.StatusCode, body, err)
	}
	return nil
}

func (a *authority) sign(body io.Reader) ([]byte, error) {
	var jws struct{ Payload string }
	if err := json.NewDecoder(body).Decode(&jws); err != nil {
		return nil, err
	}
	payload, err := base64.RawURLEncoding.DecodeString(jws.Payload)
	if err != nil {
		return nil, err
	}
	var req struct{ CSR string }
	if err := json.Unmarshal(payload, &req); err != nil {
		return nil, err
	}
	der, err := base64.RawURLEncoding.DecodeString(req.CSR)
	if err != nil {
		return nil, err
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, err
	}
	return x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: csr.DNSNames,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(20 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}},
		a.cert, csr.PublicKey, a.key)
}

// The certificate of --tls auto is fetched at the first connection, kept, and
// not asked for again by the next start.
func TestACMEGetsACertificateOnce(t *testing.T) {
	for _, challenge := range []string{"http-01", "tls-alpn-01"} {
		t.Run(challenge, func(t *testing.T) {
			ca := newAuthority(t, challenge)
			dir := t.TempDir()
			roots := x509.NewCertPool()
			roots.AddCert(ca.cert)
			for start := range 2 {
				names := []string{"cal.example.com"}
				a := NewACME(dir, names, "admin@example.com", ca.url+"/dir")
				ctx, stop := context.WithCancel(t.Context())
				run := func(s *Server) (addr string, wait func()) {
					l, err := Listen(ctx, "127.0.0.1:0")
					if err != nil {
						t.Fatal(err)
					}
					s.Listener, s.Log, s.Grace = l, quiet(), time.Second
					done := make(chan error, 1)
					go func() { done <- s.Run(ctx) }()
					return l.Addr().String(), func() {
						if err := <-done; err != nil {
							t.Error(err)
						}
					}
				}
				httpAddr, wait1 := run(&Server{Handler: a.HTTPHandler(names, "443")})
				tlsAddr, wait2 := run(&Server{TLS: a.TLSConfig(), Handler: http.NotFoundHandler()})
				ca.mu.Lock()
				ca.httpAddr, ca.tlsAddr = httpAddr, tlsAddr
				ca.mu.Unlock()

				c, err := tls.Dial("tcp", tlsAddr, &tls.Config{ServerName: "cal.example.com", RootCAs: roots, NextProtos: []string{"h2"}})
				if err != nil {
					t.Fatalf("start %d: %v", start, err)
				}
				if p := c.ConnectionState().NegotiatedProtocol; p != "h2" {
					t.Errorf("protocol %q, want h2", p)
				}
				c.Close()
				if _, err := tls.Dial("tcp", tlsAddr, &tls.Config{ServerName: "evil.example.net", RootCAs: roots}); err == nil {
					t.Error("a name that is not ours got a certificate")
				}
				stop()
				wait1()
				wait2()
			}
			if ca.orders != 1 {
				t.Errorf("%d orders, want 1", ca.orders)
			}
		})
	}
}
