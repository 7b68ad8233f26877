package obs

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Fatalf("GET /metrics: %d %s", w.Code, w.Header().Get("Content-Type"))
	}
	return w.Body.String()
}

func wantLines(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, line := range want {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("metrics have no line %q", line)
		}
	}
}

func TestMetrics(t *testing.T) {
	m := NewMetrics()
	due := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	m.ReminderSent(2, due, due.Add(300*time.Millisecond), false)
	m.ReminderSent(1, due, due.Add(time.Hour), true)
	m.ReminderSent(1, due, due.Add(-time.Second), false) // the clock was set back
	m.RemindersMissed(3)
	m.ReminderPutOff()
	m.Job("letter", "sent", due, due.Add(40*time.Second))
	m.Job("letter", "again", due, due.Add(40*time.Second))
	m.Request("REPORT", 207, 20*time.Millisecond)
	m.Request("REPORT", 207, 20*time.Millisecond)
	m.Request("BREW", 405, time.Millisecond)
	m.Request("MADE-UP", 99999, time.Millisecond)
	text := scrape(t, m)
	wantLines(t, text,
		"kalends_reminders_due_total 7", "kalends_reminders_sent_total 3", "kalends_reminders_late_total 1", "kalends_reminders_missed_total 3",
		"kalends_reminders_failed_total 1", `kalends_reminder_lateness_seconds_bucket{le="0.01"} 1`, `kalends_reminder_lateness_seconds_bucket{le="0.5"} 2`,
		`kalends_reminder_lateness_seconds_count 3`, `kalends_outbox_jobs_total{kind="letter",outcome="sent"} 1`,
		`kalends_outbox_jobs_total{kind="letter",outcome="again"} 1`, `kalends_outbox_lateness_seconds_count{kind="letter"} 1`,
		`kalends_http_requests_total{method="REPORT",status="207"} 2`, `kalends_http_requests_total{method="other",status="405"} 1`,
		`kalends_http_requests_total{method="other",status="other"} 1`, `kalends_http_request_seconds_bucket{method="REPORT",le="0.025"} 2`)
	if !strings.Contains(text, "go_goroutines") {
		t.Error("metrics say nothing of the program itself")
	}
}

// TestMetricsOfNobody: what counts need not know whether it is looked at.
func TestMetricsOfNobody(t *testing.T) {
	var m *Metrics
	m.ReminderSent(1, time.Time{}, time.Time{}, false)
	m.RemindersMissed(1)
	m.ReminderPutOff()
	m.Job("mail", "sent", time.Time{}, time.Time{})
	m.Request("GET", 200, 0)
}

func TestWatch(t *testing.T) {
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	state := State{
		Waiting: map[string]int64{"mail": 3, "letter": 1}, Oldest: map[string]time.Time{"mail": now.Add(-90 * time.Second), "letter": now.Add(time.Hour)},
		Overdue: 5, Pool: Pool{Open: 4, InUse: 1, Most: 12, Acquired: 100, Waits: 2, Waited: 1500 * time.Millisecond, Statements: 7, RoundTrips: 6, Retries: 1},
	}
	var failure error
	m := NewMetrics()
	m.Watch(func() time.Time { return now }, func(context.Context) (State, error) { return state, failure })
	wantLines(t, scrape(t, m),
		`kalends_outbox_waiting{kind="mail"} 3`, `kalends_outbox_oldest_seconds{kind="mail"} 90`, `kalends_outbox_oldest_seconds{kind="letter"} 0`,
		"kalends_reminders_overdue 5", "kalends_storage_up 1", "kalends_storage_connections 4", "kalends_storage_connections_in_use 1",
		"kalends_storage_connections_max 12", "kalends_storage_acquired_total 100", "kalends_storage_waits_total 2", "kalends_storage_wait_seconds_total 1.5",
		"kalends_storage_statements_total 7", "kalends_storage_round_trips_total 6", "kalends_storage_retries_total 1")
	failure = errors.New("away")
	text := scrape(t, m)
	wantLines(t, text, "kalends_storage_up 0", "kalends_storage_connections 4")
	if strings.Contains(text, "kalends_outbox_waiting{") || strings.Contains(text, "kalends_reminders_overdue 5") {
		t.Error("while the database is away, the queues are shown as they may not be")
	}
}
