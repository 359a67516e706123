"""Networks that cover pods: addresses are asked for as such, whoever has them."""

from collections.abc import Iterator
from functools import cache

from anp.analysis.lint.desk import Desk, several
from anp.analysis.lint.findings import Finding
from anp.analysis.lint.selectors import peers
from anp.api import Pod as PodObject
from anp.sources.manifests import Item, Loaded, bare
from compiler.addresses import BITS, VERSIONS, AddressSet
from compiler.model import Action, AddressBlock, Pod, Policy, Tier


def networks(desk: Desk) -> Iterator[Finding]:
    """Yield the findings of this family; addresses that were made up for pods are not looked at."""
    addressed = [pod for pod in desk.governed if _written(desk.cluster.items.get(("Pod", *pod.key)))]
    covered = cache(lambda addresses: [str(pod) for pod in addressed if _within(pod, addresses)])
    for policy in desk.snapshot.policies:
        for path, peer in peers(policy):
            if not isinstance(peer, AddressBlock):
                continue
            inside = covered(peer.addresses)
            if not inside:
                continue
            accepts = _accepts(policy, path)
            if not _everywhere(peer.addresses):
                yield desk.finding(
                    "ANP303",
                    policy,
                    path,
                    f"{peer} has the addresses of {len(inside)} of the cluster's own pods: {several(inside)}",
                )
            elif accepts:
                yield desk.finding(
                    "ANP304",
                    policy,
                    path,
                    f"{peer} means the cluster's own pods too, {len(inside)} of them at present",
                )


def _accepts(policy: Policy, path: tuple[str | int, ...]) -> bool:
    rules = policy.egress if path[1] == "egress" else policy.ingress
    return policy.tier is Tier.NETWORK_POLICY or rules[int(path[2])].action is Action.ACCEPT


def _within(pod: Pod, addresses: AddressSet) -> bool:
    return any(address in addresses for address in pod.addresses)


def _everywhere(addresses: AddressSet) -> bool:
    """Say whether a set has all of a family, as those do that stand for everybody."""
    return any(addresses.ranges(version) == ((0, (1 << BITS[version]) - 1),) for version in VERSIONS)


def _written(item: Item | None) -> bool:
    """Say whether a pod's addresses are those that it has, and not made up to read manifests by hand."""
    if item is None or not isinstance(bare(item), PodObject):
        return False
    if not isinstance(item, Loaded) or item.observed:
        return True
    return bool({"podIP", "podIPs"} & set(item.positions.find(("status",)).steps))
