package mailer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"kalends/calendar"
	"kalends/ical"
	"kalends/storage"
)

// world is the DNS and the signing keys of the domains outside.
type world struct {
	keys    map[string]ed25519.PrivateKey
	records map[string]string
	down    bool // DNS does not answer
}

func newWorld(domains ...string) *world {
	w := &world{keys: map[string]ed25519.PrivateKey{}, records: map[string]string{}}
	for _, d := range domains {
		seed := bytes.Repeat([]byte(d), 32)[:32]
		w.keys[d] = ed25519.NewKeyFromSeed(seed)
		w.records["s._domainkey."+d], _ = DKIMRecord(w.keys[d])
	}
	return w
}

func (w *world) lookup(_ context.Context, name string) ([]string, error) {
	if w.down {
		return nil, &net.DNSError{Err: "timeout", Name: name, IsTimeout: true, IsTemporary: true}
	}
	if r := w.records[strings.TrimSuffix(name, ".")]; r != "" {
		return []string{r}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// sign signs a mail for a domain.
func (w *world) sign(t *testing.T, domain string, msg []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	err := dkim.Sign(&b, bytes.NewReader(msg), &dkim.SignOptions{Domain: domain, Selector: "s", Signer: w.keys[domain],
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// itipMail is a mail with a calendar part, as plain as can be.
func itipMail(from, to, method, calendar string, headers ...string) []byte {
	return []byte(strings.Join(append(headers,
		"From: "+from, "To: "+to, "Subject: about a meeting", "Date: Mon, 02 Nov 2026 09:00:00 +0000",
		fmt.Sprintf("Message-ID: <%s@mail.example.org>", shortHash(from, to, method, calendar)), "MIME-Version: 1.0",
		"Content-Type: text/calendar; charset=utf-8; method="+method, "", crlf(strings.ReplaceAll(calendar, "\r\n", "\n"))), "\r\n"))
}

// answerText is a REPLY to meetingOf.
func answerText(uid, attendee, partstat string, more ...string) string {
	lines := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Other//EN", "METHOD:REPLY", "BEGIN:VEVENT", "UID:" + uid, "ORGANIZER:mailto:alice@example.com",
		"ATTENDEE;PARTSTAT=" + partstat + ":mailto:" + attendee}
	has := strings.Join(more, "\n")
	for _, l := range []string{"DTSTAMP:20261102T090000Z", "SEQUENCE:0", "DTSTART:20261116T100000Z"} {
		name, _, _ := strings.Cut(l, ":")
		if !strings.Contains(has, name+":") {
			lines = append(lines, l)
		}
	}
	lines = append(lines, more...)
	return strings.Join(append(lines, "END:VEVENT", "END:VCALENDAR", ""), "\n")
}

func (h *house) receiver(w *world) *Receiver {
	return &Receiver{Calendar: h.Service, Store: h.store, Identity: &h.composer.Identity, Log: slog.New(slog.DiscardHandler),
		Verifier: &Verifier{LookupTXT: w.lookup}}
}

// inboundState returns what is noted about a mail: "state: outcome".
func (h *house) inboundState(rcpt string, owner int64, msg []byte) string {
	h.Helper()
	in, err := h.store.InboundMail(h.Context(), owner, inboundKey(rcpt, msg))
	if err != nil {
		return err.Error()
	}
	return string(in.State) + ": " + in.Outcome
}

// accept is the owner's decision to carry out a mail that waits.
func (h *house) accept(owner *storage.Principal, rcpt string, msg []byte) error {
	_, err := h.AcceptHeld(h.Context(), owner, owner, inboundKey(rcpt, msg))
	return err
}

func (h *house) partStat(who *storage.Principal, uid, attendee string) string {
	h.Helper()
	o, _ := h.copy(who, uid)
	if o == nil {
		return "no copy"
	}
	cal, err := ical.Parse(o.ICS)
	if err != nil {
		h.Fatal(err)
	}
	for c := range cal.Main() {
		for p := range c.All("ATTENDEE") {
			if ical.Mailbox(p.Value()) == attendee {
				return p.Param("PARTSTAT")
			}
		}
	}
	return "not invited"
}

// TestS8AnswersByMail is the list S8: who may answer what, and what everything else leads to.
func TestS8AnswersByMail(t *testing.T) {
	w := newWorld("example.org", "example.net", "mail.example.org", "strict.example.net")
	w.records["_dmarc.strict.example.net"] = "v=DMARC1; p=reject; adkim=s"
	carol := "Carol <carol@example.org>"
	plain := answerText("m", "carol@example.org", "ACCEPTED")
	mail := itipMail(carol, "alice@example.com", "REPLY", plain)
	signed := func(msg []byte) []byte { return w.sign(t, "example.org", msg) }
	reply := func(text string) []byte { return signed(itipMail(carol, "alice@example.com", "REPLY", text)) }
	for _, tt := range []struct {
		name string
		msg  []byte
		want string // PARTSTAT of carol afterwards
		note string // what the note begins with
	}{
		{"signed by the author's domain", signed(mail), "ACCEPTED", ": answered"},
		{"lower-case method, no ORGANIZER, DTSTART or PRODID", reply(strings.NewReplacer("METHOD:REPLY", "METHOD:reply", "ORGANIZER:mailto:alice@example.com\n", "",
			"DTSTART:20261116T100000Z\n", "", "PRODID:-//Other//EN\n", "", "mailto:carol", "MAILTO:Carol").Replace(plain)), "ACCEPTED", ": answered"},
		{"a subdomain signs", w.sign(t, "mail.example.org", mail), "ACCEPTED", ": answered"},
		{"not signed", mail, "NEEDS-ACTION", "held: the sender is not verified"},
		{"signed by another domain", w.sign(t, "example.net", mail), "NEEDS-ACTION", "held: the sender is not verified"},
		{"changed after signing", bytes.Replace(signed(mail), []byte("ACCEPTED"), []byte("DECLINED"), 1), "NEEDS-ACTION", "held: the sender is not verified"},
		{"a second From", signed(append([]byte("From: carol@example.org\r\n"), mail...)), "NEEDS-ACTION", "held: the sender is not verified"},
		{"another verified person answers for carol", w.sign(t, "example.net", itipMail("mallory@example.net", "alice@example.com", "REPLY", plain)), "NEEDS-ACTION", "held: mallory@example.net answers for carol@example.org"},
		{"her secretary answers, as SENT-BY says", w.sign(t, "example.net", itipMail("dave@example.net", "alice@example.com", "REPLY",
			strings.Replace(plain, "PARTSTAT=ACCEPTED", `PARTSTAT=ACCEPTED;SENT-BY="mailto:dave@example.net"`, 1))), "ACCEPTED", ": answered"},
		{"somebody who is not invited", w.sign(t, "example.net", itipMail("mallory@example.net", "alice@example.com", "REPLY", answerText("m", "mallory@example.net", "ACCEPTED"))), "NEEDS-ACTION", "held: mallory@example.net answers without being invited"},
		{"an unknown meeting", reply(strings.Replace(plain, "UID:m", "UID:other", 1)), "NEEDS-ACTION", ": the meeting is gone"},
		{"an instance that does not exist", reply(answerText("m", "carol@example.org", "ACCEPTED", "RECURRENCE-ID:20261117T100000Z")), "NEEDS-ACTION", ": left alone"},
		{"two calendars that differ", signed(bytes.Replace(append(mail[:len(mail):len(mail)], "\r\n--b--\r\n"...), []byte("text/calendar; charset=utf-8; method=REPLY\r\n\r\n"),
			[]byte("multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/calendar; method=REPLY\r\n\r\n"+crlf(answerText("m", "carol@example.org", "DECLINED"))+"\r\n--b\r\nContent-Type: text/calendar; method=REPLY\r\n\r\n"), 1)), "NEEDS-ACTION", "held: the mail has calendar parts that say different things"},
		{"another method in the header", signed(itipMail(carol, "alice@example.com", "REQUEST", plain)), "NEEDS-ACTION", "held: the method in the header"},
		{"no calendar at all", signed(itipMail(carol, "alice@example.com", "REPLY", "hello")), "NEEDS-ACTION", "held: its calendar part cannot be read"},
		{"a strict domain signs by itself", w.sign(t, "strict.example.net", itipMail("eve@strict.example.net", "alice@example.com", "REPLY", answerText("m", "eve@strict.example.net", "ACCEPTED"))), "NEEDS-ACTION", "held: eve@strict.example.net answers without"},
		{"its parent signs for a strict domain", w.sign(t, "example.net", itipMail("eve@strict.example.net", "alice@example.com", "REPLY", answerText("m", "eve@strict.example.net", "ACCEPTED"))), "NEEDS-ACTION", "held: the sender is not verified: strict.example.net wants"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, newSQLite(t))
			h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside))
			r := h.receiver(w)
			rcpt := "alice+meetings@EXAMPLE.com"
			for range 2 { // an MTA that was not answered comes again
				if err := r.Deliver(t.Context(), "carol@example.org", rcpt, tt.msg); err != nil {
					t.Fatal(err)
				}
			}
			if got := h.partStat(h.alice, "m", "carol@example.org"); got != tt.want {
				t.Errorf("PARTSTAT is %s, want %s", got, tt.want)
			}
			if got := h.inboundState(rcpt, h.alice.ID, tt.msg); !strings.HasPrefix(got, tt.note) {
				t.Errorf("noted %q, want %q…", got, tt.note)
			}
		})
	}
}

