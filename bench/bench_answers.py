"""Answers about a cluster of 5,000 pods in 200 namespaces under 1,000 policies. See make bench."""

import pytest

from anp.analysis.difference import compare
from anp.analysis.reach import By, reach
from bench.bench_diagram import big_cluster, edited
from compiler.compilation import compile_cluster


@pytest.fixture(scope="module")
def big():
    return big_cluster()


@pytest.mark.parametrize("by", [By.NAMESPACE, By.WORKLOAD])
def test_who_reaches_whom(benchmark, big, by):
    matrix = benchmark.pedantic(reach, setup=lambda: ((compile_cluster(big), by), {}), rounds=1)
    assert matrix.cells


@pytest.mark.parametrize("change", ["a tenant's rule", "every policy"])
def test_what_changes(benchmark, big, change):
    new = edited(big, change)
    assert benchmark.pedantic(compare, args=(big, new), rounds=1).changes
