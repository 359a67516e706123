"""The verdicts of nft's rules, and whether a packet that opens a connection has some TCP flags."""

from collections.abc import Sequence
from typing import Any

from anp.firewall.flatten import Goto, Jump, Simple, Target, Unknown, Verdict
from anp.firewall.model import Action
from anp.firewall.providers.nftables_text import words
from anp.firewall.providers.states import FLAGS, End


def verdict(expression: Any) -> Target | None:
    """Return the verdict that a statement is, or None if it is none."""
    match expression:
        case {"accept": _}:
            return Verdict(Action.PERMIT)
        case {"drop": _} | {"reject": _}:
            return Verdict(Action.DENY)
        case {"return": _}:
            return Simple.RETURN
        case {"continue": _}:
            return Simple.GO_ON
        case {"jump": {"target": str() as chain}}:
            return Jump(chain)
        case {"goto": {"target": str() as chain}}:
            return Goto(chain)
        case {"queue": _} | {"synproxy": _}:
            return Unknown("FW108", words(expression))
        case _:
            return None


def end_of(expressions: Sequence[Any]) -> End:
    """Say where a rule goes that ends in one verdict."""
    return next((end_of_target(target) for one in expressions if (target := verdict(one)) is not None), End.OTHER)


def end_of_target(target: Target) -> End:
    """Say which kind of end a target is."""
    if isinstance(target, Verdict):
        return End.ACCEPT if target.action is Action.PERMIT else End.DENY
    return End.OTHER


def is_flags(left: Any) -> bool:
    """Say whether the left side of a comparison is TCP flags, perhaps under a mask."""
    flags = {"payload": {"protocol": "tcp", "field": "flags"}}
    return bool(left == flags or (isinstance(left.get("&"), list) and left["&"][:1] == [flags]))


def flags_hold(left: Any, op: str, right: Any) -> bool | None:
    """Say whether an opening packet has such flags; None if we cannot read them."""
    has = frozenset({"SYN"})
    wanted = _flag_set(right)
    mask = _flag_set(left["&"][1]) if "&" in left and len(left["&"]) == 2 else None
    if wanted is None or ("&" in left and mask is None):
        return None
    if op == "in":
        return bool(has & wanted)
    seen = has if mask is None else has & mask
    return {"==": seen == wanted, "!=": seen != wanted}.get(op)


def _flag_set(value: Any) -> frozenset[str] | None:
    if isinstance(value, dict) and isinstance(value.get("|"), list):
        value = value["|"]
    if value == 0 and not isinstance(value, bool):
        return frozenset()
    parts = value if isinstance(value, list) else [value]
    found: frozenset[str] = frozenset()
    for part in parts:
        inner = _flag_set(part) if isinstance(part, dict | list) else frozenset({str(part).upper()})
        if inner is None or not inner <= FLAGS | {"ECN", "CWR", "ECE"}:
            return None
        found |= inner
    return found
