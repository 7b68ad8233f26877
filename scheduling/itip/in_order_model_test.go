package itip

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kalends/ical"
)

// TestInOrderConverges edits a series at random, and delivers each message in the transaction that made it, as the server does: after
// every step each copy shows what the organizer's object says, so that [Align] finds nothing to do.
func TestInOrderConverges(t *testing.T) {
	crowd := []string{"bob", "carol"}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
		var stored *ical.Component
		copies := map[string]*ical.Component{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			now = now.Add(time.Minute)
			o := Options{Now: now, Local: true, InOrder: true}
			body := drawSeries(t, crowd)
			if stored != nil && rapid.IntRange(0, 9).Draw(t, "delete") == 0 {
				body = nil
			}
			plan, err := Organize(stored, body, o)
			if err != nil {
				t.Fatalf("Organize: %v", err)
			}
			for _, m := range plan.Messages {
				res, err := Receive(copies[m.To], m, o)
				if err != nil {
					t.Fatalf("Receive: %v", err)
				}
				copies[m.To] = res.Copy
			}
			stored = plan.Stored
			spread := func() {
				for _, name := range crowd {
					if copy := copies[address(name)]; copy != nil {
						copies[address(name)], _ = SpreadPartStat(copy, stored, address(name), o)
					}
				}
			}
			if plan.Spread {
				spread()
			}
			for _, name := range crowd {
				me := address(name)
				copy := copies[me]
				if copy != nil && isCancelled(read(copy).master) && len(read(copy).keys) == 0 {
					delete(copies, me) // thrown away
					copy = nil
				}
				if copy == nil && stored == nil {
					continue
				}
				if _, invited := View(stored, me, Request, o); stored == nil || !invited {
					if copy == nil {
						continue
					}
					for k := range copy.Main() {
						if !isCancelled(k) {
							t.Fatalf("%s still has\n%s\nof\n%s", name, copy, stored)
						}
					}
					delete(copies, me)
					continue
				}
				if got, err := Align(copy, stored, me, o); err != nil || got.Changed {
					t.Fatalf("%s has\n%s\nwhich Align makes\n%s\nof\n%s (%v)", name, copy, got.Copy, stored, err)
				}
			}
			// Somebody answers, and the organizer hears.
			who := address(rapid.SampledFrom(crowd).Draw(t, "who"))
			if copy := copies[who]; copy != nil && stored != nil {
				answer := copy.Clone()
				for c := range answer.Main() {
					if mine := o.attendeeOf(c, who); mine != nil {
						mine.SetParam("PARTSTAT", rapid.SampledFrom([]string{"ACCEPTED", "DECLINED"}).Draw(t, "answer"))
					}
				}
				said, err := Attend(copy, answer, who, o)
				if err != nil {
					t.Fatalf("Attend: %v", err)
				}
				copies[who] = said.Stored
				if said.Reply != nil {
					res, err := TakeReply(stored, *said.Reply, o)
					if err != nil {
						t.Fatalf("TakeReply: %v", err)
					}
					stored = res.Copy
				}
				spread()
			}
		}
	})
}

// drawSeries draws an organizer's body: a series of four days, with or without an override and an EXDATE, for some of the crowd each.
func drawSeries(t *rapid.T, crowd []string) *ical.Component {
	var b strings.Builder
	people := func(where string) {
		b.WriteString("ORGANIZER:mailto:alice@example.com\n")
		for _, name := range crowd {
			if rapid.IntRange(0, 4).Draw(t, where+" "+name) > 0 {
				fmt.Fprintf(&b, "ATTENDEE:%s\n", address(name))
			}
		}
	}
	hour := rapid.IntRange(9, 10).Draw(t, "hour")
	b.WriteString("BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:r@example.com\nDTSTAMP:20260101T000000Z\nRRULE:FREQ=DAILY;COUNT=4\n")
	fmt.Fprintf(&b, "DTSTART:20260701T%02d0000Z\nSUMMARY:%d\n", hour, rapid.IntRange(0, 1).Draw(t, "title"))
	for day := 2; day <= 3; day++ {
		if rapid.IntRange(0, 3).Draw(t, "out") == 0 {
			fmt.Fprintf(&b, "EXDATE:202607%02dT%02d0000Z\n", day, hour)
		}
	}
	people("series")
	b.WriteString("END:VEVENT\n")
	if rapid.Bool().Draw(t, "override") {
		fmt.Fprintf(&b, "BEGIN:VEVENT\nUID:r@example.com\nDTSTAMP:20260101T000000Z\nRECURRENCE-ID:20260704T%02d0000Z\nDTSTART:20260704T%02d0000Z\nSUMMARY:%d\n",
			hour, hour+rapid.IntRange(0, 1).Draw(t, "later"), rapid.IntRange(0, 1).Draw(t, "its title"))
		people("override")
		b.WriteString("END:VEVENT\n")
	}
	b.WriteString("END:VCALENDAR\n")
	cal, err := ical.Parse([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return cal
}
