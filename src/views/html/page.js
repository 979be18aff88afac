
"use strict";
// Draws the lanes that are in view. Only those bars and marks exist as elements that can be seen, so that
// long runs stay quick.
const data = JSON.parse(document.getElementById("data").textContent);
const chart = document.getElementById("chart");
const detail = document.getElementById("detail");
const facts = new Map(data.facts.map(([seq, cause, at, text]) => [seq, { cause, at, text }]));
const end = Math.max(data.end, 1);
let view = { from: 0, to: end };
let pinned = false;
let selected = null; // { lane, key }

const make = (name, className, text) => {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};

/** Microseconds as 1h2m3.456s. */
function clock(us) {
  const ms = Math.floor(us / 1000);
  if (ms < 1000) return ms === 0 ? "0s" : ms + "ms";
  const s = Math.floor(ms / 1000);
  const hours = Math.floor(s / 3600), minutes = Math.floor(s / 60) % 60;
  const fraction = ms % 1000 ? "." + String(ms % 1000).padStart(3, "0").replace(/0+$/, "") : "";
  const seconds = s < 60 || s % 60 || fraction ? (s % 60) + fraction + "s" : "";
  return (hours ? hours + "h" : "") + (minutes || (hours && seconds) ? minutes + "m" : "") + seconds;
}

