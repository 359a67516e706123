"""The virtual kubelet: nodes of a real API server whose pods are network namespaces of the lab."""

import asyncio
import logging
import os
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias

from anp.lab.errors import LabError
from anp.lab.lab import Lab
from anp.lab.loop import LoopThread
from anp.lab.topology import NodePlace
from enforcer.kernel import KernelDataplane
from tests.kubelet.apiserver import ApiServer
from tests.kubelet.building import streams_program
from tests.kubelet.connect import Said
from tests.kubelet.errors import KubeletError, UnsupportedError
from tests.kubelet.plan import NodePlan, node_plans
from tests.kubelet.pods import Pods, lab_of
from tests.kubelet.registration import Registration
from tests.kubelet.streams import Access, Question, Run, Streams
from tests.kubelet.workers import Workers

_LOG = logging.getLogger(__name__)

Hold: TypeAlias = Callable[[Question], None]
"""Returns when a command may be executed; raises KubeletError where it must not."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a kubelet is to be.

    Args:
        nodes: Names of nodes, each a network namespace that forwards for its pods.
        hollow: Names of nodes that run nothing: their pods get addresses and are ready, and that is all.
        families: IP versions, the preferred one first; it is `podIP` and `hostIP`.
        agnhost: The program that containers run; without one, no pod of a real node starts.
        access: Who may execute commands; as a rule the API server, whose certificate is signed by the
            authority that the kubeconfig trusts.
        longest_connect: What `agnhost connect` may wait at most, such as 1s; empty is what it was told.
        hold: Is called before each execution, which waits until it returns.

    """

    nodes: tuple[str, ...] = ("node-1", "node-2")
    hollow: tuple[str, ...] = ()
    families: tuple[int, ...] = (4, 6)
    agnhost: Path | None = None
    access: Access | None = None
    longest_connect: str = ""
    hold: Hold | None = None

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a report on tests that ran here has to say."""
        said = []
        if self.longest_connect:
            said.append(f"a connection that is not answered counts as denied after {self.longest_connect}")
        if self.hold is not None:
            said.append("a probe starts only when the engine says that it has seen the latest change")
        return tuple(said)


class VirtualKubelet:
    """Nodes of a real API server, from `start` to `stop`, or as a context manager.

    The API server is spoken to from the network namespace that `start` is called in, and exec is served on its
    loopback. When the process ends, however it ends, the kernel takes namespaces and processes back. Nodes
    and pods stay in the API server: the next kubelet with the same names runs the pods anew, at their old addresses.
    """

    def __init__(self, kubeconfig: Path, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.plans: tuple[NodePlan, ...] = tuple(
            node_plans(self.settings.nodes, self.settings.hollow, self.settings.families)
        )
        self._kubeconfig = kubeconfig
        self._lab = lab_of(self.plans)
        self._pods: Pods | None = None
        self._descriptors: dict[str, int] = {}
        self._open = ExitStack()
        self.folder = Path()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_details: object) -> None:
        self.stop()

    @property
    def lab(self) -> Lab:
        """The lab with the nodes that are not hollow and their pods, to probe and to look into."""
        return self._lab

    def start(self) -> None:
        """Register the nodes and run their pods; when this returns, the nodes are ready.

        Raises:
            BuildError: the server for exec could not be built.
            LabError: the kernel does not let us make the nodes.
            ApiError, aiohttp.ClientError: the API server refused, or did not answer.

        """
        with ExitStack() as stack:
            # Nobody else may enter it: whoever can ask there what to run learns of every pod.
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kubelet-")))
            api = ApiServer(self._kubeconfig)
            port = self._start_nodes(stack, api) if self.settings.nodes else 0
            loop = LoopThread()
            stack.callback(loop.close)
            pods = Pods(self._lab, self.plans, self.settings.agnhost, self.folder, self.settings.longest_connect)
            self._pods = pods
            stack.callback(pods.stop_all)
            loop.run(api.open())
            stack.callback(lambda: loop.run(api.close()))
            registration, workers = Registration(api, self.plans, port), Workers(api, pods, self.plans)
            loop.run(registration.register())
            stack.callback(lambda: loop.run(workers.close()))
            tasks = loop.run(_begin(registration.keep_alive(), workers.follow()))
            stack.callback(lambda: loop.run(_cancel(tasks)))
            self._open = stack.pop_all()

    def stop(self) -> None:
        """Take everything down that runs here; stopping twice does no harm."""
        self._open.close()

    def namespace_path(self, node: str) -> str:
        """Return a path by which other processes of this user can enter a node's network while this one lives."""
        return f"/proc/{os.getpid()}/fd/{self._descriptors[node]}"

    def dataplane(self, node: str) -> KernelDataplane:
        """Open nftables in a node's network namespace; the caller closes it, and may use it from any thread."""
        return self._lab.in_node(node, KernelDataplane)

    def pids(self) -> list[int]:
        """Return the processes that containers run as."""
        return [] if self._pods is None else self._pods.pids()

    def _start_nodes(self, stack: ExitStack, api: ApiServer) -> int:
        """Start what real nodes need, and return the port on which exec is served."""
        access = self.settings.access
        if access is None:
            if api.authority is None:
                raise KubeletError("the kubeconfig trusts no authority of its own; say who may execute commands")
            access = Access(api.authority)
        stack.enter_context(self._lab)
        for node in self.settings.nodes:
            self._descriptors[node] = self._lab.open(NodePlace(node))
            stack.callback(os.close, self._descriptors[node])
        return stack.enter_context(Streams(streams_program(), access, self.folder, self._answer)).port

    def _answer(self, question: Question) -> Run | Said:
        if self.settings.hold is not None:
            self.settings.hold(question)
        if self._pods is None:
            raise UnsupportedError("nothing runs yet")
        try:
            return self._pods.execute(question)
        except LabError as error:
            # It has gone since it was looked up.
            raise UnsupportedError(str(error)) from error


Tasks: TypeAlias = list[asyncio.Task[None]]


async def _begin(*coroutines: Coroutine[Any, Any, None]) -> Tasks:
    """Let these run on; one that ends was to go on for ever, so that is told."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    for task in tasks:
        task.add_done_callback(_tell_end)
    return tasks


def _tell_end(task: "asyncio.Task[None]") -> None:
    if not task.cancelled():
        _LOG.critical("the kubelet has stopped working", exc_info=task.exception())


async def _cancel(tasks: Tasks) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
