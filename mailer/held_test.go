package mailer

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/scheduling"
	"kalends/storage"
)

// deliver hands a mail to the receiver.
func (h *house) deliver(r *Receiver, from, to string, msg []byte) {
	h.Helper()
	if err := r.Deliver(h.Context(), from, to, msg); err != nil {
		h.Fatal(err)
	}
}

func (h *house) noted(what, rcpt string, owner *storage.Principal, msg []byte, want string) {
	h.Helper()
	if got := h.inboundState(rcpt, owner.ID, msg); got != want {
		h.Errorf("%s: noted %q, want %q", what, got, want)
	}
}

// later lets what is held go out.
func (h *house) later() { h.clock = h.clock.Add(11 * time.Second) }

// TestReplyInWordsReachesTheOrganizer: who just answers the mail is heard, under their own name and by our own address, and nothing
// is acted on. What a program wrote goes no further.
func TestReplyInWordsReachesTheOrganizer(t *testing.T) {
	eachHouse(t, func(h *house) {
		w := newWorld("example.org")
		r := h.receiver(w)
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside, "LOCATION:Room 5"))
		h.expectMail("the invitation", "REQUEST carol@example.org")
		to := h.last().from
		_, before := h.copy(h.alice, "m")
		words := func(headers ...string) []byte {
			return []byte(strings.Join(append(headers, "From: Carol C. <carol@example.org>", "To: "+to, "Subject: Re: Invitation: Planning", "Message-ID: <words@mail.example.org>",
				"MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "",
				"I accept, but come ten minutes late. Grüße!", "--b", "Content-Type: image/png", "Content-Disposition: attachment; filename=map.png", "", "not really", "--b--", ""), "\r\n"))
		}
		msg := words()
		h.deliver(r, "carol@example.org", to, msg)
		h.noted("words", to, h.alice, msg, ": an answer in words, passed on to alice@example.com")
		h.deliver(r, "carol@example.org", to, msg) // once more
		h.expectMail("words", "NOTICE alice@example.com")
		if _, after := h.copy(h.alice, "m"); after != before {
			h.Errorf("words were acted on:\n%s", after)
		}
		l := h.last()
		checkWire(h.T, l.msg)
		head, parts := open(h.T, l.msg)
		if from, reply := head.Get("From"), head.Get("Reply-To"); from != `"Carol C. via Kalends" <calendar@example.com>` || reply != `"Carol C." <carol@example.org>` {
			h.Errorf("From %s, Reply-To %s", from, reply)
		}
		if head.Get("Subject") != "Re: Invitation: Planning" || head.Get("References") != "<words@mail.example.org>" || head.Get("Auto-Submitted") != "auto-generated" {
			h.Errorf("header: %v", head)
		}
		h.contains("the notice", l.in.Text, "Carol C. writes about “Planning”", "ten minutes late. Grüße!", "It is not certain that this is from Carol C.", "Room 5", "10:00")
		if last := parts[len(parts)-1]; !bytes.Equal(last.body, msg) {
			h.Errorf("attached: %s", last.body)
		}
		// Signed by the author's domain.
		h.deliver(r, "carol@example.org", to, w.sign(h.T, "example.org", words("X-A: 1")))
		h.expectMail("signed words", "NOTICE alice@example.com")
		if got := h.last().in.Text; strings.Contains(got, "not certain") {
			h.Errorf("verified words are called in doubt:\n%s", got)
		}
		for _, header := range []string{"Auto-Submitted: auto-replied (vacation)", "Auto-Submitted: auto-generated", "Precedence: bulk", "X-Autoreply: yes"} {
			msg := words(header)
			h.deliver(r, "", to, msg)
			h.noted(header, to, h.alice, msg, ": an automatic answer without a calendar part")
		}
		// Our own notice, sent on to the address by a rule, makes no loop.
		h.deliver(r, "", to, l.msg)
		h.expectMail("what programs wrote")

		// A room reads no mail: it waits.
		room, err := (&auth.Directory{Store: h.store}).Add(h.Context(), auth.NewUser{Name: "oak", DisplayName: "Oak", Email: "oak@example.com", Kind: "room"})
		if err != nil {
			h.Fatal(err)
		}
		token, _ := h.composer.tokenAddress(room.ID, 1, "mailto:carol@example.org")
		h.deliver(r, "", token, msg)
		h.noted("words to a room", token, room, msg, "held: an answer in words")
	})
}

