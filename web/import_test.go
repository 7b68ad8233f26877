package web_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"kalends/calendar"
	"kalends/internal/vdir/vdirtest"
	"kalends/storage"
)

func icsEvent(uid, title string, lines ...string) string {
	return "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20270601T090000Z\r\nSUMMARY:" + title + "\r\n" + strings.Join(append(lines, "END:VEVENT\r\n"), "\r\n")
}

func icsFile(parts ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n" + strings.Join(parts, "") + "END:VCALENDAR\r\n"
}

// zipped makes an archive of names and what is under them.
func zipped(t testing.TB, pairs ...string) string { return string(vdirtest.Zip(t, pairs...)) }

// bombArchive is an archive whose one file is very large when it is unpacked.
var bombArchive = sync.OnceValue(func() string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("a.ics")
	if err == nil {
		_, err = f.Write(bytes.Repeat([]byte(" "), 50<<20))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err) // it is written to memory
	}
	return b.String()
})

// bring sends the form of the import: files are names and what is in them. "form" is the token of the page that is open.
func (b *browser) bring(into, name string, files ...string) int {
	b.Helper()
	token := formToken.FindStringSubmatch(b.page)
	if token == nil {
		b.Fatal("no form on " + b.at)
	}
	return b.bringAs(token[1], "same-origin", into, name, files...)
}

func (b *browser) bringAs(token, site, into, name string, files ...string) int {
	b.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, f := range [][2]string{{"form", token}, {"into", into}, {"name", name}, {"color", "#112233"}} {
		if err := form.WriteField(f[0], f[1]); err != nil {
			b.Fatal(err)
		}
	}
	for i := 0; i+1 < len(files); i += 2 {
		p, err := form.CreateFormFile("file", files[i])
		if err != nil {
			b.Fatal(err)
		}
		p.Write([]byte(files[i+1]))
	}
	form.Close()
	return b.sendBody(&body, form.FormDataContentType(), site)
}

func (b *browser) sendBody(body *bytes.Buffer, kind, site string) int {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), "POST", "http://kal.example.com/calendars/import", body)
	r.Header.Set("Sec-Fetch-Site", site)
	r.Header.Set("Content-Type", kind)
	for n, v := range b.cookies {
		r.AddCookie(&http.Cookie{Name: n, Value: v})
	}
	w := httptest.NewRecorder()
	b.web.ServeHTTP(w, r)
	b.page, b.header, b.at = w.Body.String(), w.Header(), "/calendars/import"
	b.conforms("POST /calendars/import")
	return w.Code
}

// objects counts what is in a calendar of somebody's, by the names of the calendars.
func (h *house) objects(who string) map[string]int64 {
	h.Helper()
	list, err := h.store.Calendars(h.Context(), h.Principal(who).ID)
	if err != nil {
		h.Fatal(err)
	}
	got := map[string]int64{}
	for _, c := range list {
		if c.Kind == storage.CalendarKind {
			got[c.Slug] = c.Objects
		}
	}
	return got
}

func (h *house) calendarNamed(who, slug string) *storage.Calendar {
	h.Helper()
	c, err := h.store.Calendar(h.Context(), h.Principal(who).ID, slug)
	if err != nil {
		h.Fatal(err)
	}
	return c
}

var intoOption = regexp.MustCompile(`<option value="([^"]+)"(?: selected)?>(?:Calendar|Kalender)</option>`)

