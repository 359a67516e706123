"""How probes and tests are counted."""

from hypothesis import given
from hypothesis import strategies as st

from anp.conformance.outcomes import Outcome, Tally, tallies
from tests.unit.conformance.making import case, outcome, outcomes, probe, runs, scenario

BOTH = case(scenario(steps=[("a", [probe(), probe(allowed=False)]), ("b", [probe(families=(6,))])]))


def test_both_families_of_a_probe_count_as_one():
    found = outcome(BOTH)

    assert (found.probes_passed, found.probes) == (3, 3)
    assert found.passed
    assert not found.failed


def test_one_family_is_enough_to_fail():
    found = outcome(BOTH, lambda number, family: (number, family) != (1, 6))

    assert (found.probes_passed, found.probes) == (2, 3)
    assert found.failed


def test_what_was_not_asked_has_not_passed():
    found = outcome(BOTH, lambda number, family: None if (number, family) == (0, 4) else True)

    assert (found.probes_passed, found.probes) == (2, 3)
    assert found.failed


def test_probes_of_a_family_that_is_not_run_are_not_counted():
    assert outcome(case(BOTH.scenario, families=(4,))).probes == 2


def test_a_broken_test_fails_even_if_every_probe_passed():
    assert outcome(BOTH, broken="no such pod").failed


def test_a_skipped_test_neither_passes_nor_fails():
    found = Outcome(case(BOTH.scenario, skipped="no lab"))

    assert not found.passed
    assert not found.failed
    assert str(Tally.of("suite", [found])) == "suite 0/0"


def test_upstreams_cluster_suites_count_probes_and_others_tests():
    found = [outcome(case(BOTH.scenario, suite=name)) for name in ("cluster-network-policy", "mine", "mine")]

    assert list(map(str, tallies(found))) == ["cluster-network-policy 3/3", "mine 2/2"]


@given(outcomes())
def test_a_test_passes_or_fails_and_passes_if_its_probes_do(found):
    assert found.passed is not found.failed
    assert 0 <= found.probes_passed <= found.probes
    if found.passed:
        assert found.probes_passed == found.probes
        assert not found.result.failures


@given(runs(), st.randoms())
def test_tallies_add_up_in_any_order(run, random):
    _suites, found = run
    shuffled = list(found)
    random.shuffle(shuffled)
    whole = Tally.of("", found)

    counted = tallies(shuffled)

    assert sum(tally.probes for tally in counted) == whole.probes
    assert sum(tally.probes_passed for tally in counted) == whole.probes_passed
    assert sum(tally.tests + tally.tests_skipped for tally in counted) == len(found)
    assert whole.tests - whole.tests_passed == sum(one.failed for one in found)
