"""What policies are made of: one cluster at one moment, free of any API version.

Everything here is frozen and says one thing only. API objects are translated into it by ``anp.api``;
what they mean is written in `compiler.semantics`. Section numbers refer to the semantics notes.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TypeAlias

from compiler.addresses import Address, AddressSet
from compiler.labels import EVERYTHING, Labels, Selector

MAX_PORT = 65535


class Direction(enum.Enum):
    """Which end of a flow is judged: egress at its source, ingress at its destination (2.1)."""

    EGRESS = "egress"
    INGRESS = "ingress"


class Tier(enum.IntEnum):
    """The tiers, in the order in which they are asked (2.1)."""

    ADMIN = 1
    NETWORK_POLICY = 2
    BASELINE = 3

    @property
    def title(self) -> str:
        """The tier's name as the API writes it."""
        return {Tier.ADMIN: "Admin", Tier.NETWORK_POLICY: "NetworkPolicy", Tier.BASELINE: "Baseline"}[self]


class Action(enum.Enum):
    """What a matching rule says. Pass is an answer, not the absence of one: it leaves the tier (2.1)."""

    ACCEPT = "Accept"
    DENY = "Deny"
    PASS = "Pass"  # noqa: S105


class Protocol(enum.Enum):
    """The transport protocols that a rule can name, and `OTHER` for all the rest, ICMP among them (2.6)."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"
    OTHER = "other"


PORT_PROTOCOLS = (Protocol.TCP, Protocol.UDP, Protocol.SCTP)
"""The protocols that have ports."""


# Peers: who is at the other end. A rule's peers are alternatives.


@dataclass(frozen=True, slots=True)
class NamespaceNamed:
    """Exactly the namespace of that name, which is how a NetworkPolicy refers to its own."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class PodSelection:
    """Pods by their labels, in namespaces by theirs; never host-network or terminated pods (2.5, 2.18)."""

    namespaces: Selector | NamespaceNamed = EVERYTHING
    pods: Selector = EVERYTHING

    def __str__(self) -> str:
        return f"pods [{self.pods}] in namespaces [{self.namespaces}]"


@dataclass(frozen=True, slots=True)
class NodeSelection:
    """The addresses of the nodes with these labels (2.9)."""

    nodes: Selector

    def __str__(self) -> str:
        return f"nodes [{self.nodes}]"


@dataclass(frozen=True, slots=True)
class AddressBlock:
    """Addresses as such, whoever has them: `networks`, and `ipBlock` less its exceptions (2.8)."""

    addresses: AddressSet

    def __str__(self) -> str:
        return f"networks [{self.addresses}]"


@dataclass(frozen=True, slots=True)
class DomainSelection:
    """Addresses learned for domain names; sorted, lower case, no final dot, ``*.`` for one or more labels (2.11)."""

    patterns: tuple[str, ...]

    def __str__(self) -> str:
        return f"domains [{', '.join(self.patterns)}]"


@dataclass(frozen=True, slots=True)
class Anyone:
    """Every address, pod or not."""

    def __str__(self) -> str:
        return "anyone"


Peer: TypeAlias = PodSelection | NodeSelection | AddressBlock | DomainSelection | Anyone


# Traffic: what is carried. A rule's traffic is a list of alternatives, always about the destination port.


@dataclass(frozen=True, slots=True)
class AnyTraffic:
    """Every IP protocol and every port; the only match that ICMP can meet (2.6)."""

    def __str__(self) -> str:
        return "any traffic"


@dataclass(frozen=True, slots=True)
class PortRange:
    """Destination ports `first` to `last` of one protocol, both included; 0 to 65535 is the whole protocol.

    A range whose `first` is above its `last` holds no port (2.6).
    """

    protocol: Protocol
    first: int = 0
    last: int = MAX_PORT

    def __str__(self) -> str:
        if (self.first, self.last) == (0, MAX_PORT):
            return self.protocol.value
        ports = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return f"{self.protocol.value}/{ports}"


@dataclass(frozen=True, slots=True)
class NamedPort:
    """Whatever the destination pod declares under that name with one of these protocols (2.7)."""

    name: str
    protocols: tuple[Protocol, ...] = PORT_PROTOCOLS

    def __str__(self) -> str:
        return f"port named {self.name!r}"


Traffic: TypeAlias = AnyTraffic | PortRange | NamedPort


