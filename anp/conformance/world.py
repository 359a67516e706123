"""The cluster of a scenario as it is after some steps."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from anp import api
from anp.conformance.changes import ChangeError, Documents, apply_change, key_of, resolved
from anp.conformance.scenario import Probe, Scenario
from anp.sources.addressing import place
from anp.sources.manifests import bare
from anp.state.assembly import assemble
from compiler.addresses import Address, IpVersion
from compiler.model import Flow, Protocol, Snapshot

OBSERVED_TAG = "observed"
"""The scenario's objects are as a cluster has them, not as a server would take them today."""


@dataclass(frozen=True, slots=True)
class View:
    """A cluster at one moment: for the compiler, and for the lab."""

    snapshot: Snapshot
    serves: Mapping[tuple[str, str], tuple[tuple[Protocol, int], ...]]


class World:
    """The documents of a scenario, changed step by step.

    Raises:
        ChangeError: an object is not sound; the message says what is wrong with it.

    """

    def __init__(self, scenario: Scenario, families: Iterable[IpVersion]) -> None:
        self._families = tuple(families)
        observed = OBSERVED_TAG in scenario.tags
        self._admission = api.Admission.OBSERVED if observed else api.Admission.SUBMITTED
        self._documents: Documents = {}
        # Pods come first, so that policies can refer to their addresses.
        for document in sorted(scenario.objects, key=lambda document: document.get("kind") not in _PLACED):
            filled = document if document.get("kind") in _PLACED else resolved(document, self._resolve)
            self._documents[key_of(filled)] = copy.deepcopy(dict(filled))
        self.view = self._look()

    def change(self, changes: Iterable[Mapping[str, Any]]) -> View:
        """Do the changes of one step, and return the cluster afterwards."""
        for change in changes:
            apply_change(self._documents, change, self._resolve)
            self.view = self._look()
        return self.view

    def flow(self, probe: Probe, family: IpVersion) -> Flow:
        """Return the flow that a probe is about, in one family.

        Raises:
            ChangeError: an end of it is not there, or has no address of that family.

        """
        source, destination = (self._address(end, family) for end in (probe.source, probe.destination))
        return Flow(source, destination, probe.protocol, probe.port, probe.hairpin)

    def _address(self, end: str, family: IpVersion) -> Address:
        found = next((address for address in self.addresses(end) if address.version == family), None)
        if found is None:
            raise ChangeError(f"{end} has no IPv{family} address")
        return found

    def addresses(self, end: str) -> tuple[Address, ...]:
        """Return the addresses of ``namespace/pod``, of ``node NAME``, or the address that `end` spells."""
        snapshot = self.view.snapshot
        if end.startswith("node "):
            return next((node.addresses for node in snapshot.nodes if node.name == end.removeprefix("node ")), ())
        namespace, slash, name = end.partition("/")
        if not slash:
            return (ip_address(end),)
        return next((pod.addresses for pod in snapshot.pods if pod.key == (namespace, name)), ())

    def _resolve(self, what: str, pod: str) -> list[str]:
        addresses = [address for address in self.addresses(pod) if address.version in self._families]
        if not addresses:
            raise ChangeError(f"there is no pod {pod} with an address")
        lengths = {4: "/32", 6: "/128"}
        return [f"{address}{lengths[address.version]}" if what == "net" else str(address) for address in addresses]

    def _look(self) -> View:
        parsed = [self._parse(document) for document in self._documents.values()]
        items = place(parsed)
        assembly = assemble(items, advise=False)
        pods = [thing for thing in map(bare, items) if isinstance(thing, api.Pod)]
        serves = {(pod.metadata.namespace, pod.metadata.name): api.served_ports(pod) for pod in pods}
        return View(assembly.snapshot, serves)

    def _parse(self, document: Mapping[str, Any]) -> api.ApiObject:
        try:
            return api.parse(document, admission=self._admission).object
        except api.ApiError as error:
            raise ChangeError(f"{' '.join(filter(None, key_of(document)))}: {error}") from error


_PLACED = frozenset({"Namespace", "Node", "Pod"})
