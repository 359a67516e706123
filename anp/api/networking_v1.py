"""networking.k8s.io/v1: NetworkPolicy (1.6)."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, Field

from anp.api import syntax
from anp.api.admission import Channel
from anp.api.meta import CheckedLabelSelector
from anp.api.objects import KubernetesObject, Resource
from anp.api.structure import ApiModel, Listed, Mistake

LegacyCidr: TypeAlias = Annotated[str, AfterValidator(syntax.is_legacy_cidr)]
PolicyType: TypeAlias = Literal["Ingress", "Egress"]

MAX_PORT = 65535


def _port(value: int | str) -> int | str:
    if isinstance(value, str):
        return syntax.service_name(value)
    if not 1 <= value <= MAX_PORT:
        raise ValueError(f"{value} is not a port; ports are 1 to {MAX_PORT}")
    return value


class Port(ApiModel):
    """Traffic of one protocol, to one port, several in a row, a named one, or any."""

    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    port: Annotated[int | str, AfterValidator(_port)] | None = None
    end_port: Annotated[int, Field(le=MAX_PORT)] | None = None

    def mistakes(self, channel: Channel) -> Iterator[Mistake]:
        """Yield what is wrong with the end of a range."""
        yield from super().mistakes(channel)
        if self.end_port is None:
            return
        if not isinstance(self.port, int):
            yield Mistake(("endPort",), "needs a `port` that is a number, where the range starts")
        elif self.end_port < self.port:
            yield Mistake(("endPort",), f"must not be below `port`, which is {self.port}")


class IpBlock(ApiModel):
    """Addresses of one network, but those of some networks inside it."""

    cidr: LegacyCidr
    except_: Annotated[Listed[LegacyCidr], Field(alias="except")] = ()

    def mistakes(self, channel: Channel) -> Iterator[Mistake]:
        """Yield every exception that is not a smaller network inside."""
        yield from super().mistakes(channel)
        whole, _ = syntax.legacy_cidr(self.cidr)
        for index, text in enumerate(self.except_):
            hole, _ = syntax.legacy_cidr(text)
            inside = hole.version == whole.version and hole.network_address in whole
            if not inside or hole.prefixlen <= whole.prefixlen:
                yield Mistake(("except", index), f"{text!r} must be a smaller network inside {self.cidr!r}")


class Peer(ApiModel):
    """Who is at the other end: pods by one or two selectors, or addresses."""

    at_least_one: ClassVar = True

    pod_selector: CheckedLabelSelector | None = None
    namespace_selector: CheckedLabelSelector | None = None
    ip_block: IpBlock | None = None

    def mistakes(self, channel: Channel) -> Iterator[Mistake]:
        """Yield whether addresses and selectors are mixed."""
        yield from super().mistakes(channel)
        if self.ip_block is not None and (self.pod_selector is not None or self.namespace_selector is not None):
            yield Mistake(("ipBlock",), "cannot stand beside a selector; make it an entry of its own")


class IngressRule(ApiModel):
    """Traffic to let in; without peers it is anybody's, without ports it is any."""

    from_: Annotated[Listed[Peer], Field(alias="from")] = ()
    ports: Listed[Port] = ()


class EgressRule(ApiModel):
    """Traffic to let out; without peers it is to anywhere, without ports it is any."""

    to: Listed[Peer] = ()
    ports: Listed[Port] = ()


class NetworkPolicySpec(ApiModel):
    """The policy itself; it isolates the pods that it selects, in the directions of `policy_types`."""

    pod_selector: CheckedLabelSelector = Field(default_factory=CheckedLabelSelector)
    policy_types: Annotated[Listed[PolicyType], Field(max_length=2)] = ()
    ingress: Listed[IngressRule] = ()
    egress: Listed[EgressRule] = ()

    @property
    def effective_types(self) -> tuple[PolicyType, ...]:
        """`policy_types`, with the API server's default where there are none: Egress only if a rule is about it."""
        if self.policy_types:
            return self.policy_types
        return ("Ingress", "Egress") if self.egress else ("Ingress",)


class NetworkPolicy(KubernetesObject):
    """What the pods of one namespace may be sent, and may send."""

    resource: ClassVar = Resource("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", namespaced=True)
    ignored: ClassVar = frozenset({"status"})
    """Some releases of Kubernetes had one; it said nothing."""

    spec: NetworkPolicySpec = Field(default_factory=NetworkPolicySpec)
