package recur

import "sync"

// The Chinese calendar is what astronomers say: months begin on the day of the new moon in Beijing, and a month without
// a major solar term is a leap month (GB/T 33661-2017). Which day a new moon falls on when it comes near midnight is
// settled by the published almanacs, so the years are a table. It holds those that the almanacs agree about, and no
// more: nobody can say for sure today where the months of later centuries begin.

const (
	firstChineseYear = 1900 // from 1900-01-31
	lastChineseYear  = 2100 // to 2101-01-28
)

// chineseYears has a year in 23 bits. From the lowest: 13 that say which months have 30 days instead of 29, in their
// order; 4 with the number of the month that a leap month follows, 0 for none; 6 with the days from 20 January to
// the new year. It was made and checked by testdata/make_scales.js.
var chineseYears = [...]uint32{
	0x1716d2, 0x3c0752, 0x260ea5, 0x12b64a, 0x36064b, 0x1e0a9b, 0x0a9556, 0x30056a, 0x1a0b59, 0x045752, // 1900
	0x2a0752, 0x14db25, 0x3a0b25, 0x220a4b, 0x0cb4ab, 0x3202ad, 0x1c056b, 0x064b69, 0x2c0da9, 0x18fd92, // 1910
	0x3e0e92, 0x260d25, 0x10ba4d, 0x360a56, 0x2002b6, 0x0895b5, 0x3006d4, 0x1a0ea9, 0x065e92, 0x2a0e92, // 1920
	0x14cd26, 0x38052b, 0x220a57, 0x0cb2b6, 0x320b5a, 0x1e06d4, 0x086ec9, 0x2c0749, 0x16f693, 0x3c0a93, // 1930
	0x26052b, 0x0eca5b, 0x340aad, 0x20056a, 0x0a9b55, 0x300ba4, 0x1a0b49, 0x045a93, 0x2a0a95, 0x12f52d, // 1940
	0x380536, 0x220aad, 0x0eb5aa, 0x3205b2, 0x1c0da5, 0x087d4a, 0x2e0d4a, 0x170a95, 0x3a0a97, 0x260556, // 1950
	0x10cab5, 0x340ad5, 0x2006d2, 0x0a8ea5, 0x300ea5, 0x1a064a, 0x026c97, 0x280a9b, 0x14f55a, 0x38056a, // 1960
	0x220b69, 0x0eb752, 0x340b52, 0x1c0b25, 0x06964b, 0x2c0a4b, 0x1714ab, 0x3a02ad, 0x24056d, 0x10cb69, // 1970
	0x360da9, 0x200d92, 0x0a9d25, 0x300d25, 0x1b5a4d, 0x3e0a56, 0x2802b6, 0x12c5b5, 0x3806d5, 0x220ea9, // 1980
	0x0ebe92, 0x340e92, 0x1e0d26, 0x066a56, 0x2a0a57, 0x1714d6, 0x3c035a, 0x2406d5, 0x10b6c9, 0x360749, // 1990
	0x200693, 0x08952b, 0x2e052b, 0x180a5b, 0x04555a, 0x28056a, 0x12fb55, 0x3a0ba4, 0x240b49, 0x0cba93, // 2000
	0x320a95, 0x1c052d, 0x068aad, 0x2a0ab5, 0x1735aa, 0x3c05d2, 0x260da5, 0x10dd4a, 0x360d4a, 0x200c95, // 2010
	0x0a952e, 0x2e0556, 0x180ab5, 0x0455b2, 0x2a06d2, 0x12cea5, 0x380725, 0x22064b, 0x0cac97, 0x300cab, // 2020
	0x1c055a, 0x066ad6, 0x2c0b69, 0x177752, 0x3c0b52, 0x260b25, 0x10da4b, 0x340a4b, 0x1e04ab, 0x08a55b, // 2030
	0x2e05ad, 0x180b6a, 0x045b52, 0x2a0d92, 0x14fd25, 0x380d25, 0x220a55, 0x0cb4ad, 0x3204b6, 0x1a05b5, // 2040
	0x066daa, 0x2c0ec9, 0x191e92, 0x3c0e92, 0x260d26, 0x10ca56, 0x340a57, 0x1e04d6, 0x0886d5, 0x2e0755, // 2050
	0x1a0749, 0x026e93, 0x280693, 0x12f52b, 0x38052b, 0x200a5b, 0x0cb55a, 0x32056a, 0x1c0b65, 0x06974a, // 2060
	0x2c0b4a, 0x171a95, 0x3c0a95, 0x24052d, 0x0ecaad, 0x340ab5, 0x2005aa, 0x088ba5, 0x2e0da5, 0x1a0d4a, // 2070
	0x047c95, 0x280c96, 0x12f94e, 0x380556, 0x220ab5, 0x0cb5b2, 0x3206d2, 0x1c0ea5, 0x088e4a, 0x2a068b, // 2080
	0x150c97, 0x3a04ab, 0x24055b, 0x0ecad6, 0x340b6a, 0x200752, 0x0a9725, 0x2e0b45, 0x180a8b, 0x02549b, // 2090
	0x2804ab, // 2100
}

func chineseYear(n int) (y scaleYear, ok bool) {
	if n < firstChineseYear || n > lastChineseYear {
		return y, false
	}
	bits := chineseYears[n-firstChineseYear]
	y.number, y.first = n, chineseNewYear(n)
	leap := uint8(bits >> 13 & 15)
	for number := uint8(1); number <= 12; number++ {
		y.add(number<<1, 29+int16(bits>>y.months&1))
		if number == leap {
			y.add(number<<1|1, 29+int16(bits>>y.months&1))
		}
	}
	return y, true
}

func chineseNewYear(n int) int64 {
	return dayNumber(n, 1, 20) + int64(chineseYears[n-firstChineseYear]>>17)
}

// chineseYearOf gives the year a day lies in, named for the Gregorian year in which it begins.
func chineseYearOf(day int64) (n int, ok bool) {
	n, _, _ = date(day)
	if n < firstChineseYear || n > lastChineseYear+1 {
		return 0, false
	}
	if n > lastChineseYear || day < chineseNewYear(n) {
		n--
	}
	y, ok := chineseYear(n)
	return n, ok && day < y.first+int64(y.length())
}

// chineseMonths counts the months before each year of the table.
var chineseMonths = sync.OnceValue(func() *[len(chineseYears) + 1]int64 {
	var before [len(chineseYears) + 1]int64
	for i, bits := range chineseYears {
		before[i+1] = before[i] + 12
		if bits>>13&15 != 0 {
			before[i+1]++
		}
	}
	return &before
})
