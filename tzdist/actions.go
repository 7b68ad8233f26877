package tzdist

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"kalends/dav"
	"kalends/ical/jcal"
	"kalends/ical/zone"
)

// formats that get can answer in, the preferred one first.
var formats = []string{"text/calendar", jcal.MediaType}

type parameter struct {
	Name     string `json:"name"`
	Required bool   `json:"required"`
	Multi    bool   `json:"multi"`
}

type action struct {
	Name       string      `json:"name"`
	Template   string      `json:"uri-template"`
	Parameters []parameter `json:"parameters"`
}

// actions that there are.
var actions = []action{
	{"capabilities", Path + "/capabilities", []parameter{}},
	{"list", Path + "/zones{?changedsince}", []parameter{{Name: "changedsince"}}},
	{"get", Path + "/zones{/tzid}{?start,end}", []parameter{{Name: "start"}, {Name: "end"}}},
	{"expand", Path + "/zones{/tzid}/observances{?start,end}", []parameter{{Name: "start", Required: true}, {Name: "end", Required: true}}},
	{"find", Path + "/zones{?pattern}", []parameter{{Name: "pattern", Required: true}}},
	{"leapseconds", Path + "/leapseconds", []parameter{}},
}

// capabilities is the action of RFC 7808 section 5.1.
func (q *request) capabilities() *problem {
	type truncated struct {
		Any         bool `json:"any"`
		Untruncated bool `json:"untruncated"`
	}
	type info struct {
		Source    string    `json:"primary-source"`
		Formats   []string  `json:"formats"`
		Truncated truncated `json:"truncated"`
	}
	return q.json(struct {
		Version int      `json:"version"`
		Info    info     `json:"info"`
		Actions []action `json:"actions"`
	}{1, info{"IANA:" + zone.Version(), formats, truncated{true, true}}, actions})
}

// answer is that of list and find (RFC 7808 section 6.2).
type answer struct {
	Token string      `json:"synctoken"`
	Zones []*zoneInfo `json:"timezones"`
}

// list is the action of RFC 7808 section 5.2. Zones change with the program, so since an older token all have changed.
func (q *request) list() *problem {
	if len(q.query["changedsince"]) > 1 {
		return &problem{http.StatusBadRequest, "invalid-changedsince", `The parameter "changedsince" occurs more than once`}
	}
	all := q.zones()
	if q.query.Get("changedsince") == all.token {
		return q.json(answer{all.token, []*zoneInfo{}})
	}
	return q.json(answer{all.token, all.list})
}

// find is the action of RFC 7808 section 5.5.
func (q *request) find() *problem {
	match, ok := parsePattern(q.query["pattern"])
	if !ok {
		return &problem{http.StatusBadRequest, "invalid-pattern", `The parameter "pattern" must occur once, with * at its ends only, and not consist of it`}
	}
	all := q.zones()
	found := []*zoneInfo{}
	for _, z := range all.list {
		if match(z.TZID) || slices.ContainsFunc(z.Aliases, match) {
			found = append(found, z)
		}
	}
	return q.json(answer{all.token, found})
}

// parsePattern reads a pattern with an asterisk at its ends, and a backslash before what is meant as it stands.
func parsePattern(values []string) (match func(string) bool, ok bool) {
	if len(values) != 1 || len(values[0]) > 200 {
		return nil, false
	}
	p := values[0]
	var b strings.Builder
	open, close := false, false
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '*' && i == 0:
			open = true
		case p[i] == '*' && i == len(p)-1:
			close = true
		case p[i] == '*':
			return nil, false
		case p[i] == '\\' && i+1 < len(p) && (p[i+1] == '*' || p[i+1] == '\\'):
			i++
			b.WriteByte(p[i])
		case p[i] == '\\':
			return nil, false
		default:
			b.WriteByte(p[i])
		}
	}
	text := foldName(b.String())
	if text == "" {
		return nil, false
	}
	return func(name string) bool {
		name = foldName(name)
		switch {
		case open && close:
			return strings.Contains(name, text)
		case open:
			return strings.HasSuffix(name, text)
		case close:
			return strings.HasPrefix(name, text)
		}
		return name == text
	}, true
}

// foldName: an underscore is a blank, and letter case does not count.
func foldName(s string) string {
	return strings.ToLower(strings.ReplaceAll(s, "_", " "))
}

