package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"kalends/internal/housetest"
)

// TestCreate: a meeting is in the calendars of all who are in it, and calendar programs see it at once.
func TestCreate(t *testing.T) {
	each(t, func(h *house) {
		a := h.as("alice", "POST", "/meetings", object{
			"name": "Review, part 1; \"final\"", "description": "Two\nlines", "location": "Upstairs",
			"start": "2026-02-02T09:00:00+01:00", "end": "2026-02-02T10:00:00+01:00", "timeZone": "Europe/Berlin",
			"invited": []object{
				{"address": "bob@example.com"}, {"address": "mailto:Carol@Example.com", "optional": true}, {"address": "oak@example.com"},
				{"address": "zoe@elsewhere.example.org", "name": "Zoë"}, {"address": "alice@example.com"},
			},
			"link": "https://meet.example.com/review?x=1",
		})
		m := a.ok(201)
		if a.Header().Get("Location") != "/api/v1/meetings/"+text(m, "id") || a.Header().Get("ETag") != text(m, "etag") {
			t.Errorf("headers = %v", a.Header())
		}
		ics := h.ics("alice", "uid-1")
		contains(t, ics, "SUMMARY:Review\\, part 1\\; \"final\"\r\n", "DESCRIPTION:Two\\nlines\r\n", "DTSTART;TZID=Europe/Berlin:20260202T090000",
			"BEGIN:VTIMEZONE", "CONFERENCE;VALUE=URI;FEATURE=VIDEO;LABEL=Join:https://meet.example.com/review?x=1", "URL:https://meet.example.com/review?x=1",
			"ACTION:DISPLAY", "TRIGGER:-PT30M", "ORGANIZER;CN=Alice Arm:mailto:alice@example.com", "STATUS:CONFIRMED")
		got := map[string]string{}
		for _, in := range list(m, "invited") {
			got[text(in, "address")] = fmt.Sprint(text(in, "answer"), " ", text(in, "kind"), " ", text(in, "name"), " ", in["optional"])
		}
		want := map[string]string{
			"bob@example.com": "needs-action person Bob Bee <nil>", "carol@example.com": "needs-action person Carol Cee true",
			"oak@example.com": "accepted room Oak room <nil>", "zoe@elsewhere.example.org": "needs-action person Zoë <nil>",
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("invited = %v, want %v", got, want)
		}
		if text(m, "answer") != "accepted" || fmt.Sprint(m["reminders"]) != "[30]" || text(m, "link") != "https://meet.example.com/review?x=1" {
			t.Errorf("meeting = %v", m)
		}
		// Bob's copy.
		bobs := h.as("bob", "GET", "/meetings/"+h.id("bob", "uid-1"), nil).ok(200)
		if text(bobs, "answer") != "needs-action" || text(bobs, "name") != "Review, part 1; \"final\"" || text(bobs["organizer"].(object), "address") != "alice@example.com" {
			t.Errorf("bob's copy = %v", bobs)
		}
		if text(bobs, "id") == text(m, "id") {
			t.Error("bob's copy has alice's id")
		}
		// The mail to the one outside waits.
		jobs, err := h.store.Jobs(t.Context(), nil, 10)
		var to []string
		for _, j := range jobs {
			if j.Kind == "mail" {
				to = append(to, j.Recipient)
			}
		}
		if err != nil || fmt.Sprint(to) != "[mailto:zoe@elsewhere.example.org]" {
			t.Errorf("mails to %v (%v), want one to zoe", to, err)
		}
	})
}

