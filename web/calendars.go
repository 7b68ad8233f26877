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
	"kalends/ical/zone"
	"kalends/meeting"
	"kalends/scheduling"
	"kalends/storage"
)

type calendarsView struct {
	base
	Own, Feeds, Others []calendarLine
	Asked, Declined    []invitationLine
	Palette            []string
	Paces              []option
	Subscribes         bool
	Wrong              calendarsProblems
	// As they were typed:
	NewName, FeedURL, FeedName, TakenName string
}

type calendarLine struct {
	*shelf
	Events int64
	Link   bool // it has a page of its own
	State  feedState
}

// calendarsProblems are what is wrong with a form of the page, by field; "invited " and a UID for the name of an invitation.
type calendarsProblems map[string]string

func (h *Handler) calendars(v *visit) error { return v.showCalendars(http.StatusOK, nil) }

func (v *visit) showCalendars(status int, wrong calendarsProblems) error {
	ctx := v.r.Context()
	list, err := v.shelves(ctx)
	if err != nil {
		return err
	}
	p := &calendarsView{base: v.base(v.t("Calendars")), Palette: palette, Wrong: wrong, Subscribes: v.Feeds != nil, Paces: v.paces(0)}
	if wrong["url"] != "" {
		p.FeedURL, p.FeedName = clipTo(v.value("url"), 3000), clipTo(v.value("name"), 300)
	}
	p.Colors = "/colors.css?v=" + colorVersion(list)
	feeds, err := v.Store.Subscriptions(ctx, v.who.ID)
	if err != nil {
		return err
	}
	for _, s := range list {
		line := calendarLine{shelf: s, Events: s.row.Objects, Link: s.Whose == "" || s.share != nil}
		switch {
		case s.Whose != "":
			p.Others = append(p.Others, line)
		case s.row.Subscribed:
			if i := slices.IndexFunc(feeds, func(f *storage.Subscription) bool { return f.Calendar == s.row.ID }); i >= 0 {
				line.State = v.feedState(feeds[i])
			}
			p.Feeds = append(p.Feeds, line)
		default:
			p.Own = append(p.Own, line)
		}
	}
	if p.Asked, p.Declined, err = v.invitations(ctx); err != nil {
		return err
	}
	return v.render(status, "calendars", p)
}

// calendarID names a calendar in paths.
func calendarID(c *storage.Calendar) string { return meeting.CalendarID(c.Owner, c.ID) }

func (h *Handler) makeCalendar(v *visit) error {
	ctx := v.r.Context()
	name, color := plainLine(v.value("name"), 200), v.value("color")
	if name == "" {
		return v.showCalendars(http.StatusUnprocessableEntity, calendarsProblems{"name": v.t("A calendar needs a name.")})
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
	Wrong    map[string]string
	Rights   []option
	Events   int64
	Deletes  bool // it may be removed
	Alarms   alarmForm
	Zones    []string

	Description, Zone string
	Team, Default     bool
	NewPerson         string // as it was typed
}

// grantLine is somebody who may do something in a calendar; State says whether they have taken it among theirs.
type grantLine struct{ ID, Name, Right, State string }

// right is what a calendar is shared for.
type right struct {
	access calendar.ShareAccess
	text   string
}

// What somebody may do in a calendar.
const (
	mayRead     = "may see it"
	mayChange   = "may see and change it"
	maySeeBusy  = "may see when the time is taken"
	mayDoOthers = "has other rights"
)

// rights are what can be chosen here; programs may grant more finely.
var rights = []right{{calendar.ShareRead, mayRead}, {calendar.ShareWrite, mayChange}, {calendar.ShareBusy, maySeeBusy}}

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
	if s, err := v.sharedCalendar(); err == nil {
		return v.showShared(http.StatusOK, s, nil)
	}
	s, err := v.ownCalendar()
	if err != nil {
		return err
	}
	if s.row.Subscribed {
		return v.showFeed(http.StatusOK, s, nil)
	}
	return v.showCalendar(http.StatusOK, s, nil, "")
}

func (v *visit) showCalendar(status int, s *shelf, wrong map[string]string, feed string) error {
	ctx := v.r.Context()
	p := &calendarView{
		base: v.base(s.Name), Calendar: s, NewName: s.Name, Busy: !s.row.Transparent, Address: v.site() + davPath(s), Wrong: wrong, NewFeed: feed,
		Events: s.row.Objects, Deletes: !s.Default, Default: s.Default, Description: s.row.Description, Zone: s.row.TimeZoneID, Team: s.row.Team,
		Zones: usualZones(v.zone), Alarms: v.alarmForm(s.row.Alarms, v.t("as for all my calendars"), v.t("as for all my calendars")),
	}
	p.Section = "calendars"
	switch { // what was typed stays
	case wrong["name"] != "" || wrong["timezone"] != "":
		p.NewName, p.Description, p.Zone = clipTo(v.value("name"), 300), clipTo(v.r.PostForm.Get("description"), 20000), clipTo(v.value("timezone"), 100)
	case wrong["person"] != "":
		p.NewPerson = clipTo(v.value("person"), 300)
	}
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
		line := grantLine{ID: strconv.FormatInt(e.Sharee.ID, 10), Name: cmp.Or(e.Sharee.DisplayName, e.Sharee.Name), Right: v.t(rightWord(auth.Set(e.Share.Privileges)))}
		if e.Sharee.Kind == storage.Person && e.Access != calendar.ShareBusy {
			switch e.Share.State {
			case storage.ShareInvited:
				line.State = v.t("not answered yet")
			case storage.ShareDeclined:
				line.State = v.t("declined")
			case storage.ShareAccepted:
				line.State = v.t("accepted")
			}
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
			list = append(list, grantLine{ID: strconv.FormatInt(g.Grantee, 10), Name: cmp.Or(names[g.Grantee], "–"), Right: v.t(rightWord(auth.Set(g.Privileges)))})
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
		return mayChange
	case set.Has(auth.Read):
		return mayRead
	case set.Has(auth.ReadFreeBusy):
		return maySeeBusy
	}
	return mayDoOthers
}

