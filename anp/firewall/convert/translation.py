"""Rules over addresses as policies over workloads (translation.md 3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from anp.firewall.convert.closing import close
from anp.firewall.convert.dispositions import Account, dispositions
from anp.firewall.convert.documents import Placed, Writer, namespaces_of
from anp.firewall.convert.drafts import Drafter
from anp.firewall.convert.hidden import liveness
from anp.firewall.convert.lists import Lister, Lists
from anp.firewall.convert.model import PolicyObject, Settings, Tail, Target, Translation
from anp.firewall.convert.outside import opening
from anp.firewall.convert.packets import ContainerPorts
from anp.firewall.convert.packing import Load, pack
from anp.firewall.convert.parties import Parties
from anp.firewall.convert.profiles import first_priority, limits
from anp.firewall.convert.tails import Spoken, spoken
from anp.firewall.inventory.checks import guesses
from anp.firewall.inventory.model import Entity, Inventory
from anp.firewall.inventory.noting import note
from anp.firewall.inventory.refinement import refinement
from anp.firewall.model import NO_ADDRESS, Firewall, Infrastructure
from anp.firewall.resolution import Resolved, resolve
from anp.sources.diagnostics import Diagnostic, Location, Severity, has_errors
from compiler.addresses import VERSIONS
from compiler.model import Tier


def translate(firewall: Firewall, inventory: Inventory, settings: Settings) -> Translation:
    """Translate a firewall. Never raises for what firewall or mapping say: then there are errors and no objects.

    Raises:
        KeyError: there is no such profile.

    """
    resolved = resolve(firewall, inventory)
    desk = _Desk(firewall, inventory, settings, resolved)
    desk.check()
    alive = liveness(resolved.rules, resolved.versions)
    closed = close(resolved, alive.live, settings.closure)
    parties = Parties(inventory, resolved.versions)
    account = Account(resolved, alive, closed, parties, desk.ports)
    if not has_errors(desk.diagnostics):
        lister = Lister(closed.lines, parties, desk.ports)
        desk.write([lister.lists(number) for number in range(len(inventory.entities))], parties, account)
    objects = () if has_errors(desk.diagnostics) else tuple(sorted(desk.objects, key=lambda one: one.name))
    return Translation(
        firewall,
        inventory,
        settings,
        objects,
        dispositions(firewall, account, objects),
        tuple(sorted({*firewall.diagnostics, *desk.diagnostics})),
    )


@dataclass(slots=True)
class _Desk:
    """Where a translation is put together."""

    firewall: Firewall
    inventory: Inventory
    settings: Settings
    resolved: Resolved
    diagnostics: list[Diagnostic] = field(default_factory=list)
    objects: list[PolicyObject] = field(default_factory=list)

    @property
    def ports(self) -> ContainerPorts:
        """Where traffic for ports arrives."""
        return ContainerPorts(self.inventory)

    def check(self) -> None:
        """Say what of rules and mapping does not go together."""
        self.diagnostics += guesses(self.inventory, accepted=self.settings.accept_guesses)
        self.diagnostics += refinement(self.inventory, self.firewall, self.resolved.rules)
        for missing in self.resolved.unresolved:
            at = None if missing.statement is None else self.firewall.statements[missing.statement].at
            text = f"no segment has the interface {missing.interface!r}, which {missing.list} asks for"
            self.diagnostics.append(note("FW130", text, at=at or Location(self.firewall.source)))
        if self.resolved.versions and len(self.resolved.versions) < len(VERSIONS):
            spoken_of, other = ("IPv4", "IPv6") if 4 in self.resolved.versions else ("IPv6", "IPv4")
            text = (
                f"the firewall speaks of {spoken_of} only: {other} destinations outside the cluster stay open, "
                f"{other} sources outside are denied wherever a NetworkPolicy is needed"
            )
            self.diagnostics.append(note("FW004", text, at=Location(self.firewall.source), hint=""))

    def write(self, lists: Sequence[Lists], parties: Parties, account: Account) -> None:
        """Make every object."""
        profile = limits(self.settings)
        drafter = Drafter(self.firewall, parties, self.settings.target, profile)
        writer = Writer(self.firewall, self.settings)
        everything = parties.everything()
        # Only pods that Admin policies leave undecided meet a NetworkPolicy.
        kept_out = self.inventory.pod_addresses if self.settings.tail is Tail.BASELINE else NO_ADDRESS
        loads: list[tuple[Entity, list[Load]]] = []
        tails: list[tuple[Entity, list[Load]]] = []
        denied: list[tuple[Entity, Spoken]] = []
        for of_entity in lists:
            entity = parties.entities[of_entity.entity]
            account.take(of_entity)
            said = spoken(of_entity, parties, self.inventory, self.settings)
            denied.append((entity, said))
            loads.append((entity, pack(said.ingress, said.egress, drafter, profile)))
            tails.append((entity, pack(said.baseline_ingress, said.baseline_egress, drafter, profile)))
            opened = opening(of_entity.outside, everything, kept_out)
            if opened is not None:
                account.narrowed |= opened.narrowed
                statements = tuple(number for entry in of_entity.outside for number in entry.statements)
                for namespace in self._namespaces(entity):
                    self.objects.append(writer.network_policy(entity, namespace, opened.drafts, statements))
        self._place(loads, tails, writer)
        self.diagnostics += _infrastructure(denied, self.settings, self.firewall)

    def _namespaces(self, entity: Entity) -> tuple[str, ...]:
        found = namespaces_of(entity)
        if found is None:
            text = (
                f"outside sources of {entity.name} take a NetworkPolicy, which is in a namespace, and its selector "
                "does not name any"
            )
            hint = "select namespaces by kubernetes.io/metadata.name alone, one entity for each group of them"
            self.diagnostics.append(note("FW401", text, at=entity.at, hint=hint, severity=Severity.ERROR))
        return found or ()

    def _place(
        self, loads: list[tuple[Entity, list[Load]]], tails: list[tuple[Entity, list[Load]]], writer: Writer
    ) -> None:
        """Give every object its name and its priority."""
        names = _Names(self.settings.prefix, self.inventory)
        priorities = self._priorities([found for _entity, found in loads])
        for entity, found in loads:
            if len(found) > 1:
                rules = sum(max(len(load.ingress), len(load.egress)) for load in found)
                text = f"{rules} rules of {entity.name} are in {len(found)} objects"
                self.diagnostics.append(note("FW403", text, at=entity.at))
            for number, load in enumerate(found):
                place = number if self.settings.unique_priorities else load.level
                name = names.name(entity, number)
                self.objects.append(
                    writer.cluster_policy(
                        entity, Placed(name, Tier.ADMIN, priorities(place)), load.ingress, load.egress
                    )
                )
        wanted = [(entity, found) for entity, found in tails if found]
        if self.settings.target is Target.ANP and sum(len(found) for _entity, found in wanted) > 1:
            text = "there is one BaselineAdminNetworkPolicy in a cluster, with one subject; the tails need more"
            hint = "deny the tail where the rules are (--tail deny), or write ClusterNetworkPolicies (--target cnp)"
            self.diagnostics.append(
                note("FW402", text, at=Location(self.inventory.source), hint=hint, severity=Severity.ERROR)
            )
        for entity, found in wanted:
            for number, load in enumerate(found):
                name = "default" if self.settings.target is Target.ANP else names.name(entity, number, "-tail")
                priority = first_priority(self.settings)
                self.objects.append(
                    writer.cluster_policy(entity, Placed(name, Tier.BASELINE, priority), load.ingress, load.egress)
                )

    def _priorities(self, loads: Sequence[Sequence[Load]]) -> "_Priorities":
        profile, first = limits(self.settings), first_priority(self.settings)
        unique = self.settings.unique_priorities
        steps = max((len(found) - 1 if unique else found[-1].level for found in loads if found), default=0)
        spacing = min(self.settings.spacing, (profile.last_priority - first) // steps if steps else 1 << 30)
        if first < profile.first_priority or first > profile.last_priority or spacing < 1:
            text = (
                f"{steps + 1} priorities from {first} are needed, and {profile.name} has "
                f"{profile.first_priority} to {profile.last_priority}"
            )
            self.diagnostics.append(note("FW402", text, at=Location(self.firewall.source), severity=Severity.ERROR))
        elif spacing < self.settings.spacing:
            text = f"priorities are {spacing} apart, not {self.settings.spacing}: {profile.name} has no room for more"
            self.diagnostics.append(note("FW402", text, at=Location(self.firewall.source)))
        return _Priorities(first, spacing)


@dataclass(frozen=True, slots=True)
class _Priorities:
    """The priority of each step."""

    first: int
    spacing: int

    def __call__(self, step: int) -> int:
        """Return the priority of a level, or of a number."""
        return self.first + step * self.spacing if step else self.first


class _Names:
    """Names of objects, of which no two are alike although names of entities may look like numbered ones."""

    def __init__(self, prefix: str, inventory: Inventory) -> None:
        self._prefix = prefix
        self._taken = {f"{prefix}-{entity.name}" for entity in inventory.entities}

    def name(self, entity: Entity, number: int, suffix: str = "") -> str:
        """Return the name of an entity's object of that number, from 0."""
        first = f"{self._prefix}-{entity.name}{suffix}"
        if number == 0 and not suffix:
            return first
        found = f"{first}-{number + 1}" if number else first
        while found in self._taken:
            found += "-x"
        self._taken.add(found)
        return found


def _infrastructure(
    denied: Sequence[tuple[Entity, Spoken]], settings: Settings, firewall: Firewall
) -> Iterator[Diagnostic]:
    """Tell which traffic of the cluster's own is denied, as it may be needed and never crossed the firewall."""
    at = Location(firewall.source)
    for asked, code, egress in (
        (Infrastructure.DNS, "FW501", True),
        (Infrastructure.API, "FW502", True),
        (Infrastructure.METRICS, "FW504", False),
    ):
        names = [entity.name for entity, said in denied if _closes(said, egress=egress)]
        if names and asked not in settings.infrastructure:
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            yield note(code, f"denied to or from {', '.join(names[:5])}{more}", at=at)
    if denied:
        yield note("FW503", "probes of kubelets pass", at=at)


def _closes(said: Spoken, *, egress: bool) -> bool:
    entries = (*said.egress, *said.baseline_egress) if egress else (*said.ingress, *said.baseline_ingress)
    return any(entry.action is not None and entry.action.value == "deny" and not entry.networks for entry in entries)
