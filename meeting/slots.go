package meeting

import (
	"slices"
	"time"

	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/scheduling"
)

// Hours are working hours: on which days of the week, counted from Monday, and from when to when after midnight. nil is any time.
type Hours struct {
	Days       [7]bool
	Start, End time.Duration
}

// RoomBusy is a room, and when it is taken.
type RoomBusy struct {
	Address string
	Busy    []scheduling.Period
}

// Search looks for times at which all are free, one after the other. Its fields are set before the first call of Next.
type Search struct {
	// Busy is when one or another of those who must be free is not, in any order.
	Busy []scheduling.Period
	// Rooms are those of which one must be free; empty where none is needed.
	Rooms []RoomBusy
	Hours *Hours
	// Zone is where the hours are, and whose clock the times are in step with.
	Zone     *time.Location
	From, To time.Time // From moves on
	// Length is how long it is to take. It starts at a multiple of Step of the hour.
	Length, Step time.Duration

	taken *timeline
	rooms []*timeline
}

// timeline is times in which somebody is busy: merged, and read from the front.
type timeline struct {
	busy []scheduling.Period
	at   int
}

func newTimeline(list []scheduling.Period) *timeline {
	list = slices.Clone(list)
	for i := range list {
		if list[i].Busy != recur.Free {
			list[i].Busy = recur.Occupied // tentative times are not free either
		}
	}
	if len(list) == 0 {
		return &timeline{}
	}
	return &timeline{busy: scheduling.Merge(list, time.Unix(-1<<40, 0), time.Unix(1<<40, 0))}
}

// free reports whether [start, end) is free, else from when on it may be. Calls go forward in time.
func (t *timeline) free(start, end time.Time) (time.Time, bool) {
	for t.at < len(t.busy) && !t.busy[t.at].End.After(start) {
		t.at++
	}
	if t.at < len(t.busy) && t.busy[t.at].Start.Before(end) {
		return t.busy[t.at].End, false
	}
	return start, true
}

// Next returns the next time at which all are free, and which rooms are. Each turn moves on by a step at least, so it ends.
func (s *Search) Next() (time.Time, []string, bool) {
	if s.taken == nil {
		s.taken = newTimeline(s.Busy)
		for _, r := range s.Rooms {
			s.rooms = append(s.rooms, newTimeline(r.Busy))
		}
	}
	for {
		start := s.align(s.From)
		end := start.Add(s.Length)
		if end.After(s.To) {
			return start, nil, false
		}
		if at, ok := s.working(start, end); !ok {
			s.From = at
			continue
		}
		if at, ok := s.taken.free(start, end); !ok {
			s.From = at
			continue
		}
		rooms := []string{}
		var soonest time.Time
		for i, r := range s.rooms {
			at, ok := r.free(start, end)
			if ok {
				rooms = append(rooms, s.Rooms[i].Address)
			} else if soonest.IsZero() || at.Before(soonest) {
				soonest = at
			}
		}
		if len(s.rooms) > 0 && len(rooms) == 0 {
			s.From = soonest
			continue
		}
		s.From = end
		return start, rooms, true
	}
}

// align moves a time on to the next multiple of the step on the wall clock's hour. It moves in instants, so that it never goes back where clocks do; where
// they change by less than a step on the way, it moves on from there.
func (s *Search) align(t time.Time) time.Time {
	for {
		wall := zone.Wall(t, s.Zone)
		past := wall.Sub(wall.Truncate(s.Step))
		if past == 0 {
			return t
		}
		t = t.Add(s.Step - past)
	}
}

// working reports whether a time lies in working hours, else from when on one may.
func (s *Search) working(start, end time.Time) (time.Time, bool) {
	if s.Hours == nil {
		return start, true
	}
	day := zone.Wall(start, s.Zone).Truncate(24 * time.Hour)
	for range 9 {
		opens, closes := zone.Instant(day.Add(s.Hours.Start), s.Zone), zone.Instant(day.Add(s.Hours.End), s.Zone)
		if s.Hours.Days[Weekday(day)] {
			switch {
			case start.Before(opens):
				return opens, false
			case !end.After(closes):
				return start, true
			}
		}
		if day = day.AddDate(0, 0, 1); s.Hours.Days[Weekday(day)] {
			if opens = zone.Instant(day.Add(s.Hours.Start), s.Zone); opens.After(start) {
				return opens, false
			}
		}
	}
	return s.To, false
}