func (h *Handler) setCalendar(v *visit) error {
	if s, err := v.sharedCalendar(); err == nil {
		return v.setShared(s)
	}
	s, err := v.ownCalendar()
	if err != nil {
		return err
	}
	if s.row.Subscribed {
		return v.setFeed(s)
	}
	name, color := plainLine(v.value("name"), 200), v.value("color")
	if name == "" {
		return v.showCalendar(http.StatusUnprocessableEntity, s, map[string]string{"name": v.t("A calendar needs a name.")}, "")
	}
	if !colorForm.MatchString(color) {
		return brokenForm
	}
	zoneName := v.value("timezone")
	if zoneName != s.row.TimeZoneID && zoneName != "" {
		canonical, ok := zone.Canonical(clipTo(zoneName, 100))
		if !ok {
			return v.showCalendar(http.StatusUnprocessableEntity, s, map[string]string{"timezone": v.t("There is no such time zone.")}, "")
		}
		zoneName = canonical
	}
	err = h.Calendar.Patch(v.r.Context(), v.who, s.place.Target(s.row, ""), calendar.Edit{Live: func(c *storage.Calendar) error {
		c.DisplayName, c.Transparent, c.Team = name, v.value("free") != "", v.value("team") != ""
		c.Description = plain(strings.ReplaceAll(v.r.PostForm.Get("description"), "\r\n", "\n"), 10000)
		if zoneName != c.TimeZoneID {
			if err := calendar.SetTimeZoneID(c, zoneName, v.Now()); err != nil {
				return err
			}
		}
		paint(c, color)
		return nil
	}})
	if err != nil {
		return err
	}
	return v.redirect("/calendars/" + s.ID + "?done=saved")
}

// paint gives a calendar a colour of the form. One that a program set more finely, with a name or with transparency, stays when it is the same.
func paint(c *storage.Calendar, color string) {
	if !strings.EqualFold(clipTo(c.Color, 7), color) {
		c.Color, c.ColorName = color, ""
	}
}

// look is how one sees a calendar that others fill: its name, its colour, and whether what is in it makes one busy.
func look(name, color string, busy bool) calendar.Edit {
	return calendar.Edit{Live: func(c *storage.Calendar) error {
		c.DisplayName, c.Transparent = name, !busy
		paint(c, color)
		return nil
	}}
}

func (h *Handler) deleteCalendar(v *visit) error {
	s, err := v.ownCalendar()
	if err != nil {
		return err
	}
	if !s.row.Subscribed && plainLine(v.value("sure"), 200) != s.Name { // a feed can be had again
		return v.showCalendar(http.StatusUnprocessableEntity, s, map[string]string{"sure": v.t("To delete the calendar, type its name.")}, "")
	}
	if err := h.Calendar.DeleteCalendar(v.r.Context(), v.who, s.place.Target(s.row, ""), nil); err != nil {
		return err
	}
	return v.redirect("/calendars?done=removed")
}

// makeDefault has invitations come into a calendar.
func (h *Handler) makeDefault(v *visit) error {
	ctx := v.r.Context()
	s, err := v.ownCalendar()
	if err != nil {
		return err
	}
	inbox := scheduling.Inbox(s.place.Home)
	if inbox == nil {
		return notThere
	}
	err = h.Calendar.Patch(ctx, v.who, s.place.Target(inbox, ""), calendar.Edit{Live: func(c *storage.Calendar) error {
		c.Default = s.row.Slug
		return nil
	}})
	if err != nil {
		return err
	}
	return v.redirect("/calendars/" + s.ID + "?done=saved")
}

// share shares a calendar with somebody, who has it in their programs at once or is asked first, or takes it from them.
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
		err = h.Calendar.Share(ctx, v.who, t, []calendar.ShareRequest{{With: with, Access: access, Direct: v.value("ask") == ""}})
	}
	if err == nil && with.ID == v.who.ID || err != nil && (calendar.KindOf(err) == calendar.NotFound || calendar.KindOf(err) == calendar.Refused) {
		return v.showCalendar(http.StatusUnprocessableEntity, s, map[string]string{"person": v.t("Nobody else here has this mail address.")}, "")
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
	return v.showCalendar(http.StatusOK, s, nil, v.site()+"/feed/"+token+".ics")
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
