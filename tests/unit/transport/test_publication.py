"""What a publisher writes, and in which trouble it keeps its hands off."""

import dataclasses
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

import pytest

from anp.transport import GRACE, Limits, Published, Reception, TransportError, tables
from compiler.generation import Generation, Member, PortableProgram, PortableTier, Shape, Span
from compiler.model import Direction
from tests.apitwin import ApiTwin, RefusedError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHAPE, OTHER = "0" * 16, "1" * 16
POD = Member(SHAPE, (IPv4Address("10.0.0.1"),), "n1")
PROGRAM = PortableProgram(Direction.EGRESS, (PortableTier(()),))
ONE = Generation({"pod x/a": POD}, {SHAPE: Shape((), SHAPE)}, {SHAPE: PROGRAM})
MANIFEST, SLICE = "PolicyGeneration", "GenerationSlice"


def with_pods(*names, base=ONE):
    return dataclasses.replace(base, members={f"pod x/{name}": POD for name in names})


def create(api, writes):
    for document in writes.create:
        if api.find(SLICE, document["metadata"]["name"]) is None:
            api.create(document)


def write(api, writes):
    create(api, writes)
    if isinstance(writes.manifest, dict):
        api.create(writes.manifest)
    elif writes.manifest:
        api.patch(MANIFEST, "current", writes.manifest)
    for name in writes.delete:
        api.delete(SLICE, name)


def read(api, limits=None):
    return Published.of(api.find(MANIFEST, "current"), api.list(SLICE), limits)


def receive(api, reception=None):
    reception = reception or Reception("n1")
    manifest = api.get(MANIFEST, "current")
    for _turn in ("tables", "programs"):
        for name in sorted(reception.needs(manifest)):
            reception.give(api.get(SLICE, name))
    return reception.take(manifest)


def published(api, *generations, limits=None):
    """Publish one generation after the other, and return the publisher."""
    publisher = read(api, limits)
    for generation in generations:
        writes = publisher.plan(generation, NOW)
        write(api, writes)
        publisher = publisher.after(writes)
    return publisher


def test_nothing_is_a_generation_too():
    api = ApiTwin()

    published(api, Generation())

    assert receive(api).generation == Generation()


def test_what_is_equal_is_not_written_again():
    api = ApiTwin()
    publisher = published(api, ONE)

    writes = publisher.plan(dataclasses.replace(ONE, members=dict(ONE.members), programs=dict(ONE.programs)), NOW)

    assert not writes
    assert writes.number == 1
    assert not publisher.after(writes).plan(ONE, NOW)


@pytest.mark.parametrize("judging", [True, False])
def test_of_two_publishers_the_slower_one_is_refused(judging):
    api = ApiTwin(judging=judging)
    published(api, ONE)
    first, second = read(api), read(api)
    write(api, first.plan(with_pods("a", "b"), NOW))

    with pytest.raises(RefusedError, match="422"):
        write(api, second.plan(with_pods("a", "c"), NOW))

    assert receive(api).generation == with_pods("a", "b")


def test_of_two_that_begin_the_slower_one_is_refused():
    api = ApiTwin()
    first, second = read(api), read(api)
    write(api, first.plan(ONE, NOW))

    with pytest.raises(RefusedError, match="409"):
        write(api, second.plan(with_pods("b"), NOW))


def test_slices_that_somebody_made_and_did_not_come_to_name_are_used_and_stay():
    api = ApiTwin()
    published(api, ONE)
    wanted = dataclasses.replace(
        ONE, programs={SHAPE: PortableProgram(Direction.EGRESS, (PortableTier(()), PortableTier(())))}
    )
    create(api, read(api).plan(wanted, NOW))  # and then it was stopped
    publisher = published(api, wanted)

    for generation in (with_pods("b", base=wanted), with_pods("c", base=wanted)):
        writes = publisher.plan(generation, NOW + 2 * GRACE)
        write(api, writes)
        publisher = publisher.after(writes)

    assert receive(api).generation == with_pods("c", base=wanted)


