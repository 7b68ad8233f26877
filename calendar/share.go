package calendar

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"kalends/auth"
	"kalends/ical"
	"kalends/storage"
)

// ShareAccess is how much somebody may do in a calendar that is shared with them.
type ShareAccess string

// The kinds of access. One who may see busy times only does not get the calendar into their home: there is nothing in it for them.
const (
	ShareBusy  ShareAccess = "free-busy"
	ShareRead  ShareAccess = "read"
	ShareWrite ShareAccess = "read-write"
)

// privileges are what it grants.
func (a ShareAccess) privileges() auth.Set {
	switch a {
	case ShareBusy:
		return auth.ReadFreeBusy
	case ShareRead:
		return auth.Read
	case ShareWrite:
		return auth.Read | auth.Write
	}
	return 0
}

// AccessOf says how much a share lets its sharee do.
func AccessOf(s *storage.Share) ShareAccess {
	switch p := auth.Set(s.Privileges); {
	case p.Has(auth.Write):
		return ShareWrite
	case p.Has(auth.Read):
		return ShareRead
	}
	return ShareBusy
}

// ShareRequest asks to share a calendar with somebody.
type ShareRequest struct {
	With    *storage.Principal // a person, or a group: then all its members are invited
	Access  ShareAccess
	Summary string // what the calendar is called in the invitation; "" for what it is called
	// Direct: it is in the sharee's home at once, without their being asked.
	Direct bool
}

// ShareEntry is somebody with whom a calendar is shared.
type ShareEntry struct {
	Share  *storage.Share
	Sharee *storage.Principal
	Access ShareAccess
}

// Bounds of sharing.
const (
	MaxShares       = 300 // people and groups with whom one calendar is shared
	maxGroupInvited = 100 // members of a group who get an invitation each; the others have the same rights, and can add the calendar themselves
)

// Sharee finds with whom somebody wants to share: by login name, calendar user address, mail address, or the path of a principal. NotFound
// where there is nobody of that name who could have calendars of others; Refused for a room or resource.
func (s *Service) Sharee(ctx context.Context, with string) (*storage.Principal, error) {
	var p people
	address := ical.Address(with)
	if name := strings.ToLower(address); address != "" && !strings.ContainsAny(name, "@:/") {
		found, err := s.Store.PrincipalByName(ctx, name)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, fmt.Errorf("principal: %w", err)
		}
		if err == nil {
			return found, shareable(found)
		}
	} else if address != "" {
		if err := p.lookup(ctx, s.Store, []string{address}); err != nil {
			return nil, err
		}
		if found := p.byAddress[address]; found != nil {
			return found, shareable(found)
		}
	}
	return nil, Errorf(NotFound, "there is nobody here called %.100q", with)
}

func shareable(p *storage.Principal) error {
	if p.Kind == storage.Room || p.Kind == storage.Resource {
		return Errorf(Refused, "%s is a %s, which looks at no calendars", p.Name, p.Kind)
	}
	return nil
}

// Shares lists with whom a calendar is shared, those who have not answered and those who declined as well: for its owner, and for those it is
// shared with.
func (s *Service) Shares(ctx context.Context, who *storage.Principal, t Target) ([]ShareEntry, error) {
	t.Name = ""
	c, err := collection(ctx, s.Store, t)
	if err != nil {
		return nil, err
	}
	a, err := t.enter(ctx, s.Store, who)
	if err != nil {
		return nil, err
	}
	if t.Share == nil && !a.To(c).Has(auth.WriteACL) || !a.To(c).Has(auth.Read) {
		return nil, t.allowed(a, c, auth.WriteACL)
	}
	return s.SharesOf(ctx, c)
}

// SharesOf is Shares for a caller who has found out that the asker may know.
func (s *Service) SharesOf(ctx context.Context, c *storage.Calendar) ([]ShareEntry, error) {
	if !c.Shared {
		return nil, nil
	}
	list, err := s.Store.Shares(ctx, c.Owner, c.ID)
	if err != nil {
		return nil, err
	}
	return entries(ctx, s.Store, list)
}

// entries adds who the sharees are, ordered by name.
func entries(ctx context.Context, r storage.Reader, list []*storage.Share) ([]ShareEntry, error) {
	ids := make([]int64, len(list))
	for i, sh := range list {
		ids[i] = sh.Sharee
	}
	found, err := r.PrincipalsByID(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("sharees: %w", err)
	}
	out := make([]ShareEntry, 0, len(list))
	for _, p := range found {
		for _, sh := range list {
			if sh.Sharee == p.ID {
				out = append(out, ShareEntry{sh, p, AccessOf(sh)})
			}
		}
	}
	return out, nil
}

// ChangeShares does what Share does for set, and Unshare for gone, at once.
func (s *Service) ChangeShares(ctx context.Context, who *storage.Principal, t Target, set []ShareRequest, gone []*storage.Principal) error {
	if err := checkShares(t, set); err != nil {
		return err
	}
	return s.changeShares(ctx, who, t, set, gone)
}