// TestWordsNeverSignedAsTheirAuthor: a From in a domain that we sign for is a claim, which our signature must not vouch for.
func TestWordsNeverSignedAsTheirAuthor(t *testing.T) {
	c := testComposer()
	m, from, err := c.Notice(&scheduling.Notice{Kind: scheduling.WordsNotice, From: "mailto:ceo@example.com", FromName: "bank@example.net", To: "mailto:alice@example.com"},
		&Incoming{Subject: "x\r\nBcc: y@example.net", Text: "Pay\u202e."}, []byte("x"))
	if err != nil || m.From.Address != "calendar@example.com" || from != "calendar@example.com" || m.From.Name != "ceo@example.com via Kalends" || m.Subject != "x Bcc: y@example.net" {
		t.Errorf("%+v, %s, %v", m, from, err)
	}
	if strings.Contains(m.Text, "\u202e") || !strings.Contains(m.Text, "Pay.") {
		t.Errorf("text: %q", m.Text)
	}
	if _, _, err := c.Notice(&scheduling.Notice{Kind: "odd", To: "mailto:alice@example.com", Calendar: crlf(weekly)}, nil, nil); err == nil {
		t.Error("a notice of an odd kind is sent")
	}
	s := &Sender{Composer: c, Transport: &post{}}
	if err := s.HandleNotice(t.Context(), &storage.Job{Payload: []byte("{")}); err == nil || Temporary(err) {
		t.Errorf("a broken payload: %v", err)
	}
}

// TestCommentsReachTheOrganizer: what an attendee writes into their answer is mailed to who invited, once, and nothing is mailed of an
// answer without.
func TestCommentsReachTheOrganizer(t *testing.T) {
	eachHouse(t, func(h *house) {
		r := h.receiver(newWorld())
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside))
		h.expectMail("the invitation", "REQUEST carol@example.org")
		to := h.last().from
		send := func(partstat, stamp string, more ...string) {
			h.Helper()
			h.deliver(r, "", to, itipMail("carol@example.org", to, "REPLY", answerText("m", "carol@example.org", partstat, append(more, "DTSTAMP:"+stamp)...)))
		}
		send("TENTATIVE", "20261102T090000Z")
		h.later()
		h.expectMail("an answer without a comment")
		send("ACCEPTED", "20261102T091000Z", "COMMENT:I bring <b>cake</b>\\nand tea.")
		send("ACCEPTED", "20261102T091000Z", "COMMENT:I bring <b>cake</b>\\nand tea.")
		send("DECLINED", "20261102T080000Z", "COMMENT:Too late to count.")
		h.expectMail("at once")
		h.later()
		h.expectMail("a comment", "NOTICE alice@example.com")
		h.contains("the notice", h.last().in.Subject+h.last().in.Text, "Accepted: Planning", "carol@example.org has accepted “Planning”", "I bring <b>cake</b>\n  and tea.", "10:00")
		if _, parts := open(h.T, h.last().msg); strings.Contains(string(parts[1].body), "<b>cake") || !strings.Contains(string(parts[1].body), "&lt;b&gt;cake") {
			h.Errorf("a comment is markup:\n%s", parts[1].body)
		}
	})
}

