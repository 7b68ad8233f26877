package web

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"iter"
	"net/http"
	"slices"
	"sync"

	"kalends/calendar"
	"kalends/ical/stream"
	"kalends/internal/vdir"
	"kalends/storage"
)

// Bounds of an import on the pages. What is larger is for the command.
const (
	maxUploads  = 1000     // files of one form
	maxSkips    = 100      // told one by one
	unpackTimes = 10       // so many times the size of an upload, all files of an archive may have unpacked
	maxDrained  = 64 << 20 // octets of an upload that is too large, read so that the browser hears the answer
)

// importDesk bounds what imports hold in memory: each person has one at a time, and only some are under way.
type importDesk struct {
	mu   sync.Mutex
	here map[int64]bool
	turn chan struct{} // held while files are unpacked and stored
}

const (
	mostImporters = 16 // who upload or wait
	importTurns   = 2  // whose files are read
)

// enter reports whether somebody may import now; then leave must follow.
func (d *importDesk) enter(who int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.here == nil {
		d.here, d.turn = map[int64]bool{}, make(chan struct{}, importTurns)
	}
	if d.here[who] || len(d.here) >= mostImporters {
		return false
	}
	d.here[who] = true
	return true
}

func (d *importDesk) leave(who int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.here, who)
}

type importView struct {
	base
	Calendars []option
	NewName   string
	NewColor  string
	Most      string // size of an upload
	Problem   string
	Wrong     map[string]string
	Result    *importResult
}

// importResult is what became of an import.
type importResult struct {
	Calendar string // name
	ID       string // of its page; "" where it has none
	Made     bool   // it is new

	New, Changed, Same, Newer, Skipped int

	Skips   []importSkip // the first of those skipped
	More    int          // skipped ones that are not told
	Stopped string       // why it ended before the end; "" where it did not
}

// importSkip is something that was left out.
type importSkip struct {
	File   string
	Line   int    // 0 where it is not known
	Title  string // of the event, or its UID
	Why    string
	Detail string // English, for who mends files; "" for none
}

func (r *importResult) skip(s importSkip) {
	r.Skipped++
	if len(r.Skips) >= maxSkips {
		r.More++
		return
	}
	s.File, s.Title, s.Detail = plainLine(s.File, 200), plainLine(s.Title, 100), plainLine(s.Detail, 300)
	r.Skips = append(r.Skips, s)
}

// importPage shows the form that brings calendars in.
func (h *Handler) importPage(v *visit) error {
	return v.showImport(http.StatusOK, &importView{}, v.r.URL.Query().Get("into"))
}

// newCalendar stands for one that is to be made, in the list of calendars.
const newCalendar = "new"

// showImport completes a page and answers with it. into is the calendar that is chosen.
func (v *visit) showImport(status int, p *importView, into string) error {
	list, err := v.importTargets(v.r.Context())
	if err != nil && p.Result == nil {
		return err // with a result, it is told all the same
	}
	p.base = v.base(v.t("Import"))
	p.Section = "calendars"
	p.NewColor = cmp.Or(p.NewColor, palette[2])
	p.Most = sizeText(v.Calendar.Limit().AttachmentSize)
	for _, t := range list {
		p.Calendars = append(p.Calendars, option{t.id, t.name, t.id == into || into == "" && t.row.Slug == "calendar"})
	}
	p.Calendars = append(p.Calendars, option{newCalendar, v.t("a new calendar"), into == newCalendar})
	return v.render(status, "import", p)
}

// importTarget is a calendar that objects can be brought into.
type importTarget struct {
	id, name string
	row      *storage.Calendar
}

// importTargets lists the own calendars that people fill, those for tasks too.
func (v *visit) importTargets(ctx context.Context) ([]importTarget, error) {
	own, err := v.editor.Visit(ctx, v.who, v.who.ID)
	if err != nil {
		return nil, err
	}
	var list []importTarget
	for _, c := range own.Home {
		if c.Kind != storage.CalendarKind || c.Subscribed {
			continue
		}
		name := cmp.Or(c.DisplayName, c.Slug)
		if c.DisplayName == "" && c.Slug == "calendar" {
			name = v.t("Calendar")
		}
		list = append(list, importTarget{calendarID(c), name, c})
	}
	return list, nil
}

// importFiles brings what is in files into a calendar. The form is read as it comes; what shows that it is from a page of ours stands first.
func (h *Handler) importFiles(w http.ResponseWriter, r *http.Request) {
	h.reading(w, r, (*visit).runImport)
}

