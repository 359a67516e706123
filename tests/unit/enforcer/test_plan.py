"""Plans, carried out on the twin of the kernel."""

from dataclasses import replace

import pytest
from hypothesis import example, given, note
from hypothesis import strategies as st

from compiler import syntax
from compiler.model import Protocol
from compiler.ruleset import (
    Accept,
    AddressLookup,
    Chain,
    Count,
    Drop,
    ExactMap,
    Foreign,
    Goto,
    Hook,
    Jump,
    KeyType,
    PortLookup,
    RangeMap,
    Ruleset,
    Side,
)
from compiler.syntax import InvalidRulesetError
from enforcer.fake import FakeDataplane
from enforcer.plan import plan
from enforcer.transaction import AddElements, DeleteElements, DeleteTable
from tests.ruleset_strategies import rulesets

PODS = Ruleset(
    chains={
        "forward": Chain(((AddressLookup(Side.SOURCE, 4, "subject-4"),),), Hook.FORWARD),
        "class-1": Chain(((Drop(),),)),
    },
    maps={"subject-4": ExactMap(KeyType.IPV4, {number: Goto("class-1") for number in range(100)})},
)


def with_map(ruleset: Ruleset, name: str, value) -> Ruleset:
    return replace(ruleset, maps={**ruleset.maps, name: value})


@given(before=rulesets(), after=rulesets())
@example(PODS, with_map(PODS, "subject-4", RangeMap(KeyType.IPV4, {(0, 99): Goto("class-1")})))
@example(PODS, replace(PODS, chains={**PODS.chains, "forward": Chain(PODS.chains["forward"].rules, Hook.INPUT)}))
def test_a_plan_takes_any_state_to_any_other_and_then_is_empty(before, after):
    dataplane = FakeDataplane()
    for ruleset in (before, after, before, Ruleset()):
        tx = plan(dataplane.read(), ruleset)
        note(str(tx))
        dataplane.run(tx)

        assert dataplane.read() == ruleset
        assert not plan(dataplane.read(), ruleset)


@given(ruleset=rulesets())
def test_a_plan_from_nothing_is_what_the_whole_script_says(ruleset):
    script = syntax.script(ruleset)
    commands = [line for line in script.splitlines() if line and not line.startswith("#")]

    assert commands[2:] == str(plan(Ruleset(), ruleset)).splitlines()


@given(ruleset=rulesets())
def test_unchanged_objects_are_left_alone(ruleset):
    more = replace(ruleset, counters=ruleset.counters | {"rule-new"})

    assert str(plan(ruleset, more)).splitlines()[-1] == "add counter inet anp rule-new"
    assert len(plan(ruleset, more)) == (2 if ruleset.empty else 1)


@given(before=rulesets(), after=rulesets(), objects=st.frozensets(st.text().map(Foreign), min_size=1))
def test_a_table_with_foreign_objects_is_made_anew(before, after, objects):
    dataplane = FakeDataplane(replace(before, foreign=objects))

    dataplane.run(plan(dataplane.read(), after))

    assert dataplane.read() == after


def test_a_foreign_rule_is_flushed_with_its_chain():
    dataplane = FakeDataplane(Ruleset({"class-1": Chain(((Foreign("{}"),), (Drop(),)))}))
    wanted = Ruleset({"class-1": Chain(((Drop(),),))})

    tx = plan(dataplane.read(), wanted)

    assert str(tx) == "flush chain inet anp class-1\nadd rule inet anp class-1 drop\n"
    dataplane.run(tx)
    assert dataplane.read() == wanted


def test_a_pod_that_comes_and_one_that_goes_are_elements():
    pods = dict(PODS.maps["subject-4"].elements)
    del pods[7]
    pods[1000] = Goto("class-1")

    assert plan(PODS, with_map(PODS, "subject-4", ExactMap(KeyType.IPV4, pods))).operations == (
        DeleteElements("subject-4", KeyType.IPV4, (7,)),
        AddElements("subject-4", ExactMap(KeyType.IPV4, {1000: Goto("class-1")})),
    )


