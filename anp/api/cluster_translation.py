"""What the cluster policies mean, in the compiler's words (2.5 to 2.11)."""

from collections.abc import Sequence
from typing import TypeAlias

from anp.api import syntax, v1alpha1, v1alpha2
from anp.api.doubts import DoubtError, Notes, certain, closed, each, selector_of, unread
from anp.api.peers import EgressPeer, IngressPeer, NamedEgressPeer, NamespacedPods, Subject, has_portless_peer
from anp.api.problems import Path, Problem
from compiler.addresses import AddressSet
from compiler.labels import EVERYTHING
from compiler.model import (
    Action,
    AddressBlock,
    AnyTraffic,
    Direction,
    DomainSelection,
    NamedPort,
    NodeSelection,
    Peer,
    PodSelection,
    Policy,
    PolicyKind,
    PortRange,
    Protocol,
    Rule,
    Tier,
    Traffic,
)

ClusterPolicy: TypeAlias = (
    v1alpha1.AdminNetworkPolicy | v1alpha1.BaselineAdminNetworkPolicy | v1alpha2.ClusterNetworkPolicy
)
_IngressRule: TypeAlias = v1alpha1.IngressRule | v1alpha1.BaselineIngressRule | v1alpha2.IngressRule
_EgressRule: TypeAlias = v1alpha1.EgressRule | v1alpha1.BaselineEgressRule | v1alpha2.EgressRule
_Rule: TypeAlias = _IngressRule | _EgressRule
_Item: TypeAlias = v1alpha1.Port | v1alpha2.Protocol

_ACTIONS = {"Accept": Action.ACCEPT, "Allow": Action.ACCEPT, "Deny": Action.DENY, "Pass": Action.PASS}
_TIERS = {"Admin": Tier.ADMIN, "Baseline": Tier.BASELINE}
_PROTOCOLS = {"TCP": Protocol.TCP, "UDP": Protocol.UDP, "SCTP": Protocol.SCTP}

_PEER_FIELDS = ("namespaces", "pods", "nodes", "networks", "domain_names")
_SPEC: Path = ("spec",)


def cluster_policy(policy: ClusterPolicy, notes: Notes) -> Policy:
    """Return what a cluster policy means.

    Doubts about the policy as a whole close all of its rules. Doubts about its subject widen the subject to
    what is certain to hold every pod that was meant; then its rules may still deny, but not accept, and what
    they would pass they deny.
    """
    subject, unsure = _subject(policy)
    spec = policy.spec
    about_all = tuple(
        Problem(_SPEC, f"`{name}` is not understood")
        for name in spec.unread
        if name not in ("subject", "ingress", "egress")
    )
    rules: dict[Direction, tuple[Rule, ...]] = {}
    for direction in Direction:
        path = (*_SPEC, direction.value)
        if direction.value in spec.unread:
            problem = Problem(path, "is not understood")
            notes.warnings.append(problem)
            rules[direction] = (closed(0, Action.DENY, "", [problem]),)
            continue
        written: Sequence[_Rule] = spec.ingress if direction is Direction.INGRESS else spec.egress
        rules[direction] = tuple(
            _under_doubt(_rule(index, rule, (*path, index), about_all, notes), unsure)
            for index, rule in enumerate(written)
        )
    notes.warnings += (*about_all, *unsure)
    return Policy(
        kind=PolicyKind(policy.resource.kind),
        name=policy.metadata.name,
        tier=_tier(policy),
        subject=subject,
        priority=_priority(policy),
        ingress=rules[Direction.INGRESS],
        egress=rules[Direction.EGRESS],
    )


def _tier(policy: ClusterPolicy) -> Tier:
    match policy:
        case v1alpha1.AdminNetworkPolicy():
            return Tier.ADMIN
        case v1alpha1.BaselineAdminNetworkPolicy():
            return Tier.BASELINE
        case v1alpha2.ClusterNetworkPolicy():
            # A tier of which we know nothing can only deny by now, and must be able to.
            return Tier.ADMIN if "tier" in policy.spec.unread else _TIERS[policy.spec.tier]


def _priority(policy: ClusterPolicy) -> int:
    if isinstance(policy, v1alpha1.BaselineAdminNetworkPolicy) or "priority" in policy.spec.unread:
        return 0
    return policy.spec.priority


