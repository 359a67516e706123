"""What nft's JSON says, in words close to nft's own language: for people to read, and for nothing else."""

import json
from typing import Any

_LONGEST = 400


def words(value: Any) -> str:
    """Write an expression, a statement or a whole rule in one line; what is very long is cut."""
    text = _words(value, 0)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _words(value: Any, depth: int) -> str:  # noqa: C901, PLR0912 - one line for each kind
    if depth > 12:
        return "..."
    deeper = depth + 1
    match value:
        case str() | int() | float():
            return str(value)
        case None:
            return ""
        case list():
            return (" " if depth == 0 else ",").join(_words(part, deeper) for part in value[:50])
        case {"match": {"left": left, "op": op, "right": right}}:
            relation = "" if op in ("==", "in") else f"{op} "
            return f"{_words(left, deeper)} {relation}{_words(right, deeper)}"
        case {"payload": {"protocol": protocol, "field": name}}:
            return f"{protocol} {name}"
        case {"meta": {"key": key}}:
            return f"meta {key}"
        case {"ct": {"key": key}}:
            return f"ct {key}"
        case {"prefix": {"addr": address, "len": length}}:
            return f"{address}/{length}"
        case {"range": [first, last]}:
            return f"{first}-{last}"
        case {"set": list() as members}:
            return f"{{ {', '.join(_words(member, deeper) for member in members[:50])} }}"
        case {"concat": list() as parts}:
            return " . ".join(_words(part, deeper) for part in parts)
        case {"&": [left, right]}:
            return f"{_words(left, deeper)} & {_words(right, deeper)}"
        case {"vmap": {"key": key, "data": {"set": list() as members}}}:
            pairs = (
                " : ".join(_words(part, deeper) for part in (member if isinstance(member, list) else [member]))
                for member in members[:50]
            )
            return f"{_words(key, deeper)} vmap {{ {', '.join(pairs)} }}"
        case {"vmap": {"key": key, "data": data}}:
            return f"{_words(key, deeper)} vmap {_words(data, deeper)}"
        case {"jump": {"target": target}}:
            return f"jump {target}"
        case {"goto": {"target": target}}:
            return f"goto {target}"
        case {"counter": _}:
            return "counter"
        case dict() if len(value) == 1:
            name, inner = next(iter(value.items()))
            return f"{name} {_plain(inner)}".strip()
        case _:
            return _plain(value)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict) and all(isinstance(part, str | int | float) for part in value.values()):
        return " ".join(f"{name} {part}" for name, part in value.items())
    try:
        return json.dumps(value)
    except RecursionError:
        return "..."
