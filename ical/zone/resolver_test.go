package zone

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kalends/ical"
)

func TestResolver(t *testing.T) {
	zone := func(tzid, body string) string {
		return "BEGIN:VTIMEZONE\nTZID:" + tzid + "\n" + body + "END:VTIMEZONE\n"
	}
	fixed := func(off string) string {
		return "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:" + off + "\nTZOFFSETTO:" + off + "\nEND:STANDARD\n"
	}
	const july = 1_782_864_000 // 2026-07-01
	tests := []struct {
		name, body, tzid string
		iana             string // what Canonical says
		location         string // name of the location; "" is unknown
		offset           int    // in July 2026
	}{
		{"an IANA name without VTIMEZONE", "", "Europe/Berlin", "Europe/Berlin", "Europe/Berlin", 7200},
		{"an IANA name whose VTIMEZONE lies", zone("Europe/Berlin", fixed("-0800")), "Europe/Berlin", "Europe/Berlin", "Europe/Berlin", 7200},
		{"a link keeps its name as location", "", "US/Eastern", "America/New_York", "US/Eastern", -14400},
		{"a Windows name whose VTIMEZONE lies", zone("W. Europe Standard Time", fixed("-0800")), "W. Europe Standard Time", "Europe/Berlin", "Europe/Berlin", 7200},
		{"X-LIC-LOCATION", zone("Home", "X-LIC-LOCATION:Asia/Tokyo\n"+fixed("+0100")), "Home", "Asia/Tokyo", "Asia/Tokyo", 32400},
		{"X-TZINFO with a version", zone("Home", "X-TZINFO:Asia/Tokyo[2025b]\n"), "Home", "Asia/Tokyo", "Asia/Tokyo", 32400},
		{"TZID-ALIAS-OF", zone("Home", "TZID-ALIAS-OF:Asia/Tokyo\n"), "Home", "Asia/Tokyo", "Asia/Tokyo", 32400},
		{"TZURL", zone("Home", "TZURL:http://www.example.com/zoneinfo-outlook/Asia/Tokyo.ics\n"), "Home", "Asia/Tokyo", "Asia/Tokyo", 32400},
		{"X-LIC-LOCATION of nowhere", zone("Home", "X-LIC-LOCATION:Asia/Nowhere\n"+fixed("+0100")), "Home", "Etc/GMT-1", "Etc/GMT-1", 3600},
		{"rules of a known zone", zone("Customized Time Zone", outlookBerlin), "Customized Time Zone", "Europe/Berlin", "Europe/Berlin", 7200},
		{"rules of nobody", zone("Customized Time Zone", oddRules), "Customized Time Zone", "", "Customized Time Zone", 11580},
		{"half an hour for ever is no country", zone("Customized Time Zone", fixed("+0330")), "Customized Time Zone", "", "Customized Time Zone", 12600},
		{"UTC by another name", zone("Ours", fixed("+0000")), "Ours", "Etc/UTC", "Etc/UTC", 0},
		{"the first of two VTIMEZONEs", zone("Home", fixed("+0400")) + zone("Home", fixed("+0500")), "Home", "Etc/GMT-4", "Etc/GMT-4", 14400},
		{"blanks and quotes", zone("Home", fixed("+0400")), ` "Home" `, "Etc/GMT-4", "Etc/GMT-4", 14400},
		{"escaped TZID", zone(`Home\, sweet`, fixed("+0400")), "Home, sweet", "Etc/GMT-4", "Etc/GMT-4", 14400},
		{"offset as name", "", "GMT+0530", "", "+0530", 19800},
		{"offset as name with a VTIMEZONE", zone("GMT+0530", oddRules), "GMT+0530", "", "GMT+0530", 11580},
		{"unknown", "", "Home", "", "", 0},
		{"broken VTIMEZONE", zone("Home", "BEGIN:STANDARD\nEND:STANDARD\n"), "Home", "", "", 0},
		{"empty", "", "", "", "", 0},
		{"Local", "", "Local", "", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewResolver(calendar(t, tt.body))
			for range 2 { // the second time from memory
				loc, ok := r.Location(tt.tzid)
				if loc == nil || ok != (tt.location != "") || ok && loc.String() != tt.location || !ok && loc != time.UTC {
					t.Fatalf("Location(%q) = %v, %v, want %q", tt.tzid, loc, ok, tt.location)
				}
				if _, off := time.Unix(july, 0).In(loc).Zone(); off != tt.offset {
					t.Errorf("Location(%q) has offset %d in July 2026, want %d", tt.tzid, off, tt.offset)
				}
				if name, ok := r.Canonical(tt.tzid); name != tt.iana || ok != (tt.iana != "") {
					t.Errorf("Canonical(%q) = %q, %v, want %q", tt.tzid, name, ok, tt.iana)
				}
			}
		})
	}
}

