import os
import sys
import threading
from pathlib import Path

import pytest

from anp.lab.namespace import Namespace
from compiler.model import Protocol
from tests.controlplane.process import wait_for
from tests.kubelet.containers import Container, Phase, is_open
from tests.kubelet.workloads import Workload

pytestmark = pytest.mark.kernel

PYTHON = Path(sys.executable)
SERVER = """
import os, signal, socket, sys
kind = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}[sys.argv[1]]
sock = socket.socket(socket.AF_INET6, kind)
open(sys.argv[2]).read()
sock.bind(("::", 7))
if sys.argv[1] == "tcp":
    sock.listen()
signal.pause()
"""


@pytest.fixture
def network():
    namespace = Namespace()
    yield namespace
    namespace.close()


@pytest.fixture
def make(network, tmp_path):
    made = []

    def make(*arguments, listens=(), policy="Always", environment=None):
        workload = Workload("c", arguments, environment or {}, listens)
        container = Container(workload, PYTHON, os.dup(network.fd), log=tmp_path / "log", policy=policy)
        made.append(container)
        return container

    yield make
    for container in made:
        container.stop()


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP])
def test_a_container_is_ready_once_it_listens_and_not_earlier(make, network, tmp_path, protocol):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    container = make("-c", SERVER, protocol.value, str(gate), listens=((protocol, 7),))
    container.start(lambda: None)

    # Opening waits until the server reads, which is before it listens.
    with gate.open("w"):
        assert not network.call(lambda: is_open([(protocol, 7)]))
        assert not container.state.ready
    wait_for(lambda: container.state.ready, "the container to be ready")

    assert network.call(lambda: is_open([(protocol, 7)]))
    # It is the namespace that counts.
    assert not is_open([(protocol, 7)])


def test_stopping_kills_and_waits_and_tells_nothing(make):
    told = []
    container = make("-c", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()")
    container.start(lambda: told.append(container.state.phase))
    wait_for(lambda: container.pid, "the process")
    pid = container.pid

    container.stop()

    assert not Path(f"/proc/{pid}").exists()
    assert told == [Phase.RUNNING]


@pytest.mark.parametrize(("policy", "code"), [("Never", 3), ("Never", 0), ("OnFailure", 0)])
def test_what_ends_for_good_says_how(make, policy, code):
    ended = threading.Event()
    container = make("-c", f"raise SystemExit({code})", policy=policy)
    container.start(lambda: container.state.phase is Phase.TERMINATED and ended.set())

    assert ended.wait(60)
    assert (container.state.code, container.state.ready, container.state.restarts) == (code, False, 0)


@pytest.mark.parametrize(("policy", "code"), [("Always", 0), ("Always", 1), ("OnFailure", 1)])
def test_what_should_go_on_is_started_again(make, tmp_path, policy, code):
    script = f"import os; os.path.exists('{tmp_path}/once') or open('{tmp_path}/once', 'w') and exit({code})\n"
    container = make("-c", f"{script}import signal; signal.pause()", policy=policy)
    container.start(lambda: None)

    wait_for(lambda: container.state.restarts == 1 and container.state.phase is Phase.RUNNING, "the second start")


def test_a_process_sees_its_environment_and_nothing_of_ours(make, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "ours")
    seen = tmp_path / "seen"
    script = f"import os; open('{seen}', 'w').write(repr(sorted(os.environ)))"
    ended = threading.Event()
    container = make("-c", script, policy="Never", environment={"NAME": "value"})
    container.start(lambda: container.state.phase is Phase.TERMINATED and ended.set())

    assert ended.wait(60)
    assert set(eval(seen.read_text())) <= {"NAME", "PATH", "LC_CTYPE"}


def test_one_that_was_never_started_can_be_stopped(network):
    descriptor = os.dup(network.fd)
    Container(Workload("c", ("x",)), PYTHON, descriptor, log=Path("unused"), policy="Always").stop()

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_what_cannot_be_started_says_so(network, tmp_path):
    told = threading.Event()
    container = Container(
        Workload("c", ("x",)), PYTHON, os.dup(network.fd), log=tmp_path / "missing" / "log", policy="Always"
    )
    container.start(told.set)

    assert told.wait(60)
    assert "No such file" in container.state.message
    container.stop()
