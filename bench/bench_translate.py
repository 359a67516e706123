"""An iptables dump of 3,500 rules to proven policies, stage by stage. See make bench."""

from pathlib import Path

import pytest

from anp.firewall.convert.model import Settings, Translation
from anp.firewall.convert.translation import translate
from anp.firewall.convert.writing import render
from anp.firewall.inventory.model import Entity, Inventory, Neighbours, Segment
from anp.firewall.model import Firewall
from anp.firewall.proof.model import Proof
from anp.firewall.proof.prove import prove
from anp.firewall.providers.iptables import IPTABLES
from anp.firewall.providers.provider import Options, Source
from anp.firewall.report.document import document
from anp.firewall.report.judging import judge
from anp.firewall.report.markdown import markdown
from anp.firewall.report.model import inspected, translated
from anp.firewall.report.page import page
from anp.firewall.report.text import lines
from anp.sources.manifests import load
from anp.state.assembly import assemble
from compiler.addresses import AddressSet
from compiler.intervals import union
from compiler.labels import NAMESPACE_NAME_LABEL, Selector
from compiler.model import PodSelection, Policy
from tests.firewalls.generate import SEGMENTS, Site, iptables

RULES = 3_500


def source(rules: int = RULES) -> Source:
    return Source.of("big.rules", iptables(rules).encode())


def mapping(firewall: Firewall) -> Inventory:
    """Segments as the site has them; an entity for each part of a segment that rules tell apart, up to twelve."""
    site_segments = Site(None).segments  # type: ignore[arg-type] - nothing is drawn
    segments, entities = [], []
    for name in SEGMENTS:
        interface, network = site_segments[name]
        whole = AddressSet.of(f"{network}.0.0/16")
        segments.append(Segment(name, whole, (interface,), Neighbours.DENY))
        for number, addresses in enumerate(_workloads(firewall, whole)):
            label = f"{name}-{number}"
            by_name = {NAMESPACE_NAME_LABEL: name}
            entities.append(
                Entity(
                    label,
                    addresses,
                    PodSelection(Selector.of(by_name), Selector.of({"app": label})),
                    {"namespaceSelector": {"matchLabels": by_name}, "podSelector": {"matchLabels": {"app": label}}},
                    name,
                )
            )
    return Inventory(
        "map.yaml",
        "0" * 64,
        tuple(entities),
        tuple(segments),
        outside_interfaces=("eth0",),
        pod_addresses=AddressSet.of("10.244.0.0/16"),
    )


def _workloads(firewall: Firewall, segment: AddressSet, most: int = 12) -> list[AddressSet]:
    """The first single hosts of a segment that rules name: no rule cuts a host."""
    found: dict[int, None] = {}
    for rule_list in firewall.lists:
        for rule in rule_list.rules:
            for addresses in (rule.sources, rule.destinations):
                for first, last in addresses.v4:
                    if first == last and any(low <= first <= high for low, high in segment.v4):
                        found[first] = None
    return [AddressSet(union([(number, number)])) for number in list(found)[:most]]


@pytest.fixture(scope="module")
def firewall() -> Firewall:
    return IPTABLES.read(source(), Options())


@pytest.fixture(scope="module")
def inventory(firewall) -> Inventory:
    return mapping(firewall)


@pytest.fixture(scope="module")
def translation(firewall, inventory) -> Translation:
    found = translate(firewall, inventory, Settings())
    assert found.objects, [str(one) for one in found.diagnostics if one.severity == 1]
    return found


@pytest.fixture(scope="module")
def files(translation, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    for name, text in render(translation).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def policies(files) -> tuple[Policy, ...]:
    return assemble(load(str(files)).objects, advise=False).snapshot.policies


@pytest.fixture(scope="module")
def proof(firewall, inventory, policies) -> Proof:
    return prove(firewall, inventory, policies)


def measured(benchmark, work, *arguments):
    result = benchmark.pedantic(work, args=arguments, rounds=1, iterations=1)
    seconds = benchmark.stats.stats.mean if benchmark.stats else 0.0
    benchmark.extra_info["microseconds per rule"] = round(seconds / RULES * 1e6)
    print(f"\n{benchmark.name}: {seconds:.2f} s, {seconds / RULES * 1e6:.0f} us for each rule")
    return result


def test_reading(benchmark):
    assert measured(benchmark, lambda: IPTABLES.read(source(), Options())).lists


def test_translating(benchmark, firewall, inventory):
    assert measured(benchmark, translate, firewall, inventory, Settings()).objects


def test_rendering(benchmark, translation):
    assert measured(benchmark, render, translation)


def test_reading_back(benchmark, files):
    assert measured(benchmark, lambda: assemble(load(str(files)).objects, advise=False)).snapshot.policies


def test_proving(benchmark, firewall, inventory, policies):
    assert measured(benchmark, prove, firewall, inventory, policies).cells


def test_judging(benchmark, inventory, policies):
    assert measured(benchmark, judge, inventory, policies).strength


@pytest.mark.parametrize("form", [document, markdown, page, lambda report: list(lines(report))])
def test_reporting(benchmark, translation, proof, form):
    assert measured(benchmark, form, translated(translation, proof, (), None, ()))


def test_inspecting(benchmark, firewall):
    assert measured(benchmark, lambda: list(lines(inspected(firewall))))