// TestS8PartyCrasherIsHeldForTheOwner: who answers without being invited waits, the organizer is told, and decides.
func TestS8PartyCrasherIsHeldForTheOwner(t *testing.T) {
	eachHouse(t, func(h *house) {
		w := newWorld("example.net")
		r := h.receiver(w)
		h.composer.Decide = "https://cal.example.com/requests"
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside))
		h.expectMail("the invitation", "REQUEST carol@example.org")
		reply := func(stamp string) []byte {
			return w.sign(h.T, "example.net", itipMail("mallory@example.net", "alice@example.com", "REPLY", answerText("m", "mallory@example.net", "ACCEPTED", "DTSTAMP:"+stamp)))
		}
		first, second := reply("20261102T090000Z"), reply("20261102T100000Z")
		for _, msg := range [][]byte{first, second} {
			h.deliver(r, "mallory@example.net", "alice@example.com", msg)
			h.noted("a party crasher", "alice@example.com", h.alice, msg, "held: mallory@example.net answers without being invited")
			h.clock = h.clock.Add(time.Second)
		}
		h.later()
		h.expectMail("a party crasher", "NOTICE alice@example.com")
		h.contains("the notice", h.last().in.Text, "Decide: https://cal.example.com/requests", "mallory@example.net answers “Planning” without being invited", "accept or refuse it in Kalends")
		list, next, err := h.Held(h.Context(), h.alice, h.alice, "", 0)
		if err != nil || next != "" || len(list) != 2 {
			h.Fatalf("Held: %d, %q, %v", len(list), next, err)
		}
		a := list[0].About
		if a.Method != "REPLY" || a.From != "mailto:mallory@example.net" || a.Author != "mallory@example.net" || !a.Verified || a.Answer != "ACCEPTED" || !a.Start.Equal(time.Date(2026, 11, 16, 10, 0, 0, 0, time.UTC)) || list[0].Object == 0 {
			h.Errorf("about: %+v", list[0])
		}
		if err := h.RefuseHeld(h.Context(), h.alice, h.alice, list[0].Key, ""); err != nil {
			h.Error(err)
		}
		h.later()
		h.expectMail("refused: strangers hear nothing")
		if text, err := h.AcceptHeld(h.Context(), h.alice, h.alice, list[1].Key); err != nil || text != "admitted" {
			h.Errorf("AcceptHeld = %q, %v", text, err)
		}
		if got := h.partStat(h.alice, "m", "mallory@example.net"); got != "ACCEPTED" {
			h.Errorf("after accepting: %s", got)
		}
		h.later()
		h.expectMail("admitted", "REQUEST carol@example.org", "REQUEST mallory@example.net")
		for _, in := range list {
			if _, err := h.AcceptHeld(h.Context(), h.alice, h.alice, in.Key); calendar.KindOf(err) != calendar.NotFound {
				h.Errorf("deciding twice: %v", err)
			}
		}
	})
}

