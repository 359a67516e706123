"""Compare a firewall with policies, over everything that the mapping says is a workload (translation.md 4.3).

The comparison is of two functions of source, destination, protocol and port, as decision diagrams: exact, and without
trying packets. Pods are symbolic, one for each combination of the selectors in use, so what is proven holds for pods
that come later with the same labels.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from anp.firewall.inventory.model import Inventory
from anp.firewall.model import NO_ADDRESS, Action, Firewall, Infrastructure, Reason
from anp.firewall.proof.cluster import PREFERRED_PORTS, Cluster, Ports, space_of
from anp.firewall.proof.ends import End, EndKind, Ends, outside
from anp.firewall.proof.explaining import Differing, Explainer
from anp.firewall.proof.firewall import Mixed, deciding, mixed, wanted
from anp.firewall.proof.infrastructure import wanted_besides
from anp.firewall.proof.joining import joined
from anp.firewall.proof.model import Equality, Gap, Packet, Party, Proof, Wanted
from anp.firewall.proof.world import World, world
from anp.firewall.resolution import Resolved, resolve
from anp.firewall.services import WITH_PORTS, Services
from compiler import intervals
from compiler.addresses import Address, AddressSet, IpVersion, address_of
from compiler.diagram.algebra import apply
from compiler.diagram.queries import boxes, values
from compiler.diagram.space import Box, Node, Space
from compiler.intervals import Ranges
from compiler.model import AddressBlock, Pod, Policy

MOST_BOXES = 20_000
"""So many boxes that differ are looked at in each family; nobody reads more."""

_EXAMPLES = {4: int(address_of(4, 0xCB007101)), 6: 0x20010DB8 << 96 | 1}
"""Addresses that a reader knows to be nobody's (RFC 5737, RFC 3849)."""


def prove(
    firewall: Firewall,
    inventory: Inventory,
    policies: Sequence[Policy],
    progress: Callable[[str], None] = lambda _: None,
    allowed: frozenset[Infrastructure] = frozenset(),
) -> Proof:
    """Say whether policies mean what the firewall means; `allowed` is accepted besides, whatever the firewall says."""
    resolved = resolve(firewall, inventory)
    gaps: list[Gap] = []
    assumptions: dict[str, None] = {}
    complete = True
    everything_outside = NO_ADDRESS
    pods = ends = cells = 0
    for version in sorted(resolved.versions):
        progress(f"comparing IPv{version}")
        family = _Family(resolved, inventory, policies, version, allowed)
        assumptions |= dict.fromkeys(family.world.assumptions)
        found = list(family.gaps())
        complete &= family.complete
        everything_outside |= outside(family.ends.ends, version)
        gaps += found
        pods = max(pods, len(family.world.pods))
        ends += len(family.ends.ends)
        cells += len(family.ends.ends) ** 2
    equality = (
        Equality.EQUAL
        if not gaps
        else Equality.EXPLAINED
        if complete and all(gap.explained for gap in gaps)
        else Equality.DIFFERENT
    )
    ordered = sorted(gaps, key=_order)
    versions = tuple(sorted(resolved.versions))
    return Proof(
        equality, tuple(ordered), tuple(assumptions), versions, pods, ends, cells, complete, everything_outside
    )


def _order(gap: Gap) -> tuple[object, ...]:
    statement = -1 if gap.statement is None else gap.statement
    packet = gap.witness
    return (
        gap.explained,
        gap.version,
        statement,
        gap.wanted.value,
        int(packet.source),
        int(packet.destination),
        packet.port,
    )


