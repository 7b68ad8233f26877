package calendar

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"kalends/ical"
	"kalends/storage"
)

// AttachmentPath begins the path of the URL of a managed attachment (RFC 8607); its MANAGED-ID follows.
const AttachmentPath = "/dav/attachments/"

// managedID is a MANAGED-ID of ours: whose attachment it is, which one, and what nobody can guess.
type managedID struct {
	owner int64
	storage.AttachmentKey
}

const attachmentKeyLen = 26 // of crypto/rand.Text: 130 bits

func (m managedID) String() string { return fmt.Sprintf("%d-%d-%s", m.owner, m.ID, m.Key) }

// ManagedID returns the MANAGED-ID of an attachment (RFC 8607 section 4.3).
func ManagedID(a *storage.Attachment) string {
	return managedID{a.Owner, storage.AttachmentKey{ID: a.ID, Key: a.Key}}.String()
}

// parseManagedID reads what String wrote; false for anything else.
func parseManagedID(s string) (m managedID, ok bool) {
	owner, rest, ok := strings.Cut(s, "-")
	id, key, ok2 := strings.Cut(rest, "-")
	if !ok || !ok2 || len(key) != attachmentKeyLen || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return m, false
	}
	var err, err2 error
	m.owner, err = strconv.ParseInt(owner, 10, 64)
	m.ID, err2 = strconv.ParseInt(id, 10, 64)
	m.Key = key
	return m, err == nil && err2 == nil && m.owner > 0 && m.ID > 0 && m.String() == s
}

// AttachmentURL returns the URL of an attachment on the server that base, https://cal.example.com, is the URL of.
func AttachmentURL(base, managedID string) string {
	return strings.TrimSuffix(base, "/") + AttachmentPath + managedID
}

// ManagedOf returns the MANAGED-ID of an ATTACH of an attachment that is kept here, "" for any other. Some programs drop the
// parameter: then the URL tells.
func ManagedOf(p *ical.Property) string {
	if p.Name() != "ATTACH" {
		return ""
	}
	if id := p.Param("MANAGED-ID"); id != "" {
		if _, ok := parseManagedID(id); !ok {
			return ""
		}
		return id
	}
	return managedInURL(p.Value())
}

func managedInURL(text string) string {
	_, id, ok := strings.Cut(text, AttachmentPath)
	if !ok {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Path != AttachmentPath+id {
		return ""
	}
	if _, ok := parseManagedID(id); !ok {
		return ""
	}
	return id
}

// baseOf returns the beginning of the URL of an attachment, "" where it is the URL of something else.
func baseOf(value, id string) string {
	if managedInURL(value) != id {
		return ""
	}
	return strings.TrimSuffix(value, AttachmentPath+id)
}

// managedLines lists the ATTACHs of an object that have a MANAGED-ID or lead here.
func managedLines(cal *ical.Component) []*ical.Property {
	var list []*ical.Property
	for c := range cal.Main() {
		for p := range c.All("ATTACH") {
			if p.HasParam("MANAGED-ID") || managedInURL(p.Value()) != "" {
				list = append(list, p)
			}
		}
	}
	return list
}

// ownAttachments lists the attachments of an owner that an object of theirs names, each once.
func ownAttachments(cal *ical.Component, owner int64) []storage.AttachmentKey {
	var list []storage.AttachmentKey
	seen := map[int64]bool{}
	for _, p := range managedLines(cal) {
		if m, ok := parseManagedID(p.Param("MANAGED-ID")); ok && m.owner == owner && !seen[m.ID] {
			seen[m.ID] = true
			list = append(list, m.AttachmentKey)
		}
	}
	return list
}

// mayRefer reports whether a text could have a MANAGED-ID, folded anywhere. It saves parsing most texts.
func mayRefer(text []byte) bool {
	const want = "MANAGED-ID"
	n := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\r' || c == '\n' || (c == ' ' || c == '\t') && i > 0 && text[i-1] == '\n' {
			continue // of a fold
		}
		switch c &^ 0x20 {
		case want[n] &^ 0x20:
			if n++; n == len(want) {
				return true
			}
		case 'M':
			n = 1
		default:
			n = 0
		}
	}
	return false
}

