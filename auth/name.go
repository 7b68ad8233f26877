package auth

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"kalends/ical"
	"kalends/storage"
)

// Bounds of a principal's fields, in bytes.
const (
	maxName        = 64
	maxAddress     = 254 // RFC 5321 section 4.5.3.1.3
	maxDisplayName = 200
)

// NewUser is a principal to add or to bring up to date.
type NewUser struct {
	Name     string // for login and in URLs
	Password string // "": no login; of one who is there, the password stays
	// PasswordHash is used instead of Password where it is not empty: argon2 (PHC) or bcrypt, as htpasswd makes it.
	PasswordHash string
	DisplayName  string // "": the name
	Email        string // the preferred calendar user address; "": none
	// Kind is user, room, resource, group, or admin for a person who administers; "" stands for user.
	Kind string
}

// FieldError says what is wrong with one field of one of the users given.
type FieldError struct {
	Row   int    // from 1, in the order given; 0 where there was only one
	Field string // as in the CSV: name, password, display_name, email, kind
	Value string // "" for passwords
	Msg   string
}

func (e *FieldError) Error() string {
	s := e.Field
	if e.Value != "" {
		s += fmt.Sprintf(" %q", e.Value)
	}
	s += ": " + e.Msg
	if e.Row > 0 {
		s = fmt.Sprintf("user %d: %s", e.Row, s)
	}
	return s
}

// user is a checked NewUser.
type user struct {
	row         int
	name        string
	displayName string
	email       string
	addresses   []string
	kind        storage.Kind
	admin       bool
	password    string
	hash        string
}

func (u *user) errorf(field, value, format string, args ...any) error {
	if r := []rune(value); len(r) > 80 {
		value = string(r[:80]) + "…"
	}
	return &FieldError{Row: u.row, Field: field, Value: value, Msg: fmt.Sprintf(format, args...)}
}

// check brings a NewUser into the form in which it is stored, or returns a *FieldError.
func check(n NewUser, row int) (*user, error) {
	u := &user{row: row, password: n.Password, hash: n.PasswordHash}
	u.name = strings.ToLower(strings.TrimSpace(n.Name))
	if msg := checkName(u.name); msg != "" {
		return nil, u.errorf("name", n.Name, "%s", msg)
	}
	switch kind := strings.ToLower(strings.TrimSpace(n.Kind)); kind {
	case "", "user", "person":
		u.kind = storage.Person
	case "admin":
		u.kind, u.admin = storage.Person, true
	case "room", "resource", "group":
		u.kind = storage.Kind(kind)
	default:
		return nil, u.errorf("kind", n.Kind, "must be user, room, resource, group or admin")
	}
	u.displayName = strings.TrimSpace(n.DisplayName)
	if u.displayName == "" {
		u.displayName = u.name
	}
	if len(u.displayName) > maxDisplayName || !printable(u.displayName) {
		return nil, u.errorf("display_name", n.DisplayName, "must be at most %d bytes of text in one line", maxDisplayName)
	}
	if e := strings.TrimSpace(n.Email); e != "" {
		addr, ok := mailAddress(e)
		if !ok {
			return nil, u.errorf("email", n.Email, "is no mail address such as alice@example.com")
		}
		u.addresses = append(u.addresses, addr)
	}
	// A name in the form of an address is one: so no other can have it, and a login by it finds its owner.
	if strings.Contains(u.name, "@") {
		addr, ok := mailAddress(u.name)
		if !ok {
			return nil, u.errorf("name", n.Name, "has an @ but is no mail address")
		}
		if len(u.addresses) == 0 || u.addresses[0] != addr {
			u.addresses = append(u.addresses, addr)
		}
	}
	if len(u.addresses) > 0 {
		u.email = strings.TrimPrefix(u.addresses[0], "mailto:")
	}
	switch {
	case u.hash != "":
		if err := checkHash(u.hash); err != nil {
			return nil, u.errorf("password", "", "%v", err)
		}
	case u.password != "":
		if err := checkPassword(u.password); err != nil {
			return nil, u.errorf("password", "", "%v", err)
		}
	}
	return u, nil
}

// mailAddress returns the calendar user address of a mailbox, without or with mailto: before it.
func mailAddress(s string) (string, bool) {
	if len(s) > maxAddress || !printable(s) || strings.ContainsAny(s, "/?#%") {
		return "", false
	}
	box := ical.Mailbox(s)
	local, domain, _ := strings.Cut(box, "@")
	if box == "" || len(local) > 64 || strings.Contains(domain, "@") || strings.ContainsAny(box, "\\():[]") {
		return "", false
	}
	return "mailto:" + box, true
}

// checkName returns what is wrong with a name in lower case. It is a segment of URLs, so it is plain ASCII.
func checkName(name string) string {
	if name == "" {
		return "is empty"
	}
	if len(name) > maxName {
		return fmt.Sprintf("is longer than %d characters", maxName)
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune(".-_@+", c) {
			return "may hold a to z, 0 to 9 and . - _ + @ only"
		}
	}
	if strings.ContainsRune(".-+@", rune(name[0])) || name[len(name)-1] == '.' {
		return "must begin with a letter, a digit or _ and not end with a dot"
	}
	return ""
}

func printable(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, c := range s {
		// Control characters, and those that turn the direction of what follows.
		if c < ' ' || c >= 0x7f && c < 0xa0 || c == 0x2028 || c == 0x2029 || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 {
			return false
		}
	}
	return true
}