class _Family:
    """The comparison for one address family."""

    def __init__(
        self,
        resolved: Resolved,
        inventory: Inventory,
        policies: Sequence[Policy],
        version: IpVersion,
        allowed: frozenset[Infrastructure],
    ) -> None:
        self.complete = True
        self._version: IpVersion = version
        self._rules = tuple(
            rule for rule in resolved.rules if rule.sources.ranges(version) and rule.destinations.ranges(version)
        )
        sets = [*(rule.sources.ranges(version) for rule in self._rules)]
        sets += (rule.destinations.ranges(version) for rule in self._rules)
        sets = list(dict.fromkeys(sets))
        self.world: World = world(inventory, policies, version, _spoken_of(inventory, version, sets))
        self.ends = Ends(inventory, version, self.world.pods, [*sets, *_networks(policies, version)])
        self._kinds = Counter(symbolic.entity.name for symbolic in self.world.pods if symbolic.entity)
        self._inventory = inventory
        self._ports = Ports(inventory)
        self._space: Space = space_of(self.ends)
        self._besides = list(wanted_besides(self.ends, inventory, allowed))
        self._cluster = Cluster(self.world, self.ends, self._ports, self._space)

    def gaps(self) -> Iterator[Gap]:
        """Yield everything that differs."""
        space = self._space
        want = wanted(self._rules, space, self.ends, self._inventory)
        change = apply(space, _change, want, self._cluster.diagram())
        if values(change) != {None}:
            explainer = Explainer(self._rules, self.ends, self._ports, space, want, self._besides)
            found: dict[tuple[Differing, Reason | None], list[Box]] = {}
            for differing, box in self._differing(change, want):
                for part, reason in explainer.explained(differing, box):
                    found.setdefault((replace(differing, mixed=Mixed.WHOLE), reason), []).append(part)
            for (differing, reason), parts in found.items():
                for sources, destinations, services in joined(parts):
                    yield self._gap(differing, reason, sources, destinations, services)
        yield from self._without_a_way_in()

    def _differing(
        self, change: "Node[tuple[Wanted, bool] | None]", want: Node[Wanted]
    ) -> Iterator[tuple[Differing, Box]]:
        by_rule = any(found is not None and found[0] in _OF_RULES for found in values(change))
        labelled: Node[Differing | None] = (
            apply(self._space, _label, change, deciding(self._rules, self._space, self.ends))
            if by_rule
            else apply(self._space, _label, change, self._space.constant(-1))
        )
        lost = any(found == (Wanted.PERMIT, False) for found in values(change))
        if lost:
            labelled = apply(self._space, _mixed, labelled, mixed(want, self._space, self.ends))
        seen = 0
        for box, differing in boxes(self._space, labelled):
            if differing is not None:
                seen += 1
                if seen > MOST_BOXES:
                    self.complete = False
                    return
                yield differing, box

    def _without_a_way_in(self) -> Iterator[Gap]:
        """Yield container ports that are open although no port of the firewall leads there."""
        for destination in self.ends.ends:
            for protocol in WITH_PORTS:
                closed = self._ports.closed(destination.entity, protocol)
                if not closed:
                    continue
                by_ports: dict[Ranges, list[int]] = {}
                for source in self.ends.ends:
                    together = source.segment and source.segment == destination.segment
                    if source.kind in _COMPARED and not together:
                        accepted = intervals.intersection(closed, self._cluster.accepted(source, destination, protocol))
                        if accepted:
                            by_ports.setdefault(accepted, []).append(source.number)
                for ports, sources in by_ports.items():
                    differing = Differing(Wanted.NO_WAY_IN, permitted=True, rule=None)
                    reason = Reason(
                        "FW122", "policies accept the container's own port, which the firewall does not know"
                    )
                    numbers = intervals.union((number, number) for number in sources)
                    here: Ranges = ((destination.number, destination.number),)
                    yield self._gap(differing, reason, numbers, here, Services.of((protocol, ports)), translated=True)

    def _gap(  # noqa: PLR0913 - the parts of a gap
        self,
        differing: Differing,
        reason: Reason | None,
        sources: Ranges,
        destinations: Ranges,
        services: Services,
        *,
        translated: bool = False,
    ) -> Gap:
        senders, receivers = self.ends.party(sources), self.ends.party(destinations)
        packet, decided_by = self._witness(
            self._known(senders), self._known(receivers), services, translated=translated
        )
        return Gap(
            version=self._version,
            sources=self._party(senders),
            destinations=self._party(receivers),
            services=services,
            wanted=differing.wanted,
            permitted=differing.permitted,
            statement=None if differing.rule is None else self._rules[differing.rule].statement,
            reason=reason,
            witness=packet,
            decided_by=decided_by,
        )

    def _witness(self, source: End, destination: End, services: Services, *, translated: bool) -> tuple[Packet, str]:
        protocol, ports = min(services.by_protocol, key=lambda found: (found[0] not in WITH_PORTS, found[0]))
        port = next((port for port in PREFERRED_PORTS if intervals.contains(ports, port)), ports[0][0])
        arriving = port if translated else self._ports.container_port(destination.entity, protocol, port)
        outcomes = list(self._cluster.outcomes(source, destination, protocol, arriving))
        decisive = next((outcome for outcome in outcomes if not outcome.accept), outcomes[-1] if outcomes else None)
        packet = Packet(
            self._address(source),
            self._address(destination),
            protocol,
            port if protocol in WITH_PORTS else 0,
            arriving if protocol in WITH_PORTS else 0,
            source.symbolic.pod.name if source.symbolic and not source.entity else _name(source),
            _name(destination),
        )
        return packet, str(decisive.origin) if decisive else ""

    def _known(self, ends: list[End]) -> End:
        """Return the end to show a packet with: an address that is known to be nobody's, if that is among them."""
        example = _EXAMPLES[self._version]
        return next((end for end in ends if end.addresses and end.addresses[0] <= example <= end.addresses[1]), ends[0])

    def _address(self, end: End) -> Address:
        if end.symbolic is not None and end.addresses is None:
            return end.symbolic.pod.addresses[0]
        first, last = end.addresses or (0, 0)
        example = _EXAMPLES[self._version]
        # The first address of a range is often a network's, which looks like no host.
        return address_of(self._version, example if first <= example <= last else min(first + 1, last))

    def _party(self, ends: list[End]) -> Party:
        kinds: dict[str, dict[Pod, None]] = {}
        for end in ends:
            if end.symbolic and end.entity:
                kinds.setdefault(end.entity.name, {})[end.symbolic.pod] = None
        names = [
            name if len(pods) == self._kinds[name] else f"{name} ({_description(pod)})"
            for name, pods in kinds.items()
            for pod in list(pods)[: None if len(pods) < self._kinds[name] else 1]
        ]
        other = any(end.kind is EndKind.OTHER_PODS for end in ends)
        return Party(tuple(names), other, outside(ends, self._version))


