"""The style of the report on who can talk to whom; nothing in here depends on a cluster."""

STYLE = """
:root { color-scheme: light dark; --back: #fff; --line: #8886; }
:root { --mark: #1565c0; --all: #2e7d32; --some: #b26a00; --no: #a82a26; --shut: #f0eaea; }
@media (prefers-color-scheme: dark) {
  :root { --back: #16181c; --mark: #8ab4f8; --all: #7cc47f; --some: #ffb74d; --no: #ff8a80; --shut: #2e2627; }
}
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.25rem; background: var(--back); }
h1 { font-size: 1.3rem; margin: 0; } h2 { font-size: 1.1rem; margin: 1rem 0 .25rem; }
h3 { font-size: 1rem; margin: 1rem 0 0; overflow-wrap: anywhere; }
p { margin: .35rem 0; } .hint { opacity: .75; font-size: .9em; }
kbd { font: inherit; border: 1px solid var(--line); border-radius: 3px; padding: 0 .3em; }
search { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: center; margin: .5rem 0 1rem; }
input { font: inherit; padding: .15rem .4rem; width: 11rem; max-width: 100%; }
.key { display: flex; flex-wrap: wrap; gap: .35rem; margin: .5rem 0; padding: 0; list-style: none; }
.key li { padding: 0 .5rem; border-radius: 3px; }
.heat4 { background: #2e7d32; color: #fff; } .heat3 { background: #a6c34c; color: #000; }
.heat2 { background: #f9a825; color: #000; } .heat1 { background: #ffe0a3; color: #000; }
.heat0 { background: var(--shut); color: var(--no); }
main { display: flex; gap: 1.25rem; align-items: flex-start; }
.scroll { overflow: auto; max-width: 100%; }
#field { max-height: 75vh; flex: 0 1 auto; min-width: 16rem; }
table { border-collapse: separate; border-spacing: 2px; }
th { font-weight: normal; white-space: nowrap; text-align: left; background: var(--back); }
th { position: sticky; z-index: 1; }
tbody th { left: 0; padding: 0 .5rem 0 .25rem; } thead th { top: 0; padding: .25rem 0; height: 3rem; z-index: 2; }
thead th span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 11rem; }
th span { display: block; max-width: 20rem; overflow: hidden; text-overflow: ellipsis; }
thead td { position: sticky; top: 0; left: 0; z-index: 3; background: var(--back); }
th.here { color: var(--mark); font-weight: 600; }
tbody td { width: 1.6rem; min-width: 1.6rem; height: 1.6rem; padding: 0; border-radius: 3px; text-align: center; }
tbody td[tabindex] { cursor: pointer; }
tbody td:focus-visible, tbody td[aria-selected=true] { outline: 3px solid var(--mark); outline-offset: 0; }
#detail { flex: 1 1 20rem; min-width: 16rem; padding: .25rem 1rem .75rem; }
#detail { border: 1px solid var(--line); border-radius: 6px; }
#detail { max-height: 75vh; overflow: auto; }
#detail h2 { margin: .5rem 2rem .25rem 0; overflow-wrap: anywhere; }
#detail ul { margin: .25rem 0; padding-left: 1.25rem; } #detail li { overflow-wrap: anywhere; }
#detail code { display: block; overflow-wrap: anywhere; font-size: .85em; opacity: .85; user-select: all; }
#close { float: right; margin: .4rem 0 0 .5rem; }
button { font: inherit; cursor: pointer; }
button.cell { border: 0; padding: 0; background: none; color: var(--mark); }
button.cell { text-align: left; text-decoration: underline; }
:is(button, input):focus-visible, .scroll:focus-visible { outline: 3px solid var(--mark); outline-offset: 1px; }
svg { display: block; min-width: 30rem; height: auto; }
#graph[width] { max-width: 100%; }
svg text { font-size: 12px; fill: currentColor; dominant-baseline: middle; }
svg circle { fill: currentColor; } svg .arc { stroke: currentColor; stroke-opacity: .45; stroke-width: 3; fill: none; }
svg .lines { fill: none; stroke: var(--some); stroke-opacity: .45; } svg .lines.heat4 { stroke: var(--all); }
svg .lines { background: none; } svg .many { stroke-opacity: .12; }
svg.picked .lines:not(.own) { stroke-opacity: .06; } svg .own { stroke-width: 1.75; stroke-opacity: .95; }
svg .own.into { stroke-dasharray: 5 4; }
svg g[role=button] { cursor: pointer; } svg g[role=button]:focus { outline: none; }
svg g:focus-visible circle, svg g[aria-pressed=true] circle { fill: var(--mark); stroke: var(--mark); stroke-width: 5; }
svg g:focus-visible text, svg g[aria-pressed=true] text { fill: var(--mark); font-weight: 600; }
svg g.faint { opacity: .25; }
[hidden] { display: none !important; }
@media (max-width: 50rem) {
  body { margin: .75rem; } main { flex-direction: column; align-items: stretch; } #field { max-height: 60vh; }
  #detail { max-height: none; flex-basis: auto; }
}
"""
