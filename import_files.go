package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kalends/calendar"
	"kalends/ical/stream"
)

// Bounds of what is read into memory.
const (
	maxFile = 512 << 20 // octets of one file
	maxMeta = 4096      // octets of a folder's displayname and color
)

// input is standard input.
func (im *importRun) input() iter.Seq2[*collection, error] {
	return func(yield func(*collection, error) bool) {
		c := &collection{path: "standard input"}
		data, err := readAll(im.in)
		c.setFile(data)
		yield(c, err)
	}
}

// readAll reads a file whole, if it is one of a sane size.
func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("it is larger than %d MiB; cut it into parts", maxFile>>20)
	}
	return data, err
}

// setFile makes a file the whole collection; what it says of itself becomes the calendar's, if one is made.
func (c *collection) setFile(data []byte) {
	head := stream.Split(data)
	c.name, c.total = shortName(head.Name), 1
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
			yield(c, err)
		case info.IsDir():
			im.folder(os.DirFS(name), name, yield)
		default:
			f, err := os.Open(name)
			if err != nil {
				yield(c, err)
				return
			}
			data, err := readAll(f)
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
		im.folder(r, name, yield)
	}
}

// folder reads a tree of files: each folder in it is a calendar, as vdir has it; what is at the top goes to the usual ones.
func (im *importRun) folder(root fs.FS, name string, yield func(*collection, error) bool) {
	files := map[string][]string{} // by folder
	var order []string
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "__MACOSX"):
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.Type().IsRegular() && strings.EqualFold(path.Ext(p), ".ics"):
			dir := path.Dir(p)
			if files[dir] == nil {
				order = append(order, dir)
			}
			files[dir] = append(files[dir], p)
		}
		return nil
	})
	if err != nil {
		yield(&collection{path: name}, err)
		return
	}
	slices.Sort(order)
	for _, dir := range order {
		list := files[dir]
		c := &collection{path: name, total: len(list)}
		if dir != "." {
			c.path = filepath.Join(name, filepath.FromSlash(dir))
			c.slug = folderSlug(dir)
			c.name, c.color = metadata(root, dir, "displayname"), metadata(root, dir, "color")
			if c.name == "" {
				c.name = path.Base(dir)
			}
		}
		c.files = func(yield func(file, error) bool) {
			for _, p := range list {
				f := file{path: filepath.Join(name, filepath.FromSlash(p)), name: path.Base(p)}
				data, err := readFrom(root, p)
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

func readFrom(root fs.FS, p string) ([]byte, error) {
	f, err := root.Open(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}

// metadata reads what vdir keeps of a calendar beside its events.
func metadata(root fs.FS, dir, name string) string {
	f, err := root.Open(path.Join(dir, name))
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxMeta))
	if err != nil {
		return ""
	}
	return shortName(string(text))
}

// shortName makes one line of what a source calls a calendar.
func shortName(s string) string {
	r := []rune(strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), ""))
	return string(r[:min(len(r), 200)])
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
