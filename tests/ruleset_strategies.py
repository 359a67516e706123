"""Rulesets as Hypothesis draws them: anything that the vocabulary can say and that the kernel takes.

Names come from a small pool, so that two rulesets drawn one after the other share objects, and now and then
a name for objects of different kinds.
"""

from hypothesis import strategies as st

from compiler.addresses import VERSIONS
from compiler.intervals import Range
from compiler.model import MAX_PORT, PORT_PROTOCOLS
from compiler.ruleset import (
    MARK_BITS,
    Accept,
    AddressLookup,
    Chain,
    Count,
    Drop,
    ExactMap,
    Goto,
    Hook,
    Jump,
    KeyType,
    MarkLookup,
    MarkMatch,
    NeighborDiscoveryMatch,
    NftRule,
    PortLookup,
    PortMatch,
    RangeMap,
    Return,
    Ruleset,
    SetMark,
    Side,
    Statement,
    TrackedMatch,
    Verdict,
    VerdictMap,
)

CHAINS = ("forward", "input", "classify-source", "class-1", "class-2", "program-a", "profile-a", "rule-a.b_C-9.deny")
"""Chains, in the order in which one may lead to another; few enough that no way is too deep for the kernel."""
MAPS = ("subject-4", "class-4", "net-4", "net-6", "program-a")
COUNTERS = ("rule-a", "rule-b", "rule-c", "class-1")

_MAX_KEY = {KeyType.IPV4: 2**32 - 1, KeyType.IPV6: 2**128 - 1, KeyType.MARK: MARK_BITS}
_EXACT_KINDS = tuple((ExactMap, key) for key in KeyType)
_RANGE_KINDS = ((RangeMap, KeyType.IPV4), (RangeMap, KeyType.IPV6))
_TERMINAL = (Accept(), Drop(), Return())


def ranges(most: int, max_size: int = 6) -> st.SearchStrategy[tuple[Range, ...]]:
    """Draw disjoint ascending ranges from 0 to `most`, many of them adjacent, single, or at an end."""
    edges = st.one_of(
        st.integers(0, most),
        st.integers(0, most.bit_length()).map(lambda bit: most >> bit),
        st.integers(0, most.bit_length()).map(lambda bit: (most >> bit) + 1).filter(lambda edge: edge <= most),
        st.integers(0, 9),
    )

    def cut(at: list[int], kept: list[bool]) -> tuple[Range, ...]:
        starts = sorted({0, *at})
        pieces = [(first, after - 1) for first, after in zip(starts, [*starts[1:], most + 1], strict=True)]
        return tuple(piece for piece, keep in zip(pieces, [*kept, *[True] * len(pieces)], strict=False) if keep)

    return st.builds(cut, st.lists(edges, max_size=max_size), st.lists(st.booleans(), max_size=max_size))


masks = st.one_of(
    st.sampled_from((0xFFFF0000, 0x80000000, 0x7FFF0000, MARK_BITS, 0x1, 0xFF00, 0x0000FFFF)), st.integers(1, MARK_BITS)
)


@st.composite
def mark_bits(draw: st.DrawFn) -> tuple[int, int]:
    """Draw a mask, and a value under it."""
    mask = draw(masks)
    return mask, mask & draw(st.one_of(st.sampled_from((0, MARK_BITS)), st.integers(0, MARK_BITS)))


def verdicts(chains: tuple[str, ...]) -> st.SearchStrategy[Verdict]:
    """Draw a verdict that leads to those chains at most."""
    if not chains:
        return st.sampled_from(_TERMINAL)
    leading = st.sampled_from(chains).flatmap(lambda chain: st.sampled_from((Goto(chain), Jump(chain))))
    return st.one_of(leading, st.sampled_from(_TERMINAL))


@st.composite
def port_lookups(draw: st.DrawFn, chains: tuple[str, ...]) -> PortLookup:
    found = draw(ranges(MAX_PORT)) or ((80, 80),)
    return PortLookup(draw(st.sampled_from(PORT_PROTOCOLS)), tuple((ports, draw(verdicts(chains))) for ports in found))


