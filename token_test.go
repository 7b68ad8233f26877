package main

import (
	"regexp"
	"strings"
	"testing"
)

func TestTokensAreMadeListedAndRevoked(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "migrate")
	ok(t, "user", "add", "alice", "--email", "alice@example.com")
	token := strings.TrimSpace(ok(t, "token", "add", "alice@example.com", "--scope", "write", "--expires", "30d", "--label", "form"))
	if !regexp.MustCompile(`^kal_[\w-]{22}$`).MatchString(token) {
		t.Errorf("standard output is %q, want the token alone", token)
	}
	list := ok(t, "token", "list", "alice")
	m := regexp.MustCompile(`(?m)^(\w{10}) +alice +write .* form$`).FindStringSubmatch(list)
	if m == nil || strings.Contains(list, token) {
		t.Fatalf("the list is\n%s", list)
	}
	ok(t, "token", "revoke", m[1])
	for _, args := range [][]string{
		{"token", "revoke", m[1]}, {"token", "add", "nobody"}, {"token", "add", "alice", "--scope", "all"}, {"token", "add", "alice", "--expires", "soon"},
		{"token", "add", "alice", "--expires", "2020-01-01"}, {"token", "add", "alice", "--expires", "99999d"}, {"token", "list", "nobody"},
	} {
		if status, _, _ := kalends(t, "", args...); status == 0 {
			t.Errorf("kalends %s went well", strings.Join(args, " "))
		}
	}
}
