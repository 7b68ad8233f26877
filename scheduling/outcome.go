package scheduling

import (
	"kalends/ical"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// Outcome is what a change of a scheduling object leads to.
type Outcome struct {
	Stored   *ical.Component // what is stored instead of what was sent; nil when the object goes
	Changed  bool            // Stored differs from what was sent
	Messages []Delivery
	Spread   bool // participation changed: the attendees' copies are to hear of it quietly
}

// Delivery is a message with the way it takes.
type Delivery struct {
	itip.Message
	Update bool               // the recipient had the meeting before
	Local  *storage.Principal // the recipient here; nil for one outside
	Status string             // SCHEDULE-STATUS of the attempt
}

// Mail is a message on its way to somebody outside: the payload of a job of the kind MailJob.
type Mail struct {
	Method   string `json:"method"`
	From     string `json:"from"` // ical.Address
	FromName string `json:"from_name,omitempty"`
	To       string `json:"to"` // ical.Address
	ToName   string `json:"to_name,omitempty"`
	Calendar string `json:"calendar"` // iCalendar text, with METHOD
	Owner    int64  `json:"owner"`    // whose copy of the meeting this comes from
	Object   int64  `json:"object"`   // its id
	UID      string `json:"uid"`
	Language string `json:"language,omitempty"` // of the sender
	TimeZone string `json:"time_zone,omitempty"`
	Update   bool   `json:"update,omitempty"` // the recipient had a message about the meeting before
}

// The kinds of jobs in the outbox.
const (
	MailJob    = "mail"    // send a Mail
	DeliverJob = "deliver" // bring a Mail to somebody here, of a meeting with too many for one transaction
	SpreadJob  = "spread"  // tell the other attendees' calendars about participation
	GroupJob   = "group"   // bring a group's meetings to those who join it, and take them from those who leave
)
