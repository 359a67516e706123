"""What nft lists means what the kernel would do with it."""

import json
import subprocess
from collections import defaultdict
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anp.firewall.model import Action, Fate
from anp.firewall.providers.nftables import NFTABLES
from anp.firewall.providers.provider import Options, Source
from anp.firewall.services import GRE, ICMP, TCP, UDP
from anp.sources.diagnostics import Severity
from compiler.addresses import AddressSet
from tests.firewalls.oracle import Packet, bounds, by_text, ends_with_its_default, evaluate, is_accounted_for

SAMPLE = Path("testdata/firewalls/nftables/gateway.json")
YES, NO, MAYBE = (Action.PERMIT, Action.PERMIT), (Action.DENY, Action.DENY), (Action.DENY, Action.PERMIT)
PACKET = Packet.of("192.0.2.1", "198.51.100.1", TCP, 443, ("eth0", "eth1"))
TABLE = {"family": "inet", "table": "f"}
ACCEPT, DROP = {"accept": None}, {"drop": None}


def read(text: str | bytes, *lists, **groups):
    data = text.encode() if isinstance(text, str) else text
    options = Options(lists, {name: AddressSet.of(*some) for name, some in groups.items()})
    found = NFTABLES.read(Source.of("fw.json", data), options)
    assert is_accounted_for(found)
    assert all(ends_with_its_default(one, found) for one in found.lists)
    return found


def base(name="forward", policy="drop", **more) -> dict:
    hook = {"type": "filter", "hook": "forward", "prio": 0, "policy": policy, **more}
    return {"chain": {**TABLE, "name": name, **hook}}


def rule(*expressions, chain="forward", **more) -> dict:
    return {"rule": {**TABLE, "chain": chain, "expr": [*expressions], **more}}


def chain(name) -> dict:
    return {"chain": {**TABLE, "name": name}}


def listing(*objects) -> str:
    return '{"nftables": [\n' + ",\n".join(map(json.dumps, objects)) + "\n]}"


def one(*expressions, objects=(), **groups):
    return read(listing(base(), *objects, rule(*expressions)), **groups)


def errors(found):
    return [(one.line, one.message) for one in found.diagnostics if one.severity is Severity.ERROR]


def match(left, right, op="==") -> dict:
    return {"match": {"op": op, "left": left, "right": right}}


def field(text) -> dict:
    if " . " in text:
        return {"concat": [field(part) for part in text.split(" . ")]}
    kind, name = text.split()
    return {kind: {"key": name}} if kind in ("meta", "ct") else {"payload": {"protocol": kind, "field": name}}


