"""What a report for people says, section by section, before it has a form: text, Markdown and HTML say the same.

Texts quote what users wrote, as they wrote it; each form makes them harmless in its own way.
"""

import enum
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from anp.firewall.codes import CODES
from anp.firewall.model import Reason, Statement
from anp.firewall.proof.model import Equality, Gap, Proof
from anp.firewall.report import wording
from anp.firewall.report.model import Budget, Report, Row, Strength
from anp.firewall.report.wording import counted, joined, place_text, statement_text
from anp.sources.diagnostics import Severity
from compiler.addresses import IpVersion


class Tone(enum.Enum):
    """How something is to be taken."""

    PLAIN = "plain"
    GOOD = "good"
    DOUBT = "doubt"
    BAD = "bad"


_TONES = {Equality.EQUAL: Tone.GOOD, Equality.EXPLAINED: Tone.DOUBT, Equality.DIFFERENT: Tone.BAD}


@dataclass(frozen=True, slots=True)
class Difference:
    """Packets that differ by one statement in one way for one reason; `traffic` says which, a line for each kind.

    `number` counts from 1, those without an explanation first. `example` is one packet, and `decided_by` what decides
    about it among the policies.
    """

    number: int
    explained: bool
    statement: Statement | None
    firewall: str
    cluster: str
    traffic: tuple[str, ...]
    example: str
    decided_by: str
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Decision:
    """Something that somebody has to decide: one reason of one statement; `fate` is what was made of it."""

    severity: Severity
    row: Row
    reason: Reason


def title(report: Report) -> str:
    """Say what the report is about."""
    if report.settings:
        return f"Translation of {report.source}"
    return f"Comparison of {report.source} with policies" if report.proof else f"What is in {report.source}"


