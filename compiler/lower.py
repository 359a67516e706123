"""One node's share of a compilation, as nftables objects.

The layout, and why it is so, is described in docs/dataplane.md. In short: a base chain classifies the other
end of a new connection into the mark, then looks the local pod up; the pod's program looks the class up; what
it finds is the verdict. Only classes and programs that the node's own pods need are there.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from compiler import names
from compiler.addresses import VERSIONS, IpVersion
from compiler.classes import Membership
from compiler.compilation import Compilation
from compiler.intervals import Range
from compiler.marks import MarkLayout
from compiler.model import PORT_PROTOCOLS
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
    PortMatch,
    RangeMap,
    Return,
    Ruleset,
    SetMark,
    Side,
    TrackedMatch,
    Verdict,
    VerdictMap,
)
from compiler.share import Share, Subject

DEFAULT_LAYOUT = MarkLayout()
LINEAR_PORTS = 4
"""Up to so many port ranges of a protocol are asked one by one. That is no slower than a lookup, and every map of
ranges is one more that libnftables lists before it adds anything anywhere (docs/adr/0006)."""
KEY: Mapping[IpVersion, KeyType] = {4: KeyType.IPV4, 6: KeyType.IPV6}


def lower(compilation: Compilation, node: str, layout: MarkLayout = DEFAULT_LAYOUT) -> Ruleset:
    """Return what the kernel of `node` should hold; nothing at all if no policy concerns a pod there.

    Raises:
        TooManyClassesError: the mark has not enough bits for the node's classes.

    """
    return lower_share(Share.of(compilation, node, layout), layout)


def lower_share(share: Share, layout: MarkLayout = DEFAULT_LAYOUT) -> Ruleset:
    """Return what the kernel of a node with this share, worked out for the same layout, should hold."""
    if not share.subjects:
        return Ruleset()
    profiles = {profile for program in share.programs.values() for profile in map(program.profile, share.numbers)}
    outcomes = {outcome for profile in profiles for outcome in profile.outcomes}
    targets = {profile: profile_target(profile) for profile in profiles}
    maps = dict(_address_maps(share))
    chains = dict(base_chains(layout))
    for number in share.numbers.values():
        if number:
            chains[names.class_chain(number)] = chain_of_class(number, layout)
    for digest, program in share.programs.items():
        chain, elements = _program(program, share.numbers, targets, layout)
        chains[names.program(digest)] = chain
        maps[names.program(digest)] = ExactMap(KeyType.MARK, elements)
    chains.update((names.profile_chain(p.digest), chain_of_profile(p)) for p in profiles if len(p.outcomes) > 1)
    chains.update((names.rule_chain(outcome), chain_of_rule(outcome)) for outcome in outcomes)
    chains.update((subject_chain(subject), chain_of_subject(subject, layout)) for _pod, subject in share.subjects)
    return Ruleset(chains, maps, frozenset(map(names.rule_chain, outcomes)))


def subject_chain(subject: Subject) -> str:
    """Name the chain of the pods with these programs."""
    digests = (program.digest if program else None for program in (subject.egress, subject.ingress))
    return names.subject_chain(*digests)


def profile_target(profile: Profile) -> Goto:
    """Go to a profile's chain, or straight to the rule where there is only one."""
    if len(profile.outcomes) == 1:
        return Goto(names.rule_chain(profile.other))
    return Goto(names.profile_chain(profile.digest))


def _address_maps(share: Share) -> Iterator[tuple[str, VerdictMap]]:
    jumps = {subject: Jump(subject_chain(subject)) for _pod, subject in share.subjects}
    to_class = {membership: Goto(names.class_chain(number)) for membership, number in share.numbers.items()}
    for version in VERSIONS:
        subjects: dict[int, Verdict] = {
            int(address): jumps[subject]
            for pod, subject in share.subjects
            for address in pod.addresses
            if address.version == version
        }
        hosts: dict[int, Verdict] = {number: to_class[m] for number, m in share.hosts[version].items()}
        segments: dict[Range, Verdict] = {s.addresses: to_class[s.membership] for s in share.segments[version]}
        yield names.subject_map(version), ExactMap(KEY[version], subjects)
        yield names.class_map(version), ExactMap(KEY[version], hosts)
        yield names.net_map(version), RangeMap(KEY[version], segments)


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
    return chain_of_program(program.digest, default, layout), elements


