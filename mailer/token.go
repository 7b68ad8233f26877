package mailer

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"strings"

	"kalends/ical"
)

// Tokens signs reply addresses and opens them again. Nothing about them is stored: the same organizer, object
// and attendee have the same address for as long as the key is used, which is the meeting's life.
//
// A token is key id, owner and object as varints, six octets of a keyed hash of the attendee's address, and
// twelve of HMAC-SHA-256 (96 bits) over all that, in base32: lower case when written, any case when
// read, because mail servers change it.
type Tokens struct {
	current byte
	keys    map[byte][]byte
}

// Reply is what a reply address stands for: the object of an owner (the organizer), and the attendee
// that it was made for (see [Tokens.IsFor]).
type Reply struct {
	Owner, Object int64
	key           byte
	attendee      [attendeeLen]byte
}

const (
	attendeeLen = 6
	macLen      = 12
	maxTokenID  = 1 << 56 // eight octets as a varint, so that a local part stays below 64
	replyPrefix = "reply+"
)

// ErrToken says that an address is none of our reply addresses, or was tampered with.
var ErrToken = errors.New("not a valid reply address")

var tokenEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewTokens returns the tokens of a server-wide secret (storage.Store.Secret).
func NewTokens(secret []byte) *Tokens {
	t := &Tokens{keys: make(map[byte][]byte)}
	t.Add(1, secret)
	return t
}

// Add adds a key and signs with it from now on; the older ones still open what they signed. It is called
// before t is used.
func (t *Tokens) Add(id byte, secret []byte) {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("kalends reply address 1")) // keys of other uses of the secret differ
	t.keys[id] = mac.Sum(nil)
	t.current = id
}

// Sign returns the local part of the reply address of an attendee (a calendar user address) of an object.
func (t *Tokens) Sign(owner, object int64, attendee string) (string, error) {
	token, err := t.sign('t', owner, object, attendee)
	return replyPrefix + token, err
}

func (t *Tokens) sign(use byte, owner, object int64, attendee string) (string, error) {
	if owner < 0 || owner >= maxTokenID || object < 0 || object >= maxTokenID {
		return "", errors.New("sign token: id out of range")
	}
	b := make([]byte, 0, 40)
	b = append(b, t.current)
	b = binary.AppendUvarint(b, uint64(owner))
	b = binary.AppendUvarint(b, uint64(object))
	h := t.attendee(t.current, attendee)
	b = append(b, h[:]...)
	b = append(b, t.mac(t.current, use, b)[:macLen]...)
	return tokenEncoding.EncodeToString(b), nil
}

// Open reads the local part of an address, or a whole address, whose domain it leaves to the caller. ErrToken for
// whatever Sign did not return.
func (t *Tokens) Open(address string) (Reply, error) {
	local := address
	if at := strings.LastIndexByte(local, '@'); at >= 0 {
		local = local[:at]
	}
	token, ok := strings.CutPrefix(strings.ToLower(local), replyPrefix)
	if !ok || len(local) > 64 {
		return Reply{}, ErrToken
	}
	return t.open('t', token)
}

func (t *Tokens) open(use byte, token string) (Reply, error) {
	b, err := tokenEncoding.DecodeString(token)
	if err != nil || len(b) < 1+1+1+attendeeLen+macLen {
		return Reply{}, ErrToken
	}
	r := Reply{key: b[0]}
	if t.keys[r.key] == nil {
		return Reply{}, ErrToken
	}
	body, sum := b[:len(b)-macLen], b[len(b)-macLen:]
	if !hmac.Equal(sum, t.mac(r.key, use, body)[:macLen]) {
		return Reply{}, ErrToken
	}
	owner, n := binary.Uvarint(body[1:])
	if n <= 0 {
		return Reply{}, ErrToken
	}
	object, m := binary.Uvarint(body[1+n:])
	if m <= 0 || len(body) != 1+n+m+attendeeLen || owner >= maxTokenID || object >= maxTokenID {
		return Reply{}, ErrToken
	}
	r.Owner, r.Object = int64(owner), int64(object)
	copy(r.attendee[:], body[1+n+m:])
	return r, nil
}

// IsFor reports whether r was signed for that attendee. The caller asks it of each attendee of the
// object: the address is good as long as one fits, and dies when the attendee is removed.
func (t *Tokens) IsFor(r Reply, attendee string) bool {
	h := t.attendee(r.key, attendee)
	return t.keys[r.key] != nil && hmac.Equal(h[:], r.attendee[:])
}

func (t *Tokens) attendee(key byte, address string) (h [attendeeLen]byte) {
	copy(h[:], t.mac(key, 'a', []byte(ical.Address(address))))
	return h
}

func (t *Tokens) mac(key, use byte, b []byte) []byte {
	m := hmac.New(sha256.New, t.keys[key])
	m.Write([]byte{use})
	m.Write(b)
	return m.Sum(nil)
}

// SignLink returns the token of an attendee's answer page. It says the same as a reply address, and is none: neither opens
// as the other.
func (t *Tokens) SignLink(owner, object int64, attendee string) (string, error) {
	return t.sign('l', owner, object, attendee)
}

// SignFile returns the token of links to the attachments of a meeting that stand in mails to an attendee. Whoever has it can read them and
// nothing else: it opens neither as an answer page nor as a reply address.
func (t *Tokens) SignFile(owner, object int64, attendee string) (string, error) {
	return t.sign('f', owner, object, attendee)
}

// OpenFile reads the token of a link to an attachment. ErrToken for whatever SignFile did not return.
func (t *Tokens) OpenFile(token string) (Reply, error) {
	if len(token) > 64 {
		return Reply{}, ErrToken
	}
	return t.open('f', strings.ToLower(token))
}

// OpenLink reads the token of an answer page. ErrToken for whatever SignLink did not return.
func (t *Tokens) OpenLink(token string) (Reply, error) {
	if len(token) > 64 {
		return Reply{}, ErrToken
	}
	return t.open('l', strings.ToLower(token))
}
