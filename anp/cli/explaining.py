"""Explanations as text for people."""

from collections.abc import Iterator

from rich.markup import escape

from anp.analysis.explanation import Explanation
from anp.sources.diagnostics import printable
from anp.state.cluster import Cluster
from compiler.decision import Decision, Judgement, Matched, Outcome, PolicyStep, TierStep
from compiler.model import Direction, Origin, Protocol, Tier

_WORD = {True: "[bold green]ACCEPTED[/]", False: "[bold red]DENIED[/]"}
_OUTCOME = {
    Outcome.ACCEPTED: "[green]accepts[/]",
    Outcome.DENIED: "[red]denies[/]",
    Outcome.ISOLATED: "[red]denies: the pod is isolated, and no rule accepts[/]",
    Outcome.PASSED: "passes to the next tier",
    Outcome.UNDECIDED: "does not decide",
}


def explanation_lines(explanation: Explanation, cluster: Cluster) -> Iterator[str]:
    """Yield an explanation as lines of rich markup; families that are decided alike are told together."""
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


def _group(explanation: Explanation, group: list[Decision], cluster: Cluster) -> Iterator[str]:
    decision = group[0]
    what = (
        "icmp and the like"
        if explanation.protocol is Protocol.OTHER
        else (f"{explanation.protocol.value}/{explanation.port}")
    )
    ends = f"{explanation.source.name} → {explanation.destination.name} {what}"
    yield f"[bold]{_plain(ends)}[/]: {_WORD[decision.accepted]}"
    for each in group:
        yield f"  [dim]{each.flow.source} → {each.flow.destination}[/]"
    for judgement in (decision.egress, decision.ingress):
        yield ""
        yield from _judgement(judgement, cluster)


def _judgement(judgement: Judgement, cluster: Cluster) -> Iterator[str]:
    direction = "Leaving" if judgement.direction is Direction.EGRESS else "Reaching"
    whom = str(judgement.pod) if judgement.pod else ("the source" if direction == "Leaving" else "the destination")
    yield f"[bold]{direction} {_plain(whom)}[/] ({judgement.direction.value}): {_WORD[judgement.accepted]}"
    if judgement.exemption:
        yield f"  not judged: {judgement.exemption.value}"
        return
    yield f"  decided by [bold]{_plain(str(judgement.origin))}[/]{_place(judgement.origin, cluster)}"
    for step in judgement.steps:
        yield from _tier(step)


def _place(origin: Origin, cluster: Cluster) -> str:
    place = cluster.locate(origin)
    return f" [dim]({_plain(str(place))})[/]" if place else ""


def _tier(step: TierStep) -> Iterator[str]:
    if not step.policies:
        yield f"  {step.tier.title}: [dim]no policy selects the pod[/]"
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
    yield f"    {policy.kind.value} {_plain(policy.label)}[dim]{order}[/]"
    for rule_step in step.rules:
        rule = rule_step.rule
        name = f" {_plain(repr(rule.name))}" if rule.name else ""
        if isinstance(rule_step, Matched):
            why = f"{rule_step.peer}, {rule_step.traffic}"
            yield f"      [bold]→ {rule.index}{name} {rule.action.value}[/]: {_plain(why)}"
        else:
            yield f"      [dim]  {rule.index}{name} {rule.action.value}: {rule_step.reason.value}[/]"
        if rule.failed_closed:
            yield f"        [yellow]fails closed: {_plain(rule.failed_closed)}[/]"


def _plain(text: str) -> str:
    """Make a text that users had a hand in safe to print."""
    return escape(printable(text))
