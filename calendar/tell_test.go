package calendar_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/calendar"
	mtg "kalends/meeting"
	"kalends/storage"
	"kalends/storage/sqlstore"
	"kalends/webhook"
)

// hook makes a webhook of somebody: of all their own calendars, or of those given.
func (s *site) hook(owner *storage.Principal, kinds []webhook.Kind, watches ...storage.WebhookWatch) *storage.Webhook {
	s.t.Helper()
	ctx := s.t.Context()
	h := &storage.Webhook{Owner: owner.ID, URL: "https://hooks.example.com/", Kinds: webhook.KindsText(kinds), State: storage.WebhookOn, Created: clock}
	if len(watches) == 0 {
		watches = []storage.WebhookWatch{{Owner: owner.ID}}
	}
	err := s.Store.Update(ctx, func(tx storage.Tx) error {
		owners := []int64{owner.ID}
		for _, w := range watches {
			owners = append(owners, w.Owner)
		}
		if err := tx.Lock(ctx, 1, owners...); err != nil {
			return err
		}
		var err error
		if h.ID, err = tx.Next(ctx, owner.ID); err != nil {
			return err
		}
		if err := tx.PutWebhook(ctx, h, clock); err != nil {
			return err
		}
		return tx.SetWatches(ctx, h.Key(), watches)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}

// told takes what waits for all webhooks, by webhook.
func (s *site) told() map[storage.WebhookKey][]webhook.Message {
	s.t.Helper()
	ctx := s.t.Context()
	all := map[storage.WebhookKey][]webhook.Message{}
	list, err := s.Store.ClaimWebhooks(ctx, clock.Add(time.Hour), time.Minute, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range list {
		for {
			d, err := s.Store.NextDelivery(ctx, c.Key(), clock.Add(time.Hour))
			if errors.Is(err, storage.ErrNotFound) {
				break
			}
			var m webhook.Message
			if err == nil {
				err = json.Unmarshal(d.Body, &m)
			}
			if err != nil {
				s.t.Fatal(err)
			}
			if m.ID != d.Message || m.Sequence != d.Sequence || m.Webhook != webhook.ID(c.Key()) || len(m.Changes) != d.Changes {
				s.t.Errorf("the message %+v in the delivery %+v", m, d)
			}
			all[c.Key()] = append(all[c.Key()], m)
			d.State = storage.DeliveryDone
			if err := s.Store.FinishDelivery(ctx, storage.DeliveryOutcome{Delivery: d, Claim: c.Claim}); err != nil {
				s.t.Fatal(err)
			}
		}
		if err := s.Store.ReleaseWebhook(ctx, c, time.Time{}); err != nil {
			s.t.Fatal(err)
		}
	}
	return all
}

// kindsOf are the changes in messages, as "type UID".
func kindsOf(list []webhook.Message) (out []string) {
	for _, m := range list {
		for _, c := range m.Changes {
			out = append(out, strings.TrimSpace(string(c.Type)+" "+c.UID))
		}
	}
	return out
}

func (s *site) expectTold(what string, got []webhook.Message, want ...string) {
	s.t.Helper()
	if g := kindsOf(got); !slices.Equal(g, want) {
		s.t.Errorf("%s: told %q, want %q", what, g, want)
	}
}

// TestWebhooksAreTold: whatever changes a calendar is told, once, to those who want to know of it.
func TestWebhooksAreTold(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		all, few := s.hook(s.alice, webhook.Kinds), s.hook(s.alice, []webhook.Kind{webhook.Updated})
		s.put(s.bob, "x.ics", event("x", "DTSTART:20260106T090000Z")) // nobody is told
		res := s.put(s.alice, "e.ics", event("e", "DTSTART:20260106T090000Z", "SUMMARY:Secret plans"))
		got := s.told()
		s.expectTold("created", got[all.Key()], "event.created e")
		s.expectTold("created, of who does not want to know", got[few.Key()])
		m := got[all.Key()][0]
		want := webhook.Detail{Type: webhook.Created, ID: mtg.ID(s.alice.ID, res.Object.ID), UID: "e", Component: "VEVENT", ETag: res.Object.ETag, Order: res.Object.Seq}
		if g := m.Changes[0]; fmt.Sprint(g) != fmt.Sprint(want) || m.Sequence != 1 || m.Type != webhook.ChangedMessage || m.Time != "2026-01-05T08:00:00Z" || m.Calendar != mtg.CalendarID(s.alice.ID, res.Object.Calendar) {
			s.t.Errorf("told %+v, want %+v", m, want)
		}
		if text, _ := json.Marshal(m); strings.Contains(string(text), "plans") {
			s.t.Errorf("what is in an event is told: %s", text)
		}

		s.put(s.alice, "e.ics", event("e", "DTSTART:20260106T100000Z"))
		to := calendar.Target{Owner: s.alice, Slug: "second"}
		if err := s.MakeCalendar(ctx, s.alice, to, calendar.Edit{}); err != nil {
			t.Fatal(err)
		}
		to.Name = "moved.ics"
		if _, err := s.Move(ctx, calendar.MoveRequest{Who: s.alice, From: target(s.alice, "e.ics"), To: to}); err != nil {
			t.Fatal(err)
		}
		got = s.told()
		s.expectTold("updated and moved", got[all.Key()], "event.updated e", "event.deleted e", "event.created e")
		s.expectTold("updated", got[few.Key()], "event.updated e")
		if l := got[all.Key()]; l[1].Calendar == l[2].Calendar || l[2].Sequence != 4 {
			s.t.Errorf("moved: %+v", l)
		}

		// A meeting: the invitation, the answer, the cancellation.
		s.put(s.alice, "m.ics", meeting("m", "20260106T090000Z", "bob@example.com"))
		bobs := s.hook(s.bob, webhook.Kinds)
		_, copy := s.copy(s.bob, "m")
		s.put(s.bob, "m.ics", strings.Replace(copy, attendee(copy, "bob@example.com"), "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.com", 1))
		got = s.told()
		s.expectTold("the meeting and its answer", got[all.Key()], "event.created m", "meeting.answered m")
		s.expectTold("an answer, to who wants changes only", got[few.Key()], "event.updated m")
		s.expectTold("who answers", got[bobs.Key()], "meeting.answered m")
		if a := got[all.Key()][1].Changes[0].Answers; len(a) != 1 || a[0] != (webhook.Answer{Attendee: "mailto:bob@example.com", Answer: "DECLINED"}) {
			s.t.Errorf("answers %+v", a)
		}
		if a := got[few.Key()][0].Changes[0].Answers; len(a) != 0 {
			s.t.Errorf("answers to who did not ask for them: %+v", a)
		}
		s.delete(s.alice, "m.ics")
		got = s.told()
		s.expectTold("cancelled", got[all.Key()], "event.deleted m")
		s.expectTold("cancelled, at the attendee's", got[bobs.Key()], "event.updated m")

		// A calendar goes.
		if err := s.DeleteCalendar(ctx, s.alice, calendar.Target{Owner: s.alice, Slug: "second"}, nil); err != nil {
			t.Fatal(err)
		}
		s.expectTold("a calendar", s.told()[all.Key()], "calendar.deleted")
	})
}

// TestWebhookOfAnImport: ten thousand events are a hundred messages, not ten thousand; and of a webhook that nobody answers for
// no more than so many wait, with a gap in the numbers.
func TestWebhookOfAnImport(t *testing.T) {
	each(t, func(s *site) {
		h := s.hook(s.alice, webhook.Kinds)
		importAll := func(prefix string, n int) {
			t.Helper()
			totals, err := s.Import(t.Context(), calendar.Import{Who: s.alice, Target: target(s.alice, ""), Objects: func(yield func(calendar.ImportObject, error) bool) {
				for i := range n {
					if !yield(calendar.ImportObject{Text: []byte(event(fmt.Sprint(prefix, i), "DTSTART:20260106T090000Z"))}, nil) {
						return
					}
				}
			}})
			if err != nil || totals[calendar.ImportCreated] != n {
				t.Fatalf("%v, %v", totals, err)
			}
		}
		importAll("a", 1000)
		got := s.told()[h.Key()]
		if len(got) != 10 || len(kindsOf(got)) != 1000 || len(got[0].Changes) != webhook.MaxChanges || got[9].Sequence != 10 {
			s.t.Errorf("%d messages of %d changes", len(got), len(kindsOf(got)))
		}
		// As if much more waited.
		err := s.Store.Update(t.Context(), func(tx storage.Tx) error {
			draw, err := tx.DrawDeliveries(t.Context(), []storage.DeliveryDraw{{WebhookKey: h.Key(), N: storage.MaxWaiting - 2, Due: clock}})
			if err != nil {
				return err
			}
			var rows []*storage.Delivery
			for i := range int64(storage.MaxWaiting - 2) {
				rows = append(rows, &storage.Delivery{Owner: h.Owner, Webhook: h.ID, Sequence: draw[h.Key()] - i, State: storage.DeliveryReady, Created: clock, DueAt: clock, Body: []byte("{}")})
			}
			return tx.AddDeliveries(t.Context(), rows)
		})
		if err != nil {
			t.Fatal(err)
		}
		importAll("b", 400)
		list, err := s.Store.Deliveries(t.Context(), h.Owner, h.ID, 0, 3)
		if err != nil {
			t.Fatal(err)
		}
		now, err := s.Store.Webhook(t.Context(), h.Owner, h.ID)
		if err != nil || now.Sequence != 10+storage.MaxWaiting-2+4 || list[0].Sequence != 10+storage.MaxWaiting || list[0].Changes != 100 {
			s.t.Errorf("the last that is kept is %+v, the last number %d, %v", list[0], now.Sequence, err)
		}
	})
}

// TestCostOfWebhooks: who has none pays nothing, and who has some the same for one change and for four hundred.
func TestCostOfWebhooks(t *testing.T) {
	each(t, func(s *site) {
		_, _, list := s.statements(s.alice, "none.ics", event("none", "DTSTART:20260106T090000Z"))
		for _, sql := range list {
			if strings.Contains(sql, "webhook") {
				s.t.Errorf("without a webhook: %s", sql)
			}
		}
		without := len(list)
		for range 3 {
			s.hook(s.alice, webhook.Kinds)
		}
		n, _, list := s.statements(s.alice, "some.ics", event("some", "DTSTART:20260106T090000Z"))
		if n > without+5 { // who watches, a number for each of the three, one row for all
			s.t.Errorf("with three webhooks %d statements, without %d:\n%s", n, without, strings.Join(list, "\n"))
		}
		ctx, trace := sqlstore.WithTrace(t.Context())
		_, err := s.Import(ctx, calendar.Import{Who: s.alice, Target: target(s.alice, ""), Objects: func(yield func(calendar.ImportObject, error) bool) {
			for i := range 400 {
				yield(calendar.ImportObject{Text: []byte(event(fmt.Sprint("i", i), "DTSTART:20260106T090000Z"))}, nil)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for _, sql := range trace.Statements() {
			if strings.Contains(sql, "webhook") {
				count++
			}
		}
		if count == 0 || count > 8 {
			s.t.Errorf("400 events in one transaction are told by %d statements", count)
		}
	})
}
