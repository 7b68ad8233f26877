package api_test

import (
	"strings"
	"testing"
	"time"

	"kalends/calendar"
	"kalends/storage"
)

// mails returns the payloads of mail jobs of somebody, the newest first.
func (h *house) mails(name string) (list []string) {
	h.Helper()
	jobs, err := h.store.Jobs(h.Context(), []storage.JobState{storage.Ready}, 1000)
	if err != nil {
		h.Fatal(err)
	}
	for _, j := range jobs {
		if j.Owner == h.Principal(name).ID && (j.Kind == "mail" || j.Kind == "notice") {
			list = append(list, string(j.Payload))
		}
	}
	return list
}

// TestProposeTime: who is invited proposes another time; an organizer here decides, one elsewhere gets a mail.
func TestProposeTime(t *testing.T) {
	each(t, func(h *house) {
		o := h.as("alice", "POST", "/meetings", object{"name": "Planning", "start": "2026-02-02T09:00:00+01:00", "end": "2026-02-02T10:00:00+01:00", "timeZone": "Europe/Berlin",
			"recurrence": "FREQ=DAILY;COUNT=400", "invited": []object{{"address": "bob@example.com"}}}).ok(201)
		id, uid := text(o, "id"), text(o, "uid")
		list, err := h.store.ObjectsByUID(t.Context(), []int64{h.Principal("bob").ID}, uid)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		var mine string
		for _, e := range events(h.as("bob", "GET", "/events?from=2026-02-02T00:00:00Z&to=2026-02-03T00:00:00Z", nil).ok(200)) {
			mine = text(e, "id")
		}
		path := "/meetings/" + mine + "/proposals"
		const far = "?instance=2027-01-05T08:00:00Z"
		later := object{"start": "2027-01-05T14:00:00Z", "end": "2027-01-05T15:00:00Z", "comment": "Rather so."}
		h.as("bob", "POST", path, later).fails(422, "invalid", "instance")
		h.as("bob", "POST", path+"?instance=2027-01-05T08:30:00Z", later).fails(404, "not-found", "")
		h.as("bob", "POST", path+far, object{"start": "2027-01-05", "end": "2027-01-06"}).fails(422, "invalid", "start")
		h.as("bob", "POST", path+far, object{"start": "2027-01-05T14:00:00Z", "end": "2027-01-05T13:00:00Z"}).fails(422, "invalid", "")
		h.as("bob", "POST", path+far, object{"start": "2027-01-05T08:00:00Z", "end": "2027-01-05T09:00:00Z"}).fails(422, "invalid", "")
		h.as("alice", "POST", "/meetings/"+id+"/proposals"+far, later).fails(403, "not-invited", "")
		h.as("carol", "POST", path+far, later).fails(404, "not-found", "")
		h.as("bob", "POST", path+far, later, "Idempotency-Key", "p").ok(204)
		h.as("bob", "POST", path+far, later, "Idempotency-Key", "p").ok(204)
		held := listOf(h.as("alice", "GET", "/held", nil).ok(200))
		if len(held) != 1 || text(held[0], "kind") != "proposal" || text(held[0], "was") != "2027-01-05T09:00:00+01:00" || text(held[0], "start") != "2027-01-05T15:00:00+01:00" ||
			held[0]["verified"] != true || held[0]["instance"] != true || text(held[0], "comment") != "Rather so." || text(held[0], "meeting") != id {
			t.Errorf("held: %v", held)
		}
		if got := h.mails("alice"); len(got) != 1 || !strings.Contains(got[0], `"proposal"`) {
			t.Errorf("alice is told: %v", got)
		}
		h.as("alice", "POST", "/held/"+text(held[0], "id")+"/accept", nil).ok(200)
		if m := h.as("bob", "GET", "/meetings/"+mine+far, nil).ok(200); text(m, "start") != "2027-01-05T15:00:00+01:00" {
			t.Errorf("in bob's calendar: %v", m)
		}
		if got := h.mails("alice"); len(got) != 0 {
			t.Errorf("a notice of what is decided: %v", got)
		}

		// The organizer is elsewhere.
		body := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\nUID:out\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260210T090000Z\r\nDTEND:20260210T100000Z\r\nSUMMARY:Out\r\n" +
			"ORGANIZER:mailto:dave@example.org\r\nATTENDEE:mailto:dave@example.org\r\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
		bob := h.Principal("bob")
		if _, err := h.api.Calendar.Put(t.Context(), calendar.PutRequest{Who: bob, Target: calendar.Target{Owner: bob, Slug: "calendar", Name: "out.ics"}, Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
		out := ""
		for _, e := range events(h.as("bob", "GET", "/events?from=2026-02-10T00:00:00Z&to=2026-02-11T00:00:00Z", nil).ok(200)) {
			if text(e, "name") == "Out" {
				out = text(e, "id")
			}
		}
		h.as("bob", "POST", "/meetings/"+out+"/proposals", object{"start": "2026-02-11T09:00:00Z", "end": "2026-02-11T10:00:00Z"}).ok(204)
		if got := h.mails("bob"); len(got) != 1 || !strings.Contains(got[0], `"COUNTER"`) || !strings.Contains(got[0], "DTSTART:20260211T090000Z") || !strings.Contains(got[0], `"to":"mailto:dave@example.org"`) {
			t.Errorf("mailed: %v", got)
		}
		if m := h.as("bob", "GET", "/meetings/"+out, nil).ok(200); !strings.HasPrefix(text(m, "start"), "2026-02-10") {
			t.Errorf("a proposal moved the copy: %v", m)
		}

		// Asking again, not too often; one here need not be asked.
		h.as("bob", "POST", "/meetings/"+out+"/refresh", nil).ok(204)
		if got := h.mails("bob"); len(got) != 2 || !strings.Contains(got[0], `"REFRESH"`) {
			t.Errorf("mailed: %v", got)
		}
		h.as("bob", "POST", "/meetings/"+out+"/refresh", nil).fails(409, "refused", "")
		h.as("bob", "POST", "/meetings/"+mine+"/refresh", nil).fails(409, "refused", "")
		h.as("alice", "POST", "/meetings/"+id+"/refresh", nil).fails(403, "not-invited", "")
		h.clock = h.clock.Add(11 * time.Minute)
		h.as("bob", "POST", "/meetings/"+out+"/refresh", nil).ok(204)
	})
}

func events(o object) []object { return list(o, "events") }
func listOf(o object) []object { return list(o, "held") }
