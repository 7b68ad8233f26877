package mailer

import (
	"slices"
	"strconv"

	"kalends/calendar"
	"kalends/ical"
)

// maxFiles bounds the attachments that a mail names; its calendar part has all.
const maxFiles = 20

// linkFiles gives the attachments of a meeting that are kept here (RFC 8607 section 3.12.6) links that work without an account, and takes out
// those that have none. A MANAGED-ID means nothing to other servers. It returns what a mail tells of them.
func linkFiles(cal *ical.Component, link func(managedID string) string) []row {
	var rows []row
	for c := range cal.Main() {
		c.RemoveFunc(func(p *ical.Property) bool {
			id := calendar.ManagedOf(p)
			if id == "" {
				return false
			}
			r := row{Value: line(p.Param("FILENAME"), maxTitle)}
			if link != nil {
				r.Href = secureLink(link(id))
			}
			if r.Href == "" {
				return true
			}
			p.RemoveParam("MANAGED-ID")
			p.SetValue(r.Href)
			if size, err := strconv.ParseInt(p.Param("SIZE"), 10, 64); err == nil && size >= 0 {
				r.Value += " (" + octets(size) + ")"
			}
			if len(rows) < maxFiles && !slices.ContainsFunc(rows, func(o row) bool { return o.Href == r.Href }) {
				rows = append(rows, r)
			}
			return false
		})
	}
	return rows
}

// octets tells a size.
func octets(n int64) string {
	switch {
	case n >= 1e6:
		return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB"
	case n >= 1e3:
		return strconv.FormatInt(n/1e3, 10) + " kB"
	}
	return strconv.FormatInt(n, 10) + " B"
}
