// What is quicker with a script: keys, dragging, and pages that change in place. Every page works without it.
const root = document.documentElement
root.classList.add("js")
const $ = (selector, from = document) => from.querySelector(selector)
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)]

// swap shows a page of ours in place of the one that is open.
async function swap(url, options) {
	const answer = await fetch(url, { credentials: "same-origin", ...options })
	const page = new DOMParser().parseFromString(await answer.text(), "text/html")
	const main = $("#main", page)
	if (!main) { location.assign(url); return }
	const at = $(".week-body")?.scrollTop, focus = document.activeElement?.id
	$("#main").replaceWith(document.adoptNode(main))
	document.title = page.title
	begin()
	if (at !== undefined && $(".week-body")) $(".week-body").scrollTop = at
	if (focus) document.getElementById(focus)?.focus()
}

// say tells something that went wrong, where it is seen and heard.
function say(text) {
	let p = $("#said")
	if (!p) {
		p = document.createElement("p")
		p.id = "said"
		p.className = "problem"
		p.setAttribute("role", "alert")
		$("#main").prepend(p)
	}
	p.textContent = text
}

// post sends a form for which there is no page, and shows the page as it is afterwards.
async function post(url, fields) {
	const body = new URLSearchParams({ form: document.body.dataset.form, ...fields })
	const answer = await fetch(url, { method: "POST", body, credentials: "same-origin", headers: { "X-Requested-With": "fetch" } })
	if (answer.ok) { await swap(location.href); return true }
	const page = new DOMParser().parseFromString(await answer.text(), "text/html")
	await swap(location.href)
	say($("main p, .problem", page)?.textContent ?? answer.statusText)
	return false
}

const pad = n => String(n).padStart(2, "0")
const stamp = d => `${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())}T${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}`
const wall = text => new Date(text + ":00Z") // wall times are reckoned in UTC
const minute = 60000, day = 1440 * minute

// ask has somebody choose which of a series is meant; undefined for none.
function ask() {
	const dialog = $("#which")
	return new Promise(done => {
		dialog.addEventListener("close", () => done(dialog.returnValue || undefined), { once: true })
		dialog.returnValue = ""
		dialog.showModal()
	})
}

