"""Fields that a server dropped: what was applied had them, and the object does not say so any more."""

from collections.abc import Iterable, Iterator, Mapping

from anp import api
from anp.analysis.lint.desk import Desk
from anp.analysis.lint.findings import Finding
from anp.analysis.lint.sourcetext import Annotated
from anp.sources.diagnostics import Location, field_text
from anp.sources.manifests import Loaded, bare
from compiler.model import Policy

_UNKNOWN = "is not a field of the schema"


def applied(desk: Desk, objects: Iterable[Annotated]) -> Iterator[Finding]:
    """Yield the findings of this family."""
    policies: Mapping[Location, Policy] = {
        item.origin: policy
        for policy in desk.snapshot.policies
        if isinstance(item := desk.item(policy), Loaded) and bare(item).kind == policy.kind.value
    }
    for each in objects:
        policy = policies.get(each.at)
        if policy is None or each.applied is None:
            continue
        for problem in _unknown(each.applied):
            why = problem.message.replace(", so it is ignored", "")
            yield desk.finding(
                "ANP206",
                policy,
                tuple(problem.path[:-1]),
                f"what was applied had {field_text(problem.path)}, which {why}; "
                "the server dropped it, and what is left may select more than was meant",
                lasting=True,
            )


def _unknown(document: Mapping[str, object]) -> list[api.Problem]:
    try:
        api.parse(document)
    except api.InvalidObjectError as error:
        return [problem for problem in (*error.problems, *error.warnings) if _UNKNOWN in problem.message]
    except api.ApiError:
        pass
    return []
