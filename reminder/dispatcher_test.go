package reminder

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kalends/storage"
	"kalends/storage/storagetest"
)

func TestOnceAndOnTime(t *testing.T) {
	each(t, func(h *house) {
		h.put("a", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;COUNT=3\n!:-PT15M"))
		d := h.server()
		h.set("20260105T094459Z")
		h.rounds(d)
		h.expect("a second before")
		h.set("20260105T094500Z")
		h.rounds(d)
		h.expect("in time", "a 0105T094500Z")
		h.rounds(d, h.server()) // and after a restart
		h.expect("again", "a 0105T094500Z")
		h.set("20260106T094501Z")
		h.rounds(h.server())
		h.set("20260107T094501Z")
		h.rounds(h.server())
		h.set("20270101T000000Z")
		h.rounds(h.server())
		h.expect("the whole series", "a 0105T094500Z", "a 0106T094500Z", "a 0107T094500Z")
	})
}

func TestEqualDueTimesGoTogether(t *testing.T) {
	each(t, func(h *house) {
		h.put("a", event("DTSTART:20260105T100000Z\nDTEND:20260105T110000Z\n!:-PT15M\n!;RELATED=END:-PT75M\n!;VALUE=DATE-TIME:20260105T094500Z\n!:-PT10M"))
		h.put("b", event("DTSTART:20260105T100000Z\n!:-PT15M"))
		h.set("20260105T094500Z")
		h.rounds(h.server())
		h.expect("at a quarter to", "a 0105T094500Z x3", "b 0105T094500Z")
		h.set("20260105T095000Z")
		h.rounds(h.server())
		h.expect("at ten to", "a 0105T094500Z x3", "b 0105T094500Z", "a 0105T095000Z")
	})
}

func TestClocksChange(t *testing.T) {
	each(t, func(h *house) {
		h.set("20260301T000000Z")
		h.put("a", event("DTSTART;TZID=Europe/Berlin:20260327T023000\nRRULE:FREQ=DAILY;COUNT=4\n!:-PT15M"))
		h.put("b", event("DTSTART;VALUE=DATE:20260328\nRRULE:FREQ=DAILY;COUNT=3\n!:PT9H"))
		d := h.server()
		for h.set("20260326T000000Z"); h.Now().Before(at(h, "20260401T000000Z")); h.add(15 * time.Minute) {
			h.rounds(d)
		}
		// 02:30 does not exist on the 29th and is read as 03:30 there. Nine hours after midnight is ten o'clock that day.
		h.expect("in spring", "a 0327T011500Z", "a 0328T011500Z", "a 0329T011500Z", "a 0330T001500Z",
			"b 0328T080000Z", "b 0329T080000Z", "b 0330T070000Z")
	})
	each(t, func(h *house) {
		h.set("20261001T000000Z")
		h.put("a", event("DTSTART;TZID=Europe/Berlin:20261023T023000\nRRULE:FREQ=DAILY;COUNT=4\n!:-PT15M\n!:-PT75M"))
		h.put("b", event("DTSTART;VALUE=DATE:20261024\nRRULE:FREQ=DAILY;COUNT=3\n!:PT2H30M"))
		d := h.server()
		for h.set("20261022T000000Z"); h.Now().Before(at(h, "20261028T000000Z")); h.add(15 * time.Minute) {
			h.rounds(d, h.server())
		}
		// 02:30 is there twice on the 25th: the event is at the first, and reminded of once.
		h.expect("in autumn", "a 1022T231500Z", "a 1023T001500Z", "a 1023T231500Z", "a 1024T001500Z", "a 1024T231500Z", "a 1025T001500Z", "a 1026T001500Z", "a 1026T011500Z",
			"b 1024T003000Z", "b 1025T003000Z", "b 1026T013000Z")
	})
}

func TestDoneAfterTheServerWasDown(t *testing.T) {
	each(t, func(h *house) {
		h.put("daily", event("DTSTART:20260105T100000Z\nDTEND:20260105T110000Z\nRRULE:FREQ=DAILY\n!:-PT15M"))
		h.put("fair", event("DTSTART:20260106T100000Z\nDTEND:20260112T180000Z\n!:-PT1H"))
		h.put("soon", event("DTSTART:20260109T120000Z\n!:-PT4H"))
		h.put("gone", event("DTSTART:20260106T100000Z\n!:-PT1H"))
		h.set("20260109T090000Z")
		h.rounds(h.server(), h.server())
		h.expect("four days later",
			"daily 0108T094500Z late", // due less than a day ago
			"fair 0106T090000Z late",  // still on
			"soon 0109T080000Z late")
		if n := strings.Count(h.log.String(), "reminders missed"); n != 2 {
			h.Errorf("the log tells of %d objects with missed reminders, want 2:\n%s", n, h.log.String())
		}
		h.rounds(h.server())
		h.set("20260109T094500Z")
		h.rounds(h.server())
		h.expect("then in time again", "daily 0108T094500Z late", "fair 0106T090000Z late", "soon 0109T080000Z late", "daily 0109T094500Z")
	})
}

func TestLongOutageOfAFrequentAlarm(t *testing.T) {
	each(t, func(h *house) {
		h.put("a", event("DTSTART:20260105T100000Z\nDURATION:PT1M\nRRULE:FREQ=HOURLY\n!:PT0S"))
		h.set("20270105T100000Z")
		h.rounds(h.server())
		if n := len(h.mails()); n != 25 { // the hours of the last day
			h.Errorf("%d mails after a year, want 25:\n%s", n, strings.Join(h.mails(), "\n"))
		}
	})
}

// What is stored decides at the time of sending, not what was planned.
func TestLookedAtAgain(t *testing.T) {
	for name, tt := range map[string]struct{ now, want string }{ // want: what is sent at 09:45
		"unchanged":    {"DTSTART:20260105T100000Z\n!:-PT15M", "a 0105T094500Z"},
		"moved later":  {"DTSTART:20260105T120000Z\n!:-PT15M", ""},
		"cancelled":    {"DTSTART:20260105T100000Z\nSTATUS:CANCELLED\n!:-PT15M", ""},
		"declined":     {"DTSTART:20260105T100000Z\nATTENDEE;PARTSTAT=DECLINED:mailto:alice@example.com\n!:-PT15M", ""},
		"accepted":     {"DTSTART:20260105T100000Z\nATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\n!:-PT15M", "a 0105T094500Z"},
		"acknowledged": {"DTSTART:20260105T100000Z\nX-MOZ-LASTACK:20260105T094501Z\n!:-PT15M", ""},
		"no alarm":     {"DTSTART:20260105T100000Z", ""},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(h *house) {
				h.put("a", event("DTSTART:20260105T100000Z\n!:-PT15M"))
				h.write(h.alice, h.cal, "a", event(tt.now), false)
				h.set("20260105T094500Z")
				d := h.server()
				h.rounds(d)
				var want []string
				if tt.want != "" {
					want = append(want, tt.want)
				}
				h.expect("when it was due", want...)
				h.set("20260105T114500Z")
				h.rounds(d)
				if name == "moved later" {
					want = append(want, "a 0105T114500Z")
				}
				h.expect("two hours later", want...)
			})
		})
	}
	each(t, func(h *house) {
		h.put("a", event("DTSTART:20260105T100000Z\n!:-PT15M"))
		h.remove("a")
		h.set("20260105T094500Z")
		h.rounds(h.server())
		h.expect("deleted")
	})
}

