"""One node's share of a compilation, as nftables objects.

The layout, and why it is so, is described in docs/dataplane.md. In short: a base chain classifies the other
end of a new connection into the mark, then looks the local pod up; the pod's program looks the class up; what
it finds is the verdict. Only classes and programs that the node's own pods need are there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from compiler import names
from compiler.addresses import VERSIONS, IpVersion
from compiler.classes import Membership, Segment
from compiler.compilation import Compilation
from compiler.intervals import Range
from compiler.marks import MarkLayout, number_classes
from compiler.model import PORT_PROTOCOLS, Direction, Pod
from compiler.profiles import Outcome, Profile
from compiler.programs import Program
from compiler.ruleset import (
    Accept,
    AddressLookup,
    Chain,
    Count,
    Drop,
    ExactMap,
    Goto,
    Hook,
    Jump,
    KeyType,
    MarkLookup,
    MarkMatch,
    NeighborDiscoveryMatch,
    NftRule,
    PortLookup,
    RangeMap,
    Return,
    Ruleset,
    SetMark,
    Side,
    TrackedMatch,
    Verdict,
    VerdictMap,
)

DEFAULT_LAYOUT = MarkLayout()
_KEY: Mapping[IpVersion, KeyType] = {4: KeyType.IPV4, 6: KeyType.IPV6}


@dataclass(frozen=True, slots=True)
class _Subject:
    """The programs of some local pods; at least one is there."""

    egress: Program | None
    ingress: Program | None

    @property
    def programs(self) -> Iterator[Program]:
        return (program for program in (self.egress, self.ingress) if program is not None)

    @property
    def chain(self) -> str:
        digests = (program.group.digest if program else None for program in (self.egress, self.ingress))
        return names.subject_chain(*digests)


def lower(compilation: Compilation, node: str, layout: MarkLayout = DEFAULT_LAYOUT) -> Ruleset:
    """Return what the kernel of `node` should hold; nothing at all if no policy concerns a pod there.

    Raises:
        TooManyClassesError: the mark has not enough bits for the node's classes.

    """
    subjects = {pod.key: subject for pod, subject in _subjects(compilation, node)}
    if not subjects:
        return Ruleset()
    programs = {program.group.digest: program for subject in subjects.values() for program in subject.programs}
    mask: Membership = 0
    for program in programs.values():
        mask |= program.mask
    universe = compilation.universe
    hosts = {
        version: {number: m & mask for number, m in universe.hosts[version].items() if m & mask} for version in VERSIONS
    }
    segments = {version: tuple(_merged(universe.segments[version], mask)) for version in VERSIONS}
    present = {m for version in VERSIONS for m in hosts[version].values()}
    present.update(segment.membership for version in VERSIONS for segment in segments[version])
    numbers = number_classes(present, universe, layout.capacity)
    to_class = {membership: Goto(names.class_chain(number)) for membership, number in numbers.items()}

    maps: dict[str, VerdictMap] = {}
    chains: dict[str, Chain] = {}
    for version in VERSIONS:
        maps[names.subject_map(version)] = ExactMap(
            _KEY[version],
            {
                int(address): Jump(subjects[pod.key].chain)
                for pod in compilation.snapshot.pods
                if pod.key in subjects
                for address in pod.addresses
                if address.version == version
            },
        )
        maps[names.class_map(version)] = ExactMap(
            _KEY[version], {number: to_class[membership] for number, membership in hosts[version].items()}
        )
        maps[names.net_map(version)] = RangeMap(
            _KEY[version], {segment.addresses: to_class[segment.membership] for segment in segments[version]}
        )
    for number in numbers.values():
        if number:
            chains[names.class_chain(number)] = Chain(((SetMark(layout.class_mask, layout.mark(number)),),))
    profiles = {profile for program in programs.values() for profile in map(program.profile, numbers)}
    targets = {profile: _target(profile) for profile in profiles}
    for digest, program in programs.items():
        chain, elements = _program(program, numbers, targets, layout)
        chains[names.program(digest)] = chain
        maps[names.program(digest)] = ExactMap(KeyType.MARK, elements)
    outcomes = {outcome for profile in profiles for outcome in profile.outcomes}
    chains.update((names.profile_chain(p.digest), _profile(p)) for p in profiles if len(p.outcomes) > 1)
    chains.update((names.rule_chain(outcome), _rule(outcome)) for outcome in outcomes)
    chains.update((subject.chain, _subject(subject, layout)) for subject in subjects.values())
    chains.update(_base(layout))
    return Ruleset(chains, maps, frozenset(map(names.rule_chain, outcomes)))


def _subjects(compilation: Compilation, node: str) -> Iterator[tuple[Pod, _Subject]]:
    """Yield the node's pods that some policy concerns."""
    for pod in compilation.snapshot.pods:
        if pod.node != node or not pod.addresses:
            continue
        groups = compilation.groups(pod)
        programs = {direction: compilation.program(group) for direction, group in groups.items() if group}
        if programs:
            yield pod, _Subject(programs.get(Direction.EGRESS), programs.get(Direction.INGRESS))


