"""What may happen to a cluster: a name in words for each kind of change, and how one is drawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from tests.histories import documents
from tests.histories.documents import (
    LABELS,
    LEARNED,
    NAMESPACES,
    OF_KIND,
    PLACES,
    PORTS,
    PRIORITIES,
    Document,
    Key,
    addresses_at,
    addresses_of,
    key_of,
    with_addresses,
    with_labels,
)

LAB_NODES: Mapping[str, tuple[str, ...]] = {
    "n1": ("10.0.1.1", "fd01::1"),
    "n2": ("203.0.113.2", "10.0.1.2", "fd01::2"),
}
"""The nodes of the lab in which histories are played with real packets: the world of two nodes."""
_NODE_ADDRESSES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    f"n{number}": (
        (f"10.0.1.{number}", f"fd01::{number}"),
        (f"10.0.1.{number}",),
        (f"fd01::{number}", f"203.0.113.{number}"),
        (f"10.0.0.{number}", f"fd00::{number}"),  # which is, or may be, a pod's
    )
    for number in (1, 2, 3)
}
_WHICH = ("46", "46", "4", "6", "46+", "")
_POD_NAMES = tuple(f"p{number}" for number in range(1, 9))


@dataclass
class Builder:
    """A cluster while its history is being drawn; `born` is the time, and moves when somebody comes."""

    movable_nodes: bool = True
    objects: dict[Key, Document] = field(default_factory=dict)
    learned: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    born: int = 0
    _changes: list[tuple[Key, Document | None]] = field(default_factory=list)

    def put(self, document: Document) -> None:
        """Create an object, or put another in its place."""
        self.objects[key_of(document)] = document
        self._changes.append((key_of(document), document))

    def remove(self, key: Key) -> None:
        """Delete an object."""
        del self.objects[key]
        self._changes.append((key, None))

    def take_changes(self) -> tuple[tuple[Key, Document | None], ...]:
        """Return what has happened since the last time."""
        changes, self._changes = tuple(self._changes), []
        return changes

    def of(self, *kinds: str) -> list[Document]:
        """Return the objects of some kinds, the oldest first."""
        return [document for key, document in self.objects.items() if key[0] in kinds]

    @property
    def pods(self) -> list[Document]:
        """All pods."""
        return self.of("Pod")

    @property
    def addressed(self) -> list[Document]:
        """Pods with an address of their own."""
        return [pod for pod in self.pods if addresses_of(pod) and not pod["spec"].get("hostNetwork")]

    @property
    def policies(self) -> list[Document]:
        """All policies."""
        return self.of(*OF_KIND)

    @property
    def with_rules(self) -> list[tuple[Document, str]]:
        """Policies and directions in which they have several rules."""
        return [(it, d) for it in self.policies for d in ("ingress", "egress") if len(it["spec"].get(d, ())) > 1]

    @property
    def ranked(self) -> list[Document]:
        """Policies with a priority."""
        return [policy for policy in self.policies if "priority" in policy["spec"]]

    def now(self) -> int:
        """Let a moment pass, and return it."""
        self.born += 1
        return self.born


# Pods.


def _pod(draw: st.DrawFn, builder: Builder, key: Key, *, own_network: bool = False) -> Document:
    home = draw(st.sampled_from([node["metadata"]["name"] for node in builder.of("Node")] or [""]))
    host_network = not own_network and bool(home) and draw(st.integers(0, 9)) == 9
    if host_network:
        listed = builder.objects["Node", "", home]["status"]["addresses"]
        addresses = tuple(entry["address"] for entry in listed if entry["type"] == "InternalIP")
    else:
        addresses = addresses_at(_place(draw, builder), draw(st.sampled_from(_WHICH)))
    labels, ports = draw(st.sampled_from(LABELS)), draw(st.sampled_from(PORTS))
    return documents.pod(key, labels, home, addresses, ports, builder.now(), host_network=host_network)


def _place(draw: st.DrawFn, builder: Builder) -> int:
    """Draw where a pod is; rarely where somebody else is."""
    taken = {address for pod in builder.pods for address in addresses_of(pod)}
    free = [place for place in PLACES if taken.isdisjoint(addresses_at(place, "46+"))]
    return draw(st.sampled_from((*free * 3, *PLACES)))


def _pod_comes(draw: st.DrawFn, builder: Builder, *, own_network: bool = False) -> Key:
    namespace = draw(st.sampled_from([each["metadata"]["name"] for each in builder.of("Namespace")]))
    name = next(name for name in _POD_NAMES if not any(pod["metadata"]["name"] == name for pod in builder.pods))
    builder.put(_pod(draw, builder, ("Pod", namespace, name), own_network=own_network))
    return "Pod", namespace, name


def _pod_goes(draw: st.DrawFn, builder: Builder) -> None:
    builder.remove(key_of(draw(st.sampled_from(builder.pods))))


def _pod_comes_again(draw: st.DrawFn, builder: Builder) -> None:
    key = key_of(draw(st.sampled_from(builder.pods)))
    builder.remove(key)
    builder.put(_pod(draw, builder, key))


def _pod_relabelled(draw: st.DrawFn, builder: Builder) -> None:
    _relabel(draw, builder, builder.pods)


def _pod_readdressed(draw: st.DrawFn, builder: Builder) -> None:
    pod = draw(st.sampled_from([pod for pod in builder.pods if not pod["spec"].get("hostNetwork")]))
    builder.put(with_addresses(pod, addresses_at(_place(draw, builder), draw(st.sampled_from(_WHICH)))))


def _addresses_swapped(draw: st.DrawFn, builder: Builder) -> None:
    one, other = draw(st.permutations(builder.addressed))[:2]
    builder.put(with_addresses(one, addresses_of(other)))
    builder.put(with_addresses(other, addresses_of(one)))


def _address_inherited(draw: st.DrawFn, builder: Builder) -> None:
    """Somebody else has a pod's address, and the pod has gone, ended, hangs, or knows nothing of it."""
    before = draw(st.sampled_from(builder.addressed))
    match draw(st.sampled_from(("ends", "hangs", "goes", "stays"))):
        case "ends":
            _end(draw, builder, before)
        case "hangs":
            _hang(draw, builder, before)
        case "goes":
            builder.remove(key_of(before))
    others = [pod for pod in builder.pods if key_of(pod) != key_of(before) and not pod["spec"].get("hostNetwork")]
    if others and draw(st.booleans()):
        heir = draw(st.sampled_from(others))
    else:
        heir = builder.objects[_pod_comes(draw, builder, own_network=True)]
    builder.put(with_addresses(heir, addresses_of(before)))