NAMED = [
    {
        "set": {
            **TABLE,
            "name": "home",
            "type": "ipv4_addr",
            "elem": ["192.0.2.9", {"range": ["192.0.2.0", "192.0.2.3"]}],
        }
    },
    {"set": {**TABLE, "name": "living", "type": "ipv4_addr", "flags": ["dynamic", "timeout"]}},
    {"set": {**TABLE, "name": "empty", "type": "ipv4_addr"}},
    {
        "set": {
            **TABLE,
            "name": "pairs",
            "type": ["ipv4_addr", "inet_service"],
            "elem": [
                {"elem": {"val": {"concat": [{"prefix": {"addr": "198.51.100.0", "len": 24}}, 443]}, "comment": "x"}}
            ],
        }
    },
]
PREFIX = {"prefix": {"addr": "192.0.2.0", "len": 24}}
FLAGS = {"&": [field("tcp flags"), ["fin", "syn", "rst", "ack"]]}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (match(field("ip saddr"), "192.0.2.1"), YES),
        (match(field("ip saddr"), PREFIX), YES),
        (match(field("ip saddr"), PREFIX, "!="), NO),
        (match(field("ip saddr"), {"range": ["192.0.2.0", "192.0.2.9"]}), YES),
        (match(field("ip saddr"), {"set": ["203.0.113.1", PREFIX]}), YES),
        (match(field("ip saddr"), "@home"), YES),
        (match(field("ip saddr"), "@home", "!="), NO),
        (match(field("ip daddr"), "@home"), NO),
        (match(field("ip saddr"), "@empty"), NO),
        (match(field("ip saddr"), "@empty", "!="), YES),
        (match(field("ip saddr"), "@living"), MAYBE),
        (match(field("ip saddr"), "@nowhere"), MAYBE),
        (match(field("ip saddr"), "@given"), YES),
        (match({"&": [field("ip saddr"), "255.0.255.255"]}, "192.0.2.1"), YES),
        (match({"&": [field("ip saddr"), "0.0.0.255"]}, "0.0.0.1"), MAYBE),
        (match(field("ip6 saddr"), "2001:db8::1"), NO),
        (match(field("ip6 saddr"), "2001:db8::1", "!="), NO),
        (match(field("ip protocol"), "tcp"), YES),
        (match(field("ip protocol"), 6), YES),
        (match(field("meta l4proto"), {"set": ["tcp", "udp"]}), YES),
        (match(field("meta l4proto"), "tcp", "!="), NO),
        (match(field("meta nfproto"), "ipv4"), YES),
        (match(field("meta nfproto"), "ipv6"), NO),
        (match(field("meta protocol"), {"set": ["ip", "ip6"]}), YES),
        (match(field("tcp dport"), 443), YES),
        (match(field("tcp dport"), {"set": [80, {"range": [440, 450]}]}), YES),
        (match(field("tcp dport"), 443, "!="), NO),
        (match(field("tcp dport"), 443, ">="), YES),
        (match(field("tcp dport"), 443, "<"), NO),
        (match(field("udp dport"), 53, "!="), NO),
        (match(field("th dport"), 443), YES),
        (match(field("tcp sport"), 80), MAYBE),
        (match(field("tcp sport"), {"range": [0, 65535]}), YES),
        (match(field("udp sport"), 80), NO),
        (match(field("meta iifname"), "eth0"), YES),
        (match(field("meta iif"), "eth0"), YES),
        (match(field("meta iifname"), "eth*"), YES),
        (match(field("meta oifname"), {"set": ["tun0", "eth1"]}), YES),
        (match(field("meta oifname"), {"set": ["tun0", "eth1"]}, "!="), NO),
        (match(field("ip daddr . tcp dport"), "@pairs"), YES),
        (match(field("ip daddr . tcp dport"), "@pairs", "!="), NO),
        (match(field("ip saddr . tcp dport"), "@pairs"), NO),
        (match(field("meta iifname . meta oifname"), {"set": [{"concat": ["eth0", "eth1"]}]}), YES),
        (match(field("meta iifname . meta oifname"), {"set": [{"concat": ["eth0", "eth1"]}]}, "!="), NO),
        (match(field("ip saddr . tcp sport"), {"set": [{"concat": ["192.0.2.1", 80]}]}), MAYBE),
        (match(field("ct state"), "new", "in"), YES),
        (match(field("ct state"), ["established", "related"], "in"), NO),
        (match(field("ct state"), {"set": ["new", "established"]}), YES),
        (match(field("ct state"), "invalid", "!="), YES),
        (match(field("ct state"), {"set": ["established", "new"]}, "!="), NO),
        (match(field("ct status"), "dnat", "in"), MAYBE),
        (match(FLAGS, "syn"), YES),
        (match(FLAGS, "syn", "!="), NO),
        (match(field("tcp flags"), "syn", "in"), YES),
        (match(field("tcp flags"), ["ack", "rst"], "in"), NO),
        (match(FLAGS, {"|": ["syn", "ack"]}), NO),
        (match(field("meta mark"), 7), MAYBE),
        (match(field("ip dscp"), "af11"), MAYBE),
        (match(field("ip6 hoplimit"), 1), NO),
        (match(field("ether saddr"), "02:00:00:00:00:01"), MAYBE),
        (match(field("icmp type"), "echo-request"), NO),
        (match({"fib": {"result": "type", "flags": ["daddr"]}}, "local"), MAYBE),
        ({"limit": {"rate": 5, "per": "second"}}, MAYBE),
        ({"meter": {"name": "m"}}, MAYBE),
        ({"ct count": {"val": 20}}, MAYBE),
        ({"xt": None}, MAYBE),
        ({"counter": {"packets": 3, "bytes": 180}}, YES),
        ({"log": {"prefix": "x"}}, YES),
        ({"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}, YES),
        ({"set": {"op": "add", "elem": field("ip saddr"), "set": "@living"}}, YES),
    ],
    ids=json.dumps,
)
def test_an_expression_means_what_it_says(expression, expected):
    found = one(expression, ACCEPT, objects=NAMED, given=["192.0.2.0/30"])
    assert bounds(found, PACKET) == expected
    assert not errors(found)


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        ([match(field("ct state"), ["established", "related"], "in"), ACCEPT], (Fate.IMPLIED, "FW140")),
        ([match(field("ct state"), "invalid", "in"), DROP], (Fate.IMPLIED, "FW141")),
        ([match(field("ct state"), "established", "in"), DROP], (None,)),
        ([{"counter": {"packets": 3, "bytes": 180}}], (Fate.IMPLIED, "FW002")),
        ([{"log": None}], (Fate.IMPLIED, "FW010")),
        ([{"log": None}, DROP], (None, "FW010")),
        ([{"continue": None}], (Fate.IMPLIED, "FW002")),
        ([{"masquerade": None}], (Fate.NOT_OURS, "FW110")),
        ([{"return": None}], (None,)),
        ([match(field("tcp dport"), 99999), ACCEPT], (Fate.NOT_EXPRESSIBLE, "FW150")),
        ([match(field("ip saddr"), "10.0.0.300"), ACCEPT], (Fate.NOT_EXPRESSIBLE, "FW150")),
        ([{"match": {"left": 1}}, ACCEPT], (Fate.NOT_EXPRESSIBLE, "FW150")),
        ([{"vmap": {"key": field("tcp dport"), "data": {"set": [[1, {"x": 1}]]}}}], (Fate.NOT_EXPRESSIBLE, "FW150")),
        ([{"a": 1, "b": 2}], (Fate.NOT_EXPRESSIBLE, "FW150")),
    ],
    ids=json.dumps,
)
def test_what_becomes_of_a_rule(expressions, expected):
    found = read(listing(base(), rule(*expressions), rule(ACCEPT)))
    statement = found.statements[0]
    assert (statement.fate, *(reason.code for reason in statement.reasons)) == expected
    assert [line for line, _message in errors(found)] == ([3] if "FW150" in expected else [])


