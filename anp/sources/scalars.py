"""What a scalar means that was written without quotes, by the rules that kubectl reads manifests with.

Those are YAML 1.1's with some of its surprises taken out: `yes`, `on` and `y` are booleans and `010` is eight, but
`12:30` is text and so is a date. Reading them in any other way would accept here what a cluster refuses, or the
reverse; that a label value must not be a boolean is for validation to say.
"""

import math
import re
from collections.abc import Mapping
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_WORDS: Mapping[str, Scalar] = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"], None),
    **{form: True for word in ("y", "yes", "true", "on") for form in (word, word.capitalize(), word.upper())},
    **{form: False for word in ("n", "no", "false", "off") for form in (word, word.capitalize(), word.upper())},
    **dict.fromkeys([".nan", ".NaN", ".NAN"], math.nan),
    **dict.fromkeys([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], math.inf),
    **dict.fromkeys(["-.inf", "-.Inf", "-.INF"], -math.inf),
}

_INTEGERS = (
    (re.compile(r"[-+]?(?:0|[1-9][0-9]*)"), 10),
    (re.compile(r"[-+]?0[xX][0-9A-Fa-f]+"), 16),
    (re.compile(r"[-+]?0[oO]?[0-7]+"), 8),
    (re.compile(r"[-+]?0[bB][01]+"), 2),
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NUMBER_START = frozenset("+-.0123456789")

_LONGEST_INTEGER = 80
"""More characters than any 64-bit integer has in any base; beyond it a number is a float, as in JSON."""
_EXACT = 2**53
"""Below this, a float without a fraction and an integer are the same JSON number."""


def plain_scalar(text: str) -> Scalar:
    """Return the value of a scalar that was written without quotes and without a tag."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    digits = text.replace("_", "")
    if len(digits) <= _LONGEST_INTEGER:
        for form, base in _INTEGERS:
            if form.fullmatch(digits):
                return _based(digits, base)
    if _FLOAT.fullmatch(digits):
        number = float(digits)
        return int(number) if abs(number) < _EXACT and number.is_integer() else number
    return text


def key_text(value: Scalar, written: str) -> str:
    """Return the text that a mapping key becomes, as keys of a JSON object are text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else written


def _based(digits: str, base: int) -> int:
    return int(digits, 8) if base == 8 else int(digits, 0)
