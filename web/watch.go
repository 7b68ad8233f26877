package web

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"kalends/storage"
)

// How much is kept for the pages of administrators: a day, in steps, and the last lines of the log that matter.
const (
	watchEvery = 5 * time.Minute
	watchMost  = 288
	maxLines   = 200
)

// Watch looks at the server for administrators: how much waits, and what it logged as wrong. It keeps what it sees in memory, of this
// server alone; who runs several watches them by their metrics. It is a worker. It must not be copied after first use.
type Watch struct {
	Store storage.Store
	Now   func() time.Time // nil: time.Now

	mu      sync.Mutex
	samples []sample
	lines   []logLine
	wrong   int // lines since the last sample
}

// sample is what was seen at a time.
type sample struct {
	at                      time.Time
	waiting, overdue, wrong int64
}

// logLine is a line of the log.
type logLine struct {
	At    time.Time
	Level string
	Text  string
}

func (w *Watch) now() time.Time {
	if w.Now == nil {
		return time.Now()
	}
	return w.Now()
}

// Run looks until ctx ends.
func (w *Watch) Run(ctx context.Context) error {
	timer := time.NewTicker(watchEvery)
	defer timer.Stop()
	for {
		w.Look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
	}
}

// Look takes one look. Where the database does not answer, it is left out.
func (w *Watch) Look(ctx context.Context) {
	depths, err := w.Store.QueueDepths(ctx, w.now())
	if err != nil {
		return
	}
	s := sample{at: w.now(), overdue: depths.Overdue}
	for _, d := range depths.Jobs {
		s.waiting += d.Count
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s.wrong, w.wrong = int64(w.wrong), 0
	w.samples = append(w.samples, s)
	if len(w.samples) > watchMost {
		w.samples = slices.Delete(w.samples, 0, len(w.samples)-watchMost)
	}
}

// Logger returns a logger that does what log does, and has Watch remember warnings and errors.
func (w *Watch) Logger(log *slog.Logger) *slog.Logger {
	return slog.New(remember{log.Handler(), w})
}

type remember struct {
	slog.Handler
	w *Watch
}

// Enabled implements [slog.Handler].
func (r remember) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || r.Handler.Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (r remember) Handle(ctx context.Context, rec slog.Record) error {
	if rec.Level >= slog.LevelWarn {
		var b strings.Builder
		b.WriteString(rec.Message)
		rec.Attrs(func(a slog.Attr) bool {
			fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
			return b.Len() < 500
		})
		text := b.String()
		if len(text) > 500 {
			text = strings.ToValidUTF8(text[:500], "") + "…"
		}
		r.w.mu.Lock()
		r.w.wrong++
		r.w.lines = append(r.w.lines, logLine{rec.Time, rec.Level.String(), text})
		if len(r.w.lines) > maxLines {
			r.w.lines = slices.Delete(r.w.lines, 0, len(r.w.lines)-maxLines)
		}
		r.w.mu.Unlock()
	}
	if !r.Handler.Enabled(ctx, rec.Level) {
		return nil
	}
	return r.Handler.Handle(ctx, rec)
}

// WithAttrs implements [slog.Handler].
func (r remember) WithAttrs(attrs []slog.Attr) slog.Handler {
	return remember{r.Handler.WithAttrs(attrs), r.w}
}

// WithGroup implements [slog.Handler].
func (r remember) WithGroup(name string) slog.Handler {
	return remember{r.Handler.WithGroup(name), r.w}
}

// seen returns the samples and the lines, the latest line first.
func (w *Watch) seen() ([]sample, []logLine) {
	if w == nil {
		return nil, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := slices.Clone(w.lines)
	slices.Reverse(lines)
	return slices.Clone(w.samples), lines
}

// plot is a curve of the last hours.
type plot struct {
	Name      string
	Line      string // points of an SVG polyline in a box of 600 by 100
	Area      string
	Most, Now int64
	From, To  string
}

// plotOf draws a curve. Between two samples that are far apart, because the server was down, the line goes straight.
func plotOf(name string, list []sample, value func(sample) int64) plot {
	p := plot{Name: name}
	for _, s := range list {
		p.Most = max(p.Most, value(s))
	}
	if len(list) == 0 {
		return p
	}
	first, last := list[0].at, list[len(list)-1].at
	span := max(last.Sub(first), watchEvery)
	var b strings.Builder
	for _, s := range list {
		x := 600 * float64(s.at.Sub(first)) / float64(span)
		y := 96 - 90*float64(value(s))/float64(max(p.Most, 1))
		fmt.Fprintf(&b, "%.1f,%.1f ", x, y)
	}
	p.Line = strings.TrimSpace(b.String())
	end := 600 * float64(last.Sub(first)) / float64(span)
	p.Area = fmt.Sprintf("0,96 %s %.1f,96", p.Line, end)
	p.Now = value(list[len(list)-1])
	return p
}
