package query

import (
	"slices"
	"strings"
	"testing"

	"kalends/ical"
)

// collection holds the objects that RFC 4791 appendix B describes, as far as its examples need them: the same times,
// identifiers and statuses, with addresses and texts of our own.
func collection(t testing.TB) map[string]*ical.Component {
	const eastern = `BEGIN:VTIMEZONE
TZID:US/Eastern
BEGIN:DAYLIGHT
DTSTART:20000404T020000
RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=4
TZNAME:EDT
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:20001026T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZNAME:EST
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
END:STANDARD
END:VTIMEZONE
`
	return map[string]*ical.Component{
		"abcd1": object(t, eastern+`BEGIN:VEVENT
DTSTAMP:20060206T001102Z
DTSTART;TZID=US/Eastern:20060102T100000
DURATION:PT1H
SUMMARY:Event #1
Description:Onwards!
UID:event1@example.com
END:VEVENT`),
		"abcd2": object(t, eastern+`BEGIN:VEVENT
DTSTAMP:20060206T001121Z
DTSTART;TZID=US/Eastern:20060102T120000
DURATION:PT1H
RRULE:FREQ=DAILY;COUNT=5
SUMMARY:Event #2
UID:event2@example.com
END:VEVENT
BEGIN:VEVENT
DTSTAMP:20060206T001121Z
DTSTART;TZID=US/Eastern:20060104T140000
DURATION:PT1H
RECURRENCE-ID;TZID=US/Eastern:20060104T120000
SUMMARY:Event #2 bis
UID:event2@example.com
END:VEVENT
BEGIN:VEVENT
DTSTAMP:20060206T001121Z
DTSTART;TZID=US/Eastern:20060106T140000
DURATION:PT1H
RECURRENCE-ID;TZID=US/Eastern:20060106T120000
SUMMARY:Event #2 bis bis
UID:event2@example.com
END:VEVENT`),
		"abcd3": object(t, eastern+`BEGIN:VEVENT
ATTENDEE;PARTSTAT=ACCEPTED;ROLE=CHAIR:mailto:alice@example.com
ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.com
DTSTAMP:20060206T001220Z
DTSTART;TZID=US/Eastern:20060104T100000
DURATION:PT1H
LAST-MODIFIED:20060206T001330Z
ORGANIZER:mailto:alice@example.com
SEQUENCE:1
STATUS:TENTATIVE
SUMMARY:Event #3
UID:event3@example.com
X-ABC-GUID:E3@example.com
END:VEVENT`),
		"abcd4": object(t, `BEGIN:VTODO
DTSTAMP:20060205T235335Z
DUE;VALUE=DATE:20060104
STATUS:NEEDS-ACTION
SUMMARY:Task #1
UID:task1@example.com
BEGIN:VALARM
ACTION:AUDIO
TRIGGER;RELATED=START:-PT10M
END:VALARM
END:VTODO`),
		"abcd5": object(t, `BEGIN:VTODO
DTSTAMP:20060205T235300Z
DUE;TZID=US/Eastern:20060106T120000
LAST-MODIFIED:20060205T235308Z
SEQUENCE:1
STATUS:NEEDS-ACTION
SUMMARY:Task #2
UID:task2@example.com
BEGIN:VALARM
ACTION:AUDIO
TRIGGER;RELATED=START:-PT10M
END:VALARM
END:VTODO`),
		"abcd6": object(t, `BEGIN:VTODO
COMPLETED:20051223T122322Z
DTSTAMP:20060205T235400Z
DUE;VALUE=DATE:20051225
STATUS:COMPLETED
SUMMARY:Task #3
UID:task3@example.com
END:VTODO`),
		"abcd7": object(t, `BEGIN:VTODO
DTSTAMP:20060205T235600Z
DUE;VALUE=DATE:20060101
STATUS:CANCELLED
SUMMARY:Task #4
UID:task4@example.com
END:VTODO`),
		"abcd8": object(t, `BEGIN:VFREEBUSY
ORGANIZER;CN="Carol":mailto:carol@example.com
UID:busy@example.com
DTSTAMP:20050530T123421Z
DTSTART:20060101T000000Z
DTEND:20060108T000000Z
FREEBUSY:20050531T230000Z/20050601T010000Z
FREEBUSY;FBTYPE=BUSY-TENTATIVE:20060102T100000Z/20060102T120000Z
FREEBUSY:20060103T100000Z/20060103T120000Z
FREEBUSY:20060104T100000Z/20060104T120000Z
FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20060105T100000Z/20060105T120000Z
FREEBUSY:20060106T100000Z/20060106T120000Z
END:VFREEBUSY`),
	}
}