def _end(draw: st.DrawFn, builder: Builder, pod: Document) -> None:
    status = {**pod["status"], "phase": draw(st.sampled_from(("Succeeded", "Failed")))}
    builder.put({**pod, "status": status})


def _hang(draw: st.DrawFn, builder: Builder, pod: Document) -> None:
    metadata = {**pod["metadata"], "deletionTimestamp": "2026-01-02T00:00:00Z"}
    status = {**pod["status"], "phase": draw(st.sampled_from(("Running", "Failed", "Succeeded")))}
    builder.put({**pod, "metadata": metadata, "status": status})


def _pod_ends(draw: st.DrawFn, builder: Builder) -> None:
    _end(draw, builder, draw(st.sampled_from(builder.pods)))


def _pod_hangs(draw: st.DrawFn, builder: Builder) -> None:
    _hang(draw, builder, draw(st.sampled_from(builder.pods)))


def _pod_ready(draw: st.DrawFn, builder: Builder) -> None:
    pod = draw(st.sampled_from(builder.pods))
    ready = "False" if pod["status"]["conditions"][0]["status"] == "True" else "True"
    builder.put({**pod, "status": {**pod["status"], "conditions": [{"type": "Ready", "status": ready}]}})


def _ports_change(draw: st.DrawFn, builder: Builder) -> None:
    pod, ports = draw(st.sampled_from(builder.pods)), draw(st.sampled_from(PORTS))
    declared = [{"name": name, "protocol": protocol, "containerPort": number} for name, protocol, number in ports]
    builder.put({**pod, "spec": {**pod["spec"], "containers": [{"name": "main", "ports": declared}]}})