/** A value of JSON as YAML. */
function yaml(value, indent = "") {
  const scalar = (v) => typeof v === "string" && (v === "" || /[:#\n"'{}\[\],&*?|>%@`]|^[\s\-]|\s$|^(true|false|null|yes|no|on|off|~|[\d.+-].*)$/i.test(v)) ? JSON.stringify(v) : String(v);
  const empty = (v) => typeof v === "object" && v !== null && Object.keys(v).length === 0;
  const entry = (v) => {
    if (v === null || typeof v !== "object") return " " + scalar(v) + "\n";
    if (empty(v)) return Array.isArray(v) ? " []\n" : " {}\n";
    return "\n" + yaml(v, Array.isArray(v) ? indent : indent + "  ");
  };
  if (Array.isArray(value)) {
    return value.map((item) => item !== null && typeof item === "object" && !empty(item)
      ? indent + "- " + yaml(item, indent + "  ").slice(indent.length + 2)
      : indent + "- " + scalar(item) + "\n").join("");
  }
  return Object.entries(value).map(([key, v]) => indent + key + ":" + entry(v)).join("");
}

/** The status of a pod that the API had at a time: the last one written by then. */
function statusAt(pod, at) {
  const all = data.statuses[pod] || [];
  let low = 0, high = all.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (all[middle][0] <= at) low = middle + 1; else high = middle;
  }
  return low ? all[low - 1] : null;
}

const tracks = [];
function build() {
  document.getElementById("description").textContent = data.description || "";
  const kinds = ["phase", "ready", "pulling", "starting", "running", "back-off", "terminating", "hook"];
  for (const kind of kinds.filter((k) => data.lanes.some((l) => l.spans.some((s) => s[2] === k)))) {
    const item = make("li", "", kind);
    const box = make("i");
    box.style.background = `var(--${kind})`;
    item.prepend(box);
    document.getElementById("legend").append(item);
  }
  const axis = make("div", "axis");
  axis.append(make("div"), make("div", "track"));
  chart.append(axis);
  let pod = null;
  data.lanes.forEach((lane, index) => {
    if (lane.pod !== pod) {
      pod = lane.pod;
      chart.append(make("h2", "heading", pod));
    }
    const row = make("div", "lane " + lane.kind);
    const name = make("div", "name", lane.title);
    name.title = lane.title;
    const track = make("div", "track");
    track.setAttribute("role", "group");
    track.setAttribute("aria-label", lane.pod + " " + lane.title);
    row.append(name, track);
    chart.append(row);
    tracks.push({ lane, index, track, items: [] });
  });
}

const place = (at) => (100 * (at - view.from)) / (view.to - view.from);

function draw() {
  drawAxis();
  const width = Math.max(tracks[0] ? tracks[0].track.clientWidth : 0, 200);
  const pixel = (view.to - view.from) / width;
  for (const row of tracks) {
    row.track.replaceChildren();
    row.items = [];
    let lastRight = -1;
    row.lane.spans.forEach(([from, to, kind, label, seq], n) => {
      if (to < view.from || from > view.to) return;
      const thin = kind === "terminating" || kind === "hook";
      const pixels = (to - from) / pixel;
      // A bar that lies within the pixel of the one before it cannot be seen; zooming in shows it.
      if (!thin && pixels < 1 && (from - view.from) / pixel < lastRight) return;
      lastRight = Math.max(lastRight, (to - view.from) / pixel, (from - view.from) / pixel + 2);
      const left = Math.max(from, view.from), right = Math.min(to, view.to);
      const bar = make("div", "bar" + (thin ? " thin" : "") + (kind === "starting" ? " starting" : "") + (pixels < 14 ? " narrow" : ""), thin || pixels < 44 ? "" : label);
      bar.style.left = place(left) + "%";
      bar.style.width = Math.max(place(right) - place(left), 0) + "%";
      bar.style.background = `var(--${kind})`;
      add(row, bar, { key: "s" + n, from, to, label, seq, pod: row.lane.pod, kind });
    });
    let last = null;
    row.lane.instants.forEach(([at, bad, label, seq], n) => {
      if (at < view.from || at > view.to) return;
      if (last && last.bad === bad && at - last.at < 7 * pixel) {
        last.count += 1;
        last.until = at;
        last.element.classList.add("many");
        last.element.setAttribute("aria-label", `${last.label}, ${last.count} times, ${clock(last.from)} to ${clock(at)}`);
        return;
      }
      const mark = make("div", "mark" + (bad ? " bad" : ""));
      mark.style.left = place(at) + "%";
      last = { key: "i" + n, from: at, to: at, until: at, at, bad, label, seq, pod: row.lane.pod, count: 1, element: mark };
      add(row, mark, last);
    });
    row.items.sort((a, b) => a.from - b.from);
  }
  const range = document.getElementById("range");
  range.textContent = `${clock(view.from)} to ${clock(view.to)}`;
  if (selected) {
    const item = tracks[selected.lane].items.find((i) => i.key === selected.key);
    if (item) item.element.tabIndex = 0;
  } else if (tracks[0] && tracks[0].items[0]) {
    tracks[0].items[0].element.tabIndex = 0;
  }
}

function add(row, element, item) {
  item.element = element;
  item.lane = row.index;
  element.tabIndex = -1;
  element.setAttribute("role", "button");
  element.setAttribute("aria-label", `${item.label}, ${clock(item.from)}` + (item.to > item.from ? ` to ${clock(item.to)}` : ""));
  element.addEventListener("mouseenter", (event) => { if (!pinned) show(item, timeUnder(event)); });
  element.addEventListener("mousemove", (event) => { if (!pinned && item.to > item.from) show(item, timeUnder(event)); });
  element.addEventListener("focus", () => select(item));
  element.addEventListener("click", () => { pinned = false; select(item); pinned = true; });
  row.items.push(item);
  row.track.append(element);
}

function timeUnder(event) {
  const box = tracks[0].track.getBoundingClientRect();
  const part = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  return Math.round(view.from + part * (view.to - view.from));
}

function select(item) {
  selected = { lane: item.lane, key: item.key };
  show(item, item.from);
}

function show(item, at) {
  at = Math.min(Math.max(at, item.from), Math.max(item.to, item.from));
  detail.replaceChildren(make("h2", "", item.label));
  const lasts = item.to > item.from ? `${clock(item.from)} to ${clock(item.to)}, ${clock(item.to - item.from)}` : clock(item.from);
  const many = item.count > 1 ? ` · ${item.count} times until ${clock(item.until)}` : "";
  detail.append(make("p", "when", `${item.pod} · ${data.lanes[item.lane].title} · ${lasts}${many}`));
  const chain = make("ol");
  const seen = new Set();
  for (let seq = item.seq; seq !== null && seq !== undefined && facts.has(seq) && !seen.has(seq); seq = facts.get(seq).cause) {
    seen.add(seq);
    const fact = facts.get(seq);
    const step = make("li");
    step.append(make("time", "", clock(fact.at)), document.createTextNode(fact.text));
    chain.append(step);
  }
  if (chain.children.length) detail.append(make("h3", "", "Why"), chain);
  const status = statusAt(item.pod, at);
  detail.append(make("h3", "", status ? `Status in the API at ${clock(at)}, written at ${clock(status[0])}` : `No status in the API at ${clock(at)}`));
  if (status) detail.append(make("pre", "", yaml(status[1])));
  drawCursor(at);
}

function drawCursor(at) {
  for (const old of document.querySelectorAll(".cursor")) old.remove();
  if (at < view.from || at > view.to) return;
  for (const row of tracks) {
    const line = make("div", "cursor");
    line.style.left = place(at) + "%";
    row.track.append(line);
  }
}

function drawAxis() {
  const track = chart.querySelector(".axis .track");
  track.replaceChildren();
  const most = Math.max(Math.floor(track.clientWidth / 90), 2);
  const steps = [1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 1.5e7, 3e7, 6e7, 1.2e8, 3e8, 6e8, 9e8, 1.8e9, 3.6e9, 7.2e9, 1.44e10, 2.16e10, 4.32e10, 8.64e10, 6.048e11, 2.592e12];
  const step = steps.find((s) => (view.to - view.from) / s <= most) || 2.592e12;
  for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
    const tick = make("div", "tick" + (place(at) < 3 ? " first" : ""), clock(at));
    tick.style.left = place(at) + "%";
    if (place(at) <= 97) track.append(tick);
  }
}