def test_a_verdict_map_is_a_step_for_each_member():
    members = [
        [{"concat": ["198.51.100.1", "tcp", 443]}, {"jump": {"target": "web"}}],
        [{"concat": [{"prefix": {"addr": "198.51.100.0", "len": 24}}, "udp", {"range": [50, 60]}]}, ACCEPT],
    ]
    for data in ({"set": members}, "@verdicts"):
        lookup = {"vmap": {"key": field("ip daddr . meta l4proto . th dport"), "data": data}}
        objects = [
            base(),
            {"map": {**TABLE, "name": "verdicts", "map": "verdict", "elem": members}},
            chain("web"),
            rule(lookup),
            rule(match(field("ip saddr"), PREFIX), ACCEPT, chain="web"),
        ]
        found = read(listing(*objects))
        assert evaluate(found, PACKET).action is Action.PERMIT
        for packet, action in [
            (Packet.of("203.0.113.1", "198.51.100.1", TCP, 443), Action.DENY),
            (Packet.of("203.0.113.1", "198.51.100.9", UDP, 60), Action.PERMIT),
            (Packet.of("203.0.113.1", "198.51.100.9", UDP, 61), Action.DENY),
        ]:
            assert evaluate(found, packet).action is action


def test_a_verdict_map_whose_members_come_and_go_is_a_bracket():
    lookup = {"vmap": {"key": field("ip saddr"), "data": "@living"}}
    assert bounds(one(lookup, objects=NAMED), PACKET) == MAYBE


