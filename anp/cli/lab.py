"""The work of `anp lab run`."""

import time
from collections.abc import Sequence

from anp.cli import console, table
from anp.cli.options import Output
from anp.cli.paint import alarm, green
from anp.cli.subject import cluster_or_exit, layout_or_exit, told
from anp.lab import privilege
from anp.lab.trial import Finding, Trial


def try_all(file: str, timeout: float, mark_mask: str, output: Output, *, verbose: bool) -> bool:
    """Build the cluster, try every connection, print what was seen, and return whether all of it was meant."""
    layout = layout_or_exit(mark_mask)
    cluster = cluster_or_exit(file, invent=True, verbose=verbose)
    with told():
        privilege.ensure()
        console.progress("building the lab")
        started = time.monotonic()
        with Trial(cluster.snapshot, cluster.serves, cluster.services) as trial:
            console.progress("enforcing the policies on every node")
            trial.enforce(layout=layout)
            findings = trial.observe(list(trial.attempts()), timeout, console.progress)
            report(trial, findings, time.monotonic() - started, output)
    return all(finding.agrees for finding in findings)


def report(trial: Trial, findings: Sequence[Finding], seconds: float, output: Output) -> None:
    """Print what was seen, while the lab that it was seen in is still there."""
    if output is not Output.TEXT:
        console.document(table.as_json(findings, trial.topology, seconds), output)
        return
    agreed = sum(finding.agrees for finding in findings)
    if findings:
        for line in (*table.picture(findings), ""):
            console.say(line)
    if agreed < len(findings):
        for line in (*table.differences(findings, trial), ""):
            console.say(line)
    paint = green if agreed == len(findings) else alarm
    topology = trial.topology
    console.say(
        f"{paint(f'{agreed} of {len(findings)} connections as meant')} "
        f"({len(topology.pods)} pods on {len(topology.nodes)} nodes, {seconds:.1f} s)"
    )
    if not findings:
        console.warn("there is nothing to try: it takes two pods, one of which declares a containerPort")
