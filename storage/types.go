package storage

import (
	"math"
	"time"
)

// Kind is what a principal is (RFC 5545 section 3.2.3, CUTYPE).
type Kind string

// The kinds of principals.
const (
	Person   Kind = "person"
	Room     Kind = "room"
	Resource Kind = "resource"
	Group    Kind = "group"
)

// Principal is a person, room, resource or group.
type Principal struct {
	ID          int64
	Name        string // for login and in URLs; lower case, unique
	Kind        Kind
	Admin       bool
	DisplayName string
	Email       string // the mailbox of the preferred address; "" for none
	TimeZone    string // IANA name; "" for not known
	Language    string // BCP 47; "" for not known
	Created     time.Time

	// PasswordHash is an encoded argon2id hash, "" for no password. CredentialVersion changes whenever it does.
	PasswordHash      string
	CredentialVersion int64

	Booking Booking // of a room or resource
	// Alarms are for events without any; where nothing is said, as the site says.
	Alarms DefaultAlarms
	// MailedAlarms says which alarms become mails.
	MailedAlarms MailedAlarms
	// PublicBusy: whoever knows the address may ask when this person is busy.
	PublicBusy bool
	// ActsFor says whose calendars they may read or change as a delegate. It is read only: see SetDelegates.
	ActsFor Delegations
}

// PrincipalQuery selects principals.
type PrincipalQuery struct {
	Kinds  []Kind
	Search string
	After  string // name
	Limit  int    // 0: 1,000
}

// CollectionKind tells the collections of a home apart.
type CollectionKind string

// The kinds of collections. A home has one Inbox, Outbox and Notification each.
const (
	CalendarKind     CollectionKind = "calendar"
	InboxKind        CollectionKind = "inbox"
	OutboxKind       CollectionKind = "outbox"
	NotificationKind CollectionKind = "notification"
)

// Ref names a collection: where its rows are.
type Ref struct {
	Owner, ID int64
	Inbox     bool // its members are inbox items
}

// Calendar is a collection of a home.
type Calendar struct {
	Owner, ID   int64
	Kind        CollectionKind
	Slug        string // its name in the URL
	DisplayName string
	Description string
	Color       string   // as the client set it, such as #FF2968FF
	ColorName   string   // what Apple's programs call it (symbolic-color); "" for nothing
	Order       string   // Apple's calendar-order, as set
	Components  []string // what it takes: VEVENT, VTODO, VJOURNAL, VFREEBUSY, VAVAILABILITY; empty for any
	TimeZone    string   // iCalendar text of CALDAV:calendar-timezone, as set
	TimeZoneID  string   // IANA name of it; "" for none
	// Availability, on the inbox, is the iCalendar text of CALDAV:calendar-availability (RFC 7953 section 7.2.4); "" for none.
	Availability string
	Transparent  bool   // CALDAV:schedule-calendar-transp
	OwnClient    bool   // its owner's program sends invitations and answers, not the server
	Team         bool   // who plans a meeting in it is its organizer, not the calendar's owner
	Subscribed   bool   // filled from an address elsewhere (see Subscription), which alone writes to it
	Default      string // on the inbox: slug of the calendar for invitations (RFC 6638 section 9.2); "" for "calendar"
	Seq          int64  // of the last change of the collection's own properties
	LastSeq      int64  // of the last change in it: ctag and sync token
	Floor        int64  // changes up to here may have lost their tombstones
	// Alarms are for events in it without any, of its owner; where nothing is said, as the owner says.
	Alarms   DefaultAlarms
	Personal bool // people have something of their own in it (see Personal); kept by PutPersonal and SetPersonal
	// Shared: of a calendar, that it is shared with somebody by an invitation; of the notification collection, that something is
	// shared with the owner (see Share). Kept by ShareTx.
	Shared  bool
	Bytes   int64 // of all objects in it
	Objects int64 // how many
	Created time.Time
}

// Ref returns where the collection's rows are.
func (c *Calendar) Ref() Ref { return Ref{c.Owner, c.ID, c.Kind == InboxKind} }

// Bounds of [Object] times that have none.
const (
	MinTime = math.MinInt64 / 4
	MaxTime = math.MaxInt64 / 4
)

