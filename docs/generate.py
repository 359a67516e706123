"""The pages under docs/reference that say what the code says: made from the command line and from the API models.

``python -m docs.generate`` writes them (so does scripts/reference); a test fails while they are not fresh.
"""

# ruff: noqa: INP001 - pages and what makes them, no package

import enum
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from anp.analysis.lint.catalogue import CATALOGUE, CLUSTER, FAMILIES
from anp.api import Channel
from anp.api.crds import crds
from anp.cli.main import app

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
