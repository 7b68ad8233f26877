package sheet_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kalends/internal/sheet"
	"kalends/internal/words"
)

// between is what stands between two parts of a text.
func between(text, after, before string) string {
	_, rest, _ := strings.Cut(text, after)
	part, _, _ := strings.Cut(rest, before)
	return part
}

func TestAPageIsOneFile(t *testing.T) {
	for _, forms := range []bool{false, true} {
		s := sheet.New(`<h1>{{.Name}}</h1>`, "h1{color:red}", forms)
		w := httptest.NewRecorder()
		if err := s.Write(w, http.StatusGone, words.German, "A & B", struct{ Name string }{"<script>alert(1)</script>"}); err != nil {
			t.Fatal(err)
		}
		body, policy := w.Body.String(), w.Header().Get("Content-Security-Policy")
		sum := sha256.Sum256([]byte(between(body, "<style>", "</style>")))
		if want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
			t.Errorf("the policy %q does not have %s", policy, want)
		}
		if policy != s.Policy || strings.Contains(policy, "form-action 'self'") != forms || !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("policy of a page with forms %v: %s", forms, policy)
		}
		if w.Code != http.StatusGone || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || w.Header().Get("Content-Language") != "de" {
			t.Errorf("answered %d, %v", w.Code, w.Header())
		}
		for _, part := range []string{`<html lang="de">`, "<title>A &amp; B</title>", "h1{color:red}", "<h1>&lt;script&gt;alert(1)&lt;/script&gt;</h1>"} {
			if !strings.Contains(body, part) {
				t.Errorf("%s is not in\n%s", part, body)
			}
		}
	}
}

func TestAPageThatCannotBeMadeIsNotBegun(t *testing.T) {
	w := httptest.NewRecorder()
	if err := sheet.New(`<h1>{{.Name}}</h1>`, "", false).Write(w, http.StatusOK, words.English, "A", struct{}{}); err == nil {
		t.Error("no error for a template that asks for what is not there")
	}
	if w.Body.Len() > 0 || len(w.Header()) > 0 {
		t.Errorf("begun all the same: %v %s", w.Header(), w.Body)
	}
}
