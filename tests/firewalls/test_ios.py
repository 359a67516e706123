"""Cisco IOS and NX-OS access lists: what they mean, held against rules in the abstract, and what they may look like."""

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anp.firewall.model import Action, Fate, Firewall, InterfaceMatch, Role
from anp.firewall.providers.cisco_assembly import Notes
from anp.firewall.providers.cisco_literals import masked
from anp.firewall.providers.cisco_text import config_lines
from anp.firewall.providers.ios import IosProvider
from anp.firewall.providers.provider import Options, Source
from anp.firewall.services import ICMPV6, TCP, UDP
from compiler.addresses import AddressSet
from tests.firewalls import generate_vendor
from tests.firewalls.generate_vendor import (
    STYLES,
    abstracts,
    assert_says,
    ios,
    numbers_of_errors,
    nxos,
    realistic,
    split,
    with_dead,
)
from tests.firewalls.oracle import Packet, bounds

SAMPLES = Path("testdata/firewalls")
PERMIT, DENY = Action.PERMIT, Action.DENY


def read(text: str | bytes, *lists: str, **groups: AddressSet) -> Firewall:
    return generate_vendor.read(IosProvider(), text, Options(lists, groups))


def sample(name: str) -> Firewall:
    return read((SAMPLES / name).read_bytes())


def says(firewall: Firewall, source: str, destination: str, port: int = 0, way=("", ""), *, protocol: int = TCP):
    return bounds(firewall, Packet.of(source, destination, protocol, port, way))


def only(*lines: str, more: str = "") -> Firewall:
    """Read one list of these rules, after what it needs."""
    return read("\n".join([more, "ip access-list extended X", *(f" {line}" for line in lines), ""]))


def codes(firewall: Firewall) -> dict[str, list[str]]:
    return {one.name: [reason.code for reason in one.reasons] for one in firewall.statements if one.role is Role.RULE}


# Meaning.


@given(
    rules=abstracts(), style=st.sampled_from(STYLES), write=st.sampled_from([ios, nxos]), seed=st.integers(0, 1 << 30)
)
def test_says_what_the_rules_say(rules, style, write, seed):
    assert_says(read(write(rules, style)), rules, seed)


@given(
    rules=abstracts(), style=st.sampled_from(STYLES), write=st.sampled_from([ios, nxos]), seed=st.integers(0, 1 << 30)
)
def test_halved_networks_and_dead_rules_change_nothing(rules, style, write, seed):
    for same in (split(rules), list(with_dead(rules))):
        assert_says(read(write(same, style)), rules, seed)


@given(base=st.integers(0, (1 << 32) - 1), mask=st.integers(0, (1 << 32) - 1), probe=st.integers(0, (1 << 32) - 1))
def test_masks_with_holes_stand_for_all_that_they_let_free(base, mask, probe):
    # Few holes, at places that the mask says.
    holes = [bit for bit in range(8, 32) if mask >> bit & 1][:5]
    wildcard = sum(1 << bit for bit in holes) | ((1 << (mask % 8)) - 1)
    ends = masked(dotted(base), dotted(wildcard), wildcard=True)
    near = (base & ~wildcard) | (probe & wildcard)
    for address in (probe, near, near ^ 1 << (probe % 32)):
        inside = any(first <= address <= last for first, last in ends.exact.v4)
        assert inside is ((address ^ base) & ~wildcard == 0)
    assert masked(dotted(base), dotted(~wildcard & 0xFFFFFFFF), wildcard=False) == ends


