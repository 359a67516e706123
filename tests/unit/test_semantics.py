"""The meaning of the APIs, case by case; numbers like 2.7 and #21 are sections and cases of the semantics notes."""

from collections import Counter
from dataclasses import replace
from itertools import islice
from typing import get_args

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from compiler.addresses import AddressSet
from compiler.decision import Exemption, Judgement, Matched, Mismatch, Outcome, PassedOver
from compiler.model import (
    AddressBlock,
    Anyone,
    DefaultOrigin,
    Direction,
    Flow,
    IsolationOrigin,
    Peer,
    PodSelection,
    Policy,
    PolicyKind,
    PortRange,
    Protocol,
    RuleOrigin,
    Snapshot,
    Tier,
    Traffic,
)
from compiler.semantics import decide
from tests.builders import (
    EVERYTHING,
    FOUR_PODS,
    ICMP,
    absent,
    accept,
    admin,
    among,
    baseline,
    block,
    cluster,
    deny,
    domains,
    expect,
    flow,
    having,
    host_pod,
    leave,
    meant,
    named,
    network_policy,
    node,
    nodes_having,
    not_among,
    own,
    pod,
    pods,
    present,
    sctp,
    serving,
    tcp,
    udp,
)
from tests.strategies import cases, probes

EVERYBODY = pods("*")

ALL = """
     x/a x/b y/a y/b
x/a   .   .   .   .
x/b   .   .   .   .
y/a   .   .   .   .
y/b   .   .   .   .
"""

NONE_TO_X = """
     x/a x/b y/a y/b
x/a   .   X   .   .
x/b   X   .   .   .
y/a   X   X   .   .
y/b   X   X   .   .
"""

ONLY_Y_TO_XA = """
     x/a x/b y/a y/b
x/a   .   .   .   .
x/b   X   .   .   .
y/a   .   .   .   .
y/b   .   .   .   .
"""


# Tiers, order and direction (2.1 - 2.3).


def test_without_policies_everything_goes_through():
    expect(cluster(), ALL)


def test_subjects_of_a_policy_without_a_matching_rule_are_not_isolated():
    expect(cluster(admin("p", EVERYBODY, ingress=[accept(pods("z"))], egress=[deny()])), ALL)


def test_an_accept_on_egress_does_not_bind_the_ingress_side():  # 2
    expect(
        cluster(admin("a", EVERYBODY, egress=[accept(EVERYBODY)]), network_policy("x/closed", ingress=[])), NONE_TO_X
    )


def test_pass_skips_the_rest_of_the_tier_and_the_next_tier_decides():  # 3
    passing = admin("a", pods("x"), priority=10, ingress=[leave(EVERYBODY), deny(EVERYBODY)])
    denying = admin("b", pods("x"), priority=20, ingress=[deny(EVERYBODY)])

    expect(cluster(passing, denying), ALL)
    expect(cluster(replace(passing, priority=30), denying), NONE_TO_X)
    expect(cluster(passing, denying, network_policy("x/closed", ingress=[])), NONE_TO_X)
    expect(cluster(passing, baseline("c", pods("x"), ingress=[deny(EVERYBODY)])), NONE_TO_X)  # 4


def test_pass_in_baseline_is_the_default():  # 5
    expect(cluster(baseline("b", pods("x"), ingress=[leave(EVERYBODY), deny(EVERYBODY)])), ALL)


def test_the_network_policy_tier_is_final_where_it_isolates():  # 6
    accepting = baseline("b", EVERYBODY, ingress=[accept(EVERYBODY)])

    expect(cluster(accepting, network_policy("x/closed", ingress=[])), NONE_TO_X)


def test_isolation_is_per_direction():  # 7
    one_way = network_policy("x/out", egress=[accept(Anyone())])
    denying = baseline("b", EVERYBODY, ingress=[deny(EVERYBODY)])

    expect(cluster(one_way, admin("y", pods("y"), ingress=[accept(EVERYBODY)]), denying), NONE_TO_X)


