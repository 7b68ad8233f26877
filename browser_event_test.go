package main

import (
	"fmt"
	"strings"
	"testing"

	"kalends/meeting"
)

func invite(who ...string) []meeting.Invited {
	var list []meeting.Invited
	for _, w := range who {
		if !strings.Contains(w, "@") {
			w += "@example.com"
		}
		list = append(list, meeting.Invited{Address: w})
	}
	return list
}

// creates makes an event from the keyboard, with a guest and a room, and sees when they are busy.
func (s *webSite) creates(t *testing.T) {
	s.make("emil", meeting.NewMeeting{Name: "Own appointment", Start: at(31, "14:30"), End: at(31, "15:30")})
	b := s.tab(t, "dora")
	b.open("/week/" + date(31))
	b.key("n")
	b.until(`document.querySelector("#quick[open] [name=name]") === document.activeElement`)
	b.picture("flow-new")
	b.hold("the dialog of a new event")
	b.call("Input.insertText", map[string]any{"text": "Gardening"})
	b.set("#quick [name=starttime]", "14:00")
	if got := b.text(`document.querySelector("#quick [name=endtime]").value`); got != "15:00" {
		t.Errorf("it begins later, and ends %s", got)
	}
	b.click("#quick button|More")
	b.fill("#quick #f-add", "emil@example.com")
	b.key("Enter")
	b.there("#quick .guests li|Emil Eff")
	b.there("#quick .busy.clash|busy then")
	b.fill("#quick #f-add", "carol@example.org")
	b.key("Enter")
	b.there("#quick .guests li|invited by mail")
	b.click("#quick [name=room][value='oak@example.com']")
	b.there("#quick li|Oak room")
	b.until(`[...document.querySelectorAll("#quick .guests li")].find(e => e.textContent.includes("Oak room"))?.textContent.includes("free then")`)
	b.eval(`document.querySelector("#quick #people").scrollIntoView()`)
	b.picture("flow-guests")
	b.hold("the dialog with guests")
	// They look for a time that suits all.
	b.click("#quick [name=do][value=find]")
	b.there("#quick .slots button")
	b.eval(`document.querySelector("#quick .slots").scrollIntoView({block: "center"})`)
	b.picture("flow-find-time")
	b.hold("the dialog with proposals")
	b.click("#quick .slots button|15:30")
	b.until(`document.querySelector("#quick [name=starttime]").value == "15:30" && document.querySelector("#quick [name=endtime]").value == "16:30"`)
	b.until(`!document.querySelector("#quick .busy.clash")`)
	b.click("#quick .buttons .primary")
	b.there(".block|Gardening")
	b.until(el(".block|Gardening") + `.textContent.includes("15:30–16:30")`)
	b.starts("dora", "Gardening", at(31, "15:30"), at(31, "16:30"))
	m := b.stored("dora", "Gardening")
	answers := map[string]string{}
	for _, g := range m.Invited {
		answers[g.Address] = g.Answer
	}
	if fmt.Sprint(answers) != "map[carol@example.org:needs-action emil@example.com:needs-action oak@example.com:accepted]" {
		t.Errorf("the guests are stored as %v", answers)
	}
	b.starts("emil", "Gardening", at(31, "15:30"), at(31, "16:30"))
	// The whole form as a page of its own finds a time as well.
	b.open("/event/new?time=14:00&date=" + date(31))
	b.fill("#f-name", "Talk")
	b.fill("#f-add", "emil@example.com")
	b.click("#people button|Add guest")
	b.there(".busy.clash|busy then")
	b.eval(`document.querySelector("#people").scrollIntoView()`)
	b.everywhere("event-guests", "", "-phone")
}

