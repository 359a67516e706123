import pytest

from compiler.addresses import AddressSet
from compiler.classes import Universe
from compiler.marks import MarkLayout, TooManyClassesError, number_classes
from compiler.model import Action, AddressBlock, PodSelection, Policy, PolicyKind, Rule, Snapshot, Tier


def universe(*networks: str) -> Universe:
    """A universe with one block for each network, bit i for the i-th."""
    peers = tuple(AddressBlock(AddressSet.of(network)) for network in networks)
    policy = Policy(
        PolicyKind.CLUSTER_NETWORK_POLICY,
        "blocks",
        Tier.ADMIN,
        PodSelection(),
        egress=(Rule(0, Action.DENY, peers),),
    )
    return Universe(Snapshot.of(policies=[policy]))


@pytest.mark.parametrize("mask", [0, 1, 0b101, -2, 1 << 32, 0xFFFF0000 << 4])
def test_a_mask_that_is_not_one_run_of_two_or_more_bits_is_refused(mask):
    with pytest.raises(ValueError, match="mark mask"):
        MarkLayout(mask)


@pytest.mark.parametrize(("mask", "capacity"), [(0xFFFF0000, 32767), (0b110, 1), (0xFFFFFFFF, 2**31 - 1)])
def test_a_mask_has_room_for_its_bits_but_one(mask, capacity):
    layout = MarkLayout(mask)

    assert layout.capacity == capacity
    assert layout.mark(capacity) == layout.class_mask
    assert layout.class_mask | layout.ingress_bit == mask
    assert layout.class_mask & layout.ingress_bit == 0


def test_numbers_depend_on_what_a_class_is_and_not_on_its_company():
    alone = number_classes([1], universe("10.0.0.0/8").digest, 32767)
    together = number_classes([1, 2, 4], universe("192.0.2.0/24", "10.0.0.0/8", "2001:db8::/32").digest, 32767)

    assert alone[1] == together[2]
    assert len(set(together.values())) == 4
    assert together[0] == 0


def test_classes_that_want_one_number_all_get_one():
    networks = [f"10.{n}.0.0/16" for n in range(7)]
    numbers = number_classes([1 << n for n in range(7)], universe(*networks).digest, 7)

    assert sorted(numbers.values()) == list(range(8))


def test_too_many_classes_are_refused_with_the_way_out():
    with pytest.raises(TooManyClassesError, match=r"3 classes .* 2 only: give the engine more mark bits"):
        number_classes([1, 2, 4], universe("10.0.0.0/8", "11.0.0.0/8", "12.0.0.0/8").digest, 2)