// Object is a calendar object resource (RFC 4791 section 4.1), or an item of a scheduling inbox.
type Object struct {
	Owner, Calendar, ID int64
	Inbox               bool
	Name                string // last segment of its URL, decoded
	UID                 string
	Component           string // VEVENT, VTODO, VJOURNAL, VFREEBUSY, VAVAILABILITY; "" of a notice of sharing, and of nothing else
	Method              string // of an inbox item: its iTIP METHOD; PUBLISH for what came by a Subscription
	ICS                 []byte // exactly as it is served
	ETag                string // with the quotes
	ScheduleTag         string // with the quotes; "" where it is no scheduling object
	Organizer           string // ical.Address of the ORGANIZER; "" where it is no scheduling object
	Seq                 int64  // of its last change
	Size                int64  // of ICS

	// First and Last bound its occurrences: it may touch [s, e) only if First < e and Last > s. Where
	// Floating they are wall clock time. For objects that do not recur they are exact.
	First, Last int64
	Floating    bool
	Recurring   bool
	Busy        uint8  // recur.Busy of an object that does not recur
	Series      []byte // recur.Series; empty where First, Last and Busy say everything
	Zones       string // the IANA zones it names, separated by blanks
	Privacy     Privacy
	Remind      bool // made by the server's own pages or API: default alarms apply unless somebody said otherwise

	Created, Modified time.Time
}

// Privacy is what others than the owner see of an object: the strictest CLASS in it (RFC 5545 section 3.8.1.3).
type Privacy uint8

// The kinds of privacy.
const (
	Public       Privacy = iota
	Confidential         // that there is something, not what
	Private              // nothing
)

// Ref returns the object's collection.
func (o *Object) Ref() Ref { return Ref{o.Owner, o.Calendar, o.Inbox} }

// Fields says which of the costly columns a reader needs.
type Fields uint8

// Sets of columns; without them an Object has neither ICS nor Series.
const (
	WithICS Fields = 1 << iota
	WithSeries
)

// RangeQuery selects objects by time. The window [Start, End) is for instants, [WallStart, WallEnd) the same
// in wall clock time of the query's zone, for floating objects. MinTime and MaxTime stand for open ends.
type RangeQuery struct {
	Owner              int64
	Calendars          []int64
	Components         []string // none: all
	Start, End         int64
	WallStart, WallEnd int64
	Fields             Fields
	MaxText            int64 // ErrTooMuch when the texts together have more octets; 0 for no bound
}

// Change is a member of a collection that changed.
type Change struct {
	Name        string
	Seq         int64
	Deleted     bool
	ID          int64 // of the object; of what was deleted by an earlier version of this program 0
	UID         string
	Component   string
	ETag        string
	ScheduleTag string
	Size        int64
	Created     time.Time
	Modified    time.Time
	Privacy     Privacy
}

// Dead properties of a home itself have this calendar id, those of a principal PrincipalProps.
const (
	HomeProps      int64 = 0
	PrincipalProps int64 = -1
)

// Property is a dead property (RFC 4918 section 4) of a resource: of the object with that id in the calendar, or of
// the calendar itself where Object is 0.
type Property struct {
	Owner, Calendar, Object int64
	User                    int64 // 0: the same for all
	Space, Local            string
	XML                     []byte // the whole element, self-contained
}

// Reminder is the next due time of one alarm of one object for one person.
type Reminder struct {
	Owner, Object, Calendar int64
	ForUser                 int64
	Alarm                   string    // key of the alarm in its object
	DueAt                   time.Time // zero: nothing further is due; the row only keeps FiredThrough
	FiredThrough            time.Time // all due times up to here were dealt with; survives every rewrite of the object
	Leased                  bool
	Attempt                 int   // claims since the last one that went well
	Claim                   int64 // the store's: which claim this is
	LastError               string
}

// JobState is where a job stands.
type JobState string

// The states of a job.
const (
	Ready  JobState = "ready"
	Leased JobState = "leased"
	Done   JobState = "done"
	Failed JobState = "failed"
)

// Job is an effect to carry out after commit, at least once.
type Job struct {
	Owner, ID int64
	Kind      string // "mail", …
	Merge     string // key under which later jobs replace it while it waits; "" for never
	Opens     bool   // the recipient was told nothing before; what replaces it while it waits is the first too
	Recipient string
	Object    int64  // what it is about; 0 for none
	UID       string // the meeting's
	Payload   []byte
	State     JobState
	DueAt     time.Time
	Attempt   int
	LastError string
	Created   time.Time

	// Mailed is what the recipient knows once the job is done, for FinishJobs; nil for nothing to note. It is not kept with the job.
	Mailed *Mailed
}

// Inbound is a mail taken in, for dedupe and audit.
type Inbound struct {
	Owner     int64
	Key       string // hash of the message and its recipient
	Received  time.Time
	Sender    string // of the envelope
	Recipient string // of the envelope
	Subject   string
	State     InboundState
	Outcome   string // what it led to, or why it waits
	Message   []byte // as it came; empty for what came by an answer page

	// Of what waits only:
	Object   int64  // of the owner's, that it is about; 0 for none
	About    About  // for who decides
	Calendar []byte // the iTIP message; empty where it has none that can be read
}
