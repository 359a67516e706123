"""Commands that change this machine's nftables: apply, uninstall, run."""

import asyncio
import dataclasses
import socket
import sys
from typing import Annotated

import typer
from rich.markup import escape

from anp.cli.console import FileOption, Output, OutputOption, VerboseOption, err, out, tell, write
from anp.cli.manifests import cluster_or_exit, node_or_exit
from anp.cli.options import DEFAULT_MASK_TEXT, MaskOption, NodeOption, layout_or_exit, told
from anp.node.standing import Report, Standing
from compiler.compilation import compile_cluster
from compiler.lower import lower
from enforcer.kernel import KernelDataplane
from enforcer.plan import plan
from enforcer.reconcile import Enforcer
from enforcer.transaction import Summary


def apply_command(
    file: FileOption,
    node: NodeOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be written, and write nothing.")] = False,
    mark_mask: MaskOption = DEFAULT_MASK_TEXT,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Enforce the policies on this machine, in the network namespace that the command runs in.

    Only what differs from what is installed is written, all of it or nothing. Pods need addresses here: those
    without any are not enforced.
    """
    cluster = cluster_or_exit(file, invent=False, verbose=verbose)
    node = node_or_exit(cluster, node or socket.gethostname())
    with told():
        desired = lower(compile_cluster(cluster.snapshot), node, layout_or_exit(mark_mask))
        with KernelDataplane() as dataplane:
            enforcer = Enforcer(dataplane)
            if dry_run:
                typer.echo(str(plan(enforcer.start(), desired)), nl=False)
                return
            applied = enforcer.apply(desired)
    if output is Output.TEXT:
        out.print(escape(f"{node}: {_written(applied.summary)}"))
    else:
        write({"kind": "Applied", "version": 1, "node": node, "written": dataclasses.asdict(applied.summary)}, output)


def uninstall_command() -> None:
    """Remove everything of ours from this machine's nftables, and nothing else: traffic is no longer judged."""
    with told(), KernelDataplane() as dataplane:
        enforcer = Enforcer(dataplane)
        installed = enforcer.start()
        enforcer.uninstall()
    out.print("nothing of ours was installed" if installed.empty else "removed: policies are no longer enforced here")


def run_command(
    file: FileOption,
    node: NodeOption = "",
    mark_mask: MaskOption = DEFAULT_MASK_TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Enforce the policies on this machine and follow the directory: an edit is in force within a second.

    A file with a mistake leaves what it said before in force, and the mistake is told; other files go on being
    followed. When this ends, the rules stay: `anp uninstall` removes them.
    """
    with told(), KernelDataplane() as dataplane:
        standing = Standing(file, node or socket.gethostname(), Enforcer(dataplane), layout_or_exit(mark_mask))
        try:
            asyncio.run(standing.follow(lambda report: _report(report, verbose=verbose)))
        except KeyboardInterrupt:
            err.print("stopped; the rules stay in force (anp uninstall removes them)")


def _report(report: Report, *, verbose: bool) -> None:
    tell(report.diagnostics, verbose=verbose)
    if report.error:
        err.print(f"[bold red]error:[/] {escape(report.error)}; what was in force stays in force")
    if report.applied:
        out.print(
            escape(
                f"generation {report.generation}: {_written(report.applied.summary)} in {report.seconds * 1000:.0f} ms"
            )
        )
    sys.stdout.flush()


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
