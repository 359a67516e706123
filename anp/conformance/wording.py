"""What is said about tests that failed: the same words for people, for JUnit and for programs."""

from collections.abc import Iterator

from anp.conformance.outcomes import Outcome
from anp.conformance.runner import Verdict
from anp.sources.diagnostics import printable


def lines(outcome: Outcome) -> Iterator[str]:
    """Yield why a test failed, line by line; nothing if it did not. Names are told so that they can do no harm."""
    if outcome.result is None:
        return
    for verdict in outcome.result.failures:
        yield printable(f"{outcome.case.title}, step {verdict.step!r}")
        yield f"  {probe_text(verdict)}"
        yield f"    expected: {'gets through' if verdict.probe.allowed else 'is dropped'}"
        yield f"    happened: {happened(verdict)} ({printable(verdict.answer.seen)})"
        yield f"    decided:  {printable(verdict.decided)}"
        if verdict.compiled:
            yield f"    compiled: {printable(verdict.compiled)}"
    if outcome.result.broken:
        yield printable(f"{outcome.case.title}: it could not be run to its end: {outcome.result.broken}")


def probe_text(verdict: Verdict) -> str:
    """Return what was asked: the ends by name and by address, the traffic and the family."""
    flow = verdict.flow
    return printable(f"{verdict.probe} over IPv{verdict.family} ({flow.source} → {flow.destination})")


def happened(verdict: Verdict) -> str:
    """Return what became of it, in a few words."""
    return {True: "it got through", False: "it was dropped", None: "neither that nor the other"}[verdict.answer.through]
