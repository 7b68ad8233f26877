package tzdist

// What TAI is ahead of UTC, in seconds, from the first day on which it is so much. A leap second was added just before. The list is that of
// leap-seconds.list, as the International Earth Rotation and Reference Systems Service publishes it and the IANA time zone database 2026f has it; it
// says of itself until when it holds. Nothing here compares that date with the clock: who asks is told it, and can ask elsewhere when it has
// passed (RFC 7808 section 5.6). A newer list changes leapVersion, leapExpires and, if there was one, adds a leap second.
var leapSeconds = []leapSecond{
	{10, "1972-01-01"}, {11, "1972-07-01"}, {12, "1973-01-01"}, {13, "1974-01-01"}, {14, "1975-01-01"}, {15, "1976-01-01"},
	{16, "1977-01-01"}, {17, "1978-01-01"}, {18, "1979-01-01"}, {19, "1980-01-01"}, {20, "1981-07-01"}, {21, "1982-07-01"},
	{22, "1983-07-01"}, {23, "1985-07-01"}, {24, "1988-01-01"}, {25, "1990-01-01"}, {26, "1991-01-01"}, {27, "1992-07-01"},
	{28, "1993-07-01"}, {29, "1994-07-01"}, {30, "1996-01-01"}, {31, "1997-07-01"}, {32, "1999-01-01"}, {33, "2006-01-01"},
	{34, "2009-01-01"}, {35, "2012-07-01"}, {36, "2015-07-01"}, {37, "2017-01-01"},
}

const (
	leapVersion = "2026f"
	leapExpires = "2027-06-28"
)

// leapSecond is one element of the answer (RFC 7808 section 6.4).
type leapSecond struct {
	Offset int    `json:"utc-offset"`
	Onset  string `json:"onset"`
}

// leapseconds is the action of RFC 7808 section 5.6.
func (q *request) leapseconds() *problem {
	if q.unchanged(leapVersion) {
		return nil
	}
	return q.json(struct {
		Expires   string       `json:"expires"`
		Publisher string       `json:"publisher"`
		Version   string       `json:"version"`
		List      []leapSecond `json:"leapseconds"`
	}{leapExpires, "IANA", leapVersion, leapSeconds})
}
