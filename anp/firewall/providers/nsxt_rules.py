"""One rule of NSX-T's distributed firewall: what it matches, and where it is enforced."""

from collections.abc import Iterator
from dataclasses import dataclass

from anp.firewall.matching import Match
from anp.firewall.model import Action, Condition, Fate, Role
from anp.firewall.providers.cisco_assembly import Entry, Notes, reason
from anp.firewall.providers.cisco_parts import ANYWHERE, EVERY_TRAFFIC, Ends, Traffic, matches
from anp.firewall.providers.cisco_text import UnreadableError
from anp.firewall.providers.nsxt_export import Export, Policy, Raw, flag, name_of, strings, text
from anp.firewall.providers.nsxt_groups import GroupTable, families
from anp.firewall.providers.nsxt_services import ServiceTable

JUMP = "JUMP_TO_APPLICATION"

ACTIONS = {"ALLOW": Action.PERMIT, "DROP": Action.DENY, "REJECT": Action.DENY}

DIRECTIONS = {"IN", "OUT", "IN_OUT"}


@dataclass(slots=True, eq=False)
class DfwRule:
    """A rule that is read; `scope` are the ends at which it is enforced, None for all that there are."""

    entry: Entry
    category: str
    sources: Ends = ANYWHERE
    destinations: Ends = ANYWHERE
    traffic: Traffic = EVERY_TRAFFIC
    conditions: tuple[Condition, ...] = ()
    scope: Ends | None = None
    direction: str = "IN_OUT"
    jumps: bool = False
    exact: bool = True
    """Whether it could be read."""

    @property
    def is_everywhere(self) -> bool:
        """Whether it is enforced at both ends of a connection, whatever they are."""
        return self.scope is None and self.direction == "IN_OUT"

    @property
    def is_default(self) -> bool:
        """Whether it decides about everything, so that no rule after it matters."""
        return self.is_everywhere and not self.jumps and self.plain() == (Match(),)

    def plain(self) -> tuple[Match, ...]:
        """Return what it matches wherever it is enforced."""
        found = matches(self.sources, self.destinations, self.traffic, self.conditions)
        # A rule about everything looks like one that was made so.
        return tuple(Match() if match == _NAMELESS else match for match in found)

    def at(self, end: str, guarded: Ends) -> tuple[Match, ...]:
        """Return what it matches at one end, ``source`` or ``destination``, where `guarded` are the ends that can deny.

        A permit at an end that nobody guards, and no rule at all, come to the same: it needs no condition.
        """
        if self.direction not in {"IN_OUT", "OUT" if end == "source" else "IN"}:
            return ()
        here = self.scope if self.scope is not None else ANYWHERE
        if self.scope is None and self.entry.action is Action.DENY and not self.jumps:
            here = guarded
        sources = self.sources & here if end == "source" else self.sources
        destinations = self.destinations & here if end == "destination" else self.destinations
        names = (Ends(sources.parts, self.sources.names), Ends(destinations.parts, self.destinations.names))
        return matches(*names, self.traffic, self.conditions)


_NAMELESS = matches(ANYWHERE, ANYWHERE)[0]


class RuleReader:
    """Reads the rules of an export."""

    def __init__(self, export: Export, groups: GroupTable, services: ServiceTable, notes: Notes) -> None:
        self._export = export
        self._groups = groups
        self._services = services
        self._notes = notes

    def read(self, raw: Raw, policy: Policy, category: str) -> DfwRule:
        """Read a rule; what cannot be read is left open."""
        name = name_of(raw)
        line = self._export.line(raw) or self._export.line(policy.raw)
        entry = Entry(line, f"{category}/{policy.name}", name, wording(raw, policy))
        entry.comment = text(raw, "notes") or text(raw, "description")
        rule = DfwRule(entry, category)
        action = text(raw, "action")
        entry.action = ACTIONS.get(action, Action.DENY)
        rule.jumps = action == JUMP
        if action not in ACTIONS and not rule.jumps:
            self._notes.error("FW150", line, f"rule {name}: {action or 'nothing'} is no action")
            entry.end(Fate.NOT_EXPRESSIBLE, "FW150", f"{action or 'nothing'} is no action")
        try:
            self._fill(rule, raw, policy, line)
        except UnreadableError as error:
            self._notes.error("FW150", line, f"rule {name}: {error}")
            rule.sources = rule.destinations = ANYWHERE
            rule.traffic, rule.scope, rule.direction = EVERY_TRAFFIC, None, "IN_OUT"
            rule.conditions = (Condition("FW150", f"rule {name} means it"),)
        if raw.get("logged") is True:
            entry.reasons = (*entry.reasons, reason("FW010"))
        if raw.get("disabled") is True:
            entry.end(Fate.IMPLIED, "FW001")
        if rule.jumps:
            entry.role = Role.JUMP
            entry.end(Fate.IMPLIED, "FW003")
        return rule

    def _fill(self, rule: DfwRule, raw: Raw, policy: Policy, line: int) -> None:
        flag(raw, "disabled")
        rule.conditions = (*self._context(raw, policy),)
        family = families(text(raw, "ip_protocol"))
        ends = []
        for end in ("source", "destination"):
            found = self._groups.ends(strings(raw, f"{end}_groups"), line)
            if flag(raw, f"{end}s_excluded") and found is not ANYWHERE:
                found = found.negated()
            ends.append(found.within(family))
        rule.sources, rule.destinations = ends
        rule.traffic = self._services.of_rule(raw)
        # What the section says of where it is enforced holds for all its rules.
        scope = strings(policy.raw, "scope") or strings(raw, "scope")
        rule.scope = self._groups.ends(scope, line) if scope else None
        rule.direction = text(raw, "direction") or "IN_OUT"
        if rule.direction not in DIRECTIONS:
            raise UnreadableError(f"{rule.direction} is no direction")

    def _context(self, raw: Raw, policy: Policy) -> Iterator[Condition]:
        for profile in strings(raw, "profiles"):
            yield Condition("FW105", f"context profile {profile.rpartition('/')[2]}")
        if schedule := text(policy.raw, "scheduler_path"):
            yield Condition("FW102", f"schedule {schedule.rpartition('/')[2]}")


def wording(raw: Raw, policy: Policy) -> str:
    """Write a rule in one line, in its own words."""

    def last(key: str, of: Raw = raw) -> str:
        value = of.get(key)
        paths = value if isinstance(value, list) else []
        return ",".join(str(path).rpartition("/")[2] for path in paths) or "ANY"

    negated = {end: "not " if raw.get(f"{end}s_excluded") is True else "" for end in ("source", "destination")}
    services = last("services")
    if isinstance(raw.get("service_entries"), list) and raw["service_entries"]:
        services = "service_entries" if services == "ANY" else f"{services},service_entries"
    scope = last("scope", policy.raw)
    return (
        f"{name_of(raw)}: {text(raw, 'action') or '?'} from {negated['source']}{last('source_groups')}"
        f" to {negated['destination']}{last('destination_groups')} services {services}"
        f" direction {text(raw, 'direction') or 'IN_OUT'} scope {last('scope') if scope == 'ANY' else scope}"
    )
