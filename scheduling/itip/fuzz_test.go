package itip

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"kalends/ical"
)

// FuzzMeetings gives any two calendars to every function, in every part: nothing panics, nothing given is changed, and what
// comes back can be read again.
func FuzzMeetings(f *testing.F) {
	all := corpus(f)
	for i := range all {
		f.Add(all[i], all[(i+1)%len(all)])
	}
	f.Fuzz(func(t *testing.T, x, y []byte) {
		a, err := ical.Parse(x)
		if err != nil {
			return
		}
		b, err := ical.Parse(y)
		if err != nil {
			return
		}
		everything(t, a, b)
	})
}

// corpus is all objects and messages of the conversations.
func corpus(f testing.TB) (all [][]byte) {
	files, _ := filepath.Glob("../../testdata/itip/*.txt")
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, x := range ar.Files {
			if len(x.Data) > 0 && (x.Name[:3] == "put" || x.Name[:3] == "mai") {
				all = append(all, parseText(f, x.Data).Bytes())
			}
		}
	}
	return all
}

// odd are lines that programs and enemies write.
var odd = []string{
	"RECURRENCE-ID:20260302", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260303T090000Z", "RECURRENCE-ID:x", "DTSTART;VALUE=DATE:20260302",
	"DTSTART:00010101T000000", "DTEND:99991231T235959Z", "DURATION:-P1D", "DURATION:P100000D", "RRULE:FREQ=SECONDLY",
	"RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "RRULE:FREQ=DAILY;UNTIL=99991231T000000Z", "RRULE:x", "RDATE;VALUE=PERIOD:20260302T080000Z/PT1H,x/y",
	"RDATE;VALUE=PERIOD:20260305T080000Z/20260305T100000Z", "EXDATE:20260302T080000Z,", "EXDATE;VALUE=DATE:20260303", "SEQUENCE:-1", "SEQUENCE:99999999999999999999",
	"SEQUENCE:2147483647", "DTSTAMP:x", "STATUS:cancelled", "ORGANIZER:", "ATTENDEE:", "ATTENDEE;PARTSTAT=:mailto:bob@example.com",
	"ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO=\"mailto:a@example.com\",\"mailto:b@example.com\",,,x,y,z:mailto:bob@example.com",
	"ATTENDEE;DELEGATED-FROM=\"mailto:bob@example.com\":mailto:carol@example.com", "ATTENDEE;X-DTSTAMP=x;X-SEQUENCE=y:mailto:bob@example.com",
	"REQUEST-STATUS:;;;", "REQUEST-STATUS:2.0;ok", "DTSTART;TZID=Nowhere:20260302T090000", "DTSTART;TZID=\"x:y\":20260329T023000", "UID:",
	"BEGIN:VALARM", "END:VALARM", "BEGIN:VEVENT", "END:VEVENT", "BEGIN:VTODO", "END:VTODO", "DUE:20260302T090000Z",
}

// TestMixed gives calendars to everything whose lines were dropped, doubled, exchanged and made odd.
func TestMixed(t *testing.T) {
	all := corpus(t)
	r := rand.New(rand.NewPCG(1, 2))
	mix := func() *ical.Component {
		lines := strings.Split(strings.TrimSpace(string(all[r.IntN(len(all))])), "\r\n")
		for range r.IntN(6) {
			i := 1 + r.IntN(len(lines)-1)
			switch r.IntN(4) {
			case 0:
				lines = slices.Delete(lines, i, i+1)
			case 1:
				lines = slices.Insert(lines, i, lines[r.IntN(len(lines))])
			case 2:
				lines = slices.Insert(lines, i, odd[r.IntN(len(odd))])
			case 3:
				lines[i] = odd[r.IntN(len(odd))]
			}
			if len(lines) < 4 {
				break
			}
		}
		cal, err := ical.Parse([]byte(strings.Join(lines, "\r\n") + "\r\n"))
		if err != nil {
			return nil
		}
		return cal
	}
	n := 0
	for range 6000 {
		a, b := mix(), mix()
		if a == nil || b == nil {
			continue
		}
		n++
		if r.IntN(4) > 0 { // one about the other
			for c := range b.Main() {
				if u := uid(a); u != "" && c.Prop("UID") != nil {
					c.Prop("UID").SetValue(u)
				}
			}
		}
		everything(t, a, b)
	}
	if n < 500 {
		t.Errorf("only %d pairs could be read", n)
	}
}

func everything(t *testing.T, a, b *ical.Component) {
	textA, textB := a.String(), b.String()
	was, who := Organizer(a), "mailto:bob@example.com"
	for _, x := range Attendees(b, nil) {
		who = x.Address
	}
	var made []*ical.Component
	keep := func(list ...*ical.Component) {
		for _, c := range list {
			if c != nil {
				made = append(made, c)
			}
		}
	}
	for _, local := range []bool{false, true} {
		o := Options{Now: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), Local: local, Stale: local}
		for _, pair := range [][2]*ical.Component{{nil, a}, {a, b}, {a, nil}} {
			if plan, err := Organize(pair[0], pair[1], o); err == nil {
				keep(plan.Stored)
				for _, m := range plan.Messages {
					keep(m.Calendar)
				}
			}
			if plan, err := Attend(pair[0], pair[1], who, o); err == nil {
				keep(plan.Stored)
				if plan.Reply != nil {
					keep(plan.Reply.Calendar)
				}
			}
		}
		for _, method := range []string{"", Request, Cancel, Add, Publish, DeclineCounter} {
			for _, copy := range []*ical.Component{nil, a} {
				if res, err := Receive(copy, Message{method, was, who, b}, o); err == nil {
					keep(res.Copy)
				}
			}
		}
		for _, copy := range []*ical.Component{nil, a} {
			if res, err := TakePublish(copy, Message{Publish, was, who, b}, o); err == nil {
				keep(res.Copy)
			}
		}
		for _, from := range []string{"", who} {
			if res, err := TakeReply(a, Message{Reply, from, was, b}, o); err == nil {
				keep(res.Copy)
			}
		}
		if cal, ok := SpreadPartStat(a, b, who, o); ok {
			keep(cal)
		}
		if res, err := Align(a, b, who, o); err == nil {
			keep(res.Copy)
		}
		if cal, err := Admit(a, Message{Reply, who, was, b}, o); err == nil {
			keep(cal)
		}
		if m, err := MakeRefresh(a, who, o); err == nil {
			keep(m.Calendar)
		}
		if m, err := MakeCounter(a, b, who, o); err == nil {
			keep(m.Calendar)
		}
		ReadCounter(a, Message{Counter, who, was, b}, o)
		if m, err := MakeDeclineCounter(a, Message{Counter, who, was, b}, "no", o); err == nil {
			keep(m.Calendar)
		}
		TakeRefresh(a, Message{Refresh, who, was, b}, o)
		ReadMessage(b)
		NextSequence(a)
		LeastFor(a)
	}
	if a.String() != textA || b.String() != textB {
		t.Error("an argument was changed")
	}
	for _, c := range made {
		if _, err := ical.Parse(c.Bytes()); err != nil {
			t.Errorf("cannot be read again: %v\n%s", err, c.Bytes())
		}
	}
}
