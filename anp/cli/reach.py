"""The work of `anp reach`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anp.analysis.choice import chosen_by
from anp.analysis.parties import few
from anp.analysis.places import places
from anp.analysis.reach import By, Cell, Matrix, Reachability, group_name, reach
from anp.analysis.reach_document import as_json
from anp.analysis.reach_page import MAX_GROUPS, page
from anp.analysis.wording import packets_text
from anp.cli import console
from anp.cli.options import Origin, Output
from anp.cli.paint import bold, dim, green, red, yellow
from anp.cli.subject import cluster_or_exit, told
from anp.sources.diagnostics import printable
from compiler.compilation import compile_cluster
from compiler.model import MAX_PORT, Protocol
from compiler.packets import ALL_PORTS, EVERY_PACKET, PacketSet

_MAX_CELLS = 1_100_000
_MAX_COLUMNS = 30
"""More columns than that do not fit a terminal; it is a list then."""
_SIGN = {Reachability.ALL: green("."), Reachability.SOME: yellow("o"), Reachability.NONE: red("X")}
_MAX_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Question:
    """Who is asked about, by patterns, and about which port and protocol; empty is everybody and everything."""

    by: By
    source: str = ""
    destination: str = ""
    port: str = ""
    protocol: str = "tcp"


def print_reach(
    origin: Origin, question: Question, output: Output, html: Path | None, *, flat: bool, verbose: bool
) -> None:
    """Print who can talk to whom."""
    asked = _asked(question)
    cluster = cluster_or_exit(origin, invent=True, verbose=verbose)
    compilation = compile_cluster(cluster.snapshot)
    pods = [pod for pod in cluster.snapshot.pods if pod.governed and pod.addresses]
    with told():
        source, destination = (chosen_by(pattern, pods) for pattern in (question.source, question.destination))
    sizes = [len({group_name(pod, question.by) for pod in pods if chosen(pod)}) for chosen in (source, destination)]
    if sizes[0] * sizes[1] > _MAX_CELLS:
        console.fail(f"{sizes[0]} by {sizes[1]} is more than anyone can read; narrow it with --from, --to or --by")
    if html is not None and max(sizes) > MAX_GROUPS:
        console.fail(f"--html shows up to {MAX_GROUPS} rows and columns; narrow it with --from, --to or --by")
    others = not (question.source or question.destination)
    matrix = reach(compilation, question.by, source, destination, others=others)
    if html is not None:
        _write(html, page(matrix, compilation, asked, lambda origin: few([str(at) for at in places(origin, cluster)])))
        console.note(f"wrote {printable(str(html))}")
    if output is not Output.TEXT:
        console.document(as_json(matrix, asked), output)
        return
    wide = len(matrix.sources) > _MAX_COLUMNS
    for line in _list(matrix, asked) if flat or wide else _picture(matrix, asked):
        console.say(line)


def _asked(question: Question) -> PacketSet:
    """Read the port and protocol: the packets that are asked about."""
    port, name = question.port, question.protocol.lower()
    if not port and name == "any":
        return EVERY_PACKET
    if name in {"icmp", "icmpv6", "other"} and not port:
        return PacketSet(other=True)
    if name not in {"tcp", "udp", "sctp"}:
        console.fail(f"--protocol {name:.40}: there are tcp, udp and sctp, icmp without --port, and any without it")
    if not port:
        return PacketSet(**{name: ALL_PORTS})  # type: ignore[arg-type]
    if not (port.isascii() and port.isdecimal() and len(port) <= _MAX_DIGITS and 0 < int(port) <= MAX_PORT):
        console.fail(f"--port {port:.40}: must be a number from 1 to {MAX_PORT}")
    return PacketSet(**{Protocol(name).value: ((int(port), int(port)),)})  # type: ignore[arg-type]


def _picture(matrix: Matrix, asked: PacketSet) -> Iterator[str]:
    """Yield a table, a row for each destination and a column for each source, and then what is said in no one sign."""
    width = max((len(printable(group.name)) for group in matrix.destinations), default=2)
    yield "Columns are sources:"
    for number, group in enumerate(matrix.sources, 1):
        yield f"  {number:>2}  {printable(group.name)}"
    yield ""
    yield bold(f"{'to':<{width}}" + "".join(f"{number:>4}" for number in range(1, len(matrix.sources) + 1)))
    partly: dict[str, list[str]] = {}
    for group in matrix.destinations:
        signs = []
        for source in matrix.sources:
            cell = matrix.cells.get((source.name, group.name))
            if cell is None:
                signs.append(dim("-"))
                continue
            seen = cell.within(asked)
            signs.append(_SIGN[seen.reach])
            if seen.reach is Reachability.SOME:
                partly.setdefault(_through(seen, asked), []).append(f"{source.name} → {group.name}")
        yield f"{printable(group.name):<{width}}" + "".join(f"   {sign}" for sign in signs)
    yield ""
    yield "  .  everything gets through     X  nothing does     o  some does     -  not judged"
    for what, pairs in partly.items():
        yield ""
        yield bold(f"{what}:")
        yield from (f"  {printable(pair)}" for pair in pairs)


def _list(matrix: Matrix, asked: PacketSet) -> Iterator[str]:
    for (source, destination), cell in matrix.cells.items():
        seen = cell.within(asked)
        if seen.reach is not Reachability.NONE:
            what = "everything" if seen.reach is Reachability.ALL else _through(seen, asked)
            yield f"{printable(f'{source} → {destination}')}: {what}"


def _through(cell: Cell, asked: PacketSet) -> str:
    """Say what gets through, and if that is not so between all members, what does between all."""
    if cell.uniform:
        return packets_text(cell.any_pair & asked)
    always = packets_text(cell.every_pair & asked)
    return f"{packets_text(cell.any_pair & asked)} between some, {always} between all"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        console.fail(f"cannot write {path}: {error.strerror}", console.EXIT_CANNOT)
