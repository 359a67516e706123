"""Compilations of a cluster that this process follows itself, brought into force on this node."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from anp.node.guard import Guard
from anp.node.standing import RETRY_SECONDS, Report, unaddressed
from compiler.compilation import Compilation
from compiler.lowering import Lowering
from compiler.marks import MarkLayout, TooManyClassesError
from compiler.syntax import InvalidRulesetError
from enforcer.drift import TableWatch
from enforcer.errors import EnforcerError


class Direct:
    """Enforces the newest compilation; what cannot be brought into force changes nothing.

    Until there is a compilation, what an earlier life left in the kernel stays.
    """

    def __init__(
        self, node: str, layout: MarkLayout, guard: Guard, watch: TableWatch | None = None, retry: float = RETRY_SECONDS
    ) -> None:
        self._node = node
        self._lowering = Lowering(node, layout)
        self._guard = guard
        self._watch = watch
        self._retry = retry
        self._wake = asyncio.Event()
        self._newest: tuple[Compilation, float] | None = None
        self._generation = 0

    def compiled(self, compilation: Compilation) -> None:
        """Hear of a new compilation, in the event loop."""
        self._newest = compilation, time.monotonic()
        self._wake.set()

    async def run(self, tell: Callable[[Report], None]) -> None:
        """Bring compilations into force, tell what came of each, and undo what others do; until cancelled."""
        loop = asyncio.get_running_loop()
        told, retry = "", None
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="enforcement") as worker:
            try:
                while True:
                    self._listen()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(retry):
                            await self._wake.wait()
                    self._wake.clear()
                    if self._newest is None:
                        continue
                    report = await loop.run_in_executor(worker, self._bring, *self._newest)
                    if report.error != told or (report.applied and report.applied.summary.operations):
                        tell(report)
                    told = report.error
                    retry = self._retry if report.refused or self._guard.suspect else None
            finally:
                if self._watch:
                    loop.remove_reader(self._watch.fileno())

    def _bring(self, compilation: Compilation, since: float) -> Report:
        pods = unaddressed(compilation.snapshot, self._node)
        warnings = tuple(f"pod {pod} has no address yet, so nothing is enforced on it" for pod in pods)
        try:
            applied = self._guard.apply(self._lowering.lower(compilation))
        except (EnforcerError, InvalidRulesetError, TooManyClassesError) as refusal:
            refused = isinstance(refusal, EnforcerError)
            return Report(self._generation, warnings=warnings, error=str(refusal), refused=refused)
        self._generation += bool(applied.summary.operations)
        return Report(self._generation, (), warnings, applied, seconds=time.monotonic() - since)

    def _listen(self) -> None:
        if self._watch:
            asyncio.get_running_loop().add_reader(self._watch.fileno(), self._hear)

    def _hear(self) -> None:
        if self._watch:
            asyncio.get_running_loop().remove_reader(self._watch.fileno())
        self._wake.set()
