"""Both ends of a connection together: what one end accepts and the other never does, and closed egress without DNS."""

from collections.abc import Iterator

from anp.analysis.lint.desk import Desk, rule_path
from anp.analysis.lint.findings import Finding, Witness
from anp.analysis.lint.situations import Situation
from anp.analysis.lint.standing import Hit, Standing
from anp.sources.diagnostics import FieldPath
from compiler import intervals
from compiler.classes import Membership
from compiler.model import (
    PORT_PROTOCOLS,
    Action,
    Direction,
    Flow,
    IsolationOrigin,
    Origin,
    Policy,
    PolicyKind,
    PortRange,
    Protocol,
    RuleOrigin,
)
from compiler.packets import EVERY_PACKET, PacketSet
from compiler.profiles import Profile
from compiler.programs import Program

_NAMES = frozenset({"dns", "dns-tcp", "dns-udp", "domain"})
"""What pods that serve DNS call its ports, which need not be number 53 behind a Service."""


def connections(desk: Desk) -> Iterator[Finding]:
    """Yield the findings of this family."""
    for direction in Direction:
        yield from _one_sided(desk, desk.standing(direction))
    yield from _nameless(desk, desk.standing(Direction.EGRESS))


# Accept on one side only.


def _one_sided(desk: Desk, standing: Standing) -> Iterator[Finding]:
    other_end = _OtherEnd(standing.direction)
    away = Direction.EGRESS if standing.direction is Direction.INGRESS else Direction.INGRESS
    for ranked in standing.rules:
        hits = standing.hits.get(ranked, [])
        if ranked.action is not Action.ACCEPT or not hits or any(map(other_end.accepts, hits)):
            continue
        flow = standing.flow(hits[0].situation, hits[0].packets)
        origin = _other_origin(desk, flow, away)
        yield desk.finding(
            "ANP401",
            ranked.policy,
            rule_path(ranked),
            f"at present all that this rule accepts as {standing.direction.value} "
            f"is denied as {away.value} at the other end",
            related=(desk.related_origin(origin, "denies it"),),
            witness=Witness(flow, f"accepted by {ranked.origin}, denied by {origin}", away, origin),
        )


class _OtherEnd:
    """What the other ends of connections say; each answer is worked out once."""

    def __init__(self, direction: Direction) -> None:
        self._ingress = direction is Direction.INGRESS
        self._known: dict[tuple[Program, Membership], PacketSet] = {}

    def accepts(self, hit: Hit) -> bool:
        """Say whether some packet of a hit gets through at both ends; for who is no pod, one end is enough."""
        programs: dict[Program, None] = {}
        for peer in hit.situation.peers:
            side = peer.sides[0]
            program = side.egress if self._ingress else side.ingress
            if program is None:
                return True
            programs[program] = None
        memberships = {subject.sides[0].membership for subject in hit.situation.subjects}
        return any(
            hit.packets & self._accepted(program, membership & program.mask)
            for program in programs
            for membership in memberships
        )

    def _accepted(self, program: Program, membership: Membership) -> PacketSet:
        key = (program, membership)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = accepted(program.profile(membership))
        return known


def accepted(profile: Profile) -> PacketSet:
    """Return the packets that a profile accepts."""
    tcp, udp, sctp = (
        intervals.union(ports for ports, outcome in profile.ports(protocol) if outcome.accept)
        for protocol in PORT_PROTOCOLS
    )
    return PacketSet(tcp, udp, sctp, profile.other.accept)


def _other_origin(desk: Desk, flow: Flow, away: Direction) -> Origin:
    """Return what decides a flow at an end where a governed pod is."""
    address = flow.source if away is Direction.EGRESS else flow.destination
    pod = next(pod for pod in desk.governed if address in pod.addresses)
    outcome = desk.ground.compilation.outcome(pod, away, flow)
    assert outcome is not None  # noqa: S101 - it denies, so there is a program
    return outcome.origin


# Closed egress without DNS.


def _nameless(desk: Desk, standing: Standing) -> Iterator[Finding]:
    """Tell once, for whatever denies it, of pods that may connect to somebody and may ask nobody for a name."""
    questions = _questions(desk)
    told: dict[Origin, tuple[Situation, set[Program]]] = {}
    programs: dict[Program, list[Situation]] = {}
    for situation in standing.situations:
        programs.setdefault(situation.program, []).append(situation)
    for program, situations in programs.items():
        reached = [situation.accepted(EVERY_PACKET) for situation in situations]
        if any(reached) and not any(found & questions for found in reached):
            situation = situations[-1]
            profile = program.profile(situation.peers[0].sides[0].membership)
            origin = profile.outcome(Protocol.UDP, 53).origin
            told.setdefault(origin, (situation, set()))[1].add(program)
    for origin, (situation, which) in told.items():
        policy, path = _place(desk, origin)
        flow = standing.flow(situation, PacketSet(udp=((53, 53),)))
        yield desk.finding(
            "ANP402",
            policy,
            path,
            f"pods that this is about may connect to others, and may ask nobody for a name: DNS is denied here"
            f"{f', for {len(which)} groups of pods' if len(which) > 1 else ''}",
            witness=Witness(flow, f"denied by {origin}", Direction.EGRESS, origin),
        )


def _questions(desk: Desk) -> PacketSet:
    """Return the packets that ask for names, on port 53 and on what pods declare as their ports for that."""
    declared = (port for pod in desk.governed for port in pod.ports if port.name in _NAMES)
    named = (PortRange(port.protocol, port.number, port.number) for port in declared)
    return PacketSet.of([PortRange(Protocol.UDP, 53, 53), PortRange(Protocol.TCP, 53, 53), *named])


def _place(desk: Desk, origin: Origin) -> tuple[Policy, FieldPath]:
    """Return the policy that an origin is in, and the field to look at."""
    match origin:
        case RuleOrigin():
            key = (origin.kind, origin.namespace, origin.policy)
            path: FieldPath = ("spec", origin.direction.value, origin.index)
        case IsolationOrigin(_, policies):
            key = (PolicyKind.NETWORK_POLICY, *policies[0])
            path = ("spec",)
        case _:
            raise AssertionError(origin)
    return next(p for p in desk.snapshot.policies if (p.kind, p.namespace, p.name) == key), path
