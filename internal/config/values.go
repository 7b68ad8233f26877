package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// Bytes is a size. It reads plain numbers and the units kB, MB, GB (powers of
// 1000) and KiB, MiB, GiB (powers of 1024).
type Bytes int64

var byteUnits = []struct {
	name string
	size int64
}{
	{"gib", 1 << 30}, {"mib", 1 << 20}, {"kib", 1 << 10},
	{"gb", 1e9}, {"mb", 1e6}, {"kb", 1e3}, {"b", 1},
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := strings.ToLower(strings.TrimSpace(string(text)))
	size := int64(1)
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			s, size = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/size {
		return fmt.Errorf("%q is not a size; write bytes like 1048576, or 1MiB, 500MB, 2GiB", text)
	}
	*b = Bytes(n * size)
	return nil
}

// String prints b so that UnmarshalText reads the same.
func (b Bytes) String() string {
	for _, u := range byteUnits[:3] {
		if b > 0 && int64(b)%u.size == 0 {
			unit := strings.ToUpper(u.name[:1]) + "iB"
			return strconv.FormatInt(int64(b)/u.size, 10) + unit
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// Duration is a time.Duration that only reads with its unit. It is a struct so
// that a bare number in TOML cannot become nanoseconds.
type Duration struct{ time.Duration }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration; write it with its unit, like 30s, 15m, 2h", text)
	}
	d.Duration = v
	return nil
}

// String prints d without parts that are zero: 15m, not 15m0s.
func (d Duration) String() string {
	s := d.Duration.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Level is the least level of log lines.
type Level struct{ slog.Level }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Level) UnmarshalText(text []byte) error {
	switch strings.ToLower(string(text)) {
	case "debug":
		l.Level = slog.LevelDebug
	case "info":
		l.Level = slog.LevelInfo
	case "warn", "warning":
		l.Level = slog.LevelWarn
	case "error":
		l.Level = slog.LevelError
	default:
		return fmt.Errorf("%q is not a level; use debug, info, warn or error", text)
	}
	return nil
}

// String is the level as it is written in settings.
func (l Level) String() string { return strings.ToLower(l.Level.String()) }

// Format is the form of log lines.
type Format string

// The forms of log lines.
const (
	Text Format = "text"
	JSON Format = "json"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *Format) UnmarshalText(text []byte) error {
	switch v := Format(strings.ToLower(string(text))); v {
	case Text, JSON:
		*f = v
		return nil
	}
	return fmt.Errorf("%q is not a form of log lines; use text or json", text)
}

// TLSMode says where the certificate comes from.
type TLSMode string

// The kinds of TLS. The zero value is off.
const (
	TLSOff        TLSMode = ""
	TLSSelfSigned TLSMode = "self-signed"
	TLSFiles      TLSMode = "files"
	TLSAuto       TLSMode = "auto"
)

// TLS is the setting tls. Names is only set for TLSAuto, Cert and Key only for
// TLSFiles given as CERT,KEY.
type TLS struct {
	Mode      TLSMode
	Names     []string
	Cert, Key string
}

var hostLabel = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)

// UnmarshalText implements encoding.TextUnmarshaler. It reads off, self-signed,
// files, `auto NAME…` and CERT,KEY.
func (t *TLS) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	word, rest, _ := strings.Cut(s, " ")
	switch {
	case strings.EqualFold(word, "auto"):
		names := strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == ',' })
		if len(names) == 0 {
			return errors.New("auto needs the public host name of this server, like: auto cal.example.com")
		}
		v := TLS{Mode: TLSAuto}
		for _, n := range names {
			name, err := publicName(n)
			if err != nil {
				return err
			}
			v.Names = append(v.Names, name)
		}
		*t = v
		return nil
	case rest != "":
	case s == "" || strings.EqualFold(s, "off"):
		*t = TLS{}
		return nil
	case strings.EqualFold(s, string(TLSSelfSigned)):
		*t = TLS{Mode: TLSSelfSigned}
		return nil
	case strings.EqualFold(s, string(TLSFiles)):
		*t = TLS{Mode: TLSFiles}
		return nil
	}
	if cert, key, ok := strings.Cut(s, ","); ok && cert != "" && key != "" {
		*t = TLS{Mode: TLSFiles, Cert: cert, Key: key}
		return nil
	}
	return fmt.Errorf("%q is not a kind of https; use off, self-signed, auto NAME, or CERT,KEY with two files", s)
}

// String is t as UnmarshalText reads it.
func (t TLS) String() string {
	switch {
	case t.Mode == TLSOff:
		return "off"
	case t.Mode == TLSAuto:
		return "auto " + strings.Join(t.Names, " ")
	case t.Cert != "":
		return t.Cert + "," + t.Key
	}
	return string(t.Mode)
}

// publicName checks a host name that a public authority can certify, and
// returns it in lower-case ASCII.
func publicName(s string) (string, error) {
	name, ok := domain(s)
	if !ok || !strings.Contains(name, ".") || net.ParseIP(s) != nil {
		return "", fmt.Errorf("auto needs a public host name like cal.example.com, not %q", s)
	}
	return name, nil
}

// domain returns a domain name in lower-case ASCII.
func domain(s string) (string, bool) {
	name, err := idna.Lookup.ToASCII(strings.TrimSuffix(s, "."))
	if err != nil || len(name) > 253 {
		return "", false
	}
	name = strings.ToLower(name)
	for label := range strings.SplitSeq(name, ".") {
		if !hostLabel.MatchString(label) {
			return "", false
		}
	}
	return name, true
}
