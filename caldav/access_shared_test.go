package caldav_test

import (
	"slices"
	"strings"
	"testing"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// club is a calendar of Alice's that is shared by invitation, in a world of people who stand to it in every way there is.
type club struct {
	*matrix
	slug map[string]string // in whose home it is, or was, under which slug
}

// The parts that people have in the club: what they may do in it by its own URL, and in which home they have it.
var clubParts = []struct {
	role, home string
	have       auth.Set
}{
	{"reader", "reader", auth.Read},
	{"writer", "writer", auth.Read | auth.Write},
	{"member", "member", auth.Read},                          // of a group
	{"helper", "writer", 0},                                  // acts for the writer, and may change
	{"onlooker", "writer", 0},                                // acts for the writer, and may read
	{"busybody", "busybody", auth.ReadFreeBusy},              // busy times are all that is shared
	{"asked", "asked", 0},                                    // has not answered
	{"refuser", "refuser", 0},                                // has declined
	{"lost", "lost", 0},                                      // it was taken back
	{"expelled", "expelled", 0},                              // was a member
	{"sam", "reader", 0},                                     // a stranger in another's home
	{"nobody", "reader", 0},                                  // has no account
	{"alice", "alice", auth.Supported("calendar").Privilege}, // the owner, by her own URL
}

const clubSecret, clubName = "SECRET-club", "NAME-club"

func newClub(t *testing.T, s storage.Store) *club {
	c := &club{matrix: newMatrix(t, s), slug: map[string]string{}}
	ctx := t.Context()
	d := &auth.Directory{Store: s}
	add := func(name, kind string) *storage.Principal {
		p, err := d.Add(ctx, auth.NewUser{Name: name, Email: name + "@example.com", Kind: kind})
		check(t, err)
		c.people[name] = p
		return p
	}
	for _, p := range clubParts {
		if c.people[p.role] == nil && p.role != "nobody" {
			add(p.role, "user")
		}
		if p.role != "nobody" {
			c.restoreCopies(p.role)
		}
	}
	crew := add("crew", "group")
	alice, at := c.people["alice"], calendar.Target{Owner: c.people["alice"], Slug: "club"}
	id := func(name string) int64 { return c.people[name].ID }
	check(t, s.Update(ctx, func(tx storage.Tx) error {
		if err := tx.SetMembers(ctx, crew.ID, []int64{id("member"), id("expelled")}); err != nil {
			return err
		}
		return tx.SetDelegates(ctx, id("writer"), []storage.Delegate{{ID: id("helper"), Write: true}, {ID: id("onlooker")}})
	}))
	check(t, c.cal.MakeCalendar(ctx, alice, at, calendar.Edit{Live: func(x *storage.Calendar) error {
		x.DisplayName, x.Transparent = clubName, true // so that strangers may not even see busy times
		return nil
	}}))
	c.reset("alice")
	var list []calendar.ShareRequest
	for name, access := range map[string]calendar.ShareAccess{
		"reader": calendar.ShareRead, "writer": calendar.ShareWrite, "crew": calendar.ShareRead, "busybody": calendar.ShareBusy,
		"asked": calendar.ShareWrite, "refuser": calendar.ShareWrite, "lost": calendar.ShareWrite,
	} {
		list = append(list, calendar.ShareRequest{With: c.people[name], Access: access})
	}
	check(t, c.cal.Share(ctx, alice, at, list))
	for name, p := range c.people {
		if name == "asked" {
			continue
		}
		invited, err := c.cal.Invitations(ctx, p)
		check(t, err)
		for _, inv := range invited {
			c.slug[name] = inv.Share.Slug()
			if name != "busybody" && name != "crew" {
				_, err := c.cal.AnswerShare(ctx, p, p, inv.Share.UID, name != "refuser", "")
				check(t, err)
			}
		}
	}
	c.slug["asked"], c.slug["alice"] = "shared-1", "club"
	check(t, c.cal.Unshare(ctx, alice, at, []*storage.Principal{c.people["lost"]}))
	check(t, s.Update(ctx, func(tx storage.Tx) error { return tx.SetMembers(ctx, crew.ID, []int64{id("member")}) }))
	return c
}

// reset brings the club's object and a role's copies back.
func (c *club) reset(role string) {
	c.t.Helper()
	c.restoreObjects(c.people["alice"], "club", "secret.ics", secretEvent("uid-"+clubSecret, clubSecret))
	if role != "nobody" {
		c.restoreCopies(role)
	}
}

// TestS6AccessMatrixOfShared is TestS6AccessMatrix for a calendar that is shared by invitation (S6 of the house's list of trials), by its own URL and by that in
// the homes of those it is shared with.
func TestS6AccessMatrixOfShared(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		c := newClub(t, s)
		for _, part := range clubParts {
			there := part.have // by the URL in the sharee's home
			switch {
			case part.role == "helper":
				there = auth.Read | auth.Write
			case part.role == "onlooker":
				there = auth.Read
			case !part.have.Has(auth.Read):
				there = 0
			}
			c.tryAll(part.role, "/dav/calendars/alice/club/", part.have)
			if part.role != "alice" {
				c.tryAll(part.role, "/dav/calendars/"+part.home+"/"+c.slug[part.home]+"/", there)
			}
		}
	})
}

