"""v1: the parts of Service that say where its traffic goes (2.13)."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, Field

from anp.api import syntax
from anp.api.objects import KubernetesObject, Resource
from anp.api.structure import ApiModel, Listed

NO_ADDRESS = "None"
"""What a headless Service has instead of a cluster address."""


MAX_PORT = 65535


def _cluster_address(text: str) -> str:
    return text if text in ("", NO_ADDRESS) else syntax.is_ip_address(text)


def _target(value: int | str) -> int | str:
    if isinstance(value, str):
        return syntax.service_name(value)
    if not 1 <= value <= MAX_PORT:
        raise ValueError(f"{value} is not a port; ports are 1 to {MAX_PORT}")
    return value


ClusterAddress: TypeAlias = Annotated[str, AfterValidator(_cluster_address)]


class _Part(ApiModel):
    """A model of some fields among many."""

    partial: ClassVar = True


class ServicePort(_Part):
    """A port of a Service; without `target_port`, its pods serve the same one."""

    name: str = ""
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    port: Annotated[int, Field(ge=1, le=MAX_PORT)]
    target_port: Annotated[int | str, AfterValidator(_target)] | None = None
    node_port: Annotated[int, Field(ge=0, le=MAX_PORT)] = 0


class ServiceSpec(_Part):
    """What a Service is asked to be; without `selector` nobody is behind it, as we read no EndpointSlices."""

    type: str = "ClusterIP"
    selector: dict[str, str] = Field(default_factory=dict)
    cluster_ip: Annotated[ClusterAddress, Field(alias="clusterIP")] = ""
    cluster_ips: Annotated[Listed[ClusterAddress], Field(alias="clusterIPs")] = ()
    external_ips: Annotated[Listed[str], Field(alias="externalIPs")] = ()
    load_balancer_ip: Annotated[str, Field(alias="loadBalancerIP")] = ""
    ip_families: Listed[str] = ()
    ports: Listed[ServicePort] = ()


class LoadBalancerIngress(_Part):
    """One address at which a load balancer takes traffic for a Service."""

    ip: str = ""


class LoadBalancerStatus(_Part):
    """What a load balancer has made of a Service."""

    ingress: Listed[LoadBalancerIngress] = ()


class ServiceStatus(_Part):
    """What became of a Service."""

    load_balancer: LoadBalancerStatus = Field(default_factory=LoadBalancerStatus)


class Service(KubernetesObject):
    """A Service: policies never see it, only what becomes of its traffic."""

    partial: ClassVar = True
    resource: ClassVar = Resource("", "v1", "Service", "services", namespaced=True)

    spec: ServiceSpec = Field(default_factory=ServiceSpec)
    status: ServiceStatus = Field(default_factory=ServiceStatus)

    @property
    def headless(self) -> bool:
        """Whether it asks for no address, so that its pods are reached directly."""
        return self.spec.type == "ExternalName" or NO_ADDRESS in (self.spec.cluster_ip, *self.spec.cluster_ips)
