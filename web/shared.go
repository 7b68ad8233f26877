package web

import (
	"cmp"
	"context"
	"net/http"

	"kalends/calendar"
	"kalends/storage"
)

// invitationLine is a calendar that somebody else shares, or wants to.
type invitationLine struct {
	UID, Name, Whose, Right, Group string
	Color                          string
	Field                          string // what the ids of its fields begin with
}

// invitations lists what others share with somebody and they have not answered, and what they have declined.
func (v *visit) invitations(ctx context.Context) (asked, declined []invitationLine, err error) {
	list, err := v.Calendar.Invitations(ctx, v.who)
	if err != nil {
		return nil, nil, err
	}
	for i, s := range list {
		if calendar.AccessOf(s.Share) == calendar.ShareBusy || s.Share.State == storage.ShareAccepted {
			continue
		}
		line := invitationLine{
			UID: s.Share.UID, Name: cmp.Or(s.Share.DisplayName, s.Share.Summary, s.Calendar.DisplayName), Whose: cmp.Or(s.Owner.DisplayName, s.Owner.Name),
			Right: v.t(purpose(s.Share)), Color: colorOf(s.Calendar, i), Field: s.Share.Slug(),
		}
		if s.Share.State == storage.ShareDeclined {
			declined = append(declined, line)
		} else {
			asked = append(asked, line)
		}
	}
	return asked, declined, nil
}

// shareWords say what a calendar is shared for, to whom it is.
var shareWords = map[calendar.ShareAccess]string{
	calendar.ShareRead: "to look at", calendar.ShareWrite: "to look at and to change", calendar.ShareBusy: "to see when the time is taken",
}

func purpose(s *storage.Share) string { return shareWords[calendar.AccessOf(s)] }

// waiting is how many calendars somebody has been invited to and not answered.
func (v *visit) waiting(ctx context.Context) (int, error) {
	list, err := v.Store.Shared(ctx, v.who.ID)
	n := 0
	for _, s := range list {
		if s.State == storage.ShareInvited {
			n++
		}
	}
	return n, err
}

// answerInvitation takes a calendar of somebody else among one's own, under a name and colour of one's own, or declines it.
func (h *Handler) answerInvitation(v *visit) error {
	ctx, uid := v.r.Context(), v.value("uid")
	name, color := plainLine(v.value("name"), 200), v.value("color")
	accept := false
	switch v.value("do") {
	case "accept":
		accept = true
	case "decline":
	default:
		return brokenForm
	}
	if accept && name == "" {
		return v.showCalendars(http.StatusUnprocessableEntity, calendarsProblems{"invited " + uid: v.t("A calendar needs a name.")})
	}
	slug, err := h.Calendar.AnswerShare(ctx, v.who, v.who, uid, accept, name)
	if err != nil && calendar.KindOf(err) == calendar.NotFound {
		return &problem{http.StatusNotFound, "This invitation is not there any more; it may have been taken back."}
	}
	if err != nil {
		return err
	}
	if !accept {
		return v.redirect("/calendars?done=declined")
	}
	t, err := h.Calendar.Shared(ctx, v.who, slug)
	if err != nil {
		return err
	}
	if t != nil { // else it was taken back meanwhile
		err = h.Calendar.Patch(ctx, v.who, *t, calendar.Edit{Live: func(c *storage.Calendar) error {
			c.DisplayName = name
			if colorForm.MatchString(color) {
				c.Color, c.ColorName = color, ""
			}
			return nil
		}})
	}
	if err != nil {
		return err
	}
	return v.redirect("/calendars?done=accepted")
}

type sharedView struct {
	base
	Calendar *shelf
	NewName  string
	Busy     bool
	Address  string
	Right    string
	Group    bool // it is there by a group, and comes back with it
	Wrong    map[string]string
}

// sharedCalendar finds a calendar of somebody else that is among one's own by an invitation.
func (v *visit) sharedCalendar() (*shelf, error) {
	list, err := v.shelves(v.r.Context())
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		if s.ID == v.r.PathValue("id") && s.share != nil {
			return s, nil
		}
	}
	return nil, notThere
}

func (s *shelf) shareTarget(who *storage.Principal) calendar.Target {
	return calendar.Target{Owner: s.place.Owner, Slug: s.row.Slug, Access: s.place.Access, Share: s.share, Sharee: who}
}

func (v *visit) showShared(status int, s *shelf, wrong map[string]string) error {
	p := &sharedView{
		base: v.base(s.Name), Calendar: s, NewName: s.Name, Busy: !s.row.Transparent, Wrong: wrong, Right: v.t(purpose(s.share)),
		Address: v.site() + "/dav/calendars/" + v.who.Name + "/" + s.share.Slug() + "/", Group: s.share.Via != 0,
	}
	p.Section = "calendars"
	if wrong != nil {
		p.NewName = clipTo(v.value("name"), 300)
	}
	list, err := v.shelves(v.r.Context())
	if err != nil {
		return err
	}
	p.Colors = "/colors.css?v=" + colorVersion(list)
	return v.render(status, "shared", p)
}

// setShared changes what is one's own of a calendar of somebody else.
func (v *visit) setShared(s *shelf) error {
	name, color := plainLine(v.value("name"), 200), v.value("color")
	if name == "" {
		return v.showShared(http.StatusUnprocessableEntity, s, map[string]string{"name": v.t("A calendar needs a name.")})
	}
	if !colorForm.MatchString(color) {
		return brokenForm
	}
	err := v.Calendar.Patch(v.r.Context(), v.who, s.shareTarget(v.who), look(name, color, v.value("busy") != ""))
	if err != nil {
		return err
	}
	return v.redirect("/calendars/" + s.ID + "?done=saved")
}

// leaveCalendar takes a calendar of somebody else out of one's own. It can be taken again.
func (h *Handler) leaveCalendar(v *visit) error {
	s, err := v.sharedCalendar()
	if err != nil {
		return err
	}
	if _, err := h.Calendar.AnswerShare(v.r.Context(), v.who, v.who, s.share.UID, false, ""); err != nil {
		return err
	}
	return v.redirect("/calendars?done=left")
}
