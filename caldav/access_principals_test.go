package caldav_test

import (
	"fmt"
	"strings"
	"testing"

	"kalends/storage"
	"kalends/storage/storagetest"
)

// TestS6AccessToPrincipals: everybody with an account sees the directory; only who is in it, or looks after it, changes an entry and who
// acts for it.
func TestS6AccessToPrincipals(t *testing.T) {
	setMembers := `<D:propertyupdate` + declared + `><D:set><D:prop><D:group-member-set><D:href>/dav/principals/users/sam/</D:href></D:group-member-set></D:prop></D:set></D:propertyupdate>`
	search := `<D:principal-property-search` + declared + `><D:property-search><D:prop><D:displayname/></D:prop><D:match>alice</D:match></D:property-search><D:prop><D:displayname/></D:prop></D:principal-property-search>`
	const (
		anybody = iota
		keeper
		noOne
	)
	kinds := []struct {
		name, method, path, body string
		header                   map[string]string
		who, status              int
		privilege                string
	}{
		{"PROPFIND", "PROPFIND", "{p}", everyProp, depth("0"), anybody, 207, ""},
		{"PROPFIND with members", "PROPFIND", "{p}", everyProp, depth("1"), anybody, 207, ""},
		{"OPTIONS", "OPTIONS", "{p}", "", nil, anybody, 200, ""},
		{"PROPPATCH", "PROPPATCH", "{p}", setProp, nil, keeper, 207, "write-properties"},
		{"PROPPATCH of a proxy group", "PROPPATCH", "{p}calendar-proxy-write/", setMembers, nil, keeper, 207, "write-properties"},
		{"PROPPATCH of the other", "PROPPATCH", "{p}calendar-proxy-read/", setMembers, nil, keeper, 207, "write-properties"},
		{"acl-principal-prop-set", "REPORT", "{p}", `<D:acl-principal-prop-set` + declared + `><D:prop><D:displayname/></D:prop></D:acl-principal-prop-set>`, nil, keeper, 207, "read-acl"},
		{"expand-property", "REPORT", "{p}", `<D:expand-property` + declared + `><D:property name="acl"><D:property name="displayname"/></D:property></D:expand-property>`, nil, anybody, 207, ""},
		{"principal-property-search", "REPORT", "/dav/principals/", search, nil, anybody, 207, ""},
		{"principal-search-property-set", "REPORT", "/dav/principals/", `<D:principal-search-property-set` + declared + `/>`, nil, anybody, 200, ""},
		{"calendarserver-principal-search", "REPORT", "/dav/principals/", `<CS:calendarserver-principal-search` + declared + `><CS:search-token>ali</CS:search-token><D:prop><D:displayname/></D:prop></CS:calendarserver-principal-search>`, nil, anybody, 207, ""},
		{"principal-match", "REPORT", "/dav/principals/", `<D:principal-match` + declared + `><D:self/><D:prop><D:displayname/></D:prop></D:principal-match>`, nil, anybody, 207, ""},
		{"ACL", "ACL", "{p}", `<D:acl` + declared + `/>`, nil, noOne, 403, "write-acl"},
		{"DELETE", "DELETE", "{p}", "", nil, noOne, 405, ""},
		{"PUT", "PUT", "{p}", fmt.Sprintf(putting, "x"), nil, noOne, 405, ""},
		{"MKCALENDAR", "MKCALENDAR", "{p}", "", nil, noOne, 403, ""},
	}
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		m := newMatrix(t, s)
		for _, at := range []struct{ name, path string }{{"alice", "/dav/principals/users/alice/"}, {"oak", "/dav/principals/rooms/oak/"}, {"team", "/dav/principals/groups/team/"}} {
			for _, role := range roles {
				keeps := role == at.name || role == "root" && at.name != "alice"
				for _, k := range kinds {
					want := wish{status: k.status}
					switch {
					case role == "gone" || role == "nobody":
						want = wish{status: 401}
					case at.name == "team" && strings.Contains(k.path, "proxy"):
						want = wish{status: 404} // a group has no calendars
					case k.who == keeper && !keeps, k.who == noOne && k.privilege != "":
						want = wish{403, "need-privileges><D:resource>|D:" + k.privilege + "/>"}
					}
					r := request{name: k.name, method: k.method, body: k.body}
					m.judge(role, at.path, r, want, m.send(role, k.method, strings.ReplaceAll(k.path, "{p}", at.path), k.header, k.body))
				}
				// What a keeper has changed.
				check(t, m.store.Update(t.Context(), func(tx storage.Tx) error {
					if at.name != "alice" {
						return tx.SetDelegates(t.Context(), m.people[at.name].ID, nil)
					}
					return tx.SetDelegates(t.Context(), m.people["alice"].ID, []storage.Delegate{{ID: m.people["dora"].ID, Write: true}, {ID: m.people["dirk"].ID}})
				}))
			}
		}
	})
}
