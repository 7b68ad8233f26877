package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
)

// adminOnly lets administrators in; for others the pages are not there.
func adminOnly(fn func(*visit) error) func(*visit) error {
	return func(v *visit) error {
		if !v.admin {
			return notThere
		}
		return fn(v)
	}
}

type adminView struct {
	base
	Plots    []plot
	Since    string
	Lines    []adminLine
	Waiting  []queueLine
	Failed   int
	Overdue  int64
	Next     string // when the next reminder is due
	Counts   []queueLine
	HasWatch bool
}

type adminLine struct{ At, Level, Text string }

type queueLine struct {
	Name  string
	Count int64
	Since string
}

// adminLooks bounds what is counted for an overview.
const adminLooks = 1000

func (h *Handler) adminFront(v *visit) error {
	ctx := v.r.Context()
	p := &adminView{base: v.base(v.t("Administration")), HasWatch: h.Watch != nil}
	samples, lines := h.Watch.seen()
	if len(samples) > 0 {
		p.Since = v.lang.Moment(samples[0].at, v.loc)
	}
	p.Plots = []plot{
		plotOf(v.t("Mails and other jobs that wait"), samples, func(s sample) int64 { return s.waiting }),
		plotOf(v.t("Reminders that are late"), samples, func(s sample) int64 { return s.overdue }),
		plotOf(v.t("Warnings and errors"), samples, func(s sample) int64 { return s.wrong }),
	}
	for i, l := range lines {
		if i == 50 {
			break
		}
		p.Lines = append(p.Lines, adminLine{v.lang.Moment(l.At, v.loc), l.Level, l.Text})
	}
	depths, err := h.Store.QueueDepths(ctx, h.Now())
	if err != nil {
		return err
	}
	p.Overdue = depths.Overdue
	for kind, d := range depths.Jobs {
		p.Waiting = append(p.Waiting, queueLine{kind, d.Count, v.lang.Moment(d.Due, v.loc)})
	}
	slices.SortFunc(p.Waiting, func(a, b queueLine) int { return strings.Compare(a.Name, b.Name) })
	next, err := h.Store.NextReminder(ctx)
	if err == nil {
		p.Next = v.lang.Moment(next, v.loc)
	} else if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	failed, err := h.Store.Jobs(ctx, []storage.JobState{storage.Failed}, adminLooks)
	if err != nil {
		return err
	}
	p.Failed = len(failed)
	return v.render(http.StatusOK, "admin", p)
}

type usersView struct {
	base
	Search  string
	List    []userLine
	Next    string
	Kinds   []option
	Problem string
	Made    *madeUser
	Form2   auth.NewUser // as it was typed
}

type userLine struct {
	Name, DisplayName, Email, Kind string
	Admin                          bool
	Size                           string
	Objects                        int64
}

// madeUser is a password that was made just now.
type madeUser struct{ Name, Password string }

var kindWords = map[string]string{
	"person": "Person", "room": "Room", "resource": "Resource", "group": "Group", "user": "Person", "admin": "Administrator",
}

func (h *Handler) users(v *visit) error { return v.showUsers(http.StatusOK, "", nil, auth.NewUser{}) }

func (v *visit) showUsers(status int, problem string, made *madeUser, typed auth.NewUser) error {
	ctx := v.r.Context()
	q := v.r.URL.Query()
	p := &usersView{base: v.base(v.t("People and rooms")), Search: clipTo(q.Get("q"), 100), Problem: problem, Made: made, Form2: typed}
	p.Section = "admin"
	for _, k := range []string{"user", "admin", "room", "resource", "group"} {
		p.Kinds = append(p.Kinds, option{k, v.t(kindWords[k]), k == cmp.Or(typed.Kind, "user")})
	}
	list, err := v.Store.Principals(ctx, storage.PrincipalQuery{Search: strings.ToValidUTF8(p.Search, ""), After: q.Get("after"), Limit: pageSize + 1})
	if err != nil {
		return err
	}
	if len(list) > pageSize {
		list = list[:pageSize]
		p.Next = v.link("/admin/users", "q", p.Search, "after", list[pageSize-1].Name)
	}
	ids := make([]int64, len(list))
	for i, u := range list {
		ids[i] = u.ID
	}
	homes, err := v.Store.HomeCalendars(ctx, ids)
	if err != nil {
		return err
	}
	for _, u := range list {
		line := userLine{Name: u.Name, DisplayName: u.DisplayName, Email: u.Email, Kind: v.t(kindWords[string(u.Kind)]), Admin: u.Admin}
		var bytes int64
		for _, c := range homes[u.ID] {
			bytes += c.Bytes
			line.Objects += c.Objects
		}
		line.Size = sizeOf(bytes)
		p.List = append(p.List, line)
	}
	return v.render(status, "users", p)
}

