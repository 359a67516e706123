"""What comes of comparing the installed rules with the policies."""

from dataclasses import dataclass
from typing import TypeAlias

from anp.analysis.parties import Party
from anp.analysis.prove.steps import Packet
from compiler.addresses import AddressSet, IpVersion
from compiler.intervals import Ranges
from compiler.packets import PacketSet
from compiler.profiles import Outcome
from compiler.ruleset import Hook

Condition: TypeAlias = tuple[tuple[str, Ranges], ...]
"""Fields beside those that policies know, with the numbers that a packet must have there."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Packets that the kernel lets through and the policies do not, or the other way round.

    They go from any of `sources` to any of `destinations` through one hook. `meant` is what decides by the policies:
    the denial, or what each end accepts by; nothing where the packet is nobody's business on this node. `states` are
    those of connection tracking, empty where it is all that are judged.
    """

    hook: Hook
    version: IpVersion
    sources: AddressSet
    destinations: AddressSet
    packets: PacketSet
    accepted: bool
    meant: tuple[Outcome, ...]
    states: tuple[str, ...]
    condition: Condition
    example: Packet


@dataclass(frozen=True, slots=True)
class Fault:
    """An object of our table that is not as it would be compiled: what is there and what should be, if anything."""

    object: str
    found: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference as people tell it: gaps of both families and of several hooks are one where all else is the same.

    `way` is the example's way through the installed rules, and `faults` are the objects on its way that are wrong.
    """

    sources: tuple[Party, ...]
    destinations: tuple[Party, ...]
    packets: PacketSet
    accepted: bool
    meant: tuple[Outcome, ...]
    states: tuple[str, ...]
    condition: Condition
    hooks: tuple[Hook, ...]
    examples: tuple[Packet, ...]
    way: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Size:
    """How much was compared: kinds of addresses at either end, by hook and family together, and nodes of diagrams."""

    sources: int = 0
    destinations: int = 0
    pairs: int = 0
    nodes: int = 0


@dataclass(frozen=True, slots=True)
class Remark:
    """A chain of somebody else's that packets cross as well, of which nothing is proven."""

    table: str
    chain: str
    hook: str
    priority: int
    policy: str


@dataclass(frozen=True, slots=True)
class Proof:
    """All that there is to say of one node. Without findings, every packet has the fate that the policies mean."""

    node: str
    findings: tuple[Finding, ...]
    size: Size
    installed: bool
    remarks: tuple[Remark, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether the kernel does what the policies mean."""
        return not self.findings
