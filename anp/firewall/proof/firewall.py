"""What is wanted between ends, as a diagram: what the firewall said where it was asked, and what holds elsewhere."""

import enum
from collections.abc import Sequence

from anp.firewall.inventory.model import Inventory, Neighbours
from anp.firewall.model import Action, Rule
from anp.firewall.proof.cluster import DESTINATION, PORT, SOURCE
from anp.firewall.proof.ends import End, EndKind, Ends
from anp.firewall.proof.model import Wanted
from anp.firewall.services import EVERY_PROTOCOL, WITH_PORTS
from compiler import intervals
from compiler.diagram.algebra import apply
from compiler.diagram.lists import from_rules
from compiler.diagram.space import Box, Decision, Node, Space
from compiler.intervals import Ranges

PORT_PROTOCOLS: Ranges = tuple((protocol, protocol) for protocol in WITH_PORTS)
OTHER_PROTOCOLS: Ranges = intervals.difference(EVERY_PROTOCOL, PORT_PROTOCOLS)


def boxes(rules: Sequence[Rule], ends: Ends) -> list[list[Box]]:
    """Return for each rule the boxes that it matches, in the space of ends."""
    found: list[list[Box]] = []
    for rule in rules:
        sources, destinations = ends.numbers(rule.sources), ends.numbers(rule.destinations)
        found.append([(sources, destinations, ports, protocols) for protocols, ports in rule.services.boxes()])
    return found


def wanted(rules: Sequence[Rule], space: Space, ends: Ends, inventory: Inventory) -> Node[Wanted]:
    """Return what is to become of packets."""
    of_rules = boxes(rules, ends)
    unknown = [(space.box(**{end: ends.others}), Wanted.UNMAPPED) for end in ("source", "destination") if ends.others]
    bounds = [
        from_rules(
            space,
            [
                *(
                    (box, Wanted.PERMIT if rule.action is Action.PERMIT else Wanted.DENY)
                    for rule, its in zip(rules, of_rules, strict=True)
                    if not rule.conditions or rule.action is kept
                    for box in its
                ),
                *unknown,
            ],
            Wanted.PERMIT,
        )
        # The least that may go through, and the most: with a condition, only denies are there, or only permits.
        for kept in (Action.DENY, Action.PERMIT)
    ]
    said = apply(space, lambda least, most: least if least is most else Wanted.EITHER, *bounds)
    return apply(space, lambda here, rule: rule if here is None else here, _elsewhere(space, ends, inventory), said)


def deciding(rules: Sequence[Rule], space: Space, ends: Ends) -> Node[int]:
    """Return the place of the rule that decides about packets, as if every condition held; -1 where none does."""
    of_rules = boxes(rules, ends)
    return from_rules(space, [(box, number) for number, its in enumerate(of_rules) for box in its], -1)


class Mixed(enum.Enum):
    """What is wanted between two ends, as far as it keeps policies from naming protocols without ports."""

    WHOLE = "whole"
    """Nothing keeps them from it."""
    PART = "part"
    """A part of TCP, UDP and SCTP from a source outside. Only a NetworkPolicy can accept it, which cannot deny: it has
    to name the part, and so cannot name protocols without ports."""
    TOLD_APART = "told apart"
    """Some of the protocols without ports, and not others."""


def mixed(want: Node[Wanted], space: Space, ends: Ends) -> Node[Mixed]:
    """Return by source and destination what is wanted there."""
    constants = {value: space.constant(value) for value in Mixed}
    known: dict[tuple[Node[Wanted], bool], Node[Mixed]] = {}

    def of(node: Node[Wanted], *, outside: bool) -> Node[Mixed]:
        key = (node, outside)
        if key not in known:
            if isinstance(node, Decision) and node.level == DESTINATION:
                pieces = ((last, of(child, outside=outside)) for (_, last), child in node.edges())
                known[key] = space.decision(DESTINATION, pieces)
            elif not _all_permitted(node, OTHER_PROTOCOLS):
                known[key] = constants[Mixed.TOLD_APART]
            else:
                is_part = outside and not _all_permitted(node, PORT_PROTOCOLS)
                known[key] = constants[Mixed.PART if is_part else Mixed.WHOLE]
        return known[key]

    by_source = isinstance(want, Decision) and want.level == SOURCE
    edges = want.edges() if isinstance(want, Decision) and by_source else iter([((0, len(ends.ends) - 1), want)])
    pieces: list[tuple[int, Node[Mixed]]] = []
    for (first, last), child in edges:
        sources = ends.ends[first : last + 1]
        pieces += ((one.number, of(child, outside=one.kind is EndKind.OUTSIDE)) for one in sources)
    return space.decision(SOURCE, pieces)


def _all_permitted(node: Node[Wanted], protocols: Ranges) -> bool:
    """Say whether every packet of some protocols is wanted, but for port 0."""
    if not isinstance(node, Decision):
        return node.value is Wanted.PERMIT
    if node.level == PORT:
        return all(_all_permitted(child, protocols) for (_, last), child in node.edges() if last > 0)
    return all(
        _all_permitted(child, protocols) for edge, child in node.edges() if intervals.intersection((edge,), protocols)
    )


def _elsewhere(space: Space, ends: Ends, inventory: Inventory) -> Node[Wanted | None]:
    """Return what is wanted where the firewall is not asked; None where it is."""
    neighbours = {segment.name: segment.neighbours for segment in inventory.segments}
    # Port 0 cannot be named by any policy, and nothing listens there.
    port = space.literal(
        "port",
        ((0, 0),),
        space.literal(
            "protocol", tuple((p, p) for p in WITH_PORTS), space.constant(Wanted.NOT_OURS), space.constant(None)
        ),
        space.constant(None),
    )

    def leaf(value: Wanted | None) -> Node[Wanted | None]:
        return port if value is None else space.constant(value)

    rows: dict[tuple[EndKind, str], Node[Wanted | None]] = {}
    pieces: list[tuple[int, Node[Wanted | None]]] = []
    for source in ends.ends:
        key = (source.kind, source.segment)
        if key not in rows:
            to = ((other.number, leaf(_between(source, other, neighbours))) for other in ends.ends)
            rows[key] = space.decision(DESTINATION, to)
        pieces.append((source.number, rows[key]))
    return space.decision(SOURCE, pieces)


def _between(source: End, destination: End, neighbours: dict[str, Neighbours]) -> Wanted | None:
    kinds = {source.kind, destination.kind}
    if EndKind.ENTITY not in kinds or EndKind.POD_ADDRESSES in kinds:
        return Wanted.NOT_OURS
    if not source.segment or source.segment != destination.segment:
        return None
    if EndKind.OUTSIDE not in kinds:
        return Wanted.UNFILTERED
    match neighbours.get(source.segment, Neighbours.UNSTATED):
        case Neighbours.ALLOW:
            return Wanted.UNFILTERED
        case Neighbours.DENY:
            return Wanted.TIGHTENED
        case Neighbours.UNSTATED:
            return Wanted.NEIGHBOUR
