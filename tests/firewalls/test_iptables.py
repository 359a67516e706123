"""What iptables-save prints means what the kernel would do with it."""

import random
import re
import shlex
from ipaddress import ip_address, ip_network
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anp.firewall.model import Action, Fate, Role
from anp.firewall.providers.iptables import IPTABLES
from anp.firewall.providers.provider import Options, Source
from anp.firewall.services import ICMP, SCTP, TCP, UDP
from anp.sources.diagnostics import Severity
from compiler.addresses import AddressSet
from tests.firewalls.generate import SEGMENTS, SERVICES, iptables
from tests.firewalls.oracle import (
    Packet,
    bounds,
    by_text,
    ends_with_its_default,
    evaluate,
    is_accounted_for,
)

SAMPLES = sorted(Path("testdata/firewalls/iptables").iterdir())


def read(text: str | bytes, *lists, **groups):
    data = text.encode() if isinstance(text, str) else text
    found = IPTABLES.read(
        Source.of("fw.rules", data), Options(lists, {name: AddressSet.of(*some) for name, some in groups.items()})
    )
    assert is_accounted_for(found)
    assert all(ends_with_its_default(one, found) for one in found.lists)
    return found


def dump(*rules: str, policy: str = "DROP", chains: str = "") -> str:
    return "\n".join(["*filter", f":FORWARD {policy} [0:0]", *chains.split("\n"), *rules, "COMMIT", ""])


def fates(found) -> dict[str, tuple]:
    return {f"{one.list} {one.name}": (one.fate, *(reason.code for reason in one.reasons)) for one in found.statements}


PACKET = Packet.of("192.0.2.1", "198.51.100.1", TCP, 443, ("eth0", "eth1"))
YES, NO, MAYBE = (Action.PERMIT, Action.PERMIT), (Action.DENY, Action.DENY), (Action.DENY, Action.PERMIT)
MEANINGS = [
    ("-s 192.0.2.0/24", YES),
    ("-s 192.0.2.0/255.255.255.0 -d 198.51.100.1", YES),
    ("-s 0.0.0.1/0.0.0.255", MAYBE),
    ("-s 192.0.2.2/255.0.255.255", NO),
    ("-s 192.0.2.1/255.0.255.255", YES),
    ("! -s 192.0.2.0/24", NO),
    ("-s ! 192.0.2.0/24", NO),
    ("-s 203.0.113.9,192.0.2.1", YES),
    ("! -d 203.0.113.0/24", YES),
    ("-p tcp", YES),
    ("-p 6", YES),
    ("-p all", YES),
    ("! -p udp", YES),
    ("! -p tcp", NO),
    ("-p gre", NO),
    ("-p tcp -m tcp --dport 443", YES),
    ("-p tcp --dport https", YES),
    ("-p tcp --dport 400:", YES),
    ("-p tcp --dport :442", NO),
    ("-p tcp ! --dport 443", NO),
    ("-p udp --dport 443", NO),
    ("-p tcp --sport 0:65535", YES),
    ("-p tcp --sport 1024:65535 --dport 443", MAYBE),
    ("-p tcp -m multiport --dports 80,440:450", YES),
    ("-p tcp -m multiport ! --dports 80,440:450", NO),
    ("-p tcp -m multiport --ports 80,443", YES),
    ("-p tcp -m multiport --ports 80", MAYBE),
    ("-p tcp -m multiport ! --ports 443", NO),
    ("-m iprange --src-range 192.0.2.0-192.0.2.9", YES),
    ("-m iprange ! --src-range 192.0.2.0-192.0.2.9", NO),
    ("-m iprange --dst-range 198.51.100.2-198.51.100.9", NO),
    ("-i eth0", YES),
    ("-i eth+", YES),
    ("-i +", YES),
    ("! -i eth+", NO),
    ("-i eth0 -o tun+", NO),
    ("-m state --state NEW", YES),
    ("-m conntrack --ctstate NEW,ESTABLISHED", YES),
    ("-m conntrack --ctstate RELATED,ESTABLISHED", NO),
    ("-m conntrack ! --ctstate INVALID", YES),
    ("-m conntrack ! --ctstate NEW", NO),
    ("-m conntrack --ctstate NEW,DNAT", YES),
    ("-m conntrack --ctstate DNAT", MAYBE),
    ("-m conntrack ! --ctstate DNAT", MAYBE),
    ("-m conntrack --ctstate INVALID", MAYBE),
    ("-p tcp --syn", YES),
    ("-p tcp -m tcp ! --syn", NO),
    ("-p tcp --tcp-flags SYN,RST SYN", YES),
    ("-p tcp --tcp-flags ALL NONE", NO),
    ("-p tcp --tcp-flags ACK ACK", NO),
    ("-p tcp --tcp-option 8", MAYBE),
    ("-p icmp", NO),
    ('-m comment --comment "a \\"quoted\\" -j DROP"', YES),
    ("-m limit --limit 5/min", MAYBE),
    ("-m mac --mac-source 02:00:5E:10:00:01", MAYBE),
    ("-m something --never-heard of -x 3", MAYBE),
    ("-m addrtype ! --dst-type LOCAL", MAYBE),
    ("-m set --match-set partners src", YES),
    ("-m set ! --match-set partners src", NO),
    ("-m set --match-set partners dst", NO),
    ("-m set --match-set nobody src", MAYBE),
    ("-m set --match-set partners src,dst", MAYBE),
    ("-f", NO),
    ("! -f", YES),
    ("-6", NO),
    ("-c 10 600 -p tcp", YES),
]