func TestImportPage(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice")
		b.get("/calendars").has("Import calendars")
		b.get("/calendars/import").has("No mail is sent to anybody", "10.5 MB")
		into := intoOption.FindStringSubmatch(b.page)[1]
		meeting := icsEvent("m", "Planning", "ORGANIZER:mailto:alice@example.com", "ATTENDEE:mailto:bob@example.com", "ATTENDEE:mailto:erin@example.org")
		file := icsFile(icsEvent("a", "Choir"), meeting, icsEvent("bad", `Be\, late <b>`, "DTEND:rubbish"), icsEvent("c", "Lunch"))
		// One bad object costs no other, and nothing is sent.
		if code := b.bring(into, "", `..\x<i>".ics`, file); code != http.StatusOK {
			t.Fatalf("import: %d %s", code, b.text())
		}
		b.has("Imported into “Calendar”", "3 events and tasks are new", "1 was left out", "Be, late &lt;b&gt;", "line ", "It is not written as calendars are")
		b.lacks("late <b>", "<i>", "was there already")
		if n := h.objects("alice")["calendar"]; n != 3 {
			t.Errorf("the calendar has %d events", n)
		}
		if n := h.objects("bob")["calendar"]; n != 0 {
			t.Errorf("Bob has %d events", n)
		}
		h.as("root").get("/admin/outbox").has("Nothing.").lacks("erin@example.org")
		// The same again changes nothing.
		before := h.calendarNamed("alice", "calendar").LastSeq
		if code := b.bring(into, "", "x.ics", file); code != http.StatusOK {
			t.Errorf("again: %d", code)
		}
		b.has("0 events and tasks are new", "3 were there already, the same")
		if after := h.calendarNamed("alice", "calendar").LastSeq; after != before {
			t.Errorf("the same upload moved the calendar from %d to %d", before, after)
		}
		// Something new and something changed, into a new calendar too; meetings stay where they are.
		if b.bring(into, "", "x.ics", icsFile(icsEvent("a", "Choir, later", "SEQUENCE:2"))); !strings.Contains(b.text(), "1 was changed to what the file says") {
			t.Errorf("changed: %s", b.text())
		}
		if b.bring(into, "", "x.ics", icsFile(icsEvent("a", "Choir", "SEQUENCE:1"))); !strings.Contains(b.text(), "1 is newer here and was left alone") {
			t.Errorf("older: %s", b.text())
		}
		if code := b.bring("new", " Old <things> ", "x.ics", file); code != http.StatusOK {
			t.Errorf("new calendar: %d %s", code, b.text())
		}
		b.has("2 events and tasks are new", "2 were left out", "Another calendar of yours has this meeting already.", "Imported into “Old <things>”")
		c := h.calendarNamed("alice", "old-things")
		if c.DisplayName != "Old <things>" || c.Color != "#112233" || c.Objects != 2 {
			t.Errorf("the new calendar: %+v", c)
		}
		if code := b.bring("new", "Old <things>", "x.ics", file); code != http.StatusUnprocessableEntity || !strings.Contains(b.text(), "You have a calendar of this name.") {
			t.Errorf("the same name again: %d %s", code, b.text())
		}
		if code := b.bring("new", " ", "x.ics", file); code != http.StatusUnprocessableEntity || !strings.Contains(b.text(), "A calendar needs a name.") {
			t.Errorf("no name: %d", code)
		}
		// A task goes where tasks go.
		todo := icsFile("BEGIN:VTODO\r\nUID:t\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Buy\r\nEND:VTODO\r\n")
		if code := b.bring(into, "", "t.ics", todo); code != http.StatusUnprocessableEntity || !strings.Contains(b.text(), "This calendar does not take this kind.") {
			t.Errorf("a task among events: %d %s", code, b.text())
		}
		german := h.as("bob")
		german.get("/calendars/import").has("Kalender importieren")
		if german.bring("new", "Alt", "x.ics", file); !strings.Contains(german.text(), "1 wurde ausgelassen") {
			t.Errorf("in German: %s", german.text())
		}
	})
}

