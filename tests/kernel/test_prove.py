"""The proof on what the kernel really lists, and against real packets: it is right about any rules."""

import subprocess
from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from hypothesis import event, given, note, settings
from hypothesis import strategies as st

from anp.analysis.prove.language import UnknownMeaningError
from anp.analysis.prove.listing import listed, objects
from anp.analysis.prove.proof import compare
from anp.analysis.prove.steps import Packet, follow
from anp.lab.namespace import Namespace
from anp.lab.probes import Outcome
from compiler.compilation import compile_cluster
from compiler.lower import lower
from compiler.marks import DEFAULT_MASK
from compiler.model import Protocol
from compiler.ruleset import Hook
from compiler.semantics import decide
from compiler.trace import crossings
from enforcer.errors import ListingError
from enforcer.kernel import KernelDataplane
from enforcer.reconcile import Enforcer
from tests.builders import admin, cluster, deny, pods, tcp
from tests.kernel.lab_strategies import cases as lab_cases
from tests.kernel.stage import Stage, goes_through
from tests.kernel.worlds import WORLDS
from tests.strategies import snapshots

pytestmark = pytest.mark.kernel

FIELDS = {Protocol.TCP: 6, Protocol.UDP: 17, Protocol.SCTP: 132}
OTHERS_MARK = 0x4001 | DEFAULT_MASK
"""What the witness of a stage puts into the mark of every first packet."""
CONDITIONS = (
    "",
    "ip saddr 10.0.0.1",
    "ip daddr != 10.0.0.0/30",
    "ip6 daddr fd00::1-fd00::2",
    "ip saddr { 10.0.0.1, 10.0.0.3-10.0.0.5 } tcp dport 80",
    "ip saddr . tcp dport { 10.0.0.1 . 80, 10.0.0.2 . 81 }",
    "meta l4proto { tcp, icmp }",
    "th dport { 53, 80-90 }",
    "icmp type echo-request",
    "icmpv6 type echo-request counter",
    "meta mark & 0x80000000 == 0",
    "meta mark & 0x1 != 0",
    "meta mark > 0x40000000",
    "ct state new,invalid",
    "ct state != new",
    "meta nfproto ipv6",
    "meta mark set meta mark ^ 0x80010000",
    "meta mark set meta mark & 0xff0fffff | 0x100",
)
"""What a rule of somebody else's may ask; the last two ask nothing and leave something behind."""
ENDS = ("accept", "drop", "return", "reject", "")


@pytest.fixture(scope="module")
def node() -> Iterator[KernelDataplane]:
    namespace = Namespace()
    with KernelDataplane(namespace.fd) as dataplane:
        yield dataplane
    namespace.close()


def nodes_of(snapshot):
    return sorted(({pod.node for pod in snapshot.pods} | {one.name for one in snapshot.nodes}) - {""})


def read(dataplane):
    text = dataplane.listing()
    return listed(objects(text) if text else [])


@given(snapshots())
def test_what_is_applied_is_proven(node, snapshot):
    compilation = compile_cluster(snapshot)
    for name in nodes_of(snapshot):
        enforcer = Enforcer(node)
        enforcer.start()
        enforcer.apply(lower(compilation, name))

        assert not compare(read(node), compilation, name).gaps


def test_a_listing_that_was_saved_is_as_good_as_the_kernels_own(network, kernel):
    snapshot = cluster(admin("closing", pods("x"), priority=20, ingress=[deny(pods("y"), tcp(80))]))
    name = snapshot.pods[0].node
    compilation = compile_cluster(snapshot)
    Enforcer(kernel).apply(lower(compilation, name))
    for script in ("", "insert rule inet anp forward icmp type echo-request ct state new ip saddr 10.0.0.0/8 drop"):
        kernel.run_script(script)
        command = ["nft", "-j", "list", "ruleset"]
        saved = network.call(
            lambda: subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)  # noqa: B023
        ).stdout

        assert compare(listed(objects(saved)), compilation, name) == compare(read(kernel), compilation, name)


@pytest.fixture
def applied(kernel):
    """A node's rules as applied, its name, and the compilation that they are of."""
    snapshot = cluster(admin("closing", pods("x"), priority=20, ingress=[deny(pods("y"), tcp(80))]))
    compilation = compile_cluster(snapshot)
    Enforcer(kernel).apply(lower(compilation, snapshot.pods[0].node))
    return kernel, compilation, snapshot.pods[0].node


def test_a_table_that_lies_dormant_is_never_proven(applied):
    dataplane, compilation, name = applied
    assert not compare(read(dataplane), compilation, name).gaps

    dataplane.run_script("add table inet anp { flags dormant; }")

    # Some versions of nft list no such flag as it is, or then no JSON at all; nothing is proven then.
    try:
        proven = not compare(read(dataplane), compilation, name).gaps
    except (UnknownMeaningError, ListingError):
        proven = False
    assert not proven