@pytest.mark.parametrize(("options", "expected"), MEANINGS)
def test_a_match_means_what_it_says(options, expected):
    found = read(dump(f"-A FORWARD {options} -j ACCEPT"), partners=["192.0.2.0/28"])
    assert bounds(found, PACKET) == expected
    assert not [one for one in found.diagnostics if one.severity is Severity.ERROR]
    rule = found.statements[1]
    assert (rule.text, rule.role) == (f"-A FORWARD {options} -j ACCEPT", Role.RULE)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("-m limit --limit 5/min", "FW104"),
        ("-m recent --update --seconds 60 --name SSH", "FW104"),
        ("-m mac --mac-source 02:00:5E:10:00:01", "FW106"),
        ("-m time --timestart 08:00", "FW102"),
        ("-m owner --uid-owner 0", "FW105"),
        ("-m dscp --dscp 0x0a", "FW144"),
        ("-p icmp -m icmp --icmp-type 8", "FW101"),
        ("-p tcp --sport 80", "FW143"),
        ("-m set --match-set x src", "FW152"),
        ("-m u32 --u32 6&0xFF=1", "FW105"),
        ("-m realm --realm 3", "FW108"),
        ("-s 0.0.0.1/85.85.85.85", "FW108"),
    ],
)
def test_what_cannot_be_asked_is_a_condition_with_a_code(options, code):
    rule = read(dump(f"-A FORWARD {options} -j DROP", policy="ACCEPT")).lists[0].rules[0]
    assert [condition.code for condition in rule.conditions] == [code]
    assert rule.action is Action.DENY


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", (Fate.IMPLIED, "FW140")),
        ("-m state --state INVALID -j DROP", (Fate.IMPLIED, "FW141")),
        ("-p tcp ! --syn -m state --state NEW -j DROP", (Fate.IMPLIED, "FW141")),
        ("-p tcp --tcp-flags ALL NONE -j DROP", (Fate.IMPLIED, "FW141")),
        ("-m conntrack --ctstate ESTABLISHED,UNTRACKED -j ACCEPT", (Fate.IMPLIED, "FW140")),
        ("-j LOG --log-prefix dropped", (Fate.IMPLIED, "FW010")),
        ("-j NFLOG --nflog-group 5", (Fate.IMPLIED, "FW010")),
        ("-j MARK --set-mark 1", (Fate.IMPLIED, "FW002")),
        ("-p tcp", (Fate.IMPLIED, "FW002")),
        ("-m conntrack --ctstate ESTABLISHED -j DROP", (None,)),
        ("-j RETURN", (None,)),
        ("-s 10.0.0.300 -j ACCEPT", (Fate.NOT_EXPRESSIBLE, "FW150")),
        ("-s www.example.com -j ACCEPT", (Fate.NOT_EXPRESSIBLE, "FW150")),
        ("-p tcp --dport 99999 -j ACCEPT", (Fate.NOT_EXPRESSIBLE, "FW150")),
        ("--dport 80 -j ACCEPT", (Fate.NOT_EXPRESSIBLE, "FW150")),
        ('-m comment --comment "no end -j ACCEPT', (Fate.NOT_EXPRESSIBLE, "FW150")),
        ("-j", (Fate.NOT_EXPRESSIBLE, "FW150")),
        ("stray -j ACCEPT", (Fate.NOT_EXPRESSIBLE, "FW150")),
    ],
)
def test_what_becomes_of_a_rule(rule, expected):
    found = read(dump(f"-A FORWARD {rule}", "-A FORWARD -j ACCEPT"))
    assert fates(found)["FORWARD 1"] == expected
    if "FW150" in expected:
        assert [(one.line, one.severity) for one in found.diagnostics] == [(4, Severity.ERROR)]
        assert evaluate(found, PACKET).action is Action.PERMIT


