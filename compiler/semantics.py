"""What the policy APIs mean, as plain code to be read beside the semantics notes, section 2.

`decide` is the authority: compiled programs, traced rulesets and the kernel are held against it. It is slow
on purpose, follows the text of the APIs in its order, and shares no matching code with the compiler, or the
two would share bugs. Where upstream leaves something open (2.19), this is what we chose:

* Equal priorities go by name, then kind (`Policy.order`).
* NetworkPolicy isolation is per direction; a policy that does not isolate a direction is not asked about it.
* A named port is what the destination pod declares; a destination that is no governed pod declares nothing.
  For networks, nodes and domains of a cluster policy a name never matches, even where a pod has the address;
  an ipBlock of a NetworkPolicy is no such peer, as its API says nothing against it.
* What comes to a pod from an address of its own node is accepted before any tier is asked, cluster tiers
  included: no probe can be denied. What a pod sends to its own node is judged like all other egress.
* A pod's traffic to itself is judged only where a Service sent it back (2.14).
* Host-network and terminated pods are no pods here: their addresses are a node's, or somebody else's.
* ICMP and all else without ports meets only rules that name no traffic (2.16), in every tier.
"""

from dataclasses import dataclass, replace
from typing import assert_never

from compiler.addresses import Address, AddressSet
from compiler.decision import (
    Decision,
    Exemption,
    Judgement,
    Matched,
    Mismatch,
    Outcome,
    PassedOver,
    PolicyStep,
    RuleStep,
    TierStep,
)
from compiler.labels import Labels, Operator, Requirement, Selector
from compiler.model import (
    Action,
    AddressBlock,
    Anyone,
    AnyTraffic,
    DefaultOrigin,
    Direction,
    DomainSelection,
    Flow,
    IsolationOrigin,
    NamedPort,
    NamespaceNamed,
    NodeSelection,
    Origin,
    Peer,
    Pod,
    PodSelection,
    Policy,
    PortRange,
    Protocol,
    Rule,
    RuleOrigin,
    Snapshot,
    Tier,
    Traffic,
)


def decide(snapshot: Snapshot, flow: Flow) -> Decision:
    """Say what becomes of `flow`, judged independently at its source and at its destination (2.1)."""
    source = _governed_pod(snapshot, flow.source)
    destination = _governed_pod(snapshot, flow.destination)
    return Decision(
        flow,
        egress=_judge(_Question(snapshot, flow, Direction.EGRESS, flow.destination, destination, destination), source),
        ingress=_judge(_Question(snapshot, flow, Direction.INGRESS, flow.source, source, destination), destination),
    )


@dataclass(frozen=True, slots=True)
class _Question:
    """One end of a flow: `peer` is the other end, `peer_pod` the governed pod that is there, if one is.

    `of_network_policies` says that NetworkPolicies are asked, whose port names reach further (2.7).
    """

    snapshot: Snapshot
    flow: Flow
    direction: Direction
    peer: Address
    peer_pod: Pod | None
    destination_pod: Pod | None
    of_network_policies: bool = False


def _governed_pod(snapshot: Snapshot, address: Address) -> Pod | None:
    for pod in snapshot.pods:
        if not pod.host_network and not pod.terminated and address in pod.addresses:
            return pod
    return None


def _judge(question: _Question, pod: Pod | None) -> Judgement:
    direction = question.direction
    default = DefaultOrigin(direction)
    if pod is None:
        return Judgement(direction, None, Exemption.NO_GOVERNED_POD, accepted=True, origin=default)
    if pod == question.peer_pod and not question.flow.hairpin:
        return Judgement(direction, pod, Exemption.SAME_POD, accepted=True, origin=default)
    if direction is Direction.INGRESS and _is_own_node(question.snapshot, pod, question.peer):
        return Judgement(direction, pod, Exemption.OWN_NODE, accepted=True, origin=default)

    steps: list[TierStep] = []
    for tier in (Tier.ADMIN, Tier.NETWORK_POLICY, Tier.BASELINE):
        step = _ask_network_policies(question, pod) if tier is Tier.NETWORK_POLICY else _ask(question, pod, tier)
        steps.append(step)
        match step.outcome:
            case Outcome.PASSED | Outcome.UNDECIDED:
                continue
            case Outcome.ACCEPTED | Outcome.DENIED:
                origin = _first_match(step, direction)
            case Outcome.ISOLATED:
                origin = _isolation(step, direction)
            case unreachable:
                assert_never(unreachable)
        accepted = step.outcome is Outcome.ACCEPTED
        return Judgement(direction, pod, None, accepted, origin, tuple(steps))
    return Judgement(direction, pod, None, accepted=True, origin=default, steps=tuple(steps))


