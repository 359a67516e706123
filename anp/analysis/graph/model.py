"""What there is to draw of a cluster: tiers, policies, rules, what they do to one another, and what becomes of them."""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from anp.analysis.parties import workload_of
from compiler.atoms import Atom
from compiler.compilation import Compilation, compile_cluster
from compiler.model import Action, ContainerPort, Direction, Pod, Policy, Rule, Snapshot, Tier
from compiler.precedence import Precedence, RankedRule

_SMALL, _MEDIUM = 60, 300
"""Up to so many rules, programs or rules are not too many to look at."""

_Key: TypeAlias = tuple[str, str, str]
"""What names a policy: kind, namespace and name."""


class Detail(enum.Enum):
    """How much is drawn: policies only, their rules too, or programs and classes as well."""

    POLICIES = "policies"
    RULES = "rules"
    PROGRAMS = "programs"


class Standing(enum.Enum):
    """Whether a rule ever decides: earlier ones take all that a dead one matches, and an idle one matches nothing."""

    LIVE = "live"
    DEAD = "dead"
    IDLE = "idle"


class Relation(enum.Enum):
    """What an edge says: two rules' order matters, one takes what another matches, or what is made of what."""

    PRECEDES = "precedes"
    KILLS = "kills"
    COMPILES = "compiles"
    TELLS_APART = "tells-apart"


@dataclass(frozen=True, slots=True)
class RuleBox:
    """A rule, by a name of ours.

    `rank` is its place in its tier and direction, and `level` the depth of its dependencies; a rule has neither where
    its policy does not concern the direction.
    """

    id: str
    direction: Direction
    rank: int | None
    level: int | None
    action: Action
    title: str
    about: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class PolicyBox:
    """A policy with its rules, in order."""

    id: str
    kind: str
    label: str
    namespace: str
    priority: int | None
    rules: tuple[RuleBox, ...]


@dataclass(frozen=True, slots=True)
class Band:
    """A tier with its policies, in order of precedence."""

    tier: Tier
    policies: tuple[PolicyBox, ...]


@dataclass(frozen=True, slots=True)
class ProgramBox:
    """What pods that the same policies select do in one direction."""

    id: str
    digest: str
    direction: Direction
    pods: int
    workloads: tuple[str, ...]
    policies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClassBox:
    """Addresses that no policy tells apart, by what is true of them; `addresses` counts those of pods and nodes."""

    id: str
    digest: str
    about: tuple[str, ...]
    addresses: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A relation from one box to another, by their names."""

    source: str
    target: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn, in one order that depends on the cluster alone."""

    detail: Detail
    bands: tuple[Band, ...]
    edges: tuple[Edge, ...]
    programs: tuple[ProgramBox, ...] = ()
    classes: tuple[ClassBox, ...] = ()

    @property
    def policies(self) -> Iterator[PolicyBox]:
        """Every policy, in order."""
        for band in self.bands:
            yield from band.policies


@dataclass(frozen=True, slots=True)
class _Ordered:
    """A precedence, and what is looked up in it for every rule."""

    precedence: Precedence
    ranked: Mapping[tuple[_Key, int], RankedRule]
    levels: Mapping[RankedRule, int]
    idle: frozenset[RankedRule]

    @classmethod
    def of(cls, snapshot: Snapshot, tier: Tier, direction: Direction) -> "_Ordered":
        precedence = Precedence.of(snapshot, tier, direction)
        ranked = {(_key(rule.policy), rule.rule.index): rule for rule in precedence.rules}
        levels = {rule: number for number, level in enumerate(precedence.levels) for rule in level}
        return cls(precedence, ranked, levels, frozenset(precedence.idle))


def fitting(snapshot: Snapshot) -> Detail:
    """Return how much of a cluster people can look at."""
    rules = sum(len(policy.rules(direction)) for policy in snapshot.policies for direction in Direction)
    if rules <= _SMALL:
        return Detail.PROGRAMS
    return Detail.RULES if rules <= _MEDIUM else Detail.POLICIES


def picture(snapshot: Snapshot, detail: Detail) -> Picture:
    """Return what there is to draw, with all rules; `svg` and others leave them out where policies are enough."""
    bands: list[Band] = []
    edges: list[Edge] = []
    numbers = {_key(policy): f"p{number}" for number, policy in enumerate(snapshot.policies)}
    for tier in Tier:
        policies = [policy for policy in snapshot.policies if policy.tier is tier]
        ordered = {direction: _Ordered.of(snapshot, tier, direction) for direction in Direction}
        boxes = tuple(
            _policy(policy, numbers[_key(policy)], tuple(_rules(policy, numbers[_key(policy)], ordered)))
            for policy in policies
        )
        bands.append(Band(tier, boxes))
        for order in ordered.values():
            edges.extend(_relations(order.precedence, numbers))
    if detail is not Detail.PROGRAMS:
        return Picture(detail, tuple(bands), tuple(edges))
    compilation = compile_cluster(snapshot)
    programs, masks = _programs(compilation, numbers)
    classes, memberships = _classes(compilation, masks)
    edges += [Edge(policy, program.id, Relation.COMPILES) for program in programs for policy in program.policies]
    edges += [
        Edge(program.id, one.id, Relation.TELLS_APART)
        for program in programs
        for one in classes
        if masks[program.id] & memberships[one.id]
    ]
    return Picture(detail, tuple(bands), tuple(edges), programs, classes)


