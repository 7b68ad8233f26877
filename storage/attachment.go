package storage

import (
	"context"
	"time"
)

// AttachmentChunkSize is how many octets of an attachment are in one row: all but the last have just as many, so that a range of it
// is found without reading what is before. It is never changed: what is stored was divided by it.
const AttachmentChunkSize = 256 << 10

// Attachment is a managed attachment (RFC 8607): a file that the owner of calendars keeps for objects in them.
type Attachment struct {
	Owner, ID int64  // ID is of the owner's counter
	Key       string // random, so that who knows the numbers knows nothing
	Name      string // as the client says; no path and no control characters
	Type      string // media type, as the client says
	Size      int64  // octets
	Hash      string // SHA-256 of the octets in hexadecimal; "" while they are still coming in
	Created   time.Time
	Unused    time.Time // since when no object refers to it; zero while one does
}

// Usage is how much of an owner is kept.
type Usage struct {
	Objects     int64 // octets of all objects in all collections
	Attachments int64 // octets of the attachments that an object refers to
}

// Total is what counts against a quota.
func (u Usage) Total() int64 { return u.Objects + u.Attachments }

// AttachmentKey names an attachment of an owner as those may who know it.
type AttachmentKey struct {
	ID  int64
	Key string
}

// AttachmentReader reads attachments.
type AttachmentReader interface {
	// Attachments returns those of an owner's attachments that are there and whole, by ID.
	Attachments(ctx context.Context, owner int64, keys []AttachmentKey) (map[int64]*Attachment, error)
	// AttachmentsByKey returns those of an owner's attachments that are there and whole, by Key: of several with one key the first.
	AttachmentsByKey(ctx context.Context, owner int64, keys []string) (map[string]*Attachment, error)
	// AttachmentChunk returns the n-th piece, from 0. ErrNotFound.
	AttachmentChunk(ctx context.Context, owner, id, n int64) ([]byte, error)
	// AttachmentUses returns the objects that refer to an attachment, with their texts, by id, at most limit.
	AttachmentUses(ctx context.Context, owner, id int64, limit int) ([]*Object, error)
	// Usage returns how much of an owner is kept.
	Usage(ctx context.Context, owner int64) (Usage, error)
	// Usages is the same of many owners, keyed by owner.
	Usages(ctx context.Context, owners []int64) (map[int64]Usage, error)
}

// AttachmentTx writes attachments. The owner's home must be locked.
type AttachmentTx interface {
	// AddAttachment begins an attachment whose octets are still to come. No object refers to it: it is unused since a.Created.
	AddAttachment(ctx context.Context, a *Attachment) error
	// AddAttachmentChunk adds the n-th piece, from 0.
	AddAttachmentChunk(ctx context.Context, owner, id, n int64, octets []byte) error
	// FinishAttachment notes Size and Hash of an attachment that is whole. ErrNotFound when it was removed meanwhile.
	FinishAttachment(ctx context.Context, a *Attachment) error
	// SetAttachments makes what an object refers to exactly these, as far as they are there and whole. Those that no object refers to
	// any more are unused since now.
	SetAttachments(ctx context.Context, owner, object int64, keys []AttachmentKey, now time.Time) error
	// TrimAttachments removes what is above so many octets of an owner's unused attachments: the longest unused go.
	TrimAttachments(ctx context.Context, owner, most int64) error
	// DropAttachment removes an attachment that no object refers to; it is no error when it is not there, or in use.
	DropAttachment(ctx context.Context, owner, id int64) error
	// EmptyAttachments removes the unused attachments of an owner that are whole.
	EmptyAttachments(ctx context.Context, owner int64) error
}
