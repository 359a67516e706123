import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.controlplane.process import wait_for
from tests.kubelet.fixtures import access
from tests.kubelet.world import World, pod, servers

pytestmark = [pytest.mark.kernel, pytest.mark.controlplane]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=lambda end: end.name)
def test_however_a_kubelet_ends_nothing_goes_on(control_plane, control_plane_programs, streams, end, tmp_path):
    rest = control_plane.rest()
    world = World(control_plane, rest, control_plane_programs / "kubectl")
    may = access(control_plane)
    options = {
        "kubeconfig": control_plane.kubeconfig(),
        "nodes": 1,
        "agnhost": control_plane_programs / "agnhost",
        "client-ca": may.authority,
        "cert": may.certificate,
        "key": may.key,
        "connect-timeout": "200ms",
        "hold-command": "/bin/true",
    }
    with (tmp_path / "log").open("wb") as log:
        kubelet = subprocess.Popen(
            [sys.executable, "-m", "tests.kubelet", *(f"--{name}={value}" for name, value in options.items())],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONWARNINGS": "default", "TMPDIR": str(tmp_path)},
            stderr=log,
            stdout=log,
        )
    try:
        rest.apply(pod("p", servers(), nodeName="node-1"))
        world.wait_for_pod("p")
        assert world.execute("p", "/agnhost", "--version").returncode == 0
        assert world.connect("p", "tcp", "192.0.2.1", 80, timeout="100000s") in {"TIMEOUT", "OTHER"}
        running = descendants(kubelet.pid)
        assert {Path(f"/proc/{pid}/comm").read_text().strip() for pid in running} == {"agnhost", "streams"}
    finally:
        kubelet.send_signal(end)
        kubelet.wait()

    wait_for(lambda: not any(alive(pid) for pid in running), "its processes to be gone")
    rest.close()
    if end is signal.SIGTERM:
        assert kubelet.returncode == 0, (tmp_path / "log").read_text()
        assert not list(tmp_path.glob("kubelet-*"))


def descendants(pid: int) -> set[int]:
    """The processes that a process made, and those that they made."""
    children = {
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text(encoding="ascii").split()
    }
    return children.union(*map(descendants, children))


def alive(pid: int) -> bool:
    """Whether it is there, and more than an entry that nobody has looked at."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