@st.composite
def port_matches(draw: st.DrawFn) -> PortMatch:
    found = draw(ranges(MAX_PORT)) or ((0, MAX_PORT),)
    return PortMatch(draw(st.sampled_from(PORT_PROTOCOLS)), found[0])


@st.composite
def rules(draw: st.DrawFn, chains: tuple[str, ...], maps: dict[str, VerdictMap], counters: frozenset[str]) -> NftRule:
    """Draw a rule of matches and counters, and something that may end it."""
    conditions: list[st.SearchStrategy[Statement]] = [
        st.sampled_from((TrackedMatch(), NeighborDiscoveryMatch())),
        mark_bits().map(lambda bits: MarkMatch(*bits)),
        mark_bits().map(lambda bits: SetMark(*bits)),
    ]
    if counters:
        conditions.append(st.sampled_from(sorted(counters)).map(Count))
    endings: list[st.SearchStrategy[Statement]] = [verdicts(chains), port_lookups(chains)]
    for name, value in maps.items():
        match value.key:
            case KeyType.MARK:
                endings.append(masks.map(lambda mask, name=name: MarkLookup(mask, name)))
            case KeyType.IPV4 | KeyType.IPV6:
                version = VERSIONS[value.key is KeyType.IPV6]
                endings.append(
                    st.sampled_from(Side).map(lambda side, v=version, name=name: AddressLookup(side, v, name))
                )
    statements = draw(st.lists(st.one_of(conditions), max_size=2))
    if NeighborDiscoveryMatch() in statements:
        # A rule about ICMPv6 cannot ask for ports; nft refuses the contradiction.
        endings = endings[:1]
    elif draw(st.booleans()):
        # Nor can a rule about one protocol ask for another's.
        statements.append(draw(port_matches()))
        endings = endings[:1]
    if not statements or draw(st.booleans()):
        statements.append(draw(st.one_of(endings)))
    return tuple(statements)


@st.composite
def verdict_maps(draw: st.DrawFn, chains: tuple[str, ...]) -> VerdictMap:
    """Draw a map of any kind."""
    kind, key = draw(st.sampled_from((*_EXACT_KINDS, *_RANGE_KINDS)))
    verdict = verdicts(chains)
    if kind is RangeMap:
        return RangeMap(key, {found: draw(verdict) for found in draw(ranges(_MAX_KEY[key]))})
    numbers = st.one_of(st.integers(0, 9), st.integers(0, _MAX_KEY[key]), st.just(_MAX_KEY[key]))
    return ExactMap(key, draw(st.dictionaries(numbers, verdict, max_size=6)))


@st.composite
def rulesets(draw: st.DrawFn) -> Ruleset:
    """Draw a ruleset that the kernel takes: nothing missing, no loop, nothing that leads to a base chain.

    A chain leads only to later ones, be it directly or through a map; a map stands before the first chain that
    its elements lead to.
    """
    names = tuple(name for name in CHAINS if draw(st.booleans()))
    hooks = {name: draw(_hooks(name)) for name in names}
    targets = tuple(name for name in names if hooks[name] is None)
    counters = draw(st.frozensets(st.sampled_from(COUNTERS)))
    places = {name: draw(st.integers(0, len(targets))) for name in MAPS if draw(st.booleans())}
    maps = {name: draw(verdict_maps(targets[place:])) for name, place in places.items()}
    chains = {}
    for name in names:
        later = targets[targets.index(name) + 1 :] if name in targets else targets
        reachable = {m: maps[m] for m, place in places.items() if len(targets) - place <= len(later)}
        chains[name] = Chain(tuple(draw(st.lists(rules(later, reachable, counters), max_size=3))), hooks[name])
    return Ruleset(chains, maps, counters)


def _hooks(name: str) -> st.SearchStrategy[Hook | None]:
    """Draw where a chain is attached; the usual base chains mostly are, others hardly ever."""
    if name in {"forward", "input"}:
        return st.sampled_from((Hook.FORWARD, Hook.INPUT, Hook(name), None))
    return st.sampled_from((None, None, None, None, None, None, None, Hook.FORWARD))
