"""Clusters on their way, as an unreliable source tells of them: after every step, all links to packets hold."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from random import Random

import yaml
from hypothesis import Phase, event, given, note, settings
from hypothesis import strategies as st

from anp.conformance.judges import Meaning, Traced
from anp.conformance.runner import run
from anp.conformance.scenario import parse_scenario
from anp.conformance.world import World
from compiler.addresses import VERSIONS
from compiler.compilation import Compilation, compile_cluster
from compiler.lower import lower
from compiler.model import Flow, Snapshot
from compiler.semantics import decide
from compiler.trace import traced
from tests.histories.changes import KINDS, NODES_MOVE
from tests.histories.documents import Document, addresses_of, is_finished
from tests.histories.engine import Engine, nodes_of, snapshot_of
from tests.histories.history import History, Moment, Step, histories
from tests.histories.written import written
from tests.strategies import Endpoints, packets

FLOWS = 60
"""How many flows are asked about after each step."""
chances = st.randoms(use_true_random=True)
"""Which flows these are: drawn one by one they would cost more than all the rest."""


def asked(snapshot: Snapshot, chance: Random) -> Iterator[Flow]:
    """Yield flows with a pod at one end or at both, of traffic that some rule or pod speaks of."""
    traffic = packets(snapshot)
    usual = [(port.protocol, port.number) for pod in snapshot.pods for port in pod.ports] or list(traffic)
    for version in VERSIONS:
        ends = Endpoints.of(snapshot, version)
        between = list(product(ends.governed, repeat=2))
        others = [*product(ends.governed, ends.known + ends.others), *product(ends.known + ends.others, ends.governed)]
        half = FLOWS // len(VERSIONS) // 2
        pairs = [pair for some in (between, others) for pair in chance.sample(some, min(len(some), half))]
        for source, destination in pairs:
            protocol, port = chance.choice(chance.choice((traffic, usual)))
            yield Flow(source, destination, protocol, port, hairpin=chance.random() < 0.5)


# The engine after every step.


@settings(max_examples=2 * settings().max_examples)
@given(histories(), chances)
def test_after_every_step_the_engine_is_where_it_would_be_had_it_seen_nothing_else(history, chance):
    engine = Engine()
    for moment in history.moments():
        note(f"after: {moment.step.name}")
        hear(engine, moment)

        snapshot = snapshot_of(moment.objects, moment.step.learned)
        assert engine.snapshot == snapshot
        fresh = compile_cluster(snapshot)
        held = engine.held()
        assert set(held) >= set(nodes_of(snapshot))
        for node, ruleset in held.items():
            assert lower(engine.compilation, node) == lower(fresh, node), node
            assert ruleset == lower(fresh, node), node
        for flow in asked(snapshot, chance):
            check(snapshot, engine.compilation, held, flow)


def hear(engine: Engine, moment: Moment) -> None:
    """Have the engine hear all news of a step."""
    for key, document in moment.step.news:
        engine.hear(key, document)
    engine.settle(moment.step.learned)


def check(snapshot: Snapshot, compilation: Compilation, held, flow: Flow) -> None:
    """Hold programs, and the rulesets that are there, against the meaning of one flow."""
    decision = decide(snapshot, flow)
    ends = [end for end in (decision.egress, decision.ingress) if end.exemption is None]
    for end in ends:
        outcome = compilation.outcome(end.pod, end.direction, flow)
        accepted = outcome is None or outcome.accept
        assert accepted == end.accepted, f"{flow}: {end.direction.value}, meant by {end.origin}"
        if outcome is not None:
            assert outcome.origin == end.origin, flow
    meant = all(end.accepted for end in ends if end.pod.node)
    event(f"{'accepted' if meant else 'denied'}{'' if ends else ', and nobody asks'}")
    assert traced(snapshot, held, flow) == meant, f"{flow}: {decision.egress.origin}, {decision.ingress.origin}"


# What the snapshot of a moment is, said in another way.


@given(histories())
def test_an_address_is_that_of_its_node_or_else_of_the_pod_that_runs_or_else_of_the_youngest(history):
    for moment in history.moments():
        snapshot = snapshot_of(moment.objects, moment.step.learned)
        found = {str(a): str(pod) for pod in snapshot.pods if pod.governed for a in pod.addresses}

        assert found == owners(list(moment.objects.values()))


def owners(objects: list[Document]) -> dict[str, str]:
    """Say whose every address of a pod is."""
    of_nodes = {entry["address"] for it in objects if it["kind"] == "Node" for entry in it["status"]["addresses"]}
    pods = [it for it in objects if it["kind"] == "Pod" and not is_finished(it) and not it["spec"].get("hostNetwork")]
    owned = {}
    for pod in sorted(pods, key=lambda it: ("deletionTimestamp" in it["metadata"], -since(it))):
        for address in addresses_of(pod):
            if address not in of_nodes:
                owned.setdefault(address, f"{pod['metadata']['namespace']}/{pod['metadata']['name']}")
    return owned


def since(pod: Document) -> int:
    """Return when a pod was made."""
    return int("".join(filter(str.isdigit, pod["metadata"]["creationTimestamp"])))


@given(histories())
def test_whether_a_pod_is_ready_does_not_matter(history):
    before = None
    for moment in history.moments():
        after = snapshot_of(moment.objects, moment.step.learned)
        if set(moment.step.kinds) == {"a pod is ready or not"}:
            assert after == before
        before = after


@given(histories())
def test_the_last_word_on_every_object_is_what_it_is(history):
    last = {}
    for moment in history.moments():
        last.update(moment.step.news)

        assert {key: document for key, document in last.items() if document is not None} == moment.objects


# What histories are like.


@cache
def gathered() -> list[History]:
    """Draw some histories, the same ones every time."""
    some = []

    @settings(max_examples=400, derandomize=True, database=None, phases=[Phase.generate])
    @given(histories())
    def gather(history):
        some.append(history)

    gather()
    return some


def test_histories_have_every_kind_of_change_and_it_makes_a_difference():
    seen = Counter()
    for history in gathered():
        moments = list(history.moments())
        for before, after in pairwise(moments):
            changed = (before.objects, before.step.learned) != (after.objects, after.step.learned)
            seen.update(set(after.step.kinds) if changed else ())

    assert min(seen[kind] for kind in KINDS) > 10, seen.most_common()


def test_news_are_late_repeated_merged_and_backwards():
    seen = Counter()
    for history in gathered():
        said = {}
        for step in history.steps:
            seen.update(ways(step, said))
            said.update(step.news)

    assert min(seen[way] for way in ("merged", "repeated", "older again", "gone and back", "mixed up")) > 50, seen


def ways(step: Step, said) -> Iterator[str]:
    """Say in which ways a step is told otherwise than it happens."""
    happened = [key for key, _document in step.changes]
    told = [key for key, _document in step.news if key in set(happened)]
    if len(dict.fromkeys(happened)) > 1 and list(dict.fromkeys(told)) != list(dict.fromkeys(happened)):
        yield "mixed up"
    if Counter(told) != Counter(happened) and any(told.count(key) < happened.count(key) for key in happened):
        yield "merged"
    last = dict(said)
    fresh = dict(step.changes)
    for key, document in step.news:
        if key in last and last[key] == document:
            yield "repeated"
        if document is not None and key in fresh and document != fresh[key] and key in last and last[key] == fresh[key]:
            yield "older again"
        if document is None and last.get(key) is not None and fresh.get(key, last[key]) is not None:
            yield "gone and back"
        last[key] = document


def test_verdicts_of_both_kinds_are_frequent():
    seen = Counter()
    chance = Random(0)
    for history in gathered()[::6]:
        for moment in history.moments():
            snapshot = snapshot_of(moment.objects, moment.step.learned)
            for flow in asked(snapshot, chance):
                decision = decide(snapshot, flow)
                ends = [end for end in (decision.egress, decision.ingress) if end.exemption is None]
                seen.update((type(end.origin).__name__, end.accepted) for end in ends)
    total = sum(seen.values())

    for verdict in (("RuleOrigin", True), ("RuleOrigin", False), ("IsolationOrigin", False), ("DefaultOrigin", True)):
        assert seen[verdict] > total / 50, seen


# A history that is written down.


@settings(max_examples=max(10, settings().max_examples // 3))
@given(histories(most=4))
def test_a_history_can_be_written_down_as_a_scenario_that_says_the_same(history):
    scenario = parse_scenario(yaml.safe_load(written(history, "drawn")), Path("drawn.yaml"))
    results = []
    for judge in (Meaning, Traced):
        with judge() as open_judge:
            results.append(run(scenario, open_judge))

    assert [result.broken for result in results] == ["", ""]
    assert [result.failures for result in results] == [(), ()]
    assert [step.name for step in scenario.steps] == [step.name for step in history.steps]
    if not any(NODES_MOVE.intersection(step.kinds) for step in history.steps):
        world = World(scenario, VERSIONS)
        for moment, step in zip(history.moments(), scenario.steps, strict=True):
            world.change(step.changes)
            assert said(world.view.snapshot) == said(snapshot_of(moment.objects, moment.step.learned))


def said(snapshot: Snapshot) -> object:
    """Return what a scenario can say of a cluster: all but pods without an address, and names that were forgotten."""
    pods = [pod for pod in snapshot.pods if pod.addresses]
    learned = {name: addresses for name, addresses in snapshot.learned.items() if addresses}
    return snapshot.namespaces, pods, snapshot.nodes, snapshot.policies, learned


def test_a_history_shows_itself_as_a_scenario():
    history = gathered()[0]

    assert repr(history).startswith("scenario: ")
    assert "# How the news came:" in repr(history)
