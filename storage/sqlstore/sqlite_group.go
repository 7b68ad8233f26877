package sqlstore

import (
	"context"
	"errors"
	"time"

	"kalends/storage"
)

// A commitGroup is transactions of one SQLite file that are committed together: who ends one while others wait for the writer leaves
// it open to the next, which begins a savepoint in it, and the last commits for all. So what costs most of a small transaction, the wait for
// the disk and the pages that each of them changes, is paid once. Nobody is told that their transaction is committed, or that it
// was refused for what another of the group wrote, before the group is on disk.
type commitGroup struct {
	begun time.Time
	size  int
	done  chan struct{} // closed when committed or given up
	err   error         // then; of those that may be tried again the transactions left no trace
}

// Bounds of a group: nobody waits much longer for the others than for the disk.
const (
	maxGroup    = 32
	maxGroupAge = 5 * time.Millisecond
)

const (
	savepointText = `SAVEPOINT member`
	releaseText   = `RELEASE member`
	backText      = `ROLLBACK TO member`
)

func (s *liteSession) begin(ctx context.Context, st *stmt) error {
	if s.group != nil {
		if err := s.exec(savepointText); err != nil {
			return err
		}
		s.state = sharedTx
		return nil
	}
	if err := s.exec(st.sql); err != nil {
		return err
	}
	s.state = ownTx
	return nil
}

// commit commits, or where others wait leaves it to them.
func (s *liteSession) commit(context.Context) error {
	g := s.group
	if s.home != s.db.writer || s.db.writing.Load() == 0 || g != nil && (g.size >= maxGroup || time.Since(g.begun) > maxGroupAge) {
		if err := s.exec(commitText); err != nil {
			return err
		}
		s.state = noTx
		s.settle(nil)
		return nil
	}
	if s.state == sharedTx {
		if err := s.exec(releaseText); err != nil {
			return err
		}
	}
	if g == nil {
		g = &commitGroup{begun: time.Now(), done: make(chan struct{})}
		s.group = g
	}
	g.size++
	s.state, s.joined = noTx, g
	return nil
}

func (s *liteSession) rollback(context.Context) error {
	switch s.state {
	case ownTx:
		if err := s.exec(rollbackText); err != nil {
			return err
		}
	case sharedTx:
		if err := s.exec(backText); err != nil {
			return err
		}
		if err := s.exec(releaseText); err != nil {
			return err
		}
	}
	s.state = noTx
	return nil
}

// settle tells the group how its commit ended.
func (s *liteSession) settle(err error) {
	if g := s.group; g != nil {
		s.group = nil
		if g.err = err; err == nil {
			s.db.count.joined.Add(int64(g.size))
		}
		close(g.done)
	}
}

// flush commits for the group. Where that fails, nothing of it is there.
func (s *liteSession) flush() {
	if s.group == nil {
		return
	}
	err := s.exec(commitText)
	if err != nil {
		err = classify(context.Background(), err)
		if s.exec(rollbackText) != nil {
			s.state = ownTx // in doubt: the connection is not used again
		}
	}
	s.settle(err)
}

// errGroupLost tells members that their group's transaction is gone, by no fault of theirs.
var errGroupLost = &failure{kind: storage.ErrUnavailable, cause: errors.New("a transaction beside this one took it along"), retry: true}

// release gives the session back, and returns when what its user committed is on disk.
func (s *liteSession) release() error {
	joined := s.joined
	s.joined = nil
	if joined == nil && s.state == noTx {
		s.flush() // whoever waited for this user waits no longer
	}
	left := s.group != nil
	s.putBack()
	if joined == nil {
		return nil
	}
	if left {
		s.db.gather()
	}
	<-joined.done
	return joined.err
}

// putBack makes the session free. It is closed, which rolls back, where its transaction could not be ended.
func (s *liteSession) putBack() {
	if s.state != noTx {
		s.settle(errGroupLost)
		s.shut()
		s.home <- nil
		return
	}
	select {
	case <-s.db.closed:
		s.shut()
	default:
		s.home <- s
	}
}

// leave ends a wait for the writer.
func (l *lite) leave() {
	l.writing.Add(-1)
	l.gather()
}

// gather commits for a group that nobody is left to commit for: those for whom it waited gave up.
func (l *lite) gather() {
	if l.writing.Load() > 0 {
		return
	}
	select {
	case s := <-l.writer:
		if s == nil {
			l.writer <- nil
			return
		}
		s.flush()
		s.putBack()
	default: // in use; its user comes by here, or commits
	}
}
