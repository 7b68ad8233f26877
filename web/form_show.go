package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
	"kalends/meeting"
	"kalends/storage"
)

// showForm shows the form of an event, new where e is nil.
func (h *Handler) showForm(v *visit, status int, e *shown, f eventForm, wrong map[string]bool, more ...string) error {
	ctx := v.r.Context()
	var list []*shelf
	var err error
	p := &formView{eventForm: f, New: e == nil, Mine: true, Wrong: wrong, Problems: more}
	if e != nil {
		list = e.list
	} else if list, err = v.shelves(ctx); err != nil {
		return err
	}
	start, end, spanWrong := f.span()
	day := dayOf(start)
	if len(spanWrong) > 0 && start.Year() < firstYear {
		day = v.today()
		start = day
	}
	p.frame = v.frame("day", day, list)
	p.Day = v.lang.Long(day)
	for _, field := range []string{"name", "startdate", "starttime", "enddate", "endtime", "end", "timezone", "every", "interval", "until", "count", "add", "link", "calendar", "recurrence"} {
		if wrong[field] {
			p.Problems = append(p.Problems, v.t(fieldProblems[field]))
		}
	}
	p.Cancel = v.link("/" + v.lastView() + "/" + day.Format(dateForm))
	uid := ""
	if e == nil {
		p.Title, p.Post = v.t("New event"), v.link("/event/new")
		for _, s := range list {
			if s.Write {
				p.Calendars = append(p.Calendars, s)
				if p.Calendar == "" && s.Default {
					p.Calendar = s.ID
				}
			}
		}
	} else {
		p.Title = v.t("Change event")
		p.Mine, p.ETag, p.Instance, p.Recurring = e.mine(), e.m.ETag, e.m.Instance, e.m.Instance != ""
		if v.value("etag") != "" && status != http.StatusConflict { // who was told of another change may overwrite it
			p.ETag = v.value("etag")
		}
		p.Floating = e.m.Floating
		p.Post = v.link("/event/" + e.m.ID + "/edit")
		p.Cancel = v.link("/event/"+e.m.ID, "instance", e.m.Instance)
		uid = e.m.UID
		p.First = e.m.Instance == "" || wallOf(e.m.Instance).Equal(wallOf(e.whole.Start))
		for _, s := range list {
			if s.Write && s.row.Owner == e.shelf.row.Owner {
				p.Calendars = append(p.Calendars, s)
			}
		}
	}
	if p.Scope == "" {
		p.Scope = "this"
	}
	p.Choices = v.repeatChoices(f.Repeat, start)
	for i := range 7 {
		d := (int(v.weekday()) + i) % 7
		name := meeting.Weekdays[(d+6)%7]
		p.Weekdays = append(p.Weekdays, weekdayChoice{name, v.lang.ShortWeekdays[d], slices.Contains(f.Repeat.On, name)})
	}
	p.Minutes = append(p.Minutes, minuteChoice{"", v.t("no reminder")})
	minutes := slices.Clone(usualMinutes)
	for _, n := range f.minutes() {
		if !slices.Contains(minutes, n) {
			minutes = append(minutes, n)
		}
	}
	slices.Sort(minutes)
	for _, n := range minutes {
		p.Minutes = append(p.Minutes, minuteChoice{strconv.Itoa(n), v.before(n)})
	}
	if len(p.Reminders) < 5 {
		p.Reminders = append(slices.Clone(p.Reminders), "")
	}
	p.Zones = usualZones(v.zone, f.Zone)
	if p.Mine {
		if err := v.showPeople(ctx, p, start, end, len(spanWrong) == 0, uid); err != nil {
			return err
		}
	}
	return v.render(status, "form", p)
}

