package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// newChrome starts Chromium without a window, which tabs are opened in. It finds the host of the site at address, whose certificate is made
// for the test.
func newChrome(t *testing.T, host, address string) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium (apt-get install chromium)")
	}
	options := slices.Clone(chromedp.DefaultExecAllocatorOptions[:])
	options = append(options, chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.IgnoreCertErrors,
		// Dates in fields are written alike everywhere.
		chromedp.Env("LANGUAGE=en_GB", "LANG=en_GB.UTF-8", "TZ=Europe/Berlin"))
	for name, value := range map[string]any{
		// Else a click on a page that has not been painted yet is lost.
		"allow-pre-commit-input": true,

		"disable-quic": true, "disable-component-update": true, "hide-scrollbars": true, "force-device-scale-factor": "1",
		"font-render-hinting": "none", "host-resolver-rules": "MAP " + host + " " + address, "lang": "en-GB", "accept-lang": "en-GB",
	} {
		options = append(options, chromedp.Flag(name, value))
	}
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, stop := chromedp.NewContext(allocator)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// browser is one tab, with cookies of its own.
type browser struct {
	*testing.T
	site   *webSite
	ctx    context.Context
	width  int
	scheme string
	// allowed are words of messages in the log that are no mistake of the page's.
	allowed []string

	mu   sync.Mutex
	said []string // what the page complained of since it was last asked
}

// tab opens a tab with cookies of its own, in which somebody has signed in; "" for nobody.
func (s *webSite) tab(t *testing.T, who string) *browser {
	t.Helper()
	b := &browser{T: t, site: s}
	var end context.CancelFunc
	b.ctx, end = chromedp.NewContext(s.chrome, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	if err := chromedp.Listen(b.ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	b.look(1280, "light")
	if who != "" {
		b.call("Network.setCookie", map[string]any{"name": "__Host-kalends", "value": s.cookie(who), "url": s.url, "path": "/", "secure": true, "httpOnly": true})
	}
	return b
}

// hear keeps what is a mistake of the page's. The server refuses what a test asks for; advice is no mistake.
func (b *browser) hear(event any) {
	said := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceNetwork || e.Entry.Level == log.EntryLevelInfo || e.Entry.Level == log.EntryLevelVerbose {
			return
		}
		said = e.Entry.Text + " " + e.Entry.URL
	case *runtime.EventExceptionThrown:
		said = e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			said += " " + x.Description
		}
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = append(b.said, said)
}

// send asks the tab for something by the name it has in the DevTools protocol, and waits for the answer.
func (b *browser) send(method string, params map[string]any) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	if params == nil {
		params = map[string]any{}
	}
	var res map[string]any
	if err := chromedp.FromContext(b.ctx).Target.Call(ctx, method, params, &res); err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	return res, nil
}

func (b *browser) call(method string, params map[string]any) map[string]any {
	b.Helper()
	r, err := b.send(method, params)
	if err != nil {
		b.Fatal(err)
	}
	b.listen()
	return r
}

// listen reports what the page complained of since it was last asked.
func (b *browser) listen() {
	b.Helper()
	b.mu.Lock()
	said := b.said
	b.said = nil
	b.mu.Unlock()
	for _, e := range said {
		if !slices.ContainsFunc(b.allowed, func(a string) bool { return strings.Contains(e, a) }) {
			b.Errorf("the page says: %.600s", e)
		}
	}
}

// eval runs an expression of ours; the page itself may run none.
func (b *browser) eval(expression string) any {
	b.Helper()
	r, err := b.send("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true})
	if gone, ok := errors.AsType[*cdproto.Error](err); ok && gone.Code == -32000 { // the page has gone meanwhile, and another comes
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
	for end := time.Now().Add(time.Minute); b.eval(expression) != true; {
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
	document.querySelectorAll(".secret").forEach(e => { e.textContent = e.textContent.replace(/whsec_[A-Za-z0-9+/]+|[A-Za-z0-9_-]{16,}/g, s => s.replace(/^whsec_|[A-Za-z0-9+/]/g, c => c[1] ? c : "x")) })
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
