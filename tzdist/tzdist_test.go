package tzdist

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/ical"
	"kalends/ical/jcal"
	"kalends/ical/zone"
)

// ask sends a request; headers come as "Name: value".
func ask(t *testing.T, h *Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return v
}

func TestProblems(t *testing.T) {
	h := new(Handler)
	for _, tt := range []struct {
		method, target, accept string
		status                 int
		code                   string
	}{
		{"GET", "/tzdist", "", 400, "invalid-action"},
		{"GET", "/tzdist/", "", 400, "invalid-action"},
		{"GET", "/tzdist?query=true", "", 400, "invalid-action"},
		{"GET", "/tzdist/foobar", "", 400, "invalid-action"},
		{"GET", "/tzdist/leapseconds/2017", "", 400, "invalid-action"},
		{"DELETE", "/tzdist/leapseconds", "", 405, "invalid-action"},
		{"GET", "/tzdist/capabilities/more", "", 400, "invalid-action"},
		{"GET", "/tzdist/zones?a=%zz", "", 400, "invalid-action"},
		{"GET", "/tzdist/zones//x", "", 400, "invalid-action"},
		{"GET", "/tzdist/zones/1/2/3/4/5/6/7/8/9", "", 400, "invalid-action"},
		{"GET", "/tzdist/zones/observances", "", 400, "invalid-action"},
		{"GET", "/tzdist/zones/America%2FNew_York/America%2FLos_Angeles", "", 400, "invalid-action"},
		{"GET", "/tzdist/zones/America%2FNew_York/America%2FLos_Angeles/observances", "", 400, "invalid-action"},
		{"PUT", "/tzdist", "", 405, "invalid-action"},
		{"PROPFIND", "/tzdist/zones", "", 405, "invalid-action"},
		{"DELETE", "/tzdist/zones/Europe%2FBerlin", "", 405, "invalid-action"},

		{"GET", "/tzdist/zones?changedsince=1&changedsince=2", "", 400, "invalid-changedsince"},

		{"GET", "/tzdist/zones/America%2FPittsburgh", "", 404, "tzid-not-found"},
		{"GET", "/tzdist/zones/Local", "", 404, "tzid-not-found"},
		{"GET", "/tzdist/zones/..%2F..%2Fetc", "", 404, "tzid-not-found"},
		{"GET", "/tzdist/zones/" + strings.Repeat("x", 2000), "", 404, "tzid-not-found"},
		{"GET", "/tzdist/zones/Europe%2FBerlin", "image/png", 406, "invalid-format"},
		{"GET", "/tzdist/zones/Europe%2FBerlin?start=2010", "", 400, "invalid-start"},
		{"GET", "/tzdist/zones/Europe%2FBerlin?start=", "", 400, "invalid-start"},
		{"GET", "/tzdist/zones/Europe%2FBerlin?start=2010-01-01T00:00:00Z&start=2010-01-01T00:00:00Z", "", 400, "invalid-start"},
		{"GET", "/tzdist/zones/Europe%2FBerlin?start=2010-01-01T00:00:00%2B01:00", "", 400, "invalid-start"},
		{"GET", "/tzdist/zones/Europe%2FBerlin?start=2200-01-01T00:00:00Z", "", 400, "invalid-start"},
		{"GET", "/tzdist/zones/Europe%2FBerlin?end=2010-02-30T00:00:00Z", "", 400, "invalid-end"},
		{"GET", "/tzdist/zones/Europe%2FBerlin?end=1700-01-01T00:00:00Z", "", 400, "invalid-end"},
		{"GET", "/tzdist/zones/Europe%2FBerlin?start=2010-01-01T00:00:00Z&end=2010-01-01T00:00:00Z", "", 400, "invalid-end"},

		{"GET", "/tzdist/zones/America%2FPittsburgh/observances?start=2008-01-01T00:00:00Z&end=2020-01-01T00:00:00Z", "", 404, "tzid-not-found"},
		{"GET", "/tzdist/zones/GB/observances", "", 400, "invalid-start"},
		{"GET", "/tzdist/zones/GB/observances?start=20070101", "", 400, "invalid-start"},
		{"GET", "/tzdist/zones/GB/observances?start=2008-01-01T00:00:00Z&start=2009-01-01T00:00:00Z", "", 400, "invalid-start"},
		{"GET", "/tzdist/zones/GB/observances?start=2008-01-01T00:00:00Z", "", 400, "invalid-end"},
		{"GET", "/tzdist/zones/GB/observances?start=2008-01-01T00:00:00Z&end=2009", "", 400, "invalid-end"},
		{"GET", "/tzdist/zones/GB/observances?start=2009-01-01T00:00:00Z&end=2008-01-01T00:00:00Z", "", 400, "invalid-end"},
		{"GET", "/tzdist/zones/GB/observances?start=1600-01-01T00:00:00Z&end=1700-01-01T00:00:00Z", "", 400, "invalid-end"},

		{"GET", "/tzdist/zones?pattern=", "", 400, "invalid-pattern"},
		{"GET", "/tzdist/zones?pattern=*", "", 400, "invalid-pattern"},
		{"GET", "/tzdist/zones?pattern=**", "", 400, "invalid-pattern"},
		{"GET", "/tzdist/zones?pattern=a*b", "", 400, "invalid-pattern"},
		{"GET", "/tzdist/zones?pattern=***", "", 400, "invalid-pattern"},
		{"GET", `/tzdist/zones?pattern=a%5Cb`, "", 400, "invalid-pattern"},
		{"GET", `/tzdist/zones?pattern=a%5C`, "", 400, "invalid-pattern"},
		{"GET", "/tzdist/zones?pattern=a&pattern=b", "", 400, "invalid-pattern"},
		{"GET", "/tzdist/zones?pattern=" + strings.Repeat("x", 201), "", 400, "invalid-pattern"},
	} {
		w := ask(t, h, tt.method, tt.target, "Accept: "+tt.accept)
		p := decode[struct {
			Type, Title string
			Status      int
		}](t, w)
		if w.Code != tt.status || p.Status != tt.status || p.Type != "urn:ietf:params:tzdist:error:"+tt.code || p.Title == "" {
			t.Errorf("%s %.100s = %d %+v, want %d %s", tt.method, tt.target, w.Code, p, tt.status, tt.code)
		}
		if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s %.100s: Content-Type %q", tt.method, tt.target, got)
		}
		if w.Code == 405 && w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", tt.method, tt.target)
		}
	}
}