func TestRFC4791Examples(t *testing.T) {
	objects := collection(t)
	text := func(s, collation string) *TextMatch { return &TextMatch{Text: s, Collation: collation} }
	tests := []struct {
		section string
		f       *Filter
		want    string
	}{
		{"7.8.1", filter("VEVENT", CompFilter{Range: between("20060104", "20060105")}), "abcd2 abcd3"},
		{"7.8.2", filter("VEVENT", CompFilter{Range: between("20060103", "20060105")}), "abcd2 abcd3"},
		{"7.8.4", filter("VFREEBUSY", CompFilter{Range: between("20060102", "20060103")}), "abcd8"},
		{"7.8.5", filter("VTODO", CompFilter{Comps: []CompFilter{{Name: "VALARM", Range: between("20060106T100000", "20060107T100000")}}}), "abcd5"},
		{"7.8.6", filter("VEVENT", CompFilter{Props: []PropFilter{{Name: "UID", Text: text("event3@example.com", "i;octet")}}}), "abcd3"},
		{"7.8.7", filter("VEVENT", CompFilter{Props: []PropFilter{{Name: "ATTENDEE", Text: text("mailto:bob@example.com", "i;ascii-casemap"),
			Params: []ParamFilter{{Name: "PARTSTAT", Text: text("NEEDS-ACTION", "i;ascii-casemap")}}}}}), "abcd3"},
		{"7.8.8", filter("VEVENT", CompFilter{}), "abcd1 abcd2 abcd3"},
		{"7.8.9", filter("VTODO", CompFilter{Props: []PropFilter{{Name: "COMPLETED", IsNotDefined: true},
			{Name: "STATUS", Text: &TextMatch{Text: "CANCELLED", Negate: true}}}}), "abcd4 abcd5"},
		{"7.8.10", filter("VEVENT", CompFilter{Props: []PropFilter{{Name: "X-ABC-GUID", Text: text("E3@", "")}}}), "abcd3"},
		{"appendix B", &Filter{CompFilter{Name: "VCALENDAR"}}, "abcd1 abcd2 abcd3 abcd4 abcd5 abcd6 abcd7 abcd8"},
	}
	for _, tt := range tests {
		var got []string
		for name, cal := range objects {
			if match(t, tt.f, cal, "America/New_York") {
				got = append(got, name)
			}
		}
		slices.Sort(got)
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("RFC 4791 section %s: %s, want %s", tt.section, s, tt.want)
		}
	}
}

// lines prints the main components, and what is asked of them, in short.
func lines(cal *ical.Component) string {
	return strings.TrimSpace(strings.ReplaceAll(cal.String(), "\r\n", "\n"))
}

