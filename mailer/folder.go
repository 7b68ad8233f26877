package mailer

import (
	"bytes"
	"context"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
)

// Folder is a transport that leaves mail as .eml files in a directory. Names sort by time and are made
// from the Message-ID, so that a mail sent again replaces itself. A file appears whole, by
// a rename, and with its envelope in two header fields on top.
type Folder struct {
	Dir string
}

// Send implements [Transport].
func (f *Folder) Send(_ context.Context, from, to string, msg []byte) error {
	m, err := mail.ReadMessage(bytes.NewReader(msg))
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	name := "00000000T000000Z-"
	if at, err := m.Header.Date(); err == nil {
		name = at.UTC().Format("20060102T150405Z-")
	}
	id := strings.Trim(m.Header.Get("Message-ID"), "<>")
	if !isMessageID(id) {
		id = shortHash(string(msg))
	}
	id, _, _ = strings.Cut(id, "@")
	name += strings.Map(func(r rune) rune {
		if r < 0x80 && isAlphanumeric(byte(r)) || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, cut(id, 120)) + ".eml"

	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return fmt.Errorf("mail folder: %w", err)
	}
	tmp, err := os.CreateTemp(f.Dir, ".mail-*")
	if err != nil {
		return fmt.Errorf("mail folder: %w", err)
	}
	defer os.Remove(tmp.Name()) // no such file once it is renamed
	head := "Return-Path: <" + oneToken(from) + ">\r\nX-Envelope-To: <" + oneToken(to) + ">\r\n"
	_, err = tmp.WriteString(head)
	if err == nil {
		_, err = tmp.Write(msg)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(f.Dir, name))
	}
	if err != nil {
		return fmt.Errorf("mail folder: %w", err)
	}
	return syncDir(f.Dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("mail folder: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("mail folder: %w", err)
	}
	return nil
}

// oneToken keeps an envelope address from ending its header line.
func oneToken(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || r == '<' || r == '>' {
			return -1
		}
		return r
	}, s)
}
