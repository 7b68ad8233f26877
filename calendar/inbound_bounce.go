package calendar

import (
	"context"
	"errors"
	"fmt"

	"kalends/scheduling/itip"
	"kalends/storage"
)

// BouncedMail notes that the invitation to the attendee of a reply address came back: SCHEDULE-STATUS on the meeting. It says so in one sentence.
func (s *Service) BouncedMail(ctx context.Context, owner, object int64, isFor func(string) bool, status string) (string, error) {
	outcome := ""
	err := s.update(ctx, owner, &people{}, func(u *unit) error {
		outcome = "a bounce about a meeting that is gone"
		o, err := u.tx.ObjectByID(ctx, owner, object)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("object: %w", err)
		}
		cal, err := parseStored(o)
		if err != nil {
			return err
		}
		changed := false
		for _, a := range addressesIn(cal) {
			if isFor(a) {
				changed = itip.SetStatus(cal, a, status, u.people.same) || changed
			}
		}
		outcome = "a bounce that says nothing new"
		if !changed {
			return nil
		}
		outcome = "a bounce; the attendee is marked " + status
		who, err := u.tx.PrincipalByID(ctx, owner)
		if err != nil {
			return fmt.Errorf("principal: %w", err)
		}
		home, err := u.home(ctx, owner)
		if err != nil {
			return err
		}
		return u.storeCopy(ctx, who, home, o.UID, o.Component, itip.Message{}, o, itip.Result{Copy: cal, Changed: true})
	})
	if errors.Is(err, storage.ErrNotFound) {
		return "a bounce for a calendar that is gone", nil
	}
	return outcome, err
}
