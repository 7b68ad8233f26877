package main

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"kalends/calendar"
	"kalends/ical/stream"
	"kalends/internal/vdir"
	"kalends/scheduling"
	"kalends/storage"
)

// importCmd is `kalends import`.
type importCmd struct {
	Source         []string `arg:"" help:"Files (.ics, .zip), folders, - for standard input, or the https:// address of another CalDAV server."`
	User           string   `help:"Who gets it: name or mail address. Not needed where there is one person only." placeholder:"NAME"`
	Calendar       string   `help:"Slug of the calendar it goes to, which is made if it is not there. Without it, folders and the calendars of servers keep their names, and single files go to the usual calendar." placeholder:"SLUG"`
	Replace        bool     `help:"Also replace what is newer here."`
	RemoteUser     string   `help:"Name on the other server." placeholder:"NAME"`
	RemotePassword string   `help:"Password on the other server; - reads one line from standard input." env:"KALENDS_REMOTE_PASSWORD" placeholder:"TEXT"`
	State          string   `help:"File that notes what was taken from the other server, so that a second run goes on where the first ended (without it, one in your cache folder)." placeholder:"FILE"`
}

// Help implements kong.HelpProvider.
func (importCmd) Help() string {
	return `Nobody is sent anything. An event that is here already is replaced when the imported one is newer or different; nothing is removed, so an import can be repeated. ` +
		`What cannot be taken is reported with its file, its line and the reason, and left out.

Examples:

    kalends import --user alice holidays.ics
    kalends import --user alice ~/.calendars
    kalends import --user alice --calendar choir choir.zip
    kalends import --user alice https://cal.example.net/ --remote-user alice --remote-password -`
}

// collection is a calendar to import.
type collection struct {
	path        string // for messages
	slug        string // of the calendar that it wants; "" for the usual ones
	name, color string
	components  []string
	total       int // files in it; 0 where it is not known
	files       iter.Seq2[file, error]
	keep        func(file) // notes what was taken; nil for nowhere
	close       func()     // when all of it was; nil for nothing

	more     *vdir.Properties     // what else the calendar is set to; nil where nothing is said
	attached map[string]vdir.File // files of its events, by MANAGED-ID
}

// file is part of a collection: one object or many.
type file struct {
	path string // for messages
	name string // of what it is, if it is one object
	data []byte
	tag  string // entity tag at another server
}

// imported is where an object is from.
type imported struct {
	file   *file
	object *stream.Object
	left   *int // objects of the file that are not done
	bad    *bool
}

// Run imports.
func (c *importCmd) Run(p *program) error {
	if c.RemotePassword == "-" {
		var err error
		if c.RemotePassword, err = readPassword(p.in); err != nil {
			return err
		}
	}
	return onCalendars(p, func(s *calendars) error {
		owner, err := s.only(c.User)
		if err != nil {
			return err
		}
		im := &importRun{calendars: s, cmd: c, owner: owner, done: map[string]*calendar.ImportTotals{}, made: map[string]bool{}}
		im.tell = progress(p.err, "importing")
		for _, source := range c.Source {
			for coll, err := range im.collections(source) {
				if err == nil {
					err = im.one(coll)
				}
				if coll.close != nil {
					coll.close()
				}
				if err != nil {
					return fmt.Errorf("%s: %w%s", printable(coll.path), err, im.sofar())
				}
			}
		}
		return im.finish()
	})
}

// importRun is one run of the command.
type importRun struct {
	*calendars
	cmd   *importCmd
	owner *storage.Principal
	tell  func(done, total int)

	order    []string // slugs
	made     map[string]bool
	done     map[string]*calendar.ImportTotals
	count    int // objects done
	total    int // files known of
	problems int
}

// collections reads a source.
func (im *importRun) collections(source string) iter.Seq2[*collection, error] {
	switch lower := strings.ToLower(source); {
	case strings.HasPrefix(lower, "https://") || strings.HasPrefix(lower, "http://"):
		return im.remote(source)
	case source == "-":
		return im.input()
	case strings.HasSuffix(lower, ".zip"):
		return im.zip(source)
	}
	return im.disk(source)
}

// one imports a collection.
func (im *importRun) one(c *collection) error {
	home, err := im.store.Calendars(im.ctx, im.owner.ID)
	if err != nil {
		return err
	}
	slug := c.slug
	if im.cmd.Calendar != "" {
		slug = im.cmd.Calendar
	}
	var target *storage.Calendar
	for _, cal := range home {
		if slug != "" && cal.Slug == slug {
			target = cal
		}
	}
	switch {
	case slug == "":
	case target == nil:
		if target, err = im.make(slug, c); err != nil {
			return err
		}
	case c.slug == slug && isFresh(target):
		if err := im.dress(target, c); err != nil {
			return err
		}
	}
	if target == nil {
		if target = scheduling.DefaultCalendar(home, "VEVENT"); target == nil {
			return errors.New("there is no calendar for events; name one with --calendar")
		}
	}
	im.total += c.total
	rest := map[string][]calendar.ImportObject{} // of kinds that the calendar does not take, by kind
	var order []string
	objects := im.objects(c)
	err = im.into(target.Slug, func(yield func(calendar.ImportObject, error) bool) {
		for o, err := range objects {
			if from, ok := o.From.(imported); ok && im.cmd.Calendar == "" && !takes(target, from.object.Component) {
				kind := from.object.Component
				if other := scheduling.DefaultCalendar(home, kind); other != nil {
					if rest[kind] == nil {
						order = append(order, kind)
					}
					rest[kind] = append(rest[kind], o)
					continue
				}
			}
			if !yield(o, err) {
				return
			}
		}
	}, c)
	if err != nil {
		return err
	}
	for _, kind := range order {
		list := rest[kind]
		err := im.into(scheduling.DefaultCalendar(home, kind).Slug, func(yield func(calendar.ImportObject, error) bool) {
			for _, o := range list {
				if !yield(o, nil) {
					return
				}
			}
		}, c)
		if err != nil {
			return err
		}
	}
	return nil
}

