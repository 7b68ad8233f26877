package calendar

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"kalends/auth"
	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// AttachAction is what is done with a managed attachment (RFC 8607 section 3.3.1).
type AttachAction int

// The actions.
const (
	AttachAdd AttachAction = iota
	AttachUpdate
	AttachRemove
)

// AttachRequest asks for an attachment to be added to an object, replaced, or removed.
type AttachRequest struct {
	Who    *storage.Principal
	Target Target
	Cond   Condition // nil for none
	// TagMatched is as in [PutRequest].
	TagMatched bool
	Action     AttachAction
	// Instances are those of a series that it is for, as in rid= (RFC 8607 section 3.3.2): "M" for the series, or a RECURRENCE-ID; none for
	// all there are.
	Instances []string
	ManagedID string // of the attachment that is replaced or removed

	// Of what is added or put in its place: name and media type as somebody sent them, and its octets. Length is how many there are, -1 where
	// nobody knows.
	Name, Type string
	Body       io.Reader
	Length     int64
	// Base is the URL of this server as the asker knows it; "" for Service.URL.
	Base string
}

// AttachResult says what became of it.
type AttachResult struct {
	*PutResult
	Attachment *storage.Attachment // nil where one was removed
	ManagedID  string              // of it
	URL        string
}

// attachTries bounds how often an object may change while an attachment comes in.
const attachTries = 5

// Attach changes the attachments of an object, with all consequences of a PUT of it: who is invited gets them too. Only who organizes a meeting
// can, for what others attach to their copies would be gone with the next update.
//
// The octets are stored as they come, in transactions of their own, and nothing refers to them until all are there.
func (s *Service) Attach(ctx context.Context, r AttachRequest) (*AttachResult, error) {
	if r.Action != AttachAdd && r.ManagedID == "" {
		return nil, Errorf(BadManagedIDParam, "say which attachment by managed-id (RFC 8607 section 3.3.3)")
	}
	if r.Action == AttachAdd && r.ManagedID != "" {
		return nil, Errorf(BadManagedIDParam, "what is added has no managed-id yet (RFC 8607 section 3.3.3)")
	}
	if r.Action == AttachUpdate && len(r.Instances) > 0 {
		return nil, Errorf(BadInstance, "an attachment is replaced in all instances; leave out rid (RFC 8607 section 3.3.2)")
	}
	o, err := s.attachable(ctx, r)
	if err != nil {
		return nil, err
	}
	// What cannot be done is said before the octets are taken.
	placeholder := ical.NewProperty("ATTACH", "")
	if _, err := s.attached(o, r, placeholder); err != nil {
		return nil, err
	}
	res := &AttachResult{}
	var line *ical.Property
	if r.Action != AttachRemove {
		if res.Attachment, err = s.upload(ctx, r); err != nil {
			return nil, err
		}
		res.ManagedID = ManagedID(res.Attachment)
		base := s.base(r.Base)
		res.URL = AttachmentURL(base, res.ManagedID)
		line = attachLine(res.Attachment, base)
	}
	for range attachTries {
		var text []byte
		if text, err = s.attached(o, r, line); err != nil {
			break
		}
		overtaken := false
		res.PutResult, err = s.Put(ctx, PutRequest{
			Who: r.Who, Target: r.Target, Body: text, TagMatched: r.TagMatched, Base: r.Base,
			Cond: func(current *storage.Object) error {
				if overtaken = current == nil || current.ETag != o.ETag; overtaken {
					return Errorf(Changed, "the object has changed meanwhile")
				}
				if r.Cond == nil {
					return nil
				}
				return r.Cond(current)
			},
		})
		if !overtaken || KindOf(err) != Changed {
			break
		}
		if o, err = s.attachable(ctx, r); err != nil {
			break
		}
		err = Errorf(Unavailable, "the object is being changed by too many at once; try again")
	}
	if err != nil {
		s.discard(ctx, res.Attachment)
		return nil, err
	}
	res.PutResult.AsSent = false
	return res, nil
}

