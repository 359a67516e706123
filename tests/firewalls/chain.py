"""The whole way of a translation without a command line: from a firewall and a mapping to what is proven and told."""

from dataclasses import dataclass
from pathlib import Path

from anp.firewall.convert.model import Settings, Translation
from anp.firewall.convert.profiles import limits
from anp.firewall.convert.translation import translate
from anp.firewall.convert.writing import render
from anp.firewall.inventory.loading import load
from anp.firewall.inventory.model import Inventory
from anp.firewall.model import Firewall
from anp.firewall.proof.model import Proof
from anp.firewall.proof.prove import prove
from anp.firewall.providers import registry
from anp.firewall.providers.provider import Options, Source
from anp.firewall.report.judging import budget, judge
from anp.firewall.report.model import Report, translated
from anp.sources.diagnostics import has_errors
from anp.sources.manifests import parse
from anp.state.assembly import assemble
from compiler.model import Policy

EXAMPLE = Path(__file__).parent.parent.parent / "testdata" / "firewalls" / "example"


@dataclass(frozen=True)
class Chain:
    """Everything that comes of a firewall."""

    translation: Translation
    policies: tuple[Policy, ...]
    proof: Proof
    report: Report


def read_firewall(path: Path, groups=None, *, language: str = "") -> Firewall:
    """Read a source by its path from the folder that it is in, so that no report has a path of this machine."""
    source = Source.of(path.name, path.read_bytes())
    known = registry.load()
    provider = known.named(language) if language else known.recognise(source)
    return provider.read(source, Options(groups=groups or {}))


def read_mapping(path: Path) -> Inventory:
    loading = load(str(path))
    assert loading.inventory is not None, loading.diagnostics
    return loading.inventory


def policies_in(texts: dict[str, str]) -> tuple[Policy, ...]:
    """Return what files say, read as anybody would read them."""
    found: list[Policy] = []
    for name, text in texts.items():
        assembly = assemble(parse(text, name).objects, advise=False)
        assert not has_errors(assembly.diagnostics)
        found += assembly.snapshot.policies
    return tuple(found)


DEFAULTS = Settings()


def convert(firewall: Firewall, inventory: Inventory, settings: Settings = DEFAULTS) -> Chain:
    translation = translate(firewall, inventory, settings)
    assert translation.objects, [str(one) for one in translation.diagnostics]
    policies = policies_in(render(translation))
    proof = prove(firewall, inventory, policies)
    judged = judge(inventory, policies)
    used = budget(translation.objects, limits(settings))
    return Chain(translation, policies, proof, translated(translation, proof, judged.denied, used, judged.strength))
