package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

const (
	envPrefix = "KALENDS_"
	// DefaultFile is read when it is there and no other file is named.
	DefaultFile = "kalends.toml"
	// EnvFile names the settings file, as --config does.
	EnvFile = envPrefix + "CONFIG"
)

// Default returns the settings of a server that nobody has set up.
func Default() *Settings {
	return &Settings{
		Data:     "kalends-data",
		Quota:    1 << 30,
		Migrate:  true,
		Grace:    Duration{10 * time.Second},
		ACME:     ACME{Listen: ":80"},
		Mail:     Mail{DKIMSelector: "kalends", UpdateHold: Duration{10 * time.Second}, SenderRate: 2000, IMAPFolder: "INBOX", IMAPInterval: Duration{time.Minute}, IMAPDone: "keep"},
		Reminder: Reminder{TimeZone: "UTC", Meetings: Duration{Duration: 30 * time.Minute}},
		Limit: Limit{
			Object:            1 << 20,
			Attachment:        10 << 20,
			Attachments:       20,
			Attendees:         1000,
			OutsideRecipients: 100,
			Instances:         10_000,
			XML:               1 << 20,
			CalendarObjects:   100_000,
			Request:           Duration{30 * time.Second},
			Stall:             Duration{30 * time.Second},
		},
		Log: Log{Format: Text},
	}
}

// Error is a setting that cannot be used. Its text names the setting as the
// person gave it, and what to do.
type Error struct {
	// Where is how the setting was given: --quota, KALENDS_QUOTA, or
	// kalends.toml line 3: quota.
	Where string
	// Msg says what is wrong with it and what would be right.
	Msg string
}

// Error implements error.
func (e *Error) Error() string { return e.Where + ": " + e.Msg }

// Source is where settings come from.
type Source struct {
	// File is the settings file; "" is DefaultFile where it exists.
	File string
	// Environ is the environment, as of os.Environ.
	Environ []string
	// Flags holds the values given on the command line, and Given the keys of those that were.
	Flags *Settings
	Given []string
}

// Load merges the sources over the defaults and checks the result.
func Load(src Source) (*Settings, error) {
	s := Default()
	s.origin = map[string]string{}
	if err := loadFile(s, src); err != nil {
		return nil, err
	}
	if err := loadEnv(s, src.Environ); err != nil {
		return nil, err
	}
	for _, f := range Fields() {
		if slices.Contains(src.Given, f.Key) {
			f.value(s).Set(f.value(src.Flags))
			s.origin[f.Key] = "--" + f.Flag()
		}
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return s, nil
}

// Where names a setting as it was given, for errors: --listen, KALENDS_LISTEN,
// kalends.toml: listen; only its key where it was not.
func (s *Settings) Where(key string) string {
	if w := s.origin[key]; w != "" {
		return w
	}
	return key
}

// Fail returns an Error of the setting key.
func (s *Settings) Fail(key string, err error) error {
	return &Error{Where: s.Where(key), Msg: err.Error()}
}

func loadFile(s *Settings, src Source) error {
	name, where := src.File, "--config"
	if name == "" {
		name, where = getenv(src.Environ, EnvFile), EnvFile
	}
	named := name != ""
	if !named {
		name = DefaultFile
	}
	data, err := os.ReadFile(name)
	if !named && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &Error{Where: where, Msg: fmt.Sprintf("cannot read the settings file: %v", err)}
	}
	return decodeTOML(s, name, data)
}

// decodeTOML reads a settings file into s. What is wrong is reported with its line.
func decodeTOML(s *Settings, name string, data []byte) error {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	dec := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	err := dec.Decode(s)
	if missing, ok := errors.AsType[*toml.StrictMissingError](err); ok && len(missing.Errors) > 0 {
		e := missing.Errors[0]
		line, _ := e.Position()
		key := strings.Join(e.Key(), ".")
		return &Error{Where: fmt.Sprintf("%s line %d: %s", name, line, key),
			Msg: "there is no such setting" + suggest(key, Field.key, "")}
	}
	if wrong, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := wrong.Position()
		where := fmt.Sprintf("%s line %d", name, line)
		if key := strings.Join(wrong.Key(), "."); key != "" {
			where += ": " + key
		}
		msg := strings.TrimPrefix(wrong.Error(), "toml: ")
		if f, ok := fieldByKey(strings.Join(wrong.Key(), ".")); ok && strings.Contains(msg, "cannot") {
			msg = "must be " + f.kind()
		}
		return &Error{Where: where, Msg: msg}
	}
	if err != nil {
		return locate(name, data, err)
	}
	// Which keys the file holds is only of use for naming them in errors.
	var tree map[string]any
	if toml.Unmarshal(data, &tree) == nil {
		for _, f := range Fields() {
			if has(tree, strings.Split(f.Key, ".")) {
				s.origin[f.Key] = name + ": " + f.Key
			}
		}
	}
	return nil
}

