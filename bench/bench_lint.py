"""Lint of a cluster of 5,000 pods in 200 namespaces with 1,000 policies, and of one where nothing is in order."""

import dataclasses

import pytest

from anp.analysis.lint.linter import Wanted, lint
from anp.state.cluster import Cluster
from bench.bench_diagram import big_cluster
from compiler.model import Policy, Rule, Snapshot, Tier


def doubled(policy: Policy) -> Policy:
    """Every rule of a policy twice, so that one of two is always redundant."""

    def twice(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        return tuple(dataclasses.replace(rule, index=index) for index, rule in enumerate((*rules, *rules)))

    return dataclasses.replace(policy, ingress=twice(policy.ingress), egress=twice(policy.egress))


def untidy(snapshot: Snapshot) -> Snapshot:
    """All rules twice, and all administrators' policies with one priority."""
    policies = [
        dataclasses.replace(doubled(policy), priority=0 if policy.tier is Tier.NETWORK_POLICY else 10)
        for policy in snapshot.policies
    ]
    return dataclasses.replace(snapshot, policies=tuple(sorted(policies, key=lambda policy: policy.order)))


@pytest.mark.parametrize("state", ["tidy", "untidy"])
def test_a_big_cluster_is_linted(benchmark, state):
    snapshot = big_cluster() if state == "tidy" else untidy(big_cluster())
    cluster = Cluster(snapshot, {}, {}, (), ())
    report = benchmark.pedantic(lambda: lint(cluster, {}, Wanted()), rounds=1, iterations=1)
    assert any(found.code == "ANP102" for found in report.findings) == (state == "untidy")
