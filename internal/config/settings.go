// Package config reads Kalends' settings: from the command line, from KALENDS_*
// variables of the environment, from one TOML file, in that order of precedence.
//
// The comments of this file are the manual. `kalends help settings` prints them,
// and the help of each flag is the first sentence of its comment; so a comment
// on a field of Settings speaks to the person who runs the server.
package config

// Settings is everything that can be set. The key of a setting is its path in
// the TOML file (mail.lmtp_listen); its flag (--mail-lmtp-listen) and its
// variable (KALENDS_MAIL_LMTP_LISTEN) follow from the key.
type Settings struct {
	// Database to keep everything in: sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME
	// (without it, the SQLite file kalends.db in the data folder). Several servers
	// may share one Postgres; SQLite is for one server.
	Database string `toml:"database" placeholder:"URL" group:"storage" scope:"all"`

	// Folder for what Kalends keeps in files: the SQLite database, mail that is
	// not sent by SMTP, certificates. It is created when needed, readable by its
	// owner only.
	Data string `toml:"data" placeholder:"DIR" group:"storage" scope:"all"`

	// Bring the tables of a Postgres database up to date when the server starts.
	// One server does it, the others wait. With --no-migrate, run `kalends
	// migrate` yourself before a new version starts. SQLite is always migrated.
	Migrate bool `toml:"migrate" negatable:"" group:"storage"`

	// Bytes that the calendars of one user may hold (RFC 4331), with what is attached to
	// events; 0 is no limit.
	// Units are understood: 500MB, 1GiB.
	Quota Bytes `toml:"quota" placeholder:"BYTES" group:"storage"`

	// Address to listen on, HOST:PORT, or :PORT for every network (127.0.0.1:8080, which only
	// this machine reaches; with --tls self-signed :8443, with other kinds of https :443).
	Listen string `toml:"listen" placeholder:"ADDRESS" group:"http"`

	// URL under which people and their programs reach the server. It stands in
	// mails and in the start lines. Needed behind a proxy; without it the URL
	// follows from listen and tls.
	BaseURL string `toml:"base_url" placeholder:"URL" group:"http"`

	// Proxies in front of the server, as addresses or networks (10.0.0.0/8).
	// Only from these is X-Forwarded-For believed, which matters for the
	// throttling of wrong passwords.
	TrustedProxies []string `toml:"trusted_proxies" placeholder:"NETWORK" group:"http"`

	// Time that running requests and mail get to finish when the server is
	// stopped; a second signal stops it at once.
	Grace Duration `toml:"grace" placeholder:"DURATION" group:"http"`

	// Address to show metrics for Prometheus on, at /metrics: HOST:PORT, like 127.0.0.1:9464.
	// Without it nobody can read them. It has no password and no https: open it to your
	// monitoring only.
	MetricsListen string `toml:"metrics_listen" name:"metrics-listen" placeholder:"ADDRESS" group:"http"`

	// Kind of https: off, self-signed, files, or `auto NAME` for a certificate
	// from Let's Encrypt for a public host name. Apple's calendar programs send
	// no password without https. With self-signed, each program asks once whether
	// to trust the server. Several names go in quotes: --tls "auto NAME NAME".
	TLS TLS `toml:"tls" placeholder:"KIND" group:"tls" type:"tls"`

	// Certificate file, PEM, the server's own first. It is read again when it
	// changes. Together with tls_key this is --tls files.
	TLSCert string `toml:"tls_cert" name:"tls-cert" placeholder:"FILE" group:"tls"`

	// Key file that belongs to tls_cert, PEM.
	TLSKey string `toml:"tls_key" name:"tls-key" placeholder:"FILE" group:"tls"`

	// Certificate file, PEM, to sign profiles for Apple's programs with, the signer's own first. It is for
	// servers behind a proxy that does https. Without it the server's own certificate signs; without any they are not signed.
	ProfileCert string `toml:"profile_cert" name:"profile-cert" placeholder:"FILE" group:"tls"`

	// Key file that belongs to profile_cert, PEM.
	ProfileKey string `toml:"profile_key" name:"profile-key" placeholder:"FILE" group:"tls"`

	ACME     ACME     `toml:"acme" embed:"" prefix:"acme-" group:"tls"`
	Mail     Mail     `toml:"mail" embed:"" prefix:"mail-" group:"mail"`
	Reminder Reminder `toml:"reminder" embed:"" prefix:"reminder-" group:"mail"`
	Webhook  Webhook  `toml:"webhook" embed:"" prefix:"webhook-" group:"webhook"`
	Limit    Limit    `toml:"limit" embed:"" prefix:"limit-" group:"limit"`
	Log      Log      `toml:"log" embed:"" prefix:"log-" group:"log"`

	origin map[string]string // key → how it was given, for errors
}

