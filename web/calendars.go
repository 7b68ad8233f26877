package web

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/storage"
)

type calendarsView struct {
	base
	Own, Others []calendarLine
	Palette     []string
	Problem     string
	NewName     string
}

type calendarLine struct {
	*shelf
	Events int64
	Shared bool
	Link   bool // it has a page of its own
}

func (h *Handler) calendars(v *visit) error { return v.showCalendars(http.StatusOK, "") }

func (v *visit) showCalendars(status int, problem string) error {
	list, err := v.shelves(v.r.Context())
	if err != nil {
		return err
	}
	p := &calendarsView{base: v.base(v.t("Calendars")), Palette: palette, Problem: problem}
	p.Colors = "/colors.css?v=" + colorVersion(list)
	for _, s := range list {
		line := calendarLine{shelf: s, Events: s.row.Objects}
		if s.Whose == "" {
			p.Own = append(p.Own, line)
		} else {
			p.Others = append(p.Others, line)
		}
	}
	return v.render(status, "calendars", p)
}

func (h *Handler) makeCalendar(v *visit) error {
	ctx := v.r.Context()
	name, color := plainLine(v.value("name"), 200), v.value("color")
	if name == "" {
		return v.showCalendars(http.StatusUnprocessableEntity, v.t("A calendar needs a name."))
	}
	if !colorForm.MatchString(color) {
		color = ""
	}
	home, err := v.editor.Visit(ctx, v.who, v.who.ID)
	if err != nil {
		return err
	}
	t := calendar.Target{Owner: home.Owner, Slug: calendar.FreeSlug(home.Home, name, "calendar")}
	err = h.Calendar.MakeCalendar(ctx, v.who, t, calendar.Edit{Live: func(c *storage.Calendar) error {
		c.DisplayName, c.Color, c.Components = name, color, []string{"VEVENT"}
		return nil
	}})
	if err != nil {
		return err
	}
	return v.redirect("/calendars?done=saved")
}

type calendarView struct {
	base
	Calendar *shelf
	NewName  string
	Busy     bool
	Address  string
	Grants   []grantLine
	Feeds    []keyLine
	People   []offered
	NewFeed  string // address made just now
	Problem  string
	Rights   []option
	Events   int64
	Deletes  bool // it may be removed
}

type grantLine struct{ ID, Name, Right string }

// rights are what can be granted here; programs may grant more finely.
var rights = []struct {
	name string
	set  auth.Set
	text string
}{
	{"read", auth.Read, "may see it"},
	{"write", auth.Read | auth.Write, "may see and change it"},
	{"freebusy", auth.ReadFreeBusy, "may see when the time is taken"},
}

// ownCalendar finds a calendar that somebody decides about.
func (v *visit) ownCalendar() (*shelf, error) {
	list, err := v.shelves(v.r.Context())
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		if s.ID == v.r.PathValue("id") && s.place.Owner.ID == v.who.ID {
			return s, nil
		}
	}
	return nil, notThere
}

func (h *Handler) oneCalendar(v *visit) error {
	s, err := v.ownCalendar()
	if err != nil {
		return err
	}
	return v.showCalendar(http.StatusOK, s, "", "")
}

func (v *visit) showCalendar(status int, s *shelf, problem, feed string) error {
	ctx := v.r.Context()
	p := &calendarView{
		base: v.base(s.Name), Calendar: s, NewName: s.Name, Busy: !s.row.Transparent, Address: v.site() + davPath(s), Problem: problem, NewFeed: feed,
		Events: s.row.Objects, Deletes: !s.Default,
	}
	p.Section = "calendars"
	list, err := v.shelves(ctx)
	if err != nil {
		return err
	}
	p.Colors = "/colors.css?v=" + colorVersion(list)
	t := s.place.Target(s.row, "")
	grants, err := v.Calendar.Grants(ctx, v.who, t)
	if err != nil {
		return err
	}
	var ids []int64
	for _, g := range grants {
		if g.Calendar == s.row.ID && g.Grantee > 0 {
			ids = append(ids, g.Grantee)
		}
	}
	names := map[int64]string{storage.Authenticated: v.t("everybody with an account"), storage.Everybody: v.t("everybody")}
	if len(ids) > 0 {
		people, err := v.Store.PrincipalsByID(ctx, ids)
		if err != nil {
			return err
		}
		for _, q := range people {
			names[q.ID] = cmp.Or(q.DisplayName, q.Name)
		}
	}
	for _, g := range grants {
		if g.Calendar != s.row.ID {
			continue
		}
		p.Grants = append(p.Grants, grantLine{strconv.FormatInt(g.Grantee, 10), cmp.Or(names[g.Grantee], "–"), v.t(rightWord(auth.Set(g.Privileges)))})
	}
	feeds, err := v.Calendar.Feeds(ctx, v.who, t)
	if err != nil {
		return err
	}
	for _, f := range feeds {
		line := keyLine{ID: calendar.FeedID(f), Label: f.Label, Created: v.lang.Moment(f.Created, v.loc), Detail: v.t("with everything in it")}
		if f.Busy {
			line.Detail = v.t("only when the time is taken")
		}
		p.Feeds = append(p.Feeds, line)
	}
	for _, r := range rights {
		p.Rights = append(p.Rights, option{r.name, v.t(r.text), r.name == "read"})
	}
	if p.People, _, err = v.directory(ctx); err != nil {
		return err
	}
	return v.render(status, "calendar", p)
}

