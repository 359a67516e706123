"""Decision diagrams: a firewall's list against its levels shuffled, clusters against edited ones. See make bench."""

import dataclasses
import random
from ipaddress import IPv4Address, IPv6Address

import pytest

from compiler.addresses import AddressSet
from compiler.compilation import compile_cluster
from compiler.diagram.comparison import differences, same_meaning
from compiler.diagram.lists import from_rules
from compiler.diagram.queries import witness
from compiler.diagram.space import Box, Field, Space
from compiler.labels import EVERYTHING, NAMESPACE_NAME_LABEL, Labels, Selector
from compiler.model import (
    Action,
    AddressBlock,
    AnyTraffic,
    Direction,
    NamespaceNamed,
    Node,
    Pod,
    PodSelection,
    Policy,
    PolicyKind,
    PortRange,
    Protocol,
    Rule,
    Snapshot,
    Tier,
)

RULES = 3_500
FIELDS = (
    Field("source", 2**32 - 1),
    Field("destination", 2**32 - 1),
    Field("port", 65535, (80, 443)),
    Field("protocol", 255, (6,)),
    Field("source_port", 65535),
)
PORTS = (22, 25, 53, 80, 110, 123, 143, 389, 443, 445, 993, 1433, 3306, 3389, 5432, 8080, 8443, 9100)


def network(chance: random.Random, base: int, longest: int) -> tuple[tuple[int, int], ...]:
    """A prefix inside 10.0.0.0/8 or so: most often a host or a small network, and those nested in larger ones."""
    length = min(longest, chance.choices((32, 28, 24, 22, 16, 12), (40, 10, 30, 8, 10, 2))[0])
    site, subnet, host = chance.randrange(8), chance.randrange(40), chance.randrange(60)
    number = base | site << 16 | subnet << 8 | host
    first = number >> 32 - length << 32 - length
    return ((first, first + 2 ** (32 - length) - 1),)


def firewall(rules: int = RULES, seed: int = 1) -> list[tuple[Box, bool]]:
    """A first-match list as campuses have them: many hosts and few wildcards, services by port, denials in between."""
    chance = random.Random(seed)
    space = Space(FIELDS)
    made = []
    for _ in range(rules):
        numbers = {}
        if chance.random() > 0.02:
            numbers["source"] = network(chance, 10 << 24, 32)
        if chance.random() > 0.05:
            numbers["destination"] = network(chance, 172 << 24, 32)
        if "source" not in numbers and "destination" not in numbers:
            continue
        kind = chance.random()
        if kind < 0.75:
            port = chance.choice(PORTS)
            numbers["protocol"] = ((6, 6),) if chance.random() < 0.8 else ((17, 17),)
            numbers["port"] = ((port, port),)
        elif kind < 0.85:
            first = chance.choice((1024, 5900, 6000, 49152))
            numbers["protocol"] = ((6, 6),)
            numbers["port"] = ((first, min(65535, first + chance.choice((9, 99, 16383)))),)
        elif kind < 0.88:
            numbers["protocol"] = ((6, 6),)
            numbers["source_port"] = ((1024, 65535),)
        elif kind < 0.92:
            numbers["protocol"] = ((1, 1),)
        made.append((space.box(**numbers), chance.random() < 0.7))
    return made


def meet(left: Box, right: Box) -> bool:
    return all(a[0][0] <= b[0][1] and b[0][0] <= a[0][1] for a, b in zip(left, right, strict=True))


def shuffled(rules: list[tuple[Box, bool]], seed: int = 2) -> list[tuple[Box, bool]]:
    """The same list in another order that means the same: by levels of conflict, at random within each."""
    chance = random.Random(seed)
    levels: list[int] = []
    by_verdict: dict[bool, list[tuple[Box, int]]] = {True: [], False: []}
    for box, verdict in rules:
        levels.append(1 + max((level for other, level in by_verdict[not verdict] if meet(other, box)), default=0))
        by_verdict[verdict].append((box, levels[-1]))
    order = sorted(range(len(rules)), key=lambda number: (levels[number], chance.random()))
    return [rules[number] for number in order]


@pytest.fixture(scope="module")
def rules() -> list[tuple[Box, bool]]:
    return firewall()


def test_a_list_becomes_a_diagram(benchmark, rules):
    node = benchmark.pedantic(lambda: from_rules(Space(FIELDS), rules, default=False), rounds=3)
    assert node.level == 0


@pytest.mark.parametrize("flipped", [False, True])
def test_a_list_is_compared_with_its_levels_shuffled(benchmark, rules, flipped):
    others = shuffled(rules)
    if flipped:
        box, verdict = others[0]
        others[0] = (box, not verdict)

    def compared():
        space = Space(FIELDS)
        return witness(space, from_rules(space, rules, default=False), from_rules(space, others, default=False))

    assert (benchmark.pedantic(compared, rounds=3) is not None) == flipped


# Clusters.

