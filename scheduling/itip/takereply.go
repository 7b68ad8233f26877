package itip

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/ical"
)

// TakeReply applies a REPLY to the organizer's copy (RFC 5546 section 3.2.3, RFC 6638 section 4.2): PARTSTAT, delegates, and
// SCHEDULE-STATUS from REQUEST-STATUS. msg.From says who answers, which the caller has made sure of; where it
// is empty, the ATTENDEE of the message is believed.
//
// An answer for one instance makes an override where the instance is real. Of two answers of one attendee for one
// instance the one with the higher SEQUENCE counts, then that with the later DTSTAMP. For that, answers by mail leave X-SEQUENCE and
// X-DTSTAMP on their ATTENDEE in the organizer's copy; answers made by this server (Options.Local) come in order, and do so
// only where the parameters are there already. No message carries them.
//
// An answer to a revision with a lower SEQUENCE counts as long as it was given for the time that is
// still that of the meeting.
func TakeReply(copy *ical.Component, msg Message, o Options) (Result, error) {
	res := Result{Copy: copy}
	if err := check(msg.Calendar); err != nil {
		return res, err
	}
	if copy == nil {
		res.Reason = "no such meeting"
		return res, nil
	}
	if a, b := uid(copy), uid(msg.Calendar); a != b {
		return res, fmt.Errorf("%w: UID %.60q for a copy with another UID", ErrMessage, b)
	}
	t := taker{o: o, cal: copy.Clone(), res: &res}
	t.ob = read(t.cal)
	t.msg = readLike(msg.Calendar, t.ob)
	organizer := Organizer(copy)
	for _, k := range t.msg.all() {
		c := t.msg.get(k)
		p := t.speaker(c, msg.From)
		switch {
		case p == nil:
			t.reason("no ATTENDEE who answers")
		case o.same(p.Value(), organizer):
			t.reason("the organizer does not answer themselves")
		default:
			t.take(k, c, p)
		}
	}
	if t.done && t.cal.String() != copy.String() {
		res.Copy, res.Changed, res.Outcome, res.Reason = t.cal, true, Answered, ""
	}
	return res, nil
}

type taker struct {
	o    Options
	cal  *ical.Component // the copy, for changing
	ob   *object         // of cal
	msg  *object
	res  *Result
	done bool
}

func (t *taker) reason(s string) {
	if t.res.Reason == "" {
		t.res.Reason = s
	}
}

// speaker returns the ATTENDEE of a REPLY who answers.
func (t *taker) speaker(c *ical.Component, from string) *ical.Property {
	var only *ical.Property
	n := 0
	for p := range c.All("ATTENDEE") {
		if from == "" && t.known(p.Value()) {
			return p
		}
		only = p
		n++
	}
	if from != "" {
		if p := t.o.attendeeOf(c, from); p != nil {
			return p
		}
		for p := range c.All("ATTENDEE") {
			if s := p.Param("SENT-BY"); s != "" && t.o.same(s, from) {
				return p
			}
		}
	}
	if n == 1 {
		return only
	}
	return nil
}

func (t *taker) known(addr string) bool {
	for _, k := range t.ob.all() {
		if t.o.attendeeOf(t.ob.get(k), addr) != nil {
			return true
		}
	}
	return false
}

// take records the answer p that the message's component c gives for the instance k.
func (t *taker) take(k key, c *ical.Component, p *ical.Property) {
	if isCancelled(t.ob.master) {
		t.reason("the meeting is cancelled")
		return
	}
	if k == (key{}) && t.o.attendeeOf(t.ob.master, p.Value()) == nil {
		// An answer to the only instance somebody was invited to may come without its RECURRENCE-ID.
		var found []key
		for _, x := range t.ob.keys {
			if t.o.attendeeOf(t.ob.over[x], p.Value()) != nil {
				found = append(found, x)
			}
		}
		if len(found) == 1 {
			k = found[0]
		} else if t.ob.master == nil {
			t.reason("no series to answer for")
			return
		}
	}
	target := t.ob.effective(k)
	if target == nil {
		t.reason("the instance is none of the meeting's")
		return
	}
	if isCancelled(target) {
		t.reason("the instance is cancelled")
		return
	}
	if !t.admissible(target, c, p) {
		return
	}
	if sequence(c) < sequence(target) && c.Prop("SEQUENCE") != nil && !t.sameTime(c, target) {
		t.reason("an answer to an earlier time of the meeting")
		if k == (key{}) && (c.Prop("RRULE") != nil || c.Prop("RDATE") != nil) {
			t.spread(c, p) // to instances that have the time it was given for
		}
		return
	}
	t.record(k, c, p)
	if k == (key{}) {
		t.spread(c, p)
	}
	if future(c) {
		for _, x := range t.ob.keys {
			if compareKeys(x, k) > 0 && t.msg.over[x] == nil && t.o.attendeeOf(t.ob.over[x], p.Value()) != nil {
				t.record(x, c, p)
			}
		}
	}
}