def test_states_in_a_verdict_map_are_judged_one_by_one():
    lookup = {"vmap": {"key": field("ct state"), "data": {"set": [["established", ACCEPT], ["new", DROP]]}}}
    found = read(listing(base(policy="accept"), rule(lookup), rule(ACCEPT)))
    assert bounds(found, PACKET) == NO


def test_every_base_chain_must_accept_whatever_its_priority():
    first = rule(match(field("ip saddr"), "192.0.2.1"), ACCEPT, chain="early")
    for late in (ACCEPT, DROP):
        found = read(listing(base("late", prio=10), base("early", prio=-10), first, rule(late, chain="late")))
        assert [one.name for one in found.lists] == ["inet f early", "inet f late"]
        assert evaluate(found, PACKET).action is (Action.PERMIT if late == ACCEPT else Action.DENY)
        assert evaluate(found, Packet.of("192.0.2.2", "198.51.100.1", TCP, 443)).action is Action.DENY


def test_goto_and_return_go_where_the_kernel_goes():
    objects = [
        base(),
        chain("outer"),
        chain("inner"),
        rule({"jump": {"target": "outer"}}),
        rule(match(field("tcp dport"), 22), ACCEPT),
        rule({"goto": {"target": "inner"}}, chain="outer"),
        rule(ACCEPT, chain="outer"),
        rule(match(field("tcp dport"), 443), {"return": None}, chain="inner"),
        rule(match(field("tcp dport"), 80), ACCEPT, chain="inner"),
    ]
    found = read(listing(*objects))
    wanted = {443: Action.DENY, 80: Action.PERMIT, 22: Action.PERMIT, 23: Action.DENY}
    for port, action in wanted.items():
        assert evaluate(found, Packet.of("192.0.2.1", "198.51.100.1", TCP, port)).action is action


def test_families_and_hooks_are_kept_apart():
    four = json.loads(json.dumps([base(), rule(ACCEPT)]).replace('"inet"', '"ip"'))
    found = read(listing(*four, base("in", hook="input"), rule(DROP, chain="in")))
    assert [(one.name, one.versions) for one in found.lists] == [("ip f forward", {4})]
    assert found.statements[1].reasons[0].code == "FW107"
    assert evaluate(found, Packet.of("2001:db8::1", "2001:db8::2", TCP, 80)).action is None
    chosen = read(listing(*four, base("in", hook="input"), rule(DROP, chain="in")), "inet f in")
    assert [one.name for one in chosen.lists] == ["inet f in"]
    warned = read(listing(base(), base("pre", hook="prerouting", policy="accept"), rule(DROP, chain="pre")))
    assert [(one.severity, one.line) for one in warned.diagnostics] == [(Severity.WARNING, 3)]


def test_what_stays_unknown_says_who_decides():
    found = one({"queue": {"num": 3}})
    assert bounds(found, PACKET) == MAYBE
    texts = [condition.text for rule in found.lists[0].rules for condition in rule.conditions]
    assert texts == ["accepted by queue num 3", "dropped by queue num 3"]
    strange = one({"xt": {"type": "target", "name": "TARPIT"}})
    assert bounds(strange, PACKET) == MAYBE


