package calendar

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kalends/ical"
	"kalends/ical/personal"
	"kalends/storage"
)

// outsider reports whether who sees the objects in owner's calendars without what is the owner's own in them: alarms, and what
// programs note about these.
func outsider(who, owner *storage.Principal) bool { return owner != nil && !insider(who, owner) }

// keeps reports whether who can have something of their own in the calendars of others.
func keeps(who *storage.Principal) bool { return who != nil && who.ID > 0 }

// maxPersonal bounds what one person has of their own in one object, in octets.
const maxPersonal = 64 << 10

// personalETag is that of an object with somebody's own part: it changes with either.
func personalETag(etag string, seq int64) string {
	return strings.TrimSuffix(etag, `"`) + "-p" + strconv.FormatInt(seq, 10) + `"`
}

// SeenBy returns the objects of a collection as who (nil for nobody in particular) may see them: without what is private
// ([VisibleOf]), and with their own alarms in the place of the owner's. The list is the result's; for the owner it is the same. In a
// calendar in which nobody but the owner has anything of their own no database is asked.
func (s *Service) SeenBy(ctx context.Context, r storage.Reader, who, owner *storage.Principal, c *storage.Calendar, list []*storage.Object) ([]*storage.Object, error) {
	if insider(who, owner) {
		return list, nil
	}
	list = VisibleOf(who, owner, list)
	if c.Kind != storage.CalendarKind || len(list) == 0 {
		return list, nil
	}
	var mine map[int64]*storage.Personal
	if c.Personal && keeps(who) {
		ids := make([]int64, len(list))
		for i, o := range list {
			ids[i] = o.ID
		}
		var err error
		if mine, err = r.PersonalOf(ctx, owner.ID, who.ID, ids); err != nil {
			return nil, err
		}
	}
	for i, o := range list {
		list[i] = compose(o, mine[o.ID])
	}
	return list, nil
}

// seenBy is SeenBy for one object; nil for one that may not be seen.
func (s *Service) seenBy(ctx context.Context, r storage.Reader, who, owner *storage.Principal, c *storage.Calendar, o *storage.Object) (*storage.Object, error) {
	if o == nil || insider(who, owner) {
		return o, nil
	}
	list, err := s.SeenBy(ctx, r, who, owner, c, []*storage.Object{o})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

// compose returns an object as somebody sees it who shares it, with their own part, nil for none. A text that cannot be parsed
// is served as it is.
func compose(o *storage.Object, mine *storage.Personal) *storage.Object {
	if o.Privacy != storage.Public || mine == nil && !mayHaveOwn(o.ICS) {
		return o
	}
	seen := *o
	if mine != nil {
		seen.ETag, seen.Size = personalETag(o.ETag, mine.Seq), 0
	}
	if len(o.ICS) == 0 {
		return &seen
	}
	seen.Size = o.Size
	cal, err := ical.Parse(o.ICS)
	if err != nil {
		return &seen
	}
	var part *ical.Component
	if mine != nil && len(mine.ICS) > 0 {
		if part, err = ical.Parse(mine.ICS); err != nil {
			part = nil
		}
	}
	if part != nil || personal.Has(cal) {
		seen.ICS = personal.Compose(cal, part).CRLF()
		seen.Size = int64(len(seen.ICS))
	}
	return &seen
}

// mayHaveOwn reports whether a text could hold something that is its owner's own. It saves parsing most of them.
func mayHaveOwn(text []byte) bool {
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
		switch {
		case len(line) == 0:
		case line[0] == 'B' || line[0] == 'b':
			if len(line) >= len("BEGIN:VALARM") && bytes.EqualFold(line[:len("BEGIN:VALARM")], []byte("BEGIN:VALARM")) {
				return true
			}
		case line[0] == 'X' || line[0] == 'x':
			if len(line) >= len("X-MOZ-") && bytes.EqualFold(line[:len("X-MOZ-")], []byte("X-MOZ-")) {
				return true
			}
		case line[0] == ' ' || line[0] == '\t': // a folded BEGIN is nothing that programs write, but may be
			if bytes.Contains(bytes.ToUpper(line), []byte("LARM")) {
				return true
			}
		}
	}
	return false
}

// CountOwn makes LastSeq of collections of one owner count what somebody changed of their own in them, so that only their ctag and
// token move with it. Where nobody has anything of their own no database is asked.
func (s *Service) CountOwn(ctx context.Context, r storage.Reader, who, owner *storage.Principal, list ...*storage.Calendar) error {
	if insider(who, owner) || !keeps(who) || !slices.ContainsFunc(list, func(c *storage.Calendar) bool { return c.Personal }) {
		return nil
	}
	last, err := r.PersonalLast(ctx, owner.ID, who.ID)
	if err != nil {
		return err
	}
	for _, c := range list {
		c.LastSeq = max(c.LastSeq, last[c.ID])
	}
	return nil
}

// HomeOf returns all collections of a home with the LastSeq that who sees, whether they may see the collections or not.
func (s *Service) HomeOf(ctx context.Context, who, owner *storage.Principal) ([]*storage.Calendar, error) {
	list, err := s.Store.Calendars(ctx, owner.ID)
	if err != nil {
		return nil, fmt.Errorf("calendars: %w", err)
	}
	return list, s.CountOwn(ctx, s.Store, who, owner, list...)
}

