package storage

import "strings"

// DefaultAlarm is the alarm of events without any VALARM: "" where nothing is said, NoAlarm, or an ACTION and a TRIGGER before the
// start, such as "EMAIL -PT30M".
type DefaultAlarm string

// NoAlarm says that events without an alarm are to have none.
const NoAlarm DefaultAlarm = "NONE"

// Parts returns the action and the trigger; "" and "" where there is no alarm.
func (a DefaultAlarm) Parts() (action, trigger string) {
	action, trigger, ok := strings.Cut(string(a), " ")
	if !ok {
		return "", ""
	}
	return action, trigger
}

// DefaultAlarms are those of events with a time and of those of whole days.
type DefaultAlarms struct{ Timed, Day DefaultAlarm }

// Or returns a, with what b says where a says nothing.
func (a DefaultAlarms) Or(b DefaultAlarms) DefaultAlarms {
	if a.Timed == "" {
		a.Timed = b.Timed
	}
	if a.Day == "" {
		a.Day = b.Day
	}
	return a
}

// MailedAlarms says which alarms become mails.
type MailedAlarms string

// The kinds of MailedAlarms.
const (
	MailAsSite MailedAlarms = "" // as the site says
	MailAll    MailedAlarms = "all"
	MailEmail  MailedAlarms = "email" // those of ACTION EMAIL only
)