func TestWellKnown(t *testing.T) {
	w := ask(t, new(Handler), "GET", "/.well-known/timezone")
	if w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != "/tzdist" || w.Header().Get("Cache-Control") == "" {
		t.Errorf("GET /.well-known/timezone = %d %v", w.Code, w.Header())
	}
	for path, want := range map[string]bool{"/tzdist": true, "/tzdist/zones": true, "/.well-known/timezone": true, "/tzdistx": false, "/dav/": false, "/": false} {
		if got := Handles(path); got != want {
			t.Errorf("Handles(%s) = %v, want %v", path, got, want)
		}
	}
}

func TestCapabilities(t *testing.T) {
	w := ask(t, new(Handler), "GET", "/tzdist/capabilities")
	var c struct {
		Version int
		Info    struct {
			Source    string `json:"primary-source"`
			Formats   []string
			Truncated struct{ Any, Untruncated bool }
		}
		Actions []struct{ Name string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &c); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range c.Actions {
		names = append(names, a.Name)
	}
	if c.Version != 1 || c.Info.Source != "IANA:"+zone.Version() || len(c.Info.Formats) != 2 || !c.Info.Truncated.Any ||
		!slices.Equal(names, []string{"capabilities", "list", "get", "expand", "find", "leapseconds"}) {
		t.Errorf("capabilities = %s", w.Body)
	}
	if w := ask(t, new(Handler), "OPTIONS", "/tzdist"); w.Code != 204 || w.Header().Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("OPTIONS = %d %v", w.Code, w.Header())
	}
	if w := ask(t, new(Handler), "HEAD", "/tzdist/capabilities"); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD = %d %v %s", w.Code, w.Header(), w.Body)
	}
}

type listAnswer struct {
	SyncToken string
	Timezones []struct {
		TZID, ETag, Publisher, Version string
		LastModified                   string `json:"last-modified"`
		Aliases                        []string
	}
}

func (a listAnswer) ids() (ids []string) {
	for _, z := range a.Timezones {
		ids = append(ids, z.TZID)
	}
	return ids
}