// series changes one day of a series, one and all that follow, and all.
func (s *webSite) series(t *testing.T) {
	s.make("fred", meeting.NewMeeting{Name: "Yoga", Start: at(30, "08:00"), End: at(30, "09:00"), Recurrence: &meeting.Recurrence{Every: "day", Count: 5}})
	b := s.tab(t, "fred")
	week := "/week/" + date(30)
	lines := func(want string) {
		t.Helper()
		b.open("/agenda/" + date(30))
		if got := b.text(`[...document.querySelectorAll(".row")].filter(e => e.textContent.includes("Yoga")).map(e => e.querySelector(".t").firstChild.data.trim() + " " + e.querySelector("time").textContent.slice(0, 5)).join(", ")`); got != want {
			t.Errorf("the agenda has %s, want %s", got, want)
		}
	}
	change := func(day int, scope string, fn func()) {
		t.Helper()
		b.open(week)
		b.follow(fmt.Sprintf(`.col[data-date="%s"] .block`, date(day)))
		b.follow(".buttons a|Change")
		b.click("[name=scope][value=" + scope + "]")
		fn()
		b.follow(".buttons .primary")
		b.has("The change is saved.")
	}
	change(31, "this", func() { b.fill("#f-name", "Yoga in the park") })
	lines("Yoga 08:00, Yoga in the park 08:00, Yoga 08:00, Yoga 08:00, Yoga 08:00")
	change(33, "following", func() { b.set("[name=starttime]", "10:00") })
	lines("Yoga 08:00, Yoga in the park 08:00, Yoga 08:00, Yoga 10:00, Yoga 10:00")
	change(30, "all", func() { b.fill("#f-where", "Hall 2") })
	if list := s.meetings("fred", "Yoga"); len(list) != 2 || list[0].Location+list[1].Location != "Hall 2" {
		t.Errorf("the series are stored as %+v", list)
	}
	// One day of it is deleted, then those that follow.
	del := func(day int, scope string) {
		t.Helper()
		b.open(week)
		b.follow(fmt.Sprintf(`.col[data-date="%s"] .block`, date(day)))
		b.follow(".buttons a|Delete")
		b.click("[name=scope][value=" + scope + "]")
		b.follow(".buttons .danger")
		b.has("The event is deleted.", "Bring it back")
	}
	del(32, "this")
	lines("Yoga 08:00, Yoga in the park 08:00, Yoga 10:00, Yoga 10:00")
	del(33, "all")
	lines("Yoga 08:00, Yoga in the park 08:00")
	b.open("/week/" + date(30) + "?done=deleted")
	b.everywhere("week-deleted")
}

// answers answers an invitation, proposes another time, and its organizer takes it.
func (s *webSite) answers(t *testing.T) {
	s.make("jan", meeting.NewMeeting{Name: "Harvest", Start: at(31, "09:00"), End: at(31, "10:00"), Invited: invite("nora")})
	b := s.tab(t, "nora")
	b.open("/week/" + date(31))
	b.follow(".block.asked|Harvest")
	b.fill("#comment", "With pleasure.")
	b.follow("button.accepted")
	b.has("Your answer is sent.")
	b.until(`document.querySelector("button.accepted").getAttribute("aria-pressed") == "true"`)
	if m := b.stored("jan", "Harvest"); m.Invited[0].Answer != "accepted" {
		t.Errorf("the organizer has %+v", m.Invited)
	}
	b.follow("button.declined")
	if m := b.stored("jan", "Harvest"); m.Invited[0].Answer != "declined" {
		t.Errorf("the organizer has %+v", m.Invited)
	}
	b.click(".propose summary")
	b.set(".propose [name=startdate]", date(32))
	b.set(".propose [name=enddate]", date(32))
	b.fill("#p-comment", "A day later?")
	b.eval(`document.querySelector(".propose").scrollIntoView()`)
	b.everywhere("event-propose", "-phone")
	b.follow(".propose button|Send the proposal")
	b.has("Your proposal is sent.")
	b.starts("jan", "Harvest", at(31, "09:00"), at(31, "10:00"))
	jan := s.tab(t, "jan")
	jan.open("/requests")
	jan.there("h2|Nora Oh proposes another time for “Harvest”")
	jan.everywhere("requests-waiting", "", "-phone")
	jan.follow("button|Take this time")
	jan.has("It is done.", "Nothing waits for you.")
	b.starts("jan", "Harvest", at(32, "09:00"), at(32, "10:00"))
	b.starts("nora", "Harvest", at(32, "09:00"), at(32, "10:00"))
}

