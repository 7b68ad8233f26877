package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"kalends/storage"
)

// Bounds of streams.
const (
	maxStreams    = 2000             // of one server
	maxOwnStreams = 8                // of one person
	streamLife    = time.Hour        // then the client comes back by itself
	beatEvery     = 15 * time.Second // keeps proxies from cutting a quiet stream
	pollEvery     = 500 * time.Millisecond
	sweepEvery    = 10 * time.Minute
	sweepBatch    = 1000
)

// hub tells streams that something changed in a home.
type hub struct {
	mu      sync.Mutex
	streams map[*watch]bool
	person  map[int64]int
	stopped chan struct{} // closed when the server stops
}

// watch is one stream.
type watch struct {
	who    int64
	owners []int64
	seqs   map[int64]int64
	wake   chan struct{} // of capacity 1
}

func (b *hub) init() {
	b.streams, b.person, b.stopped = map[*watch]bool{}, map[int64]int{}, make(chan struct{})
}

// add admits a stream, or says why not.
func (b *hub) add(w *watch) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.streams) >= maxStreams || b.person[w.who] >= maxOwnStreams {
		return &refusal{problem: tooManyOpen, detail: fmt.Sprintf("at most %d streams can be open for one person", maxOwnStreams), retry: retryLater}
	}
	b.streams[w] = true
	b.person[w.who]++
	return nil
}

func (b *hub) remove(w *watch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.streams, w)
	if b.person[w.who]--; b.person[w.who] <= 0 {
		delete(b.person, w.who)
	}
}

// owners are the homes that somebody watches.
func (b *hub) owners() []int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []int64
	seen := map[int64]bool{}
	for w := range b.streams {
		for _, o := range w.owners {
			if !seen[o] {
				seen[o] = true
				list = append(list, o)
			}
		}
	}
	return list
}

// tell wakes the streams whose homes have another counter than before.
func (b *hub) tell(seqs map[int64]int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for w := range b.streams {
		news := false
		for _, o := range w.owners {
			if seq, ok := seqs[o]; ok && w.seqs[o] != seq {
				w.seqs[o], news = seq, true
			}
		}
		if news {
			w.ring()
		}
	}
}

// ring wakes the stream.
func (w *watch) ring() {
	select {
	case w.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// forget has the next look at the homes of a stream wake it.
func (b *hub) forget(w *watch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(w.seqs)
}

// Run looks for changes on behalf of all streams, with one statement for all of them, so that a change by another server is told as
// one of this server is; and removes old requests and tokens. It ends the streams when ctx ends.
func (h *Handler) Run(ctx context.Context) error {
	h.once.Do(h.init)
	defer close(h.hub.stopped)
	every := h.Poll
	if every <= 0 {
		every = pollEvery
	}
	poll := time.NewTicker(every)
	defer poll.Stop()
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sweep.C:
			h.sweep(ctx)
		case <-poll.C:
			owners := h.hub.owners()
			if len(owners) == 0 {
				continue
			}
			seqs, err := h.Store.HomeSeqs(ctx, owners)
			if err != nil {
				if ctx.Err() == nil {
					h.Log.WarnContext(ctx, "look for changes", "err", err)
				}
				continue
			}
			h.hub.tell(seqs)
		}
	}
}

// keepTokens is how long an expired token is still listed.
const keepTokens = 30 * 24 * time.Hour

func (h *Handler) sweep(ctx context.Context) {
	now := h.Now()
	for ctx.Err() == nil {
		n, err := h.Store.PurgeAPI(ctx, now.Add(-keepRequests), now.Add(-keepTokens), sweepBatch)
		if err != nil {
			h.Log.WarnContext(ctx, "remove old requests and tokens", "err", err)
		}
		if err != nil || n < sweepBatch {
			return
		}
	}
}

// stream registers /changes/stream.
func (h *Handler) stream(a huma.API, op huma.Operation) {
	op.Responses["200"] = &huma.Response{
		Description: "A stream that does not end by itself.",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{
			Type: huma.TypeString, Description: "Events changes and sync-again; the data of the first is a ChangePage.",
		}}},
	}
	register(h, a, op, func(ctx context.Context, q *caller, in *struct {
		Since    string   `query:"since" doc:"since of an answer before." maxLength:"40000"`
		Last     string   `header:"Last-Event-ID" doc:"id of the last event that was received." maxLength:"40000"`
		Calendar []string `query:"calendar" nullable:"false" doc:"Ids or slugs of calendars, separated by commas; without it all of one's own." maxItems:"50"`
	}) (*huma.StreamResponse, error) {
		s := &stream{h: h, q: q, calendars: in.Calendar, since: "now"}
		for _, since := range []string{in.Since, in.Last} {
			if since != "" {
				s.since = since
			}
		}
		if err := s.open(ctx); err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			defer h.hub.remove(s.watch)
			_, w := humago.Unwrap(hc)
			s.run(hc.Context(), w)
		}}, nil
	})
}

