package calendar

import "context"

// maxPutAll bounds the objects of one PutAll.
const maxPutAll = 10

// PutAll is Put for several objects of one owner: all of them or none. A series that is split becomes two objects, of
// which neither may be there without the other. The results are in the order of the requests.
func (s *Service) PutAll(ctx context.Context, list []PutRequest) ([]*PutResult, error) {
	if len(list) == 0 || len(list) > maxPutAll {
		return nil, Errorf(BadRequest, "between 1 and %d objects can be put at once", maxPutAll)
	}
	owner := list[0].Target.Owner
	who := &people{}
	all := make([]*parsed, len(list))
	for i, r := range list {
		if r.Target.Owner.ID != owner.ID {
			return nil, Errorf(BadRequest, "objects of one owner only can be put at once")
		}
		if err := checkName(r.Target.Name); err != nil {
			return nil, err
		}
		if r.Who == nil || r.Who.ID != owner.ID {
			if err := s.checkPlace(ctx, r.Who, r.Target); err != nil { // before a lock is taken in another's home
				return nil, err
			}
		}
		var err error
		if all[i], err = s.check(r.Body); err != nil {
			return nil, err
		}
		if isScheduled(all[i].cal) && !r.Quiet {
			if _, err := who.meet(ctx, s.Store, owner, all[i].cal); err != nil {
				return nil, err
			}
		}
	}
	var results []*PutResult
	err := s.update(ctx, owner.ID, who, func(u *unit) error {
		results = nil
		for i, r := range list {
			res := &PutResult{}
			if err := u.put(ctx, r, all[i], res); err != nil {
				return err
			}
			results = append(results, res)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}
