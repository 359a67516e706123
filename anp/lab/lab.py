"""The lab itself: builds what a topology says, changes it, probes it, and takes it down."""

import itertools
import os
import resource
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar

from anp.lab import wiring
from anp.lab.errors import LabError, TopologyError
from anp.lab.loop import LoopThread
from anp.lab.namespace import Namespace
from anp.lab.prober import Question, ask_all
from anp.lab.probes import Probe, ProbeResult
from anp.lab.site import Site
from anp.lab.topology import Endpoint, Host, LabNode, LabPod, NodePlace, OutsideHost, Place, PodPlace, Topology
from anp.lab.wiring import Link
from compiler.addresses import Address

T = TypeVar("T")


class Lab:
    """A running cluster of network namespaces; it runs from `start` to `close`, or as a context manager.

    Methods may be called from any thread. However the process ends, the kernel takes everything back.
    """

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._lock = threading.RLock()
        self._names = map("veth{}".format, itertools.count())
        self._loop: LoopThread | None = None
        self._fabric: Namespace | None = None
        self._sites: dict[Place, Site] = {}
        self._links: dict[Place, Link] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def topology(self) -> Topology:
        """What the lab consists of now."""
        return self._topology

    def start(self) -> None:
        """Build it all; when this returns, every address can be reached and every server answers.

        Raises:
            PrivilegeError: we may not make network namespaces.
            UnsupportedKernelError: the kernel lacks something.
            LabError: the kernel refused something else; the message says what and why.

        """
        with self._lock:
            if self._loop is not None:
                raise LabError("the lab is running already")
            try:
                _allow_many_descriptors()
                self._loop = LoopThread()
                self._fabric = Namespace()
                wiring.prepare_fabric(self._fabric)
                for node in self._topology.nodes:
                    self._add_host(node)
                for host in self._topology.outside:
                    self._add_host(host)
                    self._serve(host)
                for pod in self._topology.pods:
                    self._start_pod(pod)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Take it all down; closing twice does no harm."""
        with self._lock:
            if self._loop is not None:
                for site in self._sites.values():
                    self._loop.call(site.close)
                self._loop.close()
                self._loop = None
            if self._fabric is not None:
                self._fabric.close()
                self._fabric = None
            self._sites.clear()
            self._links.clear()

    def add_pod(self, pod: LabPod) -> None:
        """Start one more pod.

        Raises:
            TopologyError: it contradicts what is there; nothing has changed.
            LabError: the kernel refused; the pod is not there.

        """
        with self._lock:
            topology = self._topology.with_pod(pod)
            try:
                self._start_pod(pod)
            except BaseException:
                self._stop_pod(pod)
                raise
            self._topology = topology

    def remove_pod(self, place: PodPlace) -> None:
        """Stop a pod; what was established with it hangs. Raises TopologyError where there is none of that name."""
        with self._lock:
            pod = self._topology.pod(place)
            self._topology = self._topology.without_pod(place)
            self._stop_pod(pod)

    def readdress_pod(self, place: PodPlace, addresses: tuple[Address, ...]) -> None:
        """Give a running pod other addresses; it goes on serving the same ports, on all of them.

        Raises:
            TopologyError: there is no such pod, or the addresses are not free; nothing has changed.
            LabError: the kernel refused.

        """
        with self._lock:
            before = self._topology.pod(place)
            after = replace(before, addresses=addresses)
            self._topology = self._topology.without_pod(place).with_pod(after)
            if not after.host_network:
                wiring.readdress(self._links[place], before.addresses, after.addresses)
                wiring.route(self._links[NodePlace(after.node)], before.addresses, after.addresses)
            self._serve(after)

    def call(self, place: Place, function: Callable[[], T]) -> T:
        """Run `function` in the namespace of `place`, in a thread that ends with it; return or raise as it does.

        Sockets opened there, netlink's among them, stay there whoever uses them later; so do processes started.
        Raises TopologyError where there is no such place.
        """
        return self._site(place).namespace.call(function)

    def open(self, place: Place) -> int:
        """Return a new file descriptor of the namespace of `place`, which the caller closes.

        By it, other processes can enter. Raises TopologyError where there is no such place.
        """
        with self._lock:
            return os.dup(self._site(place).namespace.fd)

    def in_node(self, name: str, function: Callable[[], T]) -> T:
        """Run `function` in a node's namespace, as `call` does."""
        return self.call(NodePlace(name), function)

    def probe(self, probes: Sequence[Probe], *, seconds: float = 0.5, retries: int = 0) -> list[ProbeResult]:
        """Probe all at once, and return the results in the same order.

        Within `seconds` nothing is sent twice, but for what TCP itself repeats after 1 s. Whoever cannot tell a drop
        from a slow machine by other means lets what timed out be tried again up to `retries` times, each with twice
        the time. Every try has a source port that was not used lately, so that connections tracked before do not
        answer for it.

        Raises:
            TopologyError: a source is not there.

        """
        with self._lock:
            servers = {end: str(place) for end, place in self._topology.servers().items()}
            hosts = self._topology.hosts()
            questions = [self._question(probe, hosts, servers) for probe in probes]
        return self._running().run(ask_all(questions, seconds, retries))

    def _add_host(self, host: LabNode | OutsideHost) -> None:
        """Put a node or outside host on the fabric."""
        if self._fabric is None:
            raise LabError("the lab is not running")
        self._attach(host.place, self._fabric, host.addresses, forwards=isinstance(host, LabNode))

    def _start_pod(self, pod: LabPod) -> None:
        if not pod.host_network:
            node = NodePlace(pod.node)
            self._attach(pod.place, self._site(node).namespace, pod.addresses, forwards=False)
            wiring.route(self._links[node], (), pod.addresses)
        self._serve(pod)

    def _stop_pod(self, pod: LabPod) -> None:
        """Undo `_start_pod`, however far it got."""
        loop = self._running()
        if pod.host_network:
            shared = self._site_of(pod)
            loop.call(lambda: shared.withdraw(pod.place))
            return
        link, site = self._links.pop(pod.place, None), self._sites.pop(pod.place, None)
        if site is not None:
            loop.call(site.close)
        if link is not None:
            wiring.disconnect(link)
            wiring.route(self._links[NodePlace(pod.node)], pod.addresses, ())

    def _attach(self, place: Place, router: Namespace, addresses: tuple[Address, ...], *, forwards: bool) -> None:
        """Make the namespace of `place` and hang it on `router`."""
        namespace = Namespace()
        try:
            wiring.prepare(namespace, forwards=forwards)
            link = Link(router, namespace, next(self._names), discovers=isinstance(place, PodPlace))
            wiring.connect(link)
            self._links[place] = link
            wiring.readdress(link, (), addresses)
            self._sites[place] = self._running().call(lambda: Site(namespace))
        except BaseException:
            namespace.close()
            raise

    def _serve(self, host: LabPod | OutsideHost) -> None:
        site = self._site_of(host)
        try:
            self._running().call(lambda: site.serve(host.place, host.addresses, host.serves))
        except OSError as error:
            raise LabError(f"{host.place} cannot serve: {error.strerror}") from error

    def _question(self, probe: Probe, hosts: Mapping[Place, Host], servers: Mapping[Endpoint, str]) -> Question:
        if probe.source not in hosts:
            raise TopologyError(f"there is no {probe.source}")
        site = self._site_of(hosts[probe.source])
        ours = (item for item in hosts[probe.source].addresses if item.version == probe.destination.version)
        server = servers.get((probe.destination, probe.protocol, probe.port), "")
        return Question(probe, site, next(ours, None), server)

    def _site(self, place: Place) -> Site:
        """Return where the packets of `place` come from: for a host-network pod, its node."""
        with self._lock:
            host = self._topology.hosts().get(place)
            if host is None:
                raise TopologyError(f"there is no {place}")
            return self._site_of(host)

    def _site_of(self, host: Host) -> Site:
        site = self._sites.get(NodePlace(host.node) if isinstance(host, LabPod) and host.host_network else host.place)
        if site is None:
            raise LabError("the lab is not running")
        return site

    def _running(self) -> LoopThread:
        if self._loop is None:
            raise LabError("the lab is not running")
        return self._loop


def _allow_many_descriptors() -> None:
    """Lift the limit on open files as far as we may: every namespace, server and probe in flight holds some."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
