"""The script of the report on who can talk to whom: the matrix; nothing in here depends on a cluster."""

from anp.analysis.reach_graph import GRAPH

MATRIX = r"""
const data = JSON.parse(document.getElementById("data").textContent);
const key = (from, to) => from + "\u0000" + to;
const cells = new Map(data.cells.map(cell => [key(cell.from, cell.to), cell]));
const make = (name, text, attributes) => {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  return element;
};
const signs = ["\u00d7", "~", "~", "~", "\u2713"];
const through = cell => cell.text + (cell.always === cell.text ? "" : ", not between all");
const byId = id => document.getElementById(id);

// What was chosen: a cell or a name. `opener` is what the focus goes back to.
const detail = byId("detail");
let opener = null;
const open = (element, state, title, contents) => {
  if (opener) opener.element.setAttribute(opener.state, "false");
  opener = element && {element, state};
  if (opener) element.setAttribute(state, "true");
  const close = make("button", "\u00d7", {type: "button", id: "close", "aria-label": "Close"});
  close.addEventListener("click", shut);
  detail.replaceChildren(...(opener ? [close] : []), make("h2", title), ...contents);
  detail.scrollTop = 0;
};
const shut = () => {
  const element = opener && opener.element;
  open(null, "", "Nothing chosen", [make("p", "Choose a cell, or a name in the graph.")]);
  showLines(null);
  if (element) element.focus();
};
const explain = place => {
  const cell = cells.get(key(place.dataset.from, place.dataset.to));
  const said = [make("p", "Gets through: " + cell.text)];
  if (cell.always !== cell.text) said.push(make("p", "Between all of their members: " + cell.always));
  for (const example of cell.examples) {
    const verdict = example.accepted ? "Gets through" : "Does not get through";
    said.push(make("h3", verdict + ": " + example.from + " \u2192 " + example.to), make("p", example.flow));
    const list = make("ul");
    for (const end of ["egress", "ingress"]) {
      const verb = example[end].accepted ? "accepts" : "denies";
      const line = make("li", `${end} ${verb}: ${example[end].by}`, {"data-end": end});
      if (example[end].at) line.append(" ", make("span", `(${example[end].at})`, {class: "at"}));
      list.append(line);
    }
    said.push(list, make("code", example.command));
  }
  showLines(null);
  open(place, "aria-selected", cell.from + " \u2192 " + cell.to, said);
};

// The matrix. One cell is in the order of tabs, arrows lead to the others.
const table = byId("matrix");
const heading = (name, scope) => {
  const head = make("th", undefined, {scope, title: name});
  head.append(make("span", name));
  return head;
};
const heads = data.destinations.map(name => heading(name, "col"));
const top_ = make("tr");
top_.append(make("td"), ...heads);
const rows = data.sources.map(from => {
  const row = make("tr");
  row.append(heading(from, "row"));
  for (const to of data.destinations) {
    const place = make("td");
    const cell = cells.get(key(from, to));
    if (cell) {
      place.textContent = signs[cell.heat];
      place.className = "heat" + cell.heat;
      place.tabIndex = -1;
      place.dataset.from = from;
      place.dataset.to = to;
      place.setAttribute("aria-selected", "false");
      place.setAttribute("aria-label", `${from} to ${to}: ${through(cell)}`);
    }
    row.append(place);
  }
  return row;
});
const [head, body] = [make("thead"), make("tbody")];
head.append(top_);
body.append(...rows);
table.append(head, body);
// What gets the focus must not hide behind the headings, which stay where they are.
byId("field").style.scrollPadding = `${head.offsetHeight + 4}px 4px 4px ${top_.cells[0].offsetWidth + 4}px`;

const judged = place => place !== null && place.hasAttribute("tabindex");
let at = null;
const stopAt = place => {
  if (at) at.tabIndex = -1;
  at = place;
  if (at) at.tabIndex = 0;
};
const firstShown = () => {
  for (const row of rows) {
    if (!row.hidden) for (const place of row.cells) if (judged(place) && !place.hidden) return place;
  }
  return null;
};
let marked = [];
const mark = place => {
  for (const element of marked) element.classList.remove("here");
  marked = place ? [place.parentElement.cells[0], heads[place.cellIndex - 1]] : [];
  for (const element of marked) element.classList.add("here");
};
table.addEventListener("click", event => {
  const place = event.target.closest("td");
  if (judged(place)) { place.focus(); explain(place); }
});
table.addEventListener("focusin", event => { stopAt(event.target); mark(event.target); });
table.addEventListener("mouseover", event => {
  const place = event.target.closest("td");
  if (!judged(place)) return;
  if (!place.title) place.title = place.getAttribute("aria-label");
  mark(place);
});
table.addEventListener("mouseleave", () => mark(at && at === document.activeElement ? at : null));

// Which cell a key leads to: the next one in a direction that is shown and judged.
const steps = {
  ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, 1], End: [0, -1],
};
table.addEventListener("keydown", event => {
  const place = event.target.closest("td");
  if (!judged(place) || event.altKey || event.metaKey || event.ctrlKey) return;
  if (event.key === "Enter" || event.key === " ") { event.preventDefault(); explain(place); return; }
  const step = steps[event.key];
  if (!step) return;
  event.preventDefault();
  const shown = rows.filter(row => !row.hidden);
  let [y, x] = [shown.indexOf(place.parentElement), place.cellIndex];
  if (event.key === "Home") x = 0;
  if (event.key === "End") x = place.parentElement.cells.length;
  for (;;) {
    y += step[0];
    x += step[1];
    const next = (shown[y] && shown[y].cells[x]) || null;
    if (!next || x === 0) return;
    if (judged(next) && !next.hidden) { next.focus(); return; }
  }
});

// The search narrows rows and columns.
const fields = [byId("senders"), byId("receivers")];
const hits = (field, names) => {
  const wanted = field.value.trim().toLowerCase();
  return names.map(name => name.toLowerCase().includes(wanted));
};
const narrow = () => {
  const [from, to] = [hits(fields[0], data.sources), hits(fields[1], data.destinations)];
  rows.forEach((row, number) => { row.hidden = !from[number]; });
  heads.forEach((head, number) => {
    if (head.hidden === !to[number]) return;
    head.hidden = !to[number];
    for (const row of rows) row.cells[number + 1].hidden = !to[number];
  });
  const count = (found, names, what) => `${found.filter(Boolean).length} of ${names.length} ${what}`;
  byId("shown").textContent = `${count(from, data.sources, "senders")}, ${count(to, data.destinations, "receivers")}`;
  if (!at || at.hidden || at.parentElement.hidden) stopAt(firstShown());
  showNames(
    new Set(data.sources.filter((_, number) => from[number])),
    new Set(data.destinations.filter((_, number) => to[number])),
  );
};
for (const field of fields) {
  field.addEventListener("input", narrow);
  field.addEventListener("keydown", event => {
    if (event.key === "Enter" && at) { event.preventDefault(); at.focus(); }
  });
}
document.addEventListener("keydown", event => {
  const field = fields.find(field => field === event.target);
  if (event.key === "/" && !field && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    fields[0].focus();
    fields[0].select();
  } else if (event.key === "Escape" && field && field.value) {
    event.preventDefault();
    field.value = "";
    narrow();
  } else if (event.key === "Escape") {
    if (field && at) at.focus();
    if (opener) shut();
  }
});
"""

SCRIPT = f"""
"use strict";
(() => {{
{MATRIX}
{GRAPH}
stopAt(firstShown());
narrow();
shut();
}})();
"""
"""A function of its own, so that nothing of it is in the page's global names."""