// TestCreateKinds: all-day, floating zones, words, rules.
func TestCreateKinds(t *testing.T) {
	h := newSQLite(t)
	for _, tt := range []struct {
		name string
		in   object
		want []string // in the calendar object
	}{
		{"one day", object{"start": "2026-02-02", "allDay": true}, []string{"DTSTART;VALUE=DATE:20260202\r\n", "DTEND;VALUE=DATE:20260203\r\n"}},
		{"three days", object{"start": "2026-02-02", "end": "2026-02-05", "allDay": true}, []string{"DTEND;VALUE=DATE:20260205\r\n"}},
		{"UTC", object{"start": "2026-02-02T09:00:00Z", "end": "2026-02-02T10:00:00Z", "timeZone": "UTC"}, []string{"DTSTART:20260202T090000Z\r\n"}},
		{"another zone", object{"start": "2026-07-02T09:00:00Z", "end": "2026-07-02T10:00:00Z", "timeZone": "America/New_York"}, []string{"DTSTART;TZID=America/New_York:20260702T050000\r\n"}},
		{"Windows' name", object{"start": "2026-07-02T09:00:00Z", "end": "2026-07-02T10:00:00Z", "timeZone": "Eastern Standard Time"}, []string{"TZID=America/New_York:"}},
		{"one's own zone", object{"start": "2026-02-02T09:00:00Z", "end": "2026-02-02T10:00:00Z"}, []string{"DTSTART;TZID=Europe/Berlin:20260202T100000\r\n"}},
		{"rule", repeats("FREQ=MONTHLY;BYDAY=1MO"), []string{"RRULE:FREQ=MONTHLY;BYDAY=1MO\r\n"}},
		{"rule with its name", repeats("RRULE:FREQ=DAILY;COUNT=3"), []string{"RRULE:FREQ=DAILY;COUNT=3\r\n"}},
		{"rule until a day", repeats("FREQ=DAILY;UNTIL=20260210"), []string{"RRULE:FREQ=DAILY;UNTIL=20260210T225959Z\r\n"}},
		{"rule until a clock time", repeats("FREQ=DAILY;UNTIL=20260210T090000"), []string{"RRULE:FREQ=DAILY;UNTIL=20260210T080000Z\r\n"}},
		{"rule in an object", repeats(object{"rule": "FREQ=DAILY;COUNT=3", "every": "week"}), []string{"RRULE:FREQ=DAILY;COUNT=3\r\n"}},
		{"rule of the Hebrew calendar", repeats("RSCALE=HEBREW;FREQ=YEARLY;SKIP=FORWARD"), []string{"RRULE:RSCALE=HEBREW;FREQ=YEARLY;SKIP=FORWARD\r\n"}},
		{"every day", repeats(object{"every": "day"}), []string{"RRULE:FREQ=DAILY\r\n"}},
		{"every other week", repeats(object{"every": "week", "interval": 2, "on": []string{"Monday", "friday"}, "count": 5}), []string{"RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;COUNT=5\r\n"}},
		{"first Monday", repeats(object{"every": "month", "on": []string{"first monday"}, "until": "2026-12-31"}), []string{"RRULE:FREQ=MONTHLY;BYDAY=1MO;UNTIL=20261231T225959Z\r\n"}},
		{"last day", repeats(object{"every": "month", "day": -1, "until": "2026-12-31T08:00:00Z"}), []string{"RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;UNTIL=20261231T080000Z\r\n"}},
		{"no reminder", object{"start": "2026-02-02", "allDay": true, "reminders": []int{}}, []string{"SEQUENCE:0\r\n"}},
		{"reminders", object{"start": "2026-02-02", "allDay": true, "reminders": []int{0, 1440}}, []string{"TRIGGER:PT0S\r\n", "TRIGGER:-P1D\r\n"}},
		{"free and tentative", object{"start": "2026-02-02", "allDay": true, "busy": false, "status": "tentative"}, []string{"TRANSP:TRANSPARENT\r\n", "STATUS:TENTATIVE\r\n"}},
		{"control characters", object{"start": "2026-02-02", "allDay": true, "description": "a\u0000b\r\nX:y\u0007"}, []string{"DESCRIPTION:ab\\nX:y\r\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.in["name"] = tt.name
			m := h.as("alice", "POST", "/meetings", tt.in).ok(201)
			ics := h.ics("alice", text(m, "uid"))
			contains(t, ics, tt.want...)
			if tt.name == "no reminder" {
				lacks(t, ics, "VALARM")
			}
			// What is told can be sent back and changes nothing.
			back := object{}
			for _, f := range []string{"name", "description", "location", "start", "end", "timeZone", "allDay", "recurrence", "invited", "link", "reminders", "status", "busy"} {
				if v, ok := m[f]; ok {
					back[f] = v
				}
			}
			again := h.as("alice", "PATCH", "/meetings/"+text(m, "id"), back).ok(200)
			for _, f := range []string{"start", "end", "timeZone", "allDay", "recurrence", "reminders", "status", "busy", "description"} {
				if fmt.Sprint(again[f]) != fmt.Sprint(m[f]) {
					t.Errorf("%s = %v after it was sent back, want %v", f, again[f], m[f])
				}
			}
		})
	}
}

