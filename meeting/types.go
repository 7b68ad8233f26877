package meeting

import (
	"bytes"
	"encoding/json"
)

// Meeting is a meeting or another event, or one instance of a series.
type Meeting struct {
	ID          string      `json:"id" doc:"Its id: the same for ever, and for every instance of a series." example:"mtgeqbq"`
	Instance    string      `json:"instance,omitempty" doc:"Which instance of the series this is: when it takes Place according to the series, as an instant, or as a date where it takes the whole day. It goes into ?instance= and ?from=." example:"2026-03-02T09:00:00+01:00"`
	UID         string      `json:"uid" doc:"The UID by which calendar programs know it."`
	Calendar    string      `json:"calendar" doc:"The id of the calendar it is in."`
	ETag        string      `json:"etag" doc:"Which version this is, for If-Match. All instances of a series share it." example:"\"Zm9v\""`
	Name        string      `json:"name" doc:"What it is about, in one line."`
	Description string      `json:"description,omitempty" doc:"More about it, as plain text."`
	Location    string      `json:"location,omitempty" doc:"Where it is."`
	Start       string      `json:"start" doc:"When it starts: an instant (RFC 3339), or a date where it takes the whole day." example:"2026-03-02T09:00:00+01:00"`
	End         string      `json:"end" doc:"When it ends: an instant, or the first day after it." example:"2026-03-02T10:00:00+01:00"`
	TimeZone    string      `json:"timeZone,omitempty" doc:"The IANA time zone of its times, in which a series repeats." example:"Europe/Berlin"`
	AllDay      bool        `json:"allDay" doc:"Whether it takes the whole day, or several."`
	Floating    bool        `json:"floating,omitempty" doc:"Whether its times are those of the wall clock, wherever one is; start and end are then as in one's own zone."`
	Recurring   bool        `json:"recurring" doc:"Whether it repeats."`
	Recurrence  *Recurrence `json:"recurrence,omitempty" doc:"How it repeats."`
	Organizer   *Person     `json:"organizer,omitempty" doc:"Who invites."`
	Invited     []Invited   `json:"invited" nullable:"false" doc:"Who is invited: people, rooms, groups."`
	Link        string      `json:"link,omitempty" doc:"Where to meet online, or to read more." example:"https://meet.example.com/weekly"`
	Reminders   []int       `json:"reminders" nullable:"false" doc:"How many minutes before it starts one is reminded." example:"[30]"`
	Status      string      `json:"status" enum:"confirmed,tentative,cancelled" doc:"Whether it takes Place."`
	Answer      string      `json:"answer,omitempty" enum:"needs-action,accepted,declined,tentative,delegated" doc:"What the owner of the calendar answered, where they are invited."`
	Busy        bool        `json:"busy" doc:"Whether it takes up one's time."`
	Privacy     string      `json:"privacy" enum:"public,confidential,private" doc:"What others see of it who may read the calendar: everything, only that one is busy, or nothing."`
	Updated     string      `json:"updated" doc:"When it was changed last here."`

	Attachments []Attachment `json:"attachments,omitempty" readOnly:"true" doc:"What is attached to it."`
}

// Person is somebody in a meeting.
type Person struct {
	Address string `json:"address" doc:"A mail address, or another calendar user address." example:"alice@example.com"`
	Name    string `json:"name,omitempty" doc:"What they are called." example:"Alice Example"`
}

// Invited is somebody or something that is invited.
type Invited struct {
	Address  string `json:"address" doc:"Mail address of a person, a room or a group." example:"bob@example.com" maxLength:"300"`
	Name     string `json:"name,omitempty" doc:"What they are called; of those with an account here it is known." maxLength:"200"`
	Optional bool   `json:"optional,omitempty" doc:"Whether it can do without them."`
	Kind     string `json:"kind,omitempty" enum:"person,room,resource,group" readOnly:"true" doc:"What it is."`
	Answer   string `json:"answer,omitempty" enum:"needs-action,accepted,declined,tentative,delegated" readOnly:"true" doc:"What they answered."`
}

