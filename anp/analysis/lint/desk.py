"""What all families of lint work with: one cluster, what was worked out about it, and where things stand."""

from functools import cache, cached_property

from anp.analysis.lint.catalogue import CATALOGUE
from anp.analysis.lint.findings import NOWHERE, Finding, Related, Witness
from anp.analysis.lint.situations import Ground, Ranked
from anp.analysis.lint.standing import Standing
from anp.sources.diagnostics import FieldPath, Location, Severity
from anp.sources.manifests import Item, Loaded
from anp.state.cluster import Cluster
from anp.state.selection import PodIndex
from compiler.compilation import compile_cluster
from compiler.model import Direction, IsolationOrigin, Origin, Pod, Policy, RuleOrigin, Tier


class Desk:
    """One cluster under lint. What is slow is worked out when it is asked for, and once."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.snapshot = cluster.snapshot
        self.index = PodIndex(self.snapshot.namespaces, self.snapshot.pods)
        self.standing = cache(self._standing)

    @cached_property
    def ground(self) -> Ground:
        """The compiled cluster and its ends."""
        return Ground(compile_cluster(self.snapshot))

    def _standing(self, direction: Direction) -> Standing:
        """Return the standing of the rules of one direction."""
        return Standing.of(self.ground, direction)

    @cached_property
    def governed(self) -> tuple[Pod, ...]:
        """Every pod that policies can select."""
        return tuple(pod for pod in self.snapshot.pods if pod.governed)

    def item(self, policy: Policy) -> Item | None:
        """Return the object that a policy comes from."""
        return self.cluster.items.get((policy.kind.value, policy.namespace, policy.name))

    def at(self, policy: Policy, path: FieldPath) -> Location:
        """Return where a field of a policy stands."""
        item = self.item(policy)
        return item.locate(path) if isinstance(item, Loaded) else NOWHERE

    def lines(self, policy: Policy, path: FieldPath) -> frozenset[int]:
        """Return the lines of a field and of everything around it."""
        return frozenset(self.at(policy, path[:length]).line for length in range(len(path) + 1)) - {0}

    def related(self, ranked: Ranked, part: str) -> Related:
        """Name another rule."""
        return Related(str(ranked.origin), self.at(ranked.policy, rule_path(ranked)), part)

    def related_origin(self, origin: Origin, part: str) -> Related:
        """Name whatever decided."""
        match origin:
            case RuleOrigin():
                return Related(str(origin), self.cluster.locate(origin) or NOWHERE, part)
            case IsolationOrigin(_, policies):
                item = self.cluster.items.get(("NetworkPolicy", *policies[0]))
                return Related(str(origin), item.origin if isinstance(item, Loaded) else NOWHERE, part)
            case _:
                return Related(str(origin), NOWHERE, part)

    def finding(  # noqa: PLR0913 - the parts of one sentence
        self,
        code: str,
        policy: Policy,
        path: FieldPath,
        message: str,
        *,
        related: tuple[Related, ...] = (),
        witness: Witness | None = None,
        lasting: bool = False,
        milder: bool = False,
    ) -> Finding:
        """Make a finding about a policy; a `milder` one matters less than its kind does."""
        check = CATALOGUE[code]
        severity = Severity(min(check.severity + milder, Severity.INFO))
        return Finding(
            code,
            severity,
            str(policy),
            self.at(policy, path),
            path,
            message,
            check.fix,
            related,
            witness,
            lasting,
            self.lines(policy, path),
        )


def rule_path(ranked: Ranked) -> FieldPath:
    """Return the field of a rule in its policy."""
    return ("spec", ranked.direction.value, ranked.rule.index)


def peer_path(direction: Direction, rule: int, peer: int) -> FieldPath:
    """Return the field of a peer in its policy."""
    return ("spec", direction.value, rule, "from" if direction is Direction.INGRESS else "to", peer)


def subject_path(policy: Policy) -> FieldPath:
    """Return the field that says whom a policy is about."""
    return ("spec", "podSelector" if policy.tier is Tier.NETWORK_POLICY else "subject")


def several(names: list[str], shown: int = 3) -> str:
    """List a few names, and count the rest."""
    rest = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + rest
