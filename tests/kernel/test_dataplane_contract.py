"""One contract, kept by the kernel and by its twin in memory."""

import os
import resource
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, note, settings

from anp.lab.namespace import Namespace
from compiler.ruleset import (
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
    RangeMap,
    Return,
    Ruleset,
    SetMark,
    Side,
)
from compiler.syntax import MAX_NAME, script
from enforcer.errors import NamespaceError, TooManyFilesError, TransactionRejectedError
from enforcer.fake import FakeDataplane
from enforcer.kernel import KernelDataplane
from enforcer.plan import plan
from enforcer.reconcile import Dataplane, Enforcer
from enforcer.table import MAX_DEPTH
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
from tests.ruleset_strategies import rulesets

PLAIN = Chain(())
FORWARD = Chain((), Hook.FORWARD)
MARKS = ExactMap(KeyType.MARK)
ADDRESSES = ExactMap(KeyType.IPV4)
NETWORKS = RangeMap(KeyType.IPV4)
TEN = (0x0A000000, 0x0AFFFFFF)

SOMETHING = Ruleset(
    chains={
        "forward": Chain(((Jump("class-1"),), (AddressLookup(Side.SOURCE, 4, "subject-4"),)), Hook.FORWARD),
        "class-1": Chain(((SetMark(0xFFFF0000, 0x10000),), (Count("rule-a"), Return()))),
        "class-2": Chain(((MarkLookup(0xFFFF0000, "program-a"),),)),
    },
    maps={
        "subject-4": ExactMap(KeyType.IPV4, {0x0A000001: Goto("class-2"), 0x0A000002: Drop()}),
        "program-a": ExactMap(KeyType.MARK, {0x10000: Accept()}),
        "net-4": RangeMap(KeyType.IPV4, {TEN: Goto("class-1")}),
    },
    counters=frozenset({"rule-a"}),
)
"""What the table holds where a test asks what may be done to it. Nothing in it leads anywhere twice."""


@pytest.fixture(params=["fake", pytest.param("kernel", marks=pytest.mark.kernel)])
def dataplane(request: pytest.FixtureRequest) -> Dataplane:
    return FakeDataplane() if request.param == "fake" else request.getfixturevalue("kernel")


@pytest.fixture
def something(dataplane: Dataplane) -> Dataplane:
    dataplane.run(plan(Ruleset(), SOMETHING))
    return dataplane


def elements(key: KeyType, **verdicts: object) -> ExactMap:
    return ExactMap(key, {int(number[1:]): verdict for number, verdict in verdicts.items()})


# What is taken.


def test_a_table_that_is_not_there_holds_nothing(dataplane):
    assert dataplane.read() == Ruleset()


def test_an_empty_table_holds_nothing(dataplane):
    dataplane.run(Transaction((AddTable(),)))

    assert dataplane.read() == Ruleset()


def test_an_empty_transaction_is_done(dataplane):
    dataplane.run(Transaction())

    assert dataplane.read() == Ruleset()


def test_what_was_written_is_read_back(something):
    assert something.read() == SOMETHING


def test_a_check_changes_nothing(something):
    something.check(Transaction((DeleteTable(),)))

    assert something.read() == SOMETHING


@pytest.mark.parametrize(
    "operations",
    [
        (AddTable(),),
        (AddChain("class-1", PLAIN),),
        (AddChain("forward", FORWARD),),
        (AddChain("forward", PLAIN),),
        (AddCounter("rule-a"),),
        (AddMap("subject-4", ADDRESSES),),
        (AddMap("net-4", NETWORKS),),
        (AddElements("subject-4", ExactMap(KeyType.IPV4, {0x0A000002: Drop()})),),
        (AddElements("net-4", RangeMap(KeyType.IPV4, {TEN: Goto("class-1")})),),
    ],
    ids=str,
)
def test_what_is_there_may_be_added_again(something, operations):
    something.run(Transaction(operations))

    assert something.read() == SOMETHING


