"""Commands that translate firewalls: what each takes and answers with.

As `anp.cli.commands`, it imports what the work needs only when there is work.
"""

import enum
from pathlib import Path
from typing import Annotated

import typer

from anp.cli.commands import examples
from anp.cli.console import EXIT_NO
from anp.cli.options import (
    ContextOption,
    FileOption,
    KubeconfigOption,
    LiveOption,
    Origin,
    Output,
    OutputOption,
    VerboseOption,
)

SourceArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...", help="The firewall's rules as it prints or exports them; - for standard input."
    ),
]
LanguageOption = Annotated[
    str,
    typer.Option("--from", metavar="LANGUAGE", help="What the source is written in; by default it is recognised."),
]
ListOption = Annotated[
    list[str] | None,
    typer.Option("--list", metavar="NAME", help="The chain, ACL or section to translate, of several; repeatable."),
]
SeriesOption = Annotated[
    bool,
    typer.Option("--in-series", help="Several sources stand one behind the other: packets have to pass all of them."),
]
SkipOption = Annotated[
    bool,
    typer.Option(
        "--skip-unreadable", help="Go on where lines of the source cannot be read, as if they were not there."
    ),
]
MapOption = Annotated[
    str,
    typer.Option(
        "--map", metavar="FILE", envvar="ANP_MAP", help="The mapping: which addresses are which workloads; - for stdin."
    ),
]
ReportOption = Annotated[
    list[Path] | None,
    typer.Option("--report", metavar="FILE", help="Also write the report there, as .md, .html or .json; repeatable."),
]


class TargetChoice(enum.StrEnum):
    """Kinds of policies; `anp.firewall.convert.model.Target` for those who cannot wait for it."""

    CNP = "cnp"
    ANP = "anp"


class ProfileChoice(enum.StrEnum):
    """What the target takes, as `anp.firewall.convert.profiles` knows it."""

    UPSTREAM = "upstream"
    ANP = "anp"
    OVN_K = "ovn-k"


class ClosureChoice(enum.StrEnum):
    """What to make of conditions, as `anp.firewall.convert.model.Closure`."""

    STRICT = "strict"
    PERMISSIVE = "permissive"


class TailChoice(enum.StrEnum):
    """Where the rest is denied, as `anp.firewall.convert.model.Tail`."""

    DENY = "deny"
    BASELINE = "baseline"


INSPECT_EXAMPLES = examples(
    "anp translate inspect rules.v4",
    "iptables-save | anp translate inspect -",
    "anp translate inspect dc-asa.cfg --list OUTSIDE_IN --report inspect.html",
)


