"""Options that several commands share. Nothing here is slow to import."""

import enum
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