# Policies.


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: where some peer and some traffic match, `action` is the answer.

    No peers match nobody, no traffic matches nothing. `index` is the rule's place in its list as written,
    `name` is the user's free text. Where the rule as written could not be understood, `failed_closed` says
    why, and the other fields hold what stands in for it (2.10).
    """

    index: int
    action: Action
    peers: tuple[Peer, ...]
    traffic: tuple[Traffic, ...] = (AnyTraffic(),)
    name: str = ""
    failed_closed: str = ""


class PolicyKind(enum.Enum):
    """The kinds of policy, by their API names."""

    ADMIN_NETWORK_POLICY = "AdminNetworkPolicy"
    BASELINE_ADMIN_NETWORK_POLICY = "BaselineAdminNetworkPolicy"
    CLUSTER_NETWORK_POLICY = "ClusterNetworkPolicy"
    NETWORK_POLICY = "NetworkPolicy"


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy object.

    Cluster policies have no namespace and order themselves by `priority`, low first. A NetworkPolicy has
    a namespace, priority 0 and only Accept rules, and says in `isolates` which directions of the pods that
    it selects are closed but for what rules accept.
    """

    kind: PolicyKind
    name: str
    tier: Tier
    subject: PodSelection
    namespace: str = ""
    priority: int = 0
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()
    isolates: frozenset[Direction] = frozenset()

    @property
    def order(self) -> tuple[Tier, int, str, str, str]:
        """Sort key of precedence; ties of priority go by name, then kind, so that input order is irrelevant (2.2)."""
        return self.tier, self.priority, self.name, self.namespace, self.kind.value

    def rules(self, direction: Direction) -> tuple[Rule, ...]:
        """Return the rules of one direction, in order."""
        return self.ingress if direction is Direction.INGRESS else self.egress

    def concerns(self, direction: Direction) -> bool:
        """Say whether the policy can have any effect on that direction of the pods it selects (2.3)."""
        return direction in self.isolates if self.tier is Tier.NETWORK_POLICY else bool(self.rules(direction))

    @property
    def label(self) -> str:
        """How people refer to it: ``name``, or ``namespace/name``."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f"{self.kind.value} {self.label}"


# Objects.


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A named port that a pod declares."""

    name: str
    protocol: Protocol
    number: int


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as policies see it; `addresses` are all of its IPs and `ports` all named ports, sidecars included.

    `terminated` is true of Succeeded and Failed pods, whose address may belong to somebody else by now (2.18).
    """

    namespace: str
    name: str
    labels: Labels = field(default_factory=Labels)
    node: str = ""
    addresses: tuple[Address, ...] = ()
    host_network: bool = False
    ports: tuple[ContainerPort, ...] = ()
    terminated: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name

    @property
    def governed(self) -> bool:
        """Whether policies can select this pod, as a subject or as a peer (2.12, 2.18)."""
        return not self.host_network and not self.terminated

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Node:
    """A node; `addresses` are its internal and external IPs (2.9)."""

    name: str
    labels: Labels = field(default_factory=Labels)
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One cluster at one moment, all that a decision can depend on.

    No two governed pods share an address: whoever builds a snapshot sees to that. `namespaces` has every
    namespace that a pod is in, with its automatic name label. `learned` maps a domain name (lower case, no
    final dot) to the addresses that it was seen to have. Collections are sorted, so that equal clusters are ``==``
    whatever order their objects arrived in; build one with `of`.
    """

    namespaces: Mapping[str, Labels] = field(default_factory=dict)
    pods: tuple[Pod, ...] = ()
    nodes: tuple[Node, ...] = ()
    policies: tuple[Policy, ...] = ()
    learned: Mapping[str, AddressSet] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        *,
        namespaces: Mapping[str, Labels] | None = None,
        pods: "tuple[Pod, ...] | list[Pod]" = (),
        nodes: "tuple[Node, ...] | list[Node]" = (),
        policies: "tuple[Policy, ...] | list[Policy]" = (),
        learned: Mapping[str, AddressSet] | None = None,
    ) -> "Snapshot":
        """Make a snapshot of these objects, given in any order.

        Raises:
            ValueError: a pod is in a namespace that is not there, or two governed pods have one address.

        """
        namespaces = dict(sorted((namespaces or {}).items()))
        pods = tuple(sorted(pods, key=attrgetter("namespace", "name")))
        owners: dict[Address, Pod] = {}
        for pod in pods:
            if pod.namespace not in namespaces:
                raise ValueError(f"pod {pod} is in a namespace that the snapshot does not have")
            for address in pod.addresses if pod.governed else ():
                if owners.setdefault(address, pod) is not pod:
                    raise ValueError(f"pods {owners[address]} and {pod} have the same address {address}")
        return cls(
            namespaces=namespaces,
            pods=pods,
            nodes=tuple(sorted(nodes, key=lambda node: node.name)),
            policies=tuple(sorted(policies, key=lambda policy: policy.order)),
            learned=dict(sorted((learned or {}).items())),
        )


# Questions and answers.


@dataclass(frozen=True, slots=True)
class Flow:
    """The first packet of a connection, after destination NAT (2.13).

    `port` is the destination port; it means nothing where the protocol is `OTHER`. A pod's packet to its own
    address leaves the pod only if a Service sent it back (`hairpin`); otherwise nobody judges it (2.14).
    """

    source: Address
    destination: Address
    protocol: Protocol
    port: int = 0
    hairpin: bool = False

    def __str__(self) -> str:
        port = "" if self.protocol is Protocol.OTHER else f"/{self.port}"
        return f"{self.source} -> {self.destination} {self.protocol.value}{port}"


@dataclass(frozen=True, slots=True)
class RuleOrigin:
    """The verdict comes from a rule of a policy."""

    tier: Tier
    kind: PolicyKind
    namespace: str
    policy: str
    direction: Direction
    index: int
    rule: str

    @classmethod
    def of(cls, policy: Policy, direction: Direction, rule: Rule) -> "RuleOrigin":
        """Name a rule by where it stands."""
        return cls(policy.tier, policy.kind, policy.namespace, policy.name, direction, rule.index, rule.name)

    def __str__(self) -> str:
        label = f"{self.namespace}/{self.policy}" if self.namespace else self.policy
        name = f" {self.rule!r}" if self.rule else ""
        return f"{self.kind.value} {label} {self.direction.value}[{self.index}]{name}"


@dataclass(frozen=True, slots=True)
class IsolationOrigin:
    """No rule of these NetworkPolicies accepted, and they isolate the pod: (namespace, name), sorted."""

    direction: Direction
    policies: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        names = ", ".join(f"{namespace}/{name}" for namespace, name in self.policies)
        return f"{self.direction.value} isolation by NetworkPolicy {names}"


@dataclass(frozen=True, slots=True)
class DefaultOrigin:
    """No tier had a final answer, so the traffic is accepted."""

    direction: Direction

    def __str__(self) -> str:
        return f"the default, as no policy decides {self.direction.value}"


Origin: TypeAlias = RuleOrigin | IsolationOrigin | DefaultOrigin
