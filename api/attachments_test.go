package api_test

import (
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
)

// TestAttachments: a file is attached, read by who is invited, and taken away.
func TestAttachments(t *testing.T) {
	each(t, func(h *house) {
		m := h.as("alice", "POST", "/meetings", object{"name": "Planning", "start": "2026-02-02T09:00:00+01:00", "end": "2026-02-02T10:00:00+01:00",
			"timeZone": "Europe/Berlin", "invited": []object{{"address": "bob@example.com"}}}).ok(201)
		path := "/meetings/" + text(m, "id")
		add := func(who, query, octets string, headers ...string) answer {
			t.Helper()
			return h.as(who, "POST", path+"/attachments"+query, octets, append(headers, "Content-Type", "text/html")...)
		}
		add("alice", "?name=a", "x", "If-Match", `"other"`).fails(412, "changed", "")
		m = add("alice", "?name=..%2Fa.html", "<script>", "If-Match", text(m, "etag")).ok(201)
		files := list(m, "attachments")
		if len(files) != 1 || text(files[0], "name") != "a.html" || files[0]["size"] != 8.0 || text(files[0], "type") != "text/html" {
			t.Fatalf("attachments: %v", files)
		}
		file := path + "/attachments/" + text(files[0], "id")
		w := h.as("alice", "GET", file, nil)
		if w.Code != 200 || w.Body.String() != "<script>" || w.Header().Get("Content-Type") != "application/octet-stream" ||
			w.Header().Get("Content-Disposition") != `attachment; filename="a.html"` || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("the file: %d %v %s", w.Code, w.Header(), w.Body)
		}

		// Bob has it in his copy, and cannot change it there.
		copies := list(h.as("bob", "GET", "/events?from=2026-02-02T00:00:00Z&to=2026-02-03T00:00:00Z", nil).ok(200), "events")
		if len(copies) != 1 || text(list(copies[0], "attachments")[0], "id") != text(files[0], "id") {
			t.Fatalf("Bob's: %v", copies)
		}
		theirs := "/meetings/" + text(copies[0], "id") + "/attachments"
		if w := h.as("bob", "GET", theirs+"/"+text(files[0], "id"), nil); w.Code != 200 || w.Body.String() != "<script>" {
			t.Errorf("Bob reads %d %s", w.Code, w.Body)
		}
		h.as("bob", "POST", theirs+"?name=x", "x").fails(403, "invited-change", "")
		h.as("bob", "DELETE", theirs+"/"+text(files[0], "id"), nil).fails(403, "invited-change", "")
		h.as("bob", "GET", file, nil).fails(404, "not-found", "")

		token, _, err := h.tokens.Add(h.Context(), h.Principal("alice"), auth.ReadScope, "read", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if w := h.as(token, "GET", file, nil); w.Code != 200 {
			t.Errorf("with a token that reads: %d", w.Code)
		}
		add(token, "?name=x", "x").fails(403, "scope", "")
		h.as(token, "DELETE", file, nil).fails(403, "scope", "")
		add("alice", "?name=x", strings.Repeat("x", calendar.DefaultAttachmentSize+1)).fails(413, "attachment-too-large", "")
		h.as("alice", "GET", path+"/attachments/1-2-guessed", nil).fails(404, "no-attachment", "")
		h.as("alice", "DELETE", path+"/attachments/1-2-guessed", nil).fails(404, "no-attachment", "")
		if m = h.as("alice", "DELETE", file, nil).ok(200); len(list(m, "attachments")) != 0 {
			t.Errorf("after it was removed: %v", m)
		}
		h.as("alice", "GET", file, nil).fails(404, "no-attachment", "")
		h.as("bob", "GET", theirs+"/"+text(files[0], "id"), nil).fails(404, "no-attachment", "")
	})
}
