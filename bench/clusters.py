"""Synthetic clusters of a given size, the same every time."""

import random
from ipaddress import IPv4Address

from compiler.labels import NAMESPACE_NAME_LABEL, Labels, Selector
from compiler.model import (
    Action,
    ContainerPort,
    Node,
    Pod,
    PodSelection,
    Policy,
    PolicyKind,
    PortRange,
    Protocol,
    Rule,
    Snapshot,
    Tier,
)

FIRST_POD = int(IPv4Address("10.0.0.1"))
PODS_ON_NODE = 100


def cluster(pods: int, classes: int, programs: int, seed: int = 1) -> Snapshot:
    """Build a cluster whose first node runs 100 pods with `programs` programs that tell `classes` classes apart.

    Every program has its own verdict for half of the classes; programs come in pairs, egress and ingress.
    """
    chance = random.Random(seed)
    groups = max(1, programs // 2)
    namespaces = {f"ns-{n}": Labels({NAMESPACE_NAME_LABEL: f"ns-{n}"}) for n in range(groups)}
    members = [
        Pod(
            f"ns-{n % groups}",
            f"pod-{n}",
            Labels({"app": f"app-{n % classes}"}),
            f"node-{n // PODS_ON_NODE}",
            (IPv4Address(FIRST_POD + n),),
            ports=(ContainerPort("web", Protocol.TCP, 8080),),
        )
        for n in range(pods)
    ]
    nodes = [
        Node(f"node-{n}", addresses=(IPv4Address(int(IPv4Address("172.16.0.1")) + n),))
        for n in range(max(1, -(-pods // PODS_ON_NODE)))
    ]
    policies = [
        Policy(
            PolicyKind.ADMIN_NETWORK_POLICY,
            f"group-{group}",
            Tier.ADMIN,
            PodSelection(Selector.of({NAMESPACE_NAME_LABEL: f"ns-{group}"})),
            priority=group,
            egress=_rules(chance.sample(range(classes), max(1, classes // 2))),
            ingress=_rules(chance.sample(range(classes), max(1, classes // 2))),
        )
        for group in range(groups)
    ]
    return Snapshot.of(namespaces=namespaces, pods=members, nodes=nodes, policies=policies)


def _rules(apps: list[int]) -> tuple[Rule, ...]:
    """Make up to 25 rules over the given apps, alternately denying a port and accepting everything."""
    size = max(1, -(-len(apps) // 25))
    chunks = [apps[start : start + size] for start in range(0, len(apps), size)]
    return tuple(
        Rule(
            index,
            Action.DENY if index % 2 else Action.ACCEPT,
            tuple(PodSelection(pods=Selector.of({"app": f"app-{app}"})) for app in chunk),
            (PortRange(Protocol.TCP, 80, 80 + index),) if index % 2 else (PortRange(Protocol.TCP, 8080, 8080),),
            name=f"rule {index}",
        )
        for index, chunk in enumerate(chunks)
    )


def ruled_cluster(pods: int, rules: int) -> Snapshot:
    """Build a cluster with that many rules in all, each with a peer selection; no rule but the last ones meets UDP.

    Half of the rules are egress. Every subject group's last ingress rule denies everything from all pods.
    """
    groups = max(1, min(50, rules // 20))
    each = max(1, rules // (2 * groups))
    apps = max(1, min(pods // 2, rules // 2, 5_000))
    snapshot = cluster(pods, apps, 2 * groups)

    def listed(group: int, first: int, last: tuple[Rule, ...]) -> tuple[Rule, ...]:
        numbers = range(each - len(last))
        return (
            *(
                Rule(
                    n,
                    Action.DENY if n % 2 else Action.ACCEPT,
                    (PodSelection(pods=Selector.of({"app": f"app-{(first + group * each + n) % apps}"})),),
                    (PortRange(Protocol.TCP, 1000 + n, 1000 + n),),
                )
                for n in numbers
            ),
            *last,
        )

    policies = [
        Policy(
            PolicyKind.ADMIN_NETWORK_POLICY,
            f"group-{group}",
            Tier.ADMIN,
            PodSelection(Selector.of({NAMESPACE_NAME_LABEL: f"ns-{group}"})),
            priority=group,
            egress=listed(group, 0, ()),
            ingress=listed(group, rules // 2, (Rule(each - 1, Action.DENY, (PodSelection(),)),)),
        )
        for group in range(groups)
    ]
    return Snapshot.of(namespaces=snapshot.namespaces, pods=snapshot.pods, nodes=snapshot.nodes, policies=policies)
