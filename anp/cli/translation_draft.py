"""The work of `anp translate suggest`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from anp import api
from anp.cli import console
from anp.cli.options import Origin, Output
from anp.cli.subject import cluster_or_exit
from anp.cli.translation_input import Asked, firewall_or_exit
from anp.firewall.inventory.drafting import write
from anp.firewall.inventory.hosts import Host, read_hosts
from anp.firewall.inventory.services import Service, read_services, services_of
from anp.firewall.inventory.suggest import Evidence, suggest
from anp.sources.diagnostics import has_errors, printable
from anp.sources.manifests import bare
from anp.state.cluster import Cluster


def print_draft(asked: Asked, origin: Origin, hosts: str, out: Path | None, output: Output, *, verbose: bool) -> None:
    """Print a draft of a mapping, or write it where it harms nothing."""
    if out is not None and (out.exists() or out.is_symlink()):
        console.fail(f"{out} is there already, and may have somebody's work in it; name another file, or move it away")
    evidence = _evidence(origin, hosts, verbose=verbose)
    firewall = firewall_or_exit(asked, {}, verbose=verbose)
    console.progress("drafting")
    text = write(suggest(firewall, evidence))
    if out is not None:
        try:
            with out.open("x", encoding="utf-8") as file:
                file.write(text)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            console.fail(f"cannot write {out}: {why}", console.EXIT_CANNOT)
        console.note(f"wrote {printable(str(out))}; look at every entry, then: anp translate convert --map")
    if output is not Output.TEXT:
        console.document({"kind": "MappingDraft", "version": 1, "mapping": yaml.safe_load(text)}, output)
    elif out is None:
        console.raw(text)


def _evidence(origin: Origin, hosts: str, *, verbose: bool) -> Evidence:
    listed: tuple[Host, ...] = ()
    if hosts:
        found = read_hosts(hosts)
        console.tell(found.diagnostics, verbose=verbose)
        if has_errors(found.diagnostics):
            console.fail("nothing was drafted")
        listed = found.hosts
    if not (origin.file or origin.live):
        return Evidence(hosts=listed)
    cluster = cluster_or_exit(origin, invent=False, verbose=verbose, services=True)
    services: tuple[Service, ...] = read_services(origin.file) if origin.file else ()
    if origin.live:
        services += tuple(services_of(_documents(cluster)))
    return Evidence(cluster.snapshot, services, listed)


def _documents(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """Yield the Services of a running cluster as an API server has them."""
    for item in map(bare, cluster.items.values()):
        if isinstance(item, api.Service):
            yield {"apiVersion": "v1", "kind": "Service", **item.model_dump(mode="json", by_alias=True)}
