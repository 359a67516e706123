"""The style and the script of the report on who can talk to whom; nothing in here depends on a cluster."""

STYLE = """
:root { color-scheme: light dark; --all: #2e7d32; --some: #f9a825; --none: #c62828; --line: #8888; }
body { font: 15px/1.4 system-ui, sans-serif; margin: 1.5rem; }
h1 { font-size: 1.3rem; margin: 0 0 .5rem; }
main { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
.scroll { overflow: auto; max-width: 100%; max-height: 75vh; }
table { border-collapse: collapse; }
th { font-weight: normal; text-align: left; white-space: nowrap; padding: 0 .4rem; }
thead th { writing-mode: vertical-rl; vertical-align: bottom; padding: .4rem 0; }
td { padding: 1px; }
td button { width: 1.5rem; height: 1.5rem; border: 0; border-radius: 3px; color: #fff; font: inherit; cursor: pointer; }
td button:focus-visible, td button[aria-pressed=true] { outline: 3px solid #1565c0; outline-offset: 1px; }
.all { background: var(--all); } .some { background: var(--some); color: #000; } .none { background: var(--none); }
.key span { display: inline-block; padding: 0 .5rem; margin-right: .4rem; border-radius: 3px; color: #fff; }
.key .some { color: #000; }
aside { flex: 1 1 24rem; min-width: 18rem; border: 1px solid var(--line); border-radius: 6px; padding: 0 1rem 1rem; }
svg { max-width: 100%; height: auto; } svg text { font-size: 11px; fill: currentColor; }
svg line { stroke: var(--all); stroke-opacity: .35; } svg line.some { stroke: var(--some); }
svg line.off { stroke-opacity: .05; }
svg g { cursor: pointer; } svg g:focus-visible circle { stroke: #1565c0; stroke-width: 4; }
[hidden] { display: none; }
"""

