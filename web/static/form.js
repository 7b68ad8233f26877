// The form of an event: new ones on the page that is open, times kept in order, and who is free shown at once.
import { $, stamp, wall, whenShown } from "./page.js"

// quick shows the form of a new event on the page, with what matters first.
export async function quick(date, time, minutes) {
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
	let settle = () => {}
	if (f.startdate) {
		let was = f.startdate.value, at = f.starttime.value
		settle = () => { was = f.startdate.value; at = f.starttime.value }
		const shift = () => {
			const old = wall(`${was}T${at || "00:00"}`), now = wall(`${f.startdate.value}T${f.starttime.value || "00:00"}`)
			const end = wall(`${f.enddate.value}T${f.endtime.value || "00:00"}`)
			if (isNaN(now) || isNaN(old) || isNaN(end)) return
			const to = stamp(new Date(end.getTime() + (now - old)))
			f.enddate.value = to.slice(0, 10)
			f.endtime.value = to.slice(11)
			settle()
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
		const what = e.submitter?.value ?? ""
		if (["add", "check", "find"].includes(what)) { e.preventDefault(); people(what) }
		if (what.startsWith("take ")) {
			e.preventDefault()
			const at = what.slice(5), long = wall(`${f.enddate.value}T${f.endtime.value}`) - wall(`${f.startdate.value}T${f.starttime.value}`)
			const end = stamp(new Date(wall(at).getTime() + long))
			f.startdate.value = at.slice(0, 10)
			f.starttime.value = at.slice(11)
			f.enddate.value = end.slice(0, 10)
			f.endtime.value = end.slice(11)
			settle()
			people("check")
		}
	})
	form.addEventListener("keydown", e => {
		if (e.key === "Enter" && e.target.name === "add") { e.preventDefault(); if (e.target.value) people("add") }
	})
	form.addEventListener("change", e => {
		if (["startdate", "starttime", "enddate", "endtime", "timezone", "room"].includes(e.target.name) && $(".busy, [name=room]:checked", form)) people("check")
	})
}

whenShown(() => { if (!$("dialog[open]")) formOf(document) })
