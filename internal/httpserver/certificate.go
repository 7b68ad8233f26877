package httpserver

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// recheck is how often a certificate file is looked at, at most. Files are looked
// at when a client connects, so an idle server touches no disk.
const recheck = 2 * time.Second

// Certificate is a certificate and its key in two files. It is read again when
// one of them changes.
type Certificate struct {
	certFile, keyFile string
	now               func() time.Time
	log               *slog.Logger
	// renew, if any, may replace the files before they are looked at.
	renew func(leaf *x509.Certificate) error

	mu      sync.Mutex
	checked time.Time
	seen    [2]fs.FileInfo // of the files when they were last read
	current *tls.Certificate
}

// LoadCertificate reads a pair of PEM files and checks that they belong together.
func LoadCertificate(certFile, keyFile string, now func() time.Time, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, now: now, log: log}
	seen, err := c.look()
	if err != nil {
		return nil, err
	}
	pair, err := c.read()
	if err != nil {
		return nil, err
	}
	c.current, c.seen, c.checked = pair, seen, now()
	if end := pair.Leaf.NotAfter; !now().Before(end) {
		return nil, fmt.Errorf("%s ended on %s; get a new certificate", certFile, end.UTC().Format(time.DateOnly))
	}
	return c, nil
}

// TLSConfig returns a configuration that serves c.
func (c *Certificate) TLSConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// Names returns the host names and addresses that c is for.
func (c *Certificate) Names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return leafNames(c.current.Leaf)
}

// Fingerprint is the SHA-256 of the certificate, as programs show it when they
// ask whether to trust a server.
func (c *Certificate) Fingerprint() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := sha256.Sum256(c.current.Leaf.Raw)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}

func leafNames(leaf *x509.Certificate) []string {
	names := append([]string(nil), leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.checked) >= recheck || now.Before(c.checked) {
		c.checked = now
		c.refresh()
	}
	return c.current, nil
}

// refresh reads the files again if they changed. A pair that cannot be used, perhaps
// because only one of the two is written yet, leaves the old one in use and is
// looked at again when it changes further.
func (c *Certificate) refresh() {
	if c.renew != nil {
		if err := c.renew(c.current.Leaf); err != nil {
			c.log.Error("renew certificate", "err", err)
		}
	}
	seen, err := c.look()
	if err == nil && same(seen[0], c.seen[0]) && same(seen[1], c.seen[1]) {
		return
	}
	var pair *tls.Certificate
	if err == nil {
		c.seen = seen
		pair, err = c.read()
	}
	if err != nil {
		c.log.Warn("certificate changed but cannot be used; the old one stays", "err", err)
		return
	}
	c.current = pair
	c.log.Info("certificate read again", "file", c.certFile, "until", pair.Leaf.NotAfter)
}

func (c *Certificate) look() (seen [2]fs.FileInfo, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if seen[i], err = os.Stat(name); err != nil {
			return seen, fileError(err)
		}
	}
	return seen, nil
}

// same reports whether a file was neither replaced nor written to. Times alone
// do not tell: two writes within one tick of the file system have the same.
func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func (c *Certificate) read() (*tls.Certificate, error) {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return nil, fileError(err)
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return nil, fileError(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		msg := strings.TrimPrefix(err.Error(), "tls: ")
		return nil, fmt.Errorf("%s and %s do not work together: %s", c.certFile, c.keyFile, msg)
	}
	return &pair, nil
}

// fileError says in plain words why a file cannot be read.
func fileError(err error) error {
	var pe *fs.PathError
	if !errors.As(err, &pe) {
		return err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is not there", pe.Path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be read by this user", pe.Path)
	}
	return err
}
