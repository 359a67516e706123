"""One rule of nft as steps of a chain: what it compares, in order, and the verdict at its end.

A comparison that policies cannot ask for is a condition on the rest of the rule. A verdict map is one step for each of
its members. A statement that nobody here knows may be a verdict, so a rule that ends in one is a bracket.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from anp.firewall.flatten import Target, Unknown
from anp.firewall.matching import EVERYTHING, Match, both, minus
from anp.firewall.model import Condition, InterfaceMatch, Reason
from anp.firewall.providers.literals import TooManyNetworksError
from anp.firewall.providers.nftables_fields import (
    NoSuchSetError,
    Sets,
    bare,
    below,
    condition,
    is_every_port,
)
from anp.firewall.providers.nftables_fields import field as field_of
from anp.firewall.providers.nftables_text import words
from anp.firewall.providers.nftables_verdicts import end_of, end_of_target, flags_hold, is_flags, verdict
from anp.firewall.providers.states import STATES, End, by_flags, by_state
from anp.firewall.services import MAX_PORT, TCP, Services

NAT = ("snat", "dnat", "masquerade", "redirect")
_NO_EFFECT = (
    *("counter", "log", "mangle", "notrack", "flow", "dup", "secmark", "comment", "set", "map", "last", "tproxy"),
    *("ct helper", "ct timeout", "ct expectation"),
)
_RATES = ("limit", "quota", "meter", "ct count", "connlimit")
_MOST_PARTS = 50_000


@dataclass(slots=True)
class Reading:
    """What a rule comes to: its steps, or why no opening packet matches it, and sets whose members are not known."""

    steps: list[tuple[Match, Target]] = field(default_factory=list)
    never: Reason | None = None
    decides: bool = False
    """Whether there is a verdict at all."""
    unknown_sets: list[str] = field(default_factory=list)
    logs: bool = False


def read(expressions: Sequence[Any], sets: Sets, *, untracked: bool) -> Reading:
    """Read a rule.

    Raises:
        ValueError: it makes no sense.

    """
    return _Rule(expressions, sets, untracked).read()


class _Rule:
    def __init__(self, expressions: Sequence[Any], sets: Sets, untracked: bool) -> None:  # noqa: FBT001
        self.expressions, self.sets, self.untracked = expressions, sets, untracked
        self.parts: list[Match] = [EVERYTHING]
        self.found = Reading()
        self.strange: list[Any] = []

    def read(self) -> Reading:
        for expression in self.expressions:
            if not isinstance(expression, dict) or len(expression) != 1:
                raise ValueError("a statement that is none")
            name, value = next(iter(expression.items()))
            if (target := verdict(expression)) is not None:
                return self._ended(target)
            if name == "vmap":
                return self._verdict_map(value)
            self._statement(name, value, expression)
        if self.strange:
            target = Unknown("FW108", " ".join(map(words, self.strange)))
            self.strange = []
            return self._ended(target)
        return self.found

    def _statement(self, name: str, value: Any, expression: Any) -> None:
        if name == "match":
            self._match(value, expression)
        elif name in _RATES or (name in ("set", "map") and isinstance(value, dict) and value.get("stmt")):
            self._ask("FW104", expression)
        elif name in _NO_EFFECT or name in NAT:
            self.found.logs |= name == "log"
        else:
            # Perhaps a match, perhaps a verdict: what stands behind it will tell.
            self.strange.append(expression)

    def _ended(self, target: Target) -> Reading:
        self.found.decides = True
        for expression in self.strange:
            self._ask("FW108", expression)
        self.found.steps += ((part, target) for part in self.parts)
        return self.found

    def _ask(self, code: str, expression: Any) -> None:
        self._narrow([Match(conditions=(condition(code, expression),))])

    # Matches.

    def _match(self, value: Any, expression: Any) -> None:
        try:
            self._compare(value, expression)
        except NoSuchSetError as error:
            self.found.unknown_sets.append(str(error))
            self._ask("FW152", expression)

    def _compare(self, value: Any, expression: Any) -> None:
        match value:
            case {"left": {"ct": {"key": "state"}}, "op": str() as op, "right": right}:
                self._judge(self._state(right, op, end_of(self.expressions)))
            case {"left": dict() as left, "op": str() as op, "right": right} if is_flags(left):
                self._narrow([Match(services=Services.every_port(TCP))])
                holds = flags_hold(left, op, right)
                if holds is None:
                    self._ask("FW144", expression)
                else:
                    self._judge(by_flags(holds, end_of(self.expressions)))
            case {"left": {"concat": list() as lefts}, "op": "==" | "in" | "!=" as op, "right": right}:
                self._concatenation(lefts, right, expression, negated=op == "!=")
            case {
                "left": {"&": [{"payload": {"field": "saddr" | "daddr"}} as left, str() as mask]},
                "op": op,
                "right": right,
            }:
                try:
                    self._plain(left, op, f"{right}/{mask}", expression)
                except TooManyNetworksError:
                    self._ask("FW108", expression)
            case {"left": left, "op": str() as op, "right": right}:
                self._plain(left, op, right, expression)
            case _:
                raise ValueError("a match without two sides")

    def _plain(self, left: Any, op: str, right: Any, expression: Any) -> None:
        of = field_of(left)
        self._narrow([of.has])
        if _is_destination_port(left) and (limit := below(right, op, MAX_PORT)) is not None:
            op, right = "==", {"range": [*limit]}
        if of.code == "FW143" and op in ("==", "in") and is_every_port([*self.sets.members(right)]):
            return
        if of.read is None or op not in ("==", "in", "!="):
            self._ask(of.code, expression)
            return
        alternatives = _joined([of.read(member) for member in self.sets.members(right)], joins=of.joins)
        if op == "!=":
            self._exclude(alternatives)
            return
        if isinstance(right, str) and right.startswith("@"):
            names = ((right[1:],), ()) if words(left).endswith("saddr") else ((), (right[1:],))
            alternatives = [replace(one, names=names) for one in alternatives]
        self._narrow(alternatives)

    def _concatenation(self, lefts: list[Any], right: Any, expression: Any, *, negated: bool) -> None:
        for left in lefts:
            self._narrow([field_of(left).has])
        boxes = [box for member in self.sets.members(right) if (box := self._box(lefts, member)) is not None]
        if not negated:
            self._narrow(boxes)
        elif any(box.conditions for box in boxes):
            self._ask("FW108", expression)
        else:
            self._exclude(boxes)

    def _box(self, lefts: list[Any], member: Any) -> Match | None:
        """Return the packets of one member of a set of concatenations, None if there are none."""
        values = member.get("concat") if isinstance(member, dict) else None
        if not isinstance(values, list) or len(values) != len(lefts):
            raise ValueError("a member that does not fit what is looked up")
        found: Match | None = EVERYTHING
        for left, value in zip(lefts, values, strict=True):
            of = field_of(left)
            if of.read is not None:
                one = of.read(value)
            elif _is_state(left):
                raise ValueError("a state in a concatenation")
            else:
                text = f"{words(left)} {words(value)}"
                one = replace(of.has, conditions=(Condition(of.code, text),))
            found = None if found is None else both(found, one)
        return found

    # Verdict maps.

    def _verdict_map(self, value: Any) -> Reading:
        if not isinstance(value, dict) or not {"key", "data"} <= set(value):
            raise ValueError("a verdict map without key or members")
        key, data = value["key"], value["data"]
        try:
            members = [*self.sets.members(data)]
        except NoSuchSetError as error:
            self.found.unknown_sets.append(str(error))
            return self._ended(Unknown("FW152", words({"vmap": value})))
        lefts = key["concat"] if isinstance(key, dict) and isinstance(key.get("concat"), list) else None
        for part in lefts or [key]:
            self._narrow([field_of(part).has])
        before, never = self.parts, list[Reason]()
        for member in members:
            target = verdict(member[1]) if isinstance(member, list) and len(member) == 2 else None
            if target is None:
                raise ValueError("a member of a verdict map without a verdict")
            self.parts = before
            never += self._member(lefts, key, bare(member[0]), target)
        if never and not self.found.steps:
            self.found.never = self.found.never or min(never, key=lambda reason: reason.code)
        return self.found

    def _member(self, lefts: list[Any] | None, key: Any, wanted: Any, target: Target) -> list[Reason]:
        """Add the steps of one member, or return why no opening packet has it."""
        of = field_of(key)
        if lefts is not None:
            box = self._box(lefts, wanted)
            self._narrow([] if box is None else [box])
        elif _is_state(key):
            judged = self._state(wanted, "==", end_of_target(target))
            if isinstance(judged, Reason):
                return [judged]
            self._judge(judged)
        elif of.read is not None:
            self._narrow([of.read(wanted)])
        else:
            self._narrow([Match(conditions=(Condition(of.code, f"{words(key)} {words(wanted)}"),))])
        self._ended(target)
        return []

    # States and parts.

    def _state(self, right: Any, op: str, end: End) -> Reason | Condition | None:
        states = frozenset(str(state).upper() for state in self.sets.members(right))
        if not states <= STATES or op not in ("==", "in", "!="):
            raise ValueError(f"{words(right)} is no state of a connection")
        text = words(right) if op != "!=" else f"not {words(right)}"
        return by_state(STATES - states if op == "!=" else states, end, text, untracked=self.untracked)

    def _judge(self, found: Reason | Condition | None) -> None:
        if isinstance(found, Condition):
            self._narrow([Match(conditions=(found,))])
        elif found is not None:
            self.found.never = self.found.never or found

    def _narrow(self, alternatives: Iterable[Match]) -> None:
        alternatives = [*alternatives]
        if len(self.parts) * len(alternatives) > _MOST_PARTS:
            raise ValueError("sets that are too large together")
        found = (both(part, other) for part in self.parts for other in alternatives)
        self.parts = [part for part in found if part is not None]

    def _exclude(self, alternatives: Iterable[Match]) -> None:
        for other in alternatives:
            self.parts = [piece for part in self.parts for piece in minus(part, other)]
            if len(self.parts) > _MOST_PARTS:
                raise ValueError("a set that cuts what is left into too many pieces")


def _is_state(left: Any) -> bool:
    return isinstance(left, dict) and left.get("ct") == {"key": "state"}


def _is_destination_port(left: Any) -> bool:
    payload = left.get("payload") if isinstance(left, dict) else None
    return isinstance(payload, dict) and payload.get("field") == "dport"


def _joined(found: list[Match], *, joins: bool) -> list[Match]:
    """Return alternatives as few matches: boxes that differ in one field only are one."""
    if len(found) < 2:
        return found
    if joins:
        names = tuple(name for one in found for match in (*one.incoming, *one.outgoing) for name in match.names)
        interface = (InterfaceMatch(names),)
        return [Match(incoming=interface) if found[0].incoming else Match(outgoing=interface)]
    whole = found[0]
    for one in found[1:]:
        whole = replace(
            whole,
            sources=whole.sources | one.sources if one.sources != whole.sources else whole.sources,
            destinations=whole.destinations | one.destinations,
            services=whole.services | one.services if one.services != whole.services else whole.services,
        )
    return [whole]
