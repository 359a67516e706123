"""The entries of a generation as JSON, and back.

A generation travels as four tables: ``members`` by owner, ``shapes`` by digest, ``spans`` by their first address, and
``programs``, which says by digest in which slices a program is. What changes, what is stored and what is checked are
entries of these tables.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any, TypeAlias

from anp.transport import reading
from anp.transport.errors import TransportError
from compiler.addresses import VERSIONS, IpVersion, address_of
from compiler.generation import Atoms, Member, Shape, Span

Json: TypeAlias = Any
Names: TypeAlias = tuple[str, ...]
"""The slices of one program, in order."""
PlacedSpan: TypeAlias = tuple[IpVersion, Span]
"""A span and the family of its addresses."""
Entry: TypeAlias = Member | Shape | PlacedSpan | Names

TABLES = ("members", "shapes", "spans", "programs")

DIGEST = re.compile("[0-9a-f]{16}")
SLICE_NAME = re.compile("(?:members|shapes|spans|programs|program)-[1-9][0-9]{0,15}-[0-9a-f]{24}")

_OWNER = re.compile(r"pod [^\s/]{1,63}/[^\s/]{1,253}|node [^\s/]{1,253}|learned [0-9a-f.:]{2,45}")
_MEMBER = frozenset({"shape", "addresses"})
_MEMBER_MORE = frozenset({"node"})
_SHAPE = frozenset({"atoms"})
_SHAPE_MORE = frozenset({"egress", "ingress"})
_SPAN = frozenset({"last", "atoms"})


def encoded(entry: Entry) -> Json:
    """Return an entry as JSON; what is empty and may be left out is left out."""
    match entry:
        case Member(shape, addresses, node):
            member: Json = {"shape": shape, "addresses": [str(address) for address in addresses]}
            return {**member, "node": node} if node else member
        case Shape(atoms, egress, ingress):
            programs = {"egress": egress, "ingress": ingress}
            return {"atoms": list(atoms), **{name: digest for name, digest in programs.items() if digest}}
        case (4 | 6 as version, Span() as span):
            return {"last": str(address_of(version, span.addresses[1])), "atoms": list(span.atoms)}
        case names:
            return list(names)


def decoded(table: str, key: str, value: Json, where: str) -> Entry:
    """Return an entry of a table.

    Raises:
        TransportError: it is malformed; `where` says which it is.

    """
    return _DECODERS[table](key, value, f"{where}[{reading.shown(key)}]")


def atoms(value: Json, where: str) -> Atoms:
    """Return atoms, which must ascend.

    Raises:
        TransportError: they do not, or are malformed.

    """
    found = reading.items(value, where, digest)
    if any(left >= right for left, right in pairwise(found)):
        raise TransportError(where, "must ascend, each once")
    return found


def digest(value: Json, where: str) -> str:
    """Return a digest.

    Raises:
        TransportError: it is malformed.

    """
    return reading.matching(value, where, DIGEST)


def _member(owner: str, value: Json, where: str) -> Member:
    kind = reading.matching(owner, where, _OWNER).partition(" ")[0]
    said = reading.fields(value, where, _MEMBER, _MEMBER_MORE)
    addresses = reading.items(said["addresses"], f"{where}.addresses", reading.address)
    if not addresses:
        raise TransportError(where, "has no address")
    node = reading.text(said.get("node", ""), f"{where}.node")
    if node and kind != "pod":
        raise TransportError(where, "is on a node, but is no pod")
    return Member(digest(said["shape"], f"{where}.shape"), addresses, node)


def _shape(key: str, value: Json, where: str) -> Shape:
    digest(key, where)
    said = reading.fields(value, where, _SHAPE, _SHAPE_MORE)
    programs = {name: digest(said[name], f"{where}.{name}") for name in ("egress", "ingress") if name in said}
    return Shape(atoms(said["atoms"], f"{where}.atoms"), **programs)


def _span(key: str, value: Json, where: str) -> PlacedSpan:
    said = reading.fields(value, where, _SPAN)
    first = reading.address(key, where)
    last = reading.address(said["last"], f"{where}.last")
    if first.version != last.version or int(first) > int(last):
        raise TransportError(where, f"does not end at {last}")
    found = atoms(said["atoms"], f"{where}.atoms")
    if not found:
        raise TransportError(where, "has no atom")
    return first.version, Span((int(first), int(last)), found)


def _names(key: str, value: Json, where: str) -> Names:
    digest(key, where)
    names = reading.items(value, where, lambda name, place: reading.matching(name, place, SLICE_NAME))
    if not names or not all(name.startswith("program-") for name in names):
        raise TransportError(where, "must name slices of a program")
    return names


_DECODERS: Mapping[str, Callable[[str, Json, str], Entry]] = MappingProxyType(
    {"members": _member, "shapes": _shape, "spans": _span, "programs": _names}
)


# Spans have an order in a generation and a name in a table.


def span_entries(spans: Mapping[IpVersion, tuple[Span, ...]]) -> dict[str, PlacedSpan]:
    """Return spans by their first address."""
    return {
        str(address_of(version, span.addresses[0])): (version, span)
        for version in VERSIONS
        for span in spans.get(version, ())
    }


def ordered_spans(entries: Iterable[PlacedSpan]) -> dict[IpVersion, tuple[Span, ...]]:
    """Put spans in order.

    Raises:
        TransportError: two of them overlap.

    """
    found: dict[IpVersion, list[Span]] = {version: [] for version in VERSIONS}
    for version, span in entries:
        found[version].append(span)
    for version, spans in found.items():
        spans.sort(key=lambda span: span.addresses)
        for left, right in pairwise(spans):
            if left.addresses[1] >= right.addresses[0]:
                raise TransportError("spans", f"{address_of(version, right.addresses[0])} is in two of them")
    return {version: tuple(spans) for version, spans in found.items()}
