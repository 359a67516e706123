"""An atlas takes sets of addresses apart as one would by looking at every address."""

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from anp.firewall.inventory.atlas import Atlas
from anp.firewall.inventory.model import Entity, Inventory
from anp.firewall.model import EVERY_ADDRESS, NO_ADDRESS
from compiler import intervals
from compiler.addresses import AddressSet
from compiler.model import PodSelection

UNIVERSE = range(40)
"""Address numbers that are looked at one by one, in both families."""


@st.composite
def address_sets(draw):
    numbers = [draw(st.sets(st.integers(0, 39))) for _ in (4, 6)]
    return AddressSet(*(intervals.union((number, number) for number in each) for each in numbers))


def members(addresses):
    return {
        (version, number)
        for version in (4, 6)
        for number in UNIVERSE
        if intervals.contains(addresses.ranges(version), number)
    }


def inventory_of(*sets):
    taken = NO_ADDRESS
    entities = []
    for number, addresses in enumerate(sets):
        entities.append(Entity(f"e{number}", addresses - taken, PodSelection(), {}))
        taken |= addresses
    return Inventory("map.yaml", "", tuple(entities))


@given(
    st.lists(address_sets(), max_size=5),
    address_sets(),
    st.sampled_from((frozenset({4, 6}), frozenset({4}), frozenset({6}))),
)
def test_a_set_is_taken_apart(sets, asked, versions):
    inventory = inventory_of(*sets)
    entities, outside, cut = Atlas(inventory, versions).split(asked)
    wanted = members(asked)
    whole, some = [], []
    for entity in inventory.entities:
        own = {member for member in members(entity.addresses) if member[0] in versions}
        if own and own <= wanted:
            whole.append(entity)
        elif own & wanted:
            some.append((entity, members(entity.addresses) & wanted))
    assert list(entities) == whole
    assert [(entity, members(part)) for entity, part in cut] == some
    assert members(outside) == wanted - members(inventory.mapped)


@given(st.lists(address_sets(), max_size=5), st.sampled_from((4, 6)), st.integers(0, 39))
def test_an_address_has_one_owner(sets, version, number):
    inventory = inventory_of(*sets)
    address = ip_address("0.0.0.0" if version == 4 else "::") + number
    found = Atlas(inventory).entity_at(address)
    assert found == next((entity for entity in inventory.entities if address in entity.addresses), None)


def test_everything_is_every_entity_and_the_rest():
    inventory = inventory_of(AddressSet.of("10.0.0.0/24"), AddressSet.of("10.0.0.0/16", "fd00::/64"))
    entities, outside, cut = Atlas(inventory).split(EVERY_ADDRESS)
    assert (entities, outside, cut) == (inventory.entities, EVERY_ADDRESS - inventory.mapped, ())


def test_the_same_set_is_taken_apart_once():
    atlas = Atlas(inventory_of(AddressSet.of("10.0.0.0/24")))
    asked = AddressSet.of("10.0.0.0/25")
    assert atlas.split(asked) is atlas.split(AddressSet.of("10.0.0.0/26", "10.0.0.64/26"))
