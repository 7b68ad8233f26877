package caldav

import (
	"kalends/auth"
	"kalends/calendar"
	"kalends/dav"
	"kalends/ical"
	"kalends/storage"
)

// sharingProperties are those of calendarserver-sharing.
var sharingProperties = []*property{
	// Who may share it can; nothing is published to the world this way.
	{name: dav.CS("allowed-sharing-modes"), on: calendarKind,
		has: func(x *render, r *resource) bool {
			return r.share == nil && !r.cal.Subscribed && r.may.Has(auth.WriteACL)
		},
		write: func(x *render, r *resource, w *dav.Writer) { w.Empty(dav.CS("can-be-shared")) }},
	{name: dav.CS("invite"), on: calendarKind,
		has: func(x *render, r *resource) bool {
			return r.cal.Shared && (r.share != nil || r.may.Has(auth.WriteACL))
		},
		write: writeInvite},
	{name: dav.CS("shared-url"), on: calendarKind,
		has:   func(x *render, r *resource) bool { return r.share != nil },
		hrefs: func(x *render, r *resource) []string { return []string{collectionHref(r.owner.Name, r.cal.Slug)} }},
	{name: dav.CS("notificationtype"), on: noticeKind, write: func(x *render, r *resource, w *dav.Writer) {
		w.Empty(dav.CS(r.obj.Method), sharedType)
	}},
}

// writeInvite lists with whom a calendar is shared. Those whom it is shared with see as well who shares it.
func writeInvite(x *render, r *resource, w *dav.Writer) {
	list, ok := x.shares[r.cal.Ref()]
	if !ok {
		var err error
		list, err = x.q.h.Calendar.SharesOf(x.q.ctx, r.cal)
		x.fail(err)
		if x.shares == nil {
			x.shares = map[storage.Ref][]calendar.ShareEntry{}
		}
		x.shares[r.cal.Ref()] = list
	}
	if r.share != nil {
		organizer := dav.CS("organizer")
		w.Start(organizer)
		w.Href(principalHref(r.owner))
		w.Elem(dav.CS("common-name"), principalName(r.owner))
		w.End(organizer)
	}
	user := dav.CS("user")
	for _, e := range list {
		if e.Share.Via != 0 || e.Access == calendar.ShareBusy {
			continue // the group stands for its members; busy times are no calendar
		}
		w.Start(user)
		w.Elem(dav.CS("uid"), e.Share.UID)
		href := principalHref(e.Sharee)
		if e.Sharee.Email != "" {
			href = ical.Address(e.Sharee.Email)
		}
		w.Href(href)
		w.Elem(dav.CS("common-name"), principalName(e.Sharee))
		writeAccess(w, e.Access)
		w.Empty(inviteState(e.Share.State))
		w.End(user)
	}
}
