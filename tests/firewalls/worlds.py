"""Random firewalls with mappings that fit them, as values: what translation and proof are both tried on.

Entities, their segments and the outside are few, so that rules meet. The firewall's addresses:

    entity k       10.20.k.0/28, and 2001:db8:20:k::/64 where there is IPv6; others of 10.20.k.0/24 are neighbours
    outside        198.51.100.0/24 in quarters, 203.0.113.0/24, 10.99.0.0/16, 2001:db8:99::/48
"""

import operator
from dataclasses import dataclass, replace
from functools import reduce

from hypothesis import strategies as st

from anp.firewall.inventory.model import Entity, Inventory, Neighbours, Rewrite, Segment
from anp.firewall.model import (
    EVERY_ADDRESS,
    NO_ADDRESS,
    Action,
    Condition,
    Fate,
    Firewall,
    InterfaceMatch,
    Role,
    Rule,
    RuleList,
    Statement,
    common,
)
from anp.firewall.services import ESP, EVERY_SERVICE, GRE, ICMP, SCTP, TCP, UDP, Services
from anp.sources.diagnostics import Location
from compiler.addresses import AddressSet
from compiler.labels import NAMESPACE_NAME_LABEL, Selector
from compiler.model import PodSelection

OUTSIDE = tuple(
    AddressSet.of(text)
    for text in (
        "198.51.100.0/26",
        "198.51.100.64/26",
        "198.51.100.128/25",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "10.99.0.0/16",
        "2001:db8:99::/48",
    )
)
POD_ADDRESSES = AddressSet.of("10.99.128.0/17", "fd00:244::/64")
"""They lie inside an outside network, as pod networks do that were carved out of a company's."""

PORTS = (22, 80, 443, 5432, 8080, 8443)
CONDITION = Condition("FW104", "limit 5/minute")


@dataclass(frozen=True, repr=False)
class World:
    """A firewall and its mapping."""

    firewall: Firewall
    inventory: Inventory

    def __repr__(self) -> str:
        """Show what a failure needs to be understood, a line for each rule."""
        lines: list[str] = []
        for one in self.firewall.lists:
            lines.append(f"list {one.name} {sorted(one.versions)} by {','.join(map(str, one.incoming)) or 'any'}")
            lines += (
                f"  {rule.statement} {rule.action}{' if' if rule.conditions else ''} "
                f"{_shown(rule.sources)} -> {_shown(rule.destinations)} {rule.services}"
                for rule in one.rules
            )
        lines += (f"segment {one.name} {one.addresses} {one.neighbours}" for one in self.inventory.segments)
        lines += (f"entity {one.name} {one.addresses} in {one.segment or '-'}" for one in self.inventory.entities)
        lines += [f"{one.entity} {one.protocol} {one.port} -> {one.container_port}" for one in self.inventory.rewrites]
        return "\n".join(["World:", *lines])


def _shown(addresses: AddressSet) -> str:
    return "any" if addresses.v4 == EVERY_ADDRESS.v4 else str(addresses)


def entity(number: int, *, segment: str = "", v6: bool = False, namespaces: int = 2, name: str = "") -> Entity:
    """Make the entity of that number, in one of some namespaces."""
    name = name or f"e{number}"
    namespace = f"ns{number % namespaces}"
    addresses = [f"10.20.{number}.0/28"] + ([f"2001:db8:20:{number}::/64"] if v6 else [])
    by_name = {NAMESPACE_NAME_LABEL: namespace}
    return Entity(
        name,
        AddressSet.of(*addresses),
        PodSelection(Selector.of(by_name), Selector.of({"app": name})),
        {"namespaceSelector": {"matchLabels": by_name}, "podSelector": {"matchLabels": {"app": name}}},
        segment,
    )


def segment_of(name: str, *numbers: int, neighbours: Neighbours = Neighbours.DENY) -> Segment:
    """Make a segment with the networks of some entities, and an interface of its name."""
    networks = [f"10.20.{number}.0/24" for number in numbers] + [f"2001:db8:20:{number}::/64" for number in numbers]
    return Segment(name, AddressSet.of(*networks), (f"if-{name}",), neighbours)


def inventory_of(
    *entities: Entity, segments: tuple[Segment, ...] = (), rewrites: tuple[Rewrite, ...] = ()
) -> Inventory:
    """Make a mapping of entities."""
    return Inventory(
        "map.yaml",
        "0" * 64,
        entities,
        segments,
        rewrites=rewrites,
        outside_interfaces=("if-outside",),
        pod_addresses=POD_ADDRESSES,
    )


def firewall_of(*lists: RuleList, texts: dict[int, str] | None = None) -> Firewall:
    """Make a firewall whose every rule has a statement of its own, numbered as the rules come, lines from 1.

    Rules are given with any statement; the last rule of each list is its default.
    """
    statements: list[Statement] = []
    numbered: list[RuleList] = []
    for rule_list in lists:
        rules: list[Rule] = []
        for place, rule in enumerate(rule_list.rules):
            number = len(statements)
            default = place == len(rule_list.rules) - 1
            role = Role.DEFAULT if default else Role.RULE
            text = (texts or {}).get(number, f"{rule.action} {rule.services} of rule {number}")
            at = Location("fw.conf", number + 1)
            statements.append(Statement(number, at, rule_list.name, str(place + 1), text, role))
            rules.append(replace(rule, statement=number))
        numbered.append(replace(rule_list, rules=tuple(rules)))
    statements.append(
        Statement(
            len(statements), Location("fw.conf", len(statements) + 1), "", "", "log all", Role.OTHER, Fate.IMPLIED
        )
    )
    return Firewall("fw.conf", "table", "f" * 64, tuple(statements), tuple(numbered))


