"""What commands about translation are given: firewalls, mappings and policies. What makes no sense ends the command."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from anp.cli import console
from anp.cli.options import Origin
from anp.cli.subject import cluster_or_exit
from anp.firewall.combination import combined, shared_families
from anp.firewall.inventory.loading import load as load_mapping
from anp.firewall.inventory.model import Inventory
from anp.firewall.model import Firewall
from anp.firewall.providers import registry
from anp.firewall.providers.provider import Options, Source
from anp.sources.diagnostics import Severity, has_errors
from anp.sources.files import MAX_BYTES, STANDARD_INPUT, file_name
from anp.sources.manifests import load
from anp.state.assembly import assemble
from compiler.addresses import AddressSet
from compiler.model import Policy


@dataclass(frozen=True, slots=True)
class Asked:
    """Which firewall: the sources, their language or nothing, the lists of one's choice."""

    sources: tuple[str, ...]
    language: str = ""
    lists: tuple[str, ...] = ()
    in_series: bool = False
    skip_unreadable: bool = False


def source_or_exit(path: str) -> Source:
    """Read a source as it is, whatever it holds."""
    try:
        if path == STANDARD_INPUT:
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        console.fail(f"cannot read {path}: {reason}")
    if len(data) > MAX_BYTES:
        console.fail(f"{file_name(path)} is larger than {MAX_BYTES} bytes")
    return Source.of(file_name(path), data)


def firewall_or_exit(asked: Asked, groups: Mapping[str, AddressSet], *, verbose: bool) -> Firewall:
    """Read the sources as one firewall, and say what is wrong with them."""
    if asked.sources.count(STANDARD_INPUT) > 1:
        console.fail("standard input can be one of the sources only")
    options = Options(asked.lists, groups)
    firewalls = [_read(source_or_exit(path), asked.language, options) for path in asked.sources]
    shared = shared_families(firewalls)
    if shared and not asked.in_series:
        families = " and ".join(f"IPv{version}" for version in sorted(shared))
        console.fail(
            f"several sources speak of {families}: if packets have to pass all of them, say so with --in-series; "
            "if not, translate each of them alone"
        )
    firewall = combined(firewalls)
    console.tell(firewall.diagnostics, verbose=verbose)
    if not firewall.statements:
        console.fail(f"there are no rules in {firewall.source}")
    if has_errors(firewall.diagnostics) and not asked.skip_unreadable:
        errors = sum(found.severity is Severity.ERROR for found in firewall.diagnostics)
        console.fail(
            f"{errors} error{'s' if errors > 1 else ''} in {firewall.source}; nothing was done "
            "(--skip-unreadable goes on without what cannot be read, which opens what it may have closed)"
        )
    return firewall


def _read(source: Source, language: str, options: Options) -> Firewall:
    console.progress(f"reading {source.name}")
    known = registry.load()
    console.tell(known.diagnostics, verbose=False)
    try:
        provider = known.named(language.lower()) if language else known.recognise(source)
    except registry.UnknownProviderError as error:
        console.fail(f"{error} (--from)")
    return provider.read(source, options)


def inventory_or_exit(path: str, *, verbose: bool) -> Inventory:
    """Read the mapping."""
    if not path:
        console.fail("name the mapping with --map; anp translate suggest drafts one")
    found = load_mapping(path)
    console.tell(found.diagnostics, verbose=verbose)
    if found.inventory is None:
        errors = sum(one.severity is Severity.ERROR for one in found.diagnostics)
        console.fail(f"{errors} error{'s' if errors > 1 else ''} in the mapping; nothing was done")
    return found.inventory


def known_groups(inventory: Inventory) -> Mapping[str, AddressSet]:
    """Return the names that a source may use and leave to the mapping."""
    return {**inventory.external, **inventory.groups}


def policies_of(path: str, *, verbose: bool) -> tuple[Policy, ...]:
    """Read policies as anybody would read them."""
    manifests = load(path)
    assembly = assemble(manifests.objects, advise=False)
    diagnostics = tuple(sorted({*manifests.diagnostics, *assembly.diagnostics}))
    # That their namespaces are declared elsewhere is no trouble: all pods that there can be are looked at.
    console.tell((one for one in diagnostics if verbose or one.field != "metadata.namespace"), verbose=verbose)
    if has_errors(diagnostics):
        errors = sum(found.severity is Severity.ERROR for found in diagnostics)
        console.fail(f"{errors} error{'s' if errors > 1 else ''} in {file_name(path)}; nothing was proven")
    return assembly.snapshot.policies


def policies_or_exit(origin: Origin, *, verbose: bool) -> tuple[Policy, ...]:
    """Read the policies of manifests or of a running cluster."""
    if origin.live:
        return cluster_or_exit(origin, invent=False, verbose=verbose).snapshot.policies
    if not origin.file:
        console.fail("name the policies with --file, or a running cluster with --live")
    found = policies_of(origin.file, verbose=verbose)
    if not found:
        console.warn(f"there are no policies in {file_name(origin.file)}")
    return found
