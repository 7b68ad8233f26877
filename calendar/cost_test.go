package calendar_test

import (
	"fmt"
	"strings"
	"testing"

	"kalends/calendar"
	"kalends/storage"
	"kalends/storage/sqlstore"
)

// statements counts what the database is asked, begin and commit aside.
func (s *site) statements(who *storage.Principal, name, text string) (n int, list []string) {
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
	return n, list
}

// TestCost says what a meeting may cost: no statement for an attendee that one for all could do.
func TestCost(t *testing.T) {
	each(t, func(s *site) {
		var many []string
		for i := range 100 {
			many = append(many, s.add(fmt.Sprintf("p%02d", i), "user").Email)
		}
		s.add("blue", "room")
		for _, tt := range []struct {
			about     string
			most      int
			attendees []string
		}{
			{"nobody", 8, nil},
			{"two attendees", 12, []string{"bob@example.com", "cleo@example.com"}},
			{"a room", 24, []string{"bob@example.com", "blue@example.com"}},
			{"100 attendees", 60, many},
		} {
			text := meeting(tt.about, "20260107T090000Z", tt.attendees...)
			n, list := s.statements(s.alice, strings.ReplaceAll(tt.about, " ", "")+".ics", text)
			t.Logf("%s: %d statements", tt.about, n)
			if n > tt.most {
				s.t.Errorf("a meeting with %s takes %d statements, at most %d:\n%s", tt.about, n, tt.most, strings.Join(list, "\n"))
			}
			n, list = s.statements(s.alice, strings.ReplaceAll(tt.about, " ", "")+".ics", strings.Replace(text, "20260107", "20260108", 1))
			t.Logf("%s, moved: %d statements", tt.about, n)
			if n > tt.most+2 {
				s.t.Errorf("moving a meeting with %s takes %d statements, at most %d:\n%s", tt.about, n, tt.most+2, strings.Join(list, "\n"))
			}
		}
	})
}
