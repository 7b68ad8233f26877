package calendar_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// objects gives texts to import; a text may stand behind a name and a blank.
func objects(list ...string) iter.Seq2[calendar.ImportObject, error] {
	return func(yield func(calendar.ImportObject, error) bool) {
		for _, text := range list {
			o := calendar.ImportObject{Text: []byte(text)}
			if name, rest, ok := strings.Cut(text, " BEGIN"); ok && !strings.HasPrefix(text, "BEGIN") {
				o.Name, o.Text = name, []byte("BEGIN"+rest)
			}
			if !yield(o, nil) {
				return
			}
		}
	}
}

var outcomes = []string{"created", "updated", "unchanged", "older", "refused", "removed"}

// imports runs an import and says what became of each object.
func (s *site) imports(r calendar.Import, list ...string) string {
	s.t.Helper()
	var b strings.Builder
	r.Objects = objects(list...)
	r.Report = func(i calendar.Imported) {
		fmt.Fprintf(&b, "%s %s %s", outcomes[i.Outcome], i.UID, i.Name)
		if i.Err != nil {
			fmt.Fprintf(&b, "(%d)", calendar.KindOf(i.Err))
		}
		b.WriteString("; ")
	}
	totals, err := s.Import(s.t.Context(), r)
	if err != nil {
		s.t.Fatalf("Import: %v", err)
	}
	sum := 0
	for _, n := range totals {
		sum += n
	}
	if sum != len(list) {
		s.t.Errorf("Import counted %v for %d objects", totals, len(list))
	}
	return b.String()
}

func TestImport(t *testing.T) {
	each(t, func(s *site) {
		mine := calendar.Import{Who: s.alice, Target: target(s.alice, "")}
		expect := func(what string, got, want string) {
			s.t.Helper()
			if got != want {
				s.t.Errorf("%s:\n got %s\nwant %s", what, got, want)
			}
		}
		a := event("a", "DTSTART:20260601T090000Z", "SEQUENCE:2", "SUMMARY:one", "LAST-MODIFIED:20260103T000000Z")
		expect("first", s.imports(mine, a, "own.ics "+event("b", "DTSTART:20260601"), event("c/ü", "DTSTART:20260601")),
			"created a a.ics; created b own.ics; created c/ü bcadde412838190eab14.ics; ")
		o, text := s.copy(s.alice, "a")
		if text != a {
			t.Errorf("a was stored as\n%s", text)
		}
		expect("again", s.imports(mine, a, event("b", "DTSTART:20260601"), strings.Replace(a, "DTSTAMP:20260101", "DTSTAMP:20260909", 1)),
			"unchanged a a.ics; unchanged b own.ics; unchanged a a.ics; ")
		if again, _ := s.copy(s.alice, "a"); again.Seq != o.Seq {
			t.Error("an import that changes nothing is seen by programs")
		}
		expect("older", s.imports(mine, strings.NewReplacer("SEQUENCE:2", "SEQUENCE:1", "one", "two").Replace(a),
			strings.NewReplacer("MODIFIED:20260103", "MODIFIED:20260102", "one", "two").Replace(a)), "older a a.ics; older a a.ics; ")
		newer := strings.NewReplacer("MODIFIED:20260103", "MODIFIED:20260104", "one", "two").Replace(a)
		expect("newer", s.imports(mine, newer), "updated a a.ics; ")
		forced := mine
		forced.Replace = true
		expect("forced", s.imports(forced, a), "updated a a.ics; ")
		if _, text := s.copy(s.alice, "a"); text != a {
			t.Errorf("a is now\n%s", text)
		}
		if n := len(s.jobs()); n > 0 {
			t.Errorf("%d jobs", n)
		}

		// One that cannot be taken is no obstacle to those around it.
		bad := fmt.Sprintf("refused  (%d); ", calendar.InvalidData)
		expect("bad ones", s.imports(mine, "x", event("d", "DTSTART:20260601"), event("e"), event("f", "DTSTART:20260601", "RRULE:FREQ=NEVER"),
			strings.Replace(event("g", "DTSTART:20260601"), "VEVENT", "VTODO", 2), "../.. "+event("h", "DTSTART:20260601")),
			bad+"created d d.ics; "+bad+bad+fmt.Sprintf("refused g (%d); created h h.ics; ", calendar.UnsupportedComponent))
		// What only the database refuses: a NUL in an address.
		nul := strings.Replace(meeting("n", "20260601T090000Z", "bob@example.com"), "ORGANIZER:mailto:alice@", "ORGANIZER:mailto:%00@", 1)
		expect("NUL", s.imports(mine, event("i", "DTSTART:20260601"), nul, event("j", "DTSTART:20260601")),
			fmt.Sprintf("created i i.ics; refused n n.ics(%d); created j j.ics; ", calendar.Internal))
		// Names that are taken.
		expect("names", s.imports(mine, "d.ics "+event("k", "DTSTART:20260601"), "k.ics "+event("l", "DTSTART:20260601"), "k.ics "+event("m", "DTSTART:20260601")),
			"created k k.ics; created l l.ics; created m m.ics; ")
	})
}

