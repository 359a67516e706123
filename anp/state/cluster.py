"""A cluster as manifests describe it: what the compiler wants, what pods serve, and where it all was written."""

from collections.abc import Mapping
from dataclasses import dataclass

from anp import api
from anp.lab.services import Service, to_service
from anp.sources.addressing import place
from anp.sources.diagnostics import Diagnostic, Location, has_errors
from anp.sources.manifests import Item, Loaded, Manifests, bare, identity, load
from anp.sources.service_addressing import place_services
from anp.state.assembly import assemble
from compiler.model import Origin, Protocol, RuleOrigin, Snapshot


@dataclass(frozen=True, slots=True)
class Cluster:
    """A snapshot with all that is known beside it.

    `serves` are the container ports of every pod, named or not, by (namespace, name). `items` are the objects by
    (kind, namespace, name), and `services` are the Services among them as the lab wants them.
    """

    snapshot: Snapshot
    serves: Mapping[tuple[str, str], tuple[tuple[Protocol, int], ...]]
    items: Mapping[tuple[str, str, str], Item]
    services: tuple[Service, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def sound(self) -> bool:
        """Whether all that was written is in the snapshot."""
        return not has_errors(self.diagnostics)

    def locate(self, origin: Origin) -> Location | None:
        """Return where a rule was written; None for what no rule decided or nobody wrote to a file."""
        if not isinstance(origin, RuleOrigin):
            return None
        item = self.items.get((origin.kind.value, origin.namespace, origin.policy))
        if not isinstance(item, Loaded):
            return None
        return item.locate(("spec", origin.direction.value, origin.index))


def read_cluster(path: str, *, invent: bool, channel: api.Channel = api.Channel.EXPERIMENTAL) -> Cluster:
    """Read the cluster that the manifests under `path` describe. Never raises for what they say.

    Manifests written by hand name no addresses: with `invent`, nodes and pods that lack them get some.
    """
    return cluster_of(load(path, channel), invent=invent)


def cluster_of(manifests: Manifests, *, invent: bool) -> Cluster:
    """Put the objects of manifests together."""
    items: tuple[Item, ...] = place_services(place(manifests.objects)) if invent else manifests.objects
    assembly = assemble(items)
    things = [bare(item) for item in items]
    pods = (thing for thing in things if isinstance(thing, api.Pod))
    return Cluster(
        snapshot=assembly.snapshot,
        serves={(pod.metadata.namespace, pod.metadata.name): api.served_ports(pod) for pod in pods},
        items={identity(bare(item)): item for item in items},
        services=tuple(to_service(thing) for thing in things if isinstance(thing, api.Service)),
        diagnostics=tuple(sorted((*manifests.diagnostics, *assembly.diagnostics))),
    )