// showPeople fills in who is there to be invited, and when those in the form are busy.
func (v *visit) showPeople(ctx context.Context, p *formView, start, end time.Time, timed bool, uid string) error {
	loc := v.loc
	if l, ok := zone.Load(p.Zone); ok && p.Zone != "" && !p.AllDay {
		loc = l
	}
	from, to := zone.Instant(start, loc), zone.Instant(end, loc)
	people, rooms, err := v.directory(ctx)
	if err != nil {
		return err
	}
	p.Directory = people
	chosen := map[string]bool{}
	for _, r := range p.Rooms {
		chosen[ical.Address(r.Address)] = true
	}
	p.Rooms = nil
	var guests []guestForm
	isRoom := map[string]*storage.Principal{}
	for _, r := range rooms {
		isRoom[ical.Address(r.Email)] = r
	}
	var ask []string
	for _, g := range p.Guests {
		if isRoom[ical.Address(g.Address)] != nil {
			chosen[ical.Address(g.Address)] = true
			continue
		}
		guests = append(guests, g)
		ask = append(ask, ical.Address(g.Address))
	}
	p.Guests = guests
	known := map[string]*storage.Principal{}
	if len(ask) > 0 {
		if known, err = v.Store.PrincipalsByAddress(ctx, ask); err != nil {
			return err
		}
	}
	looked := 0
	look := func(who *storage.Principal) (busyLine, error) {
		if !timed || looked >= maxLooked2 || v.r.Method == http.MethodGet && len(p.Guests) == 0 && len(chosen) == 0 {
			return busyLine{}, nil
		}
		looked++
		return v.busyOn(ctx, who, from, to, uid)
	}
	for i := range p.Guests {
		g := &p.Guests[i]
		who := known[ask[i]]
		g.Here = who != nil
		if g.Name == "" {
			g.Name = g.Address
		}
		if g.Busy, err = look(who); err != nil {
			return err
		}
	}
	for _, r := range rooms {
		if r.Email == "" {
			continue
		}
		room := roomForm{Address: r.Email, Name: r.DisplayName, Chosen: chosen[ical.Address(r.Email)]}
		if room.Busy, err = look(r); err != nil {
			return err
		}
		p.Rooms = append(p.Rooms, room)
	}
	if timed && !p.AllDay && v.value("do") == "find" {
		if err := v.proposeTimes(ctx, p, start, end, loc, uid); err != nil {
			return err
		}
	}
	if timed && !p.AllDay {
		a, z := zone.Wall(from, v.loc), zone.Wall(to, v.loc)
		day := dayOf(a)
		p.From = int(a.Sub(day).Minutes())/15 + 1
		p.Len = min(max((int(z.Sub(day).Minutes())+14)/15-(p.From-1), 1), quarters-p.From+1)
	}
	return nil
}

// usualZones are the proposals for a time zone: those of large cities, and these.
func usualZones(own ...string) []string {
	list := []string{
		"Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "Africa/Nairobi", "America/Anchorage", "America/Argentina/Buenos_Aires", "America/Bogota",
		"America/Chicago", "America/Denver", "America/Halifax", "America/Los_Angeles", "America/Mexico_City", "America/New_York", "America/Sao_Paulo",
		"America/Toronto", "Asia/Bangkok", "Asia/Dubai", "Asia/Hong_Kong", "Asia/Jerusalem", "Asia/Karachi", "Asia/Kolkata", "Asia/Manila", "Asia/Seoul",
		"Asia/Shanghai", "Asia/Singapore", "Asia/Tokyo", "Australia/Perth", "Australia/Sydney", "Europe/Amsterdam", "Europe/Athens", "Europe/Berlin",
		"Europe/Brussels", "Europe/Dublin", "Europe/Helsinki", "Europe/Istanbul", "Europe/Kyiv", "Europe/Lisbon", "Europe/London", "Europe/Madrid",
		"Europe/Paris", "Europe/Prague", "Europe/Rome", "Europe/Stockholm", "Europe/Vienna", "Europe/Warsaw", "Europe/Zurich", "Pacific/Auckland",
		"Pacific/Honolulu", "UTC",
	}
	for _, name := range own {
		if name != "" && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}
