// Package words lets pages and mails speak a person's language. A [Language] is what is the same wherever it is spoken: how days are
// called and written. A [Book] is what one part of the server says, by the text in English; it stands in that part, beside its pages.
// Package wordstest sees that no text is missing. To add a language, add it to [Languages], and its texts to each book.
package words

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// Language says how days are called and written.
type Language struct {
	Tag  string // BCP 47, the primary language alone
	Self string // its own name for itself

	Weekdays      [7]string // from Sunday
	ShortWeekdays [7]string
	letters       [7]string
	Months        [12]string
	ShortMonths   [12]string

	First time.Weekday // with which weeks begin

	dot string // after the day of the month
}

// English is spoken with those whose language there is not; texts are found by what they are in it.
var English = &Language{
	Tag: "en", Self: "English", First: time.Monday,
	Weekdays:      [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
	ShortWeekdays: [7]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
	letters:       [7]string{"S", "M", "T", "W", "T", "F", "S"},
	Months:        [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	ShortMonths:   [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
}

// German addresses people with Sie.
var German = &Language{
	Tag: "de", Self: "Deutsch", First: time.Monday, dot: ".",
	Weekdays:      [7]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
	ShortWeekdays: [7]string{"So", "Mo", "Di", "Mi", "Do", "Fr", "Sa"},
	letters:       [7]string{"S", "M", "D", "M", "D", "F", "S"},
	Months:        [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
	ShortMonths:   [12]string{"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sep.", "Okt.", "Nov.", "Dez."},
}

// Languages returns all there are, English first.
func Languages() []*Language { return []*Language{English, German} }

// find returns the language of a BCP 47 tag, de for de-AT and de_AT too; nil where there is none.
func find(tag string) *Language {
	primary, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(tag)), "_", "-"), "-")
	for _, l := range Languages() {
		if l.Tag == primary {
			return l
		}
	}
	return nil
}

// For returns the language of a BCP 47 tag, or English.
func For(tag string) *Language {
	if l := find(tag); l != nil {
		return l
	}
	return English
}

// asked is how many languages of a browser are looked at.
const asked = 10

// Accepted is for those who have not said what they speak: the first language of their browser's Accept-Language that there is, or
// English. Browsers list them by preference, so the weights say nothing more (RFC 9110 section 12.5.4).
func Accepted(header string) *Language {
	n := 0
	for item := range strings.SplitSeq(header, ",") {
		tag, _, _ := strings.Cut(item, ";")
		if l := find(tag); l != nil {
			return l
		}
		if n++; n == asked {
			break
		}
	}
	return English
}

// Long writes a day with all there is to it, Medium without the year, and Brief as short as it can be.
func (l *Language) Long(t time.Time) string { return l.Medium(t) + " " + strconv.Itoa(t.Year()) }

// Medium writes a day without the year.
func (l *Language) Medium(t time.Time) string {
	return fmt.Sprintf("%s, %d%s %s", l.Day(t), t.Day(), l.dot, l.Months[t.Month()-1])
}

// Brief writes a day as short as it can be.
func (l *Language) Brief(t time.Time) string {
	return strconv.Itoa(t.Day()) + l.dot + " " + l.ShortMonths[t.Month()-1]
}

// Month writes the month of a day.
func (l *Language) Month(t time.Time) string {
	return l.Months[t.Month()-1] + " " + strconv.Itoa(t.Year())
}

// Day, Short and Letter name the day of the week.
func (l *Language) Day(t time.Time) string    { return l.Weekdays[t.Weekday()] }
func (l *Language) Short(t time.Time) string  { return l.ShortWeekdays[t.Weekday()] }
func (l *Language) Letter(t time.Time) string { return l.letters[t.Weekday()] }

// Clock writes a time of the day.
func (l *Language) Clock(t time.Time) string { return t.Format("15:04") }

// Moment writes an instant in a zone.
func (l *Language) Moment(t time.Time, loc *time.Location) string {
	if t.IsZero() {
		return "–"
	}
	t = t.In(loc)
	return l.Brief(t) + " " + strconv.Itoa(t.Year()) + ", " + l.Clock(t)
}

// Texts are in one language what texts are in English, which they are found by. %s and %d stand for what is filled in.
type Texts = map[string]string

// Together makes one of several tables.
func Together(tables ...Texts) Texts {
	all := Texts{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// Book is what a part of the server says, in all languages.
type Book struct {
	voices map[string]*Voice // by the language's tag
}

// NewBook makes a book of the translations by the language's tag; English needs none. A language that is not among them is
// spoken with its days and English texts, so that a book can be behind the others.
func NewBook(translations map[string]Texts) *Book {
	b := &Book{voices: map[string]*Voice{}}
	for _, l := range Languages() {
		b.voices[l.Tag] = &Voice{Language: l, texts: translations[l.Tag]}
	}
	return b
}

// For returns the voice of a BCP 47 tag; see the function [For].
func (b *Book) For(tag string) *Voice { return b.voices[For(tag).Tag] }

// Accepted returns the voice for an Accept-Language; see the function [Accepted].
func (b *Book) Accepted(header string) *Voice { return b.voices[Accepted(header).Tag] }

// Voices returns the voices of all languages, English first.
func (b *Book) Voices() []*Voice {
	var all []*Voice
	for _, l := range Languages() {
		all = append(all, b.voices[l.Tag])
	}
	return all
}

// Voice says the texts of a book in one language.
type Voice struct {
	*Language
	texts Texts
}

// Text returns what a text is in this language, and whether the book has it. English is the text itself.
func (v *Voice) Text(english string) (string, bool) {
	if v.Language == English {
		return english, true
	}
	t, ok := v.texts[english]
	return t, ok
}

// T says a text. Arguments stand for %s and %d in it.
func (v *Voice) T(text string, args ...any) string {
	if t, ok := v.Text(text); ok {
		text = t
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// N says how many of something there are.
func (v *Voice) N(n int, one, many string) string {
	if n == 1 {
		return v.T(one)
	}
	return v.T(many, n)
}

// Table returns a copy of the book's texts in this language.
func (v *Voice) Table() Texts { return maps.Clone(v.texts) }