// TestImportSendsNothing: neither a meeting of one's own nor an invitation.
func TestImportSendsNothing(t *testing.T) {
	each(t, func(s *site) {
		m := meeting("m", "20260601T090000Z", "bob@example.com", "dora@example.net")
		if got, want := s.imports(calendar.Import{Who: s.alice, Target: target(s.alice, "")}, m), "created m m.ics; "; got != want {
			t.Errorf("got %s", got)
		}
		if got, want := s.imports(calendar.Import{Who: s.cleo, Target: target(s.cleo, "")}, m), "created m m.ics; "; got != want {
			t.Errorf("got %s", got)
		}
		if o, _ := s.copy(s.bob, "m"); o != nil || len(s.jobs()) > 0 || s.inbox(s.bob) != "" {
			t.Errorf("an import invited: %v, %v", o, s.jobs())
		}
		// It is a meeting from then on.
		s.put(s.alice, "m.ics", strings.Replace(m, "SUMMARY:Meeting", "SUMMARY:Meeting\r\nLOCATION:Here", 1))
		if o, _ := s.copy(s.bob, "m"); o == nil {
			t.Error("a change of an imported meeting reaches nobody")
		}
		// In one calendar of the home only.
		if err := s.MakeCalendar(t.Context(), s.alice, calendar.Target{Owner: s.alice, Slug: "other"}, calendar.Edit{}); err != nil {
			t.Fatal(err)
		}
		other := calendar.Import{Who: s.alice, Target: calendar.Target{Owner: s.alice, Slug: "other"}}
		if got, want := s.imports(other, m, event("x", "DTSTART:20260601")), fmt.Sprintf("refused m (%d); created x x.ics; ", calendar.UniqueScheduling); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		// Reminders come at their time, and none for what is over.
		alarm := "BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-PT10M\r\nEND:VALARM"
		s.imports(calendar.Import{Who: s.alice, Target: target(s.alice, "")}, event("r", "DTSTART:20260601T090000Z", alarm), event("p", "DTSTART:20250601T090000Z", alarm),
			event("q", "DTSTART:20260105T080500Z", alarm))
		for uid, want := range map[string]int{"r": 1, "p": 0, "q": 0} {
			o, _ := s.copy(s.alice, uid)
			rows, err := s.Store.Reminders(t.Context(), s.alice.ID, o.ID)
			if err != nil || len(rows) != want {
				t.Errorf("%s has the reminders %v, %v; want %d", uid, rows, err, want)
			}
		}
	})
}

