"""The mapping from a firewall's addresses to workloads, as values (translation.md 2.2).

Addresses here are those that the firewall's rules speak of. Pods have others, of their own.
"""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from anp.firewall.model import EVERY_ADDRESS, NO_ADDRESS, InterfaceMatch
from anp.sources.diagnostics import Location
from compiler import intervals
from compiler.addresses import AddressSet
from compiler.model import PodSelection


class Confidence(enum.StrEnum):
    """How somebody knows that an entry is right; `STATED` by a person."""

    STATED = "stated"
    OBSERVED = "observed"
    MATCHED_NAME = "matched-name"
    GUESS = "guess"


class Neighbours(enum.StrEnum):
    """What is to hold between workloads of a segment and addresses of it that no entity has.

    The firewall was never between them. `ALLOW` keeps it so; `DENY` accepts that policies tighten it; `UNSTATED` is a
    difference that the proof names.
    """

    ALLOW = "allow"
    DENY = "deny"
    UNSTATED = "unstated"


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the network inside which traffic does not cross the firewall, and the interfaces that lead to it."""

    name: str
    addresses: AddressSet
    interfaces: tuple[str, ...] = ()
    neighbours: Neighbours = Neighbours.UNSTATED
    at: Location = field(default=Location(""), compare=False)


@dataclass(frozen=True, slots=True)
class Entity:
    """One workload: pods that are alike to the firewall, and the addresses that its rules know them by.

    `addresses` are without those of entities before it. `pods` says which pods, in the model's terms, and `selector`
    the same as policies write it: a document with ``namespaceSelector`` and perhaps ``podSelector``. `segment` is empty
    where nothing is said.
    """

    name: str
    addresses: AddressSet
    pods: PodSelection
    selector: Mapping[str, Any] = field(hash=False)
    segment: str = ""
    confidence: Confidence = Confidence.STATED
    reason: str = ""
    at: Location = field(default=Location(""), compare=False)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Traffic to one port of an entity that arrives at another, because a Service translates it.

    `protocol` is a number; `port` is the firewall's, `container_port` the pod's.
    """

    entity: str
    protocol: int
    port: int
    container_port: int
    at: Location = field(default=Location(""), compare=False)


@dataclass(frozen=True, slots=True)
class Inventory:
    """A whole mapping that is sound: entities and segments are disjoint and every name is defined.

    `outside_interfaces` lead to all addresses that are in no segment. `pod_addresses` and `node_addresses` are what the
    cluster gives to pods and nodes, for networks in policies match pods too (semantics.md 2.8).
    """

    source: str
    digest: str
    entities: tuple[Entity, ...]
    segments: tuple[Segment, ...] = ()
    external: Mapping[str, AddressSet] = field(default_factory=dict)
    groups: Mapping[str, AddressSet] = field(default_factory=dict)
    rewrites: tuple[Rewrite, ...] = ()
    outside_interfaces: tuple[str, ...] = ()
    pod_addresses: AddressSet = NO_ADDRESS
    node_addresses: AddressSet = NO_ADDRESS

    @property
    def mapped(self) -> AddressSet:
        """Every address that some entity has."""
        return _union(entity.addresses for entity in self.entities)

    @property
    def segmented(self) -> AddressSet:
        """Every address that some segment has."""
        return _union(segment.addresses for segment in self.segments)

    def segment(self, name: str) -> Segment:
        """Return a segment by its name.

        Raises:
            KeyError: there is none.

        """
        return next((segment for segment in self.segments if segment.name == name), None) or _missing(name)

    def neighbours(self, segment: Segment) -> AddressSet:
        """Return the addresses of a segment that no entity has."""
        return segment.addresses - self.mapped

    def behind(self, match: InterfaceMatch) -> AddressSet:
        """Return the addresses that packets come from, or go to, where such a match holds."""
        found = NO_ADDRESS
        outside = EVERY_ADDRESS - self.segmented
        for segment in self.segments:
            # A segment without interfaces is behind none that is named, and so behind every negated match.
            if any(map(match.holds, segment.interfaces)) or (match.negated and not segment.interfaces):
                found |= segment.addresses
        if any(map(match.holds, self.outside_interfaces)) or (match.negated and not self.outside_interfaces):
            found |= outside
        return found

    def unknown_interfaces(self, match: InterfaceMatch) -> tuple[str, ...]:
        """Return the names in a match that no segment has, nor the outside."""
        known = [*self.outside_interfaces, *(name for segment in self.segments for name in segment.interfaces)]
        return tuple(
            name for name in match.names if not any(InterfaceMatch((name,)).holds(interface) for interface in known)
        )


def _union(sets: Iterator[AddressSet]) -> AddressSet:
    # One sort of all ranges, for there may be hundreds of sets.
    gathered = list(sets)
    return AddressSet(
        intervals.union(range_ for addresses in gathered for range_ in addresses.v4),
        intervals.union(range_ for addresses in gathered for range_ in addresses.v6),
    )


def _missing(name: str) -> Segment:
    raise KeyError(name)
