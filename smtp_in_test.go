package main

import (
	"io"
	"log/slog"
	"net/smtp"
	"testing"

	"kalends/auth"
	"kalends/internal/config"
)

// TestMailComesInBySMTP: with mail.smtp_listen a mail server without LMTP hands over what it has.
func TestMailComesInBySMTP(t *testing.T) {
	cfg := config.Default()
	cfg.Data = t.TempDir()
	cfg.Database = "sqlite:" + cfg.Data + "/kalends.db"
	cfg.Mail.SMTPListen = "127.0.0.1:0"
	a, err := build(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	bob, err := a.directory.Add(t.Context(), auth.NewUser{Name: "bob", Email: "bob@example.com", Kind: "user"})
	if err != nil {
		t.Fatal(err)
	}
	var in intake
	for _, w := range a.workers {
		if i, ok := w.(intake); ok {
			in = i
		}
	}
	go in.Run(t.Context())
	c, err := smtp.Dial(a.smtp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Mail("carol@example.org"); err != nil {
		t.Fatal(err)
	}
	if err := c.Rcpt("nobody@example.com"); err == nil {
		t.Error("mail for nobody is taken")
	}
	if err := c.Rcpt("bob@example.com"); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "From: carol@example.org\r\nSubject: Lunch\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:u\r\n"+
		"DTSTART:20380105T110000Z\r\nORGANIZER:mailto:carol@example.org\r\nATTENDEE:mailto:bob@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	list, _, err := a.service(cfg, slog.New(slog.DiscardHandler)).Held(t.Context(), bob, bob, "", 0)
	if err != nil || len(list) != 1 || list[0].Subject != "Lunch" {
		t.Errorf("waiting: %+v, %v", list, err)
	}
}
