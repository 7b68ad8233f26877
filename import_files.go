package main

import (
	"archive/zip"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kalends/calendar"
	"kalends/ical/stream"
	"kalends/internal/vdir"
)

// maxFile bounds in octets what is read of one file into memory.
const maxFile = 512 << 20

// input is standard input.
func (im *importRun) input() iter.Seq2[*collection, error] {
	return func(yield func(*collection, error) bool) {
		c := &collection{path: "standard input"}
		data, err := vdir.ReadAll(im.in, maxFile)
		c.setFile(data)
		yield(c, err)
	}
}

// setFile makes a file the whole collection; what it says of itself becomes the calendar's, if one is made.
func (c *collection) setFile(data []byte) {
	head := stream.Split(data)
	c.name, c.total = vdir.ShortName(head.Name), 1
	c.files = func(yield func(file, error) bool) {
		yield(file{path: c.path, name: filepath.Base(c.path), data: data}, nil)
	}
}

// disk is a file or a folder.
func (im *importRun) disk(name string) iter.Seq2[*collection, error] {
	return func(yield func(*collection, error) bool) {
		c := &collection{path: name}
		info, err := os.Stat(name)
		switch {
		case err != nil:
			yield(c, withoutPath(err))
		case info.IsDir():
			list, err := vdir.Dir(os.DirFS(name))
			if err != nil {
				yield(c, err)
				return
			}
			attached, err := vdir.DirAttachments(os.DirFS(name))
			if above := filepath.Dir(filepath.Clean(name)); err == nil && len(attached) == 0 { // it may be one calendar of many
				attached, err = vdir.DirAttachments(os.DirFS(above))
			}
			if err != nil {
				yield(c, err)
				return
			}
			im.folders(list, attached, name, yield)
		default:
			f, err := os.Open(name)
			if err != nil {
				yield(c, withoutPath(err))
				return
			}
			data, err := vdir.ReadAll(f, maxFile)
			f.Close()
			c.setFile(data)
			yield(c, err)
		}
	}
}

// zip is an archive. What it unpacks to is read file by file, and nothing is written to disk.
func (im *importRun) zip(name string) iter.Seq2[*collection, error] {
	return func(yield func(*collection, error) bool) {
		r, err := zip.OpenReader(name)
		if err != nil {
			yield(&collection{path: name}, err)
			return
		}
		defer r.Close()
		im.folders(vdir.Zip(&r.Reader), vdir.ZipAttachments(&r.Reader), name, yield)
	}
}

// folders is a tree of files: each folder in it is a calendar; what is at the top goes to the usual ones. attached are the files of events, by MANAGED-ID.
func (im *importRun) folders(list []vdir.Folder, attached map[string]vdir.File, name string, yield func(*collection, error) bool) {
	for _, dir := range list {
		c := &collection{path: name, total: len(dir.Files), attached: attached}
		if dir.Path != "." {
			c.path = filepath.Join(name, filepath.FromSlash(dir.Path))
			c.slug = folderSlug(dir.Path)
			c.name, c.color = dir.Name(), dir.Color()
			if c.name == "" {
				c.name = path.Base(dir.Path)
			}
			more, err := dir.Properties()
			if err != nil {
				im.report(c.path, 1, "", oneLine(err.Error()))
			} else if more != nil {
				c.more, c.components = more, kinds(more)
			}
		}
		c.files = func(yield func(file, error) bool) {
			for _, p := range dir.Files {
				f := file{path: filepath.Join(name, filepath.FromSlash(p.Path)), name: p.Name()}
				data, err := p.Read(maxFile)
				if err != nil {
					// One file that cannot be read is no reason to stop.
					im.report(f.path, 1, "", oneLine(err.Error()))
					continue
				}
				if f.data = data; !yield(f, nil) {
					return
				}
			}
		}
		if !yield(c, nil) {
			return
		}
	}
}

// folderSlug is the slug of a folder's calendar: the same each time.
func folderSlug(dir string) string {
	name := path.Base(dir)
	if name != strings.ToLower(name) || strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	}) || slices.Contains([]string{"", ".", "..", "inbox", "outbox", "notification", "notifications"}, name) {
		return calendar.FreeSlug(nil, name, "imported") + suffixFor(name)
	}
	return name
}

// suffixFor keeps collections of the home, which are no calendars, apart.
func suffixFor(name string) string {
	switch strings.ToLower(name) {
	case "inbox", "outbox", "notification", "notifications":
		return "-imported"
	}
	return ""
}

var errNoCalendars = errors.New("no calendars were found there; give the address of one")

// withoutPath is what is wrong with a file, for where its name is told anyway.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
