package reminder

import (
	"context"
	"strings"
	"testing"

	"kalends/storage"
)

// TestSharedObject: whoever shares an object is reminded by their own alarms, as long as they may read it.
func TestSharedObject(t *testing.T) {
	for _, tt := range []struct {
		name    string
		may     bool
		private storage.Privacy
		want    []string
	}{
		{"shared", true, storage.Public, []string{"a 0105T094500Z to alice", "a 0105T095500Z to bob"}},
		{"not any more", false, storage.Public, []string{"a 0105T094500Z to alice"}},
		{"private since", true, storage.Private, []string{"a 0105T094500Z to alice"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(h *house) {
				id := h.put("a", event("DTSTART:20260105T100000Z\n!:-PT15M"))
				bob, _ := h.person("bob")
				theirs := calendar(h, event("!:-PT5M"))
				h.update(func(ctx context.Context, tx storage.Tx) error {
					if err := tx.Lock(ctx, 1, h.alice.ID); err != nil {
						return err
					}
					seq, err := tx.Next(ctx, h.alice.ID)
					if err != nil {
						return err
					}
					p := &storage.Personal{Owner: h.alice.ID, Object: id, Calendar: h.cal, User: bob.ID, Seq: seq, Alarms: true, ICS: theirs.Bytes()}
					if err := tx.PutPersonal(ctx, p); err != nil {
						return err
					}
					old, err := tx.ObjectByID(ctx, h.alice.ID, id)
					if err != nil {
						return err
					}
					now := *old
					now.Privacy = tt.private
					if err := tx.PutObject(ctx, &now, old); err != nil {
						return err
					}
					rows, err := tx.Reminders(ctx, h.alice.ID, id)
					if err != nil {
						return err
					}
					opts := Site{}.For(bob, []string{"mailto:bob@example.com"}, nil, old)
					opts.Now = h.Now()
					mine := Plan(calendar(h, event("DTSTART:20260105T100000Z\n!:-PT5M")), nil, opts)
					return tx.SetReminders(ctx, h.alice.ID, id, append(rows, mine...))
				})
				d := h.server()
				d.MayRead = func(_ context.Context, _ storage.Reader, who *storage.Principal, c *storage.Calendar) (bool, error) {
					if who.ID != bob.ID || c.ID != h.cal {
						h.Errorf("MayRead(%s, %d)", who.Name, c.ID)
					}
					return tt.may, nil
				}
				compose := d.Compose
				d.Compose = func(ctx context.Context, tx storage.Tx, due Due) (*storage.Job, error) {
					j, err := compose(ctx, tx, due)
					if j != nil {
						j.Payload = append(j.Payload, " to "+due.User.Name...)
					}
					if n := strings.Count(due.Cal.String(), "BEGIN:VALARM"); n != 1 {
						h.Errorf("%s is reminded of an object with %d alarms", due.User.Name, n)
					}
					return j, err
				}
				h.set("20260105T094500Z")
				h.rounds(d)
				h.set("20260105T095500Z")
				h.rounds(d, d)
				h.expect("in the end", tt.want...)
			})
		})
	}
}

// TestShareeAlarmByDefault: an alarm by default of somebody who shares the calendar goes out as long as they have it, and may read.
func TestShareeAlarmByDefault(t *testing.T) {
	const alarm = "EMAIL -PT5M"
	for _, tt := range []struct {
		name  string
		may   bool
		share storage.Share
		want  []string
	}{
		{"shared", true, storage.Share{State: storage.ShareAccepted, Alarms: storage.DefaultAlarms{Timed: alarm}}, []string{"a 0105T095500Z to bob"}},
		{"another since, which a job is to plan", true, storage.Share{State: storage.ShareAccepted, Alarms: storage.DefaultAlarms{Timed: "EMAIL -PT2M"}}, nil},
		{"none since", true, storage.Share{State: storage.ShareAccepted}, nil},
		{"declined since", true, storage.Share{State: storage.ShareDeclined, Alarms: storage.DefaultAlarms{Timed: alarm}}, nil},
		{"may not read any more", false, storage.Share{State: storage.ShareAccepted, Alarms: storage.DefaultAlarms{Timed: alarm}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(h *house) {
				id := h.put("a", event("DTSTART:20260105T100000Z"))
				bob, _ := h.person("bob")
				h.update(func(ctx context.Context, tx storage.Tx) error {
					if err := tx.Lock(ctx, 4, h.alice.ID, bob.ID); err != nil {
						return err
					}
					sh := tt.share
					sh.Owner, sh.Calendar, sh.Sharee, sh.ID, sh.UID = h.alice.ID, h.cal, bob.ID, 1000, "u"
					if err := tx.PutShare(ctx, &sh); err != nil {
						return err
					}
					old, err := tx.ObjectByID(ctx, h.alice.ID, id)
					if err != nil {
						return err
					}
					opts := Site{}.ForSharee(bob, []string{"mailto:bob@example.com"}, nil, old, storage.DefaultAlarms{Timed: alarm})
					opts.Now = h.Now()
					return tx.SetReminders(ctx, h.alice.ID, id, Plan(calendar(h, event("DTSTART:20260105T100000Z")), nil, opts))
				})
				d := h.server()
				d.MayRead = func(context.Context, storage.Reader, *storage.Principal, *storage.Calendar) (bool, error) {
					return tt.may, nil
				}
				compose := d.Compose
				d.Compose = func(ctx context.Context, tx storage.Tx, due Due) (*storage.Job, error) {
					j, err := compose(ctx, tx, due)
					if j != nil {
						j.Payload = append(j.Payload, " to "+due.User.Name...)
					}
					return j, err
				}
				for _, at := range []string{"20260105T095500Z", "20260105T095800Z"} {
					h.set(at)
					h.rounds(d)
				}
				h.expect("in the end", tt.want...)
			})
		})
	}
}
