package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"kalends/meeting"
	"kalends/storage"
)

// asks asks the site as a program does, and returns the status and the body.
func (s *webSite) asks(t *testing.T, method, path string, set func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = siteHost
	if set != nil {
		set(r)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// signsIn goes in and out at the door: with a wrong password, with too many of them, and with the right one.
func (s *webSite) signsIn(t *testing.T) {
	b := s.tab(t, "")
	b.open("/agenda/" + date(25))
	if got := b.text(`location.pathname + location.search`); got != "/signin?to=%2Fagenda%2F2026-03-25" {
		t.Errorf("who is not signed in is led to %s", got)
	}
	b.everywhere("signin", "", "-phone-dark")
	send := func(password string) {
		b.fill("#name", "otto")
		b.fill("#password", password)
		b.follow("main button")
	}
	send("otto's cow")
	b.has("Name and password do not fit together.")
	if b.text(`document.querySelector("#name").value`) != "otto" || b.text(`document.activeElement.id`) != "password" {
		t.Error("the name has to be typed anew")
	}
	b.everywhere("signin-wrong", "-phone")
	for i := 0; b.eval(`document.body.innerText.includes("Too many tries that failed")`) != true; i++ {
		if i == 40 {
			t.Fatal("nobody is slowed down")
		}
		send("otto's cow")
	}
	b.hold("sign in, slowed down")
	send("otto's horse")
	b.has("Too many tries that failed. Please wait a minute.")
	s.pass(20 * time.Minute)
	send("otto's horse")
	b.until(`location.pathname == "/agenda/2026-03-25" && document.querySelector(".view") !== null`)
	b.click(".menu summary")
	b.picture("menu")
	b.hold("the open menu")
	b.follow(".menu button|Sign out")
	b.has("Sign in")
	b.open("/account")
	b.there("h1|Sign in")
}

// connects makes a password for a program, which then gets in, and is revoked.
func (s *webSite) connects(t *testing.T) {
	b := s.tab(t, "fred")
	b.open("/connect")
	b.fill("#label", "Phone")
	b.follow("main form .primary")
	b.has("Your new password", "It is for “Phone”, and is shown only now.")
	password := b.text(`document.querySelector("#secret").textContent`)
	got := func() int {
		status, _ := s.asks(t, "PROPFIND", "/dav/calendars/fred/", func(r *http.Request) { r.SetBasicAuth("fred", password); r.Header.Set("Depth", "0") })
		return status
	}
	if status := got(); status != http.StatusMultiStatus {
		t.Errorf("the program is answered %d", status)
	}
	if b.eval(`document.querySelector(".qr path").getAttribute("d").length > 500`) != true {
		t.Error("there is no code to read with a camera")
	}
	b.everywhere("connect-password", "", "-phone")
	b.eval(`document.querySelectorAll("details.how").forEach(d => d.open = true)`)
	b.everywhere("connect-open")
	// The profile for Apple's programs is a file.
	file := b.text(`(async () => { const f = document.querySelector('form[action="/connect/profile"]')
		const r = await fetch(f.action, { method: "POST", body: new URLSearchParams(new FormData(f)) })
		return r.headers.get("Content-Type") + "\n" + r.headers.get("Content-Disposition") + "\n" + await r.text() })()`)
	for _, want := range []string{"application/x-apple-aspen-config", `filename="kalends.mobileconfig"`, "com.apple.caldav.account", "<string>" + siteHost + "</string>", "<string>fred</string>"} {
		if !strings.Contains(file, want) {
			t.Errorf("the profile has no %s: %.300s", want, file)
		}
	}
	b.open("/account")
	b.there("#apps ~ .keylist li|Phone")
	b.there("#apps ~ .keylist li|Apple profile")
	b.picture("account-passwords")
	b.follow(`#apps ~ .keylist button| Phone`)
	if status := got(); status != http.StatusUnauthorized {
		t.Errorf("the program is answered %d after its password was revoked", status)
	}
}

// settles sets what is about oneself: language, first day, hours, tokens, password, sessions.
func (s *webSite) settles(t *testing.T) {
	b := s.tab(t, "pia")
	b.open("/account")
	b.set("#a-lang", "de")
	b.set("#a-first", "0")
	b.follow(`form[action="/account/self"] .primary`)
	b.there("h1|Konto")
	b.open("/week/" + date(25))
	if got := b.text(`document.querySelector(".week-head .full").textContent + document.documentElement.lang`); got != "Sode" {
		t.Errorf("the week begins on %s", got)
	}
	b.everywhere("week-sunday-de", "-phone")
	if p := s.principal("pia"); p.Language != "de" {
		t.Errorf("the language is stored as %q", p.Language)
	}
	b.open("/account")
	b.set("#a-lang", "en")
	b.follow(`form[action="/account/self"] .primary`)
	b.there("h1|Account")
	// Working hours: others see the rest as taken.
	b.set("#a-hs", "08:00")
	b.set("#a-he", "12:00")
	b.eval(`document.querySelectorAll('[name=day]').forEach((e, i) => e.checked = i < 5)`)
	b.follow(`form[action="/account/hours"] button`)
	b.has("Saved.")
	// A token of the API, once seen.
	b.fill(`form[action="/account/token"] [name=label]`, "booking form")
	b.follow(`form[action="/account/token"] button`)
	token := b.text(`document.querySelector("#token").textContent`)
	me := func() int {
		status, _ := s.asks(t, "GET", "/api/v1/me", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) })
		return status
	}
	if status := me(); status != http.StatusOK {
		t.Errorf("the token is answered %d", status)
	}
	b.everywhere("account-token", "-phone")
	b.follow(`#tokens ~ .keylist form[action="/account/token/revoke"] button|booking form`)
	if status := me(); status != http.StatusUnauthorized {
		t.Errorf("the token is answered %d after it was revoked", status)
	}
	// Another password; then the sessions of other browsers end.
	other := s.tab(t, "pia")
	change := func(old, is, again string) {
		b.fill("#p-old", old)
		b.fill("#p-new", is)
		b.fill("#p-again", again)
		b.follow(`form[action="/account/password"] button`)
	}
	change("pia's cow", "a longer horse", "a longer horse")
	b.there(".problem")
	b.everywhere("account-problem")
	change("pia's horse", "a longer horse", "a longer horse")
	b.has("Saved.")
	b.follow(`button|Sign out everywhere else`)
	if n := b.eval(`document.querySelectorAll("#sessions ~ .keylist li").length`); n != 1. {
		t.Errorf("%v sessions are left", n)
	}
	_ = other
}

