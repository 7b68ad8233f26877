package meeting

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
)

// Recurrence says how a meeting repeats: as a rule of RFC 5545, or in plain words. It is read from a string, which is a
// rule, or from an object.
type Recurrence struct {
	Rule     string   `json:"rule,omitempty"`
	Every    string   `json:"every,omitempty"`
	Interval int      `json:"interval,omitempty"`
	On       []string `json:"on,omitempty"`
	Day      int      `json:"day,omitempty"`
	Until    string   `json:"until,omitempty"`
	Count    int      `json:"count,omitempty"`

	bad string // why it could not be read
}

// UnmarshalJSON implements [json.Unmarshaler]. It never fails: what is wrong is said when the rule is asked for, with
// the field's name.
func (r *Recurrence) UnmarshalJSON(data []byte) error {
	*r = Recurrence{}
	data = bytes.TrimSpace(data)
	if bytes.HasPrefix(data, []byte(`"`)) {
		return json.Unmarshal(data, &r.Rule)
	}
	type plain Recurrence
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode((*plain)(r))
	if err == nil && !bytes.HasPrefix(data, []byte("{")) {
		err = errors.New("must be a rule or an object")
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		r.bad = strings.TrimPrefix(err.Error(), "json: ")
		if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			r.bad = fmt.Sprintf("%s cannot be a %s", t.Field, t.Value)
		}
	}
	return nil
}

var frequencies = map[string]string{"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY", "year": "YEARLY"}

// Weekdays are the names of the days, from Monday on.
var Weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

var dayCodes = []string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}

