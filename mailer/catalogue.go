package mailer

import (
	"strconv"
	"strings"
	"time"

	"kalends/internal/words"
)

// catalogue holds what mails say in one language. To add a language, add a catalogue to catalogues and a golden
// file of each mail (go test ./mailer -update). %s stands for what the name says.
type catalogue struct {
	*words.Language

	// Subjects; %s is the title.
	subject map[string]string
	// Headlines; the first %s is a name, the second a title.
	headline map[string]string

	untitled, someone, title                           string
	when, where, who, organizer, repeats, link, notes  string
	exceptions, due                                    string
	was, added, removed                                string // %s is the former value, a list of names
	more                                               string // %d further ones
	answer, instance, allDay, floating, openEnd, noEnd string
	comment                                            string // %s is the name
	footer                                             string // %s is a mailbox
	reminderFooter, noticeFooter                       string
	unverified                                         string // %s is a name
	addressOf                                          string // %s is a mailbox
	attached, waits, decide                            string
	sentFor                                            string // %s is a mailbox
	late                                               string // %s is when it was due
	changed                                            string
	file                                               string // what is attached

	shortDate func(l *catalogue, t time.Time) string
	join      string // before the last of a list

	rule rulePhrases
}

// rulePhrases are the pieces of recurrence rules in words; the first of a pair is for an interval of 1.
type rulePhrases struct {
	every                map[string][2]string // by FREQ
	workdays             string
	on                   string // %s is a list of days
	onDay                string // %s is a list of days of the month
	onThe                string // %s is a list such as "second Tuesday"
	ordinals             map[int]string
	times, until, custom string
	scales               map[string]string // after the words, by RSCALE (RFC 7529)
	dayOfMonth           func(n int) string
	lastDay              string
	// day is a weekday as it stands after onThe, with its ordinal.
	nth func(l *catalogue, ordinal string, weekday time.Weekday) string
}

var catalogues = []*catalogue{&english, &german}

// catalogueFor returns the catalogue of a BCP 47 language; see [words.For].
func catalogueFor(tag string) *catalogue {
	spoken := words.For(tag)
	for _, l := range catalogues {
		if l.Language == spoken {
			return l
		}
	}
	return &english
}

