package httpserver

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// Apple's programs refuse server certificates that live longer than 825 days
	// (support.apple.com, "Requirements for trusted certificates").
	selfSignedDays = 825
	renewBefore    = 30 * 24 * time.Hour
)

// SelfSigned returns a certificate that this server signs itself, for
// localhost, this machine's name and addresses, and hosts. It is made once and
// kept in dir, because everybody who trusted it would be asked again; it is made
// anew only when it nears its end or lacks one of hosts.
func SelfSigned(dir string, hosts []string, now func() time.Time, log *slog.Logger) (*Certificate, error) {
	hosts = selfSignedHosts(hosts)
	certFile := filepath.Join(dir, "self-signed.crt")
	keyFile := filepath.Join(dir, "self-signed.key")
	make := func() error { return writeSelfSigned(dir, certFile, keyFile, hosts, now()) }

	c, err := LoadCertificate(certFile, keyFile, now, log)
	if err != nil || worn(c.current.Leaf, hosts, now()) {
		if err := make(); err != nil {
			return nil, fmt.Errorf("make a self-signed certificate: %w", err)
		}
		if c, err = LoadCertificate(certFile, keyFile, now, log); err != nil {
			return nil, err
		}
	}
	c.renew = func(leaf *x509.Certificate) error {
		if leaf.NotAfter.Sub(now()) < renewBefore {
			return make()
		}
		return nil
	}
	return c, nil
}

// worn reports whether a certificate must be replaced.
func worn(leaf *x509.Certificate, hosts []string, now time.Time) bool {
	if leaf.NotAfter.Sub(now) < renewBefore || now.Before(leaf.NotBefore) {
		return true
	}
	have := leafNames(leaf)
	return slices.ContainsFunc(hosts, func(h string) bool { return !slices.Contains(have, h) })
}

// selfSignedHosts completes and normalises the names that must be in it.
func selfSignedHosts(hosts []string) []string {
	all := append([]string{"localhost", "127.0.0.1", "::1"}, hosts...)
	if name, err := os.Hostname(); err == nil {
		all = append(all, name)
	}
	var out []string
	for _, h := range all {
		h = strings.ToLower(strings.Trim(h, "[]."))
		if ip, err := netip.ParseAddr(h); err == nil {
			if ip.IsUnspecified() {
				continue
			}
			h = ip.Unmap().WithZone("").String()
		}
		if h != "" && !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	return out
}

func writeSelfSigned(dir, certFile, keyFile string, hosts []string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	t := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      pkix.Name{CommonName: "Kalends on " + hosts[len(hosts)-1]},
		// An hour back, for clients whose clock is behind ours.
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(0, 0, selfSignedDays-1),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, h := range slices.Concat(hosts, networkAddrs()) {
		ip := net.ParseIP(h)
		switch {
		case ip == nil && !slices.Contains(t.DNSNames, h):
			t.DNSNames = append(t.DNSNames, h)
		case ip != nil && !slices.ContainsFunc(t.IPAddresses, ip.Equal):
			t.IPAddresses = append(t.IPAddresses, ip)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// A crash between the two leaves a pair that does not match, which is made again.
	if err := writeFile(keyFile, "PRIVATE KEY", keyDER, 0o600); err != nil {
		return err
	}
	return writeFile(certFile, "CERTIFICATE", der, 0o644)
}

func writeFile(name, kind string, der []byte, mode os.FileMode) error {
	var b bytes.Buffer
	if err := pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}); err != nil {
		return err
	}
	tmp := name + ".new"
	if err := os.WriteFile(tmp, b.Bytes(), mode); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

// networkAddrs returns the addresses that other machines may know this one by.
func networkAddrs() []string {
	var out []string
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		ipn, ok := a.(*net.IPNet)
		if !ok || ipn.IP.IsLoopback() || ipn.IP.IsLinkLocalUnicast() || ipn.IP.IsMulticast() {
			continue
		}
		out = append(out, ipn.IP.String())
		if len(out) == 16 {
			break
		}
	}
	return out
}

// NetworkAddrs returns the IPv4 addresses of this machine that a phone in the
// same network could use, for the start lines.
func NetworkAddrs() []string {
	return slices.DeleteFunc(networkAddrs(), func(s string) bool { return strings.Contains(s, ":") })
}
