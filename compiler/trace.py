"""One packet's way through a ruleset, as the kernel would take it; what the tracer does not know, it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from compiler.addresses import Address
from compiler.model import Flow, Pod, Protocol, Snapshot
from compiler.ruleset import (
    MARK_BITS,
    Accept,
    AddressLookup,
    Count,
    Drop,
    ExactMap,
    Foreign,
    Goto,
    Hook,
    Jump,
    MarkLookup,
    MarkMatch,
    NeighborDiscoveryMatch,
    NftRule,
    PortLookup,
    PortMatch,
    RangeMap,
    Return,
    Ruleset,
    SetMark,
    Side,
    TrackedMatch,
    Verdict,
)

_MAX_DEPTH = 16
"""How many jumps deep the kernel goes."""


class UntraceableError(Exception):
    """The ruleset holds something whose meaning the tracer does not know, or refers to what is not there."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet at a hook; `tracked` if connection tracking calls it established or related."""

    hook: Hook
    source: Address
    destination: Address
    protocol: Protocol
    port: int = 0
    tracked: bool = False
    neighbor_discovery: bool = False
    mark: int = 0

    @classmethod
    def of(cls, flow: Flow, hook: Hook) -> "Packet":
        """Return the first packet of a flow, at a hook."""
        return cls(hook, flow.source, flow.destination, flow.protocol, flow.port)


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a packet went: the chains it entered and counters it passed, in order, and its mark at the end."""

    accepted: bool
    chains: tuple[str, ...]
    counters: tuple[str, ...]
    mark: int


def trace(ruleset: Ruleset, packet: Packet) -> Trace:
    """Run a packet through the base chains at its hook.

    Raises:
        UntraceableError: the packet meets a statement that is not ours, a missing chain or map, or a loop.

    """
    run = _Run(ruleset, packet)
    accepted = True
    for name, chain in sorted(ruleset.chains.items()):
        if accepted and chain.hook is packet.hook:
            accepted = not isinstance(run.chain(name, 0), Drop)
    return Trace(accepted, tuple(run.chains), tuple(run.counters), run.mark)


@dataclass(slots=True)
class _Run:
    ruleset: Ruleset
    packet: Packet
    mark: int = 0
    chains: list[str] = field(default_factory=list)
    counters: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mark = self.packet.mark

    def chain(self, name: str, depth: int) -> Accept | Drop | Return:
        """Run a chain to its end; a final verdict ends the packet's way, Return goes back to the caller."""
        if depth > _MAX_DEPTH:
            raise UntraceableError(f"more than {_MAX_DEPTH} chains deep: {' > '.join(self.chains)}")
        if name not in self.ruleset.chains:
            raise UntraceableError(f"there is no chain {name}")
        self.chains.append(name)
        for rule in self.ruleset.chains[name].rules:
            verdict = self._rule(rule)
            match verdict:
                case None:
                    continue
                case Jump(target):
                    reached = self.chain(target, depth + 1)
                    if not isinstance(reached, Return):
                        return reached
                case Goto(target):
                    return self.chain(target, depth + 1)
                case Accept() | Drop() | Return():
                    return verdict
                case _:
                    assert_never(verdict)
        return Return()

    def _rule(self, rule: NftRule) -> Verdict | None:
        """Run one rule's statements; None if a match or a lookup failed, or if no verdict came of it."""
        for statement in rule:
            match statement:
                case Accept() | Drop() | Return() | Jump() | Goto():
                    return statement
                case AddressLookup() | MarkLookup() | PortLookup():
                    return self._found(statement)
                case TrackedMatch() | NeighborDiscoveryMatch() | MarkMatch() | PortMatch():
                    if not self._holds(statement):
                        return None
                case SetMark(mask, value):
                    self.mark = self.mark & ~mask & MARK_BITS | value
                case Count(counter):
                    if counter not in self.ruleset.counters:
                        raise UntraceableError(f"there is no counter {counter}")
                    self.counters.append(counter)
                case Foreign(json):
                    raise UntraceableError(f"not one of our statements: {json}")
                case _:
                    assert_never(statement)
        return None

    def _holds(self, match_: TrackedMatch | NeighborDiscoveryMatch | MarkMatch | PortMatch) -> bool:
        match match_:
            case TrackedMatch():
                return self.packet.tracked
            case NeighborDiscoveryMatch():
                return self.packet.neighbor_discovery
            case MarkMatch(mask, value):
                return self.mark & mask == value
            case PortMatch(protocol, (first, last)):
                return self.packet.protocol is protocol and first <= self.packet.port <= last

    def _found(self, lookup: AddressLookup | MarkLookup | PortLookup) -> Verdict | None:
        match lookup:
            case AddressLookup(side, version, name):
                address = self.packet.source if side is Side.SOURCE else self.packet.destination
                return self._lookup(name, int(address)) if address.version == version else None
            case MarkLookup(mask, name):
                return self._lookup(name, self.mark & mask)
            case PortLookup(protocol, verdicts):
                port = self.packet.port
                in_range = (verdict for (first, last), verdict in verdicts if first <= port <= last)
                return next(in_range, None) if self.packet.protocol is protocol else None

    def _lookup(self, name: str, key: int) -> Verdict | None:
        match self.ruleset.maps.get(name):
            case None:
                raise UntraceableError(f"there is no map {name}")
            case ExactMap(elements=exact):
                return exact.get(key)
            case RangeMap(elements=ranges):
                return next((verdict for (first, last), verdict in ranges.items() if first <= key <= last), None)
            case unreachable:
                assert_never(unreachable)


def crossings(snapshot: Snapshot, flow: Flow) -> tuple[tuple[str, Hook], ...]:
    """Return the hooks of which nodes a flow's packets cross, in a routed pod network without a bridge.

    What a node itself sends crosses no hook of ours on that node. Nodes that only pass the packet on for
    others (routers) are not known here. A pod without a node cannot be reached, and is judged nowhere.
    """
    source, destination = _pod(snapshot, flow.source), _pod(snapshot, flow.destination)
    if source and destination and source.key == destination.key and not flow.hairpin:
        return ()
    from_node = source.node if source else _node(snapshot, flow.source)
    to_node = destination.node if destination else _node(snapshot, flow.destination)
    arrival = Hook.FORWARD if destination else Hook.INPUT
    crossed: dict[tuple[str, Hook], None] = {}
    if source:
        crossed[from_node, arrival if from_node == to_node else Hook.FORWARD] = None
    if to_node and to_node != from_node:
        crossed[to_node, arrival] = None
    return tuple((node, hook) for node, hook in crossed if node)


def traced(snapshot: Snapshot, rulesets: Mapping[str, Ruleset], flow: Flow) -> bool:
    """Say whether a flow gets through every hook that it crosses, given each node's ruleset."""
    return all(
        trace(rulesets[node], Packet.of(flow, hook)).accepted
        for node, hook in crossings(snapshot, flow)
        if node in rulesets
    )


def _pod(snapshot: Snapshot, address: Address) -> Pod | None:
    return next((pod for pod in snapshot.pods if pod.governed and address in pod.addresses), None)


def _node(snapshot: Snapshot, address: Address) -> str:
    return next((node.name for node in snapshot.nodes if address in node.addresses), "")
