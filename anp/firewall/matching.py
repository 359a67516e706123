"""What one rule of a chain asks of a packet, and the algebra that brings chains into one list."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from anp.firewall.model import EVERY_ADDRESS, Action, Condition, InterfaceMatch, Rule, common
from anp.firewall.services import EVERY_SERVICE, Services
from compiler.addresses import VERSIONS, AddressSet
from compiler.intervals import Ranges, intersection

Interfaces = tuple[InterfaceMatch, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """Packets: exactly those of the box, by these interfaces, for which all conditions hold besides.

    Several matches of interfaces hold together. `names` are what the source calls sources, then destinations.
    """

    sources: AddressSet = EVERY_ADDRESS
    destinations: AddressSet = EVERY_ADDRESS
    services: Services = EVERY_SERVICE
    incoming: Interfaces = ()
    outgoing: Interfaces = ()
    conditions: tuple[Condition, ...] = ()
    names: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def is_possible(self) -> bool:
        """Whether there are such packets: their ends are of one family, and no interface has to be two."""
        return (
            bool(self.services)
            and any(self.sources.ranges(version) and self.destinations.ranges(version) for version in VERSIONS)
            and _is_possible(self.incoming)
            and _is_possible(self.outgoing)
        )

    def rule(self, statement: int, action: Action, through: tuple[int, ...] = (), *more: Condition) -> Rule:
        """Make a rule that matches these packets, if `more` conditions hold too."""
        return Rule(
            statement=statement,
            action=action,
            sources=self.sources,
            destinations=self.destinations,
            services=self.services,
            incoming=self.incoming,
            outgoing=self.outgoing,
            conditions=(*self.conditions, *more),
            through=through,
            names=self.names,
        )


EVERYTHING = Match()


def both(outer: Match, inner: Match) -> Match | None:
    """Return the packets that both match, or None if there are none; the inner one's names go first."""
    found = Match(
        _common(outer.sources, inner.sources),
        _common(outer.destinations, inner.destinations),
        _services(outer.services, inner.services),
        _merged(outer.incoming, inner.incoming),
        _merged(outer.outgoing, inner.outgoing),
        _united(outer.conditions, inner.conditions),
        (inner.names[0] or outer.names[0], inner.names[1] or outer.names[1]),
    )
    return found if found.is_possible else None


def overlap(left: Match, right: Match) -> bool:
    """Say whether there may be packets that both match, whatever the conditions; it is exact but for interfaces."""
    return any(
        _overlap(left.sources.ranges(version), right.sources.ranges(version))
        and _overlap(left.destinations.ranges(version), right.destinations.ranges(version))
        for version in VERSIONS
    ) and (left.services is right.services or bool(_services(left.services, right.services)))


def minus(match: Match, gone: Match) -> Iterator[Match]:
    """Yield disjoint parts of a match: all its packets but those that `gone` matches.

    Where `gone` has conditions, its packets may or may not be gone, and that part gets a condition. A match that does
    not overlap is yielded as it is.
    """
    inside = both(match, replace(gone, conditions=()))
    if inside is None:
        yield match
        return
    parts = (
        replace(match, sources=match.sources - gone.sources),
        replace(match, sources=inside.sources, destinations=match.destinations - gone.destinations),
        replace(
            match,
            sources=inside.sources,
            destinations=inside.destinations,
            services=match.services - gone.services,
        ),
    )
    yield from (part for part in parts if part.is_possible)
    # From here on all parts have the same box, and are told apart by interfaces.
    core = replace(match, sources=inside.sources, destinations=inside.destinations, services=inside.services)
    for interface in gone.incoming:
        other = replace(core, incoming=_merged(core.incoming, (_opposite(interface),)))
        if other.is_possible:
            yield other
        core = replace(core, incoming=_merged(core.incoming, (interface,)))
    for interface in gone.outgoing:
        other = replace(core, outgoing=_merged(core.outgoing, (_opposite(interface),)))
        if other.is_possible:
            yield other
        core = replace(core, outgoing=_merged(core.outgoing, (interface,)))
    if gone.conditions:
        yield replace(core, conditions=_united(core.conditions, (opposite(gone.conditions),)))


def opposite(conditions: tuple[Condition, ...]) -> Condition:
    """Return the condition that not all of some conditions hold."""
    return Condition(conditions[0].code, f"unless {' and '.join(condition.text for condition in conditions)}")


def _opposite(match: InterfaceMatch) -> InterfaceMatch:
    return InterfaceMatch(match.names, negated=not match.negated)


def _is_possible(matches: Interfaces) -> bool:
    if len(matches) < 2:
        return True
    if any(_opposite(match) in matches for match in matches):
        return False
    # A list of exact names leaves those that all other matches let pass; patterns leave too many to count.
    exact = next((one for one in matches if not one.negated and not any(name[-1:] == "+" for name in one.names)), None)
    return exact is None or any(all(match.holds(name) for match in matches) for name in exact.names)


def _merged(outer: Interfaces, inner: Interfaces) -> Interfaces:
    return outer if not inner else (*outer, *(match for match in inner if match not in outer))


def _united(outer: tuple[Condition, ...], inner: tuple[Condition, ...]) -> tuple[Condition, ...]:
    return outer if not inner else (*outer, *(condition for condition in inner if condition not in outer))


def _common(left: AddressSet, right: AddressSet) -> AddressSet:
    # Most rules say nothing of one end: that costs no arithmetic.
    if right is EVERY_ADDRESS or left is right:
        return left
    return right if left is EVERY_ADDRESS else common(left, right)


def _services(left: Services, right: Services) -> Services:
    if right is EVERY_SERVICE or left is right:
        return left
    return right if left is EVERY_SERVICE else left & right


def _overlap(left: Ranges, right: Ranges) -> bool:
    if len(left) == 1 == len(right):
        return left[0][0] <= right[0][1] and right[0][0] <= left[0][1]
    return bool(left and right and intersection(left, right))