def test_the_sample_is_recognised_and_understood():
    assert NFTABLES.recognises(Source.of("x", SAMPLE.read_bytes()))
    found = read(SAMPLE.read_bytes())
    assert not errors(found)
    for packet, action in [
        (Packet.of("10.20.2.66", "10.20.1.1", TCP, 80), Action.DENY),
        (Packet.of("10.20.2.7", "10.20.1.1", TCP, 80), Action.PERMIT),
        (Packet.of("10.20.2.7", "10.20.3.10", TCP, 5432), Action.PERMIT),
        (Packet.of("10.99.2.7", "10.20.3.10", TCP, 5432), Action.DENY),
        (Packet.of("10.20.9.7", "10.20.3.10", TCP, 5432), Action.DENY),
        (Packet.of("192.0.2.7", "203.0.113.1", TCP, 22), Action.PERMIT),
        (Packet.of("192.0.2.8", "203.0.113.1", TCP, 22), Action.DENY),
        (Packet.of("192.0.2.8", "203.0.113.1", TCP, 8443, ("eth7", "eth1")), Action.PERMIT),
        (Packet.of("192.0.2.8", "203.0.113.1", TCP, 8050, ("lab3", "eth0")), Action.PERMIT),
        (Packet.of("2001:db8::1", "2001:db8:1::1", UDP, 53), Action.PERMIT),
        (Packet.of("192.0.2.8", "203.0.113.1", GRE), Action.DENY),
        (Packet.of("192.0.2.8", "203.0.113.1", ICMP), Action.DENY),
    ]:
        assert evaluate(found, packet).action is action, packet


@pytest.mark.kernel
def test_what_nft_prints_of_the_sample_is_read_as_the_sample():
    script = f"nft -f {SAMPLE.with_suffix('.nft')} && nft -j list ruleset"
    printed = subprocess.run(["unshare", "--net", "sh", "-c", script], capture_output=True, check=True, timeout=60)
    found, kept = read(printed.stdout), read(SAMPLE.read_bytes())
    assert not errors(found)
    assert [(one.name, one.versions, one.rules) for one in found.lists] == [
        (one.name, one.versions, one.rules) for one in kept.lists
    ]


# What changes no meaning.

NETWORKS = ("192.0.2.0/24", "192.0.2.0/25", "192.0.2.64/26", "198.51.100.0/24", "198.51.100.128/25")
EDGES = ("192.0.2.0", "192.0.2.63", "192.0.2.64", "192.0.2.128", "192.0.2.255", "198.51.100.127", "198.51.100.128")
PROBES = [
    Packet.of(source, destination, protocol, port)
    for source in (*EDGES, "203.0.113.1")
    for destination in (*EDGES[::3], "203.0.113.1")
    for protocol, port in ((TCP, 80), (TCP, 443), (UDP, 80))
]


def prefix(text) -> dict:
    network = ip_network(text)
    return {"prefix": {"addr": str(network.network_address), "len": network.prefixlen}}


def halves(value) -> list[dict]:
    written = value["prefix"]
    return [prefix(str(half)) for half in ip_network((written["addr"], written["len"])).subnets()]


LOOKED_UP = [
    {"set": {**TABLE, "name": "nets", "type": "ipv4_addr", "elem": [*map(prefix, NETWORKS[2:4])]}},
    {"set": {**TABLE, "name": "none", "type": "ipv4_addr"}},
    {
        "map": {
            **TABLE,
            "name": "verdicts",
            "type": "ipv4_addr",
            "map": "verdict",
            "elem": [[prefix(NETWORKS[1]), {"jump": {"target": "last"}}], [prefix(NETWORKS[4]), DROP]],
        }
    },
]
CHAINS = ("early", "forward", "first", "last")


@st.composite
def programs(draw) -> list[dict]:
    """Draw what a listing says, with at least one rule that decides; chains jump to those after them."""
    addresses = st.sampled_from([*map(prefix, NETWORKS), "@nets"])
    operators = st.sampled_from(["==", "!="])
    conditions = st.one_of(
        st.builds(match, st.sampled_from([*map(field, ("ip saddr", "ip daddr"))]), addresses, operators),
        st.builds(match, st.just(field("tcp dport")), st.sampled_from([80, 443])),
        st.builds(lambda rate: {"limit": {"rate": rate, "per": "second"}}, st.sampled_from([5, 9])),
    )
    found = [base("early", "accept", prio=-10), base("forward", draw(st.sampled_from(["accept", "drop"])))]
    found += [chain("first"), chain("last"), *LOOKED_UP]
    for place, name in enumerate(CHAINS):
        further = [{way: {"target": target}} for way in ("jump", "goto") for target in CHAINS[max(2, place + 1) :]]
        further += [{"vmap": {"key": field("ip saddr"), "data": "@verdicts"}}] if further else []
        verdicts = st.sampled_from([ACCEPT, DROP, {"return": None}, *further])
        for _ in range(draw(st.integers(1, 4))):
            found.append(rule(*draw(st.lists(conditions, max_size=2)), draw(verdicts), chain=name))
    return found