// ACME is how `--tls auto` gets its certificates.
type ACME struct {
	// Mail address that the certificate authority may write to when something is wrong.
	Email string `toml:"email" placeholder:"ADDRESS" group:"tls"`

	// Address to answer the authority's http-01 challenge on, and to lead http to
	// https; off for none (the tls-alpn-01 challenge on port 443 is then the only one).
	Listen string `toml:"listen" placeholder:"ADDRESS" group:"tls"`

	// Directory URL of the certificate authority, for another one than Let's Encrypt.
	Directory string `toml:"directory" placeholder:"URL" group:"tls"`
}

// Mail is how mail leaves and arrives.
type Mail struct {
	// Relay to send mail through: smtp://USER:PASSWORD@HOST:587 (STARTTLS where
	// offered) or smtps://USER:PASSWORD@HOST:465. Several are tried in order. A
	// special character in the password is written as %XX, a comma as %2C. At the end of the
	// URL, ?tls= may be none, opportunistic, mandatory or unverified. Without a relay, mail is
	// written to mail.folder.
	SMTP []string `toml:"smtp" name:"smtp" placeholder:"URL" group:"mail"`

	// Folder where mail lands as .eml files while there is no relay. Without it,
	// mail in the data folder.
	Folder string `toml:"folder" placeholder:"DIR" group:"mail"`

	// Address the server writes from, like `Kalends <calendar@example.com>`. Without it,
	// calendar@ and the host of base_url.
	From string `toml:"from" placeholder:"ADDRESS" group:"mail"`

	// Domains we may send for: an invitation by alice@example.com comes From her
	// when example.com is here, else from "Alice via Kalends" at the address of mail.from. Put
	// in what your relay signs for (DKIM, SPF), or mail.dkim_key.
	SignDomains []string `toml:"sign_domains" placeholder:"DOMAIN" group:"mail"`

	// Domains whose mail is fed to mail.lmtp_listen. Answers to an organizer in one of
	// them go to their own address; to others, to a signed address at the domain of mail.from.
	InboundDomains []string `toml:"inbound_domains" placeholder:"DOMAIN" group:"mail"`

	// Private key to sign outgoing mail with (DKIM), a PEM file, RSA or Ed25519.
	DKIMKey string `toml:"dkim_key" name:"dkim-key" placeholder:"FILE" group:"mail"`

	// Selector under which the DKIM public key is published in DNS.
	DKIMSelector string `toml:"dkim_selector" name:"dkim-selector" placeholder:"NAME" group:"mail"`

	// Domain of the signed addresses that answers of people outside come to (without it, that
	// of mail.from). Its mail must be fed to mail.lmtp_listen or to `kalends mail-in`; setting it says that it is.
	ReplyDomain string `toml:"reply_domain" placeholder:"DOMAIN" group:"mail"`

	// Name under which your mail server writes its checks into Authentication-Results
	// (RFC 8601). The topmost of these fields is then believed, so your server must remove those that pretend to be its
	// own. Without it, Kalends verifies DKIM and DMARC itself, but cannot see SPF.
	AuthServID string `toml:"authserv_id" name:"authserv-id" placeholder:"NAME" group:"mail"`

	// Time that an update of a meeting waits before it is mailed, so that quick edits become
	// one mail. First invitations and cancellations do not wait.
	UpdateHold Duration `toml:"update_hold" placeholder:"DURATION" group:"mail"`

	// Most mails that one person's meetings send in an hour; half of them may go at once, and
	// what is above waits its turn. 0 is no limit.
	SenderRate int `toml:"sender_rate" placeholder:"N" group:"mail"`

	// Most mails in a minute to one domain; what is above waits its turn. 0 is no limit.
	DomainRate int `toml:"domain_rate" placeholder:"N" group:"mail"`

	// Address to take in mail on by LMTP: HOST:PORT, or the path of a Unix socket.
	// Without it no mail is taken in. It has no passwords: never open it to others than
	// your mail server.
	LMTPListen string `toml:"lmtp_listen" name:"lmtp-listen" placeholder:"ADDRESS" group:"mail"`

	// Address to take in mail on by SMTP, for mail servers that speak no LMTP: like
	// mail.lmtp_listen, and as little for others than your mail server. One message with several recipients is
	// answered for all of them at once.
	SMTPListen string `toml:"smtp_listen" name:"smtp-listen" placeholder:"ADDRESS" group:"mail"`

	// Server of a mailbox elsewhere, whose unread mail is taken in by IMAP: imaps://HOST, or imap://HOST for
	// STARTTLS, with :PORT where it is not the usual one. Without TLS it only works on this machine. The mailbox should be there for Kalends alone,
	// since what somebody else reads is not taken in. If the signed addresses of invitations lead to it, set
	// mail.reply_domain; if mail.authserv_id is set, the mailbox's own server must write these checks.
	IMAPServer string `toml:"imap_server" name:"imap-server" placeholder:"URL" group:"mail"`

	// User to log in to the mailbox as.
	IMAPUser string `toml:"imap_user" name:"imap-user" placeholder:"NAME" group:"mail"`

	// Password of the mailbox; better in the environment, the settings file or mail.imap_password_file than on the command line, where
	// others on the machine see it. Many providers want one that is made for one program.
	IMAPPassword string `toml:"imap_password" name:"imap-password" placeholder:"PASSWORD" group:"mail"`

	// File with the password of the mailbox and nothing else, instead of mail.imap_password.
	IMAPPasswordFile string `toml:"imap_password_file" name:"imap-password-file" placeholder:"FILE" group:"mail"`

	// Folder of the mailbox to take mail from.
	IMAPFolder string `toml:"imap_folder" name:"imap-folder" placeholder:"FOLDER" group:"mail"`

	// Time between looks into the mailbox, from 10s to 20m. Most servers tell of new mail at once all the same (IDLE).
	IMAPInterval Duration `toml:"imap_interval" name:"imap-interval" placeholder:"DURATION" group:"mail"`

	// What becomes of mail from the mailbox that was taken in: keep (it stays, marked as read), `move FOLDER` (marked as read, into that folder,
	// which is made) or delete. What is for nobody here, larger than 10 MiB or refused stays where it is, marked as read, and the log says so once.
	IMAPDone string `toml:"imap_done" name:"imap-done" placeholder:"WHAT" group:"mail"`
}

