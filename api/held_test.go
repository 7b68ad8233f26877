package api_test

import (
	"fmt"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/storage"
)

// holds lets a mail with a message come to somebody, whose author nobody stands in for.
func (h *house) holds(name, from, message string) string {
	h.Helper()
	cal, err := ical.Parse([]byte(message))
	if err != nil {
		h.Fatal(err)
	}
	who := h.Principal(name)
	key := fmt.Sprintf("%032x", len(message)+int(h.clock.Unix()))
	_, err = h.api.Calendar.TakeMail(h.Context(), calendar.MailMessage{
		Owner: who.ID, To: "mailto:" + who.Email, Calendar: cal, Unverified: "the sender is not verified",
		Note: storage.Inbound{Key: key, Subject: "Re: it", Recipient: who.Email, Message: []byte(message), About: storage.About{Author: from}},
	})
	if err != nil {
		h.Fatal(err)
	}
	h.clock = h.clock.Add(time.Second)
	return key
}

// TestHeldMail: who decides reads what waits, page by page, and accepts or refuses it, once.
func TestHeldMail(t *testing.T) {
	each(t, func(h *house) {
		o := h.as("alice", "POST", "/meetings", object{"name": "Planning", "start": "2026-02-02T09:00:00+01:00", "end": "2026-02-02T10:00:00+01:00", "timeZone": "Europe/Berlin",
			"invited": []object{{"address": "dave@example.org"}}}).ok(201)
		uid, id := text(o, "uid"), text(o, "id")
		message := func(method, start, more string) string {
			return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nMETHOD:" + method + "\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260116T000000Z\r\nSEQUENCE:9\r\nDTSTART:" + start +
				"\r\nDURATION:PT1H\r\nORGANIZER:mailto:alice@example.com\r\nATTENDEE;CN=Dave;PARTSTAT=ACCEPTED:mailto:dave@example.org\r\n" + more + "END:VEVENT\r\nEND:VCALENDAR\r\n"
		}
		answer := h.holds("alice", "mallory@example.net", message("REPLY", "20260202T080000Z", "COMMENT:I come <b>late</b>\r\n"))
		if list := list(h.as("alice", "GET", "/held", nil).ok(200), "held"); len(list) != 1 || text(list[0], "kind") != "answer" || text(list[0], "id") != answer ||
			text(list[0], "author") != "mallory@example.net" || list[0]["verified"] != false || text(list[0], "why") != "the sender is not verified" ||
			text(list[0]["from"].(object), "address") != "dave@example.org" || text(list[0], "name") != "Planning" || text(list[0], "meeting") != id ||
			text(list[0], "start") != "2026-02-02T09:00:00+01:00" || text(list[0], "answer") != "accepted" || text(list[0], "comment") != "I come <b>late</b>" || text(list[0], "received") == "" {
			t.Errorf("held: %v", list)
		}
		if one := h.as("alice", "GET", "/held/"+answer, nil).ok(200); text(one, "id") != answer {
			t.Errorf("one: %v", one)
		}

		// Nobody else's, and only with the right token.
		for _, path := range []string{"/held/" + answer, "/held/none"} {
			h.as("bob", "GET", path, nil).fails(404, "not-found", "")
		}
		for _, what := range []string{"accept", "refuse"} {
			h.as("bob", "POST", "/held/"+answer+"/"+what, nil).fails(404, "not-found", "")
			h.as("root", "POST", "/held/"+answer+"/"+what, nil).fails(404, "not-found", "")
		}
		token, _, err := h.tokens.Add(h.Context(), h.Principal("alice"), auth.ReadScope, "read", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		h.as(token, "GET", "/held", nil).ok(200)
		h.as(token, "POST", "/held/"+answer+"/accept", nil).fails(403, "scope", "")

		if o := h.as("alice", "POST", "/held/"+answer+"/accept", nil, "Idempotency-Key", "k").ok(200); text(o, "outcome") != "answered" {
			t.Errorf("accepted: %v", o)
		}
		h.as("alice", "POST", "/held/"+answer+"/accept", nil, "Idempotency-Key", "k").ok(200)
		h.as("alice", "POST", "/held/"+answer+"/accept", nil).fails(404, "not-found", "")
		if got := list(h.as("alice", "GET", "/meetings/"+id, nil).ok(200), "invited"); text(got[0], "answer") != "accepted" {
			t.Errorf("invited: %v", got)
		}

		// A proposal: refused with words, then taken.
		proposal := h.holds("alice", "dave@example.org", message("COUNTER", "20260203T080000Z", ""))
		h.as("alice", "POST", "/held/"+proposal+"/accept", nil).ok(200)
		if m := h.as("alice", "GET", "/meetings/"+id, nil).ok(200); text(m, "start") != "2026-02-03T09:00:00+01:00" {
			t.Errorf("the proposal was not taken: %v", m)
		}
		refused := h.holds("alice", "dave@example.org", message("COUNTER", "20260204T080000Z", "LOCATION:Elsewhere\r\n"))
		h.as("alice", "POST", "/held/"+refused+"/refuse", object{"comment": "No."}).ok(200)
		h.as("alice", "POST", "/held/"+refused+"/refuse", object{"comment": "No."}).fails(404, "not-found", "")

		// A mail that says nothing can only be refused.
		cannot := h.holds("alice", "dave@example.org", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:HACK\r\nBEGIN:VEVENT\r\nUID:z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
		h.as("alice", "POST", "/held/"+cannot+"/accept", nil).fails(422, "invalid", "")
		h.as("alice", "POST", "/held/"+cannot+"/refuse", nil).ok(200)

		var keys []string
		for i := range 5 {
			keys = append(keys, h.holds("alice", "x@example.net", message("REPLY", "20260202T080000Z", fmt.Sprintf("COMMENT:%0*d\r\n", i+1, 0))))
		}
		var got []string
		after := ""
		for range 10 {
			o := h.as("alice", "GET", "/held?limit=2"+after, nil).ok(200)
			for _, m := range list(o, "held") {
				got = append(got, text(m, "id"))
			}
			if text(o, "next") == "" {
				break
			}
			after = "&after=" + text(o, "next")
		}
		if fmt.Sprint(got) != fmt.Sprint(keys) {
			t.Errorf("pages: %v, want %v", got, keys)
		}
		h.as("alice", "GET", "/held?after=odd", nil).fails(422, "invalid", "")
		h.as("alice", "GET", "/held?limit=1000", nil).fails(422, "invalid", "limit")
	})
}
