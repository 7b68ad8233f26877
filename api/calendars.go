package api

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/meeting"
	"kalends/scheduling"
	"kalends/storage"
)

// calendars registers what can be done with calendars.
func (h *Handler) calendars(a huma.API) {
	register(h, a, operation("GET", "/me", "getMe", calendarsTag, auth.FreeBusyScope, "Who one is", ""), h.me)
	register(h, a, operation("GET", "/calendars", "listCalendars", calendarsTag, auth.ReadScope, "One's calendars",
		"One's own, those that others have shared, and those of whom one acts for."), h.listCalendars)
	create := operation("POST", "/calendars", "createCalendar", calendarsTag, auth.WriteScope, "Make a calendar", "")
	create.DefaultStatus = http.StatusCreated
	register(h, a, create, h.createCalendar)
	register(h, a, operation("GET", "/calendars/{id}", "getCalendar", calendarsTag, auth.ReadScope, "Read a calendar", ""), h.getCalendar)
	register(h, a, operation("PATCH", "/calendars/{id}", "updateCalendar", calendarsTag, auth.WriteScope, "Change a calendar",
		"Fields that are not sent stay, null removes. Of one that somebody else shares by an invitation, they are one's own; so are name and colour of one of whom one acts for."), h.updateCalendar)
	register(h, a, operation("DELETE", "/calendars/{id}", "deleteCalendar", calendarsTag, auth.WriteScope, "Remove a calendar",
		"With everything in it: its meetings are cancelled or declined first. One that somebody else shares is only taken out of one's own."), h.deleteCalendar)
}

// Me is who sends a request.
type Me struct {
	Name        string   `json:"name" doc:"Name to log in with."`
	DisplayName string   `json:"displayName" doc:"Name that others see."`
	Email       string   `json:"email,omitempty" doc:"The address by which one invites and is invited."`
	Addresses   []string `json:"addresses" nullable:"false" doc:"All addresses by which one is invited."`
	TimeZone    string   `json:"timeZone,omitempty" doc:"IANA time zone."`
	Language    string   `json:"language,omitempty" doc:"Language (BCP 47)."`
	Scope       string   `json:"scope" enum:"freebusy,read,write" doc:"What this login or token allows."`
	Calendar    string   `json:"calendar,omitempty" doc:"Id of the calendar into which meetings and invitations go."`

	PublicBusy bool           `json:"publicBusy,omitempty" doc:"Whether everybody may see when one is busy, without a login."`
	Mailed     string         `json:"mailedReminders" enum:"site,all,email" doc:"Which reminders become mails: as is usual on the site, all, or those of kind EMAIL."`
	Alarms     *DefaultAlarms `json:"defaultAlarms,omitempty" doc:"Reminders of events that say nothing of it, in all of one's calendars."`
	Hours      *WeekHours     `json:"workingHours,omitempty" doc:"When one works, where that was set here or on the pages."`
	Other      bool           `json:"otherHours,omitempty" doc:"Whether a program has set when one is there, in another form (RFC 7953)."`
}

func (h *Handler) me(ctx context.Context, q *caller, _ *struct{}) (*struct{ Body Me }, error) {
	p, err := h.editor.Visit(ctx, q.who, q.who.ID)
	if err != nil {
		return nil, err
	}
	m := Me{
		Name: q.who.Name, DisplayName: q.who.DisplayName, Email: q.who.Email, Addresses: []string{}, TimeZone: q.who.TimeZone,
		Language: q.who.Language, Scope: q.scope.String(),
	}
	for _, a := range p.Addresses {
		m.Addresses = append(m.Addresses, meeting.ShowAddress(a))
	}
	if c := scheduling.DefaultCalendar(p.Home, "VEVENT"); c != nil {
		m.Calendar = meeting.CalendarID(c.Owner, c.ID)
	}
	m.PublicBusy, m.Mailed, m.Alarms = q.who.PublicBusy, mailedWords[q.who.MailedAlarms], tellAlarms(q.who.Alarms)
	set, other, err := h.editor.WorkingHours(ctx, scheduling.Inbox(p.Home))
	if err != nil {
		return nil, err
	}
	if m.Other = other; len(set.Days) > 0 {
		m.Hours = &WeekHours{set.Days, set.Start, set.End}
	}
	return &struct{ Body Me }{m}, nil
}

