package web

// germanMove is what is said of moving events about.
var germanMove = map[string]string{
	"move the event that has the focus; Enter puts it there": "den gewählten Termin verschieben; Enter setzt ihn dort ab",
	"make it shorter, longer":                                "ihn kürzer, länger machen",
	"take the move back":                                     "das Verschieben zurücknehmen",
	"Enter puts it there, Escape leaves it":                  "Enter setzt ihn dort ab, Escape lässt ihn, wo er war",
	"Bring it back":                                          "Zurückholen",
	"Find a time":                                            "Zeit finden", "All are free at these times": "Zu diesen Zeiten sind alle frei",
	"Times are found for what takes a day at most.":              "Gesucht wird für das, was höchstens einen Tag dauert.",
	"In these two weeks there is no time at which all are free.": "In diesen zwei Wochen sind nie alle frei.",
	"Undo":            "Rückgängig",
	"“%s” is now: %s": "„%s“ ist jetzt: %s",
}
