"""What publishing costs: bytes, writes and time for pods that change and policies that are edited.

python -m bench.bench_transport [--quick]
"""

import argparse
import dataclasses
import json
import random
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from anp.transport import Limits, Published, Reception, Writes
from anp.transport.slices import size_of
from bench.clusters import cluster
from compiler.compilation import compile_cluster
from compiler.generation import Generation
from compiler.model import Action
from compiler.writing import generation_of

SIZES = ((1_000, 100, 20), (10_000, 1_000, 50), (100_000, 5_000, 100))
JOURNALS = (Limits(256, 32 * 1024), Limits(64, 8 * 1024))
NODE = "node-0"


class Store:
    """What the API server would have; every write and its size are noted."""

    def __init__(self) -> None:
        self.manifest: dict = {}
        self.slices: dict = {}

    def write(self, writes: Writes) -> tuple[int, int]:
        """Do what a plan says, and return the number of writes and their bytes."""
        sizes = [size_of(document) for document in writes.create]
        self.slices |= {document["metadata"]["name"]: document for document in writes.create}
        if writes.manifest:
            manifest = json.loads(json.dumps(writes.manifest))
            sizes.append(size_of(manifest))
            if isinstance(manifest, dict):
                self.manifest = manifest
            else:
                self._patch(manifest)
        return len(sizes), sum(sizes)

    def _patch(self, operations: list) -> None:
        spec = self.manifest["spec"]
        for operation in operations:
            match operation["op"], operation["path"].split("/")[2:]:
                case "add", []:
                    spec = self.manifest["spec"] = operation["value"]
                case "add", _:
                    spec["changes"].append(operation["value"])
                case "remove", _:
                    del spec["changes"][0]
                case "replace", [name]:
                    spec[name] = operation["value"]

    def receive(self, reception: Reception) -> int:
        """Receive what is in force, and return the bytes of the slices that it took."""
        read = 0
        while needed := reception.needs(self.manifest):
            for name in needed:
                read += size_of(self.slices[name])
                reception.give(self.slices[name])
        reception.take(self.manifest)
        return read


def pods_that_change(generation: Generation, events: int) -> Iterator[Generation]:
    """Yield a generation after each of so many events: pods go to another node with another address."""
    chance = random.Random(1)
    pods = [owner for owner in generation.members if owner.startswith("pod ")]
    for _ in range(events):
        owner = chance.choice(pods)
        members = dict(generation.members)
        members[owner] = dataclasses.replace(
            members[owner],
            node=f"node-{chance.randrange(100)}",
            addresses=(members[chance.choice(pods)].addresses[0] + 2**24,),
        )
        generation = dataclasses.replace(generation, members=members)
        yield generation


def policies_that_change(size: tuple[int, int, int], events: int) -> Iterator[Generation]:
    """Yield generations in which the first rules of some policies are turned around, one after the other."""
    snapshot = cluster(*size)
    policies = list(snapshot.policies)
    for number in range(min(events, len(policies))):
        policy = policies[number]
        first, *rest = policy.egress
        action = Action.DENY if first.action is Action.ACCEPT else Action.ACCEPT
        policies[number] = dataclasses.replace(policy, egress=(dataclasses.replace(first, action=action), *rest))
        snapshot = dataclasses.replace(snapshot, policies=tuple(policies))
        yield generation_of(compile_cluster(snapshot))


def measured(published: Published, store: Store, wanted: Iterator[Generation], reception: Reception) -> str:
    """Publish and receive one generation after the other, and return a row of medians and means."""
    now = datetime.now(UTC)
    plans, takes, writes, sent, manifests, fetched = [], [], [], [], [], []
    for generation in wanted:
        begin = time.perf_counter()
        plan = published.plan(generation, now)
        plans.append(time.perf_counter() - begin)
        count, size = store.write(plan)
        published = published.after(plan)
        begin = time.perf_counter()
        fetched.append(store.receive(reception))
        takes.append(time.perf_counter() - begin)
        writes.append(count)
        sent.append(size)
        manifests.append(size_of(store.manifest))
    return (
        f"{statistics.median(plans) * 1e3:.1f} ({max(plans) * 1e3:.0f}) | {statistics.median(takes) * 1e3:.1f} | "
        f"{statistics.median(writes):.0f} ({statistics.mean(writes):.1f}) | "
        f"{statistics.median(sent):,.0f} ({statistics.mean(sent):,.0f}) | "
        f"{statistics.mean(manifests):,.0f} | {statistics.mean(fetched):,.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only the two smaller clusters, and fewer events")
    quick = parser.parse_args().quick
    events = 200 if quick else 1_000
    columns = ("pods", "journal", "event", "plan ms (worst)", "take ms", "writes (mean)", "bytes written (mean)")
    print(f"| {' | '.join(columns)} | manifest | fetched |")
    print("|---:|---:|---|---:|---:|---:|---:|---:|---:|")
    for size in SIZES[: 2 if quick else 3]:
        generation = generation_of(compile_cluster(cluster(*size)))
        for limits in JOURNALS:
            store, reception = Store(), Reception(NODE)
            published = Published.of(None, {}, limits)
            begin = time.perf_counter()
            first = published.plan(generation, datetime.now(UTC))
            planned = time.perf_counter() - begin
            slices, total = store.write(first)
            published = published.after(first)
            begin = time.perf_counter()
            fetched = store.receive(reception)
            print(
                f"| {size[0]:,} | {limits.size // 1024} KiB | first | {planned * 1e3:.0f} | "
                f"{(time.perf_counter() - begin) * 1e3:.0f} | {slices} | {total:,} | "
                f"{size_of(store.manifest):,} | {fetched:,} |"
            )
            head = f"| {size[0]:,} | {limits.size // 1024} KiB |"
            print(head, "pod |", measured(published, store, pods_that_change(generation, events), reception))
            store, reception = Store(), Reception(NODE)
            store.write(first)
            store.receive(reception)
            edits = policies_that_change(size, 3 if size[0] > 10_000 else 10)
            print(head, "policy |", measured(first.outcome, store, edits, reception))


if __name__ == "__main__":
    main()