// Calendar is a calendar.
type Calendar struct {
	ID          string  `json:"id" doc:"Its id: the same for ever." example:"calaebq"`
	Slug        string  `json:"slug" doc:"The last part of its address for calendar programs. One's own calendars can be named by it instead of the id."`
	Path        string  `json:"path" doc:"Its address for calendar programs."`
	Name        string  `json:"name" doc:"What people call it."`
	Description string  `json:"description,omitempty" doc:"What it is for."`
	Color       string  `json:"color,omitempty" doc:"Its colour." example:"#3366CC"`
	TimeZone    string  `json:"timeZone,omitempty" doc:"IANA time zone of its all-day and floating events."`
	Busy        bool    `json:"busy" doc:"Whether what is in it takes up its owner's time."`
	Meetings    bool    `json:"meetings" doc:"Whether it takes meetings."`
	Default     bool    `json:"default" doc:"Whether meetings and invitations go into it."`
	Owner       *Person `json:"owner,omitempty" doc:"Whose it is, where it is not one's own."`
	Access      string  `json:"access" enum:"read,write" doc:"What one may do in it."`
	ETag        string  `json:"etag" doc:"Which version of these fields this is, for If-Match."`
	Changed     string  `json:"changed" doc:"This changes with everything in the calendar."`

	Feed   bool           `json:"feed,omitempty" doc:"Whether it shows a feed elsewhere, which alone changes what is in it: see /subscriptions."`
	Alarms *DefaultAlarms `json:"defaultAlarms,omitempty" doc:"Reminders of events in it that say nothing of it; where nothing is said, as for all of one's calendars."`
}

// NewCalendar is a calendar to make.
type NewCalendar struct {
	Name        string `json:"name" minLength:"1" maxLength:"200" doc:"What people call it." example:"Workshops"`
	Description string `json:"description,omitempty" maxLength:"10000" doc:"What it is for."`
	Color       string `json:"color,omitempty" maxLength:"9" doc:"Its colour: #RRGGBB." example:"#3366CC"`
	TimeZone    string `json:"timeZone,omitempty" maxLength:"100" doc:"IANA time zone."`
	Busy        *bool  `json:"busy,omitempty" doc:"Whether what is in it takes up one's time; true."`
}

// CalendarChange is what of a calendar is to be changed.
type CalendarChange struct {
	Name        string         `json:"name,omitempty" maxLength:"200" doc:"What people call it."`
	Description Change[string] `json:"description,omitempty" maxLength:"10000" doc:"What it is for."`
	Color       Change[string] `json:"color,omitempty" maxLength:"9" doc:"Its colour: #RRGGBB."`
	TimeZone    Change[string] `json:"timeZone,omitempty" maxLength:"100" doc:"IANA time zone."`
	Busy        *bool          `json:"busy,omitempty" doc:"Whether what is in it takes up one's time."`

	Alarms *DefaultAlarmsChange `json:"defaultAlarms,omitempty" doc:"Reminders of events in it that say nothing of it, for oneself."`
}

type calendarAnswer struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     *Calendar
}

func calendarETag(c *storage.Calendar) string { return `"` + pack(0, c.ID, c.Seq) + `"` }

func tellCalendar(p *meeting.Place, c *storage.Calendar) *Calendar {
	out := &Calendar{
		ID: meeting.CalendarID(c.Owner, c.ID), Slug: c.Slug, Path: "/dav/calendars/" + p.Owner.Name + "/" + c.Slug + "/", Name: c.DisplayName,
		Description: c.Description, TimeZone: c.TimeZoneID, Busy: !c.Transparent, Access: "read", ETag: calendarETag(c),
		Meetings: len(c.Components) == 0 || slices.Contains(c.Components, "VEVENT"), Changed: pack(0, c.LastSeq, c.Seq),
	}
	if out.Name == "" {
		out.Name = c.Slug
	}
	if colorForm.MatchString(c.Color) {
		out.Color = strings.ToUpper(c.Color[:7]) // Apple's have an alpha after it
	}
	if out.Feed = c.Subscribed; !c.Subscribed && p.Access.To(c).Has(auth.WriteContent) {
		out.Access = "write"
	}
	if p.Access.Own() || p.Share != nil {
		out.Alarms = tellAlarms(c.Alarms)
	}
	if p.Access.Own() {
		d := scheduling.DefaultCalendar(p.Home, "VEVENT")
		out.Default = d != nil && d.ID == c.ID
	} else {
		out.Owner = &Person{Address: showOwn(p.Owner), Name: p.Owner.DisplayName}
	}
	return out
}

var colorForm = regexp.MustCompile(`^#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?$`)

// placed is a calendar with where it is.
type placed struct {
	place *meeting.Place
	*storage.Calendar
}

