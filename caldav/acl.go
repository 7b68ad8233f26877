package caldav

import (
	"net/http"

	"kalends/dav"
)

// acl handles ACL (RFC 3744 section 8.1). Who may do what follows from whose home it is, so every ACE is protected
// and none can be changed.
func (q *request) acl() error {
	if _, err := q.find(q.at); err != nil {
		return err
	}
	return violates(http.StatusForbidden, dav.D("no-protected-ace-conflict"), "access rights here follow from whose home it is, and cannot be changed")
}