func TestImportAccess(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		kind := func(r calendar.Import) calendar.Kind {
			r.Objects = objects(event("a", "DTSTART:20260601"))
			_, err := s.Import(ctx, r)
			return calendar.KindOf(err)
		}
		if got := kind(calendar.Import{Who: s.bob, Target: target(s.alice, "")}); got != calendar.Forbidden {
			t.Errorf("Bob imports into Alice's calendar: %v", got)
		}
		if got := kind(calendar.Import{Who: s.alice, Target: calendar.Target{Owner: s.alice, Slug: "none"}}); got != calendar.NoParent {
			t.Errorf("into no calendar: %v", got)
		}
		if got := kind(calendar.Import{Who: s.alice, Target: calendar.Target{Owner: s.alice, Slug: "inbox"}}); got != calendar.Forbidden {
			t.Errorf("into the inbox: %v", got)
		}
		err := s.SetGrants(ctx, s.alice, target(s.alice, ""), []storage.Grant{{Grantee: s.bob.ID, Privileges: uint32(auth.Read | auth.Write)}})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.imports(calendar.Import{Who: s.bob, Target: target(s.alice, "")}, event("a", "DTSTART:20260601")); got != "created a a.ics; " {
			t.Errorf("with a grant: %s", got)
		}
		// What stops the source stops the import; what came before is there.
		stop := errors.New("unplugged")
		_, err = s.Import(ctx, calendar.Import{Who: s.alice, Target: target(s.alice, ""), Objects: func(yield func(calendar.ImportObject, error) bool) {
			_ = yield(calendar.ImportObject{Text: []byte(event("b", "DTSTART:20260601"))}, nil) && yield(calendar.ImportObject{}, stop)
		}})
		if o, _ := s.copy(s.alice, "b"); o == nil || !errors.Is(err, stop) {
			t.Errorf("after %v there is %v", err, o)
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := s.Import(ended, calendar.Import{Who: s.alice, Target: target(s.alice, ""), Objects: objects(event("c", "DTSTART:20260601"))}); err == nil {
			t.Error("an import went on after its context ended")
		}
	})
}

func TestImportQuota(t *testing.T) {
	each(t, func(s *site) {
		one := event("q0", "DTSTART:20260601")
		s.Limits.Quota = int64(3*len(one) + 10)
		var list []string
		for i := range 5 {
			list = append(list, strings.Replace(one, "q0", fmt.Sprintf("q%d", i), 1))
		}
		got := s.imports(calendar.Import{Who: s.alice, Target: target(s.alice, "")}, list...)
		if strings.Count(got, "created") != 3 || strings.Count(got, fmt.Sprintf("(%d)", calendar.QuotaExceeded)) != 2 {
			t.Errorf("got %s", got)
		}
	})
}

// TestImportMany: more than one transaction, and every one of them is seen by sync.
func TestImportMany(t *testing.T) {
	each(t, func(s *site) {
		var list []string
		for i := range 1000 {
			list = append(list, event(fmt.Sprintf("u%d", i), "DTSTART:20260601T090000Z", "SUMMARY:x"))
		}
		s.imports(calendar.Import{Who: s.alice, Target: target(s.alice, "")}, list...)
		res, err := s.Sync(t.Context(), s.alice, target(s.alice, ""), "", 0)
		if err != nil || len(res.Changes) != len(list) || res.Calendar.Objects != int64(len(list)) {
			t.Fatalf("Sync: %v, %d changes", err, len(res.Changes))
		}
		seqs := map[int64]bool{}
		for _, c := range res.Changes {
			seqs[c.Seq] = true
		}
		if len(seqs) != len(list) {
			t.Errorf("%d objects have %d seqs", len(list), len(seqs))
		}
		got := s.imports(calendar.Import{Who: s.alice, Target: target(s.alice, "")}, list...)
		if n := strings.Count(got, "unchanged"); n != len(list) {
			t.Errorf("%d are unchanged", n)
		}
	})
}