func repeats(r any) object {
	return object{"start": "2026-02-02T09:00:00+01:00", "end": "2026-02-02T10:00:00+01:00", "recurrence": r}
}

// TestCalendarSystems: a rule is told in words where they mean the same, and refused where nobody here can count so.
func TestCalendarSystems(t *testing.T) {
	h := newSQLite(t)
	for rule, every := range map[string]any{
		"RSCALE=GREGORIAN;FREQ=DAILY;SKIP=OMIT":                         "day",
		"RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=31;SKIP=BACKWARD":     nil,
		"RSCALE=HEBREW;FREQ=MONTHLY":                                    nil,
		"FREQ=YEARLY;RSCALE=CHINESE;BYMONTH=6L;BYMONTHDAY=1;SKIP=OMIT;": nil,
	} {
		m := h.as("alice", "POST", "/meetings", with(repeats(rule), "name", "x")).ok(201)
		if got := m["recurrence"].(object)["every"]; got != every {
			t.Errorf("%s: every %v, want %v", rule, got, every)
		}
	}
	h.as("alice", "POST", "/meetings", with(repeats("RSCALE=ETHIOPIC;FREQ=YEARLY"), "name", "x")).fails(422, "invalid", "recurrence")
}

// TestInvalid: the problem names the field.
func TestInvalid(t *testing.T) {
	h := newSQLite(t)
	with := func(field string, v any) object {
		o := object{"name": "x", "start": "2026-02-02T09:00:00Z", "end": "2026-02-02T10:00:00Z"}
		if v == nil {
			delete(o, field)
		} else {
			o[field] = v
		}
		return o
	}
	words := func(o object) object { return with("recurrence", o) }
	for _, tt := range []struct {
		in    any
		field string
	}{
		{with("name", nil), ""}, {with("name", ""), "name"}, {with("name", 5), "name"}, {with("name", "a\nb"), "name"},
		{with("name", strings.Repeat("x", 1001)), "name"},
		{with("start", "yesterday"), "start"}, {with("start", "2026-02-02"), "start"}, {with("start", "1066-10-14T09:00:00Z"), "start"},
		{with("start", "9999-12-31T23:59:59Z"), "start"}, {with("start", "2026-02-30T09:00:00Z"), "start"},
		{with("end", "2026-02-02T09:00:00Z"), "end"}, {with("end", nil), "end"}, {with("end", "2026-02-03"), "end"},
		{with("timeZone", "Mars/Olympus"), "timeZone"}, {with("timeZone", "Local"), "timeZone"}, {with("allDay", true), "start"}, {with("allDay", "yes"), "allDay"},
		{with("link", "javascript:alert(1)"), "link"}, {with("link", "https://u:p@example.com"), "link"}, {with("link", "https://example.com/\r\nX:y"), "link"},
		{with("status", "cancelled"), "status"}, {with("reminders", []int{-5}), "reminders[0]"}, {with("reminders", "30"), "reminders"},
		{with("reminders", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), "reminders"},
		{with("invited", []object{{"address": "nobody"}}), "invited[0].address"}, {with("invited", []object{{"name": "x"}}), "invited[0]"},
		{with("invited", []object{{"address": "bob@example.com"}, {"address": "a@b.example\r\nX:y"}}), "invited[1].address"},
		{with("invited", []object{{"address": "x@example.org", "name": "a\r\nb"}}), "invited[0].name"},
		{with("invited", "bob@example.com"), "invited"}, {with("unknown", 1), "unknown"},
		{with("calendar", "nothing"), "calendar"}, {with("calendar", "inbox"), "calendar"}, {with("calendar", "calaaaa"), "calendar"},
		{with("recurrence", "FREQ=FORTNIGHTLY"), "recurrence"}, {with("recurrence", "FREQ=SECONDLY;BYHOUR=8;BYMONTH=2;BYMONTHDAY=30"), "recurrence"},
		{with("recurrence", "FREQ=DAILY\r\nX-EVIL:1"), "recurrence"}, {with("recurrence", 7), "recurrence"}, {with("recurrence", []string{"x"}), "recurrence"},
		{words(object{"every": "fortnight"}), "recurrence.every"}, {words(object{}), "recurrence.every"}, {words(object{"every": "week", "if": 1}), "recurrence"},
		{words(object{"every": "week", "on": []string{"mon"}}), "recurrence.on[0]"}, {words(object{"every": "week", "on": []string{"tuesday"}}), "recurrence.on"},
		{words(object{"every": "week", "on": []string{"first monday"}}), "recurrence.on[0]"}, {words(object{"every": "day", "count": -1}), "recurrence.count"},
		{words(object{"every": "day", "count": 2, "until": "2026-12-31"}), "recurrence.until"}, {words(object{"every": "day", "until": "soon"}), "recurrence.until"},
		{words(object{"every": "week", "day": 5}), "recurrence.day"}, {words(object{"every": "day", "interval": 1 << 40}), "recurrence.interval"},
		{words(object{"every": "day", "count": 1e30}), "recurrence"},
	} {
		a := h.as("alice", "POST", "/meetings", tt.in)
		var in string
		if o, ok := tt.in.(object); ok {
			in = fmt.Sprint(o)
		}
		t.Run(in, func(t *testing.T) {
			kind := "invalid"
			status := 422
			if tt.field == "calendar" {
				kind, status = "no-calendar", 404
			}
			b := answer{a.ResponseRecorder, &house{House: &housetest.House{TB: t}}}
			b.fails(status, kind, tt.field)
		})
	}
	h.as("mute", "POST", "/meetings", with("invited", []object{{"address": "bob@example.com"}})).fails(422, "invalid", "invited")
}