def dotted(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def test_too_many_holes_are_a_condition():
    firewall = only("permit ip 10.0.0.0 0.85.85.85 any")
    assert [one.code for one in firewall.lists[0].rules[0].conditions] == ["FW108"]


def test_lists_on_interfaces():
    firewall = sample("ios/edge.cfg")
    outside, servers, others = "GigabitEthernet0/0", "GigabitEthernet0/1", "GigabitEthernet0/2"
    assert [(one.name, [*map(str, one.incoming)], [*map(str, one.outgoing)]) for one in firewall.lists] == [
        ("101", [outside], []),
        ("TO_SERVERS", [], [servers]),
        ("interfaces without access-group", [f"not {outside}"], []),
    ]
    assert says(firewall, "192.0.2.9", "10.20.1.5", 443, (outside, servers)) == (PERMIT, PERMIT)
    assert says(firewall, "192.0.2.9", "10.20.1.5", 22, (outside, servers)) == (DENY, DENY)
    assert says(firewall, "10.99.1.7", "10.20.1.5", 22, (others, servers)) == (PERMIT, PERMIT)
    assert says(firewall, "10.20.1.5", "192.0.2.9", 1234, (servers, outside)) == (PERMIT, PERMIT)
    # The rule is in a banner.
    assert says(firewall, "192.0.2.9", "10.20.2.5", 1234, (outside, others)) == (DENY, DENY)
    assert says(firewall, "198.51.100.9", "10.20.9.79", 8001, (outside, others)) == (DENY, PERMIT)
    fates = {(one.list, one.name): (one.fate, one.reasons[-1].code) for one in firewall.statements if one.fate}
    assert fates == {
        ("nat", "30"): (Fate.NOT_OURS, "FW110"),
        ("10", "1"): (Fate.NOT_OURS, "FW110"),
        ("20", "1"): (Fate.NOT_OURS, "FW107"),
        ("101", "2"): (Fate.IMPLIED, "FW142"),
        ("101", "3"): (Fate.IMPLIED, "FW142"),
        ("TO_SERVERS", "40"): (Fate.IMPLIED, "FW140"),
    }
    assert firewall.interfaces[servers] == AddressSet.of("10.20.1.0/24")
    assert AddressSet.of("198.51.100.0/24") - firewall.interfaces[outside] == AddressSet()
    assert numbers_of_errors(firewall) == []


def test_numbers_order_rules_and_groups_have_names():
    firewall = sample("nxos/core.cfg")
    way = ("Vlan30", "Vlan20")
    assert says(firewall, "10.30.3.1", "10.20.1.5", 8080, way) == (PERMIT, PERMIT)
    assert says(firewall, "10.30.2.1", "10.20.1.5", 8080, way) == (DENY, DENY)
    assert says(firewall, "2001:db8:30::1", "2001:db8:20:1::5", 443, way) == (PERMIT, PERMIT)
    assert says(firewall, "2001:db8:30::1", "2001:db8:20:1::5", 80, way) == (DENY, DENY)
    assert says(firewall, "10.20.1.5", "10.30.3.1", 8080, way[::-1]) == (PERMIT, PERMIT)
    assert [one.comment for one in firewall.statements if one.name == "15"] == ["shop"]
    assert numbers_of_errors(firewall) == []


def test_one_unbound_list_for_each_family_meets_everything():
    text = "ip access-list extended A\n permit ip any any\nipv6 access-list B\n permit ipv6 any any\n"
    assert [(one.name, one.versions) for one in read(text).lists] == [("A", {4}), ("B", {6})]
    several = read(f"{text}access-list 7 permit host 10.0.0.1\n")
    assert [one.name for one in several.lists] == ["B"]
    assert numbers_of_errors(several) == [1]
    assert [one.name for one in read(f"{text}access-list 7 permit host 10.0.0.1\n", "7").lists] == ["7"]


def test_an_interface_may_have_a_list_that_is_not_there():
    firewall = read("interface Gi0/1\n ip access-group X in\n")
    assert says(firewall, "10.0.0.1", "10.0.0.2", 80, ("Gi0/1", "")) == (DENY, PERMIT)
    assert numbers_of_errors(firewall) == [2]


def test_ports_of_a_switch_have_lists_too():
    text = "ip access-list X\n 10 permit tcp any any eq 80\ninterface Ethernet1/1\n ip port access-group X in\n"
    firewall = read(text)
    assert firewall.lists[0].incoming == (InterfaceMatch(("Ethernet1/1",)),)


# Replies.


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("permit tcp any any established", "FW140"),
        ("permit tcp any any ack", "FW140"),
        ("permit tcp any any match-any +ack +rst", "FW140"),
        ("permit tcp any any match-all +ack -syn", "FW140"),
        ("deny tcp any any established", "FW140"),
        ("evaluate SESSIONS", "FW140"),
        ("permit tcp any eq 22 any", "FW142"),
        ("permit udp any eq domain any gt 1023", "FW142"),
        ("permit tcp any range 8000 8010 any range 1024 65535", "FW142"),
    ],
)
def test_rules_for_replies_open_nothing(line, code):
    firewall = only(line, "deny ip any any")
    first = firewall.statements[0]
    assert (first.fate, [reason.code for reason in first.reasons]) == (Fate.IMPLIED, [code])
    assert says(firewall, "10.0.0.1", "10.0.0.2", 50_000) == (DENY, DENY)