async function move(event, start, minutes) {
	const fields = { instance: event.instance, etag: event.etag, start: stamp(start) }
	if (minutes) fields.minutes = String(minutes)
	if (event.instance) {
		fields.scope = await ask()
		if (!fields.scope) return
	}
	const zone = new URLSearchParams(location.search).get("zone")
	await post(`/event/${event.id}/move` + (zone ? "?zone=" + encodeURIComponent(zone) : ""), fields)
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

function clear() {
	$(".ghost")?.remove()
	$$(".drop").forEach(e => e.classList.remove("drop"))
	$$(".dragging").forEach(e => e.classList.remove("dragging"))
}

const clock = row => `${pad(Math.floor(row / 4))}:${pad(row % 4 * 15)}`
let held = false // a click follows a drag, and must lead nowhere

// grip lets events be dragged, and new ones be drawn on free time. Touch scrolls; there the form is used.
function grip(grid) {
	grid.addEventListener("dragstart", e => e.preventDefault())
	grid.addEventListener("pointerdown", down => {
		if (down.button !== 0 || down.pointerType === "touch") return
		const link = down.target.closest(".ev")
		const from = slot(down.clientX, down.clientY)
		if (!from || link && !link.dataset.id || !link && down.target.closest("a, button")) return
		const event = link && { ...link.dataset }
		const start = link && wall(event.start), long = link && (wall(event.end) - start) / minute
		let moved = false, last
		const stretch = link && from.col && link.classList.contains("block") && link.getBoundingClientRect().bottom - down.clientY < 7
		const over = e => {
			if (!moved && Math.hypot(e.clientX - down.clientX, e.clientY - down.clientY) < 6) return
			if (!moved) { moved = true; link?.classList.add("dragging"); root.classList.add("moving") }
			const to = slot(e.clientX, e.clientY)
			if (!to || !!to.col !== !!from.col) return
			$$(".drop").forEach(c => c.classList.remove("drop"))
			if (!to.col) {
				to.cell.classList.add("drop")
				last = to
			} else if (!link) {
				const [a, z] = [Math.min(from.row, to.row), Math.max(from.row, to.row) + 1]
				last = { date: from.date, row: a, rows: z - a }
				ghost(from.col, a, z - a, `${clock(a)}–${clock(z)}`)
			} else if (stretch) {
				const first = Math.round((start - wall(from.date + "T00:00")) / minute / 15)
				const rows = Math.max(1, to.row + 1 - first)
				last = { rows }
				ghost(from.col, first, rows, `${clock(first)}–${clock(first + rows)}`)
			} else {
				const row = Math.max(0, to.row - Math.max(0, from.row - Math.round((start - wall(from.date + "T00:00")) / minute / 15)))
				last = { date: to.date, row }
				ghost(to.col, row, Math.ceil(long / 15), `${clock(row)} ${$(".t", link).textContent}`)
			}
		}
		const stop = () => {
			document.removeEventListener("pointermove", over)
			document.removeEventListener("pointerup", up)
			document.removeEventListener("keydown", escape, true)
			root.classList.remove("moving")
			clear()
		}
		const escape = e => { if (e.key === "Escape") { e.stopPropagation(); held = moved; stop() } }
		const up = () => {
			stop()
			if (moved) { held = true; setTimeout(() => held = false, 50) }
			if (!link) {
				if (moved && last?.row !== undefined) quick(last.date, clock(last.row), last.rows * 15)
				else if (!moved && from.col) quick(from.date, clock(from.row - from.row % 2), 60)
				else if (!moved) quick(from.date, "", 0)
				return
			}
			if (!moved || !last) return
			if (stretch) { move(event, start, last.rows * 15); return }
			let to
			if (last.row !== undefined) to = new Date(wall(last.date + "T00:00").getTime() + last.row * 15 * minute)
			else to = new Date(start.getTime() + Math.round((wall(last.date + "T00:00") - wall(from.date + "T00:00")) / day) * day)
			if (to.getTime() !== start.getTime()) move(event, to)
		}
		document.addEventListener("pointermove", over)
		document.addEventListener("pointerup", up)
		document.addEventListener("keydown", escape, true)
	})
	grid.addEventListener("click", e => { if (held) { e.preventDefault(); e.stopPropagation() } }, true)
}

// quick shows the form of a new event on the page, with what matters first.
async function quick(date, time, minutes) {
	const ask = new URLSearchParams(location.search)
	const query = new URLSearchParams({ date })
	if (ask.get("zone")) query.set("zone", ask.get("zone"))
	if (time) { query.set("time", time); query.set("minutes", String(minutes)) } else query.set("allday", "1")
	const answer = await fetch("/event/new?" + query, { credentials: "same-origin" })
	const card = $(".event-form", new DOMParser().parseFromString(await answer.text(), "text/html"))
	if (!card) { location.assign("/event/new?" + query); return }
	const dialog = $("#quick")
	const title = $("h1", card)
	const head = document.createElement("h2")
	head.textContent = title.textContent
	head.id = "quick-title"
	title.replaceWith(head)
	const flag = document.createElement("input")
	Object.assign(flag, { type: "hidden", name: "quick", value: "1" })
	$("form", card).append(flag)
	dialog.replaceChildren(document.adoptNode(card))
	const more = document.createElement("button")
	more.type = "button"
	more.textContent = dialog.dataset.more
	more.addEventListener("click", () => { dialog.classList.add("whole"); more.remove() })
	const cancel = $(".buttons a", dialog)
	cancel.before(more, " ")
	cancel.addEventListener("click", e => { e.preventDefault(); dialog.close() })
	dialog.classList.remove("whole")
	formOf(dialog)
	dialog.showModal()
	$("[name=name]", dialog).focus()
}

// formOf has the form of an event keep its times in order, and show who is free at once.
function formOf(from) {
	const form = $("#event-form", from)
	if (!form) return
	const f = form.elements
	if (f.startdate) {
		let was = f.startdate.value, at = f.starttime.value
		const shift = () => {
			const old = wall(`${was}T${at || "00:00"}`), now = wall(`${f.startdate.value}T${f.starttime.value || "00:00"}`)
			const end = wall(`${f.enddate.value}T${f.endtime.value || "00:00"}`)
			if (isNaN(now) || isNaN(old) || isNaN(end)) return
			const to = stamp(new Date(end.getTime() + (now - old)))
			f.enddate.value = to.slice(0, 10)
			f.endtime.value = to.slice(11)
			was = f.startdate.value
			at = f.starttime.value
		}
		f.startdate.addEventListener("change", shift)
		f.starttime.addEventListener("change", shift)
	}
	const people = async what => {
		const body = new URLSearchParams(new FormData(form))
		body.set("do", what)
		const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin" })
		const fresh = $("#people", new DOMParser().parseFromString(await answer.text(), "text/html"))
		if (!fresh) return
		$("#people", form).replaceWith(document.adoptNode(fresh))
		$("#f-add", form)?.focus()
	}
	form.addEventListener("submit", e => {
		const what = e.submitter?.value
		if (what === "add" || what === "check") { e.preventDefault(); people(what) }
	})
	form.addEventListener("keydown", e => {
		if (e.key === "Enter" && e.target.name === "add") { e.preventDefault(); if (e.target.value) people("add") }
	})
	form.addEventListener("change", e => {
		if (["startdate", "starttime", "enddate", "endtime", "timezone", "room"].includes(e.target.name) && $(".busy, [name=room]:checked", form)) people("check")
	})
}

// begin is for each page that is shown.
function begin() {
	$$(".month-grid, .week-grid").forEach(grip)
	const shown = $("#shown")
	shown?.addEventListener("change", async () => {
		await fetch(shown.action, { method: "POST", body: new URLSearchParams(new FormData(shown)), credentials: "same-origin", headers: { "X-Requested-With": "fetch" } })
		await swap(location.href)
	})
	const body = $(".week-body")
	if (body) {
		const hour = body.scrollHeight / 24
		const first = Math.min(7.5, ...$$(".block", body).map(e => (e.getBoundingClientRect().top - body.getBoundingClientRect().top + body.scrollTop) / hour).filter(h => h > 5))
		body.scrollTop = hour * (first - .25)
	}
	if (!$("dialog[open]")) formOf(document)
	$("#problems")?.focus()
	$$("[data-copy]").forEach(button => {
		button.hidden = false
		button.addEventListener("click", async () => {
			await navigator.clipboard.writeText($(button.dataset.copy).textContent.trim())
			button.textContent = button.dataset.done
		})
	})
}

document.addEventListener("keydown", e => {
	if (e.ctrlKey || e.metaKey || e.altKey || $("dialog[open]")) return
	const at = document.activeElement
	if (at?.closest("input, textarea, select, [contenteditable]")) return
	if (e.key === "Escape") { $$("details.menu[open]").forEach(d => { d.open = false; $("summary", d).focus() }); return }
	if (e.key === "/") { $(".find input")?.focus(); e.preventDefault(); return }
	if (e.key === "?") { $("#help")?.showModal(); e.preventDefault(); return }
	if (e.key === "n" && $("#quick") && $(".view")) { quick(new URLSearchParams($("[data-key=n]").search).get("date"), "09:00", 60); e.preventDefault(); return }
	if (e.key === "ArrowDown" || e.key === "ArrowUp") {
		const list = $$(".view .ev, .row")
		const i = list.indexOf(at)
		if (at?.classList.contains("week-body") || !list.length || i < 0 && at !== document.body && at !== $("#main")) return
		list[i < 0 ? (e.key === "ArrowDown" ? 0 : list.length - 1) : Math.min(list.length - 1, Math.max(0, i + (e.key === "ArrowDown" ? 1 : -1)))].focus()
		e.preventDefault()
		return
	}
	const link = $(`[data-key="${CSS.escape(e.key)}"]`)
	if (link) { link.click(); e.preventDefault() }
})
document.addEventListener("click", e => {
	$$("details.menu[open]").forEach(d => { if (!d.contains(e.target)) d.open = false })
})
begin()
