package auth

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"kalends/storage"
	"kalends/storage/storagetest"
)

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name  string
		user  NewUser
		field string // "" for fine
	}{
		{"the least", NewUser{Name: "alice"}, ""},
		{"all there is", NewUser{Name: "a.b-c_d2", Password: "p", DisplayName: "Alice Ängström", Email: "alice@example.com", Kind: "admin"}, ""},
		{"name is brought to lower case", NewUser{Name: "Alice"}, ""},
		{"name is an address", NewUser{Name: "alice@example.com"}, ""},
		{"kind in upper case", NewUser{Name: "blue", Kind: "ROOM"}, ""},
		{"mailto before the address", NewUser{Name: "alice", Email: "mailto:alice@example.com"}, ""},
		{"domain beyond ASCII", NewUser{Name: "alice", Email: "alice@bücher.example"}, ""},
		{"no name", NewUser{}, "name"},
		{"slash in the name", NewUser{Name: "a/b"}, "name"},
		{"name of dots", NewUser{Name: ".."}, "name"},
		{"name with a blank", NewUser{Name: "alice b"}, "name"},
		{"name beyond ASCII", NewUser{Name: "älice"}, "name"},
		{"name with a percent sign", NewUser{Name: "a%2fb"}, "name"},
		{"name too long", NewUser{Name: strings.Repeat("a", 65)}, "name"},
		{"name that is half an address", NewUser{Name: "alice@"}, "name"},
		{"name with two @", NewUser{Name: "a@b@example.com"}, "name"},
		{"line break in the display name", NewUser{Name: "a", DisplayName: "a\r\nBcc: b"}, "display_name"},
		{"display name that turns the text", NewUser{Name: "a", DisplayName: "a\u202eb"}, "display_name"},
		{"display name too long", NewUser{Name: "a", DisplayName: strings.Repeat("x", 201)}, "display_name"},
		{"display name that is no UTF-8", NewUser{Name: "a", DisplayName: "\xff"}, "display_name"},
		{"no address", NewUser{Name: "a", Email: "alice"}, "email"},
		{"two addresses", NewUser{Name: "a", Email: "a@example.com,b@example.com"}, "email"},
		{"address with a header", NewUser{Name: "a", Email: "a@example.com\r\nBcc: b@example.com"}, "email"},
		{"address in brackets", NewUser{Name: "a", Email: "Alice <a@example.com>"}, "email"},
		{"address with a query", NewUser{Name: "a", Email: "mailto:a@example.com?subject=x"}, "email"},
		{"address too long", NewUser{Name: "a", Email: strings.Repeat("a", 250) + "@example.com"}, "email"},
		{"kind nobody knows", NewUser{Name: "a", Kind: "robot"}, "kind"},
		{"password too long", NewUser{Name: "a", Password: strings.Repeat("x", 2000)}, "password"},
		{"hash nobody knows", NewUser{Name: "a", PasswordHash: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="}, "password"},
	} {
		u, err := check(tt.user, 7)
		var f *FieldError
		switch {
		case tt.field == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.field != "" && (!errors.As(err, &f) || f.Field != tt.field || f.Row != 7):
			t.Errorf("%s: check = %+v, %v; want an error at %s", tt.name, u, err, tt.field)
		}
		if err != nil && tt.user.Password != "" && strings.Contains(err.Error(), tt.user.Password) {
			t.Errorf("%s: the error tells the password: %v", tt.name, err)
		}
	}
}

func TestAdd(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		ctx := t.Context()
		d := &Directory{Store: s, params: cheap}
		p, err := d.Add(ctx, NewUser{Name: "Alice", Password: "wonder", DisplayName: "Alice A.", Email: "Alice@Example.COM", Kind: "admin"})
		if err != nil {
			t.Fatal(err)
		}
		if p.ID == 0 || p.Name != "alice" || !p.Admin || p.Kind != storage.Person || p.Email != "alice@example.com" {
			t.Errorf("Add = %+v", p)
		}
		got, err := s.PrincipalByName(ctx, "alice")
		if err != nil || !Verify(got.PasswordHash, "wonder") || got.CredentialVersion == 0 || got.DisplayName != "Alice A." {
			t.Errorf("stored: %+v, %v", got, err)
		}
		if a, err := s.Addresses(ctx, p.ID); err != nil || !reflect.DeepEqual(a, []string{"mailto:alice@example.com"}) {
			t.Errorf("addresses = %v, %v", a, err)
		}
		cals, err := s.Calendars(ctx, p.ID)
		if err != nil {
			t.Fatal(err)
		}
		var have []string
		for _, c := range cals {
			have = append(have, fmt.Sprintf("%s %s %v", c.Slug, c.Kind, c.Components))
			if c.LastSeq == 0 || c.ID == 0 {
				t.Errorf("%s has no id or sequence: %+v", c.Slug, c)
			}
		}
		want := []string{"calendar calendar [VEVENT]", "tasks calendar [VTODO]", "inbox inbox []", "outbox outbox []", "notification notification []"}
		if !reflect.DeepEqual(have, want) {
			t.Errorf("home = %q, want %q", have, want)
		}
		for _, tt := range []struct {
			user  NewUser
			field string
		}{
			{NewUser{Name: "ALICE"}, "name"},
			{NewUser{Name: "alice", Kind: "room"}, "name"},
			{NewUser{Name: "alice2", Email: "mailto:ALICE@example.com"}, "email"},
			{NewUser{Name: "alice@example.com"}, "email"},
		} {
			var f *FieldError
			if _, err := d.Add(ctx, tt.user); !errors.As(err, &f) || f.Field != tt.field {
				t.Errorf("Add(%+v) = %v, want an error at %s", tt.user, err, tt.field)
			}
		}
		g, err := d.Add(ctx, NewUser{Name: "staff", Kind: "group"})
		if err != nil {
			t.Fatal(err)
		}
		if cals, err := s.Calendars(ctx, g.ID); err != nil || len(cals) != 0 {
			t.Errorf("a group has collections: %v, %v", cals, err)
		}
		if err := d.Remove(ctx, "nobody"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("Remove(nobody) = %v, want ErrNotFound", err)
		}
		if err := d.SetPassword(ctx, "alice", ""); !errors.Is(err, ErrPassword) {
			t.Errorf("SetPassword to nothing = %v, want ErrPassword", err)
		}
		if err := d.Remove(ctx, "alice@example.com"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Add(ctx, NewUser{Name: "alice", Email: "alice@example.com"}); err != nil {
			t.Errorf("add again after remove: %v", err)
		}
	})
}

