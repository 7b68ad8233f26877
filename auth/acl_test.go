package auth

import (
	"testing"

	"kalends/storage"
)

func TestPrivileges(t *testing.T) {
	alice := &storage.Principal{ID: 1, Kind: storage.Person}
	bob := &storage.Principal{ID: 2, Kind: storage.Person}
	root := &storage.Principal{ID: 3, Kind: storage.Person, Admin: true}
	room := &storage.Principal{ID: 4, Kind: storage.Room}
	tests := []struct {
		name       string
		who, owner *storage.Principal
		kind       storage.CollectionKind
		has, not   Set
	}{
		{"owner in a calendar", alice, alice, storage.CalendarKind, Read | Write | ReadACL | WriteACL | ReadCurrentUserPrivilegeSet, ScheduleDeliver},
		{"owner in the home", alice, alice, "", Read | Write | Bind | Unbind, ScheduleSend},
		{"owner in the outbox", alice, alice, storage.OutboxKind, Read | ScheduleSend, ScheduleDeliver},
		{"owner in the inbox", alice, alice, storage.InboxKind, Read | Write | ScheduleDeliver, ScheduleSend},
		{"somebody in a calendar", bob, alice, storage.CalendarKind, ReadFreeBusy, ReadContent},
		{"somebody in the inbox", bob, alice, storage.InboxKind, ScheduleDeliver, ReadContent},
		{"somebody in the outbox", bob, alice, storage.OutboxKind, 0, ReadContent},
		{"somebody in the home", bob, alice, "", 0, ReadContent},
		{"administrator in a room's calendar", root, room, storage.CalendarKind, Read | Write, 0},
		{"administrator in a person's calendar", root, alice, storage.CalendarKind, ReadFreeBusy, ReadContent},
		{"nobody", nil, alice, storage.CalendarKind, 0, ReadFreeBusy},
		{"nobody in a room", nil, room, storage.CalendarKind, 0, ReadFreeBusy},
		{"no owner", alice, nil, storage.CalendarKind, 0, ReadFreeBusy},
	}
	for _, tt := range tests {
		got := Privileges(tt.who, tt.owner, tt.kind)
		if !got.Has(tt.has) || got&tt.not != 0 {
			t.Errorf("%s: Privileges = %b, want %b and nothing of %b", tt.name, got, tt.has, tt.not)
		}
		// Who is no owner nor administrator of it may never write.
		if tt.who != tt.owner && tt.who != root && got&(Write|WriteACL|Unlock) != 0 {
			t.Errorf("%s: Privileges = %b, holds something of write", tt.name, got)
		}
	}
}

func TestPrincipalPrivileges(t *testing.T) {
	alice := &storage.Principal{ID: 1, Kind: storage.Person}
	root := &storage.Principal{ID: 3, Kind: storage.Person, Admin: true}
	room := &storage.Principal{ID: 4, Kind: storage.Room}
	for _, tt := range []struct {
		who, target *storage.Principal
		read, write bool
	}{{alice, alice, true, true}, {alice, root, true, false}, {root, alice, true, false}, {root, room, true, true}, {alice, room, true, false}, {nil, alice, false, false}} {
		got := PrincipalPrivileges(tt.who, tt.target)
		if got.Has(Read) != tt.read || (got&Write != 0) != tt.write {
			t.Errorf("PrincipalPrivileges(%v, %v) = %b", tt.who, tt.target, got)
		}
	}
}

// Each aggregate holds exactly what its children do, or a client sees a privilege it has not (RFC 3744
// section 5.3).
func TestSupportedIsATree(t *testing.T) {
	for _, kind := range []storage.CollectionKind{"", storage.CalendarKind, storage.InboxKind, storage.OutboxKind, storage.NotificationKind} {
		var walk func(n Node)
		walk = func(n Node) {
			var sum Privilege
			for _, c := range n.Children {
				sum |= c.Privilege
				walk(c)
			}
			if n.Local == "read" { // has a part of its own
				sum |= ReadContent
			}
			if len(n.Children) > 0 && sum != n.Privilege {
				t.Errorf("%q: %s is %b, its parts are %b", kind, n.Local, n.Privilege, sum)
			}
			if n.Space == "" || n.Description == "" {
				t.Errorf("%q: %s has no namespace or description", kind, n.Local)
			}
		}
		walk(Supported(kind))
	}
}

func TestGranted(t *testing.T) {
	var got []string
	for n := range (Read | Bind).Granted(storage.CalendarKind) {
		got = append(got, n.Local)
	}
	if want := "[read read-free-busy bind]"; len(got) != 3 || got[0] != "read" || got[1] != "read-free-busy" || got[2] != "bind" {
		t.Errorf("Granted = %v, want %s", got, want)
	}
	n := 0
	for range All.Granted(storage.InboxKind) {
		n++
	}
	if n != 16 {
		t.Errorf("All in an inbox lists %d privileges, want 16", n)
	}
}