func TestResolverOfNothing(t *testing.T) {
	r := NewResolver(nil)
	if loc, ok := r.Location("Home"); ok || loc != time.UTC {
		t.Errorf("Location(Home) = %v, %v", loc, ok)
	}
	if loc, ok := r.Location("Asia/Tokyo"); !ok || loc.String() != "Asia/Tokyo" {
		t.Errorf("Location(Asia/Tokyo) = %v, %v", loc, ok)
	}
}

// Zones that differ today must not be taken for each other when their VTIMEZONE carries another name.
func TestMatchFindsTheSameRules(t *testing.T) {
	from, to := time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2035, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, name := range Names() {
		v, err := VTimezone(name, from, to)
		if err != nil {
			t.Fatal(err)
		}
		v.Set(ical.NewText("TZID", "Home"))
		cal := ical.New("VCALENDAR")
		cal.AddChild(v)
		loc, ok := NewResolver(cal).Location("Home")
		if !ok {
			t.Errorf("%s: not resolved", name)
			continue
		}
		want, _ := Load(name)
		for at := time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2031; at = at.Add(6 * time.Hour) {
			_, a := at.In(want).Zone()
			_, b := at.In(loc).Zone()
			if a != b {
				t.Fatalf("%s taken for %s, which differs at %v", name, loc, at)
			}
		}
	}
}

func TestPreferredZonesMatchThemselves(t *testing.T) {
	for _, name := range preferred {
		loc, ok := Load(name)
		if !ok {
			t.Fatalf("no %s", name)
		}
		if got, ok := match(loc); !ok || got != name {
			t.Errorf("match(%s) = %q, %v", name, got, ok)
		}
	}
}

// An object of 1 MiB full of VTIMEZONEs and TZIDs costs a bounded amount.
func TestResolverIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, "BEGIN:VTIMEZONE\nTZID:Home %d\n%sEND:VTIMEZONE\n", i, oddRules)
	}
	r := NewResolver(calendar(t, b.String()))
	known := 0
	for i := range 3000 {
		if _, ok := r.Location(fmt.Sprintf("Home %d", i)); ok {
			known++
		}
	}
	if known != maxVTimezones {
		t.Errorf("%d VTIMEZONEs were read, want %d", known, maxVTimezones)
	}
	if r.budget != 0 {
		t.Errorf("budget %d", r.budget)
	}
}

func BenchmarkResolver(b *testing.B) {
	cal := calendar(b, "BEGIN:VTIMEZONE\nTZID:Customized Time Zone\n"+outlookBerlin+"END:VTIMEZONE\n")
	for _, tzid := range []string{"Europe/Berlin", "W. Europe Standard Time", "/mozilla.org/20050126_1/Europe/Berlin", "Customized Time Zone"} {
		b.Run(tzid, func(b *testing.B) {
			NewResolver(cal).Location(tzid) // the tables behind it
			b.ReportAllocs()
			for b.Loop() {
				NewResolver(cal).Location(tzid)
			}
		})
	}
	b.Run("first match", func(b *testing.B) {
		for b.Loop() {
			for _, name := range archiveIndex().names {
				loc, err := time.LoadLocationFromTZData(name, []byte(archiveIndex().files[name].data))
				if err != nil {
					b.Fatal(err)
				}
				signature(loc)
			}
		}
	})
}
