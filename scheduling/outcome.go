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

// Notice is a mail to the owner of a meeting about what an attendee outside says: the payload of a job of the kind NoticeJob.
type Notice struct {
	Kind       string `json:"kind"`
	From       string `json:"from"` // ical.Address of who speaks, "" where that is not known
	FromName   string `json:"from_name,omitempty"`
	To         string `json:"to"` // ical.Address of the owner
	ToName     string `json:"to_name,omitempty"`
	Title      string `json:"title,omitempty"`      // of the meeting
	Calendar   string `json:"calendar,omitempty"`   // what the attendee sent; of words the meeting as it is, "" where it is gone
	Before     string `json:"before,omitempty"`     // of a proposal: the meeting as it is
	Invited    string `json:"invited,omitempty"`    // of words: whose reply address it came to
	Unverified bool   `json:"unverified,omitempty"` // of words: nobody stands in for From
	Key        string `json:"key,omitempty"`        // of words: of the mail that was taken in
	Owner      int64  `json:"owner"`
	Object     int64  `json:"object"`
	UID        string `json:"uid"`
	Language   string `json:"language,omitempty"` // of the owner
	TimeZone   string `json:"time_zone,omitempty"`
}

// The kinds of a Notice.
const (
	WordsNotice    = "words"    // a mail without a message for calendars
	CommentNotice  = "comment"  // an answer with a comment
	ProposalNotice = "proposal" // a COUNTER, which waits for a decision
	CrasherNotice  = "crasher"  // an answer by somebody who was not invited, which waits for a decision
)

// The kinds of jobs in the outbox.
const (
	MailJob    = "mail"    // send a Mail
	NoticeJob  = "notice"  // send a Notice
	DeliverJob = "deliver" // bring a Mail to somebody here, of a meeting with too many for one transaction
	SpreadJob  = "spread"  // tell the other attendees' calendars about participation
	GroupJob   = "group"   // bring a group's meetings to those who join it, and take them from those who leave
)
