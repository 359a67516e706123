"""What priority really means: which rules of a tier depend on which earlier ones, and which can never be reached.

Within one tier and direction a rule depends on an earlier one if some packet meets both and their actions
differ. Everything that no path of dependencies connects may be asked in any order. All of it holds for one
snapshot: a pod more or less can add a dependency or bring a rule to life.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import networkx as nx

from compiler.model import Direction, Policy, Rule, RuleOrigin, Snapshot, Tier
from compiler.regions import Region, Space


@dataclass(frozen=True, slots=True)
class RankedRule:
    """A rule where it stands: `rank` counts the rules of its tier and direction in order of precedence, from 0."""

    rank: int
    policy: Policy
    rule: Rule

    def __hash__(self) -> int:
        # Policies are large, and within a graph the rank says it all.
        return self.rank


@dataclass(frozen=True, slots=True)
class Precedence:
    """The rules of one tier and direction, and what their order is good for.

    * `graph` has all `rules` as nodes and an edge from a rule to each later one that depends on it.
    * `levels` are the rules by the longest path into them; any rule that matches in the first level where one
      does gives the verdict of the tier, because two that disagree about a packet are never on one level.
    * `dead` rules match something, but earlier ones take it all: those named, each of some packet the first match.
    * `idle` rules match nothing that is judged, whatever other rules say.
    """

    tier: Tier
    direction: Direction
    rules: tuple[RankedRule, ...]
    graph: "nx.DiGraph[RankedRule]"
    levels: tuple[tuple[RankedRule, ...], ...]
    dead: Mapping[RankedRule, tuple[RankedRule, ...]]
    idle: tuple[RankedRule, ...]

    @classmethod
    def of(cls, snapshot: Snapshot, tier: Tier, direction: Direction) -> "Precedence":
        """Work out the precedence among the rules that a snapshot has in one tier and direction."""
        space = Space(snapshot, tier, direction)
        placed = [(number, rule) for number, policy in enumerate(space.policies) for rule in policy.rules(direction)]
        rules = tuple(RankedRule(rank, space.policies[number], rule) for rank, (number, rule) in enumerate(placed))
        regions = [space.region(number, rule) for number, rule in placed]
        graph = _graph(space, rules, regions)
        return cls(
            tier=tier,
            direction=direction,
            rules=rules,
            graph=graph,
            levels=tuple(
                tuple(sorted(level, key=lambda ranked: ranked.rank)) for level in nx.topological_generations(graph)
            ),
            dead=_dead(space, rules, regions),
            idle=tuple(rule for rule, region in zip(rules, regions, strict=True) if not region),
        )

    def level(self, rule: RankedRule) -> int:
        """Return the length of the longest path into `rule`; raise ValueError if it is not among `rules`."""
        for number, level in enumerate(self.levels):
            if rule in level:
                return number
        raise ValueError(f"{self.origin(rule)} is not among these rules")

    def origin(self, rule: RankedRule) -> RuleOrigin:
        """Name a rule as decisions do."""
        return RuleOrigin.of(rule.policy, self.direction, rule.rule)


def _graph(space: Space, rules: tuple[RankedRule, ...], regions: list[Region]) -> "nx.DiGraph[RankedRule]":
    graph: nx.DiGraph[RankedRule] = nx.DiGraph()
    graph.add_nodes_from(rules)
    for later in rules:
        for earlier in rules[: later.rank]:
            if earlier.rule.action is not later.rule.action and space.overlap(
                regions[earlier.rank], regions[later.rank]
            ):
                graph.add_edge(earlier, later)
    nx.freeze(graph)
    return graph


def _dead(
    space: Space, rules: tuple[RankedRule, ...], regions: list[Region]
) -> dict[RankedRule, tuple[RankedRule, ...]]:
    dead: dict[RankedRule, tuple[RankedRule, ...]] = {}
    for later in rules:
        left = regions[later.rank]
        killers: list[RankedRule] = []
        for earlier in rules[: later.rank]:
            if not left:
                break
            remaining = space.difference(left, regions[earlier.rank])
            if remaining != left:
                killers.append(earlier)
            left = remaining
        if killers and not left:
            dead[later] = tuple(killers)
    return dead