// TestImportWhose: a form counts from a page of ours and for one's own calendars alone.
func TestImportWhose(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice").get("/calendars/import")
		token := formToken.FindStringSubmatch(b.page)[1]
		into := intoOption.FindStringSubmatch(b.page)[1]
		file := icsFile(icsEvent("a", "Choir"))
		bob := h.as("bob").get("/calendars/import")
		for _, tt := range []struct {
			what              string
			b                 *browser
			token, site, into string
			want              int
		}{
			{"Bob into Alice's calendar", bob, formToken.FindStringSubmatch(bob.page)[1], "same-origin", into, http.StatusNotFound},
			{"Bob with Alice's form", bob, token, "same-origin", into, http.StatusForbidden},
			{"a guessed token", b, "guessed", "same-origin", into, http.StatusForbidden},
			{"from elsewhere", b, token, "cross-site", into, http.StatusForbidden},
			{"into nothing", b, token, "same-origin", "", http.StatusNotFound},
			{"into what is no calendar", b, token, "same-origin", "1-1", http.StatusNotFound},
			{"by nobody", h.browser(), token, "same-origin", into, http.StatusSeeOther},
		} {
			if code := tt.b.bringAs(tt.token, tt.site, tt.into, "", "a.ics", file); code != tt.want {
				t.Errorf("%s: %d, want %d", tt.what, code, tt.want)
			}
		}
		if n := h.objects("alice")["calendar"]; n != 0 {
			t.Errorf("%d events came in", n)
		}
		for _, body := range []string{"", "rubbish", "--b\r\n", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nx\r\n--b--\r\n",
			"--b\r\nContent-Disposition: form-data; name=\"form\"\r\n\r\n" + token + "\r\n--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b--\r\n"} {
			if code := b.sendBody(bytes.NewBufferString(body), "multipart/form-data; boundary=b", "same-origin"); code != http.StatusBadRequest {
				t.Errorf("form %q: %d", body, code)
			}
		}
		if code := b.sendBody(bytes.NewBufferString("form="+token), "application/x-www-form-urlencoded", "same-origin"); code != http.StatusBadRequest {
			t.Errorf("a form of another kind: %d", code)
		}
		b.get("/calendars/import")
		if code := b.bring(into, ""); code != http.StatusUnprocessableEntity || !strings.Contains(b.text(), "Please choose a file.") {
			t.Errorf("no file: %d", code)
		}
	})
}