def _merged(segments: Iterable[Segment], mask: Membership) -> Iterator[Segment]:
    """Restrict segments to the atoms in `mask`, joining neighbours that only other atoms told apart."""
    current: Segment | None = None
    for segment in segments:
        membership = segment.membership & mask
        if current and membership == current.membership and segment.addresses[0] == current.addresses[1] + 1:
            current = Segment((current.addresses[0], segment.addresses[1]), membership)
            continue
        if current:
            yield current
        current = Segment(segment.addresses, membership) if membership else None
    if current:
        yield current


def _program(
    program: Program, numbers: Mapping[Membership, int], targets: Mapping[Profile, Goto], layout: MarkLayout
) -> tuple[Chain, dict[int, Verdict]]:
    """Make a program's chain and map: the profile of most classes is what a miss means.

    Where several profiles are equally frequent, the one that class 0 has wins, then the least by name.
    """
    verdicts = {number: targets[program.profile(membership)] for membership, number in numbers.items()}
    frequency = Counter(verdicts.values())
    default = min(frequency, key=lambda verdict: (-frequency[verdict], verdict != verdicts[0], verdict.chain))
    elements: dict[int, Verdict] = {
        layout.mark(number): verdict for number, verdict in verdicts.items() if verdict is not default
    }
    return Chain(((MarkLookup(layout.class_mask, names.program(program.group.digest)),), (default,))), elements


def _target(profile: Profile) -> Goto:
    """Go to a profile's chain, or straight to the rule where there is only one."""
    if len(profile.outcomes) == 1:
        return Goto(names.rule_chain(profile.other))
    return Goto(names.profile_chain(profile.digest))


def _profile(profile: Profile) -> Chain:
    """Make a profile's chain: look ports up where they matter, then do what becomes of all the rest."""
    rules: list[NftRule] = []
    for protocol in PORT_PROTOCOLS:
        verdicts: list[tuple[Range, Verdict]] = [
            (ports, Goto(names.rule_chain(outcome)))
            for ports, outcome in profile.ports(protocol)
            if outcome != profile.other
        ]
        if verdicts:
            rules.append((PortLookup(protocol, tuple(verdicts)),))
    return Chain((*rules, (Goto(names.rule_chain(profile.other)),)))


def _rule(outcome: Outcome) -> Chain:
    return Chain(((Count(names.rule_chain(outcome)), Return() if outcome.accept else Drop()),))


def _subject(subject: _Subject, layout: MarkLayout) -> Chain:
    """Make the chain of some pods: to the program of the direction that is being judged, if there is one."""
    rules: list[NftRule] = []
    if subject.egress:
        rules.append((MarkMatch(layout.ingress_bit, 0), Goto(names.program(subject.egress.group.digest))))
    if subject.ingress:
        rules.append(
            (MarkMatch(layout.ingress_bit, layout.ingress_bit), Goto(names.program(subject.ingress.group.digest)))
        )
    return Chain(tuple(rules))


def _base(layout: MarkLayout) -> Iterator[tuple[str, Chain]]:
    """Make the chains that every node with a subject has.

    Forwarded packets are judged at both ends; packets to the node itself at their source only. What the node
    itself sends is not hooked, so that it always reaches its own pods (semantics.md 2.12).
    """
    for side in Side:
        lookups = tuple(
            (AddressLookup(side, version, name(version)),)
            for name in (names.class_map, names.net_map)
            for version in VERSIONS
        )
        yield names.classify_chain(side), Chain((*lookups, (SetMark(layout.class_mask, 0),)))
    spared: tuple[NftRule, ...] = ((TrackedMatch(), Accept()), (NeighborDiscoveryMatch(), Accept()))
    clear: NftRule = (SetMark(layout.mask, 0),)
    egress = (clear, *_judge(Side.DESTINATION, Side.SOURCE))
    ingress = ((SetMark(layout.ingress_bit, layout.ingress_bit),), *_judge(Side.SOURCE, Side.DESTINATION))
    yield names.FORWARD_CHAIN, Chain((*spared, *egress, *ingress, clear), Hook.FORWARD)
    yield names.INPUT_CHAIN, Chain((*spared, *egress, clear), Hook.INPUT)


def _judge(other: Side, subject: Side) -> tuple[NftRule, ...]:
    """Classify one side, then run the program of the pod at the other."""
    lookups = tuple((AddressLookup(subject, version, names.subject_map(version)),) for version in VERSIONS)
    return ((Jump(names.classify_chain(other)),), *lookups)
