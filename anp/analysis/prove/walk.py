"""What the listed rules do with all packets of a region at once, as a diagram: a walk in which no packet is tried.

Chains are walked once for each value of the mark that matters in them, whoever jumps there. What a packet meets in one
rule depends on the mark, and that on what it met before: `binding` puts the one in place of the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from anp.analysis.prove.binding import Binding
from anp.analysis.prove.language import (
    Continue,
    Listed,
    Look,
    Match,
    Rule,
    SetMark,
    Statement,
    Unknown,
    UnknownMeaningError,
    Verdict,
)
from anp.analysis.prove.liveness import Liveness
from anp.analysis.prove.space import UNTOUCHED, Found, Mark, PacketSpace
from compiler.diagram.algebra import Combination, apply, relabel
from compiler.diagram.space import Node
from compiler.ruleset import MARK_BITS, Accept, Drop, Goto, Jump, Return

HOOKS = frozenset({"forward", "input"})
"""The hooks at which we judge."""


@dataclass(frozen=True, slots=True)
class Next:
    """The packet goes on to the next rule."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class Back:
    """It goes back to where the last jump came from."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class Through:
    """It is accepted: it goes on to the next base chain."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class Gone:
    """It is dropped."""


State: TypeAlias = Next | Back | Through | Gone


def let_through(listed: Listed, space: PacketSpace) -> Node[bool]:
    """Return which packets of a region get through all base chains of our table at its hook.

    Raises:
        UnknownMeaningError: some packet comes to something whose meaning is not known.

    """
    _refuse_other_hooks(listed)
    names = listed.at(space.region.hook.value)
    accepted = 0
    walks: list[tuple[str, _Walk]] = []
    for name in reversed(names):
        liveness = Liveness(listed, accepted)
        walks.insert(0, (name, _Walk(listed, space, liveness, accepted)))
        accepted = liveness.at(name, 0, accepted)
    state: Node[State] = space.constant(Through(_reduced(UNTOUCHED, accepted)))
    bind = Binding(space)
    for name, walk in walks:
        images = {value: walk.base(name, value.mark) for value in bind.values(state) if isinstance(value, Through)}
        state = bind(state, images)
    return relabel(space, state, lambda value: not isinstance(value, Gone))


def _refuse_other_hooks(listed: Listed) -> None:
    """Give up where our table has base chains at hooks that we do not understand, unless they let all through."""
    for name, chain in listed.chains.items():
        if (
            chain.base
            and chain.base.hook not in HOOKS
            and not listed.dormant
            and (chain.rules or not chain.base.accepts)
        ):
            raise UnknownMeaningError(
                f"the chain {name} of our table is attached as {chain.base.hook}, where nothing of ours is"
            )


def _reduced(mark: Mark, live: int) -> Mark:
    """Forget bits that do not matter any more."""
    return mark[0] | MARK_BITS & ~live, mark[1] & live


