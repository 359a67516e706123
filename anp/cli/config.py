"""The config file: defaults for options, by their long names, for all commands or for one."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from anp.cli.console import fail


def defaults(path: Path, commands: Mapping[str, Any]) -> dict[str, Any]:
    """Read a config file and return click's map of defaults; end with exit code 2 where it makes no sense.

    `commands` are click's, by name; a group of commands has its own in `commands`. A mapping under a command's name is
    for that one only, and wins over what is for all.
    """
    top = _read(path)
    shared = {key: value for key, value in top.items() if key not in commands}
    everywhere = {name for command in commands.values() for name in _options(command)}
    _check(path, shared, everywhere, "")
    return _for(path, top, shared, commands, "")


def _for(
    path: Path, section: Mapping[str, Any], shared: Mapping[str, Any], commands: Mapping[str, Any], under: str
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, command in commands.items():
        own = section.get(name, {})
        title = f"{under}{name}"
        if not isinstance(own, dict):
            fail(f"the config file {path}: {title} must hold options by name, not {own!r:.60}")
        children = getattr(command, "commands", {})
        options = {key: value for key, value in own.items() if key not in children}
        _check(path, options, set(_options(command)), f" for {title}")
        merged = {**shared, **options}
        if children:
            result[name] = _for(path, own, merged, children, f"{title} ")
        else:
            result[name] = {
                _parameter(command, key): [value] if key in _repeatable(command) else value
                for key, value in merged.items()
                if key in _names(command)
            }
    return result


def _read(path: Path) -> dict[Any, Any]:
    import yaml  # noqa: PLC0415 - slow, and most do without a config file

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        fail(f"cannot read the config file {path}: {error.strerror}")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        fail(f"the config file {path}{where} is not YAML: {error.problem}")
    except (UnicodeDecodeError, ValueError, yaml.YAMLError, RecursionError) as error:
        fail(f"the config file {path} is not YAML: {error!s:.200}")
    if content is None:
        return {}
    if not isinstance(content, dict):
        fail(f"the config file {path} must hold options by name, such as `node: worker-1`")
    return content


def _check(path: Path, options: Mapping[Any, Any], known: set[str], where: str) -> None:
    for key, value in options.items():
        if key not in known:
            there = ", ".join(sorted(known))
            fail(f"the config file {path} sets {key!r:.60}{where}, which is no option there; there are {there}")
        if not isinstance(value, str | int | float) or value == "":
            fail(f"the config file {path}: {key}{where} must be a text, a number or a boolean, not {value!r:.60}")


def _options(command: Any) -> Iterator[str]:
    """Yield the options of a command, or of all commands of a group."""
    for child in getattr(command, "commands", {}).values():
        yield from _options(child)
    yield from _names(command)


def _repeatable(command: Any) -> set[str]:
    """Return the options that can be given several times; a config file gives them once."""
    several = {parameter.name for parameter in command.params if getattr(parameter, "multiple", False)}
    return {long for long, name in _long(command) if name in several}


def _names(command: Any) -> list[str]:
    """Return the options of one command by their long names."""
    return [] if getattr(command, "commands", None) else [name for name, _ in _long(command)]


def _parameter(command: Any, option: str) -> str:
    return next(parameter for name, parameter in _long(command) if name == option)


def _long(command: Any) -> Iterator[tuple[str, str]]:
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.name != "help":
            long = next(name for name in parameter.opts if name.startswith("--"))
            yield long.removeprefix("--"), parameter.name
