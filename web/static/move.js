// Moving events on the grids: with the mouse, with a finger and with keys. A move is told, and can be undone at once.
import { $, $$, clock, day, minute, post, stamp, wall, whenShown } from "./page.js"
import { quick } from "./form.js"

const root = document.documentElement
const lang = root.lang === "en" ? "en-GB" : root.lang // days before months, as on the pages
const holdFor = 350 // milliseconds until a finger that stays takes an event; before, it scrolls
const slack = 8 // pixels that a finger may tremble meanwhile

// ask has somebody choose which of a series is meant; undefined for none.
function ask() {
	const dialog = $("#which")
	return new Promise(done => {
		dialog.addEventListener("close", () => done(dialog.returnValue || undefined), { once: true })
		dialog.returnValue = ""
		dialog.showModal()
	})
}

// toast tells something in the corner; with undo it offers to take it back.
let undo
function toast(text, back) {
	const t = $("#toast")
	undo = back
	$("p", t).textContent = text
	$(".undo", t).hidden = !back
	$(".close", t).hidden = !text
	t.classList.toggle("on", !!text)
}

async function takeBack() {
	if (!undo) return
	const { path, fields } = undo
	toast("")
	const answer = await post(path, fields)
	if (answer) { toast(answer.text); find(answer, fields.start)?.focus() }
}

// find is where an event stands after a move.
function find(answer, start) {
	return $$(".ev[data-id]").find(e => e.dataset.id === answer.id && e.dataset.start.startsWith(start.slice(0, e.dataset.allday === undefined ? 16 : 10)))
}

async function move(event, start, minutes, byKey) {
	const fields = { instance: event.instance, etag: event.etag, start: stamp(start) }
	if (minutes) fields.minutes = String(minutes)
	if (event.instance) {
		fields.scope = await ask()
		if (!fields.scope) return
	}
	const zone = new URLSearchParams(location.search).get("zone")
	const answer = await post(`/event/${event.id}/move` + (zone ? "?zone=" + encodeURIComponent(zone) : ""), fields)
	if (!answer) return
	toast(answer.text, answer.undo)
	if (byKey) find(answer, fields.start)?.focus()
}

// slot is the day and quarter of an hour under the pointer.
function slot(x, y) {
	for (const e of document.elementsFromPoint(x, y)) {
		const date = e.dataset?.date
		if (!date) continue
		if (!e.classList.contains("col")) return { date, cell: e }
		const box = e.getBoundingClientRect()
		return { date, col: e, row: Math.min(95, Math.max(0, Math.floor((y - box.top) / box.height * 96))) }
	}
}

function ghost(col, row, height, text) {
	const g = $(".ghost") ?? document.createElement("div")
	g.className = `ghost r${row} h${Math.max(1, Math.min(height, 96 - row))} c1 w12`
	g.textContent = text
	if (g.parentElement !== col) col.append(g)
}

function mark(cell) {
	$$(".drop").forEach(c => c.classList.remove("drop"))
	cell?.classList.add("drop")
}

function clear() {
	$(".ghost")?.remove()
	mark()
	$$(".dragging").forEach(e => e.classList.remove("dragging"))
	root.classList.remove("moving")
}

// show draws where an event of [start, start + long) would stand, in a column or on a day.
function show(start, long, col, cell, title) {
	if (!col) { $(".ghost")?.remove(); mark(cell); return }
	const from = Math.round((start - wall(col.dataset.date)) / minute / 15), to = from + Math.max(1, Math.ceil(long / 15))
	const row = Math.min(95, Math.max(0, from))
	ghost(col, row, Math.min(96, to) - row, `${clock((from + 96) % 96)} ${title}`)
}

const quarter = time => new Date(Math.floor(time / minute / 15) * 15 * minute)

let held = false // a click follows a drag, and must lead nowhere
let lifted = false // a finger holds an event: it does not scroll

// drag follows a pointer that holds an event, its lower end, or free time, until it lets go.
class drag {
	constructor(down, touch) {
		this.x = this.x0 = down.clientX
		this.y = this.y0 = down.clientY
		this.touch = touch
		this.id = down.pointerId
		this.link = down.target.closest(".ev")
		this.from = slot(this.x, this.y)
		if (!this.from || this.link && !this.link.dataset.id || !this.link && down.target.closest("a, button")) return
		if (this.link) {
			this.event = { ...this.link.dataset }
			this.start = wall(this.event.start)
			this.long = (wall(this.event.end) - this.start) / minute
			this.title = $(".t", this.link).textContent
			const box = this.link.getBoundingClientRect(), edge = touch ? 14 : 7
			this.stretch = this.from.col && this.link.classList.contains("block") && box.height > 2 * edge && box.bottom - this.y < edge
		}
		this.good = true
	}

