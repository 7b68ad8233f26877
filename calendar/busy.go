package calendar

import (
	"kalends/ical"
	"kalends/ical/recur"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// row is [parsed.object] for an object of this owner: what they have declined takes none of their time, and what they have
// accepted tentatively does so tentatively (RFC 6638 section 5 leaves it to the server, RFC 5546 section 3.3.2 says so of
// replies).
func (u *unit) row(p *parsed, text []byte, owner *storage.Principal) (*storage.Object, error) {
	if !isScheduled(p.cal) || p.component != "VEVENT" {
		return p.object(text, u.now)
	}
	var cal *ical.Component
	i := 0
	for c := range p.cal.Main() {
		name, value := "", ""
		for a := range c.All("ATTENDEE") {
			if who := u.people.of(a.Value()); who != nil && who.ID == owner.ID {
				switch itip.PartStat(a) {
				case "DECLINED", "DELEGATED":
					name, value = "TRANSP", "TRANSPARENT"
				case "TENTATIVE":
					if c.Prop("STATUS") == nil || c.Value("STATUS") == "CONFIRMED" {
						name, value = "STATUS", "TENTATIVE"
					}
				}
				break
			}
		}
		if name != "" {
			if cal == nil {
				cal = p.cal.Clone()
			}
			k := 0
			for d := range cal.Main() {
				if k == i {
					d.Set(ical.NewProperty(name, value))
				}
				k++
			}
		}
		i++
	}
	if cal == nil {
		return p.object(text, u.now)
	}
	series, err := recur.Compile(cal, p.zones)
	if err != nil {
		return p.object(text, u.now)
	}
	seen := *p
	seen.series = series
	return seen.object(text, u.now)
}
