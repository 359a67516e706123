"""Diagrams against all points of small spaces, and diagrams of clusters against the meaning."""

import dataclasses
from ipaddress import ip_address
from itertools import permutations, product

from hypothesis import assume, event, given, note, settings
from hypothesis import strategies as st

from compiler import intervals
from compiler.addresses import BITS, VERSIONS
from compiler.compilation import compile_cluster
from compiler.diagram.algebra import apply, choose, overlay, project, relabel, restrict, within
from compiler.diagram.comparison import differences, same_meaning
from compiler.diagram.lists import from_rules
from compiler.diagram.meaning import Meaning
from compiler.diagram.queries import Change, boxes, count, difference, differing, find, nodes, values, witness
from compiler.diagram.space import Decision, Field, Space
from compiler.diagram.traffic import PROTOCOLS
from compiler.diagram.turns import Way
from compiler.model import Action, Direction, Flow, Snapshot
from compiler.semantics import decide
from tests.strategies import LABELS, cases, flows, packets, policies, snapshots

thoroughly = settings(max_examples=4 * settings().max_examples)
"""For what everything else stands on."""

FIELDS = (Field("a", 5), Field("b", 3, preferred=(2, 1)), Field("c", 6))
POINTS = tuple(product(*(range(field.last + 1) for field in FIELDS)))
VALUES = ("x", "y", "z")


@st.composite
def ranges_of(draw, field):
    if draw(st.booleans()):
        return field.every
    edge = st.integers(0, field.last)
    return intervals.union(draw(st.lists(st.tuples(edge, edge), max_size=2)))


some_boxes = st.tuples(*map(ranges_of, FIELDS))
lists = st.lists(st.tuples(some_boxes, st.sampled_from(VALUES)), max_size=8)
truths = st.lists(st.tuples(some_boxes, st.booleans()), max_size=6)


def holds(box, point):
    return all(intervals.contains(ranges, number) for ranges, number in zip(box, point, strict=True))


def first_match(rules, point, default="x"):
    return next((value for box, value in rules if holds(box, point)), default)


def table(space, node):
    return [space.evaluate(node, point) for point in POINTS]


def by_points(space, found):
    """Make the function of that table the long way: one point after the other, from the last."""
    node = space.constant(found[0])
    for point, value in list(zip(POINTS, found, strict=True))[::-1]:
        box = tuple(((number, number),) for number in point)
        node = overlay(space)(space.inside(box, space.constant(value), space.constant(None)), node)
    return node


@thoroughly
@given(lists)
def test_a_list_means_what_its_first_match_says(rules):
    space = Space(FIELDS)
    node = from_rules(space, rules, "x")

    assert table(space, node) == [first_match(rules, point) for point in POINTS]


@given(lists)
def test_equal_functions_are_the_same_object_however_they_were_made(rules):
    space = Space(FIELDS)
    node = from_rules(space, rules, "x")

    assert by_points(space, table(space, node)) is node
    assert from_rules(space, [*rules, ((((0, 5),), ((0, 3),), ((0, 6),)), "x"), *rules[::-1]], "z") is node


@given(lists, lists)
def test_different_functions_are_different_objects(left, right):
    space = Space(FIELDS)
    one, other = from_rules(space, left, "x"), from_rules(space, right, "x")

    assert (one is other) == (table(space, one) == table(space, other))


@given(lists, lists)
def test_every_node_is_in_canonical_form(left, right):
    space = Space(FIELDS)
    node = apply(space, lambda one, other: one + other, from_rules(space, left, "x"), from_rules(space, right, "y"))
    for found in nodes(node):
        if isinstance(found, Decision):
            assert len(found.children) >= 2
            assert all(one is not other for one, other in zip(found.children, found.children[1:], strict=False))
            assert list(found.lasts) == sorted(set(found.lasts))
            assert found.lasts[-1] == FIELDS[found.level].last
            assert all(child.level > found.level for child in found.children)
    assert len(set(nodes(node))) == len(list(nodes(node))) <= len(space)


@given(lists, lists)
def test_operations_work_point_by_point(left, right):
    space = Space(FIELDS)
    one, other = from_rules(space, left, "x"), from_rules(space, right, "y")
    at_one, at_other = table(space, one), table(space, other)
    both = list(zip(at_one, at_other, strict=True))

    assert table(space, apply(space, lambda a, b: (a, b), one, other)) == both
    assert table(space, relabel(space, one, lambda value: value == "x")) == [value == "x" for value in at_one]
    condition = relabel(space, one, lambda value: value == "y")
    assert table(space, choose(space, condition, one, other)) == [a if a == "y" else b for a, b in both]
    maybe = relabel(space, one, lambda value: None if value == "z" else value)
    assert table(space, overlay(space)(maybe, other)) == [b if a == "z" else a for a, b in both]


