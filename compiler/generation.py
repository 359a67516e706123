"""One complete compiled state of a cluster, as the controller publishes it and every node reads it.

Here selectors have been resolved, once for the whole cluster: what is left are atoms, named by digest, and who they
are true of. Nothing depends on the node, and nothing on the order in which the state was reached, so a controller that
takes over arrives at the same values. A node makes its share of it (`compiler.reading`) and needs no API object for
that.

Pods come and go faster than policies change. So a pod is no more than a member of a shape, which all pods that no
policy could ever tell apart have in common, and what the policies in force make of a shape is written down once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from compiler.addresses import Address, IpVersion
from compiler.intervals import Range
from compiler.model import Action, Direction, Origin
from compiler.packets import PacketSet
from compiler.profiles import Outcome

AtomDigest: TypeAlias = str
"""A question that policies ask about an address, in 16 hex digits (`Universe.atom_digests`)."""

Atoms: TypeAlias = tuple[AtomDigest, ...]
"""Some of them, ascending, each once."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the policies in force make of pods, nodes or learned addresses that look alike.

    `atoms` are true of all of their addresses, wherever these lie. `egress` and `ingress` are the digests of the
    programs that such pods run, empty where no policy concerns the direction.
    """

    atoms: Atoms = ()
    egress: str = ""
    ingress: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """The addresses of one pod or node, or a learned one, and their shape; `node` is where a pod runs, else empty."""

    shape: str
    addresses: tuple[Address, ...]
    node: str = ""


@dataclass(frozen=True, slots=True)
class PortableRule:
    """A rule of a program, with atoms instead of peers; `named` are ports that only some peers have."""

    action: Action
    anyone: bool
    peers: Atoms
    packets: PacketSet
    named: tuple[tuple[AtomDigest, PacketSet], ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class PortableTier:
    """The rules of one tier in order, and what becomes of what none of them settles, where the tier isolates."""

    rules: tuple[PortableRule, ...]
    isolation: Outcome | None = None


@dataclass(frozen=True, slots=True)
class PortableProgram:
    """A program that means the same wherever it is read."""

    direction: Direction
    tiers: tuple[PortableTier, ...]

    @property
    def atoms(self) -> frozenset[AtomDigest]:
        """All that the program asks."""
        rules = [rule for tier in self.tiers for rule in tier.rules]
        return frozenset(atom for rule in rules for atom in (*rule.peers, *(atom for atom, _packets in rule.named)))


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive addresses of one family of which the same atoms are true for where they lie; one at least."""

    addresses: Range
    atoms: Atoms


@dataclass(frozen=True, slots=True)
class Generation:
    """One complete compiled state.

    Attributes:
        members: By owner: ``pod namespace/name``, ``node name``, or ``learned address`` of an address that a domain
            name has. Who has no address is not there.
        shapes: Those that members have, by digest.
        programs: Those that shapes name, by digest.
        spans: Per family, ascending and disjoint.

    """

    members: Mapping[str, Member] = field(default_factory=dict)
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    programs: Mapping[str, PortableProgram] = field(default_factory=dict)
    spans: Mapping[IpVersion, tuple[Span, ...]] = field(default_factory=lambda: {4: (), 6: ()})
