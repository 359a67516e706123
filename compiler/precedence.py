"""What priority really means: which rules of a tier depend on which earlier ones, and which can never be reached.

Within one tier and direction a rule depends on an earlier one if some packet meets both and their actions
differ. Everything that no path of dependencies connects may be asked in any order. All of it holds for one
snapshot: a pod more or less can add a dependency or bring a rule to life.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import networkx as nx

from compiler.model import Direction, Policy, Rule, RuleOrigin, Snapshot, Tier
from compiler.regions import Region, Space, hull, may_meet


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
    if len({rule.rule.action for rule in rules}) > 1:
        hulls = list(map(hull, regions))
        for later in rules:
            for earlier in rules[: later.rank]:
                if (
                    earlier.rule.action is not later.rule.action
                    and may_meet(hulls[earlier.rank], hulls[later.rank])
                    and space.overlap(regions[earlier.rank], regions[later.rank])
                ):
                    graph.add_edge(earlier, later)
    nx.freeze(graph)
    return graph


def _dead(
    space: Space, rules: tuple[RankedRule, ...], regions: list[Region]
) -> dict[RankedRule, tuple[RankedRule, ...]]:
    hulls = list(map(hull, regions))
    dead: dict[RankedRule, tuple[RankedRule, ...]] = {}
    for later in rules:
        own = hulls[later.rank]
        near = [earlier for earlier in rules[: later.rank] if may_meet(hulls[earlier.rank], own)]
        killers = _killers(space, regions[later.rank], [regions[earlier.rank] for earlier in near])
        if killers:
            dead[later] = tuple(near[place] for place in sorted(killers))
    return dead


def _killers(space: Space, region: Region, earlier: list[Region]) -> set[int]:
    """Return which of the earlier regions take all of a region between them, each some; none if anything is left.

    One piece is followed to its end before the next, as a rule that lives is known by the first that is left.
    """
    boxes = [(number, box) for number, taken in enumerate(earlier) for box in taken]
    killers: set[int] = set()
    pieces = [(piece, 0) for piece in region]
    while pieces:
        piece, start = pieces.pop()
        for place in range(start, len(boxes)):
            number, box = boxes[place]
            if may_meet(piece, box) and space.overlap((piece,), (box,)):
                killers.add(number)
                # What other subjects have is followed first: that is likely to live.
                pieces.extend((left, place + 1) for left in reversed(tuple(space.without(piece, box))))
                break
        else:
            return set()
    return killers
