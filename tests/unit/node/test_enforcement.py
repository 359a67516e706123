"""What a node does with generations, with the kernel and the API server in memory."""

import itertools
from datetime import UTC, datetime

import pytest

from anp.node.cache import Cache, Mark
from anp.node.enforcement import Enforcement, OlderError
from anp.node.guard import Guard
from anp.transport import IncompleteError, TransportError
from compiler.lower import DEFAULT_LAYOUT
from compiler.marks import MarkLayout, TooManyClassesError
from compiler.ruleset import Ruleset
from enforcer.errors import TransactionRejectedError
from enforcer.fake import FakeDataplane
from tests.apitwin import ApiTwin
from tests.publishing import NODE, TwinPublisher, crowded, state

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


class Kernel(FakeDataplane):
    """The kernel in memory, which can be told to refuse, and remembers every ruleset that it held."""

    def __init__(self):
        super().__init__()
        self.refusing = False
        self.held = []
        self.reads = 0

    def read(self):
        self.reads += 1
        return super().read()

    def run(self, tx):
        if self.refusing:
            raise TransactionRejectedError("Cannot allocate memory", "add table inet anp", tx.script)
        super().run(tx)
        self.held.append(super().read())


class Site:
    """A node that can be started again, its disk, its kernel and the API server."""

    def __init__(self, folder):
        self.api = ApiTwin()
        self.publisher = TwinPublisher(self.api)
        self.kernel = Kernel()
        self.folder = folder
        self.restart()

    def restart(self, *, layout=DEFAULT_LAYOUT):
        self.guard = Guard(self.kernel)
        self.enforcement = Enforcement(NODE, layout, self.guard, Cache(self.folder), clock=lambda: MOMENT)

    def reboot(self):
        self.kernel = Kernel()
        self.restart()

    def manifest(self):
        return self.api.get("PolicyGeneration", "current")

    def follow(self, manifest=None):
        manifest = manifest or self.manifest()
        while missing := self.enforcement.needs(manifest):
            self.enforcement.give([self.api.get("GenerationSlice", name) for name in missing])
        return self.enforcement.apply(manifest)

    def publish(self, step):
        self.publisher.publish(state(step).generation)
        return self.manifest()

    def holds(self):
        return FakeDataplane.read(self.kernel)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_a_generation_comes_into_force_when_all_of_it_is_there(site):
    manifest = site.publish(0)

    with pytest.raises(IncompleteError):
        site.enforcement.apply(manifest)
    assert site.holds().empty

    assert site.follow().summary.operations
    assert site.holds() == state(0).ruleset
    assert site.enforcement.in_force.mark == Mark(manifest["metadata"]["uid"], 1)
    assert site.enforcement.in_force.published is not None


def test_the_same_generation_again_is_nothing_new(site):
    site.publish(0)
    site.follow()

    assert site.follow() is None


def test_an_older_generation_of_the_same_manifest_is_refused(site):
    old = site.publish(0)
    site.publish(1)
    site.follow()

    for act in (site.enforcement.needs, site.enforcement.apply):
        with pytest.raises(OlderError, match="generation 1, and 2 of the same"):
            act(old)
    assert site.holds() == state(1).ruleset


def test_a_manifest_that_is_made_anew_counts_anew(site):
    for step in range(3):
        site.publish(step)
    site.follow()
    site.api = ApiTwin()
    site.publisher = TwinPublisher(site.api)
    manifest = site.publish(3)
    manifest["metadata"]["uid"] = "another"

    site.follow(manifest)

    assert site.holds() == state(3).ruleset


def test_what_the_kernel_refuses_is_in_force_after_another_attempt(site):
    site.publish(0)
    site.follow()
    site.publish(1)
    site.kernel.refusing = True
    with pytest.raises(TransactionRejectedError):
        site.follow()
    assert site.holds() == state(0).ruleset
    assert site.enforcement.in_force.mark.number == 1

    site.kernel.refusing = False
    site.follow()

    assert site.holds() == state(1).ruleset


def test_too_many_classes_leave_what_was_in_force_and_the_next_generation_is_none_the_worse(site):
    site.restart(layout=MarkLayout(0x7 << 16))
    site.publish(0)
    site.follow()

    site.publisher.publish(crowded())
    with pytest.raises(TooManyClassesError):
        site.follow()
    site.enforcement.save()
    assert site.enforcement._cache.load() is None
    assert site.enforcement.in_force.mark.number == 1

    site.publish(3)
    site.follow()
    assert site.enforcement.in_force.mark.number == 3


