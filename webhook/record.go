package webhook

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/internal/ids"
	"kalends/storage"
)

// Change is something that has happened in a calendar.
type Change struct {
	Kind                    Kind
	Owner, Calendar, Object int64 // Object is 0 where the calendar itself is meant
	Seq                     int64 // of the owner's counter
	UID, Component, ETag    string
	Privacy                 storage.Privacy
	Answers                 []Answer
	ForUser                 int64 // of a reminder: whose it is, to whom alone it is told
	Due, Start              time.Time
	AllDay                  bool
}

// Recorder gathers what a transaction changes, and writes at its end what webhooks are told of it. The zero value is ready.
type Recorder struct {
	changes []*Change
	at      map[objectKey]*Change
}

type objectKey struct{ owner, calendar, object int64 }

// Note takes a change. Several of one object become one: it is told how it is in the end.
func (r *Recorder) Note(c Change) {
	key := objectKey{c.Owner, c.Calendar, c.Object}
	if c.Object == 0 || c.Kind == Reminder {
		r.changes = append(r.changes, &c)
		return
	}
	before := r.at[key]
	if before == nil {
		if r.at == nil {
			r.at = map[objectKey]*Change{}
		}
		r.at[key] = &c
		r.changes = append(r.changes, &c)
		return
	}
	switch {
	case c.Kind == Deleted && before.Kind == Created:
		delete(r.at, key)
		r.changes = slices.DeleteFunc(r.changes, func(o *Change) bool { return o == before })
		return
	case before.Kind == Created && c.Kind != Deleted:
		c.Kind, c.Answers = Created, nil
	case before.Kind == Answered && (c.Kind == Updated || c.Kind == Answered):
		c.Kind, c.Answers = Answered, append(slices.Clone(before.Answers), c.Answers...)
		c.Answers = c.Answers[:min(len(c.Answers), MaxAnswers)]
	}
	*before = c
}

// NewMessageID makes the name of a message. It is random: after a backup was restored, numbers come again.
func NewMessageID() string { return "msg_" + strings.ToLower(rand.Text()) }

// Write queues what webhooks are told of what was noted, and returns how many deliveries that are. The homes of all owners must be locked.
// Where nobody watches these homes it asks the database nothing; else it costs the same however many changes there are, but for the rows
// that it writes.
//
// To others than its owner nothing is told of what is private in a calendar, and of what is confidential not who has answered
// (RFC 5545 section 3.8.1.3). Whether they may still read the calendar is asked when a delivery leaves.
func (r *Recorder) Write(ctx context.Context, tx storage.Tx, now time.Time) (int, error) {
	changes := r.changes
	r.changes, r.at = nil, nil
	var owners []int64
	for _, c := range changes {
		if tx.Watched(c.Owner) && !slices.Contains(owners, c.Owner) {
			owners = append(owners, c.Owner)
		}
	}
	if len(owners) == 0 {
		return 0, nil
	}
	watching, err := tx.Watching(ctx, owners)
	if err != nil {
		return 0, err
	}
	var (
		draws   []storage.DeliveryDraw
		pending = map[storage.WebhookKey][]*parcel{}
		waiting = map[storage.WebhookKey]int64{}
	)
	for len(watching) > 0 {
		first := watching[0]
		n := 1
		for n < len(watching) && watching[n].Webhook == first.Webhook {
			n++
		}
		if list := parcels(watching[:n], changes); len(list) > 0 {
			draws = append(draws, storage.DeliveryDraw{WebhookKey: first.Webhook, N: int64(len(list)), Due: now})
			pending[first.Webhook], waiting[first.Webhook] = list, first.Waiting
		}
		watching = watching[n:]
	}
	if len(draws) == 0 {
		return 0, nil
	}
	last, err := tx.DrawDeliveries(ctx, draws)
	if err != nil {
		return 0, err
	}
	var rows []*storage.Delivery
	for _, d := range draws {
		end, ok := last[d.WebhookKey]
		if !ok {
			continue // removed meanwhile
		}
		for i, p := range pending[d.WebhookKey] {
			if waiting[d.WebhookKey]+int64(i) >= storage.MaxWaiting {
				break
			}
			row, err := p.delivery(d.WebhookKey, end-d.N+1+int64(i), now)
			if err != nil {
				return 0, err
			}
			rows = append(rows, row)
		}
	}
	return len(rows), tx.AddDeliveries(ctx, rows)
}

// parcel is what goes in one delivery.
type parcel struct {
	kind    string
	about   storage.WebhookWatch
	details []Detail
	octets  int
}

// parcels puts up what one webhook, as it was found by each of its watches, is told of changes.
func parcels(watches []storage.Watching, changes []*Change) (list []*parcel) {
	hook, kinds := watches[0].Webhook, kindsOf(watches[0].Kinds)
	open := map[storage.WebhookWatch]map[string]*parcel{}
	for _, c := range changes {
		d, ok := c.tell(hook.Owner, kinds)
		if !ok || !slices.ContainsFunc(watches, func(w storage.Watching) bool {
			return w.Watch.Owner == c.Owner && (w.Watch.Calendar == c.Calendar || w.Watch.Calendar == 0 && c.Owner == hook.Owner)
		}) {
			continue
		}
		about, kind := storage.WebhookWatch{Owner: c.Owner, Calendar: c.Calendar}, ChangedMessage
		if c.Kind == Reminder {
			kind = ReminderMessage
		}
		if open[about] == nil {
			open[about] = map[string]*parcel{}
		}
		p := open[about][kind]
		if p == nil || len(p.details) >= MaxChanges || p.octets+d.octets() > maxOctets {
			p = &parcel{kind: kind, about: about}
			open[about][kind] = p
			list = append(list, p)
		}
		p.details = append(p.details, d)
		p.octets += d.octets()
	}
	return list
}

// tell is a change as the owner of a webhook may know of it; false where they may not, or do not want to.
func (c *Change) tell(owner int64, kinds map[Kind]bool) (Detail, bool) {
	d := c.detail()
	if owner != c.Owner {
		d.ETag = "" // what they see may be put together with what is their own, or cut
		switch c.Privacy {
		case storage.Public:
		case storage.Confidential:
			d.Answers = nil
			if d.Type == Answered {
				d.Type = Updated
			}
		default:
			return d, false
		}
	}
	if c.Kind == Reminder && c.ForUser != owner {
		return d, false
	}
	if d.Type == Answered && !kinds[Answered] {
		d.Type, d.Answers = Updated, nil // an event with an answer in it is another one than before
	}
	return d, kinds[d.Type]
}

func (p *parcel) delivery(hook storage.WebhookKey, sequence int64, now time.Time) (*storage.Delivery, error) {
	m := Message{
		ID: NewMessageID(), Type: p.kind, Time: instant(now), Webhook: ID(hook), Sequence: sequence, Changes: p.details,
		Calendar: ids.Make(ids.Calendar, p.about.Owner, p.about.Calendar),
	}
	body, err := m.body()
	if err != nil {
		return nil, fmt.Errorf("delivery %d of webhook %d/%d: %w", sequence, hook.Owner, hook.ID, err)
	}
	return &storage.Delivery{
		Owner: hook.Owner, Webhook: hook.ID, Sequence: sequence, Message: m.ID, About: p.about, Changes: len(p.details),
		State: storage.DeliveryReady, Created: now, DueAt: now, Body: body,
	}, nil
}
