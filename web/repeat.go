package web

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/meeting"
)

var ordinalWords = []string{"first", "second", "third", "fourth", "last"}

// nthWeekday says which one of its kind in the month a day is, as package meeting takes it: "second tuesday".
func nthWeekday(day time.Time) string {
	n := min((day.Day()-1)/7, 4)
	return ordinalWords[n] + " " + meeting.Weekdays[meeting.Weekday(day)]
}

// repeatChoice is a way to repeat that the form offers.
type repeatChoice struct {
	Value, Text string
	Chosen      bool
}

// repeatForm is how an event repeats, as the form has it.
type repeatForm struct {
	Every    string // "" for once; day, week, month, nth, year; keep for what has no words
	Interval string
	On       []string // days of the week
	Ends     string   // never, until, count
	Until    string
	Count    string
	Rule     string // of keep
}

// repeatOf is the form of how a meeting repeats.
func repeatOf(r *meeting.Recurrence, start time.Time) repeatForm {
	f := repeatForm{Interval: "1", Ends: "never", Count: "10"}
	if r == nil {
		return f
	}
	f.Every, f.Rule = r.Every, r.Rule
	f.Interval = strconv.Itoa(max(r.Interval, 1))
	switch {
	case r.Every == "week":
		f.On = r.On
		if len(f.On) == 0 {
			f.On = []string{meeting.Weekdays[meeting.Weekday(start)]}
		}
	case r.Every == "month" && len(r.On) == 1 && r.On[0] == nthWeekday(start):
		f.Every = "nth"
	case r.Every == "month" && r.Day == start.Day() && len(r.On) == 0:
	case r.Every == "" || len(r.On) > 0 || r.Day != 0:
		f.Every = "keep"
	}
	if r.Count > 0 {
		f.Ends, f.Count = "count", strconv.Itoa(r.Count)
	}
	if r.Until != "" {
		f.Ends, f.Until = "until", clipTo(r.Until, 10)
	}
	return f
}

// read reads the form of how an event repeats. false where a field cannot be, with its name.
func (f repeatForm) read(start time.Time) (*meeting.Recurrence, string) {
	if f.Every == "" {
		return nil, ""
	}
	r := &meeting.Recurrence{Every: f.Every}
	var err error
	if r.Interval, err = strconv.Atoi(f.Interval); err != nil || r.Interval < 1 || r.Interval > 999 {
		return nil, "interval"
	}
	switch f.Every {
	case "day", "month", "year":
	case "week":
		today := meeting.Weekdays[meeting.Weekday(start)]
		for _, d := range meeting.Weekdays {
			if d == today || slices.Contains(f.On, d) {
				r.On = append(r.On, d)
			}
		}
	case "nth":
		r.Every, r.On = "month", []string{nthWeekday(start)}
	default:
		return nil, "every"
	}
	switch f.Ends {
	case "until":
		day, err := time.Parse(time.DateOnly, f.Until)
		if err != nil || day.Before(dayOf(start)) {
			return nil, "until"
		}
		r.Until = f.Until
	case "count":
		if r.Count, err = strconv.Atoi(f.Count); err != nil || r.Count < 1 || r.Count > 5000 {
			return nil, "count"
		}
	}
	return r, ""
}

// same reports whether two forms mean the same.
func (f repeatForm) same(g repeatForm) bool {
	if f.Every != g.Every || f.Every == "" || f.Every == "keep" {
		return f.Every == g.Every
	}
	sorted := func(list []string) string {
		list = slices.Clone(list)
		slices.Sort(list)
		return strings.Join(list, " ")
	}
	return f.Interval == g.Interval && (f.Every != "week" || sorted(f.On) == sorted(g.On)) && f.Ends == g.Ends &&
		(f.Ends != "until" || f.Until == g.Until) && (f.Ends != "count" || f.Count == g.Count)
}

// repeats tells in words how a meeting repeats.
func (v *visit) repeats(m *meeting.Meeting) string {
	r := m.Recurrence
	l := v.lang
	if r == nil {
		return l.T("on several days")
	}
	var text string
	n := max(r.Interval, 1)
	switch r.Every {
	case "day":
		text = l.N(n, "every day", "every %d days")
	case "week":
		text = l.N(n, "every week", "every %d weeks")
	case "month":
		text = l.N(n, "every month", "every %d months")
	case "year":
		text = l.N(n, "every year", "every %d years")
	default:
		return l.T("by a rule of its own (%s)", r.Rule)
	}
	var days []string
	for _, word := range r.On {
		if day := v.dayWord(word); day != "" {
			days = append(days, day)
		}
	}
	switch {
	case r.Day > 0:
		text += " " + l.T("on day %d", r.Day)
	case r.Day == -1:
		text += " " + l.T("on the last day")
	case len(days) > 0:
		text += " " + l.T("on %s", strings.Join(days, ", "))
	}
	switch {
	case r.Count > 0:
		text += ", " + l.N(r.Count, "once", "%d times")
	case r.Until != "":
		if day, err := time.Parse(time.DateOnly, clipTo(r.Until, 10)); err == nil {
			text += ", " + l.T("until %s", l.Brief(day)+" "+strconv.Itoa(day.Year()))
		}
	}
	return text
}

// dayWord says such as "second tuesday" in the language of the page.
func (v *visit) dayWord(word string) string {
	ordinal, day, two := strings.Cut(word, " ")
	if !two {
		ordinal, day = "", word
	}
	i := slices.Index(meeting.Weekdays, day)
	if i < 0 {
		return ""
	}
	name := v.lang.Weekdays[(i+1)%7]
	switch ordinal {
	case "":
		return name
	case "first":
		return v.lang.T("the first %s", name)
	case "second":
		return v.lang.T("the second %s", name)
	case "third":
		return v.lang.T("the third %s", name)
	case "fourth":
		return v.lang.T("the fourth %s", name)
	case "fifth":
		return v.lang.T("the fifth %s", name)
	}
	return v.lang.T("the last %s", name)
}

// repeatChoices are the ways to repeat, for a start on that day.
func (v *visit) repeatChoices(f repeatForm, start time.Time) []repeatChoice {
	l := v.lang
	list := []repeatChoice{
		{Value: "", Text: l.T("does not repeat")}, {Value: "day", Text: l.T("by days")}, {Value: "week", Text: l.T("by weeks")},
		{Value: "month", Text: l.T("by months, on day %d", start.Day())},
		{Value: "nth", Text: l.T("by months, on %s", v.dayWord(nthWeekday(start)))},
		{Value: "year", Text: l.T("by years")},
	}
	if f.Every == "keep" || f.Rule != "" && f.Every == "" {
		list = append(list, repeatChoice{Value: "keep", Text: l.T("as it does now (%s)", f.Rule)})
	}
	for i := range list {
		list[i].Chosen = list[i].Value == f.Every
	}
	return list
}