// shares makes a calendar, shares it, and publishes it under an address that is taken back; the calendar goes in the end.
func (s *webSite) shares(t *testing.T) {
	b := s.tab(t, "lea")
	b.open("/calendars")
	b.fill("#c-name", "Orchard")
	b.set("#c-color", "#1f9d61")
	b.follow(`form[action="/calendars"] .primary`)
	if b.eval(`location.pathname == "/calendars"`) == true {
		b.follow(".keylist a|Orchard")
	}
	page := b.text(`location.pathname`)
	id := page[strings.LastIndexByte(page, '/')+1:]
	s.make("lea", meeting.NewMeeting{Calendar: id, Name: "Cider tasting", Start: at(32, "17:00"), End: at(32, "18:00"), Location: "Barn"})
	b.fill("#c-name", "Orchard and cider")
	b.follow(`form[action="` + page + `"] .primary`)
	b.open(page)
	b.there("h1|Orchard and cider")
	b.fill(`form[action$="/share"] [name=person]`, "kim@example.com")
	b.follow(`form[action$="/share"] button|Share`)
	b.there(".keylist li|Kim Ell")
	b.everywhere("calendar-shared", "", "-phone")
	kim := s.tab(t, "kim")
	s.accepts(kim, "Orchard")
	kim.open("/week/" + date(32))
	kim.there(".block|Cider tasting")
	if kim.eval(el(".block|Cider tasting")+".dataset.id === undefined") != true {
		t.Error("who may only look can move it")
	}
	b.follow(`form[action$="/share"] button|Kim Ell`)
	kim.open("/week/" + date(32))
	if kim.eval(el(".block|Cider tasting")+" === undefined") != true {
		t.Error("it is still seen after it was taken back")
	}
	// A public address.
	b.fill(`form[action$="/feed"] [name=label]`, "neighbours")
	b.follow(`form[action$="/feed"] button`)
	address := b.text(`document.querySelector("#feed").textContent`)
	b.picture("calendar-published")
	b.hold("a calendar with its new address")
	anybody := s.tab(t, "")
	anybody.open(strings.TrimSuffix(strings.TrimPrefix(address, s.url), ".ics") + "?from=" + date(30))
	anybody.has("Orchard and cider", "Cider tasting", "Barn")
	anybody.everywhere("feed", "", "-dark", "-phone")
	anybody.open(strings.TrimSuffix(strings.TrimPrefix(address, s.url), ".ics") + "?from=" + date(300))
	anybody.hold("an empty page of a feed")
	b.follow(`form[action$="/feedoff"] button`)
	if status, _ := s.asks(t, "GET", strings.TrimPrefix(address, s.url), nil); status != http.StatusNotFound {
		t.Errorf("the address is answered %d after it was taken away", status)
	}
	b.fill("#c-sure", "Orchard and cider")
	b.follow("button|Delete the calendar")
	if n := len(s.meetings("lea", "Cider tasting")); n != 0 {
		t.Errorf("%d events are left of it", n)
	}
}

