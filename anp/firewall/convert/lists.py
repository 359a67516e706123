"""What the policies of one entity have to say: first-match lists over its peers, for each direction.

Who a peer is decides where it can stand. Networks in a policy match pods too (semantics.md 2.8), so everything about
pods comes before them, and ends with a rule about all pods. A rule about any address names all pods, mapped or not; an
entity for which its ports are others, because a Service translates them, must have been decided about before that.
Outside sources have a list of their own, for only a NetworkPolicy can name them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from anp.firewall.convert.closing import Line
from anp.firewall.convert.liveness import Decided
from anp.firewall.convert.packets import ANY, TRANSPORTS, ContainerPorts
from anp.firewall.convert.parties import Parties, numbers
from anp.firewall.model import NO_ADDRESS, Action, common
from compiler.addresses import AddressSet
from compiler.packets import PacketSet

INTRA_SEGMENT = "intra-segment-not-firewalled"
NOT_FIREWALLED = "not-firewalled"
NOT_MAPPED = "pods-that-are-not-mapped"
WITHOUT_PORTS = "every-protocol-without-ports"


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule of a list: packets to or from pods (a bit set), or networks, never both.

    `statements` are those that it comes from; without any, `name` says what it is for. `peers` are written as they are,
    beside everything else.
    """

    action: Action | None
    """None passes to the next tier."""
    packets: PacketSet
    pods: int = 0
    networks: AddressSet = NO_ADDRESS
    statements: tuple[int, ...] = ()
    name: str = ""
    peers: tuple[Any, ...] = field(default=(), hash=False)


@dataclass(frozen=True, slots=True)
class Lists:
    """What is to be said about one entity; every list is first match, and what none of it matches is accepted.

    `apart` are entities that must be decided about first, on egress; then come the other pods, then networks.
    """

    entity: int
    ingress: tuple[Entry, ...]
    outside: tuple[Entry, ...]
    egress_apart: tuple[Entry, ...]
    egress: tuple[Entry, ...]
    egress_networks: tuple[Entry, ...]


class Lister:
    """Makes the lists of every entity from lines over addresses."""

    def __init__(self, lines: Sequence[Line], parties: Parties, ports: ContainerPorts) -> None:
        self._parties = parties
        self._ports = ports
        self._sides = [(parties.side(line.sources), parties.side(line.destinations)) for line in lines]
        self._lines = lines
        self._sent: list[list[int]] = [[] for _entity in parties.entities]
        self._received: list[list[int]] = [[] for _entity in parties.entities]
        for number, (source, destination) in enumerate(self._sides):
            for entity in numbers(source.entities):
                self._sent[entity].append(number)
            for entity in numbers(destination.entities):
                self._received[entity].append(number)
        self._moved = sum(1 << n for n, entity in enumerate(parties.entities) if ports.moved(entity.name))

    def lists(self, entity: int) -> Lists:
        """Return what the policies of one entity have to say."""
        parties = self._parties
        pods, outside = _List(parties.every_pod), _List(parties.every_pod)
        pods.begin(parties.companions(entity), NO_ADDRESS)
        outside.begin(0, parties.neighbours(entity))
        name = parties.entities[entity].name
        for number in self._received[entity]:
            line, (source, destination) = self._lines[number], self._sides[number]
            packets = self._ports.arriving(name, line.packets)
            pods.add(line, packets, pods=parties.pods(entity, source, line.action))
            outside.add(line, packets, networks=parties.networks(entity, destination, source))
        # Where a NetworkPolicy denies outside sources, it would deny pods that nothing is said about before.
        self._finish(pods, entity, parties.every_pod, denies=outside.denies)
        outside.end(NOT_FIREWALLED, networks=parties.everything())
        return Lists(entity, pods.live(), outside.live(), *self._egress(entity))

    def _egress(self, entity: int) -> tuple[tuple[Entry, ...], tuple[Entry, ...], tuple[Entry, ...]]:
        parties = self._parties
        companions = parties.companions(entity)
        special = self._special(entity) & ~companions
        apart, pods, networks = (_List(parties.every_pod) for _list in range(3))
        pods.begin(companions, NO_ADDRESS)
        networks.begin(0, parties.neighbours(entity))
        for number in self._sent[entity]:
            line, (source, destination) = self._lines[number], self._sides[number]
            meant = parties.pods(entity, destination, line.action)
            anybody = meant & parties.other
            for packets, some in self._by_packets(line, meant & (special if anybody else parties.every_entity)):
                apart.add(line, packets, pods=some & special)
                pods.add(line, packets, pods=some & ~special)
            pods.add(line, line.packets, pods=meant if anybody else 0)
            networks.add(line, line.packets, networks=parties.networks(entity, source, destination))
        denies = apart.denies or pods.denies or networks.denies
        self._finish(apart, entity, special, denies=denies)
        self._finish(pods, entity, parties.every_pod & ~special, denies=denies)
        networks.end("", networks=parties.everything())
        return apart.live(), pods.live(), networks.live()

    def _special(self, entity: int) -> int:
        """Return the entities to which some rule about any address means other ports than to all other pods."""
        parties, found = self._parties, 0
        for number in self._sent[entity]:
            line, (_source, destination) = self._lines[number], self._sides[number]
            if not line.packets.other and parties.pods(entity, destination, line.action) & parties.other:
                for moved in numbers(self._moved & ~found):
                    if self._ports.arriving(parties.entities[moved].name, line.packets) != line.packets:
                        found |= 1 << moved
        return found

    def _by_packets(self, line: Line, entities: int) -> Iterator[tuple[PacketSet, int]]:
        """Yield the packets of a line as they arrive, with the entities at which they do."""
        plain = entities & ~self._moved
        found = {line.packets: plain} if plain else {}
        for number in numbers(entities & self._moved):
            packets = self._ports.arriving(self._parties.entities[number].name, line.packets)
            found[packets] = found.get(packets, 0) | 1 << number
        yield from found.items()

    def _finish(self, of: "_List", entity: int, about: int, *, denies: bool) -> None:
        """Give a list about pods an end: what the firewall never met goes on, pods that are not mapped do not."""
        if about and (of.denies or denies):
            # Families apart, entities have never met.
            of.end(NOT_FIREWALLED, pods=of.undecided(self._parties.reached(entity) & about))
            of.close(about, self._parties.every_pod if about & self._parties.other else about)


