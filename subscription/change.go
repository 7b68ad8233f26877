package subscription

import (
	"context"
	"errors"
	"strings"
	"time"

	"kalends/calendar"
	"kalends/internal/outside"
	"kalends/storage"
)

// soon is how long somebody waits before they can have the same feed looked at again: it is another's server.
const soon = time.Minute

// ErrSoon is in what is said to who asks for a look at a feed while others are under way, or once more at once.
var ErrSoon = errors.New("it was looked at just now; try again in a minute")

// Change is another address or another pace for a subscription.
type Change struct {
	URL   string
	Every time.Duration // 0: as the feed says
}

// Change changes from where, and how often, a calendar is filled. A feed at another address is due at once. An *Error says what is wrong with the
// address.
func (w *Worker) Change(ctx context.Context, who *storage.Principal, t calendar.Target, ch Change) error {
	ch.URL = strings.TrimSpace(ch.URL)
	if _, err := outside.ParseURL(ch.URL); err != nil {
		return problem(err, "%v", err)
	}
	if ch.Every != 0 {
		ch.Every = min(max(ch.Every, Often), Seldom)
	}
	now := w.Now().UTC()
	err := w.Calendar.ChangeSubscription(ctx, who, t, func(s *storage.Subscription) error {
		if s.URL != ch.URL {
			s.URL, s.ETag, s.LastModified, s.Digest = ch.URL, "", "", ""
			s.Checked, s.Failures, s.LastError, s.DueAt = time.Time{}, 0, "", now
		}
		if s.Every != ch.Every && s.Failures == 0 && !s.Checked.IsZero() {
			s.DueAt = s.Checked.Add(w.interval(ch.Every))
		}
		s.Every = ch.Every
		return nil
	})
	if err == nil {
		w.Wake()
	}
	return err
}

// Refresh looks at a feed now, because somebody asks for it: not again within a minute, whatever came of it. An *Error says what is wrong with
// the feed; what is in the calendar stays then.
func (w *Worker) Refresh(ctx context.Context, who *storage.Principal, t calendar.Target) error {
	if err := w.begin(t.Owner.ID); err != nil {
		return err
	}
	defer w.end(t.Owner.ID)
	var was storage.Subscription
	now := w.Now().UTC()
	err := w.Calendar.ChangeSubscription(ctx, who, t, func(s *storage.Subscription) error {
		if since := now.Sub(s.Checked); since >= 0 && since < soon {
			return problem(ErrSoon, "%v", ErrSoon)
		}
		was = *s
		s.DueAt = now.Add(lease) // nobody else looks while we do
		return nil
	})
	if err != nil {
		return err
	}
	made, err := w.Store.Subscription(ctx, was.Owner, was.Calendar)
	if err != nil {
		return err
	}
	made.DueAt = was.DueAt
	_, looked := w.refresh(ctx, made)
	if looked != nil && errors.Is(ctx.Err(), context.Canceled) {
		was.Claim, made = made.Claim, &was // who asked went away: it is as it was
	}
	err = w.Store.FinishSubscription(context.WithoutCancel(ctx), made)
	if err != nil && !errors.Is(err, storage.ErrConflict) { // a conflict: it was changed meanwhile
		return err
	}
	return looked
}
