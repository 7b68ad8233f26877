package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"kalends/ical"
)

// stormClient is one person's program. It has one request under way at a time.
type stormClient struct {
	*storm
	name string
	own  []*planned
}

// run plans, changes, cancels and answers meetings until the server is gone.
func (c *stormClient) run(ctx context.Context, large bool) {
	c.mu.Lock()
	for _, p := range c.meetings {
		if p.organizer == c.name && p.acked > 0 {
			c.own = append(c.own, p)
		}
	}
	c.mu.Unlock()
	for alive := true; alive && ctx.Err() == nil; {
		switch n := rand.IntN(20); {
		case n == 0 && large:
			alive = c.create(true)
		case n < 5:
			alive = c.create(false)
		case n < 9:
			alive = c.change()
		case n < 10:
			alive = c.cancel()
		default:
			alive = c.answer()
		}
	}
}

// request returns status 0 where there was no answer.
func (c *stormClient) request(method, uid, body string, header ...string) (int, http.Header, string) {
	r, err := http.NewRequestWithContext(c.Context(), method, c.server+"/dav/calendars/"+c.name+"/calendar/"+uid+".ics", strings.NewReader(body))
	if err != nil {
		c.Error(err)
		return 0, nil, ""
	}
	r.SetBasicAuth(c.name, "secret")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := c.client.Do(r)
	if err != nil {
		return 0, nil, ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, ""
	}
	return resp.StatusCode, resp.Header, string(b)
}

// read gets the person's own object of a meeting.
func (c *stormClient) read(p *planned) (cal *ical.Component, tag string, alive bool) {
	status, h, text := c.request("GET", p.uid, "")
	switch status {
	case 0:
		return nil, "", false
	case 404:
		return nil, "", true
	case 200:
		cal, err := ical.Parse([]byte(text))
		if err != nil {
			c.Errorf("GET %s: %v", p.uid, err)
		}
		return cal, h.Get("Schedule-Tag"), true
	}
	c.Errorf("GET %s as %s: %d %s", p.uid, c.name, status, text)
	return nil, "", true
}

func (c *stormClient) touch(p *planned) {
	c.mu.Lock()
	c.touched[p] = true
	c.mu.Unlock()
}

// ask sends a request that makes version v of a meeting.
func (c *stormClient) ask(p *planned, v int, resets bool, method, body string, header ...string) bool {
	c.touch(p)
	p.mu.Lock()
	p.pending = v
	p.clock++
	was := p.reset
	if resets {
		p.reset = never
	}
	p.mu.Unlock()
	status, _, text := c.request(method, p.uid, body, header...)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock++
	switch {
	case status == 0:
		c.unknown.Add(1)
		return false
	case status/100 == 2:
		c.writes.Add(1)
		p.acked = v
		if resets {
			p.reset = p.clock
		}
	default:
		c.refused.Add(1)
		if status != 412 {
			c.Errorf("%s %s as %s: %d %s\n%s", method, p.uid, c.name, status, text, body)
		}
		p.reset = was
	}
	p.pending = 0
	return true
}

func mailto(name string) string { return "mailto:" + name + "@example.com" }

func (c *stormClient) create(large bool) bool {
	c.mu.Lock()
	p := &planned{uid: fmt.Sprintf("storm-%05d", len(c.meetings)), organizer: c.name, large: large, answers: map[string]reply{}}
	c.meetings = append(c.meetings, p)
	c.mu.Unlock()
	var who []string
	if large {
		who = append(who, c.crowd...)
	}
	for _, name := range c.people {
		if name != c.name && rand.IntN(2) == 0 {
			who = append(who, name)
		}
	}
	who = append(who, c.people[1+rand.IntN(len(c.people)-1)])
	slices.Sort(who)
	more := fmt.Sprintf("SUMMARY:version 1\r\nORGANIZER:%s\r\nATTENDEE;PARTSTAT=ACCEPTED:%s\r\n", mailto(c.name), mailto(c.name))
	for _, name := range slices.Compact(who) {
		if name != c.name {
			more += "ATTENDEE;RSVP=TRUE;PARTSTAT=NEEDS-ACTION:" + mailto(name) + "\r\n"
		}
	}
	if rand.IntN(3) == 0 {
		more += "RRULE:FREQ=WEEKLY;COUNT=5\r\n"
	}
	alive := c.ask(p, 1, false, "PUT", simpleEvent(p.uid, more), "If-None-Match", "*")
	c.own = append(c.own, p)
	return alive
}

// mine picks one of the person's own meetings that are there.
func (c *stormClient) mine() *planned {
	c.own = slices.DeleteFunc(c.own, func(p *planned) bool { return p.acked == gone })
	if len(c.own) == 0 {
		return nil
	}
	return c.own[max(0, len(c.own)-1-rand.IntN(12))]
}

