"""NSX-T's distributed firewall, as the policy API exports it in JSON.

Categories come in their order (Ethernet rules are about frames and not ours), in each the policies by number, in these
the rules. The first match decides; `JUMP_TO_APPLICATION` goes on at the category Application.

A packet is judged at the virtual interfaces of both ends: at the source's by the rules that are enforced there for
traffic that goes out, at the destination's by those for traffic that comes in. Where all rules are enforced everywhere
in both directions, these two lists are one, and that is what we make. Otherwise there are two lists in series, the
rules of each restricted to the ends where they are enforced, which is exact for ends that have such an interface. The
export does not say which ends do, but for members of scopes and of groups by tags and names. So a deny without a scope
is split: for these ends it is a fact, for others it has the condition that the firewall guards them.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from anp.firewall import flatten
from anp.firewall.matching import Match
from anp.firewall.model import EVERY_ADDRESS, Action, Condition, Fate, Firewall, Role, Rule
from anp.firewall.providers.cisco_assembly import Entry, Notes, Plan, Step, assemble, default, reason
from anp.firewall.providers.cisco_parts import Ends
from anp.firewall.providers.nsxt_export import Policy, name_of, order, path_of, read_export, text
from anp.firewall.providers.nsxt_groups import GroupTable
from anp.firewall.providers.nsxt_rules import DfwRule, RuleReader
from anp.firewall.providers.nsxt_services import ServiceTable
from anp.firewall.providers.provider import Options, Source

ETHERNET, APPLICATION = "Ethernet", "Application"

CATEGORIES = (ETHERNET, "Emergency", "Infrastructure", "Environment", APPLICATION, "")
"""In order; policies without one come last (NSX-T Data Center REST API, SecurityPolicy)."""

LIST = "distributed firewall"


class NsxtProvider:
    """Reads the distributed firewall of NSX-T."""

    name: Final = "nsxt"
    title: Final = "NSX-T distributed firewall, policy API export (JSON)"

    def recognises(self, source: Source) -> bool:
        """Say whether a text has words that only such an export has."""
        start = source.text.lstrip()[:1]
        if start not in {"{", "["}:
            return False
        tells = ('"SecurityPolicy"', '"ChildSecurityPolicy"', '"destination_groups"', '"JUMP_TO_APPLICATION"')
        return any(tell in source.text for tell in tells)

    def read(self, source: Source, options: Options) -> Firewall:
        """Read a text; never raises because of what it says."""
        notes = Notes(source.name)
        export = read_export(source, notes)
        groups = GroupTable(export, options, notes)
        reader = RuleReader(export, groups, ServiceTable(export, notes), notes)
        rules: list[DfwRule] = []
        entries: list[Entry] = []
        for policy in _ordered(export.policies):
            category = policy.category
            if category not in CATEGORIES and not _is_gateway(policy):
                notes.error("FW150", export.line(policy.raw), f"policy {policy.name}: {category} is no category")
            for raw in sorted(policy.rules, key=lambda raw: (raw.get("is_default") is True, order(raw))):
                rule = reader.read(raw, policy, category)
                entries.append(rule.entry)
                _set_aside(rule, policy, options)
                if rule.entry.fate is None or (rule.jumps and raw.get("disabled") is not True):
                    rules.append(rule)
            if policy.raw.get("stateful") is False:
                text_ = f"policy {policy.name} keeps no state: what it says of replies is not translated"
                notes.warning("FW140", export.line(policy.raw), text_)
        _check_choice(export.policies, options, notes)
        if not entries:
            notes.error("FW150", 0, "there is no rule of a distributed firewall in this text")
        plans = _Lists(rules, groups, notes, entries).plans() if entries else []
        return assemble(source, self.name, entries, plans, notes, groups=groups.named)


def _ordered(policies: Iterable[Policy]) -> list[Policy]:
    """Return policies in the order in which they are enforced; what has an unknown category comes first, to be seen."""

    def place(policy: Policy) -> tuple[bool, int, int]:
        known = CATEGORIES.index(policy.category) if policy.category in CATEGORIES else -1
        return policy.raw.get("is_default") is True, known, order(policy.raw)

    return sorted(policies, key=place)


def _is_gateway(policy: Policy) -> bool:
    return policy.raw.get("resource_type") == "GatewayPolicy" or "/gateway-policies/" in path_of(policy.raw)


def _chosen(policy: Policy, options: Options) -> bool:
    names = {policy.name, policy.category, path_of(policy.raw), text(policy.raw, "id")}
    return not options.lists or bool(names & set(options.lists))


def _check_choice(policies: Sequence[Policy], options: Options, notes: Notes) -> None:
    for name in options.lists:
        if not any(_chosen(policy, Options((name,))) for policy in policies):
            known = ", ".join(dict.fromkeys(name_of(policy.raw) for policy in policies))
            notes.error("FW151", 0, f"there is no policy and no category {name}", f"There are: {known or 'none'}.")


def _set_aside(rule: DfwRule, policy: Policy, options: Options) -> None:
    """Say of a rule that is not the distributed firewall's, or not chosen, that it is not."""
    if _is_gateway(policy):
        rule.entry.end(Fate.NOT_OURS, "FW132", f"policy {policy.name} is a gateway's")
        rule.jumps = False
    elif rule.category == ETHERNET:
        rule.entry.end(Fate.NOT_OURS, "FW106", "rules of the category Ethernet are about frames")
        rule.jumps = False
    elif not _chosen(policy, options):
        rule.entry.end(Fate.IMPLIED, "FW132", f"policy {policy.name} is not among the lists that were chosen")
        rule.jumps = False


