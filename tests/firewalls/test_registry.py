"""Providers are found by name and by what they read, and a broken one harms nobody."""

import sys
import types
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from anp.firewall.providers import registry
from anp.firewall.providers.provider import Options, Provider, Source
from anp.sources.diagnostics import Severity

FORMATS = {"table": "table", "iptables": "iptables", "nftables": "nftables"}
FORMATS |= {"asa": "asa", "ios": "ios", "nxos": "ios", "nsxt": "nsxt"}
SAMPLES = [
    path for folder in FORMATS for path in sorted(Path("testdata/firewalls", folder).iterdir()) if path.suffix != ".nft"
]


@dataclass
class Other:
    name: str = "other"
    title: str = "Other"

    def recognises(self, source: Source) -> bool:
        return source.text.startswith("*filter")

    def read(self, source: Source, options: Options):
        raise NotImplementedError


class Twin(Other):
    def __init__(self) -> None:
        super().__init__("iptables")


class Wordless:
    name = "wordless"


class Angry(Other):
    def __init__(self) -> None:
        super().__init__("angry")

    def recognises(self, source: Source) -> bool:
        raise RuntimeError(source.name)


def fails() -> Provider:
    raise RuntimeError("no licence")


THING = Other("thing")


def load(*values: str) -> registry.Registry:
    return registry.load([EntryPoint(value, f"{__name__}:{value}", registry.GROUP) for value in values])


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    """Let entry points lead into this module, however it was imported."""
    module = types.ModuleType(__name__)
    module.__dict__.update(globals())
    monkeypatch.setitem(sys.modules, __name__, module)


def test_our_own_are_there_without_anybody():
    found = registry.load([])
    assert set(found.providers) == set(FORMATS.values())
    assert not found.diagnostics
    for name, provider in found.providers.items():
        assert (provider.name, bool(provider.title)) == (name, True)


def test_others_bring_theirs_as_a_class_or_as_a_value():
    found = load("Other", "THING")
    assert {"other", "thing"} <= set(found.providers)
    assert not found.diagnostics


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("fails", "no licence"),
        ("nowhere", "AttributeError"),
        ("Wordless", "it has no title, recognises, read"),
        ("Twin", "there is a provider iptables already"),
        ("GROUP_", "AttributeError"),
    ],
)
def test_a_broken_one_is_said_to_be_and_the_others_work(value, why):
    found = load("Other", value)
    assert "other" in found.providers
    assert [one.severity for one in found.diagnostics] == [Severity.WARNING]
    assert why in found.diagnostics[0].message
    assert found.providers["iptables"].title.startswith("iptables-save")


def test_one_that_fails_to_look_recognises_nothing():
    assert load("Angry").recognise(Source.of("x", b"*filter\n-A FORWARD -j DROP\n")).name == "iptables"


def test_one_that_fails_to_read_says_so():
    found = load("Other").named("other").read(Source.of("x", b"*filter"), Options())
    assert not found.lists
    assert [(one.file, one.severity) for one in found.diagnostics] == [("x", Severity.ERROR)]
    assert "NotImplementedError" in found.diagnostics[0].message


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_each_sample_is_recognised_by_its_own_provider_alone(path):
    found = registry.load([]).recognise(Source.of(path.name, path.read_bytes()))
    assert found.name == FORMATS[path.parent.name]


def test_nobody_and_several_are_told_with_their_names():
    with pytest.raises(registry.UnknownProviderError, match=r"no format that we recognise.*iptables.*nftables.*table"):
        registry.load([]).recognise(Source.of("x", b"hello"))
    with pytest.raises(registry.UnknownProviderError, match="iptables and other"):
        load("Other").recognise(Source.of("x", b"*filter\n-A FORWARD -j DROP\n"))
    with pytest.raises(registry.UnknownProviderError, match=r"no provider 'pix'; there are .*iptables"):
        registry.load([]).named("pix")
    assert registry.load([]).named("table").name == "table"