func (h *Handler) listCalendars(ctx context.Context, q *caller, _ *struct{}) (*struct {
	Body struct {
		Calendars []*Calendar `json:"calendars" nullable:"false" doc:"One's own first, each in the order that one gave them in a calendar program."`
	}
}, error) {
	out := &struct {
		Body struct {
			Calendars []*Calendar `json:"calendars" nullable:"false" doc:"One's own first, each in the order that one gave them in a calendar program."`
		}
	}{}
	out.Body.Calendars = []*Calendar{}
	p, err := h.editor.Visit(ctx, q.who, q.who.ID)
	if err != nil {
		return nil, err
	}
	var own, others []placed
	for _, c := range p.Home {
		if c.Kind == storage.CalendarKind {
			own = append(own, placed{p, c})
		}
	}
	shared, err := h.Calendar.SharedWith(ctx, q.who)
	if err != nil {
		return nil, err
	}
	for _, s := range shared {
		theirs := &meeting.Place{Owner: s.Owner, Access: s.Access, Share: s.Share, Sharee: q.who}
		others = append(others, placed{theirs, s.Calendar})
	}
	acted, err := h.Calendar.Acted(ctx, q.who)
	if err != nil {
		return nil, err
	}
	for _, s := range acted {
		if !slices.ContainsFunc(others, func(o placed) bool { return o.Ref() == s.Calendar.Ref() }) {
			others = append(others, placed{&meeting.Place{Owner: s.Owner, Access: s.Access}, s.Calendar})
		}
	}
	for _, list := range [][]placed{own, others} {
		slices.SortStableFunc(list, func(a, b placed) int { return calendar.ByOrder(a.Calendar, b.Calendar) })
		for _, c := range list {
			out.Body.Calendars = append(out.Body.Calendars, tellCalendar(c.place, c.Calendar))
		}
	}
	return out, nil
}

// CalendarPath names a calendar.
type CalendarPath struct {
	ID string `path:"id" doc:"Id of the calendar, or slug of one's own." maxLength:"255"`
}

// oneCalendar returns a calendar that the caller may read.
func (h *Handler) oneCalendar(ctx context.Context, q *caller, id string) (*meeting.Place, *storage.Calendar, error) {
	if id == "" {
		return nil, nil, notThere("calendar")
	}
	p, c, err := h.editor.Where(ctx, q.who, id)
	if e := (*refusal)(nil); err != nil {
		if e = refusalOf(ctx, err); e.problem == kinds[calendar.NoParent] {
			return nil, nil, notThere("calendar")
		}
		return nil, nil, err
	}
	sh, err := h.Calendar.ShareOf(ctx, q.who, c)
	if err == nil && sh == nil {
		c, err = h.Calendar.Seen(ctx, q.who, p.Target(c, ""), c)
	}
	if err != nil || sh == nil {
		return p, c, err
	}
	p.Share, p.Sharee = sh, q.who
	return p, calendar.Shown(sh, c), nil
}

