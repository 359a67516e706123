from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from compiler import intervals
from compiler.addresses import VERSIONS, AddressSet, address_of

numbers = st.integers(0, 40)
ranges = st.lists(st.tuples(numbers, numbers), max_size=6).map(intervals.union)
address_sets = st.builds(AddressSet, ranges, ranges)


def members(addresses: AddressSet) -> set[IPv4Address | IPv6Address]:
    found = ((v, n) for v in VERSIONS for first, last in addresses.ranges(v) for n in range(first, last + 1))
    return {address_of(version, number) for version, number in found}


@given(address_sets)
def test_an_address_is_in_a_set_of_its_own_family_only(addresses):
    everyone = {address_of(version, number) for version in VERSIONS for number in range(43)}

    assert {address for address in everyone if address in addresses} == members(addresses)
    assert "10.0.0.1" not in addresses


@given(address_sets, address_sets)
def test_union_and_difference_are_those_of_sets(left, right):
    assert members(left | right) == members(left) | members(right)
    assert members(left - right) == members(left) - members(right)
    assert bool(left) == bool(members(left))


@given(address_sets)
def test_the_networks_of_a_set_make_it_up_again(addresses):
    networks = list(addresses.networks())

    assert AddressSet.of(*networks) == addresses
    assert AddressSet.of(*map(str, networks)) == addresses
    assert sum(network.num_addresses for network in networks) == len(members(addresses))
