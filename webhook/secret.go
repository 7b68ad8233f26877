package webhook

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"kalends/storage"
)

// SecretPrefix begins a secret as people see it, as Standard Webhooks has it; the rest is base64.
const SecretPrefix = "whsec_"

// secretSize is that of a secret in octets; Standard Webhooks asks for 24 to 64.
const secretSize = 32

// newSecret draws a secret.
func newSecret() []byte {
	b := make([]byte, secretSize)
	rand.Read(b)
	return b
}

// secretText is a secret as people put it into their programs.
func secretText(secret []byte) string {
	return SecretPrefix + base64.StdEncoding.EncodeToString(secret)
}

// ParseSecret reads what secretText wrote: the key of the signatures.
func ParseSecret(text string) ([]byte, error) {
	rest, ok := strings.CutPrefix(text, SecretPrefix)
	key, err := base64.StdEncoding.DecodeString(rest)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errors.New("this is no secret of a webhook")
	}
	return key, nil
}

// sign makes the signature of one message with one secret: HMAC-SHA256 over its id, the time of the attempt in seconds, and its body.
func sign(secret []byte, id string, at time.Time, body []byte) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// Vault seals the secrets of webhooks. They must be known to sign, so no hash would do. What opens them is a secret of the server, and
// where its operator gives one, a key that is not in the database: then who has a copy of the database has no secrets.
type Vault struct{ aead cipher.AEAD }

// NewVault makes one from the server's secret of that purpose, and a key from outside the database; nil for none.
func NewVault(server, outside []byte) (*Vault, error) {
	key, err := hkdf.Key(sha256.New, append(append([]byte(nil), server...), outside...), nil, "kalends: secrets of webhooks", 32)
	if err != nil {
		return nil, fmt.Errorf("webhook secrets: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("webhook secrets: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("webhook secrets: %w", err)
	}
	return &Vault{aead}, nil
}

// ErrSealed says that a secret cannot be opened: it was sealed with another key.
var ErrSealed = errors.New("the secret of the webhook cannot be opened: the server's key is another than when it was made; make a new secret")

func bound(h storage.WebhookKey) []byte {
	return binary.AppendVarint(binary.AppendVarint([]byte("webhook "), h.Owner), h.ID)
}

// seal closes a secret for one webhook; for another it does not open.
func (v *Vault) seal(h storage.WebhookKey, secret []byte) []byte {
	return v.aead.Seal(nil, nil, secret, bound(h))
}

func (v *Vault) open(h storage.WebhookKey, sealed []byte) ([]byte, error) {
	secret, err := v.aead.Open(nil, nil, sealed, bound(h))
	if err != nil {
		return nil, ErrSealed
	}
	return secret, nil
}

// signatures returns those that a message carries at a time: one for each secret that counts, the newest first.
func (v *Vault) signatures(h *storage.Webhook, id string, at time.Time, body []byte) (string, error) {
	secret, err := v.open(h.Key(), h.Secret)
	if err != nil {
		return "", err
	}
	all := sign(secret, id, at, body)
	if len(h.OldSecret) > 0 && at.Before(h.OldUntil) {
		if old, err := v.open(h.Key(), h.OldSecret); err == nil {
			all += " " + sign(old, id, at, body)
		}
	}
	return all, nil
}
