package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func (h *house) starts(who string) []string {
	h.Helper()
	var got []string
	for _, e := range list(h.as(who, "GET", "/events?from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z&limit=1000", nil).ok(200), "events") {
		got = append(got, text(e, "name")+" "+text(e, "start")[:min(16, len(text(e, "start")))])
	}
	return got
}

func instance(at string) string { return "?instance=" + url.QueryEscape(at) }

func from(at string) string { return "?from=" + url.QueryEscape(at) }

// TestSplit: this and following.
func TestSplit(t *testing.T) {
	each(t, func(h *house) {
		m := h.as("alice", "POST", "/meetings", weekly()).ok(201) // 2, 5, 9, 12, 16, 19, 23, 26 February, 2 and 5 March
		path := "/meetings/" + text(m, "id")
		h.as("alice", "DELETE", path+instance("2026-02-09T09:00:00+01:00"), nil).ok(204)
		h.as("alice", "DELETE", path+instance("2026-02-23T09:00:00+01:00"), nil).ok(204)
		h.as("alice", "PATCH", path+instance("2026-02-05T09:00:00+01:00"), object{"name": "Early"}).ok(200)
		h.as("alice", "PATCH", path+instance("2026-02-26T09:00:00+01:00"), object{"name": "Late"}).ok(200)
		h.as("bob", "POST", "/meetings/"+h.id("bob", "uid-1")+"/answer", object{"answer": "accepted"}).ok(200)

		rest := h.as("alice", "PATCH", path+from("2026-02-16T09:00:00+01:00"), object{"name": "Second half", "start": "2026-02-16T11:00:00+01:00"}).ok(200)
		if text(rest, "id") == text(m, "id") || text(rest, "start") != "2026-02-16T11:00:00+01:00" {
			t.Errorf("the rest = %v", rest)
		}
		want := []string{
			"Planning 2026-02-02T09:00", "Early 2026-02-05T09:00", "Planning 2026-02-12T09:00", "Second half 2026-02-16T11:00",
			"Second half 2026-02-19T11:00", "Late 2026-02-26T11:00", "Second half 2026-03-02T11:00", "Second half 2026-03-05T11:00",
		}
		for _, who := range []string{"alice", "bob"} {
			if got := h.starts(who); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s has\n%s\nwant\n%s", who, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		contains(t, h.ics("alice", "uid-1"), "RRULE:FREQ=WEEKLY;BYDAY=MO,TH;UNTIL=20260216T075959Z", "PARTSTAT=ACCEPTED")
		// Bob is asked again about what was moved, and not about the rest.
		answers := map[string]string{}
		for _, e := range list(h.as("bob", "GET", "/events?from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z", nil).ok(200), "events") {
			answers[text(e, "name")] += text(e, "answer")[:1]
		}
		if fmt.Sprint(answers) != "map[Early:a Late:n Planning:aa Second half:nnnn]" {
			t.Errorf("answers = %v", answers)
		}
		// From the first on it stays one series.
		same := h.as("alice", "PATCH", "/meetings/"+text(rest, "id")+from("2026-02-16T11:00:00+01:00"), object{"location": "Here"}).ok(200)
		if text(same, "id") != text(rest, "id") {
			t.Error("a change from the first instance on made another series")
		}
		// Cancelled from there on.
		h.as("alice", "DELETE", "/meetings/"+text(rest, "id")+from("2026-02-19T11:00:00+01:00"), nil).ok(204)
		for _, who := range []string{"alice", "bob"} {
			if got := h.starts(who); fmt.Sprint(got) != fmt.Sprint(want[:4]) {
				t.Errorf("%s has\n%s\nwant\n%s", who, strings.Join(got, "\n"), strings.Join(want[:4], "\n"))
			}
		}
		h.as("bob", "PATCH", "/meetings/"+h.id("bob", "uid-1")+from("2026-02-05T09:00:00+01:00"), object{"busy": false}).fails(403, "not-organizer", "")
		h.as("alice", "PATCH", path+from("2026-02-09T09:00:00+01:00"), object{"name": "x"}).fails(404, "not-found", "")
		h.as("alice", "PATCH", path+from("2026-02-05T09:00:00+01:00")+"&instance=2026-02-05", object{"name": "x"}).fails(422, "invalid", "from")
	})
}

// TestSplitKinds: all-day, unbounded and floating series.
func TestSplitKinds(t *testing.T) {
	h := newSQLite(t)
	day := h.as("alice", "POST", "/meetings", object{"name": "D", "start": "2026-02-02", "allDay": true, "recurrence": object{"every": "day", "until": "2026-02-06"}}).ok(201)
	h.as("alice", "PATCH", "/meetings/"+text(day, "id")+from("2026-02-04"), object{"name": "E"}).ok(200)
	if got := fmt.Sprint(h.starts("alice")); got != "[D 2026-02-02 D 2026-02-03 E 2026-02-04 E 2026-02-05 E 2026-02-06]" {
		t.Errorf("events = %s", got)
	}
	h.as("alice", "DELETE", "/meetings/"+text(day, "id"), nil).ok(204)
	status, body := h.caldav("alice", "PUT", "/dav/calendars/alice/calendar/float.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\nUID:float\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:F\r\nDTSTART:20260210T120000\r\nDTEND:20260210T130000\r\nRRULE:FREQ=DAILY;COUNT=4\r\nRDATE:20260220T120000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	if status != 201 {
		t.Fatal(status, body)
	}
	m := h.as("alice", "GET", "/meetings/"+h.id("alice", "float"), nil).ok(200)
	if text(m, "start") != "2026-02-10T12:00:00+01:00" || m["floating"] != true {
		t.Errorf("floating meeting = %v", m)
	}
	h.as("alice", "PATCH", "/meetings/"+text(m, "id")+from("2026-02-12T12:00:00+01:00"), object{"name": "G", "start": "2026-02-12T14:00:00+01:00"}).ok(200)
	if got := h.starts("alice")[3:]; fmt.Sprint(got) != "[F 2026-02-10T12:00 F 2026-02-11T12:00 G 2026-02-12T14:00 G 2026-02-13T14:00 G 2026-02-20T14:00]" {
		t.Errorf("events = %v", got)
	}
	contains(t, h.ics("alice", "float"), "RRULE:FREQ=DAILY;UNTIL=20260212T115959\r\n")
}

// TestShift: what of a rule can move with the start moves, and what cannot is asked for.
func TestShift(t *testing.T) {
	h := newSQLite(t)
	for _, tt := range []struct{ rule, start, want string }{
		{"FREQ=WEEKLY;BYDAY=MO", "2026-02-02T12:30:00+01:00", "FREQ=WEEKLY;BYDAY=MO"},
		{"FREQ=WEEKLY;BYDAY=MO,WE", "2026-02-08T09:00:00+01:00", "FREQ=WEEKLY;BYDAY=SU,TU"},
		{"FREQ=WEEKLY;UNTIL=20260302T080000Z", "2026-02-02T12:00:00+01:00", "FREQ=WEEKLY;UNTIL=20260302T110000Z"},
		{"FREQ=MONTHLY;BYMONTHDAY=2", "2026-02-05T09:00:00+01:00", "FREQ=MONTHLY;BYMONTHDAY=5"},
		{"FREQ=MONTHLY;BYMONTHDAY=2", "2026-01-31T09:00:00+01:00", ""},
		{"RSCALE=HEBREW;FREQ=MONTHLY;BYMONTHDAY=2", "2026-02-05T09:00:00+01:00", ""}, // not the 2nd of February
		{"RSCALE=HEBREW;FREQ=YEARLY;SKIP=FORWARD", "2026-02-03T10:00:00+01:00", "RSCALE=HEBREW;FREQ=YEARLY;SKIP=FORWARD"},
		{"FREQ=MONTHLY;BYDAY=1MO", "2026-02-02T10:00:00+01:00", "FREQ=MONTHLY;BYDAY=1MO"},
		{"FREQ=MONTHLY;BYDAY=1MO", "2026-02-03T10:00:00+01:00", ""},
		{"FREQ=DAILY;BYHOUR=9", "2026-02-02T10:00:00+01:00", ""},
		{"FREQ=YEARLY", "2026-02-03T10:00:00+01:00", "FREQ=YEARLY"},
	} {
		m := h.as("alice", "POST", "/meetings", with(repeats(tt.rule), "name", "x")).ok(201)
		a := h.as("alice", "PATCH", "/meetings/"+text(m, "id"), object{"start": tt.start})
		if tt.want == "" {
			a.fails(422, "invalid", "recurrence")
			continue
		}
		if got := text(a.ok(200)["recurrence"].(object), "rule"); got != tt.want {
			t.Errorf("%s from %s: rule %s, want %s", tt.rule, tt.start, got, tt.want)
		}
	}
}

func with(o object, field string, v any) object { o[field] = v; return o }

// TestZoneChange: a series that moves to another zone takes its exceptions along.
func TestZoneChange(t *testing.T) {
	h := newSQLite(t)
	m := h.as("alice", "POST", "/meetings", with(repeats("FREQ=DAILY;COUNT=4"), "name", "x")).ok(201)
	path := "/meetings/" + text(m, "id")
	h.as("alice", "DELETE", path+instance("2026-02-03T08:00:00Z"), nil).ok(204)
	h.as("alice", "PATCH", path+instance("2026-02-04T09:00:00+01:00"), object{"name": "y"}).ok(200)
	h.as("alice", "PATCH", path, object{"timeZone": "America/New_York"}).ok(200)
	ics := h.ics("alice", "uid-1")
	contains(t, ics, "DTSTART;TZID=America/New_York:20260202T030000", "EXDATE;TZID=America/New_York:20260203T030000",
		"RECURRENCE-ID;TZID=America/New_York:20260204T030000", "TZID:America/New_York\r\n")
	// It becomes one of whole days, and back.
	h.as("alice", "PATCH", path, object{"allDay": true}).fails(422, "invalid", "start")
	h.as("alice", "PATCH", path, object{"allDay": true, "start": "2026-03-02"}).ok(200)
	contains(t, h.ics("alice", "uid-1"), "DTSTART;VALUE=DATE:20260302", "EXDATE;VALUE=DATE:20260303", "RECURRENCE-ID;VALUE=DATE:20260304")
	if got := fmt.Sprint(h.starts("alice")); got != "[x 2026-03-02 y 2026-03-04 x 2026-03-05]" {
		t.Errorf("events = %s", got)
	}
	h.as("alice", "PATCH", path, object{"allDay": false, "start": "2026-03-02T09:00:00Z"}).fails(422, "invalid", "end")
	h.as("alice", "PATCH", path, object{"allDay": false, "start": "2026-03-02T09:00:00Z", "end": "2026-03-02T10:00:00Z", "timeZone": "UTC"}).ok(200)
	if got := fmt.Sprint(h.starts("alice")); got != "[x 2026-03-02T09:00 y 2026-03-04T09:00 x 2026-03-05T09:00]" {
		t.Errorf("events = %s", got)
	}
}

// TestAnswer: what is answered reaches the organizer.
func TestAnswer(t *testing.T) {
	each(t, func(h *house) {
		m := h.as("alice", "POST", "/meetings", weekly()).ok(201)
		bobs := "/meetings/" + h.id("bob", "uid-1")
		if a := h.as("bob", "POST", bobs+"/answer", object{"answer": "accepted", "comment": "Gladly"}).ok(200); text(a, "answer") != "accepted" {
			t.Errorf("answer = %v", a)
		}
		one := h.as("bob", "POST", bobs+"/answer"+instance("2026-02-05T09:00:00+01:00"), object{"answer": "declined"}).ok(200)
		if text(one, "answer") != "declined" || text(one, "instance") != "2026-02-05T09:00:00+01:00" {
			t.Errorf("instance = %v", one)
		}
		seen := func(at string) string {
			t.Helper()
			o := h.as("alice", "GET", "/meetings/"+text(m, "id")+instance(at), nil).ok(200)
			return text(list(o, "invited")[0], "answer")
		}
		if a, b := seen("2026-02-02T09:00:00+01:00"), seen("2026-02-05T09:00:00+01:00"); a != "accepted" || b != "declined" {
			t.Errorf("alice sees %s and %s", a, b)
		}
		// What is the organizer's stays so; what is one's own does not.
		h.as("bob", "PATCH", bobs, object{"name": "Mine", "start": "2026-02-02T10:00:00+01:00"}).fails(403, "not-organizer", "name")
		h.as("bob", "PATCH", bobs, object{"reminders": []int{5}, "busy": false}).ok(200)
		contains(t, h.ics("bob", "uid-1"), "TRIGGER:-PT5M", "TRANSP:TRANSPARENT")
		lacks(t, h.ics("alice", "uid-1"), "TRIGGER:-PT5M")
		h.as("alice", "POST", "/meetings/"+text(m, "id")+"/answer", object{"answer": "declined"}).fails(403, "not-invited", "")
		h.as("bob", "POST", bobs+"/answer", object{"answer": "perhaps"}).fails(422, "invalid", "answer")
		// Bob takes one instance out, and then all: alice sees that he declined.
		h.as("bob", "DELETE", bobs+instance("2026-02-09T09:00:00+01:00"), nil).ok(204)
		if a := seen("2026-02-09T09:00:00+01:00"); a != "declined" {
			t.Errorf("alice sees %s after an instance was taken out", a)
		}
		h.as("bob", "DELETE", bobs, nil).ok(204)
		if a := seen("2026-02-12T09:00:00+01:00"); a != "declined" {
			t.Errorf("alice sees %s after all was deleted", a)
		}
		// Alice cancels one instance and then all.
		m2 := h.as("alice", "POST", "/meetings", weekly()).ok(201)
		path := "/meetings/" + text(m2, "id")
		h.as("alice", "DELETE", path+instance("2026-02-12T09:00:00+01:00"), nil, "If-Match", `"other"`).fails(412, "changed", "")
		h.as("alice", "DELETE", path+instance("2026-02-12T09:00:00+01:00"), nil, "If-Match", text(m2, "etag")).ok(204)
		h.as("alice", "GET", path+instance("2026-02-12T09:00:00+01:00"), nil).fails(404, "not-found", "")
		contains(t, h.ics("bob", text(m2, "uid")), "20260212T090000")
		h.as("alice", "DELETE", path, nil).ok(204)
		h.as("alice", "GET", path, nil).fails(404, "not-found", "")
		contains(t, h.ics("bob", text(m2, "uid")), "STATUS:CANCELLED")
		// Others see nothing of it.
		carol := h.as("carol", "GET", bobs, nil)
		carol.fails(404, "not-found", "")
		h.as("carol", "PATCH", "/meetings/"+text(m, "id"), object{"name": "x"}).fails(404, "not-found", "")
		h.as("carol", "DELETE", "/meetings/"+text(m, "id"), nil).fails(404, "not-found", "")
		h.as("root", "GET", "/meetings/"+text(m, "id"), nil).fails(404, "not-found", "")
	})
}

// TestLastInstance: what has nothing left is deleted.
func TestLastInstance(t *testing.T) {
	h := newSQLite(t)
	m := h.as("alice", "POST", "/meetings", with(repeats("FREQ=DAILY;COUNT=2"), "name", "x")).ok(201)
	path := "/meetings/" + text(m, "id")
	h.as("alice", "DELETE", path+instance("2026-02-02T09:00:00+01:00"), nil).ok(204)
	h.as("alice", "DELETE", path+instance("2026-02-03T09:00:00+01:00"), nil).ok(204)
	h.as("alice", "GET", path, nil).fails(404, "not-found", "")
}

// TestMove: into another calendar, with the same id.
func TestMove(t *testing.T) {
	each(t, func(h *house) {
		c := h.as("alice", "POST", "/calendars", object{"name": "Side"}).ok(201)
		m := h.as("alice", "POST", "/meetings", weekly()).ok(201)
		path := "/meetings/" + text(m, "id")
		h.as("alice", "PATCH", path, object{"calendar": text(c, "id"), "name": "x"}).fails(422, "invalid", "calendar")
		h.as("alice", "PATCH", path, object{"calendar": "nowhere"}).fails(404, "no-calendar", "calendar")
		moved := h.as("alice", "PATCH", path, object{"calendar": text(c, "id")}).ok(200)
		if text(moved, "calendar") != text(c, "id") || text(moved, "id") != text(m, "id") {
			t.Errorf("moved = %v", moved)
		}
		h.as("alice", "PATCH", path, object{"calendar": text(c, "slug")}).ok(200)
		h.as("alice", "PATCH", path, object{"calendar": "tasks"}).fails(409, "unsupported-component", "calendar")
	})
}

// TestFromADateOn: a program has changed a series from a date on (RANGE=THISANDFUTURE). Single instances are changed and taken out, and the others
// stay as they are.
func TestFromADateOn(t *testing.T) {
	each(t, func(h *house) {
		status, _ := h.caldav("alice", "PUT", "/dav/calendars/alice/calendar/r.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"+
			"BEGIN:VEVENT\r\nUID:r\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260202T090000Z\r\nDTEND:20260202T100000Z\r\nRRULE:FREQ=DAILY;COUNT=7\r\nSUMMARY:Old\r\nEND:VEVENT\r\n"+
			"BEGIN:VEVENT\r\nUID:r\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260204T090000Z\r\nDTSTART:20260204T140000Z\r\nDTEND:20260204T150000Z\r\nSUMMARY:New\r\nEND:VEVENT\r\n"+
			"END:VCALENDAR\r\n")
		if status != 201 {
			h.Fatal(status)
		}
		path := "/meetings/" + h.id("alice", "r")
		starts := func(want ...string) {
			h.Helper()
			if got := h.starts("alice"); fmt.Sprint(got) != fmt.Sprint(want) {
				h.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		starts("Old 2026-02-02T09:00", "Old 2026-02-03T09:00", "New 2026-02-04T14:00", "New 2026-02-05T14:00", "New 2026-02-06T14:00", "New 2026-02-07T14:00", "New 2026-02-08T14:00")
		h.as("alice", "PATCH", path+instance("2026-02-06T09:00:00Z"), object{"name": "Once"}).ok(200)
		h.as("alice", "DELETE", path+instance("2026-02-07T09:00:00Z"), nil).ok(204)
		starts("Old 2026-02-02T09:00", "Old 2026-02-03T09:00", "New 2026-02-04T14:00", "New 2026-02-05T14:00", "Once 2026-02-06T14:00", "New 2026-02-08T14:00")
		// The one from which on it is so.
		h.as("alice", "PATCH", path+instance("2026-02-04T09:00:00Z"), object{"start": "2026-02-04T16:00:00Z"}).ok(200)
		starts("Old 2026-02-02T09:00", "Old 2026-02-03T09:00", "New 2026-02-04T16:00", "New 2026-02-05T14:00", "Once 2026-02-06T14:00", "New 2026-02-08T14:00")
		h.as("alice", "DELETE", path+instance("2026-02-05T09:00:00Z"), nil).ok(204)
		starts("Old 2026-02-02T09:00", "Old 2026-02-03T09:00", "New 2026-02-04T16:00", "Once 2026-02-06T14:00", "New 2026-02-08T14:00")
		// What follows looked like that program's change, and would not any more in a series of its own.
		h.as("alice", "PATCH", path+from("2026-02-08T09:00:00Z"), object{"name": "Third"}).fails(409, "refused", "")
		h.as("alice", "DELETE", path+from("2026-02-08T09:00:00Z"), nil).ok(204)
		starts("Old 2026-02-02T09:00", "Old 2026-02-03T09:00", "New 2026-02-04T16:00", "Once 2026-02-06T14:00")
	})
}