@pytest.mark.parametrize(
    "line",
    [
        "deny tcp any eq 22 any",
        "permit tcp any eq 22 any eq 80",
        "permit udp any eq ntp any eq ntp",
        "permit tcp any gt 1023 any",
        "permit tcp any neq 22 any",
        "permit tcp any gt 1023 any eq 22",
    ],
)
def test_other_source_ports_are_conditions(line):
    firewall = only(line, "permit ip any any" if line.startswith("deny") else "deny ip any any")
    assert [one.code for one in firewall.lists[0].rules[0].conditions] == ["FW143"]
    assert firewall.statements[0].fate is None


def test_the_first_packet_of_a_connection_has_syn():
    assert says(only("permit tcp any any syn"), "10.0.0.1", "10.0.0.2", 80) == (PERMIT, PERMIT)
    assert says(only("permit tcp any any fin"), "10.0.0.1", "10.0.0.2", 80) == (DENY, PERMIT)
    assert says(only("permit tcp any any match-any +ack +fin"), "10.0.0.1", "10.0.0.2", 80) == (DENY, PERMIT)


# Grammar.


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("permit icmp any any echo", "FW101"),
        ("permit icmp any any 8 0", "FW101"),
        ("permit ip any any time-range OFFICE", "FW102"),
        ("dynamic DOOR timeout 10 permit ip any any", "FW105"),
        ("permit ip any any dscp ef", "FW144"),
        ("permit ip any any precedence critical", "FW144"),
        ("permit ip any any fragments", "FW144"),
        ("permit ip any any ttl lt 5", "FW144"),
        ("permit ip any any packet-length range 5 10", "FW144"),
        ("permit ip object-group NOBODY any", "FW151"),
        ("permit object-group NOTHING any any", "FW151"),
        ("permit tcp any any portgroup NOTHING", "FW151"),
        ("permit tcp any any eq nosuch", "FW150"),
        ("permit ip any", "FW150"),
        ("permit ip any any strange", "FW150"),
        ("permit ip 10.0.0.0/33 any", "FW150"),
        ("permit ip 10.0.0.0/255.0.0.0 any", "FW150"),
        ("permit tcp any any range 90 80", "FW150"),
    ],
)
def test_what_no_policy_can_ask_is_a_condition(line, code):
    for verb, outcome in (("permit", (DENY, PERMIT)), ("deny", (DENY, DENY))):
        firewall = only(line.replace("permit", verb))
        assert [one.code for one in firewall.lists[0].rules[0].conditions] == [code]
        protocol = 1 if "icmp" in line else TCP
        assert says(firewall, "10.0.0.1", "10.0.0.2", 80, protocol=protocol) == outcome
        assert bool(numbers_of_errors(firewall)) is (code in {"FW150", "FW151"})


@pytest.mark.parametrize(
    ("line", "ports"),
    [
        ("permit tcp any any eq www 443 8080", "80,443,8080"),
        ("permit tcp any any neq 80 443", "0-79,81-442,444-65535"),
        ("permit tcp any any eq 22 log", "22"),
        ("permit tcp any any eq 37 time-range X", "37"),
        ("permit tcp any any lt 3 log-input", "0-2"),
        ("permit object-group WEB any any", "80,443"),
        ("permit tcp any any portgroup HIGH", "1024-65535"),
    ],
)
def test_services(line, ports):
    more = "object-group service WEB\n tcp eq www\n group-object TLS\nobject-group service TLS\n tcp eq 443\n"
    more += "object-group ip port HIGH\n 10 gt 1023\n"
    firewall = only(line, more=more)
    services = firewall.lists[0].rules[0].services
    assert services.ports(UDP) == ()
    found = services.ports(TCP)
    assert ",".join(f"{a}-{b}" if a != b else f"{a}" for a, b in found) == ports
    assert numbers_of_errors(firewall) == []


