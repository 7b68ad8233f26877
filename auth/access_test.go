package auth

import (
	"context"
	"errors"
	"slices"
	"testing"

	"kalends/storage"
)

// granted is a home's grants, as somebody has them.
type granted []storage.Grant

func (g granted) GrantsFor(_ context.Context, owner, who int64) (list []storage.Grant, err error) {
	for _, g := range g {
		if g.Owner == owner && (g.Grantee == who || g.Grantee == storage.Everybody || g.Grantee == storage.Authenticated && who > 0) {
			list = append(list, g)
		}
	}
	return list, nil
}

// noGrants fails the test of whoever asks.
type noGrants struct{}

var errAsked = errors.New("asked for grants")

func (noGrants) GrantsFor(context.Context, int64, int64) ([]storage.Grant, error) {
	return nil, errAsked
}

func TestAccess(t *testing.T) {
	alice := &storage.Principal{ID: 1, Kind: storage.Person}
	bob := &storage.Principal{ID: 2, Kind: storage.Person}
	carol := &storage.Principal{ID: 3, Kind: storage.Person, ActsFor: "1w"}
	dave := &storage.Principal{ID: 4, Kind: storage.Person, ActsFor: "9w,1r"}
	root := &storage.Principal{ID: 5, Kind: storage.Person, Admin: true}
	room := &storage.Principal{ID: 6, Kind: storage.Room}
	inbox := &storage.Calendar{ID: 10, Kind: storage.InboxKind}
	outbox := &storage.Calendar{ID: 11, Kind: storage.OutboxKind}
	notes := &storage.Calendar{ID: 12, Kind: storage.NotificationKind}
	work := &storage.Calendar{ID: 13, Kind: storage.CalendarKind}
	private := &storage.Calendar{ID: 14, Kind: storage.CalendarKind, Transparent: true}
	const see = ReadCurrentUserPrivilegeSet
	readHome := granted{{Owner: 1, Calendar: 0, Grantee: 2, Privileges: uint32(Read)}}
	writeWork := granted{{Owner: 1, Calendar: 13, Grantee: 2, Privileges: uint32(Read | Write)}}
	public := granted{{Owner: 1, Calendar: 13, Grantee: storage.Everybody, Privileges: uint32(Read)}}
	busy := granted{{Owner: 1, Calendar: 14, Grantee: 2, Privileges: uint32(ReadFreeBusy)}}
	tooMuch := granted{{Owner: 1, Calendar: 13, Grantee: 2, Privileges: 1<<32 - 1}, {Owner: 1, Calendar: 0, Grantee: 2, Privileges: 1<<32 - 1}}
	tests := []struct {
		name       string
		who, owner *storage.Principal
		grants     granted
		in         *storage.Calendar
		want       Set
	}{
		{"the owner in a calendar", alice, alice, nil, work, Supported(storage.CalendarKind).Privilege},
		{"the owner in a transparent calendar", alice, alice, nil, private, Supported(storage.CalendarKind).Privilege},
		{"the owner in the home", alice, alice, nil, nil, Supported("").Privilege},
		{"somebody in a calendar", bob, alice, nil, work, ReadFreeBusy | see},
		{"somebody in a transparent calendar", bob, alice, nil, private, 0},
		{"somebody in the home", bob, alice, nil, nil, 0},
		{"somebody in the inbox", bob, alice, nil, inbox, ScheduleDeliver | see},
		{"somebody in the outbox", bob, alice, nil, outbox, 0},
		{"nobody in a calendar", nil, alice, nil, work, 0},
		{"nobody in the inbox", nil, alice, nil, inbox, 0},
		{"a name that is none", Anonymous, alice, nil, work, 0},

		{"a reader of the home, there", bob, alice, readHome, nil, Read | see},
		{"a reader of the home in a calendar", bob, alice, readHome, work, Read | see},
		{"a reader of the home in a transparent calendar", bob, alice, readHome, private, Read | see},
		{"a reader of the home in the inbox", bob, alice, readHome, inbox, ScheduleDeliver | see},
		{"a reader of the home in the outbox", bob, alice, readHome, outbox, 0},
		{"a writer of a calendar, there", bob, alice, writeWork, work, Read | Write | see},
		{"a writer of a calendar in another", bob, alice, writeWork, private, 0},
		{"a writer of a calendar in the home", bob, alice, writeWork, nil, Read | see},
		{"another where one may write", root, alice, writeWork, work, ReadFreeBusy | see},
		{"nobody in a public calendar", nil, alice, public, work, Read | see},
		{"somebody in a public calendar", bob, alice, public, work, Read | see},
		{"nobody in another calendar", nil, alice, public, private, 0},
		{"busy times of a transparent calendar", bob, alice, busy, private, ReadFreeBusy | see},
		{"busy times show no home", bob, alice, busy, nil, 0},
		{"bits that do not exist", bob, alice, tooMuch, work, Supported(storage.CalendarKind).Privilege},
		{"bits that do not exist in a home", bob, alice, tooMuch, nil, Supported("").Privilege},

		{"a delegate who writes, in a calendar", carol, alice, nil, private, Read | Write | ReadACL | see},
		{"a delegate who writes, in the home", carol, alice, nil, nil, Read | Write | ReadACL | see},
		{"a delegate who writes, in the outbox", carol, alice, nil, outbox, Read | Write | ReadACL | see | ScheduleSend},
		{"a delegate who writes, in the inbox", carol, alice, nil, inbox, Read | Write | ReadACL | see | ScheduleDeliver},
		{"a delegate who writes, in the notifications", carol, alice, nil, notes, 0},
		{"a delegate who reads, in a calendar", dave, alice, nil, work, Read | see},
		{"a delegate who reads, in the outbox", dave, alice, nil, outbox, Read | see},
		{"a delegate at another's", carol, bob, nil, work, ReadFreeBusy | see},
		{"the administrator in a room", root, room, nil, work, Supported(storage.CalendarKind).Privilege},
		{"the administrator at a person's", root, alice, nil, private, 0},
	}
	for _, tt := range tests {
		a, err := Enter(t.Context(), tt.grants, tt.who, tt.owner)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.To(tt.in); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, words(got), words(tt.want))
		}
		if a.Sees(tt.in) != (tt.want&^see != 0) {
			t.Errorf("%s: Sees = %v", tt.name, a.Sees(tt.in))
		}
	}
	if _, err := Enter(t.Context(), noGrants{}, alice, alice); err != nil {
		t.Errorf("the owner's own home: %v", err)
	}
	if _, err := Enter(t.Context(), noGrants{}, bob, alice); !errors.Is(err, errAsked) {
		t.Errorf("another's home: %v, want %v", err, errAsked)
	}
}

