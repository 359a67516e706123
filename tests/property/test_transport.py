"""Generations arrive as they were sent, whatever happens on the way."""

import contextlib
import dataclasses
import json
import string
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import jsonschema
import pytest
from hypothesis import event, given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from anp.api.crds import engine_crds
from anp.transport import IncompleteError, Limits, Published, Reception, TransportError, slices, tables
from anp.transport.slices import size_of
from compiler.compilation import compile_cluster
from compiler.generation import Generation, Member, PortableProgram, PortableRule, PortableTier, Shape
from compiler.lower import DEFAULT_LAYOUT, lower_share
from compiler.model import Action, Direction, PolicyKind, RuleOrigin, Tier
from compiler.packets import EVERY_PACKET
from compiler.reading import share_of
from compiler.writing import generation_of
from tests.apitwin import ApiTwin, RefusedError
from tests.strategies import snapshots

MANIFEST, SLICE = "PolicyGeneration", "GenerationSlice"
START = datetime(2026, 1, 1, tzinfo=UTC)
NODES = ("n1", "n2", "nowhere")
SCHEMAS = {
    crd["spec"]["names"]["kind"]: jsonschema.Draft202012Validator(
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    )
    for crd in engine_crds()
}

# Few entries in a bucket, and few in a slice, so that small clusters have many of both.
SMALL_BUCKETS = dict.fromkeys(tables.NO_TABLES, 2)
SMALL_SLICE = 700
SMALL_JOURNAL = Limits(changes=6, size=3_000)


@contextlib.contextmanager
def in_small_pieces():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_PER_BUCKET", SMALL_BUCKETS)
        patch.setattr(slices, "LIMIT", SMALL_SLICE)
        yield


@st.composite
def generations(draw):
    return generation_of(compile_cluster(draw(snapshots())))


def seen_from(generation, node):
    """Return what a node gets of a generation: only the programs of its own pods."""
    shapes = [generation.shapes[member.shape] for member in generation.members.values() if member.node == node]
    digests = {digest for shape in shapes for digest in (shape.egress, shape.ingress)} - {""}
    return dataclasses.replace(generation, programs={digest: generation.programs[digest] for digest in digests})


def without(generation, number):
    """Return a generation with one member less, if it has any."""
    members = dict(generation.members)
    if members:
        del members[sorted(members)[number % len(members)]]
    return dataclasses.replace(generation, members=members)


def moved(generation, number):
    """Return a generation in which one member is another one's lookalike."""
    members = dict(generation.members)
    pods = sorted(owner for owner in members if owner.startswith("pod "))
    if pods:
        owner = pods[number % len(pods)]
        members[owner] = dataclasses.replace(members[owner], node=NODES[number % len(NODES)])
    return dataclasses.replace(generation, members=members)


def write(api, writes):
    """Do everything that a plan says, in its order."""
    for step in steps(writes):
        step(api)


def steps(writes):
    for document in writes.create:
        yield lambda api, document=document: create_slice(api, document)
    if isinstance(writes.manifest, dict):
        yield lambda api: api.create(writes.manifest)
    elif writes.manifest:
        yield lambda api: api.patch(MANIFEST, "current", writes.manifest)
    for name in writes.delete:
        yield lambda api, name=name: delete_slice(api, name)


def create_slice(api, document):
    SCHEMAS[SLICE].validate(document)
    if api.find(SLICE, document["metadata"]["name"]) is None:
        api.create(document)


def delete_slice(api, name):
    if api.find(SLICE, name) is not None:
        api.delete(SLICE, name)


def read(api, limits=None):
    return Published.of(api.find(MANIFEST, "current"), api.list(SLICE), limits)


def receive(api, reception):
    """Receive what is in force, in a world that stands still."""
    manifest = api.get(MANIFEST, "current")
    for _turn in ("tables", "programs"):
        for name in sorted(reception.needs(manifest)):
            reception.give(api.get(SLICE, name))
    return reception.take(manifest)


# Encoding.


@pytest.mark.parametrize("small", [False, True])
@given(generation=generations())
def test_what_is_published_is_what_every_node_receives(small, generation):
    with in_small_pieces() if small else contextlib.nullcontext():
        api = ApiTwin()
        write(api, Published().plan(generation, START))

        SCHEMAS[MANIFEST].validate(api.get(MANIFEST, "current"))
        for node in NODES:
            received = receive(api, Reception(node))
            assert received.number == 1
            assert received.generation == seen_from(generation, node)
            mine, whole = (share_of(known, node, DEFAULT_LAYOUT) for known in (received.generation, generation))
            assert lower_share(mine) == lower_share(whole)


