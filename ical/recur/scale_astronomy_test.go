package recur

import (
	"math"
	"testing"
)

// TestChineseYearsFollowTheSky computes the new moons and the sun (J. Meeus, Astronomical Algorithms, chapters 49 and 25) and holds the
// table of Chinese years against them by the rules of GB/T 33661-2017: a month begins on the day of the new moon in Beijing,
// the winter solstice lies in the eleventh month, and of thirteen months between two of those the first in which the sun
// enters no sign is a leap month. Where an instant comes closer to midnight than it is computed, the almanacs have the word.
func TestChineseYearsFollowTheSky(t *testing.T) {
	type month struct {
		first int64
		code  uint8
	}
	var months []month
	for n := firstChineseYear; n <= lastChineseYear; n++ {
		y, _ := chineseYear(n)
		for at := range y.months {
			months = append(months, month{y.first + int64(y.before[at]), y.code[at]})
		}
	}
	last, _ := chineseYear(lastChineseYear)
	months = append(months, month{last.first + int64(last.length()), 1 << 1})

	close := 0
	k := math.Round((float64(months[0].first)-10961)/29.530588861) - 1
	for newMoon(k) < float64(months[0].first)-2 {
		k++
	}
	for i, m := range months {
		at := newMoon(k + float64(i))
		minutes := 5.0
		if m.first < dayNumber(1912, 1, 1) {
			minutes = 15 // as the imperial board computed
		}
		switch day := int64(math.Floor(at)); {
		case day == m.first:
		case math.Abs(at-math.Round(at))*1440 < minutes && int64(math.Round(at)) >= m.first && int64(math.Round(at)) <= m.first+1:
			close++
			t.Logf("new moon at %.1f minutes from the midnight before or after %v", (at-math.Round(at))*1440, fromWall(m.first*daySeconds))
		default:
			t.Errorf("month begins on %v, the new moon is on %v", fromWall(m.first*daySeconds), fromWall(day*daySeconds))
		}
	}

	// signs counts the signs that the sun enters in a month, to the day; sure is false where one is too close to call.
	signs := func(i int) (n int, sure bool) {
		from, to := sign(float64(months[i].first)), sign(float64(months[i+1].first))
		sure = true
		for _, at := range []int{i, i + 1} { // 20 minutes are 0.014 degrees
			if d := math.Mod(sunLongitude(float64(months[at].first))+0.014, 30); d < 0.028 {
				sure = false
			}
		}
		return (to - from + 12) % 12, sure
	}
	var elevenths []int
	for i := range len(months) - 1 {
		if months[i].code == 11<<1 {
			elevenths = append(elevenths, i)
			// The sun enters the sign of 270 degrees.
			if from, to := sunLongitude(float64(months[i].first)), sunLongitude(float64(months[i+1].first)); from > 270.02 || to < 269.98 {
				t.Errorf("the winter solstice is not in the month from %v", fromWall(months[i].first*daySeconds))
			}
		}
	}
	for j := range len(elevenths) - 1 {
		from, to := elevenths[j], elevenths[j+1]
		leap, unsure := -1, false
		if to-from == 13 {
			for i := from + 1; i < to; i++ {
				n, sure := signs(i)
				unsure = unsure || !sure
				if n == 0 && leap < 0 {
					leap = i
				}
			}
		}
		for i := from; i < to; i++ {
			if got := months[i].code&1 != 0; got != (i == leap) {
				if unsure {
					close++
					t.Logf("the leap month about %v depends on minutes", fromWall(months[i].first*daySeconds))
				} else {
					t.Errorf("month from %v: leap %v, by the sky %v", fromWall(months[i].first*daySeconds), got, i == leap)
				}
			}
		}
	}
	if len(months) < 2400 || close > 12 {
		t.Errorf("%d months compared, %d of them close to midnight", len(months), close)
	}
}

func sinDegrees(x float64) float64 { return math.Sin(x * math.Pi / 180) }

// beijing is how far Beijing's clocks are ahead of UT, in days; local mean time until 1928.
func beijing(day float64) float64 {
	if day < float64(dayNumber(1929, 1, 1)) {
		return (7*3600 + 45*60 + 40) / 86400.0
	}
	return 8 / 24.0
}

