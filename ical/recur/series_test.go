package recur

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

func berlin(t testing.TB) *time.Location {
	loc, ok := zone.Load("Europe/Berlin")
	if !ok {
		t.Fatal("no Europe/Berlin")
	}
	return loc
}

// at reads 20260105T090000Z, or a date.
func at(t testing.TB, s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	return clock(t, strings.TrimSuffix(s, "Z"))
}

// show lists the instances in a window, as start/end#component.
func show(t testing.TB, s *Series, from, to string, floating *time.Location) string {
	t.Helper()
	var out []string
	for in, err := range s.Between(at(t, from), at(t, to), floating) {
		if err != nil {
			out = append(out, err.Error())
			continue
		}
		out = append(out, text(in))
	}
	return strings.Join(out, " ")
}

func text(in Instance) string {
	f := func(t time.Time) string { return t.UTC().Format("0102T1504") }
	return fmt.Sprintf("%s/%s#%d", f(in.Start), f(in.End), in.Component)
}

const tz = ";TZID=Europe/Berlin:"

func TestSeries(t *testing.T) {
	event := func(lines ...string) string {
		return "BEGIN:VEVENT\nUID:1\n" + strings.Join(lines, "\n") + "\nEND:VEVENT"
	}
	todo := func(lines ...string) string {
		return "BEGIN:VTODO\nUID:1\n" + strings.Join(lines, "\n") + "\nEND:VTODO"
	}
	weekly := event("DTSTART"+tz+"20260105T090000", "DTEND"+tz+"20260105T100000", "RRULE:FREQ=WEEKLY;COUNT=4")
	for _, tt := range []struct {
		name       string
		components []string
		from, to   string
		want       string
	}{
		{"single event", []string{event("DTSTART:20260105T090000Z", "DTEND:20260105T100000Z")}, "", "", "0105T0900/0105T1000#0"},
		{"weekly in Berlin", []string{weekly}, "", "", "0105T0800/0105T0900#0 0112T0800/0112T0900#0 0119T0800/0119T0900#0 0126T0800/0126T0900#0"},
		{"override moved behind the next instance stays in order of start",
			[]string{weekly, event("RECURRENCE-ID"+tz+"20260112T090000", "DTSTART"+tz+"20260120T090000", "DURATION:PT30M")}, "", "",
			"0105T0800/0105T0900#0 0119T0800/0119T0900#0 0120T0800/0120T0830#1 0126T0800/0126T0900#0"},
		{"override moved far out of the rule's reach is found there",
			[]string{weekly, event("RECURRENCE-ID"+tz+"20260112T090000", "DTSTART"+tz+"20280120T090000", "DURATION:PT30M")}, "20280101", "20290101",
			"0120T0800/0120T0830#1"},
		{"override moved before DTSTART is found there",
			[]string{weekly, event("RECURRENCE-ID"+tz+"20260112T090000", "DTSTART"+tz+"20251212T090000", "DURATION:PT30M")}, "", "20260101",
			"1212T0800/1212T0830#1"},
		{"RECURRENCE-ID in UTC", []string{weekly, event("RECURRENCE-ID:20260112T080000Z", "DTSTART:20260112T120000Z")}, "20260110", "20260115", "0112T1200/0112T1200#1"},
		{"RECURRENCE-ID in another zone", []string{weekly, event("RECURRENCE-ID;TZID=America/New_York:20260112T030000", "DTSTART:20260112T120000Z")},
			"20260110", "20260115", "0112T1200/0112T1200#1"},
		{"RECURRENCE-ID as a date", []string{weekly, event("RECURRENCE-ID;VALUE=DATE:20260112", "DTSTART:20260112T120000Z")}, "20260110", "20260115",
			"0112T1200/0112T1200#1"},
		{"RECURRENCE-ID floating", []string{weekly, event("RECURRENCE-ID:20260112T090000", "DTSTART:20260112T120000Z")}, "20260110", "20260115",
			"0112T1200/0112T1200#1"},
		{"all-day: RECURRENCE-ID as a time", []string{event("DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;COUNT=3"),
			event("RECURRENCE-ID:20260106T000000Z", "DTSTART;VALUE=DATE:20260110")}, "", "", "0105T0000/0106T0000#0 0107T0000/0108T0000#0 0110T0000/0111T0000#1"},
		{"the last of two overrides for one instance counts",
			[]string{weekly, event("RECURRENCE-ID:20260112T080000Z", "DTSTART:20260112T120000Z"), event("RECURRENCE-ID"+tz+"20260112T090000", "DTSTART:20260112T130000Z")},
			"20260110", "20260115", "0112T1300/0112T1300#2"},
		{"override for an instance that the rules do not produce",
			[]string{weekly, event("RECURRENCE-ID:20260113T080000Z", "DTSTART:20260113T120000Z")}, "20260110", "20260115",
			"0112T0800/0112T0900#0 0113T1200/0113T1200#1"},
		{"EXDATE wins over an override",
			[]string{event("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20260106T090000Z"), event("RECURRENCE-ID:20260106T090000Z", "DTSTART:20260106T120000Z")},
			"", "", "0105T0900/0105T0900#0 0107T0900/0107T0900#0"},
		{"override before its master in the file", []string{event("RECURRENCE-ID"+tz+"20260112T090000", "DTSTART:20260112T120000Z"), weekly}, "20260110", "20260120",
			"0112T1200/0112T1200#0 0119T0800/0119T0900#1"},
		{"override that names only its instance", []string{weekly, event("RECURRENCE-ID"+tz+"20260112T090000", "STATUS:CANCELLED")}, "20260110", "20260115",
			"0112T0800/0112T0900#1"},
		{"overrides alone", []string{event("RECURRENCE-ID:20260112T090000Z", "DTSTART:20260112T100000Z"), event("RECURRENCE-ID:20260105T090000Z", "DTSTART:20260105T100000Z")},
			"", "", "0105T1000/0105T1000#1 0112T1000/0112T1000#0"},
		{"the master is not the first component and VTIMEZONE does not count",
			[]string{"BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nEND:VTIMEZONE", event("RECURRENCE-ID"+tz+"20260112T090000", "DTSTART:20260112T120000Z"), weekly},
			"20260119", "20260120", "0119T0800/0119T0900#1"},
		{"THISANDFUTURE moves and shortens",
			[]string{weekly, event("RECURRENCE-ID;RANGE=THISANDFUTURE"+tz+"20260119T090000", "DTSTART"+tz+"20260120T110000", "DURATION:PT30M")}, "", "",
			"0105T0800/0105T0900#0 0112T0800/0112T0900#0 0120T1000/0120T1030#1 0127T1000/0127T1030#1"},
		{"THISANDFUTURE backwards past instances before",
			[]string{weekly, event("RECURRENCE-ID;RANGE=THISANDFUTURE"+tz+"20260119T090000", "DTSTART"+tz+"20260109T090000", "DURATION:PT30M")}, "", "",
			"0105T0800/0105T0900#0 0109T0800/0109T0830#1 0112T0800/0112T0900#0 0116T0800/0116T0830#1"},
		{"an override within THISANDFUTURE stands for itself",
			[]string{weekly, event("RECURRENCE-ID;RANGE=THISANDFUTURE"+tz+"20260112T090000", "DTSTART"+tz+"20260112T110000", "DURATION:PT30M"),
				event("RECURRENCE-ID"+tz+"20260119T090000", "DTSTART"+tz+"20260119T150000")}, "", "",
			"0105T0800/0105T0900#0 0112T1000/0112T1030#1 0119T1400/0119T1400#2 0126T1000/0126T1030#1"},
		{"a second THISANDFUTURE takes over",
			[]string{weekly, event("RECURRENCE-ID;RANGE=THISANDFUTURE"+tz+"20260112T090000", "DTSTART"+tz+"20260112T110000"),
				event("RECURRENCE-ID;RANGE=THISANDFUTURE"+tz+"20260126T090000", "DTSTART"+tz+"20260126T150000")}, "", "",
			"0105T0800/0105T0900#0 0112T1000/0112T1000#1 0119T1000/0119T1000#1 0126T1400/0126T1400#2"},
		{"THISANDFUTURE into another zone keeps its wall time there across the change of clocks",
			[]string{event("DTSTART:20260301T120000Z", "RRULE:FREQ=MONTHLY;COUNT=3"),
				event("RECURRENCE-ID;RANGE=THISANDFUTURE:20260301T120000Z", "DTSTART"+tz+"20260301T140000")}, "", "",
			"0301T1300/0301T1300#1 0401T1200/0401T1200#1 0501T1200/0501T1200#1"},
		{"RDATE, some as periods; a period for an instance of the rule gives it its length",
			[]string{event("DTSTART:20260105T090000Z", "DTEND:20260105T100000Z", "RRULE:FREQ=WEEKLY;COUNT=2",
				"RDATE;VALUE=PERIOD:20260107T090000Z/PT3H,20260108T090000Z/20260108T093000Z,20260112T090000Z/PT2H", "RDATE:20260103T090000Z")}, "", "",
			"0103T0900/0103T1000#0 0105T0900/0105T1000#0 0107T0900/0107T1200#0 0108T0900/0108T0930#0 0112T0900/0112T1100#0"},
		{"RDATE of a master without RRULE, in another zone", []string{event("DTSTART"+tz+"20260105T090000", "DURATION:PT1H", "RDATE;TZID=America/New_York:20260106T030000")},
			"", "", "0105T0800/0105T0900#0 0106T0800/0106T0900#0"},
		{"RDATE as a date for a master with times", []string{event("DTSTART"+tz+"20260105T090000", "RDATE;VALUE=DATE:20260106")}, "", "",
			"0105T0800/0105T0800#0 0106T0800/0106T0800#0"},
		{"EXDATE as a date for a master with times", []string{event("DTSTART"+tz+"20260105T090000", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20260106")}, "", "",
			"0105T0800/0105T0800#0 0107T0800/0107T0800#0"},
		{"EXDATE in UTC, and as a list", []string{event("DTSTART"+tz+"20260105T090000", "RRULE:FREQ=DAILY;COUNT=4", "EXDATE:20260105T080000Z,20260107T080000Z")}, "", "",
			"0106T0800/0106T0800#0 0108T0800/0108T0800#0"},
		{"EXDATE as a time for all-day", []string{event("DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20260106T000000")}, "", "",
			"0105T0000/0106T0000#0 0107T0000/0108T0000#0"},
		{"EXRULE", []string{event("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=7", "EXRULE:FREQ=DAILY;INTERVAL=2")}, "", "",
			"0106T0900/0106T0900#0 0108T0900/0108T0900#0 0110T0900/0110T0900#0"},
		{"EXRULE that takes everything", []string{event("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=7", "EXRULE:FREQ=DAILY")}, "", "", ""},
		{"by the Hebrew calendar, in Berlin", []string{event("DTSTART"+tz+"20140208T090000", "DURATION:PT1H", "RRULE:RSCALE=HEBREW;FREQ=YEARLY;SKIP=FORWARD;COUNT=3")}, "", "",
			"0208T0800/0208T0900#0 0227T0800/0227T0900#0 0217T0800/0217T0900#0"},
		{"by the Chinese calendar with an exception", []string{event("DTSTART;VALUE=DATE:20130210", "RRULE:RSCALE=CHINESE;FREQ=YEARLY", "EXDATE;VALUE=DATE:20140131")},
			"20130101", "20160101", "0210T0000/0211T0000#0 0219T0000/0220T0000#0"},
		{"EXRULE by another calendar", []string{event("DTSTART:20140131T090000Z", "RRULE:FREQ=DAILY;UNTIL=20140302", "EXRULE:RSCALE=CHINESE;FREQ=DAILY;BYMONTHDAY=2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30")},
			"", "", "0131T0900/0131T0900#0 0301T0900/0301T0900#0"},
		{"two rules", []string{event("DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=2", "RRULE:FREQ=DAILY;INTERVAL=3;COUNT=3")}, "", "",
			"0105T0900/0105T0900#0 0106T0900/0106T0900#0 0108T0900/0108T0900#0 0111T0900/0111T0900#0"},
		{"DTSTART the rule does not produce is the first of COUNT", []string{event("DTSTART:20260106T090000Z", "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3")}, "", "",
			"0106T0900/0106T0900#0 0112T0900/0112T0900#0 0119T0900/0119T0900#0"},
		{"COUNT=1 with a DTSTART the rule does not produce", []string{event("DTSTART:20260106T090000Z", "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=1")}, "", "",
			"0106T0900/0106T0900#0"},
		{"rule that never produces anything", []string{event("DTSTART:20260106T090000Z", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")}, "", "", "0106T0900/0106T0900#0"},
		{"hours never reached", []string{event("DTSTART:20260106T090000Z", "RRULE:FREQ=HOURLY;INTERVAL=2;BYHOUR=8")}, "", "", "0106T0900/0106T0900#0"},
		{"UNTIL before DTSTART", []string{event("DTSTART:20260106T090000Z", "RRULE:FREQ=DAILY;UNTIL=20250101")}, "", "", "0106T0900/0106T0900#0"},
		{"UNTIL as a date takes in the whole day", []string{event("DTSTART"+tz+"20260105T230000", "RRULE:FREQ=DAILY;UNTIL=20260106")}, "", "",
			"0105T2200/0105T2200#0 0106T2200/0106T2200#0"},
		{"UNTIL in UTC is an instant", []string{event("DTSTART"+tz+"20260105T230000", "RRULE:FREQ=DAILY;UNTIL=20260107T215959Z")}, "", "",
			"0105T2200/0105T2200#0 0106T2200/0106T2200#0"},
		{"UNTIL in UTC includes its instant", []string{event("DTSTART"+tz+"20260105T230000", "RRULE:FREQ=DAILY;UNTIL=20260107T220000Z")}, "", "",
			"0105T2200/0105T2200#0 0106T2200/0106T2200#0 0107T2200/0107T2200#0"},
		{"UNTIL without zone is a wall time", []string{event("DTSTART"+tz+"20260105T230000", "RRULE:FREQ=DAILY;UNTIL=20260106T230000")}, "", "",
			"0105T2200/0105T2200#0 0106T2200/0106T2200#0"},
		{"UNTIL as a time for all-day", []string{event("DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;UNTIL=20260106T120000Z")}, "", "",
			"0105T0000/0106T0000#0 0106T0000/0107T0000#0"},
		{"all-day ignores BYHOUR", []string{event("DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;COUNT=2;BYHOUR=9")}, "", "", "0105T0000/0106T0000#0 0106T0000/0107T0000#0"},
		{"clocks forward: a time in the gap is read with the offset before", []string{event("DTSTART"+tz+"20260328T023000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3")}, "", "",
			"0328T0130/0328T0230#0 0329T0130/0329T0230#0 0330T0030/0330T0130#0"},
		{"clocks back: the first of two", []string{event("DTSTART"+tz+"20261024T023000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3")}, "", "",
			"1024T0030/1024T0130#0 1025T0030/1025T0130#0 1026T0130/1026T0230#0"},
		{"DTEND is an exact length (RFC 5545 section 3.8.5.3)", []string{event("DTSTART"+tz+"20260327T220000", "DTEND"+tz+"20260328T060000", "RRULE:FREQ=DAILY;COUNT=2")}, "", "",
			"0327T2100/0328T0500#0 0328T2100/0329T0500#0"},
		{"DURATION in days is nominal", []string{event("DTSTART"+tz+"20260327T120000", "DURATION:P1D", "RRULE:FREQ=DAILY;COUNT=2")}, "", "",
			"0327T1100/0328T1100#0 0328T1100/0329T1000#0"},
		{"DTEND in another zone", []string{event("DTSTART"+tz+"20260105T090000", "DTEND;TZID=America/New_York:20260105T110000")}, "", "", "0105T0800/0105T1600#0"},
		{"all-day of several days", []string{event("DTSTART;VALUE=DATE:20260105", "DTEND;VALUE=DATE:20260108", "RRULE:FREQ=WEEKLY;COUNT=2")}, "20260114", "20260116",
			"0112T0000/0115T0000#0"},
		{"all-day with DTEND on the same day lasts that day", []string{event("DTSTART;VALUE=DATE:20260105", "DTEND;VALUE=DATE:20260105")}, "", "", "0105T0000/0106T0000#0"},
		{"DTEND before DTSTART", []string{event("DTSTART:20260105T090000Z", "DTEND:20260104T090000Z")}, "", "", "0105T0900/0105T0900#0"},
		{"unknown TZID floats", []string{event("DTSTART;TZID=Nowhere:20260105T090000", "DURATION:PT1H")}, "", "", "0105T0900/0105T1000#0"},
		{"Windows name", []string{event("DTSTART;TZID=W. Europe Standard Time:20260705T090000")}, "", "", "0705T0700/0705T0700#0"},
		{"recurring task with DUE alone", []string{todo("DUE:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=2")}, "", "", "0105T0900/0105T0900#0 0106T0900/0106T0900#0"},
		{"task without any time", []string{todo("SUMMARY:x")}, "20260101", "20260102", "0101T0000/0101T0000#0"},
		{"journal", []string{"BEGIN:VJOURNAL\nUID:1\nDTSTART;VALUE=DATE:20260105\nRRULE:FREQ=DAILY;COUNT=2\nEND:VJOURNAL"}, "", "", "0105T0000/0106T0000#0 0106T0000/0107T0000#0"},
		{"journal without DTSTART", []string{"BEGIN:VJOURNAL\nUID:1\nEND:VJOURNAL"}, "", "", ""},
		{"event without DTSTART", []string{event("SUMMARY:x")}, "", "", ""},
		{"components that do not happen", []string{"BEGIN:VPOLL\nUID:1\nEND:VPOLL"}, "", "", ""},
		{"free-busy", []string{"BEGIN:VFREEBUSY\nUID:1\nDTSTART:20260105T000000Z\nDTEND:20260106T000000Z\nFREEBUSY:20260105T090000Z/PT1H,20260105T120000Z/20260105T130000Z\nEND:VFREEBUSY"},
			"", "", "0105T0000/0106T0000#0 0105T0900/0105T1000#0 0105T1200/0105T1300#0"},
		{"empty object", nil, "", "", ""},
	} {
		s, err := tryCompile(tt.components...)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for what, s := range map[string]*Series{"compiled": s, "stored": stored(t, s)} {
			got := show(t, s, tt.from, tt.to, nil)
			if got != tt.want {
				t.Errorf("%s, %s:\ngot  %s\nwant %s", tt.name, what, got, tt.want)
			}
			if show(t, s, "", "20000101", nil) != "" && !strings.HasPrefix(tt.name, "task without") {
				t.Errorf("%s, %s: instances before 2000", tt.name, what)
			}
		}
	}
}

func TestFloatingTimesAreReadInTheCallersZone(t *testing.T) {
	s := vevent(t, "UID:1", "DTSTART;VALUE=DATE:20260329", "RRULE:FREQ=DAILY;COUNT=2")
	if got, want := show(t, s, "", "", berlin(t)), "0328T2300/0329T2200#0 0329T2200/0330T2200#0"; got != want {
		t.Errorf("all-day in Berlin = %s, want %s", got, want)
	}
	for in := range s.Between(time.Time{}, time.Time{}, berlin(t)) {
		if !in.AllDay || !in.Floating || in.Start.Hour() != 0 || in.RecurrenceID.Form != ical.DateForm {
			t.Errorf("instance = %+v, want all-day, floating, midnight", in)
		}
	}
	// The day before in UTC: bounds are wall times and must not hide it.
	if got, want := show(t, s, "20260328T230000", "20260328T230001", berlin(t)), "0328T2300/0329T2200#0"; got != want {
		t.Errorf("first second in Berlin = %q, want %q", got, want)
	}
	if b := s.Bounds(); !b.Floating || b.First != at(t, "20260329").UnixMicro() || b.Last != at(t, "20260331").UnixMicro() {
		t.Errorf("Bounds() = %+v", b)
	}
}

func TestRecurrenceID(t *testing.T) {
	s := compile(t, "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=W. Europe Standard Time:20260105T090000\nRRULE:FREQ=WEEKLY\nEND:VEVENT",
		"BEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260112T080000Z\nDTSTART:20260113T080000Z\nEND:VEVENT")
	want := []string{"20260105T090000", "20260112T090000"}
	i := 0
	for in := range stored(t, s).Between(time.Time{}, at(t, "20260114"), nil) {
		if r := in.RecurrenceID; r.Form != ical.ZonedForm || r.TZID != "W. Europe Standard Time" || r.String() != want[i] {
			t.Errorf("RecurrenceID #%d = %+v, want %s in the zone of DTSTART", i, r, want[i])
		}
		i++
	}
	if got := s.Zones(); !slices.Equal(got, []string{"Europe/Berlin"}) {
		t.Errorf("Zones() = %v", got)
	}
	for in := range vevent(t, "UID:1", "DTSTART:20260105T090000Z").Between(time.Time{}, time.Time{}, nil) {
		if !in.RecurrenceID.Wall.IsZero() {
			t.Errorf("RecurrenceID of a single event = %v, want none", in.RecurrenceID)
		}
	}
}

func TestBusy(t *testing.T) {
	for _, tt := range []struct {
		lines string
		want  Busy
	}{
		{"X-NONE:1", Occupied},
		{"TRANSP:OPAQUE", Occupied},
		{"TRANSP:TRANSPARENT", Free},
		{"STATUS:CANCELLED", Free},
		{"STATUS:tentative", Tentative},
		{"STATUS:CONFIRMED", Occupied},
		{"X-MICROSOFT-CDO-BUSYSTATUS:OOF", Unavailable},
		{"X-MICROSOFT-CDO-BUSYSTATUS:OOF\nTRANSP:TRANSPARENT", Free},
		{"X-MICROSOFT-CDO-BUSYSTATUS:FREE", Free},
		{"X-MICROSOFT-CDO-BUSYSTATUS:FREE\nTRANSP:OPAQUE", Occupied},
		{"X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE", Tentative},
		{"X-MICROSOFT-CDO-BUSYSTATUS:BUSY\nSTATUS:TENTATIVE", Tentative},
	} {
		for in := range stored(t, vevent(t, "UID:1", "DTSTART:20260105T090000Z", tt.lines)).Between(time.Time{}, time.Time{}, nil) {
			if in.Busy != tt.want {
				t.Errorf("%q: Busy = %v, want %v", tt.lines, in.Busy, tt.want)
			}
		}
	}
	s := compile(t, "BEGIN:VFREEBUSY\nUID:1\nFREEBUSY:20260101T000000Z/PT1H\nFREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260102T000000Z/PT1H\n"+
		"FREEBUSY;FBTYPE=busy-tentative:20260103T000000Z/PT1H\nFREEBUSY;FBTYPE=FREE:20260104T000000Z/PT1H\nFREEBUSY;FBTYPE=X-Y:20260105T000000Z/PT1H\nEND:VFREEBUSY")
	var got []Busy
	for in := range s.Between(time.Time{}, time.Time{}, nil) {
		got = append(got, in.Busy)
	}
	if want := []Busy{Occupied, Unavailable, Tentative, Free, Occupied}; !slices.Equal(got, want) {
		t.Errorf("FREEBUSY = %v, want %v", got, want)
	}
}

// A zone that means only its own VTIMEZONE: half an hour of summer time from an invented date.
const customZone = "BEGIN:VTIMEZONE\nTZID:Own\nBEGIN:STANDARD\nDTSTART:20001001T030000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=5\nTZOFFSETFROM:+0307\nTZOFFSETTO:+0237\nEND:STANDARD\n" +
	"BEGIN:DAYLIGHT\nDTSTART:20000401T030000\nRRULE:FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=7\nTZOFFSETFROM:+0237\nTZOFFSETTO:+0307\nEND:DAYLIGHT\nEND:VTIMEZONE"

func TestZoneOfTheObjectsOwn(t *testing.T) {
	s := compile(t, customZone, "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Own:20260101T120000\nRRULE:FREQ=DAILY\nEND:VEVENT")
	d := stored(t, s)
	for _, day := range []string{"20260105", "20260705", "20260406T233000", "20260407", "20261005", "20261006", "20610301", "20990801"} {
		to := at(t, day).AddDate(0, 0, 2).Format("20060102T150405")
		got, want := show(t, d, day, to, nil), show(t, s, day, to, nil)
		if got != want || got == "" {
			t.Errorf("stored, %s: %q, compiled %q", day, got, want)
		}
	}
	if got, want := show(t, d, "20260705", "20260706", nil), "0705T0853/0705T0853#0"; got != want {
		t.Errorf("summer = %s, want %s", got, want)
	}
	one := compile(t, customZone, "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Own:20260101T120000\nEND:VEVENT")
	if b, _ := one.MarshalBinary(); len(b) > 250 {
		t.Errorf("single event in a zone of its own takes %d bytes, want at most 250", len(b))
	}
	fixed := vevent(t, "UID:1", "DTSTART;TZID=\"UTC+05:45\":20260101T120000")
	if got, want := show(t, stored(t, fixed), "", "", nil), show(t, fixed, "", "", nil); got != want {
		t.Errorf("fixed offset stored = %s, want %s", got, want)
	}
}

func TestStoredFormIsSmall(t *testing.T) {
	lines := []string{"UID:1", "DTSTART" + tz + "20260105T090000", "DTEND" + tz + "20260105T100000", "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;UNTIL=20271231T235959Z"}
	for _, tt := range []struct {
		name string
		more []string
		most int
	}{
		{"weekly", nil, 80},
		{"with EXDATEs", []string{"EXDATE" + tz + strings.Repeat("20260105T090000,", 3) + "20260107T090000,20260109T090000"}, 100},
	} {
		b, err := vevent(t, append(lines, tt.more...)...).MarshalBinary()
		if err != nil || len(b) > tt.most {
			t.Errorf("%s: %d bytes, %v; want at most %d", tt.name, len(b), err, tt.most)
		}
	}
}

func TestNext(t *testing.T) {
	s := compile(t, "BEGIN:VEVENT\nUID:1\nDTSTART:20260105T090000Z\nRRULE:FREQ=WEEKLY\nEND:VEVENT",
		"BEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260112T090000Z\nDTSTART:20260121T090000Z\nEND:VEVENT",
		"BEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260202T090000Z\nDTSTART:20260103T090000Z\nEND:VEVENT")
	for _, tt := range []struct{ after, want string }{
		{"20200101", "0103T0900/0103T0900#2"},
		{"20260103T090000", "0105T0900/0105T0900#0"},
		{"20260105T085959", "0105T0900/0105T0900#0"},
		{"20260105T090000", "0119T0900/0119T0900#0"},
		{"20260119T090000", "0121T0900/0121T0900#1"},
		{"20260126T090000", "0209T0900/0209T0900#0"},
		{"20601231", "0103T0900/0103T0900#0"},
	} {
		in, ok := s.Next(at(t, tt.after), nil)
		if got := text(in); !ok || got != tt.want {
			t.Errorf("Next(%s) = %s, %v, want %s", tt.after, got, ok, tt.want)
		}
	}
	if in, ok := vevent(t, "UID:1", "DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=2").Next(at(t, "20260106T090000"), nil); ok {
		t.Errorf("Next after the last = %v", in)
	}
	if in, ok := vevent(t, "UID:1", "DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY", "EXRULE:FREQ=DAILY").Next(at(t, "20260106T090000"), nil); ok {
		t.Errorf("Next of nothing = %v", in)
	}
}

func TestLast(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		want  string
	}{
		{[]string{"DTSTART:20260105T090000Z", "DURATION:PT1H"}, "20260105T100000"},
		{[]string{"DTSTART:20260105T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=10"}, "20260114T100000"},
		{[]string{"DTSTART:20260105T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20260107T090000Z"}, "20260106T100000"},
		{[]string{"DTSTART:20260105T090000Z", "RRULE:FREQ=YEARLY;UNTIL=20401231", "EXDATE:20400105T090000Z"}, "20390105T090000"},
		{[]string{"DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;UNTIL=20260110"}, "20260110T230000"},
		{[]string{"DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY"}, ""},
		{[]string{"SUMMARY:x"}, ""},
		{[]string{"DTSTART:20260105T090000Z", "EXDATE:20260105T090000Z"}, ""},
	} {
		got, ok := vevent(t, append([]string{"UID:1"}, tt.lines...)...).Last(berlin(t))
		if ok != (tt.want != "") || ok && !got.Equal(at(t, tt.want)) {
			t.Errorf("%v: Last() = %v, %v, want %s", tt.lines, got, ok, tt.want)
		}
	}
}

func TestLookup(t *testing.T) {
	s := compile(t, "BEGIN:VEVENT\nUID:1\nDTSTART"+tz+"20260105T090000\nRRULE:FREQ=WEEKLY\nRDATE"+tz+"20260108T100000\nEXDATE"+tz+"20260119T090000\nEND:VEVENT",
		"BEGIN:VEVENT\nUID:1\nRECURRENCE-ID"+tz+"20260112T090000\nDTSTART"+tz+"20260113T090000\nEND:VEVENT")
	for _, s := range []*Series{s, stored(t, s)} {
		for _, tt := range []struct{ value, tzid, want string }{
			{"20260105T090000", "Europe/Berlin", "0105T0800/0105T0800#0"},
			{"20260105T080000Z", "", "0105T0800/0105T0800#0"},
			{"20260105T030000", "Eastern Standard Time", "0105T0800/0105T0800#0"},
			{"20260105T090000", "", "0105T0800/0105T0800#0"},
			{"20260105", "", "0105T0800/0105T0800#0"},
			{"20260108T090000Z", "", "0108T0900/0108T0900#0"},
			{"20260112T090000", "Europe/Berlin", "0113T0800/0113T0800#1"},
			{"20260113T090000", "Europe/Berlin", ""},
			{"20260119T090000", "Europe/Berlin", ""},
			{"20260105T093000", "Europe/Berlin", ""},
			{"20251229T090000", "Europe/Berlin", ""},
			{"20460108T080000Z", "", "0108T0800/0108T0800#0"},
		} {
			rid, err := ical.ParseDateTime(tt.value, tt.tzid)
			if err != nil {
				t.Fatal(err)
			}
			in, ok := s.Lookup(rid, nil)
			if got := text(in); ok != (tt.want != "") || ok && got != tt.want {
				t.Errorf("Lookup(%s %s) = %s, %v, want %q", tt.tzid, tt.value, got, ok, tt.want)
			}
		}
	}
	naked := compile(t, "BEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260112T090000Z\nDTSTART:20260113T090000Z\nEND:VEVENT")
	rid, _ := ical.ParseDateTime("20260112T100000", "Europe/Berlin")
	if in, ok := stored(t, naked).Lookup(rid, nil); !ok || text(in) != "0113T0900/0113T0900#0" {
		t.Errorf("Lookup in overrides alone = %v, %v", in, ok)
	}
	if in, ok := naked.Lookup(ical.DateTime{Wall: at(t, "20260113T090000"), Form: ical.UTCForm}, nil); ok {
		t.Errorf("Lookup of none = %v", in)
	}
}

func TestCompileRefuses(t *testing.T) {
	event := "BEGIN:VEVENT\nUID:1\nDTSTART:20260105T090000Z\nEND:VEVENT"
	many := func(line string, n int) string {
		return "BEGIN:VEVENT\nUID:1\nDTSTART:20260105T090000Z\n" + strings.Repeat(line+"\n", n) + "END:VEVENT"
	}
	for _, tt := range []struct {
		name        string
		components  []string
		unsupported bool
		want        string
	}{
		{"two masters", []string{event, event}, false, "two VEVENT without RECURRENCE-ID"},
		{"mixed", []string{event, strings.ReplaceAll(event, "VEVENT", "VTODO")}, false, "mixes VEVENT and VTODO"},
		{"bad DTSTART", []string{"BEGIN:VEVENT\nDTSTART:today\nEND:VEVENT"}, false, "DTSTART"},
		{"bad RRULE", []string{many("RRULE:FREQ=SOMETIMES", 1)}, false, "RRULE"},
		{"bad EXDATE", []string{many("EXDATE:x", 1)}, false, "EXDATE"},
		{"bad RDATE", []string{many("RDATE:20260101T000000Z/x", 1)}, false, "RDATE"},
		{"bad RECURRENCE-ID", []string{many("RECURRENCE-ID:x", 1)}, false, "RECURRENCE-ID"},
		{"bad DURATION", []string{many("DURATION:x", 1)}, false, "DURATION"},
		{"too many EXDATE", []string{many("EXDATE:"+strings.Repeat("20260105T090000Z,", 99)+"20260105T090000Z", 101)}, true, "EXDATE"},
		{"too many RDATE", []string{many("RDATE:"+strings.Repeat("20260105T090000Z,", 99)+"20260105T090000Z", 101)}, true, "RDATE"},
		{"too many rules", []string{many("RRULE:FREQ=DAILY", 9)}, true, "8 RRULE"},
		{"too many overrides", []string{strings.Repeat(many("RECURRENCE-ID:20260105T090000Z", 1)+"\n", 10_001)}, true, "10000 components"},
		{"endless seconds", []string{many("RRULE:FREQ=SECONDLY", 1)}, true, "SECONDLY"},
		{"many seconds", []string{many("RRULE:FREQ=SECONDLY;UNTIL=20270101", 1)}, true, "SECONDLY"},
		{"hours of a day", []string{"BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260105\nRRULE:FREQ=HOURLY\nEND:VEVENT"}, true, "time of day"},
		{"COUNT=1e9", []string{many("RRULE:FREQ=DAILY;COUNT=1000000000", 1)}, true, "COUNT"},
		{"RSCALE", []string{many("RRULE:RSCALE=ETHIOPIC;FREQ=DAILY", 1)}, true, "RSCALE"},
		{"Chinese months before they are known", []string{"BEGIN:VEVENT\nDTSTART;VALUE=DATE:18991231\nRRULE:RSCALE=CHINESE;FREQ=YEARLY\nEND:VEVENT"}, true, "from 1900-01-31 to 2101-01-28"},
		{"Chinese months after they are known", []string{"BEGIN:VEVENT\nDTSTART;VALUE=DATE:21010129\nRRULE:RSCALE=CHINESE;FREQ=YEARLY\nEND:VEVENT"}, true, "from 1900-01-31 to 2101-01-28"},
	} {
		_, err := tryCompile(tt.components...)
		if err == nil || errors.Is(err, ErrUnsupported) != tt.unsupported || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Compile() = %v, want unsupported %v and %q", tt.name, err, tt.unsupported, tt.want)
		}
	}
}

func TestSeriesIsSafeForConcurrentUse(t *testing.T) {
	s := stored(t, vevent(t, "UID:1", "DTSTART"+tz+"20260105T090000", "RRULE:FREQ=YEARLY;BYWEEKNO=3,20", "RDATE:20260108T090000Z", "EXRULE:FREQ=YEARLY;INTERVAL=3"))
	want := show(t, s, "20400101", "20450101", nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got := show(t, s, "20400101", "20450101", nil); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				s.Next(time.Unix(1767603600, 0), nil)
				s.Lookup(ical.DateTime{Wall: time.Unix(1767603600, 0), Form: ical.UTCForm}, nil)
			}
		})
	}
	wg.Wait()
}