@given(generation=generations(), other=generations())
def test_who_takes_over_sees_nothing_to_do_and_goes_on(generation, other):
    with in_small_pieces():
        api = ApiTwin()
        write(api, Published().plan(generation, START))

        published = read(api)
        assert published.trouble == ""
        assert not published.plan(generation, START)
        write(api, published.plan(other, START))

        assert receive(api, Reception("n1")).generation == seen_from(other, "n1")


@given(generation=generations(), other=generations())
def test_a_reception_goes_on_where_it_was_saved(generation, other):
    api, published, reception = ApiTwin(), Published(), Reception("n1")
    writes = published.plan(generation, START)
    write(api, writes)
    before = receive(api, reception)

    again = Reception.load("n1", reception.save())

    assert again.last == before
    assert again.needs(api.get(MANIFEST, "current")) == frozenset()
    write(api, published.after(writes).plan(moved(generation, 0), START))
    assert again.needs(api.get(MANIFEST, "current")) == reception.needs(api.get(MANIFEST, "current"))
    assert receive(api, again) == receive(api, Reception("n1"))


@given(generation=generations(), cut=st.integers(min_value=0), flip=st.integers(1, 255))
def test_damaged_saves_are_refused(generation, cut, flip):
    api, reception = ApiTwin(), Reception("n1")
    write(api, Published().plan(generation, START))
    taken = receive(api, reception)
    saved = bytearray(reception.save())

    with pytest.raises(TransportError):
        Reception.load("n1", bytes(saved[: cut % len(saved)]))
    saved[cut % len(saved)] ^= flip
    with contextlib.suppress(TransportError):
        assert Reception.load("n1", bytes(saved)).last.generation == taken.generation


# Any order of events.


class Publisher:
    """A controller that does one thing at a time, and may be stopped between any two."""

    def __init__(self, api):
        self.api = api
        self.restart()

    def restart(self):
        self.manifest, self.published, self.writes, self.left, self.wanted = ..., None, None, [], None

    def step(self, wanted, now, generations):
        """Do the next thing: read the manifest, read slices, plan, or one write."""
        if self.manifest is ...:
            self.manifest = self.api.find(MANIFEST, "current")
        elif self.published is None:
            self.published = Published.of(self.manifest, self.api.list(SLICE), SMALL_JOURNAL)
        elif not self.left:
            if self.writes:
                self.published = self.published.after(self.writes)
            self.wanted = wanted
            self.writes = self.published.plan(wanted, now)
            self.left = list(steps(self.writes))
        else:
            before = len(self.api.history)
            try:
                self.left.pop(0)(self.api)
            except RefusedError:
                self.restart()
                return
            if len(self.api.history) > before:
                assert self.writes.number not in generations
                generations[self.writes.number] = self.wanted


class Node:
    """An agent that sees any manifests, in any order, and reads slices when it comes to that."""

    def __init__(self, api, name):
        self.api, self.name = api, name
        self.reception = Reception(name)
        self.manifest = None

    def see(self, manifest):
        self.manifest = manifest

    def step(self, generations):
        if self.manifest is None:
            return
        needed = self.reception.needs(self.manifest)
        if needed:
            document = self.api.find(SLICE, min(needed))
            if document:
                self.reception.give(document)
            else:
                event("a slice was gone")
                self.manifest = self.api.find(MANIFEST, "current")
            return
        received = self.reception.take(self.manifest)
        assert received.number == self.manifest["spec"]["number"]
        assert received.generation == seen_from(generations[received.number], self.name)
        event("a generation was taken")


