package calendar

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kalends/auth"
	"kalends/storage"
)

// Token is a sync token (RFC 6578 section 4): calendar, or minus the owner of a home, database epoch and change number.
type Token struct {
	Calendar, Epoch, Seq int64
	// Shared, of a home, stands for where the calendars of others in it are, which have counters of their own; 0 for none.
	Shared int64
}

const tokenPrefix = "data:,"

// String returns the token as clients see it: a URI.
func (t Token) String() string {
	text := fmt.Sprintf("%s%d_%d_%d", tokenPrefix, t.Calendar, t.Epoch, t.Seq)
	if t.Shared != 0 {
		text += "_" + strconv.FormatInt(t.Shared, 10)
	}
	return text
}

// ParseToken reads what String wrote; a BadSyncToken error otherwise.
func ParseToken(s string) (Token, error) {
	var n [4]int64
	parts := strings.SplitN(strings.TrimPrefix(s, tokenPrefix), "_", 5)
	ok := strings.HasPrefix(s, tokenPrefix) && (len(parts) == 3 || len(parts) == 4 && parts[3] != "0")
	for i := 0; ok && i < len(parts); i++ {
		v, err := strconv.ParseInt(parts[i], 10, 64)
		ok = err == nil && (v >= 0 || i == 0) && strconv.FormatInt(v, 10) == parts[i]
		n[i] = v
	}
	if !ok {
		return Token{}, Errorf(BadSyncToken, "this is no sync token of this server; sync again from the beginning")
	}
	return Token{n[0], n[1], n[2], n[3]}, nil
}

// SyncResult is what changed in a collection.
type SyncResult struct {
	Calendar *storage.Calendar
	Changes  []storage.Change
	Token    Token
	More     bool // the limit cut the list; Token leads on
}

// Sync returns the changes of a collection since the token ("" for all members), at most limit (0 for no limit)
// (RFC 6578 section 3).
func (s *Service) Sync(ctx context.Context, who *storage.Principal, t Target, token string, limit int) (*SyncResult, error) {
	epoch, err := s.Store.Epoch(ctx)
	if err != nil {
		return nil, fmt.Errorf("epoch: %w", err)
	}
	if token == "" && limit == 0 && who != nil && who.ID == t.Owner.ID {
		return s.firstSync(ctx, t, epoch)
	}
	var res *SyncResult
	err = s.Store.View(ctx, func(r storage.Reader) error {
		cal, err := collection(ctx, r, t)
		if err != nil {
			return err
		}
		a, err := t.enter(ctx, r, who)
		if err != nil {
			return err
		}
		if err := t.allowed(a, cal, auth.Read); err != nil {
			return err
		}
		if err := s.CountOwn(ctx, r, who, t.Owner, cal); err != nil {
			return err
		}
		since := int64(0)
		if token != "" {
			tok, err := ParseToken(token)
			if err != nil {
				return err
			}
			if tok.Calendar != cal.ID || tok.Shared != 0 || tok.Epoch != epoch || tok.Seq > cal.LastSeq || tok.Seq < cal.Floor {
				return Errorf(BadSyncToken, "this sync token is too old or of another calendar; sync again from the beginning")
			}
			since = tok.Seq
		}
		res = &SyncResult{Calendar: cal, Token: Token{Calendar: cal.ID, Epoch: epoch, Seq: cal.LastSeq}}
		if token != "" && since == cal.LastSeq {
			return nil
		}
		ask := 0
		if limit > 0 {
			ask = limit + 1
		}
		changes, err := s.ChangesFor(ctx, r, who, t.Owner, cal, since, ask)
		if err != nil {
			return err
		}
		if limit > 0 && len(changes) > limit {
			changes = changes[:limit]
			res.More, res.Token.Seq = true, changes[limit-1].Seq
		}
		for _, c := range visibleChanges(who, t.Owner, changes, since) {
			if since == 0 && c.Deleted {
				continue // a first sync has nothing to forget
			}
			res.Changes = append(res.Changes, c)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// firstSync is Sync for the owner who has no token yet: everything that is there, in the order in which it changed.
func (s *Service) firstSync(ctx context.Context, t Target, epoch int64) (*SyncResult, error) {
	cal, err := collection(ctx, s.Store, t)
	if err != nil {
		return nil, err
	}
	objects, seq, err := s.listing(ctx, cal)
	if err != nil {
		return nil, err
	}
	res := &SyncResult{Calendar: cal, Token: Token{Calendar: cal.ID, Epoch: epoch, Seq: seq}, Changes: make([]storage.Change, len(objects))}
	for i := range objects {
		o := &objects[i]
		res.Changes[i] = storage.Change{
			Name: o.Name, Seq: o.Seq, ID: o.ID, UID: o.UID, Component: o.Component, ETag: o.ETag, ScheduleTag: o.ScheduleTag,
			Size: o.Size, Created: o.Created, Modified: o.Modified, Privacy: o.Privacy,
		}
	}
	slices.SortFunc(res.Changes, func(a, b storage.Change) int { return cmp.Compare(a.Seq, b.Seq) })
	return res, nil
}

// TokenOf returns the current sync token of a collection.
func (s *Service) TokenOf(ctx context.Context, c *storage.Calendar) (Token, error) {
	epoch, err := s.Store.Epoch(ctx)
	return Token{Calendar: c.ID, Epoch: epoch, Seq: c.LastSeq}, err
}