def _under_doubt(rule: Rule, unsure: tuple[Problem, ...]) -> Rule:
    if not unsure or rule.failed_closed:
        return rule
    why = "; ".join(map(str, unsure))
    if rule.action is Action.ACCEPT:
        return closed(rule.index, rule.action, rule.name, unsure)
    effect = "so this rule denies, to every pod that may be meant"
    return Rule(rule.index, Action.DENY, rule.peers, rule.traffic, rule.name, f"{why}: {effect}")


def _subject(policy: ClusterPolicy) -> tuple[PodSelection, tuple[Problem, ...]]:
    """Return the pods that the policy is about, and why they may be too many."""
    path = (*_SPEC, "subject")
    if "subject" in policy.spec.unread:
        return PodSelection(), (Problem(path, "is not understood, so it may be any pod"),)
    subject: Subject = policy.spec.subject
    problems = unread(subject, path)
    if len(subject.present) != 1:
        return PodSelection(), (*problems, Problem(path, "says in no way that we know whom it is about"))
    if subject.namespaces is not None:
        namespaces, doubts = subject.namespaces.read((*path, "namespaces"))
        return PodSelection(namespaces), (*problems, *doubts)
    assert subject.pods is not None  # noqa: S101 - one of two is present
    selection, doubts = _pods_as_far_as_known(subject.pods, (*path, "pods"))
    return selection, (*problems, *doubts)


def _pods_as_far_as_known(pods: NamespacedPods, path: Path) -> tuple[PodSelection, tuple[Problem, ...]]:
    problems = list(unread(pods, path))
    namespaces, selected = EVERYTHING, EVERYTHING
    if "namespaceSelector" not in pods.unread and pods.namespace_selector is not None:
        namespaces, doubts = pods.namespace_selector.read((*path, "namespaceSelector"))
        problems += doubts
    if "podSelector" not in pods.unread:
        selected, doubts = pods.pod_selector.read((*path, "podSelector"))
        problems += doubts
    return PodSelection(namespaces, selected), tuple(problems)


def _rule(index: int, rule: _Rule, path: Path, about_all: tuple[Problem, ...], notes: Notes) -> Rule:
    """Return what a rule means, or what stands in for it."""
    name = rule.name
    if "action" in rule.unread:
        problem = Problem((*path, "action"), "is not an action that we know")
        notes.warnings.append(problem)
        return closed(index, Action.DENY, name, [problem])
    action = _ACTIONS[rule.action]
    problems = list(unread(rule, path))
    peers: tuple[Peer, ...] = ()
    traffic: tuple[Traffic | None, ...] = (AnyTraffic(),)
    if not problems:
        peers, more = _peers(rule, action, path, notes)
        problems += more
        key, items = _items(rule)
        if items is not None:
            traffic, more = each(items, (*path, key), lambda item, place: _traffic(item, place, notes))
            problems += more
            _warn_of_names_without_pods(rule, items, path, notes)
            if not items:
                problems.append(Problem((*path, key), "is empty, which says nothing that we know"))
        if not peers and not problems:
            problems.append(Problem(path, "has no peers, which says nothing that we know"))
    notes.warnings += problems
    if problems or about_all:
        return closed(index, action, name, [*about_all, *problems])
    return Rule(index, action, peers, tuple(match for match in traffic if match is not None), name)


def _items(rule: _Rule) -> tuple[str, Sequence[_Item] | None]:
    if isinstance(rule, v1alpha2.IngressRule | v1alpha2.EgressRule):
        return "protocols", rule.protocols
    return "ports", rule.ports


def _peers(rule: _Rule, action: Action, path: Path, notes: Notes) -> tuple[tuple[Peer, ...], tuple[Problem, ...]]:
    if isinstance(rule, v1alpha1.IngressRule | v1alpha1.BaselineIngressRule | v1alpha2.IngressRule):
        return each(rule.from_, (*path, "from"), _ingress_peer)
    written: Sequence[EgressPeer] = rule.to
    return each(written, (*path, "to"), lambda peer, place: _egress_peer(peer, action, place, notes))


def _ingress_peer(peer: IngressPeer, path: Path) -> Peer:
    _one_of_known(peer, path)
    return _pod_peer(peer, path)


def _egress_peer(peer: EgressPeer, action: Action, path: Path, notes: Notes) -> Peer:
    _one_of_known(peer, path)
    if peer.nodes is not None:
        return NodeSelection(selector_of(peer.nodes, (*path, "nodes")))
    if peer.networks is not None:
        return AddressBlock(AddressSet.of(*map(syntax.strict_cidr, peer.networks)))
    if isinstance(peer, NamedEgressPeer) and peer.domain_names is not None:
        place = (*path, "domainNames")
        if action is not Action.ACCEPT:
            raise DoubtError(
                Problem(place, "is only for rules that accept, because no list of addresses is ever complete")
            )
        notes.add(place, "matches only addresses that were learned from DNS answers; until then, nothing")
        return DomainSelection(tuple(sorted({syntax.canonical_domain(name) for name in peer.domain_names})))
    return _pod_peer(peer, path)


