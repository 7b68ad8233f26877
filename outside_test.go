package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// asks are the places that open connections of their own, and why they may: each goes only where whoever runs the server, or a command of
// theirs, has said. What people type in is fetched with internal/outside.
var asks = map[string]string{
	"internal/outside/outside.go": "the client for addresses that people type in",
	"import_remote.go":            "a command: who runs it may ask the network they are in",
	"mailer/smtp.go":              "the relay of the settings",
	"mailer/imap_session.go":      "the mailbox of the settings",
	"mailer/listener.go":          "its own socket, to see whether another server listens",
	"mailer/verify.go":            "looks up keys of DKIM in the DNS, and opens nothing",
	"internal/demo/story.go":      "a command, which asks itself",
}

// dials are the ways to open a connection, by package.
var dials = map[string][]string{
	"net/http": {"Client", "Transport", "DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm"},
	"net":      {"Dial", "DialTimeout", "Dialer", "DialTCP", "DialUDP", "DialUnix", "DialIP", "DefaultResolver", "LookupHost", "LookupIP", "LookupAddr", "LookupMX", "LookupTXT", "LookupSRV", "LookupCNAME"},
}

// TestS10NothingElseFetches: there is no other place than those above that opens connections, so an address that stands in an
// event, a mail, a time zone or a form is fetched with internal/outside or not at all.
func TestS10NothingElseFetches(t *testing.T) {
	used := map[string]bool{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || slices.Contains([]string{"internal/davtest", "internal/pgtest"}, filepath.ToSlash(name))):
			return fs.SkipDir
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		imported := map[string]string{} // package by its name in the file
		for _, spec := range f.Imports {
			from := strings.Trim(spec.Path.Value, `"`)
			as := from[strings.LastIndexByte(from, '/')+1:]
			if spec.Name != nil {
				as = spec.Name.Name
			}
			imported[as] = from
		}
		name = filepath.ToSlash(name)
		fields := map[ast.Expr]bool{} // of a type *http.Client: who makes one decides
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.StarExpr:
				fields[n.X] = true
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				if !ok || fields[n] || !slices.Contains(dials[imported[x.Name]], n.Sel.Name) {
					return true
				}
				if asks[name] == "" {
					t.Errorf("%s uses %s.%s: what people type in is fetched with internal/outside", name, x.Name, n.Sel.Name)
				}
				used[name] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, why := range asks {
		if !used[name] {
			t.Errorf("%s (%s) asks nobody any more: take it out of the list", name, why)
		}
	}
}