class _Lists:
    """Makes the lists of rules that are read."""

    def __init__(self, rules: list[DfwRule], groups: GroupTable, notes: Notes, entries: list[Entry]) -> None:
        self._rules = rules
        self._groups = groups
        self._notes = notes
        self._entries = entries

    def plans(self) -> list[Plan]:
        """Return one list, or two in series: at the source and at the destination."""
        ends = self._ends()
        if all(rule.is_everywhere for rule in self._rules):
            return [self._plan(LIST, [(rule, rule.plain()) for rule in self._rules], ends)]
        known = self._groups.guarded
        for rule in self._rules:
            known |= rule.scope.exact if rule.scope is not None else known
        guarded = Ends.union(
            [
                Ends.known(known),
                Ends.unknown("FW108", "at an interface that the firewall guards", within=EVERY_ADDRESS - known),
            ]
        )
        open_end = default(0, LIST, Action.PERMIT, "ends that the firewall does not guard", "FW131")
        denies = ends[-1].action is Action.DENY
        self._entries += [open_end] if denies else []
        plans = []
        for end, way in (("source", "out"), ("destination", "in")):
            matched = [(rule, rule.at(end, guarded)) for rule in self._rules]
            last = [Step(entry, entry.action, match) for entry, match in self._guarded_ends(ends, end, guarded)]
            last += [Step(open_end, Action.PERMIT, Match())] if denies else []
            plans.append(self._plan(f"{LIST}, {way}", matched, last))
        return plans

    def _ends(self) -> list[Step]:
        """Return what decides at last: the last rule, if it is about everything, else what is not known."""
        if self._rules and self._rules[-1].is_default:
            last = self._rules.pop().entry
            last.role = Role.DEFAULT
            last.reasons = (*last.reasons, reason("FW004"))
            return [Step(last, last.action, Match())]
        text_ = "the export has no default rule, so it is not known what becomes of packets that no rule matches"
        self._notes.warning("FW131", 0, text_, "Export the default policy as well.")
        permit = default(0, LIST, Action.PERMIT, "default rule, which is not in the export", "FW131")
        match = Match(conditions=(Condition("FW131", "the default rule, which is not in the export, allows it"),))
        deny = default(0, LIST, Action.DENY, "default rule, which is not in the export", "FW131")
        self._entries += (permit, deny)
        return [Step(permit, Action.PERMIT, match), Step(deny, Action.DENY, Match())]

    def _guarded_ends(self, ends: Iterable[Step], end: str, guarded: Ends) -> list[tuple[Entry, Match]]:
        found: list[tuple[Entry, Match]] = []
        for step in ends:
            rule = DfwRule(step.entry, APPLICATION, conditions=step.match.conditions)
            found += ((step.entry, match) for match in rule.at(end, guarded))
        return found

    def _plan(self, name: str, matched: list[tuple[DfwRule, tuple[Match, ...]]], last: list[Step]) -> Plan:
        if not any(rule.jumps for rule, _matches in matched):
            steps = [Step(rule.entry, rule.entry.action, match) for rule, its in matched for match in its]
            return Plan(name, (*steps, *last))
        return Plan(name, (*self._without_jumps(name, matched, last[-1]), *last))

    def _without_jumps(self, name: str, matched: list[tuple[DfwRule, tuple[Match, ...]]], last: Step) -> list[Step]:
        """Return the rules of a list with jumps: what has jumped is taken out of rules before Application."""
        before: list[flatten.Step] = []
        base = [flatten.Step(-1, Match(), flatten.Jump("before"))]
        for number, (rule, its) in enumerate(matched):
            early = rule.category != APPLICATION and rule.category in CATEGORIES[:-1]
            for match in its:
                target = flatten.Simple.RETURN if rule.jumps else flatten.Verdict(rule.entry.action)
                if rule.jumps and not early:
                    self._notes.error("FW150", rule.entry.line, f"rule {rule.entry.name} jumps to where it is")
                    continue
                (before if early else base).append(flatten.Step(number, match, target))
        flat = flatten.flatten({"": base, "before": before}, "", Rule(-1, last.action))
        if flat.is_too_large:
            self._notes.error("FW153", 0, f"{name}: there are too many jumps for one list")
        return [Step(self._entry(matched, rule.statement, last), rule.action, _match(rule)) for rule in flat.rules[:-1]]

    def _entry(self, matched: list[tuple[DfwRule, tuple[Match, ...]]], number: int, last: Step) -> Entry:
        return matched[number][0].entry if number >= 0 else last.entry


def _match(rule: Rule) -> Match:
    return Match(rule.sources, rule.destinations, rule.services, (), (), rule.conditions, rule.names)
