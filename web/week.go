package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// weekView is some days side by side: what takes the whole day above, the rest by the hour.
type weekView struct {
	frame
	Days   []column
	AllDay week
	Hours  []hour
	NowRow int // which quarter of an hour it is, where today is among the days; -1 else
}

type hour struct {
	Row  int
	Name string
}

type column struct {
	dayHead
	Column int
	Blocks []block
}

// block is an event, or what of it is on one day, on a grid of quarters of an hour and twelfths of the day's width.
type block struct {
	*item
	Row, Height   int
	Column, Width int
	Time, Spoken  string
	Small         bool // there is room for one line only
}

// quarters are the rows of a day. Days are drawn with 24 hours of the wall clock; where clocks go forward an hour stays empty, and where they go
// back an hour holds what takes place in either.
const quarters = 96

func (h *Handler) week(v *visit) error { return v.days("week", 7) }

func (h *Handler) day(v *visit) error { return v.days("day", 1) }

func (v *visit) days(view string, n int) error {
	ctx := v.r.Context()
	date, list, err := v.opened(ctx)
	if err != nil {
		return err
	}
	start := date
	if n == 7 {
		start = v.weekStart(date)
	}
	end := start.AddDate(0, 0, n)
	page := &weekView{frame: v.frame(view, date, list), NowRow: -1}
	items, full, err := v.items(ctx, list, start, end)
	if err != nil {
		return err
	}
	page.Full = full
	last := end.AddDate(0, 0, -1)
	prev, next := v.t("Week before"), v.t("Week after")
	switch {
	case n == 1:
		page.Heading = v.lang.Short(start) + ", " + v.lang.Brief(start) + " " + strconv.Itoa(start.Year())
		prev, next = v.t("Day before"), v.t("Day after")
	case start.Month() == last.Month():
		page.Heading = v.lang.Month(start)
	default:
		page.Heading = v.lang.ShortMonths[start.Month()-1] + " – " + v.lang.ShortMonths[last.Month()-1] + " " + strconv.Itoa(last.Year())
	}
	page.Title = v.lang.Long(start)
	if n == 7 {
		page.Title = v.lang.Brief(start) + " – " + v.lang.Brief(last) + " " + strconv.Itoa(last.Year())
		if start.Weekday() == time.Monday {
			_, number := start.ISOWeek()
			page.Badge = v.lang.T("week %d", number)
		}
	}
	v.walk(&page.frame, date.AddDate(0, 0, -n), date.AddDate(0, 0, n), prev, next)
	var whole, timed []*item
	for _, it := range items {
		if it.Timed() {
			timed = append(timed, it)
		} else {
			whole = append(whole, it)
		}
	}
	page.AllDay = v.lay(whole, start, n, 8, page.Now)
	for i := range n {
		day := start.AddDate(0, 0, i)
		page.Days = append(page.Days, column{v.dayHead(day, page.Now, "day"), i + 1, v.blocks(timed, day, n)})
		if day.Equal(dayOf(page.Now)) {
			page.NowRow = int(page.Now.Sub(day).Minutes() / 15)
		}
	}
	for i := 1; i < 24; i++ {
		page.Hours = append(page.Hours, hour{i * 4, fmt.Sprintf("%02d:00", i)})
	}
	if err := v.remember(view); err != nil {
		return err
	}
	return v.render(http.StatusOK, "week", page)
}

// widths are how many can stand side by side, since twelve parts can be shared by so many.
var widths = []int{1, 2, 3, 4, 6, 12}

// blocks lays out what takes place on a day, which stands among so many: those that overlap stand side by side, each group for itself.
func (v *visit) blocks(items []*item, day time.Time, among int) []block {
	var list []block
	for _, it := range items {
		start, end := it.Start, it.End
		if !start.Before(day.Add(24*time.Hour)) || !end.After(day) && !(start.Equal(end) && dayOf(start).Equal(day)) {
			continue
		}
		b := block{item: it, Spoken: v.spoken(it)}
		if start.Before(day) {
			start = day
		}
		if end.After(day.Add(24 * time.Hour)) {
			end = day.Add(24 * time.Hour)
		}
		b.Row = int(start.Sub(day).Minutes()) / 15
		last := (int(end.Sub(day).Minutes()) + 14) / 15
		b.Height = min(max(last-b.Row, 2), quarters-b.Row) // half an hour can be read
		b.Small = b.Height < 3
		b.Time = v.lang.Clock(it.Start) + "–" + v.lang.Clock(it.End)
		list = append(list, b)
	}
	slices.SortStableFunc(list, func(a, b block) int { return cmp.Or(a.Row-b.Row, b.Height-a.Height) })
	for i := 0; i < len(list); {
		j, end := i, 0
		var lanes []int // where each ends
		var in []int
		for ; j < len(list) && (j == i || list[j].Row < end); j++ {
			b := &list[j]
			lane := slices.IndexFunc(lanes, func(e int) bool { return e <= b.Row })
			if lane < 0 && len(lanes) < 12 {
				lane = len(lanes)
				lanes = append(lanes, 0)
			} else if lane < 0 {
				lane = 11
			}
			lanes[lane] = b.Row + b.Height
			end = max(end, b.Row+b.Height)
			in = append(in, lane)
		}
		of := 12
		for _, w := range widths {
			if w >= len(lanes) {
				of = w
				break
			}
		}
		for k := i; k < j; k++ {
			list[k].Width = 12 / of
			if of > 1 && among > 1 {
				list[k].Time = v.lang.Clock(list[k].Start) // there is no room for more
			}
			list[k].Column = in[k-i]*list[k].Width + 1
		}
		i = j
	}
	return list
}

// gridCSS is the part of the style sheet that says where things are on the grids: pages have no styles of their own.
func gridCSS() []byte {
	var b strings.Builder
	for i := range quarters {
		fmt.Fprintf(&b, ".r%d{grid-row-start:%d}.h%d{grid-row-end:span %d}", i, i+1, i+1, i+1)
	}
	for i := 1; i <= 12; i++ {
		fmt.Fprintf(&b, ".c%d{grid-column-start:%d}.w%d{grid-column-end:span %d}", i, i, i, i)
	}
	for i := 1; i <= quarters; i++ {
		fmt.Fprintf(&b, ".x%d{grid-column-start:%d}.s%d{grid-column-end:span %d}", i, i, i, i)
	}
	for i := 1; i <= 8; i++ {
		fmt.Fprintf(&b, ".y%d{grid-row-start:%d}", i, i+1)
	}
	for i := 0; i <= 20; i++ {
		fmt.Fprintf(&b, ".p%d{inline-size:%d%%}", i*5, i*5)
	}
	b.WriteByte('\n')
	return []byte(b.String())
}
