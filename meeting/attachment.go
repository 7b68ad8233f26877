package meeting

import (
	"net/url"
	"strconv"

	"kalends/calendar"
	"kalends/ical"
)

// Attachment is a file of a meeting, or a link to one.
type Attachment struct {
	ID   string `json:"id,omitempty" doc:"Its id, where it is kept here; another is only a link." example:"5-120-abcdefghijklmnopqrstuvwxyz"`
	Name string `json:"name" doc:"Its name."`
	Type string `json:"type,omitempty" doc:"Its media type, as who added it said." example:"application/pdf"`
	Size int64  `json:"size,omitempty" doc:"How many bytes it has, where that is known."`
	URL  string `json:"url" doc:"Where it is. One that is kept here is read there with the name and password of a calendar program, or by this API."`
}

// maxShownAttachments bounds what is told of one meeting.
const maxShownAttachments = 100

// attachments lists what is attached to a component and can be told: what is kept here, and links by http.
func attachments(c *ical.Component) []Attachment {
	var list []Attachment
	for p := range c.All("ATTACH") {
		u, err := url.Parse(p.Value())
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(list) == maxShownAttachments {
			continue
		}
		a := Attachment{ID: calendar.ManagedOf(p), Name: p.Param("FILENAME"), Type: p.Param("FMTTYPE"), URL: u.String()}
		if n, err := strconv.ParseInt(p.Param("SIZE"), 10, 64); err == nil && n > 0 {
			a.Size = n
		}
		if a.Name == "" {
			a.Name = u.Host + u.Path
		}
		list = append(list, a)
	}
	return list
}
