"""Do administrators' policies in another form mean the same: for all pods, and whatever tenants' policies there are.

Of tenants' policies only what becomes of a flow at either end matters: none is about it, one accepts it, or the pod is
isolated and none does. All nine combinations are compared, over one pod for each kind that there can be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from anp.firewall.inventory.model import Inventory
from anp.firewall.model import NO_ADDRESS
from anp.firewall.proof.world import world
from compiler.addresses import VERSIONS
from compiler.compilation import compile_cluster
from compiler.diagram.comparison import Difference, differences
from compiler.model import (
    Action,
    Anyone,
    Direction,
    DomainSelection,
    NodeSelection,
    PodSelection,
    Policy,
    PolicyKind,
    Rule,
    Snapshot,
    Tier,
)

_NOBODY = Inventory("", "", ())


@dataclass(frozen=True, slots=True)
class Sameness:
    """The result: what differs, nothing if all is the same; over how many kinds of pods, and on which assumptions."""

    differences: tuple[Difference, ...]
    pods: int
    assumptions: tuple[str, ...]


def compare(old: Sequence[Policy], new: Sequence[Policy]) -> Sameness:
    """Compare two sets of administrators' policies; NetworkPolicies among them do not count."""
    found: dict[Difference, None] = {}
    assumptions: dict[str, None] = {}
    pods = 0
    before, after = ([one for one in policies if one.tier is not Tier.NETWORK_POLICY] for policies in (old, new))
    for version in VERSIONS:
        town = world(_NOBODY, [*before, *after], version, NO_ADDRESS)
        snapshot = town.compilation.snapshot
        pods = max(pods, len(snapshot.pods))
        assumptions |= dict.fromkeys(town.assumptions)
        for tenants in _tenants():
            compiled = (
                compile_cluster(
                    Snapshot.of(
                        namespaces=snapshot.namespaces, pods=list(snapshot.pods), policies=[*policies, *tenants]
                    )
                )
                for policies in (before, after)
            )
            found |= dict.fromkeys(differences(*compiled))
    if any(
        isinstance(peer, NodeSelection | DomainSelection) for policy in (*before, *after) for peer in _peers(policy)
    ):
        assumptions["no node and no domain name has an address, so these peers match nobody"] = None
    return Sameness(tuple(found), pods, tuple(assumptions))


def _tenants() -> Iterator[list[Policy]]:
    """Yield tenants' policies that have each effect in each direction, on all pods."""
    everything = (Rule(0, Action.ACCEPT, (Anyone(),)),)
    for egress, ingress in product((None, (), everything), repeat=2):
        yield [
            Policy(
                PolicyKind.NETWORK_POLICY,
                direction.value,
                Tier.NETWORK_POLICY,
                PodSelection(),
                "tenants",
                ingress=rules if direction is Direction.INGRESS else (),
                egress=rules if direction is Direction.EGRESS else (),
                isolates=frozenset({direction}),
            )
            for direction, rules in ((Direction.EGRESS, egress), (Direction.INGRESS, ingress))
            if rules is not None
        ]


def _peers(policy: Policy) -> Iterator[object]:
    for rule in (*policy.ingress, *policy.egress):
        yield from rule.peers
