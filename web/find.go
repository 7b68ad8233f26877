package web

import (
	"context"
	"time"

	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/zone"
	"kalends/meeting"
	"kalends/storage"
)

// Where times are looked for at which all are free.
const (
	findDays  = 14
	findSlots = 6
)

// slotForm is a time that is proposed: Value is its start, a wall time of the form's zone.
type slotForm struct{ Value, Day, Text string }

// slotStamp is the form of its value.
const slotStamp = "2006-01-02T15:04"

// takeSlot sets the times of the form to the proposal that was chosen in it. The event stays as long as it is.
func (f *eventForm) takeSlot(value string) {
	at, err := time.Parse(slotStamp, clipTo(value, 16))
	start, end, wrong := f.span()
	if err != nil || len(wrong) > 0 || f.AllDay || at.Year() < firstYear || at.Year() > lastYear {
		return
	}
	f.setTimes(at, at.Add(end.Sub(start)))
}

// proposeTimes looks for times at which all people and rooms in the form are free, from the day in it on: in the usual working hours, if
// the event is not longer or of another time of the day. People whose busy times are not known here count as free.
func (v *visit) proposeTimes(ctx context.Context, p *formView, start, end time.Time, loc *time.Location, uid string) error {
	length := end.Sub(start)
	if length <= 0 || length > 24*time.Hour {
		p.NoSlots = v.t("Times are found for what takes a day at most.")
		return nil
	}
	from := zone.Instant(dayOf(start), loc)
	if now := v.Now(); from.Before(now) {
		from = now
	}
	s := meeting.Search{Zone: loc, From: from, To: from.AddDate(0, 0, findDays), Length: length, Step: 15 * time.Minute}
	opens, closes := 9*time.Hour, 17*time.Hour
	if at := start.Sub(dayOf(start)); at >= opens && at+length <= closes && start.Weekday() != time.Saturday && start.Weekday() != time.Sunday {
		s.Hours = &meeting.Hours{Days: [7]bool{true, true, true, true, true}, Start: opens, End: closes}
	}
	addresses := []string{}
	for _, g := range p.Guests {
		if g.Keep && !g.Optional {
			addresses = append(addresses, ical.Address(g.Address))
		}
	}
	for _, r := range p.Rooms {
		if r.Chosen {
			addresses = append(addresses, ical.Address(r.Address))
		}
	}
	people := []*storage.Principal{v.who}
	if len(addresses) > 0 {
		known, err := v.Store.PrincipalsByAddress(ctx, addresses)
		if err != nil {
			return err
		}
		for _, a := range addresses {
			if who := known[a]; who != nil && who.ID != v.who.ID && who.Kind != storage.Group && len(people) < maxLooked2 {
				people = append(people, who)
			}
		}
	}
	for _, who := range people {
		list, err := v.Calendar.AttendeeBusy(ctx, v.who, who, s.From, s.To, uid)
		if err != nil && calendar.KindOf(err) == calendar.Forbidden {
			continue
		}
		if err != nil {
			return err
		}
		s.Busy = append(s.Busy, list...)
	}
	for len(p.Slots) < findSlots {
		at, _, ok := s.Next()
		if !ok {
			break
		}
		wall := zone.Wall(at, loc)
		p.Slots = append(p.Slots, slotForm{wall.Format(slotStamp), v.lang.Medium(wall), v.lang.Clock(wall) + "–" + v.lang.Clock(wall.Add(length))})
	}
	if len(p.Slots) == 0 {
		p.NoSlots = v.t("In these two weeks there is no time at which all are free.")
	}
	return nil
}
