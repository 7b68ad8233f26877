package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kalends/internal/outside"
	"kalends/storage"
)

// Bounds.
const (
	MaxWebhooks   = 20  // of one person
	MaxCalendars  = 50  // that one webhook is told of, where not of all
	MaxOthers     = 100 // webhooks of others that are told of what is in one calendar
	MaxLabel      = 100 // characters
	MaxURL        = 2000
	MaxDeliveries = 100 // on a page

	// Overlap is for how long the secret before signs too.
	Overlap = 24 * time.Hour
	// Kept is how long deliveries are kept, sent or not.
	Kept = 7 * 24 * time.Hour
	// testEvery bounds tests: a webhook is no way to have the server knock at a door.
	testEvery = 10 * time.Second
)

// Error is what is wrong with a request about a webhook. Msg is for its author; it is one of the texts below, which pages translate.
type Error struct {
	Field string // url, label, kinds, calendars; "" for none of them
	Msg   string
}

func (e *Error) Error() string { return e.Msg }

// What is wrong.
var (
	errURL       = &Error{"url", "This is no address of the form https://host/path."}
	errPlain     = &Error{"url", "The address must begin with https://."}
	errUser      = &Error{"url", "There must be no name and password in the address; messages are signed instead."}
	errPort      = &Error{"url", "Nothing is sent to this port."}
	errPrivate   = &Error{"url", "Nothing is sent to this network."}
	errLabel     = &Error{"label", "The label must be one line of at most 100 characters."}
	errKinds     = &Error{"kinds", "Choose at least one kind of change."}
	errCalendars = &Error{"calendars", "Choose at most 50 calendars."}
	errOthers    = &Error{"calendars", "Too many people have webhooks for one of these calendars."}
	errMany      = &Error{"", "Nobody has more than 20 webhooks. Remove one first."}
	errTests     = &Error{"", "A test waits already. Please wait ten seconds."}
	errGroup     = &Error{"", "Only people have webhooks."}
)

// ErrNotFound says that there is no such webhook.
var ErrNotFound = errors.New("there is no such webhook")

// Desk is where people make webhooks and look after them. Its callers have seen that they may read the calendars that they name.
type Desk struct {
	Store storage.Store
	Vault *Vault
	Now   func() time.Time // nil: time.Now
	// Networks are those of the operator that may be spoken to although they are not public, also without https.
	Networks []netip.Prefix
	// Wake is called when something is to be sent; may be nil.
	Wake func()
}

func (d *Desk) now() time.Time {
	if d.Now == nil {
		return time.Now().UTC()
	}
	return d.Now().UTC()
}

func (d *Desk) woken() {
	if d.Wake != nil {
		d.Wake()
	}
}

// Edit is what of a webhook is to be changed; nil stays.
type Edit struct {
	URL, Label *string
	Kinds      []Kind
	// Watches are the calendars; one of the owner's with Calendar 0 stands for all of theirs.
	Watches []storage.WebhookWatch
	Paused  *bool // false switches on again what was off, too
}

// checkURL reads an address that somebody typed in.
func (d *Desk) checkURL(text string) (string, error) {
	text = strings.TrimSpace(text)
	if len(text) > MaxURL || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || unicode.IsControl(r) }) {
		return "", errURL
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || strings.ContainsAny(u.Hostname(), "%\\") {
		return "", errURL
	}
	switch u.Scheme {
	case "https":
	case "http":
		if len(d.Networks) == 0 {
			return "", errPlain
		}
	default:
		return "", errPlain
	}
	if u.User != nil {
		return "", errUser
	}
	u.Fragment, u.RawFragment = "", ""
	port := uint64(443)
	if u.Scheme == "http" {
		port = 80
	}
	if p := u.Port(); p != "" {
		a, err := netip.ParseAddrPort("192.0.2.1:" + p)
		if err != nil || a.Port() == 0 {
			return "", errURL
		}
		port = uint64(a.Port())
	} else if strings.HasSuffix(u.Host, ":") {
		return "", errURL
	}
	if port != 80 && port != 443 && port < 1024 {
		return "", errPort
	}
	// What a name means is looked at when it is dialled; an address in so many words can be refused now.
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		at := netip.AddrPortFrom(a, uint16(port))
		if !allowed(u.Scheme, d.Networks)(at) {
			return "", errPrivate
		}
	}
	return u.String(), nil
}

// allowed says where a message may go: with https to public addresses and the operator's networks, without only to these.
func allowed(scheme string, networks []netip.Prefix) func(netip.AddrPort) bool {
	in := outside.In(networks)
	if scheme != "https" {
		return in
	}
	return func(a netip.AddrPort) bool { return outside.PublicPort(a) || in(a) }
}

