"""The text of rulesets: what it looks like, and that nothing can become text but what we mean."""

import re
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler import syntax
from compiler.model import Protocol
from compiler.names import FORWARD_CHAIN, INPUT_CHAIN
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
    MarkLookup,
    MarkMatch,
    NeighborDiscoveryMatch,
    PortLookup,
    PortMatch,
    RangeMap,
    Return,
    Ruleset,
    SetMark,
    Side,
    TrackedMatch,
)
from compiler.syntax import InvalidRulesetError
from tests.ruleset_strategies import rulesets

HOSTILE = (
    "",
    "class",
    "class-",
    "Class-1",
    "all",
    "missing",
    "output",
    "class-1 drop",
    "class-1\n",
    "class-1\ndelete table inet other",
    "class-1; flush ruleset",
    'class-1" drop comment "x',
    "class-1 }",
    "class-1/2",
    "class-1@",
    "class-é",
    "class-\u0661",
    "class-1\x00",
    "forward\n",
    "rule-" + "a" * 251,
)
hostile_names = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=30),
    st.text(max_size=10).map("class-1{}".format),
    st.text(alphabet='-a1 ;{}"\n\t,:@#$\\/*', max_size=10).map("rule-{}".format),
).filter(lambda text: not syntax.is_name(text))


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        (TrackedMatch(), "ct state established,related"),
        (NeighborDiscoveryMatch(), "icmpv6 type 133-137"),
        (MarkMatch(0xFFFF0000, 0), "meta mark & 0xffff0000 == 0x00000000"),
        (SetMark(0xFFFF0000, 0x10000), "meta mark set meta mark & 0x0000ffff | 0x00010000"),
        (SetMark(0xFFFF0000, 0), "meta mark set meta mark & 0x0000ffff"),
        (AddressLookup(Side.SOURCE, 4, "class-4"), "ip saddr vmap @class-4"),
        (AddressLookup(Side.DESTINATION, 6, "net-6"), "ip6 daddr vmap @net-6"),
        (MarkLookup(0xFFFF0000, "program-a"), "meta mark & 0xffff0000 vmap @program-a"),
        (
            PortLookup(Protocol.TCP, (((0, 79), Goto("rule-a")), ((80, 80), Drop()))),
            "tcp dport vmap { 0-79 : goto rule-a, 80 : drop }",
        ),
        (PortMatch(Protocol.TCP, (80, 80)), "tcp dport 80"),
        (PortMatch(Protocol.UDP, (0, 80)), "udp dport 0-80"),
        (PortMatch(Protocol.SCTP, (0, 65535)), "meta l4proto sctp"),
        (Count("rule-a"), 'counter name "rule-a"'),
        (Accept(), "accept"),
        (Drop(), "drop"),
        (Return(), "return"),
        (Jump("class-1"), "jump class-1"),
        (Goto("class-1"), "goto class-1"),
    ],
)
def test_statements(statement, text):
    assert syntax.statement(statement) == text


def test_a_whole_script():
    ruleset = Ruleset(
        chains={
            "rule-a": Chain(((Count("rule-a"), Drop()),)),
            "forward": Chain(((TrackedMatch(), Accept()), (Jump("rule-a"),)), Hook.FORWARD),
        },
        maps={
            "net-6": RangeMap(KeyType.IPV6, {(0, 0): Drop(), (1, 2): Accept()}),
            "class-4": ExactMap(KeyType.IPV4, {0x0A000002: Drop(), 0x0A000001: Goto("rule-a")}),
        },
        counters=frozenset({"rule-a"}),
    )

    assert (
        syntax.script(ruleset)
        == """\
# Table inet anp: 2 chains, 1 counters, 2 maps with 4
# elements. Loading this replaces whatever the table held, all at once.
add table inet anp
delete table inet anp
add table inet anp

add counter inet anp rule-a

add chain inet anp forward { type filter hook forward priority 0; policy accept; }
add chain inet anp rule-a

add map inet anp class-4 { type ipv4_addr : verdict; }
add map inet anp net-6 { type ipv6_addr : verdict; flags interval; }
add element inet anp class-4 { 10.0.0.1 : goto rule-a, 10.0.0.2 : drop }
add element inet anp net-6 { :: : drop, ::1-::2 : accept }

add rule inet anp forward ct state established,related accept
add rule inet anp forward jump rule-a

add rule inet anp rule-a counter name "rule-a" drop
"""
    )


def test_of_nothing_the_script_leaves_nothing():
    assert syntax.script(Ruleset()).splitlines()[-2:] == ["add table inet anp", "delete table inet anp"]


@given(ruleset=rulesets(), random=st.randoms(use_true_random=False))
def test_equal_rulesets_have_equal_scripts(ruleset, random):
    def shuffled(mapping):
        return dict(random.sample(list(mapping.items()), len(mapping)))

    maps = {name: type(value)(value.key, shuffled(value.elements)) for name, value in ruleset.maps.items()}
    again = Ruleset(shuffled(ruleset.chains), shuffled(maps), ruleset.counters)

    assert syntax.script(again) == syntax.script(ruleset)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**128 - 1))
def test_addresses_are_spelled_as_everybody_does(four, six):
    assert ip_address(syntax.number(KeyType.IPV4, four)) == ip_address(four.to_bytes(4))
    assert ip_address(syntax.number(KeyType.IPV6, six)) == ip_address(six.to_bytes(16))


