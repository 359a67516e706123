"""The command line as a whole: its commands, its config file, its version."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

import anp
from anp.cli.console import fail
from anp.cli.enforcing import apply_command, run_command, uninstall_command
from anp.cli.lab import lab_run
from anp.cli.offline import compile_command, crds_command, explain_command

app = typer.Typer(
    name="anp",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Kubernetes network policies, compiled to nftables.\n\n"
        "Reads AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy and NetworkPolicy from manifests, "
        "says what they mean, compiles them, tries them in a cluster of network namespaces, and enforces them.\n\n"
        "Start with **anp lab run -f testdata/demo**, then ask **anp explain** about a connection.\n\n"
        "Exit codes: 0 yes or done, 1 the answer is no, 2 bad input, 3 the machine cannot do it."
    ),
)
lab_app = typer.Typer(
    no_args_is_help=True, help="A cluster of network namespaces on this machine, to try policies with real packets."
)
app.add_typer(lab_app, name="lab")

app.command("compile")(compile_command)
app.command("explain")(explain_command)
app.command("apply")(apply_command)
app.command("run")(run_command)
app.command("uninstall")(uninstall_command)
app.command("crds")(crds_command)
lab_app.command("run")(lab_run)


def _version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        typer.echo(f"anp {anp.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            envvar="ANP_CONFIG",
            help="YAML file with defaults for options, by their long names: `node: worker-1`; "
            "for one command only, under its name: `run: {node: worker-1}`.",
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    if config is not None:
        context.default_map = _defaults(config, context.command.commands)  # type: ignore[attr-defined]


def _defaults(config: Path, commands: Mapping[str, Any]) -> dict[str, Any]:
    """Read a config file: what holds for all commands, and what for one."""
    try:
        document = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        fail(f"cannot read the config file {config}: {error}")
    if not isinstance(document, dict):
        fail(f"the config file {config} must hold options by name, such as `node: worker-1`")
    options = {str(key).replace("-", "_"): value for key, value in document.items() if key not in commands}
    known = {parameter.name for command in commands.values() for parameter in _parameters(command)}
    unknown = sorted(options.keys() - known)
    if unknown:
        fail(f"the config file {config} sets {unknown[0]!r}, which is no option: there are {', '.join(sorted(known))}")
    return {name: {**options, **(document.get(name) or {})} for name in commands} | {
        "lab": {"run": {**options, **(document.get("lab") or {})}}
    }


def _parameters(command: Any) -> Iterator[Any]:
    yield from command.params
    for child in getattr(command, "commands", {}).values():
        yield from child.params


def main() -> None:
    """Run the command line."""
    app()
