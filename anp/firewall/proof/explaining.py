"""Why firewall and policies differ somewhere, where there is a reason that no policy could mend."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anp.firewall.model import Reason, Rule
from anp.firewall.proof.cluster import Ports
from anp.firewall.proof.ends import Ends
from anp.firewall.proof.firewall import OTHER_PROTOCOLS, Mixed
from anp.firewall.proof.model import Wanted
from anp.firewall.services import ICMP, ICMPV6, MAX_PORT, WITH_PORTS, Services, wording
from compiler import intervals
from compiler.diagram.space import Box, Node, Point, Space
from compiler.intervals import Ranges

NAMED_PORTS: Ranges = ((1, MAX_PORT),)
"""What policies can name."""


_SHARED = {
    True: Reason(
        "FW121", "a port of a Service leads to the same container port, and whoever may use that may use this"
    ),
    False: Reason("FW122", "a port of a Service leads to the same container port, and its rules hold there"),
}
"""Why a port is not as the firewall has it that shares its container port with another, which is; by what it is."""


@dataclass(frozen=True, slots=True)
class Differing:
    """A box of packets that differ; the place in the list of the rule that decides on the firewall, or None.

    `mixed` says what is wanted between these ends besides, where something that is wanted is denied.
    """

    wanted: Wanted
    permitted: bool
    rule: int | None
    mixed: Mixed = Mixed.WHOLE


class Explainer:
    """Knows the rules, where ports are translated, and what is wanted everywhere."""

    def __init__(  # noqa: PLR0913, PLR0917 - everything there is to know
        self,
        rules: tuple[Rule, ...],
        ends: Ends,
        ports: Ports,
        space: Space,
        want: Node[Wanted],
        besides: Sequence[tuple[Box, Reason]],
    ) -> None:
        self._rules = rules
        self._ends = ends
        self._ports = ports
        self._space = space
        self._want = want
        self._besides = besides

    def explained(self, differing: Differing, box: Box) -> Iterator[tuple[Box, Reason | None]]:
        """Yield the parts of a box, each with the reason if there is one."""
        match differing.wanted:
            case Wanted.UNMAPPED:
                yield box, Reason("FW204", "policies accept it, and the mapping does not name that pod")
            case Wanted.TIGHTENED:
                yield box, Reason("FW203", "the mapping says that neighbours of the segment may be denied")
            case Wanted.EITHER:
                yield box, self._condition(differing.rule)
            case Wanted.DENY:
                rest = [box]
                for wanted, reason in self._besides:
                    rest, inside = _divided(rest, wanted)
                    yield from ((part, reason) for part in inside)
                for part in rest:
                    yield from self._of_rule(differing, part)
            case Wanted.PERMIT:
                for part, ours in self._by_mapping(box):
                    if ours:
                        yield from self._of_rule(differing, part)
                    else:
                        yield part, Reason("FW204", "the mapping does not name that pod, and policies deny it")
            case _:
                yield box, None

    def _by_mapping(self, box: Box) -> Iterator[tuple[Box, bool]]:
        """Divide a box by whether both ends are somebody that the mapping or the firewall knows."""
        sources, destinations, *services = box
        unmapped = self._ends.others
        known = intervals.difference(sources, unmapped)
        for some, to, ours in (
            (known, intervals.difference(destinations, unmapped), True),
            (intervals.intersection(sources, unmapped), destinations, False),
            (known, intervals.intersection(destinations, unmapped), False),
        ):
            if some and to:
                yield (some, to, *services), ours

    def _condition(self, place: int | None) -> Reason:
        conditions = self._rules[place].conditions if place is not None else ()
        if not conditions:
            return Reason("FW108", "an earlier rule has a condition")
        return Reason(conditions[0].code, ", ".join(condition.text for condition in conditions))

    def _of_rule(self, differing: Differing, box: Box) -> Iterator[tuple[Box, Reason | None]]:
        sources, destinations, ports, protocols = box
        others = intervals.intersection(protocols, OTHER_PROTOCOLS)
        if others:
            yield (sources, destinations, ports, others), self._other_protocols(differing)
        for protocol in WITH_PORTS:
            if not intervals.contains(protocols, protocol):
                continue
            alone: Ranges = ((protocol, protocol),)
            rest = destinations
            for end in self._ends.party(destinations):
                companions = self._ports.companions(end.entity, protocol)
                found = [port for port in sorted(companions) if intervals.contains(ports, port)]
                if not found:
                    continue
                here: Ranges = ((end.number, end.number),)
                rest = intervals.difference(rest, here)
                for port in found:
                    # Policies open a port for whichever of its Services may be used, and so close it for none of them.
                    if not differing.permitted and not self._ports.own(end.entity, protocol, port):
                        yield (sources, here, ((port, port),), alone), None
                        continue
                    yield from self._shared(sources, end.number, (protocol, port), companions[port], differing)
                left = intervals.difference(ports, intervals.union((port, port) for port in found))
                if left:
                    yield (sources, here, left, alone), None
            if rest:
                yield (sources, rest, ports, alone), None

    def _shared(
        self,
        sources: Ranges,
        destination: int,
        service: tuple[int, int],
        companions: frozenset[int],
        differing: Differing,
    ) -> Iterator[tuple[Box, Reason | None]]:
        """Divide sources by whether another port that leads to the same container port is wanted to be as this one is.

        One container port can do as only some of them want; the others are excused, and these are not.
        """
        protocol, port = service
        said = intervals.union(
            (source, source)
            for first, last in sources
            for source in range(first, last + 1)
            if any(self._fits((source, destination, other, protocol), differing.permitted) for other in companions)
        )
        reasons = ((said, _SHARED[differing.permitted]), (intervals.difference(sources, said), None))
        for some, reason in reasons:
            if some:
                yield (some, ((destination, destination),), ((port, port),), ((protocol, protocol),)), reason

    def _fits(self, point: Point, permitted: bool) -> bool:  # noqa: FBT001 - what is asked about the point
        want = self._space.evaluate(self._want, point)
        return want is Wanted.EITHER or want.goes_through == permitted

    def _other_protocols(self, differing: Differing) -> Reason | None:
        if differing.rule is None:
            return None
        services = self._rules[differing.rule].services
        said = Services(tuple(found for found in services.by_protocol if found[0] not in WITH_PORTS))
        numbers = intervals.union((protocol, protocol) for protocol, _ports in said.by_protocol)
        if not numbers:
            return None
        if numbers != OTHER_PROTOCOLS:
            icmp = all(protocol in {ICMP, ICMPV6} for protocol, _ports in said.by_protocol)
            return Reason("FW101" if icmp else "FW103", f"no policy can name {wording(said)} alone")
        if any(intervals.difference(NAMED_PORTS, services.ports(protocol)) for protocol in WITH_PORTS):
            return Reason("FW103", "no policy can name every protocol without ports but together with all ports")
        match differing.mixed:
            case Mixed.PART:
                return Reason("FW103", "a NetworkPolicy cannot deny some ports before, so it names those that are left")
            case Mixed.TOLD_APART:
                return Reason("FW103", "no policy can tell protocols without ports apart, and not all are permitted")
            case Mixed.WHOLE:
                return None


def _divided(boxes: Sequence[Box], wanted: Box) -> tuple[list[Box], list[Box]]:
    """Return what of some boxes is outside another and what is inside, as boxes."""
    outside: list[Box] = []
    inside: list[Box] = []
    for box in boxes:
        left = list(box)
        pieces: list[Box] = []
        for level, ranges in enumerate(wanted):
            away = intervals.difference(left[level], ranges)
            if away:
                pieces.append((*left[:level], away, *left[level + 1 :]))
            left[level] = intervals.intersection(left[level], ranges)
        if all(left):
            outside += pieces
            inside.append(tuple(left))
        else:
            outside.append(box)
    return outside, inside
