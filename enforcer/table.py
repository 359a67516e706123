"""A table as the kernel keeps it: what it takes, and what it refuses in which words.

It knows what the contract tests ask of the kernel and of this: references, kinds, duplicates, overlaps, depth.
"""

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, TypeAlias, assert_never

from compiler.ruleset import (
    AddressLookup,
    Chain,
    Count,
    ExactMap,
    Foreign,
    Goto,
    Jump,
    KeyType,
    MarkLookup,
    NftRule,
    PortLookup,
    RangeMap,
    Ruleset,
    Statement,
    Verdict,
    VerdictMap,
)
from enforcer.transaction import (
    AddChain,
    AddCounter,
    AddElements,
    AddMap,
    AddRule,
    AddTable,
    DeleteChain,
    DeleteCounter,
    DeleteElements,
    DeleteMap,
    DeleteTable,
    FlushChain,
    FlushMap,
    Operation,
)

MAX_DEPTH = 16
"""How many chains one may lead to another; the kernel counts those that are left by goto as well."""

_ABSENT = "No such file or directory"
_BUSY = "Device or resource busy"
_EXISTS = "File exists"
_UNSUPPORTED = "Operation not supported"
_TOO_DEEP = "Too many links"
_MISMATCH = "datatype mismatch"
_OVERLAP = "conflicting intervals specified"

_Kind: TypeAlias = Literal["chain", "map", "counter"]
_Reference: TypeAlias = tuple[_Kind, str]


class RefusedError(Exception):
    """An operation cannot be done; its argument is the kernel's word for it."""


@dataclass(slots=True)
class Table:
    """What there is by name, and how often each is referred to. Values in it are replaced, never changed."""

    exists: bool = False
    chains: dict[str, Chain] = field(default_factory=dict)
    maps: dict[str, VerdictMap] = field(default_factory=dict)
    counters: set[str] = field(default_factory=set)
    foreign: set[Foreign] = field(default_factory=set)
    references: Counter[_Reference] = field(default_factory=Counter)

    @classmethod
    def of(cls, ruleset: Ruleset) -> "Table":
        """Make a table that holds `ruleset`, without asking whether it could."""
        values = (*ruleset.chains.values(), *ruleset.maps.values())
        references = Counter(reference for value in values for reference in _references(value))
        return cls(
            exists=not ruleset.empty,
            chains=dict(ruleset.chains),
            maps=dict(ruleset.maps),
            counters=set(ruleset.counters),
            foreign=set(ruleset.foreign),
            references=references,
        )

    def copy(self) -> "Table":
        """Return a table that can be changed without changing this one."""
        return Table(
            exists=self.exists,
            chains=dict(self.chains),
            maps=dict(self.maps),
            counters=set(self.counters),
            foreign=set(self.foreign),
            references=self.references.copy(),
        )

    def ruleset(self) -> Ruleset:
        """Return what the table holds."""
        return Ruleset(dict(self.chains), dict(self.maps), frozenset(self.counters), frozenset(self.foreign))

    def do(self, operation: Operation) -> None:  # noqa: C901, PLR0912  one case for each operation there is
        """Do one operation; raise RefusedError where the kernel would not. A refused table is of no more use."""
        _require(self.exists or isinstance(operation, AddTable), _ABSENT)
        match operation:
            case AddTable():
                self.exists = True
            case DeleteTable():
                self.exists = False
                for content in (self.chains, self.maps, self.counters, self.foreign, self.references):
                    content.clear()
            case AddCounter(counter):
                self.counters.add(counter)
            case DeleteCounter(counter):
                self._require_unused("counter", counter, self.counters)
                self.counters.remove(counter)
            case AddChain(chain, like):
                # Naming a chain again is no mistake, but it cannot be attached elsewhere by that.
                current = self.chains.setdefault(chain, Chain((), like.hook))
                _require(like.hook in {None, current.hook}, _UNSUPPORTED)
            case FlushChain(chain):
                self._put_rules(chain, ())
            case DeleteChain(chain):
                # Its rules go with it, and yet those of them that lead back to it forbid it.
                self._require_unused("chain", chain, self.chains)
                self._put_rules(chain, ())
                del self.chains[chain]
            case AddRule(chain, rule):
                _require(chain in self.chains, _ABSENT)
                for statement in rule:
                    self._require_valid(statement)
                self._put_rules(chain, (*self.chains[chain].rules, rule))
            case AddMap(map_name, like):
                current_map = self.maps.setdefault(map_name, _emptied(like))
                _require(_emptied(current_map) == _emptied(like), _EXISTS)
            case FlushMap(map_name):
                self._put_map(map_name, _emptied(self._map(map_name)))
            case DeleteMap(map_name):
                self._put_map(map_name, _emptied(self._map(map_name)))
                self._require_unused("map", map_name, self.maps)
                del self.maps[map_name]
            case AddElements(map_name, more):
                current_map = self._map(map_name)
                for verdict in more.elements.values():
                    self._require_target(verdict)
                self._put_map(map_name, _with(current_map, more))
            case DeleteElements(map_name, _, numbers):
                self._put_map(map_name, _without(self._map(map_name), numbers))
            case unreachable:
                assert_never(unreachable)

    def validate(self) -> None:
        """Refuse loops, and chains too deep for the kernel, as far as packets can come from a base chain."""
        heights: dict[str, int] = {}
        for name, chain in self.chains.items():
            if chain.hook is not None:
                self._height(name, 1, heights)

    def _height(self, name: str, depth: int, heights: dict[str, int]) -> int:
        """Return the number of chains on the longest way from a chain, itself included."""
        _require(depth <= MAX_DEPTH, _TOO_DEEP)
        if name not in heights:
            # A loop is a way without an end, so it is found by its depth.
            below = set(self._targets(name))
            heights[name] = 1 + max((self._height(target, depth + 1, heights) for target in below), default=0)
        _require(depth + heights[name] - 1 <= MAX_DEPTH, _TOO_DEEP)
        return heights[name]

    def _targets(self, name: str) -> Iterator[str]:
        for kind, referred in _references(self.chains[name]):
            match kind:
                case "chain":
                    yield referred
                case "map":
                    yield from (target for _, target in _references(self.maps[referred]))
                case "counter":
                    pass

    def _map(self, name: str) -> VerdictMap:
        _require(name in self.maps, _ABSENT)
        return self.maps[name]

    def _put_rules(self, name: str, rules: tuple[NftRule, ...]) -> None:
        _require(name in self.chains, _ABSENT)
        before, after = self.chains[name], Chain(rules, self.chains[name].hook)
        self._count(before, after)
        self.chains[name] = after

    def _put_map(self, name: str, after: VerdictMap) -> None:
        self._count(self.maps[name], after)
        self.maps[name] = after

    def _count(self, before: Chain | VerdictMap, after: Chain | VerdictMap) -> None:
        self.references.subtract(_references(before))
        self.references.update(_references(after))

    def _require_unused(self, kind: _Kind, name: str, there: Container[str]) -> None:
        _require(name in there, _ABSENT)
        _require(self.references[kind, name] == 0, _BUSY)

    def _require_valid(self, statement: Statement) -> None:
        match statement:
            case AddressLookup(_, version, name):
                _require(self._map(name).key is (KeyType.IPV4 if version == 4 else KeyType.IPV6), _MISMATCH)
            case MarkLookup(_, name):
                _require(self._map(name).key is KeyType.MARK, _MISMATCH)
            case PortLookup(_, verdicts):
                for _, verdict in verdicts:
                    self._require_target(verdict)
            case Count(counter):
                _require(counter in self.counters, _ABSENT)
            case Jump() | Goto():
                self._require_target(statement)
            case _:
                pass

    def _require_target(self, verdict: Verdict) -> None:
        if isinstance(verdict, Jump | Goto):
            _require(verdict.chain in self.chains, _ABSENT)
            _require(self.chains[verdict.chain].hook is None, _UNSUPPORTED)