func rightWord(set auth.Set) string {
	switch {
	case set.Has(auth.Read | auth.WriteContent):
		return "may see and change it"
	case set.Has(auth.Read):
		return "may see it"
	case set.Has(auth.ReadFreeBusy):
		return "may see when the time is taken"
	}
	return "has other rights"
}

func (h *Handler) setCalendar(v *visit) error {
	s, err := v.ownCalendar()
	if err != nil {
		return err
	}
	name, color := plainLine(v.value("name"), 200), v.value("color")
	if name == "" {
		return v.showCalendar(http.StatusUnprocessableEntity, s, v.t("A calendar needs a name."), "")
	}
	if !colorForm.MatchString(color) {
		return brokenForm
	}
	err = h.Calendar.Patch(v.r.Context(), v.who, s.place.Target(s.row, ""), calendar.Edit{Live: func(c *storage.Calendar) error {
		c.DisplayName, c.Transparent = name, v.value("free") != ""
		if !strings.EqualFold(clipTo(c.Color, 7), color) {
			c.Color, c.ColorName = color, ""
		}
		return nil
	}})
	if err != nil {
		return err
	}
	return v.redirect("/calendars/" + s.ID + "?done=saved")
}

func (h *Handler) deleteCalendar(v *visit) error {
	s, err := v.ownCalendar()
	if err != nil {
		return err
	}
	if plainLine(v.value("sure"), 200) != s.Name {
		return v.showCalendar(http.StatusUnprocessableEntity, s, v.t("To delete the calendar, type its name."), "")
	}
	if err := h.Calendar.DeleteCalendar(v.r.Context(), v.who, s.place.Target(s.row, ""), nil); err != nil {
		return err
	}
	return v.redirect("/calendars?done=removed")
}

// share gives somebody a right to a calendar, or with none takes it from them.
func (h *Handler) share(v *visit) error {
	ctx := v.r.Context()
	s, err := v.ownCalendar()
	if err != nil {
		return err
	}
	var grantee int64
	if id := v.value("grantee"); id != "" {
		if grantee, err = strconv.ParseInt(id, 10, 64); err != nil {
			return brokenForm
		}
	} else {
		box := v.value("person")
		found, err := v.Store.PrincipalsByAddress(ctx, []string{ical.Address(box)})
		if err != nil {
			return err
		}
		p := found[ical.Address(box)]
		if p == nil || ical.Mailbox(box) == "" || p.ID == v.who.ID || p.Kind != storage.Person && p.Kind != storage.Group {
			return v.showCalendar(http.StatusUnprocessableEntity, s, v.t("Nobody else here has this mail address."), "")
		}
		grantee = p.ID
	}
	t := s.place.Target(s.row, "")
	all, err := h.Calendar.Grants(ctx, v.who, t)
	if err != nil {
		return err
	}
	var list []storage.Grant
	for _, g := range all {
		if g.Calendar == s.row.ID && g.Grantee != grantee {
			list = append(list, g)
		}
	}
	for _, r := range rights {
		if r.name == v.value("right") {
			list = append(list, storage.Grant{Grantee: grantee, Privileges: uint32(r.set)})
		}
	}
	if err := h.Calendar.SetGrants(ctx, v.who, t, list); err != nil {
		return err
	}
	return v.redirect("/calendars/" + s.ID + "?done=saved")
}

// publish gives a calendar an address under which whoever knows it may read.
func (h *Handler) publish(v *visit) error {
	s, err := v.ownCalendar()
	if err != nil {
		return err
	}
	token, _, err := h.Calendar.Publish(v.r.Context(), v.who, s.place.Target(s.row, ""), v.value("what") == "busy", plainLine(v.value("label"), 100))
	if err != nil {
		return err
	}
	return v.showCalendar(http.StatusOK, s, "", v.site()+"/feed/"+token+".ics")
}

func (h *Handler) unpublish(v *visit) error {
	s, err := v.ownCalendar()
	if err != nil {
		return err
	}
	err = h.Calendar.Unpublish(v.r.Context(), v.who, s.place.Target(s.row, ""), v.value("id"))
	if err != nil && calendar.KindOf(err) != calendar.NotFound {
		return err
	}
	return v.redirect("/calendars/" + s.ID + "?done=removed")
}
