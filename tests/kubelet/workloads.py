"""What a container's command means here: agnhost runs as a process, pause is nothing, anything else is refused."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from compiler.model import Protocol
from tests.kubelet.errors import UnsupportedError

Document: TypeAlias = Mapping[str, Any]
Port: TypeAlias = tuple[Protocol, int]

AGNHOST = "/agnhost"
SLEEPS = "pause"

_SHELLS = frozenset({"/bin/bash", "/bin/sh", "bash", "sh"})
_SHELL_SYNTAX = re.compile(r"[;&|<>`$(){}*?\\\n]")
_REFERENCE = re.compile(r"\$\$|\$\((?P<name>[-._a-zA-Z][-._a-zA-Z0-9]*)\)")
_LABEL = re.compile(r"metadata\.(?P<field>labels|annotations)\['(?P<key>[^']+)'\]")
_SERVED = re.compile(r"SERVE_(?:(?P<kind>TCP|UDP|TLS|SCTP)_)?PORT_(?P<port>\d+)")
_PROTOCOL = {"UDP": Protocol.UDP, "SCTP": Protocol.SCTP}


@dataclass(frozen=True, slots=True)
class Workload:
    """What a container runs: agnhost with these arguments and environment, and what it will then listen on."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    listens: tuple[Port, ...] = ()

    @property
    def sleeps(self) -> bool:
        """Whether there is nothing to run."""
        return not self.arguments or self.arguments[0] == SLEEPS

    def without_sctp(self) -> "Workload":
        """Return the same for a kernel without SCTP, where somebody else has to serve those ports."""
        listens = tuple(port for port in self.listens if port[0] is not Protocol.SCTP)
        if listens == self.listens:
            return self
        environment = {name: value for name, value in self.environment.items() if "_SCTP_PORT_" not in name}
        # A porter without ports would only sleep.
        arguments = (SLEEPS,) if not listens else self.arguments
        if arguments[0] == "netexec":
            arguments = (*arguments, "--sctp-port=-1")
        return replace(self, arguments=arguments, environment=environment, listens=listens)


def workload(container: Document, facts: Mapping[str, str]) -> Workload:
    """Return what a container of a pod runs; `facts` are the values of the fields that it may refer to.

    Raises:
        UnsupportedError: it wants to run something else than agnhost or pause, or refers to what we do not know.

    """
    environment = dict(_environment(container, facts))
    command = [expanded(word, environment) for word in container.get("command") or ()]
    arguments = [expanded(word, environment) for word in container.get("args") or ()]
    try:
        words = _words(command, arguments)
        listens = tuple(_listens(words, environment))
    except ValueError as error:
        raise UnsupportedError(f"container {container['name']!r} makes no sense: {error}") from error
    return Workload(str(container["name"]), tuple(words), environment, listens)


def expanded(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with $(NAME) replaced by values; $$ is a $, and names that nobody knows stay."""

    def value(match: re.Match[str]) -> str:
        return "$" if match["name"] is None else values.get(match["name"], match[0])

    return _REFERENCE.sub(value, text)


def flags(words: Iterable[str]) -> dict[str, str]:
    """Return the flags of an agnhost command, the last of each name; a flag without a value is "true"."""
    found: dict[str, str] = {}
    pending = ""
    for word in words:
        if word.startswith("--"):
            pending, equals, value = word[2:].partition("=")
            found[pending] = value if equals else "true"
            pending = "" if equals else pending
        elif pending:
            found[pending], pending = word, ""
    return found


def facts_of(pod: Document, addresses: Iterable[object], host_addresses: Iterable[object]) -> dict[str, str]:
    """Return the fields of a pod that its containers' environment may refer to."""
    metadata, spec = pod["metadata"], pod["spec"]
    ours, hosts = [str(item) for item in addresses], [str(item) for item in host_addresses]
    plain = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec["nodeName"],
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.hostIP": hosts[0] if hosts else "",
        "status.hostIPs": ",".join(hosts),
        "status.podIP": ours[0] if ours else "",
        "status.podIPs": ",".join(ours),
    }
    maps = {
        f"metadata.{which}['{key}']": value
        for which in ("labels", "annotations")
        for key, value in (metadata.get(which) or {}).items()
    }
    return plain | maps


def _environment(container: Document, facts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if container.get("envFrom"):
        raise UnsupportedError(f"container {container['name']!r} wants an environment from elsewhere")
    known: dict[str, str] = {}
    for item in container.get("env") or ():
        name, source = item["name"], item.get("valueFrom")
        if source is None:
            known[name] = expanded(item.get("value") or "", known)
        else:
            path = (source.get("fieldRef") or {}).get("fieldPath", "")
            if path not in facts and not _LABEL.fullmatch(path):
                raise UnsupportedError(f"container {container['name']!r} wants {name} from something unknown")
            known[name] = facts.get(path, "")
        yield name, known[name]


def _words(command: list[str], arguments: list[str]) -> list[str]:
    """Return the arguments of agnhost; the image's own command is agnhost, and its arguments are to sleep."""
    if not command:
        return arguments or [SLEEPS]
    if command[0] in _SHELLS and command[1:2] == ["-c"] and len(command) == 3:
        script = command[2].removeprefix("exec ")
        if _SHELL_SYNTAX.search(script):
            raise UnsupportedError(f"only a plain command can be run, not the script {script!r}")
        command, arguments = shlex.split(script) or [""], []
    program, *first = command
    if program.rpartition("/")[2] == SLEEPS:
        return [SLEEPS]
    if program not in (AGNHOST, "agnhost"):
        raise UnsupportedError(f"only agnhost can be run, not {program!r}")
    return [*first, *arguments] or [SLEEPS]


def _listens(words: list[str], environment: Mapping[str, str]) -> Iterator[Port]:
    given = flags(words[1:])
    match words[0]:
        case "serve-hostname":
            port = int(given.get("port", "9376"))
            if "true" in (given.get("tcp", "false"), given.get("http", "true")):
                yield Protocol.TCP, port
            if given.get("udp", "false") == "true":
                yield Protocol.UDP, port
        case "netexec":
            yield Protocol.TCP, int(given.get("http-port", "8080"))
            for protocol, name, default in ((Protocol.UDP, "udp-port", "8081"), (Protocol.SCTP, "sctp-port", "-1")):
                if (port := int(given.get(name, default))) != -1:
                    yield protocol, port
        case "porter":
            for name in environment:
                if served := _SERVED.fullmatch(name):
                    yield _PROTOCOL.get(served["kind"], Protocol.TCP), int(served["port"])
