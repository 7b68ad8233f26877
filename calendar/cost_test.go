package calendar_test

import (
	"fmt"
	"strings"
	"testing"

	"kalends/calendar"
	"kalends/storage"
	"kalends/storage/sqlstore"
)

// statements counts what the database is asked, begin and commit aside, and how often it is waited for.
func (s *site) statements(who *storage.Principal, name, text string) (n, trips int, list []string) {
	s.t.Helper()
	ctx, trace := sqlstore.WithTrace(s.t.Context())
	if _, err := s.Put(ctx, calendar.PutRequest{Who: who, Target: target(who, name), Body: []byte(text)}); err != nil {
		s.t.Fatal(err)
	}
	for _, sql := range trace.Statements() {
		if strings.HasPrefix(sql, "BEGIN") || sql == "COMMIT" {
			continue
		}
		n++
		list = append(list, strings.Join(strings.Fields(sql), " ")[:min(110, len(strings.Join(strings.Fields(sql), " ")))])
	}
	return n, trace.RoundTrips(), list
}

// TestCost says what a meeting may cost: no statement for an attendee that one for all could do, and no wait between the first thing that
// is written and the last. A quota, which every server has, makes no difference to that.
func TestCost(t *testing.T) {
	each(t, func(s *site) {
		var many []string
		for i := range 100 {
			many = append(many, s.add(fmt.Sprintf("p%02d", i), "user").Email)
		}
		s.add("blue", "room")
		s.Limits.Quota = 1 << 30
		for _, tt := range []struct {
			about       string
			most, trips int
			attendees   []string
		}{
			{"nobody", 9, 3, nil},
			{"two attendees", 12, 3, []string{"bob@example.com", "cleo@example.com"}},
			{"a room", 18, 4, []string{"bob@example.com", "blue@example.com"}},
			{"100 attendees", 60, 4, many},
		} {
			text := meeting(tt.about, "20260107T090000Z", tt.attendees...)
			n, trips, list := s.statements(s.alice, strings.ReplaceAll(tt.about, " ", "")+".ics", text)
			t.Logf("%s: %d statements, %d round trips", tt.about, n, trips)
			if n > tt.most || trips > tt.trips {
				s.t.Errorf("a meeting with %s takes %d statements in %d round trips, at most %d in %d:\n%s", tt.about, n, trips, tt.most, tt.trips, strings.Join(list, "\n"))
			}
			n, trips, list = s.statements(s.alice, strings.ReplaceAll(tt.about, " ", "")+".ics", strings.Replace(text, "20260107", "20260108", 1))
			t.Logf("%s, moved: %d statements, %d round trips", tt.about, n, trips)
			if n > tt.most+7 || trips > tt.trips+1 {
				s.t.Errorf("moving a meeting with %s takes %d statements in %d round trips, at most %d in %d:\n%s", tt.about, n, trips, tt.most+7, tt.trips+1, strings.Join(list, "\n"))
			}
		}
	})
}
