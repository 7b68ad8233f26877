package reminder

import (
	"time"

	"kalends/ical"
	"kalends/storage"
)

// MeetingDefault is how long before meetings people are reminded that the server's own pages and API make, where nobody says otherwise.
const MeetingDefault = 30 * time.Minute

// Site is how people are reminded who have said nothing themselves.
type Site struct {
	// Display makes DISPLAY and AUDIO alarms mails too; EMAIL alarms always are.
	Display bool
	// Default is how long before its start people are reminded of a timed event without any alarm; 0 for never.
	Default time.Duration
	// Meetings is the same for events that were made by the server's own pages or API; 0 for as Default says.
	Meetings time.Duration
	// Zone is for floating times of people and calendars without a zone; nil for UTC.
	Zone *time.Location
}

// alarmBefore is an alarm by mail so long before the start.
func alarmBefore(before time.Duration) storage.DefaultAlarm {
	if before <= 0 {
		return ""
	}
	return storage.DefaultAlarm("EMAIL " + ical.Duration{Negative: true, Time: before}.String())
}

// For returns how somebody with these addresses (ical.Address form) is reminded of an object in a calendar; c may be nil. Alarms by default are
// those of the calendar's owner; for who shares it there is [Site.ForSharee].
func (s Site) For(who *storage.Principal, addresses []string, c *storage.Calendar, o *storage.Object) Options {
	opts := Options{Owner: o.Owner, Object: o.ID, Calendar: o.Calendar, ForUser: who.ID, Addresses: addresses}
	zoneID, alarms := "", who.Alarms
	if c != nil {
		zoneID, alarms = c.TimeZoneID, c.Alarms.Or(alarms)
	}
	opts.Floating = Zone(who, zoneID, s.Zone)
	opts.Display = who.MailedAlarms == storage.MailAll || who.MailedAlarms == storage.MailAsSite && s.Display
	if who.ID != o.Owner {
		return opts
	}
	before := s.Default
	if o.Remind && s.Meetings > 0 {
		before = s.Meetings
	}
	opts.Alarms = alarms.Or(storage.DefaultAlarms{Timed: alarmBefore(before)})
	return opts
}

// ForSharee is For for somebody with whom the calendar is shared, and who has set alarms by default in it. Those that they have for their own
// calendars, and the site's, do not hold there: nobody is to be reminded of all that others do.
func (s Site) ForSharee(who *storage.Principal, addresses []string, c *storage.Calendar, o *storage.Object, alarms storage.DefaultAlarms) Options {
	opts := s.For(who, addresses, c, o)
	opts.Alarms = alarms
	return opts
}

// ShareeAlarms returns the alarms by default that sharees of a calendar have in it, by person: of those that have taken it into their home. Whether they
// may still read it is asked when they are reminded.
func ShareeAlarms(shares []*storage.Share) map[int64]storage.DefaultAlarms {
	var list map[int64]storage.DefaultAlarms
	for _, sh := range shares {
		if sh.State == storage.ShareAccepted && sh.Alarms != (storage.DefaultAlarms{}) && len(list) < storage.MaxPersonalAlarms {
			if list == nil {
				list = map[int64]storage.DefaultAlarms{}
			}
			list[sh.Sharee] = sh.Alarms
		}
	}
	return list
}

// hasDefaults reports whether events without an alarm have one that becomes a mail.
func (o *Options) hasDefaults() bool { return o.mails(o.Alarms.Timed) || o.mails(o.Alarms.Day) }

func (o *Options) mails(a storage.DefaultAlarm) bool {
	action, _ := a.Parts()
	return action == "EMAIL" || o.Display && (action == "DISPLAY" || action == "AUDIO")
}

// defaultAlarm is the alarm of an event that has none: it is not in the object, and never written there.
func (o *Options) defaultAlarm(c *ical.Component) []*alarm {
	p := c.Prop("DTSTART")
	if c.Name() != "VEVENT" || p == nil {
		return nil
	}
	d, err := p.DateTime()
	if err != nil {
		return nil
	}
	a := o.Alarms.Timed
	if d.Form == ical.DateForm {
		a = o.Alarms.Day
	}
	if !o.mails(a) {
		return nil
	}
	action, text := a.Parts()
	offset, err := ical.ParseDuration(text)
	if err != nil {
		return nil
	}
	comp := ical.New("VALARM")
	comp.Add(ical.NewProperty("ACTION", action))
	comp.Add(ical.NewProperty("TRIGGER", text))
	return []*alarm{{comp: comp, trigger: trigger{action: "DEFAULT", offset: offset}}}
}

// ReadDefaultAlarm returns the alarm that a text of VALARMs says, as the properties default-alarm-vevent-datetime and -date hold it. An empty text, and alarms
// that are none (ACTION:NONE), say that there is to be none. Of several it is the first that can become a mail, else the first. What is
// not before, at or after the start by a duration is no default: "".
func ReadDefaultAlarm(text string) storage.DefaultAlarm {
	cal, err := ical.Parse([]byte("BEGIN:VCALENDAR\r\n" + text + "\r\nEND:VCALENDAR\r\n"))
	if err != nil {
		return ""
	}
	var found storage.DefaultAlarm
	some := false
	for v := range cal.Components("VALARM") {
		some = true
		t, ok := readTrigger(v, true, nil, time.UTC)
		if !ok || t.absolute || t.end {
			continue
		}
		a := storage.DefaultAlarm(t.action + " " + t.offset.String())
		if t.action == "EMAIL" {
			return a
		}
		if found == "" {
			found = a
		}
	}
	if found == "" && (!some || allNone(cal)) {
		return storage.NoAlarm
	}
	return found
}

func allNone(cal *ical.Component) bool {
	for v := range cal.Components("VALARM") {
		if v.Value("ACTION") != "NONE" {
			return false
		}
	}
	return true
}
