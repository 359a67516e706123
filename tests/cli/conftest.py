"""Networks for commands that change nftables, and nft in them."""

import subprocess
from collections.abc import Callable, Iterator

import pytest

from anp.lab.namespace import Namespace


@pytest.fixture
def network() -> Iterator[Namespace]:
    """A new network namespace, which goes with the test."""
    namespace = Namespace()
    yield namespace
    namespace.close()


@pytest.fixture
def nft(network: Namespace) -> Callable[..., str]:
    """Call the nft command in that namespace; it must not refuse."""

    def run(*arguments: str, script: str = "") -> str:
        done = network.call(
            lambda: subprocess.run(
                ["nft", *arguments], input=script, capture_output=True, check=False, text=True, timeout=60
            )
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
