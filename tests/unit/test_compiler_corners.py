"""Corners of the compiler, each in a cluster made for it: everything that it could tell apart is tried."""

import os
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from ipaddress import ip_address
from itertools import product
from pathlib import Path

import pytest

from compiler import semantics
from compiler.addresses import AddressSet
from compiler.classes import WIDE, Universe
from compiler.compilation import compile_cluster
from compiler.decision import Matched, Mismatch, PassedOver
from compiler.labels import EVERYTHING, NAMESPACE_NAME_LABEL, Labels
from compiler.lower import LINEAR_PORTS, lower
from compiler.model import Anyone, Direction, NamespaceNamed, Pod, PodSelection, PolicyKind, Protocol, Snapshot, Tier
from compiler.names import FORWARD_CHAIN, classify_chain, net_map
from compiler.precedence import Precedence
from compiler.ruleset import (
    MARK_BITS,
    Chain,
    Count,
    Drop,
    Foreign,
    Goto,
    Hook,
    Jump,
    KeyType,
    MarkLookup,
    MarkMatch,
    PortLookup,
    PortMatch,
    Return,
    Ruleset,
    SetMark,
    Side,
)
from compiler.selection import SelectionIndex
from compiler.semantics import decide
from compiler.syntax import is_name, script
from compiler.trace import Packet, UntraceableError, crossings, trace
from tests.builders import (
    absent,
    accept,
    admin,
    among,
    baseline,
    block,
    cluster,
    deny,
    domains,
    flow,
    having,
    leave,
    named,
    network_policy,
    node,
    nodes_having,
    not_among,
    pod,
    pods,
    present,
    sctp,
    serving,
    tcp,
    udp,
)
from tests.strategies import probes

NAMESPACES = {"x": {"team": "red"}, "y": {"team": "blue", "env": "prod"}, "z": {}}

_COMPILE = """
import sys
from bench.clusters import cluster
from compiler.compilation import compile_cluster
from compiler.lower import lower
from compiler.ruleset import Ruleset
from compiler.syntax import script
from enforcer.plan import plan
ruleset = lower(compile_cluster(cluster(50, 20, 10)), "node-0")
sys.stdout.write(script(ruleset) + plan(Ruleset(), ruleset).script + plan(ruleset, Ruleset()).script)
"""

EVERYBODY = pods()
WEB = serving("web", Protocol.TCP, 80)


def agree(snapshot: Snapshot) -> None:
    """Hold the programs and the traced rulesets against the meaning, for every kind of flow there is."""
    compilation = compile_cluster(snapshot)
    rulesets = {machine.name: lower(compilation, machine.name) for machine in snapshot.nodes}
    tried = 0
    for question in probes(snapshot):
        decision = decide(snapshot, question)
        for judgement in (decision.egress, decision.ingress):
            if judgement.exemption is None:
                outcome = compilation.outcome(judgement.pod, judgement.direction, question)
                found = (outcome.accept, outcome.origin) if outcome else (True, judgement.origin)
                assert found == (judgement.accepted, judgement.origin), question
                tried += 1
        ways = [trace(rulesets[name], Packet.of(question, hook)) for name, hook in crossings(snapshot, question)]
        assert all(way.accepted for way in ways) == decision.accepted, question
    assert tried


# Port names (semantics notes, 2.7).


def test_to_networks_nodes_and_domains_of_cluster_policies_a_port_name_means_nothing():
    web = pod("x/a", ports=[WEB])
    for peer in (block("10.0.0.0/8", "fd00::/8"), domains("web.example.com")):
        policy = admin("p", pods("y"), egress=[deny(peer, named("web")), deny(EVERYBODY, tcp(81))])
        snapshot = cluster(policy, pods=[web, "y/a"], learned={"web.example.com": "10.24.1.1"})
        egress = decide(snapshot, flow(snapshot, "y/a", "x/a")).egress

        assert egress.accepted
        assert egress.steps[0].policies[0].rules[0] == PassedOver(policy.egress[0], Mismatch.TRAFFIC)
        agree(snapshot)