// TestAnswersInOrder: a late or repeated answer never overwrites a newer one.
func TestAnswersInOrder(t *testing.T) {
	eachHouse(t, func(h *house) {
		w := newWorld("example.org")
		r := h.receiver(w)
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside))
		send := func(partstat, stamp, want string) {
			h.Helper()
			msg := w.sign(h.T, "example.org", itipMail("carol@example.org", "alice@example.com", "REPLY", answerText("m", "carol@example.org", partstat, "DTSTAMP:"+stamp)))
			if err := r.Deliver(h.Context(), "", "alice@example.com", msg); err != nil {
				h.Fatal(err)
			}
			if got := h.partStat(h.alice, "m", "carol@example.org"); got != want {
				h.Errorf("after %s of %s: %s, want %s", partstat, stamp, got, want)
			}
		}
		send("TENTATIVE", "20261102T090000Z", "TENTATIVE")
		send("DECLINED", "20261102T110000Z", "DECLINED")
		send("ACCEPTED", "20261102T100000Z", "DECLINED")
		send("TENTATIVE", "20261102T090000Z", "DECLINED")
		send("ACCEPTED", "20261102T120000Z", "ACCEPTED")
	})
}

// TestReplyAddressIsAsGoodAsALink: no signature is needed, other attendees cannot use it, and it dies with removal.
func TestReplyAddressIsAsGoodAsALink(t *testing.T) {
	eachHouse(t, func(h *house) {
		r := h.receiver(newWorld())
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", []string{"carol@example.org", "dave@example.org"}))
		h.expectMail("the invitations", "REQUEST carol@example.org", "REQUEST dave@example.org")
		address := map[string]string{}
		for _, l := range h.post.letters {
			cal, _, _ := l.in.Message()
			address[l.to] = ical.Mailbox(cal.Master().Value("ORGANIZER"))
			if l.from != address[l.to] {
				h.Errorf("bounces come to %s, answers to %s", l.from, address[l.to])
			}
		}
		send := func(to, attendee, partstat, method string) {
			h.Helper()
			text := strings.ReplaceAll(answerText("m", attendee, partstat), "mailto:alice@example.com", "mailto:"+to)
			if err := r.Deliver(h.Context(), "", to, itipMail(attendee, to, method, strings.Replace(text, "REPLY", method, 1))); err != nil {
				h.Fatal(err)
			}
		}
		send(strings.ToUpper(address["carol@example.org"]), "carol@example.org", "ACCEPTED", "REPLY")
		send(address["carol@example.org"], "dave@example.org", "DECLINED", "REPLY")
		send(address["dave@example.org"], "dave@example.org", "DECLINED", "REQUEST")
		if c, d := h.partStat(h.alice, "m", "carol@example.org"), h.partStat(h.alice, "m", "dave@example.org"); c != "ACCEPTED" || d != "NEEDS-ACTION" {
			h.Errorf("carol %s, dave %s", c, d)
		}
		if list, err := h.store.WaitingMail(h.Context(), storage.WaitingQuery{Owner: h.alice.ID}); err != nil || len(list) != 1 || !strings.Contains(list[0].Outcome, "dave@example.org answers, and the invitation went to carol") {
			h.Errorf("waiting: %+v, %v", list, err)
		}
		words := "From: dave@example.org\r\nTo: x\r\nSubject: Re: Planning\r\n\r\nI am late.\r\n"
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", []string{"dave@example.org"}))
		send(address["carol@example.org"], "carol@example.org", "TENTATIVE", "REPLY")
		if got := h.partStat(h.alice, "m", "carol@example.org"); got != "not invited" {
			h.Errorf("the address of somebody removed still works: %s", got)
		}
		var refusal *Refusal
		if err := r.Deliver(h.Context(), "", "reply+aaaa@reply.example.com", []byte(words)); !errors.As(err, &refusal) {
			h.Errorf("a guessed address: %v", err)
		}
		if err := r.Deliver(h.Context(), "", "nobody@example.com", []byte(words)); !errors.As(err, &refusal) {
			h.Errorf("an unknown address: %v", err)
		}
		for rcpt, want := range map[string]bool{"alice@example.com": true, "Alice+x@Example.com": true, "calendar@example.com": true, "nobody@example.com": false, "": false, "alice": false} {
			if got, err := r.Accept(h.Context(), rcpt); err != nil || got != want {
				h.Errorf("Accept(%q) = %v, %v", rcpt, got, err)
			}
		}
	})
}

