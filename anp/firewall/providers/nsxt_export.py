"""What an export of NSX-T's policy API holds, in whichever of its forms, as flat lists of objects.

The forms: the hierarchical one (``Infra`` with ``children``), results of list calls (``{"results": [...]}``), and any
lists or maps of these. What an object is tells its `resource_type`, or else the fields that it has.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from anp.firewall.providers.cisco_assembly import Notes
from anp.firewall.providers.cisco_text import UnreadableError
from anp.firewall.providers.provider import Source

Raw: TypeAlias = Mapping[str, Any]

_PLACES = re.compile(r'"(path|id|unique_id|rule_id|display_name)"\s*:\s*("(?:[^"\\\n]|\\.)*"|\d+)')


@dataclass(slots=True, eq=False)
class Policy:
    """One section of rules."""

    raw: Raw
    category: str
    rules: list[Raw] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What people call it."""
        return name_of(self.raw)


@dataclass(slots=True)
class Export:
    """Everything in an export that matters; groups and services by path."""

    policies: list[Policy] = field(default_factory=list)
    groups: dict[str, Raw] = field(default_factory=dict)
    services: dict[str, Raw] = field(default_factory=dict)
    lines: dict[tuple[str, str], int] = field(default_factory=dict)

    def line(self, raw: Raw) -> int:
        """Return the line where an object is named, or 0."""
        for key in ("path", "unique_id", "rule_id", "id", "display_name"):
            value = raw.get(key)
            if isinstance(value, str | int) and (key, str(value)) in self.lines:
                return self.lines[key, str(value)]
        return 0


def read_export(source: Source, notes: Notes) -> Export:
    """Read a text; what is no JSON has nothing in it."""
    export = Export()
    try:
        top = json.loads(source.text)
    except json.JSONDecodeError as error:
        notes.error("FW150", error.lineno, f"this is no JSON: {error.msg}")
        return export
    except (ValueError, RecursionError):
        notes.error("FW150", 0, "the JSON is nested too deep, or has a number that is too long")
        return export
    export.lines = _lines(source.text)
    _Walk(export, notes).all(top)
    return export


def _lines(text: str) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    line, seen = 1, 0
    for match in _PLACES.finditer(text):
        line += text.count("\n", seen, match.start())
        seen = match.start()
        found.setdefault((match[1], match[2].strip('"')), line)
    return found


@dataclass(slots=True)
class _Place:
    """Something to look at, and what it is in."""

    value: Any
    policy: Policy | None = None
    category: str = ""


class _Walk:
    def __init__(self, export: Export, notes: Notes) -> None:
        self._export = export
        self._notes = notes
        self._by_path: dict[str, Policy] = {}
        self._loose: list[tuple[str, Raw]] = []
        self._seen: dict[tuple[str, str], Raw] = {}

    def all(self, top: Any) -> None:
        # A stack of our own, the first on top: files nest as deep as they like.
        todo = [_Place(top)]
        while todo:
            place = todo.pop()
            if isinstance(place.value, list):
                todo += [_Place(value, place.policy, place.category) for value in reversed(place.value)]
            elif isinstance(place.value, dict):
                todo += reversed(self._object(place))
        self._adopt()

    def _object(self, place: _Place) -> list[_Place]:
        """Take one object, and return what is in it to look at."""
        raw: Raw = place.value
        kind = _kind(raw)
        if kind and self._is_known(kind, raw):
            again = self._by_path.get(path_of(raw)) if kind == "policy" else None
            return [_Place(raw.get(name), again) for name in ("rules", "children")] if again else []
        match kind:
            case "policy":
                policy = Policy(raw, text(raw, "category") or place.category)
                self._export.policies.append(policy)
                self._by_path.setdefault(path_of(raw), policy)
                return [_Place(raw.get(name), policy) for name in ("rules", "children")]
            case "rule" if place.policy is not None:
                place.policy.rules.append(raw)
                return []
            case "rule":
                parent = text(raw, "parent_path") or path_of(raw).rpartition("/rules/")[0]
                self._loose.append((parent, raw))
                return []
            case "group":
                self._export.groups.setdefault(path_of(raw) or name_of(raw), raw)
                return []
            case "service":
                self._export.services.setdefault(path_of(raw) or name_of(raw), raw)
                return []
        category = text(raw, "category") or place.category
        return [_Place(value, place.policy, category) for value in raw.values() if isinstance(value, dict | list)]

    def _is_known(self, kind: str, raw: Raw) -> bool:
        """Say whether an object has been there: exports list some by themselves and inside of others."""
        path = path_of(raw)
        if not path:
            return False
        before = self._seen.setdefault((kind, path), raw)
        if before is raw:
            return False
        if _own(before) != _own(raw):
            text_ = f"{kind} {path} is there twice and differs; the first holds"
            self._notes.error("FW150", self._export.line(raw), text_, "Export everything at one time.")
        return True

    def _adopt(self) -> None:
        """Bring rules that stand alone to their policies."""
        for parent, raw in self._loose:
            if parent not in self._by_path:
                policy = Policy({"display_name": parent or "rules", "path": parent}, text(raw, "category"))
                self._by_path[parent] = policy
                self._export.policies.append(policy)
            self._by_path[parent].rules.append(raw)