def test_rules_in_a_direction_that_is_not_isolated_do_not_count():
    inert = replace(network_policy("x/p", ingress=[accept(Anyone())]), isolates=frozenset())

    expect(cluster(inert, baseline("b", pods("x"), ingress=[deny(EVERYBODY)])), NONE_TO_X)


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_ties_of_priority_go_by_name(names: tuple[str, str]):  # 1
    accepting, denying = names
    tied = [
        admin(accepting, pods("x"), ingress=[accept(EVERYBODY)]),
        admin(denying, pods("x"), ingress=[deny(EVERYBODY)]),
    ]

    expect(cluster(*tied), ALL if accepting < denying else NONE_TO_X)
    expect(cluster(*reversed(tied)), ALL if accepting < denying else NONE_TO_X)


def test_policies_of_equal_priority_all_have_effect():
    tied = (
        admin("a", pods("x/a"), ingress=[deny(pods("x"))]),
        admin("b", pods("x"), ingress=[deny(pods("y"), pods("x"))]),
    )

    expect(cluster(*tied), NONE_TO_X)


def test_network_policies_add_up():
    deny_x = network_policy("x/closed", ingress=[])
    to_a = network_policy("x/open-a", having(pod="a"), ingress=[accept(pods("y"))])

    expect(cluster(deny_x), NONE_TO_X)
    expect(
        cluster(deny_x, to_a),
        """
             x/a x/b y/a y/b
        x/a   .   X   .   .
        x/b   X   .   .   .
        y/a   .   X   .   .
        y/b   .   X   .   .
        """,
    )


def test_a_network_policy_selects_in_its_own_namespace_only():
    expect(cluster(network_policy("x/closed", EVERYTHING, ingress=[])), NONE_TO_X)  # 11
    expect(cluster(network_policy("z/closed", EVERYTHING, ingress=[]), namespaces={"z": {}}), ALL)


def test_both_ends_have_their_say():
    snapshot = cluster(
        network_policy("x/client", having(pod="a"), egress=[accept(pods("y/a"))]),
        network_policy("y/server", ingress=[accept(pods("x/a"))], egress=[]),
        pods=["x/a", "y/a", "y/b"],
    )

    expect(
        snapshot,
        """
             x/a y/a y/b
        x/a   .   .   X
        y/a   X   .   X
        y/b   X   X   .
        """,
    )


# Peers (2.5, 2.8 - 2.12).


def test_no_rules_close_and_an_empty_rule_opens():  # 8 - 10
    expect(cluster(network_policy("x/p", ingress=[])), NONE_TO_X)
    expect(cluster(network_policy("x/p", ingress=[accept(Anyone())])), ALL)
    assert meant(*asked(cluster(network_policy("x/p", ingress=[accept(Anyone())])), "outside", "x/a"))
    assert not meant(*asked(cluster(network_policy("x/p", ingress=[accept(EVERYBODY)])), "outside", "x/a"))


def test_two_selectors_in_one_peer_are_both_wanted_and_peers_are_alternatives():  # 12
    both = network_policy("x/p", having(pod="a"), ingress=[accept(pods(having(ns="y"), having(pod="a")))])
    either = network_policy("x/p", having(pod="a"), ingress=[accept(pods("y"), own("x", having(pod="b")))])
    one_of_y = ONLY_Y_TO_XA.replace("y/b   .", "y/b   X")

    expect(cluster(both), one_of_y)
    expect(cluster(either), ALL)


def test_the_own_namespace_is_that_of_the_policy():  # 13
    expect(
        cluster(network_policy("x/p", ingress=[accept(own("x"))])),
        """
             x/a x/b y/a y/b
        x/a   .   .   .   .
        x/b   .   .   .   .
        y/a   X   X   .   .
        y/b   X   X   .   .
        """,
    )


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        (EVERYTHING, "xyz"),
        (having(team="1"), "x"),
        (having(among("team", "1", "2")), "xy"),
        (having(not_among("team", "1")), "yz"),
        (having(not_among("team", "1", "2")), "z"),
        (having(present("team")), "xy"),
        (having(absent("team")), "z"),
        (having(present("team"), team="2"), "y"),
        (having(absent("team"), team="2"), ""),
        (having(among("kubernetes.io/metadata.name", "z")), "z"),
    ],
)
def test_selectors_read_labels_of_pods_and_of_namespaces_alike(selector, wanted: str):
    teams = {"x": {"team": "1"}, "y": {"team": "2"}, "z": {}}
    by_namespace = cluster(
        admin("p", pods("z/b"), ingress=[deny(pods(selector))]), pods=["x/a", "y/a", "z/a", "z/b"], namespaces=teams
    )
    by_pod = cluster(
        admin("p", pods("z/b"), ingress=[deny(pods(EVERYTHING, selector))]),
        pods=[
            *(pod(f"{name}/a", labels={**team, "kubernetes.io/metadata.name": name}) for name, team in teams.items()),
            "z/b",
        ],
    )

    for snapshot in (by_namespace, by_pod):
        denied = {name for name in "xyz" if not meant(*asked(snapshot, f"{name}/a", "z/b"))}
        assert denied == set(wanted)


