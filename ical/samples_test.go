package ical

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// samples are the objects in the manner of other programs, whose README says what each is for.
const samples = "../testdata/ics"

func TestSamplesAreDescribed(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(samples, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(samples + "/*.ics")
	refused, _ := filepath.Glob(samples + "/refused/*.ics")
	if len(files) < 30 || len(refused) == 0 {
		t.Errorf("only %d samples and %d refused ones", len(files), len(refused))
	}
	for _, f := range append(files, refused...) {
		name, err := filepath.Rel(samples, f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(readme), "| "+filepath.ToSlash(name)+" |") {
			t.Errorf("%s has no line in the README", name)
		}
	}
	if lines := strings.Count(string(readme), ".ics |"); lines != len(files)+len(refused) {
		t.Errorf("the README has lines for %d files, and there are %d", lines, len(files)+len(refused))
	}
}

func TestRefusedSamplesNameTheLine(t *testing.T) {
	files, _ := filepath.Glob(samples + "/refused/*.ics")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(b)
		if e, ok := errors.AsType[*SyntaxError](err); !ok || e.Line < 2 {
			t.Errorf("Parse(%s) = %v, want a SyntaxError with the line", filepath.Base(f), err)
		}
	}
}

// What the odd samples are odd in must be read rightly, not only kept.
func TestOddSamplesAreUnderstood(t *testing.T) {
	read := func(name string) *Component {
		b, err := os.ReadFile(filepath.Join(samples, name))
		if err != nil {
			t.Fatal(err)
		}
		return mustParse(t, string(b))
	}
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s = %q, want %q", what, got, want)
		}
	}

	ev := read("odd-folding.ics").Component("VEVENT")
	check("folded UID", ev.Text("UID"), "odd-32@example.com")
	check("folded SUMMARY", ev.Text("SUMMARY"), "cut in many, places\nand twice")
	check("folded TZID", ev.Prop("DTSTART").Param("TZID"), "Europe/Berlin")
	check("folded DURATION", ev.Value("DURATION"), "PT1H")
	check("folded DESCRIPTION", ev.Text("DESCRIPTION"), strings.Repeat("ä€😀", 30))

	ev = read("odd-parameters.ics").Component("VEVENT")
	check("ORGANIZER CN", ev.Prop("ORGANIZER").Param("CN"), "Alice \"Al\" Example\nSecond line ^")
	var attendees []*Property
	for p := range ev.All("ATTENDEE") {
		attendees = append(attendees, p)
	}
	check("quoted CN", attendees[0].Param("CN"), "Bob: the builder; of, things")
	check("MEMBER", strings.Join(attendees[0].ParamValues("MEMBER"), " "), "mailto:team@example.com mailto:all@example.com")
	check("lower-case cn", attendees[1].Param("CN"), "Carol")
	check("address", Address(attendees[1].Value()), "mailto:carol@example.org")
	check("list", strings.Join(attendees[2].ParamValues("X-LIST"), "|"), "a|b,c|d")
	check("CN with ^^n", attendees[3].Param("CN"), "Zoë Ünïcode ^n is no line end")
	check("decoded address", Address(attendees[3].Value()), "mailto:zoe+cal@example.com")

	ev = read("odd-rdate-periods.ics").Component("VEVENT")
	periods, err := ev.Prop("RDATE").Periods()
	if err != nil || len(periods) != 2 || periods[0].HasDuration || !periods[1].HasDuration {
		t.Errorf("Periods() = %v, %v", periods, err)
	}

	ev = read("odd-bom-bare-lf.ics").Component("VEVENT")
	check("UID after a byte order mark", ev.Text("UID"), "odd-31@example.com")
	check("TZID of Outlook", read("outlook-display-name-zone.ics").Component("VEVENT").Prop("DTSTART").Param("TZID"),
		read("outlook-display-name-zone.ics").Component("VTIMEZONE").Text("TZID"))
	check("categories", strings.Join(read("nextcloud-task.ics").Component("VTODO").Prop("CATEGORIES").Texts(), "|"), "home, sweet|bills")
}
