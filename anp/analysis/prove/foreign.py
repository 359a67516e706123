"""Chains of others that packets cross at the same hooks: what they do is not ours to prove, but people should know."""

from collections.abc import Iterator
from typing import Any

from anp.analysis.prove.result import Remark
from compiler.names import TABLE
from compiler.ruleset import Hook
from compiler.syntax import FAMILY

_FAMILIES = frozenset({"inet", "ip", "ip6"})
_FINAL = frozenset({"drop", "reject", "queue"})


def remarks(objects: list[tuple[str, dict[str, Any]]]) -> tuple[Remark, ...]:
    """Return the chains of other tables at our hooks which could drop packets that we let through.

    Where the listing has no rules of a table, as one of chains alone has none, each of its chains could.
    """
    return tuple(
        sorted(_remarks(objects), key=lambda remark: (remark.hook, remark.priority, remark.table, remark.chain))
    )


def _remarks(objects: list[tuple[str, dict[str, Any]]]) -> Iterator[Remark]:
    hooks = {hook.value for hook in Hook}
    rules: dict[tuple[object, object], list[object]] = {}
    for kind, body in objects:
        if kind in {"rule", "map"}:
            said = rules.setdefault((body.get("family"), body.get("table")), [])
            said.append(body.get("expr" if kind == "rule" else "elem"))
    for kind, body in objects:
        family, table = body.get("family"), body.get("table")
        if (
            kind != "chain"
            or body.get("hook") not in hooks
            or family not in _FAMILIES
            or (family, table) == (FAMILY, TABLE)
        ):
            continue
        known = rules.get((family, table))
        policy = str(body.get("policy", "accept"))
        if policy == "accept" and known is not None and not any(map(_is_final, known)):
            continue
        priority = body.get("prio")
        place = priority if isinstance(priority, int) else 0
        yield Remark(f"{family} {table}", str(body.get("name")), str(body.get("hook")), place, policy)


def _is_final(expression: object) -> bool:
    """Say whether a rule could drop: by a word for it at any depth, or by something that nobody here knows."""
    if isinstance(expression, dict):
        return bool(_FINAL & expression.keys()) or "xt" in expression or any(map(_is_final, expression.values()))
    if isinstance(expression, list):
        return any(map(_is_final, expression))
    return False
