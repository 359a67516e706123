"""A report as values, from which every form of it is made (translation.md 4.6)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from anp.firewall.codes import CODES
from anp.firewall.convert.model import Settings, Translation
from anp.firewall.inventory.model import Inventory
from anp.firewall.model import Fate, Firewall, Reason, Role, Statement
from anp.firewall.proof.model import Equality, Gap, Proof
from anp.sources.diagnostics import Diagnostic, Severity
from compiler.addresses import AddressSet


@dataclass(frozen=True, slots=True)
class Row:
    """One statement of the source and what became of it; `killers` are statements that leave a dead rule nothing."""

    statement: Statement
    fate: Fate | None
    reasons: tuple[Reason, ...] = ()
    objects: tuple[str, ...] = ()
    killers: tuple[Statement, ...] = ()

    @property
    def severity(self) -> Severity:
        """The worst of its reasons."""
        return min((CODES[reason.code].severity for reason in self.reasons), default=Severity.INFO)


@dataclass(frozen=True, slots=True)
class Strength:
    """How strongly an entity's policies hold: who can open what they close.

    `ingress_from_pods`, `ingress_from_outside` and `egress` each say ``Admin``, which nobody but an administrator can
    open, or ``NetworkPolicy`` or ``Baseline``, which the owner of the namespace can.
    """

    entity: str
    ingress_from_pods: str
    ingress_from_outside: str
    egress: str


@dataclass(frozen=True, slots=True)
class Denied:
    """Traffic of the cluster's own that never crossed the firewall and that the policies deny to some entities."""

    code: str
    what: str
    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """What the objects take of what the target gives."""

    objects: Mapping[str, int]
    """How many there are of each kind."""
    rules: int
    most_rules: int
    """In one direction of one object."""
    priorities: tuple[int, ...]
    first_priority: int
    last_priority: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything there is to say about one translation; parts that were not asked for are None or empty.

    `places` are names for addresses outside: the mapping's own, and what segments have beside workloads. `diagnostics`
    are what there is to say beside the rows.
    """

    source: str
    format: str
    digest: str
    rows: tuple[Row, ...]
    mapping: str = ""
    mapping_digest: str = ""
    settings: Settings | None = None
    proof: Proof | None = None
    strength: tuple[Strength, ...] = ()
    denied: tuple[Denied, ...] = ()
    budget: Budget | None = None
    places: Mapping[str, AddressSet] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def counts(self) -> Mapping[Fate, int]:
        """How many statements had which fate, in the order of fates; all of them together are all statements."""
        found = Counter(row.fate for row in self.rows)
        return {fate: found[fate] for fate in Fate if found[fate]}

    @property
    def dead(self) -> tuple[Row, ...]:
        """Rules that never match."""
        return tuple(row for row in self.rows if any(reason.code == "FW301" for reason in row.reasons))

    @property
    def unexplained(self) -> tuple[Gap, ...]:
        """Differences without a reason."""
        return tuple(gap for gap in self.proof.gaps if not gap.explained) if self.proof else ()

    @property
    def next_steps(self) -> tuple[str, ...]:
        """What to do now, the most important first."""
        return tuple(_next_steps(self))

    def statement(self, number: int) -> Statement:
        """Return a statement by its number."""
        return self.rows[number].statement


def inspected(firewall: Firewall) -> Report:
    """Report what is in a source, before there is a mapping."""
    conditions: dict[int, dict[Reason, None]] = {}
    for rule_list in firewall.lists:
        for rule in rule_list.rules:
            found = conditions.setdefault(rule.statement, {})
            found |= {Reason(condition.code, condition.text): None for condition in rule.conditions}
    rows = (
        Row(statement, statement.fate, _distinct((*statement.reasons, *conditions.get(statement.number, ()))))
        for statement in firewall.statements
    )
    return Report(
        firewall.source, firewall.format, firewall.digest, tuple(rows), diagnostics=tuple(sorted(firewall.diagnostics))
    )


def translated(
    translation: Translation,
    proof: Proof | None,
    denied: Sequence[Denied],
    budget: Budget,
    strength: Sequence[Strength],
) -> Report:
    """Report a translation and, if there is one, its proof."""
    firewall = translation.firewall
    rows = (
        Row(
            firewall.statements[found.statement],
            found.fate,
            found.reasons,
            found.objects,
            tuple(firewall.statements[number] for number in found.killers),
        )
        for found in translation.dispositions
    )
    return Report(
        firewall.source,
        firewall.format,
        firewall.digest,
        tuple(rows),
        translation.inventory.source,
        translation.inventory.digest,
        translation.settings,
        proof,
        tuple(strength),
        tuple(denied),
        budget,
        _places(translation.inventory),
        translation.diagnostics,
    )


def proven(
    firewall: Firewall, inventory: Inventory, proof: Proof, denied: Sequence[Denied], strength: Sequence[Strength]
) -> Report:
    """Report a comparison with policies that may have been written by anybody."""
    return replace(
        inspected(firewall),
        mapping=inventory.source,
        mapping_digest=inventory.digest,
        proof=proof,
        strength=tuple(strength),
        denied=tuple(denied),
        places=_places(inventory),
    )


def _places(inventory: Inventory) -> Mapping[str, AddressSet]:
    mapped = inventory.mapped
    rest = {f"the rest of {segment.name}": segment.addresses - mapped for segment in inventory.segments}
    return {name: addresses for name, addresses in (*inventory.external.items(), *rest.items()) if addresses}


def _distinct(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    return tuple(dict.fromkeys(reasons))


def _next_steps(report: Report) -> Iterable[str]:
    if report.unexplained:
        yield (
            f"Look at what nothing explains ({len(report.unexplained)}): each difference names a rule and a packet. "
            "Mend the mapping or the policies and prove again."
        )
    lost = [row for row in report.rows if row.fate is Fate.NOT_EXPRESSIBLE]
    if lost:
        yield f"Decide about what no policy can say ({len(lost)}); it is in _manual/ beside the policies."
    if report.denied:
        yield "Decide what the cluster's own traffic needs (--infra-allow), before anything is enforced."
    if any(strength.ingress_from_outside == "NetworkPolicy" for strength in report.strength):
        yield "Keep owners of namespaces from adding NetworkPolicies where sources from outside matter."
    if report.dead:
        yield f"Clean up what never matches ({len(report.dead)}), while somebody still knows why it is there."
    if report.proof and report.proof.equality is not Equality.DIFFERENT:
        yield "Try it in the lab (anp lab run -f), then apply it and prove again on a node (anp prove)."


def of_rules(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return the rows that are about rules, as against defaults, jumps and the rest."""
    return tuple(row for row in rows if row.statement.role is Role.RULE)
