"""Cisco ASA: what its configurations mean, held against rules in the abstract, and what they may look like."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anp.firewall.model import Action, Fate, Firewall, InterfaceMatch, Role
from anp.firewall.providers.asa import AsaProvider
from anp.firewall.providers.ios import IosProvider
from anp.firewall.providers.provider import Options, Source
from anp.firewall.services import TCP, UDP
from compiler.addresses import AddressSet
from tests.firewalls import generate_vendor
from tests.firewalls.generate_vendor import (
    STYLES,
    Abstract,
    abstracts,
    asa,
    assert_says,
    numbers_of_errors,
    realistic,
    split,
    with_dead,
)
from tests.firewalls.oracle import Packet, bounds, evaluate

SAMPLES = Path("testdata/firewalls/asa")
PERMIT, DENY = Action.PERMIT, Action.DENY


def read(text: str | bytes, *lists: str, **groups: AddressSet) -> Firewall:
    return generate_vendor.read(AsaProvider(), text, Options(lists, groups))


def sample(name: str) -> Firewall:
    return read((SAMPLES / name).read_bytes())


def says(firewall: Firewall, source: str, destination: str, port: int = 0, way=("", ""), *, protocol: int = TCP):
    return bounds(firewall, Packet.of(source, destination, protocol, port, way))


def codes(firewall: Firewall, name: str, list_name: str = "") -> list[str]:
    found = [one for one in firewall.statements if one.name == name and list_name in {"", one.list}]
    assert len(found) == 1
    return [reason.code for reason in found[0].reasons]


# Meaning.


@given(rules=abstracts(), style=st.sampled_from(STYLES), seed=st.integers(0, 1 << 30))
def test_says_what_the_rules_say(rules, style, seed):
    assert_says(read(asa(rules, style)), rules, seed)


@given(rules=abstracts(), style=st.sampled_from(STYLES), seed=st.integers(0, 1 << 30))
def test_halved_networks_and_dead_rules_change_nothing(rules, style, seed):
    assert_says(read(asa(split(rules), style)), rules, seed)
    assert_says(read(asa(list(with_dead(rules)), style)), rules, seed)


def test_the_one_list_that_nobody_binds_meets_everything():
    firewall = sample("dc.cfg")
    assert [(one.name, one.incoming, one.outgoing) for one in firewall.lists] == [("DC", (), ())]
    rules = [one for one in firewall.statements if one.role is Role.RULE]
    assert [(one.name, one.at.line) for one in rules] == [(str(n), n + 12) for n in range(1, 13)]
    assert codes(firewall, "1") == ["FW010"]
    assert rules[8].fate is Fate.IMPLIED
    assert codes(firewall, "9") == ["FW001"]
    assert "FW133" in codes(firewall, "default")
    conditions = {rule.statement: [one.code for one in rule.conditions] for rule in firewall.lists[0].rules}
    assert {number: of for number, of in conditions.items() if of} == {6: ["FW101"], 7: ["FW102"]}
    assert firewall.lists[0].rules[0].names == ((), ("WEB_FARM",))
    assert firewall.groups["DB_PRIMARY"] == AddressSet.of("10.20.3.10")
    assert says(firewall, "192.0.2.1", "10.20.1.5", 443) == (PERMIT, PERMIT)
    assert says(firewall, "10.20.2.66", "10.20.3.10", 5432) == (DENY, DENY)
    assert says(firewall, "10.20.2.1", "192.0.2.1", 123, protocol=UDP) == (DENY, PERMIT)


def test_several_unbound_lists_have_to_be_chosen():
    text = "access-list A extended permit tcp any any eq 80\naccess-list B extended permit tcp any any eq 81\n"
    firewall = read(text)
    assert firewall.lists == ()
    assert any("--list" in one.hint for one in firewall.diagnostics if one.severity.label == "error")
    chosen = read(text, "B")
    assert [one.name for one in chosen.lists] == ["B"]
    assert codes(chosen, "1", "A") == ["FW132"]
    missing = read(text, "C")
    assert any("there is no access list C" in one.message for one in missing.diagnostics)


def test_interfaces_global_list_and_security_levels():
    firewall = sample("branch.cfg")
    internet, shop, client = "198.51.100.1", "10.31.0.80", "10.30.1.1"
    assert says(firewall, internet, shop, 443, ("outside", "dmz")) == (PERMIT, PERMIT)
    assert says(firewall, internet, shop, 80, ("outside", "dmz")) == (DENY, DENY)
    # Some user may.
    assert says(firewall, internet, "10.30.200.9", 80, ("outside", "inside")) == (DENY, PERMIT)
    # The global list comes after the interface's own, and before the deny.
    assert says(firewall, internet, "10.31.0.53", 53, ("outside", "dmz"), protocol=UDP) == (PERMIT, PERMIT)
    # With a global list, levels do not matter any more.
    assert says(firewall, client, internet, 80, ("inside", "outside")) == (DENY, DENY)
    assert says(firewall, client, "10.31.0.53", 53, ("inside", "dmz"), protocol=UDP) == (PERMIT, PERMIT)
    # Nothing goes out where it came in.
    assert says(firewall, client, "10.31.0.53", 53, ("inside", "inside"), protocol=UDP) == (DENY, DENY)
    assert {one.list: one.fate for one in firewall.statements if one.fate} == {
        "VPN": Fate.NOT_OURS,
        "CAPTURED": Fate.IMPLIED,
        "nat": Fate.NOT_OURS,
    }
    assert [one.role for one in firewall.statements if one.list == "nat"] == [Role.NAT, Role.NAT]
    assert firewall.interfaces["inside"] == AddressSet.of("10.30.0.0/16", "10.40.0.0/16", "2001:db8:30::/64")
    # A default route leads to what no other route does.
    assert AddressSet.of("10.31.0.0/24") - firewall.interfaces["outside"] == AddressSet.of("10.31.0.0/24")
    assert AddressSet.of("8.8.8.0/24") - firewall.interfaces["outside"] == AddressSet()
    assert not any("mgmt" in str(match) for one in firewall.lists for match in one.incoming)


SECTIONS = """
interface Gi0
 nameif outside
 security-level 0
