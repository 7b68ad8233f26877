package main

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/stream"
	"kalends/internal/vdir"
	"kalends/storage"
)

// exportCmd is `kalends export`.
type exportCmd struct {
	User     string `help:"Whose calendars: name or mail address. Not needed where there is one person only." placeholder:"NAME"`
	Calendar string `help:"Slug of one calendar; without it, all." placeholder:"SLUG"`
	Format   string `help:"ics: one file for other programs; vdir: folders with a file for each event, as they are stored; zip: the same in an archive. Without it, as the name given with -o ends." enum:",ics,vdir,zip" default:"" placeholder:"FORM"`
	Output   string `short:"o" help:"File or folder to write; - for standard output." default:"-" placeholder:"PATH"`
}

// Help implements kong.HelpProvider.
func (exportCmd) Help() string {
	return "`kalends import` reads all three forms. vdir and zip hold each event byte for byte as its author's program wrote it, with the files that are attached to events, and everything that calendars are set to; " +
		"another server gets all of it from them.\n\n" + `Examples:

    kalends export --user alice -o alice.zip
    kalends export --user alice --calendar calendar > calendar.ics
    kalends export --user alice --format vdir -o ~/.calendars`
}

// form is what is written.
func (c *exportCmd) form() (string, error) {
	f := c.Format
	if f == "" {
		switch info, err := os.Stat(c.Output); {
		case strings.HasSuffix(strings.ToLower(c.Output), ".zip"):
			f = "zip"
		case c.Output != "-" && (err == nil && info.IsDir() || os.IsPathSeparator(c.Output[len(c.Output)-1])):
			f = "vdir"
		default:
			f = "ics"
		}
	}
	if f == "vdir" && c.Output == "-" {
		return "", errors.New("a folder is written with -o PATH")
	}
	return f, nil
}

// exporter takes calendars, and the objects of each.
type exporter interface {
	calendar(c *storage.Calendar) error
	object(o *storage.Object) error
	// attachment takes a file of an object that was written. keeps says whether it is wanted at all.
	attachment(a *storage.Attachment, octets io.Reader) error
	keeps() bool
	close() error
}

// fileOf is the path of a file of an event, below vdir.AttachmentsFolder: its name stands in a folder named by its MANAGED-ID.
func fileOf(a *storage.Attachment) (folder, name string) {
	name = strings.TrimLeft(strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return '_'
		}
		return r
	}, a.Name), ".")
	if name == "" {
		name = "_"
	}
	return calendar.ManagedID(a), name
}

// Run exports.
func (c *exportCmd) Run(p *program) error {
	form, err := c.form()
	if err != nil {
		return err
	}
	return onCalendars(p, func(s *calendars) error {
		owner, err := s.only(c.User)
		if err != nil {
			return err
		}
		if c.Calendar != "" {
			if _, _, _, err := s.calendar(owner.Name + "/" + c.Calendar); err != nil {
				return err
			}
		}
		if form == "vdir" {
			return c.run(s, owner, &vdirExport{dir: c.Output})
		}
		out, finish, err := c.open(p)
		if err != nil {
			return err
		}
		var e exporter = &icsExport{out: out, tell: p.err}
		if form == "zip" {
			e = &zipExport{zip: zip.NewWriter(out)}
		}
		return finish(c.run(s, owner, e))
	})
}

// open returns what is written to. A file takes the place of an older one only when it is whole.
func (c *exportCmd) open(p *program) (io.Writer, func(error) error, error) {
	if c.Output == "-" {
		return p.out, func(err error) error { return err }, nil
	}
	f, err := os.CreateTemp(filepath.Dir(c.Output), ".kalends-export-*") // for its owner's eyes only
	if err != nil {
		if cause, found := errors.AsType[*fs.PathError](err); found { // it names a file that nobody asked for
			err = cause.Err
		}
		return nil, nil, fmt.Errorf("cannot write in the folder of %s: %w", c.Output, err)
	}
	return f, func(err error) error {
		if err == nil {
			err = f.Sync()
		}
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err == nil {
			err = os.Rename(f.Name(), c.Output)
		}
		if err != nil {
			os.Remove(f.Name())
		}
		return err
	}, nil
}

