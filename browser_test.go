package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// browser is Chromium without a window, spoken to by its DevTools protocol.
type browser struct {
	*testing.T
	ws      *websocket.Conn
	id      int
	session string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium (apt-get install chromium)")
	}
	// Not t.TempDir: Chromium's other processes may write into it a moment longer than the one that is waited for.
	profile, err := os.MkdirTemp("", "kalends-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 20 {
			if os.RemoveAll(profile) == nil {
				return
			}
			pause(context.Background(), 50*time.Millisecond)
		}
	})
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--remote-debugging-port=0", "--remote-allow-origins=*", "--user-data-dir="+profile, "about:blank")
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	address := ""
	for lines := bufio.NewScanner(errs); address == "" && lines.Scan(); {
		if m := regexp.MustCompile(`DevTools listening on (ws://\S+)`).FindStringSubmatch(lines.Text()); m != nil {
			address = m[1]
		}
	}
	go io.Copy(io.Discard, errs)
	ws, err := websocket.Dial(address, "", "http://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	b := &browser{T: t, ws: ws}
	target := b.call("Target.createTarget", map[string]any{"url": "about:blank"})["targetId"]
	b.session = b.call("Target.attachToTarget", map[string]any{"targetId": target, "flatten": true})["sessionId"].(string)
	b.call("Page.enable", nil)
	b.call("Log.enable", nil)
	return b
}

func (b *browser) call(method string, params map[string]any) map[string]any {
	b.Helper()
	b.id++
	msg := map[string]any{"id": b.id, "method": method, "params": params}
	if b.session != "" {
		msg["sessionId"] = b.session
	}
	b.ws.SetDeadline(time.Now().Add(30 * time.Second))
	if err := websocket.JSON.Send(b.ws, msg); err != nil {
		b.Fatal(err)
	}
	for {
		var got struct {
			ID     int
			Method string
			Result map[string]any
			Error  json.RawMessage
			Params json.RawMessage
		}
		if err := websocket.JSON.Receive(b.ws, &got); err != nil {
			b.Fatalf("%s: %v", method, err)
		}
		if got.Method == "Log.entryAdded" {
			b.Logf("browser: %s", got.Params)
			if strings.Contains(string(got.Params), "Content Security Policy") {
				b.Errorf("the page breaks its own policy: %s", got.Params)
			}
		}
		if got.ID == b.id {
			if got.Error != nil {
				b.Fatalf("%s: %s", method, got.Error)
			}
			return got.Result
		}
	}
}

// eval runs an expression of ours; the page itself may run none.
func (b *browser) eval(expression string) any {
	b.Helper()
	r := b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true})
	v, _ := r["result"].(map[string]any)
	return v["value"]
}

// until waits for an expression to be true.
func (b *browser) until(expression string) {
	b.Helper()
	for end := time.Now().Add(20 * time.Second); b.eval(expression) != true; {
		if time.Now().After(end) {
			b.Fatalf("never true: %s\n%v", expression, b.eval("document.documentElement.outerHTML"))
		}
		pause(b.Context(), 50*time.Millisecond)
	}
}

// click presses the mouse where the element is, as a person does.
func (b *browser) click(selector string) {
	b.Helper()
	where, _ := b.eval(fmt.Sprintf(`(()=>{const e=document.querySelector(%q);e.scrollIntoView();const r=e.getBoundingClientRect();return (r.x+r.width/2)+" "+(r.y+r.height/2)})()`, selector)).(string)
	var x, y float64
	if _, err := fmt.Sscan(where, &x, &y); err != nil {
		b.Fatalf("no %s on the page", selector)
	}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1})
	}
}

// TestAnswerInABrowser answers an invitation as a person does, in Chromium with JavaScript switched off. With KALENDS_TEST_PICTURES it
// leaves pictures of the page in that folder.
func TestAnswerInABrowser(t *testing.T) {
	b := newBrowser(t)
	s := newAnswers(t)
	link := s.link("carol@example.org")
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true})
	picture := func(name string, width int, scheme string) {
		dir := os.Getenv("KALENDS_TEST_PICTURES")
		if dir == "" {
			return
		}
		b.call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}})
		b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 720, "deviceScaleFactor": 1, "mobile": false})
		data, err := base64.StdEncoding.DecodeString(b.call("Page.captureScreenshot", nil)["data"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/"+name+".png", data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b.call("Page.navigate", map[string]any{"url": link})
	b.until(`document.readyState=="complete" && document.querySelector("button.ACCEPTED")!=null`)
	if got := b.eval(`getComputedStyle(document.querySelector("article")).borderTopLeftRadius`); got != "12px" {
		t.Errorf("the style of the page does not apply: %v", got)
	}
	picture("answer", 600, "light")
	picture("answer-dark", 600, "dark")
	picture("answer-narrow", 300, "light")
	if got := s.partStat("carol@example.org"); got != "NEEDS-ACTION" {
		t.Errorf("looking at the page answered %s", got)
	}
	b.click("textarea")
	b.call("Input.insertText", map[string]any{"text": "With pleasure."})
	b.click("button.ACCEPTED")
	b.until(`document.querySelector("button.ACCEPTED")?.getAttribute("aria-pressed")=="true"`)
	picture("answer-given", 600, "light")
	if got := s.partStat("carol@example.org"); got != "ACCEPTED" {
		t.Errorf("PARTSTAT %s after the click", got)
	}
	b.click("summary")
	b.until(`document.querySelector("details").open`)
	b.eval(`document.querySelector("details").scrollIntoView()`)
	picture("answer-propose", 600, "light")
	b.eval(`document.querySelector("details").scrollIntoView()`)
	picture("answer-propose-narrow", 300, "dark")
	// The Enter key in a field proposes, and answers nothing.
	b.click(`input[name="start"]`)
	for _, kind := range []string{"keyDown", "keyUp"} {
		b.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13})
	}
	b.until(`document.body.textContent.includes("This cannot be proposed")`)
	b.call("Page.navigate", map[string]any{"url": link})
	b.until(`document.readyState=="complete" && document.querySelector("summary")!=null`)
	b.click("summary")
	b.until(`document.querySelector("details").open`)
	b.click("button.PROPOSE") // as it is filled in, which is when the meeting takes place
	b.until(`document.body.textContent.includes("This cannot be proposed")`)
	b.call("Page.navigate", map[string]any{"url": link})
	b.until(`document.readyState=="complete" && document.querySelector("summary")!=null`)
	b.click("summary")
	b.until(`document.querySelector("details").open`)
	day := time.Now().UTC().AddDate(0, 6, 0).Format(time.DateOnly)
	b.eval(`document.querySelector("input[name=day]").value = "` + day + `"`) // a date's field is each browser's own
	b.click("button.PROPOSE")
	b.until(`document.body.textContent.includes("has not decided yet")`)
	if list := s.held(); len(list) != 1 || list[0].About.Start.Format(time.DateOnly) != day {
		t.Errorf("proposed: %+v", list)
	}
	b.click("button.DECLINED")
	b.until(`document.querySelector("button.DECLINED")?.getAttribute("aria-pressed")=="true"`)
	if got := s.partStat("carol@example.org"); got != "DECLINED" {
		t.Errorf("PARTSTAT %s after the second click", got)
	}
}
