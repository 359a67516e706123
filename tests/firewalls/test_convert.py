"""Written policies mean what the firewall means, packet by packet: first match by hand against the engine's meaning."""

import random
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from hypothesis import event, given, settings
from hypothesis import strategies as st

from anp.firewall.convert.model import Closure, Settings, Tail, Target, Translation
from anp.firewall.convert.translation import translate
from anp.firewall.convert.writing import render
from anp.firewall.inventory.model import Entity, Inventory, Neighbours
from anp.firewall.model import EVERY_ADDRESS, Action, RuleList
from anp.firewall.services import GRE, ICMP, SCTP, TCP, UDP, WITH_PORTS
from anp.sources.diagnostics import has_errors
from anp.sources.manifests import parse
from anp.state.assembly import assemble
from compiler.addresses import Address, address_of
from compiler.labels import NAMESPACE_NAME_LABEL, Labels
from compiler.model import Flow, Pod, Policy, Protocol, Snapshot
from compiler.semantics import decide
from tests.firewalls.oracle import Packet, evaluate, least, most
from tests.firewalls.worlds import (
    OUTSIDE,
    POD_ADDRESSES,
    PORTS,
    World,
    deny,
    entity,
    firewall_of,
    inventory_of,
    permit,
    tcp,
    worlds,
)