func TestRFC4791CalendarData(t *testing.T) {
	objects := collection(t)
	const head = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Example Corp.//CalDAV Client//EN\n"
	tests := []struct {
		section, object string
		d               *Data
		want            string
	}{
		{"7.8.3", "abcd2", &Data{Expand: between("20060103", "20060105")}, head + `BEGIN:VEVENT
DTSTAMP:20060206T001121Z
DTSTART:20060103T170000Z
RECURRENCE-ID:20060103T170000Z
DURATION:PT1H
SUMMARY:Event #2
UID:event2@example.com
END:VEVENT
BEGIN:VEVENT
DTSTAMP:20060206T001121Z
DTSTART:20060104T190000Z
DURATION:PT1H
RECURRENCE-ID:20060104T170000Z
SUMMARY:Event #2 bis
UID:event2@example.com
END:VEVENT
END:VCALENDAR`},
		{"7.8.3", "abcd3", &Data{Expand: between("20060103", "20060105")}, head + `BEGIN:VEVENT
ATTENDEE;PARTSTAT=ACCEPTED;ROLE=CHAIR:mailto:alice@example.com
ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.com
DTSTAMP:20060206T001220Z
DTSTART:20060104T150000Z
DURATION:PT1H
LAST-MODIFIED:20060206T001330Z
ORGANIZER:mailto:alice@example.com
SEQUENCE:1
STATUS:TENTATIVE
SUMMARY:Event #3
UID:event3@example.com
X-ABC-GUID:E3@example.com
END:VEVENT
END:VCALENDAR`},
		{"7.8.4", "abcd8", &Data{LimitFreeBusy: between("20060102", "20060103")}, head + `BEGIN:VFREEBUSY
ORGANIZER;CN="Carol":mailto:carol@example.com
UID:busy@example.com
DTSTAMP:20050530T123421Z
DTSTART:20060101T000000Z
DTEND:20060108T000000Z
FREEBUSY;FBTYPE=BUSY-TENTATIVE:20060102T100000Z/20060102T120000Z
END:VFREEBUSY
END:VCALENDAR`},
	}
	for _, tt := range tests {
		if got := lines(apply(t, tt.d, objects[tt.object], "America/New_York")); got != tt.want {
			t.Errorf("RFC 4791 section %s, %s:\n%s\nwant\n%s", tt.section, tt.object, got, tt.want)
		}
	}

	// Section 7.8.1: what was selected, and VTIMEZONE as a whole.
	d := &Data{Comp: &CompSelect{Name: "VCALENDAR", Props: []PropSelect{{Name: "VERSION"}}, Comps: []*CompSelect{
		{Name: "VEVENT", Props: []PropSelect{{Name: "SUMMARY"}, {Name: "UID"}, {Name: "DTSTART"}, {Name: "RRULE"}, {Name: "RECURRENCE-ID"}}},
		{Name: "VTIMEZONE"}}}}
	got := apply(t, d, objects["abcd2"], "")
	want := objects["abcd2"].Component("VTIMEZONE").String()
	if got.Component("VTIMEZONE").String() != want {
		t.Errorf("RFC 4791 section 7.8.1: VTIMEZONE is %s", got.Component("VTIMEZONE"))
	}
	got.RemoveChildren(func(c *ical.Component) bool { return c.Name() != "VEVENT" || c.Prop("RRULE") == nil })
	if s := lines(got); s != "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nDTSTART;TZID=US/Eastern:20060102T120000\nRRULE:FREQ=DAILY;COUNT=5\nSUMMARY:Event #2\nUID:event2@example.com\nEND:VEVENT\nEND:VCALENDAR" {
		t.Errorf("RFC 4791 section 7.8.1:\n%s", s)
	}

	// Section 7.8.2: the second override is left out.
	got = apply(t, &Data{LimitRecurrence: between("20060103", "20060105")}, objects["abcd2"], "")
	var summaries []string
	for c := range got.Components("") {
		summaries = append(summaries, c.Name()+" "+c.Text("SUMMARY"))
	}
	if s := strings.Join(summaries, ", "); s != "VTIMEZONE , VEVENT Event #2, VEVENT Event #2 bis" {
		t.Errorf("RFC 4791 section 7.8.2: %s", s)
	}
}

// apply validates and applies; the object must stay as it was, and the result must be readable.
func apply(t testing.TB, d *Data, cal *ical.Component, floating string) *ical.Component {
	t.Helper()
	if err := d.Validate(); err != nil {
		t.Fatalf("invalid data: %v", err)
	}
	before := cal.String()
	got, err := d.Apply(cal, series(t, cal), location(t, floating))
	if err != nil {
		t.Fatalf("Apply: %v", err)
	}
	alone, err := d.Apply(cal, nil, location(t, floating))
	if err != nil || alone.String() != got.String() {
		t.Fatalf("Apply without series: %v\n%s\nwith:\n%s", err, alone, got)
	}
	if cal.String() != before {
		t.Fatal("Apply changed the object")
	}
	if _, err := ical.Parse(got.Bytes()); err != nil {
		t.Fatalf("Apply made what does not parse: %v\n%s", err, got)
	}
	return got
}
