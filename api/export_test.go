package api

import (
	"maps"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"kalends/calendar"
	"kalends/meeting"
)

// CalendarID makes the id of a calendar.
func CalendarID(owner, number int64) string { return meeting.CalendarID(owner, number) }

// Spec returns the description of the API.
func (h *Handler) Spec() *huma.OpenAPI {
	h.once.Do(h.init)
	return h.spec
}

// Docs returns the page of the documentation.
func (h *Handler) Docs() string {
	h.once.Do(h.init)
	return string(h.docs)
}

// Missing returns the kinds of errors of package calendar that are not translated, and how many rows too many there are.
func Missing() (missing []int, extra int) {
	for k := range calendar.NumKinds {
		if row, ok := kinds[calendar.Kind(k)]; !ok || row.status < 400 || row.status > 599 || row.name == "" || row.title == "" {
			missing = append(missing, k)
		}
	}
	return missing, len(kinds) - calendar.NumKinds
}

// KindNames returns the names of all problems, with how often each is used for another status or title.
func KindNames() map[string]int {
	first := map[string]kind{}
	clashes := map[string]int{}
	for _, k := range append(slices.Collect(maps.Values(kinds)), ownKinds...) {
		k.field = ""
		clashes[k.name] += 0
		if f, ok := first[k.name]; ok && f != k {
			clashes[k.name]++
		}
		first[k.name] = k
	}
	return clashes
}
