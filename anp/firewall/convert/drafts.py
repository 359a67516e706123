"""Rules as policies write them, before they are put into objects."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from anp.firewall.convert.lists import Entry
from anp.firewall.convert.model import Profile, Target
from anp.firewall.convert.packets import port_ranges
from anp.firewall.convert.parties import Parties, numbers
from anp.firewall.inventory.model import Entity
from anp.firewall.model import Action, Firewall, Statement
from compiler.addresses import AddressSet
from compiler.model import Direction

MAX_NAME = 100
"""How long the name of a rule can be (semantics.md 1.5)."""

_ACTIONS = {
    Target.CNP: {Action.PERMIT: "Accept", Action.DENY: "Deny", None: "Pass"},
    Target.ANP: {Action.PERMIT: "Allow", Action.DENY: "Deny", None: "Pass"},
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Draft:
    """One rule as it is written, with the statements that it comes from."""

    document: Mapping[str, Any]
    statements: tuple[int, ...]


class Drafter:
    """Writes entries as rules of a target, within its limits."""

    def __init__(self, firewall: Firewall, parties: Parties, target: Target, profile: Profile) -> None:
        self._statements = firewall.statements
        self._parties = parties
        self._target = target
        self._profile = profile

    def drafts(self, entry: Entry, direction: Direction) -> Iterator[Draft]:
        """Yield the rules that an entry takes: more than one where it has too many peers or ports for one."""
        ports = self._ports(entry)
        side = "from" if direction is Direction.INGRESS else "to"
        key = "protocols" if self._target is Target.CNP else "ports"
        for peers in batched(list(self._peers(entry)), self._profile.peers):
            for some in batched(ports, self._profile.ports) if ports else [()]:
                document: dict[str, Any] = {
                    "name": rule_name([self._statements[number] for number in entry.statements], entry.name),
                    "action": _ACTIONS[self._target][entry.action],
                    side: list(peers),
                }
                if some:
                    document[key] = list(some)
                yield Draft(document, entry.statements)

    def _peers(self, entry: Entry) -> Iterator[Mapping[str, Any]]:
        yield from entry.peers
        if entry.pods & self._parties.other:
            yield {"namespaces": {}}
        else:
            for number in numbers(entry.pods):
                yield pods_of(self._parties.entities[number])
        if entry.networks:
            for some in batched(address_texts(entry.networks), self._profile.networks):
                yield {"networks": list(some)}

    def _ports(self, entry: Entry) -> list[Mapping[str, Any]]:
        if entry.packets.other:
            return []
        return [_port(self._target, *found) for found in port_ranges(entry.packets)]


def pods_of(entity: Entity) -> dict[str, Any]:
    """Return an entity as cluster policies write a subject or a peer."""
    namespaces = entity.selector.get("namespaceSelector", {})
    if "podSelector" not in entity.selector:
        return {"namespaces": namespaces}
    return {"pods": {"namespaceSelector": namespaces, "podSelector": entity.selector["podSelector"]}}


def rule_name(statements: Sequence[Statement], name: str = "") -> str:
    """Name a rule for the statement that it comes from, with its line, so that a firewall's logs can be joined."""
    if not statements or name:
        line = f"-line{statements[0].at.line}" if statements else ""
        return f"{name}{line}"[:MAX_NAME]
    first = statements[0]
    end = f"-line{first.at.line}" + (f"-and-{len(statements) - 1}-more" if len(statements) > 1 else "")
    start = "-".join(_word(text) for text in (first.list, first.name) if text)
    return start[: MAX_NAME - len(end)] + end


def _word(text: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "-" for char in text)


def _port(target: Target, protocol: str, ports: tuple[int, int]) -> Mapping[str, Any]:
    first, last = ports
    if target is Target.CNP:
        numbered = {"number": first} if first == last else {"range": {"start": first, "end": last}}
        return {protocol: {"destinationPort": numbered}}
    if first == last:
        return {"portNumber": {"protocol": protocol.upper(), "port": first}}
    return {"portRange": {"protocol": protocol.upper(), "start": first, "end": last}}


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield a sequence in pieces that are not larger than `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


@lru_cache(maxsize=4096)
def address_texts(addresses: AddressSet) -> tuple[str, ...]:
    """Return a set as policies list it."""
    return tuple(str(network) for network in addresses.networks())
