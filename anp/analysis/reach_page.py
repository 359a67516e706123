"""The report on who can talk to whom as one HTML page, which needs nothing else and no network.

What users named is in one block of JSON, in which nothing can end the block, and the script puts it on the page as
text. The page's policy lets run exactly that script and apply exactly that style, by their digests.
"""

import base64
import hashlib
import html
import json
from typing import Any

from anp.analysis.reach import Matrix
from anp.analysis.reach_document import cell_json
from anp.analysis.reach_examples import Examples, Locate
from anp.analysis.reach_script import SCRIPT
from anp.analysis.reach_style import STYLE
from anp.analysis.wording import packets_text
from compiler.compilation import Compilation
from compiler.model import PORT_PROTOCOLS
from compiler.packets import EVERY_PACKET, PacketSet

MAX_GROUPS = 200
"""More rows or columns than people can look at, and browsers show at once."""
_FEW = 16
"""So many ports are few: that is what one or two applications need."""


def page(
    matrix: Matrix, compilation: Compilation, asked: PacketSet = EVERY_PACKET, locate: Locate = lambda _origin: ""
) -> str:
    """Return the page; `locate` says where what decides was written."""
    examples = Examples(compilation, asked, locate)
    title = f"Who can talk to whom, by {matrix.by.value}"
    policy = f"default-src 'none'; script-src {_digest(SCRIPT)}; style-src {_digest(STYLE)}; base-uri 'none'; "
    about = "" if asked == EVERY_PACKET else f" Only about {html.escape(packets_text(asked))}."
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width">
<title>{html.escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{html.escape(title)}</h1>
<p>Rows send, columns receive.{about} Choose a cell to see which rules decide.</p>
<p class="hint">Keys: <kbd>&larr;</kbd> <kbd>&uarr;</kbd> <kbd>&darr;</kbd> <kbd>&rarr;</kbd> move,
<kbd>Enter</kbd> opens, <kbd>Esc</kbd> closes, <kbd>/</kbd> searches.</p>
<ul class="key" aria-label="What colours mean">
<li class="heat4">&check; everything</li><li class="heat3">~ all but a few ports</li><li class="heat2">~ many ports</li>
<li class="heat1">~ a few ports</li><li class="heat0">&times; nothing</li></ul>
<search>
<label>Senders <input id="senders" type="search" autocomplete="off" spellcheck="false"></label>
<label>Receivers <input id="receivers" type="search" autocomplete="off" spellcheck="false"></label>
<output id="shown" role="status"></output>
</search>
</header>
<main>
<div class="scroll" id="field"><table id="matrix" role="grid" aria-label="{html.escape(title)}"></table></div>
<section id="detail" aria-live="polite" aria-label="What was chosen"></section>
</main>
<section aria-labelledby="picture">
<h2 id="picture">Graph</h2>
<p class="hint">A line is where something gets through. Choose a name to see its own: solid lines leave it, dashed ones
reach it.</p>
<div class="scroll"><svg id="graph" role="group" aria-label="Graph of who can talk to whom"></svg></div>
</section>
<noscript><p>A script in this page draws the matrix.</p></noscript>
<script type="application/json" id="data">{_harmless(_data(matrix, examples, asked))}</script>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _data(matrix: Matrix, examples: Examples, asked: PacketSet) -> dict[str, Any]:
    sources = {group.name: group for group in matrix.sources}
    destinations = {group.name: group for group in matrix.destinations}
    cells = []
    for (source, destination), whole in matrix.cells.items():
        through = whole.any_pair & asked
        cells.append({
            "from": source,
            "to": destination,
            "reach": cell_json(whole.within(asked), asked)["reach"],
            "heat": _heat(through, whole.every_pair & asked, asked),
            "text": packets_text(through),
            "always": packets_text(whole.every_pair & asked),
            "examples": list(examples.of(sources[source], destinations[destination], whole)),
        })  # fmt: skip
    return {"by": matrix.by.value, "sources": list(sources), "destinations": list(destinations), "cells": cells}


def _heat(through: PacketSet, always: PacketSet, asked: PacketSet) -> int:
    """Say how much gets through, from 0 for nothing to 4 for everything, between all members."""
    if always == asked:
        return 4
    if not through:
        return 0
    if _ports(through) <= _FEW:
        return 1
    return 3 if _ports(asked - through) <= _FEW else 2


def _ports(packets: PacketSet) -> int:
    """Count ports; all that has none counts as one."""
    ranges = (ports for protocol in PORT_PROTOCOLS for ports in packets.ports(protocol))
    return sum(last - first + 1 for first, last in ranges) + packets.other


def _harmless(document: dict[str, Any]) -> str:
    """Return JSON that means the same and cannot end a script element, in ASCII."""
    text = json.dumps(document, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
