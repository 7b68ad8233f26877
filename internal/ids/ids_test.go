package ids_test

import (
	"math"
	"testing"

	"kalends/internal/ids"
)

// Ids stand in other people's programs: what they look like never changes.
func TestIDs(t *testing.T) {
	if got := ids.Make(ids.Calendar, 1, 2); got != "calaeba" {
		t.Errorf("Make = %s", got)
	}
	for _, n := range [][2]int64{{0, 0}, {1, 2}, {300, 70000}, {math.MaxInt64, math.MaxInt64}} {
		id := ids.Make(ids.Webhook, n[0], n[1])
		if a, b, ok := ids.Read(ids.Webhook, id); !ok || a != n[0] || b != n[1] {
			t.Errorf("Read(%s) = %d, %d, %v", id, a, b, ok)
		}
		if _, _, ok := ids.Read(ids.Meeting, id); ok {
			t.Errorf("%s is that of a meeting", id)
		}
	}
	for _, bad := range []string{"", "whk", "whkAEBA", "whkaebb", "whkaebaaa", "whkaeb=", "whk" + string(make([]byte, 40)), "calaeba"} {
		if _, _, ok := ids.Read(ids.Webhook, bad); ok {
			t.Errorf("Read(%q)", bad)
		}
	}
}
