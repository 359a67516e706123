"""What a recompilation keeps, that it forgets the rest, and what it must notice."""

import dataclasses
import gc
import itertools
import weakref
from ipaddress import IPv4Address

import pytest

from bench.clusters import cluster as large
from compiler.atoms import Numbering
from compiler.compilation import compile_cluster
from compiler.differences import changed_keys, changed_members, patched
from compiler.labels import Labels
from compiler.lower import lower
from compiler.lowering import Lowering
from compiler.marks import MarkLayout, TooManyClassesError
from compiler.model import Action, ContainerPort, Direction, Pod, Protocol, Snapshot
from compiler.names import class_map, program
from compiler.podindex import SPARE
from compiler.programs import REMEMBERED
from tests.builders import accept, admin, block, cluster, deny, domains, having, named, node, nodes_having, pod, pods

BEFORE = large(300, 20, 6)
SECOND = BEFORE.pods[1]
NEWCOMER = dataclasses.replace(SECOND, name="zz-newcomer", addresses=(IPv4Address("10.9.9.9"),))
ADDED = dataclasses.replace(BEFORE, pods=(*BEFORE.pods, NEWCOMER))
"""One pod more of a class that was there."""


def changed_policy(snapshot: Snapshot) -> Snapshot:
    first, *others = snapshot.policies
    rule = dataclasses.replace(first.egress[0], action=Action.DENY)
    return dataclasses.replace(
        snapshot, policies=(dataclasses.replace(first, egress=(rule, *first.egress[1:])), *others)
    )


def copied(snapshot: Snapshot) -> Snapshot:
    return dataclasses.replace(
        snapshot,
        namespaces=dict(snapshot.namespaces),
        pods=tuple(map(dataclasses.replace, snapshot.pods)),
        policies=tuple(map(dataclasses.replace, snapshot.policies)),
    )


def programs_of(compilation):
    groups = {group for each in compilation.snapshot.pods for group in compilation.groups(each).values() if group}
    return {(group.direction, group.policies[0].name): compilation.program(group) for group in groups}


# What is kept.


@pytest.mark.parametrize("after", [ADDED, copied(BEFORE), BEFORE], ids=["a pod more", "copied", "the same"])
def test_programs_are_kept_where_only_pods_come_and_go(after):
    old = compile_cluster(BEFORE)
    before = programs_of(old)
    now = programs_of(compile_cluster(after, previous=old))

    assert now.keys() == before.keys()
    assert all(now[name] is before[name] for name in before)


def test_an_edited_policy_costs_its_own_programs_only():
    old = compile_cluster(BEFORE)
    before = programs_of(old)
    now = programs_of(compile_cluster(changed_policy(BEFORE), previous=old))

    edited = BEFORE.policies[0].name
    assert {name for name in before if now[name] is not before[name]} == {
        (Direction.EGRESS, edited),
        (Direction.INGRESS, edited),
    }


def test_an_edit_that_asks_nothing_new_leaves_addresses_alone():
    old = compile_cluster(BEFORE)
    new = compile_cluster(changed_policy(BEFORE), previous=old)

    assert all(new.universe.hosts[version] is old.universe.hosts[version] for version in (4, 6))


def test_a_pod_more_is_one_element_in_maps_that_are_otherwise_the_same_objects():
    old = compile_cluster(BEFORE)
    lowering = Lowering("node-0")
    before = lowering.lower(old)
    after = lowering.lower(compile_cluster(ADDED, previous=old))

    different = {name for name in before.maps if after.maps[name] is not before.maps[name]}
    assert different == {class_map(4)}
    added = after.maps[class_map(4)].elements.items() - before.maps[class_map(4)].elements.items()
    assert {number for number, _verdict in added} == {int(NEWCOMER.addresses[0])}
    assert not changed_keys(before.chains, after.chains)
    assert all(after.chains[name] is before.chains[name] for name in before.chains if name.startswith(("class", "pro")))


def test_a_ruleset_that_was_returned_does_not_change_afterwards():
    old = compile_cluster(BEFORE)
    lowering = Lowering("node-0")
    before = lowering.lower(old)
    as_it_was = {name: dict(each.elements) for name, each in before.maps.items()}
    lowering.lower(compile_cluster(changed_policy(ADDED), previous=old))

    assert {name: dict(each.elements) for name, each in before.maps.items()} == as_it_was


