package subscription

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"kalends/calendar"
	"kalends/ical/stream"
	"kalends/internal/workers"
	"kalends/storage"
)

// Worker looks at all subscriptions, each in its time. Its fields are set before first use and not changed after.
type Worker struct {
	Store    storage.Store
	Calendar *calendar.Service
	Fetcher  *Fetcher
	Log      *slog.Logger
	Now      func() time.Time

	// Every is how often to look at feeds that do not say; 0 for an hour.
	Every time.Duration

	bell workers.Bell

	mu     sync.Mutex
	asking map[int64]bool // in whose homes somebody waits for a look
}

// Bounds.
const (
	Often   = 15 * time.Minute   // no feed is looked at more often
	Seldom  = 7 * 24 * time.Hour // nor less
	atOnce  = 4                  // feeds that one server looks at at the same time
	asked   = 8                  // and as many more for people who wait for it, one for each home
	lease   = 10 * time.Minute
	work    = 8 * time.Minute // for one look; less than the lease
	poll    = 30 * time.Second
	backoff = 24 * time.Hour // the longest pause after failures
)

// Wake has the worker look whether something is due.
func (w *Worker) Wake() { w.bell.Ring() }

// Run looks at subscriptions until ctx ends.
func (w *Worker) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := w.Round(ctx)
		if err != nil && ctx.Err() == nil {
			w.Log.ErrorContext(ctx, "subscriptions", "err", err)
		}
		if n > 0 && err == nil {
			continue
		}
		next, err := w.Store.NextSubscription(ctx)
		w.bell.Wait(ctx, workers.Pause(next, err, w.Now(), 100*time.Millisecond, poll))
	}
	return nil
}

// begin admits a look that somebody waits for: each holds a feed in memory, and takes as long as the feed's server likes. Then end must follow.
func (w *Worker) begin(owner int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asking[owner] || len(w.asking) >= asked {
		return problem(ErrSoon, "other feeds are being looked at just now; try again in a minute")
	}
	if w.asking == nil {
		w.asking = map[int64]bool{}
	}
	w.asking[owner] = true
	return nil
}

func (w *Worker) end(owner int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.asking, owner)
}

// Round looks at some of what is due, and returns how many that were.
func (w *Worker) Round(ctx context.Context) (int, error) {
	list, err := w.Store.ClaimSubscriptions(ctx, w.Now(), lease, atOnce)
	if err != nil {
		return 0, err
	}
	var all sync.WaitGroup
	for _, s := range list {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					w.Log.ErrorContext(ctx, "panic", "in", "subscription", "owner", s.Owner, "calendar", s.Calendar, "panic", p, "stack", string(debug.Stack()))
				}
			}()
			w.look(ctx, s)
		})
	}
	all.Wait()
	return len(list), nil
}

// look at one subscription that is claimed, and write down what came of it.
func (w *Worker) look(ctx context.Context, s *storage.Subscription) {
	inTime, cancel := context.WithTimeout(ctx, work)
	defer cancel()
	before := *s
	_, err := w.refresh(inTime, s)
	if err != nil && ctx.Err() != nil {
		*s = before // the server stops: another looks at it at once
	}
	var e *Error
	if err != nil && !errors.As(err, &e) && ctx.Err() == nil {
		w.Log.WarnContext(ctx, "subscription", "owner", s.Owner, "calendar", s.Calendar, "err", err)
	}
	err = w.Store.FinishSubscription(context.WithoutCancel(ctx), s)
	if err != nil && !errors.Is(err, storage.ErrConflict) { // a conflict: it was replaced or removed meanwhile
		w.Log.ErrorContext(ctx, "subscription", "owner", s.Owner, "calendar", s.Calendar, "err", err)
	}
}

