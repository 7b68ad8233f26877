package web

// germanLists are the texts of the pages with requests and of the trash.
var germanLists = map[string]string{
	"%s invites you to “%s”": "%s lädt Sie zu „%s“ ein", "%s adds a day to “%s”": "%s fügt „%s“ einen Tag hinzu", "%s cancels “%s”": "%s sagt „%s“ ab",
	"%s sends “%s”": "%s schickt „%s“", "%s proposes another time for “%s”": "%s schlägt für „%s“ eine andere Zeit vor",
	"%s asks for “%s” as it is": "%s bittet um den Stand von „%s“", "%s keeps “%s” as it was": "%s lässt „%s“, wie es war",
	"%s accepts “%s”": "%s sagt „%s“ zu", "%s declines “%s”": "%s sagt „%s“ ab", "%s perhaps comes to “%s”": "%s kommt vielleicht zu „%s“",
	"%s passes “%s” on": "%s gibt „%s“ weiter", "%s writes about “%s”": "%s schreibt zu „%s“",
	"All of this may go for good": "All das darf endgültig weg", "Away with it": "Weg damit", "Bring back": "Zurückholen",
	"Bring back and invite again": "Zurückholen und wieder einladen", "Bringing it back invites again:": "Das Zurückholen lädt wieder ein:", "Came": "Kam an",
	"Empty the trash": "Papierkorb leeren", "Into my calendar": "In meinen Kalender", "It is done.": "Es ist erledigt.",
	"It is gone; nothing was done.": "Es ist weg; getan wurde nichts.", "It was decided already.": "Das wurde schon entschieden.", "Keep the time": "Zeit behalten",
	"Let it count": "Gelten lassen", "Mail from": "Mail von",
	"Mails that came from outside and were not acted on, because you do not know their authors here, or they could not be verified. After 30 days they are gone.": "Mails von außen, nach denen nicht gehandelt wurde, weil Sie mit den Absendern hier noch nichts zu tun hatten oder sie nicht geprüft werden konnten. Nach 30 Tagen sind sie weg.",
	"More": "Mehr", "Nothing waits for you.": "Nichts wartet auf Sie.", "Nothing was deleted.": "Es wurde nichts gelöscht.", "Requests": "Anfragen", "So far": "Bisher",
	"Somebody": "Jemand", "Take this time": "Diese Zeit nehmen", "Tick the box to be sure.": "Bitte kreuzen Sie zur Sicherheit das Feld an.", "Trash": "Papierkorb",
	"What was deleted in your calendars can be brought back for 30 days.": "Was in Ihren Kalendern gelöscht wurde, können Sie 30 Tage lang zurückholen.",
	"Your proposal is sent. Nothing changes before it is decided.":        "Ihr Vorschlag ist gesendet. Nichts ändert sich, bevor darüber entschieden ist.",
	"Propose another time": "Andere Zeit vorschlagen", "Send the proposal": "Vorschlag senden",
	"deleted %s": "gelöscht %s", "not verified: anybody could have written it": "nicht geprüft: Das kann jeder geschrieben haben", "verified": "geprüft",
}
