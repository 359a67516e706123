"""What tests of the kubelet are written in: workloads as documents, and somebody who executes commands in pods."""

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.controlplane.plane import ControlPlane
from tests.controlplane.process import wait_for
from tests.controlplane.rest import Rest

Document = dict[str, Any]

IMAGE = "agnhost"
PODS = "/api/v1/namespaces/default/pods"
HOST_PORTS = 34345, 34346, 34347, 34348, 34351


def container(name: str, script: str = "", **environment: str) -> Document:
    """A container that runs a script, as the conformance suites write them; without one, it sleeps."""
    command = {"command": ["/bin/bash", "-c", script]} if script else {}
    return {"name": name, "image": IMAGE, **command, "env": [{"name": k, "value": v} for k, v in environment.items()]}


def servers() -> list[Document]:
    """A client, and servers for every protocol."""
    return [
        container("client"),
        container("tcp", "/agnhost serve-hostname --tcp --http=false --port 80"),
        container("udp", "/agnhost serve-hostname --udp --http=false --port 53"),
        container("sctp", "/agnhost porter", SERVE_SCTP_PORT_9003="foo"),
    ]


def host_servers() -> list[Document]:
    """The same for a pod on its host's network, whose UDP server binds the host's address only."""
    tcp, _, udp, http, sctp = HOST_PORTS
    script = f"/agnhost netexec --http-port {http} --udp-port {udp} --udp-listen-addresses $(HOST_IP)"
    host_ip = {"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}
    return [
        container("client"),
        container("tcp", f"/agnhost serve-hostname --tcp --http=false --port {tcp}"),
        {**container("udp", script), "env": [host_ip]},
        container("sctp", "/agnhost porter", **{f"SERVE_SCTP_PORT_{sctp}": "foo"}),
    ]


def pod(name: str, containers: Iterable[Document], **spec: Any) -> Document:
    """A pod."""
    metadata = {"name": name, "namespace": "default"}
    spec = {"terminationGracePeriodSeconds": 30, "containers": list(containers), **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def stateful_set(name: str, containers: Iterable[Document], **spec: Any) -> Document:
    """A StatefulSet of two pods, as the conformance suites have them."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": list(containers), **spec}}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"serviceName": name, "replicas": 2, "selector": {"matchLabels": labels}, "template": template},
    }


@dataclass(frozen=True, slots=True)
class World:
    """A control plane, seen by somebody who may do everything."""

    plane: ControlPlane
    rest: Rest
    kubectl: Path

    def pods(self) -> dict[str, Document]:
        """All pods by name."""
        return {item["metadata"]["name"]: item for item in self.rest.get(PODS)["items"]}

    def wait_for_pod(self, name: str) -> Document:
        """Wait until a pod is ready, and return it."""
        return wait_for(lambda: self._if_ready(name), f"pod {name} to be ready", self.plane.processes)

    def wait_for_set(self, name: str) -> list[Document]:
        """Wait until both pods of a StatefulSet are ready, as that itself says, and return them."""
        path = f"/apis/apps/v1/namespaces/default/statefulsets/{name}"
        wait_for(lambda: self.rest.get(path).get("status", {}).get("readyReplicas") == 2, name, self.plane.processes)
        return [self.pods()[f"{name}-{number}"] for number in (0, 1)]

    def wait_until_gone(self, *names: str) -> None:
        """Wait until none of these pods is there."""
        wait_for(lambda: not self.pods().keys() & set(names), f"{names} to be gone", self.plane.processes)

    def delete(self, *names: str) -> None:
        """Delete pods and wait until they are gone."""
        for name in names:
            self.rest.delete(f"{PODS}/{name}")
        self.wait_until_gone(*names)

    def execute(
        self, name: str, *command: str, environment: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Execute a command in the container `client` of a pod."""
        kubectl = [str(self.kubectl), f"--kubeconfig={self.plane.kubeconfig()}", "exec", name, "--container=client"]
        return subprocess.run(
            [*kubectl, "--", *command],
            env={"PATH": os.defpath, "HOME": str(self.plane.folder), **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
        )

    def connect(self, name: str, protocol: str, address: str, port: int, timeout: str = "10s") -> str:
        """Connect from a pod as the conformance suites do; return the word that agnhost says, nothing if it is through.

        The default is patient, as what should get through is not to fail because the machine is busy.
        """
        target = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        done = self.execute(name, "/agnhost", "connect", f"--timeout={timeout}", f"--protocol={protocol}", target)
        if done.returncode == 0:
            assert done.stderr == ""
        return done.stderr.partition("\n")[0].partition(":")[0]

    def _if_ready(self, name: str) -> Document:
        """Return the pod if it is ready, otherwise nothing."""
        found = self.pods().get(name, {})
        conditions = {item["type"]: item["status"] for item in found.get("status", {}).get("conditions", ())}
        return found if conditions.get("Ready") == "True" else {}


def addresses(of: Document) -> list[str]:
    """A pod's addresses."""
    return [item["ip"] for item in of["status"]["podIPs"]]
