package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/storage"
)

// An index on start and end reads all that began before a window, half a calendar for one in its middle. So
// objects are put into classes by the length of [First, Last): within a class that is at most so long, what can touch a
// window began at most so long before it, and that is one short range of the index
// (owner_id, calendar_id, class, first_start). The last class has no bound: series without an end and the very long.
//
// Classes of wall clock times are odd, those of instants even: the window differs.
var classLengths = [...]int64{
	int64(26 * time.Hour / time.Microsecond), // a day, of 25 hours too
	int64(8 * 24 * time.Hour / time.Microsecond),
	int64(64 * 24 * time.Hour / time.Microsecond),
	int64(512 * 24 * time.Hour / time.Microsecond),
}

const classes = 2 * (len(classLengths) + 1)

func class(o *storage.Object) int64 {
	n := 0
	length := o.Last - o.First
	for n < len(classLengths) && (length < 0 || length > classLengths[n]) {
		n++
	}
	return int64(2*n + b2i(o.Floating))
}

// ObjectsInRange implements [storage.Reader].
func (q queries) ObjectsInRange(ctx context.Context, rq storage.RangeQuery) ([]*storage.Object, error) {
	if len(rq.Calendars) == 0 {
		return nil, nil
	}
	fields := rq.Fields & everyField
	shape := 0
	args := append(make([]any, 0, 40), rq.Owner)
	if len(rq.Calendars) == 1 {
		shape = oneCalendar // which costs a third less
		args = append(args, rq.Calendars[0])
	} else {
		args = append(args, rq.Calendars)
	}
	for n := range len(classLengths) + 1 {
		for _, w := range [2][2]int64{{rq.Start, rq.End}, {rq.WallStart, rq.WallEnd}} {
			if n == len(classLengths) {
				args = append(args, w[0], w[1])
				continue
			}
			// Last > start and Last - First <= length give First > start - length.
			after := int64(storage.MinTime) * 2
			if w[0] > storage.MinTime {
				after = w[0] - classLengths[n]
			}
			args = append(args, w[0], w[1], after)
		}
	}
	switch list := storables(rq.Components); {
	case len(rq.Components) == 0:
	case len(list) == 1:
		shape += oneComponent
		args = append(args, list[0])
	default:
		shape += someComponents
		args = append(args, list)
	}
	var list []*storage.Object
	var texts int64
	err := q.query(ctx, func(r scanner) error {
		o := &storage.Object{}
		if err := scanObject(r, o, false, fields); err != nil {
			return err
		}
		if texts += int64(len(o.ICS)); rq.MaxText > 0 && texts > rq.MaxText {
			return storage.ErrTooMuch
		}
		list = append(list, o)
		return nil
	}, rangeTexts[fields][shape], args...)
	if err != nil {
		return nil, fmt.Errorf("objects of %d in range: %w", rq.Owner, err)
	}
	// Asked for an order, SQLite would rather read whole calendars by name.
	slices.SortFunc(list, func(a, b *storage.Object) int {
		return cmp.Or(cmp.Compare(a.Calendar, b.Calendar), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

// The shapes of the query: components are one of three.
const (
	oneComponent = 1 + iota
	someComponents
	oneCalendar
	shapes = 2 * oneCalendar
)

// rangeTexts are the queries by storage.Fields and shape.
var rangeTexts = func() (texts [everyField + 1][shapes]string) {
	for f := range texts {
		for s := range shapes {
			texts[f][s] = rangeText(objectFields[f], s)
		}
	}
	return texts
}()

func rangeText(columns string, shape int) string {
	calendar, component := "= ANY($2)", ""
	if shape >= oneCalendar {
		calendar = "= $2"
	}

	var b strings.Builder
	b.WriteString("SELECT " + columns + " FROM (")
	arg := 3
	last := 2 + 3*2*len(classLengths) + 2*2 + 1
	switch shape % oneCalendar {
	case oneComponent:
		component = fmt.Sprintf(" AND component = $%d", last)
	case someComponents:
		component = fmt.Sprintf(" AND component = ANY($%d)", last)
	}
	for n := range classes {
		if n > 0 {
			b.WriteString(" UNION ALL ")
		}
		fmt.Fprintf(&b, "SELECT %s FROM objects WHERE owner_id = $1 AND calendar_id %s AND class = %d"+
			" AND last_end > $%d AND first_start < $%d", columns, calendar, n, arg, arg+1)
		arg += 2
		if n < 2*len(classLengths) {
			fmt.Fprintf(&b, " AND first_start > $%d", arg)
			arg++
		}
		b.WriteString(component)
	}
	b.WriteString(") AS found")
	return b.String()
}
