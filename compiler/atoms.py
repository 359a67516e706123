"""Atoms: the yes-or-no questions that policies ask about an address, and the numbers by which they are known."""

# ruff: noqa: SLF001  what is made from one of its own class may look inside

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from compiler.model import (
    AddressBlock,
    Anyone,
    ContainerPort,
    DomainSelection,
    NamedPort,
    NodeSelection,
    PodSelection,
    Policy,
)

Membership: TypeAlias = int
"""A bit set over the atoms of one `Numbering`."""

Atom: TypeAlias = PodSelection | NodeSelection | AddressBlock | DomainSelection | ContainerPort

AtomT = TypeVar("AtomT", PodSelection, NodeSelection, AddressBlock, DomainSelection, ContainerPort)


def numbers_in(membership: Membership) -> Iterator[int]:
    """Yield the numbers of the bits in a set, ascending."""
    while membership:
        lowest = membership & -membership
        yield lowest.bit_length() - 1
        membership ^= lowest


def class_digest(atoms: Iterable[str]) -> int:
    """Return 64 bits for a class, given the digests of what is true of it in any order."""
    return int.from_bytes(hashlib.sha256("\n".join(sorted(atoms)).encode()).digest()[:8], "big")


class Numbering:
    """Numbers for atoms, given when first asked for and never to another atom after that.

    A compilation shares it with those made from it, so that a membership says the same in all of them. It only
    ever grows; a new one has to be begun when too much of it is about atoms that nobody asks any more.
    """

    def __init__(self) -> None:
        # Numbers, not bits: a bit is as long as its number, and all of them together are as long as its square.
        self._numbers: dict[Atom, int] = {}
        self._atoms: list[Atom] = []
        self._digests: dict[int, str] = {}
        self._kinds: dict[type[Atom], Membership] = {}

    def __len__(self) -> int:
        return len(self._atoms)

    def number(self, atom: Atom) -> int:
        """Return the number of an atom."""
        number = self._numbers.get(atom)
        if number is None:
            number = self._numbers[atom] = len(self._atoms)
            self._atoms.append(atom)
            self._kinds[type(atom)] = self._kinds.get(type(atom), 0) | 1 << number
        return number

    def atom(self, number: int) -> Atom:
        """Return the atom of a number."""
        return self._atoms[number]

    def of_kind(self, kind: type[AtomT], membership: Membership) -> Iterator[tuple[AtomT, int]]:
        """Yield the atoms of one kind that are in a set, with their numbers."""
        for number in numbers_in(self.only(kind, membership)):
            atom = self._atoms[number]
            assert isinstance(atom, kind)  # noqa: S101  for the type checker
            yield atom, number

    def only(self, kind: type[Atom], membership: Membership) -> Membership:
        """Return those of a set that are of one kind."""
        return membership & self._kinds.get(kind, 0)

    def digest(self, number: int) -> str:
        """Return 16 hex digits that say what the atom of a number asks."""
        digest = self._digests.get(number)
        if digest is None:
            text = repr(self._atoms[number])
            digest = self._digests[number] = hashlib.sha256(text.encode()).hexdigest()[:16]
        return digest


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the rules of one policy ask about the other end of a flow."""

    policy: Policy
    peers: Membership
    names: frozenset[str]

    @classmethod
    def of(cls, policy: Policy, numbering: Numbering) -> "_Asked":
        rules = (*policy.ingress, *policy.egress)
        numbers = {numbering.number(peer) for rule in rules for peer in rule.peers if not isinstance(peer, Anyone)}
        names = frozenset(item.name for rule in policy.egress for item in rule.traffic if isinstance(item, NamedPort))
        return cls(policy, sum(1 << number for number in numbers), names)


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """All that policies ask about the other end of a flow.

    `policies` are equal to those that were given, and where such were known before, the same objects as then.
    `peers` are the atoms that they name, `names` the ports that their egress rules want pods to declare.
    """

    numbering: Numbering
    policies: tuple[Policy, ...]
    peers: Membership
    names: frozenset[str]
    _asked: tuple[_Asked, ...]

    @classmethod
    def of(cls, policies: Sequence[Policy], numbering: Numbering, previous: "Questions | None" = None) -> "Questions":
        """Collect the questions; `previous`, of the same numbering, is returned itself if the policies are the same."""
        if previous is None:
            asked = tuple(_Asked.of(policy, numbering) for policy in policies)
        elif previous.policies == policies:
            return previous
        else:
            known = {_name(each.policy): each for each in previous._asked}
            asked = tuple(
                each if (each := known.get(_name(policy))) and each.policy == policy else _Asked.of(policy, numbering)
                for policy in policies
            )
        peers: Membership = 0
        for each in asked:
            peers |= each.peers
        names = frozenset(name for each in asked for name in each.names)
        return cls(numbering, tuple(each.policy for each in asked), peers, names, asked)


def _name(policy: Policy) -> tuple[str, str, str]:
    return policy.kind.value, policy.namespace, policy.name
