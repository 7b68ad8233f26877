package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"kalends/auth"
	"kalends/calendar"
	"kalends/meeting"
	"kalends/storage"
)

// changes registers what tells what changed.
func (h *Handler) changes(a huma.API) {
	register(h, a, operation("GET", "/changes", "listChanges", changesTag, auth.ReadScope, "What changed since one looked last",
		"Without since it is everything there is, page by page; since=now gives a token to begin with. A meeting that was moved is told as "+
			"deleted in one calendar and then as changed in another. What is in none of calendars any more is gone."), h.listChanges)
	stream := operation("GET", "/changes/stream", "streamChanges", changesTag, auth.ReadScope, "Changes as they happen",
		"Server-sent events of the type changes, whose data is an answer of /changes and whose id its token. A client that comes back sends it as Last-Event-ID, "+
			"as browsers do by themselves. Without it and since the stream begins now. The event sync-again says that too much has changed: begin anew.")
	h.stream(a, stream)
}

// MeetingRef says which meeting changed.
type MeetingRef struct {
	ID       string `json:"id" doc:"Id of the meeting."`
	Calendar string `json:"calendar" doc:"Id of the calendar it is, or was, in."`
	Deleted  bool   `json:"deleted,omitempty" doc:"Whether it is not there any more."`
	ETag     string `json:"etag,omitempty" doc:"Which version it has now."`
	UID      string `json:"uid,omitempty" doc:"The UID by which calendar programs know it."`
}

// ChangePage is a page of changes.
type ChangePage struct {
	Changes   []MeetingRef `json:"changes" nullable:"false" doc:"In the order in which they were made; each meeting as it is now."`
	Since     string       `json:"since" doc:"Send it as since the next time."`
	More      bool         `json:"more" doc:"Whether there are more: ask for them at once."`
	Calendars []string     `json:"calendars" nullable:"false" doc:"Ids of all calendars that were looked at."`
}

// sinceKind marks tokens of changes: a database epoch, and for each calendar its owner, id, and a mark.
const sinceKind = 2

type sinceToken struct {
	epoch int64
	seen  map[storage.Ref]mark
}

// mark says how far somebody knows a calendar.
type mark struct {
	seq int64 // of the last change they know
	// base is the calendar's last change when they began to read it from the beginning. Deletions up to there do not concern them, and
	// may be forgotten.
	base int64
}

func (t sinceToken) String() string {
	refs := make([]storage.Ref, 0, len(t.seen))
	for ref := range t.seen {
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, compareRefs)
	n := []int64{t.epoch}
	for _, ref := range refs {
		n = append(n, ref.Owner, ref.ID, t.seen[ref].seq, t.seen[ref].base)
	}
	return pack(sinceKind, n...)
}

func compareRefs(a, b storage.Ref) int {
	return cmp.Or(cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.ID, b.ID))
}

var errSyncAgain = calendar.Errorf(calendar.BadSyncToken, "this token is too old, or of another time of the database; begin again without since")

func readSince(text string, epoch int64) (sinceToken, error) {
	t := sinceToken{epoch, map[storage.Ref]mark{}}
	n, ok := unpack(sinceKind, text)
	if !ok || len(n)%4 != 1 {
		return t, invalidQuery("since", "is not since of an answer before, nor now")
	}
	if n[0] != epoch {
		return t, errSyncAgain
	}
	for n = n[1:]; len(n) > 0; n = n[4:] {
		t.seen[storage.Ref{Owner: n[0], ID: n[1]}] = mark{n[2], n[3]}
	}
	return t, nil
}

func (h *Handler) listChanges(ctx context.Context, q *caller, in *struct {
	Since    string   `query:"since" doc:"since of the answer before, or now." maxLength:"40000"`
	Calendar []string `query:"calendar" nullable:"false" doc:"Ids or slugs of calendars, separated by commas; without it all of one's own." maxItems:"50"`
	Limit    int      `query:"limit" doc:"How many at most; 100." minimum:"1" maximum:"1000"`
}) (*struct{ Body ChangePage }, error) {
	if in.Limit == 0 {
		in.Limit = 100
	}
	page, err := h.changePage(ctx, q, in.Since, in.Calendar, in.Limit)
	if err != nil {
		return nil, err
	}
	return &struct{ Body ChangePage }{*page}, nil
}

