package calendar

import (
	"context"
	"fmt"
	"time"

	"kalends/auth"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/scheduling"
	"kalends/storage"
)

// BusyQuery asks when the owner of calendars is busy.
type BusyQuery struct {
	Owner     *storage.Principal
	Calendars []*storage.Calendar
	Start     time.Time
	End       time.Time
	Floating  *time.Location // for floating and all-day times in calendars without a zone of their own
	Without   string         // UID of a meeting that does not count: the one that is being planned (CALDAV:X-MASK-UID)
	// Inbox is the owner's, where what it says of their availability counts; nil where not.
	Inbox *storage.Calendar
}

// maxBusySpan bounds a free-busy query.
const maxBusySpan = 20 * 366 * 24 * time.Hour

// Busy returns the merged times of a query (RFC 4791 section 7.10). Cancelled and transparent events do
// not count. When the owner is not there, by VAVAILABILITY in the calendars or the inbox, is part of it (RFC 7953 section 7.2.2). One
// bad object is left out and logged.
func (s *Service) Busy(ctx context.Context, r storage.Reader, q BusyQuery) ([]scheduling.Period, error) {
	if !q.Start.Before(q.End) {
		return nil, Errorf(BadRequest, "the time range must end after it starts")
	}
	if q.End.Sub(q.Start) > maxBusySpan {
		return nil, Errorf(BadRequest, "a free-busy query spans at most 20 years")
	}
	var list []scheduling.Period
	var there []*scheduling.Availability
	if q.Inbox != nil && q.Inbox.Availability != "" {
		var err error
		if there, err = s.inboxAvailability(q.Inbox); err != nil {
			s.Log.ErrorContext(ctx, "availability of inbox", "owner", q.Owner.ID, "err", err)
		}
	}
	for _, group := range byZone(q) {
		objects, err := r.ObjectsInRange(ctx, storage.RangeQuery{
			Owner: q.Owner.ID, Calendars: group.ids, Components: []string{"VEVENT", "VFREEBUSY", "VAVAILABILITY"},
			Start: q.Start.UnixMicro(), End: q.End.UnixMicro(),
			WallStart: zone.Wall(q.Start, group.loc).UnixMicro(), WallEnd: zone.Wall(q.End, group.loc).UnixMicro(),
			Fields: storage.WithSeries,
		})
		if err != nil {
			return nil, fmt.Errorf("objects in range: %w", err)
		}
		for _, o := range objects {
			if q.Without != "" && o.UID == q.Without {
				continue
			}
			if o.Component == "VAVAILABILITY" {
				a, err := s.availabilityOf(ctx, r, o)
				if err != nil {
					s.Log.ErrorContext(ctx, "availability of object", "owner", o.Owner, "object", o.ID, "err", err)
				}
				there = append(there[:len(there):len(there)], a...)
				continue
			}
			if list, err = s.busyOf(list, o, q.Start, q.End, group.loc); err != nil {
				s.Log.ErrorContext(ctx, "free-busy of object", "owner", o.Owner, "object", o.ID, "err", err)
			}
		}
	}
	list = scheduling.Merge(list, q.Start, q.End)
	if len(there) == 0 {
		return list, nil
	}
	away, err := scheduling.Unavailable(there, q.Start, q.End)
	if err != nil {
		s.Log.ErrorContext(ctx, "availability", "owner", q.Owner.ID, "err", err)
		return list, nil
	}
	return scheduling.Merge(scheduling.WithAvailability(list, away), q.Start, q.End), nil
}

func (s *Service) busyOf(list []scheduling.Period, o *storage.Object, start, end time.Time, loc *time.Location) ([]scheduling.Period, error) {
	if len(o.Series) == 0 {
		p := scheduling.Period{Start: time.UnixMicro(o.First).UTC(), End: time.UnixMicro(o.Last).UTC(), Busy: recur.Busy(o.Busy)}
		if o.Floating {
			p.Start, p.End = zone.Instant(p.Start, loc), zone.Instant(p.End, loc)
		}
		return append(list, p), nil
	}
	ok, err := s.occurrences(o, start, end, loc, func(x occurrence) bool {
		if x.start < x.end && x.busy != recur.Free {
			list = append(list, scheduling.Period{Start: time.UnixMicro(x.start).UTC(), End: time.UnixMicro(x.end).UTC(), Busy: x.busy})
		}
		return true
	})
	if ok || err != nil {
		return list, err
	}
	series, err := s.series.get(o)
	if err != nil {
		return list, err
	}
	for inst, err := range series.Between(start, end, loc) {
		if err != nil {
			return list, err
		}
		if inst.Start.Before(inst.End) {
			list = append(list, scheduling.Period{Start: inst.Start, End: inst.End, Busy: inst.Busy})
		}
	}
	return list, nil
}

type zoneGroup struct {
	loc *time.Location
	ids []int64
}

