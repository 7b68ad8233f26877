package mailer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"kalends/scheduling"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// TestOutboxToRelay brings jobs from each database through two dispatchers to a real SMTP server: all of them, each once, and
// what the server refuses is told.
func TestOutboxToRelay(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store storage.Store) {
		const total = 120
		relay := startRelay(t, func(s *relayServer) {
			s.rcpt = func(to string) error {
				if strings.HasPrefix(to, "nobody") {
					return errNobody
				}
				return nil
			}
		})
		now := time.Now()
		err := store.Update(t.Context(), func(tx storage.Tx) error {
			p := &storage.Principal{Name: "alice", Kind: storage.Person, Email: "alice@example.com", Created: now}
			if err := tx.PutPrincipal(t.Context(), p, []string{"mailto:alice@example.com"}); err != nil {
				return err
			}
			if err := tx.Lock(t.Context(), total, p.ID); err != nil {
				return err
			}
			for i := range total {
				id, err := tx.Next(t.Context(), p.ID)
				if err != nil {
					return err
				}
				to := fmt.Sprintf("mailto:user%03d@example.org", i)
				if i%10 == 0 {
					to = fmt.Sprintf("mailto:nobody%03d@example.org", i)
				}
				m := scheduling.Mail{Method: "REQUEST", From: "mailto:alice@example.com", FromName: "Alice", To: to,
					Calendar: strings.ReplaceAll(crlf(weekly), "mailto:bob@example.org", to), Owner: p.ID, Object: 7, UID: "planning-1@example.com"}
				payload, err := json.Marshal(m)
				if err != nil {
					return err
				}
				err = tx.AddJob(t.Context(), &storage.Job{Owner: p.ID, ID: id, Kind: JobKind, Recipient: to, Object: 7, UID: m.UID,
					Payload: payload, State: storage.Ready, DueAt: now, Created: now})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}

		var mu sync.Mutex
		outcomes := make(map[string]error)
		all := make(chan struct{})
		var stops []func()
		for range 2 {
			d := &Dispatcher{
				Queue: store, Workers: 8,
				Handlers: map[string]Handler{JobKind: (&Sender{Composer: testComposer(), Transport: newTransport(t, "smtp://"+relay.addr)}).Handle},
				Outcome: func(_ context.Context, j *storage.Job, err error) error {
					mu.Lock()
					defer mu.Unlock()
					outcomes[j.Recipient] = err
					if len(outcomes) == total {
						close(all)
					}
					return nil
				},
			}
			stops = append(stops, start(t, d))
			d.Wake()
		}
		select {
		case <-all:
		case <-time.After(2 * time.Minute):
			t.Error("not all jobs ended")
		}
		for _, stop := range stops {
			stop()
		}
		got := make(map[string]int)
		for _, m := range relay.messages() {
			got[m.to]++
		}
		for i := range total {
			address := fmt.Sprintf("user%03d@example.org", i)
			if i%10 == 0 {
				address = fmt.Sprintf("nobody%03d@example.org", i)
				if err := outcomes["mailto:"+address]; Temporary(err) {
					t.Errorf("outcome of %s = %v", address, err)
				}
				continue
			}
			if got[address] != 1 || outcomes["mailto:"+address] != nil {
				t.Errorf("%s has %d mails, outcome %v", address, got[address], outcomes["mailto:"+address])
			}
		}
		for state, want := range map[storage.JobState]int{storage.Done: total * 9 / 10, storage.Failed: total / 10} {
			jobs, err := store.Jobs(t.Context(), []storage.JobState{state}, 0)
			if err != nil || len(jobs) != want {
				t.Errorf("%d jobs are %s, want %d: %v", len(jobs), state, want, err)
			}
		}
	})
}

// TestReplyComesHome sends an invitation to a mailbox whose owner answers it, over SMTP out and LMTP in: the answer
// arrives under the address that the invitation carried, and leads to the object and the attendee.
func TestReplyComesHome(t *testing.T) {
	relay := startRelay(t, nil)
	c := testComposer()
	l, err := composeJob(c, invite("REQUEST", weekly))
	if err != nil {
		t.Fatal(err)
	}
	if err := newTransport(t, "smtp://"+relay.addr).Send(t.Context(), l.From, l.To, l.Message); err != nil {
		t.Fatal(err)
	}
	in, err := Parse(relay.messages()[0].msg)
	if err != nil {
		t.Fatal(err)
	}
	cal, _, err := in.Message()
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(cal.Master().Value("ORGANIZER"), "mailto:")

	b := &inbox{accept: func(rcpt string) (bool, error) { _, ok := c.OpenReply(rcpt); return ok, nil }}
	dial, _ := serve(t, &Listener{Inbox: b, Log: slog.New(slog.DiscardHandler)}, "127.0.0.1:0")
	answer := bytes.ReplaceAll(readReceived(t, "exchange-reply-declined"), []byte("reply+token@reply.example.com"), []byte(address))
	refused, err := lmtp(t, dial(), "bob@example.org", []string{strings.ToUpper(address), "reply+aaaa@reply.example.com", "alice@example.com"}, answer)
	if err != nil || len(refused) != 2 || len(b.got) != 1 {
		t.Fatalf("%v, %v, %d delivered", refused, err, len(b.got))
	}
	r, ok := c.OpenReply(b.got[0].to)
	in, err = Parse(b.got[0].msg)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	cal, method, err := in.Message()
	if err != nil || method != "REPLY" {
		t.Fatal(method, err)
	}
	a := cal.Master().Prop("ATTENDEE")
	if r.Owner != 12 || r.Object != 345 || !c.Tokens.IsFor(r, a.Value()) || a.Param("PARTSTAT") != "DECLINED" {
		t.Errorf("reply = %+v, %s", r, a.Line())
	}
}

func BenchmarkComposeInvitation(b *testing.B) {
	c, inv := testComposer(), invite("REQUEST", weekly)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := composeJob(c, inv); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	msg := readReceived(b, "gmail-reply-accepted")
	b.ReportAllocs()
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		if _, err := Parse(msg); err != nil {
			b.Fatal(err)
		}
	}
}