// changePage tells at most limit changes. A home's changes have numbers in the order in which they were made, over all of its
// calendars, so a page can end between any two.
func (h *Handler) changePage(ctx context.Context, q *caller, since string, names []string, limit int) (*ChangePage, error) {
	epoch, err := h.Store.Epoch(ctx)
	if err != nil {
		return nil, err
	}
	token := sinceToken{epoch, map[storage.Ref]mark{}}
	if since != "" && since != "now" {
		if token, err = readSince(since, epoch); err != nil {
			return nil, err
		}
	}
	groups, err := h.named(ctx, q, names)
	if err != nil {
		return nil, err
	}
	page := &ChangePage{Changes: []MeetingRef{}, Calendars: []string{}}
	next := sinceToken{epoch, map[storage.Ref]mark{}}
	left := limit
	for _, g := range groups {
		n, err := h.changesOf(ctx, q, g, token, next, page, left, since == "now")
		if err != nil {
			return nil, err
		}
		left -= n
	}
	page.Since = next.String()
	return page, nil
}

// changesOf adds the changes in calendars of one home to a page, and how far they are known to next.
func (h *Handler) changesOf(ctx context.Context, q *caller, g *group, token, next sinceToken, page *ChangePage, limit int, now bool) (int, error) {
	type change struct {
		storage.Change
		in storage.Ref
	}
	var list []change
	asked, bases := map[storage.Ref]bool{}, map[storage.Ref]int64{}
	err := h.Store.View(ctx, func(r storage.Reader) error {
		list, asked, bases = nil, map[storage.Ref]bool{}, map[storage.Ref]int64{}
		fresh, err := r.Calendars(ctx, g.Owner.ID)
		if err != nil {
			return err
		}
		if err := h.Calendar.CountOwn(ctx, r, q.who, g.Owner, fresh...); err != nil {
			return err
		}
		for _, c := range fresh {
			if !slices.ContainsFunc(g.calendars, func(k *storage.Calendar) bool { return k.ID == c.ID }) {
				continue
			}
			ref := c.Ref()
			asked[ref] = true
			m := token.seen[ref]
			if m.seq == 0 && m.base == 0 {
				m.base = c.LastSeq
			}
			if now {
				m.seq = c.LastSeq
			}
			switch known := max(m.seq, m.base); {
			case m.seq > c.LastSeq || known < c.Floor:
				return errSyncAgain
			case m.seq == c.LastSeq:
				next.seen[ref] = mark{seq: m.seq}
				continue
			}
			bases[ref] = m.base
			changes, err := h.Calendar.ChangesFor(ctx, r, q.who, g.Owner, c, m.seq, limit+1)
			if err != nil {
				return err
			}
			for _, x := range changes {
				list = append(list, change{x, ref})
			}
			m.seq = c.LastSeq
			if len(changes) > limit { // there may be more behind these
				m.seq = changes[len(changes)-1].Seq
			}
			next.seen[ref] = m
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("changes of %d: %w", g.Owner.ID, err)
	}
	for ref := range asked {
		page.Calendars = append(page.Calendars, meeting.CalendarID(ref.Owner, ref.ID))
	}
	slices.Sort(page.Calendars)
	slices.SortFunc(list, func(a, b change) int { return cmp.Compare(a.Seq, b.Seq) })
	if len(list) > limit {
		list, page.More = list[:limit], true
		end := int64(0)
		if limit > 0 {
			end = list[limit-1].Seq
		}
		for ref := range asked { // what was made after the last one is for the next page
			m := next.seen[ref]
			m.seq = max(token.seen[ref].seq, min(m.seq, end))
			next.seen[ref] = m
		}
	}
	for ref := range asked {
		if m := next.seen[ref]; m.seq >= m.base {
			next.seen[ref] = mark{seq: m.seq}
		}
	}
	for _, x := range list {
		if x.Deleted && (x.Seq <= bases[x.in] || x.ID == 0) || !x.Deleted && x.Component != "VEVENT" {
			continue
		}
		// Of somebody else's calendar: what turned private is gone for who may have seen it before. An id is the number of the change that made it.
		switch seen := calendar.Visible(q.who, g.Owner, &storage.Object{Privacy: x.Privacy, ETag: x.ETag}); {
		case x.Deleted:
		case seen != nil:
			x.ETag = seen.ETag
		case x.ID > token.seen[x.in].seq:
			continue
		default:
			x.Change = storage.Change{ID: x.ID, Deleted: true}
		}
		page.Changes = append(page.Changes, MeetingRef{
			ID: meeting.ID(x.in.Owner, x.ID), Calendar: meeting.CalendarID(x.in.Owner, x.in.ID), Deleted: x.Deleted,
			ETag: x.ETag, UID: x.UID,
		})
	}
	return len(list), nil
}

// isSyncAgain reports whether a client must begin anew.
func isSyncAgain(err error) bool { return errors.Is(err, errSyncAgain) }
