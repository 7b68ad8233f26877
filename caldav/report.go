package caldav

import (
	"net/http"

	"kalends/dav"
)

// reportNames lists the reports with the resources that offer them, as DAV:supported-report-set shows (RFC 3253
// section 3.1.5). reportHandlers has a handler for each.
var reportNames = []struct {
	name dav.Name
	on   kind
}{
	// The outbox holds nothing, and says so.
	{dav.C("calendar-query"), homeKind | calendarKind | inboxKind | outboxKind},
	{dav.C("calendar-multiget"), homeKind | calendarKind | inboxKind | outboxKind},
	{dav.C("free-busy-query"), homeKind | calendarKind},
	{dav.D("sync-collection"), homeKind | calendarKind | inboxKind | notificationKind},
	{dav.D("expand-property"), all},
	{dav.D("acl-principal-prop-set"), all},
	{dav.D("principal-match"), collections},
	// Evolution searches on the calendar that it has.
	{dav.D("principal-property-search"), collections},
	{dav.D("principal-search-property-set"), siteRoot | davRoot | principalsRoot | principalGroup | principalKind},
	{dav.CS("calendarserver-principal-search"), collections},
}

var reportHandlers = map[dav.Name]func(*request, *dav.Element, *resource) error{
	dav.C("calendar-query"):                   (*request).calendarQuery,
	dav.C("calendar-multiget"):                (*request).multiget,
	dav.C("free-busy-query"):                  (*request).freeBusyQuery,
	dav.D("sync-collection"):                  (*request).syncCollection,
	dav.D("expand-property"):                  (*request).expandProperty,
	dav.D("acl-principal-prop-set"):           (*request).aclPrincipalPropSet,
	dav.D("principal-match"):                  (*request).principalMatch,
	dav.D("principal-property-search"):        (*request).principalPropertySearch,
	dav.D("principal-search-property-set"):    (*request).principalSearchPropertySet,
	dav.CS("calendarserver-principal-search"): (*request).calendarserverSearch,
}

// report handles REPORT (RFC 3253 section 3.6).
func (q *request) report() error {
	root, err := q.readXML()
	if err != nil {
		return err
	}
	res, err := q.find(q.at)
	if err != nil {
		return err
	}
	handler := reportHandlers[root.Name]
	on := kind(0)
	for _, r := range reportNames {
		if r.name == root.Name {
			on = r.on
		}
	}
	if handler == nil || !reportOn(root.Name, on, res) {
		return violates(http.StatusForbidden, dav.D("supported-report"), "there is no report %.60s here", root.Local)
	}
	return handler(q, root, res)
}

// reportOn reports whether a resource has a report, which resources of those kinds have.
func reportOn(report dav.Name, on kind, r *resource) bool {
	switch k := r.kind; {
	case k == homeKind && report == dav.D("sync-collection"):
		return r.access.Own() // see calendar.SyncHome
	case report == dav.C("calendar-query"), report == dav.C("calendar-multiget"):
		// Of a single object too (RFC 4791 sections 7.8 and 7.9).
		return on&k != 0 || k == objectKind && on&calendarKind != 0 || k == itemKind && on&inboxKind != 0
	default:
		return on&k != 0
	}
}

// reportProps reads what a report is to show of each resource (RFC 4791 section 9.6): DAV:prop, DAV:allprop or
// DAV:propname; none of them asks for nothing but hrefs.
func reportProps(root *dav.Element) (mode, []want, error) {
	switch prop := root.Child(dav.D("prop")); {
	case prop != nil:
		list, err := wants(prop)
		return named, list, err
	case root.Has(dav.D("allprop")):
		return allProps, nil, nil
	case root.Has(dav.D("propname")):
		return propNames, nil, nil
	}
	return named, nil, nil
}

// reportRender reads what a report is to show, calendar-data included, before anything is looked up.
func (q *request) reportRender(root *dav.Element) (*render, error) {
	m, list, err := reportProps(root)
	if err != nil {
		return nil, err
	}
	x := q.render(nil, m, list)
	for _, w := range list {
		if w.name == calendarDataName {
			if x.data, err = parseCalendarData(w.elem); err != nil {
				return nil, err
			}
			x.data.format.zones = q.zoneFormat().zones
		}
	}
	return x, nil
}
