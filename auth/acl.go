package auth

import (
	"iter"

	"kalends/storage"
)

// Privilege is a set of privileges: RFC 3744 section 3, RFC 4791 section 6.1.1 and RFC 6638 section 6.
type Privilege uint32

// Set is several privileges at once; the aggregate ones are sets as well.
type Set = Privilege

// The privileges that contain no other.
const (
	ReadContent Privilege = 1 << iota // DAV:read without CALDAV:read-free-busy
	ReadFreeBusy
	WriteProperties
	WriteContent
	Bind
	Unbind
	Unlock
	ReadACL
	WriteACL
	ReadCurrentUserPrivilegeSet
	DeliverInvite
	DeliverReply
	QueryFreeBusy
	SendInvite
	SendReply
	SendFreeBusy
)

// The privileges that contain others.
const (
	Read            = ReadContent | ReadFreeBusy
	Write           = WriteProperties | WriteContent | Bind | Unbind
	ScheduleDeliver = DeliverInvite | DeliverReply | QueryFreeBusy
	ScheduleSend    = SendInvite | SendReply | SendFreeBusy
	All             = Read | Write | Unlock | ReadACL | WriteACL | ReadCurrentUserPrivilegeSet | ScheduleDeliver | ScheduleSend
)

// Has reports whether s holds all of p.
func (s Privilege) Has(p Privilege) bool { return s&p == p }

// Node is a privilege with its name in XML and the ones it contains, as DAV:supported-privilege-set shows them
// (RFC 3744 section 5.3).
type Node struct {
	Privilege    Privilege
	Space, Local string
	Description  string
	Abstract     bool
	Children     []Node
}

const (
	davSpace = "DAV:"
	calSpace = "urn:ietf:params:xml:ns:caldav"
)

var (
	readNode = Node{Privilege: Read, Space: davSpace, Local: "read", Description: "Read", Children: []Node{
		{Privilege: ReadFreeBusy, Space: calSpace, Local: "read-free-busy", Description: "Read busy times"},
	}}
	commonNodes = []Node{
		readNode,
		{Privilege: Write, Space: davSpace, Local: "write", Description: "Write", Children: []Node{
			{Privilege: WriteProperties, Space: davSpace, Local: "write-properties", Description: "Write properties"},
			{Privilege: WriteContent, Space: davSpace, Local: "write-content", Description: "Write resources"},
			{Privilege: Bind, Space: davSpace, Local: "bind", Description: "Add resources"},
			{Privilege: Unbind, Space: davSpace, Local: "unbind", Description: "Remove resources"},
		}},
		{Privilege: Unlock, Space: davSpace, Local: "unlock", Description: "Remove locks"},
		{Privilege: ReadACL, Space: davSpace, Local: "read-acl", Description: "Read access rights"},
		{Privilege: WriteACL, Space: davSpace, Local: "write-acl", Description: "Change access rights"},
		{Privilege: ReadCurrentUserPrivilegeSet, Space: davSpace, Local: "read-current-user-privilege-set",
			Description: "Read one's own access rights"},
	}
	deliverNode = Node{Privilege: ScheduleDeliver, Space: calSpace, Local: "schedule-deliver", Description: "Deliver scheduling messages",
		Children: []Node{
			{Privilege: DeliverInvite, Space: calSpace, Local: "schedule-deliver-invite", Description: "Deliver invitations"},
			{Privilege: DeliverReply, Space: calSpace, Local: "schedule-deliver-reply", Description: "Deliver answers"},
			{Privilege: QueryFreeBusy, Space: calSpace, Local: "schedule-query-freebusy", Description: "Ask for busy times"},
		}}
	sendNode = Node{Privilege: ScheduleSend, Space: calSpace, Local: "schedule-send", Description: "Send scheduling messages",
		Children: []Node{
			{Privilege: SendInvite, Space: calSpace, Local: "schedule-send-invite", Description: "Send invitations"},
			{Privilege: SendReply, Space: calSpace, Local: "schedule-send-reply", Description: "Send answers"},
			{Privilege: SendFreeBusy, Space: calSpace, Local: "schedule-send-freebusy", Description: "Ask others for busy times"},
		}}
)

