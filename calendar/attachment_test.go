package calendar_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/storage"
)

// tryAttach adds a file to somebody's object.
func (s *site) tryAttach(who, owner *storage.Principal, name, octets string) (*calendar.AttachResult, error) {
	return s.Attach(s.t.Context(), calendar.AttachRequest{
		Who: who, Target: target(owner, name), Name: "plan.txt", Type: "text/plain", Body: strings.NewReader(octets), Length: int64(len(octets)),
		Base: "https://cal.example.com",
	})
}

func (s *site) attach(owner *storage.Principal, name, octets string) *calendar.AttachResult {
	s.t.Helper()
	res, err := s.tryAttach(owner, owner, name, octets)
	if err != nil {
		s.t.Fatalf("attach to %s of %s: %v", name, owner.Name, err)
	}
	return res
}

// detach removes a file from somebody's object.
func (s *site) detach(owner *storage.Principal, name, id string) error {
	_, err := s.Attach(s.t.Context(), calendar.AttachRequest{Who: owner, Target: target(owner, name), Action: calendar.AttachRemove, ManagedID: id})
	return err
}

// readers lists who of these can read an attachment.
func (s *site) readers(id string, who ...*storage.Principal) string {
	s.t.Helper()
	var list []string
	for _, p := range who {
		_, err := s.Attachment(s.t.Context(), p, id)
		switch {
		case err == nil:
			list = append(list, p.Name)
		case kind(err) != calendar.Forbidden:
			s.t.Errorf("%s: %v", p.Name, err)
		}
	}
	return strings.Join(list, " ")
}