// TestHeldPages: pages, and who may look and decide.
func TestHeldPages(t *testing.T) {
	eachHouse(t, func(h *house) {
		w := newWorld("example.org")
		r := h.receiver(w)
		invitation := meetingOf("x", "carol@example.org", []string{"bob@example.com"}, "SEQUENCE:0", "LOCATION:Far", "RRULE:FREQ=DAILY;COUNT=3", "DTSTART;TZID=Europe/Paris:20261116T100000")
		for i := range 5 {
			uid := fmt.Sprint("x", i)
			h.deliver(r, "", "bob@example.com", w.sign(h.T, "example.org", itipMail("Carol <carol@example.org>", "bob@example.com", "REQUEST",
				strings.NewReplacer("UID:x", "UID:"+uid, "VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST", "SUMMARY:Planning", "SUMMARY:Meeting "+uid).Replace(invitation))))
			h.clock = h.clock.Add(time.Second)
		}
		var got []string
		after := ""
		for range 10 {
			list, next, err := h.Held(h.Context(), h.bob, h.bob, after, 2)
			if err != nil {
				h.Fatal(err)
			}
			for _, in := range list {
				got = append(got, in.About.Summary)
				if a := in.About; in.State != storage.Asked || a.Method != "REQUEST" || !a.Recurs || a.TimeZone != "Europe/Paris" || a.Location != "Far" || !a.Start.Equal(time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)) || a.End.Sub(a.Start) != time.Hour {
					h.Errorf("about: %+v", a)
				}
			}
			if after = next; next == "" {
				break
			}
		}
		if want := []string{"Meeting x0", "Meeting x1", "Meeting x2", "Meeting x3", "Meeting x4"}; !slices.Equal(got, want) {
			h.Errorf("pages: %q", got)
		}
		list, _, _ := h.Held(h.Context(), h.bob, h.bob, "", 1)
		key := list[0].Key
		if in, err := h.HeldMail(h.Context(), h.bob, h.bob, key); err != nil || len(in.Message) == 0 || len(in.Calendar) == 0 {
			h.Errorf("HeldMail: %v", err)
		}
		for _, who := range []*storage.Principal{h.alice, nil} {
			if _, _, err := h.Held(h.Context(), who, h.bob, "", 0); err == nil {
				h.Error("somebody else sees what waits")
			}
			if _, err := h.HeldMail(h.Context(), who, h.bob, key); err == nil {
				h.Error("somebody else reads what waits")
			}
			if _, err := h.AcceptHeld(h.Context(), who, h.bob, key); err == nil {
				h.Error("somebody else decides")
			}
			if err := h.RefuseHeld(h.Context(), who, h.bob, key, ""); err == nil {
				h.Error("somebody else decides")
			}
		}
		for _, key := range []string{"", "none", "a b", strings.Repeat("x", 100), "\x00"} {
			if _, err := h.AcceptHeld(h.Context(), h.bob, h.bob, key); calendar.KindOf(err) != calendar.NotFound {
				h.Errorf("AcceptHeld(%q): %v", key, err)
			}
		}
		for _, after := range []string{"x", "1", "1-", "-k", "1-" + strings.Repeat("x", 100)} {
			if _, _, err := h.Held(h.Context(), h.bob, h.bob, after, 0); calendar.KindOf(err) != calendar.BadRequest {
				h.Errorf("Held after %q: %v", after, err)
			}
		}
		// What cannot be read can only be refused.
		tnef := readReceived(h.T, "outlook-tnef")
		h.deliver(r, "", "bob@example.com", tnef)
		k := inboundKey("bob@example.com", tnef)
		if _, err := h.AcceptHeld(h.Context(), h.bob, h.bob, k); calendar.KindOf(err) != calendar.BadRequest {
			h.Errorf("accepting a winmail.dat: %v", err)
		}
		if err := h.RefuseHeld(h.Context(), h.bob, h.bob, k, "no"); err != nil {
			h.Error(err)
		}
		h.later()
		h.expectMail("all of it")
	})
}

