"""The proof against single packets: what it calls equal is equal, and what it calls different is just that."""

import copy
import json
from ipaddress import ip_address

import pytest
from hypothesis import assume, event, given, note, settings
from hypothesis import strategies as st

from anp.analysis.prove.blame import Blame
from anp.analysis.prove.language import UnknownMeaningError
from anp.analysis.prove.listing import listed, objects
from anp.analysis.prove.proof import compare
from anp.analysis.prove.proving import prove
from anp.analysis.prove.steps import Packet, follow
from anp.analysis.prove.wanted import as_listed
from compiler.compilation import compile_cluster
from compiler.lower import lower
from compiler.marks import MarkLayout
from compiler.model import Anyone, Flow, Protocol
from compiler.ruleset import Hook
from compiler.semantics import decide
from enforcer.errors import ListingError
from tests.builders import admin, cluster, deny, pod, pods
from tests.fuzz.listings import listing_of
from tests.strategies import cases, snapshots

thoroughly = settings(max_examples=4 * settings().max_examples)

NUMBERS = {6: Protocol.TCP, 17: Protocol.UDP, 132: Protocol.SCTP}
OURS = {"family": "inet", "table": "anp"}


def nodes_of(snapshot):
    return sorted(({pod.node for pod in snapshot.pods} | {node.name for node in snapshot.nodes}) - {""})


def read(listing):
    return listed(objects(json.dumps(listing)))


def meant(snapshot, node, packet):
    """What the meaning wants of a packet at a hook of a node; None for packets that never come there."""
    owner = {address: pod for pod in snapshot.pods if pod.governed for address in pod.addresses}
    source, destination = owner.get(packet.source), owner.get(packet.destination)
    own = {address for one in snapshot.nodes if one.name == node for address in one.addresses}
    if packet.source in own and source is None:
        return None
    if destination is not None if packet.hook is Hook.INPUT else packet.destination in own and destination is None:
        return None
    if packet.state in {"established", "related"} or (packet.protocol == 58 and 133 <= packet.kind <= 137):
        return True
    protocol = NUMBERS.get(packet.protocol, Protocol.OTHER)
    port = 0 if protocol is Protocol.OTHER else packet.dport
    decision = decide(snapshot, Flow(packet.source, packet.destination, protocol, port, hairpin=True))
    ends = [(decision.egress, source)]
    if packet.hook is Hook.FORWARD:
        ends.append((decision.ingress, destination))
    return all(judgement.accepted for judgement, pod in ends if pod is not None and pod.node == node)


def is_in(gap, packet):
    """Whether a gap holds a packet, by its words."""
    protocol = NUMBERS.get(packet.protocol, Protocol.OTHER)
    ports = gap.packets.ports(protocol)
    states = gap.states or ("new", "invalid", "untracked")
    if (gap.hook, gap.version) != (packet.hook, packet.source.version) or packet.state not in states:
        return False
    if packet.source not in gap.sources or packet.destination not in gap.destinations:
        return False
    if protocol is Protocol.OTHER and not gap.packets.other:
        return False
    if protocol is not Protocol.OTHER and not any(first <= packet.dport <= last for first, last in ports):
        return False
    if packet.protocol == 58 and not gap.states and 133 <= packet.kind <= 137 and "icmpv6" not in dict(gap.condition):
        return False
    own = {
        "sport": packet.sport,
        "dport": packet.dport,
        "protocol": packet.protocol,
        "icmp": packet.kind,
        "icmpv6": packet.kind,
        "portless": packet.portless,
    }
    for name, ranges in gap.condition:
        value = packet.mark >> int(name.split()[-1]) & 1 if name.startswith("mark") else own[name]
        if name == "icmpv6" and packet.protocol != 58:
            return False
        if not any(first <= value <= last for first, last in ranges):
            return False
    return True


@st.composite
def packets(draw, flows):
    flow = draw(st.sampled_from(flows))
    version = flow.source.version
    others = (1, 47) if version == 4 else (58, 47)
    numbers = {protocol: number for number, protocol in NUMBERS.items()}
    return Packet(
        draw(st.sampled_from(Hook)),
        flow.source,
        flow.destination,
        numbers.get(flow.protocol) or draw(st.sampled_from(others)),
        flow.port,
        draw(st.sampled_from((40000, 1023, 2000))),
        draw(st.sampled_from((8, 128, 135))),
        draw(st.sampled_from(("new", "new", "established", "invalid"))),
        draw(st.sampled_from((0, 1, 0x80000000, 0xFFFFFFFF))),
        draw(st.booleans()),
    )