func (s *site) used(owner *storage.Principal) int64 {
	s.t.Helper()
	u, err := s.Store.Usage(s.t.Context(), owner.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return u.Attachments
}

func TestAttachmentsAreReadPieceByPiece(t *testing.T) {
	each(t, func(s *site) {
		s.put(s.alice, "a.ics", event("a", "DTSTART:20260106T090000Z"))
		big := strings.Repeat("0123456789abcdef", storage.AttachmentChunkSize/16*2) + "end"
		res := s.attach(s.alice, "a.ics", big)
		r := s.Octets(t.Context(), res.Attachment)
		got, err := io.ReadAll(r)
		if err != nil || string(got) != big {
			t.Errorf("read %d octets of %d, %v", len(got), len(big), err)
		}
		for _, at := range []int64{0, storage.AttachmentChunkSize - 2, storage.AttachmentChunkSize, 2*storage.AttachmentChunkSize - 1, int64(len(big)) - 1} {
			if _, err := r.Seek(at, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			part := make([]byte, 4)
			n, err := io.ReadFull(r, part)
			if want := big[at:min(at+4, int64(len(big)))]; string(part[:n]) != want || err != nil && err != io.ErrUnexpectedEOF {
				t.Errorf("at %d: %q, %v, want %q", at, part[:n], err, want)
			}
		}
		if _, err := r.Seek(-1, io.SeekStart); err == nil {
			t.Error("Seek before the beginning")
		}
		// Just one whole piece, and nothing at all.
		for _, n := range []int{storage.AttachmentChunkSize, 0} {
			res := s.attach(s.alice, "a.ics", strings.Repeat("x", n))
			got, err := io.ReadAll(s.Octets(t.Context(), res.Attachment))
			if err != nil || len(got) != n {
				t.Errorf("%d octets: read %d, %v", n, len(got), err)
			}
		}
	})
}

func TestWhoReadsAttachments(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		grant := func(owner, to *storage.Principal, p auth.Privilege) {
			t.Helper()
			err := s.SetGrants(ctx, owner, target(owner, ""), []storage.Grant{{Grantee: to.ID, Privileges: uint32(p)}})
			if err != nil {
				t.Fatal(err)
			}
		}
		all := []*storage.Principal{s.alice, s.bob, s.cleo}
		first := ""
		for _, step := range []struct {
			name string
			do   func()
			want string
		}{
			{"of an event of Alice's alone", func() { s.put(s.alice, "m.ics", meeting("m", "20260106T090000Z")) }, "alice"},
			{"Bob is invited", func() { s.put(s.alice, "m.ics", s.with("m", "ATTENDEE:mailto:bob@example.com")) }, "alice bob"},
			{"Cleo may read Bob's calendar", func() { grant(s.bob, s.cleo, auth.Read) }, "alice bob cleo"},
			{"no longer", func() { grant(s.bob, s.cleo, 0) }, "alice bob"},
			{"she may see when Bob is busy", func() { grant(s.bob, s.cleo, auth.ReadFreeBusy) }, "alice bob"},
			{"she may read Alice's", func() { grant(s.alice, s.cleo, auth.Read) }, "alice bob cleo"},
			{"the event is private", func() { s.put(s.alice, "m.ics", s.with("m", "CLASS:PRIVATE")) }, "alice bob"},
			{"only the times are shown", func() {
				s.put(s.alice, "m.ics", strings.ReplaceAll(s.text("m"), "CLASS:PRIVATE", "CLASS:CONFIDENTIAL"))
			}, "alice bob"},
			{"public again", func() { s.put(s.alice, "m.ics", strings.ReplaceAll(s.text("m"), "CLASS:CONFIDENTIAL\r\n", "")) }, "alice bob cleo"},
			{"the share is revoked", func() { grant(s.alice, s.cleo, 0) }, "alice bob"},
			{"Bob is taken out", func() {
				var kept []string
				for _, line := range strings.Split(s.text("m"), "\r\n") {
					if !strings.HasPrefix(line, "ATTENDEE") || !strings.Contains(line, "bob@") {
						kept = append(kept, line)
					}
				}
				s.put(s.alice, "m.ics", strings.Join(kept, "\r\n"))
			}, "alice"},
			{"the event is deleted", func() { s.delete(s.alice, "m.ics") }, ""},
		} {
			step.do()
			if step.want == "alice" && first == "" {
				first = s.attach(s.alice, "m.ics", "the plan").ManagedID
			}
			if got := s.readers(first, all...); got != step.want {
				t.Errorf("%s: read by %q, want %q", step.name, got, step.want)
			}
			if got := s.readers(strings.Replace(first, "-", "-9", 1), all...); got != "" {
				t.Errorf("%s: what is not there is read by %q", step.name, got)
			}
		}
		// Out of the trash it comes with its attachment.
		list, _, err := s.Trash(ctx, s.alice, s.alice, "", 10)
		if err != nil || len(list) != 1 {
			t.Fatalf("trash: %v, %v", list, err)
		}
		if _, err := s.Restore(ctx, s.alice, s.alice, list[0].ID); err != nil {
			t.Fatal(err)
		}
		if got := s.readers(first, all...); got != "alice" {
			t.Errorf("brought back: read by %q", got)
		}
		// An emptied trash is empty.
		s.delete(s.alice, "m.ics")
		if _, err := s.EmptyTrash(ctx, s.alice, s.alice); err != nil {
			t.Fatal(err)
		}
		s.put(s.alice, "n.ics", event("n", "DTSTART:20260106T090000Z"))
		_, err = s.tryPut(s.alice, "n.ics", event("n", "DTSTART:20260106T090000Z", "ATTACH;MANAGED-ID="+first+":https://cal.example.com/x"))
		if kind(err) != calendar.BadManagedID {
			t.Errorf("after the trash was emptied: %v", err)
		}
	})
}

// text returns Alice's object with that UID.
func (s *site) text(uid string) string {
	s.t.Helper()
	_, text := s.copy(s.alice, uid)
	return text
}

// with is Alice's object with that UID and a further line.
func (s *site) with(uid, line string) string {
	return strings.Replace(s.text(uid), "END:VEVENT", line+"\r\nEND:VEVENT", 1)
}

