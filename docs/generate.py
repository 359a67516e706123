"""The pages under docs/reference that say what the code says: made from the command line and from the API models.

``python -m docs.generate`` writes them (so does scripts/reference); a test fails while they are not fresh.
"""

# ruff: noqa: INP001 - pages and what makes them, no package

import enum
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from anp.analysis.lint.catalogue import CATALOGUE, CLUSTER, FAMILIES
from anp.api import Channel
from anp.api.crds import crds
from anp.cli.main import app
from anp.firewall.codes import CODES
from anp.firewall.inventory.schema import json_schema

HERE = Path(__file__).parent
_MADE = "<!-- Made by scripts/reference: change the code and run it again. -->\n"
_BOUNDS: Mapping[str, Callable[[Any], str]] = {
    "minimum": lambda n: f"from {n}",
    "maximum": lambda n: f"to {n}",
    "minLength": lambda n: f"at least {n} characters",
    "maxLength": lambda n: f"at most {n} characters",
    "minItems": lambda n: f"at least {n}",
    "maxItems": lambda n: f"at most {n}",
    "pattern": lambda text: f"pattern `{text}`",
}


def pages() -> dict[str, str]:
    """Return the text of every page that is made, by its path below docs/."""
    return {
        "reference/cli.md": _MADE + _cli(),
        "reference/api.md": _MADE + _api(),
        "reference/lint.md": _MADE + _lint(),
        "reference/mapping.md": _MADE + _mapping(),
        "reference/mapping.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        "reference/translation-codes.md": _MADE + _translation_codes(),
    }


# The command line.


def _cli() -> str:
    root: Any = typer.main.get_command(app)
    lines = ["# The command line", "", root.help.strip(), "", "Options before the command:", ""]
    lines += [*_options(root), ""]
    lines += ["| command | what it does |", "|---|---|"]
    found = list(_commands(root, "anp"))
    lines += [f"| [`{name}`](#{name.replace(' ', '-')}) | {_first(command.help)} |" for name, command in found]
    for name, command in found:
        lines += ["", f"## {name}", "", command.help.strip(), "", *_options(command)]
        lines += _examples(command.epilog or "")
    lines += ["", "Exit codes are the same everywhere: [configuration.md](configuration.md#exit-codes)."]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _examples(epilog: str) -> Iterator[str]:
    """Yield the examples at the end of a command's help; the exit codes after them are told once for all."""
    for paragraph in epilog.split("\n\n"):
        title, *examples = paragraph.replace("\b\n", "").splitlines()
        if title == "Examples:":
            yield from ("", "```sh", *(example.strip() for example in examples), "```")


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _options(command: Any) -> list[str]:
    rows = [_option(p) for p in command.params if not p.hidden and not p.name.endswith("_completion")]
    return ["| option | value | default | environment | meaning |", "|---|---|---|---|---|", *rows] if rows else []


