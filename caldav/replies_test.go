package caldav

import (
	"testing"

	"kalends/calendar"
	"kalends/dav"
)

// TestReplies fails when package calendar has a kind of error that is not translated.
func TestReplies(t *testing.T) {
	for k := range calendar.NumKinds {
		r, ok := replies[calendar.Kind(k)]
		if !ok || r.status < 400 || r.status > 599 {
			t.Errorf("replies[%d] = %+v, want a status from 400", k, r)
		}
		if r.condition.Local != "" && r.condition.Space == "" {
			t.Errorf("replies[%d] has a condition without a namespace: %v", k, r.condition)
		}
	}
	if n := len(replies); n != calendar.NumKinds {
		t.Errorf("replies has %d rows for %d kinds", n, calendar.NumKinds)
	}
}

// TestReports: what is announced has a handler, and the other way round.
func TestReports(t *testing.T) {
	announced := map[dav.Name]bool{}
	for _, r := range reportNames {
		announced[r.name] = true
		if reportHandlers[r.name] == nil {
			t.Errorf("report %v has no handler", r.name)
		}
		if r.on == 0 {
			t.Errorf("report %v is offered nowhere", r.name)
		}
	}
	for name := range reportHandlers {
		if !announced[name] {
			t.Errorf("report %v is not announced", name)
		}
	}
}

// TestProperties: the table is sound.
func TestProperties(t *testing.T) {
	if len(live) != len(ordered) {
		t.Errorf("%d properties have %d names: one is there twice", len(ordered), len(live))
	}
	for _, p := range ordered {
		if p.on == 0 { // kept, but looked at; or protected, and of reports only
			if live := p.write != nil || p.hrefs != nil || p.set != nil; live || !p.dead && p.name != calendarDataName {
				t.Errorf("%v is on no resource", p.name)
			}
			continue
		}
		if (p.write == nil) == (p.hrefs == nil) {
			t.Errorf("%v: one of write and hrefs, got both or none", p.name)
		}
		if (p.set == nil && p.setPerson == nil) != (p.setOn == 0) {
			t.Errorf("%v: set and setOn go together", p.name)
		}
	}
}

// TestAllowed: every kind of resource and place tells its methods, and each of them is one that is handled.
func TestAllowed(t *testing.T) {
	for k := siteRoot; k <= noPlace; k <<= 1 {
		if allowed[k] == "" {
			t.Errorf("allowed[%b] is missing", k)
		}
	}
}

func TestLocate(t *testing.T) {
	for _, tt := range []struct {
		path string
		want place
	}{
		{"/", place{kind: siteRoot, dir: true}},
		{"/dav", place{kind: davRoot}},
		{"/dav/principals/", place{kind: principalsRoot, dir: true}},
		{"/dav/principals/users/", place{kind: principalGroup, group: "users", dir: true}},
		{"/dav/principals/aliens/", place{kind: noPlace, group: "aliens", dir: true}},
		{"/dav/principals/rooms/oak/", place{kind: principalKind, group: "rooms", name: "oak", dir: true}},
		{"/dav/principals/rooms/oak/x", place{kind: noPlace, group: "rooms"}},
		{"/dav/calendars/", place{kind: calendarsRoot, dir: true}},
		{"/dav/calendars/a%40b", place{kind: homeKind, name: "a@b"}},
		{"/dav/calendars/a/c/", place{kind: collectionPlace, name: "a", slug: "c", dir: true}},
		{"/dav/calendars/a/c/o.ics", place{kind: memberPlace, name: "a", slug: "c", obj: "o.ics"}},
		{"/dav/calendars/a/c/o/p", place{kind: deepPlace, name: "a", slug: "c", obj: "o"}},
		{"/other", place{kind: noPlace}},
	} {
		segments, dir, err := dav.CleanPath(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		if got := locate(segments, dir); got != tt.want {
			t.Errorf("locate(%s) = %+v, want %+v", tt.path, got, tt.want)
		}
	}
}
