package zone

import (
	"strings"
	"time"

	"kalends/ical"
)

// maxVTimezones bounds how many VTIMEZONEs of one object are read. An object of 1 MiB has room for thousands.
const maxVTimezones = 64

// Resolver gives the TZIDs of one calendar object their locations. It reads a VTIMEZONE only when a TZID is neither an
// IANA name nor a known spelling of one, and each at most once. It is for one goroutine, and the object must not change.
type Resolver struct {
	cal    *ical.Component
	known  map[string]resolved
	byName map[string]*ical.Component // TZID to its first VTIMEZONE; made when first needed
	budget int
}

type resolved struct {
	loc  *time.Location
	name string // the IANA zone, or "" for a location made from a VTIMEZONE
	ok   bool
}

// NewResolver returns the resolver of the object cal, which may be nil.
func NewResolver(cal *ical.Component) *Resolver {
	return &Resolver{cal: cal, budget: maxVTimezones}
}

// Location gives the location of a TZID, in this order: an IANA name; another spelling of one (Canonical); a name the
// VTIMEZONE gives in X-LIC-LOCATION and the like; the IANA zone whose rules are those of the VTIMEZONE; the
// rules of the VTIMEZONE themselves. It returns UTC and false when nothing is left, and the caller treats the
// time as floating. The location is never nil.
func (r *Resolver) Location(tzid string) (loc *time.Location, ok bool) {
	if loc, ok := Load(tzid); ok {
		return loc, true
	}
	z := r.resolve(tzid)
	return z.loc, z.ok
}

// Canonical gives the IANA zone a TZID of this object stands for; links are followed to their zone. It says
// false for an unknown TZID and for one that means only its own VTIMEZONE.
func (r *Resolver) Canonical(tzid string) (string, bool) {
	if name, ok := exact(tzid); ok {
		return name, true
	}
	z := r.resolve(tzid)
	return z.name, z.name != ""
}

func (r *Resolver) resolve(tzid string) resolved {
	if z, ok := r.known[tzid]; ok {
		return z
	}
	z := r.find(tzid)
	if r.known == nil {
		r.known = map[string]resolved{}
	}
	r.known[tzid] = z
	return z
}

func (r *Resolver) find(tzid string) resolved {
	if name, ok := Canonical(tzid); ok {
		return named(name)
	}
	if v := r.vtimezone(tzid); v != nil && r.budget > 0 {
		r.budget--
		for _, prop := range [...]string{"X-LIC-LOCATION", "X-TZINFO", "TZID-ALIAS-OF", "TZURL"} {
			value := v.Text(prop)
			if prop == "X-TZINFO" { // "X-TZINFO:Europe/Berlin[2025b]", with the version of the database
				value, _, _ = strings.Cut(value, "[")
			}
			if name, ok := Canonical(strings.TrimSuffix(value, ".ics")); ok {
				return named(name)
			}
		}
		if loc, err := FromVTimezone(v); err == nil {
			if name, ok := match(loc); ok {
				return named(name)
			}
			return resolved{loc: loc, ok: true}
		}
	}
	if off, ok := fixedOffset(tzid); ok {
		return resolved{loc: time.FixedZone(formatOffset(off), off), ok: true}
	}
	return resolved{loc: time.UTC}
}

// named is the resolved of a name that Canonical gave.
func named(name string) resolved {
	loc, ok := Load(name)
	return resolved{loc: loc, name: name, ok: ok}
}

// vtimezone finds the first VTIMEZONE of a TZID, with blanks and quotes around it or without.
func (r *Resolver) vtimezone(tzid string) *ical.Component {
	if r.cal == nil {
		return nil
	}
	if r.byName == nil {
		r.byName = map[string]*ical.Component{}
		for v := range r.cal.Components("VTIMEZONE") {
			id := trim(v.Text("TZID"))
			if r.byName[id] == nil {
				r.byName[id] = v
			}
		}
	}
	return r.byName[trim(tzid)]
}