def inspect_command(
    sources: SourceArgument,
    language: LanguageOption = "",
    lists: ListOption = None,
    in_series: SeriesOption = False,
    mapping: MapOption = "",
    reports: ReportOption = None,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Say what is in a firewall and what of it cannot be policies.

    Every statement of the source is accounted for: which become rules, which change nothing, which stay on the
    firewall and which no policy can say, with line and code. Nothing is written but reports, and no mapping is needed;
    if there is one, the groups that it names have addresses.
    """
    from anp.cli.translation import Asked, print_inspection  # noqa: PLC0415 - slow

    asked = Asked(tuple(sources), language, tuple(lists or ()), in_series=in_series, skip_unreadable=True)
    print_inspection(asked, mapping, tuple(reports or ()), output, verbose=verbose)


SUGGEST_EXAMPLES = examples(
    "anp translate suggest rules.v4 -f manifests/ --out map.yaml",
    "anp translate suggest dc-asa.cfg --live --hosts cmdb.csv > map.yaml",
)


def suggest_command(
    sources: SourceArgument,
    language: LanguageOption = "",
    lists: ListOption = None,
    in_series: SeriesOption = False,
    file: FileOption = "",
    live: LiveOption = False,
    kubeconfig: KubeconfigOption = "",
    context: ContextOption = "",
    hosts: Annotated[
        str, typer.Option("--hosts", metavar="CSV", help="A list of hosts: addresses, names and perhaps labels.")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the draft there; a file that is there stays as it is."),
    ] = None,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Draft the mapping from addresses to workloads.

    From pods, Services and nodes of manifests or of a running cluster, from a list of hosts, and from what the firewall
    calls its addresses. Each entry says how sure it is and why: look at all of them. Nothing is looked up in DNS.
    """
    from anp.cli.translation import Asked  # noqa: PLC0415 - slow
    from anp.cli.translation_draft import print_draft  # noqa: PLC0415 - slow

    asked = Asked(tuple(sources), language, tuple(lists or ()), in_series=in_series, skip_unreadable=True)
    print_draft(asked, Origin(file, live, kubeconfig, context), hosts, out, output, verbose=verbose)


CONVERT_EXAMPLES = examples(
    "anp translate convert rules.v4 --map map.yaml --out policies/ --report report.html",
    "anp translate convert rules.v4 rules.v6 --map map.yaml --out policies/ --infra-allow dns --dry-run",
    "anp translate convert old-policies/ --from anp --out policies/",
)


def convert_command(
    sources: SourceArgument,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where the policies go; it has only files of ours, or is new.")
    ],
    mapping: MapOption = "",
    language: LanguageOption = "",
    lists: ListOption = None,
    in_series: SeriesOption = False,
    skip_unreadable: SkipOption = False,
    target: Annotated[
        TargetChoice, typer.Option("--target", help="ClusterNetworkPolicies, or AdminNetworkPolicies.")
    ] = TargetChoice.CNP,
    profile: Annotated[
        ProfileChoice, typer.Option("--profile", help="Whose limits to keep: priorities, rules, peers.")
    ] = ProfileChoice.UPSTREAM,
    approx: Annotated[
        ClosureChoice,
        typer.Option(
            "--approx",
            help="A rule with a condition that policies lack: strict never permits what the firewall may deny; "
            "permissive never denies what it may permit.",
        ),
    ] = ClosureChoice.STRICT,
    tail: Annotated[
        TailChoice,
        typer.Option(
            "--tail", help="What no rule permits: denied where nobody can open it, or where a namespace's owner can."
        ),
    ] = TailChoice.DENY,
    infrastructure: Annotated[
        str,
        typer.Option(
            "--infra-allow",
            metavar="dns,api,metrics",
            help="Accept such traffic of the cluster's own, which never crossed the firewall, in rules of its own.",
        ),
    ] = "",
    accept_guesses: Annotated[
        bool, typer.Option("--accept-guesses", help="Use entries of the mapping that are marked as guesses.")
    ] = False,
    prefix: Annotated[str, typer.Option("--prefix", metavar="NAME", help="How names of policies begin.")] = "fw",
    priority: Annotated[
        int | None,
        typer.Option("--priority", metavar="N", help="The priority of the first policies.", show_default=False),
    ] = None,
    unique_priorities: Annotated[
        bool,
        typer.Option("--unique-priorities", help="Give no two policies of a workload one priority, where it is split."),
    ] = False,
    prove: Annotated[
        bool, typer.Option("--prove/--no-prove", help="Prove that what was written means what the firewall means.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change in the directory, and write nothing there.")
    ] = False,
    reports: ReportOption = None,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Translate a firewall into policies, and prove that they mean it.

    Writes a file for each workload, and what no policy can say as comments under _manual/. Then it reads back what it
    wrote and compares that with the firewall, exactly: every address, port and protocol, and every pod that there can
    be. Differences are told with the rule, a packet and the reason. If there are errors, nothing is written.

    With --from anp, SOURCE has AdminNetworkPolicies and BaselineAdminNetworkPolicies, and they become
    ClusterNetworkPolicies with the same meaning. Exit code 0 if all is equal or explained, 1 if there are differences
    that nothing explains.
    """
    from anp.cli.translation import Asked, Wanted, print_conversion  # noqa: PLC0415 - slow

    asked = Asked(tuple(sources), language, tuple(lists or ()), in_series=in_series, skip_unreadable=skip_unreadable)
    wanted = Wanted(
        out,
        target.value,
        profile.value,
        approx.value,
        tail.value,
        infrastructure,
        prefix,
        priority,
        accept_guesses=accept_guesses,
        unique_priorities=unique_priorities,
        prove=prove,
        dry_run=dry_run,
    )
    if not print_conversion(asked, mapping, wanted, tuple(reports or ()), output, verbose=verbose):
        raise typer.Exit(EXIT_NO)


PROVE_EXAMPLES = examples(
    "anp translate prove rules.v4 --map map.yaml -f policies/",
    "anp translate prove dc-asa.cfg --map map.yaml --live -o json",
)


def prove_command(
    sources: SourceArgument,
    mapping: MapOption = "",
    file: FileOption = "",
    live: LiveOption = False,
    kubeconfig: KubeconfigOption = "",
    context: ContextOption = "",
    language: LanguageOption = "",
    lists: ListOption = None,
    in_series: SeriesOption = False,
    skip_unreadable: SkipOption = False,
    infrastructure: Annotated[
        str,
        typer.Option(
            "--infra-allow",
            metavar="dns,api,metrics",
            help="Such traffic of the cluster's own may be accepted, as convert was told.",
        ),
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="Tell so many differences; a document has all.")
    ] = 40,
    reports: ReportOption = None,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Prove that policies mean what a firewall means.

    The policies may be anybody's: those of manifests, or of a running cluster. They are compared with the firewall for
    every address, port and protocol, and for every pod that there can be with the labels that mapping and policies
    speak of. Exit code 0 if they are equal or each difference is explained, 1 if not.
    """
    from anp.cli.translation import Asked, print_proof  # noqa: PLC0415 - slow

    asked = Asked(tuple(sources), language, tuple(lists or ()), in_series=in_series, skip_unreadable=skip_unreadable)
    origin = Origin(file, live, kubeconfig, context)
    given = (asked, mapping, origin, infrastructure, tuple(reports or ()), output)
    if not print_proof(*given, limit=limit, verbose=verbose):
        raise typer.Exit(EXIT_NO)


CODES_EXAMPLES = examples("anp translate codes", "anp translate codes FW143")


def codes_command(
    code: Annotated[
        str, typer.Argument(metavar="[CODE]", help="A code such as FW143; by default all.", show_default=False)
    ] = "",
    output: OutputOption = Output.TEXT,
) -> None:
    """Say what the codes of a report mean, and the way out."""
    from anp.cli.translation_codes import print_codes  # noqa: PLC0415 - slow

    print_codes(code, output)