def _option(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    value = "" if parameter.type_descriptor.annotation is bool else f"`{_metavar(parameter)}`"
    default = "required" if parameter.required else _default(parameter.default)
    variable = f"`{parameter.envvar}`" if parameter.envvar else ""
    meaning = _cell(parameter.help or "").replace("*.", "\\*.")
    return f"| {names} | {_cell(value)} | {default} | {variable} | {meaning} |"


def _metavar(parameter: Any) -> str:
    """Return what stands for an option's value: the word it was given, or the choices there are."""
    kind: Any = parameter.type_descriptor.annotation
    if parameter.metavar:
        return str(parameter.metavar)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return "|".join(choice.value for choice in kind)
    return str(getattr(kind, "__name__", kind)).upper()


def _default(value: Any) -> str:
    value = getattr(value, "value", value)
    return "" if value in (None, "", False) or callable(value) else f"`{value}`"


def _first(text: str) -> str:
    return _cell(text.strip().partition("\n\n")[0].replace("\n", " "))


# Lint.


def _lint() -> str:
    lines = [
        "# What lint finds",
        "",
        (
            "Every code of `anp lint`. How to use it is in [the guide](../howto/lint-policies.md); "
            "`anp lint --explain CODE` prints what is said here."
        ),
        "",
        "| code | name | severity | finding |",
        "|---|---|---|---|",
    ]
    for code, check in CATALOGUE.items():
        lines.append(f"| [{code}](#{code.lower()}) | {check.name} | {check.severity.label} | {_cell(check.title)} |")
    for family, title in FAMILIES.items():
        lines += ["", f"## {title}"]
        for code, check in CATALOGUE.items():
            if code.startswith(family):
                lines += ["", f"### {code}", "", f"{check.title}. {check.severity.label.capitalize()}.", "", check.why]
                lines += ["", f"What to do: {check.fix}.", "", "```yaml", check.example.rstrip(), "```"]
    lines += ["", "## The cluster of the examples", "", "```yaml", CLUSTER.rstrip(), "```"]
    return "\n".join(lines) + "\n"


# The translation of firewalls.

_FAMILIES = {
    "FW0": "What changes nothing",
    "FW1": "What policies cannot say",
    "FW2": "The mapping",
    "FW3": "Rules that could go",
    "FW4": "What becomes of rules",
    "FW5": "What the cluster needs for itself",
    "FW6": "The proof",
}

_SAMPLE = HERE.parent / "testdata" / "firewalls" / "mappings" / "dc.yaml"

_MAPPING_INTRODUCTION = """\
# The mapping file

A firewall knows addresses, policies know labels. The mapping says which workload has which of the addresses that the
firewall's rules speak of. `anp translate suggest` drafts one, people finish it, and every command that translates or
proves reads it. A mistake in it opens something or closes it, so what is not understood is an error, with its line.
"""

_MAPPING_RULES = """\
## What must hold

* An entity has the addresses that it names and no entity before it has: the most specific comes first.
* No pod is in two entities, whatever pods there will be: that is decided from the selectors, and where they overlap an
  example is told ([FW205](translation-codes.md#fw205)). Given a cluster, it is enough that none is today
  ([FW206](translation-codes.md#fw206)).
* Segments do not overlap ([FW207](translation-codes.md#fw207)), and all of an entity is in one of them or in none.
* No rule is about a part of an entity; if one is, a stanza to paste is told ([FW201](translation-codes.md#fw201)).
* Entries with `confidence: guess` are not translated unless they are accepted
  ([FW209](translation-codes.md#fw209)).

Addresses are networks (`10.0.0.0/8`), single ones (`10.0.0.5`) or ranges (`10.0.0.5-10.0.0.9`). A network with host
bits set is refused, as it could be meant either way.

## How a draft comes about

`anp translate suggest` asks in this order, and what one source explains is not asked of the next:

1. addresses of pods, where rules name them or a network in which only one workload has pods;
2. load-balancer, external and cluster addresses of Services: the pods behind them, with the ports that they translate;
3. addresses of nodes, which are no workload;
4. a list of hosts, a spreadsheet saved as CSV: by its labels, then by names that are alike;
5. the firewall's own names that are like a workload's, as `WEB_FARM` and `app: web`.

Names are alike by the words that they have in common: case, numbers and plurals do not count, nor do words such as
`group` or `server`. Labels that change from pod to pod or from release to release, such as `pod-template-hash`, are not
used to select. No name is looked up in DNS, and nothing is asked of any network but the cluster's API, if that is
given. Every entry has a `reason`, and `confidence: observed`, `matched-name` or `guess`. The same input gives the same
draft.
"""


def _mapping() -> str:
    schema = json_schema()
    intro = _MAPPING_INTRODUCTION.splitlines()
    lines = [*intro, "", "```yaml", _SAMPLE.read_text(encoding="utf-8").rstrip(), "```", ""]
    lines += [
        "Editors complete and check it with [mapping.schema.json](mapping.schema.json). A bold field must be there.",
        "",
        "| field | type | bounds | meaning |",
        "|---|---|---|---|",
        *_mapping_fields("", schema, schema["$defs"]),
        "",
        *_MAPPING_RULES.splitlines(),
    ]
    return "\n".join(lines) + "\n"


def _mapping_fields(path: str, node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    """Yield a row for every field below `node`, following references."""
    for name, child in node.get("properties", {}).items():
        below = f"{path}.{name}".lstrip(".")
        kind, inner, suffix = _resolved(child, definitions)
        label = f"**`{below}{suffix}`**" if name in node.get("required", ()) else f"`{below}{suffix}`"
        bounds = _cell(_bounds(inner or child))
        yield f"| {label} | {kind} | {bounds} | {_cell(child.get('description', inner.get('description', '')))} |"
        if not _is_selector(inner):
            yield from _mapping_fields(f"{below}{suffix}", inner, definitions)


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[str, Mapping[str, Any], str]:
    """Return the type of a field, the schema of what is inside it, and how a path goes on to that."""
    if "$ref" in node:
        return _resolved(definitions[node["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in node:
        choices = [_resolved(choice, definitions) for choice in node["anyOf"] if choice.get("type") != "null"]
        inner = next((choice for choice in choices if choice[1].get("properties")), choices[0])
        return " or ".join(choice[0] for choice in choices), inner[1], inner[2]
    if "items" in node:
        kind, inner, _suffix = _resolved(node["items"], definitions)
        return f"list of {kind}s", inner, "[]" if inner.get("properties") else ""
    if isinstance(node.get("additionalProperties"), dict):
        kind, inner, suffix = _resolved(node["additionalProperties"], definitions)
        return f"{kind} by name", inner, f".NAME{suffix}" if inner.get("properties") else ""
    if "const" in node:
        return f"`{node['const']}`", {}, ""
    return _type(node), node, ""


def _translation_codes() -> str:
    lines = [
        "# Codes of the translation",
        "",
        "Why a rule of a firewall was not translated as it is, and what is wrong with a [mapping](mapping.md).",
        "",
        "| code | severity | title |",
        "|---|---|---|",
    ]
    lines += [f"| [{code}](#{code.lower()}) | {each.severity.label} | {each.title} |" for code, each in CODES.items()]
    for family, title in _FAMILIES.items():
        lines += ["", f"## {title}"]
        for code, each in CODES.items():
            if code.startswith(family):
                headline = f"{each.title[0].upper()}{each.title[1:]}. {each.severity.label.capitalize()}."
                lines += ["", f"### {code}", "", headline, "", each.meaning, "", f"What to do: {each.hint}"]
    return "\n".join(lines) + "\n"


# The API.


def _api() -> str:
    standard = {crd["spec"]["names"]["kind"]: _schema(crd) for crd in crds(Channel.STANDARD)}
    lines = [
        "# The cluster policies, field by field",
        "",
        (
            "What `anp` reads of the three kinds of `policy.networking.k8s.io`. Fields marked *experimental* are only "
            "in the CRDs of that channel. `[]` stands for each entry of a list, a bold name for a field that must be "
            "there. What the fields mean together is in [semantics.md](../semantics.md)."
        ),
        "",
        (
            "NetworkPolicy, Namespace, Pod and Node are Kubernetes' own; what of them matters here is in "
            "[semantics.md](../semantics.md#16-networkpolicy)."
        ),
    ]
    for crd in crds(Channel.EXPERIMENTAL):
        names, version = crd["spec"]["names"], crd["spec"]["versions"][0]["name"]
        kind = names["kind"]
        schema = _schema(crd)
        lines += ["", f"## {kind}", ""]
        lines += [
            f"`{crd['spec']['group']}/{version}`, short name `{names['shortNames'][0]}`, {crd['spec']['scope']} scope."
        ]
        lines += ["", schema["description"], ""]
        lines += ["| field | type | bounds | meaning |", "|---|---|---|---|"]
        lines += _fields("spec", schema["properties"]["spec"], standard[kind]["properties"]["spec"])
        everywhere = set(_rules("", standard[kind]))
        rules = [rule + ("" if rule in everywhere else " *(experimental)*") for rule in _rules("", schema)]
        if rules:
            lines += ["", "Rules beyond types and bounds:", "", *rules]
    return "\n".join(lines) + "\n"


def _schema(crd: Mapping[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def _fields(path: str, node: Mapping[str, Any], standard: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield a row for every field below `node`; selectors are told in short, as everybody knows them."""
    for name, child in node.get("properties", {}).items():
        also = (standard or {}).get("properties", {}).get(name)
        items = child.get("items", {})
        below = f"{path}.{name}" + ("[]" if items else "")
        label = f"**`{below}`**" if name in node.get("required", ()) else f"`{below}`"
        meaning = child.get("description", "") + ("" if also else " *(experimental)*")
        yield f"| {label} | {_type(child)} | {_cell(_bounds(child))} | {_cell(meaning)} |"
        if not _is_selector(child):
            yield from _fields(below, items or child, (also or {}).get("items", also) if items else also)


def _is_selector(node: Mapping[str, Any]) -> bool:
    return "matchExpressions" in node.get("properties", {})


def _type(node: Mapping[str, Any]) -> str:
    if _is_selector(node):
        return "label selector"
    if "items" in node:
        return f"list of {_type(node['items'])}s"
    return str(node.get("type", "any"))


def _bounds(node: Mapping[str, Any]) -> str:
    said = [say(node[key]) for key, say in _BOUNDS.items() if key in node]
    said += [
        "exactly one field" if one.get("maxProperties") == 1 else "at least one field"
        for one in (node, node.get("items", {}))
        if one.get("minProperties") == 1
    ]
    said += [f"each {say(node['items'][key])}" for key, say in _BOUNDS.items() if key in node.get("items", {})]
    if "enum" in node:
        said.append(", ".join(f"`{value}`" for value in node["enum"]))
    if node.get("x-kubernetes-list-type") == "set":
        said.append("no two alike")
    if node.get("default"):
        said.append(f"default `{node['default']}`")
    return "; ".join(said)


def _rules(path: str, node: Mapping[str, Any]) -> Iterator[str]:
    for rule in node.get("x-kubernetes-validations", ()):
        yield f"* {f'`{path}`' if path else 'the object'}: {rule['message']}"
    for name, child in node.get("properties", {}).items():
        yield from _rules(f"{path}.{name}".lstrip("."), child)
    if "items" in node:
        yield from _rules(f"{path}[]", node["items"])


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
