import pytest

from anp.lab.lab import Lab
from tests.kernel.lab.cluster import CLUSTER, load


@pytest.fixture(scope="module")
def shared_lab():
    with Lab(CLUSTER) as lab:
        yield lab


@pytest.fixture
def lab(shared_lab):
    """The cluster as it was built: its nodes forward everything."""
    yield shared_lab
    for node in shared_lab.topology.nodes:
        load(shared_lab, node.name, "flush ruleset")


@pytest.fixture
def nft(lab):
    """Load an nft script into a node; it is gone after the test."""
    return lambda node, script: load(lab, node, script)
