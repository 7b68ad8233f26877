package calendar_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/calendar"
	"kalends/storage"
)

// Jobs overtake each other, when a server that held some has died. Whatever their order, the copies are as the meeting is then.
func TestJobsOvertakeEachOther(t *testing.T) {
	each(t, func(s *site) {
		s.Limits.Local = 1
		var held []*storage.Job
		hold := func() {
			s.t.Helper()
			jobs, err := s.Store.ClaimJobs(s.t.Context(), calendar.JobKinds, clock.Add(time.Hour), time.Hour, 10)
			if err != nil || len(jobs) == 0 {
				s.t.Fatalf("%d jobs, %v; want those that bring the meeting to who is not reached at once", len(jobs), err)
			}
			held = append(held, jobs...)
		}
		backwards := func() {
			s.t.Helper()
			for len(held) > 0 {
				j := held[len(held)-1]
				held = held[:len(held)-1]
				if err := s.Do(s.t.Context(), j); err != nil {
					s.t.Fatal(err)
				}
			}
		}
		copies := func() (list []string) {
			for _, p := range []*storage.Principal{s.bob, s.cleo} {
				o, copy := s.copy(p, "m1")
				switch {
				case o == nil:
					list = append(list, "none")
				case strings.Contains(copy, "STATUS:CANCELLED"):
					list = append(list, "cancelled")
				default:
					_, rest, _ := strings.Cut(copy, "SUMMARY:")
					summary, _, _ := strings.Cut(rest, "\r\n")
					list = append(list, summary)
				}
			}
			slices.Sort(list)
			return list
		}
		text := meeting("m1", "20260106T090000Z", "bob@example.com", "cleo@example.com")
		s.put(s.alice, "m.ics", text)
		hold()
		s.put(s.alice, "m.ics", strings.Replace(text, "SUMMARY:Meeting", "SUMMARY:Talk", 1))
		hold()
		backwards()
		if got := copies(); !slices.Equal(got, []string{"Talk", "Talk"}) {
			s.t.Errorf("after two updates: %q", got)
		}
		s.delete(s.alice, "m.ics")
		hold()
		backwards()
		if got := copies(); !slices.Equal(got, []string{"cancelled", "cancelled"}) {
			s.t.Errorf("after deleting: %q", got)
		}

		text = strings.ReplaceAll(text, "m1", "m2")
		s.put(s.alice, "n.ics", text)
		hold()
		s.delete(s.alice, "n.ics")
		hold()
		backwards()
		for _, p := range []*storage.Principal{s.bob, s.cleo} {
			if o, copy := s.copy(p, "m2"); o != nil && !strings.Contains(copy, "STATUS:CANCELLED") {
				s.t.Errorf("%s has what was deleted:\n%s", p.Name, copy)
			}
		}
	})
}
