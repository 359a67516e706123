"""The command line as a whole: its commands, its config file, its version, and how it ends."""

import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

import anp
from anp.cli import answers, commands, console, fleet, structure, suites, translate
from anp.cli.config import defaults

_SETTINGS = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="anp",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help is read by people and programs alike, and there at once
    pretty_exceptions_enable=False,
    context_settings=_SETTINGS,
    help=(
        "Kubernetes network policies, compiled to nftables.\n\n"
        "Reads AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy and NetworkPolicy from manifests, "
        "says what they mean, compiles them, tries them in a cluster of network namespaces, and enforces them.\n\n"
        "Start with: anp lab run -f testdata/demo. Then ask anp explain about a connection."
    ),
    epilog=(
        "Results go to standard output, everything else to standard error. Options can be set in the environment, "
        "where their help says so, and in a config file.\n\n" + commands.EXIT_CODES
    ),
)
lab = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="A cluster of network namespaces on this machine, to try policies with real packets.",
    short_help="Try policies with real packets.",
)
app.add_typer(lab, name="lab")
translation = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="A firewall's rules as policies, with a proof that they mean the same.",
    short_help="Translate firewalls, with a proof.",
)

app.command("explain", epilog=commands.EXPLAIN_EXAMPLES)(commands.explain_command)
app.command("reach", epilog=answers.REACH_EXAMPLES)(answers.reach_command)
app.command("diff", epilog=answers.DIFF_EXAMPLES)(answers.diff_command)
app.command("lint", epilog=answers.LINT_EXAMPLES)(answers.lint_command)
app.command("graph", epilog=structure.GRAPH_EXAMPLES)(structure.graph_command)
app.command("prove", epilog=structure.PROVE_EXAMPLES)(structure.prove_command)
app.command("test", epilog=answers.TEST_EXAMPLES)(answers.scenario_test_command)
app.command("compile", epilog=commands.COMPILE_EXAMPLES)(commands.compile_command)
lab.command("run", epilog=commands.LAB_RUN_EXAMPLES)(commands.lab_run_command)
app.command("conformance", epilog=suites.CONFORMANCE_EXAMPLES)(suites.conformance_command)
app.add_typer(translation, name="translate")
translation.command("inspect", epilog=translate.INSPECT_EXAMPLES)(translate.inspect_command)
translation.command("suggest", epilog=translate.SUGGEST_EXAMPLES)(translate.suggest_command)
translation.command("convert", epilog=translate.CONVERT_EXAMPLES)(translate.convert_command)
translation.command("prove", epilog=translate.PROVE_EXAMPLES)(translate.prove_command)
translation.command("codes", epilog=translate.CODES_EXAMPLES)(translate.codes_command)
app.command("apply", epilog=commands.APPLY_EXAMPLES)(commands.apply_command)
app.command("run", epilog=commands.RUN_EXAMPLES)(commands.run_command)
app.command("controller", epilog=fleet.CONTROLLER_EXAMPLES)(fleet.controller_command)
app.command("admission", epilog=fleet.ADMISSION_EXAMPLES)(fleet.admission_command)
app.command("agent", epilog=fleet.AGENT_EXAMPLES)(fleet.agent_command)
app.command("status", epilog=fleet.STATUS_EXAMPLES)(fleet.status_command)
app.command("uninstall", epilog=commands.UNINSTALL_EXAMPLES)(commands.uninstall_command)
app.command("crds", epilog=commands.CRDS_EXAMPLES)(commands.crds_command)


def _version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        console.say(f"anp {anp.__version__}")
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
        context.default_map = defaults(config, context.command.commands)  # type: ignore[attr-defined]


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    try:
        code = _run()
        console.flush()
    except console.UnreadError:
        code = console.EXIT_UNREAD
    except console.UnwritableError as error:
        console.complain(str(error))
        code = console.EXIT_CANNOT
    except KeyboardInterrupt:
        code = console.EXIT_INTERRUPTED
    except Exception:  # noqa: BLE001 - a bug must not end with the exit code of an answer
        console.note(traceback.format_exc().rstrip())
        console.complain("this is a bug in anp; please report it, with the lines above")
        code = console.EXIT_BUG
    console.abandon()
    sys.exit(code)


def _run() -> int:
    try:
        app(prog_name="anp")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0
