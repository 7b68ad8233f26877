package mailer

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"kalends/internal/words"
)

// TestCataloguesAreComplete: each language says all that English says, with the same things to fill in.
func TestCataloguesAreComplete(t *testing.T) {
	if len(catalogues) != len(words.Languages()) {
		t.Errorf("%d catalogues for %d languages", len(catalogues), len(words.Languages()))
	}
	for _, l := range catalogues {
		agree(t, l.Tag, reflect.ValueOf(english), reflect.ValueOf(*l))
		theirs, ok := webhookCatalogue[l.Tag]
		if !ok {
			t.Errorf("%s has no words for webhooks", l.Tag)
		}
		agree(t, l.Tag+": webhooks", reflect.ValueOf(webhookCatalogue[english.Tag]), reflect.ValueOf(theirs))
		if got := catalogueFor(l.Tag); got != l {
			t.Errorf("catalogueFor(%q) is the one of %s", l.Tag, got.Tag)
		}
	}
	if got := catalogueFor("fr").Tag; got != "en" {
		t.Errorf("catalogueFor(fr) = %s, want en", got)
	}
}

var verbs = regexp.MustCompile(`%(?:\[\d+\])?[a-z]`)

// agree holds what one language says against English, down to each text. What is empty in English may be empty.
func agree(t *testing.T, where string, want, got reflect.Value) {
	t.Helper()
	switch want.Kind() {
	case reflect.String:
		a, b := verbs.FindAllString(want.String(), -1), verbs.FindAllString(got.String(), -1)
		if want.String() != "" && got.String() == "" || !slices.Equal(a, b) {
			t.Errorf("%s: %q stands for %q", where, got, want)
		}
	case reflect.Struct:
		for i := range want.NumField() {
			name := want.Type().Field(i).Name
			agree(t, where+"."+name, want.Field(i), got.Field(i))
		}
	case reflect.Map:
		for _, m := range [][2]reflect.Value{{want, got}, {got, want}} {
			for _, k := range m[0].MapKeys() {
				if !m[1].MapIndex(k).IsValid() {
					t.Errorf("%s: %v is in one language only", where, k)
				}
			}
		}
		for _, k := range want.MapKeys() {
			if v := got.MapIndex(k); v.IsValid() {
				agree(t, fmt.Sprintf("%s[%v]", where, k), want.MapIndex(k), v)
			}
		}
	case reflect.Array, reflect.Slice:
		for i := range want.Len() {
			agree(t, fmt.Sprintf("%s[%d]", where, i), want.Index(i), got.Index(i))
		}
	case reflect.Func:
		if got.IsNil() {
			t.Errorf("%s is missing", where)
		}
	case reflect.Pointer: // the language itself: package words sees to it
	default:
		t.Errorf("%s is a %s, which this test cannot look into", where, want.Kind())
	}
}