func words(s Privilege) (list []string) {
	for _, n := range s.Names() {
		list = append(list, n.Local)
	}
	if s&ReadContent != 0 && s&ReadFreeBusy == 0 {
		list = append(list, "content")
	}
	return list
}

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		set  Privilege
		want []string
	}{
		{0, nil},
		{Read, []string{"read"}},
		{Write | ReadFreeBusy, []string{"read-free-busy", "write"}},
		{Bind | Unbind, []string{"bind", "unbind"}},
		{ScheduleSend | DeliverReply, []string{"schedule-deliver-reply", "schedule-send"}},
		{Supported(storage.CalendarKind).Privilege | ScheduleDeliver, []string{"all"}},
	} {
		if got := words(tt.set); !slices.Equal(got, tt.want) {
			t.Errorf("Names of %b = %v, want %v", tt.set, got, tt.want)
		}
	}
	for _, kind := range []storage.CollectionKind{"", storage.CalendarKind, storage.InboxKind, storage.OutboxKind} {
		for n := range All.Granted(kind) {
			if p, ok := Named(kind, n.Space, n.Local); !ok || p != n.Privilege {
				t.Errorf("Named(%q, %s) = %b, %v", kind, n.Local, p, ok)
			}
		}
	}
	if _, ok := Named(storage.CalendarKind, calSpace, "schedule-send"); ok {
		t.Error("schedule-send is no privilege of a calendar")
	}
}

// GrantsAmong makes granted what EnterAll asks.
func (g granted) GrantsAmong(ctx context.Context, owners []int64, who int64) (list []storage.Grant, err error) {
	for _, owner := range owners {
		l, err := g.GrantsFor(ctx, owner, who)
		if err != nil {
			return nil, err
		}
		list = append(list, l...)
	}
	return list, nil
}

// Who comes through the home of somebody with whom a calendar is shared may do what both its sharee may there, and they in that home.
func TestEnterShared(t *testing.T) {
	alice := &storage.Principal{ID: 1, Kind: storage.Person}
	bob := &storage.Principal{ID: 2, Kind: storage.Person}
	writes := &storage.Principal{ID: 3, Kind: storage.Person, ActsFor: "2w"}
	reads := &storage.Principal{ID: 4, Kind: storage.Person, ActsFor: "2r"}
	carol := &storage.Principal{ID: 5, Kind: storage.Person}
	guest := &storage.Principal{ID: 6, Kind: storage.Person}
	ownerToo := &storage.Principal{ID: 1, Kind: storage.Person, ActsFor: "2r"}
	work := &storage.Calendar{Owner: 1, ID: 13, Kind: storage.CalendarKind, Transparent: true}
	inbox := &storage.Calendar{Owner: 1, ID: 10, Kind: storage.InboxKind}
	grants := granted{
		{Owner: 1, Calendar: 13, Grantee: 2, Privileges: uint32(Read | Write), Shared: true},
		{Owner: 2, Calendar: storage.HomeProps, Grantee: 6, Privileges: uint32(Read)},
	}
	const see = ReadCurrentUserPrivilegeSet
	for _, tt := range []struct {
		name string
		who  *storage.Principal
		in   *storage.Calendar
		want Set
	}{
		{"the sharee", bob, work, Read | Write | see},
		{"one who may change what is the sharee's", writes, work, Read | Write | see},
		{"one who may read what is the sharee's", reads, work, Read | see},
		{"one who may read the sharee's home", guest, work, Read | see},
		{"a stranger", carol, work, 0},
		{"nobody", nil, work, 0},
		{"the owner, who acts for the sharee", ownerToo, work, Supported(storage.CalendarKind).Privilege},
		{"one who acts for the sharee, in the owner's inbox", writes, inbox, ScheduleDeliver | see},
	} {
		one, err := EnterShared(t.Context(), grants, tt.who, bob, alice)
		if err != nil {
			t.Fatal(err)
		}
		if got := one.To(tt.in); got != tt.want {
			t.Errorf("%s: EnterShared gives %b, want %b", tt.name, got, tt.want)
		}
		all, err := EnterAll(t.Context(), grants, tt.who, bob, []*storage.Principal{alice})
		if err != nil {
			t.Fatal(err)
		}
		if got := all[alice.ID].To(tt.in); got != tt.want {
			t.Errorf("%s: EnterAll gives %b, want %b", tt.name, got, tt.want)
		}
	}
}
