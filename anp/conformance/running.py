"""A scenario asked of a cluster that runs: its own objects are left alone, and workloads stand for their pods."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from anp.analysis.parties import workload_of
from anp.conformance.scenario import Probe, Running, Scenario, ScenarioError, Step
from compiler.addresses import VERSIONS
from compiler.compilation import Compilation, compile_cluster
from compiler.model import Pod

_NODE, _SERVICE = "node ", "service "
_SHOWN = 10
"""How many names that are not there a message tells."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A scenario as it can be asked, and how many of its steps are left out, as they are about changes."""

    scenario: Scenario
    left_out: int


class RunningCluster:
    """A cluster that runs, and how names in scenarios are understood there."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._compilation: Compilation = compile_cluster(running.snapshot)
        self._pods: dict[str, Pod] = {}
        self._workloads: dict[str, list[Pod]] = {}
        for pod in running.snapshot.pods:
            if not pod.terminated:
                self._pods[str(pod)] = pod
                self._workloads.setdefault(f"{pod.namespace}/{workload_of(pod)}", []).append(pod)
        self._nodes = {node.name for node in running.snapshot.nodes}
        self._services = {f"{service.namespace}/{service.name}" for service in running.services}
        versions = {address.version for pod in self._pods.values() for address in pod.addresses}
        self._families = tuple(version for version in VERSIONS if version in versions) or VERSIONS

    def asked(self, scenario: Scenario) -> Asked:
        """Return a scenario with the steps that come before all changes, asked of pods of this cluster.

        A name that no pod has is that of a workload: each of its pods is asked, or one of those that nothing tells
        apart. Families that no pod has are not asked about.

        Raises:
            ScenarioError: somebody who is named is not there; the message has all of them.

        """
        first = next((number for number, step in enumerate(scenario.steps) if step.changes), len(scenario.steps))
        kept = scenario.steps[:first]
        missing = sorted({
            self._missing(end, scenario) for step in kept for probe in step.probes for end in _ends(probe)
        } - {""})  # fmt: skip
        if missing:
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            raise ScenarioError(f"{scenario.path}: the cluster has no {', no '.join(missing[:_SHOWN])}{more}")
        steps = tuple(Step(step.name, (), tuple(self._probes(step, scenario))) for step in kept)
        families = tuple(version for version in scenario.families if version in self._families)
        if not families:
            raise ScenarioError(f"{scenario.path}: no pod of the cluster has an address of the families that are asked")
        return Asked(
            replace(scenario, steps=steps, families=families, running=self._running), len(scenario.steps) - first
        )

    def _missing(self, end: str, scenario: Scenario) -> str:
        """Return what is named and not there, or a pod that has no address yet; empty where all is well."""
        if end.startswith(_NODE):
            return "" if end.removeprefix(_NODE) in self._nodes else end
        if end.startswith(_SERVICE):
            return "" if end.removeprefix(_SERVICE) in self._services else end
        if "/" not in end or end in {host.name for host in scenario.outside}:
            return ""  # an address, or whoever goes by it
        if not self._named(end):
            return f"pod or workload {end}"
        return "" if any(pod.addresses for pod in self._named(end)) else f"address yet for {end}"

    def _named(self, end: str) -> list[Pod]:
        pod = self._pods.get(end)
        return [pod] if pod else self._workloads.get(end, [])

    def _probes(self, step: Step, scenario: Scenario) -> Iterator[Probe]:
        nodes = any(end.startswith(_NODE) for probe in step.probes for end in _ends(probe))
        for probe in step.probes:
            own = probe.source == probe.destination
            sources, destinations = (self._members(end, 1 + own, scenario, nodes=nodes) for end in _ends(probe))
            pairs = [(source, destination) for source in sources for destination in destinations]
            apart = [pair for pair in pairs if not own or pair[0] != pair[1]]
            for source, destination in apart or pairs:
                yield replace(probe, source=source, destination=destination)

    def _members(self, end: str, alike: int, scenario: Scenario, *, nodes: bool) -> list[str]:
        """Return the pods that an end stands for, up to so many of those that are alike, or who else it is."""
        if end in {host.name for host in scenario.outside} or end.startswith((_NODE, _SERVICE)) or "/" not in end:
            return [end]
        kinds: dict[object, list[str]] = {}
        for pod in self._named(end):
            if pod.addresses:
                # Which node a pod is on matters to traffic from nodes only.
                kind = (self._kind(pod), pod.node if nodes else "")
                kinds.setdefault(kind, []).append(str(pod))
        return [name for names in kinds.values() for name in names[:alike]]

    def _kind(self, pod: Pod) -> object:
        groups = tuple(self._compilation.groups(pod).values()) if pod.governed else ()
        return (
            groups,
            tuple((address.version, self._compilation.universe.of(address)) for address in pod.addresses),
        )


def _ends(probe: Probe) -> tuple[str, str]:
    return probe.source, probe.destination