@given(lists, some_boxes)
def test_a_restriction_forgets_one_field_and_a_box_keeps_what_is_inside(rules, box):
    space = Space(FIELDS)
    node = from_rules(space, rules, "x")
    for level, field in enumerate(FIELDS):
        for number in range(field.last + 1):
            fixed = restrict(space, node, field.name, number)
            for point in POINTS:
                moved = (*point[:level], number, *point[level + 1 :])
                assert space.evaluate(fixed, point) == space.evaluate(node, moved)
    for point in POINTS:
        inside = space.evaluate(within(space, node, box, "outside"), point)
        assert inside == (space.evaluate(node, point) if holds(box, point) else "outside")


@given(truths)
def test_a_projection_says_for_what_some_number_exists(rules):
    space = Space(FIELDS)
    node = from_rules(space, rules, default=False)
    for level, field in enumerate(FIELDS):
        some = project(space, node, field.name, lambda one, other: one or other)
        every = project(space, node, field.name, lambda one, other: one and other)
        assert all(found.level != level for diagram in (some, every) for found in nodes(diagram))
        for point in POINTS:
            at = [space.evaluate(node, (*point[:level], n, *point[level + 1 :])) for n in range(field.last + 1)]
            assert space.evaluate(some, point) == any(at)
            assert space.evaluate(every, point) == all(at)


@given(truths, truths, truths)
def test_truth_values_keep_the_laws_of_boolean_algebra(first, second, third):
    space = Space(FIELDS)
    a, b, c = (from_rules(space, rules, default=False) for rules in (first, second, third))

    def conj(one, other):
        return apply(space, lambda x, y: x and y, one, other)

    def disj(one, other):
        return apply(space, lambda x, y: x or y, one, other)

    def neg(one):
        return relabel(space, one, lambda x: not x)

    assert neg(neg(a)) is a
    assert conj(a, b) is conj(b, a)
    assert conj(a, conj(b, c)) is conj(conj(a, b), c)
    assert conj(a, disj(b, c)) is disj(conj(a, b), conj(a, c))
    assert neg(conj(a, b)) is disj(neg(a), neg(b))
    assert values(disj(a, neg(a))) == {True}
    assert choose(space, a, b, c) is disj(conj(a, b), conj(neg(a), c))


@given(lists)
def test_boxes_are_disjoint_and_hold_every_point_with_its_value(rules):
    space = Space(FIELDS)
    node = from_rules(space, rules, "x")
    found = list(boxes(space, node))
    for point in POINTS:
        assert [value for box, value in found if holds(box, point)] == [space.evaluate(node, point)]

    assert values(node) == set(table(space, node))
    for value in (*VALUES, "never"):
        assert count(space, node, value) == table(space, node).count(value)


@given(lists, lists)
def test_differences_hold_exactly_the_points_that_differ_each_once(left, right):
    space = Space(FIELDS)
    one, other = from_rules(space, left, "x"), from_rules(space, right, "x")
    found = list(differing(space, one, other))
    for point in POINTS:
        before, after = space.evaluate(one, point), space.evaluate(other, point)
        expected = [Change(before, after)] if before != after else []
        assert [change for box, change in found if holds(box, point)] == expected

    point = witness(space, one, other)
    assert (point is None) == (one is other) == (not found)
    if point is not None:
        assert space.evaluate(one, point) != space.evaluate(other, point)
        assert count(space, difference(space, one, other), None) < len(POINTS)


@given(lists, st.sampled_from(VALUES))
def test_what_is_found_is_the_best_number_of_each_field_in_turn(rules, wanted):
    space = Space(FIELDS)
    node = from_rules(space, rules, "x")
    good = [point for point in POINTS if space.evaluate(node, point) == wanted]

    def rank(point):
        return [
            (field.preferred.index(n) if n in field.preferred else 9, n) for field, n in zip(FIELDS, point, strict=True)
        ]

    assert find(space, node, lambda value: value == wanted) == min(good, key=rank, default=None)


# Clusters.


def one_pod(snapshot: Snapshot, flow: Flow) -> bool:
    return any(pod.governed and {flow.source, flow.destination} <= set(pod.addresses) for pod in snapshot.pods)


