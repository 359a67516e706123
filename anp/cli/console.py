"""What the commands share: formats, exit codes, and where words go.

Results go to standard output, everything else to standard error. Colour is for terminals only, and NO_COLOR
turns it off there too.
"""

import enum
import json
from collections.abc import Iterable
from typing import Annotated, Any, NoReturn

import typer
import yaml
from rich.console import Console
from rich.markup import escape

from anp.sources.diagnostics import Diagnostic, Severity, printable

EXIT_NO = 1
"""The answer is no: the connection is denied, the lab saw something else than was meant."""
EXIT_BAD_INPUT = 2
"""What was asked or written makes no sense; nothing was done."""
EXIT_CANNOT = 3
"""The machine cannot do it: rights, kernel, libraries; the message says what would help."""

out = Console(highlight=False, soft_wrap=True)
err = Console(highlight=False, soft_wrap=True, stderr=True)

_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}


class Output(enum.StrEnum):
    """How results are written."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


FileOption = Annotated[
    str,
    typer.Option(
        "--file",
        "-f",
        metavar="PATH",
        envvar="ANP_FILE",
        help="Manifests: a directory (searched for *.yaml, *.yml and *.json), one file, or - for standard input.",
    ),
]
OutputOption = Annotated[
    Output, typer.Option("--output", "-o", envvar="ANP_OUTPUT", help="Write for people, or for programs.")
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also tell what is merely worth knowing about the manifests.")
]


def write(document: dict[str, Any], output: Output) -> None:
    """Write a result for programs."""
    if output is Output.YAML:
        typer.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), nl=False)
    else:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def fail(message: str, code: int = EXIT_BAD_INPUT) -> NoReturn:
    """Say why nothing came of it, and end."""
    err.print(f"[bold red]error:[/] {escape(printable(message))}")
    raise typer.Exit(code)


def tell(diagnostics: Iterable[Diagnostic], *, verbose: bool) -> None:
    """Write what there is to say about the manifests, one line each."""
    for found in diagnostics:
        if verbose or found.severity < Severity.INFO:
            err.print(escape(str(found)), style=_STYLE[found.severity])


def progress(text: str) -> None:
    """Say what is being done, to people who are watching."""
    if err.is_terminal:
        err.print(f"[dim]{escape(text)} …[/]")
