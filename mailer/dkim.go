package mailer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

// Signer is a [Transport] that signs (DKIM, RFC 6376) what it hands on, for the domain of From where that is one of ours.
type Signer struct {
	Transport
	Key      crypto.Signer // RSA or Ed25519
	Selector string
	Domains  []string
}

// signedHeaders are the fields that a relay has no reason to change.
var signedHeaders = []string{"From", "To", "Reply-To", "Subject", "Date", "Message-ID", "References", "MIME-Version", "Content-Type", "Auto-Submitted"}

// Send implements [Transport].
func (s *Signer) Send(ctx context.Context, from, to string, msg []byte) error {
	m, err := mail.ReadMessage(bytes.NewReader(msg))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPayload, err)
	}
	author, err := mail.ParseAddress(m.Header.Get("From"))
	if err != nil {
		return fmt.Errorf("%w: From: %w", ErrPayload, err)
	}
	if !hasDomain(s.Domains, author.Address) {
		return s.Transport.Send(ctx, from, to, msg)
	}
	var b bytes.Buffer
	b.Grow(len(msg) + 1024)
	err = dkim.Sign(&b, bytes.NewReader(msg), &dkim.SignOptions{
		Domain: strings.ToLower(domainOf(author.Address)), Selector: s.Selector, Signer: s.Key,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		HeaderKeys: signedHeaders,
	})
	if err != nil {
		return fmt.Errorf("sign mail: %w", err)
	}
	return s.Transport.Send(ctx, from, to, b.Bytes())
}

// ReadDKIMKey reads a private key: PEM, PKCS #8 or PKCS #1, RSA of 1024 bits at least or Ed25519.
func ReadDKIMKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM block in it")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		rsaKey, rsaErr := x509.ParsePKCS1PrivateKey(block.Bytes)
		if rsaErr != nil {
			return nil, fmt.Errorf("no private key in it: %w", err)
		}
		key = rsaKey
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < 1024 {
			return nil, errors.New("an RSA key needs 1024 bits, better 2048")
		}
		return k, nil
	case ed25519.PrivateKey:
		return k, nil
	}
	return nil, errors.New("the key is neither RSA nor Ed25519")
}

// DKIMRecord returns the TXT record to publish at SELECTOR._domainkey.DOMAIN.
func DKIMRecord(key crypto.Signer) (string, error) {
	switch pub := key.Public().(type) {
	case ed25519.PublicKey:
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(pub), nil
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(pub)
		if err != nil {
			return "", err
		}
		return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), nil
	}
	return "", errors.New("the key is neither RSA nor Ed25519")
}