@pytest.mark.parametrize(
    ("rule", "versions"),
    [
        ("meta nfproto ipv4 reject", {4}),
        ("meta nfproto ipv6 meta l4proto tcp reject", {6}),
        ("reject with icmp type host-unreachable", {4}),
        ("reject with icmpx type no-route", {4, 6}),
        ("meta l4proto tcp reject with tcp reset", {4, 6}),
        ("meta l4proto { udp, icmp } reject", set()),
        ("ct state ! established,related drop", {4, 6}),
    ],
)
def test_what_nft_leaves_out_of_a_listing_is_known(applied, rule, versions):
    dataplane, compilation, name = applied
    dataplane.run_script(f"insert rule inet anp forward {rule}")
    gaps = compare(read(dataplane), compilation, name).gaps
    fates = {
        ip_address(source).version: follow(
            read(dataplane), Packet(Hook.FORWARD, ip_address(source), ip_address(destination), 6, 81)
        ).accepted
        for source, destination in (("198.51.100.1", "198.51.100.2"), ("2001:db8::1", "2001:db8::2"))
    }

    assert {version for version, through in fates.items() if not through} == versions
    assert {gap.version for gap in gaps if not gap.accepted and gap.packets.tcp} == versions


@pytest.mark.parametrize("rule", ["ip saddr & 255.0.0.0 == 10.0.0.1 drop", "meta mark & 0xffff0000 == 0x10001 drop"])
def test_what_nft_lists_as_something_else_is_refused(applied, rule):
    dataplane, compilation, name = applied
    dataplane.run_script(f"insert rule inet anp forward {rule}")

    with pytest.raises(UnknownMeaningError, match="prefix"):
        compare(read(dataplane), compilation, name)


# Somebody else's changes, by nft.


def _rules(text):
    found = {}
    for kind, body in objects(text):
        if kind == "rule":
            found.setdefault(body["chain"], []).append(body["handle"])
    return found


@st.composite
def tampering(draw, text):
    """Commands that change a table in one place, such that replies still get through."""
    everything = objects(text)
    rules = _rules(text)
    maps = [body for kind, body in everything if kind == "map" and body.get("elem")]
    inner = sorted(chain for chain in rules if chain not in {"forward", "input"})
    # A rule needs at least a word.
    rule = f"{draw(st.sampled_from(CONDITIONS))} {draw(st.sampled_from(ENDS))}".strip() or "counter"
    match draw(st.sampled_from(("insert", "insert", "base", "element", "verdict", "rule"))):
        case "insert":
            return f"insert rule inet anp {draw(st.sampled_from(inner))} {rule}"
        case "base":
            chain = draw(st.sampled_from(("forward", "input")))
            # After the rule that lets replies through.
            return f"add rule inet anp {chain} handle {draw(st.sampled_from(rules[chain]))} {rule}"
        case "rule":
            chain = draw(st.sampled_from(inner))
            return f"delete rule inet anp {chain} handle {draw(st.sampled_from(rules[chain]))}"
        case kind if maps:
            body = draw(st.sampled_from(maps))
            key, _verdict = draw(st.sampled_from(body["elem"]))
            if isinstance(key, dict):
                start, end = key.get("range") or (f"{key['prefix']['addr']}/{key['prefix']['len']}", "")
                key = f"{start}-{end}" if end else start
            gone = f"delete element inet anp {body['name']} {{ {key} }}"
            return gone if kind == "element" else f"{gone}\nadd element inet anp {body['name']} {{ {key} : drop }}"
    return f"insert rule inet anp {inner[0]} {rule}"


@pytest.fixture(scope="module")
def world():
    return next(iter(WORLDS.values()))


@pytest.fixture(scope="module")
def stage(world) -> Iterator[Stage]:
    with Stage(world.topology) as stage:
        yield stage


def packet(flow, hook):
    kind = 8 if flow.source.version == 4 else 128
    number = FIELDS.get(flow.protocol, 1 if flow.source.version == 4 else 58)
    return Packet(hook, flow.source, flow.destination, number, flow.port, kind=kind, mark=OTHERS_MARK)


def is_in(gap, flow, hook):
    """Whether a gap speaks of a flow, whatever else it asks of its packets."""
    protocol, port = flow.protocol, 0 if flow.protocol is Protocol.OTHER else flow.port
    held = any(first <= port <= last for first, last in gap.packets.ports(protocol))
    return held and gap.hook is hook and flow.source in gap.sources and flow.destination in gap.destinations


@pytest.mark.slow
@settings(max_examples=2 * settings().max_examples)
@given(data=st.data())
def test_real_packets_go_where_the_listing_is_read_to_send_them_and_differ_where_the_proof_says(world, stage, data):
    snapshot, flows = data.draw(lab_cases(world))
    stage.restart_enforcers()
    stage.enforce(snapshot)
    dataplanes = {name: enforcer._dataplane for name, enforcer in stage._enforcers.items()}
    for name, dataplane in dataplanes.items():
        text = dataplane.listing()
        if text:
            script = data.draw(tampering(text))
            note(f"{name}: {script}")
            dataplane.run_script(script)
    compilation = compile_cluster(snapshot)
    there = {name: read(dataplane) for name, dataplane in dataplanes.items()}
    gaps = {name: compare(listing, compilation, name).gaps for name, listing in there.items()}
    ways = [
        {
            (name, hook): follow(there[name], packet(flow, hook)).accepted
            for name, hook in crossings(snapshot, flow)
            if name in there
        }
        for flow in flows
    ]

    answers = stage.ask(flows, [all(way.values()) for way in ways])

    for flow, way, answer in zip(flows, ways, answers, strict=True):
        event(f"{'as meant' if all(way.values()) == goes_through(decide(snapshot, flow)) else 'other than meant'}")
        assert (answer.outcome is Outcome.CONNECTED) is all(way.values()), flow
        if all(way.values()) != goes_through(decide(snapshot, flow)):
            assert any(is_in(gap, flow, hook) for name, hook in way for gap in gaps[name]), flow
