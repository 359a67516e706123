"""Building the server for exec, once for each state of its sources."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.kubelet.errors import BuildError

_SOURCES = Path(__file__).parent / "go"
_USUAL_PLACE = "/usr/local/go/bin"
_FLAGS = ("-trimpath", "-mod=readonly", "-buildvcs=false", "-ldflags=-s -w")


def default_cache() -> Path:
    """Return where programs that tests need are kept."""
    return Path(os.environ.get("ANP_KUBELET_CACHE") or Path.home() / ".cache" / "anp" / "kubelet")


def streams_program(cache: Path | None = None) -> Path:
    """Return the program that serves exec; it is built if it is not there. Several processes may ask at once.

    Raises:
        BuildError: there is no Go, or it could not build it; without a network its modules must be there already.

    """
    folder = (cache or default_cache()) / _state_of_sources()
    program = folder / "streams"
    if program.exists():
        return program
    go = _find_go()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _build(go, program)
    return program


def _find_go() -> str:
    """Return a Go: the one on the path, or the one that scripts/controlplane downloads where there is none."""
    plane = Path(os.environ.get("ANP_CONTROLPLANE_CACHE") or Path.home() / ".cache" / "anp" / "controlplane")
    downloaded = sorted(map(str, plane.glob("go*/bin")), reverse=True)
    go = shutil.which("go", path=os.pathsep.join((os.environ.get("PATH", os.defpath), _USUAL_PLACE, *downloaded)))
    if go is None:
        raise BuildError(f"there is no go on the path, nor in {_USUAL_PLACE}; scripts/controlplane downloads one")
    return go


def _build(go: str, program: Path) -> None:
    unfinished = program.with_suffix(".unfinished")
    command = [go, "build", *_FLAGS, "-o", str(unfinished), "."]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "", "GOTOOLCHAIN": "local"}
    done = subprocess.run(command, cwd=_SOURCES, env=environment, capture_output=True, check=False, text=True)
    if done.returncode != 0:
        raise BuildError(f"`{' '.join(command)}` failed in {_SOURCES}:\n{done.stderr.strip()}")
    unfinished.replace(program)


def _state_of_sources() -> str:
    digest = hashlib.sha256(repr(_FLAGS).encode())
    for path in sorted(_SOURCES.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