@pytest.mark.parametrize(
    ("operations", "left"),
    [
        ((AddTable(), DeleteTable()), Ruleset()),
        ((AddTable(), DeleteTable(), AddTable(), AddChain("class-1", PLAIN)), Ruleset({"class-1": PLAIN})),
    ],
)
def test_a_table_may_be_made_anew_in_one_transaction(something, operations, left):
    something.run(Transaction(operations))

    assert something.read() == left


def test_an_element_is_changed_by_taking_it_out_and_putting_it_back(something):
    key = 0x0A000001
    something.run(
        Transaction(
            (
                DeleteElements("subject-4", KeyType.IPV4, (key,)),
                AddElements("subject-4", ExactMap(KeyType.IPV4, {key: Accept()})),
            )
        )
    )

    assert something.read().maps["subject-4"].elements[key] == Accept()


def test_a_map_of_ranges_may_be_rewritten_in_one_transaction(something):
    split = RangeMap(KeyType.IPV4, {(TEN[0], TEN[0] + 9): Drop(), (TEN[0] + 10, TEN[1]): Accept()})
    something.run(Transaction((FlushMap("net-4"), AddElements("net-4", split))))

    assert something.read().maps["net-4"] == split


def test_a_map_goes_with_its_elements(something):
    something.run(Transaction((DeleteMap("net-4"),)))

    assert "net-4" not in something.read().maps


def test_a_chain_goes_with_its_rules(something):
    something.run(
        Transaction(
            (DeleteElements("subject-4", KeyType.IPV4, (0x0A000001,)), DeleteChain("class-2"), DeleteMap("program-a"))
        )
    )

    assert something.read().chains.keys() == {"forward", "class-1"}


def test_loops_that_no_packet_can_reach_are_taken(dataplane):
    loop = Ruleset({"class-1": Chain(((Jump("class-2"),),)), "class-2": Chain(((Jump("class-1"),),))})
    dataplane.run(plan(Ruleset(), loop))

    assert dataplane.read() == loop


def test_names_may_be_as_long_as_we_think(dataplane):
    name = "rule-".ljust(MAX_NAME, "a")
    ruleset = Ruleset(
        {name: Chain(((MarkLookup(1, name),), (Count(name), Drop()))), "class-1": Chain(((Goto(name),),))},
        {name: ExactMap(KeyType.MARK, {1: Goto("class-1")})},
        frozenset({name}),
    )
    dataplane.run(plan(Ruleset(), ruleset))

    assert dataplane.read() == ruleset


def deep(depth: int) -> Ruleset:
    """Make that many chains, each of which leads to the next."""
    names = ["forward", *(f"class-{number}" for number in range(1, depth))]
    chains = {name: Chain(((Goto(after),),)) for name, after in pairwise(names)}
    chains[names[-1]] = PLAIN
    chains["forward"] = Chain(chains["forward"].rules, Hook.FORWARD)
    return Ruleset(chains)


def test_chains_may_be_as_deep_as_we_think(dataplane):
    dataplane.run(plan(Ruleset(), deep(MAX_DEPTH)))

    assert dataplane.read() == deep(MAX_DEPTH)


# What is refused.


