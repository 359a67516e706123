"""What every API model is made of, and how to walk one: pruning, salvage and the CRDs all read fields from here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Self, TypeAlias, TypeVar, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    PrivateAttr,
    Strict,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, ValidationError

from anp.api.admission import Channel, Judgement
from anp.api.problems import Path

Item = TypeVar("Item")
Listed: TypeAlias = Annotated[tuple[Item, ...], Strict(strict=False)]
"""A list in the document, a tuple in the model."""

EXPERIMENTAL_KEY = "x-experimental"
"""Marks a field that only the experimental channel has; never written to a CRD."""

RULES_KEY = "x-rules"
"""Holds the `CelRule`s of a model; the CRDs take those of their channel."""

EXPERIMENTAL: JsonDict = {EXPERIMENTAL_KEY: True}
SET: JsonDict = {"x-kubernetes-list-type": "set"}
ATOMIC: JsonDict = {"x-kubernetes-list-type": "atomic"}
MAP_ATOMIC: JsonDict = {"x-kubernetes-map-type": "atomic"}


class Advisory:
    """Marks a value whose bounds protect the API server, not the meaning: an observed value beyond them is kept."""


ADVISORY = Advisory()

RULE_BROKEN = "anp_rule"
"""The type of every error whose message we wrote ourselves."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something that a model's own checks found, with its path below that model."""

    path: Path
    message: str


@dataclass(frozen=True, slots=True)
class CelRule:
    """A cross-field rule: CEL for the API server, and its twin for us. Without a channel it is in both."""

    rule: str
    message: str
    holds: Callable[[Any], bool]
    channel: Channel | None = None

    def applies(self, channel: Channel) -> bool:
        """Say whether the CRD of that channel has the rule."""
        return self.channel in (None, channel)


def broken(mistakes: list[Mistake], title: str, value: object) -> ValidationError:
    """Return the error that says all of `mistakes` about `value`."""
    return ValidationError.from_exception_data(
        title,
        [
            InitErrorDetails(
                type=PydanticCustomError(RULE_BROKEN, "{message}", {"message": m.message}), loc=m.path, input=value
            )
            for m in mistakes
        ],
    )


class ApiModel(BaseModel):
    """A part of an API object, as its version of the API spells it; frozen, and strict about types.

    `exactly_one` and `at_least_one` bound the number of properties, `rules` are the CEL rules of the schema.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        strict=True,
        use_attribute_docstrings=True,
    )

    exactly_one: ClassVar[bool] = False
    at_least_one: ClassVar[bool] = False
    partial: ClassVar[bool] = False
    """Whether we model only the fields that matter to policies, so that others are no surprise."""
    ignored: ClassVar[frozenset[str]] = frozenset()
    """Fields that exist in the API and say nothing to us."""
    rules: ClassVar[tuple[CelRule, ...]] = ()

    _unread: tuple[str, ...] = PrivateAttr(default=())

    @property
    def unread(self) -> tuple[str, ...]:
        """Fields of an observed object that are there and not understood, or not there and required."""
        return self._unread

    def doubting(self, *fields: str) -> Self:
        """Mark these fields as not understood and return the model itself; only salvage does this."""
        self._unread = fields
        return self

    @property
    def present(self) -> tuple[str, ...]:
        """The names of the fields that have a value, as the API spells them."""
        return tuple(part.alias for part in parts(type(self)) if getattr(self, part.name, None) is not None)

    def mistakes(self, channel: Channel) -> Iterator[Mistake]:
        """Yield what no single field can show; subclasses add to it."""
        allowed = [f"`{part.alias}`" for part in parts(type(self)) if part.exists(channel)]
        if self.exactly_one and len(self.present) != 1:
            found = " and ".join(f"`{name}`" for name in self.present)
            trouble = f"has {found} at once; keep one" if found else "is empty"
            yield Mistake((), f"{trouble}: exactly one of {', '.join(allowed)} is allowed here")
        if self.at_least_one and not self.present:
            yield Mistake((), f"is empty: at least one of {', '.join(allowed)} must be given")
        for rule in self.rules:
            if rule.applies(channel) and not rule.holds(self):
                yield Mistake((), rule.message)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add to the schema what holds for the model as a whole."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        if cls.exactly_one or cls.at_least_one:
            schema["minProperties"] = 1
        if cls.exactly_one:
            schema["maxProperties"] = 1
        if cls.rules:
            schema[RULES_KEY] = list(cls.rules)
        return schema

    @model_validator(mode="after")
    def _make_no_mistakes(self, info: ValidationInfo) -> Self:
        judgement = info.context if isinstance(info.context, Judgement) else Judgement()
        if mistakes := list(self.mistakes(judgement.channel)):
            raise broken(mistakes, type(self).__name__, self)
        return self


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    repeated = [
        Mistake((index,), f"{value!r} is in the list twice; remove one")
        for index, value in enumerate(values)
        if value in values[:index]
    ]
    if repeated:
        raise broken(repeated, "list", values)
    return values


DISTINCT = AfterValidator(_distinct)
"""A list whose entries differ as strings; ``10.0.0.0/8`` and ``10.0.0.1/8`` do (1.1)."""


# How models are walked.


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a model: its name in Python and in the document, and the annotation of its value."""

    name: str
    alias: str
    annotation: Any
    required: bool
    experimental: bool

    def exists(self, channel: Channel) -> bool:
        """Say whether that channel has the field."""
        return channel is Channel.EXPERIMENTAL or not self.experimental


@lru_cache
def parts(model: type[ApiModel]) -> tuple[Part, ...]:
    """Return the fields of a model, in order of definition."""
    return tuple(
        Part(
            name=name,
            alias=field.alias or name,
            annotation=Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation,
            required=field.is_required(),
            experimental=isinstance(field.json_schema_extra, Mapping) and EXPERIMENTAL_KEY in field.json_schema_extra,
        )
        for name, field in model.model_fields.items()
    )


def bare(annotation: Any) -> Any:
    """Return an annotation without its metadata and without its ``| None``."""
    if get_origin(annotation) is Annotated:
        return bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        others = [choice for choice in get_args(annotation) if choice is not NoneType]
        return bare(others[0]) if len(others) == 1 else annotation
    return annotation


def element(annotation: Any) -> Any | None:
    """Return what the entries of a list are, or None where the annotation is no list."""
    plain = bare(annotation)
    return get_args(plain)[0] if get_origin(plain) is tuple else None


def submodel(annotation: Any) -> type[ApiModel] | None:
    """Return the model that the annotation stands for, or None."""
    plain = bare(annotation)
    return plain if isinstance(plain, type) and issubclass(plain, ApiModel) else None


def is_map(annotation: Any) -> bool:
    """Say whether the annotation is a map of strings."""
    return get_origin(bare(annotation)) is dict


def is_advisory(annotation: Any) -> bool:
    """Say whether the bounds of the value may be passed over in an observed object."""
    return get_origin(annotation) is Annotated and ADVISORY in get_args(annotation)[1:]
