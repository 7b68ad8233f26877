package storage

import "testing"

func TestShareSlug(t *testing.T) {
	for _, tt := range []struct {
		slug string
		id   int64
		ok   bool
	}{
		{ShareSlug(7), 7, true},
		{"shared-12", 12, true},
		{"shared-012", 0, false},
		{"shared-+1", 0, false},
		{"shared-0", 0, false},
		{"shared--1", 0, false},
		{"shared-9223372036854775808", 0, false},
		{"shared-", 0, false},
		{"shared", 0, false},
		{"Shared-1", 0, false},
	} {
		id, ok := ShareID(tt.slug)
		if ok != tt.ok || ok && id != tt.id {
			t.Errorf("ShareID(%q) = %d, %v, want %d, %v", tt.slug, id, ok, tt.id, tt.ok)
		}
	}
}
