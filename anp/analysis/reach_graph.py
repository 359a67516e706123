"""The graph in the report on who can talk to whom: everybody on a circle, those of a namespace side by side."""

GRAPH = r"""
const names = [...new Set([...data.sources, ...data.destinations])];
const namespace = name => data.by === "namespace" || !name.includes("/") ? "" : name.slice(0, name.indexOf("/"));
const special = name => name.startsWith("(");
names.sort((a, b) => special(a) - special(b) || (a < b ? -1 : 1));

const svg = byId("graph");
const draw = (name, attributes) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
};
const round = number => Math.round(number * 10) / 10;
const radius = Math.max(150, names.length * 15 / (2 * Math.PI));
const longest = Math.max(1, ...names.map(name => name.length));
const half = radius + 24 + Math.min(longest, 40) * 7;
svg.setAttribute("viewBox", [-half, -half, 2 * half, 2 * half].map(round).join(" "));
svg.setAttribute("width", round(2 * half));
const turn = number => 2 * Math.PI * (number + 0.5) / names.length - Math.PI / 2;
const points = new Map(names.map((name, number) => {
  const angle = turn(number);
  return [name, {x: radius * Math.cos(angle), y: radius * Math.sin(angle), angle}];
}));

// A line bends to its right, so that those of the two directions lie apart, and ends in the head of an arrow.
const line = (from, to) => {
  const [a, b] = [points.get(from), points.get(to)];
  if (from === to) {
    const [x, y] = [a.x * (1 - 44 / radius), a.y * (1 - 44 / radius)];
    const [side, up] = [-a.y / radius * 20, a.x / radius * 20];
    return `M${round(a.x)} ${round(a.y)}C${round(x + side)} ${round(y + up)} ${round(x - side)} ${round(y - up)} ` +
      `${round(a.x)} ${round(a.y)}`;
  }
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const bend = {x: (a.x + b.x) * 0.25 - dy * 0.08, y: (a.y + b.y) * 0.25 + dx * 0.08};
  const far = Math.hypot(b.x - bend.x, b.y - bend.y) || 1;
  const [ux, uy] = [(b.x - bend.x) / far, (b.y - bend.y) / far];
  const tip = {x: b.x - ux * 6, y: b.y - uy * 6};
  const wing = sign => `${round(tip.x - ux * 7 - sign * uy * 3.5)} ${round(tip.y - uy * 7 + sign * ux * 3.5)}`;
  return `M${round(a.x)} ${round(a.y)}Q${round(bend.x)} ${round(bend.y)} ${round(tip.x)} ${round(tip.y)}` +
    `M${wing(1)}L${round(tip.x)} ${round(tip.y)}L${wing(-1)}`;
};
const lines = draw("g", {"aria-hidden": "true"});
const own = draw("g", {"aria-hidden": "true"});
const open_ = data.cells.filter(cell => cell.heat > 0);
const grade = cell => cell.heat === 4 ? "heat4" : "part";
// All lines that leave a name are one element for each grade: there may be tens of thousands.
const drawLines = shown => {
  const paths = new Map();
  let many = 0;
  for (const cell of open_) {
    if (!shown(cell)) continue;
    many += 1;
    const one = key(cell.from, grade(cell));
    if (!paths.has(one)) paths.set(one, {grade: grade(cell), parts: []});
    paths.get(one).parts.push(line(cell.from, cell.to));
  }
  const thin = many > 300 ? " many" : "";
  lines.replaceChildren(...[...paths.values()].map(
    ({grade, parts}) => draw("path", {class: `lines ${grade}${thin}`, d: parts.join("")}),
  ));
};
let chosen = null;
const showLines = name => {
  chosen = name;
  svg.classList.toggle("picked", name !== null);
  const ours = open_.filter(cell => name !== null && (cell.from === name || cell.to === name));
  own.replaceChildren(...ours.map(cell => {
    const side = cell.from === name ? "outof" : "into";
    return draw("path", {class: `lines own ${side} ${grade(cell)}`, d: line(cell.from, cell.to)});
  }));
};

// Who is who.
const arcs = draw("g", {});
const around = radius + 9;
const spot = angle => `${round(around * Math.cos(angle))} ${round(around * Math.sin(angle))}`;
for (let first = 0; first < names.length;) {
  let last = first;
  while (last + 1 < names.length && namespace(names[last + 1]) === namespace(names[first])) last += 1;
  if (namespace(names[first])) {
    const [start, end] = [turn(first - 0.35), turn(last + 0.35)];
    const d = `M${spot(start)}A${round(around)} ${round(around)} 0 ${+(end - start > Math.PI)} 1 ${spot(end)}`;
    const arc = draw("path", {class: "arc", d});
    const title = draw("title", {});
    title.textContent = namespace(names[first]);
    arc.append(title);
    arcs.append(arc);
  }
  first = last + 1;
}
const marks = new Map();
const people = draw("g", {});
const choose = name => {
  if (chosen === name) { shut(); return; }
  const list = (title, end, other) => {
    const found = open_.filter(cell => cell[end] === name);
    const items = make("ul");
    for (const cell of found) {
      const item = make("li");
      const button = make("button", cell[other], {type: "button", class: "cell"});
      button.addEventListener("click", () => {
        const place = rows[data.sources.indexOf(cell.from)].cells[data.destinations.indexOf(cell.to) + 1];
        for (const field of place.hidden || place.parentElement.hidden ? fields : []) field.value = "";
        narrow();
        place.focus();
        explain(place);
      });
      item.append(button, ": " + through(cell));
      items.append(item);
    }
    return [make("h3", title), found.length ? items : make("p", "nobody")];
  };
  const both = [...list("Sends to", "from", "to"), ...list("Receives from", "to", "from")];
  open(marks.get(name), "aria-pressed", name, both);
  showLines(name);
};
for (const name of names) {
  const {x, y, angle} = points.get(name);
  const [left, degrees] = [Math.cos(angle) < 0, angle * 180 / Math.PI];
  const node = draw("g", {tabindex: -1, role: "button", "aria-pressed": "false", "aria-label": "lines of " + name});
  const [upright, out] = left ? [degrees + 180, -radius - 16] : [degrees, radius + 16];
  const text = draw("text", {
    transform: `rotate(${round(upright)}) translate(${round(out)})`,
    "text-anchor": left ? "end" : "start",
  });
  text.textContent = name.length > 40 ? name.slice(0, 39) + "\u2026" : name;
  const title = draw("title", {});
  title.textContent = name;
  node.append(title, draw("circle", {cx: round(x), cy: round(y), r: 4}), text);
  node.addEventListener("click", () => { node.focus(); choose(name); });
  node.addEventListener("focus", () => {
    for (const other of marks.values()) other.setAttribute("tabindex", "-1");
    node.setAttribute("tabindex", "0");
  });
  marks.set(name, node);
  people.append(node);
}
if (names.length) marks.get(names[0]).setAttribute("tabindex", "0");
svg.append(lines, own, arcs, people);
const around_ = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1};
svg.addEventListener("keydown", event => {
  const node = event.target.closest("g[role=button]");
  if (!node || event.altKey || event.metaKey || event.ctrlKey) return;
  const place = [...marks.values()].indexOf(node);
  if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(names[place]); }
  if (!(event.key in around_)) return;
  event.preventDefault();
  marks.get(names[(place + around_[event.key] + names.length) % names.length]).focus();
});
const showNames = (senders, receivers) => {
  for (const [name, node] of marks) node.classList.toggle("faint", !senders.has(name) && !receivers.has(name));
  drawLines(cell => senders.has(cell.from) && receivers.has(cell.to));
};
"""
