package config

import (
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"
)

// What becomes of mail from a mailbox, as mail.imap_done has it.
const (
	IMAPKeep   = "keep"
	IMAPMove   = "move"
	IMAPDelete = "delete"
)

// maxSecretFile bounds the file of a password.
const maxSecretFile = 64 << 10

// IMAPDoneParts returns which of the words above mail.imap_done has, and the folder of IMAPMove; "" for a word that is none.
func (m *Mail) IMAPDoneParts() (word, folder string) {
	word, folder, _ = strings.Cut(strings.TrimSpace(m.IMAPDone), " ")
	word, folder = strings.ToLower(word), strings.TrimSpace(folder)
	switch {
	case word == IMAPMove && folder != "", (word == IMAPKeep || word == IMAPDelete) && folder == "":
		return word, folder
	}
	return "", ""
}

// checkIMAP refuses settings of a mailbox that could not work, and reads its password.
func (s *Settings) checkIMAP(fail func(string, string, ...any) error) error {
	m := &s.Mail
	if m.IMAPServer == "" {
		for _, other := range []struct{ key, value string }{
			{"mail.imap_user", m.IMAPUser}, {"mail.imap_password", m.IMAPPassword}, {"mail.imap_password_file", m.IMAPPasswordFile},
		} {
			if other.value != "" {
				return fail(other.key, "needs mail.imap_server: the server of the mailbox")
			}
		}
		return nil
	}
	// Somebody may have written a password into the URL, so no message repeats it.
	u, err := url.Parse(m.IMAPServer)
	switch {
	case err == nil && u.User != nil:
		return fail("mail.imap_server", "must have no user or password; they are mail.imap_user and mail.imap_password")
	case err != nil || u.Scheme != "imap" && u.Scheme != "imaps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return fail("mail.imap_server", "is not a URL like imaps://HOST or imap://HOST:143 (STARTTLS)")
	}
	if p := u.Port(); p != "" && !validPort(p) {
		return fail("mail.imap_server", "has a port that is not between 1 and 65535")
	}
	if m.IMAPUser == "" {
		return fail("mail.imap_user", "is missing: the user to log in to the mailbox as")
	}
	if m.IMAPPasswordFile != "" {
		if m.IMAPPassword != "" {
			return fail("mail.imap_password_file", "does not go with mail.imap_password; keep one of the two")
		}
		text, err := readSecret(m.IMAPPasswordFile)
		if err != nil {
			return fail("mail.imap_password_file", "cannot read the password: %v", err)
		}
		m.IMAPPassword = text
	}
	for _, v := range []struct{ key, value, what string }{
		{"mail.imap_user", m.IMAPUser, "user"}, {"mail.imap_password", m.IMAPPassword, "password"}, {"mail.imap_folder", m.IMAPFolder, "folder"}, {"mail.imap_done", m.IMAPDone, "folder"},
	} {
		if v.value == "" || strings.ContainsFunc(v.value, unicode.IsControl) {
			return fail(v.key, "is missing or has control characters: the %s of the mailbox", v.what)
		}
	}
	if d := m.IMAPInterval.Duration; d < 10*time.Second || d > 20*time.Minute {
		return fail("mail.imap_interval", "must be from 10s to 20m")
	}
	word, folder := m.IMAPDoneParts()
	if word == "" {
		return fail("mail.imap_done", "%q is neither keep, nor `move FOLDER`, nor delete", m.IMAPDone)
	}
	if folder != "" && strings.EqualFold(folder, m.IMAPFolder) {
		return fail("mail.imap_done", "must name another folder than mail.imap_folder")
	}
	return nil
}

// readSecret reads a file that holds one secret, without the end of its line.
func readSecret(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if info.Size() > maxSecretFile {
		return "", &os.PathError{Op: "read", Path: name, Err: os.ErrInvalid}
	}
	text, err := os.ReadFile(name)
	return strings.TrimRight(string(text), "\r\n"), err
}
