"""What takes the kernel from what it holds to what it should hold: their difference, as one transaction.

The order is a contract. First whatever goes, what refers before what is referred to: rules, maps and their
elements, chains, counters. Then whatever comes, the other way round. So no operation meets an object that is
still referred to or not yet there, and an object of another kind may take the name of one that goes. Nobody
sees the state between, because the kernel applies a transaction at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.differences import changed_keys
from compiler.ruleset import (
    AddressLookup,
    Chain,
    ExactMap,
    MarkLookup,
    NftRule,
    PortLookup,
    RangeMap,
    Ruleset,
    VerdictMap,
)
from compiler.syntax import InvalidRulesetError, require_disjoint
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
    Transaction,
)


def plan(actual: Ruleset, desired: Ruleset) -> Transaction:
    """Return what takes the kernel from `actual` to `desired`; it is empty exactly when they are equal.

    Rules have no identity of their own, so a chain that changes is rewritten. So is a map of ranges: the
    kernel is slow and not always right where a range changes among others. An exact map changes by element.
    A table in which somebody else has put objects is made anew, which is the one change that costs us the
    values of our counters; rules of somebody else's in our chains merely make the chain a changed one.

    Raises:
        InvalidRulesetError: ranges that were to be written overlap, or `desired` holds foreign objects.

    """
    if desired.foreign:
        raise InvalidRulesetError("a ruleset with foreign objects cannot be wanted")
    if desired.empty:
        return Transaction() if actual.empty else Transaction((DeleteTable(),))
    table: tuple[Operation, ...] = ()
    if actual.foreign:
        actual, table = Ruleset(), (DeleteTable(), AddTable())
    elif actual.empty:
        table = (AddTable(),)
    change = _Change.of(actual, desired)
    return Transaction((*table, *_leaving(actual, desired, change), *_arriving(actual, desired, change)))


@dataclass(frozen=True, slots=True)
class _Change:
    """What is more than a difference of elements, by name.

    Attributes:
        elements: What comes, goes or changes in exact maps that stay. Others are not there.
        maps: Maps that go, or stay in name only.
        chains: Chains that go, or stay in name only.
        rewritten: Chains that stay, with other rules or with rules that hold on to one of `maps`.

    """

    elements: Mapping[str, list[int]]
    maps: frozenset[str]
    chains: frozenset[str]
    rewritten: frozenset[str]

    @classmethod
    def of(cls, actual: Ruleset, desired: Ruleset) -> "_Change":
        maps = frozenset(n for n, m in actual.maps.items() if not _same_kind(m, desired.maps.get(n)))
        elements = {
            n: changed_keys(m.elements, wanted.elements)
            for n, m in actual.maps.items()
            if isinstance(m, ExactMap) and n not in maps and isinstance(wanted := desired.maps[n], ExactMap)
        }
        changed = [n for n in changed_keys(actual.chains, desired.chains) if n in actual.chains]
        chains = frozenset(n for n in changed if not _same_hook(actual.chains[n], desired.chains.get(n)))
        holding = (n for n, c in actual.chains.items() if not maps.isdisjoint(_maps_of(c))) if maps else ()
        return cls(elements, maps, chains, frozenset((*changed, *holding)) - chains)


def _leaving(actual: Ruleset, desired: Ruleset, change: _Change) -> Iterator[Operation]:
    for name in sorted(change.chains | change.rewritten):
        if actual.chains[name].rules:
            yield FlushChain(name)
    for name, current in sorted(actual.maps.items()):
        if name in change.maps:
            yield DeleteMap(name)
        else:
            yield from _elements_leaving(name, current, desired.maps[name], change.elements.get(name, ()))
    yield from map(DeleteChain, sorted(change.chains))
    yield from map(DeleteCounter, sorted(actual.counters - desired.counters))


def _arriving(actual: Ruleset, desired: Ruleset, change: _Change) -> Iterator[Operation]:
    yield from map(AddCounter, sorted(desired.counters - actual.counters))
    new_chains = desired.chains.keys() - (actual.chains.keys() - change.chains)
    for name in sorted(new_chains):
        yield AddChain(name, desired.chains[name])
    kept = {name: value for name, value in actual.maps.items() if name not in change.maps}
    for name in sorted(desired.maps.keys() - kept.keys()):
        yield AddMap(name, _without_elements(desired.maps[name]))
    for name, wanted in sorted(desired.maps.items()):
        yield from _elements_arriving(name, kept.get(name), wanted, change.elements.get(name, ()))
    for name in sorted(new_chains | change.rewritten):
        for rule in desired.chains[name].rules:
            _require_disjoint_ports(rule)
            yield AddRule(name, rule)


def _elements_leaving(
    name: str, current: VerdictMap, wanted: VerdictMap, changed: Sequence[int]
) -> Iterator[Operation]:
    """Yield what takes out the elements of a map that are not wanted as they are; a changed one goes and comes."""
    match current:
        case ExactMap(key, before):
            going = tuple(number for number in changed if number in before)
            if going:
                yield DeleteElements(name, key, going)
        case RangeMap(_, ranges) if ranges and ranges != wanted.elements:
            yield FlushMap(name)


def _elements_arriving(
    name: str, current: VerdictMap | None, wanted: VerdictMap, changed: Sequence[int]
) -> Iterator[Operation]:
    match wanted, current:
        case ExactMap(key, after), ExactMap():
            coming = {number: after[number] for number in changed if number in after}
            if coming:
                yield AddElements(name, ExactMap(key, coming))
        case _, _ if wanted.elements and (current is None or wanted.elements != current.elements):
            if isinstance(wanted, RangeMap):
                require_disjoint(name, wanted.elements)
            yield AddElements(name, wanted)


def _require_disjoint_ports(rule: NftRule) -> None:
    for statement in rule:
        if isinstance(statement, PortLookup):
            require_disjoint(f"{statement.protocol.value} ports", [ports for ports, _ in statement.verdicts])


def _same_kind(one: VerdictMap, other: VerdictMap | None) -> bool:
    return type(one) is type(other) and other is not None and one.key is other.key


def _same_hook(one: Chain, other: Chain | None) -> bool:
    return other is not None and one.hook is other.hook


def _maps_of(chain: Chain) -> set[str]:
    return {s.map for rule in chain.rules for s in rule if isinstance(s, AddressLookup | MarkLookup)}


def _without_elements(value: VerdictMap) -> VerdictMap:
    return ExactMap(value.key) if isinstance(value, ExactMap) else RangeMap(value.key)
