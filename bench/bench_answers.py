"""Answers about a cluster of 5,000 pods in 200 namespaces under 1,000 policies. See make bench."""

import pytest

from anp.analysis.difference import compare
from anp.analysis.ends import parse_end
from anp.analysis.explanation import explain
from anp.analysis.graph.model import Detail, picture
from anp.analysis.reach import By, reach
from anp.analysis.reach_page import page
from anp.state.cluster import Cluster
from bench.bench_diagram import big_cluster, edited
from compiler.compilation import compile_cluster
from compiler.model import Protocol


@pytest.fixture(scope="module")
def big():
    return big_cluster()


def test_why_a_connection_gets_through_or_not(benchmark, big):
    cluster = Cluster(big, {}, {}, (), ())
    ends = [parse_end(f"ns-{number}/pod-{number}", big) for number in (7, 8)]
    answer = benchmark.pedantic(explain, args=(cluster, *ends, Protocol.TCP, 5432), rounds=3)
    assert not answer.accepted


@pytest.mark.parametrize("by", [By.NAMESPACE, By.WORKLOAD])
def test_who_reaches_whom(benchmark, big, by):
    matrix = benchmark.pedantic(reach, setup=lambda: ((compile_cluster(big), by), {}), rounds=1)
    assert matrix.cells


def test_the_page_is_written(benchmark, big):
    compilation = compile_cluster(big)
    matrix = reach(compilation, By.NAMESPACE)
    assert benchmark.pedantic(page, args=(matrix, compilation), rounds=1)


def test_how_policies_hang_together(benchmark, big):
    found = benchmark.pedantic(picture, args=(big, Detail.RULES), rounds=1)
    assert sum(len(band.policies) for band in found.bands) == len(big.policies)


@pytest.mark.parametrize("change", ["a tenant's rule", "every policy"])
def test_what_changes(benchmark, big, change):
    new = edited(big, change)
    assert benchmark.pedantic(compare, args=(big, new), rounds=1).changes