func TestList(t *testing.T) {
	h := new(Handler)
	a := decode[listAnswer](t, ask(t, h, "GET", "/tzdist/zones"))
	names := 0
	for _, z := range a.Timezones {
		names += 1 + len(z.Aliases)
		if z.ETag == "" || z.Publisher != "IANA" || z.Version != zone.Version() {
			t.Errorf("zone %+v lacks something", z)
		}
		if _, err := time.Parse(time.RFC3339, z.LastModified); err != nil {
			t.Errorf("zone %s: %v", z.TZID, err)
		}
		if z.TZID == "Europe/London" && !slices.Contains(z.Aliases, "GB") {
			t.Errorf("London is not GB: %v", z.Aliases)
		}
	}
	if all := len(zone.Names()); names != all {
		t.Errorf("the list has %d names, the database %d", names, all)
	}
	if !slices.IsSorted(a.ids()) {
		t.Error("the list is not sorted")
	}
	again := decode[listAnswer](t, ask(t, h, "GET", "/tzdist/zones?changedsince="+url.QueryEscape(a.SyncToken)))
	if again.SyncToken != a.SyncToken || len(again.Timezones) != 0 {
		t.Errorf("changed since now: %d zones, token %q, was %q", len(again.Timezones), again.SyncToken, a.SyncToken)
	}
	if old := decode[listAnswer](t, ask(t, h, "GET", "/tzdist/zones?changedsince=2009a")); len(old.Timezones) != len(a.Timezones) {
		t.Errorf("changed since long ago: %d zones, want %d", len(old.Timezones), len(a.Timezones))
	}
	if other := decode[listAnswer](t, ask(t, new(Handler), "GET", "/tzdist/zones")); other.SyncToken != a.SyncToken || other.Timezones[7].ETag != a.Timezones[7].ETag {
		t.Error("two servers of the same version differ")
	}
}

func TestFind(t *testing.T) {
	h := new(Handler)
	for _, tt := range []struct{ pattern, want string }{
		{"America/New_York", "America/New_York"},
		{"america/new york", "America/New_York"},
		{"US/Eastern", "America/New_York"},
		{"*/New_York", "America/New_York"},
		{"*New York*", "America/New_York"},
		{"America/New_*", "America/New_York"},
		{"Europe/Kiev", "Europe/Kyiv"},
		{"York", ""},
		{`\*`, ""},
		{`*\\*`, ""},
	} {
		a := decode[listAnswer](t, ask(t, h, "GET", "/tzdist/zones?pattern="+url.QueryEscape(tt.pattern)))
		if got := strings.Join(a.ids(), " "); got != tt.want {
			t.Errorf("find %q = %q, want %q", tt.pattern, got, tt.want)
		}
	}
	// An identifier of one zone and an alias of another.
	a := decode[listAnswer](t, ask(t, h, "GET", "/tzdist/zones?pattern=Asia/K*"))
	for _, want := range []string{"Asia/Karachi", "Asia/Kathmandu", "Asia/Kolkata"} {
		if !slices.Contains(a.ids(), want) {
			t.Errorf("find Asia/K* = %v, lacks %s", a.ids(), want)
		}
	}
	a = decode[listAnswer](t, ask(t, h, "GET", "/tzdist/zones?pattern=Asia/Calc*"))
	if got := strings.Join(a.ids(), " "); got != "Asia/Kolkata" {
		t.Errorf("find Asia/Calc* = %q, want Asia/Kolkata", got)
	}
}

