package storagetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kalends/storage"
)

// Run tests a store against the contract, its races among it. The store is migrated, and stays empty.
func Run(t *testing.T, s storage.Store) {
	for _, tt := range []struct {
		name string
		fn   func(*testing.T, storage.Store)
	}{
		{"store is ready and keeps its epoch and secrets", testServer},
		{"principals", testPrincipals},
		{"principals are found by search", testSearch},
		{"members of groups", testMembers},
		{"delegates", testDelegates},
		{"meetings of groups", testGroups},
		{"grants", testGrants},
		{"shares", testShares},
		{"meetings in calendars of a team", testTeam},
		{"groups in groups", testNesting},
		{"feeds", testFeeds},
		{"subscriptions", testSubscriptions},
		{"subscriptions are claimed once", testClaimSubscriptions},
		{"objects by many UIDs", testUIDs},
		{"deleting a principal deletes what it owns", testDeletePrincipal},
		{"cancellations outlive who sends them", testLastWords},
		{"locks and counters", testLock},
		{"what is expected is read with the locks", testExpect},
		{"what was expected is as new as the locks", testExpectRace},
		{"calendars", testCalendars},
		{"deleting a calendar", testDeleteCalendar},
		{"homes and what was removed from them", testHome},
		{"an object with its calendar", testObjectIn},
		{"objects by pages, and no more text than asked for", testObjectsAfter},
		{"addresses of many", testAddressesOf},
		{"properties", testProperties},
		{"properties are counted", testCountProperties},
		{"objects", testObjects},
		{"texts that cannot be stored", testInvalidText},
		{"objects are streamed", testStream},
		{"UIDs are unique in a calendar", testUID},
		{"inbox items", testInbox},
		{"moving objects", testMove},
		{"changes", testChanges},
		{"changes are paged", testChangesPaged},
		{"objects in range equal a plain filter", testRange},
		{"a view is one state", testView},
		{"a rolled back change leaves no trace", testRollback},
		{"a large transaction", testLarge},
		{"reminders", testReminders},
		{"reminders keep their lease", testReminderLease},
		{"jobs", testJobs},
		{"jobs merge", testMerge},
		{"what waits in the queues", testQueueDepths},
		{"reminders that wait", testWaitingReminders},
		{"what homes hold", testUsage},
		{"what is somebody's own in shared calendars", testPersonal},
		{"who goes takes along what was theirs", testLeavingPersonal},
		{"missed reminders", testMissed},
		{"many objects with their reminders", testReminded},
		{"time zones", testZones},
		{"inbound mail", testInbound},
		{"inbound mail that waits", testWaitingMail},
		{"many jobs are finished at once", testFinishJobs},
		{"the first job to a recipient", testWithdraw},
		{"jobs are retried and dropped by hand", testJobsByHand},
		{"what was mailed", testMailed},
		{"mail is purged", testPurgeMail},
		{"tokens", testTokens},
		{"sessions", testSessions},
		{"app passwords", testAppPasswords},
		{"settings", testSettings},
		{"requests that come twice", testRequests},
		{"requests that come at once", testRequestRace},
		{"leases", testLease},
		{"tombstones are purged", testPurgeTombstones},
		{"old inbox items", testInboxBefore},
		{"old notices", testNoticesBefore},
		{"trash", testTrash},
		{"webhooks", testWebhooks},
		{"webhooks are claimed once, and nothing that waits is forgotten", testWebhookClaims},
		{"deliveries are numbered without gaps by writers at once", testDeliveryRace},
		{"attachments", testAttachments},
		{"attachments at once", testAttachmentRace},
		{"reminders are purged", testPurgeReminders},
		{"counters of homes", testHomeSeqs},
		{"writers lose no update and no sync misses a change", testWriters},
		{"a condition is decided under the lock", testCondition},
		{"claimers take no row twice", testClaimers},
		{"locks in any order do not deadlock", testDeadlock},
		{"ended contexts", testContext},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.fn(t, s) })
	}
}

// t0 is the instant of the tests.
var t0 = time.Date(2026, 11, 22, 9, 0, 0, 123_456_000, time.UTC)

var serial atomic.Int64

// home is a principal with a calendar and an inbox.
type home struct {
	t          *testing.T
	s          storage.Store
	owner      int64
	cal, inbox storage.Ref
	gone       bool
}

// newHome makes a home that goes when the test ends.
func newHome(t *testing.T, s storage.Store) *home {
	t.Helper()
	h := &home{t: t, s: s}
	p := person(fmt.Sprintf("user%02d", serial.Add(1)))
	h.update(func(tx storage.Tx) error {
		p := *p
		if err := tx.PutPrincipal(t.Context(), &p, []string{"mailto:" + p.Email}); err != nil {
			return err
		}
		h.owner = p.ID
		h.cal = storage.Ref{Owner: p.ID, ID: next(t, tx, p.ID)}
		h.inbox = storage.Ref{Owner: p.ID, ID: next(t, tx, p.ID), Inbox: true}
		if err := tx.PutCalendar(t.Context(), calendar(h.cal, "calendar", storage.CalendarKind)); err != nil {
			return err
		}
		return tx.PutCalendar(t.Context(), calendar(h.inbox, "inbox", storage.InboxKind))
	})
	t.Cleanup(func() {
		if h.gone {
			return
		}
		ctx := context.Background()
		err := s.Update(ctx, func(tx storage.Tx) error { return tx.DeletePrincipal(ctx, h.owner) })
		if err != nil {
			t.Errorf("delete principal: %v", err)
		}
	})
	return h
}