@given(st.integers(1, 12))
def test_many_elements_are_several_commands(batches):
    size = syntax.BATCH // 2 * batches
    value = ExactMap(KeyType.MARK, {number: Drop() for number in range(size)})

    lines = list(syntax.add_elements("program-a", value))

    assert len(lines) == (batches + 1) // 2
    assert [int(found, 16) for line in lines for found in re.findall(r"0x\w+", line)] == list(range(size))


# What has no text.


def ways_to_use(name):
    """Return, for a name, everything that makes text of one."""
    return (
        lambda: syntax.name(name),
        lambda: syntax.verdict(Jump(name)),
        lambda: syntax.statement(Goto(name)),
        lambda: syntax.statement(AddressLookup(Side.SOURCE, 4, name)),
        lambda: syntax.statement(MarkLookup(1, name)),
        lambda: syntax.statement(PortLookup(Protocol.TCP, (((1, 1), Jump(name)),))),
        lambda: syntax.statement(Count(name)),
        lambda: syntax.add_chain(name, Chain(())),
        lambda: syntax.add_chain(name, Chain((), Hook.INPUT)),
        lambda: syntax.flush_chain(name),
        lambda: syntax.delete_chain(name),
        lambda: syntax.add_rule(name, (Drop(),)),
        lambda: syntax.add_rule("class-1", (Drop(), Jump(name))),
        lambda: syntax.add_map(name, ExactMap(KeyType.IPV4)),
        lambda: syntax.flush_map(name),
        lambda: syntax.delete_map(name),
        lambda: list(syntax.add_elements(name, ExactMap(KeyType.IPV4, {1: Drop()}))),
        lambda: list(syntax.add_elements("class-4", ExactMap(KeyType.IPV4, {1: Jump(name)}))),
        lambda: list(syntax.add_elements("net-4", RangeMap(KeyType.IPV4, {(1, 2): Goto(name)}))),
        lambda: list(syntax.delete_elements(name, KeyType.IPV4, (1,))),
        lambda: syntax.add_counter(name),
        lambda: syntax.delete_counter(name),
        lambda: syntax.script(Ruleset(chains={name: Chain(())})),
        lambda: syntax.script(Ruleset(maps={name: ExactMap(KeyType.MARK)})),
        lambda: syntax.script(Ruleset(counters=frozenset({name}))),
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_name_of_ours_is_known(name):
    assert not syntax.is_name(name)


@given(hostile_names)
def test_no_hostile_name_becomes_text(name):
    for use in ways_to_use(name):
        with pytest.raises(InvalidRulesetError):
            use()


@given(st.from_regex(syntax._NAME))
def test_names_are_single_words(text):
    if syntax.is_name(text):
        assert re.fullmatch(r"[A-Za-z0-9_.-]+", text, re.ASCII)


def test_the_names_of_base_chains_are_names():
    assert syntax.is_name(FORWARD_CHAIN)
    assert syntax.is_name(INPUT_CHAIN)


@pytest.mark.parametrize(
    "statement",
    [
        MarkMatch(0, 0),
        MarkMatch(1 << 32, 0),
        MarkMatch(-1, 0),
        MarkMatch(0xFF, 0x100),
        MarkMatch(0xFF, -1),
        SetMark(0, 0),
        SetMark(0xFF, 0x1FF),
        MarkLookup(0, "program-a"),
        PortMatch(Protocol.OTHER, (1, 1)),
        PortMatch(Protocol.TCP, (2, 1)),
        PortMatch(Protocol.TCP, (1, 65536)),
        PortLookup(Protocol.TCP, ()),
        PortLookup(Protocol.OTHER, (((1, 1), Drop()),)),
        PortLookup(Protocol.TCP, (((1, 65536), Drop()),)),
        PortLookup(Protocol.TCP, (((-1, 1), Drop()),)),
        PortLookup(Protocol.TCP, (((2, 1), Drop()),)),
        PortLookup(Protocol.TCP, (((5, 6), Drop()), ((1, 2), Drop()))),
        PortLookup(Protocol.TCP, (((1, 5), Drop()), ((5, 6), Drop()))),
        Foreign("{}"),
    ],
    ids=str,
)
def test_impossible_statements_have_no_text(statement):
    with pytest.raises(InvalidRulesetError):
        syntax.statement(statement)


@pytest.mark.parametrize(
    "ruleset",
    [
        Ruleset(chains={"class-1": Chain(((),))}),
        Ruleset(foreign=frozenset({Foreign("{}")})),
        Ruleset(maps={"net-4": RangeMap(KeyType.MARK)}),
        Ruleset(maps={"net-4": RangeMap(KeyType.IPV4, {(1, 5): Drop(), (5, 6): Drop()})}),
        Ruleset(maps={"net-4": RangeMap(KeyType.IPV4, {(5, 9): Drop(), (1, 20): Drop()})}),
        Ruleset(maps={"net-4": RangeMap(KeyType.IPV4, {(5, 4): Drop()})}),
        Ruleset(maps={"net-4": RangeMap(KeyType.IPV4, {(5, 1 << 32): Drop()})}),
        Ruleset(maps={"class-4": ExactMap(KeyType.IPV4, {1 << 32: Drop()})}),
        Ruleset(maps={"class-6": ExactMap(KeyType.IPV6, {1 << 128: Drop()})}),
        Ruleset(maps={"program-a": ExactMap(KeyType.MARK, {-1: Drop()})}),
    ],
    ids=str,
)
def test_impossible_rulesets_have_no_script(ruleset):
    with pytest.raises(InvalidRulesetError):
        syntax.script(ruleset)