def test_a_rule_without_peers_matches_nobody_and_without_traffic_nothing():
    nobody = deny()
    nothing = replace(deny(Anyone()), traffic=())

    expect(cluster(admin("p", EVERYBODY, ingress=[nobody, nothing], egress=[nobody, nothing])), ALL)


def test_what_failed_closed_denies_everybody_at_its_place():  # 14
    stand_in = replace(deny(Anyone()), failed_closed="a peer that nobody knows")
    snapshot = cluster(admin("p", pods("x"), ingress=[accept(pods("y/a")), stand_in]))

    expect(
        snapshot,
        """
                 x/a x/b
        x/b       X   .
        y/a       .   .
        y/b       X   X
        outside   X   X
        n1        .   .
        """,
    )


def test_networks_cover_pods_nodes_and_one_family_only():  # 24
    snapshot = cluster(admin("p", pods("x"), egress=[deny(block("0.0.0.0/0"))]))

    for destination in ("y/a", "n1", "outside"):
        assert not meant(*asked(snapshot, "x/a", destination))
        assert meant(*asked(snapshot, "x/a", destination, version=6))
    assert not meant(*asked(snapshot, "x/a", "y/a", ICMP))


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.0.0.0", ""),
        ("9.255.255.255", "X"),
        ("10.0.0.7", "X"),
        ("10.0.0.8", ""),
        ("10.0.0.255", ""),
        ("10.0.1.0", "X"),
    ],
)
def test_blocks_end_at_their_edges_and_spare_their_exceptions(address: str, inside: str):
    policy = network_policy("x/p", egress=[accept(block("10.0.0.0/24", without=["10.0.0.4/30"]))])

    assert meant(*asked(cluster(policy), "x/a", address)) is (inside != "X")


def test_an_address_of_the_other_family_with_the_same_number_is_another():
    snapshot = cluster(network_policy("x/p", egress=[accept(block("10.0.0.0/24"))]))

    assert meant(*asked(snapshot, "x/a", "10.0.0.7"))
    assert not meant(*asked(snapshot, "x/a", "::10.0.0.7", version=6))


def test_an_exception_narrows_its_own_peer_only():  # 27
    excepting = accept(block("10.0.0.0/8", without=["10.24.0.0/16"]))
    closed = network_policy("x/p", having(pod="a"), egress=[excepting])
    opened = network_policy("x/q", having(pod="a"), egress=[accept(block("10.24.2.1/32"))])

    assert not meant(*asked(cluster(closed), "x/a", "x/b"))
    assert meant(*asked(cluster(closed, opened), "x/a", "x/b"))


def test_host_network_pods_are_their_nodes():  # 28
    n1, n2 = node("n1"), node("n2")
    inside = [*FOUR_PODS, host_pod("y/h", n2)]
    by_pod = admin("p", EVERYBODY, egress=[deny(EVERYBODY)], ingress=[deny(EVERYBODY)])
    by_node = admin("p", EVERYBODY, egress=[deny(nodes_having(node="n2"))])

    assert meant(*asked(cluster(by_pod, pods=inside, nodes=[n1, n2]), "x/a", "y/h"))
    assert meant(*asked(cluster(by_pod, pods=inside, nodes=[n1, n2]), "y/h", "x/a"))
    assert not meant(*asked(cluster(by_node, pods=inside, nodes=[n1, n2]), "x/a", "y/h"))
    assert meant(*asked(cluster(by_node, pods=inside, nodes=[n1, n2]), "x/a", "n1"))


