"""What commands are about: a cluster, one of its nodes, the mark bits to use. What makes no sense ends the command."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from anp.analysis.ends import UnknownEndError
from anp.analysis.explanation import NoCommonFamilyError
from anp.cli.console import EXIT_CANNOT, fail, progress, tell, warn
from anp.cli.options import Origin
from anp.lab.errors import LabError, TopologyError
from anp.sources.diagnostics import Diagnostic, Severity
from anp.sources.manifests import Manifests, load
from anp.state.cluster import Cluster, read_cluster
from compiler.marks import MarkLayout, TooManyClassesError
from compiler.model import Pod
from compiler.syntax import InvalidRulesetError
from enforcer.errors import EnforcerError

_SHOWN = 5
"""How many names a sentence lists before it counts the rest."""


@contextmanager
def told() -> Iterator[None]:
    """Turn what the layers below raise into a message and an exit code."""
    try:
        yield
    except (UnknownEndError, NoCommonFamilyError, TopologyError) as error:
        fail(str(error))
    except (TooManyClassesError, InvalidRulesetError, EnforcerError, LabError) as error:
        fail(str(error), EXIT_CANNOT)


def cluster_or_exit(origin: Origin | str, *, invent: bool, verbose: bool = False, services: bool = False) -> Cluster:
    """Read a cluster and say what is wrong with it; end with exit code 2 if something that was written would be lost.

    A text is the path of manifests. With `invent`, pods and nodes in them without addresses get some. The `services` of
    a running cluster are read only where they are asked for.
    """
    origin = origin if isinstance(origin, Origin) else Origin(origin)
    if not origin.file and not origin.live:
        fail("name manifests with --file, or a running cluster with --live")
    if origin.live:
        live = live_or_exit(origin, services=services)
        return mixed_or_exit(live, origin.file, verbose=verbose)
    try:
        cluster = read_cluster(origin.file, invent=invent)
    except ValueError as error:  # more nodes than can be given addresses
        fail(str(error))
    return _sound_or_exit(cluster, "the manifests", verbose=verbose)


def live_or_exit(origin: Origin, *, services: bool = False) -> Manifests:
    """Read a running cluster; end with exit code 2 if it is not known which, and 3 if it cannot be read."""
    from anp.controller.client import ConfigError  # noqa: PLC0415 - slow
    from anp.live.reading import LiveError, read  # noqa: PLC0415 - slow

    try:
        return read(origin.kubeconfig, origin.context, services=services, tell=progress)
    except ConfigError as error:
        fail(str(error))
    except LiveError as error:
        fail(str(error), EXIT_CANNOT)


def mixed_or_exit(
    live: Manifests, file: str = "", *, prune: bool = False, verbose: bool = False, heard: tuple[Diagnostic, ...] = ()
) -> Cluster:
    """Return a running cluster, as if the manifests in `file` were applied to it if there are any.

    What was `heard` before is not told again.
    """
    from anp.live.applying import applied, cluster_of_live  # noqa: PLC0415 - for those who ask for it

    try:
        cluster = cluster_of_live(applied(live, load(file), prune=prune) if file else live)
    except ValueError as error:  # more nodes than can be given addresses
        fail(str(error))
    return _sound_or_exit(
        cluster, "the cluster and the manifests" if file else "the cluster", verbose=verbose, heard=heard
    )


def _sound_or_exit(cluster: Cluster, where: str, *, verbose: bool, heard: tuple[Diagnostic, ...] = ()) -> Cluster:
    tell((found for found in cluster.diagnostics if found not in heard), verbose=verbose)
    if not cluster.sound:
        errors = sum(found.severity is Severity.ERROR for found in cluster.diagnostics)
        fail(f"{errors} error{'s' if errors > 1 else ''} in {where}; nothing was done")
    return cluster


def node_or_exit(cluster: Cluster, node: str) -> str:
    """Return the node that was named, or this host, if the cluster has it; or end and say which nodes there are."""
    wanted = node or hostname()
    known = nodes(cluster)
    if wanted not in known:
        there = f"there are {some(known)}" if known else "the manifests declare none"
        whose = "" if node else ", which is this host's name; --node names another"
        fail(f"there is no node {wanted!r}{whose}: {there}")
    return wanted


def nodes(cluster: Cluster) -> list[str]:
    """Return the names of all nodes, declared or only spoken of."""
    named = {pod.node for pod in cluster.snapshot.pods} | {node.name for node in cluster.snapshot.nodes}
    return sorted(named - {""})


def hostname() -> str:
    """Return this host's name as Kubernetes spells it."""
    return socket.gethostname().lower()


def warn_of_unaddressed(pods: list[Pod], node: str) -> None:
    """Tell of pods that nothing is enforced on, because nobody knows yet which packets are theirs."""
    if pods:
        count = f"{len(pods)} pod{'s' if len(pods) > 1 else ''} on {node}"
        have = "have" if len(pods) > 1 else "has"
        warn(f"{count} {have} no address yet, so nothing is enforced on {some([str(pod) for pod in pods])}")


def layout_or_exit(mask: str) -> MarkLayout:
    """Read a mark mask."""
    try:
        return MarkLayout(int(mask, 0))
    except ValueError:
        fail(f"--mark-mask {mask:.40}: must be one run of two or more of 32 bits, such as 0xffff0000")


def some(names: list[str]) -> str:
    """List a few names, and count the rest."""
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest
