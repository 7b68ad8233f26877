package query

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"kalends/ical"
	"kalends/ical/recur"
)

// brief prints each main component on a line: the properties that say when it is.
func brief(cal *ical.Component) string {
	var out []string
	for c := range cal.Components("") {
		line := c.Name()
		for _, p := range c.Props() {
			switch p.Name() {
			case "DTSTART", "DTEND", "DUE", "DURATION", "RECURRENCE-ID", "RRULE", "RDATE", "EXDATE", "EXRULE", "X-AT":
				line += " " + p.Line()
			}
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func TestExpand(t *testing.T) {
	tests := []struct {
		name, body, start, end, floating, want string
	}{
		{"weekly over a change of clocks", `BEGIN:VEVENT
UID:1@example.com
DTSTART;TZID=Europe/Berlin;X-P=1:20260323T090000
DTEND;TZID=Europe/Berlin:20260323T100000
RRULE:FREQ=WEEKLY
EXDATE;TZID=Europe/Berlin:20260406T090000
RDATE;TZID=Europe/Berlin:20260407T090000
EXRULE:FREQ=WEEKLY;INTERVAL=52
END:VEVENT`, "20260324", "20260414", "", `VEVENT DTSTART;X-P=1:20260330T070000Z RECURRENCE-ID:20260330T070000Z DTEND:20260330T080000Z
VEVENT DTSTART;X-P=1:20260407T070000Z RECURRENCE-ID:20260407T070000Z DTEND:20260407T080000Z
VEVENT DTSTART;X-P=1:20260413T070000Z RECURRENCE-ID:20260413T070000Z DTEND:20260413T080000Z`},
		{"all-day stays a date", `BEGIN:VEVENT
UID:1@example.com
DTSTART;VALUE=DATE:20260328
DTEND;VALUE=DATE:20260330
RRULE:FREQ=DAILY;INTERVAL=2
END:VEVENT`, "20260330", "20260402", "Europe/Berlin", `VEVENT DTSTART;VALUE=DATE:20260330 RECURRENCE-ID;VALUE=DATE:20260330 DTEND;VALUE=DATE:20260401
VEVENT DTSTART;VALUE=DATE:20260401 RECURRENCE-ID;VALUE=DATE:20260401 DTEND;VALUE=DATE:20260403`},
		{"all-day in a zone ahead", `BEGIN:VEVENT
UID:1@example.com
DTSTART;VALUE=DATE:20260301
RRULE:FREQ=DAILY
END:VEVENT`, "20260309T150000", "20260310T150000", "Asia/Tokyo",
			`VEVENT DTSTART;VALUE=DATE:20260310 RECURRENCE-ID;VALUE=DATE:20260310`},
		{"all-day, single", "BEGIN:VEVENT\nUID:1@example.com\nDTSTART;VALUE=DATE:20260301\nDTEND;VALUE=DATE:20260303\nEND:VEVENT",
			"20260302", "20260310", "", `VEVENT DTSTART;VALUE=DATE:20260301 DTEND;VALUE=DATE:20260303`},
		{"floating stays floating", `BEGIN:VEVENT
UID:1@example.com
DTSTART:20260902T090000
DTEND:20260902T100000
RRULE:FREQ=DAILY;UNTIL=20260905T235959
END:VEVENT`, "20260903T120000", "20260904T140001", "America/New_York",
			`VEVENT DTSTART:20260903T090000 RECURRENCE-ID:20260903T090000 DTEND:20260903T100000
VEVENT DTSTART:20260904T090000 RECURRENCE-ID:20260904T090000 DTEND:20260904T100000`},
		{"floating over a change of clocks in the zone", `BEGIN:VEVENT
UID:1@example.com
DTSTART:20261024T010000
DTEND:20261024T040000
RRULE:FREQ=DAILY
END:VEVENT`, "20261024T220000", "20261025T120000", "Europe/Berlin",
			`VEVENT DTSTART:20261025T010000 RECURRENCE-ID:20261025T010000 DTEND:20261025T040000`},
		{"single in UTC", "BEGIN:VEVENT\nUID:1@example.com\nDTSTART:20260105T090000Z\nDURATION:P1DT1H\nEND:VEVENT",
			"20260106", "20260110", "", `VEVENT DTSTART:20260105T090000Z DURATION:P1DT1H`},
		{"single in two zones", "BEGIN:VEVENT\nUID:1@example.com\nDTSTART;TZID=Europe/Berlin:20260105T090000\nDTEND;TZID=Asia/Tokyo:20260105T180000\nX-AT;TZID=Asia/Tokyo:20260105T180000,20260106T180000\nEND:VEVENT",
			"20260105", "20260110", "", `VEVENT DTSTART:20260105T080000Z DTEND:20260105T090000Z X-AT:20260105T090000Z,20260106T090000Z`},
		{"single of an unknown zone", "BEGIN:VEVENT\nUID:1@example.com\nDTSTART;TZID=Nowhere/Atlantis:20260105T090000\nEND:VEVENT",
			"20260105", "20260110", "", `VEVENT DTSTART:20260105T090000`},
		{"recurring of an unknown zone", "BEGIN:VEVENT\nUID:1@example.com\nDTSTART;TZID=Nowhere/Atlantis:20260105T090000\nRRULE:FREQ=DAILY\nEND:VEVENT",
			"20260107", "20260108", "", `VEVENT DTSTART:20260107T090000 RECURRENCE-ID:20260107T090000`},
		{"outside", "BEGIN:VEVENT\nUID:1@example.com\nDTSTART:20260105T090000Z\nEND:VEVENT", "20270106", "20270110", "", ``},
		{"nominal days over a change of clocks", `BEGIN:VEVENT
UID:1@example.com
DTSTART;TZID=Europe/Berlin:20260321T120000
DURATION:P1D
RRULE:FREQ=WEEKLY
END:VEVENT`, "20260321", "20260330", "", `VEVENT DTSTART:20260321T110000Z RECURRENCE-ID:20260321T110000Z DURATION:P1D
VEVENT DTSTART:20260328T110000Z RECURRENCE-ID:20260328T110000Z DURATION:PT23H`},
		{"nominal days of floating times stay", `BEGIN:VEVENT
UID:1@example.com
DTSTART:20260328T120000
DURATION:P1D
RRULE:FREQ=WEEKLY
END:VEVENT`, "20260328", "20260330", "Europe/Berlin", `VEVENT DTSTART:20260328T120000 RECURRENCE-ID:20260328T120000 DURATION:P1D`},
		{"overrides", `BEGIN:VEVENT
UID:1@example.com
DTSTART;TZID=Europe/Berlin:20260105T090000
DTEND;TZID=Europe/Berlin:20260105T100000
RRULE:FREQ=DAILY;COUNT=4
END:VEVENT
BEGIN:VEVENT
UID:1@example.com
RECURRENCE-ID;TZID=Europe/Berlin:20260106T090000
DTSTART;TZID=Asia/Tokyo:20260106T200000
DURATION:PT2H
END:VEVENT
BEGIN:VEVENT
UID:1@example.com
RECURRENCE-ID;TZID=Europe/Berlin:20260107T090000
DTSTART;VALUE=DATE:20260107
END:VEVENT`, "20260106", "20260109", "", `VEVENT RECURRENCE-ID:20260106T080000Z DTSTART:20260106T110000Z DURATION:PT2H
VEVENT RECURRENCE-ID:20260107T080000Z DTSTART;VALUE=DATE:20260107
VEVENT DTSTART:20260108T080000Z RECURRENCE-ID:20260108T080000Z DTEND:20260108T090000Z`},
		{"this and future", `BEGIN:VEVENT
UID:1@example.com
DTSTART:20260105T090000Z
DTEND:20260105T100000Z
RRULE:FREQ=DAILY
END:VEVENT
BEGIN:VEVENT
UID:1@example.com
RECURRENCE-ID;RANGE=THISANDFUTURE:20260107T090000Z
DTSTART:20260107T120000Z
DTEND:20260107T140000Z
END:VEVENT`, "20260106", "20260109", "", `VEVENT DTSTART:20260106T090000Z RECURRENCE-ID:20260106T090000Z DTEND:20260106T100000Z
VEVENT RECURRENCE-ID:20260107T090000Z DTSTART:20260107T120000Z DTEND:20260107T140000Z
VEVENT RECURRENCE-ID:20260108T090000Z DTSTART:20260108T120000Z DTEND:20260108T140000Z`},
		{"overrides without a master", `BEGIN:VEVENT
UID:1@example.com
RECURRENCE-ID;TZID=Europe/Berlin:20260106T090000
DTSTART;TZID=Europe/Berlin:20260106T110000
END:VEVENT`, "20260106", "20260109", "", `VEVENT RECURRENCE-ID:20260106T080000Z DTSTART:20260106T100000Z`},
		{"RDATE with periods", `BEGIN:VEVENT
UID:1@example.com
DTSTART:20260105T090000Z
RDATE;VALUE=PERIOD:20260106T090000Z/PT2H,20260107T090000Z/20260107T093000Z
END:VEVENT`, "20260105", "20260109", "", `VEVENT DTSTART:20260105T090000Z RECURRENCE-ID:20260105T090000Z
VEVENT DTSTART:20260106T090000Z RECURRENCE-ID:20260106T090000Z DTEND:20260106T110000Z
VEVENT DTSTART:20260107T090000Z RECURRENCE-ID:20260107T090000Z DTEND:20260107T093000Z`},
		{"RDATE with a period beside DURATION", `BEGIN:VEVENT
UID:1@example.com
DTSTART:20260105T090000Z
DURATION:PT1H
RDATE;VALUE=PERIOD:20260106T090000Z/PT2H
END:VEVENT`, "20260105", "20260109", "", `VEVENT DTSTART:20260105T090000Z RECURRENCE-ID:20260105T090000Z DURATION:PT1H
VEVENT DTSTART:20260106T090000Z RECURRENCE-ID:20260106T090000Z DURATION:PT2H`},
		{"to-dos", `BEGIN:VTODO
UID:1@example.com
DTSTART;TZID=Europe/Berlin:20260105T090000
DUE;TZID=Europe/Berlin:20260105T170000
RRULE:FREQ=WEEKLY
END:VTODO`, "20260112", "20260113", "", `VTODO DTSTART:20260112T080000Z RECURRENCE-ID:20260112T080000Z DUE:20260112T160000Z`},
		{"to-dos with DUE alone", `BEGIN:VTODO
UID:1@example.com
DUE;VALUE=DATE:20260105
RRULE:FREQ=WEEKLY
END:VTODO`, "20260111", "20260113", "", `VTODO DUE;VALUE=DATE:20260112 RECURRENCE-ID;VALUE=DATE:20260112`},
		{"to-do without a time", "BEGIN:VTODO\nUID:1@example.com\nSUMMARY:x\nDURATION:PT1H\nEND:VTODO", "20260111", "20260113", "", `VTODO DURATION:PT1H`},
		{"journal", "BEGIN:VJOURNAL\nUID:1@example.com\nDTSTART;VALUE=DATE:20260105\nRRULE:FREQ=DAILY;COUNT=2\nEND:VJOURNAL", "20260101", "20260113", "",
			"VJOURNAL DTSTART;VALUE=DATE:20260105 RECURRENCE-ID;VALUE=DATE:20260105\nVJOURNAL DTSTART;VALUE=DATE:20260106 RECURRENCE-ID;VALUE=DATE:20260106"},
		{"free-busy", "BEGIN:VFREEBUSY\nUID:1@example.com\nDTSTART:20260105T000000Z\nDTEND:20260106T000000Z\nFREEBUSY:20260105T090000Z/PT1H,20260105T110000Z/PT1H\nEND:VFREEBUSY",
			"20260105", "20260113", "", `VFREEBUSY DTSTART:20260105T000000Z DTEND:20260106T000000Z`},
		{"something else", "BEGIN:X-MEAL\nX-AT;TZID=Europe/Berlin:20260105T120000\nBEGIN:X-DISH\nX-AT;TZID=Europe/Berlin:20260105T130000\nEND:X-DISH\nEND:X-MEAL", "20260105", "20260113", "",
			`X-MEAL X-AT:20260105T110000Z`},
		{"a time that does not exist", `BEGIN:VEVENT
UID:1@example.com
DTSTART;TZID=Europe/Berlin:20260328T023000
DTEND;TZID=Europe/Berlin:20260328T033000
RRULE:FREQ=DAILY;COUNT=2
END:VEVENT`, "20260329", "20260330", "", `VEVENT DTSTART:20260329T013000Z RECURRENCE-ID:20260329T013000Z DTEND:20260329T023000Z`},
	}
	for _, tt := range tests {
		cal := object(t, "BEGIN:VTIMEZONE\nTZID:X\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n"+tt.body)
		got := apply(t, &Data{Expand: between(tt.start, tt.end)}, cal, tt.floating)
		if s := brief(got); s != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, s, tt.want)
		}
		if s := got.String(); strings.Contains(s, "TZID") {
			t.Errorf("%s: a time zone is left:\n%s", tt.name, s)
		}
	}
}

func TestExpandKeepsTheRest(t *testing.T) {
	cal := object(t, `METHOD:PUBLISH
BEGIN:VEVENT
DTSTAMP:20260101T000000Z
UID:1@example.com
DTSTART:20260105T090000Z
RRULE:FREQ=DAILY
SUMMARY:A rather long summary\, folded where its author wanted it to be folde
 d
X-A;X-B="c;d":e
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT5M
END:VALARM
END:VEVENT`)
	got := apply(t, &Data{Expand: between("20260107", "20260108")}, cal, "")
	want := strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example Corp.//CalDAV Client//EN
METHOD:PUBLISH
BEGIN:VEVENT
DTSTAMP:20260101T000000Z
UID:1@example.com
DTSTART:20260107T090000Z
RECURRENCE-ID:20260107T090000Z
SUMMARY:A rather long summary\, folded where its author wanted it to be folde
 d
X-A;X-B="c;d":e
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT5M
END:VALARM
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n")
	if got.String() != want {
		t.Errorf("expanded:\n%s\nwant\n%s", got, want)
	}
}

func TestExpandTooMany(t *testing.T) {
	cal := object(t, "BEGIN:VEVENT\nUID:1@example.com\nDTSTART:20260105T090000Z\nRRULE:FREQ=MINUTELY\nEND:VEVENT")
	got, err := (&Data{Expand: between("20260101", "20260201")}).Apply(cal, nil, nil)
	if got != nil || !errors.Is(err, recur.ErrTooMany) {
		t.Errorf("Apply = %v, %v; want ErrTooMany", got, err)
	}
	fat := object(t, "BEGIN:VEVENT\nUID:1@example.com\nDTSTART:20260105T090000Z\nRRULE:FREQ=DAILY\nDESCRIPTION:"+strings.Repeat("x", 500_000)+"\nEND:VEVENT")
	if _, err := (&Data{Expand: between("20260101", "20270101")}).Apply(fat, nil, nil); !errors.Is(err, recur.ErrTooMany) {
		t.Errorf("a year of half a megabyte a day: %v; want ErrTooMany", err)
	}
	if _, err := (&Data{LimitRecurrence: between("20260101", "20360201")}).Apply(cal, nil, nil); err != nil {
		t.Errorf("limit-recurrence-set: %v", err)
	}
}

func TestStamp(t *testing.T) {
	for _, d := range []ical.DateTime{{Wall: at("20260105"), Form: ical.DateForm}, {Wall: at("20261231T235958"), Form: ical.UTCForm},
		{Wall: at("00010203T040506"), Form: ical.FloatingForm}, {Wall: at("99991231T235959"), Form: ical.ZonedForm}} {
		if got := stamp(d); got != d.String() {
			t.Errorf("stamp(%v) = %s", d, got)
		}
	}
}

func TestLimitRecurrence(t *testing.T) {
	override := func(id, start, summary string) string {
		return fmt.Sprintf("BEGIN:VEVENT\nUID:1@example.com\nRECURRENCE-ID%s\nDTSTART:%s\nDURATION:PT1H\nSUMMARY:%s\nEND:VEVENT\n", id, start, summary)
	}
	master := "BEGIN:VEVENT\nUID:1@example.com\nDTSTART:20260105T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY\nSUMMARY:M\nEND:VEVENT\n"
	tests := []struct {
		name, body, start, end, want string
	}{
		{"nothing to leave out", master, "20270101", "20270102", "M"},
		{"by its new time", master + override(":20260106T090000Z", "20260120T090000Z", "A"), "20260120", "20260121", "M A"},
		{"by its old time", master + override(":20260106T090000Z", "20260120T090000Z", "A"), "20260106", "20260107", "M A"},
		{"by neither", master + override(":20260106T090000Z", "20260120T090000Z", "A"), "20260107", "20260108", "M"},
		{"at the end of its old time", master + override(":20260106T090000Z", "20260120T090000Z", "A"), "20260106T100000", "20260107", "M"},
		{"within its old time", master + override(":20260106T090000Z", "20260120T090000Z", "A"), "20260106T095959", "20260107", "M A"},
		{"this and future", master + override(";RANGE=THISANDFUTURE:20260106T090000Z", "20260106T100000Z", "A"), "20270106", "20270107", "M A"},
		{"this and future, ended by the next", master + override(";RANGE=THISANDFUTURE:20260106T090000Z", "20260106T100000Z", "A") +
			override(";RANGE=THISANDFUTURE:20260206T090000Z", "20260206T110000Z", "B"), "20270106", "20270107", "M B"},
		{"this and future, later", master + override(";RANGE=THISANDFUTURE:20260206T090000Z", "20260206T100000Z", "A"), "20260106", "20260107", "M"},
		{"no master", override(":20260106T090000Z", "20260106T100000Z", "A") + override(":20260107T090000Z", "20260107T100000Z", "B"), "20260107", "20260108", "B"},
		{"more than can be looked at", strings.Replace(master, "DAILY", "MINUTELY", 1) + override(":20260106T090000Z", "20260106T100000Z", "A"), "20260101", "20270108", "M A"},
	}
	for _, tt := range tests {
		got := apply(t, &Data{LimitRecurrence: between(tt.start, tt.end)}, object(t, tt.body), "")
		var names []string
		for c := range got.Components("VEVENT") {
			names = append(names, c.Text("SUMMARY"))
		}
		if s := strings.Join(names, " "); s != tt.want {
			t.Errorf("%s: [%s, %s) keeps %s, want %s", tt.name, tt.start, tt.end, s, tt.want)
		}
	}

	allDay := object(t, `BEGIN:VEVENT
UID:1@example.com
DTSTART;VALUE=DATE:20260105
DTEND;VALUE=DATE:20260107
RRULE:FREQ=WEEKLY
END:VEVENT
BEGIN:VEVENT
UID:1@example.com
RECURRENCE-ID;VALUE=DATE:20260112
DTSTART;VALUE=DATE:20260201
END:VEVENT`)
	for day, want := range map[string]int{"20260112": 2, "20260113": 2, "20260114": 1, "20260201": 2} {
		r := &TimeRange{at(day), at(day).AddDate(0, 0, 1)}
		if got := len(apply(t, &Data{LimitRecurrence: r}, allDay, "").Children()); got != want {
			t.Errorf("all-day, %s: %d components, want %d", day, got, want)
		}
	}
}

func TestLimitFreeBusy(t *testing.T) {
	cal := object(t, `BEGIN:VFREEBUSY
UID:1@example.com
FREEBUSY:20260105T090000Z/20260105T100000Z,20260106T090000Z/PT1H,20260107T090000Z/PT1H
FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260101T090000Z/PT1H
FREEBUSY:20260106T120000Z/PT1H
FREEBUSY:whenever
END:VFREEBUSY`)
	got := apply(t, &Data{LimitFreeBusy: between("20260105T100000", "20260106T120001")}, brokenSafe(t, cal), "")
	var lines []string
	for p := range got.Component("VFREEBUSY").All("FREEBUSY") {
		lines = append(lines, p.Line())
	}
	if s := strings.Join(lines, " "); s != "FREEBUSY:20260106T090000Z/PT1H FREEBUSY:20260106T120000Z/PT1H" {
		t.Errorf("limit-freebusy-set leaves %s", s)
	}
	event := object(t, "BEGIN:VEVENT\nUID:1@example.com\nDTSTART:20260105T090000Z\nEND:VEVENT")
	if got := apply(t, &Data{LimitFreeBusy: between("20260105", "20260106")}, event, ""); got != event {
		t.Errorf("limit-freebusy-set changes an event: %s", got)
	}
}

// brokenSafe takes out the line that no series can be made of, after trying that it survives on its own.
func brokenSafe(t *testing.T, cal *ical.Component) *ical.Component {
	t.Helper()
	got, err := (&Data{LimitFreeBusy: between("20200101", "20200102")}).Apply(cal, nil, nil)
	if err != nil || !strings.Contains(got.String(), "FREEBUSY:whenever") {
		t.Errorf("a broken FREEBUSY is not kept: %v", err)
	}
	cal = cal.Clone()
	for c := range cal.Components("VFREEBUSY") {
		c.RemoveFunc(func(p *ical.Property) bool { return p.Value() == "whenever" })
	}
	return cal
}

func TestSelect(t *testing.T) {
	cal := object(t, `CALSCALE:GREGORIAN
BEGIN:VEVENT
UID:1@example.com
DTSTART;TZID=Europe/Berlin:20260105T090000
RRULE:FREQ=DAILY
ATTENDEE;CN=Bob:mailto:bob@example.com
ATTENDEE;CN=Alice:mailto:alice@example.com
SUMMARY:S
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT5M
END:VALARM
BEGIN:X-NOTE
X-TEXT:n
END:X-NOTE
END:VEVENT`)
	one := func(s *CompSelect) *CompSelect { return &CompSelect{Name: "VCALENDAR", Comps: []*CompSelect{s}} }
	tests := []struct {
		name string
		s    *CompSelect
		want string
	}{
		{"everything", &CompSelect{Name: "VCALENDAR", AllProps: true, AllComps: true}, lines(cal)},
		{"nothing said", &CompSelect{Name: "VCALENDAR"}, lines(cal)},
		{"properties only", &CompSelect{Name: "VCALENDAR", AllProps: true},
			"BEGIN:VCALENDAR VERSION:2.0 PRODID:-//Example Corp.//CalDAV Client//EN CALSCALE:GREGORIAN END:VCALENDAR"},
		{"in the object's order", one(&CompSelect{Name: "vevent", Props: []PropSelect{{Name: "summary"}, {Name: "UID"}}}),
			"BEGIN:VCALENDAR BEGIN:VEVENT UID:1@example.com SUMMARY:S END:VEVENT END:VCALENDAR"},
		{"no value", one(&CompSelect{Name: "VEVENT", Props: []PropSelect{{Name: "ATTENDEE", NoValue: true}}}),
			"BEGIN:VCALENDAR BEGIN:VEVENT ATTENDEE;CN=Bob: ATTENDEE;CN=Alice: END:VEVENT END:VCALENDAR"},
		{"inner", one(&CompSelect{Name: "VEVENT", Props: []PropSelect{{Name: "UID"}}, Comps: []*CompSelect{{Name: "VALARM", Props: []PropSelect{{Name: "ACTION"}}}}}),
			"BEGIN:VCALENDAR BEGIN:VEVENT UID:1@example.com BEGIN:VALARM ACTION:DISPLAY END:VALARM END:VEVENT END:VCALENDAR"},
		{"all inner", one(&CompSelect{Name: "VEVENT", Props: []PropSelect{{Name: "UID"}}, AllComps: true}),
			"BEGIN:VCALENDAR BEGIN:VEVENT UID:1@example.com BEGIN:VALARM ACTION:DISPLAY TRIGGER:-PT5M END:VALARM BEGIN:X-NOTE X-TEXT:n END:X-NOTE END:VEVENT END:VCALENDAR"},
		{"another component", one(&CompSelect{Name: "VJOURNAL"}), "BEGIN:VCALENDAR END:VCALENDAR"},
	}
	for _, tt := range tests {
		got := lines(apply(t, &Data{Comp: tt.s}, cal, ""))
		if !strings.Contains(tt.want, "\n") {
			got = strings.ReplaceAll(got, "\n", " ")
		}
		if got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}

	// Expanded, then selected (CALDAV:floating of Apple's CalDAV tester asks so).
	d := &Data{Expand: between("20260106", "20260107"), Comp: &CompSelect{Name: "VCALENDAR", Props: []PropSelect{{Name: "VERSION"}},
		Comps: []*CompSelect{{Name: "VEVENT", Props: []PropSelect{{Name: "DTSTART"}, {Name: "RRULE"}}}, {Name: "VTIMEZONE"}}}}
	if got := strings.ReplaceAll(lines(apply(t, d, cal, "")), "\n", " "); got != "BEGIN:VCALENDAR VERSION:2.0 BEGIN:VEVENT DTSTART:20260106T080000Z END:VEVENT END:VCALENDAR" {
		t.Errorf("expanded and selected: %s", got)
	}
}

func TestIdentityAndValidateData(t *testing.T) {
	r := between("20260101", "20260201")
	deep := &CompSelect{Name: "A"}
	for range 10 {
		deep = &CompSelect{Name: "A", Comps: []*CompSelect{deep}}
	}
	vcal := func(s CompSelect) *Data { s.Name = "VCALENDAR"; return &Data{Comp: &s} }
	tests := []struct {
		name            string
		d               *Data
		identity, valid bool
	}{
		{"none", nil, true, true},
		{"empty", &Data{}, true, true},
		{"all", vcal(CompSelect{AllProps: true, AllComps: true}), true, true},
		{"empty comp", vcal(CompSelect{}), true, true},
		{"properties", vcal(CompSelect{AllProps: true}), false, true},
		{"expand", &Data{Expand: r}, false, true},
		{"limit", &Data{LimitRecurrence: r}, false, true},
		{"free-busy", &Data{LimitFreeBusy: r}, false, true},
		{"both", &Data{Expand: r, LimitRecurrence: r}, false, false},
		{"open", &Data{Expand: &TimeRange{Start: r.Start}}, false, false},
		{"backwards", &Data{LimitFreeBusy: &TimeRange{r.End, r.Start}}, false, false},
		{"not a calendar", &Data{Comp: &CompSelect{Name: "VEVENT"}}, true, false},
		{"nothing inside", vcal(CompSelect{Comps: []*CompSelect{nil}}), false, false},
		{"too deep", vcal(CompSelect{Comps: []*CompSelect{deep}}), false, false},
		{"too many", vcal(CompSelect{Props: make([]PropSelect, 2000)}), false, false},
	}
	cal := object(t, "BEGIN:VEVENT\nUID:1@example.com\nDTSTART:20260105T090000Z\nEND:VEVENT")
	for _, tt := range tests {
		if got := tt.d.Identity(); got != tt.identity {
			t.Errorf("%s: Identity() = %v", tt.name, got)
		}
		err := tt.d.Validate()
		if _, ok := errors.AsType[*FilterError](err); (err == nil) != tt.valid || !tt.valid && !ok {
			t.Errorf("%s: Validate() = %v", tt.name, err)
		}
		if got, err := tt.d.Apply(cal, nil, nil); tt.identity && (got != cal || err != nil) {
			t.Errorf("%s: Apply = %v, %v; want the object itself", tt.name, got, err)
		}
	}
}
