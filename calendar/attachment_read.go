package calendar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"kalends/auth"
	"kalends/ical"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// maxUses bounds the objects that are looked at to find out who may read an attachment.
const maxUses = 100

// maxThrough bounds the invited people in whose calendars a copy is looked for that the asker may read.
const maxThrough = 200

// errNoAttachment is said of attachments that are not there, too: whether one is must not show.
func errNoAttachment() error {
	return &Error{Kind: Forbidden, Msg: "there is no such attachment, or it is not yours to see"}
}

// Attachment returns an attachment that who may read: in whose calendars an object with it is that they see all of, or who is invited
// to a meeting with it now, or who may read the calendar of somebody invited in which the copy is. Forbidden for all others, and where
// there is none.
//
// What counts is the organizer's object: who is taken out of the meeting loses the attachment at once, whatever copies are left.
func (s *Service) Attachment(ctx context.Context, who *storage.Principal, id string) (*storage.Attachment, error) {
	a, uses, err := s.attachmentUses(ctx, id)
	if err != nil {
		return nil, err
	}
	if who == nil || len(uses) == 0 {
		return nil, errNoAttachment()
	}
	if who.ID == a.Owner {
		return a, nil
	}
	owner, err := s.Store.PrincipalByID(ctx, a.Owner)
	if err != nil {
		return nil, fmt.Errorf("principal: %w", err)
	}
	home, err := s.Store.Calendars(ctx, a.Owner)
	if err != nil {
		return nil, fmt.Errorf("calendars: %w", err)
	}
	access, err := s.Access(ctx, who, owner)
	if err != nil {
		return nil, err
	}
	through, err := s.throughSharees(ctx, who, owner, home, uses)
	if err != nil {
		return nil, err
	}
	for _, o := range uses {
		if reads(access, home, o) || slices.ContainsFunc(through[o.Calendar], func(a *auth.Access) bool { return reads(a, home, o) }) {
			return a, nil
		}
	}
	for _, o := range uses {
		if ok, err := s.invitedTo(ctx, who, owner, home, o, id); ok || err != nil {
			return a, err
		}
	}
	return nil, errNoAttachment()
}

// maxSharees bounds the sharees through whose homes somebody may come.
const maxSharees = 20

