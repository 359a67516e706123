"""A lab run: build the cluster, enforce its policies, probe, and hold what is seen against what is meant."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from anp.lab.lab import Lab
from anp.lab.probes import Outcome, Probe, ProbeResult
from anp.lab.service_proxy import ServiceProxy
from anp.lab.services import Service, routes
from anp.lab.topology import LabNode, LabPod, NodePlace, OutsideHost, PodPlace, Topology, topology
from compiler.addresses import VERSIONS, Address
from compiler.compilation import compile_cluster
from compiler.decision import Decision
from compiler.lower import DEFAULT_LAYOUT, lower
from compiler.marks import MarkLayout
from compiler.model import Flow, Protocol, Snapshot
from compiler.ruleset import Ruleset
from compiler.semantics import decide
from compiler.trace import Packet, crossings, trace
from enforcer.kernel import KernelDataplane
from enforcer.reconcile import Enforcer

Report = Callable[[str], None]
"""Is told what is being done now, in a few words."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One connection to try: from a pod to a port that another one serves, in one address family."""

    source: PodPlace
    destination: PodPlace
    flow: Flow

    @property
    def probe(self) -> Probe:
        """The question to the lab."""
        return Probe(self.source, self.flow.destination, self.flow.protocol, self.flow.port)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was meant to become of an attempt, and what did."""

    attempt: Attempt
    meant: Decision
    observed: ProbeResult

    @property
    def agrees(self) -> bool:
        """Whether the kernel did what the policies say: an answer, or else silence (2.4)."""
        wanted = Outcome.CONNECTED if self.meant.accepted else Outcome.TIMEOUT
        return self.observed.outcome is wanted


class Trial:
    """A running lab whose nodes enforce the policies of a snapshot; a context manager."""

    def __init__(
        self,
        snapshot: Snapshot,
        serves: Mapping[tuple[str, str], tuple[tuple[Protocol, int], ...]],
        services: Iterable[Service] = (),
        outside: tuple[OutsideHost, ...] = (),
    ) -> None:
        self.snapshot = snapshot
        self.services = tuple(services)
        self.rulesets: Mapping[str, Ruleset] = {}
        self._lab = Lab(topology(snapshot, serves, outside))
        self._enforcers: dict[str, Enforcer] = {}
        self._proxy = ServiceProxy()
        self._open = ExitStack()

    @property
    def topology(self) -> Topology:
        """What the lab consists of."""
        return self._lab.topology

    @property
    def lab(self) -> Lab:
        """The lab itself."""
        return self._lab

    def __enter__(self) -> Self:
        # libnftables waits with select(2), which aborts the process at descriptors from 1024 on. The lab takes many,
        # so the low ones that its contexts will need are kept for them.
        low = [os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) for _ in range(2 * len(self._lab.topology.nodes))]
        with ExitStack() as stack:
            try:
                stack.enter_context(self._lab)
            finally:
                for descriptor in low:
                    os.close(descriptor)
            for node in self._lab.topology.nodes:
                dataplane = stack.enter_context(self._dataplane(node))
                self._enforcers[node.name] = Enforcer(dataplane)
                self._proxy.add(node, dataplane)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_details: object) -> None:
        self._open.close()

    def _dataplane(self, node: LabNode) -> KernelDataplane:
        return self._lab.call(NodePlace(node.name), KernelDataplane)

    def enforce(
        self,
        snapshot: Snapshot | None = None,
        layout: MarkLayout = DEFAULT_LAYOUT,
        services: Iterable[Service] | None = None,
    ) -> None:
        """Bring every node's kernel to what the policies mean, and its Services to the pods that are there now.

        With a snapshot or with Services, these count from now on.

        Raises:
            TooManyClassesError: `layout` has not enough mark bits; nothing has changed.
            EnforcerError: a kernel refused; nodes before it are done, that one and the others are as they were.

        """
        wanted = self.snapshot if snapshot is None else snapshot
        compilation = compile_cluster(wanted)
        rulesets = {name: lower(compilation, name, layout) for name in self._enforcers}
        self.snapshot, self.rulesets = wanted, rulesets
        for name, enforcer in self._enforcers.items():
            enforcer.apply(self.rulesets[name])
        self.services = self.services if services is None else tuple(services)
        self._proxy.bring(routes(self.services, self.snapshot))

    def restart_enforcers(self) -> None:
        """Let every enforcer forget what it knows, as if its process had been started again."""
        for enforcer in self._enforcers.values():
            enforcer.start()

    def attempts(self) -> Iterator[Attempt]:
        """Yield every ordered pair of pods with every port that the second serves, for each family that both have."""
        hosts = self._lab.topology.hosts()
        pods = [pod for pod in hosts.values() if isinstance(pod, LabPod)]
        for source in pods:
            for destination in pods:
                if source.place == destination.place:
                    continue
                for version in VERSIONS:
                    ours, theirs = _first(source, version), _first(destination, version)
                    if ours is None or theirs is None or ours == theirs:
                        continue
                    for protocol, port in destination.serves:
                        yield Attempt(source.place, destination.place, Flow(ours, theirs, protocol, port))

    def observe(self, attempts: Sequence[Attempt], seconds: float = 0.5, report: Report | None = None) -> list[Finding]:
        """Try all these connections; results are in the same order.

        What is meant to get through is tried again, patiently, before it counts as lost: the machine may be busy.
        What is meant to be dropped has to be silent for `seconds`.
        """
        meant = [decide(self.snapshot, attempt.flow) for attempt in attempts]
        observed: dict[int, ProbeResult] = {}
        for accepted, retries in ((True, 3), (False, 0)):
            numbers = [number for number, decision in enumerate(meant) if decision.accepted is accepted]
            if report and numbers:
                report(f"{len(numbers)} connections that should {'get through' if accepted else 'be dropped'}")
            results = self._lab.probe([attempts[n].probe for n in numbers], seconds=seconds, retries=retries)
            observed.update(zip(numbers, results, strict=True))
        return [Finding(attempt, meant[n], observed[n]) for n, attempt in enumerate(attempts)]

    def whereabouts(self, flow: Flow) -> str:
        """Say how far the compiled rulesets let a flow come, and by which chain it ends: a hint to where a bug is."""
        for node, hook in crossings(self.snapshot, flow):
            way = trace(self.rulesets.get(node, Ruleset()), Packet.of(flow, hook))
            if not way.accepted:
                return f"dropped on {node} by {way.chains[-1]}"
        return "let through everywhere"


def _first(pod: LabPod, version: int) -> Address | None:
    return next((address for address in pod.addresses if address.version == version), None)