// get is the action of RFC 7808 section 5.3.
func (q *request) get(name string, z *zoneInfo) *problem {
	start, hasStart, p := q.time("start", false)
	if p != nil {
		return p
	}
	end, hasEnd, p := q.time("end", false)
	if p != nil {
		return p
	}
	if p := checkRange(start, end, hasStart, hasEnd); p != nil {
		return p
	}
	format := dav.Accepted(q.r.Header.Values("Accept"), formats...)
	q.w.Header().Set("Vary", "Accept")
	if format == "" {
		return &problem{http.StatusNotAcceptable, "invalid-format", "Time zones come as " + strings.Join(formats, " or ")}
	}
	if q.unchanged(z.ETag) {
		return nil
	}
	from, until := earliest, latest
	if hasStart {
		from = start
	}
	if hasEnd {
		until = end
	}
	cal, err := calendar(name, z.TZID, from, until)
	if err != nil {
		return &problem{http.StatusInternalServerError, "invalid-action", "Internal error"}
	}
	if hasStart || hasEnd {
		truncate(cal.Component("VTIMEZONE"), z.TZID, start, end, hasStart, hasEnd)
	}
	text := cal.Bytes()
	if format == jcal.MediaType {
		if text, err = jcal.Marshal(cal); err != nil {
			return &problem{http.StatusInternalServerError, "invalid-action", "Internal error"}
		}
	}
	q.send(format, http.StatusOK, text)
	return nil
}

// observance is one of an expanded zone (RFC 7808 section 6.3).
type observance struct {
	Name  string `json:"name"`
	Onset string `json:"onset"`
	From  int    `json:"utc-offset-from"`
	To    int    `json:"utc-offset-to"`
}

// expand is the action of RFC 7808 section 5.4.
func (q *request) expand(name string, z *zoneInfo) *problem {
	start, _, p := q.time("start", true)
	if p != nil {
		return p
	}
	end, _, p := q.time("end", true)
	if p != nil {
		return p
	}
	if p := checkRange(start, end, true, true); p != nil {
		return p
	}
	loc, ok := zone.Load(z.TZID)
	if !ok {
		return &problem{http.StatusInternalServerError, "invalid-action", "Internal error"}
	}
	if q.unchanged(z.ETag) {
		return nil
	}
	var doc struct {
		TZID        string       `json:"tzid"`
		Start       string       `json:"start,omitempty"`
		End         string       `json:"end,omitempty"`
		Observances []observance `json:"observances"`
	}
	doc.TZID = name
	if start.Before(earliest) {
		start = earliest
		doc.Start = start.Format(time.RFC3339)
	}
	if end.After(latest) {
		end = latest
		doc.End = end.Format(time.RFC3339)
	}
	for _, s := range shifts(loc, start, end) {
		doc.Observances = append(doc.Observances, observance{s.name, s.at.Format(time.RFC3339), s.from, s.to})
	}
	return q.json(doc)
}

// time reads a UTC date-time (RFC 3339) that may occur once.
func (q *request) time(name string, required bool) (t time.Time, given bool, p *problem) {
	values := q.query[name]
	bad := &problem{http.StatusBadRequest, "invalid-" + name, `The parameter "` + name + `" must be one UTC date-time such as 2026-01-01T00:00:00Z`}
	switch {
	case len(values) == 0 && !required:
		return time.Time{}, false, nil
	case len(values) != 1:
		return time.Time{}, false, bad
	}
	t, err := time.Parse("2006-01-02T15:04:05Z", values[0])
	if err != nil {
		return time.Time{}, false, bad
	}
	return t, true, nil
}

// checkRange refuses what is empty, and what is wholly beyond the data.
func checkRange(start, end time.Time, hasStart, hasEnd bool) *problem {
	switch {
	case hasStart && !start.Before(latest):
		return &problem{http.StatusBadRequest, "invalid-start", "Time zones are known here before " + latest.Format(time.RFC3339)}
	case hasEnd && !end.After(earliest):
		return &problem{http.StatusBadRequest, "invalid-end", "Time zones are known here from " + earliest.Format(time.RFC3339)}
	case hasStart && hasEnd && !end.After(start):
		return &problem{http.StatusBadRequest, "invalid-end", `The parameter "end" must be after "start"`}
	}
	return nil
}