def test_what_is_not_tracked_is_not_a_reply():
    raw = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp -j CT --notrack\nCOMMIT\n"
    found = read(raw + dump("-A FORWARD -m conntrack --ctstate ESTABLISHED,UNTRACKED -j ACCEPT"))
    assert bounds(found, PACKET) == MAYBE


def test_a_target_that_somebody_else_decides_is_a_bracket():
    found = read(dump("-A FORWARD -p tcp -j NFQUEUE --queue-num 1"))
    assert bounds(found, PACKET) == MAYBE
    assert bounds(found, Packet.of("192.0.2.1", "198.51.100.1", UDP, 443)) == NO
    assert any("NFQUEUE" in one.message for one in found.diagnostics)


def test_the_data_centre_is_accounted_for():
    found = read(Path("testdata/firewalls/iptables/dc.rules").read_bytes())
    assert {place: codes for place, (_fate, *codes) in fates(found).items() if codes} == {
        "nat POSTROUTING 1": ["FW110"],
        "INPUT policy": ["FW107"],
        "OUTPUT policy": ["FW107"],
        "INPUT 1": ["FW140"],
        "INPUT 2": ["FW107"],
        "FORWARD 1": ["FW140"],
        "FORWARD 2": ["FW141"],
        "FORWARD 3": ["FW003"],
        "FORWARD 4": ["FW003"],
        "FORWARD 5": ["FW003"],
        "GUARD 2": ["FW141"],
        "LAN_OUT 2": ["FW010"],
        "LAN_OUT 3": ["FW003"],
        "OLD_VPN 1": ["FW132"],
    }
    database = Packet.of("10.20.2.9", "10.20.3.10", TCP, 5432, ("eth2", "eth3"))
    assert evaluate(found, database).action is Action.PERMIT
    assert found.statements[evaluate(found, database).statement].at.line == 27
    assert evaluate(found, Packet.of("10.20.2.66", "10.20.3.10", TCP, 5432, ("eth2", "eth3"))).action is Action.DENY
    assert (found.statements[9].hits, found.statements[9].comment) == (20117, "app to db")


def test_each_family_has_its_own_list():
    found = read(Path("testdata/firewalls/iptables/dual-stack.rules").read_bytes())
    assert [(one.name, one.versions) for one in found.lists] == [("FORWARD", {4}), ("FORWARD-v6", {6})]
    six = read(dump("-A FORWARD -s 2001:db8::/32 -j ACCEPT"))
    assert [one.versions for one in six.lists] == [{6}]
    said = read("# Generated by ip6tables-save v1.8\n" + dump("-A FORWARD -j ACCEPT"))
    assert [one.versions for one in said.lists] == [{6}]
    comment = read(dump('-A FORWARD -m comment --comment "-p ipv6-icmp" -j ACCEPT'))
    assert [one.versions for one in comment.lists] == [{4}]


