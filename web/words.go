package web

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// catalogue holds what the pages say in one language. Texts are found by what they are in English; words_test.go sees that none
// is missing. To add a language, add a catalogue to catalogues.
type catalogue struct {
	Tag  string // BCP 47
	Self string // its own name for itself

	texts    map[string]string // by the English text; nil for English itself
	days     [7]string         // from Sunday
	short    [7]string
	letters  [7]string
	months   [12]string
	shortMon [12]string
	// long, medium and brief write a day: with all, without the year, and as short as it can be.
	long, medium, brief func(l *catalogue, t time.Time) string
	first               time.Weekday
}

var catalogues = []*catalogue{&english, &german}

var english = catalogue{
	Tag: "en", Self: "English", first: time.Monday,
	days:     [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
	short:    [7]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
	letters:  [7]string{"S", "M", "T", "W", "T", "F", "S"},
	months:   [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	shortMon: [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
	long: func(l *catalogue, t time.Time) string {
		return fmt.Sprintf("%s, %d %s %d", l.days[t.Weekday()], t.Day(), l.months[t.Month()-1], t.Year())
	},
	medium: func(l *catalogue, t time.Time) string {
		return fmt.Sprintf("%s, %d %s", l.days[t.Weekday()], t.Day(), l.months[t.Month()-1])
	},
	brief: func(l *catalogue, t time.Time) string { return strconv.Itoa(t.Day()) + " " + l.shortMon[t.Month()-1] },
}

var german = catalogue{
	Tag: "de", Self: "Deutsch", first: time.Monday, texts: together(germanTexts, germanAccount, germanLists, germanAdmin, germanMore, germanLook, germanMove, germanFiles, germanWebhooks),
	days:     [7]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
	short:    [7]string{"So", "Mo", "Di", "Mi", "Do", "Fr", "Sa"},
	letters:  [7]string{"S", "M", "D", "M", "D", "F", "S"},
	months:   [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
	shortMon: [12]string{"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sep.", "Okt.", "Nov.", "Dez."},
	long: func(l *catalogue, t time.Time) string {
		return fmt.Sprintf("%s, %d. %s %d", l.days[t.Weekday()], t.Day(), l.months[t.Month()-1], t.Year())
	},
	medium: func(l *catalogue, t time.Time) string {
		return fmt.Sprintf("%s, %d. %s", l.days[t.Weekday()], t.Day(), l.months[t.Month()-1])
	},
	brief: func(l *catalogue, t time.Time) string { return strconv.Itoa(t.Day()) + ". " + l.shortMon[t.Month()-1] },
}

// together makes one of several tables.
func together(tables ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// catalogueFor returns the catalogue of a BCP 47 language, of its primary language, or English.
func catalogueFor(tag string) *catalogue {
	primary, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(tag), "_", "-"), "-")
	for _, l := range catalogues {
		if l.Tag == primary {
			return l
		}
	}
	return &english
}

// languageOf is for those who have not said what they speak: the first language of the browser that there is.
func languageOf(r *http.Request) *catalogue {
	for i, tag := range strings.Split(r.Header.Get("Accept-Language"), ",") {
		primary, _, _ := strings.Cut(strings.TrimSpace(tag), ";")
		primary, _, _ = strings.Cut(strings.ToLower(primary), "-")
		for _, l := range catalogues {
			if l.Tag == primary {
				return l
			}
		}
		if i == 10 {
			break
		}
	}
	return &english
}

// T says a text in the language of the catalogue. Arguments stand for %s and %d in it.
func (l *catalogue) T(text string, args ...any) string {
	if t, ok := l.texts[text]; ok {
		text = t
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// N says how many of something there are.
func (l *catalogue) N(n int, one, many string) string {
	if n == 1 {
		return l.T(one)
	}
	return l.T(many, n)
}

// Long, Medium and Brief write a day, in ever fewer words.
func (l *catalogue) Long(t time.Time) string   { return l.long(l, t) }
func (l *catalogue) Medium(t time.Time) string { return l.medium(l, t) }
func (l *catalogue) Brief(t time.Time) string  { return l.brief(l, t) }

// Month writes the month of a day.
func (l *catalogue) Month(t time.Time) string {
	return l.months[t.Month()-1] + " " + strconv.Itoa(t.Year())
}

// Day, Short and Letter name the day of the week.
func (l *catalogue) Day(t time.Time) string    { return l.days[t.Weekday()] }
func (l *catalogue) Short(t time.Time) string  { return l.short[t.Weekday()] }
func (l *catalogue) Letter(t time.Time) string { return l.letters[t.Weekday()] }

// Clock writes a time of the day.
func (l *catalogue) Clock(t time.Time) string { return t.Format("15:04") }

// Moment writes an instant in a zone.
func (l *catalogue) Moment(t time.Time, loc *time.Location) string {
	if t.IsZero() {
		return "–"
	}
	t = t.In(loc)
	return l.Brief(t) + " " + strconv.Itoa(t.Year()) + ", " + l.Clock(t)
}

// notices are what a page says after something was done, by the word in its address.
var notices = map[string]string{
	"created": "The event is in your calendar.", "changed": "The change is saved.", "deleted": "The event is deleted.",
	"answered": "Your answer is sent.", "saved": "Saved.", "removed": "Removed.", "moved": "The event is moved.",
	"proposed": "Your proposal is sent. Nothing changes before it is decided.",
	"restored": "The event is back in your calendar.",
	"accepted": "The calendar is among yours now, here and in your programs.", "declined": "Declined. You can take it later, as long as it is shared with you.",
	"left": "The calendar is gone from yours.", "subscribed": "The calendar is there. It is looked at now and then by itself.", "refreshed": "It is as it is there now.",
	"asked": "The organizer is asked. What they answer changes the meeting by itself.",
}

func (l *catalogue) notice(word string) string {
	if text, ok := notices[word]; ok {
		return l.T(text)
	}
	return ""
}
