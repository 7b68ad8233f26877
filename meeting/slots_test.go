package meeting

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/scheduling"
)

// slowly finds times as one would by hand: it looks at each minute.
func slowly(s Search, most int) (list []string) {
	free := func(busy []scheduling.Period, start, end time.Time) bool {
		for _, p := range busy {
			if p.Busy != recur.Free && p.Start.Before(end) && p.End.After(start) {
				return false
			}
		}
		return true
	}
	for at := s.From; len(list) < most && !at.Add(s.Length).After(s.To); {
		end := at.Add(s.Length)
		wall := zone.Wall(at, s.Zone)
		day := wall.Truncate(24 * time.Hour)
		fits := wall.Equal(wall.Truncate(s.Step)) && free(s.Busy, at, end)
		if h := s.Hours; h != nil {
			fits = fits && h.Days[Weekday(day)] && !at.Before(zone.Instant(day.Add(h.Start), s.Zone)) && !end.After(zone.Instant(day.Add(h.End), s.Zone))
		}
		rooms := []string{}
		for _, r := range s.Rooms {
			if free(r.Busy, at, end) {
				rooms = append(rooms, r.Address)
			}
		}
		if !fits || len(s.Rooms) > 0 && len(rooms) == 0 {
			at = at.Add(time.Minute)
			continue
		}
		list = append(list, at.UTC().Format(time.RFC3339)+" "+strings.Join(rooms, ","))
		at = end
	}
	return list
}

// TestSearchIsTheSlowOne: the times that are found are those that one finds minute by minute, also where clocks change.
func TestSearchIsTheSlowOne(t *testing.T) {
	starts := []time.Time{
		time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 23, 0, 0, 0, 0, time.UTC), // Europe
		time.Date(2026, 4, 3, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 2, 0, 0, 0, 0, time.UTC), // Lord Howe, by half an hour
		time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC),
	}
	rapid.Check(t, func(t *rapid.T) {
		loc, ok := zone.Load(rapid.SampledFrom([]string{"Europe/Berlin", "UTC", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu"}).Draw(t, "zone"))
		if !ok {
			t.Fatal("no such zone")
		}
		from := rapid.SampledFrom(starts).Draw(t, "week").Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "from")) * time.Minute)
		s := Search{
			Zone: loc, From: from, To: from.Add(time.Duration(rapid.IntRange(1, 5*24*60).Draw(t, "window")) * time.Minute),
			Length: time.Duration(rapid.SampledFrom([]int{1, 10, 25, 30, 45, 60, 90, 480}).Draw(t, "length")) * time.Minute,
			Step:   time.Duration(rapid.SampledFrom([]int{5, 10, 15, 20, 30, 60}).Draw(t, "step")) * time.Minute,
		}
		busy := rapid.Custom(func(t *rapid.T) scheduling.Period {
			start := from.Add(time.Duration(rapid.IntRange(-300, 5*24*60).Draw(t, "start")) * time.Minute)
			return scheduling.Period{
				Start: start, End: start.Add(time.Duration(rapid.IntRange(1, 600).Draw(t, "for")) * time.Minute),
				Busy: rapid.SampledFrom([]recur.Busy{recur.Occupied, recur.Occupied, recur.Tentative, recur.Unavailable, recur.Free}).Draw(t, "kind"),
			}
		})
		s.Busy = rapid.SliceOfN(busy, 0, 12).Draw(t, "busy")
		for i := range rapid.IntRange(0, 3).Draw(t, "rooms") {
			s.Rooms = append(s.Rooms, RoomBusy{Address: fmt.Sprint("room", i), Busy: rapid.SliceOfN(busy, 0, 12).Draw(t, "room")})
		}
		if rapid.Bool().Draw(t, "hours") {
			open := rapid.IntRange(0, 23*60).Draw(t, "open")
			s.Hours = &Hours{Start: time.Duration(open) * time.Minute, End: time.Duration(rapid.IntRange(open+1, 24*60).Draw(t, "close")) * time.Minute}
			for i := range s.Hours.Days {
				s.Hours.Days[i] = rapid.Bool().Draw(t, "day")
			}
		}
		const most = 20
		want := slowly(s, most)
		var got []string
		for len(got) < most {
			at, rooms, ok := s.Next()
			if !ok {
				break
			}
			got = append(got, at.UTC().Format(time.RFC3339)+" "+strings.Join(rooms, ","))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}
