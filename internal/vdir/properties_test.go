package vdir

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestProperties: a calendar without events is one where its folder says so, and what it says comes back.
func TestProperties(t *testing.T) {
	want := &Properties{
		Description: "Tuesdays,\nin the hall", Order: "7", Components: []string{"VEVENT"}, TimeZone: "Asia/Tokyo", Free: true, Team: true, TimedAlarm: "EMAIL -PT30M", DayAlarm: "NONE",
	}
	text, err := want.Text()
	if err != nil {
		t.Fatal(err)
	}
	pairs := []string{
		"a/" + PropertiesFile, string(text), "b/x.ics", "x", "b/" + PropertiesFile, "{]", "c/x.ics", "x", "c/" + PropertiesFile, `"` + strings.Repeat("x", maxProperties) + `"`,
		"d/x.ics", "x", "e/.x.json", "{}", PropertiesFile, "{}", ".git/" + PropertiesFile, "{}",
	}
	dir := fstest.MapFS{}
	for i := 0; i+1 < len(pairs); i += 2 {
		dir[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	disk, err := Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]Folder{disk, Zip(archive(t, pairs...))} {
		var got []string
		for _, f := range list {
			p, err := f.Properties()
			got = append(got, fmt.Sprintf("%s %d %t %v", f.Path, len(f.Files), reflect.DeepEqual(p, want), err))
		}
		if want := []string{
			"a 0 true <nil>", "b 1 false .kalends.json: not valid JSON at octet 2", "c 1 false .kalends.json: it is larger than 262144 octets; cut it into parts", "d 1 false <nil>",
		}; !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// TestAttachments: files are found by the folder that they stand in, the first of each.
func TestAttachments(t *testing.T) {
	pairs := []string{
		AttachmentsFolder + "/1/plan.txt", "one", AttachmentsFolder + "/2/.tmp", "no", AttachmentsFolder + "/2/a", "two", AttachmentsFolder + "/2/b", "no", AttachmentsFolder + "/x.txt", "no",
		AttachmentsFolder + "/3/deep/er", "no", "attachments/4/x", "no",
	}
	dir := fstest.MapFS{}
	for i := 0; i+1 < len(pairs); i += 2 {
		dir[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	disk, err := DirAttachments(dir)
	if err != nil {
		t.Fatal(err)
	}
	in := ZipAttachments(archive(t, append(pairs, "home/alice/"+AttachmentsFolder+"/5/x", "five", "../"+AttachmentsFolder+"/1/other", "no")...))
	tell := func(files map[string]File) (list []string) {
		for id, f := range files {
			data, err := f.Read(10)
			list = append(list, fmt.Sprint(id, "=", string(data), " ", f.Size, " ", err))
		}
		slices.Sort(list)
		return list
	}
	if got := tell(disk); fmt.Sprint(got) != "[1=one 3 <nil> 2=two 3 <nil>]" {
		t.Errorf("DirAttachments: %v", got)
	}
	if got := tell(in); fmt.Sprint(got) != "[1=one 3 <nil> 2=two 3 <nil> 5=five 4 <nil>]" {
		t.Errorf("ZipAttachments: %v", got)
	}
	if none, err := DirAttachments(fstest.MapFS{"a.ics": &fstest.MapFile{}}); err != nil || len(none) != 0 {
		t.Errorf("without the folder: %v, %v", none, err)
	}
}
