"""At no time do two lead, and at every time somebody can."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp.controller.lease import ConflictError, Election, LeaseRecord

DURATION = 15.0


class Shelf:
    """Keeps one record, as the API server would."""

    def __init__(self):
        self.record = None
        self.version = 0
        self.away = set()

    def of(self, name):
        return Door(self, name)


class Door:
    """The way of one candidate to the shelf."""

    def __init__(self, shelf, name):
        self.shelf = shelf
        self.name = name

    async def read(self):
        self._reachable()
        return self.shelf.record

    async def write(self, record):
        self._reachable()
        if record.version != (self.shelf.record.version if self.shelf.record else ""):
            raise ConflictError
        self.shelf.version += 1
        self.shelf.record = replace(record, version=str(self.shelf.version))
        return self.shelf.record

    def _reachable(self):
        if self.name in self.shelf.away:
            raise ConnectionError


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@st.composite
def histories(draw):
    moves = st.one_of(
        st.tuples(st.just("turn"), st.sampled_from("abc")),
        st.tuples(st.just("wait"), st.sampled_from([0.5, 3.0, 9.0, 14.9, 15.2, 40.0])),
        st.tuples(st.just("away"), st.sampled_from("abc")),
        st.tuples(st.just("back"), st.sampled_from("abc")),
        st.tuples(st.just("release"), st.sampled_from("abc")),
    )
    return draw(st.lists(moves, max_size=60))


@given(histories())
def test_at_most_one_leads_whatever_happens(moves):
    asyncio.run(played(moves))


async def played(moves):  # noqa: C901 - a case for each move
    shelf, clock = Shelf(), Clock()
    elections = {name: Election(shelf.of(name), name, duration=DURATION, clock=clock) for name in "abc"}
    for move, what in moves:
        match move:
            case "turn":
                await elections[what]._turn()
            case "wait":
                # Everybody takes a turn when it is time, however little comes of it.
                for _step in range(int(what // 3)):
                    clock.now += 3.0
                    for election in elections.values():
                        await election._turn()
                clock.now += what % 3
            case "away":
                shelf.away.add(what)
            case "back":
                shelf.away.discard(what)
            case "release":
                leading = elections[what].leading.is_set()
                elections[what]._lose("ended")
                if leading:
                    await elections[what]._release()
        leaders = [name for name, election in elections.items() if election.leading.is_set()]
        assert len(leaders) <= 1
        assert all(election.lost.is_set() is not election.leading.is_set() for election in elections.values())
    shelf.away.clear()
    for _turn in range(12):
        clock.now += 3.0
        for election in elections.values():
            await election._turn()
    assert sum(election.leading.is_set() for election in elections.values()) == 1


def test_the_lease_is_given_back_at_the_end_and_taken_at_once():
    async def story():
        shelf = Shelf()
        first, second = (Election(shelf.of(name), name, duration=0.5) for name in ("first", "second"))
        runs = [asyncio.ensure_future(first.run())]
        await first.leading.wait()
        runs.append(asyncio.ensure_future(second.run()))
        runs[0].cancel()
        await second.leading.wait()
        assert first.lost.is_set()
        assert shelf.record.holder == "second"
        assert shelf.record.transitions == 1
        runs[1].cancel()
        await asyncio.gather(*runs, return_exceptions=True)
        assert shelf.record.holder == ""

    asyncio.run(asyncio.wait_for(story(), timeout=30))


def test_a_write_that_comes_too_late_is_refused_and_leads_to_nothing():
    async def story():
        shelf, clock = Shelf(), Clock()
        slow = Election(shelf.of("slow"), "slow", duration=DURATION, clock=clock)
        read = slow._store.read

        async def overtaken():
            seen = await read()
            shelf.record = LeaseRecord("other", 15, version="7")
            return seen

        slow._store.read = overtaken
        with pytest.raises(ConflictError):
            await slow.attempt()
        await slow._turn()
        assert not slow.leading.is_set()

    asyncio.run(story())