// change gives an own meeting another title, time, guest, or exception. It writes over what it has read, and what may have
// been answered since.
func (c *stormClient) change() bool {
	p := c.mine()
	if p == nil {
		return true
	}
	cal, tag, alive := c.read(p)
	if cal == nil {
		return alive
	}
	master := cal.Master()
	v, resets := versionOf(cal, p)+1, false
	switch n := rand.IntN(8); {
	case n == 0: // another time: programs drop the exceptions of a series then
		resets = true
		master.Set(ical.NewProperty("DTSTART", fmt.Sprintf("20380105T%02d0000Z", 8+rand.IntN(8))))
		master.Remove("EXDATE")
		cal.RemoveChildren(func(x *ical.Component) bool { return x != master })
	case n == 1: // somebody joins, or leaves
		resets = true
		who := mailto(c.people[rand.IntN(len(c.people))])
		if who == mailto(c.name) {
			break
		}
		in := slices.ContainsFunc(slices.Collect(master.All("ATTENDEE")), func(a *ical.Property) bool { return a.Value() == who })
		for x := range cal.Main() {
			x.RemoveFunc(func(a *ical.Property) bool { return a.Name() == "ATTENDEE" && a.Value() == who })
			if !in {
				x.Add(ical.NewProperty("ATTENDEE", who))
			}
		}
	case n < 4 && master.Prop("RRULE") != nil:
		at := master.Prop("DTSTART").Value()
		day, err := time.Parse("20060102T150405Z", at)
		if err != nil {
			c.Error(err)
		}
		id := day.AddDate(0, 0, 7*(1+rand.IntN(4))).Format("20060102T150405Z")
		taken := strings.Contains(cal.String(), "EXDATE:"+id)
		for x := range cal.Main() {
			taken = taken || instance(x) == id
		}
		switch {
		case taken:
		case n == 2:
			master.Add(ical.NewProperty("EXDATE", id))
		default:
			over := master.Clone()
			over.RemoveFunc(func(q *ical.Property) bool { return q.Name() == "RRULE" || q.Name() == "EXDATE" })
			over.Set(ical.NewProperty("DTSTART", id))
			over.Add(ical.NewProperty("RECURRENCE-ID", id))
			cal.AddChild(over)
		}
	}
	for x := range cal.Main() {
		x.Set(ical.NewProperty("SUMMARY", fmt.Sprintf("version %d", v)))
	}
	return c.ask(p, v, resets, "PUT", cal.String(), "If-Schedule-Tag-Match", tag)
}

func (c *stormClient) cancel() bool {
	p := c.mine()
	if p == nil {
		return true
	}
	return c.ask(p, gone, true, "DELETE", "")
}

// answer answers an invitation, throws it away, or throws away what was cancelled.
func (c *stormClient) answer() bool {
	c.mu.Lock()
	var p *planned
	if n := len(c.meetings); n > 0 {
		p = c.meetings[max(0, n-1-rand.IntN(60))]
	}
	c.mu.Unlock()
	if p == nil || p.organizer == c.name {
		return true
	}
	c.touch(p)
	p.mu.Lock()
	p.clock++
	begun := p.clock
	p.mu.Unlock()
	cal, tag, alive := c.read(p)
	if cal == nil {
		return alive
	}
	a := reply{[]string{"ACCEPTED", "TENTATIVE", "DECLINED"}[rand.IntN(3)], begun}
	var status int
	var text string
	was := cancelled(cal)
	p.mu.Lock()
	delete(p.answers, c.name) // not known until it is answered
	p.mu.Unlock()
	if was || rand.IntN(8) == 0 {
		a.partStat = "DECLINED"
		status, _, text = c.request("DELETE", p.uid, "", "If-Schedule-Tag-Match", tag)
	} else {
		for x := range cal.Main() {
			for l := range x.All("ATTENDEE") {
				if l.Value() == mailto(c.name) {
					l.SetParam("PARTSTAT", a.partStat)
					l.RemoveParam("RSVP")
				}
			}
		}
		status, _, text = c.request("PUT", p.uid, cal.String(), "If-Schedule-Tag-Match", tag)
	}
	switch {
	case status == 0:
		c.unknown.Add(1)
		return false
	case status/100 == 2 && !was:
		c.writes.Add(1)
		p.mu.Lock()
		p.answers[c.name] = a
		p.mu.Unlock()
	case status/100 == 2:
		c.writes.Add(1)
	default:
		c.refused.Add(1)
		if status != 412 {
			c.Errorf("answer of %s to %s: %d %s\n%s", c.name, p.uid, status, text, cal)
		}
	}
	return true
}
