package zone

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kalends/ical"
)

func TestEveryZoneLoads(t *testing.T) {
	names := Names()
	if len(names) < 590 || !slices.IsSorted(names) {
		t.Fatalf("Names() gives %d names, sorted %v", len(names), slices.IsSorted(names))
	}
	links := 0
	for _, name := range names {
		loc, ok := Load(name)
		if !ok || loc.String() != name {
			t.Errorf("Load(%q) = %v, %v", name, loc, ok)
		}
		if again, _ := Load(name); again != loc {
			t.Errorf("Load(%q) gives another location the second time", name)
		}
		if target, ok := Link(name); ok {
			links++
			if _, ok := Link(target); ok {
				t.Errorf("Link(%q) = %q, a link again", name, target)
			}
			if _, ok := Load(target); !ok {
				t.Errorf("Link(%q) = %q, which does not load", name, target)
			}
		}
	}
	if links < 100 {
		t.Errorf("only %d links", links)
	}
	if v := Version(); len(v) != 5 || v < "2025c" {
		t.Errorf("Version() = %q", v)
	}
}

func TestLoadKnowsExactNamesOnly(t *testing.T) {
	for _, name := range []string{"", "Local", "local", "europe/berlin", "Europe/Berlin ", "../Europe/Berlin", "/etc/localtime", "Europe", "Factory", "tzdata", "W. Europe Standard Time"} {
		if loc, ok := Load(name); ok || loc != time.UTC {
			t.Errorf("Load(%q) = %v, %v, want UTC, false", name, loc, ok)
		}
	}
	if loc, ok := Load("UTC"); !ok || loc != time.UTC {
		t.Errorf("Load(UTC) = %v, %v, want time.UTC", loc, ok)
	}
}

// The database must be ours whatever the machine says.
func TestLoadIgnoresTheSystem(t *testing.T) {
	t.Setenv("ZONEINFO", t.TempDir())
	t.Setenv("TZ", "Asia/Tokyo")
	loc, ok := Load("Europe/Lisbon")
	if _, off := time.Unix(1_750_000_000, 0).In(loc).Zone(); !ok || off != 3600 {
		t.Errorf("Load(Europe/Lisbon) = %v, %v, offset %d in June 2025", loc, ok, off)
	}
}