def _require(condition: bool, refusal: str) -> None:  # noqa: FBT001  it reads as a sentence
    if not condition:
        raise RefusedError(refusal)


def _references(value: Chain | VerdictMap) -> Iterator[_Reference]:
    """Yield what a chain's rules or a map's elements refer to, as often as they do."""
    if isinstance(value, Chain):
        for rule in value.rules:
            for statement in rule:
                yield from _referred(statement)
    else:
        for verdict in value.elements.values():
            yield from _referred(verdict)


def _referred(statement: Statement) -> Iterator[_Reference]:
    match statement:
        case Jump(chain) | Goto(chain):
            yield "chain", chain
        case AddressLookup(_, _, name) | MarkLookup(_, name):
            yield "map", name
        case PortLookup(_, verdicts):
            for _, verdict in verdicts:
                yield from _referred(verdict)
        case Count(counter):
            yield "counter", counter
        case _:
            pass


def _emptied(value: VerdictMap) -> VerdictMap:
    return ExactMap(value.key) if isinstance(value, ExactMap) else RangeMap(value.key)


def _with(value: VerdictMap, more: VerdictMap) -> VerdictMap:
    """Add elements to a map of the same kind; adding one again is no mistake."""
    match value, more:
        case ExactMap(key, exact), ExactMap(other, added) if key is other:
            _require(all(exact.get(number, verdict) == verdict for number, verdict in added.items()), _EXISTS)
            return ExactMap(key, {**exact, **added})
        case RangeMap(key, ranges), RangeMap(other, coming) if key is other:
            _require(all(ranges.get(found, verdict) == verdict for found, verdict in coming.items()), _EXISTS)
            merged = {**ranges, **coming}
            ascending = sorted(merged)
            _require(all(a[1] < b[0] for a, b in pairwise(ascending)), _OVERLAP)
            return RangeMap(key, {found: merged[found] for found in ascending})
        case _:
            raise RefusedError(_MISMATCH)


def _without(value: VerdictMap, numbers: Iterable[int]) -> VerdictMap:
    if not isinstance(value, ExactMap):
        raise RefusedError(_MISMATCH)
    elements = dict(value.elements)
    for number in numbers:
        _require(number in elements, _ABSENT)
        del elements[number]
    return ExactMap(value.key, elements)