// TestBounces: a delivery report to a reply address marks the attendee.
func TestBounces(t *testing.T) {
	eachHouse(t, func(h *house) {
		r := h.receiver(newWorld())
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside))
		h.expectMail("the invitation", "REQUEST carol@example.org")
		bounce := readReceived(h.T, "postfix-bounce")
		if err := r.Deliver(h.Context(), "", h.last().from, bytes.ReplaceAll(bounce, []byte("Action: failed"), []byte("Action: delayed"))); err != nil {
			h.Fatal(err)
		}
		if _, text := h.copy(h.alice, "m"); !strings.Contains(text, "SCHEDULE-STATUS=1.1") {
			h.Errorf("a report of a delay marked the attendee:\n%s", text)
		}
		if err := r.Deliver(h.Context(), "", h.last().from, bounce); err != nil {
			h.Fatal(err)
		}
		if _, text := h.copy(h.alice, "m"); !strings.Contains(text, "SCHEDULE-STATUS=5.1:mailto:carol@example.org") {
			h.Errorf("the bounce is not shown:\n%s", text)
		}
		h.clock = h.clock.Add(time.Hour)
		h.expectMail("because of a bounce")
	})
}

// TestS8InvitationsFromOutside: known senders' invitations stand in the calendar, the answer goes back by mail in the same thread, updates and
// cancellations follow; strangers' wait.
func TestS8InvitationsFromOutside(t *testing.T) {
	eachHouse(t, func(h *house) {
		w := newWorld("example.org", "example.net")
		r := h.receiver(w)
		send := func(from, domain, method, text string) []byte {
			h.Helper()
			msg := itipMail(from, "bob@example.com", method, strings.Replace(text, "VERSION:2.0\r\n", "VERSION:2.0\r\nMETHOD:"+method+"\r\n", 1))
			if domain != "" {
				msg = w.sign(h.T, domain, msg)
			}
			if err := r.Deliver(h.Context(), from, "bob@example.com", msg); err != nil {
				h.Fatal(err)
			}
			return msg
		}
		invitation := meetingOf("x", "carol@example.org", []string{"bob@example.com"}, "SEQUENCE:0")

		// A stranger.
		msg := send("carol@example.org", "example.org", "REQUEST", invitation)
		if got := h.inboundState("bob@example.com", h.bob.ID, msg); !strings.HasPrefix(got, "request: an invitation by carol@example.org") {
			h.Errorf("a stranger's invitation: %s", got)
		}
		if o, _ := h.copy(h.bob, "x"); o != nil {
			h.Error("a stranger's invitation is in the calendar")
		}
		if err := h.accept(h.bob, "bob@example.com", msg); err != nil {
			h.Fatal(err)
		}
		o, text := h.copy(h.bob, "x")
		if o == nil || !strings.Contains(text, "PARTSTAT=NEEDS-ACTION") {
			h.Fatalf("after accepting it: %s", text)
		}
		if err := h.accept(h.bob, "bob@example.com", msg); calendar.KindOf(err) != calendar.NotFound {
			h.Errorf("accepting it twice: %v", err)
		}

		// The answer.
		h.put(h.bob, "x", strings.Replace(text, "PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob", "PARTSTAT=ACCEPTED:mailto:bob", 1))
		h.expectMail("bob accepts", "REPLY carol@example.org")
		in, _ := Parse(msg)
		if l := h.last(); len(l.in.References) != 1 || l.in.References[0] != in.MessageID {
			h.Errorf("the answer refers to %q, the invitation is %q", l.in.References, in.MessageID)
		}
		cal, _, _ := h.last().in.Message()
		h.contains("the answer", cal.String(), "PARTSTAT=ACCEPTED:mailto:bob@example.com", "ORGANIZER:mailto:carol@example.org", "DTSTART:20261116T100000Z", "SUMMARY:Planning")

		// An update, an older one, a forged one, one by another organizer.
		moved := strings.NewReplacer("SEQUENCE:0", "SEQUENCE:2", "20261116T100000Z", "20261117T100000Z").Replace(invitation)
		send("carol@example.org", "example.org", "REQUEST", moved)
		check := func(what, want string) {
			h.Helper()
			if _, text := h.copy(h.bob, "x"); !strings.Contains(text, want) {
				h.Errorf("%s: the copy lacks %s\n%s", what, want, text)
			}
		}
		check("the update", "DTSTART:20261117T100000Z")
		send("carol@example.org", "example.org", "REQUEST", strings.NewReplacer("SEQUENCE:0", "SEQUENCE:1", "20261116T100000Z", "20261118T100000Z").Replace(invitation))
		check("an older update", "DTSTART:20261117T100000Z")
		send("carol@example.org", "", "CANCEL", strings.Replace(moved, "SEQUENCE:2", "SEQUENCE:3", 1))
		send("mallory@example.net", "example.net", "CANCEL", strings.Replace(moved, "SEQUENCE:2", "SEQUENCE:3", 1))
		send("mallory@example.net", "example.net", "REQUEST", strings.NewReplacer("SEQUENCE:2", "SEQUENCE:3", "carol@example.org", "mallory@example.net", "20261117", "20261119").Replace(moved))
		check("forgeries", "DTSTART:20261117T100000Z")
		if _, text := h.copy(h.bob, "x"); strings.Contains(text, "CANCELLED") || strings.Contains(text, "mallory") {
			h.Errorf("a forgery worked:\n%s", text)
		}
		send("carol@example.org", "example.org", "CANCEL", strings.Replace(moved, "SEQUENCE:2", "SEQUENCE:3", 1))
		check("the CANCEL", "STATUS:CANCELLED")

		// Carol is known now, and so is everybody of bob's domain.
		send("carol@example.org", "example.org", "REQUEST", strings.ReplaceAll(invitation, "UID:x", "UID:y"))
		if o, _ := h.copy(h.bob, "y"); o == nil {
			h.Error("an invitation by somebody known waits")
		}
		// Published, or for others, or of somebody here.
		send("carol@example.org", "example.org", "PUBLISH", strings.ReplaceAll(invitation, "UID:x", "UID:p"))
		send("carol@example.org", "example.org", "REQUEST", strings.NewReplacer("UID:x", "UID:q", "bob@example.com", "list@example.org").Replace(invitation))
		send("alice@example.com", "", "REQUEST", strings.NewReplacer("UID:x", "UID:r", "carol@example.org", "alice@example.com").Replace(invitation))
		for _, uid := range []string{"p", "q", "r"} {
			if o, _ := h.copy(h.bob, uid); o != nil {
				h.Errorf("%s was added by itself", uid)
			}
		}
		// DNS does not answer: the mail is to come again.
		w.down = true
		if err := r.Deliver(h.Context(), "", "bob@example.com", w.sign(h.T, "example.org", itipMail("carol@example.org", "bob@example.com", "REQUEST", invitation))); err == nil || errors.As(err, new(*Refusal)) {
			h.Errorf("while DNS is down: %v, want a temporary error", err)
		}
	})
}

