"""Commands that build a lab."""

import time
from typing import Annotated

import typer

from anp.cli import table
from anp.cli.console import EXIT_NO, FileOption, Output, OutputOption, VerboseOption, out, progress, write
from anp.cli.manifests import cluster_or_exit
from anp.cli.options import DEFAULT_MASK_TEXT, MaskOption, layout_or_exit, told
from anp.lab import privilege
from anp.lab.trial import Trial


def lab_run(
    file: FileOption,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.05, max=30, help="Seconds of silence that count as a drop.")
    ] = 0.5,
    mark_mask: MaskOption = DEFAULT_MASK_TEXT,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Build the cluster from network namespaces, enforce its policies, and try every connection with real packets.

    Every pod calls every port of every other pod, over IPv4 and IPv6. The table shows who got through; where that is
    not what the policies mean, it says so, and the exit code is 1. Works as root, and without root where the kernel
    lets users make namespaces. Nothing outside these namespaces is touched, and nothing of them stays.
    """
    cluster = cluster_or_exit(file, invent=True, verbose=verbose)
    layout = layout_or_exit(mark_mask)
    with told():
        privilege.ensure()
        progress("building the lab")
        started = time.monotonic()
        with Trial(cluster.snapshot, cluster.serves) as trial:
            progress("enforcing the policies on every node")
            trial.enforce(layout=layout)
            findings = trial.observe(list(trial.attempts()), timeout, progress)
        seconds = time.monotonic() - started
        agreed = sum(finding.agrees for finding in findings)
        if output is not Output.TEXT:
            write(table.as_json(findings), output)
        else:
            for line in table.picture(findings):
                out.print(line)
            if agreed < len(findings):
                out.print()
            for line in table.differences(findings, trial):
                out.print(line)
            out.print()
            style = "green" if agreed == len(findings) else "bold red"
            topology = trial.topology
            out.print(
                f"[{style}]{agreed} of {len(findings)} connections as meant[/] "
                f"({len(topology.pods)} pods on {len(topology.nodes)} nodes, {seconds:.1f} s)"
            )
    raise typer.Exit(0 if agreed == len(findings) else EXIT_NO)
