// Package sheet is for pages that people without an account see: each is one file, with its style inside, and a policy by which a browser
// loads nothing else.
package sheet

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"

	"kalends/internal/words"
)

//go:embed sheet.html
var frame string

//go:embed sheet.css
var base string

// Sheet is a kind of page.
type Sheet struct {
	// Policy lets a page do nothing but look as it should, and send its forms here where it has some. It is the Content-Security-Policy of
	// every answer, whatever is in it.
	Policy string

	page  *template.Template
	style template.CSS
}

// New returns a kind of page with this style, and with this template inside of <main>. It panics where that is none.
func New(content, style string, forms bool) *Sheet {
	style = base + style
	sum := sha256.Sum256([]byte(style))
	to := "'none'"
	if forms {
		to = "'self'"
	}
	page := template.Must(template.New("sheet").Parse(frame))
	template.Must(page.New("content").Parse(content))
	return &Sheet{
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action " + to + "; base-uri 'none'; frame-ancestors 'none'",
		page:   page, style: template.CSS(style),
	}
}

// Write answers with a page, whole or not at all. Lang says in which language it is, and content is what its template is given.
func (s *Sheet) Write(w http.ResponseWriter, status int, lang *words.Language, title string, content any) error {
	var b bytes.Buffer
	err := s.page.Execute(&b, struct {
		Lang    *words.Language
		Title   string
		Style   template.CSS
		Content any
	}{lang, title, s.style, content})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Security-Policy", s.Policy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang.Tag)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // nobody is left to hear of an error; net/http drops it for HEAD
	return nil
}
