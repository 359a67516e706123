"""How near policies are to what the API, and other implementations of it, allow."""

from collections.abc import Iterator, Sequence

from anp.analysis.lint.desk import Desk
from anp.analysis.lint.findings import Finding
from anp.api import v1alpha1, v1alpha2
from anp.sources.diagnostics import FieldPath
from anp.sources.manifests import bare
from compiler.model import Direction, Policy, Tier

_NEAR = 0.8
_NETWORKS = 25
_PORTABLE_PRIORITY = 99
"""The last priority that every implementation we know of takes."""
_MANY = 10
"""With fewer priorities than so many there is room enough."""


def limits(desk: Desk) -> Iterator[Finding]:
    """Yield the findings of this family."""
    for policy in desk.snapshot.policies:
        if policy.tier is not Tier.NETWORK_POLICY:
            yield from _sizes(desk, policy)
            if policy.priority > _PORTABLE_PRIORITY:
                yield desk.finding(
                    "ANP502",
                    policy,
                    ("spec", "priority"),
                    f"not every implementation takes a priority above {_PORTABLE_PRIORITY}; this is {policy.priority}",
                    lasting=True,
                )
    yield from _spread(desk)


def _sizes(desk: Desk, policy: Policy) -> Iterator[Finding]:
    item = desk.item(policy)
    thing = bare(item) if item is not None else None
    if not isinstance(
        thing, v1alpha1.AdminNetworkPolicy | v1alpha1.BaselineAdminNetworkPolicy | v1alpha2.ClusterNetworkPolicy
    ):
        return
    most = v1alpha2.MAX_ITEMS if isinstance(thing, v1alpha2.ClusterNetworkPolicy) else v1alpha1.MAX_ITEMS
    for path, what, size, limit in _counted(thing, most):
        if size >= _NEAR * limit:
            yield desk.finding("ANP501", policy, path, f"{size} of at most {limit} {what} are in use", lasting=True)


def _counted(
    thing: v1alpha1.AdminNetworkPolicy | v1alpha1.BaselineAdminNetworkPolicy | v1alpha2.ClusterNetworkPolicy, most: int
) -> Iterator[tuple[FieldPath, str, int, int]]:
    """Yield each list whose length is bounded: its field, what is in it, its length and the bound."""
    for direction in Direction:
        rules = thing.spec.ingress if direction is Direction.INGRESS else thing.spec.egress
        here: FieldPath = ("spec", direction.value)
        yield here, "rules", len(rules), most
        for number, rule in enumerate(rules):
            side = "from" if direction is Direction.INGRESS else "to"
            peers: Sequence[object] = getattr(rule, "from_", None) or getattr(rule, "to", None) or ()
            yield (*here, number, side), "peers", len(peers), most
            for key in ("protocols", "ports"):
                items: Sequence[object] = getattr(rule, key, None) or ()
                yield (*here, number, key), key, len(items), most
            for place, peer in enumerate(peers):
                networks: Sequence[object] = getattr(peer, "networks", None) or ()
                yield (*here, number, side, place, "networks"), "networks", len(networks), _NETWORKS


def _spread(desk: Desk) -> Iterator[Finding]:
    """Tell of a tier whose policies have many more priorities than their rules have conflicts one upon the other."""
    for tier in (Tier.ADMIN, Tier.BASELINE):
        policies = [policy for policy in desk.snapshot.policies if policy.tier is tier]
        used = len({policy.priority for policy in policies})
        if used < _MANY:
            continue
        needed = _levels(desk, tier)
        if used > 2 * needed:
            last = policies[-1]
            yield desk.finding(
                "ANP503",
                last,
                ("spec", "priority"),
                f"the policies of the tier {tier.title} have {used} priorities, "
                f"and at present {needed} would do: so deep do policies conflict one upon the other",
            )


def _levels(desk: Desk, tier: Tier) -> int:
    """Return the number of policies on the longest chain in which each overlaps and disagrees with the one before."""
    before: dict[Policy, set[Policy]] = {}
    for direction in Direction:
        for meeting in desk.standing(direction).meetings.values():
            one, other = meeting.earlier.policy, meeting.later.policy
            if one is not other and one.tier is tier:
                before.setdefault(other, set()).add(one)
    depth: dict[Policy, int] = {}
    for policy in desk.snapshot.policies:
        if policy.tier is tier:
            depth[policy] = 1 + max((depth.get(other, 0) for other in before.get(policy, ())), default=0)
    return max(depth.values(), default=1)
