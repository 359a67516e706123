"""Commands that answer questions about policies from the code that enforces them: what each takes and answers with.

As `anp.cli.commands`, it imports what the work needs only when there is work.
"""

import enum
from pathlib import Path
from typing import Annotated

import typer

from anp.cli.commands import examples
from anp.cli.console import EXIT_NO
from anp.cli.options import (
    AppliedOption,
    ContextOption,
    FileOption,
    KubeconfigOption,
    LiveOldOption,
    LiveOption,
    LiveTestOption,
    Origin,
    Output,
    OutputOption,
    VerboseOption,
)

DIFF_EXAMPLES = examples(
    "anp diff policies-before/ policies/",
    "anp diff --git origin/main policies/",
    "anp diff --policies-only old/ new/ -o json",
    "anp diff --live policies/",
    "anp diff --live --prune all-policies/",
)


def diff_command(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="OLD NEW",
            help="Manifests before and after; with --git, one path, or none; with --live, what would be applied.",
            show_default=False,
        ),
    ] = None,
    git: Annotated[
        str, typer.Option("--git", metavar="REV", help="Compare the path with what it was in this git revision.")
    ] = "",
    policies_only: Annotated[
        bool,
        typer.Option("--policies-only", help="Compare both sets of policies on the new cluster's pods and nodes."),
    ] = False,
    live: LiveOldOption = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="With --live: policies of the cluster that the path does not have would be gone."),
    ] = False,
    kubeconfig: KubeconfigOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Say what a change of manifests changes in meaning.

    It names the flows that are lost and gained, by workload and port, with the rules that decide before and after, and
    an example of each. No flow is tried: what is not named is proven to be the same. Exit code 0 if nothing changes in
    meaning, 1 if something does.

    With --live, OLD is a running cluster, and NEW the same cluster as if the path had been applied to it: its objects
    replace those of their kind, namespace and name, or are added, and all others stay, other policies too. Pods, nodes
    and namespaces that the path does not have are those of the cluster, and objects keep the addresses that the cluster
    has given them. With --prune the path is meant to have all policies, of every kind and namespace: what it does not
    have is gone. Nothing is changed in the cluster.
    """
    from anp.cli.diff import print_difference, sides_or_exit  # noqa: PLC0415 - slow

    sides = sides_or_exit(paths or [], git, Origin(live=live, kubeconfig=kubeconfig, context=context), prune=prune)
    if not print_difference(sides, output, policies_only=policies_only, verbose=verbose):
        raise typer.Exit(EXIT_NO)


LINT_EXAMPLES = examples(
    "anp lint -f testdata/demo",
    "anp lint -f testdata/demo --severity info --select ANP1",
    "anp lint -f policies/ --sarif lint.sarif --junit lint.xml --fail-on error",
    "anp lint --explain ANP101",
)


class Level(enum.StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class FailOn(enum.StrEnum):
    """From which findings on the answer is no."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


