package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/recur"
	"kalends/meeting"
	"kalends/scheduling"
	"kalends/storage"
)

const (
	maxBusyWindow = 366 * 24 * time.Hour
	maxFindWindow = 92 * 24 * time.Hour
)

// times registers what tells when people are free.
func (h *Handler) times(a huma.API) {
	register(h, a, operation("GET", "/freebusy", "getFreeBusy", timesTag, auth.FreeBusyScope, "When people and rooms are busy",
		"It is told when they are busy, never with what."), h.freeBusy)
	register(h, a, operation("POST", "/meetings/find-time", "findTime", timesTag, auth.FreeBusyScope, "Find a time for a meeting",
		"The first times at which everybody, and of the rooms at least one, is free, within working hours."), h.findTime)
}

// BusyPerson is when somebody is busy.
type BusyPerson struct {
	Address string      `json:"address" doc:"As it was asked for."`
	Name    string      `json:"name,omitempty" doc:"What they are called."`
	Known   bool        `json:"known" doc:"Whether it is known here when they are busy."`
	Busy    []BusyTimes `json:"busy" nullable:"false" doc:"When they are busy, by start."`
}

// BusyTimes is a time in which somebody is busy.
type BusyTimes struct {
	Start string `json:"start" doc:"From this instant on."`
	End   string `json:"end" doc:"Until this instant."`
	Type  string `json:"type" enum:"busy,tentative,unavailable" doc:"How busy."`
}

var busyWords = map[recur.Busy]string{recur.Occupied: "busy", recur.Tentative: "tentative", recur.Unavailable: "unavailable"}

func (h *Handler) freeBusy(ctx context.Context, q *caller, in *struct {
	Window
	DisplayZone
	Who []string `query:"who" nullable:"false" doc:"Mail addresses of people and rooms, separated by commas; without it oneself." example:"bob@example.com" maxItems:"50"`
}) (*struct {
	Body struct {
		People []BusyPerson `json:"people" nullable:"false" doc:"In the order in which they were asked for."`
	}
}, error) {
	from, to, err := in.Window.read(maxBusyWindow)
	if err != nil {
		return nil, err
	}
	loc, err := in.DisplayZone.read(q)
	if err != nil {
		return nil, err
	}
	people, err := h.people(ctx, q, "query", "who", in.Who)
	if err != nil {
		return nil, err
	}
	if len(in.Who) == 0 {
		people = []person{{showOwn(q.who), q.who}}
	}
	out := &struct {
		Body struct {
			People []BusyPerson `json:"people" nullable:"false" doc:"In the order in which they were asked for."`
		}
	}{}
	out.Body.People = []BusyPerson{}
	for _, p := range people {
		b := BusyPerson{Address: p.address, Busy: []BusyTimes{}}
		list, known, err := h.busy(ctx, q, p, from, to)
		if err != nil {
			return nil, err
		}
		if b.Known = known; known {
			b.Name = p.who.DisplayName
		}
		for _, t := range list {
			if word := busyWords[t.Busy]; word != "" {
				b.Busy = append(b.Busy, BusyTimes{t.Start.In(loc).Format(time.RFC3339), t.End.In(loc).Format(time.RFC3339), word})
			}
		}
		out.Body.People = append(out.Body.People, b)
	}
	return out, nil
}

func showOwn(p *storage.Principal) string {
	if p.Email != "" {
		return p.Email
	}
	return p.Name
}

// person is somebody by an address; who is nil for those who are not here.
type person struct {
	address string
	who     *storage.Principal
}

// people looks up addresses, all at once.
func (h *Handler) people(ctx context.Context, q *caller, in, field string, addresses []string) ([]person, error) {
	if len(addresses) > maxNamed {
		return nil, wrong(in, field, "at most %d can be named", maxNamed)
	}
	ask := make([]string, len(addresses))
	for i, a := range addresses {
		ask[i] = ical.Address(a)
		if ical.Mailbox(a) == "" && a != q.who.Name {
			return nil, wrong(in, fmt.Sprintf("%s[%d]", field, i), "must be a mail address such as bob@example.com")
		}
	}
	list := make([]person, len(addresses))
	if len(ask) == 0 {
		return list, nil
	}
	known, err := h.Store.PrincipalsByAddress(ctx, ask)
	if err != nil {
		return nil, err
	}
	for i, a := range addresses {
		list[i] = person{strings.TrimSpace(a), known[ask[i]]}
		if list[i].who == nil && a == q.who.Name {
			list[i].who = q.who
		}
	}
	return list, nil
}