// TestImportHostile: what is too large, packed to burst, damaged or no calendar is told, and everything else is taken.
func TestImportHostile(t *testing.T) {
	each(t, func(h *house) {
		const most = 64 << 10
		h.Service.Limits.AttachmentSize = most
		b := h.as("alice").get("/calendars/import")
		into := intoOption.FindStringSubmatch(b.page)[1]
		good := icsFile(icsEvent("good", "Good"))
		large := strings.Repeat("x", most+1)
		bomb := strings.Repeat("\r\n", most/2)
		many := []string{}
		for i := range 15 {
			many = append(many, fmt.Sprintf("%02d.ics", i), bomb)
		}
		for _, tt := range []struct {
			what  string
			files []string
			want  int
			texts []string
		}{
			{"too large", []string{"a.ics", large}, http.StatusRequestEntityTooLarge, []string{"That is more than 65 kB at once.", "kalends import"}},
			{"too large together", []string{"a.ics", good, "b.ics", large[:most-10]}, http.StatusRequestEntityTooLarge, []string{"That is more than 65 kB at once."}},
			{"no calendar", []string{"a.html", "<html>"}, http.StatusUnprocessableEntity, []string{"Nothing was imported", "This is no calendar."}},
			{"nothing", []string{"a.ics", ""}, http.StatusUnprocessableEntity, []string{"This is no calendar."}},
			{"an empty calendar", []string{"a.ics", icsFile()}, http.StatusUnprocessableEntity, []string{"The calendar in it is empty."}},
			{"octets", []string{"a.ics", "BEGIN:VCALENDAR\x00\xff\xfe\r\nBEGIN:VEVENT\r\nUID:\xff\r\n"}, http.StatusUnprocessableEntity, []string{"left out"}},
			{"a bad archive", []string{"a.zip", "PK\x03\x04rubbish"}, http.StatusUnprocessableEntity, []string{"The archive is damaged."}},
			{"no archive", []string{"a.zip", good}, http.StatusUnprocessableEntity, []string{"The archive is damaged."}},
			{"an archive of another kind", []string{"a.ics.gz", "\x1f\x8brubbish"}, http.StatusUnprocessableEntity, []string{"Pack it as a zip archive."}},
			{"an archive of nothing", []string{"a.zip", zipped(t, "a.txt", "x")}, http.StatusUnprocessableEntity, []string{"No calendar files (.ics) are in the archive."}},
			{"a bomb", []string{"a.zip", bombArchive()}, http.StatusUnprocessableEntity, []string{"It is larger than 65 kB when it is unpacked."}},
			{"a bomb of many files, after something good", []string{"g.ics", good, "a.zip", zipped(t, many...)}, http.StatusOK,
				[]string{"1 event or task is new", "All files of the archive are more than 655 kB when they are unpacked."}},
			{"bad ones beside a good one", []string{"b.zip", "PK", "c.zip", zipped(t, "work/x.ics", good, "../../etc/passwd.ics", "root", "work/displayname", "Work")}, http.StatusOK,
				[]string{"1 was there already, the same", "c.zip/etc/passwd.ics", "2 were left out"}},
		} {
			if code := b.bring(into, "", tt.files...); code != tt.want {
				t.Errorf("%s: %d %s", tt.what, code, b.text())
			}
			b.has(tt.texts...)
		}
		// In a new calendar, of which nothing is left when there is nothing to put into it.
		for _, file := range []string{"<html>", icsFile(icsEvent("x", "X", "DTEND:rubbish"))} {
			if code := b.bring("new", "Empty", "a.ics", file); code != http.StatusUnprocessableEntity || !strings.Contains(b.text(), "Nothing was imported") {
				t.Errorf("a new calendar of nothing: %d %s", code, b.text())
			}
		}
		if got := h.objects("alice"); got["calendar"] != 1 {
			t.Errorf("calendars: %v", got)
		} else if _, ok := got["empty"]; ok {
			t.Error("a calendar of nothing was left")
		}
		// Of one UID in several files the first counts, each time.
		one, two := icsFile(icsEvent("d", "One")), icsFile(icsEvent("d", "Two"))
		broken := icsFile(icsEvent("e", "Broken", "DTEND:rubbish"))
		for _, want := range []string{"2 events and tasks are new", "2 were there already, the same"} {
			if code := b.bring(into, "", "1.ics", one, "2.ics", two, "3.ics", one, "4.ics", broken, "5.ics", icsFile(icsEvent("e", "Whole"))); code != http.StatusOK {
				t.Errorf("UIDs twice: %d", code)
			}
			b.has(want, "2 were left out", "The same event stands in 1.ics in another version")
		}
		b.get("/search?q=Two").lacks(">Two<")
		// A hundred that are left out are told, and how many more there are.
		var bad []string
		for i := range 130 {
			bad = append(bad, icsEvent(fmt.Sprint("bad", i), "Bad", "DTEND:rubbish"))
		}
		b.get("/calendars/import")
		b.bring(into, "", "bad.ics", icsFile(bad...))
		b.has("130 were left out", "30 more were left out.")
		if n := strings.Count(b.page, "It is not written as calendars are"); n != 100 {
			t.Errorf("%d are told", n)
		}
	})
}

// TestImportQuota: what there is room for is taken, and the rest told.
func TestImportQuota(t *testing.T) {
	each(t, func(h *house) {
		h.Service.Limits.Quota = 1000
		b := h.as("alice").get("/calendars/import")
		into := intoOption.FindStringSubmatch(b.page)[1]
		file := icsFile(icsEvent("a", "A"), icsEvent("b", "B"), icsEvent("c", strings.Repeat("c", 900)))
		if code := b.bring(into, "", "a.ics", file); code != http.StatusOK {
			t.Fatalf("import: %d %s", code, b.text())
		}
		b.has("2 events and tasks are new", "1 was left out", "There is no room left.")
		h.Service.Limits.Quota = calendar.DefaultAttachmentSize
		b.bring(into, "", "a.ics", file)
		b.has("1 event or task is new", "2 were there already, the same")
	})
}