def rebuilt(value, change):
    """Change every object of a tree, the inner ones first."""
    if isinstance(value, dict):
        return change({key: rebuilt(inner, change) for key, inner in value.items()})
    return [rebuilt(inner, change) for inner in value] if isinstance(value, list) else value


def renamed(objects, random):
    """Give other names to chains, sets and maps, in another order of the alphabet."""
    names = [*CHAINS, "nets", "none", "verdicts"]
    new = dict(zip(names, random.sample([f"n{number}" for number in range(len(names))], len(names)), strict=True))

    def change(value):
        for key in ("name", "chain", "target", "right", "data"):
            text = value.get(key)
            if isinstance(text, str):
                value[key] = "@" + new[text[1:]] if text[:1] == "@" else new.get(text, text)
        return value

    return rebuilt(objects, change)


def shuffled(objects, random):
    """Declare chains, sets and maps in another order, and mix the rules of chains, each in its own order."""
    declared = [one for one in objects if "rule" not in one]
    queues = defaultdict(list)
    for one in objects:
        if "rule" in one:
            queues[one["rule"]["chain"]].append(one)
    order = [name for name, queue in queues.items() for _ in queue]
    random.shuffle(declared)
    random.shuffle(order)
    return [*declared, *(queues[name].pop(0) for name in order)]


def with_dead_rules(objects, random):
    """Put in rules that nothing reaches, or that do nothing."""
    never = [
        [match(field("ip saddr"), "@none")],
        [match(field("ip saddr"), prefix(NETWORKS[0])), match(field("ip saddr"), prefix(NETWORKS[3]))],
        [match(field("tcp dport"), 80), match(field("udp dport"), 80)],
    ]
    found = [chain("unused"), rule(ACCEPT, chain="unused")]
    for one in objects:
        if "rule" not in one:
            found.append(one)
            continue
        here, (*conditions, verdict) = one["rule"]["chain"], one["rule"]["expr"]
        found.append(rule(*random.choice(never), random.choice([ACCEPT, DROP, {"return": None}]), chain=here))
        found += [rule({"counter": {"packets": 0, "bytes": 0}}, chain=here), one]
        if verdict in (ACCEPT, DROP) and not any("limit" in each for each in conditions):
            found.append(rule(*conditions, DROP if verdict == ACCEPT else ACCEPT, chain=here))
    return found


def with_split_prefixes(objects, random):
    """Write prefixes as their halves: as two members, two rules or two members of what is looked up."""

    def change(value):
        if isinstance(value.get("right"), dict) and "prefix" in value["right"]:
            value["right"] = {"set": random.sample(halves(value["right"]), 2)}
        if "elem" in value and "map" in value:
            value["elem"] = [[half, verdict] for key, verdict in value["elem"] for half in halves(key)]
        elif "elem" in value:
            value["elem"] = [half for each in value["elem"] for half in halves(each)]
        return value

    found = []
    for one in objects:
        expressions = one.get("rule", {}).get("expr", ())
        places = [place for place, part in enumerate(expressions) if _asks_for_prefix(part)]
        if places and random.random() < 0.5:
            first, (asked, *rest) = expressions[: places[0]], expressions[places[0] :]
            for half in halves(asked["match"]["right"]):
                narrowed = match(asked["match"]["left"], half)
                found.append(rule(*first, narrowed, *rest, chain=one["rule"]["chain"]))
        else:
            found.append(rebuilt(one, change))
    return found


def _asks_for_prefix(expression):
    asked = expression.get("match", {"op": ""})
    return asked["op"] == "==" and isinstance(asked["right"], dict) and "prefix" in asked["right"]