// apply puts an edit into a webhook.
func (d *Desk) apply(h *storage.Webhook, e *Edit) error {
	if e.URL != nil {
		address, err := d.checkURL(*e.URL)
		if err != nil {
			return err
		}
		h.URL = address
	}
	if e.Label != nil {
		label := strings.TrimSpace(*e.Label)
		if utf8.RuneCountInString(label) > MaxLabel || !utf8.ValidString(label) || strings.ContainsFunc(label, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return errLabel
		}
		h.Label = label
	}
	if e.Kinds != nil {
		if h.Kinds = KindsText(e.Kinds); h.Kinds == "" {
			return errKinds
		}
	}
	if e.Watches != nil {
		h.Watches = compact(e.Watches)
		if len(h.Watches) == 0 || len(h.Watches) > MaxCalendars {
			return errCalendars
		}
	}
	switch {
	case e.Paused == nil:
	case *e.Paused && h.State == storage.WebhookOn:
		h.State = storage.WebhookPaused
	case !*e.Paused:
		h.State, h.Reason = storage.WebhookOn, ""
	}
	return nil
}

// compact sorts watches, each once.
func compact(list []storage.WebhookWatch) []storage.WebhookWatch {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b storage.WebhookWatch) int {
		if a.Owner != b.Owner {
			return int(min(max(a.Owner-b.Owner, -1), 1))
		}
		return int(min(max(a.Calendar-b.Calendar, -1), 1))
	})
	return slices.Compact(list)
}

// crowded refuses what would have too many watch one calendar of somebody else.
func crowded(ctx context.Context, r storage.Reader, h *storage.Webhook, before []storage.WebhookWatch) error {
	for _, w := range h.Watches {
		if w.Owner == h.Owner || slices.Contains(before, w) {
			continue
		}
		n, err := r.Watchers(ctx, storage.Ref{Owner: w.Owner, ID: w.Calendar})
		if err != nil {
			return err
		}
		if n >= MaxOthers {
			return errOthers
		}
	}
	return nil
}

// List returns a person's webhooks, oldest first.
func (d *Desk) List(ctx context.Context, owner int64) ([]*storage.Webhook, error) {
	return d.Store.Webhooks(ctx, owner)
}

// Get returns one. ErrNotFound.
func (d *Desk) Get(ctx context.Context, owner, id int64) (*storage.Webhook, error) {
	return known(d.Store.Webhook(ctx, owner, id))
}

func known(h *storage.Webhook, err error) (*storage.Webhook, error) {
	if errors.Is(err, storage.ErrNotFound) {
		return nil, ErrNotFound
	}
	return h, err
}

// Add makes a webhook, and returns it with its secret, which is told once and never again. Without Kinds it is told of all, without Watches of
// all calendars of its owner. The error is an *Error where it is the author's.
func (d *Desk) Add(ctx context.Context, owner *storage.Principal, e Edit) (*storage.Webhook, string, error) {
	if owner.Kind != storage.Person {
		return nil, "", errGroup
	}
	if e.URL == nil {
		return nil, "", errURL
	}
	if e.Kinds == nil {
		e.Kinds = Kinds
	}
	if e.Watches == nil {
		e.Watches = []storage.WebhookWatch{{Owner: owner.ID}}
	}
	now := d.now()
	h := &storage.Webhook{Owner: owner.ID, State: storage.WebhookOn, Created: now}
	if err := d.apply(h, &e); err != nil {
		return nil, "", err
	}
	secret := newSecret()
	err := d.Store.Update(ctx, func(tx storage.Tx) error {
		if err := tx.Lock(ctx, 1, homes(h, nil)...); err != nil {
			return err
		}
		list, err := tx.Webhooks(ctx, owner.ID)
		if err != nil {
			return err
		}
		if len(list) >= MaxWebhooks {
			return errMany
		}
		if err := crowded(ctx, tx, h, nil); err != nil {
			return err
		}
		if h.ID, err = tx.Next(ctx, owner.ID); err != nil {
			return err
		}
		h.Secret = d.Vault.seal(h.Key(), secret)
		if err := tx.PutWebhook(ctx, h, now); err != nil {
			return err
		}
		return tx.SetWatches(ctx, h.Key(), h.Watches)
	})
	if err != nil {
		return nil, "", wrapped("add webhook", err)
	}
	return h, secretText(secret), nil
}

