package zone

import (
	"encoding/binary"
	"strings"
	"sync"
	"time"
)

// The years over which a VTIMEZONE must agree with a zone to be taken for it.
var (
	matchFrom  = time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	matchUntil = time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
)

// preferred are the zones to choose first among those with the same rules: those with the most people.
var preferred = []string{
	"America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Anchorage", "America/Halifax",
	"Europe/Berlin", "Europe/London", "Europe/Athens", "Australia/Sydney", "Pacific/Auckland",
}

// signature is the offsets of loc over the years of matching, as bytes. ok is false when they never change.
func signature(loc *time.Location) (sig string, ok bool) {
	off, end, more := period(matchFrom, loc)
	b := binary.AppendVarint(nil, off)
	for n := 0; more && end < matchUntil; {
		at := end
		was := off
		off, end, more = period(at, loc)
		if off == was {
			continue
		}
		if n++; n > 100 { // no zone changes so often
			return "", false
		}
		b = binary.AppendVarint(binary.AppendVarint(b, at), off)
		ok = true
	}
	return string(b), ok
}

// signatures finds the zone for a signature. Made when the first unknown VTIMEZONE turns up: it decodes every zone.
var signatures = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	add := func(name string) {
		name, _ = exact(name)
		// Not through Load: most of these zones will never be used, and need not stay in memory.
		loc, err := time.LoadLocationFromTZData(name, []byte(archiveIndex().files[name].data))
		if err != nil {
			return
		}
		if sig, ok := signature(loc); ok && m[sig] == "" {
			m[sig] = name
		}
	}
	for _, name := range preferred {
		add(name)
	}
	names := archiveIndex().names
	windows := map[string]bool{}
	for _, name := range windowsNames {
		windows[name] = true
	}
	for _, name := range names { // in their order, so that every server finds the same
		if windows[name] {
			add(name)
		}
	}
	for _, name := range names {
		if strings.Contains(name, "/") && !strings.HasPrefix(name, "Etc/") {
			add(name)
		}
	}
	return m
})

// match finds the IANA zone with the rules of loc. For one that never changes its clocks that is an Etc zone: which
// country it is in cannot be told, and its next change should not be guessed.
func match(loc *time.Location) (string, bool) {
	sig, changes := signature(loc)
	if changes {
		name, ok := signatures()[sig]
		return name, ok
	}
	if sig == "" {
		return "", false
	}
	off, _, _ := period(matchFrom, loc)
	return etcName(int(off))
}
