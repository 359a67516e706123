"""Which addresses a firewall's rules ask about, and who has some of them."""

import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator

from anp.firewall.model import EVERY_ADDRESS, Firewall
from compiler.addresses import BITS, VERSIONS, AddressSet, IpVersion

_LARGE = {4: 16, 6: 96}
"""Sets with more than two to this power of addresses are a network rather than somebody's."""


def ends(firewall: Firewall) -> Iterator[AddressSet]:
    """Yield the sets at the ends of rules, without those of a family that are all of it."""
    seen = {EVERY_ADDRESS}
    whole = {((0, (1 << BITS[version]) - 1),) for version in VERSIONS}
    for rule_list in firewall.lists:
        for rule in rule_list.rules:
            for addresses in (rule.sources, rule.destinations):
                if addresses not in seen:
                    seen.add(addresses)
                    yield AddressSet(*(() if addresses.ranges(v) in whole else addresses.ranges(v) for v in VERSIONS))


def named_sets(firewall: Firewall) -> list[tuple[AddressSet, tuple[str, ...]]]:
    """Return the sets that could be somebody's, the smallest first, each with its names."""
    names: dict[AddressSet, dict[str, None]] = defaultdict(dict)
    for addresses in ends(firewall):
        names[addresses] = {}
    for name, addresses in sorted(firewall.groups.items()):
        names[addresses][name] = None
    small = (addresses for addresses in names if addresses and not _is_large(addresses))
    return [(addresses, tuple(names[addresses])) for addresses in sorted(small, key=lambda a: (size(a), a.v4, a.v6))]


def _is_large(addresses: AddressSet) -> bool:
    return any(
        sum(last - first + 1 for first, last in addresses.ranges(version)) > 1 << _LARGE[version]
        for version in VERSIONS
    )


def size(addresses: AddressSet) -> int:
    """Return how many addresses a set has."""
    return sum(last - first + 1 for version in VERSIONS for first, last in addresses.ranges(version))


class Homes:
    """Finds who has addresses in a set, by where they are in the order of all."""

    def __init__(self, owned: Iterable[tuple[int, AddressSet]]) -> None:
        self._numbers: dict[IpVersion, list[int]] = {}
        self._owners: dict[IpVersion, list[int]] = {}
        everyone = list(owned)
        for version in VERSIONS:
            # A workload's ranges are pods next to each other, so there are no more numbers than addresses of pods.
            pairs = sorted(
                (number, owner)
                for owner, addresses in everyone
                for first, last in addresses.ranges(version)
                for number in range(first, last + 1)
            )
            self._numbers[version] = [number for number, _owner in pairs]
            self._owners[version] = [owner for _number, owner in pairs]

    def inside(self, addresses: AddressSet) -> set[int]:
        """Return the owners of addresses in a set."""
        return {
            owner
            for version in VERSIONS
            for first, last in addresses.ranges(version)
            for owner in self._owners[version][
                bisect.bisect_left(self._numbers[version], first) : bisect.bisect_right(self._numbers[version], last)
            ]
        }
