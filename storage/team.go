package storage

import "context"

// TeamReader finds meetings that somebody organizes in a calendar of somebody else's (see [Calendar].Team).
type TeamReader interface {
	// OrganizedIn returns whose home has the meeting with that UID that the organizer, a principal, planned in a team's calendar; 0
	// where there is none.
	OrganizedIn(ctx context.Context, organizer int64, uid string) (int64, error)
}

// TeamTx changes it.
type TeamTx interface {
	// SetOrganized notes whose home has it; 0 forgets it. The organizer's home must be locked.
	SetOrganized(ctx context.Context, organizer int64, uid string, home int64) error
}