// takes reports whether a calendar takes objects of that kind.
func takes(c *storage.Calendar, component string) bool {
	return len(c.Components) == 0 || strings.Contains(","+strings.Join(c.Components, ",")+",", ","+component+",")
}

// objects cuts the files of a collection.
func (im *importRun) objects(c *collection) iter.Seq2[calendar.ImportObject, error] {
	return func(yield func(calendar.ImportObject, error) bool) {
		for f, err := range c.files {
			if err != nil {
				yield(calendar.ImportObject{}, err)
				return
			}
			cal := stream.Split(f.data)
			for _, p := range cal.Problems {
				im.report(f.path, p.Line, p.UID, p.Msg)
			}
			left, bad := len(cal.Objects), len(cal.Problems) > 0
			for _, o := range cal.Objects {
				io := calendar.ImportObject{From: imported{&f, o, &left, &bad}}
				var whole bool
				if io.Text, whole = cal.Whole(); !whole {
					io.Text = o.Text()
				}
				if len(cal.Objects) == 1 {
					io.Name = f.name
				}
				if !yield(io, nil) {
					return
				}
			}
		}
	}
}

// into imports objects into a calendar.
func (im *importRun) into(slug string, objects iter.Seq2[calendar.ImportObject, error], c *collection) error {
	totals := im.done[slug]
	if totals == nil {
		totals = &calendar.ImportTotals{}
		im.done[slug] = totals
		im.order = append(im.order, slug)
	}
	_, err := im.service.Import(im.ctx, calendar.Import{
		Who: im.owner, Target: calendar.Target{Owner: im.owner, Slug: slug}, Objects: objects, Replace: im.cmd.Replace,
		Files: c.file, Lost: im.lost,
		Report: func(i calendar.Imported) {
			totals[i.Outcome]++
			im.count++
			im.tell(im.count, max(im.total, im.count))
			from := i.From.(imported)
			if i.Outcome == calendar.ImportRefused {
				*from.bad = true
				line, why := i.Reason()
				if line > 0 {
					line = from.object.StreamLine(line)
				} else {
					line = from.object.Line
				}
				im.report(from.file.path, line, from.object.UID, why)
			}
			if *from.left--; *from.left == 0 && !*from.bad && c.keep != nil {
				c.keep(*from.file)
			}
		},
	})
	return err
}

// maxReports is how many problems are told one by one.
const maxReports = 1000

// report tells of something that could not be taken.
func (im *importRun) report(path string, line int, uid, msg string) {
	if im.problems++; im.problems > maxReports {
		if im.problems == maxReports+1 {
			fmt.Fprintln(im.err, "… and more")
		}
		return
	}
	if uid != "" {
		uid = fmt.Sprintf(" (UID %.100s)", printable(uid))
	}
	fmt.Fprintf(im.err, "%s line %d%s: %s\n", printable(path), line, uid, printable(msg))
}

// finish says what was done.
func (im *importRun) finish() error {
	for _, slug := range im.order {
		if *im.done[slug] == (calendar.ImportTotals{}) && im.count > 0 && !im.made[slug] {
			continue // an empty one that is there
		}
		fmt.Fprintf(im.out, "%s/%s: %s.\n", im.owner.Name, printable(slug), show(im.done[slug]))
	}
	if len(im.order) == 0 {
		return errors.New("there is no calendar in it")
	}
	switch im.problems {
	case 0:
		return nil
	case 1:
		return errors.New("1 problem, as told above; everything else is imported")
	}
	return fmt.Errorf("%d problems, as told above; everything else is imported", im.problems)
}

// sofar says what was done before an error.
func (im *importRun) sofar() string {
	if im.count == 0 {
		return ""
	}
	return fmt.Sprintf("; %d events were dealt with before, so the same command again goes on", im.count)
}

func show(t *calendar.ImportTotals) string {
	list := []string{fmt.Sprintf("%d new", t[calendar.ImportCreated])}
	for _, x := range []struct {
		outcome calendar.ImportOutcome
		text    string
	}{
		{calendar.ImportUpdated, "replaced"}, {calendar.ImportUnchanged, "there already"}, {calendar.ImportOlder, "newer here and left alone"},
		{calendar.ImportRefused, "not taken"},
	} {
		if n := t[x.outcome]; n > 0 {
			list = append(list, fmt.Sprintf("%d %s", n, x.text))
		}
	}
	return strings.Join(list, ", ")
}
