package web

// germanFiles is what is said of the files of events.
var germanFiles = map[string]string{
	"Files": "Dateien", "File": "Datei", "Add a file": "Datei anhängen", "Add it": "Anhängen", "Remove the file %s": "Datei %s entfernen",
	"everybody who is invited gets it":                           "alle Eingeladenen bekommen sie",
	"The file is too large.":                                     "Die Datei ist zu groß.",
	"There is no such file.":                                     "Diese Datei gibt es nicht.",
	"This cannot be done with a file.":                           "Das geht mit einer Datei nicht.",
	"This refers to a file that is not there.":                   "Hier ist eine Datei genannt, die es nicht gibt.",
	"There are too many files already. Please remove one first.": "Es sind schon zu viele Dateien. Bitte entfernen Sie zuerst eine.",
	"There is no such date of this event.":                       "Diesen Tag gibt es bei diesem Termin nicht.",
}