class _Walk:
    """Walks one base chain, and whatever it leads to."""

    def __init__(self, listed: Listed, space: PacketSpace, liveness: Liveness, accepted: int) -> None:
        self._chains = listed.chains
        self._space = space
        self._liveness = liveness
        self._accepted = accepted
        self._bind = Binding(space)
        self._gone: Node[State] = space.constant(Gone())
        self._never: Node[bool] = space.constant(False)  # noqa: FBT003
        self._known: dict[tuple[str, Mark, int], Node[State]] = {}
        self._rules: dict[tuple[str, int, Mark, int], Node[State]] = {}
        self._entered: list[str] = []
        self._landed: dict[tuple[Node[State], type[State]], Node[State]] = {}
        held: Callable[[Found, bool], Found] = lambda found, has: found if has else None  # noqa: E731
        self._where = Combination(space, held)

    def base(self, name: str, mark: Mark) -> Node[State]:
        """Return what becomes of packets in a base chain."""
        base = self._chains[name].base
        accepts = base is not None and base.accepts
        state = self._chain(name, mark, self._accepted if accepts else 0)
        ended = {
            value: self._state(Through(value.mark)) if accepts else self._gone
            for value in self._bind.values(state)
            if isinstance(value, Back)
        }
        return self._bind(state, ended)

    def _chain(self, name: str, mark: Mark, returned: int) -> Node[State]:
        """Return what becomes of packets with this mark in a chain: they go back, through, or are gone."""
        if name not in self._chains:
            raise UnknownMeaningError(f"a rule leads to the chain {name}, which is not listed")
        if name in self._entered:
            raise UnknownMeaningError(f"the chain {name} leads to itself")
        mark = _reduced(mark, self._liveness.at(name, 0, returned))
        key = (name, mark, returned)
        found = self._known.get(key)
        if found is None:
            self._entered.append(name)
            found = self._known[key] = self._rules_of(name, mark, returned)
            self._entered.pop()
        return found

    def _rules_of(self, name: str, mark: Mark, returned: int) -> Node[State]:
        state: Node[State] = self._space.constant(Next(mark))
        for place, rule in enumerate(self._chains[name].rules):
            going = [value for value in self._bind.values(state) if isinstance(value, Next)]
            if not going:
                break
            live = self._liveness.at(name, place + 1, returned)
            images = {value: self._rule(name, place, rule, value.mark, (live, returned)) for value in going}
            state = self._bind(state, images)
        return self._landing(state, Next, lambda mark: Back(_reduced(mark, returned)))

    def _rule(self, name: str, place: int, rule: Rule, mark: Mark, live: tuple[int, int]) -> Node[State]:
        key = (name, place, mark, live[1])
        found = self._rules.get(key)
        if found is None:
            found = self._rules[key] = self._statements(rule, 0, mark, live)
        return found

    def _statements(self, rule: Rule, place: int, mark: Mark, live: tuple[int, int]) -> Node[State]:
        """Return what becomes of packets from a statement of a rule on; where it ends, they go to the next."""
        on = self._state(Next(_reduced(mark, live[0])))
        if place == len(rule.statements):
            return on
        statement: Statement = rule.statements[place]
        match statement:
            case Match():
                return self._matched(statement, mark, on, lambda: self._statements(rule, place + 1, mark, live))
            case Look():
                found = self._found(statement, mark)
                ways: dict[Found, Node[State]] = {None: on}
                for value in self._bind.values(found):
                    if value == (Continue(),):
                        ways[value] = self._statements(rule, place + 1, mark, live)
                    elif value is not None and value[0] is not None:
                        ways[value] = self._verdict(value[0], mark, live)
                return self._bind(found, ways)
            case SetMark(keep, flip):
                changed = (mark[0] & keep, mark[1] & keep ^ flip)
                return self._statements(rule, place + 1, changed, live)
            case Continue():
                return self._statements(rule, place + 1, mark, live)
            case Unknown(text):
                raise UnknownMeaningError(
                    f"a rule of chain {self._entered[-1]} says {text}, whose meaning is not known here"
                )
            case _:
                return self._verdict(statement, mark, live)

    def _matched(self, match: Match, mark: Mark, on: Node[State], then: Callable[[], Node[State]]) -> Node[State]:
        """Return what becomes of packets after a match: to the next rule, if it does not hold."""
        has = self._has(match)
        if has is self._never:
            return on
        found = self._space.look(match.keys, match.table, mark)
        wanted = apply(self._space, lambda has, found: has and (found is None) is match.negated, has, found)
        # What comes after a match that holds for nobody has no meaning, known or not.
        return on if wanted is self._never else self._bind(wanted, {True: then(), False: on})

    def _found(self, look: Look, mark: Mark) -> Node[Found]:
        has = self._has(look)
        if has is self._never:
            return self._space.missed
        return self._where(self._space.look(look.keys, look.table, mark), has)

    def _has(self, statement: Match | Look) -> Node[bool]:
        has: Node[bool] = self._space.constant(True)  # noqa: FBT003
        for key in statement.keys:
            has = apply(self._space, lambda one, other: one and other, has, self._space.has(key))
        return has

    def _verdict(self, verdict: Verdict, mark: Mark, live: tuple[int, int]) -> Node[State]:
        after, returned = live
        match verdict:
            case Accept():
                return self._state(Through(_reduced(mark, self._accepted)))
            case Drop():
                return self._gone
            case Return():
                return self._state(Back(_reduced(mark, returned)))
            case Goto(chain):
                return self._chain(chain, mark, returned)
            case Jump(chain):
                return self._landing(self._chain(chain, mark, after), Back, Next)
            case Continue():
                raise AssertionError("whoever looks up goes on by itself")

    def _landing(self, state: Node[State], kind: type[Next | Back], made: Callable[[Mark], State]) -> Node[State]:
        """Put other values in place of those of one kind."""
        key = (state, kind)
        found = self._landed.get(key) if kind is Back else None
        if found is None:
            images = {v: self._state(made(v.mark)) for v in self._bind.values(state) if isinstance(v, kind)}
            found = self._bind(state, images)
            if kind is Back:
                self._landed[key] = found
        return found

    def _state(self, state: State) -> Node[State]:
        return self._space.constant(state)
