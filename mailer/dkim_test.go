package mailer

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/mail"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

func testKeys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, e, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"rsa": r, "ed25519": e}
}

// TestSigner: what is signed verifies with the record that we say to publish, and mail of other domains is left as it is.
func TestSigner(t *testing.T) {
	for name, key := range testKeys(t) {
		t.Run(name, func(t *testing.T) {
			der, err := x509.MarshalPKCS8PrivateKey(key)
			if err != nil {
				t.Fatal(err)
			}
			read, err := ReadDKIMKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
			if err != nil {
				t.Fatal(err)
			}
			record, err := DKIMRecord(read)
			if err != nil {
				t.Fatal(err)
			}
			sent := new(recorder)
			s := &Signer{Transport: sent, Key: read, Selector: "kal", Domains: []string{"Example.com"}}
			c := testComposer()
			l, err := composeJob(c, invite("REQUEST", weekly))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Send(t.Context(), l.From, l.To, l.Message); err != nil {
				t.Fatal(err)
			}
			if !bytes.HasSuffix(sent.sent[0], l.Message) {
				t.Error("the signed message is not the message with a field on top")
			}
			asked := ""
			got, err := dkim.VerifyWithOptions(bytes.NewReader(sent.sent[0]), &dkim.VerifyOptions{LookupTXT: func(domain string) ([]string, error) {
				asked = domain
				return []string{record}, nil
			}})
			if err != nil || len(got) != 1 || got[0].Err != nil || got[0].Domain != "example.com" || asked != "kal._domainkey.example.com" {
				t.Errorf("verified %+v, %v, asked for %q", got, err, asked)
			}

			c.Own, c.Sign = mail.Address{Address: "calendar@example.net"}, nil
			if l, err = composeJob(c, invite("REQUEST", weekly)); err != nil {
				t.Fatal(err)
			}
			if err := s.Send(t.Context(), l.From, l.To, l.Message); err != nil || !bytes.Equal(sent.sent[1], l.Message) {
				t.Errorf("mail of another domain was changed (%v)", err)
			}
		})
	}
}

func TestReadDKIMKeyRefuses(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(small)})
	if _, err := ReadDKIMKey(pkcs1); err != nil {
		t.Errorf("PKCS #1: %v", err)
	}
	for _, text := range []string{"", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := ReadDKIMKey([]byte(text)); err == nil {
			t.Errorf("ReadDKIMKey(%q) works", text)
		}
	}
}
