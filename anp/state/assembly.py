"""One cluster out of many objects: the snapshot that the compiler wants, and what people should know about it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TypeAlias

from anp import api
from anp.sources.diagnostics import Diagnostic, FieldPath, Location, Severity, diagnostic
from anp.sources.manifests import Item, Loaded, bare, describe, identity
from anp.state.advice import advice
from compiler import model
from compiler.addresses import Address, AddressSet
from compiler.labels import NAMESPACE_NAME_LABEL, Labels

EVERYWHERE = frozenset({"default", "kube-node-lease", "kube-public", "kube-system"})
"""The namespaces that every cluster has."""


_Key: TypeAlias = tuple[str, str, str]
"""Kind, namespace and name."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """A cluster, and what there is to say about it, in the order of files and lines."""

    snapshot: model.Snapshot
    diagnostics: tuple[Diagnostic, ...]


def assemble(
    objects: Iterable[Item], *, learned: Mapping[str, AddressSet] | None = None, advise: bool = True
) -> Assembly:
    """Make a snapshot of these objects, given in any order, no two of one kind, namespace and name.

    `learned` has the addresses of domain names; without it there is no word on which names have none. With `advise`
    the diagnostics also tell of policies that are in order and probably not what their author wanted.
    """
    desk = _Desk()
    for item in sorted(objects, key=lambda item: identity(bare(item))):
        desk.take(item)
    desk.settle_addresses()
    desk.find_namespaces()
    desk.find_nodes()
    snapshot = model.Snapshot.of(
        namespaces=desk.namespaces,
        pods=list(desk.pods.values()),
        nodes=list(desk.nodes.values()),
        policies=list(desk.policies.values()),
        learned=learned,
    )
    if advise:
        for policy, path, severity, message in advice(snapshot, learning=learned is not None):
            desk.tell(severity, message, desk.items[_key(policy)], path)
    return Assembly(snapshot, tuple(sorted(desk.diagnostics)))


@dataclass(slots=True)
class _Desk:
    """Where the objects are gathered; the parts of one call of `assemble`."""

    namespaces: dict[str, Labels] = field(default_factory=dict)
    pods: dict[tuple[str, str], model.Pod] = field(default_factory=dict)
    nodes: dict[str, model.Node] = field(default_factory=dict)
    policies: dict[_Key, model.Policy] = field(default_factory=dict)
    items: dict[_Key, Item] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def tell(self, severity: Severity, message: str, item: Item, path: FieldPath = (), hint: str = "") -> None:
        """Say something about an object."""
        at: Location | None = None
        if isinstance(item, Loaded):
            at = item.locate(path) if path else item.origin
        about = describe(bare(item))
        self.diagnostics.append(diagnostic(severity, message, at=at, about=about, field=path, hint=hint))

    def take(self, item: Item) -> None:
        """Translate one object."""
        thing = bare(item)
        self.items[identity(thing)] = item
        if isinstance(thing, api.Namespace):
            name, labels = api.to_namespace(thing)
            self.namespaces[name] = labels
        elif isinstance(thing, api.Node):
            node = api.to_node(thing)
            self.nodes[node.name] = node
        elif isinstance(thing, api.Pod):
            pod = api.to_pod(thing)
            self.pods[pod.key] = pod
            for path, text in _bad_addresses(thing):
                self.tell(Severity.ERROR, f"{text!r} is no IP address, so the pod does not have it", item, path)
        elif not isinstance(thing, api.Service):  # whose traffic is judged on its way to the pods behind it (2.13)
            self._take_policy(thing, item)

    def _take_policy(self, thing: api.PolicyObject, item: Item) -> None:
        translation = api.to_policy(thing)
        self.policies[identity(thing)] = translation.policy
        for severity, message, path in remarks(translation):
            self.tell(severity, message, item, path)

    def settle_addresses(self) -> None:
        """Leave every address to one governed pod or to a node: a verdict needs one owner (2.18)."""
        homes = {address: node.name for node in self.nodes.values() for address in node.addresses}
        for pod in list(self.pods.values()):
            for address in pod.addresses if pod.governed else ():
                if address in homes:
                    self._take_address(pod, address, f"node {homes[address]}")
        claims: dict[Address, list[model.Pod]] = defaultdict(list)
        for pod in self.pods.values():
            for address in pod.addresses if pod.governed else ():
                claims[address].append(pod)
        for address, claimants in claims.items():
            if len(claimants) > 1:
                keeper, *losers = sorted(claimants, key=lambda pod: claim_of(self._pod(pod)))
                for loser in losers:
                    self._take_address(loser, address, f"pod {keeper}")

    def _take_address(self, loser: model.Pod, address: Address, keeper: str) -> None:
        rest = tuple(mine for mine in self.pods[loser.key].addresses if mine != address)
        self.pods[loser.key] = replace(self.pods[loser.key], addresses=rest)
        message = f"the address {address} belongs to {keeper} too, which keeps it"
        self.tell(Severity.ERROR, message, self.items[_key(loser)], _address_path(self._pod(loser)))

    def _pod(self, pod: model.Pod) -> api.Pod:
        thing = bare(self.items[_key(pod)])
        assert isinstance(thing, api.Pod)  # noqa: S101 - only pods are filed there
        return thing

    def find_namespaces(self) -> None:
        """Make the namespaces that are only spoken of, as they must be there in a cluster that has these objects."""
        for pod in sorted(self.pods.values(), key=lambda pod: pod.key):
            namespace = pod.namespace
            if namespace not in self.namespaces:
                self.namespaces[namespace] = Labels({NAMESPACE_NAME_LABEL: namespace})
                severity = Severity.INFO if namespace in EVERYWHERE else Severity.WARNING
                message = f"the namespace {namespace} is not declared, so it has no label but its name"
                self.tell(
                    severity, message, self.items[_key(pod)], ("metadata", "namespace"), "declare it, with its labels"
                )
        for policy in self.policies.values():
            if policy.namespace and policy.namespace not in self.namespaces:
                severity = Severity.INFO if policy.namespace in EVERYWHERE else Severity.WARNING
                message = f"the namespace {policy.namespace} is not declared and has no pods"
                self.tell(severity, message, self.items[_key(policy)], ("metadata", "namespace"))

    def find_nodes(self) -> None:
        """Tell of nodes that pods are on and nobody declared, once each; they stay without labels and addresses."""
        missing: dict[str, list[model.Pod]] = defaultdict(list)
        for pod in sorted(self.pods.values(), key=lambda pod: pod.key):
            if pod.node and pod.node not in self.nodes:
                missing[pod.node].append(pod)
        for name, pods in missing.items():
            more = f"; {len(pods)} pods are on it" if len(pods) > 1 else ""
            message = f"the node {name} is not declared{more}"
            self.tell(Severity.WARNING, message, self.items[_key(pods[0])], ("spec", "nodeName"))


def remarks(translation: api.Translation) -> Iterator[tuple[Severity, str, FieldPath]]:
    """Yield what the author of a policy should hear, whatever else there is in the cluster."""
    policy = translation.policy
    told: list[str] = []
    for direction in model.Direction:
        for rule in policy.rules(direction):
            if rule.failed_closed:
                told.append(rule.failed_closed)
                message = f"this rule fails closed: {rule.failed_closed}"
                yield Severity.WARNING, message, ("spec", direction.value, rule.index)
    for problem in translation.warnings:
        if not any(problem.message in reason for reason in told):
            yield Severity.WARNING, problem.message, problem.path


def claim_of(thing: api.Pod) -> tuple[bool, bool, float, tuple[str, str]]:
    """Return how good a claim to an address is, the best first: a live pod's, then the latest."""
    metadata = thing.metadata
    since = metadata.creation_timestamp
    return (
        thing.status.phase != "Running",
        metadata.deletion_timestamp is not None,
        -_seconds(since) if since else float("inf"),
        (metadata.namespace, metadata.name),
    )


def _key(thing: model.Pod | model.Policy) -> _Key:
    kind = thing.kind.value if isinstance(thing, model.Policy) else "Pod"
    return kind, thing.namespace, thing.name


def _seconds(moment: datetime) -> float:
    """Return a moment as a number; one without a time zone is in UTC, as the API has no other."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _bad_addresses(pod: api.Pod) -> Iterator[tuple[FieldPath, str]]:
    """Yield what stands where an address should and is none."""
    written = [(("status", "podIPs", index, "ip"), entry.ip) for index, entry in enumerate(pod.status.pod_ips)]
    for path, text in (*written, (("status", "podIP"), pod.status.pod_ip)):
        if text:
            try:
                ip_address(text)
            except ValueError:
                yield path, text


def _address_path(pod: api.Pod) -> FieldPath:
    return ("status", "podIPs" if pod.status.pod_ips else "podIP")
