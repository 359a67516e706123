from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from compiler import intervals
from compiler.model import PortRange, Protocol
from compiler.packets import EVERY_PACKET, NO_PACKET, PacketSet

raw_ranges = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6)
packet_sets = st.builds(
    lambda ports, other: PacketSet(
        *(intervals.union(ranges) for ranges in ports),
        other=other,
    ),
    st.tuples(raw_ranges, raw_ranges, raw_ranges),
    st.booleans(),
)


def members(ranges):
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(raw_ranges)
def test_a_union_is_canonical_and_holds_the_same_numbers(raw):
    ranges = intervals.union(raw)

    assert members(ranges) == members(raw)
    assert all(first <= last for first, last in ranges)
    assert all(left[1] + 1 < right[0] for left, right in pairwise(ranges))


@given(raw_ranges, raw_ranges)
def test_intersection_and_difference_are_those_of_sets(left, right):
    left, right = intervals.union(left), intervals.union(right)

    assert intervals.intersection(left, right) == intervals.union((n, n) for n in members(left) & members(right))
    assert intervals.difference(left, right) == intervals.union((n, n) for n in members(left) - members(right))


@given(packet_sets, packet_sets)
def test_packet_sets_obey_the_laws_of_sets(left, right):
    assert (left - right) | (left & right) == left
    assert not (left - right) & right
    assert bool(left) == (left != NO_PACKET)
    assert (left | right) - right == left - right


def test_every_packet_includes_what_no_rule_can_name():
    named = PacketSet.of([PortRange(protocol) for protocol in (Protocol.TCP, Protocol.UDP, Protocol.SCTP)])

    assert list(EVERY_PACKET - named) == [(Protocol.OTHER, (0, 0))]


def test_an_inverted_range_holds_no_port():
    assert PacketSet.of([PortRange(Protocol.TCP, 90, 80)]) == NO_PACKET