class Transport(RuleBasedStateMachine):
    @initialize(drawn=st.lists(generations(), min_size=2, max_size=3))
    def begin(self, drawn):
        self.small = contextlib.ExitStack()
        self.small.enter_context(in_small_pieces())
        self.api, self.now, self.generations = ApiTwin(judging=False), START, {}
        self.pool, self.wanted = drawn, drawn[0]
        self.publishers = [Publisher(self.api), Publisher(self.api)]
        self.nodes = [Node(self.api, name) for name in ("n1", "n2")]

    @rule(number=st.integers(0, 2))
    def want_another(self, number):
        self.wanted = self.pool[number % len(self.pool)]

    @rule(number=st.integers(0, 5), change=st.sampled_from((without, moved)))
    def want_a_little_change(self, number, change):
        self.wanted = change(self.wanted, number)

    @rule(which=st.integers(0, 1), times=st.integers(1, 40))
    def publish(self, which, times):
        for _ in range(times):
            self.publishers[which].step(self.wanted, self.now, self.generations)

    @rule(numbers=st.lists(st.integers(0, 5), min_size=1, max_size=8))
    def publish_little_changes(self, numbers):
        publisher = self.publishers[0]
        for number in numbers:
            self.wanted = moved(self.wanted, number)
            for _ in range(4):
                publisher.step(self.wanted, self.now, self.generations)

    @rule(which=st.integers(0, 1))
    def stop_a_publisher(self, which):
        self.publishers[which].restart()

    @rule(seconds=st.sampled_from((1, 59, 61, 200)))
    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.api.history)
    @rule(which=st.integers(0, 1), back=st.sampled_from((1, 1, 1, 2, 3, 10)))
    def see(self, which, back):
        self.nodes[which].see(self.api.history[-min(back, len(self.api.history))])

    @rule(which=st.integers(0, 1), times=st.integers(1, 30))
    def work(self, which, times):
        for _ in range(times):
            self.nodes[which].step(self.generations)

    @rule(which=st.integers(0, 1))
    def restart_a_node(self, which):
        node = self.nodes[which]
        if node.reception.last:
            node.reception = Reception.load(node.name, node.reception.save())

    @precondition(lambda self: self.api.find(MANIFEST, "current"))
    @rule()
    def lose_the_manifest(self):
        # Somebody deletes it: generations go on under higher numbers, or at least not under the same ones.
        if all(publisher.manifest is ... for publisher in self.publishers):
            self.api.delete(MANIFEST, "current")
            self.generations.clear()
            self.api.history.clear()
            for node in self.nodes:
                node.see(None)

    @invariant()
    def all_that_is_named_is_there(self):
        manifest = getattr(self, "api", None) and self.api.find(MANIFEST, "current")
        if manifest:
            SCHEMAS[MANIFEST].validate(manifest)
            published = read(self.api)
            assert published.trouble == ""
            assert published.number == manifest["spec"]["number"]

    def teardown(self):
        if not hasattr(self, "api"):
            return
        with self.small:
            last = self.publishers[1]
            last.restart()
            for _ in range(1_000):
                last.step(self.wanted, self.now, self.generations)
                if (
                    last.writes is not None
                    and not last.left
                    and self.generations.get(last.writes.number) == self.wanted
                ):
                    break
            else:
                pytest.fail("the last publisher does not come to an end")
            for node in self.nodes:
                received = receive(self.api, node.reception)
                assert received.generation == seen_from(self.wanted, node.name)


TestTransport = Transport.TestCase
TestTransport.settings = settings(stateful_step_count=40)


# Damage.


def places(value, path=()):
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def at(value, path):
    for step in path:
        value = value[step]
    return value


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**64),
    st.floats(),
    st.text(string.printable, max_size=8),
    st.sampled_from(["10.0.0.1", "fd00::1", "10.0.0.9", "n1", "0" * 16, "f" * 16, "egress", "ingress", "Deny"]),
    st.sampled_from([[], {}, [[]], {"": {}}]),
)


@st.composite
def damages(draw, document):
    """Draw a document with one thing changed, lost, repeated or taken from elsewhere in it."""
    broken = json.loads(json.dumps(document))
    path = draw(st.sampled_from([path for path in places(broken) if path]))
    place, key = at(broken, path[:-1]), path[-1]
    match draw(st.sampled_from(("junk", "lost", "repeated", "moved"))):
        case "junk":
            place[key] = draw(JUNK)
        case "lost":
            del place[key]
        case "repeated" if isinstance(place, list):
            place.append(place[key])
        case _:
            place[key] = json.loads(json.dumps(at(broken, draw(st.sampled_from(list(places(broken)))))))
    return broken


@given(data=st.data(), first=generations(), numbers=st.lists(st.integers(0, 5), max_size=4))
def test_damage_is_noticed_or_does_no_harm_and_is_repaired(data, first, numbers):
    with in_small_pieces():
        api, published, wanted = ApiTwin(), Published(), first
        for number in (None, *numbers):
            wanted = wanted if number is None else moved(wanted, number)
            writes = published.plan(wanted, START)
            write(api, writes)
            published = published.after(writes)
        document = data.draw(st.sampled_from([api.get(MANIFEST, "current"), *api.list(SLICE).values()]), "document")
        kind, name = document["kind"], document["metadata"]["name"]
        broken = data.draw(damages({"metadata": {"name": name}, "spec": document["spec"]}), "damage")
        api.damage(kind, name, broken)

        try:
            received = receive(api, Reception("n1"))
        except (TransportError, IncompleteError) as error:
            event(type(error).__name__)
            note(str(error))
        else:
            event("no harm")
            assert received.generation == seen_from(wanted, "n1")

        # The publisher sees the same, where the API server would have let it happen.
        if isinstance(broken.get("spec"), dict) and type(broken["spec"].get("number", 1)) is int:
            api.damage(kind, name, {**document, "spec": broken["spec"]})
            repairing = read(api)
            writes = repairing.plan(wanted, START)
            if kind == MANIFEST or repairing.trouble:
                repair(api, writes)
                assert receive(api, Reception("n1")).generation == seen_from(wanted, "n1")


