package web_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// signer makes a certificate for kal.example.com by an authority between it and a root, as such certificates are, and the file of the root.
func signer(t *testing.T, key crypto.Signer) (*tls.Certificate, string) {
	t.Helper()
	issue := func(name string, ca bool, number int64, parent *x509.Certificate, pub crypto.PublicKey, by crypto.Signer) *x509.Certificate {
		c := &x509.Certificate{
			SerialNumber: big.NewInt(number), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		}
		if ca {
			c.KeyUsage = x509.KeyUsageCertSign
		} else {
			c.DNSNames, c.ExtKeyUsage = []string{name}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}
		if parent == nil {
			parent = c
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, by)
		if err != nil {
			t.Fatal(err)
		}
		made, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	middleKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := issue("Root", true, 1, nil, &rootKey.PublicKey, rootKey)
	middle := issue("Between", true, 2, root, &middleKey.PublicKey, rootKey)
	leaf := issue("kal.example.com", false, 3, middle, key.Public(), middleKey)
	file := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw, middle.Raw}, PrivateKey: key}, file
}

// TestAppleProfileIsSigned has openssl verify profiles, chain and all.
func TestAppleProfileIsSigned(t *testing.T) {
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl to verify with")
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(h *house) {
		b := h.as("alice")
		for name, key := range map[string]crypto.Signer{"ECDSA": ec, "RSA": old} {
			c, root := signer(t, key)
			h.web.Certificate = func() (*tls.Certificate, error) { return c, nil }
			b.get("/connect")
			if status := b.send("POST", "/connect/profile", b.form()); status != http.StatusOK || b.header.Get("Content-Type") != "application/x-apple-aspen-config" {
				t.Fatalf("%s: profile = %d %s", name, status, b.header.Get("Content-Type"))
			}
			if strings.HasPrefix(b.page, "<?xml") {
				t.Fatalf("%s: the profile is not signed", name)
			}
			verify := func(text string) (string, error) {
				cmd := exec.CommandContext(t.Context(), program, "smime", "-verify", "-inform", "DER", "-CAfile", root, "-purpose", "any")
				cmd.Stdin = strings.NewReader(text)
				out, err := cmd.Output()
				return string(out), err
			}
			out, err := verify(b.page)
			if err != nil || !strings.HasPrefix(out, "<?xml") || !strings.Contains(out, "com.apple.caldav.account") {
				t.Errorf("%s: openssl says %v: %.100q", name, err, out)
			}
			if _, err := verify(strings.Replace(b.page, "kal.example.com", "kal.example.org", 1)); err == nil {
				t.Errorf("%s: a profile that was changed on the way is verified", name)
			}
		}
		// A certificate that cannot be had leaves the profile as it is.
		h.web.Certificate = func() (*tls.Certificate, error) { return nil, errors.New("no disk") }
		b.get("/connect")
		if status := b.send("POST", "/connect/profile", b.form()); status != http.StatusOK || !strings.HasPrefix(b.page, "<?xml") {
			t.Errorf("without a certificate: %d %.60q", status, b.page)
		}
	})
}
