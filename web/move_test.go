package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kalends/meeting"
)

// moved is what the module is told of a move.
type moved struct {
	ID, Text string
	Undo     struct {
		Path   string
		Fields map[string]string
	}
}

// moveBy moves something as the module does.
func (b *browser) moveBy(path string, form url.Values) moved {
	b.Helper()
	if status := b.send("POST", path, form, "X-Requested-With", "fetch"); status != http.StatusOK {
		b.Fatalf("POST %s = %d: %s", path, status, b.page)
	}
	var m moved
	if err := json.Unmarshal([]byte(b.page), &m); err != nil {
		b.Fatalf("POST %s: %v: %s", path, err, b.page)
	}
	return m
}

// takeBack does what the answer to a move says would undo it.
func (b *browser) takeBack(m moved) moved {
	b.Helper()
	b.get("/week/2026-01-15")
	form := b.form()
	for name, value := range m.Undo.Fields {
		form.Set(name, value)
	}
	return b.moveBy(m.Undo.Path, form)
}

func TestMovesAreTakenBack(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice").get("/week/2026-01-15")
		id := h.make("alice", meeting.NewMeeting{Name: "Planning", Start: at(15, "09:00"), End: at(15, "10:30")})
		for _, query := range []string{"", "?zone=America/New_York"} {
			start := map[string]string{"": "2026-01-16T11:00", "?zone=America/New_York": "2026-01-16T05:00"}[query]
			m := b.moveBy("/event/"+id+"/move"+query, b.form("start", start, "minutes", "30"))
			if got := h.meeting("alice", id, ""); got.Start != at(16, "11:00") || got.End != at(16, "11:30") {
				t.Fatalf("%s: moved to %s–%s", query, got.Start, got.End)
			}
			if want := "“Planning” is now: Friday, 16 January 2026, " + strings.Split(start, "T")[1]; !strings.HasPrefix(m.Text, want) {
				t.Errorf("%s: it says %q, want %q", query, m.Text, want)
			}
			b.takeBack(m)
			if got := h.meeting("alice", id, ""); got.Start != at(15, "09:00") || got.End != at(15, "10:30") {
				t.Errorf("%s: taken back, it is %s–%s", query, got.Start, got.End)
			}
			b.get("/week/2026-01-15")
		}
		// What was changed meanwhile is not taken back.
		m := b.moveBy("/event/"+id+"/move", b.form("start", "2026-01-16T11:00"))
		b.get("/week/2026-01-15").moveBy("/event/"+id+"/move", b.form("start", "2026-01-16T15:00"))
		form := b.get("/week/2026-01-15").form()
		for name, value := range m.Undo.Fields {
			form.Set(name, value)
		}
		if status := b.send("POST", m.Undo.Path, form, "X-Requested-With", "fetch"); status != http.StatusConflict {
			t.Errorf("taking back what was changed meanwhile = %d", status)
		}
		whole := h.make("alice", meeting.NewMeeting{Name: "Trip", Start: "2026-01-13", End: "2026-01-15", AllDay: true})
		m = b.get("/month/2026-01-15").moveBy("/event/"+whole+"/move", b.form("start", "2026-01-20T00:00"))
		b.takeBack(m)
		if got := h.meeting("alice", whole, ""); got.Start != "2026-01-13" || got.End != "2026-01-15" {
			t.Errorf("taken back, the trip is from %s to %s", got.Start, got.End)
		}
	})
}

func TestMovesOfASeriesAreTakenBack(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice").get("/week/2026-01-15")
		for _, scope := range []string{"this", "following", "all"} {
			name := "Daily " + scope
			id := h.make("alice", meeting.NewMeeting{Name: name, Start: at(12, "09:00"), End: at(12, "09:30"), Recurrence: &meeting.Recurrence{Every: "day", Count: 6}})
			line := func() string {
				b.get("/agenda/2026-01-12")
				var got []string
				for _, e := range strings.Split(b.page, `class="row`) {
					if strings.Contains(e, name) {
						_, e, _ = strings.Cut(e, "<time>")
						e, _, _ = strings.Cut(e, "</time>")
						got = append(got, e)
					}
				}
				return strings.Join(got, " ")
			}
			was := line()
			m := b.get("/week/2026-01-15").moveBy("/event/"+id+"/move", b.form("instance", at(14, "09:00"), "scope", scope, "start", "2026-01-14T11:15"))
			want := map[string]string{
				"this":      "09:00–09:30 09:00–09:30 11:15–11:45 09:00–09:30 09:00–09:30 09:00–09:30",
				"following": "09:00–09:30 09:00–09:30 11:15–11:45 11:15–11:45 11:15–11:45 11:15–11:45",
				"all":       "11:15–11:45 11:15–11:45 11:15–11:45 11:15–11:45 11:15–11:45 11:15–11:45",
			}[scope]
			if got := line(); got != want {
				t.Fatalf("%s: moved, they are %s", scope, got)
			}
			b.takeBack(m)
			if got := line(); got != was {
				t.Errorf("%s: taken back, they are %s, and were %s", scope, got, was)
			}
		}
	})
}