def permit(sources: AddressSet, destinations: AddressSet, services: Services = EVERY_SERVICE, **more) -> Rule:
    """Make a permit; its statement comes later."""
    return Rule(0, Action.PERMIT, sources, destinations, services, **more)


def deny(
    sources: AddressSet = EVERY_ADDRESS,
    destinations: AddressSet = EVERY_ADDRESS,
    services: Services = EVERY_SERVICE,
    **more,
) -> Rule:
    """Make a deny; of everything, if nothing is said."""
    return Rule(0, Action.DENY, sources, destinations, services, **more)


def tcp(*ports: int) -> Services:
    """Make the services of some TCP ports."""
    return Services.of((TCP, [(port, port) for port in ports]))


# Strategies.


@st.composite
def services(draw, *, partial: bool = True) -> Services:
    """Draw services; with `partial` also such as no policy can name alone."""
    kinds = [
        st.just(EVERY_SERVICE),
        st.sampled_from(PORTS).map(tcp),
        st.lists(st.sampled_from(PORTS), min_size=1, max_size=3).map(lambda ports: tcp(*ports)),
        st.tuples(st.sampled_from((TCP, UDP)), st.integers(1, 9000), st.integers(0, 2000)).map(
            lambda found: Services.of((found[0], [(found[1], found[1] + found[2])]))
        ),
        st.just(Services.every_port(TCP)),
        st.just(Services.every_port(TCP, UDP, SCTP)),
        st.sampled_from(PORTS).map(lambda port: Services.of((TCP, [(port, port)]), (UDP, [(port, port)]))),
    ]
    if partial:
        kinds += [
            st.just(Services.every_port(ICMP)),
            st.just(Services.every_port(TCP, GRE, ESP)),
            st.just(EVERY_SERVICE - Services.every_port(TCP)),
            st.just(tcp(0)),
        ]
    return draw(st.one_of(kinds))


@st.composite
def inventories(draw, *, v6: bool = False, rewritten: bool = True, most: int = 4) -> Inventory:
    """Draw a mapping of one to `most` entities."""
    count = draw(st.integers(1, most))
    homes = [draw(st.sampled_from(("", "s0", "s1"))) for _entity in range(count)]
    both = v6 and draw(st.booleans())
    entities = tuple(entity(number, segment=home, v6=both) for number, home in enumerate(homes))
    segments = tuple(
        segment_of(
            name,
            *(number for number, home in enumerate(homes) if home == name),
            neighbours=draw(st.sampled_from((Neighbours.ALLOW, Neighbours.DENY))),
        )
        for name in ("s0", "s1")
        if name in homes
    )
    moves = st.builds(
        Rewrite,
        st.sampled_from([one.name for one in entities]),
        st.just(TCP),
        st.sampled_from(PORTS),
        st.sampled_from(PORTS),
    )
    found = draw(st.lists(moves, max_size=3, unique_by=lambda move: (move.entity, move.port))) if rewritten else []
    return inventory_of(*entities, segments=segments, rewrites=tuple(found))


@st.composite
def addresses(draw, inventory: Inventory) -> AddressSet:
    """Draw a set that cuts no entity."""
    atoms = [
        *(one.addresses for one in inventory.entities),
        *OUTSIDE,
        *(inventory.neighbours(segment) for segment in inventory.segments),
    ]
    whole = [EVERY_ADDRESS, *(segment.addresses for segment in inventory.segments)]
    several = st.lists(st.sampled_from([one for one in atoms if one]), min_size=1, max_size=3)
    return draw(st.one_of(st.sampled_from(whole), several.map(lambda found: reduce(operator.or_, found, NO_ADDRESS))))


@st.composite
def rules(draw, inventory: Inventory, *, partial: bool = True, conditions: bool = True) -> Rule:
    """Draw one rule."""
    return Rule(
        0,
        draw(st.sampled_from(Action)),
        draw(addresses(inventory)),
        draw(addresses(inventory)),
        draw(services(partial=partial)),
        conditions=(CONDITION,) if conditions and draw(st.integers(0, 5)) == 0 else (),
    )


@st.composite
def worlds(
    draw,
    *,
    partial: bool = True,
    conditions: bool = True,
    v6: bool = False,
    rewritten: bool = True,
    least: int = 0,
    most: int = 8,
    interfaces: bool = True,
) -> World:
    """Draw a firewall of one list, sometimes two in series, and a mapping that none of its rules cuts."""
    inventory = draw(inventories(v6=v6, rewritten=rewritten))
    versions = frozenset(draw(st.sampled_from(((4,), (4, 6))))) if v6 else frozenset({4})
    within = AddressSet(EVERY_ADDRESS.v4, EVERY_ADDRESS.v6 if 6 in versions else ())
    lists: list[RuleList] = []
    names = draw(st.sampled_from((("in",), ("in",), ("in", "out"))))
    for name in names:
        # A condition of the first of two lists makes a bracket of all that comes after it, which is sound and wide.
        exact = name != names[-1]
        one_rule = rules(inventory, partial=partial, conditions=conditions and not exact)
        drawn = draw(st.lists(one_rule, min_size=least, max_size=most))
        last = Rule(0, draw(st.sampled_from((Action.DENY, Action.DENY, Action.PERMIT))))
        found = [
            replace(one, sources=common(one.sources, within), destinations=common(one.destinations, within))
            for one in (*drawn, last)
        ]
        behind = [*inventory.outside_interfaces, *(segment.interfaces[0] for segment in inventory.segments)]
        comes_by = draw(st.sampled_from(((), (), *((one,) for one in behind)))) if interfaces else ()
        matches = tuple(InterfaceMatch((one,)) for one in comes_by)
        lists.append(RuleList(name, tuple(found), versions, incoming=matches))
    return World(firewall_of(*lists), inventory)
