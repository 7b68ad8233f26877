package query

import (
	"strings"
	"time"
)

// Window is what an index on occurrence bounds can answer of a filter.
type Window struct {
	Component  string // VEVENT, VTODO, VJOURNAL or VFREEBUSY
	Start, End time.Time
	Exact      bool // the filter asks for nothing but the component in this window: no parsing needed
}

// Window returns the window outside which no object can match. ok is false when there is none: the filter does not ask
// for exactly one of the main components. A filter without a range gives an open window.
func (f *Filter) Window() (w Window, ok bool) {
	c := &f.Comp
	if c.IsNotDefined || c.AnyOf && len(c.Props)+len(c.Comps) > 1 {
		return Window{}, false
	}
	var only *CompFilter
	for i := range c.Comps {
		k := &c.Comps[i]
		if k.IsNotDefined || !isMain(strings.ToUpper(k.Name)) {
			continue
		}
		if only != nil {
			return Window{}, false
		}
		only = k
	}
	if only == nil {
		return Window{}, false
	}
	w = Window{Component: strings.ToUpper(only.Name)}
	if only.Range != nil {
		w.Start, w.End = only.Range.Start, only.Range.End
	}
	w.Exact = len(c.Comps) == 1 && len(c.Props) == 0 && len(only.Props)+len(only.Comps) == 0 &&
		(only.Range == nil || w.Component != "VFREEBUSY") // whose bounds hold its periods, which may not count
	return w, true
}

// Wants reports whether an object of this main component can match at all. An object has main components of one name
// only (RFC 4791 section 4.1).
func (f *Filter) Wants(component string) bool {
	c := &f.Comp
	if c.IsNotDefined {
		return false
	}
	if len(c.Comps) == 0 || c.AnyOf && len(c.Props) > 0 {
		return true
	}
	for i := range c.Comps {
		k := &c.Comps[i]
		wants := strings.EqualFold(k.Name, "VTIMEZONE") || strings.EqualFold(k.Name, component) != k.IsNotDefined
		if wants == c.AnyOf {
			return wants
		}
	}
	return !c.AnyOf
}
