"""Chains with jumps between them as one flat list in which the first match decides.

A chain is walked in order. A jump walks another chain and comes back when that one ends or returns; a goto does not
come back to its own chain but to where the last jump came from. What returns is subtracted from the rest of its chain,
which splits a rule only where it overlaps. A return from the base chain means the default.

Where a return or goto has a condition, what it may have taken is split off from the later rules and gets the condition
"unless ...": exact as long as the condition has one answer for each packet, and a sound bracket otherwise. Whatever
cannot be known, as a loop or a verdict that somebody else gives, is a bracket as well: two rules, one for each verdict,
each with a condition.

Sources: Diekmann et al., Verified iptables Firewall Analysis and Verification (JAR 2018), section 4; nft(8), VERDICT
STATEMENT; iptables(8), TARGETS.
"""

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from anp.firewall.matching import EVERYTHING, Match, both, minus, overlap
from anp.firewall.model import EVERY_ADDRESS, Action, Condition, Rule

MOST_RULES = 200_000
"""How long a list may get before we say that it is too large."""

WORK = 10
"""How many steps it may take to make a list, for each rule that it may have."""

DEPTH = 1_000
"""How deep jumps may be nested; the kernel's own limit for nftables is 16."""

_LOOKS = 16
"""How many times one can look whether two matches overlap in the time of a step."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of the walk: also for other lists, if a deny."""

    action: Action


@dataclass(frozen=True, slots=True)
class Jump:
    """Walk another chain, then come back."""

    chain: str


@dataclass(frozen=True, slots=True)
class Goto:
    """Walk another chain, then come back to where the last jump was."""

    chain: str


class Simple(enum.Enum):
    """What needs no more words."""

    RETURN = enum.auto()
    GO_ON = enum.auto()
    """It has no effect; the next rule follows."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Somebody else decides: `text` says who. Either verdict is possible, or none."""

    code: str
    text: str


Target: TypeAlias = Verdict | Jump | Goto | Simple | Unknown


@dataclass(frozen=True, slots=True)
class Step:
    """One rule of a chain."""

    statement: int
    match: Match
    target: Target