// TestAddByMail: an added date joins the series, an older one does not, and of a series that is not here the organizer is asked, if they are
// known, and not too often.
func TestAddByMail(t *testing.T) {
	eachHouse(t, func(h *house) {
		w := newWorld("example.org", "example.net")
		r := h.receiver(w)
		series := meetingOf("s", "carol@example.org", []string{"bob@example.com"}, "SEQUENCE:1", "RRULE:FREQ=WEEKLY;COUNT=3")
		send := func(from, method, text string) []byte {
			h.Helper()
			msg := w.sign(h.T, from[strings.IndexByte(from, '@')+1:], itipMail(from, "bob@example.com", method, strings.Replace(text, "VERSION:2.0\r\n", "VERSION:2.0\r\nMETHOD:"+method+"\r\n", 1)))
			h.deliver(r, from, "bob@example.com", msg)
			return msg
		}
		add := func(uid, organizer, start, sequence string) string {
			return meetingOf(uid, organizer, []string{"bob@example.com"}, "SEQUENCE:"+sequence, "DTSTART:"+start, "SUMMARY:One more")
		}
		first := send("carol@example.org", "REQUEST", series)
		if err := h.accept(h.bob, "bob@example.com", first); err != nil {
			h.Fatal(err)
		}
		msg := send("carol@example.org", "ADD", add("s", "carol@example.org", "20261118T140000Z", "2"))
		h.noted("ADD", "bob@example.com", h.bob, msg, ": in the calendar")
		o, text := h.copy(h.bob, "s")
		cal, err := ical.Parse(o.ICS)
		if err != nil {
			h.Fatal(err)
		}
		n := 0
		for range cal.Main() {
			n++
		}
		if n != 2 || !strings.Contains(text, "RDATE:20261118T140000Z") || !strings.Contains(text, "RECURRENCE-ID:20261118T140000Z") || !strings.Contains(text, "SUMMARY:One more") || !strings.Contains(text, "RRULE:FREQ=WEEKLY;COUNT=3") {
			h.Errorf("after ADD:\n%s", text)
		}
		msg = send("carol@example.org", "ADD", add("s", "carol@example.org", "20261119T140000Z", "0"))
		h.noted("an older ADD", "bob@example.com", h.bob, msg, ": left alone: older than the copy")
		msg = send("mallory@example.net", "ADD", add("s", "carol@example.org", "20261120T140000Z", "3"))
		h.noted("a forged ADD", "bob@example.com", h.bob, msg, "held: mallory@example.net writes for the organizer carol@example.org")
		if _, after := h.copy(h.bob, "s"); after != text {
			h.Errorf("one of them counted:\n%s", after)
		}
		h.expectMail("until now")

		msg = send("carol@example.org", "ADD", add("unknown", "carol@example.org", "20261118T140000Z", "2"))
		h.noted("ADD to what is not here", "bob@example.com", h.bob, msg, ": an ADD to a meeting that is not in the calendar; it is asked for")
		h.expectMail("ADD to what is not here", "REFRESH carol@example.org")
		refresh, _, _ := h.last().in.Message()
		h.contains("the REFRESH", refresh.String(), "UID:unknown", "mailto:bob@example.com", "ORGANIZER:mailto:carol@example.org")
		send("carol@example.org", "ADD", add("unknown2", "carol@example.org", "20261118T140000Z", "2"))
		send("mallory@example.net", "ADD", add("unknown3", "mallory@example.net", "20261118T140000Z", "2"))
		h.expectMail("asked just now, and somebody who is not known")
		h.clock = h.clock.Add(time.Hour)
		send("carol@example.org", "ADD", add("unknown2", "carol@example.org", "20261118T140000Z", "3"))
		h.expectMail("an hour later", "REFRESH carol@example.org")
		if o, _ := h.copy(h.bob, "unknown"); o != nil {
			h.Error("an ADD alone made a meeting")
		}
	})
}

// TestRefreshIsRateLimited: whoever asks gets the meeting as it is, each attendee once in ten minutes, and nobody who is not invited.
func TestRefreshIsRateLimited(t *testing.T) {
	eachHouse(t, func(h *house) {
		w := newWorld("example.org", "example.net")
		r := h.receiver(w)
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", []string{"carol@example.org", "dave@example.org"}))
		h.expectMail("the invitations", "REQUEST carol@example.org", "REQUEST dave@example.org")
		n := 0
		ask := func(who string) {
			h.Helper()
			n++
			domain := who[strings.IndexByte(who, '@')+1:]
			text := strings.Replace(answerText("m", who, "NEEDS-ACTION", fmt.Sprintf("DTSTAMP:20261102T%06dZ", n)), "METHOD:REPLY", "METHOD:REFRESH", 1)
			h.deliver(r, who, "alice@example.com", w.sign(h.T, domain, itipMail(who, "alice@example.com", "REFRESH", text)))
		}
		ask("carol@example.org")
		h.later()
		h.expectMail("asked just after it was sent")
		h.clock = h.clock.Add(10 * time.Minute)
		ask("carol@example.org")
		ask("carol@example.org") // before the first answer has left
		h.later()
		h.expectMail("asked twice", "REQUEST carol@example.org")
		for range 5 {
			h.clock = h.clock.Add(time.Minute)
			ask("carol@example.org")
		}
		ask("dave@example.org")
		ask("mallory@example.net")
		h.later()
		h.expectMail("asked every minute, and by others", "REQUEST dave@example.org")
		h.clock = h.clock.Add(10 * time.Minute)
		ask("carol@example.org")
		h.later()
		h.expectMail("ten minutes later", "REQUEST carol@example.org")
	})
}

