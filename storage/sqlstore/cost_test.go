package sqlstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kalends/storage"
	"kalends/storage/sqlstore"
	"kalends/storage/storagetest"
)

// site is a few homes with a calendar and an inbox each.
type site struct {
	s      storage.Store
	owners []int64
	cals   []storage.Ref
	inbox  []storage.Ref
}

func newSite(t testing.TB, s storage.Store, n int) *site {
	t.Helper()
	ctx := t.Context()
	w := &site{s: s}
	for i := range n {
		err := s.Update(ctx, func(tx storage.Tx) error {
			name := fmt.Sprintf("user%03d", i)
			p := &storage.Principal{Name: name, Kind: storage.Person}
			if err := tx.PutPrincipal(ctx, p, []string{"mailto:" + name + "@example.com"}); err != nil {
				return err
			}
			if err := tx.SetCredential(ctx, p.ID, "hash"); err != nil {
				return err
			}
			w.owners = append(w.owners, p.ID)
			for _, kind := range []storage.CollectionKind{storage.CalendarKind, storage.InboxKind} {
				id, err := tx.Next(ctx, p.ID)
				if err != nil {
					return err
				}
				c := &storage.Calendar{Owner: p.ID, ID: id, Kind: kind, Slug: string(kind)}
				if kind == storage.InboxKind {
					w.inbox = append(w.inbox, c.Ref())
				} else {
					w.cals = append(w.cals, c.Ref())
				}
				if err := tx.PutCalendar(ctx, c); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

var (
	text  = []byte("BEGIN:VCALENDAR\r\n" + strings.Repeat("X-FILL:0123456789abcdefghijklmnopqrstuvwxyz\r\n", 24) + "END:VCALENDAR\r\n")
	start = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
)

func event(ref storage.Ref, seq int64, name string, at time.Time) *storage.Object {
	return &storage.Object{
		Owner: ref.Owner, Calendar: ref.ID, ID: seq, Seq: seq, Inbox: ref.Inbox, Name: name, UID: name, Component: "VEVENT",
		ICS: text, ETag: fmt.Sprintf(`"%d"`, seq), Organizer: "mailto:user000@example.com", First: at.UnixMicro(),
		Last: at.Add(time.Hour).UnixMicro(), Zones: "Europe/Berlin", Created: at, Modified: at,
	}
}

// put creates one object with a reminder, as PUT does.
func (w *site) put(ctx context.Context, i int, name string, at time.Time) error {
	ref := w.cals[i]
	return w.s.Update(ctx, func(tx storage.Tx) error {
		tx.Expect(storage.Expected{Owner: ref.Owner, Slug: string(storage.CalendarKind), Name: name, UID: name, Usage: true})
		if err := tx.Lock(ctx, 1, ref.Owner); err != nil {
			return err
		}
		if _, err := tx.Calendar(ctx, ref.Owner, string(storage.CalendarKind)); err != nil {
			return err
		}
		if _, err := tx.Object(ctx, ref, name); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		if _, err := tx.Usages(ctx, []int64{ref.Owner}); err != nil {
			return err
		}
		same, err := tx.ObjectsByUID(ctx, []int64{ref.Owner}, name)
		if err != nil {
			return err
		}
		seq, err := tx.Next(ctx, ref.Owner)
		if err != nil {
			return err
		}
		o := event(ref, seq, name, at)
		var old *storage.Object
		if len(same) > 0 {
			old = same[0]
			o.ID = old.ID
		}
		if err := tx.PutObject(ctx, o, old); err != nil {
			return err
		}
		return tx.SetReminders(ctx, ref.Owner, o.ID, []*storage.Reminder{{Calendar: ref.ID, ForUser: ref.Owner, Alarm: "1", DueAt: at}})
	})
}

// meet puts a meeting of the first of the homes with the others into all their calendars and inboxes, with reminders and a mail.
func (w *site) meet(ctx context.Context, homes []int, uid string, at time.Time) error {
	var owners []int64
	for _, i := range homes {
		owners = append(owners, w.owners[i])
	}
	return w.s.Update(ctx, func(tx storage.Tx) error {
		tx.Expect(storage.Expected{Owner: owners[0], UID: uid, Homes: true, Usage: true})
		if err := tx.Lock(ctx, 3, owners...); err != nil {
			return err
		}
		if _, err := tx.Usages(ctx, owners); err != nil {
			return err
		}
		there, err := tx.ObjectsByUID(ctx, owners, uid)
		if err != nil {
			return err
		}
		if len(there) > 0 {
			return storage.ErrConflict
		}
		collections, err := tx.HomeCalendars(ctx, owners)
		if err != nil {
			return err
		}
		for n, i := range homes {
			seq, err := tx.Next(ctx, w.owners[i])
			if err != nil {
				return err
			}
			for _, c := range collections[w.owners[i]] {
				switch {
				case c.Kind == storage.CalendarKind:
					if err := tx.PutObject(ctx, event(c.Ref(), seq, uid, at), nil); err != nil {
						return err
					}
				case n > 0:
					in, err := tx.Next(ctx, w.owners[i])
					if err != nil {
						return err
					}
					if err := tx.PutObject(ctx, event(c.Ref(), in, uid, at), nil); err != nil {
						return err
					}
				}
			}
			rows := []*storage.Reminder{{Calendar: w.cals[i].ID, ForUser: w.owners[i], Alarm: "1", DueAt: at}}
			if err := tx.SetReminders(ctx, w.owners[i], seq, rows); err != nil {
				return err
			}
		}
		id, err := tx.Next(ctx, owners[0])
		if err != nil {
			return err
		}
		return tx.AddJob(ctx, &storage.Job{Owner: owners[0], ID: id, Kind: "mail", DueAt: at, Created: at, Payload: []byte("mail")})
	})
}

// TestCost says what operations may cost: statements, begin and commit not counted, and waits for the database.
func TestCost(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		w := newSite(t, s, 101)
		all := make([]int, 101)
		for i := range all {
			all[i] = i
		}
		expect := func(what string, statements, trips int, fn func(context.Context) error) {
			t.Helper()
			ctx, trace := sqlstore.WithTrace(t.Context())
			if err := fn(ctx); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			n := 0
			for _, sql := range trace.Statements() {
				if !strings.HasPrefix(sql, "BEGIN") && sql != "COMMIT" && sql != "ROLLBACK" {
					n++
				}
			}
			if n > statements || trace.RoundTrips() > trips {
				t.Errorf("%s takes %d statements in %d round trips, want %d in %d:\n%s", what, n, trace.RoundTrips(), statements,
					trips, strings.Join(trace.Statements(), "\n"))
			}
			t.Logf("%s: %d statements, %d round trips", what, n, trace.RoundTrips())
		}
		expect("a principal for a request", 1, 1, func(ctx context.Context) error {
			_, err := s.PrincipalByName(ctx, "user007")
			return err
		})
		expect("a new object", 9, 2, func(ctx context.Context) error { return w.put(ctx, 0, "a", start) })
		expect("a changed object", 9, 2, func(ctx context.Context) error { return w.put(ctx, 0, "a", start) })
		expect("a meeting with two local attendees", 13, 2, func(ctx context.Context) error {
			return w.meet(ctx, all[:3], "m3", start)
		})
		expect("a meeting with a hundred", 60, 2, func(ctx context.Context) error { return w.meet(ctx, all, "m100", start) })
		expect("a view of two reads", 2, 3, func(ctx context.Context) error {
			return s.View(ctx, func(r storage.Reader) error {
				if _, err := r.Calendar(ctx, w.owners[0], "calendar"); err != nil {
					return err
				}
				_, err := r.Changes(ctx, w.cals[0], 0, 0)
				return err
			})
		})
		expect("a transaction that does nothing", 0, 0, func(ctx context.Context) error {
			return s.Update(ctx, func(storage.Tx) error { return nil })
		})
		if st := s.(*sqlstore.Store).Stats(); st.Statements < 100 || st.RoundTrips < 20 {
			t.Errorf("Stats: %+v", st)
		}
	})
}

// fill puts n events into a calendar, a quarter of an hour apart.
func (w *site) fill(t testing.TB, i, n int) {
	t.Helper()
	ctx := t.Context()
	for done := 0; done < n; done += 5000 {
		err := w.s.Update(ctx, func(tx storage.Tx) error {
			if err := tx.Lock(ctx, 5000, w.owners[i]); err != nil {
				return err
			}
			for k := done; k < min(n, done+5000); k++ {
				seq, err := tx.Next(ctx, w.owners[i])
				if err != nil {
					return err
				}
				o := event(w.cals[i], seq, fmt.Sprintf("event%d", k), start.Add(time.Duration(k)*15*time.Minute))
				switch {
				case k%1000 == 1: // a series without an end
					o.Last, o.Recurring = storage.MaxTime, true
				case k%200 == 2: // two weeks
					o.Last = o.First + (14 * 24 * time.Hour).Microseconds()
				}
				o.Floating = k%7 == 3
				if err := tx.PutObject(ctx, o, nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func week(w *site, i int, from time.Time) storage.RangeQuery {
	to := from.Add(7 * 24 * time.Hour)
	return storage.RangeQuery{
		Owner: w.owners[i], Calendars: []int64{w.cals[i].ID}, Start: from.UnixMicro(), End: to.UnixMicro(), WallStart: from.UnixMicro(),
		WallEnd: to.UnixMicro(), Fields: storage.WithICS | storage.WithSeries,
	}
}

// planNode is a step of a Postgres plan.
type planNode struct {
	Type    string     `json:"Node Type"`
	Index   string     `json:"Index Name"`
	Table   string     `json:"Relation Name"`
	Cond    string     `json:"Index Cond"`
	Rows    float64    `json:"Actual Rows"`
	Loops   float64    `json:"Actual Loops"`
	Removed float64    `json:"Rows Removed by Filter"`
	Plans   []planNode `json:"Plans"`
}

func parsePlan(t *testing.T, text string) planNode {
	t.Helper()
	var plans []struct{ Plan planNode }
	if err := json.Unmarshal([]byte(text), &plans); err != nil || len(plans) != 1 {
		t.Fatalf("plan: %v: %s", err, text)
	}
	return plans[0].Plan
}

func (p planNode) walk(fn func(planNode)) {
	fn(p)
	for _, c := range p.Plans {
		c.walk(fn)
	}
}

// TestRangeReadsWhatItReturns: a week in the middle of a big calendar is found without reading the half before it.
func TestRangeReadsWhatItReturns(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		w := newSite(t, s, 1)
		w.fill(t, 0, 20_000)
		q := week(w, 0, start.Add(10_000*15*time.Minute))
		ctx, trace := sqlstore.WithTrace(t.Context())
		found, err := s.ObjectsInRange(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) < 7*96 || len(found) > 7*96+50 {
			t.Errorf("%d events in a week, want some %d", len(found), 7*96)
		}
		plans, err := s.(*sqlstore.Store).Plans(t.Context(), trace)
		if err != nil || len(plans) != 1 {
			t.Fatalf("%d plans, %v", len(plans), err)
		}
		for _, plan := range plans {
			if s.(*sqlstore.Store).Dialect() == "sqlite" {
				searches := strings.Count(plan, "USING INDEX objects_range (owner_id=? AND calendar_id=? AND class=? AND first_start")
				bounded := strings.Count(plan, "first_start>? AND first_start<?")
				if searches != 10 || bounded != 8 || strings.Contains(plan, "SCAN objects") {
					t.Errorf("%d searches of the index, %d bounded on both sides; want 10, 8:\n%s", searches, bounded, plan)
				}
				continue
			}
			var read float64
			scans := 0
			parsePlan(t, plan).walk(func(n planNode) {
				if n.Table == "objects" {
					scans++
					read += (n.Rows + n.Removed) * n.Loops
					if n.Index != "objects_range" || !strings.Contains(n.Cond, "first_start <") || !strings.Contains(n.Cond, "last_end >") {
						t.Errorf("a step does not use the index, its end included: %+v", n)
					}
				}
			})
			// Beyond what is returned: a day of the short class before the window, some of the others, and series
			// that have no end and begin before it, which are all returned.
			if read > float64(len(found))+150 || scans != 10 {
				t.Errorf("read %v rows in %d scans to return %d", read, scans, len(found))
			}
			t.Logf("read %v rows to return %d", read, len(found))
		}
	})
}

// derived are the names in our texts of what is no table.
var derived = map[string]bool{"json_each": true, "v": true, "picked": true, "CONSTANT": true, "there": true, "gone": true, "changes": true,
	"above": true, "below": true, "a": true, "b": true}

// TestPlans: no statement of the daily work reads a table from end to end.
func TestPlans(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		w := newSite(t, s, 5)
		err := s.Update(t.Context(), func(tx storage.Tx) error {
			ctx, owner := t.Context(), w.owners[3]
			if err := tx.Lock(ctx, 300, owner); err != nil {
				return err
			}
			for i := range 300 {
				id, err := tx.Next(ctx, owner)
				if err != nil {
					return err
				}
				due := start.Add(time.Duration(i) * time.Hour)
				if err := tx.AddJob(ctx, &storage.Job{Owner: owner, ID: id, Kind: "mail", DueAt: due}); err != nil {
					return err
				}
				if err := tx.SetReminders(ctx, owner, id, []*storage.Reminder{{Alarm: "1", DueAt: due}}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		w.fill(t, 0, 600)
		ctx, trace := sqlstore.WithTrace(t.Context())
		for _, err := range []error{
			w.put(ctx, 0, "a", start), w.put(ctx, 0, "a", start), w.meet(ctx, []int{0, 1, 2}, "m", start),
			w.meet(ctx, []int{0, 1, 2, 3, 4}, "n", start),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		read := func(r storage.Reader) error {
			o, w0 := w.owners[0], w.cals[0]
			var errs []error
			add := func(_ any, err error) { errs = append(errs, err) }
			add(r.PrincipalByName(ctx, "user001"))
			add(r.PrincipalByID(ctx, o))
			add(r.PrincipalsByAddress(ctx, []string{"mailto:user001@example.com"}))
			add(r.Addresses(ctx, o))
			add(r.Members(ctx, o))
			add(r.GroupsOf(ctx, o))
			add(r.AllGroupsOf(ctx, o))
			add(r.AllMembersOf(ctx, o, 10))
			add(r.Grants(ctx, o))
			add(r.GrantsFor(ctx, o, w.owners[1]))
			add(r.GrantsTo(ctx, o))
			add(r.Calendars(ctx, o))
			add(r.Calendar(ctx, o, "calendar"))
			add(r.HomeCalendars(ctx, w.owners))
			obj, err := r.Object(ctx, w0, "a")
			add(nil, err)
			add(r.ObjectByID(ctx, o, obj.ID))
			add(r.ObjectsByName(ctx, w0, []string{"a", "b"}))
			add(r.ObjectsByUID(ctx, w.owners, "m"))
			add(r.Changes(ctx, w0, 300, 10))
			add(r.Changes(ctx, w.inbox[1], 1, 10))
			add(r.Properties(ctx, o, w0.ID, true))
			add(r.Reminders(ctx, o, obj.ID))
			add(nil, r.Objects(ctx, w0, storage.WithICS, func(*storage.Object) error { return nil }))
			for _, err := range errs {
				if err != nil {
					return err
				}
			}
			return nil
		}
		if err := s.View(ctx, read); err != nil {
			t.Fatal(err)
		}
		err = s.Update(ctx, func(tx storage.Tx) error {
			if err := tx.Lock(ctx, 10, w.owners...); err != nil {
				return err
			}
			old, err := tx.Object(ctx, w.cals[0], "a")
			if err != nil {
				return err
			}
			moved := *old
			moved.Name = "z"
			for _, err := range []error{
				tx.MoveObject(ctx, &moved, old, 900), tx.DeleteObject(ctx, &moved, 901),
				tx.SetReminders(ctx, old.Owner, old.ID, []*storage.Reminder{{Alarm: "x", DueAt: start}}),
				tx.SetReminders(ctx, old.Owner, old.ID, nil),
				tx.PutProperty(ctx, storage.Property{Owner: old.Owner, Calendar: old.Calendar, Local: "x"}),
				tx.DeleteProperty(ctx, storage.Property{Owner: old.Owner, Calendar: old.Calendar, Local: "x"}),
				tx.DropJobs(ctx, old.Owner, "m"),
				tx.SetGrants(ctx, old.Owner, old.Calendar, []storage.Grant{{Grantee: w.owners[1], Privileges: 1}}),
				tx.DeleteCalendar(ctx, w.owners[4], w.cals[4].ID, 1_000_000),
			} {
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{
			second(s.ClaimJobs(ctx, []string{"mail"}, start, time.Minute, 10)), second(s.ClaimReminders(ctx, start, time.Minute, 10)),
			second(s.NextJob(ctx, []string{"mail"})), second(s.NextReminder(ctx)),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		s.(*sqlstore.Store).AwaitStatistics()
		plans, err := s.(*sqlstore.Store).Plans(t.Context(), trace)
		if err != nil {
			t.Fatal(err)
		}
		if len(plans) < 30 {
			t.Errorf("only %d statements were looked at", len(plans))
		}
		for sql, plan := range plans {
			if s.(*sqlstore.Store).Dialect() == "postgres" {
				parsePlan(t, plan).walk(func(n planNode) {
					switch {
					case n.Type == "Seq Scan":
						t.Errorf("%s\nreads all of %s", sql, n.Table)
					case n.Type == "Sort" && strings.Contains(sql, "SKIP LOCKED"):
						t.Errorf("%s\nsorts all that is due", sql)
					case n.Table == "objects" && strings.Contains(sql, "AND name = ") && strings.HasPrefix(sql, "SELECT") &&
						n.Index != "objects_owner_id_calendar_id_name_key":
						t.Errorf("%s\nfinds names by %s", sql, n.Index)
					}
				})
				continue
			}
			for line := range strings.Lines(plan) {
				if !strings.HasPrefix(line, "SCAN ") || strings.Contains(line, "USING INDEX") || strings.Contains(line, "USING COVERING INDEX") {
					continue
				}
				if table := strings.Fields(line)[1]; !derived[table] && !strings.Contains(line, "VALUES CLAUSE") && !strings.Contains(line, "CONSTANT ROW") {
					t.Errorf("%s\nreads all: %s", sql, plan)
				}
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }
