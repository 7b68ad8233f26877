// Checks has the small programs of the Makefile: they look at the tree, not at the product.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	err := fmt.Errorf("usage: checks fuzz DURATION | rfc")
	switch {
	case len(os.Args) == 3 && os.Args[1] == "fuzz":
		err = fuzz(os.Args[2])
	case len(os.Args) == 2 && os.Args[1] == "rfc":
		err = rfc()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// goFiles calls fn with each Go file of the tree.
func goFiles(fn func(path, text string)) error {
	return filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		b, err := os.ReadFile(path)
		fn(path, string(b))
		return err
	})
}

// fuzz runs each fuzz target for a while.
func fuzz(duration string) error {
	target := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)
	var runs [][2]string
	err := goFiles(func(path, text string) {
		for _, m := range target.FindAllStringSubmatch(text, -1) {
			runs = append(runs, [2]string{"./" + filepath.Dir(path), m[1]})
		}
	})
	if err != nil {
		return err
	}
	for i, r := range runs {
		fmt.Printf("[%d/%d] %s %s\n", i+1, len(runs), r[0], r[1])
		cmd := exec.Command("go", "test", "-run", "^$", "-fuzz", "^"+r[1]+"$", "-fuzztime", duration, "-fuzzminimizetime", "5x", r[0])
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s in %s: %w", r[1], r[0], err)
		}
	}
	return nil
}

var citation = regexp.MustCompile(`RFC (\d+),? sections? (\d+(?:\.\d+)*)`)

// rfc lists the sections the code cites with their files, and fails when docs/rfc.md has no line about the RFC.
func rfc() error {
	cited := map[string][]string{}
	err := goFiles(func(path, text string) {
		text = regexp.MustCompile(`\n\s*//\s*`).ReplaceAllString(text, " ")
		for _, m := range citation.FindAllStringSubmatch(text, -1) {
			key := m[1] + " " + m[2]
			if !slices.Contains(cited[key], path) {
				cited[key] = append(cited[key], path)
			}
		}
	})
	if err != nil {
		return err
	}
	table, err := os.ReadFile("docs/rfc.md")
	if err != nil {
		return err
	}
	var missing []string
	for key, files := range cited {
		number, section, _ := strings.Cut(key, " ")
		fmt.Printf("RFC %s section %-10s %s\n", number, section, strings.Join(files, " "))
		if !strings.Contains(string(table), "RFC "+number) {
			missing = append(missing, number)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("docs/rfc.md has no line about RFC %s", strings.Join(slices.Compact(missing), ", "))
	}
	return nil
}
