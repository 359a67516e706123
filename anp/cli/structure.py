"""Commands about how policies hang together, and whether the kernel holds what they mean: what each takes.

As `anp.cli.commands`, it imports what the work needs only when there is work.
"""

import enum
from pathlib import Path
from typing import Annotated

import typer

from anp.cli.commands import examples
from anp.cli.console import EXIT_NO
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

PROVE_EXAMPLES = examples(
    "anp prove -f policies/ --node worker-1",
    "nft -j list ruleset > rules.json; anp prove -f policies/ --node worker-1 --ruleset rules.json",
    "anp prove --live --node worker-1 -o json",
)


def prove_command(
    file: FileOption = "",
    node: NodeOption = "",
    ruleset: Annotated[
        Path | None,
        typer.Option(
            "--ruleset",
            metavar="FILE",
            help="Rules saved with `nft -j list ruleset`, instead of those that are installed here.",
        ),
    ] = None,
    live: LiveOption = False,
    kubeconfig: KubeconfigOption = "",
    context: ContextOption = "",
    mark_mask: MaskOption = DEFAULT_MASK_TEXT,
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Prove that the nftables rules of a node do what the policies mean.

    It reads the rules that the kernel lists, however they came there, and compares what they do with what the policies
    mean: for every address, port and protocol at once, with no packet tried. Where the two differ it names the
    packets, an example, the policy that should decide, and the element, rule or chain that is wrong. What is proven is
    our own table; chains of others at the same hooks are named. Exit code 0 if all is as meant, 1 if anything differs,
    2 if what was asked makes no sense, 3 if the rules cannot be read or say something whose meaning is not known.
    """
    from anp.cli.prove import Asked, print_proof  # noqa: PLC0415 - slow

    asked = Asked(Origin(file, live, kubeconfig, context), node, ruleset, mark_mask)
    if not print_proof(asked, output, verbose=verbose):
        raise typer.Exit(EXIT_NO)


class Form(enum.StrEnum):
    """What a graph is written as."""

    SVG = "svg"
    DOT = "dot"
    MERMAID = "mermaid"


class Level(enum.StrEnum):
    """How much is drawn, or as much as people can look at."""

    POLICIES = "policies"
    RULES = "rules"
    PROGRAMS = "programs"
    FITTING = "fitting"


GRAPH_EXAMPLES = examples(
    "anp graph -f testdata/demo --out policies.svg",
    "anp graph -f testdata/demo --about Admin --detail rules --format mermaid",
    "anp graph --live --format dot | dot -Tpdf > policies.pdf",
)


def graph_command(
    file: FileOption = "",
    form: Annotated[Form, typer.Option("--format", help="An image, or text for Graphviz or Mermaid.")] = Form.SVG,
    about: Annotated[
        str,
        typer.Option(
            "--about",
            metavar="TIER|POLICY|NAMESPACE",
            help="Only a tier, a policy (NAME or NAMESPACE/NAME) or a namespace, with all that it has to do with.",
        ),
    ] = "",
    detail: Annotated[
        Level,
        typer.Option("--detail", help="Policies only, their rules too, or programs and classes as well; or what fits."),
    ] = Level.FITTING,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it there.")] = None,
    live: LiveOption = False,
    kubeconfig: KubeconfigOption = "",
    context: ContextOption = "",
    output: OutputOption = Output.TEXT,
    verbose: VerboseOption = False,
) -> None:
    """Draw how policies hang together.

    Tiers from top to bottom, policies with their rules, and what depends on what: an edge leads from a rule to a later
    one where they meet and disagree, so that their order matters, and a dashed one to a rule that never decides,
    because others take all that it matches. Below are the programs that are compiled of them, and the classes of
    addresses that these tell apart.
    """
    from anp.cli.graph import Asked, print_graph  # noqa: PLC0415 - slow

    level = "" if detail is Level.FITTING else detail.value
    print_graph(Asked(Origin(file, live, kubeconfig, context), form.value, about, level, out), output, verbose=verbose)
