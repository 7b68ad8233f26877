package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"kalends/ical/zone"
)

// check refuses combinations and values that could not work, and completes
// what follows from other settings.
func (s *Settings) check() error {
	fail := func(key, format string, args ...any) error {
		return s.Fail(key, fmt.Errorf(format, args...))
	}
	if s.Data == "" {
		return fail("data", "must name a folder")
	}
	if err := checkDatabase(s.Database); err != "" {
		return fail("database", "%s", err)
	}
	if err := s.checkTLS(fail); err != nil {
		return err
	}
	for _, a := range []struct{ key, addr string }{{"listen", s.Listen}, {"acme.listen", s.ACME.Listen}, {"metrics_listen", s.MetricsListen}} {
		if a.addr == "" || a.addr == "off" && a.key == "acme.listen" {
			continue
		}
		if msg := checkAddress(a.addr); msg != "" {
			return fail(a.key, "%s", msg)
		}
	}
	for _, l := range []struct{ key, address string }{{"mail.lmtp_listen", s.Mail.LMTPListen}, {"mail.smtp_listen", s.Mail.SMTPListen}} {
		if l.address != "" && !strings.Contains(l.address, "/") {
			if msg := checkAddress(l.address); msg != "" {
				return fail(l.key, "%s", msg)
			}
		}
	}
	if s.BaseURL != "" {
		u, err := url.Parse(s.BaseURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil ||
			u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
			return fail("base_url", "%q is not the URL of a server; write it like https://cal.example.com (Kalends must own the whole host, not a folder)", s.BaseURL)
		}
		s.BaseURL = u.Scheme + "://" + u.Host
	}
	if _, err := s.Proxies(); err != nil {
		return fail("trusted_proxies", "%v", err)
	}
	if _, err := s.Webhook.Prefixes(); err != nil {
		return fail("webhook.networks", "%v", err)
	}
	if err := s.checkMail(fail); err != nil {
		return err
	}
	if s.Reminder.Location() == nil {
		return fail("reminder.time_zone", "%q is not a time zone; use a name like Europe/Berlin or UTC", s.Reminder.TimeZone)
	}
	return s.checkNumbers(fail)
}

func (s *Settings) checkTLS(fail func(string, string, ...any) error) error {
	if s.TLS.Mode == TLSFiles && s.TLS.Cert != "" {
		if s.TLSCert != "" && s.TLSCert != s.TLS.Cert || s.TLSKey != "" && s.TLSKey != s.TLS.Key {
			return fail("tls", "names other files than tls_cert and tls_key; keep one of the two")
		}
		s.TLSCert, s.TLSKey = s.TLS.Cert, s.TLS.Key
		if s.origin != nil {
			s.origin["tls_cert"], s.origin["tls_key"] = s.Where("tls"), s.Where("tls")
		}
	}
	switch {
	case (s.TLSCert == "") != (s.TLSKey == ""):
		key, other := "tls_cert", "tls_key"
		if s.TLSCert == "" {
			key, other = other, key
		}
		return fail(key, "needs %s too: a certificate and its key belong together", other)
	case s.TLSCert != "" && s.TLS.Mode == TLSOff:
		s.TLS = TLS{Mode: TLSFiles}
	case s.TLSCert != "" && s.TLS.Mode != TLSFiles:
		return fail("tls_cert", "does not go with tls = %q; keep one of the two", s.TLS.String())
	case s.TLSCert == "" && s.TLS.Mode == TLSFiles:
		return fail("tls", "files needs tls_cert and tls_key")
	}
	if (s.ProfileCert == "") != (s.ProfileKey == "") {
		key, other := "profile_cert", "profile_key"
		if s.ProfileCert == "" {
			key, other = other, key
		}
		return fail(key, "needs %s too: a certificate and its key belong together", other)
	}
	if s.ACME.Directory != "" {
		if u, err := url.Parse(s.ACME.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
			return fail("acme.directory", "%q is not an https URL", s.ACME.Directory)
		}
	}
	if s.ACME.Email != "" {
		if _, err := mail.ParseAddress(s.ACME.Email); err != nil {
			return fail("acme.email", "%q is not a mail address", s.ACME.Email)
		}
	}
	return nil
}

