"""Sets of packets in words."""

from collections.abc import Iterator

from compiler.model import PORT_PROTOCOLS, Protocol
from compiler.packets import ALL_PORTS, EVERY_PACKET, PacketSet

EVERYTHING, NOTHING = "everything", "nothing"
_REST = "icmp"
"""What has no ports goes by the name of the one that people know."""


def packets_text(packets: PacketSet) -> str:
    """Say which packets these are: what is in the set, or what is not where that is shorter."""
    if packets == EVERY_PACKET:
        return EVERYTHING
    inside = list(_pieces(packets))
    outside = list(_pieces(EVERY_PACKET - packets))
    if len(outside) < len(inside):
        return f"{EVERYTHING} but {', '.join(outside)}"
    return ", ".join(inside) or NOTHING


def packets_list(packets: PacketSet) -> list[str]:
    """Return the pieces of a set for programs: ``tcp/80``, ``tcp/8000-8080``, ``udp``, and ``other`` without ports."""
    return [Protocol.OTHER.value if piece == _REST else piece for piece in _pieces(packets)]


def _pieces(packets: PacketSet) -> Iterator[str]:
    for protocol in PORT_PROTOCOLS:
        ports = packets.ports(protocol)
        if ports == ALL_PORTS:
            yield protocol.value
            continue
        for first, last in ports:
            if first == last:
                yield f"{protocol.value}/{first}"
            else:
                yield f"{protocol.value}/{first}-{last}"
    if packets.other:
        yield _REST
