package calendar

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"kalends/ical/zone"
	"kalends/internal/obs"
	"kalends/storage"
)

// Rezoner is a worker that looks at its start whether the rules of time zones are others than those by which the database was computed,
// and moves what they move: the bounds and reminders of the objects that name such a zone, and the reminders of those whose times are read in
// the zone of a person. One server at a time does it, and the next goes on where one stopped.
type Rezoner struct {
	Service *Service
	Prints  func() map[string]string // of the zones as they are; nil for zone.Prints
	Page    int                      // objects looked at between two marks; 0 for 500
}

const (
	rezoneLease = "zones"
	rezoneFor   = 2 * time.Minute  // how long the lease is for, which each page renews
	rezoneAgain = 30 * time.Second // after which one that another server had is asked for again
	// Marks: how far it is, and to which rules.
	markOwner, markObject, markTarget = "zones_owner", "zones_object", "zones_target"
)

// Run does what is to be done and returns then, or when ctx ends. What goes wrong is logged and tried again.
func (r *Rezoner) Run(ctx context.Context) error {
	holder := rand.Text()
	log := r.Service.Log
	for ctx.Err() == nil {
		done := false
		obs.Guard(ctx, log, "time zones", func() {
			var err error
			if done, err = r.Round(ctx, holder); err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "time zones have changed: moving what they move", "err", err)
			}
		})
		if done {
			return nil
		}
		timer := time.NewTimer(rezoneAgain)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
	return nil
}

// Round does all that is to be done, unless another holder is at it. It reports whether nothing is left to do.
func (r *Rezoner) Round(ctx context.Context, holder string) (done bool, err error) {
	s := r.Service
	prints := r.Prints
	if prints == nil {
		prints = zone.Prints
	}
	now := prints()
	was, err := s.Store.ZonePrints(ctx)
	if err != nil {
		return false, err
	}
	if maps.Equal(was, now) {
		return true, nil
	}
	hold := func() (bool, error) {
		at := s.Now()
		return s.Store.Lease(ctx, rezoneLease, holder, at, at.Add(rezoneFor))
	}
	if held, err := hold(); err != nil || !held {
		return false, err
	}
	defer func() { // another server need not wait for it to end
		at := s.Now()
		if _, lerr := s.Store.Lease(context.WithoutCancel(ctx), rezoneLease, holder, at, at); lerr != nil && err == nil {
			s.Log.WarnContext(ctx, "lease of time zones", "err", lerr)
		}
	}()
	changed := map[string]bool{}
	for name, p := range was {
		if now[name] != "" && now[name] != p {
			changed[name] = true
		}
	}
	if len(changed) > 0 {
		if err := r.move(ctx, changed, target(now), hold); err != nil {
			return false, err
		}
	}
	if err := s.Store.PutZonePrints(ctx, now); err != nil {
		return false, err
	}
	for _, m := range []string{markTarget, markOwner, markObject} {
		if err := s.Store.SetMark(ctx, m, 0); err != nil {
			return false, err
		}
	}
	return true, nil
}

// target names rules by a number.
func target(prints map[string]string) int64 {
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(prints)) {
		h.Write([]byte(name + " " + prints[name] + "\n"))
	}
	return int64(binary.BigEndian.Uint64(h.Sum(nil)) >> 1)
}

// move goes through all objects and moves those that the zones that changed move.
func (r *Rezoner) move(ctx context.Context, changed map[string]bool, target int64, hold func() (bool, error)) error {
	s := r.Service
	page := r.Page
	if page <= 0 {
		page = 500
	}
	owner, object, err := r.start(ctx, target)
	if err != nil {
		return err
	}
	s.Log.InfoContext(ctx, "time zones have changed: moving what they move", "zones", len(changed), "version", zone.Version())
	looked, moved := 0, 0
	for {
		list, more, err := s.Store.ZonedObjects(ctx, owner, object, page)
		if err != nil {
			return err
		}
		for len(list) > 0 {
			n := 1
			for n < len(list) && n < replanPage && list[n].Owner == list[0].Owner {
				n++
			}
			ids := concerned(list[:n], changed)
			if len(ids) > 0 {
				m, err := s.replan(ctx, list[0].Owner, ids, true)
				if err != nil {
					return fmt.Errorf("objects of %d: %w", list[0].Owner, err)
				}
				looked, moved = looked+len(ids), moved+m
			}
			owner, object = list[n-1].Owner, list[n-1].Object
			list = list[n:]
		}
		for _, m := range []struct {
			name  string
			value int64
		}{{markObject, 0}, {markOwner, owner}, {markObject, object}} { // whoever dies between them leaves nothing out
			if err := s.Store.SetMark(ctx, m.name, m.value); err != nil {
				return err
			}
		}
		if !more {
			break
		}
		if held, err := hold(); err != nil {
			return err
		} else if !held {
			return fmt.Errorf("another server took over")
		}
	}
	s.Log.InfoContext(ctx, "time zones have changed: done", slog.Int("objects", looked), slog.Int("moved", moved))
	return nil
}

// start returns behind which object to go on: the marks are good if they were set on the way to the same rules.
func (r *Rezoner) start(ctx context.Context, target int64) (owner, object int64, err error) {
	s := r.Service.Store
	was, err := s.Mark(ctx, markTarget)
	if err != nil {
		return 0, 0, err
	}
	if was == target {
		if owner, err = s.Mark(ctx, markOwner); err == nil {
			object, err = s.Mark(ctx, markObject)
		}
		return owner, object, err
	}
	for _, m := range []struct {
		name  string
		value int64
	}{{markOwner, 0}, {markObject, 0}, {markTarget, target}} {
		if err := s.SetMark(ctx, m.name, m.value); err != nil {
			return 0, 0, err
		}
	}
	return 0, 0, nil
}

// concerned returns the objects that zones which changed may move. Where times are floating it is the reminders: in whose zone they are
// is not asked before.
func concerned(list []storage.Zoned, changed map[string]bool) []int64 {
	var ids []int64
	for _, z := range list {
		named := false
		for name := range strings.FieldsSeq(z.Zones) {
			named = named || changed[name]
		}
		if named || z.Floating && z.Reminds {
			ids = append(ids, z.Object)
		}
	}
	return ids
}