REFUSED: list[tuple[tuple[Operation, ...], int, str]] = [
    # Operations, which of them is refused, and the kernel's word for it.
    ((AddRule("class-1", (Jump("class-9"),)),), 0, "No such file or directory"),
    ((AddRule("class-9", (Drop(),)),), 0, "No such file or directory"),
    ((AddRule("class-1", (AddressLookup(Side.SOURCE, 4, "net-9"),)),), 0, "No such file or directory"),
    ((AddRule("class-1", (Count("rule-9"),)),), 0, "No such file or directory"),
    ((AddElements("subject-4", elements(KeyType.IPV4, _1=Goto("class-9"))),), 0, "No such file or directory"),
    ((AddElements("net-9", elements(KeyType.IPV4, _1=Drop())),), 0, "No such file or directory"),
    ((DeleteElements("subject-4", KeyType.IPV4, (1,)),), 0, "No such file or directory"),
    ((FlushChain("class-9"),), 0, "No such file or directory"),
    ((FlushMap("net-9"),), 0, "No such file or directory"),
    ((DeleteChain("class-9"),), 0, "No such file or directory"),
    ((DeleteMap("net-9"),), 0, "No such file or directory"),
    ((DeleteCounter("rule-9"),), 0, "No such file or directory"),
    ((DeleteTable(), AddChain("class-1", PLAIN)), 1, "No such file or directory"),
    ((DeleteChain("class-1"),), 0, "Device or resource busy"),
    ((AddChain("class-3", PLAIN), AddRule("class-3", (Goto("class-3"),)), DeleteChain("class-3")), 2, "resource busy"),
    ((FlushChain("forward"), DeleteChain("class-2")), 1, "Device or resource busy"),
    ((DeleteMap("subject-4"),), 0, "Device or resource busy"),
    ((DeleteCounter("rule-a"),), 0, "Device or resource busy"),
    ((AddMap("subject-4", MARKS),), 0, "File exists"),
    ((AddMap("subject-4", NETWORKS),), 0, "File exists"),
    ((AddElements("subject-4", ExactMap(KeyType.IPV4, {0x0A000002: Accept()})),), 0, "File exists"),
    ((AddElements("net-4", RangeMap(KeyType.IPV4, {TEN: Drop()})),), 0, "File exists"),
    ((AddElements("net-4", RangeMap(KeyType.IPV4, {(TEN[0] + 5, TEN[0] + 9): Drop()})),), 0, "interval"),
    ((AddElements("net-4", RangeMap(KeyType.IPV4, {(TEN[0] - 5, TEN[0]): Drop()})),), 0, "interval"),
    ((AddRule("class-1", (Jump("forward"),)),), 0, "Operation not supported"),
    ((AddElements("subject-4", elements(KeyType.IPV4, _1=Goto("forward"))),), 0, "Operation not supported"),
    ((AddChain("class-1", FORWARD),), 0, "Operation not supported"),
    ((AddChain("forward", Chain((), Hook.INPUT)),), 0, "Operation not supported"),
    ((AddRule("class-1", (MarkLookup(0xFF, "subject-4"),)),), 0, "datatype mismatch"),
    ((AddRule("class-1", (AddressLookup(Side.SOURCE, 6, "subject-4"),)),), 0, "datatype mismatch"),
    ((AddRule("class-1", (Jump("class-1"),)),), 0, "Too many links"),
    ((AddRule("class-1", (Goto("class-2"),)), AddRule("class-2", (Goto("class-1"),))), 1, "Too many links"),
    ((AddElements("program-a", elements(KeyType.MARK, _1=Goto("class-2"))),), 0, "Too many links"),
]


