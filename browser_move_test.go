package main

import (
	"fmt"
	"strings"
	"testing"

	"kalends/meeting"
)

// slide is how far it is on the screen from one day and hour of a week to another.
func (b *browser) slide(days int, hours float64) (dx, dy float64) {
	b.Helper()
	text := b.text(`(()=>{const c=document.querySelectorAll(".col");return (c[1].getBoundingClientRect().x-c[0].getBoundingClientRect().x)+" "+c[0].getBoundingClientRect().height/24})()`)
	if _, err := fmt.Sscan(text, &dx, &dy); err != nil {
		b.Fatal(err)
	}
	return dx * float64(days), dy * hours
}

// drags drags with the mouse from a point so far, and lets go after fn.
func (b *browser) drags(x, y, dx, dy float64, fn func()) {
	b.Helper()
	b.mouse("mousePressed", x, y)
	for i := range 6 {
		f := float64(i+1) / 6
		b.mouse("mouseMoved", x+dx*f, y+dy*f)
	}
	if fn != nil {
		fn()
	}
	b.mouse("mouseReleased", x+dx, y+dy)
}

// byMouse moves events, makes them longer, draws new ones, and takes it back.
func (s *webSite) byMouse(t *testing.T) {
	s.make("gina", meeting.NewMeeting{Name: "Weeding", Start: at(31, "10:00"), End: at(31, "11:00")})
	s.make("gina", meeting.NewMeeting{Name: "Mowing", Start: at(30, "14:00"), End: at(30, "15:00"), Recurrence: &meeting.Recurrence{Every: "day", Count: 4}})
	s.make("gina", meeting.NewMeeting{Name: "Late shift", Start: at(33, "22:00"), End: at(34, "06:00")})
	b := s.tab(t, "gina")
	b.open("/week/" + date(31))
	x, y := b.at(".block|Weeding", .5, .3)
	dx, dy := b.slide(2, 1.5)
	b.drags(x, y, dx, dy, func() {
		b.there(".ghost|11:30 Weeding")
		b.picture("flow-drag")
	})
	b.there(".toast.on p|“Weeding” is now: Thursday, 2 April 2026, 11:30 – 12:30")
	b.starts("gina", "Weeding", at(33, "11:30"), at(33, "12:30"))
	b.there(fmt.Sprintf(`.col[data-date="%s"] .block|Weeding`, date(33)))
	b.everywhere("week-moved", "", "-phone-dark")
	b.click(".toast .undo")
	b.there(".toast.on p|“Weeding” is now: Tuesday, 31 March 2026, 10:00 – 11:00")
	b.starts("gina", "Weeding", at(31, "10:00"), at(31, "11:00"))
	b.click(".toast .close")
	b.until(`!document.querySelector(".toast.on")`)
	// Its lower end makes it longer.
	x, y = b.at(".block|Weeding", .5, 1)
	_, dy = b.slide(0, 1)
	b.drags(x, y-3, 0, dy, nil)
	b.there(".block|10:00–12:00")
	b.starts("gina", "Weeding", at(31, "10:00"), at(31, "12:00"))
	// Escape leaves it where it is.
	x, y = b.at(".block|Weeding", .5, .3)
	b.drags(x, y, dx, 0, func() { b.key("Escape") })
	b.until(`!document.querySelector(".ghost, .dragging")`)
	b.starts("gina", "Weeding", at(31, "10:00"), at(31, "12:00"))
	// Of a series it is asked what is meant.
	x, y = b.at(fmt.Sprintf(`.col[data-date="%s"] .block|Mowing`, date(31)), .5, .5)
	_, dy = b.slide(0, 2)
	b.drags(x, y, 0, dy, nil)
	b.until(`document.querySelector("#which").open`)
	b.picture("flow-which")
	b.hold("the question which of a series")
	b.click("#which button|only this day")
	b.there(fmt.Sprintf(`.col[data-date="%s"] .block|16:00–17:00`, date(31)))
	if n := b.eval(`[...document.querySelectorAll(".block")].filter(e => e.textContent.includes("14:00–15:00")).length`); n != 3. {
		t.Errorf("%v days are as they were", n)
	}
	// What goes on beyond midnight is moved by its second half as well.
	b.eval(`document.querySelector(".week-body").scrollTop = 0`)
	x, y = b.at(fmt.Sprintf(`.col[data-date="%s"] .block|Late shift`, date(34)), .5, .5)
	dx, dy = b.slide(1, 1)
	b.drags(x, y, dx, dy, nil)
	b.there(".toast.on p|Late shift")
	b.starts("gina", "Late shift", at(34, "23:00"), at(35, "07:00"))
	// On free time a new one is drawn.
	b.open("/week/" + date(31))
	x, y = b.at(".hours", .5, .5)
	dx, dy = b.slide(1, 1)
	b.drags(x+dx*.7, y+4, 0, dy*1.5, func() { b.there(".ghost|–") })
	b.until(`document.querySelector("#quick[open] [name=startdate]")?.value == "` + date(30) + `"`)
	b.key("Escape")
	// In a month it goes to another day.
	b.open("/month/" + date(31))
	x, y = b.at(".ev|Weeding", .5, .5)
	width, _ := b.eval(`document.querySelector(".cell.c2").getBoundingClientRect().width`).(float64)
	b.drags(x, y, width, 0, func() { b.there(".cell.drop") })
	b.there(".toast.on p|Wednesday, 1 April 2026, 10:00")
	b.starts("gina", "Weeding", at(32, "10:00"), at(32, "12:00"))
	b.key("z", ctrl)
	b.there(".toast.on p|Tuesday, 31 March 2026, 10:00")
	b.starts("gina", "Weeding", at(31, "10:00"), at(31, "12:00"))
}