// TestImportOneAtATime: while an upload of somebody's is on its way, another of theirs waits its turn, and others go on.
func TestImportOneAtATime(t *testing.T) {
	each(t, func(h *house) {
		b, bob := h.as("alice").get("/calendars/import"), h.as("bob").get("/calendars/import")
		into := intoOption.FindStringSubmatch(b.page)[1]
		bobs := intoOption.FindStringSubmatch(bob.page)[1]
		reading, body := make(chan struct{}), make(chan struct{})
		r := httptest.NewRequestWithContext(t.Context(), "POST", "http://kal.example.com/calendars/import", &slowBody{reading: reading, end: body})
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		for n, v := range b.cookies {
			r.AddCookie(&http.Cookie{Name: n, Value: v})
		}
		w, done := httptest.NewRecorder(), make(chan struct{})
		go func() {
			defer close(done)
			h.web.ServeHTTP(w, r)
		}()
		<-reading
		file := icsFile(icsEvent("a", "Choir"))
		token := formToken.FindStringSubmatch(b.page)[1]
		if code := b.bringAs(token, "same-origin", into, "", "a.ics", file); code != http.StatusServiceUnavailable || b.header.Get("Retry-After") == "" {
			t.Errorf("a second one at once: %d %v", code, b.header)
		}
		if code := bob.bring(bobs, "", "a.ics", file); code != http.StatusOK {
			t.Errorf("somebody else's meanwhile: %d %s", code, bob.text())
		}
		close(body)
		<-done
		if w.Code != http.StatusBadRequest {
			t.Errorf("an upload that broke off: %d", w.Code)
		}
		if code := b.bringAs(token, "same-origin", into, "", "a.ics", file); code != http.StatusOK {
			t.Errorf("after it: %d", code)
		}
	})
}

// slowBody is an upload of which nothing comes; it breaks off when end is closed.
type slowBody struct {
	reading chan struct{} // closed at the first read
	once    sync.Once
	end     chan struct{}
}

func (s *slowBody) Read([]byte) (int, error) {
	s.once.Do(func() { close(s.reading) })
	<-s.end
	return 0, io.ErrUnexpectedEOF
}

// TestImportWithFiles: what is attached to events in an archive comes along, once.
func TestImportWithFiles(t *testing.T) {
	each(t, func(h *house) {
		id := func(n int) string { return fmt.Sprintf("7-%d-%s", n, strings.Repeat("c", 26)) }
		attach := func(n int, name string) string {
			return "ATTACH;MANAGED-ID=" + id(n) + ";FILENAME=" + name + ":https://old.example.com/dav/attachments/" + id(n)
		}
		h.Service.Limits.AttachmentSize = 20_000
		archive := zipped(t,
			"work/a.ics", icsFile(icsEvent("a", "With a plan", attach(1, "plan.txt"), attach(2, "<b>large"))), ".attachments/"+id(1)+"/plan.txt", "the plan",
			".attachments/"+id(2)+"/large", strings.Repeat("x", 20_001), "work/b.ics", icsFile(icsEvent("b", "The same plan", attach(1, "plan.txt"))),
		)
		b := h.as("alice")
		into := intoOption.FindStringSubmatch(b.get("/calendars/import").page)[1]
		for _, want := range []string{"2 events and tasks are new", "2 were there already"} {
			b.get("/calendars/import")
			if status := b.bring(into, "", "all.zip", archive); status != http.StatusOK {
				t.Fatalf("%d %s", status, b.text())
			}
			b.has(want, "With a plan", "its file <b>large is not: it is too large").lacks("its file plan.txt")
			if u, err := h.store.Usage(t.Context(), h.Principal("alice").ID); err != nil || u.Attachments != 8 {
				t.Errorf("%d octets of files (%v)", u.Attachments, err)
			}
		}
		if text := h.texts("alice"); strings.Count(text, "http://kal.example.com/dav/attachments/") != 2 || strings.Count(text, "https://old.example.com/") != 1 {
			t.Errorf("events:\n%s", text)
		}
	})
}
