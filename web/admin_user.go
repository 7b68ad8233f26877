package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/meeting"
	"kalends/storage"
)

// adminCalendar is a calendar of somebody as administrators see it: its name and numbers, not what is in it.
type adminCalendar struct {
	Name, Size string
	Objects    int64
	Shares     []grantLine // with whom it is shared
	Feeds      int
	From       *feedState // where it comes from; nil for a calendar of one's own
}

// profileForm is what administrators change of somebody.
type profileForm struct {
	DisplayName, Addresses string
	Admin                  bool
}

// adminCalendars lists the calendars of somebody, and what others share with them.
func (v *visit) adminCalendars(ctx context.Context, u *storage.Principal, home []*storage.Calendar) (own []adminCalendar, theirs []grantLine, err error) {
	shares, err := v.Store.Shares(ctx, u.ID, 0)
	if err != nil {
		return nil, nil, err
	}
	shared, err := v.Store.Shared(ctx, u.ID)
	if err != nil {
		return nil, nil, err
	}
	feeds, err := v.Store.Feeds(ctx, u.ID, 0)
	if err != nil {
		return nil, nil, err
	}
	subs, err := v.Store.Subscriptions(ctx, u.ID)
	if err != nil {
		return nil, nil, err
	}
	var ids []int64
	for _, s := range shares {
		ids = append(ids, s.Sharee)
	}
	for _, s := range shared {
		ids = append(ids, s.Owner)
	}
	names, err := v.namesOf(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	line := func(s *storage.Share, who int64) grantLine {
		return grantLine{Name: names[who], Right: v.t(purpose(s)), State: v.t(shareStates[s.State])}
	}
	for _, c := range home {
		if c.Kind != storage.CalendarKind {
			continue
		}
		a := adminCalendar{Name: cmp.Or(c.DisplayName, c.Slug), Size: sizeOf(c.Bytes), Objects: c.Objects}
		for _, s := range shares {
			if s.Calendar == c.ID && s.Via == 0 {
				a.Shares = append(a.Shares, line(s, s.Sharee))
			}
		}
		for _, f := range feeds {
			if f.Calendar == c.ID {
				a.Feeds++
			}
		}
		if i := slices.IndexFunc(subs, func(s *storage.Subscription) bool { return s.Calendar == c.ID }); i >= 0 {
			state := v.feedState(subs[i])
			a.From = &state
		}
		own = append(own, a)
	}
	for _, s := range shared {
		l := line(s, s.Owner)
		l.ID = s.Summary
		theirs = append(theirs, l)
	}
	return own, theirs, nil
}

// shareStates say how far a share has come.
var shareStates = map[storage.ShareState]string{
	storage.ShareInvited: "not answered yet", storage.ShareAccepted: "accepted", storage.ShareDeclined: "declined",
}

// namesOf returns what principals are called, by id; "–" for those that are gone.
func (v *visit) namesOf(ctx context.Context, ids []int64) (map[int64]string, error) {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	names := make(map[int64]string, len(ids))
	if len(ids) == 0 {
		return names, nil
	}
	list, err := v.Store.PrincipalsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		names[id] = "–"
	}
	for _, p := range list {
		names[p.ID] = cmp.Or(p.DisplayName, p.Name)
	}
	return names, nil
}

// profileOf is somebody's profile as it is.
func (v *visit) profileOf(ctx context.Context, u *storage.Principal) (profileForm, error) {
	f := profileForm{DisplayName: u.DisplayName, Admin: u.Admin}
	list, err := v.Store.Addresses(ctx, u.ID)
	for i, a := range list {
		list[i] = meeting.ShowAddress(a)
	}
	f.Addresses = strings.Join(list, "\n")
	return f, err
}