	begin() {
		this.moved = true
		this.link?.classList.add("dragging")
		root.classList.add("moving")
		this.scroller = this.from.col?.closest(".week-body")
		this.grid = this.scroller?.closest(".week-grid")
		this.scroll()
		this.over()
	}

	// scroll moves the day along while the pointer is at its edge.
	scroll() {
		this.frame = requestAnimationFrame(() => this.scroll())
		const edge = 36, box = this.scroller ? this.scroller.getBoundingClientRect() : { top: 0, bottom: innerHeight }
		const step = (at, low, high) => at < low + edge ? -6 : at > high - edge ? 6 : 0
		if (Math.hypot(this.x - this.x0, this.y - this.y0) < slack) return
		const down = step(this.y, Math.max(box.top, 0), Math.min(box.bottom, innerHeight))
		if (down && this.scroller) this.scroller.scrollTop += down
		else if (down) scrollBy(0, down)
		const along = this.grid && this.grid.scrollWidth > this.grid.clientWidth ? step(this.x, this.grid.getBoundingClientRect().left, this.grid.getBoundingClientRect().right) : 0
		if (along) this.grid.scrollLeft += along
		if (!down && !along) return
		this.over()
	}

	over() {
		const to = slot(this.x, this.y), from = this.from
		if (!to || !!to.col !== !!from.col) return
		if (!this.link) {
			if (!to.col) { mark(to.cell); this.last = to; return }
			const still = this.touch && to.row === from.row
			const [a, z] = still ? [from.row - from.row % 2, from.row - from.row % 2 + 4] : [Math.min(from.row, to.row), Math.max(from.row, to.row) + 1]
			this.last = { date: from.date, row: a, rows: z - a }
			ghost(from.col, a, z - a, `${clock(a)}–${clock(z % 96)}`)
			return
		}
		const days = Math.round((wall(to.date) - wall(from.date)) / day)
		if (this.stretch) {
			const end = wall(from.date).getTime() + (to.row + 1) * 15 * minute
			this.minutes = Math.max(15, (end - this.start) / minute)
			show(this.start, this.minutes, from.col, undefined, this.title)
			return
		}
		this.to = new Date(this.start.getTime() + days * day)
		if (to.col) {
			const rows = to.row - from.row
			if (rows) this.to = quarter(this.to.getTime() + rows * 15 * minute)
			// What began before the day may go on beginning there, but not all of it leave the column.
			show(this.to, this.long, to.col, undefined, this.title)
		} else show(this.to, this.long, undefined, to.cell, this.title)
	}

	stop() {
		cancelAnimationFrame(this.frame)
		clear()
	}

	drop() {
		this.stop()
		if (!this.link) {
			if (this.moved && this.last?.row !== undefined) quick(this.last.date, clock(this.last.row), this.last.rows * 15)
			else if (this.moved && this.last) quick(this.last.date, "", 0)
			else if (this.from.col) quick(this.from.date, clock(this.from.row - this.from.row % 2), 60)
			else quick(this.from.date, "", 0)
			return
		}
		if (!this.moved) return
		if (this.stretch) { if (this.minutes && this.minutes !== this.long) move(this.event, this.start, this.minutes) }
		else if (this.to && this.to.getTime() !== this.start.getTime()) move(this.event, this.to)
	}
}

// grip lets events be dragged, and new ones be drawn on free time. A finger takes hold by staying where it is; before, it scrolls.
function grip(grid) {
	grid.addEventListener("dragstart", e => e.preventDefault())
	grid.addEventListener("pointerdown", down => {
		if (down.button !== 0 || !down.isPrimary) return
		const touch = down.pointerType !== "mouse"
		const d = new drag(down, touch)
		if (!d.good) return
		carry?.leave()
		let timer
		const over = e => {
			if (e.pointerId !== d.id) return
			const far = Math.hypot(e.clientX - d.x0, e.clientY - d.y0)
			if (touch && !lifted) {
				if (far > slack) leave()
				return
			}
			d.x = e.clientX
			d.y = e.clientY
			if (d.moved) d.over()
			else if (far >= 6) d.begin()
		}
		const leave = () => {
			clearTimeout(timer)
			lifted = false
			for (const [name, fn, more] of listeners) document.removeEventListener(name, fn, more)
			d.stop()
		}
		const up = e => {
			if (e.pointerId !== d.id) return
			const was = lifted || !touch
			leave()
			if (d.moved) { held = true; setTimeout(() => held = false, 50) }
			if (was) d.drop()
		}
		const escape = e => { if (e.key === "Escape") { e.stopPropagation(); held = d.moved; leave() } }
		const listeners = [["pointermove", over], ["pointerup", up], ["pointercancel", e => { if (e.pointerId === d.id) leave() }], ["keydown", escape, true]]
		for (const [name, fn, more] of listeners) document.addEventListener(name, fn, more)
		if (touch) timer = setTimeout(() => { lifted = true; if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(12); d.begin() }, holdFor)
	})
	// Without this the browser takes the finger for itself once it moves.
	grid.addEventListener("touchmove", e => { if (lifted) e.preventDefault() }, { passive: false })
	grid.addEventListener("contextmenu", e => { if (lifted) e.preventDefault() })
	grid.addEventListener("click", e => { if (held) { e.preventDefault(); e.stopPropagation() } }, true)
}

