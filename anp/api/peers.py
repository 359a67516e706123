"""What the cluster policies of all versions have in common: subjects, peers and their building blocks (1.2)."""

from typing import Annotated, Any, ClassVar, TypeAlias

from pydantic import AfterValidator, Field
from pydantic.config import JsonDict

from anp.api import syntax
from anp.api.meta import LabelSelector
from anp.api.structure import ADVISORY, DISTINCT, EXPERIMENTAL, SET, ApiModel, Listed

INT32: JsonDict = {"format": "int32"}

_CIDR_RULE: JsonDict = {
    "x-kubernetes-validations": [
        {"rule": "isCIDR(self)", "message": "must be an address, a slash and a prefix length, such as 10.0.0.0/8"}
    ]
}

Cidr: TypeAlias = Annotated[
    str, Field(max_length=syntax.MAX_CIDR, json_schema_extra=_CIDR_RULE), AfterValidator(syntax.is_strict_cidr)
]
DomainName: TypeAlias = Annotated[
    str, Field(json_schema_extra={"pattern": syntax.DOMAIN_PATTERN}), AfterValidator(syntax.domain_name)
]
_Networks: TypeAlias = Annotated[Listed[Cidr], Field(min_length=1, max_length=25, json_schema_extra=SET), DISTINCT]
_DomainNames: TypeAlias = Annotated[
    Listed[DomainName], Field(min_length=1, max_length=25, json_schema_extra=SET), DISTINCT
]
PortNumber: TypeAlias = Annotated[int, Field(ge=1, le=65535, json_schema_extra=INT32)]
Priority: TypeAlias = Annotated[int, Field(ge=0, le=1000, json_schema_extra=INT32), ADVISORY]
RuleName: TypeAlias = Annotated[str, Field(max_length=100), ADVISORY]


class NamespacedPods(ApiModel):
    """Pods by their labels, in namespaces by theirs."""

    namespace_selector: LabelSelector | None = None
    """Which namespaces; all of them where it is absent."""
    pod_selector: LabelSelector
    """Which pods of those namespaces."""


class Subject(ApiModel):
    """The pods that a policy is about; pods in the host's network are never among them."""

    exactly_one: ClassVar = True

    namespaces: LabelSelector | None = None
    """All pods of the namespaces with these labels."""
    pods: NamespacedPods | None = None
    """Some pods of some namespaces."""


class IngressPeer(ApiModel):
    """Where traffic to the subject comes from."""

    exactly_one: ClassVar = True

    namespaces: LabelSelector | None = None
    """All pods of the namespaces with these labels, but those in the host's network."""
    pods: NamespacedPods | None = None
    """Some pods of some namespaces, but those in the host's network."""


class EgressPeer(ApiModel):
    """Where traffic of the subject goes to."""

    exactly_one: ClassVar = True

    namespaces: LabelSelector | None = None
    """All pods of the namespaces with these labels, but those in the host's network."""
    pods: NamespacedPods | None = None
    """Some pods of some namespaces, but those in the host's network."""
    nodes: Annotated[LabelSelector | None, Field(json_schema_extra=EXPERIMENTAL)] = None
    """The addresses of the nodes with these labels."""
    networks: _Networks | None = None
    """Destination addresses, after Services have been resolved; pods and nodes inside are meant too."""


class NamedEgressPeer(EgressPeer):
    """Where traffic of the subject goes to, domain names included."""

    domain_names: Annotated[_DomainNames | None, Field(json_schema_extra=EXPERIMENTAL)] = None
    """Addresses that these names were seen to resolve to; only for rules that let traffic through."""


NOT_FOR_NAMED_PORTS = ("networks", "nodes", "domain_names")


def has_portless_peer(peers: tuple[Any, ...]) -> bool:
    """Say whether any egress peer is one whose ports have no names, for it is no pod."""
    return any(getattr(peer, name, None) is not None for peer in peers for name in NOT_FOR_NAMED_PORTS)