// changeProfile gives somebody another name, other addresses, or makes them an administrator or no longer one.
func (v *visit) changeProfile(u *storage.Principal) error {
	ctx := v.r.Context()
	p := auth.Profile{DisplayName: plainLine(v.value("displayname"), 300), Admin: v.value("admin") != ""}
	p.Addresses = strings.Fields(strings.NewReplacer(",", " ", ";", " ").Replace(clipTo(v.r.PostForm.Get("addresses"), 20000)))
	if u.ID == v.who.ID && !p.Admin {
		return v.showUser(http.StatusConflict, u, map[string]string{"admin": v.t("Nobody takes administration from themselves.")}, nil)
	}
	err := v.people().Change(ctx, u.ID, p)
	if fe, ok := errors.AsType[*auth.FieldError](err); ok {
		wrong := map[string]string{}
		switch fe.Field {
		case "display_name":
			wrong["displayname"] = v.t("This name is too long.")
		case "kind":
			wrong["admin"] = v.t("Nobody would administer the site any more.")
		default:
			wrong["addresses"] = v.t("This mail address is taken, or is none.")
			if fe.Value != "" {
				wrong["addresses"] = fe.Value + ": " + wrong["addresses"]
			}
		}
		return v.showUser(http.StatusUnprocessableEntity, u, wrong, nil)
	}
	if err != nil {
		return err
	}
	v.Log.InfoContext(ctx, "principal changed", "by", v.who.ID, "principal", u.ID)
	return v.redirect("/admin/users/" + u.Name + "?done=saved")
}

// delegatesOf lists who acts for somebody.
func (v *visit) delegatesOf(ctx context.Context, u *storage.Principal) ([]delegateLine, error) {
	rows, err := v.Store.Delegates(ctx, u.ID)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var ids []int64
	for _, d := range rows {
		ids = append(ids, d.ID)
	}
	list, err := v.Store.PrincipalsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	var out []delegateLine
	for _, p := range list {
		write := slices.ContainsFunc(rows, func(d storage.Delegate) bool { return d.ID == p.ID && d.Write })
		out = append(out, delegateLine{strconv.FormatInt(p.ID, 10), cmp.Or(p.DisplayName, p.Name), write})
	}
	return out, nil
}

// changeDelegate has somebody act for a principal, such as who answers for a room, or no longer.
func (v *visit) changeDelegate(u *storage.Principal) error {
	ctx := v.r.Context()
	var set []storage.Delegate
	var gone []int64
	if text := v.value("remove"); text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return brokenForm
		}
		gone = []int64{id}
	} else {
		d, err := v.people().Find(ctx, v.value("delegate"))
		if errors.Is(err, storage.ErrNotFound) || err == nil && (d.ID == u.ID || d.Kind == storage.Room || d.Kind == storage.Resource) {
			return v.showUser(http.StatusUnprocessableEntity, u, map[string]string{"delegate": v.t("There is nobody of this name.")}, nil)
		}
		if err != nil {
			return err
		}
		set = []storage.Delegate{{ID: d.ID, Write: v.value("right") == "write"}}
	}
	if _, err := v.people().ChangeDelegates(ctx, u, set, gone); err != nil {
		return err
	}
	v.Log.InfoContext(ctx, "delegates changed by an administrator", "by", v.who.ID, "principal", u.ID)
	return v.redirect("/admin/users/" + u.Name + "?done=saved")
}

// endPatience is how long meetings are ended before it is told how far that came: less than a request may take.
const endPatience = 20 * time.Second

// removeUser removes a principal. Its meetings that are still ahead end first, unless they are to be left as they are.
func (v *visit) removeUser(u *storage.Principal) error {
	ctx := v.r.Context()
	var done calendar.Ahead
	if v.value("meetings") == "end" {
		limited, cancel := context.WithTimeout(ctx, endPatience)
		defer cancel()
		var err error
		done, err = v.Calendar.EndMeetings(limited, u, nil)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			text := v.lang.T("These are many meetings: %d are cancelled and %d declined so far. Remove it once more to go on.", done.Organized, done.Invited)
			return v.showUser(http.StatusServiceUnavailable, u, map[string]string{"sure": text}, nil)
		}
		if err != nil {
			return err
		}
	}
	if err := v.Calendar.RemovePrincipal(ctx, u); err != nil {
		return err
	}
	v.Log.InfoContext(ctx, "principal removed", "by", v.who.ID, "principal", u.ID, "cancelled", done.Organized, "declined", done.Invited)
	return v.redirect("/admin/users?done=removed")
}
