package reminder

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// TestMissedIsNoted: what it was too late for is noted once, for its person to see; what was sent late is not.
func TestMissedIsNoted(t *testing.T) {
	each(t, func(h *house) {
		h.put("a", event("DTSTART:20260105T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=5\nSUMMARY:Zoë's lunch\n!:-PT15M"))
		h.put("b", event("DTSTART;VALUE=DATE:20260106\nDTEND;VALUE=DATE:20260120\nSUMMARY:Holidays\n!:PT9H"))
		h.put("c", event("DTSTART:20260105T100000Z\nSUMMARY:gone\n!:-PT15M"))
		h.remove("c")
		h.set("20260108T094600Z") // of a three are missed, the last by a minute; b is still on
		h.rounds(h.server(), h.server())
		h.expect("after three days", "a 0108T094500Z", "b 0106T080000Z late")
		missed := func(want ...string) {
			t.Helper()
			list, err := h.store.Missed(context.Background(), h.alice.ID, true, 100)
			if err != nil {
				h.Fatal(err)
			}
			var got []string
			for _, m := range list {
				if m.ForUser != h.alice.ID || m.Owner != h.alice.ID || m.Object == 0 || !m.Noted.Equal(h.Now()) {
					h.Errorf("missed: %+v", m)
				}
				got = append(got, fmt.Sprint(m.Summary, " ", m.DueAt.UTC().Format("0102T1504"), " ", m.Start.UTC().Format("0102T1504"), " ", m.End.UTC().Format("0102T1504"), " ", m.AllDay))
			}
			if !slices.Equal(got, want) {
				h.Errorf("missed are %q, want %q", got, want)
			}
		}
		want := []string{"Zoë's lunch 0107T0945 0107T1000 0107T1100 false", "Zoë's lunch 0106T0945 0106T1000 0106T1100 false", "Zoë's lunch 0105T0945 0105T1000 0105T1100 false"}
		missed(want...)
		h.rounds(h.server())
		missed(want...)
	})
}