// TestPublishIsNeverAddedByItself: not even what somebody known publishes. Where its author is verified the owner may add it, and it
// is then nobody's meeting.
func TestPublishIsNeverAddedByItself(t *testing.T) {
	eachHouse(t, func(h *house) {
		w := newWorld("example.org")
		r := h.receiver(w)
		first := w.sign(h.T, "example.org", itipMail("carol@example.org", "bob@example.com", "REQUEST", strings.Replace(meetingOf("known", "carol@example.org", []string{"bob@example.com"}), "VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST", 1)))
		h.deliver(r, "", "bob@example.com", first)
		if err := h.accept(h.bob, "bob@example.com", first); err != nil {
			h.Fatal(err)
		}
		publish := func(uid, start string) []byte {
			return itipMail("carol@example.org", "bob@example.com", "PUBLISH", strings.NewReplacer("VERSION:2.0", "VERSION:2.0\r\nMETHOD:PUBLISH", "END:VEVENT", "BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-PT1H\r\nEND:VALARM\r\nEND:VEVENT").Replace(
				meetingOf(uid, "carol@example.org", []string{"bob@example.com"}, "DTSTART:"+start)))
		}
		unsigned, signed := publish("p", "20261120T100000Z"), w.sign(h.T, "example.org", publish("p", "20261120T100000Z"))
		h.deliver(r, "", "bob@example.com", unsigned)
		h.noted("unsigned", "bob@example.com", h.bob, unsigned, ": published for everybody, and not added by itself")
		h.deliver(r, "", "bob@example.com", signed)
		h.noted("signed, by somebody known", "bob@example.com", h.bob, signed, "request: published for everybody by carol@example.org")
		if o, _ := h.copy(h.bob, "p"); o != nil {
			h.Fatal("it was added by itself")
		}
		if err := h.accept(h.bob, "bob@example.com", signed); err != nil {
			h.Fatal(err)
		}
		o, text := h.copy(h.bob, "p")
		if o == nil || o.Organizer != "" || strings.Contains(text, "METHOD") || strings.Contains(text, "VALARM") || strings.Contains(text, "ATTENDEE") || !strings.Contains(text, "20261120T100000Z") {
			h.Fatalf("after accepting: %+v\n%s", o, text)
		}
		moved := w.sign(h.T, "example.org", publish("p", "20261121T100000Z"))
		h.deliver(r, "", "bob@example.com", moved)
		if err := h.accept(h.bob, "bob@example.com", moved); err != nil {
			h.Fatal(err)
		}
		if _, text := h.copy(h.bob, "p"); !strings.Contains(text, "20261121T100000Z") {
			h.Errorf("a newer one:\n%s", text)
		}
		late := regexp.MustCompile(`DTSTAMP:\w+`).ReplaceAll(publish("p", "20261119T100000Z"), []byte("DTSTAMP:20200101T000000Z"))
		late = w.sign(h.T, "example.org", late)
		h.deliver(r, "", "bob@example.com", late)
		if err := h.accept(h.bob, "bob@example.com", late); err != nil {
			h.Fatal(err)
		}
		if _, text := h.copy(h.bob, "p"); !strings.Contains(text, "20261121T100000Z") {
			h.Errorf("an older one that came late counted:\n%s", text)
		}
		over := w.sign(h.T, "example.org", publish("known", "20261122T100000Z"))
		h.deliver(r, "", "bob@example.com", over)
		h.noted("over a meeting", "bob@example.com", h.bob, over, ": published for everybody, of a meeting that is in the calendar")
		h.remove(h.bob, "p")
		h.later()
		h.expectMail("all of it")
	})
}

