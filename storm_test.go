package main

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"kalends/auth"
	"kalends/ical"
	"kalends/internal/config"
	"kalends/internal/pgtest"
	"kalends/storage"
)

// storm is a site, the people who plan and answer meetings at it, and what was acknowledged to them. The server dies
// again and again, the database stays.
type storm struct {
	*testing.T
	url    string   // of the database
	server string   // its URL
	people []string // who plan and answer, each with a program of their own
	crowd  []string // who are only invited, all at once
	ids    map[string]int64
	client *http.Client

	mu       sync.Mutex
	meetings []*planned
	touched  map[*planned]bool // since the last look

	writes, refused, unknown, objects, answers atomic.Int64
}

// planned is what the clients know of one meeting.
type planned struct {
	uid, organizer string
	large          bool // more attendees here than one transaction reaches

	mu      sync.Mutex
	acked   int // the version that was acknowledged last: in its SUMMARY; 0 for none, gone for deleted
	pending int // the version that was asked for without an answer; 0 for none
	clock   int // ticks with each request that begins or ends
	reset   int // when the last request ended that takes answers back, or never
	answers map[string]reply
}

const (
	gone  = -1
	never = 1 << 60
)

// reply is an answer that was acknowledged to an attendee.
type reply struct {
	partStat string
	begun    int // on the clock of its meeting
}

const manyAttendees = 105

// TestStorm ends the server with SIGKILL at random moments of a storm of invitations and answers, on both databases, and looks at
// all calendars each time it is back: a meeting is on all of them or on none, and nothing that was acknowledged is lost. Meetings
// with more attendees than one transaction reaches follow as soon as the jobs are done. KALENDS_TEST_ROUNDS is how often it is killed.
func TestStorm(t *testing.T) {
	rounds := 4
	if s := os.Getenv("KALENDS_TEST_ROUNDS"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			s := newStorm(t, database)
			begun := time.Now()
			for round := range rounds {
				// Leases of the dead server end by themselves after minutes. In some rounds they are ended at once and all jobs waited
				// for; in the others they stay, so that jobs overtake older ones of the same meeting.
				s.round(round == rounds-1 || rand.IntN(3) == 0, round == rounds-1 || round%20 == 19)
				if t.Failed() {
					break
				}
			}
			large := 0
			for _, p := range s.meetings {
				if p.large {
					large++
				}
			}
			t.Logf("killed %d times in %v: %d meetings (%d of more than 100), %d writes acknowledged, %d refused, %d unanswered; %d objects and %d answers compared",
				rounds, time.Since(begun).Round(time.Second), len(s.meetings), large, s.writes.Load(), s.refused.Load(), s.unknown.Load(), s.objects.Load(), s.answers.Load())
		})
	}
}