def verdicts(objects):
    found = read(listing(*objects))
    assert not errors(found)
    # Whatever holds of limits; bounds would not do, where one limit may hold in one rule and not in the next.
    truths = [by_text(lambda text, rates=rates: any(rate in text for rate in rates)) for rates in ("", "5", "9", "59")]
    return [evaluate(found, packet, truth).action for truth in truths for packet in PROBES]


# Names change last, as the others know the old ones.
CHANGES = (with_split_prefixes, with_dead_rules, shuffled, renamed)


@settings(max_examples=2 * settings().max_examples)
@given(programs(), st.sets(st.sampled_from(CHANGES), min_size=1), st.randoms(use_true_random=False))
def test_what_changes_no_meaning_changes_no_verdict(objects, chosen, random):
    changed = objects
    for change in CHANGES:
        if change in chosen:
            changed = change(changed, random)
    assert verdicts(changed) == verdicts(objects)


# Hostile inputs.


@pytest.mark.parametrize("cut", range(0, len(SAMPLE.read_bytes()), 97))
def test_a_listing_that_is_cut_off_is_read_as_far_as_it_goes(cut):
    found = read(SAMPLE.read_bytes()[:cut])
    assert errors(found)
    whole = read(SAMPLE.read_bytes())
    texts = [one.text for one in found.statements]
    assert sum(one.text in texts for one in whole.statements) >= len(texts) - 3


def test_what_is_no_json_is_named_and_the_rest_is_read():
    lines = listing(base(), rule(DROP), rule(ACCEPT)).split("\n")
    lines[2] = lines[2][:60] + "!!!" + lines[2][60:]
    found = read("\n".join(lines))
    assert [line for line, _message in errors(found)] == [3]
    assert evaluate(found, PACKET).action is Action.PERMIT
    assert found.statements[0].fate is Fate.NOT_EXPRESSIBLE


KEYS = [
    *("match", "left", "right", "op", "payload", "protocol", "field", "meta", "ct", "key", "set", "concat", "prefix"),
    *("addr", "len", "range", "vmap", "data", "elem", "val", "jump", "goto", "target", "accept", "drop", "&", "|"),
    *("counter", "packets", "limit", "xt", "expr", "chain", "rule", "family", "table", "name", "saddr", "dport"),
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["@home", "192.0.2.1", "tcp", "syn", "new", "x", "==", "in", "!="]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=12 * settings().max_examples, suppress_health_check=list(HealthCheck))
@given(
    st.lists(JSON, max_size=3),
    JSON,
    JSON,
    st.sampled_from(["ip saddr", "tcp dport", "tcp flags", "ct state", "meta iifname", "ip saddr . tcp dport"]),
)
def test_nothing_that_a_listing_says_is_raised(values, right, key, left):
    objects = [base(), *NAMED, rule(*values), rule(match(field(left), right), ACCEPT), rule(match(key, right), DROP)]
    objects += [
        rule({"vmap": {"key": field(left), "data": right}}),
        rule({"vmap": key}),
        {"rule": key},
        {"chain": right},
    ]
    objects += [
        {"rule": {**TABLE, "chain": "forward", "expr": right}},
        {"set": {**TABLE, "name": "home", "elem": values}},
    ]
    read(listing(*objects, *values))


@pytest.mark.parametrize(
    "text", ["", "{}", '{"nftables": [', '{"nftables": 3}', '{"nftables": ' + "[" * 100_000, "9" * 9000]
)
def test_texts_that_are_no_listing_are_said_to_be_none(text):
    found = read(text)
    assert errors(found)
    assert not found.lists


def test_deep_nesting_is_named():
    deep = "[" * 5_000 + "]" * 5_000
    found = read('{"nftables": [\n{"rule": ' + deep + "},\n" + listing(base(), rule(ACCEPT))[len('{"nftables": [\n') :])
    assert [line for line, _message in errors(found)] == [2]
    assert evaluate(found, PACKET).action is Action.PERMIT