// sizeOf writes a number of octets.
func sizeOf(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
}

func (v *visit) people() *auth.Directory { return &auth.Directory{Store: v.Store, Now: v.Now} }

// addUser adds a principal. People get a password, which is shown this once.
func (h *Handler) addUser(v *visit) error {
	n := auth.NewUser{Name: v.value("name"), DisplayName: plainLine(v.value("displayname"), 200), Email: v.value("email"), Kind: v.value("kind")}
	var made *madeUser
	if n.Kind == "user" || n.Kind == "admin" {
		n.Password = auth.GeneratePassword()
		made = &madeUser{n.Name, n.Password}
	}
	_, err := v.people().Add(v.r.Context(), n)
	if fe, ok := errors.AsType[*auth.FieldError](err); ok {
		text := map[string]string{
			"name": v.t("This name is taken, or cannot be one. Names are of small letters, digits and . - _"), "email": v.t("This mail address is taken, or is none."),
		}[fe.Field]
		return v.showUsers(http.StatusUnprocessableEntity, cmp.Or(text, v.t("This cannot be stored like this.")), nil, n)
	}
	if err != nil {
		return err
	}
	h.Log.InfoContext(v.r.Context(), "principal added", "by", v.who.ID, "kind", n.Kind)
	return v.showUsers(http.StatusOK, "", made, auth.NewUser{})
}

type userView struct {
	base
	User    userLine
	IsSelf  bool
	Person  bool
	Room    bool
	Group   bool
	Members []offered
	People  []offered
	Booking storage.Booking
	Groups  []option
	Made    *madeUser
	Wrong   map[string]string
	Answers []option
	Days    string // as it was typed

	Profile   profileForm
	Calendars []adminCalendar
	Theirs    []grantLine // what others share with them: ID is what it is called
	Delegates []delegateLine
	ActsFor   []delegateLine
	Typed     string // a name that was typed and is nobody's
	Ahead     calendar.Ahead
}

// target finds the principal that the path names.
func (v *visit) target(ctx context.Context) (*storage.Principal, error) {
	p, err := v.Store.PrincipalByName(ctx, v.r.PathValue("name"))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, notThere
	}
	return p, err
}

func (h *Handler) user(v *visit) error {
	u, err := v.target(v.r.Context())
	if err != nil {
		return err
	}
	return v.showUser(http.StatusOK, u, nil, nil)
}

