"""Segments for a draft: the networks behind the firewall's interfaces, or those that its workloads are in."""

from anp.firewall.inventory.asked import size
from anp.firewall.inventory.drafting import DraftSegment, unique
from anp.firewall.model import NO_ADDRESS, Firewall, common
from compiler.addresses import AddressSet, Network

_PREFIX = {4: 24, 6: 64}
"""The network around an address where nothing is known of its size."""


class Segments:
    """The segments of a draft, as its entities come in; entities that share a network share a segment."""

    def __init__(self, firewall: Firewall) -> None:
        self._known: dict[str, AddressSet] = {}
        self._interfaces: dict[str, tuple[str, ...]] = {}
        self.outside: tuple[str, ...] = ()
        taken = NO_ADDRESS
        by_size = sorted(firewall.interfaces.items(), key=lambda item: (size(item[1]), item[0]))
        for interface, addresses in by_size:
            if not interface.strip() or not interface.isprintable() or interface != interface.strip():
                continue
            own = addresses - taken
            if not own or any(range_ == (0, (1 << 32) - 1) for range_ in addresses.v4):
                self.outside += (interface,)
                continue
            taken |= own
            self._known[interface] = own
            self._interfaces[interface] = (interface,)
        self._given = bool(self._known)

    def home(self, addresses: AddressSet, name: str) -> tuple[str, AddressSet, AddressSet]:
        """Return an entity's segment, empty where its addresses tell, its addresses in that, and the rest of them."""
        if not self._given:
            self._surround(addresses, name)
            return "", addresses, NO_ADDRESS
        shares = {segment: common(addresses, where) for segment, where in self._known.items()}
        nowhere = addresses
        for share in shares.values():
            nowhere -= share
        shares[""] = nowhere
        best = max(shares, key=lambda segment: (size(shares[segment]), segment))
        return best, shares[best], addresses - shares[best]

    def _surround(self, addresses: AddressSet, name: str) -> None:
        """Make the networks around some addresses one segment, with all others that share one of those."""
        around = AddressSet.of(*map(_widened, addresses.networks()))
        met = [segment for segment, where in self._known.items() if common(where, around)]
        segment = met[0] if met else unique(name, self._known)
        for other in met[1:]:
            around |= self._known.pop(other)
        self._known[segment] = self._known.get(segment, NO_ADDRESS) | around

    def found(self) -> tuple[DraftSegment, ...]:
        """Return the segments, in the order in which they were found."""
        reason = "" if self._given else "the networks around; check their size"
        return tuple(
            DraftSegment(name, addresses, self._interfaces.get(name, ()), reason)
            for name, addresses in self._known.items()
        )


def _widened(network: Network) -> Network:
    prefix = min(network.prefixlen, _PREFIX[network.version])
    return network.supernet(new_prefix=prefix)
