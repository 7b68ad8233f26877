package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMailbox: what can be set about a mailbox elsewhere, and what is refused, without a word of the password.
func TestMailbox(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("hush hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	base := []string{"KALENDS_MAIL_IMAP_SERVER=imaps://imap.example.com", "KALENDS_MAIL_IMAP_USER=calendar", "KALENDS_MAIL_IMAP_PASSWORD=hush hush"}
	for _, tt := range []struct {
		name string
		env  []string
		want string // in the error, "" for none
	}{
		{"as it is meant", base, ""},
		{"STARTTLS, a folder, deleting", append(base[1:3:3], "KALENDS_MAIL_IMAP_SERVER=imap://imap.example.com:1143", "KALENDS_MAIL_IMAP_FOLDER=Calendar", "KALENDS_MAIL_IMAP_DONE=delete"), ""},
		{"moving", append(base[:3:3], "KALENDS_MAIL_IMAP_DONE=move Taken in"), ""},
		{"the password in a file", append(base[:2:2], "KALENDS_MAIL_IMAP_PASSWORD_FILE="+file), ""},
		{"two passwords", append(base[:3:3], "KALENDS_MAIL_IMAP_PASSWORD_FILE="+file), "keep one of the two"},
		{"no such file", append(base[:2:2], "KALENDS_MAIL_IMAP_PASSWORD_FILE="+file+"x"), "cannot read the password"},
		{"no password", base[:2], "mail.imap_password: is missing"},
		{"no user", append(base[:1:1], base[2]), "mail.imap_user: is missing"},
		{"no server", base[1:], "needs mail.imap_server"},
		{"a password in the URL", append(base[1:3:3], "KALENDS_MAIL_IMAP_SERVER=imaps://me:hush hush@imap.example.com"), "IMAP_SERVER"},
		{"another scheme", append(base[1:3:3], "KALENDS_MAIL_IMAP_SERVER=pop3://imap.example.com"), "not a URL like imaps://HOST"},
		{"moving nowhere", append(base[:3:3], "KALENDS_MAIL_IMAP_DONE=move"), "neither keep"},
		{"moving in a circle", append(base[:3:3], "KALENDS_MAIL_IMAP_DONE=move inbox"), "another folder"},
		{"too often", append(base[:3:3], "KALENDS_MAIL_IMAP_INTERVAL=1s"), "from 10s to 20m"},
		{"two lines", append(base[:2:2], "KALENDS_MAIL_IMAP_PASSWORD=hush\r\nhush"), "control characters"},
	} {
		s, err := Load(Source{Environ: append(tt.env[:len(tt.env):len(tt.env)], "KALENDS_DATA="+t.TempDir())})
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want == "" && s.Mail.IMAPPassword != "hush hush":
			t.Errorf("%s: the password is %q", tt.name, s.Mail.IMAPPassword)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q in it", tt.name, err, tt.want)
		case err != nil && strings.Contains(err.Error(), "hush"):
			t.Errorf("%s: the error tells the password: %v", tt.name, err)
		}
	}
	m := Mail{IMAPDone: " Move  Taken in "}
	if word, folder := m.IMAPDoneParts(); word != IMAPMove || folder != "Taken in" {
		t.Errorf("%q, %q", word, folder)
	}
	if d := Default().Mail; d.IMAPFolder != "INBOX" || d.IMAPInterval.Duration != time.Minute || d.IMAPDone != IMAPKeep {
		t.Errorf("defaults %+v", d)
	}
}
