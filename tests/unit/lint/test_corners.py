"""Corners of lint that drawn clusters seldom have."""

import pytest

from anp.analysis.lint.implication import covers, implies
from anp.analysis.lint.linter import Wanted, lint
from anp.state.cluster import Cluster
from compiler.model import Policy, Protocol, Snapshot
from tests.builders import (
    accept,
    admin,
    among,
    baseline,
    block,
    cluster,
    deny,
    having,
    leave,
    named,
    not_among,
    pod,
    pods,
    tcp,
)

EVERYBODY = pods("*")


def found(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    report = lint(Cluster(snapshot, {}, {}, (), ()), {}, Wanted())
    return [(each.code, each.about, ".".join(map(str, each.path[1:]))) for each in report.findings]


def codes(*policies: Policy, **more) -> set[str]:
    return {code for code, _about, _path in found(cluster(*policies, **more))}


def test_of_two_rules_that_say_the_same_one_is_needed():
    same = [accept(pods("x")), accept(pods("x")), deny(EVERYBODY)]

    told = [(code, path) for code, _, path in found(cluster(admin("a", EVERYBODY, ingress=same)))]

    assert [each for each in told if each[0] in ("ANP101", "ANP102", "ANP106")] == [("ANP102", "ingress.1")]


@pytest.mark.parametrize("values", [("0", "1"), ("0", "1", "2")])
def test_a_list_of_values_is_outside_of_an_exception_only_if_all_of_it_is(values):
    assert not implies(having(among("a", *values)), having(not_among("a", "0")))
    assert implies(having(among("a", *values)), having(not_among("a", "3")))


def test_a_number_does_not_cover_a_name_and_all_numbers_do():
    policy = admin("a", EVERYBODY)
    by_name = deny(EVERYBODY, named("http"))
    of_tcp = deny(EVERYBODY, named("http", Protocol.TCP))

    assert not covers(policy, of_tcp, [(policy, deny(EVERYBODY, tcp(80)))])
    assert covers(policy, of_tcp, [(policy, deny(EVERYBODY, tcp()))])
    assert not covers(policy, by_name, [(policy, deny(EVERYBODY, tcp()))])
    assert covers(policy, by_name, [(policy, deny(EVERYBODY))])
    assert covers(policy, by_name, [(policy, deny(EVERYBODY, named("http"), tcp(1)))])


def test_all_addresses_cover_pods_but_not_by_the_names_of_ports():
    policy = admin("a", EVERYBODY)
    everywhere = block("0.0.0.0/0", "::/0")

    assert covers(policy, deny(EVERYBODY, tcp(80)), [(policy, deny(everywhere))])
    assert not covers(policy, deny(EVERYBODY, named("http")), [(policy, deny(everywhere, named("http")))])
    assert not covers(policy, deny(EVERYBODY, tcp(80)), [(policy, deny(block("0.0.0.0/0")))])


def test_a_conflict_about_what_was_decided_before_is_none():
    one, other = admin("a", EVERYBODY, ingress=[accept(pods("x"))]), admin("b", EVERYBODY, ingress=[deny(pods("x"))])

    assert "ANP105" in codes(one, other)
    assert "ANP105" not in codes(admin("first", EVERYBODY, priority=1, ingress=[deny(pods("x"))]), one, other)
    assert "ANP105" in codes(admin("first", EVERYBODY, priority=1, ingress=[deny(pods("x"), tcp(80))]), one, other)


def test_a_pass_is_in_conflict_where_a_later_tier_says_otherwise():
    passing = admin("a", EVERYBODY, ingress=[leave(pods("x"))])
    accepting = admin("b", EVERYBODY, ingress=[accept(pods("x"))])

    assert "ANP105" not in codes(passing, accepting)
    assert "ANP105" in codes(passing, accepting, baseline("z", EVERYBODY, ingress=[deny(pods("x"))]))


@pytest.mark.parametrize(
    ("value", "told"), [("front", True), ("fronteed", True), ("frotnend", True), ("Frontend", True), ("backend", False)]
)
def test_one_slip_of_the_pen_is_told(value, told):
    there = pod("x/a", labels={"tier": "front" if value == "front" else "frontend"})
    wanted = "fron" if value == "front" else value

    policy = admin("a", pods(having(), having(tier=wanted)), ingress=[deny(EVERYBODY)])

    assert ("ANP204" in codes(policy, pods=[there])) == told


@pytest.mark.parametrize(("written", "there"), [("tier1", "tier2"), ("tier", "tier2"), ("v10-blue", "v1-blue")])
def test_another_number_is_no_slip(written, there):
    policy = admin("a", pods(having(), having(tier=written)), ingress=[deny(EVERYBODY)])

    assert "ANP204" not in codes(policy, pods=[pod("x/a", labels={"tier": there})])


def test_nothing_is_said_of_the_ports_of_nobody():
    policy = admin("a", EVERYBODY, egress=[deny(pods("z"), named("http"))])

    assert not {"ANP301", "ANP302"} & codes(policy)
    assert "ANP301" in codes(admin("a", EVERYBODY, egress=[deny(pods("x"), named("http"))]))
