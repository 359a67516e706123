"""All policies of a cluster's administrators as ClusterNetworkPolicies, in the order in which they were asked.

Most is a change of words. A ClusterNetworkPolicy holds a quarter of the rules, peers and ports, so policies are split;
parts of one have ascending priorities, and whoever is in their way moves up, as little as possible. If anything cannot
be kept, nothing is written.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

from anp.api import AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy
from anp.api.structure import ApiModel
from anp.firewall.inventory.noting import note
from anp.firewall.migrate.order import LAST_PRIORITY, Place, placed
from anp.firewall.migrate.reading import Original
from anp.firewall.migrate.rules import MAX_ITEMS, Rewriter, chunked
from anp.sources.diagnostics import Diagnostic, Severity, has_errors
from compiler.model import Direction

BASELINE_PRIORITY = 500
"""Where the one baseline policy goes if there are no others: there is room before it, and after."""
ANNOTATION = "translate.anp.internal"
MAX_NAME = 253
_UNKEPT = ("kubectl.kubernetes.io/last-applied-configuration",)
"""Annotations that would be untrue of the new object."""
_HEAD = {"apiVersion": ClusterNetworkPolicy.resource.api_version, "kind": ClusterNetworkPolicy.resource.kind}


@dataclass(frozen=True, slots=True)
class Migrated:
    """A new policy, as a document, and the one that it comes from."""

    document: Mapping[str, Any]
    original: Original


@dataclass(frozen=True, slots=True)
class Migration:
    """All new policies, in the order in which they are asked; none of them if there are errors."""

    policies: tuple[Migrated, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """A new policy that has no priority yet; `renamed` if its place among equals is not its name's any more."""

    original: Original
    name: str
    wanted: int
    spec: Mapping[str, Any]
    number: int = 1
    of: int = 1
    renamed: bool = False


def migrate(
    originals: Iterable[Original], *, baseline_priority: int = BASELINE_PRIORITY, last_priority: int = LAST_PRIORITY
) -> Migration:
    """Rewrite the policies of a cluster, all that there are: priorities are relative to each other.

    ClusterNetworkPolicies among them stay as they are, but may move. `last_priority` is the highest that the target
    takes, in either tier.
    """
    policies = sorted(originals, key=_order)
    desk = _Desk(
        taken={each.policy.metadata.name for each in policies if isinstance(each.policy, ClusterNetworkPolicy)},
        reserved={each.policy.metadata.name for each in policies if isinstance(each.policy, AdminNetworkPolicy)},
    )
    tiers: dict[str, list[_Part]] = {"Admin": [], "Baseline": []}
    for original in policies:
        tiers[_tier(original)] += desk.parts(original)
    baseline = tiers["Baseline"]
    if all(isinstance(part.original.policy, BaselineAdminNetworkPolicy) for part in baseline):
        tiers["Baseline"] = [replace(part, wanted=baseline_priority) for part in baseline]
    found: list[Migrated] = []
    for tier, parts in tiers.items():
        found += desk.prioritised(tier, parts, last_priority)
    diagnostics = tuple(sorted(desk.diagnostics))
    return Migration(() if has_errors(diagnostics) else tuple(found), diagnostics)


def _order(original: Original) -> tuple[int, str, str]:
    """Return the sort key of the order in which policies of one tier are asked, ties and all (2.2)."""
    policy = original.policy
    priority = 0 if isinstance(policy, BaselineAdminNetworkPolicy) else policy.spec.priority
    return priority, policy.metadata.name, policy.kind


def _tier(original: Original) -> str:
    match original.policy:
        case ClusterNetworkPolicy() as policy:
            return policy.spec.tier
        case AdminNetworkPolicy():
            return "Admin"
        case BaselineAdminNetworkPolicy():
            return "Baseline"