func (v *visit) showUser(status int, u *storage.Principal, wrong map[string]string, made *madeUser) error {
	ctx := v.r.Context()
	p := &userView{
		base:   v.base(cmp.Or(u.DisplayName, u.Name)),
		User:   userLine{Name: u.Name, DisplayName: u.DisplayName, Email: u.Email, Kind: v.t(kindWords[string(u.Kind)]), Admin: u.Admin},
		IsSelf: u.ID == v.who.ID, Person: u.Kind == storage.Person, Room: u.Kind == storage.Room || u.Kind == storage.Resource, Group: u.Kind == storage.Group,
		Booking: u.Booking, Made: made, Wrong: wrong, Days: strconv.FormatInt(cmp.Or(u.Booking.Days, storage.DefaultBookingDays), 10),
	}
	p.Section = "admin"
	home, err := v.Store.Calendars(ctx, u.ID)
	if err != nil {
		return err
	}
	var bytes int64
	for _, c := range home {
		bytes += c.Bytes
		p.User.Objects += c.Objects
	}
	p.User.Size = sizeOf(bytes)
	if p.Profile, err = v.profileOf(ctx, u); err != nil {
		return err
	}
	switch { // what was typed stays
	case wrong["displayname"] != "" || wrong["addresses"] != "" || wrong["admin"] != "":
		p.Profile = profileForm{clipTo(v.value("displayname"), 1000), clipTo(v.r.PostForm.Get("addresses"), 20000), v.value("admin") != ""}
	case wrong["days"] != "":
		p.Days = clipTo(v.value("days"), 20)
	case wrong["member"] != "" || wrong["delegate"] != "":
		p.Typed = clipTo(cmp.Or(v.value("member"), v.value("delegate")), 254)
	}
	if p.Calendars, p.Theirs, err = v.adminCalendars(ctx, u, home); err != nil {
		return err
	}
	if p.Delegates, err = v.delegatesOf(ctx, u); err != nil {
		return err
	}
	for _, write := range []bool{true, false} {
		list, err := v.Store.PrincipalsByID(ctx, u.ActsFor.Principals(write))
		if err != nil {
			return err
		}
		p.ActsFor = append(p.ActsFor, delegateLines(list, write)...)
	}
	all, err := v.Store.Principals(ctx, storage.PrincipalQuery{Limit: maxOffered})
	if err != nil {
		return err
	}
	for _, q := range all {
		if q.ID != u.ID {
			p.People = append(p.People, offered{q.Name, cmp.Or(q.DisplayName, q.Name)})
		}
	}
	if p.Group {
		members, err := v.Store.GroupMembers(ctx, u.ID)
		if err != nil {
			return err
		}
		for _, m := range members {
			p.Members = append(p.Members, offered{m.Name, cmp.Or(m.DisplayName, m.Name)})
		}
	}
	if !p.IsSelf && !p.Group {
		if p.Ahead, err = v.Calendar.MeetingsAhead(ctx, u); err != nil {
			return err
		}
	}
	if p.Room {
		for _, a := range []struct {
			answer storage.Answer
			text   string
		}{{storage.AnswerAuto, v.t("accepts by itself what is free")}, {storage.AnswerTentative, v.t("accepts what is free under reserve")}, {storage.AnswerManual, v.t("somebody answers for it")}} {
			p.Answers = append(p.Answers, option{string(a.answer), a.text, u.Booking.Answer == a.answer})
		}
		groups, err := v.Store.Principals(ctx, storage.PrincipalQuery{Kinds: []storage.Kind{storage.Group}, Limit: maxOffered})
		if err != nil {
			return err
		}
		p.Groups = append(p.Groups, option{"0", v.t("everybody"), u.Booking.Group == 0})
		for _, g := range groups {
			p.Groups = append(p.Groups, option{strconv.FormatInt(g.ID, 10), cmp.Or(g.DisplayName, g.Name), u.Booking.Group == g.ID})
		}
	}
	return v.render(status, "user", p)
}