// focused is the text of what has the focus.
const focused = `(document.activeElement?.textContent ?? "")`

// byKeys goes through a month and a week with the keyboard alone: to an event, which is moved, and out again.
func (s *webSite) byKeys(t *testing.T) {
	s.make("emil", meeting.NewMeeting{Name: "Pruning", Start: at(48, "10:00"), End: at(48, "11:00")})
	s.make("emil", meeting.NewMeeting{Name: "Open day", Start: date(49), End: date(51), AllDay: true})
	b := s.tab(t, "emil")
	for _, view := range []string{"/month/", "/week/"} {
		b.open(view + date(48))
		// Tab goes through all there is, each with its mark to be seen, and out at the end.
		stops, seen := 0, map[string]bool{}
		for stops < 250 {
			b.key("Tab")
			at := b.text(`(() => { const e = document.activeElement; if (!e || e === document.body) return "out"
				const r = e.getBoundingClientRect(), s = getComputedStyle(e)
				window.stops ??= new Map(); if (!window.stops.has(e)) window.stops.set(e, window.stops.size)
				return window.stops.get(e) + "|" + (e.matches(":focus-visible") && s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 && r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth) + "|" + (e.textContent || e.name || "").trim().slice(0, 40)})()`)
			if at == "out" || seen[at] {
				break
			}
			if !strings.Contains(at, "|true|") {
				t.Errorf("%s: the focus is not to be seen on %s", view, at)
			}
			seen[at] = true
			stops++
		}
		if stops < 40 || stops == 250 {
			t.Errorf("%s has %d stops for Tab", view, stops)
		}
		found := false
		for at := range seen {
			found = found || strings.Contains(at, "Pruning")
		}
		if !found {
			t.Errorf("%s: Tab does not lead to the event", view)
		}
	}
	// In the week it is moved a day and half an hour, put there, and taken back.
	b.open("/week/" + date(48))
	b.key("ArrowDown")
	for range 8 {
		if strings.Contains(b.text(focused), "Pruning") {
			break
		}
		b.key("ArrowDown")
	}
	b.key("ArrowRight", shift)
	b.key("ArrowDown", shift)
	b.key("ArrowDown", shift)
	b.key("ArrowDown", shift, alt)
	b.there(".ghost|10:30 Pruning")
	b.there(".toast.on p|Saturday 18 April, 10:30 – 11:45 · Enter puts it there, Escape leaves it")
	b.picture("flow-keys")
	b.hold("an event that is moved with keys")
	b.starts("emil", "Pruning", at(48, "10:00"), at(48, "11:00"))
	b.key("Enter")
	b.there(".toast.on p|“Pruning” is now: Saturday, 18 April 2026, 10:30 – 11:45")
	b.starts("emil", "Pruning", at(49, "10:30"), at(49, "11:45"))
	b.until(focused + `.includes("Pruning")`)
	b.key("z", ctrl)
	b.there(".toast.on p|Friday, 17 April 2026, 10:00 – 11:00")
	b.starts("emil", "Pruning", at(48, "10:00"), at(48, "11:00"))
	b.until(focused + `.includes("Pruning")`)
	b.key("ArrowUp", shift)
	b.key("Escape")
	b.until(`!document.querySelector(".ghost, .dragging")`)
	b.starts("emil", "Pruning", at(48, "10:00"), at(48, "11:00"))
	// Enter opens it, and its page leads back.
	b.going(func() { b.key("Enter") })
	b.has("Pruning", "Friday, 17 April 2026, 10:00 – 11:00")
	// In the month it goes a week on, and what takes whole days does too.
	b.open("/month/" + date(48))
	b.eval(el(".ev|Open day") + ".focus()")
	b.key("ArrowDown", shift)
	b.key("ArrowLeft", shift)
	b.there(".cell.drop")
	b.key("Enter")
	b.there(".toast.on p|Friday, 24 April 2026 – Saturday, 25 April 2026")
	b.starts("emil", "Open day", date(55), date(57))
	// The keys of views, and the list of keys.
	here := func(path string) {
		t.Helper()
		b.until(`location.pathname.startsWith("` + path + `") && document.readyState == "complete"`)
	}
	b.key("ArrowRight")
	b.key("m")
	here("/month")
	b.open("/month/" + date(48))
	b.key("ArrowRight")
	here("/month/2026-05")
	b.key("t")
	b.until(`location.pathname == "/month" && document.readyState == "complete"`)
	b.key("a")
	here("/agenda/")
	b.key("w")
	here("/week/")
	b.key("d")
	here("/day/")
	b.key("?")
	b.until(`document.querySelector("#help").open`)
	b.picture("keys")
	b.hold("the list of keys")
	b.key("Escape")
	b.until(`!document.querySelector("#help").open`)
}