// TestAttachmentsOfOthers: nobody gets at an attachment by writing its name into an object of theirs, or by inviting themselves.
func TestAttachmentsOfOthers(t *testing.T) {
	each(t, func(s *site) {
		s.put(s.alice, "a.ics", event("a", "DTSTART:20260106T090000Z"))
		res := s.attach(s.alice, "a.ics", "secret")
		line := "ATTACH;MANAGED-ID=" + res.ManagedID + ":" + res.URL
		s.put(s.bob, "b.ics", event("b", "DTSTART:20260106T090000Z", line))
		if _, text := s.copy(s.bob, "b"); strings.Contains(text, "MANAGED-ID") || !strings.Contains(text, res.URL) {
			t.Errorf("Bob's: %s", text)
		}
		// A meeting of Bob's with the UID of Alice's event.
		s.put(s.bob, "a.ics", strings.ReplaceAll(meeting("a", "20260106T090000Z", "cleo@example.com"), "alice@", "bob@"))
		for _, lie := range []string{line, "ATTACH:" + res.URL, strings.Replace(line, "MANAGED-ID", "managed-\r\n id", 1)} {
			s.put(s.bob, "a.ics", strings.ReplaceAll(strings.Replace(meeting("a", "20260106T090000Z", "cleo@example.com"), "END:VEVENT", lie+"\r\nEND:VEVENT", 1), "alice@", "bob@"))
			if got := s.readers(res.ManagedID, s.alice, s.bob, s.cleo); got != "alice" {
				t.Errorf("%s: read by %q", lie, got)
			}
		}
		if _, err := s.tryAttach(s.bob, s.alice, "a.ics", "x"); kind(err) != calendar.Forbidden {
			t.Errorf("Bob attaches to Alice's: %v", err)
		}
		// Nor is a copy of a meeting the invited person's to attach to.
		s.put(s.alice, "m.ics", meeting("m", "20260107T090000Z", "bob@example.com"))
		o, _ := s.copy(s.bob, "m")
		if _, err := s.tryAttach(s.bob, s.bob, o.Name, "x"); kind(err) != calendar.AttendeeChange {
			t.Errorf("Bob attaches to his copy: %v", err)
		}
		if n := s.used(s.bob); n != 0 {
			t.Errorf("Bob uses %d octets", n)
		}
	})
}

