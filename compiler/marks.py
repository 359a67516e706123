"""Which bits of the packet mark are ours, and what we keep in them while a packet is judged."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from compiler.classes import Membership

DEFAULT_MASK = 0xFFFF0000
"""The high half: kube-proxy uses bits 14 and 15."""


class TooManyClassesError(Exception):
    """A node would have to tell more classes apart than the mark has numbers for, so nothing was compiled.

    The way out is a wider mask, or fewer distinct peers in the policies that select the node's pods.
    """

    def __init__(self, classes: int, capacity: int) -> None:
        super().__init__(
            f"{classes} classes of addresses must be told apart, but the mark mask has numbers for {capacity} only: "
            "give the engine more mark bits, or use fewer distinct peers"
        )
        self.classes = classes
        self.capacity = capacity


@dataclass(frozen=True, slots=True)
class MarkLayout:
    """Our bits of the mark: the highest says that ingress is being judged, the others hold the class.

    `mask` is one run of at least two bits. Bits outside are never written. All of ours are zero when a
    packet leaves us.

    Raises:
        ValueError: `mask` is not such a run.

    """

    mask: int = DEFAULT_MASK

    def __post_init__(self) -> None:
        run = self.mask >> self._shift if self.mask > 0 else 0
        if not (self.mask < 1 << 32 and run & (run + 1) == 0 and run.bit_length() >= 2):
            raise ValueError(f"a mark mask is one run of two or more of the 32 bits, not {self.mask:#x}")

    @property
    def _shift(self) -> int:
        return (self.mask & -self.mask).bit_length() - 1

    @property
    def ingress_bit(self) -> int:
        """The bit that is set while ingress is judged."""
        return 1 << (self.mask.bit_length() - 1)

    @property
    def class_mask(self) -> int:
        """The bits that hold the class number."""
        return self.mask ^ self.ingress_bit

    @property
    def capacity(self) -> int:
        """How many classes there can be beside class 0."""
        return self.class_mask >> self._shift

    def mark(self, number: int) -> int:
        """Return the mark bits of a class number."""
        return number << self._shift


def number_classes(
    memberships: Iterable[Membership], digest: Callable[[Membership], int], capacity: int
) -> dict[Membership, int]:
    """Number classes from 1 on; membership 0 is class 0, which is everything else.

    A number comes from the class's `digest`, and that from what is true of the class, as far as these memberships
    tell, so it is the same in every run and on every node that asks the same, and does not move when other classes
    come and go. The exceptions are classes that find their place taken and go to the next free one: few, as long as
    most numbers are free.

    Raises:
        TooManyClassesError: there are more than `capacity` classes.

    """
    classes = sorted((digest(membership), membership) for membership in set(memberships) if membership)
    if len(classes) > capacity:
        raise TooManyClassesError(len(classes), capacity)
    taken: set[int] = set()
    numbers = {0: 0}
    for wish, membership in classes:
        place = wish % capacity
        while place in taken:
            place = (place + 1) % capacity
        taken.add(place)
        numbers[membership] = place + 1
    return numbers
