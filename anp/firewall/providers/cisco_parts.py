"""What a rule asks of addresses and of services, in parts: what is known exactly, and what holds under conditions.

A condition of a part is about one end: its text goes on after "source" or "destination", as in "in group WEB". Parts
overlap as they like; a packet is meant if one of them matches it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_
from typing import TypeAlias

from anp.firewall.matching import Match
from anp.firewall.model import EVERY_ADDRESS, Condition, common
from anp.firewall.services import EVERY_PORT, EVERY_SERVICE, Services
from compiler import intervals
from compiler.addresses import AddressSet
from compiler.intervals import Ranges

Conditions: TypeAlias = tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Ends:
    """Some addresses, and what the source calls them."""

    parts: tuple[tuple[AddressSet, Conditions], ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def known(cls, addresses: AddressSet, *names: str) -> "Ends":
        """Make ends of which nothing is left open."""
        return cls(((addresses, ()),) if addresses else (), names)

    @classmethod
    def unknown(cls, code: str, text: str, *names: str, within: AddressSet = EVERY_ADDRESS) -> "Ends":
        """Make ends that may be any of some addresses."""
        return cls(((within, (Condition(code, text),)),), names)

    @classmethod
    def union(cls, ends: Iterable["Ends"], *names: str) -> "Ends":
        """Return all of some ends together; those that have the same conditions become one part."""
        alike: dict[Conditions, list[AddressSet]] = {}
        for one in ends:
            for addresses, conditions in one.parts:
                alike.setdefault(conditions, []).append(addresses)
        return cls(tuple((_united(sets), conditions) for conditions, sets in alike.items()), names)

    @property
    def exact(self) -> AddressSet:
        """The addresses that are meant whatever the conditions."""
        return next((addresses for addresses, conditions in self.parts if not conditions), AddressSet())

    @property
    def possible(self) -> AddressSet:
        """The addresses that may be meant."""
        return _united(addresses for addresses, _conditions in self.parts)

    def within(self, addresses: AddressSet) -> "Ends":
        """Return what of them is in a set."""
        if addresses is EVERY_ADDRESS:
            return self
        return replace(self, parts=tuple(part for part in _parts(self, Ends.known(addresses)) if part[0]))

    def negated(self) -> "Ends":
        """Return all other addresses."""
        others = (
            Ends(tuple(part for part in ((EVERY_ADDRESS - addresses, ()), (addresses, _opposite(so))) if part[0]))
            if so
            else Ends.known(EVERY_ADDRESS - addresses)
            for addresses, so in self.parts
        )
        return replace(reduce(and_, others, ANYWHERE), names=tuple(f"not {name}" for name in self.names))

    def __and__(self, other: "Ends") -> "Ends":
        return Ends(tuple(part for part in _parts(self, other) if part[0]), (*self.names, *other.names))


ANYWHERE = Ends.known(EVERY_ADDRESS)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Some services."""

    parts: tuple[tuple[Services, Conditions], ...] = ()

    @classmethod
    def known(cls, services: Services) -> "Traffic":
        """Make traffic of which nothing is left open."""
        return cls(((services, ()),) if services else ())

    @classmethod
    def of(cls, protocols: Iterable[int] | None, ports: Ranges = EVERY_PORT, conditions: Conditions = ()) -> "Traffic":
        """Make traffic of some protocols, or of any, to some ports."""
        if protocols is None:
            return cls(((EVERY_SERVICE, conditions),))
        services = Services.of(*((protocol, ports) for protocol in protocols))
        return cls(((services, conditions),) if services else ())

    @classmethod
    def unknown(cls, code: str, text: str) -> "Traffic":
        """Make traffic that may be any."""
        return cls(((EVERY_SERVICE, (Condition(code, text),)),))

    @classmethod
    def union(cls, traffic: Iterable["Traffic"]) -> "Traffic":
        """Return all of some traffic together."""
        alike: dict[Conditions, list[tuple[int, Ranges]]] = {}
        for one in traffic:
            for services, conditions in one.parts:
                alike.setdefault(conditions, []).extend(services.by_protocol)
        return cls(tuple((Services.of(*parts), conditions) for conditions, parts in alike.items()))

    def given(self, conditions: Conditions) -> "Traffic":
        """Return the same traffic under more conditions."""
        return Traffic(tuple((services, (*so, *conditions)) for services, so in self.parts)) if conditions else self

    def within(self, services: Services) -> "Traffic":
        """Return what of it is in a set."""
        return Traffic(tuple((both, so) for its, so in self.parts if (both := its & services)))


EVERY_TRAFFIC = Traffic.known(EVERY_SERVICE)


def matches(
    sources: Ends, destinations: Ends, traffic: Traffic = EVERY_TRAFFIC, conditions: Conditions = ()
) -> tuple[Match, ...]:
    """Return what matches packets between these ends; none where there can be no such packet."""
    found = (
        Match(
            sources=senders,
            destinations=receivers,
            services=services,
            conditions=_distinct((*_about("source", a), *_about("destination", b), *c, *conditions)),
            names=(sources.names, destinations.names),
        )
        for senders, a in sources.parts
        for receivers, b in destinations.parts
        for services, c in traffic.parts
    )
    return tuple(match for match in found if match.is_possible)


def _parts(left: Ends, right: Ends) -> Iterator[tuple[AddressSet, Conditions]]:
    for ours, a in left.parts:
        for theirs, b in right.parts:
            yield common(ours, theirs), _distinct((*a, *b))


def _distinct(conditions: Conditions) -> Conditions:
    return tuple(dict.fromkeys(conditions))


def _opposite(conditions: Conditions) -> Conditions:
    text = " and ".join(condition.text for condition in conditions)
    return (Condition(conditions[0].code, f"not {text}" if len(conditions) == 1 else f"not ({text})"),)


def _about(end: str, conditions: Conditions) -> Conditions:
    return tuple(Condition(condition.code, f"{end} {condition.text}") for condition in conditions)


def _united(sets: Iterable[AddressSet]) -> AddressSet:
    # One sort of all ranges, for a group may have thousands.
    gathered = list(sets)
    if len(gathered) == 1:
        return gathered[0]
    return AddressSet(
        intervals.union(range_ for addresses in gathered for range_ in addresses.v4),
        intervals.union(range_ for addresses in gathered for range_ in addresses.v6),
    )
