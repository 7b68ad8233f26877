package auth

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kalends/storage"
)

// Directory adds, changes and removes principals.
type Directory struct {
	Store storage.Store
	Now   func() time.Time // nil: time.Now

	params params // of new hashes; zero for defaultParams
}

func (d *Directory) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

func (d *Directory) hash(password string) (string, error) {
	if d.params == (params{}) {
		return HashPassword(password)
	}
	return d.params.hash(password)
}

// Slugs of the collections that every home has from the start.
const (
	CalendarSlug     = "calendar"
	TasksSlug        = "tasks"
	InboxSlug        = "inbox"
	OutboxSlug       = "outbox"
	NotificationSlug = "notification"
)

// homeCollections are what a new person, room or resource gets.
var homeCollections = []storage.Calendar{
	{Kind: storage.CalendarKind, Slug: CalendarSlug, DisplayName: "Calendar", Components: []string{"VEVENT"}},
	{Kind: storage.CalendarKind, Slug: TasksSlug, DisplayName: "Tasks", Components: []string{"VTODO"}},
	{Kind: storage.InboxKind, Slug: InboxSlug, DisplayName: "Inbox", Default: CalendarSlug},
	{Kind: storage.OutboxKind, Slug: OutboxSlug, DisplayName: "Outbox"},
	{Kind: storage.NotificationKind, Slug: NotificationSlug, DisplayName: "Notifications"},
}