func (c *club) tryAll(role, path string, have auth.Set) {
	if have != 0 {
		have |= seeOwn
	}
	for _, r := range requests {
		switch r.name {
		case "OPTIONS", "DELETE of the calendar", "MKCALENDAR over it", "PROPPATCH": // of the home they are in: TestTranscripts/sharing
			continue
		}
		if !slices.Contains(r.on, storage.CalendarKind) {
			continue
		}
		fill := strings.NewReplacer("{p}", path, "{r}", role, "{s}", clubSecret).Replace
		header := map[string]string{}
		for k, v := range r.header {
			header[k] = fill(v)
		}
		got := c.send(role, r.method, fill(r.path), header, fill(r.body))
		want := r.want(have, 0)
		if role == "nobody" {
			want = wish{status: 401}
		}
		fits := got.status == want.status
		for word := range strings.SplitSeq(want.says, "|") {
			fits = fits && strings.Contains(got.body, word)
		}
		if !fits {
			c.t.Errorf("%s: %s at %s = %d %s\nwant %d %s", role, r.name, path, got.status, got.body, want.status, want.says)
		}
		if !have.Has(auth.Read) && (strings.Contains(got.body, clubName) || strings.Contains(got.body, clubSecret) && !strings.Contains(r.body, "{s}")) {
			c.t.Errorf("%s: %s at %s tells of what may not be read: %s", role, r.name, path, got.body)
		}
		if r.changes && got.status/100 == 2 {
			c.reset(role)
		}
	}
}

// What others may not know of is in no answer about the home of somebody it is shared with, and not in their notifications.
func TestS6SharedHomeIsTheirOwn(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		c := newClub(t, s)
		for _, role := range []string{"sam", "reader", "asked", "lost", "refuser", "expelled", "nobody"} {
			for _, home := range []string{"writer", "asked", "lost", "reader"} {
				if role == home {
					continue
				}
				for _, body := range []string{everyProp, ""} {
					got := c.send(role, "PROPFIND", "/dav/calendars/"+home+"/", depth("1"), body)
					c.expect(t, role+" looks into the home of "+home, got, map[bool]int{true: 401, false: 403}[role == "nobody"], nil, []string{clubName, "shared-"})
				}
				got := c.send(role, "PROPFIND", "/dav/calendars/"+home+"/notification/", depth("1"), everyProp)
				c.expect(t, role+" looks into the notifications of "+home, got, map[bool]int{true: 401, false: 404}[role == "nobody"], nil, []string{".xml"})
			}
		}
		for home, shown := range map[string]bool{"reader": true, "writer": true, "member": true, "asked": false, "lost": false, "refuser": false, "expelled": false, "busybody": false} {
			got := c.send(home, "PROPFIND", "/dav/calendars/"+home+"/", depth("1"), everyProp)
			if has := strings.Contains(got.body, clubName); has != shown {
				t.Errorf("%s has the club in their home: %v, want %v", home, has, shown)
			}
		}
		for _, home := range []string{"reader", "asked", "busybody", "lost"} {
			got := c.send(home, "REPORT", "/dav/calendars/"+home+"/", depth("1"), allEvents)
			if has := strings.Contains(got.body, clubSecret); has != (home == "reader") {
				t.Errorf("a query of the home of %s has the club's object: %v", home, has)
			}
		}
	})
}
