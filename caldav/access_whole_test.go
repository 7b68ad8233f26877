package caldav_test

import (
	"encoding/xml"
	"slices"
	"strings"
	"testing"

	"kalends/storage/storagetest"
)

// TestS6MatrixIsWhole: what the server says that it can do, the matrix tries: each method of Allow and each report of
// supported-report-set, on each kind of resource that is somebody's.
func TestS6MatrixIsWhole(t *testing.T) {
	m := newMatrix(t, storagetest.SQLite(t))
	reportIn := func(body string) string {
		d := xml.NewDecoder(strings.NewReader(body))
		for {
			tok, err := d.Token()
			if err != nil {
				return ""
			}
			if e, ok := tok.(xml.StartElement); ok {
				return e.Name.Local
			}
		}
	}
	list := `<D:propfind` + declared + `><D:prop><D:supported-report-set/></D:prop></D:propfind>`
	check := func(where, path string, tried func(method, report string) bool) {
		t.Helper()
		allow := m.allow("alice", path)
		if len(allow) < 3 {
			t.Fatalf("Allow of %s: %v", where, allow)
		}
		for _, method := range allow {
			if method != "REPORT" && !tried(method, "") {
				t.Errorf("the matrix does not try %s on %s", method, where)
			}
		}
		got := m.send("alice", "PROPFIND", path, depth("0"), list)
		d := xml.NewDecoder(strings.NewReader(got.body))
		n := 0
		for {
			tok, err := d.Token()
			if err != nil {
				break
			}
			if e, ok := tok.(xml.StartElement); !ok || e.Name.Local != "report" {
				continue
			}
			for {
				tok, err := d.Token()
				if err != nil {
					t.Fatalf("reports of %s: %s", where, got.body)
				}
				if e, ok := tok.(xml.StartElement); ok {
					if n++; !tried("REPORT", e.Name.Local) {
						t.Errorf("the matrix does not try %s on %s", e.Name.Local, where)
					}
					break
				}
			}
		}
		if n < 2 {
			t.Errorf("reports of %s: %s", where, got.body)
		}
	}
	for _, s := range spots {
		if s.owner != "alice" || s.kind == "" {
			continue
		}
		for of, path := range map[string]string{"the " + s.slug: "{p}", "an object of the " + s.slug: "{p}secret.ics"} {
			if path != "{p}" && !strings.Contains("calendar work private public", s.slug) {
				continue
			}
			check(of, m.fill("alice", s, path), func(method, report string) bool {
				return slices.ContainsFunc(requests, func(r request) bool {
					place, _, _ := strings.Cut(r.path, "?")
					if place == "/dav/calendars/{r}/copies/own.ics" { // COPY and MOVE towards it
						place = "{p}secret.ics"
					}
					return r.method == method && place == path && slices.Contains(r.on, s.kind) && (report == "" || reportIn(r.body) == report)
				})
			})
		}
	}
	check("a home", "/dav/calendars/alice/", func(method, report string) bool {
		return slices.ContainsFunc(homeRequests, func(r request) bool {
			return r.method == method && (report == "" || reportIn(r.body) == report)
		})
	})
}

// allow is what OPTIONS says that there is to be done.
func (m *matrix) allow(role, path string) []string {
	m.t.Helper()
	return strings.Split(strings.ReplaceAll(m.header(role, "OPTIONS", path).Get("Allow"), " ", ""), ",")
}
