"""How a connection travels where Services rewrite it on the way: what is sent, and what each node sees (2.13, 2.14)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from anp.lab.services import Backend, Route, by_cluster_address, by_node_port
from compiler.addresses import Address
from compiler.decision import Judgement
from compiler.model import Flow, Protocol, Snapshot
from compiler.ruleset import Ruleset
from compiler.semantics import decide
from compiler.trace import Packet, Trace, crossings, trace


class ManyBackendsError(Exception):
    """A Service has several pods behind it, and nobody knows which one a connection will meet."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A flow as the node of that name sees it; without a name, as every node on its way does."""

    flow: Flow
    node: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """What is `sent`, and as what it is judged: it gets through where every leg does.

    `lost` says why it gets nowhere whatever policies say; empty where it does not.
    """

    sent: Flow
    legs: tuple[Leg, ...] = ()
    lost: str = ""


def path_of(sent: Flow, routes: Sequence[Route], snapshot: Snapshot) -> Path:
    """Return how what is sent travels in this cluster.

    A cluster address is rewritten on the sender's node, before any policy sees it. A node port is rewritten on the node
    that is addressed: before it, that node is the destination; after it, where the pod is on another node, it is the
    source, because answers have to come back the same way.

    Raises:
        ManyBackendsError: there are several ways it may take.

    """
    asked = sent.protocol, sent.port
    route = by_cluster_address(routes).get((sent.destination, *asked))
    if route:
        if not _home(snapshot, sent.source):
            return Path(sent, lost="outside the cluster nobody knows cluster addresses")
        backend = _backend(route)
        return Path(sent, (Leg(_redirected(sent, backend)),)) if backend else _lost(sent)
    if any(sent.destination == route.address for route in routes) and sent.protocol is not Protocol.OTHER:
        return _lost(sent)
    route = by_node_port(routes).get((sent.destination.version, *asked))
    node = _primary_of(snapshot, sent.destination)
    if not route or not node:
        return Path(sent, (Leg(sent),))
    backend = _backend(route)
    return Path(sent, tuple(_through(node, sent, backend, snapshot))) if backend else _lost(sent)


def _through(node: str, sent: Flow, backend: Backend, snapshot: Snapshot) -> Iterator[Leg]:
    sender, target = _home(snapshot, sent.source), _home(snapshot, backend[0])
    if sender and sender != node:
        yield Leg(sent, sender)
    yield Leg(_redirected(sent, backend), node)
    if target != node:
        yield Leg(_redirected(replace(sent, source=sent.destination), backend), target)


def _redirected(sent: Flow, backend: Backend) -> Flow:
    address, port = backend
    return replace(sent, destination=address, port=port, hairpin=address == sent.source)


def _backend(route: Route) -> Backend | None:
    if len(route.backends) > 1:
        raise ManyBackendsError(f"the service {route.service} has {len(route.backends)} pods behind it")
    return next(iter(route.backends), None)


def _lost(sent: Flow) -> Path:
    return Path(sent, lost="nobody is behind this port of the service")


def _home(snapshot: Snapshot, address: Address) -> str:
    """Return the node that carries the address, as its own or a pod's; empty outside the cluster."""
    own = next((node.name for node in snapshot.nodes if address in node.addresses), "")
    return own or next((pod.node for pod in snapshot.pods if pod.governed and address in pod.addresses), "")


def _primary_of(snapshot: Snapshot, address: Address) -> str:
    """Return the node whose first address of its family this is."""
    for node in snapshot.nodes:
        if next((own for own in node.addresses if own.version == address.version), None) == address:
            return node.name
    return ""


def judgements(snapshot: Snapshot, leg: Leg) -> tuple[Judgement, ...]:
    """Return what policies mean for a leg: at both ends, or at those of them that its node judges."""
    decision = decide(snapshot, leg.flow)
    ends = decision.egress, decision.ingress
    return tuple(end for end in ends if not leg.node or (end.pod is not None and end.pod.node == leg.node))


def accepted(snapshot: Snapshot, path: Path) -> bool:
    """Say whether policies, and the Services on the way, let something get to its end."""
    return not path.lost and all(end.accepted for leg in path.legs for end in judgements(snapshot, leg))


def deciders(snapshot: Snapshot, path: Path) -> str:
    """Say which rules make it so that something gets to its end or does not, for people."""
    if path.lost:
        return path.lost
    wanted = accepted(snapshot, path)
    judged = [end for leg in path.legs for end in judgements(snapshot, leg)]
    told = [str(end.origin) for end in judged if end.accepted is wanted and not end.exemption]
    return "; ".join(dict.fromkeys(told)) or "nobody is asked"


def passes(snapshot: Snapshot, rulesets: Mapping[str, Ruleset], path: Path) -> bool:
    """Say of what was compiled for each node whether it lets something get to its end."""
    return not path.lost and all(way.accepted for _node, way in _ways(snapshot, rulesets, path))


def whereabouts(snapshot: Snapshot, rulesets: Mapping[str, Ruleset], path: Path) -> str:
    """Say how far what was compiled lets something come, and which chain ends it: a hint to where a bug is."""
    ends = (
        f"dropped on {node} by {way.chains[-1]}" for node, way in _ways(snapshot, rulesets, path) if not way.accepted
    )
    return next(ends, "let through everywhere")


def _ways(snapshot: Snapshot, rulesets: Mapping[str, Ruleset], path: Path) -> Iterator[tuple[str, Trace]]:
    for leg in path.legs:
        for node, hook in crossings(snapshot, leg.flow):
            if node in rulesets and leg.node in ("", node):
                yield node, trace(rulesets[node], Packet.of(leg.flow, hook))
