from collections.abc import Iterable
from dataclasses import replace

import pytest

from compiler.model import Action, Anyone, Direction, Node, Policy, Protocol, Rule, Snapshot, Tier
from compiler.precedence import Precedence, RankedRule
from tests.builders import (
    accept,
    admin,
    block,
    cluster,
    deny,
    domains,
    host_pod,
    leave,
    named,
    network_policy,
    node,
    nodes_having,
    pod,
    pods,
    rule,
    serving,
    tcp,
    udp,
)

EVERYBODY = pods("*")


def of(snapshot: Snapshot, direction: Direction = Direction.EGRESS, tier: Tier = Tier.ADMIN) -> Precedence:
    return Precedence.of(snapshot, tier, direction)


def edges(precedence: Precedence) -> list[tuple[str, str]]:
    return sorted((said(one), said(other)) for one, other in precedence.graph.edges)


def said(ranked: RankedRule) -> str:
    return f"{ranked.policy.name}{ranked.rule.index}"


def dead(precedence: Precedence) -> dict[str, list[str]]:
    return {said(rule): list(map(said, killers)) for rule, killers in precedence.dead.items()}


def idle(precedence: Precedence) -> list[str]:
    return list(map(said, precedence.idle))


def sending(*rules: Rule, name: str = "p", priority: int = 10) -> Policy:
    return admin(name, EVERYBODY, priority=priority, egress=rules)


def receiving(*rules: Rule) -> Policy:
    return admin("p", EVERYBODY, ingress=rules)


@pytest.mark.parametrize(
    ("earlier", "later", "dependent"),
    [
        (accept(pods("x")), deny(pods("x/a")), True),
        (accept(pods("x")), deny(pods("y")), False),
        (accept(pods("x")), accept(pods("x/a")), False),
        (leave(pods("x")), accept(pods("x/a")), True),
        (accept(pods("x"), tcp(80)), deny(pods("x"), tcp(80, 90)), True),
        (accept(pods("x"), tcp(80)), deny(pods("x"), tcp(81, 90)), False),
        (accept(pods("x"), tcp(80)), deny(pods("x"), udp(80)), False),
        (accept(pods("x"), tcp(90, 80)), deny(pods("x")), False),
        (accept(block("10.24.0.0/16")), deny(pods("x/a")), True),
        (accept(block("10.24.1.2/32")), deny(pods("x/a")), False),
        (accept(block("10.0.0.0/8")), deny(block("fd00::/8")), False),
        (accept(block("10.0.0.0/8")), deny(block("0.0.0.0/0", without=["10.0.0.0/8"])), False),
        (accept(nodes_having(node="n1")), deny(block("192.168.0.0/24")), True),
        (accept(nodes_having(node="n1")), deny(EVERYBODY), False),
        (accept(domains("*.example.com")), deny(block("203.0.113.0/24")), True),
        (accept(domains("example.com")), deny(block("203.0.113.0/24")), False),
        (accept(), deny(Anyone()), False),
    ],
)
def test_a_rule_depends_on_earlier_ones_that_disagree_about_some_packet(earlier: Rule, later: Rule, *, dependent: bool):
    snapshot = cluster(sending(earlier, later), learned={"www.example.com": "203.0.113.9"})

    assert edges(of(snapshot)) == ([("p0", "p1")] if dependent else [])


def test_rules_about_different_pods_never_depend_on_each_other():
    apart = (
        admin("p", pods("x"), egress=[accept(Anyone())]),
        admin("q", pods("y"), priority=11, egress=[deny(Anyone())]),
    )

    assert edges(of(cluster(*apart))) == []
    assert [list(map(said, level)) for level in of(cluster(*apart)).levels] == [["p0", "q0"]]


def test_a_pod_without_a_family_has_no_packets_of_it():
    both = sending(accept(block("fd00::/8")), deny(Anyone()))

    assert idle(of(cluster(both, pods=[pod("x/a", "10.0.0.1")]))) == ["p0"]
    assert idle(of(cluster(both, pods=[pod("x/a", "fd00::1")]))) == []


@pytest.mark.parametrize("missing", range(5))
def test_a_rule_is_dead_by_several_earlier_ones_only_where_they_take_all_of_it(missing: int):
    # One family, so that each rule is one piece: none may be passed over.
    everybody = [pod("x/a", "10.0.0.1"), pod("y/a", "10.0.0.2")]
    parts = [deny(pods("y"), tcp(80 + number)) for number in range(4) if number != missing]
    precedence = of(cluster(sending(*parts, deny(pods("y"), tcp(80, 83))), pods=everybody))

    killed = {f"p{len(parts)}": [f"p{number}" for number in range(len(parts))]}
    assert dead(precedence) == (killed if missing == 4 else {})


WEB = [serving("web", Protocol.TCP, 80)]


def test_port_names_mean_what_the_destination_declares():
    two = [pod("x/a", ports=WEB), pod("y/a", ports=[serving("web", Protocol.UDP, 81)])]
    others = (
        deny(pods("x"), tcp(80)),
        deny(pods("y"), tcp(80, 81)),
        deny(pods("y"), udp(81)),
        deny(block("::/0"), tcp(80)),
    )
    precedence = of(cluster(sending(accept(Anyone(), named("web")), *others), pods=two))

    assert edges(precedence) == [("p0", "p1"), ("p0", "p3"), ("p0", "p4")]
    assert dead(precedence) == {"p1": ["p0"], "p3": ["p0"]}


