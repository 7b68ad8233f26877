package recur

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// code reads a month as scaleYear has it: 5L.
func code(t testing.TB, text string) uint8 {
	number, leap := strings.CutSuffix(text, "L")
	n, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	if leap {
		return uint8(n)<<1 | 1
	}
	return uint8(n) << 1
}

// TestCalendarsEqualOtherPrograms holds every year against what other programs say; see testdata/make_scales.js.
func TestCalendarsEqualOtherPrograms(t *testing.T) {
	years := 0
	check := func(s scale, fields []string, first int64) {
		n, _ := strconv.Atoi(fields[0])
		y, ok := s.year(n)
		if !ok || y.first != first {
			t.Fatalf("%v year %d begins %v, %v, want %v", s, n, fromWall(y.first*daySeconds), ok, fromWall(first*daySeconds))
		}
		var got []string
		for i := range y.months {
			text := fmt.Sprint(y.code[i] >> 1)
			if y.code[i]&1 != 0 {
				text += "L"
			}
			got = append(got, fmt.Sprintf("%s:%d", text, y.before[i+1]-y.before[i]))
		}
		if !slices.Equal(got, fields[2:]) {
			t.Fatalf("%v year %d\ngot  %v\nwant %v", s, n, got, fields[2:])
		}
		years++
	}
	for fields := range vectorsIn(t, "testdata/scales.txt.gz", "chinese") {
		check(chinese, fields, dayOf(clock(t, fields[1]).Unix()))
	}
	for fields := range vectorsIn(t, "testdata/scales.txt.gz", "hebrew") {
		first, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		check(hebrew, fields, first)
	}
	if years < 900 {
		t.Errorf("%d years compared", years)
	}
}

// TestKnownDates knows feasts from almanacs, and which years have leap months.
func TestKnownDates(t *testing.T) {
	first := func(s scale, year int, month string, day int) string {
		y, ok := s.year(year)
		if !ok {
			t.Fatalf("%v year %d is not known", s, year)
		}
		at := slices.Index(y.code[:y.months], code(t, month))
		return fromWall((y.first + int64(y.before[at]) + int64(day-1)) * daySeconds).Format("2006-01-02")
	}
	// The Chinese new years from 1950 to 2050.
	for i, want := range strings.Fields(`
		0217 0206 0127 0214 0203 0124 0212 0131 0218 0208
		0128 0215 0205 0125 0213 0202 0121 0209 0130 0217
		0206 0127 0215 0203 0123 0211 0131 0218 0207 0128
		0216 0205 0125 0213 0202 0220 0209 0129 0217 0206
		0127 0215 0204 0123 0210 0131 0219 0207 0128 0216
		0205 0124 0212 0201 0122 0209 0129 0218 0207 0126
		0214 0203 0123 0210 0131 0219 0208 0128 0216 0205
		0125 0212 0201 0122 0210 0129 0217 0206 0126 0213
		0203 0123 0211 0131 0219 0208 0128 0215 0204 0124
		0212 0201 0122 0210 0130 0217 0206 0126 0214 0202
		0123`) {
		if got := first(chinese, 1950+i, "1", 1); strings.ReplaceAll(got[5:], "-", "") != want {
			t.Errorf("Chinese new year %d = %s, want %s", 1950+i, got, want)
		}
	}
	// The leap months from 1950 to 2050, as year and month.
	var leaps []string
	for n := 1950; n <= 2050; n++ {
		y, _ := chineseYear(n)
		for _, c := range y.code[:y.months] {
			if c&1 != 0 {
				leaps = append(leaps, fmt.Sprintf("%d:%d", n, c>>1))
			}
		}
	}
	if got, want := strings.Join(leaps, " "), "1952:5 1955:3 1957:8 1960:6 1963:4 1966:3 1968:7 1971:5 1974:4 1976:8 1979:6 1982:4 1984:10 1987:6 1990:5 1993:3 1995:8 1998:5 2001:4 "+
		"2004:2 2006:7 2009:5 2012:4 2014:9 2017:6 2020:4 2023:2 2025:6 2028:5 2031:3 2033:11 2036:6 2039:5 2042:2 2044:7 2047:5 2050:3"; got != want {
		t.Errorf("leap months\ngot  %s\nwant %s", got, want)
	}
	for _, tt := range []struct {
		scale scale
		year  int
		month string
		day   int
		want  string
		what  string
	}{
		{hebrew, 5708, "7", 15, "1948-04-24", "Passover"},
		{hebrew, 5734, "1", 10, "1973-10-06", "Yom Kippur"},
		{hebrew, 5760, "1", 1, "1999-09-11", "Rosh Hashanah"},
		{hebrew, 5781, "1", 1, "2020-09-19", "Rosh Hashanah"},
		{hebrew, 5781, "7", 15, "2021-03-28", "Passover"},
		{hebrew, 5782, "1", 1, "2021-09-07", "Rosh Hashanah"},
		{hebrew, 5782, "6", 14, "2022-03-17", "Purim, of a leap year in Adar II"},
		{hebrew, 5783, "1", 1, "2022-09-26", "Rosh Hashanah"},
		{hebrew, 5783, "7", 15, "2023-04-06", "Passover"},
		{hebrew, 5784, "1", 1, "2023-09-16", "Rosh Hashanah"},
		{hebrew, 5784, "5L", 1, "2024-02-10", "Adar I"},
		{hebrew, 5784, "6", 14, "2024-03-24", "Purim"},
		{hebrew, 5784, "7", 15, "2024-04-23", "Passover"},
		{hebrew, 5785, "1", 1, "2024-10-03", "Rosh Hashanah"},
		{hebrew, 5785, "3", 25, "2024-12-26", "Hanukkah"},
		{hebrew, 5785, "7", 15, "2025-04-13", "Passover"},
		{hebrew, 5786, "1", 1, "2025-09-23", "Rosh Hashanah"},
		{hebrew, 5786, "7", 15, "2026-04-02", "Passover"},
		{hebrew, 5787, "1", 1, "2026-09-12", "Rosh Hashanah"},
		{chinese, 1900, "1", 1, "1900-01-31", "the first day known"},
		{chinese, 2020, "8", 15, "2020-10-01", "Mid-Autumn"},
		{chinese, 2023, "5", 5, "2023-06-22", "Dragon Boat"},
		{chinese, 2025, "6L", 1, "2025-07-25", "the leap sixth month"},
		{chinese, 2026, "8", 15, "2026-09-25", "Mid-Autumn"},
		{chinese, 2033, "11L", 1, "2033-12-22", "the leap month that tables once had wrong"},
		{chinese, 2100, "1", 1, "2100-02-09", "the last new year"},
		{gregorian, 2024, "2", 29, "2024-02-29", "leap day"},
	} {
		if got := first(tt.scale, tt.year, tt.month, tt.day); got != tt.want {
			t.Errorf("%s %d = %s, want %s", tt.what, tt.year, got, tt.want)
		}
	}
}

