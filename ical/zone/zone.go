// Package zone gives the time zones of iCalendar (RFC 5545 section 3.6.5) their meaning.
//
// Time zones are resolved, never trusted. A TZID is first taken as a name of the IANA database, then as one of the many
// other spellings that calendar programs use for such a name; only when nothing fits do the rules of the VTIMEZONE in the
// object count. The zones come from the copy of the IANA database in this package and from nowhere else, so two servers
// of the same version always agree.
package zone

import (
	_ "embed"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:generate go run ./gen

// archive is made by gen: lines, an empty line, and the zone files (RFC 9636) one after the other.
//
//go:embed zoneinfo.bin
var archive string

// file is one name of the archive.
type file struct {
	data string // the zone file
	link string // the zone this name is another name of, or ""
}

// index is the archive taken apart; the zone files themselves are decoded only when they are asked for.
type index struct {
	version string
	names   []string // sorted
	files   map[string]file
}

var archiveIndex = sync.OnceValue(func() *index { return readArchive(archive) })

func readArchive(s string) *index {
	head, body, _ := strings.Cut(s, "\n\n")
	first, rest, _ := strings.Cut(head, "\n")
	ix := &index{
		version: strings.TrimPrefix(first, "tzdata "),
		names:   make([]string, 0, 640),
		files:   make(map[string]file, 640),
	}
	for line := range strings.SplitSeq(rest, "\n") {
		name, what, ok := strings.Cut(line, " ")
		if !ok {
			continue
		}
		ix.names = append(ix.names, name)
		if target, ok := strings.CutPrefix(what, "="); ok {
			ix.files[name] = file{link: target}
			continue
		}
		n, err := strconv.Atoi(what)
		if err != nil || n < 0 || n > len(body) {
			break
		}
		ix.files[name] = file{data: body[:n]}
		body = body[n:]
	}
	for name, f := range ix.files {
		if f.link != "" {
			f.data = ix.files[f.link].data
			ix.files[name] = f
		}
	}
	sort.Strings(ix.names)
	return ix
}

// Version is the version of the embedded IANA database, as "2025c".
func Version() string { return archiveIndex().version }

// Names lists every name Load knows, sorted: the zones and the links (older and other names of a zone).
func Names() []string { return append([]string(nil), archiveIndex().names...) }

// Link gives the zone of which name is another name: "Europe/Kyiv" for "Europe/Kiev".
// It says false when name is a zone itself or unknown.
func Link(name string) (target string, ok bool) {
	f := archiveIndex().files[name]
	return f.link, f.link != ""
}

// loaded holds the zones in use: name to *loadedZone. Only names of the archive get in, so it cannot grow without end.
var loaded sync.Map

// byLocation finds the loadedZone of a location that Load gave out: *time.Location to *loadedZone.
var byLocation sync.Map

type loadedZone struct {
	loc       *time.Location
	tableOnce sync.Once
	table     *table

	historyOnce sync.Once
	history     *history
}

// Load returns the IANA zone of exactly this name, from the embedded database only: neither the system's files nor Go's
// are looked at, and "Local" and "" are no zones. Every call with the same name returns the same pointer.
func Load(name string) (*time.Location, bool) {
	if z, ok := loaded.Load(name); ok {
		return z.(*loadedZone).loc, true
	}
	f, ok := archiveIndex().files[name]
	if !ok {
		return time.UTC, false
	}
	z := &loadedZone{loc: time.UTC}
	if name != "UTC" {
		loc, err := time.LoadLocationFromTZData(name, []byte(f.data))
		if err != nil { // the archive is ours: TestEveryZoneLoads
			return time.UTC, false
		}
		z.loc = loc
	}
	first, _ := loaded.LoadOrStore(strings.Clone(name), z)
	z = first.(*loadedZone)
	byLocation.Store(z.loc, z)
	return z.loc, true
}