def test_the_own_node_always_reaches_its_pods_and_no_other_does():  # 29, 30
    closed = network_policy("x/p", ingress=[], egress=[])
    denying = admin("p", EVERYBODY, ingress=[deny(Anyone())])
    for policy in (closed, denying):
        expect(
            cluster(policy, pods=["x/a", pod("x/b", node="n2"), pod("x/c", node="")], nodes=[node("n1"), node("n2")]),
            """
                 x/a x/b x/c
            n1    .   X   X
            n2    X   .   X
            """,
        )


def test_what_a_pod_sends_to_its_own_node_is_judged():
    assert not meant(*asked(cluster(network_policy("x/p", egress=[])), "x/a", "n1"))
    assert not meant(*asked(cluster(admin("p", EVERYBODY, egress=[deny(nodes_having())])), "x/a", "n1"))


def test_outsiders_are_no_pods():  # 32
    assert meant(*asked(cluster(admin("p", EVERYBODY, ingress=[deny(EVERYBODY)])), "outside", "x/a"))


@pytest.mark.parametrize("hairpin", [False, True])
def test_a_pod_blocks_itself_only_by_way_of_a_service(*, hairpin: bool):  # 31
    for policy in (network_policy("x/p", egress=[]), admin("p", EVERYBODY, ingress=[deny(pods("x"))])):
        assert meant(*asked(cluster(policy), "x/a", "x/a", hairpin=hairpin)) is not hairpin


def test_a_pod_is_itself_under_all_its_addresses():
    twofold = pod("x/a", "10.0.0.1", "10.0.0.2")
    snapshot = cluster(network_policy("x/p", egress=[], ingress=[]), pods=[twofold])

    assert decide(*asked(snapshot, "10.0.0.1", "10.0.0.2")).egress.exemption is Exemption.SAME_POD


def test_terminated_pods_are_nobody_and_their_address_may_be_somebody_elses():  # 36
    ended = pod("x/a", "10.0.0.1", terminated=True)
    heir = pod("y/a", "10.0.0.1")
    deny_x = admin("p", pods("x"), egress=[deny(Anyone())])
    deny_y = admin("p", pods("y"), egress=[deny(Anyone())])

    assert meant(*asked(cluster(deny_x, pods=[ended]), "10.0.0.1", "outside"))
    assert meant(*asked(cluster(deny_x, pods=[ended, heir]), "10.0.0.1", "outside"))
    assert not meant(*asked(cluster(deny_y, pods=[ended, heir]), "10.0.0.1", "outside"))


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("example.com", "example.com", True),
        ("example.com", "a.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "notexample.com", False),
        ("*.example.com", "example.com.org", False),
        ("*.b.example.com", "a.example.com", False),
    ],
)
def test_wildcards_stand_for_one_or_more_whole_labels(pattern: str, name: str, *, covered: bool):  # 34
    snapshot = cluster(network_policy("x/p", egress=[accept(domains(pattern))]), learned={name: "203.0.113.9"})

    assert meant(*asked(snapshot, "x/a", "203.0.113.9")) is covered
    assert not meant(*asked(snapshot, "x/a", "203.0.113.8"))


# Traffic (2.6, 2.7, 2.16).

TCP_80, UDP_80, SCTP_80 = tcp(80), udp(80), sctp(80)


@pytest.mark.parametrize(
    ("traffic", "carried", "refused"),
    [
        ([], [TCP_80, UDP_80, SCTP_80, ICMP, tcp(65535)], []),  # 18
        ([tcp()], [TCP_80, tcp(65535)], [UDP_80, SCTP_80, ICMP]),  # 19
        ([tcp(), udp(), sctp()], [TCP_80, UDP_80, SCTP_80], [ICMP]),
        ([sctp(80)], [SCTP_80], [TCP_80, UDP_80, sctp(81), ICMP]),
        ([tcp(80, 82)], [TCP_80, tcp(81), tcp(82)], [tcp(79), tcp(83)]),
        ([tcp(80, 80)], [TCP_80], [tcp(79), tcp(81)]),  # 16
        ([tcp(82, 80)], [], [TCP_80, tcp(81), tcp(82)]),
        ([tcp(80), udp(81)], [TCP_80, udp(81)], [UDP_80, tcp(81)]),
    ],
)
def test_traffic_is_a_list_of_alternatives(traffic: list, carried: list[PortRange], refused: list[PortRange]):
    for policy in (
        network_policy("x/p", ingress=[accept(Anyone(), *traffic)]),
        network_policy("y/p", egress=[accept(Anyone(), *traffic)]),
    ):
        assert [item for item in (*carried, *refused) if meant(*asked(cluster(policy), "y/a", "x/a", item))] == carried


