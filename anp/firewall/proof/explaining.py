"""Why firewall and policies differ somewhere, where there is a reason that no policy could mend."""

from collections.abc import Iterator
from dataclasses import dataclass

from anp.firewall.model import Reason, Rule
from anp.firewall.proof.cluster import Ports
from anp.firewall.proof.ends import Ends
from anp.firewall.proof.model import Wanted
from anp.firewall.services import EVERY_PROTOCOL, ICMP, ICMPV6, WITH_PORTS, Services, wording
from compiler import intervals
from compiler.diagram.space import Box
from compiler.intervals import Ranges

PORT_PROTOCOLS: Ranges = tuple((protocol, protocol) for protocol in WITH_PORTS)
OTHER_PROTOCOLS: Ranges = intervals.difference(EVERY_PROTOCOL, PORT_PROTOCOLS)


@dataclass(frozen=True, slots=True)
class Differing:
    """A box of packets that differ; the place in the list of the rule that decides on the firewall, or None."""

    wanted: Wanted
    permitted: bool
    rule: int | None


class Explainer:
    """Knows the rules, and where ports are translated."""

    def __init__(self, rules: tuple[Rule, ...], ends: Ends, ports: Ports) -> None:
        self._rules = rules
        self._ends = ends
        self._ports = ports

    def explained(self, differing: Differing, box: Box) -> Iterator[tuple[Box, Reason | None]]:
        """Yield the parts of a box, each with the reason if there is one."""
        match differing.wanted:
            case Wanted.UNMAPPED:
                yield box, Reason("FW204", "policies accept it, and the mapping does not name that pod")
            case Wanted.TIGHTENED:
                yield box, Reason("FW203", "the mapping says that neighbours of the segment may be denied")
            case Wanted.EITHER:
                yield box, self._condition(differing.rule)
            case Wanted.PERMIT | Wanted.DENY:
                yield from self._of_rule(differing, box)
            case _:
                yield box, None

    def _condition(self, place: int | None) -> Reason:
        conditions = self._rules[place].conditions if place is not None else ()
        if not conditions:
            return Reason("FW108", "an earlier rule has a condition")
        return Reason(conditions[0].code, ", ".join(condition.text for condition in conditions))

    def _of_rule(self, differing: Differing, box: Box) -> Iterator[tuple[Box, Reason | None]]:
        sources, destinations, ports, protocols = box
        others = intervals.intersection(protocols, OTHER_PROTOCOLS)
        if others:
            yield (sources, destinations, ports, others), self._other_protocols(differing.rule)
        for protocol in WITH_PORTS:
            if not intervals.contains(protocols, protocol):
                continue
            alone: Ranges = ((protocol, protocol),)
            rest = destinations
            if differing.permitted and differing.wanted is Wanted.DENY:
                for end in self._ends.party(destinations):
                    opened = intervals.intersection(ports, self._ports.opened(end.entity, protocol))
                    if not opened:
                        continue
                    here: Ranges = ((end.number, end.number),)
                    rest = intervals.difference(rest, here)
                    text = "a Service's port is translated to it, and whoever may use that may use this"
                    yield (sources, here, opened, alone), Reason("FW121", text)
                    left = intervals.difference(ports, opened)
                    if left:
                        yield (sources, here, left, alone), None
            if rest:
                yield (sources, rest, ports, alone), None

    def _other_protocols(self, place: int | None) -> Reason | None:
        if place is None:
            return None
        said = Services(tuple(found for found in self._rules[place].services.by_protocol if found[0] not in WITH_PORTS))
        numbers = intervals.union((protocol, protocol) for protocol, _ports in said.by_protocol)
        if not numbers or numbers == OTHER_PROTOCOLS:
            return None
        icmp = all(protocol in {ICMP, ICMPV6} for protocol, _ports in said.by_protocol)
        return Reason("FW101" if icmp else "FW103", f"no policy can name {wording(said)} alone")
