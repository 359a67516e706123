"""Transactions as text and as numbers."""

from compiler.ruleset import Chain, Drop, ExactMap, Goto, Hook, KeyType, RangeMap
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
    Summary,
    Transaction,
)

EVERYTHING = Transaction(
    (
        AddTable(),
        AddCounter("rule-a"),
        AddChain("forward", Chain((), Hook.FORWARD)),
        AddChain("class-1", Chain(())),
        AddMap("class-4", ExactMap(KeyType.IPV4)),
        AddMap("net-4", RangeMap(KeyType.IPV4)),
        AddElements("class-4", ExactMap(KeyType.IPV4, {2: Drop(), 1: Goto("class-1")})),
        AddElements("net-4", RangeMap(KeyType.IPV4, {(5, 9): Drop(), (1, 1): Drop()})),
        AddRule("class-1", (Drop(),)),
        FlushChain("class-1"),
        DeleteElements("class-4", KeyType.IPV4, (2, 1)),
        FlushMap("net-4"),
        DeleteMap("net-4"),
        DeleteChain("class-1"),
        DeleteCounter("rule-a"),
        DeleteTable(),
    )
)

SCRIPT = """\
add table inet anp
add counter inet anp rule-a
add chain inet anp forward { type filter hook forward priority 0; policy accept; }
add chain inet anp class-1
add map inet anp class-4 { type ipv4_addr : verdict; }
add map inet anp net-4 { type ipv4_addr : verdict; flags interval; }
add element inet anp class-4 { 0.0.0.1 : goto class-1, 0.0.0.2 : drop }
add element inet anp net-4 { 0.0.0.1 : drop, 0.0.0.5-0.0.0.9 : drop }
add rule inet anp class-1 drop
flush chain inet anp class-1
delete element inet anp class-4 { 0.0.0.1, 0.0.0.2 }
flush map inet anp net-4
delete map inet anp net-4
delete chain inet anp class-1
delete counter inet anp rule-a
delete table inet anp
"""


def test_its_text_is_the_script():
    assert str(EVERYTHING) == EVERYTHING.script == SCRIPT


def test_its_summary_counts():
    assert EVERYTHING.summary == Summary(
        elements_added=4,
        elements_removed=2,
        maps_flushed=1,
        chains_added=2,
        chains_flushed=1,
        chains_removed=1,
        rules_added=1,
        operations=16,
        bytes=len(SCRIPT),
    )


def test_nothing_is_empty():
    assert not Transaction()
    assert str(Transaction()) == ""
    assert Transaction().summary == Summary()


def test_equal_operations_are_equal_transactions_whether_asked_for_their_text_or_not():
    again = Transaction(EVERYTHING.operations)
    assert str(EVERYTHING)

    assert again == EVERYTHING