// attachable returns the object of a request as the asker sees it, if they may change its attachments.
func (s *Service) attachable(ctx context.Context, r AttachRequest) (*storage.Object, error) {
	o, c, err := s.Object(ctx, r.Who, r.Target)
	if err != nil {
		return nil, err
	}
	a, err := r.Target.enter(ctx, s.Store, r.Who)
	if err != nil {
		return nil, err
	}
	if err := r.Target.allowed(a, c, auth.WriteContent); err != nil {
		return nil, err
	}
	if c.Kind != storage.CalendarKind {
		return nil, Errorf(Refused, "nothing is attached to what is in the %s", c.Kind)
	}
	if err := untouchable(r.Who, r.Target.Owner, o); err != nil {
		return nil, err
	}
	if r.Cond != nil {
		if err := r.Cond(o); err != nil {
			return nil, err
		}
	}
	if o.Organizer == "" || c.OwnClient {
		return o, nil
	}
	cal, err := parseStored(o)
	if err != nil {
		return nil, err
	}
	mine, err := s.ownAddresses(ctx, r.Target.Owner)
	if err != nil {
		return nil, err
	}
	if role, _ := itip.RoleOf(cal, mine); role == itip.RoleAttendee && !c.Team {
		return nil, Errorf(AttendeeChange, "only who organizes a meeting can attach something to it")
	}
	return o, nil
}