// admissible reports whether whoever answers is invited to target, by its organizer or by one who delegates.
func (t *taker) admissible(target, c *ical.Component, p *ical.Property) bool {
	if t.o.attendeeOf(target, p.Value()) != nil {
		return true
	}
	for _, from := range p.ParamValues("DELEGATED-FROM") {
		for q := range target.All("ATTENDEE") {
			if t.o.same(q.Value(), from) && PartStat(q) == "DELEGATED" && t.listed(q.ParamValues("DELEGATED-TO"), p.Value()) {
				return true
			}
		}
	}
	t.res.Crasher = ical.Address(p.Value())
	t.reason("not invited")
	return false
}

func (t *taker) listed(list []string, addr string) bool {
	for _, a := range list {
		if t.o.same(a, addr) {
			return true
		}
	}
	return false
}

// sameTime reports whether the answer c was given for the time and the instances that target has.
func (t *taker) sameTime(c, target *ical.Component) bool {
	if c.Prop("DTSTART") == nil && c.Prop("DUE") == nil {
		return false
	}
	if c.Prop("RRULE") != nil || c.Prop("RDATE") != nil || target != t.ob.master {
		return !rescheduled(t.msg, c, t.ob, target, false)
	}
	a, b := t.msg.timingOf(c), t.ob.timingOf(target)
	return a.start == b.start && (a.end == b.end || a.end == a.start)
}

// record writes the answer into the component for k, which is made where it is still the master's.
func (t *taker) record(k key, c *ical.Component, p *ical.Property) {
	target := t.ob.get(k)
	made := target == nil
	if made {
		target = t.ob.derive(k)
	}
	line := t.o.attendeeOf(target, p.Value())
	delegate := line == nil
	if delegate {
		line = t.delegate(target, p, nil)
	}
	if t.stale(line, c, made) {
		t.reason("older than an answer that came before")
		return
	}
	was, is := PartStat(line), PartStat(p)
	// The same answer as for the series needs no override, unless an older one may still come by mail: then the override is what
	// remembers this one.
	if made && (was == is && t.o.Local || is == "NEEDS-ACTION") && !p.HasParam("DELEGATED-TO") {
		t.done = true
		return
	}
	setPartStat(line, is)
	if is != "NEEDS-ACTION" {
		line.RemoveParam("RSVP")
	}
	line.SetParam("SCHEDULE-STATUS", requestStatus(c))
	if is == "DELEGATED" {
		t.delegates(target, c, p, line)
	} else {
		line.RemoveParam("DELEGATED-TO") // they answer for themselves after all
	}
	t.book(line, c, target)
	if made {
		t.cal.AddChild(target)
		t.ob = read(t.cal)
	}
	t.done = true
	if delegate {
		t.added(p.Value()) // who had been taken off the list, perhaps
	}
	id := ""
	if r := target.Prop("RECURRENCE-ID"); r != nil {
		id = r.Value()
	}
	if was != is || c.Value("COMMENT") != "" {
		t.res.Answers = append(t.res.Answers, Answer{ical.Address(line.Value()), id, was, is, c.Text("COMMENT")})
	}
}

// stale compares an answer with the last one that line remembers. For an instance without a component of its
// own nothing is remembered.
func (t *taker) stale(line *ical.Property, c *ical.Component, made bool) bool {
	at, err := ical.ParseDateTime(line.Param(paramStamp), "")
	if made || err != nil {
		return false
	}
	seq, _ := strconv.Atoi(line.Param(paramSequence))
	if n := sequence(c); n != seq && c.Prop("SEQUENCE") != nil {
		return n < seq
	}
	// The very same answer again does not undo that it was reset since.
	return stamp(c) < at.Wall.Unix() || stamp(c) == at.Wall.Unix() && PartStat(line) == "NEEDS-ACTION"
}

// revision is the SEQUENCE an answer is for; where a program leaves it out, that of now.
func revision(c, target *ical.Component) int {
	if c.Prop("SEQUENCE") == nil {
		return sequence(target)
	}
	return sequence(c)
}

func (t *taker) book(line *ical.Property, c, target *ical.Component) {
	if t.o.Local && !line.HasParam(paramStamp) || c.Prop("DTSTAMP") == nil {
		line.RemoveParam(paramStamp)
		line.RemoveParam(paramSequence)
		return
	}
	line.SetParam(paramSequence, strconv.Itoa(revision(c, target)))
	line.SetParam(paramStamp, ical.DateTime{Form: ical.UTCForm, Wall: time.Unix(stamp(c), 0).UTC()}.String())
}