// refresh brings a calendar up to date and notes in s how that went.
func (w *Worker) refresh(ctx context.Context, s *storage.Subscription) (totals calendar.ImportTotals, err error) {
	every := s.Every
	if every == 0 && s.Failures == 0 && !s.Checked.IsZero() {
		every = s.DueAt.Sub(s.Checked) // as it said when it was read last
	}
	s.Checked = w.Now().UTC()
	a, err := w.Fetcher.Fetch(ctx, s)
	note := ""
	if err == nil && !a.Unchanged {
		var owner *storage.Principal
		var cal *storage.Calendar
		if owner, cal, err = w.find(ctx, s); err == nil {
			totals, note, err = w.fill(ctx, owner, cal.Slug, a.Feed)
		}
		if s.Every == 0 {
			every = a.Feed.Refresh
		}
	}
	if err != nil {
		w.failed(s, err)
		return totals, err
	}
	s.Fetched, s.Failures, s.LastError = s.Checked, 0, note
	s.ETag, s.LastModified, s.Digest = a.ETag, a.LastModified, a.Digest
	if totals[calendar.ImportRefused] > 0 {
		s.ETag, s.LastModified, s.Digest = "", "", "" // what was refused today may be taken tomorrow
	}
	s.DueAt = s.Checked.Add(w.interval(every))
	return totals, nil
}

// interval is how long to wait for the next look.
func (w *Worker) interval(every time.Duration) time.Duration {
	if every == 0 {
		every = w.Every
	}
	if every == 0 {
		every = time.Hour
	}
	return min(max(every, Often), Seldom)
}

// failed notes what went wrong, and waits longer each time.
func (w *Worker) failed(s *storage.Subscription, err error) {
	s.Failures = min(s.Failures+1, 1000)
	s.LastError = "internal error"
	pause := min(Often<<min(s.Failures-1, 10), backoff)
	var e *Error
	var refused *calendar.Error
	switch {
	case errors.As(err, &e):
		s.LastError = e.Msg
		pause = max(pause, e.After)
		if e.Gone {
			s.DueAt = time.Time{}
			return
		}
	case errors.As(err, &refused):
		s.LastError = refused.Msg
	case errors.Is(err, context.DeadlineExceeded):
		s.LastError = "the feed is too much to be read at one go"
	}
	s.DueAt = s.Checked.Add(pause)
}

// find returns the calendar of a subscription.
func (w *Worker) find(ctx context.Context, s *storage.Subscription) (*storage.Principal, *storage.Calendar, error) {
	owner, err := w.Store.PrincipalByID(ctx, s.Owner)
	if err != nil {
		return nil, nil, fmt.Errorf("owner: %w", err)
	}
	home, err := w.Store.Calendars(ctx, s.Owner)
	if err != nil {
		return nil, nil, fmt.Errorf("calendars: %w", err)
	}
	for _, c := range home {
		if c.ID == s.Calendar {
			return owner, c, nil
		}
	}
	return nil, nil, fmt.Errorf("calendar: %w", storage.ErrNotFound)
}

// fill makes the calendar hold what the feed holds. note says what of it could not be taken.
func (w *Worker) fill(ctx context.Context, owner *storage.Principal, slug string, feed *stream.Calendar) (totals calendar.ImportTotals, note string, err error) {
	f := calendar.Feed{Target: calendar.Target{Owner: owner, Slug: slug}, Keep: map[string]bool{}}
	for _, o := range feed.Objects {
		f.Keep[o.UID] = true
	}
	for _, p := range feed.Problems {
		f.Keep[p.UID] = true
	}
	f.Objects = func(yield func(calendar.ImportObject, error) bool) {
		for _, o := range feed.Objects {
			if !yield(calendar.ImportObject{Text: o.Text(), From: o}, nil) {
				return
			}
		}
	}
	f.Report = func(i calendar.Imported) {
		if i.Err != nil && note == "" {
			note = i.Err.Error()
			var e *calendar.Error
			if !errors.As(i.Err, &e) {
				note = "internal error"
			}
		}
	}
	totals, err = w.Calendar.Fill(ctx, f)
	bad := totals[calendar.ImportRefused]
	if note == "" && len(feed.Problems) > 0 {
		note = fmt.Sprintf("line %d: %s", feed.Problems[0].Line, feed.Problems[0].Msg)
	}
	if note != "" {
		note = fmt.Sprintf("%d of %d events could not be taken, and %d parts not be read; the first: %.300s", bad, len(feed.Objects), len(feed.Problems), note)
	}
	return totals, note, err
}

