"""What must hold of a mapping, what should, and whether a firewall's rules fit it.

Segments are distinct, disjoint and complete, entities are disjoint by their labels, and no rule cuts one: then what a
policy can tell apart is all that the rules tell apart.
"""

from collections import defaultdict
from collections.abc import Iterator

from anp.firewall.inventory.addressing import spelled
from anp.firewall.inventory.model import Confidence, Entity, Inventory
from anp.firewall.inventory.noting import note
from anp.firewall.model import common
from anp.sources.diagnostics import Diagnostic, Location, Severity
from anp.state.disjoint import negated, overlapping, witness
from anp.state.selection import PodIndex
from compiler.addresses import VERSIONS
from compiler.labels import Requirement
from compiler.model import Pod, Snapshot

_MOST_OVERLAPS = 50
"""How many pairs are told; entities that overlap by mistake tend to overlap all at once."""


def soundness(inventory: Inventory, snapshot: Snapshot | None = None) -> Iterator[Diagnostic]:
    """Yield what is wrong with a mapping by itself; with errors it is none to translate with.

    Given a cluster, entities need only be disjoint on its pods, and should have some.
    """
    yield from _names(inventory)
    yield from _segments(inventory)
    yield from _rewrites(inventory)
    yield from _interfaces(inventory)
    yield from _selectors(inventory, snapshot)


def guesses(inventory: Inventory, *, accepted: bool) -> Iterator[Diagnostic]:
    """Yield the entities that nobody has looked at: errors, or warnings once they are accepted."""
    severity = Severity.WARNING if accepted else Severity.ERROR
    for entity in inventory.entities:
        if entity.confidence is Confidence.GUESS:
            why = f": {entity.reason}" if entity.reason else ""
            yield note("FW209", f"{entity.name} is a guess{why}", at=entity.at, severity=severity)


def _names(inventory: Inventory) -> Iterator[Diagnostic]:
    seen: dict[str, Entity] = {}
    for entity in inventory.entities:
        first = seen.setdefault(entity.name, entity)
        if first is not entity:
            text = f"there are two entities {entity.name}, the first in line {first.at.line}"
            yield note("FW208", text, at=entity.at, hint="rename one, or make them one with the addresses of both")


# Addresses.


def _segments(inventory: Inventory) -> Iterator[Diagnostic]:
    pieces = [
        (version, first, last, place)
        for place, segment in enumerate(inventory.segments)
        for version in VERSIONS
        for first, last in segment.addresses.ranges(version)
    ]
    # Sorted by where they begin, pieces overlap if and only if one begins before the furthest end so far.
    told: set[tuple[int, int]] = set()
    family, furthest, holder = 0, -1, 0
    for version, first, last, place in sorted(pieces):
        if version != family:
            family, furthest = version, -1
        if first <= furthest and place != holder and (pair := (min(place, holder), max(place, holder))) not in told:
            told.add(pair)
            one, other = (inventory.segments[each] for each in pair)
            both = spelled(common(one.addresses, other.addresses))
            text = f"segments {one.name} and {other.name} have {both} in common"
            yield note("FW207", text, at=other.at, hint="a host is in one segment; give it to one of the two")
        if last > furthest:
            furthest, holder = last, place


def _interfaces(inventory: Inventory) -> Iterator[Diagnostic]:
    """Yield where interfaces leave addresses out: only if any are declared at all, as rules may not ask for them."""
    if not (inventory.outside_interfaces or any(segment.interfaces for segment in inventory.segments)):
        return
    for segment in inventory.segments:
        if not segment.interfaces:
            text = f"no interface leads to segment {segment.name}, so rules that ask for one are not about it"
            yield note("FW208", text, at=segment.at, hint="name its `interfaces`", severity=Severity.WARNING)
    if not inventory.outside_interfaces:
        text = "no interface leads outside, so rules that ask for one are not about addresses in no segment"
        at = Location(inventory.source, 1)
        yield note("FW208", text, at=at, hint="name the `interfaces` of `outside`", severity=Severity.WARNING)


def _rewrites(inventory: Inventory) -> Iterator[Diagnostic]:
    names = {entity.name for entity in inventory.entities}
    seen: dict[tuple[str, int, int], int] = {}
    arriving: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    for rewrite in inventory.rewrites:
        if rewrite.entity not in names:
            text = f"a port is given for {rewrite.entity}, which is no entity"
            yield note("FW208", text, at=rewrite.at, hint="mend the name")
            continue
        target = seen.setdefault((rewrite.entity, rewrite.protocol, rewrite.port), rewrite.container_port)
        if target != rewrite.container_port:
            text = f"port {rewrite.port} of {rewrite.entity} arrives at {target} and at {rewrite.container_port}"
            yield note("FW208", text, at=rewrite.at, hint="keep the Service's targetPort")
            continue
        ports = arriving[rewrite.entity, rewrite.protocol, rewrite.container_port]
        if ports and rewrite.port not in ports:
            both = f"ports {ports[0]} and {rewrite.port} of {rewrite.entity} are both {rewrite.container_port}"
            text = f"{both} of the container, so policies cannot tell them apart"
            yield note("FW121", text, at=rewrite.at, hint="check that the rules mean the same for both")
        ports.append(rewrite.port)


# Labels.


def _selectors(inventory: Inventory, snapshot: Snapshot | None) -> Iterator[Diagnostic]:
    entities = inventory.entities
    index = None if snapshot is None else PodIndex(snapshot.namespaces, snapshot.pods)
    for entity in entities:
        if witness(entity.pods) is None:
            text = f"no pod can have what {entity.name} asks for"
            yield note("FW208", text, at=entity.at, hint="its conditions exclude each other; mend the selector")
        elif index is not None and not index.governed(entity.pods):
            text = f"{entity.name} has no pods: {entity.pods}"
            yield note("FW211", text, at=entity.at)
    pairs = overlapping([entity.pods for entity in entities])
    for told, (one, other, example) in enumerate(pairs, start=1):
        first, second = entities[one], entities[other]
        pods = () if index is None else _in_both(index, first, second)
        now = f"pod {pods[0]} is in both" if pods else f"{example} would be in both"
        text = f"{first.name} and {second.name} can have the same pods: {now}"
        code = "FW206" if index is not None and not pods else "FW205"
        yield note(code, text, at=second.at, hint=_way_apart(first, second))
        if told == _MOST_OVERLAPS:
            text = "more entities can have the same pods; these are not told until the others are mended"
            yield note("FW205", text, at=second.at, hint="")
            return


def _in_both(index: PodIndex, one: Entity, other: Entity) -> tuple[Pod, ...]:
    theirs = {pod.key for pod in index.governed(other.pods)}
    return tuple(pod for pod in index.governed(one.pods) if pod.key in theirs)


def _way_apart(specific: Entity, general: Entity) -> str:
    """Return a condition for the later of two entities that keeps it off the pods of the earlier."""
    used = {requirement.key for requirement in general.pods.pods.requirements}
    choices = specific.pods.pods.requirements
    best = next((each for each in choices if each.key not in used), None) or next(iter(choices), None)
    if best is None:
        return "select by labels in both"
    return f"add {_expression(negated(best))} to the matchExpressions of {general.name}"


def _expression(requirement: Requirement) -> str:
    values = f", values: [{', '.join(map(_quoted, requirement.values))}]" if requirement.values else ""
    return f"{{key: {requirement.key}, operator: {requirement.operator.value}{values}}}"


def _quoted(text: str) -> str:
    return f'"{text}"'