def test_port_names_mean_what_the_subject_declares_on_ingress_and_with_these_protocols_only():
    two = [pod("x/a", ports=WEB), pod("y/a", ports=[serving("web", Protocol.UDP, 81)])]
    rules = (accept(Anyone(), named("web", Protocol.TCP)), deny(Anyone(), tcp(80)), deny(Anyone(), udp(81)))

    assert edges(of(cluster(receiving(*rules), pods=two), Direction.INGRESS)) == [("p0", "p1")]
    assert dead(of(cluster(receiving(*rules), pods=two), Direction.INGRESS)) == {}
    assert idle(of(cluster(receiving(accept(Anyone(), named("web", Protocol.SCTP))), pods=two), Direction.INGRESS)) == [
        "p0"
    ]


def test_priority_and_then_place_order_the_rules():
    ranked = of(
        cluster(
            sending(accept(Anyone()), deny(Anyone()), name="late", priority=20),
            sending(leave(Anyone()), deny(Anyone()), name="early", priority=10),
        )
    )

    assert list(map(said, ranked.rules)) == ["early0", "early1", "late0", "late1"]
    assert [ranked.level(rule) for rule in ranked.rules] == [0, 1, 2, 3]


def test_killers_are_those_that_take_packets_first():
    precedence = of(
        cluster(
            sending(
                accept(pods("x"), tcp(80)),
                deny(pods("x"), tcp(80)),  # never first, so it kills nobody
                deny(pods("y"), tcp(80)),
                accept(EVERYBODY, tcp(80)),
                accept(EVERYBODY, tcp(80, 81)),
            )
        )
    )

    assert dead(precedence) == {"p1": ["p0"], "p3": ["p0", "p2"]}


@pytest.mark.parametrize(
    ("networks", "left"),
    [
        (["10.24.0.0/16", "10.25.0.0/16"], {}),
        (["0.0.0.0/1", "128.0.0.0/1"], {}),
        (["0.0.0.0/1", "128.0.0.0/1", "::/0"], {"p1": ["p0"]}),
    ],
)
def test_anyone_is_covered_by_the_whole_of_both_families(networks: list[str], left: dict[str, list[str]]):
    assert dead(of(cluster(sending(accept(block(*networks)), deny(Anyone()))))) == left


def test_a_block_with_a_pod_at_each_of_its_addresses_is_covered_by_these_pods():
    pair = [pod("x/a", "10.0.0.0"), pod("x/b", "10.0.0.1")]
    wide, narrow = (sending(accept(EVERYBODY), deny(block(network))) for network in ("10.0.0.0/30", "10.0.0.0/31"))

    assert dead(of(cluster(wide, pods=pair))) == {}
    assert dead(of(cluster(narrow, pods=pair))) == {"p1": ["p0"]}


def test_what_comes_from_the_own_node_is_judged_by_nobody():
    only_own = receiving(deny(block("192.168.0.1/32")), deny(nodes_having(node="n2")))
    two_nodes: Iterable[Node] = [node("n1", "192.168.0.1"), node("n2", "192.168.0.2")]
    on_one = cluster(only_own, pods=[pod("x/a"), pod("x/b")], nodes=two_nodes)
    on_both = cluster(only_own, pods=[pod("x/a"), pod("x/b", node="n2")], nodes=two_nodes)

    assert idle(of(on_one, Direction.INGRESS)) == ["p0"]
    assert idle(of(on_both, Direction.INGRESS)) == []


def test_pods_that_are_not_governed_are_neither_subjects_nor_peers():
    n1 = node("n1")
    two = [pod("x/a", terminated=True), host_pod("x/b", n1), pod("y/a")]

    assert idle(of(cluster(sending(deny(pods("x")), deny(EVERYBODY)), pods=two, nodes=[n1]))) == ["p0"]


def test_network_policies_agree_with_each_other_and_count_only_where_they_isolate():
    inert = network_policy("x/a", ingress=[accept(Anyone())])
    second = network_policy("x/b", egress=[accept(pods("y")), accept(pods("y/a"))])
    precedence = of(cluster(inert, second), tier=Tier.NETWORK_POLICY)

    assert list(map(said, precedence.rules)) == ["b0", "b1"]
    assert edges(precedence) == []
    assert dead(precedence) == {"b1": ["b0"]}


def test_rules_of_a_network_policy_in_a_direction_it_does_not_isolate_are_not_there():
    policy = network_policy("x/a", ingress=[], egress=[accept(Anyone())])
    inert = replace(policy, isolates=frozenset())

    assert of(cluster(inert), tier=Tier.NETWORK_POLICY).rules == ()


def test_a_rule_from_elsewhere_has_no_level():
    precedence, other = of(cluster(sending(accept(Anyone())))), of(cluster(sending(deny(Anyone()))))

    with pytest.raises(ValueError, match=r"ClusterNetworkPolicy p egress\[0\] is not among these rules"):
        precedence.level(other.rules[0])


def test_five_hundred_rules_that_nearly_all_overlap():
    # Overlapping by thirds in addresses and in ports, actions taking turns: nearly every rule depends on many.
    rules = [
        rule(tuple(Action)[i % 3], block(f"10.{i % 64}.0.0/{8 + i % 17}"), tcp(i * 7 % 1000, 500 + i * 11 % 1000))
        for i in range(500)
    ]
    snapshot = cluster(*(sending(*rules[n : n + 25], name=f"p{n}", priority=n) for n in range(0, 500, 25)))
    precedence = of(snapshot)

    assert precedence.graph.number_of_edges() > 10_000
    assert len(precedence.levels) > 10
