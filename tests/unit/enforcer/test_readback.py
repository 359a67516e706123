"""Reading what libnftables lists: exact where it is ours, foreign where it is not, and never a crash."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.model import Protocol
from compiler.ruleset import (
    MARK_BITS,
    AddressLookup,
    Chain,
    Count,
    Drop,
    ExactMap,
    Foreign,
    Goto,
    Hook,
    KeyType,
    MarkLookup,
    MarkMatch,
    NeighborDiscoveryMatch,
    PortLookup,
    PortMatch,
    RangeMap,
    Ruleset,
    SetMark,
    Side,
    TrackedMatch,
)
from enforcer.errors import ListingError
from enforcer.expressions import statement
from enforcer.readback import parse_listing, read_listing

MARK = {"meta": {"key": "mark"}}
OURS = {"family": "inet", "table": "anp"}


def listing(*entries: dict) -> dict:
    return {"nftables": [{"metainfo": {"version": "1.0.6"}}, {"table": {"family": "inet", "name": "anp"}}, *entries]}


def masked(mask: int) -> dict:
    return {"&": [MARK, mask]}


def payload(protocol: str, field: str) -> dict:
    return {"payload": {"protocol": protocol, "field": field}}


def match(op: str, left: object, right: object) -> dict:
    return {"match": {"op": op, "left": left, "right": right}}


def mangle(value: object) -> dict:
    return {"mangle": {"key": MARK, "value": value}}


@pytest.mark.parametrize(
    ("listed", "read"),
    [
        (match("in", {"ct": {"key": "state"}}, [2, 4]), TrackedMatch()),
        (match("in", {"ct": {"key": "state"}}, ["established", "related"]), TrackedMatch()),
        (match("in", {"ct": {"key": "state"}}, {"set": [2, 4]}), TrackedMatch()),
        (match("==", payload("icmpv6", "type"), {"range": [133, 137]}), NeighborDiscoveryMatch()),
        (match("==", MARK, {"prefix": {"addr": 0x10000, "len": 16}}), MarkMatch(0xFFFF0000, 0x10000)),
        (match("==", MARK, {"prefix": {"addr": 7, "len": 32}}), MarkMatch(MARK_BITS, 7)),
        (match("==", MARK, 5), MarkMatch(MARK_BITS, 5)),
        (match("==", masked(0xFF00), 0x100), MarkMatch(0xFF00, 0x100)),
        (mangle({"|": [masked(0x1FFFF), 0x10000]}), SetMark(0xFFFF0000, 0x10000)),
        (mangle({"|": [masked(0xFFFF), 0x10000]}), SetMark(0xFFFF0000, 0x10000)),
        (mangle({"|": [MARK, 0xFFFF0000]}), SetMark(0xFFFF0000, 0xFFFF0000)),
        (mangle(masked(0xFFFF)), SetMark(0xFFFF0000, 0)),
        (mangle(5), SetMark(MARK_BITS, 5)),
        ({"vmap": {"key": masked(0xFF), "data": "@program-a"}}, MarkLookup(0xFF, "program-a")),
        ({"vmap": {"key": MARK, "data": "@program-a"}}, MarkLookup(MARK_BITS, "program-a")),
        ({"vmap": {"key": payload("ip6", "daddr"), "data": "@net-6"}}, AddressLookup(Side.DESTINATION, 6, "net-6")),
        (
            {"vmap": {"key": payload("tcp", "dport"), "data": {"set": [[{"range": [9, 10]}, {"drop": None}]]}}},
            PortLookup(Protocol.TCP, (((9, 10), Drop()),)),
        ),
        (match("==", payload("tcp", "dport"), 80), PortMatch(Protocol.TCP, (80, 80))),
        (match("==", payload("udp", "dport"), {"range": [0, 80]}), PortMatch(Protocol.UDP, (0, 80))),
        (match("==", {"meta": {"key": "l4proto"}}, "sctp"), PortMatch(Protocol.SCTP, (0, 65535))),
        (match("==", {"meta": {"key": "l4proto"}}, 132), PortMatch(Protocol.SCTP, (0, 65535))),
        ({"counter": "rule-a"}, Count("rule-a")),
        ({"goto": {"target": "rule-a"}}, Goto("rule-a")),
    ],
)
def test_statements_of_ours(listed, read):
    assert statement(listed) == read


@pytest.mark.parametrize(
    "listed",
    [
        match("!=", MARK, 5),
        match("==", payload("tcp", "sport"), 80),
        match("==", payload("tcp", "dport"), {"range": [0, 65535]}),
        match("==", {"meta": {"key": "l4proto"}}, "icmp"),
        match("==", MARK, True),  # noqa: FBT003  it is what JSON may say
        match("==", MARK, 1 << 32),
        match("==", masked(0xFF), 0x100),
        match("==", masked(0), 0),
        match("==", MARK, {"prefix": {"addr": 0, "len": 0}}),
        match("==", MARK, {"prefix": {"addr": 0, "len": 33}}),
        match("==", {"ct": {"key": "mark"}}, 5),
        match("in", {"ct": {"key": "state", "dir": "original"}}, [2, 4]),
        match("in", {"ct": {"key": "state"}}, [2]),
        match("in", {"ct": {"key": "state"}}, [2, 4, 8]),
        match("==", payload("icmpv6", "type"), {"range": [133, 138]}),
        match("==", payload("icmp", "type"), {"range": [133, 137]}),
        mangle(MARK),
        mangle({"^": [MARK, 5]}),
        mangle({"|": [masked(0xFF), MARK]}),
        mangle({"&": [{"ct": {"key": "mark"}}, 5]}),
        {"mangle": {"key": {"ct": {"key": "mark"}}, "value": 5}},
        {"vmap": {"key": payload("ip", "saddr"), "data": "@their map"}},
        {"vmap": {"key": payload("ip", "saddr"), "data": "class-4"}},
        {"vmap": {"key": payload("ip", "protocol"), "data": "@class-4"}},
        {"vmap": {"key": payload("th", "dport"), "data": {"set": [[53, {"drop": None}]]}}},
        {"vmap": {"key": payload("tcp", "sport"), "data": {"set": [[53, {"drop": None}]]}}},
        {"vmap": {"key": payload("tcp", "dport"), "data": {"set": [[53, {"continue": None}]]}}},
        {"vmap": {"key": MARK, "data": "@program-a", "more": 1}},
        {"vmap": {"key": MARK, "data": "@program-a"}, "more": 1},
        {"match": {"op": "==", "left": MARK, "right": 5, "more": 1}},
        {"mangle": {"key": MARK, "value": {"&": [MARK, 5], "more": 1}}},
        {"counter": "rule-a", "more": 1},
        {"counter": {"packets": 0, "bytes": 0}},
        {"counter": "theirs"},
        {"goto": {"target": "theirs"}},
        {"goto": {"target": "rule-a"}, "drop": None},
        {"drop": 5},
        {"drop": None, "accept": None},
        {"log": {"prefix": "x"}},
        {},
        None,
        [],
        "drop",
    ],
    ids=json.dumps,
)
def test_statements_of_others(listed):
    assert statement(listed) == Foreign(json.dumps(listed, sort_keys=True))


def test_ranges_come_in_three_forms():
    verdict = {"goto": {"target": "class-1"}}
    listed = {
        **OURS,
        "name": "net-4",
        "type": "ipv4_addr",
        "map": "verdict",
        "flags": ["interval"],
        "elem": [
            ["12.0.0.1", verdict],
            [{"prefix": {"addr": "10.0.0.0", "len": 8}}, verdict],
            [{"range": ["11.0.0.0", "11.0.0.5"]}, verdict],
        ],
    }

    (value,) = read_listing(listing({"map": listed})).maps.values()

    assert value == RangeMap(
        KeyType.IPV4,
        dict.fromkeys([(10 << 24, (11 << 24) - 1), (11 << 24, (11 << 24) + 5), ((12 << 24) + 1,) * 2], Goto("class-1")),
    )
    assert list(value.elements) == sorted(value.elements)


def test_a_listing():
    read = parse_listing(
        json.dumps(
            listing(
                {"counter": {**OURS, "name": "rule-a", "handle": 4, "packets": 5, "bytes": 6}},
                {"map": {**OURS, "name": "program-a", "type": "mark", "map": "verdict", "elem": [[5, {"drop": None}]]}},
                {"chain": {**OURS, "name": "input", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}},
                {"rule": {**OURS, "chain": "input", "handle": 9, "expr": [{"counter": "rule-a"}, {"drop": None}]}},
                {"chain": {"family": "ip", "table": "anp", "name": "class-1"}},
                {"chain": {"family": "inet", "table": "other", "name": "class-1"}},
            )
        )
    )

    assert read == Ruleset(
        {"input": Chain(((Count("rule-a"), Drop()),), Hook.INPUT)},
        {"program-a": ExactMap(KeyType.MARK, {5: Drop()})},
        frozenset({"rule-a"}),
    )


@pytest.mark.parametrize(
    "entry",
    [
        {"set": {**OURS, "name": "net-4", "type": "ipv4_addr"}},
        {"chain": {**OURS, "name": "theirs"}},
        {"chain": {**OURS, "name": "class-1", "comment": "x"}},
        {"chain": {**OURS, "name": 5}},
        {"chain": {**OURS}},
        {"table": {"family": "inet", "name": "anp", "flags": ["dormant"]}},
        {"counter": {**OURS, "name": "rule-a", "comment": "x"}},
        {"map": {**OURS, "name": "class-4", "type": ["ipv4_addr", "mark"], "map": "verdict"}},
        {"map": {**OURS, "name": "class-4", "type": "ipv4_addr", "map": "mark"}},
        {"map": {**OURS, "name": "class-4", "type": "ipv4_addr", "map": "verdict", "timeout": 5}},
        {"map": {**OURS, "name": "class-4", "type": "ipv4_addr", "map": "verdict", "elem": [["::1", {"drop": None}]]}},
        {"map": {**OURS, "name": "net-4", "type": "mark", "map": "verdict", "flags": ["interval"]}},
        {"rule": {**OURS, "chain": "theirs", "expr": []}},
        {"flowtable": {**OURS, "name": "f", "handle": 7}},
    ],
    ids=json.dumps,
)
def test_objects_of_others(entry):
    ((kind, body),) = entry.items()
    expected = {kind: {key: value for key, value in body.items() if key != "handle"}}

    assert read_listing(listing(entry)) == Ruleset(foreign=frozenset({Foreign(json.dumps(expected, sort_keys=True))}))


def test_a_comment_makes_a_rule_foreign():
    rule = {**OURS, "chain": "class-1", "expr": [{"drop": None}], "comment": "x"}
    read = read_listing(listing({"chain": {**OURS, "name": "class-1"}}, {"rule": rule}))

    assert read.chains["class-1"].rules == ((Drop(), Foreign('{"comment": "x"}')),)


@pytest.mark.parametrize(
    "entry",
    [
        {"rule": {**OURS, "chain": "class-2", "expr": [{"accept": None}]}},
        {"chain": {**OURS, "name": "class-1"}},
        {"chain": {**OURS, "name": "class-1", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}},
        {"map": {**OURS, "name": "class-4", "type": "ipv4_addr", "map": "verdict"}},
    ],
    ids=json.dumps,
)
def test_what_contradicts_the_rest_of_a_listing_is_foreign(entry):
    held = [
        {"chain": {**OURS, "name": "class-1"}},
        {
            "map": {
                **OURS,
                "name": "class-4",
                "type": "ipv4_addr",
                "map": "verdict",
                "elem": [["10.0.0.1", {"drop": None}]],
            }
        },
    ]

    assert not read_listing(listing(*held)).foreign
    assert read_listing(listing(*held, entry)).foreign
    assert read_listing(listing(entry, *held)).foreign


# Odd listings.

WORDS = (
    *("map", "chain", "rule", "counter", "table", "set", "family", "inet", "name", "anp", "handle", "expr", "elem"),
    *("key", "left", "right", "op", "match", "mangle", "vmap", "meta", "mark", "payload", "protocol", "field", "ip"),
    *("saddr", "tcp", "dport", "data", "range", "prefix", "addr", "len", "goto", "jump", "target", "drop", "accept"),
    *("class-1", "forward", "filter", "hook", "type", "prio", "policy", "flags", "interval", "ipv4_addr", "verdict"),
    *("&", "|", "==", "in", "ct", "state", "@class-4", "10.0.0.1", "::1"),
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-1, 1 << 33), st.floats(), st.sampled_from(WORDS), st.text())
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)),
    max_leaves=12,
)
bodies = st.builds(
    lambda known, more: {**more, **known},
    st.fixed_dictionaries(
        {key: st.just(value) for key, value in OURS.items()},
        optional={
            "name": st.one_of(st.sampled_from(("class-1", "forward", "net-4")), values),
            "chain": st.one_of(st.just("class-1"), values),
            "expr": st.one_of(st.lists(values, max_size=3), values),
            "elem": st.one_of(st.lists(st.tuples(values, values).map(list), max_size=3), values),
            "type": st.one_of(st.sampled_from(("ipv4_addr", "mark")), values),
            "map": st.one_of(st.just("verdict"), values),
            "flags": st.one_of(st.just(["interval"]), values),
        },
    ),
    st.dictionaries(st.sampled_from(WORDS), values, max_size=3),
)
kinds = st.sampled_from(("table", "chain", "map", "rule", "counter", "set", "odd"))
entries = st.builds(lambda kind, body: {kind: body}, kinds, st.one_of(bodies, values))


@given(st.lists(entries, max_size=4))
def test_any_listing_of_objects_is_read(entries):
    assert isinstance(read_listing({"nftables": entries}), Ruleset)


@given(values)
def test_any_statement_is_read(value):
    statement(value)


@given(st.one_of(values, values.map(lambda value: {"nftables": value})))
def test_what_is_no_listing_is_a_listing_error_or_empty(value):
    with contextlib.suppress(ListingError):
        read_listing(value)


@pytest.mark.parametrize("text", ["", "no", "{", "[]", "{}", '{"nftables": {}}', '{"nftables": [5]}', "[" * 100_000])
def test_what_is_no_listing_at_all_is_a_listing_error(text):
    with pytest.raises(ListingError):
        parse_listing(text)