// Request asks for a new subscription.
type Request struct {
	Who   *storage.Principal
	Owner *storage.Principal
	URL   string
	Slug  string        // of the calendar; "" for one made of the name
	Name  string        // "" for what the feed calls itself
	Every time.Duration // 0: as the feed says
}

// maxSubscriptions bounds those of one person.
const maxSubscriptions = 100

// Subscribe looks at a feed, and when there is one makes a calendar of it. Each home has one look at a time.
func (w *Worker) Subscribe(ctx context.Context, r Request) (*storage.Calendar, calendar.ImportTotals, error) {
	ctx, cancel := context.WithTimeout(ctx, work)
	defer cancel()
	var none calendar.ImportTotals
	have, err := w.Store.Subscriptions(ctx, r.Owner.ID)
	if err != nil {
		return nil, none, err
	}
	if len(have) >= maxSubscriptions {
		return nil, none, problem(nil, "one can subscribe to %d feeds; remove one first", maxSubscriptions)
	}
	if err := w.begin(r.Owner.ID); err != nil {
		return nil, none, err
	}
	defer w.end(r.Owner.ID)
	if r.Every != 0 {
		r.Every = min(max(r.Every, Often), Seldom)
	}
	s := storage.Subscription{URL: strings.TrimSpace(r.URL), Every: r.Every}
	a, err := w.Fetcher.Fetch(ctx, &s)
	if err != nil {
		return nil, none, err
	}
	name := r.Name
	if name == "" {
		name = clean(a.Feed.Name)
	}
	slug := r.Slug
	if slug == "" {
		if slug, err = w.freeSlug(ctx, r.Owner, name); err != nil {
			return nil, none, err
		}
	}
	s.DueAt = w.Now().UTC().Add(lease) // nobody else looks while we do
	cal, err := w.Calendar.Subscribe(ctx, r.Who, calendar.Target{Owner: r.Owner, Slug: slug}, calendar.Edit{Live: func(c *storage.Calendar) error {
		c.DisplayName, c.Description = name, clean(a.Feed.Description)
		if isColor(a.Feed.Color) {
			c.Color = a.Feed.Color
		}
		if a.Feed.TimeZone != "" {
			_ = calendar.SetTimeZoneID(c, a.Feed.TimeZone, w.Now()) // one that nobody knows is none
		}
		return nil
	}}, s)
	if err != nil {
		return nil, none, err
	}
	made, err := w.Store.Subscription(ctx, cal.Owner, cal.ID)
	if err != nil {
		return cal, none, err
	}
	totals, note, err := w.fill(ctx, r.Owner, slug, a.Feed)
	made.Checked = w.Now().UTC()
	if err != nil {
		w.failed(made, err)
	} else {
		every := made.Every
		if every == 0 {
			every = a.Feed.Refresh
		}
		made.Fetched, made.LastError, made.DueAt = made.Checked, note, made.Checked.Add(w.interval(every))
		if totals[calendar.ImportRefused] == 0 {
			made.ETag, made.LastModified, made.Digest = a.ETag, a.LastModified, a.Digest
		}
	}
	if finishErr := w.Store.FinishSubscription(context.WithoutCancel(ctx), made); err == nil {
		err = finishErr
	}
	return cal, totals, err
}

// clean makes one line of at most 200 characters of what a feed says of itself.
func clean(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool { return r <= ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }), " ")
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200])
	}
	return s
}

// isColor reports whether it is a colour as programs write it: #RRGGBB or #RRGGBBAA.
func isColor(s string) bool {
	return (len(s) == 7 || len(s) == 9) && s[0] == '#' && strings.Trim(s[1:], "0123456789abcdefABCDEF") == ""
}

// freeSlug makes a calendar's slug of a name.
func (w *Worker) freeSlug(ctx context.Context, owner *storage.Principal, name string) (string, error) {
	home, err := w.Store.Calendars(ctx, owner.ID)
	if err != nil {
		return "", fmt.Errorf("calendars: %w", err)
	}
	return calendar.FreeSlug(home, name, "feed"), nil
}
