"""Selectors, networks, names and ports in every spelling: read as the one thing that they mean, or refused."""

import ipaddress
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anp.analysis.ends import UnknownEndError, parse_end
from anp.api import Admission, InvalidObjectError, parse, syntax, to_pod, to_policy
from anp.api.meta import LabelSelector
from anp.sources.diagnostics import printable
from compiler.labels import Labels, Operator
from compiler.model import AddressBlock, NamedPort, PortRange, Snapshot
from compiler.semantics import _meets_all
from tests.fuzz.trees import HOSTILE, numbers, scalars, texts
from tests.unit.api.vectors import cnp, egress, ingress, netpol

# Networks.

_octets = st.one_of(
    st.integers(0, 300).map(str), st.sampled_from(("00", "010", "08", "1e1", "", "-1", "\u0661", "0x1", " 1"))
)
_four = st.lists(_octets, min_size=3, max_size=5).map(".".join)
_groups = st.one_of(
    st.integers(0, 0x1FFFF).map(lambda n: f"{n:x}"), st.sampled_from(("", "", "0000", "g", "FFFF", "00000"))
)
_six = st.lists(_groups, min_size=1, max_size=9).map(":".join)
_mapped = _four.map(lambda text: f"::ffff:{text}")
_addresses = st.one_of(_four, _six, _mapped, texts, st.ip_addresses().map(str))
_bits = st.one_of(
    st.integers(-1, 130).map(str), st.sampled_from(("", "08", "33", "129", "+8", " 8", "8 ", "8/8", "٣", "9" * 5000))
)
spellings = st.one_of(
    _addresses,
    st.builds("{}/{}".format, _addresses, _bits),
    st.builds("{}%{}/{}".format, _six, st.sampled_from(("eth0", "1", "")), _bits),
)


@given(spellings)
@example("0.0.0.0/00")
@example("::ffff:0.0.0.0/96")
@example("::ffff:10.0.0.0/95")
@example("10.0.0.1/8\n")
@example("1" * 100_000 + ".0.0.0/8")
def test_a_network_is_what_the_standard_library_reads_or_nothing(text):
    try:
        network = syntax.strict_cidr(text)
    except ValueError as error:
        assert len(str(error)) < 2 * len(repr(text)) + 300  # noqa: PT017
        return
    assert network == ipaddress.ip_network(text, strict=False)
    assert re.fullmatch(r"[0-9a-fA-F:.]+/(0|[1-9][0-9]*)", text)


@given(spellings)
def test_the_lenient_reading_never_says_another_network(text):
    try:
        strict = syntax.strict_cidr(text)
    except ValueError:
        strict = None
    try:
        network, oddities = syntax.legacy_cidr(text)
    except ValueError:
        assert strict is None
        return
    if strict is not None:
        assert network == strict
        assert oddities in ((), ("has host bits set",))
    else:
        assert oddities


@given(spellings)
def test_a_network_is_never_wider_than_it_is_written(text):
    for document in (
        cnp(egress=[egress("Accept", ({"networks": [text]},))]),
        netpol(ingress=[{"from": [{"ipBlock": {"cidr": text}}]}]),
    ):
        for admission in Admission:
            try:
                policy = to_policy(parse(document, admission=admission).object).policy
            except InvalidObjectError:
                continue
            for peer in (peer for rule in (*policy.ingress, *policy.egress) for peer in rule.peers):
                assert isinstance(peer, AddressBlock)
                size = sum(last - first + 1 for version in (4, 6) for first, last in peer.addresses.ranges(version))
                bits = int(text.rpartition("/")[2])
                assert size == 2 ** (
                    (32 if peer.addresses.ranges(4) else 128) - (bits % 96 if _is_mapped(text) else bits)
                )


def _is_mapped(text):
    return ":" in text and "." in text and int(text.rpartition("/")[2]) > 96


# Selectors.

keys = st.one_of(st.sampled_from(("a", "a/b", "x.y/z", "-a", "a/b/c", "/a", "a/", "A" * 63, "A" * 64)), texts)
label_values = st.one_of(st.sampled_from(("", "b", "b.c", "-", "b" * 63, "b" * 64)), texts)
requirements = st.fixed_dictionaries(
    {},
    optional={
        "key": st.one_of(keys, scalars),
        "operator": st.one_of(st.sampled_from(("In", "NotIn", "Exists", "DoesNotExist", "in", "Gt", "")), scalars),
        "values": st.one_of(st.lists(label_values, max_size=3), scalars),
    },
)
selectors = st.fixed_dictionaries(
    {},
    optional={
        "matchLabels": st.one_of(st.dictionaries(keys, label_values, max_size=3), scalars),
        "matchExpressions": st.one_of(st.lists(requirements, max_size=3), scalars),
        "matchFields": scalars,
    },
)