@pytest.mark.parametrize(
    "manifest", [{}, {"metadata": {"uid": ""}, "spec": {"number": 1}}, {"metadata": [], "spec": 1}]
)
def test_a_manifest_that_says_nothing_is_refused(site, manifest):
    with pytest.raises(TransportError, match="has no uid"):
        site.enforcement.apply(manifest)


# The disk.


def saved(site, *steps):
    for step in steps:
        site.publish(step)
        site.follow()
    site.enforcement.save()


def test_after_a_reboot_what_was_saved_is_in_force(site):
    saved(site, 0, 1)
    site.reboot()

    site.enforcement.begin()

    assert site.holds() == state(1).ruleset
    assert site.enforcement.in_force.mark.number == 2
    site.publish(2)
    # The journal is enough to go on from there.
    assert not site.enforcement.needs(site.manifest())
    site.follow()
    assert site.holds() == state(2).ruleset


def test_after_a_reboot_what_was_saved_is_better_than_nothing_even_if_there_was_something_newer(site):
    saved(site, 0)
    site.publish(1)
    site.follow()
    site.reboot()

    site.enforcement.begin()

    assert site.holds() == state(0).ruleset


def test_a_kernel_that_may_be_newer_than_the_disk_is_left_alone(site):
    saved(site, 0)
    old = site.manifest()
    site.publish(1)
    site.follow()
    site.restart()

    site.enforcement.begin()

    assert site.holds() == state(1).ruleset
    assert state(0).ruleset not in site.kernel.held[1:]
    assert site.enforcement.in_force is None
    with pytest.raises(OlderError):
        site.follow(old)
    site.follow()
    assert site.holds() == state(1).ruleset


def test_a_kernel_whose_rules_are_those_of_the_disk_is_brought_back_to_them(site):
    saved(site, 0)
    site.kernel._table = FakeDataplane(state(1).ruleset)._table
    site.restart()

    site.enforcement.begin()

    assert site.holds() == state(0).ruleset


@pytest.mark.parametrize("file", ["generation", "intent"])
def test_a_damaged_file_is_told_and_changes_nothing(site, file):
    saved(site, 0)
    path = site.folder / file
    path.write_bytes(path.read_bytes()[:-1])
    site.restart()

    site.enforcement.begin()

    assert "damaged" in site.enforcement.disk_trouble
    assert site.holds() == state(0).ruleset
    site.publish(1)
    site.follow()
    assert site.holds() == state(1).ruleset
    site.enforcement.save()
    assert site.enforcement.disk_trouble == ""


def test_without_a_disk_generations_come_into_force_and_it_is_told(site):
    site.folder.chmod(0o700)
    site.folder = site.folder / "file" / "state"
    site.folder.parent.write_text("no directory")
    site.restart()
    site.enforcement.begin()
    site.publish(0)

    site.follow()
    site.enforcement.save()

    assert site.holds() == state(0).ruleset
    assert "cannot write" in site.enforcement.disk_trouble


def test_what_is_saved_by_another_version_is_told(site):
    saved(site, 0)
    cache = Cache(site.folder)
    cache.save(type(cache.load())(cache.load().mark, b'{"format": 99}'))
    site.reboot()

    site.enforcement.begin()

    assert "cannot be used" in site.enforcement.disk_trouble
    assert site.holds().empty


def test_the_intent_is_there_before_the_kernel_is_asked(site, monkeypatch):
    order = itertools.count()
    seen = {}
    intend, run = Cache.intend, site.kernel.run
    monkeypatch.setattr(Cache, "intend", lambda *a: (seen.setdefault("intent", next(order)), intend(*a)))
    monkeypatch.setattr(site.kernel, "run", lambda tx: (seen.setdefault("kernel", next(order)), run(tx)))
    site.publish(0)

    site.follow()

    assert seen == {"intent": 0, "kernel": 1}


# Drift.


def test_what_others_did_is_found_by_checking(site):
    site.publish(0)
    site.follow()
    assert not site.guard.check()

    site.kernel._table = FakeDataplane(Ruleset())._table

    assert site.guard.check()
    assert site.holds() == state(0).ruleset


def test_a_check_that_the_kernel_refuses_is_still_due(site):
    site.publish(0)
    site.follow()
    site.kernel._table = FakeDataplane(Ruleset())._table
    site.kernel.refusing = True

    with pytest.raises(TransactionRejectedError):
        site.guard.check()
    assert site.guard.suspect

    site.kernel.refusing = False
    site.follow()
    assert site.holds() == state(0).ruleset
