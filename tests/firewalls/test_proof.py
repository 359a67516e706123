"""The proof against packets, one by one: what `decide` says of pods, and what the first rule that matches says."""

import random
from ipaddress import IPv4Address

from hypothesis import event, given
from hypothesis import strategies as st

from anp.firewall.inventory.model import Entity, Inventory, Neighbours, Rewrite, Segment
from anp.firewall.model import EVERY_ADDRESS, Action, Condition, Firewall, Rule, RuleList
from anp.firewall.proof.model import Equality, Wanted
from anp.firewall.proof.prove import prove
from anp.firewall.services import EVERY_SERVICE, ICMP, TCP, UDP, Services
from compiler.addresses import AddressSet
from compiler.labels import NAMESPACE_NAME_LABEL, Labels, Selector
from compiler.model import (
    Action as Answer,
)
from compiler.model import (
    AddressBlock,
    AnyTraffic,
    Flow,
    Pod,
    PodSelection,
    Policy,
    PolicyKind,
    PortRange,
    Protocol,
    Snapshot,
    Tier,
)
from compiler.model import Rule as PolicyRule
from compiler.semantics import decide

OUTSIDE = (AddressSet.of("198.51.100.7/32"), AddressSet.of("192.0.2.0/30"), AddressSet.of("10.0.2.4/30"))
PODS = AddressSet.of("10.244.0.0/16")


def entity(name: str, cidr: str, segment: str) -> Entity:
    pods = PodSelection(Selector.of({NAMESPACE_NAME_LABEL: "shop"}), Selector.of({"app": name}))
    return Entity(name, AddressSet.of(cidr), pods, {}, segment)


WEB, APP, DATA = (
    entity("web", "10.0.1.0/30", ""),
    entity("app", "10.0.2.0/31", "two"),
    entity("data", "10.0.2.2/31", "two"),
)
ENTITIES = (WEB, APP, DATA)
PROTOCOLS = {TCP: Protocol.TCP, UDP: Protocol.UDP, ICMP: Protocol.OTHER}
PORTS = (79, 80, 81, 443, 8443)
PACKETS = 200

address_sets = st.one_of(
    st.just(EVERY_ADDRESS), st.sampled_from([*(e.addresses for e in ENTITIES), *OUTSIDE, AddressSet.of("10.0.0.0/8")])
)
services = st.sampled_from(
    [
        EVERY_SERVICE,
        Services.of((TCP, ((80, 80),))),
        Services.of((TCP, ((80, 443),)), (UDP, ((80, 80),))),
        Services.every_port(TCP),
        Services.every_port(ICMP),
        Services.every_port(TCP, ICMP),
    ]
)
conditions = st.sampled_from([(), (), (), (Condition("FW102", "time-range OFFICE"),)])
rules = st.builds(
    Rule, st.just(0), st.sampled_from(Action), address_sets, address_sets, services, conditions=conditions
)


@st.composite
def firewalls(draw):
    listed = [*draw(st.lists(rules, max_size=5)), Rule(0, draw(st.sampled_from(Action)))]
    numbered = tuple(
        Rule(number, r.action, r.sources, r.destinations, r.services, conditions=r.conditions)
        for number, r in enumerate(listed)
    )
    return Firewall("test", "test", "", (), (RuleList("list", numbered, frozenset({4})),))


simple = [
    PodSelection(),
    *(e.pods for e in ENTITIES),
    *map(AddressBlock, OUTSIDE),
    AddressBlock(AddressSet.of("0.0.0.0/0")),
]
splitting = [PodSelection(pods=Selector.of({"team": "red"})), AddressBlock(AddressSet.of("10.244.0.0/17"))]
traffic = st.sampled_from(
    [
        (AnyTraffic(),),
        (PortRange(Protocol.TCP, 80, 80),),
        (PortRange(Protocol.TCP, 1, 65535),),
        (PortRange(Protocol.UDP, 80, 443),),
        (PortRange(Protocol.TCP, 8443, 8443),),
    ]
)


