package main

import (
	"strings"
	"testing"
)

func TestRoomsGroupsAndDelegates(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"alice"}, {"bob"}, {"blue", "--kind", "room"}, {"team", "--kind", "group"}} {
		ok(t, append([]string{"user", "add", args[0], "--email", args[0] + "@example.com"}, args[1:]...)...)
	}
	for _, tt := range []struct{ args, want string }{
		{"room blue", "accepts what is free. It can be booked 400 days ahead, by everybody."},
		{"room blue --answer tentative --until 180d --group team", "accepts tentatively what is free. It can be booked 180 days ahead, by the members of team."},
		{"room blue@example.com --answer manual --group everybody", "waits for somebody to answer. It can be booked 180 days ahead, by everybody."},
		{"group team --add alice,bob", "alice\nbob\n"},
		{"group team --remove bob@example.com", "alice\n"},
		{"delegate alice --write bob", "bob\twrite\n"},
		{"delegate alice --read bob", "bob\tread\n"},
		{"delegate alice --remove bob", ""},
		{"calendar alice --client-sends", "by the owner's program."},
		{"calendar alice calendar --no-client-sends", "by the server."},
		{"calendar alice --team", "Who plans a meeting in it is its organizer."},
		{"calendar alice --no-team", "by the server."},
	} {
		if out := ok(t, append([]string{"user"}, strings.Fields(tt.args)...)...); !strings.Contains(out, tt.want) {
			t.Errorf("kalends user %s: %q, want %q", tt.args, out, tt.want)
		}
	}
	for _, args := range []string{"room alice", "room blue --until never", "room blue --group alice", "group alice --add bob", "group team --add nobody", "calendar alice none"} {
		if status, _, errs := kalends(t, "", append([]string{"user"}, strings.Fields(args)...)...); status == 0 || strings.Count(errs, "\n") != 1 {
			t.Errorf("kalends user %s: status %d, %q", args, status, errs)
		}
	}
}
