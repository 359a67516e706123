"""A draft of a mapping, and how it is written: for people to read and change, the same whenever the same is known."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from anp.firewall.inventory.addressing import texts_of
from anp.firewall.inventory.model import Confidence
from anp.sources.diagnostics import printable
from anp.sources.scalars import plain_scalar
from compiler.addresses import AddressSet

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


@dataclass(frozen=True, slots=True)
class DraftEntity:
    """An entry for a workload, and how we came to it."""

    name: str
    addresses: AddressSet
    selector: Mapping[str, Any] = field(hash=False)
    confidence: Confidence
    reason: str
    segment: str = ""


@dataclass(frozen=True, slots=True)
class DraftRewrite:
    """A port that a Service translates; the protocol by its name."""

    entity: str
    protocol: str
    port: int
    container_port: int
    reason: str


@dataclass(frozen=True, slots=True)
class DraftSegment:
    """A part of the network; `interfaces` if the source tells."""

    name: str
    addresses: AddressSet
    interfaces: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A mapping to begin with. `remarks` are for people, and go on top."""

    entities: tuple[DraftEntity, ...] = ()
    segments: tuple[DraftSegment, ...] = ()
    outside_interfaces: tuple[str, ...] = ()
    external: Mapping[str, AddressSet] = field(default_factory=dict)
    rewrites: tuple[DraftRewrite, ...] = ()
    pod_addresses: AddressSet = field(default_factory=AddressSet)
    node_addresses: AddressSet = field(default_factory=AddressSet)
    remarks: tuple[str, ...] = ()


def write(draft: Draft) -> str:
    """Return the text of a mapping file, which `anp.firewall.inventory.loading.load` reads."""
    return "".join(f"{line.rstrip()}\n" for line in _lines(draft))


def _lines(draft: Draft) -> Iterator[str]:
    yield "# A draft: read every entry, mend it, and remove `confidence: guess` where you agree."
    for remark in draft.remarks:
        yield f"# {printable(remark)}"
    yield "apiVersion: translate.anp.internal/v1alpha1"
    yield "kind: FirewallMapping"
    yield from _section("segments", [line for segment in draft.segments for line in _segment(segment)], "{}")
    if draft.outside_interfaces:
        yield f"outside: {{interfaces: {flow(draft.outside_interfaces)}}}"
    yield from _section("entities", [line for entity in draft.entities for line in _entity(entity)], "[]")
    if draft.external:
        yield from _section(
            "external", [f"  {scalar(name)}: {_cidrs(addresses)}" for name, addresses in draft.external.items()], "{}"
        )
    if draft.rewrites:
        yield from _section("ports", [line for rewrite in draft.rewrites for line in _rewrite(rewrite)], "[]")
    if draft.pod_addresses or draft.node_addresses:
        yield "cluster:"
        for name, addresses in (("podCIDRs", draft.pod_addresses), ("nodes", draft.node_addresses)):
            if addresses:
                yield f"  {name}: {_cidrs(addresses)}"


def _section(name: str, lines: Sequence[str], empty: str) -> Iterator[str]:
    if not lines:
        yield f"{name}: {empty}"
        return
    yield f"{name}:"
    yield from lines


def _segment(segment: DraftSegment) -> Iterator[str]:
    comment = f"  # {printable(segment.reason)}" if segment.reason else ""
    if not segment.interfaces:
        yield f"  {scalar(segment.name)}: {_cidrs(segment.addresses)}{comment}"
        return
    yield f"  {scalar(segment.name)}:{comment}"
    yield f"    cidrs: {_cidrs(segment.addresses)}"
    yield f"    interfaces: {flow(segment.interfaces)}"


def _entity(entity: DraftEntity) -> Iterator[str]:
    yield f"- name: {scalar(entity.name)}"
    yield f"  cidrs: {_cidrs(entity.addresses)}"
    if entity.segment:
        yield f"  segment: {scalar(entity.segment)}"
    yield f"  pods: {flow(entity.selector)}"
    if entity.confidence is not Confidence.STATED:
        yield f"  confidence: {entity.confidence.value}"
    if entity.reason:
        yield f"  reason: {scalar(entity.reason)}"


def _rewrite(rewrite: DraftRewrite) -> Iterator[str]:
    entry = {"entity": rewrite.entity, "protocol": rewrite.protocol}
    entry_ports = {"from": rewrite.port, "to": rewrite.container_port}
    yield f"- {flow({**entry, **entry_ports})}  # {printable(rewrite.reason)}"


def _cidrs(addresses: AddressSet) -> str:
    return flow(list(texts_of(addresses)))


def flow(value: Any) -> str:
    """Write a value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(str(key))}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value) if isinstance(value, str) else json.dumps(value)


def scalar(text: str) -> str:
    """Write a text so that every reader of YAML takes it for that text: in quotes unless it is plainly one.

    ``y`` is a boolean to Kubernetes and a text to others, ``2026-01-01`` the other way round; both get quotes.
    """
    if _PLAIN.fullmatch(text) and plain_scalar(text) == text and yaml.safe_load(text) == text:
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if " " <= char <= "~":
        return char
    return f"\\u{ord(char):04X}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08X}"


def unique(name: str, taken: Iterable[str]) -> str:
    """Return a name like this one that is not taken."""
    names = set(taken)
    number, found = 2, name
    while found in names:
        found = f"{name[:60]}-{number}"
        number += 1
    return found
