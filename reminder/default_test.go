package reminder

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/storage"
)

// TestDefaultAlarm: events with a time and without any alarm remind half an hour before, where that is wanted.
func TestDefaultAlarm(t *testing.T) {
	half := 30 * time.Minute
	for _, tt := range []struct {
		name, text string
		def        time.Duration
		want       string
	}{
		{"a time and no alarm", event("DTSTART:20260105T100000Z\nDURATION:PT1H"), half, "20260105T093000Z"},
		{"not wanted", event("DTSTART:20260105T100000Z\nDURATION:PT1H"), 0, ""},
		{"an alarm of its own", event("DTSTART:20260105T100000Z\n!:-PT5M"), half, "20260105T095500Z"},
		{"an alarm that is no mail", event("DTSTART:20260105T100000Z" + alarmText("ACTION:DISPLAY\nTRIGGER:-PT5M\nDESCRIPTION:x")), half, ""},
		{"none wanted, as Apple says it", event("DTSTART:20260105T100000Z" + alarmText("ACTION:NONE\nTRIGGER;VALUE=DATE-TIME:19760401T005545Z")), half, ""},
		{"a whole day", event("DTSTART;VALUE=DATE:20260106"), half, ""},
		{"a series, in its zone", event("DTSTART;TZID=Europe/Berlin:20260105T110000\nRRULE:FREQ=DAILY;COUNT=2"), half, "20260105T093000Z 20260106T093000Z"},
		{"an override with an alarm speaks for all", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;COUNT=2") + event("RECURRENCE-ID:20260106T100000Z\nDTSTART:20260106T120000Z\n!:-PT5M"), half, "20260106T115500Z"},
		{"cancelled", event("DTSTART:20260105T100000Z\nSTATUS:CANCELLED"), half, ""},
		{"declined", event("DTSTART:20260105T100000Z\nATTENDEE;PARTSTAT=DECLINED:mailto:alice@example.com"), half, ""},
		{"a task", strings.ReplaceAll(event("DUE:20260105T100000Z"), "VEVENT", "VTODO"), half, ""},
	} {
		got := dues(t, calendar(t, tt.text), Options{Now: at(t, testNow), Alarms: storage.DefaultAlarms{Timed: alarmBefore(tt.def)}, Addresses: []string{"mailto:alice@example.com"}}, at(t, testNow), 5)
		if !slices.Equal(got, strings.Fields(tt.want)) {
			t.Errorf("%s: due at %q, want %q", tt.name, got, tt.want)
		}
	}
}