func (h *Handler) getCalendar(ctx context.Context, q *caller, in *CalendarPath) (*calendarAnswer, error) {
	p, c, err := h.oneCalendar(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	return &calendarAnswer{ETag: calendarETag(c), Body: tellCalendar(p, c)}, nil
}

func (h *Handler) createCalendar(ctx context.Context, q *caller, in *struct {
	OnceKey
	Body NewCalendar
}) (*calendarAnswer, error) {
	return once(ctx, h, q, in.Key, "createCalendar", in.Body, func(slug string) (*calendarAnswer, error) {
		t := calendar.Target{Owner: q.who, Slug: slug}
		var made *storage.Calendar
		err := h.Calendar.MakeCalendar(ctx, q.who, t, calendar.Edit{Live: func(c *storage.Calendar) error {
			made = c
			c.Components = []string{"VEVENT"}
			b := &in.Body
			return h.setCalendar(c, &CalendarChange{
				Name: b.Name, Description: given(b.Description), Color: given(b.Color), TimeZone: given(b.TimeZone), Busy: b.Busy,
			})
		}})
		switch {
		case err != nil && in.Key != "" && calendar.KindOf(err) == calendar.Exists:
			// The same request was cut off after it had been carried out.
		case err != nil:
			return nil, err
		}
		p, err := h.editor.Visit(ctx, q.who, q.who.ID)
		if err != nil {
			return nil, err
		}
		if made = p.BySlug(slug); made == nil {
			return nil, notThere("calendar")
		}
		out := tellCalendar(p, made)
		return &calendarAnswer{out.ETag, Prefix + "/calendars/" + out.ID, out}, nil
	})
}

func given(text string) Change[string] { return Change[string]{Sent: text != "", Value: text} }

// setCalendar changes the fields of a calendar that were sent.
func (h *Handler) setCalendar(c *storage.Calendar, ch *CalendarChange) error {
	if err := meeting.OneLine("name", ch.Name); err != nil {
		return err
	}
	if ch.Name != "" {
		c.DisplayName = ch.Name
	}
	if ch.Description.Sent {
		c.Description = ical.Unescape(ical.Escape(ch.Description.Value)) // without control characters
	}
	if ch.Color.Sent {
		if ch.Color.Value != "" && !colorForm.MatchString(ch.Color.Value) {
			return invalid("color", "must be of the form #RRGGBB")
		}
		c.Color = ch.Color.Value
	}
	if ch.TimeZone.Sent {
		if err := calendar.SetTimeZoneID(c, ch.TimeZone.Value, h.Now()); err != nil {
			return err
		}
	}
	if ch.Busy != nil {
		c.Transparent = !*ch.Busy
	}
	return nil
}

func (h *Handler) updateCalendar(ctx context.Context, q *caller, in *struct {
	CalendarPath
	IfMatchHeader
	Body CalendarChange
}) (*calendarAnswer, error) {
	p, c, err := h.oneCalendar(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	var alarms calendar.AlarmsEdit
	if in.Body.Alarms != nil {
		if alarms, err = in.Body.Alarms.edit("defaultAlarms"); err != nil {
			return nil, err
		}
		if !p.Access.Own() && p.Share == nil {
			return nil, calendar.Errorf(calendar.Forbidden, "reminders are set in one's own calendars, and in those that are among them by an invitation")
		}
	}
	edit, err := h.calendarEdit(q, p, c, in.IfMatch, in.Body)
	if err == nil {
		err = h.Calendar.Patch(ctx, q.who, p.Target(c, ""), edit)
	}
	if err == nil && (alarms.Timed != nil || alarms.Day != nil) {
		err = h.Calendar.SetAlarms(ctx, q.who, p.Target(c, ""), alarms)
	}
	if err != nil {
		return nil, err
	}
	if p, c, err = h.oneCalendar(ctx, q, meeting.CalendarID(c.Owner, c.ID)); err != nil {
		return nil, err
	}
	return &calendarAnswer{ETag: calendarETag(c), Body: tellCalendar(p, c)}, nil
}

// calendarEdit is the change that a request asks for. Who acts for the calendar's owner has a name and a colour of their own for it.
func (h *Handler) calendarEdit(q *caller, p *meeting.Place, c *storage.Calendar, ifMatch string, ch CalendarChange) (calendar.Edit, error) {
	unchanged := func(current *storage.Calendar) error {
		if ifMatch != "" && !matches(ifMatch, calendarETag(current), false) {
			return calendar.Errorf(calendar.Changed, "the calendar has changed")
		}
		return nil
	}
	var edit calendar.Edit
	if calendar.HasOwnLook(q.who, p.Target(c, "")) && (ch.Name != "" || ch.Color.Sent) {
		if err := h.setCalendar(&storage.Calendar{}, &CalendarChange{Name: ch.Name, Color: ch.Color}); err != nil {
			return edit, err
		}
		var name, color *string
		if ch.Name != "" {
			name = &ch.Name
		}
		if ch.Color.Sent {
			color = &ch.Color.Value
		}
		edit.Own = calendar.OwnLook(name, color)
		ch.Name, ch.Color = "", Change[string]{}
		if ch == (CalendarChange{}) {
			return edit, unchanged(c)
		}
	}
	edit.Live = func(current *storage.Calendar) error {
		if err := unchanged(current); err != nil {
			return err
		}
		return h.setCalendar(current, &ch)
	}
	return edit, nil
}

func (h *Handler) deleteCalendar(ctx context.Context, q *caller, in *struct {
	CalendarPath
	IfMatchHeader
}) (*noAnswer, error) {
	p, c, err := h.oneCalendar(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	if in.IfMatch != "" && !matches(in.IfMatch, calendarETag(c), false) {
		return nil, calendar.Errorf(calendar.Changed, "the calendar has changed")
	}
	if err := h.Calendar.DeleteCalendar(ctx, q.who, p.Target(c, ""), nil); err != nil {
		return nil, err
	}
	return &noAnswer{}, nil
}
