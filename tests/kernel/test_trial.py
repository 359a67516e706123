"""The trial itself: it tells what the kernel does otherwise than meant, minds its own lab only, and leaves nothing."""

import os
import threading
from itertools import product
from pathlib import Path

import pytest

from anp.lab.probes import Outcome
from anp.lab.topology import NodePlace, PodPlace
from anp.lab.trial import Trial
from compiler.addresses import VERSIONS
from compiler.compilation import compile_cluster
from compiler.lower import lower
from compiler.marks import MarkLayout, TooManyClassesError
from compiler.model import PORT_PROTOCOLS, Protocol
from compiler.ruleset import Ruleset
from enforcer.errors import NftUnavailableError
from enforcer.kernel import KernelDataplane
from enforcer.reconcile import Enforcer
from tests.builders import accept, admin, block, cluster, deny, host_pod, node, pod, pods, tcp

pytestmark = pytest.mark.kernel

SHORT = 0.1
WEB = ((Protocol.TCP, 80),)
NODES = (node("n1"), node("n2"))


def two_nodes(*policies):
    return cluster(*policies, pods=("x/a", "x/b", pod("y/a", node="n2")), nodes=NODES)


# y/a is cut off but for x/a; it may say what it likes.
LOCKED = two_nodes(admin("lock", pods("y"), ingress=[accept(pods("x/a")), deny(pods())]))
OPEN = two_nodes()
MANY = two_nodes(admin("many", pods(), egress=[deny(block(f"203.0.113.{n}/32"), tcp(n)) for n in range(1, 4)]))
NARROW = MarkLayout(0b11 << 16)
SERVES = {("x", "b"): WEB, ("y", "a"): WEB}
DENIED = {("x/b", "y/a")}
PAIRS = {("x/a", "x/b"), ("y/a", "x/b"), ("x/a", "y/a"), ("x/b", "y/a")}


def ends(finding):
    return tuple(f"{place.namespace}/{place.name}" for place in (finding.attempt.source, finding.attempt.destination))


def observed(trial):
    """Say which pairs are connected, and see that everything is either that or silent."""
    findings = trial.observe(list(trial.attempts()), SHORT)
    assert {finding.observed.outcome for finding in findings} <= {Outcome.CONNECTED, Outcome.TIMEOUT}
    return {ends(finding) for finding in findings if finding.observed.outcome is Outcome.CONNECTED}


def sabotaged(trial, name, ruleset: Ruleset):
    """Have the kernel of a node hold something else than the trial has put there."""
    with trial.lab.call(NodePlace(name), KernelDataplane) as dataplane:
        Enforcer(dataplane).apply(ruleset)


def test_what_is_meant_is_seen_for_every_pair_in_both_families():
    with Trial(LOCKED, SERVES) as trial:
        trial.enforce()
        findings = trial.observe(list(trial.attempts()), SHORT)

    assert all(finding.agrees for finding in findings)
    assert sorted((*ends(f), f.attempt.flow.destination.version) for f in findings) == sorted(
        (*pair, version) for pair, version in product(PAIRS, VERSIONS)
    )
    assert {ends(f) for f in findings if f.observed.outcome is Outcome.TIMEOUT} == DENIED


def test_a_node_that_lets_through_what_is_denied_is_found_out():
    with Trial(LOCKED, SERVES) as trial:
        trial.enforce()
        sabotaged(trial, "n2", Ruleset())
        findings = trial.observe(list(trial.attempts()), SHORT)
        wrong = [finding for finding in findings if not finding.agrees]

        assert {ends(finding) for finding in wrong} == DENIED
        assert len(wrong) == len(VERSIONS)
        for finding in wrong:
            assert finding.observed.outcome is Outcome.CONNECTED
            assert str(finding.meant.ingress.origin) == "ClusterNetworkPolicy lock ingress[1]"
            assert trial.whereabouts(finding.attempt.flow).startswith("dropped on n2 by rule-")


