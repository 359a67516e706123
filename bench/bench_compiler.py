"""The compiler's stages, by size of cluster. Run with: make bench."""

import dataclasses

import pytest

from bench.clusters import cluster
from compiler.compilation import compile_cluster
from compiler.lower import lower
from compiler.model import Direction, Flow, Protocol, Snapshot, Tier
from compiler.precedence import Precedence
from compiler.ruleset import Hook, Ruleset
from compiler.semantics import decide
from compiler.syntax import script
from compiler.trace import Packet, trace
from enforcer.plan import plan

SIZES = ((10, 5, 2), (1_000, 100, 20), (10_000, 1_000, 50))


@pytest.fixture(scope="module", params=SIZES, ids=lambda size: "{}-pods-{}-classes-{}-programs".format(*size))
def snapshot(request) -> Snapshot:
    return cluster(*request.param)


@pytest.fixture(scope="module")
def ruleset(snapshot) -> Ruleset:
    return lower(compile_cluster(snapshot), "node-0")


@pytest.fixture(scope="module")
def flow(snapshot) -> Flow:
    first, second = snapshot.pods[:2]
    return Flow(first.addresses[0], second.addresses[0], Protocol.TCP, 8080)


def test_compile(benchmark, snapshot):
    benchmark(compile_cluster, snapshot)


def test_lower(benchmark, snapshot):
    benchmark.pedantic(
        lower, setup=lambda: ((compile_cluster(snapshot), "node-0"), {}), rounds=5, iterations=1, warmup_rounds=1
    )


def test_script(benchmark, ruleset):
    benchmark(script, ruleset)


def test_plan_of_nothing(benchmark, ruleset):
    benchmark(plan, ruleset, ruleset)


def test_plan_of_one_pod_less(benchmark, snapshot, ruleset):
    fewer = lower(compile_cluster(dataclasses.replace(snapshot, pods=snapshot.pods[1:])), "node-0")
    benchmark(plan, ruleset, fewer)


def test_decide(benchmark, snapshot, flow):
    benchmark(decide, snapshot, flow)


def test_trace(benchmark, ruleset, flow):
    benchmark(trace, ruleset, Packet.of(flow, Hook.FORWARD))


@pytest.mark.parametrize("rules", [10, 100])
def test_precedence(benchmark, rules):
    snapshot = cluster(100, rules, 2)
    benchmark(Precedence.of, snapshot, Tier.ADMIN, Direction.EGRESS)
