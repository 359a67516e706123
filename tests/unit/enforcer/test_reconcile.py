"""The enforcer over the twin of the kernel, alone and with somebody who interferes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.ruleset import Chain, Drop, ExactMap, Foreign, Jump, KeyType, Ruleset
from compiler.syntax import InvalidRulesetError
from enforcer.errors import TransactionRejectedError
from enforcer.fake import FakeDataplane
from enforcer.plan import plan
from enforcer.reconcile import Enforcer
from enforcer.transaction import DeleteTable, Summary, Transaction
from tests.ruleset_strategies import rulesets

ONE = Ruleset({"class-1": Chain(((Drop(),),))}, {"class-4": ExactMap(KeyType.IPV4, {1: Jump("class-1")})})
TWO = replace(ONE, maps={"class-4": ExactMap(KeyType.IPV4, {1: Jump("class-1"), 2: Drop()})})
BROKEN = Ruleset({"class-1": Chain(((Jump("class-9"),),))})


class WatchedDataplane(FakeDataplane):
    """Counts what is asked of it."""

    def __init__(self, ruleset: Ruleset | None = None) -> None:
        super().__init__(ruleset)
        self.reads = 0
        self.runs = 0

    def read(self) -> Ruleset:
        self.reads += 1
        return super().read()

    def run(self, tx: Transaction) -> None:
        self.runs += 1
        super().run(tx)


@given(journey=st.lists(rulesets(), max_size=4), interference=st.lists(st.none() | rulesets(), max_size=4))
def test_whatever_others_do_the_last_word_is_ours_once_it_is_refused_or_started(journey, interference):
    dataplane = FakeDataplane()
    for desired, others in zip(journey, interference, strict=False):
        enforcer = Enforcer(dataplane)
        enforcer.start()
        enforcer.apply(desired)
        assert dataplane.read() == desired == enforcer.installed
        if others is not None:
            dataplane.run(plan(dataplane.read(), others))


@given(journey=st.lists(rulesets(), max_size=5))
def test_the_table_is_listed_once(journey):
    dataplane = WatchedDataplane()
    enforcer = Enforcer(dataplane)
    for desired in (*journey, *journey[-1:]):
        enforcer.apply(desired)

        assert FakeDataplane.read(dataplane) == desired
    assert dataplane.reads == min(len(journey), 1)


def test_nothing_to_do_is_not_done():
    dataplane = WatchedDataplane(ONE)
    enforcer = Enforcer(dataplane)
    enforcer.start()

    assert enforcer.apply(ONE).summary == Summary()
    assert dataplane.runs == 0


def test_a_change_is_summed_up():
    enforcer = Enforcer(FakeDataplane(ONE))

    applied = enforcer.apply(TWO)

    assert (applied.summary.operations, applied.summary.elements_added, applied.drifted) == (1, 1, False)


def test_after_a_refusal_the_real_state_is_what_counts():
    dataplane = WatchedDataplane()
    enforcer = Enforcer(dataplane)
    enforcer.apply(ONE)
    dataplane.run(Transaction((DeleteTable(),)))

    applied = enforcer.apply(TWO)

    assert applied.drifted
    assert dataplane.read() == TWO


def test_a_second_refusal_is_raised_and_leaves_the_old_rules():
    dataplane = WatchedDataplane()
    enforcer = Enforcer(dataplane)
    enforcer.apply(ONE)

    with pytest.raises(TransactionRejectedError, match="No such file or directory"):
        enforcer.apply(BROKEN)

    assert (dataplane.reads, dataplane.runs) == (2, 3)
    assert dataplane.read() == ONE
    assert enforcer.installed is None
    assert enforcer.apply(TWO).summary.elements_added == 1


def test_what_cannot_be_written_is_not_tried():
    dataplane = WatchedDataplane(ONE)
    enforcer = Enforcer(dataplane)

    with pytest.raises(InvalidRulesetError):
        enforcer.apply(Ruleset({"class-1": Chain(((Jump("x; flush ruleset"),),))}))

    assert dataplane.read() == ONE
    enforcer.apply(TWO)
    assert dataplane.read() == TWO


@pytest.mark.parametrize("installed", [Ruleset(), ONE, Ruleset(foreign=frozenset({Foreign("{}")}))], ids=str)
def test_uninstalling_leaves_nothing_and_can_be_repeated(installed):
    dataplane = FakeDataplane(installed)
    enforcer = Enforcer(dataplane)

    for _ in range(2):
        enforcer.uninstall()
        assert dataplane.read() == Ruleset() == enforcer.installed
    enforcer.apply(ONE)
    assert dataplane.read() == ONE
