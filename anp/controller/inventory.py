"""What a watch says there is, checked against what a list says: objects that vanished unseen must go.

News may be repeated, and come in another order than things happened. A watch that was interrupted begins anew with a
list, and says nothing of objects that were deleted meanwhile. And an object that was deleted and made again is two
objects, whose news come side by side. So after every such break the metadata of the kind is listed once (`reconcile`).
A list is only believed about what nobody has had news of since it was asked for.

One thread puts, others read.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from anp.api.objects import Resource

Key: TypeAlias = tuple[str, str]
"""Namespace and name."""
Version: TypeAlias = tuple[str, str]
"""uid and resourceVersion; they are compared for equality only."""
Document: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class News:
    """An object as it is now, or None if it is gone."""

    resource: Resource
    key: Key
    document: Document | None


@dataclass(slots=True)
class _Kind:
    seen: dict[Key, Version] = field(default_factory=dict)
    awaited: dict[Key, str] = field(default_factory=dict)
    listed: bool = False


class Inventory:
    """All objects of some kinds, by what was last heard of them; `poke` is called after each change."""

    def __init__(
        self, resources: Iterable[Resource], poke: Callable[[], None], doubt: Callable[[Resource], None]
    ) -> None:
        self._kinds: dict[Resource, _Kind] = {resource: _Kind() for resource in resources}
        self._news: dict[tuple[Resource, Key], News] = {}
        self._lock = threading.Lock()
        self._poke = poke
        self._doubt = doubt

    def put(self, resource: Resource, event: str | None, document: Document) -> None:
        """Take what a watch says; an `event` of None is an object in the list that a watch begins with."""
        key, version = key_of(document), version_of(document)
        with self._lock:
            kind = self._kinds[resource]
            known = kind.seen.get(key)
            if kind.awaited.get(key) == version[0]:
                del kind.awaited[key]
            doubtful = kind.listed and (event is None or (known is not None and known[0] != version[0]))
            if event == "DELETED":
                # What is deleted may be an earlier object of that name.
                changed = known is not None and known[0] == version[0]
                if changed:
                    self._forget(resource, key)
            else:
                changed = known != version
                if changed:
                    self._note(resource, key, document)
        if doubtful:
            self._doubt(resource)
        self._poke()

    def drain(self) -> tuple[News, ...]:
        """Return what has changed since the last time."""
        with self._lock:
            news, self._news = self._news, {}
        return tuple(news.values())

    def seen(self, resource: Resource) -> Mapping[Key, Version]:
        """Return what is known of a kind: ask for it before the list that it is to be compared with."""
        with self._lock:
            return dict(self._kinds[resource].seen)

    def reconcile(self, resource: Resource, before: Mapping[Key, Version], listed: Mapping[Key, Version]) -> None:
        """Compare with a list that was asked for when `before` was all that was known."""
        with self._lock:
            kind = self._kinds[resource]
            for key, version in before.items():
                if key not in listed and kind.seen.get(key) == version:
                    self._forget(resource, key)
            kind.awaited = {
                key: uid
                for key, (uid, _version) in listed.items()
                if (kind.seen[key][0] if key in kind.seen else None) != uid
            }
            kind.listed = True
        self._poke()

    def awaited(self, resource: Resource) -> tuple[Key, ...]:
        """Return what a list had and the watch has not told of yet."""
        with self._lock:
            return tuple(self._kinds[resource].awaited)

    def found(self, resource: Resource, key: Key, before: Version | None, document: Document | None) -> None:
        """Take what somebody has looked up himself when `before` was known, where the watch says nothing."""
        with self._lock:
            kind = self._kinds[resource]
            kind.awaited.pop(key, None)
            if kind.seen.get(key) == before:
                if document is not None:
                    self._note(resource, key, document)
                elif before is not None:
                    self._forget(resource, key)
        self._poke()

    def unknown(self) -> tuple[Resource, ...]:
        """Return the kinds of which not all is known that there is."""
        with self._lock:
            return tuple(resource for resource, kind in self._kinds.items() if not kind.listed or kind.awaited)

    def count(self, resource: Resource) -> int:
        """Return how many objects of a kind are known."""
        return len(self._kinds[resource].seen)

    def _note(self, resource: Resource, key: Key, document: Document) -> None:
        self._kinds[resource].seen[key] = version_of(document)
        self._news[resource, key] = News(resource, key, document)

    def _forget(self, resource: Resource, key: Key) -> None:
        del self._kinds[resource].seen[key]
        self._news[resource, key] = News(resource, key, None)


def key_of(document: Document) -> Key:
    """Return namespace and name of an object."""
    metadata = document["metadata"]
    return metadata.get("namespace") or "", metadata["name"]


def version_of(document: Document) -> Version:
    """Return what tells this version of an object from any other."""
    metadata = document["metadata"]
    return metadata.get("uid") or "", metadata.get("resourceVersion") or ""
