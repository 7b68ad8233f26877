package answer

import (
	"net/http"
	"strings"
)

// words is what the page says in one language. To add a language, add one to languages.
type words struct {
	lang string

	Invitation, Invites, For, YourAnswer, Accept, Tentative, Decline, Comment, CommentHint string

	Busy, ProposeTime, ProposeHint, WhichDate, Day, LastDay, From, Until, Send string

	answers                                          map[string]string // by PARTSTAT
	unknown, gone, cancelled, broken, foreign, later string
	changed, badTime                                 string
	proposed                                         string // %t is a time, %s the organizer
}

var languages = []*words{
	{
		lang: "en", Invitation: "Invitation", Invites: "%s invites you", For: "For", YourAnswer: "Your answer",
		Accept: "Accept", Tentative: "Maybe", Decline: "Decline", Comment: "Comment", CommentHint: "optional; the organizer reads it",
		Busy: "You are busy then:", ProposeTime: "Propose another time", ProposeHint: "Nothing changes before %s decides.",
		WhichDate: "Instead of", Day: "Day", LastDay: "Last day", From: "From", Until: "Until", Send: "Propose",
		answers:   map[string]string{"ACCEPTED": "Accepted", "TENTATIVE": "Maybe", "DECLINED": "Declined", "DELEGATED": "Passed on"},
		unknown:   "There is no such invitation. Is the link complete?",
		gone:      "This invitation no longer holds: the meeting is gone or long over, or you are no longer invited.",
		cancelled: "This meeting is cancelled.",
		broken:    "The form did not arrive as it was sent. Please go back and try again.",
		foreign:   "The form was not sent from this page. Please open the link in your mail and try again.",
		later:     "That did not work just now. Please try again in a minute.",
		changed:   "The meeting has changed meanwhile. Please open the link in your mail again.",
		badTime:   "This cannot be proposed: it is no time, in the past, when the meeting takes place already, or too long. Please go back and try again.",
		proposed:  "You propose: %t. %s has not decided yet.",
	},
	{
		lang: "de", Invitation: "Einladung", Invites: "%s lädt Sie ein", For: "Für", YourAnswer: "Ihre Antwort",
		Accept: "Zusagen", Tentative: "Vielleicht", Decline: "Absagen", Comment: "Bemerkung", CommentHint: "freiwillig; die einladende Person liest sie",
		Busy: "Zu dieser Zeit sind Sie belegt:", ProposeTime: "Andere Zeit vorschlagen", ProposeHint: "Nichts ändert sich, bevor %s entscheidet.",
		WhichDate: "Anstelle von", Day: "Tag", LastDay: "Letzter Tag", From: "Von", Until: "Bis", Send: "Vorschlagen",
		answers:   map[string]string{"ACCEPTED": "Zugesagt", "TENTATIVE": "Vielleicht", "DECLINED": "Abgesagt", "DELEGATED": "Weitergegeben"},
		unknown:   "Diese Einladung gibt es nicht. Ist der Link vollständig?",
		gone:      "Diese Einladung gilt nicht mehr: Der Termin ist weggefallen oder lange vorbei, oder Sie sind nicht mehr eingeladen.",
		cancelled: "Dieser Termin ist abgesagt.",
		broken:    "Das Formular kam nicht an, wie es gesendet wurde. Bitte gehen Sie zurück und versuchen Sie es noch einmal.",
		foreign:   "Das Formular kam nicht von dieser Seite. Bitte öffnen Sie den Link in Ihrer Mail und versuchen Sie es noch einmal.",
		later:     "Das hat gerade nicht geklappt. Bitte versuchen Sie es in einer Minute noch einmal.",
		changed:   "Der Termin hat sich inzwischen geändert. Bitte öffnen Sie den Link in Ihrer Mail noch einmal.",
		badTime:   "Das kann nicht vorgeschlagen werden: Es ist keine Zeit, liegt in der Vergangenheit, ist die des Termins oder dauert zu lange. Bitte gehen Sie zurück und versuchen Sie es noch einmal.",
		proposed:  "Ihr Vorschlag: %t. %s hat noch nicht entschieden.",
	},
}

func wordsFor(tag string) *words {
	primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
	for _, l := range languages {
		if l.lang == primary {
			return l
		}
	}
	return languages[0]
}

// languageOf is for pages that know no organizer: the first language of the browser that there is.
func languageOf(r *http.Request) *words {
	for i, tag := range strings.Split(r.Header.Get("Accept-Language"), ",") {
		primary, _, _ := strings.Cut(strings.TrimSpace(tag), ";")
		if l := wordsFor(primary); i >= 10 || strings.HasPrefix(strings.ToLower(primary), l.lang) {
			return l
		}
	}
	return languages[0]
}
