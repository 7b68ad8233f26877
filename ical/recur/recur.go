// Package recur works out when calendar objects happen: recurrence rules (RFC 5545 section 3.3.10), in the Gregorian, the
// Hebrew or the Chinese calendar (RFC 7529), and the whole recurrence set of an object with its exceptions (RFC 5545
// section 3.8.5) as a [Series].
//
// Rules are expanded in naive wall time, and each wall time becomes an instant by the rules of RFC 5545 section 3.3.5
// afterwards. Expanding in zoned time goes wrong on days that have no midnight.
//
// Every input is hostile: ParseRule lets nothing pass that could cost without bound, every cursor has a budget of
// steps, and every answer a limit of instances.
package recur

import (
	"errors"
	"fmt"
)

// Sorts of refusal; test with errors.Is.
var (
	// ErrSyntax: the text is not a recurrence rule.
	ErrSyntax = errors.New("not a valid recurrence rule")
	// ErrUnsupported: the text is well formed, but asks for what this package does not do or what would cost too much.
	ErrUnsupported = errors.New("recurrence is not supported")
	// ErrScale: a rule counts in a calendar system that is not supported, or not known on the day of DTSTART (RFC 7529).
	// It is an ErrUnsupported too.
	ErrScale = fmt.Errorf("%w in this calendar system", ErrUnsupported)
	// ErrTooMany: an answer would hold more instances than its limit, or looking for them took too many steps.
	ErrTooMany = errors.New("too many instances")
	// ErrCorrupt: the bytes given to Decode were not made by MarshalBinary of a known version.
	ErrCorrupt = errors.New("corrupt series")
)

// A RuleError says which part of a rule is refused, and what would be accepted.
type RuleError struct {
	Part  string // BYDAY, or "" for the rule as a whole
	Value string // the text refused, shortened
	Msg   string
	Err   error // ErrSyntax or ErrUnsupported
}

func (e *RuleError) Error() string {
	if e.Part == "" {
		return "recurrence rule: " + e.Msg
	}
	if e.Value == "" {
		return "recurrence rule: " + e.Part + ": " + e.Msg
	}
	return fmt.Sprintf("recurrence rule: %s=%s: %s", e.Part, e.Value, e.Msg)
}

func (e *RuleError) Unwrap() error { return e.Err }

func syntaxError(part, value, format string, args ...any) error {
	return &RuleError{part, shorten(value), fmt.Sprintf(format, args...), ErrSyntax}
}

func unsupported(part, value, format string, args ...any) error {
	return &RuleError{part, shorten(value), fmt.Sprintf(format, args...), ErrUnsupported}
}

func unsupportedScale(value, format string, args ...any) error {
	return &RuleError{"RSCALE", shorten(value), fmt.Sprintf(format, args...), ErrScale}
}

// shorten keeps error messages readable when the value is a bomb.
func shorten(s string) string {
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return fmt.Sprintf("%.60s", stripControl(s))
}

func stripControl(s string) string {
	clean := func(r rune) bool { return r >= ' ' && r != 0x7f && r != 0xfffd }
	for _, r := range s {
		if !clean(r) {
			out := make([]rune, 0, len(s))
			for _, r := range s {
				if clean(r) {
					out = append(out, r)
				}
			}
			return string(out)
		}
	}
	return s
}
