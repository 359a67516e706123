"""Examples for a cell of the report on who can talk to whom: a packet that gets through, one that does not, and why.

Between the members of two groups there may be millions of pairs. Those that no policy tells apart fare alike, so a few
of each kind stand for all of them.
"""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import islice
from typing import Any, TypeAlias

from anp.analysis.reach import NODES, OUTSIDE, Cell, Group
from compiler.addresses import BITS, VERSIONS, Address, IpVersion, address_of
from compiler.compilation import Compilation
from compiler.decision import Exemption
from compiler.diagram.traffic import example
from compiler.model import DefaultOrigin, Direction, Flow, Node, Origin, Pod, Protocol
from compiler.packets import EVERY_PACKET, PacketSet

_SOMEBODY = (ip_address("203.0.113.1"), ip_address("2001:db8::1"))
"""Who is not in the cluster: addresses that are nobody's by definition (RFC 5737, RFC 3849)."""
_ALIKE = 2
"""How many pods of a kind are looked at: one may meet another of its kind, but not itself."""
_TRIED = 256
"""How many members of a group are looked at, at most."""

Locate: TypeAlias = Callable[[Origin], str]
"""Says where what decides was written, for people; an empty text where that is not known."""

_Kind: TypeAlias = tuple[object, ...]
"""All that policies can tell about a member; equal for those that fare alike."""


@dataclass(frozen=True, slots=True)
class _Member:
    """An address of a group with the name of who has it: a governed pod, a node, or nobody that we know."""

    name: str
    address: Address
    kind: _Kind
    pod: Pod | None = None
    node: str = ""


@dataclass(frozen=True, slots=True)
class _End:
    """What becomes of a packet at one end, who says so, and where that is written if it is known."""

    accepted: bool
    by: str
    at: str = ""

    def json(self) -> dict[str, Any]:
        return {"accepted": self.accepted, "by": self.by, **({"at": self.at} if self.at else {})}


_NOT_JUDGED = {exemption: _End(accepted=True, by=f"not judged: {exemption.value}") for exemption in Exemption}


def _command(sender: _Member, receiver: _Member, protocol: Protocol, port: int) -> str:
    """Say how to ask for all that there is to say, ready for a shell."""
    source, destination = (end.name if end.pod else str(end.address) for end in (sender, receiver))
    asked = (
        ["--protocol", "icmp"] if protocol is Protocol.OTHER else ["--protocol", protocol.value, "--port", str(port)]
    )
    if protocol is Protocol.TCP:
        asked = asked[2:]
    return shlex.join(["anp", "explain", "--from", source, "--to", destination, *asked])


