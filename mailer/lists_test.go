package mailer

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
)

// The lists S8, S9 and R1 of FIELD.md section 4: what the other tests named for them leave open.

// TestS8WhatElseMayCome: chains of others' seals, messages that come late or again, another organizer, reports, mails in mails.
func TestS8WhatElseMayCome(t *testing.T) {
	eachHouse(t, func(h *house) {
		w := newWorld("example.org", "example.net")
		r := h.receiver(w)
		request := func(method, sequence, stamp, start, organizer string) []byte {
			text := meetingOf("x", organizer, []string{"bob@example.com"}, "SEQUENCE:"+sequence, "DTSTART:"+start)
			text = strings.Replace(strings.Replace(text, "VERSION:2.0\r\n", "VERSION:2.0\r\nMETHOD:"+method+"\r\n", 1), "DTSTAMP:20261101T000000Z", "DTSTAMP:"+stamp, 1)
			return itipMail(organizer, "bob@example.com", method, text)
		}
		org := func(msg []byte) []byte { return w.sign(h.T, "example.org", msg) }
		first := org(request("REQUEST", "2", "20261101T120000Z", "20261116T100000Z", "carol@example.org"))
		h.deliver(r, "", "bob@example.com", first)
		if err := h.accept(h.bob, "bob@example.com", first); err != nil {
			h.Fatal(err)
		}
		_, before := h.copy(h.bob, "x")
		arc := []byte("ARC-Seal: i=1; a=rsa-sha256; cv=none; d=relay.example.net; s=s; b=AAAA\r\n" +
			"ARC-Message-Signature: i=1; a=rsa-sha256; d=relay.example.net; s=s; h=from:to; bh=AAAA; b=AAAA\r\n" +
			"ARC-Authentication-Results: i=1; relay.example.net; dkim=pass header.d=example.org; dmarc=pass header.from=example.org\r\n")
		moved := request("REQUEST", "3", "20261101T130000Z", "20261117T100000Z", "carol@example.org")
		other := strings.Replace(string(request("REQUEST", "9", "20261101T130000Z", "20261118T100000Z", "mallory@example.net")), "UID:x", "UID:x", 1)
		for _, tt := range []struct {
			name string
			msg  []byte
			note string
		}{
			{"sealed by a relay that nobody has chosen to trust", append(arc, moved...), "held: the sender is not verified"},
			{"an older SEQUENCE", org(request("REQUEST", "1", "20261101T130000Z", "20261117T100000Z", "carol@example.org")), ": left alone: older than the copy"},
			{"the same SEQUENCE, an older DTSTAMP", org(request("REQUEST", "2", "20261101T110000Z", "20261117T100000Z", "carol@example.org")), ": left alone: older than the copy"},
			{"a CANCEL of the same SEQUENCE, with an older DTSTAMP", org(request("CANCEL", "2", "20261101T110000Z", "20261116T100000Z", "carol@example.org")), ": left alone"},
			{"the first once more, to another of bob's addresses", first, ": left alone"},
			{"another organizer, verified", w.sign(h.T, "example.net", []byte(other)), ": left alone: from another organizer"},
			{"a CANCEL by another organizer", w.sign(h.T, "example.net", request("CANCEL", "9", "20261101T130000Z", "20261116T100000Z", "mallory@example.net")), ": left alone: from another organizer"},
			{"a CANCEL in the organizer's name", w.sign(h.T, "example.net", bytes.Replace(request("CANCEL", "9", "20261101T130000Z", "20261116T100000Z", "carol@example.org"), []byte("From: carol@example.org"), []byte("From: mallory@example.net"), 1)),
				"held: mallory@example.net writes for the organizer carol@example.org"},
			{"an answer to what bob does not organize", org(itipMail("carol@example.org", "bob@example.com", "REPLY", answerText("x", "carol@example.org", "DECLINED"))), "held: it answers a meeting that somebody else organizes"},
			{"inside another mail", []byte("From: carol@example.org\r\nSubject: Fwd\r\nMIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n" + string(moved)), ": no calendar mail"},
			{"a report", readReceived(h.T, "postfix-bounce"), ": a bounce"},
			{"a winmail.dat", readReceived(h.T, "outlook-tnef"), "held: an Outlook attachment"},
		} {
			rcpt := "bob@example.com"
			if bytes.Equal(tt.msg, first) {
				rcpt = "bob+again@example.com"
			}
			h.deliver(r, "", rcpt, tt.msg)
			if got := h.inboundState(rcpt, h.bob.ID, tt.msg); !strings.HasPrefix(got, tt.note) {
				h.Errorf("%s: noted %q, want %q…", tt.name, got, tt.note)
			}
			if _, after := h.copy(h.bob, "x"); after != before {
				h.Fatalf("%s: the copy changed:\n%s", tt.name, after)
			}
		}
		thousand := []byte("From: carol@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\nContent-Type: text/calendar\r\n\r\nx\r\n", 1000) + "--b--\r\n")
		if err := r.Deliver(h.Context(), "", "bob@example.com", thousand); err == nil {
			h.Error("1,000 parts are taken in")
		}
		h.later()
		h.expectMail("all of it")
	})
}

