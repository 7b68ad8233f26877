package subscription_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/subscription"
)

// TestRefresh: who asks for a look gets one, but not one after the other, and nobody else's.
func TestRefresh(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		s.feed(cal(event("a", "SUMMARY:One")))
		c := s.subscribe()
		target := calendar.Target{Owner: s.alice, Slug: c.Slug}
		due := s.state(c).DueAt
		var e *subscription.Error
		if err := s.Refresh(ctx, s.alice, target); !errors.As(err, &e) {
			t.Errorf("at once again: %v, want an *Error", err)
		}
		if got := s.state(c); !got.DueAt.Equal(due) {
			t.Errorf("a refusal moves the next look to %v", got.DueAt)
		}
		s.now = s.now.Add(2 * time.Minute)
		s.feed(cal(event("a", "SUMMARY:One"), event("b", "SUMMARY:11")))
		if err := s.Refresh(ctx, s.alice, target); err != nil {
			t.Fatalf("Refresh: %v", err)
		}
		got := s.state(c)
		if !got.Fetched.Equal(s.now) || !got.DueAt.Equal(s.now.Add(time.Hour)) {
			t.Errorf("after a look: fetched %v, due %v", got.Fetched, got.DueAt)
		}
		if row, err := s.Store.CalendarByID(ctx, c.Owner, c.ID); err != nil || row.Objects != 2 {
			t.Errorf("the calendar has %v objects (%v), want 2", row.Objects, err)
		}
		s.now = s.now.Add(2 * time.Minute)
		s.serve(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNotFound) })
		if err := s.Refresh(ctx, s.alice, target); !errors.As(err, &e) || s.state(c).LastError != e.Msg {
			t.Errorf("a feed that is not there: %v, noted %q", err, s.state(c).LastError)
		}
		bob, err := (&auth.Directory{Store: s.Store}).Add(ctx, auth.NewUser{Name: "bob", Kind: "user"})
		if err != nil {
			t.Fatal(err)
		}
		s.now = s.now.Add(2 * time.Minute)
		if err := s.Refresh(ctx, bob, target); calendar.KindOf(err) != calendar.NotFound && calendar.KindOf(err) != calendar.Forbidden && calendar.KindOf(err) != calendar.NoParent {
			t.Errorf("somebody else's: %v", err)
		}
		if err := s.Refresh(ctx, s.alice, calendar.Target{Owner: s.alice, Slug: auth.CalendarSlug}); calendar.KindOf(err) != calendar.NotFound {
			t.Errorf("a calendar without a feed: %v", err)
		}
	})
}

// TestOneLookAtATime: who waits for a feed that takes its time waits for one, and is told so; nothing is asked for twice.
func TestOneLookAtATime(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		s.feed(cal(event("a", "SUMMARY:One")))
		c := s.subscribe()
		s.now = s.now.Add(2 * time.Minute)
		asked, proceed := make(chan struct{}), make(chan struct{})
		s.serve(func(w http.ResponseWriter, r *http.Request) {
			close(asked)
			<-proceed
			w.WriteHeader(http.StatusNotFound)
		})
		first := make(chan error)
		go func() {
			_, _, err := s.Subscribe(ctx, subscription.Request{Who: s.alice, Owner: s.alice, URL: s.url})
			first <- err
		}()
		<-asked
		var e *subscription.Error
		before := *s.state(c)
		if _, _, err := s.Subscribe(ctx, subscription.Request{Who: s.alice, Owner: s.alice, URL: s.url}); !errors.As(err, &e) {
			t.Errorf("a second at once: %v", err)
		}
		if err := s.Refresh(ctx, s.alice, calendar.Target{Owner: s.alice, Slug: c.Slug}); !errors.As(err, &e) || *s.state(c) != before {
			t.Errorf("a look besides: %v", err)
		}
		close(proceed)
		if err := <-first; !errors.As(err, &e) {
			t.Errorf("the first: %v", err)
		}
		s.feed(cal(event("a", "SUMMARY:One")))
		if err := s.Refresh(ctx, s.alice, calendar.Target{Owner: s.alice, Slug: c.Slug}); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// TestChange: another address is looked at at once, another pace counts from the last look.
func TestChange(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		s.feed(cal(event("a")))
		c := s.subscribe()
		target := calendar.Target{Owner: s.alice, Slug: c.Slug}
		checked := s.state(c).Checked
		if err := s.Change(ctx, s.alice, target, subscription.Change{URL: s.url, Every: 6 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		if got := s.state(c); got.Every != 6*time.Hour || !got.DueAt.Equal(checked.Add(6*time.Hour)) || got.ETag == "" {
			t.Errorf("another pace: %+v", got)
		}
		if err := s.Change(ctx, s.alice, target, subscription.Change{URL: s.url, Every: time.Second}); err != nil || s.state(c).Every != subscription.Often {
			t.Errorf("a pace that is too fast: %v, %v", err, s.state(c).Every)
		}
		var e *subscription.Error
		if err := s.Change(ctx, s.alice, target, subscription.Change{URL: "file:///etc/passwd"}); !errors.As(err, &e) || s.state(c).URL != s.url {
			t.Errorf("an address that is none: %v", err)
		}
		if err := s.Change(ctx, s.alice, target, subscription.Change{URL: s.url + "?x"}); err != nil {
			t.Fatal(err)
		}
		if got := s.state(c); got.URL != s.url+"?x" || got.ETag != "" || !got.DueAt.Equal(s.now) || !got.Checked.IsZero() {
			t.Errorf("another address: %+v", got)
		}
		if n, err := s.Round(ctx); err != nil || n != 1 {
			t.Errorf("Round = %d, %v", n, err)
		}
	})
}