def _is_own_node(snapshot: Snapshot, pod: Pod, address: Address) -> bool:
    return any(node.name == pod.node and address in node.addresses for node in snapshot.nodes)


def _ask(question: _Question, pod: Pod, tier: Tier) -> TierStep:
    """Walk the policies of a cluster tier, low priority first; the first rule that matches decides (2.1)."""
    policies = [policy for policy in question.snapshot.policies if policy.tier is tier]
    asked: list[PolicyStep] = []
    for policy in sorted(policies, key=lambda policy: policy.order):
        if not _selects(question.snapshot, policy.subject, pod):
            continue
        step = PolicyStep(policy, isolates=False, rules=_walk(question, policy))
        asked.append(step)
        if step.matched is not None:
            return TierStep(tier, tuple(asked), _outcome_of(step.matched.rule.action))
    return TierStep(tier, tuple(asked), Outcome.UNDECIDED)


def _ask_network_policies(question: _Question, pod: Pod) -> TierStep:
    """Ask all NetworkPolicies that select the pod: final if one of them isolates this direction (2.1, 2.3)."""
    question = replace(question, of_network_policies=True)
    policies = [policy for policy in question.snapshot.policies if policy.tier is Tier.NETWORK_POLICY]
    asked: list[PolicyStep] = []
    for policy in sorted(policies, key=lambda policy: (policy.namespace, policy.name)):
        if not _selects(question.snapshot, policy.subject, pod):
            continue
        isolates = question.direction in policy.isolates
        asked.append(PolicyStep(policy, isolates, _walk(question, policy) if isolates else ()))
    if any(step.matched is not None for step in asked):
        outcome = Outcome.ACCEPTED
    elif any(step.isolates for step in asked):
        outcome = Outcome.ISOLATED
    else:
        outcome = Outcome.UNDECIDED
    return TierStep(Tier.NETWORK_POLICY, tuple(asked), outcome)


def _walk(question: _Question, policy: Policy) -> tuple[RuleStep, ...]:
    steps: list[RuleStep] = []
    rules = policy.ingress if question.direction is Direction.INGRESS else policy.egress
    for rule in rules:
        step = _try(question, rule)
        steps.append(step)
        if isinstance(step, Matched):
            break
    return tuple(steps)


def _outcome_of(action: Action) -> Outcome:
    match action:
        case Action.ACCEPT:
            return Outcome.ACCEPTED
        case Action.DENY:
            return Outcome.DENIED
        case Action.PASS:
            return Outcome.PASSED


def _first_match(step: TierStep, direction: Direction) -> Origin:
    return next(RuleOrigin.of(s.policy, direction, s.matched.rule) for s in step.policies if s.matched is not None)


def _isolation(step: TierStep, direction: Direction) -> Origin:
    isolating = [(s.policy.namespace, s.policy.name) for s in step.policies if s.isolates]
    return IsolationOrigin(direction, tuple(sorted(isolating)))


# Matching one rule: some peer and some traffic.


