"""One change in a cluster, followed from what was compiled before. Run with: make bench.

Each figure is one change from API objects to the transaction: compile, lower for one node, plan. `from scratch` is the
same work without anything from before, in the same run: what counts is the ratio.
"""

import dataclasses
from ipaddress import IPv4Address

import pytest

from bench.clusters import FIRST_POD, cluster
from compiler.compilation import Compilation, compile_cluster
from compiler.labels import Labels
from compiler.lower import lower
from compiler.lowering import Lowering
from compiler.model import Action, Pod, PortRange, Protocol, Snapshot
from enforcer.plan import plan
from enforcer.transaction import Transaction

SIZES = ((1_000, 100, 20), (10_000, 1_000, 50), (100_000, 5_000, 100))
NODE = "node-0"


def pod_added(snapshot: Snapshot) -> Snapshot:
    newcomer = Pod("ns-0", "newcomer", Labels({"app": "app-0"}), NODE, (IPv4Address(FIRST_POD + 0x800000),))
    return dataclasses.replace(snapshot, pods=(*snapshot.pods, newcomer))


def pod_relabelled(snapshot: Snapshot) -> Snapshot:
    middle = len(snapshot.pods) // 2
    changed = dataclasses.replace(snapshot.pods[middle], labels=Labels({"app": "app-1"}))
    return dataclasses.replace(snapshot, pods=(*snapshot.pods[:middle], changed, *snapshot.pods[middle + 1 :]))


def policy_edited(snapshot: Snapshot) -> Snapshot:
    first, *others = snapshot.policies
    rule = dataclasses.replace(first.egress[0], action=Action.DENY, traffic=(PortRange(Protocol.TCP, 443, 443),))
    edited = dataclasses.replace(first, egress=(rule, *first.egress[1:]))
    return dataclasses.replace(snapshot, policies=(edited, *others))


@pytest.fixture(scope="module", params=SIZES, ids=lambda size: f"{size[0]}-pods")
def before(request) -> Compilation:
    return compile_cluster(cluster(*request.param))


@pytest.mark.parametrize("change", [pod_added, pod_relabelled, policy_edited])
def test_followed(benchmark, before, change):
    after = change(before.snapshot)
    installed = lower(before, NODE)

    def prepared() -> tuple[tuple[Lowering], dict[str, object]]:
        lowering = Lowering(NODE)
        lowering.lower(before)
        return (lowering,), {}

    def followed(lowering: Lowering) -> Transaction:
        return plan(installed, lowering.lower(compile_cluster(after, previous=before)))

    tx = benchmark.pedantic(followed, setup=prepared, rounds=7, iterations=1, warmup_rounds=1)
    assert tx.operations


def test_from_scratch(benchmark, before):
    after = pod_added(before.snapshot)
    installed = lower(before, NODE)
    benchmark.pedantic(
        lambda: plan(installed, lower(compile_cluster(after), NODE)), rounds=3, iterations=1, warmup_rounds=0
    )