# What somebody could do to our table.

MARK = {"meta": {"key": "mark"}}


def match(left, right, op="=="):
    return {"match": {"op": op, "left": left, "right": right}}


def payload(protocol, field):
    return {"payload": {"protocol": protocol, "field": field}}


SADDR, DADDR, DADDR6 = payload("ip", "saddr"), payload("ip", "daddr"), payload("ip6", "daddr")
EXTRA = (
    [],
    [match(SADDR, "10.0.0.1")],
    [match(DADDR, {"prefix": {"addr": "10.0.0.0", "len": 30}}, "!=")],
    [match(DADDR6, {"range": ["fd00::1", "fd00::2"]})],
    [match(SADDR, {"set": ["10.0.0.1", {"range": ["10.0.0.3", "10.0.0.5"]}]})],
    [match({"concat": [SADDR, payload("tcp", "dport")]}, {"set": [{"concat": ["10.0.0.1", 80]}]})],
    [
        match(
            {"concat": [SADDR, DADDR]}, {"set": [{"concat": ["10.0.0.1", {"prefix": {"addr": "10.0.0.0", "len": 8}}]}]}
        )
    ],
    [match(MARK, 1)],
    [match({"&": [MARK, 0x80000001]}, 0x80000000, "!=")],
    [match(MARK, 100, ">")],
    [match(MARK, {"set": [0, {"range": [5, 0xF0000000]}]})],
    [match({"ct": {"key": "state"}}, ["invalid"], "in")],
    [match({"ct": {"key": "state"}}, "new", "!=")],
    [match(payload("udp", "sport"), 1024, "<")],
    [match({"meta": {"key": "nfproto"}}, "ipv4"), match(payload("th", "sport"), 2000)],
    [match(payload("th", "dport"), {"set": [0, {"range": [80, 90]}]}, "!=")],
    [match(payload("udplite", "dport"), 80, "!=")],
    [match(payload("th", "dport"), {"set": [80, 81]}), match({"meta": {"key": "nfproto"}}, "ipv4")],
    [match({"meta": {"key": "l4proto"}}, {"set": ["icmp", "tcp", 47]})],
    [match({"meta": {"key": "l4proto"}}, "icmpv6")],
    [match(payload("icmpv6", "type"), "echo-request"), {"counter": None}],
    [match(payload("icmp", "type"), 8, "!="), {"log": {"prefix": "seen"}}],
    [{"mangle": {"key": MARK, "value": {"^": [MARK, 0x80000001]}}}, match({"&": [MARK, 1]}, 1)],
    [{"mangle": {"key": MARK, "value": {"|": [{"&": [MARK, 0xFF]}, 0x100]}}}],
)
REJECT = {"reject": {"type": "icmpx", "expr": "port-unreachable"}}
ENDS = ({"accept": None}, {"drop": None}, {"return": None}, REJECT, {"goto": {"target": "extra"}}, None)


def _bodies(listing, kind):
    return [entry[kind] for entry in listing["nftables"] if kind in entry and entry[kind].get("table") == "anp"]