def test_a_new_class_patches_the_maps_of_programs_that_stay():
    between = admin("between", pods(), ingress=[deny(pods("x", having(app=app))) for app in ("a", "b", "c")])
    before = [pod("x/a", labels={"app": "a"}), pod("x/b", labels={"app": "b"})]
    after = [*before, pod("x/c", labels={"app": "c"})]
    old = compile_cluster(cluster(between, pods=before))
    (kept,) = programs_of(old).values()
    lowering = Lowering("n1")
    was = lowering.lower(old)
    new = compile_cluster(cluster(between, pods=after), previous=old)
    now = lowering.lower(new)

    assert kept in programs_of(new).values()
    name = program(kept.digest)
    assert now.maps[name].elements != was.maps[name].elements
    assert now.chains[name] is was.chains[name]
    assert now == lower(compile_cluster(cluster(between, pods=after)), "n1")


def test_a_node_may_be_lowered_after_steps_that_it_has_not_seen():
    path = [BEFORE, ADDED, changed_policy(ADDED), changed_policy(BEFORE)]
    compilations = [compile_cluster(path[0])]
    for snapshot in path[1:]:
        compilations.append(compile_cluster(snapshot, previous=compilations[-1]))
    lowering = Lowering("node-0")
    lowering.lower(compilations[0])

    assert lowering.lower(compilations[-1]) == lower(compile_cluster(path[-1]), "node-0")
    assert lowering.lower(compilations[1]) == lower(compile_cluster(path[1]), "node-0")


def test_programs_outlive_a_compilation_that_nobody_asked():
    old = compile_cluster(BEFORE)
    before = programs_of(old)
    unasked = compile_cluster(ADDED, previous=old)
    now = programs_of(compile_cluster(BEFORE, previous=unasked))

    assert all(now[name] is before[name] for name in before)


# What is forgotten.


def test_old_compilations_die():
    compilation = compile_cluster(BEFORE)
    lowering = Lowering("node-0")
    born = []
    for number in range(5):
        snapshot = changed_policy(ADDED) if number % 2 else BEFORE
        compilation = compile_cluster(snapshot, previous=compilation)
        lowering.lower(compilation)
        programs_of(compilation)
        born.append((weakref.ref(compilation), weakref.ref(compilation.universe)))
    gc.collect()

    assert [tuple(ref() is not None for ref in refs) for refs in born] == [(False, False)] * 4 + [(True, True)]


def test_a_lowering_keeps_no_compilation():
    compilation = compile_cluster(BEFORE)
    lowering = Lowering("node-0")
    lowering.lower(compilation)
    refs = weakref.ref(compilation), weakref.ref(compilation.universe)
    del compilation
    gc.collect()

    assert [ref() for ref in refs] == [None, None]
    assert lowering.lower(compile_cluster(BEFORE)) == lower(compile_cluster(BEFORE), "node-0")


def test_questions_that_nobody_asks_any_more_are_forgotten_in_time():
    numberings: list[Numbering] = []
    compilation = None
    for number in range(4 * SPARE):
        compilation = compile_cluster(
            cluster(admin("p", pods("x"), ingress=[deny(block(f"10.0.{number}.0/24"))])), previous=compilation
        )
        numberings.append(compilation.universe.numbering)

    assert max(map(len, numberings)) <= SPARE + 3
    assert 1 < len({id(numbering) for numbering in numberings}) < 10


def test_labels_that_nobody_has_any_more_are_forgotten_in_time():
    policy = admin("p", pods("x"), ingress=[deny(pods("x", having(app="a")))])
    compilation = None
    sizes = []
    for number in range(4 * SPARE):
        member = pod("x/a", labels={"app": "a", "version": str(number)})
        compilation = compile_cluster(cluster(policy, pods=[member]), previous=compilation)
        compilation.groups(compilation.snapshot.pods[0])
        sizes.append((len(compilation.universe._index._shapes), len(compilation._subjects)))

    assert max(max(pair) for pair in sizes) <= SPARE + 4
    assert max(max(pair) for pair in sizes) > SPARE


def test_a_program_that_is_asked_without_end_forgets(monkeypatch):
    assert REMEMBERED > 1000
    monkeypatch.setattr("compiler.programs.REMEMBERED", 2)
    rules = [deny(block(f"10.0.{number}.0/24")) for number in range(6)]
    compilation = compile_cluster(cluster(admin("p", pods("x"), ingress=rules)))
    (chosen,) = [each for key, each in programs_of(compilation).items() if key[0] is Direction.INGRESS]
    masks = [segment.membership for segment in compilation.universe.segments[4]]

    assert len({chosen.profile(mask) for mask in masks}) == 6
    assert len(chosen._known) <= 2
    assert [chosen.profile(mask) for mask in masks] == [chosen.profile(mask) for mask in masks]