// refer notes which of the owner's attachments an object that is written names; cal is its text, and nil where it is deleted.
func (u *unit) refer(ctx context.Context, cal *ical.Component, row, old *storage.Object) error {
	var keys []storage.AttachmentKey
	if cal != nil {
		keys = ownAttachments(cal, row.Owner)
	}
	had := old != nil && !old.Inbox && mayRefer(old.ICS)
	if len(keys) == 0 && !had {
		return nil
	}
	o := row
	if o == nil {
		o = old
	}
	if err := u.tx.SetAttachments(ctx, o.Owner, o.ID, keys, u.now); err != nil {
		return fmt.Errorf("attachments of %d/%d: %w", o.Owner, o.ID, err)
	}
	if !had {
		return nil
	}
	return u.tx.TrimAttachments(ctx, o.Owner, u.s.Limit().Trash)
}

// manage makes what a body says of managed attachments what it may say. What was in the object before stays as the server wrote it, whatever
// the body makes of it (RFC 8607 section 3.8). Another attachment of the calendar's owner can be referred to as well (section 3.7); one
// of somebody else is only a link: it is not the owner's to give to others. What is not known at all is refused, or where nobody would understand
// that (in an import, from the trash, or in
// an invited person's old copy), only a link too. It returns p itself where there is nothing to change.
func (u *unit) manage(ctx context.Context, r PutRequest, old *storage.Object, p *parsed) (*parsed, error) {
	lines := managedLines(p.cal)
	if len(lines) == 0 {
		return p, nil
	}
	had, err := managedBefore(old)
	if err != nil {
		return nil, err
	}
	owner := r.Target.Owner.ID
	asked := map[int64][]storage.AttachmentKey{}
	for _, line := range lines {
		if m, ok := parseManagedID(ManagedOf(line)); ok && had[m.String()] == nil && line.HasParam("MANAGED-ID") {
			asked[m.owner] = append(asked[m.owner], m.AttachmentKey)
		}
	}
	if len(asked) > u.s.Limit().Attachments {
		return nil, u.s.tooManyAttachments()
	}
	found := map[int64]map[int64]*storage.Attachment{}
	for o, keys := range asked {
		if found[o], err = u.tx.Attachments(ctx, o, keys); err != nil {
			return nil, err
		}
	}
	cal, changed := p.cal.Clone(), false
	var taken []*storage.Attachment
	lenient := r.Quiet || r.lenient || old != nil && old.Organizer != "" && !u.people.is(r.Target.Owner)(old.Organizer)
	for _, line := range managedLines(cal) {
		was := line.Line()
		id := ManagedOf(line)
		m, _ := parseManagedID(id)
		switch known := found[m.owner][m.ID]; {
		case had[line.Param("MANAGED-ID")] != nil:
			become(line, had[line.Param("MANAGED-ID")])
		case had[id] != nil:
			become(line, had[id])
		case !line.HasParam("MANAGED-ID"): // a link that somebody put there
		case known != nil && m.owner == owner:
			base := u.s.base(r.Base)
			if b := baseOf(line.Value(), id); b != "" {
				base = b
			}
			taken = append(taken, known)
			become(line, attachLine(known, base))
		case known != nil || lenient:
			line.RemoveParam("MANAGED-ID")
		default:
			return nil, Errorf(BadManagedID, "there is no attachment with the MANAGED-ID %.80q (RFC 8607 section 3.11)", line.Param("MANAGED-ID"))
		}
		changed = changed || line.Line() != was
	}
	if n := len(ownAttachments(cal, owner)); n > max(u.s.Limit().Attachments, len(had)) {
		return nil, u.s.tooManyAttachments()
	}
	if err := u.take(ctx, owner, taken, had, cal); err != nil {
		return nil, err
	}
	if !changed {
		return p, nil
	}
	q, err := u.s.checkComponent(cal)
	if err != nil {
		return nil, err
	}
	q.reprinted = cal.CRLF()
	return q, nil
}