func TestGet(t *testing.T) {
	h := new(Handler)
	w := ask(t, h, "GET", "/tzdist/zones/Europe%2FBerlin/")
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/calendar; charset=utf-8" || w.Header().Get("Vary") != "Accept" {
		t.Fatalf("get = %d %v", w.Code, w.Header())
	}
	cal, err := ical.Parse(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if v := cal.Component("VTIMEZONE"); v == nil || v.Text("TZID") != "Europe/Berlin" || v.Prop("TZID-ALIAS-OF") != nil {
		t.Errorf("get Europe/Berlin:\n%s", cal)
	}
	tag := w.Header().Get("ETag")
	for _, sent := range []string{tag, strings.Trim(tag, `"`), "W/" + tag, `"x", ` + tag, "*"} {
		if w := ask(t, h, "GET", "/tzdist/zones/Europe%2FBerlin", "If-None-Match: "+sent); w.Code != 304 || w.Body.Len() != 0 || w.Header().Get("ETag") != tag {
			t.Errorf("get, If-None-Match: %s = %d", sent, w.Code)
		}
	}
	if w := ask(t, h, "GET", "/tzdist/zones/Europe%2FBerlin", `If-None-Match: "other"`); w.Code != 200 {
		t.Errorf("get, If-None-Match of another = %d", w.Code)
	}
	listed := decode[listAnswer](t, ask(t, h, "GET", "/tzdist/zones?pattern=Europe/Berlin")).Timezones[0].ETag
	if `"`+listed+`"` != tag {
		t.Errorf("ETag in the list is %s, of get %s", listed, tag)
	}
	// A proxy decoded the slash.
	if w := ask(t, h, "GET", "/tzdist/zones/Europe/Berlin"); w.Code != 200 {
		t.Errorf("get by a decoded path = %d", w.Code)
	}
	// RFC 7808 section 5.3.3.
	cal, err = ical.Parse(ask(t, h, "GET", "/tzdist/zones/US%2FEastern").Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if v := cal.Component("VTIMEZONE"); v.Text("TZID") != "US/Eastern" || v.Text("TZID-ALIAS-OF") != "America/New_York" {
		t.Errorf("get US/Eastern:\n%s", cal)
	}
	w = ask(t, h, "GET", "/tzdist/zones/Europe%2FBerlin", "Accept: application/calendar+json")
	c, err := jcal.Unmarshal(w.Body.Bytes())
	if err != nil || w.Header().Get("Content-Type") != jcal.MediaType || c.Component("VTIMEZONE").Text("TZID") != "Europe/Berlin" {
		t.Errorf("get as jCal = %v %v %.100s", err, w.Header(), w.Body)
	}
}

// TestAllZones: what get gives of each zone, whole and truncated, means what the database says.
func TestAllZones(t *testing.T) {
	h := new(Handler)
	step := 1
	if testing.Short() {
		step = 20
	}
	ranges := []struct{ start, end string }{
		{"", ""}, {"2010-01-01T00:00:00Z", "2020-01-01T00:00:00Z"}, {"2026-07-01T12:00:00Z", ""}, {"", "1950-06-01T00:00:00Z"}, {"2015-03-29T01:00:00Z", "2015-10-25T01:00:00Z"},
	}
	list := h.zones().list
	for i := 0; i < len(list); i += step {
		name := list[i].TZID
		want, _ := zone.Load(name)
		for _, r := range ranges {
			q := url.Values{}
			start, end := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2037, 1, 1, 0, 0, 0, 0, time.UTC)
			if r.start != "" {
				q.Set("start", r.start)
				start, _ = time.Parse(time.RFC3339, r.start)
			}
			if r.end != "" {
				q.Set("end", r.end)
				end, _ = time.Parse(time.RFC3339, r.end)
				start = start.AddDate(0, 0, -36500*min(1, max(0, 1970-end.Year())))
			}
			w := ask(t, h, "GET", "/tzdist/zones/"+url.PathEscape(name)+"?"+q.Encode())
			cal, err := ical.Parse(w.Body.Bytes())
			if err != nil {
				t.Fatalf("%s %v: %d %v", name, r, w.Code, err)
			}
			v := cal.Component("VTIMEZONE")
			if (v.Prop("TZUNTIL") != nil) != (r.end != "") {
				t.Errorf("%s %v: TZUNTIL %q", name, r, v.Value("TZUNTIL"))
			}
			got, err := zone.FromVTimezone(v)
			if err != nil {
				t.Errorf("%s %v: %v\n%s", name, r, err, v)
				continue
			}
			for at := start; at.Before(end); at = at.Add(6*24*time.Hour + 5*time.Hour) {
				_, g := at.In(got).Zone()
				_, w := at.In(want).Zone()
				if g != w {
					t.Errorf("%s %v at %v: offset %d, want %d\n%s", name, r, at, g, w, v)
					break
				}
			}
		}
	}
}

