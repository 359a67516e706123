"""What `anp run` does when the kernel refuses, which a healthy kernel does not do when asked to."""

import asyncio
from pathlib import Path

import pytest

from anp.node.standing import Standing
from compiler.lower import DEFAULT_LAYOUT
from enforcer.errors import TransactionRejectedError
from enforcer.fake import FakeDataplane
from enforcer.reconcile import Enforcer
from tests.cli.calling import SMALL

PATIENCE = 60
"""Seconds after which nothing will come any more, however busy the machine is."""


class Moody(FakeDataplane):
    """The kernel in memory, which refuses the first transactions."""

    def __init__(self, refusals):
        super().__init__()
        self.refusals = refusals

    def run(self, tx):
        if self.refusals:
            self.refusals -= 1
            raise TransactionRejectedError("Cannot allocate memory", "add table inet anp", str(tx))
        super().run(tx)


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "small.yaml").write_text(Path(SMALL).read_text(encoding="utf-8"))
    return tmp_path


async def follow(standing, enough):
    """Follow until there are enough reports, and return them."""
    reports = []
    done = asyncio.Event()

    def tell(report):
        reports.append(report)
        if len(reports) == enough:
            done.set()

    following = asyncio.ensure_future(standing.follow(tell))
    await asyncio.wait_for(done.wait(), PATIENCE)
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    return reports


def test_what_the_kernel_refused_is_tried_again_without_a_change(directory):
    dataplane = Moody(refusals=3)
    standing = Standing(str(directory), "left", Enforcer(dataplane), DEFAULT_LAYOUT, retry=0.02)

    refused, applied = asyncio.run(follow(standing, enough=2))

    assert refused.refused
    assert "Cannot allocate memory" in refused.error
    assert applied.applied
    assert applied.generation == 1
    assert not dataplane.read().empty


def test_a_kernel_that_goes_on_refusing_is_told_of_once(directory):
    dataplane = Moody(refusals=10**6)
    standing = Standing(str(directory), "left", Enforcer(dataplane), DEFAULT_LAYOUT, retry=0.001)

    async def listen():
        reports = []
        following = asyncio.ensure_future(standing.follow(reports.append))
        async with asyncio.timeout(PATIENCE):
            while dataplane.refusals > 10**6 - 5:  # noqa: ASYNC110
                await asyncio.sleep(0.001)  # the kernel in memory tells nobody that it was asked
        following.cancel()
        await asyncio.wait([following])
        return reports

    assert [report.refused for report in asyncio.run(listen())] == [True]
    assert dataplane.read().empty