var english = catalogue{
	Language: words.English,
	subject: map[string]string{
		"REQUEST": "Invitation: %s", "UPDATE": "Updated: %s", "CANCEL": "Cancelled: %s", "ADD": "Added: %s",
		"REFRESH": "Please send again: %s", "COUNTER": "Other time proposed: %s", "DECLINECOUNTER": "Proposal declined: %s",
		"ACCEPTED": "Accepted: %s", "DECLINED": "Declined: %s", "TENTATIVE": "Tentative: %s", "DELEGATED": "Delegated: %s",
		"NEEDS-ACTION": "Not answered yet: %s", "REMINDER": "Reminder: %s",
		"WORDS": "About: %s", "CRASHER": "Somebody else answers: %s",
	},
	headline: map[string]string{
		"REQUEST": "%s invites you to “%s”.", "UPDATE": "%s has changed “%s”.", "CANCEL": "%s has cancelled “%s”.",
		"ADD": "%s has added a date to “%s”.", "REFRESH": "%s asks you to send “%s” again.",
		"COUNTER": "%s proposes another time for “%s”.", "DECLINECOUNTER": "%s keeps “%s” as it was.",
		"ACCEPTED": "%s has accepted “%s”.", "DECLINED": "%s has declined “%s”.", "TENTATIVE": "%s has tentatively accepted “%s”.",
		"DELEGATED": "%s has passed “%s” on to somebody else.", "NEEDS-ACTION": "%s has not answered “%s” yet.",
		"REMINDER": "Reminder of “%[2]s”.",
		"WORDS":    "%s writes about “%s”.", "CRASHER": "%s answers “%s” without being invited.",
	},
	untitled: "(no title)", someone: "Somebody", title: "Title",
	when: "When", where: "Where", who: "Who", organizer: "%s (organizer)", repeats: "Repeats", link: "Link", notes: "Notes",
	exceptions: "Except", due: "Due",
	was: "was: %s", added: "new: %s", removed: "no longer: %s", more: "and %d more",
	answer: "Answer", instance: "One date of a series; the others stay as they are.",
	allDay: "all day", floating: "in the time zone where you are", openEnd: "from %s", noEnd: "no date",
	comment: "%s writes:", changed: "changed",
	footer:         "Your calendar program can answer this mail. Without one, write to %s.",
	sentFor:        "Sent by Kalends for %s.",
	reminderFooter: "You get this mail because of an alarm in your calendar.",
	noticeFooter:   "You get this mail because you have invited to this meeting. Answer it to write to them.",
	unverified:     "It is not certain that this is from %s: nobody stands in for the sender.",
	addressOf:      "It came to the address for answers of %s.",
	file:           "Attachment",
	attached:       "The whole mail is attached. Nothing was changed in your calendar.",
	waits:          "Nothing is changed before you decide: accept or refuse it in Kalends.", decide: "Decide",
	late: "This reminder is late: it was due on %s.",
	shortDate: func(l *catalogue, t time.Time) string {
		return l.Short(t) + " " + l.Brief(t) + " " + strconv.Itoa(t.Year())
	},
	join: " and ",
	rule: rulePhrases{
		every: map[string][2]string{
			"DAILY": {"every day", "every %d days"}, "WEEKLY": {"every week", "every %d weeks"},
			"MONTHLY": {"every month", "every %d months"}, "YEARLY": {"every year", "every %d years"},
			"HOURLY": {"every hour", "every %d hours"},
		},
		workdays: "every day from Monday to Friday", on: " on %s", onDay: " on %s", onThe: " on the %s",
		ordinals: map[int]string{1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last", -2: "last but one"},
		times:    ", %d times", until: ", until %s", custom: "by a rule that your calendar program shows",
		scales: map[string]string{
			"": "", "GREGORIAN": "", "HEBREW": ", by the Hebrew calendar", "CHINESE": ", by the Chinese calendar",
		},
		dayOfMonth: func(n int) string { return "day " + strconv.Itoa(n) },
		lastDay:    "the last day",
		nth:        func(l *catalogue, o string, d time.Weekday) string { return o + " " + l.Weekdays[d] },
	},
}

var german = catalogue{
	Language: words.German,
	subject: map[string]string{
		"REQUEST": "Einladung: %s", "UPDATE": "Geändert: %s", "CANCEL": "Abgesagt: %s", "ADD": "Hinzugefügt: %s",
		"REFRESH": "Bitte erneut senden: %s", "COUNTER": "Anderer Termin vorgeschlagen: %s", "DECLINECOUNTER": "Vorschlag abgelehnt: %s",
		"ACCEPTED": "Zugesagt: %s", "DECLINED": "Abgelehnt: %s", "TENTATIVE": "Unter Vorbehalt zugesagt: %s", "DELEGATED": "Weitergegeben: %s",
		"NEEDS-ACTION": "Noch nicht beantwortet: %s", "REMINDER": "Erinnerung: %s",
		"WORDS": "Zu: %s", "CRASHER": "Jemand anderes antwortet: %s",
	},
	headline: map[string]string{
		"REQUEST": "%s lädt Sie ein: „%s“.", "UPDATE": "%s hat „%s“ geändert.", "CANCEL": "%s hat „%s“ abgesagt.",
		"ADD": "%s hat einen Termin zu „%s“ hinzugefügt.", "REFRESH": "%s bittet darum, „%s“ erneut zu senden.",
		"COUNTER": "%s schlägt für „%s“ eine andere Zeit vor.", "DECLINECOUNTER": "%s lässt „%s“, wie es war.",
		"ACCEPTED": "%s hat „%s“ zugesagt.", "DECLINED": "%s hat „%s“ abgelehnt.", "TENTATIVE": "%s hat „%s“ unter Vorbehalt zugesagt.",
		"DELEGATED": "%s hat „%s“ an jemand anderen weitergegeben.", "NEEDS-ACTION": "%s hat „%s“ noch nicht beantwortet.",
		"REMINDER": "Erinnerung an „%[2]s“.",
		"WORDS":    "%s schreibt zu „%s“.", "CRASHER": "%s antwortet auf „%s“, ohne eingeladen zu sein.",
	},
	untitled: "(ohne Titel)", someone: "Jemand", title: "Titel",
	when: "Wann", where: "Wo", who: "Wer", organizer: "%s (Organisation)", repeats: "Wiederholung", link: "Link", notes: "Beschreibung",
	exceptions: "Außer", due: "Fällig",
	was: "vorher: %s", added: "neu: %s", removed: "nicht mehr: %s", more: "und %d weitere",
	answer: "Antworten", instance: "Ein Termin einer Serie; die anderen bleiben, wie sie sind.",
	allDay: "ganztägig", floating: "in der Zeitzone, in der Sie sich befinden", openEnd: "ab %s", noEnd: "ohne Datum",
	comment: "%s schreibt:", changed: "geändert",
	footer:         "Ihr Kalenderprogramm kann auf diese Mail antworten. Ohne ein solches schreiben Sie an %s.",
	sentFor:        "Gesendet von Kalends für %s.",
	reminderFooter: "Sie erhalten diese Mail wegen einer Erinnerung in Ihrem Kalender.",
	noticeFooter:   "Sie erhalten diese Mail, weil Sie zu diesem Termin eingeladen haben. Antworten Sie darauf, um zurückzuschreiben.",
	unverified:     "Es ist nicht sicher, dass dies von %s kommt: Niemand steht für den Absender ein.",
	addressOf:      "Sie kam an die Adresse für Antworten von %s.",
	file:           "Anhang",
	attached:       "Die ganze Mail ist angehängt. In Ihrem Kalender wurde nichts geändert.",
	waits:          "Nichts wird geändert, bevor Sie entscheiden: Nehmen Sie es in Kalends an, oder lehnen Sie es ab.", decide: "Entscheiden",
	late:      "Diese Erinnerung kommt verspätet: Sie war fällig am %s.",
	shortDate: func(l *catalogue, t time.Time) string { return l.Short(t) + " " + t.Format("02.01.2006") },
	join:      " und ",
	rule: rulePhrases{
		every: map[string][2]string{
			"DAILY": {"jeden Tag", "alle %d Tage"}, "WEEKLY": {"jede Woche", "alle %d Wochen"},
			"MONTHLY": {"jeden Monat", "alle %d Monate"}, "YEARLY": {"jedes Jahr", "alle %d Jahre"},
			"HOURLY": {"jede Stunde", "alle %d Stunden"},
		},
		workdays: "jeden Tag von Montag bis Freitag", on: " am %s", onDay: " am %s", onThe: " am %s",
		ordinals: map[int]string{1: "ersten", 2: "zweiten", 3: "dritten", 4: "vierten", 5: "fünften", -1: "letzten", -2: "vorletzten"},
		times:    ", %d-mal", until: ", bis %s", custom: "nach einer Regel, die Ihr Kalenderprogramm anzeigt",
		scales: map[string]string{
			"": "", "GREGORIAN": "", "HEBREW": ", nach dem jüdischen Kalender", "CHINESE": ", nach dem chinesischen Kalender",
		},
		dayOfMonth: func(n int) string { return strconv.Itoa(n) + "." },
		lastDay:    "letzten Tag",
		nth:        func(l *catalogue, o string, d time.Weekday) string { return o + " " + l.Weekdays[d] },
	},
}

// list joins items as a sentence does.
func (l *catalogue) list(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + l.join + items[len(items)-1]
}
