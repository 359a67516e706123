"""Rules of a firewall that never match, whoever sends what, and which rules take their packets.

Only rules without conditions hide others, for the rest may not hold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anp.firewall.convert.liveness import within
from anp.firewall.model import Rule, common
from anp.firewall.services import MAX_PORT, MAX_PROTOCOL
from compiler.addresses import BITS, IpVersion
from compiler.diagram.lists import from_rules
from compiler.diagram.queries import values
from compiler.diagram.space import Box, Field, Node, Space


@dataclass(frozen=True, slots=True)
class Liveness:
    """The places of rules that match some packet first, and for each of the others, those that hide it."""

    live: frozenset[int]
    killers: dict[int, tuple[int, ...]]


def liveness(rules: Sequence[Rule], versions: frozenset[IpVersion]) -> Liveness:
    """Say of every rule whether it ever decides."""
    live: set[int] = set()
    killers: dict[int, set[int]] = {}
    for version in sorted(versions):
        space = _space(version)
        of_rules = [list(_boxes(rule, version)) for rule in rules]
        sure = [(box, number) for number, its in enumerate(of_rules) if not rules[number].conditions for box in its]
        node: Node[int] = from_rules(space, sure, len(rules))
        live |= {number for number in values(node) if number < len(rules)}
        for number, its in enumerate(of_rules):
            if number in live or not its:
                continue
            before = frozenset[int]().union(*(within(node, box) for box in its))
            if any(first > number for first in before):
                live.add(number)
            else:
                killers.setdefault(number, set()).update(before)
    return Liveness(
        frozenset(live),
        {number: _readable(number, found, rules) for number, found in killers.items() if number not in live},
    )


def _readable(number: int, killers: set[int], rules: Sequence[Rule]) -> tuple[int, ...]:
    """Return one rule that hides another alone if there is one, and otherwise all that take its packets."""
    rule = rules[number]
    alone = (killer for killer in sorted(killers) if _holds(rules[killer], rule))
    return tuple([found] if (found := next(alone, None)) is not None else sorted(killers))


def _holds(wide: Rule, narrow: Rule) -> bool:
    return (
        common(wide.sources, narrow.sources) == narrow.sources
        and common(wide.destinations, narrow.destinations) == narrow.destinations
        and wide.services & narrow.services == narrow.services
    )


def _space(version: IpVersion) -> Space:
    last = (1 << BITS[version]) - 1
    return Space(
        (
            Field("destination", last),
            Field("source", last),
            Field("protocol", MAX_PROTOCOL),
            Field("port", MAX_PORT),
        )
    )


def _boxes(rule: Rule, version: IpVersion) -> Iterator[Box]:
    sources, destinations = rule.sources.ranges(version), rule.destinations.ranges(version)
    if sources and destinations:
        for protocols, ports in rule.services.boxes():
            yield destinations, sources, protocols, ports
