import asyncio
import itertools
import shutil
import time
from contextlib import aclosing, asynccontextmanager

from anp.sources.watch import DirectoryWatch, _signs

QUIET = 0.25
PATIENCE = 60  # seconds after which nothing will be told any more, however busy the machine is


def replace_over(path, text):
    temporary = path.with_name(".swap")
    temporary.write_text(text)
    temporary.replace(path)


def swap_configmap(root, version):
    (root / f"..{version}").mkdir()
    (root / f"..{version}/a.yaml").write_text(version)
    (root / "..tmp").symlink_to(f"..{version}")
    (root / "..tmp").replace(root / "..data")


class Watcher:
    """Counts what a watch tells; all that one step causes has been told once it is quiet."""

    def __init__(self, changes):
        self._changes = changes
        self._pending = asyncio.ensure_future(anext(changes))

    async def told(self, within):
        """Say whether there is anything to tell within so many seconds."""
        if not (await asyncio.wait([self._pending], timeout=within))[0]:
            return False
        self._pending.result()
        self._pending = asyncio.ensure_future(anext(self._changes))
        return True

    async def count(self):
        """Wait until it is quiet, and return how often something was told."""
        count = 0
        while await self.told(QUIET):
            count += 1
        return count

    async def stop(self):
        self._pending.cancel()
        await asyncio.gather(self._pending, return_exceptions=True)


@asynccontextmanager
async def watching(path):
    async with aclosing(DirectoryWatch(str(path)).changes()) as changes:
        watcher = Watcher(changes)
        try:
            await watcher.count()
            yield watcher
        finally:
            await watcher.stop()


def watch_while(path, *steps):
    """Run steps one by one, each of which must be noticed."""

    async def run():
        async with watching(path) as watcher:
            for step in steps:
                step()
                assert await watcher.told(PATIENCE)
                await watcher.count()

    asyncio.run(run())


def count_while(path, step):
    """Run a step and return how often something was told of it."""

    async def run():
        async with watching(path) as watcher:
            step()
            return await watcher.count()

    return asyncio.run(run())


def test_every_way_to_change_a_file_is_noticed(tmp_path):
    file, sub = tmp_path / "a.yaml", tmp_path / "sub"
    watch_while(
        tmp_path,
        lambda: file.write_text("1"),
        lambda: file.write_text("2"),
        lambda: replace_over(file, "3"),
        sub.mkdir,
        lambda: (sub / "b.yaml").write_text("1"),
        lambda: (sub / "b.yaml").write_text("2"),
        lambda: sub.rename(tmp_path / "other"),
        file.unlink,
    )


def test_a_swap_of_a_configmap_is_noticed(tmp_path):
    swap_configmap(tmp_path, "v1")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    file = tmp_path / "a.yaml"

    watch_while(tmp_path, lambda: swap_configmap(tmp_path, "v2"), lambda: swap_configmap(tmp_path, "v3"))
    watch_while(file, lambda: swap_configmap(tmp_path, "v4"), lambda: swap_configmap(tmp_path, "v5"))


def test_a_directory_may_go_and_come_back(tmp_path):
    root = tmp_path / "d"
    root.mkdir()

    def come_back():
        root.mkdir()
        (root / "a.yaml").write_text("1")

    watch_while(
        root,
        lambda: shutil.rmtree(root),
        come_back,
        lambda: (root / "a.yaml").write_text("2"),
        lambda: root.rename(tmp_path / "e"),
        lambda: (tmp_path / "e").rename(root),
        lambda: (root / "a.yaml").write_text("3"),
    )


def test_a_link_may_be_turned_to_another_directory(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    link = tmp_path / "link"
    link.symlink_to("one")

    def turn():
        (tmp_path / "new").symlink_to("two")
        (tmp_path / "new").replace(link)

    watch_while(link, turn, lambda: (tmp_path / "two/a.yaml").write_text("1"))


def test_one_file_is_watched_without_its_neighbours(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("1")

    watch_while(
        file, lambda: file.write_text("22"), lambda: replace_over(file, "3"), file.unlink, lambda: file.write_text("4")
    )
    file.write_text("1")
    assert count_while(file, lambda: (tmp_path / "b.yaml").write_text("1")) == 0


def test_what_changes_before_the_watch_stands_is_not_lost(tmp_path):
    async def run():
        async with aclosing(DirectoryWatch(str(tmp_path)).changes()) as changes:
            await anext(changes)
            (tmp_path / "a.yaml").write_text("1")
            await asyncio.wait_for(anext(changes), PATIENCE)

    asyncio.run(run())


def test_a_change_that_nobody_tells_of_is_found(tmp_path, monkeypatch):
    looked = asyncio.Event()

    async def deaf(*_, **__):
        for number in itertools.count():
            await asyncio.sleep(0.02)
            if number == 3:
                looked.set()
            yield False

    async def run():
        async with aclosing(DirectoryWatch(str(tmp_path)).changes()) as changes:
            await anext(changes)
            following = asyncio.ensure_future(anext(changes))
            # Whatever there was before it was compared for the first time is none of this.
            await asyncio.wait_for(looked.wait(), PATIENCE)
            (tmp_path / "a.yaml").write_text("1")
            await asyncio.wait_for(following, PATIENCE)

    monkeypatch.setattr("anp.sources.watch._signs", deaf)
    asyncio.run(run())


def test_a_burst_is_few_changes(tmp_path):
    def burst():
        for number in range(300):
            (tmp_path / f"{number}.yaml").write_text("1")

    # How few they are depends on how long it takes to make the files.
    assert 1 <= count_while(tmp_path, burst) <= 30


def test_reading_is_no_change(tmp_path):
    (tmp_path / "a.yaml").write_text("1")

    assert count_while(tmp_path, lambda: ((tmp_path / "a.yaml").read_text(), list(tmp_path.iterdir()))) == 0


def test_where_the_system_has_no_watches_left_polling_sees_the_same(tmp_path):
    async def run():
        async with aclosing(_signs(str(tmp_path), directory=True, polling=True)) as signs:
            assert not await anext(signs)
            (tmp_path / "a.yaml").write_text("1")
            deadline = time.monotonic() + PATIENCE
            while not await anext(signs):
                assert time.monotonic() < deadline

    asyncio.run(run())
