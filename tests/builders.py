"""The small vocabulary that tests are written in: clusters in a line or two, and reachability as a picture.

Addresses come from one table, so that a test can be read without looking any up:

    pod x/a        10.24.1.1 and fd00::24:1    (x is letter 24, a is letter 1; one-letter names only)
    node n1        192.168.0.1 and fd01::1
    outside        203.0.113.1 and 2001:db8::1

A pod x/a has the label pod=a, a namespace x the label ns=x beside the automatic one, a node n1 the label node=n1.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from ipaddress import ip_address

from compiler.addresses import VERSIONS, Address, AddressSet, IpVersion
from compiler.labels import EVERYTHING, NAMESPACE_NAME_LABEL, Labels, Operator, Requirement, Selector
from compiler.model import (
    Action,
    AddressBlock,
    AnyTraffic,
    ContainerPort,
    Direction,
    DomainSelection,
    Flow,
    NamedPort,
    NamespaceNamed,
    Node,
    NodeSelection,
    Peer,
    Pod,
    PodSelection,
    Policy,
    PolicyKind,
    PortRange,
    Protocol,
    Rule,
    Snapshot,
    Tier,
    Traffic,
)
from compiler.semantics import decide

OUTSIDE = "outside"
"""The name of somebody beyond the cluster in pictures."""

_OUTSIDE_ADDRESSES = (ip_address("203.0.113.1"), ip_address("2001:db8::1"))

Judge = Callable[[Snapshot, Flow], bool]
"""Whatever claims to know which flows go through: `meant`, a traced ruleset, a kernel."""


# Objects.


def _letter(name: str) -> int:
    if len(name) != 1 or not "a" <= name <= "z":
        raise ValueError(f"{name!r} is not one small letter, so it has no address in the table")
    return ord(name) - ord("a") + 1


def pod(
    name: str,
    *addresses: str,
    labels: Mapping[str, str] | None = None,
    node: str = "n1",
    ports: Iterable[ContainerPort] = (),
    host_network: bool = False,
    terminated: bool = False,
) -> Pod:
    """Make the pod ``namespace/name``, with addresses from the table unless some are given."""
    namespace, _, own_name = name.partition("/")
    if not addresses:
        x, a = _letter(namespace), _letter(own_name)
        addresses = (f"10.{x}.{a}.1", f"fd00::{x}:{a}")
    return Pod(
        namespace=namespace,
        name=own_name,
        labels=Labels({"pod": own_name, **(labels or {})}),
        node=node,
        addresses=tuple(map(ip_address, addresses)),
        host_network=host_network,
        ports=tuple(ports),
        terminated=terminated,
    )


def node(name: str, *addresses: str, labels: Mapping[str, str] | None = None) -> Node:
    """Make the node ``n<number>``, with addresses from the table unless some are given."""
    number = int(name.removeprefix("n"))
    return Node(
        name=name,
        labels=Labels({"node": name, **(labels or {})}),
        addresses=tuple(map(ip_address, addresses or (f"192.168.0.{number}", f"fd01::{number}"))),
    )


def host_pod(name: str, on: Node) -> Pod:
    """Make a host-network pod, which has the addresses of its node."""
    return pod(name, *map(str, on.addresses), node=on.name, host_network=True)


def serving(name: str, protocol: Protocol, number: int) -> ContainerPort:
    """Declare a named port."""
    return ContainerPort(name, protocol, number)


FOUR_PODS = ("x/a", "x/b", "y/a", "y/b")


def cluster(
    *policies: Policy,
    pods: Iterable[str | Pod] = FOUR_PODS,
    nodes: Iterable[Node] | None = None,
    namespaces: Mapping[str, Mapping[str, str]] | None = None,
    learned: Mapping[str, str] | None = None,
) -> Snapshot:
    """Make a cluster of the standard four pods and node n1, unless others are given, under `policies`.

    `namespaces` adds labels to namespaces; `learned` maps domain names to one address each.
    """
    made = [pod(item) if isinstance(item, str) else item for item in pods]
    extra = namespaces or {}
    return Snapshot.of(
        namespaces={
            name: Labels({NAMESPACE_NAME_LABEL: name, "ns": name, **extra.get(name, {})})
            for name in {item.namespace for item in made} | set(extra)
        },
        pods=made,
        nodes=[node("n1")] if nodes is None else list(nodes),
        policies=policies,
        learned={name: AddressSet.of(address) for name, address in (learned or {}).items()},
    )


# Selectors, peers, traffic.


def having(*requirements: Requirement, **labels: str) -> Selector:
    """Make a selector of equalities and other requirements."""
    return Selector.of(labels, *requirements)


def among(key: str, *values: str) -> Requirement:
    """Require one of these values."""
    return Requirement(key, Operator.IN, values)


def not_among(key: str, *values: str) -> Requirement:
    """Require none of these values; holds without the label."""
    return Requirement(key, Operator.NOT_IN, values)


def present(key: str) -> Requirement:
    """Require the label."""
    return Requirement(key, Operator.EXISTS)


def absent(key: str) -> Requirement:
    """Require that the label be absent."""
    return Requirement(key, Operator.DOES_NOT_EXIST)


def pods(where: str | Selector = EVERYTHING, which: Selector = EVERYTHING) -> PodSelection:
    """Select pods: of namespace x by ``"x"``, one by ``"x/a"``, all of a name by ``"*/a"``, or by two selectors."""
    if isinstance(where, Selector):
        return PodSelection(where, which)
    namespace, _, name = where.partition("/")
    return PodSelection(
        EVERYTHING if namespace == "*" else having(ns=namespace),
        having(pod=name) if name else which,
    )


def own(namespace: str, which: Selector = EVERYTHING) -> PodSelection:
    """Select pods as a NetworkPolicy selects them in its own namespace."""
    return PodSelection(NamespaceNamed(namespace), which)


def block(*networks: str, without: Iterable[str] = ()) -> AddressBlock:
    """Select addresses."""
    return AddressBlock(AddressSet.of(*networks) - AddressSet.of(*without))


def nodes_having(**labels: str) -> NodeSelection:
    """Select nodes."""
    return NodeSelection(having(**labels))


def domains(*patterns: str) -> DomainSelection:
    """Select learned addresses."""
    return DomainSelection(tuple(sorted(patterns)))


def tcp(first: int = 0, last: int | None = None) -> PortRange:
    """One TCP port, a range, or without arguments all of TCP."""
    return _ports(Protocol.TCP, first, last)


def udp(first: int = 0, last: int | None = None) -> PortRange:
    """One UDP port, a range, or without arguments all of UDP."""
    return _ports(Protocol.UDP, first, last)


def sctp(first: int = 0, last: int | None = None) -> PortRange:
    """One SCTP port, a range, or without arguments all of SCTP."""
    return _ports(Protocol.SCTP, first, last)


def _ports(protocol: Protocol, first: int, last: int | None) -> PortRange:
    if last is None:
        return PortRange(protocol) if first == 0 else PortRange(protocol, first, first)
    return PortRange(protocol, first, last)


def named(name: str, *protocols: Protocol) -> NamedPort:
    """Refer to a named port, of these protocols or of any."""
    return NamedPort(name, protocols) if protocols else NamedPort(name)


# Rules and policies. A rule gets its index from its place in the policy.


def rule(action: Action, *parts: Peer | Traffic, name: str = "", failed_closed: str = "") -> Rule:
    """Make a rule of peers and traffic in any order; without traffic it is about any, without peers about nobody."""
    traffic = tuple(part for part in parts if isinstance(part, AnyTraffic | PortRange | NamedPort))
    peers = tuple(part for part in parts if not isinstance(part, AnyTraffic | PortRange | NamedPort))
    return Rule(0, action, peers, traffic or (AnyTraffic(),), name, failed_closed)


def accept(*parts: Peer | Traffic, name: str = "") -> Rule:
    """Make an Accept rule."""
    return rule(Action.ACCEPT, *parts, name=name)


def deny(*parts: Peer | Traffic, name: str = "") -> Rule:
    """Make a Deny rule."""
    return rule(Action.DENY, *parts, name=name)


def leave(*parts: Peer | Traffic, name: str = "") -> Rule:
    """Make a Pass rule."""
    return rule(Action.PASS, *parts, name=name)


def _numbered(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(replace(item, index=index) for index, item in enumerate(rules))


def admin(
    name: str,
    subject: PodSelection,
    *,
    priority: int = 10,
    ingress: Iterable[Rule] = (),
    egress: Iterable[Rule] = (),
    kind: PolicyKind = PolicyKind.CLUSTER_NETWORK_POLICY,
) -> Policy:
    """Make a cluster policy of the Admin tier."""
    return Policy(kind, name, Tier.ADMIN, subject, "", priority, _numbered(ingress), _numbered(egress))


def baseline(
    name: str,
    subject: PodSelection,
    *,
    priority: int = 10,
    ingress: Iterable[Rule] = (),
    egress: Iterable[Rule] = (),
    kind: PolicyKind = PolicyKind.CLUSTER_NETWORK_POLICY,
) -> Policy:
    """Make a cluster policy of the Baseline tier."""
    return Policy(kind, name, Tier.BASELINE, subject, "", priority, _numbered(ingress), _numbered(egress))


def network_policy(
    name: str,
    which: Selector = EVERYTHING,
    *,
    ingress: Iterable[Rule] | None = None,
    egress: Iterable[Rule] | None = None,
) -> Policy:
    """Make the NetworkPolicy ``namespace/name``; it isolates the directions whose rules are given, even if none."""
    namespace, _, own_name = name.partition("/")
    given = {Direction.INGRESS: ingress, Direction.EGRESS: egress}
    return Policy(
        PolicyKind.NETWORK_POLICY,
        own_name,
        Tier.NETWORK_POLICY,
        own(namespace, which),
        namespace,
        ingress=_numbered(ingress or ()),
        egress=_numbered(egress or ()),
        isolates=frozenset(direction for direction, rules in given.items() if rules is not None),
    )


# Flows and pictures.


def addresses_of(snapshot: Snapshot, name: str) -> tuple[Address, ...]:
    """Return the addresses of ``namespace/pod``, of a node, of `OUTSIDE`, or the address that the name spells."""
    for item in snapshot.pods:
        if str(item) == name:
            return item.addresses
    for machine in snapshot.nodes:
        if machine.name == name:
            return machine.addresses
    return _OUTSIDE_ADDRESSES if name == OUTSIDE else (ip_address(name),)


def flow(
    snapshot: Snapshot,
    source: str,
    destination: str,
    traffic: PortRange | None = None,
    *,
    version: IpVersion = 4,
    hairpin: bool = False,
) -> Flow:
    """Make the flow between two names; `traffic` is one port, TCP 80 by default, of `OTHER` for ICMP and the like."""
    traffic = traffic or tcp(80)
    first, second = (
        next(address for address in addresses_of(snapshot, name) if address.version == version)
        for name in (source, destination)
    )
    return Flow(first, second, traffic.protocol, traffic.first, hairpin)


ICMP = PortRange(Protocol.OTHER)
"""Traffic without ports, for `flow` and `expect`."""


def meant(snapshot: Snapshot, question: Flow) -> bool:
    """Judge by what the APIs mean."""
    return decide(snapshot, question).accepted


def expect(snapshot: Snapshot, picture: str, traffic: PortRange | None = None, judge: Judge = meant) -> None:
    """Compare reachability with a picture: rows send, columns receive, ``.`` goes through, ``X`` does not.

    Names are those of `addresses_of`; ``-`` is not asked. Every address family that both ends have is tried, and
    the answer must be the same. A failure shows the picture that was found, and which tier or rule is behind
    each cell that differs.
    """
    traffic = traffic or tcp(80)
    columns, rows = _parse(picture)
    for version in VERSIONS:
        found: dict[str, list[str]] = {}
        wrong: list[str] = []
        for source, cells in rows.items():
            found[source] = []
            for destination, wanted in zip(columns, cells, strict=True):
                ends = (addresses_of(snapshot, source), addresses_of(snapshot, destination))
                if wanted == "-" or not all(any(a.version == version for a in addresses) for addresses in ends):
                    found[source].append(wanted)
                    continue
                question = flow(snapshot, source, destination, traffic, version=version)
                found[source].append("." if judge(snapshot, question) else "X")
                if found[source][-1] != wanted:
                    wrong.append(_explanation(snapshot, source, destination, question, wanted))
        assert not wrong, "\n".join(
            [f"IPv{version}, {traffic}: found", _draw(columns, found), "instead of", _draw(columns, rows), *wrong]
        )


def _parse(picture: str) -> tuple[list[str], dict[str, list[str]]]:
    lines = [line.split() for line in picture.splitlines() if line.strip()]
    columns, rows = lines[0], {cells[0]: cells[1:] for cells in lines[1:]}
    for name, cells in rows.items():
        if len(cells) != len(columns) or not set(cells) <= {".", "X", "-"}:
            raise ValueError(f"row {name!r} of the picture has not one of . X - for each column")
    return columns, rows


def _draw(columns: list[str], rows: Mapping[str, list[str]]) -> str:
    margin = max(map(len, rows))
    lines = [" ".join([" " * margin, *columns])]
    for name, cells in rows.items():
        aligned = (cell.center(len(column)) for column, cell in zip(columns, cells, strict=True))
        lines.append(" ".join([name.ljust(margin), *aligned]))
    return "\n".join(lines)


def _explanation(snapshot: Snapshot, source: str, destination: str, question: Flow, wanted: str) -> str:
    decision = decide(snapshot, question)
    meaning = "." if decision.accepted else "X"
    because = f"egress: {decision.egress.origin}; ingress: {decision.ingress.origin}"
    return f"{source} -> {destination} should be {wanted}; it means {meaning} ({because})"
