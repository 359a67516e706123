"""What a scenario says, as values, and how it is written down.

A scenario is a YAML document:

    scenario: pass-leaves-the-tier
    about: one sentence
    source: where the facts come from
    features: [ClusterNetworkPolicy]
    families: [4, 6]                        # both, where left out
    aliases: {web: shop/web, n1: node node-1, front: service shop/front}    # short names for pictures
    outside:                                # hosts that are not in the cluster; they are ends by these names
      client: {addresses: [198.51.100.7, 2001:db8:7::7], serves: [tcp/80]}
    include: [houses.yaml, ../policies]     # manifests, files or directories, relative to the file
    objects: [{...}]                        # more of them
    steps:
      - step: what has happened
        changes: [...]                      # see `anp.conformance.changes`
        expect:
          - traffic: tcp/80
            families: [4]                   # those of the scenario, where left out
            picture: |
                    web  db
              web    -    X
              db     .    -

Rows send and columns receive; ``.`` gets through, ``X`` does not, ``-`` is not asked.

Two tags mean something. `observed`: objects are taken as a cluster may already hold them, whatever a server would say
to them today. `no-packets`: the lab cannot do this.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from types import NoneType
from typing import Any

import yaml

from anp import api
from anp.lab.services import Service
from anp.lab.topology import OutsideHost
from anp.sources.diagnostics import Severity, has_errors
from anp.sources.documents import read_documents
from anp.sources.files import list_files, read_text
from anp.sources.kinds import remark
from compiler.addresses import VERSIONS, IpVersion
from compiler.model import MAX_PORT, Protocol, Snapshot

THROUGH, DROPPED, NOT_ASKED = ".", "X", "-"

OBSERVED = "observed"
"""The tag of scenarios whose objects are as a cluster has them, not as a server would take them today."""

NO_PACKETS = "no-packets"
"""The tag of scenarios that the lab cannot do."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PORT = re.compile("[0-9]{1,5}")


class ScenarioError(Exception):
    """A scenario is not written as scenarios are; the message names the file and the place."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One question: does traffic from one end reach the other? Ends are names in the scenario's cluster."""

    source: str
    destination: str
    protocol: Protocol
    port: int
    allowed: bool
    families: tuple[IpVersion, ...] = VERSIONS

    def __str__(self) -> str:
        traffic = "icmp" if self.protocol is Protocol.OTHER else f"{self.protocol.value}/{self.port}"
        return f"{self.source} → {self.destination} {traffic}"


@dataclass(frozen=True, slots=True)
class Step:
    """What changes, and who reaches whom afterwards."""

    name: str
    changes: tuple[Mapping[str, Any], ...] = ()
    probes: tuple[Probe, ...] = ()


