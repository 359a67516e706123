"""The work of `anp crds`."""

from pathlib import Path
from typing import Any

from anp.api.admission import Channel
from anp.api.crds import crd_yaml, crds
from anp.cli import console
from anp.cli.options import Output
from anp.sources.diagnostics import printable


def print_crds(channel: str, output: Output) -> None:
    """Print the definitions as YAML to be read and applied; as a document, in one list."""
    documents = crds(Channel(channel))
    if output is Output.TEXT:
        console.raw("---\n".join(crd_yaml(document) for document in documents))
    else:
        console.document({"apiVersion": "v1", "kind": "List", "items": documents}, output)


def write_crds(channel: str, directory: Path, output: Output) -> None:
    """Write each definition to a file of its own, named as in the checked-in ones, and print their paths."""
    written: list[str] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for document in crds(Channel(channel)):
            spec = document["spec"]
            path = directory / f"{spec['group']}_{spec['names']['plural']}.yaml"
            path.write_text(crd_yaml(document), encoding="utf-8")
            written.append(str(path))
    except OSError as error:
        console.fail(f"cannot write to {directory}: {error.strerror}", console.EXIT_CANNOT)
    if output is Output.TEXT:
        for name in written:
            console.say(printable(name))
        return
    said: dict[str, Any] = {"kind": "Files", "version": 1, "files": written}
    console.document(said, output)