// A PUT between the due time and the sending neither loses nor doubles a reminder.
func TestWrittenWhileDue(t *testing.T) {
	each(t, func(h *house) {
		text := event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;COUNT=2\n!:-PT15M")
		h.put("a", text)
		h.set("20260105T094500Z")
		h.put("a", text) // before the claim
		claimed, err := h.store.ClaimReminders(context.Background(), h.Now(), time.Minute, 10)
		if err != nil || len(claimed) != 1 {
			h.Fatalf("ClaimReminders = %v, %v", claimed, err)
		}
		h.put("a", text) // between claim and sending
		d := h.server()
		d.init()
		h.handle(context.Background(), d, claimed)
		h.expect("sent", "a 0105T094500Z")
		h.put("a", text) // after sending
		h.add(2 * time.Minute)
		h.rounds(d, h.server())
		h.expect("after the lease", "a 0105T094500Z")
		h.set("20260106T094500Z")
		h.rounds(d)
		h.expect("the next", "a 0105T094500Z", "a 0106T094500Z")
	})
}

func TestKilledAtEveryStep(t *testing.T) {
	each(t, func(h *house) {
		h.put("a", event("DTSTART:20260105T100000Z\n!:-PT15M"))
		h.set("20260105T094500Z")
		// After the claim.
		if _, err := h.store.ClaimReminders(context.Background(), h.Now(), time.Minute, 10); err != nil {
			h.Fatal(err)
		}
		h.rounds(h.server())
		h.expect("while the dead server's lease lasts")
		h.add(time.Minute)
		// While composing: the transaction is rolled back, with all it had written.
		d := h.server()
		d.init()
		compose := d.Compose
		killed, cancel := context.WithCancel(context.Background())
		d.Compose = func(ctx context.Context, tx storage.Tx, due Due) (*storage.Job, error) {
			j, err := compose(ctx, tx, due)
			cancel()
			return j, err
		}
		claimed, err := h.store.ClaimReminders(context.Background(), h.Now(), time.Minute, 10)
		if err != nil || len(claimed) != 1 {
			h.Fatalf("ClaimReminders = %v, %v", claimed, err)
		}
		h.handle(killed, d, claimed)
		h.expect("killed before commit")
		h.add(time.Minute)
		h.rounds(h.server())
		h.expect("by the next server", "a 0105T094500Z")
		// After the commit, before anything else: the lease has nothing left to do.
		d.Compose = compose
		h.add(time.Hour)
		h.handle(context.Background(), d, claimed)
		h.rounds(h.server())
		h.expect("and only once", "a 0105T094500Z")
	})
}