func TestFill(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		feed := calendar.Target{Owner: s.alice, Slug: "feed"}
		cal, err := s.Subscribe(ctx, s.alice, feed, calendar.Edit{}, storage.Subscription{URL: "https://example.net/x.ics"})
		if err != nil {
			t.Fatal(err)
		}
		if sub, err := s.Store.Subscription(ctx, s.alice.ID, cal.ID); err != nil || sub.URL == "" || !sub.DueAt.Equal(clock) || !cal.Subscribed || !cal.Transparent {
			t.Fatalf("subscription %+v of %+v, %v", sub, cal, err)
		}
		fill := func(keep []string, list ...string) string {
			t.Helper()
			var b strings.Builder
			f := calendar.Feed{Target: feed, Objects: objects(list...), Keep: map[string]bool{}, Report: func(i calendar.Imported) {
				fmt.Fprintf(&b, "%s %s; ", outcomes[i.Outcome], i.UID)
			}}
			for _, uid := range keep {
				f.Keep[uid] = true
			}
			if _, err := s.Fill(ctx, f); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		alarm := "BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-PT10M\r\nEND:VALARM"
		a := event("a", "DTSTART:20260601T090000Z", alarm)
		m := meeting("m", "20260601T090000Z", "alice@example.com", "bob@example.com")
		b := event("b", "DTSTART:20260601")
		if got := fill(nil, a, b, m); got != "created a; created b; created m; " {
			t.Errorf("first: %s", got)
		}
		o, text := s.copy(s.alice, "a")
		if rows, err := s.Store.Reminders(ctx, s.alice.ID, o.ID); err != nil || len(rows) > 0 || strings.Contains(text, "VALARM") {
			t.Errorf("the feed's alarm is kept: %v\n%s", rows, text)
		}
		if o, _ := s.copy(s.alice, "m"); o.Organizer != "" || o.ScheduleTag != "" {
			t.Errorf("what is in the feed is a meeting of ours: %+v", o)
		}
		token := func() string {
			res, err := s.Sync(ctx, s.alice, feed, "", 0)
			if err != nil {
				t.Fatal(err)
			}
			return res.Token.String()
		}
		before := token()
		later := func(s string) string { return strings.Replace(s, "DTSTAMP:20260101", "DTSTAMP:20260202", 1) }
		if got := fill(nil, later(m), later(b), later(a)); got != "unchanged m; unchanged b; unchanged a; " || token() != before {
			t.Errorf("only written later: %s, token %s after %s", got, token(), before)
		}
		// An older SEQUENCE counts: the feed is as it is. What cannot be read stays; what is gone goes.
		if got := fill([]string{"b"}, strings.Replace(a, "DTSTART:20260601", "DTSTART:20260602", 1)); got != "updated a; removed m; " {
			t.Errorf("changed: %s", got)
		}
		if res, err := s.Sync(ctx, s.alice, feed, before, 0); err != nil || len(res.Changes) != 2 {
			t.Errorf("Sync since then: %+v, %v", res, err)
		}
		if got := fill(nil, strings.ReplaceAll(b, "VEVENT", "VTODO"), a); got != "updated b; updated a; " {
			t.Errorf("another component: %s", got)
		}

		// Nobody else writes there, its owner neither.
		tgt := calendar.Target{Owner: s.alice, Slug: "feed", Name: "x.ics"}
		for what, err := range map[string]error{
			"put": func() error {
				_, err := s.Put(ctx, calendar.PutRequest{Who: s.alice, Target: tgt, Body: []byte(b)})
				return err
			}(),
			"delete": s.Delete(ctx, calendar.DeleteRequest{Who: s.alice, Target: calendar.Target{Owner: s.alice, Slug: "feed", Name: "a.ics"}}),
			"import": func() error {
				_, err := s.Import(ctx, calendar.Import{Who: s.alice, Target: feed, Objects: objects(b)})
				return err
			}(),
			"move out": func() error {
				_, err := s.Move(ctx, calendar.MoveRequest{Who: s.alice, From: calendar.Target{Owner: s.alice, Slug: "feed", Name: "a.ics"}, To: target(s.alice, "a.ics")})
				return err
			}(),
		} {
			if calendar.KindOf(err) != calendar.Forbidden || !strings.Contains(err.Error(), "only be read") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := s.Copy(ctx, calendar.MoveRequest{Who: s.alice, From: calendar.Target{Owner: s.alice, Slug: "feed", Name: "a.ics"}, To: target(s.alice, "a.ics")}); err != nil {
			t.Errorf("copy out: %v", err)
		}
		if _, err := s.Fill(ctx, calendar.Feed{Target: target(s.alice, ""), Objects: objects(b)}); calendar.KindOf(err) != calendar.Forbidden {
			t.Errorf("Fill of a calendar of one's own: %v", err)
		}
		// It may be renamed, and removed without a word to anybody.
		if err := s.Patch(ctx, s.alice, feed, calendar.Edit{Live: func(c *storage.Calendar) error { c.DisplayName = "Theirs"; return nil }}); err != nil {
			t.Error(err)
		}
		fill(nil, m)
		if err := s.DeleteCalendar(ctx, s.alice, feed, nil); err != nil {
			t.Error(err)
		}
		if n := len(s.jobs()); n > 0 || s.inbox(s.bob) != "" {
			t.Errorf("%d jobs", n)
		}
	})
}

