package calendar

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/auth"
	"kalends/ical"
	"kalends/scheduling"
	"kalends/storage"
)

// ImportObject is a calendar object to import.
type ImportObject struct {
	Name string // that it gets, if it is free; "" for one made of the UID
	Text []byte
	From any // the caller's, for its report
}

// ImportOutcome is what became of an object.
type ImportOutcome int

// The outcomes.
const (
	ImportCreated   ImportOutcome = iota
	ImportUpdated                 // one with its UID was there, and was older or another
	ImportUnchanged               // the same is there
	ImportOlder                   // a newer one is there and stays
	ImportRefused
	ImportRemoved // it is no longer in the feed (Fill only)
	numImportOutcomes
)

// Imported says what became of an object.
type Imported struct {
	ImportObject
	Outcome ImportOutcome
	UID     string // "" where the text could not be read
	Name    string // that it has
	ETag    string
	Err     error // why it was refused
}

// Reason says in words why an object was refused, and at which line of its text; 0 where that is not known.
func (i Imported) Reason() (line int, why string) {
	syntax, parsing := errors.AsType[*ical.SyntaxError](i.Err)
	if parsing {
		line = syntax.Line
	}
	e, ok := errors.AsType[*Error](i.Err)
	switch {
	case i.Err == nil:
		return 0, ""
	case !ok:
		return line, i.Err.Error()
	case parsing: // the line is told beside
		return line, strings.Replace(e.Msg, syntax.Error(), syntax.Msg, 1)
	}
	return line, e.Msg
}

// ImportTotals counts outcomes.
type ImportTotals [numImportOutcomes]int

// Import is many objects for one calendar.
type Import struct {
	Who     *storage.Principal
	Target  Target // the calendar
	Objects iter.Seq2[ImportObject, error]
	// Replace has objects replaced that are newer than those imported, too.
	Replace bool
	// Report is called for each object, in order, after what became of it is safe. May be nil.
	Report func(Imported)

	// Files finds a file that an object names by the MANAGED-ID of an attachment, which the owner then gets one of their own for; nil for none. The
	// same file comes to the same attachment each time. Nil where there are no files.
	Files func(managedID string) *ImportFile
	// Lost is told of a file that could not be taken in, and why; the object stays as it is then. May be nil.
	Lost func(o ImportObject, file string, err error)
	// Base is the URL of this server as the asker knows it; "" for Service.URL.
	Base string
}

// A transaction takes up to so many objects and octets: few enough that others wait only for moments.
const (
	importObjects = 400
	importOctets  = 4 << 20
)

// Import puts objects into a calendar, many in one transaction, each validated, indexed and with its reminders as by [Service.Put].
// Nothing is sent to anybody. Each object is taken or refused by itself; the error is of what stops all of it, and what was
// reported before it is done.
func (s *Service) Import(ctx context.Context, r Import) (ImportTotals, error) {
	if err := s.checkPlace(ctx, r.Who, r.Target); err != nil {
		return ImportTotals{}, err
	}
	return (&importer{s: s, Import: r, check: s.check}).run(ctx)
}

type importer struct {
	s *Service
	Import
	// check makes what is stored of a text.
	check func(text []byte) (*parsed, error)
	// fill: the objects are those of a feed, see [Service.Fill].
	fill   bool
	totals ImportTotals
	seen   map[string]bool // UIDs of a feed
	secret []byte          // see importedKey
}

// item is an object on its way.
type item struct {
	Imported
	p    *parsed
	text []byte
}

func (m *importer) run(ctx context.Context) (ImportTotals, error) {
	var batch []*item
	octets := 0
	uids := map[string]bool{}
	flush := func() error {
		defer func() {
			batch, octets = batch[:0], 0
			clear(uids)
		}()
		for rest := batch; len(rest) > 0; {
			ready, made, err := m.bring(ctx, rest)
			if err == nil {
				err = m.store(ctx, rest[:ready])
			}
			if err != nil {
				return err // what was made for nothing is found when it goes on, or is cleared away by the janitor
			}
			m.leave(ctx, made, rest[:ready])
			rest = rest[ready:]
		}
		return nil
	}
	for o, err := range m.Objects {
		if err != nil {
			if flushErr := flush(); flushErr != nil {
				return m.totals, flushErr
			}
			return m.totals, err
		}
		if err := ctx.Err(); err != nil {
			return m.totals, err
		}
		it := &item{Imported: Imported{ImportObject: o}, text: o.Text}
		if it.p, err = m.check(o.Text); err != nil {
			it.Outcome, it.Err = ImportRefused, err
		} else {
			it.UID = it.p.uid
			if it.p.reprinted != nil {
				it.text = it.p.reprinted
			}
			if m.fill {
				m.seen[it.UID] = true
			}
		}
		if len(batch) >= importObjects || octets+len(it.text) > importOctets || it.UID != "" && uids[it.UID] {
			if err := flush(); err != nil {
				return m.totals, err
			}
		}
		batch = append(batch, it)
		octets += len(it.text)
		uids[it.UID] = true
	}
	return m.totals, flush()
}

