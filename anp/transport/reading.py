"""Strict reading of JSON: every step says where it is when it refuses.

What is not understood could matter, so unknown fields are refused as well: the generation in force stays in force.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeVar

from anp.transport.errors import TransportError
from compiler.addresses import Address

T = TypeVar("T")

_NO_FIELDS: frozenset[str] = frozenset()
_SHOWN = 60


def fields(
    value: Any, where: str, required: frozenset[str], optional: frozenset[str] = _NO_FIELDS
) -> Mapping[str, Any]:
    """Return an object that has all of `required`, perhaps some of `optional`, and nothing else.

    Raises:
        TransportError: it has not, or is no object.

    """
    if type(value) is not dict:
        raise TransportError(where, f"must be an object, not {shown(value)}")
    if missing := required - value.keys():
        raise TransportError(where, f"has no `{min(missing)}`")
    if unknown := value.keys() - required - optional:
        raise TransportError(where, f"has {shown(min(unknown, key=str))}, which nobody here understands")
    return value


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Return an object with any fields.

    Raises:
        TransportError: it is none.

    """
    if type(value) is not dict or not all(type(key) is str for key in value):
        raise TransportError(where, f"must be an object, not {shown(value)}")
    return value


def items(value: Any, where: str, read: Callable[[Any, str], T]) -> tuple[T, ...]:
    """Return a list, every item read.

    Raises:
        TransportError: it is none, or an item is refused.

    """
    if type(value) is not list:
        raise TransportError(where, f"must be a list, not {shown(value)}")
    return tuple(read(item, f"{where}[{index}]") for index, item in enumerate(value))


def text(value: Any, where: str) -> str:
    """Return a text.

    Raises:
        TransportError: it is none.

    """
    if type(value) is not str:
        raise TransportError(where, f"must be a text, not {shown(value)}")
    return value


def matching(value: Any, where: str, pattern: re.Pattern[str]) -> str:
    """Return a text of a certain form.

    Raises:
        TransportError: it has another.

    """
    if type(value) is not str or not pattern.fullmatch(value):
        raise TransportError(where, f"{shown(value)} does not look like {pattern.pattern}")
    return value


def number(value: Any, where: str, lowest: int = 0, highest: int = 2**53) -> int:
    """Return a whole number within bounds.

    Raises:
        TransportError: it is none.

    """
    if type(value) is not int or not lowest <= value <= highest:
        raise TransportError(where, f"must be a number from {lowest} to {highest}, not {shown(value)}")
    return value


def truth(value: Any, where: str) -> bool:
    """Return true or false.

    Raises:
        TransportError: it is neither.

    """
    if type(value) is not bool:
        raise TransportError(where, f"must be true or false, not {shown(value)}")
    return value


def choice(value: Any, where: str, choices: Mapping[str, T]) -> T:
    """Return what a word stands for.

    Raises:
        TransportError: it stands for nothing.

    """
    if type(value) is not str or value not in choices:
        raise TransportError(where, f"must be one of {', '.join(choices)}, not {shown(value)}")
    return choices[value]


def address(value: Any, where: str) -> Address:
    """Return an address; one with a zone is none of ours.

    Raises:
        TransportError: it is none.

    """
    try:
        if type(value) is str and "%" not in value:
            return IPv6Address(value) if ":" in value else IPv4Address(value)
    except ValueError:
        pass
    raise TransportError(where, f"must be an address, not {shown(value)}")


def shown(value: Any) -> str:
    """Show a value that may be anything, and of any length."""
    try:
        said = ascii(value)
    except RecursionError:
        return "something nested too deeply"
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"
