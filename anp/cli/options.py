"""Options and conversions that several commands share."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from anp.analysis.ends import UnknownEndError
from anp.analysis.explanation import NoCommonFamilyError
from anp.cli.console import EXIT_CANNOT, fail
from anp.lab.errors import LabError
from compiler.marks import DEFAULT_MASK, MarkLayout, TooManyClassesError
from enforcer.errors import EnforcerError

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
        help="Bits of the packet mark that are ours while a packet is judged; they must be next to each other.",
    ),
]
DEFAULT_MASK_TEXT = f"{DEFAULT_MASK:#010x}"


@contextmanager
def told() -> Iterator[None]:
    """Turn what the layers below raise into a message and an exit code."""
    try:
        yield
    except (UnknownEndError, NoCommonFamilyError) as error:
        fail(str(error))
    except (TooManyClassesError, EnforcerError, LabError) as error:
        fail(str(error), EXIT_CANNOT)


def layout_or_exit(mask: str) -> MarkLayout:
    """Read a mark mask."""
    try:
        return MarkLayout(int(mask, 0))
    except ValueError as error:
        fail(f"--mark-mask {mask}: {error}")