// attached returns the text of an object with its attachments changed; line is that of the new one.
func (s *Service) attached(o *storage.Object, r AttachRequest, line *ical.Property) ([]byte, error) {
	cal, err := parseStored(o)
	if err != nil {
		return nil, err
	}
	where, err := s.componentsOf(cal, r)
	if err != nil {
		return nil, err
	}
	is := func(p *ical.Property) bool { return p.Name() == "ATTACH" && p.Param("MANAGED-ID") == r.ManagedID }
	found := false
	for _, c := range where {
		switch r.Action {
		case AttachAdd:
			c.Add(line.Clone())
			found = true
		case AttachUpdate:
			for p := range c.All("ATTACH") {
				if is(p) {
					become(p, line)
					found = true
				}
			}
		case AttachRemove:
			found = c.RemoveFunc(is) > 0 || found
		}
	}
	if !found {
		return nil, Errorf(BadManagedIDParam, "there is no attachment with the managed-id %.80q here", r.ManagedID)
	}
	if r.Action == AttachAdd {
		seen := map[string]bool{}
		for _, p := range managedLines(cal) {
			seen[p.Param("MANAGED-ID")] = true
		}
		if len(seen)+b2i(line.Param("MANAGED-ID") == "") > s.Limit().Attachments {
			return nil, s.tooManyAttachments()
		}
	}
	return cal.CRLF(), nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// maxRID bounds the instances that one request can name: each that has no component yet gets one.
const maxRID = 100

// maxRangedRID is the same where overrides stand for all later instances, too: each that is named costs as much as reading the series.
const maxRangedRID = 10

// componentsOf returns the components of an object that a request is for; an instance that has none yet gets one.
func (s *Service) componentsOf(cal *ical.Component, r AttachRequest) ([]*ical.Component, error) {
	var list []*ical.Component
	for c := range cal.Main() {
		list = append(list, c)
	}
	if len(r.Instances) == 0 {
		return list, nil
	}
	if len(r.Instances) > maxRID {
		return nil, Errorf(BadInstance, "at most %d instances can be named at once", maxRID)
	}
	here := s.FloatingZone
	if here == nil {
		here = time.UTC
	}
	ranged := slices.ContainsFunc(list, func(c *ical.Component) bool {
		id := c.Prop("RECURRENCE-ID")
		return id != nil && id.HasParam("RANGE")
	})
	if ranged && len(r.Instances) > maxRangedRID {
		return nil, Errorf(BadInstance, "at most %d instances of this series can be named at once", maxRangedRID)
	}
	var series *recur.Series
	var where []*ical.Component
	named := map[time.Time]bool{}
	add := func(c *ical.Component) {
		if !slices.Contains(where, c) { // named twice
			where = append(where, c)
		}
	}
	for _, rid := range r.Instances {
		bad := Errorf(BadInstance, "there is no instance %.40q of it (RFC 8607 section 3.3.2)", rid)
		if rid == "M" {
			master := cal.Master()
			if master == nil {
				return nil, bad
			}
			add(master)
			continue
		}
		d, err := ical.ParseDateTime(rid, "")
		if err != nil {
			return nil, bad
		}
		if series == nil {
			if series, err = recur.Compile(cal, zone.NewResolver(cal)); err != nil {
				return nil, bad
			}
		}
		x, ok := series.Lookup(d, here)
		if !ok {
			return nil, bad
		}
		if named[x.RecurrenceID.Wall] {
			continue
		}
		named[x.RecurrenceID.Wall] = true
		c := series.Single(cal, x, here)
		if c == nil {
			return nil, bad
		}
		add(c)
		if ranged { // others may have another component now
			series = nil
		}
	}
	return where, nil
}

// upload stores what a request brings, within the limits. Nothing refers to it yet.
func (s *Service) upload(ctx context.Context, r AttachRequest) (*storage.Attachment, error) {
	limit := s.Limit().AttachmentSize
	owner := r.Target.Owner.ID
	tooLarge := Errorf(AttachmentTooLarge, "an attachment may have at most %d octets", limit)
	if r.Length > limit {
		return nil, tooLarge
	}
	if max := s.Limits.Quota; max > 0 {
		used, err := s.Store.Usage(ctx, owner)
		if err != nil {
			return nil, err
		}
		if used.Total()+r.Length > max && r.Action == AttachAdd {
			return nil, Errorf(QuotaExceeded, "this would take %d octets of the %d that are allowed", used.Total()+r.Length, max)
		}
	}
	a := &storage.Attachment{
		Owner: owner, Key: s.newKey(), Name: FileName(r.Name), Type: MediaType(r.Type), Created: s.Now().UTC(),
	}
	err := s.store(ctx, a, io.LimitReader(r.Body, limit+1), limit)
	if err != nil {
		s.discard(ctx, a)
		if errors.Is(err, errTooLong) {
			return nil, tooLarge
		}
		return nil, err
	}
	return a, nil
}

func (s *Service) newKey() string {
	if s.NewKey != nil {
		return s.NewKey()
	}
	return strings.ToLower(rand.Text())
}

var errTooLong = errors.New("the attachment is too large")

// BodyError is an error of reading the octets that somebody sends, which is theirs.
type BodyError struct{ Err error }

func (e *BodyError) Error() string { return "read the attachment: " + e.Err.Error() }

func (e *BodyError) Unwrap() error { return e.Err }

// store writes the octets of an attachment, each piece in a transaction of its own, so that a slow sender holds up nobody.
func (s *Service) store(ctx context.Context, a *storage.Attachment, octets io.Reader, limit int64) error {
	sum := sha256.New()
	piece := make([]byte, storage.AttachmentChunkSize)
	for n := int64(0); ; n++ {
		k, last, err := fill(piece, octets)
		if err != nil {
			return &BodyError{err}
		}
		if a.Size += int64(k); a.Size > limit {
			return errTooLong
		}
		sum.Write(piece[:k])
		if last {
			a.Hash = hex.EncodeToString(sum.Sum(nil))
		}
		id := a.ID
		err = s.Store.Update(ctx, func(tx storage.Tx) error {
			a.ID = id
			if err := tx.Lock(ctx, 1, a.Owner); err != nil {
				return fmt.Errorf("lock: %w", err)
			}
			if n == 0 {
				if a.ID, err = tx.Next(ctx, a.Owner); err != nil {
					return err
				}
				if err := tx.AddAttachment(ctx, a); err != nil {
					return err
				}
				if err := tx.TrimAttachments(ctx, a.Owner, s.Limit().Trash); err != nil {
					return err
				}
			}
			if k > 0 {
				if err := tx.AddAttachmentChunk(ctx, a.Owner, a.ID, n, piece[:k]); err != nil {
					return err
				}
			}
			if last {
				return tx.FinishAttachment(ctx, a)
			}
			return nil
		})
		switch {
		case errors.Is(err, storage.ErrNotFound):
			return Errorf(Unavailable, "too much is being attached at once; try again")
		case err != nil:
			return fmt.Errorf("store attachment: %w", err)
		case last:
			return nil
		}
	}
}

// fill reads until the piece is full or the end. Not io.ReadFull: of a body that breaks off net/http says io.ErrUnexpectedEOF, which would look
// like the end.
func fill(piece []byte, r io.Reader) (n int, last bool, err error) {
	for n < len(piece) {
		k, err := r.Read(piece[n:])
		n += k
		if err == io.EOF {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

// discard removes what was taken in for nothing. Where that fails the janitor does it.
func (s *Service) discard(ctx context.Context, a *storage.Attachment) {
	if a == nil || a.ID == 0 {
		return
	}
	err := s.Store.Update(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		if err := tx.Lock(ctx, 0, a.Owner); err != nil {
			return err
		}
		return tx.DropAttachment(ctx, a.Owner, a.ID)
	})
	if err != nil {
		s.Log.WarnContext(ctx, "attachment left behind", "owner", a.Owner, "err", err)
	}
}
