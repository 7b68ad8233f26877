package api

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

var (
	//go:embed docs.html
	docsHTML string
	//go:embed docs.css
	docsCSS string
)

// describe makes the documents about the API, and the paths where they are. They need no login: they say what this program can
// do, and nothing of anybody.
func (h *Handler) describe() {
	var err error
	if h.json, err = json.Marshal(h.spec); err != nil {
		panic(fmt.Errorf("OpenAPI: %w", err)) // a mistake in this package; every test meets it
	}
	if h.yaml, err = h.spec.YAML(); err != nil {
		panic(fmt.Errorf("OpenAPI: %w", err))
	}
	var page bytes.Buffer
	if err := docsTemplate.Execute(&page, h.document()); err != nil {
		panic(fmt.Errorf("documentation: %w", err))
	}
	h.docs = page.Bytes()
	sum := sha256.Sum256([]byte(docsCSS))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for _, d := range []struct {
		path, contentType string
		body              []byte
	}{
		{"/openapi.json", "application/openapi+json", h.json},
		{"/openapi.yaml", "application/openapi+yaml", h.yaml},
		{"/docs", "text/html; charset=utf-8", h.docs},
	} {
		sum := sha256.Sum256(d.body)
		tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
		h.mux.HandleFunc("GET "+Prefix+d.path, func(w http.ResponseWriter, r *http.Request) {
			head := w.Header()
			head.Set("Cache-Control", "public, max-age=0, must-revalidate")
			head.Set("ETag", tag)
			head.Set("Content-Type", d.contentType)
			head.Set("Content-Security-Policy", policy)
			if matches(r.Header.Get("If-None-Match"), tag, true) {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			head.Set("Content-Length", strconv.Itoa(len(d.body)))
			w.Write(d.body) // nobody is left to hear of an error
		})
	}
	for _, path := range []string{Prefix, Prefix + "/{$}", "/api", "/api/{$}"} {
		h.mux.Handle("GET "+path, http.RedirectHandler(Prefix+"/docs", http.StatusSeeOther))
	}
}

var docsTemplate = template.Must(template.New("docs").Funcs(template.FuncMap{
	"css": func() template.CSS { return template.CSS(docsCSS) },
}).Parse(docsHTML))

// document is what the page of the documentation shows.
type document struct {
	Title, Description, Server string
	Example                    string // Server with a host
	Sections                   []docSection
	Types                      []docType
	Problems                   []docProblem
}

type docSection struct {
	Name, Description string
	Operations        []docOperation
}

type docOperation struct {
	ID, Method, Path, Summary, Description, Scope string
	Parameters                                    []docField
	Body, Answer                                  string // names of types
	Status                                        string
}

type docField struct {
	Name, In, Type, Ref, Description, Limits, Example string
	Required, ReadOnly                                bool
}

type docType struct {
	Name   string
	Fields []docField
}

type docProblem struct {
	Name, Title string
	Status      int
}

func (h *Handler) document() document {
	d := document{Title: h.spec.Info.Title, Description: h.spec.Info.Description, Server: h.spec.Servers[0].URL}
	if d.Example = d.Server; strings.HasPrefix(d.Example, "/") {
		d.Example = "https://YOUR-SERVER" + d.Example
	}
	for _, tag := range h.spec.Tags {
		s := docSection{Name: tag.Name, Description: tag.Description}
		for _, path := range slices.Sorted(maps.Keys(h.spec.Paths)) {
			item := h.spec.Paths[path]
			for _, op := range []*huma.Operation{item.Get, item.Post, item.Patch, item.Delete} {
				if op != nil && slices.Contains(op.Tags, tag.Name) {
					s.Operations = append(s.Operations, describeOperation(op))
				}
			}
		}
		d.Sections = append(d.Sections, s)
	}
	schemas := h.spec.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		d.Types = append(d.Types, docType{name, describeFields(schemas[name])})
	}
	words := recurrenceSchema{}.Schema(nil).Extensions["oneOf"].([]*huma.Schema)[1]
	d.Types = append(d.Types, docType{"Recurrence", describeFields(words)})
	slices.SortFunc(d.Types, func(a, b docType) int { return cmp.Compare(a.Name, b.Name) })
	for _, k := range allKinds() {
		d.Problems = append(d.Problems, docProblem{k.name, k.title, k.status})
	}
	return d
}

func describeOperation(op *huma.Operation) docOperation {
	scope, _ := op.Metadata[scopeKey].(Scope)
	out := docOperation{
		ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description, Scope: scope.String(),
	}
	for _, p := range op.Parameters {
		f := describeField(p.Name, p.Schema)
		f.In, f.Required = p.In, p.Required
		if f.Description == "" {
			f.Description = p.Description
		}
		out.Parameters = append(out.Parameters, f)
	}
	if op.RequestBody != nil {
		for _, m := range op.RequestBody.Content {
			out.Body = typeName(m.Schema)
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		if status == "default" {
			continue
		}
		out.Status = status
		for _, m := range op.Responses[status].Content {
			out.Answer = typeName(m.Schema)
		}
	}
	return out
}

// typeName is the name under which a type is in the document; "" for one that has none.
func typeName(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	return strings.TrimPrefix(s.Ref, "#/components/schemas/")
}

func describeFields(s *huma.Schema) []docField {
	var list []docField
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		f := describeField(name, s.Properties[name])
		f.Required = slices.Contains(s.Required, name)
		list = append(list, f)
	}
	return list
}

func describeField(name string, s *huma.Schema) docField {
	f := docField{Name: name, Description: s.Description, ReadOnly: s.ReadOnly, Type: s.Type}
	inner := s
	if s.Type == huma.TypeArray && s.Items != nil {
		inner = s.Items
		f.Type = "list of " + inner.Type
	}
	if ref := typeName(inner); ref != "" {
		f.Ref = ref
		f.Type = strings.TrimSpace(strings.TrimSuffix(f.Type, inner.Type))
	}
	if s.Type == "" && s.Extensions["oneOf"] != nil {
		f.Type, f.Ref = "string or", "Recurrence"
	}
	if s.Nullable {
		f.Type += ", null"
	}
	var limits []string
	number := func(format string, n *float64) {
		if n != nil {
			limits = append(limits, fmt.Sprintf(format, strconv.FormatFloat(*n, 'f', -1, 64)))
		}
	}
	length := func(format string, n *int) {
		if n != nil {
			limits = append(limits, fmt.Sprintf(format, *n))
		}
	}
	if len(inner.Enum) > 0 {
		words := make([]string, len(inner.Enum))
		for i, v := range inner.Enum {
			words[i] = fmt.Sprint(v)
		}
		limits = append(limits, strings.Join(words, ", "))
	}
	number("from %s", inner.Minimum)
	number("to %s", inner.Maximum)
	length("at most %d characters", inner.MaxLength)
	length("at most %d of them", s.MaxItems)
	f.Limits = strings.Join(limits, "; ")
	if len(s.Examples) > 0 {
		if text, err := json.Marshal(s.Examples[0]); err == nil {
			f.Example = strings.Trim(string(text), `"`)
		}
	}
	return f
}
