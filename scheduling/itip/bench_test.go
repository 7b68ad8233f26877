package itip

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kalends/ical"
)

func meeting(attendees, overrides int, summary string) *ical.Component {
	var b strings.Builder
	event := func(id, sum string) {
		b.WriteString("BEGIN:VEVENT\r\nUID:bench@example.com\r\nDTSTAMP:20260105T080000Z\r\nORGANIZER:mailto:alice@example.com\r\n")
		for i := range attendees {
			fmt.Fprintf(&b, "ATTENDEE;CN=User %d;PARTSTAT=NEEDS-ACTION:mailto:user%d@example.com\r\n", i, i)
		}
		b.WriteString("DTSTART;TZID=Europe/Berlin:20260601T100000\r\nDURATION:PT1H\r\nSUMMARY:" + sum + "\r\n" + id + "END:VEVENT\r\n")
	}
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n")
	event("RRULE:FREQ=DAILY\r\n", summary)
	for i := range overrides {
		event("RECURRENCE-ID;TZID=Europe/Berlin:"+time.Date(2026, 6, 2+i, 10, 0, 0, 0, time.UTC).Format("20060102T150405")+"\r\n", "other")
	}
	b.WriteString("END:VCALENDAR\r\n")
	cal, err := ical.Parse([]byte(b.String()))
	if err != nil {
		panic(err)
	}
	return cal
}

func BenchmarkOrganize(b *testing.B) {
	for _, n := range [][2]int{{2, 0}, {100, 0}, {100, 20}, {1000, 10}} {
		old, new := meeting(n[0], n[1], "a"), meeting(n[0], n[1], "b")
		b.Run(fmt.Sprintf("attendees=%d/overrides=%d", n[0], n[1]), func(b *testing.B) {
			o := Options{Now: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), Same: func(x, y string) bool { return x == y }}
			for b.Loop() {
				if plan, err := Organize(old, new, o); err != nil || len(plan.Messages) != n[0] {
					b.Fatal(err, len(plan.Messages))
				}
			}
		})
	}
}

func BenchmarkReceive(b *testing.B) {
	o := Options{Now: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), Local: true}
	cal := meeting(2, 0, "a")
	msg, _ := View(cal, "mailto:user1@example.com", Request, o)
	first, _ := Receive(nil, msg, o)
	o.Now = o.Now.Add(time.Hour)
	msg, _ = View(meeting(2, 0, "b"), "mailto:user1@example.com", Request, o)
	for b.Loop() {
		if res, err := Receive(first.Copy, msg, o); err != nil || res.Outcome != Updated {
			b.Fatal(err, res.Outcome)
		}
	}
}
