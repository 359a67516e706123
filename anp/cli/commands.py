"""The commands: what each takes, does and answers with. Their work is elsewhere.

It is imported when it is asked for: whoever wants help or completion is not to wait for what only the work needs.
"""

import enum
from pathlib import Path
from typing import Annotated

import typer

from anp.cli.console import EXIT_NO
from anp.cli.options import (
    DEFAULT_MASK_TEXT,
    FileOption,
    MaskOption,
    NodeOption,
    Output,
    OutputOption,
    VerboseOption,
)

EXIT_CODES = """\
\b
Exit codes:
  0   yes, or done
  1   the answer is no
  2   bad input: the manifests, the options, the config file
  3   this machine cannot do it: rights, kernel, libraries, disk
"""


class ReleaseChannel(enum.StrEnum):
    """The flavours of the definitions; `anp.api.Channel` for those who cannot wait for it."""

    STANDARD = "standard"
    EXPERIMENTAL = "experimental"


class JudgeName(enum.StrEnum):
    """Who can be asked about scenarios; `anp.conformance.judges` for those who cannot wait for it."""

    PACKETS = "packets"
    TRACED = "traced"
    MEANING = "meaning"


class Family(enum.StrEnum):
    """The address families."""

    IPV4 = "4"
    IPV6 = "6"


def examples(*commands: str) -> str:
    """Make the end of a command's help: how one would call it, and the exit codes."""
    return "\n".join(["\b", "Examples:", *(f"  {command}" for command in commands), "", EXIT_CODES])


COMPILE_EXAMPLES = examples(
    "anp compile -f testdata/demo --node worker-1",
    "anp compile -f testdata/demo --node worker-1 | nft --check -f -",
)


def compile_command(
    file: FileOption,
    node: NodeOption = "",
    mark_mask: MaskOption = DEFAULT_MASK_TEXT,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Print the nft script that enforces the policies on one node.

    The script replaces our table and touches no other. Load it with nft -f, or ask the kernel with nft --check -f
    whether it would take it. Pods and nodes without addresses get some, so that manifests written by hand compile.
    """
    from anp.cli.compilation import print_script  # noqa: PLC0415 - slow

    print_script(file, node, mark_mask, output, verbose=verbose)


EXPLAIN_EXAMPLES = examples(
    "anp explain -f testdata/demo --from shop/web --to bank/ledger --port 5432",
    "anp explain -f testdata/demo --from 203.0.113.7 --to shop/web --port http",
    "anp explain -f testdata/demo --from shop/web --to shop/checkout --protocol icmp",
)


def explain_command(
    file: FileOption,
    source: Annotated[str, typer.Option("--from", metavar="NS/POD|IP", help="Who connects.")],
    destination: Annotated[str, typer.Option("--to", metavar="NS/POD|IP", help="To whom.")],
    port: Annotated[
        str,
        typer.Option(
            "--port", metavar="N|NAME", help="Destination port, or its name in the destination pod; none for icmp."
        ),
    ] = "",
    protocol: Annotated[
        str, typer.Option("--protocol", metavar="PROTOCOL", help="tcp, udp, sctp, or icmp for it and all the rest.")
    ] = "tcp",
    hairpin: Annotated[
        bool, typer.Option("--hairpin", help="A pod's connection to itself was sent back by a Service.")
    ] = False,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Say whether a connection gets through, and why.

    It tells which tiers were asked, which rules were passed over and for what reason, which one decides, and where that
    one was written. Exit code 0 if the connection gets through, 1 if it is denied.
    """
    from anp.cli.explain import print_explanation  # noqa: PLC0415 - slow

    ends = (source, destination)
    if not print_explanation(file, ends, protocol, port, output, hairpin=hairpin, verbose=verbose):
        raise typer.Exit(EXIT_NO)


APPLY_EXAMPLES = examples(
    "anp apply -f policies/ --dry-run",
    "anp apply -f policies/ --node worker-1",
    "kubectl get nodes,pods,namespaces,netpol,cnp -A -o yaml | anp apply -f -",
)


def apply_command(
    file: FileOption,
    node: NodeOption = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the nft commands that would be run, and run none.")
    ] = False,
    mark_mask: MaskOption = DEFAULT_MASK_TEXT,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Enforce the policies on this machine, once.

    That is: in the network namespace that the command runs in. Only what differs from what is installed is written, all
    of it or nothing, so a second time nothing is. Pods must have addresses in the manifests; those without are named
    and not enforced.
    """
    from anp.cli.enforcement import apply  # noqa: PLC0415 - slow

    apply(file, node, mark_mask, output, dry_run=dry_run, verbose=verbose)


RUN_EXAMPLES = examples(
    "anp run -f policies/ --node worker-1",
    "anp --config /etc/anp.yaml run",
)


def run_command(
    file: FileOption,
    node: NodeOption = "",
    mark_mask: MaskOption = DEFAULT_MASK_TEXT,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Enforce the policies on this machine and follow the files.

    An edit is in force within a second. A file with a mistake leaves what it said before in force, and the mistake is
    told; other files go on being followed. It ends by Ctrl-C or SIGTERM, with exit code 0, and the rules stay: anp
    uninstall removes them. With -o json it writes one line for each time that it looked at the files.
    """
    from anp.cli.enforcement import run  # noqa: PLC0415 - slow

    run(file, node, mark_mask, output, verbose=verbose)


UNINSTALL_EXAMPLES = examples("anp uninstall")


def uninstall_command(output: OutputOption = Output.TEXT) -> None:
    """Remove everything of ours from this machine's nftables.

    Nothing else is touched, and traffic is no longer judged. It is fine if there is nothing to remove.
    """
    from anp.cli.enforcement import uninstall  # noqa: PLC0415 - slow

    uninstall(output)


CRDS_EXAMPLES = examples(
    "anp crds --channel standard | kubectl apply --server-side -f -",
    "anp crds --directory crds/",
)


def crds_command(
    channel: Annotated[
        ReleaseChannel, typer.Option("--channel", help="Which release channel.")
    ] = ReleaseChannel.EXPERIMENTAL,
    directory: Annotated[
        Path | None,
        typer.Option("--directory", "-d", metavar="DIR", help="Write a file for each definition there, and name it."),
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Print the CustomResourceDefinitions of the policy kinds."""
    from anp.cli.crds import print_crds, write_crds  # noqa: PLC0415 - slow

    if directory is None:
        print_crds(channel.value, output)
    else:
        write_crds(channel.value, directory, output)


LAB_RUN_EXAMPLES = examples(
    "anp lab run -f testdata/demo",
    "anp lab run -f testdata/demo -o json | jq '.findings[] | select(.agrees | not)'",
)


def lab_run_command(
    file: FileOption,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.05, max=30, help="Seconds of silence that count as a drop.")
    ] = 0.5,
    mark_mask: MaskOption = DEFAULT_MASK_TEXT,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Try the policies with real packets between network namespaces.

    The cluster is built on this machine, a namespace for each pod and node, and its policies are enforced. Then every
    pod calls every port of every other pod, over IPv4 and IPv6. A table shows who got through; where that is not what
    the policies mean, it says so, and the exit code is 1. It works as root, and without where the kernel lets users
    make namespaces. Nothing outside these namespaces is touched, and nothing of them stays.
    """
    from anp.cli.lab import try_all  # noqa: PLC0415 - slow

    if not try_all(file, timeout, mark_mask, output, verbose=verbose):
        raise typer.Exit(EXIT_NO)


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