# What must be noticed.

EVERYONE = admin("p", pods(), egress=[deny(pods("x", having(app="a")), named("web")), accept(nodes_having(gpu="yes"))])
HOME = node("n1", "192.168.0.1", labels={"gpu": "yes"})


ASKS_DOMAIN = admin("p", pods(), egress=[deny(domains("a.example", "b.example"))])


def home(name: str, **more) -> Pod:
    return dataclasses.replace(pod(name, labels={"app": "a"}), node="n1", **more)


A, B, C = (home(f"x/{name}", addresses=(IPv4Address(f"10.0.0.{n}"),)) for n, name in enumerate("abc", 1))
WEB = (ContainerPort("web", Protocol.TCP, 80),)
NAMED = (ContainerPort("web", Protocol.TCP, 81), ContainerPort("other", Protocol.TCP, 82))


def world(*members: Pod, **more) -> Snapshot:
    namespaces = {"x": Labels({"ns": "x"})}
    known = {"namespaces": namespaces, "nodes": (HOME,), "policies": (EVERYONE,), "learned": {}}
    return Snapshot(**{**known, **more}, pods=members)


STATES = {
    "two": world(A, B),
    "in another order": world(B, A),
    "another pod at the same address": world(B, dataclasses.replace(C, addresses=A.addresses)),
    "two pods at one address": world(A, B, dataclasses.replace(C, addresses=A.addresses, labels=Labels())),
    "a pod twice": world(A, A, B),
    "an address twice": world(dataclasses.replace(A, addresses=A.addresses * 2), B),
    "a port": world(dataclasses.replace(A, ports=WEB), B),
    "ports": world(dataclasses.replace(A, ports=NAMED), dataclasses.replace(B, ports=WEB)),
    "a port of a pod without address": world(A, B, home("x/d", ports=WEB, addresses=())),
    "a terminated pod": world(dataclasses.replace(A, terminated=True), B),
    "at the address of a node": world(dataclasses.replace(A, addresses=HOME.addresses), B),
    "another node": world(A, dataclasses.replace(B, node="n2")),
    "a namespace relabelled": world(A, B, namespaces={"x": Labels({"ns": "x", "team": "red"})}),
    "another namespace label": world(A, B, namespaces={"x": Labels({"ns": "y"})}),
    "another app": world(dataclasses.replace(A, labels=Labels({"app": "b"})), B),
    "a node relabelled": world(A, B, nodes=(dataclasses.replace(HOME, labels=Labels()),)),
    "no node": world(A, B, nodes=()),
    "networks": world(A, B, policies=(EVERYONE, admin("q", pods(), egress=[deny(block("10.0.0.0/31"))], priority=2))),
    "teams": world(A, B, policies=(admin("p", pods(having(team="red")), ingress=[deny(pods(having(team="red")))]),)),
    "domains": world(
        A,
        policies=(admin("p", pods(), egress=[accept(domains("a.example")), deny(block("10.0.0.0/8"))]),),
        learned={"a.example": block("10.0.0.1/32", "10.0.0.7/32").addresses},
    ),
    "wide domains": world(A, policies=(ASKS_DOMAIN,), learned={"a.example": block("10.0.0.0/16").addresses}),
    "wider domains": world(A, policies=(ASKS_DOMAIN,), learned={"a.example": block("10.0.0.0/15").addresses}),
    "one by one": world(A, policies=(ASKS_DOMAIN,), learned={"a.example": block("10.0.0.9/32").addresses}),
    "one by one and wide": world(
        A,
        policies=(ASKS_DOMAIN,),
        learned={"a.example": block("10.0.0.9/32").addresses, "b.example": block("10.0.0.0/16").addresses},
    ),
    "renamed": world(A, B, policies=(admin("q", pods(), egress=EVERYONE.egress),)),
    "nothing": Snapshot(),
}


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(STATES, 2)))
def test_any_state_after_any_other_and_back(first, second):
    compilation = None
    lowering, unrelated = Lowering("n1"), Lowering("n1")
    for name in (first, second, first):
        compilation = compile_cluster(STATES[name], previous=compilation)
        fresh = compile_cluster(STATES[name])

        assert lowering.lower(compilation) == lower(compilation, "n1") == lower(fresh, "n1")
        assert unrelated.lower(fresh) == lower(fresh, "n1")
        assert compilation.universe.declarations.keys() == fresh.universe.declarations.keys()


