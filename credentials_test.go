package main

import (
	"cmp"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/internal/config"
	"kalends/storage"
)

// doors is a server, asked as the world does, at all the places where one can be let in.
type doors struct {
	*testing.T
	app   *app
	url   string
	alice *storage.Principal
}

const propfindSelf = `<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>`

func newDoors(t *testing.T) *doors {
	t.Helper()
	return newDoorsAt(t, time.Now)
}

// newDoorsAt is newDoors of a server with its own clock.
func newDoorsAt(t *testing.T, now func() time.Time) *doors {
	t.Helper()
	cfg := config.Default()
	cfg.Data = t.TempDir()
	cfg.Database = "sqlite:" + filepath.Join(cfg.Data, "kalends.db")
	a, err := buildAt(t.Context(), cfg, slog.New(slog.DiscardHandler), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	d := &doors{T: t, app: a}
	if d.alice, err = a.directory.Add(t.Context(), auth.NewUser{Name: "alice", Password: "alice's horse", Email: "alice@example.com"}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(a.handler)
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

// send returns status, header and body. header comes in pairs.
func send(t *testing.T, method, address, body string, header ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, string(text)
}

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

func (d *doors) signIn(name, password string) (int, string) {
	d.Helper()
	status, head, _ := send(d.T, "POST", d.url+"/signin", url.Values{"name": {name}, "password": {password}}.Encode(),
		"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
	cookie, _, _ := strings.Cut(head.Get("Set-Cookie"), ";")
	return status, cookie
}

// in says where a request with these header fields is let in.
func (d *doors) in(header ...string) string {
	d.Helper()
	var list []string
	for _, door := range []struct {
		name, method, path, body string
		open                     int
	}{
		{"dav", "PROPFIND", "/dav/", propfindSelf, http.StatusMultiStatus},
		{"api", "GET", "/api/v1/me", "", http.StatusOK},
		{"pages", "GET", "/account", "", http.StatusOK},
	} {
		status, _, body := send(d.T, door.method, d.url+door.path, door.body, append([]string{"Depth", "0"}, header...)...)
		switch {
		case status == door.open:
			list = append(list, door.name)
		case status != http.StatusUnauthorized && status != http.StatusSeeOther && status != http.StatusTooManyRequests:
			d.Errorf("%s = %d %s", door.path, status, body)
		}
	}
	return strings.Join(list, " ")
}

// TestS7OneThrottleForAllDoors: guesses at one door count at the others, for a person and for an address.
func TestS7OneThrottleForAllDoors(t *testing.T) {
	t.Parallel()
	start := time.Now()
	d := newDoorsAt(t, func() time.Time { return start }) // tries come back with time, and hashing takes some
	guess := map[string]func(name string) (int, http.Header){
		"dav": func(name string) (int, http.Header) {
			status, head, _ := send(t, "PROPFIND", d.url+"/dav/", propfindSelf, "Authorization", basic(name, "a guess"))
			return status, head
		},
		"api": func(name string) (int, http.Header) {
			status, head, _ := send(t, "GET", d.url+"/api/v1/me", "", "Authorization", basic(name, "another guess"))
			return status, head
		},
		"pages": func(name string) (int, http.Header) {
			status, head, _ := send(t, "POST", d.url+"/signin", url.Values{"name": {name}, "password": {"a third"}}.Encode(),
				"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
			return status, head
		},
	}
	order := []string{"dav", "api", "pages"}
	for i := range 9 {
		if status, _ := guess[order[i%3]]("alice"); status != http.StatusUnauthorized {
			t.Fatalf("guess %d at %s = %d", i, order[i%3], status)
		}
	}
	guess["dav"]("alice@example.com") // the same person
	for _, door := range order {
		for _, name := range []string{"alice", "alice@example.com"} {
			if status, head := guess[door](name); status != http.StatusTooManyRequests || head.Get("Retry-After") == "" {
				t.Errorf("the eleventh guess, at %s as %s = %d, Retry-After %q", door, name, status, head.Get("Retry-After"))
			}
		}
	}
	// The right password is not told from a wrong one meanwhile.
	if status, _ := d.signIn("alice", "alice's horse"); status != http.StatusTooManyRequests {
		t.Errorf("the right password after ten guesses = %d", status)
	}
	// Of one address all persons together: 60, of which ten are spent. What was refused above counted nothing.
	status, n := 0, 0
	for ; n < 100 && status != http.StatusTooManyRequests; n++ {
		status, _ = guess[order[n%3]]("nobody" + string(rune('a'+n/26)) + string(rune('a'+n%26)))
	}
	if n != 51 {
		t.Errorf("after %d guesses at other names from the same address: %d", n, status)
	}
}

// TestS7EachKeyOpensItsDoors: what is made for programs opens nothing for people and the other way round, and what was revoked opens
// nothing from the next request on, wherever it has been used before.
func TestS7EachKeyOpensItsDoors(t *testing.T) {
	t.Parallel()
	d := newDoors(t)
	ctx, store := t.Context(), d.app.store
	apps, tokens := &auth.AppPasswords{Store: store}, &auth.Tokens{Store: store}
	app, appRow, err := apps.Add(ctx, d.alice, "Telephone")
	if err != nil {
		t.Fatal(err)
	}
	token, tokenRow, err := tokens.Add(ctx, d.alice, auth.WriteScope, "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	service := d.app.service(config.Default(), slog.New(slog.DiscardHandler))
	home := calendar.Target{Owner: d.alice, Slug: "calendar"}
	feed, _, err := service.Publish(ctx, d.alice, home, false, "")
	if err != nil {
		t.Fatal(err)
	}
	status, cookie := d.signIn("alice", "alice's horse")
	if status != http.StatusSeeOther || cookie == "" {
		t.Fatalf("sign in = %d", status)
	}
	session := cookie[strings.IndexByte(cookie, '=')+1:]
	keys := []struct{ name, key, doors string }{
		{"the password", "alice's horse", "dav api"}, {"an app password", app, "dav api"}, {"a token", token, ""}, {"a feed's key", feed, ""}, {"a session's", session, ""},
	}
	for _, k := range keys {
		if got := d.in("Authorization", basic("alice", k.key)); got != k.doors {
			t.Errorf("%s as a password opens %q, want %q", k.name, got, k.doors)
		}
		want := ""
		if k.name == "a token" {
			want = "api"
		}
		if got := d.in("Authorization", "Bearer "+k.key); got != want {
			t.Errorf("%s as a token opens %q, want %q", k.name, got, want)
		}
		want = ""
		if k.name == "a session's" {
			want = "pages"
		}
		if got := d.in("Cookie", "kalends="+k.key); got != want {
			t.Errorf("%s as a cookie opens %q, want %q", k.name, got, want)
		}
		if status, _, _ := send(t, "GET", d.url+"/feed/"+k.key+".ics", ""); (status == http.StatusOK) != (k.name == "a feed's key") {
			t.Errorf("%s as a feed = %d", k.name, status)
		}
		if k.name != "the password" {
			if status, got := d.signIn("alice", k.key); status != http.StatusUnauthorized && status != http.StatusTooManyRequests || got != "" {
				t.Errorf("%s at the sign-in page = %d", k.name, status)
			}
		}
	}
	check := func(what string, err error, header []string, want string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if got := d.in(header...); got != want {
			t.Errorf("%s opens %q, want %q", what, got, want)
		}
	}
	nothing := error(nil)
	useToken, useApp, useCookie := []string{"Authorization", "Bearer " + token}, []string{"Authorization", basic("alice", app)}, []string{"Cookie", cookie}
	check("the token", nothing, useToken, "api")
	check("the token, revoked,", store.RemoveToken(ctx, d.alice.ID, tokenRow.ID), useToken, "")
	check("the app password", nothing, useApp, "dav api")
	check("the app password, revoked,", store.RemoveAppPassword(ctx, d.alice.ID, appRow.ID), useApp, "")
	check("the session", nothing, useCookie, "pages")
	check("the session after another password", d.app.directory.SetPassword(ctx, "alice", "another horse"), useCookie, "")
	if err := service.Unpublish(ctx, d.alice, home, feed); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := send(t, "GET", d.url+"/feed/"+feed+".ics", ""); status != http.StatusNotFound {
		t.Errorf("the feed, revoked, = %d", status)
	}
	// With the account all is gone.
	if token, _, err = tokens.Add(ctx, d.alice, auth.ReadScope, "", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if app, _, err = apps.Add(ctx, d.alice, "Tablet"); err != nil {
		t.Fatal(err)
	}
	_, cookie = d.signIn("alice", "another horse")
	if err := d.app.directory.Remove(ctx, "alice"); err != nil {
		t.Fatal(err)
	}
	for _, header := range [][]string{{"Authorization", "Bearer " + token}, {"Authorization", basic("alice", app)}, {"Authorization", basic("alice", "another horse")}, {"Cookie", cookie}} {
		check("what was Alice's", nothing, header, "")
	}
}

// TestS7NoCredentialInAnyLogLine: the program itself, at the level that tells most, tells no key: not those that are right, not those that
// are wrong, and not those in addresses that it fetches from.
func TestS7NoCredentialInAnyLogLine(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "migrate")
	if status, _, errs := kalends(t, "alice's horse\n", "user", "add", "alice", "--email", "alice@example.com", "--password-stdin"); status != 0 {
		t.Fatal(errs)
	}
	token := strings.TrimSpace(ok(t, "token", "add", "alice", "--scope", "write"))
	feedKey := regexp.MustCompile(`/feed/(\w{32})`).FindStringSubmatch(ok(t, "calendar", "feed", "alice/calendar", "--full"))
	if feedKey == nil {
		t.Fatal("no feed")
	}
	p := start(t, "--listen", "127.0.0.1:0", "--log-level", "debug")
	d := &doors{T: t, url: p.url}
	secrets := []string{"alice's horse", "alice%27s", "YWxpY2", token, feedKey[1], "s3cret", "czNjcmV0"}
	do := func(method, path, body string, header ...string) (int, http.Header, string) {
		t.Helper()
		return send(t, method, p.url+path, body, header...)
	}
	for _, key := range []string{"alice's horse", "s3cret", "kap-s3cretaaaaaaaaaaaaaaaaaaaa"} {
		for _, name := range []string{"alice", "alice@example.com", "s3cret-as-name"} {
			do("PROPFIND", "/dav/", propfindSelf, "Authorization", basic(name, key), "Depth", "0")
			do("GET", "/api/v1/me", "", "Authorization", basic(name, key))
			d.signIn(name, key)
		}
	}
	for range 12 { // until it is throttled
		do("GET", "/api/v1/me?token=s3cret", "", "Authorization", basic("alice", "s3cret"))
	}
	for _, key := range []string{token, "kal_s3cret", "s3cret"} {
		do("GET", "/api/v1/me", "", "Authorization", "Bearer "+key)
		do("PROPFIND", "/dav/?token="+key, propfindSelf, "Authorization", "Bearer "+key)
		do("POST", "/api/v1/calendars", `{"name": `, "Authorization", "Bearer "+key, "Content-Type", "application/json")
	}
	for _, key := range []string{feedKey[1], "s3cret"} {
		for _, path := range []string{"/feed/" + key + ".ics", "/feed/" + key, "/answer/" + key, "/freebusy/" + key} {
			do("GET", path, "")
			do("POST", path, "token=s3cret", "Content-Type", "application/x-www-form-urlencoded")
		}
	}
	_, cookie := d.signIn("alice", "alice's horse")
	if session := cookie[strings.IndexByte(cookie, '=')+1:]; session != "" {
		secrets = append(secrets, session)
	}
	_, _, page := do("GET", "/connect", "", "Cookie", cookie)
	if m := regexp.MustCompile(`name="form" value="([^"]+)"`).FindStringSubmatch(page); m != nil {
		secrets = append(secrets, m[1])
		_, _, made := do("POST", "/connect", url.Values{"form": {m[1]}, "label": {"Telephone"}, "for": {"apple"}}.Encode(), "Cookie", cookie,
			"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
		if m := regexp.MustCompile(`kap(-[a-z2-9]{1,5})+`).FindString(made); m != "" {
			secrets = append(secrets, m, strings.ReplaceAll(m, "-", ""))
		}
	}
	// An address to fetch from with a key in it. It leads here, so nothing is fetched, and what is said of it does not repeat it.
	host := strings.TrimPrefix(p.url, "http://")
	status, out, errs := kalends(t, "", "calendar", "subscribe", "alice", "http://s3cret:s3cret@"+host+"/s3cret.ics?key=s3cret")
	if status == 0 || strings.Contains(out+errs, "s3cret") {
		t.Errorf("subscribe = %d, %s%s", status, out, errs)
	}
	p.signal(syscall.SIGTERM)
	state, log := p.wait()
	if !state.Success() {
		t.Errorf("the server: %v", state)
	}
	if strings.Count(log, "msg=request") < 40 || !strings.Contains(log, "level=DEBUG") {
		t.Errorf("this is no log of what was done:\n%s", log)
	}
	for _, s := range secrets {
		if i := strings.Index(log, s); i >= 0 {
			t.Errorf("the log tells %s: …%s…", s, log[max(0, i-200):min(len(log), cmp.Or(i+200, len(log)))])
		}
	}
}