func TestInstant(t *testing.T) {
	tests := []struct {
		name, zone, wall, want string
	}{
		{"plain", "Europe/Berlin", "2026-07-01T12:00:00", "2026-07-01T10:00:00Z"},
		{"the hour before the gap", "Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T00:59:59Z"},
		{"gap", "Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00Z"},
		{"first second of the gap", "Europe/Berlin", "2026-03-29T02:00:00", "2026-03-29T01:00:00Z"},
		{"after the gap", "Europe/Berlin", "2026-03-29T03:00:00", "2026-03-29T01:00:00Z"},
		{"fold", "Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"},
		{"last second of the fold", "Europe/Berlin", "2026-10-25T02:59:59", "2026-10-25T00:59:59Z"},
		{"after the fold", "Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T02:00:00Z"},
		// RFC 5545 section 3.3.5 has these two.
		{"the RFC's fold", "America/New_York", "2007-11-04T01:30:00", "2007-11-04T05:30:00Z"},
		{"the RFC's gap", "America/New_York", "2007-03-11T02:30:00", "2007-03-11T07:30:00Z"},
		{"gap at midnight", "America/Santiago", "2025-09-07T00:30:00", "2025-09-07T04:30:00Z"},
		{"midnight that does not exist", "America/Santiago", "2025-09-07T00:00:00", "2025-09-07T04:00:00Z"},
		{"fold before midnight", "America/Santiago", "2025-04-05T23:30:00", "2025-04-06T02:30:00Z"},
		{"half an hour's gap", "Australia/Lord_Howe", "2025-10-05T02:15:00", "2025-10-04T15:45:00Z"},
		{"after half an hour's gap", "Australia/Lord_Howe", "2025-10-05T02:30:00", "2025-10-04T15:30:00Z"},
		{"half an hour's fold", "Australia/Lord_Howe", "2025-04-06T01:45:00", "2025-04-05T14:45:00Z"},
		{"after half an hour's fold", "Australia/Lord_Howe", "2025-04-06T02:00:00", "2025-04-05T15:30:00Z"},
		{"gap at midnight in Cairo", "Africa/Cairo", "2026-04-24T00:30:00", "2026-04-23T22:30:00Z"},
		{"fold before midnight in Cairo", "Africa/Cairo", "2026-10-29T23:30:00", "2026-10-29T20:30:00Z"},
		{"gap across UTC", "Atlantic/Azores", "2026-03-29T00:30:00", "2026-03-29T01:30:00Z"},
		{"fold across UTC", "Atlantic/Azores", "2026-10-25T00:30:00", "2026-10-25T00:30:00Z"},
		{"three quarters", "Asia/Kathmandu", "2026-05-05T05:45:00", "2026-05-05T00:00:00Z"},
		{"a quarter of an hour's gap", "Asia/Kathmandu", "1986-01-01T00:10:00", "1985-12-31T18:40:00Z"},
		{"a day that does not exist", "Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T22:00:00Z"},
		{"the day before it", "Pacific/Apia", "2011-12-29T12:00:00", "2011-12-29T22:00:00Z"},
		{"the day after it", "Pacific/Apia", "2011-12-31T12:00:00", "2011-12-30T22:00:00Z"},
		{"a day that came twice", "Pacific/Kwajalein", "1969-09-30T12:00:00", "1969-09-30T01:00:00Z"},
		{"beyond the table", "Europe/Berlin", "2199-07-01T12:00:00", "2199-07-01T10:00:00Z"},
		{"gap beyond the table", "Europe/Berlin", "2199-03-31T02:30:00", "2199-03-31T01:30:00Z"},
		{"fold beyond the table", "Europe/Berlin", "2199-10-27T02:30:00", "2199-10-27T00:30:00Z"},
		{"before the table", "Europe/Berlin", "1601-01-01T00:53:28", "1601-01-01T00:00:00Z"},
		{"UTC", "UTC", "2026-03-29T02:30:00", "2026-03-29T02:30:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			loc, ok := Load(tt.zone)
			if !ok {
				t.Fatalf("Load(%s) fails", tt.zone)
			}
			wall, err := time.Parse("2006-01-02T15:04:05", tt.wall)
			if err != nil {
				t.Fatal(err)
			}
			got := Instant(wall, loc)
			if s := got.UTC().Format(time.RFC3339); s != tt.want {
				t.Errorf("Instant(%s, %s) = %s, want %s", tt.wall, tt.zone, s, tt.want)
			}
			if got.Location() != loc {
				t.Errorf("Instant(%s, %s) is in %v", tt.wall, tt.zone, got.Location())
			}
			if w := instant(wall.Unix(), loc); w != got.Unix() {
				t.Errorf("instant(%s, %s) = %v without the table, want %s", tt.wall, tt.zone, time.Unix(w, 0).UTC(), tt.want)
			}
		})
	}
}

// slowInstant is RFC 5545 section 3.3.5 word for word: the earliest instant that reads so; if there is none, the offset before the
// gap, which is the one a day earlier.
func slowInstant(u int64, loc *time.Location) int64 {
	best, found := int64(0), false
	for h := int64(-30 * 4); h <= 30*4; h++ { // every offset in force around it
		_, off := time.Unix(u+h*900, 0).In(loc).Zone()
		t := u - int64(off)
		if _, o := time.Unix(t, 0).In(loc).Zone(); o == off && (!found || t < best) {
			best, found = t, true
		}
	}
	if found {
		return best
	}
	for at := u + 30*3600; ; at -= 60 { // the latest offset under which the clock had not yet shown it
		_, off := time.Unix(at, 0).In(loc).Zone()
		if at+int64(off) < u {
			return u - int64(off)
		}
	}
}

func TestInstantAgreesWithTheDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(5545, 335))
	names := Names()
	for range 3000 {
		loc, _ := Load(names[rng.IntN(len(names))])
		// Near a transition more often than not.
		at := time.Date(1900+rng.IntN(210), 1, 1, 0, 0, 0, 0, time.UTC).Unix() + rng.Int64N(365*86400)
		if _, end := time.Unix(at, 0).In(loc).ZoneBounds(); !end.IsZero() && rng.IntN(4) > 0 {
			at = end.Unix()
			_, off := time.Unix(at, 0).In(loc).Zone()
			at += int64(off)
		}
		u := at + rng.Int64N(4*3600) - 2*3600
		want := slowInstant(u, loc)
		wall := time.Unix(u, 0).UTC()
		if got := Instant(wall, loc).Unix(); got != want {
			t.Errorf("Instant(%v, %v) = %v, want %v", wall, loc, time.Unix(got, 0).UTC(), time.Unix(want, 0).UTC())
		}
		if got := instant(u, loc); got != want {
			t.Errorf("instant(%v, %v) = %v, want %v", wall, loc, time.Unix(got, 0).UTC(), time.Unix(want, 0).UTC())
		}
	}
}

func TestWall(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range Names() {
		loc, _ := Load(name)
		for range 50 {
			at := time.Unix(rng.Int64N(400*366*86400)-200*366*86400, rng.Int64N(1e9))
			in := at.In(loc)
			want := time.Date(in.Year(), in.Month(), in.Day(), in.Hour(), in.Minute(), in.Second(), in.Nanosecond(), time.UTC)
			if got := Wall(at, loc); !got.Equal(want) || got.Location() != time.UTC {
				t.Fatalf("Wall(%v, %s) = %v, want %v", at.UTC(), name, got, want)
			}
		}
	}
	at := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	if got := Wall(at, nil); !got.Equal(at) {
		t.Errorf("Wall(%v, nil) = %v", at, got)
	}
	if got := Wall(at, time.FixedZone("x", 3600)); !got.Equal(at.Add(time.Hour)) {
		t.Errorf("Wall(%v, +1) = %v", at, got)
	}
}

func TestAfter(t *testing.T) {
	berlin, ok := Load("Europe/Berlin")
	if !ok {
		t.Fatal("no Berlin")
	}
	at := func(text string) time.Time {
		w, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return Instant(w, berlin)
	}
	for _, tt := range []struct {
		name, from string
		d          ical.Duration
		want       string
	}{
		{"a day over the change to summer time is a day of the clock", "2026-03-28 12:00", ical.Duration{Days: 1}, "2026-03-29 12:00"},
		{"24 hours over it are 24 hours", "2026-03-28 12:00", ical.Duration{Time: 24 * time.Hour}, "2026-03-29 13:00"},
		{"days come first, then hours", "2026-03-28 01:30", ical.Duration{Days: 1, Time: time.Hour}, "2026-03-29 03:30"},
		{"before", "2026-03-29 12:00", ical.Duration{Negative: true, Days: 1, Time: time.Hour}, "2026-03-28 11:00"},
		{"nothing", "2026-03-29 12:00", ical.Duration{}, "2026-03-29 12:00"},
	} {
		if got := After(at(tt.from), tt.d, berlin); !got.Equal(at(tt.want)) {
			t.Errorf("%s: After(%s, %v) = %v, want %s", tt.name, tt.from, tt.d, got, tt.want)
		}
	}
}

func TestInstantAndWallDoNotAllocate(t *testing.T) {
	loc, _ := Load("Europe/Berlin")
	wall := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	if n := testing.AllocsPerRun(100, func() { Wall(Instant(wall, loc), loc) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkInstant(b *testing.B) {
	loc, _ := Load("America/New_York")
	custom, err := time.LoadLocationFromTZData("x", []byte(archiveIndex().files["America/New_York"].data))
	if err != nil {
		b.Fatal(err)
	}
	wall := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	b.Run("loaded", func(b *testing.B) {
		for b.Loop() {
			Instant(wall, loc)
		}
	})
	b.Run("custom", func(b *testing.B) {
		for b.Loop() {
			Instant(wall, custom)
		}
	})
	b.Run("time.Date", func(b *testing.B) {
		for b.Loop() {
			time.Date(2026, 7, 1, 12, 0, 0, 0, loc)
		}
	})
}

func BenchmarkWall(b *testing.B) {
	loc, _ := Load("America/New_York")
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for b.Loop() {
		Wall(at, loc)
	}
}

func BenchmarkReadArchive(b *testing.B) {
	for b.Loop() {
		readArchive(archive)
	}
}