func newStorm(t *testing.T, database string) *storm {
	s := &storm{T: t, ids: map[string]int64{}, touched: map[*planned]bool{}}
	s.url = "sqlite:" + t.TempDir() + "/kalends.db"
	if database == "postgres" {
		s.url = pgtest.URL(t)
	}
	t.Chdir(t.TempDir())
	ok(t, "migrate", "--database", s.url)
	hash, err := auth.HashPassword("secret")
	if err != nil {
		t.Fatal(err)
	}
	var csv strings.Builder
	csv.WriteString("name,password_hash,display_name,email,kind\n")
	add := func(format string, n int) (list []string) {
		for i := range n {
			name := fmt.Sprintf(format, i)
			list = append(list, name)
			fmt.Fprintf(&csv, "%s,\"%s\",%s,%s@example.com,user\n", name, hash, name, name)
		}
		return list
	}
	s.people, s.crowd = add("user%02d", 8), add("member%03d", manyAttendees)
	if err := os.WriteFile("people.csv", []byte(csv.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	ok(t, "user", "import", "people.csv", "--database", s.url)
	store := s.open()
	defer store.Close()
	for _, name := range slices.Concat(s.people, s.crowd) {
		p, err := store.PrincipalByName(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		s.ids[name] = p.ID
	}
	return s
}

func (s *storm) open() storage.Store {
	s.Helper()
	cfg := config.Default()
	cfg.Database = s.url
	store, err := openStore(s.Context(), cfg, false)
	if err != nil {
		s.Fatal(err)
	}
	return store
}

// round starts the server, lets the clients loose, kills it at a random moment, and looks. settle says that it is then started
// once more to do all jobs that wait, all that every meeting is looked at and not only those of the round.
func (s *storm) round(settle, all bool) {
	kill := s.serve()
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: len(s.people)}, Timeout: 2 * time.Minute}
	ctx, stop := context.WithCancel(s.Context())
	var wg, ready sync.WaitGroup
	ready.Add(len(s.people))
	for i, name := range s.people {
		c := &stormClient{storm: s, name: name}
		wg.Go(func() {
			for status := http.StatusServiceUnavailable; status == http.StatusServiceUnavailable; {
				status, _, _ = c.request("GET", "none", "") // passwords cost time, and not everybody's turn comes in time
			}
			ready.Done()
			ready.Wait()
			c.run(ctx, i == 0)
		})
	}
	ready.Wait()
	pause(s.Context(), time.Duration(rand.IntN(1000))*time.Millisecond)
	kill()
	stop()
	wg.Wait()
	s.client.CloseIdleConnections()

	store := s.open()
	defer store.Close()
	s.compare(store, false, false)
	if settle {
		expireLeases(s.T, s.url)
		kill := s.serve()
		s.drain(store)
		s.compare(store, true, all)
		store.Close()
		kill()
	}
}

// serve starts the server, and returns what ends it.
func (s *storm) serve() (kill func()) {
	s.Helper()
	server := start(s.T, "--listen", "127.0.0.1:0", "--database", s.url, "--log-level", "error")
	s.server = server.url
	var logged strings.Builder
	done := make(chan struct{})
	go func() {
		io.Copy(&logged, server.stderr())
		close(done)
	}()
	return func() {
		s.Helper()
		server.signal(syscall.SIGKILL)
		<-done
		server.cmd.Wait()
		if logged.Len() > 0 {
			s.Errorf("the server logged errors:\n%.2000s", logged.String())
		}
		s.quiet()
	}
}

// quiet waits until Postgres has ended what the dead server had begun: what it had asked to commit may still do so.
func (s *storm) quiet() {
	s.Helper()
	if strings.HasPrefix(s.url, "sqlite:") {
		return
	}
	db, err := sql.Open("pgx", s.url) // the driver that sqlstore brings
	if err != nil {
		s.Fatal(err)
	}
	defer db.Close()
	for end := time.Now().Add(2 * time.Minute); ; {
		n := 0
		if err := db.QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&n); err != nil {
			s.Fatal(err)
		}
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			s.Fatalf("%d connections of the dead server are still there", n)
		}
		pause(s.Context(), 10*time.Millisecond)
	}
}

// drain waits until no job waits.
func (s *storm) drain(store storage.Store) {
	s.Helper()
	for end := time.Now().Add(2 * time.Minute); ; {
		jobs, err := store.Jobs(s.Context(), []storage.JobState{storage.Ready, storage.Leased, storage.Failed}, 1000)
		if err != nil {
			s.Fatal(err)
		}
		if len(jobs) == 0 {
			return
		}
		if i := slices.IndexFunc(jobs, func(j *storage.Job) bool { return j.State == storage.Failed }); i >= 0 || time.Now().After(end) {
			j := jobs[max(i, 0)]
			s.Fatalf("%d jobs are not done; %s to %s: %s, attempt %d, %s", len(jobs), j.Kind, j.Recipient, j.State, j.Attempt, j.LastError)
		}
		pause(s.Context(), 20*time.Millisecond)
	}
}

