package itip

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"kalends/ical"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata/itip")

// TestConversations plays testdata/itip: each file is a conversation of people whose address is NAME@example.com. Sections are
//
//	put NAME [stale] [past] [same]   NAME stores this object, as organizer or attendee; in the same second as the step before
//	delete NAME               NAME deletes it
//	deliver [NAME] [same]     what waits for NAME (or everybody) arrives, and answers are spread
//	alias ADDRESS NAME        the address is NAME's, too
//	again NAME N              the Nth message that NAME was sent arrives, whether or not it did before
//	mail FROM TO              this message arrives from outside
//	admit NAME                NAME, an organizer, takes in who answered last without being invited
//	refresh NAME              NAME asks for the meeting again
//	counter NAME              NAME would like the meeting so
//	lose                      what waits is lost
//	expect                    what the step before said and sent
//	get NAME                  NAME's copy
//
// A component without VCALENDAR is put into one. The clock moves a minute with every step.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("../../testdata/itip/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no conversations: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { converse(t, file) })
	}
}

func converse(t *testing.T, file string) {
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld()
	for i := range ar.Files {
		f := &ar.Files[i]
		args := strings.Fields(f.Name)
		var got string
		switch args[0] {
		case "put":
			w.step(args...)
			w.say(w.put(args[1], parseText(t, f.Data), slices.Contains(args, "stale"), slices.Contains(args, "past")))
			continue
		case "delete":
			w.step()
			w.say(w.put(args[1], nil, false, false))
			continue
		case "deliver":
			w.step(args...)
			who := ""
			if len(args) > 1 && args[1] != "same" {
				who = args[1]
			}
			w.deliver(who)
			continue
		case "mail":
			w.step()
			w.mail(t, args[1], args[2], parseText(t, f.Data))
			continue
		case "admit":
			w.step()
			w.admit(args[1])
			continue
		case "refresh":
			w.step()
			m, err := MakeRefresh(w.copies[address(args[1])], address(args[1]), w.options())
			w.say(err)
			w.offer(m, err)
			continue
		case "counter":
			w.step()
			m, err := MakeCounter(w.copies[address(args[1])], parseText(t, f.Data), address(args[1]), w.options())
			w.say(err)
			w.offer(m, err)
			continue
		case "alias":
			w.alias[ical.Address(args[1])] = address(args[2])
			continue
		case "again":
			w.step()
			n, err := strconv.Atoi(args[2])
			if list := w.sent[address(args[1])]; err != nil || n < 1 || n > len(list) {
				t.Fatalf("%s: %s: %d messages were sent", file, f.Name, len(list))
			}
			w.arrive(w.sent[address(args[1])][n-1], w.options())
			continue
		case "lose":
			w.queue = nil
			continue
		case "expect":
			got = w.log.String()
		case "get":
			got = show(w.copies[address(args[1])])
		default:
			t.Fatalf("%s: unknown step %q", file, f.Name)
		}
		if *update {
			f.Data = []byte(got)
		} else if got != string(f.Data) {
			t.Errorf("step %d (%s): got\n%s\nwant\n%s", i+1, f.Name, got, f.Data)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(ar), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// world is some people's copies of one meeting, and the messages on their way.
type world struct {
	now    time.Time
	copies map[string]*ical.Component
	queue  []Message
	sent   map[string][]Message // by recipient
	alias  map[string]string    // further address → the one of whom it is
	held   Message              // of who answered last without being invited
	log    strings.Builder
}

func newWorld() *world {
	return &world{now: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), copies: map[string]*ical.Component{}, sent: map[string][]Message{}, alias: map[string]string{}}
}

func address(name string) string {
	if strings.Contains(name, ":") {
		return name
	}
	return "mailto:" + name + "@example.com"
}

func (w *world) step(args ...string) {
	if !slices.Contains(args, "same") {
		w.now = w.now.Add(time.Minute)
	}
	w.log.Reset()
}

func (w *world) options() Options { return Options{Now: w.now, Local: true, Same: w.same} }

// person is the address under which somebody's copy is kept.
func (w *world) person(addr string) string {
	if plain, ok := ical.WithoutDetail(addr); ok {
		addr = plain
	}
	return cmp.Or(w.alias[addr], addr)
}

func (w *world) same(a, b string) bool { return w.person(a) == w.person(b) }

func (w *world) say(err error) {
	if err != nil {
		fmt.Fprintf(&w.log, "refused: %v\n", err)
	}
}

func (w *world) send(list ...Message) {
	for _, m := range list {
		w.queue = append(w.queue, m)
		w.sent[m.To] = append(w.sent[m.To], m)
		fmt.Fprintf(&w.log, "%s %s > %s\n%s", m.Method, short(m.From), short(m.To), show(m.Calendar))
	}
}

// offer sends what its maker did not refuse to make.
func (w *world) offer(m Message, err error) {
	if err == nil {
		w.send(m)
	}
}

func (w *world) admit(name string) {
	old := w.copies[address(name)]
	cal, err := Admit(old, w.held, w.options())
	if err != nil {
		w.say(err)
		return
	}
	plan, err := Organize(old, cal, w.options())
	w.say(err)
	if err == nil {
		w.copies[address(name)] = plan.Stored
		w.send(plan.Messages...)
	}
}

func short(addr string) string {
	return strings.TrimSuffix(strings.TrimPrefix(addr, "mailto:"), "@example.com")
}

func (w *world) put(name string, cal *ical.Component, stale, past bool) error {
	me := address(name)
	old := w.copies[me]
	o := w.options()
	o.Stale, o.Past = stale, past
	isMe := func(a string) bool { return w.person(a) == me }
	subject := old
	if subject == nil || Organizer(subject) == "" {
		subject = cal
	}
	switch role, _ := RoleOf(subject, isMe); role {
	case RoleOrganizer:
		plan, err := Organize(old, cal, o)
		if err != nil {
			return err
		}
		w.copies[me] = plan.Stored
		if plan.Changed {
			w.log.WriteString("changed\n")
		}
		w.send(plan.Messages...)
	case RoleAttendee:
		plan, err := Attend(old, cal, me, o)
		if err != nil {
			return err
		}
		w.copies[me] = plan.Stored
		if plan.Changed {
			w.log.WriteString("changed\n")
		}
		if plan.Reply != nil {
			w.send(*plan.Reply)
		}
	default:
		w.copies[me] = cal
	}
	return nil
}

func (w *world) deliver(name string) {
	var rest []Message
	list := w.queue
	w.queue = nil
	for _, m := range list {
		if name != "" && w.person(m.To) != address(name) {
			rest = append(rest, m)
			continue
		}
		w.arrive(m, w.options())
	}
	w.queue = append(rest, w.queue...)
}

func (w *world) arrive(m Message, o Options) {
	take := Receive
	switch m.Method {
	case Reply:
		take = TakeReply
	case Publish:
		take = TakePublish
	case Refresh, Counter:
		w.ask(m, o)
		return
	}
	res, err := take(w.copies[w.person(m.To)], m, o)
	if err != nil {
		fmt.Fprintf(&w.log, "%s: error: %v\n", short(m.To), err)
		return
	}
	fmt.Fprintf(&w.log, "%s: %s", short(m.To), outcomes[res.Outcome])
	if res.Reason != "" {
		fmt.Fprintf(&w.log, " (%s)", res.Reason)
	}
	if res.Crasher != "" {
		fmt.Fprintf(&w.log, " crasher %s", short(res.Crasher))
		w.held = m
	}
	for _, a := range res.Answers {
		fmt.Fprintf(&w.log, "; %s %s: %s", short(a.Attendee), a.RecurrenceID, a.New)
		if a.Comment != "" {
			fmt.Fprintf(&w.log, " %q", a.Comment)
		}
	}
	w.log.WriteString("\n")
	w.copies[w.person(m.To)] = res.Copy
	for _, a := range res.Added {
		if req, ok := View(res.Copy, a, Request, w.options()); ok {
			w.send(req)
		}
	}
	if m.Method == Reply && res.Changed {
		w.spread(w.person(m.To))
	}
}

var outcomes = map[Outcome]string{Ignored: "ignored", Created: "created", Updated: "updated", Rescheduled: "rescheduled",
	Cancelled: "cancelled", CancelledIn: "cancelled in part", Answered: "answered", Noted: "noted"}

func (w *world) spread(organizer string) {
	for _, a := range Attendees(w.copies[organizer], w.same) {
		who := w.person(a.Address)
		if c := w.copies[who]; c != nil && who != organizer {
			w.copies[who], _ = SpreadPartStat(c, w.copies[organizer], a.Address, w.options())
		}
	}
}

func (w *world) mail(t *testing.T, from, to string, cal *ical.Component) {
	m, err := ReadMessage(cal)
	if err != nil {
		w.say(err)
		return
	}
	m.From, m.To = address(from), address(to)
	o := w.options()
	o.Local = false
	w.arrive(m, o)
}

// ask is a message for the organizer that asks for something. Every counter is declined.
func (w *world) ask(m Message, o Options) {
	switch m.Method {
	case Refresh:
		if req, ok := TakeRefresh(w.copies[w.person(m.To)], m, o); ok {
			w.send(req)
		} else {
			w.log.WriteString("not invited\n")
		}
	case Counter:
		list, err := ReadCounter(w.copies[w.person(m.To)], m, o)
		w.say(err)
		for _, p := range list {
			fmt.Fprintf(&w.log, "%s proposes for %q: moves %v %q\n", short(p.Attendee), p.RecurrenceID, p.Moves, p.Comment)
		}
		if len(list) > 0 {
			dm, err := MakeDeclineCounter(w.copies[w.person(m.To)], m, "No.", o)
			w.say(err)
			w.send(dm)
		}
	}
}

func parseText(t testing.TB, data []byte) *ical.Component {
	t.Helper()
	text := bytes.TrimSpace(data)
	if !bytes.HasPrefix(text, []byte("BEGIN:VCALENDAR")) {
		text = []byte("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Example//Client//EN\n" + string(text) + "\nEND:VCALENDAR")
	}
	cal, err := ical.Parse(bytes.ReplaceAll(append(text, '\n'), []byte("\n"), []byte("\r\n")))
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	return cal
}

// show prints a calendar for reading: without VERSION, PRODID and the insides of time zones, unfolded.
func show(cal *ical.Component) string {
	if cal == nil {
		return "nothing\n"
	}
	var b strings.Builder
	for _, p := range cal.Props() {
		if p.Name() != "VERSION" && p.Name() != "PRODID" {
			b.WriteString(p.Line() + "\n")
		}
	}
	for _, c := range cal.Children() {
		if c.Name() == "VTIMEZONE" {
			b.WriteString("VTIMEZONE " + c.Text("TZID") + "\n")
			continue
		}
		showComponent(&b, c)
	}
	return b.String()
}

func showComponent(b *strings.Builder, c *ical.Component) {
	b.WriteString("BEGIN:" + c.Name() + "\n")
	for _, p := range c.Props() {
		b.WriteString(p.Line() + "\n")
	}
	for _, k := range c.Children() {
		showComponent(b, k)
	}
	b.WriteString("END:" + c.Name() + "\n")
}