// deltaT is how far dynamical time is ahead of UT, in days, to some seconds in the past and a minute or so by 2100.
func deltaT(day float64) float64 {
	year := 1970 + day/365.2425
	seconds := []float64{-3, 10, 21, 24, 24, 29, 33, 40, 51, 57, 64, 66, 69, 72, 77, 82, 90, 100, 115, 135, 160, 190}
	i := min(max((year-1900)/10, 0), 20.999)
	j := int(i)
	return (seconds[j] + (seconds[j+1]-seconds[j])*(i-float64(j))) / 86400
}

// newMoon gives the instant of the k-th new moon after that of 2000-01-06, as days since 1970-01-01 00:00 in Beijing.
func newMoon(k float64) float64 {
	c := k / 1236.85
	at := 2451550.09766 + 29.530588861*k + c*c*(0.00015437+c*(-0.000000150+0.00000000073*c))
	e := 1 - c*(0.002516+0.0000074*c)
	sun := 2.5534 + 29.10535670*k - c*c*(0.0000014+0.00000011*c)
	moon := 201.5643 + 385.81693528*k + c*c*(0.0107582+c*(0.00001238-0.000000058*c))
	f := 160.7108 + 390.67050284*k - c*c*(0.0016118+c*(0.00000227-0.000000011*c))
	node := 124.7746 - 1.56375588*k + c*c*(0.0020672+0.00000215*c)
	at += -0.00017*sinDegrees(node) + 0.000325*sinDegrees(299.77+0.107408*k-0.009173*c*c)
	for _, w := range [...][5]float64{ // amplitude, multiples of sun, moon and latitude, power of e
		{-0.40720, 0, 1, 0, 0}, {0.17241, 1, 0, 0, 1}, {0.01608, 0, 2, 0, 0}, {0.01039, 0, 0, 2, 0}, {0.00739, -1, 1, 0, 1},
		{-0.00514, 1, 1, 0, 1}, {0.00208, 2, 0, 0, 2}, {-0.00111, 0, 1, -2, 0}, {-0.00057, 0, 1, 2, 0}, {0.00056, 1, 2, 0, 1},
		{-0.00042, 0, 3, 0, 0}, {0.00042, 1, 0, 2, 1}, {0.00038, 1, 0, -2, 1}, {-0.00024, -1, 2, 0, 1}, {-0.00007, 2, 1, 0, 0},
		{0.00004, 0, 2, -2, 0}, {0.00004, 3, 0, 0, 0}, {0.00003, 1, 1, -2, 0}, {0.00003, 0, 2, 2, 0}, {-0.00003, 1, 1, 2, 0},
		{0.00003, -1, 1, 2, 0}, {-0.00002, -1, 1, -2, 0}, {-0.00002, 1, 3, 0, 0}, {0.00002, 0, 4, 0, 0},
	} {
		at += w[0] * math.Pow(e, w[4]) * sinDegrees(w[1]*sun+w[2]*moon+w[3]*f)
	}
	for _, w := range [...][3]float64{
		{0.000165, 251.88, 0.016321}, {0.000164, 251.83, 26.651886}, {0.000126, 349.42, 36.412478}, {0.000110, 84.66, 18.206239},
		{0.000062, 141.74, 53.303771}, {0.000060, 207.14, 2.453732}, {0.000056, 154.84, 7.306860}, {0.000047, 34.52, 27.261239},
		{0.000042, 207.19, 0.121824}, {0.000040, 291.34, 1.844379}, {0.000037, 161.72, 24.198154}, {0.000035, 239.56, 25.513099},
		{0.000023, 331.55, 3.592518},
	} {
		at += w[0] * sinDegrees(w[1]+w[2]*k)
	}
	day := at - 2440587.5
	return day - deltaT(day) + beijing(day)
}

// sunLongitude gives the apparent longitude of the sun, in degrees, at a midnight in Beijing, to a hundredth of a degree.
func sunLongitude(day float64) float64 {
	t := (day - beijing(day) + deltaT(day) - 10957.5) / 36525
	m := 357.52911 + t*(35999.05029-0.0001537*t)
	long := 280.46646 + t*(36000.76983+0.0003032*t) + (1.914602-t*(0.004817+0.000014*t))*sinDegrees(m) + (0.019993-0.000101*t)*sinDegrees(2*m) +
		0.000289*sinDegrees(3*m) - 0.00569 - 0.00478*sinDegrees(125.04-1934.136*t)
	return math.Mod(math.Mod(long, 360)+360, 360)
}

// sign gives the sign, of twelve, that the sun is in.
func sign(day float64) int { return int(sunLongitude(day) / 30) }
