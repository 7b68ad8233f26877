package tzdist

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

func TestLeapSeconds(t *testing.T) {
	h := new(Handler)
	w := ask(t, h, "GET", "/tzdist/leapseconds")
	got := decode[struct {
		Expires, Publisher, Version string
		LeapSeconds                 []struct {
			Offset int    `json:"utc-offset"`
			Onset  string `json:"onset"`
		}
	}](t, w)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || got.Publisher == "" || got.Version == "" {
		t.Fatalf("leapseconds = %d %v %s", w.Code, w.Header(), w.Body)
	}
	expires, err := time.Parse(time.DateOnly, got.Expires)
	if err != nil {
		t.Errorf("expires: %v", err)
	}
	list := got.LeapSeconds
	if len(list) != 28 || list[0].Offset != 10 || list[0].Onset != "1972-01-01" || list[27].Offset != 37 || list[27].Onset != "2017-01-01" {
		t.Errorf("leapseconds = %+v", list)
	}
	last := time.Time{}
	for i, l := range list { // one second at a time, at the ends of June and December
		at, err := time.Parse(time.DateOnly, l.Onset)
		if err != nil || !at.After(last) || at.Day() != 1 || at.Month() != time.January && at.Month() != time.July || at.After(expires) || l.Offset != 10+i {
			t.Errorf("leap second %+v, %v", l, err)
		}
		last = at
	}
	if w := ask(t, h, "GET", "/tzdist/leapseconds", "If-None-Match: "+w.Header().Get("ETag")); w.Code != http.StatusNotModified {
		t.Errorf("the same again = %d", w.Code)
	}
	announced := decode[struct {
		Actions []struct {
			Name       string
			Template   string `json:"uri-template"`
			Parameters []any
		}
	}](t, ask(t, h, "GET", "/tzdist/capabilities")).Actions
	if !slices.ContainsFunc(announced, func(a struct {
		Name       string
		Template   string `json:"uri-template"`
		Parameters []any
	}) bool {
		return a.Name == "leapseconds" && a.Template == "/tzdist/leapseconds" && a.Parameters != nil && len(a.Parameters) == 0
	}) {
		t.Errorf("capabilities announce %+v", announced)
	}
}