// trash deletes a meeting and brings it back, which says first whom that invites again.
func (s *webSite) trashes(t *testing.T) {
	s.make("jan", meeting.NewMeeting{Name: "Sowing", Start: at(31, "11:00"), End: at(31, "12:00"), Invited: invite("lea")})
	s.make("jan", meeting.NewMeeting{Name: "Haircut", Start: at(31, "13:00"), End: at(31, "13:30")})
	b := s.tab(t, "jan")
	b.open("/day/" + date(31))
	b.key("/")
	b.until(`document.activeElement.name == "q"`)
	b.call("Input.insertText", map[string]any{"text": "sowing"})
	b.going(func() { b.key("Enter") })
	b.there(".row|Sowing")
	if b.eval(`document.querySelectorAll(".row").length`) != 1. {
		t.Error("more than one event has the word")
	}
	b.follow(".row|Sowing")
	b.follow(".buttons a|Delete")
	b.has("The guests hear that it is cancelled.")
	b.follow(".buttons .danger")
	if n := len(s.meetings("jan", "Sowing")); n != 0 {
		t.Errorf("jan has %d of it", n)
	}
	b.follow(".notice a|Bring it back")
	b.there("li|Bringing it back invites again: lea@example.com")
	b.everywhere("trash-invites", "", "-phone-dark")
	b.follow("button|Bring back and invite again")
	b.has("The event is back in your calendar.", "Sowing")
	if m := b.stored("lea", "Sowing"); m.Status == "cancelled" || m.Answer != "needs-action" {
		t.Errorf("lea has it as %+v", m)
	}
	b.open("/day/" + date(31))
	b.follow(".block|Haircut")
	b.follow(".buttons a|Delete")
	b.follow(".buttons .danger")
	b.open("/trash")
	b.follow("button|Empty the trash")
	b.has("Tick the box to be sure.", "Haircut")
	b.click("[name=sure]")
	b.follow("button|Empty the trash")
	b.has("Nothing was deleted.")
}

// plain does without scripts: an event is made, changed and deleted, and an invitation answered.
func (s *webSite) plain(t *testing.T) {
	s.make("lea", meeting.NewMeeting{Name: "Watering", Start: at(33, "09:00"), End: at(33, "10:00"), Invited: invite("hugo")})
	b := s.tab(t, "hugo")
	b.scripts(false)
	b.open("/week/" + date(33))
	b.follow(".new")
	b.fill("#f-name", "By hand")
	b.set("[name=starttime]", "11:00")
	b.set("[name=endtime]", "12:00")
	b.fill("#f-add", "emil@example.com")
	b.follow("#people button|Add guest")
	b.there(".guests li|Emil Eff")
	b.follow("#people [value=find]")
	b.follow(".slots button|11:00–12:00")
	b.follow(".buttons .primary")
	b.has("By hand", "The event is in your calendar.")
	b.starts("hugo", "By hand", at(33, "11:00"), at(33, "12:00"))
	b.follow(".buttons a|Change")
	b.fill("#f-name", "By hand, later")
	b.set("[name=starttime]", "13:00")
	b.set("[name=endtime]", "13:30")
	b.follow(".buttons .primary")
	b.has("The change is saved.")
	b.starts("emil", "By hand, later", at(33, "13:00"), at(33, "13:30"))
	b.follow(".buttons a|Delete")
	b.follow(".buttons .danger")
	b.has("The event is deleted.")
	if n := len(s.meetings("hugo", "By hand, later")); n != 0 {
		t.Errorf("%d are left", n)
	}
	b.open("/month/" + date(33))
	b.follow(".ev|Watering")
	b.follow("button.tentative")
	b.has("Your answer is sent.")
	if m := b.stored("lea", "Watering"); m.Invited[0].Answer != "tentative" {
		t.Errorf("the organizer has %+v", m.Invited)
	}
	b.follow(".back a")
	// Their own calendar, and not one that somebody shares with them, in which there may be events, too.
	const own = `#shown label:not(:has(small)) [name=on]`
	b.click(own)
	b.follow("#shown button")
	left := b.eval(`[...document.querySelectorAll(".ev")].filter(e => e.textContent.includes("Watering")).length`)
	if b.eval(el(own)+`.checked`) != false || left != 0. {
		t.Errorf("the calendar is still shown, with %v events: %s", left, b.text(`document.querySelector("#shown").innerHTML`))
	}
	b.click(own)
	b.follow("#shown button")
	b.there(".ev|Watering")
}