def means(selector, labels):
    """Say whether labels fit a selector, as the API's text has it; None where the selector makes no sense."""
    if selector.get("matchFields") is not None:
        return None
    wanted, asked = (selector.get(name) for name in ("matchLabels", "matchExpressions"))
    if not isinstance(wanted, dict | None) or not isinstance(asked, list | None):
        return None
    answers = []
    for key, value in (wanted or {}).items():
        if not (_sound(syntax.label_key, key) and _sound(syntax.label_value, value)):
            return None
        answers.append(labels.get(key) == value)
    for one in asked or []:
        key, operator, values = one.get("key"), one.get("operator"), one.get("values")
        if not isinstance(key, str) or not _sound(syntax.label_key, key) or not isinstance(values, list | None):
            return None
        if not all(_sound(syntax.label_value, value) for value in values or []):
            return None
        match operator:
            case "In" | "NotIn" if values:
                answers.append((labels.get(key) in values) == (operator == "In"))
            case "Exists" | "DoesNotExist" if not values:
                answers.append((key in labels) == (operator == "Exists"))
            case _:
                return None
    return all(answers)


def _sound(check, text):
    try:
        check(text)
    except ValueError:
        return False
    return True


LABELS = ({}, {"a": "b"}, {"a": ""}, {"a/b": "b.c", "a": "-"}, {"x.y/z": "b", "a": "b"})


@given(selectors)
@example({"matchExpressions": [{"key": "a", "operator": "In", "values": []}]})
@example({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]})
@example({"matchExpressions": [{"key": "a", "operator": "NotIn"}]})
def test_a_selector_selects_what_its_text_says_or_its_rule_is_closed_or_refused(selector):
    document = cnp(ingress=[ingress("Accept", ({"namespaces": selector},))])
    for admission in Admission:
        try:
            (rule,) = to_policy(parse(document, admission=admission).object).policy.ingress
        except InvalidObjectError:
            assert admission is Admission.SUBMITTED
            assert means(selector, {}) is None
            continue
        if means(selector, {}) is None:
            assert not rule.peers
            assert rule.failed_closed
            continue
        (peer,) = rule.peers
        for labels in LABELS:
            assert _meets_all(Labels(labels), peer.namespaces) == means(selector, labels)


def test_operators_are_those_of_the_api():
    assert {operator.value for operator in Operator} == {"In", "NotIn", "Exists", "DoesNotExist"}
    assert _meets_all(Labels(), LabelSelector().read()[0])


# Ports.

ports = st.one_of(
    numbers,
    st.sampled_from(
        (0, 1, 65535, 65536, True, False, 80.0, 80.5, "80", "http", "HTTP", "a--b", "-a", "a" * 16, "", None)
    ),
    texts,
)


@given(ports, st.one_of(st.none(), ports))
def test_ports_are_what_is_written_or_the_rule_is_closed(port, end):
    written = {key: value for key, value in (("port", port), ("endPort", end)) if value is not None}
    document = netpol(ingress=[{"ports": [written]}])
    for admission in Admission:
        try:
            (rule,) = to_policy(parse(document, admission=admission).object).policy.ingress
        except InvalidObjectError:
            continue
        if rule.failed_closed:
            assert not rule.peers
            continue
        (traffic,) = rule.traffic
        if isinstance(traffic, NamedPort):
            assert (traffic.name, end) == (port, None)
        else:
            assert isinstance(traffic, PortRange)
            first, last = (1, 65535) if port is None else (port, port if end is None else end)
            assert (max(traffic.first, 1), traffic.last) == (first, last)
            assert type(port) in (int, type(None))
            assert type(end) in (int, type(None))


@given(ports, ports)
def test_ranges_of_cluster_policies_too(start, end):
    document = cnp(
        ingress=[ingress("Accept", protocols=[{"tcp": {"destinationPort": {"range": {"start": start, "end": end}}}}])]
    )
    for admission in Admission:
        try:
            (rule,) = to_policy(parse(document, admission=admission).object).policy.ingress
        except InvalidObjectError:
            continue
        if not rule.failed_closed:
            assert type(start) is type(end) is int
            assert rule.traffic == (PortRange(rule.traffic[0].protocol, start, end),)
            assert 1 <= start <= 65535
            assert 1 <= end <= 65535


# Names.


@given(st.one_of(st.sampled_from((*HOSTILE, "a", "a.b", "a" * 253)), texts, st.text()))
@pytest.mark.parametrize("check", [syntax.dns_label, syntax.dns_subdomain], ids=lambda check: check.__name__)
def test_a_name_that_is_taken_is_plain(check, text):
    if _sound(check, text):
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", text)
        assert len(text) <= 253


@given(st.one_of(texts, st.text()), st.one_of(texts, st.text()))
def test_names_that_are_told_of_are_harmless(name, namespace):
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}}
    try:
        pod = to_pod(parse(document).object)
    except InvalidObjectError as error:
        assert printable(str(error)).isprintable()  # noqa: PT017
        return
    assert json.dumps(str(pod)).isprintable()


@given(st.one_of(texts, st.text(), spellings))
@example("x/y/z")
@example("/")
def test_an_end_is_a_pod_or_an_address_or_nobody(text):
    nobody = Snapshot.of(namespaces={}, pods=[], nodes=[], policies=[])
    try:
        parse_end(text, nobody)
    except UnknownEndError as error:
        assert printable(str(error)).isprintable()  # noqa: PT017
        return
    ipaddress.ip_address(text)
