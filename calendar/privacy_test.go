package calendar

import (
	"fmt"
	"strings"
	"testing"

	"kalends/ical"
	"kalends/storage"
)

func TestPrivacyOf(t *testing.T) {
	for _, tt := range []struct {
		classes []string
		want    storage.Privacy
	}{
		{[]string{""}, storage.Public},
		{[]string{"CLASS:PUBLIC"}, storage.Public},
		{[]string{"CLASS: public "}, storage.Public},
		{[]string{"CLASS:CONFIDENTIAL"}, storage.Confidential},
		{[]string{"class;X-A=b:confidential"}, storage.Confidential},
		{[]string{"CLASS:PRIVATE"}, storage.Private},
		{[]string{"CLASS:X-FAMILY"}, storage.Private},
		{[]string{"CLASS:PUBLIC", "CLASS:PRIVATE"}, storage.Private},
		{[]string{"CLASS:CONFIDENTIAL", ""}, storage.Confidential},
	} {
		text := "BEGIN:VCALENDAR\n"
		for _, c := range tt.classes {
			text += "BEGIN:VEVENT\nUID:1\n" + c + "\nEND:VEVENT\n"
		}
		cal, err := ical.Parse([]byte(text + "END:VCALENDAR\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := privacyOf(cal); got != tt.want {
			t.Errorf("privacyOf(%q) = %d, want %d", tt.classes, got, tt.want)
		}
	}
}

// TestOnlyTimes: nothing but times is left, whatever there was.
func TestOnlyTimes(t *testing.T) {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nX-WR-CALNAME:secret\n")
	for _, kind := range []string{"VEVENT", "VTODO", "VJOURNAL", "VAVAILABILITY"} {
		fmt.Fprintf(&b, "BEGIN:%s\nUID:1\nDTSTART;TZID=Europe/Vienna;X-NOTE=secret:20260101T090000\n", kind)
		for _, name := range []string{
			"SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "CATEGORIES", "ATTENDEE;CN=secret", "ORGANIZER;CN=secret", "ATTACH", "URL", "GEO",
			"CONTACT", "RESOURCES", "RELATED-TO", "X-ANYTHING", "IMAGE;VALUE=URI", "CONFERENCE;VALUE=URI", "REQUEST-STATUS", "PRIORITY", "COLOR",
		} {
			fmt.Fprintf(&b, "%s:secret\n", name)
		}
		b.WriteString("BEGIN:VALARM\nDESCRIPTION:secret\nEND:VALARM\nBEGIN:AVAILABLE\nUID:2\nSUMMARY:secret\nDTSTART:20260101T090000Z\nEND:AVAILABLE\n" +
			"BEGIN:X-PART\nX:secret\nEND:X-PART\nBEGIN:VLOCATION\nNAME:secret\nEND:VLOCATION\nEND:" + kind + "\n")
	}
	b.WriteString("END:VCALENDAR\n")
	text := b.String()
	// The priority of an availability has no meaning to others than free-busy, but is one.
	text = strings.Replace(text, "BEGIN:VAVAILABILITY\nUID:1\n", "BEGIN:VAVAILABILITY\nUID:1\nPRIORITY:3\n", 1)
	o := &storage.Object{Owner: 1, Privacy: storage.Confidential, ETag: `"a"`, ScheduleTag: `"s"`, Organizer: "mailto:secret@example.com", ICS: []byte(text)}
	got := Visible(&storage.Principal{ID: 2}, &storage.Principal{ID: 1}, o)
	if got == nil || got.ETag != `"a-c"` || got.ScheduleTag != "" || got.Organizer != "" || got.Size != int64(len(got.ICS)) {
		t.Fatalf("Visible = %+v", got)
	}
	left := strings.Replace(string(got.ICS), "PRIORITY:secret", "", 1)
	if strings.Contains(left, "secret") || strings.Contains(left, "VALARM") || strings.Count(left, "DTSTART;TZID=Europe/Vienna:") != 4 {
		t.Errorf("what others see:\n%s", got.ICS)
	}
	if o.ETag != `"a"` || string(o.ICS) != text {
		t.Error("the object itself changed")
	}
}

func TestVisible(t *testing.T) {
	alice, bob, root := &storage.Principal{ID: 1, Kind: storage.Person}, &storage.Principal{ID: 2}, &storage.Principal{ID: 3, Admin: true}
	room := &storage.Principal{ID: 4, Kind: storage.Room}
	keeper := &storage.Principal{ID: 5, ActsFor: "1w,4w"}
	looker := &storage.Principal{ID: 6, ActsFor: "4r"}
	for _, tt := range []struct {
		name       string
		who, owner *storage.Principal
		privacy    storage.Privacy
		want       string
	}{
		{"the owner", alice, alice, storage.Private, "all"},
		{"somebody else", bob, alice, storage.Private, "nothing"},
		{"somebody else, confidential", bob, alice, storage.Confidential, "times"},
		{"somebody else, public", bob, alice, storage.Public, "all"},
		{"nobody", nil, alice, storage.Private, "nothing"},
		{"nobody, confidential", nil, alice, storage.Confidential, "times"},
		{"an administrator", root, alice, storage.Private, "nothing"},
		{"a delegate", keeper, alice, storage.Private, "nothing"},
		{"an administrator of a room", root, room, storage.Private, "all"},
		{"who keeps a room", keeper, room, storage.Private, "all"},
		{"who looks at a room", looker, room, storage.Confidential, "times"},
	} {
		o := &storage.Object{Privacy: tt.privacy, ETag: `"a"`}
		got := "nothing"
		if v := Visible(tt.who, tt.owner, o); v != nil {
			got = "times"
			if v.ETag == o.ETag {
				got = "all"
			}
		}
		if got != tt.want {
			t.Errorf("%s sees %s, want %s", tt.name, got, tt.want)
		}
		if (untouchable(tt.who, tt.owner, o) == nil) != (tt.want == "all") {
			t.Errorf("%s: untouchable = %v", tt.name, untouchable(tt.who, tt.owner, o))
		}
	}
	broken := &storage.Object{Privacy: storage.Confidential, ICS: []byte("BEGIN:VCALENDAR\nSUMMARY:secret\n")}
	if v := Visible(bob, alice, broken); v != nil {
		t.Errorf("of what cannot be read others see %s", v.ICS)
	}
}
