package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"kalends/ical/recur"
	"kalends/meeting"
)

// Meetings as the API tells and takes them: package meeting reads and changes them.
type (
	Meeting       = meeting.Meeting
	Person        = meeting.Person
	Invited       = meeting.Invited
	NewMeeting    = meeting.NewMeeting
	MeetingChange = meeting.MeetingChange
	Recurrence    = meeting.Recurrence
	Mins          = meeting.Mins
	Change[T any] = meeting.Change[T]
)

// describeTypes tells what these look like in JSON: package meeting knows nothing of huma.
func describeTypes(r huma.Registry) {
	r.RegisterTypeAlias(reflect.TypeFor[Recurrence](), reflect.TypeFor[recurrenceSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[Mins](), reflect.TypeFor[minsSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[Change[string]](), reflect.TypeFor[changeSchema[string]]())
	r.RegisterTypeAlias(reflect.TypeFor[Change[WeekHours]](), reflect.TypeFor[changeSchema[WeekHours]]())
	r.RegisterTypeAlias(reflect.TypeFor[Change[bool]](), reflect.TypeFor[changeSchema[bool]]())
	r.RegisterTypeAlias(reflect.TypeFor[Change[Mins]](), reflect.TypeFor[changeSchema[Mins]]())
	r.RegisterTypeAlias(reflect.TypeFor[Change[Recurrence]](), reflect.TypeFor[changeSchema[Recurrence]]())
	r.RegisterTypeAlias(reflect.TypeFor[Change[[]Invited]](), reflect.TypeFor[changeSchema[[]Invited]]())
}

// changeSchema is what a field looks like that may be left out, be null, or have a value.
type changeSchema[T any] struct{}

// Schema implements [huma.SchemaProvider].
func (changeSchema[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), false, "")
	s.Nullable = s.Type != ""
	return &s
}

// minsSchema is what the minutes of reminders look like.
type minsSchema struct{}

// Schema implements [huma.SchemaProvider].
func (minsSchema) Schema(huma.Registry) *huma.Schema {
	low, high, most := 0.0, float64(meeting.MaxMinutes), meeting.MaxReminders
	item := &huma.Schema{Type: huma.TypeInteger, Minimum: &low, Maximum: &high}
	item.PrecomputeMessages()
	return &huma.Schema{Type: huma.TypeArray, Items: item, MaxItems: &most}
}

// recurrenceSchema is what a recurrence looks like. Strings are left to package meeting to check, which can say what is wrong
// with one.
type recurrenceSchema struct{}

// Schema implements [huma.SchemaProvider].
func (recurrenceSchema) Schema(huma.Registry) *huma.Schema {
	str := func(doc string, example any) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Description: doc, Examples: []any{example}}
	}
	num := func(doc string, low, high float64) *huma.Schema {
		return &huma.Schema{Type: huma.TypeInteger, Description: doc, Minimum: &low, Maximum: &high}
	}
	words := &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: false,
		Description: "Plain words: every and what belongs to it. In answers rule is there too, and counts where both are sent.",
		Properties: map[string]*huma.Schema{
			"rule":     str("A rule of RFC 5545 section 3.3.10.", "FREQ=WEEKLY;BYDAY=MO"),
			"every":    {Type: huma.TypeString, Enum: []any{"day", "week", "month", "year"}, Description: "What it repeats by."},
			"interval": num("Every how many of these; 1.", 1, recur.MaxInterval),
			"on": {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString},
				Description: "On which days: of a week their names, of a month such as \"second tuesday\" or \"last friday\". Without it the day of start.",
				Examples:    []any{[]string{"monday", "thursday"}}},
			"day":   num("On which day of the month; -1 is the last.", -31, 31),
			"until": str("The last day or instant at which it may start.", "2026-12-31"),
			"count": num("How many times it takes place.", 1, recur.MaxCount),
		},
	}
	return &huma.Schema{Extensions: map[string]any{"oneOf": []*huma.Schema{
		str("A rule of RFC 5545 section 3.3.10.", "FREQ=WEEKLY;BYDAY=MO;COUNT=10"), words,
	}}}
}