def test_beside_networks_a_port_name_still_works_for_pods_and_numbers_for_both():
    web, other = pod("x/a", ports=[WEB]), pod("x/b", ports=[WEB])
    everywhere = block("0.0.0.0/0", "::/0")
    policy = admin("p", pods("y"), egress=[deny(everywhere, pods("x/a"), named("web"), tcp(443))])
    snapshot = cluster(policy, pods=[web, other, "y/a"])

    def judged(to: str, port: int):
        return decide(snapshot, flow(snapshot, "y/a", to, tcp(port))).egress

    assert [judged("x/a", port).accepted for port in (80, 443)] == [False, False]
    assert [judged("x/b", port).accepted for port in (80, 443)] == [True, False]
    assert judged("outside", 80).accepted
    assert judged("x/a", 80).steps[0].policies[0].rules == (Matched(policy.egress[0], pods("x/a"), named("web")),)
    assert judged("x/a", 443).steps[0].policies[0].rules == (Matched(policy.egress[0], everywhere, tcp(443)),)
    agree(snapshot)


def test_precedence_knows_where_a_port_name_means_nothing():
    web = pod("x/a", ports=[WEB])
    rules = [deny(block("10.0.0.0/8"), named("web")), accept(block("10.24.1.1"), tcp(80))]
    found = Precedence.of(cluster(admin("p", pods("y"), egress=rules), pods=[web, "y/a"]), Tier.ADMIN, Direction.EGRESS)

    assert [ranked.rank for ranked in found.idle] == [0]
    assert not found.graph.edges

    policy = network_policy("y/p", egress=[accept(block("10.0.0.0/8"), named("web"))])
    assert not Precedence.of(cluster(policy, pods=[web, "y/a"]), Tier.NETWORK_POLICY, Direction.EGRESS).idle


def test_a_port_name_is_the_subjects_own_on_ingress_whoever_comes():
    # No API version lets a cluster policy say this today; the model does.
    web = pod("x/a", ports=[WEB])
    snapshot = cluster(admin("p", pods("x"), ingress=[deny(block("10.0.0.0/8"), named("web"))]), pods=[web, "y/a"])

    assert not decide(snapshot, flow(snapshot, "y/a", "x/a")).accepted
    agree(snapshot)


def test_an_ip_block_of_a_network_policy_takes_port_names_of_pods():
    web = pod("x/a", ports=[WEB])
    ways = {"egress": "y/p", "ingress": "x/p"}
    for direction, name in ways.items():
        policy = network_policy(name, **{direction: [accept(block("10.0.0.0/8", "fd00::/8"), named("web"))]})
        snapshot = cluster(policy, pods=[web, "y/a"])

        assert decide(snapshot, flow(snapshot, "y/a", "x/a")).accepted
        assert not decide(snapshot, flow(snapshot, "y/a", "x/a", tcp(81))).accepted
        agree(snapshot)


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_a_port_name_for_one_protocol_leaves_the_others_alone(direction):
    both = pod("x/a", ports=[serving("dns", Protocol.TCP, 53), serving("dns", Protocol.UDP, 53)])
    policy = network_policy("x/p", **{direction: [accept(Anyone(), named("dns", Protocol.UDP))]})
    agree(cluster(policy, pods=[both, pod("x/b", ports=[serving("dns", Protocol.TCP, 53)]), "y/a"]))


def test_pods_that_differ_in_declared_ports_only_are_told_apart():
    alike = [
        pod(name, labels={"app": "web"}, ports=ports) for name, ports in zip(("x/a", "x/b"), ([WEB], []), strict=True)
    ]
    alike = [pod(f"x/{p.name}", ports=p.ports, labels={"pod": "same"}) for p in alike]
    agree(cluster(admin("p", EVERYBODY, egress=[deny(EVERYBODY, named("web"))]), pods=alike))
    agree(cluster(admin("p", EVERYBODY, ingress=[deny(EVERYBODY, named("web"))]), pods=alike))


def test_ports_that_no_rule_names_make_no_programs():
    members = [
        pod("x/a", labels={"pod": "same"}, ports=[WEB]),
        pod("x/b", labels={"pod": "same"}, ports=[WEB, serving("metrics", Protocol.TCP, 9090)]),
    ]
    policy = admin("p", EVERYBODY, ingress=[deny(Anyone(), named("web"))], egress=[deny(Anyone(), named("web"))])
    compilation = compile_cluster(cluster(policy, pods=members))
    first, second = (compilation.groups(member) for member in compilation.snapshot.pods)

    assert first == second
    assert not first[Direction.EGRESS].ports


# Names of programs.


def test_policies_that_share_a_name_do_not_share_a_program():
    rules = {"ingress": [deny(pods("y"))]}
    other = baseline("p", pods("y"), ingress=[deny(pods("x"))], kind=PolicyKind.BASELINE_ADMIN_NETWORK_POLICY)

    agree(cluster(network_policy("x/p", ingress=[]), network_policy("y/p", ingress=[accept(Anyone())])))
    agree(cluster(admin("p", pods("x"), **rules), other))