// Supported returns the privileges that exist on a collection of that kind ("" for homes, principals and the
// rest), as a tree under DAV:all. schedule-deliver exists on inboxes and schedule-send on outboxes only
// (RFC 6638 sections 6.1 and 6.2). The tree is not to be changed.
func Supported(kind storage.CollectionKind) Node {
	all := Node{Privilege: All &^ (ScheduleDeliver | ScheduleSend), Space: davSpace, Local: "all", Description: "Everything", Children: commonNodes}
	switch kind {
	case storage.InboxKind:
		all.Privilege |= ScheduleDeliver
		all.Children = append(commonNodes[:len(commonNodes):len(commonNodes)], deliverNode)
	case storage.OutboxKind:
		all.Privilege |= ScheduleSend
		all.Children = append(commonNodes[:len(commonNodes):len(commonNodes)], sendNode)
	}
	return all
}

// Granted yields the nodes of a kind's tree that s holds wholly, one by one, as
// DAV:current-user-privilege-set lists them (RFC 3744 section 5.5): each aggregate and what it contains.
func (s Privilege) Granted(kind storage.CollectionKind) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		var walk func(n Node) bool
		walk = func(n Node) bool {
			if s.Has(n.Privilege) && !yield(n) {
				return false
			}
			for _, c := range n.Children {
				if !walk(c) {
					return false
				}
			}
			return true
		}
		walk(Supported(kind))
	}
}

// Privileges returns the part that who (nil for nobody) has in a collection of that kind in owner's home, or with the
// kind "" in the home itself: what nobody can take away, and what RFC 3744 section 5.5.2 calls protected. Who asks what may be done
// asks [Access], which adds what was granted.
func Privileges(who, owner *storage.Principal, kind storage.CollectionKind) Set {
	if who == nil || owner == nil || who.ID <= 0 {
		return 0
	}
	all := Supported(kind).Privilege
	if who.ID == owner.ID {
		return all
	}
	if who.Admin && (owner.Kind == storage.Room || owner.Kind == storage.Resource) {
		return all
	}
	s := strangers(kind)
	if read, write := who.ActsFor.For(owner.ID); read {
		s |= delegates(kind, write)
	}
	return s
}

// strangers is what everybody who has an account may do: see when the others are busy, and invite them.
func strangers(kind storage.CollectionKind) Set {
	switch kind {
	case storage.InboxKind:
		return ScheduleDeliver | ReadCurrentUserPrivilegeSet
	case storage.CalendarKind:
		return ReadFreeBusy | ReadCurrentUserPrivilegeSet
	}
	return 0
}

// delegates is what those may do who act for the owner: see everything, or work with it as the owner does, who else may being part of
// that. To grant something stays with the owner.
func delegates(kind storage.CollectionKind, write bool) Set {
	if kind == storage.NotificationKind {
		return 0
	}
	s := Read | ReadCurrentUserPrivilegeSet
	if write {
		s |= Write | ReadACL
		switch kind {
		case storage.InboxKind:
			s |= ScheduleDeliver
		case storage.OutboxKind:
			s |= ScheduleSend
		}
	}
	return s
}

// PrincipalPrivileges returns what who (nil for nobody) may do with target's principal resource: everybody who has
// an account sees the directory, and changes their own entry's properties; administrators those of rooms,
// resources and groups as well.
func PrincipalPrivileges(who, target *storage.Principal) Set {
	if who == nil || target == nil || who.ID <= 0 {
		return 0
	}
	s := Read | ReadCurrentUserPrivilegeSet
	if who.ID == target.ID || who.Admin && target.Kind != storage.Person {
		s |= ReadACL | WriteProperties
	}
	return s
}

// Names returns the XML names of the privileges in s, largest first, as DAV:need-privileges tells what is missing
// (RFC 3744 section 7.1.1).
func (s Privilege) Names() []Node {
	var list []Node
	for _, kind := range []storage.CollectionKind{storage.InboxKind, storage.OutboxKind} {
		var walk func(n Node)
		walk = func(n Node) {
			if s.Has(n.Privilege) {
				list = append(list, n)
				s &^= n.Privilege
				return
			}
			for _, c := range n.Children {
				walk(c)
			}
		}
		walk(Supported(kind))
	}
	return list
}

// Named returns the privilege of that XML name on a collection of a kind.
func Named(kind storage.CollectionKind, space, local string) (Privilege, bool) {
	var find func(n Node) (Privilege, bool)
	find = func(n Node) (Privilege, bool) {
		if n.Space == space && n.Local == local && !n.Abstract {
			return n.Privilege, true
		}
		for _, c := range n.Children {
			if p, ok := find(c); ok {
				return p, true
			}
		}
		return 0, false
	}
	return find(Supported(kind))
}
