package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"

	"kalends/calendar"
	"kalends/meeting"
	"kalends/storage"
)

type delegatesView struct {
	base
	Mine   []delegateLine // who acts for one
	Theirs []delegateLine // for whom one acts
	People []offered
	Typed  string
	Public bool
	Busy   string // the address of one's busy times
	Wrong  map[string]string
}

type delegateLine struct {
	ID    string
	Name  string
	Write bool
}

func (h *Handler) delegates(v *visit) error { return v.showDelegates(http.StatusOK, nil) }

func (v *visit) showDelegates(status int, wrong map[string]string) error {
	ctx := v.r.Context()
	p := &delegatesView{base: v.base(v.t("Delegates")), Wrong: wrong, Public: v.who.PublicBusy, Busy: v.site() + "/freebusy/" + v.who.Name}
	if wrong != nil {
		p.Typed = clipTo(v.value("person"), 300)
	}
	for _, write := range []bool{true, false} {
		list, err := v.Calendar.Delegates(ctx, v.who, v.who, write)
		if err != nil {
			return err
		}
		p.Mine = append(p.Mine, delegateLines(list, write)...)
		if list, err = v.Store.PrincipalsByID(ctx, v.who.ActsFor.Principals(write)); err != nil {
			return err
		}
		p.Theirs = append(p.Theirs, delegateLines(list, write)...)
	}
	var err error
	if p.People, _, err = v.directory(ctx); err != nil {
		return err
	}
	return v.render(status, "delegates", p)
}

func delegateLines(list []*storage.Principal, write bool) []delegateLine {
	var out []delegateLine
	for _, d := range list {
		out = append(out, delegateLine{strconv.FormatInt(d.ID, 10), cmp.Or(d.DisplayName, d.Name), write})
	}
	return out
}

// setDelegate lets somebody act for one, or no longer.
func (h *Handler) setDelegate(v *visit) error {
	ctx := v.r.Context()
	if text := v.value("remove"); text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return brokenForm
		}
		for _, write := range []bool{true, false} {
			err := v.changeDelegates(ctx, write, func(ids []int64) []int64 { return slices.DeleteFunc(ids, func(x int64) bool { return x == id }) })
			if err != nil {
				return err
			}
		}
		return v.redirect("/delegates?done=removed")
	}
	write := v.value("right") == "write"
	if !write && v.value("right") != "read" {
		return brokenForm
	}
	who, err := h.Calendar.Sharee(ctx, v.value("person"))
	switch kind := calendar.KindOf(err); {
	case err != nil && kind != calendar.NotFound && kind != calendar.Refused:
		return err
	case err != nil || who.ID == v.who.ID:
		return v.showDelegates(http.StatusUnprocessableEntity, map[string]string{"person": v.t("Nobody else here has this mail address.")})
	}
	err = v.changeDelegates(ctx, write, func(ids []int64) []int64 {
		if slices.Contains(ids, who.ID) {
			return ids
		}
		return append(ids, who.ID)
	})
	if err != nil {
		return err
	}
	return v.redirect("/delegates?done=saved")
}

func (v *visit) changeDelegates(ctx context.Context, write bool, edit func([]int64) []int64) error {
	list, err := v.Calendar.Delegates(ctx, v.who, v.who, write)
	if err != nil {
		return err
	}
	var ids []int64
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	changed := edit(slices.Clone(ids))
	if slices.Equal(ids, changed) {
		return nil
	}
	return v.Calendar.SetDelegates(ctx, v.who, v.who, write, changed)
}

// setPublicBusy says whether everybody may see when one is busy.
func (h *Handler) setPublicBusy(v *visit) error {
	err := h.Calendar.PatchPrincipal(v.r.Context(), v.who, v.who, calendar.Edit{Person: func(p *storage.Principal) error {
		p.PublicBusy = v.value("public") != ""
		return nil
	}})
	if err != nil {
		return err
	}
	return v.redirect("/delegates?done=saved#busy")
}

// actedFor returns the calendars of those for whom somebody acts, by home.
func (v *visit) actedFor(ctx context.Context) ([]*meeting.Place, error) {
	acted, err := v.Calendar.Acted(ctx, v.who)
	if err != nil {
		return nil, err
	}
	var list []*meeting.Place
	for _, s := range acted {
		if n := len(list); n == 0 || list[n-1].Owner.ID != s.Owner.ID { // they come by owner
			p := &meeting.Place{Owner: s.Owner, Access: s.Access}
			if p.Addresses, err = v.Store.Addresses(ctx, s.Owner.ID); err != nil {
				return nil, err
			}
			list = append(list, p)
		}
		p := list[len(list)-1]
		p.Home = append(p.Home, s.Calendar)
	}
	return list, nil
}
