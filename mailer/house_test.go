package mailer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/scheduling"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// house is a server with its mail, on a clock of its own: alice and bob live here, everybody else outside.
type house struct {
	*testing.T
	*calendar.Service
	clock      time.Time
	store      storage.Store
	alice, bob *storage.Principal
	composer   *Composer
	post       *post
	sender     *Sender
}

// post is a relay that keeps what it gets, and refuses what it is told to.
type post struct {
	letters []posted
	refuse  map[string]error // by recipient
}

type posted struct {
	from, to string
	msg      []byte
	in       *Incoming
}

func (p *post) Send(_ context.Context, from, to string, msg []byte) error {
	if err := p.refuse[to]; err != nil {
		return err
	}
	in, err := Parse(msg)
	if err != nil {
		return err
	}
	p.letters = append(p.letters, posted{from, to, msg, in})
	return nil
}

func eachHouse(t *testing.T, fn func(h *house)) {
	t.Helper()
	storagetest.Each(t, func(t *testing.T, s storage.Store) { fn(newHouse(t, s)) })
}

func newHouse(t *testing.T, s storage.Store) *house {
	t.Helper()
	h := &house{T: t, store: s, clock: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC), post: &post{refuse: map[string]error{}}}
	log := slog.New(slog.DiscardHandler)
	h.Service = &calendar.Service{Store: s, Now: h.now, Log: log, UpdateHold: 10 * time.Second}
	d := &auth.Directory{Store: s}
	for name, p := range map[string]**storage.Principal{"alice": &h.alice, "bob": &h.bob} {
		var err error
		if *p, err = d.Add(t.Context(), auth.NewUser{Name: name, DisplayName: strings.ToUpper(name[:1]) + name[1:], Email: name + "@example.com", Kind: "user"}); err != nil {
			t.Fatal(err)
		}
	}
	h.composer = testComposer()
	h.sender = &Sender{Composer: h.composer, Transport: h.post, Told: s, Now: h.now}
	return h
}

func (h *house) now() time.Time { return h.clock }

func (h *house) put(who *storage.Principal, uid, text string) {
	h.Helper()
	_, err := h.Put(h.Context(), calendar.PutRequest{Who: who, Target: calendar.Target{Owner: who, Slug: "calendar", Name: uid + ".ics"}, Body: []byte(text)})
	if err != nil {
		h.Fatalf("put %s: %v", uid, err)
	}
}

func (h *house) remove(who *storage.Principal, uid string) {
	h.Helper()
	err := h.Delete(h.Context(), calendar.DeleteRequest{Who: who, Target: calendar.Target{Owner: who, Slug: "calendar", Name: uid + ".ics"}})
	if err != nil {
		h.Fatalf("delete %s: %v", uid, err)
	}
}

// copy returns somebody's object of that UID, unfolded; nil and "" for none.
func (h *house) copy(who *storage.Principal, uid string) (*storage.Object, string) {
	h.Helper()
	list, err := h.store.ObjectsByUID(h.Context(), []int64{who.ID}, uid)
	if err != nil || len(list) > 1 {
		h.Fatalf("objects of %s: %d, %v", uid, len(list), err)
	}
	if len(list) == 0 {
		return nil, ""
	}
	return list[0], strings.ReplaceAll(string(list[0].ICS), "\r\n ", "")
}

// work carries out every job that is due, and returns what was mailed: "METHOD recipient", sorted; NOTICE where there is no message.
func (h *house) work() []string {
	h.Helper()
	before := len(h.post.letters)
	for range 100 {
		jobs, err := h.store.ClaimJobs(h.Context(), []string{scheduling.MailJob, scheduling.NoticeJob, scheduling.SpreadJob, scheduling.DeliverJob}, h.clock, time.Minute, 100)
		if err != nil {
			h.Fatal(err)
		}
		if len(jobs) == 0 {
			break
		}
		for _, j := range jobs {
			h.carryOut(j)
		}
		for i, err := range h.store.FinishJobs(h.Context(), jobs) {
			if err != nil {
				h.Fatalf("finish %d: %v", jobs[i].ID, err)
			}
		}
	}
	var list []string
	for _, l := range h.post.letters[before:] {
		_, method, err := l.in.Message()
		if errors.Is(err, ErrNoCalendar) {
			method, err = "NOTICE", nil
		}
		if err != nil {
			h.Errorf("mail to %s: %v", l.to, err)
		}
		list = append(list, method+" "+l.to)
	}
	slices.Sort(list)
	return list
}

func (h *house) carryOut(j *storage.Job) {
	h.Helper()
	handle := Handler(h.Do)
	switch j.Kind {
	case scheduling.MailJob:
		handle = h.sender.Handle
	case scheduling.NoticeJob:
		handle = h.sender.HandleNotice
	}
	err := handle(h.Context(), j)
	var later *Delay
	switch {
	case err == nil:
		j.State = storage.Done
	case errors.As(err, &later):
		j.State, j.DueAt = storage.Ready, later.Until
	case Temporary(err):
		j.State, j.DueAt = storage.Ready, h.clock.Add(30*time.Second)
	default:
		j.State = storage.Failed
		if j.Kind == scheduling.MailJob {
			if err := h.Undeliverable(h.Context(), j, ScheduleStatus(err)); err != nil {
				h.Fatal(err)
			}
		}
	}
	if err != nil {
		j.LastError = err.Error()
	}
}