// TestCopiesNeverDuplicate: however many are invited, the octets are there once, and count for the organizer.
func TestCopiesNeverDuplicate(t *testing.T) {
	each(t, func(s *site) {
		s.put(s.alice, "m.ics", meeting("m", "20260106T090000Z", "bob@example.com", "cleo@example.com", "dan@example.org"))
		res := s.attach(s.alice, "m.ics", "the plan")
		for who, want := range map[*storage.Principal]int64{s.alice: 8, s.bob: 0, s.cleo: 0} {
			if got := s.used(who); got != want {
				t.Errorf("%s uses %d octets, want %d", who.Name, got, want)
			}
		}
		for _, who := range []*storage.Principal{s.bob, s.cleo} {
			if _, text := s.copy(who, "m"); !strings.Contains(text, "MANAGED-ID="+res.ManagedID) {
				t.Errorf("%s's copy: %s", who.Name, text)
			}
		}
		// Bob answers with a program that drops what it does not know.
		o, text := s.copy(s.bob, "m")
		var lines []string
		for _, l := range strings.Split(text, "\r\n") {
			if strings.HasPrefix(l, "ATTACH") {
				l = "ATTACH:" + res.URL
			}
			lines = append(lines, strings.Replace(l, "PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob", "PARTSTAT=ACCEPTED:mailto:bob", 1))
		}
		s.put(s.bob, o.Name, strings.Join(lines, "\r\n"))
		if _, text := s.copy(s.bob, "m"); !strings.Contains(text, "MANAGED-ID="+res.ManagedID) || !strings.Contains(text, "ACCEPTED:mailto:bob") {
			t.Errorf("Bob's copy: %s", text)
		}
		if got := s.readers(res.ManagedID, s.alice, s.bob, s.cleo); got != "alice bob cleo" {
			t.Errorf("read by %q", got)
		}
		// The one outside gets it by a link, as long as they are invited.
		o, _ = s.copy(s.alice, "m")
		linked := func(address string) error {
			_, err := s.LinkedAttachment(t.Context(), res.ManagedID, s.alice.ID, o.ID, func(a string) bool { return a == "mailto:"+address })
			return err
		}
		if err := linked("dan@example.org"); err != nil {
			t.Errorf("by the link: %v", err)
		}
		if err := linked("eve@example.org"); kind(err) != calendar.Forbidden {
			t.Errorf("by somebody else's link: %v", err)
		}
		if err := s.detach(s.alice, "m.ics", res.ManagedID); err != nil {
			t.Fatal(err)
		}
		if err := linked("dan@example.org"); kind(err) != calendar.Forbidden {
			t.Errorf("by the link, after it was removed: %v", err)
		}
		if got := s.readers(res.ManagedID, s.alice, s.bob, s.cleo); got != "" {
			t.Errorf("after it was removed: read by %q", got)
		}
		if _, text := s.copy(s.bob, "m"); strings.Contains(text, "ATTACH") {
			t.Errorf("Bob's copy after it was removed: %s", text)
		}
		if got := s.mails(); !slices.Contains(got, "REQUEST dan@example.org") {
			t.Errorf("mails: %v", got)
		}
	})
}

func TestQuotaOfAttachments(t *testing.T) {
	each(t, func(s *site) {
		s.put(s.alice, "a.ics", event("a", "DTSTART:20260106T090000Z"))
		s.put(s.alice, "b.ics", event("b", "DTSTART:20260106T090000Z"))
		s.Limits.Quota, s.Limits.AttachmentSize, s.Limits.Attachments = 3000, 1500, 2
		x := func(n int) string { return strings.Repeat("x", n) }
		if _, err := s.tryAttach(s.alice, s.alice, "a.ics", x(1501)); kind(err) != calendar.AttachmentTooLarge {
			t.Errorf("too large: %v", err)
		}
		// Nobody believes what a request says of its length.
		_, err := s.Attach(t.Context(), calendar.AttachRequest{Who: s.alice, Target: target(s.alice, "a.ics"), Body: strings.NewReader(x(1501)), Length: -1})
		if kind(err) != calendar.AttachmentTooLarge {
			t.Errorf("too large, and no length: %v", err)
		}
		_, err = s.Attach(t.Context(), calendar.AttachRequest{
			Who: s.alice, Target: target(s.alice, "a.ics"), Body: io.MultiReader(strings.NewReader(x(400)), iotest.ErrReader(io.ErrUnexpectedEOF)), Length: 800,
		})
		if _, ok := errors.AsType[*calendar.BodyError](err); !ok {
			t.Errorf("half a body: %v", err)
		}
		first := s.attach(s.alice, "a.ics", x(1400))
		if _, err := s.tryAttach(s.alice, s.alice, "b.ics", x(1400)); kind(err) != calendar.QuotaExceeded {
			t.Errorf("above the quota: %v", err)
		}
		_, err = s.Attach(t.Context(), calendar.AttachRequest{Who: s.alice, Target: target(s.alice, "b.ics"), Body: strings.NewReader(x(1400)), Length: -1})
		if kind(err) != calendar.QuotaExceeded {
			t.Errorf("above the quota, and no length: %v", err)
		}
		if n := s.used(s.alice); n != 1400 {
			t.Errorf("%d octets are used", n)
		}
		// In its place there is room for another.
		second, err := s.Attach(t.Context(), calendar.AttachRequest{
			Who: s.alice, Target: target(s.alice, "a.ics"), Action: calendar.AttachUpdate, ManagedID: first.ManagedID, Body: strings.NewReader(x(1450)), Length: 1450,
		})
		if err != nil {
			t.Fatalf("update: %v", err)
		}
		// A second reference costs nothing; but then there is no room for another in its place.
		s.put(s.alice, "b.ics", event("b", "DTSTART:20260106T090000Z", "ATTACH;MANAGED-ID="+second.ManagedID+":"+second.URL))
		if n := s.used(s.alice); n != 1450 {
			t.Errorf("%d octets are used", n)
		}
		_, err = s.Attach(t.Context(), calendar.AttachRequest{
			Who: s.alice, Target: target(s.alice, "a.ics"), Action: calendar.AttachUpdate, ManagedID: second.ManagedID, Body: strings.NewReader(x(1450)), Length: 1450,
		})
		if kind(err) != calendar.QuotaExceeded {
			t.Errorf("update of what another event has, too: %v", err)
		}
		// Taken back by a program with an old copy it counts again.
		if err := s.detach(s.alice, "a.ics", second.ManagedID); err != nil {
			t.Fatal(err)
		}
		s.put(s.alice, "b.ics", event("b", "DTSTART:20260106T090000Z"))
		third := s.attach(s.alice, "a.ics", x(1400))
		if _, err := s.tryPut(s.alice, "b.ics", event("b", "DTSTART:20260106T090000Z", "ATTACH;MANAGED-ID="+second.ManagedID+":"+second.URL)); kind(err) != calendar.QuotaExceeded {
			t.Errorf("an old copy: %v", err)
		}
		s.attach(s.alice, "a.ics", "2")
		if _, err := s.tryAttach(s.alice, s.alice, "a.ics", "3"); kind(err) != calendar.TooManyAttachments {
			t.Errorf("a third: %v", err)
		}
		if err := s.detach(s.alice, "a.ics", third.ManagedID+"x"); kind(err) != calendar.BadManagedIDParam {
			t.Errorf("remove what is not there: %v", err)
		}
	})
}