func person(name string) *storage.Principal {
	return &storage.Principal{
		Name: name, Kind: storage.Person, DisplayName: "Person " + name, Email: name + "@example.com",
		TimeZone: "Europe/Berlin", Language: "de", PublicBusy: true, Created: t0,
		Alarms: storage.DefaultAlarms{Timed: "EMAIL -PT30M", Day: storage.NoAlarm}, MailedAlarms: storage.MailAll,
	}
}

func calendar(ref storage.Ref, slug string, kind storage.CollectionKind) *storage.Calendar {
	return &storage.Calendar{
		Owner: ref.Owner, ID: ref.ID, Kind: kind, Slug: slug, DisplayName: "My " + slug, Description: "Für alles",
		Color: "#FF2968FF", ColorName: "red", Order: "3", Components: []string{"VEVENT", "VTODO"}, TimeZone: "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
		TimeZoneID: "Europe/Berlin", Transparent: true, Subscribed: true, Default: "calendar", Availability: "BEGIN:VCALENDAR\r\n", Seq: ref.ID, LastSeq: ref.ID, Created: t0,
		Alarms: storage.DefaultAlarms{Timed: storage.NoAlarm, Day: "DISPLAY -PT15H"},
	}
}

// object is an object whose every field is set.
func object(ref storage.Ref, id int64, name string) *storage.Object {
	ics := []byte("BEGIN:VCALENDAR\r\nX-NAME:" + name + "\r\nEND:VCALENDAR\r\n")
	o := &storage.Object{
		Owner: ref.Owner, Calendar: ref.ID, ID: id, Inbox: ref.Inbox, Name: name, UID: "uid-" + name, Component: "VEVENT",
		ICS: ics, ETag: fmt.Sprintf(`"%d"`, id), ScheduleTag: fmt.Sprintf(`"s%d"`, id), Organizer: "mailto:alice@example.com",
		Seq: id, Size: int64(len(ics)), First: t0.UnixMicro(), Last: t0.Add(time.Hour).UnixMicro(), Floating: false, Recurring: true, Remind: true,
		Busy: 2, Series: []byte{1, 0, 2}, Zones: "Europe/Berlin America/Lima", Privacy: storage.Confidential, Created: t0, Modified: t0.Add(time.Second),
	}
	if ref.Inbox {
		o.Method = "REQUEST"
	}
	return o
}

func next(t *testing.T, tx storage.Tx, owner int64) int64 {
	t.Helper()
	n, err := tx.Next(t.Context(), owner)
	if err != nil {
		t.Fatalf("Next(%d): %v", owner, err)
	}
	return n
}

// update runs fn in a transaction that must succeed.
func (h *home) update(fn func(storage.Tx) error) {
	h.t.Helper()
	if err := h.s.Update(h.t.Context(), fn); err != nil {
		h.t.Fatalf("Update: %v", err)
	}
}

// locked runs fn in a transaction that has locked the home.
func (h *home) locked(fn func(storage.Tx) error) {
	h.t.Helper()
	h.update(func(tx storage.Tx) error {
		if err := tx.Lock(h.t.Context(), 2, h.owner); err != nil {
			return err
		}
		return fn(tx)
	})
}

// put creates or replaces the object of a name.
func (h *home) put(ref storage.Ref, name string, change func(*storage.Object)) *storage.Object {
	h.t.Helper()
	var o *storage.Object
	h.locked(func(tx storage.Tx) error {
		seq := next(h.t, tx, h.owner)
		o = object(ref, seq, name)
		old, err := tx.Object(h.t.Context(), ref, name)
		if err == nil {
			o.ID = old.ID
		} else {
			old = nil
		}
		if change != nil {
			change(o)
		}
		o.Size = int64(len(o.ICS))
		return tx.PutObject(h.t.Context(), o, old)
	})
	return o
}

func (h *home) delete(ref storage.Ref, name string) {
	h.t.Helper()
	h.locked(func(tx storage.Tx) error {
		o, err := tx.Object(h.t.Context(), ref, name)
		if err != nil {
			return err
		}
		return tx.DeleteObject(h.t.Context(), o, next(h.t, tx, h.owner))
	})
}

// collection returns the collection as it is.
func (h *home) collection(ref storage.Ref) *storage.Calendar {
	h.t.Helper()
	list, err := h.s.Calendars(h.t.Context(), ref.Owner)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, c := range list {
		if c.ID == ref.ID {
			return c
		}
	}
	h.t.Fatalf("no collection %+v", ref)
	return nil
}

func diff(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