// Share shares a calendar with people and groups, or changes what they may do in it: all of the list or nothing. Who has not accepted yet
// is invited (again) by a notification; who has accepted has the new rights at once. A group has its rights without being asked, and each
// of its members an invitation to take the calendar into their home; what a member may do ends with the membership.
func (s *Service) Share(ctx context.Context, who *storage.Principal, t Target, list []ShareRequest) error {
	return s.ChangeShares(ctx, who, t, list, nil)
}

func checkShares(t Target, list []ShareRequest) error {
	for _, r := range list {
		if r.With.ID == t.Owner.ID {
			return Errorf(Refused, "a calendar cannot be shared with its owner")
		}
		if err := shareable(r.With); err != nil {
			return err
		}
		if r.Access.privileges() == 0 {
			return Errorf(BadRequest, "access is %s, %s or %s", ShareBusy, ShareRead, ShareWrite)
		}
		if len(r.Summary) > 1000 {
			return Errorf(BadRequest, "the summary of an invitation has at most 1000 octets")
		}
	}
	return nil
}

// Unshare takes a calendar back from people and groups, with the members of these that were invited as such. Who it was never shared with is
// left out.
func (s *Service) Unshare(ctx context.Context, who *storage.Principal, t Target, from []*storage.Principal) error {
	return s.changeShares(ctx, who, t, nil, from)
}

func (s *Service) changeShares(ctx context.Context, who *storage.Principal, t Target, set []ShareRequest, gone []*storage.Principal) error {
	t.Name = ""
	if err := s.early(ctx, who, t, false, auth.WriteACL); err != nil {
		return err
	}
	locked := &people{}
	members := map[int64][]int64{}
	for _, r := range set {
		locked.lock(r.With.ID)
		if r.With.Kind != storage.Group || r.Access == ShareBusy {
			continue
		}
		ids, err := s.Store.AllMembersOf(ctx, r.With.ID, maxGroupInvited)
		if err != nil {
			return err
		}
		found, err := s.Store.PrincipalsByID(ctx, ids)
		if err != nil {
			return err
		}
		for _, p := range found {
			if p.Kind == storage.Person && p.ID != t.Owner.ID {
				members[r.With.ID] = append(members[r.With.ID], p.ID)
				locked.lock(p.ID)
			}
		}
	}
	return s.update(ctx, t.Owner.ID, locked, func(u *unit) error {
		c, err := collection(ctx, u.tx, t)
		if err != nil {
			return err
		}
		if err := allow(ctx, u.tx, who, t, c, auth.WriteACL); err != nil {
			return err
		}
		if c.Kind != storage.CalendarKind || c.Subscribed {
			return Errorf(Refused, "the collection %q cannot be shared", c.Slug)
		}
		sh, err := u.sharing(ctx, t.Owner, c)
		if err != nil {
			return err
		}
		for _, p := range gone {
			if err := sh.withdrawFrom(ctx, p.ID); err != nil {
				return err
			}
		}
		for _, r := range set {
			if err := sh.invite(ctx, r.With.ID, 0, r, r.With.Kind == storage.Group); err != nil {
				return err
			}
			for _, id := range members[r.With.ID] {
				if err := sh.invite(ctx, id, r.With.ID, r, false); err != nil {
					return err
				}
			}
		}
		if len(sh.there) > MaxShares {
			return Errorf(QuotaExceeded, "a calendar is shared with at most %d people and groups; make a group", MaxShares)
		}
		return sh.done(ctx)
	})
}

// lock notes a home that a change locks too.
func (p *people) lock(id int64) {
	if i, found := slices.BinarySearch(p.reached, id); !found {
		p.reached = slices.Insert(p.reached, i, id)
	}
}

// SharedCalendar is a calendar of somebody else that was granted by name or through a group.
type SharedCalendar struct {
	Owner    *storage.Principal
	Calendar *storage.Calendar
	Access   *auth.Access
	// Share is the invitation by which the calendar is in the asker's home; nil where there is none. The Calendar is as [Shown] then.
	Share *storage.Share
}

// Target names the calendar, for changes.
func (c *SharedCalendar) Target(sharee *storage.Principal, slug string) Target {
	t := Target{Owner: c.Owner, Slug: slug, Access: c.Access}
	if c.Share != nil {
		t.Share, t.Sharee = c.Share, sharee
	}
	return t
}

// Shown returns a calendar as its sharee has it in their home: under the name, colour and the rest that they gave it. The slug stays the
// owner's, by which it is found.
func Shown(sh *storage.Share, c *storage.Calendar) *storage.Calendar {
	s := *c
	s.DisplayName = cmp.Or(sh.DisplayName, c.DisplayName, c.Slug)
	s.Description = cmp.Or(sh.Description, c.Description)
	s.Color, s.ColorName, s.Order = sh.Color, sh.ColorName, sh.Order
	if sh.TimeZone != "" || sh.TimeZoneID != "" {
		s.TimeZone, s.TimeZoneID = sh.TimeZone, sh.TimeZoneID
	}
	s.Transparent, s.Alarms = sh.Transparent, sh.Alarms
	return &s
}

