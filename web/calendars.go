package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"kalends/auth"
	"kalends/calendar"
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

// right is what a calendar is shared for.
type right struct {
	access calendar.ShareAccess
	text   string
}

// rights are what can be chosen here; programs may grant more finely.
var rights = []right{
	{calendar.ShareRead, "may see it"}, {calendar.ShareWrite, "may see and change it"}, {calendar.ShareBusy, "may see when the time is taken"},
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
	if p.Grants, err = v.sharedWith(ctx, t, s.row.ID); err != nil {
		return err
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
		p.Rights = append(p.Rights, option{string(r.access), v.t(r.text), r.access == calendar.ShareRead})
	}
	if p.People, _, err = v.directory(ctx); err != nil {
		return err
	}
	return v.render(status, "calendar", p)
}

// sharedWith lists who may do what in a calendar: by a share, and by rights that programs granted.
func (v *visit) sharedWith(ctx context.Context, t calendar.Target, id int64) ([]grantLine, error) {
	var list []grantLine
	shares, err := v.Calendar.Shares(ctx, v.who, t)
	if err != nil {
		return nil, err
	}
	seen := map[int64]bool{}
	for _, e := range shares {
		if e.Share.Via != 0 { // a member of a group that is in the list itself
			continue
		}
		line := grantLine{strconv.FormatInt(e.Sharee.ID, 10), cmp.Or(e.Sharee.DisplayName, e.Sharee.Name), v.t(rightWord(auth.Set(e.Share.Privileges)))}
		switch e.Share.State {
		case storage.ShareInvited:
			line.Right += ", " + v.t("not answered yet")
		case storage.ShareDeclined:
			line.Right += ", " + v.t("declined")
		}
		seen[e.Sharee.ID] = true
		list = append(list, line)
	}
	all, err := v.Calendar.Grants(ctx, v.who, t)
	if err != nil {
		return nil, err
	}
	var ids []int64
	grants := plainGrants(all, id)
	for _, g := range grants {
		if g.Grantee > 0 {
			ids = append(ids, g.Grantee)
		}
	}
	names := map[int64]string{storage.Authenticated: v.t("everybody with an account"), storage.Everybody: v.t("everybody")}
	if len(ids) > 0 {
		people, err := v.Store.PrincipalsByID(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, q := range people {
			names[q.ID] = cmp.Or(q.DisplayName, q.Name)
		}
	}
	for _, g := range grants {
		if !seen[g.Grantee] {
			list = append(list, grantLine{strconv.FormatInt(g.Grantee, 10), cmp.Or(names[g.Grantee], "–"), v.t(rightWord(auth.Set(g.Privileges)))})
		}
	}
	return list, nil
}

// plainGrants are the rights in a calendar that come from no share.
func plainGrants(all []storage.Grant, id int64) []storage.Grant {
	var list []storage.Grant
	for _, g := range all {
		if g.Calendar == id && !g.Shared {
			list = append(list, g)
		}
	}
	return list
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

// share shares a calendar with somebody, who has it in their programs at once, or takes it from them.
func (h *Handler) share(v *visit) error {
	ctx := v.r.Context()
	s, err := v.ownCalendar()
	if err != nil {
		return err
	}
	t := s.place.Target(s.row, "")
	if text := v.value("grantee"); text != "" {
		grantee, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return brokenForm
		}
		if err := v.takeBack(ctx, t, s.row.ID, grantee); err != nil {
			return err
		}
		return v.redirect("/calendars/" + s.ID + "?done=saved")
	}
	access := calendar.ShareAccess(v.value("right"))
	if !slices.ContainsFunc(rights, func(r right) bool { return r.access == access }) {
		return brokenForm
	}
	with, err := h.Calendar.Sharee(ctx, v.value("person"))
	if err == nil && with.ID != v.who.ID {
		err = h.Calendar.Share(ctx, v.who, t, []calendar.ShareRequest{{With: with, Access: access, Direct: true}})
	}
	if err == nil && with.ID == v.who.ID || err != nil && (calendar.KindOf(err) == calendar.NotFound || calendar.KindOf(err) == calendar.Refused) {
		return v.showCalendar(http.StatusUnprocessableEntity, s, v.t("Nobody else here has this mail address."), "")
	}
	if err != nil {
		return err
	}
	return v.redirect("/calendars/" + s.ID + "?done=saved")
}

// takeBack takes from somebody all that they may do in a calendar by themselves.
func (v *visit) takeBack(ctx context.Context, t calendar.Target, id, grantee int64) error {
	all, err := v.Calendar.Grants(ctx, v.who, t)
	if err != nil {
		return err
	}
	grants := plainGrants(all, id)
	left := slices.DeleteFunc(slices.Clone(grants), func(g storage.Grant) bool { return g.Grantee == grantee })
	if len(left) < len(grants) {
		if err := v.Calendar.SetGrants(ctx, v.who, t, left); err != nil {
			return err
		}
	}
	people, err := v.Store.PrincipalsByID(ctx, []int64{grantee})
	if err != nil || len(people) == 0 {
		return err
	}
	return v.Calendar.Unshare(ctx, v.who, t, people)
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
