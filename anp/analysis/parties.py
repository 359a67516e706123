"""Who has which addresses, in the words of people: namespaces, workloads, pods, nodes, and the world outside.

A set of addresses is named by the largest groups that are wholly in it, so that a sentence about a thousand pods is
no longer than one about two.
"""

import bisect
import enum
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from compiler import intervals
from compiler.addresses import BITS, VERSIONS, Address, AddressSet, IpVersion, address_of
from compiler.atoms import numbers_in
from compiler.intervals import Range, Ranges
from compiler.model import Pod, Snapshot

Bits: TypeAlias = int
"""A set of pods, by the places of their addresses among all pods' addresses of a family."""

APPLICATION_LABELS = ("app.kubernetes.io/name", "app", "k8s-app")
"""Labels that say which workload a pod belongs to, the best first."""
_MADE_OF_TEMPLATE = "pod-template-hash"
_ORDINAL = re.compile(r"-[0-9]+\Z")
_SETS = ("statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index")
_SUFFIX = re.compile(r"-[a-z0-9]{5}\Z")
_REVISION = "controller-revision-hash"
VOLATILE_LABELS = frozenset({_MADE_OF_TEMPLATE, _REVISION, "pod-template-generation", *_SETS})
"""Labels that one pod of a workload has and the next may not."""


class PartyKind(enum.Enum):
    """What a party is; the words are for programs too."""

    EVERY_POD = "every-pod"
    NAMESPACE = "namespace"
    WORKLOAD = "workload"
    POD = "pod"
    EVERY_NODE = "every-node"
    NODE = "node"
    OUTSIDE = "outside"
    NETWORK = "network"

    # Members are themselves and nothing else, and an enum's own hash is slow where there are a million parties.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Party:
    """Some addresses by the name of who has them. `namespace` is empty where there is none."""

    kind: PartyKind
    name: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        match self.kind:
            case PartyKind.EVERY_POD:
                return "every pod"
            case PartyKind.NAMESPACE:
                return f"{self.namespace}/*"
            case PartyKind.WORKLOAD:
                return f"{self.namespace}/{self.name}"
            case PartyKind.POD:
                return f"pod {self.namespace}/{self.name}"
            case PartyKind.EVERY_NODE:
                return "every node"
            case PartyKind.NODE:
                return f"node {self.name}"
            case PartyKind.OUTSIDE:
                return "everyone outside"
            case PartyKind.NETWORK:
                return self.name


def workload_of(pod: Pod) -> str:
    """Return the name of what a pod is one of, as far as its labels and name tell.

    That is the value of the first of the labels that name applications; or else the pod's name, without what a
    Deployment, StatefulSet or DaemonSet added to it. Two workloads of a namespace that are labelled alike are one here.
    """
    for label in APPLICATION_LABELS:
        if pod.labels.get(label):
            return pod.labels[label]
    template = pod.labels.get(_MADE_OF_TEMPLATE)
    if template:
        return pod.name.partition(f"-{template}-")[0]
    if any(label in pod.labels for label in _SETS):
        return _ORDINAL.sub("", pod.name)
    return _SUFFIX.sub("", pod.name) if _REVISION in pod.labels else pod.name


