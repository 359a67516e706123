"""nftables objects as values: what a node's kernel should hold, or does hold.

The vocabulary is closed. Whatever else the kernel may list is kept as `Foreign`, which equals nothing of ours.
Text is made in `compiler.syntax`, names in `compiler.names`; meaning is given by `compiler.trace`.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from compiler.addresses import IpVersion
from compiler.intervals import Range
from compiler.model import Protocol

MARK_BITS = 0xFFFFFFFF


# Verdicts, as a statement or as the value of a map element.


@dataclass(frozen=True, slots=True)
class Accept:
    """Ends the base chain: the packet goes on."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Ends everything: the packet is gone."""


@dataclass(frozen=True, slots=True)
class Return:
    """Back to the rule after the last jump."""


@dataclass(frozen=True, slots=True)
class Jump:
    """Into a chain and, at its end, back."""

    chain: str


@dataclass(frozen=True, slots=True)
class Goto:
    """Into a chain and, at its end, back to the last jump."""

    chain: str


Verdict: TypeAlias = Accept | Drop | Return | Jump | Goto


# Matches and statements. A rule is a sequence of them; a match that fails ends the rule.


class Side(enum.Enum):
    """Which address of a packet."""

    SOURCE = "saddr"
    DESTINATION = "daddr"


@dataclass(frozen=True, slots=True)
class TrackedMatch:
    """Holds for packets of an established connection and those related to one."""


@dataclass(frozen=True, slots=True)
class NeighborDiscoveryMatch:
    """Holds for ICMPv6 types 133 to 137."""


@dataclass(frozen=True, slots=True)
class MarkMatch:
    """Holds where the bits under `mask` have `value`."""

    mask: int
    value: int


@dataclass(frozen=True, slots=True)
class PortMatch:
    """Holds for packets of one protocol to one range of destination ports; 0 to 65535 is the whole protocol."""

    protocol: Protocol
    ports: Range


@dataclass(frozen=True, slots=True)
class SetMark:
    """Forces the bits under `mask` to `value` and leaves the others alone."""

    mask: int
    value: int


@dataclass(frozen=True, slots=True)
class AddressLookup:
    """Looks an address up in a verdict map of its family; no effect on a miss or on the other family."""

    side: Side
    version: IpVersion
    map: str


@dataclass(frozen=True, slots=True)
class MarkLookup:
    """Looks the mark's bits under `mask` up in a verdict map; no effect on a miss."""

    mask: int
    map: str


@dataclass(frozen=True, slots=True)
class PortLookup:
    """Looks the destination port of one protocol up in disjoint ascending ranges; no effect on a miss."""

    protocol: Protocol
    verdicts: tuple[tuple[Range, Verdict], ...]


@dataclass(frozen=True, slots=True)
class Count:
    """Counts the packet in a named counter."""

    counter: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something read back that is none of ours, as JSON text: a statement, or a whole object."""

    json: str


Statement: TypeAlias = (
    TrackedMatch
    | NeighborDiscoveryMatch
    | MarkMatch
    | PortMatch
    | SetMark
    | AddressLookup
    | MarkLookup
    | PortLookup
    | Count
    | Foreign
    | Verdict
)
NftRule: TypeAlias = tuple[Statement, ...]


# Objects.


class Hook(enum.Enum):
    """Where a base chain is attached; always type filter, priority 0, policy accept."""

    FORWARD = "forward"
    INPUT = "input"


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain: a base chain where it has a hook."""

    rules: tuple[NftRule, ...]
    hook: Hook | None = None


class KeyType(enum.Enum):
    """What a verdict map is looked up by."""

    IPV4 = "ipv4_addr"
    IPV6 = "ipv6_addr"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class ExactMap:
    """A hash map from numbers (addresses or marks) to verdicts."""

    key: KeyType
    elements: Mapping[int, Verdict] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RangeMap:
    """A map from disjoint address ranges to verdicts, in ascending order."""

    key: KeyType
    elements: Mapping[Range, Verdict] = field(default_factory=dict)


VerdictMap: TypeAlias = ExactMap | RangeMap


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All that is in our one table, by name. Two rulesets are ``==`` exactly when they hold the same objects.

    `foreign` holds objects that somebody else put there; what we want never has any.
    """

    chains: Mapping[str, Chain] = field(default_factory=dict)
    maps: Mapping[str, VerdictMap] = field(default_factory=dict)
    counters: frozenset[str] = frozenset()
    foreign: frozenset[Foreign] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether there is nothing at all, in which case the table is not there either."""
        return not (self.chains or self.maps or self.counters or self.foreign)
