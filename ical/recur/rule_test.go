package recur

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseRule(t *testing.T) {
	for _, tt := range []struct {
		text  string
		err   error  // nil, ErrSyntax or ErrUnsupported
		parts string // of the message
	}{
		{"FREQ=DAILY", nil, ""},
		{"freq=daily;count=3", nil, ""},
		{" FREQ = DAILY ; INTERVAL = 2 ;", nil, ""},
		{";;FREQ=DAILY;;", nil, ""},
		{"FREQ=WEEKLY;BYDAY=MO, we ,FR,", nil, ""},
		{"FREQ=DAILY;X-THING=1;x-other", nil, ""},
		{"RSCALE=gregorian;FREQ=YEARLY;SKIP=OMIT", nil, ""},
		{"FREQ=YEARLY;SKIP=OMIT", nil, ""},
		{"SKIP=backward;FREQ=YEARLY;BYMONTH=6,5l,5L;RSCALE=hebrew;BYMONTHDAY=30;BYYEARDAY=-385;BYWEEKNO=55", nil, ""},
		{"RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=12L,1L;SKIP=BACKWARD", nil, ""},
		{"FREQ=MONTHLY;BYDAY=+2MO,-1SU", nil, ""},
		{"FREQ=YEARLY;BYDAY=-53MO", nil, ""},
		{"FREQ=MINUTELY;BYSECOND=60", nil, ""},
		{"FREQ=DAILY;UNTIL=20261231", nil, ""},
		{"FREQ=DAILY;UNTIL=20261231t235960z", nil, ""},
		{"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", nil, ""},
		{"FREQ=MONTHLY;BYSETPOS=-1", nil, ""},
		{"FREQ=DAILY;COUNT=10000;INTERVAL=10000", nil, ""},

		{"", ErrSyntax, "FREQ"},
		{"COUNT=3", ErrSyntax, "FREQ"},
		{"FREQ=FORTNIGHTLY", ErrSyntax, "YEARLY, MONTHLY"},
		{"FREQ=DAILY;FREQ=DAILY", ErrSyntax, "twice"},
		{"FREQ=DAILY;NONSENSE", ErrSyntax, "NONSENSE"},
		{"FREQ=DAILY;BYMOON=1", ErrSyntax, "BYMOON"},
		{"FREQ=DAILY;INTERVAL=0", ErrSyntax, "INTERVAL=0"},
		{"FREQ=DAILY;INTERVAL=-1", ErrSyntax, "1 to 10000"},
		{"FREQ=DAILY;INTERVAL=", ErrSyntax, "INTERVAL"},
		{"FREQ=MONTHLY;INTERVAL=10001", ErrUnsupported, "at most 10000"},
		{"FREQ=MONTHLY;INTERVAL=9223372036854775807", ErrUnsupported, "at most 10000"},
		{"FREQ=MONTHLY;INTERVAL=99999999999999999999", ErrUnsupported, "at most 10000"},
		{"FREQ=DAILY;COUNT=0", ErrSyntax, "COUNT"},
		{"FREQ=DAILY;COUNT=-1", ErrSyntax, "COUNT"},
		{"FREQ=DAILY;COUNT=1000000000", ErrUnsupported, "COUNT"},
		{"FREQ=DAILY;COUNT=3;UNTIL=20261231", ErrSyntax, "exclude"},
		{"FREQ=DAILY;UNTIL=20260230", ErrSyntax, "UNTIL"},
		{"FREQ=DAILY;UNTIL=20260201T250000Z", ErrSyntax, "UNTIL"},
		{"FREQ=DAILY;UNTIL=20260201Z", ErrSyntax, "UNTIL"},
		{"FREQ=DAILY;UNTIL=tomorrow", ErrSyntax, "UNTIL"},
		{"FREQ=DAILY;WKST=XX", ErrSyntax, "WKST"},
		{"FREQ=DAILY;BYHOUR=24", ErrSyntax, "0 to 23"},
		{"FREQ=DAILY;BYHOUR=-1", ErrSyntax, "0 to 23"},
		{"FREQ=DAILY;BYMINUTE=60", ErrSyntax, "0 to 59"},
		{"FREQ=DAILY;BYSECOND=61", ErrSyntax, "BYSECOND"},
		{"FREQ=DAILY;BYMONTH=13", ErrSyntax, "1 to 12"},
		{"FREQ=DAILY;BYMONTH=5L", ErrUnsupported, "RSCALE=HEBREW"},
		{"FREQ=DAILY;BYMONTHDAY=0", ErrSyntax, "-31 to -1"},
		{"FREQ=DAILY;BYMONTHDAY=32", ErrSyntax, "BYMONTHDAY"},
		{"FREQ=YEARLY;BYYEARDAY=367", ErrSyntax, "BYYEARDAY"},
		{"FREQ=YEARLY;BYWEEKNO=54", ErrSyntax, "BYWEEKNO"},
		{"FREQ=YEARLY;BYSETPOS=0;BYDAY=MO", ErrSyntax, "BYSETPOS"},
		{"FREQ=DAILY;BYDAY=", ErrSyntax, "BYDAY"},
		{"FREQ=DAILY;BYDAY=M", ErrSyntax, "BYDAY"},
		{"FREQ=MONTHLY;BYDAY=0MO", ErrSyntax, "BYDAY"},
		{"FREQ=MONTHLY;BYDAY=53MO", ErrSyntax, "1 to 5"},
		{"FREQ=MONTHLY;BYDAY=-53MO", ErrSyntax, "1 to 5"},
		{"FREQ=YEARLY;BYMONTH=12;BYDAY=10MO", ErrSyntax, "BYMONTH"},
		{"FREQ=YEARLY;BYDAY=54MO", ErrSyntax, "BYDAY"},
		{"FREQ=WEEKLY;BYDAY=1MO", ErrSyntax, "FREQ=WEEKLY"},
		{"FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO", ErrSyntax, "BYWEEKNO"},
		{"FREQ=YEARLY;BYEASTER=0", ErrUnsupported, "BYEASTER"},
		{"RSCALE=ETHIOPIC;FREQ=YEARLY", ErrUnsupported, "GREGORIAN, HEBREW, CHINESE"},
		{"RSCALE=;FREQ=YEARLY", ErrUnsupported, "GREGORIAN"},
		{"FREQ=YEARLY;SKIP=FORWARD", ErrSyntax, "needs RSCALE"},
		{"RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=YES", ErrSyntax, "OMIT, BACKWARD, FORWARD"},
		{"RSCALE=GREGORIAN;FREQ=YEARLY;BYMONTH=5L", ErrUnsupported, "HEBREW"},
		{"RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=6L", ErrSyntax, "5L"},
		{"RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=L", ErrSyntax, "1 to 12"},
		{"RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=13", ErrSyntax, "1 to 12"},
		{"RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=5LL", ErrSyntax, "1 to 12"},
		{"RSCALE=HEBREW;FREQ=YEARLY;BYMONTHDAY=31", ErrSyntax, "1 to 30"},
		{"RSCALE=CHINESE;FREQ=YEARLY;BYYEARDAY=-386", ErrSyntax, "BYYEARDAY"},
		{"RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=12L;SKIP=FORWARD", ErrUnsupported, "another year"},
		{"RSCALE=GREGORIAN;FREQ=YEARLY;BYWEEKNO=54", ErrSyntax, "1 to 53"},
		{"FREQ=HOURLY;BYWEEKNO=3", ErrUnsupported, "YEARLY"},
		{"FREQ=DAILY;BYHOUR=" + numbers(0, 23) + ";BYMINUTE=" + numbers(0, 59), ErrUnsupported, "288"},
		{"FREQ=DAILY;X-A=" + strings.Repeat("1", 9000), ErrUnsupported, "8192"},
		{"FREQ=\x00\x1b[31m\xff" + strings.Repeat("A", 100), ErrSyntax, "FREQ"},
	} {
		r, err := ParseRule(tt.text)
		switch {
		case tt.err == nil && err != nil:
			t.Errorf("ParseRule(%q) = %v", tt.text, err)
		case tt.err == nil && r.String() != tt.text:
			t.Errorf("ParseRule(%q).String() = %q", tt.text, r)
		case tt.err != nil && (!errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.parts) || len(err.Error()) > 250):
			t.Errorf("ParseRule(%.80q) = %v, want %v with %q", tt.text, err, tt.err, tt.parts)
		}
		var re *RuleError
		if err != nil && (!errors.As(err, &re) || strings.ContainsAny(err.Error(), "\x00\x1b\n")) {
			t.Errorf("ParseRule(%.80q) = %q, want a clean *RuleError", tt.text, err)
		}
	}
}

