// What is quicker with a script: keys, dragging, and pages that change in place. Every page works without it.
import { $, $$, swap, whenShown } from "./page.js"
import { quick } from "./form.js"
import "./move.js"

document.documentElement.classList.add("js")

// begin is for each page that is shown.
function begin() {
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
		// On a telephone the week is wider than the window: the day it is about comes first.
		const grid = body.closest(".week-grid"), col = $(`.col[data-date="${CSS.escape(location.pathname.split("/")[2] ?? "")}"]`) ?? $(".col.today")
		if (col) grid.scrollLeft = col.getBoundingClientRect().left - body.getBoundingClientRect().left - $(".hours").offsetWidth
	}
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
	if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || $("dialog[open]")) return
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
whenShown(begin)
