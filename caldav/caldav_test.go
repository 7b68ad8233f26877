package caldav_test

import (
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/caldav"
	"kalends/calendar"
	"kalends/internal/davtest"
	"kalends/internal/housetest"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// now is the time in all transcripts.
var now = housetest.Start

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
	h := housetest.New(t, s, func() time.Time { return now }, people...)
	made := 0
	h.Service.NewKey = keys()
	return &caldav.Handler{
		BaseURL:  "https://cal.example.com",
		Calendar: h.Service, Auth: housetest.Names{Reader: s}, Store: s, Log: h.Log, Now: h.Now,
		NewName: func() string { made++; return fmt.Sprintf("new%d.ics", made) },
	}
}

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
