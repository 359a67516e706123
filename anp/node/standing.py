"""Policies from a directory, kept in force on this node while people edit them."""

import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from anp.sources.diagnostics import Diagnostic
from anp.sources.last_good import LastGood
from anp.sources.watch import DirectoryWatch
from anp.state.cluster import cluster_of
from compiler.compilation import compile_cluster
from compiler.lower import lower
from compiler.marks import MarkLayout, TooManyClassesError
from enforcer.errors import EnforcerError
from enforcer.reconcile import Applied, Enforcer


@dataclass(frozen=True, slots=True)
class Report:
    """What came of looking at the files once.

    `diagnostics` are those that were not told before. `applied` says what was written, if the kernel was reached;
    `error` says why it was not. `generation` counts the states that were brought into force; `seconds` is what the
    latest took from reading the files to the kernel's word that it is done.
    """

    generation: int
    diagnostics: tuple[Diagnostic, ...] = ()
    applied: Applied | None = None
    error: str = ""
    seconds: float = 0.0


class Standing:
    """Brings what the files say into force, again and again; what cannot be brought into force changes nothing."""

    def __init__(self, path: str, node: str, enforcer: Enforcer, layout: MarkLayout) -> None:
        self._path = path
        self._node = node
        self._enforcer = enforcer
        self._layout = layout
        self._files = LastGood(path)
        self._told: frozenset[Diagnostic] = frozenset()
        self._generation = 0

    async def follow(self, tell: Callable[[Report], None]) -> None:
        """Look at the files now and whenever they change, until cancelled."""
        async with aclosing(DirectoryWatch(self._path).changes()) as changes:
            async for _change in changes:
                tell(self.refresh())

    def refresh(self) -> Report:
        """Look at the files once and bring what they say into force."""
        started = time.monotonic()
        cluster = cluster_of(self._files.refresh(), invent=False)
        news = tuple(found for found in cluster.diagnostics if found not in self._told)
        self._told = frozenset(cluster.diagnostics)
        try:
            applied = self._enforcer.apply(lower(compile_cluster(cluster.snapshot), self._node, self._layout))
        except (EnforcerError, TooManyClassesError) as error:
            return Report(self._generation, news, error=str(error))
        self._generation += bool(applied.summary.operations)
        return Report(self._generation, news, applied, seconds=time.monotonic() - started)
