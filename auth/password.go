package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/text/unicode/norm"
)

// maxPassword bounds a password's length in bytes, so that nobody makes us hash megabytes.
const maxPassword = 1024

// Bounds of the work that a stored hash may ask for; see [checkHash].
const (
	maxMemory     = 256 << 10 // KiB
	maxPasses     = 16
	maxLanes      = 16
	maxBcryptCost = 14
)

// params is the work of a hash: OWASP's second choice for argon2id, about 20 ms.
type params struct {
	memory uint32 // KiB
	passes uint32
	lanes  uint8
}

var defaultParams = params{memory: 19 << 10, passes: 2, lanes: 1}

// ErrPassword is what a refused new password is.
var ErrPassword = errors.New("bad password")

// HashPassword returns password's argon2id hash as a PHC string, such as
// $argon2id$v=19$m=19456,t=2,p=1$salt$hash, with a fresh salt.
func HashPassword(password string) (string, error) { return defaultParams.hash(password) }

func (p params) hash(password string) (string, error) {
	if err := checkPassword(password); err != nil {
		return "", err
	}
	salt := make([]byte, 16)
	rand.Read(salt)
	return p.encode(salt, argon2.IDKey(prepare(password), salt, p.passes, p.memory, p.lanes, 32)), nil
}

// nobodys returns a hash that no password is known of: its key is drawn, as its salt is. To verify a password with it takes as long as
// with any other of these parameters.
func (p params) nobodys() string {
	var drawn [16 + 32]byte
	rand.Read(drawn[:])
	return p.encode(drawn[:16], drawn[16:])
}

func (p params) encode(salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.passes, p.lanes,
		b64.EncodeToString(salt), b64.EncodeToString(key))
}

func checkPassword(password string) error {
	switch {
	case password == "":
		return fmt.Errorf("%w: it is empty", ErrPassword)
	case len(password) > maxPassword:
		return fmt.Errorf("%w: longer than %d bytes", ErrPassword, maxPassword)
	case strings.ContainsAny(password, "\x00\r\n"):
		return fmt.Errorf("%w: it holds a line break", ErrPassword) // cannot be typed, and is a sign of a broken file
	}
	return nil
}

// prepare brings the two spellings of an accented letter together, as the OpaqueString profile asks
// (RFC 8265 section 4.2.1): macOS and others send different ones. Bytes that are no UTF-8 stay.
func prepare(password string) []byte { return norm.NFC.Bytes([]byte(password)) }

// Verify reports whether password is the one that encoded was made from: a PHC string of argon2id or argon2i, or
// a bcrypt hash ($2a$, $2b$, $2y$) as htpasswd makes them. It is false for any other text.
func Verify(encoded, password string) bool {
	if len(password) > maxPassword || password == "" {
		return false
	}
	if isBcrypt(encoded) {
		if cost, err := bcrypt.Cost([]byte(encoded)); err != nil || cost > maxBcryptCost {
			return false
		}
		// Other programs hashed the bytes as they came, and bcrypt looks at 72 of them only.
		if bcrypt.CompareHashAndPassword([]byte(encoded), cut72([]byte(password))) == nil {
			return true
		}
		nfc := prepare(password)
		return string(nfc) != password && bcrypt.CompareHashAndPassword([]byte(encoded), cut72(nfc)) == nil
	}
	h, err := parsePHC(encoded)
	if err != nil {
		return false
	}
	var key []byte
	if h.id {
		key = argon2.IDKey(prepare(password), h.salt, h.passes, h.memory, h.lanes, uint32(len(h.key)))
	} else {
		key = argon2.Key(prepare(password), h.salt, h.passes, h.memory, h.lanes, uint32(len(h.key)))
	}
	return subtle.ConstantTimeCompare(key, h.key) == 1
}

func cut72(b []byte) []byte { return b[:min(len(b), 72)] }

func isBcrypt(encoded string) bool {
	return strings.HasPrefix(encoded, "$2a$") || strings.HasPrefix(encoded, "$2b$") || strings.HasPrefix(encoded, "$2y$")
}

// checkHash says whether [Verify] can use a hash that another program made.
func checkHash(encoded string) error {
	if isBcrypt(encoded) {
		cost, err := bcrypt.Cost([]byte(encoded))
		if err != nil || len(encoded) != 60 {
			return errors.New("no bcrypt hash")
		}
		if cost > maxBcryptCost {
			return fmt.Errorf("bcrypt cost %d is above %d", cost, maxBcryptCost)
		}
		return nil
	}
	_, err := parsePHC(encoded)
	return err
}

type phc struct {
	params
	id        bool
	salt, key []byte
}

// parsePHC reads $argon2id$v=19$m=…,t=…,p=…$salt$key with bounds on what it asks for.
func parsePHC(encoded string) (phc, error) {
	var h phc
	errPHC := errors.New("no argon2 or bcrypt hash")
	if len(encoded) > 512 {
		return h, errPHC
	}
	f := strings.Split(encoded, "$")
	if len(f) != 6 || f[0] != "" || f[2] != "v=19" || f[1] != "argon2id" && f[1] != "argon2i" {
		return h, errPHC
	}
	h.id = f[1] == "argon2id"
	for _, part := range strings.Split(f[3], ",") {
		k, v, _ := strings.Cut(part, "=")
		n, err := strconv.ParseUint(v, 10, 32)
		if err != nil || n == 0 {
			return h, errPHC
		}
		switch {
		case k == "m" && n <= maxMemory:
			h.memory = uint32(n)
		case k == "t" && n <= maxPasses:
			h.passes = uint32(n)
		case k == "p" && n <= maxLanes:
			h.lanes = uint8(n)
		default:
			return h, fmt.Errorf("argon2 parameter %s=%d is unknown or too large", k, n)
		}
	}
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.DecodeString(f[4])
	h.key, err2 = base64.RawStdEncoding.DecodeString(f[5])
	if h.memory == 0 || h.passes == 0 || h.lanes == 0 || err1 != nil || err2 != nil ||
		len(h.salt) < 8 || len(h.salt) > 64 || len(h.key) < 16 || len(h.key) > 64 {
		return h, errPHC
	}
	return h, nil
}

// legible has 32 letters and digits that nobody takes for one another: no 0, 1, l, o.
const legible = "abcdefghijkmnpqrstuvwxyz23456789"

// GeneratePassword returns a new password of 80 random bits that is easy to read out, such as
// k7mp-x2wd-9ahe-ru4t.
func GeneratePassword() string {
	var b [16]byte
	rand.Read(b[:])
	out := make([]byte, 0, 19)
	for i, c := range b {
		if i > 0 && i%4 == 0 {
			out = append(out, '-')
		}
		out = append(out, legible[c%32])
	}
	return string(out)
}
