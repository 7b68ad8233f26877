package main

import (
	"fmt"
	"testing"
)

// imports brings a file into a new calendar, and again, without scripts too.
func (s *webSite) imports(t *testing.T) {
	b := s.tab(t, "nora")
	b.open("/calendars")
	b.follow("a|Import calendars")
	choose := func(name, text string) {
		b.eval(fmt.Sprintf(`{const e=document.querySelector("#i-file"),d=new DataTransfer();d.items.add(new File([%q],%q,{type:"text/calendar"}));e.files=d.files}`, text, name))
	}
	file := vcalendar(vevent("import-1", "SUMMARY:Bean soup"), vevent("import-2", "SUMMARY:Potato day"), vevent("import-3", "SUMMARY:Market, early", "DTEND:rubbish"))
	b.set("#i-into", "new")
	choose("allotment.ics", file)
	b.follow("#import .primary")
	b.has("A calendar needs a name.")
	b.everywhere("import-unnamed")
	b.fill("#i-name", "Allotment")
	b.set("#i-into", "new")
	choose("allotment.ics", file)
	b.follow("#import .primary")
	b.has("Imported into “Allotment”", "2 events and tasks are new", "1 was left out", "Market, early")
	b.everywhere("import-done", "", "-phone-dark")
	b.follow("#result .button")
	b.follow("a|Import a file")
	b.scripts(false)
	choose("allotment.ics", file)
	b.follow("#import .primary")
	b.has("Imported into “Allotment”", "2 were there already, the same")
	b.follow("#result .button")
	b.scripts(true)
	b.open("/search?q=bean")
	b.has("Bean soup")
}
