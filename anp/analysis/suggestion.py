"""The smallest change of policies that would turn the verdict on a connection, and what else it would change.

Candidates are made for each end that has to turn, put into a copy of the cluster, and decided there: none is told that
does not do what it says. Of those that do, the one that changes the fewest other flows is chosen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from anp.analysis.difference import Change, compare
from anp.analysis.parties import APPLICATION_LABELS, VOLATILE_LABELS
from compiler.addresses import AddressSet
from compiler.compilation import compile_cluster
from compiler.decision import Decision, Judgement
from compiler.diagram.comparison import Difference, differences
from compiler.labels import NAMESPACE_NAME_LABEL, Selector
from compiler.model import (
    Action,
    AddressBlock,
    AnyTraffic,
    DefaultOrigin,
    Direction,
    Flow,
    IsolationOrigin,
    NamespaceNamed,
    Peer,
    Pod,
    PodSelection,
    Policy,
    PolicyKind,
    PortRange,
    Protocol,
    Rule,
    RuleOrigin,
    Snapshot,
    Tier,
    Traffic,
)
from compiler.packets import PacketSet
from compiler.semantics import decide

_NAME = "suggested"
_LAST_PRIORITY = 1000
_MAX_RULES = 25
"""As many as a policy may have in one direction."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Edits, in words, after which every one of the flows has the other fate; and all that they would change, exactly.

    `changes` has the flows themselves too, and whatever else the policies would then say about others.
    """

    edits: tuple[str, ...]
    accepts: bool
    snapshot: Snapshot
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    edit: str
    snapshot: Snapshot


def suggest(snapshot: Snapshot, flows: Sequence[Flow]) -> Suggestion | None:
    """Return the smallest change known that gives all of the flows the fate that not all of them have now.

    Flows that are not accepted all are to be accepted, and those that are, denied. None if no candidate does it, as
    where nobody judges them.
    """
    accepts = not all(decide(snapshot, flow).accepted for flow in flows)
    current = snapshot
    edits: list[str] = []
    for _attempt in range(2 * len(flows) + 1):
        wrong = next((d for flow in flows if (d := decide(current, flow)).accepted is not accepts), None)
        if wrong is None:
            changes = compare(snapshot, current, policies_only=True).changes
            return Suggestion(tuple(edits), accepts, current, changes)
        best = _best(current, wrong, flows, accepts=accepts)
        if best is None:
            return None
        current = best.snapshot
        edits.append(best.edit)
    return None


def _best(snapshot: Snapshot, decision: Decision, flows: Sequence[Flow], *, accepts: bool) -> _Candidate | None:
    """Return the candidate that turns an end of this flow, leaves no flow worse, and changes the fewest others."""
    before = compile_cluster(snapshot)
    found: list[tuple[int, int, _Candidate]] = []
    for judgement in (decision.egress, decision.ingress):
        if judgement.pod is None or judgement.exemption or judgement.accepted is accepts:
            continue
        for number, candidate in enumerate(_candidates(snapshot, judgement, decision.flow, accepts=accepts)):
            after = decide(candidate.snapshot, decision.flow)
            end = after.egress if judgement.direction is Direction.EGRESS else after.ingress
            if end.accepted is accepts and not _worse(snapshot, candidate.snapshot, flows, accepts=accepts):
                cost = sum(map(_size, differences(before, compile_cluster(candidate.snapshot))))
                found.append((cost, number, candidate))
        if found and accepts:
            break  # one end after the other
    return min(found, key=lambda entry: entry[:2])[2] if found else None


def _worse(before: Snapshot, after: Snapshot, flows: Sequence[Flow], *, accepts: bool) -> bool:
    return any(
        decide(before, flow).accepted is accepts and decide(after, flow).accepted is not accepts for flow in flows
    )


def _size(one: Difference) -> int:
    return _addresses(one.sources) * _addresses(one.destinations) * _packets(one.packets)


def _addresses(addresses: AddressSet) -> int:
    return sum(last - first + 1 for ranges in (addresses.v4, addresses.v6) for first, last in ranges)


def _packets(packets: PacketSet) -> int:
    return sum(last - first + 1 for _protocol, (first, last) in packets)


# Candidates, the ones that people would rather make first.


def _candidates(snapshot: Snapshot, judgement: Judgement, flow: Flow, *, accepts: bool) -> Iterator[_Candidate]:
    assert judgement.pod is not None  # noqa: S101 - an end without a pod is judged by nobody
    direction, pod = judgement.direction, judgement.pod
    action = Action.ACCEPT if accepts else Action.DENY
    rule = Rule(0, action, (_peer(snapshot, direction, flow),), (_traffic(flow),))
    match judgement.origin:
        case RuleOrigin() as origin:
            policy = _policy_of(snapshot, origin)
            room = len(policy.rules(direction)) < _MAX_RULES
            if policy.kind is not PolicyKind.NETWORK_POLICY and room and _expressible(direction, rule):
                yield _with_rule(snapshot, policy, direction, origin.index, rule)
            yield _without_rule(snapshot, policy, direction, origin)
            if policy.kind is PolicyKind.NETWORK_POLICY and not accepts and _expressible(direction, rule):
                yield _with_cluster_policy(snapshot, pod, direction, rule)
            elif policy.tier is Tier.BASELINE and accepts:
                yield _with_network_policy(snapshot, pod, direction, rule)
        case IsolationOrigin():
            yield _with_network_policy(snapshot, pod, direction, rule)
        case DefaultOrigin() if _expressible(direction, rule):
            yield _with_cluster_policy(snapshot, pod, direction, rule)


def _expressible(direction: Direction, rule: Rule) -> bool:
    """Say whether a cluster policy can have the rule: its ingress knows pods and no addresses."""
    return direction is Direction.EGRESS or isinstance(rule.peers[0], PodSelection)


def _peer(snapshot: Snapshot, direction: Direction, flow: Flow) -> Peer:
    """Return the narrowest peer that is the other end."""
    address = flow.destination if direction is Direction.EGRESS else flow.source
    pod = next((pod for pod in snapshot.pods if pod.governed and address in pod.addresses), None)
    if pod is None:
        return AddressBlock(AddressSet.of(address))
    return PodSelection(Selector.of({NAMESPACE_NAME_LABEL: pod.namespace}), _labels(pod))


def _traffic(flow: Flow) -> Traffic:
    return AnyTraffic() if flow.protocol is Protocol.OTHER else PortRange(flow.protocol, flow.port, flow.port)


def _labels(pod: Pod) -> Selector:
    """Return what selects the pod and others of its workload: its application labels, or else all that last."""
    application = {key: value for key, value in pod.labels.items() if key in APPLICATION_LABELS}
    return Selector.of(application or {key: v for key, v in pod.labels.items() if key not in VOLATILE_LABELS})


def _policy_of(snapshot: Snapshot, origin: RuleOrigin) -> Policy:
    named = (origin.kind, origin.namespace, origin.policy)
    return next(policy for policy in snapshot.policies if (policy.kind, policy.namespace, policy.name) == named)


def _with_rule(snapshot: Snapshot, policy: Policy, direction: Direction, index: int, rule: Rule) -> _Candidate:
    rules = list(policy.rules(direction))
    place = next(number for number, other in enumerate(rules) if other.index == index)
    rules.insert(place, rule)
    edit = f"insert into {policy}, before {direction.value}[{index}]: {_said(rule)}"
    return _Candidate(edit, _replaced(snapshot, policy, _ruled(policy, direction, rules)))


def _without_rule(snapshot: Snapshot, policy: Policy, direction: Direction, origin: RuleOrigin) -> _Candidate:
    rules = [rule for rule in policy.rules(direction) if rule.index != origin.index]
    return _Candidate(f"remove {origin}", _replaced(snapshot, policy, _ruled(policy, direction, rules)))


def _with_network_policy(snapshot: Snapshot, pod: Pod, direction: Direction, rule: Rule) -> _Candidate:
    policy = Policy(
        PolicyKind.NETWORK_POLICY,
        _free(snapshot, PolicyKind.NETWORK_POLICY, pod.namespace),
        Tier.NETWORK_POLICY,
        PodSelection(NamespaceNamed(pod.namespace), _labels(pod)),
        pod.namespace,
        isolates=frozenset({direction}),
    )
    edit = f"add a NetworkPolicy in {pod.namespace} for pods [{_labels(pod)}], {direction.value}: {_said(rule)}"
    return _Candidate(edit, _replaced(snapshot, None, _ruled(policy, direction, [rule])))


def _with_cluster_policy(snapshot: Snapshot, pod: Pod, direction: Direction, rule: Rule) -> _Candidate:
    subject = PodSelection(Selector.of({NAMESPACE_NAME_LABEL: pod.namespace}), _labels(pod))
    kind = PolicyKind.CLUSTER_NETWORK_POLICY
    policy = Policy(kind, _free(snapshot, kind, ""), Tier.ADMIN, subject, "", _LAST_PRIORITY)
    edit = (
        f"add a ClusterNetworkPolicy, tier Admin, priority {_LAST_PRIORITY}, for {subject}, "
        f"{direction.value}: {_said(rule)}"
    )
    return _Candidate(edit, _replaced(snapshot, None, _ruled(policy, direction, [rule])))


def _said(rule: Rule) -> str:
    return f"{rule.action.value} {rule.peers[0]}, {rule.traffic[0]}"


def _free(snapshot: Snapshot, kind: PolicyKind, namespace: str) -> str:
    """Return a name that no policy has, and that sorts after those that it begins like."""
    taken = {policy.name for policy in snapshot.policies if (policy.kind, policy.namespace) == (kind, namespace)}
    name = f"z-{_NAME}"
    while name in taken:
        name = f"z-{name}"
    return name


def _ruled(policy: Policy, direction: Direction, rules: Sequence[Rule]) -> Policy:
    numbered = tuple(replace(rule, index=index) for index, rule in enumerate(rules))
    return replace(policy, ingress=numbered) if direction is Direction.INGRESS else replace(policy, egress=numbered)


def _replaced(snapshot: Snapshot, old: Policy | None, new: Policy) -> Snapshot:
    policies = [new, *(policy for policy in snapshot.policies if policy is not old)]
    return replace(snapshot, policies=tuple(sorted(policies, key=lambda policy: policy.order)))
