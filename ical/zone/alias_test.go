package zone

import (
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	tests := []struct{ tzid, want string }{ // want "" is unknown
		{"Europe/Berlin", "Europe/Berlin"},
		{"US/Eastern", "America/New_York"},
		{"Europe/Kiev", "Europe/Kyiv"},
		{"Asia/Calcutta", "Asia/Kolkata"},
		{"America/Buenos_Aires", "America/Argentina/Buenos_Aires"},
		{"US/Pacific-New", "America/Los_Angeles"},
		{"UTC", "Etc/UTC"},
		{"Etc/UTC", "Etc/UTC"},
		{"GMT", "Etc/GMT"},
		{"Z", "Etc/UTC"},
		{"Zulu", "Etc/UTC"},

		{"europe/berlin", "Europe/Berlin"},
		{"EUROPE/BERLIN", "Europe/Berlin"},
		{" Europe/Berlin ", "Europe/Berlin"},
		{"Europe/Berlin\t", "Europe/Berlin"},
		{`"Europe/Berlin"`, "Europe/Berlin"},
		{`\"Europe/Berlin\"`, "Europe/Berlin"},
		{"'Europe/Berlin'", "Europe/Berlin"},
		{"America/New York", "America/New_York"},
		{"america/argentina/buenos aires", "America/Argentina/Buenos_Aires"},

		{"/freeassociation.sourceforge.net/Europe/Berlin", "Europe/Berlin"},
		{"/freeassociation.sourceforge.net/Tzfile/America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"},
		{"/mozilla.org/20050126_1/Europe/Berlin", "Europe/Berlin"},
		{"/mozilla.org/20071231_1/America/Indiana/Knox", "America/Indiana/Knox"},
		{"/softwarestudio.org/Olson_20011030_5/America/New_York", "America/New_York"},
		{"/softwarestudio.org/Tzfile/Europe/London", "Europe/London"},
		{"/citadel.org/20190914_1/Europe/Berlin", "Europe/Berlin"},
		{"/freeassociation.sourceforge.net/UTC", "Etc/UTC"},
		{"/kde.org/Europe/Paris", "Europe/Paris"},
		{"posix/Europe/Paris", "Europe/Paris"},
		{"http://www.tzurl.org/zoneinfo/Europe/Paris", "Europe/Paris"},
		{"tzone://Microsoft/Utc", "Etc/UTC"},
		{"tzone://Microsoft/Custom", ""},

		{"W. Europe Standard Time", "Europe/Berlin"},
		{"w. europe standard time", "Europe/Berlin"},
		{"W. Europe Daylight Time", "Europe/Berlin"},
		{"GMT Standard Time", "Europe/London"},
		{"GMT Standard Time 1", "Europe/London"},
		{"W. Europe Standard Time 12", "Europe/Berlin"},
		{"Eastern Standard Time", "America/New_York"},
		{"India Standard Time", "Asia/Kolkata"},
		{"FLE Standard Time", "Europe/Kyiv"},
		{"Pacific Standard Time (Mexico)", "America/Tijuana"},
		{"Central Standard Time (Mexico)", "America/Mexico_City"},
		{"E. South America Standard Time", "America/Sao_Paulo"},
		{"UTC-11", "Etc/GMT+11"},
		{"UTC+12", "Etc/GMT-12"},
		{"Mid-Atlantic Standard Time", "Etc/GMT+2"},

		{"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Amsterdam"},
		{"(GMT+01.00) Sarajevo / Skopje / Warsaw / Zagreb", "Europe/Sarajevo"},
		{"(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"},
		{"(GMT-08:00) Pacific Time (US & Canada)", "America/Los_Angeles"},
		{"Eastern Time (US & Canada)", "America/New_York"},
		{"(UTC) Coordinated Universal Time", "Etc/UTC"},
		{"(UTC) Dublin, Edinburgh, Lisbon, London", "Europe/Dublin"},
		{"(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", "Asia/Kolkata"},
		{"(UTC+10:00) Canberra, Melbourne, Sydney", "Australia/Sydney"},
		{"(UTC+09:00) Osaka, Sapporo, Tokyo", "Asia/Tokyo"},
		{"(UTC+05:45) Kathmandu", "Asia/Kathmandu"},
		{"(UTC-03:30) Newfoundland", "America/St_Johns"},
		{"Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Amsterdam"},
		{"(UTC+02:00) Berlin", ""}, // not that offset
		{"(UTC+01:00) Mars Base", ""},
		{"(nonsense) Berlin", ""},
		{"(UTC+01:00", ""},

		{"UTC+0", "Etc/UTC"},
		{"UTC+2", "Etc/GMT-2"},
		{"UTC-5", "Etc/GMT+5"},
		{"GMT+0200", "Etc/GMT-2"},
		{"GMT-05:00", "Etc/GMT+5"},
		{"GMT+00:00", "Etc/UTC"},
		{"+0100", "Etc/GMT-1"},
		{"Etc/GMT+5", "Etc/GMT+5"}, // the database's own sign
		{"GMT+0530", ""},
		{"UTC+25", ""},
		{"UTC+", ""},
		{"+", ""},

		{"Customized Time Zone", ""},
		{"Customized Time Zone 1", ""},
		{"Berlin", ""},
		{"Local", ""},
		{"", ""},
		{" ", ""},
		{"/", ""},
		{"////", ""},
		{"Europe/", ""},
		{"1", ""},
		{" 1", ""},
		{"\x00", ""},
		{"\xff\xfe", ""},
		{strings.Repeat("/Europe/Berlin", 100), ""},
		{strings.Repeat("Amsterdam, ", 1000), ""},
	}
	for _, tt := range tests {
		got, ok := Canonical(tt.tzid)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("Canonical(%.80q) = %q, %v, want %q", tt.tzid, got, ok, tt.want)
		}
	}
}

