package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kalends/ical"
	"kalends/internal/pgtest"
	"kalends/mailer"
	"kalends/reminder"
	"kalends/storage"
	"kalends/storage/sqlstore"
	"kalends/storage/storagetest"
)

// sizeOf reads a number of a test from the environment.
func sizeOf(t *testing.T, name string, usual int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return usual
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number", name, v)
	}
	return n
}

// TestRemindersUnderLoad: many reminders are pending, and many fall due in a short time: each goes to the relay once, and it is said how late. With
//
//	KALENDS_REMINDERS_PENDING=1000000 KALENDS_REMINDERS_DUE=50000 KALENDS_REMINDERS_SECONDS=60
//
// it is the table of the issue, and takes some minutes. Without them it is small, and says nothing of speed.
func TestRemindersUnderLoad(t *testing.T) {
	t.Parallel() // it waits for what is due
	l := load{
		pending: sizeOf(t, "KALENDS_REMINDERS_PENDING", 2000), due: sizeOf(t, "KALENDS_REMINDERS_DUE", 200),
		seconds: sizeOf(t, "KALENDS_REMINDERS_SECONDS", 2),
	}
	t.Run("sqlite", func(t *testing.T) { l.run(t, storagetest.SQLite(t), 0) })
	t.Run("postgres", func(t *testing.T) {
		if os.Getenv("KALENDS_REMINDERS_PENDING") == "" {
			l.run(t, storagetest.Postgres(t), 0)
			return
		}
		// A server of its own, which waits for the disk as a real one does.
		store, server := storagetest.OwnPostgres(t, pgtest.Config{Durable: true, SharedBuffers: "256MB"})
		text, err := os.ReadFile(filepath.Join(server.Dir(), "data", "postmaster.pid"))
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(string(text), "\n")
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		l.run(t, store, pid)
	})
}

// load is a size of TestRemindersUnderLoad.
type load struct{ pending, due, seconds int }

// objectsEach is how many objects with reminders a person has.
const objectsEach = 100

// run measures. The process pid is the database's, 0 for none of its own.
func (l load) run(t *testing.T, store *sqlstore.Store, pid int) {
	people := makePeople(t, store, max(l.pending/objectsEach, 20))
	began := time.Now().Truncate(time.Second)
	fillReminders(t, store, people, l.pending, func(i int) time.Time { return began.Add(30*24*time.Hour + time.Duration(i)*time.Second) })
	first := time.Now().Add(time.Duration(l.due/1000+2) * time.Second).Truncate(time.Second)
	fillReminders(t, store, people, l.due, func(i int) time.Time { return first.Add(time.Duration(i*l.seconds/l.due) * time.Second) })
	if late := time.Since(first); late > 0 {
		t.Logf("filling took %v longer than meant: the first reminders are late by that", late)
	}
	filled := time.Since(began)

	relay := &stopwatch{seen: map[string]int{}}
	composer := &mailer.Composer{Identity: mailer.Identity{Own: mail.Address{Name: "Kalends", Address: "calendar@example.com"}}}
	log := slog.New(slog.DiscardHandler)
	outbox := &mailer.Dispatcher{Queue: store, Log: log, Handlers: map[string]mailer.Handler{letterJob: letters{relay}.handle}}
	reminders := &reminder.Dispatcher{Store: store, Log: log, Queued: outbox.Wake, Compose: remind{composer}.compose}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	before := cpuTime(pid)
	start := time.Now()
	running.Go(func() { reminders.Run(ctx) })
	running.Go(func() { outbox.Run(ctx) })
	deadline := first.Add(time.Duration(l.seconds)*time.Second + 3*time.Minute)
	for relay.count() < l.due && time.Now().Before(deadline) {
		select { // it is the speed of real time that is measured
		case <-time.After(50 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
	took := time.Since(start)
	used := cpuTime(pid).minus(before)
	stop()
	running.Wait()

	late := relay.late
	slices.Sort(late)
	if len(late) != l.due || len(relay.seen) != l.due {
		t.Fatalf("%d mails with %d Message-IDs went out, want %d of each", len(late), len(relay.seen), l.due)
	}
	sum := time.Duration(0)
	for _, d := range late {
		sum += d
	}
	at := func(q float64) time.Duration { return late[int(q*float64(len(late)-1))].Round(time.Millisecond) }
	t.Logf("%s: %d pending, %d due in %d s: to the relay late by mean %v, p50 %v, p99 %v, max %v; %.1f s CPU here, %.1f s in the database, in %.1f s; %d MB resident; filled in %.0f s",
		store.Dialect(), l.pending, l.due, l.seconds, (sum / time.Duration(len(late))).Round(time.Millisecond), at(0.5), at(0.99), at(1),
		used.here.Seconds(), used.database.Seconds(), took.Seconds(), residentMB(), filled.Seconds())

	// How fast rows are claimed when nothing else is done with them.
	claimed := 0
	start = time.Now()
	for claimed < min(l.pending, 50_000) {
		rows, err := store.ClaimReminders(t.Context(), start.Add(400*24*time.Hour), time.Hour, 512)
		if err != nil || len(rows) == 0 {
			t.Fatalf("ClaimReminders after %d: %d rows, %v", claimed, len(rows), err)
		}
		claimed += len(rows)
	}
	t.Logf("%s: %.0f claims/s", store.Dialect(), float64(claimed)/time.Since(start).Seconds())
}

// stopwatch is a relay that notes how late each mail comes, by its Date, which is when the alarm was due.
type stopwatch struct {
	mu   sync.Mutex
	late []time.Duration
	seen map[string]int
}

func (w *stopwatch) Send(_ context.Context, _, _ string, message []byte) error {
	now := time.Now()
	m, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return err
	}
	due, err := m.Header.Date()
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late = append(w.late, now.Sub(due))
	w.seen[m.Header.Get("Message-Id")]++
	return nil
}

func (w *stopwatch) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.late)
}

