package jcal

import (
	"strconv"
	"strings"

	"kalends/ical"
)

// Each function here turns one value of a type from its form in iCalendar into that in jCal, or the other way, and says
// false when it is not of that type.

// pattern reports whether s looks like a layout in which 0 stands for any digit.
func pattern(s, layout string) bool {
	if len(s) != len(layout) {
		return false
	}
	for i := range len(s) {
		if layout[i] == '0' && (s[i] < '0' || s[i] > '9') || layout[i] != '0' && s[i] != layout[i] {
			return false
		}
	}
	return true
}

// dateForm tells a DATE (RFC 5545 section 3.3.4) and a DATE-TIME (section 3.3.5) by what they look like.
func dateForm(s string) string {
	switch {
	case pattern(s, "00000000"):
		return "date"
	case pattern(s, "00000000T000000"), pattern(s, "00000000T000000Z"):
		return "date-time"
	}
	return ""
}

// extendDate turns a DATE or DATE-TIME into the extended format (RFC 7265 sections 3.6.4 and 3.6.5).
func extendDate(s string) string {
	day := s[0:4] + "-" + s[4:6] + "-" + s[6:8]
	if len(s) == 8 {
		return day
	}
	return day + "T" + s[9:11] + ":" + s[11:13] + ":" + s[13:]
}

// basicDate is the reverse of extendDate. Some programs send the basic format in jCal too.
func basicDate(s string) (value, form string) {
	switch {
	case pattern(s, "0000-00-00"), pattern(s, "0000-00-00T00:00:00"), pattern(s, "0000-00-00T00:00:00Z"):
		s = strings.NewReplacer("-", "", ":", "").Replace(s)
	}
	return s, dateForm(s)
}

func extendTime(s string) (string, bool) {
	if pattern(s, "000000") || pattern(s, "000000Z") {
		return s[0:2] + ":" + s[2:4] + ":" + s[4:], true
	}
	return "", false
}

func basicTime(s string) (string, bool) {
	if pattern(s, "00:00:00") || pattern(s, "00:00:00Z") {
		s = strings.ReplaceAll(s, ":", "")
	}
	return s, pattern(s, "000000") || pattern(s, "000000Z")
}

// extendOffset: "-0500" and "-05:00" (RFC 7265 section 3.6.14).
func extendOffset(s string) (string, bool) {
	if s == "" || s[0] != '+' && s[0] != '-' {
		return "", false
	}
	switch {
	case pattern(s[1:], "0000"):
		return s[:3] + ":" + s[3:], true
	case pattern(s[1:], "000000"):
		return s[:3] + ":" + s[3:5] + ":" + s[5:], true
	}
	return "", false
}

func basicOffset(s string) (string, bool) {
	if s == "" {
		return "", false
	}
	if pattern(s[1:], "00:00") || pattern(s[1:], "00:00:00") {
		s = strings.ReplaceAll(s, ":", "")
	}
	_, ok := extendOffset(s)
	return s, ok
}

// integer reads an INTEGER (RFC 5545 section 3.3.8: 32 bits; programs write more).
func integer(s string) (string, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return strconv.FormatInt(n, 10), err == nil
}

// float reads a FLOAT (RFC 5545 section 3.3.7): a sign, digits, and digits after a point, which is almost a number in
// JSON, and keeps its digits.
func float(s string) (string, bool) {
	sign, digits := "", s
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = "-"
		}
		digits = s[1:]
	}
	whole, part, point := strings.Cut(digits, ".")
	if len(s) > 100 || !allDigits(whole) || point && !allDigits(part) {
		return "", false
	}
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	if point {
		whole += "." + part
	}
	return sign + whole, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// number turns a number of JSON into an INTEGER or FLOAT: without an exponent, which iCalendar does not know.
func number(s string, whole bool) (string, bool) {
	if strings.ContainsAny(s, "eE") || whole && strings.Contains(s, ".") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || f > 1e15 || f < -1e15 || whole && f != float64(int64(f)) {
			return "", false
		}
		s = strconv.FormatFloat(f, 'f', -1, 64)
	}
	if whole {
		return integer(s)
	}
	return float(s)
}

// period splits a PERIOD (RFC 5545 section 3.3.9) into its two halves in their jCal forms.
func period(s string) (start, end string, ok bool) {
	start, end, ok = strings.Cut(s, "/")
	if !ok || dateForm(start) == "" {
		return "", "", false
	}
	if dateForm(end) != "" {
		return extendDate(start), extendDate(end), true
	}
	return extendDate(start), end, isDuration(end)
}

func isDuration(s string) bool {
	_, err := ical.ParseDuration(s)
	return err == nil && !strings.ContainsAny(s, " \t")
}

// splitAt yields the parts of a TEXT value between separators that no backslash precedes.
func splitAt(v string, separator byte) []string {
	var list []string
	start := 0
	for i := 0; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case separator:
			list = append(list, v[start:i])
			start = i + 1
		}
	}
	return append(list, v[start:])
}