// carry moves an event with keys: arrows say where to, Enter puts it there, Escape leaves it.
let carry
class hold {
	constructor(link) {
		this.link = link
		this.event = { ...link.dataset }
		this.start = this.to = wall(this.event.start)
		this.long = this.minutes = (wall(this.event.end) - this.start) / minute
		this.title = $(".t", link).textContent
		this.timed = link.classList.contains("block")
		this.month = !!link.closest(".month-grid")
		link.classList.add("dragging")
		this.off = () => this.leave()
		link.addEventListener("blur", this.off, { once: true })
	}

	// step takes an arrow key, and reports whether it means something here.
	step(key, stretch) {
		const along = { ArrowLeft: -1, ArrowRight: 1 }[key], down = { ArrowUp: -1, ArrowDown: 1 }[key]
		if (along && !stretch) this.to = new Date(this.to.getTime() + along * (getComputedStyle(root).direction === "rtl" ? -1 : 1) * day)
		else if (down && this.month && !stretch) this.to = new Date(this.to.getTime() + 7 * down * day)
		else if (down && this.timed && stretch) this.minutes = Math.max(15, this.minutes + 15 * down)
		else if (down && this.timed) this.to = quarter(this.to.getTime() + (15 * down + (down < 0 ? 14 : 0)) * minute)
		else return false
		this.show()
		return true
	}

	show() {
		const date = stamp(this.to).slice(0, 10)
		const col = this.timed && $(`.col[data-date="${date}"]`)
		$(".ghost")?.remove()
		show(this.to, this.minutes, col || undefined, $(`.cell[data-date="${date}"]`), this.title)
		$(".ghost")?.scrollIntoView({ block: "nearest" })
		const how = { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" }, at = { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "UTC" }
		let text = new Intl.DateTimeFormat(lang, how).format(this.to)
		if (this.event.allday === undefined) text += ", " + new Intl.DateTimeFormat(lang, at).format(this.to)
		if (this.minutes !== this.long) text += " – " + new Intl.DateTimeFormat(lang, at).format(this.to.getTime() + this.minutes * minute)
		toast(text + " · " + $("#toast").dataset.carry)
	}

	leave() {
		carry = undefined
		this.link.removeEventListener("blur", this.off)
		clear()
		toast("")
	}

	put() {
		const { event, to, start, minutes, long } = this
		this.leave()
		if (minutes !== long) move(event, to, minutes, true)
		else if (to.getTime() !== start.getTime()) move(event, to, 0, true)
	}
}

document.addEventListener("keydown", e => {
	if (e.metaKey || $("dialog[open]")) return
	if (e.ctrlKey && !e.shiftKey && !e.altKey && e.key.toLowerCase() === "z" && undo && !document.activeElement?.closest("input, textarea, select")) {
		e.preventDefault()
		takeBack()
		return
	}
	if (e.ctrlKey) return
	if (carry && (e.key === "Enter" || e.key === "Escape")) {
		e.preventDefault()
		e.stopPropagation()
		if (e.key === "Enter") carry.put()
		else carry.leave()
		return
	}
	const link = document.activeElement?.closest?.(".view .ev[data-id]")
	if (!e.shiftKey || !link || !e.key.startsWith("Arrow")) return
	e.preventDefault()
	e.stopPropagation()
	const was = carry
	carry ??= new hold(link)
	if (!carry.step(e.key, e.altKey) && !was) carry.leave()
}, true)

$("#toast .undo").addEventListener("click", takeBack)
$("#toast .close").addEventListener("click", () => toast(""))
whenShown(() => $$(".month-grid, .week-grid").forEach(grip))
