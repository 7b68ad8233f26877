package calendar

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"

	"kalends/storage"
)

// ImportFile is a file that was attached to an object at another server, or at this one before.
type ImportFile struct {
	Size int64 // octets, as its source says; -1 where that is not known
	Open func() (io.ReadCloser, error)
}

// importPending bounds in octets the files that are taken in before the objects that name them are written: far less than what is kept of
// attachments that nothing names.
const importPending = 32 << 20

// importKey begins the keys of attachments that were imported: with a MANAGED-ID and the secret it makes always the same, so that the same file
// is taken in once, whenever an import is cut off or run again.
const importKey = "attachment-import"

// importedKey is the Key of the attachment that the owner has for one of another server.
func (m *importer) importedKey(ctx context.Context, id string) (string, error) {
	if m.secret == nil {
		var err error
		if m.secret, err = m.s.Store.Secret(ctx, importKey); err != nil {
			return "", fmt.Errorf("secret: %w", err)
		}
	}
	mac := hmac.New(sha256.New, m.secret)
	fmt.Fprintf(mac, "%d %s", m.Target.Owner.ID, id)
	return strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil)))[:attachmentKeyLen], nil
}

// named is an attachment that objects of a batch name and that is not the owner's here.
type named struct {
	file *ImportFile
	key  string
	here *storage.Attachment // once it is
	err  error               // why it will not be
	new  bool                // taken in by this batch
}

// bring gives objects attachments of their calendar's owner for those that they name and m.Files has. It stops where much was taken in, and returns
// how many objects of the batch are ready then, and what it made for them. A file that cannot be taken is told to m.Lost.
func (m *importer) bring(ctx context.Context, batch []*item) (ready int, made []*storage.Attachment, err error) {
	if m.Files == nil {
		return len(batch), nil, nil
	}
	all, err := m.named(ctx, batch)
	if err != nil || len(all) == 0 {
		return len(batch), nil, err
	}
	used, err := m.s.Store.Usage(ctx, m.Target.Owner.ID)
	if err != nil {
		return 0, nil, err
	}
	room := m.s.Limits.Quota - used.Total()
	pending := int64(0)
	for i, it := range batch {
		if it.p == nil {
			continue
		}
		if pending >= importPending {
			return i, made, nil
		}
		changed := false
		cal := it.p.cal.Clone()
		own := len(ownAttachments(cal, m.Target.Owner.ID))
		seen := map[*named]bool{}
		for _, line := range managedLines(cal) {
			n := all[line.Param("MANAGED-ID")]
			if n == nil {
				continue
			}
			if !seen[n] && own >= m.s.Limit().Attachments {
				m.lost(it, line.Param("FILENAME"), m.s.tooManyAttachments())
				continue
			}
			fresh := n.here == nil && n.err == nil
			if fresh {
				a := &storage.Attachment{
					Owner: m.Target.Owner.ID, Key: n.key, Name: FileName(line.Param("FILENAME")), Type: MediaType(line.Param("FMTTYPE")), Created: m.s.Now().UTC(),
				}
				if n.err = m.take(ctx, a, n.file, room-pending); n.err == nil {
					n.here, made = a, append(made, a)
				} else if err := fatal(ctx, n.err); err != nil {
					return i, made, err
				}
			}
			if n.err != nil {
				m.lost(it, line.Param("FILENAME"), n.err)
				continue
			}
			if fresh || !n.here.Unused.IsZero() && !n.new {
				n.new = true
				pending += n.here.Size
			}
			if !seen[n] {
				seen[n], own = true, own+1
			}
			become(line, attachLine(n.here, m.s.base(m.Base)))
			changed = true
		}
		if changed {
			m.rewrite(it, cal.Bytes())
		}
	}
	return len(batch), made, nil
}

// rewrite gives an item another text.
func (m *importer) rewrite(it *item, text []byte) {
	p, err := m.check(text)
	if err != nil {
		it.p, it.Outcome, it.Err = nil, ImportRefused, err
		return
	}
	it.p, it.text = p, text
	if p.reprinted != nil {
		it.text = p.reprinted
	}
}

// named finds what objects of a batch name, by MANAGED-ID: of that what m.Files has and the owner has not. What was taken in before is known.
func (m *importer) named(ctx context.Context, batch []*item) (map[string]*named, error) {
	all := map[string]*named{}
	var own []storage.AttachmentKey
	ids := map[int64]string{}
	for _, it := range batch {
		if it.p == nil || !mayRefer(it.text) {
			continue
		}
		for _, line := range managedLines(it.p.cal) {
			id := line.Param("MANAGED-ID")
			of, ok := parseManagedID(id)
			if !ok || all[id] != nil {
				continue
			}
			f := m.Files(id)
			if f == nil {
				continue
			}
			all[id] = &named{file: f}
			if of.owner == m.Target.Owner.ID {
				own, ids[of.ID] = append(own, of.AttachmentKey), id
			}
		}
	}
	here, err := m.s.Store.Attachments(ctx, m.Target.Owner.ID, own)
	if err != nil {
		return nil, err
	}
	for number, a := range here {
		if id := ids[number]; id == ManagedID(a) {
			delete(all, id) // it never left
		}
	}
	var keys []string
	for id, n := range all {
		if n.key, err = m.importedKey(ctx, id); err != nil {
			return nil, err
		}
		keys = append(keys, n.key)
	}
	before, err := m.s.Store.AttachmentsByKey(ctx, m.Target.Owner.ID, keys)
	for _, n := range all {
		n.here = before[n.key]
	}
	return all, err
}

// take takes in a file: as many octets as one attachment may have, and as there is room for.
func (m *importer) take(ctx context.Context, a *storage.Attachment, f *ImportFile, room int64) error {
	most := m.s.Limit().AttachmentSize
	tooLarge := Errorf(AttachmentTooLarge, "an attachment may have at most %d octets", most)
	if m.s.Limits.Quota > 0 && room < most {
		most = max(room, 0)
		tooLarge = Errorf(QuotaExceeded, "there is no room for it: %d octets are left", most)
	}
	if f.Size > most {
		return tooLarge
	}
	octets, err := f.Open()
	if err != nil {
		return &BodyError{err}
	}
	defer octets.Close()
	if err = m.s.store(ctx, a, io.LimitReader(octets, most+1), most); err != nil {
		m.s.discard(ctx, a)
		if errors.Is(err, errTooLong) {
			return tooLarge
		}
	}
	return err
}

// fatal returns errors that are of no one file.
func fatal(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_, body := errors.AsType[*BodyError](err)
	_, refused := errors.AsType[*Error](err)
	if body || refused {
		return nil
	}
	return err
}

func (m *importer) lost(it *item, name string, err error) {
	if m.Lost != nil {
		m.Lost(it.ImportObject, FileName(name), err)
	}
}

// leave removes what was made for objects that were not written after all.
func (m *importer) leave(ctx context.Context, made []*storage.Attachment, batch []*item) {
	if len(made) == 0 {
		return
	}
	kept := map[int64]bool{}
	for _, it := range batch {
		if it.p == nil || it.Outcome != ImportCreated && it.Outcome != ImportUpdated {
			continue
		}
		for _, k := range ownAttachments(it.p.cal, m.Target.Owner.ID) {
			kept[k.ID] = true
		}
	}
	for _, a := range made {
		if !kept[a.ID] {
			m.s.discard(ctx, a)
		}
	}
}