def test_pods_that_share_one_program_and_not_the_other_have_chains_of_their_own():
    for shared, other in (("egress", "ingress"), ("ingress", "egress")):
        policies = [
            admin("shared", EVERYBODY, **{shared: [deny(pods("y"), tcp(80))]}),
            admin("a", pods("x/a"), **{other: [deny(Anyone(), tcp(81))]}),
            admin("b", pods("x/b"), **{other: [deny(Anyone(), tcp(82))]}),
        ]
        agree(cluster(*policies))


def test_an_edited_rule_keeps_the_program_and_other_ports_or_directions_do_not():
    def digests(**rules) -> list[str]:
        members = [pod("x/a", ports=[WEB]), pod("x/b", ports=[serving("web", Protocol.TCP, 81)])]
        compilation = compile_cluster(cluster(admin("p", EVERYBODY, **rules), pods=members))
        return [
            compilation.groups(member)[direction].digest
            for member in compilation.snapshot.pods
            for direction in Direction
        ]

    before = digests(ingress=[deny(Anyone(), named("web"))], egress=[deny(Anyone())])

    assert before == digests(ingress=[accept(EVERYBODY, named("web"), tcp(9))], egress=[leave(Anyone())])
    assert len(set(before)) == 3  # two for ingress, one for egress


# Addresses.


def test_blocks_with_gaps_neighbours_and_nothing_between_them():
    rules = [
        deny(block("20.0.0.0/24", "20.0.2.0/24"), tcp(80)),
        accept(block("20.0.1.0/24"), tcp(80)),
        deny(block("20.0.3.0/24", "20.0.4.0/32"), udp(80)),
        deny(block("0.0.0.0/32", "255.255.255.255/32", "::/128", "ffff::/16")),
        deny(block("10.24.1.0/24", without=["10.24.1.1/32"]), sctp(80)),
    ]
    agree(cluster(admin("p", pods("x"), egress=rules), network_policy("y/p", ingress=[accept(*rules[0].peers)])))


def test_what_lies_between_two_ranges_of_a_class_is_not_in_it():
    snapshot = cluster(admin("p", EVERYBODY, egress=[deny(block("20.0.0.0/24", "20.0.2.0/24"))]))
    compilation = compile_cluster(snapshot)

    assert len(lower(compilation, "n1").maps[net_map(4)].elements) == 2
    assert compilation.universe.of(ip_address("20.0.0.255")) == compilation.universe.of(ip_address("20.0.2.0")) != 0
    assert compilation.universe.of(ip_address("20.0.1.0")) == 0


def test_ranges_that_only_other_nodes_tell_apart_are_one():
    policies = [
        admin("here", pods("x"), egress=[deny(block("20.0.0.0/22"))]),
        admin("there", pods("y"), egress=[deny(block("20.0.1.0/24"))]),
    ]
    snapshot = cluster(*policies, pods=[pod("x/a"), pod("y/a", node="n2")], nodes=[node("n1"), node("n2")])
    compilation = compile_cluster(snapshot)

    assert [len(lower(compilation, name).maps[net_map(4)].elements) for name in ("n1", "n2")] == [1, 1]
    assert len(compilation.universe.segments[4]) == 3
    agree(snapshot)


def test_a_whole_network_that_was_learned_stays_a_range():
    learned = AddressSet.of("203.0.112.0/20", "10.24.1.1", "2001:db8::/32")
    policies = [
        admin(
            "p", EVERYBODY, egress=[deny(domains("*.example.com"), tcp(80)), deny(domains("a.example.com"), udp(53))]
        ),
        admin("q", EVERYBODY, priority=20, egress=[accept(block("203.0.113.0/24")), deny(block("203.0.112.0/22"))]),
    ]
    snapshot = replace(
        cluster(*policies),
        learned={
            "a.example.com": learned,
            "b.example.com": AddressSet.of("203.0.126.0/22", "203.0.144.0/23", "203.0.113.7"),
        },
    )

    assert len(Universe(snapshot).hosts[4]) < 10
    assert not set(Universe(snapshot).hosts[6]) - {int(a) for p in snapshot.pods + snapshot.nodes for a in p.addresses}
    agree(snapshot)


