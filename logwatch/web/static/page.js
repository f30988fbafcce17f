// The pages work without this script. It writes times in the reader's zone, shows what happens as it happens, filters
// while one types, zooms into a drawing, and listens to keys.

const EACH = 30; // A page is fetched no more often than EACH times as long as fetching it took.
const SOONEST = 3000, LATEST = 20000; // Milliseconds from one fetch to the next, after a change and without.
const MOST_ROWS = 200; // Events in a list that grows.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// ── times ──────────────────────────────────────────────────────────────────────────

const ahead = Date.parse(document.body.dataset.now) - Date.now(); // The server's clock, less ours.
let zone = localStorage.getItem("zone") === "UTC" ? "UTC" : undefined;

const two = (number) => String(number).padStart(2, "0");

function parts(moment) {
  const at = zone ? new Date(moment.getTime() + moment.getTimezoneOffset() * 60000) : moment;
  return {
    day: `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`,
    minute: `${two(at.getHours())}:${two(at.getMinutes())}`,
    second: two(at.getSeconds()),
  };
}

function length(seconds) {
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${Math.floor(seconds)} s`;
}

function written(form, moment, span) {
  const { day, minute, second } = parts(moment);
  const today = day === parts(new Date(Date.now() + ahead)).day;
  const passed = Math.max(0, (Date.now() + ahead - moment) / 1000);
  switch (form) {
    case "ago": return `${length(passed)} ago`;
    case "age": return length(passed);
    case "axis": return span > 172800000 ? day.slice(5) : span < 600000 ? `${minute}:${second}` : minute;
    case "full": return `${day} ${minute}:${second}${zone ? " UTC" : ""}`;
    default: return today ? `${minute}:${second}` : `${day.slice(5)} ${minute}`;
  }
}

function writeTimes(root = document) {
  const drawing = $("[data-zoom]");
  const span = drawing ? Date.parse(drawing.dataset.until) - Date.parse(drawing.dataset.since) : 0;
  for (const time of $$("time[data-form]", root)) {
    const moment = new Date(time.dateTime);
    const text = written(time.dataset.form, moment, span);
    if (time.textContent !== text) time.textContent = text;
    time.title = `${moment.toLocaleString()} · ${moment.toISOString()}`;
  }
}

// Labels of an axis, each at its moment.
function placeLabels(root) {
  for (const labels of $$(".axis .labels", root)) {
    labels.classList.add("placed");
    for (const label of labels.children) label.style.left = `${label.dataset.at * 100}%`;
  }
}

// ── what is live ───────────────────────────────────────────────────────────────────

let paused = false, stream = null, due = 0, timer = 0, took = 0, fetching = false;

async function refresh() {
  clearTimeout(timer);
  if (fetching) return;
  fetching = true;
  const began = performance.now();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) put(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The server is away: the next try comes by itself.
  } finally {
    took = performance.now() - began;
    fetching = false;
    plan(LATEST);
  }
}

function plan(wait) {
  const at = Date.now() + Math.max(wait, took * EACH);
  if (due > Date.now() && due <= at) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(() => { due = 0; if (!paused && !document.hidden) refresh(); }, at - Date.now());
}

// Put in place what changed; what the reader opened stays open, and where he types or selects nothing moves.
function put(fresh) {
  writeTimes(fresh);
  const known = new Set($$("[data-live]").map((part) => part.id));
  const found = $$("[data-live]", fresh);
  if (found.length !== known.size || found.some((part) => !known.has(part.id))) {
    if (!isBusy($("main"))) swap($("main"), $("main", fresh));
    return;
  }
  for (const part of found) {
    const old = document.getElementById(part.id);
    if (!isBusy(old)) swap(old, part);
  }
  writeTimes();
}

function isBusy(part) {
  const selection = getSelection();
  if (selection && !selection.isCollapsed && part.contains(selection.anchorNode)) return true;
  const focused = document.activeElement;
  return part.contains(focused) && focused.matches("input, select, textarea");
}

function swap(old, fresh) {
  for (const open of $$("details[open]", old)) {
    const same = fresh.querySelector(`details[id="${CSS.escape(open.id)}"]`);
    if (same) same.open = true;
  }
  if (old.innerHTML === fresh.innerHTML) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const place = focused ? $$("a, summary, button, pre", old).indexOf(focused) : -1;
  old.replaceChildren(...fresh.childNodes);
  start(old);
  if (place >= 0) $$("a, summary, button, pre", old)[place]?.focus({ preventScroll: true });
}

function listen() {
  const button = $("button.live");
  stream?.close();
  stream = null;
  button?.classList.remove("on");
  if (paused || document.hidden || !button) return;
  const url = new URL(button.dataset.stream, location.href);
  if (url.pathname === "/events/stream" && location.pathname === "/events") url.search = location.search;
  stream = new EventSource(url);
  stream.onopen = () => button.classList.add("on");
  stream.onerror = () => button.classList.remove("on");
  stream.addEventListener("change", () => plan(SOONEST));
  stream.addEventListener("rows", (message) => {
    const list = $("[data-rows]");
    if (!list || isBusy(list)) return;
    const rows = new DOMParser().parseFromString(message.data, "text/html");
    writeTimes(rows);
    for (const row of rows.body.children) row.classList.add("fresh");
    $(".none", list)?.remove();
    list.prepend(...rows.body.children);
    while (list.children.length > MOST_ROWS) list.lastElementChild.remove();
  });
}

function pause() {
  paused = !paused;
  for (const button of $$("button.live")) label(button);
  listen();
  if (!paused) refresh();
}

function label(button) {
  button.hidden = false;
  button.textContent = paused ? "paused" : "live";
  button.setAttribute("aria-pressed", String(paused));
  button.title = paused ? "Go on" : "Pause";
}

// ── filters, zoom ──────────────────────────────────────────────────────────────────

let typed = 0;

function filter(form) {
  const url = new URL(form.action);
  for (const [name, value] of new FormData(form)) if (value) url.searchParams.append(name, value);
  history.replaceState(null, "", url);
  took = 0;
  refresh();
  listen();
}

function zoom(drawing) {
  let from = null, brush = null;
  const picture = () => $("svg", drawing).getBoundingClientRect();
  const share = (event) => Math.min(1, Math.max(0, (event.clientX - picture().left) / picture().width));
  drawing.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    from = share(event);
    drawing.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  drawing.addEventListener("pointermove", (event) => {
    if (from === null) return;
    brush ??= drawing.appendChild(Object.assign(document.createElement("div"), { className: "brush" }));
    const to = share(event), box = picture(), left = box.left - drawing.getBoundingClientRect().left;
    brush.style.left = `${left + Math.min(from, to) * box.width}px`;
    brush.style.width = `${Math.abs(to - from) * box.width}px`;
  });
  drawing.addEventListener("pointerup", (event) => {
    const to = share(event), first = Math.min(from ?? to, to), last = Math.max(from ?? to, to);
    from = null;
    brush?.remove();
    brush = null;
    if (last - first < 0.01) return;
    const since = Date.parse(drawing.dataset.since), span = Date.parse(drawing.dataset.until) - since;
    const url = new URL(location.href);
    url.searchParams.delete("range");
    url.searchParams.set("since", new Date(since + first * span).toISOString());
    url.searchParams.set("until", new Date(since + last * span).toISOString());
    location.assign(url);
  });
}

// ── keys, switches ─────────────────────────────────────────────────────────────────

const LOOKS = ["", "light", "dark"];
const LOOK_NAMES = { "": "as the system", light: "light", dark: "dark" };

function switches() {
  const look = document.documentElement.dataset.look ?? "";
  $("#zone").textContent = `Times: ${zone ?? "local"}`;
  $("#look").textContent = `Colours: ${LOOK_NAMES[look]}`;
  $(".switches").hidden = false;
}

function changeZone() {
  zone = zone ? undefined : "UTC";
  localStorage.setItem("zone", zone ?? "local");
  writeTimes();
  switches();
}

function changeLook() {
  const look = LOOKS[(LOOKS.indexOf(document.documentElement.dataset.look ?? "") + 1) % LOOKS.length];
  if (look) document.documentElement.dataset.look = look;
  else delete document.documentElement.dataset.look;
  localStorage.setItem("look", look);
  switches();
}

function step(by) {
  const rows = $$(".row, tbody tr:not(.project)").filter((row) => row.offsetParent && $("a, summary", row));
  const here = rows.findIndex((row) => row.contains(document.activeElement));
  const row = rows[Math.min(rows.length - 1, Math.max(0, here + by))];
  if (row) $("a, summary", row).focus();
}

const KEYS = {
  "/": () => $("#search").focus(),
  f: () => $("#filter")?.focus(),
  j: () => step(1),
  k: () => step(-1),
  p: pause,
  u: changeZone,
  "?": () => $("#help").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing || $("dialog[open]") || !Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
});

document.addEventListener("visibilitychange", () => {
  listen();
  if (!document.hidden && !paused) plan(0);
});

for (const form of $$("form[data-filter]")) {
  form.addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(filter, 200, form); });
  form.addEventListener("submit", (event) => { event.preventDefault(); filter(form); });
}
$("#zone").addEventListener("click", changeZone);
$("#look").addEventListener("click", changeLook);
$("#keys").addEventListener("click", KEYS["?"]);

// What a part that was put in place needs.
function start(root) {
  placeLabels(root);
  for (const drawing of $$("[data-zoom]", root)) zoom(drawing);
  for (const button of $$("button.live", root)) {
    label(button);
    button.addEventListener("click", pause);
  }
}

start(document);
writeTimes();
switches();
if ($("[data-live]")) {
  listen();
  plan(LATEST);
  setInterval(writeTimes, 5000);
}
