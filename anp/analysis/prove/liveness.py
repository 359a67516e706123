"""Which bits of the mark still matter at a place in the rules, so that packets that differ in others are one."""

from anp.analysis.prove.language import (
    MARK,
    Continue,
    Key,
    Listed,
    Look,
    Match,
    SetMark,
    Statement,
    Unknown,
    Verdict,
)
from compiler.ruleset import Accept, Drop, Goto, Jump, Return

_DEEP = 64
"""More chains deep than any that the kernel admits: a loop in the listing."""


class Liveness:
    """The bits of the mark that some way on from a place asks for before it is written there.

    `accepted` are those that matter after an accept, for base chains that come later.
    """

    def __init__(self, listed: Listed, accepted: int) -> None:
        self._chains = listed.chains
        self._accepted = accepted
        self._known: dict[tuple[str, int, int], int] = {}

    def at(self, chain: str, place: int, returned: int, depth: int = 0) -> int:
        """Return the bits that matter before a rule of a chain, where `returned` matter to those who jumped there."""
        if depth > _DEEP or chain not in self._chains:
            return 0  # to walk there says so
        key = (chain, place, returned)
        found = self._known.get(key)
        if found is None:
            rules = self._chains[chain].rules
            found = returned
            for number in reversed(range(place, len(rules))):
                known = self._known.get((chain, number, returned))
                found = self._rule(rules[number].statements, found, returned, depth) if known is None else known
                self._known[chain, number, returned] = found
            self._known[key] = found
        return found

    def _rule(self, statements: tuple[Statement, ...], after: int, returned: int, depth: int) -> int:
        live = after
        for statement in reversed(statements):
            match statement:
                case Match(keys):
                    live |= after | _asked(keys)
                case Look(keys, table):
                    values = {value for _key, value in (*table.pieces, *table.boxes)}
                    ways = [
                        live if isinstance(v, Continue) else self._verdict(v, after, returned, depth)
                        for v in values
                        if v
                    ]
                    live = after | _asked(keys)
                    for way in ways:
                        live |= way
                case SetMark(keep):
                    live &= keep
                case Continue():
                    pass
                case Unknown():
                    live = 0
                case _:
                    live = self._verdict(statement, after, returned, depth)
        return live

    def _verdict(self, verdict: Verdict, after: int, returned: int, depth: int) -> int:
        match verdict:
            case Accept():
                return self._accepted
            case Return():
                return returned
            case Jump(chain):
                return self.at(chain, 0, after, depth + 1)
            case Goto(chain):
                return self.at(chain, 0, returned, depth + 1)
            case Drop() | Continue():
                return 0


def _asked(keys: tuple[Key, ...]) -> int:
    bits = 0
    for key in keys:
        bits |= key.mask if key.field == MARK else 0
    return bits