class Trouble(enum.Enum):
    """What can be wrong with chains."""

    NO_SUCH_CHAIN = enum.auto()
    LOOP = enum.auto()
    TOO_LARGE = enum.auto()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong; the statement is None where it is the whole list."""

    trouble: Trouble
    statement: int | None
    chain: str


@dataclass(frozen=True, slots=True)
class Flat:
    """The list, what was wrong, the chains that packets can come to and the statements that they can.

    Too large a list is one bracket and the default: nothing is known of it.
    """

    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...]
    chains: frozenset[str]
    statements: frozenset[int]

    @property
    def is_too_large(self) -> bool:
        """Whether nothing is known of the chain but that."""
        return any(problem.trouble is Trouble.TOO_LARGE for problem in self.problems)


class _TooLargeError(Exception):
    pass


def flatten(
    chains: Mapping[str, Sequence[Step]],
    base: str,
    default: Rule,
    *,
    within: Match = EVERYTHING,
    most: int = MOST_RULES,
) -> Flat:
    """Make the flat list of one base chain; `default` is its last rule and `within` what packets meet the chain.

    The length is bounded by `most`, and so is the work.

    Raises:
        KeyError: there is no chain `base`.

    """
    walk = _Walk(chains, default, most)
    try:
        rules = [*walk.rules(base, within)]
    except _TooLargeError:
        walk.problems[Problem(Trouble.TOO_LARGE, None, base)] = None
        rules = [*bracket(default.statement, within, Unknown("FW153", f"chain {base}, which is too large to read"), ())]
        walk.statements.clear()
    rules.append(default)
    return Flat(tuple(rules), tuple(walk.problems), frozenset(walk.chains), frozenset(walk.statements))


def bracket(statement: int, match: Match, unknown: Unknown, through: tuple[int, ...]) -> Iterator[Rule]:
    """Yield two rules of which either, or none, decides."""
    for action, word in ((Action.PERMIT, "accepted"), (Action.DENY, "dropped")):
        condition = Condition(unknown.code, f"{word} by {unknown.text}")
        yield match.rule(statement, action, through, condition)


@dataclass(slots=True)
class _Frame:
    """A chain that is being walked: by which packets, by what jumps, and where we are in it."""

    chain: str
    match: Match
    through: tuple[int, ...]
    gone: tuple[Match, ...]
    """What has left the chains that lead here: it must be subtracted from each rule."""
    returned: dict[Match, Match] = field(default_factory=dict)
    """What has left this chain by its own rules, by all but its sources: many returns by source are one."""
    place: int = 0
    _left: tuple[list[Match], list[Match]] | None = None

    def leave(self, match: Match) -> None:
        """Note that some packets are not in this chain any more."""
        kind = replace(match, sources=EVERY_ADDRESS, names=((), ()))
        before = self.returned.get(kind)
        self.returned[kind] = replace(kind, sources=before.sources | match.sources if before else match.sources)
        self._left = None

    def left(self) -> tuple[list[Match], list[Match]]:
        """Return what has surely left this chain, and what may have."""
        if self._left is None:
            gone = (*self.gone, *self.returned.values())
            self._left = [one for one in gone if not one.conditions], [one for one in gone if one.conditions]
        return self._left


@dataclass(slots=True)
class _Walk:
    named: Mapping[str, Sequence[Step]]
    default: Rule
    most: int
    problems: dict[Problem, None] = field(default_factory=dict)
    chains: set[str] = field(default_factory=set)
    statements: set[int] = field(default_factory=set)
    active: set[str] = field(default_factory=set)
    """The chains on the stack."""
    made: int = 0
    work: int = 0

    def rules(self, base: str, within: Match) -> Iterator[Rule]:
        """Yield the rules of a base chain without its default."""
        # A stack of our own: how deep chains are nested is the input's choice, and Python's stack is short.
        stack = [_Frame(base, within, (), ())]
        self.chains.add(base)
        while stack:
            frame = stack[-1]
            steps = self.named[frame.chain]
            if len(stack) > DEPTH:
                raise _TooLargeError
            if frame.place == len(steps):
                self.active.discard(stack.pop().chain)
                continue
            self.active.add(frame.chain)
            self._tick()
            step = steps[frame.place]
            frame.place += 1
            match = both(frame.match, step.match)
            # What may have left does not keep a rule from being met.
            if match is None or step.target is Simple.GO_ON or not any(self._parts(match, frame.left()[0])):
                continue
            self.statements.add(step.statement)
            if isinstance(step.target, Jump | Goto):
                inner = self._entered(step.target.chain, step.statement, match, frame)
                if inner is not None:
                    stack.append(inner)
                else:
                    yield from self._decided(step, match, frame)
            elif step.target is not Simple.RETURN or len(stack) == 1:
                yield from self._decided(step, match, frame)
            if isinstance(step.target, Goto) or (step.target is Simple.RETURN and len(stack) > 1):
                frame.leave(match)

    def _entered(self, chain: str, statement: int, match: Match, frame: _Frame) -> _Frame | None:
        """Return the frame of the chain that a jump leads to, or None where there is none to walk."""
        if chain not in self.named or chain in self.active:
            trouble = Trouble.LOOP if chain in self.active else Trouble.NO_SUCH_CHAIN
            self.problems[Problem(trouble, statement, chain)] = None
            return None
        self.chains.add(chain)
        surely, perhaps = frame.left()
        gone = tuple(left for left in (*surely, *perhaps) if overlap(match, left))
        return _Frame(chain, match, (*frame.through, statement), gone)

    def _decided(self, step: Step, match: Match, frame: _Frame) -> Iterator[Rule]:
        """Yield the rules of a step that ends the walk, or may."""
        surely, perhaps = frame.left()
        # First what splits rules, then what adds conditions.
        for part in self._parts(match, (*surely, *perhaps)):
            self.made += 1
            match step.target:
                case Verdict(action):
                    yield part.rule(step.statement, action, frame.through)
                case Unknown():
                    yield from bracket(step.statement, part, step.target, frame.through)
                case Jump(chain) | Goto(chain):
                    yield from bracket(step.statement, part, Unknown("FW150", f"chain {chain}"), frame.through)
                case _:
                    # A return from the base chain: the default, but decided here.
                    yield part.rule(step.statement, self.default.action, frame.through)

    def _parts(self, match: Match, gone: Sequence[Match]) -> Iterator[Match]:
        """Yield the parts of a match that are left when others are gone, in no order that matters."""
        todo = [(match, 0)]
        while todo:
            part, start = todo.pop()
            self._tick()
            place = next((place for place in range(start, len(gone)) if overlap(part, gone[place])), None)
            self.work += ((len(gone) if place is None else place) - start) // _LOOKS
            if place is None:
                yield part
            else:
                todo += ((smaller, place + 1) for smaller in minus(part, gone[place]))

    def _tick(self) -> None:
        self.work += 1
        if self.made > self.most or self.work > WORK * self.most:
            raise _TooLargeError