FEWER = settings(max_examples=settings().max_examples // 4 + 1)
"""For what takes long for each case."""

End: TypeAlias = Entity | Address

PROTOCOLS = {TCP: Protocol.TCP, UDP: Protocol.UDP, SCTP: Protocol.SCTP}
FLOWS = 80
"""So many packets of each world are decided one by one, of the thousands that differ."""


def policies_of(translation: Translation) -> tuple[Policy, ...]:
    """Return what the written files say, read as anybody would read them."""
    found: list[Policy] = []
    for name, text in render(translation).items():
        manifests = parse(text, name)
        assert manifests.diagnostics == ()
        assembly = assemble(manifests.objects, advise=False)
        assert not has_errors(assembly.diagnostics)
        assert not any(
            rule.failed_closed for policy in assembly.snapshot.policies for rule in policy.ingress + policy.egress
        )
        found += assembly.snapshot.policies
    return tuple(found)


class Cluster:
    """One pod for each entity, and one that nobody mapped, under the policies of a translation."""

    def __init__(self, inventory: Inventory, policies: tuple[Policy, ...]) -> None:
        pods = [
            Pod(
                (one.selector["namespaceSelector"]["matchLabels"])[NAMESPACE_NAME_LABEL],
                one.name,
                Labels({"app": one.name}),
                addresses=(IPv4Address(f"10.99.128.{number + 1}"), IPv6Address(f"fd00:244::{number + 1:x}")),
            )
            for number, one in enumerate(inventory.entities)
        ]
        self.stray = Pod(
            "ns0",
            "stray",
            Labels({"app": "stray"}),
            addresses=(IPv4Address("10.99.128.200"), IPv6Address("fd00:244::200")),
        )
        self.pods = {pod.name: pod for pod in pods}
        self.snapshot = Snapshot.of(
            namespaces={name: Labels({NAMESPACE_NAME_LABEL: name}) for name in ("ns0", "ns1")},
            pods=[*pods, self.stray],
            policies=policies,
        )

    def accepts(self, source: End, destination: End, protocol: int, port: int) -> bool:
        version = next((one.version for one in (source, destination) if not isinstance(one, Entity)), 4)
        ends = [
            self.pods[one.name].addresses[0 if version == 4 else 1] if isinstance(one, Entity) else one
            for one in (source, destination)
        ]
        kind = PROTOCOLS.get(protocol, Protocol.OTHER)
        return decide(self.snapshot, Flow(*ends, kind, port if protocol in WITH_PORTS else 0)).accepted


def address_by_firewall(end: End, version: int) -> Address:
    return address_of(version, end.addresses.ranges(version)[0][0]) if isinstance(end, Entity) else end


def segment_name(inventory: Inventory, end: End) -> str:
    if isinstance(end, Entity):
        return end.segment
    return next((segment.name for segment in inventory.segments if end in segment.addresses), "")


def wanted(world: World, closure: Closure, ends: tuple[End, End], protocol: int, port: int) -> bool:
    """Say what is to become of a packet, whose port is the firewall's."""
    inventory = world.inventory
    source, destination = ends
    homes = segment_name(inventory, source), segment_name(inventory, destination)
    if homes[0] and homes[0] == homes[1]:
        mapped = isinstance(source, Entity) and isinstance(destination, Entity)
        if mapped or inventory.segment(homes[0]).neighbours is Neighbours.ALLOW:
            return True
    version = next((one.version for one in (source, destination) if not isinstance(one, Entity)), 4)
    way = tuple(f"if-{home or 'outside'}" for home in homes)
    packet = Packet(
        address_by_firewall(source, version), address_by_firewall(destination, version), protocol, port, *way
    )
    truth = least if closure is Closure.STRICT else most
    return evaluate(world.firewall, packet, truth).action is not Action.DENY


def firewall_ports(inventory: Inventory, destination: End, protocol: int, port: int) -> list[int]:
    """Return the firewall's ports that lead to a container's; a Service's take precedence over its own number."""
    moved = [
        (one.port, one.container_port)
        for one in inventory.rewrites
        if isinstance(destination, Entity) and one.entity == destination.name and one.protocol == protocol
    ]
    through = [came for came, to in moved if to == port]
    return through or ([] if port in dict(moved) else [port])


def ends_of(world: World) -> list[End]:
    """Return every entity, and addresses at the edges of everything that is spoken of."""
    inventory = world.inventory
    sets = [*OUTSIDE, *(segment.addresses for segment in inventory.segments)]
    found = {
        address_of(version, number)
        for version in {version for one in world.firewall.lists for version in one.versions}
        for addresses in sets
        for first, last in addresses.ranges(version)
        for number in (first, last, last + 1)
    }
    taken = inventory.mapped | POD_ADDRESSES
    return [
        *inventory.entities,
        *sorted((one for one in found if one not in taken), key=lambda one: (one.version, one)),
    ]


def packets_of(world: World, count: int) -> Iterator[tuple[End, End, int, int]]:
    """Yield packets with a workload at one end, at and beside every port that is spoken of."""
    ends = ends_of(world)
    rules = [rule for rule_list in world.firewall.lists for rule in rule_list.rules]
    edges = {
        number
        for rule in rules
        for protocol, ranges in rule.services.by_protocol
        if protocol in WITH_PORTS
        for first, last in ranges
        for number in (first, last, last + 1)
    } | set(PORTS)
    ports = sorted(port for port in edges if 1 <= port <= 65535)
    chosen = random.Random(0)
    for _packet in range(count):
        one, other = chosen.choice(world.inventory.entities), chosen.choice(ends)
        if isinstance(other, Entity) and other is one:
            continue
        if not isinstance(other, Entity) and not one.addresses.ranges(other.version):
            continue
        protocol = chosen.choice((TCP, TCP, TCP, UDP, SCTP, ICMP, GRE, 99))
        source, destination = (one, other) if chosen.random() < 0.5 else (other, one)
        yield source, destination, protocol, chosen.choice(ports) if protocol in WITH_PORTS else 0


def check(world: World, settings: Settings, count: int = FLOWS) -> Translation:
    """Compare packet by packet; return the translation."""
    translation = translate(world.firewall, world.inventory, settings)
    assert not has_errors(translation.diagnostics), translation.diagnostics
    cluster = Cluster(world.inventory, policies_of(translation))
    partial = any(reason.code in {"FW101", "FW103"} for found in translation.dispositions for reason in found.reasons)
    for source, destination, protocol, port in packets_of(world, count):
        known = firewall_ports(world.inventory, destination, protocol, port)
        verdicts = {wanted(world, settings.closure, (source, destination), protocol, came) for came in known}
        if len(verdicts) != 1:
            # No port of the firewall leads there, or several that it tells apart.
            continue
        got, meant = cluster.accepts(source, destination, protocol, port), verdicts.pop()
        names = [getattr(end, "name", end) for end in (source, destination)]
        where = f"{names} {protocol}/{port} is {got}\n{world!r}"
        if protocol in WITH_PORTS or not partial:
            assert got == meant, where
        elif settings.closure is Closure.STRICT:
            assert meant or not got, where
    assert [found.statement for found in translation.dispositions] == list(range(len(world.firewall.statements)))
    return translation


every_settings = st.builds(
    Settings,
    closure=st.sampled_from(Closure),
    tail=st.sampled_from(Tail),
    unique_priorities=st.booleans(),
)


@given(world=worlds(), settings=every_settings)
def test_written_policies_mean_what_the_firewall_means(world: World, settings: Settings) -> None:
    translation = check(world, settings)
    for found in translation.dispositions:
        event(found.fate)


@given(world=worlds(partial=False, conditions=False, v6=True), settings=every_settings)
def test_both_families(world: World, settings: Settings) -> None:
    check(world, settings)


@given(world=worlds(most=5))
def test_admin_network_policies_mean_the_same(world: World) -> None:
    check(world, Settings(target=Target.ANP, profile="anp"))


# What is about no meaning leaves it alone.


def same(world: World, other: World, settings: Settings) -> None:
    """Compare what two translations make of the first world's packets."""
    one, two = (translate(each.firewall, each.inventory, settings) for each in (world, other))
    before, after = (Cluster(world.inventory, policies_of(each)) for each in (one, two))
    for packet in packets_of(world, FLOWS):
        assert before.accepts(*packet) == after.accepts(*packet), f"{packet}\n{world!r}\n{other!r}"


def with_rules(world: World, place: int, *rules) -> World:
    """Put rules in the place of one of the first list's; all statements are numbered anew."""
    first, *others = world.firewall.lists
    found = (*first.rules[:place], *rules, *first.rules[place + 1 :])
    return World(firewall_of(replace(first, rules=found), *others), world.inventory)


@given(world=worlds(least=1), data=st.data())
@FEWER
def test_a_rule_that_never_matches_changes_nothing(world: World, data) -> None:
    rules = world.firewall.lists[0].rules
    place = data.draw(st.integers(0, len(rules) - 2))
    dead = replace(rules[place], action=data.draw(st.sampled_from(Action)), conditions=())
    if rules[place].conditions:
        return
    same(world, with_rules(world, place, rules[place], dead), Settings())


@given(world=worlds(least=1), data=st.data())
def test_networks_in_two_rules_are_as_good_as_in_one(world: World, data) -> None:
    rules = world.firewall.lists[0].rules
    place = data.draw(st.integers(0, len(rules) - 2))
    rule, part = rules[place], data.draw(st.sampled_from(OUTSIDE))
    left = rule.destinations - part
    # A rule about any address is also about pods that nobody mapped, and its halves are not.
    if rule.destinations.v4 == EVERY_ADDRESS.v4 or not left or left == rule.destinations:
        return
    halves = (replace(rule, destinations=left), replace(rule, destinations=rule.destinations - left))
    same(world, with_rules(world, place, *halves), Settings())


@given(world=worlds(least=1))
@FEWER
def test_what_things_are_called_is_of_no_importance(world: World) -> None:
    inventory = world.inventory
    called = tuple(replace(one, name=f"the-{one.name}") for one in inventory.entities)
    rewrites = tuple(replace(one, entity=f"the-{one.entity}") for one in inventory.rewrites)
    other = World(world.firewall, replace(inventory, entities=called, rewrites=rewrites))
    one, two = (translate(each.firewall, each.inventory, Settings()) for each in (world, other))
    before, after = (Cluster(inventory, policies_of(each)) for each in (one, two))
    assert [found.fate for found in one.dispositions] == [found.fate for found in two.dispositions]
    for source, destination, protocol, port in packets_of(world, FLOWS):
        assert before.accepts(source, destination, protocol, port) == after.accepts(source, destination, protocol, port)


# Many rules.


def crowd(seed: int, count: int) -> World:
    """Make so many rules about one entity that they cannot be in one object; of a seed, for they are long to print."""
    entities = tuple(entity(number) for number in range(6))
    chosen = random.Random(seed)
    peers = [*(one.addresses for one in entities[1:]), *OUTSIDE[:6], EVERY_ADDRESS]
    rules = []
    for _rule in range(count):
        end = chosen.choice(peers)
        ports = tcp(*(chosen.randrange(1, 60) for _port in range(chosen.choice((1, 2, 4)))))
        ends = (entities[0].addresses, end) if chosen.random() < 0.6 else (end, entities[0].addresses)
        rules.append((permit if chosen.random() < 0.6 else deny)(*ends, ports))
    return World(firewall_of(RuleList("main", (*rules, deny()), frozenset({4}))), inventory_of(*entities))


SEEDS, COUNTS = st.integers(0, 1 << 32), st.integers(30, 120)


@given(seed=SEEDS, count=COUNTS, settings=every_settings)
@FEWER
def test_many_rules_mean_the_same_in_several_objects(seed: int, count: int, settings: Settings) -> None:
    translation = check(crowd(seed, count), settings, count=40)
    specs = [one.document["spec"] for one in translation.objects if "fw-e0" in one.name]
    priorities = [one["priority"] for one in specs if one.get("tier") == "Admin"]
    event(f"{len(priorities)} objects, {len(set(priorities))} priorities")
    assert all(len(one.get(key, ())) <= 25 for one in specs for key in ("ingress", "egress") if "tier" in one)
    assert not settings.unique_priorities or len(set(priorities)) == len(priorities)


@given(seed=SEEDS, count=COUNTS)
@FEWER
def test_objects_of_one_priority_may_come_in_any_order(seed: int, count: int) -> None:
    world = crowd(seed, count)
    policies = policies_of(translate(world.firewall, world.inventory, Settings(profile="ovn-k", spacing=1)))
    # Ties go by name, so other names are another order.
    backwards = tuple(replace(one, name=f"{len(policies) - place:03}") for place, one in enumerate(policies))
    before, after = Cluster(world.inventory, policies), Cluster(world.inventory, backwards)
    for source, destination, protocol, port in packets_of(world, 40):
        assert before.accepts(source, destination, protocol, port) == after.accepts(source, destination, protocol, port)