def chain_of_class(number: int, layout: MarkLayout) -> Chain:
    """Make the chain that puts a class into the mark."""
    return Chain(((SetMark(layout.mask, layout.mark(number)),),))


def chain_of_program(digest: str, default: Verdict, layout: MarkLayout) -> Chain:
    """Make a program's chain: look the class up, and a miss is the default."""
    return Chain(((MarkLookup(layout.class_mask, names.program(digest)),), (default,)))


def chain_of_profile(profile: Profile) -> Chain:
    """Make a profile's chain: look ports up where they matter, then do what becomes of all the rest."""
    rules: list[NftRule] = []
    for protocol in PORT_PROTOCOLS:
        verdicts = [
            (ports, Goto(names.rule_chain(outcome)))
            for ports, outcome in profile.ports(protocol)
            if outcome != profile.other
        ]
        if len(verdicts) <= LINEAR_PORTS:
            rules.extend((PortMatch(protocol, ports), verdict) for ports, verdict in verdicts)
        else:
            rules.append((PortLookup(protocol, tuple(verdicts)),))
    return Chain((*rules, (Goto(names.rule_chain(profile.other)),)))


def chain_of_rule(outcome: Outcome) -> Chain:
    """Make the chain of an outcome, which ends the matter."""
    return Chain(((Count(names.rule_chain(outcome)), Return() if outcome.accept else Drop()),))


def chain_of_subject(subject: Subject, layout: MarkLayout) -> Chain:
    """Make the chain of some pods: to the program of the direction that is being judged, if there is one."""
    rules: list[NftRule] = []
    if subject.egress:
        rules.append((MarkMatch(layout.ingress_bit, 0), _to_program(subject.egress)))
    if subject.ingress:
        # Where egress has just been ruled out, there is nothing left to ask.
        asked: NftRule = () if subject.egress else (MarkMatch(layout.ingress_bit, layout.ingress_bit),)
        rules.append((*asked, _to_program(subject.ingress)))
    return Chain(tuple(rules))


def _to_program(program: Program) -> Goto:
    return Goto(names.program(program.digest))


def base_chains(layout: MarkLayout) -> Iterator[tuple[str, Chain]]:
    """Make the chains that every node with a subject has.

    Forwarded packets are judged at both ends; packets to the node itself at their source only. What the node
    itself sends is not hooked, so that it always reaches its own pods (semantics.md 2.12). Classifying writes all
    of our mark bits, so whatever was in them before does not matter, and what was there after is cleared.
    """
    for side in Side:
        lookups = tuple(
            (AddressLookup(side, version, name(version)),)
            for name in (names.class_map, names.net_map)
            for version in VERSIONS
        )
        yield names.classify_chain(side), Chain((*lookups, (SetMark(layout.mask, 0),)))
    spared: tuple[NftRule, ...] = ((TrackedMatch(), Accept()), (NeighborDiscoveryMatch(), Accept()))
    egress: tuple[NftRule, ...] = ((Jump(names.classify_chain(Side.DESTINATION)),), *_lookups(Side.SOURCE))
    ingress: tuple[NftRule, ...] = (
        (Jump(names.classify_chain(Side.SOURCE)),),
        (SetMark(layout.ingress_bit, layout.ingress_bit),),
        *_lookups(Side.DESTINATION),
    )
    clear: NftRule = (SetMark(layout.mask, 0),)
    yield names.FORWARD_CHAIN, Chain((*spared, *egress, *ingress, clear), Hook.FORWARD)
    yield names.INPUT_CHAIN, Chain((*spared, *egress, clear), Hook.INPUT)


def _lookups(subject: Side) -> tuple[NftRule, ...]:
    """Run the program of the local pod at one side, if one is there."""
    return tuple((AddressLookup(subject, version, names.subject_map(version)),) for version in VERSIONS)
