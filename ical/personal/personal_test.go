package personal

import (
	"strings"
	"testing"

	"kalends/ical"
)

func event(lines string) string {
	return "BEGIN:VEVENT\nUID:1\n" + strings.TrimSpace(lines) + "\nEND:VEVENT\n"
}

func object(t *testing.T, events string) *ical.Component {
	t.Helper()
	if events == "" {
		return nil
	}
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n" + events + "END:VCALENDAR\n"
	cal, err := ical.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return cal
}

func ring(trigger string) string {
	return "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:" + trigger + "\nEND:VALARM\n"
}

func TestSplit(t *testing.T) {
	const at, weekly = "DTSTART:20260105T100000Z\nSUMMARY:Standup\n", "DTSTART:20260105T100000Z\nRRULE:FREQ=WEEKLY\nSUMMARY:Standup\n"
	const moved = "RECURRENCE-ID:20260112T100000Z\nDTSTART:20260112T110000Z\nSUMMARY:Standup\n"
	for _, tt := range []struct {
		name      string
		old, body string
		shared    string // "" for the same as body
		mine      bool
		same      bool // nobody else sees a difference to old
	}{
		{"nothing of one's own", event(at), event(at), "", false, true},
		{"another title", event(at), event("DTSTART:20260105T100000Z\nSUMMARY:Other"), "", false, false},
		{"an alarm", event(at), event(at + ring("-PT5M")), event(at), true, true},
		{"an alarm where the owner has one", event(at + ring("-PT30M")), event(at + ring("-PT5M")), event(at + ring("-PT30M")), true, true},
		{"no alarm where the owner has one", event(at + ring("-PT30M")), event(at), event(at + ring("-PT30M")), false, true},
		{"a new object", "", event(at + "TRANSP:TRANSPARENT\n" + ring("-PT5M")), event(at + "TRANSP:TRANSPARENT"), true, false},
		{"not busy for me", event(at), event(at + "TRANSP:TRANSPARENT"), event(at), true, true},
		{"busy for me", event(at + "TRANSP:TRANSPARENT"), event(at + "TRANSP:OPAQUE"), event(at + "TRANSP:TRANSPARENT"), true, true},
		{"said in another way", event(at), event(at + "TRANSP:opaque"), event(at + "TRANSP:opaque"), false, true},
		{"an alarm that was shown", event(at + "DTSTAMP:20260101T000000Z\nSEQUENCE:1"), event(at + "DTSTAMP:20260105T100000Z\nSEQUENCE:2\nX-MOZ-LASTACK:20260105T094501Z\nX-MOZ-GENERATION:2"),
			event(at + "DTSTAMP:20260105T100000Z\nSEQUENCE:2"), true, true},
		{"an instance is moved", event(weekly + ring("-PT30M")), event(weekly+ring("-PT5M")) + event(moved+ring("-PT5M")),
			event(weekly+ring("-PT30M")) + event(moved+ring("-PT30M")), true, false},
		{"an instance without an alarm", event(weekly+ring("-PT30M")) + event(moved+ring("-PT10M")), event(weekly+ring("-PT5M")) + event(moved),
			event(weekly+ring("-PT30M")) + event(moved+ring("-PT10M")), true, true},
		{"an instance is gone", event(weekly) + event(moved), event(weekly), "", false, false},
		{"other order", event("SUMMARY:x\nDTSTART;VALUE=DATE;X-A=1:20260105"), event("DTSTART;X-A=1;VALUE=DATE:20260105\nSUMMARY:x"), "", false, true},
	} {
		old, body := object(t, tt.old), object(t, tt.body)
		before := body.String()
		shared, mine := Split(body, old)
		want := tt.shared
		if want == "" {
			want = tt.body
		}
		if got := shared.String(); got != object(t, want).String() {
			t.Errorf("%s: Split gives all\n%s\nwant\n%s", tt.name, got, object(t, want))
		}
		if (mine != nil) != tt.mine {
			t.Errorf("%s: Split gives me %v, want something: %v", tt.name, mine, tt.mine)
		}
		if old != nil && Same(shared, old) != tt.same {
			t.Errorf("%s: Same = %v, want %v", tt.name, !tt.same, tt.same)
		}
		if body.String() != before {
			t.Errorf("%s: Split changed what it was given", tt.name)
		}
		// Who wrote it reads it again, and what is stored of theirs survives being a text.
		if mine != nil {
			var err error
			if mine, err = ical.Parse(mine.Bytes()); err != nil {
				t.Fatal(err)
			}
		}
		if again := Compose(shared, mine); !equivalent(again, body) {
			t.Errorf("%s: Compose\n%s\nwant\n%s", tt.name, again, body)
		}
		if everybody := Compose(shared, nil); Has(everybody) {
			t.Errorf("%s: others see\n%s", tt.name, everybody)
		}
	}
}

// equivalent compares texts but for how a default is said.
func equivalent(a, b *ical.Component) bool {
	norm := func(c *ical.Component) string {
		return strings.ReplaceAll(strings.ReplaceAll(c.String(), "TRANSP:opaque\r\n", ""), "TRANSP:OPAQUE\r\n", "")
	}
	return norm(a) == norm(b)
}

// TestComposeAfterTheOwnerChangedIt: alarms of a series hold for instances that became different since.
func TestComposeAfterTheOwnerChangedIt(t *testing.T) {
	const weekly = "DTSTART:20260105T100000Z\nRRULE:FREQ=WEEKLY\n"
	_, mine := Split(object(t, event(weekly+ring("-PT5M"))), object(t, event(weekly)))
	later := object(t, event(weekly+ring("-PT30M"))+event("RECURRENCE-ID:20260112T100000Z\nDTSTART:20260112T110000Z\n"+ring("-PT30M")))
	got := Compose(later, mine).String()
	if n := strings.Count(got, "TRIGGER:-PT5M"); n != 2 || strings.Contains(got, "PT30M") {
		t.Errorf("Compose gives\n%s", got)
	}
}
