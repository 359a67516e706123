"""What NetworkPolicies mean, in the compiler's words (1.6, 2.5 to 2.8).

Their rules only ever accept, so a doubtful one matches nothing; isolation is what denies.
"""

from dataclasses import dataclass
from typing import TypeAlias

from anp.api import syntax
from anp.api.doubts import DoubtError, Notes, certain, closed, each, selector_of, unread
from anp.api.networking_v1 import EgressRule, IngressRule, IpBlock, NetworkPolicy, Peer, Port
from anp.api.problems import Path, Problem
from compiler import model
from compiler.addresses import AddressSet, Network
from compiler.labels import EVERYTHING
from compiler.model import Action, Direction, Protocol

_Rule: TypeAlias = IngressRule | EgressRule


def network_policy(policy: NetworkPolicy, notes: Notes) -> model.Policy:
    """Return what a NetworkPolicy means.

    Where its pods are in doubt it isolates all that may be meant, and accepts nothing.
    """
    spec, namespace = policy.spec, policy.metadata.namespace
    doubts = list(unread(spec, ("spec",)))
    pods = EVERYTHING
    if "podSelector" not in spec.unread:
        pods, problems = spec.pod_selector.read(("spec", "podSelector"))
        doubts += problems
    notes.warnings += doubts
    reader = _Reader(namespace, tuple(doubts), notes)
    return model.Policy(
        kind=model.PolicyKind.NETWORK_POLICY,
        name=policy.metadata.name,
        tier=model.Tier.NETWORK_POLICY,
        subject=model.PodSelection(model.NamespaceNamed(namespace), pods),
        namespace=namespace,
        ingress=tuple(reader.rule(index, rule, ("spec", "ingress", index)) for index, rule in enumerate(spec.ingress)),
        egress=tuple(reader.rule(index, rule, ("spec", "egress", index)) for index, rule in enumerate(spec.egress)),
        isolates=_isolated(policy),
    )


def _isolated(policy: NetworkPolicy) -> frozenset[Direction]:
    """Return the isolated directions; where they are in doubt, that is both."""
    if {"policyTypes", "ingress", "egress"} & set(policy.spec.unread):
        return frozenset(Direction)
    return frozenset(Direction(name.lower()) for name in policy.spec.effective_types)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the rules of one policy; `doubts` are about the policy as a whole."""

    namespace: str
    doubts: tuple[Problem, ...]
    notes: Notes

    def rule(self, index: int, rule: _Rule, path: Path) -> model.Rule:
        """Return what a rule means, or one that accepts nothing."""
        key, written = ("from", rule.from_) if isinstance(rule, IngressRule) else ("to", rule.to)
        peers, doubtful_peers = each(written, (*path, key), self._peer)
        traffic, doubtful_ports = each(rule.ports, (*path, "ports"), _traffic)
        problems = (*unread(rule, path), *doubtful_peers, *doubtful_ports)
        self.notes.warnings += problems
        if problems or self.doubts:
            return closed(index, Action.ACCEPT, "", (*self.doubts, *problems))
        return model.Rule(index, Action.ACCEPT, peers or (model.Anyone(),), traffic or (model.AnyTraffic(),))

    def _peer(self, peer: Peer, path: Path) -> model.Peer:
        certain(peer, path)
        block, pods, namespaces = peer.ip_block, peer.pod_selector, peer.namespace_selector
        if not peer.present or (block is not None and len(peer.present) > 1):
            raise DoubtError(Problem(path, "says in no way that we know who is meant"))
        if block is not None:
            return self._block(block, (*path, "ipBlock"))
        return model.PodSelection(
            namespaces=model.NamespaceNamed(self.namespace)
            if namespaces is None
            else selector_of(namespaces, (*path, "namespaceSelector")),
            pods=EVERYTHING if pods is None else selector_of(pods, (*path, "podSelector")),
        )

    def _block(self, block: IpBlock, path: Path) -> model.AddressBlock:
        certain(block, path)
        whole = AddressSet.of(self._network(block.cidr, (*path, "cidr")))
        holes = (self._network(text, (*path, "except", index)) for index, text in enumerate(block.except_))
        return model.AddressBlock(whole - AddressSet.of(*holes))

    def _network(self, text: str, path: Path) -> Network:
        network, oddities = syntax.legacy_cidr(text)
        if oddities:
            self.notes.add(path, f"{text!r} {' and '.join(oddities)}; it is read as {network}, so write that")
        return network


def _traffic(port: Port, path: Path) -> model.Traffic:
    certain(port, path)
    protocol = Protocol(port.protocol.lower())
    match port.port:
        case None | str() if port.end_port is not None:
            raise DoubtError(Problem(path, "has the end of a range that begins with no number"))
        case None:
            return model.PortRange(protocol)
        case str() as name:
            return model.NamedPort(name, (protocol,))
        case int() as number:
            return model.PortRange(protocol, number, number if port.end_port is None else port.end_port)
