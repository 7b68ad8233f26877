package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"kalends/api"
)

// TestKinds fails when package calendar has a kind of error that is not translated.
func TestKinds(t *testing.T) {
	if missing, extra := api.Missing(); len(missing) > 0 || extra != 0 {
		t.Errorf("kinds without a row: %v; rows too many: %d", missing, extra)
	}
	for name, clashes := range api.KindNames() {
		if clashes > 0 || !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(name) {
			t.Errorf("the problem %q stands for several, or is no name", name)
		}
	}
}

// conforms checks an answer against what the description of the API says of it.
func (h *house) conforms(method, path string, w *httptest.ResponseRecorder) {
	h.Helper()
	spec := h.api.Spec()
	path, _, _ = strings.Cut(path, "?")
	var op *huma.Operation
	for template, item := range spec.Paths {
		if matchesPath(template, path) && (op == nil || !strings.Contains(template, "{")) {
			op = map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PATCH": item.Patch, "DELETE": item.Delete}[method]
		}
	}
	if op == nil || w.Body.Len() == 0 {
		return
	}
	r := op.Responses[fmt.Sprint(w.Code)]
	if r == nil {
		r = op.Responses["default"]
	}
	contentType, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	m := r.Content[contentType]
	if m == nil {
		h.Errorf("%s %s answers %d with %s, which is not in its description", method, path, w.Code, contentType)
		return
	}
	var body any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		return // a stream
	}
	var res huma.ValidateResult
	huma.Validate(spec.Components.Schemas, m.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, body, &res)
	for _, err := range res.Errors {
		h.Errorf("%s %s answers %d against its description: %v", method, path, w.Code, err)
	}
}

func matchesPath(template, path string) bool {
	a, b := strings.Split(template, "/"), strings.Split(path, "/")
	return len(a) == len(b) && !slices.ContainsFunc(slices.Collect(seq(len(a))), func(i int) bool { return a[i] != b[i] && !strings.HasPrefix(a[i], "{") })
}

func seq(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// TestOpenAPI: the description is a document of OpenAPI 3.1, whole in itself.
func TestOpenAPI(t *testing.T) {
	h := newSQLite(t)
	w := h.as("", "GET", "/openapi.json", nil)
	var doc object
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Header().Get("Content-Type") != "application/openapi+json" {
		t.Fatalf("%v, %v", err, w.Header())
	}
	if v := text(doc, "openapi"); !strings.HasPrefix(v, "3.1.") {
		t.Errorf("openapi = %s", v)
	}
	for _, name := range []string{"info", "paths", "components", "servers", "tags"} {
		if doc[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	schemas := doc["components"].(object)["schemas"].(object)
	schemes := doc["components"].(object)["securitySchemes"].(object)
	used := map[string]bool{}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case []any:
			for i, e := range v {
				walk(fmt.Sprint(at, "/", i), e)
			}
		case object:
			if ref, ok := v["$ref"].(string); ok {
				name := strings.TrimPrefix(ref, "#/components/schemas/")
				used[name] = true
				if schemas[name] == nil {
					t.Errorf("%s: %s leads nowhere", at, ref)
				}
			}
			if props, ok := v["properties"].(object); ok && text(v, "type") == "object" {
				required, _ := v["required"].([]any)
				for _, r := range required {
					if props[r.(string)] == nil {
						t.Errorf("%s: %v is required and not there", at, r)
					}
				}
				for name, p := range props {
					if f := p.(object); text(f, "description") == "" && f["$ref"] == nil && !strings.HasSuffix(at, "Change") {
						t.Errorf("%s: %s is not described", at, name)
					}
				}
			}
			for k, e := range v {
				walk(at+"/"+k, e)
			}
		}
	}
	walk("#", doc)
	for name := range schemas {
		if !used[name] {
			t.Errorf("the schema %s is not used", name)
		}
	}
	ids := map[string]bool{}
	count := 0
	for path, item := range doc["paths"].(object) {
		inPath := regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1)
		for method, v := range item.(object) {
			op := v.(object)
			count++
			id := text(op, "operationId")
			if id == "" || ids[id] || text(op, "summary") == "" || len(op["tags"].([]any)) != 1 {
				t.Errorf("%s %s: operationId %q, summary %q, tags %v", method, path, id, text(op, "summary"), op["tags"])
			}
			ids[id] = true
			declared := map[string]bool{}
			for _, p := range list(op, "parameters") {
				declared[text(p, "in")+" "+text(p, "name")] = true
				if p["schema"] == nil || text(p, "description") == "" || text(p, "in") == "path" && p["required"] != true {
					t.Errorf("%s %s: parameter %v", method, path, p)
				}
			}
			for _, name := range inPath {
				if !declared["path "+name[1]] {
					t.Errorf("%s %s: {%s} is not declared", method, path, name[1])
				}
			}
			responses := slices.Sorted(maps.Keys(op["responses"].(object)))
			if len(responses) != 2 || responses[0][0] != '2' || responses[1] != "default" {
				t.Errorf("%s %s: responses %v", method, path, responses)
			}
			security, _ := op["security"].([]any)
			for _, s := range security {
				for name := range s.(object) {
					if schemes[name] == nil {
						t.Errorf("%s %s: security scheme %s", method, path, name)
					}
				}
			}
			if len(security) != 2 {
				t.Errorf("%s %s: security %v", method, path, security)
			}
		}
	}
	if count < 16 {
		t.Errorf("%d operations", count)
	}
	lacks(t, w.Body.String(), "ErrorModel", "$schema")
	if y := h.as("", "GET", "/openapi.yaml", nil); y.Code != 200 || !strings.Contains(y.Body.String(), "openapi: 3.1") {
		t.Errorf("YAML = %d %.100s", y.Code, y.Body)
	}
}

// TestDocs: the page shows everything, needs nothing from elsewhere, and problems lead to it.
func TestDocs(t *testing.T) {
	h := newSQLite(t)
	w := h.as("", "GET", "/docs", nil)
	page := w.Body.String()
	if w.Code != 200 || page != h.api.Docs() {
		t.Fatal(w.Code)
	}
	lacks(t, page, "<script", "src=", "@import", "<no value>", "ZgotmplZ")
	if strings.Count(page, "http://")+strings.Count(page, "https://") != strings.Count(page, "https://meet.example.com")+strings.Count(page, "https://YOUR-SERVER") {
		t.Error("the page leads elsewhere")
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(page)[1]
	contains(t, w.Header().Get("Content-Security-Policy"), "'"+sha256Of(style)+"'", "default-src 'none'")
	for path, item := range h.api.Spec().Paths {
		contains(t, page, path)
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Patch, item.Delete} {
			if op != nil {
				contains(t, page, `id="`+op.OperationID+`"`)
			}
		}
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]] {
			t.Errorf("the id %s stands twice", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !ids[m[1]] {
			t.Errorf("#%s leads nowhere", m[1])
		}
	}
	for name := range api.KindNames() {
		if !ids[name] {
			t.Errorf("the problem %s is not explained", name)
		}
	}
	if a := h.as("", "GET", "/docs", nil, "If-None-Match", w.Header().Get("ETag")); a.Code != 304 {
		t.Errorf("If-None-Match = %d", a.Code)
	}
	if a := h.as("", "GET", "", nil); a.Code != 303 || a.Header().Get("Location") != "/api/v1/docs" {
		t.Errorf("/api/v1 = %d", a.Code)
	}
}
