"""A table of rules means what whoever wrote it into a spreadsheet meant."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anp.firewall.model import Action, Fate
from anp.firewall.providers.provider import Options, Source
from anp.firewall.providers.table import TABLE
from anp.firewall.services import GRE, ICMP, SCTP, TCP, UDP
from anp.sources.diagnostics import Severity
from compiler.addresses import AddressSet
from tests.firewalls.oracle import Packet, bounds, ends_with_its_default, evaluate, is_accounted_for

SAMPLES = sorted(Path("testdata/firewalls/table").iterdir())
YES, NO, MAYBE = (Action.PERMIT, Action.PERMIT), (Action.DENY, Action.DENY), (Action.DENY, Action.PERMIT)
PACKET = Packet.of("192.0.2.1", "198.51.100.1", TCP, 443, ("eth0", "eth1"))


def read(text: str | bytes, **groups):
    data = text.encode() if isinstance(text, str) else text
    options = Options(groups={name: AddressSet.of(*some) for name, some in groups.items()})
    found = TABLE.read(Source.of("rules.csv", data), options)
    assert is_accounted_for(found)
    assert all(ends_with_its_default(one, found) for one in found.lists)
    return found


def one(header: str, row: str, **groups):
    return read(f"{header}\n{row}\n", **groups)


def errors(found):
    return [(one.line, one.message) for one in found.diagnostics if one.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("192.0.2.1", YES),
        ("192.0.2.0/24", YES),
        ("192.0.2.0/255.255.255.0", YES),
        ("192.0.2.0 255.255.255.0", YES),
        ("192.0.2.0-192.0.2.9", YES),
        ("192.0.2.0 - 192.0.2.9", YES),
        ("192.0.2.0 \u2013 192.0.2.9", YES),
        ("203.0.113.9 | 192.0.2.1", YES),
        ("203.0.113.9 192.0.2.1", YES),
        ("203.0.113.9; 192.0.2.1", YES),
        ('"203.0.113.9\n192.0.2.1"', YES),
        ('"203.0.113.9, 192.0.2.1"', YES),
        ("any", YES),
        ("*", YES),
        ("203.0.113.9", NO),
        ("2001:db8::/32", NO),
        ("!192.0.2.1", NO),
        ("not 203.0.113.9", YES),
        ("OFFICE", YES),
        ("203.0.113.9 OFFICE", YES),
        ("Branch Offices", YES),
        ("!OFFICE", NO),
        ("nobody-knows", MAYBE),
        ("192.0.2.1 nobody-knows", YES),
        ("!nobody-knows", MAYBE),
        ("not 192.0.2.1 nobody-knows", NO),
    ],
)
def test_addresses_are_written_in_many_ways(cell, expected):
    groups = {"OFFICE": ["192.0.2.0/25"], "Branch Offices": ["192.0.2.0/28"]}
    found = one("action,source,destination", f"permit,{cell},any", **groups)
    assert bounds(found, PACKET) == expected
    assert not errors(found)


@pytest.mark.parametrize(
    ("proto", "port", "service", "wanted"),
    [
        ("tcp", "443", "any", {(TCP, 443)}),
        ("TCP", "442-444", "any", {(TCP, 443)}),
        ("tcp", '"80, 443"', "any", {(TCP, 443)}),
        ("tcp/udp", "443", "any", {(TCP, 443), (UDP, 443)}),
        ("any", "443", "any", {(TCP, 443), (UDP, 443), (SCTP, 443)}),
        ("", "https", "any", {(TCP, 443), (UDP, 443), (SCTP, 443)}),
        ("tcp", "any", "any", {(TCP, 443), (TCP, 22)}),
        ("", "", "any", {(TCP, 443), (UDP, 443), (SCTP, 443), (TCP, 22), (ICMP, 0), (GRE, 0), (UDP, 123)}),
        ("gre", "", "any", {(GRE, 0)}),
        ("47", "any", "any", {(GRE, 0)}),
        ("icmp", "any", "any", {(ICMP, 0)}),
        ("", "", "https", {(TCP, 443)}),
        ("", "", "tcp/443", {(TCP, 443)}),
        ("", "", "TCP_440-450", {(TCP, 443)}),
        ("", "", "443/udp", {(UDP, 443)}),
        ("", "", "https ssh", {(TCP, 443), (TCP, 22)}),
        ("", "", "NTP", {(UDP, 123)}),
        ("", "", "ping", {(ICMP, 0)}),
        ("", "tcp/443", "any", {(TCP, 443)}),
    ],
)
def test_services_are_written_in_many_ways(proto, port, service, wanted):
    found = one("action,src,dst,proto,port,service", f"permit,any,any,{proto},{port},{service}")
    assert not errors(found)
    sent = [(TCP, 443), (UDP, 443), (SCTP, 443), (TCP, 22), (ICMP, 0), (GRE, 0), (UDP, 123)]
    got = {some for some in sent if evaluate(found, Packet.of("192.0.2.1", "192.0.2.2", *some)).action is Action.PERMIT}
    assert got == wanted


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("permit,,any,tcp,443", "empty cell"),
        ("permit,any,10.0.0.300,tcp,443", "10.0.0.300"),
        ("permit,any,10.0.0.0/33,tcp,443", "10.0.0.0/33"),
        ("maybe,any,any,tcp,443", "maybe is no action"),
        ("permit,any,any,tcp,99999", "99999"),
        ("permit,any,any,tcp,90-80", "ends before it begins"),
        ("permit,any,any,quic,443", "quic"),
        ("permit,any,any,gre,443", "has no ports"),
        ("permit,any", "fewer cells"),
        ("permit,any,any,tcp,443,too,many", "more cells"),
        ("permit,192.0.2.9-192.0.2.1,any,tcp,443", "no range"),
        ("permit,any !192.0.2.1,any,tcp,443", "negated"),
    ],
)
def test_what_makes_no_sense_is_named_with_its_line_and_the_rest_is_read(row, reason):
    found = read(f"action,src,dst,proto,port\n{row}\npermit,192.0.2.1,any,any,any\n")
    assert [line for line, _message in errors(found)] == [2]
    assert reason in errors(found)[0][1]
    assert found.statements[0].fate is Fate.NOT_EXPRESSIBLE
    assert evaluate(found, PACKET).statement == 1


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [("source port", "123", "FW143"), ("schedule", "office hours", "FW102"), ("user", "alice", "FW105")],
)
def test_columns_that_no_policy_has_are_conditions(column, cell, code):
    rule = one(f"action,src,dst,{column}", f"deny,any,any,{cell}").lists[0].rules[0]
    assert [condition.code for condition in rule.conditions] == [code]
    assert not one(f"action,src,dst,{column}", "deny,any,any,any").lists[0].rules[0].conditions


@pytest.mark.parametrize(
    ("column", "cell", "is_off"),
    [
        *(("disabled", cell, True) for cell in ("yes", "x", "TRUE", "1", "disabled")),
        *(("disabled", cell, False) for cell in ("", "no", "false", "0")),
        *(("status", cell, True) for cell in ("disabled", "off", "inactive")),
        *(("enabled", cell, False) for cell in ("", "yes", "active", "1")),
    ],
)
def test_a_rule_may_be_switched_off(column, cell, is_off):
    found = one(f"action,src,dst,{column}", f"permit,any,any,{cell}")
    assert (found.statements[0].fate is Fate.IMPLIED) is is_off
    assert evaluate(found, PACKET).action is (Action.DENY if is_off else Action.PERMIT)


def test_rules_count_by_their_order_if_all_have_one():
    found = read("order,action,src,dst\n20,permit,any,any\n3,deny,192.0.2.1,any\n")
    assert evaluate(found, PACKET).action is Action.DENY
    assert [one.at.line for one in found.statements] == [3, 2, 0]
    found = read("order,action,src,dst\n20,permit,any,any\n,deny,192.0.2.1,any\n")
    assert evaluate(found, PACKET).action is Action.PERMIT
    assert [one.line for one in found.diagnostics] == [3]


def test_interfaces_and_zones_are_matched():
    found = one("action,src zone,source,destination,dst zone", "permit,eth0,any,any,eth1")
    assert evaluate(found, PACKET).action is Action.PERMIT
    assert evaluate(found, Packet.of("192.0.2.1", "198.51.100.1", TCP, 443, ("eth1", "eth0"))).action is Action.DENY


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_spreadsheets_save_as_they_please(delimiter, end, encoding):
    rows = [["Ma\xdfnahmen"], ["Action", "Source", "Destination", "Remark"], ["Allow", "192.0.2.1", "any", "f\xfcr"]]
    text = end.join(delimiter.join(row) for row in rows)
    source = Source.of("x.csv", text.encode(encoding))
    assert TABLE.recognises(source)
    found = TABLE.read(source, Options())
    assert evaluate(found, PACKET).action is Action.PERMIT
    assert found.statements[0].comment == "f\xfcr"


def test_a_quotation_mark_that_is_never_closed_spoils_its_own_line():
    found = read('action,src,dst,comment\npermit,192.0.2.1,any,"open\ndeny,any,any,x\n')
    assert evaluate(found, PACKET).action is Action.PERMIT
    assert len(found.statements) == 3


def test_groups_may_be_nested_and_must_be_defined():
    text = Path("testdata/firewalls/table/rules.yaml").read_text()
    found = read(text)
    assert set(found.groups) == {"OFFICE", "ADMINS"}
    loop = read("groups: {A: [B], B: [A], C: [192.0.2.1]}\nrules: [{action: permit, src: A, dst: any}]\n")
    assert set(loop.groups) == {"C"}
    assert [line for line, message in errors(loop) if "not defined" in message] == [1, 1]
    assert bounds(loop, PACKET) == MAYBE


def test_yaml_and_csv_say_the_same():
    csv = "order,action,src,dst,proto,port\n1,deny,192.0.2.1,any,tcp,22\n2,permit,192.0.2.0/24,any,tcp,20-30\n"
    yaml = """
        rules:
        - {order: 1, action: deny, src: 192.0.2.1, dst: any, proto: tcp, port: 22}
        - {order: 2, action: permit, src: [192.0.2.0/25, 192.0.2.128/25], dst: any, proto: tcp, port: 20-30}
    """
    assert read(csv).lists[0].rules == read(yaml).lists[0].rules


@pytest.mark.parametrize(("text", "expected"), [("permit", YES), ("deny", NO), ("perhaps", NO)])
def test_the_default_can_be_written(text, expected):
    found = read(f"default: {text}\nrules: []\n")
    assert bounds(found, PACKET) == expected
    assert bool(errors(found)) is (text == "perhaps")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_samples_are_recognised_and_read_without_errors(path):
    assert TABLE.recognises(Source.of(path.name, path.read_bytes()))
    assert not errors(read(path.read_bytes()))


def test_the_spreadsheet_sample_is_understood():
    found = read(Path("testdata/firewalls/table/spreadsheet.csv").read_bytes(), MGMT=["10.99.0.0/16"])
    assert [(one.name, one.at.line) for one in found.statements] == [
        *((str(number), line) for number, line in zip(range(1, 9), (5, 7, 8, 9, 10, 11, 12, 13), strict=True)),
        ("default", 0),
    ]
    assert evaluate(found, Packet.of("10.99.1.1", "10.20.7.7", UDP, 22)).statement == 6
    assert evaluate(found, Packet.of("10.20.2.66", "10.20.3.10", TCP, 5432)).action is Action.DENY
    assert evaluate(found, Packet.of("10.20.2.65", "10.20.3.10", TCP, 5432)).action is Action.PERMIT


@pytest.mark.parametrize(
    "text", ["", "*filter\n:FORWARD DROP\n", "a,b,c\n1,2,3\n", "- hello\n", "{}", "action: permit\n"]
)
def test_other_texts_are_not_recognised(text):
    assert not TABLE.recognises(Source.of("x", text.encode()))
    assert not read(text).lists
    assert errors(read(text))


CELLS = st.one_of(
    st.sampled_from(
        ["any", "permit", "deny", "192.0.2.1", "10.0.0.0/8", "tcp", "443", "", '"', "x", "!", "not", "1-2", "icmp"]
    ),
    st.text(max_size=12),
)


@settings(max_examples=3 * settings().max_examples, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(CELLS, max_size=9).map(",".join), max_size=8))
def test_nothing_that_a_table_says_is_raised(rows):
    found = read("\n".join(["order,action,src,dst,proto,port,service,disabled,in", *rows]))
    assert evaluate(found, PACKET).action in Action


@settings(max_examples=3 * settings().max_examples, suppress_health_check=list(HealthCheck))
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | CELLS,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["rules", "groups", "default", "action", "src", "dst", "proto", "port", "x"]),
                inner,
                max_size=5,
            )
        ),
    )
)
def test_nothing_that_yaml_says_is_raised(value):
    import json  # noqa: PLC0415 - YAML's simplest form

    read(json.dumps({"rules": [value], "groups": value, "default": value}))
    read(json.dumps(value))


@settings(max_examples=3 * settings().max_examples)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["permit", "deny"]), st.sampled_from(["any", "192.0.2.0/24", "192.0.2.1", "203.0.113.0/24"])
        ),
        min_size=1,
        max_size=6,
    ),
    st.data(),
)
def test_dead_rules_and_split_networks_change_nothing(rules, data):
    rows = [f"{action},{source},any" for action, source in rules]
    place = data.draw(st.integers(0, len(rows) - 1))
    flipped = ("deny" if rules[place][0] == "permit" else "permit") + rows[place][len(rules[place][0]) :]
    halves = "192.0.2.0/25 192.0.2.128/25"
    other = [*rows[: place + 1], flipped, *rows[place + 1 :]]
    left = read("\n".join(["action,src,dst", *rows]))
    right = read("\n".join(["action,src,dst", *other]).replace("192.0.2.0/24", halves))
    for source in ("192.0.2.1", "192.0.2.200", "203.0.113.1", "8.8.8.8"):
        packet = Packet.of(source, "198.51.100.1", TCP, 443)
        assert evaluate(left, packet).action is evaluate(right, packet).action
