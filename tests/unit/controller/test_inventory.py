"""What is known of a kind, whatever the watch says, forgets to say, says twice, or says in another order."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anp import api
from anp.controller.inventory import Inventory, key_of, version_of

PODS = api.Pod.resource


class World:
    """Pods that come and go, and an inventory that hears of some of it."""

    def __init__(self):
        self.doubts, self.pokes = [], 0
        self.inventory = Inventory([PODS], self.poke, self.doubts.append)
        self.known = {}
        self.there = {}
        self._numbers = itertools.count(1)

    def poke(self):
        self.pokes += 1

    def make(self, name):
        """Make a pod, or change it if it is there; return the event."""
        before = self.there.get(name)
        uid = before["metadata"]["uid"] if before else f"u{next(self._numbers)}"
        document = {
            "metadata": {"namespace": "web", "name": name, "uid": uid, "resourceVersion": f"{next(self._numbers)}"}
        }
        self.there[name] = document
        return ("MODIFIED" if before else "ADDED"), document

    def end(self, name):
        """Delete a pod; return the event."""
        return "DELETED", self.there.pop(name)

    def hear(self, event, document):
        self.inventory.put(PODS, event, document)

    def listed(self):
        return {key_of(document): version_of(document) for document in self.there.values()}

    def drain(self):
        for news in self.inventory.drain():
            if news.document is None:
                self.known.pop(news.key[1], None)  # it may have come and gone between two looks
            else:
                self.known[news.key[1]] = news.document
        return self.known


@pytest.fixture
def world():
    return World()


@given(st.data())
def test_after_a_check_all_is_known_whatever_was_missed(data):
    world = World()
    late = {}  # events of one object come in order, those of different ones do not
    for _step in range(data.draw(st.integers(1, 30))):
        name = data.draw(st.sampled_from("abc"))
        gone = name in world.there and data.draw(st.booleans())
        event, document = world.end(name) if gone else world.make(name)
        uid = document["metadata"]["uid"]
        if data.draw(st.booleans()):
            late.setdefault(uid, []).append((event, document))
        while late and data.draw(st.booleans()):
            one = data.draw(st.sampled_from(sorted(late)))
            world.hear(*late[one].pop(0))
            if not late[one]:
                del late[one]
        world.drain()

    # The watch is cut: the rest is never heard of. A new one begins with a list, and is checked.
    for document in world.there.values():
        world.hear(None, document)
    world.inventory.reconcile(PODS, world.inventory.seen(PODS), world.listed())

    assert world.inventory.awaited(PODS) == ()
    assert world.drain() == world.there


@given(st.data())
def test_a_check_undoes_nothing_that_is_heard_while_it_goes_on(data):
    world = World()
    for name in "abc":
        if data.draw(st.booleans()):
            world.hear(*world.make(name))

    before = world.inventory.seen(PODS)
    early = data.draw(st.booleans())
    listed = world.listed() if early else None
    for name in data.draw(st.lists(st.sampled_from("abc"), max_size=4)):
        gone = name in world.there and data.draw(st.booleans())
        world.hear(*(world.end(name) if gone else world.make(name)))
    world.inventory.reconcile(PODS, before, world.listed() if listed is None else listed)

    assert world.drain() == world.there


def test_what_a_list_has_is_waited_for(world):
    first, second = world.make("a"), world.make("b")
    assert world.inventory.unknown() == (PODS,)

    world.inventory.reconcile(PODS, {}, world.listed())
    assert set(world.inventory.awaited(PODS)) == {("web", "a"), ("web", "b")}
    world.hear(*first)
    assert world.inventory.unknown() == (PODS,)
    world.hear("DELETED", second[1])

    assert world.inventory.unknown() == ()
    assert set(world.drain()) == {"a"}


def test_what_nobody_tells_of_can_be_looked_up(world):
    _event, document = world.make("a")
    world.inventory.reconcile(PODS, {}, world.listed())

    world.inventory.found(PODS, ("web", "a"), None, document)

    assert world.inventory.unknown() == ()
    assert world.drain() == world.there


def test_what_is_looked_up_does_not_replace_what_is_heard_meanwhile(world):
    _event, old = world.make("a")
    world.inventory.reconcile(PODS, {}, world.listed())
    world.hear(*world.make("a"))

    world.inventory.found(PODS, ("web", "a"), None, old)

    assert world.drain() == world.there


def test_the_end_of_an_earlier_object_of_that_name_is_not_that_of_the_later_one(world):
    world.hear(*world.make("a"))
    ended = world.end("a")
    world.hear(*world.make("a"))
    world.hear(*ended)

    assert world.drain() == world.there


def test_only_a_list_after_the_first_one_is_a_reason_to_check(world):
    event, document = world.make("a")
    world.hear(None, document)
    assert world.doubts == []
    world.inventory.reconcile(PODS, world.inventory.seen(PODS), world.listed())

    world.hear(event, document)
    assert world.doubts == []
    world.hear(None, document)

    assert world.doubts == [PODS]


def test_another_object_of_the_same_name_is_a_reason_to_check(world):
    world.hear(*world.make("a"))
    world.inventory.reconcile(PODS, world.inventory.seen(PODS), world.listed())
    world.end("a")

    world.hear(*world.make("a"))

    assert world.doubts == [PODS]


def test_what_is_repeated_is_no_news(world):
    event = world.make("a")
    world.hear(*event)
    world.drain()

    world.hear(*event)

    assert world.inventory.drain() == ()


def test_an_object_that_came_back_while_it_was_listed_stays(world):
    world.hear(*world.make("a"))
    before = world.inventory.seen(PODS)
    world.hear(*world.end("a"))
    listed = world.listed()
    world.hear(*world.make("a"))

    world.inventory.reconcile(PODS, before, listed)

    assert world.drain() == world.there
