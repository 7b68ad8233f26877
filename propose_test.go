package main

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
)

// next is a day in two weeks, at nine.
func next() time.Time {
	return time.Now().UTC().AddDate(0, 0, 14).Truncate(24 * time.Hour).Add(9 * time.Hour)
}

func (s *answers) held() []*storage.Inbound {
	s.Helper()
	list, _, err := s.cal.Held(s.Context(), s.alice, s.alice, "", 0)
	if err != nil {
		s.Fatal(err)
	}
	return list
}

func (s *answers) propose(link string, fields ...string) url.Values {
	f := url.Values{"token": {link[strings.LastIndexByte(link, '/')+1:]}, "answer": {"PROPOSE"}}
	for i := 0; i+1 < len(fields); i += 2 {
		f.Set(fields[i], fields[i+1])
	}
	return f
}

// TestProposeOnTheAnswerPage: another time is proposed, replaced, taken by the organizer or refused, and nothing changes before.
func TestProposeOnTheAnswerPage(t *testing.T) {
	s := newAnswers(t)
	at := next()
	s.put(at, "carol@example.org", "dave@example.org")
	link := s.link("carol@example.org")
	before := s.text()
	day := at.Format(time.DateOnly)
	if _, body := s.do("GET", link, nil); !strings.Contains(body, "Propose another time") || !strings.Contains(body, `name="day" value="`+day+`"`) || !strings.Contains(body, `name="start" value="09:00"`) ||
		!strings.Contains(body, `name="end" value="10:00"`) || !strings.Contains(body, "(UTC)") || strings.Contains(body, `name="last"`) {
		t.Errorf("the form:\n%s", body)
	}
	for name, f := range map[string][]string{
		"nothing": {}, "no day": {"start", "10:00", "end", "11:00"}, "no time": {"day", day, "start", "", "end", ""}, "odd": {"day", day, "start", "25:00", "end", "x"},
		"as it is": {"day", day, "start", "09:00", "end", "10:00"}, "past": {"day", "2020-01-01", "start", "09:00", "end", "10:00"},
		"no such date": {"date", "20200101T000000Z", "day", day, "start", "11:00", "end", "12:00"}, "too far": {"day", "9990-01-01", "start", "09:00", "end", "10:00"},
		"too long": {"day", day, "start", "09:00", "last", at.AddDate(0, 3, 0).Format(time.DateOnly), "end", "10:00"}, "backwards": {"day", day, "start", "09:00", "last", at.AddDate(0, 0, -3).Format(time.DateOnly), "end", "10:00"},
	} {
		if resp, body := s.do("POST", link, s.propose(link, f...)); resp.StatusCode != 400 || !strings.Contains(body, "cannot be proposed") {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	if resp, _ := s.do("POST", link, s.propose(link, "day", day, "start", "13:00", "end", "14:00"), "Sec-Fetch-Site", "cross-site"); resp.StatusCode != 403 || len(s.held()) != 0 {
		t.Errorf("another site's form: %d", resp.StatusCode)
	}

	if resp, body := s.do("POST", link, s.propose(link, "day", day, "start", "11:00", "end", "12:30", "comment", "Lunch <b>first</b>")); resp.StatusCode != 303 {
		t.Fatalf("POST: %d %s", resp.StatusCode, body)
	}
	s.do("POST", link, s.propose(link, "day", day, "start", "23:00", "end", "01:00:00", "comment", "Lunch <b>first</b>"))
	list := s.held()
	if len(list) != 1 || list[0].About.Method != "COUNTER" || !list[0].About.Verified || list[0].About.Comment != "Lunch <b>first</b>" || !list[0].About.Was.Equal(at) ||
		!list[0].About.Start.Equal(at.Add(14*time.Hour)) || !list[0].About.End.Equal(at.Add(16*time.Hour)) || list[0].Object != s.object {
		t.Fatalf("waiting: %+v", list)
	}
	if s.text() != before {
		t.Error("a proposal changed the meeting")
	}
	if _, body := s.do("GET", link, nil); !strings.Contains(body, "You propose: ") || !strings.Contains(body, "23:00") || !strings.Contains(body, "Alice has not decided yet") {
		t.Errorf("the page after it:\n%s", body)
	}
	if _, body := s.do("GET", s.link("dave@example.org"), nil); strings.Contains(body, "You propose") {
		t.Error("another's proposal shows")
	}
	jobs, err := s.app.store.Jobs(t.Context(), []storage.JobState{storage.Ready}, 100)
	if err != nil {
		t.Fatal(err)
	}
	notices := 0
	for _, j := range jobs {
		if j.Kind == "notice" && j.Recipient == "mailto:alice@example.com" && strings.Contains(string(j.Payload), `"proposal"`) {
			notices++
		}
	}
	if notices != 1 {
		t.Errorf("%d notices to the organizer", notices)
	}
	if _, err := s.cal.AcceptHeld(t.Context(), s.alice, s.alice, list[0].Key); err != nil {
		t.Fatal(err)
	}
	if want := "DTSTART:" + at.Add(14*time.Hour).Format("20060102T150405Z"); !strings.Contains(s.text(), want) || len(s.held()) != 0 {
		t.Errorf("after accepting:\n%s", s.text())
	}

	// Refused: who proposed hears of it by mail.
	dave := s.link("dave@example.org")
	s.do("POST", dave, s.propose(dave, "day", day, "start", "15:00", "end", "16:00"))
	if list = s.held(); len(list) != 1 {
		t.Fatal(list)
	}
	if err := s.cal.RefuseHeld(t.Context(), s.alice, s.alice, list[0].Key, "No."); err != nil {
		t.Fatal(err)
	}
	jobs, _ = s.app.store.Jobs(t.Context(), []storage.JobState{storage.Ready}, 1)
	if len(jobs) != 1 || jobs[0].Recipient != "mailto:dave@example.org" || !strings.Contains(string(jobs[0].Payload), "DECLINECOUNTER") || !strings.Contains(string(jobs[0].Payload), "COMMENT:No.") {
		t.Errorf("refused: %s %s %s", jobs[0].Kind, jobs[0].Recipient, jobs[0].Payload)
	}
	// It dies with the meeting's end and with removal.
	s.put(time.Now().Add(-48*time.Hour), "dave@example.org")
	if _, body := s.do("GET", dave, nil); strings.Contains(body, "Propose another time") {
		t.Error("another time is proposed for what is over")
	}
	if resp, _ := s.do("POST", link, s.propose(link, "day", day, "start", "11:00", "end", "12:30")); resp.StatusCode != 410 {
		t.Errorf("after removal: %d", resp.StatusCode)
	}
}

// TestProposeForOneDateOfASeries: a series is asked about date by date, in its own zone; whole days in days.
func TestProposeForOneDateOfASeries(t *testing.T) {
	s := newAnswers(t)
	put := func(name, start, more string) {
		t.Helper()
		text := strings.Replace(simpleEvent(name, "SUMMARY:M\r\n"+more+"ORGANIZER:mailto:alice@example.com\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\r\nATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:carol@example.org\r\n"),
			"DTSTART:20380105T090000Z", start, 1)
		res, err := s.cal.Put(t.Context(), calendar.PutRequest{Who: s.alice, Target: calendar.Target{Owner: s.alice, Slug: "calendar", Name: name + ".ics"}, Body: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		s.object = res.Object.ID
	}
	at := next()
	put("s", "DTSTART;TZID=America/New_York:"+at.Format("20060102T150405"), "RRULE:FREQ=DAILY;COUNT=20\r\n")
	link := s.link("carol@example.org")
	second := at.AddDate(0, 0, 1)
	_, body := s.do("GET", link, nil)
	if strings.Count(body, "<option ") != 12 || !strings.Contains(body, `<option value="`+second.Format("20060102T150405")+`">`) || !strings.Contains(body, "(America/New_York)") {
		t.Errorf("the form:\n%s", body)
	}
	if resp, body := s.do("POST", link, s.propose(link, "date", second.Format("20060102T150405"), "day", second.Format(time.DateOnly), "start", "17:00", "end", "18:00")); resp.StatusCode != 303 {
		t.Fatalf("POST: %d %s", resp.StatusCode, body)
	}
	list := s.held()
	if len(list) != 1 || !list[0].About.Instance || list[0].About.TimeZone != "America/New_York" {
		t.Fatalf("waiting: %+v", list)
	}
	if _, err := s.cal.AcceptHeld(t.Context(), s.alice, s.alice, list[0].Key); err != nil {
		t.Fatal(err)
	}
	text := s.text()
	for _, want := range []string{"RRULE:FREQ=DAILY;COUNT=20", "RECURRENCE-ID;TZID=America/New_York:" + second.Format("20060102T150405"), "DTSTART;TZID=America/New_York:" + second.Format("20060102T") + "170000"} {
		if !strings.Contains(text, want) {
			t.Errorf("after accepting, %s is missing:\n%s", want, text)
		}
	}

	put("d", "DTSTART;VALUE=DATE:"+at.Format("20060102"), "")
	link = s.link("carol@example.org")
	if _, body := s.do("GET", link, nil); strings.Contains(body, `name="start"`) || !strings.Contains(body, `name="last" value="`+at.Format(time.DateOnly)+`"`) {
		t.Errorf("the form for whole days:\n%s", body)
	}
	if resp, body := s.do("POST", link, s.propose(link, "day", second.Format(time.DateOnly), "last", second.AddDate(0, 0, 1).Format(time.DateOnly))); resp.StatusCode != 303 {
		t.Fatalf("POST: %d %s", resp.StatusCode, body)
	}
	if _, err := s.cal.AcceptHeld(t.Context(), s.alice, s.alice, s.held()[0].Key); err != nil {
		t.Fatal(err)
	}
	if text := s.text(); !strings.Contains(text, "DTSTART;VALUE=DATE:"+second.Format("20060102")) || !strings.Contains(text, "DTEND;VALUE=DATE:"+second.AddDate(0, 0, 2).Format("20060102")) {
		t.Errorf("after accepting:\n%s", text)
	}
}

// TestAnswerPageOfSomebodyWithAnAccount: it shows when they are busy, as times only, and what they answer is in their own calendar too.
func TestAnswerPageOfSomebodyWithAnAccount(t *testing.T) {
	s := newAnswers(t)
	bob, err := s.app.directory.Add(t.Context(), auth.NewUser{Name: "bob", DisplayName: "Bob", Email: "bob@example.com", Kind: "user"})
	if err != nil {
		t.Fatal(err)
	}
	at := next()
	s.put(at, "bob@example.com", "carol@example.org")
	put := func(name string, start time.Time, more string) {
		t.Helper()
		text := strings.Replace(simpleEvent(name, "SUMMARY:Secret doctor\r\n"+more), "20380105T090000Z", start.Format("20060102T150405Z"), 1)
		if _, err := s.cal.Put(t.Context(), calendar.PutRequest{Who: bob, Target: calendar.Target{Owner: bob, Slug: "calendar", Name: name + ".ics"}, Body: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	link := s.link("bob@example.com")
	if _, body := s.do("GET", link, nil); strings.Contains(body, "You are busy then") {
		t.Error("the meeting is in its own way")
	}
	put("free", at, "TRANSP:TRANSPARENT\r\n")
	put("other", at.Add(5*time.Hour), "")
	if _, body := s.do("GET", link, nil); strings.Contains(body, "You are busy then") {
		t.Error("what takes no time is in the way")
	}
	put("doctor", at.Add(30*time.Minute), "")
	_, body := s.do("GET", link, nil)
	if !strings.Contains(body, "You are busy then") || !strings.Contains(body, "09:30–10:00") || strings.Contains(body, "Secret") {
		t.Errorf("the page:\n%s", body)
	}
	if _, body := s.do("GET", s.link("carol@example.org"), nil); strings.Contains(body, "You are busy then") {
		t.Error("somebody else sees when bob is busy")
	}
	if resp, body := s.do("POST", link, s.form(link, "TENTATIVE")); resp.StatusCode != 303 {
		t.Fatalf("POST: %d %s", resp.StatusCode, body)
	}
	if got := s.partStat("bob@example.com"); got != "TENTATIVE" {
		t.Errorf("in the organizer's calendar: %s", got)
	}
	list, err := s.app.store.ObjectsByUID(t.Context(), []int64{bob.ID}, "m")
	if err != nil || len(list) != 1 || !strings.Contains(strings.ReplaceAll(string(list[0].ICS), "\r\n ", ""), "PARTSTAT=TENTATIVE") {
		t.Fatalf("bob's copy: %v", err)
	}
	jobs, _ := s.app.store.Jobs(t.Context(), []storage.JobState{storage.Ready}, 100)
	comments := 0
	for _, j := range jobs {
		if j.Kind == "notice" && strings.Contains(string(j.Payload), "cake.") {
			comments++
		}
	}
	if comments != 1 {
		t.Errorf("%d notices of the comment", comments)
	}
}

// TestS11AfterCancelAndCrossEvent: a link answers one meeting only, and none that is off; sending the same form again changes nothing more.
func TestS11AfterCancelAndCrossEvent(t *testing.T) {
	s := newAnswers(t)
	link := s.link("carol@example.org")
	first := s.object
	text := strings.Replace(simpleEvent("n", "SUMMARY:Other\r\nORGANIZER:mailto:alice@example.com\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\r\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:carol@example.org\r\n"),
		"20380105T090000Z", next().Format("20060102T150405Z"), 1)
	res, err := s.cal.Put(t.Context(), calendar.PutRequest{Who: s.alice, Target: calendar.Target{Owner: s.alice, Slug: "calendar", Name: "n.ics"}, Body: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	s.object = res.Object.ID
	other := s.link("carol@example.org")
	// The form of one meeting, sent to the link of the other.
	if resp, _ := s.do("POST", link, s.form(other, "DECLINED")); resp.StatusCode != 403 {
		t.Errorf("a form of another meeting: %d", resp.StatusCode)
	}
	if resp, _ := s.do("POST", other, s.form(other, "DECLINED")); resp.StatusCode != 303 || s.partStat("carol@example.org") != "DECLINED" {
		t.Errorf("the other: %d", resp.StatusCode)
	}
	before := s.text()
	form := s.form(other, "DECLINED")
	form.Del("comment")
	for range 3 {
		if resp, _ := s.do("POST", other, form); resp.StatusCode != 303 {
			t.Errorf("the same form again: %d", resp.StatusCode)
		}
	}
	if s.text() != before {
		t.Errorf("the same form again changed the meeting:\n%s", s.text())
	}
	s.object = first
	if got := s.partStat("carol@example.org"); got != "NEEDS-ACTION" {
		t.Errorf("the first meeting: %s", got)
	}
	s.object = res.Object.ID
	text = strings.Replace(strings.ReplaceAll(string(res.Object.ICS), "SUMMARY:Other", "STATUS:CANCELLED\r\nSUMMARY:Other"), "\r\n ", "", -1)
	if _, err := s.cal.Put(t.Context(), calendar.PutRequest{Who: s.alice, Target: calendar.Target{Owner: s.alice, Slug: "calendar", Name: "n.ics"}, Body: []byte(text)}); err != nil {
		t.Fatal(err)
	}
	if resp, body := s.do("GET", other, nil); resp.StatusCode != 200 || !strings.Contains(body, "This meeting is cancelled") || strings.Contains(body, "<button") {
		t.Errorf("after it was cancelled: %d\n%s", resp.StatusCode, body)
	}
	for _, f := range []url.Values{s.form(other, "ACCEPTED"), s.propose(other, "day", "2038-01-01", "start", "10:00", "end", "11:00")} {
		if resp, _ := s.do("POST", other, f); resp.StatusCode != 410 {
			t.Errorf("an answer after it was cancelled: %d", resp.StatusCode)
		}
	}
}