function zoom(factor, around) {
  const least = 5000;
  const span = Math.min(Math.max((view.to - view.from) * factor, least), end);
  const part = (around - view.from) / (view.to - view.from);
  const from = Math.min(Math.max(Math.round(around - part * span), 0), Math.max(end - span, 0));
  view = { from, to: from + Math.round(span) };
  draw();
}

function scroll(part) {
  const span = view.to - view.from;
  const from = Math.min(Math.max(Math.round(view.from + part * span), 0), Math.max(end - span, 0));
  view = { from, to: from + span };
  draw();
}

function centre() {
  const item = selected && tracks[selected.lane].items.find((i) => i.key === selected.key);
  return item ? Math.min(Math.max(item.from, view.from), view.to) : (view.from + view.to) / 2;
}

/** Moves to the next bar of the lane, or to the nearest one of the next lane that has any. */
function move(along, across) {
  const lane = selected ? selected.lane : 0;
  const items = tracks[lane].items;
  const here = Math.max(items.findIndex((i) => selected && i.key === selected.key), 0);
  let target = null;
  if (along) target = items[here + along];
  for (let next = lane + across; across && !target && next >= 0 && next < tracks.length; next += across) {
    const at = items[here] ? items[here].from : 0;
    target = tracks[next].items.reduce((best, i) => !best || Math.abs(i.from - at) < Math.abs(best.from - at) ? i : best, null);
  }
  if (!target) return;
  pinned = false;
  target.element.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = {
    ArrowRight: () => (event.shiftKey ? scroll(0.25) : move(1, 0)),
    ArrowLeft: () => (event.shiftKey ? scroll(-0.25) : move(-1, 0)),
    ArrowDown: () => move(0, 1),
    ArrowUp: () => move(0, -1),
    "+": () => zoom(0.5, centre()),
    "=": () => zoom(0.5, centre()),
    "-": () => zoom(2, centre()),
    0: () => zoom(Infinity, centre()),
    Escape: () => { pinned = false; },
  };
  if (event.key === "Enter" && document.activeElement.matches(".bar, .mark")) pinned = !pinned;
  else if (keys[event.key]) keys[event.key]();
  else return;
  event.preventDefault();
});
chart.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && !event.shiftKey) return;
  event.preventDefault();
  if (event.ctrlKey) zoom(event.deltaY > 0 ? 1.25 : 0.8, timeUnder(event));
  else scroll((event.deltaY || event.deltaX) > 0 ? 0.1 : -0.1);
}, { passive: false });
chart.addEventListener("dblclick", (event) => zoom(0.4, timeUnder(event)));
document.getElementById("in").addEventListener("click", () => zoom(0.5, centre()));
document.getElementById("out").addEventListener("click", () => zoom(2, centre()));
document.getElementById("all").addEventListener("click", () => zoom(Infinity, centre()));
window.addEventListener("resize", draw);
build();
draw();
// An address such as page.html#app,12s is not needed to read the page, but lets a test select something.
const wanted = decodeURIComponent(location.hash.slice(1));
const found = wanted && tracks.flatMap((t) => t.items).find((i) => i.label.includes(wanted));
if (found) select(found);
document.documentElement.dataset.drawn = String(document.querySelectorAll(".bar, .mark").length);
