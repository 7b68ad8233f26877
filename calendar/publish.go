package calendar

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"kalends/auth"
	"kalends/storage"
)

// maxFeeds bounds the feeds of one calendar.
const maxFeeds = 100

var tokenText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// feedTokenBytes make 32 letters and digits, which nobody guesses.
const feedTokenBytes = 20

// FeedHash is under what the feed of a token is found. It tells nothing about the token.
func FeedHash(token string) string {
	sum := sha256.Sum256([]byte("feed\x00" + token))
	return hex.EncodeToString(sum[:])
}

// FeedID names a feed to its owner.
func FeedID(f *storage.Feed) string { return f.Hash[:min(len(f.Hash), 10)] }

// Publish lets whoever knows the token that it returns read a calendar; with busy only when its owner is busy. The token is told
// only now. It takes the right to give others rights.
func (s *Service) Publish(ctx context.Context, who *storage.Principal, t Target, busy bool, label string) (token string, f *storage.Feed, err error) {
	var secret [feedTokenBytes]byte
	rand.Read(secret[:])
	token = tokenText.EncodeToString(secret[:])
	if len(label) > 200 {
		return "", nil, Errorf(BadRequest, "a label is at most 200 octets long")
	}
	err = s.inFeeds(ctx, who, t, func(u *unit, c *storage.Calendar) error {
		list, err := u.tx.Feeds(ctx, c.Owner, c.ID)
		if err != nil {
			return err
		}
		if len(list) >= maxFeeds {
			return Errorf(QuotaExceeded, "a calendar has at most %d feeds; revoke one first", maxFeeds)
		}
		f = &storage.Feed{Hash: FeedHash(token), Owner: c.Owner, Calendar: c.ID, Busy: busy, Label: label, Created: u.now}
		return u.tx.PutFeed(ctx, f)
	})
	if err != nil {
		return "", nil, err
	}
	return token, f, nil
}

// Feeds returns the feeds of a calendar to who may publish it.
func (s *Service) Feeds(ctx context.Context, who *storage.Principal, t Target) ([]*storage.Feed, error) {
	c, err := collection(ctx, s.Store, t)
	if err != nil {
		return nil, err
	}
	if err := allow(ctx, s.Store, who, t, c, auth.WriteACL); err != nil {
		return nil, err
	}
	return s.Store.Feeds(ctx, c.Owner, c.ID)
}

// Unpublish ends a feed: id is its FeedID, its token, or the address with the token in it.
func (s *Service) Unpublish(ctx context.Context, who *storage.Principal, t Target, id string) error {
	id = strings.TrimSpace(id)
	last := id[strings.LastIndexByte(id, '/')+1:]
	hash := FeedHash(strings.TrimSuffix(last, ".ics"))
	return s.inFeeds(ctx, who, t, func(u *unit, c *storage.Calendar) error {
		list, err := u.tx.Feeds(ctx, c.Owner, c.ID)
		if err != nil {
			return err
		}
		for _, f := range list {
			if f.Hash == hash || id != "" && FeedID(f) == id {
				return u.tx.DeleteFeed(ctx, f.Owner, f.Hash)
			}
		}
		return Errorf(NotFound, "the calendar %q has no such feed", c.Slug)
	})
}

func (s *Service) inFeeds(ctx context.Context, who *storage.Principal, t Target, fn func(*unit, *storage.Calendar) error) error {
	if err := s.early(ctx, who, t, false, auth.WriteACL); err != nil {
		return err
	}
	return s.update(ctx, t.Owner.ID, &people{}, func(u *unit) error {
		c, err := collection(ctx, u.tx, t)
		if err != nil {
			return err
		}
		if err := allow(ctx, u.tx, who, t, c, auth.WriteACL); err != nil {
			return err
		}
		if c.Kind != storage.CalendarKind {
			return Errorf(Forbidden, "the %s is not published", c.Kind)
		}
		return fn(u, c)
	})
}

// Published returns the feed with that token, its calendar and its owner. NotFound, for whatever reason.
func (s *Service) Published(ctx context.Context, token string) (f *storage.Feed, c *storage.Calendar, owner *storage.Principal, err error) {
	none := Errorf(NotFound, "there is no such feed")
	if len(token) != tokenText.EncodedLen(feedTokenBytes) {
		return nil, nil, nil, none
	}
	err = s.Store.View(ctx, func(r storage.Reader) error {
		if f, err = r.FeedByHash(ctx, FeedHash(token)); err != nil {
			return err
		}
		if owner, err = r.PrincipalByID(ctx, f.Owner); err != nil {
			return err
		}
		home, err := r.Calendars(ctx, f.Owner)
		if err != nil {
			return err
		}
		for _, c = range home {
			if c.ID == f.Calendar && c.Kind == storage.CalendarKind {
				return nil
			}
		}
		return storage.ErrNotFound
	})
	if KindOf(err) == NotFound {
		return nil, nil, nil, none
	}
	return f, c, owner, err
}

// FreeSlug makes a slug of a calendar's name that no collection of a home has; otherwise is used where nothing of the name can be.
func FreeSlug(home []*storage.Calendar, name, otherwise string) string {
	base := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == '-' || r == '_' || r == ' ' || r == '.':
			return '-'
		}
		return -1
	}, name), "-")
	if base = base[:min(len(base), 40)]; base == "" {
		base = otherwise
	}
	for n, slug := 2, base; ; n++ {
		if !slices.ContainsFunc(home, func(c *storage.Calendar) bool { return c.Slug == slug }) {
			return slug
		}
		slug = base + "-" + strconv.Itoa(n)
	}
}
