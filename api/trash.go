package api

import (
	"context"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kalends/auth"
	"kalends/calendar"
	"kalends/meeting"
)

const trashTag = "Trash"

// trash registers what brings back what was deleted.
func (h *Handler) trash(a huma.API) {
	register(h, a, operation("GET", "/trash", "listTrash", trashTag, auth.ReadScope, "What was deleted in one's calendars",
		"By oneself, or by others who may write in them. The latest first; kept for 30 days."), h.listTrash)
	register(h, a, operation("POST", "/trash/{id}/restore", "restoreFromTrash", trashTag, auth.WriteScope, "Bring it back",
		"Into the calendar it was in. Those whom invites of the list names are invited again."), h.restoreTrash)
	register(h, a, operation("DELETE", "/trash", "emptyTrash", trashTag, auth.WriteScope, "Delete all of it for good", ""), h.emptyTrash)
}

// Trashed is something that was deleted.
type Trashed struct {
	ID        string   `json:"id" doc:"Its id in the trash."`
	Name      string   `json:"name" doc:"What it was about, in one line."`
	Start     string   `json:"start,omitempty" doc:"When it started first: an instant, or a date where it took the whole day."`
	AllDay    bool     `json:"allDay,omitempty" doc:"Whether it took the whole day."`
	Recurring bool     `json:"recurring,omitempty" doc:"Whether it repeated."`
	Calendar  string   `json:"calendar" doc:"Slug of the calendar it was in."`
	Deleted   string   `json:"deleted" doc:"When it was deleted."`
	Invites   []string `json:"invites" nullable:"false" doc:"Addresses of those who are invited again when it is brought back, because they were told that it is off. Say so first."`
}

// TrashPage is a page of the trash.
type TrashPage struct {
	Trash []*Trashed `json:"trash" nullable:"false" doc:"The latest first."`
	Next  string     `json:"next,omitempty" doc:"Send it as after for the next page."`
}

func tellTrashed(d *calendar.Deleted, here *time.Location) *Trashed {
	out := &Trashed{
		ID: strconv.FormatInt(d.ID, 36), Name: d.Summary, AllDay: d.AllDay, Recurring: d.Recurring, Calendar: d.Slug,
		Deleted: d.Deleted.In(here).Format(time.RFC3339), Invites: []string{},
	}
	switch {
	case d.Start.IsZero():
	case d.AllDay:
		out.Start = d.Start.Format(time.DateOnly)
	default:
		out.Start = d.Start.In(here).Format(time.RFC3339)
	}
	for _, a := range d.Invites {
		out.Invites = append(out.Invites, meeting.ShowAddress(a))
	}
	return out
}

func (h *Handler) listTrash(ctx context.Context, q *caller, in *struct {
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
	After string `query:"after" maxLength:"100" doc:"The next of the page before."`
}) (*struct{ Body TrashPage }, error) {
	list, next, err := h.Calendar.Trash(ctx, q.who, q.who, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	_, here := meeting.ZoneOf(q.who, nil)
	page := TrashPage{Trash: []*Trashed{}, Next: next}
	for i := range list {
		page.Trash = append(page.Trash, tellTrashed(&list[i], here))
	}
	return &struct{ Body TrashPage }{page}, nil
}

// Restored says where it is now.
type Restored struct {
	Meeting string `json:"meeting" doc:"Id of what was brought back, which is not the one it had before."`
}

type restoredAnswer struct{ Body Restored }

func (h *Handler) restoreTrash(ctx context.Context, q *caller, in *struct {
	ID string `path:"id" doc:"Its id in the trash." maxLength:"20"`
	OnceKey
}) (*restoredAnswer, error) {
	return once(ctx, h, q, in.Key, "restoreFromTrash", in.ID, func(string) (*restoredAnswer, error) {
		id, err := strconv.ParseInt(in.ID, 36, 64)
		if err != nil {
			return nil, calendar.Errorf(calendar.NotFound, "this is not in the trash")
		}
		res, err := h.Calendar.Restore(ctx, q.who, q.who, id)
		if err != nil {
			return nil, err
		}
		return &restoredAnswer{Restored{meeting.ID(res.Object.Owner, res.Object.ID)}}, nil
	})
}

// Emptied says how much it was.
type Emptied struct {
	Removed int64 `json:"removed" doc:"How many entries there were."`
}

func (h *Handler) emptyTrash(ctx context.Context, q *caller, _ *struct{}) (*struct{ Body Emptied }, error) {
	n, err := h.Calendar.EmptyTrash(ctx, q.who, q.who)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Emptied }{Emptied{n}}, nil
}