LETTERS = [set(chosen) for size in range(4) for chosen in itertools.combinations("abcdef", size)]


@pytest.mark.parametrize("first", LETTERS, ids=lambda letters: "".join(sorted(letters)) or "none")
def test_classes_come_and_go_and_displace_each_other(first):
    """With three numbers for six classes, and what most classes have changing too."""
    rules = [deny(pods("x", having(app="a"))), *(deny(pods("x", having(tier=letter))) for letter in "bc")]
    policy = admin("p", pods(), ingress=[*rules, *(deny(pods("x", having(app=app))) for app in "def")])
    looks = {
        "a": {"app": "a"},
        "b": {"tier": "b"},
        "c": {"app": "a", "tier": "c"},
        **{app: {"app": app} for app in "def"},
    }
    layout = MarkLayout(0x7 << 16)
    compilation = None
    for second in LETTERS:
        lowering = Lowering("n1", layout)
        for letters in (first, second):
            members = [pod(f"x/{letter}", labels=looks[letter]) for letter in letters]
            snapshot = cluster(policy, pods=[pod("x/z"), *members])
            compilation = compile_cluster(snapshot, previous=compilation)

            assert lowering.lower(compilation) == lower(compile_cluster(snapshot), "n1", layout)


def test_a_pod_of_another_kind_on_the_node_asks_about_all_addresses_again():
    red = admin("red", pods("x"), ingress=[deny(pods("z", having(app="a")))])
    blue = admin("blue", pods("y"), ingress=[deny(pods("z", having(tier="b")))], priority=2)
    others = [pod("z/a", labels={"app": "a"}, node="n2"), pod("z/b", labels={"tier": "b"}, node="n2")]
    alone = compile_cluster(cluster(red, blue, pods=[pod("x/a"), *others]))
    both = cluster(red, blue, pods=[pod("x/a"), pod("y/a"), *others])
    lowering = Lowering("n1")
    lowering.lower(alone)

    assert lowering.lower(compile_cluster(both, previous=alone)) == lower(compile_cluster(both), "n1")


def test_too_many_classes_are_no_reason_to_forget():
    many = [deny(block(f"10.0.{number}.0/24")) for number in range(5)]
    fits = cluster(admin("p", pods("x"), ingress=many[:1]))
    lowering = Lowering("n1", MarkLayout(0x3 << 16))
    before = lowering.lower(compile_cluster(fits))

    with pytest.raises(TooManyClassesError):
        lowering.lower(compile_cluster(cluster(admin("p", pods("x"), ingress=many))))

    assert lowering.lower(compile_cluster(fits)) == before


# How differences are found.


def test_equal_values_are_no_change_and_copies_are_kept():
    before = {1: (1, 2), 2: (3, 4), 3: (5, 6)}
    equal = {2: (3, 2 + 2), 1: (1, 1 + 1), 3: (5, 3 + 3)}

    assert changed_keys(before, equal) == []
    assert patched(before, before, equal.get) is before


def test_all_changes_are_found_wherever_they_are():
    before = {number: str(number) for number in range(10)}
    after = {11: "new", **before, 5: "other", 12: "new"}
    del after[0], after[9]

    assert sorted(changed_keys(before, after)) == [0, 5, 9, 11, 12]
    assert patched(before, changed_keys(before, after), after.get) == after
    assert before == {number: str(number) for number in range(10)}


@pytest.mark.parametrize(
    ("before", "after", "gone", "come"),
    [
        ("abc", "abc", "", ""),
        ("abc", "axbc", "", "x"),
        ("abc", "ac", "b", ""),
        ("abc", "cba", "", ""),
        ("aab", "ab", "a", ""),
        ("ab", "aab", "", "a"),
        ("", "ab", "", "ab"),
        ("ab", "", "ab", ""),
        ("abab", "baxb", "a", "x"),
    ],
)
def test_members_that_go_and_come(before, after, gone, come):
    found = changed_members([*before], [*after], str)
    copies = changed_members([(c, 1) for c in before], [(c, 1) for c in after], repr)

    assert tuple(map(sorted, found)) == (sorted(gone), sorted(come))
    assert tuple([c for c, _ in sorted(side)] for side in copies) == (sorted(gone), sorted(come))
