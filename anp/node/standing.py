"""Policies from a directory, kept in force on this node while people edit them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass

from anp.sources.diagnostics import Diagnostic, has_errors
from anp.sources.last_good import LastGood
from anp.sources.watch import DirectoryWatch
from anp.state.cluster import cluster_of
from compiler.compilation import Compilation, compile_cluster
from compiler.lowering import Lowering
from compiler.marks import MarkLayout, TooManyClassesError
from compiler.model import Pod, Snapshot
from compiler.syntax import InvalidRulesetError
from enforcer.errors import EnforcerError
from enforcer.reconcile import Applied, Enforcer

RETRY_SECONDS = 5.0
"""How long to wait for a change before what the kernel refused is tried again."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of looking at the files once.

    `diagnostics` and `warnings` are those that were not told before. `applied` says what was written, if the kernel
    was reached; `error` says why it was not, and `refused` whether it was the kernel that said so, so that the same may
    do another time. `generation` counts the states that were brought into force; `seconds` is
    what the latest took from reading the files to the kernel's word that it is done.
    """

    generation: int
    diagnostics: tuple[Diagnostic, ...] = ()
    warnings: tuple[str, ...] = ()
    applied: Applied | None = None
    error: str = ""
    refused: bool = False
    seconds: float = 0.0


class Standing:
    """Brings what the files say into force, again and again; what cannot be brought into force changes nothing.

    Files with errors are the business of `LastGood`, with one addition: it knows what they said before only while it
    lives. So where an earlier life left rules in the kernel, they stay until there are no errors any more.
    """

    def __init__(
        self, path: str, node: str, enforcer: Enforcer, layout: MarkLayout, retry: float = RETRY_SECONDS
    ) -> None:
        self._path = path
        self._node = node
        self._enforcer = enforcer
        self._lowering = Lowering(node, layout)
        self._compilation: Compilation | None = None
        self._retry = retry
        self._files = LastGood(path)
        self._remembers = False
        self._told: frozenset[Diagnostic | str] = frozenset()
        self._generation = 0

    async def follow(self, tell: Callable[[Report], None]) -> None:
        """Look at the files now, whenever they change, and a while after the kernel refused; until cancelled."""
        async with aclosing(DirectoryWatch(self._path).changes()) as changes:
            change = _next(changes)
            try:
                while True:
                    await change
                    change = _next(changes)
                    report = self.refresh()
                    tell(report)
                    while report.refused and not (await asyncio.wait({change}, timeout=self._retry))[0]:
                        before, report = report, self.refresh()
                        if report.error != before.error or report.diagnostics or report.warnings:
                            tell(report)
            finally:
                change.cancel()
                with suppress(asyncio.CancelledError):
                    await change

    def refresh(self) -> Report:
        """Look at the files once and bring what they say into force."""
        started = time.monotonic()
        manifests = self._files.refresh()
        cluster = cluster_of(manifests, invent=False)
        warnings = tuple(_warnings(cluster.snapshot, self._node))
        news = tuple(found for found in cluster.diagnostics if found not in self._told)
        unheard = tuple(text for text in warnings if text not in self._told)
        self._told = frozenset((*cluster.diagnostics, *warnings))
        self._remembers = self._remembers or not has_errors(manifests.diagnostics)
        try:
            if not self._remembers and not (self._enforcer.installed or self._enforcer.start()).empty:
                error = "the files have errors, and what they said before this started is not known"
                return Report(self._generation, news, unheard, error=error)
            self._compilation = compile_cluster(cluster.snapshot, previous=self._compilation)
            applied = self._enforcer.apply(self._lowering.lower(self._compilation))
        except (EnforcerError, InvalidRulesetError, TooManyClassesError) as refusal:
            refused = isinstance(refusal, EnforcerError)
            return Report(self._generation, news, unheard, error=str(refusal), refused=refused)
        self._remembers = True
        self._generation += bool(applied.summary.operations)
        return Report(self._generation, news, unheard, applied, seconds=time.monotonic() - started)


def unaddressed(snapshot: Snapshot, node: str) -> list[Pod]:
    """Return the pods of a node that policies govern and nobody has given an address."""
    return [pod for pod in snapshot.pods if pod.node == node and pod.governed and not pod.addresses]


def _warnings(snapshot: Snapshot, node: str) -> list[str]:
    """Say what would make enforcing come to nothing."""
    known = {pod.node for pod in snapshot.pods} | {each.name for each in snapshot.nodes}
    if node not in known:
        there = ", ".join(sorted(known - {""})[:5]) or "none"
        return [f"there is no node {node!r}, so nothing is enforced here; the manifests have {there}"]
    return [f"pod {pod} has no address yet, so nothing is enforced on it" for pod in unaddressed(snapshot, node)]


def _next(changes: AsyncGenerator[None, None]) -> asyncio.Task[None]:
    async def step() -> None:
        await anext(changes)

    return asyncio.ensure_future(step())
