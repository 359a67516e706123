"""The command that plays conformance suites: what it takes and answers with.

As `anp.cli.commands`, it imports what the work needs only when there is work.
"""

import enum
from pathlib import Path
from typing import Annotated

import typer

from anp.cli.commands import examples
from anp.cli.console import EXIT_NO
from anp.cli.options import Output, OutputOption


class JudgeName(enum.StrEnum):
    """Who can be asked about scenarios; `anp.conformance.judges` for those who cannot wait for it."""

    PACKETS = "packets"
    TRACED = "traced"
    MEANING = "meaning"


class Family(enum.StrEnum):
    """The address families."""

    IPV4 = "4"
    IPV6 = "6"


CONFORMANCE_EXAMPLES = examples(
    "anp conformance",
    "anp conformance --suite cluster-network-policy --report report.yaml --junit junit.xml",
    "anp conformance --suite network-policy --test 'default-deny*' --family 4",
    "anp conformance --judge meaning --list",
)


def conformance_command(
    suite: Annotated[
        list[str] | None,
        typer.Option("--suite", metavar="NAME", help="Only this suite; repeatable; `all` is every one."),
    ] = None,
    feature: Annotated[
        list[str] | None, typer.Option("--feature", metavar="NAME", help="Only tests about this feature; repeatable.")
    ] = None,
    test: Annotated[
        list[str] | None,
        typer.Option("--test", metavar="GLOB", help="Only tests of this name, or SUITE/NAME; repeatable."),
    ] = None,
    step: Annotated[
        list[str] | None,
        typer.Option(
            "--step", metavar="GLOB", help="Ask only in steps of this name; all changes are made still; repeatable."
        ),
    ] = None,
    family: Annotated[
        list[Family] | None,
        typer.Option("--family", metavar="4|6", help="Only this address family; repeatable; both by default."),
    ] = None,
    judge: Annotated[
        JudgeName,
        typer.Option(
            "--judge",
            help="Who answers: real packets, rulesets traced packet by packet, or the meaning of the policies.",
        ),
    ] = JudgeName.PACKETS,
    scenarios: Annotated[
        Path | None,
        typer.Option(
            "--scenarios",
            metavar="DIR",
            help="A directory with a folder for each suite; by default the checkout's own.",
        ),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="Only list the tests that are chosen.")] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write upstream's ConformanceReport about its suites there."),
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML there.")] = None,
    organization: Annotated[str, typer.Option("--organization", metavar="TEXT", help="For the report: who.")] = "anp",
    project: Annotated[str, typer.Option("--project", metavar="TEXT", help="For the report: of what.")] = "anp",
    project_url: Annotated[str, typer.Option("--url", metavar="TEXT", help="For the report: where it is found.")] = "",
    project_version: Annotated[
        str, typer.Option("--project-version", metavar="TEXT", help="For the report; by default that of anp.")
    ] = "",
    contact: Annotated[
        str, typer.Option("--contact", metavar="TEXT", help="For the report: whom to ask, separated by commas.")
    ] = "",
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.05, max=30, help="Seconds of silence that count as a drop.")
    ] = 0.5,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=16, help="How many labs at once, each in a process of its own.")
    ] = 2,
    output: OutputOption = Output.TEXT,
) -> None:
    """Run the conformance suites, with real packets.

    Suites are upstream's, written down as clusters that change step by step with a picture of who reaches whom after
    each, and our own. Each test is played in a lab as anp lab run builds one; what went otherwise than expected is told
    with the rule that decides. Exit code 0 if every probe passed, 1 if any failed. It works as root, and without where
    the kernel lets users make namespaces; judges without packets need nothing.
    """
    from anp.cli.conformance import Request, Told, try_suites  # noqa: PLC0415 - slow
    from anp.conformance.selection import Choice  # noqa: PLC0415 - slow
    from compiler.addresses import VERSIONS  # noqa: PLC0415 - slow

    families = tuple(version for version in VERSIONS if str(version) in (family or list(Family)))
    choice = Choice(tuple(suite or ()), tuple(feature or ()), tuple(test or ()), tuple(step or ()), families)
    about = (organization, project, project_url, project_version, contact)
    request = Request(choice, judge.value, scenarios, timeout, workers, listing=listing)
    if not try_suites(request, Told(output, report, junit, about)):
        raise typer.Exit(EXIT_NO)
