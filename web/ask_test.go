package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"kalends/meeting"
	"kalends/storage"
)

func TestAskAgain(t *testing.T) {
	each(t, func(h *house) {
		h.hold("alice", "Fair <i>", "Please come")
		b := h.as("alice").get("/requests")
		form := b.fill("/requests")
		form.Set("do", "accept")
		b.submitHere("/requests", form)
		path := b.get("/day/2026-01-20").link("Fair")
		b.get(path).has("Ask the organizer again")
		id, _, _ := strings.Cut(strings.TrimPrefix(path, "/event/"), "?")
		b.post("/event/"+id+"/ask").has("The organizer is asked.", "Fair <i>")
		jobs, err := h.store.Jobs(t.Context(), []storage.JobState{storage.Ready}, 100)
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		for _, j := range jobs {
			if j.Recipient == "mailto:erin@example.org" && strings.Contains(string(j.Payload), "REFRESH") {
				asked++
			}
		}
		if asked != 1 {
			t.Errorf("the organizer is asked %d times, want once", asked)
		}
		if status := b.send("POST", "/event/"+id+"/ask", b.form()); status != http.StatusConflict {
			t.Errorf("at once again = %d", status)
		}
		b.has("The organizer was asked just now.")
		h.clock = h.clock.Add(24 * time.Hour)
		b.get(path).post("/event/" + id + "/ask").has("The organizer is asked.")
		bob := h.as("bob").get("/week")
		if status := bob.send("POST", "/event/"+id+"/ask", bob.form()); status != http.StatusNotFound {
			t.Errorf("somebody else's meeting = %d", status)
		}
		// Who organizes here need not be asked.
		own := h.make("bob", meeting.NewMeeting{Name: "Party", Start: at(20, "09:00"), End: at(20, "10:00"), Invited: []meeting.Invited{{Address: "alice@example.com"}}})
		b.get(b.get("/day/2026-01-20").link("Party")).lacks("Ask the organizer again")
		b.send("POST", "/event/"+own+"/ask", b.form())
		if b.header.Get("Location") != "" {
			t.Error("an organizer here was asked")
		}
	})
}
