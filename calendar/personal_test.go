package calendar_test

import (
	"fmt"
	"strings"
	"testing"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
)

// TestPersonalAlarmsRemindTheirOwner: each of those who share an event is reminded by their own alarms.
func TestPersonalAlarmsRemindTheirOwner(t *testing.T) {
	each(t, func(w *site) {
		alice, bob, s := w.alice, w.bob, w.Store
		grant := []storage.Grant{{Grantee: bob.ID, Privileges: uint32(auth.Read | auth.Write)}}
		if err := w.SetGrants(t.Context(), alice, calendar.Target{Owner: alice, Slug: "calendar"}, grant); err != nil {
			t.Fatal(err)
		}
		text := func(alarms ...string) []byte {
			var b strings.Builder
			b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20300105T100000Z\r\n")
			for _, a := range alarms {
				b.WriteString("BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:" + a + "\r\nEND:VALARM\r\n")
			}
			b.WriteString("END:VEVENT\r\nEND:VCALENDAR\r\n")
			return []byte(b.String())
		}
		put := func(who *storage.Principal, body []byte) *storage.Object {
			t.Helper()
			res, err := w.Put(t.Context(), calendar.PutRequest{Who: who, Target: calendar.Target{Owner: alice, Slug: "calendar", Name: "a.ics"}, Body: body})
			if err != nil {
				t.Fatal(err)
			}
			return res.Object
		}
		want := func(what string, want ...string) {
			t.Helper()
			o, _, err := w.Object(t.Context(), alice, calendar.Target{Owner: alice, Slug: "calendar", Name: "a.ics"})
			if err != nil {
				t.Fatal(err)
			}
			rows, err := s.Reminders(t.Context(), alice.ID, o.ID)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range rows {
				name := "alice"
				if r.ForUser == bob.ID {
					name = "bob"
				}
				got = append(got, name+" "+r.DueAt.UTC().Format("1504"))
			}
			if strings.Join(got, ", ") != strings.Join(want, ", ") {
				t.Errorf("%s: reminders of %q, want %q", what, got, want)
			}
		}
		put(alice, text("-PT30M"))
		want("the owner's", "alice 0930")
		put(bob, text("-PT5M"))
		want("and the guest's", "alice 0930", "bob 0955")
		put(alice, text("-PT10M"))
		want("the owner's moves", "alice 0950", "bob 0955")
		put(bob, text())
		want("the guest wants none any more", "alice 0950")
		put(bob, text("-PT1M"))
		want("and again", "alice 0950", "bob 0959")
		put(alice, []byte(strings.Replace(string(text("-PT10M")), "UID:a\r\n", "UID:a\r\nCLASS:PRIVATE\r\n", 1)))
		want("it is private now", "alice 0950")
	})
}

// TestPersonalSyncByPages: whoever synchronises by pages sees each change of the owner's and of their own, and nobody else's.
func TestPersonalSyncByPages(t *testing.T) {
	each(t, func(w *site) {
		alice, bob := w.alice, w.bob
		at := func(name string) calendar.Target { return calendar.Target{Owner: alice, Slug: "calendar", Name: name} }
		if err := w.SetGrants(t.Context(), alice, at(""), []storage.Grant{{Grantee: bob.ID, Privileges: uint32(auth.Read | auth.Write)}}); err != nil {
			t.Fatal(err)
		}
		put := func(who *storage.Principal, i int, lines string) {
			t.Helper()
			body := fmt.Sprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:%d\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20300105T100000Z\r\n%sEND:VEVENT\r\nEND:VCALENDAR\r\n", i, lines)
			if _, err := w.Put(t.Context(), calendar.PutRequest{Who: who, Target: at(fmt.Sprint(i)), Body: []byte(body)}); err != nil {
				t.Fatal(err)
			}
		}
		const ring = "BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-PT%dM\r\nEND:VALARM\r\n"
		for i := range 5 {
			put(alice, i, "")
		}
		for _, limit := range []int{0, 1, 2, 3, 4} {
			know := map[string]string{} // ETags that bob's program has
			token := ""
			sync := func() {
				t.Helper()
				for pages := 0; ; pages++ {
					res, err := w.Sync(t.Context(), bob, at(""), token, limit)
					if err != nil || pages > 100 {
						t.Fatal(pages, err)
					}
					for _, c := range res.Changes {
						if know[c.Name] = c.ETag; c.Deleted {
							delete(know, c.Name)
						}
					}
					if token = res.Token.String(); !res.More {
						break
					}
				}
				there := map[string]string{}
				if err := w.Objects(t.Context(), bob, at(""), 0, func(o *storage.Object) error { there[o.Name] = o.ETag; return nil }); err != nil {
					t.Fatal(err)
				}
				if fmt.Sprint(know) != fmt.Sprint(there) {
					t.Errorf("pages of %d: bob's program has %v, there is %v", limit, know, there)
				}
			}
			sync()
			for i := range 5 {
				put(bob, i, fmt.Sprintf(ring, 10*limit+i+1))
				put(alice, (i+2)%5, fmt.Sprintf("SUMMARY:%d %d\r\n", limit, i))
			}
			put(bob, 5+limit, "")
			put(bob, 0, fmt.Sprintf(ring, 90+limit))
			sync()
			if err := w.Delete(t.Context(), calendar.DeleteRequest{Who: alice, Target: at(fmt.Sprint(5 + limit))}); err != nil {
				t.Fatal(err)
			}
			sync()
		}
		put(alice, 1, "")
		put(bob, 1, fmt.Sprintf(ring, 76))
		before, err := w.Sync(t.Context(), alice, at(""), "", 0)
		if err != nil {
			t.Fatal(err)
		}
		put(bob, 1, fmt.Sprintf(ring, 77))
		after, err := w.Sync(t.Context(), alice, at(""), before.Token.String(), 0)
		if err != nil || len(after.Changes) > 0 || after.Token != before.Token {
			t.Errorf("alice's sync sees %v, token %v, %v; want nothing, %v", after.Changes, after.Token, err, before.Token)
		}
	})
}