// locate finds the key that made a value's own reader fail: the decoder does not
// say. Each value is read again on its own.
func locate(name string, data []byte, err error) error {
	var tree map[string]any
	if toml.Unmarshal(data, &tree) == nil {
		for _, f := range Fields() {
			v, ok := lookup(tree, strings.Split(f.Key, "."))
			if !ok {
				continue
			}
			text := fmt.Sprint(v)
			scratch := Default()
			if _, isList := v.([]any); isList {
				continue
			}
			if bad := f.set(scratch, text); bad != nil {
				return &Error{Where: name + ": " + f.Key, Msg: bad.Error()}
			}
		}
	}
	return &Error{Where: name, Msg: strings.TrimPrefix(err.Error(), "toml: ")}
}

func lookup(tree map[string]any, path []string) (any, bool) {
	v, ok := tree[path[0]]
	if !ok || len(path) == 1 {
		return v, ok
	}
	sub, ok := v.(map[string]any)
	if !ok {
		return nil, false
	}
	return lookup(sub, path[1:])
}

func has(tree map[string]any, path []string) bool {
	_, ok := lookup(tree, path)
	return ok
}

// foreign matches the variables that Kubernetes and Docker links put into the
// environment of every container near a service called kalends, and those of our tests.
var foreign = regexp.MustCompile(`^KALENDS_(PORT|SERVICE_(HOST|PORT).*|PORT_[0-9]+_(TCP|UDP).*|TEST_.*)$`)

func loadEnv(s *Settings, environ []string) error {
	known := map[string]Field{}
	for _, f := range Fields() {
		known[f.Env()] = f
	}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, envPrefix) || name == EnvFile || value == "" || foreign.MatchString(name) {
			continue
		}
		f, ok := known[name]
		if !ok {
			return &Error{Where: name, Msg: "there is no such setting" + suggest(name, Field.Env, envPrefix)}
		}
		if err := f.set(s, value); err != nil {
			return &Error{Where: name, Msg: err.Error()}
		}
		s.origin[f.Key] = name
	}
	return nil
}

func getenv(environ []string, name string) string {
	for _, kv := range environ {
		if k, v, _ := strings.Cut(kv, "="); k == name {
			return v
		}
	}
	return ""
}

func (f Field) key() string { return f.Key }

// kind says what a value of the field looks like.
func (f Field) kind() string {
	v := f.value(Default())
	switch v.Interface().(type) {
	case []string:
		return `a list of strings like ["…", "…"]`
	case bool:
		return "true or false"
	case int:
		return "a whole number"
	case Bytes:
		return "a size like 1048576 or \"1MiB\""
	case Duration:
		return "a duration in quotes, like \"30s\""
	}
	return "a string in quotes"
}

func fieldByKey(key string) (Field, bool) {
	for _, f := range Fields() {
		if f.Key == key {
			return f, true
		}
	}
	return Field{}, false
}

// suggest names the setting that was probably meant.
func suggest(got string, name func(Field) string, prefix string) string {
	best, dist := "", 4
	for _, f := range Fields() {
		n := name(f)
		if d := distance(strings.TrimPrefix(got, prefix), strings.TrimPrefix(n, prefix)); d < dist && 2*d <= len(strings.TrimPrefix(got, prefix)) {
			best, dist = n, d
		}
	}
	if best != "" {
		return fmt.Sprintf("; did you mean %s?", best)
	}
	return "; remove it, or see `kalends help settings`"
}

// distance is the Levenshtein distance of a and b, both short.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diag
			if a[i-1] != b[j-1] {
				cost++
			}
			diag, row[j] = row[j], min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
