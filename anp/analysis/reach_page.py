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
from anp.analysis.reach_document import as_json, examples
from anp.analysis.reach_script import SCRIPT, STYLE
from anp.analysis.wording import packets_text
from compiler.compilation import Compilation
from compiler.packets import EVERY_PACKET, PacketSet

MAX_GROUPS = 200
"""More rows or columns than people can look at, and browsers show at once."""
_GRAPH_LIMIT = 60


def page(matrix: Matrix, compilation: Compilation, asked: PacketSet = EVERY_PACKET) -> str:
    """Return the page."""
    title = f"Who can talk to whom, by {matrix.by.value}"
    policy = f"default-src 'none'; script-src {_digest(SCRIPT)}; style-src {_digest(STYLE)}; base-uri 'none'; "
    about = "" if asked == EVERY_PACKET else f" Only about {html.escape(packets_text(asked))}."
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}form-action 'none'">
<meta name="viewport" content="width=device-width">
<title>{html.escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{html.escape(title)}</h1>
<p>Rows send, columns receive.{about} Choose a cell to see which rules decide; arrow keys move between cells.</p>
<p class="key"><span class="all">&check; everything</span><span class="some">~ some</span>
<span class="none">&times; nothing</span></p>
<p><label>Search <input id="search" type="search" autocomplete="off"></label></p>
<main>
<div class="scroll"><table id="matrix" aria-label="{html.escape(title)}"></table></div>
<aside id="detail" aria-live="polite"><h2>Nothing chosen</h2><p>Choose a cell.</p></aside>
<svg id="graph" viewBox="0 0 800 600" role="group" aria-label="Graph of who can talk to whom"><defs>
<marker id="arrow" viewBox="0 0 8 8" refX="14" refY="4" markerWidth="6" markerHeight="6" orient="auto"
><path d="M0 0 L8 4 L0 8 z" fill="currentColor" fill-opacity=".5"/></marker></defs></svg>
</main>
<noscript><p>The matrix is drawn by a script in this page.</p></noscript>
<script type="application/json" id="data">{_harmless(_data(matrix, compilation, asked))}</script>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _data(matrix: Matrix, compilation: Compilation, asked: PacketSet) -> dict[str, Any]:
    pods = {str(pod): pod for pod in compilation.snapshot.pods if pod.governed}
    sources = {group.name: group for group in matrix.sources}
    destinations = {group.name: group for group in matrix.destinations}
    document = as_json(matrix, asked)
    for told, ((source, destination), whole) in zip(document["cells"], matrix.cells.items(), strict=True):
        told["text"] = packets_text(whole.any_pair & asked)
        told["alwaysText"] = packets_text(whole.every_pair & asked)
        ends = sources[source], destinations[destination]
        told["examples"] = list(examples(*ends, whole, compilation, pods, asked))
    return {**document, "graphLimit": _GRAPH_LIMIT}


def _harmless(document: dict[str, Any]) -> str:
    """Return JSON that means the same and cannot end a script element, in ASCII."""
    text = json.dumps(document)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
