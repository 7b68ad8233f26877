package zone

import (
	"strings"
	"sync"
)

// displayNames are the regions in Windows' display names that are no cities, in lower case, with the Windows name behind them.
// Rails and old Outlook write them as TZID without the offset.
var displayNames = map[string]string{
	"alaska":                        "alaskan standard time",
	"aleutian islands":              "aleutian standard time",
	"arizona":                       "us mountain standard time",
	"atlantic time":                 "atlantic standard time",
	"atlantic time (canada)":        "atlantic standard time",
	"azores":                        "azores standard time",
	"baja california":               "pacific standard time (mexico)",
	"cabo verde is.":                "cape verde standard time",
	"cape verde is.":                "cape verde standard time",
	"central america":               "central america standard time",
	"central time":                  "central standard time",
	"central time (us & canada)":    "central standard time",
	"chatham islands":               "chatham islands standard time",
	"co-ordinated universal time":   "utc",
	"coordinated universal time":    "utc",
	"coordinated universal time-02": "utc-02",
	"coordinated universal time-08": "utc-08",
	"coordinated universal time-09": "utc-09",
	"coordinated universal time-11": "utc-11",
	"coordinated universal time+12": "utc+12",
	"coordinated universal time+13": "utc+13",
	"eastern time":                  "eastern standard time",
	"eastern time (us & canada)":    "eastern standard time",
	"greenland":                     "greenland standard time",
	"greenwich mean time":           "gmt standard time",
	"hawaii":                        "hawaiian standard time",
	"indiana (east)":                "us eastern standard time",
	"international date line west":  "dateline standard time",
	"marquesas islands":             "marquesas standard time",
	"mountain time":                 "mountain standard time",
	"mountain time (us & canada)":   "mountain standard time",
	"new caledonia":                 "central pacific standard time",
	"newfoundland":                  "newfoundland standard time",
	"pacific time":                  "pacific standard time",
	"pacific time (us & canada)":    "pacific standard time",
	"saint pierre and miquelon":     "saint pierre standard time",
	"saskatchewan":                  "canada central standard time",
	"solomon is.":                   "central pacific standard time",
	"turks and caicos":              "turks and caicos standard time",
	"west central africa":           "w. central africa standard time",
}

// displayYear is the year whose offsets Windows' display names are compared with.
const displayYear = 2025

// display reads a Windows display name: "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", also with GMT
// for UTC and slashes for commas. The first city that is a zone of the database with this standard offset gives the zone.
func display(s string) (string, bool) {
	off, hasOffset := 0, false
	if strings.HasPrefix(s, "(") {
		inside, rest, ok := strings.Cut(s[1:], ")")
		if !ok {
			return "", false
		}
		if off, ok = fixedOffset(inside); !ok {
			return "", false
		}
		s, hasOffset = trim(rest), true
	}
	s = strings.ToLower(s)
	if name, ok := windowsNames[displayNames[s]]; ok {
		return name, true
	}
	list := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == '/' })
	if !hasOffset && len(list) < 2 {
		return "", false // a city alone may be anything
	}
	for _, city := range list {
		city = cityKey(city)
		if name, ok := displayCities[city]; ok {
			city = name
		}
		for _, name := range cities()[city] {
			loc, ok := Load(name)
			if ok && (!hasOffset || standardOffset(loc, displayYear) == off) {
				return name, true
			}
		}
	}
	return "", false
}

// displayCities are the cities of display names, as cityKey writes them, that the database spells otherwise or has under their neighbour.
var displayCities = map[string]string{
	"astana":                   "almaty",
	"bern":                     "zurich",
	"beijing":                  "shanghai",
	"canberra":                 "sydney",
	"chennai":                  "kolkata",
	"mumbai":                   "kolkata",
	"new_delhi":                "kolkata",
	"edinburgh":                "london",
	"islamabad":                "karachi",
	"abu_dhabi":                "dubai",
	"nuku'alofa":               "tongatapu",
	"osaka":                    "tokyo",
	"sapporo":                  "tokyo",
	"petropavlovsk-kamchatsky": "kamchatka",
	"port_louis":               "mauritius",
	"pretoria":                 "johannesburg",
	"sri_jayawardenepura":      "colombo",
	"st._petersburg":           "moscow",
	"yangon_(rangoon)":         "yangon",
	"rangoon":                  "yangon",
	"wellington":               "auckland",
	"brasilia":                 "sao_paulo",
	"georgetown":               "guyana",
	"city_of_buenos_aires":     "buenos_aires",
	"kuala_lumpur":             "singapore",
	"ulaan_bataar":             "ulaanbaatar",
	"quito":                    "guayaquil",
}

// cities finds the zones by the last part of their name, in lower case.
var cities = sync.OnceValue(func() map[string][]string {
	ix := archiveIndex()
	m := make(map[string][]string, len(ix.names))
	for _, name := range ix.names {
		if _, city, ok := cutLast(name, "/"); ok && ix.files[name].link == "" && !strings.HasPrefix(name, "Etc/") {
			city = strings.ToLower(city)
			m[city] = append(m[city], name)
		}
	}
	return m
})

func cityKey(s string) string {
	return strings.ReplaceAll(strings.TrimSpace(s), " ", "_")
}
