"""What a `Firewall` does with one packet: slow, obvious, and without a line of the code that it is held against.

It compares numbers where the code under test intersects sets, and walks every rule of every list.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeAlias

from anp.firewall.model import Action, Condition, Firewall, InterfaceMatch, Rule, RuleList
from anp.firewall.services import WITH_PORTS
from compiler.addresses import Address, AddressSet
from compiler.intervals import Ranges

Truth: TypeAlias = Callable[[Rule, Condition], bool]
"""Whether a condition holds where a rule asks for it."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet that opens a connection; the port is the destination's, and means nothing to protocols without."""

    source: Address
    destination: Address
    protocol: int
    port: int = 0
    incoming: str = ""
    outgoing: str = ""

    @classmethod
    def of(cls, source: str, destination: str, protocol: int, port: int = 0, way: tuple[str, str] = ("", "")):
        return cls(ip_address(source), ip_address(destination), protocol, port, *way)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a packet, and the statement that decides; both None where no list is about the packet."""

    action: Action | None
    statement: int | None


def never(_rule: Rule, _condition: Condition) -> bool:
    return False


def always(_rule: Rule, _condition: Condition) -> bool:
    return True


def least(rule: Rule, _condition: Condition) -> bool:
    """Make conditions hold so that as little as can be is permitted."""
    return rule.action is Action.DENY


def most(rule: Rule, _condition: Condition) -> bool:
    """Make conditions hold so that as much as can be is permitted."""
    return rule.action is Action.PERMIT


def holding(truths: Mapping[Condition, bool]) -> Truth:
    """Give each condition the same truth wherever it stands."""
    return lambda _rule, condition: truths[condition]


def evaluate(firewall: Firewall, packet: Packet, truth: Truth = never) -> Outcome:
    """Say what a firewall does with a packet: every list that it meets must permit it."""
    last = Outcome(None, None)
    for rule_list in firewall.lists:
        if meets(rule_list, packet):
            last = walk(rule_list.rules, packet, truth)
            if last.action is not Action.PERMIT:
                return last
    return last


def bounds(firewall: Firewall, packet: Packet) -> tuple[Action | None, Action | None]:
    """Return what a firewall does at the least and at the most permissive, whatever holds of its conditions."""
    return evaluate(firewall, packet, least).action, evaluate(firewall, packet, most).action


def meets(rule_list: RuleList, packet: Packet) -> bool:
    """Say whether a packet meets a list at all."""
    return (
        packet.source.version in rule_list.versions
        and passes(rule_list.incoming, packet.incoming)
        and passes(rule_list.outgoing, packet.outgoing)
    )


def walk(rules: Iterable[Rule], packet: Packet, truth: Truth = never) -> Outcome:
    """Return what the first rule that matches decides."""
    for rule in rules:
        if matches(rule, packet) and all(truth(rule, condition) for condition in rule.conditions):
            return Outcome(rule.action, rule.statement)
    return Outcome(None, None)


def matches(rule: Rule, packet: Packet) -> bool:
    """Say whether all of a rule but its conditions matches."""
    ports: Ranges = next((ports for protocol, ports in rule.services.by_protocol if protocol == packet.protocol), ())
    port = packet.port if packet.protocol in WITH_PORTS else 0
    return (
        within(rule.sources, packet.source)
        and within(rule.destinations, packet.destination)
        and any(first <= port <= last for first, last in ports)
        and passes(rule.incoming, packet.incoming)
        and passes(rule.outgoing, packet.outgoing)
    )


def within(addresses: AddressSet, address: Address) -> bool:
    ranges = addresses.v4 if address.version == 4 else addresses.v6
    return any(first <= int(address) <= last for first, last in ranges)


def passes(matches: Iterable[InterfaceMatch], name: str) -> bool:
    """Say whether an interface satisfies every one of some matches."""
    return all(_named(match.names, name) is not match.negated for match in matches)


def _named(wanted: Iterable[str], name: str) -> bool:
    return any(
        name == pattern or (pattern[-1:] == "+" and name[: len(pattern) - 1] == pattern[:-1]) for pattern in wanted
    )


def is_accounted_for(firewall: Firewall) -> bool:
    """Say whether every statement has its number, and has either rules or a fate."""
    deciding = {rule.statement for rule_list in firewall.lists for rule in rule_list.rules}
    numbered = [statement.number for statement in firewall.statements] == list(range(len(firewall.statements)))
    return numbered and all((one.number in deciding) == (one.fate is None) for one in firewall.statements)


def ends_with_its_default(rule_list: RuleList, firewall: Firewall) -> bool:
    """Say whether the last rule of a list matches all that is left, and says that it is a default."""
    last = rule_list.rules[-1]
    return firewall.statements[last.statement].role == "default" and not (
        last.conditions or last.incoming or last.outgoing
    )


def by_text(holds: Callable[[str], bool]) -> Truth:
    """Let conditions hold by their texts, and those that are made by negation accordingly."""

    def truth(_rule: Rule, condition: Condition) -> bool:
        if condition.text.startswith("unless "):
            return not all(map(holds, condition.text.removeprefix("unless ").split(" and ")))
        return holds(condition.text)

    return truth
