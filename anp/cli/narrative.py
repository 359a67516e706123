"""Explanations as text for people."""

from collections.abc import Iterator

from anp.analysis.explanation import Explanation
from anp.cli.paint import bold, dim, green, red, yellow
from anp.sources.diagnostics import printable
from anp.state.cluster import Cluster
from compiler.decision import Decision, Judgement, Matched, Outcome, PolicyStep, RuleStep, TierStep
from compiler.model import Direction, Origin, Protocol, Tier

_OUTCOME = {
    Outcome.ACCEPTED: green("accepts"),
    Outcome.DENIED: red("denies"),
    Outcome.ISOLATED: red("denies: the pod is isolated, and no rule accepts"),
    Outcome.PASSED: "passes to the next tier",
    Outcome.UNDECIDED: "does not decide",
}


def explanation_lines(explanation: Explanation, cluster: Cluster) -> Iterator[str]:
    """Yield an explanation as lines; pairs of addresses that are decided alike are told together."""
    groups: list[list[Decision]] = []
    for decision in explanation.decisions:
        like = next((group for group in groups if _alike(group[0], decision)), None)
        if like is None:
            groups.append([decision])
        else:
            like.append(decision)
    for number, group in enumerate(groups):
        if number:
            yield ""
        yield from _group(explanation, group, cluster)


def _alike(left: Decision, right: Decision) -> bool:
    return (left.egress, left.ingress) == (right.egress, right.ingress)


def _verdict(*, accepted: bool) -> str:
    return bold(green("ACCEPTED")) if accepted else bold(red("DENIED"))


def _group(explanation: Explanation, group: list[Decision], cluster: Cluster) -> Iterator[str]:
    decision = group[0]
    if explanation.protocol is Protocol.OTHER:
        what = "icmp and the like"
    else:
        what = f"{explanation.protocol.value}/{explanation.port}"
    ends = f"{explanation.source.name} → {explanation.destination.name} {what}"
    yield f"{bold(printable(ends))}: {_verdict(accepted=decision.accepted)}"
    for each in group:
        yield "  " + dim(f"{each.flow.source} → {each.flow.destination}")
    for judgement in (decision.egress, decision.ingress):
        yield ""
        yield from _judgement(judgement, cluster)


def _judgement(judgement: Judgement, cluster: Cluster) -> Iterator[str]:
    leaving = judgement.direction is Direction.EGRESS
    whom = str(judgement.pod) if judgement.pod else ("the source" if leaving else "the destination")
    title = bold(printable(f"{'Leaving' if leaving else 'Reaching'} {whom}"))
    yield f"{title} ({judgement.direction.value}): {_verdict(accepted=judgement.accepted)}"
    if judgement.exemption:
        yield f"  not judged: {judgement.exemption.value}"
        return
    yield f"  decided by {bold(printable(str(judgement.origin)))}{_place(judgement.origin, cluster)}"
    for step in judgement.steps:
        yield from _tier(step)


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