def test_standard_lists_are_about_sources():
    text = (
        "access-list 10 remark the office\naccess-list 10 permit 10.0.0.0 0.0.0.255 log\n"
        "access-list 10 deny host 10.1.0.1\n"
        "access-list 10 permit 10.1.0.2\naccess-list 10 deny any\n"
    )
    firewall = read(text)
    assert says(firewall, "10.0.0.7", "192.0.2.1", 80) == (PERMIT, PERMIT)
    assert says(firewall, "10.1.0.1", "192.0.2.1", 80) == (DENY, DENY)
    assert says(firewall, "10.1.0.2", "192.0.2.1", 80) == (PERMIT, PERMIT)
    assert codes(firewall) == {"1": ["FW010"], "2": [], "3": [], "4": []}
    assert firewall.statements[0].comment == "the office"
    named = read("ip access-list standard N\n 10 permit 10.1.0.2\n 20 permit 10.0.0.0 0.0.0.255\n")
    assert says(named, "10.0.0.7", "192.0.2.1", 80) == (PERMIT, PERMIT)


def test_icmp_is_that_of_the_lists_family():
    firewall = read("ipv6 access-list X\n deny icmp any any\n permit ipv6 any any\n")
    assert says(firewall, "2001:db8::1", "2001:db8::2", protocol=ICMPV6) == (DENY, DENY)
    assert says(firewall, "2001:db8::1", "2001:db8::2", protocol=TCP) == (PERMIT, PERMIT)


def test_lists_about_frames_stay_where_they_are():
    firewall = read("access-list 701 deny 0000.0000.0001 ffff.ffff.ffff\naccess-list 101 permit ip any any\n")
    assert (firewall.statements[0].list, firewall.statements[0].fate) == ("701", Fate.NOT_OURS)
    assert [one.name for one in firewall.lists] == ["101"]


def test_what_show_prints():
    text = (
        "R1#show access-lists\nExtended IP access list 101\n    10 permit tcp any any eq www (120 matches)\n"
        "    20 deny ip any any (1 match)\n"
    )
    firewall = read(text)
    assert [(one.name, one.hits) for one in firewall.statements[:2]] == [("10", 120), ("20", 1)]
    assert says(firewall, "10.0.0.1", "10.0.0.2", 80) == (PERMIT, PERMIT)
    standard = read("Standard IP access list 7\n    10 permit 10.0.0.0, wildcard bits 0.0.0.255\n    20 deny   any\n")
    assert says(standard, "10.0.0.1", "10.0.0.2", 80) == (PERMIT, PERMIT)
    assert numbers_of_errors(standard) == []


# What people paste.


def test_line_ends_tabs_and_pagers_change_nothing():
    for name in ("ios/edge.cfg", "nxos/core.cfg"):
        text = (SAMPLES / name).read_text()
        clean = read(text)
        for other in (
            text.replace("\n", "\r\n"),
            text.replace("\n ", "\n\t"),
            text.replace("\n", "  \n"),
            text.replace("access-list", "<--- More --->access-list"),
            text.replace("permit", "--More-- permit"),
        ):
            assert read(other).lists == clean.lists


def test_lost_indentation_changes_nothing():
    text = "ip access-list extended X\n permit tcp any any eq 80\n deny ip any any\n"
    text += "interface Gi0/1\n ip access-group X in\n"
    assert read(text.replace("\n ", "\n")).lists == read(text).lists


def test_rules_in_a_banner_are_no_rules():
    for end, rules in (("^C", 0), ("", 1)):
        text = f"banner motd ^C\naccess-list 101 permit ip any any\n{end}\n"
        firewall = read(text)
        assert sum(one.role is Role.RULE for one in firewall.statements) == rules
    one_line = read("banner motd #hello#\naccess-list 101 permit ip any any\n")
    assert len(one_line.lists) == 1