func TestTablesNameZonesThatExist(t *testing.T) {
	for key, name := range windowsNames {
		if _, ok := exact(name); !ok {
			t.Errorf("windowsNames[%q] = %q, which does not load", key, name)
		}
	}
	for key, name := range otherNames {
		if _, ok := exact(name); !ok {
			t.Errorf("otherNames[%q] = %q, which does not load", key, name)
		}
	}
	for key, name := range displayNames {
		if windowsNames[name] == "" || key != strings.ToLower(key) {
			t.Errorf("displayNames[%q] = %q, which is no Windows name", key, name)
		}
	}
	for key, city := range displayCities {
		if cities()[city] == nil || key != strings.ToLower(key) {
			t.Errorf("displayCities[%q] = %q, which is no city", key, city)
		}
	}
}

func TestEveryNameIsCanonicalInAnyCase(t *testing.T) {
	for _, name := range Names() {
		want, _ := exact(name)
		for _, tzid := range []string{name, strings.ToUpper(name), "/mozilla.org/20050126_1/" + name, " " + name + " "} {
			if got, ok := Canonical(tzid); !ok || got != want {
				t.Errorf("Canonical(%q) = %q, %v, want %q", tzid, got, ok, want)
			}
		}
		if again, ok := Canonical(want); !ok || again != want {
			t.Errorf("Canonical(%q) = %q, %v", want, again, ok)
		}
	}
}

func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"Europe/Berlin", "(UTC+01:00) Amsterdam, Berlin", "GMT Standard Time 1", "UTC+2", "/a/b/c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, ok := Canonical(s)
		if _, loads := Load(name); ok != loads {
			t.Errorf("Canonical(%q) = %q, %v", s, name, ok)
		}
		if again, ok2 := Canonical(name); ok && (!ok2 || again != name) {
			t.Errorf("Canonical(%q) = %q, but Canonical(%q) = %q", s, name, name, again)
		}
	})
}
