package web

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"iter"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical/stream"
	"kalends/internal/vdir"
)

// upload is a form that brings files.
type upload struct {
	fields map[string]string // into, name, color
	files  []uploadFile
}

type uploadFile struct {
	name string // as the browser says, without folders
	data []byte
}

// An upload has bounds.
var (
	errLargeUpload = errors.New("upload too large")
	errManyUploads = errors.New("too many files")
)

// readUpload reads a form with files, whose fields come before them. Where it is too large, the rest is read too, up to a bound, and what came
// of the fields is returned beside the error.
func (v *visit) readUpload() (*upload, error) {
	left := v.Calendar.Limit().AttachmentSize
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, left+maxDrained)
	parts, err := v.r.MultipartReader() // from here on nobody else reads the body
	if err != nil {
		return nil, brokenForm
	}
	u := &upload{fields: map[string]string{}}
	err = u.read(parts, left, []byte(auth.FormToken(v.token)))
	if errors.Is(err, errLargeUpload) || errors.Is(err, errManyUploads) {
		_, _ = io.Copy(io.Discard, v.r.Body) // a browser that is cut off shows no answer
		return u, err
	}
	if err != nil {
		return nil, err
	}
	return u, nil
}

// read reads the parts of a form: first the token, then the fields, then files of left octets together.
func (u *upload) read(parts *multipart.Reader, left int64, token []byte) error {
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		switch {
		case err == io.EOF && n > 0:
			return nil
		case err != nil:
			return tooLarge(err)
		case n == 0 && part.FormName() != "form":
			return brokenForm
		case part.FormName() == "file":
			if part.FileName() == "" {
				continue // nothing was chosen
			}
			if len(u.files) == maxUploads {
				return errManyUploads
			}
			data, err := vdir.ReadAll(part, left)
			if err != nil {
				return tooLarge(err)
			}
			left -= int64(len(data))
			u.files = append(u.files, uploadFile{part.FileName(), data})
			continue
		case n >= 8 || len(u.files) > 0:
			return brokenForm
		}
		text, err := vdir.ReadAll(part, maxFormFields)
		if err != nil {
			return brokenForm
		}
		switch name := part.FormName(); name {
		case "form":
			if subtle.ConstantTimeCompare(text, token) != 1 {
				return foreignForm
			}
		case "into", "name", "color":
			u.fields[name] = strings.TrimSpace(string(text))
		default:
			return brokenForm
		}
	}
}

// tooLarge tells a form that has too much in it from one that broke.
func tooLarge(err error) error {
	_, part := errors.AsType[*vdir.TooLargeError](err)
	if _, body := errors.AsType[*http.MaxBytesError](err); part || body {
		return errLargeUpload
	}
	return brokenForm
}

// objects cuts what was uploaded into objects, file by file. What cannot be read is told and left out. Of several files with one UID the first
// is taken, so that the same upload comes to the same each time.
func (b *bringer) objects() iter.Seq[calendar.ImportObject] {
	return func(yield func(calendar.ImportObject) bool) {
		for name, data := range b.texts() {
			if !b.cut(name, data, yield) {
				return
			}
		}
	}
}

// cut yields the objects of a file; false to stop.
func (b *bringer) cut(name string, data []byte, yield func(calendar.ImportObject) bool) bool {
	cal := stream.Split(data)
	if !cal.Found && len(cal.Objects) == 0 {
		b.result.skip(importSkip{File: name, Why: b.t("This is no calendar. Choose a file that a calendar program saved as iCalendar (.ics).")})
		return true
	}
	for _, p := range cal.Problems {
		b.result.skip(importSkip{File: name, Line: p.Line, Title: p.UID, Why: b.t("A part of it cannot be read as it stands."), Detail: p.Msg})
	}
	if len(cal.Objects) == 0 && len(cal.Problems) == 0 {
		b.result.skip(importSkip{File: name, Why: b.t("The calendar in it is empty.")})
	}
	for _, o := range cal.Objects {
		io := calendar.ImportObject{From: part{name, o}}
		var whole bool
		if io.Text, whole = cal.Whole(); !whole {
			io.Text = o.Text()
		}
		if len(cal.Objects) == 1 {
			io.Name = name[strings.LastIndexByte(name, '/')+1:]
		}
		sum := sha256.Sum256(io.Text)
		switch g := b.seen[o.UID]; {
		case o.UID == "":
		case g == nil:
			b.seen[o.UID] = &given{file: name, sum: sum}
		case g.sum == sum:
			continue // a copy
		default:
			b.again = append(b.again, io)
			continue
		}
		if !yield(io) {
			return false
		}
	}
	return true
}