// TestFeedIsNoCopy: an invitation to a meeting that a feed shows too goes its way.
func TestFeedIsNoCopy(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		feed := calendar.Target{Owner: s.bob, Slug: "a-feed"}
		if _, err := s.Subscribe(ctx, s.bob, feed, calendar.Edit{}, storage.Subscription{URL: "https://example.net/x.ics"}); err != nil {
			t.Fatal(err)
		}
		m := meeting("m", "20260601T090000Z", "bob@example.com")
		if _, err := s.Fill(ctx, calendar.Feed{Target: feed, Objects: objects(m)}); err != nil {
			t.Fatal(err)
		}
		s.put(s.alice, "m.ics", m)
		res, err := s.Sync(ctx, s.bob, target(s.bob, ""), "", 0)
		if err != nil || len(res.Changes) != 1 {
			t.Fatalf("Bob's calendar has %+v, %v", res, err)
		}
		s.delete(s.alice, "m.ics")
		if _, err := s.Fill(ctx, calendar.Feed{Target: feed, Objects: objects(m)}); err != nil {
			t.Fatal(err)
		}
		if o, _, err := s.Object(ctx, s.bob, calendar.Target{Owner: s.bob, Slug: "a-feed", Name: "m.ics"}); err != nil || strings.Contains(string(o.ICS), "CANCELLED") {
			t.Errorf("the feed's copy: %v, %v", o, err)
		}
	})
}

