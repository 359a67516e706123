"""Port names that the pods at the destination do not know, all or some of them."""

from collections.abc import Iterator

from anp.analysis.lint.desk import Desk, several
from anp.analysis.lint.findings import Finding
from compiler.model import Anyone, Direction, NamedPort, Pod, PodSelection, Policy, Rule


def ports(desk: Desk) -> Iterator[Finding]:
    """Yield the findings of this family."""
    for policy in desk.snapshot.policies:
        for direction in Direction:
            for rule in policy.rules(direction):
                names = [item for item in rule.traffic if isinstance(item, NamedPort)]
                for item in names if not rule.failed_closed else ():
                    yield from _named(desk, policy, direction, rule, item)


def _named(desk: Desk, policy: Policy, direction: Direction, rule: Rule, item: NamedPort) -> Iterator[Finding]:
    there = destinations(desk, policy, direction, rule)
    path = ("spec", direction.value, rule.index)
    lacking = [
        str(pod)
        for pod in there
        if not any(port.name == item.name and port.protocol in item.protocols for port in pod.ports)
    ]
    if there and len(lacking) == len(there):
        yield desk.finding(
            "ANP301", policy, path, f"no pod that this rule leads to declares a {item}, so by it nothing matches"
        )
    elif lacking:
        yield desk.finding(
            "ANP302",
            policy,
            path,
            f"{len(lacking)} of {len(there)} pods that this rule leads to declare no {item}, "
            f"so it does not match there: {several(lacking)}",
        )


def destinations(desk: Desk, policy: Policy, direction: Direction, rule: Rule) -> list[Pod]:
    """Return the pods that a rule leads to, each once; an address without a pod declares nothing (2.7)."""
    if direction is Direction.INGRESS:
        return list(desk.index.governed(policy.subject))
    found: dict[Pod, None] = {}
    for peer in rule.peers:
        if isinstance(peer, PodSelection):
            found.update(dict.fromkeys(desk.index.governed(peer)))
        elif isinstance(peer, Anyone):
            found.update(dict.fromkeys(desk.governed))
    return list(found)
