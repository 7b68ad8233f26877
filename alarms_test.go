package main

import (
	"strings"
	"testing"
)

// TestAlarmsByCommand: people's and calendars' alarms by default are set and shown, and what is no alarm is refused in one line.
func TestAlarmsByCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "migrate")
	ok(t, "user", "add", "alice", "--email", "alice@example.com")
	for _, tt := range []struct{ args, want string }{
		{"user alarms alice", "no alarm: as the site says"},
		{"user alarms alice --before 30m --day 15h --mail all", "no alarm: a mail at -PT30M\nWhole days without an alarm: a mail at -PT15H\nAlarms that become mails: all\n"},
		{"user alarms alice --mail email", "-PT15H\nAlarms that become mails: those of kind EMAIL only\n"},
		{"user alarms alice --before inherit --day none --mail site", "as the site says (reminder.meetings, reminder.default)\nWhole days without an alarm: none\nAlarms that become mails: as the site says"},
		{"calendar alarms alice/calendar", "no alarm: as its owner says\nWhole days without an alarm: as its owner says\n"},
		{"calendar alarms alice/calendar --before 1d", "a mail at -P1D\n"},
		{"calendar alarms alice/calendar --before none", "Events with a time and no alarm: none\n"},
		{"user missed alice --seen", "alice has missed nothing.\n"},
	} {
		if out := ok(t, strings.Fields(tt.args)...); !strings.Contains(out, tt.want) {
			t.Errorf("kalends %s prints\n%swant\n%s", tt.args, out, tt.want)
		}
	}
	for _, tt := range []struct{ args, want string }{
		{"user alarms alice --before soon", `--before: "soon" is no time`},
		{"user alarms alice --before -5m", `--before`},
		{"user alarms alice --day 400d", "at most 60 days"},
		{"user alarms nobody --day 1d", "there is no nobody"},
		{"calendar alarms alice/none --day 1d", `alice has no calendar "none"`},
	} {
		status, _, errs := kalends(t, "", strings.Fields(tt.args)...)
		if status != 1 || !strings.Contains(errs, tt.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("kalends %s: status %d, %q; want 1 and %q", tt.args, status, errs, tt.want)
		}
	}
}