class _List:
    """A list in the making.

    Denies of protocols without a name are remembered: where a later rule permits every protocol to the same peers, only
    those that have ports are permitted.
    """

    def __init__(self, every_pod: int) -> None:
        self.entries: list[Entry] = []
        self.denies = False
        self._size = every_pod.bit_length()
        self._lost_pods: int = 0
        self._lost_networks = NO_ADDRESS
        self._losers: dict[int, None] = {}
        self._decided: Decided | None = None

    def begin(self, pods: int, networks: AddressSet) -> None:
        """Accept first what never crossed the firewall."""
        if pods or networks:
            self.entries.append(Entry(Action.PERMIT, ANY, pods, networks, name=INTRA_SEGMENT))

    def add(self, line: Line, packets: PacketSet, *, pods: int = 0, networks: AddressSet = NO_ADDRESS) -> None:
        """Add what a line means to some peers."""
        if not (pods or networks):
            return
        statements = (line.statement, *line.through)
        if line.remainder:
            self._lost_pods |= pods
            self._lost_networks |= networks
            self._losers |= dict.fromkeys(statements)
        if packets.other and line.action is Action.PERMIT:
            self._spare(pods, networks, statements)
        if packets:
            self.entries.append(Entry(line.action, packets, pods, networks, statements))
        self.denies |= line.action is Action.DENY

    def end(self, name: str, *, pods: int = 0, networks: AddressSet = NO_ADDRESS) -> None:
        """Accept what is not decided. Without a name, what is left is accepted anyway."""
        self._spare(pods, networks, ())
        if name and (pods or networks):
            self.entries.append(Entry(Action.PERMIT, ANY, pods, networks, name=name))

    def close(self, about: int, pods: int) -> None:
        """Deny everything from or to `pods`, where not everything is decided about some of them."""
        if self.undecided(about):
            self.entries.append(Entry(Action.DENY, ANY, pods, name=NOT_MAPPED))

    def undecided(self, pods: int) -> int:
        """Return those of some pods about which not everything is said."""
        return self._now().undecided(pods) if self.entries else pods

    def live(self) -> tuple[Entry, ...]:
        """Return the entries that ever decide."""
        if len(self.entries) < 2:
            return tuple(self.entries)
        deciding = self._now().deciding
        return tuple(entry for number, entry in enumerate(self.entries) if number in deciding)

    def _now(self) -> Decided:
        if self._decided is None or self._decided.size < len(self.entries):
            self._decided = Decided(self.entries, self._size)
        return self._decided

    def _spare(self, pods: int, networks: AddressSet, statements: tuple[int, ...]) -> None:
        """Permit only what has a name where a deny of something without a name comes before."""
        pods &= self._lost_pods
        networks = common(networks, self._lost_networks)
        if pods or networks:
            of = tuple(self._losers)
            self.entries.append(Entry(Action.PERMIT, TRANSPORTS, pods, networks, statements))
            self.entries.append(Entry(Action.DENY, ANY, pods, networks, of, WITHOUT_PORTS))
            self.denies = True