@pytest.mark.parametrize(
    "junk",
    [" prmit tcp any any", " permit", " permit tcp any any eq", " permit nosuch any any", " no permit ip any any"],
)
def test_a_line_that_cannot_be_read_is_named_and_the_rest_is_read(junk):
    rules = [rule for rule in realistic(12, 3) if rule.ports]
    lines = ios(rules).split("\n")
    place = lines.index("ipv6 access-list MAIN6")
    firewall = read("\n".join([*lines[:place], junk, *lines[place:]]))
    assert numbers_of_errors(firewall) == [place + 1]
    assert firewall.lists[0].rules[0] == read("\n".join(lines)).lists[0].rules[0]
    assert len(firewall.statements) - len(read("\n".join(lines)).statements) == (0 if "no " in junk else 1)


def test_a_rule_that_is_half_readable_is_a_bracket():
    firewall = only("deny tcp any any eq nosuch", "permit tcp any any")
    assert says(firewall, "10.0.0.1", "10.0.0.2", 80) == (DENY, PERMIT)
    firewall = only("permit tcp any any eq nosuch", "deny tcp any any")
    assert says(firewall, "10.0.0.1", "10.0.0.2", 80) == (DENY, PERMIT)


@settings(max_examples=150)
@given(data=st.data())
def test_no_text_raises(data):
    text = (SAMPLES / data.draw(st.sampled_from(["ios/edge.cfg", "nxos/core.cfg"]))).read_bytes()
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 60)))
        text = text[:start] + data.draw(st.binary(max_size=8)) + text[end:]
    read(text)


def test_what_a_pager_wiped_away_is_gone():
    lines = (
        "interface Gi0/1\n --More-- \b\b\b\b\b\b\b\b\b\b          \b\b\b\b\b\b\b\b\b\b ip address\nip xyz\b\b\bnat\n"
    )
    found = [*config_lines(Source.of("x", lines.encode()), Notes("x"))]
    assert [line.text for line in found] == ["interface Gi0/1", "ip address", "ip nat"]
    assert [line.indented for line in found] == [False, True, False]


@given(st.text(alphabet=st.sampled_from("ipaces-lt 1\n\t\b0.0/24anyhost!^C"), max_size=200))
def test_lines_never_fail(text):
    source = Source.of("x", text.encode())
    numbers = [line.number for line in config_lines(source, Notes("x"), banners=True)]
    assert numbers == sorted(set(numbers))


def test_hostile_texts_are_read():
    read("ip access-list extended X\n permit tcp any any eq" + " 80" * 50_000 + "\n")
    read("ip access-list extended X\n " + "9" * 10_000 + " permit ip any any\n")
    read("access-list " + "9" * 10_000 + " permit ip any any\n")
    read("object-group network A\n group-object A\nip access-list extended X\n permit ip object-group A any\n")
    read("access-list\nip access-list\ninterface\nobject-group\nobject-group network\nip access-group\nipv6\n")


def test_large_configurations_keep_every_rule():
    rules = realistic(400, 2)
    for write, prefix in ((ios, (" permit", " deny")), (nxos, tuple(" " + str(digit) for digit in range(1, 10)))):
        text = write(rules)
        firewall = read(text)
        lines = sum(line.startswith(prefix) and ("permit" in line or "deny" in line) for line in text.split("\n"))
        assert sum(one.role is Role.RULE for one in firewall.statements) == lines
        assert_says(firewall, rules, 3, count=20)


def test_only_ios_is_recognised():
    texts = {
        (SAMPLES / "ios/edge.cfg").read_text(): True,
        (SAMPLES / "nxos/core.cfg").read_text(): True,
        "access-list 101 remark x\naccess-list 101 permit tcp any any eq 80\n": True,
        (SAMPLES / "asa/dc.cfg").read_text(): False,
        (SAMPLES / "asa/branch.cfg").read_text(): False,
        "-A FORWARD -j ACCEPT\n": False,
        "": False,
    }
    for text, is_ios in texts.items():
        assert IosProvider().recognises(Source.of("x", text.encode())) is is_ios


def test_masks_and_verbs_meet_in_every_way():
    # Each way to write one host means that host.
    ways = ("host 10.0.0.1", "10.0.0.1 0.0.0.0", "10.0.0.1/32")
    for source, destination in product(ways, ways):
        firewall = only(f"permit udp {source} {destination} eq 53")
        assert says(firewall, "10.0.0.1", "10.0.0.1", 53, protocol=UDP) == (PERMIT, PERMIT)
        assert says(firewall, "10.0.0.2", "10.0.0.1", 53, protocol=UDP) == (DENY, DENY)
