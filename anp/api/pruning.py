"""What an API server does to a document before it judges it: it drops what its schema does not have (1.1)."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from anp.api.admission import Channel
from anp.api.problems import Path, Problem
from anp.api.structure import ApiModel, Part, element, is_map, parts, submodel


def pruned(
    model: type[ApiModel], document: Mapping[Any, Any], channel: Channel
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return the document without unknown fields and nulls, and a warning for every unknown field.

    A misspelt field is dropped like any other, and its selector then selects more than was meant: so say so.
    """
    warnings: list[Problem] = []
    return _pruned_model(model, document, channel, (), warnings), tuple(warnings)


def unknown(model: type[ApiModel], document: Mapping[Any, Any]) -> tuple[Problem, ...]:
    """Return a problem for every field that the schema of no channel has."""
    dropped = pruned(model, document, Channel.EXPERIMENTAL)[1]
    return tuple(Problem(problem.path, problem.message.replace(", so it is ignored", "", 1)) for problem in dropped)


def unknown_fields(model: type[ApiModel], document: Mapping[Any, Any], channel: Channel) -> Iterator[str]:
    """Yield the names of the fields of this level that the schema does not have; a null is no field."""
    if model.partial:
        return
    known = {part.alias for part in parts(model) if part.exists(channel)} | model.ignored
    yield from (str(key) for key, value in document.items() if key not in known and value is not None)


def _pruned_model(
    model: type[ApiModel], document: Mapping[Any, Any], channel: Channel, path: Path, warnings: list[Problem]
) -> dict[str, Any]:
    known = {part.alias: part for part in parts(model)}
    warnings += [Problem((*path, name), _why_dropped(name, known)) for name in unknown_fields(model, document, channel)]
    return {
        alias: _pruned_value(part.annotation, document[alias], channel, (*path, alias), warnings)
        for alias, part in known.items()
        if part.exists(channel) and document.get(alias) is not None
    }


def _pruned_value(annotation: Any, value: Any, channel: Channel, path: Path, warnings: list[Problem]) -> Any:
    model, entry = submodel(annotation), element(annotation)
    if model is not None and isinstance(value, Mapping):
        return _pruned_model(model, value, channel, path, warnings)
    if entry is not None and isinstance(value, list | tuple):
        return [_pruned_value(entry, item, channel, (*path, index), warnings) for index, item in enumerate(value)]
    if is_map(annotation) and isinstance(value, Mapping):
        return dict(value)
    return value


def _why_dropped(name: str, known: Mapping[str, Part]) -> str:
    if name in known:
        return "exists in the experimental channel only, so it is ignored"
    close = get_close_matches(name, known, n=1)
    hint = f"; did you mean `{close[0]}`?" if close else ""
    return f"is not a field of the schema, so it is ignored{hint}"