def _one_of_known(peer: IngressPeer | EgressPeer, path: Path) -> None:
    certain(peer, path)
    if not any(getattr(peer, name, None) not in (None, ()) for name in _PEER_FIELDS):
        raise DoubtError(Problem(path, "says in no way that we know who is meant"))
    if len(peer.present) > 1:
        raise DoubtError(Problem(path, f"has {' and '.join(peer.present)} at once, and we know no meaning for that"))


def _pod_peer(peer: IngressPeer | EgressPeer, path: Path) -> PodSelection:
    if peer.namespaces is not None:
        return PodSelection(selector_of(peer.namespaces, (*path, "namespaces")))
    assert peer.pods is not None  # noqa: S101 - the callers have ruled out all else
    certain(peer.pods, (*path, "pods"))
    selection, doubts = _pods_as_far_as_known(peer.pods, (*path, "pods"))
    if doubts:
        raise DoubtError(*doubts)
    return selection


def _traffic(item: _Item, path: Path, notes: Notes) -> Traffic | None:
    """Return what traffic an entry means, or None for one that is understood to match nothing."""
    certain(item, path)
    if len(item.present) != 1:
        raise DoubtError(Problem(path, "says in no way that we know which traffic is meant"))
    return _old_traffic(item, path, notes) if isinstance(item, v1alpha1.Port) else _new_traffic(item, path)


def _old_traffic(item: v1alpha1.Port, path: Path, notes: Notes) -> Traffic | None:
    if item.named_port is not None:
        return _named(item.named_port, (*path, "namedPort"))
    if item.port_number is not None:
        key, first, last = "portNumber", "port", "port"
        certain(item.port_number, (*path, key))
        protocol, ports = item.port_number.protocol, (item.port_number.port, item.port_number.port)
    else:
        assert item.port_range is not None  # noqa: S101 - one of three is present
        key, first, last = "portRange", "start", "end"
        certain(item.port_range, (*path, key))
        protocol, ports = item.port_range.protocol, (item.port_range.start, item.port_range.end)
    if ports[0] > ports[1]:
        notes.add((*path, key), f"matches nothing, because `{first}` is above `{last}`; swap them")
    if protocol not in _PROTOCOLS:
        notes.add((*path, key, "protocol"), f"{protocol!r} matches nothing; write TCP, UDP or SCTP in capitals")
        return None
    return PortRange(_PROTOCOLS[protocol], *ports)


def _new_traffic(item: v1alpha2.Protocol, path: Path) -> Traffic:
    if item.destination_named_port is not None:
        return _named(item.destination_named_port, (*path, "destinationNamedPort"))
    for key, match in (("tcp", item.tcp), ("udp", item.udp), ("sctp", item.sctp)):
        if match is not None:
            return _ports(Protocol(key), match, (*path, key))
    raise DoubtError(Problem(path, "says in no way that we know which traffic is meant"))


def _ports(protocol: Protocol, match: v1alpha2.ProtocolMatch, path: Path) -> PortRange:
    certain(match, path)
    port, place = match.destination_port, (*path, "destinationPort")
    if port is None:
        raise DoubtError(Problem(path, "says no `destinationPort`; for all ports write the range 1 to 65535"))
    certain(port, place)
    if (port.number is None) == (port.range is None):
        raise DoubtError(Problem(place, "says in no way that we know which ports are meant"))
    if port.number is not None:
        return PortRange(protocol, port.number, port.number)
    assert port.range is not None  # noqa: S101 - exactly one of two is
    certain(port.range, (*place, "range"))
    return PortRange(protocol, port.range.start, port.range.end)


def _named(name: str, path: Path) -> NamedPort:
    if not name:
        raise DoubtError(Problem(path, "is empty, which names no port"))
    return NamedPort(name)


def _warn_of_names_without_pods(rule: _Rule, items: Sequence[_Item], path: Path, notes: Notes) -> None:
    names = [item.named_port if isinstance(item, v1alpha1.Port) else item.destination_named_port for item in items]
    to = getattr(rule, "to", ())
    if any(names) and has_portless_peer(to):
        notes.add(path, "has a named port and peers that are no pods: for those peers the name never matches")
