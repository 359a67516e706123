"""What the policies do besides: how strongly they hold, and what of the cluster's own traffic they deny."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anp.firewall.convert.model import PolicyObject, Profile
from anp.firewall.inventory.model import Inventory
from anp.firewall.proof.world import World, world
from anp.firewall.report.model import Budget, Denied, Strength
from compiler.addresses import VERSIONS, Address, IpVersion, address_of
from compiler.compilation import Compilation, compile_cluster
from compiler.labels import NAMESPACE_NAME_LABEL, Labels
from compiler.model import (
    DefaultOrigin,
    Direction,
    Flow,
    IsolationOrigin,
    Pod,
    Policy,
    Protocol,
    RuleOrigin,
    Snapshot,
    Tier,
)
from compiler.profiles import Outcome

OPEN = "open"
"""Nothing denies it."""

_STRANGER = {4: address_of(4, 0xCB007101), 6: address_of(6, 0x20010DB8 << 96 | 1)}
"""Addresses of nobody in particular (RFC 5737, RFC 3849)."""

DNS_PORT, API_PORT, METRICS_PORT = 53, 6443, 9090


@dataclass(frozen=True, slots=True)
class Judged:
    """What there is to say about policies for a mapping."""

    strength: tuple[Strength, ...]
    denied: tuple[Denied, ...]


def judge(inventory: Inventory, policies: Sequence[Policy]) -> Judged:
    """Look at every entity's policies from where strangers and the cluster's own parts are."""
    version: IpVersion = next((v for v in VERSIONS if inventory.mapped.ranges(v)), 4)
    town = _Town(inventory, world(inventory, policies, version, inventory.mapped | inventory.segmented), version)
    residents = town.residents()
    strength = tuple(
        Strength(
            name,
            ingress_from_pods=town.closed_by(pod, Direction.INGRESS, town.stranger_pod),
            ingress_from_outside=town.closed_by(pod, Direction.INGRESS, _STRANGER[version]),
            egress=town.closed_by(pod, Direction.EGRESS, town.stranger_pod),
        )
        for name, pod in residents.items()
    )
    questions = (
        ("FW501", "DNS in kube-system", Direction.EGRESS, town.dns, Protocol.UDP, DNS_PORT),
        ("FW502", "the Kubernetes API", Direction.EGRESS, town.api, Protocol.TCP, API_PORT),
        ("FW504", "a scraper in monitoring", Direction.INGRESS, town.scraper, Protocol.TCP, METRICS_PORT),
    )
    denied = [
        Denied(code, what, tuple(names))
        for code, what, direction, other, protocol, port in questions
        if (
            names := [
                name for name, pod in residents.items() if not town.accepts(pod, direction, other, protocol, port)
            ]
        )
    ]
    return Judged(strength, tuple(denied))


def budget(objects: Sequence[PolicyObject], profile: Profile) -> Budget:
    """Count what objects take."""
    kinds = Counter(str(found.document["kind"]) for found in objects)
    sizes = [len(rules) for found in objects for rules in _rules(found.document)]
    priorities = {found.document["spec"]["priority"] for found in objects if "priority" in found.document["spec"]}
    return Budget(
        dict(sorted(kinds.items())),
        sum(sizes),
        max(sizes, default=0),
        tuple(sorted(priorities)),
        profile.first_priority,
        profile.last_priority,
    )


def _rules(document: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    for direction in ("ingress", "egress"):
        yield document["spec"].get(direction, ())


class _Town:
    """The entities' pods, and some that no mapping names."""

    def __init__(self, inventory: Inventory, entities: World, version: IpVersion) -> None:
        self._pods = entities.pods
        snapshot = entities.compilation.snapshot
        last = max((int(pod.addresses[0]) for pod in snapshot.pods), default=0)
        self.dns, self.scraper, self.stranger_pod = (address_of(version, last + step) for step in (1, 2, 3))
        nodes = inventory.node_addresses.ranges(version)
        self.api = address_of(version, nodes[0][0]) if nodes else _STRANGER[version]
        strangers = [
            Pod("kube-system", "dns", Labels({"k8s-app": "kube-dns"}), addresses=(self.dns,)),
            Pod("monitoring", "scraper", Labels({"app.kubernetes.io/name": "prometheus"}), addresses=(self.scraper,)),
            Pod("nobody-in-particular", "stranger", addresses=(self.stranger_pod,)),
        ]
        named = {pod.namespace: Labels({NAMESPACE_NAME_LABEL: pod.namespace}) for pod in strangers}
        self._compilation: Compilation = compile_cluster(
            Snapshot.of(
                namespaces={**named, **snapshot.namespaces},
                pods=[*snapshot.pods, *strangers],
                policies=snapshot.policies,
            )
        )

    def residents(self) -> Mapping[str, Pod]:
        """Return one pod of each entity."""
        found: dict[str, Pod] = {}
        for symbolic in self._pods:
            if symbolic.entity:
                found.setdefault(symbolic.entity.name, symbolic.pod)
        return found

    def accepts(self, pod: Pod, direction: Direction, other: Address, protocol: Protocol, port: int) -> bool:
        """Say whether a pod's policies accept packets to or from somebody."""
        outcome = self._outcome(pod, direction, other, protocol, port)
        return outcome is None or outcome.accept

    def closed_by(self, pod: Pod, direction: Direction, other: Address) -> str:
        """Return the tier that denies a pod what nobody has spoken of, or that it is open."""
        outcome = self._outcome(pod, direction, other, Protocol.OTHER, 0)
        if outcome is None or outcome.accept:
            return OPEN
        match outcome.origin:
            case IsolationOrigin():
                return Tier.NETWORK_POLICY.title
            case RuleOrigin(tier=tier):
                return tier.title
            case DefaultOrigin():
                return OPEN

    def _outcome(self, pod: Pod, direction: Direction, other: Address, protocol: Protocol, port: int) -> Outcome | None:
        own = pod.addresses[0]
        source, destination = (own, other) if direction is Direction.EGRESS else (other, own)
        return self._compilation.outcome(pod, direction, Flow(source, destination, protocol, port))
