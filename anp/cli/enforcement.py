"""The work of the commands that change this machine's nftables: apply, uninstall, run."""

import asyncio
import dataclasses
from typing import Any

from anp.cli import console
from anp.cli.options import Output
from anp.cli.signals import until_told
from anp.cli.subject import cluster_or_exit, hostname, layout_or_exit, node_or_exit, told, warn_of_unaddressed
from anp.node.standing import Report, Standing, unaddressed
from anp.sources.diagnostics import printable
from anp.sources.files import STANDARD_INPUT
from compiler.compilation import compile_cluster
from compiler.lower import lower
from enforcer.kernel import KernelDataplane
from enforcer.plan import plan
from enforcer.reconcile import Enforcer
from enforcer.transaction import Summary, Transaction


def apply(file: str, node: str, mark_mask: str, output: Output, *, dry_run: bool, verbose: bool) -> None:
    """Bring this machine to what the manifests say, or print what that would take."""
    layout = layout_or_exit(mark_mask)
    cluster = cluster_or_exit(file, invent=False, verbose=verbose)
    node = node_or_exit(cluster, node)
    warn_of_unaddressed(unaddressed(cluster.snapshot, node), node)
    with told():
        desired = lower(compile_cluster(cluster.snapshot), node, layout)
        with KernelDataplane() as dataplane:
            enforcer = Enforcer(dataplane)
            if dry_run:
                _print_plan(node, plan(enforcer.start(), desired), output)
                return
            summary = enforcer.apply(desired).summary
    if output is Output.TEXT:
        console.say(f"{printable(node)}: {_written(summary)}")
    else:
        said = {"kind": "Applied", "version": 1, "node": node, "written": dataclasses.asdict(summary)}
        console.document(said, output)


def _print_plan(node: str, tx: Transaction, output: Output) -> None:
    if output is Output.TEXT:
        console.raw(tx.script)
        if not tx.operations:
            console.note(f"{printable(node)}: {_written(tx.summary)}")
        return
    said = {"kind": "Plan", "version": 1, "node": node, "writes": dataclasses.asdict(tx.summary), "script": tx.script}
    console.document(said, output)


def uninstall(output: Output) -> None:
    """Remove our table."""
    with told(), KernelDataplane() as dataplane:
        enforcer = Enforcer(dataplane)
        removed = not enforcer.start().empty
        enforcer.uninstall()
    if output is Output.TEXT:
        console.say("removed: policies are no longer enforced here" if removed else "nothing of ours was installed")
    else:
        console.document({"kind": "Uninstalled", "version": 1, "removed": removed}, output)


def run(file: str, node: str, mark_mask: str, output: Output, netns: str = "", *, verbose: bool) -> None:
    """Keep this machine at what the files say, until told to end."""
    layout = layout_or_exit(mark_mask)
    if file == STANDARD_INPUT:
        console.fail("standard input cannot be followed: name a directory or a file, or use `anp apply`")
    node = node or hostname()

    def tell(report: Report) -> None:
        tell_report(report, node, output, verbose=verbose)

    with told(), KernelDataplane(netns or None) as dataplane:
        enforcer = Enforcer(dataplane)
        enforcer.start()  # who may not even look should be told now, and not try for ever
        asyncio.run(until_told(Standing(file, node, enforcer, layout).follow(tell)))
    console.note("stopped; the rules stay in force (anp uninstall removes them)")


def tell_report(report: Report, node: str, output: Output, *, verbose: bool) -> None:
    """Say what came of bringing something into force."""
    console.tell(report.diagnostics, verbose=verbose)
    for text in report.warnings:
        console.warn(text)
    if report.error:
        console.complain(f"{report.error}; what was in force stays in force")
    if output is not Output.TEXT:
        console.document(_as_json(report, node), output, stream=True)
    elif report.applied:
        drift = "somebody else had changed our table; " if report.applied.drifted else ""
        took = f"{report.seconds * 1000:.0f} ms"
        console.say(f"generation {report.generation}: {drift}{_written(report.applied.summary)} in {took}")
    console.flush()


def _as_json(report: Report, node: str) -> dict[str, Any]:
    return {
        "kind": "Report",
        "version": 1,
        "node": node,
        "generation": report.generation,
        "inForce": report.applied is not None,
        "error": report.error or None,
        "written": dataclasses.asdict(report.applied.summary) if report.applied else None,
        "drifted": report.applied.drifted if report.applied else False,
        "seconds": round(report.seconds, 6),
        "warnings": list(report.warnings),
        "diagnostics": [found.as_json() for found in report.diagnostics],
    }


def _written(summary: Summary) -> str:
    """Say in a few words what a transaction wrote."""
    if not summary.operations:
        return "nothing to write, all is as it should be"
    parts = {
        "elements added": summary.elements_added,
        "elements removed": summary.elements_removed,
        "chains added": summary.chains_added,
        "chains rewritten": summary.chains_flushed - summary.chains_removed,
        "chains removed": summary.chains_removed,
    }
    return ", ".join(f"{count} {what}" for what, count in parts.items() if count > 0) or "written"
