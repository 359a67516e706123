"""What changes in meaning between two clusters, told as people think: who gains or loses which traffic, and by what.

The comparison is `compiler.diagram.comparison`: exact, for every flow. What policies change is compared on the objects
of the new cluster, and what objects change under the policies of the old one, so each change has one cause.
"""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from anp.analysis.parties import Party, Roster
from compiler.addresses import VERSIONS, Address, AddressSet, IpVersion, address_of
from compiler.compilation import compile_cluster
from compiler.diagram.comparison import Difference, differences
from compiler.diagram.turns import Turn, Way
from compiler.model import Direction, Flow, Node, Pod, Snapshot
from compiler.packets import PacketSet


class Cause(enum.Enum):
    """What a change comes from; the words are for programs too."""

    POLICIES = "policies"
    OBJECTS = "objects"


class Kinship(enum.Enum):
    """Which traffic between these ends is meant, as far as a pod's traffic to itself is concerned (2.14)."""

    OTHERS = "others"
    ITSELF = "itself-through-a-service"
    OWN_ADDRESSES = "own-addresses-directly"


@dataclass(frozen=True, slots=True)
class Change:
    """Flows that one cluster lets through and the other does not.

    They go from any of `sources` to any of `destinations`. `turns` says for one end or both who accepted and who
    denied, before and after; `witnesses` has an example for each address family.
    """

    cause: Cause
    way: Way
    sources: tuple[Party, ...]
    destinations: tuple[Party, ...]
    packets: PacketSet
    kinship: Kinship
    turns: tuple[Turn, ...]
    witnesses: tuple[Flow, ...]

    @property
    def families(self) -> tuple[IpVersion, ...]:
        """The address families that it is about; parties are named by their addresses of these."""
        return tuple(sorted({flow.source.version for flow in self.witnesses}))


@dataclass(frozen=True, slots=True)
class Movements:
    """What of pods and nodes is in one of two clusters only, or has other addresses there, by name."""

    come: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    readdressed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.come or self.gone or self.readdressed)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that changes. `strangers`: flows of pods and nodes that come or go are affected too, which no change lists.

    Without changes and strangers, every flow has the same fate in both clusters: that is proven and not tried.
    """

    changes: tuple[Change, ...]
    movements: Movements = Movements()
    strangers: bool = False

    @property
    def same(self) -> bool:
        """Whether every flow has the same fate in both clusters."""
        return not self.changes and not self.strangers

    def of(self, way: Way) -> tuple[Change, ...]:
        """Return the changes of one way."""
        return tuple(change for change in self.changes if change.way is way)


def compare(old: Snapshot, new: Snapshot, *, policies_only: bool = False) -> Comparison:
    """Compare what two clusters mean; with `policies_only`, what both sets of policies mean for the new objects."""
    after = compile_cluster(new)
    between = replace(new, policies=old.policies)
    crossed = compile_cluster(between)
    roster = Roster(new)
    changes = _changes(Cause.POLICIES, differences(crossed, after), roster)
    if policies_only or between == old:
        return Comparison(_sorted(changes))
    moved = _moved(old, new)
    found = list(differences(compile_cluster(old), crossed))
    kept = [piece for one in found if (piece := _without(one, moved, new))]
    strangers = any(_touches(one, moved) for one in found)
    changes = [*changes, *_changes(Cause.OBJECTS, kept, roster)]
    return Comparison(_sorted(changes), _movements(old, new), strangers)


def _changes(cause: Cause, found: Iterable[Difference], roster: Roster) -> list[Change]:
    """Put what differs into words, with what both families, or both ends of a flow, have in common said once."""
    by_flows: dict[tuple[Way, int, int, PacketSet, Kinship], list[Difference]] = {}
    for one in found:
        # Equal parties are one object, and their names are long.
        sources, destinations = roster.parties(one.sources), roster.parties(one.destinations)
        key = (one.turn.way, id(sources), id(destinations), one.packets, _kinship(one))
        by_flows.setdefault(key, []).append(one)
    joined: list[Change] = []
    for (way, _from, _to, packets, kinship), group in by_flows.items():
        sources, destinations = roster.parties(group[0].sources), roster.parties(group[0].destinations)
        by_reason: dict[tuple[Turn, ...], list[Flow]] = {}
        for version in VERSIONS:
            here = [one for one in group if one.witness.source.version == version]
            for turns, witness in _reasons(here):
                by_reason.setdefault(turns, []).append(witness)
        joined += [
            Change(cause, way, sources, destinations, packets, kinship, turns, tuple(witnesses))
            for turns, witnesses in by_reason.items()
        ]
    return joined


def _reasons(group: list[Difference]) -> Iterator[tuple[tuple[Turn, ...], Flow]]:
    """Yield why flows between two parties turn: for the same flows by the word of both ends together."""
    alike: list[list[Difference]] = []
    for one in group:
        like = next((found for found in alike if _ends(found[0]) == _ends(one)), None)
        if like is None:
            alike.append([one])
        else:
            like.append(one)
    for found in alike:
        outof, into = ([one for one in found if one.turn.direction is way] for way in Direction)
        if len(outof) == len(into) == 1:
            yield (outof[0].turn, into[0].turn), outof[0].witness
        else:
            yield from (((one.turn,), one.witness) for one in found)


def _ends(one: Difference) -> tuple[AddressSet, AddressSet]:
    return one.sources, one.destinations


def _kinship(one: Difference) -> Kinship:
    if one.direct:
        return Kinship.OWN_ADDRESSES
    return Kinship.ITSELF if one.witness.hairpin else Kinship.OTHERS


def _sorted(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Lost before gained, as that is what hurts first; then by name."""
    # Equal parties are one object, and there may be hundreds in each of thousands of changes.
    names: dict[int, list[str]] = {}

    def key(change: Change) -> tuple[object, ...]:
        for parties in (change.sources, change.destinations):
            if id(parties) not in names:
                names[id(parties)] = [str(party) for party in parties]
        ends = (names[id(change.sources)], names[id(change.destinations)])
        gained = change.way is Way.OPENED
        return (change.cause is Cause.OBJECTS, gained, *ends, str(change.packets), str(change.turns))

    return tuple(sorted(changes, key=key))


