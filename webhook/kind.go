// Package webhook tells addresses outside of changes in calendars. What is to be told is written in the transaction of the change, as
// everything that follows from one is (docs/adr/0011); a [Dispatcher] sends it afterwards, as often as it takes, signed as Standard Webhooks
// does it (https://www.standardwebhooks.com). A [Desk] is where people make webhooks and look after them.
package webhook

import (
	"slices"
	"strings"
)

// Kind is what has happened to an event, a task or a journal entry, or to a calendar.
type Kind string

// The kinds of changes.
const (
	Created  Kind = "event.created"
	Updated  Kind = "event.updated"
	Deleted  Kind = "event.deleted"
	Answered Kind = "meeting.answered" // somebody who is invited has answered
	Reminder Kind = "reminder.due"     // a reminder of the webhook's owner
	Removed  Kind = "calendar.deleted" // with everything in it, which is not told one by one
)

// Kinds are all of them.
var Kinds = []Kind{Created, Updated, Deleted, Answered, Reminder, Removed}

// kindsOf reads the kinds that a webhook is told of.
func kindsOf(text string) map[Kind]bool {
	set := map[Kind]bool{}
	for k := range strings.FieldsSeq(text) {
		set[Kind(k)] = true
	}
	return set
}

// KindsText writes kinds as they are stored, in the order of Kinds; unknown ones are left out.
func KindsText(list []Kind) string {
	var words []string
	for _, k := range Kinds {
		if slices.Contains(list, k) {
			words = append(words, string(k))
		}
	}
	return strings.Join(words, " ")
}

// KindList reads what KindsText wrote.
func KindList(text string) (list []Kind) {
	set := kindsOf(text)
	for _, k := range Kinds {
		if set[k] {
			list = append(list, k)
		}
	}
	return list
}