// busy returns when somebody is busy, by start; false where that is not known or not to be told.
func (h *Handler) busy(ctx context.Context, q *caller, p person, from, to time.Time) ([]scheduling.Period, bool, error) {
	if p.who == nil || p.who.Kind == storage.Group {
		return nil, false, nil
	}
	list, err := h.Calendar.AttendeeBusy(ctx, q.who, p.who, from, to, "")
	if calendar.KindOf(err) == calendar.Forbidden && err != nil {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	slices.SortStableFunc(list, func(a, b scheduling.Period) int { return a.Start.Compare(b.Start) })
	return list, true, nil
}

// Wanted says what sort of time is looked for.
type Wanted struct {
	People  []string      `json:"people,omitempty" nullable:"false" doc:"Mail addresses of those who must be free; oneself is among them." maxItems:"50"`
	Rooms   []string      `json:"rooms,omitempty" nullable:"false" doc:"Mail addresses of rooms, one of which must be free." maxItems:"50"`
	Minutes int           `json:"minutes" doc:"How long it is to take." minimum:"1" maximum:"1440"`
	From    string        `json:"from" doc:"Not before this instant." maxLength:"40"`
	To      string        `json:"to" doc:"Over by this instant, at most 92 days later." maxLength:"40"`
	Hours   *WorkingHours `json:"hours,omitempty" doc:"When people work; Monday to Friday, 9:00 to 17:00 in one's own zone. Times at which people say themselves that they are not available never count."`
	AnyTime bool          `json:"anyTime,omitempty" doc:"Whether it may be at any hour."`
	Step    int           `json:"step,omitempty" doc:"It starts at a multiple of so many minutes of the hour; 15." enum:"5,10,15,20,30,60"`
	Count   int           `json:"count,omitempty" doc:"How many times to find; 5." minimum:"1" maximum:"50"`
}

// WorkingHours says when people work.
type WorkingHours struct {
	Days     []string `json:"days,omitempty" nullable:"false" doc:"On these days." enum:"monday,tuesday,wednesday,thursday,friday,saturday,sunday" maxItems:"7"`
	Start    string   `json:"start,omitempty" doc:"From this time of the day on." maxLength:"5" example:"09:00"`
	End      string   `json:"end,omitempty" doc:"Until this time of the day; 24:00 is its end." maxLength:"5" example:"17:00"`
	TimeZone string   `json:"timeZone,omitempty" doc:"IANA time zone." maxLength:"100"`
}

// Slot is a time at which all are free.
type Slot struct {
	Start string   `json:"start" doc:"When it starts."`
	End   string   `json:"end" doc:"When it ends."`
	Rooms []string `json:"rooms" nullable:"false" doc:"Which of the rooms are free then."`
}

// Slots are times at which all are free.
type Slots struct {
	Slots   []Slot   `json:"slots" nullable:"false" doc:"By start; they do not overlap."`
	Unknown []string `json:"unknown" nullable:"false" doc:"Of these people it is not known when they are free; they were not looked at."`
}

func (h *Handler) findTime(ctx context.Context, q *caller, in *struct{ Body Wanted }) (*struct{ Body Slots }, error) {
	w := &in.Body
	from, to, err := (Window{w.From, w.To}).read(maxFindWindow)
	if err != nil {
		r := refusalOf(ctx, err)
		for i := range r.fields {
			r.fields[i].In = "body"
		}
		return nil, r
	}
	hours, loc, err := w.working(q)
	if err != nil {
		return nil, err
	}
	if w.Step == 0 {
		w.Step = 15
	}
	if w.Count == 0 {
		w.Count = 5
	}
	out := &struct{ Body Slots }{Slots{[]Slot{}, []string{}}}
	people, err := h.people(ctx, q, "body", "people", w.People)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(people, func(p person) bool { return p.who != nil && p.who.ID == q.who.ID }) {
		people = append(people, person{showOwn(q.who), q.who})
	}
	rooms, err := h.people(ctx, q, "body", "rooms", w.Rooms)
	if err != nil {
		return nil, err
	}
	var taken []scheduling.Period
	for _, p := range people {
		list, known, err := h.busy(ctx, q, p, from, to)
		if err != nil {
			return nil, err
		}
		if !known {
			out.Body.Unknown = append(out.Body.Unknown, p.address)
		}
		taken = append(taken, list...)
	}
	var rows []meeting.RoomBusy
	for i, p := range rooms {
		list, known, err := h.busy(ctx, q, p, from, to)
		if err != nil {
			return nil, err
		}
		if !known {
			return nil, invalid(fmt.Sprintf("rooms[%d]", i), "is no room here")
		}
		rows = append(rows, meeting.RoomBusy{Address: p.address, Busy: list})
	}
	s := meeting.Search{
		Busy: taken, Rooms: rows, Hours: hours, Zone: loc, From: from, To: to,
		Length: time.Duration(w.Minutes) * time.Minute, Step: time.Duration(w.Step) * time.Minute,
	}
	for len(out.Body.Slots) < w.Count {
		start, free, ok := s.Next()
		if !ok {
			break
		}
		out.Body.Slots = append(out.Body.Slots, Slot{
			start.In(loc).Format(time.RFC3339), start.Add(s.Length).In(loc).Format(time.RFC3339), free,
		})
	}
	return out, nil
}

func (w *Wanted) working(q *caller) (*meeting.Hours, *time.Location, error) {
	_, loc := meeting.ZoneOf(q.who, nil)
	given := w.Hours
	if given == nil {
		given = &WorkingHours{}
	}
	if given.TimeZone != "" {
		var err error
		if _, loc, err = meeting.ReadZone("hours.timeZone", given.TimeZone); err != nil {
			return nil, nil, err
		}
	}
	if w.AnyTime {
		return nil, loc, nil
	}
	h := &meeting.Hours{Start: 9 * time.Hour, End: 17 * time.Hour}
	for i := range meeting.Weekdays {
		h.Days[i] = len(given.Days) == 0 && i < 5 || slices.Contains(given.Days, meeting.Weekdays[i])
	}
	for _, x := range []struct {
		field, text string
		at          *time.Duration
	}{{"hours.start", given.Start, &h.Start}, {"hours.end", given.End, &h.End}} {
		switch t, err := time.Parse("15:04", x.text); {
		case x.text == "":
		case x.text == "24:00":
			*x.at = 24 * time.Hour
		case err != nil || len(x.text) != 5:
			return nil, nil, invalid(x.field, "must be a time of the day such as 09:00")
		default:
			*x.at = time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
		}
	}
	if h.End <= h.Start {
		return nil, nil, invalid("hours.end", "must be after start")
	}
	if time.Duration(w.Minutes)*time.Minute > h.End-h.Start {
		return nil, nil, invalid("minutes", "is longer than a working day")
	}
	return h, loc, nil
}
