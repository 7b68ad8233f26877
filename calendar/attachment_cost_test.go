package calendar_test

import (
	"fmt"
	"strings"
	"testing"

	"kalends/auth"
	"kalends/storage"
	"kalends/storage/sqlstore"
)

// TestCostOfAttachments says what an attachment may cost: nothing for whoever is invited, nor for events that have none.
func TestCostOfAttachments(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		var many []string
		for i := range 100 {
			many = append(many, s.add(fmt.Sprintf("p%02d", i), "user").Email)
		}
		read := func(who *storage.Principal, id string) (int, []string) {
			t.Helper()
			ctx, trace := sqlstore.WithTrace(ctx)
			if _, err := s.Attachment(ctx, who, id); err != nil {
				t.Fatal(err)
			}
			var list []string
			for _, sql := range trace.Statements() {
				if !strings.HasPrefix(sql, "BEGIN") && sql != "COMMIT" {
					list = append(list, strings.Join(strings.Fields(sql), " "))
				}
			}
			return len(list), list
		}
		s.put(s.alice, "few.ics", meeting("few", "20260106T090000Z", "bob@example.com"))
		s.put(s.alice, "many.ics", meeting("many", "20260106T090000Z", append([]string{"bob@example.com"}, many...)...))
		few, crowd := s.attach(s.alice, "few.ics", "plan"), s.attach(s.alice, "many.ics", "plan")
		// Cleo sees it in the calendar of somebody who is invited.
		err := s.SetGrants(ctx, s.bob, target(s.bob, ""), []storage.Grant{{Grantee: s.cleo.ID, Privileges: uint32(auth.Read)}})
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			about string
			who   *storage.Principal
			most  int
		}{{"the owner", s.alice, 2}, {"who is invited", s.bob, 6}, {"who reads the calendar of somebody invited", s.cleo, 10}} {
			a, _ := read(tt.who, few.ManagedID)
			b, list := read(tt.who, crowd.ManagedID)
			t.Logf("%s: %d statements", tt.about, a)
			if a > tt.most || b != a {
				t.Errorf("%s reads with %d statements of a small and %d of a large meeting, want at most %d:\n%s", tt.about, a, b, tt.most, strings.Join(list, "\n"))
			}
		}
		_, _, list := s.statements(s.alice, "none.ics", meeting("none", "20260107T090000Z", "bob@example.com"))
		if text := strings.Join(list, "\n"); strings.Contains(text, "attachment") {
			t.Errorf("a meeting without attachments asks for them:\n%s", text)
		}
	})
}
