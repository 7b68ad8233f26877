package answer

import (
	"net/http"
	"strings"
)

// words is what the page says in one language. To add a language, add one to languages.
type words struct {
	lang string

	Invitation, Invites, For, YourAnswer, Accept, Tentative, Decline, Comment, CommentHint string

	answers                                          map[string]string // by PARTSTAT
	unknown, gone, cancelled, broken, foreign, later string
}

var languages = []*words{
	{
		lang: "en", Invitation: "Invitation", Invites: "%s invites you", For: "For", YourAnswer: "Your answer",
		Accept: "Accept", Tentative: "Maybe", Decline: "Decline", Comment: "Comment", CommentHint: "optional; the organizer reads it",
		answers:   map[string]string{"ACCEPTED": "Accepted", "TENTATIVE": "Maybe", "DECLINED": "Declined", "DELEGATED": "Passed on"},
		unknown:   "There is no such invitation. Is the link complete?",
		gone:      "This invitation no longer holds: the meeting is gone or long over, or you are no longer invited.",
		cancelled: "This meeting is cancelled.",
		broken:    "The form did not arrive as it was sent. Please go back and try again.",
		foreign:   "The form was not sent from this page. Please open the link in your mail and try again.",
		later:     "That did not work just now. Please try again in a minute.",
	},
	{
		lang: "de", Invitation: "Einladung", Invites: "%s lädt Sie ein", For: "Für", YourAnswer: "Ihre Antwort",
		Accept: "Zusagen", Tentative: "Vielleicht", Decline: "Absagen", Comment: "Bemerkung", CommentHint: "freiwillig; die einladende Person liest sie",
		answers:   map[string]string{"ACCEPTED": "Zugesagt", "TENTATIVE": "Vielleicht", "DECLINED": "Abgesagt", "DELEGATED": "Weitergegeben"},
		unknown:   "Diese Einladung gibt es nicht. Ist der Link vollständig?",
		gone:      "Diese Einladung gilt nicht mehr: Der Termin ist weggefallen oder lange vorbei, oder Sie sind nicht mehr eingeladen.",
		cancelled: "Dieser Termin ist abgesagt.",
		broken:    "Das Formular kam nicht an, wie es gesendet wurde. Bitte gehen Sie zurück und versuchen Sie es noch einmal.",
		foreign:   "Das Formular kam nicht von dieser Seite. Bitte öffnen Sie den Link in Ihrer Mail und versuchen Sie es noch einmal.",
		later:     "Das hat gerade nicht geklappt. Bitte versuchen Sie es in einer Minute noch einmal.",
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