// busyImport is said to who comes while too many import, or does it twice at once.
var busyImport = &problem{http.StatusServiceUnavailable, "Another import is under way. Please wait until it has ended, and try again."}

func (v *visit) runImport() error {
	ctx := v.r.Context()
	if err := v.origin.Check(v.r); err != nil {
		return foreignForm
	}
	if !v.imports.enter(v.who.ID) {
		v.w.Header().Set("Retry-After", "30")
		return busyImport
	}
	defer v.imports.leave(v.who.ID)
	u, err := v.readUpload()
	into := ""
	if u != nil {
		into = u.fields["into"]
	}
	p := &importView{}
	refuse := func(status int, text string) error {
		p.Problem = text
		p.NewName, p.NewColor = clipTo(u.fields["name"], 300), u.fields["color"]
		return v.showImport(status, p, into)
	}
	switch {
	case errors.Is(err, errLargeUpload):
		return refuse(http.StatusRequestEntityTooLarge, v.lang.T("That is more than %s at once. Send a part of it, or ask who runs this server to bring it in: “kalends import” takes larger ones.", sizeText(v.Calendar.Limit().AttachmentSize)))
	case errors.Is(err, errManyUploads):
		return refuse(http.StatusRequestEntityTooLarge, v.lang.T("That is more than %d files at once. Put them into a zip archive.", maxUploads))
	case err != nil:
		return err
	case !colorForm.MatchString(u.fields["color"]):
		u.fields["color"] = ""
	}
	list, err := v.importTargets(ctx)
	if err != nil {
		return err
	}
	name := plainLine(u.fields["name"], 200)
	b := &bringer{visit: v, upload: u, result: &importResult{}, seen: map[string]*given{}, home: list, attached: map[string]vdir.File{}}
	switch {
	case into != newCalendar:
		i := slices.IndexFunc(list, func(t importTarget) bool { return t.id == into })
		if i < 0 {
			return notThere
		}
		b.into = &list[i]
	case name == "":
		p.Wrong = map[string]string{"name": v.t("A calendar needs a name.")}
		return refuse(http.StatusUnprocessableEntity, "")
	case slices.ContainsFunc(list, func(t importTarget) bool { return t.name == name }):
		p.Wrong = map[string]string{"name": v.t("You have a calendar of this name. Choose it above, or type another name.")}
		return refuse(http.StatusUnprocessableEntity, "")
	default:
		b.newName = name
	}
	if len(u.files) == 0 {
		return refuse(http.StatusUnprocessableEntity, v.t("Please choose a file."))
	}
	select {
	case v.imports.turn <- struct{}{}:
		defer func() { <-v.imports.turn }()
	case <-ctx.Done():
		return busyImport
	}
	status := http.StatusOK
	if err := b.run(ctx); err != nil {
		e, known := explain(ctx, err)
		if !known {
			v.Log.ErrorContext(ctx, "import on the pages", "owner", v.who.ID, "err", err)
		}
		status, b.result.Stopped = e.status, v.t(e.text)
	}
	r := b.result
	p.Result = r
	some := r.New+r.Changed+r.Same+r.Newer > 0
	if status == http.StatusOK && !some {
		status = http.StatusUnprocessableEntity
	}
	if b.into == nil {
		p.NewName, p.NewColor = name, u.fields["color"]
	} else if into = b.into.id; some {
		r.Calendar = b.into.name
		if takesEvents(b.into.row) {
			r.ID = b.into.id
		}
	}
	return v.showImport(status, p, into)
}

func takesEvents(c *storage.Calendar) bool {
	return len(c.Components) == 0 || slices.Contains(c.Components, "VEVENT")
}

// given is what a UID stood for first.
type given struct {
	file    string
	sum     [sha256.Size]byte
	refused bool
}

// part is where an object is from.
type part struct {
	file   string
	object *stream.Object
}

// bringer brings an upload into a calendar.
type bringer struct {
	*visit
	upload  *upload
	home    []importTarget
	into    *importTarget // nil for one that is not made yet
	newName string
	result  *importResult
	seen    map[string]*given // by UID
	again   []calendar.ImportObject

	attached map[string]vdir.File // files of events in the archives so far, by MANAGED-ID
	left     int64                // octets that may still be unpacked
}