// Reminder is what becomes a reminder mail.
type Reminder struct {
	// Send a mail for alarms of the kind DISPLAY too, which calendar programs
	// otherwise show on their own. Alarms of the kind EMAIL are always mailed.
	Display bool `toml:"display" negatable:"" group:"mail"`

	// Time before its start at which people get a mail about an event that has a time and no alarm of any
	// kind, like 30m; 0 for none. Whoever wants no reminder of an event can say so with an alarm "none", as Apple's
	// programs do. It counts for events that are written from then on.
	Default Duration `toml:"default" placeholder:"DURATION" group:"mail"`

	// Time before its start at which people get a mail about a meeting that was made by the web pages or the API and
	// has no alarm; 0 for as default says. People, and each calendar, can have other alarms: kalends user alarms, kalends
	// calendar alarms.
	Meetings Duration `toml:"meetings" placeholder:"DURATION" group:"mail"`

	// Time zone of people who have none set, like Europe/Berlin: their all-day and floating
	// events are reminded of in it.
	TimeZone string `toml:"time_zone" placeholder:"ZONE" group:"mail"`
}

// Webhook is where messages to the addresses go that people name (see docs/api.md).
type Webhook struct {
	// Networks that are not public and may be sent to all the same, as addresses or networks (10.1.0.0/16), also
	// without https. Everybody with an account can then have the server send messages into them. Without it, webhooks are
	// sent by https to public addresses only.
	Networks []string `toml:"networks" placeholder:"NETWORK" group:"webhook"`

	// File with a key that seals the secrets of webhooks together with one in the database: at least 32 bytes, the same file on every
	// server, like what `openssl rand -base64 48` prints. With it, who gets hold of the database or of a backup cannot sign messages. When it
	// is lost or changed, everybody has to make new secrets.
	KeyFile string `toml:"key_file" name:"key-file" placeholder:"FILE" group:"webhook"`
}

// Limit bounds what one request, object or calendar may cost. An answer that
// refuses something for a limit names it.
type Limit struct {
	// Largest calendar object (one event with all its exceptions).
	Object Bytes `toml:"object" placeholder:"BYTES" group:"limit"`

	// Largest file that can be attached to an event, and most that one import on
	// the pages may send.
	Attachment Bytes `toml:"attachment" placeholder:"BYTES" group:"limit"`

	// Most files attached to one event.
	Attachments int `toml:"attachments" placeholder:"N" group:"limit"`

	// Most attendees in a calendar object.
	Attendees int `toml:"attendees" placeholder:"N" group:"limit"`

	// Most attendees outside the server to whom invitations of one meeting are mailed.
	OutsideRecipients int `toml:"outside_recipients" placeholder:"N" group:"limit"`

	// Most occurrences of one object in one answer.
	Instances int `toml:"instances" placeholder:"N" group:"limit"`

	// Largest XML body of a request.
	XML Bytes `toml:"xml" name:"xml" placeholder:"BYTES" group:"limit"`

	// Objects in one calendar above which the log warns.
	CalendarObjects int `toml:"calendar_objects" placeholder:"N" group:"limit"`

	// Time that a request may take to be worked out, apart from the network.
	Request Duration `toml:"request" placeholder:"DURATION" group:"limit"`

	// Time without a byte moving after which a connection in the middle of a request is cut.
	Stall Duration `toml:"stall" placeholder:"DURATION" group:"limit"`
}

// Log is what is written to standard error.
type Log struct {
	// Least level that is written: debug, info, warn or error. At debug, every request.
	Level Level `toml:"level" placeholder:"LEVEL" group:"log" scope:"all"`

	// Form of the lines: text or json.
	Format Format `toml:"format" placeholder:"FORM" group:"log" scope:"all"`
}