_OF_RULES = frozenset({Wanted.PERMIT, Wanted.DENY, Wanted.EITHER})
_COMPARED = frozenset({EndKind.ENTITY, EndKind.OUTSIDE})


def _description(pod: Pod) -> str:
    """Say which of an entity's pods are meant, where policies make a difference between them."""
    labels = ",".join(f"{key}={value}" for key, value in pod.labels.items()) or "no labels"
    return f"{labels} at {pod.addresses[0]}"


def _name(end: End) -> str:
    return end.entity.name if end.entity else ""


def _change(wanted_: Wanted, got: Action) -> tuple[Wanted, bool] | None:
    permitted = got is Action.PERMIT
    match wanted_:
        case Wanted.NOT_OURS:
            return None
        case Wanted.EITHER:
            return wanted_, permitted
        case Wanted.TIGHTENED:
            return None if permitted else (wanted_, permitted)
        case _:
            return None if wanted_.goes_through == permitted else (wanted_, permitted)


def _label(change: tuple[Wanted, bool] | None, rule: int) -> Differing | None:
    if change is None:
        return None
    wanted_, permitted = change
    return Differing(wanted_, permitted, rule if wanted_ in _OF_RULES and rule >= 0 else None)


def _mixed(differing: Differing | None, found: Mixed) -> Differing | None:
    lost = differing is not None and differing.wanted is Wanted.PERMIT and not differing.permitted
    return replace(differing, mixed=found) if differing is not None and lost else differing


def _networks(policies: Sequence[Policy], version: IpVersion) -> list[Ranges]:
    found = (
        peer.addresses.ranges(version)
        for policy in policies
        for rule in (*policy.ingress, *policy.egress)
        for peer in rule.peers
        if isinstance(peer, AddressBlock)
    )
    return list(dict.fromkeys(found))


def _spoken_of(inventory: Inventory, version: IpVersion, sets: Sequence[Ranges]) -> AddressSet:
    """Return the addresses that somebody means, other than by meaning all of them."""
    narrow = [ranges for ranges in sets if sum(last - first + 1 for first, last in ranges) < 1 << 24]
    ranges = intervals.union(
        [*(r for found in narrow for r in found), *(inventory.mapped | inventory.segmented).ranges(version)]
    )
    if not ranges:
        return NO_ADDRESS
    return AddressSet(v4=ranges) if version == 4 else AddressSet(v6=ranges)
