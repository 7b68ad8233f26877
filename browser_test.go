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
	"sync"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// chrome is Chromium without a window, spoken to by its DevTools protocol.
type chrome struct {
	ws *websocket.Conn

	mu      sync.Mutex
	id      int
	waiting map[int]chan devReply
	// events are what each tab logged since it was last asked.
	events map[string][]string
	closed error
}

type devReply struct {
	result map[string]any
	err    json.RawMessage
}

// newChrome starts Chromium. It finds the host of the site at address, whose certificate is made for the test.
func newChrome(t *testing.T, host, address string) *chrome {
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
		"--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-device-scale-factor=1", "--disable-dev-shm-usage", "--ignore-certificate-errors",
		"--font-render-hinting=none", "--host-resolver-rules=MAP "+host+" "+address, "--lang=en-GB", "--accept-lang=en-GB",
		"--remote-debugging-port=0", "--remote-allow-origins=*", "--user-data-dir="+profile, "about:blank")
	cmd.Env = append(os.Environ(), "LANGUAGE=en_GB", "LANG=en_GB.UTF-8", "TZ=Europe/Berlin") // dates in fields are written alike everywhere
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	at := ""
	for lines := bufio.NewScanner(errs); at == "" && lines.Scan(); {
		if m := regexp.MustCompile(`DevTools listening on (ws://\S+)`).FindStringSubmatch(lines.Text()); m != nil {
			at = m[1]
		}
	}
	go io.Copy(io.Discard, errs)
	ws, err := websocket.Dial(at, "", "http://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	c := &chrome{ws: ws, waiting: map[int]chan devReply{}, events: map[string][]string{}}
	go c.read()
	return c
}

