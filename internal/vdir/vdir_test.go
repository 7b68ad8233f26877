package vdir

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"kalends/internal/vdir/vdirtest"
)

// archive makes a zip archive of names and what is under them.
func archive(t testing.TB, pairs ...string) *zip.Reader {
	t.Helper()
	b := vdirtest.Zip(t, pairs...)
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tell(list []Folder) string {
	var b strings.Builder
	for _, d := range list {
		fmt.Fprintf(&b, "%s (%s, %s):", d.Path, d.Name(), d.Color())
		for _, f := range d.Files {
			data, err := f.Read(10)
			fmt.Fprintf(&b, " %s=%s,%v", f.Path, data, err)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestTrees(t *testing.T) {
	pairs := []string{
		"work/b.ICS", "2", "work/a.ics", "1", "work/displayname", "Work\n & more", "work/color", "#112233\n", "top.ics", "0", "deep/er/c.ics", "3",
		".git/x.ics", "no", "__MACOSX/work/a.ics", "no", "work/.a.ics", "no", "notes/n.txt", "no", "notes/displayname", "no",
	}
	dir := fstest.MapFS{"link.ics": {Mode: fs.ModeSymlink, Data: []byte("/etc/passwd")}}
	for i := 0; i+1 < len(pairs); i += 2 {
		dir[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	const want = ". (, ): top.ics=0,<nil>\n" +
		"deep/er (, ): deep/er/c.ics=3,<nil>\n" +
		"work (Work & more, #112233): work/a.ics=1,<nil> work/b.ICS=2,<nil>\n"
	if got := tell(Zip(archive(t, pairs...))); got != want {
		t.Errorf("Zip:\n%swant\n%s", got, want)
	}
	list, err := Dir(dir)
	if got := tell(list); err != nil || got != want {
		t.Errorf("Dir: %v\n%swant\n%s", err, got, want)
	}
}

// TestHostileArchive: names lead nowhere, sizes are what was read and not what the archive says, and depth costs nothing.
func TestHostileArchive(t *testing.T) {
	got := tell(Zip(archive(t, "../../etc/a.ics", "1", `..\b.ics`, "2", "/c.ics", "3", "x\xff.ics", "4", "c.ics", "5", "d.ics/", "", "e.ics", "more than ten")))
	want := ". (, ): b.ics=2,<nil> c.ics=3,<nil> c.ics=5,<nil> e.ics=,it is larger than 10 octets; cut it into parts x\uFFFD.ics=4,<nil>\netc (, ): etc/a.ics=1,<nil>\n"
	if got != want {
		t.Errorf("hostile names:\n%swant\n%s", got, want)
	}
	deep := strings.Repeat("a/", 30_000)
	var pairs []string
	for i := range 20 {
		pairs = append(pairs, fmt.Sprintf("%s%d/x.ics", deep, i), "x")
	}
	if n := len(Zip(archive(t, pairs...))); n != 20 {
		t.Errorf("deep folders: %d", n)
	}
	r := archive(t, "a.ics", "x")
	r.File[0].Flags |= 1
	if _, err := Zip(r)[0].Files[0].Read(10); !errors.Is(err, ErrEncrypted) {
		t.Errorf("an encrypted file: %v", err)
	}
	if _, err := ReadAll(strings.NewReader(strings.Repeat("x", 3<<20)), 2<<20); err == nil || err.Error() != "it is larger than 2 MiB; cut it into parts" {
		t.Errorf("ReadAll: %v", err)
	}
}