// throughSharees returns what who may do in the owner's home by coming through the homes of those with whom the calendars of these objects are
// shared: by calendar, since nobody comes to another that way, whatever the sharee may do there.
func (s *Service) throughSharees(ctx context.Context, who, owner *storage.Principal, home []*storage.Calendar, uses []*storage.Object) (map[int64][]*auth.Access, error) {
	shared := slices.ContainsFunc(home, func(c *storage.Calendar) bool {
		return c.Shared && slices.ContainsFunc(uses, func(o *storage.Object) bool { return o.Calendar == c.ID })
	})
	if !shared {
		return nil, nil
	}
	shares, err := s.Store.Shares(ctx, owner.ID, 0)
	if err != nil {
		return nil, fmt.Errorf("shares: %w", err)
	}
	var ids []int64
	theirs := map[int64][]int64{} // calendars, by sharee
	for _, sh := range shares {
		if sh.State == storage.ShareAccepted && sh.Sharee != who.ID && slices.ContainsFunc(uses, func(o *storage.Object) bool { return o.Calendar == sh.Calendar }) {
			if theirs[sh.Sharee] == nil {
				ids = append(ids, sh.Sharee)
			}
			theirs[sh.Sharee] = append(theirs[sh.Sharee], sh.Calendar)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	grants, err := s.Store.GrantsAmong(ctx, ids, who.ID)
	if err != nil {
		return nil, fmt.Errorf("grants: %w", err)
	}
	ids = slices.DeleteFunc(ids, func(id int64) bool {
		return !slices.ContainsFunc(grants, func(g storage.Grant) bool { return g.Owner == id })
	})
	sharees, err := s.Store.PrincipalsByID(ctx, ids[:min(len(ids), maxSharees)])
	if err != nil {
		return nil, fmt.Errorf("principals: %w", err)
	}
	through := map[int64][]*auth.Access{}
	for _, sharee := range sharees {
		a, err := auth.EnterShared(ctx, s.Store, who, sharee, owner)
		if err != nil {
			return nil, fmt.Errorf("access: %w", err)
		}
		for _, c := range theirs[sharee.ID] {
			through[c] = append(through[c], a)
		}
	}
	return through, nil
}

// attachmentUses returns an attachment and the objects that refer to it.
func (s *Service) attachmentUses(ctx context.Context, id string) (*storage.Attachment, []*storage.Object, error) {
	m, ok := parseManagedID(id)
	if !ok {
		return nil, nil, errNoAttachment()
	}
	found, err := s.Store.Attachments(ctx, m.owner, []storage.AttachmentKey{m.AttachmentKey})
	if err != nil {
		return nil, nil, err
	}
	a := found[m.ID]
	if a == nil {
		return nil, nil, errNoAttachment()
	}
	uses, err := s.Store.AttachmentUses(ctx, m.owner, m.ID, maxUses)
	return a, uses, err
}

// reads reports whether an object in a home may be read whole.
func reads(access *auth.Access, home []*storage.Calendar, o *storage.Object) bool {
	i := slices.IndexFunc(home, func(c *storage.Calendar) bool { return c.ID == o.Calendar })
	return i >= 0 && access.To(home[i]).Has(auth.Read) && (o.Privacy == storage.Public || insider(access.Who, access.Owner))
}

// invitedTo reports whether a meeting of the owner, which has the attachment, invites who, or somebody whose calendar who may read.
func (s *Service) invitedTo(ctx context.Context, who, owner *storage.Principal, home []*storage.Calendar, o *storage.Object, id string) (bool, error) {
	cal, err := parseStored(o)
	if err != nil || o.Organizer == "" {
		return false, nil
	}
	addresses := invitedWith(cal, id)
	if len(addresses) == 0 {
		return false, nil
	}
	p := &people{}
	if err := p.lookup(ctx, s.Store, append(slices.Clone(addresses), itip.Organizer(cal))); err != nil {
		return false, err
	}
	if ok, err := s.decides(ctx, p.of(itip.Organizer(cal)), owner, home, o); !ok || err != nil {
		return false, err
	}
	var invited []*storage.Principal
	var ids []int64
	for _, address := range addresses {
		q := p.of(address)
		switch {
		case q == nil || q.Kind == storage.Group || slices.Contains(ids, q.ID):
		case q.ID == who.ID:
			return true, nil
		default:
			invited, ids = append(invited, q), append(ids, q.ID)
		}
	}
	return s.readsThrough(ctx, who, invited, ids, o.UID)
}

// decides reports whether the organizer of an object is its calendar's owner, or plans in it for a team.
func (s *Service) decides(ctx context.Context, organizer, owner *storage.Principal, home []*storage.Calendar, o *storage.Object) (bool, error) {
	if organizer == nil || organizer.ID == owner.ID {
		return organizer != nil, nil
	}
	i := slices.IndexFunc(home, func(c *storage.Calendar) bool { return c.ID == o.Calendar && c.Team })
	if i < 0 {
		return false, nil
	}
	a, err := s.Access(ctx, organizer, owner)
	return err == nil && a.To(home[i]).Has(auth.WriteContent), err
}

// invitedWith lists the attendees of those components of a meeting that have the attachment.
func invitedWith(cal *ical.Component, id string) []string {
	var list []string
	for c := range cal.Main() {
		has := false
		for p := range c.All("ATTACH") {
			has = has || p.Param("MANAGED-ID") == id
		}
		if !has {
			continue
		}
		for p := range c.All("ATTENDEE") {
			list = append(list, ical.Address(p.Value()))
		}
	}
	return list
}

// readsThrough reports whether who may read the copy of a meeting in the calendar of somebody who is invited.
func (s *Service) readsThrough(ctx context.Context, who *storage.Principal, invited []*storage.Principal, ids []int64, uid string) (bool, error) {
	if len(ids) == 0 {
		return false, nil
	}
	grants, err := s.Store.GrantsAmong(ctx, ids, who.ID)
	if err != nil {
		return false, fmt.Errorf("grants: %w", err)
	}
	granted := map[int64]bool{}
	for _, g := range grants {
		granted[g.Owner] = true
	}
	invited = slices.DeleteFunc(invited, func(q *storage.Principal) bool { return !granted[q.ID] })
	if len(invited) == 0 {
		return false, nil
	}
	invited = invited[:min(len(invited), maxThrough)]
	ids = ids[:0]
	for _, q := range invited {
		ids = append(ids, q.ID)
	}
	access, err := auth.EnterAll(ctx, s.Store, who, who, invited)
	if err != nil {
		return false, fmt.Errorf("access: %w", err)
	}
	homes, err := s.Store.HomeCalendars(ctx, ids)
	if err != nil {
		return false, fmt.Errorf("home calendars: %w", err)
	}
	copies, err := s.Store.ObjectsByUID(ctx, ids, uid)
	if err != nil {
		return false, fmt.Errorf("objects by UID: %w", err)
	}
	for _, o := range copies {
		if o.Organizer != "" && reads(access[o.Owner], homes[o.Owner], o) {
			return true, nil
		}
	}
	return false, nil
}

// LinkedAttachment returns an attachment for who comes by the link in a mail, which was made for an attendee of an object of the
// owner: isFor tells their address. The link ends when the attachment or they are taken out of the meeting, or the meeting is deleted.
func (s *Service) LinkedAttachment(ctx context.Context, id string, owner, object int64, isFor func(address string) bool) (*storage.Attachment, error) {
	a, uses, err := s.attachmentUses(ctx, id)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(uses, func(o *storage.Object) bool { return o.ID == object })
	if a.Owner != owner || i < 0 {
		return nil, errNoAttachment()
	}
	cal, err := parseStored(uses[i])
	if err != nil || !slices.ContainsFunc(invitedWith(cal, id), isFor) {
		return nil, errNoAttachment()
	}
	return a, nil
}

// Octets returns the octets of an attachment, read piece by piece as they are asked for.
func (s *Service) Octets(ctx context.Context, a *storage.Attachment) io.ReadSeeker {
	return OctetsOf(ctx, s.Store, a)
}

// OctetsOf is Octets by a reader.
func OctetsOf(ctx context.Context, r storage.Reader, a *storage.Attachment) io.ReadSeeker {
	return &octets{ctx: ctx, store: r, a: a, n: -1}
}

// AttachmentsOf lists the attachments of its owner that an object names, each once; none where its text cannot be read.
func AttachmentsOf(o *storage.Object) []storage.AttachmentKey {
	if !mayRefer(o.ICS) {
		return nil
	}
	cal, err := parseStored(o)
	if err != nil {
		return nil
	}
	return ownAttachments(cal, o.Owner)
}

type octets struct {
	ctx   context.Context
	store storage.Reader
	a     *storage.Attachment
	at    int64
	n     int64 // number of the piece that is held; -1 for none
	piece []byte
}

// Read implements [io.Reader].
func (r *octets) Read(p []byte) (int, error) {
	if r.at >= r.a.Size {
		return 0, io.EOF
	}
	if n := r.at / storage.AttachmentChunkSize; n != r.n {
		piece, err := r.store.AttachmentChunk(r.ctx, r.a.Owner, r.a.ID, n)
		if err != nil {
			return 0, err
		}
		r.n, r.piece = n, piece
	}
	from := r.at % storage.AttachmentChunkSize
	if from >= int64(len(r.piece)) {
		return 0, io.ErrUnexpectedEOF
	}
	k := copy(p, r.piece[from:])
	r.at += int64(k)
	return k, nil
}

// Seek implements [io.Seeker].
func (r *octets) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.a.Size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	r.at = offset
	return offset, nil
}
