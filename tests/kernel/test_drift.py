"""Somebody else's changes to our table are noticed, ours are told apart, and others' tables are not our business."""

import select
import socket

import pytest

from compiler.compilation import compile_cluster
from compiler.lower import lower
from compiler.ruleset import Ruleset
from enforcer.drift import TableWatch
from enforcer.errors import NamespaceError
from enforcer.reconcile import Enforcer
from tests.builders import admin, cluster, deny, pods

pytestmark = pytest.mark.kernel


@pytest.fixture
def watch(network):
    with TableWatch(network.fd) as found:
        yield found


@pytest.fixture
def ruleset():
    snapshot = cluster(admin("closing", pods("x"), priority=20, ingress=[deny(pods("y"))]))
    return lower(compile_cluster(snapshot), snapshot.pods[0].node)


def waiting(watch):
    return bool(select.select([watch], [], [], 0)[0])


@pytest.fixture
def installed(kernel, watch, ruleset):
    Enforcer(kernel).apply(ruleset)
    assert watch.transactions() == 1
    assert not waiting(watch)
    return ruleset


def test_one_of_our_transactions_is_one_however_much_it_changes(kernel, watch, installed):
    enforcer = Enforcer(kernel)
    enforcer.start()
    assert watch.transactions() == 0

    enforcer.apply(Ruleset())
    enforcer.apply(installed)

    assert watch.transactions() == 2


@pytest.mark.parametrize(
    "change",
    [
        "delete table inet anp",
        "flush chain inet anp forward",
        "flush ruleset",
        "add rule inet anp forward accept",
        "add chain inet anp somebodys",
        "add counter inet anp somebodys",
        "add set inet anp somebodys { type ipv4_addr; }",
        "flush map inet anp subject-4",
        "add chain inet anp forward { policy drop; }",
    ],
)
def test_every_kind_of_change_by_somebody_else_is_noticed(nft, watch, installed, change):
    nft(change)

    assert waiting(watch)
    assert watch.transactions() == 1
    assert not waiting(watch)


def test_what_happens_to_other_tables_is_no_news(nft, watch, installed):
    nft("add table ip anp; add chain ip anp forward; add table inet other; add chain inet other forward; list ruleset")

    assert watch.transactions() == 0


def test_several_transactions_are_counted_one_by_one(nft, watch, installed):
    for name in ("a", "b", "c"):
        nft(f"add chain inet anp {name}; add rule inet anp {name} accept")
        nft(f"add table inet {name}")

    assert watch.transactions() == 3


def test_news_that_were_lost_are_news(nft, watch, installed):
    watch._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    # Others fill the buffer, so that there is no room for what is about us.
    for number in range(20):
        nft(f"add table inet other{number}; add chain inet other{number} c")
    nft("add chain inet anp somebodys")

    assert watch.transactions() >= 1
    assert not waiting(watch)


def test_a_namespace_that_is_not_there_is_told():
    with pytest.raises(NamespaceError, match="nowhere"):
        TableWatch("nowhere-at-all")
