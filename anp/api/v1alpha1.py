"""policy.networking.k8s.io/v1alpha1: AdminNetworkPolicy and BaselineAdminNetworkPolicy (1.3, 1.4)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from anp.api import peers
from anp.api.admission import Channel
from anp.api.meta import LabelSelector, PolicyStatus
from anp.api.objects import KubernetesObject, Resource
from anp.api.peers import Priority, RuleName, has_portless_peer
from anp.api.structure import EXPERIMENTAL, ApiModel, CelRule, Listed

MAX_ITEMS = 100

_NO_NAMED_PORT = "!has(self.ports) || !self.ports.exists(p, has(p.namedPort)) || "


class NamespacedPods(peers.NamespacedPods):
    """Pods by their labels, in namespaces by theirs; both must be said."""

    namespace_selector: LabelSelector
    """Which namespaces."""


class Subject(peers.Subject):
    """The pods that a policy is about; pods in the host's network are never among them."""

    pods: NamespacedPods | None = None
    """Some pods of some namespaces."""


class IngressPeer(peers.IngressPeer):
    """Where traffic to the subject comes from."""

    pods: NamespacedPods | None = None
    """Some pods of some namespaces, but those in the host's network."""


class EgressPeer(peers.NamedEgressPeer):
    """Where traffic of the subject goes to."""

    pods: NamespacedPods | None = None
    """Some pods of some namespaces, but those in the host's network."""


class BaselineEgressPeer(peers.EgressPeer):
    """Where traffic of the subject goes to."""

    pods: NamespacedPods | None = None
    """Some pods of some namespaces, but those in the host's network."""


class PortNumber(ApiModel):
    """One port of one protocol."""

    protocol: str = "TCP"
    """TCP, UDP or SCTP; any other matches nothing."""
    port: peers.PortNumber
    """The destination port, after Services have been resolved."""


class PortRange(ApiModel):
    """Ports of one protocol from `start` to `end`, both included."""

    protocol: str = "TCP"
    """TCP, UDP or SCTP; any other matches nothing."""
    start: peers.PortNumber
    """The lowest port."""
    end: peers.PortNumber
    """The highest port; below `start` the range holds nothing."""


class Port(ApiModel):
    """One kind of traffic."""

    exactly_one: ClassVar = True

    port_number: PortNumber | None = None
    """A single port."""
    port_range: PortRange | None = None
    """Several ports in a row."""
    named_port: Annotated[str | None, Field(json_schema_extra=EXPERIMENTAL)] = None
    """Whatever port, of whatever protocol, the destination pod declares under this name."""


def _portable(rule: "EgressRule | BaselineEgressRule") -> bool:
    return all(item.named_port is None for item in rule.ports or ()) or not has_portless_peer(rule.to)


