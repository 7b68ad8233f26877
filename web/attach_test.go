package web_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"regexp"
	"strings"
	"testing"

	"kalends/calendar"
)

// upload sends the form of an event that brings a file. token is what shows where the form is from.
func (b *browser) upload(path, token, name, mediaType, octets string) *httptest.ResponseRecorder {
	b.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("form", token); err != nil {
		b.Fatal(err)
	}
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="` + name + `"`}, "Content-Type": {mediaType},
	})
	if err != nil {
		b.Fatal(err)
	}
	part.Write([]byte(octets))
	form.Close()
	r := httptest.NewRequest("POST", "http://kal.example.com"+path, &body)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Content-Type", form.FormDataContentType())
	for n, v := range b.cookies {
		r.AddCookie(&http.Cookie{Name: n, Value: v})
	}
	w := httptest.NewRecorder()
	b.web.ServeHTTP(w, r)
	return w
}

func TestFiles(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice")
		id := b.create("name", "Planning")
		path := "/event/" + id
		token := formToken.FindStringSubmatch(b.get(path).page)[1]
		b.has("Add a file")
		if w := b.upload(path+"/attach", token, "Pl%22an <b>.html", "text/html", "<script>alert(1)</script>"); w.Code != http.StatusSeeOther {
			t.Fatalf("upload: %d %s", w.Code, w.Body)
		}
		b.get(path).has("Files", "25 B")
		b.lacks("<b>")
		link := regexp.MustCompile(`/event/[^"/]+/file/[^"]+`).FindString(b.page)
		b.get(link)
		if b.page != "<script>alert(1)</script>" || b.header.Get("Content-Type") != "application/octet-stream" ||
			!strings.HasPrefix(b.header.Get("Content-Disposition"), "attachment; ") || b.header.Get("Content-Security-Policy") != "sandbox; default-src 'none'" {
			t.Errorf("the file: %v %s", b.header, b.page)
		}

		// Others get nothing of it; who is not signed in is asked to.
		if code := h.as("bob").send("GET", link, nil); code != http.StatusNotFound {
			t.Errorf("Bob gets the file: %d", code)
		}
		if code := h.browser().send("GET", link, nil); code != http.StatusSeeOther {
			t.Errorf("somebody gets the file: %d", code)
		}
		if w := h.as("bob").upload(path+"/attach", token, "x", "text/plain", "x"); w.Code != http.StatusForbidden {
			t.Errorf("Bob adds a file with Alice's form: %d", w.Code)
		}
		if w := b.upload(path+"/attach", "guessed", "x", "text/plain", "x"); w.Code != http.StatusForbidden {
			t.Errorf("a form of nowhere: %d", w.Code)
		}
		if w := b.upload(path+"/attach", token, "", "application/octet-stream", ""); w.Code != http.StatusSeeOther {
			t.Errorf("nothing chosen: %d", w.Code)
		}
		if w := b.upload(path+"/attach", token, "large", "text/plain", strings.Repeat("x", calendar.DefaultAttachmentSize+1)); w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("too large: %d", w.Code)
		}
		if w := b.upload(path+"/attach", token, "larger", "text/plain", strings.Repeat("x", calendar.DefaultAttachmentSize+100<<10)); w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("much too large: %d", w.Code)
		}
		m := h.meeting("alice", id, "")
		if len(m.Attachments) != 1 || m.Attachments[0].ID == "" || !strings.HasPrefix(m.Attachments[0].URL, "http://kal.example.com/dav/attachments/") {
			t.Fatalf("attachments: %+v", m.Attachments)
		}
		b.get(path)
		b.post(path+"/detach", "form", token, "file", m.Attachments[0].ID)
		b.get(path).lacks("Files")
		if code := b.send("GET", link, nil); code != http.StatusNotFound {
			t.Errorf("the file after it was removed: %d", code)
		}
	})
}