func numbers(lo, hi int) string {
	var s []string
	for i := lo; i <= hi; i++ {
		s = append(s, fromWall(int64(i)).Format("5"))
	}
	return strings.Join(s, ",")
}

func TestRuleAccessors(t *testing.T) {
	r, err := ParseRule("FREQ=WEEKLY;INTERVAL=2;UNTIL=20261231")
	if err != nil {
		t.Fatal(err)
	}
	wall, utc, ok := r.Until()
	if r.Frequency() != Weekly || r.Interval() != 2 || r.Count() != 0 || !r.Bounded() || !ok || utc || wall.Format("20060102T150405") != "20261231T235959" {
		t.Errorf("%v, %d, %d, %v, %v", r.Frequency(), r.Interval(), r.Count(), r.Bounded(), wall)
	}
	if r, _ = ParseRule("FREQ=YEARLY;BYMONTH=2,4;BYMONTHDAY=31,-31"); !r.Never() {
		t.Error("the 31st of February and April is not known never to come")
	}
	if r, _ = ParseRule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"); r.Never() {
		t.Error("the 29th of February is thought never to come")
	}
}

// The examples of RFC 5545 section 3.8.5.3, which all begin on 1997-09-02 09:00 but where they say otherwise.
func TestExamplesOfRFC5545(t *testing.T) {
	for _, tt := range []struct{ start, rule, want string }{
		{"", "FREQ=DAILY;COUNT=10", "0902 0903 0904 0905 0906 0907 0908 0909 0910 0911"},
		{"", "FREQ=DAILY;INTERVAL=10;COUNT=5", "0902 0912 0922 1002 1012"},
		{"", "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", "0902 0904 0916 0918 0930 1002 1014 1016"},
		{"19970905", "FREQ=MONTHLY;COUNT=10;BYDAY=1FR", "0905 1003 1107 1205 0102 0206 0306 0403 0501 0605"},
		{"19970907", "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU", "0907 0928 1102 1130 0104 0125 0301 0329 0503 0531"},
		{"19970922", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "0922 1020 1117 1222 0119 0216"},
		{"19970928", "FREQ=MONTHLY;BYMONTHDAY=-3", "0928 1029 1128 1229 0129 0226"},
		{"19970930", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", "0930 1001 1031 1101 1130 1201 1231 0101 0131 0201"},
		{"19970610", "FREQ=YEARLY;COUNT=10;BYMONTH=6,7", "0610 0710 0610 0710 0610 0710 0610 0710 0610 0710"},
		{"19970101", "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200", "0101 0410 0719 0101 0409 0718 0101 0410 0719 0101"},
		{"19970519", "FREQ=YEARLY;BYDAY=20MO", "0519 0518 0517"},
		{"19970512", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "0512 0511 0517"},
		{"19970512", "FREQ=YEARLY;BYWEEKNO=20", "0512 0511 0517"},
		{"19970313", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "0313 0320 0327 0305 0312 0319 0326"},
		{"", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "0902 0213 0313 1113 0813 1013"},
		{"19970913", "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13", "0913 1011 1108 1213 0110"},
		{"19961105", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8", "1105 1107 1102"},
		{"19970904", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "0904 1007 1106"},
		{"19970929", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "0929 1030 1127 1230 0129 0226 0330"},
		{"19970805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "0805 0810 0819 0824"},
		{"19970805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "0805 0817 0819 0831"},
		{"20070115", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "0115 0130 0215 0315 0330"},
		{"", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,1MO", "0902 0909 0916"},
	} {
		start := tt.start
		if start == "" {
			start = "19970902"
		}
		r, err := ParseRule(tt.rule)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Fields(tt.want)
		var got []string
		for w := range r.Walls(clock(t, start+"T090000"), time.Time{}) {
			if got = append(got, w.Format("0102")); len(got) > len(want) || !r.Bounded() && len(got) == len(want) {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("DTSTART %s %s\ngot  %v\nwant %v", start, tt.rule, got, want)
		}
	}
}