@dataclass(slots=True)
class _Desk:
    """Where the new policies are made; `taken` are names that no other can have, `reserved` those to be kept."""

    taken: set[str]
    reserved: set[str]
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def parts(self, original: Original) -> Iterator[_Part]:
        """Yield the policies that one becomes."""
        policy = original.policy
        own, wanted = policy.metadata.name, _order(original)[0]
        for unread in _unread(policy):
            text = f"`{unread}` is not understood, so what it means cannot be kept"
            self.diagnostics.append(
                note("FW150", text, at=original.loaded.origin, about=original.name, severity=Severity.ERROR)
            )
        if isinstance(policy, ClusterNetworkPolicy):
            spec = policy.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            yield _Part(original, own, wanted, spec)
            return
        rewriter = Rewriter(original)
        lists = [chunked(rewriter.rules(direction)) for direction in (Direction.INGRESS, Direction.EGRESS)]
        self.diagnostics += rewriter.diagnostics
        chunks = list(zip_longest(*lists)) or [(None, None)]
        stem = own
        subject = policy.spec.subject.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        if len(chunks) > 1:
            text = f"it becomes {len(chunks)} policies, for one has at most {MAX_ITEMS} rules in each direction"
            self.diagnostics.append(note("FW403", text, at=original.loaded.origin, about=original.name, hint=""))
        for number, (ingress, egress) in enumerate(chunks, start=1):
            name = self._free_name(stem, number, original)
            stem = name if number == 1 else stem
            spec = {
                "tier": _tier(original),
                "subject": subject,
                **({"ingress": ingress} if ingress else {}),
                **({"egress": egress} if egress else {}),
            }
            yield _Part(original, name, wanted, spec, number, len(chunks), renamed=name != own)

    def prioritised(self, tier: str, parts: Sequence[_Part], last: int) -> Iterator[Migrated]:
        """Yield the policies of a tier with their priorities."""
        places = [
            Place(part.wanted, tied=index > 0 and _tied(parts[index - 1], part)) for index, part in enumerate(parts)
        ]
        priorities = placed(places, last)
        if priorities is None:
            text = f"the {tier} tier needs more priorities than there are, 0 to {last}"
            hint = "merge policies, or divide them among tiers"
            self.diagnostics.append(note("FW402", text, severity=Severity.ERROR, hint=hint))
            return
        for part, priority in zip(parts, priorities, strict=True):
            if priority != part.wanted and part.number == 1:
                text = f"its priority becomes {priority}, not {part.wanted}, for others are in the way"
                at = part.original.loaded.locate(("spec", "priority"))
                self.diagnostics.append(note("FW403", text, at=at, about=part.original.name, hint=""))
            yield Migrated(_document(part, priority), part.original)

    def _free_name(self, own: str, number: int, original: Original) -> str:
        """Return a name that no other policy has, the old one if possible."""
        stems = (own, f"{own}-{'baseline' if _tier(original) == 'Baseline' else 'admin'}")
        for attempt in range(len(self.taken) + len(self.reserved) + 3):
            stem = stems[min(attempt, 1)]
            tail = "" if number == 1 else f"-{number}"
            tail = f"-{attempt}{tail}" if attempt > 1 else tail
            name = stem[: MAX_NAME - len(tail)].rstrip("-.") + tail
            keeps = name == original.policy.metadata.name and isinstance(original.policy, AdminNetworkPolicy)
            if name not in self.taken and (keeps or name not in self.reserved):
                break
        self.taken.add(name)
        if number == 1 and name != own:
            text = f"it is called {name} now, for there is another {own}"
            self.diagnostics.append(note("FW403", text, at=original.loaded.origin, about=original.name, hint=""))
        return name


def _unread(part: Any) -> Iterator[str]:
    """Yield the fields of an object, as a server has it, that could not be read."""
    if isinstance(part, ApiModel):
        yield from part.unread
        for name in type(part).model_fields:
            yield from _unread(getattr(part, name, None))
    elif isinstance(part, tuple):
        for each in part:
            yield from _unread(each)


def _tied(before: _Part, part: _Part) -> bool:
    """Say whether two policies can go on sharing a priority."""
    return before.wanted == part.wanted and not (before.renamed or part.renamed)


def _document(part: _Part, priority: int) -> dict[str, Any]:
    policy = part.original.policy
    annotations = {key: value for key, value in part.original.annotations.items() if key not in _UNKEPT}
    if not isinstance(policy, ClusterNetworkPolicy):
        annotations[f"{ANNOTATION}/from"] = part.original.name
        if isinstance(policy, AdminNetworkPolicy):
            annotations[f"{ANNOTATION}/priority"] = str(policy.spec.priority)
        if part.of > 1:
            annotations[f"{ANNOTATION}/part"] = f"{part.number} of {part.of}"
    metadata = {
        "name": part.name,
        **({"labels": dict(policy.metadata.labels)} if policy.metadata.labels else {}),
        **({"annotations": annotations} if annotations else {}),
    }
    rest = {key: value for key, value in part.spec.items() if key not in ("tier", "priority")}
    spec = {"tier": part.spec["tier"], "priority": priority, **rest}
    return {**_HEAD, "metadata": metadata, "spec": spec}