@st.composite
def policies(draw, peers):
    found = []
    for number in range(draw(st.integers(0, 4))):

        def some(number=number):
            drawn = draw(st.lists(st.tuples(st.sampled_from(Answer), st.sampled_from(peers), traffic), max_size=3))
            return tuple(PolicyRule(i, a, (p,), t) for i, (a, p, t) in enumerate(drawn))

        subject = draw(st.sampled_from([PodSelection(), *(e.pods for e in ENTITIES)]))
        tier = draw(st.sampled_from([Tier.ADMIN, Tier.BASELINE]))
        found.append(
            Policy(
                PolicyKind.CLUSTER_NETWORK_POLICY,
                f"p{number}",
                tier,
                subject,
                priority=number,
                ingress=some(),
                egress=some(),
            )
        )
    return tuple(found)


inventories = st.builds(
    lambda neighbours, rewrites: Inventory(
        "map",
        "",
        ENTITIES,
        (Segment("two", AddressSet.of("10.0.2.0/29"), (), neighbours),),
        rewrites=rewrites,
        pod_addresses=PODS,
    ),
    st.sampled_from(Neighbours),
    st.sampled_from([(), (Rewrite("web", TCP, 443, 8443),)]),
)


class Slow:
    """The same question, packet by packet."""

    def __init__(self, firewall, inventory, policies):
        self.rules = firewall.lists[0].rules
        self.inventory = inventory
        self.pods = []
        for number, (name, team) in enumerate(
            (name, team) for name in ("web", "app", "data", "none") for team in ("red", "")
        ):
            for half in (0, 128):
                labels = Labels({"app": name} | ({"team": team} if team else {}))
                self.pods.append(
                    (
                        name,
                        Pod(
                            "shop",
                            f"{name}-{team}-{half}",
                            labels,
                            addresses=(IPv4Address(f"10.244.{half}.{number + 1}"),),
                        ),
                    )
                )
        self.snapshot = Snapshot.of(
            namespaces={"shop": Labels({NAMESPACE_NAME_LABEL: "shop"})},
            pods=[pod for _, pod in self.pods],
            policies=list(policies),
        )

    def ends(self):
        """(name or None for outside, firewall address, cluster address)"""
        for name, pod in self.pods:
            known = next((e for e in ENTITIES if e.name == name), None)
            firewall = IPv4Address(known.addresses.v4[0][0]) if known else None
            yield name, firewall, pod.addresses[0]
        for text in ("198.51.100.7", "192.0.2.1", "10.0.2.5", "10.9.9.9", "203.0.113.9"):
            yield None, IPv4Address(text), IPv4Address(text)

    def segment(self, name, address):
        return "two" if address and address in AddressSet.of("10.0.2.0/29") else ""

    def wanted(self, source, destination, protocol, port):
        (sender, from_, _), (receiver, to, _) = source, destination
        names = {sender, receiver}
        if names <= {None, "none"}:
            return Wanted.NOT_OURS
        if self.segment(*source[:2]) and self.segment(*source[:2]) == self.segment(*destination[:2]):
            if None not in names:
                return Wanted.UNFILTERED
            return {
                Neighbours.ALLOW: Wanted.UNFILTERED,
                Neighbours.DENY: Wanted.TIGHTENED,
                Neighbours.UNSTATED: Wanted.NEIGHBOUR,
            }[self.inventory.segments[0].neighbours]
        possible = set()
        for rule in self.rules:
            ports = dict(rule.services.by_protocol).get(protocol, ())
            if is_in(from_, rule.sources) and is_in(to, rule.destinations) and any(a <= port <= b for a, b in ports):
                possible.add(rule.action)
                if not rule.conditions:
                    break
        if len(possible) == 2:
            return Wanted.EITHER
        return Wanted.PERMIT if possible == {Action.PERMIT} else Wanted.DENY

    def got(self, source, destination, protocol, port):
        if destination[0] == "web" and protocol == TCP:
            port = {r.port: r.container_port for r in self.inventory.rewrites}.get(port, port)
        flow = Flow(
            source[2], destination[2], PROTOCOLS[protocol], port if PROTOCOLS[protocol] is not Protocol.OTHER else 0
        )
        return decide(self.snapshot, flow).accepted

    def packets(self, seed):
        """Some of all packets: `decide` is slow."""
        ends = list(self.ends())
        pairs = [(source, destination) for source in ends for destination in ends if source[2] != destination[2]]
        kinds = [(protocol, port) for protocol in (TCP, UDP, ICMP) for port in (PORTS if protocol != ICMP else (0,))]
        found = [(*pair, *kind) for pair in pairs for kind in kinds]
        return random.Random(seed).sample(found, PACKETS)


