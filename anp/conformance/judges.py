"""Those who answer a scenario's questions: the meaning, compiled rulesets, and a kernel with real packets."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from anp.conformance.path import Path, accepted, judgements, passes, whereabouts
from anp.conformance.world import View
from anp.lab.probes import Outcome, Probe
from anp.lab.topology import LabPod, NodePlace, Place, topology
from anp.lab.trial import Trial
from compiler.addresses import Address
from compiler.compilation import compile_cluster
from compiler.lower import lower
from compiler.model import Flow, Snapshot
from compiler.ruleset import Ruleset


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a flow got through, and in a few words how that was seen. None if it was neither: an error."""

    through: bool | None
    seen: str


class Judge(Protocol):
    """Answers questions about a cluster that changes; a context manager."""

    name: str

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def see(self, view: View, *, restart: bool = False) -> None:
        """Take note of what the cluster is now; with `restart`, after having forgotten all that was known."""

    def answer(self, paths: Sequence[Path]) -> list[Answer]:
        """Say what gets through."""

    def whereabouts(self, path: Path) -> str:
        """Say which compiled chain ends something, if anything was compiled: a hint to where a bug is."""


class Meaning:
    """What the policies mean."""

    name = "meaning"

    def __init__(self) -> None:
        self._snapshot = Snapshot()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details: object) -> None:
        pass

    def see(self, view: View, *, restart: bool = False) -> None:  # noqa: ARG002 - it remembers nothing
        """Take note of the cluster."""
        self._snapshot = view.snapshot

    def answer(self, paths: Sequence[Path]) -> list[Answer]:
        """Decide each path."""
        return [self._answer(path) for path in paths]

    def _answer(self, path: Path) -> Answer:
        judged = [end for leg in path.legs for end in judgements(self._snapshot, leg)]
        origins = "; ".join(f"{end.direction.value}: {end.origin}" for end in judged)
        return Answer(accepted(self._snapshot, path), path.lost or origins)

    def whereabouts(self, path: Path) -> str:  # noqa: ARG002 - as the protocol has it
        """Say nothing: nothing is compiled."""
        return ""


class Traced:
    """What compiled rulesets do, packet by packet."""

    name = "traced"

    def __init__(self) -> None:
        self._snapshot = Snapshot()
        self._rulesets: Mapping[str, Ruleset] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details: object) -> None:
        pass

    def see(self, view: View, *, restart: bool = False) -> None:  # noqa: ARG002 - it remembers nothing
        """Compile the cluster for all of its nodes."""
        self._snapshot = view.snapshot
        compilation = compile_cluster(view.snapshot)
        nodes = {node.name for node in view.snapshot.nodes} | {pod.node for pod in view.snapshot.pods} - {""}
        self._rulesets = {node: lower(compilation, node) for node in sorted(nodes)}

    def answer(self, paths: Sequence[Path]) -> list[Answer]:
        """Trace each path through every hook that it crosses."""
        return [Answer(passes(self._snapshot, self._rulesets, path), path.lost or "traced") for path in paths]

    def whereabouts(self, path: Path) -> str:
        """Say which chain ends something."""
        return whereabouts(self._snapshot, self._rulesets, path)


class Packets:
    """What kernels do with real packets: a lab that changes as the cluster does."""

    name = "packets"

    def __init__(self, seconds: float = 0.5) -> None:
        self._seconds = seconds
        self._trial: Trial | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details: object) -> None:
        self._open.close()
        self._trial = None

    def see(self, view: View, *, restart: bool = False) -> None:
        """Bring the lab to where the cluster is, then enforce its policies."""
        if self._trial is None:
            self._trial = self._open.enter_context(Trial(view.snapshot, view.serves, view.services, view.outside))
        else:
            self._bring(self._trial, view)
        if restart:
            self._trial.restart_enforcers()
        self._trial.enforce(view.snapshot, services=view.services)

    def _bring(self, trial: Trial, view: View) -> None:
        before = {pod.place: pod for pod in trial.topology.pods}
        after = {pod.place: pod for pod in topology(view.snapshot, view.serves).pods}
        for place, pod in before.items():
            if place not in after or _elsewhere(pod, after[place]):
                trial.lab.remove_pod(place)
        now = {pod.place: pod.addresses for pod in trial.topology.pods}
        # An address must be free before another pod can have it.
        for place, addresses in now.items():
            kept = tuple(address for address in addresses if address in after[place].addresses)
            if kept != addresses:
                trial.lab.readdress_pod(place, kept)
                now[place] = kept
        for place, pod in after.items():
            if place not in now:
                trial.lab.add_pod(pod)
            elif now[place] != pod.addresses:
                trial.lab.readdress_pod(place, pod.addresses)

    def answer(self, paths: Sequence[Path]) -> list[Answer]:
        """Send packets. What is meant to get through is asked again before it counts as lost."""
        if self._trial is None:
            raise RuntimeError("no cluster was shown")
        trial = self._trial
        owners = trial.topology.owners()
        probes = [_probe(path.sent, owners) for path in paths]
        meant = [accepted(trial.snapshot, path) for path in paths]
        answers: dict[int, Answer] = {}
        for wanted, retries in ((True, 3), (False, 0)):
            numbers = [number for number, accepted in enumerate(meant) if accepted is wanted]
            results = trial.lab.probe([probes[n] for n in numbers], seconds=self._seconds, retries=retries)
            for number, result in zip(numbers, results, strict=True):
                through = (_LOST if paths[number].lost else _JUDGED).get(result.outcome)
                answers[number] = Answer(through, str(result))
        return [answers[number] for number in range(len(paths))]

    def whereabouts(self, path: Path) -> str:
        """Say which chain of what was compiled ends something; the kernel may have done otherwise."""
        return whereabouts(self._trial.snapshot, self._trial.rulesets, path) if self._trial else ""


def judge_named(name: str, seconds: float) -> Judge:
    """Make a judge; `seconds` of silence are a drop to the one with packets.

    Raises:
        KeyError: there is none of that name.

    """
    makers: Mapping[str, Callable[[], Judge]] = {
        Packets.name: lambda: Packets(seconds),
        Traced.name: Traced,
        Meaning.name: Meaning,
    }
    return makers[name]()


_JUDGED = {Outcome.CONNECTED: True, Outcome.TIMEOUT: False}
_LOST = _JUDGED | {Outcome.REFUSED: False, Outcome.UNREACHABLE: False}
"""What outcomes say; what is lost without any policy may be told so."""


def _elsewhere(before: LabPod, after: LabPod) -> bool:
    """Whether a pod of the same name has to be started anew."""
    return (before.node, before.host_network, before.serves) != (after.node, after.host_network, after.serves)


def _probe(flow: Flow, owners: Mapping[Address, Place]) -> Probe:
    return Probe(owners.get(flow.source, NodePlace(str(flow.source))), flow.destination, flow.protocol, flow.port)
