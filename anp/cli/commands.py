"""The commands: what each takes, does and answers with. Their work is elsewhere.

It is imported when it is asked for: whoever wants help or completion is not to wait for what only the work needs.
"""

import enum
from pathlib import Path
from typing import Annotated

import typer

from anp.cli.console import EXIT_NO, fail
from anp.cli.options import (
    DEFAULT_MASK_TEXT,
    ContextOption,
    FileOption,
    KubeconfigOption,
    LiveOption,
    MaskOption,
    NodeOption,
    Origin,
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


def examples(*commands: str) -> str:
    """Make the end of a command's help: how one would call it, and the exit codes."""
    return "\n".join(["\b", "Examples:", *(f"  {command}" for command in commands), "", EXIT_CODES])


COMPILE_EXAMPLES = examples(
    "anp compile -f testdata/demo --node worker-1",
    "anp compile -f testdata/demo --node worker-1 | nft --check -f -",
)


def compile_command(
    file: FileOption = "",
    node: NodeOption = "",
    mark_mask: MaskOption = DEFAULT_MASK_TEXT,
    live: LiveOption = False,
    kubeconfig: KubeconfigOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Print the nft script that enforces the policies on one node.

    The script replaces our table and touches no other. Load it with nft -f, or ask the kernel with nft --check -f
    whether it would take it. Pods and nodes of manifests without addresses get some, so that manifests written by hand
    compile.
    """
    from anp.cli.compilation import print_script  # noqa: PLC0415 - slow

    print_script(Origin(file, live, kubeconfig, context), node, mark_mask, output, verbose=verbose)


EXPLAIN_EXAMPLES = examples(
    "anp explain -f testdata/demo --from shop/web --to bank/ledger --port 5432",
    "anp explain -f testdata/demo --from 203.0.113.7 --to shop/web --port http",
    "anp explain -f testdata/demo --from shop/web --to shop/checkout --protocol icmp",
    "anp explain --live --from shop/web --to bank/ledger --port 5432",
)


def explain_command(
    source: Annotated[str, typer.Option("--from", metavar="NS/POD|IP", help="Who connects; NS or NS/GLOB for many.")],
    destination: Annotated[
        str,
        typer.Option("--to", metavar="NS/POD|IP", help="To whom; also NS or NS/GLOB, or 'service NS/NAME[:PORT]'."),
    ],
    file: FileOption = "",
    live: LiveOption = False,
    kubeconfig: KubeconfigOption = "",
    context: ContextOption = "",
    port: Annotated[
        str,
        typer.Option(
            "--port",
            metavar="N|NAME",
            help="Destination port, its name in the destination pod, or any; none for icmp.",
        ),
    ] = "",
    protocol: Annotated[
        str, typer.Option("--protocol", metavar="PROTOCOL", help="tcp, udp, sctp, or icmp for it and all the rest.")
    ] = "tcp",
    hairpin: Annotated[
        bool, typer.Option("--hairpin", help="A pod's connection to itself was sent back by a Service.")
    ] = False,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Also tell the smallest change that would turn the verdict.")
    ] = False,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Say whether a connection gets through, and why.

    It tells which tiers were asked, which rules were passed over and for what reason, which one decides, where that one
    was written, and who would decide without it. For many at once, named by a namespace or a pattern, answers that are
    alike are one. Exit code 0 if the connection gets through, all of them if there are many, 1 if it is denied.
    """
    from anp.cli.explain import print_explanation  # noqa: PLC0415 - slow

    ends = (source, destination)
    asked = (Origin(file, live, kubeconfig, context), ends, protocol, port, output)
    if not print_explanation(*asked, hairpin=hairpin, suggest=suggest, verbose=verbose):
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


NetnsOption = Annotated[
    str,
    typer.Option(
        "--netns",
        metavar="PATH",
        envvar="ANP_NETNS",
        help="The network namespace to enforce in; by default the one that this runs in.",
    ),
]


RUN_EXAMPLES = examples(
    "anp run -f policies/ --node worker-1",
    "anp --config /etc/anp.yaml run",
    "anp run --kubeconfig ~/.kube/config --node worker-1",
)


def run_command(
    file: FileOption = "",
    kubeconfig: Annotated[
        str,
        typer.Option(
            "--kubeconfig", metavar="FILE", envvar="ANP_KUBECONFIG", help="Follow a cluster, reached as FILE says."
        ),
    ] = "",
    in_cluster: Annotated[
        bool, typer.Option("--in-cluster", help="Follow the cluster, as the service account of the pod that this is.")
    ] = False,
    node: NodeOption = "",
    netns: NetnsOption = "",
    mark_mask: MaskOption = DEFAULT_MASK_TEXT,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Enforce the policies on this machine, and follow their changes.

    Name one of --file, --kubeconfig and --in-cluster. With a cluster this is controller and agent in one process: it
    reads what a controller reads and writes nothing there, which is enough for one node. Nothing is changed here before
    all objects of the cluster are known.

    With files, an edit is in force within a second. A file with a mistake leaves what it said before in force, and the
    mistake is told; other files go on being followed. With -o json there is one line for each time that the files were
    looked at.

    It ends by Ctrl-C or SIGTERM, with exit code 0, and the rules stay: anp uninstall removes them.
    """
    from anp.cli.cluster import follow_cluster  # noqa: PLC0415 - slow
    from anp.cli.enforcement import run  # noqa: PLC0415 - slow

    if [bool(file), bool(kubeconfig), in_cluster].count(True) != 1:
        fail("name one of --file, --kubeconfig and --in-cluster")
    if file:
        run(file, node, mark_mask, output, netns, verbose=verbose)
    else:
        follow_cluster(kubeconfig, node, mark_mask, output, netns)


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