def test_a_node_that_drops_what_is_accepted_is_found_out():
    with Trial(LOCKED, SERVES) as trial:
        trial.enforce()
        sabotaged(trial, "n1", lower(compile_cluster(two_nodes(admin("all", pods("x"), egress=[deny(pods())]))), "n1"))
        wrong = [f for f in trial.observe(list(trial.attempts()), SHORT) if not f.agrees]

        assert {ends(finding) for finding in wrong} == {("x/a", "x/b"), ("x/a", "y/a")}
        for finding in wrong:
            assert finding.observed.outcome is Outcome.TIMEOUT
            assert trial.whereabouts(finding.attempt.flow) == "let through everywhere"


def test_a_port_that_nobody_serves_after_all_is_no_denial():
    with Trial(LOCKED, SERVES) as trial:
        trial.enforce()
        (attempt, *_) = (a for a in trial.attempts() if a.destination == PodPlace("y", "a") and a.source.name == "b")
        sabotaged(trial, "n2", Ruleset())
        trial.lab.remove_pod(attempt.destination)
        (finding,) = trial.observe([attempt], SHORT)

    assert finding.observed.outcome is Outcome.UNREACHABLE
    assert not finding.agrees


def test_another_snapshot_replaces_what_was_enforced_and_an_empty_one_takes_it_away():
    with Trial(OPEN, SERVES) as trial:
        trial.enforce()
        assert observed(trial) == PAIRS

        trial.enforce(LOCKED)
        assert observed(trial) == PAIRS - DENIED

        trial.enforce(OPEN)
        assert observed(trial) == PAIRS
        for name in ("n1", "n2"):
            with trial.lab.call(NodePlace(name), KernelDataplane) as dataplane:
                assert dataplane.read().empty


def test_what_cannot_be_compiled_leaves_every_node_as_it_was():
    with Trial(LOCKED, SERVES) as trial:
        trial.enforce()
        with pytest.raises(TooManyClassesError):
            trial.enforce(MANY, NARROW)

        assert trial.snapshot == LOCKED
        assert observed(trial) == PAIRS - DENIED


def test_pods_that_share_an_address_or_serve_nothing_are_not_tried():
    shared = cluster(pods=("x/a", host_pod("x/h", NODES[0]), host_pod("x/i", NODES[0])), nodes=NODES[:1])
    every = tuple((protocol, 80) for protocol in PORT_PROTOCOLS)
    attempts = list(Trial(shared, {("x", "h"): every}).attempts())

    assert {(attempt.source.name, attempt.destination.name) for attempt in attempts} == {("a", "h")}
    assert len(attempts) == len(VERSIONS) * len(every)


def test_progress_is_told_in_words():
    told = []
    with Trial(LOCKED, SERVES) as trial:
        trial.enforce()
        trial.observe(list(trial.attempts()), SHORT, told.append)

    assert told == ["6 connections that should get through", "2 connections that should be dropped"]


def test_two_trials_at_once_do_not_meet():
    with Trial(LOCKED, SERVES) as locked, Trial(OPEN, SERVES) as open_:
        locked.enforce()
        open_.enforce()

        assert observed(locked) == PAIRS - DENIED
        assert observed(open_) == PAIRS


# What is left.


def held():
    """List what this process has open, and its threads."""
    descriptors = (descriptor for descriptor in Path("/proc/self/fd").iterdir() if descriptor.exists())
    return sorted(map(os.readlink, descriptors)), sorted(thread.name for thread in threading.enumerate())


@pytest.fixture
def before():
    """List it when everything that is made but once has been made."""
    with Trial(LOCKED, SERVES) as trial:
        trial.enforce()
        observed(trial)
    return held()


def test_closing_leaves_nothing(before):
    with Trial(LOCKED, SERVES) as trial:
        trial.enforce()
        observed(trial)
        assert held() != before

    assert held() == before


def test_a_trial_that_fails_leaves_nothing(before):
    with pytest.raises(TooManyClassesError), Trial(LOCKED, SERVES) as trial:
        trial.enforce(MANY, NARROW)

    assert held() == before


def test_a_kernel_without_nftables_leaves_nothing(before, monkeypatch):
    monkeypatch.setattr("enforcer.kernel.nftables", None)
    with pytest.raises(NftUnavailableError), Trial(LOCKED, SERVES):
        pass

    assert held() == before
