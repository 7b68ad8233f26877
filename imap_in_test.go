package main

import (
	"log/slog"
	"testing"
	"time"

	"kalends/internal/config"
	"kalends/mailer"
)

// TestMailboxSettings: mail.imap_* leads to one worker that does what they say.
func TestMailboxSettings(t *testing.T) {
	for done, want := range map[string]mailer.Account{
		"keep":          {Done: mailer.DoneKeep},
		"move Taken in": {Done: mailer.DoneMove, Into: "Taken in"},
		"delete":        {Done: mailer.DoneDelete},
	} {
		cfg := config.Default()
		cfg.Data = t.TempDir()
		cfg.Database = "sqlite:" + cfg.Data + "/kalends.db"
		cfg.Mail.IMAPServer, cfg.Mail.IMAPUser, cfg.Mail.IMAPPassword, cfg.Mail.IMAPDone = "imaps://imap.example.com", "calendar", "hush", done
		a, err := build(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer a.close()
		want.Server, want.User, want.Password = "imaps://imap.example.com", "calendar", "hush"
		want.Folder, want.Interval, want.MaxBytes = "INBOX", time.Minute, maxMailIn
		var got []mailer.Account
		for _, w := range a.workers {
			if p, ok := w.(*mailer.Poller); ok {
				got = append(got, p.Account)
			}
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s: %+v, want %+v", done, got, want)
		}
	}
}
