package web

// germanMove is what is said of moving events about.
var germanMove = map[string]string{
	"move the event that has the focus; Enter puts it there": "den gewählten Termin verschieben; Enter setzt ihn dort ab",
	"make it shorter, longer":                                "ihn kürzer, länger machen",
	"take the move back":                                     "das Verschieben zurücknehmen",
	"Enter puts it there, Escape leaves it":                  "Enter setzt ihn dort ab, Escape lässt ihn, wo er war",
	"Bring it back":                                          "Zurückholen",
	"Undo":                                                   "Rückgängig",
	"“%s” is now: %s":                                        "„%s“ ist jetzt: %s",
}