// TestCopyAttachments: a copy in another's calendar has its own.
func TestCopyAttachments(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		s.put(s.alice, "a.ics", event("a", "DTSTART:20260106T090000Z"))
		res := s.attach(s.alice, "a.ics", "the plan")
		err := s.SetGrants(ctx, s.bob, target(s.bob, ""), []storage.Grant{{Grantee: s.alice.ID, Privileges: uint32(auth.Read | auth.Bind | auth.WriteContent)}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Move(ctx, calendar.MoveRequest{Who: s.alice, From: target(s.alice, "a.ics"), To: target(s.bob, "b.ics")}); err != nil {
			t.Fatal(err)
		}
		_, text := s.copy(s.bob, "a")
		_, rest, _ := strings.Cut(text, "MANAGED-ID=")
		id, _, _ := strings.Cut(rest, ";")
		if id == res.ManagedID || s.used(s.alice) != 0 || s.used(s.bob) != 8 {
			t.Errorf("Alice uses %d, Bob %d: %s", s.used(s.alice), s.used(s.bob), text)
		}
		if got := s.readers(id, s.alice, s.bob, s.cleo); got != "alice bob" { // Alice may read Bob's calendar
			t.Errorf("read by %q", got)
		}
		a, err := s.Attachment(ctx, s.bob, id)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(s.Octets(ctx, a)); string(got) != "the plan" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestAttachmentsThroughSharees: who works in the home of somebody with whom the calendar is shared reads what they read there.
func TestAttachmentsThroughSharees(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		s.put(s.alice, "a.ics", event("a", "DTSTART:20260106T090000Z"))
		id := s.attach(s.alice, "a.ics", "the plan").ManagedID
		err := s.SetGrants(ctx, s.bob, calendar.Target{Owner: s.bob}, []storage.Grant{{Grantee: s.cleo.ID, Privileges: uint32(auth.Read)}})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.readers(id, s.alice, s.bob, s.cleo); got != "alice" {
			t.Errorf("before it is shared: read by %q", got)
		}
		s.share(s.bob, calendar.ShareRead, true)
		if got := s.readers(id, s.alice, s.bob, s.cleo); got != "alice bob cleo" {
			t.Errorf("shared with Bob: read by %q", got)
		}
		// Another calendar, which Bob reads because he acts for Alice, and which is shared with somebody else, is not among Bob's.
		side := calendar.Target{Owner: s.alice, Slug: "side"}
		if err := s.MakeCalendar(ctx, s.alice, side, calendar.Edit{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Share(ctx, s.alice, side, []calendar.ShareRequest{{With: s.add("dan", "user"), Access: calendar.ShareRead, Direct: true}}); err != nil {
			t.Fatal(err)
		}
		if err := s.SetDelegates(ctx, s.alice, s.alice, false, []int64{s.bob.ID}); err != nil {
			t.Fatal(err)
		}
		side.Name = "b.ics"
		if _, err := s.Put(ctx, calendar.PutRequest{Who: s.alice, Target: side, Body: []byte(event("b", "DTSTART:20260106T090000Z"))}); err != nil {
			t.Fatal(err)
		}
		res, err := s.Attach(ctx, calendar.AttachRequest{Who: s.alice, Target: side, Name: "x", Body: strings.NewReader("x"), Length: 1, Base: "https://cal.example.com"})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.readers(res.ManagedID, s.alice, mustFind(s, "bob"), s.cleo); got != "alice bob" {
			t.Errorf("of another calendar: read by %q", got)
		}
		if err := s.SetDelegates(ctx, s.alice, s.alice, false, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.ChangeShares(ctx, s.alice, target(s.alice, ""), nil, []*storage.Principal{s.bob}); err != nil {
			t.Fatal(err)
		}
		if got := s.readers(id, s.alice, s.bob, s.cleo); got != "alice" {
			t.Errorf("no longer shared: read by %q", got)
		}
	})
}

// TestAttachToInstances: an attachment is in the instances that are named, once, and in no others, also where an override stands for all later ones.
func TestAttachToInstances(t *testing.T) {
	each(t, func(s *site) {
		s.put(s.alice, "r.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"+
			"BEGIN:VEVENT\r\nUID:r\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260202T090000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY;COUNT=7\r\nEND:VEVENT\r\n"+
			"BEGIN:VEVENT\r\nUID:r\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260204T090000Z\r\nDTSTART:20260204T140000Z\r\nDURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
		_, err := s.Attach(t.Context(), calendar.AttachRequest{
			Who: s.alice, Target: target(s.alice, "r.ics"), Name: "plan.txt", Type: "text/plain", Body: strings.NewReader("x"), Length: 1, Base: "https://cal.example.com",
			Instances: []string{"20260203T090000Z", "20260204T090000Z", "20260206T090000Z", "20260203T090000Z", "20260206T090000Z"},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, text := s.copy(s.alice, "r")
		cal, err := ical.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		series, err := recur.Compile(cal, zone.NewResolver(cal))
		if err != nil {
			t.Fatal(err)
		}
		main := slices.Collect(cal.Main())
		var got []string
		for x := range series.Between(time.Time{}, time.Time{}, time.UTC) {
			n := 0
			for range main[x.Component].All("ATTACH") {
				n++
			}
			got = append(got, fmt.Sprint(x.Start.Format("2T15:04"), " ", n))
		}
		if want := "2T09:00 0, 3T09:00 1, 4T14:00 1, 5T14:00 0, 6T14:00 1, 7T14:00 0, 8T14:00 0"; strings.Join(got, ", ") != want {
			t.Errorf("got %s, want %s in\n%s", strings.Join(got, ", "), want, text)
		}
	})
}
