package webhook_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"kalends/storage"
	"kalends/storage/storagetest"
	"kalends/webhook"
)

// TestS10AddressesOfWebhooks is S10 of the house's list of trials where an address is typed in.
func TestS10AddressesOfWebhooks(t *testing.T) {
	h := newHouse(t, storagetest.SQLite(t))
	try := func(url string) error {
		w, _, err := h.desk.Add(h.Context(), h.alice, webhook.Edit{URL: &url})
		if err == nil {
			err = h.desk.Remove(h.Context(), w.Owner, w.ID)
		}
		return err
	}
	for _, url := range []string{
		"https://hooks.example.com", " https://hooks.example.com/a?b=c#d ", "https://hooks.example.com:8443/", "https://[2606:4700::1111]/", "https://1.1.1.1/", "https://xn--bcher-kva.example.com/",
	} {
		if err := try(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	bad := []string{
		"", "hooks.example.com", "/etc/passwd", "https:", "https://", "https:///x", "https:hooks.example.com", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)",
		"https://user@example.com/", "https://user:pass@example.com/", "https://example.com\r\nHost: x/", "https://exa mple.com/", "https://example.com/\nx", "https://example.com/\x00", "https://example.com\\@x/",
		"https://example.com:0/", "https://example.com:/", "https://example.com:99999/", "https://example.com:22/", "https://example.com:25/", "https://example.com:x/",
		"https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://10.0.0.1/", "https://169.254.169.254/latest", "https://100.64.0.1/", "https://[64:ff9b::7f00:1]/",
		"https://[fe80::1%25eth0]/", "https://[fd00:ec2::254]/", "https://0.0.0.0/", "https://[2002:7f00:1::]/", "https://example.com/" + strings.Repeat("x", 2000), "https://example.com/\xff",
	}
	for _, url := range append(bad, "http://example.com/") {
		err := try(url)
		if e, ok := errors.AsType[*webhook.Error](err); !ok || e.Field != "url" || url != "" && len(url) > 10 && strings.Contains(e.Msg, url) {
			t.Errorf("%q: %v", url, err)
		}
	}
	// An operator allows networks of their own; without https only these.
	h.desk.Networks = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	for url, want := range map[string]bool{
		"https://10.1.2.3/": true, "http://10.1.2.3:8080/": true, "https://10.2.0.1/": false, "http://10.1.2.3:25/": false, "http://1.1.1.1/": false, "https://1.1.1.1/": true, "http://intern.example.com/": true,
	} {
		if err := try(url); (err == nil) != want {
			t.Errorf("with a network, %s: %v", url, err)
		}
	}
}

// TestS10NothingIsSentInside is S10 where it counts: the address that is dialled. As in production nothing on this machine is asked, by whatever
// name; in the operator's networks it is, and an answer that leads elsewhere is not followed.
func TestS10NothingIsSentInside(t *testing.T) {
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	port := srv.URL[strings.LastIndexByte(srv.URL, ':'):]
	h := newHouse(t, storagetest.SQLite(t))
	local := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	add := func(url string) *storage.Webhook {
		t.Helper()
		h.desk.Networks = local // as if it had been allowed when it was made
		w, _ := h.hook(url)
		return w
	}
	public := webhook.Client(nil)
	h.dispatcher.Client = public
	var hooks []*storage.Webhook
	for _, host := range []string{"127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433"} {
		hooks = append(hooks, add("http://"+host+port+"/"), add("https://"+host+port+"/"))
	}
	h.put(h.alice, "a")
	h.round()
	for _, w := range hooks {
		got := h.deliveries(w)
		if len(got) != 1 || got[0] != "1 ready forbidden (1)" && got[0] != "1 ready name (1)" { // some resolvers know no short forms
			t.Errorf("%s: %v", w.URL, got)
		}
		if err := h.desk.Remove(h.Context(), w.Owner, w.ID); err != nil {
			t.Fatal(err)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Fatalf("the server was asked %d times", n)
	}
	h.dispatcher.Client = webhook.Client(local)
	w := add("http://127.0.0.1" + port + "/")
	h.put(h.alice, "b")
	h.round()
	if n := asked.Load(); n != 1 {
		t.Errorf("in a network of the operator's it was asked %d times", n)
	}
	h.expectDeliveries(w, "1 ready 307 (1)")
	plain := add("https://127.0.0.1" + port + "/") // which speaks no TLS
	h.put(h.alice, "c")
	h.round()
	h.expectDeliveries(plain, "1 ready tls (1)")
}

// TestDesk: bounds, changes, secrets.
func TestDesk(t *testing.T) {
	each(t, func(h *house) {
		ctx := h.Context()
		url, other, label, long, lines := address, "https://other.example.com/", "Lights", strings.Repeat("ä", 101), "a\nb"
		isError := func(what string, err error, field string) {
			t.Helper()
			if e, ok := errors.AsType[*webhook.Error](err); !ok || e.Field != field {
				t.Errorf("%s: %v", what, err)
			}
		}
		for _, l := range []*string{&long, &lines} {
			_, _, err := h.desk.Add(ctx, h.alice, webhook.Edit{URL: &url, Label: l})
			isError("label", err, "label")
		}
		_, _, err := h.desk.Add(ctx, h.alice, webhook.Edit{URL: &url, Kinds: []webhook.Kind{"no.such"}})
		isError("kinds", err, "kinds")
		_, _, err = h.desk.Add(ctx, h.alice, webhook.Edit{URL: &url, Watches: make([]storage.WebhookWatch, 0)})
		isError("no calendar", err, "calendars")
		var many []storage.WebhookWatch
		for i := range int64(51) {
			many = append(many, storage.WebhookWatch{Owner: h.alice.ID, Calendar: i + 1})
		}
		_, _, err = h.desk.Add(ctx, h.alice, webhook.Edit{URL: &url, Watches: many})
		isError("calendars", err, "calendars")
		group := &storage.Principal{ID: h.alice.ID, Kind: storage.Group}
		_, _, err = h.desk.Add(ctx, group, webhook.Edit{URL: &url})
		isError("a group", err, "")

		w, first, err := h.desk.Add(ctx, h.alice, webhook.Edit{URL: &url, Label: &label})
		if err != nil || w.Kinds != webhook.KindsText(webhook.Kinds) || len(w.Watches) != 1 {
			t.Fatalf("%+v, %v", w, err)
		}
		got, err := h.desk.Change(ctx, w.Owner, w.ID, webhook.Edit{URL: &other, Kinds: []webhook.Kind{webhook.Deleted, webhook.Created}, Watches: []storage.WebhookWatch{{Owner: h.bob.ID, Calendar: 1}, {Owner: h.alice.ID, Calendar: 3}, {Owner: h.alice.ID, Calendar: 3}}})
		if err != nil || got.URL != other || got.Label != label || got.Kinds != "event.created event.deleted" || len(got.Watches) != 2 || got.Watches[0].Owner != h.alice.ID {
			t.Errorf("changed: %+v, %v", got, err)
		}
		if _, err := h.desk.Change(ctx, h.bob.ID, w.ID, webhook.Edit{URL: &other}); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("another's: %v", err)
		}

		// Both secrets sign for a day, then the new one alone; one that others know ends at once.
		if _, err = h.desk.Change(ctx, w.Owner, w.ID, webhook.Edit{Kinds: webhook.Kinds, Watches: []storage.WebhookWatch{{Owner: h.alice.ID}}}); err != nil {
			t.Fatal(err)
		}
		second, err := h.desk.Rotate(ctx, w.Owner, w.ID, false)
		if err != nil || second == first {
			t.Fatalf("Rotate = %v", err)
		}
		say := func(uid string) received {
			t.Helper()
			h.put(h.alice, uid)
			h.round()
			got := h.in.taken()
			if len(got) != 1 {
				t.Fatalf("%d came", len(got))
			}
			return got[0]
		}
		if r := say("a"); !verify(first, r) || !verify(second, r) || strings.Count(r.header.Get("webhook-signature"), "v1,") != 2 {
			t.Errorf("while both count: %v", r.header)
		}
		h.add(webhook.Overlap)
		if r := say("b"); verify(first, r) || !verify(second, r) {
			t.Error("after the overlap")
		}
		third, err := h.desk.Rotate(ctx, w.Owner, w.ID, true)
		if r := say("c"); err != nil || verify(second, r) || !verify(third, r) {
			t.Errorf("a secret that is known to others signs: %v", err)
		}

		// A server with another key cannot sign, and says so; what is stored opens for no other webhook.
		vault, _ := webhook.NewVault([]byte("x"), []byte("y"))
		h.dispatcher.Vault = vault
		h.put(h.alice, "d")
		h.round()
		if list := h.deliveries(w); len(h.in.taken()) != 0 || list[3] != "4 ready secret (1)" {
			t.Errorf("without the key: %v", list)
		}

		for range webhook.MaxWebhooks - 1 {
			h.hook(address)
		}
		_, _, err = h.desk.Add(ctx, h.alice, webhook.Edit{URL: &url})
		isError("one too many", err, "")
		if err := h.desk.Remove(ctx, w.Owner, w.ID); err != nil {
			t.Error(err)
		}
		for what, err := range map[string]error{
			"remove": h.desk.Remove(ctx, w.Owner, w.ID), "get": func() error { _, err := h.desk.Get(ctx, w.Owner, w.ID); return err }(),
			"test": func() error { _, err := h.desk.Test(ctx, w.Owner, w.ID); return err }(), "rotate": func() error { _, err := h.desk.Rotate(ctx, w.Owner, w.ID, false); return err }(),
			"deliveries": func() error { _, err := h.desk.Deliveries(ctx, w.Owner, w.ID, 0, 10); return err }(),
		} {
			if !errors.Is(err, webhook.ErrNotFound) {
				t.Errorf("%s of one that is gone: %v", what, err)
			}
		}
	})
}

// TestVaults: what is sealed opens with the same keys for the same webhook only.
func TestVaults(t *testing.T) {
	key := storage.WebhookKey{Owner: 1, ID: 2}
	a, _ := webhook.NewVault([]byte("server"), []byte("outside"))
	sealed := a.Seal(key, []byte("secret"))
	for i, v := range []struct {
		server, outside string
		key             storage.WebhookKey
		ok              bool
	}{
		{"server", "outside", key, true}, {"server", "", key, false}, {"other", "outside", key, false}, {"server", "outside", storage.WebhookKey{Owner: 2, ID: 1}, false},
	} {
		vault, err := webhook.NewVault([]byte(v.server), []byte(v.outside))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := vault.Open(v.key, sealed); (err == nil) != v.ok || v.ok && string(got) != "secret" {
			t.Errorf("%d: %q, %v", i, got, err)
		}
	}
	if string(sealed) == "secret" {
		t.Error("it is not sealed")
	}
}

// TestOthersBound: so many may watch one calendar of somebody else.
func TestOthersBound(t *testing.T) {
	h := newHouse(t, storagetest.SQLite(t))
	url := address
	cal := []storage.WebhookWatch{{Owner: h.bob.ID, Calendar: 1}}
	for i := range 6 {
		p := &storage.Principal{Name: fmt.Sprint("user", i), Kind: storage.Person}
		err := h.store.Update(h.Context(), func(tx storage.Tx) error { return tx.PutPrincipal(h.Context(), p, nil) })
		for range 20 {
			if err == nil {
				_, _, err = h.desk.Add(h.Context(), p, webhook.Edit{URL: &url, Watches: cal})
			}
		}
		if e, ok := errors.AsType[*webhook.Error](err); (i == 5) != ok || ok && e.Field != "calendars" || !ok && err != nil {
			t.Fatalf("person %d: %v", i, err)
		}
	}
	if n, err := h.store.Watchers(h.Context(), storage.Ref{Owner: h.bob.ID, ID: 1}); n != webhook.MaxOthers || err != nil {
		t.Errorf("%d watch, %v", n, err)
	}
}
