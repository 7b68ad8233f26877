package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	goical "github.com/emersion/go-ical"
	"github.com/emersion/go-webdav"
	"github.com/emersion/go-webdav/caldav"

	"kalends/ical"
)

// account is somebody with a calendar program: go-webdav's client, which is not our code.
type account struct {
	name, password, address string

	base     string
	http     webdav.HTTPClient
	caldav   *caldav.Client
	home     string
	calendar string
}

// connect does what a calendar program does with nothing but the server's address, a name and a password.
func (a *account) connect(ctx context.Context, base string, tls *http.Client) error {
	a.base = base
	a.http = webdav.HTTPClientWithBasicAuth(tls, a.name, a.password)
	c, err := caldav.NewClient(a.http, base+"/dav/")
	if err != nil {
		return err
	}
	a.caldav = c
	principal, err := c.FindCurrentUserPrincipal(ctx)
	if err != nil {
		return fmt.Errorf("principal: %w", err)
	}
	if a.home, err = c.FindCalendarHomeSet(ctx, principal); err != nil {
		return fmt.Errorf("home: %w", err)
	}
	list, err := c.FindCalendars(ctx, a.home)
	if err != nil {
		return fmt.Errorf("calendars: %w", err)
	}
	for _, cal := range list {
		for _, comp := range cal.SupportedComponentSet {
			if comp == "VEVENT" && a.calendar == "" && strings.HasSuffix(strings.TrimSuffix(cal.Path, "/"), "/calendar") {
				a.calendar = cal.Path
			}
		}
	}
	if a.calendar == "" {
		return fmt.Errorf("none of the %d calendars takes events", len(list))
	}
	return nil
}

// do sends a request that go-webdav's client has no method for.
func (a *account) do(ctx context.Context, method, path string, body []byte, header ...string) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := a.http.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %.200s", method, path, res.Status, b)
	}
	return res, b, err
}

// put stores an object by its name in the account's calendar.
func (a *account) put(ctx context.Context, name string, cal *ical.Component) error {
	_, _, err := a.do(ctx, http.MethodPut, a.calendar+name, cal.Bytes(), "Content-Type", "text/calendar; charset=utf-8")
	return err
}

// find returns the object with that UID in the account's calendar, and its path; nil when there is none.
func (a *account) find(ctx context.Context, uid string) (*ical.Component, string, error) {
	objects, err := a.caldav.QueryCalendar(ctx, a.calendar, &caldav.CalendarQuery{
		CompRequest: caldav.CalendarCompRequest{Name: "VCALENDAR", AllProps: true, AllComps: true},
		CompFilter: caldav.CompFilter{Name: "VCALENDAR", Comps: []caldav.CompFilter{{Name: "VEVENT", Props: []caldav.PropFilter{
			{Name: "UID", TextMatch: &caldav.TextMatch{Text: uid}},
		}}}},
	})
	if err != nil || len(objects) == 0 {
		return nil, "", err
	}
	_, b, err := a.do(ctx, http.MethodGet, objects[0].Path, nil)
	if err != nil {
		return nil, "", err
	}
	cal, err := ical.Parse(b)
	return cal, objects[0].Path, err
}

// expanded returns the starts of the occurrences of the UID in a window, as the server expands them.
func (a *account) expanded(ctx context.Context, uid string, start, end time.Time) ([]time.Time, error) {
	objects, err := a.caldav.QueryCalendar(ctx, a.calendar, &caldav.CalendarQuery{
		CompRequest: caldav.CalendarCompRequest{Name: "VCALENDAR", AllProps: true, AllComps: true, Expand: &caldav.CalendarExpandRequest{Start: start, End: end}},
		CompFilter:  caldav.CompFilter{Name: "VCALENDAR", Comps: []caldav.CompFilter{{Name: "VEVENT", Start: start, End: end}}},
	})
	if err != nil {
		return nil, err
	}
	var list []time.Time
	for _, o := range objects {
		for _, c := range o.Data.Children {
			if id := c.Props.Get(goical.PropUID); c.Name != goical.CompEvent || id == nil || id.Value != uid {
				continue
			}
			t, err := c.Props.DateTime(goical.PropDateTimeStart, time.UTC)
			if err != nil {
				return nil, err
			}
			list = append(list, t)
		}
	}
	return list, nil
}

// inbox returns how many messages of that method about the UID are in the account's inbox.
func (a *account) inbox(ctx context.Context, uid, method string) (int, error) {
	const body = `<?xml version="1.0"?><C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data/></D:prop>` +
		`<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"/></C:comp-filter></C:filter></C:calendar-query>`
	_, b, err := a.do(ctx, "REPORT", a.home+"inbox/", []byte(body), "Depth", "1", "Content-Type", "application/xml; charset=utf-8")
	n := 0
	for item := range strings.SplitSeq(string(b), "BEGIN:VCALENDAR") {
		if strings.Contains(item, "UID:"+uid) && strings.Contains(item, "METHOD:"+method) {
			n++
		}
	}
	return n, err
}
