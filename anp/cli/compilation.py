"""The work of `anp compile`."""

from anp.cli import console
from anp.cli.options import Origin, Output
from anp.cli.subject import cluster_or_exit, layout_or_exit, node_or_exit, told
from compiler.compilation import compile_cluster
from compiler.lower import lower
from compiler.ruleset import Ruleset
from compiler.syntax import script


def print_script(origin: Origin, node: str, mark_mask: str, output: Output, *, verbose: bool) -> None:
    """Print what one node would hold."""
    layout = layout_or_exit(mark_mask)
    cluster = cluster_or_exit(origin, invent=True, verbose=verbose)
    node = node_or_exit(cluster, node)
    with told():
        ruleset = lower(compile_cluster(cluster.snapshot), node, layout)
    if output is Output.TEXT:
        console.raw(script(ruleset))
        return
    said = {"kind": "Compilation", "version": 1, "node": node, "sizes": _sizes(ruleset), "script": script(ruleset)}
    console.document(said, output)


def _sizes(ruleset: Ruleset) -> dict[str, int]:
    return {
        "chains": len(ruleset.chains),
        "maps": len(ruleset.maps),
        "elements": sum(len(held.elements) for held in ruleset.maps.values()),
        "counters": len(ruleset.counters),
    }
