"""Judging within a budget: what takes longer is allowed, with a warning that says so.

One thread knows the cluster and judges, one object after the other. What overruns is not stopped, as nothing in Python
could stop it; whoever asks meanwhile has waited in vain when the time is over, and is told so.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from anp.admission.judging import Consequences, Judge
from anp.admission.known import Known
from anp.admission.review import Asked, answer
from anp.admission.submission import Submission, submission
from anp.admission.wording import Telling, denial, warnings
from anp.controller.inventory import Inventory
from anp.observability.server import Trouble

log = logging.getLogger(__name__)

_LATE = "this took too long; anp lint has no such limit"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and in one word what came of the question."""

    document: dict[str, Any]
    result: str


class Worker:
    """Judges objects; `trouble` says why the cluster is not known, if it is not."""

    def __init__(self, inventory: Inventory, telling: Telling, trouble: Callable[[], Trouble]) -> None:
        self._inventory = inventory
        self._telling = telling
        self._trouble = trouble
        self._known = Known()
        self._judge = Judge(self._known)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="judge")

    def close(self) -> None:
        """Judge nothing more, and wait for nothing."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def catch_up(self) -> None:
        """Take what there is to know by now."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._take)

    async def answer(self, asked: Asked, budget: float) -> Answer:
        """Answer within so many seconds. It never raises: what goes wrong here is no reason to refuse anything."""
        if asked.resource is None or asked.object is None:
            return Answer(answer(asked.uid), "ignored")
        submitted: Submission | None = None
        come, unchecked, result = Consequences(), "", "unchecked"
        try:
            async with asyncio.timeout(budget):
                name = asked.namespace, asked.name
                submitted = await asyncio.to_thread(submission, asked.resource, name, asked.object, asked.before)
                unchecked = self._trouble()
                if not unchecked:
                    loop = asyncio.get_running_loop()
                    come = await loop.run_in_executor(self._thread, self._work, submitted)
        except TimeoutError:
            unchecked = _LATE
        except Exception:
            # Also a bug that this object brings to light.
            log.exception("an object cannot be judged", extra=_about(asked))
            unchecked, result = "an error in anp, which its log describes", "failed"
        if submitted is None:
            return Answer(answer(asked.uid, (f"anp: not checked: {unchecked}",)), result)
        told = warnings(submitted, come, self._telling, unchecked=unchecked)
        denied = denial(submitted, come, self._telling)
        if not unchecked:
            result = "denied" if denied else "warned" if told else "allowed"
        log.info("judged", extra={**_about(asked), "result": result, "warnings": len(told)})
        return Answer(answer(asked.uid, told, denied), result)

    def _work(self, submitted: Submission) -> Consequences:
        self._take()
        return self._judge.judge(submitted)

    def _take(self) -> None:
        self._known.take(self._inventory.drain())


def _about(asked: Asked) -> dict[str, str]:
    kind = asked.resource.kind if asked.resource is not None else ""
    return {"uid": asked.uid, "kind": kind, "namespace": asked.namespace[:253], "object": asked.name[:253]}
