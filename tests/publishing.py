"""A controller's hands: publishes generations as `anp.transport` plans it, through anything that writes objects."""

from dataclasses import dataclass
from datetime import UTC, datetime

from anp.api.engine_v1alpha1 import GROUP, VERSION
from anp.transport import NAME, Published
from compiler.compilation import compile_cluster
from compiler.generation import Generation
from compiler.lower import lower
from compiler.ruleset import Ruleset
from compiler.writing import generation_of
from tests.builders import admin, cluster, deny, leave, pod, pods

NODE = "n1"
ROOT = f"/apis/{GROUP}/{VERSION}"
MANIFEST = f"{ROOT}/policygenerations/{NAME}"
SLICES = f"{ROOT}/generationslices"
JSON_PATCH = "application/json-patch+json"


def enforcement_of(node):
    """Where a node's agent reports."""
    return f"{ROOT}/nodeenforcements/{node}"


def enforcement_document(node):
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": "NodeEnforcement", "metadata": {"name": node}}


class RestPublisher:
    """Publishes in a real API server, as the client of `tests.controlplane`."""

    def __init__(self, rest, limits=None):
        self._rest = rest
        self._published = Published.of(None, {}, limits)

    @property
    def number(self):
        return self._published.number

    def publish(self, generation, now=None):
        """Write what it takes; return the number of the generation."""
        writes = self._published.plan(generation, now or datetime.now(UTC))
        for document in writes.create:
            self._rest.create(document)
        if isinstance(writes.manifest, dict):
            self._rest.create(writes.manifest)
        elif writes.manifest:
            self._rest.request("PATCH", MANIFEST, list(writes.manifest), JSON_PATCH)
        for name in writes.delete:
            self._rest.delete(f"{SLICES}/{name}")
        self._published = self._published.after(writes)
        return writes.number


@dataclass(frozen=True)
class State:
    """One state of a cluster: what is published of it, and what the kernel of `NODE` should hold."""

    generation: Generation
    ruleset: Ruleset


def state(step, more=0):
    """Make a state: another pod with every step, and another policy with every third; `more` pods beside."""
    members = [pod("x/a"), pod("x/b"), pod("y/a"), pod("y/b"), pod(f"y/s{step}", f"10.78.{step >> 8}.{step & 255}")]
    members += [pod(f"y/p{number}", f"10.77.{number >> 8}.{number & 255}") for number in range(more)]
    rules = [deny(pods("y"))] if step % 3 else [leave(pods("x")), deny(pods("y"))]
    snapshot = cluster(admin("closing", pods("x"), priority=20, ingress=rules), pods=members)
    compilation = compile_cluster(snapshot)
    return State(generation_of(compilation), lower(compilation, NODE))


def crowded():
    """Make a generation of which `NODE` has to tell more classes apart than a mark of two bits has room for."""
    rules = [deny(pods("y/a")), leave(pods("y/b")), deny(pods("x/b")), leave(pods("x/a"))]
    snapshot = cluster(admin("many", pods("x"), priority=1, ingress=rules))
    return generation_of(compile_cluster(snapshot))


class TwinPublisher:
    """Publishes in the API server's twin."""

    def __init__(self, api, limits=None):
        self._api = api
        self._published = Published.of(None, {}, limits)

    def publish(self, generation, now=None):
        """Write what it takes; return the number of the generation."""
        writes = self._published.plan(generation, now or datetime.now(UTC))
        for document in writes.create:
            self._api.create(document)
        if isinstance(writes.manifest, dict):
            self._api.create(writes.manifest)
        elif writes.manifest:
            self._api.patch("PolicyGeneration", NAME, writes.manifest)
        for name in writes.delete:
            self._api.delete("GenerationSlice", name)
        self._published = self._published.after(writes)
        return writes.number
