// Package vdir reads trees of calendar files, on a disk or in a zip archive: each folder is a calendar, each file in it one object or many,
// and beside them stand the calendar's name and colour, as the vdir format has it. Every size is bounded by the caller; nothing is written.
package vdir

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
)

// Bounds of what is said of a calendar.
const (
	maxMeta = 4096 // octets of a folder's displayname and color
	maxName = 200  // characters of a calendar's name
)

// ErrEncrypted says that a file in an archive needs a password.
var ErrEncrypted = errors.New("it is encrypted; unpack it first")

// TooLargeError says that a file holds more octets than its reader takes.
type TooLargeError struct{ Most int64 }

func (e *TooLargeError) Error() string {
	if e.Most < 1<<20 {
		return fmt.Sprintf("it is larger than %d octets; cut it into parts", e.Most)
	}
	return fmt.Sprintf("it is larger than %d MiB; cut it into parts", e.Most>>20)
}

// ReadAll reads a file whole. The error is a [*TooLargeError] where it has more than most octets.
func ReadAll(r io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, &TooLargeError{most}
	}
	return data, nil
}

// File is a file with calendar objects, or one that belongs to them.
type File struct {
	Path string // in its tree, with slashes; for people only, it may be anything in an archive
	Size int64  // octets, as the tree says; an archive may say anything
	open func() (io.ReadCloser, error)
}

// Open opens the file.
func (f File) Open() (io.ReadCloser, error) { return f.open() }

// Name is the last part of the path.
func (f File) Name() string { return path.Base(f.Path) }

// Read reads the file, see [ReadAll].
func (f File) Read(most int64) ([]byte, error) {
	r, err := f.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return ReadAll(r, most)
}

// Folder is a calendar.
type Folder struct {
	Path  string // "." for the top of the tree
	Files []File // *.ics, by path; none only where [Folder.Properties] says that it is a calendar

	name, color, more *File
}

// Name is what the calendar is called; "" where nothing is said.
func (d *Folder) Name() string { return d.name.line() }

// Color is the calendar's colour; "" where nothing is said.
func (d *Folder) Color() string { return d.color.line() }

// Dir reads a folder and those below it. Names that begin with a dot, and what is no plain file, are left out.
func Dir(root fs.FS) ([]Folder, error) {
	t := tree{}
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case p != "." && hidden(d.Name()) && (d.IsDir() || d.Name() != PropertiesFile):
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.Type().IsRegular():
			t.add(onDisk(root, p, d))
		}
		return nil
	})
	return t.folders(), err
}

// Zip reads what an archive holds. It goes by the list of the archive alone, so that no depth or number of folders
// in the names costs more than the names.
func Zip(r *zip.Reader) []Folder {
	t := tree{}
	for _, f := range r.File {
		p, ok := pathIn(f)
		if !ok || slices.ContainsFunc(strings.Split(strings.TrimSuffix(p, PropertiesFile), "/"), hidden) {
			continue
		}
		t.add(packed(f, p))
	}
	return t.folders()
}

// pathIn returns the path of a file in an archive; false for what is none.
func pathIn(f *zip.File) (string, bool) {
	p := path.Clean("/" + strings.ToValidUTF8(strings.ReplaceAll(f.Name, `\`, "/"), "\uFFFD"))[1:]
	return p, f.Mode().IsRegular() && !strings.HasSuffix(f.Name, "/") && p != ""
}

func packed(f *zip.File, p string) File {
	return File{p, int64(min(f.UncompressedSize64, math.MaxInt64)), func() (io.ReadCloser, error) {
		if f.Flags&1 != 0 {
			return nil, ErrEncrypted
		}
		return f.Open()
	}}
}

func onDisk(root fs.FS, p string, d fs.DirEntry) File {
	f := File{Path: p, open: func() (io.ReadCloser, error) { return root.Open(p) }}
	if info, err := d.Info(); err == nil {
		f.Size = info.Size()
	}
	return f
}

// hidden reports whether a file or folder is none of a person's own making.
func hidden(name string) bool { return strings.HasPrefix(name, ".") || name == "__MACOSX" }

// tree gathers files.
type tree map[string]*branch

// branch is what is in one folder.
type branch struct {
	files             []File
	name, color, more *File
}

func (t tree) add(f File) {
	dir := path.Dir(f.Path)
	b := t[dir]
	if b == nil {
		b = &branch{}
		t[dir] = b
	}
	switch {
	case strings.EqualFold(path.Ext(f.Path), ".ics"):
		b.files = append(b.files, f)
	case f.Name() == "displayname":
		b.name = &f
	case f.Name() == "color":
		b.color = &f
	case f.Name() == PropertiesFile:
		b.more = &f
	}
}

// folders lists those with calendar files, and those that say they are calendars, by path.
func (t tree) folders() []Folder {
	var list []Folder
	for _, dir := range slices.Sorted(maps.Keys(t)) {
		b := t[dir]
		if len(b.files) == 0 && (b.more == nil || dir == ".") {
			continue
		}
		slices.SortStableFunc(b.files, func(a, c File) int { return strings.Compare(a.Path, c.Path) })
		list = append(list, Folder{Path: dir, Files: b.files, name: b.name, color: b.color, more: b.more})
	}
	return list
}

// line reads a file of one line; "" for one that is not there or cannot be read.
func (f *File) line() string {
	if f == nil {
		return ""
	}
	r, err := f.open()
	if err != nil {
		return ""
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxMeta))
	if err != nil {
		return ""
	}
	return ShortName(string(text))
}

// ShortName makes one line of what a source calls a calendar.
func ShortName(s string) string {
	r := []rune(strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), ""))
	return string(r[:min(len(r), maxName)])
}