// Shared returns what a slug in somebody's home leads to where it is a calendar that others share with them, and nil where it is not.
func (s *Service) Shared(ctx context.Context, sharee *storage.Principal, slug string) (*Target, error) {
	id, ok := storage.ShareID(slug)
	if !ok {
		return nil, nil
	}
	sh, err := s.Store.SharedByID(ctx, sharee.ID, id)
	if err != nil {
		return nil, absent(err)
	}
	if sh.State != storage.ShareAccepted || AccessOf(sh) == ShareBusy {
		return nil, nil
	}
	owner, err := s.Store.PrincipalByID(ctx, sh.Owner)
	if err != nil {
		return nil, absent(err)
	}
	c, err := s.Store.CalendarByID(ctx, sh.Owner, sh.Calendar)
	if err != nil {
		return nil, absent(err)
	}
	return &Target{Owner: owner, Slug: c.Slug, Share: sh, Sharee: sharee}, nil
}

// ShareOf returns the invitation by which somebody has a calendar of somebody else among theirs; nil where they have not.
func (s *Service) ShareOf(ctx context.Context, sharee *storage.Principal, c *storage.Calendar) (*storage.Share, error) {
	if !c.Shared || c.Owner == sharee.ID {
		return nil, nil
	}
	list, err := s.Store.Shared(ctx, sharee.ID)
	if err != nil {
		return nil, err
	}
	for _, sh := range list {
		if sh.Owner == c.Owner && sh.Calendar == c.ID && sh.State == storage.ShareAccepted {
			return sh, nil
		}
	}
	return nil, nil
}

// absent takes what is not there for no error.
func absent(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

// SharedIn lists the calendars of others that are in somebody's home, as they have them there, with what who may do in them: those that who may
// do anything in, in the order in which they were shared. home has the collections of it.
func (s *Service) SharedIn(ctx context.Context, r storage.Reader, who, sharee *storage.Principal, home []*storage.Calendar) ([]SharedCalendar, error) {
	if !slices.ContainsFunc(home, func(c *storage.Calendar) bool { return c.Kind == storage.NotificationKind && c.Shared }) {
		return nil, nil
	}
	all, err := r.Shared(ctx, sharee.ID)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(sh *storage.Share) bool { return sh.State != storage.ShareAccepted || AccessOf(sh) == ShareBusy })
	list, err := resolveShares(ctx, r, who, sharee, all)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(c SharedCalendar) bool { return !c.Access.Sees(c.Calendar) })
	own := map[int64][]*storage.Calendar{} // where there is something of the asker's own, by owner
	for _, c := range list {
		if c.Calendar.Personal {
			own[c.Owner.ID] = append(own[c.Owner.ID], c.Calendar)
		}
	}
	for _, c := range list {
		if err := s.CountOwn(ctx, r, who, c.Owner, own[c.Owner.ID]...); err != nil {
			return nil, err
		}
		delete(own, c.Owner.ID)
	}
	return list, nil
}

// resolveShares finds the calendars of shares, each kind of row read once for all.
func resolveShares(ctx context.Context, r storage.Reader, who, sharee *storage.Principal, all []*storage.Share) ([]SharedCalendar, error) {
	if len(all) == 0 {
		return nil, nil
	}
	var ids []int64
	for _, sh := range all {
		if !slices.Contains(ids, sh.Owner) {
			ids = append(ids, sh.Owner)
		}
	}
	found, err := r.PrincipalsByID(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("sharers: %w", err)
	}
	homes, err := r.HomeCalendars(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("calendars of sharers: %w", err)
	}
	access, err := auth.EnterAll(ctx, r, who, sharee, found)
	if err != nil {
		return nil, fmt.Errorf("access of %d: %w", sharee.ID, err)
	}
	var list []SharedCalendar
	for _, sh := range all {
		a := access[sh.Owner]
		for _, c := range homes[sh.Owner] {
			if c.ID == sh.Calendar && a != nil {
				list = append(list, SharedCalendar{a.Owner, Shown(sh, c), a, sh})
			}
		}
	}
	return list, nil
}

// Invitations lists what others share with somebody, and what they have not answered or have declined as well; in the order in which it
// was shared.
func (s *Service) Invitations(ctx context.Context, sharee *storage.Principal) ([]SharedCalendar, error) {
	var list []SharedCalendar
	err := s.Store.View(ctx, func(r storage.Reader) error {
		all, err := r.Shared(ctx, sharee.ID)
		if err != nil || len(all) == 0 {
			list = nil
			return err
		}
		list, err = resolveShares(ctx, r, sharee, sharee, all)
		return err
	})
	return list, err
}
