package web

import (
	"errors"
	"io"

	"kalends/calendar"
)

// errUnpacked says that an archive holds more than is unpacked.
var errUnpacked = errors.New("the archive holds more than is unpacked")

// file finds a file of an event in the archives that were uploaded. What is read of it counts as unpacked.
func (b *bringer) file(managedID string) *calendar.ImportFile {
	f, ok := b.attached[managedID]
	if !ok {
		return nil
	}
	return &calendar.ImportFile{Size: f.Size, Open: func() (io.ReadCloser, error) {
		r, err := f.Open()
		return &metered{r, &b.left}, err
	}}
}

// metered takes what is read from what is left.
type metered struct {
	io.ReadCloser
	left *int64
}

func (m *metered) Read(p []byte) (int, error) {
	if *m.left <= 0 {
		return 0, errUnpacked
	}
	n, err := m.ReadCloser.Read(p)
	*m.left -= int64(n)
	return n, err
}

// lost tells of a file that could not be taken with its event.
func (b *bringer) lost(o calendar.ImportObject, name string, err error) {
	from, ok := o.From.(part)
	if !ok {
		return
	}
	var why string
	switch kind := calendar.KindOf(err); {
	case kind == calendar.AttachmentTooLarge || errors.Is(err, errUnpacked):
		why = b.lang.T("The event is here, its file %s is not: it is too large.", plainLine(name, 100))
	case kind == calendar.QuotaExceeded:
		why = b.lang.T("The event is here, its file %s is not: there is no room left. Delete something, and send the same file again.", plainLine(name, 100))
	case kind == calendar.TooManyAttachments:
		why = b.lang.T("The event is here, its file %s is not: it has too many.", plainLine(name, 100))
	default:
		why = b.lang.T("The event is here, its file %s is not: the archive is damaged there.", plainLine(name, 100))
	}
	b.result.skip(importSkip{File: from.file, Line: from.object.Line, Title: titleIn(o.Text, from.object.UID), Why: why})
}