// read hands what Chromium says to those who wait for it.
func (c *chrome) read() {
	for {
		var got struct {
			ID        int
			Method    string
			SessionID string
			Result    map[string]any
			Error     json.RawMessage
			Params    json.RawMessage
		}
		err := websocket.JSON.Receive(c.ws, &got)
		c.mu.Lock()
		switch {
		case err != nil:
			c.closed = err
			for id, ch := range c.waiting {
				delete(c.waiting, id)
				ch <- devReply{err: json.RawMessage(err.Error())}
			}
		case got.ID > 0:
			if ch := c.waiting[got.ID]; ch != nil {
				delete(c.waiting, got.ID)
				ch <- devReply{got.Result, got.Error}
			}
		case got.Method == "Log.entryAdded", got.Method == "Runtime.exceptionThrown":
			c.events[got.SessionID] = append(c.events[got.SessionID], got.Method+" "+string(got.Params))
		}
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// send asks Chromium for something, and waits for the answer.
func (c *chrome) send(session, method string, params map[string]any) (map[string]any, error) {
	c.mu.Lock()
	if c.closed != nil {
		c.mu.Unlock()
		return nil, c.closed
	}
	c.id++
	msg := map[string]any{"id": c.id, "method": method, "params": params}
	if session != "" {
		msg["sessionId"] = session
	}
	ch := make(chan devReply, 1)
	c.waiting[c.id] = ch
	err := websocket.JSON.Send(c.ws, msg)
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	select {
	case r := <-ch:
		if r.err != nil {
			return nil, fmt.Errorf("%s: %s", method, r.err)
		}
		return r.result, nil
	case <-late.C:
		return nil, fmt.Errorf("%s: no answer in a minute", method)
	}
}

// browser is one tab, with cookies of its own.
type browser struct {
	*testing.T
	chrome  *chrome
	site    *webSite
	session string
	width   int
	scheme  string
	// allowed are words of messages in the log that are no mistake of the page's.
	allowed []string
}

// tab opens a tab with cookies of its own, in which somebody has signed in; "" for nobody.
func (s *webSite) tab(t *testing.T, who string) *browser {
	t.Helper()
	b := &browser{T: t, chrome: s.chrome, site: s}
	must := func(method string, params map[string]any) map[string]any {
		r, err := s.chrome.send(b.session, method, params)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	context := must("Target.createBrowserContext", nil)["browserContextId"]
	t.Cleanup(func() { s.chrome.send("", "Target.disposeBrowserContext", map[string]any{"browserContextId": context}) })
	target := must("Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": context})["targetId"]
	b.session = must("Target.attachToTarget", map[string]any{"targetId": target, "flatten": true})["sessionId"].(string)
	must("Page.enable", nil)
	must("Log.enable", nil)
	must("Runtime.enable", nil)
	b.look(1280, "light")
	if who != "" {
		must("Network.setCookie", map[string]any{"name": "__Host-kalends", "value": s.cookie(who), "url": s.url, "path": "/", "secure": true, "httpOnly": true})
	}
	return b
}

func (b *browser) call(method string, params map[string]any) map[string]any {
	b.Helper()
	r, err := b.chrome.send(b.session, method, params)
	if err != nil {
		b.Fatal(err)
	}
	b.listen()
	return r
}

// listen reports what the page complained of since it was last asked.
func (b *browser) listen() {
	b.Helper()
	b.chrome.mu.Lock()
	events := b.chrome.events[b.session]
	delete(b.chrome.events, b.session)
	b.chrome.mu.Unlock()
	for _, e := range events {
		// The server refuses what a test asks for; advice is no mistake.
		fine := strings.Contains(e, `"source":"network"`) || strings.Contains(e, `"level":"info"`) || strings.Contains(e, `"level":"verbose"`)
		for _, a := range b.allowed {
			fine = fine || strings.Contains(e, a)
		}
		if !fine {
			b.Errorf("the page says: %.600s", e)
		}
	}
}

// eval runs an expression of ours; the page itself may run none.
func (b *browser) eval(expression string) any {
	b.Helper()
	params := map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}
	r, err := b.chrome.send(b.session, "Runtime.evaluate", params)
	if err != nil && strings.Contains(err.Error(), "-32000") { // the page has gone meanwhile, and another comes
		return nil
	}
	if err != nil {
		b.Fatal(err)
	}
	b.listen()
	v, _ := r["result"].(map[string]any)
	return v["value"]
}

// text is what eval returns, as a text.
func (b *browser) text(expression string) string {
	b.Helper()
	s, _ := b.eval(expression).(string)
	return s
}

// until waits for an expression to be true.
func (b *browser) until(expression string) {
	b.Helper()
	for end := time.Now().Add(20 * time.Second); b.eval(expression) != true; {
		if time.Now().After(end) {
			b.Fatalf("never true: %s\non %s:\n%s", expression, b.text("location.href"), b.short())
		}
		pause(b.Context(), 10*time.Millisecond)
	}
}

// open shows a page of the site, and waits for it.
func (b *browser) open(path string) {
	b.Helper()
	b.going(func() { b.call("Page.navigate", map[string]any{"url": b.site.url + path}) })
}

// going waits until another page is there, which fn leads to.
func (b *browser) going(fn func()) {
	b.Helper()
	b.eval(`document.documentElement.dataset.old="1"`)
	fn()
	b.until(`document.readyState=="complete" && !document.documentElement.dataset.old && document.querySelector("h1")!=null`)
}

// follow presses what leads to another page.
func (b *browser) follow(what string) {
	b.Helper()
	b.going(func() { b.click(what) })
}

// el is an expression for the first element that selector finds, or after a | the first whose text has the words.
func el(what string) string {
	selector, words, _ := strings.Cut(what, "|")
	return fmt.Sprintf(`[...document.querySelectorAll(%q)].find(e=>e.textContent.includes(%q))`, selector, words)
}

// there waits for an element.
func (b *browser) there(what string) {
	b.Helper()
	b.until(el(what) + " !== undefined")
}

// at is where an element is, at a part of its width and height.
func (b *browser) at(what string, partX, partY float64) (x, y float64) {
	b.Helper()
	where := b.text(fmt.Sprintf(`(()=>{const e=%s;if(!e)return "";e.scrollIntoView({block:"center"});const r=e.getBoundingClientRect();return (r.x+r.width*%v)+" "+(r.y+r.height*%v)})()`, el(what), partX, partY))
	if _, err := fmt.Sscan(where, &x, &y); err != nil {
		b.Fatalf("no %s on %s:\n%s", what, b.text("location.href"), b.short())
	}
	return x, y
}

// click presses the mouse where the element is, as a person does.
func (b *browser) click(what string) {
	b.Helper()
	x, y := b.at(what, .5, .5)
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		b.mouse(kind, x, y)
	}
}

func (b *browser) mouse(kind string, x, y float64) {
	b.Helper()
	b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1})
}

// finger does with one finger what kind says: touchStart, touchMove or touchEnd.
func (b *browser) finger(kind string, x, y float64) {
	b.Helper()
	points := []any{map[string]any{"x": x, "y": y}}
	if kind == "touchEnd" {
		points = []any{}
	}
	b.call("Input.dispatchTouchEvent", map[string]any{"type": kind, "touchPoints": points})
}

