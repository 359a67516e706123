"""A cluster with the engine in it: what deploy/ installs, with controllers and agents as processes."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import yaml

from anp.transport import NAME
from tests.controlplane.plane import ControlPlane
from tests.controlplane.process import Process, wait_for
from tests.controlplane.rest import RefusedError
from tests.kubelet.fixtures import access
from tests.kubelet.kubelet import Settings, VirtualKubelet
from tests.kubelet.streams import Question
from tests.upstream.settled import Settled

Document = dict[str, Any]

ROOT = Path(__file__).parents[2]
NAMESPACE = "anp-system"
CONTROLLER, AGENT = "anp-controller", "anp-agent"
NODES = ("node-1", "node-2")
GROUP = "/apis/engine.anp.internal/v1alpha1"
MANIFEST, REPORTS = f"{GROUP}/policygenerations/{NAME}", f"{GROUP}/nodeenforcements"
WORKLOADS = frozenset({"DaemonSet", "Deployment"})


def kustomized(kubectl: Path, folder: str) -> list[Document]:
    """Return the objects of a kustomization, in the order in which they are to be applied."""
    command = [str(kubectl), "kustomize", str(ROOT / folder)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True, text=True)
    return list(yaml.safe_load_all(done.stdout))


class Program(Process):
    """A command of `anp` in the background."""

    def __init__(self, name: str, command: str, arguments: dict[str, str], log: Path) -> None:
        super().__init__(Path(sys.executable).parent / "anp", {**arguments, "log-format": "json"}, log)
        self._command.insert(1, command)
        self.name = name

    @property
    def address(self) -> str:
        """Where it answers for its health and its metrics; empty before it does."""
        for line in self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else ():
            if port := json.loads(line).get("port"):
                return f"127.0.0.1:{port}"
        return ""


class Engine:
    """A cluster of two nodes, as a context manager."""

    def __init__(
        self,
        folder: Path,
        programs: Path,
        *,
        crds: str = "crds/experimental",
        replicas: int = 2,
        longest_connect: str = "",
        hold: bool = False,
        options: Mapping[str, str] | None = None,
        observe: Callable[[Question], None] = lambda _question: None,
    ) -> None:
        self.plane = ControlPlane(folder, programs, controllers=True, scheduler=True, options=options)
        self.rest = self.plane.rest()
        self._folder = folder
        self.kubectl = programs / "kubectl"
        self._crds = crds
        self._replicas = replicas
        self._observe = observe
        self.catching_up = Settled(self.rest, self._agent_addresses) if hold else None
        self._settings = Settings(
            nodes=NODES,
            agnhost=programs / "agnhost",
            access=access(self.plane),
            longest_connect=longest_connect,
            hold=self._before_execution,
        )
        self._open = ExitStack()
        self.controllers: list[Program] = []
        self.agents: dict[str, Program] = {}

    @property
    def programs(self) -> tuple[Program, ...]:
        """The engine's own processes."""
        return (*self.controllers, *self.agents.values())

    @property
    def caveats(self) -> Sequence[str]:
        """What a report on tests that ran here has to say."""
        return replace(self._settings, hold=self._before_execution if self.catching_up else None).caveats

    @property
    def waits(self) -> Sequence[float]:
        """How long commands were held each time that something had changed, in seconds."""
        return self.catching_up.waits if self.catching_up else ()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.rest.close)
            if self.catching_up:
                stack.callback(self.catching_up.close)
            stack.enter_context(self.plane)
            self.plane.apply(kustomized(self.kubectl, self._crds))
            # Programs run here as processes: a cluster's own machinery would want images.
            self.plane.apply(each for each in kustomized(self.kubectl, "deploy") if each["kind"] not in WORKLOADS)
            self.kubelet = stack.enter_context(VirtualKubelet(self.plane.kubeconfig(), self._settings))
            for number in range(self._replicas):
                self.controllers.append(self._controller(f"controller-{number}"))
            self.agents = {node: self._agent(node) for node in NODES}
            for program in self.programs:
                stack.callback(program.stop)
                program.start()
            wait_for(self.settled, "the first generation to be in force on every node", self.programs)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def settled(self) -> bool:
        """Say whether every agent says that the newest generation is in force."""
        try:
            manifest = self.rest.get(MANIFEST)
        except RefusedError as error:
            if error.code == 404:
                return False
            raise
        newest = manifest["metadata"]["uid"], manifest["spec"]["number"]
        reports = {item["metadata"]["name"]: item.get("status") or {} for item in self.rest.get(REPORTS)["items"]}
        return all(
            (reports.get(node, {}).get("manifest"), reports.get(node, {}).get("generation")) == newest for node in NODES
        )

    def _agent_addresses(self) -> list[str]:
        return [agent.address for agent in self.agents.values()]

    def _before_execution(self, question: Question) -> None:
        self._observe(question)
        if self.catching_up:
            self.catching_up.wait(question)

    def _controller(self, name: str) -> Program:
        config = self.plane.service_account(NAMESPACE, CONTROLLER)
        arguments = {"kubeconfig": str(config), "namespace": NAMESPACE, "metrics-address": "127.0.0.1:0"}
        return Program(name, "controller", arguments, self.plane.logs / f"{name}.log")

    def _agent(self, node: str) -> Program:
        arguments = {
            "kubeconfig": str(self.plane.service_account(NAMESPACE, AGENT, self._agent_pod(node))),
            "node": node,
            "netns": self.kubelet.namespace_path(node),
            "state-dir": str(self._folder / f"state-{node}"),
            "metrics-address": "127.0.0.1:0",
        }
        return Program(f"agent-{node}", "agent", arguments, self.plane.logs / f"agent-{node}.log")

    def _agent_pod(self, node: str) -> Document:
        """Make the pod that an agent would be, which runs nothing: a token tells whose node it is by its pod."""
        metadata = {"name": f"{AGENT}-{node}", "namespace": NAMESPACE}
        containers = [{"name": "agent", "image": "anp", "command": ["pause"]}]
        spec = {"serviceAccountName": AGENT, "nodeName": node, "hostNetwork": True, "containers": containers}
        return self.rest.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
