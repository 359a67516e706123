"""A history as a scenario: YAML with its objects, what changes in each step, and pictures of what is meant.

What a scenario cannot say is left out: a pod that has no address yet, because a scenario's world gives it one. How the
news came is no part of a scenario either, and stands in comments at the end. Drawn pods serve only the ports that they
name, and nodes may move, so what is written is not for real packets.
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

import yaml

from anp.conformance.scenario import NO_PACKETS, OBSERVED
from compiler.addresses import VERSIONS, Address, IpVersion
from compiler.model import Flow, Protocol, Snapshot
from compiler.semantics import decide
from tests.histories.documents import CLUSTER_KINDS, Document, Key, addresses_of, is_finished
from tests.histories.engine import snapshot_of
from tests.histories.history import History, Learned, Step

TRAFFIC: Mapping[str, tuple[Protocol, int]] = {
    "tcp/80": (Protocol.TCP, 80),
    "tcp/81": (Protocol.TCP, 81),
    "udp/53": (Protocol.UDP, 53),
    "udp/80": (Protocol.UDP, 80),
    "sctp/53": (Protocol.SCTP, 53),
    "icmp": (Protocol.OTHER, 0),
}
"""What pictures are drawn of."""
OUTSIDE: Mapping[str, tuple[str, str]] = {
    "near": ("203.0.113.7", "2001:db8::7"),
    "far": ("203.0.113.8", "2001:db8::8"),
}
"""Hosts that are never a pod's or a node's."""


class _Picture(str):
    """Text that is written as it stands."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    _Picture, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")
)


def written(history: History, name: str = "shrunk", about: str = "What this is about, in one sentence") -> str:
    """Write a history down as a scenario."""
    return _dump(scenario(history, name, about)) + "".join(_comments(history))


def scenario(history: History, name: str, about: str) -> dict[str, Any]:
    """Return the document of a scenario that says what happens in a history, and what is meant after each step."""
    steps: list[dict[str, Any]] = []
    said: dict[Key, Document] = {}
    objects: list[Document] = []
    known: Learned = {}
    for moment in history.moments():
        now = {key: document for key, document in moment.objects.items() if _can_be_said(document)}
        changes = _changes(said, now)
        if not steps:
            objects, changes = list(now.values()), []
        learned = moment.step.learned
        if learned != known:
            changes.append({"learn": {domain: list(learned.get(domain, ())) for domain in {**known, **learned}}})
        pictures = list(_pictures(snapshot_of(moment.objects, moment.step.learned)))
        step = {"step": moment.step.name}
        steps.append({**step, **({"changes": changes} if changes else {}), "expect": pictures})
        said, known = now, learned
    kinds = {key[0] for moment in history.moments() for key in moment.objects}
    nodes = {key[2] for moment in history.moments() for key in moment.objects if key[0] == "Node"}
    return {
        "scenario": name,
        "about": about,
        "source": "a history that was drawn",
        "features": sorted(kinds & {*CLUSTER_KINDS, "NetworkPolicy"}),
        "tags": [OBSERVED, NO_PACKETS],
        "aliases": {node: f"node {node}" for node in sorted(nodes)},
        "outside": {host: {"addresses": list(texts), "serves": ["tcp/80"]} for host, texts in OUTSIDE.items()},
        "objects": objects,
        "steps": steps,
    }


def _can_be_said(document: Document) -> bool:
    return document["kind"] != "Pod" or bool(addresses_of(document)) or is_finished(document)


def _changes(before: Mapping[Key, Document], after: Mapping[Key, Document]) -> list[dict[str, Any]]:
    """Return what makes one set of objects of the other: what goes, then what comes, then what is another."""
    gone = [{"delete": _label(key)} for key in before if key not in after]
    new = [{"apply": document} for key, document in after.items() if key not in before]
    changed = [
        {"merge": {"object": _label(key), "with": _patch(before[key], document)}}
        for key, document in after.items()
        if key in before and document != before[key]
    ]
    return [*gone, *new, *changed]


def _patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7396) between two mappings, which have no null."""
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict) and value != old:
            patch[name] = _patch(old, value)
        elif name not in before or value != old:
            patch[name] = value
    return patch


def _label(key: Key) -> str:
    kind, namespace, name = key
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


# Pictures.


def _pictures(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    """Yield what is expected: kinds of traffic with one picture stand together, and so do both families if they can."""
    ends = dict(_ends(snapshot))
    drawn: dict[str, dict[str, list[IpVersion]]] = {}
    for name, traffic in TRAFFIC.items():
        for version in VERSIONS:
            if picture := _picture(snapshot, ends, version, traffic):
                drawn.setdefault(picture, {}).setdefault(name, []).append(version)
    for picture, kinds in drawn.items():
        for families in sorted(set(map(tuple, kinds.values()))):
            names = [name for name, versions in kinds.items() if tuple(versions) == families]
            only = {} if families == VERSIONS else {"families": list(families)}
            yield {"traffic": " ".join(names), **only, "picture": _Picture(picture)}


def _ends(snapshot: Snapshot) -> Iterator[tuple[str, tuple[Address, ...]]]:
    for pod in snapshot.pods:
        if pod.governed and pod.addresses:
            yield str(pod), pod.addresses
    yield from ((node.name, node.addresses) for node in snapshot.nodes if node.addresses)
    yield from ((name, tuple(map(ip_address, texts))) for name, texts in OUTSIDE.items())


def _picture(
    snapshot: Snapshot,
    ends: Mapping[str, Sequence[Address]],
    version: IpVersion,
    traffic: tuple[Protocol, int],
) -> str:
    """Draw who reaches whom; empty where nobody has an address of the family, or no pod is at any end."""
    pods = {str(pod) for pod in snapshot.pods}
    firsts = {name: next((a for a in every if a.version == version), None) for name, every in ends.items()}
    names = [name for name, address in firsts.items() if address is not None]
    if pods.isdisjoint(names):
        return ""
    margin = max(map(len, names))
    lines = [" ".join([" " * margin, *names])]
    for source in names:
        cells = []
        for destination in names:
            one, other = firsts[source], firsts[destination]
            asked = source != destination and not pods.isdisjoint((source, destination)) and one and other
            cell = "-"
            if asked and one and other:
                cell = "." if decide(snapshot, Flow(one, other, *traffic)).accepted else "X"
            cells.append(cell.center(len(destination)))
        lines.append(" ".join([source.ljust(margin), *cells]).rstrip())
    return "\n".join(lines) + "\n"


# Text.


def _dump(document: Mapping[str, Any]) -> str:
    return yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=100, indent=2
    )


def _comments(history: History) -> Iterator[str]:
    yield "# How the news came:\n"
    for number, step in enumerate(history.steps):
        yield f"#   {number}. {step.name}: {', '.join(_told(step)) or 'none'}\n"


def _told(step: Step) -> Iterator[str]:
    """Yield the news of a step in words; versions of an object within a step are numbered, others are older."""
    versions: dict[Key, list[Document | None]] = {}
    for key, document in step.changes:
        versions.setdefault(key, []).append(document)
    for key, document in step.news:
        known = versions.get(key, [])
        which = f"version {known.index(document) + 1}" if document in known else "as it was"
        yield f"{_label(key)} {'gone' if document is None else which}"
