package answer

import "kalends/internal/words"

// What is said of requests that do not do.
const (
	unknown = "There is no such invitation. Is the link complete?"
	gone    = "This invitation no longer holds: the meeting is gone or long over, or you are no longer invited."
	broken  = "The form did not arrive as it was sent. Please go back and try again."
	foreign = "The form was not sent from this page. Please open the link in your mail and try again."
	later   = "That did not work just now. Please try again in a minute."
	changed = "The meeting has changed meanwhile. Please open the link in your mail again."
	badTime = "This cannot be proposed: it is no time, in the past, when the meeting takes place already, or too long. Please go back and try again."
)

// answers are what an attendee has said, by PARTSTAT.
var answers = map[string]string{"ACCEPTED": "Accepted", "DECLINED": "Declined", "TENTATIVE": "Maybe", "DELEGATED": "Passed on"}

// book is what the page says.
var book = words.NewBook(map[string]words.Texts{"de": {
	"Invitation": "Einladung", "%s invites you": "%s lädt Sie ein", "For": "Für", "Your answer": "Ihre Antwort",
	"Accept": "Zusagen", "Maybe": "Vielleicht", "Decline": "Absagen", "Comment": "Bemerkung",
	"optional; the organizer reads it":   "freiwillig; die einladende Person liest sie",
	"You are busy then:":                 "Zu dieser Zeit sind Sie belegt:",
	"Propose another time":               "Andere Zeit vorschlagen",
	"Nothing changes before %s decides.": "Nichts ändert sich, bevor %s entscheidet.",
	"Instead of":                         "Anstelle von", "Day": "Tag", "Last day": "Letzter Tag", "From": "Von", "Until": "Bis", "Propose": "Vorschlagen",
	"Accepted": "Zugesagt", "Declined": "Abgesagt", "Passed on": "Weitergegeben",
	unknown:                      "Diese Einladung gibt es nicht. Ist der Link vollständig?",
	gone:                         "Diese Einladung gilt nicht mehr: Der Termin ist weggefallen oder lange vorbei, oder Sie sind nicht mehr eingeladen.",
	"This meeting is cancelled.": "Dieser Termin ist abgesagt.",
	broken:                       "Das Formular kam nicht an, wie es gesendet wurde. Bitte gehen Sie zurück und versuchen Sie es noch einmal.",
	foreign:                      "Das Formular kam nicht von dieser Seite. Bitte öffnen Sie den Link in Ihrer Mail und versuchen Sie es noch einmal.",
	later:                        "Das hat gerade nicht geklappt. Bitte versuchen Sie es in einer Minute noch einmal.",
	changed:                      "Der Termin hat sich inzwischen geändert. Bitte öffnen Sie den Link in Ihrer Mail noch einmal.",
	badTime: "Das kann nicht vorgeschlagen werden: Es ist keine Zeit, liegt in der Vergangenheit, ist die des Termins oder dauert zu lange. " +
		"Bitte gehen Sie zurück und versuchen Sie es noch einmal.",
	"You propose: %s. %s has not decided yet.": "Ihr Vorschlag: %s. %s hat noch nicht entschieden.",
}})