// homes are those that a change of what a webhook watches locks.
func homes(h *storage.Webhook, before []storage.WebhookWatch) []int64 {
	list := []int64{h.Owner}
	for _, w := range append(slices.Clone(before), h.Watches...) {
		list = append(list, w.Owner)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// wrapped leaves alone what is told to people.
func wrapped(doing string, err error) error {
	if _, ok := errors.AsType[*Error](err); ok || errors.Is(err, ErrNotFound) {
		return err
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// change changes a webhook under the locks of all homes that it concerns.
func (d *Desk) change(ctx context.Context, owner, id int64, e Edit, also func(h *storage.Webhook)) (*storage.Webhook, error) {
	now := d.now()
	for range 5 {
		seen, err := d.Get(ctx, owner, id)
		if err != nil {
			return nil, err
		}
		locked := &storage.Webhook{Owner: owner, Watches: seen.Watches}
		locks := homes(locked, e.Watches)
		var h *storage.Webhook
		again := false
		err = d.Store.Update(ctx, func(tx storage.Tx) error {
			again = false
			if err := tx.Lock(ctx, 0, locks...); err != nil {
				return err
			}
			if h, err = known(tx.Webhook(ctx, owner, id)); err != nil {
				return err
			}
			before := h.Watches
			if again = slices.ContainsFunc(before, func(w storage.WebhookWatch) bool { return !tx.Locked(w.Owner) }); again {
				return nil
			}
			if err := d.apply(h, &e); err != nil {
				return err
			}
			if also != nil {
				also(h)
			}
			if err := tx.PutWebhook(ctx, h, now); err != nil || e.Watches == nil {
				return err
			}
			if err := crowded(ctx, tx, h, before); err != nil {
				return err
			}
			return tx.SetWatches(ctx, h.Key(), h.Watches)
		})
		if err != nil {
			return nil, wrapped("change webhook", err)
		}
		if !again {
			d.woken()
			return h, nil
		}
	}
	return nil, fmt.Errorf("change webhook: %w", storage.ErrUnavailable)
}

// Change changes a webhook. The error is an *Error where it is the author's, or ErrNotFound.
func (d *Desk) Change(ctx context.Context, owner, id int64, e Edit) (*storage.Webhook, error) {
	return d.change(ctx, owner, id, e, nil)
}

// Rotate gives a webhook a new secret, which is told once and never again. The one before signs too for Overlap, or no more at once
// where others have got hold of it (leaked).
func (d *Desk) Rotate(ctx context.Context, owner, id int64, leaked bool) (string, error) {
	secret := newSecret()
	now := d.now()
	_, err := d.change(ctx, owner, id, Edit{}, func(h *storage.Webhook) {
		h.OldSecret, h.OldUntil = h.Secret, now.Add(Overlap)
		if leaked {
			h.OldSecret, h.OldUntil = nil, time.Time{}
		}
		h.Secret = d.Vault.seal(h.Key(), secret)
	})
	if err != nil {
		return "", err
	}
	return secretText(secret), nil
}

// Remove removes a webhook and all that waits for it. ErrNotFound.
func (d *Desk) Remove(ctx context.Context, owner, id int64) error {
	for range 5 {
		seen, err := d.Get(ctx, owner, id)
		if err != nil {
			return err
		}
		again := false
		err = d.Store.Update(ctx, func(tx storage.Tx) error {
			if err := tx.Lock(ctx, 0, homes(seen, nil)...); err != nil {
				return err
			}
			h, err := tx.Webhook(ctx, owner, id)
			if errors.Is(err, storage.ErrNotFound) {
				return ErrNotFound
			}
			if err != nil {
				return err
			}
			if again = slices.ContainsFunc(h.Watches, func(w storage.WebhookWatch) bool { return !tx.Locked(w.Owner) }); again {
				return nil
			}
			return tx.DeleteWebhook(ctx, h.Key())
		})
		if err != nil || !again {
			return wrappedOrNil("remove webhook", err)
		}
	}
	return fmt.Errorf("remove webhook: %w", storage.ErrUnavailable)
}

func wrappedOrNil(doing string, err error) error {
	if err == nil {
		return nil
	}
	return wrapped(doing, err)
}

// Test has a message sent that tells of nothing, once, even where the webhook is paused or off.
func (d *Desk) Test(ctx context.Context, owner, id int64) (*storage.Delivery, error) {
	now := d.now()
	var row *storage.Delivery
	err := d.Store.Update(ctx, func(tx storage.Tx) error {
		row = nil
		if err := tx.Lock(ctx, 0, owner); err != nil {
			return err
		}
		h, err := known(tx.Webhook(ctx, owner, id))
		if err != nil {
			return err
		}
		recent, err := tx.Deliveries(ctx, owner, id, 0, 10)
		if err != nil {
			return err
		}
		for _, r := range recent {
			if r.Test && now.Sub(r.Created) < testEvery {
				return errTests
			}
		}
		last, err := tx.DrawDeliveries(ctx, []storage.DeliveryDraw{{WebhookKey: h.Key(), N: 1, Due: now, Test: true}})
		if err != nil {
			return err
		}
		m := Message{ID: NewMessageID(), Type: TestMessage, Time: instant(now), Webhook: ID(h.Key()), Sequence: last[h.Key()], Changes: []Detail{}}
		body, err := m.body()
		if err != nil {
			return err
		}
		row = &storage.Delivery{
			Owner: owner, Webhook: id, Sequence: m.Sequence, Message: m.ID, Test: true, State: storage.DeliveryReady, Created: now, DueAt: now, Body: body,
		}
		return tx.AddDeliveries(ctx, []*storage.Delivery{row})
	})
	if err != nil {
		return nil, wrapped("test webhook", err)
	}
	d.woken()
	return row, nil
}

// Deliveries returns those of a webhook, the latest first, below the sequence given (0: from the latest), at most MaxDeliveries. ErrNotFound.
func (d *Desk) Deliveries(ctx context.Context, owner, id, below int64, limit int) ([]*storage.Delivery, error) {
	if _, err := d.Get(ctx, owner, id); err != nil {
		return nil, err
	}
	if limit <= 0 || limit > MaxDeliveries {
		limit = MaxDeliveries
	}
	return d.Store.Deliveries(ctx, owner, id, below, limit)
}