// TestProposalToAnOrganizerOutside: a COUNTER goes to them in the thread of the invitation, their refusal stands in the inbox, and
// a REFRESH brings the meeting as they have it.
func TestProposalToAnOrganizerOutside(t *testing.T) {
	eachHouse(t, func(h *house) {
		w := newWorld("example.org")
		r := h.receiver(w)
		send := func(method, text string) []byte {
			h.Helper()
			msg := w.sign(h.T, "example.org", itipMail("carol@example.org", "bob@example.com", method, strings.Replace(text, "VERSION:2.0\r\n", "VERSION:2.0\r\nMETHOD:"+method+"\r\n", 1)))
			h.deliver(r, "carol@example.org", "bob@example.com", msg)
			return msg
		}
		invitation := meetingOf("x", "carol@example.org", []string{"bob@example.com"}, "SEQUENCE:3")
		first := send("REQUEST", invitation)
		if err := h.accept(h.bob, "bob@example.com", first); err != nil {
			h.Fatal(err)
		}
		o, before := h.copy(h.bob, "x")
		target := calendar.Target{Owner: h.bob, Slug: "calendar", Name: o.Name}
		propose := calendar.NewTime{Start: time.Date(2026, 11, 16, 14, 0, 0, 0, time.UTC), End: time.Date(2026, 11, 16, 15, 0, 0, 0, time.UTC), Comment: "After lunch?"}
		if err := h.ProposeTime(h.Context(), h.alice, target, propose); err == nil {
			h.Error("somebody else proposes in bob's name")
		}
		if err := h.ProposeTime(h.Context(), h.bob, target, propose); err != nil {
			h.Fatal(err)
		}
		h.expectMail("the proposal", "COUNTER carol@example.org")
		in, _ := Parse(first)
		l := h.last()
		cal, _, _ := l.in.Message()
		h.contains("the proposal", l.in.Text, "Bob proposes another time for “Planning”", "14:00–15:00", "After lunch?")
		h.contains("its message", cal.String(), "METHOD:COUNTER", "DTSTART:20261116T140000Z", "DTEND:20261116T150000Z", "SEQUENCE:3", "ORGANIZER:mailto:carol@example.org", "COMMENT:After lunch?")
		if len(l.in.References) != 1 || l.in.References[0] != in.MessageID {
			h.Errorf("it refers to %q", l.in.References)
		}
		if _, after := h.copy(h.bob, "x"); after != before {
			h.Errorf("the copy changed:\n%s", after)
		}
		msg := send("DECLINECOUNTER", strings.Replace(invitation, "SEQUENCE:3", "SEQUENCE:3\r\nCOMMENT:No.", 1))
		h.noted("the refusal", "bob@example.com", h.bob, msg, ": in the calendar")
		inbox, err := h.store.Calendar(h.Context(), h.bob.ID, "inbox")
		if err != nil {
			h.Fatal(err)
		}
		var methods []string
		if err := h.store.Objects(h.Context(), inbox.Ref(), storage.WithICS, func(o *storage.Object) error { methods = append(methods, o.Method); return nil }); err != nil {
			h.Fatal(err)
		}
		if !slices.Contains(methods, "DECLINECOUNTER") {
			h.Errorf("the inbox has %q", methods)
		}
		if err := h.AskAgain(h.Context(), h.bob, target); err != nil {
			h.Fatal(err)
		}
		h.expectMail("the question", "REFRESH carol@example.org")
		if err := h.AskAgain(h.Context(), h.bob, target); calendar.KindOf(err) != calendar.Refused {
			h.Errorf("asking twice: %v", err)
		}
		send("REQUEST", strings.NewReplacer("SEQUENCE:3", "SEQUENCE:4", "20261116T100000Z", "20261116T140000Z").Replace(invitation))
		if _, text := h.copy(h.bob, "x"); !strings.Contains(text, "20261116T140000Z") {
			h.Errorf("the answer to it:\n%s", text)
		}
		// A meeting of one's own, and nothing at all.
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside))
		for _, name := range []string{"m.ics", "none.ics"} {
			mine := calendar.Target{Owner: h.alice, Slug: "calendar", Name: name}
			if err := h.ProposeTime(h.Context(), h.alice, mine, propose); calendar.KindOf(err) != calendar.Refused && calendar.KindOf(err) != calendar.NotFound {
				h.Errorf("ProposeTime of %s: %v", name, err)
			}
			if err := h.AskAgain(h.Context(), h.alice, mine); calendar.KindOf(err) != calendar.Refused && calendar.KindOf(err) != calendar.NotFound {
				h.Errorf("AskAgain of %s: %v", name, err)
			}
		}
	})
}