func TestTruncated(t *testing.T) {
	// RFC 7808 section 5.3.4, whose DTSTART is a slip: the local time of 2010-01-01T00:00:00Z is in 2009.
	w := ask(t, new(Handler), "GET", "/tzdist/zones/America%2FNew_York?start=2010-01-01T00:00:00Z&end=2020-01-01T00:00:00Z")
	for _, want := range []string{
		"TZUNTIL:20200101T000000Z\r\n",
		"BEGIN:STANDARD\r\nDTSTART:20091231T190000\r\nTZOFFSETFROM:-0500\r\nTZOFFSETTO:-0500\r\nTZNAME:EST\r\nEND:STANDARD\r\n",
		"BEGIN:DAYLIGHT\r\nDTSTART:20100314T020000\r\n",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("truncated New York lacks %q:\n%s", want, w.Body)
		}
	}
	// Dublin's winter is a negative daylight saving time in the database, and standard to everybody else.
	w = ask(t, new(Handler), "GET", "/tzdist/zones/Europe%2FDublin?start=2010-01-01T00:00:00Z")
	if !strings.Contains(w.Body.String(), "BEGIN:STANDARD\r\nDTSTART:20100101T000000\r\n") {
		t.Errorf("truncated Dublin:\n%s", w.Body)
	}
}

func TestExpand(t *testing.T) {
	h := new(Handler)
	type answer struct {
		TZID, Start, End string
		Observances      []observance
	}
	// RFC 7808 section 5.4.1.
	a := decode[answer](t, ask(t, h, "GET", "/tzdist/zones/America%2FNew_York/observances/?start=2008-01-01T00:00:00Z&end=2009-01-01T00:00:00Z"))
	want := []observance{
		{"EST", "2008-01-01T00:00:00Z", -18000, -18000},
		{"EDT", "2008-03-09T07:00:00Z", -18000, -14400},
		{"EST", "2008-11-02T06:00:00Z", -14400, -18000},
	}
	if a.TZID != "America/New_York" || a.Start != "" || a.End != "" || !slices.Equal(a.Observances, want) {
		t.Errorf("expand = %+v, want %+v", a, want)
	}
	a = decode[answer](t, ask(t, h, "GET", "/tzdist/zones/US%2FArizona/observances?start=2006-01-01T00:00:00Z&end=2009-01-01T00:00:00Z"))
	if a.TZID != "US/Arizona" || len(a.Observances) != 1 || a.Observances[0].To != -25200 {
		t.Errorf("expand Arizona = %+v", a)
	}
	// The start is within, the end is not.
	a = decode[answer](t, ask(t, h, "GET", "/tzdist/zones/America%2FNew_York/observances?start=2008-03-09T07:00:00Z&end=2008-11-02T06:00:00Z"))
	if len(a.Observances) != 1 || a.Observances[0].To != -14400 {
		t.Errorf("expand of a summer = %+v", a)
	}
	a = decode[answer](t, ask(t, h, "GET", "/tzdist/zones/America%2FNew_York/observances?start=0001-01-01T00:00:00Z&end=9999-01-01T00:00:00Z"))
	if a.Start != "1800-01-01T00:00:00Z" || a.End != "2101-01-01T00:00:00Z" || len(a.Observances) < 200 || len(a.Observances) > 1000 {
		t.Errorf("expand of all times: %s to %s, %d observances", a.Start, a.End, len(a.Observances))
	}
	w := ask(t, h, "GET", "/tzdist/zones/GB/observances?start=2008-01-01T00:00:00Z&end=2009-01-01T00:00:00Z")
	tag := ask(t, h, "GET", "/tzdist/zones/Europe%2FLondon").Header().Get("ETag")
	if w.Header().Get("ETag") != tag {
		t.Errorf("ETag of expand %s, of the zone %s", w.Header().Get("ETag"), tag)
	}
	if w := ask(t, h, "GET", "/tzdist/zones/GB/observances?start=2008-01-01T00:00:00Z&end=2009-01-01T00:00:00Z", "If-None-Match: "+tag); w.Code != 304 {
		t.Errorf("expand, If-None-Match = %d", w.Code)
	}
}

// FuzzServe: no path or query gets more than an answer.
func FuzzServe(f *testing.F) {
	f.Add("/tzdist/zones/America%2FNew_York/observances", "start=2008-01-01T00:00:00Z&end=2020-01-01T00:00:00Z")
	f.Add("/tzdist/zones", "pattern=*new%20york*")
	h := new(Handler)
	f.Fuzz(func(t *testing.T, path, query string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || !Handles(u.Path) {
			return
		}
		u.RawQuery = query
		w := httptest.NewRecorder()
		h.ServeHTTP(w, &http.Request{Method: "GET", URL: u, Header: http.Header{}})
		if w.Code >= 500 {
			t.Fatalf("%s?%s = %d %s", path, query, w.Code, w.Body)
		}
	})
}