// TestHostile: nothing that is sent makes the server fail.
func TestHostile(t *testing.T) {
	h := newSQLite(t)
	m := h.as("alice", "POST", "/meetings", weekly()).ok(201)
	for _, body := range []string{
		"", "null", "[]", "7", `"x"`, "{", "{}{}", "\xff\xfe", `{"name":"\ud800"}`, `{"name":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
		`{"a":` + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5001), strings.Repeat("a", 600<<10), `{"name":"` + strings.Repeat("x", 500<<10) + `"}`,
		`{"name":null,"start":null,"invited":null,"recurrence":null}`, `{"NAME":"x","Start":"2026-02-02T09:00:00Z"}`, `{"reminders":[1e400]}`, `{"reminders":[0.5]}`,
		`{"recurrence":{"rule":"` + strings.Repeat("BYDAY=MO;", 5000) + `"}}`, `{"invited":[` + strings.Repeat(`{"address":"a@b.example"},`, 2000) + `{"address":"a@b.example"}]}`,
	} {
		for _, to := range []string{"POST /meetings", "PATCH /meetings/" + text(m, "id"), "POST /meetings/" + text(m, "id") + "/answer", "POST /meetings/find-time", "POST /calendars"} {
			method, path, _ := strings.Cut(to, " ")
			a := h.as("alice", method, path, body)
			if a.Code >= 500 || a.Code >= 300 && a.Header().Get("Content-Type") != "application/problem+json" || a.Body.Len() > 20_000 {
				t.Errorf("%s with %.60q = %d %s %.300s", to, body, a.Code, a.Header(), a.Body)
			}
		}
	}
	for _, path := range []string{
		"/meetings/x", "/meetings/mtg", "/meetings/mtgaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "/meetings/%00", "/meetings/..%2f", "/events", "/events?from=x&to=y",
		"/events?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "/events?from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z",
		"/events?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&cursor=AAAA", "/events?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&limit=-1",
		"/events?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&calendar=" + strings.Repeat("x,", 60), "/events?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&timeZone=../etc/passwd",
		"/changes?since=%00", "/changes?since=AgEB", "/freebusy?who=%00&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z", "/calendars/%2e%2e", "/calendars/inbox", "/nothing", "/me?x=1",
		"/meetings/" + text(m, "id") + "?instance=x", "/meetings/" + text(m, "id") + "?instance=2026-02-03T09:00:00Z", "/meetings/" + text(m, "id") + "?instance=2026-02-02",
	} {
		r := h.as("alice", "GET", path, nil)
		if r.Code < 400 || r.Code >= 500 || r.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("GET %s = %d %s %s", path, r.Code, r.Header(), r.Body)
		}
	}
	h.as("alice", "PUT", "/meetings", object{}).fails(405, "no-method", "")
	h.as("alice", "POST", "/meetings", "name=x", "Content-Type", "application/x-www-form-urlencoded").fails(415, "no-json", "")
	h.as("alice", "POST", "/meetings", weekly(), "Sec-Fetch-Site", "cross-site").fails(403, "cross-origin", "")
}

// TestUpdate: a whole series, one instance, and what other programs wrote.
func TestUpdate(t *testing.T) {
	each(t, func(h *house) {
		m := h.as("alice", "POST", "/meetings", weekly()).ok(201)
		path := "/meetings/" + text(m, "id")
		// One instance.
		first := "2026-02-05T09:00:00+01:00"
		one := h.as("alice", "PATCH", path+"?instance="+url.QueryEscape(first), object{"name": "Outside", "start": "2026-02-05T15:00:00+01:00"}).ok(200)
		if text(one, "instance") != first || text(one, "start") != "2026-02-05T15:00:00+01:00" || text(one, "end") != "2026-02-05T16:00:00+01:00" || text(one, "name") != "Outside" {
			t.Errorf("instance = %v", one)
		}
		for _, who := range []string{"alice", "bob"} {
			contains(t, h.ics(who, "uid-1"), "RECURRENCE-ID;TZID=Europe/Berlin:20260205T090000", "DTSTART;TZID=Europe/Berlin:20260205T150000", "SUMMARY:Outside")
		}
		// The whole series an hour later: the instance that was moved by itself stays where it is, and is still one of the series.
		whole := h.as("alice", "PATCH", path, object{"name": "Plans", "location": "Roof", "start": "2026-02-02T10:00:00+01:00"}).ok(200)
		if text(whole, "end") != "2026-02-02T11:00:00+01:00" || text(whole, "name") != "Plans" {
			t.Errorf("series = %v", whole)
		}
		ics := h.ics("bob", "uid-1")
		contains(t, ics, "RECURRENCE-ID;TZID=Europe/Berlin:20260205T100000", "DTSTART;TZID=Europe/Berlin:20260205T150000", "SUMMARY:Outside", "SUMMARY:Plans")
		if n := strings.Count(ics, "LOCATION:Roof"); n != 2 {
			t.Errorf("LOCATION stands %d times, want in both", n)
		}
		events := list(h.as("bob", "GET", "/events?from=2026-02-01T00:00:00Z&to=2026-02-10T00:00:00Z", nil).ok(200), "events")
		var got []string
		for _, e := range events {
			got = append(got, text(e, "name")+" "+text(e, "start"))
		}
		if want := "[Plans 2026-02-02T10:00:00+01:00 Outside 2026-02-05T15:00:00+01:00 Plans 2026-02-09T10:00:00+01:00]"; fmt.Sprint(got) != want {
			t.Errorf("events = %v, want %s", got, want)
		}
		// A day later: its days move too.
		whole = h.as("alice", "PATCH", path, object{"start": "2026-02-03T10:00:00+01:00"}).ok(200)
		contains(t, h.ics("alice", "uid-1"), "RRULE:FREQ=WEEKLY;BYDAY=TU,FR;COUNT=10", "RECURRENCE-ID;TZID=Europe/Berlin:20260206T100000")
		if text(whole["recurrence"].(object), "every") != "week" {
			t.Errorf("recurrence = %v", whole["recurrence"])
		}
		// Another rule: what it does not have any more goes.
		h.as("alice", "PATCH", path, object{"recurrence": object{"every": "week", "count": 3}}).ok(200)
		lacks(t, h.ics("alice", "uid-1"), "RECURRENCE-ID")
		// Once.
		m = h.as("alice", "PATCH", path, object{"recurrence": nil, "location": nil, "busy": false, "reminders": []int{5, 60}}).ok(200)
		if m["recurring"] != false || text(m, "location") != "" || m["busy"] != false || fmt.Sprint(m["reminders"]) != "[5 60]" {
			t.Errorf("meeting = %v", m)
		}
		// Carol instead of bob.
		h.as("alice", "PATCH", path, object{"invited": []object{{"address": "carol@example.com"}}}).ok(200)
		contains(t, h.ics("bob", "uid-1"), "STATUS:CANCELLED")
		contains(t, h.ics("carol", "uid-1"), "SUMMARY:Plans")
		// Nobody.
		h.as("alice", "PATCH", path, object{"invited": nil}).ok(200)
		lacks(t, h.ics("alice", "uid-1"), "ATTENDEE", "ORGANIZER")
		contains(t, h.ics("carol", "uid-1"), "STATUS:CANCELLED")
		h.as("alice", "PATCH", path, object{"status": "cancelled"}).ok(200)
		h.as("alice", "PATCH", path+"?instance="+url.QueryEscape(first), object{"name": "x"}).fails(422, "no-instance", "instance")
	})
}

const foreign = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//Other program//EN\r\nX-WR-THING:1\r\n" +
	"BEGIN:VTIMEZONE\r\nTZID:Our own time\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0230\r\nTZOFFSETTO:+0230\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n" +
	"BEGIN:VEVENT\r\nUID:foreign\r\nDTSTAMP:20260101T000000Z\r\nX-UNKNOWN;X-P=\"a;b\":left alone\r\nSUMMARY;LANGUAGE=en:Old name\r\nDESCRIPTION:Text\r\nX-ALT-DESC;FMTTYPE=text/html:<b>Text</b>\r\n" +
	"DTSTART;TZID=Our own time:20260202T090000\r\nDURATION:PT45M\r\nRRULE:FREQ=DAILY;COUNT=5\r\nEXDATE;TZID=Our own time:20260203T090000,20260204T090000\r\nCATEGORIES:A,B\r\n" +
	"BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nX-ACK:1\r\nDESCRIPTION:x\r\nEND:VALARM\r\nBEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER;RELATED=END:PT5M\r\nEND:VALARM\r\n" +
	"X-AFTER:kept\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

// TestForeign: what the API does not know stays as another program wrote it.
func TestForeign(t *testing.T) {
	each(t, func(h *house) {
		if status, body := h.caldav("alice", "PUT", "/dav/calendars/alice/calendar/foreign.ics", foreign); status != 201 {
			t.Fatalf("PUT = %d %s", status, body)
		}
		id := h.id("alice", "foreign")
		m := h.as("alice", "GET", "/meetings/"+id, nil).ok(200)
		if text(m, "start") != "2026-02-02T09:00:00+02:30" || text(m, "end") != "2026-02-02T09:45:00+02:30" || fmt.Sprint(m["reminders"]) != "[15]" {
			t.Errorf("meeting = %v", m)
		}
		m = h.as("alice", "PATCH", "/meetings/"+id, object{"name": "New name", "reminders": []int{15, 30}}, "If-Match", text(m, "etag")).ok(200)
		ics := h.ics("alice", "foreign")
		want := strings.NewReplacer(
			"DTSTAMP:20260101T000000Z", "DTSTAMP:20260115T100000Z", "SUMMARY;LANGUAGE=en:Old name", "SUMMARY:New name",
			"X-AFTER:kept\r\n", "X-AFTER:kept\r\n",
		).Replace(foreign)
		for line := range strings.SplitSeq(want, "\r\n") {
			if !strings.Contains(ics, line) {
				t.Errorf("%q is gone:\n%s", line, ics)
			}
		}
		contains(t, ics, "TRIGGER:-PT30M", "X-ACK:1")
		h.as("alice", "PATCH", "/meetings/"+id, object{"description": "Other"}, "If-Match", `"old"`).fails(412, "changed", "")
		// Its times are in a zone of its own; moving them keeps the zone and the exceptions.
		h.as("alice", "PATCH", "/meetings/"+id, object{"description": "Other", "start": "2026-02-02T10:00:00+02:30"}, "If-Match", `"x", `+text(m, "etag")).ok(200)
		ics = h.ics("alice", "foreign")
		contains(t, ics, "DTSTART;TZID=Our own time:20260202T100000", "DTEND;TZID=Our own time:20260202T104500", "EXDATE;TZID=Our own time:20260203T100000", "EXDATE;TZID=Our own time:20260204T100000")
		lacks(t, ics, "X-ALT-DESC")
		if n := len(list(h.as("alice", "GET", "/events?from=2026-02-01T00:00:00Z&to=2026-03-01T00:00:00Z", nil).ok(200), "events")); n != 3 {
			t.Errorf("%d instances, want 3", n)
		}
	})
}