def _try(question: _Question, rule: Rule) -> RuleStep:
    peers = [peer for peer in rule.peers if _is_peer(question, peer)]
    if not peers:
        unknown = any(isinstance(peer, DomainSelection) and not _known(question, peer) for peer in rule.peers)
        return PassedOver(rule, Mismatch.DOMAIN_NOT_LEARNED if unknown else Mismatch.PEER)
    traffic = [item for item in rule.traffic if _carries(question, item)]
    for peer in peers:
        for item in traffic:
            if not isinstance(item, NamedPort) or _has_named_ports(question, peer):
                return Matched(rule, peer, item)
    unknown = any(isinstance(item, NamedPort) and not _declared(question, item) for item in rule.traffic)
    return PassedOver(rule, Mismatch.NAMED_PORT_NOT_DECLARED if unknown else Mismatch.TRAFFIC)


def _has_named_ports(question: _Question, peer: Peer) -> bool:
    """Say whether a port name can mean anything together with a peer, which on egress is the destination (2.7)."""
    if question.direction is Direction.INGRESS or question.of_network_policies:
        return True
    return isinstance(peer, PodSelection | Anyone)


def _is_peer(question: _Question, peer: Peer) -> bool:
    match peer:
        case Anyone():
            return True
        case PodSelection():
            return question.peer_pod is not None and _selects(question.snapshot, peer, question.peer_pod)
        case NodeSelection(nodes):
            return any(
                question.peer in node.addresses and _meets_all(node.labels, nodes) for node in question.snapshot.nodes
            )
        case AddressBlock(addresses):
            return _lies_in(question.peer, addresses)
        case DomainSelection():
            return any(_lies_in(question.peer, learned) for learned in _known(question, peer))
        case unreachable:
            assert_never(unreachable)


def _carries(question: _Question, traffic: Traffic) -> bool:
    flow = question.flow
    match traffic:
        case AnyTraffic():
            return True
        case PortRange(protocol, first, last):
            return flow.protocol is not Protocol.OTHER and flow.protocol is protocol and first <= flow.port <= last
        case NamedPort():
            return flow.protocol is not Protocol.OTHER and (flow.protocol, flow.port) in _declared(question, traffic)
        case unreachable:
            assert_never(unreachable)


def _declared(question: _Question, port: NamedPort) -> list[tuple[Protocol, int]]:
    """Return what the name stands for on the destination pod, which is the subject on ingress (2.7)."""
    pod = question.destination_pod
    if pod is None:
        return []
    return [
        (declared.protocol, declared.number)
        for declared in pod.ports
        if declared.name == port.name and declared.protocol in port.protocols
    ]


def _known(question: _Question, domains: DomainSelection) -> list[AddressSet]:
    """Return the addresses learned for every name that one of the patterns covers (2.11)."""
    return [
        addresses
        for name, addresses in question.snapshot.learned.items()
        if addresses and any(_covers(pattern, name) for pattern in domains.patterns)
    ]


def _covers(pattern: str, name: str) -> bool:
    wanted, given = pattern.split("."), name.split(".")
    if wanted[0] != "*":
        return wanted == given
    suffix = wanted[1:]
    return len(given) > len(suffix) and given[-len(suffix) :] == suffix


def _lies_in(address: Address, addresses: AddressSet) -> bool:
    ranges = addresses.v4 if address.version == 4 else addresses.v6
    return any(first <= int(address) <= last for first, last in ranges)


def _selects(snapshot: Snapshot, selection: PodSelection, pod: Pod) -> bool:
    match selection.namespaces:
        case NamespaceNamed(name):
            in_namespace = pod.namespace == name
        case Selector() as selector:
            in_namespace = _meets_all(snapshot.namespaces[pod.namespace], selector)
        case unreachable:
            assert_never(unreachable)
    return in_namespace and _meets_all(pod.labels, selection.pods)


def _meets_all(labels: Labels, selector: Selector) -> bool:
    return all(_meets(labels, requirement) for requirement in selector.requirements)


def _meets(labels: Labels, requirement: Requirement) -> bool:
    match requirement.operator:
        case Operator.IN:
            return requirement.key in labels and labels[requirement.key] in requirement.values
        case Operator.NOT_IN:
            return requirement.key not in labels or labels[requirement.key] not in requirement.values
        case Operator.EXISTS:
            return requirement.key in labels
        case Operator.DOES_NOT_EXIST:
            return requirement.key not in labels