@thoroughly
@given(cases())
def test_the_diagram_between_two_ends_means_what_the_policies_mean(case):
    snapshot, drawn = case
    meaning = Meaning(compile_cluster(snapshot))
    for flow in drawn:
        decision = decide(snapshot, flow)
        note(f"{flow}: {decision}")
        if one_pod(snapshot, flow) and not flow.hairpin:
            continue
        node = meaning.between(meaning.end(flow.source), meaning.end(flow.destination))
        verdict = meaning.space.evaluate(node, (PROTOCOLS.index(flow.protocol), flow.port))

        assert verdict.accept == decision.accepted
        assert (verdict.egress.accept, verdict.egress.origin) == (decision.egress.accepted, decision.egress.origin)
        assert (verdict.ingress.accept, verdict.ingress.origin) == (decision.ingress.accepted, decision.ingress.origin)


@given(cases())
def test_one_diagram_of_everything_says_what_each_pair_of_ends_says(case):
    snapshot, drawn = case
    meaning = Meaning(compile_cluster(snapshot))
    for version in {flow.source.version for flow in drawn}:
        space, whole = meaning.diagram(version)
        for flow in drawn:
            if flow.source.version == version:
                source, destination = meaning.end(flow.source), meaning.end(flow.destination)
                packet = (PROTOCOLS.index(flow.protocol), flow.port)
                expected = meaning.space.evaluate(meaning.between(source, destination), packet)
                assert space.evaluate(whole, (source.number, destination.number, *packet)) == expected


@given(snapshots())
def test_ends_hold_every_address_once(snapshot):
    meaning = Meaning(compile_cluster(snapshot))
    for version, bits in BITS.items():
        ends = meaning.ends(version)
        assert intervals.union(numbers for end in ends for numbers in end.addresses) == ((0, 2**bits - 1),)
        assert sum(last - first + 1 for end in ends for first, last in end.addresses) == 2**bits
        assert [end.number for end in ends] == list(range(len(ends)))


@st.composite
def revised_policies(draw, snapshot):
    """Draw the policies after a change of one: another, a rule less, another action or isolation."""
    some = list(snapshot.policies)
    if not some:
        return snapshot
    at = draw(st.integers(0, len(some) - 1))
    side = draw(st.sampled_from(("ingress", "egress")))
    rules = list(getattr(some[at], side))
    kind = draw(st.sampled_from(("rule", "action", "isolates", "another", "none")))
    if kind in {"rule", "action"} and rules:
        index = draw(st.integers(0, len(rules) - 1))
        if kind == "rule" or some[at].namespace:
            del rules[index]
        else:
            rules[index] = dataclasses.replace(rules[index], action=draw(st.sampled_from(Action)))
        some[at] = dataclasses.replace(some[at], **{side: tuple(rules)})
    elif kind == "isolates" and some[at].namespace:
        some[at] = dataclasses.replace(some[at], isolates=some[at].isolates ^ {draw(st.sampled_from(Direction))})
    elif kind == "another":
        some[at] = dataclasses.replace(draw(policies), name="new")
    else:
        del some[at]
    return dataclasses.replace(snapshot, policies=tuple(sorted(some, key=lambda policy: policy.order)))


@st.composite
def revised_objects(draw, snapshot):
    """Draw the cluster after a change of one pod or node; an address may go from one pod to another."""
    pods, machines = list(snapshot.pods), list(snapshot.nodes)
    at = draw(st.integers(0, max(0, len(pods) - 1)))
    kind = draw(st.sampled_from(("labels", "node", "gone", "address", "machine")))
    if kind == "machine" or not pods:
        del machines[0]
    elif kind == "gone":
        del pods[at]
    elif kind == "node":
        pods[at] = dataclasses.replace(pods[at], node=draw(st.sampled_from(machines)).name)
    elif kind == "labels":
        pods[at] = dataclasses.replace(pods[at], labels=draw(st.sampled_from(LABELS)))
    elif pods[at].governed and len(pods[at].addresses) > 1:
        taker = draw(st.integers(0, len(pods) - 1))
        if taker != at and pods[taker].governed:
            pods[taker] = dataclasses.replace(pods[taker], addresses=(*pods[taker].addresses, *pods[at].addresses[1:]))
        pods[at] = dataclasses.replace(pods[at], addresses=pods[at].addresses[:1])
    return dataclasses.replace(snapshot, pods=tuple(pods), nodes=tuple(machines))


@st.composite
def revisions(draw):
    old = draw(snapshots())
    new = draw(st.one_of(revised_policies(old), revised_objects(old), snapshots()))
    through = st.one_of(flows(old), flows(new))
    return old, new, tuple(draw(through) for _ in range(draw(st.sampled_from((4, 8, 16)))))


def covers(found, old: Snapshot, new: Snapshot, flow: Flow) -> bool:
    if flow.source not in found.sources or flow.destination not in found.destinations:
        return False
    if not intervals.contains(found.packets.ports(flow.protocol), flow.port):
        return False
    if found.direct:
        return not flow.hairpin
    return flow.hairpin or not (one_pod(old, flow) or one_pod(new, flow))


