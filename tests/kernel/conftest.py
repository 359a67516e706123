"""What kernel tests stand on: a network namespace of their own, and nft inside it."""

import subprocess
from collections.abc import Callable, Iterator

import pytest

from anp.lab.namespace import Namespace
from enforcer.kernel import KernelDataplane

Nft = Callable[[str], str]


@pytest.fixture
def network() -> Iterator[Namespace]:
    """A new network namespace, which goes with the test."""
    namespace = Namespace()
    yield namespace
    namespace.close()


@pytest.fixture
def kernel(network: Namespace) -> Iterator[KernelDataplane]:
    """The kernel in that namespace."""
    with KernelDataplane(network.fd) as dataplane:
        yield dataplane


@pytest.fixture
def nft(network: Namespace) -> Nft:
    """Somebody else in that namespace, with the nft command: runs a script and returns what it prints."""

    def run(script: str) -> str:
        command = ["nft", "-s", "-f", "-"]
        done = network.call(
            lambda: subprocess.run(command, input=script, capture_output=True, check=False, text=True, timeout=60)
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