var ordinals = map[string]int{"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}

// rule returns the value of RRULE for a meeting with this start. The zone is that of zoned starts.
func (r *Recurrence) rule(start ical.DateTime, loc *time.Location) (string, error) {
	const field = "recurrence"
	if r.bad != "" {
		return "", invalid(field, "%s", clip(r.bad, 200))
	}
	text := r.Rule
	if text == "" {
		var err error
		if text, err = r.words(start); err != nil {
			return "", err
		}
	}
	if len(text) > 1000 {
		return "", invalid(field, "is longer than 1000 characters")
	}
	if len(text) > 6 && strings.EqualFold(text[:6], "RRULE:") {
		text = text[6:]
	}
	parsed, err := recur.ParseRule(text)
	if err != nil {
		return "", invalid(field, "%v", err)
	}
	parts := ruleParts(text)
	if wall, utc, ok := parsed.Until(); ok {
		raw := parts.get("UNTIL")
		switch {
		case start.Form == ical.DateForm || len(raw) == 8 || utc:
		default: // a clock time: that of the meeting's zone
			parts.set("UNTIL", untilOf(start, wall, loc))
		}
		if len(raw) == 8 && start.Form != ical.DateForm {
			parts.set("UNTIL", untilOf(start, wall, loc)) // the whole day, as the meeting's zone has it
		}
		if start.Form == ical.DateForm && len(raw) > 8 {
			parts.set("UNTIL", wall.Format("20060102"))
		}
	}
	return parts.String(), nil
}

// words makes a rule of the plain words.
func (r *Recurrence) words(start ical.DateTime) (string, error) {
	freq, ok := frequencies[r.Every]
	if !ok {
		return "", invalid("recurrence.every", "must be day, week, month or year")
	}
	parts := rule{{"FREQ", freq}}
	switch {
	case r.Interval < 0 || r.Interval > recur.MaxInterval:
		return "", invalid("recurrence.interval", "must be between 1 and %d", recur.MaxInterval)
	case r.Interval > 1:
		parts.set("INTERVAL", strconv.Itoa(r.Interval))
	}
	if r.Count < 0 || r.Count > recur.MaxCount {
		return "", invalid("recurrence.count", "must be between 1 and %d", recur.MaxCount)
	}
	if r.Count > 0 && r.Until != "" {
		return "", invalid("recurrence.until", "cannot be sent with count")
	}
	if err := r.days(&parts, start); err != nil {
		return "", err
	}
	if r.Count > 0 {
		parts.set("COUNT", strconv.Itoa(r.Count))
	}
	if r.Until != "" {
		if day, err := time.Parse(time.DateOnly, r.Until); err == nil {
			parts.set("UNTIL", day.Format("20060102"))
		} else if t, err := time.Parse(time.RFC3339, r.Until); err == nil {
			parts.set("UNTIL", t.UTC().Format(utcLayout))
		} else {
			return "", invalid("recurrence.until", "must be a date such as 2026-12-31, or an instant")
		}
	}
	return parts.String(), nil
}

func (r *Recurrence) days(parts *rule, start ical.DateTime) error {
	if r.Day != 0 {
		if r.Every != "month" || len(r.On) > 0 || r.Day < -31 || r.Day > 31 {
			return invalid("recurrence.day", "must be between 1 and 31, or below zero from the end; for every month only, and without on")
		}
		parts.set("BYMONTHDAY", strconv.Itoa(r.Day))
		return nil
	}
	if len(r.On) > 31 {
		return invalid("recurrence.on", "has more than 31 days")
	}
	var list []string
	sawStart := false
	for i, text := range r.On {
		field := fmt.Sprintf("recurrence.on[%d]", i)
		words := strings.Fields(strings.ToLower(text))
		ordinal := 0
		if len(words) == 2 {
			if ordinal = ordinals[words[0]]; ordinal == 0 || r.Every != "month" {
				return invalid(field, "must be a day of the week; with every month also such as \"second tuesday\"")
			}
			words = words[1:]
		}
		day := -1
		if len(words) == 1 {
			day = slices.Index(Weekdays, words[0])
		}
		if day < 0 || r.Every == "year" {
			return invalid(field, "must be the name of a day such as monday, for every day, week or month")
		}
		code := dayCodes[day]
		if ordinal != 0 {
			code = strconv.Itoa(ordinal) + code
		}
		if !slices.Contains(list, code) {
			list = append(list, code)
		}
		sawStart = sawStart || day == Weekday(start.Wall)
	}
	if len(list) == 0 {
		return nil
	}
	if !sawStart {
		return invalid("recurrence.on", "does not hold the day of start, a %s", Weekdays[Weekday(start.Wall)])
	}
	parts.set("BYDAY", strings.Join(list, ","))
	return nil
}

// Weekday counts the day of the week from Monday.
func Weekday(t time.Time) int { return (int(t.Weekday()) + 6) % 7 }

const utcLayout = "20060102T150405Z"

// untilOf writes a wall time as UNTIL in the form that the start asks for (RFC 5545 section 3.3.10).
func untilOf(start ical.DateTime, wall time.Time, loc *time.Location) string {
	switch start.Form {
	case ical.DateForm:
		return wall.Format("20060102")
	case ical.FloatingForm:
		return wall.Format("20060102T150405")
	case ical.UTCForm:
		return wall.Format(utcLayout)
	}
	return zone.Instant(wall, loc).UTC().Format(utcLayout)
}

// recurrenceOf tells a rule, in words as well where there are words for it.
func recurrenceOf(text string, start ical.DateTime, loc *time.Location) *Recurrence {
	r := &Recurrence{Rule: text}
	parsed, err := recur.ParseRule(text)
	if err != nil {
		return r
	}
	w := Recurrence{Rule: text, Interval: parsed.Interval(), Count: parsed.Count()}
	for every, freq := range frequencies {
		if strings.EqualFold(parsed.Frequency().String(), freq) {
			w.Every = every
		}
	}
	if w.Every == "" {
		return r
	}
	for _, p := range ruleParts(text) {
		switch p.name {
		case "FREQ", "INTERVAL", "COUNT", "WKST":
		case "RSCALE", "SKIP": // the words count in Gregorian and skip nothing
			if parsed.RScale() != "GREGORIAN" || parsed.Skip() != "OMIT" {
				return r
			}
		case "UNTIL":
			wall, utc, _ := parsed.Until()
			switch {
			case len(p.value) == 8:
				w.Until = wall.Format(time.DateOnly)
			case utc:
				w.Until = wall.In(loc).Format(time.RFC3339)
			default:
				w.Until = zone.Instant(wall, loc).Format(time.RFC3339)
			}
		case "BYMONTHDAY":
			day, err := strconv.Atoi(p.value)
			if err != nil || w.Every != "month" {
				return r
			}
			w.Day = day
		case "BYDAY":
			for code := range strings.SplitSeq(p.value, ",") {
				word, ok := dayWords(code, w.Every)
				if !ok {
					return r
				}
				w.On = append(w.On, word)
			}
		default:
			return r
		}
	}
	if w.Day != 0 && len(w.On) > 0 {
		return r
	}
	return &w
}

func dayWords(code, every string) (string, bool) {
	code = strings.ToUpper(strings.TrimSpace(code))
	if len(code) < 2 || every == "year" {
		return "", false
	}
	day := slices.Index(dayCodes, code[len(code)-2:])
	if day < 0 {
		return "", false
	}
	number := code[:len(code)-2]
	if number == "" {
		return Weekdays[day], true
	}
	n, err := strconv.Atoi(number)
	for word, o := range ordinals {
		if err == nil && n == o && every == "month" {
			return word + " " + Weekdays[day], true
		}
	}
	return "", false
}

// rule is the parts of a recurrence rule, in order.
type rule []rulePart

type rulePart struct{ name, value string }

// ruleParts splits a rule that recur.ParseRule has read.
func ruleParts(text string) rule {
	var r rule
	for part := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if name = strings.ToUpper(strings.TrimSpace(name)); name != "" {
			r = append(r, rulePart{name, strings.TrimSpace(value)})
		}
	}
	return r
}

func (r rule) get(name string) string {
	for _, p := range r {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// set changes a part or adds it; "" removes it.
func (r *rule) set(name, value string) {
	i := slices.IndexFunc(*r, func(p rulePart) bool { return p.name == name })
	switch {
	case value == "":
		*r = slices.DeleteFunc(*r, func(p rulePart) bool { return p.name == name })
	case i < 0:
		*r = append(*r, rulePart{name, value})
	default:
		(*r)[i].value = value
	}
}

func (r rule) String() string {
	parts := make([]string, len(r))
	for i, p := range r {
		parts[i] = p.name + "=" + p.value
	}
	return strings.Join(parts, ";")
}
