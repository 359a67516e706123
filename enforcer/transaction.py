"""What to do to the kernel, as a value: making one talks to nobody.

The text of a transaction is the script that runs, the lines in the log and what tests compare.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, assert_never

from compiler import syntax
from compiler.ruleset import Chain, KeyType, NftRule, VerdictMap


@dataclass(frozen=True, slots=True)
class AddTable:
    """Make our table, if it is not there."""


@dataclass(frozen=True, slots=True)
class DeleteTable:
    """Delete our table and all that is in it."""


@dataclass(frozen=True, slots=True)
class AddCounter:
    """Make a named counter, if it is not there."""

    counter: str


@dataclass(frozen=True, slots=True)
class DeleteCounter:
    """Delete a counter that no rule uses."""

    counter: str


@dataclass(frozen=True, slots=True)
class AddChain:
    """Make a chain like `like`, without its rules."""

    chain: str
    like: Chain


@dataclass(frozen=True, slots=True)
class FlushChain:
    """Delete a chain's rules."""

    chain: str


@dataclass(frozen=True, slots=True)
class DeleteChain:
    """Delete a chain, with its rules, to which nothing leads."""

    chain: str


@dataclass(frozen=True, slots=True)
class AddRule:
    """Append a rule to a chain."""

    chain: str
    rule: NftRule


@dataclass(frozen=True, slots=True)
class AddMap:
    """Make a map like `like`, without its elements."""

    map: str
    like: VerdictMap


@dataclass(frozen=True, slots=True)
class FlushMap:
    """Delete a map's elements."""

    map: str


@dataclass(frozen=True, slots=True)
class DeleteMap:
    """Delete a map, with its elements, that no rule uses."""

    map: str


@dataclass(frozen=True, slots=True)
class AddElements:
    """Add all that is in `elements` to a map of the same kind."""

    map: str
    elements: VerdictMap


@dataclass(frozen=True, slots=True)
class DeleteElements:
    """Delete the elements with those numbers from an exact map."""

    map: str
    key: KeyType
    numbers: tuple[int, ...]


Operation: TypeAlias = (
    AddTable
    | DeleteTable
    | AddCounter
    | DeleteCounter
    | AddChain
    | FlushChain
    | DeleteChain
    | AddRule
    | AddMap
    | FlushMap
    | DeleteMap
    | AddElements
    | DeleteElements
)


@dataclass(frozen=True, slots=True)
class Summary:
    """How much a transaction does; a map or a chain that is flushed counts its own as rewritten, not removed.

    Attributes:
        elements_added: Elements of all maps, those of rewritten maps among them.
        elements_removed: Elements taken out one by one.
        maps_flushed: Maps rewritten whole.
        chains_added: New chains.
        chains_flushed: Chains whose rules were taken out, be it for others or before the chain goes.
        chains_removed: Chains that go.
        rules_added: Rules of new and of rewritten chains.
        operations: Operations in all.
        bytes: Length of the script.

    """

    elements_added: int = 0
    elements_removed: int = 0
    maps_flushed: int = 0
    chains_added: int = 0
    chains_flushed: int = 0
    chains_removed: int = 0
    rules_added: int = 0
    operations: int = 0
    bytes: int = 0


# Without slots, because the script is kept: it is asked for by whoever logs it and by whoever runs it.
@dataclass(frozen=True)
class Transaction:
    """Operations in order, all of which happen at once or not at all."""

    operations: tuple[Operation, ...] = ()

    def __len__(self) -> int:
        return len(self.operations)

    def __str__(self) -> str:
        return self.script

    @cached_property
    def script(self) -> str:
        """The nft script, a command a line.

        Raises:
            InvalidRulesetError: something in it has no safe text.

        """
        return "".join(f"{line}\n" for operation in self.operations for line in lines(operation))

    @property
    def summary(self) -> Summary:
        """How much it does."""
        kinds = [type(operation) for operation in self.operations]
        return Summary(
            elements_added=sum(len(o.elements.elements) for o in self.operations if isinstance(o, AddElements)),
            elements_removed=sum(len(o.numbers) for o in self.operations if isinstance(o, DeleteElements)),
            maps_flushed=kinds.count(FlushMap),
            chains_added=kinds.count(AddChain),
            chains_flushed=kinds.count(FlushChain),
            chains_removed=kinds.count(DeleteChain),
            rules_added=kinds.count(AddRule),
            operations=len(self.operations),
            bytes=len(self.script),
        )


def lines(operation: Operation) -> Iterator[str]:  # noqa: C901, PLR0912  one line for each operation there is
    """Yield the commands of one operation: one, or several where there are many elements."""
    match operation:
        case AddTable():
            yield syntax.add_table()
        case DeleteTable():
            yield syntax.delete_table()
        case AddCounter(counter):
            yield syntax.add_counter(counter)
        case DeleteCounter(counter):
            yield syntax.delete_counter(counter)
        case AddChain(chain, like):
            yield syntax.add_chain(chain, like)
        case FlushChain(chain):
            yield syntax.flush_chain(chain)
        case DeleteChain(chain):
            yield syntax.delete_chain(chain)
        case AddRule(chain, rule):
            yield syntax.add_rule(chain, rule)
        case AddMap(map_name, made):
            yield syntax.add_map(map_name, made)
        case FlushMap(map_name):
            yield syntax.flush_map(map_name)
        case DeleteMap(map_name):
            yield syntax.delete_map(map_name)
        case AddElements(map_name, elements):
            yield from syntax.add_elements(map_name, elements)
        case DeleteElements(map_name, key, numbers):
            yield from syntax.delete_elements(map_name, key, numbers)
        case unreachable:
            assert_never(unreachable)
