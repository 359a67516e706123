import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.model import Protocol
from tests.kubelet.errors import UnsupportedError
from tests.kubelet.workloads import Workload, expanded, facts_of, flags, workload
from tests.kubelet.world import container

TCP, UDP, SCTP = Protocol.TCP, Protocol.UDP, Protocol.SCTP

names = st.from_regex(r"[A-Z][A-Z_]{0,4}", fullmatch=True)
plain = st.text(st.characters(codec="ascii", exclude_characters="$", categories=("L", "N", "P")), max_size=8)


@pytest.mark.parametrize(
    ("script", "arguments", "listens"),
    [
        ("/agnhost serve-hostname --tcp --http=false --port 80", 5, {(TCP, 80)}),
        ("/agnhost serve-hostname --udp --http=false --port 5353", 5, {(UDP, 5353)}),
        ("/agnhost serve-hostname --udp --http=false --port=53", 4, {(UDP, 53)}),
        ("/agnhost serve-hostname", 1, {(TCP, 9376)}),
        ("exec /agnhost netexec --http-port 34348 --udp-port 34347", 5, {(TCP, 34348), (UDP, 34347)}),
        ("/agnhost netexec --udp-port=-1 --sctp-port=9", 3, {(TCP, 8080), (SCTP, 9)}),
        ("/agnhost connect --timeout=3s 10.0.0.1:80", 3, set()),
    ],
)
def test_a_plain_script_is_agnhost_with_arguments(script, arguments, listens):
    found = workload(container("c", script), {})

    assert found.arguments == tuple(shlex.split(script.removeprefix("exec "))[1:])
    assert len(found.arguments) == arguments
    assert set(found.listens) == listens


def test_a_porter_listens_on_what_its_environment_says():
    environment = {"SERVE_PORT_80": "a", "SERVE_TCP_PORT_81": "b", "SERVE_UDP_PORT_82": "c", "SERVE_SCTP_PORT_83": "d"}

    found = workload(container("c", "/agnhost porter", **environment, OTHER="e"), {})

    assert set(found.listens) == {(TCP, 80), (TCP, 81), (UDP, 82), (SCTP, 83)}
    assert found.environment == {**environment, "OTHER": "e"}


def test_without_sctp_in_the_kernel_nobody_else_is_left_out():
    only = workload(container("c", "/agnhost porter", SERVE_SCTP_PORT_9003="foo"), {})
    both = workload(container("c", "/agnhost porter", SERVE_SCTP_PORT_9003="foo", SERVE_PORT_80="bar"), {})
    netexec = workload(container("c", "/agnhost netexec --sctp-port=9"), {})

    assert only.without_sctp().sleeps
    assert both.without_sctp() == Workload("c", ("porter",), {"SERVE_PORT_80": "bar"}, ((TCP, 80),))
    assert flags(netexec.without_sctp().arguments)["sctp-port"] == "-1"
    assert netexec.without_sctp().without_sctp() == netexec.without_sctp()


@pytest.mark.parametrize(
    "document",
    [
        {"name": "c"},
        {"name": "c", "args": ["pause"]},
        {"name": "c", "command": ["/pause"]},
        {"name": "c", "command": ["/agnhost", "pause"]},
        {"name": "c", "command": ["/agnhost"]},
    ],
)
def test_what_only_sleeps_runs_nothing(document):
    assert workload(document, {}).sleeps


def test_arguments_are_for_the_image_or_for_the_command():
    for document in (
        {"name": "c", "args": ["netexec", "--http-port=$(PORT)"]},
        {"name": "c", "command": ["/agnhost"], "args": ["netexec", "--http-port=$(PORT)"]},
        {"name": "c", "command": ["/agnhost", "netexec"], "args": ["--http-port=$(PORT)"]},
    ):
        found = workload({**document, "env": [{"name": "PORT", "value": "7"}]}, {})
        assert found.arguments == ("netexec", "--http-port=7")
        assert found.listens == ((TCP, 7), (UDP, 8081))


@pytest.mark.parametrize(
    "document",
    [
        container("c", "/agnhost pause; touch /x"),
        container("c", "/agnhost pause && touch /x"),
        container("c", "/agnhost $(touch /x)"),
        container("c", "/agnhost `touch /x`"),
        container("c", "/agnhost pause > /x"),
        container("c", "/agnhost $HOME"),
        container("c", "/agnhost pause\ntouch /x"),
        container("c", "touch /x"),
        container("c", "/agnhost 'pause"),
        container("c", "/agnhost netexec --http-port=x"),
        container("c", " "),
        container("c", "/agnhost $(EVIL)", EVIL="; touch /x"),
        {"name": "c", "command": ["/bin/bash", "/agnhost"]},
        {"name": "c", "command": ["touch", "/x"]},
        {"name": "c", "command": ["/bin/agnhost", "pause"]},
        {"name": "c", "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
        {"name": "c", "envFrom": [{"configMapRef": {"name": "s"}}]},
    ],
    ids=str,
)
def test_anything_else_is_refused(document):
    with pytest.raises(UnsupportedError):
        workload(document, {})


@given(st.lists(plain | st.sampled_from(["/agnhost", "netexec", "--http-port=x", "exec"]), max_size=4))
def test_nothing_that_a_script_says_becomes_another_program(words):
    script = " ".join(words)
    try:
        found = workload(container("c", script), {})
    except UnsupportedError:
        return
    if not found.sleeps:
        assert shlex.split(script.removeprefix("exec "))[0] in {"/agnhost", "agnhost"}
        assert found.arguments == tuple(shlex.split(script.removeprefix("exec "))[1:])


@given(st.dictionaries(names, plain))
def test_references_become_values_and_two_dollars_one(values):
    for name, value in values.items():
        assert expanded(f"<$({name})>", values) == f"<{value}>"
        assert expanded(f"<$$({name})>", values) == f"<$({name})>"
    assert expanded("$(nobody) $x $", values) == "$(nobody) $x $"


def test_a_pod_tells_its_containers_what_they_ask():
    pod = {
        "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"a/b": "c"}},
        "spec": {"nodeName": "node-1"},
    }
    facts = facts_of(pod, ["10.0.0.1", "fd00::1"], ["172.16.0.1"])
    asked = {
        "HOST": "status.hostIP",
        "IP": "status.podIP",
        "IPS": "status.podIPs",
        "NAME": "metadata.name",
        "LABEL": "metadata.labels['a/b']",
        "NONE": "metadata.labels['b']",
    }
    environment = [{"name": k, "valueFrom": {"fieldRef": {"fieldPath": v}}} for k, v in asked.items()]

    found = workload({"name": "c", "env": [*environment, {"name": "BOTH", "value": "$(NAME)@$(HOST)"}]}, facts)

    assert found.environment == {
        "HOST": "172.16.0.1",
        "IP": "10.0.0.1",
        "IPS": "10.0.0.1,fd00::1",
        "NAME": "p",
        "LABEL": "c",
        "NONE": "",
        "BOTH": "p@172.16.0.1",
    }