@st.composite
def tampered(draw, listing):
    """The listing after one or two changes, with their names."""
    listing = copy.deepcopy(listing)
    if draw(st.sampled_from((False,) * 15 + (True,))):
        return ["all"], {"nftables": []}
    names = []
    for _ in range(draw(st.sampled_from((1, 1, 2)))):
        rules, maps = _bodies(listing, "rule"), [body for body in _bodies(listing, "map") if body.get("elem")]
        name = draw(st.sampled_from(("insert", "insert", "delete rule", "delete element", "verdict", "copy", "policy")))
        if name == "insert":
            chain = draw(st.sampled_from([body["name"] for body in _bodies(listing, "chain")]))
            end = draw(st.sampled_from(ENDS))
            if end == {"goto": {"target": "extra"}} and not any(
                b["name"] == "extra" for b in _bodies(listing, "chain")
            ):
                inner = [*draw(st.sampled_from(EXTRA)), {"drop": None}]
                listing["nftables"].append({"chain": {**OURS, "name": "extra"}})
                listing["nftables"].append({"rule": {**OURS, "chain": "extra", "expr": inner}})
            if chain == "extra":
                continue
            rule = {"rule": {**OURS, "chain": chain, "expr": [*draw(st.sampled_from(EXTRA)), *([end] if end else [])]}}
            listing["nftables"].insert(draw(st.sampled_from((0, len(listing["nftables"])))), rule)
        elif name == "delete rule" and rules:
            gone = draw(st.sampled_from(rules))
            listing["nftables"] = [entry for entry in listing["nftables"] if entry.get("rule") is not gone]
        elif name == "delete element" and maps:
            elements = draw(st.sampled_from(maps))["elem"]
            elements.pop(draw(st.integers(0, len(elements) - 1)))
        elif name in {"verdict", "copy"} and maps:
            elements = draw(st.sampled_from(maps))["elem"]
            at, by = (draw(st.integers(0, len(elements) - 1)) for _ in range(2))
            elements[at] = [elements[at][0], {"drop": None} if name == "verdict" else elements[by][1]]
        elif name == "policy":
            bases = [body for body in _bodies(listing, "chain") if "hook" in body]
            draw(st.sampled_from(bases))["policy"] = "drop"
        names.append(name)
    return names, listing


@thoroughly
@given(snapshots(), st.sampled_from((0xFFFF0000, 0x00FFFF00)))
def test_what_is_compiled_is_proven_on_every_node(snapshot, mask):
    compilation = compile_cluster(snapshot)
    for node in nodes_of(snapshot):
        ruleset = lower(compilation, node, MarkLayout(mask))

        assert not compare(read(listing_of(ruleset)), compilation, node).gaps


@given(snapshots())
def test_what_is_compiled_is_to_blame_for_nothing(snapshot):
    compilation = compile_cluster(snapshot)
    for node in nodes_of(snapshot):
        ruleset = lower(compilation, node)
        blame = Blame(read(listing_of(ruleset)), as_listed(ruleset))
        for source in (one.addresses[0] for one in snapshot.pods if one.addresses):
            for destination in (ip_address("10.0.0.1"), ip_address("fd00::2")):
                if source.version == destination.version and ruleset.chains:
                    assert not blame.faults(Packet(Hook.FORWARD, source, destination, 6, 80))


@thoroughly
@given(cases(), st.data())
def test_packets_differ_exactly_where_the_comparison_says(case, data):
    snapshot, flows = case
    compilation = compile_cluster(snapshot)
    rulesets = {node: lower(compilation, node) for node in nodes_of(snapshot)}
    judging = [node for node, ruleset in rulesets.items() if ruleset.chains]
    assume(judging)
    node = data.draw(st.sampled_from(judging))
    names, listing = data.draw(tampered(listing_of(rulesets[node])))
    note(str(names))
    there = read(listing)
    gaps = compare(there, compilation, node).gaps
    event(f"{names[0] if names else 'nothing'}: {'different' if gaps else 'the same'}")

    for gap in gaps:
        done = follow(there, gap.example).accepted
        note(f"{gap}")
        assert done is gap.accepted
        assert meant(snapshot, node, gap.example) is not done
        assert is_in(gap, gap.example)
    for packet in data.draw(st.lists(packets(flows), min_size=4, max_size=12)):
        wanted = meant(snapshot, node, packet)
        if wanted is None:
            continue
        done = follow(there, packet).accepted
        note(f"{packet}: done {done}, meant {wanted}")
        holding = [gap for gap in gaps if is_in(gap, packet)]
        assert len(holding) == (done is not wanted), holding


STRANGE = (
    {"limit": {"rate": 5, "per": "second"}},
    match({"meta": {"key": "iifname"}}, "eth0"),
    match(payload("ip", "ttl"), 1),
    match(SADDR, "@elsewhere"),
    {"vmap": {"key": SADDR, "data": "@timed"}},
    {"mangle": {"key": MARK, "value": {"numgen": {"mode": "random", "mod": 2}}}},
)


@pytest.fixture
def closed():
    """A cluster in which a policy denies, one of its nodes, and what that node should hold."""
    snapshot = cluster(admin("closing", pods("x"), priority=20, ingress=[deny(pods("x"), pods("y"))]))
    node = snapshot.pods[0].node
    return snapshot, node, listing_of(lower(compile_cluster(snapshot), node))