@pytest.mark.parametrize(("operations", "culprit", "reason"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_refused_transaction_changes_nothing_and_says_what_and_why(something, operations, culprit, reason):
    before = (AddChain("class-7", PLAIN), AddRule("class-7", (Drop(),)), AddCounter("rule-7"))
    if isinstance(operations[0], DeleteTable):
        before = ()
    tx = Transaction((*before, *operations))

    with pytest.raises(TransactionRejectedError, match=reason) as caught:
        something.run(tx)

    assert something.read() == SOMETHING
    assert f"{caught.value.statement}\n" == str(Transaction(operations[culprit : culprit + 1]))
    assert caught.value.statement in str(caught.value)
    assert caught.value.script == str(tx)


@pytest.mark.parametrize(("operations", "culprit", "reason"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_check_refuses_what_a_run_refuses(something, operations, culprit, reason):
    with pytest.raises(TransactionRejectedError, match=reason):
        something.check(Transaction(operations))


@pytest.mark.parametrize("operation", [DeleteTable(), AddChain("class-1", PLAIN), FlushChain("class-1")], ids=str)
def test_nothing_can_be_done_to_a_table_that_is_not_there(dataplane, operation):
    with pytest.raises(TransactionRejectedError, match="No such file or directory"):
        dataplane.run(Transaction((operation,)))


def test_chains_may_be_no_deeper_than_we_think(dataplane):
    with pytest.raises(TransactionRejectedError, match="Too many links"):
        dataplane.run(plan(Ruleset(), deep(MAX_DEPTH + 1)))

    assert dataplane.read() == Ruleset()


def test_of_a_long_statement_the_error_shows_the_place(dataplane):
    dataplane.run(Transaction((AddTable(), AddMap("subject-4", ADDRESSES), AddChain("class-1", PLAIN))))
    many = {number: Drop() for number in range(3000)} | {0x0A000001: Goto("class-9"), 0x0B000000: Drop()}
    tx = Transaction((AddElements("subject-4", ExactMap(KeyType.IPV4, many)),))

    with pytest.raises(TransactionRejectedError) as caught:
        dataplane.run(tx)

    assert f"{caught.value.statement}\n" == str(tx)
    assert len(str(caught.value)) < 500


# Plans.


def bring(dataplane: Dataplane, ruleset: Ruleset) -> Transaction:
    tx = plan(dataplane.read(), ruleset)
    note(str(tx))
    dataplane.run(tx)
    return tx


@pytest.mark.kernel
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(before=rulesets(), after=rulesets())
def test_a_plan_takes_the_kernel_from_any_state_to_any_other_and_then_is_empty(kernel, before, after):
    for ruleset in (before, after, before, Ruleset()):
        bring(kernel, ruleset)

        assert kernel.read() == ruleset
        assert not plan(kernel.read(), ruleset)


@pytest.mark.kernel
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(before=rulesets(), after=rulesets())
def test_a_whole_script_loads_over_anything(kernel, before, after):
    bring(kernel, before)

    kernel.check_script(script(after))

    assert kernel.read() == before
    kernel.run_script(script(after))
    assert kernel.read() == after


def test_a_restarted_enforcer_writes_the_difference_only(something):
    enforcer = Enforcer(something)

    assert enforcer.apply(SOMETHING).summary.operations == 0
    maps = {**SOMETHING.maps, "subject-4": ExactMap(KeyType.IPV4, {0x0A000001: Goto("class-2")})}
    applied = enforcer.apply(replace(SOMETHING, maps=maps))
    assert (applied.summary.operations, applied.summary.elements_removed) == (1, 1)
    assert something.read().maps == maps


# The neighbours.


@pytest.mark.kernel
def test_nobody_elses_table_is_touched(kernel, nft):
    nft("""
        table inet other {
            map class-4 { type ipv4_addr : verdict; elements = { 10.0.0.1 : drop }; }
            chain forward { type filter hook forward priority 0; policy accept; ip saddr vmap @class-4; }
        }
        table ip anp {
            chain forward { type filter hook forward priority 0; policy drop; }
        }
    """)
    theirs = nft("list ruleset")
    enforcer = Enforcer(kernel)

    for ruleset in (SOMETHING, deep(3), Ruleset(), SOMETHING):
        enforcer.apply(ruleset)
        assert kernel.read() == ruleset
    enforcer.uninstall()

    assert nft("list ruleset") == theirs


@pytest.mark.kernel
@pytest.mark.parametrize(
    "intrusion",
    [
        "add chain inet anp their-chain; add rule inet anp their-chain goto class-1",
        "add chain inet anp class-9 { type filter hook output priority 0; policy drop; }",
        "add chain inet anp class-9 { type filter hook forward priority 5; policy accept; }",
        "add chain inet anp forward { policy drop; }",
        "add set inet anp net-9 { type ipv4_addr; }",
        "add map inet anp net-9 { type ipv4_addr : mark; }",
        "add map inet anp net-9 { type ipv4_addr . inet_service : verdict; }",
        "add map inet anp net-9 { type ipv4_addr : verdict; flags timeout; }",
        'add element inet anp subject-4 { 10.9.9.9 comment "mine" : accept }',
        "add quota inet anp rule-9 { over 10 mbytes }",
        "add table inet anp { flags dormant; }",
    ],
)
def test_foreign_objects_are_seen_and_go(kernel, nft, intrusion):
    kernel.run(plan(Ruleset(), SOMETHING))
    nft(intrusion)

    assert kernel.read().foreign
    assert Enforcer(kernel).apply(SOMETHING).summary.operations > 0
    assert kernel.read() == SOMETHING


@pytest.mark.kernel
@pytest.mark.parametrize(
    "intrusion",
    [
        "insert rule inet anp class-1 accept",
        "add rule inet anp class-1 tcp dport 80 accept",
        'add rule inet anp class-1 drop comment "mine"',
        "insert rule inet anp class-1 ip saddr 10.0.0.1 drop",
        "add rule inet anp class-1 ct state established",
        "add rule inet anp class-1 meta mark set meta mark ^ 0x1",
        "add rule inet anp class-1 counter",
        "add rule inet anp class-1 ct original ip saddr 10.0.0.1 goto class-2",
        "flush chain inet anp class-1",
        "add element inet anp subject-4 { 10.9.9.9 : accept }",
        "delete element inet anp subject-4 { 10.0.0.2 }",
        "add chain inet anp class-9",
        "add counter inet anp rule-9",
    ],
)
def test_changes_by_others_are_seen_and_undone(kernel, nft, intrusion):
    kernel.run(plan(Ruleset(), SOMETHING))
    nft(intrusion)

    assert kernel.read() != SOMETHING
    assert not kernel.read().foreign
    Enforcer(kernel).apply(SOMETHING)
    assert kernel.read() == SOMETHING


@pytest.mark.kernel
def test_an_enforcer_whose_table_was_taken_away_puts_it_back(kernel, nft):
    enforcer = Enforcer(kernel)
    enforcer.apply(SOMETHING)
    nft("delete table inet anp")

    applied = enforcer.apply(replace(SOMETHING, counters=SOMETHING.counters | {"rule-b"}))

    assert applied.drifted
    assert kernel.read().counters == {"rule-a", "rule-b"}


# Namespaces and rights.


@pytest.mark.kernel
def test_dataplanes_of_one_process_live_in_namespaces_of_their_own(kernel, network):
    other = Namespace()
    with KernelDataplane(other.fd) as elsewhere, KernelDataplane(f"/proc/self/fd/{network.fd}") as again:
        kernel.run(plan(Ruleset(), SOMETHING))
        elsewhere.run(plan(Ruleset(), deep(2)))

        assert again.read() == SOMETHING
        assert elsewhere.read() == deep(2)
    other.close()


@pytest.mark.kernel
def test_without_a_name_the_namespace_is_that_of_the_calling_thread(kernel, network):
    with network.call(KernelDataplane) as here:
        here.run(plan(Ruleset(), SOMETHING))

    assert kernel.read() == SOMETHING


@pytest.mark.kernel
def test_a_namespace_that_is_not_there_is_an_error():
    with pytest.raises(NamespaceError, match="cannot enter network namespace nowhere: No such file"):
        KernelDataplane("nowhere")


@pytest.mark.kernel
@pytest.mark.parametrize("call", ["read()", "run(Transaction((AddTable(),)))", "check_script('list tables')"])
def test_who_may_not_is_told_so(call):
    program = f"""
from enforcer.errors import NotPermittedError
from enforcer.kernel import KernelDataplane
from enforcer.transaction import AddTable, Transaction
try:
    KernelDataplane().{call}
except NotPermittedError as error:
    print(error)
"""
    bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", program]
    done = subprocess.run(bare, capture_output=True, check=True, text=True, timeout=60)

    assert done.stdout.startswith("no right to use nftables")


@pytest.mark.kernel
def test_a_process_with_too_many_files_is_told_so_instead_of_aborted():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held = []
    try:
        while not held or held[-1] < 1024:
            held.append(os.open(os.devnull, os.O_RDONLY))

        with pytest.raises(TooManyFilesError, match="below 1024"):
            KernelDataplane()
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
