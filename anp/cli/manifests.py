"""Manifests as commands take them: all or nothing, unless one is told to go on with what is sound."""

from anp.cli.console import EXIT_BAD_INPUT, fail, tell
from anp.sources.diagnostics import Severity
from anp.state.cluster import Cluster, read_cluster


def cluster_or_exit(path: str, *, invent: bool, verbose: bool = False) -> Cluster:
    """Read manifests and say what is wrong with them; end with exit code 2 if something that was written would be lost.

    With `invent`, pods and nodes without addresses get some.
    """
    cluster = read_cluster(path, invent=invent)
    tell(cluster.diagnostics, verbose=verbose)
    if not cluster.sound:
        errors = sum(found.severity is Severity.ERROR for found in cluster.diagnostics)
        fail(f"{errors} error{'s' if errors > 1 else ''} in the manifests; nothing was done", EXIT_BAD_INPUT)
    return cluster


def node_or_exit(cluster: Cluster, node: str) -> str:
    """Return `node` if the cluster has it, or end with exit code 2 and say which nodes there are."""
    known = sorted({member.name for member in cluster.snapshot.nodes} | {pod.node for pod in cluster.snapshot.pods})
    known = [name for name in known if name]
    if node not in known:
        there = f"there are {', '.join(known[:20])}" if known else "the manifests declare none"
        fail(f"there is no node {node!r}: {there}")
    return node