class Roster:
    """The pods and nodes of one cluster by address, to name sets of addresses after those who have them."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._families = {version: _Family(snapshot, version) for version in VERSIONS}
        self._known: dict[int, tuple[AddressSet, tuple[Party, ...]]] = {}
        self._equal: dict[tuple[Party, ...], tuple[Party, ...]] = {}

    def parties(self, addresses: AddressSet) -> tuple[Party, ...]:
        """Return who has these addresses: pods, nodes, others, each by name; equal answers are the same object."""
        # To hash a set is to hash thousands of ranges, and the same set comes many times. What is kept by identity
        # keeps the set, so no other can get that identity.
        known = self._known.get(id(addresses))
        if known is None:
            told = [self._families[v].parties(ranges) for v in VERSIONS if (ranges := addresses.ranges(v))]
            # One family names nobody twice.
            parties = tuple(told[0]) if len(told) == 1 else tuple(dict.fromkeys(chain(*told)))
            known = self._known[id(addresses)] = (addresses, self._equal.setdefault(parties, parties))
        return known[1]


class _Family:
    """The same for one address family."""

    def __init__(self, snapshot: Snapshot, version: IpVersion) -> None:
        self._version = version
        owned = sorted(
            (
                (int(address), pod)
                for pod in snapshot.pods
                if pod.governed
                for address in pod.addresses
                if address.version == version
            ),
            key=lambda entry: entry[0],
        )
        self._starts = [number for number, _pod in owned]
        self._everyone: Bits = (1 << len(owned)) - 1
        self._namespaces: dict[str, dict[str, dict[str, Bits]]] = {}
        self._known: dict[tuple[str, Bits], tuple[Party, ...]] = {}
        self._whole: dict[str, Bits] = {}
        for place, (_number, pod) in enumerate(owned):
            pods = self._namespaces.setdefault(pod.namespace, {}).setdefault(workload_of(pod), {})
            pods[pod.name] = pods.get(pod.name, 0) | 1 << place
            self._whole[pod.namespace] = self._whole.get(pod.namespace, 0) | 1 << place
        self._nodes: dict[str, list[int]] = {}
        for node in snapshot.nodes:
            for address in node.addresses:
                if address.version == version:
                    self._nodes.setdefault(node.name, []).append(int(address))
        numbers = {number for found in self._nodes.values() for number in found}.union(self._starts)
        self._taken: Ranges = intervals.union((number, number) for number in numbers)
        self._free = intervals.difference(((0, (1 << BITS[version]) - 1),), self._taken)

    def parties(self, ranges: Ranges) -> Iterator[Party]:
        """Yield who has these addresses."""
        bits: Bits = 0
        for first, last in ranges:
            begin, end = bisect.bisect_left(self._starts, first), bisect.bisect_right(self._starts, last)
            bits |= (1 << end) - (1 << begin)
        yield from self._pods(bits)
        yield from self._machines(ranges)
        free = intervals.intersection(ranges, self._free)
        if free == self._free:
            yield Party(PartyKind.OUTSIDE)
        elif free:
            filled = tuple(self._filled(free))
            networks = (AddressSet(v4=filled) if self._version == 4 else AddressSet(v6=filled)).networks()
            yield from (Party(PartyKind.NETWORK, str(network)) for network in networks)

    def _machines(self, ranges: Ranges) -> Iterator[Party]:
        inside = {name: [n for n in own if intervals.contains(ranges, n)] for name, own in sorted(self._nodes.items())}
        if inside and inside == self._nodes:
            yield Party(PartyKind.EVERY_NODE)
            return
        for name, own in inside.items():
            if own == self._nodes[name]:
                yield Party(PartyKind.NODE, name)
            else:
                yield from (Party(PartyKind.NETWORK, str(address_of(self._version, number))) for number in own)

    def _pods(self, bits: Bits) -> Iterator[Party]:
        if not bits:
            return
        if bits == self._everyone:
            yield Party(PartyKind.EVERY_POD)
            return
        for namespace, whole in sorted(self._whole.items()):
            here = bits & whole
            if here:
                known = self._known.get((namespace, here))
                if known is None:
                    known = self._known[namespace, here] = tuple(self._some(namespace, here, whole))
                yield from known

    def _some(self, namespace: str, bits: Bits, whole: Bits) -> Iterator[Party]:
        if bits == whole:
            yield Party(PartyKind.NAMESPACE, "", namespace)
            return
        for workload, pods in sorted(self._namespaces[namespace].items()):
            if not any(own & ~bits for own in pods.values()):
                yield Party(PartyKind.WORKLOAD, workload, namespace)
                continue
            for name, own in sorted(pods.items()):
                if own & ~bits:  # of several addresses a pod may have some that are told apart
                    yield from (Party(PartyKind.NETWORK, str(address)) for address in self._addresses(own & bits))
                else:
                    yield Party(PartyKind.POD, name, namespace)

    def _addresses(self, bits: Bits) -> Iterator[Address]:
        return (address_of(self._version, self._starts[place]) for place in numbers_in(bits))

    def _filled(self, ranges: Ranges) -> Iterator[Range]:
        """Join ranges where only pods and nodes are between them, as these have been named already."""
        current = ranges[0]
        for first, last in ranges[1:]:
            gap = ((current[1] + 1, first - 1),)
            if intervals.intersection(gap, self._taken) == gap:
                current = (current[0], last)
            else:
                yield current
                current = (first, last)
        yield current


def few(texts: Sequence[str], shown: int = 5) -> str:
    """List some texts, and count the rest."""
    rest = f" and {len(texts) - shown} more" if len(texts) > shown else ""
    return ", ".join(texts[:shown]) + rest
