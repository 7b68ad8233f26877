package calendar

import (
	"context"

	"kalends/ical"
	"kalends/storage"
)

// copyAttachments gives the owner of the calendar to which an object is copied attachments of their own of those that it has: what is the
// other's goes when the other wants it to. It returns the text with these, and the copies. Within a home the copy refers to the same. What the
// asker may not read stays a link.
func (s *Service) copyAttachments(ctx context.Context, r MoveRequest, src *storage.Object) (text []byte, copies []*storage.Attachment, err error) {
	if r.From.Owner.ID == r.To.Owner.ID || !mayRefer(src.ICS) {
		return src.ICS, nil, nil
	}
	cal, err := ical.Parse(src.ICS)
	if err != nil {
		return src.ICS, nil, nil
	}
	if err := s.checkPlace(ctx, r.Who, r.To); err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			for _, a := range copies {
				s.discard(ctx, a)
			}
		}
	}()
	made := map[string]*storage.Attachment{}
	for _, line := range managedLines(cal) {
		id := line.Param("MANAGED-ID")
		m, ok := parseManagedID(id)
		if !ok || m.owner == r.To.Owner.ID {
			continue
		}
		a := made[id]
		if a == nil {
			switch of, err := s.Attachment(ctx, r.Who, id); {
			case KindOf(err) == Forbidden:
				continue
			case err != nil:
				return nil, copies, err
			case len(made) == s.Limit().Attachments:
				return nil, copies, s.tooManyAttachments()
			default:
				a, err = s.upload(ctx, AttachRequest{
					Target: r.To, Name: of.Name, Type: of.Type, Body: s.Octets(ctx, of), Length: of.Size,
				})
				if err != nil {
					return nil, copies, err
				}
				made[id], copies = a, append(copies, a)
			}
		}
		become(line, attachLine(a, s.base(baseOf(line.Value(), id))))
	}
	return cal.Bytes(), copies, nil
}