SCRIPT = """
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const cells = new Map(data.cells.map(cell => [cell.from + "\\u0000" + cell.to, cell]));
  const find = (from, to) => cells.get(from + "\\u0000" + to);
  const make = (name, text, attributes) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    return element;
  };
  const words = {all: "everything", some: "some", none: "nothing"};
  const signs = {all: "\\u2713", some: "~", none: "\\u00d7"};

  const detail = document.getElementById("detail");
  let pressed = null;
  const explain = (cell, button) => {
    if (pressed) pressed.setAttribute("aria-pressed", "false");
    pressed = button;
    if (pressed) pressed.setAttribute("aria-pressed", "true");
    detail.replaceChildren(make("h2", cell.from + " \\u2192 " + cell.to));
    detail.append(make("p", "Gets through: " + (cell.text || "nothing")));
    if (cell.alwaysText !== cell.text) {
      detail.append(make("p", "Between all of their pods: " + (cell.alwaysText || "nothing")));
    }
    for (const example of cell.examples) {
      const verdict = example.accepted ? "Gets through" : "Does not get through";
      detail.append(make("h3", verdict + ": " + example.from + " \\u2192 " + example.to));
      detail.append(make("p", example.flow));
      const list = make("ul");
      for (const end of ["egress", "ingress"]) {
        const word = example[end].accepted ? " accepts: " : " denies: ";
        list.append(make("li", end + word + example[end].by));
      }
      detail.append(list);
    }
  };

  const table = document.getElementById("matrix");
  const rows = [];
  const head = make("tr");
  head.append(make("td"));
  for (const group of data.destinations) {
    head.append(make("th", group.name, {scope: "col", "data-name": group.name}));
  }
  const top = make("thead");
  top.append(head);
  const body = make("tbody");
  for (const source of data.sources) {
    const row = make("tr", undefined, {"data-name": source.name});
    row.append(make("th", source.name, {scope: "row"}));
    for (const destination of data.destinations) {
      const place = make("td", undefined, {"data-name": destination.name});
      const cell = find(source.name, destination.name);
      if (cell) {
        const label = source.name + " to " + destination.name + ": " + words[cell.reach];
        const named = {title: label, "aria-label": label, "aria-pressed": "false"};
        const button = make("button", signs[cell.reach], {type: "button", class: cell.reach, tabindex: "-1", ...named});
        button.addEventListener("click", () => explain(cell, button));
        button.addEventListener("focus", () => { stop(button); });
        place.append(button);
      }
      row.append(place);
    }
    rows.push(row);
    body.append(row);
  }
  table.append(top, body);

  // One cell is in the order of tabs, arrows lead to the others.
  let at = table.querySelector("button");
  const stop = button => {
    if (at) at.setAttribute("tabindex", "-1");
    at = button;
    if (at) at.setAttribute("tabindex", "0");
  };
  stop(at);
  const steps = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};
  table.addEventListener("keydown", event => {
    const step = steps[event.key];
    const place = event.target.closest("td");
    if (!step || !place) return;
    event.preventDefault();
    const shown = rows.filter(row => !row.hidden);
    let y = shown.indexOf(place.parentElement);
    let x = place.cellIndex;
    for (;;) {
      y += step[0];
      x += step[1];
      const next = shown[y] && shown[y].cells[x];
      if (!next) return;
      const button = next.hidden ? null : next.querySelector("button");
      if (button) { button.focus(); return; }
    }
  });

  document.getElementById("search").addEventListener("input", event => {
    const wanted = event.target.value.toLowerCase();
    const hit = name => name.toLowerCase().includes(wanted);
    const any = data.destinations.some(group => hit(group.name));
    for (const row of rows) row.hidden = !hit(row.dataset.name) && !any;
    const direct = rows.some(row => hit(row.dataset.name));
    for (const row of rows) if (wanted && direct) row.hidden = !hit(row.dataset.name);
    for (const place of table.querySelectorAll("[data-name]:not(tr)")) {
      place.hidden = Boolean(wanted) && !direct && !hit(place.dataset.name);
    }
  });

  // The graph: everybody on a circle, with a line where something gets through.
  const names = [...new Set([...data.sources, ...data.destinations].map(group => group.name))];
  const svg = document.getElementById("graph");
  if (names.length > data.graphLimit) {
    svg.replaceWith(make("p", "There are too many for a picture: narrow it with --from and --to."));
    return;
  }
  const space = "http://www.w3.org/2000/svg";
  const draw = (name, attributes) => {
    const element = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    return element;
  };
  const around = names.map((name, number) => {
    const angle = 2 * Math.PI * number / names.length;
    return {name, x: 400 + 230 * Math.cos(angle), y: 300 + 230 * Math.sin(angle), angle};
  });
  const by = new Map(around.map(point => [point.name, point]));
  const lines = [];
  for (const cell of data.cells) {
    if (cell.reach === "none" || cell.from === cell.to) continue;
    const [a, b] = [by.get(cell.from), by.get(cell.to)];
    const line = draw("line", {x1: a.x, y1: a.y, x2: b.x, y2: b.y, class: cell.reach, "marker-end": "url(#arrow)"});
    lines.push({line, cell});
    svg.append(line);
  }
  let chosen = null;
  for (const point of around) {
    const node = draw("g", {tabindex: "0", role: "button", "aria-label": "highlight " + point.name});
    node.append(draw("circle", {cx: point.x, cy: point.y, r: 6, fill: "currentColor"}));
    const left = Math.cos(point.angle) < 0;
    const text = draw("text", {x: point.x + (left ? -10 : 10), y: point.y + 4, "text-anchor": left ? "end" : "start"});
    text.textContent = point.name;
    node.append(text);
    const choose = () => {
      chosen = chosen === point.name ? null : point.name;
      for (const {line, cell} of lines) {
        line.classList.toggle("off", chosen !== null && cell.from !== chosen && cell.to !== chosen);
      }
    };
    node.addEventListener("click", choose);
    node.addEventListener("keydown", event => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(); }
    });
    svg.append(node);
  }
})();
"""