@pytest.mark.parametrize("expression", STRANGE, ids=lambda expression: next(iter(expression)))
def test_what_is_unknown_is_named_and_never_passed_over(closed, expression):
    snapshot, node, listing = closed
    timed = {"set": {**OURS, "name": "timed", "type": "ipv4_addr", "map": "verdict", "timeout": 60}}
    rule = {"rule": {**OURS, "chain": "forward", "expr": [expression, {"accept": None}]}}
    strange = read({"nftables": [timed, rule, *listing["nftables"]]})
    word = "timed" if "vmap" in expression else next(iter(expression))

    with pytest.raises(UnknownMeaningError, match=word):
        compare(strange, compile_cluster(snapshot), node)


def changed(listing, *rules):
    """A listing with these rules before all others of `forward`, by their expressions."""
    return {
        "nftables": [*({"rule": {**OURS, "chain": "forward", "expr": list(r)}} for r in rules), *listing["nftables"]]
    }


NFPROTO, L4PROTO, STATE = {"meta": {"key": "nfproto"}}, {"meta": {"key": "l4proto"}}, {"ct": {"key": "state"}}
REFUSED_IN_IPV4 = {"reject": {"type": "icmp", "expr": "port-unreachable"}}
DROP, ACCEPT = {"drop": None}, {"accept": None}
NEVER = {"|": ["established", "related"]}