// byZone groups the calendars by the zone that floating times in them are in.
func byZone(q BusyQuery) []zoneGroup {
	var groups []zoneGroup
next:
	for _, c := range q.Calendars {
		loc := CalendarZone(c, q.Floating)
		for i := range groups {
			if groups[i].loc == loc {
				groups[i].ids = append(groups[i].ids, c.ID)
				continue next
			}
		}
		groups = append(groups, zoneGroup{loc, []int64{c.ID}})
	}
	return groups
}

// CalendarZone returns the zone of floating times in a calendar: its own (CALDAV:calendar-timezone), else the one given, else
// UTC (RFC 4791 section 7.3).
func CalendarZone(c *storage.Calendar, otherwise *time.Location) *time.Location {
	if c != nil {
		if c.TimeZoneID != "" {
			if loc, ok := zone.Load(c.TimeZoneID); ok {
				return loc
			}
		}
		if c.TimeZone != "" {
			if loc, err := ZoneOf(c.TimeZone); err == nil {
				return loc
			}
		}
	}
	if otherwise != nil {
		return otherwise
	}
	return time.UTC
}

// AttendeeBusy returns when a principal here is busy, over all calendars that count (RFC 6638 section 5;
// section 9.1 leaves transparent ones out). who asks.
func (s *Service) AttendeeBusy(ctx context.Context, who, attendee *storage.Principal, start, end time.Time, without string) ([]scheduling.Period, error) {
	if !auth.Privileges(who, attendee, storage.InboxKind).Has(auth.QueryFreeBusy) {
		return nil, Errorf(Forbidden, "you may not see when this person is busy")
	}
	return s.busyTimes(ctx, attendee, start, end, without)
}

// PublicBusy returns when somebody is busy whose busy times are public. Anybody may ask.
func (s *Service) PublicBusy(ctx context.Context, owner *storage.Principal, start, end time.Time) ([]scheduling.Period, error) {
	if !owner.PublicBusy {
		return nil, Errorf(NotFound, "there are no public busy times of %q", owner.Name)
	}
	return s.busyTimes(ctx, owner, start, end, "")
}

func (s *Service) busyTimes(ctx context.Context, attendee *storage.Principal, start, end time.Time, without string) ([]scheduling.Period, error) {
	var list []scheduling.Period
	err := s.Store.View(ctx, func(r storage.Reader) error {
		home, err := r.Calendars(ctx, attendee.ID)
		if err != nil {
			return fmt.Errorf("calendars: %w", err)
		}
		q := BusyQuery{Owner: attendee, Start: start, End: end, Without: without, Floating: principalZone(attendee)}
		for _, c := range home {
			switch {
			case c.Kind == storage.InboxKind:
				q.Inbox = c
			case c.Kind == storage.CalendarKind && !c.Transparent:
				q.Calendars = append(q.Calendars, c)
			}
		}
		if list, err = s.Busy(ctx, r, q); err != nil {
			return err
		}
		shared, err := s.sharedBusy(ctx, r, attendee, home, q)
		if len(shared) > 0 {
			list = scheduling.Merge(append(list, shared...), start, end)
		}
		return err
	})
	return list, err
}

// sharedBusy returns the busy times of somebody that come from calendars of others in their home: of those that they made opaque.
func (s *Service) sharedBusy(ctx context.Context, r storage.Reader, sharee *storage.Principal, home []*storage.Calendar, q BusyQuery) ([]scheduling.Period, error) {
	shared, err := s.SharedIn(ctx, r, sharee, sharee, home)
	if err != nil {
		return nil, err
	}
	byOwner := map[int64]*BusyQuery{}
	for _, c := range shared {
		if c.Calendar.Transparent || !c.Access.To(c.Calendar).Has(auth.ReadFreeBusy) {
			continue
		}
		if byOwner[c.Owner.ID] == nil {
			byOwner[c.Owner.ID] = &BusyQuery{Owner: c.Owner, Start: q.Start, End: q.End, Floating: q.Floating, Without: q.Without}
		}
		one := byOwner[c.Owner.ID]
		one.Calendars = append(one.Calendars, c.Calendar)
	}
	var list []scheduling.Period
	for _, one := range byOwner {
		busy, err := s.Busy(ctx, r, *one)
		if err != nil {
			return nil, err
		}
		list = append(list, busy...)
	}
	return list, nil
}

// HomeBusy is Busy for the calendars of a home that who asked about, and, of the home's owner, for those of others that are in it.
func (s *Service) HomeBusy(ctx context.Context, home []*storage.Calendar, q BusyQuery) ([]scheduling.Period, error) {
	list, err := s.Busy(ctx, s.Store, q)
	if err != nil {
		return nil, err
	}
	shared, err := s.sharedBusy(ctx, s.Store, q.Owner, home, q)
	if err != nil || len(shared) == 0 {
		return list, err
	}
	return scheduling.Merge(append(list, shared...), q.Start, q.End), nil
}

// principalZone is the zone of a person's floating times, nil where it is not known.
func principalZone(p *storage.Principal) *time.Location {
	if loc, ok := zone.Load(p.TimeZone); ok {
		return loc
	}
	return nil
}