def _key(policy: Policy) -> _Key:
    return policy.kind.value, policy.namespace, policy.name


def _policy(policy: Policy, name: str, rules: tuple[RuleBox, ...]) -> PolicyBox:
    priority = None if policy.tier is Tier.NETWORK_POLICY else policy.priority
    return PolicyBox(name, policy.kind.value, policy.label, policy.namespace, priority, rules)


def _rule_id(policy: str, direction: Direction, rule: Rule) -> str:
    return f"{policy}{direction.value[0]}{rule.index}"


def _rules(policy: Policy, name: str, ordered: Mapping[Direction, _Ordered]) -> Iterator[RuleBox]:
    for direction, order in ordered.items():
        for rule in policy.rules(direction):
            # A NetworkPolicy has rules of a direction that it does not isolate; they are no part of the order.
            ranked = order.ranked.get((_key(policy), rule.index))
            yield RuleBox(
                _rule_id(name, direction, rule),
                direction,
                ranked.rank if ranked else None,
                order.levels[ranked] if ranked else None,
                rule.action,
                f"{direction.value}[{rule.index}]" + (f" {rule.name}" if rule.name else ""),
                _about(rule, direction),
                _standing(order, ranked),
            )


def _standing(order: _Ordered, ranked: RankedRule | None) -> Standing:
    if ranked is None or ranked in order.idle:
        return Standing.IDLE
    return Standing.DEAD if ranked in order.precedence.dead else Standing.LIVE


def _about(rule: Rule, direction: Direction) -> str:
    peers = ", ".join(map(str, rule.peers)) or "nobody"
    traffic = ", ".join(map(str, rule.traffic)) or "nothing"
    return f"{rule.action.value} {'from' if direction is Direction.INGRESS else 'to'} {peers}: {traffic}"


def _relations(precedence: Precedence, numbers: dict[_Key, str]) -> Iterator[Edge]:
    names = {
        ranked: _rule_id(numbers[_key(ranked.policy)], precedence.direction, ranked.rule) for ranked in precedence.rules
    }
    for earlier, later in sorted(precedence.graph.edges, key=lambda edge: (edge[0].rank, edge[1].rank)):
        yield Edge(names[earlier], names[later], Relation.PRECEDES)
    for dead, killers in sorted(precedence.dead.items(), key=lambda item: item[0].rank):
        for killer in killers:
            yield Edge(names[killer], names[dead], Relation.KILLS)


def _programs(compilation: Compilation, numbers: dict[_Key, str]) -> tuple[tuple[ProgramBox, ...], dict[str, int]]:
    """Return all programs of a cluster, and which questions each asks."""
    pods: dict[tuple[Direction, str], list[Pod]] = {}
    found = {}
    for pod in compilation.snapshot.pods:
        for direction, group in compilation.groups(pod).items() if pod.governed and pod.addresses else ():
            if group is not None:
                program = compilation.program(group)
                pods.setdefault((direction, program.digest), []).append(pod)
                found[direction, program.digest] = program
    boxes, masks = [], {}
    order = sorted(found, key=lambda key: (key[0].value, key[1]))
    for number, (direction, digest) in enumerate(order):
        program = found[direction, digest]
        policies = tuple(numbers[_key(policy)] for policy in program.policies)
        of = pods[direction, digest]
        workloads = tuple(sorted({f"{pod.namespace}/{workload_of(pod)}" for pod in of}))
        boxes.append(ProgramBox(f"g{number}", digest, direction, len(of), workloads, policies))
        masks[f"g{number}"] = program.mask
    return tuple(boxes), masks


def _classes(compilation: Compilation, masks: dict[str, int]) -> tuple[tuple[ClassBox, ...], dict[str, int]]:
    """Return what programs can tell apart, but for everything else, and the questions that are true of each class."""
    asked = 0
    for mask in masks.values():
        asked |= mask
    universe = compilation.universe
    counts: dict[int, int] = {}
    for hosts in universe.hosts.values():
        for membership in hosts.values():
            counts[membership & asked] = counts.get(membership & asked, 0) + 1
    for segments in universe.segments.values():
        for segment in segments:
            counts.setdefault(segment.membership & asked, 0)
    about = {one: tuple(sorted(map(_question, universe.atoms(one)))) for one in counts if one}
    order = sorted(about, key=lambda one: about[one])
    boxes = tuple(
        ClassBox(f"c{number}", f"{universe.digest(one):016x}", about[one], counts[one])
        for number, one in enumerate(order)
    )
    return boxes, {f"c{number}": one for number, one in enumerate(order)}


def _question(atom: Atom) -> str:
    if isinstance(atom, ContainerPort):
        return f"pods that declare {atom.protocol.value}/{atom.number} as {atom.name!r}"
    return str(atom)
