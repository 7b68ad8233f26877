package caldav

import (
	"net/http"

	"kalends/calendar"
	"kalends/dav"
	"kalends/storage"
)

// sendNotice answers a GET of a notice.
func (q *request) sendNotice(o *storage.Object) error {
	n, err := calendar.NoticeOf(o)
	if err != nil {
		return err
	}
	h := q.w.Header()
	h.Set("ETag", o.ETag)
	h.Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	return q.document(dav.CS("notification"), func(w *dav.Writer) {
		w.Elem(dav.CS("dtstamp"), n.At.UTC().Format("20060102T150405Z"))
		kind := dav.CS(n.Kind)
		w.Start(kind, sharedType)
		switch n.Kind {
		case calendar.InviteNotice:
			writeInvitation(w, n)
		case calendar.ReplyNotice:
			writeReply(w, n)
		}
		w.End(kind)
	})
}

// sharedType is the attribute by which notifications say what is shared.
var sharedType = dav.Attr{Name: dav.Name{Local: "shared-type"}, Value: "calendar"}

// writeInvitation writes what an invite-notification holds. The programs that show it are for events or for tasks, and choose by the
// components; a calendar that takes several is announced as one for events, so that one program asks and not two.
func writeInvitation(w *dav.Writer, n *calendar.Notice) {
	w.Elem(dav.CS("uid"), n.UID)
	w.Href(personHref(n.Sharee))
	w.Empty(inviteState(n.State))
	writeAccess(w, n.Access)
	writeHost(w, n)
	organizer := dav.CS("organizer")
	w.Start(organizer)
	w.Href(principalPath(n.Owner))
	w.Elem(dav.CS("common-name"), n.Owner.DisplayName)
	w.End(organizer)
	w.Elem(dav.CS("summary"), n.Summary)
	set := dav.C("supported-calendar-component-set")
	w.Start(set)
	writeComponents(w, mainComponent(n.Components))
	w.End(set)
}

func mainComponent(list []string) []string {
	for _, c := range list {
		if c == "VEVENT" {
			return []string{c}
		}
	}
	if len(list) == 0 {
		return []string{"VEVENT"}
	}
	return list[:1]
}

// writeReply writes what an invite-reply tells the sharer.
func writeReply(w *dav.Writer, n *calendar.Notice) {
	w.Href(personHref(n.Sharee))
	w.Empty(inviteState(n.State))
	writeHost(w, n)
	w.Elem(dav.CS("in-reply-to"), n.UID)
	w.Elem(dav.CS("summary"), n.Summary)
	w.Elem(dav.CS("common-name"), n.Sharee.DisplayName)
}

func writeHost(w *dav.Writer, n *calendar.Notice) {
	host := dav.CS("hosturl")
	w.Start(host)
	w.Href(withoutSlash(collectionHref(n.Calendar.Owner, n.Calendar.Slug)))
	w.End(host)
}

func writeAccess(w *dav.Writer, a calendar.ShareAccess) {
	access := dav.CS("access")
	w.Start(access)
	switch a {
	case calendar.ShareWrite:
		w.Empty(dav.CS("read-write"))
	default:
		w.Empty(dav.CS("read"))
	}
	w.End(access)
}

// inviteState names where an invitation stands.
func inviteState(s storage.ShareState) dav.Name {
	switch s {
	case storage.ShareAccepted:
		return dav.CS("invite-accepted")
	case storage.ShareDeclined:
		return dav.CS("invite-declined")
	case calendar.ShareDeleted:
		return dav.CS("invite-deleted")
	}
	return dav.CS("invite-noresponse")
}

// personHref is how programs know somebody: by their address, or by their principal where they have none.
func personHref(p calendar.NoticePerson) string {
	if p.Address != "" {
		return p.Address
	}
	return principalPath(p)
}

func principalPath(p calendar.NoticePerson) string {
	return principalHref(&storage.Principal{Name: p.Name, Kind: p.Kind})
}