// TestS9NoOpenRelay: a meeting reaches at most 100 people outside, and says so of the rest; more than 1,000 attendees are refused.
func TestS9NoOpenRelay(t *testing.T) {
	h := newHouse(t, newSQLite(t))
	people := func(n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("user%05d@example.org", i))
		}
		return list
	}
	h.put(h.alice, "m", meetingOf("m", "alice@example.com", people(500)))
	if n := len(h.work()); n != calendar.DefaultOutside {
		t.Errorf("%d mails, want %d", n, calendar.DefaultOutside)
	}
	if _, text := h.copy(h.alice, "m"); strings.Count(text, "SCHEDULE-STATUS=5.3") != 400 || strings.Count(text, "SCHEDULE-STATUS=1.1") != 100 {
		t.Error("SCHEDULE-STATUS does not say who got none")
	}
	_, err := h.Put(t.Context(), calendar.PutRequest{Who: h.alice, Target: calendar.Target{Owner: h.alice, Slug: "calendar", Name: "n.ics"},
		Body: []byte(meetingOf("n", "alice@example.com", people(10_000)))})
	if calendar.KindOf(err) != calendar.TooManyAttendees {
		t.Errorf("10,000 attendees: %v", err)
	}
	h.expectMail("10,000 attendees")
}

// TestS9AListHereIsItsMembers: a group's own address gets no mail, so that a list fed to us makes no loop.
func TestS9AListHereIsItsMembers(t *testing.T) {
	eachHouse(t, func(h *house) {
		d := &auth.Directory{Store: h.store}
		team, err := d.Add(h.Context(), auth.NewUser{Name: "team", DisplayName: "Team", Email: "team@example.com", Kind: "group"})
		if err != nil {
			h.Fatal(err)
		}
		if err := h.ChangeGroup(h.Context(), team, []int64{h.bob.ID}, nil); err != nil {
			h.Fatal(err)
		}
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", []string{"team@example.com", "carol@example.org"}))
		h.expectMail("a meeting with a group", "REQUEST carol@example.org")
		if o, _ := h.copy(h.bob, "m"); o == nil {
			h.Error("its member is not invited")
		}
		if ok, err := h.receiver(newWorld()).Accept(h.Context(), "team@example.com"); ok || err != nil {
			h.Errorf("mail to the group is taken in: %v, %v", ok, err)
		}
	})
}

// TestS9OwnMailComesBack: whatever sends our mails back to us, nothing follows, and nothing is mailed again.
func TestS9OwnMailComesBack(t *testing.T) {
	eachHouse(t, func(h *house) {
		w := newWorld("example.com")
		r := h.receiver(w)
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside))
		h.expectMail("the invitation", "REQUEST carol@example.org")
		own := h.last()
		_, before := h.copy(h.alice, "m")
		for _, msg := range [][]byte{own.msg, w.sign(h.T, "example.com", own.msg)} {
			for _, rcpt := range []string{"alice@example.com", "bob@example.com", own.from, "calendar@example.com"} {
				if err := r.Deliver(h.Context(), own.from, rcpt, msg); err != nil {
					h.Errorf("to %s: %v", rcpt, err)
				}
			}
		}
		h.later()
		h.expectMail("after it came back")
		if _, after := h.copy(h.alice, "m"); after != before {
			h.Errorf("the meeting changed:\n%s", after)
		}
		if o, _ := h.copy(h.bob, "m"); o != nil {
			h.Error("bob has the meeting")
		}
		if own.in.AutoSubmitted != "auto-generated" {
			h.Error("our mails do not say that a program sent them")
		}
	})
}