class IngressRule(ApiModel):
    """What to do with some of the traffic to the subject."""

    name: RuleName = ""
    """A name for people; it need not be unique."""
    action: Literal["Allow", "Deny", "Pass"]
    """Allow lets the traffic in, Deny drops it, Pass leaves the decision to NetworkPolicies."""
    from_: Annotated[Listed[IngressPeer], Field(alias="from", min_length=1, max_length=MAX_ITEMS)]
    """Whose traffic; one matching entry is enough."""
    ports: Annotated[Listed[Port], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    """Which traffic; one matching entry is enough. Absent means all of it, ICMP included."""


class EgressRule(ApiModel):
    """What to do with some of the traffic of the subject."""

    rules: ClassVar = (
        CelRule(
            _NO_NAMED_PORT + "self.to.all(t, !has(t.networks) && !has(t.nodes) && !has(t.domainNames))",
            "`namedPort` needs pods at the other end; "
            "move the `networks`, `nodes` and `domainNames` peers to a rule of their own with port numbers",
            _portable,
            Channel.EXPERIMENTAL,
        ),
    )

    name: RuleName = ""
    """A name for people; it need not be unique."""
    action: Literal["Allow", "Deny", "Pass"]
    """Allow lets the traffic out, Deny drops it, Pass leaves the decision to NetworkPolicies."""
    to: Annotated[Listed[EgressPeer], Field(min_length=1, max_length=MAX_ITEMS)]
    """Where to; one matching entry is enough."""
    ports: Annotated[Listed[Port], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    """Which traffic; one matching entry is enough. Absent means all of it, ICMP included."""


class AdminNetworkPolicySpec(ApiModel):
    """The policy itself."""

    priority: Priority
    """The lower the number, the earlier the policy is asked."""
    subject: Subject
    """The pods that the policy is about."""
    ingress: Annotated[Listed[IngressRule], Field(max_length=MAX_ITEMS)] = ()
    """Rules for traffic to the subject; the first that matches decides."""
    egress: Annotated[Listed[EgressRule], Field(max_length=MAX_ITEMS)] = ()
    """Rules for traffic of the subject; the first that matches decides."""


class AdminNetworkPolicy(KubernetesObject):
    """A policy of the cluster's administrators, asked before all NetworkPolicies."""

    resource: ClassVar = Resource("policy.networking.k8s.io", "v1alpha1", "AdminNetworkPolicy", "adminnetworkpolicies")

    spec: AdminNetworkPolicySpec
    """What the policy says."""
    status: PolicyStatus | None = None
    """What became of it."""


class BaselineIngressRule(ApiModel):
    """What to do with some of the traffic to the subject."""

    name: RuleName = ""
    """A name for people; it need not be unique."""
    action: Literal["Allow", "Deny"]
    """Allow lets the traffic in, Deny drops it."""
    from_: Annotated[Listed[IngressPeer], Field(alias="from", min_length=1, max_length=MAX_ITEMS)]
    """Whose traffic; one matching entry is enough."""
    ports: Annotated[Listed[Port], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    """Which traffic; one matching entry is enough. Absent means all of it, ICMP included."""


class BaselineEgressRule(ApiModel):
    """What to do with some of the traffic of the subject."""

    rules: ClassVar = (
        CelRule(
            _NO_NAMED_PORT + "self.to.all(t, !has(t.networks) && !has(t.nodes))",
            "`namedPort` needs pods at the other end; "
            "move the `networks` and `nodes` peers to a rule of their own with port numbers",
            _portable,
            Channel.EXPERIMENTAL,
        ),
    )

    name: RuleName = ""
    """A name for people; it need not be unique."""
    action: Literal["Allow", "Deny"]
    """Allow lets the traffic out, Deny drops it."""
    to: Annotated[Listed[BaselineEgressPeer], Field(min_length=1, max_length=MAX_ITEMS)]
    """Where to; one matching entry is enough."""
    ports: Annotated[Listed[Port], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    """Which traffic; one matching entry is enough. Absent means all of it, ICMP included."""


class BaselineAdminNetworkPolicySpec(ApiModel):
    """The policy itself."""

    subject: Subject
    """The pods that the policy is about."""
    ingress: Annotated[Listed[BaselineIngressRule], Field(max_length=MAX_ITEMS)] = ()
    """Rules for traffic to the subject; the first that matches decides."""
    egress: Annotated[Listed[BaselineEgressRule], Field(max_length=MAX_ITEMS)] = ()
    """Rules for traffic of the subject; the first that matches decides."""


class BaselineAdminNetworkPolicy(KubernetesObject):
    """The cluster's own policy, asked where no NetworkPolicy selects a pod; there is one, named `default`."""

    resource: ClassVar = Resource(
        "policy.networking.k8s.io", "v1alpha1", "BaselineAdminNetworkPolicy", "baselineadminnetworkpolicies"
    )
    rules: ClassVar = (
        CelRule(
            "self.metadata.name == 'default'",
            "the only name that a BaselineAdminNetworkPolicy can have is `default`",
            lambda policy: policy.metadata.name == "default",
        ),
    )

    spec: BaselineAdminNetworkPolicySpec
    """What the policy says."""
    status: PolicyStatus | None = None
    """What became of it."""
