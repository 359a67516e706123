"""Policies to migrate, as their files have them: what they say, where, and what they carry besides."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import anp.api
from anp.api import AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy
from anp.sources import manifests
from anp.sources.diagnostics import Diagnostic
from anp.sources.documents import read_documents
from anp.sources.files import list_files, read_text
from anp.sources.manifests import Loaded

Old: TypeAlias = AdminNetworkPolicy | BaselineAdminNetworkPolicy
ClusterPolicy: TypeAlias = Old | ClusterNetworkPolicy


@dataclass(frozen=True, slots=True)
class Original:
    """A policy of the cluster's administrators, of whichever version, with the annotations that nobody else reads."""

    loaded: Loaded
    policy: ClusterPolicy
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``Kind name``."""
        return manifests.describe(self.policy)


class Originals(NamedTuple):
    """The policies of some files, and what is wrong with those files."""

    policies: tuple[Original, ...]
    diagnostics: tuple[Diagnostic, ...]


def read(path: str) -> Originals:
    """Read the policies in a file or under a directory; other kinds of objects stay as they are. Never raises.

    Standard input, ``-``, can be read once only, so annotations do not survive that; `parse` keeps them.
    """
    loaded = manifests.load(path)
    annotations = {} if path == "-" else _annotations(path)
    return Originals(tuple(originals(loaded.objects, annotations)), loaded.diagnostics)


def parse(text: str, file: str) -> Originals:
    """Read the policies in a text; `file` is its name. Never raises."""
    loaded = manifests.parse(text, file)
    merged = manifests.merge([loaded])
    return Originals(tuple(originals(merged.objects, dict(_annotations_in(text, file)))), merged.diagnostics)


def originals(
    objects: Iterable[Loaded], annotations: Mapping[tuple[str, str], Mapping[str, str]]
) -> Iterator[Original]:
    """Yield the policies among objects; `annotations` are found by kind and name."""
    for loaded in objects:
        policy = loaded.object
        if isinstance(policy, AdminNetworkPolicy | BaselineAdminNetworkPolicy | ClusterNetworkPolicy):
            yield Original(loaded, policy, annotations.get((policy.kind, policy.metadata.name), {}))


def _annotations(path: str) -> dict[tuple[str, str], Mapping[str, str]]:
    found: dict[tuple[str, str], Mapping[str, str]] = {}
    for file in list_files(path).files:
        text = read_text(file).text
        if text is not None and "annotations" in text:
            for key, value in _annotations_in(text, file):
                found.setdefault(key, value)
    return found


def _annotations_in(text: str, file: str) -> Iterator[tuple[tuple[str, str], Mapping[str, str]]]:
    """Yield the annotations of objects; the objects themselves have been judged, so what is no object is passed by."""
    for document in read_documents(text, file).documents:
        try:
            things = anp.api.items(document.value)
        except anp.api.InvalidObjectError:
            continue
        for thing in things:
            metadata: Any = thing.get("metadata")
            if not isinstance(metadata, dict) or not isinstance(metadata.get("annotations"), dict):
                continue
            written = metadata["annotations"].items()
            kept = {key: value for key, value in written if isinstance(key, str) and isinstance(value, str)}
            yield (str(thing.get("kind")), str(metadata.get("name"))), kept
