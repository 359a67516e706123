"""Turning what a validator says into what a person can act on."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from anp.api.problems import Path, Problem
from anp.api.structure import RULE_BROKEN

_SHOWN = 60
_FOR_ALL = {
    "from": ", and `namespaces: {}` is all pods",
    "to": ", and `namespaces: {}` is all pods",
    "ports": "; to mean all traffic, leave the field out",
    "protocols": "; to mean all traffic, leave the field out",
}
_BIG = 10**30


def problems_of(errors: Iterable[ErrorDetails]) -> tuple[Problem, ...]:
    """Return one problem per mistake; several errors about one value are one mistake."""
    problems: dict[Path, Problem] = {}
    repeated: list[Problem] = []
    for error in errors:
        path = _path(error)
        if error["type"] == "too_short" and error["input"]:
            continue  # the validator counts good entries only, and has said what is wrong with the others
        problem = Problem(path, _message(error))
        if error["type"] == RULE_BROKEN and path in problems:
            repeated.append(problem)
        else:
            problems.setdefault(path, problem)
    return (*problems.values(), *repeated)


def shown(value: Any) -> str:
    """Return a value as a message can quote it: never long, whatever the value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if -_BIG < value < _BIG else "a number with very many digits"
    if isinstance(value, str):
        return repr(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!r}..."
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return f"{value}"[:_SHOWN] if isinstance(value, float) else f"a {type(value).__name__}"


def _path(error: ErrorDetails) -> Path:
    """Leave out what names a choice of a union or the key of a map, and no place in the document."""
    path = error["loc"]
    if path[-1:] == ("[key]",) or (path[-2:-1] == ("port",) and path[-1] in ("int", "str")):
        return path[:-1]
    return path


def _message(error: ErrorDetails) -> str:  # noqa: C901, PLR0912 - a table with a few words in each row
    value, context = error["input"], error.get("ctx", {})
    match error["type"]:
        case "anp_rule":
            return str(context["message"])
        case "value_error":
            return str(context["error"])
        case "missing":
            return "is required and not there"
        case "string_type" | "string_sub_type" | "string_unicode":
            quotes = "; put it in quotes" if isinstance(value, bool | int | float) else ""
            return f"must be text, not {shown(value)}{quotes}"
        case "int_type" | "int_from_float" | "int_parsing" | "int_parsing_size":
            quotes = "; leave out the quotes" if isinstance(value, str) and value.isdecimal() else ""
            return f"must be a whole number, not {shown(value)}{quotes}"
        case "bool_type":
            return f"must be true or false, not {shown(value)}"
        case "tuple_type" | "list_type":
            return f"must be a list, not {shown(value)}; begin every entry with `- `"
        case "dict_type" | "model_type" | "model_attributes_type" | "mapping_type":
            return f"must be a mapping of fields, not {shown(value)}"
        case "too_long":
            return f"has {context['actual_length']} entries; at most {context['max_length']} are allowed, so split it"
        case "too_short":
            return (
                f"is empty; at least {context['min_length']} entry is needed{_FOR_ALL.get(str(error['loc'][-1]), '')}"
            )
        case "string_too_long":
            return f"has {len(value)} characters; at most {context['max_length']} are allowed"
        case "string_too_short":
            return "must not be empty"
        case "greater_than_equal":
            return f"must be at least {context['ge']}, not {shown(value)}"
        case "less_than_equal":
            return f"must be at most {context['le']}, not {shown(value)}"
        case "literal_error":
            return _choice(value, str(context["expected"]))
        case "string_pattern_mismatch":
            return f"{shown(value)} has characters that are not allowed here, or too few"
        case other if other.startswith(("datetime", "timezone")):
            return f"must be a time such as 2026-01-31T12:00:00Z, not {shown(value)}"
        case _:
            return f"cannot be {shown(value)}"


def _choice(value: Any, expected: str) -> str:
    close = (
        get_close_matches(value.capitalize(), expected.replace("'", "").replace(" or ", ", ").split(", "), n=1)
        if isinstance(value, str)
        else []
    )
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"must be {expected}, not {shown(value)}{hint}"
