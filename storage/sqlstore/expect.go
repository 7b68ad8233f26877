package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"kalends/storage"
)

// ahead holds what Lock read because it was expected: each answer until it is asked for, and all of them until this transaction
// writes. A nil pointer to a list says that it was not read, or was given out.
type ahead struct {
	storage.Expected
	owners   []int64 // whose homes were locked, ascending
	calendar *[]*storage.Calendar
	object   *[]*storage.Object
	copies   *[]*storage.Object
	homes    *[]*storage.Calendar
	usage    map[int64]storage.Usage
	place    int64 // the id of the collection
}

var expectedObject = `SELECT ` + objectFields[everyField] + ` FROM objects WHERE owner_id = $1
		AND calendar_id = (SELECT id FROM calendars WHERE owner_id = $1 AND slug = $2) AND name = $3`

// Expect implements [storage.Tx].
func (tx *Tx) Expect(e storage.Expected) {
	if !tx.locked && storable(e.Slug) && storable(e.Name) && storable(e.UID) {
		tx.ahead = &ahead{Expected: e}
	}
}

// statements returns what reads it all, once the homes are locked.
func (a *ahead) statements() []stmt {
	var stmts []stmt
	switch {
	case a.Homes:
		a.homes = &[]*storage.Calendar{}
		stmts = append(stmts, stmt{sql: calendarsOfHomes, args: []any{a.owners}, row: a.calendars(a.homes)})
	case a.Slug != "":
		a.calendar = &[]*storage.Calendar{}
		stmts = append(stmts, stmt{sql: calendarBySlug, args: []any{a.Owner, a.Slug}, row: a.calendars(a.calendar)})
	}
	if a.Slug != "" && a.Name != "" {
		a.object = &[]*storage.Object{}
		stmts = append(stmts, stmt{sql: expectedObject, args: []any{a.Owner, a.Slug, a.Name}, row: objectsInto(a.object)})
	}
	if a.UID != "" {
		a.copies = &[]*storage.Object{}
		stmts = append(stmts, stmt{sql: objectsByUID, args: []any{a.owners, a.UID}, row: objectsInto(a.copies)})
	}
	if a.Usage {
		a.usage = make(map[int64]storage.Usage, len(a.owners))
		stmts = append(stmts, usageStmt(a.owners, a.usage))
	}
	return stmts
}

func (a *ahead) calendars(list *[]*storage.Calendar) func(scanner) error {
	return func(r scanner) error {
		c, err := scanCalendar(r)
		if err != nil {
			return err
		}
		if c.Owner == a.Owner && c.Slug == a.Slug {
			a.place = c.ID
		}
		*list = append(*list, c)
		return nil
	}
}

func objectsInto(list *[]*storage.Object) func(scanner) error {
	return func(r scanner) error {
		o := &storage.Object{}
		*list = append(*list, o)
		return scanObject(r, o, false, everyField)
	}
}

// passed forgets what was read ahead when statements are carried out that do more than read.
func (tx *Tx) passed(stmts []stmt) {
	for i := range stmts {
		if !strings.HasPrefix(stmts[i].sql, "SELECT") {
			tx.ahead = nil
			return
		}
	}
}

// take gives out what a list has, once.
func take[T any](list **[]T) []T {
	l := **list
	*list = nil
	return l
}

// Calendar implements [storage.Reader].
func (tx *Tx) Calendar(ctx context.Context, owner int64, slug string) (*storage.Calendar, error) {
	if a := tx.ahead; a != nil && a.calendar != nil && owner == a.Owner && slug == a.Slug {
		if list := take(&a.calendar); len(list) > 0 {
			return list[0], nil
		}
		return nil, fmt.Errorf("calendar %d/%q: %w", owner, slug, storage.ErrNotFound)
	}
	return tx.queries.Calendar(ctx, owner, slug)
}

// HomeCalendars implements [storage.Reader].
func (tx *Tx) HomeCalendars(ctx context.Context, owners []int64) (map[int64][]*storage.Calendar, error) {
	if a := tx.ahead; a != nil && a.homes != nil && slices.Equal(owners, a.owners) {
		return byHome(take(&a.homes)), nil
	}
	return tx.queries.HomeCalendars(ctx, owners)
}

// Object implements [storage.Reader].
func (tx *Tx) Object(ctx context.Context, cal storage.Ref, name string) (*storage.Object, error) {
	if a := tx.ahead; a != nil && a.object != nil && name == a.Name && cal == (storage.Ref{Owner: a.Owner, ID: a.place}) {
		if list := take(&a.object); len(list) > 0 {
			return list[0], nil
		}
		return nil, fmt.Errorf("object %d/%d/%q: %w", cal.Owner, cal.ID, name, storage.ErrNotFound)
	}
	return tx.queries.Object(ctx, cal, name)
}

// ObjectsByUID implements [storage.Reader].
func (tx *Tx) ObjectsByUID(ctx context.Context, owners []int64, uid string) ([]*storage.Object, error) {
	if a := tx.ahead; a != nil && a.copies != nil && uid == a.UID && slices.Equal(owners, a.owners) {
		list := take(&a.copies)
		slices.SortFunc(list, byOwner)
		return list, nil
	}
	return tx.queries.ObjectsByUID(ctx, owners, uid)
}

// Usages implements [storage.AttachmentReader].
func (tx *Tx) Usages(ctx context.Context, owners []int64) (map[int64]storage.Usage, error) {
	if a := tx.ahead; a != nil && a.usage != nil && slices.Equal(owners, a.owners) {
		u := a.usage
		a.usage = nil
		return u, nil
	}
	return tx.queries.Usages(ctx, owners)
}