def _relabel(draw: st.DrawFn, builder: Builder, some: Sequence[Document]) -> None:
    builder.put(with_labels(draw(st.sampled_from(some)), draw(st.sampled_from(LABELS))))


# Namespaces and nodes.


def _namespace_comes(draw: st.DrawFn, builder: Builder) -> None:
    missing = [name for name in NAMESPACES if ("Namespace", "", name) not in builder.objects]
    builder.put(documents.namespace(draw(st.sampled_from(missing)), draw(st.sampled_from(LABELS))))


def _namespace_goes(draw: st.DrawFn, builder: Builder) -> None:
    gone = draw(st.sampled_from(builder.of("Namespace")))["metadata"]["name"]
    for key in [key for key in builder.objects if key[1] == gone]:
        builder.remove(key)
    builder.remove(("Namespace", "", gone))


def _namespace_relabelled(draw: st.DrawFn, builder: Builder) -> None:
    _relabel(draw, builder, builder.of("Namespace"))


def _node_relabelled(draw: st.DrawFn, builder: Builder) -> None:
    _relabel(draw, builder, builder.of("Node"))


def _node_readdressed(draw: st.DrawFn, builder: Builder) -> None:
    node = draw(st.sampled_from(builder.of("Node")))
    addresses = draw(st.sampled_from(_NODE_ADDRESSES[node["metadata"]["name"]]))
    builder.put(documents.node(node["metadata"]["name"], node["metadata"]["labels"], addresses))


def _node_comes(draw: st.DrawFn, builder: Builder) -> None:
    name = draw(st.sampled_from([name for name in _NODE_ADDRESSES if ("Node", "", name) not in builder.objects]))
    builder.put(documents.node(name, draw(st.sampled_from(LABELS)), draw(st.sampled_from(_NODE_ADDRESSES[name]))))


def _node_goes(draw: st.DrawFn, builder: Builder) -> None:
    """A node goes, and its pods have not noticed yet."""
    builder.remove(key_of(draw(st.sampled_from(builder.of("Node")))))


# Policies.


def _policy_comes(draw: st.DrawFn, builder: Builder) -> None:
    builder.put(draw(documents.policies))


def _policy_goes(draw: st.DrawFn, builder: Builder) -> None:
    builder.remove(key_of(draw(st.sampled_from(builder.policies))))


def _policy_comes_again(draw: st.DrawFn, builder: Builder) -> None:
    policy = draw(st.sampled_from(builder.policies))
    builder.remove(key_of(policy))
    builder.put({**draw(OF_KIND[policy["kind"]]), "metadata": policy["metadata"]})


def _policy_edited(draw: st.DrawFn, builder: Builder) -> None:
    """One field of a policy says something else, or nothing if it can be left out."""
    policy = draw(st.sampled_from(builder.policies))
    other = draw(OF_KIND[policy["kind"]])["spec"]
    name = draw(st.sampled_from(sorted(policy["spec"].keys() | other.keys())))
    spec = {field: value for field, value in policy["spec"].items() if field != name}
    builder.put({**policy, "spec": {**spec, **({name: other[name]} if name in other else {})}})


def _rules_swapped(draw: st.DrawFn, builder: Builder) -> None:
    policy, direction = draw(st.sampled_from(builder.with_rules))
    first, second, *rest = draw(st.permutations(policy["spec"][direction]))
    builder.put({**policy, "spec": {**policy["spec"], direction: [second, first, *rest]}})


def _priorities_tied(draw: st.DrawFn, builder: Builder) -> None:
    policy = draw(st.sampled_from(builder.ranked))
    priorities = [other["spec"]["priority"] for other in builder.ranked if other is not policy] or PRIORITIES
    builder.put({**policy, "spec": {**policy["spec"], "priority": draw(st.sampled_from(priorities))}})


def _names_learned(draw: st.DrawFn, builder: Builder) -> None:
    builder.learned = draw(st.sampled_from(LEARNED))


# All of it.