func TestImport(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		ctx := t.Context()
		d := &Directory{Store: s, params: cheap}
		var list []NewUser
		for i := range 1000 {
			u := NewUser{Name: fmt.Sprintf("user%04d", i), Password: fmt.Sprint("pw", i), Email: fmt.Sprintf("user%04d@example.com", i)}
			if i%10 == 9 {
				u.Kind, u.Password = "room", ""
			}
			list = append(list, u)
		}
		for name, spoil := range map[string]func([]NewUser){
			"bad row":      func(l []NewUser) { l[999].Email = "no address" },
			"name twice":   func(l []NewUser) { l[999].Name = "USER0000" },
			"email twice":  func(l []NewUser) { l[999].Email = "user0000@EXAMPLE.com" },
			"unknown kind": func(l []NewUser) { l[999].Kind = "robot" },
		} {
			bad := append([]NewUser(nil), list...)
			spoil(bad)
			var f *FieldError
			if err := d.Import(ctx, bad, nil); !errors.As(err, &f) || f.Row != 1000 {
				t.Errorf("%s: Import = %v, want an error at row 1000", name, err)
			}
		}
		if n := count(t, d); n != 0 {
			t.Fatalf("a bad row imported %d users", n)
		}
		var steps []int
		if err := d.Import(ctx, list, func(done, total int) {
			if total != 1000 {
				t.Errorf("progress says %d of %d", done, total)
			}
			steps = append(steps, done)
		}); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d); n != 1000 || len(steps) != 1001 || steps[1000] != 1000 {
			t.Errorf("%d users after the import, progress ends %v", n, steps[len(steps)-1:])
		}
		if n := count(t, d, storage.Room); n != 100 {
			t.Errorf("%d rooms, want 100", n)
		}
		before, err := s.PrincipalByName(ctx, "user0001")
		if err != nil {
			t.Fatal(err)
		}
		// Again, with three changes.
		list[2].DisplayName = "Renamed"
		list[3].Password = "changed"
		list[4].Email = "other@example.org"
		list[5].Password = ""
		if err := d.Import(ctx, list, nil); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d); n != 1000 {
			t.Errorf("%d users after the second import", n)
		}
		after, err := s.PrincipalByName(ctx, "user0001")
		if err != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("importing again changed %+v to %+v, %v", before, after, err)
		}
		if p, _ := s.PrincipalByName(ctx, "user0002"); p.DisplayName != "Renamed" {
			t.Errorf("display name = %q", p.DisplayName)
		}
		if p, _ := s.PrincipalByName(ctx, "user0003"); !Verify(p.PasswordHash, "changed") {
			t.Error("the password was not changed")
		}
		p, _ := s.PrincipalByName(ctx, "user0004")
		if a, _ := s.Addresses(ctx, p.ID); p.Email != "other@example.org" || !reflect.DeepEqual(a, []string{"mailto:other@example.org", "mailto:user0004@example.com"}) {
			t.Errorf("email = %s, addresses = %v", p.Email, a)
		}
		if p, _ := s.PrincipalByName(ctx, "user0005"); !Verify(p.PasswordHash, "pw5") {
			t.Error("an empty password took the old one away")
		}
		var f *FieldError
		if err := d.Import(ctx, []NewUser{{Name: "new", Email: "user0007@example.com"}}, nil); !errors.As(err, &f) || f.Field != "email" {
			t.Errorf("Import of another's address = %v", err)
		}
		if err := d.Import(ctx, []NewUser{{Name: "user0001", Kind: "room"}}, nil); !errors.As(err, &f) || f.Field != "kind" {
			t.Errorf("Import of a person as a room = %v", err)
		}
	})
}

func count(t *testing.T, d *Directory, kinds ...storage.Kind) int {
	t.Helper()
	n, last := 0, ""
	for p, err := range d.List(t.Context(), kinds...) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Name <= last {
			t.Errorf("List yields %s after %s", p.Name, last)
		}
		last = p.Name
		n++
	}
	return n
}

func TestImportOfHashes(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		hash, err := bcrypt.GenerateFromPassword([]byte("old"), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		d := &Directory{Store: s, params: cheap}
		u := NewUser{Name: "alice", PasswordHash: "$2y$" + string(hash[4:])}
		for range 2 {
			if err := d.Import(t.Context(), []NewUser{u}, nil); err != nil {
				t.Fatal(err)
			}
		}
		l := newLogin(s)
		if p, _, err := l.try(t, "alice", "old", home); err != nil || p.CredentialVersion != 1 {
			t.Errorf("login with htpasswd's hash: %+v, %v", p, err)
		}
	})
}