@pytest.mark.parametrize("size", [1, WIDE - 1, WIDE, WIDE + 1])
def test_learned_addresses_are_single_until_they_are_many(size):
    first = ip_address("203.0.112.0")
    some = AddressSet.of(*(first + number for number in range(size)))
    snapshot = replace(cluster(admin("p", EVERYBODY, egress=[deny(domains("a.b"))])), learned={"a.b": some})
    universe = Universe(snapshot)

    assert len(universe.segments[4]) == (size > WIDE)
    assert {universe.of(first + number) for number in range(size)} == {1}
    assert universe.of(first + size) == universe.of(first - 1) == 0


# Selection.


def test_selections_find_pods_whatever_way_they_speak_of_namespaces():
    spaces = {name: Labels({NAMESPACE_NAME_LABEL: name, **more}) for name, more in NAMESPACES.items()}
    where = (
        EVERYTHING,
        NamespaceNamed("x"),
        NamespaceNamed("nowhere"),
        having(team="red"),
        having(not_among("team", "red")),
        having(among("team", "red", "blue"), present("env")),
        having(among("team")),
        having(absent("team")),
    )
    which = (
        EVERYTHING,
        having(a="0"),
        having(among("a", "0", "1"), b="0"),
        having(absent("b")),
        having(not_among("a", "0")),
    )
    selections = [PodSelection(*both) for both in product(where, which)]
    index = SelectionIndex(selections, spaces)
    for name, labels in product(spaces, map(Labels, ({}, {"a": "0"}, {"a": "1", "b": "0"}, {"a": "2", "b": "1"}))):
        found = index.matching(name, labels)
        snapshot = Snapshot.of(namespaces=spaces, pods=[Pod(name, "p", labels)])
        meant = [semantics._selects(snapshot, selection, snapshot.pods[0]) for selection in selections]

        assert [bool(found >> number & 1) for number in range(len(selections))] == meant


# What a ruleset is made of.


def test_packets_to_the_node_itself_are_judged_at_their_source_only():
    policy = admin("p", EVERYBODY, egress=[accept(nodes_having())], ingress=[deny(Anyone())])
    snapshot = cluster(policy)
    question = flow(snapshot, "x/a", "n1")
    chains = trace(lower(compile_cluster(snapshot), "n1"), Packet.of(question, Hook.INPUT)).chains

    assert classify_chain(Side.DESTINATION) in chains
    assert classify_chain(Side.SOURCE) not in chains
    agree(snapshot)


@pytest.mark.parametrize("name", "abcdefgh")  # the order of chains by name depends on it
def test_as_many_classes_either_way_make_the_profile_of_everything_else_the_default(name):
    snapshot = cluster(admin(name, pods("x/a"), egress=[deny(pods("x/b"))]), pods=["x/a", "x/b"])
    ruleset = lower(compile_cluster(snapshot), "n1")
    (elements,) = (held.elements for held in ruleset.maps.values() if held.key is KeyType.MARK)

    assert len(elements) == 1
    assert 0 not in elements


@pytest.mark.parametrize(("ranges", "maps"), [(LINEAR_PORTS, 0), (LINEAR_PORTS + 1, 1)])
def test_many_port_ranges_are_looked_up_and_few_are_asked_one_by_one(ranges, maps):
    policy = admin("p", EVERYBODY, egress=[deny(Anyone(), *(tcp(2 * number) for number in range(1, ranges + 1)))])
    snapshot = cluster(policy)
    statements = [s for chain in lower(compile_cluster(snapshot), "n1").chains.values() for r in chain.rules for s in r]

    assert sum(isinstance(statement, PortLookup) for statement in statements) == maps
    assert sum(isinstance(statement, PortMatch) for statement in statements) == (0 if maps else ranges)
    agree(snapshot)


def test_rules_that_were_decided_by_others_are_counted_apart():
    # One verdict, two origins: neither may be taken for the other, in neighbouring ports or in different protocols.
    policy = admin("p", EVERYBODY, egress=[deny(Anyone(), tcp(80)), deny(Anyone(), tcp(81)), deny(Anyone(), udp(80))])
    snapshot = cluster(policy)
    ruleset = lower(compile_cluster(snapshot), "n1")

    assert len({name for name in ruleset.counters if name.endswith(".deny")}) == 3
    agree(snapshot)


def test_hostile_and_long_names_make_names_that_nft_takes():
    namespace = "n" * 63
    hostile = 'a"; flush ruleset; {}\n\\ ' + "é" * 200
    policies = [
        replace(admin(hostile, EVERYBODY, ingress=[deny(Anyone(), name=hostile)]), name=hostile),
        replace(network_policy("x/p", ingress=[]), name=hostile * 5, namespace=namespace),
    ]
    ruleset = lower(compile_cluster(cluster(*policies)), "n1")

    assert all(map(is_name, (*ruleset.chains, *ruleset.maps, *ruleset.counters)))
    assert script(ruleset)