func TestTwoServersAtOnce(t *testing.T)  { serversAtOnce(t, 2) }
func TestFiveServersAtOnce(t *testing.T) { serversAtOnce(t, 5) }

func serversAtOnce(t *testing.T, servers int) {
	each(t, func(h *house) {
		const people, objects = 5, 30
		var want []string
		for i := range people {
			who, cal := h.person(fmt.Sprint("user", i))
			for k := range objects {
				name := fmt.Sprintf("%d-%d", i, k)
				h.write(who, cal, name, event("DTSTART:20260105T100000Z\nRRULE:FREQ=MINUTELY;INTERVAL=10;COUNT=2\n!:-PT15M\n!:-PT5M"), true)
				want = append(want, name+" 0105T094500Z", name+" 0105T095500Z x2", name+" 0105T100500Z")
			}
		}
		h.set("20260105T094500Z")
		for h.Now().Before(at(h, "20260105T102000Z")) {
			var wg sync.WaitGroup
			for range servers {
				d := h.server()
				d.Log = nil
				wg.Go(func() {
					for {
						if n, err := d.Round(context.Background()); err != nil || n == 0 {
							if err != nil {
								h.Error(err)
							}
							return
						}
					}
				})
			}
			wg.Wait()
			h.add(5 * time.Minute)
		}
		// The rule's second instance is at 10:10: -15 is 09:55 as well, and goes with -5 of the first.
		h.expect("from all servers", want...)
	})
}

func TestOneBadObjectHoldsUpNothing(t *testing.T) {
	each(t, func(h *house) {
		alarm := event("DTSTART:20260105T100000Z\n!:-PT15M")
		for _, name := range []string{"a", "bad", "c", "panics", "e", "fails"} {
			h.put(name, alarm)
		}
		h.write(h.alice, h.cal, "bad", "broken", false)
		h.set("20260105T094500Z")
		d := h.server()
		compose, broken := d.Compose, true
		d.Compose = func(ctx context.Context, tx storage.Tx, due Due) (*storage.Job, error) {
			switch {
			case due.Object.Name == "panics" && broken:
				panic("boom")
			case due.Object.Name == "fails" && broken:
				return nil, errors.New("no template")
			}
			return compose(ctx, tx, due)
		}
		h.rounds(d)
		h.expect("at first", "a 0105T094500Z", "c 0105T094500Z", "e 0105T094500Z")
		for _, want := range []string{"cannot be read", "boom", "no template"} {
			if !strings.Contains(h.log.String(), want) {
				h.Errorf("the log does not tell of %q:\n%s", want, h.log.String())
			}
		}
		h.log.Reset()
		h.rounds(d)
		if h.log.Len() > 0 {
			h.Errorf("it is tried again at once:\n%s", h.log.String())
		}
		broken = false
		h.add(11 * time.Second)
		h.rounds(d)
		h.expect("tried again", "a 0105T094500Z", "c 0105T094500Z", "e 0105T094500Z", "panics 0105T094500Z", "fails 0105T094500Z")
	})
}

