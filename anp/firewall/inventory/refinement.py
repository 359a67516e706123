"""Do a firewall's rules fit the mapping: does any tell apart what is one workload, or name what is none.

Rules share their sets of addresses, so sets are looked at and not rules, each once.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from anp.firewall.inventory.addressing import spelled, texts_of, union
from anp.firewall.inventory.asked import size
from anp.firewall.inventory.atlas import Atlas
from anp.firewall.inventory.drafting import flow
from anp.firewall.inventory.model import Entity, Inventory
from anp.firewall.inventory.noting import note
from anp.firewall.model import EVERY_ADDRESS, Firewall, Role, Rule, Statement, common
from anp.sources.diagnostics import Diagnostic
from compiler import intervals
from compiler.addresses import VERSIONS, AddressSet, IpVersion
from compiler.intervals import Range

CARVED = "translate.anp.internal/entity"
"""The label that a suggested stanza gives to pods that were carved out of an entity."""
_SHOWN = 3


@dataclass(slots=True)
class _Users:
    """The rules that have a set of addresses at one of their ends."""

    statements: dict[int, None] = field(default_factory=dict)
    by_name: bool = False


def refinement(inventory: Inventory, firewall: Firewall, rules: Sequence[Rule]) -> tuple[Diagnostic, ...]:
    """Return where rules do not fit the mapping; with an error among it, no policy can say what they do.

    `rules` are the firewall's with its interfaces resolved.
    """
    versions = frozenset(version for rule_list in firewall.lists for version in rule_list.versions)
    atlas = Atlas(inventory, versions)
    users = _users(firewall, rules)
    cut: dict[str, dict[AddressSet, _Users]] = defaultdict(dict)
    unmapped: dict[str, list[tuple[AddressSet, _Users]]] = defaultdict(list)
    named: set[str] = set()
    everything = AddressSet(*(EVERY_ADDRESS.ranges(version) if version in versions else () for version in VERSIONS))
    neighbours = {segment.name: inventory.neighbours(segment) for segment in inventory.segments}
    for addresses, used in users.items():
        split = atlas.split(addresses)
        if used.by_name and addresses not in (everything, EVERY_ADDRESS):
            named |= {entity.name for entity in split.entities}
            named |= {entity.name for entity, _some in split.cut}
        for entity, some in split.cut:
            known = cut[entity.name].setdefault(some, _Users())
            known.statements |= used.statements
        for name, around in neighbours.items() if split.outside else ():
            some = common(split.outside, around)
            # Who speaks of all neighbours speaks of the segment, and of none of them in particular.
            if some and some != _of(around, versions):
                unmapped[name].append((some, used))
    teller = _Teller(firewall)
    found: list[Diagnostic] = []
    for entity in inventory.entities:
        found += teller.cut(entity, cut.get(entity.name, {}), versions)
        if entity.name not in named:
            found.append(note("FW210", f"no rule names {entity.name}, {spelled(entity.addresses)}", at=entity.at))
    for segment in inventory.segments:
        if parts := unmapped.get(segment.name):
            found.append(teller.unmapped(segment.name, parts))
    return tuple(found)


def stanza(entity: Entity, addresses: AddressSet) -> str:
    """Return an entry for the mapping, to be put before an entity, that has some of its addresses."""
    name = _carved_name(entity, addresses)
    selector = {key: value for key, value in entity.selector.items() if key != "podSelector"}
    pods = dict(entity.selector.get("podSelector", {}))
    pods["matchLabels"] = {**pods.get("matchLabels", {}), CARVED: name}
    entry = {
        "name": name,
        "cidrs": list(texts_of(addresses)),
        **({"segment": entity.segment} if entity.segment else {}),
        "pods": {**selector, "podSelector": pods},
    }
    return f"- {flow(entry)}"


def _users(firewall: Firewall, rules: Iterable[Rule]) -> dict[AddressSet, _Users]:
    """Return every set of addresses at an end of a rule, and the statements of those rules."""
    found: dict[AddressSet, _Users] = defaultdict(_Users)
    for rule in rules:
        default = firewall.statements[rule.statement].role is Role.DEFAULT
        for addresses in (rule.sources, rule.destinations):
            used = found[addresses]
            used.statements[rule.statement] = None
            used.by_name |= not default
    return found


def _of(addresses: AddressSet, versions: Iterable[IpVersion]) -> AddressSet:
    return AddressSet(*(addresses.ranges(version) if version in versions else () for version in VERSIONS))


def _atoms(whole: AddressSet, pieces: Sequence[AddressSet]) -> Iterator[tuple[AddressSet, frozenset[int]]]:
    """Divide a set so that each part is wholly inside or outside of each piece; yield it with the pieces it is in."""
    found: dict[frozenset[int], list[tuple[IpVersion, Range]]] = {}
    for version in VERSIONS:
        edges: list[tuple[int, int]] = []
        for place, piece in enumerate(pieces):
            for first, last in piece.ranges(version):
                edges += [(first, place), (last + 1, place)]
        for first, last in whole.ranges(version):
            edges += [(first, -1), (last + 1, -1)]
        inside: set[int] = set()
        start = 0
        for number, place in sorted(edges):
            if -1 in inside and start < number:
                found.setdefault(frozenset(inside - {-1}), []).append((version, (start, number - 1)))
            inside ^= {place}
            start = number
    for members, parts in found.items():
        ranges = {version: intervals.union(part for of, part in parts if of == version) for version in VERSIONS}
        yield AddressSet(ranges[4], ranges[6]), members


def _carved_name(entity: Entity, addresses: AddressSet) -> str:
    """Return a name for a part of an entity: the entity's, and the first of the addresses."""
    first = next(iter(texts_of(addresses)), "none")
    tail = "-".join(part for part in first.replace("/", ".").replace(":", ".").split(".") if part)
    return f"{entity.name[: 62 - len(tail)]}-{tail}".strip("-")