def fits(party, end):
    name, firewall, _ = end
    if name == "none":
        return party.other_pods
    if name is None:
        return firewall in party.outside
    return any(name == written.partition(" ")[0] for written in party.entities)


def about(gap, source, destination, protocol, port):
    ports = gap.services.ports(protocol)
    return fits(gap.sources, source) and fits(gap.destinations, destination) and any(a <= port <= b for a, b in ports)


@given(firewalls(), inventories, policies(simple), st.integers(0, 1 << 16))
def test_what_differs_is_found_and_nothing_else(firewall, inventory, policies, seed):
    proof = prove(firewall, inventory, policies)
    slow = Slow(firewall, inventory, policies)
    event(proof.equality.value)
    gaps = [gap for gap in proof.gaps if gap.wanted is not Wanted.NO_WAY_IN]
    for packet in slow.packets(seed):
        wanted, got = slow.wanted(*packet), slow.got(*packet)
        here = [gap for gap in gaps if about(gap, *packet)]
        if not differs(wanted, got):
            assert not here
            continue
        (gap,) = here
        assert (gap.wanted, gap.permitted) == (wanted, got)
        if wanted in {Wanted.PERMIT, Wanted.DENY}:
            (source, destination, protocol, port) = packet
            assert deciding(slow.rules, source[1], destination[1], protocol, port) == gap.statement
    explained = all(gap.explained for gap in proof.gaps)
    assert proof.equality is (
        Equality.EQUAL if not proof.gaps else Equality.EXPLAINED if explained else Equality.DIFFERENT
    )


@given(firewalls(), inventories, policies([*simple, *splitting]), st.integers(0, 1 << 16))
def test_pods_that_policies_tell_apart_are_told_apart(firewall, inventory, policies, seed):
    proof = prove(firewall, inventory, policies)
    slow = Slow(firewall, inventory, policies)
    found = {packet for packet in slow.packets(seed) if differs(slow.wanted(*packet), slow.got(*packet))}
    gaps = [gap for gap in proof.gaps if gap.wanted is not Wanted.NO_WAY_IN]
    event(f"{bool(found)}")
    for packet in found:
        assert any(about(gap, *packet) and gap.permitted == slow.got(*packet) for gap in gaps)


def differs(wanted, got):
    match wanted:
        case Wanted.NOT_OURS:
            return False
        case Wanted.EITHER:
            return True
        case Wanted.TIGHTENED:
            return not got
        case _:
            return wanted.goes_through != got


def is_in(address, addresses):
    """Whether a rule is about an address; about a pod that is not mapped, only if it is about any address."""
    return addresses == EVERY_ADDRESS if address is None else address in addresses


def deciding(rules, source, destination, protocol, port):
    return next(
        rule.statement
        for rule in rules
        if is_in(source, rule.sources)
        and is_in(destination, rule.destinations)
        and any(a <= port <= b for a, b in rule.services.ports(protocol))
    )