def test_a_listing_and_a_save_say_the_same():
    saved = read(Path("testdata/firewalls/iptables/dc.rules").read_bytes())
    text = Path("testdata/firewalls/iptables/dc.rules").read_text()
    filters = text[text.index("*filter") : text.rindex("COMMIT")]
    listed = re.sub(r"^\[\d+:\d+\] ", "", filters.replace("*filter\n", ""), flags=re.MULTILINE)
    listed = re.sub(r"^:(\S+) - .*", r"-N \1", listed, flags=re.MULTILINE)
    listed = read(re.sub(r"^:(\S+) (\S+) .*", r"-P \1 \2", listed, flags=re.MULTILINE))
    assert [(rule.action, rule.sources, rule.services) for rule in listed.lists[0].rules] == [
        (rule.action, rule.sources, rule.services) for rule in saved.lists[0].rules
    ]


def test_chosen_chains_are_translated_and_others_are_not():
    text = Path("testdata/firewalls/iptables/dc.rules").read_bytes()
    found = read(text, "INPUT")
    assert [one.name for one in found.lists] == ["INPUT"]
    assert fates(found)["FORWARD 6"] == (Fate.NOT_OURS, "FW132")
    missing = read(text, "NOWHERE")
    assert not missing.lists
    assert "NOWHERE" in missing.diagnostics[0].message
    part = read(text, "TO_WEB")
    assert part.statements[part.lists[0].rules[-1].statement].reasons[0].code == "FW131"


def test_two_dumps_of_one_family_are_in_series():
    found = read(dump("-A FORWARD -p tcp -j ACCEPT") + dump("-A FORWARD -s 192.0.2.1 -j ACCEPT"))
    assert evaluate(found, PACKET).action is Action.PERMIT
    assert evaluate(found, Packet.of("192.0.2.2", "198.51.100.1", TCP, 443)).action is Action.DENY
    assert [one.severity for one in found.diagnostics] == [Severity.WARNING]


def test_drops_in_other_tables_are_warned_of():
    mangle = "*mangle\n:FORWARD ACCEPT [0:0]\n-A FORWARD -s 192.0.2.9 -j DROP\nCOMMIT\n"
    found = read(mangle + dump("-A FORWARD -j ACCEPT"))
    assert [(one.line, one.severity) for one in found.diagnostics] == [(3, Severity.WARNING)]


def test_chains_that_lead_nowhere_and_loops_are_named_with_their_line():
    found = read(
        dump("-A FORWARD -j one", "-A one -j two", "-A two -g one", "-A FORWARD -j nowhere", chains=":one - [0:0]")
    )
    assert sorted((one.line, one.message[:5]) for one in found.diagnostics) == [(6, "FW150"), (7, "FW151")]
    assert bounds(found, PACKET) == MAYBE


def test_continued_lines_and_windows_line_ends_are_read():
    found = read(dump("-A FORWARD -s 192.0.2.0/24 \\", "  -p tcp -j ACCEPT").replace("\n", "\r\n"))
    assert evaluate(found, PACKET).action is Action.PERMIT
    assert found.statements[1].at.line == 4


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_samples_are_recognised_and_read_without_errors(path):
    source = Source.of(path.name, path.read_bytes())
    assert IPTABLES.recognises(source)
    found = read(path.read_bytes())
    assert not [one for one in found.diagnostics if one.severity is Severity.ERROR]


@pytest.mark.parametrize("text", ["", "*filter", "access-list x permit ip any any", "a,b\n1,2", "{}", "-A list"])
def test_other_texts_are_not_recognised(text):
    assert not IPTABLES.recognises(Source.of("x", text.encode()))


# Against an interpreter of the dump itself.


