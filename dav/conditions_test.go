package dav

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestConditions(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 500, time.UTC)
	cur := State{Exists: true, ETag: `"1-1"`, ScheduleTag: `"s1"`, Modified: at}
	plain := State{Exists: true, ETag: `"1-1"`, Modified: at}
	none := State{}
	weak := State{Exists: true, ETag: `W/"1-1"`}
	comma := State{Exists: true, ETag: `"a,b"`}
	const date, before = "Sun, 01 Mar 2026 12:00:00 GMT", "Sun, 01 Mar 2026 11:59:59 GMT"
	type h = map[string][]string
	for _, tt := range []struct {
		name   string
		method string
		h      h
		s      State
		want   Outcome
	}{
		{"no condition", "PUT", h{}, cur, Pass},
		{"same tag", "PUT", h{"If-Match": {`"1-1"`}}, cur, Pass},
		{"stale tag", "PUT", h{"If-Match": {`"1-0"`}}, cur, PreconditionFailed},
		{"one of a list", "PUT", h{"If-Match": {`"x" , "y",,"1-1"`}}, cur, Pass},
		{"in a second line", "PUT", h{"If-Match": {`"x"`, `"1-1"`}}, cur, Pass},
		{"comma inside quotes", "PUT", h{"If-Match": {`"x", "a,b"`}}, comma, Pass},
		{"comma inside quotes is not two tags", "PUT", h{"If-Match": {`"1-1,x"`}}, cur, PreconditionFailed},
		{"weak tag in a strong comparison", "PUT", h{"If-Match": {`W/"1-1"`}}, cur, PreconditionFailed},
		{"weak tag on both sides", "PUT", h{"If-Match": {`W/"1-1"`}}, weak, PreconditionFailed},
		{"any, exists", "PUT", h{"If-Match": {"*"}}, cur, Pass},
		{"any, does not exist", "PUT", h{"If-Match": {" * "}}, none, PreconditionFailed},
		{"tag, does not exist", "PUT", h{"If-Match": {`"1-1"`}}, none, PreconditionFailed},
		{"Evolution's backslashes", "PUT", h{"If-Match": {`\"1-1\"`}}, cur, Pass},
		{"a backslash inside is a character", "PUT", h{"If-Match": {`"1-1\"`}}, cur, PreconditionFailed},
		{"Thunderbird's nothing on nothing", "PUT", h{"If-Match": {"nothing"}}, none, PreconditionFailed},
		{"Thunderbird's nothing on something", "PUT", h{"If-Match": {"nothing"}}, cur, PreconditionFailed},
		{"a tag without quotes is not ours", "PUT", h{"If-Match": {"1-1"}}, cur, PreconditionFailed},
		{"an empty list holds nothing", "PUT", h{"If-Match": {""}}, cur, PreconditionFailed},
		{"create", "PUT", h{"If-None-Match": {"*"}}, none, Pass},
		{"create over existing", "PUT", h{"If-None-Match": {"*"}}, cur, PreconditionFailed},
		{"read what is known", "GET", h{"If-None-Match": {`"1-1"`}}, cur, NotModified},
		{"read what is known, weakly", "HEAD", h{"If-None-Match": {`"x", W/"1-1"`}}, cur, NotModified},
		{"read any", "GET", h{"If-None-Match": {"*"}}, cur, NotModified},
		{"write what is known", "PUT", h{"If-None-Match": {`W/"1-1"`}}, cur, PreconditionFailed},
		{"read what is new", "GET", h{"If-None-Match": {`"x"`}}, cur, Pass},
		{"both hold", "PUT", h{"If-Match": {`"1-1"`}, "If-None-Match": {`"x"`}}, cur, Pass},
		{"If-Match first", "GET", h{"If-Match": {`"x"`}, "If-None-Match": {`"1-1"`}}, cur, PreconditionFailed},
		{"same schedule tag", "PUT", h{"If-Schedule-Tag-Match": {`"s1"`}}, cur, Pass},
		{"stale schedule tag", "PUT", h{"If-Schedule-Tag-Match": {`"s0"`}}, cur, PreconditionFailed},
		{"schedule tag with backslashes", "PUT", h{"If-Schedule-Tag-Match": {`\"s1\"`}}, cur, Pass},
		{"schedule tag on an object without", "PUT", h{"If-Schedule-Tag-Match": {`"s1"`}}, plain, PreconditionFailed},
		{"schedule tag on nothing", "DELETE", h{"If-Schedule-Tag-Match": {`"s1"`}}, none, PreconditionFailed},
		{"empty schedule tag, no tag", "PUT", h{"If-Schedule-Tag-Match": {""}}, plain, Pass},
		{"empty schedule tag, no object", "PUT", h{"If-Schedule-Tag-Match": {""}}, none, Pass},
		{"empty schedule tag, has a tag", "PUT", h{"If-Schedule-Tag-Match": {""}}, cur, PreconditionFailed},
		{"schedule tag holds, entity tag does not", "PUT", h{"If-Schedule-Tag-Match": {`"s1"`}, "If-Match": {`"x"`}}, cur, PreconditionFailed},
		{"unmodified since", "PUT", h{"If-Unmodified-Since": {date}}, cur, Pass},
		{"modified since", "PUT", h{"If-Unmodified-Since": {before}}, cur, PreconditionFailed},
		{"If-Match overrides the date", "PUT", h{"If-Match": {"*"}, "If-Unmodified-Since": {before}}, cur, Pass},
		{"a broken date is ignored", "PUT", h{"If-Unmodified-Since": {"yesterday"}}, cur, Pass},
		{"read, not modified since", "GET", h{"If-Modified-Since": {date}}, cur, NotModified},
		{"read, modified since", "GET", h{"If-Modified-Since": {before}}, cur, Pass},
		{"read, RFC 850 date", "GET", h{"If-Modified-Since": {"Sunday, 01-Mar-26 12:00:00 GMT"}}, cur, NotModified},
		{"read, asctime date", "GET", h{"If-Modified-Since": {"Sun Mar  1 12:00:00 2026"}}, cur, NotModified},
		{"If-None-Match overrides the date", "GET", h{"If-None-Match": {`"x"`}, "If-Modified-Since": {date}}, cur, Pass},
		{"If-Modified-Since is for reading", "PUT", h{"If-Modified-Since": {date}}, cur, Pass},
	} {
		c, err := ParseConditions(tt.h)
		if err != nil {
			t.Errorf("%s: ParseConditions(%v): %v", tt.name, tt.h, err)
			continue
		}
		if got := c.Check(tt.method, tt.s); got != tt.want {
			t.Errorf("%s: %v: Check(%s, %+v) = %v, want %v", tt.name, tt.h, tt.method, tt.s, got, tt.want)
		}
		if c.Unconditional() != (len(tt.h) == 0 || tt.name == "a broken date is ignored") {
			t.Errorf("%s: Unconditional() = %v", tt.name, c.Unconditional())
		}
	}
}