# What comes and goes.


def _movements(old: Snapshot, new: Snapshot) -> Movements:
    before, after = ({_title(thing): set(thing.addresses) for thing in _things(of)} for of in (old, new))
    both = before.keys() & after.keys()
    return Movements(
        come=tuple(sorted(after.keys() - before.keys())),
        gone=tuple(sorted(before.keys() - after.keys())),
        readdressed=tuple(sorted(name for name in both if before[name] != after[name])),
    )


def _things(snapshot: Snapshot) -> list[Pod | Node]:
    """Return everything that can be an end and has a name."""
    return [*(pod for pod in snapshot.pods if pod.governed), *snapshot.nodes]


def _title(thing: Pod | Node) -> str:
    return f"pod {thing}" if isinstance(thing, Pod) else f"node {thing.name}"


def _moved(old: Snapshot, new: Snapshot) -> AddressSet:
    """Return the addresses that are somebody else's in the new cluster than in the old one."""
    before, after = _owners(old), _owners(new)
    return AddressSet.of(*(one for one in before.keys() | after.keys() if before.get(one) != after.get(one)))


def _owners(snapshot: Snapshot) -> dict[Address, set[str]]:
    found: dict[Address, set[str]] = {}
    for thing in _things(snapshot):
        for address in thing.addresses:
            found.setdefault(address, set()).add(_title(thing))
    return found


def _touches(one: Difference, moved: AddressSet) -> bool:
    return one.sources - moved != one.sources or one.destinations - moved != one.destinations


def _without(one: Difference, moved: AddressSet, snapshot: Snapshot) -> Difference | None:
    """Return what is left of a difference between those who stay, if anything is."""
    if not moved or not _touches(one, moved):
        return one
    sources, destinations = one.sources - moved, one.destinations - moved
    if not sources or not destinations:
        return None
    kept = replace(one, sources=sources, destinations=destinations)
    return replace(kept, witness=_witness(kept, snapshot))


def _witness(one: Difference, snapshot: Snapshot) -> Flow:
    """Return one of the flows of a difference, not of a pod to itself if there is another."""
    if one.witness.source in one.sources and one.witness.destination in one.destinations:
        return one.witness
    owners = {address: pod for pod in snapshot.pods if pod.governed for address in pod.addresses}
    source, destination = next(_each(one.sources)), next(_each(one.destinations))
    if not one.direct:
        owner = owners.get(source)
        apart = (to for to in _each(one.destinations) if owner is None or owners.get(to) is not owner)
        other = next(apart, None)
        if other is None:  # all destinations are the one pod that the first source is
            source = next((by for by in _each(one.sources) if owners.get(by) is not owner), source)
        else:
            destination = other
    owner = owners.get(source)
    itself = owner is not None and owners.get(destination) is owner and not one.direct
    return replace(one.witness, source=source, destination=destination, hairpin=itself)


def _each(addresses: AddressSet) -> Iterator[Address]:
    for version in VERSIONS:
        for first, last in addresses.ranges(version):
            for number in range(first, last + 1):
                yield address_of(version, number)
