"""A cluster to measure: an API server, a node as a network namespace with two pods, and the engine's own processes."""

import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from anp.lab.lab import Lab
from anp.lab.topology import LabNode, LabPod, NodePlace, Topology
from bench.control_plane import workload
from bench.control_plane.workload import NODE, Document, HollowPod, Size
from tests.controlplane.plane import ControlPlane
from tests.controlplane.process import wait_for
from tests.controlplane.rest import MERGE, RefusedError
from tests.upstream.engine import AGENT, CONTROLLER, MANIFEST, NAMESPACE, WORKLOADS, Program, kustomized

CRDS = "crds/experimental"
MANIFESTS = MANIFEST.rpartition("/")[0]
GATES = "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies"
AT_ONCE = 8
START_LIMIT = 600.0
"""Seconds that a cold start may take on a busy machine."""

_REQUEST = re.compile(r"^apiserver_request_total\{(?P<labels>[^}]*)\} (?P<count>[\d.e+]+)$", re.MULTILINE)
_SENT = re.compile(r"^apiserver_watch_events_sizes_sum\{(?P<labels>[^}]*)\} (?P<count>[\d.e+]+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_WRITES = frozenset({"POST", "PUT", "PATCH", "APPLY", "DELETE"})
_TICKS = os.sysconf("SC_CLK_TCK")

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process has taken: seconds of a processor, and mebibytes of memory, now and at most."""

    seconds: float
    resident: float
    most: float


class Cluster:
    """A cluster of a size, from `start` on; the engine is started on its own."""

    def __init__(self, folder: Path, programs: Path, size: Size) -> None:
        self.size = size
        self.plane = ControlPlane(folder, programs)
        self.rest = self.plane.rest()
        self._kubectl = programs / "kubectl"
        self._state = folder / "state"
        client, server = workload.ends()
        self.lab = Lab(
            Topology(
                (LabNode(NODE, (workload.node_address(),)),),
                tuple(LabPod(end.namespace, end.name, NODE, (end.address,)) for end in (client, server)),
            )
        )
        self._open = ExitStack()
        self.controller: Program | None = None
        self.agent: Program | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, self.plane.folder / "etcd", ignore_errors=True)
            stack.callback(self.rest.close)
            stack.enter_context(self.plane)
            stack.enter_context(self.lab)
            self._fill()
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    # The engine.

    def start_engine(self) -> None:
        """Start a controller and the agent of our node."""
        token = self.plane.service_account(NAMESPACE, CONTROLLER)
        arguments = {"kubeconfig": str(token), "namespace": NAMESPACE, "metrics-address": "127.0.0.1:0"}
        self.controller = Program("controller", "controller", arguments, self.plane.logs / "controller.log")
        netns = self.lab.open(NodePlace(NODE))
        self._open.callback(os.close, netns)
        arguments = {
            "kubeconfig": str(self.plane.service_account(NAMESPACE, AGENT, self._agent_pod())),
            "node": NODE,
            "netns": f"/proc/{os.getpid()}/fd/{netns}",
            "state-dir": str(self._state),
            "metrics-address": "127.0.0.1:0",
        }
        self.agent = Program("agent", "agent", arguments, self.plane.logs / "agent.log")
        for program in (self.controller, self.agent):
            self._open.callback(program.stop)
            program.start()

    def await_true(self, question: Callable[[], Thing], what: str, limit: float = START_LIMIT) -> Thing:
        """Wait for something, as long as the engine lives."""
        return wait_for(question, what, (*self.plane.processes, self.controller, self.agent), limit)

    def number(self) -> int:
        """Return the number of the generation that is published; 0 if there is none."""
        try:
            return self.rest.get(MANIFEST)["spec"]["number"]
        except RefusedError as error:
            if error.code == 404:
                return 0
            raise

    # What happens in it.

    def start_pod(self, pod: HollowPod) -> None:
        """Create a pod that runs."""
        self.rest.request("POST", pod.path.rpartition("/")[0], pod.document)
        self.rest.request("PATCH", f"{pod.path}/status", pod.status, MERGE)

    def end_pod(self, pod: HollowPod) -> None:
        """Delete a pod."""
        self.rest.delete(pod.path, gracePeriodSeconds=0)

    def turn(self, action: str) -> tuple[float, float]:
        """Apply the gate; return when it was sent and when the API server had accepted it."""
        began = time.monotonic()
        self.rest.apply(workload.gate(action))
        return began, time.monotonic()

    # What it costs.

    def counts(self) -> tuple[Counter[str], Counter[str]]:
        """Return how many writes of each resource there were, and how many bytes watchers of each kind were sent."""
        text = self.rest.get("/metrics")["message"]
        writes: Counter[str] = Counter()
        for found in _REQUEST.finditer(text):
            labels = dict(_LABEL.findall(found["labels"]))
            if labels["verb"] in _WRITES and labels["code"].startswith("2"):
                resource = "/".join(filter(None, (labels["resource"], labels["subresource"])))
                writes[resource] += int(float(found["count"]))
        sent: Counter[str] = Counter()
        for found in _SENT.finditer(text):
            sent[dict(_LABEL.findall(found["labels"])).get("resource", "")] += int(float(found["count"]))
        return writes, sent

    # Parts.

    def _fill(self) -> None:
        self.plane.apply(kustomized(self._kubectl, CRDS))
        self.plane.apply(each for each in kustomized(self._kubectl, "deploy") if each["kind"] not in WORKLOADS)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            _all(pool.map(self.rest.create, workload.namespaces(self.size)))
            _all(pool.map(self._start_node, workload.nodes(self.size)))
            _all(pool.map(self.rest.create, workload.policies(self.size)))
            _all(pool.map(self.start_pod, (*workload.ends(), *workload.pods(self.size))))
        self.turn("Accept")

    def _start_node(self, node: tuple[Document, Document]) -> None:
        document, status = node
        self.rest.create(document)
        self.rest.merge(f"/api/v1/nodes/{document['metadata']['name']}/status", {"status": status})

    def _agent_pod(self) -> Document:
        """Make the pod that the agent would be: a token tells whose node it is by its pod."""
        metadata = {"name": f"{AGENT}-{NODE}", "namespace": NAMESPACE}
        containers = [{"name": "agent", "image": "anp"}]
        spec = {"serviceAccountName": AGENT, "nodeName": NODE, "hostNetwork": True, "containers": containers}
        return self.rest.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def cost(program: Program) -> Cost:
    """Return what a process has taken until now."""
    fields = Path(f"/proc/{program.pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{program.pid}/status").read_text(encoding="utf-8").splitlines()
    )
    resident, most = (int(status[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return Cost((int(fields[11]) + int(fields[12])) / _TICKS, resident, most)


def _all(results: Iterable[object]) -> None:
    """Wait for all of them; the first failure is raised."""
    for _ in results:
        pass
