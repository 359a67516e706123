"""Where the programs of the control plane come from, and what is said where they cannot."""

import hashlib
import importlib.machinery
import importlib.util
import io
import os
import signal
import subprocess
import threading
import zipfile
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "controlplane"


def run(cache, *arguments, **environment):
    return subprocess.run(
        [SCRIPT, *arguments],
        env={**os.environ, "ANP_CONTROLPLANE_CACHE": str(cache), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def script():
    """The script as a module of its own."""
    loader = importlib.machinery.SourceFileLoader("controlplane_script", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def test_who_only_asks_builds_nothing(tmp_path):
    asked = run(tmp_path / "cache", "--where")

    assert asked.returncode == 1
    assert "run `make controlplane`" in asked.stderr
    assert not (tmp_path / "cache").exists()


def test_what_is_there_is_found_at_once(tmp_path, script):
    folder = tmp_path / script.fingerprint()
    folder.mkdir()

    # No Go and no network are needed for that.
    for arguments in ([], ["--where"]):
        asked = run(tmp_path, *arguments, PATH="/usr/bin:/bin", GOPROXY="off")
        assert (asked.returncode, asked.stdout.strip(), asked.stderr) == (0, str(folder), "")


def test_a_build_that_fails_says_which_command_and_why_and_leaves_nothing(tmp_path, script):
    cache = tmp_path / "cache"
    fake = tmp_path / "go"
    fake.write_text(f'#!/bin/sh\n[ "$1" = env ] && echo {script.GO} && exit\necho "no such module" >&2; exit 7\n')
    fake.chmod(0o755)

    failed = run(cache, PATH=f"{tmp_path}:{os.environ['PATH']}")

    assert failed.returncode == 1
    assert "exit code 7" in failed.stderr
    assert "go list -m" in failed.stderr
    assert "no such module" in failed.stderr
    assert [path.name for path in cache.iterdir()] == ["lock"]


def test_who_comes_while_another_builds_waits_for_it(tmp_path, script):
    calls, gate = tmp_path / "calls", tmp_path / "gate"
    os.mkfifo(gate)
    fake = tmp_path / "go"
    # It asks for the version first, and gets no further until we open the gate.
    fake.write_text(
        f'#!/bin/sh\n[ "$1" = env ] && echo {script.GO} && exit\n'
        f'echo "$1" >> {calls}\n[ "$1" = list ] && cat {gate}\nexit 0\n'
    )
    fake.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    environment["ANP_CONTROLPLANE_CACHE"] = str(tmp_path / "cache")

    with ExitStack() as stack:

        def builder():
            started = subprocess.Popen(
                [SCRIPT], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
            )
            stack.enter_context(started)
            stack.callback(_end_group, started)
            return started, started.stderr.readline()

        first, said_first = builder()
        assert "go list" in said_first
        others = [builder() for _ in range(2)]
        assert ["waiting for another build" in line for _, line in others] == [True, True]
        gate.write_text("v1.36.0\n")
        said = {started.communicate(timeout=120)[0] for started in (first, *(started for started, _ in others))}

    assert said == {f"{tmp_path / 'cache' / script.fingerprint()}\n"}
    suites = list((SCRIPT.parents[1] / "tests" / "controlplane" / "go").glob("suite-*"))
    assert calls.read_text().split() == ["list", "build", "build", *("test" for _ in suites)]


def _end_group(process):
    """End a process and what it has started, if it has not ended by itself."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def test_the_programs_change_their_place_with_anything_that_they_are_made_from(tmp_path, script, monkeypatch):
    monkeypatch.setattr(script, "MODULES", tmp_path)
    seen = {script.fingerprint()}
    for name, text in (("go.mod", "a"), ("go.sum", "a"), ("go.mod", "b")):
        (tmp_path / name).write_text(text)
        seen.add(script.fingerprint())

    assert len(seen) == 4


@pytest.mark.parametrize("version", ["go1.25.9", "go1.27.0", "go1.260", "devel go1.26-abcdef", ""])
def test_another_go_is_not_used(tmp_path, script, version):
    fake = tmp_path / "go"
    fake.write_text(f"#!/bin/sh\necho '{version}'\n")
    fake.chmod(0o755)
    assert not script.is_right_go(str(fake))

    fake.write_text(f"#!/bin/sh\necho {script.GO}\n")
    assert script.is_right_go(str(fake))


def _toolchain(script):
    """A module like Go's own, with a Go that knows its version and nothing else."""
    name = f"golang.org/toolchain@v0.0.1-{script.GO}.linux-{script.MACHINES[script.platform.machine()]}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{name}/bin/go", f"#!/bin/sh\necho {script.GO}\n")
        archive.writestr(f"{name}/pkg/tool/linux/compile", "")
    return packed.getvalue()


@pytest.fixture
def proxy(script, monkeypatch):
    """A module proxy on loopback that serves such a module for whatever it is asked."""
    archive = _toolchain(script)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path.endswith(".zip") else 404)
            self.end_headers()
            self.wfile.write(archive)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("GOPROXY", f"http://127.0.0.1:{server.server_port}/|direct")
        yield archive
        server.shutdown()
        thread.join()


def test_a_toolchain_is_used_if_its_sum_is_right(tmp_path, script, proxy, monkeypatch):
    sums = dict.fromkeys(script.GO_SUMS, hashlib.sha256(proxy).hexdigest())
    monkeypatch.setattr(script, "GO_SUMS", sums)

    script.download_go(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [script.GO]
    assert script.is_right_go(str(tmp_path / script.GO / "bin" / "go"))
    assert os.access(tmp_path / script.GO / "pkg" / "tool" / "linux" / "compile", os.X_OK)


def test_a_toolchain_with_another_sum_is_not_used(tmp_path, script, proxy):
    with pytest.raises(script.BuildError, match="SHA-256"):
        script.download_go(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_without_a_proxy_there_is_no_toolchain(tmp_path, script, monkeypatch):
    monkeypatch.setenv("GOPROXY", "off")

    with pytest.raises(script.BuildError, match="GOPROXY"):
        script.download_go(tmp_path)
