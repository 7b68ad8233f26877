package caldav_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/caldav"
	"kalends/calendar"
	"kalends/internal/davtest"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// now is the time in all transcripts.
var now = time.Date(2026, 1, 15, 10, 0, 0, 0, time.UTC)

// names lets in whoever gives their name as password.
type names struct{ storage.Reader }

func (n names) Authenticate(ctx context.Context, name, password string, _ netip.Addr) (*storage.Principal, error) {
	p, err := n.PrincipalByName(ctx, name)
	if err != nil || name != password {
		return nil, auth.ErrBadCredentials
	}
	return p, nil
}

// people are in every test's directory.
var people = []auth.NewUser{
	{Name: "alice", DisplayName: "Alice Arm", Email: "alice@example.com", Kind: "user"},
	{Name: "bob", DisplayName: "Bob Bee", Email: "bob@example.com", Kind: "user"},
	{Name: "zoe@example.com", DisplayName: "Zoë Zwölf", Email: "zoe.z@example.com", Kind: "user"},
	{Name: "oak", DisplayName: "Oak room", Email: "oak@example.com", Kind: "room"},
	{Name: "team", DisplayName: "The team", Email: "team@example.com", Kind: "group"},
	{Name: "root", DisplayName: "Administrator", Email: "root@example.com", Kind: "admin"},
}

// newHandler returns a handler on an empty database with these people.
func newHandler(t testing.TB, s storage.Store) *caldav.Handler {
	t.Helper()
	clock := func() time.Time { return now }
	d := &auth.Directory{Store: s, Now: clock}
	for _, n := range people {
		if _, err := d.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	made := 0
	return &caldav.Handler{
		Calendar: &calendar.Service{Store: s, Now: clock, Log: log, NewKey: keys()},
		BaseURL:  "https://cal.example.com",
		Auth:     names{s}, Store: s, Log: log, Now: clock,
		NewName: func() string { made++; return fmt.Sprintf("new%d.ics", made) },
	}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

var _ io.Writer = testWriter{}

// TestTranscripts plays testdata/caldav on both databases.
func TestTranscripts(t *testing.T) {
	for _, file := range davtest.Files(t, "../testdata/caldav/*.txt") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			storagetest.Each(t, func(t *testing.T, s storage.Store) {
				davtest.Play(t, file, worker{newHandler(t, s)})
			})
		})
	}
}

// worker knows two methods more: WORK carries out the jobs that wait, mail apart, and says which they were; TEAM makes the user's calendar one
// in which who plans a meeting organizes it.
type worker struct{ *caldav.Handler }

func (h worker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case "WORK":
		h.work(w, r)
	case "TEAM":
		name, _, _ := r.BasicAuth()
		who, err := h.Store.PrincipalByName(r.Context(), name)
		if err == nil {
			err = h.Calendar.Patch(r.Context(), who, calendar.Target{Owner: who, Slug: "calendar"}, calendar.Edit{
				Live: func(c *storage.Calendar) error { c.Team = true; return nil },
			})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	default:
		h.Handler.ServeHTTP(w, r)
	}
}

func (h worker) work(w http.ResponseWriter, r *http.Request) {
	done := map[string]int{}
	for {
		jobs, err := h.Store.ClaimJobs(r.Context(), calendar.JobKinds, now.Add(time.Hour), time.Minute, 10)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		for _, j := range jobs {
			if err := h.Calendar.Do(r.Context(), j); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			done[j.Kind]++
			j.State = storage.Done
			if err := h.Store.FinishJob(r.Context(), j); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		if len(jobs) == 0 {
			break
		}
	}
	w.Header().Set("Content-Type", "text/plain")
	for _, kind := range slices.Sorted(maps.Keys(done)) {
		fmt.Fprintf(w, "%d %s\n", done[kind], kind)
	}
}