@dataclass(frozen=True)
class Change:
    """A kind of change, when it makes sense, and how often it is to happen."""

    happen: Callable[[st.DrawFn, Builder], object]
    possible: Callable[[Builder], object] = lambda _builder: True
    weight: int = 1


def _room(builder: Builder) -> bool:
    return bool(builder.of("Namespace")) and len(builder.pods) < len(_POD_NAMES) - 1


KINDS: Mapping[str, Change] = {
    "a pod comes": Change(_pod_comes, _room, weight=2),
    "a pod goes": Change(_pod_goes, lambda it: it.pods),
    "a pod comes again": Change(_pod_comes_again, lambda it: it.pods),
    "a pod is relabelled": Change(_pod_relabelled, lambda it: it.pods),
    "a pod has another address": Change(
        _pod_readdressed, lambda it: any(not pod["spec"].get("hostNetwork") for pod in it.pods)
    ),
    "two pods swap addresses": Change(_addresses_swapped, lambda it: len(it.addressed) > 1),
    "a pod has another's address": Change(_address_inherited, lambda it: it.addressed and _room(it)),
    "a pod ends": Change(_pod_ends, lambda it: it.pods),
    "a pod hangs while it is deleted": Change(_pod_hangs, lambda it: it.pods),
    "a pod is ready or not": Change(_pod_ready, lambda it: it.pods),
    "a pod has other ports": Change(_ports_change, lambda it: it.pods, weight=3),
    "a namespace comes": Change(_namespace_comes, lambda it: len(it.of("Namespace")) < len(NAMESPACES)),
    "a namespace goes": Change(_namespace_goes, lambda it: it.of("Namespace")),
    "a namespace is relabelled": Change(_namespace_relabelled, lambda it: it.of("Namespace"), weight=2),
    "a node is relabelled": Change(_node_relabelled, lambda it: it.of("Node")),
    "a node has another address": Change(_node_readdressed, lambda it: it.movable_nodes and it.of("Node")),
    "a node comes": Change(_node_comes, lambda it: it.movable_nodes and len(it.of("Node")) < len(_NODE_ADDRESSES)),
    "a node goes": Change(_node_goes, lambda it: it.movable_nodes and it.of("Node")),
    "a policy comes": Change(_policy_comes, weight=3),
    "a policy goes": Change(_policy_goes, lambda it: it.policies),
    "a policy comes again": Change(_policy_comes_again, lambda it: it.policies),
    "a policy is edited": Change(_policy_edited, lambda it: it.policies, weight=3),
    "rules are swapped": Change(_rules_swapped, lambda it: it.with_rules, weight=2),
    "priorities are tied": Change(_priorities_tied, lambda it: it.ranked, weight=2),
    "names are learned": Change(_names_learned),
}
"""Every kind of change, by what it is in words."""

NODES_MOVE = frozenset({"a node has another address", "a node comes", "a node goes"})
"""What the lab cannot do."""


def applicable(builder: Builder) -> list[str]:
    """Return the kinds of change that make sense now, each as often as its weight says."""
    return [kind for kind, change in KINDS.items() if change.possible(builder) for _ in range(change.weight)]


def beginning(draw: st.DrawFn, builder: Builder, nodes: Mapping[str, tuple[str, ...]] | None = None) -> None:
    """Draw a cluster to begin with, on these nodes if they are given."""
    for name in NAMESPACES[: draw(st.sampled_from((2, 3, 1)))]:
        builder.put(documents.namespace(name, draw(st.sampled_from(LABELS))))
    fixed = nodes or {name: _NODE_ADDRESSES[name][0] for name in list(_NODE_ADDRESSES)[: draw(st.sampled_from((2, 1)))]}
    for name, addresses in fixed.items():
        builder.put(documents.node(name, draw(st.sampled_from(LABELS)), addresses))
    for _ in range(draw(st.sampled_from((2, 4, 5, 6, 3, 0)))):
        _pod_comes(draw, builder)
    for _ in range(draw(st.sampled_from((1, 4, 6, 9, 3, 0)))):
        _policy_comes(draw, builder)
    builder.learned = draw(st.sampled_from(LEARNED))
