package web_test

import (
	"net/http"
	"strings"
	"testing"

	"kalends/ical"
	"kalends/meeting"
)

func TestCalendarAsAFile(t *testing.T) {
	each(t, func(h *house) {
		path := h.invite("alice", `Crew "<b>" ü`, "root", "read")
		id := strings.TrimPrefix(path, "/calendars/")
		for i, name := range []string{"Mowing", "Own secret"} {
			m := meeting.NewMeeting{Name: name, Calendar: id, Start: at(16+i, "09:00"), End: at(16+i, "10:00"), TimeZone: "Europe/Berlin"}
			if i == 1 {
				m.Privacy = "private"
			}
			h.make("alice", m)
		}
		file := func(who string) (string, string) {
			b := h.as(who)
			if status := b.send("GET", path+"/file.ics", nil); status != http.StatusOK {
				t.Fatalf("%s gets %d", who, status)
			}
			return b.page, b.header.Get("Content-Type") + " " + b.header.Get("Content-Disposition")
		}
		text, head := file("alice")
		cal, err := ical.Parse([]byte(text))
		if err != nil {
			t.Fatalf("the file is no calendar: %v", err)
		}
		events := 0
		for range cal.Components("VEVENT") {
			events++
		}
		if events != 2 || !strings.Contains(text, "Own secret") || strings.Count(text, "BEGIN:VTIMEZONE") != 1 {
			t.Errorf("the file has %d events: %s", events, text)
		}
		if !strings.HasPrefix(head, "text/calendar") || !strings.Contains(head, "attachment") || strings.ContainsAny(head, "\r\nü") {
			t.Errorf("it is answered as %s", head)
		}
		b := h.as("root")
		if status := b.send("GET", path+"/file.ics", nil); status != http.StatusNotFound {
			t.Errorf("who has not accepted gets %d", status)
		}
		uid := b.get("/calendars").fill("/calendars/invitation").Get("uid")
		b.post("/calendars/invitation", "uid", uid, "do", "accept", "name", "Crew", "color", "#112233")
		if text, _ := file("root"); !strings.Contains(text, "Mowing") || strings.Contains(text, "secret") {
			t.Errorf("a sharee gets %s", text)
		}
		if status := h.as("bob").send("GET", path+"/file.ics", nil); status != http.StatusNotFound {
			t.Errorf("somebody else gets %d", status)
		}
	})
}
