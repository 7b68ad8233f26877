package mailer

import (
	"context"
	"log/slog"
	"time"

	"kalends/storage"
)

// How long is kept what mail leaves behind.
const (
	keepJobs    = 30 * 24 * time.Hour  // what was sent or failed
	keepInbound = 30 * 24 * time.Hour  // for audit, and to decide about
	keepMailed  = 400 * 24 * time.Hour // what people were told last, also of meetings once a year
	purgeEvery  = time.Hour
	purgeBatch  = 1000
)

// Janitor removes what mail leaves behind once it is old. Any number of servers may have one.
type Janitor struct {
	Queue storage.Queue
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger
}

// Run works until ctx ends.
func (j *Janitor) Run(ctx context.Context) error {
	now := j.Now
	if now == nil {
		now = time.Now
	}
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	var mailed time.Time // when last, because finding what is old there reads all of it
	for {
		at := now()
		old := time.Time{}
		if at.Sub(mailed) >= 24*time.Hour {
			mailed, old = at, at.Add(-keepMailed)
		}
		for ctx.Err() == nil {
			n, err := j.Queue.PurgeMail(ctx, at.Add(-keepJobs), at.Add(-keepInbound), old, purgeBatch)
			if err != nil {
				if ctx.Err() == nil {
					j.Log.WarnContext(ctx, "remove old mail", "err", err)
				}
				break
			}
			if n == 0 {
				break
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
