package scheduling

import (
	"strconv"
)

// Tag returns a Schedule-Tag (RFC 6638 section 3.2.10) for the change with this number in its owner's home. A new one is
// given whenever the owner changes the object or a message changes what the owner must know of; not for
// another attendee's participation status, nor for SCHEDULE-STATUS.
func Tag(seq int64) string { return `"` + strconv.FormatInt(seq, 36) + `"` }
