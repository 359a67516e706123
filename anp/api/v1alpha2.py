"""policy.networking.k8s.io/v1alpha2: ClusterNetworkPolicy (1.5)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from anp.api.admission import Channel
from anp.api.meta import PolicyStatus
from anp.api.objects import KubernetesObject, Resource
from anp.api.peers import (
    IngressPeer,
    NamedEgressPeer,
    PortNumber,
    Priority,
    RuleName,
    Subject,
    has_portless_peer,
)
from anp.api.structure import ApiModel, CelRule, Listed

MAX_ITEMS = 25


class PortRange(ApiModel):
    """Ports from `start` to `end`, both included."""

    rules: ClassVar = (
        CelRule(
            "self.start < self.end",
            "`start` must be below `end`; for a single port use `number`",
            lambda ports: ports.start < ports.end,
        ),
    )

    start: PortNumber
    """The lowest port."""
    end: PortNumber
    """The highest port."""


class Port(ApiModel):
    """One destination port, or a range of them."""

    exactly_one: ClassVar = True

    number: PortNumber | None = None
    """A single port."""
    range: PortRange | None = None
    """Several ports in a row."""


class ProtocolMatch(ApiModel):
    """What to match of one protocol; something must be said, and all ports are the range 1 to 65535."""

    at_least_one: ClassVar = True

    destination_port: Port | None = None
    """Ports at the destination, after Services have been resolved."""


class Protocol(ApiModel):
    """One kind of traffic."""

    exactly_one: ClassVar = True

    tcp: ProtocolMatch | None = None
    """TCP traffic."""
    udp: ProtocolMatch | None = None
    """UDP traffic."""
    sctp: ProtocolMatch | None = None
    """SCTP traffic."""
    destination_named_port: str | None = None
    """Whatever port, of whatever protocol, the destination pod declares under this name."""


class IngressRule(ApiModel):
    """What to do with some of the traffic to the subject."""

    name: RuleName = ""
    """A name for people; it need not be unique."""
    action: Literal["Accept", "Deny", "Pass"]
    """Accept lets the traffic in, Deny drops it, Pass leaves the decision to the next tier."""
    from_: Annotated[Listed[IngressPeer], Field(alias="from", min_length=1, max_length=MAX_ITEMS)]
    """Whose traffic; one matching entry is enough."""
    protocols: Annotated[Listed[Protocol], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    """Which traffic; one matching entry is enough. Absent means all of it, ICMP included."""


class EgressRule(ApiModel):
    """What to do with some of the traffic of the subject."""

    rules: ClassVar = (
        CelRule(
            "!has(self.protocols) || !self.protocols.exists(p, has(p.destinationNamedPort)) || "
            "self.to.all(t, !has(t.networks) && !has(t.nodes) && !has(t.domainNames))",
            "`destinationNamedPort` needs pods at the other end; "
            "move the `networks`, `nodes` and `domainNames` peers to a rule of their own with port numbers",
            lambda rule: (
                all(item.destination_named_port is None for item in rule.protocols or ())
                or not has_portless_peer(rule.to)
            ),
            Channel.EXPERIMENTAL,
        ),
    )

    name: RuleName = ""
    """A name for people; it need not be unique."""
    action: Literal["Accept", "Deny", "Pass"]
    """Accept lets the traffic out, Deny drops it, Pass leaves the decision to the next tier."""
    to: Annotated[Listed[NamedEgressPeer], Field(min_length=1, max_length=MAX_ITEMS)]
    """Where to; one matching entry is enough."""
    protocols: Annotated[Listed[Protocol], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    """Which traffic; one matching entry is enough. Absent means all of it, ICMP included."""


class ClusterNetworkPolicySpec(ApiModel):
    """The policy itself."""

    tier: Literal["Admin", "Baseline"]
    """Admin is asked before all NetworkPolicies, Baseline after them."""
    priority: Priority
    """Place within the tier: the lower the number, the earlier the policy is asked."""
    subject: Subject
    """The pods that the policy is about."""
    ingress: Annotated[Listed[IngressRule], Field(max_length=MAX_ITEMS)] = ()
    """Rules for traffic to the subject; the first that matches decides."""
    egress: Annotated[Listed[EgressRule], Field(max_length=MAX_ITEMS)] = ()
    """Rules for traffic of the subject; the first that matches decides."""


class ClusterNetworkPolicy(KubernetesObject):
    """A policy of the cluster's administrators, for pods of any namespace."""

    resource: ClassVar = Resource(
        "policy.networking.k8s.io", "v1alpha2", "ClusterNetworkPolicy", "clusternetworkpolicies"
    )

    spec: ClusterNetworkPolicySpec
    """What the policy says."""
    status: PolicyStatus | None = None
    """What became of it."""