// compare looks at the meetings that were touched, or at all, in one unchanging state of the database. settled says that all
// jobs are done.
func (s *storm) compare(store storage.Store, settled, all bool) {
	s.Helper()
	owners := make([]int64, 0, len(s.ids))
	for _, id := range s.ids {
		owners = append(owners, id)
	}
	err := store.View(s.Context(), func(r storage.Reader) error {
		for _, p := range s.meetings {
			if !all && !s.touched[p] {
				continue
			}
			rows, err := r.ObjectsByUID(s.Context(), owners, p.uid)
			if err != nil {
				return err
			}
			copies := map[int64]*ical.Component{}
			for _, o := range rows {
				if copies[o.Owner] != nil {
					s.Errorf("%s is twice in the calendars of %d", p.uid, o.Owner)
				}
				if copies[o.Owner], err = ical.Parse(o.ICS); err != nil {
					return err
				}
				s.objects.Add(1)
			}
			if problems := p.check(s, copies, settled); len(problems) > 0 {
				s.Errorf("%s (settled %v, acknowledged version %d, asked for %d):\n%s", p.uid, settled, p.acked, p.pending, strings.Join(problems, "\n"))
			}
			p.settle(copies[s.ids[p.organizer]])
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	if settled {
		clear(s.touched)
	}
}

// check compares the copies of a meeting with each other and with what was acknowledged.
func (p *planned) check(s *storm, copies map[int64]*ical.Component, settled bool) (problems []string) {
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	organizer := copies[s.ids[p.organizer]]
	if v := versionOf(organizer, p); v != p.acked && (p.pending == 0 || v != p.pending) {
		problem("the organizer has version %d", v)
	}
	for name, id := range s.ids {
		if name == p.organizer {
			continue
		}
		cal := copies[id]
		mine := partStats(organizer, name)
		if a, ok := p.answers[name]; ok && p.reset < a.begun && mine != nil {
			s.answers.Add(1)
			if mine[""] != a.partStat {
				problem("%s answered %s, but the organizer knows %s", name, a.partStat, mine[""])
			}
		}
		if p.large && !settled {
			continue
		}
		switch {
		case mine == nil && cal != nil && !cancelled(cal):
			problem("%s has it and is not invited:\n%s", name, cal)
		case mine == nil:
		case cal == nil:
			for id, v := range mine {
				if v != "DECLINED" {
					problem("%s has it not, but is invited (%s) to %q", name, v, id)
				}
			}
		default:
			if a, b := face(organizer, settled), face(cal, settled); a != b {
				problem("%s has another:\n%s\nthe organizer:\n%s", name, b, a)
			}
			for id, v := range partStats(cal, name) {
				if mine[id] != v {
					problem("%s has %s for %q, the organizer knows %s", name, v, id, mine[id])
				}
			}
		}
	}
	return problems
}

// settle takes what is there for what is known, where a request was not answered.
func (p *planned) settle(organizer *ical.Component) {
	if p.pending != 0 {
		p.acked, p.pending = versionOf(organizer, p), 0
	}
	if p.reset == never {
		p.clock++
		p.reset = p.clock
	}
}

// versionOf is the number in the SUMMARY of the organizer's object.
func versionOf(cal *ical.Component, p *planned) int {
	if cal == nil {
		if p.acked == 0 && p.pending != gone {
			return 0
		}
		return gone
	}
	n, _ := strconv.Atoi(strings.TrimPrefix(cal.Master().Value("SUMMARY"), "version "))
	return n
}

func cancelled(cal *ical.Component) bool {
	for c := range cal.Main() {
		if c.Value("STATUS") != "CANCELLED" {
			return false
		}
	}
	return true
}

func instance(c *ical.Component) string { return c.Value("RECURRENCE-ID") }

// partStats returns the answers of one person by instance, nil where they are not invited.
func partStats(cal *ical.Component, name string) map[string]string {
	if cal == nil || cancelled(cal) {
		return nil
	}
	var m map[string]string
	for c := range cal.Main() {
		for p := range c.All("ATTENDEE") {
			if p.Value() == "mailto:"+name+"@example.com" {
				if m == nil {
					m = map[string]string{}
				}
				m[instance(c)] = cmp.Or(p.Param("PARTSTAT"), "NEEDS-ACTION")
			}
		}
	}
	return m
}

// face is what all copies of a meeting must have in common; answers says whether that includes everybody's answers.
func face(cal *ical.Component, answers bool) string {
	var comps []string
	for c := range cal.Main() {
		lines := []string{"instance " + instance(c)}
		for _, name := range []string{"SUMMARY", "DTSTART", "DURATION", "RRULE", "STATUS"} {
			lines = append(lines, name+":"+c.Value(name))
		}
		var rest []string
		for p := range c.All("EXDATE") {
			for v := range strings.SplitSeq(p.Value(), ",") {
				rest = append(rest, "EXDATE:"+v)
			}
		}
		for p := range c.All("ATTENDEE") {
			l := p.Value()
			if answers {
				l += " " + cmp.Or(p.Param("PARTSTAT"), "NEEDS-ACTION")
			}
			rest = append(rest, l)
		}
		slices.Sort(rest)
		comps = append(comps, strings.Join(append(lines, rest...), "\n"))
	}
	slices.Sort(comps)
	return strings.Join(comps, "\n")
}