// NewMeeting is a meeting to make.
type NewMeeting struct {
	Calendar    string       `json:"calendar,omitempty" doc:"Id or slug of the calendar it goes into; without it the one for invitations." maxLength:"255"`
	Name        string       `json:"name" doc:"What it is about, in one line." minLength:"1" maxLength:"1000" example:"Weekly planning"`
	Description string       `json:"description,omitempty" doc:"More about it, as plain text." maxLength:"100000"`
	Location    string       `json:"location,omitempty" doc:"Where it is." maxLength:"1000"`
	Start       string       `json:"start" doc:"When it starts: an instant (RFC 3339), or with allDay a date." maxLength:"40" example:"2026-03-02T09:00:00+01:00"`
	End         string       `json:"end,omitempty" doc:"When it ends: an instant, or with allDay the first day after it. Needed but for a single day." maxLength:"40" example:"2026-03-02T10:00:00+01:00"`
	TimeZone    string       `json:"timeZone,omitempty" doc:"IANA time zone of the meeting; without it one's own, else UTC." maxLength:"100" example:"Europe/Berlin"`
	AllDay      bool         `json:"allDay,omitempty" doc:"Whether it takes whole days."`
	Recurrence  *Recurrence  `json:"recurrence,omitempty" doc:"How it repeats."`
	Invited     []Invited    `json:"invited,omitempty" nullable:"false" doc:"Who is invited: people, rooms, groups. They hear of it at once." maxItems:"1000"`
	Link        string       `json:"link,omitempty" doc:"Where to meet online: an http or https address." maxLength:"2000" example:"https://meet.example.com/weekly"`
	Reminders   Change[Mins] `json:"reminders,omitempty" doc:"How many minutes before it starts one is reminded; without it once, 30 minutes before." example:"[30]"`
	Status      string       `json:"status,omitempty" enum:"confirmed,tentative" doc:"Whether it takes Place; confirmed."`
	Busy        *bool        `json:"busy,omitempty" doc:"Whether it takes up one's time; true."`
	Privacy     string       `json:"privacy,omitempty" enum:"public,confidential,private" doc:"What others see of it; public."`
}

// MeetingChange is what of a meeting is to be changed: what is not sent stays, and null removes.
type MeetingChange struct {
	Calendar    string             `json:"calendar,omitempty" doc:"Id or slug of another calendar of the same owner to move it to; nothing else may be sent with it." maxLength:"255"`
	Name        Change[string]     `json:"name,omitempty" doc:"What it is about, in one line." maxLength:"1000"`
	Description Change[string]     `json:"description,omitempty" doc:"More about it, as plain text." maxLength:"100000"`
	Location    Change[string]     `json:"location,omitempty" doc:"Where it is." maxLength:"1000"`
	Start       string             `json:"start,omitempty" doc:"When it starts; without end it stays as long as it is. Of a series all instances move alike." maxLength:"40"`
	End         string             `json:"end,omitempty" doc:"When it ends." maxLength:"40"`
	TimeZone    string             `json:"timeZone,omitempty" doc:"IANA time zone of the meeting." maxLength:"100"`
	AllDay      *bool              `json:"allDay,omitempty" doc:"Whether it takes whole days; start must be sent with it."`
	Recurrence  Change[Recurrence] `json:"recurrence,omitempty" doc:"How it repeats; null for once."`
	Invited     Change[[]Invited]  `json:"invited,omitempty" doc:"Who is invited, all of them: who is left out is told that they need not come."`
	Link        Change[string]     `json:"link,omitempty" doc:"Where to meet online." maxLength:"2000"`
	Reminders   Change[Mins]       `json:"reminders,omitempty" doc:"How many minutes before it starts one is reminded. Reminders that cannot be told like this stay."`
	Status      string             `json:"status,omitempty" enum:"confirmed,tentative,cancelled" doc:"Whether it takes Place."`
	Busy        *bool              `json:"busy,omitempty" doc:"Whether it takes up one's time."`
	Privacy     string             `json:"privacy,omitempty" enum:"public,confidential,private" doc:"What others see of it."`
}

// Change is a field that may be left out, be null, or have a value.
type Change[T any] struct {
	Sent  bool // with a value or null
	Null  bool
	Value T
}

// UnmarshalJSON implements [json.Unmarshaler].
func (c *Change[T]) UnmarshalJSON(data []byte) error {
	*c = Change[T]{Sent: true}
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		c.Null = true
		return nil
	}
	return json.Unmarshal(data, &c.Value)
}

// MarshalJSON implements [json.Marshaler]: requests that come twice are compared as they were understood.
func (c Change[T]) MarshalJSON() ([]byte, error) {
	if c.Null || !c.Sent {
		return []byte("null"), nil
	}
	return json.Marshal(c.Value)
}

// Mins are the minutes of reminders.
type Mins []int

// Bounds of reminders.
const (
	MaxReminders = 10
	MaxMinutes   = 366 * 24 * 60
)