// store writes a batch in one transaction. Where the database refuses it, its halves are tried, so that one object spoils no other.
func (m *importer) store(ctx context.Context, batch []*item) error {
	if len(batch) == 0 {
		return nil
	}
	jobs := 0
	err := m.s.Store.Update(ctx, func(tx storage.Tx) error {
		u := &unit{s: m.s, tx: tx, now: m.s.Now().UTC(), people: &people{}}
		if err := tx.Lock(ctx, len(batch), m.Target.Owner.ID); err != nil {
			return fmt.Errorf("lock: %w", err)
		}
		err := m.write(ctx, u, batch)
		if err == nil {
			err = u.tell(ctx)
		}
		jobs = u.jobs
		return err
	})
	var refused *Error
	switch {
	case err == nil:
		if jobs > 0 {
			m.s.woken()
		}
	case ctx.Err() != nil || errors.Is(err, storage.ErrUnavailable) || errors.Is(err, storage.ErrNotFound) || errors.As(err, &refused):
		return err
	case len(batch) > 1:
		half := len(batch) / 2
		if err := m.store(ctx, batch[:half]); err != nil {
			return err
		}
		return m.store(ctx, batch[half:])
	default:
		batch[0].Outcome, batch[0].Err = ImportRefused, err
	}
	for _, it := range batch {
		m.totals[it.Outcome]++
		if m.Report != nil {
			m.Report(it.Imported)
		}
	}
	return nil
}

// write decides about each object of a batch under the lock.
func (m *importer) write(ctx context.Context, u *unit, batch []*item) error {
	cal, err := m.calendar(ctx, u)
	if err != nil {
		return err
	}
	found, err := m.find(ctx, u, cal, batch)
	if err != nil {
		return err
	}
	for _, it := range batch {
		if it.p == nil {
			continue // refused before
		}
		it.Outcome, it.Err = m.decide(cal, it, found)
		if it.Outcome == ImportRefused {
			continue
		}
		old := found.here[it.UID]
		if old != nil {
			it.Name, it.ETag = old.Name, old.ETag
		} else if it.Name = found.name(it); it.Name == "" {
			it.Outcome, it.Err = ImportRefused, Errorf(Exists, "names for this UID are taken")
			continue
		}
		if it.Outcome != ImportCreated && it.Outcome != ImportUpdated {
			continue
		}
		row, err := m.row(u, it)
		if err == nil {
			err = u.write(ctx, cal, it.Name, it.p, row, old, true)
		}
		var refused *Error
		if errors.As(err, &refused) {
			it.Outcome, it.Err = ImportRefused, err
			continue
		}
		if err != nil {
			return err
		}
		it.ETag = row.ETag
	}
	return nil
}

// calendar reads the target and checks access to it.
func (m *importer) calendar(ctx context.Context, u *unit) (*storage.Calendar, error) {
	cal, err := collection(ctx, u.tx, m.Target)
	if KindOf(err) == NotFound {
		return nil, Errorf(NoParent, "there is no calendar %q to put it in", m.Target.Slug)
	}
	if err != nil {
		return nil, err
	}
	if m.fill {
		if !cal.Subscribed {
			return nil, Errorf(Forbidden, "the calendar %q is no longer filled from a feed", cal.Slug)
		}
		return cal, nil
	}
	access, err := m.Target.reenter(ctx, u.tx, m.Who)
	if err != nil {
		return nil, err
	}
	if cal.Kind != storage.CalendarKind {
		return nil, Errorf(Forbidden, "objects are not put into the %s", cal.Kind)
	}
	return cal, m.Target.allowed(access, cal, auth.WriteContent|auth.Bind)
}

// found is what is there already of what a batch concerns.
type found struct {
	here     map[string]*storage.Object // in the calendar, by UID; with its text where that may be compared
	meetings map[string]*storage.Object // scheduling objects in other calendars of the home, by UID
	taken    map[string]bool            // names in the calendar
	slugs    map[int64]string
}

