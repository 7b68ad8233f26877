package web_test

import (
	"testing"

	"kalends/meeting"
)

// TestFindATime asks in the form for times at which all are free, and takes one.
func TestFindATime(t *testing.T) {
	each(t, func(h *house) {
		h.make("bob", meeting.NewMeeting{Name: "Secret", Start: at(20, "09:00"), End: at(20, "11:00")})
		h.make("alice", meeting.NewMeeting{Name: "Own", Start: at(20, "11:00"), End: at(20, "12:00")})
		h.make("root", meeting.NewMeeting{Name: "Booked", Start: at(20, "12:00"), End: at(20, "13:00"), Invited: []meeting.Invited{{Address: "oak@example.com"}}})
		b := h.as("alice").get("/event/new?date=2026-01-20&time=10:00&minutes=90")
		b.submitHere("/event/new", b.fill("event-form", "name", "Talk", "add", "bob@example.com", "do", "add"))
		b.submitHere("/event/new", b.fill("event-form", "room", "oak@example.com", "do", "find"))
		b.has("All are free at these times", "Tuesday, 20 January", "13:00–14:30").lacks("Secret", `value="take 2026-01-20T12:00"`, `value="take 2026-01-20T09:00"`, `value="take 2026-01-20T11:00"`)
		b.submitHere("/event/new", b.fill("event-form", "room", "oak@example.com", "do", "take 2026-01-20T13:00"))
		b.has("free then").lacks("busy then")
		b.submit("/event/new", b.fill("event-form", "do", "save"))
		b.has("Talk", "13:00 – 14:30")
		// In the evening it is looked for at any hour; what is longer than a day is not.
		b.get("/event/new?date=2026-01-20&time=20:00")
		b.submitHere("/event/new", b.fill("event-form", "do", "find")).has("00:00–01:00")
		b.submitHere("/event/new", b.fill("event-form", "enddate", "2026-01-23", "do", "find")).has("Times are found for what takes a day at most.")
		// A proposal that is none changes nothing.
		for _, bad := range []string{"take", "take ", "take 2026-13-40T99:00", "take 9999-01-01T00:00", "take <b>"} {
			b.submitHere("/event/new", b.fill("event-form", "do", bad)).has(`name="starttime" value="20:00"`)
		}
	})
}
