package main

import (
	"testing"

	"kalends/meeting"
)

// attaches adds a file to an event, which a guest reads, and takes it away again.
func (s *webSite) attaches(t *testing.T) {
	id := s.make("carol", meeting.NewMeeting{Name: "Seeds to order", Start: at(34, "09:00"), End: at(34, "10:00"), Invited: invite("fred")})
	b := s.tab(t, "carol")
	b.open("/event/" + id)
	b.click(".how summary|Add a file")
	b.eval(`{const e=document.querySelector("#file"),d=new DataTransfer();d.items.add(new File(["carrots, beans"],"list.txt",{type:"text/plain"}));e.files=d.files}`)
	b.hold("the form of a file")
	b.follow(".how button|Add it")
	b.there(".facts a|list.txt")
	b.everywhere("event-file")

	guest := s.tab(t, "fred")
	guest.open("/month/" + date(34))
	guest.follow(".ev|Seeds to order")
	guest.there(".facts a|list.txt")
	guest.until(`(window.got??=fetch(document.querySelector(".facts a[download]").href).then(r=>r.text()).then(x=>window.got=x),window.got=="carrots, beans")`)

	b.follow(".facts form button|Remove")
	if b.eval(`document.querySelector(".facts a[download]") == null`) != true {
		t.Error("the file is still there")
	}
}