def test_slices_for_a_generation_that_is_yet_to_come_are_left_alone():
    api = ApiTwin()
    publisher = published(api, ONE)
    other = dataclasses.replace(ONE, programs={SHAPE: PortableProgram(Direction.EGRESS, ())})
    create(api, publisher.plan(other, NOW))

    taking_over = read(api)
    taking_over = taking_over.after(taking_over.plan(ONE, NOW))

    assert taking_over.plan(ONE, NOW + 2 * GRACE).delete == ()


def test_slices_are_deleted_when_nobody_can_be_reading_them():
    api = ApiTwin()
    other = dataclasses.replace(ONE, programs={SHAPE: PortableProgram(Direction.EGRESS, ())})
    publisher = published(api, ONE, other)
    assert publisher.due == NOW + GRACE

    assert publisher.plan(other, NOW + GRACE - timedelta(seconds=1)).delete == ()
    writes = publisher.plan(other, NOW + GRACE)
    assert len(writes.delete) == 1
    assert writes.manifest is None
    write(api, writes)

    assert publisher.after(writes).due is None
    assert receive(api).generation == other


def test_numbers_go_on_when_the_manifest_is_lost():
    api = ApiTwin()
    published(api, with_pods("a"), with_pods("b"), with_pods("c"), limits=Limits(1, 10_000))
    api.delete(MANIFEST, "current")

    published(api, with_pods("d"))

    assert receive(api).number == 4
    assert receive(api).generation == with_pods("d")


@pytest.mark.parametrize(
    "damage",
    [
        {"number": 2, "check": "0" * 32},
        {"number": 7},
        {"number": 2, "slices": {}},
        {"number": 2, "changes": [{"number": 2, "at": "", "gone": {"members": ["pod x/b"]}}]},
    ],
    ids=str,
)
def test_a_manifest_that_somebody_edited_is_refused_and_replaced(damage):
    api = ApiTwin()
    published(api, ONE)
    manifest = api.get(MANIFEST, "current")
    manifest["spec"] |= damage
    api.replace(manifest)

    with pytest.raises(TransportError):
        receive(api)
    publisher = read(api)
    assert publisher.trouble
    write(api, publisher.plan(ONE, NOW))

    assert receive(api).number == damage["number"] + 1
    assert receive(api).generation == ONE


@pytest.mark.parametrize("fresh", [True, False])
def test_a_change_that_somebody_edited_is_refused_and_what_was_taken_stays(fresh):
    api, reception = ApiTwin(), Reception("n1")
    published(api, ONE)
    taken = receive(api, reception)
    published(api, with_pods("a", "b"))
    manifest = api.get(MANIFEST, "current")
    manifest["spec"]["changes"][0]["members"]["pod x/b"]["addresses"] = ["10.0.0.9"]
    if fresh:
        taken, reception = None, Reception("n1")
        for document in api.list(SLICE).values():
            reception.give(document)

    with pytest.raises(TransportError, match="do not add up"):
        reception.take(manifest)

    assert reception.last == taken
    assert receive(api, reception).generation == with_pods("a", "b")


def test_a_repair_does_not_undo_what_somebody_else_repaired():
    api = ApiTwin()
    published(api, ONE)
    manifest = api.get(MANIFEST, "current")
    manifest["spec"] |= {"number": 2}
    api.replace(manifest)
    first, second = read(api), read(api)
    write(api, first.plan(with_pods("b"), NOW))

    with pytest.raises(RefusedError, match="422"):
        write(api, second.plan(with_pods("c"), NOW))


def test_a_slice_that_somebody_deleted_is_made_again():
    api = ApiTwin()
    published(api, ONE)
    (name,) = [name for name in api.list(SLICE) if name.startswith("program-")]
    api.delete(SLICE, name)

    publisher = read(api)
    assert name in publisher.trouble
    write(api, publisher.plan(ONE, NOW))

    assert receive(api).generation == ONE


def test_the_journal_says_when():
    api = ApiTwin()
    published(api, ONE, with_pods("b"))

    manifest = api.get(MANIFEST, "current")
    assert manifest["spec"]["at"] == manifest["spec"]["changes"][-1]["at"] == "2026-01-01T00:00:00.000000Z"
    assert receive(api).at == "2026-01-01T00:00:00.000000Z"


