"""What policies make of packets between ends, as a diagram over ends, ports of the firewall, and protocols."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from anp.firewall.inventory.model import Entity, Inventory
from anp.firewall.model import Action
from anp.firewall.proof.ends import End, Ends
from anp.firewall.proof.world import World
from anp.firewall.services import EVERY_PORT, MAX_PORT, MAX_PROTOCOL, SCTP, TCP, UDP, WITH_PORTS
from compiler import intervals
from compiler.classes import Membership
from compiler.diagram.space import Field, Node, Space
from compiler.intervals import Ranges
from compiler.model import Direction, Protocol
from compiler.profiles import Outcome, Profile
from compiler.programs import Program

SOURCE, DESTINATION, PORT, PROTOCOL = 0, 1, 2, 3
"""Levels of the space of a proof."""

PROTOCOLS: Mapping[int, Protocol] = {TCP: Protocol.TCP, UDP: Protocol.UDP, SCTP: Protocol.SCTP}
"""The protocols that policies can name, by their numbers."""

PREFERRED_PORTS = (443, 80, 22, 53, 8080, 1)


def space_of(ends: Ends) -> Space:
    """Return the space in which firewall and policies are compared."""
    last = len(ends.ends) - 1
    return Space(
        (
            Field("source", last),
            Field("destination", last),
            Field("port", MAX_PORT, PREFERRED_PORTS),
            Field("protocol", MAX_PROTOCOL, WITH_PORTS),
        )
    )


class Ports:
    """Where traffic for ports of the firewall arrives in the cluster, by entity and protocol."""

    def __init__(self, inventory: Inventory) -> None:
        self._rewrites: dict[str, dict[int, dict[int, int]]] = {}
        for rewrite in inventory.rewrites:
            of_entity = self._rewrites.setdefault(rewrite.entity, {})
            of_entity.setdefault(rewrite.protocol, {})[rewrite.port] = rewrite.container_port

    def of(self, entity: Entity | None, protocol: int) -> Mapping[int, int]:
        """Return the container port of each port that is translated."""
        return self._rewrites.get(entity.name, {}).get(protocol, {}) if entity else {}

    def any_of(self, entity: Entity) -> bool:
        """Say whether any port of an entity is translated."""
        return entity.name in self._rewrites

    def seen(self, entity: str, protocol: int, container_ports: Ranges) -> Ranges:
        """Return the ports of the firewall whose traffic arrives at some container ports."""
        translated = self._rewrites.get(entity, {}).get(protocol, {})
        away = intervals.union((port, port) for port in translated)
        arriving = [(p, p) for p, container in translated.items() if intervals.contains(container_ports, container)]
        return intervals.union([*intervals.difference(container_ports, away), *arriving])

    def container_port(self, entity: Entity | None, protocol: int, port: int) -> int:
        """Return the port that packets have in the cluster."""
        return self.of(entity, protocol).get(port, port)

    def companions(self, entity: Entity | None, protocol: int) -> Mapping[int, frozenset[int]]:
        """Return, for each port whose container port ports of Services lead to as well, these others.

        A container's own number is nobody's companion: no rule of the firewall meant it for the pod.
        """
        translated = self.of(entity, protocol)
        leading: dict[int, set[int]] = {}
        for port, to in translated.items():
            leading.setdefault(to, set()).add(port)
        found: dict[int, frozenset[int]] = {}
        for to, ports in leading.items():
            for port in ports if to in translated else ports | {to}:
                found[port] = frozenset(ports - {port})
        return {port: others for port, others in found.items() if others}

    def own(self, entity: Entity | None, protocol: int, port: int) -> bool:
        """Say whether a port is the container's own number, which Services do not translate."""
        return port not in self.of(entity, protocol)

    def closed(self, entity: Entity | None, protocol: int) -> Ranges:
        """Return the container ports that no port of the firewall leads to."""
        translated = self.of(entity, protocol)
        return intervals.union((port, port) for port in translated if port not in translated.values())


@dataclass(frozen=True, slots=True)
class _Place:
    """What decides about packets of an end: its class, and the programs of its pod if it is one's."""

    membership: Membership
    egress: Program | None
    ingress: Program | None
    translated: str
    """The entity whose ports are translated, or nothing."""


