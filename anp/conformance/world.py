"""The cluster of a scenario as it is after some steps."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from anp import api
from anp.conformance.changes import ChangeError, Documents, NotRefusedError, apply_change, key_of, resolved
from anp.conformance.path import ManyBackendsError, Path, path_of
from anp.conformance.scenario import OBSERVED, Probe, Scenario
from anp.lab.services import Service, routes, to_service
from anp.lab.topology import OutsideHost
from anp.sources.addressing import place
from anp.sources.manifests import bare
from anp.sources.service_addressing import place_services
from anp.state.assembly import assemble
from compiler.addresses import Address, AddressSet, IpVersion
from compiler.model import Flow, Protocol, Snapshot


@dataclass(frozen=True, slots=True)
class View:
    """A cluster at one moment: for the compiler, and for the lab."""

    snapshot: Snapshot
    serves: Mapping[tuple[str, str], tuple[tuple[Protocol, int], ...]]
    outside: tuple[OutsideHost, ...] = ()
    services: tuple[Service, ...] = ()


class World:
    """The documents of a scenario, changed step by step.

    Raises:
        ChangeError: an object is not sound; the message says what is wrong with it.

    """

    def __init__(self, scenario: Scenario, families: Iterable[IpVersion]) -> None:
        self._families = tuple(families)
        self._outside = scenario.outside
        observed = OBSERVED in scenario.tags
        self._admission = api.Admission.OBSERVED if observed else api.Admission.SUBMITTED
        self._documents: Documents = {}
        self._learned: dict[str, AddressSet] = {}
        if scenario.running is not None:
            self.view = View(scenario.running.snapshot, {}, scenario.outside, scenario.running.services)
            return
        # Pods come first and get their addresses, so that policies can refer to them.
        placed, others = ([d for d in scenario.objects if (d.get("kind") in _PLACED) is it] for it in (True, False))
        self._documents.update({key_of(document): copy.deepcopy(dict(document)) for document in placed})
        self.view = self._look()
        if others:
            filled = [resolved(document, self._resolve) for document in others]
            self._documents.update({key_of(document): document for document in filled})
            self.view = self._look()

    def change(self, changes: Iterable[Mapping[str, Any]]) -> View:
        """Do the changes of one step, and return the cluster afterwards.

        Raises:
            ChangeError: one of them makes no sense; those before it are done.

        A running cluster has no documents, and its scenarios have no changes.
        """
        for change in changes:
            match dict(change):
                case {"learn": names}:
                    self._learned |= _learned(names)
                case {"refuse": document}:
                    _refuse(resolved(document, self._resolve))
                case _:
                    apply_change(self._documents, change, self._resolve)
            self.view = self._look()
        return self.view

    def path(self, probe: Probe, family: IpVersion) -> Path:
        """Return how what a probe is about travels, in one family.

        Raises:
            ChangeError: an end of it is not there, or has no address of that family, or is a Service of several pods.

        """
        source, destination = (self._address(end, family) for end in (probe.source, probe.destination))
        sent = Flow(source, destination, probe.protocol, probe.port)
        snapshot = self.view.snapshot
        try:
            return path_of(sent, routes(self.view.services, snapshot), snapshot)
        except ManyBackendsError as error:
            raise ChangeError(str(error)) from error

    def _address(self, end: str, family: IpVersion) -> Address:
        found = next((address for address in self.addresses(end) if address.version == family), None)
        if found is None:
            raise ChangeError(f"{end} has no IPv{family} address")
        return found

    def addresses(self, end: str) -> tuple[Address, ...]:
        """Return the addresses that an end of a probe names, which is written as scenarios say.

        Raises:
            ChangeError: it is none of these.

        """
        snapshot = self.view.snapshot
        if end.startswith("node "):
            return next((node.addresses for node in snapshot.nodes if node.name == end.removeprefix("node ")), ())
        namespace, slash, name = end.removeprefix("service ").partition("/")
        if end.startswith("service "):
            services = (item for item in self.view.services if (item.namespace, item.name) == (namespace, name))
            return next((item.addresses for item in services), ())
        if not slash:
            host = next((host for host in self._outside if host.name == end), None)
            return host.addresses if host else (_spelt(end),)
        return next((pod.addresses for pod in snapshot.pods if pod.key == (namespace, name)), ())

    def _resolve(self, what: str, pod: str) -> list[str]:
        kind, family = what.rstrip("46"), what[-1]
        families = (int(family),) if family in "46" else self._families
        addresses = [address for address in self.addresses(pod) if address.version in families]
        if not addresses:
            raise ChangeError(f"there is no pod {pod} with an address")
        lengths = {4: "/32", 6: "/128"}
        return [f"{address}{lengths[address.version]}" if kind == "net" else str(address) for address in addresses]

    def _look(self) -> View:
        parsed = [self._parse(document) for document in self._documents.values()]
        items = place_services(place(parsed))
        assembly = assemble(items, learned=self._learned, advise=False)
        things = [bare(item) for item in items]
        pods = [thing for thing in things if isinstance(thing, api.Pod)]
        services = tuple(to_service(thing) for thing in things if isinstance(thing, api.Service))
        serves = {(pod.metadata.namespace, pod.metadata.name): api.served_ports(pod) for pod in pods}
        return View(assembly.snapshot, serves, self._outside, services)

    def _parse(self, document: Mapping[str, Any]) -> api.ApiObject:
        try:
            return api.parse(document, admission=self._admission).object
        except api.ApiError as error:
            raise ChangeError(f"{' '.join(filter(None, key_of(document)))}: {error}") from error


def _learned(names: Any) -> dict[str, AddressSet]:
    try:
        return {str(name): AddressSet.of(*map(str, texts)) for name, texts in names.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise ChangeError(f"'learn' takes lists of addresses by name: {error}") from error


def _refuse(document: Any) -> None:
    try:
        api.parse(document)
    except api.ApiError:
        return
    raise NotRefusedError(f"{' '.join(filter(None, key_of(document)))} was to be refused, and is sound")


def _spelt(text: str) -> Address:
    try:
        return ip_address(text)
    except ValueError:
        raise ChangeError(f"{text!r} is nobody's name, and no address") from None


_PLACED = frozenset({"Namespace", "Node", "Pod"})