func (m *importer) find(ctx context.Context, u *unit, cal *storage.Calendar, batch []*item) (*found, error) {
	f := &found{here: map[string]*storage.Object{}, meetings: map[string]*storage.Object{}, taken: map[string]bool{}}
	var uids, names, addresses []string
	for _, it := range batch {
		if it.p == nil {
			continue
		}
		uids = append(uids, it.UID)
		if isScheduled(it.p.cal) && !m.fill {
			addresses = append(addresses, addressesIn(it.p.cal)...)
		}
	}
	if err := u.people.lookup(ctx, u.tx, addresses); err != nil {
		return nil, err
	}
	list, err := u.tx.ObjectsByUIDs(ctx, cal.Owner, uids)
	if err != nil {
		return nil, err
	}
	for _, o := range list {
		switch {
		case o.Calendar == cal.ID:
			f.here[o.UID] = o
		case o.Organizer != "" && o.Method != published:
			f.meetings[o.UID] = o
		}
	}
	for _, it := range batch {
		switch old := f.here[it.UID]; {
		case it.p == nil:
		case old == nil:
			names = append(names, it.names()...)
		case old.ETag != etag(it.text):
			names = append(names, old.Name)
		}
	}
	if list, err = u.tx.ObjectsByName(ctx, cal.Ref(), names); err != nil {
		return nil, fmt.Errorf("objects by name: %w", err)
	}
	for _, o := range list {
		f.taken[o.Name] = true
		if f.here[o.UID] != nil {
			f.here[o.UID] = o
		}
	}
	if len(f.meetings) > 0 {
		home, err := u.tx.Calendars(ctx, cal.Owner)
		if err != nil {
			return nil, fmt.Errorf("calendars: %w", err)
		}
		f.slugs = map[int64]string{}
		for _, c := range home {
			f.slugs[c.ID] = c.Slug
		}
	}
	return f, nil
}

// names are those that a new object can get, the best first.
func (it *item) names() []string {
	own := scheduling.ObjectName(it.UID)
	list := []string{own, scheduling.InboxName(it.UID, 1)}
	if it.ImportObject.Name != "" && it.ImportObject.Name != own && checkName(it.ImportObject.Name) == nil {
		list = append([]string{it.ImportObject.Name}, list...)
	}
	return list
}

// name gives a new object its name.
func (f *found) name(it *item) string {
	for _, n := range it.names() {
		if !f.taken[n] {
			f.taken[n] = true
			return n
		}
	}
	return ""
}

// decide says what is to become of an object.
func (m *importer) decide(cal *storage.Calendar, it *item, f *found) (ImportOutcome, error) {
	old := f.here[it.UID]
	if !takes(cal, it.p.component) {
		return ImportRefused, Errorf(UnsupportedComponent, "this calendar takes %s only, not %s", strings.Join(cal.Components, ", "), it.p.component)
	}
	if other := f.meetings[it.UID]; other != nil && !m.fill && isScheduled(it.p.cal) {
		return ImportRefused, Errorf(UniqueScheduling, "the calendar %q has this meeting already", f.slugs[other.Calendar])
	}
	switch {
	case old == nil:
		return ImportCreated, nil
	case old.Component != it.p.component && !m.fill:
		return ImportRefused, Errorf(UIDConflict, "there is a %s with this UID", old.Component)
	case old.ETag == etag(it.text):
		return ImportUnchanged, nil
	}
	have, err := parseStored(old)
	if err != nil {
		return ImportUpdated, nil // what is there cannot be read
	}
	switch {
	case sameContent(have, it.p.cal):
		return ImportUnchanged, nil
	case !m.fill && !m.Replace && isOlder(it.p.cal, have):
		return ImportOlder, nil
	}
	return ImportUpdated, nil
}

// row is the object as it is stored.
func (m *importer) row(u *unit, it *item) (*storage.Object, error) {
	if !m.fill {
		return u.row(it.p, it.text, m.Target.Owner)
	}
	row, err := it.p.object(it.text, u.now)
	if err != nil {
		return nil, err
	}
	row.Organizer, row.Method = "", published
	return row, nil
}

// isOlder reports whether a text was made before the one that is there, as far as they say (RFC 5546 section 2.1.5). DTSTAMP says when
// it was exported, more often than not.
func isOlder(cal, have *ical.Component) bool {
	seqA, modA := version(cal)
	seqB, modB := version(have)
	if seqA != seqB {
		return seqA < seqB
	}
	return !modA.IsZero() && !modB.IsZero() && modA.Before(modB)
}

func version(cal *ical.Component) (sequence int, modified time.Time) {
	for c := range cal.Main() {
		if n, err := strconv.Atoi(strings.TrimSpace(c.Value("SEQUENCE"))); err == nil {
			sequence = max(sequence, n)
		}
		if d, err := dateTime(c, "LAST-MODIFIED"); err == nil && d != nil && d.Wall.After(modified) {
			modified = d.Wall
		}
	}
	return sequence, modified
}

// sameContent reports whether two texts of an object differ at most in what says when they were written, in order, and in how the
// time zones are described that both name.
func sameContent(a, b *ical.Component) bool {
	return slices.Equal(contents(a, true), contents(b, true))
}

// contents lists a component's lines and what is in it, sorted.
func contents(c *ical.Component, top bool) []string {
	var list []string
	if !top {
		for _, p := range c.Props() {
			switch p.Name() {
			case "DTSTAMP", "LAST-MODIFIED", "CREATED":
			default:
				list = append(list, p.Line())
			}
		}
	}
	for k := range c.Components("") {
		if top && k.Name() == "VTIMEZONE" {
			continue
		}
		// No line has control characters, so nothing else looks like it.
		list = append(list, "\x01"+k.Name()+"\x00"+strings.Join(contents(k, false), "\x00")+"\x02")
	}
	slices.Sort(list)
	return list
}