// Written while it is put off, a reminder is not lost.
func TestWrittenWhilePutOff(t *testing.T) {
	each(t, func(h *house) {
		text := event("DTSTART:20260105T100000Z\n!:-PT15M")
		h.put("a", text)
		h.set("20260105T094500Z")
		d := h.server()
		compose := d.Compose
		d.Compose = func(context.Context, storage.Tx, Due) (*storage.Job, error) { return nil, errors.New("not now") }
		h.rounds(d)
		h.add(time.Second)
		h.put("a", text)
		d.Compose = compose
		h.rounds(d)
		h.expect("after the write", "a 0105T094500Z")
	})
}

func TestClockStepsBack(t *testing.T) {
	each(t, func(h *house) {
		text := event("DTSTART:20260105T100000Z\n!:-PT15M")
		h.put("a", text)
		h.set("20260105T094500Z")
		h.rounds(h.server())
		h.set("20260105T084500Z")
		h.put("a", text)
		for h.Now().Before(at(h, "20260105T110000Z")) {
			h.rounds(h.server())
			h.add(5 * time.Minute)
		}
		h.expect("an hour back and through it again", "a 0105T094500Z")
	})
}

// Nobody to send to: nothing is queued, and the alarm counts as dealt with.
func TestNobodyToSendTo(t *testing.T) {
	each(t, func(h *house) {
		h.put("a", event("DTSTART:20260105T100000Z\n!:-PT15M"))
		h.set("20260105T094500Z")
		d := h.server()
		calls := 0
		d.Compose = func(context.Context, storage.Tx, Due) (*storage.Job, error) { calls++; return nil, nil }
		h.rounds(d, d)
		h.expect("no mail")
		if calls != 1 {
			h.Errorf("Compose was called %d times", calls)
		}
	})
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, storagetest.SQLite(t))
		h.ns.Store(time.Now().UnixNano())
		start := time.Now().Truncate(time.Second).Add(time.Hour).UTC()
		d := h.server()
		d.Now = time.Now
		var sent []time.Duration
		d.Queued = func() { sent = append(sent, time.Since(start)) }
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx) }()
		time.Sleep(time.Minute)
		h.put("a", event("DTSTART:"+start.Format("20060102T150405Z")+"\nRRULE:FREQ=HOURLY;COUNT=2\n!:PT0S"))
		d.Wake()
		time.Sleep(3 * time.Hour)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		if len(sent) != 2 || sent[0] > time.Second || sent[1]-time.Hour > time.Second || sent[0] < 0 {
			t.Errorf("sent %v after the start, want at 0s and 1h", sent)
		}
	})
}

func BenchmarkRound(b *testing.B) {
	for name, open := range map[string]func(testing.TB) storage.Store{
		"sqlite":   func(t testing.TB) storage.Store { return storagetest.SQLite(t) },
		"postgres": func(t testing.TB) storage.Store { return storagetest.Postgres(t) },
	} {
		b.Run(name, func(b *testing.B) {
			h := newHouse(b, open(b))
			people := make([]*storage.Principal, 20)
			cals := make([]int64, len(people))
			for i := range people {
				people[i], cals[i] = h.person(fmt.Sprint("user", i))
			}
			for i := range b.N {
				h.write(people[i%len(people)], cals[i%len(people)], fmt.Sprint(i), event("DTSTART;TZID=Europe/Berlin:20260105T110000\nRRULE:FREQ=WEEKLY\n!:-PT15M"), true)
			}
			h.set("20260105T094500Z")
			d := h.server()
			b.ResetTimer()
			for n, err := claimSize, error(nil); n > 0 && err == nil; {
				n, err = d.Round(b.Context())
			}
			b.StopTimer()
			if n := len(h.mails()); n != b.N {
				b.Errorf("%d mails, want %d", n, b.N)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reminders/s")
		})
	}
}
