package web

import "slices"

// Patterns are the methods and paths of all pages and forms, as net/http writes them, in order. The test in a browser sees by them that it
// left none out.
func (h *Handler) Patterns() []string {
	h.once.Do(h.init)
	return slices.Sorted(slices.Values(h.patterns))
}