def test_pods_come_and_go_through_many_compactions(monkeypatch):
    monkeypatch.setitem(tables._PER_BUCKET, "members", 2)
    names = [f"p{number}" for number in range(12)]
    cluster = [with_pods(*names[:count]) for count in (*range(13), *range(11, -1, -1))]
    api, keeping_up = ApiTwin(), Reception("n1")
    publisher, layouts, everything = read(api, Limits(3, 10_000)), set(), []

    for number, generation in enumerate(cluster, 1):
        writes = publisher.plan(generation, NOW)
        write(api, writes)
        publisher = publisher.after(writes)
        everything.append((receive(api), receive(api, keeping_up)))
        assert read(api).trouble == ""
        assert publisher.number == number
        layouts |= {document["spec"].get("buckets") for document in writes.create}

    # What was received stays what it was, whatever comes later.
    for generation, (fresh, kept) in zip(cluster, everything, strict=True):
        seen = dataclasses.replace(generation, programs=generation.programs if generation.members else {})
        assert fresh.generation == kept.generation == seen
    assert layouts >= {1, 4}


@pytest.mark.parametrize("holds", ["members", "shapes", "programs", "program"])
def test_a_slice_that_somebody_edited_is_refused(holds):
    api = ApiTwin(judging=False)
    published(api, ONE)
    (name,) = [name for name in api.list(SLICE) if name.startswith(f"{holds}-")]
    document = api.get(SLICE, name)
    if holds == "program":
        document["spec"]["rows"].append({"tier": {}})
    else:
        document["spec"][holds] = {}

    with pytest.raises(TransportError, match=f"{name}: its content is not what its name says"):
        Reception("n1").give(document)
    api.replace(document)
    assert name in read(api).trouble


def test_every_kind_of_member_and_both_families_arrive():
    both = (IPv4Address("10.0.0.1"), IPv6Address("fd00::1"))
    generation = Generation(
        members={
            "pod x/a": Member(SHAPE, both, "n1"),
            "node n1": Member(OTHER, both),
            "learned ::ffff:10.0.0.1": Member(OTHER, (IPv6Address("::ffff:10.0.0.1"),)),
        },
        shapes={SHAPE: Shape((SHAPE, OTHER)), OTHER: Shape()},
        spans={
            4: (Span((0, 5), (SHAPE,)), Span((6, 2**32 - 1), (OTHER,))),
            6: (Span((0, 5), (SHAPE,)), Span((6, 2**128 - 1), (OTHER,))),
        },
    )
    api = ApiTwin()

    published(api, ONE, generation)

    assert receive(api).generation == generation
    assert not read(api).plan(generation, NOW)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"members": {"pod x/a": Member(OTHER, POD.addresses, "n1")}}, "members: have the shape 1111111111111111"),
        ({"members": {"pod x/a": Member(SHAPE, ())}}, r"members\['pod x/a'\]: has no address"),
        ({"members": {"pod a": POD}}, r"members\['pod a'\]: 'pod a' does not look like"),
        ({"members": {"node n1": POD}}, "is on a node, but is no pod"),
        ({"members": {"pod x/a": Member("nothing", POD.addresses)}}, r"shape: 'nothing' does not look like"),
        ({"shapes": {SHAPE: Shape((OTHER, SHAPE))}}, r"atoms: must ascend"),
        ({"programs": {}}, "shapes: name the program 0000000000000000"),
        ({"programs": {SHAPE: dataclasses.replace(PROGRAM, direction=Direction.INGRESS)}}, "is not for egress"),
        ({"spans": {4: (Span((0, 5), (SHAPE,)), Span((5, 9), (SHAPE,))), 6: ()}}, "0.0.0.5 is in two of them"),
        ({"spans": {4: (Span((5, 0), (SHAPE,)),), 6: ()}}, "does not end at 0.0.0.0"),
        ({"spans": {4: (Span((0, 5), ()),), 6: ()}}, "has no atom"),
    ],
)
def test_a_generation_that_cannot_be_is_refused_by_whoever_receives_it(wrong, where):
    api = ApiTwin()
    published(api, dataclasses.replace(ONE, **wrong))

    with pytest.raises(TransportError, match=where):
        receive(api)