class Examples:
    """Finds examples in one cluster, for what is `asked` about."""

    def __init__(
        self, compilation: Compilation, asked: PacketSet = EVERY_PACKET, locate: Locate = lambda _origin: ""
    ) -> None:
        self._compilation = compilation
        self._asked = asked
        self._locate = locate
        self._pods = {str(pod): pod for pod in compilation.snapshot.pods if pod.governed}
        things: tuple[Pod | Node, ...] = (*self._pods.values(), *compilation.snapshot.nodes)
        self._taken = {address for thing in things for address in thing.addresses}
        self._members: dict[tuple[Group, IpVersion, bool], tuple[_Member, ...]] = {}
        self._ends: dict[tuple[_Kind, _Kind, Direction, Protocol, int], _End] = {}

    def of(self, source: Group, destination: Group, cell: Cell) -> Iterator[dict[str, Any]]:
        """Yield a packet that gets through between two groups and one that does not, with what decides at both ends.

        Where there is such a packet there is such an example, unless a group has more kinds of members than anyone
        would write policies for.
        """
        for accepted, packets in ((True, cell.any_pair & self._asked), (False, self._asked - cell.every_pair)):
            if packets:
                yield from self._example(source, destination, *example(packets), accepted=accepted)

    def _example(
        self, source: Group, destination: Group, protocol: Protocol, port: int, *, accepted: bool
    ) -> Iterator[dict[str, Any]]:
        for sender, receiver in self._pairs(source, destination):
            egress = self._end(sender, receiver, Direction.EGRESS, protocol, port)
            ingress = self._end(receiver, sender, Direction.INGRESS, protocol, port)
            if (egress.accepted and ingress.accepted) is accepted:
                yield {
                    "from": sender.name,
                    "to": receiver.name,
                    "flow": str(Flow(sender.address, receiver.address, protocol, port)),
                    "accepted": accepted,
                    "egress": egress.json(),
                    "ingress": ingress.json(),
                    "command": _command(sender, receiver, protocol, port),
                }
                return

    def _pairs(self, source: Group, destination: Group) -> Iterator[tuple[_Member, _Member]]:
        # Which node a pod is on matters to traffic from nodes only.
        homes = source.name == NODES
        for version in VERSIONS:
            receivers = self._of(destination, version, homes=homes)
            for sender in self._of(source, version, homes=homes):
                for receiver in receivers:
                    if sender.pod is None or sender.pod is not receiver.pod:
                        yield sender, receiver

    def _end(self, judged: _Member, peer: _Member, direction: Direction, protocol: Protocol, port: int) -> _End:
        pod = judged.pod
        if pod is None:
            return _NOT_JUDGED[Exemption.NO_GOVERNED_POD]
        if direction is Direction.INGRESS and peer.node and peer.node == pod.node:
            return _NOT_JUDGED[Exemption.OWN_NODE]
        key = (judged.kind, peer.kind, direction, protocol, port)
        known = self._ends.get(key)
        if known is None:
            ends = (judged, peer) if direction is Direction.EGRESS else (peer, judged)
            flow = Flow(ends[0].address, ends[1].address, protocol, port)
            outcome = self._compilation.outcome(pod, direction, flow)
            accepted, origin = (outcome.accept, outcome.origin) if outcome else (True, DefaultOrigin(direction))
            known = self._ends[key] = _End(accepted, str(origin), self._locate(origin))
        return known

    # Members.

    def _of(self, group: Group, version: IpVersion, *, homes: bool) -> tuple[_Member, ...]:
        """Return members of a group that stand for all of them, in one family."""
        known = self._members.get((group, version, homes))
        if known is None:
            found: dict[_Kind, list[_Member]] = {}
            for member in self._all(group):
                if member.address.version == version:
                    home = (member.kind, member.pod.node if member.pod and homes else member.node)
                    alike = found.setdefault(home, [])
                    if len(alike) < _ALIKE and all(other.pod is not member.pod for other in alike):
                        alike.append(member)
            chosen = tuple(member for alike in found.values() for member in alike)[:_TRIED]
            known = self._members[group, version, homes] = chosen
        return known

    def _all(self, group: Group) -> Iterator[_Member]:
        if group.pods:
            for pod in map(self._pods.__getitem__, group.pods):
                groups = tuple(self._compilation.groups(pod).values())
                for address in pod.addresses:
                    yield _Member(str(pod), address, (groups, self._compilation.universe.of(address)), pod)
        elif group.name == NODES:
            for node in self._compilation.snapshot.nodes:
                for address in node.addresses:
                    kind = (self._compilation.universe.of(address),)
                    yield _Member(f"node {node.name}", address, kind, node=node.name)
        elif group.name == OUTSIDE:
            for address in self._outside():
                yield _Member(OUTSIDE, address, (self._compilation.universe.of(address),))

    def _outside(self) -> Iterator[Address]:
        """Yield an address that nobody names, and one of whatever policies tell from what is around it."""
        for somebody in _SOMEBODY:
            version, end = somebody.version, (1 << BITS[somebody.version]) - 1
            yield from self._free(version, int(somebody), end)
            for segment in self._compilation.universe.segments[version]:
                first, last = segment.addresses
                yield from self._free(version, first, last)
                yield from self._free(version, last + 1, end)
            for number in self._compilation.universe.hosts[version]:
                yield from self._free(version, number, number)
            yield from self._free(version, 0, end)

    def _free(self, version: IpVersion, first: int, last: int) -> Iterator[Address]:
        """Yield the first address of a range that is nobody's."""
        numbers = (address_of(version, number) for number in range(first, last + 1))
        yield from islice((address for address in numbers if address not in self._taken), 1)