interface Gi1
 nameif inside
 security-level 100
interface Gi2
 nameif dmz
 security-level 50
interface Gi3
 nameif lab
 security-level 50
"""


@pytest.mark.parametrize(
    ("more", "way", "permitted"),
    [
        ("", ("inside", "dmz"), True),
        ("", ("dmz", "inside"), False),
        ("", ("dmz", "lab"), False),
        ("", ("dmz", "dmz"), False),
        ("", ("lab", "outside"), True),
        ("same-security-traffic permit inter-interface", ("dmz", "lab"), True),
        ("same-security-traffic permit inter-interface", ("dmz", "dmz"), False),
        ("same-security-traffic permit intra-interface", ("dmz", "dmz"), True),
        ("same-security-traffic permit intra-interface", ("dmz", "lab"), False),
    ],
)
def test_without_a_list_security_levels_decide(more, way, permitted):
    text = f"{SECTIONS}access-list X extended permit tcp any any eq 22\naccess-group X in interface outside\n{more}\n"
    firewall = read(text)
    assert says(firewall, "10.0.0.1", "10.0.0.2", 80, way)[0] is (PERMIT if permitted else DENY)
    assert says(firewall, "10.0.0.1", "10.0.0.2", 22, ("outside", "inside")) == (PERMIT, PERMIT)


def test_a_list_permits_nothing_between_interfaces_of_one_level():
    text = f"{SECTIONS}access-list X extended permit ip any any\naccess-group X in interface dmz\n"
    assert says(read(text), "10.0.0.1", "10.0.0.2", 80, ("dmz", "lab")) == (DENY, DENY)
    assert says(read(text), "10.0.0.1", "10.0.0.2", 80, ("dmz", "inside")) == (PERMIT, PERMIT)


def test_a_list_for_what_goes_out_comes_on_top():
    text = (
        f"{SECTIONS}access-list IN extended permit tcp any any range 80 90\naccess-group IN in interface outside\n"
        "access-list OUT extended permit tcp any any range 85 99\naccess-group OUT out interface inside\n"
    )
    firewall = read(text)
    got = {port: says(firewall, "10.0.0.1", "10.0.0.2", port, ("outside", "inside"))[1] for port in (80, 85, 95)}
    assert got == {80: DENY, 85: PERMIT, 95: DENY}
    assert says(firewall, "10.0.0.1", "10.0.0.2", 95, ("dmz", "outside")) == (PERMIT, PERMIT)


def test_without_interface_sections_other_interfaces_are_left_open():
    firewall = read("access-list X extended permit ip any any\naccess-group X in interface outside\n")
    assert says(firewall, "10.0.0.1", "10.0.0.2", 80, ("inside", "outside")) == (DENY, PERMIT)
    assert firewall.lists[1].incoming == (InterfaceMatch(("outside",), negated=True),)


def test_chosen_lists_keep_their_interfaces():
    text = (SAMPLES / "branch.cfg").read_text()
    firewall = read(text, "DMZ_IN")
    assert [(one.name, [str(match) for match in one.incoming]) for one in firewall.lists] == [("DMZ_IN", ["dmz"])]
    assert {one.fate for one in firewall.statements if one.list == "OUT_IN"} == {Fate.IMPLIED}
    both = read(text, "DMZ_IN", "EVERYWHERE")
    assert [one.name for one in both.lists] == ["DMZ_IN", "EVERYWHERE"]


def test_a_bound_list_without_rules_is_left_open():
    firewall = read(f"{SECTIONS}access-group X in interface inside\n")
    assert says(firewall, "10.0.0.1", "10.0.0.2", 80, ("inside", "outside")) == (DENY, PERMIT)
    assert firewall.diagnostics[0].severity.label == "error"


# Grammar.


def only(line: str, more: str = "") -> Firewall:
    """Read one rule of a list X, after what it needs."""
    return read(f"{more}\naccess-list X extended {line}\n")


@pytest.mark.parametrize(
    ("line", "protocol", "ports"),
    [
        ("permit tcp any any eq www", TCP, "80"),
        ("permit tcp any any neq 80", TCP, "0-79,81-65535"),
        ("permit tcp any any lt 10", TCP, "0-9"),
        ("permit udp any any gt 65000", UDP, "65001-65535"),
        ("permit udp any any range bootps bootpc", UDP, "67-68"),
        ("permit tcp any any eq sqlnet", TCP, "1521"),
        ("permit object-group BOTH any any eq domain", UDP, "53"),
        ("permit object-group BOTH any any object-group PORTS", UDP, "80-90,443"),
        ("permit tcp any any object-group INNER", TCP, "80-90"),
        ("permit object-group MIXED any any", TCP, "9100-9200"),
        ("permit object HTTPS any any", TCP, "443"),
        ("permit 17 any any eq 53", UDP, "53"),
    ],
)
def test_services(line, protocol, ports):
    text = (
        "object-group service PORTS tcp-udp\n group-object INNER\n port-object eq 443\n"
        "object-group service INNER tcp-udp\n port-object range 80 90\n"
        "object-group protocol BOTH\n protocol-object tcp\n protocol-object udp\n"
        "object-group service MIXED\n service-object tcp destination range 9100 9200\n service-object esp\n"
        "object service HTTPS\n service tcp destination eq https\n"
    )
    firewall = only(line, text)
    found = [f"{a}-{b}" if a != b else f"{a}" for a, b in firewall.lists[0].rules[0].services.ports(protocol)]
    assert ",".join(found) == ports
    assert numbers_of_errors(firewall) == []


@pytest.mark.parametrize(
    ("end", "addresses"),
    [
        ("host 10.0.0.1", ["10.0.0.1/32"]),
        ("10.0.0.0 255.255.255.0", ["10.0.0.0/24"]),
        ("10.0.0.0 255.0.255.0", None),
        ("any4", ["0.0.0.0/0"]),
        ("any6", ["::/0"]),
        ("0 0", ["0.0.0.0/0"]),
        ("0.0.0.0 0.0.0.0", ["0.0.0.0/0"]),
        ("2001:db8::/32", ["2001:db8::/32"]),
        ("host 2001:db8::1", ["2001:db8::1/128"]),
        ("host shop", ["192.0.2.80/32"]),
        ("net 255.255.255.128", ["192.0.2.128/25"]),
        ("object RANGE", ["10.1.0.254/31", "10.1.1.0/31"]),
        ("object SUBNET", ["10.2.0.0/16"]),
        ("object-group NEST", ["10.2.0.0/16", "10.9.9.9/32"]),
        ("interface inside", ["10.0.0.1/32"]),
    ],
)
def test_addresses(end, addresses):
    text = (
        "name 192.0.2.80 shop\nname 192.0.2.128 net\ninterface Gi1\n nameif inside\n ip address 10.0.0.1 255.0.0.0\n"
        "object network RANGE\n range 10.1.0.254 10.1.1.1\nobject network SUBNET\n subnet 10.2.0.0 255.255.0.0\n"
        "object-group network INNER\n network-object object SUBNET\n"
        "object-group network NEST\n group-object INNER\n network-object host 10.9.9.9\n"
    )
    for line, which in ((f"permit ip {end} any", 0), (f"permit ip any {end}", 1)):
        rule = only(line, text).lists[0].rules[0]
        if addresses is None:
            assert [one.code for one in rule.conditions] == ["FW108"]
        else:
            assert [*map(str, (rule.sources, rule.destinations)[which].networks())] == addresses
            assert not rule.conditions


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("permit tcp any eq 20 any", "FW143"),
        ("permit tcp any object-group PORTS any eq 80", "FW143"),
        ("permit object SOURCED any any", "FW143"),
        ("permit icmp any any unreachable", "FW101"),
        ("permit icmp any any 3 4", "FW101"),
        ("permit icmp any any object-group PING", "FW101"),
        ("permit tcp any any eq 80 time-range OFFICE", "FW102"),
        (r"permit ip user LAN\sue any any", "FW105"),
        ("permit ip security-group name HR any any", "FW105"),
        ("permit ip any security-group tag 7 any", "FW105"),
        ("permit ip object-group-user ADMINS any any", "FW105"),
        ("permit ip any object NAME", "FW161"),
        ("permit ip any object NOBODY", "FW151"),
        ("permit object-group NOTHING any any", "FW151"),
        ("permit ip any interface outside", "FW107"),
        ("permit tcp any any eq kerberos", "FW150"),
        ("permit tcp any any eq 80 surprise", "FW150"),
        ("permit ip any any eq 80", "FW150"),
        ("permit tcp any", "FW150"),
        ("permit tcp any any eq 65536", "FW150"),
        ("permit ip 10.0.0.300 255.0.0.0 any", "FW150"),
    ],
)
def test_what_no_policy_can_ask_is_a_condition(line, code):
    text = (
        "object-group service PORTS tcp\n port-object eq 20\nobject service SOURCED\n service tcp source eq 20\n"
        "object-group icmp-type PING\n icmp-object echo\nobject network NAME\n fqdn www.example.com\n"
    )
    for verb, outcome in (("permit", (DENY, PERMIT)), ("deny", (DENY, DENY))):
        firewall = only(line.replace("permit", verb), text)
        assert [one.code for one in firewall.lists[0].rules[0].conditions] == [code]
        protocol = 1 if "icmp" in line else TCP
        got = says(firewall, "10.0.0.1", "10.0.0.2", 80, protocol=protocol)
        assert got == outcome
        assert bool(numbers_of_errors(firewall)) is (code in {"FW150", "FW151"})


def test_names_that_the_text_only_uses_may_have_addresses():
    text = "access-list X extended permit ip object-group ELSEWHERE any\n"
    firewall = read(text, ELSEWHERE=AddressSet.of("10.7.0.0/16"))
    assert str(firewall.lists[0].rules[0].sources) == "10.7.0.0/16"
    assert numbers_of_errors(firewall) == []


def test_groups_in_a_circle_have_what_is_in_them_and_are_named():
    text = (
        "object-group network A\n network-object host 10.0.0.1\n group-object B\n"
        "object-group network B\n network-object host 10.0.0.2\n group-object A\n"
        "access-list X extended permit ip object-group A any\n"
    )
    firewall = read(text)
    assert str(firewall.lists[0].rules[0].sources) == "10.0.0.1/32, 10.0.0.2/32"
    assert numbers_of_errors(firewall) == [3, 6]


def test_a_missing_group_inside_a_group_leaves_it_open():
    text = "object-group network A\n network-object host 10.0.0.1\n group-object B\n"
    firewall = only("permit ip object-group A any", text)
    assert says(firewall, "10.0.0.1", "10.0.0.9") == (PERMIT, PERMIT)
    assert says(firewall, "10.0.0.2", "10.0.0.9") == (DENY, PERMIT)


def test_remarks_are_comments_and_places_order_rules():
    text = (
        "access-list X line 1 remark first\n"
        "access-list X line 2 extended permit tcp any any eq 80\n"
        "access-list X line 2 extended deny tcp any host 10.0.0.1 eq 80\n"
    )
    firewall = read(text)
    assert says(firewall, "10.0.0.9", "10.0.0.1", 80) == (DENY, DENY)
    assert says(firewall, "10.0.0.9", "10.0.0.2", 80) == (PERMIT, PERMIT)
    assert [(one.name, one.at.line, one.comment) for one in firewall.statements[:2]] == [
        ("2", 2, ""),
        ("1", 3, "first"),
    ]


def test_what_show_prints_is_read_once():
    text = (
        "fw# show access-list\n"
        "access-list cached ACL log flows: total 0, denied 0\n"
        "access-list X; 3 elements; name hash: 0x1234\n"
        "access-list X line 1 remark shop\n"
        "access-list X line 2 extended permit tcp any object-group WEB eq www (hitcnt=12) 0xabcdef01\n"
        "  access-list X line 2 extended permit tcp any host 10.0.0.1 eq www (hitcnt=7) 0xabcdef02\n"
        "  access-list X line 2 extended permit tcp any host 10.0.0.2 eq www (hitcnt=5) 0xabcdef03\n"
        "access-list X line 3 extended deny ip any any log informational interval 300 (hitcnt=99) (inactive) 0x1\n"
    )
    firewall = read(text, WEB=AddressSet.of("10.0.0.1", "10.0.0.2"))
    assert [(one.name, one.hits) for one in firewall.statements] == [("1", 12), ("2", 99), ("default", None)]
    assert numbers_of_errors(firewall) == []


def test_old_versions_have_lists_for_one_family():
    firewall = read("ASA Version 8.2(5)\naccess-list X extended permit ip any any\n")
    assert firewall.lists[0].versions == {4}
    firewall = read("ASA Version 8.2(5)\nipv6 access-list X permit tcp any host 2001:db8::1 eq 80\n")
    assert firewall.lists[0].versions == {6}
    assert says(firewall, "2001:db8::2", "2001:db8::1", 80) == (PERMIT, PERMIT)


def test_other_kinds_of_lists_stay_where_they_are():
    text = (
        "access-list E ethertype permit bpdu\naccess-list W webtype permit url http://x.example\n"
        "access-list N extended permit ip any any\nnat (inside) 0 access-list N\n"
        "access-list C extended permit tcp any any eq 22\naccess-group C in interface outside control-plane\n"
        "access-list X extended permit tcp any any eq 80\naccess-group X in interface outside\n"
    )
    firewall = read(text)
    fates = {one.list: [reason.code for reason in one.reasons] for one in firewall.statements if one.fate}
    assert fates == {"E": ["FW108"], "W": ["FW107"], "N": ["FW110"], "C": ["FW107"], "nat": ["FW110"]}
    assert {one.fate for one in firewall.statements} == {None, Fate.NOT_OURS}


# What people paste.


def test_line_ends_tabs_pagers_and_comments_change_nothing():
    text = (SAMPLES / "branch.cfg").read_text()
    clean = read(text)
    for other in (
        text.replace("\n", "\r\n"),
        text.replace("\n ", "\n\t"),
        text.replace("\n", "   \n"),
        text.replace("access-list", "<--- More --->access-list"),
        text.replace("\naccess-list", "\n --More-- \b\b\b\b\b\b\b\b\b\b          \b\b\b\b\b\b\b\b\b\baccess-list"),
        "﻿" + text,
    ):
        assert read(other).lists == clean.lists


def test_lost_indentation_changes_nothing():
    text = (SAMPLES / "dc.cfg").read_text()
    assert read("\n".join(line.strip() for line in text.split("\n"))).lists == read(text).lists


@pytest.mark.parametrize(
    "junk",
    [
        "access-list MAIN extended prmit tcp any any",
        "access-list MAIN extended permit",
        "access-list MAIN",
        "access-list MAIN strange permit ip any any",
        "object-group network",
        "access-group MAIN",
        "no access-list MAIN extended permit ip any any",
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_the_rest_is_read(junk):
    rules = realistic(12, 3)
    lines = asa(rules).split("\n")
    place = next(number for number, line in enumerate(lines) if line.startswith("access-list")) + 4
    firewall = read("\n".join([*lines[:place], junk, *lines[place:]]))
    assert numbers_of_errors(firewall) == [place + 1]
    assert_says(firewall, rules, 5)


def test_a_rule_that_is_half_readable_is_a_bracket():
    firewall = read("access-list X extended deny tcp any any eq nosuch\naccess-list X extended permit tcp any any\n")
    assert says(firewall, "10.0.0.1", "10.0.0.2", 80) == (DENY, PERMIT)
    assert numbers_of_errors(firewall) == [1]


@settings(max_examples=150)
@given(data=st.data())
def test_no_text_raises(data):
    text = (SAMPLES / data.draw(st.sampled_from(["dc.cfg", "branch.cfg"]))).read_bytes()
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 60)))
        text = text[:start] + data.draw(st.binary(max_size=8)) + text[end:]
    read(text)


def test_hostile_texts_are_read():
    deep = "".join(f"object-group network G{n}\n group-object G{n + 1}\n" for n in range(3000))
    read(deep + "access-list X extended permit ip object-group G0 any\n")
    read("access-list X extended permit tcp any any eq " + "9" * 100_000 + "\n")
    read("access-list X extended permit ip host 10.0.0.1 " + "any " * 100_000 + "\n")
    read("\0access-list\0 X extended permit ip any any\n")
    firewall = read("access-list X extended permit ip any any (hitcnt=" + "9" * 5000 + ")\n")
    assert len(firewall.statements) == 2
    named = read("access-list \x1b[31mX extended permit object-group \x07 any any\n")
    assert all("\x1b" not in str(one) and "\x07" not in str(one) for one in named.diagnostics)


def test_large_configurations_keep_every_rule():
    rules = realistic(1500, 1)
    firewall = read(asa(rules))
    assert sum(one.role is Role.RULE for one in firewall.statements) == len(rules)
    assert_says(firewall, rules, 7, count=40)


def test_only_an_asa_is_recognised():
    for text, is_asa in (
        ((SAMPLES / "dc.cfg").read_text(), True),
        ((SAMPLES / "branch.cfg").read_text(), True),
        ("access-list 101 permit tcp any any eq 80\n", False),
        ("access-list 101 remark x\naccess-list 101 permit tcp any any eq 80\n", False),
        ("ip access-list extended X\n permit ip any any\n", False),
        ("*filter\nCOMMIT\n", False),
        ("", False),
    ):
        source = Source.of("x", text.encode())
        assert AsaProvider().recognises(source) is is_asa
        assert not (is_asa and IosProvider().recognises(source))


def test_the_abstract_is_not_always_the_same():
    rules = [Abstract(permit=True, protocol="tcp", ports=((80, 80),))]
    packets = [*generate_vendor.packets(rules, random.Random(1), 200)]
    assert {generate_vendor.verdict(rules, packet) for packet in packets} == {True, False}
    assert {evaluate(read(asa(rules)), packet).action for packet in packets} == {PERMIT, DENY}