// second yields what has the UID of something that was refused, and tells of the rest that it is there twice.
func (b *bringer) second(yield func(calendar.ImportObject, error) bool) {
	for _, o := range b.again {
		from, ok := o.From.(part)
		if !ok {
			continue
		}
		g := b.seen[from.object.UID]
		if g.refused {
			g.refused, g.file = false, from.file
			if !yield(o, nil) {
				return
			}
			continue
		}
		b.result.skip(importSkip{
			File: from.file, Line: from.object.Line, Title: titleIn(o.Text, from.object.UID),
			Why: b.lang.T("The same event stands in %s in another version, and that one was taken. If this is the right one, send this file alone.", plainLine(g.file, 200)),
		})
	}
}

// texts are the files that were uploaded, and those in archives among them, by name.
func (b *bringer) texts() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		most := b.Calendar.Limit().AttachmentSize
		b.left = most * unpackTimes
		for _, f := range b.upload.files {
			switch lower := strings.ToLower(f.name); {
			case bytes.HasPrefix(f.data, []byte("PK")) || strings.HasSuffix(lower, ".zip"):
				if !b.unpack(f, most, &b.left, yield) {
					return
				}
			case bytes.HasPrefix(f.data, []byte("\x1f\x8b")):
				b.result.skip(importSkip{File: f.name, Why: b.t("It is packed in a way that is not known here. Pack it as a zip archive.")})
			default:
				if !yield(f.name, f.data) {
					return
				}
			}
		}
	}
}

// unpack yields the calendar files of an archive, each of which may have most octets, and all that are left; false to stop.
func (b *bringer) unpack(f uploadFile, most int64, left *int64, yield func(string, []byte) bool) bool {
	r, err := zip.NewReader(bytes.NewReader(f.data), int64(len(f.data)))
	if err != nil {
		b.result.skip(importSkip{File: f.name, Why: b.t("The archive is damaged. Make it again, or send the files in it one by one.")})
		return true
	}
	for id, f := range vdir.ZipAttachments(r) {
		b.attached[id] = f
	}
	folders := vdir.Zip(r)
	if !slices.ContainsFunc(folders, func(d vdir.Folder) bool { return len(d.Files) > 0 }) {
		b.result.skip(importSkip{File: f.name, Why: b.t("No calendar files (.ics) are in the archive.")})
	}
	for _, dir := range folders {
		for _, in := range dir.Files {
			name := f.name + "/" + in.Path
			data, err := in.Read(min(most, *left))
			_, large := errors.AsType[*vdir.TooLargeError](err)
			switch {
			case large && *left < most:
				b.result.skip(importSkip{File: name, Why: b.lang.T("All files of the archive are more than %s when they are unpacked. What stands from here on was left out: send it in another archive.", sizeText(most*unpackTimes))})
				*left = 0
				return true
			case large:
				*left -= most
				b.result.skip(importSkip{File: name, Why: b.lang.T("It is larger than %s when it is unpacked. Cut it into parts.", sizeText(most))})
				continue
			case errors.Is(err, vdir.ErrEncrypted):
				b.result.skip(importSkip{File: name, Why: b.t("It needs a password. Make the archive without one.")})
				continue
			case err != nil:
				*left -= min(most, *left) // so much may have been unpacked for it
				b.result.skip(importSkip{File: name, Why: b.t("The archive is damaged. Make it again, or send the files in it one by one.")})
				continue
			}
			if *left -= int64(len(data)); !yield(name, data) {
				return false
			}
		}
	}
	return true
}

// titleIn is the title of an event by its text, which need not be right; otherwise where there is none.
func titleIn(text []byte, otherwise string) string {
	for line := range bytes.Lines(text) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok && (bytes.EqualFold(name, []byte("SUMMARY")) || len(name) > 8 && bytes.EqualFold(name[:8], []byte("SUMMARY;"))) {
			value = bytes.TrimSpace(value[:min(len(value), 1000)])
			if title := strings.ToValidUTF8(strings.NewReplacer(`\,`, ",", `\;`, ";", `\n`, " ", `\N`, " ", `\\`, `\`).Replace(string(value)), ""); title != "" {
				return title
			}
		}
	}
	return otherwise
}
