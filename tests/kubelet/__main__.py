"""Run a virtual kubelet by hand: `python -m tests.kubelet --kubeconfig FILE --agnhost FILE`, until it is interrupted.

It makes network namespaces, so it has to run as root or under `scripts/private`, next to the API server.
"""

import logging
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from tests.kubelet.building import streams_program
from tests.kubelet.errors import KubeletError
from tests.kubelet.kubelet import Hold, Settings, VirtualKubelet
from tests.kubelet.streams import CLIENT, Access, Question


def run(  # noqa: PLR0917  typer passes them by name
    kubeconfig: Annotated[Path | None, typer.Option(help="Whose rights to use.")] = None,
    nodes: Annotated[int, typer.Option(help="How many nodes, called node-1 and so on.")] = 2,
    hollow: Annotated[int, typer.Option(help="How many nodes whose pods run nothing, called hollow-1 and so on.")] = 0,
    families: Annotated[str, typer.Option(help="4, 6, 46 or 64: the preferred IP version first.")] = "46",
    agnhost: Annotated[Path | None, typer.Option(help="The program that containers run.")] = None,
    client_ca: Annotated[Path | None, typer.Option(help="Who signs the API server's certificate for kubelets.")] = None,
    client_name: Annotated[str, typer.Option(help="The name in that certificate.")] = CLIENT,
    cert: Annotated[Path | None, typer.Option(help="What to serve exec with; without, nobody can verify it.")] = None,
    key: Annotated[Path | None, typer.Option(help="The key of that certificate.")] = None,
    connect_timeout: Annotated[str, typer.Option(help="What a connection may wait at most, such as 1s.")] = "",
    hold_command: Annotated[str, typer.Option(help="Run this before every exec; it has to succeed.")] = "",
    build: Annotated[bool, typer.Option("--build", help="Only build what has to be built.")] = False,  # noqa: FBT002
) -> None:
    """Run pods of a real API server as network namespaces."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    if build:
        sys.stdout.write(f"{streams_program()}\n")
        return
    if kubeconfig is None:
        raise typer.BadParameter("say whose rights to use", param_hint="--kubeconfig")
    settings = Settings(
        nodes=tuple(f"node-{number}" for number in range(1, nodes + 1)),
        hollow=tuple(f"hollow-{number}" for number in range(1, hollow + 1)),
        families=tuple(map(int, families)),
        agnhost=agnhost,
        access=None if client_ca is None else Access(client_ca, (client_name,), cert, key),
        longest_connect=connect_timeout,
        hold=_hold(shlex.split(hold_command)) if hold_command else None,
    )
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with VirtualKubelet(kubeconfig, settings) as kubelet:
        for node in settings.nodes:
            sys.stdout.write(f"{node}: {kubelet.namespace_path(node)}\n")
        sys.stdout.flush()
        ended.wait()


def _hold(command: list[str]) -> Hold:
    def hold(_question: Question) -> None:
        if (code := subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode) != 0:
            raise KubeletError(f"{command[0]} does not let this be executed: exit status {code}")

    return hold


if __name__ == "__main__":
    typer.run(run)