// expectMail is work with what is expected of it.
func (h *house) expectMail(what string, want ...string) {
	h.Helper()
	slices.Sort(want)
	if got := h.work(); !slices.Equal(got, want) {
		h.Errorf("%s: mailed %q, want %q", what, got, want)
	}
}

// last returns the last letter.
func (h *house) last() posted {
	h.Helper()
	if len(h.post.letters) == 0 {
		h.Fatal("no mail")
	}
	return h.post.letters[len(h.post.letters)-1]
}

func (h *house) contains(what, text string, wants ...string) {
	h.Helper()
	for _, w := range wants {
		if !strings.Contains(text, w) {
			h.Errorf("%s lacks %q:\n%s", what, w, text)
		}
	}
}

// meetingOf is an object of an organizer with attendees; more are further lines.
func meetingOf(uid, organizer string, attendees []string, more ...string) string {
	lines := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//EN", "BEGIN:VEVENT", "UID:" + uid, "DTSTAMP:20261101T000000Z"}
	has := map[string]bool{}
	for _, l := range more {
		name, _, _ := strings.Cut(l, ":")
		name, _, _ = strings.Cut(name, ";")
		has[name] = true
	}
	for _, l := range [][2]string{{"DTSTART", ":20261116T100000Z"}, {"DURATION", ":PT1H"}, {"SUMMARY", ":Planning"}} {
		if !has[l[0]] {
			lines = append(lines, l[0]+l[1])
		}
	}
	lines = append(lines, more...)
	lines = append(lines, "ORGANIZER:mailto:"+organizer, "ATTENDEE;PARTSTAT=ACCEPTED:mailto:"+organizer)
	for _, a := range attendees {
		lines = append(lines, "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:"+a)
	}
	return strings.Join(append(lines, "END:VEVENT", "END:VCALENDAR", ""), "\r\n")
}

var outside = []string{"carol@example.org"}

// TestUpdatesMerge: quick edits become one mail, which says what changed against what the recipient really was told last.
func TestUpdatesMerge(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside))
		h.expectMail("the invitation", "REQUEST carol@example.org")
		first := h.last().in
		if len(first.References) != 0 {
			h.Errorf("the first mail refers to %q", first.References)
		}
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside, "DTSTART:20261116T110000Z"))
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside, "DTSTART:20261116T120000Z", "LOCATION:Room 5"))
		h.expectMail("at once")
		h.clock = h.clock.Add(10 * time.Second)
		h.expectMail("after the hold", "REQUEST carol@example.org")
		up := h.last().in
		h.contains("the update", up.Subject, "Updated")
		h.contains("the update", up.Text, "12:00", "was: Monday, 16 November 2026, 10:00", "Room 5")
		if strings.Contains(up.Text, ", 11:00") {
			h.Errorf("the update tells of a time that was never told:\n%s", up.Text)
		}
		if len(up.References) == 0 || up.References[0] != first.MessageID {
			h.Errorf("the update refers to %q, the first mail is %q", up.References, first.MessageID)
		}
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", nil, "DTSTART:20261116T120000Z", "LOCATION:Room 5"))
		h.expectMail("carol is uninvited", "CANCEL carol@example.org")
		if got := h.last().in.References; len(got) == 0 || got[0] != first.MessageID {
			h.Errorf("the CANCEL refers to %q", got)
		}
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside, "DTSTART:20261116T130000Z", "LOCATION:Room 5"))
		h.expectMail("carol is invited again", "REQUEST carol@example.org")
		h.contains("a second invitation", h.last().in.Subject, "Invitation")
	})
}

// TestCalledOffBeforeItWasSent: who was told nothing hears of no meeting that is off, and who was, does.
func TestCalledOffBeforeItWasSent(t *testing.T) {
	eachHouse(t, func(h *house) {
		text := meetingOf("m", "alice@example.com", outside)
		h.put(h.alice, "m", text)
		h.remove(h.alice, "m")
		h.expectMail("made and removed")

		h.put(h.alice, "m", text)
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside, "DTSTART:20261116T110000Z"))
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", nil, "DTSTART:20261116T110000Z"))
		h.expectMail("made, moved, and carol uninvited")
		h.remove(h.alice, "m")

		// Tried, and it is not known what became of it: better a CANCEL too many.
		h.post.refuse["carol@example.org"] = &SendError{Temporary: true, Text: "later"}
		h.put(h.alice, "n", meetingOf("n", "alice@example.com", outside))
		h.expectMail("while the relay says no")
		delete(h.post.refuse, "carol@example.org")
		h.remove(h.alice, "n")
		h.expectMail("removed after an attempt", "CANCEL carol@example.org")

		// The first mail and a quick edit are one invitation.
		h.put(h.alice, "o", meetingOf("o", "alice@example.com", outside))
		h.put(h.alice, "o", meetingOf("o", "alice@example.com", outside, "LOCATION:Room 5"))
		h.expectMail("made and edited", "REQUEST carol@example.org")
		h.contains("the only mail", h.last().in.Subject+h.last().in.Text, "Invitation", "Room 5")
		h.put(h.alice, "o", meetingOf("o", "alice@example.com", outside, "LOCATION:Room 6"))
		h.remove(h.alice, "o")
		h.expectMail("edited and removed", "CANCEL carol@example.org")
		h.clock = h.clock.Add(time.Hour)
		h.expectMail("later")
	})
}

