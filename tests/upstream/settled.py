"""Whether what the API server holds is what nodes enforce: for who must not ask too early.

It is worked out from the objects anew, without anything that the engine's own processes remember: their generation is
compiled, compared with the published one, and every agent has to say that this one is in force.
"""

import re
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from anp.api.engine_v1alpha1 import GenerationSlice, PolicyGeneration
from anp.api.objects import Resource
from anp.controller.client import path_of
from anp.controller.cluster import Cluster
from anp.controller.inventory import News
from anp.controller.kinds import NEEDED
from anp.transport import NAME, Published
from compiler.generation import Generation
from tests.controlplane.rest import RefusedError, Rest
from tests.kubelet.errors import KubeletError
from tests.kubelet.streams import Question

Document = dict[str, Any]

LIMIT = 60.0
"""Seconds that the engine may take before a test fails for it."""
_GENERATION = re.compile(r"^anp_agent_generation (?P<number>[\d.e+]+)$", re.MULTILINE)


class Settled:
    """Knows when the engine has caught up. `addresses` says where the agents answer for their metrics."""

    def __init__(self, rest: Rest, addresses: Callable[[], Iterable[str]]) -> None:
        self._rest = rest
        self._addresses = addresses
        self._lists = ThreadPoolExecutor(len(NEEDED), thread_name_prefix="settled")
        self._lock = threading.Lock()
        self._known: tuple[object, Generation] | None = None
        self._good: object = None
        self.looks = 0
        """How often it was seen that something is not in force yet."""
        self.waits: list[float] = []
        """How long each wait took that there was a reason for, in seconds."""

    def close(self) -> None:
        """End."""
        self._lists.shutdown()

    def wait(self, question: Question) -> None:
        """Return as soon as everything is in force; to be called before a command is executed.

        Raises:
            KubeletError: that takes too long.

        """
        with self._lock:
            began = time.monotonic()
            objects = self._objects()
            if (state := _state(objects)) == self._good:
                return
            while not self._in_force(self._expected(state, objects)):
                self.looks += 1
                if time.monotonic() - began > LIMIT:
                    raise KubeletError(f"the engine has not caught up before {' '.join(question.command)}")
                time.sleep(0.005)
                # It must not be waited for what is changed meanwhile.
                objects = self._objects()
                state = _state(objects)
            self._good = state
            self.waits.append(time.monotonic() - began)

    def _objects(self) -> Mapping[Resource, list[Document]]:
        return dict(zip(NEEDED, self._lists.map(self._list, NEEDED), strict=True))

    def _list(self, resource: Resource) -> list[Document]:
        try:
            found: list[Document] = self._rest.get(path_of(resource))["items"]
        except RefusedError as error:
            if error.code == 404:
                return []
            raise
        return found

    def _expected(self, state: object, objects: Mapping[Resource, list[Document]]) -> Generation:
        if self._known is None or self._known[0] != state:
            cluster = Cluster()
            cluster.take(News(resource, _key(each), each) for resource in objects for each in objects[resource])
            self._known = state, cluster.compile()[1]
        return self._known[1]

    def _in_force(self, expected: Generation) -> bool:
        try:
            manifest = self._rest.get(path_of(PolicyGeneration.resource, NAME))
        except RefusedError as error:
            if error.code == 404:
                return False
            raise
        resource = GenerationSlice.resource
        typed = {"apiVersion": resource.api_version, "kind": resource.kind}
        slices = {each["metadata"]["name"]: {**typed, **each} for each in self._rest.get(path_of(resource))["items"]}
        published = Published.of(manifest, slices)
        writes = published.plan(expected, datetime.now(UTC))
        if writes.create or writes.manifest is not None:
            return False
        return all(generation_of(address) >= published.number for address in self._addresses())


def _key(document: Document) -> tuple[str, str]:
    return document["metadata"].get("namespace") or "", document["metadata"]["name"]


def _state(objects: Mapping[Resource, list[Document]]) -> object:
    return {
        (each["metadata"]["uid"], each["metadata"]["resourceVersion"]) for found in objects.values() for each in found
    }


def generation_of(address: str) -> int:
    """Return the generation that an agent says is in force; 0 if it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=1) as answer:
            found = _GENERATION.search(answer.read().decode())
    except OSError:
        return 0
    return int(float(found["number"])) if found else 0
