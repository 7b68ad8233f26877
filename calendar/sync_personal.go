package calendar

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"kalends/storage"
)

// ChangesFor returns the changes of a collection after since as somebody else's program is told of them: with what who changed of their own in it, and
// under the ETags that they see; at most about limit (0: all), and up to the last of them none is left out. What is private is in them: see [Visible]. The
// collection is one that [Service.CountOwn] was given.
func (s *Service) ChangesFor(ctx context.Context, r storage.Reader, who, owner *storage.Principal, c *storage.Calendar, since int64, limit int) ([]storage.Change, error) {
	changes, err := r.Changes(ctx, c.Ref(), since, limit)
	if err != nil {
		return nil, fmt.Errorf("changes: %w", err)
	}
	if c.Personal && outsider(who, owner) && keeps(who) {
		return withOwn(ctx, r, who, c, changes, since, limit)
	}
	return changes, nil
}

// withOwn adds to the changes of a collection, of which at most ask were read (0: all), what somebody changed of their own in it. Up to
// the last of the changes that it returns none is left out.
func withOwn(ctx context.Context, r storage.Reader, who *storage.Principal, c *storage.Calendar, changes []storage.Change, since int64, ask int) ([]storage.Change, error) {
	mine, err := r.PersonalChanges(ctx, c.Ref(), who.ID, since, ask)
	if err != nil {
		return nil, err
	}
	seqs, err := r.PersonalSeqs(ctx, c.Ref(), who.ID)
	if err != nil {
		return nil, fmt.Errorf("own changes: %w", err)
	}
	merged := mergeChanges(changes, mine, ask)
	for i := range merged {
		o := &merged[i]
		if seq, ok := seqs[o.ID]; ok && !o.Deleted && o.Privacy == storage.Public {
			o.ETag, o.Size = personalETag(o.ETag, seq), 0
		}
	}
	return merged, nil
}

// mergeChanges puts two lists together, each ordered by Seq and cut after ask (0: never): for each name its latest change. What lies behind the
// end of a list that was cut is left to the next page, because there may be other changes between.
func mergeChanges(a, b []storage.Change, ask int) []storage.Change {
	end := int64(math.MaxInt64)
	for _, list := range [2][]storage.Change{a, b} {
		if ask > 0 && len(list) >= ask {
			end = min(end, list[len(list)-1].Seq)
		}
	}
	behind := func(c storage.Change) bool { return c.Seq > end }
	a, b = slices.DeleteFunc(a, behind), slices.DeleteFunc(b, behind)
	latest := make(map[string]int, len(a)+len(b))
	merged := make([]storage.Change, 0, len(a)+len(b))
	for _, c := range slices.Concat(a, b) {
		i, ok := latest[c.Name]
		switch {
		case !ok:
			latest[c.Name] = len(merged)
			merged = append(merged, c)
		case c.Seq > merged[i].Seq:
			merged[i] = c
		}
	}
	slices.SortFunc(merged, func(x, y storage.Change) int { return cmp.Compare(x.Seq, y.Seq) })
	return merged
}
