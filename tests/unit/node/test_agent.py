"""An agent and an API server with every kind of trouble; the kernel is in memory."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from anp.node.agent import Agent, Habits
from anp.node.cache import Cache
from anp.node.connection import Connection
from anp.node.enforcement import Enforcement
from anp.node.feed import Patience
from anp.node.guard import Guard
from compiler.lower import DEFAULT_LAYOUT
from enforcer.errors import TransactionRejectedError
from enforcer.fake import FakeDataplane
from tests.publishing import NODE, state
from tests.unit.node.apiserver import ApiServer, refusal

ENOUGH = 30
"""Seconds after which nothing will come any more."""
ANSWER = 0.3
"""Seconds that an answer may take."""
QUICK = Patience(first=0.01, longest=0.05, probe=0.05, silence=5.0)


class Kernel(FakeDataplane):
    def __init__(self):
        super().__init__()
        self.refusals = 0

    def run(self, tx):
        if self.refusals:
            self.refusals -= 1
            raise TransactionRejectedError("Cannot allocate memory", "add table inet anp", tx.script)
        super().run(tx)


class Site:
    def __init__(self, server, agent, kernel):
        self.server, self.agent, self.kernel = server, agent, kernel

    async def until(self, question, what):
        try:
            async with asyncio.timeout(ENOUGH):
                while not question():  # noqa: ASYNC110 - the kernel in memory tells nobody
                    await asyncio.sleep(0.002)
        except TimeoutError:
            pytest.fail(f"waited in vain for {what}; the agent says {self.agent.status()}, {self.server.asked[-9:]}")

    async def holds(self, step):
        await self.until(lambda: self.kernel.read() == state(step).ruleset, f"state {step}")

    async def blames(self, text):
        await self.until(lambda: text in self.agent.status()["error"], f"the error {text!r}")


@asynccontextmanager
async def living(folder, habits=None, server=None):
    server = server or ApiServer()
    async with server.running() as configuration, Connection(configuration, ANSWER) as connection:
        kernel = Kernel()
        guard = Guard(kernel)
        enforcement = Enforcement(NODE, DEFAULT_LAYOUT, guard, Cache(folder))
        agent = Agent(NODE, connection, enforcement, guard, patience=QUICK, habits=habits)
        running = asyncio.ensure_future(agent.run())
        try:
            yield Site(server, agent, kernel)
            assert not running.done(), running.result()
        finally:
            running.cancel()
            await asyncio.wait([running])
            assert running.cancelled(), running.exception()


@pytest.fixture
def lived(tmp_path):
    """Run a test's story in an event loop."""

    def live(story, **options):
        async def tell():
            async with living(tmp_path / "state", **options) as site:
                await story(site)

        asyncio.run(tell())

    return live


def test_it_follows_what_is_published(lived):
    async def story(site):
        await site.blames("no generation")
        assert site.agent.ready()
        for step in range(20):
            site.server.publish(step)
            await site.holds(step)
        assert not site.agent.ready()
        assert not site.agent.live()

    lived(story)


def test_of_many_generations_it_applies_the_last(lived):
    async def story(site):
        for step in range(40):
            site.server.publish(step)
        await site.holds(39)

    lived(story)


def test_slices_that_are_gone_are_waited_for_no_longer_than_until_the_next_manifest(lived):
    async def story(site):
        site.server.trouble = lambda asked: refusal(404, "it is gone") if "generationslices" in asked else None
        site.server.publish(0)
        await site.blames("it is gone")
        site.server.trouble = None
        await site.holds(0)
        await site.until(lambda: not site.agent.status()["error"], "the error to go")

    lived(story)


@pytest.mark.parametrize("code", [401, 403, 429, 500, 503])
def test_refusals_are_outlasted(lived, code):
    async def story(site):
        site.server.publish(0)
        await site.holds(0)
        site.server.trouble = lambda _asked: refusal(code, "not now")
        site.server.end_watches()
        await site.until(lambda: "not now" in site.agent._away, "the refusal")
        site.server.publish(1)
        site.server.trouble = None
        await site.holds(1)

    lived(story)


def test_a_server_that_hangs_is_noticed_while_nothing_happens(lived):
    async def story(site):
        site.server.publish(0)
        await site.holds(0)
        site.server.hanging.clear()
        await site.until(lambda: "no answer" in site.agent._away, "the silence to be noticed")
        assert not site.agent.ready()
        site.server.publish(1)
        site.server.hanging.set()
        await site.holds(1)
        await site.until(lambda: not site.agent._away, "the connection")

    lived(story)


def test_a_watch_that_tells_nothing_is_noticed(lived, caplog):
    async def story(site):
        site.server.publish(0)
        await site.holds(0)
        site.server.deaf = True
        site.server.publish(1)
        await site.holds(1)

    lived(story)
    assert "does not tell of changes" in caplog.text