func TestConditionsRefused(t *testing.T) {
	type h = map[string][]string
	for _, in := range []h{
		{"If-Match": {`"abc`}},
		{"If-Match": {`W/"abc`}},
		{"If-Match": {`*, "abc"`}},
		{"If-Match": {`"abc" "def"`}},
		{"If-Match": {strings.Repeat(`"a",`, maxTags+1)}},
		{"If-None-Match": {`"`}},
		{"If-Schedule-Tag-Match": {`"a"`, `"b"`}},
	} {
		if _, err := ParseConditions(in); err == nil {
			t.Errorf("ParseConditions(%.60v) gives no error", in)
		} else if _, ok := errors.AsType[*HeaderError](err); !ok {
			t.Errorf("ParseConditions(%.60v) = %T, want a HeaderError", in, err)
		}
	}
}

func FuzzConditions(f *testing.F) {
	for _, s := range []string{"*", `"a"`, `W/"a", "b,c"`, `\"a\"`, "nothing", `"`, `W/`, `\"`, ", ,", `W/\"a\"`} {
		f.Add(s, s, s)
	}
	f.Fuzz(func(t *testing.T, match, none, schedule string) {
		c, err := ParseConditions(map[string][]string{"If-Match": {match}, "If-None-Match": {none}, "If-Schedule-Tag-Match": {schedule}, "If-Modified-Since": {match}})
		if err != nil {
			return
		}
		s := State{Exists: true, ETag: `"a"`}
		if c.IfMatch.Present && c.Check("PUT", State{}) == Pass {
			t.Fatalf("If-Match: %q passed on nothing", match)
		}
		if got := c.Check("PUT", s); got == NotModified || got == Pass && !c.IfMatch.Any && !strings.Contains(match, `a`) {
			t.Fatalf("If-Match: %q, If-None-Match: %q: Check = %v", match, none, got)
		}
		for _, l := range []TagList{c.IfMatch, c.IfNoneMatch} { // what was read reads again as the same
			again, err := parseTagList(map[string][]string{"X": {strings.Join(l.Tags, ", ")}}, "X")
			if err != nil || !slices.Equal(again.Tags, l.Tags) {
				t.Fatalf("%q read again is %q, %v", l.Tags, again.Tags, err)
			}
		}
	})
}