def facts(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what the report rests on: names and values."""
    yield "source", f"{report.source}, {report.format}, sha256 {report.digest}"
    if report.mapping:
        yield "mapping", f"{report.mapping}, sha256 {report.mapping_digest}"
    if report.settings:
        settings = report.settings
        infrastructure = ", ".join(sorted(kind.value for kind in settings.infrastructure)) or "nothing"
        yield (
            "settings",
            (
                f"target {settings.target}, profile {settings.profile}, approx {settings.closure}, "
                f"tail {settings.tail}, allowed of the cluster's own traffic: {infrastructure}"
            ),
        )


def verdict(report: Report) -> tuple[str, Tone, str]:
    """Return the verdict, how to take it, and what it means; nothing was proven where it is empty."""
    proof = report.proof
    if proof is None:
        return "", Tone.PLAIN, ""
    word, tone = wording.VERDICTS[proof.equality], _TONES[proof.equality]
    unexplained = len(report.unexplained)
    match proof.equality:
        case Equality.EQUAL:
            meaning = "the policies do what the firewall does, for every packet from and to the mapping's workloads"
        case Equality.EXPLAINED:
            meaning = f"{_differ(len(proof.gaps))}, each for a reason that is named"
        case Equality.DIFFERENT:
            meaning = f"{_differ(unexplained)}, and nothing explains it" if unexplained else "not all was looked at"
    if not proof.complete:
        meaning += "; there are more, which were not looked at"
    return word, tone, meaning


def _differ(kinds: int) -> str:
    return f"{counted(kinds, 'kind')} of packets {'differs' if kinds == 1 else 'differ'}"


def compared(proof: Proof) -> str:
    """Say what was compared."""
    return (
        f"{wording.family_text(proof.versions)}, {counted(proof.pods, 'kind')} of pods, "
        f"{counted(proof.ends, 'source and destination', 'sources and destinations')}, {counted(proof.cells, 'pair')}, "
        "every protocol and every port but 0"
    )


def counts(report: Report) -> str:
    """Say how many statements had which fate; all of them together are all statements."""
    fates = [f"{count:,} {fate}" for fate, count in report.counts.items()]
    open_ = sum(row.fate is None for row in report.rows)
    if open_:
        fates.append(f"{open_:,} to be translated")
    return f"{counted(len(report.rows), 'statement')}: {', '.join(fates)}" if fates else "no statements"


def differences(report: Report) -> tuple[Difference, ...]:
    """Return everything that differs, without an explanation first; what differs alike is told once."""
    if report.proof is None:
        return ()
    groups: dict[tuple[object, ...], list[Gap]] = {}
    for gap in report.proof.gaps:
        key = (not gap.explained, gap.statement, gap.wanted, gap.permitted, gap.reason)
        groups.setdefault(key, []).append(gap)
    ordered = sorted(groups.values(), key=lambda gaps: gaps[0].explained)
    namer = wording.Namer(report)
    return tuple(_difference(report, namer, number, gaps) for number, gaps in enumerate(ordered, start=1))


def _difference(report: Report, namer: wording.Namer, number: int, gaps: Sequence[Gap]) -> Difference:
    first = gaps[0]
    versions: dict[str, list[IpVersion]] = {}
    for gap in gaps:
        versions.setdefault(namer.gap(gap), []).append(gap.version)
    families = report.proof.versions if report.proof else ()
    return Difference(
        number=number,
        explained=first.explained,
        statement=None if first.statement is None else report.statement(first.statement),
        firewall=wording.firewall_does(first.wanted),
        cluster=wording.cluster_does(permitted=first.permitted),
        traffic=tuple(
            text if len(set(found)) == len(families) else f"{text} over {wording.family_text(set(found))}"
            for text, found in versions.items()
        ),
        example=wording.packet_text(first.witness),
        decided_by=first.decided_by,
        reason=first.reason,
    )


def headline(difference: Difference) -> str:
    """Say in a line what differs and who says so."""
    subject = "no rule" if difference.statement is None else f"rule {statement_text(difference.statement)}"
    if difference.statement is not None:
        subject += f" ({place_text(difference.statement)})"
    return f"{subject}: the firewall {difference.firewall}, the policies {difference.cluster}"


def decisions(report: Report) -> Iterator[Decision]:
    """Yield what needs a decision, errors first; rules that never match are told by themselves."""
    found = [
        Decision(CODES[reason.code].severity, row, reason)
        for row in report.rows
        for reason in row.reasons
        if CODES[reason.code].severity < Severity.INFO and reason.code != "FW301"
    ]
    yield from sorted(found, key=lambda one: (one.severity, one.row.statement.number))


def folded(report: Report) -> Iterator[tuple[str, str, int]]:
    """Yield codes of what is merely worth knowing, their titles, and how many statements have them."""
    found = Counter(reason.code for row in report.rows for reason in row.reasons)
    for code, count in sorted(found.items()):
        if CODES[code].severity is Severity.INFO:
            yield code, CODES[code].title, count


def hidden_by(row: Row) -> str:
    """Say what hides a rule that never matches."""
    names = [f"{statement_text(killer)} (line {killer.at.line})" for killer in row.killers]
    return f"hidden by {joined(names, 3)}" if names else "hidden by earlier rules"


def fate_text(row: Row) -> str:
    """Say what became of a statement."""
    return row.fate.value if row.fate else "to be translated"


STRENGTH_HEADINGS = ("workload", "from pods", "from outside", "to anywhere")


def strengths(found: Sequence[Strength]) -> Iterator[tuple[str, str, str, str]]:
    """Yield, for each workload, which tier closes it."""
    for one in found:
        yield one.entity, one.ingress_from_pods, one.ingress_from_outside, one.egress


STRENGTH_MEANING = (
    "What nobody has allowed is closed by this tier. Admin is the administrator's alone; NetworkPolicy and Baseline "
    "can be opened by whoever may write NetworkPolicies in the namespace; open is closed by nobody."
)


def budget_text(budget: Budget) -> str:
    """Say how much of the target is used."""
    objects = joined((f"{count:,} {kind}" for kind, count in budget.objects.items()), 9)
    text = f"{objects or 'no objects'}; {counted(budget.rules, 'rule')}, at most {budget.most_rules} in one direction"
    if budget.priorities:
        used = joined(map(str, budget.priorities), 8)
        text += f"; {'priorities' if len(budget.priorities) > 1 else 'priority'} {used}"
        text += f" of {budget.first_priority} to {budget.last_priority}"
    return text


def messages(report: Report) -> Iterable[str]:
    """Return what there is to say beside the statements, the worst first."""
    return [str(found) for found in sorted(report.diagnostics, key=lambda one: one.severity)]
