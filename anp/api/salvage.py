"""Making the most of an observed object that our schema would refuse (2.10).

What can be read is read; what cannot is absent, and the model around it knows (`ApiModel.unread`), so that
translation fails closed just there. Bounds that only protect the API server are passed over.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from anp.api.admission import Channel
from anp.api.pruning import unknown_fields
from anp.api.structure import ApiModel, bare, element, is_advisory, parts, submodel

M = TypeVar("M", bound=ApiModel)

WHOLE = "(all of it)"
"""What is unread of a list entry that is no mapping at all."""


class _UnreadableError(Exception):
    """A value is not what its field can hold."""


def salvaged(model: type[M], document: Mapping[Any, Any], channel: Channel) -> M:
    """Return the model with whatever can be read; never fails."""
    values: dict[str, Any] = {}
    unread = list(unknown_fields(model, document, channel))
    for part in parts(model):
        if not part.exists(channel):
            continue
        value = document.get(part.alias)
        if value is None:
            if part.required:
                unread.append(part.alias)
            continue
        try:
            values[part.name] = _read(part.annotation, value, channel)
        except _UnreadableError:
            unread.append(part.alias)
    rescued = cast("M", model.model_construct(**values))
    return rescued.doubting(*unread)


def _read(annotation: Any, value: Any, channel: Channel) -> Any:
    model, entry = submodel(annotation), element(annotation)
    if model is not None:
        if not isinstance(value, Mapping):
            raise _UnreadableError
        return salvaged(model, value, channel)
    if entry is not None:
        if not isinstance(value, list | tuple):
            raise _UnreadableError
        return tuple(_read_entry(entry, item, channel) for item in value)
    if isinstance(value, Mapping):
        value = dict(value)
    try:
        return _adapter(annotation).validate_python(value)
    except ValidationError:
        if not is_advisory(annotation):
            raise _UnreadableError from None
    try:
        return _adapter(bare(annotation)).validate_python(value)
    except ValidationError:
        raise _UnreadableError from None


def _read_entry(annotation: Any, value: Any, channel: Channel) -> Any:
    model = submodel(annotation)
    if model is not None and not isinstance(value, Mapping):
        nothing = salvaged(model, {}, channel)
        return nothing.doubting(WHOLE, *nothing.unread)
    return _read(annotation, value, channel)


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation, config={"strict": True})
