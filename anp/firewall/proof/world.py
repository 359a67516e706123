"""The cluster that a proof is about: one pod for each kind that there can ever be, and the policies over them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anp.firewall.inventory.model import Entity, Inventory
from anp.firewall.proof.labelspace import LabelSpace, PodKind
from compiler import intervals
from compiler.addresses import BITS, AddressSet, IpVersion, address_of
from compiler.compilation import Compilation, compile_cluster
from compiler.intervals import Range, Ranges
from compiler.labels import Labels
from compiler.model import AddressBlock, NamedPort, Pod, PodSelection, Policy, Rule, Snapshot


@dataclass(frozen=True, slots=True)
class SymbolicPod:
    """One pod that stands for all of its kind at its kind of address; `entity` is None for what is not mapped."""

    pod: Pod
    entity: Entity | None
    namespace_labels: Labels


@dataclass(frozen=True, slots=True)
class World:
    """The policies compiled over symbolic pods of one address family, and what that assumes."""

    compilation: Compilation
    pods: tuple[SymbolicPod, ...]
    assumptions: tuple[str, ...]


def world(inventory: Inventory, policies: Sequence[Policy], version: IpVersion, used: AddressSet) -> World:
    """Make the cluster for one family; `used` are addresses that are better not given to pods."""
    selections = list(dict.fromkeys(_selections(inventory, policies)))
    numbers = {selection: number for number, selection in enumerate(selections)}
    assumptions: list[str] = []
    kinds = list(_consistent(LabelSpace(selections).kinds(), assumptions))
    places = _places(inventory, policies, version, used, len(kinds), assumptions)
    pods: list[SymbolicPod] = []
    for place, (first, _last) in enumerate(places):
        for number, kind in enumerate(kinds):
            entity = next((entity for entity in inventory.entities if kind.selected >> numbers[entity.pods] & 1), None)
            name = f"{entity.name if entity else 'other'}-{number}-{place}"
            address = address_of(version, first + number)
            pods.append(
                SymbolicPod(Pod(kind.namespace, name, kind.labels, addresses=(address,)), entity, kind.namespace_labels)
            )
    if any(isinstance(traffic, NamedPort) for rule in _rules(policies) for traffic in rule.traffic):
        assumptions.append("policies name ports by name, and pods are taken to declare none")
    snapshot = Snapshot.of(
        namespaces={kind.namespace: kind.namespace_labels for kind in kinds},
        pods=[symbolic.pod for symbolic in pods],
        policies=list(policies),
    )
    return World(compile_cluster(snapshot), tuple(pods), tuple(assumptions))


def _selections(inventory: Inventory, policies: Sequence[Policy]) -> Iterator[PodSelection]:
    yield from (entity.pods for entity in inventory.entities)
    for policy in policies:
        yield policy.subject
    for rule in _rules(policies):
        yield from (peer for peer in rule.peers if isinstance(peer, PodSelection))


def _rules(policies: Sequence[Policy]) -> Iterator[Rule]:
    for policy in policies:
        yield from policy.ingress
        yield from policy.egress


def _consistent(kinds: Iterator[PodKind], assumptions: list[str]) -> Iterator[PodKind]:
    """Leave out kinds of pods whose namespace has other labels than it was seen with before."""
    labels: dict[str, object] = {}
    told: set[str] = set()
    for kind in kinds:
        if labels.setdefault(kind.namespace, kind.namespace_labels) == kind.namespace_labels:
            yield kind
        elif kind.namespace not in told:
            told.add(kind.namespace)
            assumptions.append(
                f"namespace {kind.namespace} is selected by its name and by other labels: "
                f"it is taken to have the labels {dict(kind.namespace_labels)} or none of those"
            )


def _places(  # noqa: PLR0913, PLR0917 - what decides where pods can be
    inventory: Inventory,
    policies: Sequence[Policy],
    version: IpVersion,
    used: AddressSet,
    count: int,
    assumptions: list[str],
) -> list[Range]:
    """Return one range of addresses for each combination of networks in policies that a pod's address can be in."""
    blocks = [
        peer.addresses.ranges(version)
        for rule in _rules(policies)
        for peer in rule.peers
        if isinstance(peer, AddressBlock)
    ]
    blocks = list(dict.fromkeys(blocks))
    given = inventory.pod_addresses.ranges(version)
    if given:
        found: dict[tuple[int, ...], Range] = {}
        for piece in _cut(given, blocks):
            inside = tuple(number for number, block in enumerate(blocks) if intervals.contains(block, piece[0]))
            if piece[1] - piece[0] + 1 >= count:
                found.setdefault(inside, piece)
            elif inside not in found:
                assumptions.append(
                    f"no pod has an address from {address_of(version, piece[0])} to {address_of(version, piece[1])}"
                )
        return list(found.values())
    everywhere: Ranges = ((0, (1 << BITS[version]) - 1),)
    free = intervals.difference(everywhere, used.ranges(version))
    pieces = [piece for piece in _cut(free, blocks) if piece[1] - piece[0] + 1 >= count]
    assumptions.append(
        f"the mapping does not say which IPv{version} addresses pods have (cluster.podCIDRs), "
        "so no network in a policy is taken to hold any but one that holds everything"
    )
    return [min(pieces, key=lambda piece: sum(intervals.contains(block, piece[0]) for block in blocks))]


def _cut(ranges: Ranges, blocks: Sequence[Ranges]) -> list[Range]:
    """Cut ranges wherever a block begins or ends."""
    cuts = sorted({edge for block in blocks for first, last in block for edge in (first, last + 1)})
    pieces: list[Range] = []
    for first, last in ranges:
        begin = first
        for cut in cuts:
            if begin < cut <= last:
                pieces.append((begin, cut - 1))
                begin = cut
        pieces.append((begin, last))
    return pieces