// administers adds people and rooms, and deals with mail that does not go out.
func (s *webSite) administers(t *testing.T) {
	b := s.tab(t, "root")
	b.open("/admin/users")
	b.fill("#u-name", "newt")
	b.fill("#u-dn", "Newt New")
	b.fill("#u-mail", "newt@example.com")
	b.follow(`form[action="/admin/users"] .primary`)
	b.has("The password of newt, which is shown only now:")
	password := b.text(`document.querySelector("#made-password").textContent`)
	b.everywhere("admin-user-made", "")
	in := s.tab(t, "")
	in.open("/signin")
	in.fill("#name", "newt")
	in.fill("#password", password)
	in.follow("main button")
	in.there(".view")
	b.open("/admin/users/newt")
	b.follow("button|Make a new password")
	b.has("which is shown only now")
	in.open("/week")
	in.there("h1|Sign in")
	b.open("/admin/users/team")
	b.fill("#g-add", "newt@example.com")
	b.follow("button|Add")
	b.there(".keylist li|Newt New")
	b.everywhere("admin-group-members", "")
	b.open("/admin/users/elm")
	b.fill("#b-days", "30")
	b.follow("#booking .primary")
	b.open("/admin/users/newt")
	b.fill("#u-sure", "newt")
	b.follow("button.danger|Remove")
	if _, err := s.app.store.PrincipalByName(t.Context(), "newt"); err == nil {
		t.Error("newt is still there")
	}
	// Mail that cannot go out.
	root := s.principal("root")
	err := s.app.store.Update(t.Context(), func(tx storage.Tx) error {
		if err := tx.Lock(t.Context(), 1, root.ID); err != nil {
			return err
		}
		id, err := tx.Next(t.Context(), root.ID)
		if err != nil {
			return err
		}
		return tx.AddJob(t.Context(), &storage.Job{Owner: root.ID, ID: id, Kind: "letter", Recipient: "nobody@example.net", Payload: []byte(`{}`), DueAt: s.clock().Add(9000 * time.Hour), Created: s.clock()})
	})
	if err != nil {
		t.Fatal(err)
	}
	b.open("/admin/outbox")
	b.there("li|nobody@example.net")
	b.everywhere("admin-outbox-waiting", "", "-phone")
	b.eval(el("li|nobody@example.net") + `.querySelector("button.danger").id = "drop"`)
	b.follow("#drop")
	if b.eval(el("li|nobody@example.net")+" === undefined") != true {
		t.Error("what was dropped still waits")
	}
	b.open("/admin")
	for _, w := range []string{"Administration", "Now", "Warnings and errors"} {
		b.has(w)
	}
	// Others find nothing there.
	c := s.tab(t, "jan")
	for _, path := range []string{"/admin", "/admin/users", "/admin/outbox", "/admin/users/root"} {
		c.open(path)
		c.has("There is nothing here, or nothing that you may see.")
	}
	_ = fmt.Sprint
}

// accepts takes a calendar that somebody shares.
func (s *webSite) accepts(b *browser, name string) {
	b.Helper()
	b.open("/calendars")
	b.there("li|" + name)
}