func (s *Service) tooManyAttachments() error {
	return Errorf(TooManyAttachments, "an object has at most %d attachments", s.Limit().Attachments)
}

// take counts attachments that nothing refers to yet against the owner's quota, without those that only this object had and loses.
func (u *unit) take(ctx context.Context, owner int64, new []*storage.Attachment, had map[string]*ical.Property, cal *ical.Component) error {
	var more int64
	for _, a := range new {
		if !a.Unused.IsZero() && !u.taken[a.ID] {
			more += a.Size
			if u.taken == nil {
				u.taken = map[int64]bool{}
			}
			u.taken[a.ID] = true
		}
	}
	if more == 0 || u.s.Limits.Quota == 0 {
		return nil
	}
	var lost []storage.AttachmentKey
	kept := ownAttachments(cal, owner)
	for id := range had {
		if m, ok := parseManagedID(id); ok && m.owner == owner && !slices.Contains(kept, m.AttachmentKey) {
			lost = append(lost, m.AttachmentKey)
		}
	}
	gone, err := u.tx.Attachments(ctx, owner, lost)
	if err != nil {
		return err
	}
	for _, a := range gone {
		uses, err := u.tx.AttachmentUses(ctx, owner, a.ID, 2)
		if err != nil {
			return err
		}
		if len(uses) == 1 {
			more -= a.Size
		}
	}
	return u.charge(ctx, owner, more)
}

// managedBefore returns the lines of managed attachments that an object has, by MANAGED-ID.
func managedBefore(old *storage.Object) (map[string]*ical.Property, error) {
	had := map[string]*ical.Property{}
	if old == nil || !mayRefer(old.ICS) {
		return had, nil
	}
	cal, err := parseStored(old)
	if err != nil {
		return had, nil // it is replaced as a whole
	}
	for _, p := range managedLines(cal) {
		if id := p.Param("MANAGED-ID"); id != "" && had[id] == nil {
			had[id] = p
		}
	}
	return had, nil
}

// become gives a line the parameters and the value of another.
func become(line, as *ical.Property) {
	for _, q := range line.Params() {
		line.RemoveParam(q.Name)
	}
	for _, q := range as.Params() {
		line.SetParam(q.Name, q.Values...)
	}
	line.SetValue(as.Value())
}

// attachLine is the ATTACH of an attachment (RFC 8607 section 4).
func attachLine(a *storage.Attachment, base string) *ical.Property {
	id := ManagedID(a)
	return ical.NewProperty("ATTACH", AttachmentURL(base, id),
		ical.Param{Name: "MANAGED-ID", Values: []string{id}},
		ical.Param{Name: "FMTTYPE", Values: []string{a.Type}},
		ical.Param{Name: "FILENAME", Values: []string{a.Name}},
		ical.Param{Name: "SIZE", Values: []string{strconv.FormatInt(a.Size, 10)}})
}

// base is the URL of this server: what a request says, or what is set.
func (s *Service) base(ofRequest string) string {
	if ofRequest != "" {
		return ofRequest
	}
	return s.URL
}

// maxFileName bounds the name of an attachment, in octets.
const maxFileName = 200

// FileName makes a name of an attachment of what somebody sent as one: no path, nothing that cannot be seen, not too long.
func FileName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, name)
	name = strings.Trim(name, " .")
	if len(name) > maxFileName {
		ext := path.Ext(name)
		if len(ext) > maxFileName/4 {
			ext = ""
		}
		name = name[:maxFileName-len(ext)]
		for !utf8.ValidString(name) {
			name = name[:len(name)-1]
		}
		name = strings.TrimRight(name, " .") + ext
	}
	if name == "" {
		return "attachment"
	}
	return name
}

// MediaType makes a media type of what somebody sent as Content-Type, without parameters.
func MediaType(header string) string {
	t, _, err := mime.ParseMediaType(header)
	if err != nil || len(t) > 127 || strings.Count(t, "/") != 1 || bytes.ContainsAny([]byte(t), "\"\r\n") {
		return "application/octet-stream"
	}
	return t
}
