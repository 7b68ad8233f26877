package web

// germanAdmin are the texts of the pages for administrators.
var germanAdmin = map[string]string{
	"A newer mail to the same person waits in its place.": "An ihrer Stelle wartet eine neuere Mail an dieselbe Person.", "Add": "Hinzufügen",
	"Administration": "Verwaltung", "Administrator": "Administrator", "All that it owns goes with it, for good.": "Alles, was dazu gehört, geht mit, und zwar endgültig.",
	"Booking": "Buchung", "Drop": "Verwerfen", "Events": "Termine", "Failed": "Gescheitert", "Group": "Gruppe", "How it answers": "Wie er antwortet",
	"How many days ahead": "Wie viele Tage voraus", "It is not there any more, or is being carried out right now.": "Es ist nicht mehr da oder wird gerade ausgeführt.",
	"It is shown once. All their browsers are signed out.": "Es wird einmal gezeigt. Alle Browser dieser Person werden abgemeldet.", "Kind": "Art",
	"Mail address": "Mailadresse", "Mails and other jobs that wait": "Wartende Mails und andere Aufträge", "Make a new password": "Neues Passwort erstellen",
	"Members": "Mitglieder", "Name of a new member": "Name eines neuen Mitglieds", "Name or address": "Name oder Adresse", "Next reminder": "Nächste Erinnerung",
	"Nobody removes themselves.": "Niemand entfernt sich selbst.", "None since the server started.": "Keine seit dem Start des Servers.", "Nothing.": "Nichts.", "Now": "Jetzt",
	"Outbox": "Postausgang", "Overview": "Überblick", "People and rooms": "Personen und Räume", "Person": "Person", "Reminders that are late": "Verspätete Erinnerungen",
	"Remove": "Entfernen", "Resource": "Gerät", "Room": "Raum", "Since %s, every five minutes.": "Seit %s, alle fünf Minuten.", "Size": "Größe", "Take out": "Herausnehmen",
	"The last hours of this server": "Die letzten Stunden dieses Servers", "The password of %s, which is shown only now:": "Das Passwort von %s, das nur jetzt gezeigt wird:",
	"There is nobody of this name.": "Es gibt niemanden mit diesem Namen.", "This mail address is taken, or is none.": "Diese Mailadresse ist vergeben oder keine.",
	"This name is taken, or cannot be one. Names are of small letters, digits and . - _": "Dieser Name ist vergeben oder kann keiner sein. Namen bestehen aus kleinen Buchstaben, Ziffern und . - _",
	"To remove it, type its name.": "Zum Entfernen geben Sie den Namen ein.", "Try now": "Jetzt versuchen", "Waiting": "Wartend", "Waits: %s": "Wartet: %s",
	"Warnings and errors": "Warnungen und Fehler", "Who may book it": "Wer ihn buchen darf", "accepts by itself what is free": "nimmt von selbst an, was frei ist",
	"accepts what is free under reserve": "nimmt unter Vorbehalt an, was frei ist", "administers": "verwaltet", "due %s, tried %d times": "fällig %s, %d-mal versucht", "empty": "leer",
	"none": "keine", "now %d, most %d": "jetzt %d, höchstens %d", "somebody answers for it": "jemand antwortet dafür", "the first since %s": "das erste seit %s",
	"to sign in with": "zum Anmelden",
	"End its meetings that are still ahead, with word to everybody: cancelled %d, declined %d":        "Besprechungen, die noch bevorstehen, beenden und allen Bescheid geben: %d abgesagt, %d abgelehnt",
	"End its meetings that are still ahead; now there are none":                                       "Besprechungen, die noch bevorstehen, beenden; jetzt gibt es keine",
	"These are many meetings: %d are cancelled and %d declined so far. Remove it once more to go on.": "Das sind viele Besprechungen: Bis jetzt sind %d abgesagt und %d abgelehnt. Entfernen Sie noch einmal, um fortzufahren.",
}
