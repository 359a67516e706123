"""Pods on the nodes of the lab: bringing one up, saying how it is, executing in it, taking it down."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeAlias

from anp.lab.errors import LabError
from anp.lab.lab import Lab
from anp.lab.site import kernel_speaks_sctp
from anp.lab.topology import LabNode, LabPod, PodPlace, Topology
from compiler.addresses import Address
from compiler.model import Protocol
from tests.kubelet.connect import Said, asks_sctp, capped, connect_sctp
from tests.kubelet.containers import Container, ContainerState, Phase
from tests.kubelet.documents import PodFacts, pod_status
from tests.kubelet.errors import UnsupportedError
from tests.kubelet.plan import Addresses, NodePlan
from tests.kubelet.streams import Question, Run
from tests.kubelet.workloads import AGNHOST, Workload, facts_of, workload

Document: TypeAlias = Mapping[str, Any]


@dataclass(slots=True)
class _Running:
    """A pod that was started; `in_lab` says that there is something to take down."""

    facts: PodFacts
    place: PodPlace
    plan: NodePlan
    own_addresses: tuple[Address, ...] = ()
    containers: Mapping[str, Container] = field(default_factory=dict)
    in_lab: bool = False


class Pods:
    """Every pod that runs on our nodes, by UID.

    Methods may be called from any thread, for one pod from one at a time. A hollow node's pods need no lab.
    """

    def __init__(self, lab: Lab, plans: Iterable[NodePlan], agnhost: Path | None, logs: Path, longest: str) -> None:
        self._lab = lab
        self._plans = {plan.name: plan for plan in plans}
        self._addresses = {name: Addresses(plan) for name, plan in self._plans.items()}
        self._agnhost = agnhost
        self._logs = logs
        self._longest = longest
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}
        self._kept: dict[str, tuple[str, tuple[Address, ...]]] = {}

    def __contains__(self, uid: object) -> bool:
        return uid in self._running

    def expect(self, pod: Document) -> None:
        """Keep the addresses that a pod's status says it has until it is started, lest another one gets them."""
        uid = pod["metadata"]["uid"]
        with self._lock:
            if uid not in self._running and uid not in self._kept and _recorded(pod):
                self._kept[uid] = pod["spec"]["nodeName"], self._take(pod)

    def start(self, pod: Document, changed: Callable[[], None]) -> None:
        """Run a pod, with the addresses that its status says it had, if they are free; return before it is ready.

        What cannot be run shows in its status. `changed` is called, in any thread, when that is another one.
        """
        metadata, plan = pod["metadata"], self._plans[pod["spec"]["nodeName"]]
        place = PodPlace(metadata["namespace"], metadata["name"])
        running = _Running(PodFacts((), plan.addresses, datetime.now(UTC)), place, plan)
        with self._lock:
            self._running[metadata["uid"]] = running
            try:
                running.own_addresses = self._take(pod)
            except ValueError as error:
                running.facts = replace(running.facts, problem=str(error))
                return
        running.facts = replace(running.facts, addresses=running.own_addresses or plan.addresses)
        if plan.hollow:
            return
        try:
            self._bring_up(running, pod)
        except (LabError, UnsupportedError) as error:
            running.facts = replace(running.facts, problem=str(error))
            return
        for container in running.containers.values():
            container.start(changed)

    def status(self, pod: Document) -> dict[str, Any]:
        """Return the status of a pod that was started."""
        running = self._running[pod["metadata"]["uid"]]
        if running.plan.hollow:
            up = ContainerState(Phase.RUNNING, ready=True, started=running.facts.since)
            return pod_status(pod, running.facts, {item["name"]: up for item in pod["spec"]["containers"]})
        states = {name: container.state for name, container in running.containers.items()}
        return pod_status(pod, running.facts, states)

    def stop(self, uid: str) -> None:
        """Take a pod down; when this returns, its processes have ended. It is fine if it was never started."""
        with self._lock:
            node, kept = self._kept.pop(uid, ("", ()))
            if kept:
                self._addresses[node].give_back(kept)
        running = self._running.get(uid)
        if running is None:
            return
        for container in running.containers.values():
            container.stop()
        if running.in_lab:
            self._lab.remove_pod(running.place)
        with self._lock:
            self._addresses[running.plan.name].give_back(running.own_addresses)
            del self._running[uid]

    def stop_all(self) -> None:
        """Take all of them down."""
        for uid in tuple(self._running):
            self.stop(uid)

    def pids(self) -> list[int]:
        """Return the processes of all containers."""
        containers = [item for running in tuple(self._running.values()) for item in running.containers.values()]
        return [item.pid for item in containers if item.pid is not None]

    def execute(self, question: Question) -> Run | Said:
        """Say what an execution comes to; only agnhost is ever executed.

        Raises:
            UnsupportedError: there is no such container, or this is not agnhost.

        """
        container, place = self._container(question)
        program, *words = question.command or ("",)
        if program not in (AGNHOST, "agnhost") or self._agnhost is None:
            raise UnsupportedError(f"only agnhost can be executed, not {program!r}")
        if self._longest:
            words = capped(words, self._longest)
        if asks_sctp(words) and not kernel_speaks_sctp():
            return connect_sctp(self._lab, place, words)
        return Run(self._lab.open(place), self._agnhost, tuple(words), container.workload.environment)

    def _take(self, pod: Document) -> tuple[Address, ...]:
        """Return the addresses kept for a pod, or others; a host-network pod has none of its own."""
        if pod["spec"].get("hostNetwork"):
            return ()
        _, kept = self._kept.pop(pod["metadata"]["uid"], ("", ()))
        return kept or self._addresses[pod["spec"]["nodeName"]].take(_recorded(pod))

    def _bring_up(self, running: _Running, pod: Document) -> None:
        """Make the pod's namespace, and its containers in it, which are not started yet."""
        workloads = self._workloads(running, pod)
        ours = [item.without_sctp() for item in workloads] if not kernel_speaks_sctp() else workloads
        left = [
            port
            for whole, part in zip(workloads, ours, strict=True)
            for port in whole.listens
            if port not in part.listens and port[0] is Protocol.SCTP
        ]
        place, plan = running.place, running.plan
        host_network = bool(pod["spec"].get("hostNetwork"))
        addresses = running.facts.addresses
        self._lab.add_pod(LabPod(place.namespace, place.name, plan.name, addresses, host_network, tuple(left)))
        running.in_lab = True
        if self._agnhost is None:
            raise UnsupportedError("no agnhost was given, and a container wants it")
        restarts = _restarts(pod)
        running.containers = {
            item.name: Container(
                item,
                self._agnhost,
                self._lab.open(place),
                log=self._logs / f"{place.namespace}_{place.name}_{item.name}.log",
                policy=pod["spec"].get("restartPolicy", "Always"),
                restarts=restarts.get(item.name, 0),
            )
            for item in ours
        }

    def _workloads(self, running: _Running, pod: Document) -> list[Workload]:
        if pod["spec"].get("initContainers"):
            raise UnsupportedError("there are no init containers here")
        facts = facts_of(pod, running.facts.addresses, running.facts.host_addresses)
        return [workload(container, facts) for container in pod["spec"]["containers"]]

    def _container(self, question: Question) -> tuple[Container, PodPlace]:
        place = PodPlace(question.namespace, question.pod)
        for uid, running in tuple(self._running.items()):
            if running.place == place and question.uid in ("", uid):
                container = running.containers.get(question.container)
                if container is not None:
                    return container, place
        raise UnsupportedError(f"no container {question.container!r} runs in {place}")


def lab_of(plans: Sequence[NodePlan]) -> Lab:
    """Return a lab with the nodes that are not hollow, and no pods yet."""
    return Lab(Topology(tuple(LabNode(plan.name, plan.addresses) for plan in plans if not plan.hollow)))


def _recorded(pod: Document) -> list[Address]:
    return [ip_address(item["ip"]) for item in pod.get("status", {}).get("podIPs") or ()]


def _restarts(pod: Document) -> dict[str, int]:
    """Return how often containers were restarted if we start them now: once more than their status says."""
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    return {item["name"]: item["restartCount"] + 1 for item in statuses if item.get("started")}