@dataclass(frozen=True, slots=True)
class Running:
    """A cluster that runs, in the place of objects that a scenario would have."""

    snapshot: Snapshot
    services: tuple[Service, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A cluster and what happens to it. `objects` are documents as manifests hold them, in order.

    Where it is asked of a `running` cluster, that is the cluster, and nothing happens to it.
    """

    name: str
    about: str
    path: Path
    source: str = ""
    features: tuple[str, ...] = ()
    families: tuple[IpVersion, ...] = VERSIONS
    objects: tuple[Mapping[str, Any], ...] = ()
    outside: tuple[OutsideHost, ...] = ()
    steps: tuple[Step, ...] = ()
    tags: tuple[str, ...] = field(default=())
    running: Running | None = None

    @property
    def probes(self) -> int:
        """How many probes there are in all steps, in one address family."""
        return sum(len(step.probes) for step in self.steps)


def load_scenario(path: Path, *, objects: bool = True) -> Scenario:
    """Read one scenario, with or without the objects that it names.

    Raises:
        ScenarioError: it is not written as scenarios are.

    """
    return parse_scenario(_document(path), path, objects=objects)


def parse_scenario(document: Any, path: Path, *, objects: bool = True) -> Scenario:
    """Make a scenario of a document; `path` is where it came from, and where its includes are looked for.

    Raises:
        ScenarioError: as `load_scenario` does.

    """
    reader = _Reader(path)
    fields = reader.mapping(document, "the scenario", _SCENARIO_FIELDS)
    aliases = {str(short): str(full) for short, full in reader.names(fields, "aliases").items()}
    found: list[Mapping[str, Any]] = []
    for name in reader.items(fields, "include") if objects else ():
        found += reader.mappings({"include": _included(path.parent / str(name))}, "include")
    found += reader.mappings(fields, "objects") if objects else []
    return Scenario(
        name=reader.text(fields, "scenario"),
        about=reader.text(fields, "about"),
        path=path,
        source=str(fields.get("source") or ""),
        features=tuple(map(str, reader.items(fields, "features"))),
        families=reader.families(fields),
        objects=tuple(found),
        outside=tuple(reader.outside(reader.names(fields, "outside"))),
        steps=tuple(reader.step(step, aliases) for step in reader.items(fields, "steps")),
        tags=tuple(map(str, reader.items(fields, "tags"))),
    )


_SCENARIO_FIELDS = frozenset(
    {"scenario", "about", "source", "features", "families", "aliases", "include", "objects", "outside", "steps", "tags"}
)
_OUTSIDE_FIELDS = frozenset({"addresses", "serves"})
_STEP_FIELDS = frozenset({"step", "changes", "expect"})
_EXPECT_FIELDS = frozenset({"traffic", "families", "picture"})


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path

    def fail(self, message: str) -> ScenarioError:
        return ScenarioError(f"{self.path}: {message}")

    def mapping(self, value: Any, what: str, allowed: frozenset[str]) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self.fail(f"{what} is not a mapping")
        unknown = sorted(map(str, value.keys() - allowed))
        if unknown:
            raise self.fail(f"{what} has {unknown[0]!r}; there are {', '.join(sorted(allowed))}")
        return value

    def text(self, fields: Mapping[str, Any], name: str) -> str:
        value = fields.get(name)
        if not isinstance(value, str) or not value:
            raise self.fail(f"{name!r} is missing")
        return value

    def items(self, fields: Mapping[str, Any], name: str) -> list[Any]:
        value = fields.get(name)
        if not isinstance(value, list | NoneType):
            raise self.fail(f"{name!r} is not a list")
        return value or []

    def mappings(self, fields: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
        found = self.items(fields, name)
        if not all(isinstance(value, dict) for value in found):
            raise self.fail(f"{name!r} has an entry that is not a mapping")
        return found

    def names(self, fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = fields.get(name)
        if not isinstance(value, dict | NoneType):
            raise self.fail(f"{name!r} is not a mapping of names")
        return value or {}

    def families(self, fields: Mapping[str, Any]) -> tuple[IpVersion, ...]:
        wanted = self.items(fields, "families") or VERSIONS
        return tuple(version for version in VERSIONS if version in wanted)

    def outside(self, hosts: Mapping[str, Any]) -> Iterator[OutsideHost]:
        for name, given in hosts.items():
            fields = self.mapping(given, f"the outside host {name!r}", _OUTSIDE_FIELDS)
            try:
                addresses = tuple(ip_address(str(text)) for text in self.items(fields, "addresses"))
            except ValueError as error:
                raise self.fail(f"the outside host {name!r}: {error}") from error
            yield OutsideHost(str(name), addresses, tuple(map(self.traffic, self.items(fields, "serves"))))

    def step(self, value: Any, aliases: Mapping[str, str]) -> Step:
        fields = self.mapping(value, "a step", _STEP_FIELDS)
        name = self.text(fields, "step")
        probes = [
            probe for expectation in self.items(fields, "expect") for probe in self.probes(expectation, aliases, name)
        ]
        return Step(name, tuple(self.mappings(fields, "changes")), tuple(probes))

    def probes(self, value: Any, aliases: Mapping[str, str], step: str) -> Iterator[Probe]:
        fields = self.mapping(value, f"an expectation of step {step!r}", _EXPECT_FIELDS)
        picture = self.text(fields, "picture")
        lines = [line.split() for line in picture.splitlines() if line.strip()]
        if not lines:
            raise self.fail(f"step {step!r}: the picture is empty")
        for traffic in str(fields.get("traffic", "")).split():
            protocol, port = self.traffic(traffic)
            for source, *cells in lines[1:]:
                if len(cells) != len(lines[0]) or not set(cells) <= {THROUGH, DROPPED, NOT_ASKED}:
                    raise self.fail(f"step {step!r}: row {source!r} needs one of . X - for each column")
                for destination, cell in zip(lines[0], cells, strict=True):
                    if cell != NOT_ASKED:
                        ends = (aliases.get(source, source), aliases.get(destination, destination))
                        yield Probe(*ends, protocol, port, cell == THROUGH, self.families(fields))

    def traffic(self, text: object) -> tuple[Protocol, int]:
        name, _slash, port = str(text).partition("/")
        if name == "icmp":
            return Protocol.OTHER, 0
        protocol = next((p for p in Protocol if p.value == name and p is not Protocol.OTHER), None)
        if protocol is None or not _PORT.fullmatch(port) or not 0 < int(port) <= MAX_PORT:
            raise self.fail(f"{text!r} is no traffic such as tcp/80 or icmp")
        return protocol, int(port)


def _document(path: Path) -> Any:
    documents = _documents(path)
    if len(documents) != 1:
        raise ScenarioError(f"{path}: holds {len(documents)} documents instead of one scenario")
    return documents[0]


def _included(path: Path) -> list[Any]:
    """Read manifests as they are applied to a cluster: what is in lists, and without kinds that mean nothing here."""
    listing = list_files(str(path))
    if has_errors(listing.diagnostics):
        raise ScenarioError("; ".join(map(str, listing.diagnostics)))
    found: list[Any] = []
    for file in listing.files:
        for document in _documents(Path(file)):
            try:
                found += [item for item in api.items(document) if not _foreign(item)]
            except api.InvalidObjectError as error:
                raise ScenarioError(f"{file}: {error}") from error
    return found


def _foreign(document: Mapping[str, Any]) -> bool:
    """Say whether a document is of an API that has nothing to do with policies, as Deployments are; no misspelt one."""
    version, kind = document.get("apiVersion"), document.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str) or (version, kind) in api.SUPPORTED:
        return False
    return remark(version, kind, tuple(api.SUPPORTED)).severity is not Severity.ERROR


def _documents(path: Path) -> list[Any]:
    """Read a file that is within the bounds of manifests; but ``y`` is a text here, and names a namespace."""
    content = read_text(str(path))
    if content.text is None:
        raise ScenarioError("; ".join(map(str, content.diagnostics)))
    reading = read_documents(content.text, str(path))
    if has_errors(reading.diagnostics):
        raise ScenarioError("; ".join(map(str, reading.diagnostics)))
    try:
        return [document for document in yaml.load_all(content.text, Loader=_LOADER) if document is not None]
    except (ValueError, yaml.YAMLError) as error:
        raise ScenarioError(f"{path}: {error}") from error
