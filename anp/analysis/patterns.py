"""Why connections between many get through or not: one answer for all that are decided alike."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from anp.analysis.choice import chosen_by
from anp.analysis.difference_document import flow_json, party_json
from anp.analysis.ends import End, UnknownEndError, parse_end
from anp.analysis.parties import Party, Roster
from anp.analysis.places import said_by
from anp.analysis.wording import packets_list
from anp.state.cluster import Cluster
from compiler.addresses import Address, AddressSet, IpVersion
from compiler.compilation import compile_cluster
from compiler.diagram.meaning import Meaning, Verdict
from compiler.diagram.traffic import example
from compiler.model import Flow, Snapshot
from compiler.packets import EVERY_PACKET, PacketSet

_GLOB = frozenset("*?")
MAX_PAIRS = 250_000
"""More pairs of addresses than are worth waiting for; `anp reach` does not go through them."""


class TooManyPairsError(ValueError):
    """The patterns choose more pairs than are gone through."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of such packets from any of `sources` to any of `destinations`, by whose word, and one of them."""

    sources: tuple[Party, ...]
    destinations: tuple[Party, ...]
    packets: PacketSet
    verdict: Verdict
    witnesses: tuple[Flow, ...]

    @property
    def witness(self) -> Flow:
        """One of the flows."""
        return self.witnesses[0]

    def family(self, version: IpVersion) -> bool:
        """Say whether it is about this address family; parties are named by their addresses of these."""
        return any(flow.source.version == version for flow in self.witnesses)


def is_pattern(text: str, snapshot: Snapshot) -> bool:
    """Say whether an end is named by a pattern, or by a namespace, rather than as one pod or address."""
    return bool(_GLOB & set(text)) or text in {pod.namespace for pod in snapshot.pods}


def ends_of_pattern(text: str, snapshot: Snapshot) -> list[End]:
    """Return the ends that a pattern chooses, or the one that is named.

    Raises:
        UnknownEndError: there are none.

    """
    if not is_pattern(text, snapshot):
        return [parse_end(text, snapshot)]
    pods = [pod for pod in snapshot.pods if pod.governed and pod.addresses]
    if not pods:
        raise UnknownEndError("no pod has an address")
    chosen = chosen_by(text, pods)
    return [End(str(pod), pod.addresses, pod) for pod in pods if chosen(pod)]


def answers(
    snapshot: Snapshot, sources: Sequence[End], destinations: Sequence[End], asked: PacketSet = EVERY_PACKET
) -> tuple[Answer, ...]:
    """Return what becomes of all packets between these ends, with those put together that are decided alike.

    A pod's traffic to itself is left out.

    Raises:
        TooManyPairsError: there are too many pairs of addresses.

    """
    pairs = list(_pairs(sources, destinations))
    if len(pairs) > MAX_PAIRS:
        raise TooManyPairsError(f"{len(pairs)} pairs of addresses are too many; anp reach tells about all at once")
    meaning = Meaning(compile_cluster(snapshot))
    ends = {address: meaning.end(address) for pair in pairs for address in pair}
    alike: dict[tuple[Verdict, PacketSet], dict[Address, list[Address]]] = {}
    known: dict[int, list[tuple[Verdict, PacketSet]]] = {}
    for source, destination in pairs:
        node = meaning.between(ends[source], ends[destination])
        pieces = known.get(id(node))
        if pieces is None:
            said = meaning.space.packets(node).items()
            pieces = known[id(node)] = [(verdict, some) for verdict, all_ in said if (some := all_ & asked)]
        for piece in pieces:
            alike.setdefault(piece, {}).setdefault(source, []).append(destination)
    return tuple(_told(Roster(snapshot), alike))


def _pairs(sources: Iterable[End], destinations: Sequence[End]) -> Iterator[tuple[Address, Address]]:
    for source in sources:
        for destination in destinations:
            if source.pod is None or source.pod != destination.pod:
                yield from ((a, b) for a in source.addresses for b in destination.addresses if a.version == b.version)


def _told(roster: Roster, alike: dict[tuple[Verdict, PacketSet], dict[Address, list[Address]]]) -> Iterator[Answer]:
    for (verdict, packets), pairs in alike.items():
        rectangles: dict[AddressSet, list[Address]] = {}
        for source, destinations in pairs.items():
            rectangles.setdefault(AddressSet.of(*destinations), []).append(source)
        told: dict[tuple[tuple[Party, ...], tuple[Party, ...]], list[Flow]] = {}
        for receivers, senders in rectangles.items():
            ends = roster.parties(AddressSet.of(*senders)), roster.parties(receivers)
            told.setdefault(ends, []).append(Flow(senders[0], pairs[senders[0]][0], *example(packets)))
        for (sources, targets), witnesses in told.items():
            yield Answer(sources, targets, packets, verdict, tuple(witnesses))


def as_json(found: Sequence[Answer], ends: tuple[str, str], cluster: Cluster, asked: PacketSet) -> dict[str, Any]:
    """Return the answers as a JSON document of kind ``Explanations``, version 1."""
    return {
        "kind": "Explanations",
        "version": 1,
        "from": ends[0],
        "to": ends[1],
        "asked": packets_list(asked),
        "accepted": all(answer.verdict.accept for answer in found),
        "answers": [
            {
                "accepted": answer.verdict.accept,
                "from": [party_json(party) for party in answer.sources],
                "to": [party_json(party) for party in answer.destinations],
                "traffic": packets_list(answer.packets),
                "egress": {"accepted": answer.verdict.egress.accept, **said_by(answer.verdict.egress.origin, cluster)},
                "ingress": {
                    "accepted": answer.verdict.ingress.accept,
                    **said_by(answer.verdict.ingress.origin, cluster),
                },
                "families": sorted({flow.source.version for flow in answer.witnesses}),
                "example": flow_json(answer.witness),
            }
            for answer in found
        ],
    }
