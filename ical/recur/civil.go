package recur

import "time"

// Wall times are seconds since 1970-01-01T00:00:00 on a clock without zone or leap seconds ("naive").
// They are one integer, so comparing and stepping them costs nothing.

const (
	daySeconds  = 86400
	weekSeconds = 7 * daySeconds
	// cycleDays is the length of the Gregorian cycle of 400 years. It is a whole number of weeks, so the calendar
	// repeats exactly.
	cycleDays = 146097

	minWall = -62135596800 // 0001-01-01T00:00:00
	maxWall = 253402300799 // 9999-12-31T23:59:59
)

// noWall is later than every wall time.
const noWall = int64(1) << 60

// dayNumber counts the days from 1970-01-01. The month may be out of range by whole years.
func dayNumber(year, month, day int) int64 {
	y, m := int64(year), int64(month)
	if m <= 2 { // years begin in March here, so the leap day comes last
		y--
		m += 12
	}
	era := floorDiv(y, 400)
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + int64(day) - 1
	return era*cycleDays + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

// date is the reverse of dayNumber.
func date(n int64) (year, month, day int) {
	n += 719468
	era := floorDiv(n, cycleDays)
	doe := n - era*cycleDays
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = int(doy - (153*mp+2)/5 + 1)
	month = int(mp + 3)
	year = int(yoe + era*400)
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}

// weekday of a day number, 0 for Monday.
func weekday(n int64) int { return int(floorMod(n+3, 7)) }

func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

var monthLengths = [13]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func monthLength(year, month int) int {
	if month == 2 && leap(year) {
		return 29
	}
	return monthLengths[month]
}

func yearLength(year int) int {
	if leap(year) {
		return 366
	}
	return 365
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 {
	m := a % b
	if m < 0 {
		m += b
	}
	return m
}

func ceilDiv(a, b int64) int64 { return -floorDiv(-a, b) }

// dayOf is the day number a wall time falls on.
func dayOf(wall int64) int64 { return floorDiv(wall, daySeconds) }

// toWall takes the clock reading of t, whatever its location, and keeps it within the years 1 to 9999.
func toWall(t time.Time) int64 {
	y, m, d := t.Date()
	h, mi, s := t.Clock()
	if y < 1 {
		return minWall
	}
	if y > 9999 {
		return maxWall
	}
	return dayNumber(y, int(m), d)*daySeconds + int64(h)*3600 + int64(mi)*60 + int64(s)
}

func fromWall(w int64) time.Time { return time.Unix(w, 0).UTC() }
