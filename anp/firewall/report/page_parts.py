"""Style and script of the report as a page; nothing in here depends on a report."""

STYLE = """
:root { color-scheme: light dark; --line: #8886; --back: #fff; }
:root { --mark: #1565c0; --good: #2e7d32; --doubt: #8a5200; --bad: #a82a26; }
@media (prefers-color-scheme: dark) {
  :root { --back: #16181c; --mark: #8ab4f8; --good: #7cc47f; --doubt: #ffb74d; --bad: #ff8a80; }
}
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.25rem; background: var(--back); }
h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin: 1.25rem 0 .25rem; }
p, dl { margin: .35rem 0; } dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .75rem; }
dt { opacity: .75; } dd { margin: 0; overflow-wrap: anywhere; }
.verdict { border-left: 6px solid; padding: .35rem .75rem; font-size: 1.05rem; }
.good { color: var(--good); } .doubt { color: var(--doubt); } .bad { color: var(--bad); }
a { color: var(--mark); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border-top: 1px solid var(--line); padding: .25rem .5rem; text-align: left; vertical-align: top; }
th { font-weight: 600; position: sticky; top: 0; background: var(--back); }
td { max-width: 34rem; overflow-wrap: anywhere; } code { font-size: .9em; }
tr:target, :target { outline: 2px solid var(--mark); }
search { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: center; margin: .5rem 0; }
input, select { font: inherit; padding: .15rem .4rem; }
:is(a, input, select):focus-visible { outline: 3px solid var(--mark); outline-offset: 1px; }
[hidden] { display: none !important; }
@media print { search { display: none; } }
"""

SCRIPT = """
const by = name => document.getElementById(name);
const rows = [...by("statements").tBodies[0].rows];
const texts = rows.map(row => row.textContent.toLowerCase());
const filter = () => {
  const text = by("text").value.toLowerCase();
  const [fate, code] = [by("fate").value, by("code").value];
  let shown = 0;
  rows.forEach((row, number) => {
    const fits = (!fate || row.dataset.fate === fate) && (!code || row.dataset.codes.split(" ").includes(code));
    row.hidden = !(fits && texts[number].includes(text));
    shown += !row.hidden;
  });
  by("shown").textContent = shown + " of " + rows.length;
};
for (const name of ["text", "fate", "code"]) by(name).addEventListener("input", filter);
// A link to a statement shows it, whatever is chosen.
const reveal = () => {
  const row = location.hash && by(location.hash.slice(1));
  if (!row || !row.hidden) return;
  for (const name of ["text", "fate", "code"]) by(name).value = "";
  filter();
  row.scrollIntoView();
};
addEventListener("hashchange", reveal);
by("filter").hidden = false;
filter();
reveal();
"""
