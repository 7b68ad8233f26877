package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"kalends/ical/zone"
)

// version is the release; the linker sets it with -X main.version=1.2.3.
var version = ""

// versionCmd is `kalends version`.
type versionCmd struct{}

// Run prints what a report of a problem should name.
func (versionCmd) Run(p *program) error {
	_, err := fmt.Fprintf(p.out, "kalends %s\n%s %s/%s\ntime zones %s\n",
		programVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, zone.Version())
	return err
}

// programVersion is the release, else the commit it was built from.
func programVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "development"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	commit, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	if commit == "" {
		return "development"
	}
	return "development " + commit + changed
}
