"""Commands that need nothing but manifests: compile, explain, crds."""

import socket
from pathlib import Path
from typing import Annotated

import typer

from anp.analysis.ends import parse_end
from anp.analysis.explanation import as_json, explain
from anp.api import Channel
from anp.api.crds import crd_yaml, crds
from anp.cli.console import (
    EXIT_NO,
    FileOption,
    Output,
    OutputOption,
    VerboseOption,
    fail,
    out,
    write,
)
from anp.cli.explaining import explanation_lines
from anp.cli.manifests import cluster_or_exit, node_or_exit
from anp.cli.options import DEFAULT_MASK_TEXT, MaskOption, NodeOption, layout_or_exit, told
from compiler.compilation import compile_cluster
from compiler.lower import lower
from compiler.model import MAX_PORT, Pod, Protocol
from compiler.ruleset import Ruleset
from compiler.syntax import script


def compile_command(
    file: FileOption,
    node: NodeOption = "",
    mark_mask: MaskOption = DEFAULT_MASK_TEXT,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Print the nft script that enforces the policies on one node.

    The script replaces our table and touches no other; load it with `nft -f`, or look whether the kernel would take
    it with `nft --check -f`. Pods and nodes without addresses get some, so that manifests written by hand compile.
    """
    cluster = cluster_or_exit(file, invent=True, verbose=verbose)
    node = node_or_exit(cluster, node or socket.gethostname())
    with told():
        ruleset = lower(compile_cluster(cluster.snapshot), node, layout_or_exit(mark_mask))
    if output is Output.TEXT:
        typer.echo(script(ruleset), nl=False)
        return
    document = {"kind": "Compilation", "version": 1, "node": node, "sizes": _sizes(ruleset), "script": script(ruleset)}
    write(document, output)


def _sizes(ruleset: Ruleset) -> dict[str, int]:
    return {
        "chains": len(ruleset.chains),
        "maps": len(ruleset.maps),
        "elements": sum(len(held.elements) for held in ruleset.maps.values()),
        "counters": len(ruleset.counters),
    }


def explain_command(
    file: FileOption,
    source: Annotated[str, typer.Option("--from", metavar="NS/POD|IP", help="Who connects.")],
    destination: Annotated[str, typer.Option("--to", metavar="NS/POD|IP", help="To whom.")],
    port: Annotated[
        str, typer.Option("--port", metavar="N|NAME", help="Destination port, or its name in the destination pod.")
    ] = "",
    protocol: Annotated[
        str, typer.Option("--protocol", metavar="PROTOCOL", help="tcp, udp, sctp, or icmp for it and all the rest.")
    ] = "tcp",
    hairpin: Annotated[
        bool, typer.Option("--hairpin", help="A pod's connection to itself was sent back by a Service.")
    ] = False,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Say whether a connection gets through, and why: every tier asked, every rule passed over, the one that decides.

    Exit code 0 if it gets through, 1 if it is denied.
    """
    cluster = cluster_or_exit(file, invent=True, verbose=verbose)
    with told():
        ends = (parse_end(source, cluster.snapshot), parse_end(destination, cluster.snapshot))
        kind, number = _traffic(protocol, port, ends[1].pod)
        explanation = explain(cluster, *ends, kind, number, hairpin=hairpin)
    if output is Output.TEXT:
        for line in explanation_lines(explanation, cluster):
            out.print(line)
    else:
        write(as_json(explanation, cluster), output)
    raise typer.Exit(0 if explanation.accepted else EXIT_NO)


def _traffic(protocol: str, port: str, pod: Pod | None) -> tuple[Protocol, int]:
    """Read a protocol and a port, which may be a name that the destination pod declares."""
    name = protocol.lower()
    kind = Protocol.OTHER if name in {"icmp", "icmpv6"} else next((p for p in Protocol if p.value == name), None)
    if kind is None:
        fail(f"--protocol {protocol}: there are tcp, udp, sctp and icmp")
    if kind is Protocol.OTHER:
        return kind, 0
    if not port:
        fail(f"--port is needed for {name}")
    if port.isdecimal() and 0 < int(port) <= MAX_PORT:
        return kind, int(port)
    declared = [item.number for item in (pod.ports if pod else ()) if item.name == port and item.protocol is kind]
    if not declared:
        names = sorted({item.name for item in pod.ports}) if pod else []
        known = f"; it names {', '.join(names)}" if names else ""
        fail(f"--port {port}: neither a number from 1 to 65535 nor a {name} port that the destination declares{known}")
    return kind, declared[0]


def crds_command(
    channel: Annotated[Channel, typer.Option("--channel", help="Which release channel.")] = Channel.EXPERIMENTAL,
    directory: Annotated[
        Path | None, typer.Option("--directory", "-d", help="Write a file for each CRD there instead of printing.")
    ] = None,
) -> None:
    """Print or write the CustomResourceDefinitions of the policy kinds."""
    documents = crds(channel)
    if directory is None:
        typer.echo("---\n".join(crd_yaml(document) for document in documents), nl=False)
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for document in documents:
            name = f"{document['metadata']['name']}.yaml"
            (directory / name).write_text(crd_yaml(document), encoding="utf-8")
            typer.echo(str(directory / name))
    except OSError as error:
        fail(f"cannot write to {directory}: {error.strerror}")
