package sqlstore

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// A spec is a statement that takes any number of rows: head, then a part for each row with sep between, then tail.
type spec struct {
	head, sep, tail string
	row             string // of one row: $1 … are numbered on for the next
	cols            int
	order           int // among other specs in one pending
	texts           [len(sizes)]string
	once            sync.Once
}

// sizes of the statements that rows are put into: few enough for all of them to stay prepared.
var sizes = [...]int{1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64}

// Specs in the order in which pending carries them out.
const (
	orderObjects = iota
	orderInbox
	orderUnbury
	orderForget
	orderReminders
	orderJobs
	orderMergeJobs
	orderDeliveries
	orderTouch
	orders
)

func (s *spec) prepare() {
	for i, n := range sizes {
		var b strings.Builder
		b.WriteString(s.head)
		for row := range n {
			if row > 0 {
				b.WriteString(s.sep)
			}
			b.WriteString(placeholder.ReplaceAllStringFunc(s.row, func(p string) string {
				k, _ := strconv.Atoi(p[1:])
				return "$" + strconv.Itoa(k+row*s.cols)
			}))
		}
		b.WriteString(s.tail)
		s.texts[i] = b.String()
	}
}

// statements makes as few statements of the rows as there are sizes for.
func (s *spec) statements(rows [][]any, queue []stmt) []stmt {
	s.once.Do(s.prepare)
	for len(rows) > 0 {
		i := len(sizes) - 1
		for sizes[i] > len(rows) {
			i--
		}
		n := sizes[i]
		args := make([]any, 0, n*s.cols)
		for _, r := range rows[:n] {
			args = append(args, r...)
		}
		queue = append(queue, stmt{sql: s.texts[i], args: args})
		rows = rows[n:]
	}
	return queue
}

// values is a spec of an INSERT of rows with so many columns.
func values(order, cols int, head, tail string) *spec {
	var b strings.Builder
	for i := range cols {
		fmt.Fprintf(&b, "%s$%d", [2]string{", ", "("}[b2i(i == 0)], i+1)
	}
	return &spec{head: head, sep: ", ", row: b.String() + ")", tail: tail, cols: cols, order: order}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A rowKey tells the rows of one spec apart; two rows with one key never share a statement.
type rowKey struct {
	a, b, c int64
	s       string
}

// pending holds rows that may be written in any order among each other, but for the order of their specs.
type pending struct {
	groups  [orders]group
	rows    int
	touched map[calendarKey]*touch
	touches []calendarKey
}

type group struct {
	spec *spec
	rows [][]any
	keys map[rowKey]struct{}
}

type calendarKey struct{ owner, id int64 }

// touch is what happened to a collection: all of it is written at once.
type touch struct{ seq, bytes, objects int64 }

func (p *pending) add(s *spec, key rowKey, args []any, queue *[]stmt) {
	g := &p.groups[s.order]
	if _, ok := g.keys[key]; ok {
		p.seal(queue)
	}
	if g.keys == nil {
		g.spec, g.keys = s, make(map[rowKey]struct{})
	}
	g.keys[key] = struct{}{}
	g.rows = append(g.rows, args)
	p.rows++
}

func (p *pending) touch(owner, id, seq, bytes, objects int64) {
	k := calendarKey{owner, id}
	t := p.touched[k]
	if t == nil {
		if p.touched == nil {
			p.touched = make(map[calendarKey]*touch)
		}
		t = &touch{}
		p.touched[k] = t
		p.touches = append(p.touches, k)
	}
	t.seq = max(t.seq, seq)
	t.bytes += bytes
	t.objects += objects
}

// seal turns what is pending into statements at the end of the queue.
func (p *pending) seal(queue *[]stmt) {
	for i := range p.groups {
		if g := &p.groups[i]; len(g.rows) > 0 {
			*queue = g.spec.statements(g.rows, *queue)
		}
	}
	if len(p.touches) > 0 {
		rows := make([][]any, len(p.touches))
		for i, k := range p.touches {
			t := p.touched[k]
			rows[i] = []any{k.owner, k.id, t.seq, t.bytes, t.objects}
		}
		*queue = touchSpec.statements(rows, *queue)
	}
	if p.rows > 0 || len(p.touches) > 0 {
		*p = pending{}
	}
}

// Both databases call the columns of VALUES column1 and so on.
var touchSpec = &spec{
	head: `UPDATE calendars SET
			last_seq = CASE WHEN calendars.last_seq < v.column3 THEN v.column3 ELSE calendars.last_seq END,
			bytes = calendars.bytes + v.column4, objects = calendars.objects + v.column5
		FROM (VALUES `,
	sep: ", ",
	row: `(CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT))`,
	tail: `) AS v
		WHERE calendars.owner_id = v.column1 AND calendars.id = v.column2`,
	cols: 5, order: orderTouch,
}
