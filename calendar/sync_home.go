package calendar

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"

	"kalends/storage"
)

// HomeChange is a collection of a home, or an object in one, that changed.
type HomeChange struct {
	Calendar *storage.Calendar // nil for a collection that was removed
	Slug     string            // of the collection
	Shared   *SharedCalendar   // nil where the collection is the owner's; of what is in others' nothing is told, where deep either
	Object   *storage.Change   // nil for the collection itself
	Seq      int64
}

// HomeSync is what changed in a home.
type HomeSync struct {
	Home    []*storage.Calendar // all collections, if any changed
	Changes []HomeChange
	Token   Token
	More    bool // the limit cut the list; Token leads on
}

// SyncHome returns the changes of a home since the token ("" for all that is there), at most limit (0 for no limit):
// of its collections, a collection having changed when something in it did, and where deep of what is in them too
// (RFC 6578 sections 3 and 6.3). Of a collection that was removed nothing else is told.
//
// Only its owner can synchronise a home: what others see of it changes with their rights, which no number counts.
func (s *Service) SyncHome(ctx context.Context, who, owner *storage.Principal, token string, limit int, deep bool) (*HomeSync, error) {
	if who == nil || who.ID != owner.ID {
		return nil, Errorf(Refused, "a home is synchronised by its owner only; its calendars are by whoever may read them")
	}
	epoch, err := s.Store.Epoch(ctx)
	if err != nil {
		return nil, fmt.Errorf("epoch: %w", err)
	}
	var res *HomeSync
	err = s.Store.View(ctx, func(r storage.Reader) error {
		home, err := r.Home(ctx, owner.ID)
		if err != nil {
			return err
		}
		var tok Token
		if token != "" {
			if tok, err = ParseToken(token); err != nil {
				return err
			}
			if tok.Calendar != -owner.ID || tok.Epoch != epoch || tok.Seq > home.Seq || tok.Seq < home.Floor {
				return Errorf(BadSyncToken, "this sync token is too old or of another collection; sync again from the beginning")
			}
		}
		since := tok.Seq
		res = &HomeSync{Token: Token{Calendar: -owner.ID, Epoch: epoch, Seq: home.Seq}}
		if token != "" && since == home.Seq && tok.Shared == 0 {
			return nil
		}
		if res.Home, err = r.Calendars(ctx, owner.ID); err != nil {
			return fmt.Errorf("calendars: %w", err)
		}
		shared, err := s.SharedIn(ctx, r, who, owner, res.Home)
		if err != nil {
			return err
		}
		res.Token.Shared = sharedState(shared)
		if token != "" && res.Token == tok {
			return nil
		}
		if res.Changes, err = homeChanges(ctx, r, owner.ID, res.Home, since, limit, deep); err != nil {
			return err
		}
		for i := range shared {
			// What changed in a calendar of somebody else has no number here: it comes last, and of all when of any.
			seq := home.Seq
			if tok.Shared == res.Token.Shared {
				if seq = shared[i].Share.Seq; seq <= since {
					continue
				}
			}
			res.Changes = append(res.Changes, HomeChange{Calendar: shared[i].Calendar, Slug: shared[i].Share.Slug(), Shared: &shared[i], Seq: seq})
		}
		slices.SortStableFunc(res.Changes, func(a, b HomeChange) int { return cmp.Compare(a.Seq, b.Seq) })
		if limit > 0 && len(res.Changes) > limit {
			n := pageEnd(res.Changes, limit)
			if res.More = n < len(res.Changes); res.More {
				res.Changes, res.Token.Seq, res.Token.Shared = res.Changes[:n], res.Changes[n-1].Seq, tok.Shared
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// pageEnd is where a page of at most limit changes ends. What has one number goes together, or the next page would leave out
// the rest: a collection and what changed last in it. Only when nothing else fits there are more than limit.
func pageEnd(list []HomeChange, limit int) int {
	n := limit
	for n > 0 && list[n].Seq == list[n-1].Seq {
		n--
	}
	if n > 0 {
		return n
	}
	for n = limit; n < len(list) && list[n].Seq == list[n-1].Seq; {
		n++
	}
	return n
}

func homeChanges(ctx context.Context, r storage.Reader, owner int64, home []*storage.Calendar, since int64, limit int, deep bool) ([]HomeChange, error) {
	var list []HomeChange
	if since > 0 {
		removed, err := r.Changes(ctx, storage.HomeRef(owner), since, 0)
		if err != nil {
			return nil, fmt.Errorf("removed collections: %w", err)
		}
		for _, c := range removed {
			list = append(list, HomeChange{Slug: c.Name, Seq: c.Seq})
		}
	}
	ask := 0
	if limit > 0 {
		ask = limit + 1
	}
	for _, c := range home {
		seq := max(c.Seq, c.LastSeq)
		if seq <= since && since > 0 {
			continue
		}
		list = append(list, HomeChange{Calendar: c, Slug: c.Slug, Seq: seq})
		if !deep || c.LastSeq <= since && since > 0 {
			continue
		}
		old := c.ID <= since // it was there when the token was given
		if old && since < c.Floor {
			return nil, Errorf(BadSyncToken, "this sync token is too old; sync again from the beginning")
		}
		changes, err := r.Changes(ctx, c.Ref(), since, ask)
		if err != nil {
			return nil, fmt.Errorf("changes: %w", err)
		}
		for i := range changes {
			if !changes[i].Deleted || old {
				list = append(list, HomeChange{Calendar: c, Slug: c.Slug, Object: &changes[i], Seq: changes[i].Seq})
			}
		}
	}
	return list, nil
}

// sharedState stands for which calendars of others are in a home, and where each is.
func sharedState(list []SharedCalendar) int64 {
	if len(list) == 0 {
		return 0
	}
	h := fnv.New64a()
	for _, c := range list {
		fmt.Fprintln(h, c.Calendar.Owner, c.Calendar.ID, max(c.Calendar.Seq, c.Calendar.LastSeq), c.Share.Privileges)
	}
	return max(1, int64(h.Sum64()>>1))
}

// HomeToken returns the current sync token of a home, as its owner sees it.
func (s *Service) HomeToken(ctx context.Context, owner *storage.Principal) (Token, error) {
	epoch, err := s.Store.Epoch(ctx)
	if err != nil {
		return Token{}, fmt.Errorf("epoch: %w", err)
	}
	t := Token{Calendar: -owner.ID, Epoch: epoch}
	err = s.Store.View(ctx, func(r storage.Reader) error {
		home, err := r.Home(ctx, owner.ID)
		if err != nil {
			return fmt.Errorf("home: %w", err)
		}
		t.Seq = home.Seq
		list, err := r.Calendars(ctx, owner.ID)
		if err != nil {
			return fmt.Errorf("calendars: %w", err)
		}
		shared, err := s.SharedIn(ctx, r, owner, owner, list)
		t.Shared = sharedState(shared)
		return err
	})
	return t, err
}