// spread takes the answer to a series for one to those overrides of which the message says nothing. Who answers by this server
// names all they know of, so the others have the answer of the series where it was given for their time. A
// mail program answers an invitation with overrides by one REPLY without RECURRENCE-ID, and means those that wait for an answer.
func (t *taker) spread(c *ical.Component, p *ical.Property) {
	exact := c.Prop("RRULE") != nil || c.Prop("RDATE") != nil
	for _, k := range t.ob.keys {
		o := t.ob.over[k]
		line := t.o.attendeeOf(o, p.Value())
		if line == nil || isCancelled(o) || t.msg.recurrence().exdates[k] {
			continue
		}
		if own := t.msg.over[k]; own != nil && (own.Prop("DTSTART") == nil || t.msg.timingOf(own) == t.ob.timingOf(o)) {
			continue
		}
		waits := PartStat(line) == "NEEDS-ACTION" && !line.HasParam(paramStamp)
		switch {
		case exact && (t.o.Local || waits):
			if t.meant(k, o) {
				t.record(k, c, p)
			}
		case waits && len(t.msg.keys) == 0 && revision(c, o) >= sequence(o):
			t.record(k, c, p)
		}
	}
}

// meant reports whether the answer to the series was given for the time that the override o for k has.
func (t *taker) meant(k key, o *ical.Component) bool {
	from := t.msg
	if from.master == nil || from.master.Prop("DTSTART") == nil || from.master.Prop("RRULE") == nil && from.master.Prop("RDATE") == nil {
		from = t.ob
	}
	return from.generates(k) && from.timingOf(from.derive(k)) == t.ob.timingOf(o)
}

// delegates adds whom an attendee has delegated to (RFC 5546 section 2.1.2).
func (t *taker) delegates(target, c *ical.Component, p, line *ical.Property) {
	to := p.ParamValues("DELEGATED-TO")
	if len(to) == 0 {
		return
	}
	if len(to) > maxDelegates {
		to = to[:maxDelegates]
	}
	line.SetParam("DELEGATED-TO", to...)
	for _, addr := range to {
		if t.o.attendeeOf(target, addr) != nil || t.o.same(addr, line.Value()) {
			continue
		}
		d := t.o.attendeeOf(c, addr)
		if d == nil {
			d = ical.NewProperty("ATTENDEE", addr)
		}
		t.delegate(target, d, line)
		t.added(addr)
	}
}

func (t *taker) added(addr string) {
	if addr = ical.Address(addr); !slices.Contains(t.res.Added, addr) {
		t.res.Added = append(t.res.Added, addr)
	}
}

// maxDelegates bounds how many people one answer may bring into a meeting.
const maxDelegates = 5

// delegate adds p, who stands in for somebody, to the meeting.
func (t *taker) delegate(target *ical.Component, p, by *ical.Property) *ical.Property {
	line := ical.NewProperty("ATTENDEE", p.Value())
	if cn := p.Param("CN"); cn != "" {
		line.SetParam("CN", cn)
	}
	from := p.ParamValues("DELEGATED-FROM")
	if by != nil {
		from = []string{by.Value()}
		for _, n := range [...]string{"ROLE", "CUTYPE"} {
			if v := by.Param(n); v != "" {
				line.SetParam(n, v)
			}
		}
	}
	line.SetParam("DELEGATED-FROM", from...)
	line.SetParam("PARTSTAT", "NEEDS-ACTION")
	line.SetParam("RSVP", "TRUE")
	target.Add(line)
	return line
}

// requestStatus is the SCHEDULE-STATUS that a REPLY brings (RFC 6638 section 3.2.9): the codes of its REQUEST-STATUS, else 2.0.
func requestStatus(c *ical.Component) string {
	var codes []string
	for p := range c.All("REQUEST-STATUS") {
		code, _, _ := strings.Cut(p.Value(), ";")
		if code = strings.TrimSpace(code); isStatus(code) && len(codes) < 5 {
			codes = append(codes, code)
		}
	}
	if len(codes) == 0 {
		return "2.0"
	}
	return strings.Join(codes, ",")
}

// isStatus checks a statcode (RFC 5545 section 3.8.8.3).
func isStatus(s string) bool {
	if len(s) < 3 || len(s) > 12 || s[0] < '1' || s[0] > '5' {
		return false
	}
	for i := range len(s) {
		if s[i] != '.' && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return s[1] == '.' && s[len(s)-1] != '.'
}

// Admit adds who answered without being invited (Result.Crasher) to the organizer's object, with the answer in msg.
// The organizer has decided so; what [Organize] makes of the result tells the others.
func Admit(organizer *ical.Component, msg Message, o Options) (*ical.Component, error) {
	if err := check(msg.Calendar); err != nil {
		return nil, err
	}
	cal := organizer.Clone()
	ob := read(cal)
	mo := readLike(msg.Calendar, ob)
	t := taker{o: o, cal: cal, ob: ob, msg: mo, res: &Result{}}
	for _, k := range mo.all() {
		p := t.speaker(mo.get(k), msg.From)
		if p == nil {
			continue
		}
		target := ob.get(k)
		if target == nil {
			if target = ob.effective(k); target == nil {
				continue
			}
			cal.AddChild(target)
		}
		if o.attendeeOf(target, p.Value()) == nil {
			line := ical.NewProperty("ATTENDEE", p.Value())
			if cn := p.Param("CN"); cn != "" {
				line.SetParam("CN", cn)
			}
			line.SetParam("PARTSTAT", PartStat(p))
			target.Add(line)
		}
	}
	return cal, nil
}