PODS, NAMESPACES, NODES = 5_000, 200, 100
APPS = ("web", "api", "worker", "cache", "db")
LISTENS = {"web": 8080, "api": 9000, "worker": 9100, "cache": 6379, "db": 5432}


def app(name: str) -> Selector:
    return Selector.of({"app": name})


def tenant(namespace: str, number: int) -> list[Policy]:
    """A namespace as tenants write them: closed, its apps open to one another as they need it, one way out."""
    own = NamespaceNamed(namespace)

    def policy(name, which, ingress=(), egress=(), *, isolates=Direction.INGRESS):
        return Policy(
            PolicyKind.NETWORK_POLICY,
            name,
            Tier.NETWORK_POLICY,
            PodSelection(own, which),
            namespace,
            ingress=tuple(dataclasses.replace(rule, index=index) for index, rule in enumerate(ingress)),
            egress=tuple(dataclasses.replace(rule, index=index) for index, rule in enumerate(egress)),
            isolates=frozenset({isolates}),
        )

    def accept(*peers, port=None):
        traffic = (AnyTraffic(),) if port is None else (PortRange(Protocol.TCP, port, port),)
        return Rule(0, Action.ACCEPT, peers, traffic)

    friend = Selector.of({NAMESPACE_NAME_LABEL: f"ns-{(number * 7 + 1) % NAMESPACES}"})
    outside = AddressBlock(AddressSet.of(f"198.51.{number % 100}.0/24", f"2001:db8:{number:x}::/48"))
    return [
        policy("closed", EVERYTHING),
        policy("web", app("web"), [accept(PodSelection(Selector.of({"kind": "edge"})), port=8080)]),
        policy(
            "api", app("api"), [accept(PodSelection(own, app("web")), PodSelection(friend, app("worker")), port=9000)]
        ),
        policy("db", app("db"), [accept(PodSelection(own, app("api")), PodSelection(own, app("worker")), port=5432)]),
        policy(
            "out", app("worker"), (), [accept(PodSelection(own)), accept(outside, port=443)], isolates=Direction.EGRESS
        ),
    ]


def big_cluster(policies: int = 1_000) -> Snapshot:
    namespaces = {
        f"ns-{n}": Labels({NAMESPACE_NAME_LABEL: f"ns-{n}", "kind": "edge" if n % 20 == 0 else "tenant"})
        for n in range(NAMESPACES)
    }
    pods = [
        Pod(
            f"ns-{n % NAMESPACES}",
            f"pod-{n}",
            Labels({"app": APPS[n // NAMESPACES % len(APPS)]}),
            f"node-{n % NODES}",
            (IPv4Address((10 << 24) + 10 + n), IPv6Address((0xFD << 120) + 10 + n)),
        )
        for n in range(PODS)
    ]
    nodes = [
        Node(f"node-{n}", addresses=(IPv4Address((172 << 24) + n), IPv6Address((0xFC << 120) + n)))
        for n in range(NODES)
    ]
    admins = [
        Policy(
            PolicyKind.CLUSTER_NETWORK_POLICY,
            f"admin-{n}",
            Tier.ADMIN,
            PodSelection(Selector.of({"kind": "tenant"}) if n % 2 else EVERYTHING),
            priority=n,
            ingress=(
                Rule(0, Action.DENY, (PodSelection(pods=app("cache")),), (PortRange(Protocol.TCP, 20 + n, 20 + n),)),
            ),
            egress=(
                Rule(
                    0,
                    Action.DENY,
                    (AddressBlock(AddressSet.of(f"169.254.{n}.0/24")),),
                ),
            ),
        )
        for n in range(20)
    ]
    tenants = [policy for n in range(NAMESPACES) for policy in tenant(f"ns-{n}", n)]
    return Snapshot.of(namespaces=namespaces, pods=pods, nodes=nodes, policies=[*admins, *tenants][:policies])


@pytest.fixture(scope="module")
def big() -> Snapshot:
    return big_cluster()


def edited(snapshot: Snapshot, change: str) -> Snapshot:
    """What somebody does to the cluster."""
    policies = list(snapshot.policies)
    match change:
        case "nothing":
            pass
        case "a tenant's rule":
            at = next(n for n, policy in enumerate(policies) if policy.label == "ns-7/db")
            policies[at] = dataclasses.replace(policies[at], ingress=())
        case "an administrator's rule":
            policies[0] = dataclasses.replace(policies[0], ingress=(), egress=())
        case "every policy":
            policies = []
    return dataclasses.replace(snapshot, policies=tuple(policies))


@pytest.mark.parametrize("change", ["nothing", "a tenant's rule", "an administrator's rule", "every policy"])
def test_two_clusters_are_compared(benchmark, big, change):
    new = edited(big, change)
    found = benchmark.pedantic(
        differences, setup=lambda: ((compile_cluster(big), compile_cluster(new)), {}), rounds=1, iterations=1
    )
    assert bool(found) == (change != "nothing") == (not same_meaning(compile_cluster(big), compile_cluster(new)))
