"""The work of `anp graph`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from anp.analysis.graph.choosing import about
from anp.analysis.graph.document import as_json
from anp.analysis.graph.dot import as_dot
from anp.analysis.graph.mermaid import as_mermaid
from anp.analysis.graph.model import Detail, Picture, fitting, picture
from anp.analysis.graph.svg import as_svg
from anp.cli import console
from anp.cli.options import Origin, Output
from anp.cli.subject import cluster_or_exit, told
from anp.sources.diagnostics import printable

_FORMATS: Mapping[str, Callable[[Picture], str]] = {"svg": as_svg, "dot": as_dot, "mermaid": as_mermaid}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be drawn, how, of what part, in how much detail, and where to; empty is everything and as fits."""

    origin: Origin
    form: str
    about: str
    detail: str
    out: Path | None


def print_graph(asked: Asked, output: Output, *, verbose: bool) -> None:
    """Print or write the graph of a cluster's policies."""
    if asked.out is not None and output is not Output.TEXT:
        console.fail("--out is for pictures; a document goes to standard output")
    cluster = cluster_or_exit(asked.origin, invent=True, verbose=verbose)
    detail = Detail(asked.detail) if asked.detail else fitting(cluster.snapshot)
    if not asked.detail:
        console.note(f"drawn in the detail of {detail.value}; --detail chooses another")
    with told():
        found = picture(cluster.snapshot, detail)
        if asked.about:
            found = about(found, asked.about)
    if output is not Output.TEXT:
        console.document(as_json(found), output)
        return
    drawn = _FORMATS[asked.form](found)
    if asked.out is None:
        console.raw(drawn)
        return
    try:
        asked.out.write_text(drawn, encoding="utf-8")
    except OSError as error:
        console.fail(f"cannot write {asked.out}: {error.strerror}", console.EXIT_CANNOT)
    console.note(f"wrote {printable(str(asked.out))}")
