package recur

import "sort"

// A scale is the calendar system in which a rule counts years, months and days (RSCALE, RFC 7529 section 4.1). Starts and
// UNTIL are Gregorian in all of them.
type scale uint8

const (
	gregorian scale = iota
	hebrew
	chinese
)

// RScales are the calendar systems that rules may name, as CALDAV:supported-rscale-set lists them (RFC 7529).
var RScales = []string{gregorian: "GREGORIAN", hebrew: "HEBREW", chinese: "CHINESE"}

func (s scale) String() string { return RScales[s] }

// A skip says what becomes of days and leap months that a year does not have (SKIP, RFC 7529 section 4.1).
type skip uint8

const (
	omit     skip = iota // they are left out
	backward             // the day or month before takes their place
	forward              // the one after
)

var skipNames = [...]string{"OMIT", "BACKWARD", "FORWARD"}

// leapMonth marks a leap month among the values of BYMONTH: 5L is 5|leapMonth.
const leapMonth = 32

// scaleLimits are the greatest values that make sense in a calendar system.
var scaleLimits = [...]struct{ monthDay, yearDay, weekNo int16 }{
	gregorian: {31, 366, 53},
	hebrew:    {30, 385, 55},
	chinese:   {30, 385, 55},
}

// hasLeapMonth reports whether years can have a leap month after the month of that number.
func (s scale) hasLeapMonth(number int16) bool {
	return s == hebrew && number == 5 || s == chinese
}

// A scaleYear is one year of a calendar system. Its months are known by a code that sorts as they follow each other:
// twice their number, and one more for the leap month after it.
type scaleYear struct {
	number int
	first  int64 // day number
	months int
	code   [13]uint8
	before [14]int16 // days of the year before each month, and in all of them
}

func (y *scaleYear) add(code uint8, days int16) {
	y.code[y.months] = code
	y.before[y.months+1] = y.before[y.months] + days
	y.months++
}

func (y *scaleYear) length() int { return int(y.before[y.months]) }

// month gives the place of the month that holds a day of the year, counted from 1, and which day of it that is.
func (y *scaleYear) month(day int) (at, monthDay int) {
	for at+1 < y.months && day > int(y.before[at+1]) {
		at++
	}
	return at, day - int(y.before[at])
}

// year lays out a year; ok is false outside of what is known of the calendar system and of the years 1 to 9999.
func (s scale) year(n int) (y scaleYear, ok bool) {
	switch s {
	case hebrew:
		return hebrewYear(n)
	case chinese:
		return chineseYear(n)
	}
	if n < 1 || n > 9999 {
		return y, false
	}
	y.number, y.first = n, dayNumber(n, 1, 1)
	for m := 1; m <= 12; m++ {
		y.add(uint8(m)<<1, int16(monthLength(n, m)))
	}
	return y, true
}

// yearOf gives the year in which a day lies.
func (s scale) yearOf(day int64) (n int, ok bool) {
	switch s {
	case hebrew:
		return hebrewYearOf(day)
	case chinese:
		return chineseYearOf(day)
	}
	n, _, _ = date(day)
	return n, n >= 1 && n <= 9999
}

// monthAndDay gives the month, as BYMONTH has it, and the day of the month of a day that is known.
func (s scale) monthAndDay(day int64) (month, monthDay int16) {
	if s == gregorian {
		_, m, d := date(day)
		return int16(m), int16(d)
	}
	n, _ := s.yearOf(day)
	y, _ := s.year(n)
	at, d := y.month(int(day-y.first) + 1)
	return int16(y.code[at]>>1) | int16(y.code[at]&1)*leapMonth, int16(d)
}

// monthsBefore counts the months before a year that is known, from some fixed year on.
func (s scale) monthsBefore(n int) int64 {
	switch s {
	case hebrew:
		return hebrewMonths(n)
	case chinese:
		return chineseMonths()[n-firstChineseYear]
	}
	return 12 * int64(n)
}

// yearOfMonth gives the year that holds a month, counted as monthsBefore does.
func (s scale) yearOfMonth(month int64) int {
	switch s {
	case hebrew:
		n := int((19*month + 234) / 235)
		for hebrewMonths(n+1) <= month {
			n++
		}
		return n
	case chinese:
		before := chineseMonths()
		return firstChineseYear - 1 + sort.Search(len(before), func(i int) bool { return before[i] > month })
	}
	return int(floorDiv(month, 12))
}

// The Hebrew calendar is arithmetic: mean new moons, a cycle of 19 years with 7 leap years, and four rules that put
// off the new year.

// hebrewMonths counts the months before a year of the era, from its first.
func hebrewMonths(n int) int64 { return (235*int64(n) - 234) / 19 }

// hebrewMolad gives the day of the mean new moon of Tishri, put off when it falls at or after noon or the new year would
// fall on a Sunday, Wednesday or Friday, counted from the first day of the era.
func hebrewMolad(n int) int64 {
	months := hebrewMonths(n)
	day := 29*months + (12084+13753*months)/25920
	if 3*(day+1)%7 < 3 {
		day++
	}
	return day
}

// hebrewEra is the day number of 1 Tishri of the year 1.
const hebrewEra = -1373427 - 719163

// hebrewNewYear puts off the new year further where a year would have 356 or 382 days.
func hebrewNewYear(n int) int64 {
	before, this, after := hebrewMolad(n-1), hebrewMolad(n), hebrewMolad(n+1)
	switch {
	case after-this == 356:
		this += 2
	case this-before == 382:
		this++
	}
	return hebrewEra + this
}

// The Hebrew years that hold the days of the years 1 to 9999.
const firstHebrewYear, lastHebrewYear = 3761, 13760

func hebrewYear(n int) (y scaleYear, ok bool) {
	if n < firstHebrewYear || n > lastHebrewYear {
		return y, false
	}
	y.number, y.first = n, hebrewNewYear(n)
	length := hebrewNewYear(n+1) - y.first
	leap := length > 360
	for number := uint8(1); number <= 12; number++ { // from Tishri
		days := 29 + int16(number&1)
		switch {
		case number == 2 && length%10 == 5: // Heshvan of a full year
			days = 30
		case number == 3 && length%10 == 3: // Kislev of a lacking one
			days = 29
		}
		y.add(number<<1, days)
		if number == 5 && leap { // Adar I after Shevat
			y.add(number<<1|1, 30)
		}
	}
	return y, true
}

func hebrewYearOf(day int64) (n int, ok bool) {
	n = int((day-hebrewEra)*98496/35975351) + 1
	for n > firstHebrewYear && hebrewNewYear(n) > day {
		n--
	}
	for n < lastHebrewYear && hebrewNewYear(n+1) <= day {
		n++
	}
	return n, n >= firstHebrewYear && n <= lastHebrewYear && hebrewNewYear(n) <= day
}
