"""Clusters that fit into a world, how they change, and flows through them that tell what their policies do."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice, zip_longest

from hypothesis import strategies as st

from compiler.addresses import Address
from compiler.labels import NAMESPACE_NAME_LABEL, Labels
from compiler.model import Flow, Node, Pod, Policy, PolicyKind, Snapshot
from compiler.semantics import decide
from tests.kernel.worlds import LAB, Ends, World, addresses_of_pod
from tests.strategies import LABELS, LEARNED, MAX_PODS, NAMESPACES, PORTS, policies

_MAX_FLOWS = 15


# Flows.


def telling(snapshot: Snapshot, flows: Iterable[Flow]) -> tuple[Flow, ...]:
    """Choose a few flows: first one of each about which the same is said for the same reason, then a second, and so on.

    One is enough of those that nobody judges.
    """
    alike: dict[object, list[Flow]] = {}
    for flow in dict.fromkeys(flows):
        decision = decide(snapshot, flow)
        ends = (decision.egress, decision.ingress)
        some = alike.setdefault(tuple((end.origin, end.exemption) for end in ends), [])
        if not some or any(end.exemption is None for end in ends):
            some.append(flow)
    rounds = zip_longest(*alike.values())
    return tuple(islice((flow for chosen in rounds for flow in chosen if flow), _MAX_FLOWS))


# Clusters in a world.


@st.composite
def clusters(draw: st.DrawFn, world: World) -> Snapshot:
    """Draw policies, and what they see of the pods and nodes of a world.

    A pod that they see with fewer addresses, or on no node, is in the lab with all of them and on its node all the
    same: its other addresses are a stranger's, and nobody judges what it sends and gets.
    """
    namespaces = NAMESPACES[: draw(st.sampled_from((2, 3, 1)))]
    drawn = [draw(policies) for _ in range(draw(st.sampled_from((1, 3, 6, 8, 10))))]
    numbers = range(1, draw(st.sampled_from((2, 4, *[MAX_PODS] * 3))) + 1)
    return Snapshot.of(
        namespaces={name: Labels({NAMESPACE_NAME_LABEL: name, **draw(st.sampled_from(LABELS))}) for name in namespaces},
        pods=[draw(_pods(number, world.home(number), namespaces)) for number in numbers],
        nodes=[replace(node, labels=draw(st.sampled_from(LABELS))) for node in world.nodes],
        policies=list({_key(policy): policy for policy in drawn}.values()),
        learned=draw(st.sampled_from(LEARNED)),
    )


@st.composite
def _pods(draw: st.DrawFn, number: int, home: Node, namespaces: Sequence[str]) -> Pod:
    state = draw(st.sampled_from((*["plain"] * 12, "on no node", "host network", "terminated")))
    match state:
        case "host network":
            addresses = home.addresses
        case "terminated":  # as likely as not, the address is that of another pod by now
            addresses = addresses_of_pod(draw(st.integers(1, MAX_PODS)))
        case _:
            every = addresses_of_pod(number)
            addresses = draw(st.sampled_from((every, every[:2], every[:1], every[1:], ())))
    return Pod(
        namespace=draw(st.sampled_from(namespaces)),
        name=f"p{number}",
        labels=draw(st.sampled_from(LABELS)),
        node="" if state == "on no node" else home.name,
        addresses=addresses,
        host_network=state == "host network",
        ports=draw(st.sampled_from(PORTS)),
        terminated=state == "terminated",
    )


def _key(policy: Policy) -> tuple[PolicyKind, str, str]:
    return policy.kind, policy.namespace, policy.name


chances = st.randoms(use_true_random=True)
"""Which flows are sent; what is drawn flow by flow would hardly ever meet a rule, and they are few enough to read."""


@st.composite
def cases(draw: st.DrawFn, world: World) -> tuple[Snapshot, tuple[Flow, ...]]:
    """Draw a cluster in a world and flows through it, as different in what becomes of them as can be had."""
    snapshot = draw(clusters(world))
    return snapshot, telling(snapshot, Ends(world.topology).flows(snapshot, draw(chances), 150))


# Clusters on their way.


@st.composite
def journeys(draw: st.DrawFn, world: World) -> list[Snapshot]:
    """Draw a cluster on the nodes of a world and what becomes of it, one change after the other."""
    states = [draw(clusters(world))]
    for _ in range(draw(st.sampled_from((2, 4, 6)))):
        states.append(draw(_changed(states[-1])))
    return states


@st.composite
def _changed(draw: st.DrawFn, before: Snapshot) -> Snapshot:
    namespaces, nodes, known = dict(before.namespaces), list(before.nodes), {_key(p): p for p in before.policies}
    pods = {pod.name: pod for pod in before.pods}
    learned = before.learned
    match draw(st.sampled_from(("policy", "no policy", "pod", "pod", "no pod", "swap", "labels", "learned"))):
        case "policy":
            policy = draw(policies)
            known[_key(policy)] = policy
        case "no policy":
            known.pop(draw(st.sampled_from(sorted(known, key=str) or [None])), None)
        case "pod":  # another one, or one that has been here with other labels, on another node, by another address
            pod = draw(_pods(draw(st.integers(1, MAX_PODS)), draw(st.sampled_from(nodes)), list(namespaces)))
            pods[pod.name] = pod
        case "no pod":
            pods.pop(draw(st.sampled_from(sorted(pods) or [""])), None)
        case "swap":
            plain = [pod for pod in pods.values() if pod.governed] or [Pod(LAB, "nobody")]
            one, other = draw(st.sampled_from(plain)), draw(st.sampled_from(plain))
            if one is not other:
                pods[one.name], pods[other.name] = (
                    replace(one, addresses=other.addresses),
                    replace(other, addresses=one.addresses),
                )
        case "labels":
            name = draw(st.sampled_from(sorted(namespaces)))
            namespaces[name] = Labels({NAMESPACE_NAME_LABEL: name, **draw(st.sampled_from(LABELS))})
            nodes[0] = replace(nodes[0], labels=draw(st.sampled_from(LABELS)))
        case "learned":
            learned = draw(st.sampled_from(LEARNED))
    return Snapshot.of(
        namespaces=namespaces,
        pods=_each_address_once(pods.values()),
        nodes=nodes,
        policies=list(known.values()),
        learned=learned,
    )


def _each_address_once(pods: Iterable[Pod]) -> list[Pod]:
    """Take from later pods the addresses that earlier ones have."""
    taken: set[Address] = set()
    distinct = []
    for pod in pods:
        addresses = tuple(address for address in pod.addresses if not (pod.governed and address in taken))
        taken.update(addresses if pod.governed else ())
        distinct.append(replace(pod, addresses=addresses))
    return distinct