// guest is somebody with a calendar.
type guest struct{ id, cal int64 }

func makePeople(t *testing.T, store storage.Store, n int) []guest {
	t.Helper()
	ctx := t.Context()
	list := make([]guest, 0, n)
	for len(list) < n {
		var made []guest
		err := store.Update(ctx, func(tx storage.Tx) error {
			made = nil
			for i := range min(100, n-len(list)) {
				name := fmt.Sprintf("user%05d", len(list)+i)
				p := &storage.Principal{Name: name, Kind: storage.Person, Email: name + "@example.com", TimeZone: "Europe/Berlin", Created: time.Now()}
				if err := tx.PutPrincipal(ctx, p, []string{"mailto:" + p.Email}); err != nil {
					return err
				}
				id, err := tx.Next(ctx, p.ID)
				if err != nil {
					return err
				}
				if err := tx.PutCalendar(ctx, &storage.Calendar{Owner: p.ID, ID: id, Kind: storage.CalendarKind, Slug: "calendar", Seq: id, LastSeq: id}); err != nil {
					return err
				}
				made = append(made, guest{p.ID, id})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, made...)
	}
	return list
}

const loadEvent = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//Calendar//EN
BEGIN:VEVENT
UID:%s
DTSTAMP:20260101T000000Z
DTSTART:%s
DURATION:PT1H
SUMMARY:Weekly planning
LOCATION:Room 7
BEGIN:VALARM
ACTION:EMAIL
TRIGGER:-PT15M
SUMMARY:Reminder
DESCRIPTION:Reminder
END:VALARM
END:VEVENT
END:VCALENDAR
`

// fillReminders stores n objects, spread over the people, each with a reminder.
func fillReminders(t *testing.T, store storage.Store, people []guest, n int, due func(i int) time.Time) {
	t.Helper()
	ctx := t.Context()
	each := (n + len(people) - 1) / len(people)
	key := ""
	for p, who := range people {
		err := store.Update(ctx, func(tx storage.Tx) error {
			if err := tx.Lock(ctx, each, who.id); err != nil {
				return err
			}
			for i := p; i < n; i += len(people) {
				id, err := tx.Next(ctx, who.id)
				if err != nil {
					return err
				}
				at := due(i).UTC()
				start := at.Add(15 * time.Minute)
				uid := fmt.Sprintf("%d-%d@example.com", who.id, id)
				text := strings.ReplaceAll(fmt.Sprintf(loadEvent, uid, start.Format("20060102T150405Z")), "\n", "\r\n")
				o := &storage.Object{
					Owner: who.id, Calendar: who.cal, ID: id, Seq: id, Name: strconv.FormatInt(id, 10) + ".ics", UID: uid, Component: "VEVENT", ICS: []byte(text),
					Size: int64(len(text)), ETag: `"x"`, First: start.UnixMicro(), Last: start.Add(time.Hour).UnixMicro(), Created: at, Modified: at,
				}
				if err := tx.PutObject(ctx, o, nil); err != nil {
					return err
				}
				if key == "" {
					cal, err := ical.Parse(o.ICS)
					if err != nil {
						return err
					}
					rows := reminder.Plan(cal, nil, reminder.Options{Now: at.Add(-time.Hour), ForUser: who.id})
					if len(rows) != 1 || !rows[0].DueAt.Equal(at) {
						return fmt.Errorf("planned %v, want one at %v", rows, at)
					}
					key = rows[0].Alarm
				}
				row := &storage.Reminder{Owner: who.id, Object: id, Calendar: who.cal, ForUser: who.id, Alarm: key, DueAt: at, FiredThrough: at.Add(-time.Hour)}
				if err := tx.SetReminders(ctx, who.id, id, []*storage.Reminder{row}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// cpu is processor time.
type cpu struct{ here, database time.Duration }

func (c cpu) minus(o cpu) cpu { return cpu{c.here - o.here, c.database - o.database} }

// cpuTime returns the processor time that this process took, and the children of the database's process, 0 for none.
func cpuTime(pid int) cpu {
	var u syscall.Rusage
	var c cpu
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err == nil {
		c.here = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || pid == 0 {
		return c
	}
	const tick = 10 * time.Millisecond // USER_HZ
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := bytes.Cut(text, []byte(") "))
		f := strings.Fields(string(rest))
		if len(f) < 13 || f[1] != strconv.Itoa(pid) {
			continue
		}
		user, _ := strconv.Atoi(f[11])
		system, _ := strconv.Atoi(f[12])
		c.database += time.Duration(user+system) * tick
	}
	return c
}

// residentMB is the most memory that this process had.
func residentMB() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Maxrss / 1024
}
