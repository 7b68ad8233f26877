package reminder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kalends/ical"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// house is a database with alice's calendar and a clock.
type house struct {
	testing.TB
	store storage.Store
	alice *storage.Principal
	cal   int64
	ns    atomic.Int64
	log   bytes.Buffer
}

func newHouse(t testing.TB, s storage.Store) *house {
	t.Helper()
	h := &house{TB: t, store: s}
	h.set(testNow)
	h.alice, h.cal = h.person("alice")
	return h
}

func (h *house) Now() time.Time       { return time.Unix(0, h.ns.Load()).UTC() }
func (h *house) set(s string)         { h.ns.Store(at(h.TB, s).UnixNano()) }
func (h *house) add(by time.Duration) { h.ns.Add(int64(by)) }

// person adds somebody with a calendar.
func (h *house) person(name string) (*storage.Principal, int64) {
	h.Helper()
	var p *storage.Principal
	var cal int64
	h.update(func(ctx context.Context, tx storage.Tx) error {
		p = &storage.Principal{Name: name, Kind: storage.Person, TimeZone: "Europe/Berlin", Email: name + "@example.com", Created: h.Now()}
		if err := tx.PutPrincipal(ctx, p, []string{"mailto:" + p.Email}); err != nil {
			return err
		}
		if err := tx.Lock(ctx, 1, p.ID); err != nil {
			return err
		}
		var err error
		if cal, err = tx.Next(ctx, p.ID); err != nil {
			return err
		}
		return tx.PutCalendar(ctx, &storage.Calendar{Owner: p.ID, ID: cal, Slug: "calendar", Kind: storage.CalendarKind, Seq: cal, LastSeq: cal, Created: h.Now()})
	})
	return p, cal
}

func (h *house) update(fn func(ctx context.Context, tx storage.Tx) error) {
	h.Helper()
	if err := h.store.Update(context.Background(), func(tx storage.Tx) error { return fn(context.Background(), tx) }); err != nil {
		h.Fatal(err)
	}
}

// put writes an object as calendar.Service does: with its reminders, in one transaction.
func (h *house) put(name, text string) int64 {
	h.Helper()
	return h.write(h.alice, h.cal, name, text, true)
}

// write writes an object of somebody; without plan its reminders stay as they are.
func (h *house) write(who *storage.Principal, cal int64, name, text string, plan bool) (id int64) {
	h.Helper()
	ics := []byte(text)
	var parsed *ical.Component
	if !strings.HasPrefix(text, "broken") {
		parsed = calendar(h.TB, text)
		ics = parsed.Bytes()
	}
	h.update(func(ctx context.Context, tx storage.Tx) error {
		if err := tx.Lock(ctx, 1, who.ID); err != nil {
			return err
		}
		seq, err := tx.Next(ctx, who.ID)
		if err != nil {
			return err
		}
		ref := storage.Ref{Owner: who.ID, ID: cal}
		o := &storage.Object{Owner: who.ID, Calendar: cal, ID: seq, Name: name, UID: name, Component: "VEVENT", ICS: ics, ETag: fmt.Sprintf(`"%d"`, seq),
			Seq: seq, Size: int64(len(ics)), First: storage.MinTime, Last: storage.MaxTime, Created: h.Now(), Modified: h.Now()}
		old, err := tx.Object(ctx, ref, name)
		if err == nil {
			o.ID = old.ID
		} else if old = nil; !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		id = o.ID
		if err := tx.PutObject(ctx, o, old); err != nil || !plan {
			return err
		}
		addresses, err := tx.Addresses(ctx, who.ID)
		if err != nil {
			return err
		}
		opts := Site{}.For(who, addresses, nil, o)
		opts.Now = h.Now()
		if opts.Existing, err = tx.Reminders(ctx, who.ID, o.ID); err != nil {
			return err
		}
		return tx.SetReminders(ctx, who.ID, o.ID, Plan(parsed, nil, opts))
	})
	return id
}

func (h *house) remove(name string) {
	h.Helper()
	h.update(func(ctx context.Context, tx storage.Tx) error {
		if err := tx.Lock(ctx, 1, h.alice.ID); err != nil {
			return err
		}
		o, err := tx.Object(ctx, storage.Ref{Owner: h.alice.ID, ID: h.cal}, name)
		if err != nil {
			return err
		}
		seq, err := tx.Next(ctx, h.alice.ID)
		if err != nil {
			return err
		}
		return tx.DeleteObject(ctx, o, seq)
	})
}

// server starts a new server's dispatcher. Its mails say what is due, when, and whether late.
func (h *house) server() *Dispatcher {
	return &Dispatcher{
		Store: h.store, Now: h.Now, Log: slog.New(slog.NewTextHandler(&h.log, nil)),
		Compose: func(_ context.Context, _ storage.Tx, due Due) (*storage.Job, error) {
			text := due.Object.Name + " " + due.At.UTC().Format("0102T150405Z")
			if len(due.Items) != 1 {
				text += fmt.Sprintf(" x%d", len(due.Items))
			}
			if due.Late {
				text += " late"
			}
			if due.User == nil || due.Job == 0 || due.Zone == nil || due.Cal == nil || due.Items[0].Component == nil || due.Items[0].Instance.Start.IsZero() {
				return nil, fmt.Errorf("incomplete: %+v", due)
			}
			return &storage.Job{Recipient: due.User.Email, Payload: []byte(text)}, nil
		},
	}
}

// handle lets a server carry out what it has claimed.
func (h *house) handle(ctx context.Context, d *Dispatcher, claimed []*storage.Reminder) {
	rows := map[storage.ObjectKey][]*storage.Reminder{}
	var keys []storage.ObjectKey
	for _, r := range claimed {
		k := storage.ObjectKey{Owner: r.Owner, Object: r.Object}
		if rows[k] == nil {
			keys = append(keys, k)
		}
		rows[k] = append(rows[k], r)
	}
	d.handle(ctx, keys, rows)
}

// rounds lets servers work until nothing is due.
func (h *house) rounds(ds ...*Dispatcher) {
	h.Helper()
	for range 100 {
		total := 0
		for _, d := range ds {
			n, err := d.Round(context.Background())
			if err != nil {
				h.Fatal(err)
			}
			total += n
		}
		if total == 0 {
			return
		}
	}
	h.Error("reminders are claimed for ever")
}

// mails returns what was queued so far, in order.
func (h *house) mails() []string {
	h.Helper()
	jobs, err := h.store.Jobs(context.Background(), nil, 100_000)
	if err != nil {
		h.Fatal(err)
	}
	var list []string
	for _, j := range jobs {
		if j.Kind != "mail" || j.State != storage.Ready || j.UID == "" || j.Object == 0 {
			h.Errorf("job = %+v", j)
		}
		list = append(list, string(j.Payload))
	}
	slices.Sort(list)
	return list
}

func (h *house) expect(what string, want ...string) {
	h.Helper()
	got := h.mails()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		h.Errorf("%s: mails\n\t%s\nwant\n\t%s\nlog: %s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"), h.log.String())
	}
}

func each(t *testing.T, fn func(h *house)) {
	t.Helper()
	storagetest.Each(t, func(t *testing.T, s storage.Store) { fn(newHouse(t, s)) })
}