class Kernel:
    """Walks the text of a generated dump, with every condition true or every condition false."""

    def __init__(self, text: str, *, conditions: bool) -> None:
        self.conditions = conditions
        self.chains: dict[str, list[list[str]]] = {}
        self.policy = {}
        for line in text.splitlines():
            if line.startswith(":"):
                name, policy = line[1:].split()[:2]
                self.chains.setdefault(name, [])
                self.policy[name] = policy
            elif " -A " in f" {line}":
                words = shlex.split(line[line.index("-A ") :])
                self.chains.setdefault(words[1], []).append(words[2:])

    def accepts(self, packet: Packet) -> bool:
        return (self.walk("FORWARD", packet) or self.policy["FORWARD"]) == "ACCEPT"

    def walk(self, chain: str, packet: Packet) -> str | None:
        for words in self.chains[chain]:
            if not self.matches(words, packet):
                continue
            target = words[words.index("-j") + 1]
            if target in ("ACCEPT", "DROP", "REJECT"):
                return target
            if target == "RETURN":
                return None
            if target != "LOG" and (verdict := self.walk(target, packet)):
                return verdict
        return None

    def matches(self, words: list[str], packet: Packet) -> bool:
        return all(self.holds(option, value, packet) for option, value in pairwise(words))

    def holds(self, option: str, value: str, packet: Packet) -> bool:
        match option:
            case "-s":
                return packet.source in ip_network(value)
            case "-d":
                return packet.destination in ip_network(value)
            case "-i":
                return packet.incoming == value
            case "-o":
                return packet.outgoing == value
            case "-p":
                return packet.protocol == {"tcp": TCP, "udp": UDP, "icmp": ICMP}[value]
            case "--dport" | "--dports":
                ranges = [part.split(":") for part in value.split(",")]
                return any(int(ends[0]) <= packet.port <= int(ends[-1]) for ends in ranges)
            case "--src-range":
                first, last = map(ip_address, value.split("-"))
                return first <= packet.source <= last
            case "--ctstate":
                return value == "NEW"
            case "--limit" | "--sport" | "--icmp-type":
                return self.conditions
            case _:
                return True


def packets(text: str, chance: random.Random, count: int) -> list[Packet]:
    """Make packets that rules are about: corners of their networks, ranges and ports."""
    rules = [line for line in text.splitlines() if "-s " in line or "--src-range" in line]
    found = []
    for _ in range(count):
        line = chance.choice(rules)
        first = re.search(r"-s (\S+)|--src-range (\S+)-", line)
        source = _corner(first[1] or first[2], chance)
        last = re.search(r"-d (\S+)", line)
        destination = _corner(last[1] if last else f"10.2{chance.randrange(1, 9)}.1.1", chance)
        service = re.search(r"-p (\S+).*--dports? (\d+)(?::(\d+))?", line)
        protocol, port = chance.choice(SERVICES)
        if service and chance.random() < 0.7:
            protocol, port = service[1], service[3] or service[2]
        number = {"tcp": TCP, "udp": UDP}[protocol] if chance.random() < 0.9 else chance.choice((ICMP, SCTP))
        chain = re.search(r"-A (\w+)-(\w+) ", line)
        way = [f"eth{SEGMENTS.index(name) + 1}" if name in SEGMENTS else "eth0" for name in chain.groups()]
        found.append(Packet.of(source, destination, number, int(port.split(":")[0]), tuple(way)))
    return found


def _corner(network: str, chance: random.Random) -> str:
    whole = ip_network(network)
    return str(chance.choice((whole[0], whole[-1], whole[0] + 1)))


@pytest.mark.parametrize("seed", range(4))
def test_a_large_dump_does_what_the_kernel_would(seed):
    text = iptables(250, seed)
    found = read(text)
    assert not found.diagnostics
    sent = packets(text, random.Random(seed), 150)
    verdicts = set()
    for conditions in (False, True):
        kernel = Kernel(text, conditions=conditions)
        for packet in sent:
            outcome = evaluate(found, packet, by_text(lambda _text, truth=conditions: truth)).action
            assert (outcome is Action.PERMIT) == kernel.accepts(packet), (packet, conditions)
            verdicts.add(outcome)
            lower, upper = bounds(found, packet)
            assert (lower is Action.PERMIT) <= kernel.accepts(packet) <= (upper is Action.PERMIT)
    assert verdicts == {Action.PERMIT, Action.DENY}


def shuffle_declarations(lines, chance):
    declared = [line for line in lines if line.startswith(":")]
    chance.shuffle(declared)
    rest = [line for line in lines if not line.startswith(":")]
    return [*rest[: rest.index("*filter") + 1], *declared, *rest[rest.index("*filter") + 1 :]]


def add_dead_rules(lines, chance):
    for line in lines:
        yield line
        if re.search(r"-j (ACCEPT|DROP)$", line) and chance.random() < 0.3:
            yield re.sub(r"-j \w+$", chance.choice(("-j ACCEPT", "-j DROP", "-j RETURN")), line)


def split_networks(lines, _chance):
    for line in lines:
        found = re.search(r"-s (\S+/26)", line)
        halves = ip_network(found[1]).subnets() if found else [None]
        for half in halves:
            yield line.replace(found[1], str(half), 1) if half else line