// TestCounterAndRefresh: a proposal waits for the organizer, who takes it or refuses it; a question is answered, but not too often.
func TestCounterAndRefresh(t *testing.T) {
	eachHouse(t, func(h *house) {
		r := h.receiver(newWorld())
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside))
		h.expectMail("the invitation", "REQUEST carol@example.org")
		to := h.last().from
		send := func(method, text string) []byte {
			h.Helper()
			msg := itipMail("carol@example.org", to, method, strings.Replace(text, "METHOD:REPLY", "METHOD:"+method, 1))
			if err := r.Deliver(h.Context(), "carol@example.org", to, msg); err != nil {
				h.Fatal(err)
			}
			return msg
		}
		proposal := func(hour, stamp string) string {
			return answerText("m", "carol@example.org", "TENTATIVE", "DTSTART:20261116T"+hour+"0000Z", "DURATION:PT1H", "SUMMARY:Planning", "DTSTAMP:"+stamp)
		}
		msg := send("COUNTER", proposal("14", "20261102T090000Z"))
		if got := h.inboundState(to, h.alice.ID, msg); got != "held: carol@example.org proposes another time" {
			h.Errorf("the proposal: %s", got)
		}
		if err := h.RefuseHeld(h.Context(), h.alice, h.alice, inboundKey(to, msg), "The room is taken."); err != nil {
			h.Fatal(err)
		}
		h.clock = h.clock.Add(time.Minute)
		h.expectMail("refused", "DECLINECOUNTER carol@example.org") // and no notice of what is decided already
		h.contains("the refusal", h.last().in.Text, "The room is taken.", "keeps")
		msg = send("COUNTER", proposal("15", "20261102T100000Z"))
		if err := h.accept(h.alice, to, msg); err != nil {
			h.Fatal(err)
		}
		if _, text := h.copy(h.alice, "m"); !strings.Contains(text, "DTSTART:20261116T150000Z") {
			h.Errorf("the proposal was not taken:\n%s", text)
		}
		h.clock = h.clock.Add(time.Minute)
		h.expectMail("taken", "REQUEST carol@example.org")
		if got := h.last().in.Text; !strings.Contains(got, "15:00") || !strings.Contains(got, "was:") {
			h.Errorf("the update says\n%s", got)
		}
		refresh := answerText("m", "carol@example.org", "TENTATIVE")
		send("REFRESH", refresh)
		h.clock = h.clock.Add(time.Minute)
		h.expectMail("asked just after it was sent")
		h.clock = h.clock.Add(time.Hour)
		send("REFRESH", strings.Replace(refresh, "0900", "1100", 1))
		h.clock = h.clock.Add(time.Minute)
		h.expectMail("asked an hour later", "REQUEST carol@example.org")
	})
}