def lint_command(
    file: FileOption = "",
    live: LiveOption = False,
    kubeconfig: KubeconfigOption = "",
    context: ContextOption = "",
    select: Annotated[
        list[str] | None,
        typer.Option("--select", metavar="CODE", help="Only codes that begin so; repeatable."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="CODE", help="No codes that begin so; repeatable.")
    ] = None,
    severity: Annotated[
        Level, typer.Option("--severity", help="Tell findings of this severity and worse ones.")
    ] = Level.WARNING,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="Exit with 1 on findings of this severity and worse ones.")
    ] = FailOn.WARNING,
    explain: Annotated[
        str, typer.Option("--explain", metavar="CODE", help="Say what a code means, with an example; no manifests.")
    ] = "",
    sarif: Annotated[
        Path | None, typer.Option("--sarif", metavar="FILE", help="Write SARIF there, for code hosts.")
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML there.")] = None,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Find what policies say and probably do not mean.

    Rules that never decide anything, priorities that leave the order open, selectors that select nobody, port names
    that nobody knows, what one end accepts and the other denies. Each finding has a code, a place and, where that
    helps, a packet to show it. A comment `# anp-lint: ignore CODE reason` on the line, above it, or above the object
    suppresses one; so does an annotation `anp-lint/ignore: CODE reason` of the object, in a running cluster too. Exit
    code 0 if nothing was found, 1 if something was.
    """
    from anp.cli.lint import Asked, print_check, print_findings  # noqa: PLC0415 - slow

    if explain:
        print_check(explain, output)
        return
    codes = (tuple(select or ()), tuple(ignore or ()))
    origin = Origin(file, live, kubeconfig, context)
    if not print_findings(origin, Asked(*codes, severity.value, fail_on.value, output, sarif, junit), verbose=verbose):
        raise typer.Exit(EXIT_NO)


class Grouping(enum.StrEnum):
    """Into what pods are put together; `anp.analysis.reach.By` for those who cannot wait for it."""

    NAMESPACE = "namespace"
    WORKLOAD = "workload"
    POD = "pod"


REACH_EXAMPLES = examples(
    "anp reach -f testdata/demo",
    "anp reach -f testdata/demo --by workload --to bank --port 5432",
    "anp reach -f testdata/demo --html report.html",
)


def reach_command(
    file: FileOption = "",
    live: LiveOption = False,
    kubeconfig: KubeconfigOption = "",
    context: ContextOption = "",
    by: Annotated[
        Grouping, typer.Option("--by", help="Into what pods are put together: a row and a column for each.")
    ] = Grouping.NAMESPACE,
    source: Annotated[
        str, typer.Option("--from", metavar="NS|NS/NAME", help="Only from these pods or workloads; globs.")
    ] = "",
    destination: Annotated[
        str, typer.Option("--to", metavar="NS|NS/NAME", help="Only to these pods or workloads; globs.")
    ] = "",
    port: Annotated[str, typer.Option("--port", metavar="N", help="Only about this destination port.")] = "",
    protocol: Annotated[
        str,
        typer.Option(
            "--protocol",
            metavar="PROTOCOL",
            help="Only about tcp, udp, sctp or icmp; by default any, or tcp with a port.",
        ),
    ] = "",
    flat: Annotated[bool, typer.Option("--list", help="Print a list of who reaches whom instead of a table.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Also write a report there that browsers show without a network."),
    ] = None,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Say who can talk to whom, for all pods at once.

    Each cell says whether everything gets through, nothing, or some, and which ports then. It is computed for every
    port and every pair of addresses, none of which is tried. Nodes and the world outside have a row and a column of
    their own, unless --from or --to choose pods.
    """
    from anp.analysis.reach import By  # noqa: PLC0415 - slow
    from anp.cli.reach import Question, print_reach  # noqa: PLC0415 - slow

    question = Question(By(by.value), source, destination, port, protocol or ("tcp" if port else "any"))
    print_reach(Origin(file, live, kubeconfig, context), question, output, html, flat=flat, verbose=verbose)


TEST_EXAMPLES = examples(
    "anp test tests/reachability.yaml",
    "anp test tests/ --junit junit.xml",
    "anp test tests/ --lab",
    "anp test tests/ --live",
    "anp test tests/ --live --file policies/",
)


def scenario_test_command(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files of expected reachability, or directories of them.")
    ],
    lab: Annotated[
        bool, typer.Option("--lab", help="Ask real packets between network namespaces as well, not the code alone.")
    ] = False,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML there.")] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.05, max=30, help="Seconds of silence that count as a drop in the lab.")
    ] = 0.5,
    live: LiveTestOption = False,
    file: AppliedOption = "",
    kubeconfig: KubeconfigOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Check who reaches whom against what you expect.

    Expectations are pictures of who reaches whom, next to the manifests that they are about. They are put to the
    meaning of the policies and to the compiled rules, packet by packet, which takes milliseconds; with --lab to real
    packets too. What is not as expected is told with the rule that decides. Exit code 0 if all is as expected, 1 if
    anything is not.

    With --live they are about a running cluster: its pods, namespaces and policies are read in the place of what the
    files name under include and objects. A name is that of a pod, or of a workload such as a Deployment, all of whose
    pods are asked. Steps are asked up to the first that changes something.
    """
    from anp.cli.scenario_test import Trial, try_files  # noqa: PLC0415 - slow

    origin = Origin(file, live, kubeconfig, context)
    if not try_files(files, Trial(lab, junit, timeout, origin, verbose), output):
        raise typer.Exit(EXIT_NO)