// TestR1AnswersAfterData: whatever the relay does after the dot, the mail is sent until it is taken, always the same one, and only a refusal
// for good ends it.
func TestR1AnswersAfterData(t *testing.T) {
	later := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Later"}
	for _, tt := range []struct {
		name   string
		first  func(s *relayServer)
		mails  int // that the relay got
		status string
	}{
		{"451", func(s *relayServer) {
			s.data = func(n int) error {
				if n == 1 {
					return later
				}
				return nil
			}
		}, 2, "1.1"},
		{"554", func(s *relayServer) {
			s.data = func(int) error {
				return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "No"}
			}
		}, 1, "5.1"},
		{"nothing: the connection drops", func(s *relayServer) { s.cut = true }, 2, "1.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, newSQLite(t))
			relay := startRelay(t, tt.first)
			second := startRelay(t, nil)
			h.sender.Transport = newTransport(t, "smtp://"+relay.addr, "smtp://"+second.addr)
			h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside))
			h.work()
			if tt.name == "451" { // the other relay took it at once
				if n := len(second.messages()); n != 1 {
					t.Errorf("the second relay got %d", n)
				}
			} else if n := len(second.messages()); n != 0 {
				t.Errorf("the second relay got %d of what the first may have taken, or refused", n)
			}
			relay.mu.Lock()
			relay.cut = false
			relay.mu.Unlock()
			h.clock = h.clock.Add(time.Hour)
			h.work()
			got := append(relay.messages(), second.messages()...)
			if len(got) != tt.mails {
				t.Fatalf("%d mails, want %d", len(got), tt.mails)
			}
			for _, m := range got {
				if !bytes.Equal(m.msg, got[0].msg) {
					t.Error("it was sent again as another mail")
				}
			}
			if _, text := h.copy(h.alice, "m"); !strings.Contains(text, "SCHEDULE-STATUS="+tt.status) {
				t.Errorf("SCHEDULE-STATUS is not %s:\n%s", tt.status, text)
			}
			h.clock = h.clock.Add(24 * time.Hour)
			h.work()
			if n := len(relay.messages()) + len(second.messages()); n != tt.mails {
				t.Errorf("%d mails a day later", n)
			}
		})
	}
}

// TestR1ClocksAndServers: five servers on one outbox, whose clocks step back and forward by an hour: each mail leaves once, and none is lost.
func TestR1ClocksAndServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := new(memoryQueue)
		var mu sync.Mutex
		var offset time.Duration
		sent := map[int64]int{}
		now := func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(offset)
		}
		step := func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			offset += d
		}
		var stops []func()
		for range 5 {
			d := &Dispatcher{Queue: q, Now: now, Handlers: map[string]Handler{"k": func(_ context.Context, j *storage.Job) error {
				time.Sleep(time.Second)
				mu.Lock()
				defer mu.Unlock()
				sent[j.ID]++
				return nil
			}}}
			stops = append(stops, start(t, d))
		}
		id := int64(0)
		for range 3 {
			for _, d := range []time.Duration{0, -time.Hour, 0, 2 * time.Hour, -time.Hour} {
				step(d)
				for range 10 {
					id++
					q.add(&storage.Job{Owner: 1, ID: id, Object: id, Kind: "k", DueAt: now()})
				}
				time.Sleep(time.Minute)
			}
		}
		time.Sleep(3 * time.Hour)
		for _, stop := range stops {
			stop()
		}
		for i := int64(1); i <= id; i++ {
			if sent[i] != 1 {
				t.Errorf("mail %d left %d times", i, sent[i])
			}
		}
	})
}