def _own(raw: Raw) -> Raw:
    """Return the fields of an object that do not depend on where it is listed."""
    elsewhere = {"rules", "children", "parent_path", "relative_path"}
    return {key: value for key, value in raw.items() if key not in elsewhere and key[:1] != "_"}


def _kind(raw: Raw) -> str:
    match raw.get("resource_type"):
        case "SecurityPolicy" | "GatewayPolicy":
            return "policy"
        case "Rule" | "PolicyRule":
            return "rule"
        case "Group":
            return "group"
        case "Service":
            return "service"
        case str():
            return ""
    if isinstance(raw.get("rules"), list) and {"sequence_number", "scope", "id", "display_name"} & set(raw):
        return "policy"
    if "action" in raw and {"source_groups", "destination_groups", "services", "sequence_number"} & set(raw):
        return "rule"
    if isinstance(raw.get("expression"), list):
        return "group"
    return "service" if isinstance(raw.get("service_entries"), list) else ""


def path_of(raw: Raw) -> str:
    """Return an object's path, or nothing."""
    return text(raw, "path")


def name_of(raw: Raw) -> str:
    """Return what people call an object."""
    return text(raw, "display_name") or text(raw, "id") or path_of(raw).rpartition("/")[2] or "?"


def text(raw: Raw, key: str) -> str:
    """Return a field that is a text, or nothing."""
    value = raw.get(key)
    return value if isinstance(value, str) else ""


def flag(raw: Raw, key: str) -> bool:
    """Return a field that is true or false; what is missing is false.

    Raises:
        UnreadableError: it is neither.

    """
    value = raw.get(key)
    if value is not None and not isinstance(value, bool):
        raise UnreadableError(f"{key} is neither true nor false")
    return bool(value)


def order(raw: Raw) -> int:
    """Return the number by which objects are ordered."""
    value = raw.get("sequence_number")
    return value if isinstance(value, int) else 0


def strings(raw: Raw, key: str) -> list[str]:
    """Return a field that is a list of texts; ``ANY`` and nothing are an empty one.

    Raises:
        UnreadableError: it is no such thing.

    """
    value = raw.get(key)
    if value is None:
        return []
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise UnreadableError(f"{key} is no list of texts")
    return [] if value == ["ANY"] else value


def objects(raw: Raw, key: str) -> list[Raw]:
    """Return a field that is a list of objects.

    Raises:
        UnreadableError: it is no such thing.

    """
    value = raw.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise UnreadableError(f"{key} is no list of objects")
    return value