@thoroughly
@given(revisions())
def test_differences_are_exactly_the_flows_whose_fate_is_not_the_same(case):
    old, new, drawn = case
    found = differences(compile_cluster(old), compile_cluster(new))
    witnesses = [one.witness for one in found]
    event(f"differences: {min(len(found), 3)}, direct: {any(one.direct for one in found)}")

    assert same_meaning(compile_cluster(old), compile_cluster(new)) == (not found)
    for flow in (*drawn, *witnesses):
        before, after = decide(old, flow), decide(new, flow)
        note(f"{flow}: {before} then {after}")
        covering = [one.turn for one in found if covers(one, old, new, flow)]
        changed = [
            (was.direction, was.accepted, was.origin, is_.accepted, is_.origin)
            for was, is_ in ((before.egress, after.egress), (before.ingress, after.ingress))
            if was.accepted != is_.accepted and before.accepted != after.accepted
        ]
        assert changed == [
            (turn.direction, turn.before.accept, turn.before.origin, turn.after.accept, turn.after.origin)
            for turn in sorted(covering, key=lambda turn: turn.direction.value)
        ]
        assert all((turn.way is Way.OPENED) == after.accepted for turn in covering)
        assert bool(covering) == (before.accepted != after.accepted)


@st.composite
def separations(draw):
    """Draw a cluster whose pods have two addresses of a family, and the same where the second ones are others'."""
    snapshot = draw(snapshots())
    together, apart = [], []
    for number, pod in enumerate(snapshot.pods):
        if pod.governed:
            first, second = ip_address(f"10.0.5.{number}"), ip_address(f"10.0.4.{number}")
            together.append(dataclasses.replace(pod, addresses=(first, second)))
            apart.append(dataclasses.replace(pod, addresses=(first,)))
            other = dataclasses.replace(pod, name=f"q{number}", addresses=(second,))
            if draw(st.booleans()):
                apart.append(dataclasses.replace(other, labels=draw(st.sampled_from(LABELS))))
        else:
            together.append(pod)
            apart.append(pod)
    old, new = (dataclasses.replace(snapshot, pods=tuple(pods)) for pods in (together, apart))
    return draw(st.permutations([old, new]))


@given(separations())
def test_addresses_that_are_one_pods_in_one_cluster_only_are_compared(case):
    old, new = case
    found = differences(compile_cluster(old), compile_cluster(new))
    pairs = {pair for of in case for pod in of.pods if pod.governed for pair in permutations(pod.addresses, 2)}
    for (source, destination), (protocol, port) in product(sorted(pairs, key=str), packets(old)):
        if source.version == destination.version:
            for hairpin in (True, False):
                flow = Flow(source, destination, protocol, port, hairpin)
                before, after = decide(old, flow).accepted, decide(new, flow).accepted
                event(f"differs: {before != after}, hairpin: {hairpin}")
                ways = {one.turn.way is Way.OPENED for one in found if covers(one, old, new, flow)}
                assert ways == ({after} if before != after else set())


@given(snapshots(), st.randoms(use_true_random=False))
def test_names_and_order_of_alternatives_are_no_differences(snapshot, chance):
    def rewritten(rules):
        # What a rule lists are alternatives, so they may stand in any order, and names are nobody's business.
        return tuple(
            dataclasses.replace(rule, name="new", peers=tuple(chance.sample(rule.peers, len(rule.peers))))
            for rule in rules
        )

    others = [
        dataclasses.replace(policy, ingress=rewritten(policy.ingress), egress=rewritten(policy.egress))
        for policy in snapshot.policies
    ]
    assume(others)
    new = dataclasses.replace(snapshot, policies=tuple(others))

    assert same_meaning(compile_cluster(snapshot), compile_cluster(new))


@given(revisions())
def test_there_and_back_are_opposite_differences(case):
    old, new, _drawn = case
    there = differences(compile_cluster(old), compile_cluster(new))
    back = differences(compile_cluster(new), compile_cluster(old))

    def held(found, turned):
        sizes = {}
        for one in found:
            turn = dataclasses.replace(one.turn, before=one.turn.after, after=one.turn.before) if turned else one.turn
            size = sum(
                sum(last - first + 1 for first, last in one.sources.ranges(version))
                * sum(last - first + 1 for first, last in one.destinations.ranges(version))
                for version in VERSIONS
            )
            key = (turn, one.packets, one.direct)
            sizes[key] = sizes.get(key, 0) + size
        return sizes

    assert held(there, turned=False) == held(back, turned=True)