@pytest.mark.parametrize("how", ["event", "answer"])
def test_a_past_that_is_forgotten_is_read_anew(lived, how):
    async def story(site):
        site.server.publish(0)
        await site.holds(0)
        if how == "event":
            site.server.tell({"type": "ERROR", "object": {"code": 410, "message": "too old"}})
        else:
            site.server.trouble = lambda asked: refusal(410, "too old") if asked.startswith("watch") else None
            site.server.end_watches()
        await site.until(lambda: site.server.asked.count("get policygenerations") > 2, "another list")
        site.server.trouble = None
        site.server.publish(1)
        await site.holds(1)

    lived(story)


def test_a_watch_that_ends_is_resumed_and_nothing_is_read_anew(lived):
    async def story(site):
        site.server.publish(1)
        await site.holds(1)
        slices = [asked for asked in site.server.asked if "slices" in asked]
        site.server.end_watches()
        await site.until(lambda: site.server.asked.count("watch policygenerations") > 1, "another watch")
        site.server.publish(2)
        await site.holds(2)
        assert [asked for asked in site.server.asked if "slices" in asked] == slices

    lived(story)


@pytest.mark.parametrize("line", [{"type": "MODIFIED"}, {"type": "MODIFIED", "object": {}}, [], {"object": []}])
def test_events_that_make_no_sense_change_nothing(lived, line):
    async def story(site):
        site.server.publish(0)
        await site.holds(0)
        for queue in site.server._watches:
            queue.put_nowait(line)
        again = "watch policygenerations"
        await site.until(lambda: site.server.asked.count(again) > 1 or site.agent.status()["error"], "a reaction")
        assert site.kernel.read() == state(0).ruleset
        site.server.publish(1)
        await site.holds(1)

    lived(story)


def test_what_the_kernel_refuses_is_tried_again_and_told(lived):
    async def story(site):
        site.kernel.refusals = 10**9
        site.server.publish(0)
        await site.blames("Cannot allocate memory")
        assert site.agent.ready()
        site.kernel.refusals = 0
        await site.holds(0)
        await site.until(lambda: not site.agent.ready(), "it to be ready")

    lived(story)


def test_a_bug_that_one_generation_brings_to_light_stops_no_other(lived, monkeypatch):
    async def story(site):
        site.server.publish(0)
        await site.holds(0)
        with monkeypatch.context() as broken:
            broken.setattr("anp.node.sharing.number_classes", lambda *_: 1 / 0)
            site.server.publish(1)
            await site.blames("this is a bug")
        assert site.kernel.read() == state(0).ruleset
        site.server.publish(2)
        await site.holds(2)
        await site.until(lambda: not site.agent.ready(), "it to be ready")

    lived(story)


def test_a_manifest_that_is_deleted_leaves_its_generation_in_force_and_is_told(lived):
    async def story(site):
        site.server.publish(0)
        await site.holds(0)
        site.server.delete()
        await site.blames("gone")
        assert site.kernel.read() == state(0).ruleset

    lived(story)


def test_reports_are_few_and_the_last_one_is_true(lived):
    async def story(site):
        for step in range(30):
            site.server.publish(step)
            await site.holds(step)
        await site.until(
            lambda: site.server.reports and site.server.reports[-1][1]["generation"] == 30, "the last report"
        )
        assert {name for name, _status in site.server.reports} == {NODE}
        assert len(site.server.reports) < 15

    lived(story)


def test_a_report_that_is_refused_is_made_again(lived):
    def last(site):
        return site.server.reports[-1][1]["generation"] if site.server.reports else None

    async def story(site):
        site.server.publish(0)
        await site.until(lambda: last(site) == 1, "the first report")
        refused = []
        site.server.trouble = lambda asked: refuse(asked, refused)
        site.server.publish(1)
        await site.until(lambda: refused, "a report")
        site.server.trouble = None
        await site.until(lambda: last(site) == 2, "another report")

    def refuse(asked, refused):
        if not asked.startswith("patch"):
            return None
        refused.append(asked)
        return refusal(404, "no such node")

    lived(story)


def test_what_is_in_force_is_on_the_disk_in_the_end(lived, tmp_path):
    async def story(site):
        for step in range(5):
            site.server.publish(step)
            await site.holds(step)

    lived(story)
    assert Cache(tmp_path / "state").load().mark.number == 5

    async def without_a_server(site):
        await site.holds(4)
        await site.until(lambda: site.agent._away, "the server to be missed")
        assert not site.agent.ready()

    server = ApiServer()
    server.trouble = lambda _asked: refusal(503, "not now")
    lived(without_a_server, server=server)


def test_our_table_is_looked_at_now_and_then(lived):
    async def story(site):
        site.server.publish(0)
        await site.holds(0)
        site.kernel._table = FakeDataplane()._table
        await site.holds(0)

    lived(story, habits=Habits(checking=0.05))