def test_policies_whose_long_names_differ_at_the_end_only_are_counted_apart():
    long = "a" * 200
    policies = [admin(f"{long}{n}", EVERYBODY, priority=n, egress=[deny(Anyone(), tcp(80 + n))]) for n in (1, 2)]
    snapshot = cluster(*policies)

    assert len([name for name in lower(compile_cluster(snapshot), "n1").counters if name.endswith(".deny")]) == 2
    agree(snapshot)


# What the tracer refuses.


@pytest.mark.parametrize(
    "rules",
    [
        ((Count("rule-absent"), Return()),),
        ((Goto("class-absent"),),),
        ((Jump("class-loop"),),),
        ((MarkLookup(MARK_BITS, "class-absent"),),),
        ((Foreign("{}"),),),
    ],
    ids=["counter", "chain", "loop", "map", "foreign"],
)
def test_the_tracer_refuses_what_it_does_not_know(rules):
    loop = Chain(((Jump("class-loop"),),))
    ruleset = Ruleset({FORWARD_CHAIN: Chain(rules, Hook.FORWARD), "class-loop": loop})
    snapshot = cluster()

    with pytest.raises(UntraceableError):
        trace(ruleset, Packet.of(flow(snapshot, "x/a", "x/b"), Hook.FORWARD))


def test_a_packet_to_another_node_is_forwarded_before_it_arrives():
    snapshot = cluster(pods=["x/a"], nodes=[node("n1"), node("n2")])

    assert crossings(snapshot, flow(snapshot, "x/a", "n2")) == (("n1", Hook.FORWARD), ("n2", Hook.INPUT))
    assert crossings(snapshot, flow(snapshot, "x/a", "n1")) == (("n1", Hook.INPUT),)
    assert crossings(snapshot, flow(snapshot, "x/a", "outside")) == (("n1", Hook.FORWARD),)
    assert crossings(snapshot, flow(snapshot, "n1", "x/a")) == ()
    assert crossings(snapshot, flow(snapshot, "n2", "x/a")) == (("n1", Hook.FORWARD),)


@pytest.mark.parametrize(("depth", "refused"), [(16, False), (17, True)])
def test_the_tracer_goes_as_deep_as_the_kernel(depth, refused):
    chains = {f"class-{n}": Chain(((Goto(f"class-{n + 1}"),),)) for n in range(1, depth)}
    chains[f"class-{depth}"] = Chain(((Return(),),))
    ruleset = Ruleset({FORWARD_CHAIN: Chain(((Jump("class-1"),),), Hook.FORWARD), **chains})
    packet = Packet.of(flow(cluster(), "x/a", "x/b"), Hook.FORWARD)
    with pytest.raises(UntraceableError) if refused else nullcontext():
        assert trace(ruleset, packet).accepted


def test_the_tracer_compares_whole_marks_and_leaves_other_bits_alone():
    chain = Chain(
        (
            (MarkMatch(0xFF00, 0x0300), Drop()),
            (SetMark(0xFF00, 0x0300),),
            (MarkMatch(0xFF00, 0x0300), Return()),
            (Drop(),),
        ),
        Hook.FORWARD,
    )
    packet = replace(Packet.of(flow(cluster(), "x/a", "x/b"), Hook.FORWARD), mark=0x0101)
    found = trace(Ruleset({FORWARD_CHAIN: chain}), packet)

    assert (found.accepted, found.mark) == (True, 0x0301)


def test_a_drop_at_one_base_chain_is_final_and_a_jump_comes_back():
    drop = Chain(((Jump("class-1"),), (Drop(),)), Hook.FORWARD)
    ruleset = Ruleset({"forward": drop, "class-1": Chain(((Return(),),)), "subject-z": Chain((), Hook.FORWARD)})
    found = trace(ruleset, Packet.of(flow(cluster(), "x/a", "x/b"), Hook.FORWARD))

    assert not found.accepted
    assert found.chains == ("forward", "class-1")


# Hash seeds.


def test_scripts_do_not_depend_on_the_order_of_hashes():
    root = Path(__file__).parent.parent.parent
    outputs = {
        subprocess.run(
            [sys.executable, "-c", _COMPILE],
            capture_output=True,
            check=True,
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
        ).stdout
        for seed in ("1", "2")
    }

    assert len(outputs) == 1
    assert min(map(len, outputs)) > 1000