// ListingFor is Listing for whoever may read a collection: with what they see of each object.
func (s *Service) ListingFor(ctx context.Context, who, owner *storage.Principal, c *storage.Calendar) ([]storage.Object, error) {
	if who != nil && who.ID == owner.ID {
		return s.Listing(ctx, c)
	}
	seqs, err := s.ownSeqs(ctx, s.Store, who, owner, c)
	if err != nil {
		return nil, err
	}
	var list []storage.Object
	err = s.Store.Objects(ctx, c.Ref(), 0, func(o *storage.Object) error {
		if o = Visible(who, owner, o); o != nil {
			list = append(list, *o)
			if seq, ok := seqs[o.ID]; ok && o.Privacy == storage.Public {
				last := &list[len(list)-1]
				last.ETag, last.Size = personalETag(o.ETag, seq), 0
			}
		}
		return nil
	})
	return list, err
}

// ownSeqs returns the versions of what somebody has of their own in a collection, by object.
func (s *Service) ownSeqs(ctx context.Context, r storage.Reader, who, owner *storage.Principal, c *storage.Calendar) (map[int64]int64, error) {
	if !c.Personal || insider(who, owner) || !keeps(who) {
		return nil, nil
	}
	return r.PersonalSeqs(ctx, c.Ref(), who.ID)
}

// holds asks a condition about what is there as the asker sees it.
func (u *unit) holds(ctx context.Context, cond Condition, who, owner *storage.Principal, c *storage.Calendar, o *storage.Object) error {
	if cond == nil {
		return nil
	}
	o, err := u.s.seenBy(ctx, u.tx, who, owner, c, o)
	if err != nil {
		return err
	}
	return cond(o)
}

// division is what somebody who shares an object wrote, divided.
type division struct {
	who    *storage.Principal
	body   []byte            // as it was sent
	mine   []byte            // what is theirs; nil for nothing
	alarms bool              // among it
	had    *storage.Personal // what was theirs before; nil for nothing
	kept   *parsed           // the stored object, where nothing in it changes for others; else nil
	shared *parsed           // what is to be stored, where something does
	text   []byte
}

// changes reports whether something of their own changes.
func (d *division) changes() bool {
	if !keeps(d.who) {
		return false
	}
	if d.had == nil {
		return d.mine != nil
	}
	return !bytes.Equal(d.had.ICS, d.mine)
}

// divide takes apart what somebody PUT into the calendar of another.
func (u *unit) divide(ctx context.Context, r PutRequest, c *storage.Calendar, old *storage.Object, p *parsed) (*division, error) {
	d := &division{who: r.Who, body: r.Body, shared: p, text: r.Body}
	var oldCal *ical.Component
	if old != nil {
		var err error
		if oldCal, err = ical.Parse(old.ICS); err != nil {
			oldCal = nil // it is replaced as a whole
		}
		if c.Personal && keeps(r.Who) {
			list, err := u.tx.PersonalOf(ctx, old.Owner, r.Who.ID, []int64{old.ID})
			if err != nil {
				return nil, err
			}
			d.had = list[old.ID]
		}
	}
	shared, mine := personal.Split(p.cal, oldCal)
	if mine != nil && keeps(r.Who) {
		if d.mine = mine.Bytes(); len(d.mine) > maxPersonal {
			return nil, Errorf(TooLarge, "your own alarms of an object that is shared may have at most %d octets", maxPersonal)
		}
		for k := range mine.Components("") {
			d.alarms = d.alarms || k.Component("VALARM") != nil
		}
	}
	switch {
	case oldCal != nil && personal.Same(shared, oldCal):
		kept, err := u.s.checkComponent(oldCal)
		if err == nil {
			d.kept = kept
			return d, nil
		}
	case mine == nil && (oldCal == nil || !personal.Has(oldCal)):
		return d, nil // the text stays as it was sent
	}
	var err error
	if d.shared, err = u.s.checkComponent(shared); err != nil {
		return nil, err
	}
	d.text = shared.CRLF()
	return d, nil
}

// keepOwn stores what is somebody's own of an object.
func (u *unit) keepOwn(ctx context.Context, d *division, c *storage.Calendar, object int64) error {
	if !d.changes() {
		return nil
	}
	seq, err := u.tx.Next(ctx, c.Owner)
	if err != nil {
		return fmt.Errorf("next: %w", err)
	}
	d.had = &storage.Personal{Owner: c.Owner, Object: object, Calendar: c.ID, User: d.who.ID, Seq: seq, Alarms: d.alarms, ICS: d.mine}
	c.Personal = true
	return u.tx.PutPersonal(ctx, d.had)
}

// putOwn is put where nothing changes for others: only what is the asker's own is stored.
func (u *unit) putOwn(ctx context.Context, d *division, c *storage.Calendar, old *storage.Object, res *PutResult) error {
	if d.changes() {
		if err := u.keepOwn(ctx, d, c, old.ID); err != nil {
			return err
		}
		if err := u.remind(ctx, c, d.kept, old, old); err != nil {
			return err
		}
	}
	res.Object = compose(old, d.had)
	res.AsSent = bytes.Equal(res.Object.ICS, d.body)
	return nil
}
