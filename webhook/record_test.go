package webhook_test

import (
	"fmt"
	"strings"
	"testing"

	"kalends/storage"
	"kalends/webhook"
)

// TestRecorder: several changes of one object in a transaction are told as one, how it is in the end; and a message stays small.
func TestRecorder(t *testing.T) {
	each(t, func(h *house) {
		h.hook(address)
		cal, err := h.store.Calendar(h.Context(), h.alice.ID, "calendar")
		if err != nil {
			h.Fatal(err)
		}
		record := func(changes ...webhook.Change) []string {
			h.Helper()
			err := h.store.Update(h.Context(), func(tx storage.Tx) error {
				if err := tx.Lock(h.Context(), 1, h.alice.ID); err != nil {
					return err
				}
				var r webhook.Recorder
				for _, c := range changes {
					c.Owner, c.Calendar = h.alice.ID, cal.ID
					r.Note(c)
				}
				_, err := r.Write(h.Context(), tx, h.now())
				return err
			})
			if err != nil {
				h.Fatal(err)
			}
			h.round()
			var told []string
			for _, m := range h.in.taken() {
				if len(m.body) > 40<<10 {
					h.Errorf("a message of %d octets", len(m.body))
				}
				line := ""
				for _, c := range m.m.Changes {
					line += fmt.Sprintf(" %s/%d", c.Type, len(c.Answers))
				}
				told = append(told, strings.TrimSpace(line))
			}
			return told
		}
		c := func(kind webhook.Kind, object int64, answers ...webhook.Answer) webhook.Change {
			return webhook.Change{Kind: kind, Object: object, UID: fmt.Sprint(object), Answers: answers}
		}
		yes := webhook.Answer{Attendee: "mailto:bob@example.com", Answer: "ACCEPTED"}
		for _, tt := range []struct {
			changes []webhook.Change
			want    string
		}{
			{nil, ""},
			{[]webhook.Change{c(webhook.Created, 1), c(webhook.Answered, 1, yes)}, "event.created/0"},
			{[]webhook.Change{c(webhook.Created, 1), c(webhook.Deleted, 1), c(webhook.Updated, 2)}, "event.updated/0"},
			{[]webhook.Change{c(webhook.Created, 1), c(webhook.Deleted, 1)}, ""},
			{[]webhook.Change{c(webhook.Answered, 1, yes), c(webhook.Updated, 1), c(webhook.Answered, 1, yes)}, "meeting.answered/2"},
			{[]webhook.Change{c(webhook.Updated, 1), c(webhook.Deleted, 1)}, "event.deleted/0"},
			{[]webhook.Change{c(webhook.Updated, 1), c(webhook.Removed, 0)}, "event.updated/0 calendar.deleted/0"},
		} {
			if got := strings.Join(record(tt.changes...), "; "); got != tt.want {
				h.Errorf("%+v is told as %q, want %q", tt.changes, got, tt.want)
			}
		}
		long := make([]webhook.Change, 100)
		for i := range long {
			long[i] = c(webhook.Updated, int64(i+1))
			long[i].UID = strings.Repeat("u", 900)
		}
		long[0].UID += strings.Repeat("u", 200)
		told := record(long...)
		if len(told) < 3 || len(told) > 6 {
			h.Errorf("100 changes with long UIDs are %d messages", len(told))
		}
	})
}
