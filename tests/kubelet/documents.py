"""What we tell the API server: nodes, leases and the status of pods, as documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from compiler.addresses import Address
from tests.kubelet.containers import ContainerState, Phase
from tests.kubelet.plan import NodePlan

Document: TypeAlias = dict[str, Any]

LEASE_SECONDS = 40
LOOPBACK = "127.0.0.1"
"""Where the API server finds every node's exec: nodes' names for themselves, whatever their address in the lab is."""

_CAPACITY = {"cpu": "10k", "memory": "100Ti", "ephemeral-storage": "100Ti", "pods": "100k"}


def node(plan: NodePlan) -> Document:
    """Return a node to be created."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": plan.name,
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": plan.name,
                "kubernetes.io/os": "linux",
            },
        },
        "spec": {"podCIDR": str(plan.ranges[0]), "podCIDRs": [str(item) for item in plan.ranges]},
    }


def node_status(plan: NodePlan, port: int, now: datetime) -> Document:
    """Return the status of a node that is ready, whose exec is served on `port` of loopback."""
    return {
        "addresses": [
            {"type": "Hostname", "address": LOOPBACK},
            *({"type": "InternalIP", "address": str(item)} for item in plan.addresses),
        ],
        "allocatable": _CAPACITY,
        "capacity": _CAPACITY,
        "conditions": [
            _node_condition("Ready", "True", "KubeletReady", now),
            _node_condition("MemoryPressure", "False", "KubeletHasSufficientMemory", now),
            _node_condition("DiskPressure", "False", "KubeletHasNoDiskPressure", now),
            _node_condition("PIDPressure", "False", "KubeletHasSufficientPID", now),
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": "",
            "containerRuntimeVersion": "namespaces://1",
            "kernelVersion": "",
            "kubeProxyVersion": "",
            "kubeletVersion": "v1.36.0",
            "machineID": "",
            "operatingSystem": "linux",
            "osImage": "virtual",
            "systemUUID": "",
        },
    }


def lease(name: str, now: datetime) -> Document:
    """Return the lease by which a node says that it is alive."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": {
            "holderIdentity": name,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What we know of a pod that we run; `problem` is why we cannot."""

    addresses: tuple[Address, ...]
    host_addresses: tuple[Address, ...]
    since: datetime
    problem: str = ""


def pod_status(pod: Mapping[str, Any], facts: PodFacts, states: Mapping[str, ContainerState]) -> Document:
    """Return the status of a pod whose containers are in these states."""
    containers = pod["spec"]["containers"]
    statuses = [
        _container_status(container, states.get(container["name"], ContainerState()), facts) for container in containers
    ]
    phase = _phase(pod["spec"].get("restartPolicy", "Always"), statuses, facts)
    ready = phase == "Running" and all(status["ready"] for status in statuses)
    return {
        "phase": phase,
        "hostIP": str(facts.host_addresses[0]),
        "hostIPs": [{"ip": str(item)} for item in facts.host_addresses],
        "startTime": _time(facts.since),
        "conditions": [
            _pod_condition("PodScheduled", holds=True, since=facts.since),
            _pod_condition("Initialized", holds=True, since=facts.since),
            _pod_condition("ContainersReady", holds=ready, since=_last_change(statuses, facts)),
            _pod_condition("Ready", holds=ready, since=_last_change(statuses, facts)),
        ],
        "containerStatuses": statuses,
        **(
            {"podIP": str(facts.addresses[0]), "podIPs": [{"ip": str(item)} for item in facts.addresses]}
            if facts.addresses
            else {}
        ),
    }


def _phase(policy: str, statuses: Sequence[Document], facts: PodFacts) -> str:
    if facts.problem or any("waiting" in status["state"] for status in statuses):
        return "Pending"
    ended = [status["state"]["terminated"]["exitCode"] for status in statuses if "terminated" in status["state"]]
    if len(ended) < len(statuses) or policy == "Always" or (policy == "OnFailure" and any(ended)):
        return "Running"
    return "Failed" if any(ended) else "Succeeded"


def _container_status(container: Mapping[str, Any], state: ContainerState, facts: PodFacts) -> Document:
    match state.phase:
        case Phase.RUNNING:
            detail: Document = {"running": {"startedAt": _time(state.started or facts.since)}}
        case Phase.TERMINATED:
            detail = {
                "terminated": {
                    "exitCode": state.code,
                    "reason": "Error" if state.code else "Completed",
                    "startedAt": _time(state.started or facts.since),
                    "finishedAt": _time(state.ended or facts.since),
                }
            }
        case Phase.WAITING:
            problem = facts.problem or state.message
            reason = "CreateContainerError" if problem else "ContainerCreating"
            detail = {"waiting": {"reason": reason, "message": problem}}
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "containerID": "",
        "ready": state.ready,
        "started": state.phase is Phase.RUNNING,
        "restartCount": state.restarts,
        "state": detail,
    }


def _last_change(statuses: Sequence[Document], facts: PodFacts) -> datetime:
    """Return when the last container started or ended, as this is when a pod becomes ready, or no longer is."""
    times = [
        datetime.strptime(detail[key], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=facts.since.tzinfo)
        for status in statuses
        for detail in status["state"].values()
        for key in ("startedAt", "finishedAt")
        if key in detail
    ]
    return max([facts.since, *times])


def _node_condition(kind: str, status: str, reason: str, now: datetime) -> Document:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "",
        "lastHeartbeatTime": _time(now),
        "lastTransitionTime": _time(now),
    }


def _pod_condition(kind: str, *, holds: bool, since: datetime) -> Document:
    return {"type": kind, "status": "True" if holds else "False", "lastTransitionTime": _time(since)}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