NAMING = [
    pod("x/a", ports=[serving("web", Protocol.TCP, 80), serving("dns", Protocol.UDP, 53)]),
    pod("x/b", ports=[serving("web", Protocol.TCP, 8080), serving("web", Protocol.TCP, 8081)]),
    "y/a",
]


@pytest.mark.parametrize(
    "rules",
    [
        lambda *parts: {"subject": EVERYBODY, "ingress": [deny(Anyone(), *parts)]},
        lambda *parts: {"subject": pods("y"), "egress": [deny(Anyone(), *parts)]},
    ],
    ids=["ingress", "egress"],
)
def test_named_ports_are_those_of_the_destination(rules):  # 20 - 23
    snapshot = cluster(admin("p", **rules(named("web"), named("dns"))), pods=NAMING)
    candidates = (80, 8080, 8081, 53)

    def denied(name: str, ports=tcp) -> list[int]:
        return [port for port in candidates if not meant(*asked(snapshot, "y/a", name, ports(port)))]

    assert denied("x/a") == [80]
    assert denied("x/a", udp) == [53]
    assert denied("x/b") == [8080, 8081]
    assert denied("y/a") == denied("n1") == denied("outside") == []


def test_other_names_of_the_destination_do_not_count():
    snapshot = cluster(network_policy("x/p", ingress=[accept(Anyone(), named("web"))]), pods=NAMING)

    assert meant(*asked(snapshot, "y/a", "x/a", tcp(80)))
    assert not meant(*asked(snapshot, "y/a", "x/a", udp(53)))


def test_a_named_port_can_be_about_one_protocol():
    both = pod("x/a", ports=[serving("dns", Protocol.UDP, 53), serving("dns", Protocol.TCP, 53)])
    snapshot = cluster(
        network_policy("x/p", ingress=[accept(Anyone(), named("dns", Protocol.UDP))]), pods=[both, "y/a"]
    )

    assert meant(*asked(snapshot, "y/a", "x/a", udp(53)))
    assert not meant(*asked(snapshot, "y/a", "x/a", tcp(53)))


def test_a_policy_that_selects_ports_leaves_the_others_alone():
    expect(cluster(network_policy("x/p", ingress=[accept(Anyone(), tcp(81))])), NONE_TO_X, tcp(80))
    expect(cluster(network_policy("x/p", ingress=[accept(Anyone(), tcp(81))])), ALL, tcp(81))


# The path of a decision.


def asked(snapshot: Snapshot, source: str, destination: str, traffic: PortRange | None = None, **how):
    return snapshot, flow(snapshot, source, destination, traffic, **how)


def ingress(*policies: Policy, source: str = "y/a", traffic: PortRange | None = None, **more) -> Judgement:
    snapshot = cluster(*policies, **more)
    return decide(*asked(snapshot, source, "x/a", traffic)).ingress


