"""v1: the parts of Namespace, Pod and Node that matter to policies."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, Field

from anp.api import syntax
from anp.api.admission import Channel
from anp.api.objects import KubernetesObject, Resource
from anp.api.structure import ApiModel, Listed, Mistake

IpText: TypeAlias = Annotated[str, AfterValidator(syntax.is_ip_address)]
PodCidr: TypeAlias = Annotated[str, AfterValidator(syntax.is_legacy_cidr)]


class _Part(ApiModel):
    """A model of some fields among many."""

    partial: ClassVar = True


class Namespace(KubernetesObject):
    """A namespace; all that matters is its labels."""

    partial: ClassVar = True
    resource: ClassVar = Resource("", "v1", "Namespace", "namespaces")

    def mistakes(self, channel: Channel) -> Iterator[Mistake]:
        """Yield whether the name is too long or has dots."""
        yield from super().mistakes(channel)
        try:
            syntax.dns_label(self.metadata.name)
        except ValueError as error:
            yield Mistake(("metadata", "name"), str(error))


class ContainerPort(_Part):
    """A port that a container says it listens on."""

    name: Annotated[str, AfterValidator(syntax.service_name)] | None = None
    container_port: Annotated[int, Field(ge=1, le=65535)]
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"


class Container(_Part):
    """A container; `restart_policy` Always makes an init container a sidecar, which goes on running."""

    name: str = ""
    ports: Listed[ContainerPort] = ()
    restart_policy: str = ""


class PodSpec(_Part):
    """What a pod is asked to be."""

    node_name: str = ""
    host_network: bool = False
    containers: Listed[Container] = ()
    init_containers: Listed[Container] = ()


class PodIp(_Part):
    """One address of a pod."""

    ip: IpText | None = None


class PodStatus(_Part):
    """What became of a pod."""

    phase: str = ""
    pod_ip: Annotated[IpText | None, Field(alias="podIP")] = None
    pod_ips: Annotated[Listed[PodIp], Field(alias="podIPs")] = ()
    host_ip: Annotated[IpText | None, Field(alias="hostIP")] = None


class Pod(KubernetesObject):
    """A pod."""

    partial: ClassVar = True
    resource: ClassVar = Resource("", "v1", "Pod", "pods", namespaced=True)

    spec: PodSpec = Field(default_factory=PodSpec)
    status: PodStatus = Field(default_factory=PodStatus)


class NodeAddress(_Part):
    """One way to reach a node; `type` says whether `address` is an IP or a name."""

    type: str
    address: str


class NodeSpec(_Part):
    """What a node is given."""

    pod_cidr: Annotated[PodCidr | None, Field(alias="podCIDR")] = None
    pod_cidrs: Annotated[Listed[PodCidr], Field(alias="podCIDRs")] = ()


class NodeStatus(_Part):
    """What became of a node."""

    addresses: Listed[NodeAddress] = ()


class Node(KubernetesObject):
    """A node."""

    partial: ClassVar = True
    resource: ClassVar = Resource("", "v1", "Node", "nodes")

    spec: NodeSpec = Field(default_factory=NodeSpec)
    status: NodeStatus = Field(default_factory=NodeStatus)
