"""The server for exec: a Go program that speaks the kubelet's streaming protocol and asks us what to run."""

import json
import logging
import os
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeAlias

from tests.kubelet.connect import Said
from tests.kubelet.documents import LOOPBACK
from tests.kubelet.errors import KubeletError

_LOG = logging.getLogger(__name__)
_LARGEST = 1 << 20

CLIENT = "kube-apiserver-kubelet-client"
"""What API servers are usually called in the certificate that they show to kubelets."""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to be executed, and where; an empty `uid` is any pod of that name."""

    namespace: str
    pod: str
    uid: str
    container: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Run this program in the network namespace behind a descriptor, which whoever passes this on closes."""

    descriptor: int
    program: Path
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


Answerer: TypeAlias = Callable[[Question], Run | Said]
"""Says what to do; raises KubeletError with the reason where nothing can be done."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may execute commands: clients with a certificate of this authority and one of these names.

    Without a certificate to serve with, the server makes one for itself, which nobody can verify.
    """

    authority: Path
    names: tuple[str, ...] = (CLIENT,)
    certificate: Path | None = None
    key: Path | None = None


class Streams:
    """The server while it runs, on `port` of loopback; a context manager.

    Args:
        program: The Go program.
        access: Who may execute commands.
        folder: A folder that nobody else may enter; the two processes meet in it, and the log is there.
        answer: Says what to do; it is called in many threads.

    """

    def __init__(self, program: Path, access: Access, folder: Path, answer: Answerer) -> None:
        self._program = program
        self._access = access
        self._folder = folder
        self._answer = answer
        self._open = ExitStack()
        self.port = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            meeting = self._folder / "streams.sock"
            meeting.unlink(missing_ok=True)
            server = stack.enter_context(_Meeting(str(meeting), self._answer))
            thread = threading.Thread(target=server.serve_forever, name="streams", daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            log = stack.enter_context((self._folder / "streams.log").open("ab"))
            with socket.create_server((LOOPBACK, 0)) as listener:
                self.port = listener.getsockname()[1]
                process = self._start(meeting, listener, log.fileno())
            stack.callback(_end, process)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_details: object) -> None:
        self._open.close()

    def _start(self, meeting: Path, listener: socket.socket, log: int) -> "subprocess.Popen[bytes]":
        access = self._access
        command = [
            str(self._program),
            f"--listener={listener.fileno()}",
            f"--kubelet={meeting}",
            f"--client-ca={access.authority}",
            f"--client-names={','.join(access.names)}",
        ]
        if access.certificate is not None:
            command += [f"--cert={access.certificate}", f"--key={access.key}"]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, pass_fds=[listener.fileno()], process_group=0
        )


class _Meeting(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, path: str, answer: Answerer) -> None:
        self.answer = answer
        super().__init__(path, _Handler)


class _Handler(socketserver.StreamRequestHandler):
    request: socket.socket
    server: _Meeting

    def handle(self) -> None:
        asked = json.loads(self.rfile.read(_LARGEST))
        question = Question(**{**asked, "command": tuple(asked["command"] or ())})
        try:
            answer = self.server.answer(question)
        except KubeletError as error:
            _LOG.warning("exec in %s/%s is refused: %s", question.namespace, question.pod, error)
            self._send({"refused": str(error)})
            return
        match answer:
            case Said(out, complaints, code):
                self._send({"said": out, "complained": complaints, "code": code})
            case Run(descriptor, program, arguments, environment):
                try:
                    self._send(
                        {
                            "program": str(program),
                            "arguments": arguments,
                            "environment": [f"{name}={value}" for name, value in environment.items()],
                        },
                        descriptor,
                    )
                finally:
                    os.close(descriptor)

    def _send(self, answer: Mapping[str, object], *descriptors: int) -> None:
        data = json.dumps(answer).encode()
        sent = socket.send_fds(self.request, [data], descriptors) if descriptors else 0
        self.request.sendall(data[sent:])

    def finish(self) -> None:
        # Whoever asked may have gone.
        try:
            super().finish()
        except OSError as error:
            _LOG.debug("nobody waits for the answer: %s", error)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the server by ending its input, as it does when we die."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