func TestPublish(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		tgt := target(s.alice, "")
		token, f, err := s.Publish(ctx, s.alice, tgt, true, "for the club")
		if err != nil || len(token) != 32 {
			t.Fatalf("Publish = %q, %v", token, err)
		}
		got, c, owner, err := s.Published(ctx, token)
		if err != nil || got.Hash != f.Hash || !got.Busy || c.Slug != "calendar" || owner.ID != s.alice.ID {
			t.Errorf("Published = %+v, %+v, %v", got, c, err)
		}
		if strings.Contains(f.Hash, token) || calendar.FeedID(f) == token {
			t.Error("what is kept tells the token")
		}
		for _, wrong := range []string{"", token[1:], strings.ToUpper(token), f.Hash, token[:31] + "\x00", strings.Repeat("a", 32)} {
			if _, _, _, err := s.Published(ctx, wrong); calendar.KindOf(err) != calendar.NotFound {
				t.Errorf("Published(%q): %v", wrong, err)
			}
		}
		if _, _, err := s.Publish(ctx, s.bob, tgt, false, ""); calendar.KindOf(err) != calendar.Forbidden {
			t.Errorf("Bob publishes Alice's calendar: %v", err)
		}
		if _, err := s.Feeds(ctx, s.bob, tgt); calendar.KindOf(err) != calendar.Forbidden {
			t.Errorf("Bob lists Alice's feeds: %v", err)
		}
		if err := s.Unpublish(ctx, s.bob, tgt, calendar.FeedID(f)); calendar.KindOf(err) != calendar.Forbidden {
			t.Errorf("Bob revokes Alice's feed: %v", err)
		}
		if _, _, err := s.Publish(ctx, s.alice, calendar.Target{Owner: s.alice, Slug: "inbox"}, false, ""); calendar.KindOf(err) != calendar.Forbidden {
			t.Errorf("the inbox is published: %v", err)
		}
		for _, id := range []string{"", "none", f.Hash} {
			if err := s.Unpublish(ctx, s.alice, tgt, id); calendar.KindOf(err) != calendar.NotFound {
				t.Errorf("Unpublish(%q): %v", id, err)
			}
		}
		if list, err := s.Feeds(ctx, s.alice, tgt); err != nil || len(list) != 1 {
			t.Errorf("Feeds: %v, %v", list, err)
		}
		second, _, err := s.Publish(ctx, s.alice, tgt, false, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Unpublish(ctx, s.alice, tgt, calendar.FeedID(f)); err != nil {
			t.Error(err)
		}
		if err := s.Unpublish(ctx, s.alice, tgt, "webcal://example.com/feed/"+second+".ics"); err != nil {
			t.Error(err)
		}
		for _, token := range []string{token, second} {
			if _, _, _, err := s.Published(ctx, token); calendar.KindOf(err) != calendar.NotFound {
				t.Errorf("a revoked feed: %v", err)
			}
		}
	})
}

// BenchmarkImport imports 10,000 events, some of them recurring, with alarms.
func BenchmarkImport(b *testing.B) {
	var list []string
	for i := range 10_000 {
		lines := []string{fmt.Sprintf("DTSTART;TZID=Europe/Berlin:2026%02d%02dT%02d0000", 1+i%12, 1+i%28, i%24), "DURATION:PT1H", "SUMMARY:Something of interest", "DESCRIPTION:" + strings.Repeat("text ", 30)}
		if i%10 == 0 {
			lines = append(lines, "RRULE:FREQ=WEEKLY;BYDAY=MO,WE")
		}
		if i%3 == 0 {
			lines = append(lines, "BEGIN:VALARM", "ACTION:EMAIL", "TRIGGER:-PT10M", "END:VALARM")
		}
		list = append(list, event(fmt.Sprintf("bench-%d", i), lines...))
	}
	for name, open := range map[string]func(testing.TB) storage.Store{
		"sqlite":   func(t testing.TB) storage.Store { return storagetest.SQLite(t) },
		"postgres": func(t testing.TB) storage.Store { return storagetest.Postgres(t) },
	} {
		b.Run(name, func(b *testing.B) {
			s := newSite(b, open(b))
			run := func(slug string) {
				totals, err := s.Import(b.Context(), calendar.Import{Who: s.alice, Target: calendar.Target{Owner: s.alice, Slug: slug}, Objects: objects(list...)})
				if err != nil || totals[calendar.ImportRefused] > 0 {
					b.Fatal(err, totals)
				}
			}
			for i := 0; b.Loop(); i++ {
				slug := fmt.Sprintf("c%d", i)
				if err := s.MakeCalendar(b.Context(), s.alice, calendar.Target{Owner: s.alice, Slug: slug}, calendar.Edit{}); err != nil {
					b.Fatal(err)
				}
				run(slug)
			}
		})
	}
}

// jobs returns what waits to be sent.
func (s *site) jobs() []*storage.Job {
	s.t.Helper()
	list, err := s.Store.Jobs(s.t.Context(), nil, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}