def test_an_element_that_changes_goes_and_comes():
    pods = {**PODS.maps["subject-4"].elements, 7: Accept()}

    assert plan(PODS, with_map(PODS, "subject-4", ExactMap(KeyType.IPV4, pods))).operations == (
        DeleteElements("subject-4", KeyType.IPV4, (7,)),
        AddElements("subject-4", ExactMap(KeyType.IPV4, {7: Accept()})),
    )


def test_a_map_of_ranges_that_changes_is_rewritten_whole():
    before = Ruleset(maps={"net-4": RangeMap(KeyType.IPV4, {(0, 9): Drop(), (20, 29): Drop()})})
    after = Ruleset(maps={"net-4": RangeMap(KeyType.IPV4, {(0, 9): Drop(), (10, 29): Accept()})})

    assert str(plan(before, after)) == (
        "flush map inet anp net-4\nadd element inet anp net-4 { 0.0.0.0-0.0.0.9 : drop, 0.0.0.10-0.0.0.29 : accept }\n"
    )


def test_counters_outlive_the_rules_that_use_them():
    before = Ruleset({"rule-a": Chain(((Count("rule-a"), Drop()),))}, counters=frozenset({"rule-a"}))
    after = replace(before, chains={"rule-a": Chain(((Count("rule-a"), Accept()),))})

    assert "add counter" not in str(plan(before, after))


def test_to_nothing_is_one_operation():
    assert plan(PODS, Ruleset()).operations == (DeleteTable(),)


def test_order():
    """What is referred to arrives first and leaves last."""
    one = Ruleset(
        {"class-1": Chain(((Jump("class-2"),),)), "class-2": Chain(((Count("rule-1"),),))},
        {"class-4": ExactMap(KeyType.IPV4, {1: Goto("class-1")})},
        frozenset({"rule-1"}),
    )
    two = Ruleset(
        {"class-5": Chain(((Jump("class-6"),),)), "class-6": Chain(((Count("rule-2"),),))},
        {"class-6": ExactMap(KeyType.IPV4, {1: Goto("class-5")})},
        frozenset({"rule-2"}),
    )

    assert str(plan(one, two)).splitlines() == [
        "flush chain inet anp class-1",
        "flush chain inet anp class-2",
        "delete map inet anp class-4",
        "delete chain inet anp class-1",
        "delete chain inet anp class-2",
        "delete counter inet anp rule-1",
        "add counter inet anp rule-2",
        "add chain inet anp class-5",
        "add chain inet anp class-6",
        "add map inet anp class-6 { type ipv4_addr : verdict; }",
        "add element inet anp class-6 { 0.0.0.1 : goto class-5 }",
        "add rule inet anp class-5 jump class-6",
        'add rule inet anp class-6 counter name "rule-2"',
    ]


OVERLAPS = [
    Ruleset(maps={"net-4": RangeMap(KeyType.IPV4, {(0, 9): Drop(), (9, 9): Accept()})}),
    Ruleset(maps={"net-6": RangeMap(KeyType.IPV6, {(5, 6): Drop(), (0, 9): Accept()})}),
    Ruleset({"class-1": Chain(((PortLookup(Protocol.TCP, (((1, 5), Drop()), ((5, 9), Drop()))),),))}),
]


@pytest.mark.parametrize("before", [Ruleset(), PODS], ids=["nothing", "something"])
@pytest.mark.parametrize("after", OVERLAPS, ids=str)
def test_overlapping_ranges_are_never_planned(before, after):
    with pytest.raises(InvalidRulesetError, match="overlap"):
        plan(before, after)


def test_foreign_objects_cannot_be_wanted():
    with pytest.raises(InvalidRulesetError, match="foreign"):
        plan(Ruleset(), Ruleset(foreign=frozenset({Foreign("{}")})))