// run writes the calendars as they are at one moment.
func (c *exportCmd) run(s *calendars, owner *storage.Principal, e exporter) error {
	n, list := 0, 0
	written := map[int64]bool{}
	err := s.store.View(s.ctx, func(r storage.Reader) error {
		home, err := r.Calendars(s.ctx, owner.ID)
		if err != nil {
			return err
		}
		for _, cal := range home {
			if cal.Kind != storage.CalendarKind || c.Calendar != "" && cal.Slug != c.Calendar {
				continue
			}
			if err := e.calendar(cal); err != nil {
				return err
			}
			list++
			var files []storage.AttachmentKey
			err := r.Objects(s.ctx, cal.Ref(), storage.WithICS, func(o *storage.Object) error {
				n++
				if e.keeps() {
					files = append(files, calendar.AttachmentsOf(o)...)
				}
				return e.object(o)
			})
			if err == nil {
				err = exportFiles(s.ctx, r, owner, files, written, e)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = e.close()
	}
	if err == nil && c.Output != "-" {
		fmt.Fprintf(s.out, "%s holds %s of %s.\n", c.Output, several(n, "event", "events"), several(list, "calendar", "calendars"))
	}
	return err
}

// several is a number of things in words.
func several(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// exportFiles writes those of an owner's attachments that were not yet.
func exportFiles(ctx context.Context, r storage.Reader, owner *storage.Principal, files []storage.AttachmentKey, written map[int64]bool, e exporter) error {
	files = slices.DeleteFunc(files, func(k storage.AttachmentKey) bool { return written[k.ID] })
	for part := range slices.Chunk(files, 100) {
		found, err := r.Attachments(ctx, owner.ID, part)
		if err != nil {
			return err
		}
		for _, k := range part {
			a := found[k.ID]
			if a == nil || written[a.ID] {
				continue
			}
			written[a.ID] = true
			if err := e.attachment(a, calendar.OctetsOf(ctx, r, a)); err != nil {
				return fmt.Errorf("the file %s: %w", printable(a.Name), err)
			}
		}
	}
	return nil
}

// icsExport writes one VCALENDAR.
type icsExport struct {
	out  io.Writer
	tell io.Writer
	join *stream.Joiner
}

func (e *icsExport) calendar(c *storage.Calendar) error {
	if e.join != nil {
		return nil // the first one names the file
	}
	name := c.DisplayName
	if name == "" {
		name = c.Slug
	}
	e.join = stream.NewJoiner(e.out, ical.NewText("NAME", name), ical.NewText("X-WR-CALNAME", name))
	return nil
}

func (e *icsExport) object(o *storage.Object) error {
	cal, err := ical.Parse(o.ICS)
	if err != nil {
		fmt.Fprintf(e.tell, "%s is left out: %s; vdir and zip hold it\n", printable(o.Name), oneLine(err.Error()))
		return nil
	}
	return e.join.Add(cal)
}

// Files stay where they are: a text of events with all of them could be read by nothing.
func (e *icsExport) keeps() bool                                         { return false }
func (e *icsExport) attachment(_ *storage.Attachment, _ io.Reader) error { return nil }

func (e *icsExport) close() error {
	if e.join == nil {
		e.join = stream.NewJoiner(e.out)
	}
	return e.join.Close()
}

// fileNames makes names of files from those of objects.
type fileNames map[string]bool

// of returns a name that is free, whatever the case of letters: an object's, with .ics at its end.
func (n fileNames) of(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return '_'
		}
		return r
	}, name)
	base := strings.TrimLeft(name, ".") // hidden files are not read back
	if strings.EqualFold(filepath.Ext(base), ".ics") {
		base = base[:len(base)-4]
	}
	if base == "" {
		base = "_"
	}
	if len(base) > 200 {
		base = strings.ToValidUTF8(base[:200], "")
	}
	for i := 1; ; i++ {
		full := base + ".ics"
		if i > 1 {
			full = fmt.Sprintf("%s (%d).ics", base, i)
		}
		if key := strings.ToLower(full); !n[key] {
			n[key] = true
			return full
		}
	}
}

// folderOf is the folder of a calendar.
func folderOf(c *storage.Calendar) string {
	return strings.TrimSuffix(fileNames{}.of(c.Slug), ".ics")
}

// metadataOf is what vdir keeps of a calendar.
func metadataOf(c *storage.Calendar) map[string]string {
	m := map[string]string{}
	if c.DisplayName != "" {
		m["displayname"] = c.DisplayName
	}
	if len(c.Color) >= 7 && c.Color[0] == '#' {
		m["color"] = c.Color[:7]
	}
	return m
}

// propertiesOf is the text of what Kalends keeps of a calendar beside that.
func propertiesOf(c *storage.Calendar) ([]byte, error) {
	p := &vdir.Properties{
		Description: c.Description, Order: c.Order, Components: c.Components, TimeZone: c.TimeZoneID, Free: c.Transparent, Team: c.Team,
		TimedAlarm: string(c.Alarms.Timed), DayAlarm: string(c.Alarms.Day),
	}
	if c.TimeZoneID == "" {
		p.TimeZoneText = c.TimeZone
	}
	return p.Text()
}

// vdirExport writes folders.
type vdirExport struct {
	dir, at string
	names   fileNames
}

func (e *vdirExport) calendar(c *storage.Calendar) error {
	e.at, e.names = filepath.Join(e.dir, folderOf(c)), fileNames{}
	if err := os.MkdirAll(e.at, 0o700); err != nil {
		return err
	}
	for name, text := range metadataOf(c) {
		if err := writeWhole(filepath.Join(e.at, name), []byte(text+"\n")); err != nil {
			return err
		}
	}
	text, err := propertiesOf(c)
	if err != nil {
		return err
	}
	return writeWhole(filepath.Join(e.at, vdir.PropertiesFile), text)
}

func (e *vdirExport) object(o *storage.Object) error {
	return writeWhole(filepath.Join(e.at, e.names.of(o.Name)), o.ICS)
}

func (e *vdirExport) keeps() bool { return true }

func (e *vdirExport) attachment(a *storage.Attachment, octets io.Reader) error {
	folder, name := fileOf(a)
	dir := filepath.Join(e.dir, vdir.AttachmentsFolder, folder)
	if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Size() == a.Size {
		return nil // what has a MANAGED-ID never changes
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".kalends-*.tmp")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, octets)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func (e *vdirExport) close() error { return nil }

// writeWhole writes a file, or leaves the old one: programs watch such folders. One that is the same is left alone.
func writeWhole(name string, data []byte) error {
	if old, err := os.ReadFile(name); err == nil && string(old) == string(data) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".kalends-*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// zipExport writes the same into an archive.
type zipExport struct {
	zip   *zip.Writer
	at    string
	names fileNames
}

func (e *zipExport) calendar(c *storage.Calendar) error {
	e.at, e.names = folderOf(c)+"/", fileNames{}
	for _, name := range []string{"displayname", "color"} {
		if text := metadataOf(c)[name]; text != "" {
			if err := e.file(&zip.FileHeader{Name: e.at + name, Modified: c.Created}, []byte(text+"\n")); err != nil {
				return err
			}
		}
	}
	text, err := propertiesOf(c)
	if err != nil {
		return err
	}
	return e.file(&zip.FileHeader{Name: e.at + vdir.PropertiesFile, Modified: c.Created}, text)
}

func (e *zipExport) object(o *storage.Object) error {
	return e.file(&zip.FileHeader{Name: e.at + e.names.of(o.Name), Modified: o.Modified}, o.ICS)
}

func (e *zipExport) keeps() bool { return true }

func (e *zipExport) attachment(a *storage.Attachment, octets io.Reader) error {
	folder, name := fileOf(a)
	w, err := e.zip.CreateHeader(&zip.FileHeader{Name: vdir.AttachmentsFolder + "/" + folder + "/" + name, Modified: a.Created, Method: zip.Deflate})
	if err == nil {
		_, err = io.Copy(w, octets)
	}
	return err
}

func (e *zipExport) file(h *zip.FileHeader, data []byte) error {
	h.Method = zip.Deflate
	w, err := e.zip.CreateHeader(h)
	if err == nil {
		_, err = w.Write(data)
	}
	return err
}

func (e *zipExport) close() error { return e.zip.Close() }
