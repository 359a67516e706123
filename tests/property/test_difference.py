"""What `anp diff` tells, against the meaning: nothing is left out, nothing is made up, and examples are true."""

import dataclasses

from hypothesis import event, given, note
from hypothesis import strategies as st

from anp.analysis.difference import Cause, Kinship, compare
from anp.analysis.parties import Roster
from compiler import intervals
from compiler.addresses import VERSIONS, AddressSet
from compiler.diagram.turns import Way
from compiler.semantics import decide
from tests.property.holding import holds
from tests.property.test_diagrams import one_pod, revisions
from tests.strategies import BLOCKS, Endpoints, snapshots


def owner(snapshot, address):
    pod = next((str(pod) for pod in snapshot.pods if pod.governed and address in pod.addresses), "")
    return pod, {node.name for node in snapshot.nodes if address in node.addresses}


def stays(old, new, flow):
    return all(owner(old, address) == owner(new, address) for address in (flow.source, flow.destination))


def told(comparison, cause, snapshot, flow):
    """The ways in which a flow changes, going by the names that are told."""
    itself = one_pod(snapshot, flow)
    return {
        change.way
        for change in comparison.changes
        if change.cause is cause
        and flow.source.version in change.families
        and any(holds(party, flow.source, snapshot) for party in change.sources)
        and any(holds(party, flow.destination, snapshot) for party in change.destinations)
        and intervals.contains(change.packets.ports(flow.protocol), flow.port)
        and (not itself or flow.hairpin or change.kinship is Kinship.OWN_ADDRESSES)
    }


def turned(before, after, flow):
    was, is_ = decide(before, flow).accepted, decide(after, flow).accepted
    return set() if was == is_ else {Way.OPENED if is_ else Way.SHUT}


@given(revisions())
def test_changes_are_exactly_what_policies_and_objects_change(case):
    old, new, drawn = case
    between = dataclasses.replace(new, policies=old.policies)
    found = compare(old, new)
    event(f"changes: {min(len(found.changes), 3)}, moves: {bool(found.movements)}, strangers: {found.strangers}")
    for flow in drawn:
        note(str(flow))
        if found.same:
            assert decide(old, flow).accepted == decide(new, flow).accepted
        if one_pod(new, flow) and not flow.hairpin:
            continue
        assert told(found, Cause.POLICIES, new, flow) == turned(between, new, flow)
        if stays(old, new, flow):
            assert told(found, Cause.OBJECTS, new, flow) == turned(old, between, flow)
        else:
            assert not told(found, Cause.OBJECTS, new, flow)
            assert found.strangers or not turned(old, between, flow)


@given(revisions())
def test_examples_change_as_it_is_told_and_by_whom_it_is_told(case):
    old, new, _drawn = case
    between = dataclasses.replace(new, policies=old.policies)
    for change in compare(old, new).changes:
        before, after = (between, new) if change.cause is Cause.POLICIES else (old, between)
        assert change.witnesses
        for flow in change.witnesses:
            note(f"{flow}: {change}")
            assert {change.way} == turned(before, after, flow)
            assert change.way in told_of(change, new, flow)
            was, is_ = decide(before, flow), decide(after, flow)
            for turn in change.turns:
                ends = [getattr(decision, turn.direction.value) for decision in (was, is_)]
                assert [end.origin for end in ends] == [turn.before.origin, turn.after.origin]


def told_of(change, snapshot, flow):
    ends = ((change.sources, flow.source), (change.destinations, flow.destination))
    return {change.way} if all(any(holds(p, end, snapshot) for p in parties) for parties, end in ends) else set()


@given(revisions())
def test_policies_only_is_the_part_that_policies_change(case):
    old, new, _drawn = case
    only = compare(old, new, policies_only=True)

    assert only.changes == tuple(change for change in compare(old, new).changes if change.cause is Cause.POLICIES)
    assert not only.movements
    assert compare(new, new).same


@given(snapshots(), st.data())
def test_parties_are_exactly_those_who_have_the_addresses(snapshot, data):
    roster = Roster(snapshot)
    for version in VERSIONS:
        ends = Endpoints.of(snapshot, version).all
        drawn = AddressSet.of(*data.draw(st.sets(st.sampled_from(ends)) if ends else st.just(())))
        drawn |= data.draw(st.sampled_from((AddressSet(), *(block.addresses for block in BLOCKS))))
        chosen = AddressSet(v4=drawn.v4) if version == 4 else AddressSet(v6=drawn.v6)
        parties = roster.parties(chosen)
        note(f"{chosen}: {parties}")
        assert len(set(parties)) == len(parties)
        for address in ends:
            assert (address in chosen) == any(holds(party, address, snapshot) for party in parties), address