def rename_chains(lines, _chance):
    return [re.sub(r"(?<=[ :])(\w+)-(\w+)(?= )|(\w+)-(\w+)$", r"x\2\4_\1\3", line) for line in lines]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("change", [shuffle_declarations, add_dead_rules, split_networks, rename_chains])
def test_what_changes_no_meaning_changes_no_verdict(change, seed):
    chance = random.Random(seed)
    text = iptables(120, seed)
    other = "\n".join(change(text.splitlines(), chance)) + "\n"
    assert other != text
    left, right = read(text), read(other)
    for packet in packets(text, chance, 60):
        for parity in (0, 1):
            truth = by_text(lambda condition, parity=parity: len(condition) % 2 == parity)
            assert evaluate(left, packet, truth).action is evaluate(right, packet, truth).action


# Hostile inputs.

WORDS = [
    *("-A", "FORWARD", "!", "-s", "-m", "set", "--match-set", "-p", "tcp", "--dport", "1:", '"x', "-j", "DROP", "-g"),
    *(
        "--syn",
        "--tcp-flags",
        "ALL",
        "x",
        "--ports",
        "icmp",
        "--icmp-type",
        "--ctstate",
        "-i",
        "+",
        "--src-range",
        "::-",
    ),
]
GARBAGE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "-A",
            "-A FORWARD",
            "-A FORWARD -j",
            ":",
            ":x",
            "-P",
            "*",
            "COMMIT",
            "[1:2]",
            "[1:2] -A",
            '"',
            "\\",
            "-I FORWARD",
        ]
    ),
    st.lists(
        st.sampled_from(WORDS),
        max_size=9,
    ).map(" ".join),
)


@settings(suppress_health_check=list(HealthCheck))
@given(st.lists(GARBAGE, max_size=12), st.integers(0, 10_000))
def test_nothing_that_a_text_says_is_raised(garbage, cut):
    lines = iptables(60, 1).splitlines()
    mixed = [one for pair in zip(lines, [*garbage, *[""] * len(lines)], strict=False) for one in pair]
    text = "\n".join(mixed)[: len(lines) * 40 + cut]
    found = read(text)
    numbers = range(len(text.split("\n")) + 1)
    assert all(one.line in numbers for one in found.diagnostics)


@pytest.mark.parametrize(
    "data",
    [
        dump("-A FORWARD -j ACCEPT\0"),
        dump("-A FORWARD -m comment --comment caf\xe9 -j ACCEPT").encode("latin-1"),
        dump("-A FORWARD -j ACCEPT").encode("utf-16"),
        dump(f"-A FORWARD -s {','.join(['192.0.2.1'] * 20_000)} -j ACCEPT"),
        dump(f'-A FORWARD -m comment --comment "{"x" * 200_000}" -j ACCEPT'),
        dump(f"-A FORWARD -p tcp --dport {'9' * 9_000} -j DROP", "-A FORWARD -j ACCEPT"),
    ],
    ids=["nul", "latin-1", "utf-16", "many addresses", "long comment", "long number"],
)
def test_strange_bytes_and_long_lines_do_no_harm(data):
    assert evaluate(read(data), PACKET).action is Action.PERMIT


@pytest.mark.parametrize("form", ["nested", "loop", "many"])
def test_size_is_bounded(form):
    number = 20_000
    if form == "nested":
        rules = [f"-A c{k} -j c{k + 1}" for k in range(number)]
    elif form == "loop":
        rules = [*(f"-A c0 -s 10.{k >> 8}.{k & 255}.0/24 -j c0" for k in range(number))]
    else:
        rules = [f"-A c0 -s 10.{k >> 8}.{k & 255}.0/24 -j DROP" for k in range(number)]
    found = read(dump("-A FORWARD -j c0", *rules))
    assert len(found.statements) == number + 2


def test_every_rule_line_is_a_statement_once():
    text = iptables(300, 7)
    lines = [
        number for number, line in enumerate(text.split("\n"), 1) if "-A " in line or re.match(r":\S+ [A-Z]", line)
    ]
    assert sorted(one.at.line for one in read(text).statements) == lines
