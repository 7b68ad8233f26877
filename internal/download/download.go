// Package download answers requests for files that people have given each other, so that a browser never takes one for a page of this
// site: no script runs, nothing is shown in place, and nobody is told where the link was.
package download

import (
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// File is what is answered.
type File struct {
	Name     string // any; what cannot stand in a header is left out
	Type     string // media type as somebody said it
	Hash     string // of the octets
	Modified time.Time
}

// inert are the media types that are answered as they are. No program takes them for a page or a script; all others are octets.
var inert = map[string]bool{
	"application/gzip": true, "application/msword": true, "application/ogg": true, "application/pdf": true, "application/rtf": true,
	"application/vnd.ms-excel": true, "application/vnd.ms-powerpoint": true,
	"application/vnd.oasis.opendocument.presentation": true, "application/vnd.oasis.opendocument.spreadsheet": true,
	"application/vnd.oasis.opendocument.text":                                   true,
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": true,
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         true,
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   true,
	"application/zip": true,
	"audio/aac":       true, "audio/flac": true, "audio/mp4": true, "audio/mpeg": true, "audio/ogg": true, "audio/wav": true,
	"image/avif": true, "image/bmp": true, "image/gif": true, "image/heic": true, "image/jpeg": true, "image/png": true,
	"image/tiff": true, "image/webp": true,
	"text/csv": true, "text/markdown": true, "text/plain": true,
	"video/mp4": true, "video/mpeg": true, "video/ogg": true, "video/quicktime": true, "video/webm": true,
}

// Type returns the media type that a file is answered with.
func Type(said string) string {
	if t := strings.ToLower(said); inert[t] {
		return t
	}
	return "application/octet-stream"
}

// Serve answers GET or HEAD with a file, whole or a range of it, or says that it has not changed (RFC 9110 sections 13 and 14).
// That somebody may read it was asked before; it is asked again each time, since nothing is kept without asking.
func Serve(w http.ResponseWriter, r *http.Request, f File, octets io.ReadSeeker) {
	h := w.Header()
	h.Set("Content-Type", Type(f.Type))
	h.Set("Content-Disposition", Disposition(f.Name))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", `"`+f.Hash[:min(len(f.Hash), 32)]+`"`)
	http.ServeContent(w, r, "", f.Modified, octets)
}

// Disposition returns the value of Content-Disposition for a file that is to be saved under a name (RFC 6266 section 4.3, RFC 8187).
func Disposition(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	var plain, ext strings.Builder
	ascii := true
	for _, r := range name {
		switch {
		case r < ' ' || r == 0x7f || r == utf8.RuneError:
			continue
		case r > 0x7f:
			ascii = false
			plain.WriteByte('_')
		case r == '"' || r == '\\' || r == '%' || r == ';':
			ascii = false
			plain.WriteByte('_')
		default:
			plain.WriteRune(r)
		}
		for _, b := range []byte(string(r)) {
			if b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z' || strings.IndexByte("!#$&+-.^_`|~", b) >= 0 {
				ext.WriteByte(b)
			} else {
				const hex = "0123456789ABCDEF"
				ext.Write([]byte{'%', hex[b>>4], hex[b&15]})
			}
		}
	}
	if plain.Len() == 0 {
		return "attachment"
	}
	d := `attachment; filename="` + plain.String() + `"`
	if !ascii {
		d += "; filename*=UTF-8''" + ext.String()
	}
	return d
}
