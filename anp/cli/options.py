"""Options that several commands share. Nothing here is slow to import."""

import enum
from dataclasses import dataclass
from typing import Annotated

import typer


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


def _about_live(context: typer.Context, parameter: typer.CallbackParam, value: str) -> str:
    """Refuse an option of --live without it; what the environment or a config file says is for other commands too."""
    source = context.get_parameter_source(parameter.name or "")
    if value and source is not None and source.name == "COMMANDLINE" and not context.params.get("live"):
        raise typer.BadParameter("it is about a running cluster; add --live")
    return value


LiveOption = Annotated[
    bool,
    typer.Option(
        "--live",
        envvar="ANP_LIVE",
        is_eager=True,
        help="Read a running cluster, without changing anything there; with --file, as if that were applied to it.",
    ),
]
LiveOldOption = Annotated[
    bool,
    typer.Option(
        "--live",
        envvar="ANP_LIVE",
        is_eager=True,
        help="Compare a running cluster with what it would be if the path were applied; nothing is changed there.",
    ),
]
LiveTestOption = Annotated[
    bool,
    typer.Option(
        "--live",
        envvar="ANP_LIVE",
        is_eager=True,
        help="Ask a running cluster, in the place of the manifests that the files name; nothing is changed there.",
    ),
]
KubeconfigOption = Annotated[
    str,
    typer.Option(
        "--kubeconfig",
        metavar="FILE",
        envvar="ANP_KUBECONFIG",
        callback=_about_live,
        help="How to reach the cluster; by default $KUBECONFIG, ~/.kube/config, or what a pod is given.",
    ),
]
ContextOption = Annotated[
    str,
    typer.Option(
        "--context",
        metavar="NAME",
        envvar="ANP_CONTEXT",
        callback=_about_live,
        help="Which context of the kubeconfig; by default its current one.",
    ),
]


AppliedOption = Annotated[
    str,
    typer.Option(
        "--file",
        "-f",
        metavar="PATH",
        callback=_about_live,
        help="With --live: manifests, as if they were applied to the cluster.",
    ),
]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a command's cluster comes from: manifests, a running cluster, or one as if the other were applied to it."""

    file: str = ""
    live: bool = False
    kubeconfig: str = ""
    context: str = ""


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", envvar="ANP_OUTPUT", help="Write for people, or a document for programs.")
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also tell what is merely worth knowing about the manifests.")
]
NodeOption = Annotated[
    str,
    typer.Option(
        "--node",
        metavar="NAME",
        envvar="ANP_NODE",
        help="The node, as the manifests call it; by default this host's name.",
    ),
]
MaskOption = Annotated[
    str,
    typer.Option(
        "--mark-mask",
        metavar="MASK",
        envvar="ANP_MARK_MASK",
        help="Bits of the packet mark that are ours while a packet is judged, all next to each other.",
    ),
]
DEFAULT_MASK_TEXT = "0xffff0000"
"""What `compiler.marks.DEFAULT_MASK` is; a test holds the two together, so that this module need not import it."""
