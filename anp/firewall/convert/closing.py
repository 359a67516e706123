"""Rules as far as policies can say them: conditions decided by the closure, services cut down to what has a name."""

from collections import defaultdict
from dataclasses import dataclass, field

from anp.firewall.convert.model import Closure
from anp.firewall.convert.packets import named, only_port_zero, unnamed
from anp.firewall.model import Action, Condition, Fate, Reason, Rule
from anp.firewall.resolution import Resolved
from anp.firewall.services import ICMP, ICMPV6, Services, wording
from compiler.addresses import AddressSet
from compiler.packets import PacketSet


@dataclass(frozen=True, slots=True)
class Line:
    """One rule that is translated; `number` is its place in the resolved list.

    `remainder` says that a deny is besides about some protocols that no policy can name. A `packets` of nothing with a
    remainder is a deny of nothing else.
    """

    number: int
    statement: int
    through: tuple[int, ...]
    action: Action
    sources: AddressSet
    destinations: AddressSet
    packets: PacketSet
    remainder: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What was done to a rule on the way, by its place in the list; `left_out` where it is not translated at all."""

    rule: int
    fate: Fate
    reasons: tuple[Reason, ...]
    left_out: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """The lines of a list, in order, and what was done to them, by statement."""

    lines: tuple[Line, ...]
    notes: dict[int, list[Note]] = field(default_factory=dict)


def close(resolved: Resolved, live: frozenset[int], closure: Closure) -> Closed:
    """Decide every condition, and leave out what no policy can say, and what is not `live`.

    Strictly, a deny of protocols without a name is kept as a remainder: what later permits every protocol must not
    permit those.
    """
    lines: list[Line] = []
    notes: dict[int, list[Note]] = defaultdict(list)
    for number, rule in enumerate(resolved.rules):
        # What never matches must not be heard where the rule that hides it cannot be said.
        if number not in live:
            continue
        kept = _decided(number, rule, closure, notes)
        line = _line(number, rule, closure, notes) if kept else None
        if line is not None:
            lines.append(line)
    return Closed(tuple(lines), dict(notes))


def _decided(number: int, rule: Rule, closure: Closure, notes: dict[int, list[Note]]) -> bool:
    """Say whether the closure keeps a rule."""
    if not rule.conditions:
        return True
    keeps = (rule.action is Action.DENY) == (closure is Closure.STRICT)
    # What could not be said anyway is not lost for its condition.
    lost = Fate.NARROWED if named(rule.services) or not unnamed(rule.services) else Fate.NOT_EXPRESSIBLE
    fate = Fate.WIDENED if keeps else lost
    how = "kept without its condition" if keeps else "left out for its condition"
    reasons = tuple(Reason(condition.code, f"{how}: {condition.text}") for condition in _distinct(rule.conditions))
    notes[rule.statement].append(Note(number, fate, reasons, left_out=not keeps))
    return keeps


def _line(number: int, rule: Rule, closure: Closure, notes: dict[int, list[Note]]) -> Line | None:
    packets, rest = named(rule.services), unnamed(rule.services)
    if not packets and not rest:
        if only_port_zero(rule.services):
            reason = Reason("FW109", "it is about port 0 alone")
            notes[rule.statement].append(Note(number, Fate.IMPLIED, (reason,), left_out=True))
        return None
    remainder = bool(rest) and rule.action is Action.DENY and closure is Closure.STRICT
    if rest:
        reason = _unnamed(rest, remainder=remainder)
        fate = Fate.WIDENED if remainder else Fate.NARROWED if packets else Fate.NOT_EXPRESSIBLE
        notes[rule.statement].append(Note(number, fate, (reason,), left_out=not (packets or remainder)))
        if not (packets or remainder):
            return None
    return Line(number, rule.statement, rule.through, rule.action, rule.sources, rule.destinations, packets, remainder)


def _unnamed(rest: Services, *, remainder: bool) -> Reason:
    icmp = all(protocol in {ICMP, ICMPV6} for protocol, _ports in rest.by_protocol)
    text = f"no policy can name {wording(rest)}"
    if remainder:
        text += "; where a later rule permits every protocol, all without ports are denied"
    return Reason("FW101" if icmp else "FW103", text)


def _distinct(conditions: tuple[Condition, ...]) -> list[Condition]:
    return list(dict.fromkeys(conditions))