@dataclass(frozen=True, slots=True)
class _Teller:
    """Puts what was found into words."""

    firewall: Firewall

    def cut(
        self, entity: Entity, pieces: dict[AddressSet, _Users], versions: frozenset[IpVersion]
    ) -> Iterator[Diagnostic]:
        """Tell of each part of an entity that rules tell apart from the rest of it; the largest part is the rest."""
        users = list(pieces.values())
        parts = list(_atoms(_of(entity.addresses, versions), list(pieces)))
        if not users:
            return
        rest = max(parts, key=lambda part: (not part[1], size(part[0])))
        for addresses, members in parts:
            if addresses == rest[0]:
                continue
            statements = dict.fromkeys(number for place in members for number in users[place].statements)
            if not statements:  # the part that no rule names, where the rest is what some do
                statements = dict.fromkeys(number for used in users for number in used.statements)
            some = spelled(addresses)
            text = f"{self._rules(statements)} tells {some} apart from the rest of {entity.name}"
            carved = stanza(entity, addresses)
            name = _carved_name(entity, addresses)
            hint = (
                f"put this before {entity.name}, and give it labels that {entity.name} excludes, "
                f"as {{key: {CARVED}, operator: NotIn, values: [{name}]}} does:\n{carved}"
            )
            yield note("FW201", text, at=entity.at, about=f"entity {entity.name}", hint=hint)

    def unmapped(self, segment: str, parts: list[tuple[AddressSet, _Users]]) -> Diagnostic:
        """Tell of addresses in a segment that rules name and no entity has."""
        statements = dict.fromkeys(number for _some, used in parts for number in used.statements)
        some = spelled(union(addresses for addresses, _used in parts), most=_SHOWN)
        text = f"{self._rules(statements)} names {some} in segment {segment}, which no entity has"
        at = self.firewall.statements[next(iter(statements))].at
        return note("FW203", text, at=at)

    def _rules(self, numbers: Iterable[int]) -> str:
        statements = [self.firewall.statements[number] for number in sorted(numbers)]
        told = ", ".join(map(_place, statements[:_SHOWN]))
        more = f" and {len(statements) - _SHOWN} more" if len(statements) > _SHOWN else ""
        return f"{'rules' if len(statements) > 1 else 'rule'} {told}{more}"


def _place(statement: Statement) -> str:
    name = statement.name or str(statement.number)
    return f"{statement.list} {name} ({statement.at})".strip()
