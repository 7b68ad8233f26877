package query

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
)

// FuzzQuery: no object makes a filter or a calendar-data panic, what comes out can be read, and a range matches
// exactly when expanding in it gives something.
func FuzzQuery(f *testing.F) {
	for _, cal := range collection(f) {
		f.Add(cal.Bytes(), int64(1136246400), int64(48), "Event")
	}
	files, _ := filepath.Glob("../../testdata/ics/*.ics")
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, int64(1767225600), int64(9000), "a")
	}
	f.Add([]byte("BEGIN:VCALENDAR\nBEGIN:VTODO\nDUE;TZID=x:20260101T000000\nRRULE:FREQ=DAILY\nBEGIN:VALARM\nTRIGGER;RELATED=END:-P1DT1S\nREPEAT:3\nDURATION:PT1M\nEND:VALARM\nEND:VTODO\nEND:VCALENDAR\n"), int64(1767225600), int64(9000), "é")
	f.Fuzz(func(t *testing.T, data []byte, start, hours int64, text string) {
		cal, err := ical.Parse(data)
		if err != nil {
			return
		}
		from := time.Unix(start%1e11, 0).UTC()
		r := &TimeRange{from, from.Add(time.Duration(1+(hours&0xffff)) * time.Hour)}
		open := &TimeRange{Start: from}
		before := cal.String()
		s, err := recur.Compile(cal, nil)
		if err != nil {
			s = nil
		}
		loc := time.FixedZone("", int(hours%50000))
		tm := &TextMatch{Text: text, Collation: unicodeCasemap}
		for _, name := range mains {
			for _, c := range []CompFilter{
				{Range: r}, {Range: open},
				{Range: open, Props: []PropFilter{{Name: "RECURRENCE-ID"}}},
				{Range: r, AnyOf: true, Comps: []CompFilter{{Name: "VALARM", Range: r}, {Name: "VALARM", Range: open}}},
				{Comps: []CompFilter{{Name: "VALARM", Range: r, Props: []PropFilter{{Name: "ACTION", Text: tm}}}}},
				{Props: []PropFilter{{Name: "DTEND", Range: r}, {Name: "SUMMARY", Text: tm, Params: []ParamFilter{{Name: "X", Text: tm}}}}},
			} {
				if name != "VEVENT" && name != "VTODO" && len(c.Comps) > 0 {
					continue
				}
				q := filter(name, c)
				if err := q.Validate(); err != nil && len(text) < maxText {
					t.Fatalf("filter: %v", err)
				}
				if _, err := q.Match(cal, s, loc); err != nil && s != nil && err != recur.ErrTooMany {
					t.Fatalf("Match: %v", err)
				}
			}
		}
		for _, d := range []*Data{{Expand: r}, {LimitRecurrence: r}, {LimitFreeBusy: r},
			{Expand: r, Comp: &CompSelect{Name: "VCALENDAR", AllProps: true, Comps: []*CompSelect{{Name: "VEVENT", AllComps: true, Props: []PropSelect{{Name: "UID", NoValue: true}}}}}}} {
			out, err := d.Apply(cal, s, loc)
			if err != nil {
				continue
			}
			again, err := ical.Parse(out.Bytes())
			if err != nil {
				t.Fatalf("Apply made what does not parse: %v\n%s", err, out)
			}
			if again.String() != out.String() {
				t.Fatalf("Apply's result changes when read again:\n%s\n%s", out, again)
			}
			if d.Expand == nil || d.Comp != nil {
				continue
			}
			for c := range out.Main() {
				for _, p := range c.Props() {
					switch n := p.Name(); {
					case n == "RRULE", n == "RDATE", n == "EXDATE", n == "EXRULE", p.HasParam("TZID"):
						if isMain(c.Name()) || p.HasParam("TZID") {
							t.Fatalf("expanded, but there is %s", p.Line())
						}
					}
				}
			}
			if s != nil && s.Component() != "VFREEBUSY" && s.Component() != "" {
				got, err := filter(s.Component(), CompFilter{Range: r}).Match(cal, s, loc)
				if err != nil || got != (out.Component(s.Component()) != nil) {
					t.Fatalf("Match = %v, %v; expanded:\n%s", got, err, out)
				}
			}
		}
		if cal.String() != before {
			t.Fatal("the object has changed")
		}
	})
}