// fill types into a field, in place of what is in it.
func (b *browser) fill(what, text string) {
	b.Helper()
	b.eval(fmt.Sprintf(`{const e=%s;e.focus();e.select?.()}`, el(what)))
	b.call("Input.insertText", map[string]any{"text": text})
}

// set gives a field a value that is picked rather than typed: of a date, a time, a list.
func (b *browser) set(what, value string) {
	b.Helper()
	b.eval(fmt.Sprintf(`{const e=%s;e.value=%q;e.dispatchEvent(new Event("input",{bubbles:true}));e.dispatchEvent(new Event("change",{bubbles:true}))}`, el(what), value))
}

// Bits of modifiers.
const (
	alt   = 1
	ctrl  = 2
	shift = 8
)

var keyCodes = map[string]int{"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13, "Escape": 27, "Tab": 9, "z": 90}

func (b *browser) key(key string, modifiers ...int) {
	b.Helper()
	text, bits := key, 0
	if len(key) > 1 {
		text = map[string]string{"Enter": "\r"}[key]
	}
	for _, m := range modifiers {
		bits |= m
	}
	if bits&(ctrl|alt) != 0 {
		text = ""
	}
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": key, "code": key, "text": text, "windowsVirtualKeyCode": keyCodes[key], "modifiers": bits})
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": keyCodes[key], "modifiers": bits})
}

// has holds what is read on the page against what should be.
func (b *browser) has(parts ...string) {
	b.Helper()
	text := b.text("document.body.innerText")
	for _, p := range parts {
		if !strings.Contains(text, p) {
			b.Errorf("%q is not on %s:\n%s", p, b.text("location.href"), b.short())
		}
	}
}

// short is what is read on the page, on one line.
func (b *browser) short() string {
	b.Helper()
	text := strings.Join(strings.Fields(b.text("document.body.innerText")), " ")
	return text[:min(len(text), 1500)]
}

// scripts switches scripts of pages on or off.
func (b *browser) scripts(on bool) {
	b.Helper()
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": !on})
}

// look sets the size of the window and the colours.
func (b *browser) look(width int, scheme string) {
	b.Helper()
	if b.scheme != scheme {
		b.call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}, map[string]any{"name": "prefers-reduced-motion", "value": "reduce"}}})
	}
	if b.width != width {
		height := 860
		if width < 600 {
			height = 740
		}
		b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false})
	}
	b.width, b.scheme = width, scheme
}

// touch has the window be that of a telephone.
func (b *browser) touch(on bool) {
	b.Helper()
	b.call("Emulation.setTouchEmulationEnabled", map[string]any{"enabled": on, "maxTouchPoints": 1})
}

// samePicture has pictures be the same each time: what is drawn by chance is not shown. The code to read with a camera is one that means
// nothing.
const samePicture = `{
	document.querySelectorAll(".secret").forEach(e => { e.textContent = e.textContent.replace(/[A-Za-z0-9_-]{16,}/g, s => s.replace(/[A-Za-z0-9]/g, "x")) })
	document.querySelectorAll(".qr path").forEach(e => {
		const n = e.ownerSVGElement.viewBox.baseVal.width, corner = (x, y) => [[4, 4], [n - 11, 4], [4, n - 11]].map(([a, b]) => Math.max(Math.abs(x - a - 3), Math.abs(y - b - 3))).find(r => r <= 4)
		let d = "", seed = 7
		for (let y = 4; y < n - 4; y++) for (let x = 4; x < n - 4; x++) {
			seed = (seed * 1103515245 + 12345) % 2147483648
			const r = corner(x, y)
			if (r === undefined ? seed > 1073741824 : r !== 2 && r !== 4) d += "M" + x + " " + y + "h1v1h-1z"
		}
		e.setAttribute("d", d)
	})
	if (document.activeElement?.matches("input, textarea")) document.activeElement.style.caretColor = "transparent"
}`

// picture leaves one of what is seen where KALENDS_PICTURES says.
func (b *browser) picture(name string) {
	b.Helper()
	dir := os.Getenv("KALENDS_PICTURES")
	if dir == "" {
		return
	}
	b.eval(samePicture)
	data, err := base64.StdEncoding.DecodeString(b.call("Page.captureScreenshot", map[string]any{"optimizeForSpeed": false})["data"].(string))
	if err != nil {
		b.Fatal(err)
	}
	if err := writePicture(dir, name, data); err != nil {
		b.Fatal(err)
	}
}
