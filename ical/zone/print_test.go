package zone

import (
	"testing"
	"time"
)

// TestPrints: each zone has one; links have that of what they lead to, and zones with other rules another.
func TestPrints(t *testing.T) {
	m := Prints()
	if len(m) != len(Names()) {
		t.Errorf("%d prints of %d zones", len(m), len(Names()))
	}
	for _, same := range [][2]string{{"Europe/Berlin", "Arctic/Longyearbyen"}, {"UTC", "Etc/UTC"}} {
		if m[same[0]] == "" || m[same[0]] != m[same[1]] {
			t.Errorf("%s and %s have the prints %s and %s", same[0], same[1], m[same[0]], m[same[1]])
		}
	}
	if m["Europe/Berlin"] == m["Europe/London"] || m["Asia/Tokyo"] == m["Asia/Seoul"] {
		t.Error("zones with other rules have the same print")
	}
	// A transition that moves by a second is another rule, and so is another offset.
	a := fingerprint(time.FixedZone("A", 3600))
	if b := fingerprint(time.FixedZone("B", 3601)); a == b || a != fingerprint(time.FixedZone("C", 3600)) {
		t.Errorf("prints of fixed zones: %s, %s", a, b)
	}
}
