package calendar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kalends/ical"
	"kalends/storage"
)

// The kinds of a Notice, which are the names of its element in XML, and what storage.Object.Method of it says.
const (
	InviteNotice = "invite-notification"
	ReplyNotice  = "invite-reply"
)

// ShareDeleted is the state of a share that was taken back, in a notice.
const ShareDeleted storage.ShareState = "deleted"

// noticeSuffix ends the names of notices.
const noticeSuffix = ".xml"

// Notice is what a notification collection holds: that somebody is invited into a calendar or not any more, or that they have answered. It says
// how things were when it was made.
type Notice struct {
	Kind       string
	At         time.Time
	UID        string // of the invitation
	State      storage.ShareState
	Access     ShareAccess
	Summary    string
	Calendar   Path     // in the owner's home
	Components []string // that the calendar takes; empty for any
	// Who shares the calendar, and with whom.
	Owner, Sharee NoticePerson
}

// NoticePerson is a principal that a notice tells of.
type NoticePerson struct {
	Name, DisplayName string
	Kind              storage.Kind
	Address           string // calendar user address; "" for none
}

func noticePerson(p *storage.Principal) NoticePerson {
	n := NoticePerson{Name: p.Name, DisplayName: p.DisplayName, Kind: p.Kind}
	if n.DisplayName == "" {
		n.DisplayName = p.Name
	}
	if p.Email != "" {
		n.Address = ical.Address(p.Email)
	}
	return n
}

// NoticeOf reads an object of a notification collection.
func NoticeOf(o *storage.Object) (*Notice, error) {
	n := &Notice{}
	if err := json.Unmarshal(o.ICS, n); err != nil {
		return nil, fmt.Errorf("notice %d/%s: %w", o.Owner, o.Name, err)
	}
	return n, nil
}

// tell puts a notice into the notification collection of the sharee, or for a reply of the owner. It replaces an earlier one of the same
// invitation.
func (s *sharing) tell(ctx context.Context, sh *storage.Share, kind string, state storage.ShareState, summary string) error {
	sharee, err := s.u.tx.PrincipalByID(ctx, sh.Sharee)
	if err != nil {
		return fmt.Errorf("sharee: %w", err)
	}
	n := &Notice{
		Kind: kind, At: s.u.now, UID: sh.UID, State: state, Access: AccessOf(sh), Summary: summary,
		Calendar: Path{Owner: s.owner.Name, Slug: s.c.Slug}, Components: s.c.Components,
		Owner: noticePerson(s.owner), Sharee: noticePerson(sharee),
	}
	to, name := sharee, sh.UID
	if kind == ReplyNotice {
		to, name = s.owner, sh.UID+"-reply"
	}
	if to.Kind != storage.Person {
		return nil
	}
	return s.u.putNotice(ctx, to.ID, name+noticeSuffix, n)
}

func (u *unit) putNotice(ctx context.Context, to int64, name string, n *Notice) error {
	text, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("notice: %w", err)
	}
	c, old, err := u.notice(ctx, to, name)
	if c == nil || err != nil {
		return err
	}
	seq, err := u.tx.Next(ctx, to)
	if err != nil {
		return err
	}
	o := &storage.Object{
		Owner: to, Calendar: c.ID, ID: seq, Seq: seq, Name: name, UID: name, Method: n.Kind, ICS: text, Size: int64(len(text)), ETag: etag(text),
		Created: u.now, Modified: u.now,
	}
	if old != nil {
		o.ID, o.Created = old.ID, old.Created
	}
	if err := u.tx.PutObject(ctx, o, old); err != nil {
		return fmt.Errorf("put notice: %w", err)
	}
	return nil
}

// untell takes a notice away again, where it is still there.
func (u *unit) untell(ctx context.Context, from int64, name string) error {
	_, old, err := u.notice(ctx, from, name)
	if old == nil || err != nil {
		return err
	}
	return u.remove(ctx, old)
}

// notice returns somebody's notification collection, nil where they have none, and the notice of that name, nil where it is not there.
func (u *unit) notice(ctx context.Context, of int64, name string) (*storage.Calendar, *storage.Object, error) {
	home, err := u.tx.Calendars(ctx, of)
	if err != nil {
		return nil, nil, fmt.Errorf("calendars: %w", err)
	}
	for _, c := range home {
		if c.Kind != storage.NotificationKind {
			continue
		}
		o, err := u.tx.Object(ctx, c.Ref(), name)
		if errors.Is(err, storage.ErrNotFound) {
			return c, nil, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("notice: %w", err)
		}
		return c, o, nil
	}
	return nil, nil, nil
}
