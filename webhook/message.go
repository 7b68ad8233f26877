package webhook

import (
	"encoding/json"
	"fmt"
	"time"

	"kalends/internal/ids"
	"kalends/storage"
)

// The types of messages.
const (
	ChangedMessage  = "calendar.changed"
	ReminderMessage = "reminder.due"
	TestMessage     = "webhook.test"
)

// Message is what a webhook is told. It says what has changed and not what is in it: who wants to know asks the API.
type Message struct {
	ID       string   `json:"id" doc:"Names the message: the same as in the header webhook-id, and the same when it comes again."`
	Type     string   `json:"type" enum:"calendar.changed,reminder.due,webhook.test" doc:"What it is about."`
	Time     string   `json:"timestamp" doc:"When it happened (RFC 3339, UTC)."`
	Webhook  string   `json:"webhook" doc:"Id of the webhook."`
	Sequence int64    `json:"sequence" doc:"Numbers the webhook's messages 1, 2, 3 … in the order in which things happened. They may come in another order; a number that never comes is a message that was given up."`
	Calendar string   `json:"calendar,omitempty" doc:"Id of the calendar, as in /calendars."`
	Changes  []Detail `json:"changes" nullable:"false" doc:"What has happened, in its order: at most 100 of one calendar. More, as from an import, come as several messages."`
}

// Detail is one change in a Message.
type Detail struct {
	Type      Kind     `json:"type" enum:"event.created,event.updated,event.deleted,meeting.answered,reminder.due,calendar.deleted" doc:"What has happened."`
	ID        string   `json:"id,omitempty" doc:"Id of the event, as in /events and /meetings."`
	UID       string   `json:"uid,omitempty" doc:"Its UID."`
	Component string   `json:"component,omitempty" doc:"What it is: VEVENT, VTODO or VJOURNAL."`
	ETag      string   `json:"etag,omitempty" doc:"Its ETag by CalDAV after the change."`
	Order     int64    `json:"order,omitempty" doc:"Of two changes of one event, the one with the higher number came later."`
	Answers   []Answer `json:"answers,omitempty" doc:"Who has answered: at most 20."`
	Due       string   `json:"due,omitempty" doc:"When the reminder was due."`
	Start     string   `json:"start,omitempty" doc:"When that starts of which it reminds: an instant, or a date where it takes the whole day."`
}

// Answer is somebody's answer to an invitation.
type Answer struct {
	Attendee string `json:"attendee" doc:"Their address, such as mailto:bob@example.com."`
	Answer   string `json:"answer" doc:"What they have answered: ACCEPTED, DECLINED, TENTATIVE or what their program calls it."`
	Instance string `json:"instance,omitempty" doc:"RECURRENCE-ID of the instance that it is about; all of a series where it is left out."`
}

// Bounds of a message.
const (
	MaxChanges = 100
	MaxAnswers = 20
	maxOctets  = 32 << 10 // of what is told, about: what is more comes in another message
	maxText    = 1000     // octets of a UID or an address; longer ones are left out
)

// ID is the id of a webhook.
func ID(k storage.WebhookKey) string { return ids.Make(ids.Webhook, k.Owner, k.ID) }

// ParseID reads the id of a webhook.
func ParseID(id string) (storage.WebhookKey, bool) {
	owner, number, ok := ids.Read(ids.Webhook, id)
	return storage.WebhookKey{Owner: owner, ID: number}, ok
}

// instant writes a time as messages do.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
}

// detail is a change as it is told.
func (c *Change) detail() Detail {
	d := Detail{Type: c.Kind, Order: c.Seq, Component: c.Component, ETag: c.ETag, Answers: c.Answers, Due: instant(c.Due), Start: instant(c.Start)}
	if c.AllDay {
		d.Start = c.Start.Format(time.DateOnly)
	}
	if c.Object != 0 {
		d.ID = ids.Make(ids.Meeting, c.Owner, c.Object)
	}
	if len(c.UID) <= maxText {
		d.UID = c.UID
	}
	return d
}

// octets is about how long it is in a message.
func (d *Detail) octets() int {
	n := 150 + len(d.UID) + len(d.ETag)
	for _, a := range d.Answers {
		n += 50 + len(a.Attendee) + len(a.Answer) + len(a.Instance)
	}
	return n
}

// body is the message as it is sent, byte by byte the same each time.
func (m *Message) body() ([]byte, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("webhook message: %w", err)
	}
	return text, nil
}
