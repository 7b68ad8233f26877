// What all our modules need: finding elements, showing another page of ours in place, and times as pages write them.
export const $ = (selector, from = document) => from.querySelector(selector)
export const $$ = (selector, from = document) => [...from.querySelectorAll(selector)]

const beginnings = []

// whenShown has a function called for the page that is open, and for each that is shown in its place.
export function whenShown(fn) {
	beginnings.push(fn)
	fn()
}

// swap shows a page of ours in place of the one that is open.
export async function swap(url, options) {
	const answer = await fetch(url, { credentials: "same-origin", ...options })
	const page = new DOMParser().parseFromString(await answer.text(), "text/html")
	const main = $("#main", page)
	// Who is signed out meanwhile is led to the sign-in page, whole.
	if (!main || answer.redirected && new URL(answer.url).pathname === "/signin") { location.assign(url); return }
	const at = $(".week-body")?.scrollTop, along = $(".week-grid")?.scrollLeft, focus = document.activeElement?.id
	$("#main").replaceWith(document.adoptNode(main))
	document.title = page.title
	beginnings.forEach(fn => fn())
	if (at !== undefined && $(".week-body")) {
		$(".week-body").scrollTop = at
		$(".week-grid").scrollLeft = along
	}
	if (focus) document.getElementById(focus)?.focus()
}

// say tells something that went wrong, where it is seen and heard.
export function say(text) {
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

// post sends a form for which there is no page, shows the page as it is afterwards, and returns what the server says: undefined where it
// refused, which is told.
export async function post(url, fields) {
	const body = new URLSearchParams({ form: document.body.dataset.form, ...fields })
	const answer = await fetch(url, { method: "POST", body, credentials: "same-origin", headers: { "X-Requested-With": "fetch" } })
	const text = await answer.text()
	await swap(location.href)
	if (answer.ok) return text ? JSON.parse(text) : {}
	const page = new DOMParser().parseFromString(text, "text/html")
	say($("main p, .problem", page)?.textContent ?? answer.statusText)
}

const pad = n => String(n).padStart(2, "0")
// Wall times are reckoned in UTC.
export const wall = text => new Date((text.length > 10 ? text : text + "T00:00") + ":00Z")
export const stamp = d => `${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())}T${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}`
export const minute = 60000, day = 1440 * minute
// clock is the time of the day at a row of the grid, a quarter of an hour each.
export const clock = row => `${pad(Math.floor(row / 4))}:${pad(row % 4 * 15)}`