def test_the_path_tells_every_rule_that_was_passed_over_and_the_one_that_matched():
    first = admin("a", EVERYBODY, ingress=[accept(pods("z")), deny(EVERYBODY, tcp(81)), deny(Anyone(), named("web"))])
    elsewhere = admin("b", pods("y"), ingress=[deny(EVERYBODY)])
    second = admin(
        "c", EVERYBODY, priority=20, ingress=[accept(domains("example.com")), deny(pods("y"), udp(1), tcp(80))]
    )
    third = admin("d", EVERYBODY, priority=30, ingress=[accept(Anyone())])
    judged = ingress(first, elsewhere, second, third)
    (admin_tier,) = judged.steps

    assert not judged.accepted
    assert judged.origin == RuleOrigin.of(second, Direction.INGRESS, second.ingress[1])
    assert admin_tier.outcome is Outcome.DENIED
    assert [step.policy for step in admin_tier.policies] == [first, second]
    assert admin_tier.policies[0].rules == (
        PassedOver(first.ingress[0], Mismatch.PEER),
        PassedOver(first.ingress[1], Mismatch.TRAFFIC),
        PassedOver(first.ingress[2], Mismatch.NAMED_PORT_NOT_DECLARED),
    )
    assert admin_tier.policies[1].rules == (
        PassedOver(second.ingress[0], Mismatch.DOMAIN_NOT_LEARNED),
        Matched(second.ingress[1], pods("y"), tcp(80)),
    )


def test_a_declared_port_or_a_learned_domain_is_no_excuse():
    policy = admin("a", EVERYBODY, ingress=[deny(domains("example.com")), deny(EVERYBODY, named("web"))])
    web = pod("x/a", ports=[serving("web", Protocol.TCP, 81)])
    judged = ingress(policy, pods=[web, "y/a"], learned={"example.com": "203.0.113.9"})

    assert [step.reason for step in judged.steps[0].policies[0].rules] == [Mismatch.PEER, Mismatch.TRAFFIC]


def test_a_domain_with_no_addresses_any_more_is_not_learned():
    policy = admin("a", EVERYBODY, ingress=[deny(domains("example.com"))])
    snapshot = replace(cluster(policy), learned={"example.com": AddressSet()})
    judged = decide(*asked(snapshot, "y/a", "x/a")).ingress

    assert [step.reason for step in judged.steps[0].policies[0].rules] == [Mismatch.DOMAIN_NOT_LEARNED]


def test_the_first_of_several_alternatives_is_the_one_that_matched():
    policy = admin("a", EVERYBODY, ingress=[deny(pods("z"), pods("y"), Anyone(), udp(80), tcp(80), tcp())])

    assert ingress(policy).steps[0].policies[0].matched == Matched(policy.ingress[0], pods("y"), tcp(80))


def test_tiers_are_asked_until_one_is_final():
    passing = admin("a", EVERYBODY, ingress=[leave(EVERYBODY)])
    silent = network_policy("x/out", egress=[accept(Anyone())])
    last = baseline("b", EVERYBODY, ingress=[accept(pods("z"))])
    judged = ingress(passing, silent, last)

    assert [(step.tier, step.outcome) for step in judged.steps] == [
        (Tier.ADMIN, Outcome.PASSED),
        (Tier.NETWORK_POLICY, Outcome.UNDECIDED),
        (Tier.BASELINE, Outcome.UNDECIDED),
    ]
    assert judged.origin == DefaultOrigin(Direction.INGRESS)
    assert judged.accepted


def test_isolation_names_the_policies_that_isolate_and_only_them():
    closing = [network_policy("x/c", ingress=[]), network_policy("x/a", ingress=[accept(pods("z"))])]
    other = [network_policy("x/b", egress=[]), network_policy("x/d", having(pod="b"), ingress=[])]
    judged = ingress(*closing, *other)

    assert judged.origin == IsolationOrigin(Direction.INGRESS, (("x", "a"), ("x", "c")))
    assert [(step.policy.name, step.isolates) for step in judged.steps[-1].policies] == [
        ("a", True),
        ("b", False),
        ("c", True),
    ]


def test_the_first_network_policy_that_accepts_is_the_origin_but_all_are_asked():
    policies = [network_policy(f"x/{name}", ingress=[accept(pods("z")), accept(Anyone())]) for name in "cab"]
    snapshot = cluster(*policies)
    shuffled = replace(snapshot, policies=snapshot.policies[::-1])
    judged = decide(*asked(shuffled, "y/a", "x/a")).ingress

    assert judged.origin == RuleOrigin.of(policies[1], Direction.INGRESS, policies[1].ingress[1])
    assert all(step.matched for step in judged.steps[-1].policies)


