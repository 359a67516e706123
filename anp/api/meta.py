"""What all API objects share: metadata, label selectors and status conditions (1.2)."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from anp.api import syntax
from anp.api.admission import Channel
from anp.api.problems import Path, Problem
from anp.api.structure import ADVISORY, ATOMIC, MAP_ATOMIC, ApiModel, Listed, Mistake, broken
from compiler.labels import Labels, Operator, Requirement, Selector


def _check_labels(labels: dict[str, str]) -> dict[str, str]:
    mistakes = []
    for key, value in labels.items():
        for check, text in ((syntax.label_key, key), (syntax.label_value, value)):
            try:
                check(text)
            except ValueError as error:
                mistakes.append(Mistake((key,), str(error)))
    if mistakes:
        raise broken(mistakes, "labels", labels)
    return labels


def _check_time(value: Any) -> Any:
    if isinstance(value, str | datetime):
        return value
    raise ValueError("must be a time such as 2026-01-31T12:00:00Z")


Time = Annotated[datetime, BeforeValidator(_check_time), Field(strict=False)]
"""A moment; manifests may carry what a YAML reader already made of it."""


class ObjectMeta(ApiModel):
    """Metadata of an object, as far as it matters to policies."""

    ignored: ClassVar = frozenset(
        {
            "annotations",
            "deletionGracePeriodSeconds",
            "finalizers",
            "generateName",
            "managedFields",
            "ownerReferences",
            "selfLink",
        }
    )

    name: Annotated[str, AfterValidator(syntax.dns_subdomain), ADVISORY]
    namespace: Annotated[str, AfterValidator(syntax.dns_label), ADVISORY] = ""
    labels: Annotated[dict[str, str], AfterValidator(_check_labels), ADVISORY] = Field(default_factory=dict)
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None

    @property
    def label_set(self) -> Labels:
        """The labels as the compiler wants them."""
        return Labels(self.labels)


class LabelSelectorRequirement(ApiModel):
    """One condition on one label."""

    key: str
    """The label that the condition is about."""
    operator: str
    """In, NotIn, Exists or DoesNotExist."""
    values: Annotated[Listed[str], Field(json_schema_extra=ATOMIC)] = ()
    """The values to compare with: one or more for In and NotIn, none for the other two."""

    def trouble(self) -> Iterator[Mistake]:
        """Yield why the condition cannot be asked; without any trouble `requirement` can be taken."""
        yield from _checked(("key",), syntax.label_key, self.key)
        if self.operator not in _OPERATORS:
            yield Mistake(("operator",), f"must be {', '.join(_OPERATORS)}, not {self.operator!r}")
        elif self.operator in ("In", "NotIn") and not self.values:
            yield Mistake(("values",), f"`{self.operator}` needs at least one value")
        elif self.operator in ("Exists", "DoesNotExist") and self.values:
            yield Mistake(("values",), f"`{self.operator}` takes no values; remove them, or use `In` or `NotIn`")
        for index, value in enumerate(self.values):
            yield from _checked(("values", index), syntax.label_value, value)

    @property
    def requirement(self) -> Requirement:
        """The condition itself."""
        return Requirement(self.key, Operator(self.operator), self.values)


class LabelSelector(ApiModel):
    """A condition on labels. All of its parts must hold; without any part it selects everything.

    The schema of the cluster policies does not check that a selector makes sense, so one may be read only
    in part: see `read`.
    """

    model_config = ConfigDict(json_schema_extra=MAP_ATOMIC)

    match_labels: dict[str, str] = Field(default_factory=dict)
    """Labels that must be there with exactly these values."""
    match_expressions: Annotated[Listed[LabelSelectorRequirement], Field(json_schema_extra=ATOMIC)] = ()
    """Further conditions, all of which must hold."""

    def read(self, path: Path = ()) -> tuple[Selector, tuple[Problem, ...]]:
        """Return the selector, and what of it could not be understood.

        Where there are problems the selector has only the conditions that were understood, so it selects at
        least what was meant: good enough for a subject that must not escape, never for an Accept.
        """
        problems = [Problem((*path, field), "is not a part of selectors that we know") for field in self.unread]
        equalities = {}
        known = []
        if "matchLabels" not in self.unread:
            for key, value in self.match_labels.items():
                trouble = [
                    *_checked((), syntax.label_key, key),
                    *_checked((), syntax.label_value, value),
                ]
                problems += [Problem((*path, "matchLabels", key), mistake.message) for mistake in trouble]
                if not trouble:
                    equalities[key] = value
        for index, expression in enumerate(() if "matchExpressions" in self.unread else self.match_expressions):
            place = (*path, "matchExpressions", index)
            if expression.unread:
                problems.append(Problem(place, f"`{expression.unread[0]}` is not understood"))
            elif trouble := list(expression.trouble()):
                problems += [Problem((*place, *mistake.path), mistake.message) for mistake in trouble]
            else:
                known.append(expression.requirement)
        return Selector.of(equalities, *known), tuple(problems)


class CheckedLabelSelector(LabelSelector):
    """A label selector of a kind whose API server refuses those that make no sense (1.6)."""

    def mistakes(self, channel: Channel) -> Iterator[Mistake]:
        """Yield every condition that cannot be asked."""
        yield from super().mistakes(channel)
        yield from (Mistake(problem.path, problem.message) for problem in self.read()[1])


class Condition(ApiModel):
    """One observation of an implementation about the policy."""

    type: Annotated[
        str,
        Field(
            max_length=316,
            pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
        ),
    ]
    """What is observed; one condition per type."""
    status: Literal["True", "False", "Unknown"]
    """Whether it is so."""
    reason: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    """Why, in one word for programs."""
    message: Annotated[str, Field(max_length=32768)]
    """Why, in words for people; may be empty."""
    last_transition_time: Time
    """When the status last changed."""
    observed_generation: Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})] | None = None
    """The generation of the policy that was looked at."""


def _one_per_type(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    types = [condition.type for condition in conditions]
    repeated = [
        Mistake((index, "type"), f"there is a condition of type {name!r} already")
        for index, name in enumerate(types)
        if name in types[:index]
    ]
    if repeated:
        raise broken(repeated, "conditions", conditions)
    return conditions


class PolicyStatus(ApiModel):
    """What implementations report about the policy."""

    conditions: Annotated[
        Listed[Condition],
        AfterValidator(_one_per_type),
        Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}),
    ]
    """One entry per type of observation."""


_OPERATORS = tuple(operator.value for operator in Operator)


def _checked(path: Path, check: Callable[[str], str], text: str) -> Iterator[Mistake]:
    try:
        check(text)
    except ValueError as error:
        yield Mistake(path, str(error))