class Cluster:
    """The policies of one world."""

    def __init__(self, world: World, ends: Ends, ports: Ports, space: Space) -> None:
        self._compilation = world.compilation
        self._ends = ends
        self._ports = ports
        self._space = space
        self._said: dict[tuple[Program, Membership], Profile] = {}
        self._cells: dict[tuple[Profile | None, Profile | None, str], Node[Action]] = {}
        self._places = [self._place(end) for end in ends.ends]
        # By whether packets go through. Plain truth would be one value with the number 1, in a space where both occur.
        self._verdicts: tuple[Node[Action], Node[Action]] = (space.constant(Action.DENY), space.constant(Action.PERMIT))

    def diagram(self) -> Node[Action]:
        """Return whether packets go through, by the ports that the firewall knows."""
        runs: list[tuple[int, _Place]] = []
        for number, place in enumerate(self._places):
            if runs and runs[-1][1] == place:
                runs[-1] = (number, place)
            else:
                runs.append((number, place))
        rows: dict[tuple[Membership, Program | None], Node[Action]] = {}
        for place in self._places:
            sender = (place.membership, place.egress)
            if sender not in rows:
                rows[sender] = self._space.decision(DESTINATION, ((last, self._cell(place, to)) for last, to in runs))
        return self._space.decision(
            SOURCE, ((number, rows[place.membership, place.egress]) for number, place in enumerate(self._places))
        )

    def outcomes(self, source: End, destination: End, protocol: int, port: int) -> Iterator[Outcome]:
        """Yield what each end that is a pod says of one packet, whose port is a container's."""
        sender, receiver = self._places[source.number], self._places[destination.number]
        kind = PROTOCOLS.get(protocol, Protocol.OTHER)
        for program, other in ((sender.egress, receiver), (receiver.ingress, sender)):
            profile = self._says(program, other.membership)
            if profile is not None:
                yield profile.outcome(kind, port if kind is not Protocol.OTHER else 0)

    def accepted(self, source: End, destination: End, protocol: int) -> Ranges:
        """Return the container ports of one protocol that are open between two ends."""
        sender, receiver = self._places[source.number], self._places[destination.number]
        kind = PROTOCOLS[protocol]
        return intervals.intersection(
            _accepted(self._says(sender.egress, receiver.membership), kind),
            _accepted(self._says(receiver.ingress, sender.membership), kind),
        )

    def _place(self, end: End) -> _Place:
        universe = self._compilation.universe
        if end.symbolic is None:
            number = end.addresses[0] if end.addresses else 0
            return _Place(universe.in_blocks(self._ends.version, number), None, None, "")
        pod = end.symbolic.pod
        groups = self._compilation.groups(pod)
        egress, ingress = (
            self._compilation.program(group) if (group := groups[direction]) is not None else None
            for direction in (Direction.EGRESS, Direction.INGRESS)
        )
        entity = end.entity
        translated = entity.name if entity is not None and self._ports.any_of(entity) else ""
        return _Place(universe.of(pod.addresses[0]), egress, ingress, translated)

    def _says(self, program: Program | None, membership: Membership) -> Profile | None:
        if program is None:
            return None
        key = (program, membership & program.mask)
        profile = self._said.get(key)
        if profile is None:
            profile = self._said[key] = program.profile(membership)
        return profile

    def _cell(self, sender: _Place, receiver: _Place) -> Node[Action]:
        egress = self._says(sender.egress, receiver.membership)
        ingress = self._says(receiver.ingress, sender.membership)
        key = (egress, ingress, receiver.translated)
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = self._made(egress, ingress, receiver.translated)
        return cell

    def _made(self, egress: Profile | None, ingress: Profile | None, translated: str) -> Node[Action]:
        open_ports = {
            protocol: self._ports.seen(
                translated, protocol, intervals.intersection(_accepted(egress, kind), _accepted(ingress, kind))
            )
            for protocol, kind in PROTOCOLS.items()
        }
        others = all(profile is None or profile.other.accept for profile in (egress, ingress))
        cuts = sorted({0, *(edge for ports in open_ports.values() for r in ports for edge in (r[0], r[1] + 1))})
        starts = [cut for cut in cuts if cut <= MAX_PORT]
        return self._space.decision(
            PORT,
            (
                (
                    after - 1,
                    self._by_protocol(
                        {p for p, ports in open_ports.items() if intervals.contains(ports, first)}, others=others
                    ),
                )
                for first, after in zip(starts, [*starts[1:], MAX_PORT + 1], strict=True)
            ),
        )

    def _by_protocol(self, accepted: set[int], *, others: bool) -> Node[Action]:
        pieces: list[tuple[int, Node[Action]]] = []
        for protocol in WITH_PORTS:
            pieces += [(protocol - 1, self._verdicts[others]), (protocol, self._verdicts[protocol in accepted])]
        return self._space.decision(PROTOCOL, [*pieces, (MAX_PROTOCOL, self._verdicts[others])])


def _accepted(profile: Profile | None, protocol: Protocol) -> Ranges:
    if profile is None:
        return EVERY_PORT
    return intervals.union(ports for ports, outcome in profile.ports(protocol) if outcome.accept)