// TestCalendarsAreWhole goes through all that is known of each calendar system: years and months follow each other
// without gap, and day and month find their year again.
func TestCalendarsAreWhole(t *testing.T) {
	for _, tt := range []struct {
		scale       scale
		first, last int
	}{{gregorian, 1, 9999}, {hebrew, firstHebrewYear, lastHebrewYear}, {chinese, firstChineseYear, lastChineseYear}} {
		day := int64(-1 << 62)
		for n := tt.first; n <= tt.last; n++ {
			y, ok := tt.scale.year(n)
			if !ok || day > -1<<62 && y.first != day {
				t.Fatalf("%v year %d begins on %d, the one before ends on %d", tt.scale, n, y.first, day)
			}
			if length := y.length(); y.months < 12 || length < 353 || length > 385 {
				t.Fatalf("%v year %d has %d months and %d days", tt.scale, n, y.months, length)
			}
			day = y.first + int64(y.length())
			for _, d := range []int64{y.first, y.first + 100, day - 1} {
				if got, ok := tt.scale.yearOf(d); got != n || !ok {
					t.Fatalf("%v.yearOf(%d) = %d, %v, want %d", tt.scale, d, got, ok, n)
				}
			}
			for at := range y.months {
				if got := tt.scale.yearOfMonth(tt.scale.monthsBefore(n) + int64(at)); got != n {
					t.Fatalf("%v.yearOfMonth(month %d of %d) = %d", tt.scale, at, n, got)
				}
			}
		}
		if _, ok := tt.scale.year(tt.first - 1); ok {
			t.Errorf("%v year %d is known", tt.scale, tt.first-1)
		}
		if _, ok := tt.scale.year(tt.last + 1); ok {
			t.Errorf("%v year %d is known", tt.scale, tt.last+1)
		}
		if n, ok := tt.scale.yearOf(day); ok && tt.scale == chinese {
			t.Errorf("%v: the day after the last is in %d", tt.scale, n)
		}
	}
	for _, year := range []int{1, 9999} { // what four digits can say
		for _, d := range []int64{dayNumber(year, 1, 1), dayNumber(year, 12, 31)} {
			if _, ok := hebrew.yearOf(d); !ok {
				t.Errorf("Gregorian year %d is not known in the Hebrew calendar", year)
			}
		}
	}
}

// days expands a rule to its first days, as 20260131.
func daysOf(t testing.TB, start, rule string, most int) []string {
	r, err := ParseRule(rule)
	if err != nil {
		t.Fatalf("ParseRule(%s): %v", rule, err)
	}
	var got []string
	for w := range r.Walls(clock(t, start), time.Time{}) {
		if got = append(got, w.Format("20060102")); len(got) == most {
			break
		}
	}
	return got
}

func TestRulesEqualLibical(t *testing.T) {
	rules, wrong := 0, 0
	for fields := range vectorsIn(t, "testdata/scales.txt.gz", "rule") {
		start, rule, want := fields[0], fields[1], fields[2:]
		got := daysOf(t, start, rule, len(want)+1)
		if len(want) == 0 || got[0] != want[0] { // libical leaves out a DTSTART that the rule does not produce
			got = got[1:]
		}
		rules++
		if got = got[:min(len(got), len(want))]; !slices.Equal(got, want) {
			if wrong++; wrong < 20 {
				t.Errorf("%s %s\ngot  %v\nwant %v", start, rule, got, want)
			}
		}
	}
	if t.Logf("%d rules, %d wrong", rules, wrong); rules < 3000 {
		t.Errorf("%d rules compared", rules)
	}
}