// TestCancelOfAnInstanceKeepsWhatWaits: an update that waits is not lost when the recipient is left out of one instance.
func TestCancelOfAnInstanceKeepsWhatWaits(t *testing.T) {
	eachHouse(t, func(h *house) {
		series := func(more ...string) string {
			return meetingOf("s", "alice@example.com", outside, append([]string{"RRULE:FREQ=WEEKLY;COUNT=5"}, more...)...)
		}
		h.put(h.alice, "s", series())
		h.expectMail("the series", "REQUEST carol@example.org")
		h.put(h.alice, "s", series("LOCATION:Room 5"))
		h.put(h.alice, "s", series("LOCATION:Room 5", "EXDATE:20261123T100000Z"))
		h.clock = h.clock.Add(10 * time.Second)
		h.expectMail("moved, and one date off", "CANCEL carol@example.org", "REQUEST carol@example.org")
		update := h.post.letters[len(h.post.letters)-1].in
		for _, l := range h.post.letters {
			if strings.HasPrefix(l.in.Subject, "Updated") {
				update = l.in
			}
		}
		h.contains("the update", update.Text, "Room 5")
		cal, _, _ := update.Message()
		h.contains("the update", cal.String(), "EXDATE")

		h.put(h.alice, "t", strings.ReplaceAll(series(), "UID:s", "UID:t"))
		h.put(h.alice, "t", strings.ReplaceAll(series("EXDATE:20261123T100000Z"), "UID:s", "UID:t"))
		h.expectMail("one date off before the first mail", "REQUEST carol@example.org")
		cal, _, _ = h.last().in.Message()
		h.contains("the first mail", cal.String(), "EXDATE")
	})
}

// TestFailuresShowOnTheMeeting: SCHEDULE-STATUS says what became of each mail, and one bad recipient holds up nobody.
func TestFailuresShowOnTheMeeting(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.post.refuse["gone@example.org"] = &SendError{Code: 550, Enhanced: "5.1.1", Text: "no such user"}
		h.post.refuse["carol@nowhere.example.org"] = &SendError{Code: 550, Enhanced: "5.1.2", Text: "no such domain"}
		h.post.refuse["slow@example.org"] = &SendError{Temporary: true, Code: 451, Text: "later"}
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", []string{"gone@example.org", "carol@nowhere.example.org", "slow@example.org", "carol@example.org"}))
		h.expectMail("the invitations", "REQUEST carol@example.org")
		_, text := h.copy(h.alice, "m")
		cal, err := ical.Parse([]byte(text))
		if err != nil {
			h.Fatal(err)
		}
		got := map[string]string{}
		for p := range cal.Master().All("ATTENDEE") {
			got[ical.Mailbox(p.Value())] = p.Param("SCHEDULE-STATUS")
		}
		want := map[string]string{"alice@example.com": "", "gone@example.org": "5.1", "carol@nowhere.example.org": "5.3", "slow@example.org": "1.1", "carol@example.org": "1.1"}
		if !maps.Equal(got, want) {
			h.Errorf("SCHEDULE-STATUS = %v, want %v", got, want)
		}
	})
}

// TestRatesDelay: what is above a limit waits for its turn, all of it arrives, and others do not wait with it.
func TestRatesDelay(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.sender.Rates = &Rates{Sender: 3600, Domain: 60} // one a second, 6 of the domain at once
		var people []string
		for i := range 12 {
			people = append(people, fmt.Sprintf("user%02d@example.org", i))
		}
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", append(people, "carol@example.net")))
		if got := len(h.work()); got != 7 {
			h.Errorf("%d mails at once, want 7", got)
		}
		for second := range 6 {
			h.clock = h.clock.Add(time.Second)
			if got := len(h.work()); got != 1 {
				h.Errorf("%d mails in second %d, want 1", got, second)
			}
		}
		h.clock = h.clock.Add(time.Hour)
		h.expectMail("when all are gone")
		if len(h.post.letters) != 13 {
			h.Errorf("%d mails, want 13", len(h.post.letters))
		}
	})
}

func newSQLite(t *testing.T) storage.Store { return storagetest.SQLite(t) }