// changeUser carries out what is asked of a principal: another name, another password, who acts for it, its removal, members, or how a room is booked.
func (h *Handler) changeUser(v *visit) error {
	ctx := v.r.Context()
	u, err := v.target(ctx)
	if err != nil {
		return err
	}
	back := "/admin/users/" + u.Name
	switch do := v.value("do"); {
	case do == "password" && u.Kind == storage.Person:
		password := auth.GeneratePassword()
		if err := v.people().SetPassword(ctx, u.Name, password); err != nil {
			return err
		}
		h.Log.InfoContext(ctx, "password set by an administrator", "by", v.who.ID, "principal", u.ID)
		return v.showUser(http.StatusOK, u, nil, &madeUser{u.Name, password})
	case do == "change":
		return v.changeProfile(u)
	case do == "delegate" && u.Kind != storage.Group:
		return v.changeDelegate(u)
	case do == "remove":
		if u.ID == v.who.ID {
			return v.showUser(http.StatusConflict, u, map[string]string{"sure": v.t("Nobody removes themselves.")}, nil)
		}
		if v.value("sure") != u.Name {
			return v.showUser(http.StatusUnprocessableEntity, u, map[string]string{"sure": v.t("To remove it, type its name.")}, nil)
		}
		return v.removeUser(u)
	case (do == "join" || do == "leave") && u.Kind == storage.Group:
		m, err := v.people().Find(ctx, v.value("member"))
		if errors.Is(err, storage.ErrNotFound) || err == nil && m.ID == u.ID {
			return v.showUser(http.StatusUnprocessableEntity, u, map[string]string{"member": v.t("There is nobody of this name.")}, nil)
		}
		if err != nil {
			return err
		}
		var in, out []int64
		if do == "join" {
			in = []int64{m.ID}
		} else {
			out = []int64{m.ID}
		}
		if err := h.Calendar.ChangeGroup(ctx, u, in, out); err != nil {
			return err
		}
		return v.redirect(back + "?done=saved")
	case do == "booking" && (u.Kind == storage.Room || u.Kind == storage.Resource):
		b := storage.Booking{Answer: storage.Answer(v.value("answer"))}
		days, err1 := strconv.ParseInt(v.value("days"), 10, 64)
		group, err2 := strconv.ParseInt(v.value("group"), 10, 64)
		if err1 != nil || days < 1 || days > 3660 {
			return v.showUser(http.StatusUnprocessableEntity, u, map[string]string{"days": v.t("This is a number from 1 to 3660.")}, nil)
		}
		if err2 != nil || !slices.Contains([]storage.Answer{storage.AnswerAuto, storage.AnswerTentative, storage.AnswerManual}, b.Answer) {
			return brokenForm
		}
		b.Days, b.Group = days, group
		if err := v.people().SetBooking(ctx, u.Name, b); err != nil {
			return err
		}
		return v.redirect(back + "?done=saved")
	}
	return brokenForm
}

type outboxView struct {
	base
	Waiting, Failed []jobLine
	Problem         string
}

type jobLine struct {
	ID, Kind, Recipient, State, Error, Due string
	Attempt                                int
}

func (h *Handler) outbox(v *visit) error { return v.showOutbox(http.StatusOK, "") }

func (v *visit) showOutbox(status int, problem string) error {
	ctx := v.r.Context()
	p := &outboxView{base: v.base(v.t("Outbox")), Problem: problem}
	p.Section = "admin"
	for _, x := range []struct {
		states []storage.JobState
		into   *[]jobLine
	}{{[]storage.JobState{storage.Ready, storage.Leased}, &p.Waiting}, {[]storage.JobState{storage.Failed}, &p.Failed}} {
		jobs, err := v.Store.Jobs(ctx, x.states, 100)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			*x.into = append(*x.into, jobLine{
				fmt.Sprintf("%d/%d", j.Owner, j.ID), j.Kind, j.Recipient, string(j.State), clipTo(j.LastError, 300), v.lang.Moment(j.DueAt, v.loc), j.Attempt,
			})
		}
	}
	return v.render(status, "outbox", p)
}

// changeJob has a job tried again now, or drops it.
func (h *Handler) changeJob(v *visit) error {
	ctx := v.r.Context()
	a, b, _ := strings.Cut(v.value("id"), "/")
	owner, err1 := strconv.ParseInt(a, 10, 64)
	id, err2 := strconv.ParseInt(b, 10, 64)
	if err1 != nil || err2 != nil {
		return brokenForm
	}
	var err error
	switch v.value("do") {
	case "retry":
		err = h.Store.RetryJob(ctx, owner, id, h.Now())
	case "drop":
		err = h.Store.DropJob(ctx, owner, id)
	default:
		return brokenForm
	}
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return v.showOutbox(http.StatusConflict, v.t("It is not there any more, or is being carried out right now."))
	case errors.Is(err, storage.ErrConflict):
		return v.showOutbox(http.StatusConflict, v.t("A newer mail to the same person waits in its place."))
	case err != nil:
		return err
	}
	h.Log.InfoContext(ctx, "job changed by an administrator", "by", v.who.ID, "owner", owner, "job", id, "do", v.value("do"))
	if h.Calendar.Wake != nil {
		h.Calendar.Wake()
	}
	return v.redirect("/admin/outbox?done=saved")
}
