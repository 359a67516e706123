"""Explanations as text for people."""

from collections.abc import Iterator
from typing import TypeAlias

from anp.analysis.explanation import Explanation
from anp.analysis.otherwise import Alternative, otherwise
from anp.cli.paint import bold, dim, green, red, yellow
from anp.sources.diagnostics import printable
from anp.state.cluster import Cluster
from compiler.decision import Decision, Judgement, Matched, Outcome, PolicyStep, RuleStep, TierStep
from compiler.model import DefaultOrigin, Direction, Origin, Protocol, Snapshot, Tier

_OUTCOME = {
    Outcome.ACCEPTED: green("accepts"),
    Outcome.DENIED: red("denies"),
    Outcome.ISOLATED: red("denies: the pod is isolated, and no rule accepts"),
    Outcome.PASSED: "passes to the next tier",
    Outcome.UNDECIDED: "does not decide",
}


_End: TypeAlias = tuple[Judgement, tuple[Alternative, ...]]
_Told: TypeAlias = tuple[_End, _End]


def explanation_lines(explanation: Explanation, cluster: Cluster) -> Iterator[str]:
    """Yield an explanation as lines; pairs of addresses that are decided alike are told together."""
    groups: dict[_Told, list[Decision]] = {}
    for decision in explanation.decisions:
        groups.setdefault(_told(decision, cluster.snapshot), []).append(decision)
    for number, (told, group) in enumerate(groups.items()):
        if number:
            yield ""
        yield from _group(explanation, told, group, cluster)


def _told(decision: Decision, snapshot: Snapshot) -> _Told:
    """Return all that is told of a decision but its addresses."""
    egress, ingress = ((end, otherwise(snapshot, decision.flow, end)) for end in (decision.egress, decision.ingress))
    return egress, ingress


def _verdict(*, accepted: bool) -> str:
    return bold(green("ACCEPTED")) if accepted else bold(red("DENIED"))


def _group(explanation: Explanation, told: _Told, group: list[Decision], cluster: Cluster) -> Iterator[str]:
    decision = group[0]
    if explanation.protocol is Protocol.OTHER:
        what = "icmp and the like"
    else:
        what = f"{explanation.protocol.value}/{explanation.port}"
    ends = f"{explanation.source.name} → {explanation.destination.name} {what}"
    yield f"{bold(printable(ends))}: {_verdict(accepted=decision.accepted)}"
    for each in group:
        yield "  " + dim(f"{each.flow.source} → {each.flow.destination}")
    for judgement, alternatives in told:
        yield ""
        yield from _judgement(judgement, alternatives, cluster)


def _judgement(judgement: Judgement, alternatives: tuple[Alternative, ...], cluster: Cluster) -> Iterator[str]:
    leaving = judgement.direction is Direction.EGRESS
    whom = str(judgement.pod) if judgement.pod else ("the source" if leaving else "the destination")
    title = bold(printable(f"{'Leaving' if leaving else 'Reaching'} {whom}"))
    yield f"{title} ({judgement.direction.value}): {_verdict(accepted=judgement.accepted)}"
    if judgement.exemption:
        yield f"  not judged: {judgement.exemption.value}"
        return
    yield f"  decided by {bold(printable(str(judgement.origin)))}{_place(judgement.origin, cluster)}"
    yield from _otherwise(alternatives, cluster)
    for step in judgement.steps:
        yield from _tier(step)


def _otherwise(alternatives: tuple[Alternative, ...], cluster: Cluster) -> Iterator[str]:
    word = "without it"
    for each in alternatives:
        said = green("accepted") if each.accepted else red("denied")
        yield f"  {dim(f'{word}:')} {said} by {printable(str(each.origin))}{_place(each.origin, cluster)}"
        word = "without that"
    if alternatives and not isinstance(alternatives[-1].origin, DefaultOrigin):
        yield dim("  and so on")


def _place(origin: Origin, cluster: Cluster) -> str:
    place = cluster.locate(origin)
    return dim(f" ({place})") if place else ""


def _tier(step: TierStep) -> Iterator[str]:
    if not step.policies:
        yield f"  {step.tier.title}: {dim('no policy selects the pod')}"
        return
    yield f"  {step.tier.title}: {_OUTCOME[step.outcome]}"
    for policy in step.policies:
        yield from _policy(policy)


def _policy(step: PolicyStep) -> Iterator[str]:
    policy = step.policy
    order = "" if policy.tier is Tier.NETWORK_POLICY else f", priority {policy.priority}"
    if policy.tier is Tier.NETWORK_POLICY and not step.isolates:
        order = ", says nothing about this direction"
    elif not step.rules:
        order += ", has no rules for this direction"
    yield f"    {policy.kind.value} {printable(policy.label)}{dim(order)}"
    for rule_step in step.rules:
        yield from _rule(rule_step)


def _rule(step: RuleStep) -> Iterator[str]:
    rule = step.rule
    name = f" {printable(repr(rule.name))}" if rule.name else ""
    said = f"{rule.index}{name} {rule.action.value}"
    if isinstance(step, Matched):
        yield f"      {bold(f'→ {said}')}: {printable(f'{step.peer}, {step.traffic}')}"
    else:
        yield "      " + dim(f"  {said}: {step.reason.value}")
    if rule.failed_closed:
        yield "        " + yellow(f"fails closed: {printable(rule.failed_closed)}")