@pytest.mark.parametrize(("rules", "through"), [
    # nft does not list that a rejection by ICMP is for one family only.
    ([[REFUSED_IN_IPV4]], {"fd00::1"}),
    ([[{"reject": {"type": "icmpv6", "expr": "no-route"}}]], {"10.0.0.1"}),
    ([[{"reject": {"type": "tcp reset"}}]], set()),
    ([[match(L4PROTO, "udp"), {"reject": {"type": "tcp reset"}}]], {"10.0.0.1", "fd00::1"}),
    ([[match(STATE, ["established", "related"], "!"), DROP]], set()),
    ([[match(STATE, "new", "!"), DROP]], {"10.0.0.1", "fd00::1"}),
])  # fmt: skip
def test_odd_rules_are_for_the_packets_that_the_kernel_takes_them_for(rules, through):
    base = {"type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}
    there = read(changed({"nftables": [{"chain": {**OURS, "name": "forward", **base}}]}, *rules))
    snapshot = cluster(admin("closing", pods("x"), ingress=[deny(Anyone())]))
    (node,) = {pod.node for pod in snapshot.pods if pod.namespace == "x"}
    gaps = compare(there, compile_cluster(snapshot), node).gaps
    pairs = {"10.0.0.1": "10.0.0.2", "fd00::1": "fd00::2"}
    found = {
        source
        for source, destination in pairs.items()
        if follow(there, Packet(Hook.FORWARD, ip_address(source), ip_address(destination), 6, 80)).accepted
    }

    assert found == through
    open_families = {ip_address(source).version for source in through}
    assert {gap.version for gap in gaps if gap.accepted and gap.packets.tcp} == open_families


UNTOLD = (
    match(SADDR, {"prefix": {"addr": "10.0.0.1", "len": 8}}),  # ip saddr & 255.0.0.0 == 10.0.0.1: never
    match(MARK, {"prefix": {"addr": 65537, "len": 16}}),
    match(STATE, NEVER),  # both at once, which nothing is
    match(STATE, ["established", "related"]),
    match({"meta": {"key": "protocol"}}, 2),  # that is no family
    match(NFPROTO, "ipv4", "!="),
    {"reject": None},  # older versions say no more of several kinds
    {"vmap": {"key": SADDR, "data": {"set": [["10.0.0.1", DROP], ["*", ACCEPT]]}}},
    {"vmap": {"key": SADDR, "data": "@held"}},
    match(SADDR, "@led"),
    {"set": {"op": "add", "elem": SADDR, "set": "@held"}},
)


@pytest.mark.parametrize("expression", UNTOLD, ids=json.dumps)
def test_what_a_listing_does_not_tell_is_never_guessed(closed, expression):
    snapshot, node, listing = closed
    held = {"set": {**OURS, "name": "held", "type": "ipv4_addr", "elem": ["10.0.0.1"]}}
    led = {"map": {**OURS, "name": "led", "type": "ipv4_addr", "map": "verdict", "elem": [["10.0.0.1", DROP]]}}
    strange = changed(listing, [expression, ACCEPT])

    with pytest.raises(UnknownMeaningError, match="a rule of chain forward says"):
        compare(read({"nftables": [held, led, *strange["nftables"]]}), compile_cluster(snapshot), node)


@pytest.mark.parametrize("element", ["*", {"elem": {"val": "10.0.0.1", "timeout": 60, "expires": 9}}], ids=json.dumps)
@pytest.mark.parametrize(
    "more", [{}, {"stmt": [{"limit": {"rate": 5}}]}, {"flags": "dynamic"}, {"timeout": 60}], ids=str
)
def test_sets_that_hold_more_than_they_list_are_refused(closed, element, more):
    snapshot, node, listing = closed
    held = {"set": {**OURS, "name": "held", "type": "ipv4_addr", "elem": [element], **more}}
    strange = changed(listing, [match(SADDR, "@held"), ACCEPT])

    with pytest.raises(UnknownMeaningError, match="the set or map @held"):
        compare(read({"nftables": [held, *strange["nftables"]]}), compile_cluster(snapshot), node)


@pytest.mark.parametrize("flags", ["anp", ["elsewhere"], ["dormant", "\udc80"]])
def test_flags_of_our_table_that_nobody_knows_are_not_passed_over(closed, flags):
    _snapshot, _node, listing = closed
    next(entry["table"] for entry in listing["nftables"] if "table" in entry)["flags"] = flags

    with pytest.raises(UnknownMeaningError, match="dormant"):
        read(listing)


def test_two_base_chains_of_one_place_come_in_an_order_that_nobody_knows(closed):
    _snapshot, _node, listing = closed
    other = {"chain": {**OURS, "name": "other", "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}}
    read({"nftables": [*listing["nftables"], {"chain": {**other["chain"], "prio": 1}}]})

    with pytest.raises(UnknownMeaningError, match="order"):
        read({"nftables": [*listing["nftables"], other]})


def test_a_packet_too_short_for_ports_is_neither_of_a_port_nor_of_another():
    base = {"type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}
    th = payload("th", "dport")
    closing = changed(
        {"nftables": [{"chain": {**OURS, "name": "forward", **base}}]},
        [match(STATE, ["established", "related"], "in"), ACCEPT],
        [match(payload("icmpv6", "type"), {"range": [133, 137]}), ACCEPT],
        [match(DADDR, "10.0.0.2"), match(th, 80), DROP],
        [match(DADDR, "10.0.0.2"), match(th, 80, "!="), DROP],
    )
    snapshot = cluster(admin("closing", pods("x"), ingress=[deny(Anyone())]), pods=[pod("x/b", "10.0.0.2")])
    (gap,) = compare(read(closing), compile_cluster(snapshot), snapshot.pods[0].node).gaps

    assert gap.accepted
    assert gap.example.portless
    assert ("portless", ((1, 1),)) in gap.condition


@pytest.mark.parametrize(("version", "odd", "usual"), [(4, 58, 1), (6, 1, 58)])
def test_nothing_is_said_of_icmp_in_the_wrong_family(closed, version, odd, usual):
    # `meta nfproto ipv4 meta l4proto icmp` is listed without its first half.
    snapshot, node, listing = closed
    wrong, right = (
        compare(read(changed(listing, [match(L4PROTO, number), DROP])), compile_cluster(snapshot), node).gaps
        for number in (odd, usual)
    )

    assert version in {gap.version for gap in right}
    assert version not in {gap.version for gap in wrong}


def test_commands_are_no_listing(closed):
    _snapshot, _node, listing = closed
    commands = {"nftables": [{"add": entry} for entry in listing["nftables"]]}

    with pytest.raises(ListingError, match="commands"):
        read(commands)


def test_two_maps_of_one_name_are_no_listing(closed):
    _snapshot, _node, listing = closed
    twice = next(entry for entry in listing["nftables"] if "map" in entry)

    with pytest.raises(ListingError, match="two sets or maps"):
        read({"nftables": [*listing["nftables"], twice]})


def test_what_nobody_comes_to_may_be_unknown(closed):
    snapshot, node, listing = closed
    rules = [[{"accept": None}, {"limit": {}}], [match(SADDR, {"set": []}), {"limit": {}}]]
    strange = [{"rule": {**OURS, "chain": "unused", "expr": rule}} for rule in rules]
    strange.append({"chain": {**OURS, "name": "unused"}})

    assert not compare(read({"nftables": [*strange, *listing["nftables"]]}), compile_cluster(snapshot), node).gaps


def test_chains_of_ours_where_nothing_of_ours_is_are_not_passed_over(closed):
    snapshot, node, listing = closed
    base = {"chain": {**OURS, "name": "early", "type": "filter", "hook": "prerouting", "prio": -300, "policy": "drop"}}

    with pytest.raises(UnknownMeaningError, match="early"):
        compare(read({"nftables": [base, *listing["nftables"]]}), compile_cluster(snapshot), node)


def test_a_table_that_lies_dormant_lets_everything_through(closed):
    snapshot, node, listing = closed
    dormant = copy.deepcopy(listing)
    next(entry["table"] for entry in dormant["nftables"] if "table" in entry)["flags"] = ["dormant"]
    gaps, gone = (compare(read(it), compile_cluster(snapshot), node).gaps for it in (dormant, {"nftables": []}))

    assert gaps
    assert {gap.example for gap in gaps} == {gap.example for gap in gone}


def test_the_element_that_is_missing_is_to_blame_and_the_policy_is_named(closed):
    snapshot, node, listing = closed
    elements = next(body for body in _bodies(listing, "map") if body["name"] == "subject-4")["elem"]
    address, verdict = elements.pop(0)
    found = prove(objects(json.dumps(listing)), snapshot, node).findings

    assert found
    for finding in found:
        (fault,) = finding.faults
        assert fault.object == f"element @subject-4 {{ {address} }}"
        assert (fault.found, fault.wanted) == ("", f"jump {verdict['jump']['target']}")
        assert {outcome.origin.policy for outcome in finding.meant} == {"closing"}
        assert all(packet.source != packet.destination for packet in finding.examples)


def test_a_rule_of_somebody_elses_is_to_blame(closed):
    snapshot, node, listing = closed
    rule = {"rule": {**OURS, "chain": "forward", "expr": [match(DADDR, "192.0.2.77"), {"drop": None}]}}
    (finding,) = prove(objects(json.dumps({"nftables": [rule, *listing["nftables"]]})), snapshot, node).findings[:1]

    assert not finding.accepted
    assert [(fault.object, fault.found, fault.wanted) for fault in finding.faults] == [
        ("rule 1 of chain forward", "ip daddr 192.0.2.77 drop", "")
    ]


def test_others_that_could_drop_are_told_and_those_that_cannot_are_not(closed):
    snapshot, node, listing = closed
    base = {"type": "filter", "hook": "forward", "prio": 5, "policy": "accept"}
    theirs = [
        {"chain": {"family": "ip", "table": "open", "name": "c", **base}},
        {"rule": {"family": "ip", "table": "open", "chain": "c", "expr": [{"accept": None}]}},
        {"chain": {"family": "ip", "table": "shut", "name": "c", **base}},
        {
            "rule": {
                "family": "ip",
                "table": "shut",
                "chain": "c",
                "expr": [{"vmap": {"data": {"set": [[1, {"drop": None}]]}}}],
            }
        },
        {"chain": {"family": "ip", "table": "mapped", "name": "c", **base}},
        {"map": {"family": "ip", "table": "mapped", "name": "m", "map": "verdict", "elem": [["10.0.0.1", DROP]]}},
        {"rule": {"family": "ip", "table": "mapped", "chain": "c", "expr": [{"vmap": {"key": SADDR, "data": "@m"}}]}},
        {"chain": {"family": "inet", "table": "unread", "name": "c", **base}},
        {"chain": {"family": "inet", "table": "strict", "name": "c", **base, "policy": "drop"}},
        {"chain": {"family": "inet", "table": "aside", "name": "c", **base, "hook": "output", "policy": "drop"}},
    ]
    proof = prove(objects(json.dumps({"nftables": [*listing["nftables"], *theirs]})), snapshot, node)

    assert proof.equal
    assert [remark.table for remark in proof.remarks] == ["inet strict", "inet unread", "ip mapped", "ip shut"]
