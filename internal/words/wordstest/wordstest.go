// Package wordstest sees that a book of words has every text that a part of the server says.
package wordstest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kalends/internal/words"
)

// Source says where texts are said, in the folder of the test.
type Source struct {
	Pages string // a pattern of templates: what {{.T "…"}} and {{.N n "…" "…"}} say; "" for none
	// Tables are variables and constants that are said elsewhere: all strings in them but the keys.
	Tables []string
	// Types are structs whose literals hold texts.
	Types []string
	// Ignore are the beginnings of names of files that are not looked at: those of the texts themselves.
	Ignore []string
}

var (
	spoken = regexp.MustCompile(`\.(?:T|N (?:[^\s(]\S*|\([^()]*\))) "((?:[^"\\]|\\.)*)"(?: "((?:[^"\\]|\\.)*)")?`)
	verbs  = regexp.MustCompile(`%(?:\[\d+\])?[a-z]`)
)

// Check fails the test for each text that is said in the source and not in the book in every language, for each that fills in other things
// than the English one, and for each in the book that nothing says. It fails as well when it finds fewer than least texts: then it looks
// at the wrong place.
func Check(t *testing.T, b *words.Book, s Source, least int) {
	t.Helper()
	texts := s.texts(t)
	if len(texts) < least {
		t.Fatalf("found only %d texts, want %d; the test looks at the wrong place", len(texts), least)
	}
	for _, v := range b.Voices() {
		for text, where := range texts {
			got, ok := v.Text(text)
			if !ok || got == "" {
				t.Errorf("%s: %q is not in %s", where, text, v.Self)
				continue
			}
			if a, b := verbs.FindAllString(text, -1), verbs.FindAllString(got, -1); strings.Join(a, "") != strings.Join(b, "") {
				t.Errorf("%s: %q fills in %v, %q %v", where, text, a, got, b)
			}
		}
		for text := range v.Table() {
			if _, ok := texts[text]; !ok {
				t.Errorf("%q is in %s, and nothing says it", text, v.Self)
			}
		}
	}
}

// texts returns where each text is said.
func (s Source) texts(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	if s.Pages != "" {
		for _, name := range glob(t, s.Pages) {
			page, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range spoken.FindAllStringSubmatch(string(page), -1) {
				texts[m[1]] = name
				if strings.Contains(m[0], ".N ") {
					texts[m[2]] = name
				}
			}
		}
	}
	for _, name := range glob(t, "*.go") {
		if strings.HasSuffix(name, "_test.go") || s.ignores(name) {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.said(f, func(text string) { texts[text] = name })
	}
	return texts
}

func (s Source) ignores(name string) bool {
	for _, p := range s.Ignore {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no files match %s (%v)", pattern, err)
	}
	return names
}

// said notes the texts of a file.
func (s Source) said(f *ast.File, note func(string)) {
	literal := func(e ast.Node) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if text, err := strconv.Unquote(l.Value); err == nil && text != "" {
				note(text)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			switch {
			case !ok:
			case (sel.Sel.Name == "T" || sel.Sel.Name == "t") && len(n.Args) > 0:
				literal(n.Args[0])
			case sel.Sel.Name == "N" && len(n.Args) == 3:
				literal(n.Args[1])
				literal(n.Args[2])
			}
		case *ast.ValueSpec:
			if !slices.Contains(s.Tables, n.Names[0].Name) {
				return true
			}
			for _, e := range n.Values {
				literal(e)
			}
			ast.Inspect(n, func(n ast.Node) bool {
				pair, ok := n.(*ast.KeyValueExpr)
				if !ok {
					return true
				}
				ast.Inspect(pair.Value, func(n ast.Node) bool { literal(n); return true })
				return false
			})
		case *ast.CompositeLit:
			if id, ok := n.Type.(*ast.Ident); ok && slices.Contains(s.Types, id.Name) {
				for _, e := range n.Elts {
					literal(e)
				}
			}
		}
		return true
	})
}
