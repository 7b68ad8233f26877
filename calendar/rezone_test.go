package calendar_test

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"kalends/calendar"
	"kalends/ical/zone"
	"kalends/storage"
)

// faltering is a database that ends after some pages of objects.
type faltering struct {
	storage.Store
	pages int
	asked []int64 // objects behind which pages were asked for
}

func (f *faltering) ZonedObjects(ctx context.Context, owner, object int64, limit int) ([]storage.Zoned, bool, error) {
	f.asked = append(f.asked, object)
	if f.pages--; f.pages < 0 {
		return nil, false, errors.New("the server dies")
	}
	return f.Store.ZonedObjects(ctx, owner, object, limit)
}

// TestZonesChange: when the rules of a zone are others, what names it gets new bounds and reminders, and nothing else is touched.
func TestZonesChange(t *testing.T) {
	each(t, func(s *site) {
		t, ctx := s.t, s.t.Context()
		ring := func(start string) string {
			return event("u"+start, start, "BEGIN:VALARM", "ACTION:EMAIL", "TRIGGER:-PT15M", "END:VALARM")
		}
		names := []string{"berlin.ics", "york.ics", "floating.ics", "utc.ics", "vienna.ics"}
		for i, start := range []string{
			"DTSTART;TZID=Europe/Berlin:20260601T100000", "DTSTART;TZID=America/New_York:20260601T100000", "DTSTART:20260601T100000", "DTSTART:20260601T100000Z",
			"DTSTART;TZID=Europe/Vienna:20260601T100000",
		} {
			s.put(s.alice, names[i], ring(start))
		}
		type state struct {
			first, seq int64
			etag       string
			due        time.Time
		}
		read := func() map[string]state {
			t.Helper()
			m := map[string]state{}
			for _, name := range names {
				o, _, err := s.Object(ctx, s.alice, calendar.Target{Owner: s.alice, Slug: "calendar", Name: name})
				if err != nil {
					t.Fatal(err)
				}
				rows, err := s.Store.Reminders(ctx, s.alice.ID, o.ID)
				if err != nil || len(rows) != 1 {
					t.Fatalf("%s: %d reminders, %v", name, len(rows), err)
				}
				m[name] = state{o.First, o.Seq, o.ETag, rows[0].DueAt}
			}
			return m
		}
		right := read()
		// As if all had been stored while each zone was an hour behind, and the server was away when the reminders were due then.
		err := s.Store.Update(ctx, func(tx storage.Tx) error {
			if err := tx.Lock(ctx, 1, s.alice.ID); err != nil {
				return err
			}
			c, err := tx.Calendar(ctx, s.alice.ID, "calendar")
			if err != nil {
				return err
			}
			for _, name := range names {
				o, err := tx.Object(ctx, c.Ref(), name)
				if err != nil {
					return err
				}
				now := *o
				now.First, now.Last = o.First+3600e6, o.Last+3600e6
				if err := tx.PutObject(ctx, &now, o); err != nil {
					return err
				}
				rows, err := tx.Reminders(ctx, s.alice.ID, o.ID)
				if err != nil {
					return err
				}
				rows[0].DueAt = rows[0].DueAt.Add(time.Hour)
				if err := tx.SetReminders(ctx, s.alice.ID, o.ID, rows); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		wrong := read()
		work := func(store storage.Store, holder string, want bool) {
			t.Helper()
			service := calendar.Service{Store: store, Now: s.Now, Log: s.Log}
			r := &calendar.Rezoner{Service: &service, Page: 2}
			done, err := r.Round(ctx, holder)
			if done != want || (err != nil) == want {
				t.Fatalf("Round = %v, %v; want done: %v", done, err, want)
			}
		}
		// A new database notes the rules, and so does one of an earlier version: what is stored is right by them.
		work(s.Store, "one", true)
		if got := read(); !maps.Equal(got, wrong) {
			t.Errorf("the first start changed %v to %v", wrong, got)
		}
		old := zone.Prints()
		old["Europe/Berlin"], old["Europe/Vienna"], old["Mars/Olympus"] = "other", "other", "gone"
		if err := s.Store.PutZonePrints(ctx, old); err != nil {
			t.Fatal(err)
		}
		// Another server is at it.
		if ok, err := s.Store.Lease(ctx, "zones", "other", clock, clock.Add(time.Minute)); err != nil || !ok {
			t.Fatal(ok, err)
		}
		service := s.Service
		if done, err := (&calendar.Rezoner{Service: service}).Round(ctx, "two"); done || err != nil {
			t.Errorf("while another server is at it Round = %v, %v", done, err)
		}
		if ok, err := s.Store.Lease(ctx, "zones", "other", clock, clock); err != nil || !ok {
			t.Fatal(ok, err)
		}
		// It dies on the way, and the next goes on there.
		work(&faltering{Store: s.Store, pages: 1}, "three", false)
		second := &faltering{Store: s.Store, pages: 100}
		work(second, "four", true)
		if second.asked[0] == 0 {
			t.Error("the second server began anew")
		}
		got := read()
		for _, name := range names {
			want := wrong[name]
			switch name {
			case "berlin.ics", "vienna.ics", "floating.ics": // the last has its reminder in the zone of a person
				want = right[name]
			}
			if got[name] != want {
				t.Errorf("%s is %v, want %v", name, got[name], want)
			}
		}
		work(second, "five", true)
	})
}
