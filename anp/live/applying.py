"""A running cluster as it would be with manifests applied to it, and clusters of both."""

from dataclasses import replace

from anp import api
from anp.live.observed import Observed
from anp.sources.addressing import place
from anp.sources.diagnostics import Severity
from anp.sources.manifests import Item, Loaded, Manifests, identity
from anp.sources.service_addressing import place_services
from anp.state.cluster import Cluster, cluster_of

_MODEL_NODES = 1000
"""How many nodes new pods may be put on, where a cluster has more."""


def applied(live: Manifests, files: Manifests, *, prune: bool = False) -> Manifests:
    """Return the objects of a cluster with those of files added, or in the place of those of their kind and name.

    What is written counts in full, but objects keep what only a cluster gives: nodes, addresses and states. With
    `prune` the policies of the files are all that are left.
    """
    written = {identity(loaded.object) for loaded in files.objects}
    there = {identity(loaded.object): loaded for loaded in live.objects}
    gone = {
        key
        for key, loaded in there.items()
        if key in written or (prune and isinstance(loaded.object, api.PolicyObject))
    }
    unsaid = {there[key].origin.file for key in gone}
    kept = (loaded for key, loaded in there.items() if key not in gone)
    new = (_with_given(loaded, there.get(identity(loaded.object))) for loaded in files.objects)
    said = (found for found in live.diagnostics if found.file not in unsaid)
    return Manifests((*kept, *new), tuple(sorted((*said, *files.diagnostics))))


def cluster_of_live(manifests: Manifests) -> Cluster:
    """Put the objects of a cluster together; only those from files get addresses where they have none.

    What is odd about objects that are read is a warning, such as an address that several claim, which is settled as in
    enforcing. One that cannot be read is an error.

    Raises:
        ValueError: the files have more nodes than can be given addresses.

    """
    cluster = cluster_of(Manifests(_invented(manifests.objects), manifests.diagnostics), invent=False)
    observed = {loaded.origin.file for loaded in manifests.objects if isinstance(loaded, Observed)}
    told = (
        replace(found, severity=max(found.severity, Severity.WARNING)) if found.file in observed else found
        for found in cluster.diagnostics
    )
    return replace(cluster, diagnostics=tuple(sorted(told)))


def _with_given(loaded: Loaded, before: Loaded | None) -> Loaded:
    """Return a written object with what the cluster has given to the one that it replaces."""
    match loaded.object, before.object if before else None:
        case api.Pod() as pod, api.Pod() as old:
            given = {"node_name": pod.spec.node_name or old.spec.node_name}
            addressed = bool(pod.status.pod_ips or pod.status.pod_ip)
            new = {"spec": pod.spec.model_copy(update=given), "status": pod.status if addressed else old.status}
            return replace(loaded, object=pod.model_copy(update=new))
        case api.Node() as node, api.Node() as old:
            ranged = bool(node.spec.pod_cidrs or node.spec.pod_cidr)
            kept = {
                "spec": node.spec if ranged else old.spec,
                "status": node.status if node.status.addresses else old.status,
            }
            return replace(loaded, object=node.model_copy(update=kept))
        case api.Service() as service, api.Service() as old if not (service.headless or service.spec.cluster_ip):
            addresses = {"cluster_ip": old.spec.cluster_ip, "cluster_ips": old.spec.cluster_ips}
            spec = service.spec.model_copy(update=addresses)
            return replace(loaded, object=service.model_copy(update={"spec": spec}))
        case _:
            return loaded


def _invented(objects: tuple[Loaded, ...]) -> tuple[Loaded, ...]:
    """Fill in addresses of what comes from files, and leave alone what is known of the cluster."""
    written = [each for each in objects if not isinstance(each, Observed)]
    if not any(isinstance(each.object, api.Pod | api.Node | api.Service) for each in written):
        return objects
    nodes = [each for each in objects if isinstance(each, Observed) and isinstance(each.object, api.Node)]
    whole = [each for each in nodes if _is_whole(each.object)]
    others = [each for each in objects if isinstance(each, Observed) and isinstance(each.object, api.Pod | api.Service)]
    around: tuple[Item, ...] = (*written, *(whole or nodes)[:_MODEL_NODES], *others)
    filled = place_services(place(around))[: len(written)]
    observed = (each for each in objects if isinstance(each, Observed))
    return (*observed, *(each for each in filled if isinstance(each, Loaded)))


def _is_whole(node: api.ApiObject) -> bool:
    return (
        isinstance(node, api.Node) and bool(node.status.addresses) and bool(node.spec.pod_cidrs or node.spec.pod_cidr)
    )