// TestOwnMailServerIsBelieved: the topmost Authentication-Results of our own server decide, and nobody else's.
func TestOwnMailServerIsBelieved(t *testing.T) {
	v := &Verifier{AuthServID: "mx.example.com", LookupTXT: func(context.Context, string) ([]string, error) { return nil, errors.New("asked DNS") }}
	for _, tt := range []struct {
		name, results string
		want          bool
	}{
		{"DMARC", "mx.example.com; dmarc=pass header.from=example.org", true},
		{"DKIM", "MX.example.com 1; dkim=pass header.d=example.org", true},
		{"DKIM by i=", "mx.example.com; dkim=pass header.i=@mail.example.org", true},
		{"SPF", "mx.example.com; spf=pass smtp.mailfrom=bounces@example.org", true},
		{"DKIM of another", "mx.example.com; dkim=pass header.d=example.net", false},
		{"SPF of another", "mx.example.com; spf=pass smtp.mailfrom=x@example.net", false},
		{"SPF of a name only", "mx.example.com; spf=pass smtp.helo=example.org", false},
		{"DMARC of another", "mx.example.com; dmarc=pass header.from=example.net", false},
		{"DMARC that failed, beside DKIM", "mx.example.com; dmarc=fail header.from=example.org; dkim=pass header.d=example.org", false},
		{"failed", "mx.example.com; dkim=fail header.d=example.org", false},
		{"none", "mx.example.com; none", false},
		{"another server", "mx.example.net; dmarc=pass header.from=example.org", false},
		{"nonsense", ";;;", false},
		{"a forged one below", "mx.example.net; none\r\nAuthentication-Results: mx.example.com; dmarc=pass header.from=example.org", false},
		{"nothing", "", false},
	} {
		header := []string{"Authentication-Results: " + tt.results}
		if tt.results == "" {
			header = nil
		}
		msg := itipMail("Carol <carol@example.org>", "alice@example.com", "REPLY", answerText("m", "carol@example.org", "ACCEPTED"), header...)
		in, err := Parse(msg)
		if err != nil {
			t.Fatal(err)
		}
		from, err := v.Author(t.Context(), msg, in)
		if (err == nil) != tt.want || err == nil && from != "carol@example.org" || err != nil && !errors.Is(err, ErrNotVerified) {
			t.Errorf("%s: Author = %q, %v", tt.name, from, err)
		}
	}
}