type stream struct {
	h         *Handler
	q         *caller
	calendars []string
	since     string
	watch     *watch
	first     *ChangePage
	stale     bool // the client must begin anew
}

// open reads what the stream begins with, so that what is wrong with the request is told with a status.
func (s *stream) open(ctx context.Context) error {
	groups, err := s.h.named(ctx, s.q, s.calendars)
	if err != nil {
		return err
	}
	s.watch = &watch{who: s.q.who.ID, seqs: map[int64]int64{}, wake: make(chan struct{}, 1)}
	for _, g := range groups {
		s.watch.owners = append(s.watch.owners, g.Owner.ID)
	}
	// The counters come first: what changes from here on wakes the stream.
	if s.watch.seqs, err = s.h.Store.HomeSeqs(ctx, s.watch.owners); err != nil {
		return err
	}
	if s.first, err = s.h.changePage(ctx, s.q, s.since, s.calendars, maxPage); isSyncAgain(err) {
		s.stale, err = true, nil
	}
	if err != nil {
		return err
	}
	return s.h.hub.add(s.watch)
}

// run writes events until the client goes, its time is over, or the server stops.
func (s *stream) run(ctx context.Context, w http.ResponseWriter) {
	// The bound on computing does not hold for waiting; a client that has gone ends the stream, else the next beat notices.
	alive, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() {
		if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			stop()
		}
	})()
	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("X-Accel-Buffering", "no") // nginx would keep events back
	w.WriteHeader(http.StatusOK)
	out := &events{w: w, rc: http.NewResponseController(w)}
	if s.stale {
		out.send("sync-again", "", nil)
		return
	}
	out.raw("retry: 2000\n\n")
	out.page(s.first)
	s.since = s.first.Since
	if s.first.More {
		s.watch.ring()
	}
	beat, end, look := time.NewTicker(beatEvery), time.NewTimer(streamLife), time.NewTicker(stillEvery)
	defer beat.Stop()
	defer end.Stop()
	defer look.Stop()
	for out.err == nil {
		select {
		case <-alive.Done():
			return
		case <-s.h.hub.stopped:
			return
		case <-end.C:
			return
		case <-beat.C:
			out.raw(": still here\n\n")
		case <-look.C:
			if s.q.still(alive) != nil {
				return
			}
		case <-s.watch.wake:
			if !s.catchUp(alive, out) {
				return
			}
		}
	}
}

// catchUp writes what changed since the last event. It reports false when the stream is to end.
func (s *stream) catchUp(ctx context.Context, out *events) bool {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for out.err == nil {
		page, err := s.h.changePage(ctx, s.q, s.since, s.calendars, maxPage)
		if isSyncAgain(err) {
			out.send("sync-again", "", nil)
			return false
		}
		if errors.Is(err, storage.ErrUnavailable) {
			s.h.hub.forget(s.watch) // it is woken again at the next look
			return true
		}
		if err != nil {
			s.h.Log.WarnContext(ctx, "stream of changes", "err", err)
			return false
		}
		if len(page.Changes) > 0 || page.Since != s.since && page.More {
			out.page(page)
		}
		s.since = page.Since
		if !page.More {
			return true
		}
	}
	return false
}

// events writes server-sent events. After an error it does nothing.
type events struct {
	w   io.Writer
	rc  *http.ResponseController
	err error
}

func (e *events) raw(text string) {
	if e.err != nil {
		return
	}
	if _, e.err = io.WriteString(e.w, text); e.err == nil {
		e.err = e.rc.Flush()
	}
}

func (e *events) send(event, id string, data []byte) {
	text := "event: " + event + "\n"
	if id != "" {
		text += "id: " + id + "\n"
	}
	e.raw(text + "data: " + string(data) + "\n\n") // JSON in one line, and nothing else in it ends one
}

func (e *events) page(p *ChangePage) {
	data, err := json.Marshal(p)
	if err != nil {
		e.err = err
		return
	}
	e.send("changes", p.Since, data)
}
