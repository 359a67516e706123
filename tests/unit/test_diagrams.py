"""Diagrams, and what differs between two clusters, one case at a time."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from compiler import intervals
from compiler.addresses import AddressSet
from compiler.compilation import compile_cluster
from compiler.diagram.algebra import choose, project, restrict
from compiler.diagram.comparison import Difference, differences, same_meaning
from compiler.diagram.lists import from_rules
from compiler.diagram.meaning import Meaning
from compiler.diagram.queries import boxes, count, differing, find, nodes, witness
from compiler.diagram.space import Field, Space
from compiler.diagram.traffic import PROTOCOLS, example
from compiler.diagram.turns import Way
from compiler.labels import Labels
from compiler.model import Anyone, Direction, Protocol, Snapshot
from compiler.packets import EVERY_PACKET, PacketSet
from compiler.semantics import decide
from tests.builders import (
    accept,
    admin,
    block,
    cluster,
    deny,
    leave,
    network_policy,
    node,
    pod,
    pods,
    tcp,
    udp,
)

YES, NO = True, False
ADDRESS = Field("address", 2**128 - 1)
PORT = Field("port", 65535, preferred=(80, 443))


@pytest.fixture
def space() -> Space:
    return Space((ADDRESS, PORT))


def test_a_literal_with_equal_branches_asks_nothing(space):
    same = space.constant("same")
    assert space.literal("port", ((80, 80),), same, same) is same
    assert space.literal("port", PORT.every, same, space.constant("other")) is same
    assert space.literal("port", (), space.constant("other"), same) is same


def test_a_literal_asks_above_its_branches_only(space):
    low = space.literal("port", ((80, 80),), space.constant("yes"), space.constant("no"))
    node = space.literal("address", ((7, 9),), low, space.constant("no"))
    assert [space.evaluate(node, point) for point in ((7, 80), (9, 80), (9, 81), (10, 80))] == [
        "yes",
        "yes",
        "no",
        "no",
    ]
    with pytest.raises(ValueError, match="before it"):
        space.literal("port", ((1, 1),), node, low)


@pytest.mark.parametrize("ranges", [((0, 65536),), ((-1, 4),), ((5, 4),), ((1, 2), (3, 4)), ((8, 9), (1, 2))])
def test_ranges_that_are_no_ranges_of_the_field_are_refused(space, ranges):
    with pytest.raises(ValueError, match="canonical"):
        space.box(port=ranges)


def test_unknown_names_and_numbers_are_refused(space):
    with pytest.raises(KeyError):
        space.box(colour=((1, 1),))
    with pytest.raises(ValueError, match="never 65536"):
        restrict(space, space.constant(1), "port", 65536)
    with pytest.raises(ValueError, match="one name"):
        Space((PORT, PORT))


def test_a_witness_is_well_known_if_it_can_be_and_else_the_lowest(space):
    nothing = space.constant(NO)

    def only(ports):
        return space.literal("port", ports, space.constant(YES), nothing)

    assert witness(space, only(((1, 1000),)), nothing) == (0, 80)
    assert witness(space, only(((81, 1000),)), nothing) == (0, 443)
    assert witness(space, only(((5, 6), (500, 600))), nothing) == (0, 5)
    assert witness(space, only(((5, 6),)), only(((5, 6),))) is None
    assert find(space, nothing, bool) is None


def test_points_are_counted_in_spaces_of_any_size(space):
    node = space.inside(space.box(address=((1, 2**100),), port=((0, 9),)), space.constant(YES), space.constant(NO))
    assert count(space, node, True) == 10 * 2**100
    assert count(space, node, False) == 2**144 - 10 * 2**100


def test_separate_ranges_with_one_answer_are_one_box(space):
    some, none = space.constant(YES), space.constant(NO)
    ports = space.literal("port", ((1, 1), (3, 3), (9, 12)), some, none)
    node = space.literal("address", ((0, 5), (9, 9)), ports, none)
    wanted = [box for box, value in boxes(space, node) if value]
    assert wanted == [(((0, 5), (9, 9)), ((1, 1), (3, 3), (9, 12)))]
    assert [box for box, _change in differing(space, node, none)] == wanted


def test_a_rule_for_everything_hides_what_follows_it(space):
    rules = [(space.box(port=((80, 80),)), "a"), (space.box(), "b"), (space.box(address=((1, 1),)), "c")]
    node = from_rules(space, rules, "d")
    assert {space.evaluate(node, point) for point in ((1, 80), (1, 81), (2, 81))} == {"a", "b"}
    assert len(list(nodes(node))) == 3


def test_a_box_without_points_matches_nothing(space):
    assert from_rules(space, [(space.box(port=()), "a")], "d") is space.constant("d")


def test_a_list_of_thousands_of_nested_rules_shares_what_is_below(space):
    rules = [(space.box(address=((n, 9_999 - n),), port=((80, 80),)), n % 2 == 0) for n in range(3_000, 0, -1)]
    node = from_rules(space, rules, default=False)
    assert len(list(nodes(node))) <= 5
    assert [space.evaluate(node, (n, 80)) for n in (0, 1, 2, 3, 5_000, 9_998, 9_999)] == [
        False, False, True, False, True, False, False,
    ]  # fmt: skip


def test_a_choice_may_have_values_of_its_own(space):
    condition = space.literal("port", ((80, 80),), space.constant(YES), space.constant(NO))
    node = choose(space, condition, space.constant(None), space.constant("no"))
    assert [space.evaluate(node, (0, port)) for port in (79, 80, 81)] == ["no", None, "no"]
    assert project(space, node, "port", lambda one, other: one or other) is space.constant("no")


def test_a_space_frees_what_it_held_and_others_do_not_see_it(space):
    other = Space((ADDRESS, PORT))
    assert space.constant("here") is not other.constant("here")
    before = len(other)
    from_rules(space, [(space.box(port=((1, 1),)), "there")], "d")
    assert len(other) == before


def test_an_example_is_a_packet_of_the_set():
    assert example(EVERY_PACKET) == (Protocol.TCP, 80)
    assert example(PacketSet.of([tcp(90, 99), udp(53)])) == (Protocol.TCP, 90)
    assert example(PacketSet(other=True)) == (Protocol.OTHER, 0)
    assert example(PacketSet.of([tcp()]) - PacketSet.of([tcp(1, 65535)])) == (Protocol.TCP, 0)


# Clusters.


def compared(old: Snapshot, new: Snapshot) -> tuple[Difference, ...]:
    """Compare, and hold every witness against the meaning."""
    found = differences(compile_cluster(old), compile_cluster(new))
    assert same_meaning(compile_cluster(old), compile_cluster(new)) == (not found)
    for one in found:
        before, after = decide(old, one.witness).accepted, decide(new, one.witness).accepted
        assert (before, after) == (one.turn.way is Way.SHUT, one.turn.way is Way.OPENED)
        assert one.witness.source in one.sources
        assert one.witness.destination in one.destinations
        assert intervals.contains(one.packets.ports(one.witness.protocol), one.witness.port)
    return found


def of_family(found: tuple[Difference, ...], version: int = 4) -> list[Difference]:
    return [one for one in found if one.sources.ranges(version)]


def test_one_new_rule_is_one_difference_for_each_family():
    old = cluster()
    new = cluster(admin("new", pods("x/a"), egress=[deny(pods("y"), tcp(80, 81))]))
    found = compared(old, new)

    assert [one.sources for one in found] == [AddressSet.of("10.24.1.1"), AddressSet.of("fd00::24:1")]
    assert [one.destinations for one in of_family(found)] == [AddressSet.of("10.25.1.1", "10.25.2.1")]
    assert {one.packets for one in found} == {PacketSet.of([tcp(80, 81)])}
    assert {str(one.turn.after.origin) for one in found} == {"ClusterNetworkPolicy new egress[0]"}
    assert {one.turn.direction for one in found} == {Direction.EGRESS}


def test_the_same_meaning_written_otherwise_is_the_same():
    together = cluster(admin("one", pods("x"), egress=[deny(pods("y"), tcp(80, 81))]))
    apart = cluster(
        admin("two", pods("x/a"), priority=3, egress=[deny(pods("y/a"), tcp(80)), deny(pods("y"), tcp(80, 81))]),
        admin("three", pods("x"), priority=9, egress=[deny(block("10.25.0.0/16", "fd00::25:0/112"), tcp(80, 81))]),
    )
    # The block holds addresses that nobody has, so only a cluster where pods are named means the same.
    assert not same_meaning(compile_cluster(together), compile_cluster(apart))
    apart = replace(apart, policies=apart.policies[:1])
    others = admin(
        "four", pods("x/b"), priority=9, egress=[leave(pods("x")), deny(pods("y"), tcp(81)), deny(pods("y"), tcp(80))]
    )
    apart = replace(apart, policies=(*apart.policies, others))
    assert same_meaning(compile_cluster(together), compile_cluster(apart))


def test_an_accept_at_one_end_is_no_difference_while_the_other_end_denies():
    shut = network_policy("y/shut", ingress=[])
    egress = admin("egress", pods("x"), egress=[deny(pods("y"))])
    assert compared(cluster(shut, egress), cluster(shut)) == ()


def test_what_both_ends_open_is_told_of_both():
    shut = network_policy("y/shut", ingress=[])
    egress = admin("egress", pods("x"), egress=[deny(pods("y"))])
    found = of_family(compared(cluster(shut, egress), cluster()))
    from_x = [one for one in found if ip_address("10.24.1.1") in one.sources]
    assert {one.turn.direction for one in from_x} == {Direction.EGRESS, Direction.INGRESS}


def test_one_end_that_opens_while_the_other_shuts_is_no_difference():
    old = cluster(admin("egress", pods("x"), egress=[deny(pods("y"))]))
    new = cluster(admin("ingress", pods("y"), ingress=[deny(pods("x"))]))
    assert compared(old, new) == ()


def test_what_comes_from_a_pods_own_node_is_never_a_difference():
    machines = [node("n1"), node("n2")]
    old, new = cluster(nodes=machines), cluster(network_policy("x/shut", ingress=[]), nodes=machines)
    found = compared(old, new)
    assert {one.sources.v4 == () for one in found} == {True, False}
    for one in found:
        version = one.witness.source.version
        own, other = (next(at for at in machine.addresses if at.version == version) for machine in machines)
        assert own not in one.sources
        assert other in one.sources


def test_a_pod_with_an_address_of_a_node_is_that_node_as_well():
    shared = pod("y/a", "192.168.0.1")
    old = cluster(pods=[pod("x/a"), shared])
    new = cluster(network_policy("x/shut", ingress=[]), pods=[pod("x/a"), shared])
    (one,) = of_family(compared(old, new))
    assert ip_address("192.168.0.1") not in one.sources
    meaning = Meaning(compile_cluster(new))
    verdicts = meaning.between(meaning.end(shared.addresses[0]), meaning.end(ip_address("10.24.1.1")))
    assert meaning.space.evaluate(verdicts, (PROTOCOLS.index(Protocol.TCP), 80)).accept


def test_a_pod_that_moves_is_shut_to_its_old_node_and_open_to_its_new_one():
    machines = [node("n1"), node("n2")]
    shut = network_policy("x/shut", ingress=[])
    here, there = (cluster(shut, pods=[pod("x/a", node=name)], nodes=machines) for name in ("n1", "n2"))
    found = of_family(compared(here, there))
    assert {(one.turn.way, str(one.sources)) for one in found} == {
        (Way.SHUT, "192.168.0.1/32"),
        (Way.OPENED, "192.168.0.2/32"),
    }


def test_a_pods_traffic_to_itself_differs_only_where_a_service_sends_it_back():
    (one, _other) = compared(
        cluster(pods=["x/a"]), cluster(admin("new", pods("x"), egress=[deny(pods("x"))]), pods=["x/a"])
    )
    assert one.witness.hairpin
    assert not one.direct
    two = of_family(
        compared(
            cluster(pods=["x/a", "x/b"]),
            cluster(admin("new", pods("x"), egress=[deny(pods("x"))]), pods=["x/a", "x/b"]),
        )
    )
    assert [difference.witness.hairpin for difference in two] == [False]


def test_addresses_that_stop_being_one_pods_are_judged_from_then_on():
    shut = network_policy("x/shut", ingress=[])
    one = cluster(shut, pods=[pod("x/a", "10.0.0.1", "10.0.0.2")])
    two = cluster(shut, pods=[pod("x/a", "10.0.0.1"), pod("x/b", "10.0.0.2")])
    for old, new, way in ((one, two, Way.SHUT), (two, one, Way.OPENED)):
        found = compared(old, new)
        assert all(found_one.direct and found_one.turn.way is way for found_one in found)
        assert sorted((str(d.witness.source), str(d.witness.destination)) for d in found) == [
            ("10.0.0.1", "10.0.0.2"),
            ("10.0.0.2", "10.0.0.1"),
        ]


def test_everybody_else_is_compared_as_well():
    old = cluster(admin("out", pods("x/a"), egress=[deny(block("0.0.0.0/0"))]))
    new = cluster(admin("out", pods("x/a"), egress=[leave(block("198.51.100.0/24")), deny(block("0.0.0.0/0"))]))
    (one,) = compared(old, new)
    assert str(one.destinations) == "198.51.100.0/24"
    (wide,) = of_family(compared(cluster(), cluster(admin("out", pods("x/a"), egress=[deny(Anyone())]))))
    assert str(wide.witness.destination).startswith("10.")
    internet = admin("out", pods("x/a"), egress=[leave(pods("*")), deny(Anyone())])
    outside = of_family(compared(cluster(nodes=[]), cluster(internet, nodes=[])))
    assert [str(found.witness.destination) for found in outside] == ["203.0.113.1"]


def test_a_pod_that_is_gone_leaves_an_address_that_nobody_judges():
    shut = network_policy("x/shut", ingress=[])
    (one,) = of_family(compared(cluster(shut, pods=["x/a", "y/a"]), cluster(shut, pods=["y/a"])))
    assert one.turn.way is Way.OPENED
    assert str(one.destinations) == "10.24.1.1/32"


def test_many_pods_that_are_alike_are_one_end():
    members = [pod(f"x/p{n}", f"10.0.{n // 250}.{n % 250 + 1}", labels={"pod": "a"}) for n in range(1_000)]
    members = [replace(member, labels=Labels({"app": "a"})) for member in members]
    snapshot = cluster(network_policy("x/shut", ingress=[accept(tcp(80), Anyone())]), pods=members)
    meaning = Meaning(compile_cluster(snapshot))
    governed = [end for end in meaning.ends(4) if end.sides[0].governed]
    assert len(governed) == 1
    verdicts = meaning.between(governed[0], governed[0])
    assert meaning.space.evaluate(verdicts, (PROTOCOLS.index(Protocol.TCP), 80)).accept
    assert not meaning.space.evaluate(verdicts, (PROTOCOLS.index(Protocol.OTHER), 0)).accept