func (s *Settings) checkMail(fail func(string, string, ...any) error) error {
	for i, relay := range s.Mail.SMTP {
		// The URL holds a password, so no message repeats it.
		u, err := url.Parse(relay)
		nth := ""
		if len(s.Mail.SMTP) > 1 {
			nth = fmt.Sprintf(" (number %d)", i+1)
		}
		if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
			return fail("mail.smtp", "the relay%s is not a URL like smtp://USER:PASSWORD@HOST:587 or smtps://…; write special characters of the password as %%XX", nth)
		}
		if p := u.Port(); p != "" && !validPort(p) {
			return fail("mail.smtp", "the relay%s has a port that is not between 1 and 65535", nth)
		}
	}
	if err := s.checkIMAP(fail); err != nil {
		return err
	}
	if s.Mail.From != "" {
		a, err := mail.ParseAddress(s.Mail.From)
		if err != nil || strings.ContainsAny(s.Mail.From, "\r\n") || !strings.Contains(a.Address, "@") {
			return fail("mail.from", "%q is not a mail address; write it like calendar@example.com or `Kalends <calendar@example.com>`", s.Mail.From)
		}
	}
	for _, l := range []struct {
		key  string
		list []string
	}{{"mail.sign_domains", s.Mail.SignDomains}, {"mail.inbound_domains", s.Mail.InboundDomains}} {
		for i, d := range l.list {
			name, ok := domain(strings.TrimPrefix(d, "@"))
			if !ok {
				return fail(l.key, "%q is not a domain like example.com", d)
			}
			l.list[i] = name
		}
	}
	if s.Mail.DKIMKey != "" {
		if _, err := os.Stat(s.Mail.DKIMKey); err != nil {
			return fail("mail.dkim_key", "cannot use the key: %v", err)
		}
		if len(s.Mail.SignDomains) == 0 {
			return fail("mail.dkim_key", "needs mail.sign_domains: the domains to sign for")
		}
	}
	return nil
}

func (s *Settings) checkNumbers(fail func(string, string, ...any) error) error {
	for _, n := range []struct {
		key         string
		value       int64
		least, most int64
	}{
		{key: "limit.object", value: int64(s.Limit.Object), least: 1 << 10, most: 256 << 20},
		{key: "limit.attachment", value: int64(s.Limit.Attachment), least: 1 << 10, most: 1 << 30},
		{key: "limit.attachments", value: int64(s.Limit.Attachments), least: 1, most: 1000},
		{key: "limit.xml", value: int64(s.Limit.XML), least: 1 << 10, most: 256 << 20},
		{key: "limit.attendees", value: int64(s.Limit.Attendees), least: 1, most: 100_000},
		{key: "limit.outside_recipients", value: int64(s.Limit.OutsideRecipients), least: 0, most: 100_000},
		{key: "mail.sender_rate", value: int64(s.Mail.SenderRate), least: 0, most: 1_000_000_000},
		{key: "mail.domain_rate", value: int64(s.Mail.DomainRate), least: 0, most: 1_000_000_000},
		{key: "limit.instances", value: int64(s.Limit.Instances), least: 1, most: 1_000_000},
		{key: "limit.calendar_objects", value: int64(s.Limit.CalendarObjects), least: 1, most: 1_000_000_000},
	} {
		if n.value < n.least || n.value > n.most {
			return fail(n.key, "must be from %d to %d", n.least, n.most)
		}
	}
	for _, d := range []struct {
		key   string
		value Duration
	}{{"limit.request", s.Limit.Request}, {"limit.stall", s.Limit.Stall}} {
		if d.value.Duration <= 0 {
			return fail(d.key, "must be longer than nothing, like 30s")
		}
	}
	return nil
}

// checkDatabase says what is wrong with a database URL. It may hold a password,
// so the message does not repeat it.
func checkDatabase(db string) string {
	scheme, rest, ok := strings.Cut(db, ":")
	switch {
	case db == "":
		return ""
	case ok && scheme == "sqlite":
		if rest == "" {
			return "sqlite: needs the path of a file, like sqlite:kalends.db"
		}
		return ""
	case ok && (scheme == "postgres" || scheme == "postgresql"):
		if _, err := url.Parse(db); err != nil {
			return "is not a URL like postgres://USER:PASSWORD@HOST/NAME; write special characters of the password as %XX"
		}
		return ""
	}
	return "must be sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME"
}

