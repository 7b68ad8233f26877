package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// write puts a settings file into a fresh folder, makes that the current one and returns the file's name.
func write(t *testing.T, text string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile(DefaultFile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPrecedenceIsFlagEnvFileDefault(t *testing.T) {
	write(t, "quota = 1\nlisten = ':1001'\ndata = 'from-file'\n[mail]\nfrom = 'file@example.com'\n")
	flags := Default()
	flags.Quota = 3
	s, err := Load(Source{
		Environ: []string{"KALENDS_QUOTA=2", "KALENDS_LISTEN=:1002", "KALENDS_MAIL_FROM=", "OTHER=x"},
		Flags:   flags,
		Given:   []string{"quota"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, got, want string }{
		{"the flag beats the environment and the file", s.Quota.String(), "3"},
		{"the environment beats the file", s.Listen, ":1002"},
		{"an empty variable counts as absent", s.Mail.From, "file@example.com"},
		{"the file beats the default", s.Data, "from-file"},
		{"the default is what is left", s.Grace.String(), "10s"},
		{"where the quota is from", s.Where("quota"), "--quota"},
		{"where listen is from", s.Where("listen"), "KALENDS_LISTEN"},
		{"where data is from", s.Where("data"), "kalends.toml: data"},
		{"where grace is from", s.Where("grace"), "grace"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestEveryErrorNamesTheSettingAndWhatToDo(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ name, file, env, want string }{
		{"an unknown key", "listen = ':1'\nqouta = 3\n", "", "kalends.toml line 2: qouta: there is no such setting; did you mean quota?"},
		{"an unknown key in a table", "[mail]\n\nsmpt = ['x']\n", "", "kalends.toml line 3: mail.smpt: there is no such setting; did you mean mail.smtp?"},
		{"an unknown table", "[nothing_like_it]\na = 1\n", "", "kalends.toml line 1: nothing_like_it: there is no such setting; remove it, or see `kalends help settings`"},
		{"broken TOML", "listen = ':1'\ndata = \n", "", "kalends.toml line 2"},
		{"a number for a string", "listen = 3\n", "", "kalends.toml line 1: listen: must be a string in quotes"},
		{"a string for a list", "trusted_proxies = 'x'\n", "", "kalends.toml line 1: trusted_proxies: must be a list of strings"},
		{"a duration without its unit", "grace = 30\n", "", `kalends.toml: grace: "30" is not a duration; write it with its unit`},
		{"a size that is none", "quota = 'lots'\n", "", `kalends.toml line 1: quota: "lots" is not a size`},
		{"a negative size", "", "KALENDS_QUOTA=-1", `KALENDS_QUOTA: "-1" is not a size`},
		{"a bad level in a table", "[log]\nlevel = 'loud'\n", "", `kalends.toml line 2: log.level: "loud" is not a level; use debug, info, warn or error`},
		{"an unknown variable", "", "KALENDS_MAIL_SMPT=x", "KALENDS_MAIL_SMPT: there is no such setting; did you mean KALENDS_MAIL_SMTP?"},
		{"a bad value in a variable", "", "KALENDS_MIGRATE=perhaps", `KALENDS_MIGRATE: "perhaps" is neither true nor false`},
		{"a database of another kind", "", "KALENDS_DATABASE=mysql://u:secret@h/d", "KALENDS_DATABASE: must be sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME"},
		{"sqlite without a path", "", "KALENDS_DATABASE=sqlite:", "KALENDS_DATABASE: sqlite: needs the path of a file"},
		{"an address without a port", "listen = 'localhost'\n", "", `kalends.toml: listen: "localhost" is not an address`},
		{"a port too high", "listen = ':70000'\n", "", `kalends.toml: listen: ":70000" is not an address`},
		{"a certificate without its key", "tls_cert = 'a.pem'\n", "", "kalends.toml: tls_cert: needs tls_key too"},
		{"auto without a name", "tls = 'auto'\n", "", "kalends.toml line 1: tls: auto needs the public host name"},
		{"auto for an address", "tls = 'auto 192.0.2.1'\n", "", "kalends.toml line 1: tls: auto needs a public host name"},
		{"a kind of https there is not", "", "KALENDS_TLS=yes please", `KALENDS_TLS: "yes please" is not a kind of https`},
		{"a signer without its key", "profile_cert = 'a.pem'\n", "", "kalends.toml: profile_cert: needs profile_key too"},
		{"two kinds of https", "tls_cert = 'a'\ntls_key = 'b'\ntls = 'self-signed'\n", "", "kalends.toml: tls_cert: does not go with tls"},
		{"a base URL with a folder", "base_url = 'https://example.com/cal'\n", "", "kalends.toml: base_url: "},
		{"a relay that is none", "[mail]\nsmtp = ['http://bob:secret@example.com']\n", "", "kalends.toml: mail.smtp: the relay is not a URL like smtp://"},
		{"a sender with a line break", "[mail]\nfrom = \"a@example.com\\r\\nBcc: b@example.com\"\n", "", "kalends.toml: mail.from: "},
		{"a domain that is none", "[mail]\nsign_domains = ['exa mple']\n", "", `kalends.toml: mail.sign_domains: "exa mple" is not a domain`},
		{"a proxy that is none", "trusted_proxies = ['proxy']\n", "", `kalends.toml: trusted_proxies: "proxy" is neither an address nor a network`},
		{"a zone there is not", "[reminder]\ntime_zone = 'Mars/Olympus'\n", "", `kalends.toml: reminder.time_zone: "Mars/Olympus" is not a time zone`},
		{"a limit of nothing", "[limit]\nattendees = 0\n", "", "kalends.toml: limit.attendees: must be from 1 to 100000"},
		{"a key that is not there", "[mail]\ndkim_key = '" + dir + "/none'\n", "", "kalends.toml: mail.dkim_key: cannot use the key"},
		{"a settings file that is not there", "", "KALENDS_CONFIG=" + dir + "/none.toml", "KALENDS_CONFIG: cannot read the settings file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write(t, tt.file)
			_, err := Load(Source{Environ: []string{tt.env}})
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Fatalf("Load = %v\nwant %s", err, tt.want)
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret") {
				t.Errorf("error %q has several lines or a password", err)
			}
		})
	}
}

func TestWhatIsAccepted(t *testing.T) {
	write(t, "\ufeff"+`
quota = "100MB"
tls = "auto cal.example.com, www.example.com"
trusted_proxies = ["10.1.2.3/8", "::1"]
[mail]
smtp = ["smtp://bob:pa%2Css@mail.example.com:587", "smtps://mail.example.net"]
inbound_domains = ["@Example.COM"]
lmtp_listen = "/run/kalends/lmtp"
`)
	s, err := Load(Source{Environ: []string{
		"KALENDS_PORT=tcp://10.0.0.1:80", "KALENDS_SERVICE_HOST=10.0.0.1", "KALENDS_PORT_80_TCP_ADDR=10.0.0.1", // Kubernetes
		"KALENDS_REMINDER_DISPLAY=yes", "KALENDS_MAIL_SIGN_DOMAINS= example.com , example.org ",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Quota != 100e6 || s.TLS.String() != "auto cal.example.com www.example.com" || !s.Reminder.Display ||
		!slices.Equal(s.Mail.SignDomains, []string{"example.com", "example.org"}) || s.Mail.InboundDomains[0] != "example.com" || len(s.Mail.SMTP) != 2 {
		t.Errorf("Load = %+v", s)
	}
	if p, err := s.Proxies(); err != nil || p[0].String() != "10.0.0.0/8" || p[1].String() != "::1/128" {
		t.Errorf("Proxies = %v, %v", p, err)
	}
	if s.ListenAddr() != ":443" || s.MailDomain() != "cal.example.com" {
		t.Errorf("ListenAddr = %q, MailDomain = %q", s.ListenAddr(), s.MailDomain())
	}
}

func TestKindsOfTLS(t *testing.T) {
	for _, tt := range []struct {
		given, listen string
		mode          TLSMode
	}{
		{"", "127.0.0.1:8080", TLSOff},
		{"OFF", "127.0.0.1:8080", TLSOff},
		{"self-signed", ":8443", TLSSelfSigned},
		{"a b.pem,c.pem", ":443", TLSFiles},
		{"auto Bücher.example", ":443", TLSAuto},
	} {
		t.Chdir(t.TempDir())
		s, err := Load(Source{Environ: []string{"KALENDS_TLS=" + tt.given}})
		if err != nil || s.TLS.Mode != tt.mode || s.ListenAddr() != tt.listen {
			t.Errorf("tls = %q: %v, %v; want %q on %s", tt.given, s, err, tt.mode, tt.listen)
			continue
		}
		if tt.mode == TLSFiles && (s.TLSCert != "a b.pem" || s.TLSKey != "c.pem") {
			t.Errorf("tls = %q: files %q and %q", tt.given, s.TLSCert, s.TLSKey)
		}
		if tt.mode == TLSAuto && s.TLS.Names[0] != "xn--bcher-kva.example" {
			t.Errorf("tls = %q: names %q", tt.given, s.TLS.Names)
		}
	}
}

func TestEverySettingIsDescribedAndReachable(t *testing.T) {
	groups := map[string]bool{}
	for _, g := range Groups() {
		groups[g[0]] = true
	}
	if len(Fields()) < 30 {
		t.Errorf("only %d settings were found", len(Fields()))
	}
	for _, f := range Fields() {
		if len(f.Doc) < 20 || f.Key == "" || strings.HasSuffix(f.Key, ".") {
			t.Errorf("setting %q has the manual %q", f.Key, f.Doc)
		}
		if !groups[f.Group] {
			t.Errorf("setting %s is in the unknown group %q", f.Key, f.Group)
		}
		if !strings.HasSuffix(f.Brief(), ".") {
			t.Errorf("setting %s: %q is not a sentence", f.Key, f.Brief())
		}
		s := Default()
		if d := f.Default(); d != "" {
			if err := f.set(s, d); err != nil || f.Value(s) != d {
				t.Errorf("setting %s: its default %q reads as %q, %v", f.Key, d, f.Value(s), err)
			}
		}
	}
	if err := Default().check(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
}

// The manual without its comment signs is a valid settings file of the defaults.
func TestTheManualIsAFileToStartFrom(t *testing.T) {
	var lines []string
	for line := range strings.Lines(Manual()) {
		if !strings.HasPrefix(line, "#") && strings.TrimSpace(line) != "" {
			t.Errorf("line %q is no comment", line)
		}
		text := strings.TrimSuffix(strings.TrimPrefix(line, "# "), "\n")
		key, _, isSetting := strings.Cut(text, " = ")
		if isSetting && !strings.Contains(key, " ") || strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
			lines = append(lines, text)
		}
		if len(text) > 100 {
			t.Errorf("line of %d characters: %s", len(text), text)
		}
	}
	file := filepath.Join(t.TempDir(), "k.toml")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Load(Source{File: file})
	if err != nil {
		t.Fatalf("the manual as a file: %v\n%s", err, strings.Join(lines, "\n"))
	}
	for _, f := range Fields() {
		if f.Value(s) != f.Default() {
			t.Errorf("the manual shows %s = %q, the default is %q", f.Key, f.Value(s), f.Default())
		}
	}
	var tree map[string]any
	if err := toml.Unmarshal([]byte(strings.Join(lines, "\n")), &tree); err != nil {
		t.Fatal(err)
	}
	for _, f := range Fields() {
		if !has(tree, strings.Split(f.Key, ".")) {
			t.Errorf("the manual lacks %s", f.Key)
		}
	}
}

func TestNamesOfSettings(t *testing.T) {
	f, ok := fieldByKey("mail.lmtp_listen")
	if !ok || f.Flag() != "mail-lmtp-listen" || f.Env() != "KALENDS_MAIL_LMTP_LISTEN" {
		t.Errorf("mail.lmtp_listen: --%s, %s", f.Flag(), f.Env())
	}
}

func TestSizesRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		given string
		want  Bytes
		text  string
	}{
		{"0", 0, "0"}, {"104857600", 100 << 20, "100MiB"}, {"1 GiB", 1 << 30, "1GiB"}, {"5kB", 5000, "5000"}, {"7b", 7, "7"},
	} {
		var b Bytes
		if err := b.UnmarshalText([]byte(tt.given)); err != nil || b != tt.want || b.String() != tt.text {
			t.Errorf("%q reads as %d (%v) and prints as %q; want %d, %q", tt.given, b, err, b.String(), tt.want, tt.text)
		}
	}
	for _, bad := range []string{"", "x", "-1", "1.5GB", "9223372036854775807GiB", "1 1"} {
		if err := new(Bytes).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was read as a size", bad)
		}
	}
}