// run puts what is in the files into the calendar, which is made once there is something for it, and goes again when all was refused.
func (b *bringer) run(ctx context.Context) error {
	next, stop := iter.Pull(b.objects())
	defer stop()
	first, ok := next()
	if !ok {
		return nil
	}
	if b.into == nil {
		if err := b.make(ctx); err != nil {
			return err
		}
	}
	err := b.put(ctx, func(yield func(calendar.ImportObject, error) bool) {
		for o, ok := first, true; ok; o, ok = next() {
			if !yield(o, nil) {
				return
			}
		}
	})
	if err == nil {
		err = b.put(ctx, b.second)
	}
	if r := b.result; r.Made && r.New == 0 {
		r.Made = false
		t := calendar.Target{Owner: b.who, Slug: b.into.row.Slug}
		b.into = nil
		err = errors.Join(err, b.Calendar.DeleteCalendar(context.WithoutCancel(ctx), b.who, t, nil))
	}
	return err
}

// make makes the new calendar.
func (b *bringer) make(ctx context.Context) error {
	own, err := b.editor.Visit(ctx, b.who, b.who.ID)
	if err != nil {
		return err
	}
	t := calendar.Target{Owner: b.who, Slug: calendar.FreeSlug(own.Home, b.newName, "imported")}
	err = b.Calendar.MakeCalendar(ctx, b.who, t, calendar.Edit{Live: func(c *storage.Calendar) error {
		c.DisplayName, c.Color = b.newName, b.upload.fields["color"]
		return nil
	}})
	if err != nil {
		return err
	}
	row, err := b.Calendar.Collection(ctx, b.who, t)
	if err != nil {
		return err
	}
	b.into, b.result.Made = &importTarget{calendarID(row), b.newName, row}, true
	return nil
}

// put hands objects to the calendar's service and counts what became of them.
func (b *bringer) put(ctx context.Context, objects iter.Seq2[calendar.ImportObject, error]) error {
	_, err := b.Calendar.Import(ctx, calendar.Import{
		Who: b.who, Target: calendar.Target{Owner: b.who, Slug: b.into.row.Slug}, Objects: objects,
		Files: b.file, Lost: b.lost, Base: b.site(),
		Report: func(i calendar.Imported) {
			r := b.result
			switch i.Outcome {
			case calendar.ImportCreated:
				r.New++
			case calendar.ImportUpdated:
				r.Changed++
			case calendar.ImportUnchanged:
				r.Same++
			case calendar.ImportOlder:
				r.Newer++
			default:
				b.refused(ctx, i)
			}
		},
	})
	return err
}

// refused tells of an object that the calendar did not take.
func (b *bringer) refused(ctx context.Context, i calendar.Imported) {
	from, ok := i.From.(part)
	if !ok {
		return
	}
	if g := b.seen[from.object.UID]; g != nil {
		g.refused = true
	}
	s := importSkip{File: from.file, Line: from.object.Line, Title: titleIn(i.Text, from.object.UID)}
	kind := calendar.KindOf(i.Err)
	if kind == calendar.Internal {
		b.Log.ErrorContext(ctx, "import of an object", "owner", b.who.ID, "err", i.Err)
		s.Why = b.t(laterText)
		b.result.skip(s)
		return
	}
	line, detail := i.Reason()
	if line > 0 {
		s.Line = from.object.StreamLine(line)
	}
	if text, ok := importWords[kind]; ok {
		s.Why, s.Detail = b.t(text), detail
	} else {
		s.Why = b.t(kinds[kind].text)
	}
	if kind == calendar.UnsupportedComponent {
		for _, t := range b.home {
			if slices.Contains(t.row.Components, from.object.Component) {
				s.Why, s.Detail = b.lang.T("This calendar does not take this kind. Send the file again for the calendar “%s”.", t.name), ""
			}
		}
	}
	b.result.skip(s)
}

// importWords say what to do about an object that was refused; of other kinds, what the pages say everywhere is enough.
var importWords = map[calendar.Kind]string{
	calendar.BadRequest:           "It is not written as calendars are. Save it again in the program it is from, and send that file.",
	calendar.UnsupportedData:      "It is not written as calendars are. Save it again in the program it is from, and send that file.",
	calendar.InvalidData:          "It is not written as calendars are. Save it again in the program it is from, and send that file.",
	calendar.InvalidObject:        "Something in it contradicts itself. Mend it in the program it is from, and send the file again.",
	calendar.UnsupportedComponent: "This calendar does not take this kind. Send the file again for another calendar.",
	calendar.TooLarge:             "It is too large for one event. Take pictures and files out of it, and send the file again.",
	calendar.QuotaExceeded:        "There is no room left. Delete something, and send the same file again: it goes on where it ended.",
}
