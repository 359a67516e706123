"""A cluster that changes object by object is at every moment what it would be if it were assembled anew."""

from hypothesis import given, settings
from hypothesis import strategies as st

from anp import api
from anp.api.admission import Admission
from anp.sources.manifests import identity
from anp.state.assembly import assemble
from anp.state.cluster_state import ClusterState

NAMES = st.sampled_from("abc")
LABELS = st.dictionaries(st.sampled_from(("app", "tier")), st.sampled_from("xy"), max_size=2)
ADDRESSES = st.sampled_from(("10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1", "nonsense"))
PEERS = st.sampled_from(({"namespaces": {}}, {"networks": ["10.0.0.0/8"]}, {"mystery": {}}))


def made(document):
    return api.parse(document, admission=Admission.OBSERVED).object


@st.composite
def pods(draw):
    addresses = draw(st.lists(ADDRESSES, max_size=2, unique=True))
    metadata = {"name": draw(NAMES), "namespace": draw(NAMES), "labels": draw(LABELS), "uid": "u"}
    if draw(st.booleans()):
        metadata["creationTimestamp"] = f"2026-01-0{draw(st.integers(1, 3))}T00:00:00Z"
    if draw(st.integers(0, 4)) == 0:
        metadata["deletionTimestamp"] = "2026-01-05T00:00:00Z"
    return made(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {"nodeName": draw(NAMES), "hostNetwork": draw(st.integers(0, 4)) == 0},
            "status": {
                "phase": draw(st.sampled_from(("Running", "Running", "Pending", "Succeeded"))),
                "podIPs": [{"ip": address} for address in addresses],
            },
        }
    )


@st.composite
def nodes(draw):
    addresses = draw(st.lists(ADDRESSES, max_size=2))
    status = {"addresses": [{"type": "InternalIP", "address": address} for address in addresses]}
    metadata = {"name": draw(NAMES), "labels": draw(LABELS)}
    return made({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status})


@st.composite
def namespaces(draw):
    return made({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": draw(NAMES), "labels": draw(LABELS)}})


@st.composite
def policies(draw):
    rule = {"action": draw(st.sampled_from(("Accept", "Deny"))), "from": [draw(PEERS)]}
    return made(
        {
            "apiVersion": "policy.networking.k8s.io/v1alpha2",
            "kind": "ClusterNetworkPolicy",
            "metadata": {"name": draw(NAMES), "generation": draw(st.integers(1, 3)), "uid": "u"},
            "spec": {
                "tier": draw(st.sampled_from(("Admin", "Baseline"))),
                "priority": draw(st.integers(0, 2)),
                "subject": {"namespaces": {}},
                "ingress": [rule],
            },
        }
    )


@st.composite
def network_policies(draw):
    metadata = {"name": draw(NAMES), "namespace": draw(NAMES)}
    spec = {"podSelector": {"matchLabels": draw(LABELS)}, "policyTypes": ["Ingress"]}
    return made(
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec},
    )


THINGS = pods() | pods() | nodes() | namespaces() | policies() | network_policies()


@settings(max_examples=150)
@given(st.lists(THINGS | st.integers(0, 9), max_size=25))
def test_after_every_change_the_snapshot_is_the_one_that_is_assembled(changes):
    state, things = ClusterState(), {}
    before = state.snapshot()

    for change in changes:
        if not isinstance(change, int):
            things[identity(change)] = change
            changed = state.put(change)
        elif things:
            gone = sorted(things)[change % len(things)]
            del things[gone]
            changed = state.forget(*gone)
        else:
            changed = state.forget("Pod", "a", "never-there")

        after = state.snapshot()
        assert after == assemble(things.values(), advise=False).snapshot
        assert list(after.namespaces) == sorted(after.namespaces)
        assert changed or after == before
        before = after


@given(st.lists(pods() | nodes(), max_size=20), st.randoms())
def test_who_keeps_an_address_does_not_depend_on_who_came_first(things, order):
    things = list({identity(thing): thing for thing in things}.values())
    one, other = ClusterState(), ClusterState()
    for thing in things:
        one.put(thing)
    one.snapshot()
    order.shuffle(things)
    for thing in things:
        other.put(thing)
        other.snapshot()

    assert one.snapshot() == other.snapshot()
    assert one.conflicts == other.conflicts


def pod(name, address, **labels):
    return made(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "web", "labels": labels},
            "status": {"phase": "Running", "podIPs": [{"ip": address}]},
        }
    )


def test_what_has_not_changed_is_the_same_object():
    state = ClusterState()
    for number in range(5):
        state.put(pod(f"p{number}", f"10.0.0.{number}"))
    before = state.snapshot()

    assert not state.put(pod("p1", "10.0.0.1"))
    assert state.snapshot().pods is before.pods
    assert state.put(pod("p2", "10.0.0.9"))
    after = state.snapshot()

    assert [one is other for one, other in zip(before.pods, after.pods, strict=True)] == [True, True, False, True, True]
    assert after.namespaces is before.namespaces
    assert after.policies is before.policies


def test_a_rule_that_fails_closed_is_among_what_is_to_be_said():
    state = ClusterState()
    document = {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "odd", "uid": "u1", "generation": 7},
        "spec": {
            "tier": "Admin",
            "priority": 1,
            "subject": {"namespaces": {}},
            "ingress": [{"action": "Deny", "from": [{"mystery": {}}]}],
        },
        "status": {"conditions": [{"type": "Programmed", "status": "True", "observedGeneration": 6}, {}, "nonsense"]},
    }

    parsed = api.parse(document, admission=Admission.OBSERVED)
    state.put(parsed.object, parsed.warnings)

    (known,) = state.policies.values()
    assert (known.uid, known.generation, known.observed) == ("u1", 7, 6)
    assert any("fails closed" in message for _severity, message, _path in known.remarks)


def test_an_address_that_its_keeper_leaves_is_the_other_claimant_s():
    state = ClusterState()
    state.put(pod("a", "10.0.0.1"))
    state.put(pod("b", "10.0.0.1"))
    state.snapshot()
    (conflict,) = state.conflicts
    state.forget("Pod", *conflict.keeper.removeprefix("pod ").split("/"))

    (left,) = state.snapshot().pods

    assert left.key == conflict.pod
    assert [str(address) for address in left.addresses] == ["10.0.0.1"]
    assert state.conflicts == ()


def test_a_namespace_that_nobody_declared_goes_with_its_last_pod():
    state = ClusterState()
    state.put(pod("a", "10.0.0.1"))
    state.put(pod("b", "10.0.0.2"))
    assert set(state.snapshot().namespaces) == {"web"}

    state.forget("Pod", "web", "a")
    assert set(state.snapshot().namespaces) == {"web"}
    state.forget("Pod", "web", "b")

    assert state.snapshot().namespaces == {}