func checkAddress(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil || port != "0" && !validPort(port) {
		return fmt.Sprintf("%q is not an address; write HOST:PORT, or :PORT for every network", addr)
	}
	return ""
}

func validPort(p string) bool {
	n, err := strconv.ParseUint(p, 10, 16)
	return err == nil && n > 0
}

// DatabaseURL is the database in use.
func (s *Settings) DatabaseURL() string {
	if s.Database != "" {
		return s.Database
	}
	return "sqlite:" + filepath.Join(s.Data, "kalends.db")
}

// SQLitePath is the file of an SQLite database, "" for Postgres.
func (s *Settings) SQLitePath() string {
	path, ok := strings.CutPrefix(s.DatabaseURL(), "sqlite:")
	if !ok {
		return ""
	}
	path, _, _ = strings.Cut(path, "?")
	return strings.TrimPrefix(path, "//")
}

// MailFolder is where mail lands while there is no relay.
func (s *Settings) MailFolder() string {
	if s.Mail.Folder != "" {
		return s.Mail.Folder
	}
	return filepath.Join(s.Data, "mail")
}

// ListenAddr is the address to listen on.
func (s *Settings) ListenAddr() string {
	switch {
	case s.Listen != "":
		return s.Listen
	case s.TLS.Mode == TLSOff:
		return "127.0.0.1:8080"
	case s.TLS.Mode == TLSSelfSigned:
		return ":8443"
	}
	return ":443"
}

// Loopback reports whether addr, an address we listen on, is only reached from this machine.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// PublicURL is the URL people use, without a slash at the end. bound is the
// address the server really listens on.
func (s *Settings) PublicURL(bound net.Addr) string {
	if s.BaseURL != "" {
		return s.BaseURL
	}
	scheme, standard := "http", "80"
	if s.TLS.Mode != TLSOff {
		scheme, standard = "https", "443"
	}
	host, port, err := net.SplitHostPort(bound.String())
	if err != nil {
		return scheme + "://" + bound.String()
	}
	switch ip, err := netip.ParseAddr(host); {
	case s.TLS.Mode == TLSAuto:
		host = s.TLS.Names[0]
	case err == nil && ip.IsUnspecified():
		host = "localhost"
		if name, err := os.Hostname(); err == nil && name != "" {
			host = name
		}
	}
	if port == standard {
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return scheme + "://" + host
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// MailDomain is the domain of addresses that the server makes up itself:
// that of mail.from, else the host of base_url, else localhost.
func (s *Settings) MailDomain() string {
	if a, err := mail.ParseAddress(s.Mail.From); err == nil {
		if _, domain, ok := strings.Cut(a.Address, "@"); ok {
			return strings.ToLower(domain)
		}
	}
	if u, err := url.Parse(s.BaseURL); err == nil && u.Hostname() != "" {
		if _, err := netip.ParseAddr(u.Hostname()); err != nil {
			return strings.ToLower(u.Hostname())
		}
	}
	if s.TLS.Mode == TLSAuto {
		return s.TLS.Names[0]
	}
	return "localhost"
}

// Proxies is TrustedProxies, parsed.
func (s *Settings) Proxies() ([]netip.Prefix, error) { return networks(s.TrustedProxies) }

// Prefixes returns Networks.
func (w *Webhook) Prefixes() ([]netip.Prefix, error) { return networks(w.Networks) }

// networks reads addresses and networks.
func networks(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, p := range list {
		prefix, err := netip.ParsePrefix(p)
		if err != nil {
			ip, err := netip.ParseAddr(p)
			if err != nil {
				return nil, fmt.Errorf("%q is neither an address nor a network like 10.0.0.0/8", p)
			}
			prefix = netip.PrefixFrom(ip, ip.BitLen())
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}

// Location is TimeZone, from the zone data of the program; nil where there is no such zone.
func (r *Reminder) Location() *time.Location {
	name, ok := zone.Canonical(r.TimeZone)
	if !ok {
		return nil
	}
	loc, _ := zone.Load(name)
	return loc
}