// Add adds a principal, with its home. A *FieldError says which field is wrong or taken.
func (d *Directory) Add(ctx context.Context, n NewUser) (*storage.Principal, error) {
	u, err := check(n, 0)
	if err != nil {
		return nil, err
	}
	if err := d.hashOne(u, ""); err != nil {
		return nil, err
	}
	var p *storage.Principal
	err = d.Store.Update(ctx, func(tx storage.Tx) error {
		switch _, err := tx.PrincipalByName(ctx, u.name); {
		case err == nil:
			return u.errorf("name", u.name, "is taken")
		case !errors.Is(err, storage.ErrNotFound):
			return err
		}
		ps, err := d.put(ctx, tx, []*user{u})
		if err == nil {
			p = ps[0]
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("add user %s: %w", u.name, err)
	}
	return p, nil
}

// importChunk is how many users are written in one transaction.
const importChunk = 200

// maxImport bounds one import.
const maxImport = 1_000_000

// Import adds those of the users that are not there and brings the others up to date, so that running it again
// changes nothing. Who gets another mail address keeps the old one as a further one. All are checked, against each other and against the database, before the first is written: a bad
// row imports nothing. progress, where not nil, is called in turn.
func (d *Directory) Import(ctx context.Context, list []NewUser, progress func(done, total int)) error {
	if len(list) > maxImport {
		return fmt.Errorf("import of %d users: at most %d at once", len(list), maxImport)
	}
	users := make([]*user, len(list))
	names, addresses := map[string]int{}, map[string]int{}
	for i, n := range list {
		u, err := check(n, i+1)
		if err != nil {
			return err
		}
		if first := names[u.name]; first > 0 {
			return u.errorf("name", u.name, "is that of user %d already", first)
		}
		names[u.name] = u.row
		for _, a := range u.addresses {
			if first := addresses[a]; first > 0 {
				return u.errorf("email", strings.TrimPrefix(a, "mailto:"), "is that of user %d already", first)
			}
			addresses[a] = u.row
		}
		users[i] = u
	}
	old := make([]string, len(users))
	for i, u := range users {
		p, err := d.existing(ctx, d.Store, u)
		if err != nil {
			return err
		}
		if p != nil {
			old[i] = p.PasswordHash
		}
	}
	var mu sync.Mutex
	report, done := func() {}, 0
	if progress != nil {
		progress(0, len(users))
		report = func() {
			mu.Lock()
			defer mu.Unlock()
			done++
			progress(done, len(users))
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	for i, u := range users {
		g.Go(func() error {
			if err := gctx.Err(); err != nil {
				return err
			}
			defer report()
			return d.hashOne(u, old[i])
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for start := 0; start < len(users); start += importChunk {
		part := users[start:min(start+importChunk, len(users))]
		err := d.Store.Update(ctx, func(tx storage.Tx) error {
			_, err := d.put(ctx, tx, part)
			return err
		})
		if err != nil {
			return fmt.Errorf("import users %d to %d: %w", start+1, start+len(part), err)
		}
	}
	return nil
}

// hashOne sets u.hash: to old where that is of the same password already.
func (d *Directory) hashOne(u *user, old string) error {
	if u.hash != "" || u.password == "" {
		return nil
	}
	if old != "" && Verify(old, u.password) {
		u.hash = old
		return nil
	}
	h, err := d.hash(u.password)
	if err != nil {
		return u.errorf("password", "", "%v", err)
	}
	u.hash = h
	return nil
}

// existing returns the principal of u's name, nil where there is none, or a *FieldError where u cannot become it: its kind is
// another, or somebody else has an address of it.
func (d *Directory) existing(ctx context.Context, r storage.Reader, u *user) (*storage.Principal, error) {
	p, err := r.PrincipalByName(ctx, u.name)
	if errors.Is(err, storage.ErrNotFound) {
		p, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	if p != nil && p.Kind != u.kind {
		return nil, u.errorf("kind", string(u.kind), "%s is a %s already", u.name, p.Kind)
	}
	if len(u.addresses) == 0 {
		return p, nil
	}
	found, err := r.PrincipalsByAddress(ctx, u.addresses)
	if err != nil {
		return nil, err
	}
	for a, other := range found {
		if p == nil || other.ID != p.ID {
			return nil, u.errorf("email", strings.TrimPrefix(a, "mailto:"), "is that of %s", other.Name)
		}
	}
	return p, nil
}

// put writes users whose hashes are made: new ones with their homes, and what differs of the others.
func (d *Directory) put(ctx context.Context, tx storage.Tx, users []*user) ([]*storage.Principal, error) {
	now := d.now()
	list := make([]*storage.Principal, len(users))
	var homes []int64
	for i, u := range users {
		p, err := d.existing(ctx, tx, u)
		if err != nil {
			return nil, err
		}
		fresh := p == nil
		if fresh {
			p = &storage.Principal{Name: u.name, Kind: u.kind, Created: now}
		}
		addresses := u.addresses
		same := !fresh
		if !fresh {
			// Further addresses that somebody gave them stay.
			have, err := tx.Addresses(ctx, p.ID)
			if err != nil {
				return nil, err
			}
			addresses = merge(addresses, have)
			same = slices.Equal(addresses, have) && p.Admin == u.admin && p.DisplayName == u.displayName && (u.email == "" || p.Email == u.email)
		}
		if !same {
			p.Admin, p.DisplayName = u.admin, u.displayName
			if u.email != "" {
				p.Email = u.email
			}
			if err := tx.PutPrincipal(ctx, p, addresses); err != nil {
				return nil, err
			}
		}
		if u.hash != "" && u.hash != p.PasswordHash {
			if err := tx.SetCredential(ctx, p.ID, u.hash); err != nil {
				return nil, err
			}
		}
		if fresh && p.Kind != storage.Group {
			homes = append(homes, p.ID)
		}
		list[i] = p
	}
	return list, makeHomes(ctx, tx, now, homes)
}

// makeHomes gives the homes of new principals their collections.
func makeHomes(ctx context.Context, tx storage.Tx, now time.Time, owners []int64) error {
	if len(owners) == 0 {
		return nil
	}
	if err := tx.Lock(ctx, len(homeCollections), owners...); err != nil {
		return err
	}
	for _, owner := range owners {
		for _, c := range homeCollections {
			id, err := tx.Next(ctx, owner)
			if err != nil {
				return err
			}
			c.Owner, c.ID, c.Seq, c.LastSeq, c.Created = owner, id, id, id, now
			if err := tx.PutCalendar(ctx, &c); err != nil {
				return err
			}
		}
	}
	return nil
}

// merge returns first and then what of rest is not in it.
func merge(first, rest []string) []string {
	out := slices.Clone(first)
	for _, a := range rest {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// List yields the principals of the kinds given (none: all) by name.
func (d *Directory) List(ctx context.Context, kinds ...storage.Kind) iter.Seq2[*storage.Principal, error] {
	return func(yield func(*storage.Principal, error) bool) {
		const page = 500
		q := storage.PrincipalQuery{Kinds: kinds, Limit: page}
		for {
			list, err := d.Store.Principals(ctx, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, p := range list {
				if !yield(p, nil) {
					return
				}
			}
			if len(list) < page {
				return
			}
			q.After = list[len(list)-1].Name
		}
	}
}

// Find returns the principal of a name or mail address, in any case. storage.ErrNotFound.
func (d *Directory) Find(ctx context.Context, name string) (*storage.Principal, error) {
	return findPrincipal(ctx, d.Store, strings.ToLower(strings.TrimSpace(name)))
}

// SetPassword gives a principal, found by name or mail address, another password; every server knows at the next
// request. storage.ErrNotFound; ErrPassword.
func (d *Directory) SetPassword(ctx context.Context, name, password string) error {
	p, err := d.Find(ctx, name)
	if err != nil {
		return fmt.Errorf("user %s: %w", name, err)
	}
	hash, err := d.hash(password)
	if err != nil {
		return err
	}
	return d.Store.Update(ctx, func(tx storage.Tx) error { return tx.SetCredential(ctx, p.ID, hash) })
}

// Remove removes a principal, found by name or mail address, and everything they own. storage.ErrNotFound.
func (d *Directory) Remove(ctx context.Context, name string) error {
	p, err := d.Find(ctx, name)
	if err != nil {
		return fmt.Errorf("user %s: %w", name, err)
	}
	return d.Store.Update(ctx, func(tx storage.Tx) error { return tx.DeletePrincipal(ctx, p.ID) })
}
