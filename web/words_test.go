package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"kalends/calendar"
)

// TestWords sees that every text of pages and code is there in every language, with the same things to fill in.
func TestWords(t *testing.T) {
	texts := map[string]string{}
	in := regexp.MustCompile(`\.(?:T|N \S+) "((?:[^"\\]|\\.)*)"(?: "((?:[^"\\]|\\.)*)")?`)
	names, err := filepath.Glob("pages/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range in.FindAllStringSubmatch(string(page), -1) {
			texts[m[1]] = name
			if strings.Contains(m[0], ".N ") {
				texts[m[2]] = name
			}
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	// tables hold texts that are said elsewhere.
	tables := map[string]bool{"fieldProblems": true, "notices": true, "kinds": true, "answerWords": true, "scopeWords": true, "requestWords": true, "feedProblems": true, "shareWords": true, "shareStates": true, "kindWords": true,
		"hookKindWords": true, "hookFailureWords": true, "hookProblems": true}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "words_") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		note := func(e ast.Expr) {
			if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if s, err := strconv.Unquote(l.Value); err == nil && s != "" {
					texts[s] = name
				}
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				sel, ok := n.Fun.(*ast.SelectorExpr)
				switch {
				case !ok:
				case sel.Sel.Name == "T" || sel.Sel.Name == "t":
					if len(n.Args) > 0 {
						note(n.Args[0])
					}
				case sel.Sel.Name == "N" && len(n.Args) == 3:
					note(n.Args[1])
					note(n.Args[2])
				}
			case *ast.ValueSpec:
				if !tables[n.Names[0].Name] {
					return true
				}
				ast.Inspect(n, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.KeyValueExpr:
						note(n.Value)
						ast.Inspect(n.Value, func(n ast.Node) bool {
							if e, ok := n.(ast.Expr); ok {
								note(e)
							}
							return true
						})
						return false
					}
					return true
				})
			case *ast.CompositeLit:
				if id, ok := n.Type.(*ast.Ident); ok && id.Name == "problem" {
					for _, e := range n.Elts {
						note(e)
					}
				}
			}
			return true
		})
	}
	if len(texts) < 150 {
		t.Fatalf("found only %d texts; the test looks at the wrong place", len(texts))
	}
	verbs := regexp.MustCompile(`%[sd]`)
	for _, l := range catalogues {
		if l.texts == nil {
			continue
		}
		for text, where := range texts {
			got, ok := l.texts[text]
			if !ok {
				t.Errorf("%s: %q is not in %s", where, text, l.Self)
				continue
			}
			if a, b := verbs.FindAllString(text, -1), verbs.FindAllString(got, -1); strings.Join(a, "") != strings.Join(b, "") {
				t.Errorf("%s: %q fills in %v, %q %v", where, text, a, got, b)
			}
		}
	}
}

func TestLanguageOf(t *testing.T) {
	for tag, want := range map[string]string{"de-AT": "de", "DE_de": "de", "en-US": "en", "fr": "en", "": "en", "den": "en"} {
		if got := catalogueFor(tag).Tag; got != want {
			t.Errorf("catalogueFor(%q) = %s, want %s", tag, got, want)
		}
	}
}

// TestKinds sees that people are told something about every kind of error there is.
func TestKinds(t *testing.T) {
	for k := range calendar.NumKinds {
		if calendar.Kind(k) == calendar.Internal {
			continue
		}
		if p, ok := kinds[calendar.Kind(k)]; !ok || p.status < 400 || p.text == "" {
			t.Errorf("kind %d has no row in kinds", k)
		}
	}
	if extra := len(kinds) - calendar.NumKinds + 1; extra != 0 {
		t.Errorf("kinds has %d rows too many", extra)
	}
}
