"""What becomes of a sample of every format is what was reviewed, and what was reviewed means what the sample means."""

from dataclasses import replace
from pathlib import Path

import pytest

from anp.firewall.convert.model import Settings
from anp.firewall.convert.translation import translate
from anp.firewall.convert.writing import render, write
from anp.firewall.model import Infrastructure
from anp.firewall.proof.model import Equality
from anp.firewall.proof.prove import prove
from anp.firewall.providers.builtin import BUILT_IN
from anp.sources.diagnostics import has_errors
from compiler.model import Action
from tests.firewalls.chain import policies_in, read_firewall, read_mapping

FIREWALLS = Path(__file__).parents[2] / "testdata" / "firewalls"
SAMPLES = {
    "asa": ("dc.cfg", "dc.yaml"),
    "ios": ("edge.cfg", "edge.yaml"),
    "iptables": ("dc.rules", "dc-interfaces.yaml"),
    "nftables": ("gateway.json", "gateway.yaml"),
    "nsxt": ("shop-infra.json", "dc.yaml"),
    "nxos": ("core.cfg", "core.yaml"),
    "table": ("spreadsheet.csv", "dc.yaml"),
}
"""A sample of each folder, and the mapping that goes with it."""


def read(folder):
    sample, mapping = SAMPLES[folder]
    inventory = read_mapping(FIREWALLS / "mappings" / mapping)
    groups = {**inventory.external, **inventory.groups}
    return read_firewall(FIREWALLS / folder / sample, groups), inventory


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("folder", SAMPLES)
def test_a_sample_becomes_what_was_reviewed_and_that_is_proven_again(folder, tmp_path, golden):
    firewall, inventory = read(folder)
    translation = translate(firewall, inventory, Settings())
    assert not has_errors((*firewall.diagnostics, *translation.diagnostics))
    write(translation, tmp_path)

    found = contents(tmp_path)
    for name, text in found.items():
        golden(f"../firewalls/golden/{folder}/{name}", text.decode())

    kept = contents(FIREWALLS / "golden" / folder)
    assert kept == found
    texts = {name: text.decode() for name, text in kept.items()}
    assert prove(firewall, inventory, policies_in(texts)).equality is not Equality.DIFFERENT


def test_every_provider_has_a_sample_that_was_reviewed():
    assert {read(folder)[0].format for folder in SAMPLES} == {provider.name for provider in BUILT_IN}
    assert {path.name for path in (FIREWALLS / "golden").iterdir()} == set(SAMPLES)


def test_what_the_cluster_needs_for_itself_is_explained_only_if_it_was_allowed():
    firewall, inventory = read("asa")
    kinds = frozenset(Infrastructure)
    policies = policies_in(render(translate(firewall, inventory, Settings(infrastructure=kinds))))

    assert prove(firewall, inventory, policies, allowed=kinds).equality is Equality.EXPLAINED
    assert prove(firewall, inventory, policies).equality is Equality.DIFFERENT


def test_what_the_default_denies_to_pods_that_are_not_mapped_is_no_matter_of_the_mapping():
    firewall, inventory = read("asa")
    policies = policies_in(render(translate(firewall, inventory, Settings())))
    opened = [
        replace(policy, ingress=tuple(replace(rule, action=Action.ACCEPT) for rule in policy.ingress))
        for policy in policies
    ]

    gaps = prove(firewall, inventory, opened).gaps
    assert any(gap.sources.other_pods and not gap.explained for gap in gaps)