def repair(api, writes):
    for document in writes.create:
        create_slice(api, document)
    manifest = api.get(MANIFEST, "current")
    spec = next((step["value"] for step in writes.manifest or () if step["path"] == "/spec"), manifest["spec"])
    api.damage(MANIFEST, "current", {**manifest, "spec": spec})


# Sizes.


def large(pods, policies):
    """Make a generation without a cluster: so many pods, and a program of 25 rules for each policy."""
    shapes = {f"{n:016x}": Shape(tuple(f"{n + i:016x}" for i in range(20)), f"{n:016x}", "") for n in range(policies)}
    programs = {
        f"{n:016x}": PortableProgram(
            Direction.EGRESS,
            (
                PortableTier(
                    tuple(
                        PortableRule(
                            Action.DENY,
                            anyone=False,
                            peers=tuple(f"{n + i:016x}" for i in range(3)),
                            packets=EVERY_PACKET,
                            named=(),
                            origin=RuleOrigin(
                                Tier.ADMIN,
                                PolicyKind.ADMIN_NETWORK_POLICY,
                                "",
                                f"policy-{n}",
                                Direction.EGRESS,
                                index,
                                f"rule {index}",
                            ),
                        )
                        for index in range(25)
                    )
                ),
            ),
        )
        for n in range(policies)
    }
    members = {
        f"pod namespace-{n % policies}/deployment-0123456789-{n:05}": Member(
            f"{n % policies:016x}", (IPv4Address(0x0A000000 + n),), f"node-{n % 200}.example.internal"
        )
        for n in range(pods)
    }
    return Generation(members, shapes, programs)


@pytest.mark.slow
def test_documents_of_a_large_cluster_stay_small():
    writes = Published().plan(large(20_000, 2_000), START)

    assert max(map(size_of, writes.create)) < 140 * 1024
    assert size_of(writes.manifest) < 16 * 1024
    assert len(writes.create) < 2_000 + 200


def test_a_large_program_is_cut():
    rules = large(1, 1).programs["0" * 16].tiers[0].rules
    generation = dataclasses.replace(
        large(1, 1), programs={"0" * 16: PortableProgram(Direction.EGRESS, (PortableTier(rules * 100),))}
    )
    api, reception = ApiTwin(), Reception("node-0.example.internal")
    writes = Published().plan(generation, START)
    write(api, writes)

    assert max(map(size_of, writes.create)) < 140 * 1024
    assert receive(api, reception).generation == generation


def test_a_pod_that_changes_is_one_small_patch_unless_the_journal_is_full():
    generation, published, api = large(1_000, 20), Published(), ApiTwin()
    writes = published.plan(generation, START)
    write(api, writes)
    published, reception = published.after(writes), Reception("node-0.example.internal")
    receive(api, reception)
    whole = []

    for number in range(400):
        generation = moved(generation, number)
        writes = published.plan(generation, START)
        if writes.create:
            whole.append(number)
        else:
            assert isinstance(writes.manifest, tuple)
            assert size_of(list(writes.manifest)) < 1024
        write(api, writes)
        published = published.after(writes)
        manifest = api.get(MANIFEST, "current")
        assert size_of(manifest) < 40 * 1024
        # Who keeps up never reads a slice again, not even when there are new ones.
        assert reception.needs(manifest) == frozenset()
        assert reception.take(manifest).number == number + 2

    assert 1 < len(whole) < 6


def test_who_was_away_for_less_than_half_a_journal_reads_no_slices():
    generation, published, api = large(200, 2), Published(), ApiTwin()
    behind = Reception("node-0.example.internal")
    for number in range(400):
        writes = published.plan(generation, START)
        write(api, writes)
        published = published.after(writes)
        generation = moved(generation, number)
        if number % 60 == 0:
            if number:
                assert behind.needs(api.get(MANIFEST, "current")) == frozenset()
            receive(api, behind)