// holds puts a finger on a place and leaves it there until what is there is taken.
func (b *browser) holds(x, y float64) {
	b.Helper()
	b.finger("touchStart", x, y)
	b.until(`document.documentElement.classList.contains("moving")`)
}

// slides moves the finger so far, in steps.
func (b *browser) slides(x, y, dx, dy float64) {
	b.Helper()
	for i := range 6 {
		f := float64(i+1) / 6
		b.finger("touchMove", x+dx*f, y+dy*f)
	}
}

// byFinger moves events on a telephone: a finger that stays takes them, one that does not scrolls.
func (s *webSite) byFinger(t *testing.T) {
	s.make("carol", meeting.NewMeeting{Name: "Digging", Start: at(66, "10:00"), End: at(66, "11:30")})
	b := s.tab(t, "carol")
	b.look(360, "light")
	b.touch(true)
	b.open("/week/" + date(66))
	x, y := b.at(".block|Digging", .5, .5)
	// At once: the page scrolls, and nothing is moved.
	before, _ := b.eval(`document.querySelector(".week-body").scrollTop + scrollY`).(float64)
	b.finger("touchStart", x, y)
	b.slides(x, y, 0, -120)
	b.finger("touchEnd", 0, 0)
	b.until(fmt.Sprintf(`document.querySelector(".week-body").scrollTop + scrollY > %v`, before+40))
	b.eval(`(async () => { const at = () => document.querySelector(".week-body").scrollTop + scrollY
		for (let was = -1, same = 0; same < 8; was = at()) { await new Promise(requestAnimationFrame); same = at() === was ? same + 1 : 0 } })()`) // until it has come to rest
	if b.eval(`document.querySelector(".ghost, .dragging, dialog[open]") === null`) != true {
		t.Error("scrolling took hold of something")
	}
	b.starts("carol", "Digging", at(66, "10:00"), at(66, "11:30"))
	// After a while: it goes along.
	x, y = b.at(".block|Digging", .5, .4)
	dx, dy := b.slide(1, 0.75)
	b.holds(x, y)
	b.slides(x, y, dx, dy)
	b.there(".ghost|10:45 Digging")
	b.picture("flow-finger")
	b.finger("touchEnd", 0, 0)
	b.there(".toast.on p|Digging")
	b.starts("carol", "Digging", at(67, "10:45"), at(67, "12:15"))
	b.picture("flow-finger-moved")
	b.hold("a week on a telephone after a move")
	b.click(".toast .undo")
	b.until(el(".toast.on p|10:00") + ` !== undefined`)
	b.starts("carol", "Digging", at(66, "10:00"), at(66, "11:30"))
	b.click(".toast .close")
	// Its lower end.
	x, y = b.at(".block|Digging", .5, 1)
	_, dy = b.slide(0, 0.5)
	b.holds(x, y-6)
	b.slides(x, y-6, 0, dy)
	b.finger("touchEnd", 0, 0)
	b.there(".toast.on p|12:00")
	b.starts("carol", "Digging", at(66, "10:00"), at(66, "12:00"))
	b.click(".toast .close")
	// In a month it goes to another day.
	b.open("/month/" + date(66))
	x, y = b.at(".ev|Digging", .5, .5)
	width, _ := b.eval(`document.querySelector(".cell.c2").getBoundingClientRect().width`).(float64)
	b.holds(x, y)
	b.slides(x, y, 2*width, 0)
	b.there(".cell.drop")
	b.finger("touchEnd", 0, 0)
	b.there(".toast.on p|Digging")
	b.starts("carol", "Digging", at(68, "10:00"), at(68, "12:00"))
	// On free time a new one is made.
	b.open("/day/" + date(66))
	x, y = b.at(".col", .5, .5)
	b.holds(x, y)
	b.there(".ghost")
	b.finger("touchEnd", 0, 0)
	b.until(`document.querySelector("#quick[open] [name=startdate]")?.value == "` + date(66) + `"`)
	// A tap on an event opens it.
	b.open("/day/" + date(68))
	x, y = b.at(".block|Digging", .5, .5)
	b.going(func() {
		b.finger("touchStart", x, y)
		b.finger("touchEnd", 0, 0)
	})
	b.there("h1|Digging")
}
