package tzdist

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

// What the zones are looked at for: beyond it the embedded rules are projections that nobody would bet on, and package zone
// generates no more.
var (
	earliest = time.Date(1800, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2101, 1, 1, 0, 0, 0, 0, time.UTC)
)

// index is made at the first request that needs it: it takes some 60 ms and stays small.
type index struct {
	once sync.Once
	zones
}

type zones struct {
	byName map[string]*zoneInfo // by identifier and alias
	list   []*zoneInfo          // by identifier
	token  string
}

// zoneInfo is a time zone in a list (RFC 7808 section 6.2).
type zoneInfo struct {
	TZID         string   `json:"tzid"`
	ETag         string   `json:"etag"`
	LastModified string   `json:"last-modified"`
	Publisher    string   `json:"publisher"`
	Version      string   `json:"version"`
	Aliases      []string `json:"aliases,omitempty"`
}

func (h *Handler) zones() *zones {
	h.index.once.Do(func() { h.index.zones = readZones() })
	return &h.index.zones
}

func readZones() zones {
	z := zones{byName: map[string]*zoneInfo{}}
	modified := released(zone.Version())
	all := sha256.New()
	for _, name := range zone.Names() {
		if _, link := zone.Link(name); link {
			continue
		}
		text, err := calendar(name, name, earliest, latest)
		if err != nil {
			continue // cannot be: TestAllZones
		}
		// A program of another version may write the same zone otherwise, so the tag is of the text, not of the database.
		sum := sha256.Sum256(text.Bytes())
		all.Write(sum[:])
		info := &zoneInfo{
			TZID: name, ETag: hex.EncodeToString(sum[:12]), LastModified: modified, Publisher: "IANA", Version: zone.Version(),
		}
		z.byName[name] = info
		z.list = append(z.list, info)
	}
	for _, name := range zone.Names() {
		if target, link := zone.Link(name); link {
			if info := z.byName[target]; info != nil {
				info.Aliases = append(info.Aliases, name)
				z.byName[name] = info
			}
		}
	}
	z.token = zone.Version() + "-" + hex.EncodeToString(all.Sum(nil)[:8])
	slices.SortFunc(z.list, func(a, b *zoneInfo) int { return strings.Compare(a.TZID, b.TZID) })
	return z
}

// released says when a version of the database was published, as far as its name tells: the year, and the order within
// it. The database itself has no date.
func released(version string) string {
	t, err := time.Parse("2006", version[:min(4, len(version))])
	if err != nil {
		return "1970-01-01T00:00:00Z"
	}
	if len(version) == 5 && version[4] >= 'a' && version[4] <= 'z' {
		t = t.AddDate(0, 0, int(version[4]-'a'))
	}
	return t.Format(time.RFC3339)
}

// calendar is a VCALENDAR with the VTIMEZONE of a zone under the name by which it was asked for (RFC 7808 section 5.3).
func calendar(name, target string, start, end time.Time) (*ical.Component, error) {
	v, err := zone.VTimezone(target, start, end)
	if err != nil {
		return nil, err
	}
	if name != target {
		v.Set(ical.NewText("TZID", name))
		v.Add(ical.NewText("TZID-ALIAS-OF", target)) // RFC 7808 section 7.2
	}
	cal := ical.NewCalendar("")
	cal.AddChild(v)
	return cal, nil
}

// shift is a moment at which a zone changes.
type shift struct {
	at       time.Time
	from, to int
	name     string
	daylight bool
}

// stateAt is what holds in a zone at a moment, as a shift from itself.
func stateAt(loc *time.Location, at time.Time) shift {
	t := at.In(loc)
	name, off := t.Zone()
	return shift{at, off, off, name, daylight(t, off)}
}

// daylight: the half of a year with the greater offset, whichever of the two the law calls standard (Dublin's is the
// summer).
func daylight(t time.Time, off int) bool {
	summer, least := t.IsDST(), off
	for month := -6; month <= 6; month += 3 {
		other := t.AddDate(0, month, 0)
		_, o := other.Zone()
		summer, least = summer || other.IsDST(), min(least, o)
	}
	return summer && off > least
}

// shifts lists the changes of a zone in [start, end), after the state at start. It is for times between earliest and latest, in
// which there are at most some hundred.
func shifts(loc *time.Location, start, end time.Time) []shift {
	list := []shift{stateAt(loc, start)}
	for at := start; ; {
		_, next := at.In(loc).ZoneBounds()
		if next.IsZero() || !next.Before(end) {
			return list
		}
		if !next.After(at) { // Go's rules forget leap years
			next = at.Add(24 * time.Hour)
			if !next.Before(end) {
				return list
			}
		}
		at = next.UTC()
		last, now := list[len(list)-1], stateAt(loc, at)
		if now.to != last.to || now.name != last.name {
			now.from = last.to
			list = append(list, now)
		}
	}
}
