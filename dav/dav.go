// Package dav is the WebDAV wire format: limited XML in, streamed multistatus out, paths, and the headers
// Depth, Overwrite, Prefer, If and the conditional ones. It knows no database and no HTTP server: it reads from an
// io.Reader, writes to an io.Writer, and takes headers as a map.
//
// Everything that comes in is bounded (Limits, MaxPath, MaxSegment …), and nothing that comes in panics.
package dav

// The namespaces Kalends speaks. Each has a fixed prefix in what we write.
const (
	NSDAV    = "DAV:"                                 // D, RFC 4918
	NSCalDAV = "urn:ietf:params:xml:ns:caldav"        // C, RFC 4791
	NSCS     = "http://calendarserver.org/ns/"        // CS, Apple's calendar server
	NSApple  = "http://apple.com/ns/ical/"            // A, calendar-color and calendar-order
	NSXML    = "http://www.w3.org/XML/1998/namespace" // xml, always bound
	nsXMLNS  = "http://www.w3.org/2000/xmlns/"
)

// ContentType is the media type of every XML body we send.
const ContentType = "application/xml; charset=utf-8"

// Name is an expanded XML name. Space is empty for a name in no namespace. It is comparable, so it can key a map.
type Name struct{ Space, Local string }

// String gives the name in Clark's notation: {DAV:}prop.
func (n Name) String() string {
	if n.Space == "" {
		return n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

// D names an element of DAV:.
func D(local string) Name { return Name{NSDAV, local} }

// C names an element of CalDAV's namespace.
func C(local string) Name { return Name{NSCalDAV, local} }

// CS names an element of calendarserver.org's namespace.
func CS(local string) Name { return Name{NSCS, local} }

// A names an element of Apple's iCal namespace.
func A(local string) Name { return Name{NSApple, local} }

// Attr is an attribute. Namespace declarations are never among them.
type Attr struct {
	Name  Name
	Value string
}