def test_exemptions_say_why_nobody_was_asked():
    snapshot = cluster(admin("p", EVERYBODY, ingress=[deny(Anyone())], egress=[deny(Anyone())]))
    from_node = decide(*asked(snapshot, "n1", "x/a"))
    to_itself = decide(*asked(snapshot, "x/a", "x/a"))

    assert from_node.egress == Judgement(
        Direction.EGRESS, None, Exemption.NO_GOVERNED_POD, accepted=True, origin=DefaultOrigin(Direction.EGRESS)
    )
    assert from_node.ingress.exemption is Exemption.OWN_NODE
    assert from_node.ingress.pod == snapshot.pods[0]
    assert to_itself.egress.exemption is to_itself.ingress.exemption is Exemption.SAME_POD
    assert (from_node.ingress.steps, to_itself.egress.steps) == ((), ())


def test_the_kinds_of_one_tier_are_asked_together():
    old = admin("b", EVERYBODY, ingress=[deny(EVERYBODY)], kind=PolicyKind.ADMIN_NETWORK_POLICY)
    new = admin("b", EVERYBODY, ingress=[accept(EVERYBODY)])

    assert not ingress(old, new).accepted
    assert ingress(replace(old, priority=11), new).accepted


# The tools of these tests.


def test_a_wrong_picture_is_drawn_and_explained():
    with pytest.raises(AssertionError) as failure:
        expect(cluster(network_policy("x/closed", ingress=[])), ONLY_Y_TO_XA)

    shown = str(failure.value)
    assert "IPv4, tcp/80: found\n    x/a x/b y/a y/b\nx/a  .   X   .   . " in shown
    because = f"(egress: {DefaultOrigin(Direction.EGRESS)}; ingress: "
    assert f"y/a -> x/a should be .; it means X {because}" in shown


def test_a_picture_can_be_held_against_anything_that_judges():
    def refuses(snapshot: Snapshot, question: Flow) -> bool:
        return question.source == question.destination

    with pytest.raises(AssertionError, match=r"x/a -> x/b should be \.; it means \. "):
        expect(cluster(), ALL, judge=refuses)


def test_a_picture_with_a_hole_is_refused():
    with pytest.raises(ValueError, match="row 'x/a'"):
        expect(cluster(), ALL.replace("x/a   .   .   .   .", "x/a   .   .   ."))


def test_random_cases_reach_every_kind_of_verdict():
    seen: Counter[object] = Counter()

    @settings(
        max_examples=300, derandomize=True, database=None, phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(cases())
    def look(case: tuple[Snapshot, tuple[Flow, ...]]):
        snapshot, flows = case
        for question in (*flows, *islice(probes(snapshot), 0, None, 101)):
            decision = decide(snapshot, question)
            for judgement in (decision.egress, decision.ingress):
                seen[judgement.exemption] += 1
                seen[type(judgement.origin), getattr(judgement.origin, "tier", None), judgement.accepted] += 1
                for step in judgement.steps:
                    seen[step.tier, step.outcome] += 1
                    for rule in (rule for policy in step.policies for rule in policy.rules):
                        seen[rule.reason if isinstance(rule, PassedOver) else type(rule.peer), judgement.direction] += 1
                        if isinstance(rule, Matched):
                            seen[type(rule.traffic), judgement.direction] += 1

    look()
    wanted = {
        *Exemption,
        *((tier, outcome) for tier in (Tier.ADMIN, Tier.BASELINE) for outcome in set(Outcome) - {Outcome.ISOLATED}),
        *((Tier.NETWORK_POLICY, outcome) for outcome in (Outcome.ACCEPTED, Outcome.ISOLATED, Outcome.UNDECIDED)),
        *((mismatch, direction) for mismatch in Mismatch for direction in Direction),
        *((RuleOrigin, tier, accepted) for tier in (Tier.ADMIN, Tier.BASELINE) for accepted in (True, False)),
        (DefaultOrigin, None, True),
        (IsolationOrigin, None, False),
        *((kind, Direction.EGRESS) for kind in (*get_args(Peer), *get_args(Traffic))),
        *((kind, Direction.INGRESS) for kind in (PodSelection, AddressBlock, Anyone, *get_args(Traffic))),
    }
    assert {kind for kind in wanted if seen[kind] == 0} == set()
